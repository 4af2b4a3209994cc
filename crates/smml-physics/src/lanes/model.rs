//! The graph as the inner loop wants it: for every spin the lines that vote for "up", each as often as its coupling has
//! bits, and an order in which four spins that follow each other are not coupled.

use crate::ising::Ising;
use smml_core::{
    energy::Energy,
    error::{Error, Result},
    graph::Colouring,
};

use super::{real::free_spins, spins::LaneSpins, tiles::Tiles};

/// Spins of one step of the inner loop.
pub(super) const GROUP: usize = 4;
/// Largest sum of couplings and field of a spin, in units: what the adders can hold.
const MOST_VOTES: u64 = (1 << 24) - 1;
/// Largest coupling in units.
const MOST_UNITS: f64 = 65_535.0;

/// Couplings of one spin that have one bit in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    /// The bit: its votes count 2^bit.
    pub(super) bit: u32,
    /// Where its lines begin and end: a multiple of four.
    pub(super) lines: [u32; 2],
}

/// What belongs to one spin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Site {
    /// The spin; `u32::MAX` fills a group that is not full.
    pub(super) spin: u32,
    /// Its segments.
    pub(super) segments: [u32; 2],
    /// The lines of all of them.
    pub(super) lines: [u32; 2],
    /// Σ|J| + |h| in units.
    pub(super) votes: u32,
}

/// An Ising model with integer couplings for 512 replicas at a time.
///
/// ```
/// use smml_core::rng::Streams;
/// use smml_physics::{ising::{Boundary, SquareLattice}, lanes::{LaneBetas, LaneModel, LaneSweep}};
/// let glass = SquareLattice::with_couplings(8, 8, Boundary::Periodic, |i, j| if (i * j) % 3 == 0 { -1.0 } else { 1.0 }, |_| 0.0)?;
/// let model = LaneModel::new(&glass.ising()?)?;
/// let mut rng = Streams::new(1).stream("anneal", 0);
/// let mut spins = model.random(&mut rng);
/// for k in 0..200 {
///     LaneSweep::default().sweep(&model, &mut spins, &LaneBetas::Same(0.015 * f64::from(k)), &mut rng)?;
/// }
/// let energies = model.energies(&spins);
/// assert_eq!(energies.len(), 512);
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct LaneModel {
    n_spins: usize,
    unit: f64,
    /// Energy of a bond or field counted as satisfied, over all of them.
    satisfied: f64,
    /// Bits of the largest number of votes.
    pub(super) planes: u32,
    /// Whether every coupling and field is one unit.
    pub(super) is_unit: bool,
    pub(super) sites: Vec<Site>,
    /// Where the sites of each colour begin and end.
    pub(super) classes: Vec<[usize; 2]>,
    /// Of each colour the sites, counted from its first, by the numbers of their spins; those without a spin last.
    pub(super) by_spin: Vec<u32>,
    /// Spins without couplings and fields.
    pub(super) free: Vec<u32>,
    pub(super) segments: Vec<Segment>,
    pub(super) lines: Vec<u32>,
    /// The same lines in tiles, where there are so many that the nearest cache does not hold them.
    pub(super) tiles: Option<Tiles>,
    /// Bonds and fields once each, for energies: two lines that differ where it is not satisfied, and its units.
    pub(super) bonds: Vec<(u32, u32, u32)>,
}

/// The largest u of which all values are multiples (to 10⁻⁹ of themselves), with at most [`MOST_UNITS`] units each.
pub(crate) fn unit_of(values: &[f64]) -> Option<f64> {
    let close = |x: f64| (x - x.round()).abs() <= 1e-9 * x.abs().max(1.0);
    let smallest = values.iter().filter(|v| **v != 0.0).fold(f64::INFINITY, |m, v| m.min(v.abs()));
    if !smallest.is_finite() {
        return Some(1.0);
    }
    // Euclid's algorithm on real numbers, with an end.
    let floor = values.iter().fold(0.0f64, |m, v| m.max(v.abs())) / MOST_UNITS * (1.0 - 1e-9);
    let mut unit = smallest;
    for value in values {
        let (mut a, mut b) = (value.abs(), unit);
        while b >= floor && b > 0.0 && !close(a / b) {
            (a, b) = (b, a % b);
        }
        if !(b >= floor && b > 0.0) {
            return None;
        }
        unit = b;
    }
    values.iter().all(|v| close(v / unit) && (v / unit).abs() <= MOST_UNITS + 0.5).then_some(unit)
}

impl LaneModel {
    /// Compiles a model.
    ///
    /// Errors: couplings and fields that are not multiples of one unit (to a relative 10⁻⁹), the largest being at most
    /// 65,535 units; a spin whose couplings sum to 2²⁴ units or more.
    pub fn new(ising: &Ising) -> Result<Self> {
        let graph = ising.couplings();
        let couplings = graph.edges().map(|(_, _, w)| w);
        let all: Vec<f64> = couplings.chain(ising.fields().iter().copied()).collect();
        let Some(unit) = unit_of(&all) else {
            return Err(Error::Undefined {
                what: "the unit of the couplings".into(),
                why: format!(
                    "couplings and fields are not multiples of one number, {MOST_UNITS} of it at most"
                ),
            });
        };
        let units = |x: f64| (x / unit).round() as i64;
        let n = ising.n_spins();
        let up = 2 * n as u32; // the line of a spin that is always up; the next one is its complement
        let mut model = LaneModel {
            n_spins: n,
            unit,
            satisfied: 0.0,
            planes: 0,
            is_unit: true,
            sites: Vec::with_capacity(n),
            classes: Vec::new(),
            by_spin: Vec::with_capacity(n),
            free: free_spins(ising, |x| (x / unit).round()),
            segments: Vec::new(),
            lines: Vec::new(),
            tiles: None,
            bonds: Vec::new(),
        };
        for (i, j, w) in graph.edges() {
            model.bond(2 * i, 2 * j, units(w));
        }
        for (i, h) in ising.fields().iter().enumerate() {
            model.bond(2 * i as u32, up, units(*h));
        }
        // Spins of one colour are not coupled; groups never mix colours.
        for class in Colouring::dsatur(graph).classes() {
            // Spins with equal numbers of votes side by side: their tests are alike.
            let mut class = class.to_vec();
            let all = |i: u32| {
                let bonds = graph.neighbours(i as usize).1.iter().map(|w| units(*w).unsigned_abs());
                bonds.sum::<u64>() + units(ising.fields()[i as usize]).unsigned_abs()
            };
            class.sort_by_cached_key(|i| (all(*i) % 2, all(*i)));
            let first = model.sites.len();
            for four in class.chunks(GROUP) {
                for &i in four {
                    let (neighbours, weights) = graph.neighbours(i as usize);
                    let bonds = neighbours.iter().map(|j| 2 * j).zip(weights.iter().copied());
                    let votes: Vec<(u32, i64)> = bonds
                        .chain([(up, ising.fields()[i as usize])])
                        .map(|(line, w)| (line, units(w)))
                        .filter(|(_, w)| *w != 0)
                        .collect();
                    model.site(i, &votes, up + 1)?;
                }
                for _ in four.len()..GROUP {
                    let end = model.segments.len() as u32;
                    model.sites.push(Site { spin: u32::MAX, segments: [end, end], lines: [0, 0], votes: 0 });
                }
            }
            model.classes.push([first, model.sites.len()]);
            let mut by_spin: Vec<u32> = (0..(model.sites.len() - first) as u32).collect();
            by_spin.sort_unstable_by_key(|i| model.sites[first + *i as usize].spin);
            model.by_spin.extend(by_spin);
        }
        let most = model.sites.iter().map(|s| s.votes).max().unwrap_or(0);
        model.planes = (32 - most.leading_zeros()).max(1);
        model.tiles = Tiles::new(&model);
        Ok(model)
    }

    fn bond(&mut self, a: u32, b: u32, units: i64) {
        if units != 0 {
            self.satisfied -= units.unsigned_abs() as f64;
            // The complement of a line where the coupling is negative.
            self.bonds.push((a, b + u32::from(units < 0), units.unsigned_abs() as u32));
        }
    }

    /// A spin with its votes (line of a neighbour, coupling in units).
    fn site(&mut self, spin: u32, votes: &[(u32, i64)], zeros: u32) -> Result<()> {
        let total: u64 = votes.iter().map(|(_, w)| w.unsigned_abs()).sum();
        if total > MOST_VOTES {
            let allowed = format!("at most {MOST_VOTES}");
            return Err(Error::out_of_range(format!("couplings of spin {spin} in units"), total, allowed));
        }
        let (begin, first) = (self.segments.len() as u32, self.lines.len() as u32);
        for bit in 0..17 {
            let start = self.lines.len();
            let set = votes.iter().filter(|(_, w)| w.unsigned_abs() >> bit & 1 == 1);
            self.lines.extend(set.map(|(line, w)| line + u32::from(*w < 0)));
            if self.lines.len() == start {
                continue;
            }
            self.is_unit &= bit == 0;
            self.lines.resize(start + (self.lines.len() - start).next_multiple_of(4), zeros);
            let end = u32::try_from(self.lines.len()).map_err(|_| Error::TooLarge {
                what: "couplings of the model".into(),
                needed: self.lines.len().to_string(),
                limit: u32::MAX.to_string(),
            })?;
            self.segments.push(Segment { bit, lines: [start as u32, end] });
        }
        let segments = [begin, self.segments.len() as u32];
        self.sites.push(Site {
            spin,
            segments,
            lines: [first, self.lines.len() as u32],
            votes: total as u32,
        });
        Ok(())
    }

    /// Number of spins of one replica.
    pub fn n_spins(&self) -> usize {
        self.n_spins
    }
    /// The number of which couplings and fields are multiples.
    pub fn unit(&self) -> f64 {
        self.unit
    }
    /// Energy of every replica, in the units of the couplings.
    pub fn energies(&self, spins: &LaneSpins) -> Vec<f64> {
        spins.unsatisfied(self).iter().map(|u| self.unit * (self.satisfied + 2.0 * *u as f64)).collect()
    }
}

impl Energy for LaneModel {
    type State = LaneSpins;
    /// The sum over all replicas: they are independent, so this is the energy of their joint distribution. NaN for a
    /// state of another model.
    fn energy(&self, spins: &LaneSpins) -> f64 {
        if spins.n_spins() == self.n_spins { self.energies(spins).iter().sum() } else { f64::NAN }
    }
}

#[cfg(test)]
mod tests {
    use super::unit_of;

    #[test]
    fn units_are_found_or_refused() {
        for (values, unit) in [
            (&[1.0, -1.0, 1.0][..], Some(1.0)),
            (&[0.5, 0.25, -1.0], Some(0.25)),
            (&[6.0, 10.0, 15.0], Some(1.0)),
            (&[0.3, 0.1, 0.2], Some(0.1)),
            (&[0.0, 0.0], Some(1.0)),
            (&[0.0, 7.0], Some(7.0)),
            (&[1.0, std::f64::consts::SQRT_2], None),
            (&[1.0, 1e-6], None),
            (&[1.0, 65_535.0], Some(1.0)),
            (&[1e300, 2e300], Some(1e300)),
        ] {
            let found = unit_of(values);
            match (found, unit) {
                (Some(a), Some(b)) => assert!((a / b - 1.0).abs() < 1e-9, "{values:?}: {a}"),
                (a, b) => assert_eq!(a, b, "{values:?}"),
            }
        }
    }
}
