//! Tempering against enumeration, ladders against their formulas, and runs that are cut and resumed. Gates: p > 1e-8.

use super::*;
use crate::ising::{Boundary, CachedIsing, CachedSpins, Ising, SquareLattice};
use smml_core::{
    diagnose::Equilibrated,
    energy::{Energy, Finite, ln_z_exact, mean_exact, states},
    free_energy::Binning,
    kernel::{Kernel, Step},
    parallel::Par,
    rng::{Draw, Streams},
    sample::{HeatBath, Metropolis},
    store,
};

const GATE: f64 = 1e-8;
const LN_STATES: f64 = 8.0 * std::f64::consts::LN_2;

/// Eight spins, integer couplings of both signs and fields: frustrated, not symmetric.
fn glass() -> Ising {
    let mut rng = Streams::new(11).stream("glass", 0);
    let mut couplings = Vec::new();
    for i in 0..8u32 {
        for j in 0..i {
            if rng.chance(0.6) {
                couplings.push((i, j, rng.below(5) as f64 - 2.0));
            }
        }
    }
    let fields = (0..8).map(|_| rng.below(3) as f64 - 1.0).collect();
    Ising::new(8, &couplings, fields).unwrap()
}

fn sampled<K: Kernel<CachedIsing>>(kernel: K, seed: u64) -> ParallelTempering<K, CachedSpins> {
    let model = CachedIsing(glass());
    let plan =
        TemperingPlan::new(200, 1, 20_000).unwrap().adapted(Adaptation::EqualAcceptance, 3, 100).unwrap();
    let betas = vec![0.0, 0.2, 0.4, 0.8];
    let mut run = ParallelTempering::new(&model, kernel, betas, plan, &Streams::new(seed)).unwrap();
    assert!(run.advance(&model, u64::MAX).unwrap() && run.is_done());
    run
}

#[test]
fn energies_free_energies_and_entropies_of_every_rung() {
    let ising = glass();
    let run = sampled(Metropolis::new(8).unwrap(), 1);
    let report = run.report().unwrap();
    let all = run.thermodynamics(LN_STATES, Par::Rayon).unwrap();
    let mbar = run.mbar(Par::Serial).unwrap();
    assert_eq!((run.betas()[0], run.betas()[3]), (0.0, 0.8));
    for (r, (rung, thermo)) in report.rungs.iter().zip(&all).enumerate() {
        let beta = run.betas()[r];
        assert_eq!((rung.beta, thermo.beta), (beta, beta));
        let ln_z = ln_z_exact(&ising, beta).unwrap();
        let energy = mean_exact(&ising, beta, |s| ising.energy(s)).unwrap();
        let variance = mean_exact(&ising, beta, |s| (ising.energy(s) - energy).powi(2)).unwrap();
        for (what, found, exact) in [
            ("E of the rung", rung.energy, energy),
            ("ln Z", thermo.ln_z, ln_z),
            ("E", thermo.energy, energy),
            ("S", thermo.entropy, ln_z + beta * energy),
            ("C", thermo.heat_capacity, beta * beta * variance),
        ] {
            assert!(found.p_value(exact) > GATE, "{what} at {beta}: {found} against {exact}");
        }
        assert!(thermo.ln_z.std_error < 0.02 && thermo.entropy.std_error < 0.03, "{thermo:?}");
        assert_eq!(thermo.free_energy.is_none(), r == 0);
        if let Some(f) = thermo.free_energy {
            assert!(f.p_value(-ln_z / beta) > GATE);
        }
        let difference = mbar.difference(0, r).unwrap();
        assert!((LN_STATES - difference.value - thermo.ln_z.value).abs() < 1e-9);
        assert!(thermo.ln_z.z(LN_STATES - difference.value).abs() < 1e-3 || r == 0);
        assert_ne!(rung.equilibration.verdict, Equilibrated::StillDrifting);
        assert_eq!(rung.acceptance.is_some(), r < 3);
    }
    assert_eq!((report.rungs[0].flow, report.rungs[3].flow), (Some(1.0), Some(0.0)));
    assert!(report.round_trips > 500 && report.replicas_without == 0);
    let per_trip = report.steps_per_round_trip.unwrap();
    assert!((per_trip - 4.0 * 20_000.0 / report.round_trips as f64).abs() < 1e-9);
}

#[test]
fn densities_of_states_by_enumeration() {
    let ising = glass();
    let run = sampled(HeatBath, 2);
    let density = run.density(LN_STATES, Binning::Exact, Par::Rayon).unwrap();
    let mut exact = std::collections::BTreeMap::new();
    for k in states(&ising).unwrap() {
        *exact.entry(ising.energy(&ising.state(k)) as i64).or_insert(0u32) += 1;
    }
    assert_eq!(density.len(), exact.len());
    for (level, (energy, g)) in density.iter().zip(&exact) {
        assert_eq!(level.energy, *energy as f64);
        let ln_g = f64::from(*g).ln();
        assert!(level.ln_g.p_value(ln_g) > GATE, "ln g({energy}) = {} against {ln_g}", level.ln_g);
    }
}

/// Wrong on purpose: the inner kernel is too hot.
#[derive(Clone)]
struct Hot(Metropolis);

impl Kernel<CachedIsing> for Hot {
    fn step<R: Draw>(&mut self, e: &CachedIsing, s: &mut CachedSpins, beta: f64, rng: &mut R) -> Step {
        self.0.step(e, s, 0.8 * beta, rng)
    }
}

#[test]
fn a_kernel_at_other_temperatures_is_seen() {
    let ising = glass();
    let run = sampled(Hot(Metropolis::new(8).unwrap()), 3);
    let report = run.report().unwrap();
    let all = run.thermodynamics(LN_STATES, Par::Serial).unwrap();
    let energy = mean_exact(&ising, 0.8, |s| ising.energy(s)).unwrap();
    assert!(report.rungs[3].energy.p_value(energy) < GATE);
    assert!(all[3].ln_z.p_value(ln_z_exact(&ising, 0.8).unwrap()) < GATE);
}

#[test]
fn ladders_follow_their_formulas() {
    let near = |a: &[f64], b: &[f64]| {
        assert_eq!(a.len(), b.len());
        a.iter().zip(b).for_each(|(a, b)| assert!((a - b).abs() < 1e-12, "{a} {b}"));
    };
    let third = 4.0 / 3.0;
    // Rejections 0.1 and 0.3: half of their sum is a third into the second interval.
    near(&equal_acceptance(&[0.0, 1.0, 2.0], &[0.9, 0.7]), &[0.0, third, 2.0]);
    near(&equal_acceptance(&[2.0, 1.0, 0.0], &[0.7, 0.9]), &[2.0, third, 0.0]);
    near(&equal_acceptance(&[0.0, 0.5, 2.0], &[0.6, 0.6]), &[0.0, 0.5, 2.0]);
    near(&equal_acceptance(&[0.0, 1.0], &[0.2]), &[0.0, 1.0]);
    // Nothing was rejected: nothing is known, nothing moves.
    near(&equal_acceptance(&[0.0, 0.5, 2.0], &[1.0, 1.0]), &[0.0, 0.5, 2.0]);
    // √0.1 and √0.9 = 3 √0.1: half of 4 √0.1 is a third into the second interval.
    near(&round_trips(&[0.0, 1.0, 2.0], &[Some(1.0), Some(0.9), Some(0.0)]), &[0.0, third, 2.0]);
    // A straight line is the best there is, known or interpolated.
    let line = [Some(1.0), Some(0.75), None, Some(0.25), Some(0.0)];
    near(&round_trips(&[0.0, 0.1, 0.5, 0.6, 1.0], &line), &[0.0, 0.1, 0.5, 0.6, 1.0]);
    // A rise is averaged out: drops 0.7, 0, 0.3, the middle one raised to a hundredth of a third.
    let part = [0.7f64.sqrt(), (0.01f64 / 3.0).sqrt(), 0.3f64.sqrt()];
    let total: f64 = part.iter().sum();
    let rise = round_trips(&[0.0, 1.0, 2.0, 3.0], &[Some(1.0), Some(0.2), Some(0.4), Some(0.0)]);
    near(&rise, &[0.0, total / 3.0 / part[0], 3.0 - total / 3.0 / part[2], 3.0]);
    assert!(rise.is_sorted());
}

#[test]
fn adaptation_evens_out_acceptances_and_makes_round_trips() {
    let model =
        CachedIsing(SquareLattice::uniform(8, 8, Boundary::Periodic, 1.0, 0.0).unwrap().ising().unwrap());
    // Crowded where nothing happens, sparse where the magnet orders.
    let betas = vec![0.0, 0.02, 0.04, 0.06, 0.08, 0.1, 0.6];
    let run = |adaptation, rounds, round| {
        let plan = TemperingPlan::new(200, 1, 3_000).unwrap().adapted(adaptation, rounds, round).unwrap();
        let mut run =
            ParallelTempering::new(&model, HeatBath, betas.clone(), plan, &Streams::new(5)).unwrap();
        run.advance(&model, u64::MAX).unwrap();
        run
    };
    let spread = |run: &ParallelTempering<HeatBath, CachedSpins>| {
        let all: Vec<f64> = run.acceptances().into_iter().flatten().collect();
        all.iter().fold(0.0, |a: f64, b| a.max(*b)) - all.iter().fold(1.0, |a: f64, b| a.min(*b))
    };
    let trips = |run: &ParallelTempering<HeatBath, CachedSpins>| run.round_trips().iter().sum::<u64>();
    let fixed = run(Adaptation::None, 0, 0);
    assert_eq!(fixed.betas(), betas);
    let equal = run(Adaptation::EqualAcceptance, 5, 100);
    let flow = run(Adaptation::RoundTrips, 5, 400);
    for run in [&equal, &flow] {
        assert_eq!((run.betas()[0], run.betas()[6]), (0.0, 0.6));
        assert!(run.betas().is_sorted_by(|a, b| a < b));
        assert!(trips(run) > 3 * trips(&fixed) + 30, "{} {}", trips(run), trips(&fixed));
    }
    assert!(spread(&fixed) > 0.8 && spread(&equal) < 0.2, "{} {}", spread(&fixed), spread(&equal));
}

#[test]
fn runs_resume_bit_for_bit_on_any_number_of_threads() {
    let model = CachedIsing(glass());
    let plan = TemperingPlan::new(30, 3, 20).unwrap().adapted(Adaptation::RoundTrips, 3, 10).unwrap();
    assert_eq!((plan.adapting(), plan.before_samples(), plan.n_steps()), (70, 100, 160));
    type Run = ParallelTempering<Metropolis, CachedSpins>;
    let run = |cuts: &[u64], par, threads| {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(|| {
            let kernel = Metropolis::new(8).unwrap();
            let mut run: Run =
                ParallelTempering::new(&model, kernel, vec![1.0, 0.5, 0.1], plan.clone(), &Streams::new(9))
                    .unwrap();
            run.set_par(par);
            for cut in cuts {
                assert!(!run.advance(&model, *cut).unwrap());
                run = store::decode(&store::encode(&run, 0).unwrap(), 0).unwrap();
                run.set_par(par);
            }
            assert!(run.advance(&model, u64::MAX).unwrap());
            assert!(run.advance(&model, 5).unwrap());
            assert_eq!((run.n_steps(), run.energies().len()), (160, 20));
            store::encode(&run, 0).unwrap()
        })
    };
    let whole = run(&[], Par::Serial, 1);
    for cuts in [&[1][..], &[10], &[29, 1, 40], &[70, 30, 1], &[100, 2], &[159]] {
        assert_eq!(run(cuts, Par::Rayon, 3), whole, "{cuts:?}");
    }
    // Files whose parts do not fit together.
    let kernel = Metropolis::new(8).unwrap();
    let mut run: Run =
        ParallelTempering::new(&model, kernel, vec![1.0, 0.5, 0.1], plan.clone(), &Streams::new(9)).unwrap();
    run.advance(&model, 110).unwrap();
    let good = serde_json::to_value(&run).unwrap();
    assert_eq!(serde_json::from_value::<Run>(good.clone()).unwrap(), run);
    for (field, value) in [
        ("n_steps", serde_json::json!(161)),
        ("n_steps", serde_json::json!(50)),
        ("betas", serde_json::json!([1.0, 0.5])),
        ("betas", serde_json::json!([1.0, 0.5, 0.7])),
        ("before", serde_json::json!([])),
        ("before", serde_json::json!([{"proposed": 1000, "accepted": 0}, {"proposed": 0, "accepted": 0}])),
    ] {
        let mut bad = good.clone();
        bad[field] = value;
        assert!(serde_json::from_value::<Run>(bad).is_err(), "{field}");
    }
}

#[test]
fn plans_and_ladders_that_cannot_be_are_refused() {
    assert!(TemperingPlan::new(1, 0, 1).is_err() && TemperingPlan::new(1, 1, 0).is_err());
    assert!(TemperingPlan::new(u64::MAX, 1, 1).is_err() && TemperingPlan::new(1, u64::MAX, 2).is_err());
    let plan = || TemperingPlan::new(1, 1, 1).unwrap();
    assert!(plan().adapted(Adaptation::None, 1, 1).is_err());
    assert!(plan().adapted(Adaptation::EqualAcceptance, 0, 1).is_err());
    assert!(plan().adapted(Adaptation::EqualAcceptance, 1, 0).is_err());
    assert!(plan().adapted(Adaptation::EqualAcceptance, 33, 1).is_err());
    assert!(plan().adapted(Adaptation::EqualAcceptance, 32, u64::MAX).is_err());
    assert!(plan().adapted(Adaptation::None, 0, 0).is_ok());
    let model = CachedIsing(glass());
    for betas in [
        vec![],
        vec![1.0],
        vec![0.0, 1.0, 0.5],
        vec![0.5, 0.5],
        vec![0.0, f64::NAN],
        vec![f64::INFINITY, 0.0],
    ] {
        assert!(ParallelTempering::new(&model, HeatBath, betas, plan(), &Streams::new(1)).is_err());
    }
    let read = |plan: (Adaptation, u32, u64, u64, u64, u64)| {
        store::decode::<TemperingPlan>(&store::encode(&plan, 0).unwrap(), 0)
    };
    assert_eq!(read((Adaptation::None, 0, 0, 1, 1, 1)).unwrap(), plan());
    assert!(read((Adaptation::None, 0, 0, 1, 0, 1)).is_err());
    assert!(read((Adaptation::RoundTrips, 0, 0, 1, 1, 1)).is_err());
    // Too short to say anything: an error, no numbers.
    let mut run = ParallelTempering::new(&model, HeatBath, vec![0.0, 1.0], plan(), &Streams::new(1)).unwrap();
    assert!(run.report().is_err());
    run.advance(&model, 100).unwrap();
    assert!(run.report().is_err() && run.thermodynamics(0.0, Par::Serial).is_err());
}
