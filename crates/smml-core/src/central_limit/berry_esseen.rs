//! How far a standardised sum can be, and is, from normal.

use super::{check_n, moments};
use crate::{
    distribution::{Discrete, Distribution, compensated_sum, normal_cdf},
    error::{Error, Result},
};

/// The smallest constant proved for the Berry-Esseen theorem with i.i.d. terms, 0.4690 (I. Shevtsova, Informatics and
/// its Applications 7(1), 124 (2013)).
pub const BERRY_ESSEEN: f64 = 0.4690;
/// The constant most often quoted, 0.4748 (I. Shevtsova, arXiv:1111.6554 (2011)).
pub const BERRY_ESSEEN_2011: f64 = 0.4748;
/// No constant below (√10 + 3)/(6 √(2π)) = 0.409732... can hold (Esseen 1956).
pub const BERRY_ESSEEN_LOWER: f64 = 0.4097321837023964;

/// sup_x |P((S_n - nμ)/(σ√n) <= x) - Φ(x)| <= C ρ / (σ³ √n) with ρ = E|X - μ|³ and C = [`BERRY_ESSEEN`].
///
/// Errors: [`Error::Undefined`] for a law without third absolute moment (no bound of this form) or without variance
/// (no central limit theorem).
///
/// ```
/// use smml_core::{central_limit::*, distribution::Bernoulli};
/// let coin = Bernoulli::new(0.5)?;
/// assert!((berry_esseen_bound(&coin, 100)? - 0.0469).abs() < 1e-12);
/// assert!((exact_sup_distance(&coin, 100)? - 0.039795).abs() < 1e-6);
/// # Ok::<(), smml_core::Error>(())
/// ```
pub fn berry_esseen_bound<D: Distribution>(law: &D, n: u64) -> Result<f64> {
    let (_, std_dev) = moments(law)?;
    let rho = law.third_absolute_moment()?;
    // One division after the other: the cube of the deviation may leave the range of f64 where the ratio does not.
    let ratio = rho / std_dev / std_dev / std_dev;
    if !(ratio.is_finite() && ratio >= 1.0 - 1e-9) {
        return Err(Error::Undefined {
            what: "the Berry-Esseen bound".into(),
            why: format!(
                "E|X - mean|³ = {rho} is outside what an f64 holds with digits; give the law another scale"
            ),
        });
    }
    Ok(BERRY_ESSEEN * ratio / (check_n(n)? as f64).sqrt())
}

/// sup_x |P(X <= x) - Φ((x - mean)/std_dev)| for a law on the integers: both sides of each of its steps are looked at.
pub fn sup_distance_to_normal<D: Discrete>(law: &D, mean: f64, std_dev: f64) -> Result<f64> {
    crate::error::positive("std_dev", std_dev)?;
    let (first, p) = law.table()?;
    Ok(largest_step(first as f64, &p, mean, std_dev))
}

fn largest_step(first: f64, p: &[f64], mean: f64, std_dev: f64) -> f64 {
    let (mut below, mut worst) = (0.0, 0.0_f64);
    for (i, mass) in p.iter().enumerate() {
        let normal = normal_cdf((first + i as f64 - mean) / std_dev);
        let above = below + mass;
        worst = worst.max((normal - below).abs()).max((above - normal).abs());
        below = above;
    }
    worst
}

/// The law of the sum of `n` independent draws: smallest value, and probabilities from there on. All terms are
/// positive, so every probability keeps its relative accuracy.
///
/// Errors: [`Error::TooLarge`] when the sum takes more than 2¹⁵ values.
pub fn lattice_sum<D: Discrete>(law: &D, n: u64) -> Result<(i64, Vec<f64>)> {
    let (first, one) = law.table()?;
    let steps = (one.len() as u64 - 1).saturating_mul(check_n(n)?);
    let smallest = i64::try_from(i128::from(first) * i128::from(n));
    if steps >= 1 << 15 || smallest.is_err() {
        return Err(Error::TooLarge {
            what: "the law of the sum".into(),
            needed: format!("{} values", steps.saturating_add(1)),
            limit: format!("{}", 1 << 15),
        });
    }
    // n-fold convolution by repeated squaring
    let mut sum = vec![1.0];
    for bit in (0..64 - n.leading_zeros()).rev() {
        sum = product(&sum, &sum);
        if n >> bit & 1 == 1 {
            sum = product(&sum, &one);
        }
    }
    // What the table left out would grow n-fold.
    let total = compensated_sum(sum.iter().copied());
    sum.iter_mut().for_each(|p| *p /= total);
    Ok((smallest.unwrap_or(first), sum))
}

fn product(a: &[f64], b: &[f64]) -> Vec<f64> {
    let mut out = vec![0.0; a.len() + b.len() - 1];
    for (i, x) in a.iter().enumerate().filter(|(_, x)| **x > 0.0) {
        for (o, y) in out[i..].iter_mut().zip(b) {
            *o += x * y;
        }
    }
    out
}

/// sup_x |P((S_n - nμ)/(σ√n) <= x) - Φ(x)| computed, not bounded, for a law on the integers.
///
/// Errors: as [`lattice_sum`]; [`Error::Undefined`] for variance 0.
pub fn exact_sup_distance<D: Discrete>(law: &D, n: u64) -> Result<f64> {
    let (mean, std_dev) = moments(law)?;
    let (first, p) = lattice_sum(law, n)?;
    let n = n as f64;
    Ok(largest_step(first as f64, &p, n * mean, std_dev * n.sqrt()))
}
