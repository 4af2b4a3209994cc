//! Where a schedule may begin and end when nobody says it.

use crate::ising::Ising;
use std::f64::consts::LN_2;

/// What is smaller than this part of the largest field counts as rounding.
const NEGLIGIBLE: f64 = 1e-12;

/// The hottest and the coldest inverse temperature of a default annealing schedule, `(hot, cold)`:
///
/// - hot = ln 2 / (2 max_i Fᵢ) with Fᵢ = |hᵢ| + Σⱼ |Jᵢⱼ|, the largest local field there can be: every flip is accepted with
///   probability 1/2 or more;
/// - cold = ln 100 / (2 w) with w the smallest nonzero |J| or |h|, so that 2 w is the smallest energy of turning a spin
///   against one coupling: such a flip is accepted once in 100.
///
/// Couplings and fields below 1e-12 of the largest local field count as 0: they are what rounding left. Both forms of a
/// problem have one Ising model, hence one schedule. A model without couplings and fields gives (1, 1).
///
/// ```
/// use smml_physics::{ising::Ising, problem::default_betas};
/// let chain = Ising::new(3, &[(0, 1, 1.0), (1, 2, -0.5)], vec![0.0; 3])?;
/// let (hot, cold) = default_betas(&chain);
/// assert!((hot - 2f64.ln() / 3.0).abs() < 1e-15 && (cold - 100f64.ln()).abs() < 1e-15);
/// # Ok::<(), smml_core::Error>(())
/// ```
pub fn default_betas(ising: &Ising) -> (f64, f64) {
    let row = |i: usize| ising.couplings().neighbours(i).1.iter().map(|w| w.abs()).sum::<f64>();
    let fields = ising.fields().iter().enumerate().map(|(i, h)| h.abs() + row(i));
    let weights = ising.couplings().edges().map(|e| e.2.abs()).chain(ising.fields().iter().map(|h| h.abs()));
    betas(fields, weights)
}

/// From the largest local field of every spin and the sizes of all terms.
pub(super) fn betas(fields: impl Iterator<Item = f64>, weights: impl Iterator<Item = f64>) -> (f64, f64) {
    let largest = fields.fold(0.0, f64::max);
    if !(largest > 0.0 && largest.is_finite()) {
        return (1.0, 1.0);
    }
    let smallest = weights.filter(|w| *w > NEGLIGIBLE * largest).fold(largest, f64::min);
    (0.5 * LN_2 / largest, 0.5 * libm::log(100.0) / smallest)
}
