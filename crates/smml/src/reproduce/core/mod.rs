//! Chapter core: probability, information, convolution, free energies, optimisers, samplers, factor graphs.
//!
//! Expected values come from closed forms, from enumeration, from published tables or from other programs, and each
//! check says which. The driver and the report live elsewhere.

mod convolution;
mod factor_graph;
mod free_energy;
mod importance;
mod information;
mod optimisers;
mod probability;
mod samplers;
mod trust;

use super::check::{ALARM, Check};
use smml_core::Estimate;

/// All checks of the chapter, in the order of the report.
pub(crate) fn checks() -> Vec<&'static Check> {
    [
        probability::CHECKS,
        importance::CHECKS,
        information::CHECKS,
        convolution::CHECKS,
        free_energy::CHECKS,
        optimisers::CHECKS,
        samplers::CHECKS,
        trust::CHECKS,
        factor_graph::CHECKS,
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// How far the empirical distribution function of `n` samples may be from the true one: exceeded with probability
/// [`ALARM`] at most (Dvoretzky, Kiefer and Wolfowitz, with Massart's constant 2).
fn ks_noise(n: usize) -> f64 {
    ((2.0 / ALARM).ln() / (2.0 * n as f64)).sqrt()
}

/// Largest |a - b| over two lists.
fn largest_difference(a: &[f64], b: &[f64]) -> f64 {
    let pairs = a.iter().zip(b).map(|(a, b)| (a - b).abs());
    if a.len() == b.len() {
        pairs.fold(0.0, |worst, d| if d.is_nan() { d } else { worst.max(d) })
    } else {
        f64::NAN
    }
}

/// A computed number.
fn exact(value: f64) -> Estimate {
    Estimate::exact(value)
}

/// Energies and numbers of states of the 4 x 4 Ising torus with J = 1: an enumeration of 65,536 states that several
/// authors have published (20,524 is in OEIS A364781).
const ISING_4X4: [(f64, f64); 15] = [
    (-32.0, 2.0),
    (-24.0, 32.0),
    (-20.0, 64.0),
    (-16.0, 424.0),
    (-12.0, 1728.0),
    (-8.0, 6688.0),
    (-4.0, 13568.0),
    (0.0, 20524.0),
    (4.0, 13568.0),
    (8.0, 6688.0),
    (12.0, 1728.0),
    (16.0, 424.0),
    (20.0, 64.0),
    (24.0, 32.0),
    (32.0, 2.0),
];

/// ln Z, ⟨E⟩ and the variance of E of the 4 x 4 torus, from [`ISING_4X4`].
fn ising_4x4(beta: f64) -> (f64, f64, f64) {
    let (mut z, mut first, mut second) = (0.0, 0.0, 0.0);
    for (e, g) in ISING_4X4 {
        let w = g * libm::exp(-beta * (e + 32.0));
        z += w;
        first += w * e;
        second += w * e * e;
    }
    let mean = first / z;
    (z.ln() + 32.0 * beta, mean, second / z - mean * mean)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalogue,
        reproduce::check::{Context, Expected, Level, Row, Verdict},
    };
    use smml_core::prelude::*;
    use std::collections::HashSet;

    #[test]
    fn every_check_passes_quickly() {
        let (mut by_chance, mut figures) = (0, HashSet::new());
        let (mut wrong, mut times) = (Vec::new(), Vec::new());
        for check in checks() {
            assert_eq!(check.chapter, catalogue::Chapter::Core);
            let streams = Streams::new(1).child(check.id, 0);
            let begin = std::time::Instant::now();
            let outcome = match (check.run)(&Context { level: Level::Quick, streams, data: None }) {
                Ok(outcome) => outcome,
                Err(e) => {
                    wrong.push(format!("{}: {e}", check.id));
                    continue;
                }
            };
            times.push((begin.elapsed().as_secs_f64(), check.id));
            for row in outcome.rows.iter().filter(|r| r.verdict() == Verdict::Fails) {
                let (value, expected) = (row.value, row.expected_text());
                wrong.push(format!("{}: {}: {value:?}, expected {expected}", check.id, row.quantity));
            }
            if outcome.skipped.is_some() || outcome.rows.is_empty() || outcome.notes.is_empty() {
                wrong.push(format!("{}: skipped, empty, or without a word on its sources", check.id));
            }
            by_chance += outcome.rows.iter().filter(|r| is_by_chance(r)).count();
            for figure in outcome.figures {
                assert!(figures.insert(figure.id.clone()), "two figures named {}", figure.id);
            }
        }
        times.sort_by(|a, b| b.0.total_cmp(&a.0));
        println!("{by_chance} comparisons by chance, {} figures, slowest: {times:.2?}", figures.len());
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert!(by_chance <= 120, "{by_chance} comparisons that chance decides");
    }

    fn is_by_chance(row: &Row) -> bool {
        matches!(row.expected, Expected::Sampled(_)) || row.value.std_error > 0.0
    }
}
