//! `smml reproduce`: every implemented claim of the paper, computed and compared. What a check is stands in `check`; the
//! chapters hold the checks; this file chooses, runs and reports.

pub(crate) mod check;
pub(crate) mod core;
mod design;
mod ebm;
mod learn;
mod machines;
mod physics;
mod solved;
mod sparse;
mod spins;
mod transitions;

use crate::{
    args::ReproduceArgs,
    catalogue::{self, Chapter},
    error::Failure,
    output, report,
    run::{
        self, config,
        folder::{Folder, Open},
        progress,
        results::{self, Document, Part},
        signals,
    },
};
use check::{Check, CheckResult, Context, Level, Outcome, Row, Status};
use serde::{Deserialize, Serialize};
use smml_core::{rng::Streams, store};
use smml_learn::data::Known;
use std::{path::Path, time::Instant};

/// All checks, chapter by chapter.
pub(crate) fn all() -> Vec<&'static Check> {
    core::checks()
        .into_iter()
        .chain(physics::checks())
        .chain(spins::checks())
        .chain(transitions::checks())
        .chain(solved::checks())
        .chain(learn::checks())
        .chain(ebm::checks())
        .chain(design::checks())
        .chain(machines::checks())
        .chain(sparse::checks())
        .collect()
}

/// Runs the command.
pub(crate) fn run(args: &ReproduceArgs) -> Result<(), Failure> {
    let chosen = choose(&args.what, args.quiet)?;
    if args.list && args.json {
        let list: Vec<_> = chosen.iter().map(|c| Listed::of(c)).collect();
        return output::print(&output::json(&list)?);
    }
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

/// A check in the list of checks.
#[derive(Serialize)]
struct Listed {
    id: &'static str,
    title: &'static str,
    chapter: &'static str,
    equations: &'static [&'static str],
}

impl Listed {
    fn of(check: &'static Check) -> Self {
        Listed { id: check.id, title: check.title, chapter: check.chapter.name(), equations: check.equations }
    }
}

/// The checks that the words name: chapters, equations (`41`, `A2`) or ids.
fn choose(words: &[String], quiet: bool) -> Result<Vec<&'static Check>, Failure> {
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
            output::remark(quiet, &format!("chapter {word} comes with a later part: nothing to check yet"));
            continue;
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
            return Err(Failure::Usage(format!(
                "no chapter, equation or check '{word}'{near}; smml reproduce --list shows all"
            )));
        }
    }
    let chosen: Vec<&Check> = all.into_iter().zip(wanted).filter_map(|(c, w)| w.then_some(c)).collect();
    if chosen.is_empty() {
        return Err(Failure::Usage(
            "there is nothing to check here yet; smml reproduce --list shows all".into(),
        ));
    }
    Ok(chosen)
}

/// What is kept while a run is under way. No times: they are in the manifest.
#[derive(Default, Serialize, Deserialize)]
struct Done {
    checks: Vec<(String, Result<Outcome, String>)>,
}

fn reproduce(args: &ReproduceArgs, chosen: &[&'static Check]) -> Result<(), Failure> {
    let level = match (args.quick, args.full) {
        (true, _) => Level::Quick,
        (_, true) => Level::Full,
        _ => Level::Default,
    };
    let config = config::to_toml("reproduce", args)?;
    let hash = config::hash(&config)?;
    let how = Open::asked(args.resume, args.force);
    let folder = Folder::open(&args.out, "reproduce", &config, how)?;
    if args.resume
        && let Some(text) = folder.finished(&config)?
    {
        return show_again(args, &folder, &text);
    }
    folder.begin(&config)?;
    let checkpoint = folder.file("checkpoint");
    let mut done = match if args.resume { store::load::<Done>(&checkpoint, hash)? } else { None } {
        Some(found) => found.value,
        None => Done::default(),
    };
    store::save(&checkpoint, &done, hash)?;
    let stopped =
        format!("stopped; continue with --resume --out {} and the same arguments", args.out.display());
    signals::listen();
    let bar = progress::bar(chosen.len() as u64, args.quiet);
    let streams = Streams::new(args.seed);
    for (k, check) in chosen.iter().enumerate() {
        bar.set_position(k as u64);
        bar.set_message(check.title);
        if done.checks.iter().any(|d| d.0 == check.id) {
            continue;
        }
        let context = Context { level, streams: streams.child(check.id, 0), data: args.data.as_deref() };
        // What is done is saved: a signal need not wait for the end of a check.
        signals::at_once(Some(&stopped));
        if signals::stop() {
            return Err(Failure::Interrupted(stopped));
        }
        let started = Instant::now();
        let outcome = (check.run)(&context).map_err(|e| e.to_string());
        let seconds = started.elapsed().as_secs_f64();
        signals::at_once(None);
        let status = Status::of(&outcome);
        done.checks.push((check.id.to_string(), outcome));
        folder.part(check.id, seconds);
        folder.write_manifest(args.seed)?;
        store::save(&checkpoint, &done, hash)?;
        bar.log(&format!("[{}/{}] {}: {} ({seconds:.1} s)", k + 1, chosen.len(), check.id, word(status)));
    }
    bar.finish_and_clear();
    let seconds = folder.parts();
    let found: Vec<CheckResult> = chosen
        .iter()
        .filter_map(|check| {
            let at = done.checks.iter().position(|d| d.0 == check.id)?;
            let (_, outcome) = done.checks.swap_remove(at);
            let seconds = seconds.get(check.id).copied().unwrap_or(0.0);
            Some(CheckResult { check, outcome, seconds })
        })
        .collect();
    if let Some(data) = &args.data {
        note_inputs(&folder, data)?;
    }
    let document = Document::new("reproduce", args, found.iter().map(part).collect())?;
    let command = format!(
        "smml reproduce{}{}{} --seed {}",
        args.what.iter().map(|w| format!(" {w}")).collect::<String>(),
        level.pick(" --quick", "", " --full"),
        if args.data.is_some() { " --data DIR" } else { "" },
        args.seed
    );
    let outputs = report::write(
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
            results: &found,
        },
    )?;
    let json = document.json()?;
    folder.finish(&config, &json, args.seed, &outputs)?;
    // There is nothing left to resume: the results are there.
    folder.remove("checkpoint")?;
    folder.remove("checkpoint.previous")?;
    show(args, &folder, &document, &json)
}

/// Prints the results of a run that had come to its end before.
fn show_again(args: &ReproduceArgs, folder: &Folder, json: &str) -> Result<(), Failure> {
    let path = folder.file("results.json");
    let document = Document::read(json).map_err(|e| Failure::File(format!("{}: {e}", path.display())))?;
    output::remark(args.quiet, &format!("{}: was finished already", folder.path().display()));
    show(args, folder, &document, json)
}

fn show(args: &ReproduceArgs, folder: &Folder, document: &Document, json: &str) -> Result<(), Failure> {
    output::print(&if args.json { json.to_string() } else { tables(&document.results) })?;
    output::remark(args.quiet, &format!("report: {}", folder.file("index.html").display()));
    let failed = document.results.iter().filter(|r| r.status == Status::Failed).count();
    if failed > 0 {
        return Err(Failure::Check(format!("{failed} of {} checks failed", document.results.len())));
    }
    Ok(())
}

/// Notes the files of the data sets that the folder has: what the checks may have read.
fn note_inputs(folder: &Folder, data: &Path) -> Result<(), Failure> {
    for set in Known::ALL {
        let Ok(paths) = set.locate(data) else { continue };
        for path in paths {
            folder.input(&path, &set.sha256(&path)?);
        }
    }
    Ok(())
}

fn word(status: Status) -> &'static str {
    match status {
        Status::Passed => "passed",
        Status::Failed => "FAILED",
        Status::Skipped => "skipped",
    }
}

/// What results.json says of a check.
fn part(result: &CheckResult) -> Part {
    let check = result.check;
    let none = Outcome::default();
    let (outcome, error) = match &result.outcome {
        Ok(o) => (o, None),
        Err(e) => (&none, Some(e.clone())),
    };
    let mut part = Part::new(check.id, check.title, &outcome.rows, error.or_else(|| outcome.skipped.clone()));
    part.status = result.status();
    part.notes = outcome.notes.clone();
    part.details = serde_json::json!({ "chapter": check.chapter.name(), "equations": check.equations });
    part
}

/// What people read on the terminal: one table for each check.
fn tables(parts: &[Part]) -> String {
    let mut counts = [0; 3];
    let mut text = String::new();
    for part in parts {
        counts[part.status as usize] += 1;
        let equations: Vec<&str> = part.details["equations"]
            .as_array()
            .map_or(Vec::new(), |list| list.iter().filter_map(serde_json::Value::as_str).collect());
        let of = if equations.is_empty() { String::new() } else { format!("  [{}]", equations.join(", ")) };
        text += &format!("{}: {}{of}\n", part.id, part.title);
        match (&part.message, part.status) {
            (Some(why), Status::Skipped) => text += &format!("  skipped: {why}\n"),
            (Some(why), _) if part.quantities.is_empty() => text += &format!("  FAILED: {why}\n"),
            _ => {
                let rows: Vec<Row> = part.quantities.iter().map(Row::from).collect();
                text += &results::table(&rows, "  ", false);
            }
        }
        text.push('\n');
    }
    format!("{text}{} passed, {} failed, {} skipped\n", counts[0], counts[1], counts[2])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_unique_and_equations_name_their_checks() {
        let mut seen = HashSet::new();
        for check in all() {
            assert!(seen.insert(check.id), "two checks named {}", check.id);
            assert!(check.id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'));
            for id in check.equations {
                let equation = catalogue::all().iter().find(|e| e.id == *id);
                let equation = equation.unwrap_or_else(|| panic!("{}: no equation {id}", check.id));
                assert!(
                    equation.checks.contains(&check.id),
                    "docs/equations.toml lacks {} at {id}",
                    check.id
                );
            }
        }
    }
}
