//! The order of the spins, and the couplings in it.

use super::spins::OrderedSpins;
use crate::{
    ising::Ising,
    lanes::{decide::WIDTH, free_spins, key_of, rounding_unit, unit_of},
};
use smml_core::{
    energy::{Energy, Finite, Reference},
    error::{Error, Result},
    graph::Colouring,
    rng::Draw,
};
use std::sync::Arc;

/// A matrix of 16 bits is kept where one coupling in so many is there, of `f32` in half as many: memory is then a few times
/// that of the graph, and a row is changed as fast as the neighbours one by one.
const DENSE: usize = 12;
/// Bits are kept where a spin has on average so many neighbours for each 512 spins.
const NEIGHBOURS: usize = 10;
/// Largest sum of integers in `f32` that is exact, with room for a change of twice a coupling.
const MOST_UNITS: f64 = 8_388_608.0;

/// Numbers of 64 places, in whole cache lines.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(align(64))]
pub(super) struct Tile<T>(pub(super) [T; TILE]);

/// Places of a tile.
pub(super) const TILE: usize = 64;

/// The couplings, in units; rows by place.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Rows {
    /// Twice the couplings, which is what a flip changes.
    Sparse { offsets: Vec<usize>, entries: Vec<(u32, f32)> },
    /// The same where no spin has more than four or six neighbours: rows of four or six, filled up with nothing.
    Few { entries: Vec<(u32, f32)>, width: usize },
    /// Where all couplings are one unit.
    Bits(Bits),
    /// Twice the couplings.
    Words(Vec<Tile<i16>>),
    /// Twice the couplings.
    Reals(Vec<Tile<f32>>),
}

/// Couplings of one unit.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Bits {
    /// Row by row vectors of 512 places, set where the coupling is positive, then vectors set where it is negative; only
    /// those signs that there are. Last a row of zeros.
    pub(super) rows: Vec<[u64; 8]>,
    /// Vectors of one sign of a row.
    pub(super) n_vectors: usize,
    /// Whether there are positive and negative couplings.
    pub(super) signs: [bool; 2],
    /// Field less the number of neighbours, in units, by groups of places.
    pub(super) base: Vec<[f32; WIDTH]>,
    /// Bits of the largest number of neighbours.
    pub(super) planes: usize,
}

impl Bits {
    /// Where the vectors of a sign of a row begin, if there are couplings of that sign.
    #[inline(always)]
    pub(super) fn row(&self, place: usize, negative: bool) -> Option<usize> {
        let [positive, both] = [self.signs[0], self.signs[0] && self.signs[1]];
        let start = place * self.n_vectors * if both { 2 } else { 1 };
        let after = usize::from(negative && positive) * self.n_vectors;
        self.signs[usize::from(negative)].then_some(start + after)
    }
}

/// An Ising model in the order in which it is swept: the same energy.
///
/// ```
/// use smml_core::{chain::Chain, energy::Reference, rng::Streams};
/// use smml_physics::{ising::{Boundary, SquareLattice}, ordered::{OrderedIsing, OrderedSweep}};
/// let model = OrderedIsing::new(&SquareLattice::uniform(64, 64, Boundary::Periodic, 1.0, 0.0)?.ising()?)?;
/// let mut rng = Streams::new(1).stream("start", 0);
/// let mut chain = Chain::new(OrderedSweep::metropolis(), model.draw(&mut rng), rng);
/// chain.advance(&model, 0.3, 10);
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct OrderedIsing {
    ising: Ising,
    unit: f64,
    /// Whether no coupling was rounded.
    is_exact: bool,
    /// Place of every spin.
    pub(super) places: Arc<[u32]>,
    /// Of every group of sixteen places those that hold a spin.
    pub(super) filled: Vec<u16>,
    /// Whether spins of a group may be coupled.
    pub(super) is_coupled: bool,
    pub(super) rows: Rows,
    /// Fields by place, in units.
    pub(super) fields: Vec<f32>,
    /// Places of spins without couplings and fields.
    pub(super) free: Vec<u32>,
    /// A number that other models do not have: it tells whether cached fields are of this one.
    pub(super) key: u64,
}

/// Rows of tiles, symmetric.
fn matrix<T: Copy + Default>(
    n: usize,
    n_tiles: usize,
    edges: impl Iterator<Item = (usize, usize, f64)>,
    number: fn(f64) -> T,
) -> Vec<Tile<T>> {
    let mut rows = vec![Tile([T::default(); TILE]); n * n_tiles];
    for (i, j, w) in edges {
        for (i, j) in [(i, j), (j, i)] {
            rows[i * n_tiles + j / TILE].0[j % TILE] = number(w);
        }
    }
    rows
}

impl OrderedIsing {
    /// Finds an order. Memory is a few times that of the model.
    ///
    /// Errors: fields so large or so small that a unit of them is no normal number, more than 2³¹ spins.
    pub fn new(ising: &Ising) -> Result<Self> {
        let graph = ising.couplings();
        let n = ising.n_spins();
        if n > 1 << 31 {
            return Err(Error::out_of_range("number of spins", n, "at most 2^31"));
        }
        let row = |i: usize| graph.neighbours(i).1.iter().map(|w| w.abs()).sum::<f64>();
        let largest = (0..n).map(|i| row(i) + ising.fields()[i].abs()).fold(0.0, f64::max);
        let all: Vec<f64> = graph.edges().map(|e| e.2).chain(ising.fields().iter().copied()).collect();
        let whole = unit_of(&all).filter(|unit| largest / unit < MOST_UNITS && unit.is_normal());
        let unit = match whole {
            Some(unit) => unit,
            None => rounding_unit(ising)?,
        };
        let units = |x: f64| libm::rint(x / unit);

        // Colours where groups are at least half full, else the order of the numbers.
        let colouring = Colouring::dsatur(graph);
        let places_of = |sizes: &[usize]| sizes.iter().map(|s| s.next_multiple_of(WIDTH)).sum::<usize>();
        let sizes: Vec<usize> = colouring.classes().map(<[u32]>::len).collect();
        let is_coupled = places_of(&sizes) > 2 * n.next_multiple_of(WIDTH);
        let everything: Vec<u32> = (0..n as u32).collect();
        let classes: Vec<&[u32]> = if is_coupled { vec![&everything] } else { colouring.classes().collect() };
        let mut places = vec![0u32; n];
        let (mut filled, mut next) = (Vec::new(), 0);
        for class in classes {
            for group in class.chunks(WIDTH) {
                filled.push(u16::MAX >> (WIDTH - group.len()));
                group.iter().zip(next..).for_each(|(i, place)| places[*i as usize] = place);
                next += WIDTH as u32;
            }
        }

        let mut fields = vec![0.0; WIDTH * filled.len()];
        for (place, h) in places.iter().zip(ising.fields()) {
            fields[*place as usize] = units(*h) as f32;
        }
        // A row holds what a flip changes: 2 J. Sums may wrap on the way, never at the end.
        let most = graph.edges().fold(largest / unit, |m, e| m.max(2.0 * units(e.2).abs()));
        let (m, n_places) = (graph.n_edges(), fields.len());
        let at =
            |(i, j, w): (u32, u32, f64)| (places[i as usize] as usize, places[j as usize] as usize, units(w));
        let edges = || graph.edges().map(at);
        let n_vectors = n_places.div_ceil(512);
        let is_unit = edges().all(|(_, _, w)| w.abs() <= 1.0) && graph.max_degree() < 1 << 14;
        let n_tiles = n_places.div_ceil(TILE);
        let size = n * n_tiles * TILE;
        let rows = if is_unit && 2 * m >= NEIGHBOURS * n_vectors * n {
            let signs = [1.0, -1.0].map(|sign| edges().any(|(_, _, w)| w == sign));
            let mut bits = Bits { rows: Vec::new(), n_vectors, signs, base: Vec::new(), planes: 0 };
            let n_signs = signs.iter().filter(|s| **s).count();
            bits.rows = vec![[0; 8]; (n_places * n_signs + 1) * n_vectors];
            let mut degrees = vec![0.0f32; n_places];
            for (i, j, w) in edges().filter(|e| e.2 != 0.0) {
                for (i, j) in [(i, j), (j, i)] {
                    degrees[i] += 1.0;
                    if let Some(row) = bits.row(i, w < 0.0) {
                        bits.rows[row + j / 512][j / 64 % 8] |= 1 << (j % 64);
                    }
                }
            }
            let base: Vec<f32> = fields.iter().zip(&degrees).map(|(h, d)| h - d).collect();
            bits.base = base.as_chunks().0.to_vec();
            let most = degrees.iter().fold(0.0f32, |m, d| m.max(*d)) as u32;
            bits.planes = (32 - most.leading_zeros()).max(1) as usize;
            Rows::Bits(bits)
        } else if most <= f64::from(i16::MAX) && 2 * m * DENSE >= size {
            Rows::Words(matrix(n_places, n_tiles, edges(), |w| (2.0 * w) as i16))
        } else if 2 * m * DENSE / 2 >= size {
            Rows::Reals(matrix(n_places, n_tiles, edges(), |w| (2.0 * w) as f32))
        } else {
            let mut order: Vec<(usize, usize)> = places.iter().map(|p| *p as usize).zip(0..).collect();
            order.sort_unstable();
            let width = match graph.max_degree() {
                ..=4 => Some(4),
                5 | 6 => Some(6),
                _ => None,
            };
            let (mut offsets, mut entries) = (vec![0], Vec::with_capacity(2 * m));
            for (place, i) in order {
                offsets.resize(place + 1, entries.len());
                if let Some(width) = width {
                    entries.resize(place * width, (0, 0.0));
                }
                let (to, weights) = graph.neighbours(i);
                let pairs = to.iter().zip(weights).filter(|(_, w)| units(**w) != 0.0);
                entries.extend(pairs.map(|(j, w)| (places[*j as usize], 2.0 * units(*w) as f32)));
                offsets.push(entries.len());
            }
            offsets.resize(n_places + 1, entries.len());
            match width {
                Some(width) => {
                    entries.resize(n_places * width, (0, 0.0));
                    Rows::Few { entries, width }
                }
                None => Rows::Sparse { offsets, entries },
            }
        };
        let free = free_spins(ising, units).into_iter().map(|i| places[i as usize]).collect();
        Ok(OrderedIsing {
            free,
            key: key_of(ising),
            ising: ising.clone(),
            unit,
            is_exact: whole.is_some(),
            places: places.into(),
            filled,
            is_coupled,
            rows,
            fields,
        })
    }
    /// Number of spins.
    pub fn n_spins(&self) -> usize {
        self.places.len()
    }
    /// The number of which couplings and fields are taken to be multiples: one that fits them all (to a relative 10⁻⁹) where
    /// [`OrderedIsing::is_exact`], else a power of two, and each is off by half of it at most.
    pub fn unit(&self) -> f64 {
        self.unit
    }
    /// Whether couplings and fields are multiples of the unit as they were given.
    pub fn is_exact(&self) -> bool {
        self.is_exact
    }
    /// The model as given, whose energy is reported.
    pub fn ising(&self) -> &Ising {
        &self.ising
    }
    /// The model that is sampled: couplings and fields rounded to multiples of the unit.
    pub fn rounded(&self) -> Result<Ising> {
        let units = |x: f64| self.unit * libm::rint(x / self.unit);
        let couplings = self.ising.couplings().map_weights(|_, _, w| units(w))?;
        Ising::on_graph(couplings, self.ising.fields().iter().map(|h| units(*h)).collect())
    }
    /// The state of given spins. Errors: a wrong number of spins, or values other than ±1.
    pub fn at(&self, spins: Vec<i8>) -> Result<OrderedSpins> {
        smml_core::error::same_length("spins", spins.len(), self.n_spins())?;
        OrderedSpins::new(spins)
    }
}

impl Energy for OrderedIsing {
    type State = OrderedSpins;
    /// Of the model as given. NaN for a state of another model.
    fn energy(&self, s: &OrderedSpins) -> f64 {
        self.ising.energy(&s.spins())
    }
}

impl Reference for OrderedIsing {
    fn draw<R: Draw>(&self, rng: &mut R) -> OrderedSpins {
        OrderedSpins::of(self.ising.draw(rng))
    }
    fn ln_z_reference(&self) -> f64 {
        self.ising.ln_z_reference()
    }
}

impl Finite for OrderedIsing {
    fn n_states(&self) -> Option<usize> {
        self.ising.n_states()
    }
    fn state(&self, index: usize) -> OrderedSpins {
        OrderedSpins::of(self.ising.state(index))
    }
    fn index(&self, s: &OrderedSpins) -> usize {
        self.ising.index(&s.spins())
    }
}
