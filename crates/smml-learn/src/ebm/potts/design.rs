//! The model on the sequences that a task allows.

use super::{PottsMachine, alignment::distance};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use smml_core::{
    energy::{Energy, LnSum, LocalEnergy, Reference},
    rng::Draw,
};

/// What a designed sequence must keep.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Constraints {
    /// The sequence to start from; none leaves every site free.
    pub start: Option<Vec<u8>>,
    /// Sites, from 0, that keep the letter of the start.
    pub fixed: Vec<usize>,
    /// Most sites in which a design may differ from the start.
    pub max_mutations: Option<usize>,
    /// Gaps of the start stay, and no new ones come; without a start there are none.
    pub keep_gaps: bool,
}

/// [`PottsMachine`] on the sequences that [`Constraints`] allow; all others have energy +∞.
///
/// Moves give one free site another of its letters or, half of the time, two of them: with all mutations spent, one can so be
/// taken back while another is made. Both kinds are symmetric.
#[derive(Clone, Debug)]
pub struct Design<'a> {
    machine: &'a PottsMachine,
    start: Option<Vec<u8>>,
    /// Sites that may change.
    free: Vec<u32>,
    /// Of every site the only letter it may have, where it may not change.
    held: Vec<Option<u8>>,
    /// Letters that a free site may have are 0..n_allowed.
    n_allowed: usize,
    max_mutations: Option<usize>,
}

/// A change of one site or of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// A site and its new letter.
    pub first: (usize, u8),
    /// Another one.
    pub second: Option<(usize, u8)>,
}

impl<'a> Design<'a> {
    /// Errors: a start of another length or with codes that are no letters; fixed sites that are not there, or without a
    /// start; a limit of mutations without a start, or of 0; no site that may change.
    pub fn new(machine: &'a PottsMachine, constraints: &Constraints) -> Result<Self> {
        let (n, q) = (machine.n_sites(), machine.n_letters());
        let start = constraints.start.clone();
        if let Some(start) = &start {
            if start.len() != n {
                return Err(Error::length("start of a design", start.len(), n));
            }
            if let Some(i) = start.iter().position(|a| usize::from(*a) >= q) {
                return Err(Error::out_of_range(
                    format!("letter {i} of the start"),
                    start[i],
                    format!("below {q}"),
                ));
            }
        }
        let gap = machine.alphabet().gap();
        let mut held: Vec<Option<u8>> = match &start {
            Some(start) if constraints.keep_gaps => {
                start.iter().map(|a| (*a == gap).then_some(gap)).collect()
            }
            _ => vec![None; n],
        };
        for &i in &constraints.fixed {
            if i >= n {
                return Err(Error::out_of_range("fixed site (from 0)", i, format!("below {n}")));
            }
            let Some(start) = &start else {
                return Err(Error::out_of_range("fixed site", i, "given with a start"));
            };
            held[i] = Some(start[i]);
        }
        match constraints.max_mutations {
            Some(0) => return Err(Error::out_of_range("mutations", 0, "at least 1")),
            Some(k) if start.is_none() => {
                return Err(Error::out_of_range("mutations", k, "given with a start"));
            }
            _ => {}
        }
        let free: Vec<u32> = (0..n as u32).filter(|i| held[*i as usize].is_none()).collect();
        if free.is_empty() {
            return Err(Error::out_of_range("sites that may change", 0, "at least 1"));
        }
        let n_allowed = if constraints.keep_gaps { q - 1 } else { q };
        Ok(Design { machine, start, free, held, n_allowed, max_mutations: constraints.max_mutations })
    }
    /// The model.
    pub fn machine(&self) -> &PottsMachine {
        self.machine
    }
    /// Sites that may change.
    pub fn n_free(&self) -> usize {
        self.free.len()
    }
    /// Sites in which a sequence differs from the start; 0 without one.
    pub fn mutations(&self, s: &[u8]) -> usize {
        self.start.as_ref().map_or(0, |start| distance(start, s))
    }
    /// Whether a sequence is allowed.
    pub fn allows(&self, s: &[u8]) -> bool {
        let letter = |(a, held): (&u8, &Option<u8>)| match held {
            Some(only) => a == only,
            None => usize::from(*a) < self.n_allowed,
        };
        s.len() == self.held.len()
            && s.iter().zip(&self.held).all(letter)
            && self.max_mutations.is_none_or(|most| self.mutations(s) <= most)
    }
    /// Another letter than `old` for a free site, each with the same probability.
    fn other_letter<R: Draw>(&self, old: u8, rng: &mut R) -> u8 {
        ((usize::from(old) + 1 + rng.below(self.n_allowed - 1)) % self.n_allowed) as u8
    }
    /// The best allowed sequence where sites do not depend on each other: of every free site the letter with the largest field,
    /// of a limited number of mutations those that gain most. For [`PottsMachine::profile`] no search is needed; couplings, if
    /// there are any, are not looked at.
    pub fn independent_optimum(&self) -> Vec<u8> {
        let q = self.machine.n_letters();
        let field = |i: usize, a: u8| self.machine.fields()[i * q + usize::from(a)];
        let better = |i: usize, best: u8, a: u8| if field(i, a) > field(i, best) { a } else { best };
        let best_letter = |i: usize| (1..self.n_allowed as u8).fold(0, |best, a| better(i, best, a));
        let best = self.free.iter().map(|i| (*i as usize, best_letter(*i as usize)));
        let Some(start) = &self.start else { return best.map(|(_, a)| a).collect() };
        let mut gains: Vec<(f64, usize, u8)> =
            best.map(|(i, a)| (field(i, a) - field(i, start[i]), i, a)).filter(|g| g.0 > 0.0).collect();
        gains.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let mut s = start.clone();
        for (_, i, a) in gains.into_iter().take(self.max_mutations.unwrap_or(usize::MAX)) {
            s[i] = a;
        }
        s
    }
    /// ln of the numbers of allowed sequences with 0, 1, … mutations.
    fn ln_counts(&self) -> Vec<f64> {
        let n = self.free.len();
        let most = self.max_mutations.unwrap_or(n).min(n);
        let mut ln_count = 0.0;
        let mut all = vec![0.0];
        for m in 1..=most {
            ln_count += libm::log((n - m + 1) as f64 / m as f64 * (self.n_allowed - 1) as f64);
            all.push(ln_count);
        }
        all
    }
}

impl Energy for Design<'_> {
    type State = Vec<u8>;
    fn energy(&self, s: &Vec<u8>) -> f64 {
        if self.allows(s) { self.machine.energy(s) } else { f64::INFINITY }
    }
}

impl LocalEnergy for Design<'_> {
    type Move = Change;
    fn propose<R: Draw>(&self, s: &Vec<u8>, rng: &mut R) -> Change {
        let n = self.free.len();
        let k = rng.below(n);
        let change = |k: usize, rng: &mut R| {
            let site = self.free[k] as usize;
            (site, self.other_letter(s[site], rng))
        };
        let first = change(k, rng);
        let second = match n > 1 && rng.chance(0.5) {
            true => Some(change((k + 1 + rng.below(n - 1)) % n, rng)),
            false => None,
        };
        Change { first, second }
    }
    /// +∞ where the change would leave what is allowed.
    fn delta(&self, s: &Vec<u8>, change: &Change) -> f64 {
        let (i, new) = change.first;
        if let (Some(start), Some(most)) = (&self.start, self.max_mutations) {
            let gained = |(i, new): (usize, u8)| i32::from(new != start[i]) - i32::from(s[i] != start[i]);
            let after =
                distance(start, s) as i64 + i64::from(gained(change.first) + change.second.map_or(0, gained));
            if after > most as i64 {
                return f64::INFINITY;
            }
        }
        let m = self.machine;
        let first = m.local_field(s, i, s[i]) - m.local_field(s, i, new);
        let Some((j, other)) = change.second else { return first };
        // Of the second site with the first one changed.
        let field =
            |b: u8| m.local_field(s, j, b) + m.coupling((i, new), (j, b)) - m.coupling((i, s[i]), (j, b));
        first + field(s[j]) - field(other)
    }
    fn apply(&self, s: &mut Vec<u8>, change: &Change) {
        for (i, new) in [Some(change.first), change.second].into_iter().flatten() {
            s[i] = new;
        }
    }
}

/// All allowed sequences alike.
impl Reference for Design<'_> {
    fn draw<R: Draw>(&self, rng: &mut R) -> Vec<u8> {
        let Some(start) = &self.start else {
            return (0..self.held.len()).map(|_| rng.below(self.n_allowed) as u8).collect();
        };
        let counts = self.ln_counts();
        let top = counts.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let weights: Vec<f64> = counts.iter().map(|c| libm::exp(c - top)).collect();
        let m = rng.choose(&weights);
        let (mut s, mut free) = (start.clone(), self.free.clone());
        for k in 0..m {
            let other = k + rng.below(free.len() - k);
            free.swap(k, other);
            let site = free[k] as usize;
            s[site] = self.other_letter(s[site], rng);
        }
        s
    }
    fn ln_z_reference(&self) -> f64 {
        let mut sum = LnSum::default();
        self.ln_counts().into_iter().for_each(|c| sum.add(c));
        sum.ln()
    }
}
