//! `smml ebm losses`: all ten on one problem.

use super::{Found, Job, Run, accuracies, accuracy_axis, columns, details, part, task::name, tell};
use crate::{
    args::ebm::EbmLossesArgs,
    error::Failure,
    output::Table,
    report::figure::{Axis, Figure, Series, Style},
    reproduce::check::{Outcome, Row, short},
    run::{self, series},
};
use smml_learn::ebm::loss::Loss;

pub(super) fn compare(args: &EbmLossesArgs) -> Result<(), Failure> {
    let seed = args.run.seed.unwrap_or_else(run::drawn_seed);
    let losses = args.parameters.all();
    let mut settled = args.clone();
    settled.run.seed = Some(seed);
    settled.task = args.task.settle()?;
    settled.parameters = args.parameters.settle(&losses)?;
    let plan = settled.task.plan(seed)?;
    let task = settled.task.task(seed)?;
    losses.iter().try_for_each(|loss| task.check(*loss))?;
    let start = task.start(seed, 0);
    let mut run = Run::begin(["ebm losses", "ebm-losses"], &settled, &args.run, seed, &task.hashes())?;
    tell(&task, args.run.quiet);
    let jobs: Vec<Job<'_>> = losses
        .iter()
        .map(|&loss| Job { task: &task, loss, plan: &plan, start: start.clone(), monitor: true })
        .collect();
    run.work(&jobs)?;

    let done = run.keeper.progress.done.clone();
    let mut all: Vec<(Loss, Found, Outcome)> = Vec::new();
    for (loss, done) in losses.iter().zip(&done) {
        let found = run.keeper.undivided(|| Found::of(&task, *loss, &start, &done.parameters))?;
        let mut o = Outcome::default();
        o.reported("test accuracy", found.judged.accuracy);
        found.report(&mut o, *loss, &done.epochs);
        o.note(format!("{}: the energy surface is {}", loss.name(), found.verdict()));
        all.push((*loss, found, o));
    }
    let mut table = Table::new(&["loss", "test accuracy", "gap", "gap/range", "range/start", "surface"]);
    for (loss, found, _) in &all {
        table.row(vec![
            loss.name().into(),
            found.judged.accuracy.to_string(),
            found.summary.gap.to_string(),
            found.summary.relative_gap.to_string(),
            short((found.summary.flatness * 1e3).round() / 1e3),
            found.verdict().into(),
        ]);
    }
    let problem = name(args.task.problem);
    let commonest = short((task.commonest() * 1e4).round() / 1e4);
    let text = format!("ebm losses {problem}\n{}always the commonest answer: {commonest}\n", table.text());
    let histories = all
        .iter()
        .zip(&done)
        .map(|((loss, ..), done)| {
            let points = accuracies(&done.epochs);
            Series { style: Style::Line, errors: Vec::new(), ..Series::measured(loss.name(), &points) }
        })
        .collect();
    let quartiles = all
        .iter()
        // A flat surface has no range to measure gaps by.
        .filter(|(_, found, _)| found.summary.relief.value > 0.0)
        .map(|(loss, found, _)| {
            let mut gaps: Vec<f64> =
                found.judged.surfaces.iter().map(|s| s.gap / found.summary.relief.value).collect();
            gaps.sort_by(f64::total_cmp);
            let at = |quarter: usize| gaps.get(quarter * (gaps.len().max(1) - 1) / 4);
            let cells = (0..=4).map(|q| at(q).map_or(String::new(), |gap| format!("{gap:.4}")));
            [loss.name().to_string()].into_iter().chain(cells).collect()
        })
        .collect();
    let figures = [
        Figure::plot(
            "test-accuracy",
            "Test accuracy",
            "Fraction of test answers that have the least energy, epoch by epoch, from one start for all losses.",
            Axis::linear("epoch"),
            accuracy_axis(),
            histories,
        ),
        Figure::table(
            "gaps",
            "Gaps",
            "Energy of the most offending wrong answer less that of the right one, over the mean range of energies, for the test answers: below 0 the answer is wrong, and at 0 nothing tells right from wrong.",
            &["loss", "least", "first quarter", "median", "third quarter", "largest"],
            quartiles,
        ),
    ];
    let mut outputs = Vec::new();
    if let Some(file) = &args.run.series {
        let all: Vec<_> = losses.iter().zip(&done).flat_map(|(l, d)| columns(Some(*l), &d.epochs)).collect();
        series::write(file, &all)?;
        outputs.push(file.clone());
    }
    let mut parts = Vec::new();
    for (loss, found, o) in &all {
        parts.push(part(loss.name(), loss.name(), o, details(*loss, found.verdict(), &task)?));
    }
    let tables: Vec<(&str, &[Row])> = all.iter().map(|(l, _, o)| (l.name(), &o.rows[..])).collect();
    run.finish(&settled, parts, &tables, &figures, text, outputs)
}
