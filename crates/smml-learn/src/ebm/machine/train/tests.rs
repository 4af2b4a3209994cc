use super::{
    super::{
        exact,
        local::LocalCost,
        model::tests::random,
        phases::{NegativePhase, PositivePhase},
    },
    *,
};
use crate::{data::BarsAndStripes, ebm::rule::StepRule};
use smml_core::{
    factor_graph::ExactOptions,
    schedule::Schedule,
    store::{decode, encode},
};
use smml_physics::{glass::PlefkaOrder, ising::elimination};

fn exactly() -> Objective {
    Objective::Likelihood { positive: PositivePhase::Exact, negative: NegativePhase::Exact }
}

fn log_likelihood(machine: &BoltzmannMachine, data: &BinaryData) -> f64 {
    let rows = Rows::equal(data).unwrap();
    exact::log_likelihood(machine, &rows, 1.0, &ExactOptions::default(), Par::Serial).unwrap()
}

fn run(training: MachineTraining, machine: &BoltzmannMachine, data: &BinaryData) -> MachineTrainer {
    let mut trainer = MachineTrainer::new(training, machine, data).unwrap();
    while !trainer.is_done() {
        trainer.step(Par::Serial).unwrap();
    }
    trainer
}

fn complete(n: u32) -> SparseGraph {
    let pairs: Vec<(u32, u32)> = (0..n).flat_map(|i| (0..i).map(move |j| (i, j))).collect();
    SparseGraph::unweighted(n as usize, &pairs).unwrap()
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
    let data = BinaryData::new(4, [[1, 0, 0, 1], [0, 1, 1, 1], [0, 0, 0, 1]].concat()).unwrap();
    for units in [Units::Spins, Units::Binary] {
        for centring in [Centring::None, Centring::Means { sliding: 0.25 }] {
            let machine = random(units, 6, 4, 0.5, 80);
            let training = MachineTraining {
                objective: exactly(),
                batch_size: 3,
                learning_rate: Schedule::Constant(0.1),
                rule: StepRule::Sgd,
                weight_decay: 0.3,
                centring,
                ..MachineTraining::new(1, 1)
            };
            let mut trainer = MachineTrainer::new(training, &machine, &data).unwrap();
            trainer.step(Par::Serial).unwrap();
            // The offsets in use: column means, and a quarter of the way from the middle to the positive phase.
            let rows = Rows::equal(&data).unwrap();
            let means =
                exact::means_of_data(&machine, &rows, 1.0, &ExactOptions::default(), Par::Serial).unwrap();
            let mut offsets = vec![0.0; 6];
            if centring != Centring::None {
                for i in 0..6u32 {
                    let (mean, middle) = (means.units[i as usize], units.value(0.0));
                    let hidden = machine.hidden().contains(&i);
                    offsets[i as usize] = if hidden { 0.75 * middle + 0.25 * mean } else { mean };
                }
            }
            assert!(trainer.offsets().iter().zip(&offsets).all(|(a, b)| (a - b).abs() < 1e-12));
            // c = b + W μ; slopes of the likelihood by differences in W and c.
            let weights: Vec<f64> = machine.weights().edges().map(|e| e.2).collect();
            let c = shifted(machine.weights(), &weights, machine.biases(), &offsets, 1.0);
            let at = |w: &[f64], c: &[f64]| {
                machine.with_parameters(w, &shifted(machine.weights(), w, c, &offsets, -1.0)).unwrap()
            };
            let slope = |which: usize, k: usize| {
                let value = |step: f64| {
                    let mut p = [weights.clone(), c.clone()];
                    p[which][k] += step;
                    log_likelihood(&at(&p[0], &p[1]), &data)
                };
                (value(1e-5) - value(-1e-5)) / 2e-5
            };
            let w: Vec<f64> = (0..15).map(|k| weights[k] + 0.1 * (slope(0, k) - 0.3 * weights[k])).collect();
            let c: Vec<f64> = (0..6).map(|k| c[k] + 0.1 * slope(1, k)).collect();
            let want = at(&w, &c);
            let found = trainer.machine();
            for ((_, _, a), (_, _, b)) in found.weights().edges().zip(want.weights().edges()) {
                assert!((a - b).abs() < 1e-8, "{units:?} {centring:?}: {a} {b}");
            }
            for (a, b) in found.biases().iter().zip(want.biases()) {
                assert!((a - b).abs() < 1e-8, "{units:?} {centring:?}: {a} {b}");
            }
        }
    }
}

#[test]
fn centred_training_does_not_care_which_value_is_called_one() {
    // Melchior et al.: with offsets at the means, flipped data give the flipped machine. Without, 0 and 1 differ.
    let data = sparse_pairs(60, 6, 1);
    let flipped = BinaryData::new(6, data.rows().flatten().map(|b| 1 - b).collect()).unwrap();
    let graph = complete(8);
    let visible: Vec<u32> = (0..6).collect();
    let learned = |data: &BinaryData, centring| {
        let mut rng = Streams::new(2).stream("weights", 0);
        let start =
            BoltzmannMachine::for_data(Units::Binary, &graph, visible.clone(), data, 0.3, &mut rng).unwrap();
        // All units flip: the same weights, and biases -b - Σ W, which is where this starts from.
        let training = MachineTraining {
            objective: exactly(),
            batch_size: 60,
            learning_rate: Schedule::Constant(0.3),
            centring,
            ..MachineTraining::new(30, 1)
        };
        log_likelihood(run(training, &start, data).machine(), data)
    };
    let centring = Centring::Means { sliding: 0.1 };
    let (a, b) = (learned(&data, centring), learned(&flipped, centring));
    assert!((a - b).abs() < 1e-9, "{a} {b}");
    let (c, d) = (learned(&data, Centring::None), learned(&flipped, Centring::None));
    assert!((c - d).abs() > 0.01, "{c} {d}");
}

#[test]
fn the_centred_gradient_learns_what_the_plain_one_does_not() {
    // Spins with means far from 0. At every rate the centred machine is better after the same number of steps.
    let data = sparse_pairs(640, 10, 2);
    let graph = complete(14);
    let mut rng = Streams::new(3).stream("weights", 0);
    let start =
        BoltzmannMachine::for_data(Units::Spins, &graph, (0..10).collect(), &data, 0.05, &mut rng).unwrap();
    let learned = |rate: f64, centring| {
        let training = MachineTraining {
            objective: Objective::Likelihood {
                positive: PositivePhase::Sampled { sweeps: 5 },
                negative: NegativePhase::Persistent { sweeps: 5, n_chains: 256 },
            },
            learning_rate: Schedule::Constant(rate),
            rule: StepRule::Sgd,
            centring,
            ..MachineTraining::new(25, 1)
        };
        log_likelihood(run(training, &start, &data).machine(), &data)
    };
    let before = log_likelihood(&start, &data);
    for rate in [0.01, 0.03, 0.1] {
        let plain = learned(rate, Centring::None);
        let centred = learned(rate, Centring::Means { sliding: 0.01 });
        assert!(centred > plain + 0.05 && centred > before + 0.3, "{rate}: {before} {plain} {centred}");
    }
}

#[test]
fn sampled_phases_come_near_the_exact_gradient() {
    let set = BarsAndStripes::new(2, 2).unwrap();
    let data = set.sample(512, &mut Streams::new(4).stream("data", 0));
    let graph = complete(7);
    let mut rng = Streams::new(4).stream("weights", 0);
    let start =
        BoltzmannMachine::for_data(Units::Spins, &graph, vec![0, 1, 2, 3], &data, 0.1, &mut rng).unwrap();
    let learned = |positive: PositivePhase, negative: NegativePhase| {
        let training = MachineTraining {
            objective: Objective::Likelihood { positive, negative },
            learning_rate: Schedule::Linear { from: 0.1, to: 0.0 },
            ..MachineTraining::new(150, 1)
        };
        log_likelihood(run(training, &start, &data).machine(), &data)
    };
    let before = log_likelihood(&start, &data);
    let ceiling = learned(PositivePhase::Exact, NegativePhase::Exact);
    assert!(ceiling > before + 0.5, "{before} {ceiling}");
    let sampled = PositivePhase::Sampled { sweeps: 10 };
    let field = |order| PositivePhase::MeanField { order, max_passes: 100 };
    let chains = NegativePhase::Persistent { sweeps: 3, n_chains: 128 };
    let betas = vec![0.0, 0.25, 0.5, 1.0];
    for (positive, negative) in [
        (sampled, NegativePhase::ContrastiveDivergence { sweeps: 10 }),
        (sampled, chains.clone()),
        (sampled, NegativePhase::Tempered { sweeps: 3, n_chains: 512, betas }),
        (PositivePhase::Exact, chains.clone()),
        (field(PlefkaOrder::First), chains.clone()),
        (field(PlefkaOrder::Second), chains),
    ] {
        let text = format!("{positive:?} {negative:?}");
        let reached = learned(positive, negative);
        assert!(reached > before + 0.8 * (ceiling - before), "{text}: {before} {reached} {ceiling}");
        assert!(reached < ceiling + 0.05, "{text}: {reached} {ceiling}");
    }
}

#[test]
fn costs_without_ln_z_learn_the_machine_that_made_the_data() {
    let truth = random(Units::Spins, 8, 8, 0.4, 90);
    let mut rng = Streams::new(5).stream("samples", 0);
    let samples = elimination::sample(truth.ising(), 1.0, 4096, &ExactOptions::default(), &mut rng).unwrap();
    let data = BinaryData::new(8, samples.iter().flat_map(|s| truth.row_of(s)).collect()).unwrap();
    let best = log_likelihood(&truth, &data);
    let start = BoltzmannMachine::for_data(
        Units::Spins,
        truth.weights(),
        truth.visible().to_vec(),
        &data,
        0.0,
        &mut rng,
    )
    .unwrap();
    let before = log_likelihood(&start, &data);
    for of in [LocalCost::PseudoLikelihood, LocalCost::RatioMatching, LocalCost::MinimumProbabilityFlow] {
        let training = MachineTraining {
            objective: Objective::Local(of),
            learning_rate: Schedule::geometric(0.02, 0.0005).unwrap(),
            rule: StepRule::Adam,
            ..MachineTraining::new(8, 1)
        };
        let reached = log_likelihood(run(training, &start, &data).machine(), &data);
        // 36 parameters fit 4,096 rows better than the truth by some 36/2/4096 nats.
        assert!((reached - best).abs() < 0.01 && best > before + 0.1, "{of:?}: {before} {reached} {best}");
    }
}

#[test]
fn a_resumed_training_is_the_training_bit_for_bit_on_any_number_of_threads() {
    let data = sparse_pairs(150, 6, 3);
    let start = random(Units::Spins, 9, 6, 0.2, 91);
    let seen = random(Units::Binary, 6, 6, 0.2, 92);
    let likelihood =
        |negative| Objective::Likelihood { positive: PositivePhase::Sampled { sweeps: 3 }, negative };
    let tempered = NegativePhase::Tempered { sweeps: 2, n_chains: 128, betas: vec![0.1, 0.4, 0.7, 1.0] };
    for (objective, rule, machine) in [
        (likelihood(NegativePhase::ContrastiveDivergence { sweeps: 2 }), StepRule::Sgd, &start),
        (
            likelihood(NegativePhase::Persistent { sweeps: 2, n_chains: 128 }),
            StepRule::Momentum { momentum: 0.7 },
            &start,
        ),
        (likelihood(tempered), StepRule::Adam, &start),
        (Objective::Local(LocalCost::RatioMatching), StepRule::Adam, &seen),
    ] {
        let training = MachineTraining { objective, rule, ..MachineTraining::new(4, 7) };
        let whole = run(training.clone(), machine, &data);
        for stop in [1, 4] {
            let mut trainer = MachineTrainer::new(training.clone(), machine, &data).unwrap();
            for _ in 0..stop {
                trainer.step(Par::Rayon).unwrap();
            }
            let saved: MachineTrainerState = decode(&encode(&trainer.state(), 0).unwrap(), 0).unwrap();
            let mut trainer = MachineTrainer::resume(saved, &data).unwrap();
            assert_eq!(trainer.step_number(), stop);
            while !trainer.is_done() {
                trainer.step(Par::Rayon).unwrap();
            }
            assert_eq!(encode(&trainer.state(), 0).unwrap(), encode(&whole.state(), 0).unwrap());
        }
        assert!(whole.machine() != machine && whole.step_number() == 12);
    }
}

#[test]
fn damaged_states_and_other_data_are_refused() {
    let data = sparse_pairs(70, 4, 4);
    let machine = random(Units::Spins, 6, 4, 0.2, 93);
    let negative = NegativePhase::Tempered { sweeps: 1, n_chains: 64, betas: vec![0.5, 1.0] };
    let objective = Objective::Likelihood { positive: PositivePhase::Sampled { sweeps: 1 }, negative };
    let training = MachineTraining { objective, rule: StepRule::Adam, ..MachineTraining::new(2, 1) };
    let mut trainer = MachineTrainer::new(training, &machine, &data).unwrap();
    trainer.step(Par::Serial).unwrap();
    let good = serde_json::to_value(trainer.state()).unwrap();
    let read = |value: serde_json::Value, data: &BinaryData| match serde_json::from_value(value) {
        Ok(state) => MachineTrainer::resume(state, data).map(drop).map_err(|e| e.to_string()),
        Err(e) => Err(e.to_string()),
    };
    assert!(read(good.clone(), &data).is_ok());
    assert!(read(good.clone(), &sparse_pairs(70, 4, 5)).unwrap_err().contains("the data of the saved run"));
    for (place, value, part) in [
        ("/step", serde_json::json!(99), "saved step = 99"),
        ("/offsets", serde_json::json!([0.0]), "saved offsets has length 1"),
        ("/offsets/2", serde_json::json!(1.5), "saved offset 2 = 1.5"),
        ("/chains", serde_json::json!([]), "saved blocks of chains"),
        ("/chains/0/words", serde_json::json!([1]), "saved words"),
        ("/chains/0/rungs/0", serde_json::json!(2), "saved rungs"),
        ("/chains/0/rungs", serde_json::json!([]), "saved rungs"),
        ("/memory", serde_json::json!({ "Sgd": null }), "saved memory"),
        ("/memory/Adam/mean", serde_json::json!([0.0]), "second moments"),
        ("/machine/biases/0", serde_json::json!(null), "invalid type"),
        ("/training/batch_size", serde_json::json!(0), "batch"),
        ("/training/learning_rate", serde_json::json!({ "constant": -1.0 }), "learning-rate"),
        ("/training/centring", serde_json::json!({ "means": { "sliding": 0.0 } }), "sliding"),
    ] {
        let mut bad = good.clone();
        let place = if bad.pointer(place).is_some() { place.to_owned() } else { place.replace('_', "-") };
        *bad.pointer_mut(&place).unwrap() = value;
        let text = read(bad, &data).unwrap_err();
        assert!(text.contains(part), "{place}: {text}");
    }
}

#[test]
fn settings_that_cannot_be_are_refused_and_runs_that_diverge_say_so() {
    let data = sparse_pairs(20, 4, 6);
    let machine = random(Units::Spins, 6, 4, 0.2, 94);
    let ask = |change: &dyn Fn(&mut MachineTraining)| {
        let mut training = MachineTraining::new(2, 1);
        change(&mut training);
        MachineTrainer::new(training, &machine, &data).unwrap_err().to_string()
    };
    assert!(ask(&|t| t.batch_size = 0).contains("batch-size = 0"));
    assert!(ask(&|t| t.n_epochs = 0).contains("n-epochs = 0"));
    assert!(ask(&|t| t.learning_rate = Schedule::Constant(2e3)).contains("learning-rate"));
    assert!(ask(&|t| t.rule = StepRule::Momentum { momentum: 1.0 }).contains("momentum"));
    assert!(ask(&|t| t.weight_decay = -1.0).contains("weight-decay"));
    assert!(ask(&|t| t.centring = Centring::Means { sliding: 1.1 }).contains("sliding"));
    let local = Objective::Local(LocalCost::PseudoLikelihood);
    assert!(ask(&|t| t.objective = local.clone()).contains("number of hidden units = 2"));
    assert!(MachineTrainer::new(MachineTraining::new(1, 1), &machine, &data.head(0)).is_err());
    assert!(MachineTrainer::new(MachineTraining::new(1, 1), &machine, &sparse_pairs(9, 6, 1)).is_err());
    let training = MachineTraining {
        weight_decay: 1e300,
        learning_rate: Schedule::Constant(1e3),
        ..MachineTraining::new(2, 1)
    };
    let mut trainer = MachineTrainer::new(training, &machine, &data).unwrap();
    let error = (0..2).find_map(|_| trainer.step(Par::Serial).err()).unwrap().to_string();
    assert!(error.contains("lower the learning rate") || error.contains("local field"), "{error}");
}
