//! Belief propagation: exact on trees, closed forms of the Bethe approximation, verdicts.

use super::*;

const ORDERS: [MessageOrder; 3] = [MessageOrder::Flooding, MessageOrder::Sequential, MessageOrder::Residual];

/// A random forest of factors: each new factor shares at most one variable with what is there.
fn random_tree(rng: &mut Stream) -> FactorGraph {
    let n = 1 + rng.below(8);
    let arities: Vec<usize> = (0..n).map(|_| 1 + rng.below(4)).collect();
    let mut g = FactorGraph::new(&arities).unwrap();
    let strength = [1.0, 5.0, 300.0][rng.below(3)];
    let p_zero = [0.0, 0.0, 0.15][rng.below(3)];
    let integer = rng.chance(0.4);
    let add = |g: &mut FactorGraph, scope: &[usize], rng: &mut Stream| {
        let size: usize = scope.iter().map(|&v| arities[v]).product();
        let table: Vec<f64> = (0..size)
            .map(|_| match (rng.chance(p_zero), integer) {
                (true, _) => f64::NEG_INFINITY,
                (_, true) => rng.below(3) as f64,
                _ => strength * rng.normal(),
            })
            .collect();
        g.add(scope, &table).unwrap();
    };
    let mut next = 1;
    while next < n {
        let more = 1 + rng.below(2.min(n - next));
        let mut scope: Vec<usize> = (next..next + more).collect();
        if rng.chance(0.8) {
            scope.push(rng.below(next));
        }
        rng.shuffle(&mut scope);
        add(&mut g, &scope, rng);
        next += more;
    }
    for v in 0..n {
        if rng.chance(0.5) {
            add(&mut g, &[v], rng);
        }
    }
    add(&mut g, &[], rng);
    let evidence: Vec<(usize, usize)> = (0..n).filter(|_| rng.chance(0.1)).map(|v| (v, 0)).collect();
    g.condition(&evidence).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn trees_are_exact(seed in any::<u64>()) {
        let mut rng = Streams::new(seed).stream("tree", 0);
        let g = random_tree(&mut rng);
        let all = Enumeration::new(&g);
        for order in ORDERS {
            for damping in [0.0, 0.3] {
                let bp = BeliefPropagation { order, damping, ..BeliefPropagation::default() };
                let most = BeliefPropagation { goal: Goal::Maximum, ..bp };
                if !all.possible() {
                    for run in [bp.run(&g), most.run(&g)] {
                        let refused = matches!(run, Err(Error::Undefined { .. }));
                        prop_assert!(refused);
                    }
                    continue;
                }
                let b = bp.run(&g).unwrap().converged().unwrap();
                let (top, _) = all.maxima(0.0);
                // Damped messages end within the tolerance, relative to their size, of the fixed point.
                let scale = 1.0 + top.abs() + all.ln_z().abs();
                let tolerance = if damping == 0.0 { 1e-12 } else { 1e-9 } * scale;
                prop_assert!((b.ln_z - all.ln_z()).abs() < tolerance, "{} {} {order:?}", b.ln_z, all.ln_z());
                for v in 0..g.n_variables() {
                    prop_assert!(close(&b.variables[v], &all.marginal(&[v]), tolerance), "{:?}", b.variables[v]);
                }
                for (f, p) in g.factors().iter().zip(&b.factors) {
                    prop_assert!(close(p, &all.marginal(f.scope()), tolerance));
                }
                let m = most.run(&g).unwrap().converged().unwrap();
                prop_assert!((m.ln_z - top).abs() < tolerance);
                let read = m.maximum.unwrap();
                prop_assert!((read.ln_weight - top).abs() < tolerance, "{} {top} {order:?}", read.ln_weight);
                prop_assert_eq!(g.ln_weight(&read.configuration).unwrap(), read.ln_weight);
            }
        }
    }
}

#[test]
fn bethe_free_energy_of_rings_and_regular_graphs() {
    // A ring of n spins has ln Z = ln((2 cosh K)^n + (2 sinh K)^n); Bethe's keeps the larger eigenvalue.
    // On any graph without fields and K below the spin-glass point: n ln 2 + m ln cosh K.
    let mut rng = Streams::new(12).stream("bethe", 0);
    let regular = crate::graph::random_regular(60, 3, &mut rng).unwrap();
    let ring: Vec<(u32, u32, f64)> = (0..30).map(|i| (i, (i + 1) % 30, 1.0)).collect();
    let ring = crate::graph::SparseGraph::new(30, &ring).unwrap();
    for graph in [ring, regular] {
        for k in [0.2, -0.5] {
            let n = graph.n_vertices();
            let mut g = FactorGraph::new(&vec![2; n]).unwrap();
            for (i, j, _) in graph.edges() {
                g.add(&[i as usize, j as usize], &[k, -k, -k, k]).unwrap();
            }
            // A tiny push away from the paramagnet must die out.
            g.add(&[0], &[0.0, 1e-9]).unwrap();
            let exact = n as f64 * 2f64.ln() + graph.n_edges() as f64 * k.cosh().ln();
            for order in ORDERS {
                let b = BeliefPropagation { order, ..BeliefPropagation::default() }
                    .run(&g)
                    .unwrap()
                    .converged()
                    .unwrap();
                assert!((b.ln_z - exact).abs() < 1e-8, "{order:?}: {} {exact}", b.ln_z);
            }
        }
    }
}

#[test]
fn all_schedules_find_the_same_fixed_point_near_the_exact_answer() {
    let mut rng = Streams::new(13).stream("loopy", 0);
    for case in 0..10 {
        let g = ising(4, 4, true, 0.15, || 0.25 * rng.normal());
        let exact = g.eliminate().unwrap();
        let (ln_z, marginals) = (exact.ln_z(), exact.marginals().unwrap());
        let mut first: Option<Beliefs> = None;
        for order in ORDERS {
            for damping in [0.0, 0.5] {
                let b = BeliefPropagation { order, damping, ..BeliefPropagation::default() };
                let b = b.run(&g).unwrap().converged().unwrap();
                // Loops of length 4 with weak bonds: the approximation is good but not exact.
                assert!(
                    (b.ln_z - ln_z).abs() < 0.2 && (b.ln_z - ln_z).abs() > 1e-9,
                    "{case}: {} {ln_z}",
                    b.ln_z
                );
                for (p, q) in b.variables.iter().zip(&marginals.variables) {
                    assert!(close(p, q, 0.05), "{case}: {p:?} {q:?}");
                }
                // Beliefs of factors and of variables agree with each other.
                for (f, p) in g.factors().iter().zip(&b.factors).filter(|(f, _)| f.scope().len() == 2) {
                    assert!((p[2] + p[3] - b.variables[f.scope()[0]][1]).abs() < 1e-9);
                    assert!((p[1] + p[3] - b.variables[f.scope()[1]][1]).abs() < 1e-9);
                }
                if let Some(first) = &first {
                    assert!((b.ln_z - first.ln_z).abs() < 1e-9);
                } else {
                    first = Some(b);
                }
            }
        }
    }
}

#[test]
fn no_convergence_is_said() {
    // Strong frustration on a 5 x 5 torus, flooding, no damping.
    let mut rng = Streams::new(14).stream("frustrated", 0);
    let g = ising(5, 5, true, 0.1, || if rng.chance(0.5) { 3.0 } else { -3.0 });
    let bp =
        BeliefPropagation { order: MessageOrder::Flooding, max_sweeps: 200, ..BeliefPropagation::default() };
    let b = bp.run(&g).unwrap();
    let Convergence::NotConverged { sweeps: 200, residual } = b.convergence else {
        panic!("{:?}", b.convergence)
    };
    assert!(residual > 1e-3);
    assert!(matches!(b.converged(), Err(Error::NotConverged { iterations: 200, .. })));
    for bad in [
        BeliefPropagation { damping: 1.0, ..bp },
        BeliefPropagation { damping: f64::NAN, ..bp },
        BeliefPropagation { tolerance: 0.0, ..bp },
        BeliefPropagation { max_sweeps: 0, ..bp },
    ] {
        assert!(matches!(bad.run(&g), Err(Error::OutOfRange { .. })));
    }
}

#[test]
fn long_chains_need_two_sweeps() {
    let mut rng = Streams::new(15).stream("chain", 0);
    let n = 20_000;
    let mut g = FactorGraph::new(&vec![2; n]).unwrap();
    for i in 1..n {
        let k = 2.0 * rng.normal();
        g.add(&[i - 1, i], &[k, -k, -k, k]).unwrap();
        let h = rng.normal();
        g.add(&[i], &[-h, h]).unwrap();
    }
    let b = BeliefPropagation::default().run(&g).unwrap();
    let Convergence::Converged { sweeps, .. } = b.convergence else { panic!("{:?}", b.convergence) };
    assert!(sweeps <= 4);
    let e = g.eliminate().unwrap();
    assert_eq!(e.width(), 1);
    assert!((b.ln_z - e.ln_z()).abs() < 1e-11 * b.ln_z.abs());
    let exact = e.marginals().unwrap();
    let tree = JunctionTree::new(&g, &ExactOptions::default()).unwrap();
    let calibrated = tree.calibrate(&[]).unwrap();
    for v in (0..n).step_by(97) {
        assert!(close(&b.variables[v], &exact.variables[v], 1e-11));
        assert!(close(&b.variables[v], &calibrated.variable(v).unwrap(), 1e-11));
    }
}

#[test]
fn ties_are_read_consistently() {
    // Two maxima, 0101... and 1010...: reading each variable, or each factor, alone would mix them.
    let mut g = FactorGraph::new(&[2; 6]).unwrap();
    for i in 1..6 {
        g.add(&[i, i - 1], &[0.0, 1.0, 1.0, 0.0]).unwrap();
    }
    for order in ORDERS {
        let bp = BeliefPropagation { goal: Goal::Maximum, order, ..BeliefPropagation::default() };
        let read = bp.run(&g).unwrap().converged().unwrap().maximum.unwrap();
        assert_eq!((read.ln_weight, read.configuration), (5.0, vec![0, 1, 0, 1, 0, 1]));
    }
}
