//! A chain: kernel, state and stream that travel together, can be stopped, saved and resumed; and the record of what
//! was observed along it.

use crate::{
    energy::Energy,
    error::{Error, Result, same_length},
    estimate::{Estimate, jackknife},
    kernel::{Kernel, Step},
    rng::Stream,
};
use serde::{Deserialize, Serialize};

/// A Markov chain that can be cut anywhere between two steps, saved, and continued bit for bit.
///
/// ```
/// use smml_core::{chain::{Chain, Record}, prelude::*, sample::Metropolis};
///
/// /// A spin in a field: E = -h s.
/// struct Spin(f64);
/// impl Energy for Spin {
///     type State = i8;
///     fn energy(&self, s: &i8) -> f64 { -self.0 * f64::from(*s) }
/// }
/// impl LocalEnergy for Spin {
///     type Move = ();
///     fn propose<R: Draw>(&self, _: &i8, _: &mut R) {}
///     fn apply(&self, s: &mut i8, _: &()) { *s = -*s }
/// }
///
/// let model = Spin(1.0);
/// let mut chain = Chain::new(Metropolis::new(1)?, 1, Streams::new(1).stream("chain", 0));
/// chain.advance(&model, 0.5, 100);
/// let mut record = Record::new(1)?;
/// chain.record(&model, 0.5, 1, 10_000, &mut record, |s| [f64::from(*s)])?;
/// let magnetisation = record.estimate(0)?;
/// assert!(magnetisation.z(0.5f64.tanh()).abs() < 4.0);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chain<K, S> {
    /// The Markov step.
    pub kernel: K,
    /// Where the chain is.
    pub state: S,
    rng: Stream,
    tally: Step,
    n_steps: u64,
}

impl<K, S> Chain<K, S> {
    /// A chain at its start.
    pub fn new(kernel: K, state: S, rng: Stream) -> Self {
        Chain { kernel, state, rng, tally: Step::default(), n_steps: 0 }
    }
    /// Proposals and acceptances so far.
    pub fn tally(&self) -> Step {
        self.tally
    }
    /// Steps done so far.
    pub fn n_steps(&self) -> u64 {
        self.n_steps
    }
    /// Does `n` steps at inverse temperature `beta`.
    pub fn advance<E>(&mut self, energy: &E, beta: f64, n: u64)
    where
        E: Energy<State = S>,
        K: Kernel<E>,
    {
        for _ in 0..n {
            self.tally += self.kernel.step(energy, &mut self.state, beta, &mut self.rng);
            self.n_steps += 1;
        }
    }
    /// Appends to `record` until it holds `n_samples` rows, one every `thin` steps. Called again with the same
    /// arguments after an interruption, it goes on where it was.
    ///
    /// Errors: a record of another width, `thin` = 0.
    pub fn record<E, const N: usize>(
        &mut self,
        energy: &E,
        beta: f64,
        thin: u64,
        n_samples: usize,
        record: &mut Record,
        mut observe: impl FnMut(&S) -> [f64; N],
    ) -> Result<()>
    where
        E: Energy<State = S>,
        K: Kernel<E>,
    {
        if thin == 0 {
            return Err(Error::out_of_range("thin", thin, "at least 1"));
        }
        same_length("row of observables", N, record.width())?;
        while record.len() < n_samples {
            self.advance(energy, beta, thin);
            record.push(&observe(&self.state))?;
        }
        Ok(())
    }
}

/// Several observables, sample by sample.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawRecord")]
pub struct Record {
    width: usize,
    values: Vec<f64>,
}

#[derive(Deserialize)]
struct RawRecord {
    width: usize,
    values: Vec<f64>,
}

impl TryFrom<RawRecord> for Record {
    type Error = String;
    fn try_from(raw: RawRecord) -> std::result::Result<Self, String> {
        if raw.width == 0 || !raw.values.len().is_multiple_of(raw.width) {
            return Err(format!("a record of {} values cannot have rows of {}", raw.values.len(), raw.width));
        }
        Ok(Record { width: raw.width, values: raw.values })
    }
}

impl Record {
    /// An empty record of `width` observables.
    pub fn new(width: usize) -> Result<Self> {
        if width == 0 {
            return Err(Error::out_of_range("width of a record", 0, "at least 1"));
        }
        Ok(Record { width, values: Vec::new() })
    }
    /// Number of samples.
    pub fn len(&self) -> usize {
        self.values.len() / self.width
    }
    /// True before the first sample.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
    /// Number of observables.
    pub fn width(&self) -> usize {
        self.width
    }
    /// Appends one sample.
    pub fn push(&mut self, row: &[f64]) -> Result<()> {
        same_length("row of observables", row.len(), self.width)?;
        self.values.extend_from_slice(row);
        Ok(())
    }
    /// One sample.
    pub fn row(&self, i: usize) -> &[f64] {
        &self.values[i * self.width..(i + 1) * self.width]
    }
    /// The series of one observable.
    pub fn column(&self, k: usize) -> Vec<f64> {
        self.values.iter().skip(k).step_by(self.width).copied().collect()
    }
    /// The mean of one observable, with its error.
    pub fn estimate(&self, k: usize) -> Result<Estimate> {
        if k >= self.width {
            return Err(Error::out_of_range("observable", k, format!("below {}", self.width)));
        }
        Estimate::from_chain(&self.column(k))
    }
    /// The means of all observables.
    pub fn estimates(&self) -> Result<Vec<Estimate>> {
        (0..self.width).map(|k| self.estimate(k)).collect()
    }
    /// A function of the means of all observables, by [`jackknife`].
    pub fn derived(&self, f: impl Fn(&[f64]) -> f64) -> Result<Estimate> {
        let columns: Vec<Vec<f64>> = (0..self.width).map(|k| self.column(k)).collect();
        let slices: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        jackknife(&slices, f)
    }
    /// The record without its first `n` samples.
    pub fn without_first(&self, n: usize) -> Record {
        Record {
            width: self.width,
            values: self.values[n.saturating_mul(self.width).min(self.values.len())..].to_vec(),
        }
    }
}
