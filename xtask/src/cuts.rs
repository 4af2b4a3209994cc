//! `cargo xtask cuts`: what `smml anneal` finds on the graphs of a folder beside what other programs find in the same CPU
//! time, and how long it takes to well-known values; written into docs/src/searches.md.

use crate::glasses;
use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use std::{
    fmt::Write,
    path::{Path, PathBuf},
    process::Command,
};

/// Options of `cargo xtask cuts`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The folder of the data sets: the graphs are in gset/
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The Python that has the peers installed
    #[arg(long, value_name = "PATH", default_value = "python3")]
    python: PathBuf,
    /// CPU time of each search
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    seconds: u32,
    /// Searches of each program on each graph
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    seeds: u32,
    /// Only these tables [default: all]
    #[arg(long, value_enum)]
    only: Option<Part>,
}

/// A table of the page.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Beside other programs, one thread each
    Peers,
    /// The best of a minute on two threads
    Minute,
    /// Time to a value on two threads
    Time,
    /// Spin glasses beside the best of long runs
    Glasses,
    /// Long runs on spin glasses, into benches/cuts/best.json (hours; only where asked for)
    References,
}

/// A table, the name of its place in the page, and what makes it.
type Table<'a> = (Part, &'a str, &'a dyn Fn() -> Result<String>);

/// Best known cuts, with their sources in the page.
const BEST: [(&str, f64); 11] = [
    ("G1", 11_624.0),
    ("G14", 3_064.0),
    ("G22", 13_359.0),
    ("G32", 1_410.0),
    ("G43", 6_660.0),
    ("G48", 6_000.0),
    ("G55", 10_299.0),
    ("G57", 3_494.0),
    ("G60", 14_188.0),
    ("G70", 9_595.0),
    ("G81", 14_060.0),
];

/// Graphs, what is to be reached in a minute, and what is wanted.
const MINUTE: [(&str, f64, f64); 4] = [
    ("G55", 10_296.0, 10_299.0),
    ("G60", 14_184.0, 14_188.0),
    ("G70", 9_591.0, 9_595.0),
    ("G81", 14_030.0, 14_045.0),
];

/// Graphs, values to reach, the time to solution that is allowed, and how long to look.
const TIME: [(&str, f64, f64, &str); 7] = [
    ("G1", 11_624.0, 0.2, "10s"),
    ("G43", 6_660.0, 0.2, "10s"),
    ("G48", 6_000.0, 0.5, "10s"),
    ("G22", 13_358.0, 1.0, "20s"),
    ("G22", 13_359.0, 6.0, "60s"),
    ("G14", 3_063.0, 10.0, "30s"),
    ("G14", 3_064.0, 60.0, "60s"),
];

/// A line of the peers.
#[derive(Deserialize)]
struct Line {
    peer: String,
    cut: f64,
}

/// `cargo xtask cuts`.
pub(crate) fn run(root: &Path, options: &Options) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--release", "--quiet", "--manifest-path"]).arg(root.join("crates/smml/Cargo.toml"));
    ensure!(build.status()?.success(), "building the program failed");
    let folder = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |f| root.join(f));
    let program = folder.join("release/smml");
    let page = root.join("docs/src/searches.md");
    let mut text =
        std::fs::read_to_string(&page).with_context(|| format!("cannot read {}", page.display()))?;
    if options.only == Some(Part::References) {
        return glasses::references(root, &program);
    }
    let tables: [Table<'_>; 4] = [
        (Part::Peers, "peers", &|| peers(root, &program, options)),
        (Part::Minute, "minute", &|| minute(&program, options)),
        (Part::Time, "time", &|| time(&program, options)),
        (Part::Glasses, "glasses", &|| glasses::table(root, &program)),
    ];
    for (part, name, table) in tables {
        if options.only.is_none() && part == Part::Glasses && !glasses::has_records(root) {
            eprintln!("glasses: left out, there are no records; --only references makes them");
            continue;
        }
        if options.only.is_none_or(|only| only == part) {
            let table = table()?;
            println!("{table}");
            text = splice(&text, name, &table)?;
            std::fs::write(&page, &text)?;
        }
    }
    Ok(())
}

fn graph(options: &Options, name: &str) -> PathBuf {
    options.data.join("gset").join(format!("{name}.txt"))
}

/// Runs `smml anneal` on a graph, and returns what it prints.
pub(crate) fn anneal(program: &Path, file: &Path, further: &[&str]) -> Result<String> {
    let out = tempfile::tempdir()?;
    let output = Command::new(program)
        .args(["anneal", "--quiet", "--force"])
        .arg(format!("--out={}", out.path().display()))
        .args(further)
        .arg(file)
        .output()?;
    // 1 says that a target was not reached.
    if !matches!(output.status.code(), Some(0 | 1)) {
        bail!("smml anneal {}: {}", file.display(), String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

pub(crate) fn best(json: &str) -> Result<f64> {
    let document: serde_json::Value = serde_json::from_str(json)?;
    let rows = document["results"][0]["quantities"].as_array().context("no quantities")?;
    let row = rows.iter().find(|r| r["quantity"] == "best value").context("no best value")?;
    row["value"].as_f64().context("no value")
}

/// The median; of an even number the mean of the two in the middle.
fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let [a, b] = [values[(values.len() - 1) / 2], values[values.len() / 2]];
    // Two that are infinite have no mean.
    if a == b { a } else { a.midpoint(b) }
}

fn peers(root: &Path, program: &Path, options: &Options) -> Result<String> {
    let mut table = String::new();
    let mut head: Vec<String> = Vec::new();
    for (name, known) in BEST {
        let file = graph(options, name);
        let mut ours = Vec::new();
        let mut theirs: Vec<(String, Vec<f64>)> = Vec::new();
        for seed in 1..=options.seeds {
            let (time, seed) = (format!("--time={}s", options.seconds), format!("--seed={seed}"));
            ours.push(best(&anneal(program, &file, &[&time, &seed, "--threads=1", "--json"])?)?);
        }
        for seed in 1..=options.seeds {
            let output = Command::new(&options.python)
                .arg(root.join("benches/cuts/peers.py"))
                .arg(&file)
                .args([options.seconds.to_string(), seed.to_string()])
                .output()?;
            ensure!(output.status.success(), "peers.py: {}", String::from_utf8_lossy(&output.stderr));
            for line in String::from_utf8_lossy(&output.stdout).lines() {
                let line: Line = serde_json::from_str(line)?;
                match theirs.iter_mut().find(|t| t.0 == line.peer) {
                    Some(peer) => peer.1.push(line.cut),
                    None => theirs.push((line.peer, vec![line.cut])),
                }
            }
        }
        if head.is_empty() {
            head = theirs.iter().map(|t| t.0.clone()).collect();
            writeln!(table, "| graph | best known | smml | {} |", head.join(" | "))?;
            writeln!(table, "|---|---|---|{}", "---|".repeat(head.len()))?;
        }
        let medians: Vec<String> = theirs.iter_mut().map(|t| median(&mut t.1).to_string()).collect();
        writeln!(table, "| {name} | {known} | {} | {} |", median(&mut ours), medians.join(" | "))?;
        eprintln!("{name}: done");
    }
    writeln!(
        table,
        "\nMedian cut of {} seeds, {} s of CPU time each, one thread.",
        options.seeds, options.seconds
    )?;
    Ok(table)
}

fn minute(program: &Path, options: &Options) -> Result<String> {
    let mut table =
        String::from("| graph | median | of | target | wanted | best known |\n|---|---|---|---|---|---|\n");
    for (name, target, wanted) in MINUTE {
        let file = graph(options, name);
        let mut found = Vec::new();
        for seed in 1..=options.seeds {
            let seed = format!("--seed={seed}");
            found.push(best(&anneal(program, &file, &["--time=60s", &seed, "--threads=2", "--json"])?)?);
        }
        let all: Vec<String> = found.iter().map(f64::to_string).collect();
        let known = BEST.iter().find(|b| b.0 == name).map_or(f64::NAN, |b| b.1);
        writeln!(
            table,
            "| {name} | {} | {} | {target} | {wanted} | {known} |",
            median(&mut found),
            all.join(", ")
        )?;
        eprintln!("{name}: done");
    }
    Ok(table)
}

fn time(program: &Path, options: &Options) -> Result<String> {
    let mut table = String::from("| graph | cut | method | time | target |\n|---|---|---|---|---|\n");
    for (name, value, allowed, limit) in TIME {
        let (file, time) = (graph(options, name), format!("--time={limit}"));
        let target = format!("--target={value}");
        // Independent runs side by side where they reach it in a second or so; else rounds, that end when it is reached.
        let (method, found) = if allowed <= 1.0 {
            let text = anneal(program, &file, &[&time, &target, "--method=sa", "--seed=1", "--threads=2"])?;
            let line =
                text.lines().find_map(|l| l.split_once("with 99 % on 2 thread(s): ")).context("no time")?;
            // What follows says that this is no less than a batch.
            let found = line.1.split_once("; the least").map_or(line.1, |l| l.0);
            ("sa", format!("99 % in {found}"))
        } else {
            let mut times = Vec::new();
            for seed in 1..=options.seeds {
                let seed = format!("--seed={seed}");
                let words = [&time, &target, "--method=renormalise", &seed, "--threads=2"];
                let text = anneal(program, &file, &words)?;
                let after = text.lines().find_map(|l| l.strip_prefix("found after ")?.strip_suffix(" s"));
                let after = after.filter(|_| !text.contains("FAILS")).and_then(|t| t.parse::<f64>().ok());
                times.push(after.unwrap_or(f64::INFINITY));
            }
            let (n, of) = (times.iter().filter(|t| t.is_finite()).count(), times.len());
            let shown =
                |t: f64| if t.is_finite() { format!("{t:.1} s") } else { format!("more than {limit}") };
            let longest = times.iter().copied().fold(0.0, f64::max);
            let found = format!(
                "in {n} of {of} searches, median {}, longest {}",
                shown(median(&mut times)),
                shown(longest)
            );
            ("renormalise", found)
        };
        writeln!(table, "| {name} | {value} | {method} | {found} | {allowed} s |")?;
        eprintln!("{name} {value}: done");
    }
    Ok(table)
}

/// `page` with the table between the marks of this name replaced.
fn splice(page: &str, name: &str, table: &str) -> Result<String> {
    let begin = format!("<!-- begin {name}: written by cargo xtask cuts -->");
    let end = format!("<!-- end {name} -->");
    let (Some(from), Some(to)) = (page.find(&begin), page.find(&end)) else {
        bail!("docs/src/searches.md has lost its marks {begin} and {end}");
    };
    ensure!(from < to, "the marks of {name} in docs/src/searches.md are in the wrong order");
    Ok(format!("{}{begin}\n\n{}\n\n{}", &page[..from], table.trim_end(), &page[to..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_take_their_places() {
        let page = "a\n<!-- begin time: written by cargo xtask cuts -->\nold\n<!-- end time -->\nb\n";
        let new = splice(page, "time", "| new |\n").unwrap();
        assert!(
            new.contains("| new |") && !new.contains("old") && new.starts_with("a\n") && new.ends_with("b\n")
        );
        assert_eq!(splice(&new, "time", "| new |\n").unwrap(), new);
        assert!(splice(page, "peers", "x").is_err());
        let real = std::fs::read_to_string(crate::root().join("docs/src/searches.md")).unwrap();
        for name in ["peers", "minute", "time", "glasses"] {
            assert!(splice(&real, name, "x").is_ok(), "{name}");
        }
    }

    #[test]
    fn results_are_read() {
        let json = r#"{"results":[{"quantities":[{"quantity":"best value","value":12.5}]}]}"#;
        assert_eq!(best(json).unwrap(), 12.5);
        assert!(best("{}").is_err());
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&mut [3.0, 1.0, f64::INFINITY, 2.0]), 2.5);
        assert_eq!(median(&mut [f64::INFINITY, 1.0, f64::INFINITY]), f64::INFINITY);
    }
}
