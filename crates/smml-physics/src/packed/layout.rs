//! Which spin is which bit.
//!
//! A site (z, y, x) has colour (z + y + x) mod 2; its neighbours have the other one. The spins of one colour in a row are
//! n = columns/2 consecutive bits, site x = 2j + ((z + y + colour) mod 2) being bit j. Long rows take several words.
//! Several short rows share a word: the rows of a layer are cut into k bands of equal, even height, and word h holds row
//! h of each band, so that the row above is simply the word before (and the band before, for the first).

use serde::{Deserialize, Serialize};
use smml_core::{
    energy::{Energy, Reference},
    error::{Error, Result, finite},
    rng::Draw,
};

/// Words of one piece of work of the inner loop: four vectors of 512 bits.
pub(super) const GROUP: usize = 32;

/// The model: a square lattice (one layer) or a simple cubic one, periodic, with coupling J.
///
/// ```
/// use smml_core::{chain::Chain, energy::{Energy, Reference}, rng::Streams};
/// use smml_physics::packed::{PackedLattice, PackedSweep};
/// let lattice = PackedLattice::square(64, 64, 1.0)?;
/// let mut rng = Streams::new(1).stream("start", 0);
/// let mut chain = Chain::new(PackedSweep::metropolis(10), lattice.draw(&mut rng), rng);
/// chain.advance(&lattice, 0.3, 100); // 1,000 sweeps
/// assert!(lattice.energy(&chain.state) < 0.0);
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawLattice", into = "RawLattice")]
pub struct PackedLattice {
    layers: usize,
    rows: usize,
    columns: usize,
    coupling: f64,
    /// Bands of rows in one word.
    pub(super) bands: usize,
    /// Bits of one row of one colour.
    pub(super) bits: usize,
    /// Words of one row of all bands.
    pub(super) width: usize,
    /// Rows of one band.
    pub(super) height: usize,
    /// Words of one layer of one colour, padded to whole groups.
    pub(super) words: usize,
}

#[derive(Serialize, Deserialize)]
struct RawLattice {
    layers: usize,
    rows: usize,
    columns: usize,
    coupling: f64,
}

impl TryFrom<RawLattice> for PackedLattice {
    type Error = Error;
    fn try_from(raw: RawLattice) -> Result<Self> {
        if raw.layers == 1 {
            PackedLattice::square(raw.rows, raw.columns, raw.coupling)
        } else {
            PackedLattice::cubic(raw.layers, raw.rows, raw.columns, raw.coupling)
        }
    }
}

impl From<PackedLattice> for RawLattice {
    fn from(l: PackedLattice) -> Self {
        RawLattice { layers: l.layers, rows: l.rows, columns: l.columns, coupling: l.coupling }
    }
}

/// Sites of the largest lattice.
const MOST_SITES: usize = 1 << 36;

impl PackedLattice {
    /// A square lattice. Errors: sides that are odd or below 4, more than 2³⁶ sites, a coupling that is not finite.
    pub fn square(rows: usize, columns: usize, coupling: f64) -> Result<Self> {
        Self::new(1, rows, columns, coupling)
    }
    /// A simple cubic lattice. Errors as for [`PackedLattice::square`].
    pub fn cubic(layers: usize, rows: usize, columns: usize, coupling: f64) -> Result<Self> {
        check_side("layers", layers)?;
        Self::new(layers, rows, columns, coupling)
    }
    fn new(layers: usize, rows: usize, columns: usize, coupling: f64) -> Result<Self> {
        check_side("rows", rows)?;
        check_side("columns", columns)?;
        finite("coupling", coupling)?;
        let sites = layers.checked_mul(rows).and_then(|n| n.checked_mul(columns));
        if sites.is_none_or(|n| n > MOST_SITES) {
            let shape = format!("{layers} x {rows} x {columns}");
            return Err(Error::out_of_range("number of sites", shape, format!("at most {MOST_SITES}")));
        }
        let bits = columns / 2;
        // As many bands as fit into a word, where they have the same even number of rows each.
        let fits = |k: usize| k * bits <= 64 && rows.is_multiple_of(2 * k);
        let bands = (1..=64 / bits.min(64)).rev().find(|k| fits(*k)).unwrap_or(1);
        let (width, height) = ((bands * bits).div_ceil(64), rows / bands);
        let words = (width * height).next_multiple_of(GROUP);
        Ok(PackedLattice { layers, rows, columns, coupling, bands, bits, width, height, words })
    }

    /// Layers (1 on a square lattice), rows and columns.
    pub fn shape(&self) -> [usize; 3] {
        [self.layers, self.rows, self.columns]
    }
    /// Number of spins.
    pub fn n_spins(&self) -> usize {
        self.layers * self.rows * self.columns
    }
    /// The coupling J.
    pub fn coupling(&self) -> f64 {
        self.coupling
    }
    /// Neighbours of a site: 4 on a square lattice, 6 on a cubic one.
    pub fn coordination(&self) -> usize {
        if self.layers == 1 { 4 } else { 6 }
    }

    /// Word within the layer, and bit, of a site; and its colour.
    #[inline]
    fn place(&self, z: usize, y: usize, x: usize) -> (usize, usize, u32) {
        let colour = (z + y + x) & 1;
        let bit = (y / self.height) * self.bits + x / 2;
        (colour, (y % self.height) * self.width + bit / 64, (bit % 64) as u32)
    }
    /// The bits of word `w` of a layer that are spins.
    pub(super) fn valid(&self, w: usize) -> u64 {
        if w >= self.width * self.height {
            return 0;
        }
        let left = self.bands * self.bits - 64 * (w % self.width);
        if left >= 64 { u64::MAX } else { (1 << left) - 1 }
    }
    /// Whether every bit of every word is a spin.
    pub(super) fn is_full(&self) -> bool {
        self.bands * self.bits == 64 * self.width && self.words == self.width * self.height
    }
    /// Words of one colour.
    pub(super) fn plane(&self) -> usize {
        self.layers * self.words
    }

    /// Spins from signs in the order of sites (z, y, x). Errors: another number of them, or values other than ±1.
    pub fn pack(&self, spins: &[i8]) -> Result<PackedSpins> {
        smml_core::error::same_length("spins", spins.len(), self.n_spins())?;
        if let Some(i) = spins.iter().position(|s| !matches!(s, -1 | 1)) {
            return Err(Error::out_of_range(format!("spin {i}"), spins[i], "-1 or 1"));
        }
        let mut packed = self.uniform(-1);
        let mut sites = spins.iter();
        for z in 0..self.layers {
            for y in 0..self.rows {
                for (x, s) in (0..self.columns).zip(&mut sites) {
                    let (colour, word, bit) = self.place(z, y, x);
                    packed.planes[colour][z * self.words + word] |= u64::from(*s > 0) << bit;
                }
            }
        }
        Ok(packed)
    }
    /// All spins up (`sign` > 0) or down.
    pub fn uniform(&self, sign: i8) -> PackedSpins {
        let layer = (0..self.words).map(|w| if sign > 0 { self.valid(w) } else { 0 });
        let plane: Vec<u64> = layer.cycle().take(self.plane()).collect();
        PackedSpins { shape: self.shape(), planes: [plane.clone(), plane] }
    }
    /// Signs of the spins in the order of sites.
    pub fn unpack(&self, spins: &PackedSpins) -> Vec<i8> {
        let mut out = Vec::with_capacity(self.n_spins());
        for z in 0..self.layers {
            for y in 0..self.rows {
                for x in 0..self.columns {
                    let (colour, word, bit) = self.place(z, y, x);
                    let up = spins.planes[colour][z * self.words + word] >> bit & 1;
                    out.push(2 * up as i8 - 1);
                }
            }
        }
        out
    }
    /// Whether the state has the shape of this lattice.
    pub(super) fn owns(&self, spins: &PackedSpins) -> bool {
        spins.shape == self.shape()
    }
    /// Σ sᵢ.
    pub fn magnetisation(&self, spins: &PackedSpins) -> i64 {
        let up: u64 = spins.planes.iter().flatten().map(|w| u64::from(w.count_ones())).sum();
        2 * up as i64 - self.n_spins() as i64
    }
    /// Σ sᵢ sⱼ over nearest neighbours.
    pub fn bond_sum(&self, spins: &PackedSpins) -> i64 {
        // Every bond joins the colours, so it is seen once from those of colour 0.
        let mut around = Around::new(self);
        let mut unlike = 0u64;
        for z in 0..self.layers {
            around.look(self, &spins.planes[1], z, 0);
            let own = &spins.planes[0][z * self.words..][..self.words];
            for neighbours in around.slices(self, &spins.planes[1], z).into_iter().flatten() {
                let bonds = own.iter().zip(neighbours).take(self.width * self.height);
                unlike += bonds.map(|(a, b)| u64::from((a ^ b).count_ones())).sum::<u64>();
            }
        }
        let bonds = self.n_spins() as i64 * self.coordination() as i64 / 2;
        bonds - 2 * unlike as i64
    }
}

fn check_side(name: &str, side: usize) -> Result<()> {
    if side >= 4 && side.is_multiple_of(2) {
        Ok(())
    } else {
        Err(Error::out_of_range(name, side, "even, at least 4"))
    }
}

/// Spins as bits, 1 for up, the two colours apart. Bits that are no spins are 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawSpins")]
pub struct PackedSpins {
    /// Of the lattice: layers, rows, columns.
    pub(super) shape: [usize; 3],
    pub(super) planes: [Vec<u64>; 2],
}

#[derive(Deserialize)]
struct RawSpins {
    shape: [usize; 3],
    planes: [Vec<u64>; 2],
}

impl TryFrom<RawSpins> for PackedSpins {
    type Error = Error;
    fn try_from(RawSpins { shape, planes }: RawSpins) -> Result<Self> {
        let [layers, rows, columns] = shape;
        let lattice = PackedLattice::try_from(RawLattice { layers, rows, columns, coupling: 1.0 })?;
        for plane in &planes {
            smml_core::error::same_length("words of one colour", plane.len(), lattice.plane())?;
            for (w, word) in plane.iter().enumerate() {
                if word & !lattice.valid(w % lattice.words) != 0 {
                    let value = format!("{word:#x}");
                    return Err(Error::out_of_range(format!("word {w}"), value, "bits of spins only"));
                }
            }
        }
        Ok(PackedSpins { shape, planes })
    }
}

impl Energy for PackedLattice {
    type State = PackedSpins;
    /// NaN for a state of another lattice.
    fn energy(&self, s: &PackedSpins) -> f64 {
        if self.owns(s) { -self.coupling * self.bond_sum(s) as f64 } else { f64::NAN }
    }
}

impl Reference for PackedLattice {
    fn draw<R: Draw>(&self, rng: &mut R) -> PackedSpins {
        let mut s = self.uniform(1);
        s.planes.iter_mut().flatten().filter(|w| **w != 0).for_each(|w| *w &= rng.word());
        s
    }
    fn ln_z_reference(&self) -> f64 {
        self.n_spins() as f64 * std::f64::consts::LN_2
    }
}

/// The words of one layer of the other colour beside those of a colour: above, below and to the side.
pub(super) struct Around {
    /// The layer between a row above it and one below.
    rows: Vec<u64>,
    /// The neighbour to the side that is not at the same bit.
    side: Vec<u64>,
}

impl Around {
    pub(super) fn new(lattice: &PackedLattice) -> Self {
        Around { rows: vec![0; lattice.words + 2 * lattice.width], side: vec![0; lattice.words] }
    }

    /// Looks at layer `z` of `other`, the colour that is not `colour`.
    pub(super) fn look(&mut self, l: &PackedLattice, other: &[u64], z: usize, colour: usize) {
        let layer = &other[z * l.words..][..l.words];
        let (width, used) = (l.width, l.width * l.height);
        self.rows[width..width + l.words].copy_from_slice(layer);
        let segments = l.bands * l.bits;
        if l.bands == 1 {
            self.rows[..width].copy_from_slice(&layer[used - width..used]);
            self.rows[used + width..used + 2 * width].copy_from_slice(&layer[..width]);
        } else {
            // The row above the first of a band is the last of the band before.
            let all = l.valid(0);
            let (last, first) = (layer[used - 1], layer[0]);
            self.rows[0] = (last << l.bits | last >> (segments - l.bits)) & all;
            self.rows[used + 1] = (first >> l.bits | first << (segments - l.bits)) & all;
        }
        // On rows where the sites of `colour` are the even ones, their other neighbours are one bit lower.
        let offset = (z + colour) & 1;
        if width == 1 {
            let all = l.valid(0);
            let lowest = (0..l.bands).map(|b| 1u64 << (b * l.bits)).sum::<u64>();
            let (highest, last) = (lowest << (l.bits - 1), l.bits - 1);
            for (h, (to, from)) in self.side.iter_mut().zip(layer).enumerate() {
                let from_lower = (from << 1 & !lowest & all) | (from >> last & lowest);
                let from_higher = (from >> 1 & !highest) | (from << last & highest);
                let odd = u64::MAX * ((h + offset) & 1) as u64;
                *to = (from_lower & !odd) | (from_higher & odd);
            }
            return;
        }
        let top = (l.bits - 1) % 64;
        for h in 0..l.height {
            let (from, to) = (&layer[h * width..][..width], &mut self.side[h * width..][..width]);
            let odd = (h + offset) & 1 == 1;
            if odd {
                for k in 0..width - 1 {
                    to[k] = from[k] >> 1 | from[k + 1] << 63;
                }
                to[width - 1] = from[width - 1] >> 1 | (from[0] & 1) << top;
            } else {
                to[0] = from[0] << 1 | from[width - 1] >> top;
                for k in 1..width {
                    to[k] = from[k] << 1 | from[k - 1] >> 63;
                }
                if top < 63 {
                    to[width - 1] &= (2 << top) - 1;
                }
            }
        }
    }

    /// The words beside those of layer `z`: as many slices as a site has neighbours.
    pub(super) fn slices<'a>(
        &'a self,
        l: &PackedLattice,
        other: &'a [u64],
        z: usize,
    ) -> [Option<&'a [u64]>; 6] {
        let (n, w) = (l.words, l.width);
        let layer = |z: usize| &other[z % l.layers * n..][..n];
        let cubic = |z: usize| if l.layers > 1 { Some(layer(z)) } else { None };
        [
            Some(&self.rows[..n]),
            Some(&self.rows[2 * w..2 * w + n]),
            Some(&self.rows[w..w + n]),
            Some(&self.side),
            cubic(z + 1),
            cubic(z + l.layers - 1),
        ]
    }
}
