//! The engines of smml-physics: packed lattices, and 512 replicas side by side.

use crate::{Measured, median};
use cpu_time::ThreadTime;
use smml_core::{energy::Reference, kernel::Kernel, rng::Streams};
use smml_physics::{
    instances::{self, Instance},
    lanes::{LANES, LaneBetas, LaneModel, LaneSweep},
    packed::{PackedLattice, PackedSweep},
};

/// Metropolis on the packed square lattice of 1024² spins at the critical temperature: nanoseconds a flip attempted.
pub(crate) fn packed_metropolis() -> Measured {
    packed(PackedSweep::metropolis(10))
}

/// The same by heat bath.
pub(crate) fn packed_heat_bath() -> Measured {
    packed(PackedSweep::heat_bath(10))
}

fn packed(kernel: PackedSweep) -> Measured {
    packed_of_size(1024, kernel, 20)
}

fn packed_of_size(side: usize, mut kernel: PackedSweep, steps: usize) -> Measured {
    let lattice = PackedLattice::square(side, side, 1.0)?;
    let beta = 0.5 * (1.0 + 2f64.sqrt()).ln();
    let mut rng = Streams::new(1).stream("packed", 0);
    let mut spins = lattice.draw(&mut rng);
    let mut rates = [0.0; 8];
    for rate in &mut rates {
        let (start, mut done) = (ThreadTime::now(), 0);
        for _ in 0..steps {
            done += kernel.step(&lattice, &mut spins, beta, &mut rng).proposed;
        }
        *rate = 1e9 * start.elapsed().as_secs_f64() / done as f64;
    }
    Ok((median(&mut rates[1..]), "ns"))
}

/// Cost against size: name of the curve, number of spins, nanoseconds an attempt.
pub(crate) fn sizes() -> Vec<(&'static str, usize, Measured)> {
    let lattices = [64usize, 128, 256, 512, 1024, 2048, 4096, 8192].into_iter().map(|side| {
        // Some 10⁸ attempts: far above what a clock can see.
        let sweeps = ((1 << 27) / (side * side)).max(1) as u32;
        ("packed Metropolis, L x L", side * side, packed_of_size(side, PackedSweep::metropolis(sweeps), 1))
    });
    let graphs = [1_000usize, 10_000, 100_000, 1_000_000].into_iter().map(|n| {
        let sweeps = (1_000_000 / n).clamp(10, 200);
        let measured = instances::regular3(n, 2).map_err(Into::into).and_then(|i| anneal(&i, sweeps));
        ("512 replicas, 3-regular graph", n, measured)
    });
    lattices.chain(graphs).collect()
}

/// An anneal of 512 replicas: nanoseconds an attempt, over the whole of it.
fn anneal(instance: &Instance, n_sweeps: usize) -> Measured {
    let ising = instance.ising()?;
    let model = LaneModel::new(&ising)?;
    // The schedule of the peers: geometric between ln 2 / (2 largest field) and ln 100 / (2 smallest coupling).
    let (hot, cold) = smml_physics::problem::default_betas(&ising);
    let mut rng = Streams::new(1).stream("lanes", 0);
    let mut rates = [0.0; 8];
    for rate in &mut rates {
        let mut spins = model.random(&mut rng);
        let start = ThreadTime::now();
        for k in 0..n_sweeps {
            let beta = hot * (cold / hot).powf(k as f64 / (n_sweeps - 1) as f64);
            LaneSweep.sweep(&model, &mut spins, &LaneBetas::Same(beta), &mut rng)?;
        }
        *rate = 1e9 * start.elapsed().as_secs_f64() / (n_sweeps * LANES * ising.n_spins()) as f64;
    }
    Ok((median(&mut rates[1..]), "ns"))
}

/// Edwards-Anderson ±J, 100 x 100 torus.
pub(crate) fn edwards_anderson() -> Measured {
    anneal(&instances::torus(100, 1)?, 60)
}

/// Random 3-regular graph of 10,000 vertices, ±1.
pub(crate) fn regular() -> Measured {
    anneal(&instances::regular3(10_000, 2)?, 60)
}

/// Random graph G(800, 19176), unit weights.
pub(crate) fn random_graph() -> Measured {
    anneal(&instances::gnm(800, 19_176, 4)?, 200)
}

/// Sherrington-Kirkpatrick ±1, 1,000 spins.
pub(crate) fn sherrington_kirkpatrick() -> Measured {
    anneal(&instances::sk(1_000, 3)?, 40)
}
