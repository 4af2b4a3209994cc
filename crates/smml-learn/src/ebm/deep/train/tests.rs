use super::{
    super::{examples::RealRows, model::tests::random},
    *,
};
use crate::{
    data::{BarsAndStripes, BinaryData},
    ebm::rule::StepRule,
};
use smml_core::{
    energy::ln_sum_exp,
    schedule::Schedule,
    store::{decode, encode},
};

const B: fn(usize) -> LayerUnits = |n| LayerUnits::Binary { n };
const S: fn(usize) -> LayerUnits = |n| LayerUnits::Spins { n };
const P: fn(usize, usize) -> LayerUnits = |groups, q| LayerUnits::Softmax { groups, q };

fn log_likelihood(machine: &DeepMachine, examples: &Examples) -> f64 {
    let p = exact::ln_probabilities(machine, examples, Par::Serial).unwrap();
    p.iter().sum::<f64>() / p.len() as f64
}

fn run(training: DeepTraining, machine: &DeepMachine, examples: &Examples) -> DeepTrainer {
    let mut trainer = DeepTrainer::new(training, machine, examples).unwrap();
    while !trainer.is_done() {
        trainer.step(Par::Serial).unwrap();
    }
    trainer
}

fn start(layers: Vec<LayerUnits>, examples: &Examples, scale: f64) -> DeepMachine {
    DeepMachine::for_data(layers, examples, scale, &mut Streams::new(2).stream("weights", 0)).unwrap()
}

fn flat(machine: &DeepMachine) -> Vec<f64> {
    machine.weights().iter().chain(machine.biases()).flatten().copied().collect()
}

/// Rows with few ones, in pairs that come together.
fn sparse_pairs(n: usize, width: usize, index: u64) -> BinaryData {
    let mut rng = Streams::new(8).stream("pairs", index);
    let mut bits = vec![0; n * width];
    for row in bits.chunks_exact_mut(width) {
        let k = 2 * rng.below(width / 2);
        row[k] = 1;
        row[k + 1] = u8::from(rng.chance(0.9));
        row[rng.below(width)] |= u8::from(rng.chance(0.2));
    }
    BinaryData::new(width, bits).unwrap()
}

#[test]
fn a_step_goes_along_the_exact_gradient_of_the_centred_parameters() {
    let bits = BinaryData::new(4, vec![1, 0, 0, 1, 0, 1, 1, 0, 1, 0, 1, 0]).unwrap();
    for (layers, labels) in [
        (vec![B(4), S(3)], false),
        (vec![S(4), B(3)], false),
        (vec![P(2, 2), B(3)], false),
        (vec![B(4), B(3), P(1, 3)], true),
    ] {
        for centring in [Centring::None, Centring::Means { sliding: 0.25 }] {
            let mut examples = Examples::bits(bits.clone());
            if labels {
                examples = examples.with_labels(vec![0, 2, 1], 3).unwrap();
            }
            let machine = random(layers.clone(), 0.5, 100);
            let training = DeepTraining {
                negative: DeepNegative::Exact,
                batch_size: 3,
                learning_rate: Schedule::Constant(0.1),
                weight_decay: 0.3,
                centring,
                ..DeepTraining::new(1, 1)
            };
            let trainer = run(training, &machine, &examples);
            let mut offsets: Vec<Vec<f64>> = machine.biases().iter().map(|b| vec![0.0; b.len()]).collect();
            if centring != Centring::None {
                let means = exact::means_of_data(&machine, &examples, Par::Serial).unwrap().units;
                offsets.clone_from(&means);
                let middle = machine.layers()[1].neutral();
                offsets[1].iter_mut().for_each(|x| *x = 0.75 * middle + 0.25 * *x);
            }
            // Slopes of the likelihood by differences in W and c, the parameters of the centred form.
            let weights = machine.weights().to_vec();
            let centred = shifted(&weights, machine.biases(), &offsets, 1.0);
            let at = |w: &[Vec<f64>], c: &[Vec<f64>]| {
                DeepMachine::new(layers.clone(), shifted(w, c, &offsets, -1.0), w.to_vec()).unwrap()
            };
            let (mut w, mut c) = (weights.clone(), centred.clone());
            for l in 0..weights.len() {
                for k in 0..weights[l].len() {
                    let value = |step: f64| {
                        let mut moved = weights.clone();
                        moved[l][k] += step;
                        log_likelihood(&at(&moved, &centred), &examples)
                    };
                    let slope = (value(1e-5) - value(-1e-5)) / 2e-5;
                    w[l][k] += 0.1 * (slope - 0.3 * weights[l][k]);
                }
            }
            for l in 0..centred.len() {
                for k in 0..centred[l].len() {
                    let value = |step: f64| {
                        let mut moved = centred.clone();
                        moved[l][k] += step;
                        log_likelihood(&at(&weights, &moved), &examples)
                    };
                    c[l][k] += 0.1 * (value(1e-5) - value(-1e-5)) / 2e-5;
                }
            }
            for (a, b) in flat(trainer.machine()).iter().zip(flat(&at(&w, &c))) {
                assert!((a - b).abs() < 1e-8, "{layers:?} {centring:?}: {a} {b}");
            }
        }
    }
}

#[test]
fn centred_training_does_not_care_which_value_is_called_one() {
    let data = sparse_pairs(60, 6, 1);
    let flipped = BinaryData::new(6, data.rows().flatten().map(|b| 1 - b).collect()).unwrap();
    let learned = |data: &BinaryData, centring| {
        let examples = Examples::bits(data.clone());
        let training = DeepTraining {
            negative: DeepNegative::Exact,
            batch_size: 60,
            learning_rate: Schedule::Constant(0.3),
            centring,
            ..DeepTraining::new(30, 1)
        };
        log_likelihood(
            run(training, &start(vec![B(6), B(4)], &examples, 0.3), &examples).machine(),
            &examples,
        )
    };
    let centring = Centring::Means { sliding: 0.1 };
    let (a, b) = (learned(&data, centring), learned(&flipped, centring));
    assert!((a - b).abs() < 1e-9, "{a} {b}");
    let (c, d) = (learned(&data, Centring::None), learned(&flipped, Centring::None));
    // Nothing here is random: what is equal differs by rounding, below 1e-14. A million times the bar above is another result.
    assert!((c - d).abs() > 1e-3, "{c} {d}");
}

#[test]
fn every_negative_phase_comes_near_the_exact_one() {
    let set = BarsAndStripes::new(2, 2).unwrap();
    let examples = Examples::bits(set.sample(500, &mut Streams::new(4).stream("data", 0)));
    // A binary unit has a quarter of the variance of a spin: the same machine has weights four times as large, whose slopes are a
    // quarter. Four times the start and the rates still leave it four times slower.
    for (layers, factor) in [(vec![S(4), S(4)], 1.0), (vec![B(4), B(4), B(3)], 4.0)] {
        let first = start(layers.clone(), &examples, 0.1 * factor);
        let learned = |negative: DeepNegative, rule: StepRule, rate: f64| {
            let training = DeepTraining {
                negative,
                rule,
                learning_rate: Schedule::Linear { from: factor * rate, to: 0.0 },
                weight_decay: 0.0,
                ..DeepTraining::new(200, 1)
            };
            log_likelihood(run(training, &first, &examples).machine(), &examples)
        };
        let before = log_likelihood(&first, &examples);
        let ceiling = learned(DeepNegative::Exact, StepRule::Momentum { momentum: 0.5 }, 0.1);
        assert!(ceiling > before + 0.5, "{layers:?}: {before} {ceiling}");
        let betas = vec![0.25, 0.5, 0.75, 1.0];
        for (negative, rule, rate) in [
            (DeepNegative::ContrastiveDivergence { steps: 10 }, StepRule::Momentum { momentum: 0.5 }, 0.1),
            (DeepNegative::Persistent { steps: 3, n_chains: 200 }, StepRule::Momentum { momentum: 0.5 }, 0.1),
            (DeepNegative::Persistent { steps: 3, n_chains: 200 }, StepRule::Adam, 0.01),
            (DeepNegative::Tempered { steps: 3, n_chains: 200, betas }, StepRule::Sgd, 0.2),
        ] {
            let text = format!("{layers:?} {negative:?} {rule:?}");
            let reached = learned(negative, rule, rate);
            assert!(reached > before + 0.75 * (ceiling - before), "{text}: {before} {reached} {ceiling}");
            assert!(reached < -set.entropy() + 0.05, "{text}: {reached}");
        }
    }
}

#[test]
fn real_numbers_and_potts_variables_are_learned() {
    // Two clusters of points around ±(1, 1): a hidden spin tells them apart.
    let mut rng = Streams::new(5).stream("points", 0);
    let values = (0..400)
        .flat_map(|_| {
            let side = if rng.chance(0.5) { 1.0 } else { -1.0 };
            [0, 1].map(|_| (side + 0.3 * rng.normal()) as f32)
        })
        .collect();
    let points = Examples::reals(RealRows::new(2, values).unwrap());
    // Two variables of three states that are mostly equal.
    let mut bits = Vec::new();
    for _ in 0..400 {
        let a = rng.below(3);
        let b = if rng.chance(0.9) { a } else { rng.below(3) };
        for c in [a, b] {
            bits.extend((0..3).map(|state| u8::from(state == c)));
        }
    }
    let pairs = Examples::bits(BinaryData::new(6, bits).unwrap());
    // Of two variables that are independent at the start -2 ln 3 = -2.20 per row, and of the law of the pairs -ln 3 - 0.29 = -1.39:
    // 0.81 to gain. Binary hidden units leave the start, which is near a saddle point, at a rate of 0.3 / 4 of the learning rate (the
    // largest excess covariance of the data times their variance): steps of 40 in sum make only e^3 of it, steps of 160 enough.
    for (layers, examples, gain, rate, n_epochs) in [
        (vec![LayerUnits::Gaussian { n: 2, sigma: 0.3 }, S(2)], &points, 5.0, 0.2, 100),
        (vec![P(2, 3), B(4)], &pairs, 0.7, 0.4, 200),
    ] {
        let first = start(layers.clone(), examples, 0.1);
        let training = DeepTraining {
            negative: DeepNegative::Persistent { steps: 5, n_chains: 200 },
            learning_rate: Schedule::Linear { from: rate, to: 0.0 },
            weight_decay: 0.0,
            ..DeepTraining::new(n_epochs, 1)
        };
        let after = run(training, &first, examples);
        let (a, b) = (log_likelihood(&first, examples), log_likelihood(after.machine(), examples));
        assert!(b > a + gain, "{layers:?}: {a} {b}");
    }
}

#[test]
fn labels_are_learned() {
    // The class says which pair of units is on.
    let mut rng = Streams::new(6).stream("classes", 0);
    let (mut bits, mut labels) = (Vec::new(), Vec::new());
    for _ in 0..600 {
        let class = rng.below(3);
        bits.extend((0..6).map(|i| u8::from(rng.chance(if i / 2 == class { 0.9 } else { 0.1 }))));
        labels.push(class as u8);
    }
    let examples = Examples::bits(BinaryData::new(6, bits).unwrap()).with_labels(labels.clone(), 3).unwrap();
    // Through two hidden layers the label hears of the rows only when the weights on the way have grown one after the other from
    // near a saddle point: this takes more steps, and fewer from a start further off.
    for (layers, scale, rate, n_epochs) in
        [(vec![B(6), B(6), P(1, 3)], 0.1, 0.2, 40), (vec![B(6), B(5), B(4), P(1, 3)], 0.5, 0.5, 200)]
    {
        let training = DeepTraining {
            learning_rate: Schedule::Linear { from: rate, to: 0.0 },
            ..DeepTraining::new(n_epochs, 1)
        };
        let trainer = run(training, &start(layers.clone(), &examples, scale), &examples);
        let scores = exact::ln_class_probabilities(trainer.machine(), &examples, Par::Serial).unwrap();
        assert!(scores.iter().all(|s| ln_sum_exp(s).abs() < 1e-12));
        let right =
            scores.iter().zip(&labels).filter(|(s, c)| s.iter().all(|x| *x <= s[usize::from(**c)])).count();
        // The best that can be, the pair with most units on and chance among equals: 95.0 of 100, 570 ± 5.3.
        assert!(right > 540, "{layers:?}: {right} of 600");
    }
}

#[test]
fn a_resumed_training_is_the_training_bit_for_bit_on_any_number_of_threads() {
    let bits = sparse_pairs(130, 6, 3);
    let labels: Vec<u8> = (0..130).map(|k| (k % 3) as u8).collect();
    let plain = Examples::bits(bits.clone());
    let labelled = Examples::bits(bits).with_labels(labels, 3).unwrap();
    let betas = vec![0.3, 0.6, 1.0];
    for (layers, examples, negative, rule) in [
        (vec![B(6), S(5)], &plain, DeepNegative::ContrastiveDivergence { steps: 2 }, StepRule::Sgd),
        (
            vec![S(6), B(5), B(4), P(1, 3)],
            &labelled,
            DeepNegative::Persistent { steps: 2, n_chains: 30 },
            StepRule::Momentum { momentum: 0.7 },
        ),
        (
            vec![B(6), B(5), B(4)],
            &plain,
            DeepNegative::Tempered { steps: 2, n_chains: 20, betas },
            StepRule::Adam,
        ),
    ] {
        let training = DeepTraining { negative, rule, batch_size: 50, ..DeepTraining::new(3, 7) };
        let first = start(layers, examples, 0.1);
        let whole = run(training.clone(), &first, examples);
        for stop in [1, 4] {
            let mut trainer = DeepTrainer::new(training.clone(), &first, examples).unwrap();
            for _ in 0..stop {
                trainer.step(Par::Rayon).unwrap();
            }
            let saved: DeepTrainerState = decode(&encode(&trainer.state(), 0).unwrap(), 0).unwrap();
            let mut trainer = DeepTrainer::resume(saved, examples).unwrap();
            assert_eq!(trainer.step_number(), stop);
            while !trainer.is_done() {
                trainer.step(Par::Rayon).unwrap();
            }
            assert_eq!(encode(&trainer.state(), 0).unwrap(), encode(&whole.state(), 0).unwrap());
        }
        assert!(whole.machine() != &first && whole.step_number() == 9);
    }
}

#[test]
fn damaged_states_and_other_data_are_refused() {
    let examples = Examples::bits(sparse_pairs(30, 4, 4));
    let first = start(vec![B(4), S(2)], &examples, 0.1);
    let negative = DeepNegative::Persistent { steps: 1, n_chains: 3 };
    let training = DeepTraining { negative, rule: StepRule::Adam, batch_size: 10, ..DeepTraining::new(2, 1) };
    let mut trainer = DeepTrainer::new(training, &first, &examples).unwrap();
    trainer.step(Par::Serial).unwrap();
    let good = serde_json::to_value(trainer.state()).unwrap();
    let read = |value: serde_json::Value, examples: &Examples| match serde_json::from_value(value) {
        Ok(state) => DeepTrainer::resume(state, examples).map(drop).map_err(|e| e.to_string()),
        Err(e) => Err(e.to_string()),
    };
    assert!(read(good.clone(), &examples).is_ok());
    let other = Examples::bits(sparse_pairs(30, 4, 5));
    assert!(read(good.clone(), &other).unwrap_err().contains("the data of the saved run"));
    for (place, value, part) in [
        ("/step", serde_json::json!(99), "saved step = 99"),
        ("/offsets", serde_json::json!([[0.0]]), "saved offsets"),
        ("/offsets/1", serde_json::json!([0.0]), "saved offsets of layer 1"),
        ("/chains", serde_json::json!([]), "saved temperatures"),
        ("/chains/0/0/values/1", serde_json::json!(0.5), "unit 1 of row 0"),
        ("/chains/0/1/columns", serde_json::json!(3), "saved chains of layer 1"),
        ("/memories", serde_json::json!([]), "saved memories"),
        ("/memories/0", serde_json::json!({ "Sgd": null }), "saved memory"),
        ("/machine/biases/0", serde_json::json!([0.0]), "biases of layer 0"),
        ("/training/batch-size", serde_json::json!(0), "batch-size"),
        ("/training/negative/persistent/n_chains", serde_json::json!(1_000_000_000), "n-chains"),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(place).unwrap_or_else(|| panic!("{place}")) = value;
        let text = read(bad, &examples).unwrap_err();
        assert!(text.contains(part), "{place}: {text}");
    }
}

#[test]
fn settings_that_cannot_be_are_refused() {
    let examples = Examples::bits(sparse_pairs(20, 4, 6));
    let first = start(vec![B(4), S(2)], &examples, 0.1);
    let ask = |change: &dyn Fn(&mut DeepTraining)| {
        let mut training = DeepTraining::new(2, 1);
        change(&mut training);
        DeepTrainer::new(training, &first, &examples).unwrap_err().to_string()
    };
    assert!(ask(&|t| t.batch_size = 0).contains("batch-size = 0"));
    assert!(ask(&|t| t.max_passes = 0).contains("max-passes = 0"));
    assert!(ask(&|t| t.tolerance = f64::NAN).contains("tolerance"));
    assert!(ask(&|t| t.learning_rate = Schedule::Constant(-1.0)).contains("learning-rate"));
    assert!(ask(&|t| t.weight_decay = -1.0).contains("weight-decay"));
    let tempered = |betas: &[f64]| DeepNegative::Tempered { steps: 1, n_chains: 2, betas: betas.to_vec() };
    assert!(ask(&|t| t.negative = tempered(&[1.0])).contains("number of betas = 1"));
    assert!(ask(&|t| t.negative = tempered(&[0.5, 0.4])).contains("rising order"));
    let reals = Examples::reals(RealRows::new(1, vec![0.5; 5]).unwrap());
    let real = start(vec![LayerUnits::Gaussian { n: 1, sigma: 1.0 }, S(2)], &reals, 0.1);
    let training = DeepTraining { negative: tempered(&[0.0, 1.0]), ..DeepTraining::new(1, 1) };
    assert!(DeepTrainer::new(training, &real, &reals).unwrap_err().to_string().contains("above 0"));
    // Labels and data without a layer between them.
    let two = Examples::bits(sparse_pairs(3, 4, 1)).with_labels(vec![0, 1, 1], 2).unwrap();
    let flat = start(vec![B(4), P(1, 2)], &two, 0.1);
    let text = DeepTrainer::new(DeepTraining::new(1, 1), &flat, &two).unwrap_err().to_string();
    assert!(text.contains("number of hidden layers"), "{text}");
    let none = Examples::bits(sparse_pairs(3, 4, 1).head(0));
    assert!(DeepTrainer::new(DeepTraining::new(1, 1), &first, &none).is_err());
}
