//! 512 replicas: line 2i holds spin i of all of them (1 for up), line 2i + 1 its complement.

use super::model::LaneModel;
use serde::{Deserialize, Serialize};
use smml_core::{
    error::{Error, Result, same_length},
    lanes_paths,
    rng::Draw,
    simd::AlignedWords,
};

/// Replicas side by side.
pub const LANES: usize = 512;

/// The spins of 512 replicas.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawSpins", into = "RawSpins")]
pub struct LaneSpins {
    /// Two lines for every spin, then those of a spin that is always up.
    lines: AlignedWords,
}

/// Of every spin its line.
#[derive(Serialize, Deserialize)]
struct RawSpins(AlignedWords);

impl From<LaneSpins> for RawSpins {
    fn from(spins: LaneSpins) -> Self {
        let mut words = AlignedWords::zeros(8 * spins.n_spins());
        let lines = spins.lines.chunks_exact(16);
        words.chunks_exact_mut(8).zip(lines).for_each(|(to, pair)| to.copy_from_slice(&pair[..8]));
        RawSpins(words)
    }
}

impl TryFrom<RawSpins> for LaneSpins {
    type Error = Error;
    fn try_from(RawSpins(words): RawSpins) -> Result<Self> {
        let mut spins = LaneSpins::up(words.len() / 8)?;
        for (pair, line) in spins.lines.chunks_exact_mut(16).zip(words.chunks_exact(8)) {
            set(pair, line.iter().copied());
        }
        Ok(spins)
    }
}

/// Writes a line and its complement.
fn set(pair: &mut [u64], line: impl Iterator<Item = u64>) {
    for (k, word) in line.enumerate() {
        (pair[k], pair[8 + k]) = (word, !word);
    }
}

impl LaneSpins {
    /// All spins up. Errors: no spins, or more than 2³⁰.
    pub fn up(n_spins: usize) -> Result<Self> {
        if !(1..=1 << 30).contains(&n_spins) {
            return Err(Error::out_of_range("number of spins", n_spins, "in 1..=2^30"));
        }
        let mut lines = AlignedWords::zeros(16 * (n_spins + 1));
        lines.chunks_exact_mut(16).for_each(|pair| pair[..8].fill(u64::MAX));
        Ok(LaneSpins { lines })
    }
    /// Number of spins of one replica.
    pub fn n_spins(&self) -> usize {
        self.lines.len() / 16 - 1
    }
    /// The lines, two for every spin.
    pub(super) fn lines(&self) -> &[[u64; 8]] {
        self.lines.as_chunks().0
    }
    pub(super) fn lines_mut(&mut self) -> &mut [[u64; 8]] {
        self.lines.as_chunks_mut().0
    }
    /// The spins of one replica. `replica` is below [`LANES`].
    pub fn replica(&self, replica: usize) -> Vec<i8> {
        let bit = |line: &[u64]| 2 * (line[replica / 64 % 8] >> (replica % 64) & 1) as i8 - 1;
        self.lines.chunks_exact(16).take(self.n_spins()).map(bit).collect()
    }
    #[cfg(test)]
    pub(super) fn replica_bit(&self, spin: usize, replica: usize) -> bool {
        self.lines()[2 * spin][replica / 64] >> (replica % 64) & 1 == 1
    }
    /// Gives one replica its spins. Errors: another number of them, values other than ±1, a replica that does not exist.
    pub fn set_replica(&mut self, replica: usize, spins: &[i8]) -> Result<()> {
        same_length("spins", spins.len(), self.n_spins())?;
        if replica >= LANES {
            return Err(Error::out_of_range("replica", replica, format!("below {LANES}")));
        }
        if let Some(i) = spins.iter().position(|s| !matches!(s, -1 | 1)) {
            return Err(Error::out_of_range(format!("spin {i}"), spins[i], "-1 or 1"));
        }
        let (word, bit) = (replica / 64, 1u64 << (replica % 64));
        for (pair, s) in self.lines.chunks_exact_mut(16).zip(spins) {
            let (set, clear) = if *s > 0 { (word, 8 + word) } else { (8 + word, word) };
            pair[set] |= bit;
            pair[clear] &= !bit;
        }
        Ok(())
    }
    /// Replica r becomes a copy of the present replica `from[r]`, for all r. Costs O(spins) for every replica that changes.
    ///
    /// Errors: another number of replicas than [`LANES`], a replica that does not exist.
    pub fn resample(&mut self, from: &[usize]) -> Result<()> {
        same_length("replicas to copy from", from.len(), LANES)?;
        if let Some(r) = from.iter().position(|f| *f >= LANES) {
            return Err(Error::out_of_range(
                format!("source of replica {r}"),
                from[r],
                format!("below {LANES}"),
            ));
        }
        let copies: Vec<(usize, usize)> =
            from.iter().copied().enumerate().filter(|(to, from)| to != from).collect();
        if copies.is_empty() {
            return Ok(());
        }
        let n = self.n_spins();
        for pair in self.lines.chunks_exact_mut(16).take(n) {
            let old: [u64; 8] = std::array::from_fn(|k| pair[k]);
            let mut new = old;
            for &(to, from) in &copies {
                let bit = old[from / 64] >> (from % 64) & 1;
                let word = &mut new[to / 64];
                *word = *word & !(1 << (to % 64)) | bit << (to % 64);
            }
            set(pair, new.into_iter());
        }
        Ok(())
    }
    /// Whether a spin differs between two replicas, spin by spin.
    pub(crate) fn unlike(&self, pair: [usize; 2]) -> impl Iterator<Item = bool> + '_ {
        let [a, b] = pair.map(|r| (r / 64 % 8, r % 64));
        let differs = move |line: &[u64]| (line[a.0] >> a.1 ^ line[b.0] >> b.1) & 1 == 1;
        self.lines.chunks_exact(16).take(self.n_spins()).map(differs)
    }
    /// Turns spins in both of two replicas: where these differ, they trade them.
    pub(crate) fn turn(&mut self, spins: &[u32], pair: [usize; 2]) {
        for i in spins {
            let line = 16 * *i as usize;
            for r in pair {
                let (word, bit) = (r / 64 % 8, 1u64 << (r % 64));
                self.lines[line + word] ^= bit;
                self.lines[line + 8 + word] ^= bit;
            }
        }
    }
    /// Units of all bonds and fields that are not satisfied, for every replica.
    pub(super) fn unsatisfied(&self, model: &LaneModel) -> Vec<u64> {
        let mut totals = vec![0u64; LANES];
        let mut planes = vec![[0u64; 8]; COUNTED];
        for bonds in model.bonds.chunks(BLOCK) {
            planes.iter_mut().for_each(|p| *p = [0; 8]);
            count_unlike(self.lines(), bonds, &mut planes);
            for (k, plane) in planes.iter().enumerate() {
                for (lane, total) in totals.iter_mut().enumerate() {
                    *total += (plane[lane / 64] >> (lane % 64) & 1) << k;
                }
            }
        }
        totals
    }
}

/// Bonds counted together, each of less than 2¹⁷ units, and bits of their sum.
const BLOCK: usize = 1 << 14;
const COUNTED: usize = 31;

lanes_paths! {
    /// Adds the units of bonds whose lines differ to counters of bits.
    fn count_unlike<W: Lanes>(lines: &[[u64; 8]], bonds: &[(u32, u32, u32)], planes: &mut [[u64; 8]]) {
        for &(a, b, units) in bonds {
            let unlike = W::load(&lines[a as usize]).xor(W::load(&lines[b as usize]));
            for bit in 0..17 {
                if units >> bit & 1 == 0 {
                    continue;
                }
                let mut carry = unlike;
                let mut k = bit;
                while k < planes.len() && carry.any() {
                    let sum = W::load(&planes[k]);
                    sum.xor(carry).store(&mut planes[k]);
                    carry = sum.and(carry);
                    k += 1;
                }
            }
        }
    }
}

impl LaneModel {
    /// Replicas whose spins are all random.
    pub fn random<R: Draw>(&self, rng: &mut R) -> LaneSpins {
        let mut lines = AlignedWords::zeros(16 * (self.n_spins() + 1));
        let n = self.n_spins();
        for (i, pair) in lines.chunks_exact_mut(16).enumerate() {
            set(pair, (0..8).map(|_| if i < n { rng.word() } else { u64::MAX }));
        }
        LaneSpins { lines }
    }
    /// Replicas whose spins are all up.
    pub fn all_up(&self) -> LaneSpins {
        let mut lines = AlignedWords::zeros(16 * (self.n_spins() + 1));
        lines.chunks_exact_mut(16).for_each(|pair| pair[..8].fill(u64::MAX));
        LaneSpins { lines }
    }
}
