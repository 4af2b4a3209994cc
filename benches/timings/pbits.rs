//! Machines of p-bits on Pegasus P14: 4,264 nodes, 30,404 couplings, 64 chains a word.

use crate::{Measured, median};
use cpu_time::ThreadTime;
use smml_core::rng::{Draw, Streams};
use smml_hw::{
    machine::{CHAINS, Chains, FixedNetwork, FloatNetwork, Gains, Moments, Wiring},
    topology::Topology,
};
use std::{sync::Arc, time::Instant};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The graph with normal couplings of standard deviation 0.3.
fn parts() -> Result<(Arc<Wiring>, Vec<f64>, Vec<f64>)> {
    let topology = Topology::pegasus(14)?;
    let wiring = Arc::new(Wiring::new(topology.graph(), topology.colouring())?);
    let mut rng = Streams::new(1).stream("weights", 0);
    let couplings = (0..wiring.n_edges()).map(|_| 0.3 * rng.normal()).collect();
    Ok((wiring.clone(), couplings, vec![0.0; wiring.n_nodes()]))
}

fn network() -> Result<FixedNetwork> {
    let (wiring, couplings, fields) = parts()?;
    Ok(FixedNetwork::new(wiring, "s{4}{5}".parse()?, &couplings, &fields)?)
}

/// Sweeps of 64 chains on one thread: nanoseconds a flip.
pub(crate) fn fixed() -> Measured {
    let network = network()?;
    let gains = Gains::new(&network, &[1.0])?;
    let mut rng = Streams::new(2).stream("chains", 0);
    let mut chains = Chains::random(network.wiring().n_nodes(), &mut rng);
    let n_sweeps = 1000;
    let flips = (n_sweeps * CHAINS * network.wiring().n_nodes()) as f64;
    let mut rates = [0.0; 8];
    for rate in &mut rates {
        let start = ThreadTime::now();
        chains.sweep(&network, &gains, network.wiring().order(), n_sweeps, &mut rng)?;
        *rate = 1e9 * start.elapsed().as_secs_f64() / flips;
    }
    Ok((median(&mut rates[1..]), "ns"))
}

/// The same on two threads, 64 chains each, by the clock on the wall.
pub(crate) fn fixed_on_two() -> Measured {
    let network = network()?;
    let gains = Gains::new(&network, &[1.0])?;
    let n_sweeps = 2000;
    let flips = (2 * n_sweeps * CHAINS * network.wiring().n_nodes()) as f64;
    let run = |k: u64| {
        let mut rng = Streams::new(2).stream("chains", k);
        let mut chains = Chains::random(network.wiring().n_nodes(), &mut rng);
        chains
            .sweep(&network, &gains, network.wiring().order(), n_sweeps, &mut rng)
            .map_err(|e| e.to_string())
    };
    let mut rates = [0.0; 8];
    for rate in &mut rates {
        let start = Instant::now();
        std::thread::scope(|scope| {
            let other = scope.spawn(|| run(1));
            run(0).and(other.join().expect("a sweep does not panic"))
        })?;
        *rate = 1e9 * start.elapsed().as_secs_f64() / flips;
    }
    Ok((median(&mut rates[1..]), "ns"))
}

/// Sweeps of 64 chains in floating point on one thread.
pub(crate) fn float() -> Measured {
    let (wiring, couplings, fields) = parts()?;
    let network = FloatNetwork::new(wiring.clone(), &couplings, &fields)?;
    let mut rng = Streams::new(2).stream("chains", 0);
    let mut chains = Chains::random(wiring.n_nodes(), &mut rng);
    let free = vec![true; wiring.n_nodes()];
    let n_sweeps = 100;
    let mut rates = [0.0; 8];
    for rate in &mut rates {
        let start = ThreadTime::now();
        network.sweep(&mut chains, &[1.0], &free, n_sweeps, &mut rng)?;
        *rate = 1e9 * start.elapsed().as_secs_f64() / (n_sweeps * CHAINS * wiring.n_nodes()) as f64;
    }
    Ok((median(&mut rates[1..]), "ns"))
}

/// Means of spins and of all edges, counted over 64 chains once: nanoseconds a chain and edge.
pub(crate) fn moments() -> Measured {
    let network = network()?;
    let chains = Chains::random(network.wiring().n_nodes(), &mut Streams::new(2).stream("chains", 0));
    let mut moments = Moments::new(network.wiring());
    let n = 500;
    let mut rates = [0.0; 8];
    for rate in &mut rates {
        let start = ThreadTime::now();
        for _ in 0..n {
            chains.count(&network, u64::MAX, &mut moments)?;
        }
        *rate = 1e9 * start.elapsed().as_secs_f64() / (n * CHAINS * network.wiring().n_edges()) as f64;
    }
    Ok((median(&mut rates[1..]), "ns"))
}
