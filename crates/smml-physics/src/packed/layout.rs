//! Which spin is which bit.
//!
//! A site (z, y, x) has colour (z + y + x) mod 2; its neighbours have the other one. The spins of one colour in a row are
//! n = columns/2 consecutive bits, site x = 2j + ((z + y + colour) mod 2) being bit j. Long rows take several words.
//! Several short rows share a word: the rows of a layer are cut into k bands of equal, even height, and word h holds row
//! h of each band, so that the row above is simply the word before (and the band before, for the first).

use serde::{Deserialize, Serialize};
use smml_core::{
    energy::{Energy, LocalEnergy, Reference},
    error::{Error, Result, finite},
    rng::Draw,
    simd::AlignedWords,
    simd_paths,
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
    /// Words before and after those of a layer, in whole vectors: room for the row above the first and below the last.
    pub(super) margin: usize,
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
        let (words, margin) = ((width * height).next_multiple_of(GROUP), width.next_multiple_of(8));
        Ok(PackedLattice { layers, rows, columns, coupling, bands, bits, width, height, words, margin })
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
    /// Words of one layer of one colour with its margins.
    pub(super) fn stride(&self) -> usize {
        self.words + 2 * self.margin
    }
    /// The words of layer `z` in a plane, without margins.
    pub(super) fn layer<'a>(&self, plane: &'a [u64], z: usize) -> &'a [u64] {
        &plane[z * self.stride() + self.margin..][..self.words]
    }
    /// As [`PackedLattice::layer`].
    pub(super) fn layer_mut<'a>(&self, plane: &'a mut [u64], z: usize) -> &'a mut [u64] {
        let start = z * self.stride() + self.margin;
        &mut plane[start..][..self.words]
    }
    /// Clears the padding of every layer and makes its margins fresh.
    pub(super) fn clean(&self, plane: &mut [u64]) {
        for layer in plane.chunks_exact_mut(self.stride()) {
            layer[self.margin + self.width * self.height..].fill(0);
        }
        self.wrap(plane);
    }
    /// Writes the row above the first and the one below the last into the margins of every layer.
    pub(super) fn wrap(&self, plane: &mut [u64]) {
        let (w, used, segments) = (self.width, self.width * self.height, self.bands * self.bits);
        for layer in plane.chunks_exact_mut(self.stride()) {
            let first = self.margin;
            if self.bands == 1 {
                layer.copy_within(first + used - w..first + used, first - w);
                layer.copy_within(first..first + w, first + used);
            } else {
                // The row above the first of a band is the last of the band before.
                let all = self.valid(0);
                let (top, bottom) = (layer[first], layer[first + used - 1]);
                layer[first - 1] = (bottom << self.bits | bottom >> (segments - self.bits)) & all;
                layer[first + used] = (top >> self.bits | top << (segments - self.bits)) & all;
            }
        }
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
                    self.layer_mut(&mut packed.planes[colour], z)[word] |= u64::from(*s > 0) << bit;
                }
            }
        }
        packed.planes.iter_mut().for_each(|p| self.wrap(p));
        Ok(packed)
    }
    /// All spins up (`sign` > 0) or down.
    pub fn uniform(&self, sign: i8) -> PackedSpins {
        let mut plane = AlignedWords::zeros(self.layers * self.stride());
        if sign > 0 {
            for z in 0..self.layers {
                let words = self.layer_mut(&mut plane, z).iter_mut().enumerate();
                words.for_each(|(w, word)| *word = self.valid(w));
            }
            self.wrap(&mut plane);
        }
        PackedSpins { shape: self.shape(), planes: [plane.clone(), plane] }
    }
    /// Signs of the spins in the order of sites.
    pub fn unpack(&self, spins: &PackedSpins) -> Vec<i8> {
        let mut out = Vec::with_capacity(self.n_spins());
        for z in 0..self.layers {
            for y in 0..self.rows {
                for x in 0..self.columns {
                    let (colour, word, bit) = self.place(z, y, x);
                    let up = self.layer(&spins.planes[colour], z)[word] >> bit & 1;
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
        let mut up = 0u64;
        for plane in &spins.planes {
            for z in 0..self.layers {
                let words = &self.layer(plane, z)[..self.width * self.height];
                up += words.iter().map(|w| u64::from(w.count_ones())).sum::<u64>();
            }
        }
        2 * up as i64 - self.n_spins() as i64
    }
    /// Σ sᵢ sⱼ over nearest neighbours.
    pub fn bond_sum(&self, spins: &PackedSpins) -> i64 {
        // Every bond joins the colours, so it is seen once from those of colour 0.
        let mut around = Around::new(self);
        let mut unlike = 0u64;
        for z in 0..self.layers {
            around.look(self, &spins.planes[1], z, 0);
            let own = self.layer(&spins.planes[0], z);
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
    pub(super) planes: [AlignedWords; 2],
}

#[derive(Deserialize)]
struct RawSpins {
    shape: [usize; 3],
    planes: [AlignedWords; 2],
}

impl TryFrom<RawSpins> for PackedSpins {
    type Error = Error;
    fn try_from(RawSpins { shape, mut planes }: RawSpins) -> Result<Self> {
        let [layers, rows, columns] = shape;
        let lattice = PackedLattice::try_from(RawLattice { layers, rows, columns, coupling: 1.0 })?;
        for plane in &mut planes {
            let n = lattice.layers * lattice.stride();
            smml_core::error::same_length("words of one colour", plane.len(), n)?;
            for z in 0..layers {
                let words = &lattice.layer(plane, z)[..lattice.width * lattice.height];
                if let Some(w) = (0..words.len()).find(|w| words[*w] & !lattice.valid(*w) != 0) {
                    let value = format!("{:#x}", words[w]);
                    return Err(Error::out_of_range(format!("word {w}"), value, "bits of spins only"));
                }
            }
            // Margins and padding are made anew.
            let clean = lattice.uniform(-1).planes[0].clone();
            let old = std::mem::replace(plane, clean);
            for z in 0..layers {
                let used = lattice.width * lattice.height;
                lattice.layer_mut(plane, z)[..used].copy_from_slice(&lattice.layer(&old, z)[..used]);
            }
            lattice.wrap(plane);
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

/// A move turns one spin, numbered (z rows + y) columns + x. For looks at single spins: sweeps are what is fast here.
impl LocalEnergy for PackedLattice {
    type Move = usize;
    fn propose<R: Draw>(&self, _: &PackedSpins, rng: &mut R) -> usize {
        rng.below(self.n_spins())
    }
    fn delta(&self, s: &PackedSpins, &site: &usize) -> f64 {
        let [layers, rows, columns] = self.shape();
        let (z, y, x) = (site / columns / rows, site / columns % rows, site % columns);
        let spin = |z: usize, y: usize, x: usize| {
            let (colour, word, bit) = self.place(z, y, x);
            2.0 * (self.layer(&s.planes[colour], z)[word] >> bit & 1) as f64 - 1.0
        };
        let mut around = spin(z, y, (x + 1) % columns) + spin(z, y, (x + columns - 1) % columns);
        around += spin(z, (y + 1) % rows, x) + spin(z, (y + rows - 1) % rows, x);
        if layers > 1 {
            around += spin((z + 1) % layers, y, x) + spin((z + layers - 1) % layers, y, x);
        }
        2.0 * self.coupling * spin(z, y, x) * around
    }
    fn apply(&self, s: &mut PackedSpins, &site: &usize) {
        let [_, rows, columns] = self.shape();
        let (z, y, x) = (site / columns / rows, site / columns % rows, site % columns);
        let (colour, word, bit) = self.place(z, y, x);
        self.layer_mut(&mut s.planes[colour], z)[word] ^= 1 << bit;
        self.wrap(&mut s.planes[colour]);
    }
}

impl Reference for PackedLattice {
    fn draw<R: Draw>(&self, rng: &mut R) -> PackedSpins {
        let mut s = self.uniform(1);
        for plane in &mut s.planes {
            for z in 0..self.layers {
                let words = &mut self.layer_mut(plane, z)[..self.width * self.height];
                words.iter_mut().for_each(|w| *w &= rng.word());
            }
            self.wrap(plane);
        }
        s
    }
    fn ln_z_reference(&self) -> f64 {
        self.n_spins() as f64 * std::f64::consts::LN_2
    }
}

/// The neighbours to the side that are not at the same bit, in one layer of the other colour.
#[derive(Clone, Debug)]
pub(super) struct Around {
    side: AlignedWords,
}

impl Around {
    pub(super) fn new(lattice: &PackedLattice) -> Self {
        Around { side: AlignedWords::zeros(lattice.words) }
    }

    /// Looks at layer `z` of `other`, the colour that is not `colour`.
    pub(super) fn look(&mut self, l: &PackedLattice, other: &[u64], z: usize, colour: usize) {
        let (layer, width, used) = (l.layer(other, z), l.width, l.width * l.height);
        // On rows where the sites of `colour` are the even ones, their other neighbours are one bit lower.
        let offset = (z + colour) & 1;
        if width == 1 {
            let lowest = (0..l.bands).map(|b| 1u64 << (b * l.bits)).sum::<u64>();
            let (highest, last) = (lowest << (l.bits - 1), l.bits as u32 - 1);
            turn_short_rows(layer, &mut self.side, offset as u64, lowest, highest, l.valid(0), last);
            return;
        }
        let (from, to, top) = (&layer[..used], &mut self.side[..used], (l.bits - 1) as u32 % 64);
        match width {
            2 => turn_rows::<2>(from, to, offset, top),
            4 => turn_rows::<4>(from, to, offset, top),
            8 => turn_rows::<8>(from, to, offset, top),
            16 => turn_rows::<16>(from, to, offset, top),
            _ => turn_long_rows(from, to, width, offset, top),
        }
    }

    /// The words beside those of layer `z`: as many slices as a site has neighbours. The margins of `other` must be fresh.
    pub(super) fn slices<'a>(
        &'a self,
        l: &PackedLattice,
        other: &'a [u64],
        z: usize,
    ) -> [Option<&'a [u64]>; 6] {
        let rows = &other[z * l.stride()..][..l.stride()];
        let shifted = |rows_down: isize| {
            let start = l.margin.wrapping_add_signed(rows_down * l.width as isize);
            Some(&rows[start..start + l.words])
        };
        let cubic = |z: usize| (l.layers > 1).then(|| l.layer(other, z % l.layers));
        [shifted(-1), shifted(1), shifted(0), Some(&self.side), cubic(z + 1), cubic(z + l.layers - 1)]
    }
}

simd_paths! {
    /// Rows of one word (of several bands): every row turned by one bit, to the higher end where its number and `offset`
    /// are both even or both odd, to the lower end on the others.
    fn turn_short_rows(
        from: &[u64],
        to: &mut [u64],
        offset: u64,
        lowest: u64,
        highest: u64,
        all: u64,
        last: u32
    ) {
        for (h, (to, from)) in to.iter_mut().zip(from).enumerate() {
            let up = (from << 1 & !lowest & all) | (from >> last & lowest);
            let down = (from >> 1 & !highest) | (from << last & highest);
            let odd = 0u64.wrapping_sub((h as u64 + offset) & 1);
            *to = (up & !odd) | (down & odd);
        }
    }
    /// Rows of a number of words that the compiler knows.
    fn turn_rows<const WIDTH: usize>(from: &[u64], to: &mut [u64], offset: usize, top: u32) {
        let (from, to) = (from.as_chunks::<WIDTH>().0, to.as_chunks_mut::<WIDTH>().0);
        for (h, (from, to)) in from.iter().zip(to).enumerate() {
            turn(from, to, (h + offset) & 1 == 1, top);
        }
    }
    /// Rows of any number of words.
    fn turn_long_rows(from: &[u64], to: &mut [u64], width: usize, offset: usize, top: u32) {
        for (h, (from, to)) in from.chunks_exact(width).zip(to.chunks_exact_mut(width)).enumerate() {
            turn(from, to, (h + offset) & 1 == 1, top);
        }
    }
}

/// One row turned by one bit; its last word has bits up to `top`.
#[inline(always)]
fn turn(from: &[u64], to: &mut [u64], down: bool, top: u32) {
    let last = from.len() - 1;
    if down {
        for k in 0..last {
            to[k] = from[k] >> 1 | from[k + 1] << 63;
        }
        to[last] = from[last] >> 1 | (from[0] & 1) << top;
    } else {
        to[0] = from[0] << 1 | (from[last] >> top & 1);
        for k in 1..=last {
            to[k] = from[k] << 1 | from[k - 1] >> 63;
        }
        if top < 63 {
            to[last] &= (2 << top) - 1;
        }
    }
}
