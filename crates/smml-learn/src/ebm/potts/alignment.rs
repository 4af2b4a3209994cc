//! Aligned sequences, their weights and frequencies.

use super::Alphabet;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use smml_core::parallel::{self, Par};

/// Sequences of one length in one alphabet, row by row, with their names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawAlignment")]
pub struct Alignment {
    alphabet: Alphabet,
    n_sites: usize,
    codes: Vec<u8>,
    names: Vec<String>,
}

#[derive(Deserialize)]
struct RawAlignment {
    alphabet: Alphabet,
    n_sites: usize,
    codes: Vec<u8>,
    names: Vec<String>,
}

impl TryFrom<RawAlignment> for Alignment {
    type Error = Error;
    fn try_from(raw: RawAlignment) -> Result<Self> {
        Alignment::new(raw.alphabet, raw.n_sites, raw.codes, raw.names)
    }
}

/// Weighted frequencies of letters.
#[derive(Clone, Debug, PartialEq)]
pub struct Frequencies {
    /// fᵢ(a) at i q + a.
    pub single: Vec<f64>,
    /// fᵢⱼ(a, b), i < j, at (pair q + a) q + b with pairs in the order (0,1), (0,2), …, (1,2), …
    pub pairs: Vec<f64>,
}

impl Alignment {
    /// From the codes of all sequences one after the other, and a name for each.
    ///
    /// Errors: no sites, no sequences, another number of codes, a code that is no letter, or a name with a line break.
    pub fn new(alphabet: Alphabet, n_sites: usize, codes: Vec<u8>, names: Vec<String>) -> Result<Self> {
        if n_sites == 0 || names.is_empty() {
            let given = format!("{} sequences of {n_sites} sites", names.len());
            return Err(Error::out_of_range("alignment", given, "at least one sequence of one site"));
        }
        let expected = names.len().saturating_mul(n_sites);
        if codes.len() != expected {
            return Err(Error::length("letters of the alignment", codes.len(), expected));
        }
        if let Some(k) = codes.iter().position(|c| usize::from(*c) >= alphabet.n_letters()) {
            let name = format!("letter {} of sequence {}", k % n_sites, k / n_sites);
            return Err(Error::out_of_range(name, codes[k], format!("below {}", alphabet.n_letters())));
        }
        if let Some(k) = names.iter().position(|n| n.contains(['\n', '\r'])) {
            return Err(Error::out_of_range(format!("name of sequence {k}"), "a line break", "one line"));
        }
        Ok(Alignment { alphabet, n_sites, codes, names })
    }
    /// The letters.
    pub fn alphabet(&self) -> Alphabet {
        self.alphabet
    }
    /// Number of sites (columns).
    pub fn n_sites(&self) -> usize {
        self.n_sites
    }
    /// Number of sequences.
    pub fn len(&self) -> usize {
        self.names.len()
    }
    /// False: there is at least one sequence.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
    /// The names.
    pub fn names(&self) -> &[String] {
        &self.names
    }
    /// The codes of one sequence. Panics when there is no such sequence, as a slice does.
    pub fn row(&self, k: usize) -> &[u8] {
        &self.codes[k * self.n_sites..(k + 1) * self.n_sites]
    }
    /// All sequences.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.codes.chunks_exact(self.n_sites)
    }
    /// These sequences, in this order. Errors: a place that is not there; none.
    pub fn select(&self, places: &[usize]) -> Result<Self> {
        let (mut codes, mut names) = (Vec::new(), Vec::new());
        for &k in places {
            if k >= self.len() {
                return Err(Error::out_of_range("sequence", k, format!("below {}", self.len())));
            }
            codes.extend_from_slice(self.row(k));
            names.push(self.names[k].clone());
        }
        Alignment::new(self.alphabet, self.n_sites, codes, names)
    }
    /// The weight of every sequence: 1 over the number of sequences, itself included, that agree with it in at least the
    /// fraction `identity` of all sites (gaps count as letters). Near copies share one vote.
    /// (M. Ekeberg et al., Phys. Rev. E 87, 012707 (2013), with 0.8 after F. Morcos et al., PNAS 108, E1293 (2011).)
    ///
    /// Errors: an identity outside (0, 1]. The cost grows as the square of the number of sequences.
    ///
    /// ```
    /// use smml_learn::ebm::potts::{Alignment, Alphabet};
    /// use smml_core::parallel::Par;
    /// let codes = [[0u8; 5], [0, 0, 0, 0, 1], [2; 5]].concat();
    /// let names = ["a", "b", "c"].map(String::from).to_vec();
    /// let alignment = Alignment::new(Alphabet::Dna, 5, codes, names)?;
    /// assert_eq!(alignment.weights(0.8, Par::Serial)?, [0.5, 0.5, 1.0]);
    /// assert_eq!(alignment.weights(0.81, Par::Serial)?, [1.0, 1.0, 1.0]);
    /// # Ok::<(), smml_learn::Error>(())
    /// ```
    pub fn weights(&self, identity: f64, par: Par) -> Result<Vec<f64>> {
        if !(identity > 0.0 && identity <= 1.0) {
            return Err(Error::out_of_range("identity", identity, "greater than 0 and at most 1"));
        }
        // Rounding of the product must not turn 4 of 5 away.
        let most = self.n_sites - libm::ceil(identity * self.n_sites as f64 - 1e-9) as usize;
        Ok(parallel::map(par, self.len(), |k| {
            let own = self.row(k);
            let near = self.rows().filter(|other| distance(own, other) <= most).count();
            1.0 / near as f64
        }))
    }
    /// Frequencies with these weights, each letter raised by a pseudocount: fᵢ(a) = (1 - c) f̂ᵢ(a) + c/q and
    /// fᵢⱼ(a, b) = (1 - c) f̂ᵢⱼ(a, b) + c/q², c in [0, 1).
    ///
    /// Errors: another number of weights; weights that are negative or have no sum; a pseudocount out of range.
    pub fn frequencies(&self, weights: &[f64], pseudocount: f64, par: Par) -> Result<Frequencies> {
        let w = self.normalised(weights)?;
        if !(0.0..1.0).contains(&pseudocount) {
            return Err(Error::out_of_range("pseudocount", pseudocount, "at least 0 and below 1"));
        }
        let (n, q) = (self.n_sites, self.alphabet.n_letters());
        let mut single = vec![pseudocount / q as f64; n * q];
        for (row, w) in self.rows().zip(&w) {
            for (i, a) in row.iter().enumerate() {
                single[i * q + usize::from(*a)] += (1.0 - pseudocount) * w;
            }
        }
        let of_site = |i: usize| {
            let mut table = vec![pseudocount / (q * q) as f64; (n - 1 - i) * q * q];
            for (row, w) in self.rows().zip(&w) {
                let a = usize::from(row[i]);
                for (block, b) in table.chunks_exact_mut(q * q).zip(&row[i + 1..]) {
                    block[a * q + usize::from(*b)] += (1.0 - pseudocount) * w;
                }
            }
            table
        };
        Ok(Frequencies { single, pairs: parallel::map(par, n, of_site).concat() })
    }
    /// Weights that sum to 1.
    pub(super) fn normalised(&self, weights: &[f64]) -> Result<Vec<f64>> {
        if weights.len() != self.len() {
            return Err(Error::length("weights of sequences", weights.len(), self.len()));
        }
        let sum: f64 = weights.iter().sum();
        if weights.iter().any(|w| !(*w >= 0.0)) || !(sum > 0.0 && sum.is_finite()) {
            return Err(Error::out_of_range("weights of sequences", sum, "not negative, with a sum"));
        }
        Ok(weights.iter().map(|w| w / sum).collect())
    }
    /// The smallest number of sites in which a sequence differs from one of these, and the place of the first that is so near.
    pub fn nearest(&self, sequence: &[u8]) -> (usize, usize) {
        let distances = self.rows().map(|row| distance(row, sequence)).enumerate();
        let (place, least) = distances.min_by_key(|(_, d)| *d).unwrap_or((0, sequence.len()));
        (least, place)
    }
}

/// Sites in which two sequences differ.
pub(super) fn distance(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).filter(|(a, b)| a != b).count()
}
