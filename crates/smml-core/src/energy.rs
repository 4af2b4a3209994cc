//! Energies. A model is an immutable value; everything that changes is in its `State`.
//!
//! What does not live here: how states change ([`crate::kernel`]) and how they are measured ([`crate::estimate`]).

use crate::rng::Draw;

/// E(s). The Boltzmann distribution of a model is μ(s) exp(-β E(s)) / Z(β), with μ its reference measure: counting
/// measure for discrete states, volume for continuous ones, unless the model says otherwise.
///
/// A cache (local fields, forces, the energy itself) is part of `State`, kept up to date by whoever changes it:
/// tempering swaps states between kernels, so a cache anywhere else is wrong at once.
pub trait Energy: Sync {
    /// A configuration.
    type State: Clone + Send + Sync;
    /// E(s).
    fn energy(&self, state: &Self::State) -> f64;
}

/// A model with moves that touch a small part of the state.
pub trait LocalEnergy: Energy {
    /// A change of the state.
    type Move;
    /// Draws a move. Must be symmetric: q(s → s') = q(s' → s).
    fn propose<R: Draw>(&self, state: &Self::State, rng: &mut R) -> Self::Move;
    /// Carries the move out.
    fn apply(&self, state: &mut Self::State, change: &Self::Move);
    /// E(after) - E(before). The default computes both; override it for speed.
    fn delta(&self, state: &Self::State, change: &Self::Move) -> f64 {
        let mut after = state.clone();
        self.apply(&mut after, change);
        self.energy(&after) - self.energy(state)
    }
}

/// A model made of sites, each of which can be drawn exactly given all the others (Gibbs sampling, heat bath).
pub trait Conditional: Energy {
    /// Number of sites.
    fn n_sites(&self) -> usize;
    /// Redraws one site from its conditional distribution at `beta`; true when it changed.
    fn resample<R: Draw>(&self, state: &mut Self::State, site: usize, beta: f64, rng: &mut R) -> bool;
}

/// A smooth function of real coordinates.
///
/// `Scratch` is working memory (a neighbour list, activations of a network) that whoever minimises or integrates owns
/// and hands in again; it never changes the result. Use `()` when nothing is needed.
pub trait Differentiable: Energy<State = Vec<f64>> {
    /// Working memory of one evaluation.
    type Scratch: Default + Send + Sync;
    /// Returns E(x) and overwrites `gradient` with ∇E(x).
    fn value_and_gradient(&self, x: &[f64], gradient: &mut [f64], scratch: &mut Self::Scratch) -> f64;
}

/// A model whose distribution at β = 0, the reference measure μ, can be drawn exactly: where annealing, annealed
/// importance sampling and tempering start.
pub trait Reference: Energy {
    /// A state drawn from μ / Z(0).
    fn draw<R: Draw>(&self, rng: &mut R) -> Self::State;
    /// ln Z(0): the logarithm of the number (or volume) of states.
    fn ln_z_reference(&self) -> f64;
}

/// A model small enough to enumerate.
pub trait Finite: Energy {
    /// Number of states.
    fn n_states(&self) -> usize;
    /// The state with a number in `0..n_states()`.
    fn state(&self, index: usize) -> Self::State;
    /// The number of a state: the inverse of [`Finite::state`].
    fn index(&self, state: &Self::State) -> usize;
}

/// ln Z(β) = ln Σ exp(-β E) by enumeration.
pub fn ln_z_exact<E: Finite>(energy: &E, beta: f64) -> f64 {
    let mut sum = LnSum::default();
    for i in 0..energy.n_states() {
        sum.add(-beta * energy.energy(&energy.state(i)));
    }
    sum.ln()
}

/// ⟨f⟩ at `beta` by enumeration.
pub fn mean_exact<E: Finite>(energy: &E, beta: f64, mut f: impl FnMut(&E::State) -> f64) -> f64 {
    let ln_z = ln_z_exact(energy, beta);
    let mut total = 0.0;
    for i in 0..energy.n_states() {
        let s = energy.state(i);
        total += libm::exp(-beta * energy.energy(&s) - ln_z) * f(&s);
    }
    total
}

/// ln Σ exp(xᵢ), without overflow; -∞ for an empty slice.
///
/// ```
/// let x = [1e4, 1e4];
/// assert!((smml_core::energy::ln_sum_exp(&x) - (1e4 + 2f64.ln())).abs() < 1e-11);
/// ```
pub fn ln_sum_exp(terms: &[f64]) -> f64 {
    let top = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if !top.is_finite() {
        return if terms.iter().any(|t| t.is_nan()) { f64::NAN } else { top };
    }
    top + libm::log(terms.iter().map(|t| libm::exp(t - top)).sum::<f64>())
}

/// [`ln_sum_exp`] of a stream of terms, one at a time.
#[derive(Clone, Copy, Debug)]
pub struct LnSum {
    top: f64,
    scaled: f64,
}

impl Default for LnSum {
    fn default() -> Self {
        LnSum { top: f64::NEG_INFINITY, scaled: 0.0 }
    }
}

impl LnSum {
    /// Adds exp(`term`) to the sum.
    pub fn add(&mut self, term: f64) {
        if term > self.top {
            self.scaled = self.scaled * libm::exp(self.top - term) + 1.0;
            self.top = term;
        } else if term > f64::NEG_INFINITY {
            self.scaled += libm::exp(term - self.top);
        } else if term.is_nan() {
            self.scaled = f64::NAN;
        }
    }
    /// The logarithm of the sum so far.
    pub fn ln(&self) -> f64 {
        self.top + libm::log(self.scaled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ln_sum_exp_extremes() {
        assert_eq!(ln_sum_exp(&[]), f64::NEG_INFINITY);
        assert_eq!(ln_sum_exp(&[f64::NEG_INFINITY; 2]), f64::NEG_INFINITY);
        assert_eq!(ln_sum_exp(&[0.0, f64::INFINITY]), f64::INFINITY);
        assert!(ln_sum_exp(&[0.0, f64::NAN]).is_nan());
        let terms = [-800.0, -801.5, 3.0, 2.0, -1e300];
        let mut sum = LnSum::default();
        terms.iter().for_each(|&t| sum.add(t));
        assert!((sum.ln() - ln_sum_exp(&terms)).abs() < 1e-14);
        assert_eq!(LnSum::default().ln(), f64::NEG_INFINITY);
    }
}
