//! Exact results by enumeration: density of states, partition function, moments.

use super::Ising;
use smml_core::{
    energy::{Energy, LnSum},
    error::{Error, Result, finite},
    parallel::{self, Par},
};
use std::collections::BTreeMap;

/// Most spins that are enumerated: 2³⁰ states take some ten seconds.
pub const MAX_SPINS: usize = 30;

/// Most levels of a [`spectrum`]: couplings without common divisor have nearly as many levels as states.
pub const MAX_LEVELS: usize = 1 << 20;

/// Spins that are the same for all states of one piece of work.
const PREFIX: usize = 6;

/// Pieces whose levels are in memory together.
const AT_ONCE: usize = 8;

/// One level of [`spectrum`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SpectrumLevel {
    /// Energy.
    pub energy: f64,
    /// Magnetisation Σ s.
    pub magnetisation: i32,
    /// Number of states.
    pub count: u64,
}

/// All 2ᴺ states in `n_pieces` pieces, each in Gray-code order, so that a state costs one flip.
struct Enumeration<'a> {
    ising: &'a Ising,
    /// Spins that a piece visits; the others are given by its number.
    n_free: usize,
    /// The bound Σ|J| + Σ|h| of the energy.
    scale: f64,
}

impl<'a> Enumeration<'a> {
    fn new(ising: &'a Ising) -> Result<Self> {
        let n = ising.n_spins();
        if n > MAX_SPINS {
            return Err(Error::TooLarge {
                what: "enumeration".into(),
                needed: format!("2^{n} states"),
                limit: format!("2^{MAX_SPINS} states"),
            });
        }
        let scale = ising.couplings().edges().map(|e| e.2.abs()).sum::<f64>()
            + ising.fields().iter().map(|h| h.abs()).sum::<f64>();
        Ok(Enumeration { ising, n_free: n - n.min(PREFIX), scale })
    }
    fn n_pieces(&self) -> usize {
        1 << (self.ising.n_spins() - self.n_free)
    }
    /// Calls `visit(E, M)` for every state of a piece; stops when it says false.
    fn visit(&self, piece: usize, mut visit: impl FnMut(f64, i32) -> bool) {
        let (ising, n) = (self.ising, self.ising.n_spins());
        let up = |i: usize| i >= self.n_free && piece >> (i - self.n_free) & 1 == 1;
        let mut spins: Vec<i8> = (0..n).map(|i| if up(i) { 1 } else { -1 }).collect();
        let mut local: Vec<f64> = (0..n).map(|i| ising.local_field(&spins, i)).collect();
        let mut energy = ising.energy(&spins);
        let mut magnetisation: i32 = spins.iter().map(|&s| i32::from(s)).sum();
        for step in 0..1u64 << self.n_free {
            if !visit(energy, magnetisation) {
                return;
            }
            let i = (step + 1).trailing_zeros() as usize;
            if i < self.n_free {
                energy += 2.0 * f64::from(spins[i]) * local[i];
                spins[i] = -spins[i];
                magnetisation += 2 * i32::from(spins[i]);
                let change = 2.0 * f64::from(spins[i]);
                let (neighbours, couplings) = ising.couplings().neighbours(i);
                for (j, coupling) in neighbours.iter().zip(couplings) {
                    local[*j as usize] += change * coupling;
                }
            }
        }
    }
}

/// The exact number of states for every pair of energy and magnetisation, in order of energy, then magnetisation.
/// Energies closer than 1e-9 of Σ|J| + Σ|h| are one level.
///
/// Errors: more than [`MAX_SPINS`] spins, more than [`MAX_LEVELS`] levels ([`averages`] needs no levels).
pub fn spectrum(ising: &Ising) -> Result<Vec<SpectrumLevel>> {
    let all = Enumeration::new(ising)?;
    let grid = if all.scale > 0.0 { all.scale * 1e-9 } else { 1.0 };
    type Counts = BTreeMap<(i32, i64), (f64, u64)>;
    let mut counts = Counts::new();
    // A few pieces at a time, so that too many levels are noticed before they fill the memory.
    for first in (0..all.n_pieces()).step_by(AT_ONCE) {
        let pieces = parallel::map(Par::Rayon, AT_ONCE.min(all.n_pieces() - first), |k| {
            let mut levels = Counts::new();
            all.visit(first + k, |energy, magnetisation| {
                levels.entry((magnetisation, (energy / grid).round() as i64)).or_insert((energy, 0)).1 += 1;
                levels.len() <= MAX_LEVELS
            });
            levels
        });
        for (key, (energy, count)) in pieces.into_iter().flatten() {
            counts.entry(key).or_insert((energy, 0)).1 += count;
        }
        if counts.len() > MAX_LEVELS {
            return Err(Error::TooLarge {
                what: "a table of levels".into(),
                needed: format!("more than {MAX_LEVELS} levels"),
                limit: format!("{MAX_LEVELS} levels; thermal averages do without"),
            });
        }
    }
    let mut levels: Vec<SpectrumLevel> = Vec::with_capacity(counts.len());
    for ((magnetisation, _), (energy, count)) in counts {
        match levels.last_mut() {
            // Rounding put equal energies into neighbouring cells of the grid.
            Some(last) if last.magnetisation == magnetisation && energy - last.energy < grid => {
                last.count += count;
            }
            _ => levels.push(SpectrumLevel { energy, magnetisation, count }),
        }
    }
    levels.sort_by(|a, b| a.energy.total_cmp(&b.energy).then(a.magnetisation.cmp(&b.magnetisation)));
    Ok(levels)
}

/// Exact thermal averages, per spin where not said otherwise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ThermalAverages {
    /// ln Z (of the whole system).
    pub ln_z: f64,
    /// ⟨E⟩ / N
    pub energy: f64,
    /// Specific heat β² (⟨E²⟩ - ⟨E⟩²) / N
    pub specific_heat: f64,
    /// ⟨M⟩ / N
    pub magnetisation: f64,
    /// ⟨|M|⟩ / N
    pub absolute_magnetisation: f64,
    /// ⟨M²⟩ / N²
    pub magnetisation_squared: f64,
    /// ∂m/∂h = β (⟨M²⟩ - ⟨M⟩²) / N
    pub susceptibility: f64,
    /// β (⟨M²⟩ - ⟨|M|⟩²) / N: see [`super::observe::Observables`]
    pub phase_susceptibility: f64,
    /// Binder cumulant 1 - ⟨M⁴⟩ / (3 ⟨M²⟩²); 0, as for normal fluctuations, where M vanishes.
    pub binder: f64,
}

/// The Binder cumulant from ⟨M²⟩ and ⟨M⁴⟩.
fn binder(m2: f64, m4: f64) -> f64 {
    if m2 > 0.0 { 1.0 - m4 / (3.0 * m2 * m2) } else { 0.0 }
}

/// Exact averages at `beta` from a [`spectrum`] of `n_spins` spins.
pub fn thermal(levels: &[SpectrumLevel], n_spins: usize, beta: f64) -> ThermalAverages {
    let mut sum = LnSum::default();
    levels.iter().for_each(|l| sum.add(libm::log(l.count as f64) - beta * l.energy));
    let ln_z = sum.ln();
    let weights: Vec<f64> =
        levels.iter().map(|l| libm::exp(libm::log(l.count as f64) - beta * l.energy - ln_z)).collect();
    // Where β E is large, its rounding moves all weights alike.
    let total: f64 = weights.iter().sum();
    let mean = |f: &dyn Fn(&SpectrumLevel) -> f64| -> f64 {
        levels.iter().zip(&weights).map(|(l, w)| w * f(l)).sum::<f64>() / total
    };
    let n = n_spins as f64;
    let energy = mean(&|l| l.energy);
    let m = mean(&|l| f64::from(l.magnetisation));
    let m1 = mean(&|l| f64::from(l.magnetisation).abs());
    let m2 = mean(&|l| f64::from(l.magnetisation).powi(2));
    let m4 = mean(&|l| f64::from(l.magnetisation).powi(4));
    ThermalAverages {
        ln_z,
        energy: energy / n,
        specific_heat: beta * beta * mean(&|l| (l.energy - energy).powi(2)) / n,
        magnetisation: m / n,
        absolute_magnetisation: m1 / n,
        magnetisation_squared: m2 / (n * n),
        susceptibility: beta * mean(&|l| (f64::from(l.magnetisation) - m).powi(2)) / n,
        phase_susceptibility: beta * mean(&|l| (f64::from(l.magnetisation).abs() - m1).powi(2)) / n,
        binder: binder(m2, m4),
    }
}

/// Sums over states of Boltzmann weights and of what they weigh.
#[derive(Clone, Copy, Default)]
struct Sums {
    weight: f64,
    energy: f64,
    energy_squared: f64,
    magnetisation: f64,
    absolute: f64,
    squared: f64,
    fourth: f64,
}

impl Sums {
    fn add(&mut self, weight: f64, energy: f64, magnetisation: f64) {
        let squared = magnetisation * magnetisation;
        self.weight += weight;
        self.energy += weight * energy;
        self.energy_squared += weight * energy * energy;
        self.magnetisation += weight * magnetisation;
        self.absolute += weight * magnetisation.abs();
        self.squared += weight * squared;
        self.fourth += weight * squared * squared;
    }
    fn join(mut self, other: Sums) -> Sums {
        self.weight += other.weight;
        self.energy += other.energy;
        self.energy_squared += other.energy_squared;
        self.magnetisation += other.magnetisation;
        self.absolute += other.absolute;
        self.squared += other.squared;
        self.fourth += other.fourth;
        self
    }
}

/// Exact averages at each of `betas` over all states, for any couplings: what [`spectrum`] and [`thermal`] give where
/// the levels are few.
///
/// Errors: β that is not finite, more than [`MAX_SPINS`] spins.
///
/// ```
/// use smml_physics::ising::{Ising, exact};
/// let pair = Ising::new(2, &[(0, 1, 1.0)], vec![0.0; 2])?;
/// let at = exact::averages(&pair, &[0.5])?[0];
/// assert!((at.energy + 0.5f64.tanh() / 2.0).abs() < 1e-15);
/// # Ok::<(), smml_core::Error>(())
/// ```
pub fn averages(ising: &Ising, betas: &[f64]) -> Result<Vec<ThermalAverages>> {
    for (k, beta) in betas.iter().enumerate() {
        finite(&format!("betas[{k}]"), *beta)?;
    }
    let all = Enumeration::new(ising)?;
    let extremes = parallel::map(Par::Rayon, all.n_pieces(), |piece| {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        all.visit(piece, |energy, _| {
            (low, high) = (low.min(energy), high.max(energy));
            true
        });
        (low, high)
    });
    let low = extremes.iter().map(|e| e.0).fold(f64::INFINITY, f64::min);
    let high = extremes.iter().map(|e| e.1).fold(f64::NEG_INFINITY, f64::max);
    // Energies are counted from the likeliest one: no weight exceeds 1, and small variances do not cancel.
    let origin = |beta: f64| if beta < 0.0 { high } else { low };
    let pieces = parallel::map(Par::Rayon, all.n_pieces(), |piece| {
        let mut sums = vec![Sums::default(); betas.len()];
        all.visit(piece, |energy, magnetisation| {
            for (sums, beta) in sums.iter_mut().zip(betas) {
                let energy = energy - origin(*beta);
                sums.add(libm::exp(-beta * energy), energy, f64::from(magnetisation));
            }
            true
        });
        sums
    });
    let mut total = vec![Sums::default(); betas.len()];
    for piece in pieces {
        total.iter_mut().zip(piece).for_each(|(total, sums)| *total = total.join(sums));
    }
    let n = ising.n_spins() as f64;
    let average = |(sums, beta): (&Sums, &f64)| {
        let mean = |sum: f64| sum / sums.weight;
        let excess = mean(sums.energy);
        let (m, m1, m2) = (mean(sums.magnetisation), mean(sums.absolute), mean(sums.squared));
        ThermalAverages {
            ln_z: libm::log(sums.weight) - beta * origin(*beta),
            energy: (origin(*beta) + excess) / n,
            specific_heat: beta * beta * (mean(sums.energy_squared) - excess * excess).max(0.0) / n,
            magnetisation: m / n,
            absolute_magnetisation: m1 / n,
            magnetisation_squared: m2 / (n * n),
            susceptibility: beta * (m2 - m * m).max(0.0) / n,
            phase_susceptibility: beta * (m2 - m1 * m1).max(0.0) / n,
            binder: binder(m2, mean(sums.fourth)),
        }
    };
    Ok(total.iter().zip(betas).map(average).collect())
}
