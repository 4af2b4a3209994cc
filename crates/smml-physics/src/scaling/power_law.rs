//! Slopes on logarithmic axes.

use super::{
    Point, at_least,
    fit::{Normal, solve},
};
use smml_core::{
    Estimate,
    error::{Error, Result, positive},
};

/// A fit y = A L^κ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PowerLaw {
    /// κ, the slope of ln y against ln L.
    pub exponent: Estimate,
    /// ln A
    pub ln_amplitude: Estimate,
    /// Σ ((ln y - ln A - κ ln L) y / error)²
    pub chi_squared: f64,
    /// Points less 2.
    pub dof: usize,
}

/// The exponent of a quantity at the critical point: ⟨|M|⟩/N ~ L^(-β/ν), χ ~ L^(γ/ν), dU/dT ~ L^(1/ν). Weighted least
/// squares on logarithmic axes; the errors of the points are taken as known and independent. `x` of the points does not
/// matter.
///
/// Corrections to scaling are not in it: leave out small sizes until χ² per degree of freedom is about 1.
///
/// Errors: fewer than two sizes, values or errors that are not positive.
pub fn power_law(points: &[Point]) -> Result<PowerLaw> {
    at_least("points of a power law", points.len(), 2)?;
    for (i, p) in points.iter().enumerate() {
        p.check(i)?;
        positive(&format!("value of point {i}"), p.value)?;
    }
    let centre = points.iter().map(|p| libm::log(p.size)).sum::<f64>() / points.len() as f64;
    let row =
        |p: &Point| ([1.0, libm::log(p.size) - centre], libm::log(p.value), (p.value / p.error).powi(2));
    let mut normal = Normal::new(2);
    for p in points {
        let (row, y, weight) = row(p);
        normal.add(&row, y, weight);
    }
    let undefined =
        || Error::Undefined { what: "the exponent".into(), why: "all points are of one size".into() };
    let inverse = |k: usize| {
        solve(normal.matrix.clone(), (0..2).map(|i| f64::from(i == k)).collect()).ok_or_else(undefined)
    };
    let (first, second) = (inverse(0)?, inverse(1)?);
    let fitted = solve(normal.matrix.clone(), normal.right.clone()).ok_or_else(undefined)?;
    let chi_squared = points
        .iter()
        .map(|p| {
            let (row, y, weight) = row(p);
            weight * (y - fitted[0] - fitted[1] * row[1]).powi(2)
        })
        .sum();
    let estimate = |value, variance: f64| Estimate::of_fit(value, variance.sqrt(), f64::MAX);
    let variance = first[0] - 2.0 * centre * first[1] + centre * centre * second[1];
    Ok(PowerLaw {
        exponent: estimate(fitted[1], second[1]),
        ln_amplitude: estimate(fitted[0] - centre * fitted[1], variance),
        chi_squared,
        dof: points.len() - 2,
    })
}
