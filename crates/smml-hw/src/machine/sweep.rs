//! The inner loop: nodes in a given order, 64 chains at a time.

use super::{
    network::{FixedNetwork, Wire},
    sigmoid::{LARGEST, SigmoidTable},
};
use crate::error::{Error, Result};
use smml_core::{
    lanes_paths,
    rng::WideStream,
    simd::lanes::{Lanes, LanesStream},
};

/// Marks a node in an order that keeps its state: its random numbers are drawn all the same, so that two runs on the same
/// random numbers stay in step where only one of them has it clamped.
pub(super) const HELD: u32 = 1 << 31;

/// Chains side by side: one bit each of a 64-bit word.
pub const CHAINS: usize = 64;

/// The inverse temperature of every chain, as the arithmetic of a [`FixedNetwork`] has it.
///
/// The argument of the sigmoid is x = 2 β |f| in units of 2⁻¹¹, that is g |f| with f in steps and
/// g = β 2^(12 - fraction). Where g is a whole number for all chains, x is exact. Else g is rounded to 15 bits and x to units
/// of 2⁻¹⁰, which changes the probability by less than [`Gains::ERROR`] more than the table does. Arguments beyond the table,
/// 15.87, count as that, and so does g: the smallest field then decides.
#[derive(Clone, Debug, PartialEq)]
pub struct Gains {
    exact: bool,
    /// Larger absolute fields count as this.
    most: [[i16; 32]; 2],
    /// A power of two before the product with `factor`, or the whole number g.
    shift: [[i16; 32]; 2],
    factor: [[i16; 32]; 2],
    betas: Vec<f64>,
}

impl Gains {
    /// Largest change of a probability by rounding of g and of x, where g is not a whole number.
    pub const ERROR: f64 = 1.0 / 2048.0;

    /// One inverse temperature for all chains, or [`CHAINS`] of them.
    ///
    /// Errors: another number; one that is negative or not finite.
    pub fn new(network: &FixedNetwork, betas: &[f64]) -> Result<Self> {
        if betas.len() != 1 && betas.len() != CHAINS {
            return Err(Error::out_of_range("number of inverse temperatures", betas.len(), "1 or 64"));
        }
        let gain = |beta: &f64| {
            if !(*beta >= 0.0 && beta.is_finite()) {
                return Err(Error::out_of_range("beta", beta, "at least 0 and finite"));
            }
            let g = libm::ldexp(*beta, 12 - network.format().fraction() as i32);
            Ok(g.min(f64::from(LARGEST)))
        };
        let gains = betas.iter().map(gain).collect::<Result<Vec<f64>>>()?;
        let exact = gains.iter().all(|g| *g == libm::rint(*g));
        let mut all = Gains {
            exact,
            most: [[0; 32]; 2],
            shift: [[0; 32]; 2],
            factor: [[0; 32]; 2],
            betas: betas.to_vec(),
        };
        for lane in 0..CHAINS {
            let g = gains[if gains.len() == 1 { 0 } else { lane }];
            let (most, shift, factor) = if exact { whole(g) } else { rounded(g) };
            let (half, k) = (lane / 32, lane % 32);
            all.most[half][k] = most as i16;
            all.shift[half][k] = shift as i16;
            all.factor[half][k] = factor as i16;
        }
        Ok(all)
    }
    /// As given: one for all, or one for each chain.
    pub fn betas(&self) -> &[f64] {
        &self.betas
    }
    /// Whether arguments of the sigmoid are exact.
    pub fn is_exact(&self) -> bool {
        self.exact
    }
    /// The probability that chain `chain` sets a node up whose local field is `field` steps.
    pub fn probability(&self, chain: usize, field: i16) -> f64 {
        let (half, k) = (chain / 32, chain % 32);
        let [most, shift, factor] = [&self.most, &self.shift, &self.factor].map(|all| all[half][k] as u16);
        let small = field.unsigned_abs().min(most);
        let x = match self.exact {
            true => u32::from(small) * u32::from(shift),
            false => (u32::from(small) * u32::from(shift) * u32::from(factor) + 0x4000) >> 15 << 1,
        };
        let p = SigmoidTable::get().probability(x.min(u32::from(LARGEST)) as u16);
        if field < 0 { 1.0 - p } else { p }
    }
}

/// Limit and factor for a whole number g.
fn whole(g: f64) -> (u16, u16, u16) {
    let g = g as u16;
    (LARGEST.checked_div(g).unwrap_or(LARGEST).max(1), g, 0)
}

/// Limit, shift and factor for any g: |f| 2^shift and the factor have 15 bits, g/2 = factor 2^shift/2¹⁵.
fn rounded(g: f64) -> (u16, u16, u16) {
    let mut shift = 0;
    while libm::ldexp(g, 14 - shift) >= 32767.5 {
        shift += 1;
    }
    let factor = libm::rint(libm::ldexp(g, 14 - shift)) as u16;
    (i16::MAX as u16 >> shift, 1 << shift, factor)
}

/// Sweeps the nodes of `order` once. Neighbours must not be swept at once, and are not: order is order.
///
/// # Panics
/// When `order` names a node that is not there, or `spins` has fewer words than there are nodes.
pub(super) fn sweep(
    network: &FixedNetwork,
    gains: &Gains,
    order: &[u32],
    spins: &mut [u64],
    words: &mut WideStream,
) {
    let run = if gains.exact { nodes::<true> } else { nodes::<false> };
    run(network, gains, SigmoidTable::get(), order, spins, words);
}

lanes_paths! {
    /// Every node of `order` once.
    fn nodes<W: Lanes, const EXACT: bool>(
        network: &FixedNetwork,
        gains: &Gains,
        table: &SigmoidTable,
        order: &[u32],
        spins: &mut [u64],
        words: &mut WideStream
    ) {
        let (most, shift, factor) = (load::<W>(&gains.most), load::<W>(&gains.shift), load::<W>(&gains.factor));
        let [c0, c1, c2] = &table.coefficients;
        let mut random = LanesStream::<W>::load(words);
        for &i in order {
            if i & HELD != 0 {
                random.next();
                random.next();
                continue;
            }
            let i = i as usize;
            let mut fields = [W::splat_i16(network.base[i]); 2];
            for Wire { end, double } in &network.wires[network.wiring().row(i)] {
                fields = W::add_where(fields, spins[*end as usize], W::splat_i16(*double));
            }
            let fields = W::in_order(fields);
            let mut up = 0;
            for k in 0..2 {
                let mut x = fields[k].abs_i16().min_u16(most[k]).mul_i16(shift[k]);
                if !EXACT {
                    x = x.mul_round_i16(factor[k]).min_u16(W::splat_i16(LARGEST as i16 / 2)).shift_left_16::<1>();
                }
                let piece = x.add_i16(W::splat_i16(256)).shift_right_u16::<9>();
                let z = x.shift_left_16::<7>();
                let slope = piece.look_up(c1).add_i16(z.mul_round_i16(piece.look_up(c2)));
                let threshold = piece.look_up(c0).add_i16(z.mul_round_i16(slope));
                up |= u64::from(random.next().at_most_u16(threshold) ^ fields[k].negative_i16()) << (32 * k);
            }
            spins[i] = up;
        }
        random.store(words);
    }
}

// No closures above: one that is called twice need not become part of the function that has the instructions.
#[inline(always)]
fn load<W: Lanes>(lanes: &[[i16; 32]; 2]) -> [W; 2] {
    [W::load_i16(&lanes[0]), W::load_i16(&lanes[1])]
}
