//! The Bennett acceptance ratio: the free energy difference of two states from samples of both (C. H. Bennett,
//! J. Comput. Phys. 22, 245 (1976)).

use crate::{
    energy::LnSum,
    error::{Error, Result, all_finite, positive},
    estimate::{Estimate, MIN_N_EFF, Source},
    numeric::{sigmoid, softplus},
};
use serde::{Deserialize, Serialize};

/// A free energy difference and how much the two states have in common.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bar {
    /// Δf = f₁ - f₀ = -ln(Z₁/Z₀). Asymptotic error, Bennett's Eq. (10); n_eff = 4 Σ p(1-p), see [`Bar::overlap`].
    pub delta_f: Estimate,
    /// (1/n₀ + 1/n₁) Σ p(1-p) in (0, 1], with p the probability that a sample belongs to state 0: 1 when the states
    /// are the same, 0 when they share nothing. One minus the second eigenvalue of the overlap matrix. Below about
    /// 0.03 put a state between the two.
    pub overlap: f64,
}

/// Δf from independent samples: `forward` holds u₁(x) - u₀(x) at samples x of state 0, `reverse` u₀(x) - u₁(x) at
/// samples of state 1, u = βE. Works in units of kT of a forward and a time-reversed process do as well.
///
/// Sets of which each repeats one value give an error of 0, with [`Source::Constant`].
///
/// Errors: no samples on a side, values that are not finite, and where Σ p(1-p) is below 2.5 (what ten samples of two
/// equal states give) [`Error::Undefined`] when the two sets hardly overlap, [`Error::TooShort`] when they overlap but
/// are too few.
///
/// ```
/// use smml_core::{free_energy::bar, rng::{Draw, Streams}};
/// // Gaussian work with mean 3 and variance 2, and its time reversal: Δf = 3 - 2/2.
/// let mut rng = Streams::new(1).stream("doc", 0);
/// let forward: Vec<f64> = (0..5000).map(|_| 3.0 + 2f64.sqrt() * rng.normal()).collect();
/// let reverse: Vec<f64> = (0..2000).map(|_| -1.0 + 2f64.sqrt() * rng.normal()).collect();
/// let b = bar(&forward, &reverse)?;
/// assert!(b.delta_f.z(2.0).abs() < 4.0 && b.overlap > 0.5);
/// # Ok::<(), smml_core::Error>(())
/// ```
pub fn bar(forward: &[f64], reverse: &[f64]) -> Result<Bar> {
    bar_correlated(forward, reverse, [1.0, 1.0])
}

/// [`bar`] of correlated samples, with the statistical inefficiency g = 2 τ_int of each side
/// ([`inefficiency`](super::inefficiency)): n samples count as n/g.
pub fn bar_correlated(forward: &[f64], reverse: &[f64], inefficiency: [f64; 2]) -> Result<Bar> {
    for (what, side) in [("forward", forward), ("reverse", reverse)] {
        if side.is_empty() {
            return Err(Error::out_of_range(format!("number of {what} samples"), 0, "at least 1"));
        }
        all_finite(&format!("{what} sample"), side)?;
    }
    let g = [
        positive("inefficiency of the forward samples", inefficiency[0])?,
        positive("inefficiency of the reverse samples", inefficiency[1])?,
    ];
    let n = [forward.len() as f64 / g[0], reverse.len() as f64 / g[1]];
    let m = libm::log(n[0] / n[1]);
    // ln of the ratio of the two sides of Bennett's equation, and its slope. It rises with Δ; as a logarithm it does
    // so with slope 2 even where the states share nothing and both sides underflow.
    let balance = |delta: f64| {
        let (f, slope_f) = side(forward, m - delta);
        let (r, slope_r) = side(reverse, delta - m);
        (f - r - libm::log(g[0] / g[1]), slope_f + slope_r)
    };
    let middle = |x: &[f64]| x.iter().map(|v| v / x.len() as f64).sum::<f64>();
    let start = 0.5 * (middle(forward) - middle(reverse));
    let delta = rising_root(start, balance).ok_or_else(no_overlap)?;
    let (mut shared, mut variance) = (0.0, 0.0);
    for (samples, shift, g) in [(forward, m - delta, g[0]), (reverse, delta - m, g[1])] {
        let (mut s1, mut s2) = (0.0, 0.0);
        for w in samples {
            let p = sigmoid(-w - shift);
            s1 += p;
            s2 += p * p;
        }
        shared += (s1 - s2) / g;
        variance += g * (s2 / (s1 * s1) - 1.0 / samples.len() as f64);
    }
    let overlap = (shared * (1.0 / n[0] + 1.0 / n[1])).min(1.0);
    check_shared(shared, overlap, forward.len() + reverse.len()).unwrap_or_else(|| Err(no_overlap()))?;
    let repeats = |x: &[f64]| x.iter().all(|v| *v == x[0]);
    let constant = repeats(forward) && repeats(reverse);
    if constant {
        variance = 0.0; // and not what rounding left of it
    }
    let (raw, n_eff) = (variance.max(0.0).sqrt(), 4.0 * shared);
    let source = if constant { Source::Constant } else { Source::Population };
    let delta_f = Estimate::with_dof(delta, raw, n_eff - 1.0, n_eff, source);
    Ok(Bar { delta_f: Estimate { tau_int: 0.5 * g[0].max(g[1]), ..delta_f }, overlap })
}

/// Below this overlap a state between the two helps more than further samples.
const MIN_OVERLAP: f64 = 0.03;

/// Whether `shared` = Σ p(1-p) over `have` samples will do; `None` when more samples would not help, because the two
/// sets hardly overlap.
pub(super) fn check_shared(shared: f64, overlap: f64, have: usize) -> Option<Result<()>> {
    let n_eff = 4.0 * shared;
    if n_eff >= MIN_N_EFF {
        return Some(Ok(()));
    }
    let needed = (have as f64 * MIN_N_EFF / n_eff).ceil() as usize;
    (overlap >= MIN_OVERLAP).then_some(Err(Error::TooShort { have, needed }))
}

fn no_overlap() -> Error {
    Error::Undefined {
        what: "the free energy difference".into(),
        why: "the two sets of samples hardly overlap (or a sign is wrong): put states between them".into(),
    }
}

/// ln Σ 1/(1 + e^(w + shift)), and the slope of it with respect to -shift.
fn side(samples: &[f64], shift: f64) -> (f64, f64) {
    let mut sum = LnSum::default();
    samples.iter().for_each(|w| sum.add(-softplus(w + shift)));
    let total = sum.ln();
    let slope = samples.iter().map(|w| libm::exp(-softplus(w + shift) - total) * sigmoid(w + shift)).sum();
    (total, slope)
}

/// The root of a function that never falls: Newton's method kept inside a bracket. `None` when there is no bracket.
fn rising_root(start: f64, f: impl Fn(f64) -> (f64, f64)) -> Option<f64> {
    let (at_start, _) = f(start);
    if at_start == 0.0 {
        return Some(start);
    }
    let direction = if at_start > 0.0 { -1.0 } else { 1.0 };
    let (mut near, mut far, mut reach) = (start, start, 1.0);
    loop {
        far += direction * reach;
        let (value, _) = f(far);
        if value * direction >= 0.0 {
            break;
        }
        near = far;
        reach *= 2.0;
        if !(reach < 1e300) {
            return None;
        }
    }
    let (mut low, mut high) = if direction > 0.0 { (near, far) } else { (far, near) };
    let mut x = 0.5 * (low + high);
    for _ in 0..200 {
        let (value, slope) = f(x);
        if value > 0.0 {
            high = x;
        } else if value < 0.0 {
            low = x;
        } else {
            return Some(x);
        }
        let newton = x - value / slope;
        let next = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
        if (next - x).abs() <= 1e-14 * x.abs().max(1.0) {
            return Some(next);
        }
        x = next;
    }
    Some(x)
}
