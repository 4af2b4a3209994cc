//! Quantum annealing (its path integral against exact quantum mechanics) and simulated bifurcation.

use super::*;
use smml_core::{
    energy::{Energy, LocalEnergy, ln_z_exact, states},
    estimate::SearchResults,
    kernel::{Kernel, Step},
    store,
    testing::law,
};

fn pair() -> Ising {
    Ising::new(2, &[(0, 1, -0.7)], vec![0.3, -0.5]).unwrap()
}

#[test]
fn path_sweeps_obey_the_law() {
    let three = Ising::new(3, &[(0, 1, 1.0), (1, 2, -0.6), (0, 2, 0.4)], vec![0.2, 0.0, -0.1]).unwrap();
    for (ising, n_slices) in [(&pair(), 3), (&pair(), 2), (&three, 2), (&three, 1)] {
        for (beta, transverse) in [(0.8, 0.9), (2.0, 0.3)] {
            let path = PathIntegral::new(ising, n_slices, beta, transverse).unwrap();
            for k in states(&path).unwrap() {
                assert_eq!(path.index(&path.state(k)), k);
            }
            let law = law(&path, &PathSweep, 1.0);
            assert!(law.holds(), "{n_slices} slices: {law:?}");
        }
    }
}

/// Wrong on purpose: sees the slice after, not the one before.
#[derive(Clone)]
struct OneWay;

impl Kernel<PathIntegral> for OneWay {
    fn step<R: Draw>(&mut self, path: &PathIntegral, s: &mut Slices, beta: f64, rng: &mut R) -> Step {
        for i in 0..2 {
            for k in 0..path.n_slices() {
                let cached = CachedIsing(pair());
                let slices: Vec<Vec<i8>> = s.slices().iter().map(|c| c.spins().to_vec()).collect();
                let here = cached.at(slices[k].clone()).unwrap();
                let next = f64::from(slices[(k + 1) % slices.len()][i] * slices[k][i]);
                let change =
                    0.8 / slices.len() as f64 * cached.delta(&here, &i) + 2.0 * path.coupling() * next;
                if rng.accept(beta * change) {
                    let mut flipped = slices.clone();
                    flipped[k][i] = -flipped[k][i];
                    *s = path.at(flipped).unwrap();
                }
            }
        }
        Step::default()
    }
}

#[test]
fn a_sweep_that_forgets_a_slice_is_seen() {
    let path = PathIntegral::new(&pair(), 3, 0.8, 0.9).unwrap();
    assert!(law(&path, &OneWay, 1.0).stationary > 1e-4);
}

#[test]
fn path_integrals_are_quantum_mechanics() {
    let ln_z = |ising: &Ising, slices, beta, transverse| {
        let path = PathIntegral::new(ising, slices, beta, transverse).unwrap();
        path.ln_prefactor() + ln_z_exact(&path, 1.0).unwrap()
    };
    // A spin in a transverse field alone: Z = 2 cosh βΓ with any number of slices.
    let one = Ising::new(1, &[], vec![0.0]).unwrap();
    for slices in 1..8 {
        for (beta, transverse) in [(0.5, 1.3), (2.0, 0.2), (3.0, 4.0)] {
            let exact = (2.0 * f64::cosh(beta * transverse)).ln();
            assert!((ln_z(&one, slices, beta, transverse) - exact).abs() < 1e-12);
        }
    }
    // In a field of both kinds Z = 2 cosh β√(h² + Γ²), and two coupled spins have the energies ±J, ±√(J² + 4 Γ²);
    // errors fall with the square of the number of slices.
    let tilted = Ising::new(1, &[], vec![0.7]).unwrap();
    let coupled = Ising::new(2, &[(0, 1, -0.8)], vec![0.0; 2]).unwrap();
    let (beta, transverse) = (1.2, 0.6);
    let root = (0.8f64.powi(2) + 4.0 * transverse * transverse).sqrt();
    for (ising, exact) in [
        (&tilted, (2.0 * (beta * 0.7f64.hypot(transverse)).cosh()).ln()),
        (&coupled, (2.0 * (beta * 0.8).cosh() + 2.0 * (beta * root).cosh()).ln()),
    ] {
        let error = |slices| (ln_z(ising, slices, beta, transverse) - exact).abs();
        let (coarse, fine) = (error(4), error(8));
        assert!(coarse < 0.01 && (3.7..4.3).contains(&(coarse / fine)), "{coarse} {fine}");
    }
}

#[test]
fn actions_agree_with_their_parts() {
    let ising = glass(6, false, 2);
    let path = PathIntegral::new(&ising, 4, 1.7, 0.4).unwrap();
    let s = path.draw(&mut Streams::new(1).stream("slices", 0));
    let spins: Vec<Vec<i8>> = s.slices().iter().map(|c| c.spins().to_vec()).collect();
    let k = -0.5 * f64::tanh(1.7 * 0.4 / 4.0).ln();
    let bonds: f64 = (0..4)
        .flat_map(|t| (0..6).map(move |i| (t, i)))
        .map(|(t, i)| f64::from(spins[t][i] * spins[(t + 1) % 4][i]))
        .sum();
    let energies: f64 = spins.iter().map(|s| ising.energy(s)).sum();
    assert!((path.energy(&s) - (1.7 / 4.0 * energies - k * bonds)).abs() < 1e-12);
    assert!((path.coupling() - k).abs() < 1e-15);
    assert_eq!(path.at(spins).unwrap(), s);
}

type Search = fn(&Ising, usize, usize, &Streams, Par) -> Result<SearchResults<Vec<i8>>, smml_core::Error>;

const SEARCHES: [(&str, Search); 3] = [
    ("quantum", |ising, steps, runs, streams, par| {
        QuantumAnnealing::for_model(ising, steps)?.search(ising, runs, streams, par)
    }),
    ("ballistic", |ising, steps, runs, streams, par| {
        SimulatedBifurcation::new(Variant::Ballistic, 5 * steps as u64)?.search(ising, runs, streams, par)
    }),
    ("discrete", |ising, steps, runs, streams, par| {
        SimulatedBifurcation::new(Variant::Discrete, 5 * steps as u64)?.search(ising, runs, streams, par)
    }),
];

#[test]
fn ground_states_by_enumeration_and_planted() {
    for (name, search) in SEARCHES {
        // Ballistic bifurcation flows into few states, whatever the start: it misses some ground states by a little.
        let may_miss = name == "ballistic";
        let (mut hits, mut instances) = (0, 0);
        let mut check = |ising: &Ising, ground: f64, steps, runs, seed| {
            let found = search(ising, steps, runs, &Streams::new(seed), Par::Rayon).unwrap();
            let (energy, spins) = found.best();
            assert_eq!(ising.energy(spins), energy);
            let hit = (energy - ground).abs() < 1e-9;
            assert!(hit || may_miss && energy < 0.9 * ground, "{name}, seed {seed}: {energy} for {ground}");
            (hits, instances) = (hits + u32::from(hit), instances + 1);
        };
        for n in [1, 2, 14] {
            for seed in 0..4 {
                for integer in [true, false] {
                    let ising = glass(n, integer, seed);
                    check(&ising, ground(&ising), 100, 40, seed);
                }
            }
        }
        let (ising, energy) = planted(60, 70, 1);
        check(&ising, energy, 200, 60, 1);
        assert!(hits + 4 >= instances, "{name}: {hits} of {instances}");
    }
}

#[test]
fn they_do_not_depend_on_threads_and_refuse_what_cannot_be() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    let ising = glass(20, false, 8);
    for (name, search) in SEARCHES {
        let one = search(&ising, 8, 6, &Streams::new(1), Par::Serial).unwrap();
        assert_eq!(
            pool.install(|| search(&ising, 8, 6, &Streams::new(1), Par::Rayon)).unwrap(),
            one,
            "{name}"
        );
        assert!(search(&ising, 8, 0, &Streams::new(1), Par::Serial).is_err());
        assert!(search(&ising, 0, 1, &Streams::new(1), Par::Serial).is_err());
    }
    let fall = || Schedule::linear(1.0, 0.1).unwrap();
    for (beta, transverse, slices, sweeps) in [
        (0.0, fall(), 4, 10),
        (f64::NAN, fall(), 4, 10),
        (1.0, Schedule::linear(1.0, 0.0).unwrap(), 4, 10),
        (1.0, Schedule::table(vec![1.0, -1.0, 1.0]).unwrap(), 4, 10),
        (1.0, fall(), 0, 10),
        (1.0, fall(), 1 << 20, 10),
        (1.0, fall(), 4, 0),
    ] {
        let bytes = store::encode(&(beta, transverse.clone(), slices, sweeps), 0).unwrap();
        assert!(QuantumAnnealing::new(beta, transverse, slices, sweeps).is_err());
        assert!(store::decode::<QuantumAnnealing>(&bytes, 0).is_err());
    }
    assert!(
        PathIntegral::new(&pair(), 4, 1.0, 5e-324).is_err()
            && PathIntegral::new(&pair(), 0, 1.0, 1.0).is_err()
    );
    let path = PathIntegral::new(&pair(), 2, 1.0, 1.0).unwrap();
    assert!(path.at(vec![vec![1, 1]]).is_err() && path.at(vec![vec![1, 1], vec![1, 0]]).is_err());
    let good = || SimulatedBifurcation::new(Variant::Discrete, 5).unwrap();
    assert!([0.0, 2.0, -1.0, f64::NAN].into_iter().all(|dt| good().with_time_step(dt).is_err()));
    let bytes = store::encode(&(Variant::Discrete, 5u64, 3.0), 0).unwrap();
    assert!(store::decode::<SimulatedBifurcation>(&bytes, 0).is_err());
}
