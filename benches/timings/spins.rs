//! Spin systems: single-spin and cluster updates, and exact sums.

use crate::{Measured, median, median_ms};
use cpu_time::ThreadTime;
use smml_core::{
    Error,
    chain::Chain,
    factor_graph::{Elimination, ExactOptions, FactorGraph},
    kernel::Kernel,
    parallel::Par,
    rng::{Draw, Streams},
    sample::{HeatBath, Metropolis},
};
use smml_physics::{
    cluster::Wolff,
    ising::{Boundary, Ising, SquareLattice},
};
use std::hint::black_box;

const SIDE: usize = 64;
const STEPS: u64 = 300;

/// Heat bath, site after site.
pub(crate) fn heat_bath() -> Measured {
    visit(HeatBath)
}

/// Metropolis at random sites.
pub(crate) fn metropolis() -> Measured {
    visit(Metropolis::new(SIDE * SIDE)?)
}

/// Wolff clusters; the time is for each spin of a cluster.
pub(crate) fn wolff() -> Measured {
    visit(Wolff::default())
}

/// Nanoseconds for each spin that the kernel visits, on the 64 x 64 torus at its critical temperature.
fn visit<K: Kernel<Ising>>(kernel: K) -> Measured {
    let model = SquareLattice::uniform(SIDE, SIDE, Boundary::Periodic, 1.0, 0.0)?.ising()?;
    let beta = 0.5 * (1.0 + 2f64.sqrt()).ln();
    let mut chain = Chain::new(kernel, vec![1; SIDE * SIDE], Streams::new(1).stream("spins", 0));
    chain.advance(&model, beta, STEPS);
    let mut rates = [0.0; 7];
    for rate in &mut rates {
        let (start, before) = (ThreadTime::now(), chain.tally().proposed);
        chain.advance(&model, beta, STEPS);
        *rate = 1e9 * start.elapsed().as_secs_f64() / (chain.tally().proposed - before) as f64;
    }
    Ok((median(&mut rates), "ns"))
}

/// ln Z of the open 20 x 20 lattice with random couplings ±1 at beta 0.5 by variable elimination, the search for an
/// order included.
pub(crate) fn elimination() -> Measured {
    const L: usize = 20;
    let mut rng = Streams::new(1).stream("spins", 1);
    let mut graph = FactorGraph::new(&[2; L * L])?;
    for i in 0..L * L {
        for (j, inside) in [(i + 1, i % L + 1 < L), (i + L, i + L < L * L)] {
            if inside {
                let k = if rng.chance(0.5) { 0.5 } else { -0.5 };
                graph.add(&[i, j], &[k, -k, -k, k])?;
            }
        }
    }
    let options = ExactOptions { par: Par::Serial, ..ExactOptions::default() };
    let time = median_ms(|| -> Result<(), Error> {
        black_box(Elimination::new(black_box(&graph), &options)?.ln_z());
        Ok(())
    })?;
    Ok((time, "ms"))
}
