//! Section 3.7: minimisers on functions whose minima are known, and update rules against torch.

use super::{exact, largest_difference};
use crate::{
    catalogue::Chapter,
    error::Failure,
    report::figure::{Axis, Figure, Series, Style},
    reproduce::check::{Check, Context, Outcome},
};
use smml_core::{
    optimize::{
        BetaFormula, ConjugateGradient, Fire, Function, Method, Reason, Stop, minimise, minimise_observed,
        problems::Rosenbrock,
        update::{Adam, AdamW, Momentum, Sgd, Update},
    },
    prelude::*,
};
use std::ops::ControlFlow;

pub(crate) const CHECKS: &[Check] = &[
    Check {
        id: "rosenbrock",
        chapter: Chapter::Core,
        equations: &[],
        title: "Minimisers in the valley of Rosenbrock's function",
        run: rosenbrock,
    },
    Check {
        id: "conjugate-gradients",
        chapter: Chapter::Core,
        equations: &[],
        title: "Conjugate gradients end after as many steps as there are eigenvalues",
        run: conjugate_gradients,
    },
    Check {
        id: "lennard-jones-clusters",
        chapter: Chapter::Core,
        equations: &[],
        title: "Lennard-Jones clusters relax to their known minima",
        run: clusters,
    },
    Check {
        id: "update-rules",
        chapter: Chapter::Core,
        equations: &[],
        title: "SGD, momentum, Adam and AdamW take torch's steps",
        run: updates,
    },
];

fn methods() -> [(&'static str, Method); 5] {
    let conjugate =
        |beta| Method::ConjugateGradient(ConjugateGradient { beta, ..ConjugateGradient::default() });
    [
        ("L-BFGS", Method::default()),
        ("CG, Hager-Zhang", conjugate(BetaFormula::HagerZhang)),
        ("CG, Polak-Ribière", conjugate(BetaFormula::PolakRibiere)),
        ("FIRE 2", Method::Fire(Fire::default())),
        ("steepest descent", Method::SteepestDescent),
    ]
}

fn rosenbrock(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    // Evaluations of scipy 1.17.1 to f <= 1e-10 from the same start: L-BFGS-B (default memory 10), CG.
    let limits = [Some(5801.0), Some(16_516.0), Some(16_516.0), None, None];
    let stop = Stop {
        gradient: 0.0,
        value: Some(1e-10),
        max_evaluations: ctx.level.pick(30_000, 60_000, 200_000),
        ..Stop::default()
    };
    let start = Rosenbrock::start(1000);
    let mut series = Vec::new();
    for ((name, method), limit) in methods().into_iter().zip(limits) {
        let mut points = vec![(1.0, Rosenbrock.energy(&start))];
        let found = minimise_observed(&Rosenbrock, &start, &method, &stop, |p| {
            let x = p.evaluations as f64;
            if points.last().is_none_or(|last| x > 1.05 * last.0) {
                points.push((x, p.best.max(1e-12)));
            }
            ControlFlow::Continue(())
        })?;
        points.push((found.evaluations as f64, found.value.max(1e-12)));
        if let Some(limit) = limit {
            o.at_most(
                format!("evaluations to f ≤ 10⁻¹⁰ in 1000 dimensions, {name}"),
                exact(found.evaluations as f64),
                limit,
            )
            .at_most(format!("f reached by {name}"), exact(Rosenbrock.energy(&found.x)), 1e-10);
        } else {
            o.reported(
                format!("f reached by {name} in {} evaluations", found.evaluations),
                exact(found.value),
            );
        }
        series.push(Series::new(name, Style::Line, points));
    }
    o.figure(Figure::plot(
        "rosenbrock",
        "Minimisers on Rosenbrock's function in 1000 dimensions",
        "Best value against evaluations of value and gradient, from (-1.2, 1, -1.2, 1, ...).",
        Axis::log("evaluations"),
        Axis::log("f").over(1e-12, 1e6),
        series,
    ));
    let two = minimise(
        &Rosenbrock,
        &[-1.2, 1.0],
        &Method::default(),
        &Stop { gradient: 1e-10, ..Stop::default() },
    )?;
    o.computed("distance of the minimum in two dimensions from (1, 1)", largest_difference(&two.x, &[1.0, 1.0]), 0.0, 1e-8)
        .note("The minimum is f = 0 at (1, ..., 1). Limits: evaluations that scipy's L-BFGS-B and CG need from the same start to the same f.");
    Ok(o)
}

fn conjugate_gradients(_: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let n = 60;
    for k in [1, 3, 6] {
        let f = Function(move |x: &[f64], g: &mut [f64]| {
            let mut value = 0.0;
            for i in 0..n {
                let (stiffness, d) = (1.0 + 3.0 * (i % k) as f64, x[i] - i as f64);
                value += 0.5 * stiffness * d * d;
                g[i] = stiffness * d;
            }
            value
        });
        for (beta, name) in
            [(BetaFormula::HagerZhang, "Hager-Zhang"), (BetaFormula::PolakRibiere, "Polak-Ribière")]
        {
            // The shortest searches that are nearly exact
            let method = Method::ConjugateGradient(ConjugateGradient { beta, curvature: 1.1e-4 });
            let start = vec![1.0; n];
            let first = f.energy(&start);
            let at = |steps| {
                minimise(
                    &f,
                    &start,
                    &method,
                    &Stop { gradient: 0.0, max_iterations: steps, ..Stop::default() },
                )
            };
            o.at_most(
                format!("f after {k} step(s) over f at the start, {k} eigenvalues, {name}"),
                exact(at(k)?.value / first),
                1e-5,
            );
            if k > 1 {
                o.at_least(
                    format!("the same one step before, {k} eigenvalues, {name}"),
                    exact(at(k - 1)?.value / first),
                    1e-5,
                );
            }
        }
    }
    o.note(
        "On a quadratic with k different eigenvalues conjugate gradients with exact searches end in k steps, and not \
         earlier from a general start. Searches here are exact to 10⁻⁴ in the slope.",
    );
    Ok(o)
}

/// 4 Σ r⁻¹² - r⁻⁶ over pairs and its gradient.
fn lennard_jones(x: &[f64], gradient: &mut [f64]) -> f64 {
    gradient.fill(0.0);
    let mut energy = 0.0;
    for i in 0..x.len() / 3 {
        for j in 0..i {
            let d: [f64; 3] = std::array::from_fn(|k| x[3 * i + k] - x[3 * j + k]);
            let s = 1.0 / d.iter().map(|d| d * d).sum::<f64>();
            let s6 = s * s * s;
            energy += 4.0 * s6 * (s6 - 1.0);
            let f = (24.0 - 48.0 * s6) * s6 * s;
            for k in 0..3 {
                gradient[3 * i + k] += f * d[k];
                gradient[3 * j + k] -= f * d[k];
            }
        }
    }
    energy
}

/// A centred icosahedron: one atom and twelve around it, at 1.1 times the right distance.
fn icosahedron() -> Vec<f64> {
    let golden = 0.5 * (1.0 + 5f64.sqrt());
    let scale = 1.2 / (1.0 + golden * golden).sqrt();
    let mut x = vec![0.0; 3];
    for a in [-1.0, 1.0] {
        for b in [-golden, golden] {
            for corner in [[0.0, a, b], [a, b, 0.0], [b, 0.0, a]] {
                x.extend(corner.map(|v| v * scale));
            }
        }
    }
    x
}

/// The truncated octahedron of 38 atoms: shells of 6, 8 and 24 around an octahedral hole of the fcc lattice.
fn truncated_octahedron() -> Vec<f64> {
    let mut x = Vec::new();
    for i in -2..=2i32 {
        for j in -2..=2i32 {
            for k in -2..=2i32 {
                if (i + j + k).rem_euclid(2) == 1 && i * i + j * j + k * k <= 5 {
                    x.extend([i, j, k].map(|v| f64::from(v) * 1.11 / 2f64.sqrt()));
                }
            }
        }
    }
    x
}

fn clusters(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let f = Function(|x: &[f64], g: &mut [f64]| lennard_jones(x, g));
    let stop = Stop { gradient: 1e-8, ..Stop::default() };
    for (name, method) in methods() {
        for (atoms, start, minimum) in
            [(13, icosahedron(), -44.326801), (38, truncated_octahedron(), -173.928427)]
        {
            let mut rng = ctx.streams.stream("shake", atoms);
            let shaken: Vec<f64> = start.iter().map(|x| x + 0.02 * (2.0 * rng.uniform() - 1.0)).collect();
            let found = minimise(&f, &shaken, &method, &stop)?;
            o.computed(format!("LJ{atoms} by {name}"), found.value, minimum, 1e-8);
            if found.reason != Reason::Gradient {
                o.holds(
                    format!("LJ{atoms} by {name} ends by its gradient, not by {:?}", found.reason),
                    false,
                );
            }
        }
    }
    o.note("Minima: the Cambridge Cluster Database, to six decimals. Starts: an icosahedron and the fcc truncated octahedron, shaken by 2 %.");
    Ok(o)
}

/// Parameters after twenty steps on a gradient that is linear in them, with a periodic disturbance.
fn twenty_steps(mut rule: impl Update<f64>, rate: f64) -> Result<Vec<f64>, Error> {
    let mut x = vec![1.0, -2.0, 0.5, 3.0];
    for step in 1..=20usize {
        let g: Vec<f64> = x
            .iter()
            .enumerate()
            .map(|(i, x)| {
                (x - 0.25 * i as f64) * (1 + i) as f64 + 0.5 * (((step * (i + 1)) % 5) as f64 - 2.0)
            })
            .collect();
        rule.update(&mut x, &g, rate)?;
    }
    Ok(x)
}

fn updates(_: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let cases = [
        (
            "SGD",
            twenty_steps(Sgd, 0.02)?,
            [0.6676760614844554, -0.7386988076054455, 0.5075401685039811, 1.1914212631575087],
        ),
        (
            "momentum",
            twenty_steps(Momentum::heavy_ball(0.9)?, 0.02)?,
            [-0.28490575916590155, 0.885026441574384, 0.5154276354846185, 1.4246116633265602],
        ),
        (
            "Nesterov",
            twenty_steps(Momentum::nesterov(0.9)?, 0.02)?,
            [-0.22697162280072963, 0.6782898457600602, 0.5194833949370885, 1.0794668649468289],
        ),
        (
            "Adam",
            twenty_steps(Adam::default(), 0.1)?,
            [-0.13822751343271078, -0.2006057010307536, 0.5147287480987393, 1.2041991642153065],
        ),
        (
            "AdamW",
            twenty_steps(AdamW::new(Adam::default(), 0.2)?, 0.1)?,
            [-0.14871536746531228, 0.06710751511547568, 0.4906653906944719, 0.6756097374461125],
        ),
    ];
    for (name, found, torch) in cases {
        o.computed(format!("first parameter after 20 steps of {name}"), found[0], torch[0], 1e-13).computed(
            format!("largest difference of all four, {name}"),
            largest_difference(&found, &torch),
            0.0,
            1e-13,
        );
    }
    o.note("Expected: torch 2.15.0 on the CPU in f64, the same gradients and rates.");
    Ok(o)
}
