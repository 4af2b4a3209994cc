use super::*;
use crate::ising::{elimination, exact};
use smml_core::{
    energy::{Energy, Finite, LnSum, ln_z_exact, states},
    factor_graph::ExactOptions,
    rng::{Draw, Streams},
};

/// Every pair coupled, J ~ N(0, 1/n), and fields.
fn dense(n: usize, field: f64, index: u64) -> (Ising, DensePairs) {
    let mut rng = Streams::new(41).stream("dense", index);
    let mut matrix = vec![0.0; n * n];
    let mut edges = Vec::new();
    for i in 0..n {
        for j in 0..i {
            let w = rng.normal() / (n as f64).sqrt();
            matrix[i * n + j] = w;
            matrix[j * n + i] = w;
            edges.push((i as u32, j as u32, w));
        }
    }
    let fields: Vec<f64> = (0..n).map(|_| field * rng.normal()).collect();
    (Ising::new(n, &edges, fields.clone()).unwrap(), DensePairs::new(matrix, fields).unwrap())
}

fn solved<M: Pairs>(model: &M, beta: f64, order: PlefkaOrder) -> Magnetisations {
    let start = vec![0.0; model.n_spins()];
    let ask = if order == PlefkaOrder::First { mean_field::<M> } else { tap::<M> };
    ask(model, beta, &start, &[], &FixedPoint::default()).unwrap().checked().unwrap()
}

const ORDERS: [PlefkaOrder; 2] = [PlefkaOrder::First, PlefkaOrder::Second];

#[test]
fn naive_is_a_bound_and_clamped_spins_are_summed_over_no_more() {
    for index in 0..6 {
        let (model, _) = dense(9, 0.7, index);
        for beta in [-0.6, 0.2, 1.0, 3.0] {
            for clamped in [vec![], vec![true, false, true], vec![true; 9]] {
                let held = |i: usize| clamped.get(i).copied().unwrap_or(false);
                let start: Vec<f64> =
                    (0..9).map(|i| if held(i) { [1.0, -1.0, -1.0][i % 3] } else { 0.3 }).collect();
                let mut sum = LnSum::default();
                for s in states(&model).unwrap().map(|k| model.state(k)) {
                    if (0..9).all(|i| !held(i) || f64::from(s[i]) == start[i]) {
                        sum.add(-beta * model.energy(&s));
                    }
                }
                let options = FixedPoint::default();
                let found = mean_field(&model, beta, &start, &clamped, &options).unwrap().checked().unwrap();
                assert!(found.ln_z <= sum.ln() + 1e-12, "{index} {beta}: {} {}", found.ln_z, sum.ln());
                let with = tap(&model, beta, &start, &clamped, &options).unwrap().checked().unwrap();
                for order in [&found, &with] {
                    assert!((0..9).all(|i| !held(i) || order.magnetisation[i] == start[i]));
                    if clamped.len() == 9 {
                        // Nothing is left to sum over: exact.
                        assert!((order.ln_z - sum.ln()).abs() < 1e-12 && order.passes == 0);
                    }
                }
            }
        }
    }
}

#[test]
fn clamped_spins_are_fields_on_the_others() {
    let (model, _) = dense(8, 0.4, 20);
    let clamped = [true, false, false, true];
    let start = [1.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0];
    let left: Vec<usize> = (0..8).filter(|i| ![0, 3].contains(i)).collect();
    let at = |i: u32| left.iter().position(|k| *k == i as usize).unwrap() as u32;
    let mut fields: Vec<f64> = left.iter().map(|i| model.fields()[*i]).collect();
    let mut edges = Vec::new();
    let mut constant = model.fields()[0] - model.fields()[3];
    for (i, j, w) in model.couplings().edges() {
        match (start[i as usize], start[j as usize]) {
            (0.0, 0.0) => edges.push((at(i), at(j), w)),
            (0.0, s) => fields[at(i) as usize] += w * s,
            (s, 0.0) => fields[at(j) as usize] += w * s,
            (s, t) => constant += w * s * t,
        }
    }
    let smaller = Ising::new(6, &edges, fields).unwrap();
    for order in ORDERS {
        let ask = if order == PlefkaOrder::First { mean_field::<Ising> } else { tap::<Ising> };
        let whole = ask(&model, 0.8, &start, &clamped, &FixedPoint::default()).unwrap().checked().unwrap();
        let part = solved(&smaller, 0.8, order);
        assert!((whole.ln_z - part.ln_z - 0.8 * constant).abs() < 1e-11);
        for (k, i) in left.iter().enumerate() {
            assert!((whole.magnetisation[*i] - part.magnetisation[k]).abs() < 1e-10);
        }
    }
}

#[test]
fn errors_shrink_with_the_order_of_the_expansion() {
    // Couplings β J against fields β h that stay as they are: ln Z and ⟨s⟩ are wrong by β² to first order, by β³ to second.
    let n = 10;
    for index in 30..33 {
        let (model, _) = dense(n, 0.6, index);
        let errors = |order: PlefkaOrder, beta: f64| {
            let fields = model.fields().iter().map(|b| b / beta).collect();
            let model = Ising::on_graph(model.couplings().clone(), fields).unwrap();
            let exact = elimination::marginals(&model, beta, &ExactOptions::default()).unwrap();
            let found = solved(&model, beta, order);
            let of_means: f64 =
                found.magnetisation.iter().zip(&exact.magnetisation).map(|(a, b)| (a - b).powi(2)).sum();
            [(found.ln_z - exact.ln_z).abs(), of_means.sqrt()]
        };
        for (order, want) in [(PlefkaOrder::First, 4.0), (PlefkaOrder::Second, 8.0)] {
            let (large, small) = (errors(order, 0.004), errors(order, 0.002));
            for k in 0..2 {
                let ratio = large[k] / small[k];
                assert!((ratio / want - 1.0).abs() < 0.05, "{index} {order:?} {k}: {ratio}");
            }
        }
    }
}

#[test]
fn closed_forms() {
    // Two spins without fields: G = 2 ln 2 + (β J)²/2, ln Z = 2 ln 2 + ln cosh β J.
    let pair = Ising::new(2, &[(0, 1, 0.8)], vec![0.0; 2]).unwrap();
    let found = solved(&pair, 0.5, PlefkaOrder::Second);
    assert!((found.ln_z - (2.0 * 2f64.ln() + 0.08)).abs() < 1e-14);
    // Without fields at m = 0: N ln 2 + (β²/2) Σ J².
    let (glass, _) = dense(12, 0.0, 40);
    let squares: f64 = glass.couplings().edges().map(|e| e.2 * e.2).sum();
    let found = solved(&glass, 0.7, PlefkaOrder::Second);
    assert!((found.ln_z - (12.0 * 2f64.ln() + 0.245 * squares)).abs() < 1e-12);
    // Independent spins are exact to any order.
    let free = Ising::new(3, &[], vec![0.3, -2.0, 0.0]).unwrap();
    for order in ORDERS {
        let found = solved(&free, 1.3, order);
        assert!((found.ln_z - ln_z_exact(&free, 1.3).unwrap()).abs() < 1e-14 && found.passes == 1);
    }
    // x = a - c tanh x
    for (a, c) in [(0.0, 3.0), (2.0, 0.0), (-1.5, 40.0), (700.0, 1e6), (1e-9, 1e3), (300.0, 2.0)] {
        let x = reacting(a, c);
        assert!((x + c * libm::tanh(x) - a).abs() <= 1e-13 * (a.abs() + c), "{a} {c}: {x}");
    }
}

#[test]
fn a_solution_is_stationary_and_its_slopes_are_means_and_correlations() {
    let (model, matrix) = dense(7, 0.5, 50);
    let beta = 0.9;
    for order in ORDERS {
        let found = solved(&model, beta, order);
        let same = solved(&matrix, beta, order);
        assert!((found.ln_z - same.ln_z).abs() < 1e-12);
        let m = &found.magnetisation;
        assert_eq!(plefka_ln_z(&model, beta, m, order).unwrap(), found.ln_z);
        for i in 0..7 {
            assert!((m[i] - same.magnetisation[i]).abs() < 1e-11);
            for step in [-1e-3, 1e-3] {
                let mut other = m.clone();
                other[i] += step;
                assert!(plefka_ln_z(&model, beta, &other, order).unwrap() < found.ln_z);
            }
            let moved = |step: f64| {
                let mut fields = model.fields().to_vec();
                fields[i] += step;
                solved(&Ising::on_graph(model.couplings().clone(), fields).unwrap(), beta, order).ln_z
            };
            let slope = (moved(1e-4) - moved(-1e-4)) / (2e-4 * beta);
            assert!((slope - m[i]).abs() < 1e-7, "{order:?} {i}: {slope} {}", m[i]);
        }
        for (i, j, w) in model.couplings().edges() {
            let moved = |step: f64| {
                let graph = model
                    .couplings()
                    .map_weights(|a, b, w| if (a, b) == (i, j) { w + step } else { w })
                    .unwrap();
                solved(&Ising::on_graph(graph, model.fields().to_vec()).unwrap(), beta, order).ln_z
            };
            let slope = (moved(1e-4) - moved(-1e-4)) / (2e-4 * beta);
            let said = order.correlation(beta * w, m[i as usize], m[j as usize]);
            assert!((slope - said).abs() < 1e-7, "{order:?} ({i}, {j}): {slope} {said}");
        }
    }
}

#[test]
fn the_reaction_term_improves_weakly_coupled_glasses() {
    let mut closer = 0;
    for index in 60..80 {
        let (model, _) = dense(14, 0.3, index);
        let exact = exact::averages(&model, &[0.5]).unwrap()[0].ln_z;
        let error = |order| (solved(&model, 0.5, order).ln_z - exact).abs();
        closer += usize::from(error(PlefkaOrder::Second) < 0.2 * error(PlefkaOrder::First));
    }
    assert!(closer >= 18, "{closer} of 20");
}

#[test]
fn verdicts() {
    // Four spins that all repel each other: all at once they flip from pass to pass, one by one or damped they do not.
    let pairs: Vec<(u32, u32, f64)> = (0..4u32).flat_map(|i| (0..i).map(move |j| (i, j, -1.0))).collect();
    let model = Ising::new(4, &pairs, vec![0.0; 4]).unwrap();
    let parallel = FixedPoint { passes: Passes::Parallel, ..FixedPoint::default() };
    let found = mean_field(&model, 1.0, &[0.5; 4], &[], &parallel).unwrap();
    assert_eq!(found.verdict, Verdict::Oscillating { period: 2 });
    assert!(found.residual > 0.5 && !found.converged() && found.passes < 100);
    let m = found.magnetisation[0].abs();
    assert!((m - libm::tanh(3.0 * m)).abs() < 1e-11);
    let text = found.checked().unwrap_err().to_string();
    assert!(text.contains("repeats every 2 passes"), "{text}");
    let damped = FixedPoint { damping: 0.6, ..parallel };
    assert!(mean_field(&model, 1.0, &[0.5; 4], &[], &damped).unwrap().converged());
    // One by one they come to (m, m, -m, -m) in some order, m = tanh(β m): critical at β = 1, so colder.
    let found = mean_field(&model, 1.5, &[0.5; 4], &[], &FixedPoint::default()).unwrap();
    assert!(found.converged());
    let m = found.magnetisation[0].abs();
    assert!(m > 0.5 && (m - libm::tanh(1.5 * m)).abs() < 1e-9);
    // A critical point is approached ever more slowly: neither an end nor a cycle, damped or not.
    let ring: Vec<(u32, u32, f64)> = (0..8u32).map(|i| (i, (i + 1) % 8, 1.0)).collect();
    let ring = Ising::new(8, &ring, vec![0.0; 8]).unwrap();
    for passes in [Passes::Sequential, Passes::Parallel] {
        for damping in [0.0, 0.9] {
            let options = FixedPoint { passes, damping, max_passes: 3000, ..FixedPoint::default() };
            let found = mean_field(&ring, 0.5, &[0.9; 8], &[], &options).unwrap();
            assert_eq!((found.verdict, found.passes), (Verdict::NotConverged, 3000));
            assert!(found.checked().is_err());
        }
    }
    // TAP converges one by one where couplings are strong.
    for index in 90..100 {
        let (glass, _) = dense(40, 0.2, index);
        assert!(tap(&glass, 2.0, &[0.1; 40], &[], &FixedPoint::default()).unwrap().converged());
    }
}

#[test]
fn bad_input_is_refused() {
    let (model, _) = dense(3, 0.5, 1);
    let ask = |beta, start: &[f64], clamped: &[bool], options: FixedPoint| {
        tap(&model, beta, start, clamped, &options).unwrap_err().to_string()
    };
    let good = FixedPoint::default();
    assert!(ask(f64::NAN, &[0.0; 3], &[], good).contains("beta"));
    assert!(ask(1.0, &[0.0; 2], &[], good).contains("magnetisations has length 2"));
    assert!(ask(1.0, &[0.0, 0.0, 1.5], &[], good).contains("magnetisation 2 = 1.5"));
    assert!(ask(1.0, &[0.0; 3], &[false; 4], good).contains("marks of clamped spins"));
    assert!(ask(1.0, &[0.0, 0.5, 1.0], &[false, true], good).contains("magnetisation 1, which is clamped"));
    assert!(ask(1.0, &[0.0; 3], &[], FixedPoint { damping: 1.0, ..good }).contains("damping"));
    assert!(ask(1.0, &[0.0; 3], &[], FixedPoint { tolerance: 0.0, ..good }).contains("tolerance"));
    assert!(ask(1e200, &[0.0; 3], &[], good).contains("sum of couplings of spin 0"));
    assert!(plefka_ln_z(&model, 1.0, &[0.0; 4], PlefkaOrder::First).is_err());
    for (matrix, fields, part) in [
        (vec![], vec![], "number of spins"),
        (vec![0.0; 3], vec![0.0; 2], "couplings has length 3, expected 4"),
        (vec![0.0, 1.0, 2.0, 0.0], vec![0.0; 2], "coupling (1, 0) = 2"),
        (vec![0.0, 1.0, 1.0, 3.0], vec![0.0; 2], "coupling (1, 1) = 3"),
        (vec![0.0, f64::NAN, f64::NAN, 0.0], vec![0.0; 2], "coupling 1"),
        (vec![0.0], vec![f64::INFINITY], "field 0"),
    ] {
        let text = DensePairs::new(matrix, fields).unwrap_err().to_string();
        assert!(text.contains(part), "{text}");
    }
}
