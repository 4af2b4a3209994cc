//! Population annealing of 512 replicas side by side, in islands that do not mix.

use super::descend;
use crate::{
    ising::{CachedIsing, Ising},
    lanes::{LANES, LaneBetas, LaneModel, LaneSpins, LaneSweep},
    problem::default_betas,
};
use serde::{Deserialize, Serialize};
use smml_core::{
    error::{Error, Result},
    estimate::SearchResults,
    parallel::{self, Par},
    read_through,
    rng::{Draw, Streams},
    schedule::Schedule,
};
use std::ops::Range;

/// Resamplings of one annealing, as far as there are sweeps.
const RESAMPLINGS: usize = 100;
/// Least number of sweeps between two of them: copies must part.
const APART: usize = 5;
/// Sweeps at zero temperature that end an annealing.
const LAST: usize = 3;

/// Population annealing of 512 replicas in [`lanes`](crate::lanes), as a search: Metropolis sweeps while the temperature
/// falls, and about a hundred times, or every fifth sweep where there are fewer, a resampling. It is the method of
/// [`PopulationAnnealing`](super::PopulationAnnealing) (K. Hukushima and Y. Iba, AIP Conf. Proc. 690, 200 (2003); W. Wang,
/// J. Machta and H. G. Katzgraber, Phys. Rev. E 92, 013303 (2015), for ground states) without its estimates.
///
/// Replicas are resampled within islands of `island` neighbours: replica j of R in an island is copied
/// R e^(-Δβ E_j) / Σ e^(-Δβ E) times on average, Δβ the change of β since the last time (systematic resampling). Energies are
/// those at the end of these sweeps, which have lowered them already: good replicas are preferred more than the weights of
/// population annealing would, and there are no averages over the population to take.
/// One island of 512 finds the lowest energies in a given time, and in the end all replicas are relatives; many small
/// islands keep solutions apart, which [`Renormalisation`](super::Renormalisation) can join. Islands of one replica are
/// simulated annealing.
///
/// ```
/// use smml_core::{parallel::Par, rng::Streams};
/// use smml_physics::{ising::{Boundary, SquareLattice}, search::LanePopulation};
/// let ferromagnet = SquareLattice::uniform(8, 8, Boundary::Periodic, 1.0, 0.0)?.ising()?;
/// let annealing = LanePopulation::for_model(&ferromagnet, 200, 512)?;
/// let found = annealing.search(&ferromagnet, 1, &Streams::new(1), Par::Serial)?;
/// assert_eq!(found.best().0, -128.0);
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawLanePopulation")]
pub struct LanePopulation {
    temperature: Schedule,
    n_sweeps: usize,
    island: usize,
}

read_through!(LanePopulation: RawLanePopulation { temperature: Schedule, n_sweeps: usize, island: usize }
    => LanePopulation::new(temperature, n_sweeps, island));

impl LanePopulation {
    /// Temperatures from `temperature.at(0)` at the first sweep to `temperature.at(1)` at the last.
    ///
    /// Errors: no sweeps, a temperature that is not positive somewhere, islands of a size that does not divide 512.
    pub fn new(temperature: Schedule, n_sweeps: usize, island: usize) -> Result<Self> {
        if n_sweeps == 0 {
            return Err(Error::out_of_range("n_sweeps", 0, "at least 1"));
        }
        let temperature = temperature.checked()?;
        let (lowest, _) = temperature.bounds();
        if lowest <= 0.0 {
            return Err(Error::out_of_range("temperature of the schedule", lowest, "greater than 0"));
        }
        check_island(island)?;
        Ok(LanePopulation { temperature, n_sweeps, island })
    }
    /// A linear schedule of temperatures, see [`LanePopulation::temperatures`].
    pub fn for_model(ising: &Ising, n_sweeps: usize, island: usize) -> Result<Self> {
        let [hot, cold] = LanePopulation::temperatures(ising);
        LanePopulation::new(Schedule::linear(hot, cold)?, n_sweeps, island)
    }
    /// The hottest and the coldest temperature of a default schedule. Hot is 0.8 times the typical local field of a
    /// random state, √⟨Σⱼ Jᵢⱼ² + hᵢ²⟩ (mean over spins): somewhat below where a glass begins to freeze, so that no
    /// time is lost above. Cold is 0.3 times the smallest |J| or |h|, but at least 0.08 times the hot one: where couplings
    /// of many sizes add up, nothing moves long before the smallest of them freezes.
    pub fn temperatures(ising: &Ising) -> [f64; 2] {
        let couplings = 2.0 * ising.couplings().edges().map(|e| e.2 * e.2).sum::<f64>();
        let fields = ising.fields().iter().map(|h| h * h).sum::<f64>();
        let hot = 0.8 * ((couplings + fields) / ising.n_spins() as f64).sqrt();
        if !(hot > 0.0 && hot.is_finite()) {
            return [1.0; 2];
        }
        // The coldest of the other default is 2 / ln 100 of the smallest coupling.
        let smallest = 0.5 * libm::log(100.0) / default_betas(ising).1;
        [hot, (0.3 * smallest).clamp(0.08 * hot, hot)]
    }
    /// The schedule of temperatures.
    pub fn temperature(&self) -> &Schedule {
        &self.temperature
    }
    /// Sweeps of one annealing.
    pub fn n_sweeps(&self) -> usize {
        self.n_sweeps
    }
    /// Replicas that are resampled together.
    pub fn island(&self) -> usize {
        self.island
    }
    fn beta(&self, sweep: usize) -> f64 {
        1.0 / self.temperature.at(sweep as f64 / (self.n_sweeps - 1).max(1) as f64)
    }

    /// The sweeps with the numbers in `sweeps`, of those from 0 to `n_sweeps`. An annealing may be cut anywhere; after the
    /// last one come three sweeps at zero temperature.
    ///
    /// Errors: a state of another model.
    pub fn sweep<R: Draw>(
        &self,
        model: &LaneModel,
        spins: &mut LaneSpins,
        sweeps: Range<usize>,
        rng: &mut R,
    ) -> Result<()> {
        let every = (self.n_sweeps / RESAMPLINGS).max(APART);
        for k in sweeps.start..sweeps.end.min(self.n_sweeps) {
            let beta = self.beta(k);
            if k > 0 && k % every == 0 && self.island > 1 {
                let step = beta - self.beta(k - every);
                let from = sources(&model.energies(spins), self.island, step, rng);
                spins.resample(&from)?;
            }
            LaneSweep.sweep(model, spins, &LaneBetas::Same(beta), rng)?;
            if k + 1 == self.n_sweeps {
                for _ in 0..LAST {
                    LaneSweep.sweep(model, spins, &LaneBetas::Same(f64::INFINITY), rng)?;
                }
            }
        }
        Ok(())
    }

    /// `n_batches` independent annealings of 512 replicas, with the best state of each island; batch b uses stream b,
    /// whatever thread it is on.
    ///
    /// Errors: no batches, couplings that [`LaneModel`] cannot hold.
    pub fn search(
        &self,
        ising: &Ising,
        n_batches: usize,
        streams: &Streams,
        par: Par,
    ) -> Result<SearchResults<Vec<i8>>> {
        if n_batches == 0 {
            return Err(Error::out_of_range("n_batches", 0, "at least 1"));
        }
        let model = LaneModel::new(ising)?;
        let batches = parallel::map(par, n_batches, |b| {
            let mut rng = streams.stream("population of lanes", b as u64);
            let mut spins = model.random(&mut rng);
            self.sweep(&model, &mut spins, 0..self.n_sweeps, &mut rng)?;
            best_of_each(&CachedIsing(ising.clone()), &model, &spins, self.island)
        });
        let batches: Vec<_> = batches.into_iter().collect::<Result<_>>()?;
        SearchResults::new(batches.into_iter().flatten().collect())
    }
}

/// Errors: a size of islands that does not divide 512.
pub(super) fn check_island(island: usize) -> Result<()> {
    if island == 0 || !LANES.is_multiple_of(island) {
        let allowed = format!("a divisor of {LANES}");
        return Err(Error::out_of_range("replicas of an island", island, allowed));
    }
    Ok(())
}

/// Of every `part` replicas in a row the first of lowest energy, after a descent.
pub(super) fn best_of_each(
    cached: &CachedIsing,
    model: &LaneModel,
    spins: &LaneSpins,
    part: usize,
) -> Result<Vec<(f64, Vec<i8>)>> {
    use smml_core::energy::Energy;
    let energies = model.energies(spins);
    let best = |(k, part): (usize, &[f64])| {
        let lowest = (0..part.len()).min_by(|a, b| part[*a].total_cmp(&part[*b])).unwrap_or(0);
        let mut state = cached.at(spins.replica(k * part.len() + lowest))?;
        descend(cached, &mut state);
        let state = state.spins().to_vec();
        Ok((cached.0.energy(&state), state))
    };
    energies.chunks_exact(part).enumerate().map(best).collect()
}

/// The replica that each replica becomes a copy of: systematic resampling with weights e^(-step E) within islands. Who
/// has a copy stays where it is.
pub(super) fn sources<R: Draw>(energies: &[f64], island: usize, step: f64, rng: &mut R) -> Vec<usize> {
    let mut from: Vec<usize> = (0..energies.len()).collect();
    let mut weights = vec![0.0; island];
    for (first, energies) in (0..).step_by(island).zip(energies.chunks_exact(island)) {
        // The largest weight is 1.
        let top = energies.iter().map(|e| -step * e).fold(f64::NEG_INFINITY, f64::max);
        weights.iter_mut().zip(energies).for_each(|(w, e)| *w = libm::exp(-step * e - top));
        let total: f64 = weights.iter().sum();
        let offset = rng.uniform();
        let (mut sum, mut given) = (0.0, 0);
        let mut empty = Vec::new();
        let mut more = Vec::new();
        for (j, w) in weights.iter().enumerate() {
            sum += w * island as f64 / total;
            let below =
                if j + 1 == island { island } else { (libm::floor(sum + offset) as usize).min(island) };
            match below.saturating_sub(given) {
                0 => empty.push(first + j),
                n => more.extend(std::iter::repeat_n(first + j, n - 1)),
            }
            given = given.max(below);
        }
        // As many places are empty as there are copies too many.
        for (to, source) in empty.into_iter().zip(more) {
            from[to] = source;
        }
    }
    from
}
