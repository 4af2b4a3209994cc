//! The engines of smml-physics: packed lattices, replicas side by side, and one chain.

use crate::{Measured, median};
use cpu_time::ThreadTime;
use smml_core::{
    energy::{Energy, Reference},
    kernel::Kernel,
    rng::{Draw, Streams},
};
use smml_physics::{
    instances::{self, Instance},
    ising::Ising,
    lanes::{LANES, LaneHeatBath, LaneModel, LaneSweep, REAL_LANES, RealLaneModel, RealLaneSweep},
    ordered::{OrderedIsing, OrderedSweep},
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
        let measured =
            instances::regular3(n, 2).map_err(Into::into).and_then(|i| lanes(&i, LaneSweep, sweeps));
        ("512 replicas, 3-regular graph", n, measured)
    });
    lattices.chain(graphs).collect()
}

/// An anneal: nanoseconds an attempt, over the whole of it. `attempts` are those of one sweep.
fn anneal<E: Energy>(
    ising: &Ising,
    model: &E,
    draw: fn(&E, &mut smml_core::rng::Stream) -> E::State,
    mut kernel: impl Kernel<E>,
    n_sweeps: usize,
    attempts: usize,
) -> Measured {
    // The schedule of the peers: geometric between ln 2 / (2 largest field) and ln 100 / (2 smallest coupling).
    let (hot, cold) = smml_physics::problem::default_betas(ising);
    let mut rng = Streams::new(1).stream("lanes", 0);
    let mut rates = [0.0; 8];
    for rate in &mut rates {
        let mut spins = draw(model, &mut rng);
        let start = ThreadTime::now();
        for k in 0..n_sweeps {
            let beta = hot * (cold / hot).powf(k as f64 / (n_sweeps - 1) as f64);
            kernel.step(model, &mut spins, beta, &mut rng);
        }
        *rate = 1e9 * start.elapsed().as_secs_f64() / (n_sweeps * attempts) as f64;
    }
    Ok((median(&mut rates[1..]), "ns"))
}

/// 512 replicas with integer couplings.
fn lanes(instance: &Instance, kernel: impl Kernel<LaneModel>, n_sweeps: usize) -> Measured {
    let ising = instance.ising()?;
    let model = LaneModel::new(&ising)?;
    anneal(&ising, &model, |m, rng| m.random(rng), kernel, n_sweeps, LANES * ising.n_spins())
}

/// 64 replicas with Gaussian couplings on the bonds of an instance.
fn gaussian_lanes(instance: &Instance, n_sweeps: usize) -> Measured {
    let mut rng = Streams::new(9).stream("gaussian", 0);
    let couplings = instance.ising()?.couplings().map_weights(|_, _, _| rng.normal())?;
    let ising = Ising::in_field(couplings, 0.0)?;
    let model = RealLaneModel::new(&ising)?;
    let kernel = RealLaneSweep::metropolis();
    anneal(&ising, &model, |m, rng| m.random(rng), kernel, n_sweeps, REAL_LANES * ising.n_spins())
}

/// One chain.
fn single(instance: &Instance, n_sweeps: usize) -> Measured {
    let ising = instance.ising()?;
    let model = OrderedIsing::new(&ising)?;
    let kernel = OrderedSweep::metropolis();
    anneal(&ising, &model, |m, rng| m.draw(rng), kernel, n_sweeps, ising.n_spins())
}

/// Edwards-Anderson ±J, 100 x 100 torus.
pub(crate) fn edwards_anderson() -> Measured {
    lanes(&instances::torus(100, 1)?, LaneSweep, 60)
}

/// Random 3-regular graph of 10,000 vertices, ±1.
pub(crate) fn regular() -> Measured {
    lanes(&instances::regular3(10_000, 2)?, LaneSweep, 60)
}

/// Random graph G(800, 19176), unit weights.
pub(crate) fn random_graph() -> Measured {
    lanes(&instances::gnm(800, 19_176, 4)?, LaneSweep, 200)
}

/// Sherrington-Kirkpatrick ±1, 1,000 spins.
pub(crate) fn sherrington_kirkpatrick() -> Measured {
    lanes(&instances::sk(1_000, 3)?, LaneSweep, 40)
}

/// The torus by heat bath.
pub(crate) fn edwards_anderson_heat_bath() -> Measured {
    lanes(&instances::torus(100, 1)?, LaneHeatBath, 60)
}

/// The random graph by heat bath.
pub(crate) fn random_graph_heat_bath() -> Measured {
    lanes(&instances::gnm(800, 19_176, 4)?, LaneHeatBath, 100)
}

/// The torus with Gaussian couplings.
pub(crate) fn edwards_anderson_gaussian() -> Measured {
    gaussian_lanes(&instances::torus(100, 1)?, 60)
}

/// Sherrington-Kirkpatrick with Gaussian couplings.
pub(crate) fn sherrington_kirkpatrick_gaussian() -> Measured {
    gaussian_lanes(&instances::sk(1_000, 3)?, 20)
}

/// One chain on the torus.
pub(crate) fn edwards_anderson_single() -> Measured {
    single(&instances::torus(100, 1)?, 1_000)
}

/// One chain on the 3-regular graph.
pub(crate) fn regular_single() -> Measured {
    single(&instances::regular3(10_000, 2)?, 1_000)
}

/// One chain on the random graph.
pub(crate) fn random_graph_single() -> Measured {
    single(&instances::gnm(800, 19_176, 4)?, 4_000)
}
