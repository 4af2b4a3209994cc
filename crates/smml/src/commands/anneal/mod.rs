//! `smml anneal`: search for the best state of a problem in a file, by annealing and other methods.
//!
//! Runs come in batches (512 side by side where couplings are integers), each with a stream of its own; a batch is what
//! is saved, and what a time limit is asked after. The methods are in `method`.

use super::batches::{self, Extent, Seconds, Tally};
use crate::{
    args::{
        AnnealArgs,
        problem::{Method, Variables},
    },
    error::Failure,
    output::{self, counted},
    report::figure::{Axis, Figure, Series, Style},
    reproduce::check::{Outcome, short},
    run::{
        self, config,
        folder::Folder,
        input::Input,
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
    search::combined_ln_z,
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
    /// Of a search in rounds: those that are complete.
    #[serde(skip)]
    complete: u64,
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
    let input = Input::read(&args.file, formats::MAX_BYTES)?;
    let read = formats::from_bytes(&input.bytes, &args.file, &options)?;
    let inputs = input.hashes();
    drop(input);
    for warning in &read.warnings {
        output::remark(args.run.quiet, &format!("warning: {warning}"));
    }
    let problem = &read.problem;
    check_form(args.form, problem)?;
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
    let model = Search::new(problem, &settled, method).map_err(|e| match (e, real_coupling(problem)) {
        (Failure::Usage(e), Some(coupling)) if matches!(method, Method::Pt | Method::Renormalise) => {
            Failure::Usage(format!("{}: {e} ({coupling})", args.file.display()))
        }
        (e, _) => e,
    })?;
    let seed = settled.run.seed.unwrap_or_default();
    let config = config::to_toml("anneal", &settled)?;
    let hash = config::hash_with(&config, &inputs)?;
    let folder = Folder::open_run(&args.run, "anneal", seed, &config, &inputs)?;
    let streams = Streams::new(seed);
    let place = (&folder, (seed, hash));
    let limit = settled.time;
    let (saved, seconds, found_after) = match model.lanes() {
        Some(lanes) if method == Method::Renormalise => {
            by_rounds(&mut settled, &config, &model, lanes, place, &streams)?
        }
        _ => by_runs(&mut settled, &config, &model, place, &streams)?,
    };
    settled.time = None;
    let times = Times { all: seconds.all, found_after, over: batches::over_time(limit, seconds.now) };
    finish(&settled, &read, &model, &folder, &saved, &times, &streams)
}

/// A coupling that is no whole number, in words.
fn real_coupling(problem: &Problem) -> Option<String> {
    let (i, j, w) = problem.pairs().edges().find(|e| e.2.fract() != 0.0)?;
    let name = |i: u32| problem.names().map_or(i.to_string(), |names| names[i as usize].clone());
    Some(format!("{w} of the variables {} and {}", name(i), name(j)))
}

/// What is said of time.
struct Times {
    /// Seconds of the search.
    all: f64,
    /// Seconds after which the best was found, where that is known.
    found_after: Option<f64>,
    /// That the limit was not kept, if so.
    over: String,
}

/// Independent runs, batch after batch.
fn by_runs(
    settled: &mut AnnealArgs,
    config: &str,
    model: &Search,
    (folder, (seed, hash)): (&Folder, (u64, u64)),
    streams: &Streams,
) -> Result<(Saved, Seconds, Option<f64>), Failure> {
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
    let asked = settled.runs.unwrap_or(MOST_RUNS);
    let extent = Extent { batches: asked.div_ceil(per_batch as u64), limit: settled.time };
    batches::refuse_fewer(&extent, &saved, &format!("--runs {asked}"), saved.energies.len())?;
    folder.begin(config)?;
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
) -> Result<(Saved, Seconds, Option<f64>), Failure> {
    let loaded = batches::load::<Rounds>(&settled.run, folder, hash)?;
    let mut rounds = loaded.unwrap_or_else(|| Rounds::new(&lanes.0, streams));
    if !rounds.fits(lanes.0.n_spins()) {
        return Err(Failure::File(format!("{}: does not fit this run", folder.file("checkpoint").display())));
    }
    rounds.on(lanes, settled.target.map_or(f64::NEG_INFINITY, |t| model.energy_that_reaches(t)));
    let asked = settled.runs.unwrap_or(MOST_RUNS);
    let extent = Extent { batches: asked, limit: settled.time };
    batches::refuse_fewer(&extent, &rounds, &format!("--runs {asked}"), batches::Saved::n_batches(&rounds))?;
    folder.begin(config)?;
    let seconds = batches::search(&settled.run, folder, (seed, hash), &extent, &mut rounds, |_| Ok(()))?;
    settled.runs = Some(batches::Saved::n_batches(&rounds));
    let complete = rounds.lowest.len() as u64;
    let (mut energies, mut best) = (rounds.lowest.clone(), rounds.best());
    if let Some(best) = &mut best {
        // What the round that is under way has found counts.
        if energies.iter().all(|e| *e > best.0) {
            energies.push(best.0);
        }
        best.1 = energies.iter().position(|e| *e <= best.0).unwrap_or(0) as u64;
    }
    let saved = Saved { energies, best, complete, ..Saved::default() };
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
    times: &Times,
    streams: &Streams,
) -> Result<(), Failure> {
    let problem = &read.problem;
    let by_rounds = settled.method == Some(Method::Renormalise);
    let Some((_, best_run, spins)) = &saved.best else {
        return Err(Failure::Check(if by_rounds {
            "no annealing is complete: take more --runs; --resume goes on".into()
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
        let what = if settled.target.is_some() {
            "runs that reached the target"
        } else {
            "runs that reached the best value found by these runs"
        };
        o.reported(what, Estimate::from_counts(hits, runs)?);
    }
    let mut notes: Vec<String> = Vec::new();
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
        let gap = (proved - best).abs();
        o.reported("gap to the proved bound", Estimate::exact(gap));
        // A constant in the values would change a relative gap: it is that of the energy of spins, which has none.
        let energy = form.energy(best).abs();
        if energy > slack(best) {
            o.reported("gap, relative to the energy of spins", Estimate::exact(gap / energy));
        }
    } else {
        notes.push("no bound is proved: products of more than two variables are searched as they are".into());
    }
    let engine = model.engine();
    if let Some(beta) = model.last_beta() {
        let ln_z: Vec<f64> = saved.populations.iter().map(|p| p.ln_z).collect();
        let mean = |of: fn(&Population) -> f64| {
            Estimate::from_independent(&saved.populations.iter().map(of).collect::<Vec<_>>())
        };
        // For another offset of the values Z is another number; the Ising model has none.
        o.reported(format!("ln Z of the Ising model, β = {}", short(beta)), combined_ln_z(&ln_z)?);
        o.reported("entropy of families", mean(|p| p.entropy)?);
        o.reported("mean square family size", mean(|p| p.rho_t)?);
    }
    let title = match (by_rounds, saved.complete) {
        (false, _) => counted(runs, "run"),
        (true, complete) if complete < runs => {
            format!("{} of growing length and a part of round {}", counted(complete, "round"), complete + 1)
        }
        (true, complete) => format!("{} of growing length", counted(complete, "round")),
    };
    let mut part = Part::new("search", &title, &o.rows, None);
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
    part.notes.extend(notes.iter().cloned());
    // Times are for people: they are no part of what is the same every time.
    let sure = match by_rounds {
        true => None,
        false => {
            let (per_batch, has_target) = (model.batch_size() as u64, settled.target.is_some());
            let tally = Tally { hits, runs, per_batch, seconds: times.all, has_target };
            Some(tally.time_to_solution(folder, streams)?)
        }
    };
    part.notes.extend(sure.iter().map(|s| s.note.clone()));

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
        true => writeln!(text, "{engine}, {title}"),
        false => writeln!(
            text,
            "{} of {}, {engine}",
            counted(runs, "run"),
            counted(u64::from(saved.sweeps), "sweep")
        ),
    };
    text += &results::table(&o.rows, "", false);
    for note in &notes {
        let _ = writeln!(text, "{note}");
    }
    if let Some(after) = times.found_after {
        let _ = writeln!(text, "found after {after:.2} s");
    }
    text += &sure.map_or(String::new(), |s| s.text);
    text += &times.over;
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

/// Refuses `--form` where the file says something else of its variables.
pub(super) fn check_form(asked: Option<Variables>, problem: &Problem) -> Result<(), Failure> {
    match (asked, problem.form()) {
        (Some(Variables::Binary), Form::Spin) => {
            Err(Failure::Usage("--form binary: the file says that its variables are spins".into()))
        }
        (Some(Variables::Spin), Form::Binary) => {
            Err(Failure::Usage("--form spin: the file says that its variables are binary".into()))
        }
        _ => Ok(()),
    }
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
