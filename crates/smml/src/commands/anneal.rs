//! `smml anneal`: search for the best state of a problem in a file by simulated annealing.
//!
//! Runs come in batches (512 side by side where couplings are integers), each with a stream of its own; a batch is what
//! is saved, and what a time limit is asked after.

use crate::{
    args::AnnealArgs,
    error::Failure,
    output,
    report::figure::{Axis, Figure, Series, Style},
    reproduce::check::Outcome,
    run::{
        self, config,
        folder::Folder,
        progress,
        results::{self, Document, Finished, Part},
        series, signals,
    },
};
use serde::{Deserialize, Serialize};
use smml_core::{
    Estimate,
    energy::Reference,
    parallel::{self, Par},
    rng::Streams,
    sample::{Anneal, Metropolis},
    schedule::Schedule,
    store,
};
use smml_physics::{
    bound::{Effort, Packing},
    ising::Ising,
    lanes::{LANES, LaneModel},
    problem::{Form, HigherOrder, IsingForm, Problem, Sense, formats},
    search::{Annealing, TimeToSolution},
};
use std::{collections::BTreeMap, fmt::Write as _, time::Instant};

/// Runs of one batch, one after the other, where they do not go side by side.
const SINGLES: usize = 8;
/// Runs when neither `--runs` nor `--time` says it.
const RUNS: u64 = 512;
/// How often the search for a bound looks at a coupling: about a second.
const BOUND_WORK: u64 = 20_000_000;
/// Most runs: their values are kept.
const MOST_RUNS: u64 = 1 << 26;

/// Runs the command.
pub(crate) fn run(args: &AnnealArgs) -> Result<(), Failure> {
    run::with_threads(args.run.threads, || anneal(args))
}

/// The problem as a model that can be annealed.
enum Model {
    Lanes { form: IsingForm, lanes: Box<LaneModel>, annealing: Annealing },
    Single { form: IsingForm, annealing: Annealing },
    Higher { model: HigherOrder, anneal: Anneal },
}

impl Model {
    fn new(problem: &Problem, args: &AnnealArgs) -> Result<Self, Failure> {
        let sweeps = args.sweeps as usize;
        if problem.degree() > 2 {
            let model = problem.higher_order()?;
            let (hot, cold) = model.default_betas();
            let hot = args.hot.map_or(hot, |t| 1.0 / t);
            let cold = args.cold.map_or(cold, |t| 1.0 / t);
            let anneal = Anneal::new(Schedule::geometric(hot, cold)?, sweeps)?;
            return Ok(Model::Higher { model, anneal });
        }
        let form = problem.ising()?;
        let default = Annealing::for_model(&form.ising, sweeps)?;
        let hot = args.hot.unwrap_or(default.temperature().at(0.0));
        let cold = args.cold.unwrap_or(default.temperature().at(1.0).min(hot));
        let annealing = Annealing::new(Schedule::linear(hot, cold)?, sweeps)?;
        Ok(match LaneModel::new(&form.ising) {
            Ok(lanes) => Model::Lanes { form, lanes: Box::new(lanes), annealing },
            Err(_) => Model::Single { form, annealing },
        })
    }
    /// Runs of one batch.
    fn batch_size(&self) -> usize {
        match self {
            Model::Lanes { .. } => LANES,
            _ => SINGLES,
        }
    }
    /// Energy and spins of the runs of a batch.
    fn batch(&self, streams: &Streams, index: u64) -> Result<Vec<(f64, Vec<i8>)>, Failure> {
        let first = index * SINGLES as u64;
        Ok(match self {
            Model::Lanes { form, lanes, annealing } => annealing.batch(&form.ising, lanes, streams, index)?,
            Model::Single { form, annealing } => {
                (first..first + SINGLES as u64).map(|r| annealing.single(&form.ising, streams, r)).collect()
            }
            Model::Higher { model, anneal } => (first..first + SINGLES as u64)
                .map(|r| {
                    let mut rng = streams.stream("anneal", r);
                    let start = model.draw(&mut rng);
                    let best = anneal.run(model, &mut Metropolis::new(model.n_spins())?, start, &mut rng);
                    Ok((best.energy, best.state.spins().to_vec()))
                })
                .collect::<Result<_, smml_core::Error>>()?,
        })
    }
    /// The value that belongs to an energy.
    fn value(&self, energy: f64) -> f64 {
        match self {
            Model::Lanes { form, .. } | Model::Single { form, .. } => form.value(energy),
            Model::Higher { model, .. } => model.value(energy),
        }
    }
    fn ising(&self) -> Option<&Ising> {
        match self {
            Model::Lanes { form, .. } | Model::Single { form, .. } => Some(&form.ising),
            Model::Higher { .. } => None,
        }
    }
}

/// What is saved on the way.
#[derive(Default, Serialize, Deserialize)]
struct Saved {
    /// Energies of all runs, batch after batch.
    energies: Vec<f64>,
    /// The lowest, its run, its spins.
    best: Option<(f64, u64, Vec<i8>)>,
    /// Sweeps of each run.
    sweeps: u32,
}

fn anneal(args: &AnnealArgs) -> Result<(), Failure> {
    let began = Instant::now();
    let mut settled = args.clone();
    settled.run.seed = Some(args.run.seed.unwrap_or_else(run::drawn_seed));
    if args.time.is_none() {
        settled.runs = Some(args.runs.unwrap_or(RUNS));
    }
    if let (Some(hot), Some(cold)) = (args.hot, args.cold)
        && cold > hot
    {
        return Err(Failure::Usage(format!("--cold {cold}: must be at most --hot {hot}")));
    }
    let options = formats::Options { format: args.format.map(Into::into), form: args.form.map(Into::into) };
    let read = formats::read(&args.file, &options)?;
    for warning in &read.warnings {
        output::remark(args.run.quiet, &format!("warning: {warning}"));
    }
    let problem = &read.problem;
    let model = Model::new(problem, args)?;
    let seed = settled.run.seed.unwrap_or_default();
    let config = config::to_toml("anneal", &settled)?;
    let hash = config::hash(&config)?;
    let folder = Folder::open_run(&args.run, "anneal", seed, &config)?;
    folder.input_file(&args.file)?;
    let checkpoint = folder.file("checkpoint");
    let loaded = if args.run.resume { store::load::<Saved>(&checkpoint, hash)? } else { None };
    let resumed = loaded.is_some();
    let mut saved = loaded.map_or(Saved { sweeps: args.sweeps, ..Saved::default() }, |l| l.value);
    if saved.sweeps != args.sweeps {
        let there = format!("--sweeps {}: the runs in the folder have {}", args.sweeps, saved.sweeps);
        return Err(Failure::Usage(there));
    }
    let per_batch = model.batch_size();
    if !saved.energies.len().is_multiple_of(per_batch)
        || saved.best.as_ref().is_some_and(|b| b.2.len() != problem.n_variables())
    {
        return Err(Failure::File(format!("{}: does not fit this run", checkpoint.display())));
    }
    folder.begin(&config)?;
    store::save(&checkpoint, &saved, hash)?;

    let streams = Streams::new(seed);
    let wanted = settled.runs.unwrap_or(MOST_RUNS).div_ceil(per_batch as u64);
    let limit = args.time.unwrap_or(f64::INFINITY);
    let bar = progress::bar(if args.time.is_some() { (limit * 1e3) as u64 } else { wanted }, args.run.quiet);
    let threads = rayon::current_num_threads() as u64;
    let stopped =
        format!("stopped; continue with --resume --out {} and the same arguments", folder.path().display());
    signals::listen();
    let mut last_saved = Instant::now();
    // Times are in the manifest, not in the checkpoint, which is the same every time.
    let before = if resumed { folder.parts().get("search").copied().unwrap_or(0.0) } else { 0.0 };
    let mut seconds = before;
    loop {
        let done = (saved.energies.len() / per_batch) as u64;
        let out_of_time = began.elapsed().as_secs_f64() >= limit && done > 0;
        if done >= wanted || out_of_time {
            break;
        }
        // The next batches, one for each thread, do not depend on how many there are.
        let n = threads.min(wanted - done);
        signals::at_once(Some(&stopped));
        if signals::stop() {
            store::save(&checkpoint, &saved, hash)?;
            return Err(Failure::Interrupted(stopped));
        }
        let found = parallel::map(Par::Rayon, n as usize, |k| model.batch(&streams, done + k as u64));
        signals::at_once(None);
        for batch in found {
            for (energy, spins) in batch? {
                let run = saved.energies.len() as u64;
                if saved.best.as_ref().is_none_or(|b| energy < b.0) {
                    saved.best = Some((energy, run, spins));
                }
                saved.energies.push(energy);
            }
        }
        seconds = before + began.elapsed().as_secs_f64();
        folder.part("search", seconds);
        if last_saved.elapsed().as_secs_f64() >= args.run.checkpoint_every {
            store::save(&checkpoint, &saved, hash)?;
            folder.write_manifest(seed)?;
            last_saved = Instant::now();
        }
        let done = (saved.energies.len() / per_batch) as u64;
        bar.set_position(if args.time.is_some() { (seconds * 1e3) as u64 } else { done });
    }
    bar.finish_and_clear();
    if signals::stop() {
        store::save(&checkpoint, &saved, hash)?;
        return Err(Failure::Interrupted(stopped));
    }
    settled.runs = Some(saved.energies.len() as u64);
    settled.time = None;
    store::save(&checkpoint, &saved, hash)?;
    finish(&settled, &read, &model, &folder, &saved, seconds, &streams)
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
}

fn finish(
    settled: &AnnealArgs,
    read: &formats::Read,
    model: &Model,
    folder: &Folder,
    saved: &Saved,
    seconds: f64,
    streams: &Streams,
) -> Result<(), Failure> {
    let problem = &read.problem;
    let Some((_, best_run, spins)) = &saved.best else {
        return Err(Failure::Check("no run ended with an energy that is a number".into()));
    };
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
    let success = Estimate::from_counts(hits, runs)?;

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
    let what = if settled.target.is_some() { "runs that reached the target" } else { "runs that reached it" };
    o.reported(what, success);
    if let Some(ising) = model.ising() {
        let bound = Packing::of(ising, &Effort::new(0.4, BOUND_WORK)?).certify(ising)?;
        let proved = model.value(bound.energy);
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
    let mut part = Part::new("search", &format!("{} runs", runs), &o.rows, None);
    let engine = match model {
        Model::Lanes { .. } => "lanes (512 runs side by side)",
        Model::Single { .. } => "single runs",
        Model::Higher { .. } => "single runs, products of any degree",
    };
    part.details = serde_json::to_value(Details {
        format: read.format.name(),
        variables: problem.n_variables(),
        pairs: problem.pairs().n_edges(),
        degree: problem.degree(),
        engine,
        best_run: *best_run,
    })
    .map_err(|e| Failure::File(format!("results as JSON: {e}")))?;
    part.notes = read.warnings.iter().map(|w| w.message.clone()).collect();

    let mut outputs = vec![folder.file("solution.txt"), folder.file("checkpoint")];
    if let Some(file) = &settled.run.series {
        series::write(file, &[series::Column { name: "value".into(), values: values.clone() }])?;
        outputs.push(file.clone());
    }
    folder.write("solution.txt", solution(problem, spins, best).as_bytes())?;
    let threads = rayon::current_num_threads();
    let mut text = format!(
        "{}: {} variables, {} pairs, degree {}, {}\n{} runs of {} sweeps, {engine}\n",
        settled.file.display(),
        problem.n_variables(),
        problem.pairs().n_edges(),
        problem.degree(),
        if maximise { "to maximise" } else { "to minimise" },
        runs,
        settled.sweeps,
    );
    text += &results::table(&o.rows, "", false);
    // Times are for people: they are no part of what is the same every time.
    let per_run = seconds.max(1e-9) / runs as f64;
    let tts = TimeToSolution::new(hits, runs, per_run, 0.99, &streams.child("time to solution", 0))?;
    let shown = |t: f64| if t.is_finite() { format!("{t:.3} s") } else { "unknown".into() };
    let _ = writeln!(
        text,
        "time to {} with 99 % on {threads} thread(s): {} ({} to {}), of which a batch takes {:.3} s",
        if settled.target.is_some() { "the target" } else { "this value" },
        shown(tts.time),
        shown(tts.interval.0),
        shown(tts.interval.1),
        per_run * model.batch_size() as f64,
    );
    let _ = writeln!(text, "solution: {}", folder.file("solution.txt").display());
    Finished {
        document: Document::new("anneal", settled, vec![part])?,
        config: &config::to_toml("anneal", settled)?,
        seed: settled.run.seed.unwrap_or_default(),
        text,
        tables: &[("Result", &o.rows)],
        figures: &[histogram(&values)],
        outputs,
        json: settled.run.json,
    }
    .conclude(folder)
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

/// How often each value was the end of a run.
fn histogram(values: &[f64]) -> Figure {
    let (low, high) =
        values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)));
    let mut counts: BTreeMap<i64, u64> = BTreeMap::new();
    // Values in at most 60 bins.
    let width = ((high - low) / 60.0).max(f64::MIN_POSITIVE);
    for v in values {
        *counts.entry(((v - low) / width).floor() as i64).or_default() += 1;
    }
    let points = counts.iter().map(|(k, n)| (low + (*k as f64 + 0.5) * width, *n as f64)).collect();
    Figure::plot(
        "values",
        "Where runs ended",
        "Number of runs by the value they found. The results of a search have a best and no mean.",
        Axis::linear("value"),
        Axis::linear("runs"),
        vec![Series::new("runs", Style::Bars, points)],
    )
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
