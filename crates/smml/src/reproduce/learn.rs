//! Chapter learn: the Gibbs distribution (Eqs. (36), (37)), Boltzmann machines (Eqs. (43), (44)), the network.

use super::check::{Check, Context, Level, Outcome};
use crate::{
    catalogue::Chapter,
    error::Failure,
    report::figure::{Axis, Figure, Series, Style},
};
use smml_core::{
    distribution::{Categorical, Discrete},
    energy::{ln_sum_exp, ln_z_exact, mean_exact},
    estimate::Estimate,
    information::{EntropyEstimator, entropy_from_samples},
    optimize::{Method, Stop, minimise},
    parallel::Par,
    prelude::*,
    sample::{Anneal, Metropolis},
    testing::{gradient_error, law},
};
use smml_learn::{
    data::{BarsAndStripes, BinaryData, DataSet, Known, Provenance, TrainTest},
    ebm::{
        BlockGibbs, Classifier, GibbsChains, Grid, Negative, Rbm, RbmTrainer, RbmTraining,
        ais::{self, BaseRatePath, Sandwich, SandwichPlan},
        likelihood,
    },
    network::{self, Activation, Architecture, Labelled, Loss, WeightMoves},
};

/// The checks of this chapter.
pub(super) fn checks() -> Vec<&'static Check> {
    CHECKS.iter().collect()
}

static CHECKS: [Check; 7] = [
    Check {
        id: "gibbs-distribution",
        chapter: Chapter::Learn,
        equations: &["36", "37"],
        title: "The Gibbs distribution, for energies of any size",
        run: gibbs_distribution,
    },
    Check {
        id: "rbm-exact",
        chapter: Chapter::Learn,
        equations: &["43", "44"],
        title: "The Boltzmann machine against enumeration",
        run: rbm_exact,
    },
    Check {
        id: "rbm-partition-function",
        chapter: Chapter::Learn,
        equations: &["44"],
        title: "ln Z by annealed importance sampling, from both sides",
        run: partition_function,
    },
    Check {
        id: "rbm-bars-and-stripes",
        chapter: Chapter::Learn,
        equations: &["43", "44"],
        title: "A machine learns bars and stripes",
        run: bars_and_stripes,
    },
    Check {
        id: "rbm-digits",
        chapter: Chapter::Learn,
        equations: &["43", "44"],
        title: "A machine learns handwritten digits",
        run: digits,
    },
    Check {
        id: "rbm-labels",
        chapter: Chapter::Learn,
        equations: &["43"],
        title: "A machine with label units classifies handwritten digits",
        run: labels,
    },
    Check {
        id: "network-annealing",
        chapter: Chapter::Learn,
        equations: &[],
        title: "A network trained by gradient and by simulated annealing",
        run: network,
    },
];

fn gibbs_distribution(_: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    // Three energies; closed form by hand: Z = 1 + 2⁻¹ + 4⁻¹ at β = ln 2.
    let beta = std::f64::consts::LN_2;
    let p = Categorical::from_ln_weights(&[0.0, -beta, -2.0 * beta])?;
    for (k, exact) in [(0, 4.0 / 7.0), (1, 2.0 / 7.0), (2, 1.0 / 7.0)] {
        o.computed(format!("P(y = {k}) for E = 0, 1, 2 at β = ln 2"), libm::exp(p.ln_pmf(k)), exact, 1e-15);
    }
    o.computed("ln Z of E = -10,000, -10,000", ln_sum_exp(&[1e4, 1e4]), 1e4 + std::f64::consts::LN_2, 1e-15);
    o.computed(
        "ln Z of E = 10,000, 10,001",
        ln_sum_exp(&[-1e4, -1e4 - 1.0]),
        -1e4 + libm::log1p(libm::exp(-1.0)),
        1e-15,
    );
    o.note("Written naively, exp(-β E) overflows at E = -710; the logarithm of the sum does not.");
    Ok(o)
}

/// A machine with weights of order `scale`.
fn random_rbm(visible: usize, hidden: usize, scale: f64, rng: &mut Stream) -> Result<Rbm, Failure> {
    let mut draw = |n: usize| (0..n).map(|_| scale * rng.normal()).collect::<Vec<f64>>();
    Ok(Rbm::new(draw(visible), draw(hidden), draw(visible * hidden))?)
}

fn rbm_exact(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let rbm = random_rbm(8, 8, 0.7, &mut Streams::new(88).stream("rbm", 0))?;
    let states = ln_z_exact(&rbm, 1.0)?;
    o.computed(
        "ln Z, 8 + 8: over v of exp(-F) against all 65,536 states",
        likelihood::ln_z_exact(&rbm, 1.0, Par::Rayon)?,
        states,
        1e-12,
    );
    let free = Rbm::new(vec![0.3, -1.2, 0.0], vec![0.5, -0.4], vec![0.0; 6])?;
    let softplus = |x: f64| libm::log1p(libm::exp(x));
    let exact = [0.3, -1.2, 0.0, 0.5, -0.4].into_iter().map(softplus).sum();
    o.computed(
        "ln Z without couplings is Σ ln(1 + eᵃ) + Σ ln(1 + eᵇ)",
        likelihood::ln_z_exact(&free, 1.0, Par::Rayon)?,
        exact,
        1e-14,
    );
    // One conditional probability from the joint distribution.
    let small = random_rbm(4, 3, 1.0, &mut Streams::new(88).stream("rbm", 1))?;
    let v = [1u8, 0, 1, 1];
    let fits = |s: &smml_learn::ebm::RbmState| s.visible.iter().zip(&v).all(|(a, b)| *a == (*b == 1));
    let norm = mean_exact(&small, 1.0, |s| f64::from(fits(s)))?;
    for j in 0..3 {
        let joint = mean_exact(&small, 1.0, |s| f64::from(fits(s) && s.hidden[j]))?;
        o.computed(format!("P(h{} = 1 | v), 4 + 3", j + 1), small.p_hidden(&v, 1.0)[j], joint / norm, 1e-13);
    }
    // The gradient of the mean log-likelihood against a central difference.
    let data = BinaryData::new(4, vec![1, 0, 1, 1, 0, 1, 0, 0, 1, 1, 1, 0])?;
    let gradient = likelihood::gradient_exact(&small, &data, 1.0, Par::Serial)?;
    let shifted = |h: f64| -> Result<f64, Failure> {
        let mut w = small.weights().to_vec();
        w[4] += h;
        let moved = Rbm::new(small.visible_bias().to_vec(), small.hidden_bias().to_vec(), w)?;
        Ok(likelihood::log_likelihood_exact(&moved, &data, 1.0, Par::Serial)?.on_these_rows.value)
    };
    let h = 1e-5;
    o.computed(
        "∂ ln L / ∂ w₂₂: ⟨v h⟩ data - ⟨v h⟩ model",
        gradient.products[4],
        (shifted(h)? - shifted(-h)?) / (2.0 * h),
        1e-9,
    );
    let l = law(&random_rbm(3, 3, 0.9, &mut Streams::new(88).stream("rbm", 2))?, &BlockGibbs::default(), 1.0);
    o.at_most("max |πP - π| of block Gibbs sampling, 3 + 3", Estimate::exact(l.stationary), 1e-12);
    // Sampled on the fast engine.
    let n = ctx.level.pick(4_000, 20_000, 200_000);
    let start = BinaryData::new(8, vec![0; 8 * n])?;
    let samples = GibbsChains::new(60).run(&rbm, &start, &ctx.streams, Par::Rayon)?;
    let energies: Vec<f64> = samples.states.rows().map(|v| rbm.free_energy(v, 1.0)).collect();
    let exact: f64 = (0..256usize)
        .map(|i| {
            let v: Vec<u8> = (0..8).map(|k| (i >> k & 1) as u8).collect();
            let f = rbm.free_energy(&v, 1.0);
            libm::exp(-f - states) * f
        })
        .sum();
    o.sampled("⟨F(v)⟩ of Gibbs samples, 8 + 8", Estimate::from_independent(&energies)?, exact);
    Ok(o)
}

fn partition_function(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let rbm = random_rbm(20, 17, 0.6, &mut Streams::new(20).stream("rbm", 0))?;
    let exact = likelihood::ln_z_exact(&rbm, 1.0, Par::Rayon)?;
    let base = vec![0.0; 20];
    let path = BaseRatePath::new(base.clone(), ctx.level.pick(2_000, 5_000, 20_000))?;
    let both = Sandwich::run(
        &rbm,
        1.0,
        &path,
        &SandwichPlan { n_runs: 500, n_gibbs: 500, data: None },
        &ctx.streams,
        Par::Rayon,
    )?;
    o.sampled("ln Z, forward, 20 + 17", both.forward.ln_z()?, exact);
    o.sampled("ln Z, backward, 20 + 17", both.backward.ln_z()?, exact);
    o.sampled("ln Z, both ways by Bennett's acceptance ratio", both.ln_z()?, exact);
    // How the bracket closes.
    let (mut lower, mut upper) = (Vec::new(), Vec::new());
    for (k, rungs) in [4, 11, 31, 101, 301, 1001].into_iter().enumerate() {
        let path = BaseRatePath::new(base.clone(), rungs)?;
        let streams = ctx.streams.child("bracket", k as u64);
        let forward = ais::forward(&rbm, 1.0, &path, 500, &streams, Par::Rayon)?;
        let backward = ais::backward(&rbm, 1.0, &path, &both.samples, &streams, Par::Rayon)?;
        lower.push((rungs as f64, forward.ln_z_lower_bound()?.affine(-exact, 1.0)));
        upper.push((rungs as f64, backward.ln_z_upper_bound()?.affine(-exact, 1.0)));
        if rungs == 11 {
            // A wrong sign in one direction would put both bounds on one side.
            o.holds("with 11 temperatures both bounds are more than 5 errors away, on their sides", {
                let z = |bounds: &[(f64, Estimate)]| bounds.last().map_or(0.0, |(_, e)| e.z(0.0));
                z(&lower) < -5.0 && z(&upper) > 5.0
            });
        }
    }
    o.figure(Figure::plot(
        "rbm-sandwich",
        "ln Z between two bounds",
        "Mean ln of the weights of annealed importance sampling, less the exact ln Z (enumeration), of a 20 + 17 machine: from below when annealing forward, from above backward from samples of the machine.",
        Axis::log("number of temperatures"),
        Axis::linear("⟨ln w⟩ - ln Z"),
        vec![
            Series::measured("forward", &lower),
            Series::measured("backward", &upper),
            Series::new("exact", Style::Line, vec![(4.0, 0.0), (1001.0, 0.0)]),
        ],
    ));
    Ok(o)
}

fn bars_and_stripes(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let set = BarsAndStripes::new(3, 3)?;
    let (patterns, weights) = set.patterns()?;
    o.computed(
        "entropy of 3 × 3 bars and stripes is 3.75 ln 2",
        set.entropy(),
        3.75 * std::f64::consts::LN_2,
        1e-13,
    );
    let data = set.sample(2_000, &mut ctx.streams.stream("data", 0));
    let epochs = ctx.level.pick(150, 500, 2_000);
    let (rate, decay) = ctx.level.pick((0.2, 5e-4), (0.1, 3e-4), (0.05, 2e-4));
    let mut curves = Vec::new();
    let mut last = (f64::NEG_INFINITY, None);
    for (name, negative) in [
        ("CD-1", Negative::ContrastiveDivergence { steps: 1 }),
        ("PCD-5, 200 chains", Negative::Persistent { steps: 5, n_chains: 200 }),
    ] {
        let training = RbmTraining {
            negative,
            learning_rate: Schedule::linear(rate, rate / 100.0)?,
            weight_decay: decay,
            ..RbmTraining::new(16, epochs, ctx.streams.stream("seed", 0).word())
        };
        let mut trainer = RbmTrainer::new(training, &data, None)?;
        let mut points = Vec::new();
        while !trainer.is_done() {
            let epoch = trainer.epoch(Par::Serial)?.epoch + 1;
            if epoch % (epochs / 50) == 0 {
                // The exact expected log-likelihood under the true distribution.
                let rbm = trainer.model()?;
                let ln_z = likelihood::ln_z_exact(&rbm, 1.0, Par::Serial)?;
                let value: f64 =
                    patterns.rows().zip(&weights).map(|(v, p)| p * (-rbm.free_energy(v, 1.0) - ln_z)).sum();
                points.push((epoch as f64, value));
                last = (value, Some(rbm));
            }
        }
        curves.push(Series::new(name, Style::Line, points));
    }
    o.at_most(
        "exact log-likelihood after PCD is below minus the entropy",
        Estimate::exact(last.0),
        -set.entropy() + 1e-12,
    );
    // Untrained, the machine gives every one of 2⁹ images the same probability: 3.64 nats above the entropy. Over
    // 16 (8 at --full) seeds the divergence is 0.102 ± 0.013, 0.055 ± 0.010 and 0.035 ± 0.005.
    let close = ctx.level.pick(0.3, 0.2, 0.1);
    o.at_least(
        format!("and close to it: the Kullback-Leibler divergence is below {close}"),
        Estimate::exact(last.0),
        -set.entropy() - close,
    );
    let entropy = -set.entropy();
    curves.push(Series::new(
        "minus the entropy of the data",
        Style::Dashed,
        vec![(0.0, entropy), (epochs as f64, entropy)],
    ));
    o.figure(Figure::plot(
        "rbm-learning-curve",
        "Learning bars and stripes",
        "Exact expected log-likelihood of a 9 + 16 machine under the true distribution. Contrastive divergence stops short of it; persistent chains come close. Nothing can rise above the dashed line.",
        Axis::linear("epoch"),
        Axis::linear("nats an image"),
        curves,
    ));
    if let Some(rbm) = last.1 {
        let start = BinaryData::new(9, vec![0; 9 * 64])?;
        let drawn = GibbsChains::new(2_000).run(&rbm, &start, &ctx.streams.child("draw", 0), Par::Rayon)?;
        let values: Vec<f32> = drawn.states.rows().flatten().map(|b| f32::from(*b)).collect();
        let grid = Grid { across: 16, ..Grid::square(3, 3, 64) };
        let picture = grid.tile(&values)?;
        let good = drawn.states.rows().filter(|r| set.ln_probability(r).is_ok_and(|p| p.is_finite())).count();
        o.reported("samples that are bars or stripes", Estimate::from_counts(good as u64, 64)?);
        o.figure(Figure::image(
            "rbm-bars",
            "Samples of the machine",
            "64 images drawn by Gibbs sampling after training with persistent chains.",
            picture.width,
            picture.height,
            picture.pixels,
        ));
    }
    Ok(o)
}

/// MNIST, or why it is not there.
fn mnist(ctx: &Context<'_>) -> Result<Result<TrainTest, Outcome>, Failure> {
    let Some(folder) = ctx.data else {
        return Ok(Err(Outcome::skipped("needs MNIST: give --data DIR; smml data says where to get it")));
    };
    Ok(Ok(Known::Mnist.load(folder)?))
}

fn digits(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let data = match mnist(ctx)? {
        Ok(data) => data,
        Err(skipped) => return Ok(skipped),
    };
    let mut o = Outcome::default();
    o.holds(
        "the files are the published ones",
        data.files.iter().all(|f| f.provenance == Provenance::Official),
    );
    let train = data.train.head(ctx.level.pick(10_000, 60_000, 60_000)).binarise(127);
    let test = data.test.binarise(127);
    // At --full the weights grow larger, and more steps keep the chains up with them.
    let training = RbmTraining {
        negative: Negative::Persistent { steps: ctx.level.pick(2, 2, 5), n_chains: 100 },
        ..RbmTraining::for_sampling(
            ctx.level.pick(200, 500, 500),
            ctx.level.pick(20, 6, 30),
            ctx.streams.stream("seed", 0).word(),
        )
    };
    let mut trainer = RbmTrainer::new(training, &train, None)?;
    let mut curve = Vec::new();
    while !trainer.is_done() {
        let epoch = trainer.epoch(Par::Rayon)?.epoch + 1;
        let monitor = likelihood::pseudo_log_likelihood(&trainer.model()?, &test.head(500), 1.0, Par::Rayon)?;
        curve.push((epoch as f64, monitor));
    }
    let rbm = trainer.model()?;
    let base = train.log_odds(0.5);
    let path = BaseRatePath::new(base.clone(), ctx.level.pick(2_000, 8_000, 30_000))?;
    let both = Sandwich::run(
        &rbm,
        1.0,
        &path,
        &SandwichPlan { n_runs: 100, n_gibbs: 1_000, data: Some(&train) },
        &ctx.streams,
        Par::Rayon,
    )?;
    let (lower, upper) = (both.lower()?, both.upper()?);
    let (from_annealed, from_data) = both.uppers()?;
    let likelihood = |ln_z| likelihood::log_likelihood(&rbm, &test, 1.0, ln_z, Par::Rayon);
    let cautious = likelihood(upper)?.expected;
    // Independent pixels with the rates of the training images: what a machine without couplings reaches.
    let rates: Vec<f64> = base.iter().map(|a| 1.0 / (1.0 + libm::exp(-a))).collect();
    let independent: Vec<f64> = test
        .rows()
        .map(|v| v.iter().zip(&rates).map(|(b, p)| libm::log(if *b == 1 { *p } else { 1.0 - p })).sum())
        .collect();
    let independent = Estimate::from_independent(&independent)?;
    o.reported("test log-likelihood of independent pixels, nats an image", independent);
    o.reported("ln Z, lower bound by annealing forward", lower);
    o.reported("ln Z, upper bound by annealing backward from annealed states", from_annealed);
    if let Some(from_data) = from_data {
        o.reported("ln Z, upper bound by annealing backward from data", from_data);
    }
    o.at_least("upper bound less lower bound", upper.plus(lower.affine(0.0, -1.0)), 0.0);
    match both.ln_z() {
        Ok(ln_z) => {
            o.reported("ln Z, both ways by Bennett's acceptance ratio", ln_z);
            o.reported("test log-likelihood with it, nats an image", likelihood(ln_z)?.expected);
        }
        Err(e) => {
            o.note(format!("No single estimate of ln Z: {e}"));
        }
    }
    o.at_least(
        "test log-likelihood with the upper bound of ln Z, nats an image",
        cautious,
        independent.value + ctx.level.pick(60.0, 100.0, 120.0),
    );
    o.at_most("and with the lower bound it is still a probability", likelihood(lower)?.expected, 0.0);
    o.note("Persistent contrastive divergence with 100 chains. The upper bound of ln Z makes the log-likelihood too low rather than too high. It relies on 1,000 Gibbs steps to reach samples of the machine; half of the chains come from data, half from annealed states, and the larger bound is taken.");
    o.figure(Figure::plot(
        "rbm-digits-curve",
        "Learning digits",
        "Pseudo-log-likelihood of 500 test images after every epoch.",
        Axis::linear("epoch"),
        Axis::linear("pseudo-log-likelihood, nats an image"),
        vec![Series { style: Style::LinePoints, ..Series::measured("test images", &curve) }],
    ));
    let n = 200;
    let mut rng = ctx.streams.stream("start", 0);
    let bits = (0..n * 784).map(|i| u8::from(rng.chance(rates[i % 784]))).collect();
    let start = BinaryData::new(784, bits)?;
    let drawn = GibbsChains::new(2_000).run(&rbm, &start, &ctx.streams.child("draw", 0), Par::Rayon)?;
    variety(ctx, &mut o, &data, &drawn.states)?;
    let picture = Grid { across: 20, ..Grid::square(28, 28, n) }.tile(&drawn.probabilities[..100 * 784])?;
    o.figure(Figure::image(
        "rbm-digits",
        "Digits that nobody wrote",
        "100 images drawn from the trained machine by 2,000 Gibbs steps each, from noise.",
        picture.width,
        picture.height,
        picture.pixels,
    ));
    let filters = Grid { across: 20, ..Grid::square(28, 28, 100) }.filters(&rbm, 100)?;
    o.figure(Figure::image(
        "rbm-filters",
        "What the hidden units look at",
        "Weights of 100 hidden units: white excites, black inhibits, grey is zero.",
        filters.width,
        filters.height,
        filters.pixels,
    ));
    Ok(o)
}

/// Whether all kinds of digits are among those drawn, as a network sees them.
fn variety(ctx: &Context<'_>, o: &mut Outcome, data: &TrainTest, drawn: &BinaryData) -> Result<(), Failure> {
    let binary = |set: &DataSet| {
        let pixels = set.images().iter().map(|p| f32::from(u8::from(*p > 127))).collect();
        Labelled::new(784, 10, pixels, set.labels().to_vec())
    };
    let train = binary(&data.train.head(10_000))?;
    let shape = Architecture::new(vec![784, 50, 10], Activation::Relu)?;
    let seed = ctx.streams.stream("judge", 0).word();
    let mut trainer = network::NetworkTrainer::new(network::NetworkTraining::new(shape, 4, seed), &train)?;
    while !trainer.is_done() {
        trainer.epoch(Par::Rayon)?;
    }
    let judge = trainer.network()?;
    o.reported(
        "test accuracy of a network that judges them",
        judge.accuracy(&binary(&data.test)?, Par::Rayon)?,
    );
    let pixels: Vec<f32> = drawn.rows().flatten().map(|b| f32::from(*b)).collect();
    let classes = judge.predict(&pixels, Par::Rayon)?;
    let entropy = entropy_from_samples(&classes, EntropyEstimator::MillerMadow)?;
    // ln 10 = 2.303 when all digits come equally often; 1.39 when only four do.
    o.at_least("entropy of the digits that it sees in them, nats (at most ln 10 = 2.303)", entropy, 1.39);
    Ok(())
}

fn labels(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let data = match mnist(ctx)? {
        Ok(data) => data,
        Err(skipped) => return Ok(skipped),
    };
    let mut o = Outcome::default();
    let train_set = data.train.head(ctx.level.pick(10_000, 60_000, 60_000));
    let (train, test) = (train_set.binarise(0), data.test.binarise(0));
    let (epochs, seeds) = ctx.level.pick((4, 1), (4, 1), (20, 3));
    let mut accuracies = Vec::new();
    let mut judge = None;
    for seed in 0..seeds {
        let training = RbmTraining::with_labels(500, epochs, ctx.streams.stream("seed", seed).word());
        let mut trainer = RbmTrainer::new(training, &train, Some((train_set.labels(), 10)))?;
        while !trainer.is_done() {
            trainer.epoch(Par::Rayon)?;
        }
        let rbm = trainer.model()?;
        let accuracy = Classifier::new(&rbm, 10)?.accuracy(&test, data.test.labels(), Par::Rayon)?;
        o.reported(format!("test accuracy after {epochs} epochs, run {}", seed + 1), accuracy);
        accuracies.push(accuracy.value);
        judge = Some(rbm);
    }
    let mean = accuracies.iter().sum::<f64>() / accuracies.len() as f64;
    let per_run = Estimate::from_counts((mean * data.test.len() as f64) as u64, data.test.len() as u64)?;
    // Softmax regression on all images reaches 0.924; --quick shows 10,000 of 60,000.
    o.at_least(
        format!("mean over {seeds} run(s) after {epochs} epochs"),
        per_run,
        ctx.level.pick(0.85, 0.92, 0.95),
    );
    o.note("794 visible units (784 pixels and ten label units), 500 hidden; classified by the exact free energy of every label, with no sampling. Softmax regression with 7,850 parameters reaches 92.4 %.");
    if let Some(judge) = judge {
        on_demand(ctx, &mut o, &judge, &train_set)?;
    }
    Ok(o)
}

/// Digits of a given class from a second machine, trained to be sampled, and what the classifier says of them.
fn on_demand(ctx: &Context<'_>, o: &mut Outcome, judge: &Rbm, train: &DataSet) -> Result<(), Failure> {
    let mut training = RbmTraining::for_sampling(
        ctx.level.pick(200, 500, 500),
        ctx.level.pick(20, 6, 20),
        ctx.streams.stream("seed", 1000).word(),
    );
    // More steps between updates tie a digit closer to its label, where there is time for them.
    training.negative = Negative::Persistent { steps: ctx.level.pick(2, 2, 5), n_chains: 100 };
    // Strokes of a pen are thin where grey values count only from the middle on.
    let mut trainer = RbmTrainer::new(training, &train.binarise(127), Some((train.labels(), 10)))?;
    while !trainer.is_done() {
        trainer.epoch(Par::Rayon)?;
    }
    let rbm = trainer.model()?;
    let n = 400;
    let classes: Vec<u8> = (0..n).map(|i| (i * 10 / n) as u8).collect();
    let drawn = GibbsChains::new(1_000).run_with_labels(
        &rbm,
        10,
        &classes,
        &ctx.streams.child("draw", 0),
        Par::Rayon,
    )?;
    let pixels: Vec<u8> = drawn.states.rows().flat_map(|r| &r[..784]).copied().collect();
    let right = Classifier::new(judge, 10)?.accuracy(&BinaryData::new(784, pixels)?, &classes, Par::Rayon)?;
    // By chance it is 0.1.
    o.at_least(
        format!("of {n} digits drawn on demand, the classifier sees as what was asked for"),
        right,
        0.5,
    );
    // The first ten of every class.
    let shown = (0..n).filter(|i| i % (n / 10) < 10);
    let values: Vec<f32> =
        shown.flat_map(|i| &drawn.probabilities[i * 794..i * 794 + 784]).copied().collect();
    let picture = Grid { across: 20, ..Grid::square(28, 28, 100) }.tile(&values)?;
    o.figure(Figure::image(
        "rbm-digits-on-demand",
        "Digits on demand",
        "Ten images each of 0, 1, ..., 9, drawn on condition of the label by 1,000 Gibbs steps from noise.",
        picture.width,
        picture.height,
        picture.pixels,
    ));
    Ok(())
}

/// One small network trained by gradient and, as section 3.10 says, by annealing; with data a larger one on MNIST.
fn network(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    // Exclusive or: no linear classifier does better than ln 2.
    let xor = Labelled::new(2, 2, vec![0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0], vec![0, 1, 1, 0])?;
    let shape = Architecture::new(vec![2, 4, 2], Activation::Tanh)?;
    let loss = Loss::new(&shape, &xor, 0.0, Par::Serial)?;
    let x = shape.initial(&mut Streams::new(7).stream("network", 0));
    o.at_most("gradient against central differences", Estimate::exact(gradient_error(&loss, &x)), 1e-8);
    o.computed(
        "loss at zero weights is ln 2",
        loss.energy(&vec![0.0; shape.n_parameters()]),
        std::f64::consts::LN_2,
        1e-14,
    );
    let stop = Stop { value: Some(1e-4), max_evaluations: 2_000, ..Stop::default() };
    let gradient = minimise(&loss, &x, &Method::Lbfgs { memory: 10 }, &stop)?;
    o.at_most("loss by L-BFGS, exclusive or", Estimate::exact(gradient.value), 1e-3);
    let moves = WeightMoves::new(loss, 1.0, 15.0)?;
    let anneal = Anneal::new(Schedule::geometric(10.0, 1e5)?, ctx.level.pick(400, 1_000, 4_000))?;
    let found =
        anneal.search(&moves, &Metropolis::new(shape.n_parameters())?, 8, &ctx.streams, Par::Rayon)?;
    o.at_most("loss by simulated annealing, best of 8 runs", Estimate::exact(found.best().0), 1e-3);
    o.note("Simulated annealing changes one weight at a time by the Metropolis rule; it needs no gradient. The results of a search have a best and no mean.");
    let Some(folder) = ctx.data.filter(|_| ctx.level > Level::Quick) else {
        return Ok(o);
    };
    let data = Known::Mnist.load(folder)?;
    let (train, test) = (Labelled::from_images(&data.train, 10)?, Labelled::from_images(&data.test, 10)?);
    let epochs = ctx.level.pick(1, 1, 15);
    let shape = Architecture::new(vec![784, ctx.level.pick(100, 100, 300), 10], Activation::Relu)?;
    let seed = ctx.streams.stream("seed", 0).word();
    let mut trainer =
        network::NetworkTrainer::new(network::NetworkTraining::new(shape, epochs, seed), &train)?;
    while !trainer.is_done() {
        trainer.epoch(Par::Rayon)?;
    }
    let accuracy = trainer.network()?.accuracy(&test, Par::Rayon)?;
    // Softmax regression, without a hidden layer, reaches 92.4 %.
    o.at_least(
        format!("test accuracy on MNIST after {epochs} epoch(s) of Adam"),
        accuracy,
        ctx.level.pick(0.924, 0.924, 0.98),
    );
    Ok(o)
}
