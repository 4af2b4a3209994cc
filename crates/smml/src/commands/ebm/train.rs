//! `smml ebm train`.

use super::{
    Found, Job, Run, accuracies, accuracy_axis, columns, details, gap_histogram, part,
    task::{CURVE_ANSWERS, Judged, Row, Task},
    tell, text_of,
};
use crate::{
    args::ebm::EbmTrainArgs,
    error::Failure,
    report::figure::{Axis, Figure, Series, Style},
    reproduce::check::Outcome,
    run::{self, series},
};
use smml_core::{Estimate, parallel::Par};
use smml_learn::ebm::loss::{DataLoss, LabelChain, Loss, Margin, Needs, Sequence, TwoSided};

/// Points along x in a picture of the energy surface.
const ACROSS: usize = 81;

pub(super) fn train(args: &EbmTrainArgs) -> Result<(), Failure> {
    let seed = args.run.seed.unwrap_or_else(run::drawn_seed);
    let loss = args.parameters.loss(args.loss);
    let mut settled = args.clone();
    settled.run.seed = Some(seed);
    settled.task = args.task.settle()?;
    settled.parameters = args.parameters.settle(&[loss])?;
    let plan = settled.task.plan(seed)?;
    let task = settled.task.task(seed)?;
    // Everything that can be refused is refused before the folder is touched.
    task.check(loss)?;
    let start = task.start(seed, 0);
    let mut run = Run::begin(["ebm train", "ebm-train"], &settled, &args.run, seed, &task.hashes())?;
    tell(&task, args.run.quiet);
    run.work(&[Job { task: &task, loss, plan: &plan, start: start.clone(), monitor: true }])?;
    let done = run.keeper.progress.done[0].clone();
    let w = &done.parameters;

    let found = run.keeper.undivided(|| Found::of(&task, loss, &start, w))?;
    let mut o = Outcome::default();
    o.at_least("test accuracy, above always the commonest answer", found.judged.accuracy, task.commonest());
    found.report(&mut o, loss, &done.epochs);
    if let Task::Labels { model, test, truth, .. } = &task {
        against_truth(&mut o, model, test, truth, &found.judged, (loss, w))?;
    }
    o.note(format!("The energy surface is {}. {}", found.verdict(), what_it_needs(loss)));
    curves(&mut o, &done.epochs, &found);
    if let Task::Curve { model, .. } = &task {
        o.figure(surface_picture("surface", "Energy surface", model, w)?);
    }
    let mut outputs = vec![run.folder.file("parameters.npz")];
    series::write(&outputs[0], &[series::Column { name: "parameters".into(), values: w.clone() }])?;
    if let Some(file) = &args.run.series {
        series::write(file, &columns(None, &done.epochs))?;
        outputs.push(file.clone());
    }
    let details = details(loss, found.verdict(), &task)?;
    let parts = vec![part("training", "results", &o, details)];
    let text = text_of("ebm train", &o);
    run.finish(&settled, parts, &[("results", &o.rows[..])], &o.figures, text, outputs)
}

/// What the hidden chain itself reaches: nothing labels its places better.
fn against_truth(
    o: &mut Outcome,
    model: &LabelChain,
    test: &[Sequence],
    truth: &[f64],
    judged: &Judged,
    (loss, w): (Loss, &[f64]),
) -> Result<(), Failure> {
    let best = |s: &Sequence| -> smml_learn::Result<f64> {
        // The likeliest label of each place: the most right labels on average that anybody can give.
        let marginals = model.marginals(truth, s, 1.0)?;
        let hits = marginals.chunks_exact(model.n_labels()).zip(s.labels()).filter(|(p, y)| {
            let top = (1..p.len()).fold(0, |best, y| if p[y] > p[best] { y } else { best });
            top == usize::from(**y)
        });
        Ok(hits.count() as f64 / s.len() as f64)
    };
    let best: Vec<f64> = test.iter().map(best).collect::<smml_learn::Result<_>>()?;
    let best = Estimate::from_independent(&best)?;
    o.reported("accuracy of the true chain, place by place", best);
    o.reported("accuracy below it", best.affine(-judged.accuracy.value, 1.0));
    if let Loss::Nll { beta } = loss {
        // Paired: the sequences are the same.
        let values =
            |w: &[f64], beta: f64| DataLoss::new(model, test, Loss::Nll { beta }, 0.0, Par::Rayon)?.values(w);
        let (ours, true_one) = (values(w, beta)?, values(truth, 1.0)?);
        let excess: Vec<f64> = ours.iter().zip(&true_one).map(|(a, b)| beta * a - b).collect();
        o.reported(
            "-ln P above that of the true chain, nats a sequence",
            Estimate::from_independent(&excess)?,
        );
    }
    Ok(())
}

/// What a loss demands and what it costs, in words.
fn what_it_needs(loss: Loss) -> String {
    let margin = match loss.margin() {
        Margin::None => "It looks at no wrong answer".to_string(),
        Margin::Zero => "It asks for no gap (margin 0)".to_string(),
        Margin::Finite(m) => format!("It asks for a gap of {m}"),
        Margin::Unbounded => "It asks for a gap without limit".to_string(),
    };
    let needs = match loss.needs() {
        Needs::Right => "nothing but the energy of the right answer",
        Needs::Lowest => "the answer of least energy",
        Needs::Offending => "the wrong answer of least energy",
        Needs::Sum => "a sum over all answers",
    };
    format!("{margin}, and needs {needs}.")
}

fn curves(o: &mut Outcome, epochs: &[Row], found: &Found) {
    let losses = epochs.iter().enumerate().map(|(k, e)| ((k + 1) as f64, e.loss)).collect();
    o.figure(Figure::plot(
        "training-loss",
        "Training loss",
        "Mean loss of the examples of each epoch, each just before the step of its batch.",
        Axis::linear("epoch"),
        Axis::linear("loss"),
        vec![Series::new("training examples", Style::Line, losses)],
    ));
    let accuracy = accuracies(epochs);
    if !accuracy.is_empty() {
        o.figure(Figure::plot(
            "test-accuracy",
            "Test accuracy",
            "Fraction of test answers that have the least energy, with its error.",
            Axis::linear("epoch"),
            accuracy_axis(),
            vec![Series { style: Style::LinePoints, ..Series::measured("test examples", &accuracy) }],
        ));
    }
    o.figure(Figure::plot(
        "gaps",
        "Gaps",
        "Energy of the most offending wrong answer less that of the right one, over test examples: below 0 the answer is wrong.",
        Axis::linear("gap"),
        Axis::linear("density"),
        vec![gap_histogram("test examples", &found.judged.surfaces)],
    ));
}

/// E(y, x) as a grey picture, x to the right, y upwards, dark where the energy is low.
pub(super) fn surface_picture(id: &str, title: &str, model: &TwoSided, w: &[f64]) -> Result<Figure, Failure> {
    let x = |i: usize| 2.0 * i as f64 / (ACROSS - 1) as f64 - 1.0;
    let columns: Vec<Vec<f64>> =
        (0..ACROSS).map(|i| model.energies(w, &[x(i)])).collect::<smml_learn::Result<_>>()?;
    let high = columns.iter().flatten().copied().fold(0.0, f64::max);
    let grey = |e: f64| if high > 0.0 { (255.0 * (e / high).sqrt()).round() as u8 } else { 0 };
    let mut pixels = Vec::with_capacity(ACROSS * CURVE_ANSWERS);
    for y in (0..CURVE_ANSWERS).rev() {
        pixels.extend(columns.iter().map(|c| grey(c[y])));
    }
    let caption = format!(
        "x from -1 to 1 to the right, y from 0 to 1 upwards; black is energy 0, white the largest energy, {}, grey its square root.",
        crate::reproduce::check::short(high)
    );
    Ok(Figure::image(id, title, &caption, ACROSS, CURVE_ANSWERS, pixels))
}
