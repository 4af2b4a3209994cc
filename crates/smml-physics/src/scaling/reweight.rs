//! Multi-histogram reweighting of simultaneous series of energy and order parameter at several temperatures.

use super::at_least;
use smml_core::{
    error::{Error, Result, all_finite, finite, positive, same_length},
    estimate::{LeftOut, autocorrelation, edge_correction},
};

/// Blocks of every chain that are left out together, one at a time.
pub(super) const BLOCKS: usize = 50;
/// Autocorrelation times in a block, at least.
const BLOCK_TAU: f64 = 10.0;
/// How far beyond the temperatures of its chains a size is reweighted, in standard deviations of the energy.
const REACH: f64 = 1.5;
/// Most levels of energy of one size. Where there are more energies (continuous couplings), they are put in so many equal
/// bins, each at its mean: with chains that spread over some ten standard deviations, a bin is below a hundredth of one,
/// and what reweighting gets wrong is of second order in it.
const MAX_LEVELS: usize = 1 << 13;
/// Where the range of the chains would include β = 0 it ends at this part of the smallest |β| instead.
const LEAST_BETA: f64 = 0.1;
/// Most self-consistent iterations.
const MAX_ITERATIONS: usize = 2000;

/// A chain at one temperature: sample by sample the energy E of the whole system and the order parameter m per site.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// T
    pub temperature: f64,
    /// E
    pub energy: Vec<f64>,
    /// m, whose sign does not matter.
    pub order: Vec<f64>,
}

/// What the chains of one size say at one temperature.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct At {
    /// 1 - ⟨m⁴⟩ / (3 ⟨m²⟩²)
    pub(super) binder: f64,
    /// dU/dT
    pub(super) binder_slope: f64,
    /// ln ⟨|m|⟩
    pub(super) ln_order: f64,
    /// ln ⟨m²⟩
    pub(super) ln_square: f64,
}

/// Samples of the same energy together: number, Σ |m|, Σ m², Σ m⁴.
type Sums = [f64; 4];

/// The energies of the samples: each its own level, or bins where there are very many.
struct Levels {
    lowest: f64,
    step: f64,
    n: usize,
    distinct: Option<Vec<f64>>,
}

impl Levels {
    fn of(series: &[Series]) -> Self {
        let all = || series.iter().flat_map(|s| s.energy.iter().copied());
        let (lowest, highest) =
            all().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), e| (low.min(e), high.max(e)));
        // No more are kept than are allowed, however many samples there are.
        let mut distinct = Vec::with_capacity(2 * MAX_LEVELS);
        let tidy = |d: &mut Vec<f64>| {
            d.sort_by(f64::total_cmp);
            d.dedup();
        };
        for e in all() {
            if distinct.last() == Some(&e) {
                continue;
            }
            distinct.push(e);
            if distinct.len() == 2 * MAX_LEVELS {
                tidy(&mut distinct);
                if distinct.len() > MAX_LEVELS {
                    break;
                }
            }
        }
        tidy(&mut distinct);
        if distinct.len() > MAX_LEVELS {
            Levels { lowest, step: (highest - lowest) / MAX_LEVELS as f64, n: MAX_LEVELS, distinct: None }
        } else {
            Levels { lowest, step: 0.0, n: distinct.len(), distinct: Some(distinct) }
        }
    }
    fn number(&self, energy: f64) -> usize {
        match &self.distinct {
            Some(all) => all.partition_point(|e| *e < energy),
            None => (((energy - self.lowest) / self.step) as usize).min(self.n - 1),
        }
    }
}

/// Chains of one size, cut in blocks.
pub(super) struct Reweighting {
    temperatures: Vec<f64>,
    /// Samples of each temperature.
    counts: Vec<f64>,
    energies: Vec<f64>,
    total: Vec<Sums>,
    /// Block by block, level by level.
    blocks: Vec<Vec<(u32, Sums)>>,
    /// Standard deviation of the energy at one temperature, the largest.
    width: f64,
    /// The largest autocorrelation time, in samples.
    tau: f64,
    /// Samples of the shortest chain.
    shortest: usize,
}

impl Reweighting {
    pub(super) fn new(series: &[Series]) -> Result<Self> {
        at_least("temperatures of a size", series.len(), 1)?;
        let (mut tau, mut width, mut shortest): (f64, f64, _) = (0.5, 0.0, usize::MAX);
        for (k, s) in series.iter().enumerate() {
            finite(&format!("temperature of series {k}"), s.temperature)?;
            if s.temperature == 0.0 {
                return Err(Error::out_of_range(format!("temperature of series {k}"), 0, "other than 0"));
            }
            if (s.temperature > 0.0) != (series[0].temperature > 0.0) {
                let allowed = "of one sign, for all series of a size";
                return Err(Error::out_of_range(
                    format!("temperature of series {k}"),
                    s.temperature,
                    allowed,
                ));
            }
            same_length("order parameter of a series", s.order.len(), s.energy.len())?;
            all_finite("energy", &s.energy)?;
            all_finite("order parameter", &s.order)?;
            let squares: Vec<f64> = s.order.iter().map(|m| m * m).collect();
            let of_energy = autocorrelation(&s.energy)?;
            tau = tau.max(autocorrelation(&squares)?.tau_int).max(of_energy.tau_int);
            width = width.max(of_energy.variance.sqrt());
            shortest = shortest.min(s.energy.len());
        }
        let needed = (BLOCK_TAU * tau).ceil() as usize * BLOCKS;
        if shortest < needed {
            return Err(Error::TooShort { have: shortest, needed });
        }
        let levels = Levels::of(series);
        let n_levels = levels.n;
        let mut total = vec![[0.0; 4]; n_levels];
        let mut energy_sums = vec![0.0; n_levels];
        let mut blocks = Vec::with_capacity(BLOCKS);
        for b in 0..BLOCKS {
            let mut sums = std::collections::BTreeMap::<u32, Sums>::new();
            for s in series {
                let n = s.energy.len();
                for i in b * n / BLOCKS..(b + 1) * n / BLOCKS {
                    let level = levels.number(s.energy[i]);
                    let square = s.order[i] * s.order[i];
                    let row = [1.0, s.order[i].abs(), square, square * square];
                    let here = sums.entry(level as u32).or_default();
                    (0..4).for_each(|k| here[k] += row[k]);
                    energy_sums[level] += s.energy[i] - levels.lowest;
                }
            }
            for (level, row) in &sums {
                (0..4).for_each(|k| total[*level as usize][k] += row[k]);
            }
            blocks.push(sums.into_iter().collect());
        }
        // Relative to the middle: weights then stay within the range of an f64. Bins without samples have no weight.
        let mean = |k: usize| if total[k][0] > 0.0 { energy_sums[k] / total[k][0] } else { 0.0 };
        let energies: Vec<f64> = match &levels.distinct {
            Some(all) => all.iter().map(|e| e - all[n_levels / 2]).collect(),
            None => (0..n_levels).map(|k| mean(k) - mean(n_levels / 2)).collect(),
        };
        Ok(Reweighting {
            temperatures: series.iter().map(|s| s.temperature).collect(),
            counts: series.iter().map(|s| s.energy.len() as f64).collect(),
            energies,
            total,
            blocks,
            width: positive("fluctuation of the energy", width)?,
            tau,
            shortest,
        })
    }

    /// Values of a quantity without each block, for [`smml_core::estimate::jackknife_groups`].
    pub(super) fn left_out(&self, values: Vec<f64>) -> LeftOut {
        LeftOut { values, n: self.shortest, tau: self.tau }
    }

    #[cfg(test)]
    pub(super) fn n_levels(&self) -> usize {
        self.energies.len()
    }

    /// The standard error by values without each block.
    pub(super) fn error(&self, without: &[f64]) -> f64 {
        let n = without.len() as f64;
        let mean = without.iter().sum::<f64>() / n;
        let variance = without.iter().map(|x| (x - mean).powi(2)).sum::<f64>() * (n - 1.0) / n;
        (edge_correction(self.tau, self.shortest as f64 / n) * variance).sqrt()
    }

    /// Temperatures that can be reached: those of the chains, and beyond them as far in β as the mean energy there moves by
    /// one and a half standard deviations. They keep the sign of those of the chains.
    pub(super) fn range(&self) -> (f64, f64) {
        let betas = self.temperatures.iter().map(|t| 1.0 / t);
        let (low, high) = betas.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), b| (l.min(b), h.max(b)));
        let reach = REACH / self.width;
        let (mut from, mut to) = (low - reach, high + reach);
        if low > 0.0 {
            from = from.max(LEAST_BETA * low);
        } else {
            to = to.min(LEAST_BETA * high);
        }
        (1.0 / to, 1.0 / from)
    }

    /// All samples, then those without each block in turn.
    pub(super) fn curves(&self) -> Result<Vec<Curve<'_>>> {
        let mut free = vec![0.0; self.counts.len()];
        let all = self.curve(self.total.clone(), 1.0, &mut free)?;
        let mut curves = vec![all];
        for block in &self.blocks {
            let mut rest = self.total.clone();
            for (level, row) in block {
                (0..4).for_each(|k| rest[*level as usize][k] -= row[k]);
            }
            let left = 1.0 - 1.0 / self.blocks.len() as f64;
            curves.push(self.curve(rest, left, &mut free.clone())?);
        }
        Ok(curves)
    }

    /// Solves e^(-f_k) = Σ_E h(E) e^(-β_k E) / Σ_j N_j e^(f_j - β_j E) from a guess of f (A. M. Ferrenberg and
    /// R. H. Swendsen, Phys. Rev. Lett. 63, 1195 (1989)).
    fn curve(&self, sums: Vec<Sums>, share: f64, free: &mut [f64]) -> Result<Curve<'_>> {
        let n = self.counts.len();
        let mut ln_weights = vec![0.0; self.energies.len()];
        let boltzmann: Vec<Vec<f64>> =
            self.temperatures.iter().map(|t| self.energies.iter().map(|e| -e / t).collect()).collect();
        for _ in 0..MAX_ITERATIONS {
            for (i, w) in ln_weights.iter_mut().enumerate() {
                let term = |k: usize| libm::log(share * self.counts[k]) + free[k] + boltzmann[k][i];
                let top = (0..n).map(term).fold(f64::NEG_INFINITY, f64::max);
                *w = -top - libm::log((0..n).map(|k| libm::exp(term(k) - top)).sum());
            }
            if n == 1 {
                return Ok(Curve { energies: &self.energies, ln_weights, sums });
            }
            let mut new = vec![0.0; n];
            for (k, f) in new.iter_mut().enumerate() {
                let terms = sums.iter().zip(&ln_weights).zip(&boltzmann[k]);
                *f = -libm::log(terms.map(|((s, w), b)| s[0] * libm::exp(w + b)).sum());
            }
            let change = new.iter().zip(&*free).map(|(a, b)| (a - new[0] - b).abs()).fold(0.0, f64::max);
            let first = new[0];
            free.iter_mut().zip(new).for_each(|(f, x)| *f = x - first);
            if !(change > 1e-9) {
                return Ok(Curve { energies: &self.energies, ln_weights, sums });
            }
        }
        Err(Error::NotConverged {
            what: "reweighting (are neighbouring temperatures too far apart?)".into(),
            residual: f64::NAN,
            iterations: MAX_ITERATIONS,
            tolerance: 1e-9,
        })
    }
}

/// The samples of one size, ready for any temperature.
pub(super) struct Curve<'a> {
    energies: &'a [f64],
    ln_weights: Vec<f64>,
    sums: Vec<Sums>,
}

impl Curve<'_> {
    pub(super) fn at(&self, temperature: f64) -> At {
        let beta = 1.0 / temperature;
        let exponent = |i: usize| self.ln_weights[i] - beta * self.energies[i];
        let top = (0..self.sums.len()).map(exponent).fold(f64::NEG_INFINITY, f64::max);
        // Sums, and sums times E.
        let (mut s, mut with_energy) = ([0.0; 4], [0.0; 4]);
        for (i, row) in self.sums.iter().enumerate() {
            let w = libm::exp(exponent(i) - top);
            for k in 0..4 {
                let x = w * row[k];
                s[k] += x;
                with_energy[k] += x * self.energies[i];
            }
        }
        let mean = |k: usize| s[k] / s[0];
        // d ln⟨x⟩/dT = (⟨x E⟩ / ⟨x⟩ - ⟨E⟩) / T²
        let slope = |k: usize| beta * beta * (with_energy[k] / s[k] - with_energy[0] / s[0]);
        let ratio = mean(3) / (3.0 * mean(2) * mean(2));
        At {
            binder: 1.0 - ratio,
            binder_slope: -ratio * (slope(3) - 2.0 * slope(2)),
            ln_order: libm::log(mean(1)),
            ln_square: libm::log(mean(2)),
        }
    }

    /// The temperature at which the cumulant has a value, by Newton's steps from `start`, kept within `range`.
    pub(super) fn temperature_of(&self, binder: f64, start: f64, range: (f64, f64)) -> Option<f64> {
        newton(start, range, |t| {
            let at = self.at(t);
            (at.binder - binder, at.binder_slope)
        })
    }
}

/// A root by Newton's method inside a range that is cut down at every step.
pub(super) fn newton(
    start: f64,
    (mut low, mut high): (f64, f64),
    f: impl Fn(f64) -> (f64, f64),
) -> Option<f64> {
    let (at_low, at_high) = (f(low).0, f(high).0);
    if !(at_low * at_high <= 0.0) {
        return None;
    }
    let width = high - low;
    let mut x = start.clamp(low, high);
    for _ in 0..200 {
        let (value, slope) = f(x);
        if value == 0.0 {
            return Some(x);
        }
        if (value > 0.0) == (at_low > 0.0) {
            low = x
        } else {
            high = x
        }
        let next = x - value / slope;
        let next = if next > low && next < high { next } else { 0.5 * (low + high) };
        if (next - x).abs() <= 1e-13 * width {
            return Some(next);
        }
        x = next;
    }
    Some(x)
}
