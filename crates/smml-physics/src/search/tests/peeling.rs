//! Peeling against enumeration: energies of all states, lowest energies, units, and sizes.

use super::*;
use crate::lanes::unit_of;

/// A random graph with a mean of `degree` neighbours.
fn sparse(n: usize, degree: f64, weight: impl Fn(&mut smml_core::rng::Stream) -> f64, seed: u64) -> Ising {
    let mut rng = Streams::new(seed).stream("sparse", 0);
    let mut edges = Vec::new();
    for _ in 0..(degree * n as f64 / 2.0).round() as usize {
        let (i, j) = (rng.below(n) as u32, rng.below(n) as u32);
        if i != j {
            edges.push((i, j, weight(&mut rng)));
        }
    }
    let fields = (0..n).map(|_| if rng.chance(0.2) { weight(&mut rng) } else { 0.0 }).collect();
    Ising::new(n, &edges, fields).unwrap()
}

/// Every state of the rest has its energy plus the constant when it is widened, which is the lowest energy of all states
/// that agree with it there.
fn holds(ising: &Ising, peeling: &Peeling) -> std::result::Result<(), TestCaseError> {
    let rest = peeling.model();
    let mut lowest = vec![f64::INFINITY; rest.n_states().unwrap()];
    for k in 0..ising.n_states().unwrap() {
        let state = ising.state(k);
        let of = rest.index(&peeling.narrow(&state).unwrap());
        lowest[of] = lowest[of].min(ising.energy(&state));
    }
    for (k, lowest) in lowest.into_iter().enumerate() {
        let state = rest.state(k);
        let wide = peeling.widen(&state).unwrap();
        prop_assert_eq!(peeling.narrow(&wide).unwrap(), state.clone());
        let energy = rest.energy(&state) + peeling.constant();
        prop_assert!((energy - lowest).abs() < 1e-9, "{energy} {lowest}");
        prop_assert!((ising.energy(&wide) - lowest).abs() < 1e-9);
    }
    Ok(())
}

proptest! {
    #[test]
    fn energies_are_those_of_the_whole(n in 1usize..11, degree in 0.0..4.0f64, kind in 0..3, seed: u64) {
        let ising = sparse(n, degree, |rng| match kind {
            0 => [1.0, -1.0][rng.below(2)],
            1 => rng.below(9) as f64 - 4.0,
            _ => rng.normal(),
        }, seed);
        let peeling = Peeling::new(&ising).unwrap();
        holds(&ising, &peeling)?;
        holds(&ising, &Peeling::none(&ising))?;
        // What is left cannot be peeled further, but for the last spin and quarters.
        let rest = peeling.model();
        let degree = |i: usize| {
            let (_, w) = rest.couplings().neighbours(i);
            w.iter().filter(|w| **w != 0.0).count() + usize::from(rest.fields()[i] != 0.0)
        };
        // Nothing that is left is rounding.
        let all = rest.couplings().edges().map(|e| e.2).chain(rest.fields().iter().copied());
        let all: Vec<f64> = all.collect();
        let largest = all.iter().fold(0.0f64, |m, w| m.max(w.abs()));
        prop_assert!(all.iter().filter(|w| **w != 0.0).all(|w| w.abs() > 1e-12 * largest));
        if rest.n_spins() > 1 {
            let fewest = if kind == 2 { 4 } else { 3 };
            prop_assert!((0..rest.n_spins()).all(|i| degree(i) >= fewest));
        }
    }

    /// Lanes can hold what is left: multiples of half of the unit.
    #[test]
    fn couplings_stay_multiples_of_half_a_unit(seed: u64, kind in 0..2) {
        let ising = sparse(400, 3.0, |rng| if kind == 0 { [1.0, -1.0][rng.below(2)] } else { 3.0 * rng.below(5) as f64 }, seed);
        let rest = Peeling::new(&ising).unwrap();
        prop_assert!(rest.model().n_spins() < 250);
        let half = if kind == 0 { 0.5 } else { 1.5 };
        for w in rest.model().couplings().edges().map(|e| e.2).chain(rest.model().fields().iter().copied()) {
            prop_assert_eq!(w / half, (w / half).round());
        }
    }
}

#[test]
fn trees_are_solved() {
    // Every bond of a tree can be satisfied.
    let mut rng = Streams::new(1).stream("tree", 0);
    let n = 100_000;
    let edges: Vec<(u32, u32, f64)> =
        (1..n as u32).map(|i| (rng.below(i as usize) as u32, i, rng.normal())).collect();
    let energy = -edges.iter().map(|e| e.2.abs()).sum::<f64>();
    let tree = Ising::new(n, &edges, vec![0.0; n]).unwrap();
    let peeling = Peeling::new(&tree).unwrap();
    assert_eq!(peeling.model().n_spins(), 1);
    assert!((peeling.constant() - energy).abs() < 1e-9 * energy.abs());
    let state = peeling.widen(&[-1]).unwrap();
    assert!((tree.energy(&state) - energy).abs() < 1e-9 * energy.abs());
    // A star in a field has one spin with as many neighbours as there are spins.
    let star: Vec<(u32, u32, f64)> = (1..n as u32).map(|i| (0, i, 1.0)).collect();
    let star = Ising::new(n, &star, vec![0.5; n]).unwrap();
    let peeling = Peeling::new(&star).unwrap();
    assert_eq!(peeling.model().n_spins(), 1);
    let up = peeling.widen(&[1]).unwrap();
    assert_eq!(star.energy(&up), -(n as f64 - 1.0) - 0.5 * n as f64);
    assert_eq!(peeling.model().energy(&vec![1]) + peeling.constant(), star.energy(&up));
}

#[test]
fn dense_models_stay_as_they_are() {
    // A tail on a complete graph of 80 spins is not worth the bookkeeping.
    let mut tailed: Vec<(u32, u32, f64)> =
        (0..80u32).flat_map(|i| (0..i).map(move |j| (i, j, 1.0))).collect();
    tailed.push((79, 80, 1.0));
    let tailed = Ising::new(81, &tailed, vec![0.0; 81]).unwrap();
    assert_eq!(Peeling::new(&tailed).unwrap(), Peeling::none(&tailed));
    let complete: Vec<(u32, u32, f64)> = (0..8u32).flat_map(|i| (0..i).map(move |j| (i, j, 1.0))).collect();
    let complete = Ising::new(8, &complete, vec![0.0; 8]).unwrap();
    let peeling = Peeling::new(&complete).unwrap();
    assert_eq!((peeling.model(), peeling.constant()), (&complete, 0.0));
    assert_eq!(peeling, Peeling::none(&complete));
}

#[test]
fn large_units_are_not_halved() {
    // Halves of these would be more than lanes hold.
    let edges: Vec<(u32, u32, f64)> = (0..4u32).flat_map(|i| (0..i).map(move |j| (i, j, 1.0))).collect();
    let mut large = edges.clone();
    large[0].2 = 60_000.0;
    for (edges, left) in [(edges, 1), (large, 4)] {
        let ising = Ising::new(4, &edges, vec![0.0; 4]).unwrap();
        let peeling = Peeling::new(&ising).unwrap();
        assert_eq!(peeling.model().n_spins(), left);
        let all: Vec<f64> = peeling.model().couplings().edges().map(|e| e.2).collect();
        assert!(unit_of(&all).is_some());
    }
}

#[test]
fn bad_states_are_refused() {
    let ring = Ising::new(4, &[(0, 1, 1.0), (1, 2, 1.0), (2, 3, 1.0), (3, 0, -1.0)], vec![0.0; 4]).unwrap();
    let peeling = Peeling::new(&ring).unwrap();
    assert_eq!(peeling.n_spins(), 4);
    assert!(peeling.widen(&[1, 1]).is_err());
    assert!(peeling.narrow(&[1]).is_err());
    // Couplings whose constant overflows.
    let huge = Ising::new(3, &[(0, 1, 1.7e308), (1, 2, 1.7e308)], vec![0.0; 3]);
    assert!(huge.is_err() || Peeling::new(&huge.unwrap()).is_err());
}
