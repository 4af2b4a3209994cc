//! The sigmoid as hardware has it: a table of 64 quadratic pieces in 16-bit arithmetic.

use std::sync::OnceLock;

/// Pieces of the table.
pub(super) const PIECES: usize = 64;
/// Arguments are multiples of 2⁻¹¹, below 16.
const ARGUMENT_BITS: i32 = 11;
/// The largest argument.
pub(super) const LARGEST: u16 = (1 << 15) - 1;

/// σ(x) = 1/(1 + exp(-x)) for x = 0, 2⁻¹¹, …, (2¹⁵ - 1) 2⁻¹¹.
///
/// The argument has 15 bits: six say which of the 64 pieces of width 1/4, nine where in the piece. With c the three
/// coefficients of the piece and F the place in it, in units of 2⁻¹⁶, the table gives
///
/// a = c₀ + (F (c₁ - (F c₂ ÷ 2¹⁶)) ÷ 2¹⁶),  divisions rounding down,
///
/// and the probability is (a + 1)/2¹⁶: a 16-bit random number is at most a. It differs from σ by less than
/// [`SigmoidTable::ERROR`]; at 0 it is exactly 1/2, at the largest argument exactly 1. Negative arguments are served by
/// σ(-x) = 1 - σ(x).
#[derive(Debug)]
pub struct SigmoidTable {
    pub(super) coefficients: [[i16; PIECES]; 3],
}

impl SigmoidTable {
    /// Largest distance between the table's probability and σ, at any of its arguments.
    pub const ERROR: f64 = 1.0 / 32768.0;

    /// The table; there is only one.
    pub fn get() -> &'static SigmoidTable {
        static TABLE: OnceLock<SigmoidTable> = OnceLock::new();
        TABLE.get_or_init(SigmoidTable::fit)
    }
    /// a, for an argument in units of 2⁻¹¹ (larger ones count as 2¹⁵ - 1): the probability of "yes" is (a + 1)/2¹⁶.
    pub fn threshold(&self, x: u16) -> u16 {
        let x = x.min(LARGEST);
        let piece = usize::from(x >> 9);
        let [c0, c1, c2] = [0, 1, 2].map(|k| self.coefficients[k][piece] as u16);
        threshold(c0, c1, c2, x << 7)
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
            let x = |place: u16| f64::from((piece as u16) << 9 | place);
            // a + 1/2 should be as near to 2¹⁶ σ - 1/2 as may be, since a is what is left of it.
            let wanted: Vec<f64> = (0..512).map(|place| 65536.0 * sigmoid(x(place)) - 1.0).collect();
            let [left, middle, right] = [0.0, 256.0, 512.0].map(|place| 65536.0 * sigmoid(x(0) + place));
            let curve = 2.0 * (2.0 * middle - left - right);
            let slope = right - left + curve;
            let mut best = (f64::INFINITY, [0; 3]);
            for c2 in around(curve) {
                for c1 in around(slope) {
                    let (c0, error) = offset(c1, c2, &wanted, piece);
                    if error < best.0 {
                        best = (error, [c0, c1, c2]);
                    }
                }
            }
            for (all, c) in coefficients.iter_mut().zip(best.1) {
                all[piece] = c as i16;
            }
        }
        SigmoidTable { coefficients }
    }
}

/// σ of an argument in units of 2⁻¹¹.
fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-libm::ldexp(x, -ARGUMENT_BITS)))
}

/// What the machine computes; `place` in units of 2⁻¹⁶ of the piece.
fn threshold(c0: u16, c1: u16, c2: u16, place: u16) -> u16 {
    let high = |a: u16, b: u16| ((u32::from(a) * u32::from(b)) >> 16) as u16;
    c0.wrapping_add(high(place, c1.wrapping_sub(high(place, c2))))
}

/// Whole numbers near `x`.
fn around(x: f64) -> impl Iterator<Item = u16> {
    let first = (libm::rint(x) as i32 - 2).max(0);
    (first..first + 5).map(|c| c as u16)
}

/// c₀ that makes the largest error least, and that error. The first piece starts at exactly 1/2, the last one ends at 1 and
/// goes no further.
fn offset(c1: u16, c2: u16, wanted: &[f64], piece: usize) -> (u16, f64) {
    let error = |place: usize| wanted[place] - f64::from(threshold(0, c1, c2, (place as u16) << 7));
    let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
    for place in 0..512 {
        least = least.min(error(place));
        most = most.max(error(place));
    }
    let c0 = match piece {
        0 => 32767.0,
        _ if piece == PIECES - 1 => 65535.0 - f64::from(threshold(0, c1, c2, 511 << 7)),
        _ => libm::rint((least + most) / 2.0),
    };
    (c0 as u16, (most - c0).abs().max((least - c0).abs()))
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
    }

    #[test]
    fn the_table_never_turns_back_by_more_than_its_last_bit() {
        let table = SigmoidTable::get();
        for x in 0..LARGEST {
            assert!(table.threshold(x + 1) + 1 >= table.threshold(x), "{x}");
        }
    }
}
