//! Search by population annealing and joining of what solutions agree in: one trial ([`Renormalisation`]), and trials
//! that grow, learn which kind suits the model, and can be saved ([`RenormalisationRun`], in `run`).

mod run;
mod tournament;

pub use run::RenormalisationRun;

use super::islands::{LanePopulation, best_of_each};
use crate::{
    ising::{CachedIsing, Ising},
    lanes::{LANES, LaneModel, LaneSpins},
};
use serde::{Deserialize, Serialize};
use smml_core::{
    error::{Error, Result},
    estimate::SearchResults,
    parallel::{self, Par},
    read_through,
    rng::{Stream, Streams},
};
use tournament::Tournament;

/// Replicas of which one is taken to the tournament, where islands are as large.
const PART: usize = 8;
/// Solutions taken to the tournament, at most, for each sweep of a model in which spins have one neighbour; for others
/// divided by the mean number of neighbours.
const SOLUTIONS: usize = 16;
/// One group.
const FEWEST_SOLUTIONS: usize = 4;
/// Sweeps of an annealing for one sweep of blocks.
const BLOCK_SWEEPS: usize = 10;
/// Least number of sweeps of blocks.
const FEWEST_BLOCK_SWEEPS: usize = 50;

/// Annealing of a population, then renormalisation (J. Houdayer and O. C. Martin, Phys. Rev. Lett. 83, 1030 (1999)).
///
/// A trial has two parts.
///
/// 1. [`LanePopulation`] anneals 512 replicas in islands, for `n_sweeps` sweeps. The best one of every eight neighbours
///    goes on, 64 solutions (the best of every island where that is smaller, up to 512 solutions; on dense graphs, where
///    joining costs more, of larger parts).
/// 2. Solutions are drawn into groups of four. Spins that have the same orientation to each other in all of a group are
///    joined into blocks ([`Contraction`](super::Contraction)), and the model of the blocks, in general a small part of
///    the model, is annealed in 512 independent replicas that start from the four solutions, for a tenth of the sweeps.
///    The two lowest states that differ take the place of the group (the best of the four stays where none is as low).
///    This halves their number; it is repeated until one group is left, whose best is the result.
///
/// Where solutions differ by compact clusters, as on lattices in two dimensions, nearly all is gained in the second part,
/// and small islands, which keep solutions apart, are best. On random graphs, where what differs is one cluster through
/// the whole system, the first part does it, with one island of 512. [`RenormalisationRun`] finds out which.
///
/// The same streams give the same result on any number of threads.
///
/// ```
/// use smml_core::{parallel::Par, rng::Streams};
/// use smml_physics::{ising::{Boundary, SquareLattice}, search::Renormalisation};
/// let ferromagnet = SquareLattice::uniform(8, 8, Boundary::Periodic, 1.0, 0.0)?.ising()?;
/// let found = Renormalisation::new(8, 100)?.search(&ferromagnet, 2, &Streams::new(1), Par::Serial)?;
/// assert_eq!(found.best().0, -128.0);
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawRenormalisation")]
pub struct Renormalisation {
    island: usize,
    n_sweeps: usize,
}

read_through!(Renormalisation: RawRenormalisation { island: usize, n_sweeps: usize }
    => Renormalisation::new(island, n_sweeps));

impl Renormalisation {
    /// Islands of `island` replicas and `n_sweeps` sweeps of the first annealing. Temperatures are those of
    /// [`LanePopulation::temperatures`].
    ///
    /// Errors: no sweeps, islands of a size that does not divide 512.
    pub fn new(island: usize, n_sweeps: usize) -> Result<Self> {
        super::islands::check_island(island)?;
        if n_sweeps == 0 {
            return Err(Error::out_of_range("n_sweeps", 0, "at least 1"));
        }
        Ok(Renormalisation { island, n_sweeps })
    }
    /// Replicas that are resampled together.
    pub fn island(&self) -> usize {
        self.island
    }
    /// Sweeps of the first annealing.
    pub fn n_sweeps(&self) -> usize {
        self.n_sweeps
    }

    /// `n_trials` independent trials, each with its best state; trial t uses stream t, whatever thread it is on.
    ///
    /// Errors: no trials, couplings that [`LaneModel`] cannot hold.
    pub fn search(
        &self,
        ising: &Ising,
        n_trials: usize,
        streams: &Streams,
        par: Par,
    ) -> Result<SearchResults<Vec<i8>>> {
        if n_trials == 0 {
            return Err(Error::out_of_range("n_trials", 0, "at least 1"));
        }
        let model = LaneModel::new(ising)?;
        let found = parallel::map(par, n_trials, |t| self.trial(ising, &model, streams, t as u64, par));
        SearchResults::new(found.into_iter().collect::<Result<_>>()?)
    }

    /// One trial: its lowest energy and the state. `model` is that of `ising`.
    pub fn trial(
        &self,
        ising: &Ising,
        model: &LaneModel,
        streams: &Streams,
        index: u64,
        par: Par,
    ) -> Result<(f64, Vec<i8>)> {
        let mut trial = Trial::new(*self, model, streams, index);
        trial.sweep(ising, model, self.n_sweeps)?;
        trial.finish(ising, model, par)
    }
}

/// A trial on its way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawTrial")]
struct Trial {
    options: Renormalisation,
    done: usize,
    spins: LaneSpins,
    rng: Stream,
}

read_through!(Trial: RawTrial { options: Renormalisation, done: usize, spins: LaneSpins, rng: Stream } => {
    if done > options.n_sweeps {
        return Err(Error::out_of_range("sweeps done", done, format!("at most {}", options.n_sweeps)));
    }
    Ok(Trial { options, done, spins, rng })
});

impl Trial {
    fn new(options: Renormalisation, model: &LaneModel, streams: &Streams, index: u64) -> Self {
        let mut rng = streams.stream("renormalisation", index);
        Trial { options, done: 0, spins: model.random(&mut rng), rng }
    }
    /// At most `n` more sweeps of the first annealing.
    fn sweep(&mut self, ising: &Ising, model: &LaneModel, n: usize) -> Result<()> {
        let annealing = LanePopulation::for_model(ising, self.options.n_sweeps, self.options.island)?;
        let end = self.done.saturating_add(n).min(self.options.n_sweeps);
        annealing.sweep(model, &mut self.spins, self.done..end, &mut self.rng)?;
        self.done = end;
        Ok(())
    }
    fn is_annealed(&self) -> bool {
        self.done == self.options.n_sweeps
    }
    /// The best of all replicas where the annealing is complete: a result before the second part.
    fn annealed(&self, ising: &Ising, model: &LaneModel) -> Result<Option<(f64, Vec<i8>)>> {
        if !self.is_annealed() {
            return Ok(None);
        }
        Ok(best_of_each(&CachedIsing(ising.clone()), model, &self.spins, LANES)?.pop())
    }
    /// How many replicas in a row send one solution to the tournament. A solution costs some passes over all couplings,
    /// which are worth 3 sweeps on a sparse graph and ten times as many on a dense one, where a sweep has less to do for
    /// each coupling: so many solutions are taken as keep the cost of both parts alike.
    fn part(&self, ising: &Ising) -> usize {
        let degree = 2 * ising.couplings().n_edges() / ising.n_spins();
        let most = self.options.n_sweeps * SOLUTIONS / degree.max(1);
        let least = LANES / most.clamp(FEWEST_SOLUTIONS, LANES);
        self.options.island.min(PART).max(least.next_power_of_two())
    }
    /// The second part.
    fn finish(mut self, ising: &Ising, model: &LaneModel, par: Par) -> Result<(f64, Vec<i8>)> {
        let cached = CachedIsing(ising.clone());
        let solutions = best_of_each(&cached, model, &self.spins, self.part(ising))?;
        Tournament::new(&cached, self.options.n_sweeps)?.run(solutions, &mut self.rng, par)
    }
}
