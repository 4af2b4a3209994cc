//! What an array of p-bits in hardware would take in time and energy.

use super::wiring::Wiring;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// An array in which all p-bits of one colour are updated at once, colour after colour, for one chain.
///
/// With n nodes, c colours, a clock of f and k cycles for a colour, a sweep takes c k/f, and n f/(c k) p-bits are updated in a
/// second. This counts the array alone: reading states out, and loading weights, are extra.
///
/// The array of Niazi et al. (2024) updates 4,264 p-bits of four colours; its measured 50 to 64 flips/ns are those of this
/// model at 47 to 60 MHz with one cycle for a colour.
///
/// ```
/// use smml_hw::machine::PBitArray;
/// let array = PBitArray::new(4264, 4, 60e6, 1, 1e-12)?;
/// assert!((array.flips_per_ns() - 63.96).abs() < 1e-9);
/// assert!((array.joules(1000) - 4264.0 * 1000.0 * 1e-12).abs() < 1e-18);
/// # Ok::<(), smml_hw::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawArray")]
pub struct PBitArray {
    n_nodes: usize,
    n_colours: usize,
    clock: f64,
    cycles: u32,
    joules_per_flip: f64,
}

#[derive(Deserialize)]
struct RawArray {
    n_nodes: usize,
    n_colours: usize,
    clock: f64,
    cycles: u32,
    joules_per_flip: f64,
}

impl TryFrom<RawArray> for PBitArray {
    type Error = Error;
    fn try_from(raw: RawArray) -> Result<Self> {
        PBitArray::new(raw.n_nodes, raw.n_colours, raw.clock, raw.cycles, raw.joules_per_flip)
    }
}

impl PBitArray {
    /// `clock` in Hz, `cycles` of it for each colour, `joules_per_flip` for each p-bit that is updated (random number, sum and
    /// decision).
    ///
    /// Errors: no nodes, colours or cycles; more colours than nodes; a clock or an energy that is not positive and finite.
    pub fn new(
        n_nodes: usize,
        n_colours: usize,
        clock: f64,
        cycles: u32,
        joules_per_flip: f64,
    ) -> Result<Self> {
        if n_colours == 0 || n_colours > n_nodes {
            return Err(Error::out_of_range(
                "colours of the array",
                n_colours,
                format!("1 to its {n_nodes} nodes"),
            ));
        }
        if cycles == 0 {
            return Err(Error::out_of_range("cycles of a colour", 0, "at least 1"));
        }
        for (name, value) in [("clock in Hz", clock), ("joules for a flip", joules_per_flip)] {
            if !(value > 0.0 && value.is_finite()) {
                return Err(Error::out_of_range(name, value, "greater than 0 and finite"));
            }
        }
        Ok(PBitArray { n_nodes, n_colours, clock, cycles, joules_per_flip })
    }
    /// An array for these wires.
    ///
    /// Errors: as [`PBitArray::new`].
    pub fn of(wiring: &Wiring, clock: f64, cycles: u32, joules_per_flip: f64) -> Result<Self> {
        PBitArray::new(wiring.n_nodes(), wiring.colouring().n_colours(), clock, cycles, joules_per_flip)
    }
    /// Seconds of a sweep.
    pub fn seconds_per_sweep(&self) -> f64 {
        self.n_colours as f64 * f64::from(self.cycles) / self.clock
    }
    /// P-bits updated in a nanosecond, in one chain.
    pub fn flips_per_ns(&self) -> f64 {
        1e-9 * self.n_nodes as f64 / self.seconds_per_sweep()
    }
    /// Seconds of a sample that takes `sweeps` sweeps.
    pub fn seconds(&self, sweeps: u64) -> f64 {
        sweeps as f64 * self.seconds_per_sweep()
    }
    /// Joules of a sample that takes `sweeps` sweeps.
    pub fn joules(&self, sweeps: u64) -> f64 {
        sweeps as f64 * self.n_nodes as f64 * self.joules_per_flip
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_is_as_fast_as_its_colours_allow() {
        let one = PBitArray::new(100, 1, 1e9, 1, 2e-15).unwrap();
        let four = PBitArray::new(100, 4, 1e9, 2, 2e-15).unwrap();
        assert_eq!((one.flips_per_ns(), four.flips_per_ns()), (100.0, 12.5));
        assert!((four.seconds(1000) - 8e-6).abs() < 1e-18);
        assert_eq!(one.joules(10), four.joules(10));
        for (n, c, clock, cycles, joules) in [
            (0, 0, 1.0, 1, 1.0),
            (3, 4, 1.0, 1, 1.0),
            (3, 1, 0.0, 1, 1.0),
            (3, 1, 1.0, 0, 1.0),
            (3, 1, 1.0, 1, f64::NAN),
        ] {
            assert!(PBitArray::new(n, c, clock, cycles, joules).is_err());
        }
    }
}
