//! Rings and open chains without field, solved (E. Ising, Z. Phys. 31, 253 (1925)).
//!
//! K = β J may have either sign: an antiferromagnetic ring of odd length is the simplest frustrated system.

use super::Solution;
use smml_core::error::{Error, Result, finite};
use std::f64::consts::LN_2;

/// The ring of `n` >= 3 spins: Z = (2 cosh K)ⁿ + (2 sinh K)ⁿ.
///
/// Errors: fewer spins, K that is not finite.
///
/// ```
/// let ring = smml_physics::ising::one_dimension::ring(4, 0.5)?;
/// assert!((ring.ln_z - ((2.0 * 0.5f64.cosh()).powi(4) + (2.0 * 0.5f64.sinh()).powi(4)).ln()).abs() < 1e-14);
/// # Ok::<(), smml_core::Error>(())
/// ```
pub fn ring(n: usize, k: f64) -> Result<Solution> {
    finite("K = beta J", k)?;
    if n < 3 {
        return Err(Error::out_of_range("spins of a ring", n, "at least 3"));
    }
    let spins = n as f64;
    let q = libm::exp(-2.0 * k.abs());
    // ln 2 cosh K = |K| + ln(1 + q) and ln |tanh K| = ln(1 - 2 q / (1 + q)): no overflow, no cancellation.
    let ln_ratio = spins * libm::log1p(-2.0 * q / (1.0 + q));
    // (2 sinh K)ⁿ is negative on an antiferromagnetic ring of odd length.
    let frustrated = k < 0.0 && n % 2 == 1;
    let second = if !frustrated {
        libm::log1p(libm::exp(ln_ratio))
    } else if k < -100.0 {
        // 1 - |tanh K|ⁿ -> 2 n q, where q would vanish before its logarithm does.
        libm::log(2.0 * spins) + 2.0 * k
    } else {
        libm::log(-libm::expm1(ln_ratio))
    };
    // Everything else follows from the number d of unsatisfied bonds: its weight is binomial(n, d) qᵈ, and it is odd on
    // a frustrated ring, even on any other.
    let (excess, variance) = unsatisfied_bonds(n, q, usize::from(frustrated));
    let (x, sign) = (libm::tanh(k), if k < 0.0 { -1.0 } else { 1.0 });
    let energy = if k.abs() < 0.5 {
        let power = libm::pow(x.abs(), spins - 1.0) * if k < 0.0 && n.is_multiple_of(2) { -1.0 } else { 1.0 };
        -(x + power * (1.0 - x * x) / (1.0 + power * x))
    } else {
        -sign * (1.0 - 2.0 * excess / spins)
    };
    Ok(Solution {
        ln_z: spins * (k.abs() + libm::log1p(q)) + second,
        energy,
        specific_heat: 4.0 * k * k * variance / spins,
    })
}

/// Mean and variance of d = parity, parity + 2, ... <= n with weight binomial(n, d) qᵈ, 0 <= q <= 1.
fn unsatisfied_bonds(n: usize, q: f64, parity: usize) -> (f64, f64) {
    // From the likeliest number outwards, until weights are below rounding.
    let near = (n as f64 * q / (1.0 + q)) as usize;
    let start = (near - near % 2 + parity).min(n - (n - parity) % 2);
    let (mut total, mut first, mut second) = (1.0, 0.0, 0.0);
    let mut add = |weight: f64, d: usize| {
        let distance = d as f64 - start as f64;
        total += weight;
        first += weight * distance;
        second += weight * distance * distance;
    };
    let ratio = |d: usize| {
        let (n, d) = (n as f64, d as f64);
        q * q * (n - d) * (n - d - 1.0) / ((d + 1.0) * (d + 2.0))
    };
    let (mut d, mut weight) = (start, 1.0);
    while d + 2 <= n && weight > 1e-18 {
        weight *= ratio(d);
        d += 2;
        add(weight, d);
    }
    (d, weight) = (start, 1.0);
    while d >= 2 && weight > 1e-18 {
        weight /= ratio(d - 2);
        d -= 2;
        add(weight, d);
    }
    let mean = first / total;
    (start as f64 + mean, second / total - mean * mean)
}

/// The open chain of `n` >= 1 spins: n - 1 independent bonds, Z = 2 (2 cosh K)ⁿ⁻¹.
///
/// Errors: no spins, K that is not finite.
pub fn open_chain(n: usize, k: f64) -> Result<Solution> {
    finite("K = beta J", k)?;
    if n == 0 {
        return Err(Error::out_of_range("spins of a chain", n, "at least 1"));
    }
    let (spins, bonds) = (n as f64, n as f64 - 1.0);
    let q = libm::exp(-2.0 * k.abs());
    // sech² K = 4 q / (1 + q)²
    let sech2 = 4.0 * q / ((1.0 + q) * (1.0 + q));
    Ok(Solution {
        ln_z: LN_2 + bonds * (k.abs() + libm::log1p(q)),
        energy: -libm::tanh(k) * bonds / spins,
        specific_heat: k * k * sech2 * bonds / spins,
    })
}
