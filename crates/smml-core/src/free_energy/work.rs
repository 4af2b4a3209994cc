//! Free energies from the work of driven processes: Jarzynski's equality, Crooks' relation, the integral fluctuation
//! theorem. Work and ΔF are in units of energy, β in their inverse.

use super::{
    bar::{bar, check_shared},
    finite_estimate, ln_mean_exp,
};
use crate::{
    error::{Error, Result, all_finite, positive},
    estimate::{Estimate, MIN_N_EFF, Source, jackknife},
    numeric::{sigmoid, softplus},
};
use serde::{Deserialize, Serialize};

/// ΔF = -(1/β) ln⟨e^{-βW}⟩ from independent work values (C. Jarzynski, Phys. Rev. Lett. 78, 2690 (1997)), error by the
/// delta method.
///
/// Finite samples miss the rare low work values, so the result is too high on average: to first order by
/// [`jarzynski_bias`], by far more when the dissipated work is many kT (about e^{β W_diss} samples are needed). Use
/// [`crooks`] where the reverse process can be run.
///
/// Errors: β not above 0, works that are not finite, [`Error::TooShort`] when fewer than ten values carry the average.
///
/// ```
/// use smml_core::{free_energy::jarzynski, rng::{Draw, Streams}};
/// let mut rng = Streams::new(1).stream("doc", 0);
/// let work: Vec<f64> = (0..20_000).map(|_| 2.0 + rng.normal()).collect();
/// assert!(jarzynski(&work, 1.0)?.z(1.5).abs() < 4.0); // mean - β variance / 2 for Gaussian work
/// # Ok::<(), smml_core::Error>(())
/// ```
pub fn jarzynski(work: &[f64], beta: f64) -> Result<Estimate> {
    finite_estimate("the free energy difference", ln_mean_exp(&scaled(work, beta)?)?.affine(0.0, -1.0 / beta))
}

/// How much [`jarzynski`] is expected to lie above ΔF, to first order in 1/n: β σ²/2, with σ its raw standard error.
/// Trust it only when it is small against σ.
pub fn jarzynski_bias(work: &[f64], beta: f64) -> Result<f64> {
    jarzynski(work, beta).map(|e| 0.5 * beta * e.raw_error().powi(2))
}

/// [`jarzynski`] by the block jackknife: the first order of the bias removed, and right for correlated work values too
/// (one long run driven again and again).
///
/// Errors: as [`jarzynski`] and [`jackknife`].
pub fn jarzynski_jackknife(work: &[f64], beta: f64) -> Result<Estimate> {
    ln_mean_exp(&scaled(work, beta)?)?;
    let low = work.iter().copied().fold(f64::INFINITY, f64::min);
    let factors: Vec<f64> = work.iter().map(|w| libm::exp(-beta * (w - low))).collect();
    let e = jackknife(&[&factors], |mean| low - libm::log(mean[0]) / beta)?;
    finite_estimate("the free energy difference", e)
}

/// ΔF = ⟨W⟩ - β Var(W)/2: exact for Gaussian work (slow driving), where it needs far fewer samples than [`jarzynski`];
/// biased for any other distribution. Independent work values.
///
/// Errors: β not above 0, works that are not finite, fewer than ten of them.
pub fn jarzynski_cumulant(work: &[f64], beta: f64) -> Result<Estimate> {
    scaled(work, beta)?;
    let n = work.len();
    if (n as f64) < MIN_N_EFF {
        return Err(Error::TooShort { have: n, needed: MIN_N_EFF as usize });
    }
    let count = n as f64;
    let (mean, variance) = crate::estimate::mean_and_variance(work)?;
    // Influence of one sample on the result: its spread is the error, whatever the distribution.
    let spread: f64 = work
        .iter()
        .map(|w| {
            let d = w - mean;
            (d - 0.5 * beta * (d * d - variance)).powi(2)
        })
        .sum();
    let source = if variance == 0.0 { Source::Constant } else { Source::Independent };
    let (value, raw) = (mean - 0.5 * beta * variance, (spread / (count - 1.0) / count).sqrt());
    if !(value.is_finite() && raw.is_finite()) {
        return Err(Error::Undefined {
            what: "the free energy from two cumulants".into(),
            why: "beta times the square of the variance exceeds the largest f64".into(),
        });
    }
    Ok(Estimate::with_dof(value, raw, count - 1.0, count, source))
}

/// ⟨e^{-Σ}⟩ of independent values of an entropy production Σ (in nats): 1 by the integral fluctuation theorem; with
/// Σ = β(W - ΔF) Jarzynski's equality.
///
/// Errors: values that are not finite, [`Error::TooShort`] when fewer than ten values carry the average.
pub fn integral_fluctuation(sigma: &[f64]) -> Result<Estimate> {
    let ln = ln_mean_exp(&scaled(sigma, 1.0)?)?;
    let value = libm::exp(ln.value);
    if !value.is_finite() {
        return Err(Error::Undefined {
            what: "the average of exp(-sigma)".into(),
            why: format!("its logarithm is {}", ln.value),
        });
    }
    finite_estimate("the average of exp(-sigma)", Estimate { value, std_error: value * ln.std_error, ..ln })
}

/// -βW, checked.
fn scaled(work: &[f64], beta: f64) -> Result<Vec<f64>> {
    positive("beta", beta)?;
    all_finite("work value", work)?;
    let ln_weights: Vec<f64> = work.iter().map(|w| -beta * w).collect();
    all_finite("beta times work value", &ln_weights)?;
    Ok(ln_weights)
}

/// What the work of a process and of its time reversal say together.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Crooks {
    /// ΔF by the Bennett acceptance ratio, given β: the best use of both sets.
    pub delta_f: Estimate,
    /// Slope of ln P_F(W) / P_R(-W) against W: β when Crooks' relation holds.
    pub slope: Estimate,
    /// The work at which P_F(W) = P_R(-W): ΔF when Crooks' relation holds, found without using β.
    pub crossing: Estimate,
}

/// Crooks' relation P_F(W) / P_R(-W) = e^{β(W - ΔF)} (G. E. Crooks, Phys. Rev. E 60, 2721 (1999)) from independent
/// work values of the forward and the reverse process.
///
/// Slope and crossing come from the logistic regression of "forward or reverse" on W, which needs no bins; β is only
/// used for `delta_f`.
///
/// Errors: β not above 0, works that are not finite, no values on a side, [`Error::Undefined`] when the two
/// distributions hardly overlap or when no work differs from another (a slope needs two values; [`bar`] gives ΔF),
/// [`Error::TooShort`] when they overlap but are too few.
pub fn crooks(forward: &[f64], reverse: &[f64], beta: f64) -> Result<Crooks> {
    let negated = |w: &[f64]| -> Result<Vec<f64>> { Ok(scaled(w, beta)?.iter().map(|x| -x).collect()) };
    let bennett = bar(&negated(forward)?, &negated(reverse)?)?;
    let delta_f = finite_estimate("the free energy difference", bennett.delta_f.affine(0.0, 1.0 / beta))?;
    let (slope, crossing) = logistic(forward, reverse)?;
    Ok(Crooks { delta_f, slope, crossing })
}

/// Slope and zero of the log density ratio, assumed linear in W.
fn logistic(forward: &[f64], reverse: &[f64]) -> Result<(Estimate, Estimate)> {
    let fold = |x: &[f64], sign: f64| {
        x.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), w| (a.min(sign * w), b.max(sign * w)))
    };
    let ((low_f, high_f), (low_r, high_r)) = (fold(forward, 1.0), fold(reverse, -1.0));
    let none = || Error::Undefined {
        what: "the crossing of the work distributions".into(),
        why: format!(
            "forward works lie in [{low_f}, {high_f}], negated reverse works in [{low_r}, {high_r}]: they hardly overlap"
        ),
    };
    if low_f == high_f && low_r == high_r && low_f == low_r {
        return Err(Error::Undefined {
            what: "the slope of the log ratio of the work distributions".into(),
            why: format!("every forward and every negated reverse work is {low_f}: a slope needs two values"),
        });
    }
    // Separated sets have no maximum of the likelihood.
    if high_r <= low_f || high_f <= low_r {
        return Err(none());
    }
    let (low, high) = (low_f.min(low_r), high_f.max(high_r));
    let (centre, scale) = (0.5 * (low_f.max(low_r) + high_f.min(high_r)), high - low);
    let n = [forward.len() as f64, reverse.len() as f64];
    let offset = libm::log(n[0] / n[1]);
    let points = || {
        let f = forward.iter().map(move |w| ((w - centre) / scale, 1.0));
        f.chain(reverse.iter().map(move |w| ((-w - centre) / scale, 0.0)))
    };
    let loss = |a: f64, b: f64| {
        points().map(|(x, y)| softplus(if y > 0.5 { -1.0 } else { 1.0 } * (offset + a + b * x))).sum::<f64>()
    };
    // Newton's method with halved steps on a convex function of two variables.
    let (mut a, mut b, mut at) = (0.0, 0.0, loss(0.0, 0.0));
    let mut information = [0.0; 3];
    let (limit, mut polished) = (200, 0);
    for iteration in 0..=limit {
        let (mut ga, mut gb) = (0.0, 0.0);
        information = [0.0; 3];
        for (x, y) in points() {
            let p = sigmoid(offset + a + b * x);
            ga += p - y;
            gb += (p - y) * x;
            let v = p * (1.0 - p);
            information[0] += v;
            information[1] += v * x;
            information[2] += v * x * x;
        }
        let determinant = information[0] * information[2] - information[1] * information[1];
        if !(determinant > 0.0) {
            return Err(none());
        }
        let da = (information[2] * ga - information[1] * gb) / determinant;
        let db = (information[0] * gb - information[1] * ga) / determinant;
        let decrement = ga * da + gb * db;
        if decrement < 1e-9 {
            // Quadratic convergence, and too close for the loss to tell points apart: two more steps are the answer.
            (a, b) = (a - da, b - db);
            polished += 1;
            if polished == 2 {
                break;
            }
            continue;
        }
        if iteration == limit {
            return Err(Error::NotConverged {
                what: "the crossing of the work distributions".into(),
                residual: decrement,
                iterations: limit,
                tolerance: 1e-9,
            });
        }
        let mut step = 1.0;
        let mut next = loss(a - da, b - db);
        while !(next <= at) && step > 1e-10 {
            step *= 0.5;
            next = loss(a - step * da, b - step * db);
        }
        (a, b, at) = (a - step * da, b - step * db, next);
    }
    let shared = information[0];
    let overlap = shared * (1.0 / n[0] + 1.0 / n[1]);
    check_shared(shared, overlap, forward.len() + reverse.len()).unwrap_or_else(|| Err(none()))?;
    if b == 0.0 {
        return Err(Error::Undefined {
            what: "the crossing of the work distributions".into(),
            why: "their ratio does not depend on the work".into(),
        });
    }
    let determinant = information[0] * information[2] - information[1] * information[1];
    // How many samples came from each side was chosen, not observed: that part of the intercept is known.
    let var_a = information[2] / determinant - 1.0 / n[0] - 1.0 / n[1];
    let (var_b, cov) = (information[0] / determinant, -information[1] / determinant);
    let zero = -a / b;
    let var_zero = (var_a + 2.0 * zero * cov + zero * zero * var_b) / (b * b);
    let n_eff = 4.0 * shared;
    let estimate = |value: f64, variance: f64| {
        Estimate::with_dof(value, variance.max(0.0).sqrt(), n_eff - 1.0, n_eff, Source::Population)
    };
    Ok((
        finite_estimate("the slope", estimate(b / scale, var_b / scale / scale))?,
        finite_estimate("the crossing", estimate(centre + scale * zero, var_zero * scale * scale))?,
    ))
}

/// One bin of [`crooks_histogram`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CrooksBin {
    /// Centre of the bin.
    pub work: f64,
    /// ln P_F(W) / P_R(-W): β(W - ΔF) when Crooks' relation holds.
    pub ln_ratio: Estimate,
}

/// The log ratio of the two work histograms, to be drawn: `n_bins` equal bins over the works that both sets reach;
/// bins with fewer than ten counts on a side are left out. Use [`crooks`] for numbers.
///
/// Errors: as [`crooks`], `n_bins` of 0 or above the number of works.
pub fn crooks_histogram(forward: &[f64], reverse: &[f64], n_bins: usize) -> Result<Vec<CrooksBin>> {
    all_finite("forward work", forward)?;
    all_finite("reverse work", reverse)?;
    let n = [forward.len(), reverse.len()];
    if n_bins == 0 || n_bins > n[0] + n[1] {
        return Err(Error::out_of_range("n_bins", n_bins, "at least 1 and at most the number of works"));
    }
    let low = |x: &mut dyn Iterator<Item = f64>| x.fold(f64::INFINITY, f64::min);
    let from = low(&mut forward.iter().copied()).max(low(&mut reverse.iter().map(|w| -w)));
    let to = -low(&mut forward.iter().map(|w| -w)).max(low(&mut reverse.iter().copied()));
    let width = (to - from) / n_bins as f64;
    if !(width > 0.0 && width.is_finite()) {
        return Err(Error::Undefined {
            what: "the ratio of the work histograms".into(),
            why: format!(
                "forward and negated reverse works share no interval of finite width: [{from}, {to}]"
            ),
        });
    }
    let mut counts = vec![[0u64; 2]; n_bins];
    for (side, sign, works) in [(0, 1.0, forward), (1, -1.0, reverse)] {
        for w in works.iter().map(|w| sign * w).filter(|w| (from..=to).contains(w)) {
            counts[(((w - from) / width) as usize).min(n_bins - 1)][side] += 1;
        }
    }
    let bin = |(i, c): (usize, &[u64; 2])| {
        let k = [c[0] as f64, c[1] as f64];
        let n = [n[0] as f64, n[1] as f64];
        let variance = 1.0 / k[0] - 1.0 / n[0] + 1.0 / k[1] - 1.0 / n[1];
        let n_eff = k[0].min(k[1]);
        (n_eff >= MIN_N_EFF).then(|| CrooksBin {
            work: from + (i as f64 + 0.5) * width,
            // The error of counts follows from the counts: no spread was estimated.
            ln_ratio: Estimate::with_dof(
                libm::log(k[0] / n[0] / (k[1] / n[1])),
                variance.sqrt(),
                f64::MAX,
                n_eff,
                Source::Independent,
            ),
        })
    };
    Ok(counts.iter().enumerate().filter_map(bin).collect())
}
