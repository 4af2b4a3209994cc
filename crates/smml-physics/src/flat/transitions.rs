//! The density of states from transitions between energies.

use crate::{
    ising::Ising,
    spins::{BlumeCapel, Clock, Potts},
};
use smml_core::{
    energy::{LnSum, LocalEnergy},
    error::{Error, Result},
};
use std::collections::BTreeMap;

/// A model that can say what all its moves do. Its proposals ([`LocalEnergy::propose`]) are one of `n` moves, each with
/// the same probability.
pub trait AllMoves: LocalEnergy {
    /// Number of moves, in any state; the steps between two looks at all of them.
    fn n_moves(&self) -> usize;
    /// Calls `visit(ΔE)` for every move.
    fn visit_moves(&self, state: &Self::State, visit: impl FnMut(f64));
}

impl AllMoves for Ising {
    fn n_moves(&self) -> usize {
        self.n_spins()
    }
    fn visit_moves(&self, s: &Vec<i8>, mut visit: impl FnMut(f64)) {
        (0..s.len()).for_each(|i| visit(self.delta(s, &i)));
    }
}

impl AllMoves for Potts {
    fn n_moves(&self) -> usize {
        self.n_spins() * (self.n_values() - 1)
    }
    fn visit_moves(&self, s: &Vec<u8>, mut visit: impl FnMut(f64)) {
        for i in 0..s.len() {
            let others = (0..self.n_values()).map(|v| v as u8).filter(|&v| v != s[i]);
            others.for_each(|v| visit(self.delta(s, &(i, v))));
        }
    }
}

impl AllMoves for Clock {
    fn n_moves(&self) -> usize {
        self.n_spins() * (self.n_values() - 1)
    }
    fn visit_moves(&self, s: &Vec<u8>, mut visit: impl FnMut(f64)) {
        for i in 0..s.len() {
            let others = (0..self.n_values()).map(|k| k as u8).filter(|&k| k != s[i]);
            others.for_each(|k| visit(self.delta(s, &(i, k))));
        }
    }
}

impl AllMoves for BlumeCapel {
    fn n_moves(&self) -> usize {
        2 * self.n_spins()
    }
    fn visit_moves(&self, s: &Vec<i8>, mut visit: impl FnMut(f64)) {
        for i in 0..s.len() {
            (-1..=1).filter(|&v| v != s[i]).for_each(|v| visit(self.delta(s, &(i, v))));
        }
    }
}

/// How often a move leads from one bin to another, whatever became of it: the transition matrix between energies at
/// β = 0 (J.-S. Wang and R. H. Swendsen, J. Stat. Phys. 106, 245 (2002); P. M. C. de Oliveira, T. J. P. Penna and
/// H. J. Herrmann, Braz. J. Phys. 26, 677 (1996)).
///
/// The moves are symmetric, so g(E) T(E → E') = g(E') T(E' → E): g is the stationary vector of T. A row of T is a mean
/// over the states of one energy, so it does not matter how often the energy was visited.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transitions {
    rows: Vec<BTreeMap<usize, u64>>,
}

impl Transitions {
    /// No counts, for `n_bins` bins.
    pub fn new(n_bins: usize) -> Self {
        Transitions { rows: vec![BTreeMap::new(); n_bins] }
    }
    /// Counts a move between two bins.
    ///
    /// # Panics
    /// When `from` is no bin, as indexing a slice does.
    pub fn add(&mut self, from: usize, to: usize) {
        *self.rows[from].entry(to).or_insert(0) += 1;
    }
    /// Counts every move of a state.
    pub(super) fn count<E: AllMoves>(
        &mut self,
        model: &E,
        state: &E::State,
        energy: f64,
        grid: &super::EnergyGrid,
    ) {
        let Some(from) = grid.bin(energy) else { return };
        let row = &mut self.rows[from];
        model.visit_moves(state, |delta| {
            if let Some(to) = grid.bin(energy + delta) {
                *row.entry(to).or_insert(0) += 1;
            }
        });
    }

    /// ln g of every bin with counts, -∞ elsewhere, up to a constant: the stationary vector by elimination without
    /// subtractions (W. K. Grassmann, M. I. Taksar and D. P. Heyman, Oper. Res. 33, 1107 (1985)), so that small g keep
    /// their digits. Moves to bins without counts are left out. Cost: bins × (the widest step in bins)².
    ///
    /// # Errors
    /// [`Error::Undefined`] when no moves lead from a bin and those above it to the bins below.
    pub fn ln_g(&self) -> Result<Vec<f64>> {
        stationary(self.rows.len(), |k| self.rows[k].iter().map(|(&to, &n)| (to, n as f64)).collect())
    }
}

/// [`Transitions::ln_g`] of rows of weighted moves (to, weight), in order.
pub(super) fn stationary(n_bins: usize, row: impl Fn(usize) -> Vec<(usize, f64)>) -> Result<Vec<f64>> {
    let rows: Vec<Vec<(usize, f64)>> = (0..n_bins).map(row).collect();
    let seen: Vec<usize> = (0..n_bins).filter(|&k| !rows[k].is_empty()).collect();
    let mut rank = vec![usize::MAX; n_bins];
    seen.iter().enumerate().for_each(|(r, &k)| rank[k] = r);
    let mut widest = 0;
    let mut t: Vec<BTreeMap<usize, f64>> = Vec::with_capacity(seen.len());
    for (r, &k) in seen.iter().enumerate() {
        let total = rows[k].iter().map(|(_, x)| x).sum::<f64>();
        let mut row = BTreeMap::new();
        for &(to, x) in &rows[k] {
            let to = rank.get(to).copied().unwrap_or(usize::MAX);
            if to != usize::MAX && to != r {
                widest = widest.max(to.abs_diff(r));
                row.insert(to, x / total);
            }
        }
        t.push(row);
    }
    for k in (1..t.len()).rev() {
        let down: Vec<(usize, f64)> = t[k].range(..k).map(|(&j, &x)| (j, x)).collect();
        let out: f64 = down.iter().map(|(_, x)| x).sum();
        if out == 0.0 {
            return Err(Error::Undefined {
                what: format!("ln g of bin {}", seen[k]),
                why: "no move was seen from it, and those above, to the bins below".into(),
            });
        }
        for i in k.saturating_sub(widest)..k {
            let Some(up) = t[i].get_mut(&k) else { continue };
            *up /= out;
            let up = *up;
            for &(j, x) in down.iter().filter(|(j, _)| *j != i) {
                *t[i].entry(j).or_insert(0.0) += up * x;
            }
        }
    }
    let mut found = vec![0.0; t.len()];
    for k in 1..t.len() {
        let mut sum = LnSum::default();
        for i in k.saturating_sub(widest)..k {
            if let Some(up) = t[i].get(&k) {
                sum.add(found[i] + libm::log(*up));
            }
        }
        found[k] = sum.ln();
    }
    let mut ln_g = vec![f64::NEG_INFINITY; n_bins];
    seen.iter().zip(found).for_each(|(&k, g)| ln_g[k] = g);
    Ok(ln_g)
}
