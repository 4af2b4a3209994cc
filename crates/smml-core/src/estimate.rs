//! Numbers with error bars. No public function of smml returns a bare Monte Carlo mean.
//!
//! An [`Estimate`] comes from a chain, from independent samples or from a weighted population; the results of a
//! search ([`SearchResults`]) are not samples of a distribution, and have no mean.
//! Whether a chain had equilibrated is the business of [`crate::diagnose`].
//!
//! One meaning of an error bar throughout: `value` ± `std_error` covers the truth in 68.27 % of all cases. An error
//! that was itself estimated, with few degrees of freedom, is enlarged for that by Student's factor, in
//! [`Estimate::with_dof`] and nowhere else. Sums of estimates add the raw errors ([`Estimate::raw_error`]).

use crate::{
    energy::LnSum,
    error::{Error, Result, same_length},
};
use serde::{Deserialize, Serialize};
use std::fmt;

mod autocorrelation;
mod jackknife;
pub use autocorrelation::{Autocorrelation, autocorrelation, autocorrelation_function, bin_errors};
pub(crate) use jackknife::{Blocks, start as block_start};
pub use jackknife::{LeftOut, edge_correction, jackknife, jackknife_chains, jackknife_groups};

/// Fewer independent samples than this give no error bar.
pub const MIN_N_EFF: f64 = 10.0;

/// Where an estimate came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// Independent samples of equal weight.
    Independent,
    /// The fraction of successes in independent trials: intervals are Wilson's, p-values those of the binomial law.
    Trials,
    /// A stationary, correlated series.
    Chain,
    /// Samples with weights (importance sampling, annealed importance sampling, population annealing).
    Population,
    /// A parameter of a fit to numbers with errors: it has no samples of its own, so `n_eff` is `f64::MAX` and `tau_int`
    /// says nothing.
    Fit,
    /// A series that never changed: the error bar of zero is what was seen, not what is true.
    Constant,
    /// Computed, not sampled: enumeration, a closed form, quadrature.
    Exact,
}

impl Source {
    /// The less certain of two origins: it names a sum of both.
    pub(crate) fn or_less_certain(self, other: Source) -> Source {
        let rank = |source| match source {
            Source::Exact => 0,
            Source::Constant => 1,
            Source::Trials => 2,
            Source::Independent => 3,
            Source::Population => 4,
            Source::Fit => 5,
            Source::Chain => 6,
        };
        if rank(other) > rank(self) { other } else { self }
    }

    /// That of a sum or a multiple: no longer a fraction of trials.
    fn rescaled(self) -> Source {
        if self == Source::Trials { Source::Independent } else { self }
    }
}

/// A number with its error.
///
/// Displayed as physicists write it, the error in units of the last digits: `-1.4152(3)`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The estimate.
    pub value: f64,
    /// One standard error, enlarged where it rests on few degrees of freedom so that ± one standard error covers
    /// 68.27 %: the raw error times the 84.13 % quantile of Student's t with `dof` degrees of freedom.
    pub std_error: f64,
    /// Integrated autocorrelation time ½ + Σ ρ(t) in samples: ½ for independent ones.
    pub tau_int: f64,
    /// Number of independent samples that would give the same error.
    pub n_eff: f64,
    /// Degrees of freedom of `std_error` itself, for Student's t; `f64::MAX` where it is known, not estimated.
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

    /// The mean of several chains of one distribution: chains are weighted by their length, raw errors add in
    /// quadrature, degrees of freedom by Welch and Satterthwaite. Compare the chains with
    /// [`crate::diagnose::split_r_hat`] before trusting the result.
    ///
    /// Chains that are all frozen, at different values, are samples of one value each.
    ///
    /// Errors: as [`Estimate::from_chain`] for any of them, no chains, and [`Error::Undefined`] when some chains are
    /// frozen and others are not: the error of zero of the frozen ones says nothing.
    pub fn from_chains(chains: &[&[f64]]) -> Result<Self> {
        let parts: Vec<Estimate> = chains.iter().map(|c| Estimate::from_chain(c)).collect::<Result<_>>()?;
        if parts.is_empty() {
            return Err(Error::TooShort { have: 0, needed: 1 });
        }
        let n: f64 = chains.iter().map(|c| c.len() as f64).sum();
        let weight = |k: usize| chains[k].len() as f64 / n;
        let frozen = parts.iter().filter(|p| p.source == Source::Constant).count();
        if frozen == parts.len() {
            let all: Vec<f64> = parts.iter().map(|p| p.value).collect();
            return if all.iter().all(|v| *v == all[0]) {
                Ok(Estimate { n_eff: n, dof: n - 1.0, ..parts[0] })
            } else {
                Estimate::from_independent(&all)
            };
        }
        if let Some(c) = parts.iter().position(|p| p.source == Source::Constant) {
            return Err(Error::Undefined {
                what: "the mean of the chains".into(),
                why: format!(
                    "chain {c} never changed from {}, while others did: they do not sample one distribution yet",
                    parts[c].value
                ),
            });
        }
        // From the first mean, so that a large common offset costs no digits.
        let value = parts[0].value
            + (1..parts.len()).map(|k| weight(k) * (parts[k].value - parts[0].value)).sum::<f64>();
        let (raw, dof) = combined((0..parts.len()).map(|k| (weight(k) * parts[k].raw_error(), parts[k].dof)));
        let n_eff = parts.iter().map(|p| p.n_eff).sum::<f64>();
        let joint = Estimate::with_dof(value, raw, dof, n_eff, Source::Chain);
        Ok(Estimate { tau_int: n / (2.0 * n_eff), ..joint })
    }

    /// The mean of independent samples.
    ///
    /// Errors: fewer than two, samples that are not finite, a spread whose square an f64 cannot hold.
    pub fn from_independent(samples: &[f64]) -> Result<Self> {
        let n = samples.len();
        if n < 2 {
            return Err(Error::TooShort { have: n, needed: 2 });
        }
        let (mean, variance) = mean_and_variance(samples)?;
        let source = if variance == 0.0 { Source::Constant } else { Source::Independent };
        let n = n as f64;
        Ok(Estimate::with_dof(mean, with_rounding((variance / n).sqrt(), mean), n - 1.0, n, source))
    }

    /// The fraction of successes in `n` independent trials. Its error is half the Wilson interval of one standard
    /// deviation, so that 0 and `n` successes have an error too; no spread was estimated, so `dof` is `f64::MAX`.
    /// [`Estimate::interval`] is Wilson's (E. B. Wilson, J. Am. Stat. Assoc. 22, 209 (1927)), within [0, 1], and
    /// [`Estimate::p_value`] that of the binomial law, exact at any number of successes.
    ///
    /// ```
    /// let never = smml_core::Estimate::from_counts(0, 10)?;
    /// let (lower, upper) = never.interval(0.95)?;
    /// assert!(lower == 0.0 && (upper - 0.277_5).abs() < 1e-4);
    /// assert!((never.p_value(0.5) - 2.0 * 0.5f64.powi(10)).abs() < 1e-15);
    /// # Ok::<(), smml_core::Error>(())
    /// ```
    pub fn from_counts(successes: u64, n: u64) -> Result<Self> {
        if n == 0 || successes > n {
            return Err(Error::out_of_range(
                "successes",
                format!("{successes} of {n}"),
                "at most the trials, of which there must be some",
            ));
        }
        let (k, n) = (successes as f64, n as f64);
        let raw_error = (k * (n - k) / n + 0.25).sqrt() / (n + 1.0);
        Ok(Estimate::with_dof(k / n, raw_error, f64::MAX, n, Source::Trials))
    }

    /// The self-normalised mean Σ w f / Σ w of independent weighted samples, weights given by their logarithms; error
    /// by the delta method, n_eff = (Σ w)² / Σ w², degrees of freedom (Σ w²)² / Σ w⁴ - 1 (Satterthwaite's, for values
    /// that do not depend on the weights). Equal weights make it [`Estimate::from_independent`].
    ///
    /// Errors: lengths that differ, weights that are NaN, +∞ or all zero, a value with weight that is not finite, and
    /// [`Error::TooShort`] when fewer than [`MIN_N_EFF`] samples carry the weight.
    pub fn from_population(values: &[f64], ln_weights: &[f64]) -> Result<Self> {
        same_length("ln_weights", ln_weights.len(), values.len())?;
        let weights = normalised_weights(ln_weights)?;
        if ln_weights.iter().all(|w| *w == ln_weights[0]) {
            return Estimate::from_independent(values);
        }
        let (n, count) = (values.len(), values.len() as f64);
        let squares = weights.iter().map(|w| w * w).sum::<f64>();
        let n_eff = 1.0 / squares;
        if !(n_eff >= MIN_N_EFF) {
            return Err(Error::TooShort { have: n, needed: (count * MIN_N_EFF / n_eff).ceil() as usize });
        }
        // From the first value with weight, so that a large common offset costs no digits.
        let weighted = || weights.iter().zip(values).filter(|(w, _)| **w > 0.0);
        let origin = weighted().next().map_or(0.0, |(_, v)| *v);
        let shift: f64 = weighted().map(|(w, v)| w * (v - origin)).sum();
        let spread: f64 = weighted().map(|(w, v)| (w * (v - origin - shift)).powi(2)).sum();
        if !(shift.is_finite() && spread.is_finite()) {
            return Err(Error::Undefined {
                what: "the weighted mean".into(),
                why: "a value with weight is not finite, or the square of the spread exceeds the largest f64"
                    .into(),
            });
        }
        let mean = origin + shift;
        let raw_error = with_rounding((spread * count / (count - 1.0)).sqrt(), mean);
        let dof = squares * squares / weights.iter().map(|w| w.powi(4)).sum::<f64>() - 1.0;
        let source = if spread == 0.0 { Source::Constant } else { Source::Population };
        Ok(Estimate::with_dof(mean, raw_error, dof.max(1.0), n_eff, source))
    }

    /// An estimate whose error was itself estimated, with `dof` degrees of freedom: `raw_error` is its plain standard
    /// error (the square root of an unbiased variance), which is enlarged here. `f64::MAX` degrees of freedom for an
    /// error that is known. Samples count as independent, τ_int = ½.
    ///
    /// ```
    /// use smml_core::{Estimate, estimate::Source};
    /// let e = Estimate::with_dof(1.0, 0.1, 2.0, 3.0, Source::Independent);
    /// // P(|t| <= 1.3213) = 68.27 % with two degrees of freedom.
    /// assert!((e.std_error - 0.13213).abs() < 1e-5 && (e.raw_error() - 0.1).abs() < 1e-15);
    /// ```
    pub fn with_dof(value: f64, raw_error: f64, dof: f64, n_eff: f64, source: Source) -> Self {
        Estimate { value, std_error: raw_error * student_factor(dof), tau_int: 0.5, n_eff, dof, source }
    }

    /// A parameter of a fit, with its plain standard error and the degrees of freedom of that (`f64::MAX` where the errors
    /// of the fitted numbers count as known). There is no series behind it: [`Source::Fit`], `n_eff` is `f64::MAX`.
    pub fn of_fit(value: f64, raw_error: f64, dof: f64) -> Self {
        Estimate::with_dof(value, raw_error, dof, f64::MAX, Source::Fit)
    }

    /// The plain standard error, `std_error` without the enlargement for few degrees of freedom: what adds in
    /// quadrature, and what Student's t is a multiple of.
    pub fn raw_error(&self) -> f64 {
        self.std_error / student_factor(self.dof)
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

    /// (value - expected) / std_error: the difference in error bars. |z| <= 1 in 68.27 % of all cases whatever `dof`
    /// is, but beyond that the tails are those of Student's t: with `dof` = 2, |z| > 5 has a probability of 2 %, with
    /// very many 6e-7. A test belongs on [`Estimate::p_value`], which knows.
    ///
    /// With an error of zero: 0 when the two are equal, else an infinity.
    pub fn z(&self, expected: f64) -> f64 {
        let difference = self.value - expected;
        if difference == 0.0 { 0.0 } else { difference / self.std_error }
    }

    /// The probability of a difference from `expected` at least as large as the one seen, were `expected` true: two
    /// sides of Student's t with `dof` degrees of freedom. With an error of zero 1 when the two are equal, else 0. For a
    /// fraction of trials twice the smaller tail of the binomial law with both sides counting what was seen.
    pub fn p_value(&self, expected: f64) -> f64 {
        if self.source == Source::Trials {
            return self.binomial_p_value(expected);
        }
        let difference = self.value - expected;
        if difference == 0.0 { 1.0 } else { student_two_sided(difference / self.raw_error(), self.dof) }
    }

    fn binomial_p_value(&self, expected: f64) -> f64 {
        use crate::distribution::{Binomial, Discrete, Distribution};
        if expected.is_nan() {
            return f64::NAN;
        }
        // Trials were counted in a u64.
        let (n, k) = (self.n_eff as u64, (self.value * self.n_eff).round() as u64);
        match Binomial::new(n, expected) {
            Ok(law) => {
                let here = law.pmf(k as i64);
                let (below, above) = (law.cdf(k as f64), law.sf(k as f64) + here);
                (2.0 * below.min(above)).min(1.0)
            }
            Err(_) => 0.0,
        }
    }

    /// The two-sided confidence interval of the given level in (0, 1), by Student's t with `dof` degrees of freedom;
    /// Wilson's for a fraction of trials.
    pub fn interval(&self, level: f64) -> Result<(f64, f64)> {
        if !(level > 0.0 && level < 1.0) {
            return Err(Error::out_of_range("confidence level", level, "between 0 and 1"));
        }
        if self.source == Source::Trials {
            let (p, n, z) = (self.value, self.n_eff, student_quantile(0.5 + 0.5 * level, f64::MAX));
            let shrink = 1.0 / (1.0 + z * z / n);
            let centre = (p + 0.5 * z * z / n) * shrink;
            let half = z * shrink * (p * (1.0 - p) / n + 0.25 * z * z / (n * n)).sqrt();
            let end = |at: f64, x: f64| if p == at { at } else { x.clamp(0.0, 1.0) };
            return Ok((end(0.0, centre - half), end(1.0, centre + half)));
        }
        let half = self.raw_error() * student_quantile(0.5 + 0.5 * level, self.dof);
        Ok((self.value - half, self.value + half))
    }

    /// a + b x: the same estimate on another scale. What was a fraction of trials is then a number like others.
    pub fn affine(self, a: f64, b: f64) -> Self {
        let source = self.source.rescaled();
        Estimate { value: a + b * self.value, std_error: b.abs() * self.std_error, source, ..self }
    }

    /// The sum of two independent estimates: raw errors add in quadrature, degrees of freedom by Welch and
    /// Satterthwaite. τ_int is that of the part with the larger error, `n_eff` the smaller one, and the source the
    /// less certain.
    pub fn plus(self, other: Estimate) -> Self {
        let value = self.value + other.value;
        let (raw, dof) = combined([(self.raw_error(), self.dof), (other.raw_error(), other.dof)].into_iter());
        let larger = if self.raw_error() >= other.raw_error() { self } else { other };
        let source = self.source.or_less_certain(other.source).rescaled();
        let sum = Estimate::with_dof(value, raw, dof, self.n_eff.min(other.n_eff), source);
        Estimate { tau_int: larger.tau_int, ..sum }
    }
}

/// The raw error of a sum of independent parts, each with (raw error, degrees of freedom), and its degrees of freedom
/// by Welch and Satterthwaite, σ⁴ / Σ σᵢ⁴/νᵢ. With no error at all, the fewest of those that went in.
pub(crate) fn combined(parts: impl Iterator<Item = (f64, f64)> + Clone) -> (f64, f64) {
    // In units of the largest, whose fourth power an f64 may not hold.
    let largest = parts.clone().fold(0.0f64, |m, (raw, _)| m.max(raw));
    if !(largest > 0.0 && largest.is_finite()) {
        return (largest, parts.fold(f64::MAX, |m, (_, dof)| m.min(dof)));
    }
    let (mut variance, mut shares) = (0.0, 0.0);
    for (raw, dof) in parts {
        let part = (raw / largest).powi(2);
        variance += part;
        shares += part * part / dof;
    }
    let dof = variance * variance / shares;
    (largest * variance.sqrt(), if dof < f64::MAX { dof } else { f64::MAX })
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
            // 0 is added lest a negative value be rounded to "-0".
            format!("{:.0}({error_units:.0})", (value / unit).round() * unit + 0.0)
        };
    }
    let digits = -shown;
    let scale = if value == 0.0 { exponent } else { value.abs().log10().floor() as i32 };
    if digits > 15 && (-300..0).contains(&scale) {
        let unit = 10f64.powi(scale);
        return format!("{}e{scale}", with_error(value / unit, error / unit));
    }
    // An f64 has no digits beyond its 17th.
    if digits > 17 {
        return format!("{value:e}({error:.1e})");
    }
    let units = (error * 10f64.powi(digits)).round();
    let shown = format!("{value:.*}", digits as usize);
    let shown = if shown.parse() == Ok(0.0) { shown.trim_start_matches('-') } else { &shown };
    format!("{shown}({units:.0})")
}

/// What several runs of a search found. A search is not a sample of anything: there is a best result and a success
/// probability, and no mean.
///
/// ```compile_fail
/// let found = smml_core::estimate::SearchResults::new(vec![(-3.0, ()), (-2.0, ())]).unwrap();
/// found.mean(); // there is no such method
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "StoredSearch<S>")]
pub struct SearchResults<S> {
    runs: Vec<(f64, S)>,
}

/// What a file holds: checked like any other input.
#[derive(Deserialize)]
struct StoredSearch<S> {
    runs: Vec<(f64, S)>,
}

impl<S> TryFrom<StoredSearch<S>> for SearchResults<S> {
    type Error = Error;
    fn try_from(stored: StoredSearch<S>) -> Result<Self> {
        SearchResults::new(stored.runs)
    }
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
    /// Energies and states, in the order of the runs.
    pub fn into_runs(self) -> Vec<(f64, S)> {
        self.runs
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

/// First two moments of samples, relative to one of them: a large common offset then costs no digits.
pub(crate) struct Moments {
    origin: f64,
    /// Mean less `origin`.
    shift: f64,
    /// Unbiased variance; zero exactly for samples that are all equal.
    pub(crate) variance: f64,
}

impl Moments {
    /// Errors: no samples, values that are not finite, and samples so far apart, or so close to one another, that the
    /// square of their spread leaves the range of an f64.
    pub(crate) fn of(x: &[f64]) -> Result<Self> {
        if let Some(i) = x.iter().position(|v| !v.is_finite()) {
            return Err(Error::out_of_range(format!("sample {i}"), x[i], "finite"));
        }
        let Some(&origin) = x.first() else { return Err(Error::TooShort { have: 0, needed: 2 }) };
        if x.iter().all(|v| *v == origin) {
            return Ok(Moments { origin, shift: 0.0, variance: 0.0 });
        }
        let n = x.len() as f64;
        let shift = x.iter().map(|v| v - origin).sum::<f64>() / n;
        let (mut s1, mut s2) = (0.0, 0.0);
        for v in x {
            let d = v - origin - shift;
            s1 += d;
            s2 += d * d;
        }
        let variance = (s2 - s1 * s1 / n) / (n - 1.0);
        // Asked this way round, so that a NaN from an overflow is too large.
        let why = if !(variance < f64::INFINITY) {
            "the samples lie so far apart that the square of their spread exceeds the largest f64"
        } else if variance < f64::MIN_POSITIVE {
            "the samples differ, but so little that the square of their spread is below the smallest f64"
        } else {
            return Ok(Moments { origin, shift: shift + s1 / n, variance });
        };
        Err(Error::Undefined { what: "the variance".into(), why: format!("{why}: use another unit") })
    }
    pub(crate) fn mean(&self) -> f64 {
        self.origin + self.shift
    }
    /// The samples less their mean.
    pub(crate) fn centred(&self, x: &[f64]) -> Vec<f64> {
        x.iter().map(|v| v - self.origin - self.shift).collect()
    }
}

/// Mean and unbiased variance: see [`Moments::of`].
pub(crate) fn mean_and_variance(x: &[f64]) -> Result<(f64, f64)> {
    Moments::of(x).map(|m| (m.mean(), m.variance))
}

/// The raw error of a mean together with that of rounding it to an f64, uniform in one unit of the last digit: it counts
/// where the mean is 10¹⁵ times its error. Samples that are all equal keep their zero.
fn with_rounding(raw_error: f64, mean: f64) -> f64 {
    if raw_error == 0.0 { 0.0 } else { libm::hypot(raw_error, f64::EPSILON * mean / 12f64.sqrt()) }
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

/// P(|T| >= |t|) for Student's t, accurate far into the tails; the normal law for very many degrees of freedom.
pub(crate) fn student_two_sided(t: f64, dof: f64) -> f64 {
    use crate::distribution::{Distribution, StudentT, normal_sf};
    if t.is_nan() {
        return f64::NAN;
    }
    match StudentT::new(0.0, 1.0, dof.max(0.5)) {
        Ok(law) if dof < 1e6 => 2.0 * law.sf(t.abs()),
        _ => 2.0 * normal_sf(t.abs()),
    }
}

/// Quantile of Student's t with `dof` > 0 degrees of freedom, also fractional ones; NaN for p outside (0, 1).
pub fn student_quantile(p: f64, dof: f64) -> f64 {
    crate::distribution::student_t_quantile(p, dof)
}

#[cfg(test)]
mod tests;
