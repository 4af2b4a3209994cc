//! Minimisers of smooth functions (Section 3.7 of the paper), and update rules for noisy gradients.
//!
//! [`minimise`] takes any [`Differentiable`] and a [`Method`]: steepest descent, FIRE 2, conjugate gradients, L-BFGS.
//! The outcome is the best point seen, with the reason for stopping; limits on evaluations are never passed, and no
//! function, however badly behaved, makes it panic. [`update`] holds SGD, momentum, Adam and AdamW. [`problems`] holds
//! test functions. Annealing, which minimises by sampling, lives in [`crate::sample`].

mod conjugate;
mod descent;
mod fire;
mod lbfgs;
mod line_search;
mod problem;
pub mod problems;
#[cfg(test)]
mod tests;
pub mod update;
mod vector;

use crate::{
    energy::{Differentiable, Energy},
    error::{Error, Result, all_finite, finite, not_negative, positive},
};
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;

pub use update::{Adam, AdamW, Momentum, Scalar, Sgd, Update};

/// A function given as a closure that returns f(x) and overwrites the gradient.
///
/// ```
/// use smml_core::optimize::{Function, Method, Stop, minimise};
/// let parabola = Function(|x: &[f64], gradient: &mut [f64]| {
///     gradient[0] = 2.0 * (x[0] - 3.0);
///     (x[0] - 3.0).powi(2)
/// });
/// let found = minimise(&parabola, &[10.0], &Method::default(), &Stop::default())?;
/// assert!((found.x[0] - 3.0).abs() < 1e-8);
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Function<F>(pub F);

impl<F: Fn(&[f64], &mut [f64]) -> f64 + Sync> Energy for Function<F> {
    type State = Vec<f64>;
    fn energy(&self, state: &Vec<f64>) -> f64 {
        (self.0)(state, &mut vec![0.0; state.len()])
    }
}

impl<F: Fn(&[f64], &mut [f64]) -> f64 + Sync> Differentiable for Function<F> {
    type Scratch = ();
    fn value_and_gradient(&self, x: &[f64], gradient: &mut [f64], (): &mut ()) -> f64 {
        (self.0)(x, gradient)
    }
}

/// How to minimise.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Method {
    /// Along the negative gradient, with a line search. Slow; a baseline.
    SteepestDescent,
    /// Damped dynamics. Many cheap steps; forgiving when the function is rough or the start far away.
    Fire(Fire),
    /// Nonlinear conjugate gradients: little memory.
    ConjugateGradient(ConjugateGradient),
    /// Limited-memory BFGS: the fewest evaluations as a rule.
    Lbfgs {
        /// Number of past steps remembered, 1 to 1000.
        memory: usize,
    },
}

impl Default for Method {
    /// L-BFGS that remembers 10 steps.
    fn default() -> Self {
        Method::Lbfgs { memory: 10 }
    }
}

impl Method {
    /// The method itself when its parameters make sense.
    pub fn checked(self) -> Result<Self> {
        match self {
            Method::SteepestDescent => {}
            Method::Fire(fire) => {
                fire.checked()?;
            }
            Method::ConjugateGradient(ConjugateGradient { curvature, .. }) => {
                if !(curvature > 1e-4 && curvature < 1.0) {
                    return Err(Error::out_of_range("curvature", curvature, "between 1e-4 and 1"));
                }
            }
            Method::Lbfgs { memory } => {
                if !(1..=1000).contains(&memory) {
                    return Err(Error::out_of_range("memory", memory, "from 1 to 1000"));
                }
            }
        }
        Ok(self)
    }
}

/// Nonlinear conjugate gradients.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConjugateGradient {
    /// The formula for β.
    pub beta: BetaFormula,
    /// Line searches end when |φ'(t)| ≤ `curvature` |φ'(0)|; between 10⁻⁴ and 1. Small is close to exact.
    pub curvature: f64,
}

impl Default for ConjugateGradient {
    fn default() -> Self {
        ConjugateGradient { beta: BetaFormula::HagerZhang, curvature: 0.1 }
    }
}

/// The β of conjugate gradients, with y = g' - g.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BetaFormula {
    /// PR+: max(0, y·g' / g·g). Gilbert and Nocedal, SIAM J. Optim. 2, 21 (1992).
    PolakRibiere,
    /// CG_DESCENT: (y - 2 d y·y / d·y)·g' / d·y, no less than -1 / (|d| min(0.01, |g|)). Hager and Zhang, SIAM J.
    /// Optim. 16, 170 (2005).
    HagerZhang,
}

/// FIRE 2: dynamics with unit masses, v ← v + dt F, then v ← (1 - α) v + α |v| F/|F|, then x ← x + dt v. While F·v > 0
/// for more than `n_delay` steps, dt grows and α falls; when F·v ≤ 0 the position goes back half a step, v = 0, dt
/// shrinks and α is reset. Guénolé et al., Comput. Mater. Sci. 175, 109584 (2020).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fire {
    /// Initial time step; None takes it from the curvature at the start (a few evaluations more) and lets it grow and
    /// shrink without bounds.
    pub dt: Option<f64>,
    /// Largest time step, in units of the initial one. Not used when `dt` is None.
    pub dt_max: f64,
    /// Smallest time step that going uphill leads to, in units of the initial one. Not used when `dt` is None.
    pub dt_min: f64,
    /// Factor by which dt grows.
    pub dt_growth: f64,
    /// Factor by which dt shrinks.
    pub dt_shrink: f64,
    /// Initial α.
    pub alpha: f64,
    /// Factor by which α falls.
    pub alpha_decay: f64,
    /// Steps downhill before dt grows, and steps at the start during which dt does not shrink.
    pub n_delay: u32,
    /// Steps uphill in a row after which the run counts as stalled.
    pub n_uphill: u32,
    /// Largest change of a coordinate in one step, in units of x.
    pub max_step: f64,
    /// The bias correction of ABC-FIRE, with the limit on each component by itself.
    pub abc: bool,
}

impl Default for Fire {
    /// The published parameters; steps up to 0.1 (as for lengths in Lennard-Jones units); dt found by itself.
    fn default() -> Self {
        Fire {
            dt: None,
            dt_max: 10.0,
            dt_min: 0.02,
            dt_growth: 1.1,
            dt_shrink: 0.5,
            alpha: 0.25,
            alpha_decay: 0.99,
            n_delay: 20,
            n_uphill: 2000,
            max_step: 0.1,
            abc: false,
        }
    }
}

impl Fire {
    /// The parameters themselves when they make sense.
    pub fn checked(self) -> Result<Self> {
        if let Some(dt) = self.dt {
            positive("dt", dt)?;
        }
        positive("max_step", self.max_step)?;
        let within = |name: &str, value: f64, ok: bool, allowed: &str| {
            if ok { Ok(()) } else { Err(Error::out_of_range(name, value, allowed)) }
        };
        within(
            "dt_max",
            self.dt_max,
            self.dt_max >= 1.0 && self.dt_max.is_finite(),
            "finite and at least 1",
        )?;
        within("dt_min", self.dt_min, (0.0..=1.0).contains(&self.dt_min), "in [0, 1]")?;
        let growth = self.dt_growth >= 1.0 && self.dt_growth.is_finite();
        within("dt_growth", self.dt_growth, growth, "finite and at least 1")?;
        let open = |v: f64| v > 0.0 && v < 1.0;
        within("dt_shrink", self.dt_shrink, open(self.dt_shrink), "between 0 and 1")?;
        within("alpha", self.alpha, open(self.alpha), "between 0 and 1")?;
        let decay = self.alpha_decay > 0.0 && self.alpha_decay <= 1.0;
        within("alpha_decay", self.alpha_decay, decay, "greater than 0 and at most 1")?;
        Ok(self)
    }
}

/// When to stop. The first condition that holds ends the run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Stop {
    /// max |∂f/∂xᵢ| at most this. 0 asks for an exact zero.
    pub gradient: f64,
    /// f(x) at most this.
    pub value: Option<f64>,
    /// Decrease of an iteration at most this, relative to |f|; 0 switches it off.
    pub relative_decrease: f64,
    /// Evaluations of value and gradient together, trials of line searches included; at least 1.
    pub max_evaluations: usize,
    /// Iterations (line searches, or time steps of FIRE).
    pub max_iterations: usize,
}

impl Default for Stop {
    /// Gradient 10⁻⁸, no other condition, at most 100,000 evaluations or iterations.
    fn default() -> Self {
        Stop {
            gradient: 1e-8,
            value: None,
            relative_decrease: 0.0,
            max_evaluations: 100_000,
            max_iterations: 100_000,
        }
    }
}

impl Stop {
    /// The conditions themselves when they make sense.
    pub fn checked(self) -> Result<Self> {
        not_negative("gradient", self.gradient)?;
        not_negative("relative_decrease", self.relative_decrease)?;
        if let Some(value) = self.value {
            finite("value", value)?;
        }
        if self.max_evaluations == 0 {
            return Err(Error::out_of_range("max_evaluations", 0, "at least 1"));
        }
        Ok(self)
    }
}

/// Why a run ended.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The gradient is within its tolerance.
    Gradient,
    /// The value asked for was reached.
    Value,
    /// An iteration brought too small a decrease.
    RelativeDecrease,
    /// The limit on evaluations.
    MaxEvaluations,
    /// The limit on iterations.
    MaxIterations,
    /// Not even the negative gradient leads lower: the limit of rounding, a kink, or a wrong gradient.
    Stalled,
    /// The function falls to -∞, or goes on falling as far as floating-point numbers reach.
    Unbounded,
    /// The value or gradient at the start is not finite.
    NotFinite,
    /// The observer asked to stop.
    Observer,
}

impl Reason {
    /// Whether a condition that the caller asked for was met: gradient, value or relative decrease.
    pub fn converged(self) -> bool {
        matches!(self, Reason::Gradient | Reason::Value | Reason::RelativeDecrease)
    }
}

/// The result of [`minimise`]: the best point seen, never higher than the start.
///
/// The best point is the lowest. Only with [`Reason::Gradient`] it is the point that met the tolerance, which rounding
/// may put a little (10⁻¹⁰, relative) above the lowest value seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The best point.
    pub x: Vec<f64>,
    /// f there.
    pub value: f64,
    /// max |∂f/∂xᵢ| there.
    pub gradient_norm: f64,
    /// Evaluations of value and gradient (each pair counts one).
    pub evaluations: usize,
    /// Iterations.
    pub iterations: usize,
    /// Why it ended.
    pub reason: Reason,
}

/// What an observer sees after each iteration.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Number of this iteration, from 1.
    pub iteration: usize,
    /// Evaluations so far.
    pub evaluations: usize,
    /// f at the point where the method now is.
    pub value: f64,
    /// f at the best point.
    pub best: f64,
    /// max |∂f/∂xᵢ| at the best point.
    pub gradient_norm: f64,
}

/// Minimises `function` from `start`.
///
/// Points where the value or the gradient is not finite count as outside the domain, and steps that lead there are
/// shortened. The scratch memory of the function is made once and kept to the end.
///
/// # Errors
/// Parameters out of range, or a start with a coordinate that is not finite. Whatever the function does is reported
/// in [`Outcome::reason`] instead.
///
/// ```
/// use smml_core::optimize::{Method, Reason, Stop, minimise, problems::Rosenbrock};
/// let found = minimise(&Rosenbrock, &[-1.2, 1.0], &Method::default(), &Stop::default())?;
/// assert_eq!(found.reason, Reason::Gradient);
/// assert!((found.x[0] - 1.0).abs() < 1e-6);
/// # Ok::<(), smml_core::Error>(())
/// ```
pub fn minimise<F: Differentiable>(
    function: &F,
    start: &[f64],
    method: &Method,
    stop: &Stop,
) -> Result<Outcome> {
    minimise_observed(function, start, method, stop, |_| ControlFlow::Continue(()))
}

/// [`minimise`] with an observer, called after each iteration: for a trace, a progress bar, or a limit on time.
///
/// ```
/// use smml_core::optimize::{Method, Stop, minimise_observed, problems::Rosenbrock};
/// let mut trace = vec![];
/// minimise_observed(&Rosenbrock, &[-1.2, 1.0], &Method::default(), &Stop::default(), |p| {
///     trace.push(p.value);
///     std::ops::ControlFlow::Continue(())
/// })?;
/// assert!(trace.len() > 10 && trace[trace.len() - 1] < 1e-12);
/// # Ok::<(), smml_core::Error>(())
/// ```
pub fn minimise_observed<F: Differentiable>(
    function: &F,
    start: &[f64],
    method: &Method,
    stop: &Stop,
    observer: impl FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Outcome> {
    method.checked()?;
    stop.checked()?;
    all_finite("start", start)?;
    let mut problem = problem::Problem::new(function, stop, start, observer);
    let start = start.to_vec();
    let ControlFlow::Break(reason) = match method {
        Method::SteepestDescent => descent::descend(&mut problem, start, descent::Steepest::default()),
        Method::Fire(fire) => fire::relax(&mut problem, start, fire),
        Method::ConjugateGradient(cg) => {
            descent::descend(&mut problem, start, conjugate::Conjugate::new(*cg))
        }
        Method::Lbfgs { memory } => descent::descend(&mut problem, start, lbfgs::Lbfgs::new(*memory)),
    };
    Ok(Outcome {
        value: problem.best.value,
        gradient_norm: problem.best_gradient_norm,
        evaluations: problem.evaluations,
        iterations: problem.iterations,
        x: problem.best.x,
        reason,
    })
}
