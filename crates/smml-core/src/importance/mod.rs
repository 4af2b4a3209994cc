//! Importance sampling, Eq. (4): means over a target p from draws of a proposal q, by weights w = p/q.
//!
//! [`ImportanceSample`] holds the weights and what can be said about them: effective sample size, the Pareto shape
//! k-hat of their tail ([`psis`]), a [`Verdict`]. Its estimators refuse to average weights whose variance seems
//! infinite; [`ImportanceSample::diagnose`] shows the numbers all the same. Weights for training data whose classes
//! are not in the proportions of the target are in [`balance`].

pub mod balance;
pub mod psis;
#[cfg(test)]
mod tests;

use crate::{
    distribution::Continuous,
    error::{Error, Result, same_length},
    estimate::{Estimate, MIN_N_EFF, Source, normalised_weights},
    rng::Draw,
};
use psis::{Psis, Tail, k_hat_threshold, pareto_smooth};
use std::fmt;

/// How far the mean weight may lie from 1, in standard errors, before [`ImportanceSample::plain`] refuses.
const NORMALISATION_GATE: f64 = 10.0;
/// The largest weight is taken for a true maximum when it was drawn this often, independently.
const ATOM: f64 = 10.0;

/// What the tail of the weights allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// k-hat is below ½ and below the threshold of the sample size: finite variance, error bars hold.
    Good,
    /// ½ <= k-hat < threshold: the variance of the raw weights is infinite. Pareto-smoothed weights still serve.
    InfiniteVariance,
    /// threshold <= k-hat < 1: too heavy a tail for this many samples, even smoothed.
    Unreliable,
    /// k-hat >= 1: the weights seem to have no mean at all.
    InfiniteMean,
    /// No tail could be fitted: too few weights, or too many equal ones.
    Undetermined,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Verdict::Good => "good",
            Verdict::InfiniteVariance => "infinite variance",
            Verdict::Unreliable => "unreliable",
            Verdict::InfiniteMean => "infinite mean",
            Verdict::Undetermined => "undetermined",
        })
    }
}

/// Importance weights and their diagnosis.
///
/// ```
/// use smml_core::{distribution::{Continuous, Normal}, importance::ImportanceSample, rng::Streams};
/// let (p, q) = (Normal::STANDARD, Normal::new(0.0, 2.0)?);
/// let mut rng = Streams::new(1).stream("doc", 0);
/// let (x, sample) = ImportanceSample::draw(|x| p.ln_pdf(x), &q, 10_000, &mut rng)?;
/// let squares: Vec<f64> = x.iter().map(|x| x * x).collect();
/// assert!(sample.plain(&squares)?.z(1.0).abs() < 4.0);
///
/// // A proposal narrower than the target: the weights have no variance, and no error bar is given.
/// let narrow = Normal::new(0.0, 0.5)?;
/// let (x, sample) = ImportanceSample::draw(|x| p.ln_pdf(x), &narrow, 10_000, &mut rng)?;
/// assert!(sample.plain(&x).is_err());
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ImportanceSample {
    ln_weights: Vec<f64>,
    psis: Psis,
    r_eff: f64,
    ess: f64,
    verdict: Verdict,
}

/// Everything known about one importance-sampled mean, trustworthy or not.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Diagnosis {
    /// Pareto shape of the weights; `None` where none could be fitted.
    pub k_hat: Option<f64>,
    /// Pareto shape of |h| w, which decides whether the mean of h has a variance.
    pub k_hat_of_product: Option<f64>,
    /// Both shapes must be below this for the smoothed estimate.
    pub threshold: f64,
    /// The verdict on the worse of the two shapes.
    pub verdict: Verdict,
    /// (Σ w)² / Σ w² of the raw weights.
    pub ess: f64,
    /// The share of the largest raw weight in their sum.
    pub largest_share: f64,
    /// Σ w h / Σ w with raw weights; `None` when fewer than ten draws carry the weight. Its error bar means nothing
    /// unless `verdict` is good.
    pub self_normalised: Option<Estimate>,
    /// The same with Pareto-smoothed weights.
    pub smoothed: Option<Estimate>,
}

impl ImportanceSample {
    /// From ln w of independent draws; weights may be known up to a common factor.
    ///
    /// Errors: no weights, all zero, NaN, or +∞: a draw that q cannot produce, where p is not zero.
    pub fn new(ln_weights: Vec<f64>) -> Result<Self> {
        Self::from_chain(ln_weights, 1.0)
    }

    /// From ln w along a Markov chain that samples q, with its relative efficiency `r_eff` = independent samples per
    /// sample, (0, 1] (or above for an antithetic chain), which lengthens the tail of the fit and widens the errors.
    pub fn from_chain(ln_weights: Vec<f64>, r_eff: f64) -> Result<Self> {
        if ln_weights.is_empty() {
            return Err(Error::TooShort { have: 0, needed: 2 });
        }
        let weights = normalised_weights(&ln_weights)?;
        let ess = 1.0 / weights.iter().map(|w| w * w).sum::<f64>();
        let psis = pareto_smooth(&ln_weights, r_eff)?;
        let verdict = verdict_on(&psis, r_eff);
        Ok(ImportanceSample { ln_weights, psis, r_eff, ess, verdict })
    }

    /// From ln p and ln q at draws of q; each may lack its constant.
    ///
    /// Errors name the draw: NaN or +∞ in either, and q = 0 (such a point cannot have come from q; if p is not zero
    /// there, q does not cover p).
    pub fn from_densities(ln_p: &[f64], ln_q: &[f64]) -> Result<Self> {
        Self::new(ln_weights(ln_p, ln_q)?)
    }

    /// Draws `n` points from the proposal and weighs them. Returns the points too.
    pub fn draw<Q: Continuous, R: Draw>(
        ln_p: impl Fn(f64) -> f64,
        proposal: &Q,
        n: usize,
        rng: &mut R,
    ) -> Result<(Vec<f64>, Self)> {
        let x = proposal.draws(n, rng);
        let ln_p: Vec<f64> = x.iter().map(|x| ln_p(*x)).collect();
        let ln_q: Vec<f64> = x.iter().map(|x| proposal.ln_pdf(*x)).collect();
        let sample = Self::from_densities(&ln_p, &ln_q)?;
        Ok((x, sample))
    }

    /// Number of draws.
    pub fn n(&self) -> usize {
        self.ln_weights.len()
    }
    /// ln w, as given.
    pub fn ln_weights(&self) -> &[f64] {
        &self.ln_weights
    }
    /// ln w after Pareto smoothing, on the scale of the raw ones.
    pub fn smoothed_ln_weights(&self) -> &[f64] {
        &self.psis.ln_weights
    }
    /// The fitted Pareto shape of the largest weights; moments of order below 1/k exist. `None`: see [`Psis::tail`].
    pub fn k_hat(&self) -> Option<f64> {
        self.psis.k_hat
    }
    /// The shape below which this many samples suffice: min(1 - 1/log₁₀ S, 0.7).
    pub fn threshold(&self) -> f64 {
        k_hat_threshold(self.psis.n_positive)
    }
    /// What the tail allows.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }
    /// Effective sample size (Σ w)² / Σ w² of the raw weights (times `r_eff` on a chain). An infinite variance does
    /// not show in it: look at [`ImportanceSample::verdict`].
    pub fn ess(&self) -> f64 {
        self.ess * self.r_eff
    }
    /// The fit.
    pub fn psis(&self) -> &Psis {
        &self.psis
    }

    /// The plain estimator (1/N) Σ h(xᵢ) w(xᵢ) of Eq. (4), unbiased. Needs the constants of p and q.
    ///
    /// Errors: [`Error::HeavyTail`] when w or h w seem to have no variance; [`Error::Undefined`] when the mean weight
    /// is not 1 (p or q lacks its constant, or q misses a part of p).
    pub fn plain(&self, values: &[f64]) -> Result<Estimate> {
        self.allow("the plain importance sampling estimate", values, Verdict::Good)?;
        let mean_weight = self.mean_weight()?;
        if (mean_weight.value - 1.0).abs() > 1e-9 && mean_weight.z(1.0).abs() > NORMALISATION_GATE {
            return Err(Error::Undefined {
                what: "the plain importance sampling estimate".into(),
                why: format!(
                    "the mean weight is {mean_weight}, not 1: p or q is not normalised, or q misses a part of p"
                ),
            });
        }
        self.weighted_mean(values)
    }

    /// The mean of the weights, which estimates the ratio Z_p/Z_q of the constants that p and q lack.
    ///
    /// Errors: [`Error::HeavyTail`] when the weights seem to have no variance.
    pub fn mean_weight(&self) -> Result<Estimate> {
        let ones = vec![1.0; self.n()];
        self.allow("the mean weight", &ones, Verdict::Good)?;
        self.weighted_mean(&ones)
    }

    /// The self-normalised estimator Σ w h / Σ w: needs no constants, bias of order 1/N.
    ///
    /// Errors: [`Error::HeavyTail`] when w or h w seem to have no variance.
    pub fn self_normalised(&self, values: &[f64]) -> Result<Estimate> {
        self.allow("the self-normalised estimate", values, Verdict::Good)?;
        self.population(values, &self.ln_weights)
    }

    /// The self-normalised estimator with Pareto-smoothed weights, good up to the threshold of the sample size.
    ///
    /// Errors: [`Error::HeavyTail`] when k-hat of w or of h w is not below it.
    pub fn smoothed(&self, values: &[f64]) -> Result<Estimate> {
        self.allow("the Pareto-smoothed estimate", values, Verdict::InfiniteVariance)?;
        self.population(values, &self.psis.ln_weights)
    }

    /// All numbers there are, whatever the verdict, for a person to look at.
    ///
    /// Errors: lengths that differ, a value with weight that is not finite.
    pub fn diagnose(&self, values: &[f64]) -> Result<Diagnosis> {
        let (product, verdict) = self.judge(values)?;
        let largest = normalised_weights(&self.ln_weights)?.into_iter().fold(0.0, f64::max);
        let given = |e: Result<Estimate>| match e {
            Err(Error::TooShort { .. }) => Ok(None),
            other => other.map(Some),
        };
        Ok(Diagnosis {
            k_hat: self.k_hat(),
            k_hat_of_product: product,
            threshold: self.threshold(),
            verdict,
            ess: self.ess(),
            largest_share: largest,
            self_normalised: given(self.population(values, &self.ln_weights))?,
            smoothed: given(self.population(values, &self.psis.ln_weights))?,
        })
    }

    /// k-hat of |h| w, and the verdict on the worse of it and the weights.
    fn judge(&self, values: &[f64]) -> Result<(Option<f64>, Verdict)> {
        same_length("values", values.len(), self.n())?;
        if let Some(i) =
            (0..values.len()).find(|&i| !values[i].is_finite() && self.ln_weights[i] > f64::NEG_INFINITY)
        {
            return Err(Error::out_of_range(
                format!("value {i}"),
                values[i],
                "finite where the weight is not 0",
            ));
        }
        if values.iter().all(|v| v.abs() == values[0].abs()) {
            return Ok((self.k_hat(), self.verdict));
        }
        let ln_product: Vec<f64> = values
            .iter()
            .zip(&self.ln_weights)
            .map(|(v, w)| if *w == f64::NEG_INFINITY { *w } else { w + libm::log(v.abs()) })
            .collect();
        let psis = pareto_smooth(&ln_product, self.r_eff)?;
        let product = verdict_on(&psis, self.r_eff);
        // Where h w shows no tail (h is mostly 0, or takes few values), the weights alone decide.
        let worse =
            if product == Verdict::Undetermined { self.verdict } else { worse(product, self.verdict) };
        Ok((psis.k_hat, worse))
    }

    fn allow(&self, what: &str, values: &[f64], worst_allowed: Verdict) -> Result<()> {
        let (product, verdict) = self.judge(values)?;
        if verdict == Verdict::Undetermined {
            return Err(match self.psis.tail {
                Tail::TooShort => Error::TooShort { have: self.psis.n_positive, needed: psis::MIN_SAMPLES },
                _ => Error::Undefined {
                    what: what.into(),
                    why: format!(
                        "a quarter or more of the {} weights of the tail equal the weight at its lower end (many equal \
                         weights), so that no law can be fitted to it",
                        self.psis.n_tail
                    ),
                },
            });
        }
        if worse(verdict, worst_allowed) == worst_allowed {
            return Ok(());
        }
        let k_hat = self.k_hat().into_iter().chain(product).fold(f64::NEG_INFINITY, f64::max);
        let limit = if worst_allowed == Verdict::Good { self.threshold().min(0.5) } else { self.threshold() };
        Err(Error::HeavyTail { what: what.into(), k_hat, limit })
    }

    /// (1/N) Σ w h as a mean of independent terms.
    fn weighted_mean(&self, values: &[f64]) -> Result<Estimate> {
        let top = self.ln_weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let terms: Vec<f64> = values
            .iter()
            .zip(&self.ln_weights)
            .map(|(v, w)| if *w == f64::NEG_INFINITY { 0.0 } else { v * libm::exp(w - top) })
            .collect();
        let scaled = Estimate::from_independent(&terms)?;
        let estimate = scaled.affine(0.0, libm::exp(top));
        if !(estimate.value.is_finite() && estimate.std_error.is_finite()) {
            return Err(Error::Undefined {
                what: "the plain importance sampling estimate".into(),
                why: format!("weights up to e^{top:.1} exceed the largest f64"),
            });
        }
        if estimate.source == Source::Constant {
            return Ok(estimate);
        }
        self.on_chain(estimate).map(|e| Estimate { source: Source::Population, ..e })
    }

    fn population(&self, values: &[f64], ln_weights: &[f64]) -> Result<Estimate> {
        Estimate::from_population(values, ln_weights).and_then(|e| self.on_chain(e))
    }

    /// The same estimate when `r_eff` of a sample is independent.
    fn on_chain(&self, e: Estimate) -> Result<Estimate> {
        let r = self.r_eff;
        if r == 1.0 {
            return Ok(e);
        }
        let n_eff = e.n_eff * r;
        if !(n_eff >= MIN_N_EFF) {
            return Err(Error::TooShort {
                have: self.n(),
                needed: (self.n() as f64 * MIN_N_EFF / n_eff).ceil() as usize,
            });
        }
        let thinned = Estimate::with_dof(
            e.value,
            e.raw_error() / r.sqrt(),
            ((e.dof + 1.0) * r - 1.0).max(1.0),
            n_eff,
            e.source,
        );
        Ok(Estimate { tau_int: e.tau_int / r, ..thinned })
    }
}

/// ln w = ln p - ln q, checked: see [`ImportanceSample::from_densities`]. p = 0 gives weight 0.
pub fn ln_weights(ln_p: &[f64], ln_q: &[f64]) -> Result<Vec<f64>> {
    same_length("ln_q", ln_q.len(), ln_p.len())?;
    for (i, (p, q)) in ln_p.iter().zip(ln_q).enumerate() {
        if p.is_nan() || *p == f64::INFINITY {
            return Err(Error::out_of_range(format!("ln p of draw {i}"), p, "finite or -inf"));
        }
        if !q.is_finite() {
            let allowed = "finite: a point drawn from q has positive density, and q must cover p";
            return Err(Error::out_of_range(format!("ln q of draw {i}"), q, allowed));
        }
    }
    Ok(ln_p.iter().zip(ln_q).map(|(p, q)| p - q).collect())
}

fn verdict_on(psis: &Psis, r_eff: f64) -> Verdict {
    let threshold = k_hat_threshold(psis.n_positive);
    match (psis.tail, psis.k_hat) {
        (Tail::Constant, _) => Verdict::Good,
        // An atom at the top: a bounded, discrete law of the weights.
        (Tail::Tied, _) if psis.n_largest as f64 * r_eff >= ATOM => Verdict::Good,
        (Tail::Fitted, Some(k)) => {
            if k >= 1.0 {
                Verdict::InfiniteMean
            } else if k >= threshold {
                Verdict::Unreliable
            } else if k >= 0.5 {
                Verdict::InfiniteVariance
            } else {
                Verdict::Good
            }
        }
        _ => Verdict::Undetermined,
    }
}

fn worse(a: Verdict, b: Verdict) -> Verdict {
    let rank = |v| match v {
        Verdict::Good => 0,
        Verdict::InfiniteVariance => 1,
        Verdict::Unreliable => 2,
        Verdict::InfiniteMean => 3,
        Verdict::Undetermined => 4,
    };
    if rank(a) >= rank(b) { a } else { b }
}
