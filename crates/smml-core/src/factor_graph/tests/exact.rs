//! Elimination and junction tree against enumeration.

use super::*;

/// What sums of logarithms are rounded by: of every factor its largest finite entry. The sums themselves may cancel.
fn size_of_terms(g: &FactorGraph) -> f64 {
    let largest =
        |f: &Factor| f.ln_table().iter().filter(|x| x.is_finite()).fold(0.0, |m: f64, x| m.max(x.abs()));
    g.factors().iter().map(largest).sum()
}

/// Sums of logarithms that agree to rounding.
fn same_sum(a: f64, b: f64, g: &FactorGraph) -> bool {
    near(a, b) || (a - b).abs() <= 4e-15 * size_of_terms(g)
}

fn agrees_with_enumeration(g: &FactorGraph, options: &ExactOptions, seed: u64) {
    let all = Enumeration::new(g);
    let e = Elimination::new(g, options).unwrap();
    assert!(same_sum(e.ln_z(), all.ln_z(), g), "ln Z = {} against {}: {g:?}", e.ln_z(), all.ln_z());
    let mut rng = Streams::new(seed).stream("exact", 0);
    if !all.possible() {
        assert!(matches!(e.maximum(), Err(Error::Undefined { .. })));
        assert!(matches!(e.maxima(1e-9), Err(Error::Undefined { .. })));
        assert!(matches!(e.sample(1, &mut rng), Err(Error::Undefined { .. })));
        assert!(matches!(e.marginals(), Err(Error::Undefined { .. })));
        assert!(matches!(e.marginal(&[]), Err(Error::Undefined { .. })));
        return;
    }
    let (top, count) = all.maxima(1e-9);
    let found = e.maximum().unwrap();
    assert!(same_sum(found.ln_weight, top, g));
    assert!(same_sum(g.ln_weight(&found.configuration).unwrap(), top, g));
    let maxima = e.maxima(1e-9).unwrap();
    assert_eq!(maxima.count, count as f64, "{g:?}");
    assert!(same_sum(maxima.ln_weight, top, g) && near(maxima.ln_count, (count as f64).ln()));
    let m = e.marginals().unwrap();
    // A marginal of probabilities e^-w is known to about |w| rounding errors.
    let tolerance = 1e-13 * (10.0 + top.abs() + all.ln_z().abs()) + 4e-15 * size_of_terms(g);
    for v in 0..g.n_variables() {
        assert!(close(&m.variables[v], &all.marginal(&[v]), tolerance), "{v}: {:?} {g:?}", m.variables[v]);
    }
    for (f, p) in g.factors().iter().zip(&m.factors) {
        assert!(close(p, &all.marginal(f.scope()), tolerance), "{:?} {g:?}", f.scope());
    }
    let mut scope: Vec<usize> = (0..g.n_variables()).collect();
    rng.shuffle(&mut scope);
    scope.truncate(3);
    assert!(close(&e.marginal(&scope).unwrap(), &all.marginal(&scope), tolerance), "{scope:?} {g:?}");
    for x in e.sample(5, &mut rng).unwrap() {
        assert!(g.ln_weight(&x).unwrap() > f64::NEG_INFINITY);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]
    #[test]
    fn elimination_agrees_with_enumeration(seed in any::<u64>()) {
        let mut rng = Streams::new(seed).stream("graph", 0);
        let g = random_graph(&mut rng);
        let mut given: Vec<usize> = (0..g.n_variables()).collect();
        rng.shuffle(&mut given);
        let order = [Order::Best, Order::MinFill, Order::MinDegree, Order::Given(given)][rng.below(4)].clone();
        agrees_with_enumeration(&g, &ExactOptions { order, ..ExactOptions::default() }, seed);
    }
}

#[test]
fn empty_and_trivial_graphs() {
    let empty = FactorGraph::new(&[]).unwrap();
    agrees_with_enumeration(&empty, &ExactOptions::default(), 0);
    assert_eq!(empty.eliminate().unwrap().ln_z(), 0.0);
    let mut constant = empty;
    constant.add(&[], &[2.5]).unwrap();
    assert_eq!(constant.eliminate().unwrap().ln_z(), 2.5);
    constant.add(&[], &[f64::NEG_INFINITY]).unwrap();
    agrees_with_enumeration(&constant, &ExactOptions::default(), 0);
    // Free variables only, and fields only.
    let free = FactorGraph::new(&[2, 3, 1, 4]).unwrap();
    assert!(near(free.eliminate().unwrap().ln_z(), 24f64.ln()));
    agrees_with_enumeration(&free, &ExactOptions::default(), 0);
    let mut fields = free.clone();
    fields.add(&[1], &[0.1, f64::NEG_INFINITY, 0.3]).unwrap();
    fields.add(&[1], &[0.1, 5.0, f64::NEG_INFINITY]).unwrap();
    fields.add(&[3], &[-1.0, 0.0, 0.5, 2.0]).unwrap();
    agrees_with_enumeration(&fields, &ExactOptions::default(), 0);
    let all_seen = fields.condition(&[(0, 1), (1, 0), (2, 0), (3, 2)]).unwrap();
    agrees_with_enumeration(&all_seen, &ExactOptions::default(), 0);
    assert_eq!(all_seen.eliminate().unwrap().maximum().unwrap().configuration, [1, 0, 0, 2]);
    agrees_with_enumeration(&fields.condition(&[(1, 1)]).unwrap(), &ExactOptions::default(), 0);
}

fn tree_agrees(g: &FactorGraph, evidence: &[(usize, usize)], tree: &JunctionTree<'_>) {
    let given = g.condition(evidence);
    let Ok(given) = given else {
        assert!(tree.calibrate(evidence).is_err());
        return;
    };
    let all = Enumeration::new(&given);
    if !all.possible() {
        assert!(matches!(tree.calibrate(evidence), Err(Error::Undefined { .. })));
        return;
    }
    let c = tree.calibrate(evidence).unwrap();
    assert!(same_sum(c.ln_z(), all.ln_z(), g), "{} {}", c.ln_z(), all.ln_z());
    let (top, _) = all.maxima(0.0);
    let scale = 10.0 + top.abs() + all.ln_z().abs() + 0.04 * size_of_terms(g);
    for ln_z in c.clique_ln_z() {
        assert!((ln_z - all.ln_z()).abs() < 1e-13 * scale);
    }
    for v in 0..g.n_variables() {
        assert!(close(&c.variable(v).unwrap(), &all.marginal(&[v]), 1e-13 * scale));
    }
    for (f, factor) in g.factors().iter().enumerate() {
        assert!(close(&c.factor(f).unwrap(), &all.marginal(factor.scope()), 1e-13 * scale));
    }
    for (k, scope) in tree.cliques().iter().enumerate() {
        assert!(close(&c.clique(k).unwrap(), &all.marginal(scope), 1e-13 * scale));
    }
}

fn has_running_intersection(g: &FactorGraph, tree: &JunctionTree<'_>) {
    let cliques = tree.cliques();
    for (a, b, separator) in tree.edges() {
        let shared: Vec<usize> = cliques[a].iter().copied().filter(|v| cliques[b].contains(v)).collect();
        assert_eq!(shared, separator);
    }
    for f in g.factors() {
        let free: Vec<usize> = f.scope().iter().copied().filter(|&v| g.evidence()[v].is_none()).collect();
        assert!(free.is_empty() || cliques.iter().any(|c| free.iter().all(|v| c.contains(v))));
    }
    for v in 0..g.n_variables() {
        // The cliques with v and the separators with v form one tree: one more node than edges, for free variables.
        let nodes = cliques.iter().filter(|c| c.contains(&v)).count();
        let edges = tree.edges().filter(|e| e.2.contains(&v)).count();
        assert_eq!(nodes, if g.evidence()[v].is_some() { 0 } else { edges + 1 });
    }
    for (i, a) in cliques.iter().enumerate() {
        // No clique lies inside another.
        assert!(cliques.iter().enumerate().all(|(j, b)| i == j || !a.iter().all(|v| b.contains(v))));
    }
    assert_eq!(cliques.iter().map(|c| c.len()).max().unwrap_or(1).max(1) - 1, tree.width());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn junction_tree_agrees_with_enumeration(seed in any::<u64>()) {
        let mut rng = Streams::new(seed).stream("graph", 0);
        let g = random_graph(&mut rng);
        let tree = JunctionTree::new(&g, &ExactOptions::default()).unwrap();
        has_running_intersection(&g, &tree);
        tree_agrees(&g, &[], &tree);
        for _ in 0..3 {
            // The same tree with other evidence, which may contradict the graph's own.
            let mut evidence = Vec::new();
            for (v, &arity) in g.arities().iter().enumerate() {
                if rng.chance(0.3) {
                    evidence.push((v, rng.below(arity)));
                }
            }
            tree_agrees(&g, &evidence, &tree);
        }
    }
}

#[test]
fn a_star_has_many_children() {
    // More messages than linear numbers allow at once, and cliques with many neighbours.
    let mut rng = Streams::new(4).stream("star", 0);
    let n = 12;
    let mut g = FactorGraph::new(&vec![2; n]).unwrap();
    for i in 1..n {
        let table: Vec<f64> = (0..4).map(|_| 3.0 * rng.normal()).collect();
        g.add(&[0, i], &table).unwrap();
        for _ in 0..3 {
            g.add(&[0], &[rng.normal(), rng.normal()]).unwrap();
        }
    }
    let tree = JunctionTree::new(&g, &ExactOptions::default()).unwrap();
    has_running_intersection(&g, &tree);
    tree_agrees(&g, &[], &tree);
    tree_agrees(&g, &[(3, 1), (0, 0)], &tree);
    agrees_with_enumeration(&g, &ExactOptions::default(), 1);
}

#[test]
fn a_hub_costs_no_more_than_its_edges() {
    // 40,000 spins around one: ln Z = ln Σ_s Π_i 2 cosh(K_i s + h). Anything quadratic in the number would not end.
    let n = 40_000;
    let mut g = FactorGraph::new(&vec![2; n + 1]).unwrap();
    let (k, h) = (|i: usize| 0.5 * (i as f64).sin(), 0.3);
    let (mut ln_weights, mut top) = ([0.0; 2], [0.0; 2]);
    for i in 1..=n {
        g.add(&[0, i], &[k(i) + h, -k(i) - h, -k(i) + h, k(i) - h]).unwrap();
        for (x, s) in [-1.0, 1.0].into_iter().enumerate() {
            ln_weights[x] += (2.0 * (k(i) * s - h).cosh()).ln();
            top[x] += (k(i) * s - h).abs();
        }
    }
    let ln_z = ln_sum_exp(&ln_weights);
    let p = ln_weights.map(|w| (w - ln_z).exp());
    let up = |i: usize| {
        let given = |s: f64| 0.5 * (1.0 + (k(i) * s - h).tanh());
        p[0] * given(-1.0) + p[1] * given(1.0)
    };
    let check = |found: f64, marginal: &dyn Fn(usize) -> Vec<f64>| {
        assert!((found / ln_z - 1.0).abs() < 1e-12, "{found} {ln_z}");
        assert!((marginal(0)[1] - p[1]).abs() < 1e-7, "{} {}", marginal(0)[1], p[1]);
        for i in [1, 777, n] {
            assert!((marginal(i)[1] - up(i)).abs() < 1e-7, "{i}: {} {}", marginal(i)[1], up(i));
        }
    };
    for order in [Order::Best, Order::MinDegree, Order::MinFill] {
        let options = ExactOptions { order, ..ExactOptions::default() };
        let e = Elimination::new(&g, &options).unwrap();
        assert_eq!(e.width(), 1);
        let marginals = e.marginals().unwrap();
        check(e.ln_z(), &|v| marginals.variables[v].clone());
        let (maximum, maxima) = (e.maximum().unwrap(), e.maxima(1e-9).unwrap());
        assert_eq!((maximum.configuration[0], maxima.count), (usize::from(top[1] > top[0]), 1.0));
        for found in [maximum.ln_weight, maxima.ln_weight] {
            assert!((found / top[0].max(top[1]) - 1.0).abs() < 1e-12, "{found} {top:?}");
        }
        let tree = JunctionTree::new(&g, &options).unwrap();
        let calibrated = tree.calibrate(&[]).unwrap();
        check(calibrated.ln_z(), &|v| calibrated.variable(v).unwrap());
    }
    for order in [MessageOrder::Flooding, MessageOrder::Sequential] {
        let b =
            BeliefPropagation { order, ..BeliefPropagation::default() }.run(&g).unwrap().converged().unwrap();
        check(b.ln_z, &|v| b.variables[v].clone());
    }
}

#[test]
fn elimination_orders_are_those_of_a_plain_search() {
    // The same rules without bookkeeping: each step looks at the whole graph.
    let mut rng = Streams::new(31).stream("orders", 0);
    for case in 0..60 {
        let n = 2 + rng.below(14);
        let mut g = FactorGraph::new(&vec![2; n]).unwrap();
        let mut joined = vec![vec![false; n]; n];
        for i in 0..n {
            for j in 0..i {
                // A hub in every third graph.
                if rng.chance(0.25) || (case % 3 == 0 && j == 0) {
                    g.add(&[i, j], &[0.0; 4]).unwrap();
                    (joined[i][j], joined[j][i]) = (true, true);
                }
            }
        }
        for order in [Order::MinDegree, Order::MinFill] {
            let options = ExactOptions { order: order.clone(), ..ExactOptions::default() };
            let mut joined = joined.clone();
            let mut left: Vec<usize> = (0..n).collect();
            let mut expected = Vec::new();
            while !left.is_empty() {
                let around = |v: usize| left.iter().copied().filter(|&u| joined[v][u]).collect::<Vec<_>>();
                let key = |v: usize| {
                    let around = around(v);
                    let pairs = around.iter().flat_map(|&a| around.iter().map(move |&b| (a, b)));
                    let fill = pairs.filter(|&(a, b)| a < b && !joined[a][b]).count();
                    (if order == Order::MinFill { fill } else { 0 }, around.len(), v)
                };
                let v = left.iter().copied().min_by_key(|&v| key(v)).unwrap();
                let around = around(v);
                for &a in &around {
                    for &b in around.iter().filter(|&&b| b != a) {
                        joined[a][b] = true;
                    }
                }
                left.retain(|&u| u != v);
                expected.push(v);
            }
            assert_eq!(Elimination::new(&g, &options).unwrap().order(), expected, "{order:?} in case {case}");
        }
    }
}

#[test]
fn samples_follow_the_distribution() {
    let mut rng = Streams::new(21).stream("sample", 0);
    let mut graphs = Vec::new();
    while graphs.len() < 6 {
        let g = random_graph(&mut rng);
        let n: usize = g.arities().iter().product();
        if (4..=64).contains(&n) && Enumeration::new(&g).possible() {
            graphs.push(g);
        }
    }
    for g in &graphs {
        let all = Enumeration::new(g);
        let ln_z = all.ln_z();
        let n = 20_000;
        let samples = g.eliminate().unwrap().sample(n, &mut rng).unwrap();
        for (x, w) in &all.states {
            let p = (w - ln_z).exp();
            let count = samples.iter().filter(|s| *s == x).count() as f64;
            let sigma = (n as f64 * p * (1.0 - p)).sqrt();
            // At most 384 gates of 5.5 sigma (and a Poisson margin for rare states): below 1e-5 in all.
            assert!(
                (count - n as f64 * p).abs() <= 5.5 * sigma + 6.0 * f64::from(u8::from(p > 1e-9)),
                "{p} {count}"
            );
        }
    }
}

#[test]
fn the_limit_is_kept_by_computing_twice_or_refusing() {
    let mut rng = Streams::new(22).stream("limit", 0);
    let g = ising(10, 30, false, 0.1, || 0.4 * rng.normal());
    let roomy = g.eliminate().unwrap();
    assert_eq!(roomy.width(), 10);
    // All tables: about 300 of up to 8 KiB. Here is room for a few dozen.
    let tight =
        Elimination::new(&g, &ExactOptions { max_bytes: 600_000, ..ExactOptions::default() }).unwrap();
    let draw = |e: &Elimination<'_>| e.sample(20, &mut Streams::new(1).stream("s", 0)).unwrap();
    assert_eq!(draw(&roomy), draw(&tight));
    assert_eq!(roomy.maximum().unwrap(), tight.maximum().unwrap());
    assert_eq!(roomy.marginals().unwrap(), tight.marginals().unwrap());
    let none = Elimination::new(&g, &ExactOptions { max_bytes: 9_000, ..ExactOptions::default() });
    let message = none.unwrap_err().to_string();
    assert!(message.contains("at width 10") && message.contains("max_bytes = 9000"), "{message}");
    let little =
        Elimination::new(&g, &ExactOptions { max_bytes: 25_000, ..ExactOptions::default() }).unwrap();
    assert_eq!(little.ln_z(), roomy.ln_z());
    assert!(matches!(little.sample(1, &mut rng), Err(Error::TooLarge { .. })));
    let tree = JunctionTree::new(&g, &ExactOptions { max_bytes: 600_000, ..ExactOptions::default() });
    assert!(tree.unwrap_err().to_string().contains("at width 10"));
    // A complete graph of 200 spins: refused at once, with its width.
    let mut complete = FactorGraph::new(&[2; 200]).unwrap();
    for i in 0..200 {
        (0..i).for_each(|j| {
            complete.add(&[i, j], &[0.0; 4]).unwrap();
        });
    }
    let message = complete.eliminate().unwrap_err().to_string();
    assert!(message.contains("width 199"), "{message}");
    assert!(complete.eliminate().is_err() && JunctionTree::new(&complete, &ExactOptions::default()).is_err());
    let wide = FactorGraph::new(&[2; 64]).unwrap();
    let e = wide.eliminate().unwrap();
    assert!(matches!(e.marginal(&(0..64).collect::<Vec<_>>()), Err(Error::TooLarge { .. })));
}

#[test]
fn the_same_bits_for_any_number_of_threads_and_instructions() {
    let mut rng = Streams::new(23).stream("threads", 0);
    // Wide enough for several tasks a table; three-valued variables and strong bonds take the other paths.
    let lattice = ising(17, 17, false, 0.0, || 0.5 * rng.normal());
    let mut potts = FactorGraph::new(&[3; 55]).unwrap();
    for i in 0..55 {
        for j in [(i % 11 < 10).then_some(i + 1), (i + 11 < 55).then_some(i + 11)].into_iter().flatten() {
            let k = 200.0 * rng.normal();
            potts.add(&[i, j], &[k, 0.0, 0.0, 0.0, k, 0.0, 0.0, 0.0, k]).unwrap();
        }
    }
    let across: Vec<usize> = (0..5).flat_map(|y| (0..11).map(move |x| x + 11 * y)).collect();
    let answers = |g: &FactorGraph, par: Par, order: Order| {
        let e = Elimination::new(g, &ExactOptions { par, order, ..ExactOptions::default() }).unwrap();
        let ln_z = e.ln_z().to_bits();
        (ln_z, e.maximum().unwrap().configuration, e.sample(70, &mut Streams::new(2).stream("s", 0)).unwrap())
    };
    for (g, order) in [(&lattice, Order::Best), (&potts, Order::Given(across))] {
        let serial = answers(g, Par::Serial, order.clone());
        for threads in [1, 2, 3, 8] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            assert_eq!(pool.install(|| answers(g, Par::Rayon, order.clone())), serial);
        }
        for path in Path::available() {
            assert_eq!(with_path(path, || answers(g, Par::Serial, order.clone())), serial, "{path:?}");
        }
    }
}

#[test]
fn bad_input_is_refused_with_its_place() {
    let message = |r: crate::Result<usize>| r.unwrap_err().to_string();
    assert!(FactorGraph::new(&[2, 0]).unwrap_err().to_string().contains("arities[1] = 0"));
    let mut g = FactorGraph::new(&[2, 3]).unwrap();
    assert!(message(g.add(&[2], &[0.0; 2])).contains("scope of factor 0 = 2"));
    assert!(message(g.add(&[0, 0], &[0.0; 4])).contains("0 repeats"));
    assert!(message(g.add(&[0, 1], &[0.0; 5])).contains("length 5, expected 6"));
    for bad in [f64::NAN, f64::INFINITY, 1e301, -1e301] {
        assert!(message(g.add(&[0], &[0.0, bad])).contains("entry 1 of the table of factor 0"));
    }
    assert!(g.factors().is_empty());
    assert!(FactorGraph::new(&[usize::MAX]).is_err());
    let mut huge = FactorGraph::new(&[65_536; 5]).unwrap();
    assert!(huge.add(&[0, 1, 2, 3, 4], &[0.0]).is_err());
    assert!(near(huge.eliminate().unwrap().ln_z(), 80.0 * 2f64.ln()));
    assert!(g.condition(&[(2, 0)]).is_err() && g.condition(&[(1, 3)]).is_err());
    let message = g.condition(&[(1, 2), (1, 0)]).unwrap_err().to_string();
    assert!(message.contains("observed value of variable 1 = 0"), "{message}");
    assert!(g.ln_weight(&[0]).is_err() && g.ln_weight(&[0, 3]).is_err());
    for order in [vec![0], vec![0, 0], vec![0, 2]] {
        let options = ExactOptions { order: Order::Given(order), ..ExactOptions::default() };
        assert!(Elimination::new(&g, &options).is_err() && JunctionTree::new(&g, &options).is_err());
    }
    let e = g.eliminate().unwrap();
    assert!(e.maxima(f64::NAN).is_err() && e.maxima(-1.0).is_err());
    assert!(e.marginal(&[5]).is_err() && e.marginal(&[0, 0]).is_err());
    let tree = JunctionTree::new(&g, &ExactOptions::default()).unwrap();
    let c = tree.calibrate(&[]).unwrap();
    assert!(c.variable(2).is_err() && c.factor(0).is_err() && c.clique(9).is_err());
    assert!(tree.calibrate(&[(0, 7)]).is_err());
}
