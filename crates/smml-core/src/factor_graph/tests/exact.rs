//! Elimination and junction tree against enumeration.

use super::*;

fn agrees_with_enumeration(g: &FactorGraph, options: &ExactOptions, seed: u64) {
    let all = Enumeration::new(g);
    let e = Elimination::new(g, options).unwrap();
    assert!(near(e.ln_z(), all.ln_z()), "ln Z = {} against {}: {g:?}", e.ln_z(), all.ln_z());
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
    assert!(near(found.ln_weight, top) && near(g.ln_weight(&found.configuration).unwrap(), top));
    let maxima = e.maxima(1e-9).unwrap();
    assert_eq!(maxima.count, count as f64, "{g:?}");
    assert!(near(maxima.ln_weight, top) && near(maxima.ln_count, (count as f64).ln()));
    let m = e.marginals().unwrap();
    // A marginal of probabilities e^-w is known to about |w| rounding errors.
    let tolerance = 1e-13 * (10.0 + top.abs() + all.ln_z().abs());
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

#[test]
fn perf_lattice() {
    let mut rng = Streams::new(3).stream("pm", 0);
    for l in [16, 20] {
        let g = ising(l, l, false, 0.0, || if rng.chance(0.5) { 1.0 } else { -1.0 });
        let t = std::time::Instant::now();
        let e = Elimination::new(&g, &ExactOptions { par: Par::Serial, ..ExactOptions::default() }).unwrap();
        println!("plan {l}: width {} cost {:.3e} {:?}", e.width(), e.cost(), t.elapsed());
        let t = std::time::Instant::now();
        println!("ln z {} {:?}", e.ln_z(), t.elapsed());
        let t = std::time::Instant::now();
        println!("max {} {:?}", e.maximum().unwrap().ln_weight, t.elapsed());
        let t = std::time::Instant::now();
        println!("maxima {:?} {:?}", e.maxima(0.0).unwrap(), t.elapsed());
        let t = std::time::Instant::now();
        println!("samples {:?} {:?}", e.sample(100, &mut rng).unwrap().len(), t.elapsed());
        let t = std::time::Instant::now();
        println!("marginals {:?} {:?}", e.marginals().unwrap().factors[7], t.elapsed());
    }
}
