//! Populations of lanes, contraction and what is built on them.

use super::{super::islands::sources, *};
use crate::{
    instances,
    lanes::{LANES, LaneModel},
    planar,
};
use smml_core::store::{decode, encode};

fn lanes_of(ising: &Ising) -> LaneModel {
    LaneModel::new(ising).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    /// Energies of blocks differ from those of the spins by one constant, the states contracted are among their states,
    /// and spins of one block are oriented alike in all of them.
    #[test]
    fn blocks_are_the_model(n in 2usize..12, n_states in 1usize..5, fields: bool, seed: u64) {
        let mut ising = glass(n, true, seed);
        if !fields {
            ising = Ising::in_field(ising.couplings().clone(), 0.0).unwrap();
        }
        let mut rng = Streams::new(seed).stream("states", 0);
        let states: Vec<Vec<i8>> = (0..n_states).map(|_| ising.draw(&mut rng)).collect();
        let slices: Vec<&[i8]> = states.iter().map(Vec::as_slice).collect();
        let blocks = Contraction::new(&ising, &slices).unwrap();
        for state in &states {
            let narrow = blocks.narrow(state).unwrap();
            let wide = blocks.widen(&narrow).unwrap();
            prop_assert_eq!(&wide, state);
        }
        let Some(model) = blocks.model() else {
            prop_assert_eq!(blocks.n_blocks(), 0);
            return Ok(());
        };
        prop_assert_eq!(model.n_spins(), blocks.n_blocks());
        let shift = ising.energy(&states[0]) - model.energy(&blocks.narrow(&states[0]).unwrap());
        let coupled = |i: usize, j: usize| ising.couplings().weight(i, j).is_some_and(|w| w != 0.0);
        for k in 0..model.n_states().unwrap() {
            let state = model.state(k);
            let wide = blocks.widen(&state).unwrap();
            prop_assert!((model.energy(&state) + shift - ising.energy(&wide)).abs() < 1e-9);
            // What agrees in all states agrees here.
            for i in 0..n {
                for j in (0..i).filter(|j| coupled(i, *j)) {
                    let product = states[0][i] * states[0][j];
                    if states.iter().all(|s| s[i] * s[j] == product) {
                        prop_assert_eq!(wide[i] * wide[j], product);
                    }
                }
                if ising.fields()[i] != 0.0 && states.iter().all(|s| s[i] == states[0][i]) {
                    prop_assert_eq!(wide[i], states[0][i]);
                }
            }
        }
    }
}

#[test]
fn two_states_that_differ_by_two_clusters_make_four() {
    // A path of seven: the second state has spins 1 and 4, 5 turned.
    let bonds: Vec<(u32, u32, f64)> = (0..6).map(|i| (i, i + 1, 1.0)).collect();
    let path = Ising::new(7, &bonds, vec![0.0; 7]).unwrap();
    let (a, b) = ([1, 1, 1, 1, 1, 1, 1], [1, -1, 1, 1, -1, -1, 1]);
    let blocks = Contraction::new(&path, &[&a, &b]).unwrap();
    assert_eq!(blocks.n_blocks(), 5);
    assert_eq!(blocks.widen(&[1, -1, 1, 1, 1]).unwrap(), [1, -1, 1, 1, 1, 1, 1]);
    assert_eq!(blocks.model().unwrap().couplings().n_edges(), 4);
    // One state alone is one block, or none in a field.
    assert_eq!(Contraction::new(&path, &[&b]).unwrap().n_blocks(), 1);
    let held = Ising::new(2, &[(0, 1, 1.0)], vec![0.5, 0.0]).unwrap();
    let held = Contraction::new(&held, &[&[-1, 1]]).unwrap();
    assert!(held.model().is_none());
    assert_eq!(held.widen(&[]).unwrap(), [-1, 1]);
    for states in [&[][..], &[&[1, 1][..]], &[&[1, 1, 1, 1, 1, 1, 0][..]], &[&a[..]; 65]] {
        assert!(Contraction::new(&path, states).is_err());
    }
    assert!(blocks.widen(&[1]).is_err() && blocks.narrow(&[1]).is_err());
}

#[test]
fn populations_of_lanes_find_ground_states() {
    for seed in 0..4 {
        let ising = glass(14, true, seed);
        let want = ground(&ising);
        for island in [1, 2, 64, 512] {
            let annealing = LanePopulation::for_model(&ising, 60, island).unwrap();
            let found = annealing.search(&ising, 1, &Streams::new(seed), Par::Serial).unwrap();
            assert_eq!(found.n_runs(), LANES / island);
            assert!((found.best().0 - want).abs() < 1e-9, "seed {seed} island {island}");
        }
    }
    assert!(LanePopulation::for_model(&glass(5, true, 0), 0, 512).is_err());
    for island in [0, 3, 1024] {
        assert!(LanePopulation::for_model(&glass(5, true, 0), 10, island).is_err());
    }
    assert!(LanePopulation::new(Schedule::linear(1.0, -1.0).unwrap(), 10, 512).is_err());
    let real = LanePopulation::for_model(&glass(5, false, 0), 10, 512).unwrap();
    assert!(real.search(&glass(5, false, 0), 1, &Streams::new(1), Par::Serial).is_err());
}

/// Two levels: the mean number of copies of the lower one, from each island's weights.
#[test]
fn resampling_copies_by_boltzmann_weights() {
    let mut rng = Streams::new(3).stream("resampling", 0);
    let low: Vec<bool> = (0..LANES).map(|_| rng.chance(0.25)).collect();
    let energies: Vec<f64> = low.iter().map(|low| if *low { -1.0 } else { 0.0 }).collect();
    let expected = |island: usize, step: f64| -> f64 {
        let one = |part: &[bool]| {
            let down = part.iter().filter(|low| **low).count() as f64;
            let weight = down * step.exp();
            island as f64 * weight / (weight + (island as f64 - down))
        };
        low.chunks(island).map(one).sum()
    };
    for island in [2, 8, 512] {
        let counts: Vec<f64> = (0..4_000)
            .map(|_| {
                let from = sources(&energies, island, 0.7, &mut rng);
                assert!(from.iter().enumerate().all(|(r, f)| r / island == f / island), "islands do not mix");
                assert!(from.iter().all(|f| from[*f] == *f), "who is copied stays");
                from.iter().filter(|f| low[**f]).count() as f64
            })
            .collect();
        let n = counts.len() as f64;
        let mean = counts.iter().sum::<f64>() / n;
        let error = (counts.iter().map(|c| (c - mean).powi(2)).sum::<f64>() / n / (n - 1.0)).sqrt();
        assert!((mean - expected(island, 0.7)).abs() < 5.5 * error, "island {island}: {mean} +- {error}");
        // Weights of another temperature would be seen.
        assert!((mean - expected(island, 0.8)).abs() > 5.5 * error, "island {island}");
    }
}

#[test]
fn renormalisation_finds_planted_and_enumerated_ground_states() {
    for (island, seed) in [(2, 0), (8, 1), (512, 2)] {
        let (ising, want) = planted(300, 500, seed);
        let search = Renormalisation::new(island, 100).unwrap();
        let found = search.search(&ising, 1, &Streams::new(seed), Par::Serial).unwrap();
        assert_eq!(found.best().0, want, "island {island}");
        assert_eq!(ising.energy(found.best().1), want);
        let ising = glass(13, true, seed);
        let found = search.search(&ising, 1, &Streams::new(seed), Par::Serial).unwrap();
        assert!((found.best().0 - ground(&ising)).abs() < 1e-9);
    }
    assert!(Renormalisation::new(3, 10).is_err() && Renormalisation::new(8, 0).is_err());
    let search = Renormalisation::new(8, 10).unwrap();
    assert!(search.search(&glass(5, true, 0), 0, &Streams::new(1), Par::Serial).is_err());
    assert!(search.search(&glass(5, false, 0), 1, &Streams::new(1), Par::Serial).is_err());
    // Models without couplings, of one spin, and with fields alone.
    for ising in [
        Ising::new(1, &[], vec![0.0]).unwrap(),
        Ising::new(3, &[], vec![1.0, -2.0, 0.0]).unwrap(),
        Ising::new(2, &[(0, 1, -1.0)], vec![0.0; 2]).unwrap(),
    ] {
        let found = search.search(&ising, 1, &Streams::new(1), Par::Serial).unwrap();
        assert_eq!(found.best().0, ground(&ising));
    }
}

/// Against an exact answer of another algorithm: minimum-weight matching of frustrated plaquettes.
#[test]
fn renormalisation_agrees_with_matching_where_annealing_alone_does_not() {
    let instance = instances::open_square(40, 40, 5).unwrap();
    let ising = instance.ising().unwrap();
    let want = planar::ground_state(&ising, &planar::Embedding::square(40, 40).unwrap()).unwrap().energy;
    let streams = Streams::new(1);
    let search = Renormalisation::new(2, 400).unwrap();
    let found = search.search(&ising, 1, &streams, Par::Serial).unwrap();
    assert_eq!(found.best().0, want);
    // The same annealing without joining is not enough.
    let annealing = LanePopulation::for_model(&ising, 400, 2).unwrap();
    assert!(annealing.search(&ising, 1, &streams, Par::Serial).unwrap().best().0 > want);
}

#[test]
fn a_run_is_the_same_on_any_threads_and_after_a_file() {
    let ising = instances::torus(12, 3).unwrap().ising().unwrap();
    let model = lanes_of(&ising);
    let go = |par: Par, saved: bool| {
        let mut run = RenormalisationRun::new(&ising, Streams::new(5));
        while run.n_rounds() < 1 {
            run.advance(&ising, &model, par).unwrap();
        }
        // In the middle of the second round.
        run.advance(&ising, &model, par).unwrap();
        if saved {
            run = decode(&encode(&run, 0).unwrap(), 0).unwrap();
        }
        while run.n_rounds() < 2 {
            run.advance(&ising, &model, par).unwrap();
        }
        encode(&run, 0).unwrap()
    };
    let want = go(Par::Serial, false);
    assert!(go(Par::Serial, true) == want);
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert!(pool.install(|| go(Par::Rayon, false)) == want);
    }
}

#[test]
fn a_run_keeps_its_best_and_refuses_other_models() {
    let ising = glass(16, true, 4);
    let model = lanes_of(&ising);
    let mut run = RenormalisationRun::new(&ising, Streams::new(1));
    assert!(run.best().is_none());
    while run.n_rounds() < 2 {
        run.advance(&ising, &model, Par::Serial).unwrap();
    }
    let (energy, state) = run.best().unwrap();
    assert!((energy - ground(&ising)).abs() < 1e-9 && ising.energy(&state.to_vec()) == energy);
    assert!(run.kept().is_sorted_by(|a, b| a.0 <= b.0));
    assert!(run.kept().iter().enumerate().all(|(k, a)| run.kept()[..k].iter().all(|b| a.1 != b.1)));
    let other = glass(17, true, 4);
    assert!(run.advance(&other, &lanes_of(&other), Par::Serial).is_err());
    assert!(run.advance(&other, &model, Par::Serial).is_err());
    // A file with a state that is none.
    let mut bytes = encode(&run, 0).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    assert!(decode::<RenormalisationRun>(&bytes, 0).is_err());
}
