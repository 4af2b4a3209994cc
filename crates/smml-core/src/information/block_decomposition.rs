//! Algorithmic probability of short binary strings (coding theorem method) and the block decomposition of longer ones.
//!
//! The tables `ctm_4.txt` and `ctm_5.txt` are written by `cargo xtask bdm`, where the machines are described.

use crate::error::{Error, Result};
use std::{collections::BTreeMap, sync::OnceLock};

/// How often small Turing machines print a string: the coding theorem method (CTM).
///
/// D(s) is the fraction of halting runs that print s, over all machines with n states and two symbols, started on a blank
/// tape of 0 and one of 1; the complexity of s is -log₂ D(s) bits. By the coding theorem this is the Kolmogorov complexity
/// up to a constant *if* D were the output distribution of a universal prefix machine. It is one of small machines, so
/// the value is an approximation: neither an upper nor a lower bound on K. As Σ D(s) <= 1, the values are ideal code
/// lengths, and their mean over any distribution of strings is at least its entropy.
///
/// | table | machines | halting runs | step limit | all strings up to | of length 12 |
/// |---|---|---|---|---|---|
/// | [`Ctm::four_states`] | 11,019,960,576 | 5,970,768,960, complete | 107 = S(4), proven | 8 symbols | 112 of 4,096 |
/// | [`Ctm::five_states`] | 26,559,922,791,424 | 13,794,527,777,344 found | 500 | 11 symbols | 4,094 of 4,096 |
///
/// With five states, the few machines that halt after more than 500 steps are missed: the counts are lower bounds. The
/// tables agree with those of Delahaye and Zenil (Appl. Math. Comput. 219, 63 (2012)) and of Soler-Toscano et al. (PLoS ONE
/// 9, e96223 (2014)).
///
/// ```
/// use smml_core::information::{Ctm, block_decomposition::bits};
/// let ctm = Ctm::five_states();
/// let (plain, mixed) = (ctm.complexity_bits(&bits("000000000000")?), ctm.complexity_bits(&bits("011010011100")?));
/// assert!(plain.unwrap() < 25.62 && mixed.unwrap() > 34.0);
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Ctm {
    states: usize,
    halting: u64,
    longest: usize,
    /// Runs by 2^length + bits, the first symbol highest.
    counts: BTreeMap<u64, u64>,
}

impl Ctm {
    /// The complete table of four states.
    pub fn four_states() -> &'static Ctm {
        static TABLE: OnceLock<Ctm> = OnceLock::new();
        TABLE.get_or_init(|| Ctm::parse(include_str!("ctm_4.txt")))
    }

    /// The table of five states with a limit of 500 steps, for strings of up to 12 symbols.
    pub fn five_states() -> &'static Ctm {
        static TABLE: OnceLock<Ctm> = OnceLock::new();
        TABLE.get_or_init(|| Ctm::parse(include_str!("ctm_5.txt")))
    }

    /// Reads a table of our own. Lines that are not of its form do not occur; the tests check the totals.
    fn parse(text: &str) -> Ctm {
        let mut ctm = Ctm { states: 0, halting: 0, longest: 0, counts: BTreeMap::new() };
        for line in text.lines() {
            let Some((key, Ok(value))) = line.split_once(' ').map(|(k, v)| (k, v.parse::<u64>())) else {
                continue;
            };
            match key {
                "states" => ctm.states = value as usize,
                "halting" => ctm.halting = value,
                _ => {
                    let Ok(word) = bits(key) else { continue };
                    let mut images =
                        [word.clone(), word.iter().map(|b| !b).collect(), word.clone(), Vec::new()];
                    images[2].reverse();
                    images[3] = images[2].iter().map(|b| !b).collect();
                    for image in images {
                        ctm.counts.insert(key_of(&image), value);
                    }
                    ctm.longest = ctm.longest.max(word.len());
                }
            }
        }
        ctm
    }

    /// Number of states of the machines.
    pub fn states(&self) -> usize {
        self.states
    }

    /// Runs that halted, over both blank symbols.
    pub fn halting_runs(&self) -> u64 {
        self.halting
    }

    /// The longest strings in the table, in symbols. Not all strings of this length are in it.
    pub fn longest(&self) -> usize {
        self.longest
    }

    /// How many strings of a length are in the table.
    pub fn covered(&self, length: usize) -> usize {
        if length > self.longest {
            return 0;
        }
        self.counts.range(1 << length..2 << length).count()
    }

    /// D(s): the fraction of halting runs that print the string; 0 when none does.
    pub fn probability(&self, string: &[bool]) -> f64 {
        self.count(string) as f64 / self.halting as f64
    }

    /// -log₂ D(s) in bits; `None` for a string that no machine of the table prints, or that is longer than the table
    /// goes. For strings within its lengths, [`Ctm::floor_bits`] is then a lower bound of what -log₂ D(s) could be.
    pub fn complexity_bits(&self, string: &[bool]) -> Option<f64> {
        match self.count(string) {
            0 => None,
            count => Some(libm::log2(self.halting as f64) - libm::log2(count as f64)),
        }
    }

    /// log₂ of the number of halting runs: a string printed by none of them has D(s) below 2^-this.
    pub fn floor_bits(&self) -> f64 {
        libm::log2(self.halting as f64)
    }

    fn count(&self, string: &[bool]) -> u64 {
        if string.len() > self.longest {
            return 0;
        }
        self.counts.get(&key_of(string)).copied().unwrap_or(0)
    }
}

/// A string of at most 62 symbols as one number.
fn key_of(string: &[bool]) -> u64 {
    string.iter().fold(1, |key, &bit| key << 1 | u64::from(bit))
}

/// A string of the characters 0 and 1 as booleans.
pub fn bits(text: &str) -> Result<Vec<bool>> {
    text.chars()
        .enumerate()
        .map(|(i, c)| match c {
            '0' => Ok(false),
            '1' => Ok(true),
            _ => Err(Error::out_of_range(format!("character {i}"), format!("{c:?}"), "0 or 1")),
        })
        .collect()
}

/// How a string is cut into blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocks {
    length: usize,
    step: usize,
    remainder: bool,
}

impl Blocks {
    /// Blocks of `length` symbols side by side; what is left at the end makes a shorter block of its own.
    ///
    /// Errors: a length of 0.
    pub fn new(length: usize) -> Result<Self> {
        if length == 0 {
            return Err(Error::out_of_range("length", length, "at least 1"));
        }
        Ok(Blocks { length, step: length, remainder: true })
    }

    /// Leaves out what does not fill a block. Up to `length - 1` symbols at the end then count for nothing.
    pub fn without_remainder(self) -> Self {
        Blocks { remainder: false, ..self }
    }

    /// A block at each position 0, `step`, 2 `step`, ...: blocks overlap, and no remainder is looked up. The result grows
    /// with the overlap and is comparable only between strings cut in the same way.
    ///
    /// Errors: a step that is 0 or longer than a block.
    pub fn overlapping(self, step: usize) -> Result<Self> {
        if step == 0 || step > self.length {
            return Err(Error::out_of_range(
                "step",
                step,
                format!("between 1 and the block length, {}", self.length),
            ));
        }
        Ok(Blocks { step, remainder: false, ..self })
    }

    fn cut<'a>(&self, string: &'a [bool]) -> Vec<&'a [bool]> {
        let mut blocks: Vec<&[bool]> = string.windows(self.length).step_by(self.step).collect();
        let rest = string.len() % self.length;
        if self.remainder && rest > 0 {
            blocks.push(&string[string.len() - rest..]);
        }
        blocks
    }
}

/// What [`BlockDecomposition::new`] found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BlockDecomposition {
    /// Σ [CTM(block) + log₂ multiplicity] over the different blocks, bits.
    pub bits: f64,
    /// The part of `bits` that stands for blocks that are not in the table, each at [`Ctm::floor_bits`]: when it is not 0,
    /// `bits` is a lower bound of the sum that a complete table would give.
    pub floor_bits: f64,
    /// Blocks.
    pub n_blocks: usize,
    /// Different blocks.
    pub n_distinct: usize,
    /// Different blocks that are not in the table.
    pub n_uncovered: usize,
    /// Symbols at the end of the string that are in no block.
    pub n_ignored: usize,
}

impl BlockDecomposition {
    /// The block decomposition method (Zenil et al., Entropy 20, 605 (2018)): a string is cut into blocks, each different
    /// block costs its complexity once, and log₂ of how often it comes.
    ///
    /// It describes blocks and multiplicities, not their order: with few different blocks it is no upper bound on K, and
    /// for many it approaches the block entropy times the number of blocks. Structure longer than a block is not seen.
    ///
    /// Errors: blocks longer than the table goes.
    ///
    /// ```
    /// use smml_core::information::{BlockDecomposition, Blocks, Ctm};
    /// let zeros = [false; 24];
    /// let found = BlockDecomposition::new(&zeros, Ctm::five_states(), Blocks::new(12)?)?;
    /// assert!((found.bits - 26.610_413_747_641_715).abs() < 1e-12); // published
    /// # Ok::<(), smml_core::Error>(())
    /// ```
    pub fn new(string: &[bool], ctm: &Ctm, blocks: Blocks) -> Result<Self> {
        if blocks.length > ctm.longest {
            let allowed = format!("at most {}, the longest strings of the table", ctm.longest);
            return Err(Error::out_of_range("block length", blocks.length, allowed));
        }
        let pieces = blocks.cut(string);
        let mut multiplicity: BTreeMap<u64, (&[bool], usize)> = BTreeMap::new();
        for piece in &pieces {
            multiplicity.entry(key_of(piece)).or_insert((piece, 0)).1 += 1;
        }
        let mut found = BlockDecomposition {
            bits: 0.0,
            floor_bits: 0.0,
            n_blocks: pieces.len(),
            n_distinct: multiplicity.len(),
            n_uncovered: 0,
            n_ignored: string.len(),
        };
        if let Some(last) = pieces.last() {
            let start =
                if blocks.remainder { string.len() - last.len() } else { (pieces.len() - 1) * blocks.step };
            found.n_ignored = string.len() - start - last.len();
        }
        for (block, times) in multiplicity.values() {
            let known = ctm.complexity_bits(block);
            found.bits += known.unwrap_or(ctm.floor_bits()) + libm::log2(*times as f64);
            if known.is_none() {
                found.n_uncovered += 1;
                found.floor_bits += ctm.floor_bits();
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_agree_with_the_published_totals() {
        let ctm = Ctm::four_states();
        // Delahaye and Zenil: 5,970,768,960 halting runs print 1,832 strings, all of up to 8 symbols.
        assert_eq!((ctm.states(), ctm.halting_runs(), ctm.counts.len()), (4, 5_970_768_960, 1832));
        assert_eq!(ctm.counts.values().sum::<u64>(), ctm.halting_runs());
        assert_eq!(ctm.longest(), 16);
        assert_eq!([8, 9, 12, 16].map(|n| ctm.covered(n)), [256, 486, 112, 8]);
        // Soler-Toscano et al.: all but two strings of up to 12 symbols; mind that longer ones are not in the file.
        let ctm = Ctm::five_states();
        assert_eq!((ctm.states(), ctm.longest(), ctm.covered(12), ctm.counts.len()), (5, 12, 4094, 8188));
        assert!((1..12).all(|n| ctm.covered(n) == 1 << n));
        assert!(ctm.counts.values().sum::<u64>() < ctm.halting_runs());
        for missing in ["000110100111", "111001011000"] {
            assert_eq!(ctm.complexity_bits(&bits(missing).unwrap()), None);
        }
        assert_eq!((ctm.covered(13), ctm.complexity_bits(&[true; 13])), (0, None));
        assert_eq!((ctm.covered(0), ctm.complexity_bits(&[])), (0, None));
    }

    #[test]
    fn complexities_agree_with_the_published_ones() {
        // K(5) of the data that pybdm and the R package acss use.
        for (string, k) in [
            ("0", 2.5142767361233522),
            ("01", 3.3274392037713696),
            ("110", 5.445775723159447),
            ("0110", 8.406713544643704),
            ("01110", 11.834019495714655),
            ("100011", 15.36633169778009),
            ("0001011", 18.98916236378915),
            ("11101000", 22.6797522967967),
            ("010101010", 22.029679226457866),
            ("000000000000", 25.610413747641715),
        ] {
            let ours = Ctm::five_states().complexity_bits(&bits(string).unwrap()).unwrap();
            assert!((ours - k).abs() < 1e-12, "{string}: {ours} {k}");
        }
    }

    #[test]
    fn decomposition_agrees_with_the_published_examples() {
        // The tests of pybdm: 24 zeros; 12 zeros and 12 ones; 0⁶ 1¹² 0¹⁸ 1¹².
        let run = |text: &str| {
            BlockDecomposition::new(&bits(text).unwrap(), Ctm::five_states(), Blocks::new(12).unwrap())
                .unwrap()
        };
        let [o, l] = ["0", "1"].map(|s| |n: usize| s.repeat(n));
        assert!((run(&o(24)).bits - 26.610413747641715).abs() < 1e-12);
        assert!((run(&(o(12) + &l(12))).bits - 51.22082749528343).abs() < 1e-12);
        let third = run(&(o(6) + &l(12) + &o(18) + &l(12)));
        assert!((third.bits - 114.06151272200972).abs() < 1e-12);
        assert_eq!((third.n_blocks, third.n_distinct, third.n_uncovered, third.n_ignored), (4, 4, 0, 0));
    }

    #[test]
    fn boundaries() {
        let ctm = Ctm::five_states();
        let string = bits("0110100110010110100101100110100").unwrap(); // 31 symbols
        let blocks = Blocks::new(8).unwrap();
        let k = |s: &[bool]| ctm.complexity_bits(s).unwrap();
        let whole: f64 = [0, 8, 16].map(|i| k(&string[i..i + 8])).iter().sum();
        // 01101001 10010110 10010110 0110100: one block twice.
        let twice = k(&string[8..16]);
        let dropped = BlockDecomposition::new(&string, ctm, blocks.without_remainder()).unwrap();
        assert!((dropped.bits - (whole - twice + 1.0)).abs() < 1e-12);
        assert_eq!((dropped.n_blocks, dropped.n_distinct, dropped.n_ignored), (3, 2, 7));
        let kept = BlockDecomposition::new(&string, ctm, blocks).unwrap();
        assert!((kept.bits - dropped.bits - k(&string[24..])).abs() < 1e-12);
        assert_eq!((kept.n_blocks, kept.n_ignored), (4, 0));
        let overlapping = BlockDecomposition::new(&string, ctm, blocks.overlapping(3).unwrap()).unwrap();
        assert_eq!((overlapping.n_blocks, overlapping.n_ignored), (8, 2));
        let short = BlockDecomposition::new(&string[..5], ctm, blocks).unwrap();
        assert_eq!((short.bits, short.n_blocks), (k(&string[..5]), 1));
        let nothing = BlockDecomposition::new(&string[..5], ctm, blocks.without_remainder()).unwrap();
        assert_eq!((nothing.bits, nothing.n_blocks, nothing.n_ignored), (0.0, 0, 5));
        // What the table lacks costs its floor, and says so.
        let missing = bits("000110100111").unwrap();
        let found = BlockDecomposition::new(&missing, ctm, Blocks::new(12).unwrap()).unwrap();
        assert_eq!(
            (found.n_uncovered, found.bits, found.floor_bits),
            (1, ctm.floor_bits(), ctm.floor_bits())
        );
        assert!(ctm.floor_bits() > 43.6);
        assert!(Blocks::new(0).is_err() && blocks.overlapping(0).is_err() && blocks.overlapping(9).is_err());
        assert!(BlockDecomposition::new(&string, ctm, Blocks::new(13).unwrap()).is_err());
        assert!(bits("01x").unwrap_err().to_string().starts_with("character 2"));
    }
}
