//! Simulated annealing of many runs.

use super::descend;
use crate::{
    ising::{CachedIsing, Ising},
    lanes::{LANES, LaneBetas, LaneModel, LaneSpins, LaneSweep, REAL_LANES, RealLaneModel, RealLaneSweep},
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
    rng::{Draw, Streams},
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

/// Most sweeps at zero temperature at the end of runs in lanes.
const COLD_SWEEPS: usize = 20;

/// Simulated annealing (S. Kirkpatrick, C. D. Gelatt and M. P. Vecchi, Science 220, 671 (1983)): Metropolis sweeps
/// while the temperature falls, then a descent. (Of 512 runs side by side, at most 20 sweeps at zero temperature, until no
/// energy changes any more, and a descent of the best one.)
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

/// A model made ready for annealing by the fastest engine that its couplings allow.
#[derive(Clone, Debug)]
pub struct AnnealModel {
    cached: CachedIsing,
    sweeps: Sweeps,
}

#[derive(Clone, Debug)]
enum Sweeps {
    Lanes(LaneModel),
    RealLanes(RealLaneModel),
    Ordered(OrderedIsing),
    /// Random single flips.
    Flips,
}

impl AnnealModel {
    /// Compiles a model.
    pub fn new(ising: &Ising) -> Self {
        let sweeps = if let Ok(model) = LaneModel::new(ising) {
            Sweeps::Lanes(model)
        } else if let Some(model) = RealLaneModel::new(ising).ok().filter(|m| resolves(ising, m.unit())) {
            Sweeps::RealLanes(model)
        } else {
            AnnealModel::singly(ising)
        };
        AnnealModel { cached: CachedIsing(ising.clone()), sweeps }
    }
    /// Compiles a model for single runs, whatever its couplings.
    pub fn single(ising: &Ising) -> Self {
        AnnealModel { cached: CachedIsing(ising.clone()), sweeps: AnnealModel::singly(ising) }
    }
    fn singly(ising: &Ising) -> Sweeps {
        match OrderedIsing::new(ising) {
            Ok(model) if model.is_exact() || resolves(ising, model.unit()) => Sweeps::Ordered(model),
            _ => Sweeps::Flips,
        }
    }
    /// The engine.
    pub fn engine(&self) -> Engine {
        match &self.sweeps {
            Sweeps::Lanes(_) => Engine::Lanes,
            Sweeps::RealLanes(_) => Engine::RealLanes,
            Sweeps::Ordered(_) | Sweeps::Flips => Engine::Single,
        }
    }
    /// Runs of one batch.
    pub fn batch_size(&self) -> usize {
        match self.engine() {
            Engine::Lanes => LANES,
            Engine::RealLanes => REAL_LANES,
            Engine::Single => 1,
        }
    }
    /// The model as given.
    pub fn ising(&self) -> &Ising {
        &self.cached.0
    }
    /// Energies and spins of runs in lanes after sweeps at zero temperature. (Descents one by one would cost as much as a
    /// hundred sweeps where spins have many neighbours.)
    fn quenched<R: Draw>(
        &self,
        model: &LaneModel,
        s: &mut LaneSpins,
        rng: &mut R,
    ) -> Result<Vec<(f64, Vec<i8>)>> {
        let mut energies = model.energies(s);
        for _ in 0..COLD_SWEEPS {
            LaneSweep.sweep(model, s, &LaneBetas::Same(f64::INFINITY), rng)?;
            let now = model.energies(s);
            let is_still = now == energies;
            energies = now;
            if is_still {
                break;
            }
        }
        let best = (0..LANES).min_by(|a, b| energies[*a].total_cmp(&energies[*b])).unwrap_or(0);
        let run = |(replica, energy): (usize, f64)| match replica == best {
            true => self.descended(s.replica(replica)),
            false => Ok((energy, s.replica(replica))),
        };
        energies.into_iter().enumerate().map(run).collect()
    }
    /// Energy and spins at the bottom of the valley in which a run has ended.
    fn descended(&self, spins: Vec<i8>) -> Result<(f64, Vec<i8>)> {
        let mut state = self.cached.at(spins)?;
        descend(&self.cached, &mut state);
        let spins = state.spins().to_vec();
        Ok((self.cached.0.energy(&spins), spins))
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

impl Annealing {
    /// Temperatures from `temperature.at(0)` at the first sweep to `temperature.at(1)` at the last.
    ///
    /// Errors: no sweeps, a temperature that is not positive somewhere.
    pub fn new(temperature: Schedule, n_sweeps: usize) -> Result<Self> {
        if n_sweeps == 0 {
            return Err(Error::out_of_range("n_sweeps", 0, "at least 1"));
        }
        let temperature = temperature.checked()?;
        let (lowest, _) = temperature.bounds();
        if lowest <= 0.0 {
            return Err(Error::out_of_range("temperature of the schedule", lowest, "greater than 0"));
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
    /// At least `n_runs` runs from random states: a multiple of [`AnnealModel::batch_size`]. Batch b of them uses stream b,
    /// whatever thread it is on.
    ///
    /// Errors: no runs.
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
        let model = AnnealModel::new(ising);
        let n_batches = n_runs.div_ceil(model.batch_size());
        let batches = parallel::map(par, n_batches, |b| self.batch(&model, streams, b as u64));
        let batches: Vec<Vec<(f64, Vec<i8>)>> = batches.into_iter().collect::<Result<_>>()?;
        SearchResults::new(batches.into_iter().flatten().collect())
    }

    /// One batch of runs, each with its energy and spins.
    pub fn batch(&self, model: &AnnealModel, streams: &Streams, index: u64) -> Result<Vec<(f64, Vec<i8>)>> {
        let ends: Vec<Vec<i8>> = match &model.sweeps {
            Sweeps::Lanes(lanes) => {
                let mut rng = streams.stream("anneal batch", index);
                let mut spins = lanes.random(&mut rng);
                for t in self.temperature.values(self.n_sweeps) {
                    LaneSweep.sweep(lanes, &mut spins, &LaneBetas::Same(1.0 / t), &mut rng)?;
                }
                return model.quenched(lanes, &mut spins, &mut rng);
            }
            Sweeps::RealLanes(lanes) => {
                let mut rng = streams.stream("anneal real batch", index);
                let mut spins = lanes.random(&mut rng);
                for t in self.temperature.values(self.n_sweeps) {
                    RealLaneSweep::metropolis().sweep(
                        lanes,
                        &mut spins,
                        &LaneBetas::Same(1.0 / t),
                        &mut rng,
                    )?;
                }
                (0..REAL_LANES).map(|replica| spins.replica(replica)).collect()
            }
            Sweeps::Ordered(ordered) => {
                let mut rng = streams.stream("anneal", index);
                let mut spins = ordered.draw(&mut rng);
                for t in self.temperature.values(self.n_sweeps) {
                    OrderedSweep::metropolis().sweep(ordered, &mut spins, 1.0 / t, &mut rng)?;
                }
                vec![spins.spins()]
            }
            Sweeps::Flips => {
                let mut rng = streams.stream("anneal", index);
                let mut state = model.cached.draw(&mut rng);
                let mut kernel = Metropolis::new(model.ising().n_spins())?;
                for t in self.temperature.values(self.n_sweeps) {
                    kernel.step(&model.cached, &mut state, 1.0 / t, &mut rng);
                }
                vec![state.spins().to_vec()]
            }
        };
        ends.into_iter().map(|spins| model.descended(spins)).collect()
    }
}
