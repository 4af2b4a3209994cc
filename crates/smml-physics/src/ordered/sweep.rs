//! The sweep.

use super::{
    model::{Bits, OrderedIsing, Rows, TILE, Tile},
    spins::{Cache, Fields, OrderedSpins},
};
use crate::{
    ising::Rule,
    lanes::decide::{Drawn, HOPELESS, Scale, WIDTH},
};
use serde::{Deserialize, Serialize};
use smml_core::{
    error::{Error, Result, same_length},
    kernel::{Kernel, Step},
    lanes_paths,
    rng::{Draw, WideStream},
    simd::lanes::{Lanes, LanesStream},
};

/// Every spin once in the order of the model, by the Metropolis rule or the heat bath (for Ising spins the same as
/// Glauber's rule). Stationary, not reversible. Spins without couplings
/// and fields are drawn at random by both rules. (At β = 0 the Metropolis rule flips every spin at every sweep: as for any fixed
/// order, that is no way to draw a random state.)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderedSweep {
    rule: Rule,
}

impl OrderedSweep {
    /// Flips with probability min(1, exp(-β ΔE)).
    pub fn metropolis() -> Self {
        OrderedSweep { rule: Rule::Metropolis }
    }
    /// Draws every spin from its conditional distribution.
    pub fn heat_bath() -> Self {
        OrderedSweep { rule: Rule::HeatBath }
    }
    /// One sweep. Errors: a state of another model, β that is negative or NaN.
    pub fn sweep<R: Draw>(
        &self,
        m: &OrderedIsing,
        s: &mut OrderedSpins,
        beta: f64,
        rng: &mut R,
    ) -> Result<Step> {
        same_length("spins", s.n_spins(), m.n_spins())?;
        if !(beta >= 0.0) {
            return Err(Error::out_of_range("beta", beta, "at least 0"));
        }
        let scale = Scale::new(beta, m.unit());
        let mut words = [(); 2].map(|()| WideStream::from_words(rng.word(), rng.word()));
        let heat = self.rule == Rule::HeatBath;
        let Cache { spins, fields, .. } = s.prepare(m);
        let w = &mut words;
        let mut accepted = match (&m.rows, fields) {
            (Rows::Sparse { offsets, entries }, Fields::Groups(f)) => {
                (if heat { sparse::<true> } else { sparse::<false> })(m, offsets, entries, spins, f, scale, w)
            }
            (Rows::Few { entries, width }, Fields::Groups(f)) => {
                let sweep = match (*width, heat) {
                    (4, false) => few::<4, false>,
                    (4, true) => few::<4, true>,
                    (_, false) => few::<6, false>,
                    (_, true) => few::<6, true>,
                };
                sweep(m, entries, spins, f, scale, w)
            }
            (Rows::Words(rows), Fields::Words(f)) => {
                (if heat { sixteens::<true> } else { sixteens::<false> })(m, rows, spins, f, scale, w)
            }
            (Rows::Reals(rows), Fields::Reals(f)) => {
                (if heat { reals::<true> } else { reals::<false> })(m, rows, spins, f, scale, w)
            }
            (Rows::Bits(bits), Fields::Votes(f)) => {
                let sweep = match (bits.planes, heat) {
                    (..=7, false) => votes::<7, false>,
                    (..=7, true) => votes::<7, true>,
                    (8..=10, false) => votes::<10, false>,
                    (8..=10, true) => votes::<10, true>,
                    (_, false) => votes::<14, false>,
                    (_, true) => votes::<14, true>,
                };
                sweep(m, bits, spins, f, scale, w)
            }
            // `prepare` has made the fields that belong to the rows.
            _ => 0,
        };
        if !heat && !m.free.is_empty() {
            // The sweep has flipped all of them.
            accepted = accepted.saturating_sub(m.free.len() as u64);
            for place in &m.free {
                let (old, flip) =
                    (&mut s.prepare(m).spins.as_flattened_mut()[*place as usize], rng.chance(0.5));
                accepted += u64::from(flip);
                // It has been flipped: that stands, or is undone.
                *old = if flip { *old } else { -*old };
            }
        }
        Ok(Step { proposed: m.n_spins() as u64, accepted })
    }
}

impl Kernel<OrderedIsing> for OrderedSweep {
    /// Does nothing where [`OrderedSweep::sweep`] gives an error.
    fn step<R: Draw>(&mut self, m: &OrderedIsing, s: &mut OrderedSpins, beta: f64, rng: &mut R) -> Step {
        self.sweep(m, s, beta, rng).unwrap_or(Step { proposed: 0, accepted: 0 })
    }
}

/// Local fields, and what flips do to them.
trait Couplings {
    /// Fields of a group, in units.
    fn fields<W: Lanes>(&self, group: usize) -> W;
    /// Twice the couplings of a place to those of a group.
    fn near<W: Lanes>(&self, place: usize, group: usize) -> W;
    /// All spins of a group whose bit is set turn; `spins` are those of the group before, `up` those of them that are up.
    fn turn<W: Lanes>(&mut self, group: usize, flips: u16, spins: &[f32; WIDTH], up: u16);
}

/// Numbers of set bits, from the lowest.
#[inline(always)]
fn set_bits(mut set: u16) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let k = set.trailing_zeros() as usize;
        (set != 0).then(|| {
            set &= set - 1;
            k
        })
    })
}

/// The entries of a row that belong to a group.
#[inline(always)]
fn near_of<W: Lanes>(row: &[(u32, f32)], group: usize) -> W {
    let mut near = [0.0; WIDTH];
    for (j, w) in row {
        if *j as usize / WIDTH == group {
            near[*j as usize % WIDTH] += *w;
        }
    }
    W::load_f32(&near)
}

struct Sparse<'a> {
    offsets: &'a [usize],
    entries: &'a [(u32, f32)],
    fields: &'a mut [[f32; WIDTH]],
}

impl Couplings for Sparse<'_> {
    #[inline(always)]
    fn fields<W: Lanes>(&self, group: usize) -> W {
        W::load_f32(&self.fields[group])
    }
    #[inline(always)]
    fn near<W: Lanes>(&self, place: usize, group: usize) -> W {
        near_of(&self.entries[self.offsets[place]..self.offsets[place + 1]], group)
    }
    #[inline(always)]
    fn turn<W: Lanes>(&mut self, group: usize, flips: u16, spins: &[f32; WIDTH], _: u16) {
        let fields = self.fields.as_flattened_mut();
        for k in set_bits(flips) {
            // A product and no branch: which way spins turn cannot be foretold.
            let place = group * WIDTH + k;
            for (j, w) in &self.entries[self.offsets[place]..self.offsets[place + 1]] {
                fields[*j as usize] -= spins[k] * w;
            }
        }
    }
}

/// Rows of D entries.
struct Few<'a, const D: usize> {
    entries: &'a [[(u32, f32); D]],
    fields: &'a mut [[f32; WIDTH]],
}

impl<const D: usize> Couplings for Few<'_, D> {
    #[inline(always)]
    fn fields<W: Lanes>(&self, group: usize) -> W {
        W::load_f32(&self.fields[group])
    }
    #[inline(always)]
    fn near<W: Lanes>(&self, place: usize, group: usize) -> W {
        near_of(&self.entries[place], group)
    }
    #[inline(always)]
    fn turn<W: Lanes>(&mut self, group: usize, flips: u16, spins: &[f32; WIDTH], _: u16) {
        let rows = &self.entries[group * WIDTH..][..WIDTH];
        let fields = self.fields.as_flattened_mut();
        for k in set_bits(flips) {
            for (j, w) in &rows[k] {
                fields[*j as usize] -= spins[k] * w;
            }
        }
    }
}

/// Groups of a tile.
const GROUPS: usize = TILE / WIDTH;

/// A number of a row.
trait Number: Copy {
    fn plus(self, o: Self) -> Self;
    fn minus(self, o: Self) -> Self;
    fn real(self) -> f32;
}

impl Number for i16 {
    #[inline(always)]
    fn plus(self, o: Self) -> Self {
        self.wrapping_add(o)
    }
    #[inline(always)]
    fn minus(self, o: Self) -> Self {
        self.wrapping_sub(o)
    }
    #[inline(always)]
    fn real(self) -> f32 {
        f32::from(self)
    }
}

impl Number for f32 {
    #[inline(always)]
    fn plus(self, o: Self) -> Self {
        self + o
    }
    #[inline(always)]
    fn minus(self, o: Self) -> Self {
        self - o
    }
    #[inline(always)]
    fn real(self) -> f32 {
        self
    }
}

/// The numbers of a group.
#[inline(always)]
fn numbers<W: Lanes, T: Number>(tiles: &[Tile<T>], group: usize) -> W {
    let own = &tiles[group / GROUPS].0.as_chunks::<WIDTH>().0[group % GROUPS];
    let mut numbers = [0.0; WIDTH];
    for k in 0..WIDTH {
        numbers[k] = own[k].real();
    }
    W::load_f32(&numbers)
}

struct Dense<'a, T> {
    rows: &'a [Tile<T>],
    fields: &'a mut [Tile<T>],
}

impl<T: Number> Couplings for Dense<'_, T> {
    #[inline(always)]
    fn fields<W: Lanes>(&self, group: usize) -> W {
        numbers(self.fields, group)
    }
    #[inline(always)]
    fn near<W: Lanes>(&self, place: usize, group: usize) -> W {
        numbers(&self.rows[place * self.fields.len()..], group)
    }
    #[inline(always)]
    fn turn<W: Lanes>(&mut self, group: usize, flips: u16, _: &[f32; WIDTH], up: u16) {
        let n = self.fields.len();
        for k in set_bits(flips) {
            let row = &self.rows[(group * WIDTH + k) * n..][..n];
            if up >> k & 1 == 1 {
                for (h, w) in self.fields.iter_mut().zip(row) {
                    for k in 0..TILE {
                        h.0[k] = h.0[k].minus(w.0[k]);
                    }
                }
            } else {
                for (h, w) in self.fields.iter_mut().zip(row) {
                    for k in 0..TILE {
                        h.0[k] = h.0[k].plus(w.0[k]);
                    }
                }
            }
        }
    }
}

/// Votes of K planes.
struct Votes<'a, const K: usize> {
    bits: &'a Bits,
    planes: &'a mut [[u64; 8]],
}

/// The bits of a group in a vector that holds it.
#[inline(always)]
fn bits_of(vector: &[u64; 8], group: usize) -> u16 {
    (vector[group / 4 % 8] >> (16 * (group % 4))) as u16
}

impl<const K: usize> Couplings for Votes<'_, K> {
    #[inline(always)]
    fn fields<W: Lanes>(&self, group: usize) -> W {
        let n = self.bits.planes;
        let planes = &self.planes[group / 32 * n..][..n];
        // Two sums, so that no addition waits for all others.
        let (mut even, mut odd) = (W::load_f32(&self.bits.base[group]), W::zero());
        for k in (0..K).step_by(2) {
            if k < n {
                even = even.add_f32(W::splat_f32((2u32 << k) as f32).only(bits_of(&planes[k], group)));
            }
            if k + 1 < n {
                odd = odd.add_f32(W::splat_f32((4u32 << k) as f32).only(bits_of(&planes[k + 1], group)));
            }
        }
        even.add_f32(odd)
    }
    #[inline(always)]
    fn near<W: Lanes>(&self, place: usize, group: usize) -> W {
        let two = W::splat_f32(2.0);
        let mut near = W::zero();
        if let Some(row) = self.bits.row(place, false) {
            near = two.only(bits_of(&self.bits.rows[row + group / 32], group));
        }
        if let Some(row) = self.bits.row(place, true) {
            near = near.sub_f32(two.only(bits_of(&self.bits.rows[row + group / 32], group)));
        }
        near
    }
    #[inline(always)]
    fn turn<W: Lanes>(&mut self, group: usize, flips: u16, _: &[f32; WIDTH], up: u16) {
        // Rows to be added, and those to be taken away; lists are filled up with the row of zeros.
        let zeros = self.bits.rows.len() - self.bits.n_vectors;
        let (mut add, mut take) = ([zeros; 2 * WIDTH], [zeros; 2 * WIDTH]);
        let (mut n_add, mut n_take) = (0, 0);
        // Of spins that were up positive couplings lose a vote.
        for (flips, sign) in [(flips & up, false), (flips & !up, true)] {
            if self.bits.signs[usize::from(!sign)] {
                for k in set_bits(flips) {
                    add[n_add] = self.bits.row(group * WIDTH + k, !sign).unwrap_or(zeros);
                    n_add += 1;
                }
            }
            if self.bits.signs[usize::from(sign)] {
                for k in set_bits(flips) {
                    take[n_take] = self.bits.row(group * WIDTH + k, sign).unwrap_or(zeros);
                    n_take += 1;
                }
            }
        }
        let (n_add, n_take) = (n_add.next_multiple_of(4), n_take.next_multiple_of(4));
        let n = self.bits.planes;
        for (v, planes) in self.planes.chunks_exact_mut(n).enumerate() {
            let mut sums = [W::zero(); K];
            for k in 0..n {
                sums[k] = W::load(&planes[k]);
            }
            add_rows(&mut sums, &self.bits.rows, &add[..n_add], v);
            if n_take > 0 {
                // a - b is the complement of (complement of a) + b.
                complement(&mut sums);
                add_rows(&mut sums, &self.bits.rows, &take[..n_take], v);
                complement(&mut sums);
            }
            for k in 0..n {
                sums[k].store(&mut planes[k]);
            }
        }
    }
}

#[inline(always)]
fn complement<W: Lanes, const K: usize>(sums: &mut [W; K]) {
    for k in 0..K {
        sums[k] = sums[k].not();
    }
}

/// Full adder: adds two vectors to `sum` and returns what carries.
#[inline(always)]
fn full_add<W: Lanes>(sum: &mut W, a: W, b: W) -> W {
    let old = *sum;
    *sum = old.xor3(a, b);
    old.majority(a, b)
}

/// Adds vector `v` of some rows, whose number is a multiple of four.
#[inline(always)]
fn add_rows<W: Lanes, const K: usize>(sums: &mut [W; K], rows: &[[u64; 8]], list: &[usize], v: usize) {
    for [a, b, c, d] in list.as_chunks::<4>().0 {
        let one = full_add(&mut sums[0], W::load(&rows[a + v]), W::load(&rows[b + v]));
        let two = full_add(&mut sums[0], W::load(&rows[c + v]), W::load(&rows[d + v]));
        let mut carry = full_add(&mut sums[1], one, two);
        for k in 2..K {
            let old = sums[k];
            sums[k] = old.xor(carry);
            carry = old.and(carry);
        }
    }
}

lanes_paths! {
    fn sparse<W: Lanes, const HEAT: bool>(
        model: &OrderedIsing,
        offsets: &[usize],
        entries: &[(u32, f32)],
        spins: &mut [[f32; WIDTH]],
        fields: &mut [[f32; WIDTH]],
        scale: Scale,
        words: &mut [WideStream; 2]
    ) -> u64 {
        sweep::<W, HEAT>(model, spins, Sparse { offsets, entries, fields }, scale, words)
    }
    fn few<W: Lanes, const D: usize, const HEAT: bool>(
        model: &OrderedIsing,
        entries: &[(u32, f32)],
        spins: &mut [[f32; WIDTH]],
        fields: &mut [[f32; WIDTH]],
        scale: Scale,
        words: &mut [WideStream; 2]
    ) -> u64 {
        sweep::<W, HEAT>(model, spins, Few::<D> { entries: entries.as_chunks().0, fields }, scale, words)
    }
    fn sixteens<W: Lanes, const HEAT: bool>(
        model: &OrderedIsing,
        rows: &[Tile<i16>],
        spins: &mut [[f32; WIDTH]],
        fields: &mut [Tile<i16>],
        scale: Scale,
        words: &mut [WideStream; 2]
    ) -> u64 {
        sweep::<W, HEAT>(model, spins, Dense { rows, fields }, scale, words)
    }
    fn reals<W: Lanes, const HEAT: bool>(
        model: &OrderedIsing,
        rows: &[Tile<f32>],
        spins: &mut [[f32; WIDTH]],
        fields: &mut [Tile<f32>],
        scale: Scale,
        words: &mut [WideStream; 2]
    ) -> u64 {
        sweep::<W, HEAT>(model, spins, Dense { rows, fields }, scale, words)
    }
    fn votes<W: Lanes, const K: usize, const HEAT: bool>(
        model: &OrderedIsing,
        bits: &Bits,
        spins: &mut [[f32; WIDTH]],
        planes: &mut [[u64; 8]],
        scale: Scale,
        words: &mut [WideStream; 2]
    ) -> u64 {
        sweep::<W, HEAT>(model, spins, Votes::<K> { bits, planes }, scale, words)
    }
}

/// One sweep; returns how many spins flipped. Words of the first generator decide, those of the second are for what 32 bits
/// leave open.
#[inline(always)]
fn sweep<W: Lanes, const HEAT: bool>(
    model: &OrderedIsing,
    spins: &mut [[f32; WIDTH]],
    mut couplings: impl Couplings,
    scale: Scale,
    words: &mut [WideStream; 2],
) -> u64 {
    let fast = W::splat_f32(scale.fast);
    let mut decide = LanesStream::<W>::load(&words[0]);
    let mut more = LanesStream::<W>::load(&words[1]);
    let mut flipped = 0;
    for (group, (own, filled)) in spins.iter_mut().zip(&model.filled).enumerate() {
        let spin = W::load_f32(own);
        let mut field = couplings.fields::<W>(group);
        let mut cost = spin.mul_f32(field);
        if cost.mul_f32(fast).at_most_f32(W::splat_f32(HOPELESS)) & filled == 0 {
            continue;
        }
        let drawn = Drawn::new::<HEAT>(decide.next());
        let before = *own;
        let mut flips = 0;
        if model.is_coupled {
            // Attempts that are not made yet; flips change the costs of those behind them.
            let mut left = *filled;
            loop {
                let [may, sure] = drawn.may(cost.mul_f32(fast));
                let may = may & left;
                if may == 0 {
                    break;
                }
                let k = may.trailing_zeros() as usize;
                let this = 1 << k;
                left &= !(this | (this - 1));
                if sure & this != 0 || exactly::<W, HEAT>(&drawn, cost, k, scale, more.next()) {
                    flips |= this;
                    let change =
                        couplings.near::<W>(group * WIDTH + k, group).mul_f32(W::splat_f32(before[k]));
                    field = field.sub_f32(change);
                    cost = spin.mul_f32(field);
                }
            }
        } else {
            let [may, sure] = drawn.may(cost.mul_f32(fast));
            flips = sure & filled;
            let mut open = may & filled & !sure;
            while open != 0 {
                let k = open.trailing_zeros() as usize;
                open &= open - 1;
                flips |= u16::from(exactly::<W, HEAT>(&drawn, cost, k, scale, more.next())) << k;
            }
        }
        if flips != 0 {
            couplings.turn::<W>(group, flips, &before, W::zero().at_most_f32(spin));
            flipped += u64::from(flips.count_ones());
            spin.add_f32(spin.mul_f32(W::splat_f32(-2.0)).only(flips)).store_f32(own);
        }
    }
    decide.store(&mut words[0]);
    more.store(&mut words[1]);
    flipped
}

/// The rule itself.
#[inline(always)]
fn exactly<W: Lanes, const HEAT: bool>(drawn: &Drawn<W>, cost: W, k: usize, scale: Scale, more: W) -> bool {
    let mut costs = [0.0; WIDTH];
    cost.store_f32(&mut costs);
    drawn.exactly::<HEAT>(k, costs[k], scale, more)
}
