//! `smml digest`: the double digest problem of a file, Eq. (62), by annealing, and by enumeration where it is small.

use super::batches::{self, Extent, Tally};
use crate::{
    args::DigestArgs,
    error::Failure,
    output::counted,
    reproduce::check::Outcome,
    run::{
        self, config,
        folder::Folder,
        input::Input,
        results::{self, Document, Finished, Part},
        series,
    },
};
use serde::{Deserialize, Serialize};
use smml_core::{Estimate, energy::Finite, parallel::Par, rng::Streams};
use smml_physics::double_digest::{self, DoubleDigest, Found, MAX_LISTED, Ordering, Search};
use std::{collections::BTreeSet, fmt::Write as _};

/// Most orderings that are enumerated to prove what annealing found: about a second.
const ENUMERATED: usize = 1 << 20;
/// Largest file.
const MOST_BYTES: u64 = 1 << 24;
/// Runs when neither `--runs` nor `--time` says it.
const RUNS: u64 = 200;
/// Most runs: their energies are kept.
const MOST_RUNS: u64 = 1 << 24;
/// Maps that are shown on the terminal.
const SHOWN: usize = 8;

/// Runs the command.
pub(crate) fn run(args: &DigestArgs) -> Result<(), Failure> {
    run::with_threads(args.run.threads, || digest(args))
}

/// What the result has beside its quantities.
#[derive(Serialize)]
struct Details {
    length: f64,
    fragments: [usize; 3],
    /// The orders found, one of each pair of mirror images.
    maps: Vec<Map>,
}

#[derive(Serialize)]
struct Map {
    a: Vec<f64>,
    b: Vec<f64>,
}

/// What is saved on the way.
#[derive(Default, Serialize, Deserialize)]
struct Saved {
    /// Sweeps of each run.
    sweeps: u32,
    /// The lowest energy of each run.
    energies: Vec<f64>,
    /// The orders with the lowest energy of all: the bits of the lengths of A and of B.
    orders: BTreeSet<Order>,
}

/// Bits of positive numbers, which are sorted as the numbers are.
type Order = (Vec<u64>, Vec<u64>);

impl Saved {
    fn lowest(&self) -> f64 {
        self.energies.iter().copied().fold(f64::INFINITY, f64::min)
    }
    /// Runs that met the lowest energy.
    fn hits(&self) -> u64 {
        let lowest = self.lowest();
        self.energies.iter().filter(|e| same_energy(**e, lowest)).count() as u64
    }
    /// One of each pair of mirror images.
    fn up_to_mirror(&self) -> Vec<Ordering> {
        let is_first = |(a, b): &&Order| {
            let turned = |x: &[u64]| x.iter().rev().copied().collect::<Vec<u64>>();
            let mirrored = (turned(a), turned(b));
            (a, b) <= (&mirrored.0, &mirrored.1) || !self.orders.contains(&mirrored)
        };
        let lengths = |bits: &[u64]| bits.iter().map(|b| f64::from_bits(*b)).collect();
        self.orders.iter().filter(is_first).map(|(a, b)| Ordering { a: lengths(a), b: lengths(b) }).collect()
    }
}

impl batches::Saved for Saved {
    type Batch = Found;
    fn n_batches(&self) -> u64 {
        self.energies.len() as u64
    }
    fn take(&mut self, run: Found) -> Result<(), Failure> {
        let lowest = self.lowest();
        self.energies.push(run.energy);
        let is_same = same_energy(run.energy, lowest);
        if !is_same && run.energy > lowest {
            return Ok(());
        }
        if !is_same {
            self.orders.clear();
        }
        let bits = |x: &[f64]| x.iter().map(|v| v.to_bits()).collect();
        for order in &run.orderings {
            if self.orders.len() < MAX_LISTED {
                self.orders.insert((bits(&order.a), bits(&order.b)));
            }
        }
        Ok(())
    }
}

/// Whether two energies are the same but for rounding.
fn same_energy(x: f64, y: f64) -> bool {
    (x - y).abs() <= 1e-9 * (1.0 + x.abs().min(y.abs()))
}

fn digest(args: &DigestArgs) -> Result<(), Failure> {
    let mut settled = args.clone();
    let seed = *settled.run.seed.get_or_insert_with(run::drawn_seed);
    if args.time.is_none() {
        settled.runs.get_or_insert(RUNS);
    }
    let input = Input::read(&args.file, MOST_BYTES)?;
    let model = double_digest::from_text(input.text()?, &args.file)?;
    let config = config::to_toml("digest", &settled)?;
    let hash = config::hash_with(&config, &input.hashes())?;
    let folder = Folder::open_run(&args.run, "digest", seed, &config, &input.hashes())?;
    let mut saved = batches::load::<Saved>(&args.run, &folder, hash)?
        .unwrap_or_else(|| Saved { sweeps: args.sweeps, ..Saved::default() });
    if saved.sweeps != args.sweeps {
        let there = format!("--sweeps {}: the runs in the folder have {}", args.sweeps, saved.sweeps);
        return Err(Failure::Usage(there));
    }
    let [n_a, n_b, _] = model.n_fragments();
    if saved.orders.iter().any(|(a, b)| a.len() != n_a || b.len() != n_b) {
        return Err(Failure::File(format!("{}: does not fit this run", folder.file("checkpoint").display())));
    }
    let asked = settled.runs.unwrap_or(MOST_RUNS);
    let extent = Extent { batches: asked, limit: args.time };
    batches::refuse_fewer(&extent, &saved, &format!("--runs {asked}"), saved.energies.len())?;
    folder.begin(&config)?;
    let streams = Streams::new(seed);
    let search = Search::for_model(&model, args.sweeps as usize, &streams)?;
    let seconds = batches::search(&args.run, &folder, (seed, hash), &extent, &mut saved, |index| {
        Ok(search.run(&model, 1, &streams.child("run", index), Par::Serial)?)
    })?;
    settled.runs = Some(saved.energies.len() as u64);
    settled.time = None;
    let over = batches::over_time(args.time, seconds.now);
    finish(&settled, &model, &folder, &saved, (seconds.all, over), &streams)
}

fn finish(
    settled: &DigestArgs,
    model: &DoubleDigest,
    folder: &Folder,
    saved: &Saved,
    (seconds, over): (f64, String),
    streams: &Streams,
) -> Result<(), Failure> {
    let (energy, hits, runs) = (saved.lowest(), saved.hits(), saved.energies.len() as u64);
    let (orders, maps_found) = (saved.orders.len() as f64, saved.up_to_mirror());
    let mut o = Outcome::default();
    o.reported("lowest energy found", Estimate::exact(energy));
    o.reported("orders that have it", Estimate::exact(orders));
    o.reported("orders but for mirror images", Estimate::exact(maps_found.len() as f64));
    o.reported("runs that found it", Estimate::from_counts(hits, runs)?);
    if model.n_states().is_some_and(|n| n <= ENUMERATED) {
        let all = double_digest::enumerate(model)?;
        o.computed("lowest energy found, and that of all orders", energy, all.energy, 1e-12);
        // Orders of different energies are not compared.
        if o.passed() {
            let there = all.n_optima as f64;
            o.computed("orders found that have it, and all that have it", orders, there, 0.0);
        }
        o.reported("different orders in all", Estimate::exact(all.n_orderings as f64));
        if let Some(next) = all.next {
            o.reported("next lowest energy", Estimate::exact(next));
        }
    }
    // Times are for people: they are no part of what is the same every time.
    let tally = Tally { hits, runs, per_batch: 1, seconds, has_target: false };
    let sure = tally.time_to_solution(folder, streams)?;
    let mut part = Part::new("digest", &format!("{runs} runs"), &o.rows, None);
    part.notes.push(sure.note);
    let map = |o: &Ordering| Map { a: o.a.clone(), b: o.b.clone() };
    part.details = serde_json::to_value(Details {
        length: model.total(),
        fragments: model.n_fragments(),
        maps: maps_found.iter().map(map).collect(),
    })
    .map_err(|e| Failure::File(format!("results as JSON: {e}")))?;
    let mut outputs = vec![folder.file("maps.txt"), folder.file("checkpoint")];
    if let Some(file) = &settled.run.series {
        let column = series::Column { name: "lowest_energy".into(), values: saved.energies.clone() };
        series::write(file, &[column])?;
        outputs.push(file.clone());
    }
    folder.write("maps.txt", maps(model, &maps_found, usize::MAX).as_bytes())?;
    let [a, b, c] = model.n_fragments();
    let mut text = format!(
        "{}: {a} + {b} fragments, {c} of both together, length {}\n{} of {}\n",
        settled.file.display(),
        model.total(),
        counted(runs, "run"),
        counted(u64::from(settled.sweeps), "sweep")
    );
    text += &results::table(&o.rows, "", false);
    text += &sure.text;
    text += &over;
    text += &maps(model, &maps_found, SHOWN);
    let _ = writeln!(text, "all maps: {}", folder.file("maps.txt").display());
    Finished {
        document: Document::new("digest", settled, vec![part])?,
        config: &config::to_toml("digest", settled)?,
        seed: settled.run.seed.unwrap_or_default(),
        text,
        tables: &[("Result", &o.rows)],
        figures: &[batches::ends(&saved.energies)],
        outputs,
        json: settled.run.json,
    }
    .conclude(folder)
}

/// The fragments in order, a line for each enzyme.
fn maps(model: &DoubleDigest, orderings: &[Ordering], most: usize) -> String {
    let list = |x: &[f64]| x.iter().map(f64::to_string).collect::<Vec<_>>().join(" ");
    let mut text = String::new();
    for (k, o) in orderings.iter().take(most).enumerate() {
        let _ = writeln!(text, "map {}\n  A: {}\n  B: {}", k + 1, list(&o.a), list(&o.b));
        if let Ok(state) = model.at(&o.a, &o.b) {
            let _ = writeln!(
                text,
                "  cuts of A: {}\n  cuts of B: {}",
                list(state.cuts_a()),
                list(state.cuts_b())
            );
        }
    }
    if orderings.len() > most {
        let _ = writeln!(text, "... and {} more", orderings.len() - most);
    }
    text
}
