//! Couplings as the inner loops want them: rounded to integers, as sparse or dense rows.

use super::{
    super::decide::{Block, WIDTH},
    spins::{REAL_LANES, RealLaneSpins},
};
use crate::ising::Ising;
use smml_core::{
    energy::{Energy, Reference},
    error::{Error, Result},
    graph::SparseGraph,
    rng::Draw,
};

/// Bits of the largest local field; sums of so many bits, and a few units of rounding for each neighbour, are exact in
/// `f32`, which has 24.
const FIELD_BITS: i32 = 23;
/// Most neighbours of a spin: their rounding must not take the last bit.
const MOST_NEIGHBOURS: usize = 1 << 22;
/// Rows are dense where at least one coupling in so many is there: memory stays within a few times that of the graph.
const DENSE: usize = 4;

/// Couplings in units.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Rows {
    Sparse {
        offsets: Vec<usize>,
        entries: Vec<(u32, f32)>,
    },
    /// One row for every spin, `n_blocks` blocks long.
    Dense {
        blocks: Vec<Block>,
        n_blocks: usize,
    },
}

/// An Ising model with any couplings and fields for 64 replicas at a time.
///
/// ```
/// use smml_core::rng::{Draw, Streams};
/// use smml_physics::{ising::{Boundary, SquareLattice}, lanes::{LaneBetas, RealLaneModel, RealLaneSweep}};
/// let mut rng = Streams::new(1).stream("glass", 0);
/// let glass = SquareLattice::with_couplings(8, 8, Boundary::Periodic, |_, _| rng.normal(), |_| 0.0)?;
/// let model = RealLaneModel::new(&glass.ising()?)?;
/// let mut spins = model.random(&mut rng);
/// for k in 0..200 {
///     RealLaneSweep::metropolis().sweep(&model, &mut spins, &LaneBetas::Same(0.02 * f64::from(k)), &mut rng)?;
/// }
/// assert_eq!(model.energies(&spins).len(), 64);
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RealLaneModel {
    ising: Ising,
    unit: f64,
    pub(super) rows: Rows,
    /// Fields in units.
    pub(super) fields: Vec<f32>,
    /// Spins without couplings and fields.
    pub(super) free: Vec<u32>,
    /// A number that other models do not have: it tells whether cached fields are of this one.
    pub(super) key: u64,
}

/// The power of two of which couplings and fields are to be multiples: the smallest for which Σ|J| + |h| of every spin
/// is at most 2²³ of it. Sums of couplings are then exact in `f32`.
///
/// Errors: a spin with more than 2²² neighbours; fields so large or so small that their unit is no normal number.
pub(crate) fn rounding_unit(ising: &Ising) -> Result<f64> {
    let graph = ising.couplings();
    if graph.max_degree() > MOST_NEIGHBOURS {
        let allowed = format!("at most {MOST_NEIGHBOURS}");
        return Err(Error::out_of_range("neighbours of a spin", graph.max_degree(), allowed));
    }
    let row = |i: usize| graph.neighbours(i).1.iter().map(|w| w.abs()).sum::<f64>();
    let largest = (0..ising.n_spins()).map(|i| row(i) + ising.fields()[i].abs()).fold(0.0, f64::max);
    if largest == 0.0 {
        return Ok(1.0);
    }
    let (_, exponent) = libm::frexp(largest); // largest <= 2^exponent
    let unit = libm::ldexp(1.0, exponent - FIELD_BITS);
    if !(unit.is_normal() && largest.is_finite()) {
        let allowed = "such that 2^-23 of it is a normal number";
        return Err(Error::out_of_range("largest local field", largest, allowed));
    }
    Ok(unit)
}

/// Spins that are coupled to nothing, not even a field, once couplings are rounded to `units`. Every flip of such a spin costs
/// nothing, so that the Metropolis rule in a fixed order would flip it at every sweep and lead to half of the states only:
/// sweeps draw these spins at random.
pub(crate) fn free_spins(ising: &Ising, units: impl Fn(f64) -> f64) -> Vec<u32> {
    let graph = ising.couplings();
    let is_free =
        |i: usize| units(ising.fields()[i]) == 0.0 && graph.neighbours(i).1.iter().all(|w| units(*w) == 0.0);
    (0..ising.n_spins()).filter(|i| is_free(*i)).map(|i| i as u32).collect()
}

/// A number that models do not share (FNV-1a, a word at a time and turned): it tells whether cached fields are of this one.
pub(crate) fn key_of(ising: &Ising) -> u64 {
    let mix = |key: u64, word: u64| ((key ^ word).wrapping_mul(0x100_0000_01b3)).rotate_left(29);
    let key = ising.fields().iter().fold(0xcbf2_9ce4_8422_2325, |key, h| mix(key, h.to_bits()));
    ising
        .couplings()
        .edges()
        .fold(key, |key, (i, j, w)| mix(mix(key, u64::from(i) << 32 | u64::from(j)), w.to_bits()))
}

impl RealLaneModel {
    /// Compiles a model.
    ///
    /// Errors: a spin with more than 2²² neighbours; fields so large or so small that their unit is no normal number.
    pub fn new(ising: &Ising) -> Result<Self> {
        let graph = ising.couplings();
        let n = ising.n_spins();
        let unit = rounding_unit(ising)?;
        let units = |x: f64| libm::rint(x / unit) as f32;
        let n_blocks = n.div_ceil(WIDTH);
        let rows = if 2 * graph.n_edges() * DENSE >= n * n_blocks * WIDTH {
            let mut blocks = vec![Block::ZERO; n * n_blocks];
            for (i, j, w) in graph.edges() {
                for (i, j) in [(i as usize, j as usize), (j as usize, i as usize)] {
                    blocks[i * n_blocks + j / WIDTH].0[j % WIDTH] = units(w);
                }
            }
            Rows::Dense { blocks, n_blocks }
        } else {
            let mut offsets = vec![0];
            let mut entries = Vec::with_capacity(2 * graph.n_edges());
            for i in 0..n {
                let (to, weights) = graph.neighbours(i);
                let weights = weights.iter().map(|w| units(*w));
                entries.extend(to.iter().copied().zip(weights).filter(|(_, w)| *w != 0.0));
                offsets.push(entries.len());
            }
            Rows::Sparse { offsets, entries }
        };
        let fields = ising.fields().iter().map(|h| units(*h)).collect();
        let free = free_spins(ising, |x| f64::from(units(x)));
        let key = key_of(ising);
        Ok(RealLaneModel { ising: ising.clone(), unit, rows, fields, free, key })
    }
    /// Number of spins of one replica.
    pub fn n_spins(&self) -> usize {
        self.fields.len()
    }
    /// The power of two u of which couplings and fields are taken to be multiples: each is off by u/2 at most, the
    /// energy of a state by (number of couplings + number of fields) u/2 at most. max_i (Σⱼ|Jᵢⱼ| + |hᵢ|) lies between
    /// 2²² u and 2²³ u.
    pub fn unit(&self) -> f64 {
        self.unit
    }
    /// The model as given.
    pub fn ising(&self) -> &Ising {
        &self.ising
    }
    /// The model that is sampled: couplings and fields rounded to multiples of the unit.
    pub fn rounded(&self) -> Result<Ising> {
        let units = |x: f64| self.unit * libm::rint(x / self.unit);
        let couplings: SparseGraph = self.ising.couplings().map_weights(|_, _, w| units(w))?;
        Ising::on_graph(couplings, self.ising.fields().iter().map(|h| units(*h)).collect())
    }
    /// Energy of every replica, of the model as given.
    pub fn energies(&self, spins: &RealLaneSpins) -> Vec<f64> {
        (0..REAL_LANES).map(|r| self.ising.energy(&spins.replica(r))).collect()
    }
    /// Replicas whose spins are all random.
    pub fn random<R: Draw>(&self, rng: &mut R) -> RealLaneSpins {
        RealLaneSpins::from_words((0..self.n_spins()).map(|_| rng.word()).collect())
    }
}

impl Energy for RealLaneModel {
    type State = RealLaneSpins;
    /// The sum over all replicas: they are independent, so this is the energy of their joint distribution. NaN for a
    /// state of another model.
    fn energy(&self, spins: &RealLaneSpins) -> f64 {
        self.energies(spins).iter().sum()
    }
}

impl Reference for RealLaneModel {
    fn draw<R: Draw>(&self, rng: &mut R) -> RealLaneSpins {
        self.random(rng)
    }
    fn ln_z_reference(&self) -> f64 {
        REAL_LANES as f64 * self.ising.ln_z_reference()
    }
}
