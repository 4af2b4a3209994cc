//! Exact results by enumeration: density of states, partition function, moments.

use super::Ising;
use smml_core::{
    energy::{Energy, LnSum},
    error::{Error, Result},
};
use std::collections::BTreeMap;

/// Most spins that are enumerated: 2³⁰ states take some ten seconds.
pub const MAX_SPINS: usize = 30;

/// One level of [`spectrum`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// Energy.
    pub energy: f64,
    /// Magnetisation Σ s.
    pub magnetisation: i32,
    /// Number of states.
    pub count: u64,
}

/// The exact number of states for every pair of energy and magnetisation, in order of energy, then magnetisation.
/// Energies closer than 1e-9 of the largest are one level.
///
/// All 2ᴺ states are visited in Gray-code order, so each costs one flip. Errors: more than [`MAX_SPINS`] spins.
pub fn spectrum(ising: &Ising) -> Result<Vec<Level>> {
    let n = ising.n_spins();
    if n > MAX_SPINS {
        return Err(Error::TooLarge {
            what: "enumeration".into(),
            needed: format!("2^{n} states"),
            limit: format!("2^{MAX_SPINS} states"),
        });
    }
    let mut spins = vec![-1i8; n];
    let mut local: Vec<f64> = (0..n).map(|i| ising.local_field(&spins, i)).collect();
    let mut energy = ising.energy(&spins);
    let scale: f64 = ising.couplings().edges().map(|e| e.2.abs()).sum::<f64>()
        + ising.fields().iter().map(|h| h.abs()).sum::<f64>();
    let grid = if scale > 0.0 { scale * 1e-9 } else { 1.0 };
    let mut magnetisation = -(n as i32);
    let mut levels: BTreeMap<(i64, i32), (f64, u64)> = BTreeMap::new();
    for step in 0..1u64 << n {
        let level = levels.entry(((energy / grid).round() as i64, magnetisation)).or_insert((energy, 0));
        level.1 += 1;
        let i = (step + 1).trailing_zeros() as usize;
        if i < n {
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
    Ok(levels
        .into_iter()
        .map(|((_, magnetisation), (energy, count))| Level { energy, magnetisation, count })
        .collect())
}

/// Exact thermal averages, per spin where not said otherwise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thermal {
    /// ln Z (of the whole system).
    pub ln_z: f64,
    /// ⟨E⟩ / N
    pub energy: f64,
    /// Specific heat β² (⟨E²⟩ - ⟨E⟩²) / N
    pub specific_heat: f64,
    /// ⟨|M|⟩ / N
    pub magnetisation: f64,
    /// ⟨M²⟩ / N²
    pub magnetisation_squared: f64,
    /// β (⟨M²⟩ - ⟨|M|⟩²) / N
    pub susceptibility: f64,
    /// Binder cumulant 1 - ⟨M⁴⟩ / (3 ⟨M²⟩²)
    pub binder: f64,
}

/// Exact averages at `beta` from a [`spectrum`] of `n_spins` spins.
pub fn thermal(levels: &[Level], n_spins: usize, beta: f64) -> Thermal {
    let mut sum = LnSum::default();
    levels.iter().for_each(|l| sum.add(libm::log(l.count as f64) - beta * l.energy));
    let ln_z = sum.ln();
    let mean = |f: &dyn Fn(&Level) -> f64| -> f64 {
        levels.iter().map(|l| libm::exp(libm::log(l.count as f64) - beta * l.energy - ln_z) * f(l)).sum()
    };
    let n = n_spins as f64;
    let energy = mean(&|l| l.energy);
    let variance = mean(&|l| (l.energy - energy).powi(2));
    let m1 = mean(&|l| f64::from(l.magnetisation).abs());
    let m2 = mean(&|l| f64::from(l.magnetisation).powi(2));
    let m4 = mean(&|l| f64::from(l.magnetisation).powi(4));
    Thermal {
        ln_z,
        energy: energy / n,
        specific_heat: beta * beta * variance / n,
        magnetisation: m1 / n,
        magnetisation_squared: m2 / (n * n),
        susceptibility: beta * (m2 - m1 * m1) / n,
        binder: 1.0 - m4 / (3.0 * m2 * m2),
    }
}

/// Z of the ring of n spins without field, (2 cosh K)ⁿ + (2 sinh K)ⁿ with K = β J, as its logarithm; n >= 3.
pub fn ring_ln_z(n: usize, beta_j: f64) -> f64 {
    let k = beta_j.abs();
    // ln 2 cosh K = K + ln(1 + q) and ln tanh K = ln(1 - 2 q / (1 + q)) with q = e^(-2K): no overflow, no cancellation.
    let q = libm::exp(-2.0 * k);
    let ln_ratio = n as f64 * libm::log1p(-2.0 * q / (1.0 + q));
    // (2 sinh K)ⁿ is negative on an antiferromagnetic ring of odd length.
    let second = if beta_j < 0.0 && n % 2 == 1 {
        // 1 - tanhⁿ K -> 2 n q, where q would vanish before its logarithm does.
        if k > 100.0 { libm::log(2.0 * n as f64) - 2.0 * k } else { libm::log(-libm::expm1(ln_ratio)) }
    } else {
        libm::log1p(libm::exp(ln_ratio))
    };
    n as f64 * (k + libm::log1p(q)) + second
}
