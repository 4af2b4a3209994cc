//! From many solutions to one: groups are contracted and annealed, and their best states take their place.

use super::{BLOCK_SWEEPS, FEWEST_BLOCK_SWEEPS};
use crate::{
    ising::{CachedIsing, Ising},
    lanes::{LANES, LaneModel, LaneSpins},
    search::{Contraction, LanePopulation, descend},
};
use smml_core::{
    energy::Energy,
    error::{Error, Result},
    parallel::{self, Par},
    rng::Draw,
    schedule::Schedule,
};

/// Solutions of a group.
const GROUP: usize = 4;
/// Solutions that take the place of a group.
const CHILDREN: usize = 2;
/// Replicas of an island in which blocks are annealed: one, so that their states are independent. (With resampling all of
/// them become relatives, the two children are one state or nearly so, and the solutions run out of variety.)
const ISLAND: usize = 1;
/// States of the blocks that are looked at for children.
const CANDIDATES: usize = 32;

/// What all groups share.
pub(super) struct Tournament<'a> {
    cached: &'a CachedIsing,
    annealing: LanePopulation,
}

type Solution = (f64, Vec<i8>);

impl<'a> Tournament<'a> {
    /// For solutions of annealings of `n_sweeps` sweeps. Blocks are annealed between the temperatures of the spins: those
    /// that do not move there are kept.
    pub(super) fn new(cached: &'a CachedIsing, n_sweeps: usize) -> Result<Self> {
        let [hot, cold] = LanePopulation::temperatures(&cached.0);
        let n_sweeps = (n_sweeps / BLOCK_SWEEPS).max(FEWEST_BLOCK_SWEEPS);
        let annealing = LanePopulation::new(Schedule::linear(hot, cold)?, n_sweeps, ISLAND)?;
        Ok(Tournament { cached, annealing })
    }

    /// The best of the last group.
    ///
    /// Errors: no solutions.
    pub(super) fn run<R: Draw>(
        &self,
        mut solutions: Vec<Solution>,
        rng: &mut R,
        par: Par,
    ) -> Result<Solution> {
        loop {
            rng.shuffle(&mut solutions);
            // Forks are taken in order, whatever thread a group is on.
            let mut groups: Vec<_> =
                solutions.chunks(GROUP).map(|group| (group, rng.fork(), Ok(Vec::new()))).collect();
            parallel::each(par, &mut groups, |_, (group, rng, children)| *children = self.join(group, rng));
            let n_groups = groups.len();
            let children = groups.into_iter().map(|(_, _, children)| children);
            let children: Vec<Vec<Solution>> = children.collect::<Result<_>>()?;
            solutions = children.into_iter().flatten().collect();
            if n_groups <= 1 {
                let best = solutions.into_iter().min_by(|a, b| a.0.total_cmp(&b.0));
                return best.ok_or_else(|| Error::out_of_range("number of solutions", 0, "at least 1"));
            }
        }
    }

    /// What takes the place of a group of at most 64 solutions: the two lowest states of its blocks that differ; where none
    /// is as low as the best of the group, that one and the lowest of the blocks. A group without blocks, or with blocks
    /// whose couplings do not fit in lanes, leaves its best two.
    pub(super) fn join<R: Draw>(&self, group: &[Solution], rng: &mut R) -> Result<Vec<Solution>> {
        let mut parents: Vec<&Solution> = group.iter().collect();
        parents.sort_by(|a, b| a.0.total_cmp(&b.0));
        let best_two = || parents.iter().take(CHILDREN).map(|s| (*s).clone()).collect();
        let Some(best) = parents.first().filter(|_| parents.len() > 1) else { return Ok(best_two()) };
        let states: Vec<&[i8]> = group.iter().map(|s| s.1.as_slice()).collect();
        let contraction = Contraction::new(&self.cached.0, &states)?;
        let Some(blocks) = contraction.model() else { return Ok(best_two()) };
        let Ok(model) = LaneModel::new(blocks) else { return Ok(best_two()) };
        let mut spins = model.all_up();
        let narrow: Vec<Vec<i8>> = states.iter().map(|s| contraction.narrow(s)).collect::<Result<_>>()?;
        for lane in 0..LANES {
            spins.set_replica(lane, &narrow[lane % narrow.len()])?;
        }
        self.annealing.sweep(&model, &mut spins, 0..self.annealing.n_sweeps(), rng)?;
        let mut children = self.children(&contraction, &model, &spins)?;
        if children.first().is_none_or(|child| child.0 > best.0) {
            children.insert(0, (*best).clone());
            children.truncate(CHILDREN);
        }
        Ok(children)
    }

    /// The lowest states of the blocks, as states of all spins after a descent: two that differ (also up to the reversal of all,
    /// where that is a symmetry) if there are two among the first [`CANDIDATES`].
    fn children(
        &self,
        contraction: &Contraction,
        model: &LaneModel,
        spins: &LaneSpins,
    ) -> Result<Vec<Solution>> {
        let energies = model.energies(spins);
        let mut lanes: Vec<usize> = (0..LANES).collect();
        lanes.sort_by(|a, b| energies[*a].total_cmp(&energies[*b]));
        let mut children: Vec<Solution> = Vec::with_capacity(CHILDREN);
        for lane in lanes.into_iter().take(CANDIDATES) {
            let mut state = self.cached.at(contraction.widen(&spins.replica(lane))?)?;
            descend(self.cached, &mut state);
            let state = state.spins().to_vec();
            if children.iter().all(|(_, other)| !alike(&self.cached.0, other, &state)) {
                children.push((self.cached.0.energy(&state), state));
            }
            if children.len() == CHILDREN {
                break;
            }
        }
        children.sort_by(|a, b| a.0.total_cmp(&b.0));
        Ok(children)
    }
}

/// Whether two states are the same, up to the reversal of all spins where that is a symmetry.
pub(super) fn alike(ising: &Ising, a: &[i8], b: &[i8]) -> bool {
    a == b || ising.is_symmetric() && a.iter().zip(b).all(|(a, b)| *a == -*b)
}
