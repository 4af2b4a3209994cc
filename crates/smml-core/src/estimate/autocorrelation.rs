//! The integrated autocorrelation time, and the error of a mean that follows from it.

use super::{Estimate, MIN_N_EFF, Moments, Source, mean_and_variance, student_factor, with_rounding};
use crate::error::{Error, Result};

/// Wolff's S: the assumed ratio of the slowest exponential autocorrelation time to the integrated one. Larger values
/// trade bias for noise: with 1.5 the window ends too early where several time scales meet, as at a critical point.
const S: f64 = 2.0;
/// Longest window summed directly. A slower series is first averaged over pairs, as often as needed: blocks change
/// neither its mean nor the error of the mean, and the work stays linear in the length.
const MAX_LAG: usize = 128;

/// Anticorrelated series shorter than this are not averaged over pairs.
const MIN_PAIRED: usize = 64;
/// Fewest blocks of the check against slow modes that the window did not see; up to twice as many.
const CHECK_BLOCKS: usize = 32;
/// A variance from blocks that is this many times the one from the window shows a slow mode. For χ² with 31 degrees of
/// freedom chance alone does so once in 10⁶ series.
const SLOW_MODE: f64 = 2.7;

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
    /// Plain standard error of `tau_int`, with `dof` degrees of freedom.
    pub tau_int_error: f64,
    /// Standard error of the mean, enlarged for its degrees of freedom as [`Estimate::std_error`] is.
    pub std_error: f64,
    /// Degrees of freedom of `std_error`.
    pub dof: f64,
}

impl Autocorrelation {
    /// The mean with its error; [`Error::TooShort`] below ten independent samples.
    pub fn estimate(&self) -> Result<Estimate> {
        let n = self.n as f64;
        if self.variance == 0.0 {
            return Ok(Estimate::with_dof(self.mean, 0.0, self.dof, n, Source::Constant));
        }
        let n_eff = n / (2.0 * self.tau_int);
        if !(n_eff >= MIN_N_EFF) {
            return Err(Error::TooShort {
                have: self.n,
                needed: (2.0 * self.tau_int * MIN_N_EFF).ceil() as usize,
            });
        }
        let mean = Estimate::with_dof(self.mean, self.raw_error(), self.dof, n_eff, Source::Chain);
        Ok(Estimate { tau_int: self.tau_int, ..mean })
    }

    /// The plain standard error of the mean, sqrt(2 τ_int variance / n), and what rounding the mean may add.
    pub fn raw_error(&self) -> f64 {
        with_rounding((2.0 * self.tau_int / self.n as f64).sqrt() * self.variance.sqrt(), self.mean)
    }
}

/// Autocorrelation time and error of the mean of a stationary series.
///
/// τ_int = ½ + Σ_{t=1}^{W} ρ(t), with the automatic window of U. Wolff (Comput. Phys. Commun. 156, 143 (2004), S = 2)
/// and his correction for the bias that subtracting the sample mean causes. Series with τ_int above about 25 are
/// averaged over pairs first, and so are series whose neighbours are anticorrelated.
///
/// The window assumes one time scale. A weak slow mode under fast noise would end it too early: the error is therefore
/// compared with that of 32 to 63 long blocks, and where these say much more the window is laid over the means of 64 to
/// 127 blocks instead, in which fast noise no longer hides the slow mode. A drift is such a mode, as slow as the series
/// is long, and ends in [`Error::TooShort`].
///
/// `std_error` is enlarged by the Student factor of its own degrees of freedom, so that ± one standard error covers
/// 68.3 % for short series too.
///
/// Errors: fewer than 8 samples, samples that are not finite, a spread whose square an f64 cannot hold, and
/// [`Error::TooShort`] for a series that is shorter than its own memory.
pub fn autocorrelation(series: &[f64]) -> Result<Autocorrelation> {
    let n = series.len();
    if n < 8 {
        return Err(Error::TooShort { have: n, needed: 8 });
    }
    let moments = Moments::of(series)?;
    let (mean, variance) = (moments.mean(), moments.variance);
    let found = |tau_int: f64, tau_int_error: f64, dof: f64| {
        let raw = Autocorrelation { n, mean, variance, tau_int, tau_int_error, std_error: 0.0, dof };
        Autocorrelation { std_error: student_factor(dof) * raw.raw_error(), ..raw }
    };
    if variance == 0.0 {
        return Ok(found(0.5, 0.0, n as f64 - 1.0));
    }
    let mut centred = moments.centred(series);
    let from_blocks = block_variance(&centred);
    // Samples averaged into one of the current series.
    let mut length = 1.0;
    let mut slow_mode = false;
    loop {
        let m = centred.len();
        let enough = m < 4 * MAX_LAG;
        if m >= MIN_PAIRED && anticorrelated(&centred) && vary(&pairs(&centred), &centred) {
            // Neighbours that undo one another: a window would close before the next term takes some of it back.
            // Their means hardly do.
        } else if let Some((long_run, window)) =
            long_run_variance(&centred, if enough { m / 2 } else { MAX_LAG })
        {
            let m = m as f64;
            // Bias of the sample mean: each ρ(t) is low by 2 τ / m.
            let width = (2 * window + 1) as f64;
            let long_run = long_run * (1.0 + width / m);
            slow_mode |= from_blocks.is_some_and(|v| v > SLOW_MODE * length * long_run);
            if !slow_mode || centred.len() < 4 * CHECK_BLOCKS {
                let tau_int = 0.5 * n as f64 * long_run / (m * variance);
                // Fast noise makes many independent samples; of the slow mode there must be ten, too.
                let of_slow_mode = centred.iter().map(|x| x * x).sum::<f64>() / long_run;
                if slow_mode && of_slow_mode < MIN_N_EFF {
                    let needed = (n as f64 * MIN_N_EFF / of_slow_mode).ceil() as usize;
                    return Err(Error::TooShort { have: n, needed });
                }
                return Ok(found(tau_int, tau_int * (2.0 * width / m).sqrt(), (m / width).max(1.0)));
            }
        } else if enough {
            // No window fits: the series is shorter than its own memory.
            return Err(Error::TooShort { have: n, needed: 2 * n });
        }
        centred = pairs(&centred);
        length *= 2.0;
    }
}

/// Σ over |t| <= W of the autocovariance, with the window W at which the bias of stopping equals the noise of going on;
/// `None` when that is above `max_lag`.
fn long_run_variance(centred: &[f64], max_lag: usize) -> Option<(f64, usize)> {
    let n = centred.len() as f64;
    let covariance = |lag: usize| centred[lag..].iter().zip(centred).map(|(a, b)| a * b).sum::<f64>() / n;
    let c0 = covariance(0);
    if !(c0 > 0.0) {
        return None; // averages that are all equal say nothing of the memory
    }
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

/// The means of pairs.
fn pairs(x: &[f64]) -> Vec<f64> {
    x.chunks_exact(2).map(|pair| 0.5 * (pair[0] + pair[1])).collect()
}

/// Whether something is left of the spread: not where a series alternates strictly.
fn vary(means: &[f64], samples: &[f64]) -> bool {
    let squares = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>();
    squares(means) > 1e-20 * squares(samples)
}

/// Whether ρ(1) is negative beyond its noise, 1/√n.
fn anticorrelated(centred: &[f64]) -> bool {
    let c0: f64 = centred.iter().map(|x| x * x).sum();
    let c1: f64 = centred[1..].iter().zip(centred).map(|(a, b)| a * b).sum();
    c1 < -c0 * (2.5 / (centred.len() as f64).sqrt()).max(0.01)
}

/// The long-run variance, Σ over all t of the autocovariance, from the means of 32 to 63 blocks; `None` for fewer than 4
/// samples a block.
fn block_variance(centred: &[f64]) -> Option<f64> {
    let length = 1 << (centred.len() / CHECK_BLOCKS).checked_ilog2()?;
    if length < 4 {
        return None;
    }
    let means: Vec<f64> =
        centred.chunks_exact(length).map(|c| c.iter().sum::<f64>() / length as f64).collect();
    let count = means.len() as f64;
    let mean = means.iter().sum::<f64>() / count;
    Some(length as f64 * means.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (count - 1.0))
}

/// ρ(t) for t = 0 ..= max_lag; ρ(0) = 1. Errors: a constant or too short series.
pub fn autocorrelation_function(series: &[f64], max_lag: usize) -> Result<Vec<f64>> {
    let n = series.len();
    if n < 8 || max_lag >= n {
        return Err(Error::TooShort { have: n, needed: max_lag.saturating_add(1).max(8) });
    }
    let moments = Moments::of(series)?;
    if moments.variance == 0.0 {
        return Err(Error::Undefined {
            what: "the autocorrelation".into(),
            why: "the series is constant".into(),
        });
    }
    let centred = moments.centred(series);
    let c0: f64 = centred.iter().map(|x| x * x).sum();
    Ok((0..=max_lag)
        .map(|t| centred[t..].iter().zip(&centred).map(|(a, b)| a * b).sum::<f64>() / c0)
        .collect())
}

/// Binning analysis: (bin length, standard error of the mean from bins of that length) for lengths 1, 2, 4, ... while
/// there are at least 16 bins. The errors rise to a plateau when bins are longer than the autocorrelation time. A curve
/// to look at: plain standard errors, not enlarged for their degrees of freedom, bins - 1.
pub fn bin_errors(series: &[f64]) -> Result<Vec<(usize, f64)>> {
    if series.len() < 16 {
        return Err(Error::TooShort { have: series.len(), needed: 16 });
    }
    let mut bins = Moments::of(series)?.centred(series);
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
