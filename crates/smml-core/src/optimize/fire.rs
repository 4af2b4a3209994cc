//! FIRE 2, relaxation by damped dynamics (Guénolé et al., Comput. Mater. Sci. 175, 109584, 2020), with the bias
//! correction of ABC-FIRE as an option (Echeverri Restrepo and Andric, Comput. Mater. Sci. 218, 111978, 2023).
//!
//! Unit masses, semi-implicit Euler steps, velocity mixed before the positions move, half a step back on going uphill.

use super::{
    Fire, Progress, Reason,
    problem::{Point, Problem},
    vector::{axpy, dot, max_norm, scale, step_to},
};
use crate::energy::Differentiable;
use std::{convert::Infallible, ops::ControlFlow};

/// Steps in a row that change no coordinate before the run counts as stalled.
const STILL: usize = 100;
/// A bound that only keeps dt finite, where none is given.
const DT_MAX: f64 = 1e100;

/// Runs FIRE 2 to its end.
pub(super) fn relax<F: Differentiable, O: FnMut(&Progress) -> ControlFlow<()>>(
    problem: &mut Problem<'_, F, O>,
    start: Vec<f64>,
    fire: &Fire,
) -> ControlFlow<Reason, Infallible> {
    let mut at = Point::new(start);
    problem.evaluate(&mut at)?;
    let mut trial = at.clone();
    let mut velocity = vec![0.0; at.x.len()];
    let (mut dt, dt_min, dt_max) = match fire.dt {
        Some(dt) => (dt, fire.dt_min * dt, fire.dt_max * dt),
        None => (probe(problem, &at, &mut trial, fire)?, 0.0, DT_MAX),
    };
    let mut alpha = fire.alpha;
    let (mut n_down, mut n_up, mut n_still) = (0_u32, 0_u32, 0);
    // Whether the last step was cut to the limit. Longer time steps would not lengthen it, only delay the way back.
    let mut limited = false;
    loop {
        trial.x.copy_from_slice(&at.x);
        let power = -dot(&at.gradient, &velocity);
        if power > 0.0 {
            n_down = n_down.saturating_add(1);
            n_up = 0;
            if n_down > fire.n_delay {
                if fire.dt.is_some() || !limited {
                    dt = (dt * fire.dt_growth).min(dt_max);
                }
                alpha *= fire.alpha_decay;
            }
        } else {
            n_down = 0;
            n_up += 1;
            if n_up > fire.n_uphill {
                return ControlFlow::Break(Reason::Stalled);
            }
            if problem.iterations >= fire.n_delay as usize {
                if dt * fire.dt_shrink >= dt_min {
                    dt *= fire.dt_shrink;
                }
                alpha = fire.alpha;
            }
            // Half of a step that obeys the limit, as every step does.
            let back = dt.min(fire.max_step / max_norm(&velocity));
            axpy(-0.5 * back, &velocity, &mut trial.x);
            velocity.fill(0.0);
        }
        axpy(-dt, &at.gradient, &mut velocity);
        mix(&mut velocity, &at.gradient, alpha, fire.abc.then_some(n_down));
        let fastest = max_norm(&velocity);
        let mut step = dt;
        limited = !(dt * fastest <= fire.max_step);
        if fire.abc {
            // ABC-FIRE limits each component by itself.
            let limit = fire.max_step / dt;
            velocity.iter_mut().for_each(|v| *v = v.clamp(-limit, limit));
        } else if limited {
            step = fire.max_step / fastest;
        }
        axpy(step, &velocity, &mut trial.x);
        n_still = if trial.x == at.x { n_still + 1 } else { 0 };
        if n_still > STILL || !trial.x.iter().all(|x| x.is_finite()) {
            return ControlFlow::Break(Reason::Stalled);
        }
        problem.evaluate(&mut trial)?;
        let before = at.value;
        if trial.value < f64::INFINITY {
            std::mem::swap(&mut at, &mut trial);
            if max_norm(&at.gradient) <= problem.gradient_tolerance() {
                // At rest, but not at the lowest point seen: go back there with shorter steps.
                at.copy_from(&problem.best);
                velocity.fill(0.0);
                dt *= fire.dt_shrink;
                n_down = 0;
            }
        } else {
            // Outside the domain: stay, lose the velocity, and step less.
            velocity.fill(0.0);
            dt *= fire.dt_shrink;
            n_down = 0;
        }
        problem.end_iteration(before, at.value, n_down > fire.n_delay)?;
    }
}

/// v ← (1 - α) v - α |v| g / |g|, multiplied by 1 / (1 - (1 - α)^(n + 1)) for ABC-FIRE.
fn mix(velocity: &mut [f64], gradient: &[f64], alpha: f64, corrected_after: Option<u32>) {
    let force = dot(gradient, gradient).sqrt();
    let speed = dot(velocity, velocity).sqrt();
    // A sum of squares out of range leaves the velocity as it is.
    let share = speed / force;
    if !(share.is_finite() && force.is_finite() && speed > 0.0) {
        return;
    }
    let factor = corrected_after.map_or(1.0, |n| {
        let alpha = alpha.max(1e-10);
        1.0 / (1.0 - libm::pow(1.0 - alpha, f64::from(n) + 1.0))
    });
    scale(factor * (1.0 - alpha), velocity);
    axpy(-factor * alpha * share, gradient, velocity);
}

/// A time step from the curvature along the gradient: a tenth of 1/ω, where 2/ω would be the limit of stability.
fn probe<F: Differentiable, O: FnMut(&Progress) -> ControlFlow<()>>(
    problem: &mut Problem<'_, F, O>,
    at: &Point,
    trial: &mut Point,
    fire: &Fire,
) -> ControlFlow<Reason, f64> {
    let norm = max_norm(&at.gradient);
    let mut h = 1e-3 * fire.max_step;
    let linear = (0.01 * fire.max_step / norm).sqrt();
    for _ in 0..10 {
        step_to(&at.x, -h / norm, &at.gradient, &mut trial.x);
        problem.evaluate(trial)?;
        if trial.value < f64::INFINITY {
            let unit: f64 = at.gradient.iter().map(|g| (g / norm).powi(2)).sum();
            let bend: f64 =
                at.gradient.iter().zip(&trial.gradient).map(|(old, new)| (old - new) * (old / norm)).sum();
            let curvature = (bend / (h * unit)).abs();
            let dt = 0.1 / curvature.sqrt();
            return ControlFlow::Continue(if dt > 0.0 && dt.is_finite() {
                dt.min(10.0 * linear)
            } else {
                linear
            });
        }
        h *= 0.1;
    }
    ControlFlow::Continue(linear)
}
