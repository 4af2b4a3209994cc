//! Free energies: ln Z, and differences of it, from samples.
//!
//! | at hand | use |
//! |---|---|
//! | ⟨E⟩ on a grid of β | [`integrate`], [`thermodynamic_integration`] |
//! | a model whose β = 0 can be drawn exactly | [`ais`]; [`ais_reverse`] when the target can be drawn too |
//! | samples of two states, both energies of each | [`bar`] |
//! | samples of many states, all energies of each | [`Mbar`] |
//! | energies of runs at several temperatures | [`MultiHistogram`] |
//! | work values of a process, one way or both | [`jarzynski`], [`crooks`] |
//!
//! Signs: [`bar`] and [`Mbar`] give reduced free energies f = -ln Z (energies in units of kT, u = βE); work gives
//! ΔF = -ln(Z₁/Z₀)/β in the units of the work; everything else gives ln Z.
//!
//! What does not live here: sampling itself ([`crate::kernel`]), weights of one proposal ([`crate::importance`]).

use crate::{
    energy::ln_sum_exp,
    error::{Error, Result},
    estimate::{Estimate, MIN_N_EFF, Source, autocorrelation, normalised_weights},
};

mod annealed;
mod bar;
mod histogram;
mod integration;
mod mbar;
mod quadrature;
mod self_consistent;
mod work;

pub use annealed::{
    Annealed, AnnealingPath, ReverseAnnealed, Thermal, ais, ais_path, ais_path_reverse, ais_reverse,
    annealing_ladder,
};
pub use bar::{Bar, bar, bar_correlated};
pub use histogram::{Binning, EnergyLevel, MultiHistogram};
pub use integration::{
    GridIntegral, RunLength, ThermodynamicIntegral, integrate, sample_energies, thermodynamic_integration,
};
pub use mbar::Mbar;
pub use quadrature::{Rule, gauss_legendre, weights as quadrature_weights};
pub use work::{
    Crooks, CrooksBin, crooks, crooks_histogram, integral_fluctuation, jarzynski, jarzynski_bias,
    jarzynski_cumulant, jarzynski_jackknife,
};

#[cfg(test)]
mod tests;

/// ln⟨w⟩ of independent samples whose weights are given by their logarithms. Error by the delta method,
/// σ² = n/(n-1) Σ (pᵢ - 1/n)² with pᵢ = wᵢ/Σw; n_eff = (Σw)²/Σw², with n_eff - 1 degrees of freedom.
///
/// ⟨w⟩ is unbiased, its logarithm is low by σ²/2 to first order: a lower bound of ln E\[w\] in expectation.
///
/// Errors: weights that are NaN, +∞ or all zero; [`Error::TooShort`] when fewer than [`MIN_N_EFF`] samples carry the
/// weight. A large n_eff proves nothing by itself: the samples that matter may never have been drawn.
pub fn ln_mean_exp(ln_weights: &[f64]) -> Result<Estimate> {
    let n = ln_weights.len();
    let enough = MIN_N_EFF as usize;
    if n < enough {
        return Err(Error::TooShort { have: n, needed: enough });
    }
    let weights = normalised_weights(ln_weights)?;
    let count = n as f64;
    let n_eff = 1.0 / weights.iter().map(|p| p * p).sum::<f64>();
    if n_eff < MIN_N_EFF {
        return Err(Error::TooShort { have: n, needed: (count * MIN_N_EFF / n_eff).ceil() as usize });
    }
    let value = ln_sum_exp(ln_weights) - libm::log(count);
    if ln_weights.iter().all(|w| *w == ln_weights[0]) {
        return Ok(Estimate::with_dof(ln_weights[0], 0.0, count - 1.0, count, Source::Constant));
    }
    let spread: f64 = weights.iter().map(|p| (p - 1.0 / count).powi(2)).sum();
    let raw_error = (spread * count / (count - 1.0)).sqrt();
    Ok(Estimate::with_dof(value, raw_error, n_eff - 1.0, n_eff, Source::Population))
}

/// Statistical inefficiency g = 2 τ_int of a series: as many correlated samples as are worth one independent one.
/// 1 for a constant series.
///
/// Errors: as [`autocorrelation`], and [`Error::TooShort`] below [`MIN_N_EFF`] independent samples.
pub fn inefficiency(series: &[f64]) -> Result<f64> {
    let a = autocorrelation(series)?;
    a.estimate()?;
    Ok(2.0 * a.tau_int)
}

/// `e` when its numbers are finite: sums of squares, and factors like 1/β, may overflow where the data do not.
fn finite_estimate(what: &str, e: Estimate) -> Result<Estimate> {
    if e.value.is_finite() && e.std_error.is_finite() {
        return Ok(e);
    }
    Err(Error::Undefined {
        what: what.into(),
        why: format!("it comes out as {} with error {}: numbers too large", e.value, e.std_error),
    })
}
