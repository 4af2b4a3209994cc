//! Exact answers: enumeration, closed forms, and numbers from an independent program.

use super::*;
use crate::{
    energy::ln_sum_exp,
    error::Error,
    parallel::Par,
    rng::{Draw, Stream, Streams},
    simd::{Path, with_path},
};
use proptest::prelude::*;

mod exact;
mod models;
mod propagation;

/// All configurations with their ln weights, by counting.
struct Enumeration {
    arities: Vec<usize>,
    states: Vec<(Vec<usize>, f64)>,
}

impl Enumeration {
    fn new(graph: &FactorGraph) -> Self {
        let arities = graph.arities().to_vec();
        let n: usize = arities.iter().product();
        let states = (0..n)
            .map(|code| {
                let mut left = code;
                let x: Vec<usize> = arities
                    .iter()
                    .map(|a| {
                        let value = left % a;
                        left /= a;
                        value
                    })
                    .collect();
                // By the definition, not by `ln_weight`.
                let mut w = 0.0;
                for f in graph.factors() {
                    let mut at = 0;
                    for &v in f.scope() {
                        at = at * arities[v] + x[v];
                    }
                    w += f.ln_table()[at];
                }
                if graph.evidence().iter().zip(&x).any(|(e, x)| e.is_some_and(|e| e != *x)) {
                    w = f64::NEG_INFINITY;
                }
                (x, w)
            })
            .collect();
        Enumeration { arities, states }
    }

    fn ln_z(&self) -> f64 {
        ln_sum_exp(&self.states.iter().map(|s| s.1).collect::<Vec<_>>())
    }

    fn possible(&self) -> bool {
        self.states.iter().any(|s| s.1 > f64::NEG_INFINITY)
    }

    fn marginal(&self, scope: &[usize]) -> Vec<f64> {
        let ln_z = self.ln_z();
        let mut p = vec![0.0; scope.iter().map(|&v| self.arities[v]).product()];
        for (x, w) in &self.states {
            p[scope.iter().fold(0, |at, &v| at * self.arities[v] + x[v])] += (w - ln_z).exp();
        }
        p
    }

    /// Largest weight and how many states reach it within `tolerance`.
    fn maxima(&self, tolerance: f64) -> (f64, usize) {
        let top = self.states.iter().map(|s| s.1).fold(f64::NEG_INFINITY, f64::max);
        (top, self.states.iter().filter(|s| s.1 >= top - tolerance).count())
    }
}

fn close(a: &[f64], b: &[f64], tolerance: f64) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= tolerance)
}

/// ln values near each other, infinities equal.
fn near(a: f64, b: f64) -> bool {
    a == b || (a - b).abs() <= 1e-12 * (1.0 + a.abs().max(b.abs()))
}

/// A random graph: arities 1 to 4, scopes of up to four variables (none included), zeros, wide ranges.
fn random_graph(rng: &mut Stream) -> FactorGraph {
    let n = rng.below(8);
    let arities: Vec<usize> = (0..n).map(|_| [1, 2, 2, 2, 3, 4][rng.below(6)]).collect();
    let mut g = FactorGraph::new(&arities).unwrap();
    let strength = [0.0, 1.0, 1.0, 30.0, 2000.0][rng.below(5)];
    let p_zero = [0.0, 0.0, 0.1, 0.4][rng.below(4)];
    let integer = rng.chance(0.3);
    for _ in 0..rng.below(12) {
        let mut order: Vec<usize> = (0..n).collect();
        rng.shuffle(&mut order);
        order.truncate(rng.below(5));
        let size: usize = order.iter().map(|&v| arities[v]).product();
        let table: Vec<f64> = (0..size)
            .map(|_| {
                let value = strength * rng.normal();
                match (rng.chance(p_zero), integer) {
                    (true, _) => f64::NEG_INFINITY,
                    (_, true) => (value % 7.0).round(),
                    _ => value,
                }
            })
            .collect();
        g.add(&order, &table).unwrap();
    }
    let evidence: Vec<(usize, usize)> =
        (0..n).filter(|_| rng.chance(0.1)).map(|v| (v, (v * 7) % arities[v])).collect();
    g.condition(&evidence).unwrap()
}

/// Ising on a rectangle with couplings K and field h in units of 1/beta; value 1 is spin up.
fn ising(lx: usize, ly: usize, periodic: bool, field: f64, mut coupling: impl FnMut() -> f64) -> FactorGraph {
    let mut g = FactorGraph::new(&vec![2; lx * ly]).unwrap();
    for y in 0..ly {
        for x in 0..lx {
            let i = y * lx + x;
            if periodic || x + 1 < lx {
                let k = coupling();
                g.add(&[i, y * lx + (x + 1) % lx], &[k, -k, -k, k]).unwrap();
            }
            if periodic || y + 1 < ly {
                let k = coupling();
                g.add(&[i, (y + 1) % ly * lx + x], &[k, -k, -k, k]).unwrap();
            }
            g.add(&[i], &[-field, field]).unwrap();
        }
    }
    g
}
