//! Chapter physics, solved models: glasses on the Nishimori line, the complete graph, rings, and random graphs beside the
//! Bethe lattice.

use super::check::{Check, Context, Outcome};
use crate::{
    catalogue::Chapter,
    error::Failure,
    report::figure::{Axis, Figure, Series, Style},
};
use smml_core::{
    chain::{Chain, Record},
    energy::Energy,
    estimate::Estimate,
    graph::random_regular,
    kernel::Kernel,
    parallel::{self, Par},
    prelude::*,
    rng::Stream,
    sample::HeatBath,
};
use smml_physics::{
    bethe,
    cluster::{SwendsenWang, Wolff},
    curie_weiss,
    glass::{nishimori_couplings, nishimori_energy},
    ising::{Ising, observe, one_dimension},
    lattice::{Boundary, Lattice},
};

/// The checks of this file.
pub(super) fn checks() -> Vec<&'static Check> {
    CHECKS.iter().collect()
}

static CHECKS: [Check; 4] = [
    Check {
        id: "nishimori-line",
        chapter: Chapter::Physics,
        equations: &["41"],
        title: "Exact energies of ±J glasses on the Nishimori line",
        run: nishimori_line,
    },
    Check {
        id: "curie-weiss",
        chapter: Chapter::Physics,
        equations: &["41", "53"],
        title: "The complete graph, simulated against its exact solution",
        run: complete_graph,
    },
    Check {
        id: "ising-ring",
        chapter: Chapter::Physics,
        equations: &["41", "42"],
        title: "Rings, ferromagnetic and frustrated, against Ising's solution",
        run: ring,
    },
    Check {
        id: "bethe-lattice",
        chapter: Chapter::Physics,
        equations: &["41"],
        title: "Random regular graphs beside the Bethe lattice, on both sides of its transition",
        run: bethe_lattice,
    },
];

fn nishimori_line(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let n_glasses = ctx.level.pick(40, 200, 1_000);
    let mut job = 0;
    for (what, lattice, betas) in [
        ("square", Lattice::square(10, 10, Boundary::Periodic)?, [0.4, 0.8, 1.1]),
        ("cubic", Lattice::cubic([6; 3], Boundary::Periodic)?, [0.3, 0.5, 0.8]),
    ] {
        for beta in betas {
            job += 1;
            // One number from each glass, so that glasses are the independent samples.
            let energies = parallel::map(Par::Rayon, n_glasses, |k| -> Result<f64, Failure> {
                let mut rng = ctx.streams.child("glass", job).stream("sample", k as u64);
                let couplings = nishimori_couplings(&lattice, 1.0, beta, &mut rng)?;
                let n_bonds = couplings.n_edges() as f64;
                let glass = Ising::in_field(couplings, 0.0)?;
                // On the line all spins up is a state of equilibrium, together with the couplings.
                let mut chain = Chain::new(HeatBath, vec![1i8; glass.n_spins()], rng);
                let mut sum = 0.0;
                for _ in 0..100 {
                    chain.advance(&glass, beta, 1);
                    sum += glass.energy(&chain.state) / n_bonds;
                }
                Ok(sum / 100.0)
            });
            let energies: Vec<f64> = energies.into_iter().collect::<Result<_, _>>()?;
            o.sampled(
                format!("energy per bond, {what}, β = {beta}"),
                Estimate::from_independent(&energies)?,
                nishimori_energy(1.0, beta)?,
            );
        }
    }
    o.note("p = 1 / (1 + e^(-2β)) of the couplings are +1, the others -1; then [⟨E⟩] is -tanh β for each bond, on any lattice: H. Nishimori, Prog. Theor. Phys. 66, 1169 (1981).");
    Ok(o)
}

/// Energy, ⟨|m|⟩ and ⟨m²⟩ per spin of an Ising model by some kernel.
fn averages<K: Kernel<Ising>>(
    ising: &Ising,
    kernel: K,
    beta: f64,
    n: usize,
    rng: Stream,
) -> Result<observe::Observables, Failure> {
    let mut chain = Chain::new(kernel, vec![1i8; ising.n_spins()], rng);
    chain.advance(ising, beta, n as u64 / 5);
    let mut record = Record::new(2)?;
    chain.record(ising, beta, 1, n, &mut record, |s| [ising.energy(s), observe::magnetisation(s) as f64])?;
    Ok(observe::observables(&record, ising.n_spins(), true, beta)?)
}

fn complete_graph(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let n = 64u32;
    let pairs: Vec<(u32, u32, f64)> =
        (0..n).flat_map(|i| (0..i).map(move |j| (i, j, 1.0 / f64::from(n)))).collect();
    let ising = Ising::new(n as usize, &pairs, vec![0.0; n as usize])?;
    let steps = ctx.level.pick(4_000, 40_000, 400_000);
    for (k, t) in [0.7, 1.0, 1.5].into_iter().enumerate() {
        let beta = 1.0 / t;
        let rng = ctx.streams.stream("complete", k as u64);
        let got = averages(&ising, (HeatBath, Wolff::default()), beta, steps, rng)?;
        let want = curie_weiss::averages(n as usize, 1.0, 0.0, beta)?;
        // The square of M counts every spin with itself as well.
        let shift = 0.5 / f64::from(n);
        o.sampled(format!("energy, N = {n}, T = {t}"), got.energy, want.energy + shift);
        o.sampled(
            format!("⟨|m|⟩, N = {n}, T = {t}"),
            got.absolute_magnetisation,
            want.absolute_magnetisation,
        );
        if let Some(binder) = got.binder {
            o.sampled(format!("Binder cumulant, N = {n}, T = {t}"), binder, want.binder);
        }
    }
    // At T_c the cumulant tends to 1 - Γ(1/4)⁴ / 24 π² as N^(-1/2).
    let at = |n: usize| curie_weiss::averages(n, 1.0, 0.0, 1.0).map(|a| a.binder);
    let limit = 2.0 * at(1_000_000)? - at(250_000)?;
    o.computed("Binder cumulant at T_c, N → ∞", limit, curie_weiss::BINDER_CRITICAL, 1e-5);
    let m = |t: f64| curie_weiss::limit(1.0, 0.0, 1.0 / t).map(|l| l.magnetisation);
    o.computed("m at T = 1.0001 T_c", m(1.0001)?, 0.0, 1e-7);
    // m² = 3 (T/T_c)² (1 - T/T_c) below T_c, to first order.
    o.computed("m² / 3 (1 - T/T_c) just below T_c = J", m(1.0 - 1e-6)?.powi(2) / 3e-6, 1.0, 1e-5);
    o.note("E = -(1/N) Σ sᵢ sⱼ over pairs; exact averages sum N + 1 terms with binomial weights.");
    Ok(o)
}

fn ring(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let steps = ctx.level.pick(5_000, 50_000, 500_000);
    for (k, (n, coupling, beta)) in
        [(64u32, 1.0, 0.7), (64, 1.0, 1.2), (33, -1.0, 0.9)].into_iter().enumerate()
    {
        let bonds: Vec<(u32, u32, f64)> = (0..n).map(|i| (i, (i + 1) % n, coupling)).collect();
        let ising = Ising::new(n as usize, &bonds, vec![0.0; n as usize])?;
        let rng = ctx.streams.stream("ring", k as u64);
        let got = averages(&ising, (HeatBath, SwendsenWang::default()), beta, steps, rng)?;
        let want = one_dimension::ring(n as usize, coupling * beta)?;
        let what = format!("ring of {n}, J = {coupling}, β = {beta}");
        // Energies of the solution are in units of J.
        o.sampled(format!("{what}: energy"), got.energy, want.energy * coupling);
        o.sampled(format!("{what}: specific heat"), got.specific_heat, want.specific_heat);
    }
    o.note("E. Ising, Z. Phys. 31, 253 (1925): Z = (2 cosh K)ⁿ + (2 sinh K)ⁿ. With J < 0 and an odd number of spins one bond stays unsatisfied.");
    Ok(o)
}

/// Reports a number, and bounds how far it is from a limit by a systematic difference that is known and its statistical
/// error: the bound is kept unless the error does not explain what is beyond it.
fn within(o: &mut Outcome, what: &str, found: Estimate, limit: f64, tolerance: f64) {
    o.reported(format!("{what}; Bethe lattice {limit:.6}"), found);
    let sign = if found.value < limit { -1.0 } else { 1.0 };
    o.at_most(format!("|{what} - Bethe lattice|"), found.affine(-sign * limit, sign), tolerance);
}

fn bethe_lattice(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let n = ctx.level.pick(2_000, 10_000, 50_000);
    let steps = ctx.level.pick(1_500, 1_500, 5_000);
    let mut measured = Vec::new();
    for z in [3usize, 4] {
        let t_c = bethe::critical_temperature(z)?;
        let mut rng = ctx.streams.stream("regular graph", z as u64);
        let ising = Ising::in_field(random_regular(n, z, &mut rng)?, 0.0)?;
        let ratios = [0.7, 0.85, 1.2, 1.6];
        let found = parallel::map(Par::Rayon, ratios.len(), |k| {
            let beta = 1.0 / (ratios[k] * t_c);
            let rng = ctx.streams.child("bethe", z as u64).stream("chain", k as u64);
            averages(&ising, (HeatBath, Wolff::default()), beta, steps, rng)
        });
        for (ratio, found) in ratios.into_iter().zip(found) {
            let (found, k) = (found?, 1.0 / (ratio * t_c));
            let want = bethe::solve(z, k, 0.0)?;
            // Loops and the choice of the graph change the energy and the magnetisation of a graph by some parts of 1/n, and
            // the susceptibility by some more: known bounds, beside which the errors are statistical.
            let loops = 3.0 / n as f64;
            let name = |what: &str| format!("{what}, z = {z}, T = {ratio} T_c");
            within(&mut o, &name("energy"), found.energy, want.energy, loops);
            if ratio < 1.0 {
                within(&mut o, &name("⟨|m|⟩"), found.absolute_magnetisation, want.magnetisation, loops);
            } else {
                // On a tree correlations are tanhʳ K over z (z - 1)^(r-1) spins at distance r.
                let t = libm::tanh(k);
                let chi = k * (1.0 + t) / (1.0 - (z as f64 - 1.0) * t);
                within(&mut o, &name("susceptibility"), found.susceptibility, chi, 20.0 * chi / n as f64);
            }
            if z == 3 {
                measured.push((ratio * t_c, found.absolute_magnetisation));
            }
        }
    }
    let theory = (0..=120)
        .map(|i| 0.9 + 0.02 * f64::from(i))
        .map(|t| Ok((t, bethe::solve(3, 1.0 / t, 0.0)?.magnetisation)))
        .collect::<Result<Vec<_>, Failure>>()?;
    o.figure(Figure::plot(
        "bethe-lattice",
        "Random graphs are Bethe lattices",
        &format!("Magnetisation of a random graph of {n} spins with three neighbours each, and of the Bethe lattice, which orders at T_c = 1 / atanh ½ = 1.8205."),
        Axis::linear("temperature T / J"),
        Axis::linear("magnetisation per spin"),
        vec![Series::new("Bethe lattice", Style::Line, theory), Series::measured("simulation", &measured)],
    ));
    o.note("T_c = 1 / atanh(1 / (z - 1)); below it the magnetisation, above it the susceptibility (1 + t) / (1 - (z - 1) t) / T with t = tanh K. The difference may be some parts of 1/n, from the loops that a finite graph has, and beyond that no more than its statistical error.");
    Ok(o)
}
