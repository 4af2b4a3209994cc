//! Machines of layers: pretraining, training and both bounds of ln Z, with everything exact beside them.

use crate::{
    error::Failure,
    report::figure::{Axis, Figure, Series, Style},
    reproduce::check::{Context, Outcome},
};
use smml_core::{
    estimate::Estimate,
    parallel::Par,
    rng::{Draw, Streams},
    schedule::Schedule,
};
use smml_learn::{
    data::{BarsAndStripes, Known},
    ebm::{
        Centring,
        deep::{
            DeepAnnealing, DeepMachine, DeepNegative, DeepTrainer, DeepTraining, Examples, LayerUnits,
            Pretrainer, Pretraining, accuracy, ais, exact,
        },
    },
};
use std::path::Path;

/// Mean of the exact ln P of patterns, weighted by their probabilities.
fn mean(machine: &DeepMachine, patterns: &Examples, weights: &[f64]) -> Result<f64, Failure> {
    let ln_p = exact::ln_probabilities(machine, patterns, Par::Serial)?;
    Ok(ln_p.iter().zip(weights).map(|(l, w)| l * w).sum())
}

/// Joint training by persistent chains; its exact log-likelihood on the way.
fn trained(
    start: &DeepMachine,
    examples: &Examples,
    (epochs, seed): (usize, u64),
    (patterns, weights): (&Examples, &[f64]),
) -> Result<(DeepMachine, Vec<(f64, f64)>), Failure> {
    let training = DeepTraining {
        negative: DeepNegative::Persistent { steps: 5, n_chains: 100 },
        batch_size: 50,
        learning_rate: Schedule::linear(0.1, 0.0)?,
        weight_decay: 0.0,
        ..DeepTraining::new(epochs, seed)
    };
    let mut trainer = DeepTrainer::new(training, start, examples)?;
    let mut curve = vec![(0.0, mean(start, patterns, weights)?)];
    let each = trainer.n_steps() / 25;
    while !trainer.is_done() {
        trainer.step(Par::Serial)?;
        if trainer.step_number() % each == 0 {
            let epoch = trainer.step_number() as f64 / trainer.n_batches() as f64;
            curve.push((epoch, mean(trainer.machine(), patterns, weights)?));
        }
    }
    Ok((trainer.machine().clone(), curve))
}

pub(super) fn deep(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let set = BarsAndStripes::new(3, 3)?;
    let (patterns, weights) = set.patterns()?;
    let patterns = Examples::bits(patterns);
    let mut rng = ctx.streams.stream("data", 0);
    let examples = Examples::bits(set.sample(600, &mut rng));
    let layers = [9, 8, 6].map(|n| LayerUnits::Binary { n }).to_vec();
    let start = DeepMachine::for_data(layers, &examples, 0.01, &mut rng)?;
    let training = Pretraining {
        n_epochs: ctx.level.pick(40, 60, 100),
        batch_size: 20,
        learning_rate: Schedule::linear(0.2, 0.01)?,
        weight_decay: 0.0,
        ..Pretraining::new(1, rng.word())
    };
    let mut pretrainer = Pretrainer::new(training, &start, &examples)?;
    while !pretrainer.is_done() {
        pretrainer.step(Par::Serial)?;
    }
    let plan = (ctx.level.pick(150, 600, 1_500), rng.word());
    let truth = (&patterns, &weights[..]);
    let (machine, with) = trained(pretrainer.machine(), &examples, plan, truth)?;
    let (_, without) = trained(&start, &examples, plan, truth)?;
    let [before, pretrained, after] =
        [&start, pretrainer.machine(), &machine].map(|m| mean(m, &patterns, &weights));
    let (before, pretrained, after) = (before?, pretrained?, after?);
    o.reported("exact log-likelihood before training, nats an image", Estimate::exact(before));
    o.at_least("pretraining, layer by layer, gains", Estimate::exact(pretrained - before), 0.4);
    o.at_least("training of all layers together gains more", Estimate::exact(after - pretrained), 0.2);
    let close = ctx.level.pick(0.8, 0.5, 0.4);
    o.at_least(
        format!("and comes within {close} of minus the entropy"),
        Estimate::exact(after),
        -set.entropy() - close,
    );
    o.at_most("which nothing can exceed", Estimate::exact(after), -set.entropy());
    let last = |curve: &[(f64, f64)]| curve.last().map_or(f64::NAN, |p| p.1);
    o.reported("the same training without pretraining", Estimate::exact(last(&without)));
    let ends = [(0.0, -set.entropy()), (plan.0 as f64, -set.entropy())];
    o.figure(Figure::plot(
        "deep-machine-learning",
        "A deep machine learns bars and stripes",
        "Exact log-likelihood of 3 × 3 bars and stripes under a machine of layers of 9, 8 and 6 units, trained with the centred gradient: from small random weights, and from weights that were trained layer by layer.",
        Axis::linear("epoch of joint training"),
        Axis::linear("nats an image"),
        vec![
            Series::new("pretrained", Style::Line, with),
            Series::new("not pretrained", Style::Line, without),
            Series::new("minus the entropy", Style::Dashed, ends.to_vec()),
        ],
    ));
    sandwich(ctx, &mut o, &machine)?;
    o.note("Sums over all states of every other layer are exact. While a layer between two others is trained alone, the one layer that is there counts twice; the machine that pretraining leaves has the mean of both fields (Salakhutdinov and Hinton 2009).");
    Ok(o)
}

/// Exact ln Z between annealing forward and backward.
fn sandwich(ctx: &Context<'_>, o: &mut Outcome, machine: &DeepMachine) -> Result<(), Failure> {
    let ln_z = exact::ln_z(machine, 1.0, Par::Rayon)?;
    let runs = ctx.level.pick(400, 1_000, 5_000);
    // Backward annealing starts at rows of the machine's exact distribution; its hidden layers settle by Gibbs steps.
    let all = super::all_rows(9)?;
    let p = exact::ln_probabilities(machine, &Examples::bits(all.clone()), Par::Rayon)?;
    let p: Vec<f64> = p.into_iter().map(libm::exp).collect();
    let mut rng = ctx.streams.stream("rows", 0);
    let rows: Vec<Vec<f64>> =
        (0..runs).map(|_| all.row(rng.choose(&p)).iter().map(|b| f64::from(*b)).collect()).collect();
    let (mut lower, mut upper) = (Vec::new(), Vec::new());
    for (k, n_rungs) in [3, 10, 30, 100, 300].into_iter().enumerate() {
        let plan = DeepAnnealing { base: vec![0.0; 9], n_rungs, n_runs: runs };
        let streams = ctx.streams.child("annealing", k as u64);
        let forward = ais::forward(machine, &plan, &streams, Par::Rayon)?;
        let backward = ais::backward(machine, &plan, &rows, 500, &streams, Par::Rayon)?;
        lower.push((n_rungs as f64, forward.ln_z_lower_bound()?.affine(-ln_z, 1.0)));
        upper.push((n_rungs as f64, backward.ln_z_upper_bound()?.affine(-ln_z, 1.0)));
        if n_rungs == 10 {
            let z = |bounds: &[(f64, Estimate)]| bounds.last().map_or(0.0, |(_, e)| e.z(0.0));
            o.holds(
                "with 10 rungs both bounds are more than 5 errors away from ln Z, on their sides",
                z(&lower) < -5.0 && z(&upper) > 5.0,
            );
        }
        if n_rungs == 300 {
            o.sampled("ln Z by annealing forward, 300 rungs", forward.ln_z()?, ln_z);
            o.sampled("ln Z by annealing backward", backward.ln_z()?, ln_z);
        }
    }
    o.figure(Figure::plot(
        "deep-machine-sandwich",
        "ln Z of a deep machine between two bounds",
        "Mean ln of the weights of annealed importance sampling less the exact ln Z of the trained machine: from below when annealing forward, from above when annealing backward from its samples.",
        Axis::log("number of temperatures"),
        Axis::linear("⟨ln w⟩ - ln Z"),
        vec![
            Series::measured("forward", &lower),
            Series::measured("backward", &upper),
            Series::new("exact", Style::Line, vec![(3.0, 0.0), (300.0, 0.0)]),
        ],
    ));
    Ok(())
}

/// 1,000 digits as units ±1 by both gradients.
pub(super) fn digits(ctx: &Context<'_>, folder: &Path, o: &mut Outcome) -> Result<(), Failure> {
    let data = Known::Mnist.load(folder)?;
    let bits = |set: &smml_learn::data::DataSet| {
        Examples::bits(set.binarise(127)).with_labels(set.labels().to_vec(), 10)
    };
    let (train, test) = (bits(&data.train.head(1_000))?, bits(&data.test.head(1_000))?);
    let layers = vec![
        LayerUnits::Spins { n: 784 },
        LayerUnits::Spins { n: 100 },
        LayerUnits::Softmax { groups: 1, q: 10 },
    ];
    let learned = |centring| -> Result<Estimate, Failure> {
        let mut rng = Streams::new(ctx.streams.stream("digits", 0).word()).stream("weights", 0);
        let start = DeepMachine::for_data(layers.clone(), &train, 0.01, &mut rng)?;
        let training = DeepTraining {
            negative: DeepNegative::ContrastiveDivergence { steps: 1 },
            batch_size: 20,
            learning_rate: Schedule::Constant(0.01),
            centring,
            ..DeepTraining::new(12, rng.word())
        };
        let mut trainer = DeepTrainer::new(training, &start, &train)?;
        while !trainer.is_done() {
            trainer.step(Par::Rayon)?;
        }
        Ok(accuracy(trainer.machine(), &test, 20, Par::Rayon)?.1)
    };
    // Biases are set from the data in both, which spares the plain gradient most of what it is bad at.
    o.reported("1,000 digits as ±1, CD-1, plain gradient: test accuracy", learned(Centring::None)?);
    o.at_least("the same with the centred gradient", learned(Centring::Means { sliding: 0.01 })?, 0.65);
    Ok(())
}
