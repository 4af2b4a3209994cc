//! The central limit theorem, Eq. (3), as tools: standardised sums and how far they are from normal ([`berry_esseen_bound`],
//! [`exact_sup_distance`]), confidence intervals and tests for a mean with their coverage, and the Cauchy law, to
//! which none of it applies.
//!
//! The paper's S_n/√n must be centred: (S_n - nμ)/(σ√n) → N(0, 1), for a finite σ. Without a variance every function
//! here answers [`Error::Undefined`]. Error bars of correlated series are in [`crate::estimate`].

mod berry_esseen;
mod histogram;
mod kolmogorov;
mod mean;
#[cfg(test)]
mod tests;

pub use berry_esseen::{
    BERRY_ESSEEN, BERRY_ESSEEN_2011, BERRY_ESSEEN_LOWER, berry_esseen_bound, exact_sup_distance, lattice_sum,
    sup_distance_to_normal,
};
pub use histogram::Histogram;
pub use kolmogorov::{ks_distance, ks_distance_two, ks_p_value, ks_p_value_two};
pub use mean::{
    Alternative, Hypothesis, MeanTest, Spread, coverage, mean_interval, mean_test, rejection_rate,
    samples_needed,
};

use crate::{
    distribution::{Cauchy, Continuous, Distribution, Normal, Real},
    error::{Error, Result},
    parallel::{self, Par},
    rng::Streams,
};

/// (S_n - nμ) / (σ √n).
///
/// Errors: n = 0, and a σ that is not positive and finite.
pub fn standardise(sum: f64, n: u64, mean: f64, std_dev: f64) -> Result<f64> {
    crate::error::positive("std_dev", std_dev)?;
    if n == 0 {
        return Err(Error::out_of_range("n", n, "at least 1"));
    }
    Ok((sum - n as f64 * mean) / (std_dev * (n as f64).sqrt()))
}

/// `runs` independent standardised sums of `n` draws each.
///
/// Errors: [`Error::Undefined`] for a law without variance, or with variance 0.
pub fn standardised_sums<D: Distribution>(
    law: &D,
    n: u64,
    runs: usize,
    streams: &Streams,
    par: Par,
) -> Result<Vec<f64>> {
    let (mean, std_dev) = moments(law)?;
    let root = (check_n(n)? as f64).sqrt();
    // Deviations are summed, not values, so that a large mean costs no digits.
    Ok(parallel::map(par, runs, |run| {
        let mut rng = streams.stream("standardised sum", run as u64);
        let sum: f64 = (0..n).map(|_| law.draw(&mut rng).real() - mean).sum();
        sum / (std_dev * root)
    }))
}

/// `runs` independent means of `n` draws each; for any law, also those without a mean.
///
/// Errors: n = 0.
pub fn sample_means<D: Distribution>(
    law: &D,
    n: u64,
    runs: usize,
    streams: &Streams,
    par: Par,
) -> Result<Vec<f64>> {
    let n = check_n(n)?;
    Ok(parallel::map(par, runs, |run| {
        let mut rng = streams.stream("sample mean", run as u64);
        (0..n).map(|_| law.draw(&mut rng).real()).sum::<f64>() / n as f64
    }))
}

/// A histogram of `runs` standardised sums in `bins` bins over `range`, to be drawn under the normal density.
pub fn standardised_sum_histogram<D: Distribution>(
    law: &D,
    n: u64,
    runs: usize,
    bins: usize,
    range: (f64, f64),
    streams: &Streams,
    par: Par,
) -> Result<Histogram> {
    Histogram::new(&standardised_sums(law, n, runs, streams, par)?, range.0, range.1, bins)
}

/// How near to normal the sums of one size are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Convergence {
    /// Number of terms.
    pub n: u64,
    /// Kolmogorov distance between the standardised sums drawn and N(0, 1); its own noise is about 0.87/√runs.
    pub ks_to_normal: f64,
    /// What the Berry-Esseen theorem guarantees for the law itself.
    pub bound: f64,
}

/// Distance to normal for each of `sizes`, from `runs` sums each, beside the Berry-Esseen bound.
///
/// Errors: those of [`standardised_sums`] and [`berry_esseen_bound`].
pub fn convergence<D: Distribution>(
    law: &D,
    sizes: &[u64],
    runs: usize,
    streams: &Streams,
    par: Par,
) -> Result<Vec<Convergence>> {
    let row = |&n: &u64| {
        let sums = standardised_sums(law, n, runs, &streams.child("convergence", n), par)?;
        let ks_to_normal = ks_distance(&sums, |z| Normal::STANDARD.cdf(z))?;
        Ok(Convergence { n, ks_to_normal, bound: berry_esseen_bound(law, n)? })
    };
    sizes.iter().map(row).collect()
}

/// What averaging does to Cauchy variables: nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CauchyMeans {
    /// Number of terms in each mean.
    pub n: u64,
    /// Kolmogorov distance between the means drawn and the law of one draw: noise of about 0.87/√runs at every n.
    pub ks_to_one_draw: f64,
    /// Kolmogorov distance to the normal law with the quartiles of one draw: about [`CAUCHY_TO_NORMAL`] at every n.
    pub ks_to_normal: f64,
}

/// sup |F - Φ(z x)| for the standard Cauchy F, with z the upper quartile of the normal law: both have quartiles ±1.
pub const CAUCHY_TO_NORMAL: f64 = 0.081_059_503_597_397;

/// Means of n standard Cauchy variables for each of `sizes`: they have the law of a single one, do not concentrate,
/// and never become normal.
///
/// Errors: a size of 0, no runs.
pub fn cauchy_counterexample(
    sizes: &[u64],
    runs: usize,
    streams: &Streams,
    par: Par,
) -> Result<Vec<CauchyMeans>> {
    let one = Cauchy::new(0.0, 1.0)?;
    let same_quartiles = Normal::new(0.0, 1.0 / Normal::STANDARD.quantile(0.75)?)?;
    let row = |&n: &u64| {
        let means = sample_means(&one, n, runs, &streams.child("cauchy", n), par)?;
        Ok(CauchyMeans {
            n,
            ks_to_one_draw: ks_distance(&means, |x| one.cdf(x))?,
            ks_to_normal: ks_distance(&means, |x| same_quartiles.cdf(x))?,
        })
    };
    sizes.iter().map(row).collect()
}

fn check_n(n: u64) -> Result<u64> {
    if n > 0 { Ok(n) } else { Err(Error::out_of_range("n", n, "at least 1")) }
}

/// Mean and standard deviation, the latter not 0.
fn moments<D: Distribution>(law: &D) -> Result<(f64, f64)> {
    let (mean, std_dev) = (law.mean()?, law.std_dev()?);
    if std_dev > 0.0 && std_dev.is_finite() {
        return Ok((mean, std_dev));
    }
    Err(Error::Undefined {
        what: "the standardised sum".into(),
        why: format!("the standard deviation is {std_dev}"),
    })
}
