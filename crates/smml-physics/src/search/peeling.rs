//! Spins with few neighbours taken off a model one by one, so that a search has only the others to decide.

use crate::{ising::Ising, lanes::unit_of};
use smml_core::error::{Error, Result, same_length};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
};

/// Most neighbours of a spin that is taken off, a field among them.
const MOST_NEIGHBOURS: usize = 3;
/// Part of couplings that sums and differences of a few of them may be off by.
const ROUNDING: f64 = 1e-14;
/// Models with more couplings for each spin stay as they are: little could be taken off, and its bookkeeping would take more
/// memory than the model.
const MOST_PER_SPIN: usize = 32;
/// Couplings of at most so many units are halved: lanes hold 65,535 of the halves.
const MOST_HALVED: f64 = 8192.0;

/// A spin that was taken off, with the couplings it had then.
#[derive(Clone, Debug, PartialEq)]
struct Peel {
    spin: u32,
    couplings: Vec<(u32, f64)>,
}

/// An Ising model of the spins that are left when those with at most three neighbours have been taken off, one after the
/// other; its lowest energy is that of the model up to [`Peeling::constant`], and a state of lowest energy of one becomes
/// one of the other.
///
/// A spin s that minimises -s (x a + y b + z c) over its neighbours a, b, c leaves -|x a + y b + z c|, which is a constant
/// and couplings of pairs of neighbours:
///
/// - one neighbour: the constant |x|;
/// - two: the coupling sign(x y) min(|x|, |y|) of a and b, the constant max(|x|, |y|);
/// - three, by the star-triangle relation at zero temperature: with f(a, b, c) = |x a + y b + z c|,
///   J_ab = (f(+ + +) + f(+ + -) - f(+ - +) - f(- + +)) / 4 and so on, the constant the mean of the four.
///
/// A field counts as a neighbour that is always up. Couplings to the same spin add up, and go where they cancel, so that
/// others have few neighbours in turn: trees are solved on the way, and of a random graph with a mean of two neighbours
/// a seventh of the spins is left. Where couplings are multiples of a unit, those of the rest are multiples of half of
/// it: a spin with three neighbours whose triangle would have quarters stays.
///
/// Such reductions are known from maximum cuts (D. Ferizovic et al., ALENEX 2020, arXiv 1905.10902).
///
/// ```
/// use smml_physics::{ising::Ising, search::Peeling};
/// // A frustrated square with a tail; no spin is left to decide but one.
/// let edges = [(0, 1, 1.0), (1, 2, 1.0), (2, 3, 1.0), (3, 0, -1.0), (3, 4, -2.0)];
/// let peeling = Peeling::new(&Ising::new(5, &edges, vec![0.0; 5])?)?;
/// assert_eq!(peeling.model().n_spins(), 1);
/// assert_eq!(peeling.constant(), -4.0);
/// assert_eq!(peeling.widen(&[1])?.len(), 5);
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Peeling {
    n_spins: usize,
    /// In the order in which they were taken off.
    peels: Vec<Peel>,
    kept: Vec<u32>,
    model: Ising,
    constant: f64,
}

impl Peeling {
    /// Takes off what can be taken off, the spin with the fewest neighbours first, of those the first one; the last spin
    /// stays, and models with more than 32 couplings for each spin stay as they are.
    ///
    /// Errors: couplings whose sum overflows.
    pub fn new(ising: &Ising) -> Result<Self> {
        let n = ising.n_spins();
        let ghost = n as u32;
        let few = |i: usize| ising.couplings().neighbours(i).0.len() <= MOST_NEIGHBOURS;
        if !(0..n).any(few) || ising.couplings().n_edges() > MOST_PER_SPIN * n {
            return Ok(Peeling::none(ising));
        }
        let mut graph = Graph::new(ising);
        let mut queue: BinaryHeap<Reverse<(usize, u32)>> = BinaryHeap::new();
        let offer = |queue: &mut BinaryHeap<_>, graph: &Graph, spin: u32| {
            if spin != ghost && graph.degree(spin) <= MOST_NEIGHBOURS {
                queue.push(Reverse((graph.degree(spin), spin)));
            }
        };
        (0..ghost).for_each(|spin| offer(&mut queue, &graph, spin));
        let (mut peels, mut constant) = (Vec::new(), 0.0);
        let mut is_off = vec![false; n];
        while let Some(Reverse((degree, spin))) = queue.pop() {
            let at = spin as usize;
            // What was queued may have other neighbours by now: it is then queued again.
            if is_off[at] || graph.degree(spin) != degree || peels.len() + 1 == n {
                continue;
            }
            let couplings = graph.couplings(spin);
            let Some((pairs, energy)) = graph.left_by(&couplings) else { continue };
            graph.take_off(spin);
            for (a, b, w) in pairs {
                graph.add(a, b, w);
            }
            is_off[at] = true;
            constant += energy;
            couplings.iter().for_each(|(j, _)| offer(&mut queue, &graph, *j));
            peels.push(Peel { spin, couplings });
        }
        let kept: Vec<u32> = (0..ghost).filter(|i| !is_off[*i as usize]).collect();
        let mut place = vec![0; n];
        kept.iter().zip(0..).for_each(|(i, k)| place[*i as usize] = k);
        let fields = kept.iter().map(|i| graph.fields[*i as usize]).collect();
        let mut edges = Vec::new();
        for i in &kept {
            let row = graph.neighbours[*i as usize].iter().filter(|(j, _)| i < j);
            edges.extend(row.map(|(j, w)| (place[*i as usize], place[*j as usize], *w)));
        }
        if !f64::is_finite(constant) {
            return Err(Error::out_of_range("sum of couplings", constant, "a finite number"));
        }
        let model = Ising::new(kept.len(), &edges, fields)?;
        Ok(Peeling { n_spins: n, peels, kept, model, constant })
    }

    /// Nothing taken off.
    pub fn none(ising: &Ising) -> Self {
        let n = ising.n_spins();
        let kept = (0..n as u32).collect();
        Peeling { n_spins: n, peels: Vec::new(), kept, model: ising.clone(), constant: 0.0 }
    }

    /// The model of the spins that are left.
    pub fn model(&self) -> &Ising {
        &self.model
    }
    /// What the lowest energy has beyond that of the rest: E of the whole is E of the rest plus this, if the spins taken
    /// off are as [`Peeling::widen`] puts them.
    pub fn constant(&self) -> f64 {
        self.constant
    }
    /// Number of spins of the model before.
    pub fn n_spins(&self) -> usize {
        self.n_spins
    }
    /// The spins that are left, of a state of all.
    ///
    /// Errors: another number of spins.
    pub fn narrow(&self, state: &[i8]) -> Result<Vec<i8>> {
        same_length("state to peel", state.len(), self.n_spins)?;
        Ok(self.kept.iter().map(|i| state[*i as usize]).collect())
    }
    /// The state of all spins of lowest energy that has these values where spins are left; up where both are as low.
    ///
    /// Errors: another number of spins.
    pub fn widen(&self, rest: &[i8]) -> Result<Vec<i8>> {
        same_length("state of the spins that are left", rest.len(), self.kept.len())?;
        // The last one is the ghost.
        let mut state = vec![1; self.n_spins + 1];
        self.kept.iter().zip(rest).for_each(|(i, s)| state[*i as usize] = *s);
        for peel in self.peels.iter().rev() {
            let field: f64 = peel.couplings.iter().map(|(j, w)| w * f64::from(state[*j as usize])).sum();
            state[peel.spin as usize] = if field < 0.0 { -1 } else { 1 };
        }
        state.truncate(self.n_spins);
        Ok(state)
    }
}

/// Couplings between pairs of neighbours, and an energy that does not depend on them.
type Left = (Vec<(u32, u32, f64)>, f64);

/// Couplings that change. A field is the coupling to a ghost, whose number is that of the spins.
struct Graph {
    neighbours: Vec<BTreeMap<u32, f64>>,
    fields: Vec<f64>,
    /// Where couplings must stay multiples of half a unit: that half.
    half: Option<f64>,
    /// Whether spins of three neighbours are taken off.
    three: bool,
}

impl Graph {
    fn new(ising: &Ising) -> Self {
        let n = ising.n_spins();
        let mut neighbours = vec![BTreeMap::new(); n];
        let mut values: Vec<f64> = ising.fields().to_vec();
        for (i, j, w) in ising.couplings().edges().filter(|e| e.2 != 0.0) {
            neighbours[i as usize].insert(j, w);
            neighbours[j as usize].insert(i, w);
            values.push(w);
        }
        let largest = values.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        let unit = unit_of(&values);
        let three = unit.is_none_or(|unit| largest <= MOST_HALVED * unit);
        Graph { neighbours, fields: ising.fields().to_vec(), half: unit.map(|unit| unit / 2.0), three }
    }
    fn degree(&self, spin: u32) -> usize {
        self.neighbours[spin as usize].len() + usize::from(self.fields[spin as usize] != 0.0)
    }
    /// The couplings of a spin, the one to the ghost among them.
    fn couplings(&self, spin: u32) -> Vec<(u32, f64)> {
        let field = Some(self.fields[spin as usize]).filter(|h| *h != 0.0);
        let ghost = field.map(|h| (self.fields.len() as u32, h));
        self.neighbours[spin as usize].iter().map(|(j, w)| (*j, *w)).chain(ghost).collect()
    }

    /// What a spin with these couplings leaves when it is taken off; `None` where it must stay.
    fn left_by(&self, couplings: &[(u32, f64)]) -> Option<Left> {
        Some(match *couplings {
            [] => (vec![], 0.0),
            [(_, x)] => (vec![], -x.abs()),
            [(a, x), (b, y)] => {
                let least = x.abs().min(y.abs());
                (vec![(a, b, least.copysign(x * y.signum()))], -x.abs().max(y.abs()))
            }
            [(a, x), (b, y), (c, z)] if self.three => {
                let [all, ab, ac, bc] =
                    [(x + y + z).abs(), (x + y - z).abs(), (x - y + z).abs(), (y + z - x).abs()];
                let pairs = [
                    (a, b, (all + ab - ac - bc) / 4.0),
                    (a, c, (all + ac - ab - bc) / 4.0),
                    (b, c, (all + bc - ab - ac) / 4.0),
                ];
                // What is rounding is no coupling.
                let none = ROUNDING * (x.abs() + y.abs() + z.abs());
                let pairs = pairs.map(|(a, b, w)| (a, b, if w.abs() <= none { 0.0 } else { w }));
                // Multiples of the half, or nothing.
                if let Some(half) = self.half {
                    let whole = |w: f64| (w / half - (w / half).round()).abs() < 1e-6;
                    if !pairs.iter().all(|p| whole(p.2)) {
                        return None;
                    }
                }
                (pairs.into(), -(all + ab + ac + bc) / 4.0)
            }
            _ => return None,
        })
    }

    fn take_off(&mut self, spin: u32) {
        for (j, _) in std::mem::take(&mut self.neighbours[spin as usize]) {
            self.neighbours[j as usize].remove(&spin);
        }
        self.fields[spin as usize] = 0.0;
    }

    /// Adds to a coupling; one that comes to nothing goes.
    fn add(&mut self, a: u32, b: u32, w: f64) {
        // Sums that cancel may be off by rounding.
        let sum = |old: f64| {
            let rounding = self.half.map_or(ROUNDING * (old.abs() + w.abs()), |half| 1e-6 * half);
            if (old + w).abs() <= rounding { 0.0 } else { old + w }
        };
        if b as usize == self.fields.len() {
            self.fields[a as usize] = sum(self.fields[a as usize]);
            return;
        }
        let w = sum(self.neighbours[a as usize].get(&b).copied().unwrap_or(0.0));
        for (i, j) in [(a, b), (b, a)] {
            if w == 0.0 {
                self.neighbours[i as usize].remove(&j);
            } else {
                self.neighbours[i as usize].insert(j, w);
            }
        }
    }
}
