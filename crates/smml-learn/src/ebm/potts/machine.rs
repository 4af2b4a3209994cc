//! The model: fields and couplings of every pair of sites.

use super::{Alignment, Alphabet};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use smml_core::{
    energy::{Conditional, Energy, Finite, LocalEnergy, Reference},
    error::all_finite,
    kernel::Kernel,
    parallel::{self, Par},
    rng::{Draw, Streams},
    sample::HeatBath,
};

/// Largest table of couplings in bytes.
const MAX_BYTES: usize = 1 << 32;

/// Sequences s of L sites with letters 0..q:
///
/// E(s) = -Σᵢ hᵢ(sᵢ) - Σ_{i<j} Jᵢⱼ(sᵢ, sⱼ),  P(s) = exp(-β E(s))/Z.
///
/// Fields have L q numbers, couplings a q × q matrix for every pair: of 100 sites and 21 letters 2.2 million numbers. With
/// couplings 0 it is the profile of independent sites.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawMachine", into = "RawMachine")]
pub struct PottsMachine {
    alphabet: Alphabet,
    n_sites: usize,
    /// hᵢ(a) at i q + a.
    fields: Vec<f64>,
    /// Jᵢⱼ(a, b) at (j q + b) L q + i q + a, for both orders of i and j; 0 where i = j. Energies of all letters of a site lie
    /// side by side for each letter of another.
    table: Vec<f64>,
}

/// As it is saved: every pair once.
#[derive(Clone, Serialize, Deserialize)]
struct RawMachine {
    alphabet: Alphabet,
    n_sites: usize,
    fields: Vec<f64>,
    couplings: Vec<f64>,
}

impl TryFrom<RawMachine> for PottsMachine {
    type Error = Error;
    fn try_from(raw: RawMachine) -> Result<Self> {
        PottsMachine::new(raw.alphabet, raw.n_sites, raw.fields, &raw.couplings)
    }
}

impl From<PottsMachine> for RawMachine {
    fn from(m: PottsMachine) -> Self {
        RawMachine { couplings: m.couplings(), alphabet: m.alphabet, n_sites: m.n_sites, fields: m.fields }
    }
}

/// The place of a pair i < j among all pairs of n sites: (0,1), (0,2), …, (1,2), …
pub(super) fn pair(n: usize, i: usize, j: usize) -> usize {
    i * (2 * n - i - 1) / 2 + j - i - 1
}

impl PottsMachine {
    /// `fields` has hᵢ(a) at i q + a; `couplings` has Jᵢⱼ(a, b), i < j, at (pair q + a) q + b with pairs in the order (0,1),
    /// (0,2), …, (1,2), …
    ///
    /// Errors: no sites, another number of fields or couplings, numbers that are not finite, more than 2³² bytes.
    pub fn new(alphabet: Alphabet, n_sites: usize, fields: Vec<f64>, couplings: &[f64]) -> Result<Self> {
        let (n, q) = (n_sites, alphabet.n_letters());
        PottsMachine::check_size(alphabet, n)?;
        smml_core::error::same_length("fields (sites x letters)", fields.len(), n * q)?;
        smml_core::error::same_length(
            "couplings (pairs x letters²)",
            couplings.len(),
            n * (n - 1) / 2 * q * q,
        )?;
        all_finite("field", &fields)?;
        all_finite("coupling", couplings)?;
        let mut table = vec![0.0; n * q * n * q];
        fill(n, q, couplings, &mut table);
        Ok(PottsMachine { alphabet, n_sites, fields, table })
    }
    /// Refuses a number of sites that has no model, or one too large.
    pub(super) fn check_size(alphabet: Alphabet, n_sites: usize) -> Result<()> {
        if n_sites == 0 {
            return Err(Error::out_of_range("number of sites", 0, "at least 1"));
        }
        let side = n_sites.saturating_mul(alphabet.n_letters());
        match side.saturating_mul(side).saturating_mul(8) {
            bytes if bytes > MAX_BYTES => Err(smml_core::Error::TooLarge {
                what: format!("a Potts model of {n_sites} sites"),
                needed: format!("{bytes} bytes"),
                limit: format!("{MAX_BYTES} bytes"),
            }
            .into()),
            _ => Ok(()),
        }
    }
    /// Sites that do not depend on each other, with the frequencies fᵢ(a): hᵢ(a) = ln fᵢ(a). The model of an alignment that
    /// knows conservation and nothing else.
    ///
    /// Errors: as [`PottsMachine::new`], and a frequency that is not positive: give a pseudocount.
    pub fn profile(alphabet: Alphabet, n_sites: usize, frequencies: &[f64]) -> Result<Self> {
        if let Some(k) = frequencies.iter().position(|f| !(*f > 0.0)) {
            let name = format!("frequency {k}");
            return Err(Error::out_of_range(name, frequencies[k], "greater than 0; give a pseudocount"));
        }
        let q = alphabet.n_letters();
        PottsMachine::check_size(alphabet, n_sites)?;
        let fields = frequencies.iter().map(|f| libm::log(*f)).collect();
        PottsMachine::new(alphabet, n_sites, fields, &vec![0.0; n_sites * (n_sites - 1) / 2 * q * q])
    }
    /// The letters.
    pub fn alphabet(&self) -> Alphabet {
        self.alphabet
    }
    /// L.
    pub fn n_sites(&self) -> usize {
        self.n_sites
    }
    /// q, the gap included.
    pub fn n_letters(&self) -> usize {
        self.alphabet.n_letters()
    }
    /// hᵢ(a) at i q + a.
    pub fn fields(&self) -> &[f64] {
        &self.fields
    }
    /// Jᵢⱼ(a, b) for any order of i and j; 0 where i = j.
    ///
    /// # Panics
    /// When there is no such site or letter.
    pub fn coupling(&self, (i, a): (usize, u8), (j, b): (usize, u8)) -> f64 {
        let q = self.n_letters();
        self.row(j, b)[i * q + usize::from(a)]
    }
    /// All couplings in the order of [`PottsMachine::new`].
    pub fn couplings(&self) -> Vec<f64> {
        let (n, q) = (self.n_sites, self.n_letters());
        let mut out = Vec::with_capacity(n * (n - 1) / 2 * q * q);
        for i in 0..n {
            for j in i + 1..n {
                for a in 0..q as u8 {
                    // J_ij(a, ·) lies in a row, seen from the other side.
                    out.extend_from_slice(&self.row(i, a)[j * q..(j + 1) * q]);
                }
            }
        }
        out
    }
    /// Couplings of letter `b` at site `j` to every letter of every site.
    fn row(&self, j: usize, b: u8) -> &[f64] {
        let side = self.n_sites * self.n_letters();
        let start = (j * self.n_letters() + usize::from(b)) * side;
        &self.table[start..start + side]
    }
    /// Writes -E of every letter of site `i` given the other sites: hᵢ(a) + Σ_{j≠i} Jᵢⱼ(a, sⱼ). `s` must have L letters.
    pub(super) fn local_fields(&self, s: &[u8], i: usize, out: &mut [f64]) {
        let q = self.n_letters();
        out.copy_from_slice(&self.fields[i * q..(i + 1) * q]);
        for (j, b) in s.iter().enumerate() {
            // The row of i itself is 0.
            let row = &self.row(j, *b)[i * q..(i + 1) * q];
            out.iter_mut().zip(row).for_each(|(f, w)| *f += w);
        }
    }
    /// -E of one letter of site `i` given the other sites.
    pub(super) fn local_field(&self, s: &[u8], i: usize, a: u8) -> f64 {
        let k = i * self.n_letters() + usize::from(a);
        self.fields[k] + s.iter().enumerate().map(|(j, b)| self.row(j, *b)[k]).sum::<f64>()
    }
    /// Σᵢ ln P(sᵢ | s₋ᵢ), the pseudo-log-likelihood of a sequence in nats; of a profile the log-likelihood itself.
    ///
    /// Errors: another length, or a code that is no letter.
    pub fn pseudo_log_likelihood(&self, s: &[u8]) -> Result<f64> {
        if !self.fits(s) {
            let allowed = format!("{} letters below {}", self.n_sites, self.n_letters());
            return Err(Error::out_of_range("sequence", format!("{} letters", s.len()), allowed));
        }
        let mut fields = vec![0.0; self.n_letters()];
        let mut sum = 0.0;
        for (i, a) in s.iter().enumerate() {
            self.local_fields(s, i, &mut fields);
            sum += fields[usize::from(*a)] - smml_core::energy::ln_sum_exp(&fields);
        }
        Ok(sum)
    }
    /// `n` independent sequences: each is drawn at β = 0, annealed to β = 1 in a straight line over half of the heat-bath
    /// sweeps and kept there for the rest. Sequence k has the name `PREFIXk` and its own stream.
    ///
    /// Errors: no sequences or sweeps.
    pub fn sample(
        &self,
        n: usize,
        sweeps: usize,
        prefix: &str,
        streams: &Streams,
        par: Par,
    ) -> Result<Alignment> {
        for (name, value) in [("number of sequences", n), ("sweeps for a sequence", sweeps)] {
            if value == 0 {
                return Err(Error::out_of_range(name, 0, "at least 1"));
            }
        }
        let warm = sweeps.div_ceil(2);
        let rows = parallel::map(par, n, |k| {
            let mut rng = streams.stream("sequence", k as u64);
            let mut s = self.draw(&mut rng);
            for t in 1..=sweeps {
                HeatBath.step(self, &mut s, (t as f64 / warm as f64).min(1.0), &mut rng);
            }
            s
        });
        let names = (0..n).map(|k| format!("{prefix}{k}")).collect();
        Alignment::new(self.alphabet, self.n_sites, rows.concat(), names)
    }
    /// The same distribution in the zero-sum gauge: Σₐ Jᵢⱼ(a, b) = Σ_b Jᵢⱼ(a, b) = 0 and Σₐ hᵢ(a) = 0. Energies change by
    /// one constant. Couplings of two models can be compared only in one gauge.
    pub fn zero_sum(&self) -> Self {
        let (n, q) = (self.n_sites, self.n_letters());
        let (mut fields, mut couplings) = (self.fields.clone(), self.couplings());
        let mut blocks = couplings.chunks_exact_mut(q * q);
        for i in 0..n {
            for j in i + 1..n {
                let Some(block) = blocks.next() else { break };
                let of_row = |a: usize| block[a * q..(a + 1) * q].iter().sum::<f64>() / q as f64;
                let rows: Vec<f64> = (0..q).map(of_row).collect();
                let of_column = |b: usize| (0..q).map(|a| block[a * q + b]).sum::<f64>() / q as f64;
                let columns: Vec<f64> = (0..q).map(of_column).collect();
                let mean = rows.iter().sum::<f64>() / q as f64;
                for a in 0..q {
                    fields[i * q + a] += rows[a] - mean;
                    fields[j * q + a] += columns[a] - mean;
                    for b in 0..q {
                        block[a * q + b] += mean - rows[a] - columns[b];
                    }
                }
            }
        }
        for site in fields.chunks_exact_mut(q) {
            let mean = site.iter().sum::<f64>() / q as f64;
            site.iter_mut().for_each(|h| *h -= mean);
        }
        let mut table = vec![0.0; self.table.len()];
        fill(n, q, &couplings, &mut table);
        PottsMachine { alphabet: self.alphabet, n_sites: n, fields, table }
    }
    fn fits(&self, s: &[u8]) -> bool {
        s.len() == self.n_sites && s.iter().all(|a| usize::from(*a) < self.n_letters())
    }
}

/// The table of a machine from its couplings, every pair once.
fn fill(n: usize, q: usize, couplings: &[f64], table: &mut [f64]) {
    let side = n * q;
    for i in 0..n {
        for j in i + 1..n {
            let block = &couplings[pair(n, i, j) * q * q..][..q * q];
            for a in 0..q {
                for b in 0..q {
                    table[(j * q + b) * side + i * q + a] = block[a * q + b];
                    table[(i * q + a) * side + j * q + b] = block[a * q + b];
                }
            }
        }
    }
}

impl Energy for PottsMachine {
    type State = Vec<u8>;
    /// NaN for a sequence of another length, or with a code that is no letter.
    fn energy(&self, s: &Vec<u8>) -> f64 {
        if !self.fits(s) {
            return f64::NAN;
        }
        let q = self.n_letters();
        let mut sum = 0.0;
        for (i, a) in s.iter().enumerate() {
            let row = self.row(i, *a);
            let pairs = s[..i].iter().enumerate().map(|(j, b)| row[j * q + usize::from(*b)]).sum::<f64>();
            sum += self.fields[i * q + usize::from(*a)] + pairs;
        }
        -sum
    }
}

/// A move gives a site another letter.
impl LocalEnergy for PottsMachine {
    type Move = (usize, u8);
    fn propose<R: Draw>(&self, s: &Vec<u8>, rng: &mut R) -> (usize, u8) {
        let (q, site) = (self.n_letters(), rng.below(s.len()));
        (site, ((usize::from(s[site]) + 1 + rng.below(q - 1)) % q) as u8)
    }
    fn delta(&self, s: &Vec<u8>, &(i, new): &(usize, u8)) -> f64 {
        self.local_field(s, i, s[i]) - self.local_field(s, i, new)
    }
    fn apply(&self, s: &mut Vec<u8>, &(i, new): &(usize, u8)) {
        s[i] = new;
    }
}

impl Conditional for PottsMachine {
    fn n_sites(&self) -> usize {
        self.n_sites
    }
    fn resample<R: Draw>(&self, s: &mut Vec<u8>, i: usize, beta: f64, rng: &mut R) -> bool {
        // The largest alphabet has 21 letters.
        let mut room = [0.0; 32];
        let weights = &mut room[..self.n_letters()];
        self.local_fields(s, i, weights);
        let top = weights.iter().map(|f| beta * f).fold(f64::NEG_INFINITY, f64::max);
        weights.iter_mut().for_each(|f| *f = libm::exp(beta * *f - top));
        let new = rng.choose(weights) as u8;
        std::mem::replace(&mut s[i], new) != new
    }
}

impl Reference for PottsMachine {
    fn draw<R: Draw>(&self, rng: &mut R) -> Vec<u8> {
        (0..self.n_sites).map(|_| rng.below(self.n_letters()) as u8).collect()
    }
    fn ln_z_reference(&self) -> f64 {
        self.n_sites as f64 * libm::log(self.n_letters() as f64)
    }
}

/// Site i is digit i, to base q, of a sequence's number.
impl Finite for PottsMachine {
    fn n_states(&self) -> Option<usize> {
        self.n_letters().checked_pow(u32::try_from(self.n_sites).ok()?)
    }
    fn state(&self, mut index: usize) -> Vec<u8> {
        let q = self.n_letters();
        let digit = |_| {
            let digit = (index % q) as u8;
            index /= q;
            digit
        };
        (0..self.n_sites).map(digit).collect()
    }
    fn index(&self, s: &Vec<u8>) -> usize {
        let q = self.n_letters();
        s.iter().rev().fold(0usize, |n, a| n.wrapping_mul(q).wrapping_add(usize::from(*a)))
    }
}
