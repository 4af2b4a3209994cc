//! `smml ebm`: energy-based learning with any of ten losses.

use crate::{
    args::{RunArgs, ebm::EbmCommand},
    error::Failure,
    output,
    report::figure::{Axis, Figure, Series, Style},
    reproduce::check::{Outcome, Row as Compared},
    run::{
        self, config,
        folder::Folder,
        input::Hashes,
        keeper, progress,
        results::{self, Document, Finished, Part},
        series,
    },
};
use serde::{Deserialize, Serialize};
use smml_core::Estimate;
use smml_learn::{
    data::Provenance,
    ebm::loss::{Loss, Margin, Summary, Surface, TrainerState, Training},
};
use std::path::PathBuf;

mod collapse;
mod compare;
mod task;
mod train;

use super::rbm::DataFile;
use task::{Judged, Row, Task};

/// Epochs after which test examples are looked at, at most.
const MONITORED: usize = 50;
/// Bars of a histogram.
const BARS: usize = 40;

/// Runs a command.
pub(crate) fn run(command: &EbmCommand) -> Result<(), Failure> {
    let threads = match command {
        EbmCommand::Train(a) => a.run.threads,
        EbmCommand::Losses(a) => a.run.threads,
        EbmCommand::Collapse(a) => a.run.threads,
    };
    run::with_threads(threads, || match command {
        EbmCommand::Train(args) => train::train(args),
        EbmCommand::Losses(args) => compare::compare(args),
        EbmCommand::Collapse(args) => collapse::collapse(args),
    })
}

/// A training that is over.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Done {
    epochs: Vec<Row>,
    parameters: Vec<f64>,
}

/// Everything that is saved on the way: trainings that are over, and the one under way.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Progress {
    done: Vec<Done>,
    trainer: Option<TrainerState>,
    epochs: Vec<Row>,
}

type Keeper = keeper::Keeper<Progress>;

/// One training of a run.
struct Job<'a> {
    task: &'a Task,
    loss: Loss,
    plan: &'a Training,
    start: Vec<f64>,
    /// Look at test examples after some epochs.
    monitor: bool,
}

/// The run of a command in its folder.
struct Run<'a> {
    command: &'static str,
    args: &'a RunArgs,
    seed: u64,
    identity: String,
    folder: Folder,
    keeper: Keeper,
}

impl<'a> Run<'a> {
    /// Opens the folder of `smml ebm WORD`.
    fn begin<A: Serialize>(
        word: [&'static str; 2],
        settled: &A,
        args: &'a RunArgs,
        seed: u64,
        inputs: &Hashes,
    ) -> Result<Self, Failure> {
        let identity = config::to_toml(word[0], settled)?;
        let folder = Folder::of_run(args, word[1], seed, &identity, inputs)?;
        let keeper = Keeper::new(&folder, args, config::hash_with(&identity, inputs)?)?;
        Ok(Run { command: word[0], args, seed, identity, folder, keeper })
    }

    /// Does all trainings that are left, one after the other.
    fn work(&mut self, jobs: &[Job<'_>]) -> Result<(), Failure> {
        let steps = |job: &Job<'_>| {
            let n = match job.task {
                Task::Classes { train, .. } => train.len(),
                Task::Labels { train, .. } => train.len(),
                Task::Curve { train, .. } => train.len(),
            };
            n.div_ceil(job.plan.batch_size) as u64 * job.plan.n_epochs as u64
        };
        let bar = progress::bar(jobs.iter().map(steps).sum(), self.keeper.quiet);
        let mut before: u64 = jobs.iter().take(self.keeper.progress.done.len()).map(steps).sum();
        bar.set_position(before);
        bar.reset_eta();
        for job in jobs.iter().skip(self.keeper.progress.done.len()) {
            let every = job.plan.n_epochs.div_ceil(MONITORED);
            let state = self.keeper.progress.trainer.take();
            let mut epochs = std::mem::take(&mut self.keeper.progress.epochs);
            let keeper = &mut self.keeper;
            bar.set_message(job.loss.name());
            let parameters =
                job.task.learn(job.loss, job.plan, state, job.start.clone(), &mut |state, epoch| {
                    if let Some(epoch) = epoch {
                        let number = epoch.epoch + 1;
                        let look = number.is_multiple_of(every) || number == job.plan.n_epochs;
                        let test = match job.monitor && look {
                            true => Some(job.task.judge(job.loss, state.parameters())?.accuracy),
                            false => None,
                        };
                        epochs.push(Row { loss: epoch.loss, test });
                        if let Some(test) = test {
                            bar.set_message(format!("{}: test accuracy {test}", job.loss.name()));
                        }
                    }
                    bar.set_position(before + state.step());
                    keeper.pause(|p| {
                        p.trainer = Some(state.clone());
                        p.epochs.clone_from(&epochs);
                        Ok(())
                    })
                })?;
            before += steps(job);
            self.keeper.progress.trainer = None;
            self.keeper.progress.epochs.clear();
            self.keeper.progress.done.push(Done { epochs, parameters });
        }
        bar.finish_and_clear();
        self.keeper.save()
    }

    /// Writes the files of the run and prints what it found.
    fn finish<A: Serialize>(
        self,
        settled: &A,
        parts: Vec<Part>,
        tables: &[(&str, &[Compared])],
        figures: &[Figure],
        text: String,
        mut outputs: Vec<PathBuf>,
    ) -> Result<(), Failure> {
        outputs.insert(0, self.folder.file("checkpoint"));
        Finished {
            document: Document::new(self.command, settled, parts)?,
            config: &self.identity,
            seed: self.seed,
            text,
            tables,
            figures,
            outputs,
            json: self.args.json,
        }
        .conclude(&self.folder)
    }
}

/// What `results.json` says of a training beside its numbers.
#[derive(Serialize)]
struct Details<'a> {
    loss: Loss,
    verdict: &'static str,
    /// The files of the data set; none for what is built in.
    data: Vec<DataFile<'a>>,
}

fn details(loss: Loss, verdict: &'static str, task: &Task) -> Result<serde_json::Value, Failure> {
    let data = task.files().iter().map(DataFile::from).collect();
    serde_json::to_value(Details { loss, verdict, data })
        .map_err(|e| Failure::File(format!("results as JSON: {e}")))
}

/// Says which files are not the published ones.
fn tell(task: &Task, quiet: bool) {
    for file in task.files() {
        if let Provenance::Unknown(sha256) = &file.provenance {
            let path = file.path.display();
            output::remark(quiet, &format!("{path}: not the published content (SHA-256 {sha256})"));
        }
    }
}

/// What became of one training.
struct Found {
    judged: Judged,
    summary: Summary,
}

impl Found {
    fn of(task: &Task, loss: Loss, start: &[f64], parameters: &[f64]) -> Result<Self, Failure> {
        let judged = task.judge(loss, parameters)?;
        let summary = Summary::new(&judged.surfaces, &task.judge(loss, start)?.surfaces)?;
        Ok(Found { judged, summary })
    }
    /// The numbers that every command reports.
    fn report(&self, o: &mut Outcome, loss: Loss, epochs: &[Row]) {
        if let Some(last) = epochs.last() {
            o.reported("training loss, last epoch", Estimate::exact(last.loss));
        }
        o.reported("test loss", self.judged.loss);
        o.reported("gap between right and most offending wrong answer", self.summary.gap);
        o.reported("gap over the range of energies", self.summary.relative_gap);
        if let Margin::Finite(margin) = loss.margin() {
            let reached = self.judged.surfaces.iter().filter(|s| s.gap >= margin).count();
            if let Ok(part) = Estimate::from_counts(reached as u64, self.judged.surfaces.len() as u64) {
                o.reported(format!("test answers with the margin {margin}"), part);
            }
        }
        o.reported("range of energies over that at the start", Estimate::exact(self.summary.flatness));
    }
    fn verdict(&self) -> &'static str {
        self.summary.verdict.name()
    }
}

/// Accuracy on test examples, epoch by epoch.
fn accuracies(epochs: &[Row]) -> Vec<(f64, Estimate)> {
    epochs.iter().enumerate().filter_map(|(k, e)| e.test.map(|t| ((k + 1) as f64, t))).collect()
}

fn accuracy_axis() -> Axis {
    Axis::linear("test accuracy")
}

/// A histogram of gaps.
fn gap_histogram(name: &str, surfaces: &[Surface]) -> Series {
    let gaps: Vec<f64> = surfaces.iter().map(|s| s.gap).collect();
    Series::new(name, Style::Bars, crate::report::histogram::density(&gaps, BARS))
}

/// The columns of a series file.
fn columns(loss: Option<Loss>, epochs: &[Row]) -> Vec<series::Column> {
    let prefix = loss.map_or(String::new(), |l| format!("{}_", l.name().replace('-', "_")));
    let of = |name: &str, f: &dyn Fn(&Row) -> f64| series::Column {
        name: format!("{prefix}{name}"),
        values: epochs.iter().map(f).collect(),
    };
    vec![
        of("loss", &|e| e.loss),
        of("test_accuracy", &|e| e.test.map_or(f64::NAN, |t| t.value)),
        of("test_accuracy_std_error", &|e| e.test.map_or(f64::NAN, |t| t.std_error)),
    ]
}

/// A part of the results with what the program knows of it.
pub(super) fn part(id: &str, title: &str, o: &Outcome, details: serde_json::Value) -> Part {
    let mut part = Part::new(id, title, &o.rows, None);
    part.notes.clone_from(&o.notes);
    part.details = details;
    part
}

/// A heading with a table below it and notes.
pub(super) fn text_of(head: &str, o: &Outcome) -> String {
    let notes: String = o.notes.iter().map(|n| format!("{n}\n")).collect();
    format!("{head}\n{}{notes}", results::table(&o.rows, "  ", false))
}
