//! What an array of p-bits in hardware would take in time and energy, with a common clock and without.

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

/// An array without a common clock: each p-bit is updated at the times of a Poisson process of its own, at `rate` updates a
/// second, for one chain.
///
/// No colours are needed, and n p-bits are updated n r times a second. What bounds the rate is the time d that a new state
/// takes to reach its neighbours: an update reads an old state where one of its k neighbours changed its mind less than d
/// before, which happens to no more than the fraction 1 - exp(-k r d) of updates ([`AsynchronousArray::stale`]; those that are
/// drawn anew and stay as they are do no harm, so it is a bound).
///
/// ```
/// use smml_hw::machine::AsynchronousArray;
/// // 1,000 p-bits of six neighbours at 10 MHz; a state takes a nanosecond.
/// let array = AsynchronousArray::new(vec![6; 1000], 1e7, 1e-9, 1e-12)?;
/// assert!((array.flips_per_ns() - 10.0).abs() < 1e-12);
/// assert!((array.stale() - 0.0582).abs() < 1e-4);
/// # Ok::<(), smml_hw::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawAsynchronous")]
pub struct AsynchronousArray {
    degrees: Vec<u32>,
    rate: f64,
    delay: f64,
    joules_per_flip: f64,
}

#[derive(Deserialize)]
struct RawAsynchronous {
    degrees: Vec<u32>,
    rate: f64,
    delay: f64,
    joules_per_flip: f64,
}

impl TryFrom<RawAsynchronous> for AsynchronousArray {
    type Error = Error;
    fn try_from(raw: RawAsynchronous) -> Result<Self> {
        AsynchronousArray::new(raw.degrees, raw.rate, raw.delay, raw.joules_per_flip)
    }
}

impl AsynchronousArray {
    /// `degrees`: the number of neighbours of every p-bit; `rate` in updates a second of each p-bit; `delay` in seconds;
    /// `joules_per_flip` for each update.
    ///
    /// Errors: no p-bits; a rate or energy that is not positive and finite; a delay that is negative or not finite.
    pub fn new(degrees: Vec<u32>, rate: f64, delay: f64, joules_per_flip: f64) -> Result<Self> {
        if degrees.is_empty() {
            return Err(Error::out_of_range("p-bits of the array", 0, "at least 1"));
        }
        for (name, value) in [("rate in updates a second", rate), ("joules for a flip", joules_per_flip)] {
            if !(value > 0.0 && value.is_finite()) {
                return Err(Error::out_of_range(name, value, "greater than 0 and finite"));
            }
        }
        if !(delay >= 0.0 && delay.is_finite()) {
            return Err(Error::out_of_range("delay in seconds", delay, "at least 0 and finite"));
        }
        Ok(AsynchronousArray { degrees, rate, delay, joules_per_flip })
    }
    /// An array for these wires. Errors: as [`AsynchronousArray::new`].
    pub fn of(wiring: &Wiring, rate: f64, delay: f64, joules_per_flip: f64) -> Result<Self> {
        let degrees = (0..wiring.n_nodes()).map(|i| wiring.graph().degree(i) as u32).collect();
        AsynchronousArray::new(degrees, rate, delay, joules_per_flip)
    }
    /// Seconds in which a p-bit is updated once on average: the sweep of [`PoissonClocks`](super::PoissonClocks).
    pub fn seconds_per_sweep(&self) -> f64 {
        1.0 / self.rate
    }
    /// P-bits updated in a nanosecond, in one chain.
    pub fn flips_per_ns(&self) -> f64 {
        1e-9 * self.degrees.len() as f64 * self.rate
    }
    /// Seconds of a sample that takes `sweeps` sweeps.
    pub fn seconds(&self, sweeps: u64) -> f64 {
        sweeps as f64 * self.seconds_per_sweep()
    }
    /// Joules of a sample that takes `sweeps` sweeps.
    pub fn joules(&self, sweeps: u64) -> f64 {
        sweeps as f64 * self.degrees.len() as f64 * self.joules_per_flip
    }
    /// The fraction of updates that may read an old state of a neighbour: the mean over p-bits of 1 - exp(-k r d).
    pub fn stale(&self) -> f64 {
        let of = |k: &u32| -libm::expm1(-f64::from(*k) * self.rate * self.delay);
        self.degrees.iter().map(of).sum::<f64>() / self.degrees.len() as f64
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

    #[test]
    fn clocks_of_their_own_need_no_colours() {
        let with = |rate, delay| AsynchronousArray::new(vec![0, 1, 3], rate, delay, 2e-15).unwrap();
        let array = with(1e8, 0.0);
        assert!((array.flips_per_ns() - 0.3).abs() < 1e-15 && array.stale() == 0.0);
        assert!((array.seconds(50) - 5e-7).abs() < 1e-20 && (array.joules(50) - 3e-13).abs() < 1e-27);
        let late = with(1e8, 1e-9).stale();
        assert!((late - (2.0 - (-0.1f64).exp() - (-0.3f64).exp()) / 3.0).abs() < 1e-15);
        assert!(with(2e8, 1e-9).stale() > late && with(1e12, 1.0).stale() == 2.0 / 3.0);
        for (degrees, rate, delay, joules) in [
            (vec![], 1.0, 0.0, 1.0),
            (vec![1], 0.0, 0.0, 1.0),
            (vec![1], 1.0, -1.0, 1.0),
            (vec![1], 1.0, f64::INFINITY, 1.0),
            (vec![1], 1.0, 0.0, f64::NAN),
        ] {
            assert!(AsynchronousArray::new(degrees, rate, delay, joules).is_err());
        }
    }
}
