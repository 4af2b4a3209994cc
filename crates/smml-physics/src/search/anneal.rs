//! Simulated annealing of many runs.

use super::descend;
use crate::{
    ising::{CachedIsing, Ising},
    lanes::{LANES, LaneBetas, LaneModel, LaneSweep, REAL_LANES, RealLaneModel, RealLaneSweep},
    ordered::{OrderedIsing, OrderedSweep},
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
    /// 64 runs side by side, for any couplings; they are rounded for the sweeps (see
    /// [`RealLaneModel::unit`]), not for the descent and the energies.
    RealLanes,
    /// One run at a time with cached local fields, where couplings are too far apart in size for the above.
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

/// A model made ready.
enum Compiled {
    Lanes(LaneModel),
    RealLanes(RealLaneModel),
    Single,
}

impl Compiled {
    fn new(ising: &Ising) -> Self {
        if let Ok(model) = LaneModel::new(ising) {
            return Compiled::Lanes(model);
        }
        match RealLaneModel::new(ising) {
            Ok(model) if resolves(ising, model.unit()) => Compiled::RealLanes(model),
            _ => Compiled::Single,
        }
    }
    fn engine(&self) -> Engine {
        match self {
            Compiled::Lanes(_) => Engine::Lanes,
            Compiled::RealLanes(_) => Engine::RealLanes,
            Compiled::Single => Engine::Single,
        }
    }
}

/// Whether the sweeps see every spin: its largest coupling or field is at least 2⁷ units, so that no more than a
/// part of 2⁻⁸ of it is lost. (Small couplings beside large ones only decide between states that differ little.)
fn resolves(ising: &Ising, unit: f64) -> bool {
    let largest = |i: usize| {
        let row = ising.couplings().neighbours(i).1.iter();
        row.fold(ising.fields()[i].abs(), |m, w| m.max(w.abs()))
    };
    (0..ising.n_spins()).map(largest).all(|m| m == 0.0 || m >= 128.0 * unit)
}

/// Energies and spins at the bottom of the valleys in which runs have ended.
fn descended(ising: &Ising, ends: impl Iterator<Item = Vec<i8>>) -> Result<Vec<(f64, Vec<i8>)>> {
    let cached = CachedIsing(ising.clone());
    ends.map(|spins| {
        let mut state = cached.at(spins)?;
        descend(&cached, &mut state);
        Ok((ising.energy(&state.spins().to_vec()), state.spins().to_vec()))
    })
    .collect()
}

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
        Compiled::new(ising).engine()
    }

    /// At least `n_runs` runs from random states: a multiple of [`LANES`] or [`REAL_LANES`] where the model allows so many
    /// at a time. Batch b of them uses stream b (single runs: run r stream r), whatever thread it is on.
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
        let compiled = Compiled::new(ising);
        let size = match compiled {
            Compiled::Lanes(_) => LANES,
            Compiled::RealLanes(_) => REAL_LANES,
            Compiled::Single => 1,
        };
        let batches = parallel::map(par, n_runs.div_ceil(size), |b| match &compiled {
            Compiled::Lanes(model) => self.batch(ising, model, streams, b as u64),
            Compiled::RealLanes(model) => self.real_batch(model, streams, b as u64),
            Compiled::Single => Ok(vec![self.single(ising, streams, b as u64)]),
        });
        let batches: Vec<Vec<(f64, Vec<i8>)>> = batches.into_iter().collect::<Result<_>>()?;
        SearchResults::new(batches.into_iter().flatten().collect())
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
        descended(ising, (0..LANES).map(|replica| spins.replica(replica)))
    }

    /// [`REAL_LANES`] runs, each with its energy and spins after descent.
    pub fn real_batch(
        &self,
        model: &RealLaneModel,
        streams: &Streams,
        index: u64,
    ) -> Result<Vec<(f64, Vec<i8>)>> {
        let mut rng = streams.stream("anneal real batch", index);
        let mut spins = model.random(&mut rng);
        let sweep = RealLaneSweep::metropolis();
        for t in self.temperature.values(self.n_sweeps) {
            sweep.sweep(model, &mut spins, &LaneBetas::Same(1.0 / t), &mut rng)?;
        }
        descended(model.ising(), (0..REAL_LANES).map(|replica| spins.replica(replica)))
    }

    /// One run of single flips.
    pub fn single(&self, ising: &Ising, streams: &Streams, index: u64) -> (f64, Vec<i8>) {
        let mut rng = streams.stream("anneal", index);
        let cached = CachedIsing(ising.clone());
        let mut state = match OrderedIsing::new(ising) {
            Ok(model) if model.is_exact() || resolves(ising, model.unit()) => {
                let (mut kernel, mut spins) = (OrderedSweep::metropolis(), model.draw(&mut rng));
                for t in self.temperature.values(self.n_sweeps) {
                    kernel.step(&model, &mut spins, 1.0 / t, &mut rng);
                }
                cached.of(spins.spins())
            }
            _ => {
                let mut state = cached.draw(&mut rng);
                // Never fails: a model has spins.
                if let Ok(mut kernel) = Metropolis::new(ising.n_spins()) {
                    for t in self.temperature.values(self.n_sweeps) {
                        kernel.step(&cached, &mut state, 1.0 / t, &mut rng);
                    }
                }
                cached.refresh(&mut state);
                state
            }
        };
        descend(&cached, &mut state);
        (ising.energy(&state.spins().to_vec()), state.spins().to_vec())
    }
}
