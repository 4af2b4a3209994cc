//! The fast engine against the law, against the general one, and against counted densities.

use super::*;
use crate::{
    flat::{DensityOfStates, Multicanonical, Plan},
    ising::density,
    lattice::{Boundary, Lattice},
};
use smml_core::{chain::Chain, parallel::Par, rng::Streams, sample::Metropolis, testing::law};

fn torus(l: usize) -> Ising {
    let graph = Lattice::square(l, l, Boundary::Periodic).unwrap().graph(1.0).unwrap();
    Ising::in_field(graph, 0.0).unwrap()
}

/// Frustrated, with fields; integers.
fn glass() -> Ising {
    let bonds = [(0, 1, 1.0), (1, 2, -2.0), (2, 0, 1.0), (2, 3, 3.0), (3, 4, -1.0), (4, 2, 1.0)];
    Ising::new(6, &bonds, vec![1.0, -2.0, 0.0, 0.0, 1.0, 1.0]).unwrap()
}

fn random_weights(model: &Ising, seed: u64) -> Vec<f64> {
    let mut rng = Streams::new(seed).stream("weights", 0);
    (0..EnergyGrid::levels(model).unwrap().n_bins()).map(|_| rng.normal()).collect()
}

/// Wrong on purpose: a change is accepted as its reverse would be.
#[derive(Clone)]
struct Reverse;
impl Kernel<FlatIsing> for Reverse {
    fn step<R: Draw>(&mut self, model: &FlatIsing, s: &mut FlatSpins, _beta: f64, rng: &mut R) -> Step {
        let i = rng.below(s.spins.len());
        let to = (s.level as i64 + i64::from(s.changes[i])) as usize;
        if rng.accept(model.weights[s.level] - model.weights[to]) {
            model.flip(s, i);
        }
        Step::default()
    }
}

/// The states as the n-fold way visits them, one flip after another: exp(-w) over the residence.
struct Visited(FlatIsing);
impl Energy for Visited {
    type State = FlatSpins;
    fn energy(&self, s: &FlatSpins) -> f64 {
        self.0.energy(s) + libm::log(FlatNFold::default().residence(&self.0, s))
    }
}
impl Finite for Visited {
    fn n_states(&self) -> Option<usize> {
        self.0.n_states()
    }
    fn state(&self, index: usize) -> FlatSpins {
        self.0.state(index)
    }
    fn index(&self, s: &FlatSpins) -> usize {
        self.0.index(s)
    }
}
impl Kernel<Visited> for FlatNFold {
    fn step<R: Draw>(&mut self, model: &Visited, s: &mut FlatSpins, beta: f64, rng: &mut R) -> Step {
        Kernel::<FlatIsing>::step(self, &model.0, s, beta, rng)
    }
}
/// Wrong on purpose: classes are chosen by their acceptance alone, however many spins they have.
#[derive(Clone)]
struct BySize;
impl Kernel<Visited> for BySize {
    fn step<R: Draw>(&mut self, model: &Visited, s: &mut FlatSpins, _beta: f64, rng: &mut R) -> Step {
        let mut kernel = FlatNFold::default();
        kernel.residence(&model.0, s);
        kernel.rates.iter_mut().zip(&s.sizes).for_each(|(r, size)| *r /= f64::from((*size).max(1)));
        kernel.leave(&model.0, s, rng);
        Step::default()
    }
}

#[test]
fn the_n_fold_way_obeys_the_law_with_residence_times() {
    for (model, seed) in [(glass(), 1), (torus(2), 2), (glass(), 3)] {
        let flat = FlatIsing::new(&model, random_weights(&model, seed)).unwrap();
        // Every flip changes the parity, so states come back after an even number.
        let visited = Visited(flat.clone());
        let found = law(&visited, &FlatNFold::default(), 1.0);
        assert!(found.stationary < 1e-12 && found.reversible < 1e-12 && found.irreducible, "{found:?}");
        assert!(law(&visited, &BySize, 1.0).stationary > 1e-3);
    }
    // A single level that may be entered: no way out.
    let model = torus(2);
    let mut weights = vec![f64::INFINITY; EnergyGrid::levels(&model).unwrap().n_bins()];
    weights[0] = 0.0;
    let flat = FlatIsing::new(&model, weights).unwrap();
    let mut s = flat.at(vec![1; 4]).unwrap();
    let mut rng = Streams::new(1).stream("stuck", 0);
    assert_eq!(FlatNFold::default().step(&flat, &mut s, 1.0, &mut rng), Step::default());
    assert!(survey(&flat, &mut s, 1, &mut rng).is_err());
}

#[test]
fn the_fast_walk_obeys_the_law_and_is_the_general_one() {
    for (model, seed) in [(glass(), 1), (torus(2), 2), (glass(), 3)] {
        let weights = random_weights(&model, seed);
        let flat = FlatIsing::new(&model, weights.clone()).unwrap();
        let general = Multicanonical::new(model.clone(), *flat.grid(), weights).unwrap();
        for i in 0..flat.n_states().unwrap() {
            let s = flat.state(i);
            assert_eq!(flat.index(&s), i);
            assert_eq!(flat.energy(&s), general.energy(&general.state(i)));
        }
        let fast = law(&flat, &FlatMetropolis::new(1).unwrap(), 1.0);
        assert!(fast.holds_reversibly(), "{fast:?}");
        assert!(law(&flat, &FlatMetropolis::new(2).unwrap(), 1.0).stationary < 1e-12);
        assert!(law(&general, &Metropolis::new(1).unwrap(), 1.0).holds_reversibly());
        assert!(law(&flat, &Reverse, 1.0).stationary > 1e-3);
    }
    assert!(FlatMetropolis::new(0).is_err());
}

#[test]
fn what_a_state_keeps_is_what_it_would_be_afresh() {
    for model in [glass(), torus(6)] {
        let flat = FlatIsing::new(&model, random_weights(&model, 5)).unwrap();
        let mut rng = Streams::new(5).stream("walk", 0);
        let mut chain =
            Chain::new(FlatMetropolis::new(7).unwrap(), flat.at(model.draw(&mut rng)).unwrap(), rng);
        for _ in 0..200 {
            chain.advance(&flat, 1.0, 1);
            let (kept, afresh) = (&chain.state, flat.with_cache(chain.state.spins().to_vec()));
            assert_eq!((&kept.changes, kept.level), (&afresh.changes, afresh.level));
            for (i, &d) in kept.changes.iter().enumerate() {
                assert!(kept.places[i] < kept.sizes[flat.class(d)]);
                assert_eq!(kept.members[flat.class(d) * model.n_spins() + kept.places[i] as usize], i as u32);
            }
            assert_eq!(kept.sizes, afresh.sizes);
            let energy = model.energy(&chain.state.spins().to_vec());
            assert_eq!(flat.grid().energy(chain.state.level()), energy);
        }
        // Weights that say nothing accept everything.
        let free = FlatIsing::new(&model, vec![0.0; flat.weights().len()]).unwrap();
        let done = FlatMetropolis::new(50).unwrap().step(
            &free,
            &mut chain.state,
            1.0,
            &mut Streams::new(1).stream("free", 0),
        );
        assert_eq!(done.accepted, 50);
    }
    let model = torus(4);
    assert!(FlatIsing::new(&model, vec![0.0; 3]).is_err());
    assert!(FlatIsing::new(&model, vec![f64::NAN; 17]).is_err());
    let flat = FlatIsing::new(&model, vec![0.0; 17]).unwrap();
    assert!(flat.at(vec![1; 15]).is_err() && flat.at(vec![0; 16]).is_err());
    let wide = Ising::new(3, &[(0, 1, 4000.0), (1, 2, 1.0)], vec![0.0; 3]).unwrap();
    let bins = EnergyGrid::levels(&wide).unwrap().n_bins();
    assert!(matches!(FlatIsing::new(&wide, vec![0.0; bins]), Err(Error::TooLarge { .. })));
}

#[test]
fn densities_agree_with_counts() {
    for (side, attempts, within) in [(4, 300_000, 0.05), (8, 4_000_000, 0.1)] {
        let plan = Plan { n_runs: 8, ln_f: 1e-4, max_attempts: 100_000_000, attempts };
        let model = torus(side);
        let sample = |par| DensityOfStates::sample_ising(&model, &plan, &Streams::new(9), par).unwrap();
        let found = sample(Par::Rayon);
        assert_eq!(found, sample(Par::Serial));
        let exact = density::square(side).unwrap();
        let ground = -2.0 * (side * side) as f64;
        let known = [(ground, 2f64.ln()), (-ground, 2f64.ln())];
        let total = model.ln_z_reference();
        let anchored = found.symmetric().unwrap().anchored(&known, total).unwrap();
        for (which, d) in [("as sampled", &found), ("anchored", &anchored)] {
            let levels = d.levels().unwrap();
            assert_eq!(levels.len(), exact.len());
            for (level, count) in levels.iter().zip(&exact) {
                assert_eq!(level.energy, count.energy);
                let (got, want) = (level.ln_g, count.ln_g);
                assert!((got.value - want).abs() < within, "{which}, E = {}: {got} {want}", count.energy);
                // Levels all of whose states have the same neighbours come out without any error.
                let exactly = (got.value - want).abs() < 1e-9;
                assert!(exactly || got.p_value(want) > 1e-9, "{which}, E = {}: {got} {want}", count.energy);
            }
        }
        for run in anchored.runs() {
            let n = run.len();
            assert!((run[0] - 2f64.ln()).abs() < 1e-12 && (run[n - 1] - 2f64.ln()).abs() < 1e-12);
            assert!((smml_core::energy::ln_sum_exp(run) - total).abs() < 1e-9);
            assert!((0..n).all(|k| (run[k] - run[n - 1 - k]).abs() < 1e-9));
        }
        let spread = |d: &DensityOfStates| -> f64 {
            d.levels().unwrap().iter().map(|l| l.ln_g.raw_error().powi(2)).sum()
        };
        assert!(spread(&anchored) < 0.7 * spread(&found), "{} {}", spread(&anchored), spread(&found));
        assert!(found.anchored(&[(1.0, 0.0)], total).is_err());
        assert!(found.anchored(&known, f64::NAN).is_err());
    }
    let plan = Plan { n_runs: 2, ln_f: 1e-3, max_attempts: 1_000_000, attempts: 10_000 };
    let sample = |plan: &Plan| DensityOfStates::sample_ising(&glass(), plan, &Streams::new(1), Par::Serial);
    assert!(sample(&plan).unwrap().symmetric().is_err());
    assert!(matches!(sample(&Plan { max_attempts: 10, ..plan }), Err(Error::NotConverged { .. })));
    assert!(sample(&Plan { ln_f: -1.0, ..plan }).is_err());
}

#[test]
fn a_state_without_weight_is_no_start() {
    let model = torus(4);
    let grid = EnergyGrid::levels(&model).unwrap();
    let mut weights = vec![0.0; grid.n_bins()];
    weights[0] = f64::INFINITY;
    let flat = FlatIsing::new(&model, weights).unwrap();
    // All up has the lowest energy, which is forbidden.
    let error = flat.at(vec![1; 16]).unwrap_err().to_string();
    assert!(error.contains("energy of the first state"), "{error}");
    let mut spins = vec![1; 16];
    spins[3] = -1;
    assert!(flat.at(spins.clone()).is_ok());
    // |-128| is no i8.
    spins[5] = -128;
    assert!(flat.at(spins).unwrap_err().to_string().contains("spin 5"));
    assert!(flat.acceptance.iter().all(|p| (0.0..=1.0).contains(p)));
}

#[test]
fn levels_that_no_run_saw_are_named() {
    let plan = Plan { n_runs: 2, ln_f: 0.5, max_attempts: 10_000_000, attempts: 200_000 };
    let found = DensityOfStates::sample_ising(&torus(4), &plan, &Streams::new(3), Par::Serial).unwrap();
    // 15 of the 17 bins of the 4 × 4 torus have states: -28 and 28 have none.
    assert_eq!(found.unvisited(), [-28.0, 28.0]);
    assert!(found.require(&[-32.0, 0.0, 32.0]).is_ok());
    let error = found.require(&[-32.0, -28.0]).unwrap_err().to_string();
    assert!(error.contains("energy -28") && error.contains("no run"), "{error}");
    assert_eq!(found.symmetric().unwrap().unvisited(), [-28.0, 28.0]);
}
