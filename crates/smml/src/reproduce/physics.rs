//! Chapter physics: Boltzmann's entropy (Eq. (6)), the Ising model (Eqs. (41), (42)) and the Metropolis algorithm
//! (Algorithm 2).

use super::check::{Check, Context, Outcome};
use crate::{
    catalogue::Chapter,
    error::Failure,
    report::figure::{Axis, Figure, Series, Style},
};
use smml_core::{
    chain::{Chain, Record},
    constants::{AVOGADRO, BOLTZMANN},
    energy::Energy,
    estimate::Estimate,
    factor_graph::ExactOptions,
    information::{boltzmann_entropy, gibbs_entropy},
    kernel::Kernel,
    parallel::{self, Par},
    prelude::*,
    sample::{HeatBath, Metropolis},
};
use smml_physics::{
    cluster::Wolff,
    ising::{
        Boundary, Ising, SquareLattice, elimination, exact,
        observe::{self, Observables},
        one_dimension, onsager, transfer,
    },
};

/// The checks of this chapter.
pub(super) fn checks() -> Vec<&'static Check> {
    CHECKS.iter().collect()
}

static CHECKS: [Check; 6] = [
    Check {
        id: "boltzmann-entropy",
        chapter: Chapter::Physics,
        equations: &["6"],
        title: "Entropies of counted states, also in SI units",
        run: boltzmann,
    },
    Check {
        id: "ising-enumeration",
        chapter: Chapter::Physics,
        equations: &["41", "42"],
        title: "Density of states and moments of the 4 × 4 torus",
        run: enumeration,
    },
    Check {
        id: "ising-exact-methods",
        chapter: Chapter::Physics,
        equations: &["42"],
        title: "ln Z by four independent exact methods",
        run: exact_methods,
    },
    Check {
        id: "ising-kaufman",
        chapter: Chapter::Physics,
        equations: &["41", "42"],
        title: "Energy and specific heat of finite tori, simulated against Kaufman",
        run: kaufman,
    },
    Check {
        id: "ising-onsager",
        chapter: Chapter::Physics,
        equations: &["41"],
        title: "Magnetisation and specific heat against Onsager and Yang",
        run: onsager_curves,
    },
    Check {
        id: "metropolis-rejected",
        chapter: Chapter::Physics,
        equations: &["A2"],
        title: "Rejected states are counted again",
        run: rejected,
    },
];

fn torus(l: usize) -> Result<Ising, Failure> {
    Ok(SquareLattice::uniform(l, l, Boundary::Periodic, 1.0, 0.0)?.ising()?)
}

/// Simulates with a kernel and measures.
fn simulate<K: Kernel<Ising>>(
    ising: &Ising,
    kernel: K,
    beta: f64,
    n: usize,
    rng: Stream,
) -> Result<(Observables, Record), Failure> {
    let mut chain = Chain::new(kernel, vec![1; ising.n_spins()], rng);
    chain.advance(ising, beta, n as u64 / 5);
    let mut record = Record::new(2)?;
    let measure = |s: &Vec<i8>| [ising.energy(s), observe::magnetisation(s) as f64];
    chain.record(ising, beta, 1, n, &mut record, measure)?;
    Ok((observe::observables(&record, ising.n_spins(), ising.is_symmetric(), beta)?, record))
}

fn boltzmann(_: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let levels = exact::spectrum(&torus(4)?)?;
    let entropy = |chosen: &dyn Fn(f64) -> bool| {
        let count: u64 = levels.iter().filter(|l| chosen(l.energy)).map(|l| l.count).sum();
        boltzmann_entropy(libm::log(count as f64), 1.0)
    };
    // ln 2, ln 20,524 and 16 ln 2.
    for (what, s, exact) in [
        ("ground states", entropy(&|e| e == -32.0)?, std::f64::consts::LN_2),
        ("E = 0", entropy(&|e| e == 0.0)?, 9.929_350_212_061_855),
        ("all states", entropy(&|_| true)?, 11.090_354_888_959_125),
    ] {
        o.computed(format!("S/k of the 4 × 4 torus, {what}"), s, exact, 1e-13);
    }
    // A mole of molecules with two orientations each, and of water molecules with 3/2 each (Pauling).
    for (what, states, exact) in
        [("R ln 2", 2.0, 5.763_146_321_643_98), ("R ln 3/2, ice", 1.5, 3.371_224_484_330_79)]
    {
        let s = boltzmann_entropy(AVOGADRO * libm::log(states), BOLTZMANN)?;
        o.computed(format!("{what}, J/(mol K)"), s, exact, 1e-13);
    }
    // N two-level systems, n of them excited: Ω = N! / (n! (N - n)!), and S(n + 1) - S(n) = ln (N - n) / (n + 1) is the
    // inverse temperature at which the next unit of energy enters.
    let n_systems = 10_000.0;
    let ln_omega =
        |n: f64| libm::lgamma(n_systems + 1.0) - libm::lgamma(n + 1.0) - libm::lgamma(n_systems - n + 1.0);
    for n in [100.0, 2_500.0, 4_999.0] {
        let step = boltzmann_entropy(ln_omega(n + 1.0), 1.0)? - boltzmann_entropy(ln_omega(n), 1.0)?;
        let exact = libm::log((n_systems - n) / (n + 1.0));
        o.computed(format!("dS/dE of 10,000 two-level systems, {n} excited"), step, exact, 1e-10);
    }
    // Equally likely states: Gibbs's entropy is Boltzmann's.
    let omega = 1000;
    let gibbs = gibbs_entropy(&vec![1.0 / omega as f64; omega], BOLTZMANN)? / BOLTZMANN;
    let counted = boltzmann_entropy(libm::log(omega as f64), BOLTZMANN)? / BOLTZMANN;
    o.computed("Gibbs's entropy of 1,000 equally likely states, in units of k", gibbs, counted, 1e-13);
    o.note(
        "Counts of the 4 × 4 torus: OEIS A364781. R = 8.314462618 J/(mol K) is exact since 2019; R ln 3/2 is the \
         residual entropy of ice by L. Pauling, J. Am. Chem. Soc. 57, 2680 (1935).",
    );
    Ok(o)
}

fn enumeration(_: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let levels = exact::spectrum(&torus(4)?)?;
    let count = |e: f64| levels.iter().filter(|l| l.energy == e).map(|l| l.count as f64).sum::<f64>();
    for (e, g) in [
        (-32.0, 2.0),
        (-24.0, 32.0),
        (-20.0, 64.0),
        (-16.0, 424.0),
        (-12.0, 1728.0),
        (-8.0, 6688.0),
        (-4.0, 13568.0),
        (0.0, 20524.0),
    ] {
        o.computed(format!("g(E = {e})"), count(e), g, 0.0);
    }
    for (t, m, m2, u4) in [
        (2.0, 0.918_943_267_4, 0.868_921_681_6, 0.644_810_791_2),
        (3.0, 0.601_291_326_0, 0.450_988_140_8, 0.480_540_660_1),
    ] {
        let got = exact::thermal(&levels, 16, 1.0 / t);
        o.computed(format!("⟨|m|⟩ at T = {t}"), got.absolute_magnetisation, m, 1e-9);
        o.computed(format!("⟨m²⟩ at T = {t}"), got.magnetisation_squared, m2, 1e-9);
        o.computed(format!("Binder cumulant at T = {t}"), got.binder, u4, 1e-9);
    }
    o.note("All 65,536 states in Gray-code order. Counts: OEIS A364781 and Beale, Phys. Rev. Lett. 76, 78 (1996).");
    let mut by_energy: Vec<(f64, f64)> = Vec::new();
    for e in (-32..=32).step_by(4).map(f64::from) {
        let g = count(e);
        if g > 0.0 {
            by_energy.push((e, g));
        }
    }
    o.figure(Figure::plot(
        "ising-density-of-states",
        "Density of states, 4 × 4",
        "The number of states at each energy: what the partition function sums over. The levels ±28 are empty.",
        Axis::linear("energy E / J"),
        Axis::log("number of states g(E)"),
        vec![Series::new("enumeration", Style::LinePoints, by_energy)],
    ));
    Ok(o)
}

fn exact_methods(_: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let options = ExactOptions::default();
    // Random couplings and fields on an open 4 × 5 lattice: nothing is special.
    let mut rng = Streams::new(2026).stream("couplings", 0);
    let values: Vec<f64> = (0..80).map(|_| rng.normal()).collect();
    let mut next = values.iter().copied().cycle();
    let mut draw = || next.next().unwrap_or(1.0);
    let lattice = SquareLattice::with_couplings(5, 4, Boundary::Open, |_, _| draw(), |i| 0.5 * values[i])?;
    let ising = lattice.ising()?;
    for beta in [0.3, 1.0] {
        let enumerated = exact::thermal(&exact::spectrum(&ising)?, ising.n_spins(), beta).ln_z;
        o.computed(
            format!("transfer matrix, 5 × 4 random, beta = {beta}"),
            transfer::ln_z(&lattice, beta)?,
            enumerated,
            1e-9,
        );
        o.computed(
            format!("elimination, 5 × 4 random, beta = {beta}"),
            elimination::ln_z(&ising, beta, &options)?,
            enumerated,
            1e-9,
        );
    }
    let k = onsager::CRITICAL_K;
    let kaufman = onsager::torus(8, 8, k)?.ln_z;
    let eight = SquareLattice::uniform(8, 8, Boundary::Periodic, 1.0, 0.0)?;
    o.computed("transfer matrix, 8 × 8 torus at T_c", transfer::ln_z(&eight, k)?, kaufman, 1e-12);
    o.computed(
        "elimination, 8 × 8 torus at T_c",
        elimination::ln_z(&eight.ising()?, k, &options)?,
        kaufman,
        1e-12,
    );
    let n = 1000u32;
    let bonds: Vec<(u32, u32, f64)> = (0..n).map(|i| (i, (i + 1) % n, 1.0)).collect();
    let ring = Ising::new(n as usize, &bonds, vec![0.0; n as usize])?;
    o.computed(
        "elimination, ring of 1,000 spins",
        elimination::ln_z(&ring, 0.7, &options)?,
        one_dimension::ring(1000, 0.7)?.ln_z,
        1e-12,
    );
    o.note("Enumeration, transfer matrix, variable elimination and Kaufman's formula share no code.");
    Ok(o)
}

fn kaufman(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    // Kaufman's formula in 60-digit arithmetic.
    for (l, t, u, c) in [
        (8, onsager::CRITICAL_TEMPERATURE, -1.491_589_107_4, 1.145_559_239_9),
        (16, 2.0, -1.745_530_669_0, 0.725_508_767_7),
        (16, onsager::CRITICAL_TEMPERATURE, -1.453_064_852_8, 1.498_704_959_4),
        (16, 2.6, -1.039_110_011_1, 0.799_094_250_3),
    ] {
        let got = onsager::torus(l, l, 1.0 / t)?;
        o.computed(format!("u of Kaufman's formula, L = {l}, T = {t:.4}"), got.energy, u, 2e-10);
        o.computed(format!("c of Kaufman's formula, L = {l}, T = {t:.4}"), got.specific_heat, c, 2e-9);
    }
    let n = ctx.level.pick(4_000, 40_000, 400_000);
    let jobs: Vec<(usize, f64, &str)> = [2.0, onsager::CRITICAL_TEMPERATURE, 2.6]
        .into_iter()
        .flat_map(|t| [(8, t, "Metropolis"), (8, t, "heat bath"), (16, t, "Wolff")])
        .collect();
    let results = parallel::map(Par::Rayon, jobs.len(), |k| -> Result<(Observables, Record), Failure> {
        let (l, t, kernel) = jobs[k];
        let ising = torus(l)?;
        let rng = ctx.streams.stream("kaufman", k as u64);
        match kernel {
            "Metropolis" => simulate(&ising, Metropolis::new(l * l)?, 1.0 / t, n, rng),
            "heat bath" => simulate(&ising, HeatBath, 1.0 / t, n, rng),
            _ => simulate(&ising, Wolff::default(), 1.0 / t, n, rng),
        }
    });
    for (result, (l, t, kernel)) in results.into_iter().zip(jobs) {
        let (got, _) = result?;
        let want = onsager::torus(l, l, 1.0 / t)?;
        o.sampled(format!("u, {kernel}, L = {l}, T = {t:.4}"), got.energy, want.energy);
        o.sampled(format!("c, {kernel}, L = {l}, T = {t:.4}"), got.specific_heat, want.specific_heat);
    }
    Ok(o)
}

fn onsager_curves(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let l = ctx.level.pick(24, 48, 96);
    let n = ctx.level.pick(1_500, 8_000, 40_000);
    let temperatures: Vec<f64> = (0..=16).map(|i| 1.6 + 0.1 * f64::from(i)).collect();
    let ising = torus(l)?;
    let results = parallel::map(Par::Rayon, temperatures.len(), |k| {
        let rng = ctx.streams.stream("curve", k as u64);
        simulate(&ising, (Wolff::default(), HeatBath), 1.0 / temperatures[k], n, rng).map(|r| r.0)
    });
    let results: Vec<Observables> = results.into_iter().collect::<Result<_, _>>()?;
    let points = |f: fn(&Observables) -> Estimate| -> Vec<(f64, Estimate)> {
        temperatures.iter().copied().zip(results.iter().map(f)).collect()
    };
    let curve = |f: &dyn Fn(f64) -> Option<f64>| -> Vec<(f64, f64)> {
        (0..=400)
            .filter_map(|i| {
                let t = 1.5 + 0.005 * f64::from(i);
                f(1.0 / t).map(|y| (t, y))
            })
            .collect()
    };
    // Far from T_c, corrections of finite size fall as exp(-L / ξ): below 1e-9 at these temperatures and sizes.
    for &t in &[1.6, 1.8, 3.2] {
        let at = temperatures.iter().position(|x| (x - t).abs() < 1e-9).unwrap_or(0);
        let k = 1.0 / temperatures[at];
        o.sampled(format!("u, L = {l}, T = {t}"), results[at].energy, onsager::energy(k)?);
        if t < 2.0 {
            o.sampled(
                format!("⟨|m|⟩, L = {l}, T = {t}"),
                results[at].absolute_magnetisation,
                onsager::magnetisation(k)?,
            );
        }
    }
    for (t, got) in temperatures.iter().zip(&results) {
        let want = onsager::torus(l, l, 1.0 / t)?;
        o.sampled(format!("c, L = {l}, T = {t:.1}, against Kaufman"), got.specific_heat, want.specific_heat);
    }
    o.computed("u at T_c is -√2", onsager::energy(onsager::CRITICAL_K)?, -std::f64::consts::SQRT_2, 1e-7);
    // Catalan's constant G.
    let exact = 0.5 * std::f64::consts::LN_2 + 2.0 * 0.915_965_594_177_219 / std::f64::consts::PI;
    o.computed(
        "ln Z / N at T_c is ln 2 / 2 + 2 G / π",
        onsager::ln_z_per_spin(onsager::CRITICAL_K)?,
        exact,
        1e-12,
    );
    o.figure(Figure::plot(
        "ising-magnetisation",
        "Spontaneous magnetisation",
        &format!("⟨|m|⟩ of {l} × {l} spins, and Yang's exact result for the infinite lattice. The rest above T_c is the finite size."),
        Axis::linear("temperature T / J").over(1.5, 3.3),
        Axis::linear("magnetisation per spin").over(0.0, 1.05),
        vec![
            Series::new("Yang 1952, infinite lattice", Style::Line, curve(&|k| onsager::magnetisation(k).ok())),
            Series::measured(&format!("simulation, L = {l}"), &points(|r| r.absolute_magnetisation)),
        ],
    ));
    o.figure(Figure::plot(
        "ising-specific-heat",
        "Specific heat",
        &format!("Energy fluctuations of {l} × {l} spins, Kaufman's exact result for that size, and Onsager's for the infinite lattice, which diverges at T_c."),
        Axis::linear("temperature T / J").over(1.5, 3.3),
        Axis::linear("specific heat per spin").over(0.0, 2.8),
        vec![
            Series::new("Onsager 1944, infinite lattice", Style::Dashed, curve(&|k| onsager::specific_heat(k).ok().filter(|c| *c < 3.0))),
            Series::new(&format!("Kaufman 1949, L = {l}"), Style::Line, curve(&|k| onsager::torus(l, l, k).ok().map(|t| t.specific_heat))),
            Series::measured(&format!("simulation, L = {l}"), &points(|r| r.specific_heat)),
        ],
    ));
    o.figure(snapshots(ctx)?);
    Ok(o)
}

/// Three temperatures side by side: order, criticality, disorder.
fn snapshots(ctx: &Context<'_>) -> Result<Figure, Failure> {
    let l = 128;
    let ising = torus(l)?;
    let temperatures = [1.8, onsager::CRITICAL_TEMPERATURE, 3.5];
    let states = parallel::map(Par::Rayon, 3, |k| {
        let mut rng = ctx.streams.stream("snapshot", k as u64);
        let start = ising.draw(&mut rng);
        let mut chain = Chain::new((HeatBath, Wolff::default()), start, rng);
        chain.advance(&ising, 1.0 / temperatures[k], 400);
        chain.state
    });
    let gap = 8;
    let width = 3 * l + 2 * gap;
    let mut pixels = vec![255u8; width * l];
    for (k, state) in states.iter().enumerate() {
        for row in 0..l {
            for column in 0..l {
                let shade = if state[row * l + column] > 0 { 225 } else { 30 };
                pixels[row * width + k * (l + gap) + column] = shade;
            }
        }
    }
    Ok(Figure::image(
        "ising-snapshots",
        "Spins below, at and above T_c",
        "128 × 128 spins at T = 1.8 (ordered), T_c (domains of all sizes) and T = 3.5 (disordered).",
        width,
        l,
        pixels,
    ))
}

/// Algorithm 2 measures after every trial, accepted or not. Measuring only after acceptances is wrong, and the size of
/// the mistake is known for two levels.
fn rejected(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let (beta, h) = (1.0, 0.7);
    let spin = Ising::new(1, &[], vec![h])?;
    let n = ctx.level.pick(20_000, 200_000, 2_000_000);
    let mut rng = ctx.streams.stream("rejected", 0);
    let mut kernel = Metropolis::new(1)?;
    let mut s = vec![1i8];
    let (mut every, mut accepted) = (Vec::new(), Vec::new());
    for _ in 0..n {
        let step = kernel.step(&spin, &mut s, beta, &mut rng);
        every.push(f64::from(s[0]));
        if step.accepted == 1 {
            accepted.push(f64::from(s[0]));
        }
    }
    o.sampled("⟨s⟩, old states counted again", Estimate::from_chain(&every)?, libm::tanh(beta * h));
    // Accepted moves alternate between the two states.
    let wrong = accepted.iter().sum::<f64>() / accepted.len().max(1) as f64;
    o.computed("⟨s⟩, only accepted states (wrong)", wrong, 0.0, 2.0 / accepted.len().max(1) as f64);
    o.note(
        "One spin in a field: ⟨s⟩ = tanh βh. Without the rejected states both levels would weigh the same.",
    );
    Ok(o)
}
