//! Spins other than Ising's, on any graph: [`Potts`], [`Clock`], [`BlumeCapel`], and unit vectors in N dimensions
//! ([`VectorModel`]: [`Xy`], [`Heisenberg`]).
//!
//! Each pair counts once, with the coupling of its edge; J > 0 is ferromagnetic. The generic samplers of
//! [`smml_core::sample`] work on all of them, [`OverRelaxation`] on unit vectors, cluster updates are in
//! [`crate::cluster`]. What is measured is in [`observe`].

pub mod blume_capel;
pub mod clock;
pub mod directions;
pub mod observe;
mod over_relaxation;
pub mod potts;
#[cfg(test)]
mod tests;
pub mod vector;

pub use blume_capel::BlumeCapel;
pub use clock::Clock;
pub use over_relaxation::OverRelaxation;
pub use potts::Potts;
pub use vector::{Heisenberg, VectorModel, Xy};

use smml_core::{
    error::{Error, Result, same_length},
    graph::SparseGraph,
    rng::Draw,
};

/// A model needs spins, and a field for each of them.
fn check_sizes(couplings: &SparseGraph, n_fields: usize) -> Result<()> {
    if couplings.n_vertices() == 0 {
        return Err(Error::out_of_range("number of spins", 0, "at least 1"));
    }
    same_length("fields", n_fields, couplings.n_vertices())
}

/// The number of values of a spin that is kept in a byte.
fn check_values(n_values: usize) -> Result<()> {
    if !(2..=256).contains(&n_values) {
        return Err(Error::out_of_range("q (values of a spin)", n_values, "in 2..=256"));
    }
    Ok(())
}

/// A value with probability proportional to exp(-β energies(value)). `fill` writes the energies of all `n` values.
fn draw_value<R: Draw>(n: usize, beta: f64, rng: &mut R, fill: impl FnOnce(&mut [f64])) -> usize {
    let (mut few, mut many);
    let weights: &mut [f64] = if n <= 16 {
        few = [0.0; 16];
        &mut few[..n]
    } else {
        many = vec![0.0; n];
        &mut many
    };
    fill(weights);
    weigh(weights, beta);
    rng.choose(weights)
}

/// Turns energies into weights exp(-β E), the largest of them 1: nothing overflows, at any temperature.
pub(crate) fn weigh(energies: &mut [f64], beta: f64) {
    let best = if beta < 0.0 {
        energies.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    } else {
        energies.iter().copied().fold(f64::INFINITY, f64::min)
    };
    energies.iter_mut().for_each(|e| *e = libm::exp(-beta * (*e - best)));
}

/// `n` digits of a number to base q, the lowest first.
fn digits(mut number: usize, q: usize, n: usize) -> impl Iterator<Item = usize> {
    (0..n).map(move |_| {
        let digit = number % q;
        number /= q;
        digit
    })
}

/// The number of given digits; it wraps where a `usize` cannot hold it, as [`smml_core::energy::Finite::index`] allows.
fn number(digits: impl DoubleEndedIterator<Item = usize>, q: usize) -> usize {
    digits.rev().fold(0, |number: usize, digit| number.wrapping_mul(q).wrapping_add(digit))
}

/// qⁿ where a `usize` can hold it.
fn power(q: usize, n: usize) -> Option<usize> {
    q.checked_pow(u32::try_from(n).ok()?)
}

/// A site and another value than `old(site)`, each with the same probability.
fn propose_value<R: Draw>(n: usize, q: usize, rng: &mut R, old: impl Fn(usize) -> usize) -> (usize, usize) {
    let site = rng.below(n);
    (site, (old(site) + 1 + rng.below(q - 1)) % q)
}
