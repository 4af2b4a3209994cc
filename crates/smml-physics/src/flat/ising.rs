//! The multicanonical ensemble of Ising models with integer levels, fast: energies are integers, what every flip costs
//! is cached, and acceptance probabilities come from a table.

#[cfg(test)]
mod tests;

use super::{EnergyGrid, transitions::stationary};
use crate::ising::Ising;
use smml_core::{
    energy::{Energy, Finite, LnSum, Reference},
    error::{Error, Result, positive, same_length},
    kernel::{Kernel, Step},
    rng::{Draw, Stream},
};

/// Most levels that a flip may cross, up or down.
const MAX_CHANGE: usize = 512;
/// Most entries of the tables of acceptance probabilities and of spins.
const MAX_TABLE: usize = 1 << 24;

/// States of an Ising model with probability proportional to exp(-w(E)), w given for every level; an energy, w(E(s)) at
/// β = 1, as [`super::Multicanonical`] is for any model. Its state keeps for every spin what flipping it costs.
#[derive(Clone, Debug)]
pub struct FlatIsing {
    ising: Ising,
    grid: EnergyGrid,
    weights: Vec<f64>,
    /// Most levels that a flip crosses.
    reach: usize,
    /// Edges by spin: the other spin, and 4 J in steps of the grid.
    edges: Vec<(u32, i32)>,
    starts: Vec<u32>,
    /// Acceptance of a change by d levels from level k: entry k (2 reach + 1) + d + reach.
    acceptance: Vec<f64>,
}

/// A state of [`FlatIsing`].
#[derive(Clone, Debug)]
pub struct FlatSpins {
    spins: Vec<i8>,
    /// Levels that flipping each spin goes up.
    changes: Vec<i32>,
    /// Classes of spins with the same change, from -reach: class c has its first `sizes[c]` places from c n on, in no
    /// particular order. And the place of each spin in its class.
    members: Vec<u32>,
    sizes: Vec<u32>,
    places: Vec<u32>,
    level: usize,
}

impl FlatSpins {
    /// The spins.
    pub fn spins(&self) -> &[i8] {
        &self.spins
    }
    /// The number of the level in the grid.
    pub fn level(&self) -> usize {
        self.level
    }
    /// Moves spin `i` from one class to another; the last spin of the one takes its place.
    #[inline]
    fn reclass(&mut self, i: usize, from: usize, to: usize) {
        let n = self.spins.len();
        self.sizes[from] -= 1;
        let last = self.members[from * n + self.sizes[from] as usize];
        self.members[from * n + self.places[i] as usize] = last;
        self.places[last as usize] = self.places[i];
        self.members[to * n + self.sizes[to] as usize] = i as u32;
        self.places[i] = self.sizes[to];
        self.sizes[to] += 1;
    }
}

impl FlatIsing {
    /// A model whose couplings and fields are integers, with an exponent w for every bin of [`EnergyGrid::levels`]; +∞
    /// forbids a level.
    ///
    /// # Errors
    /// As [`EnergyGrid::levels`]; another number of weights, NaN or -∞ among them; flips across more than 512 levels.
    pub fn new(ising: &Ising, weights: Vec<f64>) -> Result<Self> {
        let grid = EnergyGrid::levels(ising)?;
        let (mut edges, mut starts) = (Vec::new(), vec![0]);
        let mut reach = 0;
        for i in 0..ising.n_spins() {
            let (neighbours, couplings) = ising.couplings().neighbours(i);
            let units = |x: f64| (x / grid.step()).round() as i64;
            let bound = ising.fields()[i].abs() + couplings.iter().map(|x| x.abs()).sum::<f64>();
            reach = reach.max(usize::try_from(units(2.0 * bound)).unwrap_or(usize::MAX));
            if reach > MAX_CHANGE {
                return Err(Error::TooLarge {
                    what: format!("flipping spin {i}"),
                    needed: format!("{reach} levels"),
                    limit: format!("{MAX_CHANGE} levels"),
                });
            }
            let needed = (2 * reach + 1).saturating_mul(grid.n_bins().max(ising.n_spins()));
            if needed > MAX_TABLE {
                return Err(Error::TooLarge {
                    what: "tables for every level, and every spin, of what flips change".into(),
                    needed: format!("{needed} entries"),
                    limit: format!("{MAX_TABLE}"),
                });
            }
            edges.extend(neighbours.iter().zip(couplings).map(|(&j, x)| (j, units(4.0 * x) as i32)));
            starts.push(edges.len() as u32);
        }
        let mut model = FlatIsing {
            ising: ising.clone(),
            grid,
            weights: Vec::new(),
            reach,
            edges,
            starts,
            acceptance: Vec::new(),
        };
        model.set_weights(weights)?;
        Ok(model)
    }
    /// Other weights. Errors: as [`FlatIsing::new`].
    pub fn set_weights(&mut self, weights: Vec<f64>) -> Result<()> {
        same_length("weights", weights.len(), self.grid.n_bins())?;
        if let Some(k) = weights.iter().position(|w| w.is_nan() || *w == f64::NEG_INFINITY) {
            return Err(Error::out_of_range(format!("weight {k}"), weights[k], "finite or +infinity"));
        }
        let width = self.width();
        self.acceptance.resize(weights.len() * width, 0.0);
        for (k, row) in self.acceptance.chunks_exact_mut(width).enumerate() {
            for (d, p) in row.iter_mut().enumerate() {
                let to = (k + d).checked_sub(self.reach).and_then(|k| weights.get(k));
                // From a forbidden level, where no state begins, all moves lead out.
                let ratio = |to: &f64| if *to == f64::INFINITY { 0.0 } else { libm::exp(weights[k] - to) };
                *p = to.map_or(0.0, |to| ratio(to).min(1.0));
            }
        }
        self.weights = weights;
        Ok(())
    }
    /// The levels.
    pub fn grid(&self) -> &EnergyGrid {
        &self.grid
    }
    /// w of every level.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }
    /// A state to start from. Errors: a wrong number of spins, values other than ±1, an energy that has no weight.
    pub fn at(&self, spins: Vec<i8>) -> Result<FlatSpins> {
        same_length("spins", spins.len(), self.ising.n_spins())?;
        if let Some(i) = spins.iter().position(|s| !matches!(s, 1 | -1)) {
            return Err(Error::out_of_range(format!("spin {i}"), spins[i], "1 or -1"));
        }
        let state = self.with_cache(spins);
        if self.energy(&state) == f64::INFINITY {
            let allowed = "of a level that is not forbidden";
            let energy = self.grid.energy(state.level);
            return Err(Error::out_of_range("energy of the first state", energy, allowed));
        }
        Ok(state)
    }
    fn with_cache(&self, spins: Vec<i8>) -> FlatSpins {
        let level = self.grid.bin(self.ising.energy(&spins)).unwrap_or(0);
        let change = |i: usize| {
            let cost = 2.0 * f64::from(spins[i]) * self.ising.local_field(&spins, i);
            (cost / self.grid.step()).round() as i32
        };
        let changes: Vec<i32> = (0..spins.len()).map(change).collect();
        let (n, width) = (spins.len(), self.width());
        let (mut members, mut sizes, mut places) =
            (vec![0; n * width], vec![0u32; width], Vec::with_capacity(n));
        for (i, &d) in changes.iter().enumerate() {
            let class = self.class(d);
            members[class * n + sizes[class] as usize] = i as u32;
            places.push(sizes[class]);
            sizes[class] += 1;
        }
        FlatSpins { spins, changes, members, sizes, places, level }
    }
    fn width(&self) -> usize {
        2 * self.reach + 1
    }
    #[inline]
    fn class(&self, change: i32) -> usize {
        (change + self.reach as i32) as usize
    }
    /// Flips spin `i`.
    #[inline]
    fn flip(&self, s: &mut FlatSpins, i: usize) {
        let (change, spin) = (s.changes[i], s.spins[i]);
        s.level = (s.level as i64 + i64::from(change)) as usize;
        s.reclass(i, self.class(change), self.class(-change));
        s.changes[i] = -change;
        s.spins[i] = -spin;
        for &(j, unit) in &self.edges[self.starts[i] as usize..self.starts[i + 1] as usize] {
            let j = j as usize;
            let before = s.changes[j];
            let after = before - unit * i32::from(spin * s.spins[j]);
            s.changes[j] = after;
            s.reclass(j, self.class(before), self.class(after));
        }
    }
}

/// w(E(s))
impl Energy for FlatIsing {
    type State = FlatSpins;
    fn energy(&self, s: &FlatSpins) -> f64 {
        self.weights.get(s.level).copied().unwrap_or(f64::INFINITY)
    }
}

/// Numbered as the states of the model.
impl Finite for FlatIsing {
    fn n_states(&self) -> Option<usize> {
        self.ising.n_states()
    }
    fn state(&self, index: usize) -> FlatSpins {
        self.with_cache(self.ising.state(index))
    }
    fn index(&self, s: &FlatSpins) -> usize {
        self.ising.index(&s.spins)
    }
}

/// Attempts to flip random spins, accepted with probability min(1, exp(w(E) - w(E'))): Metropolis's rule for
/// [`FlatIsing`] at any β. Reversible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlatMetropolis {
    attempts: u64,
}

impl FlatMetropolis {
    /// So many attempts to a step. Errors: 0 of them.
    pub fn new(attempts: u64) -> Result<Self> {
        if attempts == 0 {
            return Err(Error::out_of_range("attempts", 0, "at least 1"));
        }
        Ok(FlatMetropolis { attempts })
    }
}

impl Kernel<FlatIsing> for FlatMetropolis {
    /// β must be 1: it is not looked at.
    fn step<R: Draw>(&mut self, model: &FlatIsing, s: &mut FlatSpins, _beta: f64, rng: &mut R) -> Step {
        let (width, n) = (model.width(), s.spins.len());
        let mut accepted = 0;
        for _ in 0..self.attempts {
            let i = rng.below(n);
            if rng.chance(model.acceptance[s.level * width + model.class(s.changes[i])]) {
                model.flip(s, i);
                accepted += 1;
            }
        }
        Step { proposed: self.attempts, accepted }
    }
}

/// The n-fold way (A. B. Bortz, M. H. Kalos and J. L. Lebowitz, J. Comput. Phys. 17, 10 (1975)) for [`FlatIsing`]: as
/// [`FlatMetropolis`] without the attempts that fail. A state is visited with probability proportional to exp(-w(E))
/// divided by [`FlatNFold::residence`], its weight in averages.
#[derive(Clone, Debug, Default)]
pub struct FlatNFold {
    rates: Vec<f64>,
}

impl FlatNFold {
    /// Attempts until the state is left, on average; infinite where nothing is accepted.
    pub fn residence(&mut self, model: &FlatIsing, s: &FlatSpins) -> f64 {
        let acceptance = &model.acceptance[s.level * model.width()..][..model.width()];
        self.rates.clear();
        self.rates.extend(s.sizes.iter().zip(acceptance).map(|(size, p)| f64::from(*size) * p));
        s.spins.len() as f64 / self.rates.iter().sum::<f64>()
    }
    /// Leaves a state whose residence was just computed and is finite.
    fn leave<R: Draw>(&self, model: &FlatIsing, s: &mut FlatSpins, rng: &mut R) {
        let class = rng.choose(&self.rates);
        let place = rng.below(s.sizes[class] as usize);
        model.flip(s, s.members[class * s.spins.len() + place] as usize);
    }
}

impl Kernel<FlatIsing> for FlatNFold {
    /// Flips one spin, unless none can be. β must be 1: it is not looked at.
    fn step<R: Draw>(&mut self, model: &FlatIsing, s: &mut FlatSpins, _beta: f64, rng: &mut R) -> Step {
        if !self.residence(model, s).is_finite() {
            return Step::default();
        }
        self.leave(model, s, rng);
        Step { proposed: 1, accepted: 1 }
    }
}

/// What a run of the n-fold way saw.
pub(super) struct Seen {
    width: usize,
    reach: usize,
    /// Flips of the states of every level, by what they change, weighted with residence.
    flips: Vec<f64>,
    /// Residence and visits of every level.
    residence: Vec<f64>,
    visits: Vec<u64>,
}

/// `n` flips by the n-fold way.
pub(super) fn survey(model: &FlatIsing, s: &mut FlatSpins, n: u64, rng: &mut Stream) -> Result<Seen> {
    let (width, n_levels) = (model.width(), model.weights.len());
    let mut seen = Seen {
        width,
        reach: model.reach,
        flips: vec![0.0; n_levels * width],
        residence: vec![0.0; n_levels],
        visits: vec![0; n_levels],
    };
    let mut kernel = FlatNFold::default();
    for _ in 0..n {
        let residence = kernel.residence(model, s);
        if !residence.is_finite() {
            return Err(Error::Undefined {
                what: "the next flip".into(),
                why: format!("nothing is accepted at energy {}", model.grid.energy(s.level)),
            });
        }
        let row = &mut seen.flips[s.level * width..][..width];
        row.iter_mut().zip(&s.sizes).for_each(|(c, size)| *c += residence * f64::from(*size));
        seen.residence[s.level] += residence;
        seen.visits[s.level] += 1;
        kernel.leave(model, s, rng);
    }
    Ok(seen)
}

impl Seen {
    /// ln g from all flips, made or not.
    pub(super) fn ln_g(&self) -> Result<Vec<f64>> {
        stationary(self.residence.len(), |from| {
            let row = self.flips[from * self.width..][..self.width].iter().enumerate();
            row.filter(|(_, x)| **x > 0.0).map(|(d, x)| (from + d - self.reach, *x)).collect()
        })
    }
    /// Exponents that make the n-fold way visit all levels equally often: w = ln g less the logarithm of the residence.
    /// What was not seen stays as it was.
    pub(super) fn improved(&self, model: &FlatIsing) -> Result<Vec<f64>> {
        let ln_g = self.ln_g()?;
        let target = |k: usize| ln_g[k] - libm::log(self.residence[k] / self.visits[k] as f64);
        let (mut sum, mut old) = (LnSum::default(), LnSum::default());
        let seen = |k: &usize| self.visits[*k] > 0 && model.weights[*k].is_finite();
        for k in (0..ln_g.len()).filter(seen) {
            sum.add(target(k));
            old.add(model.weights[k]);
        }
        let shift = old.ln() - sum.ln();
        Ok((0..ln_g.len()).map(|k| if seen(&k) { target(k) + shift } else { model.weights[k] }).collect())
    }
}

/// Wang-Landau sampling as [`super::WangLandau`] does it, for weights to start from: ln f is halved each time that all
/// levels found were visited, and is 1/t once it is below that, until it is `ln_f`. Returns ln g, +∞ where a level
/// was not found, and a state.
pub(super) fn learn(
    ising: &Ising,
    ln_f: f64,
    max_attempts: u64,
    rng: &mut Stream,
) -> Result<(FlatIsing, FlatSpins)> {
    positive("ln f", ln_f)?;
    let n_levels = EnergyGrid::levels(ising)?.n_bins();
    let mut model = FlatIsing::new(ising, vec![0.0; n_levels])?;
    let mut s = model.with_cache(ising.draw(rng));
    let (mut ln_g, mut visited, mut found) = (vec![f64::INFINITY; n_levels], vec![false; n_levels], 1u64);
    ln_g[s.level] = 0.0;
    let (n, mut now, mut refined, mut attempts) = (s.spins.len(), 1.0, false, 0u64);
    let look = 100 * n_levels as u64;
    while !(refined && now <= ln_f) {
        if attempts >= max_attempts {
            return Err(Error::NotConverged {
                what: "Wang-Landau sampling".into(),
                residual: now,
                iterations: usize::try_from(attempts).unwrap_or(usize::MAX),
                tolerance: ln_f,
            });
        }
        for _ in 0..look {
            let i = rng.below(n);
            let to = (s.level as i64 + i64::from(s.changes[i])) as usize;
            if ln_g[to] == f64::INFINITY {
                // A new level is entered, with the smallest ln g so far: the walk then fills it.
                ln_g[to] = ln_g.iter().copied().fold(f64::INFINITY, f64::min);
                found += 1;
            }
            if rng.accept(ln_g[to] - ln_g[s.level]) {
                model.flip(&mut s, i);
            }
            ln_g[s.level] += now;
            visited[s.level] = true;
        }
        attempts += look;
        let one_over_t = found as f64 / attempts as f64;
        if refined {
            now = one_over_t;
        } else if ln_g.iter().zip(&visited).all(|(g, visited)| *visited || *g == f64::INFINITY) {
            visited.fill(false);
            now *= 0.5;
            refined = now <= one_over_t;
        }
    }
    model.set_weights(ln_g)?;
    Ok((model, s))
}
