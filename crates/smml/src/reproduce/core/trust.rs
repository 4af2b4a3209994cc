//! Can the error bars be trusted? Coverage, binning, convergence diagnostics, and the temperature that was really sampled.

use super::exact;
use crate::{
    catalogue::Chapter,
    error::Failure,
    report::figure::{Axis, Figure, Series, Style},
    reproduce::check::{Check, Context, Outcome},
};
use smml_core::{
    certificate::{SampledBeta, probe, sampled_beta},
    chain::Chain,
    diagnose::{Equilibrated, equilibration, geweke, rank_r_hat, split_r_hat},
    energy::mean_exact,
    estimate::{Source, autocorrelation, bin_errors},
    parallel,
    prelude::*,
    sample::{HeatBath, Metropolis},
};
use smml_physics::ising::{
    Ising,
    lattice::{Boundary, SquareLattice},
    onsager,
};

pub(crate) const CHECKS: &[Check] = &[
    Check {
        id: "error-bar-coverage",
        chapter: Chapter::Core,
        equations: &[],
        title: "Error bars of correlated series cover 68.3 %",
        run: coverage,
    },
    Check {
        id: "autocorrelation",
        chapter: Chapter::Core,
        equations: &[],
        title: "Autocorrelation times, and the plateau of binned errors",
        run: correlations,
    },
    Check {
        id: "sampled-temperature",
        chapter: Chapter::Core,
        equations: &["A2"],
        title: "The temperature that samples show",
        run: certificate,
    },
    Check {
        id: "convergence-diagnostics",
        chapter: Chapter::Core,
        equations: &[],
        title: "Chains that agree, chains that are stuck, chains that drift",
        run: diagnostics,
    },
];

/// A stationary AR(1) series of mean 0 and variance 1 with τ_int = ½ (1 + a) / (1 - a).
fn ar1(n: usize, tau: f64, rng: &mut Stream) -> Vec<f64> {
    let a = (2.0 * tau - 1.0) / (2.0 * tau + 1.0);
    let noise = (1.0 - a * a).sqrt();
    let mut x = rng.normal();
    (0..n)
        .map(|_| {
            x = a * x + noise * rng.normal();
            x
        })
        .collect()
}

fn torus(l: usize) -> Result<Ising, Error> {
    SquareLattice::uniform(l, l, Boundary::Periodic, 1.0, 0.0)?.ising()
}

fn coverage(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let runs = ctx.level.pick(1_200, 10_000, 100_000);
    for (tau, n) in [(0.5, 100), (5.0, 2000), (50.0, 6_000)] {
        let runs = if tau > 10.0 { runs / 2 } else { runs };
        let hits = parallel::map(Par::Rayon, runs, |i| {
            let mut rng = ctx.streams.child("ar1", n as u64).stream("run", i as u64);
            // A series that is too short to say anything counts as a miss.
            Estimate::from_chain(&ar1(n, tau, &mut rng)).is_ok_and(|e| e.value.abs() <= e.std_error)
        });
        let found = Estimate::from_counts(hits.iter().filter(|h| **h).count() as u64, runs as u64)?;
        o.at_least(format!("coverage, τ = {tau}, n = {n}, at least 68.3 % - 1.5 %"), found, 0.668).at_most(
            format!("coverage, τ = {tau}, n = {n}, at most 68.3 % + 1.5 %"),
            found,
            0.698,
        );
    }
    let model = torus(8)?;
    let beta = 0.35;
    let mean = 64.0 * onsager::torus(8, 8, beta)?.energy;
    let runs = runs / 2;
    let hits = parallel::map(Par::Rayon, runs, |i| {
        let mut rng = ctx.streams.stream("ising", i as u64);
        let start = model.draw(&mut rng);
        let mut chain = Chain::new(HeatBath, start, rng);
        chain.advance(&model, beta, 30);
        let energies: Vec<f64> = (0..600)
            .map(|_| {
                chain.advance(&model, beta, 1);
                model.energy(&chain.state)
            })
            .collect();
        Estimate::from_chain(&energies).is_ok_and(|e| (e.value - mean).abs() <= e.std_error)
    });
    let found = Estimate::from_counts(hits.iter().filter(|h| **h).count() as u64, runs as u64)?;
    o.at_least("coverage, energies of the 8 × 8 torus, at least", found, 0.668)
        .at_most("coverage, energies of the 8 × 8 torus, at most", found, 0.698)
        .note(
            "One standard error covers 68.27 % when its size is right. Each run is an independent series with a known mean: 0 \
             for AR(1), Kaufman's exact energy for the Ising model. Allowed: ± 1.5 %.",
        );
    Ok(o)
}

fn correlations(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let n = ctx.level.pick(1 << 18, 1 << 21, 1 << 23);
    let mut series = Vec::new();
    for (i, tau) in [0.5, 4.0, 16.0].into_iter().enumerate() {
        let x = ar1(n, tau, &mut ctx.streams.stream("series", i as u64));
        let found = autocorrelation(&x)?;
        // Cutting the sum at the window leaves a bias of about 1 %.
        let about = |value: f64, raw_error: f64| {
            Estimate::with_dof(value, raw_error, found.dof, found.dof, Source::Chain)
        };
        let relative = found.tau_int_error / tau;
        let seen = about(found.tau_int / tau, relative);
        let error = (2.0 * tau / n as f64).sqrt();
        o.at_least(format!("τ_int over the exact one, τ = {tau}, at least"), seen, 0.98)
            .at_most(format!("τ_int over the exact one, τ = {tau}, at most"), seen, 1.02)
            .sampled(format!("mean of the series, τ = {tau}"), found.estimate()?, 0.0);
        let bar = about(found.raw_error() / error, 0.5 * relative);
        o.at_least(format!("error bar over the exact one, τ = {tau}, at least"), bar, 0.98).at_most(
            format!("error bar over the exact one, τ = {tau}, at most"),
            bar,
            1.02,
        );
        let bins = bin_errors(&x)?;
        let points: Vec<(f64, f64)> = bins.iter().map(|(length, e)| (*length as f64, e / error)).collect();
        series.push(Series::new(&format!("τ = {tau}"), Style::LinePoints, points));
        // A bin of b samples of AR(1): variance of its mean in closed form
        let a = (2.0 * tau - 1.0) / (2.0 * tau + 1.0);
        let line = bins
            .iter()
            .map(|(length, _)| {
                let b = *length as f64;
                let rest = 2.0 * a * (1.0 - libm::pow(a, b)) / (b * (1.0 - a) * (1.0 - a));
                (b, ((2.0 * tau - rest) / (2.0 * tau)).sqrt())
            })
            .collect();
        series.push(Series::new(&format!("exact, τ = {tau}"), Style::Dashed, line));
    }
    o.figure(Figure::plot(
        "binning",
        "Binned errors rise to a plateau",
        "Standard error of the mean from bins of growing length, over the exact one, for series of three autocorrelation times. \
         Short bins claim too much.",
        Axis::log("bin length"),
        Axis::linear("error / exact error").over(0.0, 1.5),
        series,
    ))
    .note("An AR(1) series of coefficient a has τ = ½ (1 + a) / (1 - a), and bins of known variance.");
    Ok(o)
}

/// Energy changes of probing moves along a Metropolis chain at `beta`.
fn probes(model: &Ising, beta: f64, n: usize, rng: Stream) -> Result<Vec<f64>, Error> {
    let mut rng = rng;
    let mut moves = rng.fork();
    let start = model.draw(&mut rng);
    let mut chain = Chain::new(Metropolis::new(model.n_spins())?, start, rng);
    chain.advance(model, beta, 200);
    Ok((0..n)
        .map(|_| {
            chain.advance(model, beta, 1);
            probe(model, &chain.state, &mut moves)
        })
        .collect())
}

fn certificate(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let model = torus(8)?;
    let n = ctx.level.pick(16_000, 60_000, 400_000);
    let betas = [0.2, 0.35, 0.5];
    let found = parallel::map(Par::Rayon, betas.len(), |i| {
        probes(&model, betas[i], n, ctx.streams.stream("chain", i as u64)).and_then(|d| sampled_beta(&d))
    });
    for (beta, found) in betas.iter().zip(found) {
        match found? {
            SampledBeta::Finite(e) => {
                o.sampled(format!("β that samples at β = {beta} show"), e, *beta);
                if *beta == 0.35 {
                    o.at_least("how far they are from β = 0.25, in errors", exact(e.z(0.25)), 6.0);
                }
            }
            other => {
                o.holds(format!("β = {beta} is found, not {other:?}"), false);
            }
        }
    }
    let frozen = sampled_beta(&[4.0; 100])?;
    o.holds("ground states show β = +∞", frozen == SampledBeta::PlusInfinity).note(
        "From the samples alone: β solves Σ d / (1 + exp(β d)) = 0 over energy changes d of one symmetric move per sample. The \
         8 × 8 torus, sampled by Metropolis.",
    );
    Ok(o)
}

fn slices(x: &[Vec<f64>]) -> Vec<&[f64]> {
    x.iter().map(Vec::as_slice).collect()
}

fn diagnostics(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let n = ctx.level.pick(50_000, 100_000, 500_000);
    let series = |shift: [f64; 4], purpose: &str| -> Vec<Vec<f64>> {
        parallel::map(Par::Rayon, 4, |i| {
            let x = ar1(n, 5.0, &mut ctx.streams.stream(purpose, i as u64));
            x.iter().map(|x| x + shift[i]).collect()
        })
    };
    let good = series([0.0; 4], "agree");
    let stuck = series([0.0, 0.0, 0.0, 1.0], "stuck");
    let (a, b) = (slices(&good), slices(&stuck));
    // Of eight halves six have mean 0 and two mean 1: B/n = (6/16 + 2·9/16) / 7 = 12/56, and W = 1.
    let limit = (1.0f64 + 12.0 / 56.0).sqrt();
    o.at_most("split R-hat of four chains that agree", exact(split_r_hat(&a)?), 1.01)
        .at_most("rank-normalised R-hat of these", exact(rank_r_hat(&a)?), 1.01)
        .at_most(
            "|split R-hat - √(1 + 12/56)| when one chain is one σ off",
            exact((split_r_hat(&b)? - limit).abs()),
            0.03,
        )
        .at_least("rank-normalised R-hat when one is off", exact(rank_r_hat(&b)?), 1.05);
    let z = Estimate::with_dof(geweke(&good[0])?, 1.0, f64::MAX, n as f64, Source::Chain);
    o.sampled("Geweke's z of a stationary chain", z, 0.0);
    let drifting: Vec<f64> = good[0]
        .iter()
        .enumerate()
        .map(|(i, x)| x + 3.0 * libm::exp(-(i as f64) / (0.02 * n as f64)))
        .collect();
    let stepped: Vec<f64> =
        good[0].iter().enumerate().map(|(i, x)| x + f64::from(u8::from(i < n / 10))).collect();
    o.at_least("Geweke's |z| of a chain whose first tenth is one σ off", exact(geweke(&stepped)?.abs()), 6.0);
    let cut = equilibration(&drifting)?;
    o.holds(
        "the start of that chain is cut, and the rest is kept",
        cut.verdict == Equilibrated::Yes && cut.discard > n / 100 && cut.discard < n / 2,
    );
    let walk: Vec<f64> = (0..1000).map(f64::from).collect();
    o.holds(
        "a series that only rises is still drifting",
        equilibration(&walk)?.verdict == Equilibrated::StillDrifting,
    );
    let model = torus(4)?;
    let mean = mean_exact(&model, 0.5, |s| model.energy(s))?;
    o.computed("⟨E⟩ of the 4 × 4 torus by enumeration", mean, super::ising_4x4(0.5).1, 1e-11).note(
        "AR(1) series. R-hat of halves: for one chain of four shifted by σ the variance of the eight half means is 12/56 σ².",
    );
    Ok(o)
}
