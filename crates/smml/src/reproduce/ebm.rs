//! Chapter learn, section 3.3: inference (Eq. (35)), the Gibbs distribution over structured answers (Eqs. (36), (37)) and the
//! losses (Eqs. (38) to (40)).

use super::check::{Check, Context, Outcome};
use crate::{
    catalogue::Chapter,
    error::Failure,
    report::figure::{Axis, Figure, Series, Style},
};
use smml_core::{
    energy::{Differentiable, Energy, Finite, ln_z_exact, mean_exact, states},
    estimate::Estimate,
    optimize::{Method, Stop, minimise},
    parallel::Par,
    rng::{Draw, Stream, Streams},
    schedule::Schedule,
    testing::gradient_error,
};
use smml_learn::{
    data::Known,
    ebm::loss::{
        AnswerEnergies, Answers, Ask, DataLoss, Drawn, LabelChain, Loss, Lvq2, Sequence, Summary, Surface,
        Trainer, Training, Verdict, contrastive_gradient, infer_exact, problems,
    },
    network::{Activation, Architecture, EnergyLoss, Labelled},
};

/// The checks of this section.
pub(super) fn checks() -> Vec<&'static Check> {
    CHECKS.iter().collect()
}

static CHECKS: [Check; 5] = [
    Check {
        id: "ebm-inference",
        chapter: Chapter::Learn,
        equations: &["35", "36", "37"],
        title: "Labels of a chain: least energies, ln Z and marginals against enumeration",
        run: inference,
    },
    Check {
        id: "ebm-losses",
        chapter: Chapter::Learn,
        equations: &["38", "39", "40"],
        title: "Ten losses: values, gradients, limits, margins",
        run: losses,
    },
    Check {
        id: "ebm-collapse",
        chapter: Chapter::Learn,
        equations: &["38", "39", "40"],
        title: "Which losses let the energy surface collapse",
        run: collapse,
    },
    Check {
        id: "ebm-sequence",
        chapter: Chapter::Learn,
        equations: &["35", "36", "40"],
        title: "A chain learns labels as well as the truth",
        run: sequence,
    },
    Check {
        id: "ebm-digits",
        chapter: Chapter::Learn,
        equations: &["40"],
        title: "Handwritten digits by a linear energy under each loss",
        run: digits,
    },
];

fn normals(n: usize, scale: f64, rng: &mut Stream) -> Vec<f64> {
    (0..n).map(|_| scale * rng.normal()).collect()
}

/// Sequences with one to three features at each place.
fn sequences(
    model: &LabelChain,
    n: usize,
    length: usize,
    rng: &mut Stream,
) -> Result<Vec<Sequence>, Failure> {
    let one = |_| {
        let place = |rng: &mut Stream| {
            (0..1 + rng.below(3)).map(|_| rng.below(model.n_features()) as u32).collect::<Vec<_>>()
        };
        let places: Vec<Vec<u32>> = (0..length).map(|_| place(rng)).collect();
        let labels = (0..length).map(|_| rng.below(model.n_labels()) as u8).collect();
        Ok(Sequence::new(&places, labels)?)
    };
    (0..n).map(one).collect()
}

fn inference(_: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let mut rng = Streams::new(35).stream("reproduce", 0);
    let model = LabelChain::new(3, 5)?;
    let beta = 1.3;
    let mut worst = [0.0f64; 5];
    let mut named = true;
    for (k, sequence) in sequences(&model, 40, 7, &mut rng)?.iter().enumerate() {
        // Whole numbers in every second case: answers of equal energy.
        let w: Vec<f64> = match k % 2 {
            0 => normals(model.n_parameters(), 1.0, &mut rng),
            _ => (0..model.n_parameters()).map(|_| rng.below(3) as f64).collect(),
        };
        let at = model.at(&w, sequence)?;
        let exact = infer_exact(&at)?;
        let right = at.index(&sequence.labels().to_vec());
        let wrong = states(&at)?
            .filter(|i| *i != right)
            .map(|i| at.energy(&at.state(i)))
            .fold(f64::INFINITY, f64::min);
        let ask = Ask { lowest: true, offending: true, beta: Some(beta) };
        let levels = model.levels(&w, sequence, &ask, &mut Default::default());
        let ln_z = ln_z_exact(&at, beta)?;
        let p = mean_exact(&at, beta, |y| f64::from(u8::from(y[3] == 1)))?;
        let marginals = model.marginals(&w, sequence, beta)?;
        let found = model.labels(&w, sequence)?;
        named &= k % 2 == 0 || exact.answers.contains(&at.index(&found));
        let errors = [
            levels.lowest - exact.energy,
            at.energy(&found) - exact.energy,
            levels.offending - wrong,
            -beta * levels.free - ln_z,
            marginals[3 * 3 + 1] - p,
        ];
        worst.iter_mut().zip(errors).for_each(|(w, e)| *w = w.max(e.abs()));
    }
    let what = [
        "least energy by min-sum recursion, 40 chains of 3⁷ answers: largest error",
        "energy of the labels that are found",
        "most offending wrong answer by the two best paths: largest error",
        "ln Z by the forward recursion: largest error",
        "P(y₄ = 1) by forward and backward: largest error",
    ];
    for (name, worst) in what.into_iter().zip(worst) {
        o.at_most(name, Estimate::exact(worst), 1e-12);
    }
    o.holds("where answers tie, the one that is found is one of those that enumeration names", named);
    Ok(o)
}

fn losses(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let of = |loss: Loss, e: &[f64], right: usize| loss.of_energies(e, right, &mut vec![0.0; e.len()]);
    // E = 2, ½, ¾, by hand: right is the second, then the first.
    let e = [2.0, 0.5, 0.75];
    o.computed("perceptron loss of E = 2, ½, ¾, first answer right", of(Loss::Perceptron, &e, 0), 1.5, 1e-15);
    o.computed("hinge loss, m = 1, second answer right", of(Loss::Hinge { margin: 1.0 }, &e, 1), 0.75, 1e-15);
    let z: f64 = (-2f64).exp() + (-0.5f64).exp() + (-0.75f64).exp();
    o.computed("negative log-likelihood, β = 1", of(Loss::Nll { beta: 1.0 }, &e, 1), 0.5 + z.ln(), 1e-15);
    o.computed(
        "with two answers and β = 1 it is the log loss",
        of(Loss::Nll { beta: 1.0 }, &[0.2, 1.1], 0),
        of(Loss::Log, &[0.2, 1.1], 0),
        1e-15,
    );
    let tied = [0.25, 4.0, 0.25, 0.25];
    let beta = 1e3;
    let excess = of(Loss::Nll { beta }, &tied, 1) - of(Loss::Perceptron, &tied, 1);
    o.computed(
        "β (NLL - perceptron) at β = 1000, three answers of least energy: ln 3",
        beta * excess,
        3f64.ln(),
        1e-9,
    );
    // Gradients in the parameters of a chain and of two networks.
    let mut rng = Streams::new(38).stream("reproduce", 0);
    let chain = LabelChain::new(3, 4)?;
    let data = sequences(&chain, 5, 6, &mut rng)?;
    let w = normals(chain.n_parameters(), 0.6, &mut rng);
    let (two, points) = problems::parabola(40, 9, &mut rng)?;
    let v = two.initial(&mut rng);
    let mut worst = [0.0f64; 2];
    for loss in Loss::ALL {
        let f = DataLoss::new(&chain, &data, loss, 0.1, Par::Serial)?;
        worst[0] = worst[0].max(gradient_error(&f, &w));
        worst[1] = worst[1].max(gradient_error(&DataLoss::new(&two, &points, loss, 0.1, Par::Serial)?, &v));
    }
    let ratio = DataLoss::new(&two, &points, Loss::Lvq2(Lvq2::Ratio(0.5)), 0.1, Par::Serial)?;
    o.at_most("gradients of ten losses on a chain against differences", Estimate::exact(worst[0]), 1e-8);
    o.at_most("and on two networks", Estimate::exact(worst[1]), 1e-8);
    // It bends as 1/E⁻, which may be small: differences over 1e-5 see that.
    o.at_most("LVQ2 as a ratio, on two networks", Estimate::exact(gradient_error(&ratio, &v)), 1e-6);
    // The gradient by samples against the exact one.
    let beta = 0.9;
    let f = DataLoss::new(&chain, &data[..1], Loss::Nll { beta }, 0.0, Par::Serial)?;
    let mut exact = vec![0.0; w.len()];
    f.value_and_gradient(&w, &mut exact, &mut Default::default());
    let n = ctx.level.pick(5_000, 20_000, 200_000);
    let mut stream = ctx.streams.stream("answers", 0);
    let drawn = chain.draw(&w, &data[0], beta, n, &mut stream, &mut Default::default());
    let sampled = contrastive_gradient(&chain, &w, &data[0], &drawn, Drawn::Independent)?;
    for (a, b) in [(0, 0), (1, 2)] {
        let at = chain.pair(a, b);
        o.sampled(format!("∂ NLL / ∂ V[{a}, {b}] by samples of answers"), sampled[at], exact[at]);
    }
    o.note("Most offending incorrect answer: the least energy among the answers that are not right. The losses see of an example the energy of the right answer, the least of all, that of the most offending one and the free energy; the gradient in W follows by the chain rule.");
    Ok(o)
}

fn collapse(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let seeds = ctx.level.pick(3u64, 6, 20);
    let mut points = Vec::new();
    for (k, loss) in Loss::ALL.into_iter().enumerate() {
        let (mut flatness, mut gaps, mut verdicts) = (Vec::new(), Vec::new(), Vec::new());
        for seed in 0..seeds {
            let mut rng = ctx.streams.stream("curve", seed);
            let (model, data) = problems::parabola(200, 21, &mut rng)?;
            let start = model.initial(&mut rng);
            let f = DataLoss::new(&model, &data, loss, 0.0, Par::Serial)?;
            let plan = Training {
                batch_size: 20,
                // Square-square comes to the flat surface E = m/2 first, and takes some hundred epochs to leave it.
                // One start in twenty is still on its way down after 600.
                n_epochs: ctx.level.pick(600, 600, 1500),
                learning_rate: Schedule::linear(0.03, 0.0)?,
                weight_decay: 0.0,
                seed: rng.word(),
            };
            let mut trainer = Trainer::new(plan, &f, start.clone())?;
            while trainer.epoch()?.is_some() {}
            let surfaces = |w: &[f64]| Surface::of_model(&model, w, &data, Par::Rayon);
            let found = Summary::new(&surfaces(trainer.parameters())?, &surfaces(&start)?)?;
            flatness.push(found.flatness);
            gaps.push(found.relative_gap.value);
            verdicts.push(found.verdict);
        }
        let gap = Estimate::from_independent(&gaps)?;
        o.reported(format!("{}: gap over range of energies", loss.name()), gap);
        let all = |v: Verdict| verdicts.iter().all(|w| *w == v);
        match loss {
            Loss::Energy => {
                let most = flatness.iter().copied().fold(0.0, f64::max);
                o.at_most(
                    "energy: range of energies over that at the start, largest",
                    Estimate::exact(most),
                    0.01,
                );
                o.holds("energy: every surface collapsed", all(Verdict::Collapsed));
            }
            Loss::Nll { .. } | Loss::SquareSquare { .. } => {
                o.holds(
                    format!("{}: right is below wrong on every surface", loss.name()),
                    all(Verdict::Separated),
                );
            }
            _ => {}
        }
        points.push(((k + 1) as f64, gap));
    }
    let names: Vec<&str> = Loss::ALL.iter().map(Loss::name).collect();
    o.figure(Figure::plot(
        "ebm-collapse",
        "Gap of energies under ten losses",
        &format!(
            "y = x² by ½|G₁(x) - G₂(y)|²: mean gap between the most offending wrong answer and the right one over the range of energies, {seeds} seeds. From left to right: {}.",
            names.join(", ")
        ),
        Axis::linear("loss"),
        Axis::linear("gap over range"),
        vec![
            Series::measured("after training", &points),
            Series::new("no gap", Style::Dashed, vec![(1.0, 0.0), (10.0, 0.0)]),
        ],
    ));
    o.note("Both networks can learn to ignore their input, which makes every energy 0. The energy loss is content with that. A surface counts as collapsed when its mean range of energies is below 1 % of that at the start, and as separated when the mean gap is above 0 by three standard errors.");
    Ok(o)
}

fn sequence(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let hidden = problems::HiddenChain::ring(4)?;
    let (model, truth) = (hidden.model()?, hidden.parameters()?);
    let draw = |purpose: &str, n: usize| -> Result<Vec<Sequence>, Failure> {
        let mut rng = ctx.streams.stream(purpose, 0);
        Ok((0..n).map(|_| hidden.sequence(20, &mut rng)).collect::<smml_learn::Result<_>>()?)
    };
    let n = ctx.level.pick(500, 2_000, 10_000);
    let (train, test) = (draw("train", n)?, draw("test", n)?);
    // The mean gradient at the truth is 0 over all sequences.
    let beta = 1.0;
    let nll = Loss::Nll { beta };
    let at = model.pair(1, 2);
    let mut scratch = Default::default();
    let mut g = vec![0.0; truth.len()];
    let one: Vec<f64> = test
        .chunks(1)
        .map(|s| {
            DataLoss::new(&model, s, nll, 0.0, Par::Serial)?.value_and_gradient(&truth, &mut g, &mut scratch);
            Ok(g[at])
        })
        .collect::<Result<_, Failure>>()?;
    o.sampled("∂ NLL / ∂ V[1, 2] at the parameters of the truth", Estimate::from_independent(&one)?, 0.0);
    let f = DataLoss::new(&model, &train, nll, 1e-5, Par::Rayon)?;
    let stop = Stop { gradient: 1e-6, ..Stop::default() };
    let learned = minimise(&f, &vec![0.0; truth.len()], &Method::default(), &stop)?;
    let values = |w: &[f64]| DataLoss::new(&model, &test, nll, 0.0, Par::Rayon)?.values(w);
    let excess: Vec<f64> = values(&learned.x)?.iter().zip(values(&truth)?).map(|(a, b)| a - b).collect();
    // 32 parameters from n sequences cost about 32 / 2n nats; four times that is far off.
    let excess = Estimate::from_independent(&excess)?;
    o.at_most("-ln P of new sequences above that of the truth, nats", excess, 64.0 / n as f64);
    let right = |w: &[f64]| -> Result<Vec<f64>, Failure> {
        let one = |s: &Sequence| -> smml_learn::Result<f64> {
            let labels = model.labels(w, s)?;
            Ok(labels.iter().zip(s.labels()).filter(|(a, b)| a == b).count() as f64 / s.len() as f64)
        };
        Ok(test.iter().map(one).collect::<smml_learn::Result<_>>()?)
    };
    let lost: Vec<f64> = right(&truth)?.iter().zip(right(&learned.x)?).map(|(a, b)| a - b).collect();
    o.reported("labels right, by the least energy", Estimate::from_independent(&right(&learned.x)?)?);
    o.at_most("labels that the truth has right and this has not", Estimate::from_independent(&lost)?, 0.01);
    o.note("Four labels in a ring, each with blurred symbols, 20 places. The energy of a chain with U = -ln P(symbol | label) and V = -ln P(next | label) is the truth.");
    Ok(o)
}

fn digits(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let Some(folder) = ctx.data else {
        return Ok(Outcome::skipped("needs MNIST: give --data DIR; smml data says where to get it"));
    };
    let mut o = Outcome::default();
    let data = Known::Mnist.load(folder)?;
    let train = Labelled::from_images(&data.train.head(ctx.level.pick(10_000, 60_000, 60_000)), 10)?;
    let test = Labelled::from_images(&data.test, 10)?;
    let shape = Architecture::new(vec![784, 10], Activation::Tanh)?;
    let start = shape.initial(&mut ctx.streams.stream("weights", 0));
    let epochs = ctx.level.pick(4, 6, 12);
    for loss in Loss::ALL {
        let f = EnergyLoss::new(&shape, &train, loss, 0.0, Par::Rayon)?;
        let plan = Training {
            batch_size: 100,
            n_epochs: epochs,
            learning_rate: Schedule::linear(0.002, 0.0)?,
            weight_decay: 0.0,
            seed: ctx.streams.stream("seed", 0).word(),
        };
        let mut trainer = Trainer::new(plan, &f, start.clone())?;
        while trainer.epoch()?.is_some() {}
        let energies =
            EnergyLoss::new(&shape, &test, loss, 0.0, Par::Rayon)?.energies(trainer.parameters())?;
        let right = energies
            .chunks_exact(10)
            .zip(test.labels())
            .filter(|(e, y)| Surface::of_energies(e, usize::from(**y)).gap > 0.0)
            .count();
        let accuracy = Estimate::from_counts(right as u64, test.len() as u64)?;
        match loss {
            // Softmax regression: 92.4 % (12 epochs of Adam on all images).
            Loss::Nll { .. } => o.at_least("nll: test accuracy", accuracy, ctx.level.pick(0.88, 0.92, 0.924)),
            _ => o.reported(format!("{}: test accuracy", loss.name()), accuracy),
        };
    }
    o.note("Energies linear in the grey values, 7,850 parameters; under the negative log-likelihood this is softmax regression. These energies have no lower bound, so the energy loss has no minimum.");
    Ok(o)
}
