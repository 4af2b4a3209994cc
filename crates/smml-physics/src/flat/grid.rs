//! Energies in equal bins.

use crate::ising::Ising;
use serde::{Deserialize, Serialize};
use smml_core::error::{Error, Result, finite, positive};
use smml_core::read_through;

/// Most bins of a grid.
const MAX_BINS: usize = 1 << 20;

/// Bins of equal width; bin k is centred at lowest + k step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawGrid")]
pub struct EnergyGrid {
    lowest: f64,
    step: f64,
    n_bins: usize,
}

read_through!(EnergyGrid: RawGrid { lowest: f64, step: f64, n_bins: usize } => EnergyGrid::new(lowest, step, n_bins));

impl EnergyGrid {
    /// `n_bins` bins, the first centred at `lowest`.
    ///
    /// # Errors
    /// A lowest energy that is not finite, a step that is not positive, no bins or more than 2²⁰.
    pub fn new(lowest: f64, step: f64, n_bins: usize) -> Result<Self> {
        finite("lowest energy", lowest)?;
        positive("step", step)?;
        if !(1..=MAX_BINS).contains(&n_bins) {
            return Err(Error::out_of_range("n_bins", n_bins, format!("in 1..={MAX_BINS}")));
        }
        finite("highest energy", lowest + (n_bins - 1) as f64 * step)?;
        Ok(EnergyGrid { lowest, step, n_bins })
    }

    /// The coarsest grid that has a bin of its own for every level of an Ising model with integer couplings and fields.
    /// Energies differ by multiples of the greatest common divisor of all 4 Jᵢⱼ and 2 (hᵢ + Σⱼ Jᵢⱼ): of 4 on the square
    /// lattice with J = 1, of 2 on the honeycomb.
    ///
    /// # Errors
    /// Couplings or fields that are not integers (choose the bins by [`EnergyGrid::new`]), or more than 2²⁰ bins.
    pub fn levels(ising: &Ising) -> Result<Self> {
        let largest = 2f64.powi(50);
        let mut divisor: u64 = 0;
        let (mut bound, mut all_up) = (0.0, 0.0);
        let mut take = |x: f64| divisor = gcd(divisor, x.abs() as u64);
        for i in 0..ising.n_spins() {
            let (h, couplings) = (ising.fields()[i], ising.couplings().neighbours(i).1);
            for x in couplings.iter().chain([&h]) {
                if x.fract() != 0.0 || x.abs() > largest {
                    let allowed = "an integer, for a grid with a bin for every level";
                    return Err(Error::out_of_range(format!("coupling or field of spin {i}"), x, allowed));
                }
            }
            let field = h + couplings.iter().sum::<f64>();
            take(2.0 * field);
            couplings.iter().for_each(|x| take(4.0 * x));
            bound += h.abs() + 0.5 * couplings.iter().map(|x| x.abs()).sum::<f64>();
            all_up -= 0.5 * (field + h);
        }
        if bound > largest {
            return Err(Error::out_of_range("sum of |J| and |h|", bound, "below 2^50"));
        }
        if divisor == 0 {
            return EnergyGrid::new(all_up, 1.0, 1);
        }
        let step = divisor as f64;
        let lowest = all_up - ((all_up + bound) / step).floor() * step;
        let bins = ((bound - lowest) / step).floor() + 1.0;
        if bins > MAX_BINS as f64 {
            return Err(Error::TooLarge {
                what: "a grid with a bin for every level".into(),
                needed: format!("{bins} bins"),
                limit: format!("{MAX_BINS}"),
            });
        }
        EnergyGrid::new(lowest, step, bins as usize)
    }

    /// Number of bins.
    pub fn n_bins(&self) -> usize {
        self.n_bins
    }
    /// The distance of two bins.
    pub fn step(&self) -> f64 {
        self.step
    }
    /// The energy in the middle of bin `k`.
    pub fn energy(&self, k: usize) -> f64 {
        self.lowest + k as f64 * self.step
    }
    /// The bin of an energy; `None` outside the grid.
    #[inline]
    pub fn bin(&self, energy: f64) -> Option<usize> {
        let k = ((energy - self.lowest) / self.step).round();
        // NaN fails both comparisons.
        (k >= 0.0 && k < self.n_bins as f64).then_some(k as usize)
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}
