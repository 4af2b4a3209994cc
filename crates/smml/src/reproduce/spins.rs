//! Chapter physics, the engines: packed lattices against Kaufman, replicas side by side against enumeration, mean-field
//! theory (Eq. (53)), ground states (Eqs. (60), (61)) by exact methods and by annealing, double digests (Eq. (62)).

use super::check::{Check, Context, Outcome};
use crate::{
    catalogue::Chapter,
    error::Failure,
    report::figure::{Axis, Figure, Series, Style},
};
use smml_core::{
    chain::{Chain, Record},
    energy::{Energy, Finite},
    estimate::Estimate,
    parallel::{self, Par},
    prelude::*,
    sample::HeatBath,
};
use smml_physics::{
    bound::{Effort, Packing},
    double_digest::{self, Search},
    instances,
    ising::{Boundary, CachedIsing, CachedSpins, Ising, SquareLattice, exact, observe, onsager},
    lanes::{LANES, LaneModel, LaneSweep},
    mean_field,
    packed::{PackedLattice, PackedSweep},
    planar,
    search::Annealing,
};

/// The checks of this file.
pub(super) fn checks() -> Vec<&'static Check> {
    CHECKS.iter().collect()
}

static CHECKS: [Check; 6] = [
    Check {
        id: "packed-lattices",
        chapter: Chapter::Physics,
        equations: &["41", "42"],
        title: "Packed sweeps of tori from 4 to 64 against Kaufman",
        run: packed,
    },
    Check {
        id: "lanes",
        chapter: Chapter::Physics,
        equations: &["41"],
        title: "512 replicas side by side against enumeration",
        run: lanes,
    },
    Check {
        id: "mean-field",
        chapter: Chapter::Physics,
        equations: &["53"],
        title: "Mean-field theory beside the simulation",
        run: mean_field_theory,
    },
    Check {
        id: "zero-temperature-limit",
        chapter: Chapter::Physics,
        equations: &["60", "61"],
        title: "As T falls, all ground states become equally likely and the others impossible",
        run: zero_temperature,
    },
    Check {
        id: "double-digest",
        chapter: Chapter::Physics,
        equations: &["62"],
        title: "Double digests: all optima of four instances, by annealing and by enumeration",
        run: digests,
    },
    Check {
        id: "planar-glass",
        chapter: Chapter::Physics,
        equations: &["60"],
        title: "Ground states of planar glasses, proved by matching, found by annealing",
        run: planar_glass,
    },
];

/// Energy and specific heat of L x L tori by Kaufman's formula in 60-digit arithmetic, at T = 2, T_c and 2.6.
const KAUFMAN: [(usize, [(f64, f64); 3]); 5] = [
    (
        4,
        [
            (-1.755_380_288_8, 0.605_532_657_2),
            (-1.565_623_787_6, 0.783_266_825_9),
            (-1.298_807_589_5, 0.790_779_841_4),
        ],
    ),
    (
        8,
        [
            (-1.745_683_170_3, 0.714_122_602_9),
            (-1.491_589_107_4, 1.145_559_239_9),
            (-1.118_971_027_5, 0.961_440_176_1),
        ],
    ),
    (
        16,
        [
            (-1.745_530_669_0, 0.725_508_767_7),
            (-1.453_064_852_8, 1.498_704_959_4),
            (-1.039_110_011_1, 0.799_094_250_3),
        ],
    ),
    (
        32,
        [
            (-1.745_564_527_0, 0.724_873_978_2),
            (-1.433_658_466_1, 1.846_767_590_0),
            (-1.028_464_517_9, 0.708_143_063_9),
        ],
    ),
    (
        64,
        [
            (-1.745_564_575_3, 0.724_871_448_6),
            (-1.423_939_389_8, 2.192_211_393_1),
            (-1.028_293_704_0, 0.704_860_308_2),
        ],
    ),
];

fn packed(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let temperatures = [2.0, onsager::CRITICAL_TEMPERATURE, 2.6];
    let n = ctx.level.pick(10_000, 100_000, 1_000_000);
    let jobs: Vec<(usize, usize)> = (0..KAUFMAN.len()).flat_map(|l| (0..3).map(move |t| (l, t))).collect();
    let found = parallel::map(Par::Rayon, jobs.len(), |k| -> Result<_, Failure> {
        let (l, t) = (KAUFMAN[jobs[k].0].0, temperatures[jobs[k].1]);
        let lattice = PackedLattice::square(l, l, 1.0)?;
        // Half of the sizes by each rule.
        let kernel =
            if jobs[k].0.is_multiple_of(2) { PackedSweep::metropolis(2) } else { PackedSweep::heat_bath(2) };
        let rng = ctx.streams.stream("packed", k as u64);
        let mut chain = Chain::new(kernel, lattice.uniform(1), rng);
        chain.advance(&lattice, 1.0 / t, n as u64 / 5);
        let mut record = Record::new(2)?;
        let measure = |s: &_| [lattice.energy(s), lattice.magnetisation(s) as f64];
        chain.record(&lattice, 1.0 / t, 1, n, &mut record, measure)?;
        Ok(observe::observables(&record, l * l, true, 1.0 / t)?)
    });
    let mut curves = [Vec::new(), Vec::new(), Vec::new()];
    for ((l, t), got) in jobs.into_iter().zip(found) {
        let (got, (side, exact)) = (got?, KAUFMAN[l]);
        let (u, c) = exact[t];
        o.sampled(format!("energy, L = {side}, T = {:.4}", temperatures[t]), got.energy, u);
        o.sampled(format!("specific heat, L = {side}, T = {:.4}", temperatures[t]), got.specific_heat, c);
        curves[t].push((side as f64, got.specific_heat));
    }
    let exact = |t: usize| KAUFMAN.iter().map(|(l, e)| (*l as f64, e[t].1)).collect();
    o.figure(Figure::plot(
        "packed-specific-heat",
        "Specific heat of tori",
        "It grows as ln L at the critical temperature, and only there. With one standard error; lines join exact values.",
        Axis::log("side L"),
        Axis::linear("specific heat per spin"),
        vec![
            Series::new("T_c, exact", Style::Line, exact(1)).in_colour(1),
            Series::measured("T_c", &curves[1]).in_colour(1),
            Series::new("T = 2, exact", Style::Line, exact(0)).in_colour(2),
            Series::measured("T = 2", &curves[0]).in_colour(2),
            Series::new("T = 2.6, exact", Style::Line, exact(2)).in_colour(3),
            Series::measured("T = 2.6", &curves[2]).in_colour(3),
        ],
    ));
    o.note("Every spin is one bit with random bits of its own; 512 spins are drawn at a time. Exact values: Kaufman's formula in 60-digit arithmetic.");
    Ok(o)
}

/// A random graph with couplings of up to three units and fields.
fn small_glass(streams: &Streams) -> Result<Ising, Failure> {
    let mut rng = streams.stream("glass", 0);
    let mut edges = Vec::new();
    for i in 0..12u32 {
        for j in 0..i {
            if rng.chance(0.5) {
                edges.push((i, j, rng.below(7) as f64 - 3.0));
            }
        }
    }
    let fields = (0..12).map(|_| rng.below(3) as f64 - 1.0).collect();
    Ok(Ising::new(12, &edges, fields)?)
}

fn lanes(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let ising = small_glass(&ctx.streams)?;
    let model = LaneModel::new(&ising)?;
    let n = ctx.level.pick(300, 3_000, 30_000);
    let betas = [0.05, 0.15, 0.3];
    let exact = exact::averages(&ising, &betas)?;
    for (k, (beta, exact)) in betas.into_iter().zip(exact).enumerate() {
        let mut rng = ctx.streams.stream("lanes", k as u64);
        let mut chain = Chain::new(LaneSweep, model.random(&mut rng), rng);
        chain.advance(&model, beta, 100);
        let mut record = Record::new(2)?;
        chain.record(&model, beta, 1, n, &mut record, |s| {
            let energies = model.energies(s);
            let mean = |f: &dyn Fn(f64) -> f64| energies.iter().map(|e| f(*e)).sum::<f64>() / LANES as f64;
            [mean(&|e| e), mean(&|e| e * e)]
        })?;
        let energy = exact.energy * 12.0;
        o.sampled(format!("⟨E⟩, β = {beta}"), record.estimate(0)?, energy);
        let square = exact.specific_heat * 12.0 / (beta * beta) + energy * energy;
        o.sampled(format!("⟨E²⟩, β = {beta}"), record.estimate(1)?, square);
    }
    o.note("A random graph of 12 spins with couplings of up to three units and fields; exact averages by enumeration of its 4,096 states.");
    Ok(o)
}

fn mean_field_theory(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let l = 16;
    let ising = SquareLattice::uniform(l, l, Boundary::Periodic, 1.0, 0.0)?.ising()?;
    let lattice = PackedLattice::square(l, l, 1.0)?;
    let n_sites = (l * l) as f64;
    let solve = |t: f64| {
        let found = mean_field::solve(&ising, 1.0 / t, &vec![0.9; l * l], &mean_field::Options::default())?;
        found.checked()
    };
    let mean = |m: &[f64]| m.iter().sum::<f64>() / m.len() as f64;
    // m = tanh(4 m / T) on the square lattice: T_c = 4.
    for t in [3.0, 2.0, 1.0] {
        let m = mean(&solve(t)?.magnetisation);
        o.computed(format!("m = tanh(4 m / T) at T = {t}"), m, (4.0 * m / t).tanh(), 1e-10);
    }
    o.computed("m above the mean-field T_c = 4", mean(&solve(4.2)?.magnetisation), 0.0, 1e-5);
    let temperatures: Vec<f64> = (0..13).map(|k| 1.0 + 0.31 * f64::from(k)).collect(); // not T_c itself, where it takes for ever
    let n = ctx.level.pick(4_000, 20_000, 200_000);
    let simulated = parallel::map(Par::Rayon, temperatures.len(), |k| -> Result<Estimate, Failure> {
        let rng = ctx.streams.stream("beside", k as u64);
        let mut chain = Chain::new(PackedSweep::heat_bath(4), lattice.uniform(1), rng);
        let beta = 1.0 / temperatures[k];
        chain.advance(&lattice, beta, n as u64 / 5);
        let mut record = Record::new(1)?;
        chain.record(&lattice, beta, 1, n, &mut record, |s| {
            [lattice.magnetisation(s).abs() as f64 / n_sites]
        })?;
        Ok(record.estimate(0)?)
    });
    let mut measured = Vec::new();
    for (t, simulated) in temperatures.iter().zip(simulated) {
        let found = solve(*t)?;
        let exact = onsager::torus(l, l, 1.0 / t)?;
        o.at_most(
            format!("mean-field bound of ln Z / N, T = {t:.1}"),
            Estimate::exact(found.ln_z_bound / n_sites),
            exact.ln_z / n_sites,
        );
        measured.push((*t, simulated?));
    }
    // A smooth curve, but for the neighbourhood of T_c.
    let mut theory = Vec::new();
    for t in (0..76).map(|k| 1.0 + 0.05 * f64::from(k)).filter(|t| (t - 4.0).abs() > 0.04) {
        theory.push((t, mean(&solve(t)?.magnetisation)));
    }
    o.figure(Figure::plot(
        "mean-field",
        "Mean field and simulation",
        "Magnetisation of a 16 × 16 torus: the mean field of four neighbours orders below T = 4, the lattice below 2.269.",
        Axis::linear("temperature T"),
        Axis::linear("|magnetisation| per spin"),
        vec![Series::new("mean field", Style::Line, theory), Series::measured("simulation", &measured)],
    ));
    o.note("The bound of Gibbs, Bogoliubov and Feynman holds at every temperature: S - β⟨E⟩ of independent spins is at most ln Z (exact: Kaufman).");
    Ok(o)
}

fn zero_temperature(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    // A frustrated torus: many ground states.
    let mut rng = ctx.streams.stream("couplings", 0);
    let lattice = SquareLattice::with_couplings(
        4,
        4,
        Boundary::Periodic,
        |_, _| if rng.chance(0.5) { 1.0 } else { -1.0 },
        |_| 0.0,
    )?;
    let ising = lattice.ising()?;
    let energies: Vec<f64> = (0..1 << 16).map(|k| ising.energy(&ising.state(k))).collect();
    let lowest = energies.iter().copied().fold(f64::INFINITY, f64::min);
    let degeneracy = energies.iter().filter(|e| **e == lowest).count();
    o.reported("ground states of a ±J glass on a 4 × 4 torus", Estimate::exact(degeneracy as f64));
    let mut curve = Vec::new();
    for beta in [0.25, 0.5, 1.0, 2.0, 4.0, 8.0] {
        let weights: Vec<f64> = energies.iter().map(|e| libm::exp(-beta * (e - lowest))).collect();
        let z: f64 = weights.iter().sum();
        let excited = 1.0 - degeneracy as f64 / z;
        curve.push((1.0 / beta, excited.max(1e-16)));
        if (0.5..=1.0).contains(&beta) {
            // Cold enough that few states matter, warm enough for a chain to go everywhere.
            let mut rng = ctx.streams.stream("share of excited states", (2.0 * beta) as u64);
            let model = CachedIsing(ising.clone());
            let mut chain = Chain::new(HeatBath, model.draw(&mut rng), rng);
            chain.advance(&model, beta, 500);
            let mut record = Record::new(1)?;
            let n = ctx.level.pick(20_000, 200_000, 1_000_000);
            let is_excited = |s: &CachedSpins| [f64::from(u8::from(model.energy(s) > lowest + 1.0))];
            chain.record(&model, beta, 1, n, &mut record, is_excited)?;
            o.sampled(
                format!("share of excited states in a chain, β = {beta}"),
                record.estimate(0)?,
                excited,
            );
        }
        if beta == 8.0 {
            o.computed("g times the probability of a ground state, β = 8", degeneracy as f64 / z, 1.0, 1e-8);
        }
    }
    let found = Annealing::for_model(&ising, 200)?.search(&ising, LANES, &ctx.streams, Par::Rayon)?;
    o.computed("lowest energy found by annealing", found.best().0, lowest, 0.0);
    o.figure(Figure::plot(
        "zero-temperature-limit",
        "Excited states die out",
        "Exact probability that the state is not a ground state.",
        Axis::linear("temperature T"),
        Axis::log("probability"),
        vec![Series::new("excited states", Style::LinePoints, curve)],
    ));
    o.note("The limit is that of the Boltzmann distribution, in which all ground states are equally likely. It is not an acceptance probability.");
    Ok(o)
}

fn digests(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    for (k, instance) in double_digest::instances::ALL.into_iter().enumerate() {
        let model = instance.problem()?;
        let streams = ctx.streams.child("digest", k as u64);
        let found = Search::for_model(&model, 300, &streams)?.run(&model, 200, &streams, Par::Rayon)?;
        let name = instance.name;
        o.computed(format!("{name}: lowest energy by annealing"), found.energy, 0.0, 1e-12);
        o.computed(
            format!("{name}: optimal orders found by annealing"),
            found.orderings.len() as f64,
            instance.n_optima as f64,
            0.0,
        );
        o.reported(format!("{name}: runs that end there"), found.success);
        let all = double_digest::enumerate(&model)?;
        o.computed(
            format!("{name}: optimal orders, by enumeration"),
            all.n_optima as f64,
            instance.n_optima as f64,
            0.0,
        );
        o.computed(
            format!("{name}: orders in all"),
            all.n_orderings as f64,
            instance.n_orderings as f64,
            0.0,
        );
        if name == double_digest::instances::PHAGE_LAMBDA.name {
            o.computed(
                format!("{name}: next lowest energy"),
                all.next.unwrap_or(f64::NAN),
                20.559_161_001_963,
                1e-11,
            );
        }
    }
    o.note("Orders that differ only by exchanging equal fragments count once, mirror images apart. The numbers expected are from exhaustive enumeration by an independent program.");
    Ok(o)
}

/// At this side one anneal in five ends in a ground state, so that 512 of them never all miss it.
const SOLVED_BY_ANNEALING: usize = 12;

fn planar_glass(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let largest = ctx.level.pick(12, 24, 48);
    let seeds =
        |side: usize| (1..=if side == 12 { 2 } else { ctx.level.pick(2, 3, 10) }).map(move |s| (side, s));
    let more = Some(largest).filter(|l| *l > SOLVED_BY_ANNEALING);
    for (side, seed) in [SOLVED_BY_ANNEALING].into_iter().chain(more).flat_map(seeds) {
        let glass = instances::open_square(side, side, seed)?;
        let ising = glass.ising()?;
        let lattice = SquareLattice::with_couplings(
            side,
            side,
            Boundary::Open,
            |i, j| {
                let (neighbours, weights) = ising.couplings().neighbours(i);
                neighbours.iter().position(|n| *n as usize == j).map_or(0.0, |k| weights[k])
            },
            |_| 0.0,
        )?;
        let exact = planar::square_ground_state(&lattice)?;
        o.computed(
            format!("{side} × {side}, seed {seed}: energy of the state found"),
            ising.energy(&exact.spins),
            exact.energy,
            0.0,
        );
        let bound = exact.packing.certify(&ising)?;
        o.computed(
            format!("{side} × {side}, seed {seed}: certified lower bound"),
            bound.energy,
            exact.energy,
            1e-9,
        );
        let sweeps = ctx.level.pick(1_000, 3_000, 10_000);
        let found = Annealing::for_model(&ising, sweeps)?.search(
            &ising,
            LANES,
            &ctx.streams.child("anneal", seed),
            Par::Rayon,
        )?;
        let best = found.best().0;
        if side <= SOLVED_BY_ANNEALING {
            o.computed(format!("{side} × {side}, seed {seed}: best of 512 anneals"), best, exact.energy, 0.0);
        } else {
            o.at_least(
                format!("{side} × {side}, seed {seed}: best of 512 anneals"),
                Estimate::exact(best),
                exact.energy,
            );
        }
        o.reported(
            format!("{side} × {side}, seed {seed}: anneals that reach it"),
            found.success(exact.energy),
        );
        if seed == 1 {
            let packed = Packing::of(&ising, &Effort::default()).certify(&ising)?;
            o.at_most(
                format!("{side} × {side}, seed 1: bound by packing frustrated cycles"),
                Estimate::exact(packed.energy),
                exact.energy,
            );
        }
    }
    o.note("±J couplings with open edges: frustrated plaquettes are matched at least total weight; the dual solution is a packing of frustrated cycles that separate code certifies as a lower bound.");
    Ok(o)
}
