//! `cargo xtask bench`: our timings and those of other programs, taken in turn in one run, side by side.
//!
//! Every program prints one JSON object a line, `{"name": "adam 1e6 f32", "value": 0.63, "unit": "ms"}`, a peer also
//! `"peer": "torch 2.9"`; or `{"name": .., "error": "why it could not run"}`. Lines are joined by name; a peer may add
//! `/variant` to it (`"convolve 1e6*1e4/oaconvolve"`), or print `"task"` and `"quantity"` instead, which make the name
//! `task quantity`; `also` in benches/targets.toml lists such names. Seconds become milliseconds. What is wanted of each name stands in benches/targets.toml, and
//! other names are left out. A line with a `"size"` is a point of the figure of cost against size. How to time (thread CPU time, median of 7) is each program's part; here the median over
//! rounds is taken.

use crate::sizes;
use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    fmt::Write,
    path::{Path, PathBuf},
    process::Command,
    time::{SystemTime, UNIX_EPOCH},
};

/// Options of `cargo xtask bench`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Also run benches/peers/*.py and benches/peers/rust, and write docs/src/performance.md
    #[arg(long)]
    peers: bool,
    /// The Python that has the peers installed
    #[arg(long, value_name = "PATH", default_value = "python3", requires = "peers")]
    python: PathBuf,
    /// Only one timing, by name; prints the table and writes nothing
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// The folder of the data sets (else SMML_DATA)
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// How often the programs take turns
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Targets {
    target: Vec<Target>,
}

/// What is wanted of one timing.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Target {
    name: String,
    what: String,
    /// Further names under which peers print it.
    #[serde(default)]
    also: Vec<String>,
    /// Not to be exceeded.
    target: Option<f64>,
    /// Better still.
    wanted: Option<f64>,
    /// Why the target is missed, where it is.
    missed: Option<String>,
}

/// One line of a timing program.
#[derive(Deserialize)]
struct Line {
    #[serde(alias = "task")]
    name: String,
    /// Where one name has several: `evaluations`, `seconds`.
    quantity: Option<String>,
    value: Option<f64>,
    unit: Option<String>,
    peer: Option<String>,
    #[serde(alias = "reason")]
    error: Option<String>,
    text: Option<String>,
    /// Number of spins, of a point of a curve.
    size: Option<f64>,
}

/// All rounds of one timing of one program.
#[derive(Default)]
struct Series {
    values: Vec<f64>,
    unit: String,
    error: Option<String>,
}

/// Results by timing, then by program; ours is [`OURS`].
#[derive(Default)]
struct Results {
    series: BTreeMap<String, BTreeMap<String, Series>>,
    notes: BTreeMap<String, String>,
    failures: BTreeMap<String, String>,
    /// Of every curve the values at each size, all rounds.
    sizes: BTreeMap<String, Vec<(f64, Vec<f64>)>>,
}

const OURS: &str = "";

/// `cargo xtask bench`.
pub(crate) fn run(root: &Path, options: &Options) -> Result<()> {
    let targets = load_targets(root)?;
    if let Some(only) = &options.only {
        let known: Vec<&str> = targets.iter().map(|t| t.name.as_str()).collect();
        ensure!(known.contains(&only.as_str()), "--only {only:?}: must be one of {}", known.join(", "));
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let build = |manifest: &Path| {
        let mut command = Command::new(&cargo);
        command.args(["build", "--release", "--quiet", "--manifest-path"]).arg(manifest);
        command
    };
    let status = build(&root.join("benches/Cargo.toml")).args(["--bin", "timings"]).status()?;
    ensure!(status.success(), "building our timings failed");
    // The timings start it, and look for it beside themselves.
    let status = build(&root.join("crates/smml/Cargo.toml")).status()?;
    ensure!(status.success(), "building the program failed");
    let target_folder =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |folder| root.join(folder));
    let mut programs: Vec<(String, Vec<PathBuf>)> =
        vec![(OURS.into(), vec![target_folder.join("release/timings")])];
    let mut results = Results::default();
    if options.peers {
        for script in python_scripts(root)? {
            let name = script.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            programs.push((name, vec![options.python.clone(), script]));
        }
        let manifest = root.join("benches/peers/rust/Cargo.toml");
        if manifest.exists() {
            let folder = target_folder.join("peers");
            let output = build(&manifest).arg("--target-dir").arg(&folder).output()?;
            match output.status.success() {
                true => programs.push(("rust".into(), vec![folder.join("release/peers")])),
                false => {
                    results.failures.insert("rust".into(), last_line(&output.stderr));
                }
            }
        }
    }
    for round in 1..=options.rounds {
        for (name, command) in &programs {
            eprintln!(
                "round {round} of {}: {}",
                options.rounds,
                if name == OURS { "smml" } else { name.as_str() }
            );
            measure(name, command, &targets, options, &mut results)?;
        }
    }
    let table = table(&targets, &results, options.only.as_deref())?;
    println!("{table}");
    if options.only.is_some() || !options.peers {
        return Ok(());
    }
    let page = root.join("docs/src/performance.md");
    let text = std::fs::read_to_string(&page).with_context(|| format!("cannot read {}", page.display()))?;
    let head = format!("{}\n\nMeasured on {}.\n\n", machine(&results), today()?);
    std::fs::write(&page, splice(&text, &format!("{head}{table}"))?)?;
    println!("{}: written", page.display());
    let curves: sizes::Curves = results
        .sizes
        .iter()
        .map(|(name, points)| {
            let mut all: Vec<(f64, f64)> = points.iter().filter_map(|p| Some((p.0, median(&p.1)?))).collect();
            all.sort_by(|a, b| a.0.total_cmp(&b.0));
            (name.clone(), all)
        })
        .collect();
    if let Some(figure) = sizes::svg(&curves) {
        let path = root.join("docs/src/images/cost-against-size.svg");
        std::fs::write(&path, figure)?;
        println!("{}: written", path.display());
    }
    Ok(())
}

fn load_targets(root: &Path) -> Result<Vec<Target>> {
    let path = root.join("benches/targets.toml");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(toml::from_str::<Targets>(&text).context("benches/targets.toml")?.target)
}

fn python_scripts(root: &Path) -> Result<Vec<PathBuf>> {
    let folder = root.join("benches/peers");
    let mut scripts = Vec::new();
    if folder.exists() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            let shared = path.file_name().is_some_and(|n| n.to_string_lossy().starts_with('_'));
            if path.extension().is_some_and(|e| e == "py") && !shared {
                scripts.push(path);
            }
        }
    }
    scripts.sort();
    Ok(scripts)
}

/// Runs one program once. Ours must succeed; a peer that fails is noted with its reason.
fn measure(
    name: &str,
    command: &[PathBuf],
    targets: &[Target],
    options: &Options,
    results: &mut Results,
) -> Result<()> {
    let only = options.only.as_deref();
    let mut process = Command::new(&command[0]);
    process.args(&command[1..]).env("SMML_BENCH_ONLY", only.unwrap_or_default());
    if let Some(folder) = &options.data {
        process.env("SMML_DATA", folder);
    }
    for threads in ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"] {
        process.env(threads, "1");
    }
    match process.output() {
        Ok(output) => {
            read_lines(name, &String::from_utf8_lossy(&output.stdout), targets, only, results)?;
            if !output.status.success() {
                let reason = format!("{}: {}", output.status, last_line(&output.stderr));
                ensure!(name != OURS, "our timings failed: {reason}");
                results.failures.insert(name.into(), reason);
            }
        }
        Err(error) if name != OURS => {
            results.failures.insert(name.into(), format!("{}: {error}", command[0].display()));
        }
        Err(error) => bail!("our timings did not start: {error}"),
    }
    Ok(())
}

fn last_line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.lines().rev().find(|l| !l.trim().is_empty()).unwrap_or("no message").trim().to_owned()
}

/// Takes the JSON lines of an output; lines that do not begin with `{` are the program's own talk.
fn read_lines(
    program: &str,
    output: &str,
    targets: &[Target],
    only: Option<&str>,
    results: &mut Results,
) -> Result<()> {
    for text in output.lines().map(str::trim).filter(|l| l.starts_with('{')) {
        let line: Line = serde_json::from_str(text).with_context(|| format!("{program}: {text}"))?;
        if let Some(note) = line.text {
            results.notes.insert(line.name, note);
            continue;
        }
        if let (Some(size), Some(value)) = (line.size, line.value) {
            let curve = match &line.peer {
                Some(peer) => format!("{}, {peer}", line.name),
                None => line.name,
            };
            let points = results.sizes.entry(curve).or_default();
            match points.iter_mut().find(|p| p.0 == size) {
                Some(point) => point.1.push(value),
                None => points.push((size, vec![value])),
            }
            continue;
        }
        let full = match &line.quantity {
            Some(quantity) => format!("{} {quantity}", line.name),
            None => line.name,
        };
        let peer = line.peer.as_deref().unwrap_or(program);
        let known =
            |name: &str| targets.iter().find(|t| t.name == name || t.also.iter().any(|also| also == name));
        let (target, who) = match (known(&full), full.rsplit_once('/')) {
            (Some(target), _) if program == OURS => (target, OURS.to_owned()),
            (Some(target), _) => (target, peer.to_owned()),
            (None, Some((name, variant))) => match known(name) {
                Some(target) => (target, format!("{peer} {variant}")),
                None => continue,
            },
            (None, None) => continue,
        };
        let name = target.name.clone();
        if only.is_some_and(|only| only != name) {
            continue;
        }
        let series = results.series.entry(name).or_default().entry(who).or_default();
        match (line.value, line.error) {
            (Some(value), None) => {
                ensure!(
                    value.is_finite() && value >= 0.0,
                    "{program}: {text}: value must be finite and not negative"
                );
                let (value, unit) = match line.unit.as_deref() {
                    Some("s") => (1e3 * value, "ms".to_owned()),
                    Some("1") => (value, line.quantity.unwrap_or_default()),
                    Some(unit) => (value, unit.to_owned()),
                    None => (value, "ms".to_owned()),
                };
                ensure!(
                    series.unit.is_empty() || series.unit == unit,
                    "{program}: {text}: the unit has changed"
                );
                series.values.push(value);
                series.unit = unit;
            }
            (_, error) => series.error = Some(error.unwrap_or_else(|| "no value printed".into())),
        }
    }
    Ok(())
}

fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    (n > 0).then(|| 0.5 * (sorted[(n - 1) / 2] + sorted[n / 2]))
}

/// The Markdown table, one row for each timing and peer, then what is missed and what could not run.
fn table(targets: &[Target], results: &Results, only: Option<&str>) -> Result<String> {
    let mut md = String::from("| What | smml | target | wanted | peer | peer's value | peer / smml |\n");
    md.push_str("|---|---|---|---|---|---|---|\n");
    let mut missed = String::new();
    let mut failed = String::new();
    let number = |x: Option<f64>| x.map_or_else(|| "-".into(), |x| format!("{x:.3}"));
    for target in targets.iter().filter(|t| only.is_none_or(|only| only == t.name)) {
        let found = results.series.get(&target.name);
        let of = |who: &str| found.and_then(|s| s.get(who));
        let ours = of(OURS).and_then(|s| median(&s.values));
        let unit = of(OURS).map_or("", |s| s.unit.as_str());
        if let Some(error) = of(OURS).and_then(|s| s.error.as_ref()) {
            writeln!(failed, "- {}: {error}", target.name)?;
        }
        let (goal, wanted) = (number(target.target), number(target.wanted));
        let mine = format!("{} {unit}", number(ours));
        let mut rows = 0;
        for (peer, series) in found.into_iter().flatten().filter(|(who, _)| *who != OURS) {
            match (median(&series.values), ours) {
                (Some(theirs), Some(ours)) if series.unit == unit => {
                    let ratio = theirs / ours;
                    writeln!(
                        md,
                        "| {} | {mine} | {goal} | {wanted} | {peer} | {theirs:.3} {unit} | {ratio:.2} |",
                        target.what
                    )?;
                    rows += 1;
                }
                (Some(_), Some(_)) => {
                    writeln!(failed, "- {}, {peer}: in {}, not {unit}", target.name, series.unit)?
                }
                _ => {
                    let reason = series.error.as_deref().unwrap_or("nothing of ours to compare with");
                    writeln!(failed, "- {}, {peer}: {reason}", target.name)?;
                }
            }
        }
        if rows == 0 {
            writeln!(md, "| {} | {mine} | {goal} | {wanted} | - | - | - |", target.what)?;
        }
        if let (Some(value), Some(limit)) = (ours, target.target)
            && value > limit
        {
            let reason =
                target.missed.as_deref().unwrap_or("no reason is written down in benches/targets.toml");
            writeln!(missed, "- {}: {value:.3} instead of {limit:.3} {unit}: {reason}", target.what)?;
        }
    }
    for (peer, reason) in &results.failures {
        writeln!(failed, "- {peer}: {reason}")?;
    }
    for (title, list) in [("Targets missed in this run", missed), ("Could not run", failed)] {
        if !list.is_empty() {
            write!(md, "\n{title}:\n\n{list}")?;
        }
    }
    Ok(md)
}

const BEGIN: &str = "<!-- begin: written by cargo xtask bench --peers -->";
const END: &str = "<!-- end -->";

/// `page` with what stands between the two marks replaced.
fn splice(page: &str, generated: &str) -> Result<String> {
    let (Some(begin), Some(end)) = (page.find(BEGIN), page.find(END)) else {
        bail!("docs/src/performance.md has lost its marks {BEGIN} and {END}");
    };
    ensure!(begin < end, "the marks of docs/src/performance.md are in the wrong order");
    Ok(format!("{}{BEGIN}\n\n{}\n\n{}", &page[..begin], generated.trim_end(), &page[end..]))
}

fn machine(results: &Results) -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|l| l.strip_prefix("model name"))
        .map(|l| l.trim_start_matches([' ', '\t', ':']));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!(
        "Machine: {}, {cores} cores seen, vector path {}, {} {}.",
        model.unwrap_or("unknown CPU"),
        results.notes.get("simd").map_or("unknown", String::as_str),
        std::env::consts::OS,
        std::env::consts::ARCH
    )
}

fn today() -> Result<String> {
    let days = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() / 86_400;
    let (year, month, day) = civil(days as i64);
    Ok(format!("{year}-{month:02}-{day:02}"))
}

/// Year, month and day of a day counted from 1970-01-01 (proleptic Gregorian; years begin in March inside).
fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(name: &str, limit: f64) -> Target {
        Target {
            name: name.into(),
            what: name.into(),
            also: vec![format!("{name}-long evaluations")],
            target: Some(limit),
            wanted: None,
            missed: None,
        }
    }

    #[test]
    fn lines_are_joined_by_name() {
        let mut results = Results::default();
        let targets = [target("a", 2.5), target("b", 1.0)];
        let mut read = |who, text| read_lines(who, text, &targets, None, &mut results).unwrap();
        read(
            OURS,
            "talk\n{\"name\":\"a\",\"value\":2.0,\"unit\":\"ms\"}\n{\"name\":\"simd\",\"text\":\"avx2\"}\n",
        );
        read(OURS, "{\"name\":\"a\",\"value\":0.004,\"unit\":\"s\"}");
        read(OURS, "{\"name\":\"b\",\"value\":10,\"unit\":\"evaluations\"}");
        read(
            "fft",
            "{\"name\":\"a/fast\",\"value\":9,\"peer\":\"scipy\"}\n{\"name\":\"b\",\"error\":\"no torch\"}",
        );
        let task =
            "{\"task\":\"b-long\",\"quantity\":\"evaluations\",\"peer\":\"cg\",\"value\":20,\"unit\":\"1\"}";
        read("opt", task);
        read("opt", "{\"name\":\"unknown/x\",\"value\":1}");
        results.failures.insert("rust".into(), "needs nightly".into());
        let md = table(&targets, &results, None).unwrap();
        assert!(md.contains("| a | 3.000 ms | 2.500 | - | scipy fast | 9.000 ms | 3.00 |"), "{md}");
        assert!(
            md.contains("| b | 10.000 evaluations | 1.000 | - | cg | 20.000 evaluations | 2.00 |"),
            "{md}"
        );
        assert!(md.contains("- a: 3.000 instead of 2.500 ms"), "{md}");
        assert!(md.contains("- b, fft: no torch") && md.contains("- rust: needs nightly"), "{md}");
        assert_eq!(results.notes["simd"], "avx2");
        let one = table(&targets, &results, Some("b")).unwrap();
        assert!(!one.contains("| a |") && one.contains("| b |"), "{one}");
    }

    #[test]
    fn broken_lines_are_refused() {
        for line in ["{\"name\":\"a\",", "{\"value\":1}", "{\"name\":\"a\",\"value\":-1}"] {
            assert!(
                read_lines("peer", line, &[target("a", 1.0)], None, &mut Results::default()).is_err(),
                "{line}"
            );
        }
        let units = "{\"name\":\"a\",\"value\":1,\"unit\":\"evaluations\"}\n{\"name\":\"a\",\"value\":1,\"unit\":\"ms\"}";
        assert!(read_lines("peer", units, &[target("a", 1.0)], None, &mut Results::default()).is_err());
    }

    #[test]
    fn the_page_keeps_what_is_outside_the_marks() {
        let page = format!("# P\n{BEGIN}\nold\n{END}\nafter\n");
        let new = splice(&page, "new\n").unwrap();
        assert_eq!(new, format!("# P\n{BEGIN}\n\nnew\n\n{END}\nafter\n"));
        assert_eq!(splice(&new, "new\n").unwrap(), new);
        assert!(splice("# P\n", "new").is_err());
        let real = std::fs::read_to_string(crate::root().join("docs/src/performance.md")).unwrap();
        assert!(splice(&real, "x").is_ok());
    }

    #[test]
    fn every_target_is_complete() {
        let targets = load_targets(&crate::root()).unwrap();
        assert!(!targets.is_empty());
        let mut names: Vec<&str> = targets.iter().map(|t| t.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), targets.len());
        for t in &targets {
            assert!(
                t.target.is_none_or(|x| x > 0.0) && t.wanted.is_none_or(|w| t.target.is_none_or(|x| w <= x))
            );
        }
    }

    #[test]
    fn dates_and_medians() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(19_723), (2024, 1, 1));
        assert_eq!(civil(-1), (1969, 12, 31));
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0]), Some(2.5));
        assert_eq!(median(&[]), None);
    }
}
