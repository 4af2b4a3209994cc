//! Simulated annealing of many runs.

use super::descend;
use crate::{
    ising::{CachedIsing, Ising},
    lanes::{LANES, LaneBetas, LaneModel, LaneSweep},
    problem::default_betas,
};
use serde::{Deserialize, Serialize};
use smml_core::{
    energy::{Energy, Reference},
    error::{Error, Result},
    estimate::SearchResults,
    kernel::Kernel,
    parallel::{self, Par},
    read_through,
    rng::Streams,
    sample::Metropolis,
    schedule::Schedule,
};

/// What does the sweeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// 512 runs side by side, for couplings that are integer multiples of a unit.
    Lanes,
    /// One run at a time with cached local fields, for any couplings.
    Single,
}

/// Simulated annealing (S. Kirkpatrick, C. D. Gelatt and M. P. Vecchi, Science 220, 671 (1983)): Metropolis sweeps
/// while the temperature falls, then a descent.
///
/// ```
/// use smml_core::{parallel::Par, rng::Streams};
/// use smml_physics::{ising::{Boundary, SquareLattice}, search::Annealing};
/// let ferromagnet = SquareLattice::uniform(8, 8, Boundary::Periodic, 1.0, 0.0)?.ising()?;
/// let found = Annealing::for_model(&ferromagnet, 100)?.search(&ferromagnet, 512, &Streams::new(1), Par::Serial)?;
/// assert_eq!(found.best().0, -128.0);
/// assert!(found.success(-128.0).value > 0.5);
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawAnnealing")]
pub struct Annealing {
    temperature: Schedule,
    n_sweeps: usize,
}

read_through!(Annealing: RawAnnealing { temperature: Schedule, n_sweeps: usize } => Annealing::new(temperature, n_sweeps));

impl Annealing {
    /// Temperatures from `temperature.at(0)` at the first sweep to `temperature.at(1)` at the last.
    ///
    /// Errors: no sweeps, a temperature that is not positive somewhere.
    pub fn new(temperature: Schedule, n_sweeps: usize) -> Result<Self> {
        if n_sweeps == 0 {
            return Err(Error::out_of_range("n_sweeps", 0, "at least 1"));
        }
        let temperature = temperature.checked()?;
        for t in [temperature.at(0.0), temperature.at(1.0)] {
            if !(t > 0.0 && t.is_finite()) {
                return Err(Error::out_of_range("temperature of the schedule", t, "greater than 0"));
            }
        }
        Ok(Annealing { temperature, n_sweeps })
    }
    /// A linear schedule of temperatures between those of [`default_betas`]: the hottest brought down to where the
    /// typical local field, √Σ J², orders. Both forms of a problem have the same model, hence the same schedule.
    pub fn for_model(ising: &Ising, n_sweeps: usize) -> Result<Self> {
        let (hot, cold) = default_betas(ising);
        let coldest = 1.0 / cold;
        let square = |i: usize| {
            let row = ising.couplings().neighbours(i).1.iter().map(|w| w * w).sum::<f64>();
            row + ising.fields()[i].powi(2)
        };
        let typical = (0..ising.n_spins()).map(square).fold(0.0, f64::max).sqrt();
        let hottest = if typical > coldest { typical.min(1.0 / hot) } else { 1.0 / hot };
        Annealing::new(Schedule::linear(hottest.max(coldest), coldest)?, n_sweeps)
    }
    /// The schedule of temperatures.
    pub fn temperature(&self) -> &Schedule {
        &self.temperature
    }
    /// Sweeps of one run.
    pub fn n_sweeps(&self) -> usize {
        self.n_sweeps
    }
    /// The engine that a model allows.
    pub fn engine(ising: &Ising) -> Engine {
        if LaneModel::new(ising).is_ok() { Engine::Lanes } else { Engine::Single }
    }

    /// At least `n_runs` runs from random states: a multiple of [`LANES`] where the model allows 512 at a time. Batch b
    /// of 512 uses stream b (single runs: run r stream r), whatever thread it is on.
    pub fn search(
        &self,
        ising: &Ising,
        n_runs: usize,
        streams: &Streams,
        par: Par,
    ) -> Result<SearchResults<Vec<i8>>> {
        if n_runs == 0 {
            return Err(Error::out_of_range("n_runs", 0, "at least 1"));
        }
        let all: Vec<Vec<(f64, Vec<i8>)>> = match LaneModel::new(ising) {
            Ok(model) => {
                let batches = parallel::map(par, n_runs.div_ceil(LANES), |b| {
                    self.batch(ising, &model, streams, b as u64)
                });
                batches.into_iter().collect::<Result<_>>()?
            }
            Err(_) => parallel::map(par, n_runs, |r| vec![self.single(ising, streams, r as u64)]),
        };
        SearchResults::new(all.into_iter().flatten().collect())
    }

    /// 512 runs, each with its energy and spins after descent.
    pub fn batch(
        &self,
        ising: &Ising,
        model: &LaneModel,
        streams: &Streams,
        index: u64,
    ) -> Result<Vec<(f64, Vec<i8>)>> {
        let mut rng = streams.stream("anneal batch", index);
        let mut spins = model.random(&mut rng);
        for t in self.temperature.values(self.n_sweeps) {
            LaneSweep.sweep(model, &mut spins, &LaneBetas::Same(1.0 / t), &mut rng)?;
        }
        let cached = CachedIsing(ising.clone());
        (0..LANES)
            .map(|replica| {
                let mut state = cached.at(spins.replica(replica))?;
                descend(&cached, &mut state);
                Ok((ising.energy(&state.spins().to_vec()), state.spins().to_vec()))
            })
            .collect()
    }

    /// One run of single flips.
    pub fn single(&self, ising: &Ising, streams: &Streams, index: u64) -> (f64, Vec<i8>) {
        let mut rng = streams.stream("anneal", index);
        let cached = CachedIsing(ising.clone());
        let mut state = cached.draw(&mut rng);
        // Never fails: a model has spins.
        if let Ok(mut kernel) = Metropolis::new(ising.n_spins()) {
            for t in self.temperature.values(self.n_sweeps) {
                kernel.step(&cached, &mut state, 1.0 / t, &mut rng);
            }
        }
        cached.refresh(&mut state);
        descend(&cached, &mut state);
        (ising.energy(&state.spins().to_vec()), state.spins().to_vec())
    }
}
