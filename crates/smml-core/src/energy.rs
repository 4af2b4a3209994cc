//! Energies. A model is an immutable value; everything that changes is in its `State`.
//!
//! What does not live here: how states change ([`crate::kernel`]) and how they are measured ([`crate::estimate`]).

use crate::{
    error::{Error, Result, finite},
    rng::Draw,
};

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

/// A model with finitely many states. Small ones can be enumerated, see [`states`].
pub trait Finite: Energy {
    /// Number of states; `None` when a `usize` cannot hold it, as for 64 spins.
    fn n_states(&self) -> Option<usize>;
    /// The state with a number in `0..n_states()`.
    fn state(&self, index: usize) -> Self::State;
    /// The number of a state: the inverse of [`Finite::state`]. Means nothing where `n_states` is `None`.
    fn index(&self, state: &Self::State) -> usize;
}

/// Most states that are enumerated: 2²⁸, some minutes of work.
pub const MAX_STATES: usize = 1 << 28;

/// The numbers of all states, to go through.
///
/// Errors: [`Error::TooLarge`] for more than [`MAX_STATES`] of them.
pub fn states<E: Finite>(energy: &E) -> Result<std::ops::Range<usize>> {
    let n = energy.n_states();
    match n {
        Some(n) if n <= MAX_STATES => Ok(0..n),
        _ => Err(Error::TooLarge {
            what: "enumeration".into(),
            needed: n.map_or(format!("2^{} states or more", usize::BITS), |n| format!("{n} states")),
            limit: format!("2^{} states", MAX_STATES.ilog2()),
        }),
    }
}

/// ln Z(β) = ln Σ exp(-β E) by enumeration. States of infinite energy have no weight, at β = 0 either.
///
/// Errors: more than [`MAX_STATES`] states, β not finite, [`Error::Undefined`] when an energy is NaN, or no state has
/// weight.
pub fn ln_z_exact<E: Finite>(energy: &E, beta: f64) -> Result<f64> {
    finite("beta", beta)?;
    let mut sum = LnSum::default();
    for i in states(energy)? {
        sum.add(ln_weight(beta, energy.energy(&energy.state(i))));
    }
    let ln_z = sum.ln();
    if ln_z.is_finite() {
        return Ok(ln_z);
    }
    Err(Error::Undefined {
        what: "ln Z".into(),
        why: format!(
            "it comes out as {ln_z} at beta = {beta}: an energy is NaN, or all (or one) are infinite"
        ),
    })
}

/// ⟨f⟩ at `beta` by enumeration. States without weight do not count, whatever f is there.
///
/// Errors: as [`ln_z_exact`], and [`Error::Undefined`] when the mean is not finite.
pub fn mean_exact<E: Finite>(energy: &E, beta: f64, mut f: impl FnMut(&E::State) -> f64) -> Result<f64> {
    let ln_z = ln_z_exact(energy, beta)?;
    let mut total = 0.0;
    for i in states(energy)? {
        let s = energy.state(i);
        let p = libm::exp(ln_weight(beta, energy.energy(&s)) - ln_z);
        if p > 0.0 {
            total += p * f(&s);
        }
    }
    if total.is_finite() {
        return Ok(total);
    }
    Err(Error::Undefined {
        what: "the mean".into(),
        why: format!("it comes out as {total}: the function is not finite where states have weight"),
    })
}

/// -βE, where an infinite energy forbids a state at β = 0 too.
fn ln_weight(beta: f64, energy: f64) -> f64 {
    if beta == 0.0 && energy == f64::INFINITY { f64::NEG_INFINITY } else { -beta * energy }
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
            // A second +∞ is equal to the top; their difference would be NaN.
            self.scaled += if term == self.top { 1.0 } else { libm::exp(term - self.top) };
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

    /// So many levels 0, 1, 2, ..., some of which are forbidden.
    struct Levels {
        n: Option<usize>,
        forbidden: fn(usize) -> bool,
    }
    impl Energy for Levels {
        type State = usize;
        fn energy(&self, s: &usize) -> f64 {
            if (self.forbidden)(*s) { f64::INFINITY } else { *s as f64 }
        }
    }
    impl Finite for Levels {
        fn n_states(&self) -> Option<usize> {
            self.n
        }
        fn state(&self, index: usize) -> usize {
            index
        }
        fn index(&self, s: &usize) -> usize {
            *s
        }
    }

    #[test]
    fn enumeration_has_a_limit_and_typed_answers() {
        let levels = |n, forbidden| Levels { n, forbidden };
        for n in [None, Some(usize::MAX), Some(MAX_STATES + 1)] {
            let model = levels(n, |_| false);
            assert!(matches!(ln_z_exact(&model, 1.0), Err(Error::TooLarge { .. })));
            assert!(matches!(mean_exact(&model, 1.0, |_| 1.0), Err(Error::TooLarge { .. })));
        }
        let text = ln_z_exact(&levels(None, |_| false), 1.0).unwrap_err().to_string();
        assert_eq!(text, "enumeration needs 2^64 states or more, the limit is 2^28 states");
        // Levels 0 and 2 of 0..4.
        let two = levels(Some(4), |s| s % 2 == 1);
        for beta in [0.0_f64, 0.7] {
            let z: f64 = 1.0 + f64::exp(-2.0 * beta);
            assert!((ln_z_exact(&two, beta).unwrap() - z.ln()).abs() < 1e-15);
            let mean = mean_exact(&two, beta, |s| if s % 2 == 1 { f64::NAN } else { *s as f64 }).unwrap();
            assert!((mean - 2.0 * (-2.0 * beta).exp() / z).abs() < 1e-15);
        }
        assert!(matches!(mean_exact(&two, 1.0, |_| f64::NAN), Err(Error::Undefined { .. })));
        assert!(matches!(ln_z_exact(&levels(Some(4), |_| true), 1.0), Err(Error::Undefined { .. })));
        assert!(matches!(ln_z_exact(&two, -1.0), Err(Error::Undefined { .. })));
        assert!(matches!(ln_z_exact(&two, f64::NAN), Err(Error::OutOfRange { .. })));
    }

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
        for terms in [&[f64::INFINITY, f64::INFINITY, 0.0][..], &[1.0, f64::INFINITY, f64::NEG_INFINITY]] {
            let mut sum = LnSum::default();
            terms.iter().for_each(|&t| sum.add(t));
            assert_eq!((sum.ln(), ln_sum_exp(terms)), (f64::INFINITY, f64::INFINITY));
        }
    }
}
