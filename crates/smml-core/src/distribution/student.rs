//! Student's t with ν degrees of freedom in standard form: tails, logarithm of the density, quantile.
//!
//! All of it by `libm` and arithmetic alone, so that the bits are the same everywhere.

use super::special::{
    LN_SQRT_2PI, deviance, incomplete_beta, ln_beta, ln_gamma_step, normal_sf, stirling_error,
};
use libm::{exp, lgamma, log, log1p};
use std::f64::consts::{FRAC_1_SQRT_2, LN_2, PI};

/// From here on the law is normal to the last bit: ln of the tail differs by t⁴/4ν, and t < 39 where a tail is a number.
const NORMAL_FROM: f64 = 1e22;

/// (P(T > t), P(0 < T <= t)) for t >= 0, each with its own relative accuracy.
pub(super) fn tails(t: f64, dof: f64) -> (f64, f64) {
    if t == f64::INFINITY {
        return (0.0, 0.5);
    }
    if dof >= NORMAL_FROM {
        return (normal_sf(t), 0.5 * libm::erf(t * FRAC_1_SQRT_2));
    }
    let r = t / dof.sqrt();
    if r > 1e30 {
        // x = r⁻² may underflow; ½ I_x(ν/2, ½) is its leading term x^(ν/2) / (ν B(ν/2, ½)).
        let tail = exp(-dof * log(r) - ln_beta(0.5 * dof, 0.5) - log(dof));
        return (tail, 0.5 - tail);
    }
    // x = ν/(ν + t²) and 1 - x
    let (x, y) = if r > 1.0 {
        let s = 1.0 / (r * r);
        (s / (1.0 + s), 1.0 / (1.0 + s))
    } else {
        (1.0 / (1.0 + r * r), r * r / (1.0 + r * r))
    };
    let (tail, centre) = incomplete_beta(0.5 * dof, 0.5, x, y);
    (0.5 * tail, 0.5 * centre)
}

/// ln of the density.
pub(super) fn ln_density(t: f64, dof: f64) -> f64 {
    let (n, t) = (dof, t.abs());
    if t == f64::INFINITY {
        return f64::NEG_INFINITY;
    }
    if n >= NORMAL_FROM {
        return -0.5 * t * t - LN_SQRT_2PI;
    }
    let r = t / n.sqrt();
    let half_ln = if r > 1e8 { log(r) } else { 0.5 * log1p(r * r) };
    let ln_ratio = if n < 0.1 {
        // ln Γ((ν+1)/2) - ln Γ(ν/2) - ½ ln(ν/2): nothing cancels here
        lgamma(0.5 * (n + 1.0)) - lgamma(0.5 * n) - 0.5 * log(0.5 * n)
    } else {
        -deviance(0.5 * n, 0.5 * (n + 1.0)) + stirling_error(0.5 * (n + 1.0)) - stirling_error(0.5 * n)
    };
    ln_ratio - n * half_ln - LN_SQRT_2PI - half_ln
}

/// ½ ln ν + ln B(ν/2, ½), of the entropy.
pub(super) fn ln_norm(dof: f64) -> f64 {
    // ½ ln ν - (ln Γ(ν/2 + ½) - ln Γ(ν/2)) tends to ½ ln 2
    let step = ln_gamma_step(0.5 * dof, 0.5);
    if dof < 1e16 { 0.5 * (log(dof) + log(PI)) - step } else { 0.5 * (LN_2 + log(PI)) }
}

/// The t with P(T <= t) = p, for p in (0, 1) and ν > 0; NaN outside these ranges, ±∞ where |t| exceeds the largest
/// `f64`. The relative error is that of the tail divided by t h(t), h being the hazard rate: rounding, times at most
/// about |ln p|/ν for small ν.
///
/// Newton's method. P(0 < T <= t) is concave in t, and ln P(T > t) in ln t, so its steps cannot leave the bracket: after
/// the first one they approach from one side.
pub(crate) fn student_t_quantile(p: f64, dof: f64) -> f64 {
    if !(p > 0.0 && p < 1.0 && dof > 0.0) {
        return f64::NAN;
    }
    if p == 0.5 {
        return 0.0;
    }
    let (q, sign) = if p < 0.5 { (p, -1.0) } else { (1.0 - p, 1.0) };
    sign * upper_quantile(q, dof)
}

/// The t >= 0 with P(T > t) = q, for q in (0, ½].
pub(super) fn upper_quantile(q: f64, dof: f64) -> f64 {
    if q > 0.25 {
        let target = 0.5 - q;
        let mut t = target * exp(-ln_density(0.0, dof));
        for _ in 0..200 {
            let step = (target - tails(t, dof).1) * exp(-ln_density(t, dof));
            if !step.is_finite() {
                return if step.is_nan() { f64::INFINITY } else { t };
            }
            t += step;
            if step.abs() <= 4e-16 * t {
                break;
            }
        }
        return t;
    }
    // The normal quantile of Abramowitz and Stegun 26.2.23 is a start from below.
    let s = (-2.0 * log(q)).sqrt();
    let start = s
        - (2.515_517 + s * (0.802_853 + s * 0.010_328))
            / (1.0 + s * (1.432_788 + s * (0.189_269 + s * 0.001_308)));
    let ln_q = log(q);
    let mut ln_t = log(start);
    let mut t = start;
    for _ in 0..200 {
        let tail = tails(t, dof).0;
        // -d ln P(T > t) / d ln t
        let slope = exp(ln_density(t, dof) + ln_t - log(tail));
        let step = (log(tail) - ln_q) / slope;
        if !step.is_finite() {
            break; // ν so small that even the largest number is not far enough
        }
        if step.abs() < 0.01 {
            // Without the rounding of ln t
            let next = t * (1.0 + libm::expm1(step));
            if (next - t).abs() <= 4e-16 * t {
                return next;
            }
            t = next;
            ln_t = log(t);
            continue;
        }
        ln_t += step;
        if ln_t > 709.78 {
            return f64::INFINITY;
        }
        t = exp(ln_t);
    }
    t
}
