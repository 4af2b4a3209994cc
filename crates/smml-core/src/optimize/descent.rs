//! The loop shared by the methods with a line search, and the simplest of them, steepest descent.
//!
//! A direction that does not descend, or a search that finds nothing, makes the method forget what it learned and
//! start again along the negative gradient from the best point. Only when that fails too is the run stalled.

use super::{
    Progress, Reason,
    line_search::{Wolfe, search},
    problem::{Point, Problem},
    vector::{dot, max_norm, subtract},
};
use crate::energy::Differentiable;
use std::{convert::Infallible, ops::ControlFlow};

/// A step that was taken.
pub(super) struct Taken<'a> {
    /// x' - x.
    pub(super) s: &'a [f64],
    /// ∇f(x') - ∇f(x).
    pub(super) y: &'a [f64],
    /// Step length in units of the direction.
    pub(super) t: f64,
    /// Slope along the direction at x.
    pub(super) slope: f64,
    /// The gradient at x.
    pub(super) gradient: &'a [f64],
    /// The direction.
    pub(super) direction: &'a [f64],
}

/// How a method chooses its directions.
pub(super) trait Directions {
    /// What the line search must achieve.
    fn wolfe(&self) -> Wolfe;
    /// Writes a direction and returns the first step to try; None when nothing is known yet (take the gradient).
    fn direction(&mut self, gradient: &[f64], direction: &mut [f64]) -> Option<f64>;
    /// Learns from a step.
    fn learn(&mut self, taken: &Taken<'_>);
    /// Forgets everything.
    fn restart(&mut self);
}

/// Runs a method to its end.
pub(super) fn descend<F: Differentiable, O: FnMut(&Progress) -> ControlFlow<()>>(
    problem: &mut Problem<'_, F, O>,
    start: Vec<f64>,
    mut method: impl Directions,
) -> ControlFlow<Reason, Infallible> {
    let n = start.len();
    let mut at = Point::new(start);
    problem.evaluate(&mut at)?;
    let mut trial = at.clone();
    let (mut direction, mut s, mut y) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
    let mut last_failure = f64::INFINITY;
    loop {
        let before = at.value;
        let learned = method.direction(&at.gradient, &mut direction);
        let learned = learned.map(|first| (first, dot(&at.gradient, &direction)));
        let (fresh, first, slope) = match learned {
            Some((first, slope)) if slope < 0.0 && slope.is_finite() && first > 0.0 => (false, first, slope),
            _ => {
                method.restart();
                (true, along_gradient(&at, &mut direction), dot(&at.gradient, &direction))
            }
        };
        match search(problem, &at, &direction, slope, first, method.wolfe(), &mut trial)? {
            Some(t) => {
                subtract(&trial.x, &at.x, &mut s);
                subtract(&trial.gradient, &at.gradient, &mut y);
                method.learn(&Taken {
                    s: &s,
                    y: &y,
                    t,
                    slope,
                    gradient: &at.gradient,
                    direction: &direction,
                });
                std::mem::swap(&mut at, &mut trial);
            }
            None => {
                method.restart();
                // Without a lower point since the last failure, going back there would only repeat it.
                let lower = problem.best.value < at.value && problem.best.value < last_failure;
                if lower {
                    at.copy_from(&problem.best);
                    last_failure = at.value;
                }
                if fresh && !(before - at.value > f64::EPSILON * before.abs()) {
                    return ControlFlow::Break(Reason::Stalled);
                }
            }
        }
        problem.end_iteration(before, at.value, true)?;
    }
}

/// The negative gradient scaled to a largest component of 1, which neither overflows nor underflows, and a first
/// step: a hundredth of the size of x, or what would use up the value if it fell linearly.
fn along_gradient(at: &Point, direction: &mut [f64]) -> f64 {
    let norm = max_norm(&at.gradient);
    for (d, g) in direction.iter_mut().zip(&at.gradient) {
        *d = -g / norm;
    }
    let size = max_norm(&at.x);
    let linear = 0.01 * at.value.abs() / norm;
    let first = if size > 0.0 {
        0.01 * size
    } else if linear > 0.0 {
        linear
    } else {
        1.0
    };
    if first.is_finite() { first } else { 1.0 }
}

/// Steepest descent. The first trial of each search is the step of Barzilai and Borwein, s·s / s·y.
#[derive(Default)]
pub(super) struct Steepest {
    step: Option<f64>,
}

impl Directions for Steepest {
    fn wolfe(&self) -> Wolfe {
        Wolfe { decrease: 1e-4, curvature: 0.9, strong: false }
    }
    fn direction(&mut self, gradient: &[f64], direction: &mut [f64]) -> Option<f64> {
        let step = self.step?;
        let norm = max_norm(gradient);
        for (d, g) in direction.iter_mut().zip(gradient) {
            *d = -g / norm;
        }
        Some(step * norm)
    }
    fn learn(&mut self, taken: &Taken<'_>) {
        let step = dot(taken.s, taken.s) / dot(taken.s, taken.y);
        self.step = (step > 0.0 && step.is_finite()).then_some(step);
    }
    fn restart(&mut self) {
        self.step = None;
    }
}
