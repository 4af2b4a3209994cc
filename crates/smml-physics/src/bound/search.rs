//! Finds packings of frustrated cycles.

use super::{FrustratedSet, Packing, bonds};
use crate::ising::Ising;
use serde::{Deserialize, Serialize};
use smml_core::error::{Error, Result};
use smml_core::read_through;
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
};

/// How long to look for a packing.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawEffort")]
pub struct Effort {
    epsilon: f64,
    max_work: u64,
}

read_through!(Effort: RawEffort { epsilon: f64, max_work: u64 } => Effort::new(epsilon, max_work));

impl Default for Effort {
    /// ε = 0.3 and 10⁸ bonds: some seconds.
    fn default() -> Self {
        Effort { epsilon: 0.3, max_work: 100_000_000 }
    }
}

impl Effort {
    /// `epsilon`: how coarsely bonds get longer as they fill, from which the best packing is missed by a part of some ε / 50;
    /// the work grows as 1 / ε². `max_work`: how often a bond is looked at, after which what there is counts.
    ///
    /// Errors: ε outside [0.02, 0.5], no work.
    pub fn new(epsilon: f64, max_work: u64) -> Result<Self> {
        if !(0.02..=0.5).contains(&epsilon) {
            return Err(Error::out_of_range("epsilon", epsilon, "in [0.02, 0.5]"));
        }
        if max_work == 0 {
            return Err(Error::out_of_range("max_work", 0, "at least 1"));
        }
        Ok(Effort { epsilon, max_work })
    }
}

/// Cycles by their bonds, in order, with what was sent through each.
type Flows = BTreeMap<Vec<u32>, f64>;

impl Packing {
    /// A packing for a model: cycles that are short in a length which grows with the weight on a bond take the smallest
    /// |J| on them, again and again; all is then scaled down to what the bonds can give, and what is left over is filled
    /// up greedily, shortest cycles first.
    ///
    /// With the default effort the bound was the ground energy itself on five ±1 lattices each of 10 × 10 (open) and 8 × 8
    /// (periodic), five random 3-regular graphs of 60 spins and three cubes of 27. Per spin it was -1.4144 on the torus
    /// of 100 × 100, -1.294 on a 3-regular graph of 1000 and -1.859 on the cube of 8³, where the ground energies of large
    /// systems are -1.402, -1.272 and -1.788: lower by 0.9, 1.8 and 4 percent. On dense graphs it is weak (-62 for -58 on
    /// a ±1 Sherrington-Kirkpatrick glass of 20 spins). On planar graphs [`crate::planar`] finds the best packing.
    ///
    /// ```
    /// use smml_physics::{bound::{Effort, Packing}, instances};
    /// let ising = instances::open_square(6, 6, 1)?.ising()?;
    /// let bound = Packing::of(&ising, &Effort::default()).certify(&ising)?;
    /// assert!(bound.energy > bound.free);
    /// # Ok::<(), smml_core::Error>(())
    /// ```
    pub fn of(ising: &Ising, effort: &Effort) -> Packing {
        let mut search = Search::new(ising);
        let mut flows = search.weighted(effort);
        search.scale(&mut flows);
        search.fill(&mut flows, effort);
        // Where the search was cut short, filling up alone may be better.
        let mut plain = Search::new(ising);
        let mut greedy = Flows::new();
        plain.fill(&mut greedy, effort);
        if greedy.values().sum::<f64>() > flows.values().sum::<f64>() {
            (search, flows) = (plain, greedy);
        }
        let cycle = |bonds: Vec<u32>| bonds.into_iter().map(|e| search.ends(e)).collect();
        let sets = flows.into_iter().filter(|(_, w)| *w > 0.0);
        Packing { sets: sets.map(|(b, weight)| FrustratedSet { bonds: cycle(b), weight }).collect() }
    }
}

/// A frustrated cycle, by its bonds in order.
struct Cycle {
    bonds: Vec<u32>,
    length: f64,
}

/// Shortest frustrated cycles: shortest paths from (v, 0) to (v, 1) in the double cover of the graph, whose copies are
/// joined by the negative bonds.
struct Search {
    bonds: Vec<(u32, u32, f64)>,
    /// Bonds at each spin that have a coupling.
    rows: Vec<Vec<u32>>,
    lengths: Vec<f64>,
    loads: Vec<f64>,
    distance: Vec<f64>,
    came_by: Vec<u32>,
    touched: Vec<u32>,
    /// What weights are multiples of.
    quantum: f64,
    /// Bonds looked at.
    work: u64,
}

impl Search {
    fn new(ising: &Ising) -> Self {
        let bonds = bonds(ising);
        let n = ising.n_spins() + 1;
        let mut rows = vec![Vec::new(); n];
        for (e, &(i, j, size)) in bonds.iter().enumerate() {
            if size != 0.0 {
                rows[i as usize].push(e as u32);
                rows[j as usize].push(e as u32);
            }
        }
        let total: f64 = bonds.iter().map(|b| b.2.abs()).sum();
        // Weights are multiples of a power of two of which 2^50 make the total: their sums are exact.
        let quantum = if total > 0.0 { libm::ldexp(1.0, libm::ilogb(total) - 50) } else { 1.0 };
        Search {
            lengths: bonds.iter().map(|b| 1.0 / b.2.abs()).collect(),
            loads: vec![0.0; bonds.len()],
            distance: vec![f64::INFINITY; 2 * n],
            came_by: vec![u32::MAX; 2 * n],
            touched: Vec::new(),
            quantum,
            work: 0,
            bonds,
            rows,
        }
    }

    fn ends(&self, e: u32) -> (u32, u32) {
        let (i, j, _) = self.bonds[e as usize];
        (i, j)
    }

    /// The shortest frustrated cycle through a spin that is not longer than `limit`, as sorted bonds.
    ///
    /// The way from (v, 0) to (v, 1) looks the same from both ends when the two copies are exchanged, so only half of its
    /// length is searched: the cycle is two shortest ways from (v, 0), to the ends of a bond in copies that it does not
    /// join. A bond that is passed twice cancels: parity and closedness stay, and what is left is shorter.
    fn shortest(&mut self, v: usize, limit: f64) -> Option<Cycle> {
        for k in self.touched.drain(..) {
            self.distance[k as usize] = f64::INFINITY;
        }
        let start = 2 * v;
        let (mut best, mut meeting) = (limit, None);
        let mut heap = BinaryHeap::new();
        self.distance[start] = 0.0;
        self.touched.push(start as u32);
        // Lengths are not negative: their bits are in the order of their values.
        heap.push(Reverse((0u64, start as u32)));
        while let Some(Reverse((bits, at))) = heap.pop() {
            let (at, far) = (at as usize, f64::from_bits(bits));
            if far > 0.5 * best {
                break;
            }
            if far > self.distance[at] {
                continue;
            }
            self.work += self.rows[at / 2].len() as u64;
            for &e in &self.rows[at / 2] {
                let next = self.over(at, e);
                let length = far + self.lengths[e as usize];
                let around = length + self.distance[next ^ 1];
                // At the limit itself a cycle counts as found.
                if around < best || (meeting.is_none() && around.is_finite() && around <= best) {
                    (best, meeting) = (around, Some((at, e)));
                }
                if length < self.distance[next] && length <= best {
                    if self.distance[next] == f64::INFINITY {
                        self.touched.push(next as u32);
                    }
                    self.distance[next] = length;
                    self.came_by[next] = e;
                    heap.push(Reverse((length.to_bits(), next as u32)));
                }
            }
        }
        let (from, bond) = meeting?;
        let mut cycle = vec![bond];
        for end in [from, self.over(from, bond) ^ 1] {
            let mut at = end;
            while at != start {
                let e = self.came_by[at];
                cycle.push(e);
                at = self.over(at, e);
            }
        }
        cycle.sort_unstable();
        let once: Vec<u32> =
            cycle.chunk_by(|a, b| a == b).filter(|c| c.len() % 2 == 1).map(|c| c[0]).collect();
        let length = once.iter().map(|&e| self.lengths[e as usize]).sum();
        Some(Cycle { bonds: once, length })
    }

    /// Where a bond leads from a spin in one of the two copies.
    fn over(&self, at: usize, e: u32) -> usize {
        let (i, j, size) = self.bonds[e as usize];
        let other = if i as usize == at / 2 { j } else { i } as usize;
        2 * other + ((at & 1) ^ usize::from(size < 0.0))
    }

    /// Garg and Könemann's scheme, spin by spin: cycles through a spin are taken while they are not longer than a limit,
    /// which grows by 1 + ε from round to round.
    fn weighted(&mut self, effort: &Effort) -> Flows {
        let mut flows = Flows::new();
        let m = self.bonds.iter().filter(|b| b.2 != 0.0).count();
        if m == 0 {
            return flows;
        }
        let eps = effort.epsilon;
        // All lengths times |J| begin at δ and end when the shortest cycle is 1 long.
        let delta = (1.0 + eps) * libm::pow((1.0 + eps) * m as f64, -1.0 / eps).max(1e-280);
        self.lengths.iter_mut().for_each(|l| *l *= delta);
        let n = self.rows.len();
        // Lengths only grow, so what was once found to be the shortest through a spin stays a lower bound; 0 where there
        // was no time to look.
        let mut known = vec![f64::INFINITY; n];
        let mut limit = f64::INFINITY;
        for v in self.unbalanced() {
            known[v] = 0.0;
            if self.work < effort.max_work / 4 {
                known[v] = self.shortest(v, f64::INFINITY).map_or(f64::INFINITY, |c| c.length);
                limit = limit.min(known[v]);
            }
        }
        while limit < 1.0 && !self.is_near(&flows, limit) {
            limit *= 1.0 + eps;
            for v in 0..n {
                while known[v] < limit.min(1.0) {
                    if self.work >= effort.max_work {
                        return flows;
                    }
                    // A little beyond the limit, to pass over the next rounds.
                    let beyond = limit * (1.0 + eps) * (1.0 + eps);
                    let found = self.shortest(v, beyond);
                    known[v] = found.as_ref().map_or(beyond, |c| c.length.max(known[v]));
                    let Some(cycle) = found.filter(|c| c.length < limit.min(1.0)) else { continue };
                    let size = |e: &u32| self.bonds[*e as usize].2.abs();
                    let least = cycle.bonds.iter().map(size).fold(f64::INFINITY, f64::min);
                    for &e in &cycle.bonds {
                        let e = e as usize;
                        self.lengths[e] *= 1.0 + eps * least / self.bonds[e].2.abs();
                        self.loads[e] += least;
                    }
                    *flows.entry(cycle.bonds).or_insert(0.0) += least;
                }
            }
        }
        flows
    }

    /// How much the loads must be divided by.
    fn overload(&self) -> f64 {
        let over = |(load, b): (&f64, &(u32, u32, f64))| if *load > 0.0 { load / b.2.abs() } else { 0.0 };
        self.loads.iter().zip(&self.bonds).map(over).fold(0.0, f64::max)
    }

    /// Whether the packing is within 1 / 1000 of the best one: with all frustrated cycles at least `shortest` long, no
    /// packing has a larger total than Σ |J| length / shortest.
    fn is_near(&self, flows: &Flows, shortest: f64) -> bool {
        let used = self.bonds.iter().zip(&self.lengths).filter(|(b, _)| b.2 != 0.0);
        let most = used.map(|(b, length)| b.2.abs() * length).sum::<f64>() / shortest;
        !flows.is_empty() && flows.values().sum::<f64>() >= 0.999 * most * self.overload()
    }

    /// Scales all weights to what the bonds can give, down to multiples of the quantum.
    fn scale(&mut self, flows: &mut Flows) {
        let most = self.overload();
        self.loads.fill(0.0);
        for (cycle, weight) in flows.iter_mut() {
            *weight = self.quantum * (*weight / most / self.quantum).floor();
            for &e in cycle {
                // Rounding of the scale must not overfill a bond.
                let left = self.bonds[e as usize].2.abs() - self.loads[e as usize];
                *weight = weight.min(self.quantum * (left / self.quantum).floor()).max(0.0);
            }
            for &e in cycle {
                self.loads[e as usize] += *weight;
            }
        }
    }

    /// What a bond can still give, down to a multiple of the quantum.
    fn room(&self, e: u32) -> f64 {
        let left = self.bonds[e as usize].2.abs() - self.loads[e as usize];
        self.quantum * (left / self.quantum).floor()
    }

    /// Fills what is left, with cycles of few bonds first.
    fn fill(&mut self, flows: &mut Flows, effort: &Effort) {
        let most = self.work.saturating_add(effort.max_work / 4);
        for e in 0..self.bonds.len() {
            self.lengths[e] = if self.room(e as u32) > 0.0 { 1.0 } else { f64::INFINITY };
        }
        let mut limit = 3.0;
        loop {
            let spins = self.unbalanced();
            if spins.is_empty() {
                return;
            }
            for v in spins {
                if self.work > most {
                    return;
                }
                while let Some(Cycle { bonds, .. }) = self.shortest(v, limit) {
                    let least = bonds.iter().map(|&e| self.room(e)).fold(f64::INFINITY, f64::min);
                    for &e in &bonds {
                        self.loads[e as usize] += least;
                        if self.room(e) <= 0.0 {
                            self.lengths[e as usize] = f64::INFINITY;
                        }
                    }
                    *flows.entry(bonds).or_insert(0.0) += least;
                }
            }
            limit *= 1.5;
        }
    }

    /// The spins of components, over bonds of finite length, that hold a frustrated cycle.
    fn unbalanced(&self) -> Vec<usize> {
        let n = self.rows.len();
        let (mut copy, mut found) = (vec![usize::MAX; n], Vec::new());
        for start in 0..n {
            if copy[start] != usize::MAX {
                continue;
            }
            copy[start] = 0;
            let (mut component, mut at, mut frustrated) = (vec![start], 0, false);
            while at < component.len() {
                let v = component[at];
                at += 1;
                for &e in self.rows[v].iter().filter(|&&e| self.lengths[e as usize] < f64::INFINITY) {
                    let next = self.over(2 * v + copy[v], e);
                    if copy[next / 2] == usize::MAX {
                        copy[next / 2] = next & 1;
                        component.push(next / 2);
                    }
                    frustrated |= copy[next / 2] != next & 1;
                }
            }
            if frustrated {
                found.append(&mut component);
            }
        }
        found
    }
}
