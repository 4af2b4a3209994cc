//! Markov kernels: exact laws on small systems, and sampled averages against closed forms. Algorithm 2 is Metropolis.

use super::{exact, ising_4x4};
use crate::{
    catalogue::Chapter,
    error::Failure,
    reproduce::check::{Check, Context, Outcome},
};
use smml_core::{
    chain::{Chain, Record},
    energy::Finite,
    hamiltonian::{Hmc, Langevin, WithMomenta},
    kernel::{Kernel, Step},
    optimize::Function,
    parallel,
    prelude::*,
    sample::{Anneal, HeatBath, Ladder, Metropolis, RandomScan, Tempering},
    testing::{Law, delta_error, law},
};
use smml_physics::{
    cluster::Wolff,
    ising::{
        Ising,
        lattice::{Boundary, SquareLattice},
    },
};

pub(crate) const CHECKS: &[Check] = &[
    Check {
        id: "kernel-laws",
        chapter: Chapter::Core,
        equations: &["A2"],
        title: "Every kernel leaves the Boltzmann distribution unchanged, exactly",
        run: laws,
    },
    Check {
        id: "metropolis",
        chapter: Chapter::Core,
        equations: &["A2"],
        title: "Metropolis, heat bath and Wolff sample the 4 × 4 torus",
        run: metropolis,
    },
    Check {
        id: "tempering",
        chapter: Chapter::Core,
        equations: &[],
        title: "Parallel tempering is right on every rung",
        run: tempering,
    },
    Check {
        id: "langevin-and-hmc",
        chapter: Chapter::Core,
        equations: &[],
        title: "Langevin dynamics and Hamiltonian Monte Carlo",
        run: dynamics,
    },
    Check {
        id: "annealing-search",
        chapter: Chapter::Core,
        equations: &[],
        title: "Annealing finds the ground state of a spin glass",
        run: annealing,
    },
];

/// Four spins, frustrated (a triangle of negative product), with fields that break every symmetry.
fn frustrated() -> Result<Ising, Error> {
    Ising::new(
        4,
        &[(0, 1, 1.0), (1, 2, 0.7), (0, 2, -0.9), (2, 3, 0.4), (0, 3, -0.6)],
        vec![0.3, -0.2, 0.1, 0.5],
    )
}

/// A kernel used at another temperature than the one it is asked for: wrong on purpose.
#[derive(Clone)]
struct WrongTemperature<K>(K);

impl<E: Energy, K: Kernel<E>> Kernel<E> for WrongTemperature<K> {
    fn step<R: Draw>(&mut self, energy: &E, state: &mut E::State, beta: f64, rng: &mut R) -> Step {
        self.0.step(energy, state, 0.9 * beta, rng)
    }
}

fn laws(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let model = frustrated()?;
    let row = |o: &mut Outcome, name: &str, law: Law, reversible: bool| {
        o.computed(format!("{name}: max |πP - π|"), law.stationary, 0.0, 1e-12)
            .holds(format!("{name}: every state is reached"), law.irreducible && law.normalised < 1e-12);
        if reversible {
            o.computed(format!("{name}: max |πᵢPᵢⱼ - πⱼPⱼᵢ|"), law.reversible, 0.0, 1e-12);
        }
    };
    let beta = 0.7;
    row(&mut o, "Metropolis", law(&model, &Metropolis::new(1)?, beta), true);
    row(&mut o, "three Metropolis attempts", law(&model, &Metropolis::new(3)?, beta), true);
    row(&mut o, "heat bath, random sites", law(&model, &RandomScan::new(2)?, beta), true);
    row(&mut o, "heat bath sweep", law(&model, &HeatBath, beta), false);
    row(&mut o, "Wolff clusters with fields", law(&model, &Wolff::default(), beta), true);
    row(&mut o, "heat bath, then Metropolis", law(&model, &(HeatBath, Metropolis::new(1)?), beta), false);
    let pair = Ising::new(2, &[(0, 1, 0.8)], vec![0.3, -0.5])?;
    let ladder = Ladder::new(pair, vec![1.0, 0.4])?;
    let tempered = Tempering { inner: Metropolis::new(1)?, par: Par::Serial };
    row(&mut o, "tempering of two rungs", law(&ladder, &tempered, 1.3), false);
    // The test can fail
    let wrong = law(&model, &WrongTemperature(Metropolis::new(1)?), beta);
    o.at_least("Metropolis at 0.9 β on purpose: max |πP - π|", exact(wrong.stationary), 1e-4).at_least(
        "a sweep in order is not reversible: max |πᵢPᵢⱼ - πⱼPⱼᵢ|",
        exact(law(&model, &HeatBath, beta).reversible),
        1e-4,
    );
    let mut rng = ctx.streams.stream("walk", 0);
    o.computed("ΔE against E(after) - E(before), 1000 moves", delta_error(&model, model.state(5), 1000, &mut rng), 0.0, 1e-13).note(
        "The transition matrix is built by walking through every outcome of the kernel's own draws, with its probability: no \
         sampling, no tolerance but rounding. Four spins with a frustrated triangle and fields.",
    );
    Ok(o)
}

fn torus() -> Result<Ising, Error> {
    SquareLattice::uniform(4, 4, Boundary::Periodic, 1.0, 0.0)?.ising()
}

/// ⟨E⟩ / N, ⟨M²⟩ / N² and c by one kernel.
fn averages<K: Kernel<Ising>>(kernel: K, beta: f64, n: usize, rng: Stream) -> Result<[Estimate; 3], Error> {
    let model = torus()?;
    let mut rng = rng;
    let start = model.draw(&mut rng);
    let mut chain = Chain::new(kernel, start, rng);
    chain.advance(&model, beta, 200);
    let mut record = Record::new(3)?;
    chain.record(&model, beta, 1, n, &mut record, |s| {
        let e = model.energy(s);
        let m: i32 = s.iter().map(|s| i32::from(*s)).sum();
        [e, e * e, f64::from(m * m) / 256.0]
    })?;
    let capacity = record.derived(|m| beta * beta * (m[1] - m[0] * m[0]) / 16.0)?;
    Ok([record.estimate(0)?.affine(0.0, 1.0 / 16.0), record.estimate(2)?, capacity])
}

/// ⟨M²⟩/N² of the 4 x 4 torus at `beta`: all 65,536 states, by a loop of its own.
fn magnetisation_squared(beta: f64) -> f64 {
    let (mut z, mut m2) = (0.0, 0.0);
    for state in 0u32..1 << 16 {
        let spin = |i: usize| if state >> i & 1 == 1 { 1 } else { -1 };
        let (mut bonds, mut m) = (0, 0);
        for i in 0..16 {
            bonds += spin(i) * (spin(i / 4 * 4 + (i + 1) % 4) + spin((i + 4) % 16));
            m += spin(i);
        }
        let w = libm::exp(beta * f64::from(bonds - 32));
        z += w;
        m2 += w * f64::from(m * m);
    }
    m2 / z / 256.0
}

fn metropolis(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let n = ctx.level.pick(60_000, 600_000, 6_000_000);
    let beta = 0.5;
    let m2 = magnetisation_squared(beta);
    let found = parallel::map(Par::Rayon, 3, |i| {
        let rng = ctx.streams.stream("chain", i as u64);
        match i {
            0 => averages(Metropolis::new(16)?, beta, n, rng),
            1 => averages(HeatBath, beta, n, rng),
            _ => averages(Wolff::default(), beta, n, rng),
        }
    });
    for (name, found) in ["Metropolis", "heat bath", "Wolff"].into_iter().zip(found) {
        let [u, m, c] = found?;
        o.sampled(format!("u at T = 2, {name}"), u, -1.7553802888)
            .sampled(format!("c at T = 2, {name}"), c, 0.6055326572)
            .sampled(format!("⟨m²⟩ at T = 2, {name}"), m, m2);
    }
    o.note("u and c from the published density of states; ⟨m²⟩ by adding up all 65,536 states.");
    Ok(o)
}

fn tempering(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let betas = vec![0.2, 0.3, 0.4, 0.55, 0.7, 0.9];
    let ladder = Ladder::new(torus()?, betas.clone())?;
    let mut rng = ctx.streams.stream("tempering", 0);
    let states = betas.iter().map(|_| ladder.energy.draw(&mut rng)).collect();
    let kernel = Tempering { inner: HeatBath, par: Par::Serial };
    let mut chain = Chain::new(kernel, ladder.replicas(states)?, rng);
    chain.advance(&ladder, 1.0, 200);
    let n = ctx.level.pick(15_000, 150_000, 1_000_000);
    let mut record = Record::new(7)?;
    chain.record(&ladder, 1.0, 1, n, &mut record, |s| {
        let mut row = [0.0; 7];
        for (e, x) in row.iter_mut().zip(s.states()) {
            *e = ladder.energy.energy(x);
        }
        row[6] = s.states()[5].iter().map(|s| f64::from(*s)).sum::<f64>() / 16.0;
        row
    })?;
    for (k, beta) in betas.iter().enumerate() {
        o.sampled(format!("⟨E⟩ at β = {beta}"), record.estimate(k)?, ising_4x4(*beta).1);
    }
    o.sampled("⟨m⟩ at β = 0.9, where single flips are stuck", record.estimate(6)?, 0.0);
    let swaps: Vec<f64> = chain.state.swaps().iter().filter_map(|s| s.acceptance()).collect();
    o.at_least("smallest acceptance of a swap", exact(swaps.iter().copied().fold(f64::INFINITY, f64::min)), 0.05)
        .note("Exact energies: the published density of states of the 4 × 4 torus. At β = 0.9 only swaps turn the magnetisation round.");
    Ok(o)
}

fn dynamics(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let n = ctx.level.pick(100_000, 1_000_000, 10_000_000);
    // Harmonic, with masses and stiffnesses of its own: BAOAB gives ⟨x²⟩ = 1/(β k) for every stable time step
    let harmonic = Function(|x: &[f64], g: &mut [f64]| {
        let k = [1.0, 2.5];
        (0..2).for_each(|i| g[i] = k[i] * x[i]);
        (0..2).map(|i| 0.5 * k[i] * x[i] * x[i]).sum()
    });
    let model = WithMomenta::with_masses(harmonic, vec![1.0, 2.0])?;
    let beta = 0.8;
    let mut chain =
        Chain::new(Langevin::new(1.2, 0.7)?, model.at(vec![0.0; 2])?, ctx.streams.stream("langevin", 0));
    chain.advance(&model, beta, 200);
    let mut record = Record::new(4)?;
    chain.record(&model, beta, 1, n, &mut record, |s| {
        let [x, y] = [s.x()[0], s.x()[1]];
        [x.powi(2), y.powi(2), x * y, x]
    })?;
    for (k, (name, expected)) in
        [("⟨x²⟩ = 1/βk", 1.0 / beta), ("⟨y²⟩ = 1/βk", 0.4 / beta), ("⟨xy⟩", 0.0), ("⟨x⟩", 0.0)]
            .into_iter()
            .enumerate()
    {
        o.sampled(
            format!("Langevin (BAOAB), harmonic, time step 1.2: {name}"),
            record.estimate(k)?,
            expected,
        );
    }
    // Quartic: ⟨x²⟩ = 2 Γ(3/4)/Γ(1/4), ⟨x⁴⟩ = 1
    let quartic = Function(|x: &[f64], g: &mut [f64]| {
        g[0] = x[0].powi(3);
        0.25 * x[0].powi(4)
    });
    let model = WithMomenta::new(quartic);
    let mut chain = Chain::new(Hmc::new(0.45, 4)?, model.at(vec![0.1])?, ctx.streams.stream("hmc", 0));
    chain.advance(&model, 1.0, 200);
    let mut record = Record::new(3)?;
    chain.record(&model, 1.0, 1, n, &mut record, |s| [s.x()[0].powi(2), s.x()[0].powi(4), s.x()[0]])?;
    o.sampled("HMC, U = x⁴/4: ⟨x²⟩", record.estimate(0)?, 0.6759782400672846)
        .sampled("HMC, U = x⁴/4: ⟨x⁴⟩", record.estimate(1)?, 1.0)
        .sampled("HMC, U = x⁴/4: ⟨x⟩", record.estimate(2)?, 0.0)
        .holds("HMC rejects some proposals", chain.tally().acceptance().is_some_and(|a| a < 0.999))
        .note("Equipartition; ⟨x⁴⟩ = 1/β by the virial theorem and ⟨x²⟩ = 2 Γ(3/4) / Γ(1/4) for U = x⁴/4 at β = 1.");
    Ok(o)
}

fn annealing(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    // ±J on an 8 x 8 lattice with open edges: the ground state is known from variable elimination
    // One instance whatever the seed, so that the chance of finding the ground state is that of this instance.
    let mut rng = Streams::new(1).stream("couplings", 0);
    let lattice = SquareLattice::with_couplings(
        8,
        8,
        Boundary::Open,
        |_, _| if rng.chance(0.5) { 1.0 } else { -1.0 },
        |_| 0.0,
    )?;
    let model = lattice.ising()?;
    let mut graph = smml_core::factor_graph::FactorGraph::new(&[2; 64])?;
    for (i, j, w) in model.couplings().edges() {
        graph.add(&[i as usize, j as usize], &[w, -w, -w, w])?;
    }
    let ground = -graph.eliminate()?.maximum()?.ln_weight;
    let search = Anneal::new(Schedule::linear(0.1, 3.0)?, ctx.level.pick(1000, 2000, 5000))?;
    let runs = ctx.level.pick(64, 128, 512);
    let found = search.search(&model, &Metropolis::new(64)?, runs, &ctx.streams, Par::Rayon)?;
    let (energy, state) = found.best();
    o.computed("lowest energy of an 8 × 8 spin glass", energy, ground, 0.0)
        .computed("energy of that state, computed again", model.energy(state), energy, 1e-12)
        .reported("fraction of runs that end there", found.success(ground + 0.5))
        .note("The ground state energy of these couplings is exact, by variable elimination. The instance is the same for every seed. Fractions of searches are no averages of anything.");
    Ok(o)
}
