//! Pareto smoothing of importance weights: Vehtari, Simpson, Gelman, Yao and Gabry, JMLR 25 (2024) 72, with the fit of
//! Zhang and Stephens, Technometrics 51 (2009) 316, and its weak prior on the shape.
//!
//! The results are those of R loo (`psis`). ArviZ `psislw` differs where weights are tied with the cut-off (it leaves
//! ties out of the tail) or span more than e^708 (it moves the cut-off), and it drops grid points of negligible
//! weight, which changes digits only near rounding. Where those programs report k-hat = Inf because nothing could be
//! fitted, here is `None` with the reason.

use crate::error::{Error, Result, positive};
use libm::{exp, expm1, log, log1p};

/// Fewest samples whose tail, a fifth of them, reaches the 5 that the fit needs.
pub const MIN_SAMPLES: usize = 21;
const MIN_TAIL: usize = 5;

/// What became of the tail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// A generalised Pareto law was fitted, and the tail smoothed.
    Fitted,
    /// All weights of the tail are equal: nothing to smooth, and no sign of a heavy tail.
    Constant,
    /// So many weights are tied at the cut-off that no law fits; the weights are as they were.
    Tied,
    /// Fewer than 5 weights in the tail; the weights are as they were.
    TooShort,
}

/// Pareto-smoothed weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Psis {
    /// ln w with its tail replaced by the quantiles of the fitted law, cut at the largest raw weight; on the scale of
    /// the input, not normalised.
    pub ln_weights: Vec<f64>,
    /// The fitted shape, when there is a fit.
    pub k_hat: Option<f64>,
    /// What became of the tail.
    pub tail: Tail,
    /// Number of weights in the tail.
    pub n_tail: usize,
    /// Number of weights that are not zero. Zeros carry no information on the upper tail and stay zeros.
    pub n_positive: usize,
    /// How many weights equal the largest.
    pub n_largest: usize,
}

/// The k-hat below which `n` samples suffice: min(1 - 1/log₁₀ n, 0.7). 0.5 for 100, 0.6 for 316, 0.7 from 2155 on.
pub fn k_hat_threshold(n: usize) -> f64 {
    if n < 2 {
        return f64::NEG_INFINITY;
    }
    (1.0 - 1.0 / libm::log10(n as f64)).min(0.7)
}

/// The number of samples that shape k asks for: 10^(1/(1-k)). Errors: k >= 1, for which none suffices.
pub fn samples_needed(k: f64) -> Result<f64> {
    if k < 1.0 { Ok(libm::exp10(1.0 / (1.0 - k))) } else { Err(Error::out_of_range("k", k, "less than 1")) }
}

/// The threshold over sample sizes, to draw it.
pub fn threshold_curve(sizes: &[usize]) -> Vec<(usize, f64)> {
    sizes.iter().map(|n| (*n, k_hat_threshold(*n))).collect()
}

/// One point of the curve of k-hat over the sample size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KHatPoint {
    /// The first `n` weights.
    pub n: usize,
    /// Their k-hat, when a tail can be fitted.
    pub k_hat: Option<f64>,
    /// [`k_hat_threshold`] of `n`.
    pub threshold: f64,
}

/// k-hat of the first n weights for each of `sizes`, beside the threshold. Errors: a size beyond the weights.
pub fn k_hat_curve(ln_weights: &[f64], r_eff: f64, sizes: &[usize]) -> Result<Vec<KHatPoint>> {
    let point = |&n: &usize| {
        let Some(part) = ln_weights.get(..n) else {
            let allowed = format!("at most the {} weights", ln_weights.len());
            return Err(Error::out_of_range("sample size", n, allowed));
        };
        let psis = pareto_smooth(part, r_eff)?;
        Ok(KHatPoint { n, k_hat: psis.k_hat, threshold: k_hat_threshold(psis.n_positive) })
    };
    sizes.iter().map(point).collect()
}

/// Smooths the tail of ln w. `r_eff` is the number of independent samples per sample, 1 for independent ones.
///
/// Errors: weights that are NaN or +∞, and an `r_eff` that is not positive.
pub fn pareto_smooth(ln_weights: &[f64], r_eff: f64) -> Result<Psis> {
    positive("r_eff", r_eff)?;
    if let Some(i) = ln_weights.iter().position(|w| w.is_nan() || *w == f64::INFINITY) {
        return Err(Error::out_of_range(format!("ln weight {i}"), ln_weights[i], "finite or -inf"));
    }
    let top = ln_weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut order: Vec<usize> =
        (0..ln_weights.len()).filter(|&i| ln_weights[i] > f64::NEG_INFINITY).collect();
    order.sort_by(|&i, &j| ln_weights[i].total_cmp(&ln_weights[j]));
    let n = order.len();
    let n_largest = order.iter().rev().take_while(|&&i| ln_weights[i] == top).count();
    let n_tail = tail_length(n, r_eff);
    let unsmoothed =
        |tail| Psis { ln_weights: ln_weights.to_vec(), k_hat: None, tail, n_tail, n_positive: n, n_largest };
    if n > 0 && n_largest == n {
        return Ok(unsmoothed(Tail::Constant));
    }
    if n_tail < MIN_TAIL || n_tail >= n {
        return Ok(unsmoothed(Tail::TooShort));
    }
    let tail = &order[n - n_tail..];
    if (ln_weights[tail[0]] - top).abs() < f64::EPSILON / 100.0 {
        return Ok(unsmoothed(Tail::Constant));
    }
    let cutoff = exp(ln_weights[order[n - n_tail - 1]] - top);
    let excess: Vec<f64> = tail.iter().map(|&i| exp(ln_weights[i] - top) - cutoff).collect();
    let Some((k, sigma)) = fit_generalized_pareto(&excess) else {
        return Ok(unsmoothed(Tail::Tied));
    };
    let mut smoothed = ln_weights.to_vec();
    for (j, &i) in tail.iter().enumerate() {
        let h = -log1p(-(j as f64 + 0.5) / n_tail as f64);
        let excess = if k == 0.0 { sigma * h } else { sigma * expm1(k * h) / k };
        smoothed[i] = top + log(excess + cutoff).min(0.0);
    }
    Ok(Psis { ln_weights: smoothed, k_hat: Some(k), tail: Tail::Fitted, n_tail, n_positive: n, n_largest })
}

/// ⌈min(n/5, 3 √(n/r_eff))⌉
fn tail_length(n: usize, r_eff: f64) -> usize {
    (0.2 * n as f64).min(3.0 * (n as f64 / r_eff).sqrt()).ceil() as usize
}

/// Shape k and scale σ of the generalised Pareto law for exceedances in ascending order (at least 5, none negative),
/// the shape drawn towards ½ by a prior worth 10 observations. `None` when the lower quartile is 0, when the values are
/// not in ascending order or one is negative or not finite, or when nothing fits.
pub fn fit_generalized_pareto(excess: &[f64]) -> Option<(f64, f64)> {
    let n = excess.len();
    let count = n as f64;
    let quartile = *excess.get(((count / 4.0 + 0.5).floor() as usize).checked_sub(1)?)?;
    let largest = excess[n - 1];
    let ordered = excess[0] >= 0.0 && excess.windows(2).all(|x| x[0] <= x[1]);
    if !(ordered && quartile > 0.0 && largest.is_finite()) {
        return None;
    }
    let mean_ln = |theta: f64| excess.iter().map(|x| log1p(-theta * x)).sum::<f64>() / count;
    // Posterior mean of θ = -k/σ on Zhang and Stephens' grid of quantiles of its prior.
    let m = 30 + (count.sqrt().floor() as usize);
    let theta: Vec<f64> = (1..=m)
        .map(|j| 1.0 / largest + (1.0 - (m as f64 / (j as f64 - 0.5)).sqrt()) / (3.0 * quartile))
        .collect();
    let ln_likelihood: Vec<f64> = theta
        .iter()
        .map(|&t| {
            let k = mean_ln(t);
            count * (log(-t / k) - k - 1.0)
        })
        .collect();
    let ln_total = crate::energy::ln_sum_exp(&ln_likelihood);
    let t = theta.iter().zip(&ln_likelihood).map(|(t, l)| t * exp(l - ln_total)).sum::<f64>();
    let k = mean_ln(t);
    let sigma = -k / t;
    let shrunk = (k * count + 5.0) / (count + 10.0);
    (shrunk.is_finite() && sigma > 0.0 && sigma.is_finite()).then_some((shrunk, sigma))
}
