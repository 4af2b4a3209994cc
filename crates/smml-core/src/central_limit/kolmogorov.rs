//! Kolmogorov-Smirnov distances.

use crate::error::{Error, Result};

/// sup_x |F_n(x) - F(x)| between the empirical distribution of `samples` and a distribution function, continuous or
/// with steps. Errors: no samples, NaN.
pub fn ks_distance(samples: &[f64], cdf: impl Fn(f64) -> f64) -> Result<f64> {
    let x = sorted(samples, "sample")?;
    let n = x.len() as f64;
    let (mut worst, mut i) = (0.0_f64, 0);
    while i < x.len() {
        let ties = x[i..].partition_point(|y| *y <= x[i]);
        // just below the step and on it; F may have a step there too
        let (left, right) = (cdf(x[i].next_down()), cdf(x[i]));
        worst = worst.max((left - i as f64 / n).abs()).max(((i + ties) as f64 / n - right).abs());
        i += ties;
    }
    Ok(worst)
}

/// sup_x |F_n(x) - G_m(x)| between two samples.
pub fn ks_distance_two(a: &[f64], b: &[f64]) -> Result<f64> {
    let (a, b) = (sorted(a, "first sample")?, sorted(b, "second sample")?);
    let (mut i, mut j, mut worst) = (0, 0, 0.0_f64);
    while i < a.len() && j < b.len() {
        let x = a[i].min(b[j]);
        i += a[i..].partition_point(|y| *y <= x);
        j += b[j..].partition_point(|y| *y <= x);
        worst = worst.max((i as f64 / a.len() as f64 - j as f64 / b.len() as f64).abs());
    }
    Ok(worst)
}

/// P(D_n > distance) for samples of a continuous law: Kolmogorov's limit with Stephens' correction
/// (√n + 0.12 + 0.11/√n), within 3 % relative of the exact value for n >= 20 and probabilities above 10⁻², 6 % down to 10⁻³.
/// For two samples give n m / (n + m).
pub fn ks_p_value(distance: f64, n: f64) -> f64 {
    let root = n.sqrt();
    let x = (root + 0.12 + 0.11 / root) * distance;
    if !(x > 0.0) {
        return if x.is_nan() { f64::NAN } else { 1.0 };
    }
    if x < 1.0 {
        // the series in the other variable converges fast here
        let y = std::f64::consts::PI * std::f64::consts::PI / (8.0 * x * x);
        let sum: f64 = (0..4).map(|k| libm::exp(-y * f64::from((2 * k + 1) * (2 * k + 1)))).sum();
        return (1.0 - (2.0 * std::f64::consts::PI).sqrt() / x * sum).clamp(0.0, 1.0);
    }
    let term = |k: i32| libm::exp(-2.0 * f64::from(k * k) * x * x) * if k % 2 == 0 { -2.0 } else { 2.0 };
    (1..6).map(term).sum::<f64>().clamp(0.0, 1.0)
}

fn sorted(samples: &[f64], name: &str) -> Result<Vec<f64>> {
    if samples.is_empty() {
        return Err(Error::TooShort { have: 0, needed: 1 });
    }
    if let Some(i) = samples.iter().position(|x| x.is_nan()) {
        return Err(Error::out_of_range(format!("{name} {i}"), f64::NAN, "a number"));
    }
    let mut x = samples.to_vec();
    x.sort_by(f64::total_cmp);
    Ok(x)
}
