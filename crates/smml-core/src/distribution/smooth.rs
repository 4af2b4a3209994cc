//! Sums over a wide, log-concave law on the integers as integrals of its mass, continued to real arguments.

use libm::exp;

/// Standard deviation from which on the integrals are used: what they neglect is below 10⁻¹¹ of the result.
pub(super) const FROM: f64 = 2000.0;
/// Terms beyond e^-DEPTH of the largest are left out.
const DEPTH: f64 = 46.0;

/// Σ p(j) over j <= k (or j > k, `upwards`), for k below (above) about the mean.
///
/// Euler and Maclaurin, from the middle between two integers: Σ_{j<=k} p(j) = ∫_{-∞}^{k+½} p dx - p'(k+½)/24 + O(p''').
/// With local decay rate s = |p'/p| < 40/σ the term left out is of the order 7 s⁴/5760.
pub(super) fn tail(
    ln_mass: impl Fn(f64) -> f64,
    mean: f64,
    std_dev: f64,
    k: f64,
    upwards: bool,
    (first, last): (f64, f64),
) -> f64 {
    let edge = k + 0.5;
    if edge < first || edge > last {
        return 0.0; // an end of the support, hundreds of standard deviations away
    }
    let at_edge = ln_mass(edge);
    if at_edge < -800.0 {
        return 0.0;
    }
    let outwards = if upwards { 1.0 } else { -1.0 };
    // Where z s + s²/2 = DEPTH, s in standard deviations from the edge; half as far again for the skewness.
    let z = ((edge - mean) * outwards / std_dev).max(-1.0);
    let reach = 1.5 * (2.0 * DEPTH / (z + (z * z + 2.0 * DEPTH).sqrt())) * std_dev;
    let relative = |d: f64| {
        let x = edge + outwards * d;
        if x < first || x > last { 0.0 } else { exp(ln_mass(x) - at_edge) }
    };
    let integral = gauss(relative, 0.0, reach);
    // p'/p by a difference over a distance small compared with 1/s
    let h = 0.01 * std_dev / (1.0 + z.abs());
    let slope = (ln_mass((edge + h).min(last)) - ln_mass((edge - h).max(first))) / (2.0 * h);
    (exp(at_edge) * (integral + outwards * slope / 24.0)).min(1.0)
}

/// -Σ p ln p over all integers; the sum differs from the integral by terms like e^(-2π² σ²).
pub(super) fn entropy(ln_mass: impl Fn(f64) -> f64, mean: f64, std_dev: f64) -> f64 {
    let reach = 12.0 * std_dev;
    let term = |d: f64| {
        let l = ln_mass(mean + d);
        -l * exp(l)
    };
    gauss(term, -reach, 0.0) + gauss(term, 0.0, reach)
}

/// ∫ f by Gauss's rule with 16 points on 16 equal pieces.
fn gauss(f: impl Fn(f64) -> f64, from: f64, to: f64) -> f64 {
    const PIECES: i32 = 16;
    let width = (to - from) / f64::from(PIECES);
    let mut sum = 0.0;
    for i in 0..PIECES {
        let middle = from + width * (f64::from(i) + 0.5);
        for (x, w) in NODES {
            let d = 0.5 * width * x;
            sum += w * (f(middle - d) + f(middle + d));
        }
    }
    0.5 * width * sum
}

// Nodes and weights of the 16-point Gauss-Legendre rule, from the polynomial with 40 digits (mpmath).
const NODES: [(f64, f64); 8] = [
    (0.09501250983763744, 0.1894506104550685),
    (0.2816035507792589, 0.18260341504492358),
    (0.45801677765722737, 0.16915651939500254),
    (0.6178762444026438, 0.1495959888165767),
    (0.755404408355003, 0.12462897125553388),
    (0.8656312023878318, 0.09515851168249279),
    (0.9445750230732326, 0.062253523938647894),
    (0.9894009349916499, 0.027152459411754096),
];
