//! Numbers with error bars. No public function of smml returns a bare Monte Carlo mean.
//!
//! An [`Estimate`] comes from a chain, from independent samples or from a weighted population; the results of a
//! search ([`SearchResults`]) are not samples of a distribution, and have no mean.
//! Whether a chain had equilibrated is the business of [`crate::diagnose`].

use crate::{
    energy::LnSum,
    error::{Error, Result, same_length},
};
use serde::{Deserialize, Serialize};
use std::fmt;

mod autocorrelation;
mod jackknife;
pub use autocorrelation::{Autocorrelation, autocorrelation, autocorrelation_function, bin_errors};
pub use jackknife::{jackknife, jackknife_chains};

/// Fewer independent samples than this give no error bar.
pub const MIN_N_EFF: f64 = 10.0;

/// Where an estimate came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// Independent samples of equal weight.
    Independent,
    /// A stationary, correlated series.
    Chain,
    /// Samples with weights (importance sampling, annealed importance sampling, population annealing).
    Population,
    /// A series that never changed: the error bar of zero is what was seen, not what is true.
    Constant,
    /// Computed, not sampled: enumeration, a closed form, quadrature.
    Exact,
}

/// A number with its error.
///
/// Displayed as physicists write it, the error in units of the last digits: `-1.4152(3)`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The estimate.
    pub value: f64,
    /// One standard error, enlarged where it rests on few degrees of freedom so that ± one standard error covers
    /// 68.27 %.
    pub std_error: f64,
    /// Integrated autocorrelation time ½ + Σ ρ(t) in samples: ½ for independent ones.
    pub tau_int: f64,
    /// Number of independent samples that would give the same error.
    pub n_eff: f64,
    /// Degrees of freedom of `std_error` itself, for Student's t.
    pub dof: f64,
    /// Where the number came from.
    pub source: Source,
}

impl Estimate {
    /// The mean of a stationary series, with the error of its autocorrelations (Γ-method with automatic window,
    /// U. Wolff, Comput. Phys. Commun. 156, 143 (2004)).
    ///
    /// Errors: [`Error::TooShort`] when there are fewer than [`MIN_N_EFF`] independent samples.
    ///
    /// ```
    /// use smml_core::{Estimate, rng::{Draw, Streams}};
    /// let mut rng = Streams::new(1).stream("doc", 0);
    /// let mut x = 0.0;
    /// let series: Vec<f64> = (0..10_000).map(|_| { x = 0.8 * x + rng.normal(); x }).collect();
    /// let mean = Estimate::from_chain(&series)?;
    /// assert!(mean.z(0.0).abs() < 4.0 && (mean.tau_int - 4.5).abs() < 1.0);
    /// # Ok::<(), smml_core::Error>(())
    /// ```
    pub fn from_chain(series: &[f64]) -> Result<Self> {
        autocorrelation(series).and_then(|a| a.estimate())
    }

    /// The mean of several chains of one distribution: chains are weighted by their length, errors add in quadrature.
    /// Compare the chains with [`crate::diagnose::split_r_hat`] before trusting the result.
    pub fn from_chains(chains: &[&[f64]]) -> Result<Self> {
        let parts: Vec<Estimate> = chains.iter().map(|c| Estimate::from_chain(c)).collect::<Result<_>>()?;
        let n: f64 = chains.iter().map(|c| c.len() as f64).sum();
        if parts.is_empty() {
            return Err(Error::TooShort { have: 0, needed: 1 });
        }
        let weight = |k: usize| chains[k].len() as f64 / n;
        let value = (0..parts.len()).map(|k| weight(k) * parts[k].value).sum();
        let variances: Vec<f64> =
            (0..parts.len()).map(|k| (weight(k) * parts[k].std_error).powi(2)).collect();
        let variance: f64 = variances.iter().sum();
        if variance == 0.0 {
            // Frozen chains: they agree, or the spread between them is all we know.
            let all: Vec<f64> = parts.iter().map(|p| p.value).collect();
            return if all.iter().all(|v| *v == all[0]) {
                Ok(Estimate { n_eff: n, dof: n, ..parts[0] })
            } else {
                Estimate::from_independent(&all)
            };
        }
        // Welch-Satterthwaite
        let dof = variance.powi(2) / variances.iter().zip(&parts).map(|(v, p)| v * v / p.dof).sum::<f64>();
        let n_eff = parts.iter().map(|p| p.n_eff).sum::<f64>();
        Ok(Estimate {
            value,
            std_error: variance.sqrt(),
            tau_int: n / (2.0 * n_eff),
            n_eff,
            dof,
            source: Source::Chain,
        })
    }

    /// The mean of independent samples.
    pub fn from_independent(samples: &[f64]) -> Result<Self> {
        let n = samples.len();
        if n < 2 {
            return Err(Error::TooShort { have: n, needed: 2 });
        }
        let (mean, variance) = mean_and_variance(samples)?;
        let source = if variance == 0.0 { Source::Constant } else { Source::Independent };
        let n = n as f64;
        Ok(Estimate {
            value: mean,
            std_error: (variance / n).sqrt(),
            tau_int: 0.5,
            n_eff: n,
            dof: n - 1.0,
            source,
        })
    }

    /// The fraction of successes in `n` independent trials. Its error is that of the Wilson score, so that 0 and `n`
    /// successes have an error too.
    pub fn from_counts(successes: u64, n: u64) -> Result<Self> {
        if n == 0 || successes > n {
            return Err(Error::out_of_range(
                "successes",
                format!("{successes} of {n}"),
                "at most the trials, of which there must be some",
            ));
        }
        let (k, n) = (successes as f64, n as f64);
        let std_error = (k * (n - k) / n + 0.25).sqrt() / (n + 1.0);
        Ok(Estimate { value: k / n, std_error, tau_int: 0.5, n_eff: n, dof: n, source: Source::Independent })
    }

    /// The self-normalised mean Σ w f / Σ w of independent weighted samples, weights given by their logarithms; error
    /// by the delta method, n_eff = (Σ w)² / Σ w².
    ///
    /// Errors: lengths that differ, weights that are NaN, +∞ or all zero, and [`Error::TooShort`] when fewer than
    /// two samples carry all the weight.
    pub fn from_population(values: &[f64], ln_weights: &[f64]) -> Result<Self> {
        same_length("ln_weights", ln_weights.len(), values.len())?;
        let weights = normalised_weights(ln_weights)?;
        let mean: f64 = weights.iter().zip(values).map(|(w, v)| if *w > 0.0 { w * v } else { 0.0 }).sum();
        let n_eff = 1.0 / weights.iter().map(|w| w * w).sum::<f64>();
        let n = values.len() as f64;
        if !mean.is_finite() {
            return Err(Error::Undefined {
                what: "the weighted mean".into(),
                why: "a value with weight is not finite".into(),
            });
        }
        if n < 2.0 || n_eff < 1.0 + 1e-9 {
            return Err(Error::TooShort { have: n_eff as usize, needed: MIN_N_EFF as usize });
        }
        let spread: f64 = weights
            .iter()
            .zip(values)
            .filter(|(w, _)| **w > 0.0)
            .map(|(w, v)| (w * (v - mean)).powi(2))
            .sum();
        let std_error = (spread * n / (n - 1.0)).sqrt();
        let source = if spread == 0.0 { Source::Constant } else { Source::Population };
        Ok(Estimate { value: mean, std_error, tau_int: 0.5, n_eff, dof: (n_eff - 1.0).max(1.0), source })
    }

    /// A number that was computed, not sampled.
    pub fn exact(value: f64) -> Self {
        Estimate {
            value,
            std_error: 0.0,
            tau_int: 0.5,
            n_eff: f64::MAX,
            dof: f64::MAX,
            source: Source::Exact,
        }
    }

    /// (value - expected) / std_error. With an error of zero: 0 when the two are equal, else an infinity.
    pub fn z(&self, expected: f64) -> f64 {
        let difference = self.value - expected;
        if difference == 0.0 { 0.0 } else { difference / self.std_error }
    }

    /// The two-sided confidence interval of the given level in (0, 1), by Student's t with `dof` degrees of freedom.
    pub fn interval(&self, level: f64) -> Result<(f64, f64)> {
        if !(level > 0.0 && level < 1.0) {
            return Err(Error::out_of_range("confidence level", level, "between 0 and 1"));
        }
        let half = self.std_error * student_quantile(0.5 + 0.5 * level, self.dof) / student_factor(self.dof);
        Ok((self.value - half, self.value + half))
    }

    /// a + b x: the same estimate on another scale.
    pub fn affine(self, a: f64, b: f64) -> Self {
        Estimate { value: a + b * self.value, std_error: b.abs() * self.std_error, ..self }
    }

    /// The sum of two independent estimates.
    pub fn plus(self, other: Estimate) -> Self {
        let (v1, v2) = (self.std_error.powi(2), other.std_error.powi(2));
        if v1 + v2 == 0.0 {
            return Estimate { value: self.value + other.value, ..self };
        }
        let larger = if v1 >= v2 { self } else { other };
        let dof = (v1 + v2).powi(2) / (v1 * v1 / self.dof + v2 * v2 / other.dof);
        Estimate {
            value: self.value + other.value,
            std_error: (v1 + v2).sqrt(),
            n_eff: self.n_eff.min(other.n_eff),
            dof,
            ..larger
        }
    }
}

impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&with_error(self.value, self.std_error))
    }
}

/// A value and its error as `-1.4152(3)`: one digit of error, two when it starts with 1.
pub fn with_error(value: f64, error: f64) -> String {
    if !value.is_finite() {
        return value.to_string();
    }
    if !(error > 0.0) {
        return format!("{value}");
    }
    if !error.is_finite() {
        return format!("{value}(inf)");
    }
    let mut exponent = error.log10().floor() as i32;
    // 0.96 -> 1.0 after rounding: decide the digits on what will be printed
    let leading = (error / 10f64.powi(exponent) * 10.0).round();
    if leading >= 100.0 {
        exponent += 1;
    }
    let shown = if !(20.0..100.0).contains(&leading) { exponent - 1 } else { exponent };
    if shown >= 0 {
        // Errors above 1: no decimals; round the value to the digit the error has.
        let unit = 10f64.powi(shown);
        let error_units = (error / unit).round() * unit;
        return if value.abs() >= 1e15 || error >= 1e15 {
            format!("{value:.3e}({error:.1e})")
        } else {
            format!("{:.0}({error_units:.0})", (value / unit).round() * unit)
        };
    }
    let digits = -shown;
    if digits > 15 {
        return format!("{value:e}({error:.1e})");
    }
    let units = (error * 10f64.powi(digits)).round();
    format!("{value:.*}({units:.0})", digits as usize)
}

/// What several runs of a search found. A search is not a sample of anything: there is a best result and a success
/// probability, and no mean.
///
/// ```compile_fail
/// let found = smml_core::estimate::SearchResults::new(vec![(-3.0, ()), (-2.0, ())]).unwrap();
/// found.mean(); // there is no such method
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SearchResults<S> {
    runs: Vec<(f64, S)>,
}

impl<S> SearchResults<S> {
    /// Energies and states, one of each run. Errors when there are none, or an energy is NaN.
    pub fn new(runs: Vec<(f64, S)>) -> Result<Self> {
        if runs.is_empty() {
            return Err(Error::TooShort { have: 0, needed: 1 });
        }
        if let Some(i) = runs.iter().position(|r| r.0.is_nan()) {
            return Err(Error::out_of_range(format!("energy of run {i}"), f64::NAN, "a number"));
        }
        Ok(SearchResults { runs })
    }
    /// Number of runs.
    pub fn n_runs(&self) -> usize {
        self.runs.len()
    }
    /// The lowest energy and its state; the earliest of equals.
    pub fn best(&self) -> (f64, &S) {
        let mut best = &self.runs[0];
        for run in &self.runs[1..] {
            if run.0 < best.0 {
                best = run;
            }
        }
        (best.0, &best.1)
    }
    /// Energies from lowest to highest.
    pub fn sorted_energies(&self) -> Vec<f64> {
        let mut all: Vec<f64> = self.runs.iter().map(|r| r.0).collect();
        all.sort_by(f64::total_cmp);
        all
    }
    /// The fraction of runs that reached `target` (energy <= target), with its error.
    pub fn success(&self, target: f64) -> Estimate {
        let hits = self.runs.iter().filter(|r| r.0 <= target).count() as u64;
        // Never fails: there is a run, and hits are counted among them.
        Estimate::from_counts(hits, self.runs.len() as u64).unwrap_or(Estimate::exact(0.0))
    }
}

/// Mean and unbiased variance; an error for values that are not finite.
pub(crate) fn mean_and_variance(x: &[f64]) -> Result<(f64, f64)> {
    let n = x.len() as f64;
    let mean = x.iter().sum::<f64>() / n;
    if !mean.is_finite() {
        return Err(match x.iter().position(|v| !v.is_finite()) {
            Some(i) => Error::out_of_range(format!("sample {i}"), x[i], "finite"),
            None => {
                Error::Undefined { what: "the mean".into(), why: "the sum of the samples overflows".into() }
            }
        });
    }
    // A constant series must have variance zero, whatever its sum was rounded to.
    if x.iter().all(|v| *v == x[0]) {
        return Ok((x[0], 0.0));
    }
    let (mut s1, mut s2) = (0.0, 0.0);
    for v in x {
        let d = v - mean;
        s1 += d;
        s2 += d * d;
    }
    Ok((mean + s1 / n, (s2 - s1 * s1 / n) / (n - 1.0)))
}

/// Weights from their logarithms, summing to one.
pub(crate) fn normalised_weights(ln_weights: &[f64]) -> Result<Vec<f64>> {
    if let Some(i) = ln_weights.iter().position(|w| w.is_nan() || *w == f64::INFINITY) {
        return Err(Error::out_of_range(format!("ln weight {i}"), ln_weights[i], "finite or -inf"));
    }
    let mut sum = LnSum::default();
    ln_weights.iter().for_each(|w| sum.add(*w));
    let total = sum.ln();
    if total == f64::NEG_INFINITY {
        return Err(Error::Undefined {
            what: "the weighted mean".into(),
            why: "all weights are zero".into(),
        });
    }
    Ok(ln_weights.iter().map(|w| libm::exp(w - total)).collect())
}

/// Half the width of the 68.27 % interval of Student's t: what an error with `dof` degrees of freedom is multiplied by
/// so that it covers as much as a standard deviation of the normal distribution does.
pub(crate) fn student_factor(dof: f64) -> f64 {
    if dof >= 1e6 { 1.0 } else { student_quantile(0.841_344_746_068_543, dof) }
}

/// Quantile of Student's t; the normal one for very many degrees of freedom.
pub fn student_quantile(p: f64, dof: f64) -> f64 {
    use statrs::distribution::{ContinuousCDF, Normal, StudentsT};
    if dof < 1e6
        && let Ok(t) = StudentsT::new(0.0, 1.0, dof.max(0.5))
    {
        return t.inverse_cdf(p);
    }
    Normal::standard().inverse_cdf(p)
}

#[cfg(test)]
mod tests;
