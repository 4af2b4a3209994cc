//! Algorithmic information on average (Eq. (27)).
//!
//! The Kolmogorov complexity K(s), the length of the shortest program that prints s, cannot be computed. For strings that
//! are drawn from a computable distribution p its mean is close to the Shannon entropy nevertheless: for prefix programs
//! H(p) <= Σ p(s) K(s) <= H(p) + K(p) + O(1), where K(p) is the length of a program for p itself. This is what Eq. (27)
//! stands for; it says nothing about single strings.

use super::{
    block_decomposition::{BlockDecomposition, Blocks, Ctm},
    entropy::entropy_of,
    lempel_ziv::lz76_code_length_bits,
    to_bits,
};
use crate::error::{Result, same_length};

/// Means over an ensemble of strings, all in bits. Eq. (27).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EnsembleComplexity {
    /// The Shannon entropy H(p) of the ensemble.
    pub entropy_bits: f64,
    /// The mean length of the prefix code by LZ76 phrases, [`lz76_code_length_bits`]. It is an upper bound of the mean of K,
    /// up to the constant size of a decoder, and at least `entropy_bits`, as for every prefix code.
    pub code_length_bits: f64,
    /// The mean of the block decomposition. For strings no longer than a block it is an average of ideal code lengths, and
    /// at least `entropy_bits`; for longer ones it approximates K without bounding it from either side.
    pub block_decomposition_bits: f64,
    /// The probability of strings with a block that the table lacks. Those blocks were counted with a lower bound.
    pub uncovered: f64,
}

/// Averages estimates of algorithmic information over strings with probabilities `p`, beside the Shannon entropy. Eq. (27).
///
/// The strings must be different: a string given twice counts as two outcomes in the entropy, and the bounds between the
/// entropy and the means are lost.
///
/// ```
/// use smml_core::information::{Blocks, Ctm, ensemble_complexity};
/// // All strings of eight symbols, equally likely: H = 8 bits, and no code does better on average.
/// let strings: Vec<Vec<bool>> = (0..256).map(|s| (0..8).map(|i| s >> i & 1 == 1).collect()).collect();
/// let means = ensemble_complexity(&strings, &[1.0 / 256.0; 256], Ctm::five_states(), Blocks::new(8)?)?;
/// assert!((means.entropy_bits - 8.0).abs() < 1e-12);
/// assert!(means.code_length_bits > 8.0 && means.block_decomposition_bits > 8.0);
/// # Ok::<(), smml_core::Error>(())
/// ```
///
/// Errors: lengths that differ, lists that are not probabilities, blocks longer than the table goes.
pub fn ensemble_complexity<S: AsRef<[bool]>>(
    strings: &[S],
    p: &[f64],
    ctm: &Ctm,
    blocks: Blocks,
) -> Result<EnsembleComplexity> {
    same_length("p", p.len(), strings.len())?;
    let sum = super::check_probabilities("p", p)?;
    let mut means = EnsembleComplexity {
        entropy_bits: to_bits(entropy_of(p, sum)),
        code_length_bits: 0.0,
        block_decomposition_bits: 0.0,
        uncovered: 0.0,
    };
    for (string, weight) in strings.iter().zip(p).filter(|x| *x.1 > 0.0) {
        let (string, weight) = (string.as_ref(), weight / sum);
        means.code_length_bits += weight * lz76_code_length_bits(string, 2)?;
        let found = BlockDecomposition::new(string, ctm, blocks)?;
        means.block_decomposition_bits += weight * found.bits;
        if found.n_uncovered > 0 {
            means.uncovered += weight;
        }
    }
    Ok(means)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn strings(n: usize) -> Vec<Vec<bool>> {
        (0..1 << n).map(|s| (0..n).map(|i| s >> i & 1 == 1).collect()).collect()
    }

    #[test]
    fn a_sharp_ensemble_has_no_entropy_and_some_complexity() {
        let ctm = Ctm::five_states();
        let means = ensemble_complexity(&[vec![true; 12]], &[1.0], ctm, Blocks::new(12).unwrap()).unwrap();
        assert_eq!(means.entropy_bits, 0.0);
        assert!((means.block_decomposition_bits - 25.610413747641715).abs() < 1e-12);
        // n = 12: 7 bits; phrases of 1 and 11: 1 + 1, and 7 + 0 + 1.
        assert!((means.code_length_bits - 17.0).abs() < 1e-12);
        assert_eq!(means.uncovered, 0.0);
        let lacking = crate::information::block_decomposition::bits("000110100111").unwrap();
        let p = [0.25, 0.75];
        let found =
            ensemble_complexity(&[lacking, vec![true; 12]], &p, ctm, Blocks::new(12).unwrap()).unwrap();
        assert_eq!(found.uncovered, 0.25);
        assert!(ensemble_complexity(&[vec![true]], &[0.5, 0.5], ctm, Blocks::new(1).unwrap()).is_err());
        assert!(ensemble_complexity(&[vec![true]], &[0.5], ctm, Blocks::new(1).unwrap()).is_err());
    }

    proptest! {
        /// H <= mean code length, for any distribution over strings.
        #[test]
        fn no_code_beats_the_entropy(weights in prop::collection::vec(0.0..1.0f64, 128), power in 0.0..8.0f64) {
            let raised: Vec<f64> = weights.iter().map(|w| w.powf(power) + 1e-12).collect();
            let sum: f64 = raised.iter().sum();
            let p: Vec<f64> = raised.iter().map(|w| w / sum).collect();
            for ctm in [Ctm::four_states(), Ctm::five_states()] {
                let m = ensemble_complexity(&strings(7), &p, ctm, Blocks::new(7).unwrap()).unwrap();
                prop_assert!(m.code_length_bits >= m.entropy_bits && m.block_decomposition_bits >= m.entropy_bits);
            }
        }
    }
}
