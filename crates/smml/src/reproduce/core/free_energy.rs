//! Free energies: work relations, thermodynamic integration, annealed importance sampling, BAR, MBAR and histograms.

use super::{ISING_4X4, exact, ising_4x4};
use crate::{
    catalogue::Chapter,
    error::Failure,
    report::figure::{Axis, Figure, Series, Style},
    reproduce::check::{Check, Context, Outcome},
};
use smml_core::{free_energy::*, parallel, prelude::*, sample::HeatBath};
use smml_physics::ising::{
    Ising,
    lattice::{Boundary, SquareLattice},
};

pub(crate) const CHECKS: &[Check] = &[
    Check {
        id: "work-relations",
        chapter: Chapter::Core,
        equations: &[],
        title: "Jarzynski, Crooks and the integral fluctuation theorem",
        run: work_relations,
    },
    Check {
        id: "thermodynamic-integration",
        chapter: Chapter::Core,
        equations: &[],
        title: "ln Z of the 4 × 4 torus by thermodynamic integration",
        run: integration,
    },
    Check {
        id: "annealed-importance-sampling",
        chapter: Chapter::Core,
        equations: &[],
        title: "ln Z from above and below by annealed importance sampling",
        run: annealed,
    },
    Check {
        id: "bar-and-mbar",
        chapter: Chapter::Core,
        equations: &[],
        title: "Acceptance ratios between harmonic oscillators",
        run: acceptance_ratios,
    },
    Check {
        id: "multi-histogram",
        chapter: Chapter::Core,
        equations: &[],
        title: "Density of states of the 4 × 4 torus from simulations",
        run: histograms,
    },
];

fn torus() -> Result<Ising, Error> {
    SquareLattice::uniform(4, 4, Boundary::Periodic, 1.0, 0.0)?.ising()
}

/// Work on a two-level system whose gap is raised from 0 to `top` in `steps` steps, with one heat-bath move after each, at
/// β = 1; or of the time-reversed process.
fn drive(rng: &mut Stream, top: f64, steps: usize, forward: bool) -> f64 {
    let gap = |k: usize| top * k as f64 / steps as f64;
    let up = |rng: &mut Stream, g: f64| rng.chance(1.0 / (1.0 + libm::exp(g)));
    let mut work = 0.0;
    if forward {
        let mut state = up(rng, 0.0);
        for k in 0..steps {
            work += if state { gap(k + 1) - gap(k) } else { 0.0 };
            state = up(rng, gap(k + 1));
        }
    } else {
        for k in (0..steps).rev() {
            work += if up(rng, gap(k + 1)) { gap(k) - gap(k + 1) } else { 0.0 };
        }
    }
    work
}

fn work_relations(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let n = ctx.level.pick(50_000, 500_000, 3_000_000);
    // Gaussian work: ΔF = ⟨W⟩ - β σ² / 2
    let (delta_f, beta, sd) = (1.7, 2.0, 0.4);
    let mut rng = ctx.streams.stream("gaussian", 0);
    let lost = 0.5 * beta * sd * sd;
    let forward: Vec<f64> = (0..n).map(|_| delta_f + lost + sd * rng.normal()).collect();
    let reverse: Vec<f64> = (0..n).map(|_| -delta_f + lost + sd * rng.normal()).collect();
    let sigma: Vec<f64> = forward.iter().map(|w| beta * (w - delta_f)).collect();
    let both = crooks(&forward, &reverse, beta)?;
    o.sampled("Gaussian work: ΔF by Jarzynski", jarzynski(&forward, beta)?, delta_f)
        .sampled("ΔF by the second cumulant", jarzynski_cumulant(&forward, beta)?, delta_f)
        .sampled("ΔF by Crooks and Bennett", both.delta_f, delta_f)
        .sampled("work at which P_F(W) = P_R(-W)", both.crossing, delta_f)
        .sampled("slope of ln P_F(W) / P_R(-W): β", both.slope, beta)
        .sampled("⟨exp(-Σ)⟩, integral fluctuation theorem", integral_fluctuation(&sigma)?, 1.0);
    let bins = crooks_histogram(&forward, &reverse, 40)?;
    let points: Vec<(f64, Estimate)> = bins.iter().map(|b| (b.work, b.ln_ratio)).collect();
    let line = points.iter().map(|(w, _)| (*w, beta * (w - delta_f))).collect();
    o.figure(Figure::plot(
        "crooks",
        "Crooks' relation",
        "Logarithm of the ratio of the two work distributions. It crosses zero at ΔF, with slope β.",
        Axis::linear("work W"),
        Axis::linear("ln P_F(W) / P_R(-W)"),
        vec![Series::new("β (W - ΔF)", Style::Line, line), Series::measured("measured", &points)],
    ));
    // A process that is not Gaussian
    let (top, steps) = (3.0, 8);
    let delta_f = -((1.0 + libm::exp(-top)) / 2.0f64).ln();
    let mut rng = ctx.streams.stream("two levels", 0);
    let forward: Vec<f64> = (0..n).map(|_| drive(&mut rng, top, steps, true)).collect();
    let reverse: Vec<f64> = (0..n).map(|_| drive(&mut rng, top, steps, false)).collect();
    let both = crooks(&forward, &reverse, 1.0)?;
    let mean = Estimate::from_independent(&forward)?;
    o.sampled("driven two-level system: ΔF by Jarzynski", jarzynski(&forward, 1.0)?, delta_f)
        .sampled("the reverse process: -ΔF by Jarzynski", jarzynski(&reverse, 1.0)?, -delta_f)
        .sampled("ΔF by Crooks and Bennett, two levels", both.delta_f, delta_f)
        .sampled("slope, two levels", both.slope, 1.0)
        .holds("the mean work is above ΔF (second law)", mean.value - 5.0 * mean.std_error > delta_f)
        .note(
            "Gaussian work of width σ dissipates β σ²/2. Raising the gap of a two-level system from 0 to 3 kT changes its free \
             energy by -ln[(1 + e⁻³) / 2].",
        );
    Ok(o)
}

fn integration(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let target = 0.5;
    let known = ising_4x4(target).0 - 16.0 * std::f64::consts::LN_2;
    let (nodes, weights) = gauss_legendre(16, 0.0, target)?;
    let by_rule: f64 = nodes.iter().zip(&weights).map(|(b, w)| -w * ising_4x4(*b).1).sum();
    o.computed("the 16-point rule on exact energies", by_rule, known, 1e-9);
    let model = torus()?;
    let run = RunLength { burn_in: 100, n_samples: ctx.level.pick(10_000, 150_000, 1_000_000), thin: 1 };
    let start = |rng: &mut Stream| model.draw(rng);
    let energies = sample_energies(&model, &HeatBath, &nodes, run, start, &ctx.streams, Par::Rayon)?;
    let rule = Rule::GaussLegendre { from: 0.0, to: target };
    let found = thermodynamic_integration(&nodes, &energies, rule)?;
    o.sampled("ln Z(½) - ln Z(0) by Gauss-Legendre", found.ln_z.value, known);
    let points: Vec<(f64, Estimate)> = nodes.iter().copied().zip(found.energies.iter().copied()).collect();
    let line = (0..=100).map(|i| 0.005 * f64::from(i)).map(|b| (b, ising_4x4(b).1)).collect();
    o.figure(Figure::plot(
        "thermodynamic-integration",
        "The integrand of thermodynamic integration",
        "Mean energy of the 4 × 4 Ising torus at the sixteen nodes of the rule, and the exact curve: the area is ln Z(0) - ln Z(½).",
        Axis::linear("β"),
        Axis::linear("⟨E⟩"),
        vec![Series::new("exact", Style::Line, line), Series::measured("sampled", &points)],
    ))
    .note("Exact ln Z: the published density of states of the 4 × 4 torus.");
    Ok(o)
}

fn annealed(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let model = torus()?;
    let beta = 0.5;
    let (known, mean, _) = ising_4x4(beta);
    let schedule = Schedule::linear(0.0, beta)?;
    let (rungs, runs) = (41, ctx.level.pick(4_000, 30_000, 200_000));
    let forward =
        ais(&model, &HeatBath, &schedule, rungs, runs, &ctx.streams.child("forward", 0), Par::Rayon)?;
    // Exact samples of the target, by backward sampling from variable elimination
    let graph = super::factor_graph::torus(4, beta)?;
    let states = graph.eliminate()?.sample(runs, &mut ctx.streams.stream("exact", 0))?;
    let spins: Vec<Vec<i8>> = states.iter().map(|s| s.iter().map(|x| 2 * (*x as i8) - 1).collect()).collect();
    let reverse = ais_reverse(
        &model,
        &HeatBath,
        &schedule,
        rungs,
        &spins,
        &ctx.streams.child("reverse", 0),
        Par::Rayon,
    )?;
    o.sampled("ln Z by annealing", forward.ln_z()?, known)
        .sampled("ln Z by annealing in reverse", reverse.ln_z()?, known)
        .sampled("⟨E⟩ from the weighted population", forward.mean(|s| model.energy(s))?, mean)
        .at_most("⟨ln w⟩ forward: a lower bound of ln Z", forward.ln_z_lower_bound()?, known)
        .at_least("⟨ln w⟩ in reverse: an upper bound", reverse.ln_z_upper_bound()?, known)
        .note(
            "4 × 4 Ising torus at T = 2 with heat-bath sweeps. Exact ln Z and ⟨E⟩: its published density of states. The reverse \
             runs start from exact samples.",
        );
    Ok(o)
}

fn acceptance_ratios(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let n = ctx.level.pick(20_000, 100_000, 400_000);
    // u_k(x) = k (x - c)² / 2: f = ½ ln k, up to a constant
    let states: [(f64, f64); 4] = [(1.0, 0.0), (2.0, 0.5), (4.0, 1.0), (8.0, 1.2)];
    let u = |(k, c): (f64, f64), x: f64| 0.5 * k * (x - c) * (x - c);
    let samples: Vec<Vec<f64>> = parallel::map(Par::Rayon, states.len(), |i| {
        let mut rng = ctx.streams.stream("state", i as u64);
        let (k, c) = states[i];
        (0..n).map(|_| c + rng.normal() / k.sqrt()).collect()
    });
    let forward: Vec<f64> = samples[0].iter().map(|x| u(states[1], *x) - u(states[0], *x)).collect();
    let reverse: Vec<f64> = samples[1].iter().map(|x| u(states[0], *x) - u(states[1], *x)).collect();
    let pair = bar(&forward, &reverse)?;
    o.sampled("Bennett's ratio: Δf = ½ ln 2", pair.delta_f, 0.5 * 2f64.ln());
    let all: Vec<f64> = samples.concat();
    let reduced: Vec<Vec<f64>> = states.iter().map(|s| all.iter().map(|x| u(*s, *x)).collect()).collect();
    let mbar = Mbar::new(&reduced, &[n; 4], Par::Rayon)?;
    for (i, (k, c)) in states.iter().enumerate().skip(1) {
        o.sampled(format!("MBAR: f({k}) - f(1) = ½ ln {k}"), mbar.difference(0, i)?, 0.5 * k.ln());
        o.sampled(format!("MBAR: ⟨x⟩ in the state of k = {k}"), mbar.expectation(i, &all)?, *c);
    }
    let between: Vec<f64> = all.iter().map(|x| u((3.0, 0.7), *x)).collect();
    o.sampled("MBAR: a state between, not sampled, ½ ln 3", mbar.free_energy_at(&between)?, 0.5 * 3f64.ln());
    let squares: Vec<f64> = all.iter().map(|x| (x - 0.7) * (x - 0.7)).collect();
    o.sampled("its ⟨(x - c)²⟩ = 1/3", mbar.expectation_at(&between, &squares)?, 1.0 / 3.0)
        .note("Harmonic oscillators of stiffness k: ln Z = ½ ln(2π/k), whatever their centres.");
    Ok(o)
}

fn histograms(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let betas = [0.0, 0.15, 0.3, 0.4, 0.5, 0.7];
    let model = torus()?;
    let run = RunLength { burn_in: 100, n_samples: ctx.level.pick(20_000, 200_000, 1_500_000), thin: 1 };
    let start = |rng: &mut Stream| model.draw(rng);
    let runs = sample_energies(&model, &HeatBath, &betas, run, start, &ctx.streams, Par::Rayon)?;
    let h = MultiHistogram::new(&betas, &runs, Binning::Exact, Par::Rayon)?;
    let density = h.density(0.0, 16.0 * std::f64::consts::LN_2)?;
    let mut points = Vec::new();
    for (energy, g) in ISING_4X4 {
        let Some(level) = density.iter().find(|l| l.energy == energy) else { continue };
        points.push((energy, level.ln_g));
        if (-32.0..=0.0).contains(&energy) {
            o.sampled(format!("ln g({energy}) of the 4 × 4 torus, g = {g}"), level.ln_g, g.ln());
        }
    }
    let beta = 0.5;
    let capacity = h.heat_capacity(beta)?;
    o.sampled("u at T = 2", h.mean_energy(beta)?.affine(0.0, 1.0 / 16.0), -1.7553802888)
        .sampled("c at T = 2", capacity.affine(0.0, 1.0 / 16.0), 0.6055326572)
        .sampled("u at β = 0.44, between the runs", h.mean_energy(0.44)?, ising_4x4(0.44).1)
        .sampled(
            "ln Z(0.7) - ln Z(0)",
            h.ln_z_difference(0.0, 0.7)?,
            ising_4x4(0.7).0 - 16.0 * std::f64::consts::LN_2,
        )
        .holds(
            "no energy was seen that does not exist",
            density.iter().all(|l| ISING_4X4.iter().any(|(e, _)| *e == l.energy)),
        )
        .reported("energy levels seen, of 15", exact(h.n_levels() as f64));
    let known = ISING_4X4.iter().map(|(e, g)| (*e, g.ln())).collect();
    o.figure(Figure::plot(
        "density-of-states",
        "Density of states of the 4 × 4 Ising torus",
        "Six simulations put together by the multi-histogram method, and the exact counts.",
        Axis::linear("E"),
        Axis::linear("ln g(E)"),
        vec![Series::new("exact", Style::Dashed, known), Series::measured("sampled", &points)],
    ))
    .note(
        "Exact counts: enumeration (20,524 states of E = 0, OEIS A364781); u and c at T = 2 follow from them. Levels are \
         compared up to E = 0, which all runs reach.",
    );
    Ok(o)
}
