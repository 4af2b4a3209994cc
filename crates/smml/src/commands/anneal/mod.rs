//! `smml anneal`: search for the best state of a problem in a file, by annealing and other methods.
//!
//! Runs come in batches (512 side by side where couplings are integers), each with a stream of its own; a batch is what
//! is saved, and what a time limit is asked after. The methods are in `method`.

use super::batches::{self, Extent};
use crate::{
    args::{AnnealArgs, problem::Method},
    error::Failure,
    output,
    report::figure::{Axis, Figure, Series, Style},
    reproduce::check::Outcome,
    run::{
        self, config,
        folder::Folder,
        results::{self, Document, Finished, Part},
        series,
    },
};
use serde::{Deserialize, Serialize};
use smml_core::{Estimate, rng::Streams};
use smml_physics::{
    bound::{Effort, Packing},
    ising::Ising,
    lanes::LaneModel,
    problem::{Form, Problem, Sense, formats},
    search::{TimeToSolution, combined_ln_z},
};
use std::{fmt::Write as _, sync::Arc};

mod method;
mod rounds;

use method::{Found, Population, Search};
use rounds::Rounds;

/// How often the search for a bound looks at a coupling: about a second.
const BOUND_WORK: u64 = 20_000_000;
/// Most runs: their values are kept.
const MOST_RUNS: u64 = 1 << 26;

/// Runs the command.
pub(crate) fn run(args: &AnnealArgs) -> Result<(), Failure> {
    run::with_threads(args.run.threads, || anneal(args))
}

/// What is saved on the way.
#[derive(Default, Serialize, Deserialize)]
struct Saved {
    /// Energies of all runs, batch after batch.
    energies: Vec<f64>,
    /// The lowest, its run, its spins (those that are searched).
    best: Option<(f64, u64, Vec<i8>)>,
    /// Sweeps of each run.
    sweeps: u32,
    /// The populations of all runs, of population annealing.
    populations: Vec<Population>,
    #[serde(skip)]
    per_batch: usize,
}

impl batches::Saved for Saved {
    type Batch = Vec<Found>;
    fn n_batches(&self) -> u64 {
        (self.energies.len() / self.per_batch.max(1)) as u64
    }
    fn take(&mut self, batch: Vec<Found>) -> Result<(), Failure> {
        for found in batch {
            let run = self.energies.len() as u64;
            if self.best.as_ref().is_none_or(|b| found.energy < b.0) {
                self.best = Some((found.energy, run, found.spins));
            }
            self.energies.push(found.energy);
            self.populations.extend(found.population);
        }
        Ok(())
    }
}

fn anneal(args: &AnnealArgs) -> Result<(), Failure> {
    let options = formats::Options { format: args.format.map(Into::into), form: args.form.map(Into::into) };
    let read = formats::read(&args.file, &options)?;
    for warning in &read.warnings {
        output::remark(args.run.quiet, &format!("warning: {warning}"));
    }
    let problem = &read.problem;
    let mut settled = args.clone();
    let method = method::choose(args, problem)?;
    settled.method = Some(method);
    settled.run.seed = Some(args.run.seed.unwrap_or_else(run::drawn_seed));
    settled.sweeps = args.sweeps.or(method::default_sweeps(method));
    settled.replicas = args.replicas.or(method::default_replicas(method));
    if args.time.is_none() {
        settled.runs = Some(args.runs.unwrap_or(method::default_runs(method)));
    }
    method::check(&settled, args)?;
    let model = Search::new(problem, &settled, method)?;
    let seed = settled.run.seed.unwrap_or_default();
    let config = config::to_toml("anneal", &settled)?;
    let hash = config::hash(&config)?;
    let folder = Folder::open_run(&args.run, "anneal", seed, &config)?;
    folder.input_file(&args.file)?;
    let streams = Streams::new(seed);
    let place = (&folder, (seed, hash));
    let (saved, seconds, found_after) = match model.lanes() {
        Some(lanes) if method == Method::Renormalise => {
            by_rounds(&mut settled, &config, &model, lanes, place, &streams)?
        }
        _ => by_runs(&mut settled, &config, &model, place, &streams)?,
    };
    settled.time = None;
    finish(&settled, &read, &model, &folder, &saved, (seconds, found_after), &streams)
}

/// Independent runs, batch after batch.
fn by_runs(
    settled: &mut AnnealArgs,
    config: &str,
    model: &Search,
    (folder, (seed, hash)): (&Folder, (u64, u64)),
    streams: &Streams,
) -> Result<(Saved, f64, Option<f64>), Failure> {
    let sweeps = settled.sweeps.unwrap_or(0);
    let loaded = batches::load::<Saved>(&settled.run, folder, hash)?;
    let mut saved = loaded.unwrap_or_else(|| Saved { sweeps, ..Saved::default() });
    let per_batch = model.batch_size();
    if saved.sweeps != sweeps {
        let there = format!("--sweeps {sweeps}: the runs in the folder have {}", saved.sweeps);
        return Err(Failure::Usage(there));
    }
    saved.per_batch = per_batch;
    if !saved.energies.len().is_multiple_of(per_batch)
        || saved.best.as_ref().is_some_and(|b| b.2.len() != model.n_spins())
        || !(saved.populations.is_empty() || saved.populations.len() == saved.energies.len())
    {
        return Err(Failure::File(format!("{}: does not fit this run", folder.file("checkpoint").display())));
    }
    folder.begin(config)?;
    let extent =
        Extent { batches: settled.runs.unwrap_or(MOST_RUNS).div_ceil(per_batch as u64), limit: settled.time };
    let seconds = batches::search(&settled.run, folder, (seed, hash), &extent, &mut saved, |index| {
        model.batch(streams, index)
    })?;
    settled.runs = Some(saved.energies.len() as u64);
    Ok((saved, seconds, None))
}

/// Rounds of growing length, piece after piece. What it returns has the lowest energy after each round in place of those
/// of runs.
fn by_rounds(
    settled: &mut AnnealArgs,
    config: &str,
    model: &Search,
    lanes: Arc<(Ising, LaneModel)>,
    (folder, (seed, hash)): (&Folder, (u64, u64)),
    streams: &Streams,
) -> Result<(Saved, f64, Option<f64>), Failure> {
    let loaded = batches::load::<Rounds>(&settled.run, folder, hash)?;
    let mut rounds = loaded.unwrap_or_else(|| Rounds::new(&lanes.0, streams));
    if !rounds.fits(lanes.0.n_spins()) {
        return Err(Failure::File(format!("{}: does not fit this run", folder.file("checkpoint").display())));
    }
    rounds.on(lanes, settled.target.map_or(f64::NEG_INFINITY, |t| model.energy_that_reaches(t)));
    folder.begin(config)?;
    let extent = Extent { batches: settled.runs.unwrap_or(MOST_RUNS), limit: settled.time };
    let seconds = batches::search(&settled.run, folder, (seed, hash), &extent, &mut rounds, |_| Ok(()))?;
    settled.runs = Some(batches::Saved::n_batches(&rounds));
    let saved = Saved { energies: rounds.lowest.clone(), best: rounds.best(), ..Saved::default() };
    Ok((saved, seconds, rounds.found_after()))
}

/// What the result has beside its quantities.
#[derive(Serialize)]
struct Details<'a> {
    format: &'a str,
    variables: usize,
    pairs: usize,
    degree: usize,
    /// Which engine ran.
    engine: &'a str,
    /// The run that found the best value.
    best_run: u64,
    /// The last β, of population annealing.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_beta: Option<f64>,
}

fn finish(
    settled: &AnnealArgs,
    read: &formats::Read,
    model: &Search,
    folder: &Folder,
    saved: &Saved,
    (seconds, found_after): (f64, Option<f64>),
    streams: &Streams,
) -> Result<(), Failure> {
    let problem = &read.problem;
    let by_rounds = settled.method == Some(Method::Renormalise);
    let Some((_, best_run, spins)) = &saved.best else {
        return Err(Failure::Check(if by_rounds {
            "no round is complete: take more --runs; --resume goes on".into()
        } else {
            "no run ended with an energy that is a number".into()
        }));
    };
    let spins = &model.variables(spins)?;
    let best = problem.value(spins);
    let values: Vec<f64> = saved.energies.iter().map(|e| model.value(*e)).collect();
    let maximise = problem.sense() == Sense::Maximise;
    // Values come from energies by rounding operations: equal to a part in 10⁹ is equal.
    let slack = |v: f64| 1e-9 * v.abs().max(1.0);
    let reaches =
        |v: f64, goal: f64| if maximise { v >= goal - slack(goal) } else { v <= goal + slack(goal) };
    let goal = settled.target.unwrap_or(best);
    let hits = values.iter().filter(|v| reaches(**v, goal)).count() as u64;
    let runs = values.len() as u64;

    let mut o = Outcome::default();
    let value = Estimate::exact(best);
    match settled.target {
        // Reached up to rounding is reached.
        Some(target) if maximise => {
            o.at_least("best value", value, if reaches(best, target) { target.min(best) } else { target })
        }
        Some(target) => {
            o.at_most("best value", value, if reaches(best, target) { target.max(best) } else { target })
        }
        None => o.reported("best value", value),
    };
    if !by_rounds {
        let what =
            if settled.target.is_some() { "runs that reached the target" } else { "runs that reached it" };
        o.reported(what, Estimate::from_counts(hits, runs)?);
    }
    if let Some(form) = model.form() {
        let bound = Packing::of(&form.ising, &Effort::new(0.4, BOUND_WORK)?).certify(&form.ising)?;
        let proved = form.value(bound.energy);
        // No state lies beyond the bound, but for rounding.
        if maximise {
            o.at_most("best value and the proved bound", value, proved.max(best.min(proved + slack(proved))));
        } else {
            o.at_least(
                "best value and the proved bound",
                value,
                proved.min(best.max(proved - slack(proved))),
            );
        }
        let gap = (proved - best).abs() / best.abs().max(f64::MIN_POSITIVE);
        o.reported("gap to the proved bound, relative", Estimate::exact(gap));
    }
    let engine = model.engine();
    if model.last_beta().is_some() {
        let ln_z: Vec<f64> = saved.populations.iter().map(|p| p.ln_z).collect();
        let mean = |of: fn(&Population) -> f64| {
            Estimate::from_independent(&saved.populations.iter().map(of).collect::<Vec<_>>())
        };
        // For another offset of the values Z is another number; the Ising model has none.
        o.reported("ln Z of the Ising model, last β", combined_ln_z(&ln_z)?);
        o.reported("entropy of families", mean(|p| p.entropy)?);
        o.reported("mean square family size", mean(|p| p.rho_t)?);
    }
    let unit = if by_rounds { "rounds" } else { "runs" };
    let mut part = Part::new("search", &format!("{runs} {unit}"), &o.rows, None);
    part.details = serde_json::to_value(Details {
        format: read.format.name(),
        variables: problem.n_variables(),
        pairs: problem.pairs().n_edges(),
        degree: problem.degree(),
        engine: &engine,
        best_run: *best_run,
        last_beta: model.last_beta(),
    })
    .map_err(|e| Failure::File(format!("results as JSON: {e}")))?;
    part.notes = read.warnings.iter().map(|w| w.message.clone()).collect();

    let mut outputs = vec![folder.file("solution.txt"), folder.file("checkpoint")];
    if let Some(file) = &settled.run.series {
        series::write(file, &[series::Column { name: "value".into(), values: values.clone() }])?;
        outputs.push(file.clone());
    }
    folder.write("solution.txt", solution(problem, spins, best).as_bytes())?;
    let mut text = format!(
        "{}: {} variables, {} pairs, degree {}, {}\n",
        settled.file.display(),
        problem.n_variables(),
        problem.pairs().n_edges(),
        problem.degree(),
        if maximise { "to maximise" } else { "to minimise" },
    );
    let _ = match by_rounds {
        true => writeln!(text, "{engine}, {runs} rounds of growing length"),
        false => writeln!(text, "{runs} runs of {} sweeps, {engine}", saved.sweeps),
    };
    text += &results::table(&o.rows, "", false);
    // Times are for people: they are no part of what is the same every time.
    if let Some(after) = found_after {
        let _ = writeln!(text, "found after {after:.2} s");
    }
    if !by_rounds {
        text += &time_to_solution(settled, model, (hits, runs), seconds, streams)?;
    }
    let _ = writeln!(text, "solution: {}", folder.file("solution.txt").display());
    Finished {
        document: Document::new("anneal", settled, vec![part])?,
        config: &config::to_toml("anneal", settled)?,
        seed: settled.run.seed.unwrap_or_default(),
        text,
        tables: &[("Result", &o.rows)],
        figures: &[if by_rounds { progress(&values) } else { batches::ends(&values) }],
        outputs,
        json: settled.run.json,
    }
    .conclude(folder)
}

/// How long it takes to be sure of the target, or of the best value.
fn time_to_solution(
    settled: &AnnealArgs,
    model: &Search,
    (hits, runs): (u64, u64),
    seconds: f64,
    streams: &Streams,
) -> Result<String, Failure> {
    let per_run = seconds.max(1e-9) / runs as f64;
    let tts = TimeToSolution::new(hits, runs, per_run, 0.99, &streams.child("time to solution", 0))?;
    let shown = |t: f64| if t.is_finite() { format!("{t:.3} s") } else { "unknown".into() };
    Ok(format!(
        "time to {} with 99 % on {} thread(s): {} ({} to {}), of which a batch takes {:.3} s\n",
        if settled.target.is_some() { "the target" } else { "this value" },
        rayon::current_num_threads(),
        shown(tts.time),
        shown(tts.interval.0),
        shown(tts.interval.1),
        per_run * model.batch_size() as f64,
    ))
}

/// The best value after each round.
fn progress(values: &[f64]) -> Figure {
    let points = values.iter().enumerate().map(|(k, v)| ((k + 1) as f64, *v)).collect();
    Figure::plot(
        "rounds",
        "Best value after each round",
        "Each round has three times as many sweeps as the one before, up to some length.",
        Axis::linear("round"),
        Axis::linear("best value"),
        vec![Series::new("best value", Style::LinePoints, points)],
    )
}

/// One line for each variable, in the form of the problem.
fn solution(problem: &Problem, spins: &[i8], value: f64) -> String {
    let mut text = format!("# value {value}\n");
    for (i, x) in problem.configuration(spins).iter().enumerate() {
        match problem.names() {
            Some(names) => text += &format!("{} {x}\n", names[i]),
            None => text += &format!("{i} {x}\n"),
        }
    }
    text
}

impl From<crate::args::problem::FileFormat> for formats::Format {
    fn from(format: crate::args::problem::FileFormat) -> Self {
        use crate::args::problem::FileFormat as F;
        match format {
            F::Rudy => formats::Format::Rudy,
            F::Coo => formats::Format::Coo,
            F::Qubo => formats::Format::Qubo,
            F::MatrixMarket => formats::Format::MatrixMarket,
            F::Dimacs => formats::Format::Dimacs,
            F::DimodJson => formats::Format::DimodJson,
        }
    }
}

impl From<crate::args::problem::Variables> for Form {
    fn from(variables: crate::args::problem::Variables) -> Self {
        match variables {
            crate::args::problem::Variables::Spin => Form::Spin,
            crate::args::problem::Variables::Binary => Form::Binary,
        }
    }
}
