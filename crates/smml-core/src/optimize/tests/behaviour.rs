//! Limits, typed reasons, and functions that no minimiser likes.

use super::*;
use proptest::prelude::*;
use std::sync::Mutex;

/// Every value that a function returned.
struct Watched<F> {
    inner: F,
    seen: Mutex<Vec<f64>>,
}

impl<F: Fn(&[f64], &mut [f64]) -> f64 + Sync> Energy for Watched<F> {
    type State = Vec<f64>;
    fn energy(&self, x: &Vec<f64>) -> f64 {
        (self.inner)(x, &mut vec![0.0; x.len()])
    }
}

impl<F: Fn(&[f64], &mut [f64]) -> f64 + Sync> Differentiable for Watched<F> {
    type Scratch = ();
    fn value_and_gradient(&self, x: &[f64], gradient: &mut [f64], (): &mut ()) -> f64 {
        assert!(x.iter().all(|x| x.is_finite()));
        let value = (self.inner)(x, gradient);
        // A point without a gradient is outside the domain.
        let inside = gradient.iter().all(|g| g.is_finite()) || value == f64::NEG_INFINITY;
        self.seen.lock().unwrap().push(if inside { value } else { f64::NAN });
        value
    }
}

/// Minimises and checks what must hold whatever the function is.
fn checked(
    inner: impl Fn(&[f64], &mut [f64]) -> f64 + Sync,
    start: &[f64],
    method: &Method,
    stop: &Stop,
) -> Outcome {
    let f = Watched { inner, seen: Mutex::default() };
    let found = minimise(&f, start, method, stop).unwrap();
    let seen = f.seen.into_inner().unwrap();
    assert_eq!(found.evaluations, seen.len());
    assert!(found.evaluations <= stop.max_evaluations && found.iterations <= stop.max_iterations);
    let lowest = seen.iter().copied().filter(|v| !v.is_nan()).fold(f64::INFINITY, f64::min);
    if found.reason != Reason::NotFinite {
        assert!(found.value <= seen[0], "{method:?}: {} > {}", found.value, seen[0]);
        let above = if found.reason == Reason::Gradient { 1e-10 * lowest.abs() } else { 0.0 };
        assert!(
            found.value <= lowest + above || lowest == f64::NEG_INFINITY,
            "{method:?} lost the best point: {} > {lowest}",
            found.value
        );
        let mut gradient = vec![0.0; start.len()];
        let again = (f.inner)(&found.x, &mut gradient);
        assert_eq!(again, found.value);
        if found.reason == Reason::Gradient {
            assert!(found.gradient_norm <= stop.gradient);
            assert_eq!(gradient.iter().fold(0.0_f64, |m, g| m.max(g.abs())), found.gradient_norm);
        }
    }
    found
}

fn rosenbrock(x: &[f64], g: &mut [f64]) -> f64 {
    problems::Rosenbrock.value_and_gradient(x, g, &mut ())
}

#[test]
fn limits_are_never_passed() {
    for method in all_methods() {
        let mut last = f64::INFINITY;
        for max_evaluations in 1..60 {
            let stop = Stop { max_evaluations, ..Stop::default() };
            let found = checked(rosenbrock, &[-1.2, 1.0, 0.5], &method, &stop);
            if found.reason == Reason::MaxEvaluations {
                assert_eq!(found.evaluations, max_evaluations);
            }
            assert!(found.value <= last);
            last = found.value;
        }
        for max_iterations in 0..10 {
            let stop = Stop { max_iterations, ..Stop::default() };
            let found = checked(rosenbrock, &[-1.2, 1.0, 0.5], &method, &stop);
            assert_eq!((found.reason, found.iterations), (Reason::MaxIterations, max_iterations));
        }
    }
}

#[test]
fn each_condition_gives_its_reason() {
    for method in all_methods() {
        let start = [-1.2, 1.0];
        let found = checked(rosenbrock, &start, &method, &Stop { value: Some(1.0), ..Stop::default() });
        assert!(found.reason == Reason::Value && found.value <= 1.0 && found.value > 1e-3);
        let stop = Stop { relative_decrease: 0.5, gradient: 0.0, ..Stop::default() };
        let found = checked(rosenbrock, &start, &method, &stop);
        assert_eq!(found.reason, Reason::RelativeDecrease, "{method:?}");
        assert!(found.reason.converged() && !Reason::Stalled.converged());
        let found = minimise_observed(&Function(rosenbrock), &start, &method, &Stop::default(), |p| {
            if p.iteration == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        let found = found.unwrap();
        assert_eq!((found.reason, found.iterations), (Reason::Observer, 3));
    }
}

#[test]
fn a_start_at_the_minimum_is_left_alone() {
    for method in all_methods() {
        let found = checked(rosenbrock, &[1.0; 5], &method, &Stop { gradient: 0.0, ..Stop::default() });
        assert_eq!((found.reason, found.evaluations), (Reason::Gradient, 1));
        assert_eq!(found.x, [1.0; 5]);
        let flat = checked(
            |_, g| {
                g.fill(0.0);
                3.0
            },
            &[2.0, 1.0],
            &method,
            &Stop::default(),
        );
        assert_eq!((flat.reason, flat.evaluations, flat.value), (Reason::Gradient, 1, 3.0));
        let empty = checked(|_, _| 1.0, &[], &method, &Stop::default());
        assert_eq!(empty.reason, Reason::Gradient);
    }
}

#[test]
fn functions_without_a_minimum_are_called_unbounded() {
    let stop = Stop { max_evaluations: 5000, ..Stop::default() };
    for method in [Method::SteepestDescent, fast_methods()[0], fast_methods()[1], Method::default()] {
        for start in [0.0, 1.0, -3.0] {
            let line = checked(
                |x, g| {
                    g[0] = -2.0;
                    -2.0 * x[0]
                },
                &[start],
                &method,
                &stop,
            );
            assert_eq!(line.reason, Reason::Unbounded, "{method:?} {line:?}");
            let cap = checked(
                |x, g| {
                    g[0] = -2.0 * x[0] - 0.1;
                    -x[0] * x[0] - 0.1 * x[0]
                },
                &[start],
                &method,
                &stop,
            );
            assert_eq!(cap.reason, Reason::Unbounded, "{method:?} {cap:?}");
        }
    }
}

#[test]
fn wrong_gradients_stall_or_hit_a_limit() {
    let stop = Stop { max_evaluations: 3000, ..Stop::default() };
    for method in all_methods() {
        let uphill = checked(
            |x, g| {
                g[0] = -2.0 * x[0];
                x[0] * x[0]
            },
            &[1.0],
            &method,
            &stop,
        );
        assert!(matches!(uphill.reason, Reason::Stalled | Reason::MaxEvaluations), "{method:?} {uphill:?}");
        let constant = checked(
            |_, g| {
                g.fill(1.0);
                5.0
            },
            &[1.0, 2.0],
            &method,
            &stop,
        );
        assert!(!constant.reason.converged(), "{method:?} {constant:?}");
    }
}

#[test]
fn a_barrier_is_respected() {
    // x - ln x: NaN below 0, minimum 1 at x = 1; from close to the wall and from far away.
    for method in all_methods() {
        for start in [1e-8, 0.3, 40.0] {
            let stop = Stop { max_evaluations: 20_000, ..Stop::default() };
            let found = checked(
                |x, g| {
                    g[0] = 1.0 - 1.0 / x[0];
                    x[0] - x[0].ln()
                },
                &[start],
                &method,
                &stop,
            );
            assert_eq!(found.reason, Reason::Gradient, "{method:?} {start} {found:?}");
            assert!((found.value - 1.0).abs() < 1e-14);
        }
    }
}

#[test]
fn bad_parameters_are_refused_by_name() {
    let f = Function(rosenbrock);
    let refuse = |start: &[f64], method: Method, stop: Stop, name: &str| {
        let message = minimise(&f, start, &method, &stop).unwrap_err().to_string();
        assert!(message.starts_with(name), "{message}");
    };
    let (method, stop) = (Method::default(), Stop::default());
    refuse(&[1.0, f64::NAN], method, stop, "start 1 = NaN");
    refuse(&[1.0], Method::Lbfgs { memory: 0 }, stop, "memory = 0");
    refuse(&[1.0], Method::Lbfgs { memory: usize::MAX }, stop, "memory");
    refuse(&[1.0], method, Stop { gradient: -1.0, ..stop }, "gradient");
    refuse(&[1.0], method, Stop { gradient: f64::NAN, ..stop }, "gradient");
    refuse(&[1.0], method, Stop { value: Some(f64::NAN), ..stop }, "value");
    refuse(&[1.0], method, Stop { relative_decrease: -0.1, ..stop }, "relative_decrease");
    refuse(&[1.0], method, Stop { max_evaluations: 0, ..stop }, "max_evaluations");
    let cg = |curvature| Method::ConjugateGradient(ConjugateGradient { curvature, ..Default::default() });
    refuse(&[1.0], cg(1.0), stop, "curvature");
    refuse(&[1.0], cg(f64::NAN), stop, "curvature");
    let d = Fire::default();
    for (fire, name) in [
        (Fire { dt: Some(0.0), ..d }, "dt"),
        (Fire { dt_max: 0.5, ..d }, "dt_max"),
        (Fire { dt_min: -1.0, ..d }, "dt_min"),
        (Fire { dt_growth: f64::NAN, ..d }, "dt_growth"),
        (Fire { dt_shrink: 1.0, ..d }, "dt_shrink"),
        (Fire { alpha: 0.0, ..d }, "alpha"),
        (Fire { alpha_decay: 1.5, ..d }, "alpha_decay"),
        (Fire { max_step: f64::INFINITY, ..d }, "max_step"),
    ] {
        refuse(&[1.0], Method::Fire(fire), stop, name);
    }
}

/// A convex bowl spoiled in one way.
fn spoiled(kind: usize, x: &[f64], g: &mut [f64]) -> f64 {
    let mut value = 0.0;
    let r2: f64 = x.iter().map(|x| x * x).sum();
    for (i, (g, &x)) in g.iter_mut().zip(x).enumerate() {
        let weight = 1.0 + i as f64;
        (*g, value) = match kind {
            // Kinks.
            0 => (weight * x.signum(), value + weight * x.abs()),
            // Steps up and down across a smooth bowl.
            1 => (2.0 * weight * x, value + weight * x * x + (3.0 * x).floor()),
            // Wiggles, finer the closer.
            2 => {
                let (s, c) = (30.0 * x).sin_cos();
                (weight * x + 3.0 * c, value + 0.5 * weight * x * x + 0.1 * s)
            }
            // Almost flat far out.
            3 => (2.0 * x / (1.0 + x * x).powi(2), value - 1.0 / (1.0 + x * x)),
            // A square root: infinite slope at the minimum.
            4 => (0.5 * x.signum() / x.abs().sqrt(), value + x.abs().sqrt()),
            // A steep wall.
            5 => ((20.0 * x).exp() - 1.0, value + (20.0 * x).exp() / 20.0 - x),
            // Quartic valley with an escape to -∞ through a narrow gate.
            6 => (4.0 * x.powi(3) - 3.0 * x.powi(2) * 2.0, value + x.powi(4) - 2.0 * x.powi(3)),
            _ => (2.0 * weight * x, value + weight * x * x),
        };
    }
    match kind {
        // Nothing outside a ball.
        7 if r2 > 30.0 => {
            g.fill(f64::NAN);
            f64::NAN
        }
        // A ring of infinities, finite again beyond.
        8 if (1.0..4.0).contains(&r2) => f64::INFINITY,
        // A gradient that fails where the value does not.
        9 if r2 < 0.5 => {
            g[0] = f64::NAN;
            value
        }
        // A plateau.
        10 if r2 > 4.0 => {
            g.fill(0.0);
            1e3
        }
        // Random bits.
        11 => {
            let bits = x
                .iter()
                .fold(0u64, |h, x| (h ^ x.to_bits()).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29));
            g.iter_mut().enumerate().for_each(|(i, g)| *g = ((bits >> (i + 3)) & 1023) as f64 - 511.0);
            f64::from_bits(bits)
        }
        _ => value,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn spoiled_functions_end_with_a_reason_and_the_best_point(
        kind in 0usize..=11,
        start in proptest::collection::vec(-5.0..5.0f64, 1..6),
        decades in -9i32..=9,
        max_evaluations in prop_oneof![1usize..100, Just(3000)],
    ) {
        let a = 10f64.powi(decades);
        let stop = Stop { max_evaluations, gradient: 1e-8 * a, ..Stop::default() };
        for method in all_methods() {
            let found = checked(
                |x, g| {
                    let v = spoiled(kind, x, g);
                    g.iter_mut().for_each(|g| *g *= a);
                    a * v
                },
                &start,
                &method,
                &stop,
            );
            if found.reason == Reason::MaxEvaluations {
                prop_assert_eq!(found.evaluations, max_evaluations);
            }
        }
    }

    /// L-BFGS with weak Wolfe steps comes close to a minimum at a kink.
    #[test]
    fn kinks_are_reached(start in proptest::collection::vec(-5.0..5.0f64, 1..6)) {
        let stop = Stop { max_evaluations: 3000, ..Stop::default() };
        let found = checked(|x, g| spoiled(0, x, g), &start, &Method::default(), &stop);
        let first: f64 = start.iter().enumerate().map(|(i, x)| (1.0 + i as f64) * x.abs()).sum();
        prop_assert!(found.value < 1e-3 * (1.0 + first), "{:?}", found);
    }
}
