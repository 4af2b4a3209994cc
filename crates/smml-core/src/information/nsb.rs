//! The entropy estimator of Nemenman, Shafee and Bialek: a mixture of Dirichlet priors, integrated numerically.

use super::estimators::Profile;
use crate::distribution::digamma;
use libm::lgamma as ln_gamma;

/// Mean and standard deviation of the posterior of the entropy.
///
/// For Dirichlet priors of concentration b on each of K values all moments are known; b is integrated out with a density
/// that makes the prior mean ξ(b) = ψ(Kb + 1) - ψ(b + 1) of the entropy uniform.
pub(super) fn nsb(profile: &Profile) -> (f64, f64) {
    let k = profile.values as f64;
    if profile.values < 2 {
        return (0.0, 0.0);
    }
    // ln of the integrand over u = ln b, without constants.
    let ln_density = |u: f64| {
        let b = libm::exp(u);
        let evidence = profile.sum(|c| ln_rising(b, c)) - ln_rising(k * b, profile.n);
        // dξ/db; for large b the leading terms 1/b of the two trigammas cancel and are left out.
        let slope = if b > TRIGAMMA_SERIES {
            k * trigamma_excess(k * b) - trigamma_excess(b)
        } else {
            k * trigamma(k * b + 1.0) - trigamma(b + 1.0)
        };
        evidence + libm::log(slope) + u
    };
    // The integrand has one bulk, which may be narrow: close in on where it is above e⁻⁴⁵ of its top.
    let (mut low, mut high, mut top) = (-32.0, 32.0, f64::NEG_INFINITY);
    for _ in 0..4 {
        let step = (high - low) / 256.0;
        let grid: Vec<(f64, f64)> =
            (0..=256).map(|i| low + step * f64::from(i)).map(|u| (u, ln_density(u))).collect();
        top = grid.iter().map(|x| x.1).fold(f64::NEG_INFINITY, f64::max);
        let bulk = |x: &&(f64, f64)| x.1 > top - 45.0;
        (low, high) = (
            grid.iter().find(bulk).map_or(low, |x| x.0 - step),
            grid.iter().rev().find(bulk).map_or(high, |x| x.0 + step),
        );
    }
    // The trapezoidal rule converges exponentially for an integrand that vanishes at both ends.
    let points = 400;
    let (mut z, mut m1, mut m2) = (0.0, 0.0, 0.0);
    for i in 0..=points {
        let u = low + (high - low) * f64::from(i) / f64::from(points);
        let w = libm::exp(ln_density(u) - top);
        let (mean, square) = dirichlet_entropy(profile, libm::exp(u));
        z += w;
        m1 += w * mean;
        m2 += w * square;
    }
    let mean = m1 / z;
    (mean, (m2 / z - mean * mean).max(0.0).sqrt())
}

/// ln[Γ(b + n) / Γ(b)] without cancellation for small and for large b.
fn ln_rising(b: f64, n: u64) -> f64 {
    if n <= 16 {
        return (0..n).map(|j| libm::log(b + j as f64)).sum();
    }
    let n = n as f64;
    if b < 20.0 {
        return ln_gamma(b + n) - ln_gamma(b + 1.0) + libm::log(b);
    }
    let stirling = |x: f64| (1.0 / 12.0 - (1.0 / 360.0 - 1.0 / (1260.0 * x * x)) / (x * x)) / x;
    n * libm::log(b) + (b + n - 0.5) * libm::log1p(n / b) - n + stirling(b + n) - stirling(b)
}

/// ⟨H⟩ and ⟨H²⟩ under the posterior of a Dirichlet prior of concentration b (Wolpert and Wolf, Phys. Rev. E 52, 6841
/// (1995)).
fn dirichlet_entropy(profile: &Profile, b: f64) -> (f64, f64) {
    let k = profile.values as f64;
    let total = profile.n as f64 + k * b;
    let unseen = (profile.values - profile.seen()) as f64;
    let sum = |f: &dyn Fn(f64) -> f64| {
        profile.sum(|c| f(c as f64 + b)) + if unseen > 0.0 { unseen * f(b) } else { 0.0 }
    };
    let mean = digamma(total + 1.0) - sum(&|x| x * digamma(x + 1.0)) / total;
    // ⟨H²⟩ = Σ_{i≠j} xᵢxⱼ/(t(t+1)) [(Δᵢ)(Δⱼ) - ψ'(t+2)] + Σᵢ xᵢ(xᵢ+1)/(t(t+1)) [(Δᵢ')² + ψ'(xᵢ+2) - ψ'(t+2)]
    // with Δᵢ = ψ(xᵢ+1) - ψ(t+2), Δᵢ' = ψ(xᵢ+2) - ψ(t+2).
    let (psi, psi1) = (digamma(total + 2.0), trigamma(total + 2.0));
    let linear = sum(&|x| x * (digamma(x + 1.0) - psi));
    let diagonal = sum(&|x| (x * (digamma(x + 1.0) - psi)).powi(2));
    let squares = sum(&|x| x * x);
    let same = sum(&|x| x * (x + 1.0) * ((digamma(x + 2.0) - psi).powi(2) + trigamma(x + 2.0) - psi1));
    let pairs = linear * linear - diagonal - (total * total - squares) * psi1;
    (mean, (pairs + same) / (total * (total + 1.0)))
}

/// From here on the asymptotic series of ψ' is good to rounding.
const TRIGAMMA_SERIES: f64 = 12.0;

/// ψ'(x) for x > 0: recurrence to where the series holds.
fn trigamma(mut x: f64) -> f64 {
    let mut sum = 0.0;
    while x < TRIGAMMA_SERIES {
        sum += 1.0 / (x * x);
        x += 1.0;
    }
    sum + 1.0 / (x * x) + 1.0 / x + trigamma_excess(x)
}

/// ψ'(x + 1) - 1/x = -1/(2x²) + Σ B₂ₖ / x²ᵏ⁺¹ for x >= [`TRIGAMMA_SERIES`].
fn trigamma_excess(x: f64) -> f64 {
    let y = 1.0 / (x * x);
    let bernoulli = [1.0 / 6.0, -1.0 / 30.0, 1.0 / 42.0, -1.0 / 30.0, 5.0 / 66.0, -691.0 / 2730.0, 7.0 / 6.0];
    let tail = bernoulli.iter().rev().fold(0.0, |tail, b| (tail + b) * y);
    (tail - 0.5 / x) / x
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::information::x_ln_x;

    #[test]
    fn special_functions() {
        use std::f64::consts::PI;
        assert!((trigamma(1.0) - PI * PI / 6.0).abs() < 1e-14);
        assert!((trigamma(0.5) - PI * PI / 2.0).abs() < 1e-14);
        for x in [0.01, 3.7, 11.5, 12.0, 400.0, 1e9] {
            assert!((trigamma(x + 1.0) / (trigamma(x) - 1.0 / (x * x)) - 1.0).abs() < 1e-11, "{x}");
        }
        // Γ(b + n) / Γ(b) as a product, on all three paths.
        for (b, n) in [(1e-9, 5), (1e-9, 50), (3.3, 40), (19.99, 300), (20.0, 300), (1e6, 77), (1e13, 100)] {
            let product: f64 = (0..n).map(|j| (b + f64::from(j)).ln()).sum();
            assert!((ln_rising(b, n as u64) / product - 1.0).abs() < 1e-12, "{b} {n}");
        }
        // Moments of the entropy under Beta(5, 3), the posterior of four and two counts at b = 1, by Simpson's rule.
        let profile = Profile::new(&[4, 2]).unwrap();
        let steps = 20_000;
        let mut sums = [0.0; 3];
        for i in 0..=steps {
            let p = f64::from(i) / f64::from(steps);
            let simpson = if i == 0 || i == steps { 1.0 } else { f64::from(2 + 2 * (i % 2)) };
            let (w, h) = (simpson * p.powi(4) * (1.0 - p).powi(2), -x_ln_x(p) - x_ln_x(1.0 - p));
            for (k, sum) in sums.iter_mut().enumerate() {
                *sum += w * h.powi(k as i32);
            }
        }
        let (mean, square) = dirichlet_entropy(&profile, 1.0);
        assert!((mean - sums[1] / sums[0]).abs() < 1e-10 && (square - sums[2] / sums[0]).abs() < 1e-10);
    }
}
