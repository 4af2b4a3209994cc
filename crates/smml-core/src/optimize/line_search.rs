//! One-dimensional search along a descent direction for a point that meets the Wolfe conditions.
//!
//! Near convergence a decrease drowns in rounding; there Hager and Zhang's approximate Wolfe test judges by slopes
//! (SIAM J. Optim. 16, 170, 2005). The bracket is the one of bisection for the weak Wolfe conditions, which ends on
//! functions with kinks too, narrowed by cubic interpolation. A trial outside the domain only shortens the bracket.

use super::{
    Progress, Reason,
    problem::{Point, Problem},
    vector::{dot, step_to},
};
use crate::energy::Differentiable;
use std::ops::ControlFlow;

/// Trials before a search gives up: enough to shrink a step by 10⁻³⁰.
const MAX_TRIALS: usize = 40;
/// Largest factor by which a trial grows.
const GROWTH: f64 = 10.0;

/// What a step must achieve.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wolfe {
    /// Sufficient decrease: φ(t) ≤ φ(0) + `decrease` t φ'(0).
    pub(super) decrease: f64,
    /// Curvature: φ'(t) ≥ `curvature` φ'(0).
    pub(super) curvature: f64,
    /// Whether φ'(t) ≤ -`curvature` φ'(0) is wanted too.
    pub(super) strong: bool,
}

/// φ(t) = f(x + t d) at one t.
#[derive(Clone, Copy, Debug)]
struct Sample {
    t: f64,
    value: f64,
    slope: f64,
}

/// Searches along `direction` from `from`, trying `first` first. On success `trial` is the point found and its t is
/// returned; None when no acceptable point was found (the problem still knows the best one).
pub(super) fn search<F: Differentiable, O: FnMut(&Progress) -> ControlFlow<()>>(
    problem: &mut Problem<'_, F, O>,
    from: &Point,
    direction: &[f64],
    slope: f64,
    first: f64,
    wolfe: Wolfe,
    trial: &mut Point,
) -> ControlFlow<Reason, Option<f64>> {
    let origin = Sample { t: 0.0, value: from.value, slope };
    let mut low = origin;
    let mut before_low = origin;
    let mut high: Option<Sample> = None;
    let mut t = first;
    // Widths of the bracket two trials ago and one trial ago: slow shrinking calls for bisection.
    let mut widths = [f64::INFINITY; 2];
    for _ in 0..MAX_TRIALS {
        if !t.is_finite() {
            return unbounded_or_failed(low, high, origin);
        }
        step_to(&from.x, t, direction, &mut trial.x);
        if trial.x == from.x {
            return ControlFlow::Continue(None);
        }
        if !trial.x.iter().all(|x| x.is_finite()) {
            return unbounded_or_failed(low, high, origin);
        }
        problem.evaluate(trial)?;
        let slack = problem.slack();
        let now = Sample { t, value: trial.value, slope: dot(&trial.gradient, direction) };
        if !(now.value < f64::INFINITY && now.slope.is_finite()) {
            high = Some(Sample { value: f64::INFINITY, slope: f64::NAN, ..now });
        } else {
            let armijo = now.value <= origin.value + wolfe.decrease * t * slope;
            let approximate =
                now.value <= origin.value + slack && now.slope <= (2.0 * wolfe.decrease - 1.0) * slope;
            let flat = now.slope >= wolfe.curvature * slope
                && (!wolfe.strong || now.slope <= -wolfe.curvature * slope);
            if (armijo || approximate) && flat {
                return ControlFlow::Continue(Some(t));
            }
            let too_high = now.value > origin.value + wolfe.decrease * t * slope + slack
                || now.value > low.value + slack;
            if now.slope >= 0.0 || too_high {
                high = Some(now);
            } else {
                before_low = low;
                low = now;
            }
        }
        t = match high {
            None => extrapolate(before_low, low),
            Some(high) => {
                let width = high.t - low.t;
                if !(width > 1e-15 * high.t) {
                    return ControlFlow::Continue(None);
                }
                let slow = width > 0.6 * widths[0];
                widths = [widths[1], width];
                interpolate(low, high, before_low, slow, problem.slack())
            }
        };
    }
    ControlFlow::Continue(None)
}

/// The next trial beyond `low`, nothing being known of what lies further out.
fn extrapolate(before: Sample, low: Sample) -> f64 {
    let reach = low.t - before.t;
    let guess = cubic_minimum(before, low).filter(|t| *t > low.t).unwrap_or(f64::INFINITY);
    guess.clamp(low.t + 0.5 * reach, low.t + GROWTH * reach)
}

/// The next trial strictly inside the bracket.
fn interpolate(low: Sample, high: Sample, before: Sample, slow: bool, slack: f64) -> f64 {
    let width = high.t - low.t;
    if high.value == f64::INFINITY {
        // The edge of the domain: go on cautiously from where the function is known.
        let guess = if low.t > before.t { extrapolate(before, low) } else { f64::INFINITY };
        let share = if low.t == 0.0 { 0.1 } else { 0.5 };
        return guess.min(low.t + share * width);
    }
    if slow {
        return low.t + 0.5 * width;
    }
    // Where values differ by rounding only, the slopes alone know where the minimum is.
    let level = (high.value - low.value).abs() <= slack && high.slope > 0.0;
    let guess = if level {
        low.t - width * low.slope / (high.slope - low.slope)
    } else {
        cubic_minimum(low, high).unwrap_or(low.t + 0.5 * width)
    };
    guess.clamp(low.t + 0.01 * width, high.t - 0.01 * width)
}

/// The local minimum of the cubic through two values and two slopes; None when it has none.
fn cubic_minimum(a: Sample, b: Sample) -> Option<f64> {
    let h = b.t - a.t;
    let theta = 3.0 * (a.value - b.value) / h + a.slope + b.slope;
    let scale = theta.abs().max(a.slope.abs()).max(b.slope.abs());
    let root = (theta / scale).powi(2) - (a.slope / scale) * (b.slope / scale);
    let gamma = scale * root.max(0.0).sqrt();
    if root < 0.0 {
        return None;
    }
    let t = b.t - h * (b.slope + gamma - theta) / (b.slope - a.slope + 2.0 * gamma);
    t.is_finite().then_some(t)
}

/// The step left the range of floating-point numbers. While still going down, that is a function without a minimum.
fn unbounded_or_failed(
    low: Sample,
    high: Option<Sample>,
    origin: Sample,
) -> ControlFlow<Reason, Option<f64>> {
    if high.is_none() && low.t > 0.0 && low.value < origin.value {
        ControlFlow::Break(Reason::Unbounded)
    } else {
        ControlFlow::Continue(None)
    }
}
