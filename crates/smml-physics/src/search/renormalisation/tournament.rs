//! From many solutions to one: groups are contracted and annealed, and their best states take their place.

use super::{BLOCK_SWEEPS, FEWEST_BLOCK_SWEEPS};
use crate::{
    ising::{CachedIsing, Ising},
    lanes::{LANES, LaneModel, LaneSpins},
    search::{Contraction, LanePopulation, descend, islands::best_of_each},
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
/// Islands in which blocks are annealed, each of which has one child.
const CHILDREN: usize = 2;

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
        let annealing = LanePopulation::new(Schedule::linear(hot, cold)?, n_sweeps, LANES / CHILDREN)?;
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

    /// What takes the place of a group of at most 64 solutions: the best states of the two islands; where none is as low
    /// as the best of the group, that one and the lower of the two. A group without blocks, or with blocks whose couplings
    /// do not fit in lanes, leaves its best two.
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
        let mut children: Vec<Solution> = self.children(&contraction, blocks, &model, &spins)?;
        children.sort_by(|a, b| a.0.total_cmp(&b.0));
        if children.first().is_none_or(|child| child.0 > best.0) {
            children.insert(0, (*best).clone());
            children.truncate(CHILDREN);
        }
        Ok(children)
    }

    /// The best state of each island, as a state of all spins, after a descent.
    fn children(
        &self,
        contraction: &Contraction,
        blocks: &Ising,
        model: &LaneModel,
        spins: &LaneSpins,
    ) -> Result<Vec<Solution>> {
        let best = best_of_each(&CachedIsing(blocks.clone()), model, spins, LANES / CHILDREN)?;
        let widened = best.into_iter().map(|(_, state)| {
            let mut state = self.cached.at(contraction.widen(&state)?)?;
            descend(self.cached, &mut state);
            let state = state.spins().to_vec();
            Ok((self.cached.0.energy(&state), state))
        });
        widened.collect()
    }
}
