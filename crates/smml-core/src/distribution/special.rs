//! Special functions that keep their relative accuracy in tails and for large parameters.
//!
//! The probability masses go through the saddle-point form of C. Loader, "Fast and accurate computation of binomial
//! probabilities" (2000). statrs has the same incomplete functions, but its incomplete beta function stops silently
//! after 140 terms, its incomplete gamma functions return 1 - small in one of the tails, and both lose digits in
//! proportion to the size of the parameters; hence this file.

use libm::{exp, expm1, lgamma, log, log1p, sqrt};

/// ln √(2π).
pub(super) const LN_SQRT_2PI: f64 = 0.918_938_533_204_672_8;
const TINY: f64 = 1e-300;

/// ln Γ(n + 1) minus Stirling's (n + ½) ln n - n + ln √(2π), for n > 0.
pub(super) fn stirling_error(n: f64) -> f64 {
    if n > 15.0 {
        // Bernoulli numbers: 1/12, 1/360, 1/1260, 1/1680, 1/1188, 691/360360, 1/156
        let s = 1.0 / (n * n);
        return (1.0 / 12.0
            - s * (1.0 / 360.0
                - s * (1.0 / 1260.0
                    - s * (1.0 / 1680.0
                        - s * (1.0 / 1188.0 - s * (691.0 / 360_360.0 - s * (1.0 / 156.0)))))))
            / n;
    }
    lgamma(n + 1.0) - (n + 0.5) * log(n) + n - LN_SQRT_2PI
}

/// The deviance x ln(x / m) + m - x for x, m >= 0, without cancellation when x is near m.
pub(super) fn deviance(x: f64, m: f64) -> f64 {
    if x == 0.0 {
        return m;
    }
    if m == 0.0 || !m.is_finite() {
        return f64::INFINITY;
    }
    if (x - m).abs() < 0.1 * (x + m) {
        // ln(x/m) = 2 artanh v with v = (x - m) / (x + m)
        let v = (x - m) / (x + m);
        let mut sum = (x - m) * v;
        let mut term = 2.0 * x * v;
        let v2 = v * v;
        for j in 1..1000 {
            term *= v2;
            let next = sum + term / f64::from(2 * j + 1);
            if next == sum {
                break;
            }
            sum = next;
        }
        return sum;
    }
    x * log(x / m) + m - x
}

/// ln(λˣ e^-λ / Γ(x + 1)) for real x >= 0.
pub(super) fn ln_poisson(x: f64, lambda: f64) -> f64 {
    if lambda == 0.0 {
        return if x == 0.0 { 0.0 } else { f64::NEG_INFINITY };
    }
    if x == 0.0 {
        return -lambda;
    }
    if !lambda.is_finite() || x < 0.0 {
        return f64::NEG_INFINITY;
    }
    if x < 1e-10 {
        // Stirling's form cancels for very small x.
        return x * log(lambda) - lambda - lgamma(x + 1.0);
    }
    -LN_SQRT_2PI - 0.5 * log(x) - stirling_error(x) - deviance(x, lambda)
}

/// ln(Γ(n + 1) / (Γ(x + 1) Γ(n - x + 1)) pˣ qⁿ⁻ˣ) for real 0 <= x <= n, with q = 1 - p given for its accuracy.
pub(super) fn ln_binomial(x: f64, n: f64, p: f64, q: f64) -> f64 {
    let rest = n - x;
    if p == 0.0 {
        return if x == 0.0 { 0.0 } else { f64::NEG_INFINITY };
    }
    if q == 0.0 {
        return if rest == 0.0 { 0.0 } else { f64::NEG_INFINITY };
    }
    let ln_p = if p > 0.5 { log1p(-q) } else { log(p) };
    let ln_q = if q > 0.5 { log1p(-p) } else { log(q) };
    if x == 0.0 {
        return n * ln_q;
    }
    if rest == 0.0 {
        return n * ln_p;
    }
    if x < 1e-8 || rest < 1e-8 {
        return lgamma(n + 1.0) - lgamma(x + 1.0) - lgamma(rest + 1.0) + x * ln_p + rest * ln_q;
    }
    stirling_error(n)
        - stirling_error(x)
        - stirling_error(rest)
        - deviance(x, n * p)
        - deviance(rest, n * q)
        - LN_SQRT_2PI
        - 0.5 * (log(x) + log1p(-x / n))
}

/// The regularised incomplete gamma functions (P(a, x), Q(a, x)), each with its own relative accuracy; a > 0.
pub(super) fn incomplete_gamma(a: f64, x: f64) -> (f64, f64) {
    if !(x > 0.0) {
        return if x.is_nan() { (f64::NAN, f64::NAN) } else { (0.0, 1.0) };
    }
    if x == f64::INFINITY {
        return (1.0, 0.0);
    }
    if a > 1e6 && (x - a).abs() < 0.02 * a {
        return incomplete_gamma_uniform(a, x);
    }
    let front = exp(ln_poisson(a, x)); // xᵃ e⁻ˣ / Γ(a + 1)
    if x < a + 1.0 {
        let (mut term, mut sum, mut n) = (1.0, 1.0, a);
        loop {
            n += 1.0;
            term *= x / n;
            sum += term;
            if term <= sum * 1e-17 {
                break;
            }
        }
        let p = front * sum;
        // Q = 1 - P loses digits only when P is near 1, which x < a + 1 allows for small a alone.
        if p > 0.9 && a < 1.0 { (p, upper_gamma_small(a, x)) } else { (p.min(1.0), (1.0 - p).max(0.0)) }
    } else {
        // Lentz's evaluation of 1/(x+1-a- 1(1-a)/(x+3-a- ...))
        let mut b = x + 1.0 - a;
        let mut c = 1.0 / TINY;
        let mut d = 1.0 / b;
        let mut h = d;
        let mut i = 1.0;
        loop {
            let an = -i * (i - a);
            b += 2.0;
            d = 1.0 / nonzero(an * d + b);
            c = nonzero(b + an / c);
            let step = d * c;
            h *= step;
            if (step - 1.0).abs() <= 2.3e-16 || i > 1e9 {
                break;
            }
            i += 1.0;
        }
        let q = (front * a * h).min(1.0);
        (1.0 - q, q)
    }
}

/// Q(a, x) for small a and x: 1 - xᵃ/Γ(1+a) + xᵃ/Γ(a) Σ ..., arranged so that nothing cancels.
fn upper_gamma_small(a: f64, x: f64) -> f64 {
    // P = xᵃ/Γ(1+a) (1 - a S), S = Σ_{n>=1} (-1)ⁿ⁺¹ xⁿ / (n! (a + n)); and 1 - xᵃ/Γ(1+a) by expm1.
    let ln_front = a * log(x) - lgamma(1.0 + a);
    let (mut s, mut term) = (0.0, -1.0);
    for n in 1..200 {
        let n = f64::from(n);
        term *= -x / n;
        let add = term / (a + n);
        s += add;
        if add.abs() <= 1e-17 * f64::abs(s) {
            break;
        }
    }
    -expm1(ln_front) + a * exp(ln_front) * s
}

/// Temme's uniform expansion for a > 10⁶ and x within 2 % of a: relative error below 1e-12 in the bulk.
fn incomplete_gamma_uniform(a: f64, x: f64) -> (f64, f64) {
    let mu = (x - a) / a;
    let half_square = deviance(a, x) / a; // λ - 1 - ln λ = η²/2
    let eta = sqrt(2.0 * half_square).copysign(mu);
    let c0 = -1.0 / 3.0
        + eta
            * (1.0 / 12.0
                + eta
                    * (-2.0 / 135.0
                        + eta
                            * (1.0 / 864.0
                                + eta
                                    * (1.0 / 2835.0 + eta * (-139.0 / 777_600.0 + eta * (1.0 / 25_515.0))))));
    let c1 = -1.0 / 540.0 + eta * (-1.0 / 288.0 + eta * (1.0 / 378.0));
    let r = exp(-a * half_square - LN_SQRT_2PI - 0.5 * log(a)) * (c0 + c1 / a);
    let t = eta * sqrt(0.5 * a);
    ((0.5 * libm::erfc(-t) - r).clamp(0.0, 1.0), (0.5 * libm::erfc(t) + r).clamp(0.0, 1.0))
}

/// The regularised incomplete beta functions (I_x(a, b), 1 - I_x(a, b)), each with its own relative accuracy;
/// a, b > 0, y = 1 - x given for its accuracy.
pub(super) fn incomplete_beta(a: f64, b: f64, x: f64, y: f64) -> (f64, f64) {
    if x.is_nan() || y.is_nan() {
        return (f64::NAN, f64::NAN);
    }
    if !(x > 0.0) {
        return (0.0, 1.0);
    }
    if !(y > 0.0) {
        return (1.0, 0.0);
    }
    if a.min(b) > 1e8 {
        return incomplete_beta_uniform(a, b, x, y);
    }
    if x > (a + 1.0) / (a + b + 2.0) {
        let (upper, lower) = incomplete_beta(b, a, y, x);
        return (lower, upper);
    }
    // xᵃ yᵇ / B(a, b) = ab/(a+b) times a binomial probability
    let front = exp(ln_binomial(a, a + b, x, y)) * b / (a + b);
    let (mut c, mut d) = (1.0, 1.0 / nonzero(1.0 - (a + b) * x / (a + 1.0)));
    let mut h = d;
    let mut m = 1.0;
    loop {
        let even = m * (b - m) * x / ((a - 1.0 + 2.0 * m) * (a + 2.0 * m));
        d = 1.0 / nonzero(1.0 + even * d);
        c = nonzero(1.0 + even / c);
        h *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 1.0 + 2.0 * m));
        d = 1.0 / nonzero(1.0 + odd * d);
        c = nonzero(1.0 + odd / c);
        let step = d * c;
        h *= step;
        if (step - 1.0).abs() <= 2.3e-16 || m > 1e9 {
            break;
        }
        m += 1.0;
    }
    let lower = (front * h).min(1.0);
    (lower, 1.0 - lower)
}

/// Temme's uniform expansion for a, b > 10⁸, leading term: absolute error below 10⁻¹¹.
fn incomplete_beta_uniform(a: f64, b: f64, x: f64, y: f64) -> (f64, f64) {
    let r = a + b;
    let (x0, y0) = (a / r, b / r);
    let spread = sqrt(x0 * y0);
    let d = if x0 < 0.5 { x - x0 } else { y0 - y } / spread;
    let half_square = deviance(x0, x) + deviance(y0, y);
    let eta = sqrt(2.0 * half_square).copysign(d);
    let c0 = if eta.abs() < 1e-7 { (y0 - x0) / (3.0 * spread) } else { 1.0 / eta - 1.0 / d };
    let rest = exp(-r * half_square - LN_SQRT_2PI - 0.5 * log(r)) * c0;
    let t = eta * sqrt(0.5 * r);
    ((0.5 * libm::erfc(-t) + rest).clamp(0.0, 1.0), (0.5 * libm::erfc(t) - rest).clamp(0.0, 1.0))
}

fn nonzero(x: f64) -> f64 {
    if x.abs() < TINY { TINY } else { x }
}

/// Upper tail of the standard normal.
pub(crate) fn normal_sf(z: f64) -> f64 {
    0.5 * libm::erfc(z * std::f64::consts::FRAC_1_SQRT_2)
}

/// Distribution function of the standard normal.
pub(crate) fn normal_cdf(z: f64) -> f64 {
    normal_sf(-z)
}

/// The z with normal_cdf(z) = p, for p in [0, 1].
pub(crate) fn normal_quantile(p: f64) -> f64 {
    if p > 0.5 {
        return -normal_quantile(1.0 - p);
    }
    if p == 0.0 {
        return f64::NEG_INFINITY;
    }
    let z = -std::f64::consts::SQRT_2 * statrs::function::erf::erfc_inv(2.0 * p);
    // One step of Halley's method repairs what the rational approximation left.
    let e = (normal_cdf(z) - p) * exp(0.5 * z * z + LN_SQRT_2PI);
    let step = e / (1.0 + 0.5 * z * e);
    if step.is_finite() { z - step } else { z }
}
