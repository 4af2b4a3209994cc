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

/// ln Γ(b + a) - ln Γ(b) for b > 0, a >= 0, without the cancellation of two logarithms of Γ: the relative error stays
/// near rounding for a -> 0 and for large b.
pub(super) fn ln_gamma_step(b: f64, a: f64) -> f64 {
    // Γ(x + 1) = x Γ(x) carries b to where Stirling's series is good to the last digit.
    let (mut b, mut below) = (b, 0.0);
    while b < 15.0 {
        below += log1p(a / b);
        b += 1.0;
    }
    let u = 1.0 / (b + a);
    let v = 1.0 / b;
    // uⁿ - vⁿ = (u - v)(uⁿ⁻¹ + ... + vⁿ⁻¹), u - v = -a u v
    let (u2, v2, uv) = (u * u, v * v, u * v);
    let s3 = u2 + uv + v2;
    let s5 = u2 * s3 + v2 * (uv + v2);
    let s7 = u2 * s5 + v2 * v2 * (uv + v2);
    let s9 = u2 * s7 + v2 * v2 * v2 * (uv + v2);
    let s11 = u2 * s9 + v2 * v2 * v2 * v2 * (uv + v2);
    let series =
        1.0 / 12.0 - s3 / 360.0 + s5 / 1260.0 - s7 / 1680.0 + s9 / 1188.0 - s11 * (691.0 / 360_360.0);
    let ratio = a / b;
    // (b + a - ½) ln(1 + a/b) - a + a ln b
    let stirling = if ratio < 0.01 {
        // b ln(1 + a/b) - a = b (ln(1 + r) - r), and ln(1 + r) - r by its series
        (a - 0.5) * log1p(ratio) + b * log1p_less(ratio)
    } else {
        (b + a - 0.5) * log1p(ratio) - a
    };
    stirling + a * log(b) - a * uv * series - below
}

/// ln(1 + r) - r for 0 <= r < 0.01.
fn log1p_less(r: f64) -> f64 {
    let (mut sum, mut power) = (0.0, -r);
    for k in 2..10 {
        power *= -r;
        sum -= power / f64::from(k);
    }
    sum
}

/// ψ(b + a) - ψ(b), ψ = (ln Γ)', for b > 0, a >= 0: relative error near rounding for a -> 0 and for large b.
pub(super) fn digamma_step(b: f64, a: f64) -> f64 {
    let (mut b, mut below) = (b, 0.0);
    while b < 15.0 {
        below += a / b / (b + a);
        b += 1.0;
    }
    let u = 1.0 / (b + a);
    let v = 1.0 / b;
    let (u2, v2) = (u * u, v * v);
    // ψ(x) = ln x - 1/(2x) - 1/(12x²) + 1/(120x⁴) - 1/(252x⁶) + 1/(240x⁸) - 1/(132x¹⁰); differences of even powers
    // are (u - v)(u + v) (u²ⁿ⁻² + u²ⁿ⁻⁴ v² + ... + v²ⁿ⁻²)
    let t4 = u2 + v2;
    let t6 = u2 * t4 + v2 * v2;
    let t8 = u2 * t6 + v2 * v2 * v2;
    let t10 = u2 * t8 + v2 * v2 * v2 * v2;
    let even = 1.0 / 12.0 - t4 / 120.0 + t6 / 252.0 - t8 / 240.0 + t10 / 132.0;
    log1p(a / b) + a * u * v * (0.5 + (u + v) * even) + below
}

/// ψ(a) for a > 0.
pub(crate) fn digamma(a: f64) -> f64 {
    const EULER: f64 = 0.577_215_664_901_532_9;
    digamma_step(1.0, a) - EULER - 1.0 / a
}

/// ln B(a, b) for a, b > 0.
pub(super) fn ln_beta(a: f64, b: f64) -> f64 {
    let (small, large) = if a < b { (a, b) } else { (b, a) };
    if small < 15.0 {
        return lgamma(small) - ln_gamma_step(large, small);
    }
    let n = a + b;
    // √(2π) aᵃ⁻½ bᵇ⁻½ / nⁿ⁻½ times the corrections
    LN_SQRT_2PI + stirling_error(a) + stirling_error(b)
        - stirling_error(n)
        - a * log1p(b / a)
        - b * log1p(a / b)
        + 0.5 * (log(n) - log(a) - log(b))
}

/// ln(Γ(n + 1) / (Γ(x + 1) Γ(n - x + 1)) pˣ qⁿ⁻ˣ) for real x, rest = n - x >= 0. Of each pair that adds up (x and rest,
/// p and q) both are given, for the accuracy of the smaller.
pub(super) fn ln_binomial(x: f64, rest: f64, p: f64, q: f64) -> f64 {
    let n = x + rest;
    if p == 0.0 {
        return if x == 0.0 { 0.0 } else { f64::NEG_INFINITY };
    }
    if q == 0.0 {
        return if rest == 0.0 { 0.0 } else { f64::NEG_INFINITY };
    }
    let ln_p = if p > 0.5 { log1p(-q) } else { log(p) };
    let ln_q = if q > 0.5 { log1p(-p) } else { log(q) };
    if x == 0.0 {
        return rest * ln_q;
    }
    if rest == 0.0 {
        return x * ln_p;
    }
    let small = x.min(rest);
    if small < 1e-8 {
        let large = x.max(rest);
        return ln_gamma_step(large + 1.0, small) - ln_gamma_step(1.0, small) + x * ln_p + rest * ln_q;
    }
    stirling_error(n)
        - stirling_error(x)
        - stirling_error(rest)
        - deviance(x, n * p)
        - deviance(rest, n * q)
        - LN_SQRT_2PI
        - 0.5 * (log(small) + log1p(-small / n))
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
    let ln_front = a * log(x) - ln_gamma_step(1.0, a); // 1 + a would round a away
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
/// a, b > 0; x and y = 1 - x are both given, for the accuracy of the smaller.
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
    // a - (a + b) x, from y: for x near 1 the difference of the large numbers has no digits left.
    let before = a * y - b * x;
    // x > (a + 1) / (a + b + 2)
    if before + (y - x) < 0.0 {
        let (upper, lower) = incomplete_beta(b, a, y, x);
        return (lower, upper);
    }
    // The continued fraction of A. R. Didonato and A. H. Morris, ACM Trans. Math. Softw. 18, 360 (1992), Eq. (9), by
    // Lentz's method.
    let part = |m: f64| {
        let s = a + 2.0 * m;
        m + m * ((b - m) * (x / (s - 1.0))) + (a + m) / (s + 1.0) * (before + 1.0 + m * (1.0 + y))
    };
    let mut h = nonzero(a / (a + 1.0) * (before + 1.0)); // part(0), also for a = 1
    let (mut c, mut d) = (h, 0.0);
    let mut m = 1.0;
    loop {
        let s = a + 2.0 * m - 1.0;
        let before_m = m - 1.0; // first, so that a small a is not rounded away
        let numerator = ((before_m + a) / s) * ((before_m + a + b) * (x / s)) * (m * ((b - m) * x));
        let b_m = part(m);
        d = 1.0 / nonzero(numerator * d + b_m);
        c = nonzero(b_m + numerator / c);
        let step = d * c;
        h *= step;
        if (step - 1.0).abs() <= 2.3e-16 || m > 1e7 {
            break;
        }
        m += 1.0;
    }
    // xᵃ yᵇ / B(a, b) = ab/(a+b) times a binomial probability
    let lower = (exp(ln_binomial(a, b, x, y)) * (a / h) / (1.0 + a / b)).min(1.0);
    // Below its mean the function is near 1 for small a alone.
    (lower, if a < 1.0 && lower > 0.5 { upper_beta_small(a, b, x) } else { 1.0 - lower })
}

/// 1 - I_x(a, b) for a < 1 and x below (a + 1)/(a + b + 2): from
/// I = xᵃ / (a B(a, b)) (1 + a S), S = Σ_{n>=1} (1-b)(2-b)...(n-b) xⁿ / (n! (a + n)), so that nothing cancels.
fn upper_beta_small(a: f64, b: f64, x: f64) -> f64 {
    let ln_front = a * log(x) + ln_gamma_step(b, a) - ln_gamma_step(1.0, a);
    let (mut s, mut term) = (0.0, 1.0);
    for n in 1..1000 {
        let n = f64::from(n);
        term *= (n - b) * x / n;
        let add = term / (a + n);
        s += add;
        if add.abs() <= 1e-17 * f64::abs(s) {
            break;
        }
    }
    -expm1(ln_front) - a * exp(ln_front) * s
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
    // Abramowitz and Stegun 26.2.23, absolute error below 4.5e-4 at every p; Halley's method cubes what is left.
    let t = sqrt(-2.0 * log(p));
    let mut z = (2.515517 + t * (0.802853 + t * 0.010328))
        / (1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308)))
        - t;
    for _ in 0..3 {
        let e = (normal_cdf(z) - p) * exp(0.5 * z * z + LN_SQRT_2PI);
        let step = e / (1.0 + 0.5 * z * e);
        if !step.is_finite() {
            break;
        }
        z -= step;
    }
    z
}
