//! Lempel-Ziv complexity of 1976 (LZ76), in near-linear time, and what follows from it.
//!
//! The number of phrases of the exhaustive history, as Kaspar and Schuster (Phys. Rev. A 36, 842 (1987)) count them, but
//! by a suffix array instead of their quadratic search.

use super::{suffix_array::suffix_array, to_bits};
use crate::error::{Error, Result};
use std::collections::BTreeMap;

/// The end of each phrase of the exhaustive history of Lempel and Ziv (IEEE Trans. Inf. Theory 22, 75 (1976)).
///
/// A phrase is the shortest piece that has not occurred before, where an earlier occurrence may overlap the phrase but
/// must end before the phrase's last symbol. The last phrase may be cut short by the end of the sequence. Linear time but for
/// the naming of the symbols, which is O(n ln k) for k different ones; some 50 bytes of memory a symbol.
///
/// ```
/// use smml_core::information::lz76_phrases;
/// // 0·001·10·100·1000·101, the example of Lempel and Ziv.
/// assert_eq!(lz76_phrases(b"0001101001000101"), [1, 4, 6, 9, 13, 16]);
/// ```
pub fn lz76_phrases<T: Ord>(sequence: &[T]) -> Vec<usize> {
    let (symbols, alphabet) = numbered(sequence);
    phrases(&symbols, alphabet)
}

/// The number of phrases of [`lz76_phrases`]: the LZ76 complexity c(n).
pub fn lz76_complexity<T: Ord>(sequence: &[T]) -> usize {
    lz76_phrases(sequence).len()
}

/// The estimate c(n) ln n / n of the entropy rate, in nats per symbol.
///
/// For a stationary ergodic source it converges to the entropy rate, and its limit superior bounds the rate of almost every
/// sequence of the source from above (Ziv, IEEE Trans. Inf. Theory 24, 405 (1978)). That is a statement about n → ∞. At
/// finite n the estimate may lie on either side of the rate, and above ln k: within a few per cent for 200,000 tosses of
/// a coin, tens of per cent off for a hundred. It certifies nothing about the sequence at hand; [`lz76_code_length_bits`]
/// does.
///
/// Errors: fewer than two symbols.
pub fn lz76_entropy_rate<T: Ord>(sequence: &[T]) -> Result<f64> {
    if sequence.len() < 2 {
        return Err(Error::TooShort { have: sequence.len(), needed: 2 });
    }
    let n = sequence.len() as f64;
    Ok(lz76_complexity(sequence) as f64 * libm::log(n) / n)
}

/// [`lz76_entropy_rate`] in bits per symbol: c(n) log₂(n) / n, for two symbols the usual normalised complexity.
pub fn lz76_entropy_rate_bits<T: Ord>(sequence: &[T]) -> Result<f64> {
    lz76_entropy_rate(sequence).map(to_bits)
}

/// The length in bits of a prefix code for the sequence that spells out its LZ76 phrases: an upper bound on its Kolmogorov
/// complexity, up to the constant size of the decoder.
///
/// The code gives the number of symbols, then for each phrase its length, where an earlier copy of all but its last
/// symbol starts, and the last symbol out of `alphabet`. Numbers up to a known bound cost their logarithm (an arithmetic
/// coder reaches the sum to within 2 bits), the number of symbols and the lengths Elias' gamma code, 2⌊log₂ m⌋ + 1 bits.
///
/// Lengths of a prefix code obey Kraft's inequality Σ 2^-L <= 1, so that for any distribution over sequences the mean of
/// this is at least the entropy.
///
/// Errors: an `alphabet` smaller than the number of different symbols.
pub fn lz76_code_length_bits<T: Ord>(sequence: &[T], alphabet: usize) -> Result<f64> {
    let (symbols, k) = numbered(sequence);
    if alphabet < k {
        return Err(Error::out_of_range(
            "alphabet",
            alphabet,
            format!("at least {k}, the different symbols seen"),
        ));
    }
    let symbol = libm::log2(alphabet.max(1) as f64);
    let mut bits = gamma_bits(sequence.len() + 1);
    let mut start = 0;
    for end in phrases(&symbols, k) {
        let length = end - start;
        bits += gamma_bits(length) + symbol;
        if length > 1 {
            // A copy of one symbol or more starts before `start`.
            bits += libm::log2(start as f64);
        }
        start = end;
    }
    Ok(bits)
}

/// Elias' gamma code of m >= 1.
fn gamma_bits(m: usize) -> f64 {
    f64::from(2 * m.max(1).ilog2() + 1)
}

/// Symbols as numbers in the order in which they come up, and how many different ones there are.
fn numbered<T: Ord>(sequence: &[T]) -> (Vec<usize>, usize) {
    let mut names: BTreeMap<&T, usize> = BTreeMap::new();
    let numbers = sequence
        .iter()
        .map(|x| {
            let next = names.len();
            *names.entry(x).or_insert(next)
        })
        .collect();
    (numbers, names.len())
}

fn phrases(symbols: &[usize], alphabet: usize) -> Vec<usize> {
    let n = symbols.len();
    // Among earlier starts, one of the two that are nearest in suffix order shares the longest prefix with the suffix at i
    // (Crochemore and Ilie, Inf. Process. Lett. 106, 75 (2008)). All starts are put into a linked list in suffix order and
    // taken out from the last to the first: when i goes, only earlier ones are left, and its neighbours are the two.
    let array = suffix_array(symbols, alphabet);
    let (mut before, mut after) = (vec![NONE; n], vec![NONE; n]);
    for pair in array.windows(2) {
        before[pair[1]] = pair[0];
        after[pair[0]] = pair[1];
    }
    drop(array);
    for i in (0..n).rev() {
        let (b, a) = (before[i], after[i]);
        if b != NONE {
            after[b] = a;
        }
        if a != NONE {
            before[a] = b;
        }
    }
    let common = |i: usize, j: usize| {
        if j == NONE { 0 } else { symbols[i..].iter().zip(&symbols[j..]).take_while(|(x, y)| x == y).count() }
    };
    let mut ends = Vec::new();
    let mut start = 0;
    while start < n {
        let known = common(start, before[start]).max(common(start, after[start]));
        start = (start + known + 1).min(n);
        ends.push(start);
    }
    ends
}

const NONE: usize = usize::MAX;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Draw, Streams};
    use proptest::prelude::*;

    /// The definition, by search.
    fn naive(s: &[u8]) -> Vec<usize> {
        let (mut ends, mut start) = (Vec::new(), 0);
        while start < s.len() {
            let mut end = start + 1;
            while end < s.len() && s[..end - 1].windows(end - start).any(|w| w == &s[start..end]) {
                end += 1;
            }
            ends.push(end);
            start = end;
        }
        ends
    }

    #[test]
    fn published_examples() {
        for (word, c) in [
            ("", 0),
            ("0", 1),
            ("00", 2),
            ("0000000000", 2),
            ("01010101010", 3),
            // Lempel and Ziv 1976; Kaspar and Schuster 1987
            ("0001101001000101", 6),
            ("1001111011000010", 6),
        ] {
            assert_eq!(lz76_complexity(word.as_bytes()), c, "{word}");
        }
        // 1·0·01·1110·1100·0010
        assert_eq!(lz76_phrases(b"1001111011000010"), [1, 2, 4, 8, 12, 16]);
    }

    #[test]
    fn every_short_binary_word_parses_as_defined() {
        for n in 0..=12 {
            for bits in 0..1u32 << n {
                let word: Vec<u8> = (0..n).map(|i| (bits >> i & 1) as u8).collect();
                assert_eq!(lz76_phrases(&word), naive(&word), "{word:?}");
            }
        }
    }

    #[test]
    fn code_lengths_are_those_of_a_prefix_code() {
        // Kraft's sum over all words of up to 16 symbols, and the mean over the words of one length.
        let mut kraft = 0.0;
        for n in 0..=16 {
            let lengths: Vec<f64> = (0..1u32 << n)
                .map(|bits| {
                    let word: Vec<u8> = (0..n).map(|i| (bits >> i & 1) as u8).collect();
                    lz76_code_length_bits(&word, 2).unwrap()
                })
                .collect();
            kraft += lengths.iter().map(|l| (-l).exp2()).sum::<f64>();
            let mean = lengths.iter().sum::<f64>() / lengths.len() as f64;
            assert!(mean >= f64::from(n), "{n}: {mean}");
        }
        assert!(kraft <= 1.0 && kraft > 0.5, "{kraft}");
        // Against a word without structure, a regular one is cheap.
        assert!(lz76_code_length_bits(&[0u8; 1000], 2).unwrap() < 50.0);
        assert!(lz76_code_length_bits(b"abc", 2).is_err());
        assert!(lz76_code_length_bits::<u8>(&[], 0).unwrap() == 1.0);
    }

    #[test]
    fn entropy_rate_of_known_sources() {
        // Biased coins: within a few per cent at this length, the fair one from above.
        let mut rng = Streams::new(1).stream("lz76", 0);
        for (p, low, high) in [(0.5, 1.0, 1.06), (0.1, 0.95, 1.05)] {
            let word: Vec<bool> = (0..200_000).map(|_| rng.chance(p)).collect();
            let exact = crate::information::entropy_bits(&[p, 1.0 - p]).unwrap();
            let ratio = lz76_entropy_rate_bits(&word).unwrap() / exact;
            assert!((low..high).contains(&ratio), "{p}: {ratio}");
            // A real code, far from tight: well above the information of the source.
            assert!(lz76_code_length_bits(&word, 2).unwrap() > exact * 200_000.0);
        }
        let periodic: Vec<u8> = (0..10_000).map(|i| (i % 7) as u8).collect();
        assert!(lz76_entropy_rate(&periodic).unwrap() < 0.01);
        assert!(matches!(lz76_entropy_rate(&[1]), Err(Error::TooShort { have: 1, .. })));
    }

    #[test]
    fn a_million_symbols_are_quick() {
        // 0.2 s of one thread each; a quadratic search would take hours on the last.
        let mut rng = Streams::new(2).stream("lz76", 0);
        let words: [Vec<u8>; 3] = [
            (0..1_000_000).map(|_| rng.chance(0.5).into()).collect(),
            (0..1_000_000).map(|_| rng.below(256) as u8).collect(),
            (0..1_000_000).map(|i| u8::from(i % 1000 == 0)).collect(),
        ];
        let start = std::time::Instant::now();
        let counts = words.map(|word| lz76_complexity(&word));
        assert!(start.elapsed().as_secs() < 60);
        // c ln n / n is near ln 2 and ln 256; 1, 0…, 01 and the rest.
        let rate = |c: usize| c as f64 * 1e6f64.ln() / 1e6;
        assert!((rate(counts[0]) / 2f64.ln() - 1.0).abs() < 0.05);
        assert!((rate(counts[1]) / 256f64.ln() - 1.0).abs() < 0.2);
        assert_eq!(counts[2], 4);
    }

    proptest! {
        #[test]
        fn parses_as_defined(word in prop::collection::vec(0u8..4, 0..200), repeat in 1usize..4) {
            let word = word.repeat(repeat);
            let ends = lz76_phrases(&word);
            prop_assert_eq!(&ends, &naive(&word));
            // Names of symbols do not matter.
            let renamed: Vec<i64> = word.iter().map(|&x| 100 - 7 * i64::from(x)).collect();
            prop_assert_eq!(ends, lz76_phrases(&renamed));
        }
    }
}
