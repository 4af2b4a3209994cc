//! Parallel tempering of 512 replicas side by side, as a search. `moves` are those between replicas.
//!
//! Tempering that measures, with a ladder that adapts, is in [`crate::tempering`].

mod moves;
#[cfg(test)]
mod tests;

use super::{LanePopulation, descend};
use crate::{
    ising::{CachedIsing, Ising, Rule},
    lanes::{LANES, LaneBetas, LaneLadder, LaneModel, LaneSpins, LaneSweep},
};
use moves::{Clusters, exchange};
use serde::{Deserialize, Serialize};
use smml_core::{
    error::{Error, Result, finite, positive, same_length},
    estimate::SearchResults,
    kernel::Step,
    parallel::{self, Par},
    read_through,
    rng::{Draw, Stream, Streams},
};

/// Sweeps before each exchange: energies cost as much as one.
const SWEEPS: usize = 4;
/// Steps from one round of cluster moves to the next, and from one quench to the next.
const CLUSTERS_EVERY: u64 = 4;
const QUENCH_EVERY: u64 = 8;
/// Rounds of cluster moves from one measurement to the next on rungs where clusters are too large.
const MEASURE_EVERY: u64 = 16;
/// Largest mean part of the spins in a cluster at which cluster moves are made. A cluster through the whole system trades
/// the replicas, and changes nothing.
const PERCOLATES: f64 = 0.2;
/// Weight of the newest sizes in the mean part.
const NEWEST: f64 = 0.1;
/// Sweeps at zero temperature of a quench.
const COLD_SWEEPS: usize = 3;

/// Parallel tempering (K. Hukushima and K. Nemoto, J. Phys. Soc. Jpn. 65, 1604 (1996)) in 512
/// [`lanes`](crate::lanes), with isoenergetic clusters (Z. Zhu, A. J. Ochoa and H. G. Katzgraber, Phys. Rev. Lett. 115,
/// 077201 (2015)), in search of the lowest energy.
///
/// The lanes are 512 / R independent ladders of R rungs. A step is four Metropolis sweeps, each replica at its own β, and
/// exchanges between neighbouring rungs, which replicas trade (no spin is copied). In every fourth step the ladders are
/// paired at random, and on each rung the two replicas trade a cluster; on rungs where clusters hold more than a fifth
/// of all spins on average this is only done once in a while, to see whether it is still so. In every eighth step all
/// replicas are quenched, as copies, and the lowest state is kept.
///
/// Sweeps, exchanges and clusters leave the joint Boltzmann distribution as it is; that sizes met so far decide where
/// clusters are moved makes a process with memory, so this is for searches and not for averages.
///
/// It can be saved between steps and continued to the same results.
///
/// ```
/// use smml_core::rng::Streams;
/// use smml_physics::{ising::{Boundary, SquareLattice}, lanes::LaneModel, search::LaneTempering};
/// let ferromagnet = SquareLattice::uniform(8, 8, Boundary::Periodic, 1.0, 0.0)?.ising()?;
/// let model = LaneModel::new(&ferromagnet)?;
/// let mut tempering = LaneTempering::for_model(&ferromagnet, &model, Streams::new(1).stream("tempering", 0))?;
/// tempering.advance(&ferromagnet, &model, 40)?;
/// assert_eq!(tempering.best().map(|(energy, _)| energy), Some(-128.0));
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawTempering")]
pub struct LaneTempering {
    betas: Vec<f64>,
    /// The rung of every lane; lane l belongs to ladder l / R.
    rungs: Vec<usize>,
    spins: LaneSpins,
    rng: Stream,
    n_steps: u64,
    swaps: Vec<Step>,
    /// Mean part of the spins that a cluster holds, on every rung.
    parts: Vec<f64>,
    best: Option<(f64, Vec<i8>)>,
}

read_through!(LaneTempering: RawTempering {
    betas: Vec<f64>, rungs: Vec<usize>, spins: LaneSpins, rng: Stream, n_steps: u64, swaps: Vec<Step>, parts: Vec<f64>,
    best: Option<(f64, Vec<i8>)>
} => {
    check_ladder(&betas)?;
    same_length("rungs of the replicas", rungs.len(), LANES)?;
    for ladder in rungs.chunks(betas.len()) {
        smml_core::error::permutation("rungs of a ladder", ladder.iter().copied(), betas.len())?;
    }
    same_length("swap counts", swaps.len(), betas.len() - 1)?;
    if let Some(swap) = swaps.iter().find(|s| s.accepted > s.proposed) {
        let allowed = format!("at most the {} proposed", swap.proposed);
        return Err(Error::out_of_range("accepted swaps", swap.accepted, allowed));
    }
    same_length("cluster sizes", parts.len(), betas.len())?;
    for part in &parts {
        smml_core::error::unit_interval("mean part of the spins in a cluster", *part)?;
    }
    if let Some((energy, state)) = &best {
        finite("best energy", *energy)?;
        same_length("best state", state.len(), spins.n_spins())?;
        if let Some(i) = state.iter().position(|s| !matches!(s, -1 | 1)) {
            return Err(Error::out_of_range(format!("spin {i}"), state[i], "-1 or 1"));
        }
    }
    Ok(LaneTempering { betas, rungs, spins, rng, n_steps, swaps, parts, best })
});

/// Errors: a number of rungs that does not divide 512, β that are not positive and increasing.
fn check_ladder(betas: &[f64]) -> Result<()> {
    if betas.is_empty() || !LANES.is_multiple_of(betas.len()) {
        let allowed = format!("a divisor of {LANES}");
        return Err(Error::out_of_range("rungs of the ladder", betas.len(), allowed));
    }
    for (r, beta) in betas.iter().enumerate() {
        positive(&format!("beta of rung {r}"), *beta)?;
        if r > 0 && *beta <= betas[r - 1] {
            let allowed = format!("above that of the rung before, {}", betas[r - 1]);
            return Err(Error::out_of_range(format!("beta of rung {r}"), beta, allowed));
        }
    }
    Ok(())
}

impl LaneTempering {
    /// Ladders with the inverse temperatures `betas`, from the hottest up; their number divides 512. Replicas are random at
    /// first.
    ///
    /// Errors: a number of rungs that does not divide 512, β that are not positive and increasing.
    pub fn new(model: &LaneModel, betas: Vec<f64>, mut rng: Stream) -> Result<Self> {
        check_ladder(&betas)?;
        let n_rungs = betas.len();
        Ok(LaneTempering {
            rungs: (0..LANES).map(|lane| lane % n_rungs).collect(),
            spins: model.random(&mut rng),
            rng,
            n_steps: 0,
            swaps: vec![Step::default(); n_rungs - 1],
            parts: vec![0.0; n_rungs],
            best: None,
            betas,
        })
    }
    /// A geometric ladder between the temperatures of [`LanePopulation::temperatures`]. Energies of n spins fluctuate by
    /// √n, so it has about √n rungs: a power of two from 8 to 256.
    pub fn for_model(ising: &Ising, model: &LaneModel, rng: Stream) -> Result<Self> {
        let [hot, cold] = LanePopulation::temperatures(ising);
        let n_rungs = ising.n_spins().isqrt().next_power_of_two().clamp(8, 256);
        // Two temperatures that are one, as in a model without couplings, make no ladder.
        let ratio = (hot / cold).max(1.01);
        let beta = |r: usize| libm::pow(ratio, r as f64 / (n_rungs - 1) as f64) / hot;
        LaneTempering::new(model, (0..n_rungs).map(beta).collect(), rng)
    }
    /// The inverse temperatures of a ladder.
    pub fn betas(&self) -> &[f64] {
        &self.betas
    }
    /// Steps so far.
    pub fn n_steps(&self) -> u64 {
        self.n_steps
    }
    /// Exchanges tried and made between rungs r and r + 1, all ladders together.
    pub fn swaps(&self) -> &[Step] {
        &self.swaps
    }
    /// The mean part of the spins that a cluster held, on every rung, the newest weighing most; 0 before any was seen.
    pub fn cluster_parts(&self) -> &[f64] {
        &self.parts
    }
    /// The lowest energy of all quenches and its state; `None` before the first one, at the eighth step.
    pub fn best(&self) -> Option<(f64, &[i8])> {
        self.best.as_ref().map(|(energy, state)| (*energy, state.as_slice()))
    }

    /// `n` more steps. `ising` and its `model` must be those of all calls.
    ///
    /// Errors: a model of another size.
    pub fn advance(&mut self, ising: &Ising, model: &LaneModel, n: u64) -> Result<()> {
        same_length("spins of the model", ising.n_spins(), self.spins.n_spins())?;
        let is_symmetric = ising.is_symmetric();
        let mut clusters = Clusters::default();
        let ladder = LaneLadder::new(Rule::Metropolis, model, &self.betas)?;
        for _ in 0..n {
            let thresholds = ladder.thresholds(&self.rungs)?;
            for _ in 0..SWEEPS {
                thresholds.sweep(model, &mut self.spins, &mut self.rng)?;
            }
            self.exchange(&model.energies(&self.spins));
            if self.n_steps.is_multiple_of(CLUSTERS_EVERY) {
                self.move_clusters(ising, is_symmetric, &mut clusters);
            }
            self.n_steps += 1;
            if self.n_steps.is_multiple_of(QUENCH_EVERY) {
                self.quench(ising, model)?;
            }
        }
        Ok(())
    }
    fn exchange(&mut self, energies: &[f64]) {
        let parity = (self.n_steps % 2) as usize;
        let n_rungs = self.betas.len();
        for (rungs, energies) in self.rungs.chunks_mut(n_rungs).zip(energies.chunks(n_rungs)) {
            exchange(&self.betas, rungs, energies, parity, &mut self.swaps, &mut self.rng);
        }
    }
    fn move_clusters(&mut self, ising: &Ising, is_symmetric: bool, clusters: &mut Clusters) {
        let n_rungs = self.betas.len();
        let mut ladders: Vec<usize> = (0..LANES / n_rungs).collect();
        self.rng.shuffle(&mut ladders);
        let measure = (self.n_steps / CLUSTERS_EVERY).is_multiple_of(MEASURE_EVERY);
        let mut on = vec![0; LANES];
        for (lane, rung) in self.rungs.iter().enumerate() {
            on[lane / n_rungs * n_rungs + rung] = lane;
        }
        for r in 0..n_rungs {
            if self.parts[r] > PERCOLATES && !measure {
                continue;
            }
            for pair in ladders.as_chunks::<2>().0 {
                let lanes = pair.map(|ladder| on[ladder * n_rungs + r]);
                let size = clusters.step(ising, is_symmetric, &mut self.spins, lanes, &mut self.rng);
                self.parts[r] += NEWEST * (size as f64 / ising.n_spins() as f64 - self.parts[r]);
            }
        }
    }
    fn quench(&mut self, ising: &Ising, model: &LaneModel) -> Result<()> {
        let mut spins = self.spins.clone();
        for _ in 0..COLD_SWEEPS {
            LaneSweep.sweep(model, &mut spins, &LaneBetas::Same(f64::INFINITY), &mut self.rng)?;
        }
        let energies = model.energies(&spins);
        let Some(lane) = (0..LANES).min_by(|a, b| energies[*a].total_cmp(&energies[*b])) else {
            return Ok(());
        };
        // A descent gains little, but may do so where sweeps do not see it: only what is no worse is looked at.
        if self.best.as_ref().is_some_and(|(best, _)| energies[lane] > *best) {
            return Ok(());
        }
        let cached = CachedIsing(ising.clone());
        let mut state = cached.at(spins.replica(lane))?;
        descend(&cached, &mut state);
        let state = state.spins().to_vec();
        let energy = smml_core::energy::Energy::energy(ising, &state);
        if self.best.as_ref().is_none_or(|(best, _)| energy < *best) {
            self.best = Some((energy, state));
        }
        Ok(())
    }

    /// `n_runs` independent runs of `n_steps` steps (a multiple of eight is best) with the default ladder, each with its
    /// best state; run r uses stream r, whatever thread it is on.
    ///
    /// Errors: no runs, fewer than eight steps, couplings that [`LaneModel`] cannot hold.
    pub fn search(
        ising: &Ising,
        n_runs: usize,
        n_steps: u64,
        streams: &Streams,
        par: Par,
    ) -> Result<SearchResults<Vec<i8>>> {
        if n_runs == 0 {
            return Err(Error::out_of_range("n_runs", 0, "at least 1"));
        }
        if n_steps < QUENCH_EVERY {
            return Err(Error::out_of_range("n_steps", n_steps, format!("at least {QUENCH_EVERY}")));
        }
        let model = LaneModel::new(ising)?;
        let runs = parallel::map(par, n_runs, |r| {
            let rng = streams.stream("tempering of lanes", r as u64);
            let mut run = LaneTempering::for_model(ising, &model, rng)?;
            run.advance(ising, &model, n_steps)?;
            Ok(run.best)
        });
        let runs: Vec<Option<(f64, Vec<i8>)>> = runs.into_iter().collect::<Result<_>>()?;
        SearchResults::new(runs.into_iter().flatten().collect())
    }
}
