//! Trials one after the other, longer and longer, in pieces that can be saved.

use super::{
    Renormalisation, Trial,
    tournament::{Tournament, alike},
};
use crate::{
    ising::{CachedIsing, Ising},
    lanes::{LANES, LaneModel},
};
use serde::{Deserialize, Serialize};
use smml_core::{
    error::{Error, Result, finite, same_length},
    parallel::{self, Par},
    read_through,
    rng::Streams,
};
use std::ops::RangeInclusive;

/// The two kinds of trials, by the replicas of an island.
const KINDS: [usize; 2] = [LANES, 2];
/// What the sweeps of a round are multiplied by for the next one.
const GROWTH: usize = 3;
/// Most such steps.
const MOST_STEPS: u64 = 6;
/// Every so many rounds both kinds are tried all the same.
const RETRY: u64 = 4;
/// Spins and couplings that one piece of a trial visits: some tenths of a second.
const PIECE: usize = 1 << 22;
/// Sweeps of the first round.
const FIRST: RangeInclusive<usize> = 50..=500;
/// Solutions that are kept.
const KEPT: usize = 8;

/// A search without end by trials of [`Renormalisation`], piece by piece: between two pieces it can be asked for the best
/// state so far, saved, and continued to the same results.
///
/// A round is two trials side by side, one with an island of 512 and one with islands of two, which suit different
/// models. The kind that has found the lower energy more often than the other is used for both trials, except in every
/// fourth round. From round to round there are three times as many sweeps, up to 729 times those of the first. The best
/// eight states of all rounds are kept, and joined like a group of a trial after each round.
///
/// ```
/// use smml_core::{parallel::Par, rng::Streams};
/// use smml_physics::{ising::{Boundary, SquareLattice}, lanes::LaneModel, search::RenormalisationRun};
/// let ferromagnet = SquareLattice::uniform(8, 8, Boundary::Periodic, 1.0, 0.0)?.ising()?;
/// let model = LaneModel::new(&ferromagnet)?;
/// let mut run = RenormalisationRun::new(&ferromagnet, Streams::new(1));
/// while run.n_rounds() < 2 {
///     run.advance(&ferromagnet, &model, Par::Serial)?;
/// }
/// assert_eq!(run.best().map(|(energy, _)| energy), Some(-128.0));
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawRun")]
pub struct RenormalisationRun {
    streams: Streams,
    /// Sweeps of the first round.
    first: usize,
    n_rounds: u64,
    /// Rounds that the first kind has won more than the other.
    lead: i32,
    trials: Vec<Trial>,
    /// In order of energy.
    kept: Vec<(f64, Vec<i8>)>,
}

read_through!(RenormalisationRun: RawRun {
    streams: Streams, first: usize, n_rounds: u64, lead: i32, trials: Vec<Trial>, kept: Vec<(f64, Vec<i8>)>
} => {
    if !FIRST.contains(&first) {
        let allowed = format!("in {} to {}", FIRST.start(), FIRST.end());
        return Err(Error::out_of_range("sweeps of the first round", first, allowed));
    }
    if !(trials.is_empty() || trials.len() == KINDS.len()) {
        let allowed = format!("0 or {}", KINDS.len());
        return Err(Error::out_of_range("number of trials in a round", trials.len(), allowed));
    }
    if kept.len() > KEPT {
        return Err(Error::out_of_range("states kept", kept.len(), format!("at most {KEPT}")));
    }
    for (energy, state) in &kept {
        finite("energy of a state", *energy)?;
        same_length("state", state.len(), kept[0].1.len())?;
        if let Some(i) = state.iter().position(|s| !matches!(s, -1 | 1)) {
            return Err(Error::out_of_range(format!("spin {i}"), state[i], "-1 or 1"));
        }
    }
    Ok(RenormalisationRun { streams, first, n_rounds, lead, trials, kept })
});

impl RenormalisationRun {
    /// A run at its start, whose first round has 500 sweeps, or fewer (50 at least) for a model of more than 2·10⁵ spins
    /// and couplings.
    pub fn new(ising: &Ising, streams: Streams) -> Self {
        let size = ising.n_spins() + ising.couplings().n_edges();
        let first = (24 * PIECE / size).clamp(*FIRST.start(), *FIRST.end());
        RenormalisationRun { streams, first, n_rounds: 0, lead: 0, trials: Vec::new(), kept: Vec::new() }
    }
    /// Rounds that are complete.
    pub fn n_rounds(&self) -> u64 {
        self.n_rounds
    }
    /// The lowest energy so far, and its state; `None` before the trials of the first round are annealed.
    pub fn best(&self) -> Option<(f64, &[i8])> {
        self.kept.first().map(|(energy, state)| (*energy, state.as_slice()))
    }
    /// The states that are kept, at most eight, from the lowest energy up.
    pub fn kept(&self) -> &[(f64, Vec<i8>)] {
        &self.kept
    }

    /// Some more of the round: sweeps of both trials, or their end. `ising` and its `model` must be those of all calls.
    ///
    /// Errors: a model of another size.
    pub fn advance(&mut self, ising: &Ising, model: &LaneModel, par: Par) -> Result<()> {
        same_length("spins of the model", model.n_spins(), ising.n_spins())?;
        let there = self.trials.first().map(|t| t.spins.n_spins());
        if let Some(n) = there.or(self.kept.first().map(|(_, state)| state.len())) {
            same_length("spins of the model", ising.n_spins(), n)?;
        }
        if self.trials.is_empty() {
            self.start(model)?;
        }
        let pending = self.trials.iter().any(|t| !t.is_annealed());
        if pending {
            let piece = (PIECE / (ising.n_spins() + ising.couplings().n_edges())).max(1);
            let mut jobs: Vec<_> = self.trials.drain(..).map(|trial| (trial, Ok(None))).collect();
            parallel::each(par, &mut jobs, |_, (trial, found)| {
                *found = trial.sweep(ising, model, piece).and_then(|()| trial.annealed(ising, model));
            });
            let mut solutions = Vec::new();
            for (trial, found) in jobs {
                self.trials.push(trial);
                solutions.push(found);
            }
            for solution in solutions.into_iter().collect::<Result<Vec<_>>>()? {
                solution.into_iter().for_each(|solution| self.keep(solution, ising));
            }
            return Ok(());
        }
        self.finish(ising, model, par)
    }

    fn n_sweeps(&self) -> usize {
        self.first.saturating_mul(GROWTH.pow(self.n_rounds.min(MOST_STEPS) as u32))
    }
    /// The kinds of the two trials of this round.
    fn kinds(&self) -> [usize; 2] {
        if self.n_rounds % RETRY == RETRY - 1 || self.lead == 0 {
            KINDS
        } else {
            [KINDS[usize::from(self.lead < 0)]; 2]
        }
    }
    fn start(&mut self, model: &LaneModel) -> Result<()> {
        let n_sweeps = self.n_sweeps();
        let first = self.n_rounds.wrapping_mul(KINDS.len() as u64);
        for (index, island) in (first..).zip(self.kinds()) {
            let options = Renormalisation::new(island, n_sweeps)?;
            self.trials.push(Trial::new(options, model, &self.streams, index));
        }
        Ok(())
    }
    /// Ends the trials of a round.
    fn finish(&mut self, ising: &Ising, model: &LaneModel, par: Par) -> Result<()> {
        let trials = std::mem::take(&mut self.trials);
        let islands: Vec<usize> = trials.iter().map(|t| t.options.island()).collect();
        let mut jobs: Vec<_> = trials.into_iter().map(|trial| (Some(trial), None)).collect();
        parallel::each(par, &mut jobs, |_, (trial, found)| {
            *found = trial.take().map(|trial| trial.finish(ising, model, par));
        });
        let found: Vec<(f64, Vec<i8>)> = jobs.into_iter().filter_map(|job| job.1).collect::<Result<_>>()?;
        if let ([a, b], true) = (found.as_slice(), islands == KINDS) {
            self.lead = self.lead.saturating_add(i32::from(a.0 < b.0) - i32::from(b.0 < a.0));
        }
        let n_sweeps = self.n_sweeps();
        found.into_iter().for_each(|solution| self.keep(solution, ising));
        if self.kept.len() > 1 {
            let mut rng = self.streams.stream("joining the kept", self.n_rounds);
            let cached = CachedIsing(ising.clone());
            let children = Tournament::new(&cached, n_sweeps)?.join(&self.kept, &mut rng)?;
            children.into_iter().for_each(|solution| self.keep(solution, ising));
        }
        self.n_rounds += 1;
        Ok(())
    }
    /// Keeps a solution that is among the best and new (up to the reversal of all spins, where that is a symmetry).
    fn keep(&mut self, (energy, state): (f64, Vec<i8>), ising: &Ising) {
        if self.kept.iter().any(|(_, other)| alike(ising, other, &state)) {
            return;
        }
        let at = self.kept.partition_point(|(other, _)| *other <= energy);
        self.kept.insert(at, (energy, state));
        self.kept.truncate(KEPT);
    }
}
