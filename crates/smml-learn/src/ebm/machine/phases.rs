//! Both phases of the likelihood gradient: means of spins on condition of rows, and of the machine by itself.
//!
//! Sampled states are in lanes, 64 replicas to a word, and counted as integers: the number of threads changes nothing.

use super::{
    exact,
    model::BoltzmannMachine,
    statistics::{Rows, Statistics},
};
use crate::{
    data::BinaryData,
    error::{Error, Result},
};
use serde::{Deserialize, Serialize};
use smml_core::{
    factor_graph::ExactOptions,
    graph::SparseGraph,
    parallel::{self, Par},
    rng::{Draw, Streams},
};
use smml_physics::{
    glass::{self, FixedPoint, PlefkaOrder, Verdict},
    ising::Ising,
    lanes::{LaneBetas, REAL_LANES, RealLaneModel, RealLaneSpins, RealLaneSweep},
};

/// Means of hidden units on condition of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PositivePhase {
    /// By elimination; for narrow graphs of hidden units.
    Exact,
    /// One state for every row, after this many sweeps of the hidden units from random ones.
    Sampled {
        /// Sweeps, at least 1.
        sweeps: usize,
    },
    /// By mean-field equations, without or with the reaction term (TAP); residual 10⁻⁶. Exact to either order where hidden units are
    /// not coupled to each other. To first order the gradient is that of a lower bound of the likelihood. To second order it is
    /// closer where couplings of hidden units are weak, but of no bound, and may drive strong ones further up: means of pairs
    /// are kept within what two spins of their means can have, which keeps slopes bounded.
    MeanField {
        /// The order of the expansion.
        order: PlefkaOrder,
        /// Most passes over the hidden units.
        max_passes: usize,
    },
}

/// Means of the machine's own distribution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NegativePhase {
    /// By elimination; for narrow graphs.
    Exact,
    /// CD-k: sweeps of all units from the states of the positive phase, which must be sampled (or nothing hidden).
    ContrastiveDivergence {
        /// Sweeps, at least 1.
        sweeps: usize,
    },
    /// PCD: chains that go on from batch to batch.
    Persistent {
        /// Sweeps for each batch, at least 1.
        sweeps: usize,
        /// Chains, a multiple of 64.
        n_chains: usize,
    },
    /// Persistent chains in ladders of temperatures, whose rungs try to exchange their states after every sweep. The rung at β = 1
    /// gives the means.
    Tempered {
        /// Sweeps for each batch, at least 1.
        sweeps: usize,
        /// Replicas on all rungs together, a multiple of 64.
        n_chains: usize,
        /// Inverse temperatures in rising order, the last one 1: 2, 4, 8, 16, 32 or 64 of them.
        betas: Vec<f64>,
    },
}

/// Most chains.
const MAX_CHAINS: usize = 1 << 20;
/// Residual of mean-field equations.
const RESIDUAL: f64 = 1e-6;

impl PositivePhase {
    pub(super) fn check(&self) -> Result<()> {
        match self {
            PositivePhase::Exact => Ok(()),
            PositivePhase::Sampled { sweeps } => at_least_one("sweeps of the positive phase", *sweeps),
            PositivePhase::MeanField { max_passes, .. } => {
                at_least_one("passes of the mean field", *max_passes)
            }
        }
    }
}

impl NegativePhase {
    pub(super) fn check(&self, positive: &PositivePhase, n_hidden: usize) -> Result<()> {
        let (sweeps, n_chains) = match self {
            NegativePhase::Exact => return Ok(()),
            NegativePhase::ContrastiveDivergence { sweeps } => {
                if n_hidden > 0 && !matches!(positive, PositivePhase::Sampled { .. }) {
                    let allowed = "sampled: contrastive divergence starts at its states";
                    return Err(Error::out_of_range("positive phase", format!("{positive:?}"), allowed));
                }
                (*sweeps, REAL_LANES)
            }
            NegativePhase::Persistent { sweeps, n_chains }
            | NegativePhase::Tempered { sweeps, n_chains, .. } => (*sweeps, *n_chains),
        };
        at_least_one("sweeps of the negative phase", sweeps)?;
        if n_chains == 0 || !n_chains.is_multiple_of(REAL_LANES) || n_chains > MAX_CHAINS {
            let allowed = format!("a multiple of {REAL_LANES}, from {REAL_LANES} to {MAX_CHAINS}");
            return Err(Error::out_of_range("n-chains", n_chains, allowed));
        }
        if let NegativePhase::Tempered { betas, .. } = self {
            if betas.len() < 2 || !REAL_LANES.is_multiple_of(betas.len()) {
                return Err(Error::out_of_range("number of betas", betas.len(), "2, 4, 8, 16, 32 or 64"));
            }
            let rising = betas.windows(2).all(|b| b[0] < b[1]);
            if !(rising && betas[0] >= 0.0 && betas[betas.len() - 1] == 1.0) {
                let allowed = "in rising order from at least 0, and end at 1";
                return Err(Error::out_of_range("betas", format!("{betas:?}"), allowed));
            }
        }
        Ok(())
    }
    /// Blocks of 64 chains that start at random.
    pub(super) fn start(&self, n_units: usize, streams: &Streams) -> Vec<ChainBlock> {
        let (n_chains, n_rungs) = match self {
            NegativePhase::Persistent { n_chains, .. } => (*n_chains, 0),
            NegativePhase::Tempered { n_chains, betas, .. } => (*n_chains, betas.len()),
            _ => (0, 0),
        };
        let block = |k: usize| {
            let mut rng = streams.stream("chains", k as u64);
            let words = (0..n_units).map(|_| rng.word()).collect();
            let rungs = (0..if n_rungs > 0 { REAL_LANES } else { 0 }).map(|r| (r % n_rungs.max(1)) as u8);
            ChainBlock { words, rungs: rungs.collect() }
        };
        (0..n_chains / REAL_LANES).map(block).collect()
    }
}

fn at_least_one(name: &str, value: usize) -> Result<()> {
    if (1..=1 << 20).contains(&value) {
        Ok(())
    } else {
        Err(Error::out_of_range(name, value, "in 1..=1048576"))
    }
}

/// 64 chains: of every unit the word whose bit r is set where it is up in chain r. Chains of a ladder lie side by side, and
/// `rungs` says on which rung each is; without ladders it is empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ChainBlock {
    pub(super) words: Vec<u64>,
    pub(super) rungs: Vec<u8>,
}

/// A machine as the lanes want it.
pub(super) struct Compiled<'a> {
    pub(super) machine: &'a BoltzmannMachine,
    model: RealLaneModel,
    /// What is sampled, rounded to the unit of the lanes.
    rounded: Ising,
    /// Marks of the visible units.
    held: Vec<bool>,
}

/// Sums over states of spins and of their products.
struct Counts {
    units: Vec<i64>,
    pairs: Vec<i64>,
    n: u64,
}

impl Counts {
    fn zeros(graph: &SparseGraph) -> Self {
        Counts { units: vec![0; graph.n_vertices()], pairs: vec![0; graph.n_edges()], n: 0 }
    }
    /// Adds those replicas of a block whose bit is set in `valid`.
    fn add(&mut self, graph: &SparseGraph, words: &[u64], valid: u64) {
        let n = i64::from(valid.count_ones());
        for (sum, w) in self.units.iter_mut().zip(words) {
            *sum += 2 * i64::from((w & valid).count_ones()) - n;
        }
        for (sum, (i, j, _)) in self.pairs.iter_mut().zip(graph.edges()) {
            let unlike = (words[i as usize] ^ words[j as usize]) & valid;
            *sum += n - 2 * i64::from(unlike.count_ones());
        }
        self.n += n as u64;
    }
    fn join(mut self, other: Counts) -> Self {
        self.units.iter_mut().zip(other.units).for_each(|(a, b)| *a += b);
        self.pairs.iter_mut().zip(other.pairs).for_each(|(a, b)| *a += b);
        self.n += other.n;
        self
    }
    fn means(&self) -> Statistics {
        let mean = |sum: &i64| *sum as f64 / self.n.max(1) as f64;
        Statistics {
            units: self.units.iter().map(mean).collect(),
            pairs: self.pairs.iter().map(mean).collect(),
        }
    }
}

/// What a positive phase found.
pub(super) struct Found {
    /// Means of spins and pairs.
    pub(super) means: Statistics,
    /// Sampled states in blocks of 64 rows, with the replicas that belong to a row; empty where nothing was sampled.
    pub(super) states: Vec<(Vec<u64>, u64)>,
    /// Rows whose mean-field equations were not solved within the passes.
    pub(super) unconverged: usize,
}

impl<'a> Compiled<'a> {
    pub(super) fn new(machine: &'a BoltzmannMachine) -> Result<Self> {
        let model = RealLaneModel::new(machine.ising())?;
        let rounded = model.rounded()?;
        Ok(Compiled { machine, model, rounded, held: machine.marks() })
    }
    fn graph(&self) -> &SparseGraph {
        self.machine.weights()
    }
    /// Sweeps of a block at β = 1; visible units stay where `hold` says so.
    fn sweep(&self, words: Vec<u64>, sweeps: usize, hold: bool, rng: &mut impl Draw) -> Result<Vec<u64>> {
        let mut spins = RealLaneSpins::new(words)?;
        let held = if hold { &self.held[..] } else { &[] };
        for _ in 0..sweeps {
            RealLaneSweep::heat_bath().sweep_holding(
                &self.model,
                &mut spins,
                &LaneBetas::Same(1.0),
                held,
                rng,
            )?;
        }
        Ok(spins.words())
    }
    /// Rows in blocks of 64: words of all units, hidden ones random, and the replicas that are there.
    fn block(&self, data: &BinaryData, first: usize, rng: &mut impl Draw) -> (Vec<u64>, u64) {
        let n = REAL_LANES.min(data.len() - first);
        let mut words = vec![0u64; self.machine.n_units()];
        self.machine.hidden().iter().for_each(|i| words[*i as usize] = rng.word());
        for r in 0..n {
            for (unit, bit) in self.machine.visible().iter().zip(data.row(first + r)) {
                words[*unit as usize] |= u64::from(*bit) << r;
            }
        }
        (words, u64::MAX >> (REAL_LANES - n))
    }

    /// Rows of a machine without hidden units as states.
    pub(super) fn blocks(&self, data: &BinaryData) -> Vec<(Vec<u64>, u64)> {
        // No unit is hidden, so nothing is drawn.
        let mut rng = Streams::new(0).stream("unused", 0);
        (0..data.len()).step_by(REAL_LANES).map(|first| self.block(data, first, &mut rng)).collect()
    }

    /// Means on condition of rows of equal weight. Random numbers belong to blocks of rows.
    pub(super) fn positive(
        &self,
        data: &BinaryData,
        phase: &PositivePhase,
        streams: &Streams,
        par: Par,
    ) -> Result<Found> {
        let none = Vec::new();
        let graph = self.graph();
        match phase {
            PositivePhase::Exact => {
                let rows = Rows::equal(data)?;
                let means =
                    exact::spin_means_of_data(self.machine, &rows, 1.0, &ExactOptions::default(), par)?;
                Ok(Found { means, states: none, unconverged: 0 })
            }
            PositivePhase::MeanField { order, max_passes } => {
                let options =
                    FixedPoint { tolerance: RESIDUAL, max_passes: *max_passes, ..FixedPoint::default() };
                let rows: Vec<usize> = (0..data.len()).collect();
                let one = |k: usize, sum: &mut Statistics| -> Result<usize> {
                    let mut start = vec![0.0; self.machine.n_units()];
                    for (unit, bit) in self.machine.visible().iter().zip(data.row(k)) {
                        start[*unit as usize] = 2.0 * f64::from(*bit) - 1.0;
                    }
                    let ising = self.machine.ising();
                    let ask = match order {
                        PlefkaOrder::First => glass::mean_field::<Ising>,
                        PlefkaOrder::Second => glass::tap::<Ising>,
                    };
                    let found = ask(ising, 1.0, &start, &self.held, &options)?;
                    let m = &found.magnetisation;
                    sum.units.iter_mut().zip(m).for_each(|(sum, m)| *sum += m);
                    for (sum, (i, j, w)) in sum.pairs.iter_mut().zip(ising.couplings().edges()) {
                        let (a, b) = (m[i as usize], m[j as usize]);
                        *sum += possible(order.correlation(w, a, b), a, b);
                    }
                    Ok(usize::from(found.verdict != Verdict::Converged))
                };
                let sums = parallel::fold_chunks(
                    par,
                    &rows,
                    16,
                    |_, rows| {
                        let (mut sum, mut unconverged) = (Statistics::zeros(self.machine), 0);
                        for k in rows {
                            unconverged += one(*k, &mut sum)?;
                        }
                        Ok((sum, unconverged))
                    },
                    |a: Result<(Statistics, usize)>, b| {
                        let ((a, n), (b, m)) = (a?, b?);
                        Ok((a.plus(1.0, &b), n + m))
                    },
                );
                let (sum, unconverged) = sums.unwrap_or_else(|| Ok((Statistics::zeros(self.machine), 0)))?;
                let means = Statistics::zeros(self.machine).plus(1.0 / data.len().max(1) as f64, &sum);
                Ok(Found { means, states: none, unconverged })
            }
            PositivePhase::Sampled { sweeps } => {
                let sweeps = if self.machine.hidden().is_empty() { 0 } else { *sweeps };
                let blocks = parallel::map(par, data.len().div_ceil(REAL_LANES), |b| {
                    let mut rng = streams.stream("positive", b as u64);
                    let (words, valid) = self.block(data, b * REAL_LANES, &mut rng);
                    Ok((self.sweep(words, sweeps, true, &mut rng)?, valid))
                });
                let states: Vec<(Vec<u64>, u64)> = blocks.into_iter().collect::<Result<_>>()?;
                let mut counts = Counts::zeros(graph);
                states.iter().for_each(|(words, valid)| counts.add(graph, words, *valid));
                Ok(Found { means: counts.means(), states, unconverged: 0 })
            }
        }
    }

    /// Means of the machine's own distribution. `from` are the states of the positive phase, `chains` go on and are left where they
    /// end.
    pub(super) fn negative(
        &self,
        phase: &NegativePhase,
        from: &[(Vec<u64>, u64)],
        chains: &mut [ChainBlock],
        streams: &Streams,
        par: Par,
    ) -> Result<Statistics> {
        let graph = self.graph();
        let whole = Counts::zeros(graph);
        match phase {
            NegativePhase::Exact => {
                exact::spin_means(self.machine, 1.0, &ExactOptions { par, ..ExactOptions::default() })
            }
            NegativePhase::ContrastiveDivergence { sweeps } => {
                let counts = parallel::map(par, from.len(), |b| {
                    let (words, valid) = &from[b];
                    let mut rng = streams.stream("negative", b as u64);
                    let words = self.sweep(words.clone(), *sweeps, false, &mut rng)?;
                    let mut counts = Counts::zeros(graph);
                    counts.add(graph, &words, *valid);
                    Ok(counts)
                });
                counts.into_iter().try_fold(whole, |a, b: Result<Counts>| Ok(a.join(b?))).map(|c| c.means())
            }
            NegativePhase::Persistent { sweeps, .. } | NegativePhase::Tempered { sweeps, .. } => {
                let betas = match phase {
                    NegativePhase::Tempered { betas, .. } => &betas[..],
                    _ => &[],
                };
                let mut jobs: Vec<(&mut ChainBlock, Result<Counts>)> =
                    chains.iter_mut().map(|c| (c, Ok(Counts::zeros(graph)))).collect();
                parallel::each(par, &mut jobs, |b, (block, counts)| {
                    let mut rng = streams.stream("negative", b as u64);
                    *counts = self.advance(block, *sweeps, betas, &mut rng).map(|valid| {
                        let mut counts = Counts::zeros(graph);
                        counts.add(graph, &block.words, valid);
                        counts
                    });
                });
                jobs.into_iter().try_fold(whole, |a, (_, b)| Ok(a.join(b?))).map(|c| c.means())
            }
        }
    }

    /// Sweeps of a block of chains, on ladders with exchanges; returns the replicas that are at β = 1.
    fn advance(
        &self,
        block: &mut ChainBlock,
        sweeps: usize,
        betas: &[f64],
        rng: &mut impl Draw,
    ) -> Result<u64> {
        if betas.is_empty() {
            block.words = self.sweep(std::mem::take(&mut block.words), sweeps, false, rng)?;
            return Ok(u64::MAX);
        }
        let n_rungs = betas.len();
        let mut spins = RealLaneSpins::new(std::mem::take(&mut block.words))?;
        for _ in 0..sweeps {
            let each = block.rungs.iter().map(|k| betas[usize::from(*k)]).collect();
            RealLaneSweep::heat_bath().sweep(&self.model, &mut spins, &LaneBetas::Each(each), rng)?;
            let energies = energies(&self.rounded, &spins.words());
            for ladder in (0..REAL_LANES).step_by(n_rungs) {
                // The replica of every rung.
                let mut on = vec![0; n_rungs];
                (ladder..ladder + n_rungs).for_each(|r| on[usize::from(block.rungs[r])] = r);
                for parity in 0..2 {
                    for k in (parity..n_rungs - 1).step_by(2) {
                        let (a, b) = (on[k], on[k + 1]);
                        if rng.accept((betas[k + 1] - betas[k]) * (energies[a] - energies[b])) {
                            block.rungs.swap(a, b);
                            on.swap(k, k + 1);
                        }
                    }
                }
            }
        }
        block.words = spins.words();
        let top = n_rungs - 1;
        Ok((0..REAL_LANES).fold(0, |valid, r| valid | u64::from(usize::from(block.rungs[r]) == top) << r))
    }
}

/// The number nearest to `pair` that ⟨sᵢ sⱼ⟩ of two spins with means `a` and `b` can be: no state of the two has a negative
/// probability for |a + b| - 1 ≤ ⟨sᵢ sⱼ⟩ ≤ 1 - |a - b|. The expansion in the couplings is not in this range where they are
/// strong, and grows with them: unlimited, a coupling that training makes larger gets an ever larger slope.
fn possible(pair: f64, a: f64, b: f64) -> f64 {
    pair.min(1.0 - (a - b).abs()).max((a + b).abs() - 1.0)
}

/// The energy of each of 64 replicas.
pub(super) fn energies(ising: &Ising, words: &[u64]) -> [f64; REAL_LANES] {
    let mut sums = [0.0; REAL_LANES];
    let mut add = |word: u64, up: f64| {
        for (r, sum) in sums.iter_mut().enumerate() {
            *sum += if word >> r & 1 == 1 { up } else { -up };
        }
    };
    for (word, h) in words.iter().zip(ising.fields()) {
        add(*word, -h);
    }
    for (i, j, w) in ising.couplings().edges() {
        // Unlike spins cost what like ones gain.
        add(words[i as usize] ^ words[j as usize], w);
    }
    sums
}

#[cfg(test)]
mod tests;
