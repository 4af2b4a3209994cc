use super::super::{
    AnswerEnergies, Answers, Ask, DataLoss, Drawn, Enumerated, LabelChain, Labelled, Levels, Loss, Lvq2,
    MeanLoss, Point, Posterior, Sequence, TwoSided, contrastive_gradient, infer_exact, problems,
};
use super::{all, any_sign, rng};
use crate::network::{self, Activation, Architecture, EnergyLoss};
use smml_core::{
    chain::Chain,
    energy::{Differentiable, Energy, Finite, ln_z_exact, mean_exact, states},
    optimize::Function,
    parallel::Par,
    rng::{Draw, Stream},
    sample::HeatBath,
    testing::{gradient_error, law},
};

fn normals(n: usize, scale: f64, rng: &mut Stream) -> Vec<f64> {
    (0..n).map(|_| scale * rng.normal()).collect()
}

/// A sequence with 0 to 3 features at each place.
fn random_sequence(model: &LabelChain, length: usize, rng: &mut Stream) -> Sequence {
    let places: Vec<Vec<u32>> = (0..length)
        .map(|_| (0..rng.below(4)).map(|_| rng.below(model.n_features()) as u32).collect())
        .collect();
    let labels = (0..length).map(|_| rng.below(model.n_labels()) as u8).collect();
    Sequence::new(&places, labels).unwrap()
}

const EVERYTHING: Ask = Ask { lowest: true, offending: true, beta: Some(0.8) };

#[test]
fn a_chain_is_exact_against_enumeration() {
    let mut rng = rng(10);
    for case in 0..120 {
        let model = LabelChain::new(2 + case % 3, 4).unwrap();
        let length = 1 + case % 6;
        let sequence = random_sequence(&model, length, &mut rng);
        // Small whole numbers make ties, of the right answer too.
        let w: Vec<f64> = if case % 2 == 0 {
            normals(model.n_parameters(), 1.0, &mut rng)
        } else {
            (0..model.n_parameters()).map(|_| rng.below(3) as f64 - 1.0).collect()
        };
        let at = model.at(&w, &sequence).unwrap();
        let right = at.index(&sequence.labels().to_vec());
        let mut exact = Levels { offending: f64::INFINITY, lowest: f64::INFINITY, ..Levels::default() };
        let mut high = f64::NEG_INFINITY;
        for i in states(&at).unwrap() {
            let e = at.energy(&at.state(i));
            exact.lowest = exact.lowest.min(e);
            high = high.max(e);
            match i == right {
                true => exact.right = e,
                false => exact.offending = exact.offending.min(e),
            }
        }
        exact.free = -ln_z_exact(&at, 0.8).unwrap() / 0.8;
        let mut scratch = Default::default();
        let found = model.levels(&w, &sequence, &EVERYTHING, &mut scratch);
        for (a, b) in [
            (found.right, exact.right),
            (found.lowest, exact.lowest),
            (found.offending, exact.offending),
            (found.free, exact.free),
            (model.relief(&w, &sequence, &mut scratch), high - exact.lowest),
        ] {
            assert!((a - b).abs() < 1e-12, "{found:?} {exact:?}");
        }
        assert!((model.ln_z(&w, &sequence, 0.8).unwrap() + 0.8 * exact.free).abs() < 1e-12);
        // The labels found have the least energy, and are among those that enumeration names.
        let labels = model.labels(&w, &sequence).unwrap();
        assert!((at.energy(&labels) - exact.lowest).abs() < 1e-12);
        if case % 2 == 1 {
            assert!(infer_exact(&at).unwrap().answers.contains(&at.index(&labels)));
        }
        let marginals = model.marginals(&w, &sequence, 0.8).unwrap();
        for t in 0..length {
            for y in 0..model.n_labels() {
                let p = mean_exact(&at, 0.8, |s| f64::from(usize::from(s[t]) == y)).unwrap();
                assert!((marginals[t * model.n_labels() + y] - p).abs() < 1e-12);
            }
        }
        assert!((0..at.n_states().unwrap()).all(|i| at.index(&at.state(i)) == i));
    }
}

#[test]
fn long_chains_neither_overflow_nor_lose_the_sum() {
    // Without pairs the places are independent: ln Z is a sum.
    let model = LabelChain::new(3, 2).unwrap();
    let mut rng = rng(11);
    let mut w = normals(model.n_parameters(), 300.0, &mut rng);
    w[model.pair(0, 0)..].fill(0.0);
    let symbols: Vec<u32> = (0..2000).map(|_| rng.below(2) as u32).collect();
    let sequence = Sequence::of_symbols(&symbols, vec![0; 2000]).unwrap();
    let of_symbol = |x: usize| Posterior::new(&[0, 1, 2].map(|y| w[model.unary(x, y)]), 1.0).unwrap().ln_z();
    let exact: f64 = symbols.iter().map(|x| of_symbol(*x as usize)).sum();
    assert!((model.ln_z(&w, &sequence, 1.0).unwrap() / exact - 1.0).abs() < 1e-13);
}

#[test]
fn gradients_in_the_parameters_are_central_differences() {
    let mut rng = rng(12);
    // Any differentiable energy: a quadratic in W that differs from answer to answer.
    let model = Enumerated::new(3, 4, |x: &Vec<f64>, y: usize| {
        let (x, s) = (x.clone(), 1.0 + y as f64);
        Function(move |w: &[f64], g: &mut [f64]| {
            let d: Vec<f64> = (0..3).map(|i| w[i] * x[i] - 0.3 * s).collect();
            (0..3).for_each(|i| g[i] = 2.0 * s * d[i] * x[i]);
            s * d.iter().map(|d| d * d).sum::<f64>()
        })
    })
    .unwrap()
    .bounded(0.0)
    .unwrap();
    let data: Vec<_> = (0..9).map(|i| Labelled { input: normals(3, 1.0, &mut rng), right: i % 4 }).collect();
    for loss in all() {
        let f = DataLoss::new(&model, &data, loss, 0.1, Par::Serial).unwrap();
        let error = gradient_error(&f, &[0.4, -0.7, 0.9]);
        assert!(error < 1e-8, "enumerated {loss:?}: {error}");
    }
    let chain = LabelChain::new(3, 4).unwrap();
    let data: Vec<_> = (1..8).map(|n| random_sequence(&chain, n, &mut rng)).collect();
    let w = normals(chain.n_parameters(), 0.5, &mut rng);
    for loss in any_sign() {
        let f = DataLoss::new(&chain, &data, loss, 0.05, Par::Serial).unwrap();
        let error = gradient_error(&f, &w);
        assert!(error < 1e-8, "chain {loss:?}: {error}");
    }
    let (two, points) = problems::parabola(50, 9, &mut rng).unwrap();
    let w = two.initial(&mut rng);
    for loss in all() {
        let f = DataLoss::new(&two, &points, loss, 0.0, Par::Serial).unwrap();
        let error = gradient_error(&f, &w);
        // The ratio of LVQ2 bends as 1/E⁻, which may be small here: differences over 1e-5 see that.
        let limit = if matches!(loss, Loss::Lvq2(Lvq2::Ratio(_))) { 1e-6 } else { 1e-8 };
        assert!(error < limit, "two-sided {loss:?}: {error}");
    }
    let rows = problems::bars_or_stripes(3, 60, 0.1, &mut rng).unwrap();
    let shape = Architecture::new(vec![9, 4, 2], Activation::Tanh).unwrap();
    let w = shape.initial(&mut rng);
    for loss in any_sign() {
        let f = EnergyLoss::new(&shape, &rows, loss, 0.02, Par::Serial).unwrap();
        let error = gradient_error(&f, &w);
        assert!(error < 1e-8, "network {loss:?}: {error}");
    }
}

#[test]
fn the_network_is_the_general_way_made_fast() {
    let mut rng = rng(13);
    let rows = problems::bars_or_stripes(3, 130, 0.1, &mut rng).unwrap();
    let shape = Architecture::new(vec![9, 2], Activation::Tanh).unwrap();
    let w = normals(shape.n_parameters(), 0.7, &mut rng);
    // The same linear energies, spelled out.
    let model = Enumerated::new(20, 2, |x: &Vec<f64>, y: usize| {
        let x = x.clone();
        Function(move |w: &[f64], g: &mut [f64]| {
            g.fill(0.0);
            g[18 + y] = -1.0;
            (0..9).for_each(|i| g[2 * i + y] = -x[i]);
            -w[18 + y] - (0..9).map(|i| x[i] * w[2 * i + y]).sum::<f64>()
        })
    })
    .unwrap();
    let data: Vec<_> = (0..rows.len())
        .map(|i| Labelled {
            input: rows.row(i).iter().map(|v| f64::from(*v)).collect(),
            right: usize::from(rows.labels()[i]),
        })
        .collect();
    let mut g = [vec![0.0; 20], vec![0.0; 20]];
    for loss in any_sign() {
        let fast = EnergyLoss::new(&shape, &rows, loss, 0.0, Par::Serial).unwrap();
        let slow = DataLoss::new(&model, &data, loss, 0.0, Par::Serial).unwrap();
        let a = fast.value_and_gradient(&w, &mut g[0], &mut Default::default());
        let b = slow.value_and_gradient(&w, &mut g[1], &mut Default::default());
        assert!((a - b).abs() < 1e-13, "{loss:?}: {a} {b}");
        assert!(g[0].iter().zip(&g[1]).all(|(a, b)| (a - b).abs() < 1e-13), "{loss:?}");
        let picked: Vec<u32> = vec![3, 128, 40, 3];
        let a = fast.batch(&w, &picked, &mut g[0], &mut Default::default());
        let b = slow.batch(&w, &picked, &mut g[1], &mut Default::default());
        assert!((a - b).abs() < 1e-13 && g[0].iter().zip(&g[1]).all(|(a, b)| (a - b).abs() < 1e-13));
    }
    // Negative log-likelihood is cross-entropy.
    let nll = EnergyLoss::new(&shape, &rows, Loss::Nll { beta: 1.0 }, 0.3, Par::Serial).unwrap();
    let entropy = network::Loss::new(&shape, &rows, 0.3, Par::Serial).unwrap();
    assert!((nll.energy(&w) - entropy.energy(&w)).abs() < 1e-13);
    let energies = nll.energies(&w).unwrap();
    assert_eq!(energies.len(), 260);
    assert!((energies[2 * 7 + 1] - slow_energy(&w, rows.row(7), 1)).abs() < 1e-13);
    assert!(nll.energies(&w[1..]).is_err());
    let ratio = Loss::Lvq2(Lvq2::Ratio(1.0));
    assert!(EnergyLoss::new(&shape, &rows, ratio, 0.0, Par::Serial).is_err());
}

fn slow_energy(w: &[f64], x: &[f32], y: usize) -> f64 {
    -w[18 + y] - x.iter().enumerate().map(|(i, x)| f64::from(*x) * w[2 * i + y]).sum::<f64>()
}

#[test]
fn any_number_of_threads_and_any_cut_into_batches_give_the_same() {
    let mut rng = rng(14);
    let (two, points) = problems::parabola(1500, 9, &mut rng).unwrap();
    let w = two.initial(&mut rng);
    let value = |par| {
        let f = DataLoss::new(&two, &points, Loss::Nll { beta: 2.0 }, 0.01, par).unwrap();
        let mut g = vec![0.0; w.len()];
        let value = f.value_and_gradient(&w, &mut g, &mut Default::default());
        assert_eq!(value.to_bits(), f.energy(&w.clone()).to_bits());
        (value.to_bits(), g.iter().map(|g| g.to_bits()).collect::<Vec<_>>())
    };
    let serial = value(Par::Serial);
    for n in [1, 2, 5] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
        assert!(pool.install(|| value(Par::Rayon)) == serial, "{n} threads");
    }
    // The mean over two halves is the whole.
    let f = DataLoss::new(&two, &points, Loss::Log, 0.0, Par::Serial).unwrap();
    let mut scratch = Default::default();
    let mut g = vec![vec![0.0; w.len()]; 3];
    let all: Vec<u32> = (0..1500).collect();
    let values: Vec<f64> = [&all[..], &all[..750], &all[750..]]
        .iter()
        .zip(&mut g)
        .map(|(picked, g)| f.batch(&w, picked, g, &mut scratch))
        .collect();
    assert!((values[0] - 0.5 * (values[1] + values[2])).abs() < 1e-14);
    assert!((0..w.len()).all(|i| (g[0][i] - 0.5 * (g[1][i] + g[2][i])).abs() < 1e-13));
}

#[test]
fn answers_are_drawn_from_the_gibbs_distribution() {
    let mut rng = rng(15);
    let model = LabelChain::new(3, 3).unwrap();
    let sequence = random_sequence(&model, 4, &mut rng);
    let w = normals(model.n_parameters(), 0.8, &mut rng);
    let at = model.at(&w, &sequence).unwrap();
    // Heat bath by smml-core leaves the distribution unchanged, exactly.
    assert!(law(&at, &HeatBath, 0.9).holds());
    let n = 60_000;
    let drawn = model.draw(&w, &sequence, 0.9, n, &mut rng, &mut Default::default());
    let posterior = Posterior::exact(&at, 0.9).unwrap();
    let mut counts = vec![0u32; 81];
    drawn.iter().for_each(|y| counts[at.index(y)] += 1);
    let chi2: f64 = counts
        .iter()
        .zip(posterior.probabilities())
        .map(|(c, p)| (f64::from(*c) - n as f64 * p).powi(2) / (n as f64 * p))
        .sum();
    // 80 degrees of freedom: above 168 with probability 1e-8 (Wilson and Hilferty).
    assert!(chi2 < 168.0, "{chi2}");
}

#[test]
fn the_gradient_by_samples_has_an_honest_error() {
    let mut rng = rng(16);
    let model = LabelChain::new(3, 3).unwrap();
    let sequence = random_sequence(&model, 6, &mut rng);
    let w = normals(model.n_parameters(), 0.8, &mut rng);
    let beta = 0.9;
    let one = [sequence.clone()];
    let exact = DataLoss::new(&model, &one, Loss::Nll { beta }, 0.0, Par::Serial).unwrap();
    let mut g = vec![0.0; w.len()];
    exact.value_and_gradient(&w, &mut g, &mut Default::default());
    let independent = model.draw(&w, &sequence, beta, 20_000, &mut rng, &mut Default::default());
    let at = model.at(&w, &sequence).unwrap();
    let mut chain = Chain::new(HeatBath, vec![0; 6], rng.fork());
    let mut correlated = Vec::new();
    chain.advance(&at, beta, 100);
    for _ in 0..20_000 {
        chain.advance(&at, beta, 1);
        correlated.push(chain.state.clone());
    }
    for (samples, drawn) in [(&independent, Drawn::Independent), (&correlated, Drawn::Chain)] {
        let found = contrastive_gradient(&model, &w, &sequence, samples, drawn).unwrap();
        let mut moved = 0;
        for (estimate, exact) in found.iter().zip(&g) {
            assert!(estimate.p_value(*exact) > 1e-9, "{estimate} {exact}");
            moved += usize::from(estimate.std_error > 0.0);
        }
        assert!(moved > 15, "{moved}");
        // Samples at another temperature are noticed.
        let other = model.draw(&w, &sequence, 0.3, 20_000, &mut rng, &mut Default::default());
        let wrong = contrastive_gradient(&model, &w, &sequence, &other, Drawn::Independent).unwrap();
        assert!(wrong.iter().zip(&g).any(|(e, x)| e.p_value(*x) < 1e-9));
    }
    assert!(contrastive_gradient(&model, &w[1..], &sequence, &independent, Drawn::Independent).is_err());
    assert!(contrastive_gradient(&model, &w, &sequence, &independent[..1], Drawn::Independent).is_err());
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let model = LabelChain::new(2, 3).unwrap();
    let good = Sequence::of_symbols(&[0, 2], vec![0, 1]).unwrap();
    let says = |examples: &[Sequence], text: &str| {
        let error = DataLoss::new(&model, examples, Loss::Log, 0.0, Par::Serial).unwrap_err().to_string();
        assert!(error.contains(text), "{error}");
    };
    says(&[], "examples = 0");
    says(&[good.clone(), Sequence::of_symbols(&[3], vec![0]).unwrap()], "example 1: feature = 3");
    says(
        &[good.clone(), Sequence::of_symbols(&[0, 0], vec![0, 2]).unwrap()],
        "example 1: label of place 1 = 2",
    );
    assert!(DataLoss::new(&model, std::slice::from_ref(&good), Loss::Log, -1.0, Par::Serial).is_err());
    let hinge = Loss::Hinge { margin: -1.0 };
    assert!(DataLoss::new(&model, std::slice::from_ref(&good), hinge, 0.0, Par::Serial).is_err());
    let data = [good.clone()];
    let ratio = DataLoss::new(&model, &data, Loss::Lvq2(Lvq2::Ratio(1.0)), 0.0, Par::Serial);
    assert!(ratio.unwrap_err().to_string().contains("LVQ2"));
    let fits = DataLoss::new(&model, &data, Loss::Log, 0.0, Par::Serial).unwrap();
    assert!(fits.energy(&vec![0.0; 3]).is_nan());
    let mut g = [0.0; 3];
    assert!(fits.value_and_gradient(&[0.0; 3], &mut g, &mut Default::default()).is_nan() && g[0].is_nan());
    // Energies that are not numbers make a loss that is none.
    let mut w = vec![0.0; model.n_parameters()];
    w[model.pair(0, 1)] = f64::NAN;
    for loss in Loss::ALL {
        let f = DataLoss::new(&model, &data, loss, 0.0, Par::Serial).unwrap();
        assert!(f.energy(&w).is_nan(), "{loss:?}");
    }
    assert!(
        LabelChain::new(1, 3).is_err() && LabelChain::new(257, 3).is_err() && LabelChain::new(2, 0).is_err()
    );
    assert!(Sequence::of_symbols(&[], vec![]).is_err() && Sequence::of_symbols(&[0], vec![0, 1]).is_err());
    assert!(model.labels(&[0.0; 3], &good).is_err() && model.ln_z(&w, &good, 0.0).is_err());
    let bad = r#"{"starts":[0,2,1],"features":[0,1],"labels":[0,0]}"#;
    assert!(serde_json::from_str::<Sequence>(bad).is_err());
    let text = serde_json::to_string(&good).unwrap();
    assert_eq!(serde_json::from_str::<Sequence>(&text).unwrap(), good);

    let shape = |n: usize| Architecture::new(vec![1, 3, n], Activation::Tanh).unwrap();
    let two = |answers: Vec<f64>, tolerance| TwoSided::new(shape(2), shape(2), answers, tolerance);
    assert!(two(vec![0.0, 1.0], 0.5).is_ok());
    assert!(two(vec![0.0], 0.0).is_err() && two(vec![0.0, f64::NAN], 0.0).is_err());
    assert!(two(vec![0.0, 1.0], 1.0).unwrap_err().to_string().contains("tolerance"));
    assert!(TwoSided::new(shape(2), shape(3), vec![0.0, 1.0], 0.0).is_err());
    let model = two(vec![0.0, 1.0], 0.0).unwrap();
    let point = |x: Vec<f64>, right| Point { x, right };
    for bad in [point(vec![], 0), point(vec![f64::INFINITY], 0), point(vec![0.0], 2)] {
        assert!(DataLoss::new(&model, &[bad], Loss::Log, 0.0, Par::Serial).is_err());
    }
    assert!(Enumerated::new(1, 1, |_: &(), _| Function(|_: &[f64], _: &mut [f64]| 0.0)).is_err());
}
