//! Properties that hold for every lattice, graph and seed.

use proptest::prelude::{
    Just, ProptestConfig, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest,
};
use smml_core::{
    energy::{Conditional, Energy, Finite, LocalEnergy, Reference},
    graph::SparseGraph,
    kernel::Kernel,
    rng::{Draw, Streams},
    sample::{HeatBath, Ladder},
    testing::delta_error,
};
use smml_physics::{
    cluster::{Gauge, SwendsenWang, Wolff},
    flat::{EnergyGrid, Multicanonical, WangLandau},
    ising::{CachedIsing, Ising, Rule, observe::magnetisation},
    kernels::{ChayesMachtaRedner, Houdayer, Joerg, Kawasaki, NFoldWay},
    lattice::{Boundary, Geometry, Lattice},
    mean_field,
    spins::{BlumeCapel, Clock, Heisenberg, OverRelaxation, Potts, Xy},
};

fn boundary() -> impl Strategy<Value = Boundary> {
    prop_oneof![Just(Boundary::Periodic), Just(Boundary::Open), Just(Boundary::Helical)]
}

fn lattice() -> impl Strategy<Value = Lattice> {
    let hypercubic = proptest::collection::vec((2..5usize, boundary()), 1..=4).prop_map(|axes| {
        let (sides, boundaries): (Vec<_>, Vec<_>) = axes.into_iter().unzip();
        Lattice::new(Geometry::Hypercubic, &sides, &boundaries).unwrap()
    });
    let plane =
        (any::<bool>(), 2..7usize, 2..7usize, boundary(), boundary()).prop_map(|(kind, r, c, a, b)| {
            let geometry = if kind { Geometry::Triangular } else { Geometry::Honeycomb };
            Lattice::new(geometry, &[r, c], &[a, b]).unwrap()
        });
    prop_oneof![hypercubic, plane]
}

/// A graph of up to 9 vertices with integer couplings in -3..=3.
fn graph() -> impl Strategy<Value = SparseGraph> {
    (2..10u32).prop_flat_map(|n| {
        proptest::collection::vec((0..n, 1..n, -3..=3i32), 0..20).prop_map(move |bonds| {
            let bonds: Vec<_> = bonds.into_iter().map(|(i, d, w)| (i, (i + d) % n, f64::from(w))).collect();
            SparseGraph::new(n as usize, &bonds).unwrap()
        })
    })
}

fn ising(graph: &SparseGraph, seed: u64) -> Ising {
    let mut rng = Streams::new(seed).stream("fields", 0);
    let fields = (0..graph.n_vertices()).map(|_| rng.below(5) as f64 - 2.0).collect();
    Ising::on_graph(graph.clone(), fields).unwrap()
}

/// Moves, conditionals and numbering of a model agree with its energy.
fn consistent<E: Finite + LocalEnergy + Conditional + Reference>(model: &E, seed: u64) -> f64 {
    let mut rng = Streams::new(seed).stream("consistent", 0);
    let mut state = model.draw(&mut rng);
    HeatBath.step(model, &mut state, 0.4, &mut rng);
    if let Some(n) = model.n_states() {
        let index = model.index(&state);
        assert!(index < n);
        assert_eq!(model.energy(&model.state(index)).to_bits(), model.energy(&state).to_bits());
    }
    delta_error(model, state, 50, &mut rng)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn lattices_are_regular_and_metric(lattice in lattice(), seed in any::<u64>()) {
        let n = lattice.n_sites();
        let graph = lattice.graph(1.0).unwrap();
        let total: f64 = graph.edges().map(|e| e.2).sum();
        prop_assert_eq!(total as usize, lattice.bonds().count());
        let closed = lattice.boundaries().iter().all(|b| *b != Boundary::Open);
        for i in 0..n {
            let around: f64 = graph.neighbours(i).1.iter().sum();
            prop_assert!(around <= lattice.coordination() as f64);
            prop_assert!(!closed || around == lattice.coordination() as f64);
        }
        let mut rng = Streams::new(seed).stream("sites", 0);
        for _ in 0..5 {
            let [i, j, k] = [(); 3].map(|()| rng.below(n));
            let d = |a, b| lattice.distance(a, b).unwrap();
            prop_assert!((d(i, j) - d(j, i)).abs() < 1e-9 && d(i, i) == 0.0);
            prop_assert!(d(i, k) <= d(i, j) + d(j, k) + 1e-9);
            prop_assert!(i == j || d(i, j) > 0.9);
            // A path on the graph is never shorter than the distance.
            let steps = graph.distances(i).unwrap()[j];
            prop_assert!(steps.is_none_or(|s| f64::from(s) > d(i, j) - 1e-9));
        }
    }

    #[test]
    fn models_agree_with_their_energies(graph in graph(), seed in any::<u64>(), q in 2..7usize) {
        let n = graph.n_vertices();
        let mut rng = Streams::new(seed).stream("fields", 1);
        let fields: Vec<f64> = (0..n * q).map(|_| rng.normal()).collect();
        let planar: Vec<[f64; 2]> = (0..n).map(|_| [rng.normal(), rng.normal()]).collect();
        prop_assert!(consistent(&Potts::with_fields(graph.clone(), q, fields.clone()).unwrap(), seed) < 1e-12);
        prop_assert!(consistent(&Clock::new(graph.clone(), q, planar.clone()).unwrap(), seed) < 1e-12);
        let capel = BlumeCapel::new(graph.clone(), rng.normal(), fields[..n].to_vec()).unwrap();
        prop_assert!(consistent(&capel, seed) < 1e-12);
        let xy = Xy::new(graph.clone(), planar).unwrap();
        let mut s = xy.draw(&mut rng);
        let before = xy.energy(&s);
        OverRelaxation.step(&xy, &mut s, 1.0, &mut rng);
        prop_assert!((xy.energy(&s) - before).abs() < 1e-12 * (1.0 + before.abs()));
        prop_assert!(delta_error(&xy, s, 50, &mut rng) < 1e-12);
        let space = Heisenberg::new(graph, vec![[0.1, 0.2, -0.3]; n]).unwrap();
        let s = space.draw(&mut rng);
        prop_assert!(delta_error(&space, s, 50, &mut rng) < 1e-12);
    }

    #[test]
    fn gauges_and_bounds(graph in graph(), seed in any::<u64>()) {
        let model = ising(&graph, seed);
        match Gauge::of(&model) {
            Ok(gauge) => {
                let ferromagnet = gauge.transform(&model).unwrap();
                prop_assert!(ferromagnet.couplings().edges().all(|e| e.2 >= 0.0));
                let ground = gauge.signs().to_vec();
                let least = (0..1usize << graph.n_vertices()).map(|i| model.energy(&model.state(i)));
                prop_assert_eq!(model.energy(&ground), least.fold(f64::INFINITY, f64::min));
            }
            Err(frustrated) => {
                let c = &frustrated.cycle;
                let weight = |a: u32, b: u32| match (a.min(b) as usize, a.max(b) as usize) {
                    (low, high) if high == graph.n_vertices() => model.fields()[low],
                    (low, high) => graph.weight(low, high).unwrap(),
                };
                let product: f64 = (0..c.len()).map(|k| weight(c[k], c[(k + 1) % c.len()])).product();
                prop_assert!(product < 0.0);
            }
        }
        let start = vec![0.3; graph.n_vertices()];
        let found = mean_field::solve(&model, 0.7, &start, &Default::default()).unwrap();
        let exact = smml_core::energy::ln_z_exact(&model, 0.7).unwrap();
        prop_assert!(found.ln_z_bound <= exact + 1e-12);
    }

    #[test]
    fn kernels_keep_what_they_promise(graph in graph(), seed in any::<u64>(), beta in -1.5..1.5f64) {
        let model = ising(&graph, seed);
        let mut rng = Streams::new(seed).stream("kernels", 0);
        let mut s = model.draw(&mut rng);
        let valid = |s: &[i8]| s.iter().all(|s| matches!(s, -1 | 1));
        let m = magnetisation(&s);
        for _ in 0..10 {
            Kawasaki::new(5).unwrap().step(&model, &mut s, beta, &mut rng);
        }
        prop_assert!(magnetisation(&s) == m && valid(&s));
        for _ in 0..10 {
            Wolff::default().step(&model, &mut s, beta, &mut rng);
            let step = SwendsenWang::default().step(&model, &mut s, beta, &mut rng);
            prop_assert!(valid(&s) && step.proposed == s.len() as u64);
        }
        // The cached rates of the n-fold way are those of a fresh start.
        let mut run = NFoldWay::new(&model, s.clone(), beta, Rule::Metropolis).unwrap();
        for _ in 0..20 {
            run.jump(&mut rng).unwrap();
            let fresh = NFoldWay::new(&model, run.spins().to_vec(), beta, Rule::Metropolis).unwrap();
            prop_assert_eq!(run.residence_time().to_bits(), fresh.residence_time().to_bits());
        }
        // Two replicas: the sum of energies (integers) stays, or the kernel is of another kind.
        let ladder = Ladder::new(model.clone(), vec![1.0, 1.0]).unwrap();
        let states = vec![s, model.draw(&mut rng)];
        let mut pair = ladder.replicas(states).unwrap();
        for _ in 0..5 {
            let before = ladder.energy(&pair);
            Houdayer::default().step(&ladder, &mut pair, beta, &mut rng);
            prop_assert_eq!(ladder.energy(&pair), before);
            let overlap = |p: &smml_core::sample::Replicas<Vec<i8>>| -> Vec<i8> {
                p.states()[0].iter().zip(&p.states()[1]).map(|(a, b)| a * b).collect()
            };
            let q = overlap(&pair);
            Joerg::default().step(&ladder, &mut pair, beta, &mut rng);
            prop_assert_eq!(overlap(&pair), q);
            ChayesMachtaRedner::default().step(&ladder, &mut pair, beta, &mut rng);
            prop_assert!(pair.states().iter().all(|s| valid(s)));
        }
    }

    #[test]
    fn flat_histograms_track_their_energies(graph in graph(), seed in any::<u64>()) {
        let model = ising(&graph, seed);
        let grid = EnergyGrid::levels(&model).unwrap();
        for i in 0..1usize << graph.n_vertices() {
            let energy = model.energy(&model.state(i));
            let bin = grid.bin(energy);
            prop_assert!(bin.is_some_and(|k| grid.energy(k) == energy), "{energy} {grid:?}");
        }
        let mut rng = Streams::new(seed).stream("flat", 0);
        let start = model.draw(&mut rng);
        let mut run = WangLandau::new(&model, grid, start, rng).unwrap();
        run.advance(&model, 500);
        let flat = Multicanonical::new(model.clone(), grid, run.weights()).unwrap();
        let at = flat.at(run.state().clone()).unwrap();
        prop_assert_eq!(at.energy(), model.energy(run.state()));
        prop_assert_eq!(run.progress().attempts, 500);
        // The cached energy of CachedIsing is another way to the same.
        let cached = CachedIsing(model.clone());
        prop_assert_eq!(cached.energy(&cached.at(run.state().clone()).unwrap()), at.energy());
    }
}
