//! Chapter physics, transitions: critical temperatures and exponents of Ising, XY and Potts models from simulations, and
//! the density of states of a torus from flat histograms. Models that are solved exactly are in `solved`.

use super::check::{Check, Context, Level, Outcome};
use crate::{
    catalogue::Chapter,
    error::Failure,
    report::figure::{Axis, Figure, Series, Style},
};
use smml_core::{
    chain::{Chain, Record},
    energy::{Energy, Reference},
    estimate::Estimate,
    graph::SparseGraph,
    parallel::{self, Par},
    prelude::*,
    sample::HeatBath,
};
use smml_physics::{
    cluster::{SwendsenWang, Wolff},
    critical,
    flat::{DensityOfStates, Plan},
    ising::{Ferromagnet, Ising, density, observe, onsager},
    lattice::{Boundary, Lattice},
    scaling::{self, Chains, CriticalPoint, FiniteSizeScaling, Point, SizeData},
    spins::{OverRelaxation, Potts, Xy, observe as spin_observe, potts},
};

/// The checks of this file.
pub(super) fn checks() -> Vec<&'static Check> {
    CHECKS.iter().collect()
}

static CHECKS: [Check; 4] = [
    Check {
        id: "ising-critical-point",
        chapter: Chapter::Physics,
        equations: &["41"],
        title: "T_c and exponents of the square lattice from Binder cumulants",
        run: critical_point,
    },
    Check {
        id: "density-of-states",
        chapter: Chapter::Physics,
        equations: &["42"],
        title: "Every level of the 16 × 16 torus from flat histograms, against exact counts",
        run: density_of_states,
    },
    Check {
        id: "xy-transition",
        chapter: Chapter::Physics,
        equations: &[],
        title: "The Kosterlitz-Thouless transition by Weber and Minnhagen's fit",
        run: xy_transition,
    },
    Check {
        id: "potts-transitions",
        chapter: Chapter::Physics,
        equations: &[],
        title: "Potts models: T_c for q = 3, two phases for q = 10",
        run: potts_transitions,
    },
];

fn square(l: usize) -> smml_core::Result<SparseGraph> {
    Lattice::square(l, l, Boundary::Periodic)?.graph(1.0)
}

/// Largest |T - T_c| of the figure in units of 1/L is limited by what one temperature can be reweighted to.
const WINDOW: f64 = 0.014;

fn critical_point(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    // Samples in thousands, and steps between them; about as much work for each size as brings the error of T_c down most.
    let sizes: &[(usize, usize, u64)] = match ctx.level {
        Level::Quick => &[(8, 100, 3), (12, 60, 3), (16, 50, 3), (24, 24, 3), (32, 16, 3)],
        Level::Default => &[(8, 250, 3), (16, 400, 4), (32, 40, 4), (64, 32, 4), (128, 20, 5)],
        // Without L = 8, whose corrections beyond the leading one are larger than its errors of such runs.
        Level::Full => &[(12, 6_000, 4), (16, 6_000, 4), (32, 1_100, 4), (64, 1_300, 4), (128, 160, 5)],
    };
    let plan: Vec<Chains> = sizes
        .iter()
        .map(|&(size, thousands, thin)| Chains {
            size,
            // Near enough for all sizes; reweighting does the rest.
            temperatures: vec![2.268, 2.27],
            n_samples: 500 * thousands,
            thin,
            n_discarded: 500,
        })
        .collect();
    let data = scaling::simulate(
        &plan,
        |l| Ferromagnet::new(&square(l)?),
        Wolff::default(),
        |_, model| vec![1; model.n_spins()],
        |model, s| observe::magnetisation(s) as f64 / model.n_spins() as f64,
        &ctx.streams,
        Par::Rayon,
    )?;
    let found = FiniteSizeScaling::default().analyse(&data)?;
    let gamma_over_nu = found.square_exponent.affine(2.0, 1.0);
    o.sampled("T_c", found.t_c, onsager::CRITICAL_TEMPERATURE);
    o.sampled("1/ν", found.inverse_nu, 1.0);
    o.sampled("β/ν", found.beta_over_nu, 0.125);
    o.sampled("γ/ν", gamma_over_nu, 1.75);
    o.sampled("Binder cumulant at T_c", found.binder, critical::BINDER_SQUARE);
    // Largest standard errors, and largest differences, about six of the errors that a run of this length has.
    for (what, e, exact, error, difference) in [
        (
            "T_c",
            found.t_c,
            onsager::CRITICAL_TEMPERATURE,
            ctx.level.pick(3e-3, 4e-4, 1e-4),
            ctx.level.pick(0.015, 1.7e-3, 5e-4),
        ),
        ("1/ν", found.inverse_nu, 1.0, ctx.level.pick(0.06, 0.02, 0.005), ctx.level.pick(0.21, 0.06, 0.016)),
        (
            "β/ν",
            found.beta_over_nu,
            0.125,
            ctx.level.pick(5e-3, 1.5e-3, 3e-4),
            ctx.level.pick(0.018, 4.5e-3, 1.3e-3),
        ),
        ("γ/ν", gamma_over_nu, 1.75, ctx.level.pick(0.01, 3e-3, 7e-4), ctx.level.pick(0.036, 9e-3, 2.8e-3)),
    ] {
        o.at_most(format!("standard error of {what}"), Estimate::exact(e.std_error), error);
        o.at_most(format!("|{what} - exact value|"), Estimate::exact((e.value - exact).abs()), difference);
    }
    let shifts = found.chains.iter().flat_map(|c| [c.energy.shift, c.square.shift]);
    o.at_most(
        "most that the start of a chain moves its mean, in standard errors",
        Estimate::exact(shifts.fold(0.0, |m, s| s.abs().max(m))),
        0.2,
    );
    for c in &found.crossings {
        o.reported(format!("crossing of L = {} and {}", c.sizes.0, c.sizes.1), c.temperature);
    }
    for (what, chi) in ["U", "dU/dT", "⟨|m|⟩", "⟨m²⟩"].into_iter().zip(found.chi_squared) {
        // The weights have errors of their own, from 50 blocks: chance alone passes this once in 3·10⁷ fits.
        o.at_most(
            format!("χ² of {what} over sizes, {} degrees of freedom", found.dof),
            Estimate::exact(chi),
            25.0 * found.dof as f64,
        );
    }
    binder_figures(&mut o, &data, &found)?;
    o.note(
        "Wolff clusters at two temperatures for each size, reweighted to all others (Ferrenberg and Swendsen). T_c is \
         where the cumulants of all sizes are U* + d L^(-7/4); exponents are read where U has the same value for all sizes. \
         Errors by the jackknife. Differences are bounded by about six of the errors that a run of this length has, χ² by 25 \
         for each degree of freedom. Exact: Onsager; U* by Kamieniarz and Blöte, J. Phys. A 26, 201 (1993).",
    );
    Ok(o)
}

fn binder_figures(o: &mut Outcome, data: &[SizeData], found: &CriticalPoint) -> Result<(), Failure> {
    let (t_c, inverse_nu) = (found.t_c.value, found.inverse_nu.value);
    let (mut crossing, mut collapse) = (Vec::new(), Vec::new());
    for (colour, size) in data.iter().enumerate() {
        // One window in T for the crossing, one in (T - T_c) L^(1/ν) for the collapse.
        let temperatures =
            |half: f64| (-6..=6).map(|k| t_c + half * f64::from(k) / 6.0).collect::<Vec<f64>>();
        let curve = |temperatures: Vec<f64>| -> Result<Vec<(f64, Estimate)>, Failure> {
            let u = scaling::binder_curve(size, &temperatures)?;
            Ok(temperatures.into_iter().zip(u).collect())
        };
        let name = format!("L = {}", size.size);
        crossing.push(Series::measured(&name, &curve(temperatures(WINDOW))?).in_colour(colour));
        let largest = data.iter().map(|d| d.size).fold(0.0, f64::max);
        let stretched: Vec<(f64, Estimate)> = curve(temperatures(WINDOW * largest / size.size))?
            .into_iter()
            .map(|(t, u)| ((t - t_c) * libm::pow(size.size, inverse_nu), u))
            .collect();
        collapse.push(Series::measured(&name, &stretched).in_colour(colour));
    }
    crossing.iter_mut().for_each(|s| s.style = Style::LinePoints);
    o.figure(Figure::plot(
        "binder-crossing",
        "Binder cumulants cross at T_c",
        "1 - ⟨m⁴⟩ / (3 ⟨m²⟩²) of square tori. The larger the torus, the steeper.",
        Axis::linear("temperature T / J"),
        Axis::linear("Binder cumulant"),
        crossing,
    ));
    o.figure(Figure::plot(
        "binder-collapse",
        "The same on one curve",
        "Against (T - T_c) L^(1/ν), with T_c and 1/ν as found, curves of all sizes agree up to corrections of small sizes.",
        Axis::linear("(T - T_c) L^(1/ν)"),
        Axis::linear("Binder cumulant"),
        collapse,
    ));
    Ok(())
}

fn density_of_states(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let side = ctx.level.pick(8, 16, 16);
    let exact = density::square(side)?;
    let n_sites = (side * side) as f64;
    let plan = Plan {
        n_runs: 8,
        ln_f: 3e-5,
        max_attempts: 1_000_000_000,
        attempts: ctx.level.pick(2_000_000, 30_000_000, 800_000_000),
    };
    let torus = Ising::in_field(square(side)?, 0.0)?;
    let sampled = DensityOfStates::sample_ising(&torus, &plan, &ctx.streams, Par::Rayon)?;
    // What counting by hand gives: two ground states, N places for one spin turned and 2 N for two neighbours, in each of
    // them; as many at the other end; 2^N states in all.
    let known: Vec<(f64, f64)> = [(0.0, 2.0), (8.0, 2.0 * n_sites), (12.0, 4.0 * n_sites)]
        .into_iter()
        .flat_map(|(above, g)| [-1.0, 1.0].map(|end| (end * (2.0 * n_sites - above), libm::log(g))))
        .collect();
    let found = sampled.symmetric()?.anchored(&known, n_sites * std::f64::consts::LN_2)?;
    let levels = found.levels()?;
    o.holds(
        "all levels found, and no others",
        levels.len() == exact.len() && levels.iter().zip(&exact).all(|(a, b)| a.energy == b.energy),
    );
    let (mut absolute, mut relative, mut curve) = (0.0f64, 0.0f64, Vec::new());
    for (level, count) in levels.iter().zip(&exact) {
        let difference = level.ln_g.value - count.ln_g;
        absolute = absolute.max(difference.abs());
        relative = relative.max(difference.abs() / count.ln_g);
        curve.push((count.energy / n_sites, level.ln_g.affine(-count.ln_g, 1.0)));
    }
    let factor = ctx.level.pick(5.0, 2.5, 1.0);
    o.at_most("largest |error| of ln g", Estimate::exact(absolute), 0.02 * factor);
    o.at_most("largest relative error of ln g", Estimate::exact(relative), 1e-4 * factor);
    // Levels that are not the same by symmetry and known ends.
    for k in 1..8 {
        let at = k * levels.len() / 16;
        let (level, count) = (levels[at], &exact[at]);
        o.sampled(format!("ln g at E/N = {:.3}", level.energy / n_sites), level.ln_g, count.ln_g);
    }
    for t in [1.5, onsager::CRITICAL_TEMPERATURE, 4.0] {
        let at = found.averages(1.0 / t)?;
        let want = onsager::torus(side, side, 1.0 / t)?;
        o.sampled(format!("energy per spin, T = {t:.4}"), at.energy.affine(0.0, 1.0 / n_sites), want.energy);
        let c = at.heat_capacity.affine(0.0, 1.0 / n_sites);
        o.sampled(format!("specific heat per spin, T = {t:.4}"), c, want.specific_heat);
    }
    let beale = density::square(32)?;
    for (k, want) in ["2", "2048", "4096", "1057792", "4218880", "371621888", "2191790080", "100903637504"]
        .into_iter()
        .enumerate()
    {
        let energy = beale[k].energy;
        o.holds(format!("exact count of 32 × 32, E = {energy}: {want}"), beale[k].states == want);
    }
    low_orders(ctx, &mut o)?;
    o.figure(Figure::plot(
        "density-of-states-error",
        "Errors of ln g",
        &format!("Estimate less exact count, level by level, of the {side} × {side} torus; ln g goes from 0.7 to {:.0}.", n_sites * 0.69),
        Axis::linear("energy per spin"),
        Axis::linear("error of ln g"),
        vec![
            Series::measured("estimate - exact", &curve),
            Series::new("0", Style::Dashed, vec![(-2.0, 0.0), (2.0, 0.0)]),
        ],
    ));
    o.note(
        "Wang-Landau sampling with the 1/t refinement finds weights; with weights at rest, transitions between levels give \
         ln g, eight independent runs its errors. Used as known: the three levels at each end that are counted by hand, 2^N states in all, g(-E) = g(E). Exact: \
         Kaufman's partition function with big integers (Beale, Phys. Rev. Lett. 76, 78 (1996)).",
    );
    Ok(o)
}

/// The lowest levels of the 32 × 32 torus from transitions seen by a chain at a low temperature.
fn low_orders(ctx: &Context<'_>, o: &mut Outcome) -> Result<(), Failure> {
    let exact = density::square(32)?;
    let torus = Ising::in_field(square(32)?, 0.0)?;
    let (beta, n) = (0.75, ctx.level.pick(4_000, 40_000, 400_000));
    // Visits of a level at β are g exp(-β E): ratios to the ground states, by the jackknife.
    let mut chain = Chain::new(HeatBath, vec![1i8; 1024], ctx.streams.stream("low orders", 0));
    chain.advance(&torus, beta, 200);
    let mut record = Record::new(8)?;
    chain.record(&torus, beta, 1, n, &mut record, |s| {
        let k = ((torus.energy(s) + 2048.0) / 4.0).round() as usize;
        let mut row = [0.0; 8];
        if k < 8 {
            row[k] = 1.0;
        }
        row
    })?;
    for k in 3..7 {
        let ratio = record.derived(|m| (m[k] / m[2]) * libm::exp(4.0 * beta * (k as f64 - 2.0)))?;
        let energy = |k: usize| 4.0 * k as f64 - 2048.0;
        let at = |k: usize| exact.iter().find(|c| c.energy == energy(k));
        if let (Some(a), Some(b)) = (at(k), at(2)) {
            o.sampled(
                format!(
                    "32 × 32: g of E = {} over that of E = {}, from visits at β = {beta}",
                    energy(k),
                    energy(2)
                ),
                ratio,
                libm::exp(a.ln_g - b.ln_g),
            );
        }
    }
    Ok(())
}

fn xy_transition(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let sizes: &[usize] = ctx.level.pick(&[6, 8, 12, 16], &[8, 12, 16, 24, 32], &[8, 12, 16, 24, 32, 48, 64]);
    let temperatures = [0.875, 0.885, 0.895, 0.905, 0.915];
    let budget = ctx.level.pick(300_000, 6_000_000, 30_000_000);
    let jobs: Vec<(usize, f64)> =
        sizes.iter().rev().flat_map(|&l| temperatures.iter().map(move |&t| (l, t))).collect();
    let measured = parallel::map(Par::Rayon, jobs.len(), |k| -> Result<Point, Failure> {
        let (l, t) = jobs[k];
        let (lattice, beta) = (Lattice::square(l, l, Boundary::Periodic)?, 1.0 / t);
        let xy = Xy::new(lattice.graph(1.0)?, vec![[0.0; 2]; l * l])?;
        let kernel = ((OverRelaxation, HeatBath), Wolff::default());
        let mut chain = Chain::new(kernel, vec![[1.0, 0.0]; l * l], ctx.streams.stream("xy", k as u64));
        // As much work for each size.
        let n = budget / (l * l);
        chain.advance(&xy, beta, n as u64 / 10);
        let mut record = Record::new(2)?;
        while record.len() < n {
            chain.advance(&xy, beta, 1);
            let mut row = [0.0; 2];
            for axis in 0..2 {
                let twist = spin_observe::twist(&lattice, 1.0, &chain.state, axis)?;
                row[0] += 0.5 * twist.cosine;
                row[1] += 0.5 * twist.sine * twist.sine;
            }
            record.push(&row)?;
        }
        let volume = (l * l) as f64;
        let stiffness = record.derived(|m| spin_observe::helicity_modulus(m[0], m[1], beta, volume))?;
        Ok(Point { size: l as f64, x: t, value: stiffness.value, error: stiffness.std_error })
    });
    let points: Vec<Point> = measured.into_iter().collect::<Result<_, _>>()?;
    let found = scaling::weber_minnhagen(&points, 200, &ctx.streams)?;
    o.reported("T_KT of the fit", found.t_kt);
    o.reported("repetitions of the fit without a zero, of 200", Estimate::exact(found.n_failed as f64));
    // Higher orders in 1 / ln L are left out of the law, so that fits of such sizes have an error of their own.
    o.at_most(
        "|T_KT - 0.89294| (Hasenbusch 2005)",
        Estimate::exact((found.t_kt.value - critical::XY_SQUARE).abs()),
        ctx.level.pick(0.02, 0.005, 0.005),
    );
    o.at_most(
        "standard error of T_KT",
        Estimate::exact(found.t_kt.std_error),
        ctx.level.pick(0.01, 0.003, 0.0015),
    );
    for fit in &found.fits {
        o.reported(
            format!("amplitude - 1 at T = {}", fit.temperature),
            Estimate::of_fit(fit.excess, fit.excess_error, f64::MAX),
        );
    }
    let mut series: Vec<Series> = sizes
        .iter()
        .enumerate()
        .map(|(colour, &l)| {
            let mut of_size: Vec<&Point> = points.iter().filter(|p| p.size == l as f64).collect();
            of_size.sort_by(|a, b| a.x.total_cmp(&b.x));
            Series::new(
                &format!("L = {l}"),
                Style::LinePoints,
                of_size.iter().map(|p| (p.x, p.value)).collect(),
            )
            .with_errors(of_size.iter().map(|p| p.error).collect())
            .in_colour(colour)
        })
        .collect();
    let jump = critical::XY_HELICITY_JUMP;
    series.push(Series::new("2 T / π", Style::Dashed, vec![(0.875, 0.875 * jump), (0.915, 0.915 * jump)]));
    o.figure(Figure::plot(
        "xy-helicity",
        "Helicity modulus of the XY model",
        "For L = ∞ it jumps from 2 T / π (dashed) to 0 at T_KT; finite sizes are above by 1 / (2 ln L + C) there.",
        Axis::linear("temperature T / J"),
        Axis::linear("helicity modulus Υ"),
        series,
    ));
    o.note(
        "Over-relaxation, heat bath and embedded Wolff clusters; the fit by H. Weber and P. Minnhagen, Phys. Rev. B 37, 5986 \
         (1988). T_KT = 0.89294(8): M. Hasenbusch, J. Phys. A 38, 5869 (2005), from lattices of up to 2048².",
    );
    Ok(o)
}

fn potts_transitions(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let thousands = ctx.level.pick(10, 40, 400);
    let plan: Vec<Chains> = [(6, 10), (8, 10), (12, 8), (16, 6), (24, 5), (32, 5)]
        .map(|(size, share)| Chains {
            size,
            temperatures: vec![0.992, 0.999],
            n_samples: thousands * share * 100,
            thin: 5,
            n_discarded: 300,
        })
        .into();
    let data = scaling::simulate(
        &plan,
        |l| Potts::new(square(l)?, 3),
        Wolff::default(),
        |_, model| vec![0; model.n_spins()],
        // Spins are below q, so there is an order parameter.
        |_, s| spin_observe::potts_magnetisation_squared(s, 3).map_or(f64::NAN, f64::sqrt),
        &ctx.streams,
        Par::Rayon,
    )?;
    // The leading irrelevant exponent of q = 3 is 4/5.
    let found = FiniteSizeScaling { correction: Some(0.8), ..FiniteSizeScaling::default() }.analyse(&data)?;
    o.sampled("q = 3: T_c by Binder cumulants", found.t_c, potts::critical_temperature(3)?);
    o.at_most(
        "q = 3: standard error of T_c",
        Estimate::exact(found.t_c.std_error),
        ctx.level.pick(0.02, 0.005, 0.002),
    );
    // 1/ν = 6/5, β/ν = 2/15: B. Nienhuis; corrections are slow, so these are for the reader.
    o.reported("q = 3: 1/ν, exactly 6/5", found.inverse_nu);
    o.reported("q = 3: β/ν, exactly 2/15", found.beta_over_nu);
    // At T_c of q = 10 both phases live on: one from equal spins, one from random ones.
    let (q, l) = (10, ctx.level.pick(64, 96, 128));
    let (t, model) = (potts::critical_temperature(q)?, Potts::new(square(l)?, q)?);
    let n = ctx.level.pick(1_500, 4_000, 20_000);
    let mean = potts::critical_energy(q)?;
    let half = 0.5 * potts::latent_heat(q)?;
    let phases = parallel::map(Par::Rayon, 2, |phase| -> Result<(Estimate, Vec<f64>), Failure> {
        let mut rng = ctx.streams.stream("phases", phase as u64);
        let start = if phase == 0 { vec![0; l * l] } else { model.draw(&mut rng) };
        let mut chain = Chain::new(SwendsenWang::default(), start, rng);
        chain.advance(&model, 1.0 / t, 300);
        let mut record = Record::new(1)?;
        chain.record(&model, 1.0 / t, 1, n, &mut record, |s| [model.energy(s) / (l * l) as f64])?;
        Ok((record.estimate(0)?, record.column(0)))
    });
    let mut bars = Vec::new();
    for (phase, name, want) in phases
        .into_iter()
        .zip(["ordered", "disordered"])
        .zip([mean - half, mean + half])
        .map(|((p, n), w)| (p, n, w))
    {
        let (energy, series) = phase?;
        o.sampled(format!("q = 10: energy per site of the {name} phase at T_c"), energy, want);
        bars.push(histogram(name, &series));
    }
    o.figure(Figure::plot(
        "potts-two-phases",
        "Two phases at one temperature",
        "Energies of the 10-state Potts model at T_c, from equal spins and from random ones: neither reaches the other.",
        Axis::linear("energy per site").over(-1.85, -0.8),
        Axis::linear("part of the samples"),
        bars,
    ));
    o.note(
        "T_c = 1 / ln(1 + √q) by duality; energies of the phases are -(1 + 1/√q) ± half the latent heat (R. J. Baxter, J. \
         Phys. C 6, L445 (1973)).",
    );
    Ok(o)
}

fn histogram(name: &str, series: &[f64]) -> Series {
    let mut bins = std::collections::BTreeMap::<i64, f64>::new();
    for e in series {
        *bins.entry((e / 0.02).floor() as i64).or_default() += 1.0 / series.len() as f64;
    }
    let points = bins.into_iter().map(|(k, part)| ((k as f64 + 0.5) * 0.02, part)).collect();
    Series::new(name, Style::LinePoints, points)
}
