//! `smml reproduce`: every implemented claim of the paper, computed and compared. What a check is stands in `check`; the
//! chapters hold the checks; this file chooses, runs and reports.

pub(crate) mod check;
pub(crate) mod core;
mod learn;
mod physics;

use crate::{
    args::ReproduceArgs,
    catalogue::{self, Chapter},
    error::Failure,
    output::{self, Table},
    report,
    run::{
        self, config,
        folder::{Folder, Open},
        progress, signals,
    },
};
use check::{Check, CheckResult, Context, Level, Outcome, Row, Status, Verdict};
use serde::{Deserialize, Serialize};
use smml_core::{rng::Streams, store};
use std::time::Instant;

/// All checks, chapter by chapter.
pub(crate) fn all() -> Vec<&'static Check> {
    core::checks().into_iter().chain(physics::checks()).chain(learn::checks()).collect()
}

/// Runs the command.
pub(crate) fn run(args: &ReproduceArgs) -> Result<(), Failure> {
    let chosen = choose(&args.what)?;
    if args.list {
        let mut text = String::new();
        for c in &chosen {
            text +=
                &format!("{:<8} {:<28} {:<14} {}\n", c.chapter.name(), c.id, c.equations.join(","), c.title);
        }
        return output::print(&text);
    }
    if let Some(data) = args.data.as_ref().filter(|d| !d.is_dir()) {
        return Err(Failure::File(format!("--data {}: no such folder", data.display())));
    }
    run::with_threads(args.threads, || reproduce(args, &chosen))
}

/// The checks that the words name: chapters, equations (`41`, `A2`) or ids.
fn choose(words: &[String]) -> Result<Vec<&'static Check>, Failure> {
    let all = all();
    if words.is_empty() {
        return Ok(all);
    }
    let mut wanted = vec![false; all.len()];
    for word in words {
        let equation = catalogue::find(word).map(|e| e.id);
        let matches = |c: &Check| {
            c.id == word || c.chapter.name() == word || equation.is_some_and(|e| c.equations.contains(&e))
        };
        let mut found = false;
        for (k, check) in all.iter().enumerate() {
            if matches(check) {
                wanted[k] = true;
                found = true;
            }
        }
        if !found && Chapter::ALL.iter().any(|c| c.name() == word) {
            continue; // a chapter of a later part: nothing to check yet
        }
        if let Some(e) = equation.filter(|_| !found) {
            return Err(Failure::Usage(format!(
                "equation {e} has no check yet; smml eq {e} says when it is planned"
            )));
        }
        if !found {
            let names: Vec<String> = Chapter::ALL
                .iter()
                .map(|c| c.name().to_string())
                .chain(all.iter().map(|c| c.id.to_string()))
                .collect();
            let near = config::nearest(word, &names);
            return Err(Failure::Usage(format!("no chapter, equation or check '{word}'{near}")));
        }
    }
    Ok(all.into_iter().zip(wanted).filter_map(|(c, w)| w.then_some(c)).collect())
}

/// What is kept while a run is under way.
#[derive(Default, Serialize, Deserialize)]
struct Done {
    checks: Vec<(String, Result<Outcome, String>, f64)>,
}

#[derive(Serialize)]
struct Identity<'a> {
    level: Level,
    what: &'a [String],
    data: bool,
    seed: u64,
}

fn reproduce(args: &ReproduceArgs, chosen: &[&'static Check]) -> Result<(), Failure> {
    let level = if args.quick {
        Level::Quick
    } else if args.full {
        Level::Full
    } else {
        Level::Default
    };
    let identity = config::to_toml(
        "reproduce",
        &Identity { level, what: &args.what, data: args.data.is_some(), seed: args.seed },
    )?;
    let hash = store::parameter_hash(&identity)?;
    let how = if args.resume {
        Open::Resume
    } else if args.force {
        Open::Force
    } else {
        Open::New
    };
    let folder = Folder::open(&args.out, &identity, how)?;
    let checkpoint = folder.file("checkpoint");
    let mut done = match if args.resume { store::load::<Done>(&checkpoint, hash)? } else { None } {
        Some(found) => found.value,
        None => Done::default(),
    };
    signals::listen();
    let bar = progress::bar(chosen.len() as u64, args.quiet);
    let streams = Streams::new(args.seed);
    for (k, check) in chosen.iter().enumerate() {
        bar.set_position(k as u64);
        bar.set_message(check.title);
        if done.checks.iter().any(|d| d.0 == check.id) {
            continue;
        }
        if signals::stop() {
            return Err(Failure::Interrupted(format!(
                "stopped after {k} of {} checks; continue with --resume and the same arguments",
                chosen.len()
            )));
        }
        let context = Context { level, streams: streams.child(check.id, 0), data: args.data.as_deref() };
        let started = Instant::now();
        let outcome = (check.run)(&context).map_err(|e| e.to_string());
        done.checks.push((check.id.to_string(), outcome, started.elapsed().as_secs_f64()));
        store::save(&checkpoint, &done, hash)?;
    }
    bar.finish_and_clear();
    let results: Vec<CheckResult> = chosen
        .iter()
        .filter_map(|check| {
            let at = done.checks.iter().position(|d| d.0 == check.id)?;
            let (_, outcome, seconds) = done.checks.swap_remove(at);
            Some(CheckResult { check, outcome, seconds })
        })
        .collect();
    let document = output::json(&Document {
        command: "reproduce",
        seed: args.seed,
        level,
        checks: results.iter().map(Summary::of).collect(),
    })?;
    let command = format!(
        "smml reproduce{}{}{} --seed {}",
        args.what.iter().map(|w| format!(" {w}")).collect::<String>(),
        level.pick(" --quick", "", " --full"),
        if args.data.is_some() { " --data DIR" } else { "" },
        args.seed
    );
    report::write(
        &args.out,
        &report::Report {
            title: "smml reproduce",
            level,
            seed: args.seed,
            version: env!("CARGO_PKG_VERSION"),
            command: &command,
            threads: rayon::current_num_threads(),
            cpu_path: smml_core::simd::path().name(),
            started_unix: folder.started_unix(),
            seconds: folder.elapsed(),
            results: &results,
        },
    )?;
    // It holds timings, and there is nothing left to resume.
    folder.remove("checkpoint")?;
    folder.remove("checkpoint.previous")?;
    folder.finish(&identity, &document, args.seed, &[])?;
    output::print(&if args.json { document } else { tables(&results) })?;
    let count = |s: Status| results.iter().filter(|r| r.status() == s).count();
    output::remark(args.quiet, &format!("report: {}", folder.file("index.html").display()));
    if count(Status::Failed) > 0 {
        return Err(Failure::Check(format!("{} of {} checks failed", count(Status::Failed), results.len())));
    }
    Ok(())
}

#[derive(Serialize)]
struct Document<'a> {
    command: &'static str,
    seed: u64,
    level: Level,
    checks: Vec<Summary<'a>>,
}

#[derive(Serialize)]
struct Summary<'a> {
    id: &'static str,
    chapter: &'static str,
    equations: &'static [&'static str],
    status: Status,
    error: Option<&'a str>,
    skipped: Option<&'a str>,
    rows: Vec<RowSummary<'a>>,
}

#[derive(Serialize)]
struct RowSummary<'a> {
    quantity: &'a str,
    #[serde(flatten)]
    value: smml_core::Estimate,
    expected: String,
    z: Option<f64>,
    verdict: Verdict,
}

impl<'a> Summary<'a> {
    fn of(result: &'a CheckResult) -> Self {
        let outcome = result.outcome.as_ref();
        Summary {
            id: result.check.id,
            chapter: result.check.chapter.name(),
            equations: result.check.equations,
            status: result.status(),
            error: outcome.err().map(String::as_str),
            skipped: outcome.ok().and_then(|o| o.skipped.as_deref()),
            rows: outcome
                .map_or(&[][..], |o| &o.rows)
                .iter()
                .map(|r| RowSummary {
                    quantity: &r.quantity,
                    value: r.value,
                    expected: r.expected_text(),
                    z: r.z(),
                    verdict: r.verdict(),
                })
                .collect(),
        }
    }
}

/// What people read on the terminal: one table for each check.
fn tables(results: &[CheckResult]) -> String {
    let mut counts = [0; 3];
    let mut text = String::new();
    for r in results {
        counts[r.status() as usize] += 1;
        let equations = r.check.equations.join(", ");
        let of = if equations.is_empty() { String::new() } else { format!("  [{equations}]") };
        text += &format!("{}: {}{of}\n", r.check.id, r.check.title);
        match &r.outcome {
            Err(e) => text += &format!("  FAILED: {e}\n"),
            Ok(Outcome { skipped: Some(why), .. }) => text += &format!("  skipped: {why}\n"),
            Ok(o) => text += &rows(&o.rows),
        }
        text.push('\n');
    }
    format!("{text}{} passed, {} failed, {} skipped\n", counts[0], counts[1], counts[2])
}

/// Compared numbers as a table.
pub(crate) fn rows(rows: &[Row]) -> String {
    let mut table = Table::new(&["  quantity", "value(error)", "expected", "z", "verdict"]);
    for row in rows {
        let verdict = match row.verdict() {
            Verdict::Holds => "ok",
            Verdict::Fails => "FAILS",
            Verdict::Reported => "",
        };
        let z = row.z().map_or(String::new(), |z| format!("{z:+.1}"));
        table.row(vec![
            format!("  {}", row.quantity),
            row.value_text(),
            row.expected_text(),
            z,
            verdict.into(),
        ]);
    }
    table.text()
}
