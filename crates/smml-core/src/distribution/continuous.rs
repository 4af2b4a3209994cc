//! Helpers of the continuous distributions: quantiles by bisection, places where a density has its mass, standard
//! forms of methods.

use super::traits::Continuous;
use crate::error::{Error, Result};

/// The smallest x of the support with `holds(x)`, for a monotone `holds`, to the last bit: bisection on the order of
/// the floating-point numbers themselves, which takes at most 64 steps whatever the scale.
pub(super) fn bisect(support: (f64, f64), holds: impl Fn(f64) -> bool) -> f64 {
    let (lower, upper) = support;
    if holds(lower) {
        return lower;
    }
    let (mut below, mut above) = (rank(lower), rank(upper));
    while above - below > 1 {
        let middle = below + (above - below) / 2;
        if holds(unrank(middle)) {
            above = middle;
        } else {
            below = middle;
        }
    }
    unrank(above)
}

/// An integer in the order of the numbers.
fn rank(x: f64) -> i128 {
    let bits = i128::from(x.abs().to_bits());
    if x.is_sign_negative() { -bits } else { bits }
}

fn unrank(rank: i128) -> f64 {
    f64::from_bits(rank.unsigned_abs() as u64).copysign(if rank < 0 { -1.0 } else { 1.0 })
}

/// Quantiles that show a quadrature where the mass is.
pub(super) fn breakpoints<D: Continuous>(d: &D) -> Vec<f64> {
    [0.01, 0.5, 0.99].iter().filter_map(|p| d.quantile(*p).ok()).collect()
}

/// The error for a moment that does not exist.
pub(super) fn undefined(what: &str, why: &str) -> Error {
    Error::Undefined { what: what.into(), why: why.into() }
}

/// A moment, unless it is beyond the largest `f64`.
pub(super) fn representable(what: &str, value: f64) -> Result<f64> {
    if value.is_finite() { Ok(value) } else { Err(undefined(what, "it exceeds the largest f64")) }
}

/// `expect` of a continuous distribution.
macro_rules! expect_by_quadrature {
    () => {
        fn expect(&self, f: impl Fn(f64) -> f64) -> crate::Result<f64> {
            super::traits::expect_continuous(self, f)
        }
    };
}
pub(super) use expect_by_quadrature;
