//! Are these probabilities normalised? Eqs. (1) and (2).

use super::{
    quadrature::{Integral, Quadrature, compensated_sum},
    traits::{Continuous, Discrete},
};
use crate::error::{Error, Result};

/// How far from 1 a sum of probabilities may lie: 10⁻⁹, enough for vectors printed with ten decimals, far above
/// rounding and far below a mistake.
pub const PROBABILITY_TOLERANCE: f64 = 1e-9;

/// Checks that `p` is a probability vector, Eq. (1): pᵢ >= 0 and |Σ pᵢ - 1| <= `tolerance` (usually
/// [`PROBABILITY_TOLERANCE`]).
///
/// Errors name the first offending index and its value, or the sum.
///
/// ```
/// use smml_core::distribution::{PROBABILITY_TOLERANCE, check_probabilities};
/// assert!(check_probabilities(&[1.0 / 6.0; 6], PROBABILITY_TOLERANCE).is_ok());
/// let refused = check_probabilities(&[1.1, -0.1], PROBABILITY_TOLERANCE).unwrap_err();
/// assert_eq!(refused.to_string(), "probability 1 = -0.1 is not allowed: it must be finite and at least 0");
/// ```
pub fn check_probabilities(p: &[f64], tolerance: f64) -> Result<()> {
    sum_near_one("probability", "the probabilities", p, tolerance).map(drop)
}

/// [`check_probabilities`] with names for one of them and for all; returns their sum.
pub(crate) fn sum_near_one(one: &str, all: &str, p: &[f64], tolerance: f64) -> Result<f64> {
    let total = total_of(p, one)?;
    if (total - 1.0).abs() <= tolerance {
        return Ok(total);
    }
    let allowed = format!("1 within {tolerance:e} (there are {})", p.len());
    Err(Error::out_of_range(format!("sum of {all}"), total, allowed))
}

/// Weights divided by their sum. Errors: a weight that is negative or not finite, and weights without a positive sum.
pub fn normalise(weights: &[f64]) -> Result<Vec<f64>> {
    let largest = weights.iter().copied().fold(0.0, f64::max);
    total_of(weights, "weight")?;
    if !(largest > 0.0) {
        return Err(Error::out_of_range("sum of the weights", 0, "greater than 0"));
    }
    // Scaled first, so that neither sums overflow nor tiny weights underflow.
    let total = compensated_sum(weights.iter().map(|w| w / largest));
    Ok(weights.iter().map(|w| w / largest / total).collect())
}

fn total_of(p: &[f64], name: &str) -> Result<f64> {
    if let Some(i) = p.iter().position(|x| !(*x >= 0.0 && x.is_finite())) {
        return Err(Error::out_of_range(format!("{name} {i}"), p[i], "finite and at least 0"));
    }
    Ok(compensated_sum(p.iter().copied()))
}

/// Σ P(X = k) over all but about 10⁻³⁰ of the mass: 1 up to rounding for a correct mass function.
pub fn total_probability<D: Discrete>(distribution: &D) -> Result<f64> {
    let (_, p) = distribution.table()?;
    total_of(&p, "probability")
}

/// ∫ f(x) dx over the support of a distribution, by quadrature of its density: 1 to about 10⁻¹², also where the density
/// is infinite at an end (the arcsine law, a gamma distribution of small shape). A shape so small that more than that
/// lies nearer to the end than the smallest number is [`Error::NotConverged`].
pub fn total_density<D: Continuous>(distribution: &D) -> Result<Integral> {
    let (lower, upper) = distribution.support();
    let density = |x, from_lower, to_upper| libm::exp(distribution.ln_pdf_by_ends(x, from_lower, to_upper));
    Quadrature::with_breakpoints(super::continuous::breakpoints(distribution))
        .integrate_by_ends(density, lower, upper)
}

/// Checks that `f` is a density on [lower, upper], Eq. (2): never negative, and its integral is 1 within `tolerance`.
/// Peaks that are narrow compared with their distance from 0 (or from the ends) are to be named in `breakpoints`.
///
/// Returns the integral. Errors: [`Error::OutOfRange`] with the integral, or with the place of a negative value;
/// [`Error::NotConverged`] when the quadrature cannot tell.
///
/// ```
/// use smml_core::distribution::check_density;
/// let normal = |x: f64| (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
/// let total = check_density(normal, -40.0, 40.0, &[0.0], 1e-12)?;
/// assert!((total.value - 1.0).abs() < 1e-14);
/// assert!(check_density(|x| 2.0 * normal(x), -40.0, 40.0, &[0.0], 1e-12).is_err());
/// # Ok::<(), smml_core::Error>(())
/// ```
pub fn check_density(
    f: impl Fn(f64) -> f64,
    lower: f64,
    upper: f64,
    breakpoints: &[f64],
    tolerance: f64,
) -> Result<Integral> {
    let negative = std::cell::Cell::new(None);
    let watched = |x| {
        let y = f(x);
        if y < 0.0 && negative.get().is_none() {
            negative.set(Some((x, y)));
        }
        y
    };
    let rule = Quadrature {
        absolute: 0.1 * tolerance,
        relative: 1e-14,
        ..Quadrature::with_breakpoints(breakpoints)
    };
    let total = rule.integrate(watched, lower, upper);
    if let Some((x, y)) = negative.get() {
        return Err(Error::out_of_range(format!("density at {x}"), y, "at least 0"));
    }
    let total = total?;
    if !((total.value - 1.0).abs() <= tolerance) {
        return Err(Error::out_of_range(
            "integral of the density",
            total.value,
            format!("1 within {tolerance:e} (quadrature error {:.1e})", total.error),
        ));
    }
    Ok(total)
}
