//! Kolmogorov-Smirnov distances.

use crate::error::{Error, Result};
use libm::{exp, expm1, lgamma, log, log1p};
use std::f64::consts::PI;

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

/// Most samples for which the exact law is computed where the distance is small; beyond, its expansion in 1/√n.
const EXACT: u64 = 500;
/// Where n distance² exceeds this the two sides of the distance exclude each other but for a part e^(-6 n distance²): of
/// few samples, and of more than [`EXACT`].
const ONE_SIDED: [f64; 2] = [4.0, 2.2];
/// Most terms of the one-sided law.
const MOST_TERMS: u64 = 1 << 20;
/// Most lattice points of the law of two samples; beyond, the limit.
const MOST_PATHS: u64 = 1 << 24;

/// P(D_n >= distance) for `n` samples of a continuous law, with its tail.
///
/// Exact for n <= 500 (Marsaglia, Tsang and Wang, J. Stat. Softw. 8, 18 (2003)) and in the tail n d² > 4 (Birnbaum and
/// Tingey's one-sided law, doubled), to about ten digits; else by the expansion of Pelz and Good, J. R. Stat. Soc. B 38,
/// 152 (1976), with an error below 10⁻⁶. NaN for a distance that is NaN, 1 for no samples.
///
/// ```
/// // scipy.stats.kstwo.sf(0.274, 10)
/// assert!((smml_core::central_limit::ks_p_value(0.274, 10) - 0.371_520_384_543_495_7).abs() < 1e-12);
/// ```
pub fn ks_p_value(distance: f64, n: u64) -> f64 {
    let (d, size) = (distance, n as f64);
    if d.is_nan() {
        return f64::NAN;
    }
    if n == 0 || d <= 0.5 / size {
        return 1.0;
    }
    if d >= 1.0 {
        return 0.0;
    }
    let squared = size * d * d;
    let p = if d <= 1.0 / size {
        // Every sample in its own interval of length 2d - 1/n.
        -expm1(lgamma(size + 1.0) + size * log(2.0 * d - 1.0 / size))
    } else if d >= 0.5 || squared > ONE_SIDED[usize::from(n > EXACT)] {
        2.0 * one_sided(d, n)
    } else if n <= EXACT {
        1.0 - marsaglia(d, n)
    } else {
        1.0 - pelz_good(size.sqrt() * d, size)
    };
    p.clamp(0.0, 1.0)
}

/// P(D_{n,m} >= distance) for samples of `n` and `m` of one continuous law.
///
/// Exact for n m <= 2²⁴, by counting lattice paths; else Kolmogorov's limit at n m / (n + m), whose error is of order
/// 1/√n. NaN for a distance that is NaN, 1 for no samples.
pub fn ks_p_value_two(distance: f64, n: u64, m: u64) -> f64 {
    if distance.is_nan() {
        return f64::NAN;
    }
    if n == 0 || m == 0 || distance <= 0.0 {
        return 1.0;
    }
    if n.checked_mul(m).is_none_or(|paths| paths > MOST_PATHS) {
        let (n, m) = (n as f64, m as f64);
        return limit((n * m / (n + m)).sqrt() * distance);
    }
    // Paths from (0, 0) to (n, m): p is the share, of all that reach a point, of those that left the band before or
    // there. At the corners of the band p is 1, and every step mixes its two origins by their numbers of paths.
    let outside = |i: u64, j: u64| {
        let gap = (i as f64 / n as f64 - j as f64 / m as f64).abs();
        gap >= distance * (1.0 - 1e-12)
    };
    let mut row: Vec<f64> = vec![0.0; m as usize + 1];
    for i in 0..=n {
        for j in 0..=m {
            let at = j as usize;
            row[at] = if outside(i, j) {
                1.0
            } else if i == 0 {
                if j == 0 { 0.0 } else { row[at - 1] }
            } else if j == 0 {
                row[0]
            } else {
                let (i, j) = (i as f64, j as f64);
                (i * row[at] + j * row[at - 1]) / (i + j)
            };
        }
    }
    row[m as usize]
}

/// P(D_n⁺ >= d) = d Σ_j C(n, j) (d + j/n)^(j-1) (1 - d - j/n)^(n-j) over j <= n (1 - d).
fn one_sided(d: f64, n: u64) -> f64 {
    let size = n as f64;
    let last = ((size * (1.0 - d)).floor() as u64).min(n);
    if last > MOST_TERMS {
        // Smirnov's limit with the correction of order 1/√n in its argument; what is left is of order 1/n.
        return exp(-(6.0 * size * d + 1.0).powi(2) / (18.0 * size));
    }
    let ln_n = lgamma(size + 1.0);
    let mut sum = 0.0;
    for j in 0..=last {
        let (j, rest) = (j as f64, (n - j) as f64);
        let below = d + j / size;
        let above = 1.0 - below;
        let ln_choose = ln_n - lgamma(j + 1.0) - lgamma(rest + 1.0);
        // 0⁰ = 1 at the last term of a distance that is a multiple of 1/n.
        let power = if rest == 0.0 {
            0.0
        } else if above > 0.0 {
            rest * log1p(-below)
        } else {
            continue;
        };
        sum += exp(ln_choose + (j - 1.0) * log(below) + power);
    }
    d * sum
}

/// P(D_n < d): the middle element of n!/nⁿ Hⁿ.
fn marsaglia(d: f64, n: u64) -> f64 {
    let size = n as f64;
    let k = (size * d).ceil() as usize;
    let m = 2 * k - 1;
    let h = k as f64 - size * d;
    let mut matrix = nalgebra::DMatrix::from_fn(m, m, |i, j| if i + 1 >= j { 1.0 } else { 0.0 });
    for i in 0..m {
        matrix[(i, 0)] -= h.powi(i as i32 + 1);
        matrix[(m - 1, i)] -= h.powi((m - i) as i32);
    }
    if 2.0 * h > 1.0 {
        matrix[(m - 1, 0)] += (2.0 * h - 1.0).powi(m as i32);
    }
    for i in 0..m {
        for j in 0..m.min(i + 1) {
            matrix[(i, j)] *= exp(-lgamma((i - j) as f64 + 2.0));
        }
    }
    // Hⁿ by squaring; powers of two are kept apart, for Hⁿ leaves the range of an f64.
    let (mut result, mut scale) = (nalgebra::DMatrix::<f64>::identity(m, m), 0i32);
    let (mut power, mut power_scale) = (matrix, 0i32);
    let rescale = |matrix: &mut nalgebra::DMatrix<f64>, scale: &mut i32| {
        let exponent = libm::ilogb(matrix[(k - 1, k - 1)].abs().max(f64::MIN_POSITIVE));
        if exponent.abs() > 200 {
            *matrix *= libm::ldexp(1.0, -exponent);
            *scale += exponent;
        }
    };
    let mut left = n;
    while left > 0 {
        if left % 2 == 1 {
            result = &result * &power;
            scale += power_scale;
            rescale(&mut result, &mut scale);
        }
        left /= 2;
        if left > 0 {
            power = &power * &power;
            power_scale *= 2;
            rescale(&mut power, &mut power_scale);
        }
    }
    let ln_front = lgamma(size + 1.0) - size * log(size) + f64::from(scale) * std::f64::consts::LN_2;
    result[(k - 1, k - 1)] * exp(ln_front)
}

/// P(D_n < z/√n) to order n^(-3/2).
fn pelz_good(z: f64, n: f64) -> f64 {
    let (z2, z4, z6) = (z * z, z.powi(4), z.powi(6));
    let (mut k0, mut k1, mut k2, mut k3) = (0.0, 0.0, 0.0, 0.0);
    for k in 0..40 {
        // Both signs of k + 1/2.
        let q = (PI * (f64::from(k) + 0.5)).powi(2);
        let weight = exp(-q / (2.0 * z2));
        if weight == 0.0 {
            break;
        }
        k0 += weight;
        k1 += 2.0 * (q - z2) * weight;
        k2 += 2.0 * (6.0 * z6 + 2.0 * z4 + q * (2.0 * z4 - 5.0 * z2) + q * q * (1.0 - 2.0 * z2)) * weight;
        k3 += 2.0
            * (-30.0 * z6 - 90.0 * z6 * z2
                + q * (135.0 * z4 - 96.0 * z6)
                + q * q * (212.0 * z4 - 60.0 * z2)
                + q * q * q * (5.0 - 30.0 * z2))
            * weight;
    }
    let (mut even2, mut even3) = (0.0, 0.0);
    for k in 1..40 {
        let q = (PI * f64::from(k)).powi(2);
        let weight = exp(-q / (2.0 * z2));
        even2 += 2.0 * q * weight;
        even3 += 2.0 * (3.0 * q * z2 - q * q) * weight;
    }
    let half = (0.5 * PI).sqrt();
    let k0 = (2.0 * PI).sqrt() / z * k0;
    let k1 = half / (6.0 * z4) * k1;
    let k2 = half / (72.0 * z6 * z) * k2 - half / (36.0 * z2 * z) * even2;
    let k3 = half / (6480.0 * z.powi(10)) * k3 + half / (216.0 * z6) * even3;
    k0 + k1 / n.sqrt() + k2 / n + k3 / (n * n.sqrt())
}

/// 1 - Kolmogorov's limiting distribution function.
fn limit(x: f64) -> f64 {
    if x < 1.0 {
        // The series in the other variable converges fast here.
        let y = PI * PI / (8.0 * x * x);
        let sum: f64 = (0..4).map(|k| exp(-y * f64::from((2 * k + 1) * (2 * k + 1)))).sum();
        return (1.0 - (2.0 * PI).sqrt() / x * sum).clamp(0.0, 1.0);
    }
    let term = |k: i32| exp(-2.0 * f64::from(k * k) * x * x) * if k % 2 == 0 { -2.0 } else { 2.0 };
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
