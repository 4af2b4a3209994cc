//! Tabu and breakout local search, and the moves below them.

use super::{
    super::{moves::*, walk::Walk},
    *,
};
use smml_core::{estimate::SearchResults, store};

/// Flips and holds at random; every cost, the energy and the least of every set against the model.
fn moves_agree<Q: Queue>(ising: &Ising, rows: &Rows<Q::Cost>, unit: f64, seed: u64) {
    let mut rng = Streams::new(seed).stream("moves", 0);
    let n = ising.n_spins();
    let mut moves = Moves::<Q>::new(rows, ising.draw(&mut rng));
    let mut held = vec![false; n];
    for _ in 0..300 {
        let i = rng.below(n);
        if rng.chance(0.5) {
            moves.flip(i);
        } else {
            held[i] = rng.chance(0.5);
            moves.hold(i, held[i]);
        }
        let spins = moves.spins().to_vec();
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-9 * (1.0 + b.abs()), "{a} {b}");
        close(unit * moves.energy(), ising.energy(&spins));
        (0..n).for_each(|i| close(unit * moves.change(i), ising.delta(&spins, &i)));
        for among in [Among::All, Among::Free, Among::Held, Among::FreeAt(1), Among::FreeAt(-1)] {
            let inside = |i: usize| match among {
                Among::All => true,
                Among::Free => !held[i],
                Among::Held => held[i],
                Among::FreeAt(s) => !held[i] && spins[i] == s,
            };
            let least =
                (0..n).filter(|i| inside(*i)).map(|i| ising.delta(&spins, &i)).fold(f64::INFINITY, f64::min);
            match moves.least(among, &mut rng) {
                Some(i) => {
                    assert!(inside(i), "{among:?} {i}");
                    close(unit * moves.change(i), least);
                }
                None => assert_eq!(least, f64::INFINITY),
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]
    #[test]
    fn costs_and_sets_stay_true(seed: u64, n in 1usize..12) {
        let ising = glass(n, true, seed);
        // Even couplings, say, have 2 for their unit.
        let all: Vec<f64> =
            ising.couplings().edges().map(|e| e.2).chain(ising.fields().iter().copied()).collect();
        let unit = crate::lanes::unit_of(&all).unwrap();
        match Compiled::new(&ising) {
            Compiled::Integer(rows) => moves_agree::<Buckets>(&ising, &rows, unit, seed),
            Compiled::Real(_) => prop_assert!(false, "integers need no trees"),
        }
        let ising = glass(n, false, seed);
        match Compiled::new(&ising) {
            Compiled::Real(rows) => moves_agree::<Trees>(&ising, &rows, 1.0, seed),
            // A single number is its own unit.
            Compiled::Integer(_) => prop_assert!(n <= 2),
        }
    }
}

#[test]
fn units_and_sizes_choose_the_queue() {
    let ising = Ising::new(3, &[(0, 1, 0.75), (1, 2, -1.5)], vec![0.0, 2.25, 0.0]).unwrap();
    let Compiled::Integer(rows) = Compiled::new(&ising) else { panic!("multiples of 0.75") };
    moves_agree::<Buckets>(&ising, &rows, 0.75, 1);
    // Sums too large for buckets.
    let wide = Ising::new(3, &[(0, 1, 60_000.0), (1, 2, 1.0)], vec![0.0; 3]).unwrap();
    let Compiled::Real(rows) = Compiled::new(&wide) else { panic!("120,000 buckets for 3 spins") };
    moves_agree::<Trees>(&wide, &rows, 1.0, 1);
}

type Search = fn(&Ising, u64, usize, &Streams, Par) -> Result<SearchResults<Vec<i8>>, smml_core::Error>;

const SEARCHES: [(&str, Search); 2] = [
    ("tabu", |ising, moves, runs, streams, par| {
        TabuSearch::for_model(ising, moves)?.search(ising, runs, streams, par)
    }),
    ("breakout", |ising, moves, runs, streams, par| {
        BreakoutSearch::new(moves)?.search(ising, runs, streams, par)
    }),
];

#[test]
fn local_searches_find_ground_states_by_enumeration() {
    for (name, search) in SEARCHES {
        for n in [1, 2, 3, 14] {
            for seed in 0..4 {
                for integer in [true, false] {
                    let ising = glass(n, integer, seed);
                    let found = search(&ising, 3_000, 4, &Streams::new(seed), Par::Serial).unwrap();
                    let (energy, spins) = found.best();
                    assert_eq!(found.n_runs(), 4);
                    assert!((energy - ground(&ising)).abs() < 1e-9, "{name}, n = {n}, seed {seed}: {energy}");
                    assert_eq!(ising.energy(spins), energy);
                }
            }
        }
    }
}

#[test]
fn local_searches_find_planted_ground_states() {
    for (name, search) in SEARCHES {
        for seed in 0..3 {
            let (ising, energy) = planted(200, 260, seed);
            let found = search(&ising, 200_000, 4, &Streams::new(seed), Par::Rayon).unwrap();
            assert_eq!(found.best().0, energy, "{name}, seed {seed}");
        }
    }
}

#[test]
fn local_searches_do_not_depend_on_threads_and_follow_their_seed() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    for (name, search) in SEARCHES {
        for integer in [true, false] {
            let ising = glass(40, integer, 5);
            let one = search(&ising, 700, 7, &Streams::new(1), Par::Serial).unwrap();
            assert_eq!(
                pool.install(|| search(&ising, 700, 7, &Streams::new(1), Par::Rayon)).unwrap(),
                one,
                "{name}"
            );
            assert_ne!(search(&ising, 700, 7, &Streams::new(2), Par::Serial).unwrap(), one, "{name}");
            // A longer run goes on from a shorter one: it is never worse.
            let longer = search(&ising, 1_400, 7, &Streams::new(1), Par::Serial).unwrap();
            assert!(longer.sorted_energies().iter().zip(one.sorted_energies()).all(|(a, b)| *a <= b));
        }
    }
}

#[test]
fn a_spin_stays_for_its_tenure_unless_it_leads_below_the_best() {
    let mut rng = Streams::new(3).stream("tenure", 0);
    // Without couplings no flip ever leads below.
    let free = Ising::new(10, &[], vec![0.0; 10]).unwrap();
    let Compiled::Integer(rows) = Compiled::new(&free) else { panic!("no couplings, no reals") };
    let mut walk = Walk::<Buckets>::new(&rows, vec![1; 10], 6, 10_000);
    let mut last = [-100i64; 10];
    let mut tenures = [0i64; 10];
    for now in 0..5_000i64 {
        let spin = walk.admissible(&mut rng).unwrap();
        assert!(now - last[spin] > tenures[spin], "spin {spin} after {} moves", now - last[spin]);
        let tenure = rng.below(7);
        (last[spin], tenures[spin]) = (now, tenure as i64);
        walk.flip(spin, tenure);
    }
    // Two spins in a field of their own: held ones that lead to the ground state may turn.
    let pair = Ising::new(2, &[], vec![1.0, 2.0]).unwrap();
    let Compiled::Integer(rows) = Compiled::new(&pair) else { panic!("integers") };
    let mut walk = Walk::<Buckets>::new(&rows, vec![-1, 1], 8, 100);
    walk.flip(1, 8);
    assert_eq!(walk.admissible(&mut rng), Some(0));
    walk.flip(0, 8);
    // Both held: 1 leads to -3, below the -1 and 1 seen.
    assert_eq!(walk.admissible(&mut rng), Some(1));
    walk.flip(1, 8);
    assert_eq!((walk.best_energy(), walk.energy()), (-3.0, -3.0));
}

#[test]
fn numbers_that_cannot_be_are_refused() {
    for (moves, tenure, patience) in [(0, [1, 2], 1), (1, [2, 1], 1), (1, [0, usize::MAX], 1), (1, [1, 2], 0)]
    {
        assert!(TabuSearch::new(moves, tenure, patience).is_err());
        let bytes = store::encode(&(moves, tenure, patience), 0).unwrap();
        assert!(store::decode::<TabuSearch>(&bytes, 0).is_err());
    }
    assert!(BreakoutSearch::new(0).is_err());
    let with = |change: fn(&mut BreakoutOptions)| {
        let mut options = BreakoutOptions::default();
        change(&mut options);
        let bytes = store::encode(&(5u64, options.clone()), 0).unwrap();
        let read = store::decode::<BreakoutSearch>(&bytes, 0).is_ok();
        assert_eq!(read, BreakoutSearch::with_options(5, options).is_ok());
        read
    };
    assert!(with(|_| ()));
    assert!(!with(|o| o.shortest = 0.5));
    assert!(!with(|o| o.longest = 1.5));
    assert!(!with(|o| o.patience = 0));
    assert!(!with(|o| o.directed = f64::NAN));
    assert!(!with(|o| o.single = -0.1));
    assert!(!with(|o| o.tenure = 2.0));
    let ising = glass(5, true, 1);
    for (_, search) in SEARCHES {
        assert!(search(&ising, 10, 0, &Streams::new(1), Par::Serial).is_err());
    }
}
