//! `smml ebm collapse`: which losses let the energy of two networks go flat.

use super::{Found, Job, Run, details, part, task, train::surface_picture};
use crate::{
    args::ebm::EbmCollapseArgs,
    error::Failure,
    output::Table,
    report::figure::{Axis, Figure, Series},
    reproduce::check::{Outcome, Row},
    run::{self, input::Hashes, series},
};
use smml_core::{Estimate, schedule::Schedule};
use smml_learn::ebm::loss::{Loss, Training, Verdict};
use task::Task;

/// Points to learn from.
const POINTS: usize = 200;

/// What the replicas of one loss came to.
struct Replicas {
    loss: Loss,
    verdicts: [usize; 3],
    outcome: Outcome,
    relative_gap: Estimate,
    flatness: Estimate,
    accuracy: Estimate,
}

pub(super) fn collapse(args: &EbmCollapseArgs) -> Result<(), Failure> {
    let seed = args.run.seed.unwrap_or_else(run::drawn_seed);
    let losses = args.parameters.all();
    let mut settled = args.clone();
    settled.run.seed = Some(seed);
    settled.parameters = args.parameters.settle(&losses)?;
    let replicas = u64::from(args.replicas);
    let tasks: Vec<Task> = (0..replicas).map(|r| task::curve(POINTS, seed, r)).collect::<Result<_, _>>()?;
    losses.iter().try_for_each(|loss| tasks[0].check(*loss))?;
    let plans: Vec<Training> = (0..replicas)
        .map(|r| Training {
            batch_size: 20,
            n_epochs: args.epochs as usize,
            learning_rate: Schedule::Linear { from: 0.03, to: 0.0 },
            weight_decay: 0.0,
            // Another order for each.
            seed: seed.wrapping_add(r),
        })
        .collect();
    let starts: Vec<Vec<f64>> = tasks.iter().zip(0..).map(|(t, r)| t.start(seed, r)).collect();
    let mut run = Run::begin(["ebm collapse", "ebm-collapse"], &settled, &args.run, seed, &Hashes::new())?;
    let jobs: Vec<Job<'_>> = losses
        .iter()
        .flat_map(|&loss| {
            tasks.iter().zip(&plans).zip(&starts).map(move |((task, plan), start)| Job {
                task,
                loss,
                plan,
                start: start.clone(),
                monitor: false,
            })
        })
        .collect();
    run.work(&jobs)?;

    let n = tasks.len();
    let done = run.keeper.progress.done.clone();
    let mut all = Vec::new();
    let mut figures = Vec::new();
    let mut columns = Vec::new();
    for (&loss, done) in losses.iter().zip(done.chunks(n)) {
        let found: Vec<Found> = tasks
            .iter()
            .zip(&starts)
            .zip(done)
            .map(|((task, start), done)| {
                run.keeper.undivided(|| Found::of(task, loss, start, &done.parameters))
            })
            .collect::<Result<_, _>>()?;
        let of = |f: &dyn Fn(&Found) -> f64| found.iter().map(f).collect::<Vec<f64>>();
        let mean = |f: &dyn Fn(&Found) -> f64| Estimate::from_independent(&of(f));
        let count = |v: Verdict| found.iter().filter(|f| f.summary.verdict == v).count();
        let verdicts = [Verdict::Separated, Verdict::Unseparated, Verdict::Collapsed].map(count);
        let mut o = Outcome::default();
        let (relative_gap, flatness) =
            (mean(&|f| f.summary.relative_gap.value)?, mean(&|f| f.summary.flatness)?);
        let accuracy = mean(&|f| f.judged.accuracy.value)?;
        o.reported("gap between right and most offending wrong answer", mean(&|f| f.summary.gap.value)?);
        o.reported("gap over the range of energies", relative_gap);
        o.reported("range of energies over that at the start", flatness);
        o.reported("test accuracy", accuracy);
        for (name, k) in ["separated", "not separated", "collapsed"].iter().zip(verdicts) {
            o.reported(format!("replicas that {name}"), Estimate::exact(k as f64));
        }
        let all_of = |v: usize| verdicts[v] == n;
        match loss {
            Loss::Energy => o.holds("every replica collapsed", all_of(2)),
            Loss::Nll { .. } | Loss::SquareSquare { .. } => o.holds("every replica is separated", all_of(0)),
            _ => &mut o,
        };
        let title = format!("Energy surface: {}", loss.name());
        if let Task::Curve { model, .. } = &tasks[0] {
            let id = format!("surface-{}", loss.name());
            figures.push(surface_picture(&id, &title, model, &done[0].parameters)?);
        }
        let column = |name: &str, values| series::Column {
            name: format!("{}_{name}", loss.name().replace('-', "_")),
            values,
        };
        columns.push(column("gap", of(&|f| f.summary.gap.value)));
        columns.push(column("flatness", of(&|f| f.summary.flatness)));
        columns.push(column("accuracy", of(&|f| f.judged.accuracy.value)));
        all.push(Replicas { loss, verdicts, outcome: o, relative_gap, flatness, accuracy });
    }
    let place = |k: usize| (k + 1) as f64;
    let points = |f: fn(&Replicas) -> Estimate| -> Vec<(f64, Estimate)> {
        all.iter().enumerate().map(|(k, r)| (place(k), f(r))).collect()
    };
    let names: Vec<String> =
        all.iter().enumerate().map(|(k, r)| format!("{} {}", k + 1, r.loss.name())).collect();
    figures.insert(
        0,
        Figure::plot(
            "collapse",
            "Gap and range of energies",
            &format!(
                "Mean gap between the most offending wrong answer and the right one over the range of energies, and the range of energies over that at the start, over {n} replicas. The losses from left to right: {}.",
                names.join(", ")
            ),
            Axis::linear("loss"),
            Axis::linear("ratio"),
            vec![
                Series::measured("gap over range", &points(|r| r.relative_gap)),
                Series::measured("range over that at the start", &points(|r| r.flatness)),
            ],
        ),
    );
    let mut table =
        Table::new(&["loss", "gap/range", "range/start", "test accuracy", "separated", "not", "collapsed"]);
    for r in &all {
        let mut cells = vec![
            r.loss.name().to_string(),
            r.relative_gap.to_string(),
            r.flatness.to_string(),
            r.accuracy.to_string(),
        ];
        cells.extend(r.verdicts.iter().map(usize::to_string));
        table.row(cells);
    }
    let text = format!("ebm collapse, {n} replicas\n{}", table.text());
    let mut outputs = Vec::new();
    if let Some(file) = &args.run.series {
        series::write(file, &columns)?;
        outputs.push(file.clone());
    }
    let mut parts = Vec::new();
    for r in &all {
        let most = (0..3).fold(0, |best, v| if r.verdicts[v] > r.verdicts[best] { v } else { best });
        let verdict = ["separated", "not separated", "collapsed"][most];
        parts.push(part(r.loss.name(), r.loss.name(), &r.outcome, details(r.loss, verdict, &tasks[0])?));
    }
    let tables: Vec<(&str, &[Row])> = all.iter().map(|r| (r.loss.name(), &r.outcome.rows[..])).collect();
    run.finish(&settled, parts, &tables, &figures, text, outputs)
}
