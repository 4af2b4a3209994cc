//! How far one distribution is from another: cross entropy, Kullback-Leibler, Jensen-Shannon, Rényi.

use super::{check_probabilities, to_bits};
use crate::{
    energy::LnSum,
    error::{Error, Result, same_length},
};

/// Checks two distributions on the same outcomes; returns their sums.
fn check_pair(p: &[f64], q: &[f64]) -> Result<(f64, f64)> {
    same_length("q", q.len(), p.len())?;
    Ok((check_probabilities("p", p)?, check_probabilities("q", q)?))
}

/// One outcome's part of the Kullback-Leibler divergence, p ln(p/q) - p + q: never negative, so that sums of parts do
/// not cancel.
pub(crate) fn kl_term(p: f64, q: f64) -> f64 {
    if p == 0.0 {
        return q;
    }
    if q == 0.0 {
        return f64::INFINITY;
    }
    let x = (p - q) / q;
    if x.abs() < 0.05 {
        // (1 + x) ln(1 + x) - x = Σ (-x)ᵏ / (k (k - 1)), k = 2, 3, ...: to 1e-17 with twelve terms.
        let sum = (2..14).rev().fold(0.0, |sum, k| 1.0 / f64::from(k * (k - 1)) - x * sum);
        return q * x * x * sum;
    }
    // The ratio itself may overflow where its logarithm does not.
    p * (libm::log(p) - libm::log(q)) - p + q
}

/// The Kullback-Leibler divergence D(p‖q) = Σ pᵢ ln(pᵢ/qᵢ) in nats: what is lost by coding p with the best code for q.
///
/// Never negative, 0 only for p = q, and `f64::INFINITY` when p gives weight to an outcome that q excludes. Accurate to
/// rounding also when p and q are close, where the plain sum cancels.
///
/// Errors: different lengths, or lists that are not probabilities.
///
/// ```
/// use smml_core::information::kl_divergence;
/// assert!((kl_divergence(&[0.5, 0.5], &[0.25, 0.75])? - 0.5 * (4.0f64 / 3.0).ln()).abs() < 1e-15);
/// assert_eq!(kl_divergence(&[0.5, 0.5], &[1.0, 0.0])?, f64::INFINITY);
/// # Ok::<(), smml_core::Error>(())
/// ```
pub fn kl_divergence(p: &[f64], q: &[f64]) -> Result<f64> {
    let (sp, sq) = check_pair(p, q)?;
    Ok(kl_of(p.iter().zip(q).map(|(a, b)| (a / sp, b / sq))))
}

/// [`kl_divergence`] in bits.
pub fn kl_divergence_bits(p: &[f64], q: &[f64]) -> Result<f64> {
    kl_divergence(p, q).map(to_bits)
}

/// The cross entropy -Σ pᵢ ln qᵢ = H(p) + D(p‖q) in nats; `f64::INFINITY` when p gives weight to an outcome that q
/// excludes.
pub fn cross_entropy(p: &[f64], q: &[f64]) -> Result<f64> {
    let (sp, sq) = check_pair(p, q)?;
    let parts = p.iter().zip(q).filter(|(a, _)| **a > 0.0).map(|(a, b)| a / sp * libm::log(b / sq));
    Ok(-parts.sum::<f64>() + 0.0)
}

/// [`cross_entropy`] in bits.
pub fn cross_entropy_bits(p: &[f64], q: &[f64]) -> Result<f64> {
    cross_entropy(p, q).map(to_bits)
}

/// The Jensen-Shannon divergence ½ D(p‖m) + ½ D(q‖m) with m = (p + q)/2, in nats: symmetric, between 0 and ln 2, and
/// finite whatever the supports. Its square root is a metric.
///
/// scipy's `jensenshannon` returns that square root.
pub fn jensen_shannon(p: &[f64], q: &[f64]) -> Result<f64> {
    let (sp, sq) = check_pair(p, q)?;
    let parts = p.iter().zip(q).map(|(a, b)| {
        let (a, b) = (a / sp, b / sq);
        let middle = 0.5 * (a + b);
        0.5 * (kl_term(a, middle) + kl_term(b, middle))
    });
    Ok(parts.sum::<f64>().min(std::f64::consts::LN_2))
}

/// [`jensen_shannon`] in bits: between 0 and 1.
pub fn jensen_shannon_bits(p: &[f64], q: &[f64]) -> Result<f64> {
    jensen_shannon(p, q).map(to_bits)
}

/// The Rényi divergence Dₐ(p‖q) = ln(Σ pᵢᵃ qᵢ¹⁻ᵃ) / (a - 1) in nats, of order `a` in (0, ∞); the Kullback-Leibler
/// divergence at 1, -2 ln of the Bhattacharyya coefficient at ½.
///
/// Infinite when p and q have no outcome in common, and for a >= 1 when p gives weight to an outcome that q excludes.
pub fn renyi_divergence(p: &[f64], q: &[f64], order: f64) -> Result<f64> {
    let (sp, sq) = check_pair(p, q)?;
    if !(order > 0.0 && order.is_finite()) {
        return Err(Error::out_of_range("order", order, "finite and greater than 0"));
    }
    let pairs = || p.iter().zip(q).map(|(a, b)| (a / sp, b / sq)).filter(|(a, _)| *a > 0.0);
    let t = order - 1.0;
    if order >= 1.0 && pairs().any(|(_, b)| b == 0.0) {
        return Ok(f64::INFINITY);
    }
    if t.abs() < 1e-4 && pairs().all(|(_, b)| b > 0.0) {
        // As for the entropy: cumulants of ln(p/q) under p.
        let mean = |f: &dyn Fn(f64) -> f64| -> f64 { pairs().map(|(a, b)| a * f(libm::log(a / b))).sum() };
        let k1 = kl_divergence(p, q)?;
        let k2 = mean(&|l| (l - k1).powi(2));
        let k3 = mean(&|l| (l - k1).powi(3));
        return Ok(k1 + t * k2 / 2.0 + t * t * k3 / 6.0);
    }
    let mut total = LnSum::default();
    pairs().filter(|(_, b)| *b > 0.0).for_each(|(a, b)| total.add(order * libm::log(a) - t * libm::log(b)));
    let ln = total.ln();
    Ok(if ln == f64::NEG_INFINITY { f64::INFINITY } else { (ln / t).max(0.0) })
}

/// D(p‖q) of pairs (p, q) from two normalised lists.
pub(crate) fn kl_of(pairs: impl Iterator<Item = (f64, f64)>) -> f64 {
    pairs.map(|(a, b)| kl_term(a, b)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_values() {
        let (p, q) = ([0.5, 0.3, 0.15, 0.05], [0.2, 0.3, 0.4, 0.1]);
        // scipy.stats.entropy(p, q); scipy.spatial.distance.jensenshannon(p, q)**2
        assert!((kl_divergence(&p, &q).unwrap() - 0.276_363_618_957_321_3).abs() < 1e-15);
        assert!((jensen_shannon(&p, &q).unwrap() - 0.066_933_137_731_534_24).abs() < 1e-15);
        assert!((jensen_shannon_bits(&[1.0, 0.0], &[0.0, 1.0]).unwrap() - 1.0).abs() < 1e-15);
        assert_eq!(jensen_shannon(&p, &p).unwrap(), 0.0);
        assert_eq!(kl_divergence(&[1.0, 0.0], &[0.5, 0.5]).unwrap(), 2f64.ln());
        assert_eq!(cross_entropy(&[0.0, 1.0], &[1.0, 0.0]).unwrap(), f64::INFINITY);
        assert_eq!(renyi_divergence(&[0.0, 1.0], &[1.0, 0.0], 0.5).unwrap(), f64::INFINITY);
        let coefficient: f64 = p.iter().zip(&q).map(|(a, b): (&f64, &f64)| (a * b).sqrt()).sum();
        assert!((renyi_divergence(&p, &q, 0.5).unwrap() + 2.0 * coefficient.ln()).abs() < 1e-15);
        assert_eq!(renyi_divergence(&p, &q, 1.0).unwrap(), kl_divergence(&p, &q).unwrap());
        for side in [-1.0, 1.0] {
            let [inside, outside] =
                [0.999_999e-4, 1.000_001e-4].map(|t| renyi_divergence(&p, &q, 1.0 + side * t).unwrap());
            assert!((inside - outside).abs() < 2e-10, "{inside} {outside}");
        }
        // Against a zero of q: infinite from order 1 on, finite below.
        assert_eq!(renyi_divergence(&[0.5, 0.5], &[1.0, 0.0], 1.0).unwrap(), f64::INFINITY);
        assert!((renyi_divergence(&[0.5, 0.5], &[1.0, 0.0], 0.5).unwrap() - 2f64.ln()).abs() < 1e-15);
        assert!(renyi_divergence(&p, &q, 0.0).is_err());
        assert!(matches!(kl_divergence(&p, &q[..3]), Err(Error::Length { .. })));
        assert!(kl_divergence(&p, &[0.2, 0.3, 0.4, 0.2]).unwrap_err().to_string().starts_with("sum of q"));
    }

    #[test]
    fn no_cancellation_between_neighbours() {
        // D(p‖q) = -½ ln(1 - 4ε²) for p uniform on two outcomes, q = ½ ± ε.
        for e in [1e-7, 1e-5, 1e-3, 0.02, 0.024, 0.025, 0.026, 0.1] {
            let d = kl_divergence(&[0.5, 0.5], &[0.5 - e, 0.5 + e]).unwrap();
            let exact = -0.5 * (-4.0 * e * e).ln_1p();
            assert!((d / exact - 1.0).abs() < 1e-8, "{e}: {d} {exact}");
        }
        // Extreme ratios do not overflow.
        assert!((kl_divergence(&[1.0 - 1e-200, 1e-200], &[1.0, 5e-324]).unwrap()).abs() < 1e-15);
    }

    proptest! {
        #[test]
        fn laws(pairs in prop::collection::vec((0.0..1.0f64, 1e-6..1.0f64), 1..20)) {
            let (a, b): (f64, f64) = pairs.iter().fold((0.0, 0.0), |s, x| (s.0 + x.0, s.1 + x.1));
            prop_assume!(a > 1e-3);
            let (p, q): (Vec<f64>, Vec<f64>) = pairs.iter().map(|x| (x.0 / a, x.1 / b)).unzip();
            let d = kl_divergence(&p, &q).unwrap();
            let plain: f64 = p.iter().zip(&q).filter(|x| *x.0 > 0.0).map(|(x, y)| x * (x / y).ln()).sum();
            prop_assert!(d >= 0.0 && (d - plain).abs() < 1e-12);
            prop_assert!((cross_entropy(&p, &q).unwrap() - crate::information::entropy_nats(&p).unwrap() - d).abs() < 1e-12);
            let js = jensen_shannon(&p, &q).unwrap();
            prop_assert!((js - jensen_shannon(&q, &p).unwrap()).abs() < 1e-14);
            prop_assert!((0.0..=std::f64::consts::LN_2).contains(&js));
            // Non-decreasing in the order.
            let orders = [0.3, 0.9, 1.0, 1.5, 3.0].map(|t| renyi_divergence(&p, &q, t).unwrap());
            for w in orders.windows(2) { prop_assert!(w[0] <= w[1] + 1e-9); }
        }
    }
}
