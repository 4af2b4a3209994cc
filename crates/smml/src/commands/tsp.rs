//! `smml tsp`: short tours through the cities of a TSPLIB file or through random ones, by annealing.

use super::batches::{self, Extent, Tally};
use crate::{
    args::TspArgs,
    error::Failure,
    output::counted,
    report::figure::{Axis, Figure, Series, Style},
    reproduce::check::Outcome,
    run::{
        self, config,
        folder::Folder,
        input::{Hashes, Input},
        results::{self, Document, Finished, Part},
        series,
    },
};
use serde::{Deserialize, Serialize};
use smml_core::{Estimate, rng::Streams, schedule::Schedule};
use smml_physics::tsp::{self, OneTree, Search, Tsp, tsplib};
use std::fmt::Write as _;

/// Cities, blocks and streets where neither a file nor a flag says it: the picture of the paper of 1983.
const CITIES: u32 = 400;
const BLOCKS: u32 = 3;
const STREET: f64 = 0.5;
/// Runs when neither `--runs` nor `--time` says it.
const RUNS: u64 = 16;
/// Most runs: their lengths are kept.
const MOST_RUNS: u64 = 1 << 26;
/// Largest file.
const MOST_BYTES: u64 = 1 << 30;
/// Most cities for which a bound is proved: all pairs are sorted.
const BOUNDED: usize = 4096;
/// Distances that the search for a bound looks at: some seconds.
const BOUND_WORK: usize = 1 << 30;

/// Runs the command.
pub(crate) fn run(args: &TspArgs) -> Result<(), Failure> {
    run::with_threads(args.run.threads, || tsp(args))
}

/// What is saved on the way.
#[derive(Default, Serialize, Deserialize)]
struct Saved {
    /// Sweeps of each run.
    sweeps: u32,
    /// Lengths of all runs.
    lengths: Vec<f64>,
    /// The shortest, its run, its cities.
    best: Option<(f64, u64, Vec<u32>)>,
}

impl batches::Saved for Saved {
    type Batch = (f64, Vec<u32>);
    fn n_batches(&self) -> u64 {
        self.lengths.len() as u64
    }
    fn take(&mut self, (length, order): Self::Batch) -> Result<(), Failure> {
        if self.best.as_ref().is_none_or(|b| length < b.0) {
            self.best = Some((length, self.n_batches(), order));
        }
        self.lengths.push(length);
        Ok(())
    }
}

fn tsp(args: &TspArgs) -> Result<(), Failure> {
    let mut settled = args.clone();
    let seed = *settled.run.seed.get_or_insert_with(run::drawn_seed);
    if args.file.is_none() {
        settled.cities.get_or_insert(CITIES);
        settled.blocks.get_or_insert(BLOCKS);
        settled.street.get_or_insert(STREET);
    }
    if args.time.is_none() {
        settled.runs.get_or_insert(RUNS);
    }
    let streams = Streams::new(seed);
    let mut inputs = Hashes::new();
    let (name, cities) = match &args.file {
        Some(file) => {
            let input = Input::read(file, MOST_BYTES)?;
            inputs = input.hashes();
            // Old files have comments in other encodings; numbers and keywords are ASCII in all of them.
            let read = tsplib::from_text(&String::from_utf8_lossy(&input.bytes), file)?;
            (if read.name.is_empty() { file.display().to_string() } else { read.name }, read.tsp)
        }
        None => {
            let n = settled.cities.unwrap_or(CITIES);
            let (blocks, street) = (settled.blocks.unwrap_or(BLOCKS), settled.street.unwrap_or(STREET));
            let mut rng = streams.stream("cities", 0);
            let cities = tsp::clusters(n as usize, blocks as usize, street, &mut rng)?;
            (format!("{n} random cities in {blocks} x {blocks} block(s)"), cities)
        }
    };
    let default = Search::for_model(&cities, args.sweeps as usize)?;
    let hot = args.hot.unwrap_or(default.temperature().at(0.0));
    let cold = args.cold.unwrap_or(default.temperature().at(1.0).min(hot));
    if cold > hot {
        return Err(Failure::Usage(format!("--cold {cold}: must be at most --hot {hot}")));
    }
    let search = Search::new(Schedule::geometric(hot, cold)?, args.sweeps as usize)?;
    let near = Search::neighbours(&cities);
    let config = config::to_toml("tsp", &settled)?;
    let hash = config::hash_with(&config, &inputs)?;
    let folder = Folder::open_run(&args.run, "tsp", seed, &config, &inputs)?;
    let mut saved = batches::load::<Saved>(&args.run, &folder, hash)?
        .unwrap_or_else(|| Saved { sweeps: args.sweeps, ..Saved::default() });
    if saved.sweeps != args.sweeps {
        return Err(Failure::Usage(format!(
            "--sweeps {}: the runs in the folder have {}",
            args.sweeps, saved.sweeps
        )));
    }
    if saved.best.as_ref().is_some_and(|b| cities.tour(b.2.clone()).is_err()) {
        return Err(Failure::File(format!("{}: does not fit this run", folder.file("checkpoint").display())));
    }
    let asked = settled.runs.unwrap_or(MOST_RUNS);
    let extent = Extent { batches: asked, limit: args.time };
    batches::refuse_fewer(&extent, &saved, &format!("--runs {asked}"), saved.lengths.len())?;
    folder.begin(&config)?;
    let seconds = batches::search(&args.run, &folder, (seed, hash), &extent, &mut saved, |index| {
        Ok(search.single(&cities, &near, &streams, index))
    })?;
    settled.runs = Some(saved.lengths.len() as u64);
    settled.time = None;
    let over = batches::over_time(args.time, seconds.now);
    finish(&settled, &name, &cities, &folder, &saved, (seconds.all, over), &streams)
}

/// What the result has beside its quantities.
#[derive(Serialize)]
struct Details<'a> {
    name: &'a str,
    cities: usize,
    /// The run that found the shortest tour.
    best_run: u64,
}

fn finish(
    settled: &TspArgs,
    name: &str,
    cities: &Tsp,
    folder: &Folder,
    saved: &Saved,
    (seconds, over): (f64, String),
    streams: &Streams,
) -> Result<(), Failure> {
    let Some((best, best_run, order)) = &saved.best else {
        return Err(Failure::Check("no run ended with a length that is a number".into()));
    };
    let (best, n) = (*best, cities.n_cities());
    let runs = saved.lengths.len() as u64;
    // Lengths are sums in other orders: equal to a part in 10⁹ is equal.
    let goal = settled.target.unwrap_or(best);
    let goal = goal + 1e-9 * goal.abs();
    let hits = saved.lengths.iter().filter(|l| **l <= goal).count() as u64;

    let mut o = Outcome::default();
    match settled.target {
        Some(target) => {
            let most = if best <= goal { target.max(best) } else { target };
            o.at_most("shortest tour", Estimate::exact(best), most);
            o.reported("runs that reached the target", Estimate::from_counts(hits, runs)?);
        }
        None => {
            o.reported("shortest tour", Estimate::exact(best));
            o.reported(
                "runs that reached the best value found by these runs",
                Estimate::from_counts(hits, runs)?,
            );
        }
    }
    let mut notes = Vec::new();
    if n > BOUNDED {
        notes.push(format!("no bound is proved: {n} cities, at most {BOUNDED}"));
    } else if best > 0.0 {
        let steps = (BOUND_WORK / (n * n)).clamp(100, 2000) as u32;
        let proved = OneTree::ascend(cities, best, steps)?.certify(cities)?;
        o.at_least("shortest tour and the proved bound", Estimate::exact(best), proved);
        o.reported("gap to the proved bound, relative", Estimate::exact((best - proved) / best));
    }
    if settled.file.is_none() {
        // Blocks of side 1 with streets between them fill this part of the unit square.
        let side = f64::from(settled.blocks.unwrap_or(BLOCKS));
        let extent = side + settled.street.unwrap_or(STREET) * (side - 1.0);
        let area = (side / extent).powi(2);
        o.reported(
            "length over the root of cities and their area",
            Estimate::exact(best / (n as f64 * area).sqrt()),
        );
    }
    // Times are for people: they are no part of what is the same every time.
    let tally = Tally { hits, runs, per_batch: 1, seconds, has_target: settled.target.is_some() };
    let sure = tally.time_to_solution(folder, streams)?;
    let mut text = format!(
        "{name}: {n} cities\n{} of {}\n",
        counted(runs, "run"),
        counted(u64::from(settled.sweeps), "sweep")
    );
    text += &results::table(&o.rows, "", false);
    for note in &notes {
        let _ = writeln!(text, "{note}");
    }
    notes.push(sure.note);
    let mut part = Part::new("tsp", &format!("{runs} runs"), &o.rows, None);
    part.notes = notes;
    part.details = serde_json::to_value(Details { name, cities: n, best_run: *best_run })
        .map_err(|e| Failure::File(format!("results as JSON: {e}")))?;
    let mut outputs = vec![folder.file("best.tour"), folder.file("checkpoint")];
    if let Some(file) = &settled.run.series {
        series::write(file, &[series::Column { name: "length".into(), values: saved.lengths.clone() }])?;
        outputs.push(file.clone());
    }
    folder.write("best.tour", tsplib::tour_to_text(name, order).as_bytes())?;
    text += &sure.text;
    text += &over;
    let _ = writeln!(text, "tour: {}", folder.file("best.tour").display());
    let mut figures = Vec::new();
    figures.extend(map(cities, order));
    figures.push(batches::ends(&saved.lengths));
    Finished {
        document: Document::new("tsp", settled, vec![part])?,
        config: &config::to_toml("tsp", settled)?,
        seed: settled.run.seed.unwrap_or_default(),
        text,
        tables: &[("Result", &o.rows)],
        figures: &figures,
        outputs,
        json: settled.run.json,
    }
    .conclude(folder)
}

/// The tour on the map, where cities have places.
fn map(cities: &Tsp, order: &[u32]) -> Option<Figure> {
    let places = cities.points();
    let mut line: Vec<(f64, f64)> =
        order.iter().map(|&c| places.get(c as usize).map(|p| (p[0], p[1]))).collect::<Option<_>>()?;
    let points = line.clone();
    line.push(*line.first()?);
    let series = vec![Series::new("tour", Style::Line, line), Series::new("cities", Style::Points, points)];
    let caption = "The shortest tour that was found. Axes have different scales.";
    Some(Figure::plot("tour", "Tour", caption, Axis::linear("x"), Axis::linear("y"), series))
}
