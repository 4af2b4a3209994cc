//! A walk by single flips with its tabu list, its best state and the moves it has left.

use super::moves::{Among, Buckets, Compiled, Moves, Queue, Rows, Trees};
use crate::ising::Ising;
use smml_core::{
    energy::{Energy, Reference},
    error::{Error, Result},
    estimate::SearchResults,
    parallel::{self, Par},
    rng::{Stream, Streams},
};

/// A rule that makes moves until none are left.
pub(super) trait Rule: Sync {
    /// Name of its streams.
    const PURPOSE: &'static str;
    /// Moves of one run.
    fn n_moves(&self) -> u64;
    /// Longest time that a spin may be held.
    fn longest_hold(&self, n_spins: usize) -> usize;
    fn walk<Q: Queue>(&self, walk: &mut Walk<'_, Q>, rng: &mut Stream);
}

/// Independent runs from random states; run r uses stream r, whatever thread it is on.
pub(super) fn search<R: Rule>(
    rule: &R,
    ising: &Ising,
    n_runs: usize,
    streams: &Streams,
    par: Par,
) -> Result<SearchResults<Vec<i8>>> {
    if n_runs == 0 {
        return Err(Error::out_of_range("n_runs", 0, "at least 1"));
    }
    let compiled = Compiled::new(ising);
    SearchResults::new(parallel::map(par, n_runs, |run| {
        let mut rng = streams.stream(R::PURPOSE, run as u64);
        let start = ising.draw(&mut rng);
        let best = match &compiled {
            Compiled::Integer(rows) => walked::<R, Buckets>(rule, rows, start, &mut rng),
            Compiled::Real(rows) => walked::<R, Trees>(rule, rows, start, &mut rng),
        };
        (ising.energy(&best), best)
    }))
}

fn walked<R: Rule, Q: Queue>(rule: &R, rows: &Rows<Q::Cost>, start: Vec<i8>, rng: &mut Stream) -> Vec<i8> {
    let mut walk = Walk::<Q>::new(rows, start, rule.longest_hold(rows.n_spins()), rule.n_moves());
    rule.walk(&mut walk, rng);
    walk.finish()
}

/// The walk. Every flip is one move.
pub(super) struct Walk<'a, Q: Queue> {
    moves: Moves<'a, Q>,
    /// Spins to be freed at a time, modulo the length.
    due: Vec<Vec<u32>>,
    /// When a held spin is to be freed.
    until: Vec<u64>,
    now: u64,
    n_moves: u64,
    best: Vec<i8>,
    best_energy: f64,
    /// The best state is the present one, not written down yet: on its way down it would be written at every move.
    unsaved: bool,
    /// Changes of energy that may be rounding.
    tolerance: f64,
}

impl<'a, Q: Queue> Walk<'a, Q> {
    pub(super) fn new(rows: &'a Rows<Q::Cost>, start: Vec<i8>, longest_hold: usize, n_moves: u64) -> Self {
        let n = start.len();
        let best = start.clone();
        let moves = Moves::new(rows, start);
        Walk {
            best_energy: moves.energy(),
            tolerance: 1e-12 * rows.scale(),
            moves,
            due: vec![Vec::new(); longest_hold + 1],
            until: vec![0; n],
            now: 0,
            n_moves,
            best,
            unsaved: false,
        }
    }
    pub(super) fn spins(&self) -> &[i8] {
        self.moves.spins()
    }
    pub(super) fn energy(&self) -> f64 {
        self.moves.energy()
    }
    pub(super) fn best_energy(&self) -> f64 {
        self.best_energy
    }
    /// Differences of energy above this are no rounding.
    pub(super) fn tolerance(&self) -> f64 {
        self.tolerance
    }
    pub(super) fn is_over(&self) -> bool {
        self.now >= self.n_moves
    }
    pub(super) fn change(&self, spin: usize) -> f64 {
        self.moves.change(spin)
    }
    pub(super) fn least(&mut self, among: Among, rng: &mut Stream) -> Option<usize> {
        self.moves.least(among, rng)
    }
    /// The cheapest free spin; a held one where its flip is cheaper and leads below the best energy met (aspiration).
    pub(super) fn admissible(&mut self, rng: &mut Stream) -> Option<usize> {
        let free = self.least(Among::Free, rng);
        let Some(held) = self.least(Among::Held, rng) else { return free };
        let change = self.change(held);
        let cheaper = free.is_none_or(|i| change < self.change(i));
        let aspires = self.energy() + change < self.best_energy - self.tolerance;
        if cheaper && (aspires || free.is_none()) { Some(held) } else { free }
    }
    /// Flips a spin and holds it for `tenure` moves.
    pub(super) fn flip(&mut self, spin: usize, tenure: usize) {
        if self.unsaved && self.change(spin) >= 0.0 {
            self.save();
        }
        self.moves.flip(spin);
        self.now += 1;
        let tenure = tenure.min(self.due.len() - 1);
        self.moves.hold(spin, tenure > 0);
        self.until[spin] = self.now + tenure as u64;
        let length = self.due.len() as u64;
        self.due[((self.now + tenure as u64) % length) as usize].push(spin as u32);
        let slot = (self.now % length) as usize;
        let mut freed = std::mem::take(&mut self.due[slot]);
        for i in freed.drain(..) {
            if self.until[i as usize] == self.now {
                self.moves.hold(i as usize, false);
            }
        }
        self.due[slot] = freed;
        if self.energy() < self.best_energy - self.tolerance {
            self.best_energy = self.energy();
            self.unsaved = true;
        }
    }
    fn save(&mut self) {
        self.best.copy_from_slice(self.moves.spins());
        self.unsaved = false;
    }
    fn finish(mut self) -> Vec<i8> {
        if self.unsaved {
            self.save();
        }
        self.best
    }
}
