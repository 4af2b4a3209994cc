//! The integrated autocorrelation time, and the error of a mean that follows from it.

use super::{Estimate, MIN_N_EFF, Source, mean_and_variance, student_factor};
use crate::error::{Error, Result};

/// Wolff's S: the assumed ratio of the slowest exponential autocorrelation time to the integrated one. Larger values
/// trade bias for noise.
const S: f64 = 1.5;
/// Longest window summed directly. A slower series is first averaged over pairs, as often as needed: blocks change
/// neither its mean nor the error of the mean, and the work stays linear in the length.
const MAX_LAG: usize = 128;

/// What the autocorrelations of a stationary series say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Autocorrelation {
    /// Number of samples.
    pub n: usize,
    /// Their mean.
    pub mean: f64,
    /// Variance of one sample.
    pub variance: f64,
    /// Integrated autocorrelation time ½ + Σ ρ(t), in samples; below ½ when samples are anticorrelated.
    pub tau_int: f64,
    /// Standard error of `tau_int`.
    pub tau_int_error: f64,
    /// Standard error of the mean.
    pub std_error: f64,
    /// Degrees of freedom of `std_error`.
    pub dof: f64,
}

impl Autocorrelation {
    /// The mean with its error; [`Error::TooShort`] below ten independent samples.
    pub fn estimate(&self) -> Result<Estimate> {
        let n = self.n as f64;
        if self.variance == 0.0 {
            return Ok(Estimate {
                value: self.mean,
                std_error: 0.0,
                tau_int: 0.5,
                n_eff: n,
                dof: n - 1.0,
                source: Source::Constant,
            });
        }
        let n_eff = n / (2.0 * self.tau_int);
        if n_eff < MIN_N_EFF {
            return Err(Error::TooShort {
                have: self.n,
                needed: (2.0 * self.tau_int * MIN_N_EFF).ceil() as usize,
            });
        }
        Ok(Estimate {
            value: self.mean,
            std_error: self.std_error,
            tau_int: self.tau_int,
            n_eff,
            dof: self.dof,
            source: Source::Chain,
        })
    }
}

/// Autocorrelation time and error of the mean of a stationary series.
///
/// τ_int = ½ + Σ_{t=1}^{W} ρ(t), with the automatic window of U. Wolff (Comput. Phys. Commun. 156, 143 (2004), S = 1.5)
/// and his correction for the bias that subtracting the sample mean causes. Series with τ_int above about 25 are
/// averaged over pairs first.
///
/// `std_error` is enlarged by the Student factor of its own degrees of freedom, so that ± one standard error covers
/// 68.3 % for short series too.
///
/// Errors: fewer than 8 samples, or samples that are not finite.
pub fn autocorrelation(series: &[f64]) -> Result<Autocorrelation> {
    let n = series.len();
    if n < 8 {
        return Err(Error::TooShort { have: n, needed: 8 });
    }
    let (mean, variance) = mean_and_variance(series)?;
    if variance == 0.0 {
        let n = n as f64;
        return Ok(Autocorrelation {
            n: series.len(),
            mean,
            variance: 0.0,
            tau_int: 0.5,
            tau_int_error: 0.0,
            std_error: 0.0,
            dof: n - 1.0,
        });
    }
    let mut centred: Vec<f64> = series.iter().map(|x| x - mean).collect();
    loop {
        let m = centred.len();
        let enough = m < 4 * MAX_LAG;
        if let Some((long_run, window)) = long_run_variance(&centred, if enough { m / 2 } else { MAX_LAG }) {
            let m = m as f64;
            // Bias of the sample mean: each ρ(t) is low by 2 τ / m.
            let width = (2 * window + 1) as f64;
            let long_run = long_run * (1.0 + width / m);
            let tau_int = 0.5 * n as f64 * long_run / (m * variance);
            let dof = (m / width).max(1.0);
            return Ok(Autocorrelation {
                n,
                mean,
                variance,
                tau_int,
                tau_int_error: tau_int * (2.0 * width / m).sqrt(),
                std_error: student_factor(dof) * (2.0 * tau_int * variance / n as f64).sqrt(),
                dof,
            });
        }
        if enough {
            // No window fits: the series is shorter than its own memory.
            return Err(Error::TooShort { have: n, needed: 2 * n });
        }
        centred = centred.chunks_exact(2).map(|pair| 0.5 * (pair[0] + pair[1])).collect();
    }
}

/// Σ over |t| <= W of the autocovariance, with the window W at which the bias of stopping equals the noise of going on;
/// `None` when that is above `max_lag`.
fn long_run_variance(centred: &[f64], max_lag: usize) -> Option<(f64, usize)> {
    let n = centred.len() as f64;
    let covariance = |lag: usize| centred[lag..].iter().zip(centred).map(|(a, b)| a * b).sum::<f64>() / n;
    let c0 = covariance(0);
    let mut tau = 0.5;
    for lag in 1..=max_lag {
        tau += covariance(lag) / c0;
        // The decay time that goes with tau when autocorrelations are exponential; none is left when tau <= ½.
        let slowest = if tau > 0.5 { S / libm::log((2.0 * tau + 1.0) / (2.0 * tau - 1.0)) } else { 1e-10 };
        let w = lag as f64;
        if libm::exp(-w / slowest) < slowest / (w * n).sqrt() {
            return Some((2.0 * tau.max(0.01) * c0, lag));
        }
    }
    None
}

/// ρ(t) for t = 0 ..= max_lag; ρ(0) = 1. Errors: a constant or too short series.
pub fn autocorrelation_function(series: &[f64], max_lag: usize) -> Result<Vec<f64>> {
    let n = series.len();
    if n < 8 || max_lag >= n {
        return Err(Error::TooShort { have: n, needed: (max_lag + 1).max(8) });
    }
    let (mean, variance) = mean_and_variance(series)?;
    if variance == 0.0 {
        return Err(Error::Undefined {
            what: "the autocorrelation".into(),
            why: "the series is constant".into(),
        });
    }
    let centred: Vec<f64> = series.iter().map(|x| x - mean).collect();
    let c0: f64 = centred.iter().map(|x| x * x).sum();
    Ok((0..=max_lag)
        .map(|t| centred[t..].iter().zip(&centred).map(|(a, b)| a * b).sum::<f64>() / c0)
        .collect())
}

/// Binning analysis: (bin length, standard error of the mean from bins of that length) for lengths 1, 2, 4, ... while
/// there are at least 16 bins. The errors rise to a plateau when bins are longer than the autocorrelation time.
pub fn bin_errors(series: &[f64]) -> Result<Vec<(usize, f64)>> {
    if series.len() < 16 {
        return Err(Error::TooShort { have: series.len(), needed: 16 });
    }
    let mut bins = series.to_vec();
    let mut levels = Vec::new();
    let mut length = 1;
    while bins.len() >= 16 {
        let (_, variance) = mean_and_variance(&bins)?;
        levels.push((length, (variance / bins.len() as f64).sqrt()));
        bins = bins.chunks_exact(2).map(|pair| 0.5 * (pair[0] + pair[1])).collect();
        length *= 2;
    }
    Ok(levels)
}
