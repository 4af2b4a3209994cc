//! Values against dimod, both forms against each other, reductions and models by enumeration.

use super::*;
use crate::ising::Ising;
use proptest::prelude::*;
use smml_core::{
    energy::{Energy, Finite, LocalEnergy, Reference, ln_z_exact, states},
    graph::SparseGraph,
    kernel::{Kernel, Step},
    rng::{Draw, Streams},
    sample::{HeatBath, Metropolis, RandomScan},
    testing::{delta_error, law},
};

/// All states of n spins; bit i of the number is spin i.
fn all(n: usize) -> impl Iterator<Item = Vec<i8>> {
    (0..1usize << n).map(move |index| (0..n).map(|i| if index >> i & 1 == 1 { 1 } else { -1 }).collect())
}

/// The polynomial whose energies dimod 0.12.23 gave.
fn quartic(form: Form) -> Problem {
    let mut b = Builder::new(form, Sense::Minimise, 4).unwrap();
    b.offset(0.5).unwrap().term(&[0], 1.5).unwrap().term(&[2], -0.25).unwrap();
    b.term(&[0, 1], 2.0).unwrap().term(&[3, 1], -1.0).unwrap().term(&[2, 0, 1], 0.75).unwrap();
    b.term(&[1, 2, 3], -2.5).unwrap().term(&[3, 2, 1, 0], 1.25).unwrap();
    b.build().unwrap()
}

#[test]
fn values_are_those_of_dimod() {
    // dimod.BinaryPolynomial(...).energy of the 16 states, bit i of the number = variable i up.
    let spin =
        [3.25, 1.25, -4.75, 3.25, -3.25, -3.25, 0.75, 6.75, -2.25, 0.75, 0.75, 3.75, 6.25, 1.25, -8.75, 2.25];
    let binary = [0.5, 2.0, 0.5, 4.0, 0.25, 1.75, 0.25, 4.5, 0.5, 2.0, -0.5, 3.0, 0.25, 1.75, -3.25, 2.25];
    for (form, expected) in [(Form::Spin, spin), (Form::Binary, binary)] {
        let problem = quartic(form);
        assert_eq!(problem.degree(), 4);
        let values: Vec<f64> = all(4).map(|s| problem.value(&s)).collect();
        assert_eq!(values, expected);
    }
    // dimod's change_vartype of 7.5 + 1.5 a - 2 b + 0.25 c + 0.5 a b - 1.25 b c
    let mut b = Builder::new(Form::Spin, Sense::Minimise, 3).unwrap();
    b.offset(7.5).unwrap().term(&[0], 1.5).unwrap().term(&[1], -2.0).unwrap().term(&[2], 0.25).unwrap();
    b.term(&[0, 1], 0.5).unwrap().term(&[1, 2], -1.25).unwrap();
    let binary = b.build().unwrap().to_form(Form::Binary).unwrap();
    assert_eq!((binary.offset(), binary.linear()), (7.0, &[2.0, -2.5, 3.0][..]));
    assert_eq!((binary.pairs().weight(0, 1), binary.pairs().weight(1, 2)), (Some(2.0), Some(-5.0)));
}

/// A problem of up to `n` variables with coefficients that are multiples of 1/4.
fn problems(n: usize) -> impl Strategy<Value = Problem> {
    let literals = prop::collection::vec((0..n as u32, any::<bool>()), 0..=n);
    let term = (literals, -8i32..=8);
    let form = prop_oneof![Just(Form::Spin), Just(Form::Binary)];
    let sense = prop_oneof![Just(Sense::Minimise), Just(Sense::Maximise)];
    (form, sense, prop::collection::vec(term, 0..10)).prop_map(move |(form, sense, terms)| {
        let mut b = Builder::new(form, sense, n).unwrap();
        for (literals, c) in terms {
            b.product(&literals, f64::from(c) / 4.0).unwrap();
        }
        b.build().unwrap()
    })
}

/// A problem without products of more than two.
fn quadratic(n: usize) -> impl Strategy<Value = Problem> {
    problems(n).prop_map(|p| Problem { terms: Vec::new(), ..p })
}

proptest! {
    #[test]
    fn the_other_form_has_the_same_values(problem in problems(5)) {
        for form in [Form::Spin, Form::Binary] {
            let other = problem.to_form(form).unwrap();
            prop_assert_eq!(other.form(), form);
            for s in all(5) {
                prop_assert_eq!(problem.value(&s), other.value(&s));
            }
            let back = other.to_form(problem.form()).unwrap();
            for s in all(5) {
                prop_assert_eq!(problem.value(&s), back.value(&s));
            }
        }
        let down = problem.minimised();
        prop_assert_eq!(down.sense(), Sense::Minimise);
        for s in all(5) {
            prop_assert_eq!(down.value(&s), problem.sense().sign() * problem.value(&s));
        }
    }

    #[test]
    fn both_forms_are_one_ising_model(problem in quadratic(5)) {
        let forms = [Form::Spin, Form::Binary].map(|f| problem.to_form(f).unwrap().ising().unwrap());
        prop_assert_eq!(&forms[0].ising, &forms[1].ising);
        prop_assert_eq!(default_betas(&forms[0].ising), default_betas(&forms[1].ising));
        for s in all(5) {
            for form in &forms {
                let energy = form.ising.energy(&s);
                prop_assert_eq!(form.value(energy), problem.value(&s));
                prop_assert_eq!(form.energy(problem.value(&s)), energy);
            }
        }
    }

    #[test]
    fn the_model_of_any_degree_has_the_same_values(problem in problems(6), seed in 0u64..1000) {
        let model = problem.higher_order().unwrap();
        let sign = problem.sense().sign();
        for s in all(6) {
            let value = problem.value(&s);
            let state = model.at(s).unwrap();
            prop_assert_eq!(model.value(model.energy(&state)), value);
            prop_assert_eq!(model.energy_of_value(value), model.energy(&state));
            // Every flip costs what two values say.
            for i in 0..6 {
                let mut turned = state.spins().to_vec();
                turned[i] = -turned[i];
                prop_assert_eq!(model.delta(&state, &i), sign * (problem.value(&turned) - value));
            }
        }
        // What the state carries is what a fresh one has.
        let mut rng = Streams::new(seed).stream("walk", 0);
        let mut state = model.draw(&mut rng);
        for _ in 0..200 {
            let i = model.propose(&state, &mut rng);
            model.apply(&mut state, &i);
            prop_assert_eq!(&state, &model.at(state.spins().to_vec()).unwrap());
        }
    }

    #[test]
    fn the_reduction_keeps_every_value(problem in problems(5)) {
        let reduced = problem.reduced().unwrap();
        let (form, sense, n) = (problem.form(), problem.sense(), reduced.problem.n_variables());
        prop_assert_eq!((reduced.problem.form(), reduced.problem.sense()), (form, sense));
        prop_assert!(reduced.problem.degree() <= 2);
        prop_assume!(n <= 16);
        let mut best = vec![f64::INFINITY; 32];
        for (k, s) in all(n).enumerate() {
            prop_assert_eq!(reduced.restrict(&s).unwrap(), &s[..5]);
            let cost = sense.sign() * reduced.problem.value(&s);
            best[k % 32] = best[k % 32].min(cost);
        }
        for (s, best) in all(5).zip(best) {
            prop_assert_eq!(sense.sign() * problem.value(&s), best);
        }
    }

    #[test]
    fn what_is_saved_comes_back(problem in problems(5)) {
        let text = serde_json::to_string(&problem).unwrap();
        prop_assert_eq!(serde_json::from_str::<Problem>(&text).unwrap(), problem);
    }
}

#[test]
fn reductions_have_the_promised_size() {
    let chain = |form, c, k: u32| {
        let mut b = Builder::new(form, Sense::Minimise, k as usize).unwrap();
        b.term(&(0..k).collect::<Vec<_>>(), c).unwrap();
        b.build().unwrap().reduced().unwrap().problem.n_variables()
    };
    for k in 3..=20 {
        let n = k as usize;
        assert_eq!(chain(Form::Binary, -1.0, k), n + 1);
        assert_eq!(chain(Form::Binary, 1.0, k), n + n - 2);
        assert_eq!(chain(Form::Spin, 1.0, k), n + (n - 3) + (n - 2));
    }
}

/// Products of spins or of literals, pairs and fields: nothing symmetric.
fn tangle(form: Form) -> HigherOrder {
    let mut b = Builder::new(form, Sense::Maximise, 5).unwrap();
    b.term(&[0], 0.5).unwrap().term(&[1, 4], -0.75).unwrap().term(&[0, 2], 1.0).unwrap();
    b.product(&[(0, true), (1, false), (2, true)], 1.25).unwrap();
    b.product(&[(1, true), (2, true), (3, true), (4, false)], -1.5).unwrap();
    b.term(&[0, 1, 2, 3, 4], 0.75).unwrap();
    b.build().unwrap().higher_order().unwrap()
}

/// Metropolis that forgets that a flip is there and back: it takes half of the energy.
#[derive(Clone)]
struct Half;
impl Kernel<HigherOrder> for Half {
    fn step<R: Draw>(&mut self, model: &HigherOrder, s: &mut Products, beta: f64, rng: &mut R) -> Step {
        let i = model.propose(s, rng);
        let accepted = rng.accept(0.5 * beta * model.delta(s, &i));
        if accepted {
            model.apply(s, &i);
        }
        Step { proposed: 1, accepted: accepted.into() }
    }
}

#[test]
fn the_model_obeys_the_laws() {
    let mut rng = Streams::new(3).stream("higher order", 0);
    for form in [Form::Spin, Form::Binary] {
        let model = tangle(form);
        assert_eq!((model.n_spins(), model.n_products()), (5, 3));
        assert_eq!(delta_error(&model, model.state(9), 1000, &mut rng), 0.0);
        for i in states(&model).unwrap() {
            assert_eq!(model.index(&model.state(i)), i);
        }
        assert!((ln_z_exact(&model, 0.0).unwrap() - model.ln_z_reference()).abs() < 1e-14);
        for beta in [0.0, 0.7, 3.0] {
            assert!(law(&model, &Metropolis::new(1).unwrap(), beta).holds_reversibly());
            assert!(law(&model, &RandomScan::new(2).unwrap(), beta).holds_reversibly());
            assert!(law(&model, &HeatBath, beta).holds());
        }
        assert!(law(&model, &Half, 0.7).stationary > 1e-4);
    }
}

#[test]
fn rounding_is_removed_by_a_refresh() {
    let mut b = Builder::new(Form::Binary, Sense::Minimise, 4).unwrap();
    b.term(&[0, 1, 2], 0.1).unwrap().term(&[1, 2, 3], 0.7).unwrap().term(&[0, 3], -0.3).unwrap();
    let model = b.build().unwrap().higher_order().unwrap();
    let mut rng = Streams::new(5).stream("rounding", 0);
    let mut state = model.draw(&mut rng);
    for _ in 0..10_000 {
        let i = model.propose(&state, &mut rng);
        model.apply(&mut state, &i);
    }
    let fresh = model.at(state.spins().to_vec()).unwrap();
    assert!((model.energy(&state) - model.energy(&fresh)).abs() < 1e-10);
    model.refresh(&mut state);
    assert_eq!(state, fresh);
    let text = serde_json::to_string(&state).unwrap();
    assert_eq!(serde_json::from_str::<Products>(&text).unwrap(), state);
    for (from, to) in [("\"spins\":[", "\"spins\":[2,"), ("\"flip\":[", "\"flip\":[1.0,")] {
        assert!(serde_json::from_str::<Products>(&text.replacen(from, to, 1)).is_err());
    }
    assert!(model.at(vec![1; 3]).is_err() && model.at(vec![1, 1, 0, 1]).is_err());
}

#[test]
fn cuts_and_their_graphs() {
    let graph = SparseGraph::new(4, &[(0, 1, 3.0), (1, 2, -1.0), (2, 3, 0.1), (0, 3, 1.0)]).unwrap();
    let problem = Problem::max_cut(&graph).unwrap();
    for s in all(4) {
        let cut: f64 = graph.edges().filter(|e| s[e.0 as usize] != s[e.1 as usize]).map(|e| e.2).sum();
        assert!((problem.value(&s) - cut).abs() < 1e-15);
    }
    assert_eq!(problem.cut_graph(), Some(graph));
    // Max-cut is an antiferromagnet: J = -w / 2.
    let ising = problem.ising().unwrap();
    assert_eq!(ising.ising.couplings().weight(0, 1), Some(-1.5));
    assert_eq!(problem.minimised().cut_graph(), None);
    assert_eq!(problem.to_form(Form::Binary).unwrap().cut_graph(), None);
    assert_eq!(quartic(Form::Spin).cut_graph(), None);
}

#[test]
fn configurations_are_in_the_problem_s_own_values() {
    let spins = vec![1, -1, -1, 1];
    for (form, own) in [(Form::Spin, vec![1, -1, -1, 1]), (Form::Binary, vec![1, 0, 0, 1])] {
        let problem = quartic(form);
        assert_eq!(problem.configuration(&spins), own);
        assert_eq!(problem.spins(&own).unwrap(), spins);
        assert!(problem.spins(&[1, 1]).is_err() && problem.spins(&[2, 1, 1, 1]).is_err());
        assert!(problem.value(&[1, 1]).is_nan());
    }
    assert!(quartic(Form::Binary).spins(&[-1, 1, 1, 1]).unwrap_err().to_string().contains("0 or 1"));
}

#[test]
fn products_up_to_degree_64() {
    for (form, down) in [(Form::Spin, -2.0), (Form::Binary, 0.0)] {
        let mut b = Builder::new(form, Sense::Minimise, 65).unwrap();
        b.term(&(0..64).collect::<Vec<_>>(), 1.0)
            .unwrap()
            .term(&(0..64).rev().collect::<Vec<_>>(), 1.0)
            .unwrap();
        let error = b.term(&(0..65).collect::<Vec<_>>(), 1.0).unwrap_err().to_string();
        assert!(error.contains("65") && error.contains("at most 64"), "{error}");
        let problem = b.build().unwrap();
        assert_eq!((problem.terms().len(), problem.degree()), (1, 64)); // merged
        let mut spins = vec![1; 65];
        assert_eq!(problem.value(&spins), 2.0);
        spins[63] = -1;
        assert_eq!(problem.value(&spins), down);
        let model = problem.higher_order().unwrap();
        let state = model.at(spins).unwrap();
        assert_eq!((model.energy(&state), model.delta(&state, &63)), (down, 2.0 - down));
        // All down: 64 of them, and still right.
        let state = model.at(vec![-1; 65]).unwrap();
        assert_eq!(model.energy(&state), if form == Form::Spin { 2.0 } else { 0.0 });
        let other = if form == Form::Spin { Form::Binary } else { Form::Spin };
        let error = problem.to_form(other).unwrap_err().to_string();
        assert!(error.contains("2^"), "{error}");
        let reduced = problem.reduced().unwrap();
        assert!(reduced.problem.n_variables() < 65 + 128);
    }
}

#[test]
fn equal_products_are_merged_and_powers_reduced() {
    let mut b = Builder::new(Form::Spin, Sense::Minimise, 3).unwrap();
    b.term(&[0, 0, 0], 1.0).unwrap().term(&[1, 1], 2.0).unwrap().term(&[0, 1, 2, 0], 4.0).unwrap();
    b.product(&[(0, true), (1, true), (2, true)], 8.0).unwrap().term(&[2, 1, 0], 8.0).unwrap();
    let p = b.build().unwrap();
    assert_eq!((p.offset(), p.linear(), p.pairs().weight(1, 2)), (2.0, &[1.0, 0.0, 0.0][..], Some(4.0)));
    assert_eq!(p.terms(), []);
    let mut b = Builder::new(Form::Binary, Sense::Minimise, 3).unwrap();
    b.term(&[0, 0, 0], 1.0).unwrap().product(&[(1, true), (1, false), (2, false)], 2.0).unwrap();
    b.product(&[(0, true), (0, true)], 4.0).unwrap();
    let p = b.build().unwrap();
    assert_eq!((p.offset(), p.linear(), p.pairs().n_edges()), (4.0, &[-3.0, 0.0, 0.0][..], 0));
}

#[test]
fn default_schedules() {
    // The hottest and coldest β of spin.md section 4 for G(n, m) of unit weights: J = 1/2, so degree d gives
    // ln 2 / d and ln 100.
    let star = SparseGraph::unweighted(4, &[(0, 1), (0, 2), (0, 3)]).unwrap();
    let ising = Problem::max_cut(&star).unwrap().ising().unwrap().ising;
    let (hot, cold) = default_betas(&ising);
    assert!((hot - 2f64.ln() / 3.0).abs() < 1e-15 && (cold - 100f64.ln()).abs() < 1e-14);
    // A model of one term, a model of none, and rounding that is no coupling.
    let one = Ising::new(2, &[], vec![0.0, 3.0]).unwrap();
    let (hot, cold) = default_betas(&one);
    assert!((hot - 2f64.ln() / 6.0).abs() < 1e-15 && (cold - 100f64.ln() / 6.0).abs() < 1e-15);
    assert_eq!(default_betas(&Ising::new(2, &[(0, 1, 0.0)], vec![0.0; 2]).unwrap()), (1.0, 1.0));
    let rounded = Ising::new(2, &[(0, 1, 1.0)], vec![1e-17, 0.0]).unwrap();
    assert!((default_betas(&rounded).1 - 100f64.ln() / 2.0).abs() < 1e-15);
    // What the numbers mean: the largest flip is accepted half of the time, the smallest one in 100.
    let model = tangle(Form::Spin);
    let (hot, _) = model.default_betas();
    let largest = states(&model)
        .unwrap()
        .flat_map(|i| (0..5).map(move |k| (i, k)))
        .map(|(i, k)| model.delta(&model.state(i), &k));
    assert!((-hot * largest.fold(0.0, f64::max)).exp() >= 0.5);
}

#[test]
fn bad_input_is_refused() {
    assert!(Builder::new(Form::Spin, Sense::Minimise, 0).is_err());
    let mut b = Builder::new(Form::Spin, Sense::Minimise, 3).unwrap();
    assert!(b.term(&[0, 3], 1.0).unwrap_err().to_string().contains("below 3"));
    assert!(b.term(&[0], f64::NAN).is_err() && b.offset(f64::INFINITY).is_err());
    assert!(b.names(vec!["a".into()]).is_err());
    b.term(&[0], f64::MAX).unwrap().term(&[0], f64::MAX).unwrap();
    assert!(b.build().is_err());
    let mut b = Builder::new(Form::Spin, Sense::Minimise, 3).unwrap();
    b.term(&[0, 1, 2], f64::MAX).unwrap().term(&[0, 1, 2], f64::MAX).unwrap();
    assert!(b.build().is_err());
    assert!(quartic(Form::Spin).ising().unwrap_err().to_string().contains("at most 2"));
    // What is read back passes the same checks.
    let text = serde_json::to_string(&quartic(Form::Binary)).unwrap();
    for (from, to) in [
        ("\"variables\":[0,1,2]", "\"variables\":[0,1,9]"),
        ("\"variables\":[0,1,2]", "\"variables\":[0,1]"),
        ("\"linear\":[1.5,", "\"linear\":[1.5,0.0,"),
        ("\"names\":null", "\"names\":[\"a\"]"),
    ] {
        assert!(text.contains(from), "{text}");
        assert!(serde_json::from_str::<Problem>(&text.replace(from, to)).is_err(), "{to}");
    }
}

/// Exact answers against the sum over all configurations, in both forms and for any degree.
#[test]
fn exact_answers_are_those_of_enumeration() {
    use smml_core::{
        factor_graph::ExactOptions,
        rng::{Draw, Streams},
    };
    for seed in 0..12u64 {
        let mut rng = Streams::new(seed).stream("exact", 0);
        let n = 9;
        let (form, sense) = (
            if seed % 2 == 0 { Form::Spin } else { Form::Binary },
            if seed % 3 == 0 { Sense::Maximise } else { Sense::Minimise },
        );
        let mut b = Builder::new(form, sense, n).unwrap();
        b.offset(1.5).unwrap();
        for _ in 0..20 {
            let d = 1 + rng.below(4);
            let mut variables: Vec<u32> = (0..n as u32).collect();
            rng.shuffle(&mut variables);
            let coefficient = rng.below(9) as f64 - 4.0;
            if form == Form::Binary && rng.chance(0.5) {
                let literals: Vec<(u32, bool)> =
                    variables[..d].iter().map(|v| (*v, rng.chance(0.5))).collect();
                b.product(&literals, coefficient).unwrap();
            } else {
                b.term(&variables[..d], coefficient).unwrap();
            }
        }
        let problem = b.build().unwrap();
        let beta = 0.3;
        let all: Vec<Vec<i8>> = (0..1 << n)
            .map(|k: usize| (0..n).map(|i| if k >> i & 1 == 1 { 1 } else { -1 }).collect())
            .collect();
        let sign = sense.sign();
        let weight = |s: &Vec<i8>| (-beta * sign * problem.value(s)).exp();
        let z: f64 = all.iter().map(weight).sum();
        let mean = all.iter().map(|s| weight(s) * problem.value(s)).sum::<f64>() / z;
        let best = all.iter().map(|s| sign * problem.value(s)).fold(f64::INFINITY, f64::min) * sign;
        let count = all.iter().filter(|s| (problem.value(s) - best).abs() < 1e-9).count();
        let exact = problem.exact(beta, &ExactOptions::default()).unwrap();
        assert!((exact.ln_z - z.ln()).abs() < 1e-11, "seed {seed}: {} {}", exact.ln_z, z.ln());
        assert!((exact.mean_value - mean).abs() < 1e-10, "seed {seed}: {} {mean}", exact.mean_value);
        assert!((exact.best_value - best).abs() < 1e-12 && exact.n_best == count as f64, "seed {seed}");
        assert!((exact.entropy - (z.ln() + beta * sign * mean)).abs() < 1e-10);
        for i in 0..n {
            let p = all.iter().filter(|s| s[i] > 0).map(weight).sum::<f64>() / z;
            assert!((exact.probability[i] - p).abs() < 1e-11);
        }
        let free = problem.exact(0.0, &ExactOptions::default()).unwrap();
        assert!((free.ln_z - n as f64 * 2f64.ln()).abs() < 1e-12 && free.n_best == count as f64);
    }
}

#[test]
fn pairs_that_cancel_do_not_decide_whether_a_problem_is_planar() {
    use smml_core::parallel::Par;
    // All pairs of five spins, K5, with one that is written twice and cancels, or is 0: a planar graph.
    for cancelled in [[1.0, -1.0].as_slice(), &[0.0]] {
        let mut b = Builder::new(Form::Spin, Sense::Minimise, 5).unwrap();
        let mut sign = 1.0;
        for i in 0..5u32 {
            for j in 0..i {
                if (i, j) == (4, 3) {
                    for c in cancelled {
                        b.term(&[i, j], *c).unwrap();
                    }
                } else {
                    b.term(&[i, j], sign).unwrap();
                    sign = -sign;
                }
            }
        }
        let problem = b.build().unwrap();
        let found = problem.planar_best().unwrap().expect("planar");
        let best = all(5).map(|s| problem.value(&s)).fold(f64::INFINITY, f64::min);
        assert_eq!((found.value, found.bound, problem.value(&found.spins)), (best, best, best));
        assert_eq!(problem.planar_best_with(Par::Serial).unwrap(), Some(found));
    }
    // Zeros as edges of a graph: from a model with couplings.
    let pairs: Vec<(u32, u32, f64)> =
        (0..5).flat_map(|i| (0..i).map(move |j| (i, j, if (i, j) == (4, 3) { 0.0 } else { -1.0 }))).collect();
    let model = Ising::new(5, &pairs, vec![0.0; 5]).unwrap();
    let problem = Problem::from_ising(&model).unwrap();
    let best = all(5).map(|s| problem.value(&s)).fold(f64::INFINITY, f64::min);
    assert_eq!(problem.planar_best().unwrap().expect("planar").value, best);
    // Without a zero it is not.
    let whole: Vec<(u32, u32, f64)> = pairs.iter().map(|&(i, j, _)| (i, j, -1.0)).collect();
    let problem = Problem::from_ising(&Ising::new(5, &whole, vec![0.0; 5]).unwrap()).unwrap();
    assert_eq!(problem.planar_best().unwrap(), None);
}

#[test]
fn exact_answers_at_low_temperatures_are_those_of_the_best_configurations() {
    use smml_core::factor_graph::ExactOptions;
    for (unit, offset) in [(1.0, 0.0), (1.0, 188.0), (0.5, 0.0), (131_072.0, 0.0), (0.3, 0.0)] {
        // A frustrated ring of five with a tail: 10 best configurations in each of two directions.
        let mut b = Builder::new(Form::Spin, Sense::Minimise, 6).unwrap();
        for (i, j, w) in [(0, 1, 1.0), (1, 2, 1.0), (2, 3, 1.0), (3, 4, 1.0), (4, 0, 1.0), (4, 5, -2.0)] {
            b.term(&[i, j], unit * w).unwrap();
        }
        b.term(&[], offset).unwrap();
        let problem = b.build().unwrap();
        for beta in [1e3, 1e4, 1e6, 1e10, 1e16] {
            let found = problem.exact(beta, &ExactOptions::default()).unwrap();
            assert_eq!((found.n_best, problem.value(&found.best)), (10.0, found.best_value));
            // 0.3 is no whole multiple of anything large: β = 10⁶ and more is beyond its digits, and said so.
            if unit == 0.3 && beta > 1e5 {
                assert!(found.rounding > 1e-6, "{beta}: {}", found.rounding);
                continue;
            }
            assert!(found.rounding < 1e-6, "{beta}: {}", found.rounding);
            let best = offset - 5.0 * unit;
            assert!((found.mean_value / best - 1.0).abs() < 1e-9, "{beta}: {}", found.mean_value);
            assert!((found.entropy - 10f64.ln()).abs() < 1e-6, "{beta}: {}", found.entropy);
            assert!((found.ln_z / (10f64.ln() - beta * best) - 1.0).abs() < 1e-12);
        }
    }
}
