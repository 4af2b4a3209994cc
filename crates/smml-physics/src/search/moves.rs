//! One-flip moves of a local search: what every flip would cost, kept up to date, and the cheapest of them at hand.
//!
//! Spin i has D_i = s_i (h_i + Σ_j J_ij s_j), and its flip changes the energy by 2 D_i. A flip of i turns D_i around
//! and changes D_j of its neighbours by -2 J_ij s_i s_j, so it costs O(degree) changes of a queue: [`Buckets`] of
//! equal D where couplings and fields are integer multiples of a unit (O(1) each), [`Trees`] of winners for others
//! (O(log n) at most, a few steps as a rule).
//!
//! Which move is made is not decided here.

use crate::{ising::Ising, lanes::unit_of};
use smml_core::rng::Draw;
use std::ops::{Add, Neg, Sub};

/// Most values of D that get a bucket of their own.
const MOST_BUCKETS: usize = 1 << 15;
/// Sets that the spins are kept in: free and held, down and up.
const SETS: usize = 4;
const HELD: u8 = 2;
const NONE: u32 = u32::MAX;

/// What costs are counted in.
pub(super) trait Cost:
    Copy + PartialOrd + Add<Output = Self> + Sub<Output = Self> + Neg<Output = Self> + Into<f64> + Send + Sync
{
    fn times(self, sign: i8) -> Self;
}

impl Cost for i32 {
    fn times(self, sign: i8) -> Self {
        self * i32::from(sign)
    }
}

impl Cost for f64 {
    fn times(self, sign: i8) -> Self {
        self * f64::from(sign)
    }
}

/// Couplings and fields, in units.
#[derive(Debug)]
pub(super) struct Rows<C> {
    offsets: Vec<usize>,
    entries: Vec<(u32, C)>,
    fields: Vec<C>,
    /// Largest |D|; only for integers.
    most: i32,
}

impl<C: Cost> Rows<C> {
    fn new(ising: &Ising, most: i32, units: impl Fn(f64) -> C) -> Self {
        let mut rows = Rows {
            offsets: vec![0],
            entries: Vec::with_capacity(2 * ising.couplings().n_edges()),
            fields: ising.fields().iter().map(|h| units(*h)).collect(),
            most,
        };
        for i in 0..ising.n_spins() {
            let (to, weights) = ising.couplings().neighbours(i);
            let weights = weights.iter().map(|w| units(*w));
            rows.entries.extend(to.iter().copied().zip(weights).filter(|(_, w)| (*w).into() != 0.0));
            rows.offsets.push(rows.entries.len());
        }
        rows
    }
    pub(super) fn n_spins(&self) -> usize {
        self.fields.len()
    }
    /// Σ|J| + Σ|h|, pairs counted twice.
    pub(super) fn scale(&self) -> f64 {
        let couplings = self.entries.iter().map(|(_, w)| (*w).into().abs()).sum::<f64>();
        couplings + self.fields.iter().map(|h| (*h).into().abs()).sum::<f64>()
    }
}

/// A model made ready for a search.
#[derive(Debug)]
pub(super) enum Compiled {
    /// Couplings and fields are integers in some unit, and small enough for buckets.
    Integer(Rows<i32>),
    /// Any others.
    Real(Rows<f64>),
}

impl Compiled {
    pub(super) fn new(ising: &Ising) -> Self {
        let couplings = ising.couplings().edges().map(|e| e.2);
        let all: Vec<f64> = couplings.chain(ising.fields().iter().copied()).collect();
        if let Some(unit) = unit_of(&all) {
            let units = |x: f64| (x / unit).round();
            let row =
                |i: usize| ising.couplings().neighbours(i).1.iter().map(|w| units(*w).abs()).sum::<f64>();
            let most =
                (0..ising.n_spins()).map(|i| row(i) + units(ising.fields()[i]).abs()).fold(0.0, f64::max);
            // Buckets must not take more memory than the model.
            let limit = MOST_BUCKETS.min(4 * (ising.n_spins() + ising.couplings().n_edges()) + 64);
            if 2.0 * most + 1.0 <= limit as f64 {
                return Compiled::Integer(Rows::new(ising, most as i32, |x| units(x) as i32));
            }
        }
        Compiled::Real(Rows::new(ising, 0, |x| x))
    }
}

/// Sets of spins, each ordered by cost.
pub(super) trait Queue {
    type Cost: Cost;
    /// Empty sets for the spins of a model.
    fn new(rows: &Rows<Self::Cost>) -> Self;
    fn insert(&mut self, set: u8, spin: u32, cost: Self::Cost);
    fn remove(&mut self, set: u8, spin: u32);
    fn change(&mut self, set: u8, spin: u32, to: Self::Cost);
    /// A spin of least cost in some of the sets.
    fn least<R: Draw>(&mut self, sets: &[u8], rng: &mut R) -> Option<u32>;
}

/// For every value of D a ring of the spins that have it, the last comer first, and a bit for every ring that may
/// not be empty (bits of empty ones are cleared where they are met).
///
/// Rings have a node of their own and change without a branch: whether a spin is the last of its ring is as good as
/// random, and a branch on it would cost more than all else.
#[derive(Debug)]
pub(super) struct Buckets {
    /// Next and previous node; spins first, then the rings' own nodes.
    links: Vec<[u32; 2]>,
    filled: Vec<u64>,
    n_spins: usize,
    most: i32,
    /// Rings of one set, a multiple of 64.
    stride: usize,
}

/// A move is drawn from the first so many of a ring: those whose costs changed last. (Taking the first one only makes
/// searches turn in circles; to draw from all would need their number.)
const DRAWN_FROM: usize = 8;

impl Buckets {
    fn bucket(&self, set: u8, cost: i32) -> usize {
        usize::from(set) * self.stride + (cost + self.most) as usize
    }
    fn push(&mut self, bucket: usize, spin: u32) {
        let node = self.n_spins + bucket;
        let next = self.links[node][0];
        self.links[spin as usize] = [next, node as u32];
        self.links[node][0] = spin;
        self.links[next as usize][1] = spin;
        let (word, bit) = (&mut self.filled[bucket / 64], 1 << (bucket % 64));
        if *word & bit == 0 {
            *word |= bit;
        }
    }
    fn take(&mut self, spin: u32) {
        let [next, previous] = self.links[spin as usize];
        self.links[previous as usize][0] = next;
        self.links[next as usize][1] = previous;
    }
    /// The first ring of a set that is not empty, counted from the set's first.
    fn first(&mut self, set: u8) -> Option<usize> {
        let words = self.stride / 64;
        for word in usize::from(set) * words..(usize::from(set) + 1) * words {
            while self.filled[word] != 0 {
                let bucket = 64 * word + self.filled[word].trailing_zeros() as usize;
                if self.links[self.n_spins + bucket][0] as usize != self.n_spins + bucket {
                    return Some(bucket - usize::from(set) * self.stride);
                }
                self.filled[word] &= self.filled[word] - 1;
            }
        }
        None
    }
}

impl Queue for Buckets {
    type Cost = i32;
    fn new(rows: &Rows<i32>) -> Self {
        let stride = (2 * rows.most as usize + 1).next_multiple_of(64);
        let n_spins = rows.n_spins();
        Buckets {
            links: (0..(n_spins + SETS * stride) as u32).map(|node| [node; 2]).collect(),
            filled: vec![0; SETS * stride / 64],
            n_spins,
            most: rows.most,
            stride,
        }
    }
    fn insert(&mut self, set: u8, spin: u32, cost: i32) {
        self.push(self.bucket(set, cost), spin);
    }
    fn remove(&mut self, _: u8, spin: u32) {
        self.take(spin);
    }
    fn change(&mut self, set: u8, spin: u32, to: i32) {
        self.take(spin);
        self.push(self.bucket(set, to), spin);
    }
    fn least<R: Draw>(&mut self, sets: &[u8], rng: &mut R) -> Option<u32> {
        let level = sets.iter().filter_map(|s| self.first(*s)).min()?;
        let (mut drawn, mut n) = ([0; SETS * DRAWN_FROM], 0);
        for set in sets {
            let node = (self.n_spins + usize::from(*set) * self.stride + level) as u32;
            let mut at = self.links[node as usize][0];
            let end = n + DRAWN_FROM;
            while at != node && n < end {
                drawn[n] = at;
                n += 1;
                at = self.links[at as usize][0];
            }
        }
        Some(drawn[if n > 1 { rng.below(n) } else { 0 }])
    }
}

/// For every set a binary tree over the spins, whose nodes know the cheapest spin below them.
#[derive(Debug)]
pub(super) struct Trees {
    costs: Vec<f64>,
    winners: [Vec<u32>; SETS],
    /// Leaves: a power of two.
    leaves: usize,
}

impl Trees {
    fn update(&mut self, set: u8, spin: u32) {
        let tree = &mut self.winners[usize::from(set)];
        let mut node = (self.leaves + spin as usize) / 2;
        while node > 0 {
            let (a, b) = (tree[2 * node], tree[2 * node + 1]);
            let a_wins = b == NONE || (a != NONE && self.costs[a as usize] <= self.costs[b as usize]);
            let winner = if a_wins { a } else { b };
            if tree[node] == winner && winner != spin {
                return;
            }
            tree[node] = winner;
            node /= 2;
        }
    }
}

impl Queue for Trees {
    type Cost = f64;
    fn new(rows: &Rows<f64>) -> Self {
        let leaves = rows.n_spins().next_power_of_two().max(2);
        Trees {
            costs: vec![0.0; rows.n_spins()],
            winners: std::array::from_fn(|_| vec![NONE; 2 * leaves]),
            leaves,
        }
    }
    fn insert(&mut self, set: u8, spin: u32, cost: f64) {
        self.costs[spin as usize] = cost;
        self.winners[usize::from(set)][self.leaves + spin as usize] = spin;
        self.update(set, spin);
    }
    fn remove(&mut self, set: u8, spin: u32) {
        self.winners[usize::from(set)][self.leaves + spin as usize] = NONE;
        self.update(set, spin);
    }
    fn change(&mut self, set: u8, spin: u32, to: f64) {
        self.costs[spin as usize] = to;
        self.update(set, spin);
    }
    fn least<R: Draw>(&mut self, sets: &[u8], _: &mut R) -> Option<u32> {
        let winners = sets.iter().map(|s| self.winners[usize::from(*s)][1]).filter(|w| *w != NONE);
        winners.min_by(|a, b| self.costs[*a as usize].total_cmp(&self.costs[*b as usize]))
    }
}

/// Which spins a move may be looked for among.
#[derive(Clone, Copy, Debug)]
pub(super) enum Among {
    All,
    Free,
    Held,
    /// Free ones that point down (`-1`) or up.
    FreeAt(i8),
}

impl Among {
    fn sets(self) -> &'static [u8] {
        match self {
            Among::All => &[0, 1, 2, 3],
            Among::Free => &[0, 1],
            Among::Held => &[2, 3],
            Among::FreeAt(s) if s > 0 => &[1],
            Among::FreeAt(_) => &[0],
        }
    }
}

/// A state with the cost of every flip. Energies and costs are in units of the couplings.
#[derive(Debug)]
pub(super) struct Moves<'a, Q: Queue> {
    rows: &'a Rows<Q::Cost>,
    spins: Vec<i8>,
    costs: Vec<Q::Cost>,
    sets: Vec<u8>,
    queue: Q,
    energy: f64,
}

impl<'a, Q: Queue> Moves<'a, Q> {
    /// A state in which every spin is free.
    pub(super) fn new(rows: &'a Rows<Q::Cost>, spins: Vec<i8>) -> Self {
        let mut queue = Q::new(rows);
        let mut energy = 0.0;
        let mut costs = Vec::with_capacity(spins.len());
        let sets: Vec<u8> = spins.iter().map(|s| u8::from(*s > 0)).collect();
        for (i, field) in rows.fields.iter().enumerate() {
            let row = &rows.entries[rows.offsets[i]..rows.offsets[i + 1]];
            let own = field.times(spins[i]);
            let cost = row.iter().fold(own, |sum, (j, w)| sum + w.times(spins[*j as usize] * spins[i]));
            queue.insert(sets[i], i as u32, cost);
            // Every pair is seen from both ends.
            energy -= 0.5 * (cost.into() + own.into());
            costs.push(cost);
        }
        Moves { rows, spins, costs, sets, queue, energy }
    }
    pub(super) fn spins(&self) -> &[i8] {
        &self.spins
    }
    pub(super) fn energy(&self) -> f64 {
        self.energy
    }
    /// What the flip of a spin changes the energy by.
    pub(super) fn change(&self, spin: usize) -> f64 {
        2.0 * self.costs[spin].into()
    }
    pub(super) fn least<R: Draw>(&mut self, among: Among, rng: &mut R) -> Option<usize> {
        self.queue.least(among.sets(), rng).map(|i| i as usize)
    }
    pub(super) fn flip(&mut self, i: usize) {
        let (old, cost) = (self.spins[i], self.costs[i]);
        self.energy += 2.0 * cost.into();
        self.queue.remove(self.sets[i], i as u32);
        self.spins[i] = -old;
        self.costs[i] = -cost;
        self.sets[i] ^= 1;
        self.queue.insert(self.sets[i], i as u32, -cost);
        for &(j, w) in &self.rows.entries[self.rows.offsets[i]..self.rows.offsets[i + 1]] {
            let k = j as usize;
            let to = self.costs[k] - (w + w).times(old * self.spins[k]);
            self.costs[k] = to;
            self.queue.change(self.sets[k], j, to);
        }
    }
    /// Puts a spin among the held ones, or back among the free ones.
    pub(super) fn hold(&mut self, i: usize, held: bool) {
        if held != (self.sets[i] & HELD != 0) {
            self.queue.remove(self.sets[i], i as u32);
            self.sets[i] ^= HELD;
            self.queue.insert(self.sets[i], i as u32, self.costs[i]);
        }
    }
}
