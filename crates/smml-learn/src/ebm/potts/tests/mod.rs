//! Exact answers first: enumeration of short sequences, differences for slopes, all transitions for moves.

mod design;
mod files;
mod learning;
mod machine;

use super::*;
use smml_core::rng::{Draw, Streams};

/// A model with fields and couplings everywhere.
fn random(alphabet: Alphabet, n_sites: usize, scale: f64, seed: u64) -> PottsMachine {
    let mut rng = Streams::new(seed).stream("random model", 0);
    let q = alphabet.n_letters();
    let fields = (0..n_sites * q).map(|_| scale * rng.normal()).collect();
    let couplings: Vec<f64> =
        (0..n_sites * (n_sites - 1) / 2 * q * q).map(|_| scale * rng.normal()).collect();
    PottsMachine::new(alphabet, n_sites, fields, &couplings).unwrap()
}

/// Every sequence of a model, with its probability.
fn enumerated(machine: &PottsMachine) -> (Alignment, Vec<f64>) {
    use smml_core::energy::{Energy, Finite, ln_z_exact, states};
    let ln_z = ln_z_exact(machine, 1.0).unwrap();
    let all: Vec<Vec<u8>> = states(machine).unwrap().map(|k| machine.state(k)).collect();
    let p = all.iter().map(|s| (-machine.energy(s) - ln_z).exp()).collect();
    let names = (0..all.len()).map(|k| k.to_string()).collect();
    (Alignment::new(machine.alphabet(), machine.n_sites(), all.concat(), names).unwrap(), p)
}

/// Pearson's correlation.
fn correlation(x: &[f64], y: &[f64]) -> f64 {
    let n = x.len() as f64;
    let (mx, my) = (x.iter().sum::<f64>() / n, y.iter().sum::<f64>() / n);
    let sum = |f: &dyn Fn(f64, f64) -> f64| x.iter().zip(y).map(|(x, y)| f(x - mx, y - my)).sum::<f64>();
    sum(&|x, y| x * y) / (sum(&|x, _| x * x) * sum(&|_, y| y * y)).sqrt()
}
