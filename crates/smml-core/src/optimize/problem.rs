//! The function being minimised, with everything that must hold for all methods: each evaluation is counted, limits
//! are never passed, and the best point is never lost.

use super::{Progress, Reason, Stop, vector::max_norm};
use crate::energy::Differentiable;
use std::ops::ControlFlow;

/// Values this close, relative to their size, may differ by rounding alone: a line search may climb by this much, and
/// a point whose gradient meets the tolerance may be this much above the lowest one. (Sums with cancellation, as in
/// least squares, have errors of 10⁻¹² and more; Hager and Zhang allow 10⁻⁶.)
pub(super) const ROUNDING: f64 = 1e-10;

/// A point with its value and gradient.
#[derive(Clone, Debug)]
pub(super) struct Point {
    pub(super) x: Vec<f64>,
    pub(super) gradient: Vec<f64>,
    pub(super) value: f64,
}

impl Point {
    pub(super) fn new(x: Vec<f64>) -> Self {
        let gradient = vec![0.0; x.len()];
        Point { x, gradient, value: f64::NAN }
    }
    pub(super) fn copy_from(&mut self, other: &Point) {
        self.x.copy_from_slice(&other.x);
        self.gradient.copy_from_slice(&other.gradient);
        self.value = other.value;
    }
}

/// A function under minimisation. `Break` carries the reason to end at once.
pub(super) struct Problem<'a, F: Differentiable, O> {
    function: &'a F,
    scratch: F::Scratch,
    stop: &'a Stop,
    observer: O,
    pub(super) best: Point,
    pub(super) best_gradient_norm: f64,
    start: f64,
    lowest: f64,
    pub(super) evaluations: usize,
    pub(super) iterations: usize,
}

impl<'a, F: Differentiable, O: FnMut(&Progress) -> ControlFlow<()>> Problem<'a, F, O> {
    pub(super) fn new(function: &'a F, stop: &'a Stop, start: &[f64], observer: O) -> Self {
        Problem {
            function,
            scratch: F::Scratch::default(),
            stop,
            observer,
            best: Point::new(start.to_vec()),
            best_gradient_norm: f64::NAN,
            start: f64::NAN,
            lowest: f64::INFINITY,
            evaluations: 0,
            iterations: 0,
        }
    }

    /// Evaluates `point` in place. A value or gradient that is not finite comes back as +∞: the point is outside the
    /// domain. (-∞ ends the run: nothing can be lower.)
    pub(super) fn evaluate(&mut self, point: &mut Point) -> ControlFlow<Reason> {
        if self.evaluations >= self.stop.max_evaluations {
            return ControlFlow::Break(Reason::MaxEvaluations);
        }
        let first = self.evaluations == 0;
        self.evaluations += 1;
        let value = self.function.value_and_gradient(&point.x, &mut point.gradient, &mut self.scratch);
        let norm = max_norm(&point.gradient);
        point.value = value;
        if value == f64::NEG_INFINITY {
            self.best.copy_from(point);
            self.best_gradient_norm = norm;
            return ControlFlow::Break(Reason::Unbounded);
        }
        if !(value.is_finite() && norm.is_finite()) {
            if first {
                self.best.copy_from(point);
                self.best_gradient_norm = norm;
                return ControlFlow::Break(Reason::NotFinite);
            }
            point.value = f64::INFINITY;
            return ControlFlow::Continue(());
        }
        if first {
            self.start = value;
        }
        self.lowest = self.lowest.min(value);
        let met = norm <= self.stop.gradient && value <= self.ceiling().min(self.start);
        let target = self.stop.value.is_some_and(|target| value <= target);
        // Of equal values the later point is as a rule the better one.
        if first || met || value <= self.best.value {
            self.best.copy_from(point);
            self.best_gradient_norm = norm;
        }
        if target {
            return ControlFlow::Break(Reason::Value);
        }
        if met {
            return ControlFlow::Break(Reason::Gradient);
        }
        if first && self.stop.max_iterations == 0 {
            return ControlFlow::Break(Reason::MaxIterations);
        }
        ControlFlow::Continue(())
    }

    /// The gradient norm asked for.
    pub(super) fn gradient_tolerance(&self) -> f64 {
        self.stop.gradient
    }

    /// How far two values may differ by rounding alone.
    pub(super) fn slack(&self) -> f64 {
        ROUNDING * self.lowest.abs()
    }

    /// The highest value that equals the lowest one up to rounding.
    pub(super) fn ceiling(&self) -> f64 {
        self.lowest + self.slack()
    }

    /// Counts an iteration that went from `before` to `after`; `settled` says that the relative decrease means
    /// something for this step.
    pub(super) fn end_iteration(&mut self, before: f64, after: f64, settled: bool) -> ControlFlow<Reason> {
        self.iterations += 1;
        let progress = Progress {
            iteration: self.iterations,
            evaluations: self.evaluations,
            value: after,
            best: self.best.value,
            gradient_norm: self.best_gradient_norm,
        };
        if (self.observer)(&progress).is_break() {
            return ControlFlow::Break(Reason::Observer);
        }
        let decrease = before - after;
        let small = decrease <= self.stop.relative_decrease * before.abs().max(after.abs());
        if settled && self.stop.relative_decrease > 0.0 && decrease >= 0.0 && small {
            return ControlFlow::Break(Reason::RelativeDecrease);
        }
        if self.iterations >= self.stop.max_iterations {
            return ControlFlow::Break(Reason::MaxIterations);
        }
        ControlFlow::Continue(())
    }
}
