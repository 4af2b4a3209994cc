//! Breakout local search: descents with jumps of adapted length and kind between them.

use super::{
    moves::{Among, Queue},
    walk::{self, Rule, Walk},
};
use crate::ising::Ising;
use serde::{Deserialize, Serialize};
use smml_core::{
    error::{Error, Result, unit_interval},
    estimate::SearchResults,
    parallel::Par,
    read_through,
    rng::{Draw, Stream, Streams},
};

/// Numbers of a [`BreakoutSearch`]; the default ones are those of Benlic and Hao for max-cut.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BreakoutOptions {
    /// L₀: first length of a jump, as a part of all spins (0.01); one flip at least.
    pub shortest: f64,
    /// L_max: length of the jump out of a region that was searched in vain, as a part of all spins (0.1); ten flips
    /// (or half of all spins) at least.
    pub longest: f64,
    /// T: descents in vain before such a jump (1,000).
    pub patience: u64,
    /// P₀: least probability of a directed jump (0.8).
    pub directed: f64,
    /// Q: probability that a directed jump is one of single flips and not of exchanges (0.5).
    pub single: f64,
    /// Longest tenure, as a part of all spins (0.1); seven moves at least, and half of all spins at most.
    pub tenure: f64,
}

impl Default for BreakoutOptions {
    fn default() -> Self {
        BreakoutOptions {
            shortest: 0.01,
            longest: 0.1,
            patience: 1_000,
            directed: 0.8,
            single: 0.5,
            tenure: 0.1,
        }
    }
}

/// Breakout local search (U. Benlic and J.-K. Hao, Eng. Appl. Artif. Intell. 26, 1162 (2013)), for max-cut and any
/// other Ising model.
///
/// Descents by the cheapest flip end in local minima; jumps lead from one to the next. A jump of L flips is of one of
/// three kinds. Let ω be the number of descents since the best energy was last improved, and P = max(e^(-ω/T), P₀):
///
/// - with probability P Q it makes the cheapest flips of spins that are not tabu (a tabu one where that leads below
///   the best energy);
/// - with probability P (1 - Q) it exchanges pairs: the cheapest free spin that is up and then the cheapest free one
///   that is down, two flips a pair;
/// - else it flips random spins.
///
/// A spin that was flipped, in a descent or a jump, is tabu for jumps during a number of moves drawn uniformly from 3
/// to `tenure` n. L is L₀ at first, grows by one when a descent came back to the minimum before it, and is L₀ again
/// where it led elsewhere. After T descents in vain one jump of L_max random flips is made.
///
/// Costs are those of [`TabuSearch`](super::TabuSearch); so is what is said there of seeds and threads.
///
/// ```
/// use smml_core::{parallel::Par, rng::Streams};
/// use smml_physics::{ising::{Boundary, SquareLattice}, search::BreakoutSearch};
/// let ferromagnet = SquareLattice::uniform(8, 8, Boundary::Periodic, 1.0, 0.0)?.ising()?;
/// let found = BreakoutSearch::new(20_000)?.search(&ferromagnet, 8, &Streams::new(1), Par::Serial)?;
/// assert_eq!(found.best().0, -128.0);
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawBreakout")]
pub struct BreakoutSearch {
    n_moves: u64,
    options: BreakoutOptions,
}

read_through!(BreakoutSearch: RawBreakout { n_moves: u64, options: BreakoutOptions } => BreakoutSearch::with_options(n_moves, options));

impl BreakoutSearch {
    /// `n_moves` flips a run, with the default options.
    ///
    /// Errors: no moves.
    pub fn new(n_moves: u64) -> Result<Self> {
        BreakoutSearch::with_options(n_moves, BreakoutOptions::default())
    }
    /// `n_moves` flips a run.
    ///
    /// Errors: no moves, parts and probabilities outside [0, 1], a patience of 0, `shortest` above `longest`.
    pub fn with_options(n_moves: u64, options: BreakoutOptions) -> Result<Self> {
        if n_moves == 0 {
            return Err(Error::out_of_range("n_moves", 0, "at least 1"));
        }
        unit_interval("shortest jump", options.shortest)?;
        unit_interval("longest jump", options.longest)?;
        unit_interval("probability of a directed jump", options.directed)?;
        unit_interval("probability of single flips", options.single)?;
        unit_interval("tenure", options.tenure)?;
        if options.shortest > options.longest {
            let allowed = format!("at most the longest, {}", options.longest);
            return Err(Error::out_of_range("shortest jump", options.shortest, allowed));
        }
        if options.patience == 0 {
            return Err(Error::out_of_range("patience", 0, "at least 1"));
        }
        Ok(BreakoutSearch { n_moves, options })
    }
    /// Flips of one run.
    pub fn n_moves(&self) -> u64 {
        self.n_moves
    }
    /// The options.
    pub fn options(&self) -> &BreakoutOptions {
        &self.options
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
    fn tenure(&self, n: usize, rng: &mut Stream) -> usize {
        let longest = self.longest_hold(n);
        let shortest = longest.min(3);
        shortest + rng.below(longest - shortest + 1)
    }
    /// A jump of `length` flips.
    fn jump<Q: Queue>(&self, walk: &mut Walk<'_, Q>, length: usize, kind: Jump, rng: &mut Stream) {
        let n = walk.spins().len();
        for k in 0..length {
            if walk.is_over() {
                return;
            }
            let spin = match kind {
                Jump::Cheapest => walk.admissible(rng),
                Jump::Exchange => {
                    let side = if k % 2 == 0 { 1 } else { -1 };
                    walk.least(Among::FreeAt(side), rng)
                }
                Jump::Random => Some(rng.below(n)),
            };
            if let Some(spin) = spin {
                let tenure = self.tenure(n, rng);
                walk.flip(spin, tenure);
            } else {
                // All on one side, or held: a random flip, so that every turn is a move.
                let spin = rng.below(n);
                walk.flip(spin, 0);
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Jump {
    Cheapest,
    Exchange,
    Random,
}

impl Rule for BreakoutSearch {
    const PURPOSE: &'static str = "breakout";
    fn n_moves(&self) -> u64 {
        self.n_moves
    }
    fn longest_hold(&self, n_spins: usize) -> usize {
        let part = (self.options.tenure * n_spins as f64) as usize;
        part.max(7).min(n_spins / 2)
    }
    fn walk<Q: Queue>(&self, walk: &mut Walk<'_, Q>, rng: &mut Stream) {
        let n = walk.spins().len();
        let o = &self.options;
        let flips = |part: f64| ((part * n as f64) as usize).max(1);
        let (shortest, longest) = (flips(o.shortest), flips(o.longest).max(10.min(n / 2)));
        let mut length = shortest;
        let mut in_vain = 0u64;
        let mut best = walk.energy();
        let mut before: Vec<i8> = Vec::new();
        while !walk.is_over() {
            while let Some(spin) = walk.least(Among::All, rng) {
                if walk.is_over() {
                    return;
                }
                if walk.change(spin) >= -walk.tolerance() {
                    break;
                }
                let tenure = self.tenure(n, rng);
                walk.flip(spin, tenure);
            }
            if walk.best_energy() < best - walk.tolerance() {
                (best, in_vain) = (walk.best_energy(), 0);
            } else {
                in_vain += 1;
            }
            if in_vain > o.patience {
                in_vain = 0;
                length = shortest;
                before.clear();
                self.jump(walk, longest, Jump::Random, rng);
                continue;
            }
            length = if walk.spins() == before { (length + 1).min(longest) } else { shortest };
            before.clear();
            before.extend_from_slice(walk.spins());
            let directed = libm::exp(-(in_vain as f64) / o.patience as f64).max(o.directed);
            let kind = if !rng.chance(directed) {
                Jump::Random
            } else if rng.chance(o.single) {
                Jump::Cheapest
            } else {
                Jump::Exchange
            };
            // An exchange is two flips.
            let flips = if matches!(kind, Jump::Exchange) { 2 * length } else { length };
            self.jump(walk, flips, kind, rng);
        }
    }
}
