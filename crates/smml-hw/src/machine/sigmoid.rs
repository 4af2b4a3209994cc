//! The sigmoid as hardware has it: a table of 64 quadratic pieces in 16-bit arithmetic.

use smml_core::simd::lanes::Table64;
use std::sync::OnceLock;

/// Pieces of the table.
pub(super) const PIECES: usize = 64;
/// Arguments are multiples of 2⁻¹¹, below 16.
const ARGUMENT_BITS: i32 = 11;
/// Arguments of one piece.
const WIDTH: u16 = 512;
/// The largest argument: the last of the last piece.
pub(super) const LARGEST: u16 = PIECES as u16 * WIDTH - WIDTH / 2 - 1;

/// σ(x) = 1/(1 + exp(-x)) for x = 0, 2⁻¹¹, …, 32511 · 2⁻¹¹, that is up to 15.87.
///
/// The 64 pieces have width 1/4 and their middles at the multiples of it. With c the three coefficients of the piece, and z in
/// [-1, 1) the place in it, as a 16-bit number in units of 2⁻¹⁵, the table gives
///
/// a = c₀ + z (c₁ + z c₂),  products rounded to whole numbers, halves up,
///
/// and the probability is (a + 1)/2¹⁶: a 16-bit random number is at most a. It differs from σ by less than
/// [`SigmoidTable::ERROR`]; at 0 it is exactly 1/2, at the largest argument exactly 1. Negative arguments are served by
/// σ(-x) = 1 - σ(x).
#[derive(Debug)]
pub struct SigmoidTable {
    pub(super) coefficients: [Table64; 3],
}

impl SigmoidTable {
    /// Largest distance between the table's probability and σ, at any of its arguments.
    pub const ERROR: f64 = 1.0 / 32768.0;

    /// The table; there is only one.
    pub fn get() -> &'static SigmoidTable {
        static TABLE: OnceLock<SigmoidTable> = OnceLock::new();
        TABLE.get_or_init(SigmoidTable::fit)
    }
    /// a, for an argument in units of 2⁻¹¹ (larger ones count as the largest): the probability of "yes" is (a + 1)/2¹⁶.
    pub fn threshold(&self, x: u16) -> u16 {
        let x = x.min(LARGEST);
        let piece = usize::from((x + WIDTH / 2) / WIDTH);
        let [c0, c1, c2] = [0, 1, 2].map(|k| self.coefficients[k].numbers()[piece]);
        c0.wrapping_add(rise(c1, c2, (x << 7) as i16)) as u16
    }
    /// The probability that belongs to an argument in units of 2⁻¹¹.
    pub fn probability(&self, x: u16) -> f64 {
        (f64::from(self.threshold(x)) + 1.0) / 65536.0
    }

    /// Of every piece the coefficients with the smallest largest error, searched near those of the parabola through
    /// both ends and the middle.
    fn fit() -> SigmoidTable {
        let mut coefficients = [[0; PIECES]; 3];
        for piece in 0..PIECES {
            let middle = f64::from(piece as u16 * WIDTH);
            // The probability of a is (a + 1)/2¹⁶.
            let threshold = |place: f64| 65536.0 * sigmoid(middle + place) - 1.0;
            let half = i32::from(WIDTH / 2);
            // σ is odd about its middle, so that the first piece, of which only the right half is used, is one too.
            let places: Vec<i32> = (if piece == 0 { 0 } else { -half }..half).collect();
            let wanted: Vec<f64> = places.iter().map(|place| threshold(f64::from(*place))).collect();
            let [left, centre, right] = [-1, 0, 1].map(|end| threshold(f64::from(end * half)));
            let (slope, curve) = ((right - left) / 2.0, (right + left) / 2.0 - centre);
            let mut best = (f64::INFINITY, [0; 3]);
            for c2 in around(curve) {
                for c1 in around(slope) {
                    let rises: Vec<i16> =
                        places.iter().map(|place| rise(c1, c2, (place * 128) as i16)).collect();
                    let (c0, error) = offset(&rises, &wanted, piece == 0);
                    if error < best.0 {
                        best = (error, [c0, c1, c2]);
                    }
                }
            }
            for (all, c) in coefficients.iter_mut().zip(best.1) {
                all[piece] = c;
            }
        }
        SigmoidTable { coefficients: coefficients.map(Table64::new) }
    }
}

/// σ of an argument in units of 2⁻¹¹.
fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-libm::ldexp(x, -ARGUMENT_BITS)))
}

/// z (c₁ + z c₂), z in units of 2⁻¹⁵: what the machine computes.
fn rise(c1: i16, c2: i16, z: i16) -> i16 {
    let product = |a: i16, b: i16| ((i32::from(a) * i32::from(b) + 0x4000) >> 15) as i16;
    product(z, c1.wrapping_add(product(z, c2)))
}

/// Whole numbers near `x`.
fn around(x: f64) -> impl Iterator<Item = i16> {
    let nearest = libm::rint(x) as i16;
    nearest - 2..=nearest + 2
}

/// c₀ that makes the largest error least, and that error. It must be exactly 1/2 at 0, and thresholds must not pass 2¹⁶ - 1.
fn offset(rises: &[i16], wanted: &[f64], at_zero: bool) -> (i16, f64) {
    let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
    for (rise, wanted) in rises.iter().zip(wanted) {
        least = least.min(wanted - f64::from(*rise));
        most = most.max(wanted - f64::from(*rise));
    }
    let highest = 65535.0 - f64::from(rises.iter().copied().max().unwrap_or(0));
    let c0 = if at_zero { 32767.0 } else { libm::rint((least + most) / 2.0).min(highest) };
    (c0 as u16 as i16, (most - c0).abs().max((least - c0).abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_within_its_error_everywhere() {
        let table = SigmoidTable::get();
        let mut worst = 0.0f64;
        for x in 0..=LARGEST {
            let exact = 1.0 / (1.0 + (-f64::from(x) / 2048.0).exp());
            worst = worst.max((table.probability(x) - exact).abs());
        }
        assert!(worst < SigmoidTable::ERROR, "{worst}");
        // A bound that is far above the error would say nothing.
        assert!(worst > 0.3 * SigmoidTable::ERROR, "{worst}");
        assert_eq!(table.probability(0), 0.5);
        assert_eq!((table.probability(LARGEST), table.probability(u16::MAX)), (1.0, 1.0));
        assert_eq!(LARGEST, 32511);
    }
}
