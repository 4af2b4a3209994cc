//! Spin glasses of `cargo xtask cuts`: the best cuts found in long runs, kept in benches/cuts/best.json, and how near to
//! them short runs come.

use crate::cuts::{anneal, best};
use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fmt::Write,
    path::{Path, PathBuf},
    process::Command,
    sync::Mutex,
};

/// Where the best cuts are kept.
const RECORDS: &str = "benches/cuts/best.json";
/// Instances of a kind that are compared with the best of long runs.
const SEEDS: std::ops::RangeInclusive<u64> = 1..=10;
/// Runs on each Sherrington-Kirkpatrick glass.
const RUNS: u64 = 10;

/// A kind of glass as `smml instance` has it, and its size.
type Kind = (&'static str, usize);
const TORUS: Kind = ("torus", 100);
const SK: Kind = ("sk", 1000);
const REGULAR: Kind = ("regular3", 10_000);

/// The best that was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Best {
    cut: f64,
    /// Which program found it, with its seed and its time.
    by: String,
}

type Records = BTreeMap<String, Best>;

/// A problem in a file.
struct Instance {
    name: String,
    file: PathBuf,
    n: f64,
    /// Σ w: the energy is this less twice the cut.
    total: f64,
}

impl Instance {
    fn new(program: &Path, folder: &Path, (kind, size): Kind, seed: u64) -> Result<Self> {
        let name = format!("{kind}-{size}-{seed}");
        let file = folder.join(format!("{name}.rudy"));
        let status = Command::new(program)
            .args(["instance", kind, "--force", "--size", &size.to_string(), "--seed", &seed.to_string()])
            .arg(&file)
            .stdout(std::process::Stdio::null())
            .status()?;
        ensure!(status.success(), "smml instance {kind} failed");
        let text = std::fs::read_to_string(&file)?;
        let mut lines = text.lines();
        let n = lines.next().and_then(|l| l.split_whitespace().next()?.parse().ok()).context("no size")?;
        let weight = |l: &str| l.split_whitespace().nth(2)?.parse::<f64>().ok();
        Ok(Instance { name, file, n, total: lines.filter_map(weight).sum() })
    }
    fn energy(&self, cut: f64) -> f64 {
        self.total - 2.0 * cut
    }
    fn search(&self, program: &Path, time: &str, seed: u64, threads: usize) -> Result<f64> {
        let (time, seed, threads) =
            (format!("--time={time}"), format!("--seed={seed}"), format!("--threads={threads}"));
        best(&anneal(program, &self.file, &[&time, &seed, &threads, "--json"])?)
    }
}

/// Whether long runs have been made.
pub(crate) fn has_records(root: &Path) -> bool {
    root.join(RECORDS).exists()
}

fn records(root: &Path) -> Result<Records> {
    match std::fs::read_to_string(root.join(RECORDS)) {
        Ok(text) => serde_json::from_str(&text).with_context(|| format!("{RECORDS} is no list of records")),
        Err(_) => Ok(Records::new()),
    }
}

fn keep(root: &Path, records: &Records) -> Result<()> {
    Ok(std::fs::write(root.join(RECORDS), serde_json::to_string_pretty(records)? + "\n")?)
}

/// Searches every instance for ten minutes on one core, two at a time, and keeps what is better than what is known.
pub(crate) fn references(root: &Path, program: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut instances = Vec::new();
    for kind in [TORUS, SK] {
        for seed in SEEDS {
            instances.push(Instance::new(program, folder.path(), kind, seed)?);
        }
    }
    // Held while the file is read or written, never while a search runs.
    let file = Mutex::new(());
    let left = Mutex::new(instances.iter());
    let work = || -> Result<()> {
        loop {
            let next = left.lock().expect("no panic with the lock held").next();
            let Some(instance) = next else { return Ok(()) };
            reference(root, program, instance, &file)?;
        }
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(work);
        work().and(other.join().expect("a search does not panic"))
    })
}

/// The long run on one instance, unless it was made before.
fn reference(root: &Path, program: &Path, instance: &Instance, file: &Mutex<()>) -> Result<()> {
    const TIME: &str = "600s";
    const SEED: u64 = 1_000_003;
    let by = format!("smml anneal --time {TIME} --seed {SEED} --threads 1");
    let lock = || file.lock().expect("no panic with the lock held");
    {
        let _held = lock();
        if records(root)?.get(&instance.name).is_some_and(|best| best.by == by) {
            return Ok(());
        }
    }
    let cut = instance.search(program, TIME, SEED, 1)?;
    eprintln!("{}: {cut}", instance.name);
    let _held = lock();
    let mut records = records(root)?;
    if records.get(&instance.name).is_none_or(|best| best.cut <= cut) {
        records.insert(instance.name.clone(), Best { cut, by });
        keep(root, &records)?;
    }
    Ok(())
}

/// How near short runs come.
pub(crate) fn table(root: &Path, program: &Path) -> Result<String> {
    let folder = tempfile::tempdir()?;
    let records = records(root)?;
    let known = |instance: &Instance| {
        let best = records.get(&instance.name);
        best.with_context(|| format!("{}: no record; run cargo xtask cuts --only references", instance.name))
    };
    let mut table = String::from("| glass | time | result | target |\n|---|---|---|---|\n");
    let mut farthest = 0.0f64;
    for seed in SEEDS {
        let instance = Instance::new(program, folder.path(), TORUS, seed)?;
        let cut = instance.search(program, "10s", 1, 2)?;
        farthest = farthest.max(2.0 * (known(&instance)?.cut - cut) / instance.n);
    }
    writeln!(
        table,
        "| ±J, 100x100 torus, 10 samples | 10 s | {} | 5e-4 |",
        match farthest {
            0.0 => "the best of ten minutes in all of them".to_string(),
            _ => format!("at most {farthest:.1e} per spin above the best of ten minutes"),
        }
    )?;
    let mut energies = Vec::new();
    for seed in 1..=5 {
        let instance = Instance::new(program, folder.path(), REGULAR, seed)?;
        energies.push(instance.energy(instance.search(program, "30s", 1, 2)?) / instance.n);
    }
    let (mean, error) = mean(&energies);
    writeln!(
        table,
        "| ±J, 3-regular, n = 10,000, 5 samples | 30 s | mean energy per spin {mean:.5} ± {error:.5} | -1.2695, wanted -1.2705 |"
    )?;
    let (mut hits, mut energies) = (0, Vec::new());
    for seed in SEEDS {
        let instance = Instance::new(program, folder.path(), SK, seed)?;
        let best = known(&instance)?.cut;
        energies.push(instance.energy(best) / instance.n.powf(1.5));
        for run in 1..=RUNS {
            hits += u64::from(instance.search(program, "1s", run, 2)? >= best);
        }
    }
    let runs = RUNS * energies.len() as u64;
    writeln!(
        table,
        "| SK ±1, n = 1,000, 10 samples | 1 s | the best of ten minutes in {hits} of {runs} runs | 95 % |"
    )?;
    let (mean, error) = self::mean(&energies);
    writeln!(
        table,
        "| SK ±1, n = 1,000, 10 samples | 10 min | mean energy {mean:.4} ± {error:.4} n^(3/2) | -0.7562 |"
    )?;
    Ok(table)
}

fn mean(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_kept_and_read() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("benches/cuts")).unwrap();
        assert!(records(root.path()).unwrap().is_empty());
        let all = Records::from([("a".into(), Best { cut: 3.0, by: "x".into() })]);
        keep(root.path(), &all).unwrap();
        assert_eq!(records(root.path()).unwrap(), all);
        std::fs::write(root.path().join(RECORDS), "x").unwrap();
        assert!(records(root.path()).is_err());
        assert_eq!(mean(&[1.0, 3.0]), (2.0, 1.0));
    }
}
