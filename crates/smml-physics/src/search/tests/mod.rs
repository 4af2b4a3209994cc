//! Searches against enumeration, planted ground states and bad parameters.

mod local;
mod peeling;
mod population;
mod quantum;
mod renormalisation;

use super::*;
use crate::ising::{CachedIsing, Ising};
use proptest::prelude::*;
use smml_core::{
    energy::{Energy, Finite, LocalEnergy, Reference},
    graph::SparseGraph,
    parallel::Par,
    rng::{Draw, Streams},
    schedule::Schedule,
};

/// A random glass with integer or real couplings and fields.
fn glass(n: usize, integer: bool, seed: u64) -> Ising {
    let mut rng = Streams::new(seed).stream("glass", 0);
    let mut edges = Vec::new();
    for i in 0..n as u32 {
        for j in 0..i {
            if rng.chance(0.5) {
                edges.push((i, j, if integer { rng.below(7) as f64 - 3.0 } else { rng.normal() }));
            }
        }
    }
    let fields = (0..n).map(|_| if integer { rng.below(3) as f64 - 1.0 } else { rng.normal() }).collect();
    Ising::on_graph(SparseGraph::new(n, &edges).unwrap(), fields).unwrap()
}

fn ground(ising: &Ising) -> f64 {
    (0..ising.n_states().unwrap()).map(|k| ising.energy(&ising.state(k))).fold(f64::INFINITY, f64::min)
}

/// Loops of random spins, each with one coupling against a hidden state: a loop of k bonds has at least one
/// unsatisfied, so the hidden state is a ground state of all together, with energy -Σ (k - 2). (Planted as by I. Hen
/// et al., Phys. Rev. A 92, 042325 (2015).)
fn planted(n: usize, n_loops: usize, seed: u64) -> (Ising, f64) {
    let mut rng = Streams::new(seed).stream("planted", 0);
    let hidden: Vec<f64> = (0..n).map(|_| if rng.chance(0.5) { 1.0 } else { -1.0 }).collect();
    let (mut couplings, mut energy) = (Vec::new(), 0.0);
    for _ in 0..n_loops {
        let length = 3 + rng.below(4);
        let mut spins: Vec<usize> = Vec::new();
        while spins.len() < length {
            let i = rng.below(n);
            if !spins.contains(&i) {
                spins.push(i);
            }
        }
        let broken = rng.below(length);
        for k in 0..length {
            let (i, j) = (spins[k], spins[(k + 1) % length]);
            let sign = if k == broken { -1.0 } else { 1.0 };
            couplings.push((i as u32, j as u32, sign * hidden[i] * hidden[j]));
        }
        energy -= length as f64 - 2.0;
    }
    let ising = Ising::new(n, &couplings, vec![0.0; n]).unwrap();
    let hidden: Vec<i8> = hidden.iter().map(|s| *s as i8).collect();
    assert_eq!(ising.energy(&hidden), energy);
    (ising, energy)
}

#[test]
fn ground_states_of_small_glasses_are_found_on_both_lanes() {
    for seed in 0..4 {
        for integer in [true, false] {
            let ising = glass(14, integer, seed);
            let engine = AnnealModel::new(&ising).engine();
            assert_eq!(engine, if integer { Engine::Lanes } else { Engine::RealLanes });
            let annealing = Annealing::for_model(&ising, 100).unwrap();
            let found = annealing.search(&ising, 64, &Streams::new(seed), Par::Rayon).unwrap();
            assert_eq!(found.n_runs(), if integer { 512 } else { 64 });
            let (energy, spins) = found.best();
            assert!((energy - ground(&ising)).abs() < 1e-9, "seed {seed}: {energy}");
            assert_eq!(ising.energy(spins), energy);
        }
    }
}

#[test]
fn couplings_far_apart_in_size_go_to_the_single_engine() {
    // Two pairs, one of which the rounding of the other would not see: all four spins must still be aligned.
    let edges = [(0, 1, 1.0), (2, 3, std::f64::consts::PI * 1e-7), (4, 5, -0.3), (1, 2, 0.0)];
    let ising = Ising::new(6, &edges, vec![0.0; 6]).unwrap();
    assert_eq!(AnnealModel::new(&ising).engine(), Engine::Single);
    let annealing = Annealing::new(Schedule::geometric(2.0, 1e-8).unwrap(), 300).unwrap();
    let found = annealing.search(&ising, 5, &Streams::new(3), Par::Serial).unwrap();
    assert_eq!(found.n_runs(), 5);
    assert!((found.best().0 - ground(&ising)).abs() < 1e-15);
}

#[test]
fn results_do_not_depend_on_threads() {
    for integer in [true, false] {
        let ising = glass(20, integer, 9);
        let annealing = Annealing::for_model(&ising, 20).unwrap();
        let one = annealing.search(&ising, 1_500, &Streams::new(1), Par::Serial).unwrap();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        let three = pool.install(|| annealing.search(&ising, 1_500, &Streams::new(1), Par::Rayon)).unwrap();
        assert_eq!(one, three);
    }
}

#[test]
fn schedules_and_runs_that_cannot_be_are_refused() {
    let ising = glass(5, true, 1);
    assert!(Annealing::new(Schedule::linear(1.0, 0.0).unwrap(), 10).is_err());
    assert!(Annealing::new(Schedule::linear(1.0, 0.5).unwrap(), 0).is_err());
    assert!(
        Annealing::for_model(&ising, 1).unwrap().search(&ising, 0, &Streams::new(1), Par::Serial).is_err()
    );
    let dips = Schedule::table(vec![1.0, -1.0, 1.0]).unwrap();
    assert!(Annealing::new(dips.clone(), 10).is_err());
    assert!(LanePopulation::new(dips, 10, 512).is_err());
    // No couplings at all: every state is a ground state.
    let free = Ising::new(3, &[], vec![0.0; 3]).unwrap();
    let found =
        Annealing::for_model(&free, 2).unwrap().search(&free, 1, &Streams::new(1), Par::Serial).unwrap();
    assert_eq!(found.best().0, 0.0);
}

#[test]
fn time_to_solution_follows_its_formula() {
    let at = |k, n| TimeToSolution::new(k, n, 3.0, 0.99, &Streams::new(1)).unwrap();
    // ln 0.01 / ln 0.9 = 43.7087
    assert!((at(10, 100).time - 3.0 * 43.708_690_653_565_7).abs() < 1e-9);
    assert_eq!((at(100, 100).time, at(0, 100).time), (3.0, f64::INFINITY));
    let none = at(0, 100).interval;
    assert!(none.0 > 3.0 && none.0.is_finite() && none.1 == f64::INFINITY);
    // All succeeded: the time may still be as long as Wilson's lower end of the success probability has it. For 5 of 5 that
    // is 1 / (1 + 1.96²/5) = 0.5655 at 95 %.
    let all = at(5, 5).interval;
    assert_eq!(all.0, 3.0);
    assert!((all.1 - 3.0 * 0.01f64.ln() / (1.0f64 - 0.565_518).ln()).abs() < 1e-4, "{all:?}");
    // The interval covers: binomial draws around p = 0.05 give 95 % of times inside.
    let (low, high) = at(50, 1000).interval;
    // t is nearly 1/p, and √(0.95/50) the relative error of p.
    let (middle, relative) = (at(50, 1000).time, 1.96 * (0.95 / 50f64).sqrt());
    assert!(
        (middle / high - (1.0 - relative)).abs() < 0.05 && (middle / low - (1.0 + relative)).abs() < 0.05
    );
    for (k, n, t, c) in [(2, 1, 1.0, 0.99), (0, 0, 1.0, 0.99), (1, 2, 0.0, 0.99), (1, 2, 1.0, 1.0)] {
        assert!(TimeToSolution::new(k, n, t, c, &Streams::new(1)).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]
    #[test]
    fn descent_ends_where_no_flip_helps(seed: u64, integer: bool) {
        let ising = glass(12, integer, seed);
        let cached = CachedIsing(ising.clone());
        let mut state = cached.draw(&mut Streams::new(seed).stream("start", 0));
        let before = cached.energy(&state);
        descend(&cached, &mut state);
        prop_assert!(cached.energy(&state) <= before);
        for i in 0..12 {
            prop_assert!(ising.delta(&state.spins().to_vec(), &i) > -1e-9);
        }
    }
}
