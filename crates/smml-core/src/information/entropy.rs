//! Entropies of known probabilities: Shannon and Gibbs, Rényi and Tsallis.
//!
//! Entropies estimated from data live in [`super::estimators`].

use super::{check_probabilities, to_bits, x_ln_x};
use crate::{
    distribution::compensated_sum,
    energy::LnSum,
    error::{Error, Result, positive},
};

/// The Shannon entropy H = -Σ pᵢ ln pᵢ in nats, 0 ln 0 being 0. Eq. (26).
///
/// It is the average information of an outcome. It is not an information gain: that is the difference H(Y) - H(Y|A) of
/// two entropies, see [`super::Joint::mutual_information`] and [`super::CountTable::information_gain`].
///
/// Errors: probabilities that are negative, not finite, or do not sum to 1.
///
/// ```
/// use smml_core::information::{entropy_bits, entropy_nats};
/// assert!((entropy_nats(&[0.25; 4])? - 4f64.ln()).abs() < 1e-15);
/// assert!((entropy_bits(&[9.0 / 14.0, 5.0 / 14.0])? - 0.940_286).abs() < 1e-6);
/// # Ok::<(), smml_core::Error>(())
/// ```
pub fn entropy_nats(p: &[f64]) -> Result<f64> {
    let sum = check_probabilities("p", p)?;
    Ok(entropy_of(p, sum))
}

/// [`entropy_nats`] in bits.
pub fn entropy_bits(p: &[f64]) -> Result<f64> {
    entropy_nats(p).map(to_bits)
}

/// The entropy of weights that have been checked and sum to `sum`.
pub(crate) fn entropy_of(weights: &[f64], sum: f64) -> f64 {
    // + 0.0 turns the -0 of a certain outcome into 0.
    -compensated_sum(weights.iter().map(|w| x_ln_x(w / sum))) + 0.0
}

/// The Gibbs entropy S = -k Σ pᵢ ln pᵢ, `k` being Boltzmann's constant in the units wanted (1 elsewhere in this crate,
/// [`crate::constants::BOLTZMANN`] for J/K). Eq. (25).
///
/// Never more than k ln Ω for Ω states, and equal to it only when all pᵢ are 1/Ω (the microcanonical ensemble): the
/// second equality of Eq. (25) is [`boltzmann_entropy`], and holds in that case alone.
pub fn gibbs_entropy(p: &[f64], k: f64) -> Result<f64> {
    positive("k", k)?;
    Ok(k * entropy_nats(p)?)
}

/// Boltzmann's S = k ln Ω of Ω equally probable states, Eq. (6); in Eq. (25) the microcanonical case. `ln_omega` is ln Ω, because Ω
/// itself seldom fits a number.
pub fn boltzmann_entropy(ln_omega: f64, k: f64) -> Result<f64> {
    positive("k", k)?;
    if ln_omega >= 0.0 && ln_omega.is_finite() {
        Ok(k * ln_omega)
    } else {
        Err(Error::out_of_range("ln_omega", ln_omega, "finite and at least 0 (one state or more)"))
    }
}

/// exp(H): the number of equally probable outcomes with the same entropy.
pub fn perplexity(p: &[f64]) -> Result<f64> {
    entropy_nats(p).map(libm::exp)
}

/// The Rényi entropy Hₐ = ln(Σ pᵢᵃ) / (1 - a) in nats, of order `a` in [0, ∞].
///
/// Its limits are exact: the logarithm of the number of possible outcomes at 0, Shannon's entropy at 1, -ln max pᵢ at ∞.
pub fn renyi_entropy(p: &[f64], order: f64) -> Result<f64> {
    let sum = check_probabilities("p", p)?;
    if !(order >= 0.0) {
        return Err(Error::out_of_range("order", order, "at least 0"));
    }
    let top = p.iter().copied().fold(0.0, f64::max) / sum;
    if order == f64::INFINITY {
        return Ok(-libm::log(top) + 0.0);
    }
    let t = order - 1.0;
    if t.abs() < 1e-4 {
        // Cumulants of ln p under p: -t H = ln⟨exp(t ln p)⟩ = t κ1 + t² κ2/2 + t³ κ3/6 + O(t⁴).
        let mean = |f: &dyn Fn(f64) -> f64| -> f64 {
            p.iter().filter(|x| **x > 0.0).map(|x| x / sum * f(libm::log(x / sum))).sum()
        };
        let k1 = mean(&|l| l);
        let k2 = mean(&|l| (l - k1).powi(2));
        let k3 = mean(&|l| (l - k1).powi(3));
        return Ok(-(k1 + t * k2 / 2.0 + t * t * k3 / 6.0) + 0.0);
    }
    let mut total = LnSum::default();
    p.iter().filter(|x| **x > 0.0).for_each(|x| total.add(order * libm::log(x / sum)));
    Ok(total.ln() / -t + 0.0)
}

/// The Tsallis entropy S_q = (1 - Σ pᵢ^q) / (q - 1), of order `q` >= 0; Shannon's entropy at q = 1.
pub fn tsallis_entropy(p: &[f64], order: f64) -> Result<f64> {
    if !(order >= 0.0 && order.is_finite()) {
        return Err(Error::out_of_range("order", order, "finite and at least 0"));
    }
    // Σ p^q = exp((1 - q) H_q): no cancellation near q = 1.
    let t = 1.0 - order;
    let renyi = renyi_entropy(p, order)?;
    Ok(if t == 0.0 { renyi } else { libm::expm1(t * renyi) / t })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{constants::BOLTZMANN, distribution::PROBABILITY_TOLERANCE};
    use proptest::prelude::*;

    #[test]
    fn closed_forms() {
        assert_eq!(entropy_nats(&[1.0, 0.0]).unwrap().to_bits(), 0f64.to_bits());
        assert!((entropy_nats(&[1.0 / 6.0; 6]).unwrap() - 6f64.ln()).abs() < 1e-15);
        // scipy.stats.entropy([0.5, 0.3, 0.15, 0.05])
        assert!((entropy_nats(&[0.5, 0.3, 0.15, 0.05]).unwrap() - 1.142_120_042_988_335_2).abs() < 1e-15);
        assert!((perplexity(&[0.25; 4]).unwrap() - 4.0).abs() < 1e-14);
        // Two levels at β Δ = 1: S/k = ln Z + β⟨E⟩.
        let z = 1.0 + (-1f64).exp();
        let s = gibbs_entropy(&[1.0 / z, (-1f64).exp() / z], BOLTZMANN).unwrap();
        assert!((s / BOLTZMANN - (z.ln() + (-1f64).exp() / z)).abs() < 1e-15);
        assert!((boltzmann_entropy(6f64.ln(), 2.0).unwrap() - 2.0 * 6f64.ln()).abs() < 1e-15);
        assert!(boltzmann_entropy(-1.0, 1.0).is_err() && gibbs_entropy(&[1.0], 0.0).is_err());
    }

    #[test]
    fn renyi_and_tsallis() {
        let p = [0.5, 0.3, 0.15, 0.05];
        assert!((renyi_entropy(&p, 0.0).unwrap() - 4f64.ln()).abs() < 1e-15);
        assert!((renyi_entropy(&[0.5, 0.5, 0.0], 0.0).unwrap() - 2f64.ln()).abs() < 1e-15);
        let collision: f64 = p.iter().map(|x| x * x).sum();
        assert!((renyi_entropy(&p, 2.0).unwrap() + collision.ln()).abs() < 1e-15);
        assert!((tsallis_entropy(&p, 2.0).unwrap() - (1.0 - collision)).abs() < 1e-15);
        assert!((renyi_entropy(&p, f64::INFINITY).unwrap() - 2f64.ln()).abs() < 1e-15);
        assert!((renyi_entropy(&p, 1e6).unwrap() - 2f64.ln()).abs() < 1e-5);
        let h = entropy_nats(&p).unwrap();
        assert_eq!(tsallis_entropy(&p, 1.0).unwrap(), renyi_entropy(&p, 1.0).unwrap());
        assert!((renyi_entropy(&p, 1.0).unwrap() - h).abs() < 1e-15);
        // The series near 1 joins the formula away from it: to fourth order where they meet.
        for side in [-1.0, 1.0] {
            let [inside, outside] =
                [0.999_999e-4, 1.000_001e-4].map(|t| renyi_entropy(&p, 1.0 + side * t).unwrap());
            assert!((inside - outside).abs() < 2e-10, "{inside} {outside}");
        }
        assert!(renyi_entropy(&p, -0.1).is_err() && renyi_entropy(&p, f64::NAN).is_err());
        assert!(tsallis_entropy(&p, f64::INFINITY).is_err());
    }

    #[test]
    fn bad_probabilities_are_named() {
        let message = |p: &[f64]| entropy_nats(p).unwrap_err().to_string();
        assert!(message(&[0.5, -0.1, 0.6]).starts_with("p, entry 1 = -0.1"));
        assert!(message(&[0.5, f64::NAN]).starts_with("p, entry 1 = NaN"));
        assert!(message(&[0.5, 0.4]).starts_with("sum of p = 0.9"));
        assert!(message(&[]).starts_with("sum of p = 0 "));
        assert!(entropy_nats(&[0.5, 0.5 + 0.9 * PROBABILITY_TOLERANCE]).is_ok());
        assert!(entropy_nats(&[0.5, 0.5 + 1.1 * PROBABILITY_TOLERANCE]).is_err());
    }

    proptest! {
        #[test]
        fn bounds_and_order(weights in prop::collection::vec(0.0..1.0f64, 1..20), a in 0.0..5.0f64, b in 0.0..5.0f64) {
            let sum: f64 = weights.iter().sum();
            prop_assume!(sum > 1e-3);
            let p: Vec<f64> = weights.iter().map(|w| w / sum).collect();
            let omega = p.iter().filter(|x| **x > 0.0).count() as f64;
            let h = entropy_nats(&p).unwrap();
            prop_assert!(h >= 0.0 && h <= omega.ln() + 1e-12);
            // Rényi's entropy does not grow with its order, and passes through Shannon's.
            let (low, high) = (a.min(b), a.max(b));
            let [at_low, at_high] = [low, high].map(|q| renyi_entropy(&p, q).unwrap());
            prop_assert!(at_high <= at_low + 1e-9);
            prop_assert!(low > 1.0 || at_low >= h - 1e-9);
            prop_assert!(high < 1.0 || at_high <= h + 1e-9);
            let tsallis = tsallis_entropy(&p, 2.5).unwrap();
            let direct = (1.0 - p.iter().map(|x| x.powf(2.5)).sum::<f64>()) / 1.5;
            prop_assert!((tsallis - direct).abs() < 1e-12);
        }
    }
}
