//! Confidence intervals and tests for a mean that rest on the central limit theorem, and their measured coverage.

use super::{BERRY_ESSEEN, check_n};
use crate::{
    distribution::{Distribution, Real, normal_quantile, normal_sf},
    error::{Error, Result, finite, positive},
    estimate::{Estimate, mean_and_variance, student_quantile},
    parallel::{self, Par},
    rng::Streams,
};

/// What is known about the spread of the law, and so what an interval can promise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Spread {
    /// Nothing: it is estimated, and Student's t used. Exact for normal samples, else right in the limit only.
    Estimated,
    /// σ is known; normal quantiles. Right in the limit.
    Known {
        /// σ
        std_dev: f64,
    },
    /// σ and ρ = E|X - μ|³ are known: widened by the Berry-Esseen bound, so that the coverage is at least, and the
    /// error of a test at most, what is stated, for every n and every law with these moments.
    Guaranteed {
        /// σ
        std_dev: f64,
        /// ρ, at least σ³
        third_absolute_moment: f64,
    },
}

impl Spread {
    /// The guaranteed kind with the moments of a law.
    pub fn guaranteed_for<D: Distribution>(law: &D) -> Result<Self> {
        let (_, std_dev) = super::moments(law)?;
        Ok(Spread::Guaranteed { std_dev, third_absolute_moment: law.third_absolute_moment()? })
    }

    /// Standard error, Berry-Esseen bound and degrees of freedom for these samples.
    fn of(self, samples: &[f64]) -> Result<(f64, f64, f64, f64)> {
        let n = samples.len();
        if n < 2 && matches!(self, Spread::Estimated) || n == 0 {
            return Err(Error::TooShort { have: n, needed: 2 });
        }
        let (mean, variance) = mean_and_variance(samples)?;
        let root = (n as f64).sqrt();
        match self {
            Spread::Estimated if variance == 0.0 => Err(Error::Undefined {
                what: "the standard error of the mean".into(),
                why: "all samples are equal, and the spread of the law is not known".into(),
            }),
            Spread::Estimated => Ok((mean, variance.sqrt() / root, 0.0, n as f64 - 1.0)),
            Spread::Known { std_dev } => Ok((mean, positive("std_dev", std_dev)? / root, 0.0, f64::MAX)),
            Spread::Guaranteed { std_dev, third_absolute_moment } => {
                let bound = bound(std_dev, third_absolute_moment, n as f64)?;
                Ok((mean, std_dev / root, bound, f64::MAX))
            }
        }
    }
}

fn bound(std_dev: f64, rho: f64, n: f64) -> Result<f64> {
    let cube = positive("std_dev", std_dev)?.powi(3);
    if !(rho >= cube * (1.0 - 1e-9) && rho.is_finite()) {
        let allowed = format!("finite and at least std_dev³ = {cube} (Lyapunov's inequality)");
        return Err(Error::out_of_range("third_absolute_moment", rho, allowed));
    }
    Ok(BERRY_ESSEEN * rho / cube / n.sqrt())
}

fn check_level(level: f64) -> Result<()> {
    if level > 0.0 && level < 1.0 {
        Ok(())
    } else {
        Err(Error::out_of_range("confidence level", level, "between 0 and 1"))
    }
}

/// The two-sided confidence interval for the mean of the law behind independent `samples`.
///
/// Guaranteed intervals: P(|Z_n| <= z) >= 2Φ(z) - 1 - 2Δ with Δ the Berry-Esseen bound, so z = Φ⁻¹((1 + level)/2 + Δ).
/// Errors: [`Error::TooShort`] with the n that would do when Δ is too large for the level; [`Error::Undefined`] for
/// equal samples of unknown spread; a level outside (0, 1); samples not finite.
///
/// ```
/// use smml_core::central_limit::{Spread, mean_interval};
/// let (lower, upper) = mean_interval(&[1.0, 2.0, 3.0, 4.0], 0.95, Spread::Known { std_dev: 1.0 })?;
/// assert!((lower - (2.5 - 1.959964 / 2.0)).abs() < 1e-6 && (upper + lower - 5.0).abs() < 1e-12);
/// # Ok::<(), smml_core::Error>(())
/// ```
pub fn mean_interval(samples: &[f64], level: f64, spread: Spread) -> Result<(f64, f64)> {
    check_level(level)?;
    let (mean, std_error, bound, dof) = spread.of(samples)?;
    let tail = 0.5 * (1.0 - level) - bound;
    if !(tail > 0.0) {
        let needed = (samples.len() as f64 * (2.0 * bound / (1.0 - level)).powi(2)).floor() + 1.0;
        return Err(Error::TooShort { have: samples.len(), needed: needed as usize });
    }
    let z = if dof == f64::MAX { -normal_quantile(tail) } else { -student_quantile(tail, dof) };
    Ok((mean - z * std_error, mean + z * std_error))
}

/// The smallest n with a guaranteed interval of this level: n > (2 C ρ / (σ³ (1 - level)))².
///
/// Errors: a σ that is not positive, ρ below σ³, a level outside (0, 1).
pub fn samples_needed(std_dev: f64, third_absolute_moment: f64, level: f64) -> Result<f64> {
    check_level(level)?;
    let at_one = bound(std_dev, third_absolute_moment, 1.0)?;
    Ok((2.0 * at_one / (1.0 - level)).powi(2).floor() + 1.0)
}

/// Which deviations count as evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alternative {
    /// The mean is not the one supposed.
    TwoSided,
    /// It is less.
    Less,
    /// It is greater.
    Greater,
}

/// The outcome of a test of a mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeanTest {
    /// (mean of the samples - supposed mean) / standard error.
    pub statistic: f64,
    /// Probability of a deviation as large, if the supposed mean is right; an upper bound of it when guaranteed.
    pub p_value: f64,
}

/// What a test of a mean supposes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hypothesis {
    /// The mean.
    pub mean: f64,
    /// Which deviations count.
    pub alternative: Alternative,
    /// What is known of the spread.
    pub spread: Spread,
}

/// Tests whether the law behind independent `samples` has the mean `supposed`. With [`Spread::Guaranteed`] the p-value
/// includes the Berry-Esseen bound (twice, for two sides), so that P(p-value <= α) <= α for every n.
///
/// Errors: too few samples for the spread, samples or a supposed mean that are not finite, moments that do not fit.
pub fn mean_test(
    samples: &[f64],
    supposed: f64,
    alternative: Alternative,
    spread: Spread,
) -> Result<MeanTest> {
    finite("supposed mean", supposed)?;
    let (mean, std_error, bound, dof) = spread.of(samples)?;
    let statistic = (mean - supposed) / std_error;
    let upper = |t: f64| if dof == f64::MAX { normal_sf(t) } else { student_sf(t, dof) };
    let p_value = match alternative {
        Alternative::TwoSided => 2.0 * (upper(statistic.abs()) + bound),
        Alternative::Less => upper(-statistic) + bound,
        Alternative::Greater => upper(statistic) + bound,
    };
    Ok(MeanTest { statistic, p_value: p_value.min(1.0) })
}

fn student_sf(t: f64, dof: f64) -> f64 {
    // dof >= 1 here
    crate::distribution::StudentT::new(0.0, 1.0, dof).map_or(f64::NAN, |d| d.sf(t))
}

/// The coverage of [`mean_interval`] measured on `runs` samples of `n` draws: the fraction of intervals that contain
/// the true mean. Samples that give no interval (all equal, spread unknown) count as misses.
///
/// Errors: [`Error::Undefined`] for a law without mean; whatever makes every interval impossible (level, n too small
/// for a guarantee, moments).
pub fn coverage<D: Distribution>(
    law: &D,
    n: u64,
    level: f64,
    spread: Spread,
    runs: usize,
    streams: &Streams,
    par: Par,
) -> Result<Estimate> {
    check_level(level)?;
    let mean = law.mean()?;
    let covered = count(law, n, runs, streams.child("coverage", 0), par, |x| {
        mean_interval(x, level, spread).map(|(lower, upper)| lower <= mean && mean <= upper)
    })?;
    Estimate::from_counts(covered, runs as u64)
}

/// How often [`mean_test`] rejects the mean supposed at the level `alpha` (p-value <= alpha), measured on `runs`
/// samples of `n` draws. With the true mean supposed it is the size of the test, which should be `alpha` (at most
/// `alpha` when guaranteed); with another it is its power. Samples that allow no test (all equal, spread unknown)
/// reject nothing.
///
/// Errors: a level outside (0, 1), a mean that is not finite, moments that do not fit.
pub fn rejection_rate<D: Distribution>(
    law: &D,
    n: u64,
    test: &Hypothesis,
    alpha: f64,
    runs: usize,
    streams: &Streams,
    par: Par,
) -> Result<Estimate> {
    if !(alpha > 0.0 && alpha < 1.0) {
        return Err(Error::out_of_range("level of the test", alpha, "between 0 and 1"));
    }
    let rejected = count(law, n, runs, streams.child("rejection", 0), par, |x| {
        mean_test(x, test.mean, test.alternative, test.spread).map(|t| t.p_value <= alpha)
    })?;
    Estimate::from_counts(rejected, runs as u64)
}

/// In how many of `runs` samples of `n` draws something holds; not where it is undefined.
fn count<D: Distribution>(
    law: &D,
    n: u64,
    runs: usize,
    streams: Streams,
    par: Par,
    holds: impl Fn(&[f64]) -> Result<bool> + Sync,
) -> Result<u64> {
    let n = check_n(n)?;
    let outcomes = parallel::map(par, runs, |run| {
        let mut rng = streams.stream("sample", run as u64);
        let x: Vec<f64> = (0..n).map(|_| law.draw(&mut rng).real()).collect();
        match holds(&x) {
            Err(Error::Undefined { .. }) => Ok(false),
            other => other,
        }
    });
    outcomes.into_iter().try_fold(0, |sum, outcome| Ok(sum + u64::from(outcome?)))
}
