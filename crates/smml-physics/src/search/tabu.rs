//! Tabu search by single flips.

use super::{
    moves::Queue,
    walk::{self, Rule, Walk},
};
use crate::ising::Ising;
use serde::{Deserialize, Serialize};
use smml_core::{
    error::{Error, Result},
    estimate::SearchResults,
    parallel::Par,
    read_through,
    rng::{Draw, Stream, Streams},
};

/// Tabu search by single flips (F. Glover, G. A. Kochenberger and B. Alidaee, Manage. Sci. 44, 336 (1998); for
/// restarts G. Palubeckis, Ann. Oper. Res. 131, 259 (2004) and Informatica 17, 279 (2006)).
///
/// Every move flips the spin whose flip costs least, uphill where it must, among those that were not flipped in the
/// last moves: a flipped spin is held for its tenure, a number of moves drawn uniformly from a range for every flip.
/// A held spin may be flipped all the same when that leads below the lowest energy met in the run. After `patience`
/// moves without a new lowest energy since the last restart, a random number of random spins is flipped, from 2 % to
/// 20 % of all (in small models up to ten or half of all), and the search goes on from there.
///
/// A move costs O(degree) changes of a queue: a few ns each where couplings and fields are integer multiples of a
/// unit, up to O(log n) steps in other models. A run makes `n_moves` flips, whatever time they take: the same seed
/// gives the same results on any number of threads.
///
/// ```
/// use smml_core::{parallel::Par, rng::Streams};
/// use smml_physics::{ising::{Boundary, SquareLattice}, search::TabuSearch};
/// let ferromagnet = SquareLattice::uniform(8, 8, Boundary::Periodic, 1.0, 0.0)?.ising()?;
/// let tabu = TabuSearch::for_model(&ferromagnet, 5_000)?;
/// let found = tabu.search(&ferromagnet, 8, &Streams::new(1), Par::Serial)?;
/// assert_eq!(found.best().0, -128.0);
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawTabu")]
pub struct TabuSearch {
    n_moves: u64,
    tenure: [usize; 2],
    patience: u64,
}

read_through!(TabuSearch: RawTabu { n_moves: u64, tenure: [usize; 2], patience: u64 } => TabuSearch::new(n_moves, tenure, patience));

/// Longest tenure: memory goes with it.
const LONGEST: usize = 1 << 24;

impl TabuSearch {
    /// `n_moves` flips a run, tenures from `tenure[0]` to `tenure[1]`, restarts after `patience` flips in vain.
    /// Tenures are cut to n - 1 for a model of n spins.
    ///
    /// Errors: no moves, tenures in the wrong order or above 2²⁴, a patience of 0.
    pub fn new(n_moves: u64, tenure: [usize; 2], patience: u64) -> Result<Self> {
        if n_moves == 0 {
            return Err(Error::out_of_range("n_moves", 0, "at least 1"));
        }
        if tenure[0] > tenure[1] || tenure[1] > LONGEST {
            let allowed = format!("a range that ends at {LONGEST} or before");
            return Err(Error::out_of_range("tenure", format!("{}..={}", tenure[0], tenure[1]), allowed));
        }
        if patience == 0 {
            return Err(Error::out_of_range("patience", 0, "at least 1"));
        }
        Ok(TabuSearch { n_moves, tenure, patience })
    }
    /// Tenures from n/20 to n/10 (from 3 to 7 at least, n/2 at most) and a patience of 20 n flips, for a model of n
    /// spins. (The tenures of n/100 to n/100 + 10 that are customary for dense quadratic problems, F. Glover, Z. Lü
    /// and J.-K. Hao, 4OR 8, 239 (2010), turn in circles on the plateaus of graphs with equal weights;
    /// [`BreakoutSearch`](super::BreakoutSearch) takes 3 to n/10.)
    pub fn for_model(ising: &Ising, n_moves: u64) -> Result<Self> {
        let n = ising.n_spins();
        let part = |k: usize, least: usize| (n / k).max(least).min(n / 2).min(LONGEST);
        TabuSearch::new(n_moves, [part(20, 3), part(10, 7)], 20 * n as u64)
    }
    /// Flips of one run.
    pub fn n_moves(&self) -> u64 {
        self.n_moves
    }
    /// Shortest and longest tenure.
    pub fn tenure(&self) -> [usize; 2] {
        self.tenure
    }
    /// Flips in vain before a restart.
    pub fn patience(&self) -> u64 {
        self.patience
    }
    /// `n_runs` runs from random states, with the best state of each; run r uses stream r.
    ///
    /// Errors: no runs, energies that overflow.
    pub fn search(
        &self,
        ising: &Ising,
        n_runs: usize,
        streams: &Streams,
        par: Par,
    ) -> Result<SearchResults<Vec<i8>>> {
        walk::search(self, ising, n_runs, streams, par)
    }
}

impl Rule for TabuSearch {
    const PURPOSE: &'static str = "tabu";
    fn n_moves(&self) -> u64 {
        self.n_moves
    }
    fn longest_hold(&self, n_spins: usize) -> usize {
        self.tenure[1].min(n_spins - 1)
    }
    fn walk<Q: Queue>(&self, walk: &mut Walk<'_, Q>, rng: &mut Stream) {
        let n = walk.spins().len();
        let [shortest, longest] = self.tenure;
        let (mut lowest, mut in_vain) = (walk.energy(), 0);
        while !walk.is_over() {
            if in_vain >= self.patience {
                let fewest = (n / 50).max(1);
                let most = (n / 5).max(10.min(n / 2)).max(fewest);
                let flips = fewest + rng.below(most - fewest + 1);
                for _ in 0..flips {
                    if walk.is_over() {
                        return;
                    }
                    let spin = rng.below(n);
                    walk.flip(spin, 0);
                }
                (lowest, in_vain) = (walk.energy(), 0);
                continue;
            }
            let Some(spin) = walk.admissible(rng) else { return };
            let tenure = shortest + rng.below(longest - shortest + 1);
            walk.flip(spin, tenure);
            if walk.energy() < lowest - walk.tolerance() {
                (lowest, in_vain) = (walk.energy(), 0);
            } else {
                in_vain += 1;
            }
        }
    }
}
