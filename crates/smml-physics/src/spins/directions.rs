//! Exact draws of directions in the plane and in space: uniform, and with density proportional to exp(κ cos θ).

use smml_core::rng::Draw;
use std::f64::consts::PI;

/// Below this concentration uniform angles are accepted often enough.
const FLAT: f64 = 0.25;

/// cos θ and sin θ with θ from the von Mises distribution, density ∝ exp(κ cos θ) on the circle, κ >= 0.
///
/// Exact, by rejection from a wrapped Cauchy distribution (D. J. Best and N. I. Fisher, Appl. Statist. 28, 152 (1979)),
/// in a form that loses no digits at large κ: 1 - cos θ is computed, not cos θ. For κ < ¼ uniform angles are accepted
/// with probability exp(κ (cos θ - 1)).
pub fn von_mises<R: Draw>(kappa: f64, rng: &mut R) -> [f64; 2] {
    if kappa < FLAT {
        loop {
            let angle = 2.0 * PI * rng.uniform();
            let cosine = libm::cos(angle);
            if rng.uniform() < libm::exp(kappa * (cosine - 1.0)) {
                return [cosine, libm::sin(angle)];
            }
        }
    }
    // With τ = 1 + √(1 + 4κ²), Best and Fisher's r is √(τ / (τ - 2)).
    let root = libm::hypot(1.0, 2.0 * kappa);
    let excess = 4.0 * kappa * (kappa / (root + 1.0));
    let r = ((1.0 + root) / excess).sqrt();
    let r_less_1 = 2.0 / (excess * (r + 1.0));
    loop {
        let half = 0.5 * PI * rng.uniform();
        let (s, c) = (libm::sin(half), libm::cos(half));
        // 1 - cos θ, with cos θ = (1 + r z) / (r + z) and z = cos 2 half
        let versine = 2.0 * r_less_1 * s * s / (r_less_1 + 2.0 * c * c);
        let x = kappa * (r_less_1 + versine);
        let u = rng.uniform();
        if x * (2.0 - x) > u || libm::log(x / u) + 1.0 - x >= 0.0 {
            let sine = (versine * (2.0 - versine)).max(0.0).sqrt();
            return [1.0 - versine, if rng.uniform() < 0.5 { -sine } else { sine }];
        }
    }
}

/// 1 - cos θ with θ the polar angle of the von Mises-Fisher distribution in space, density ∝ exp(κ cos θ) on the sphere,
/// κ >= 0. Closed form: cos θ has the density of a truncated exponential, whose distribution function is inverted.
pub fn versine_on_sphere<R: Draw>(kappa: f64, rng: &mut R) -> f64 {
    let u = rng.uniform();
    let versine = if kappa < 1e-12 { 2.0 * u } else { -libm::log1p(u * libm::expm1(-2.0 * kappa)) / kappa };
    versine.clamp(0.0, 2.0)
}

/// A uniform direction in N dimensions.
pub fn uniform<const N: usize, R: Draw>(rng: &mut R) -> [f64; N] {
    loop {
        let v = [(); N].map(|()| rng.normal());
        if let Some(v) = normalised(v) {
            return v;
        }
    }
}

/// v / |v|; `None` where that has no meaning.
pub(crate) fn normalised<const N: usize>(v: [f64; N]) -> Option<[f64; N]> {
    let length = v.iter().map(|x| x * x).sum::<f64>().sqrt();
    (length > 0.0 && length.is_finite()).then(|| v.map(|x| x / length))
}

/// A unit vector at the angle to `axis` (of length 1) whose versine is given, at a random azimuth.
pub(crate) fn around<R: Draw>(axis: [f64; 3], versine: f64, rng: &mut R) -> [f64; 3] {
    // The coordinate axis that is least along `axis` gives a well-conditioned frame.
    let [x, y, z] = axis.map(f64::abs);
    let other = if x <= y && x <= z {
        [1.0, 0.0, 0.0]
    } else if y <= z {
        [0.0, 1.0, 0.0]
    } else {
        [0.0, 0.0, 1.0]
    };
    let first = normalised(cross(axis, other)).unwrap_or([0.0, 0.0, 1.0]);
    let second = cross(axis, first);
    let azimuth = 2.0 * PI * rng.uniform();
    let sine = (versine * (2.0 - versine)).max(0.0).sqrt();
    let (c, s) = (sine * libm::cos(azimuth), sine * libm::sin(azimuth));
    std::array::from_fn(|k| (1.0 - versine) * axis[k] + c * first[k] + s * second[k])
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}
