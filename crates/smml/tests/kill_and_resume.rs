//! The program as its users meet it: killed at any moment and resumed, on any number of threads, stopped by signals,
//! repeated from its own configuration; always the same bytes. And its exit codes.
//!
//! `SMML_FULL_TESTS=1` kills at 50 moments in place of 12.
#![cfg(unix)]

use smml_core::rng::{Draw, Streams};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

/// Some rounds of work, and samples enough that a checkpoint takes a while to write.
const RUN: [&str; 10] = [
    "ising",
    "--size=8",
    "--temperature=2.0,2.5",
    "--sweeps=20000",
    "--burn-in=1000",
    "--seed=7",
    "--kernel=metropolis",
    "--checkpoint-every=10ms",
    "--quiet",
    "--json",
];

/// The files that threads, kills and dates must not change.
const SAME: [&str; 4] = ["results.json", "checkpoint", "config.toml", "series.csv"];

fn smml<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_smml"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> Output {
    smml(arguments).output().unwrap()
}

/// [`RUN`] into a folder, with further flags.
fn into(folder: &Path, further: &[&str]) -> Vec<String> {
    let mut line: Vec<String> = RUN.iter().chain(further).map(|a| (*a).to_string()).collect();
    line.push(format!("--out={}", folder.display()));
    line.push(format!("--series={}", folder.join("series.csv").display()));
    line
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| panic!("{output:?}"))
}

fn message(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn bytes(folder: &Path, names: &[&str]) -> Vec<Vec<u8>> {
    names.iter().map(|n| fs::read(folder.join(n)).unwrap_or_else(|e| panic!("{folder:?}/{n}: {e}"))).collect()
}

fn assert_same(a: &Path, b: &Path, names: &[&str], what: &str) {
    for (name, (x, y)) in names.iter().zip(bytes(a, names).into_iter().zip(bytes(b, names))) {
        assert!(x == y, "{what}: {name} differs");
    }
}

/// A folder whose run nobody disturbed, and how long it took.
fn undisturbed(place: &Path) -> (PathBuf, Duration) {
    let folder = place.join("undisturbed");
    let start = Instant::now();
    let done = run(into(&folder, &[]));
    assert_eq!(code(&done), 0, "{}", message(&done));
    let printed = fs::read(folder.join("results.json")).unwrap();
    assert!(printed == done.stdout, "--json prints something else than results.json");
    (folder, start.elapsed())
}

/// Waits for a checkpoint.
fn wait_for(path: &Path, child: &mut Child) {
    let start = Instant::now();
    while !path.exists() {
        assert!(child.try_wait().unwrap().is_none(), "ended without {path:?}");
        assert!(start.elapsed().as_secs() < 60, "no {path:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn killed_at_any_moment_and_resumed() {
    let place = tempfile::tempdir().unwrap();
    let (whole, time) = undisturbed(place.path());
    let moments = if std::env::var("SMML_FULL_TESTS").is_ok_and(|v| v == "1") { 50 } else { 12 };
    let mut rng = Streams::new(1).stream("kills", 0);
    let mut resumed = 0;
    for moment in 0..moments {
        let folder = place.path().join(format!("killed-{moment}"));
        // Most are killed once, some again and again.
        let mut kills = if rng.chance(0.25) { 3 } else { 1 };
        let end = loop {
            // The user's rule: --resume where there is a run, else from the start.
            let further: &[&str] =
                if folder.join("run-identity.toml").exists() { &["--resume"] } else { &[] };
            resumed += usize::from(!further.is_empty() && folder.join("checkpoint").exists());
            let mut child =
                smml(into(&folder, further)).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            if kills == 0 {
                break child.wait().unwrap();
            }
            kills -= 1;
            // At any moment of the run, or of the rest after its first checkpoint.
            if rng.chance(0.5) {
                wait_for(&folder.join("checkpoint"), &mut child);
            }
            std::thread::sleep(time.mul_f64(rng.uniform()));
            child.kill().unwrap();
            child.wait().unwrap();
        };
        assert_eq!(end.code(), Some(0), "moment {moment}");
        assert_same(&whole, &folder, &SAME, &format!("moment {moment}"));
        let left: Vec<_> = fs::read_dir(&folder)
            .unwrap()
            .map(|f| f.unwrap().file_name())
            .filter(|n| n.to_string_lossy().ends_with(".tmp"))
            .collect();
        assert!(left.is_empty(), "moment {moment} left {left:?}");
    }
    assert!(resumed > 0, "not one of {moments} was resumed from a checkpoint");
}

#[test]
fn threads_change_nothing() {
    let place = tempfile::tempdir().unwrap();
    let short = ["--sweeps=3000", "--temperature=1.5..3.5:5", "--kernel=wolff", "--burn-in=100"];
    let line = |threads: &str, folder: &Path| {
        let mut line: Vec<String> = ["ising", "--size=8", "--seed=7", "--quiet"].map(String::from).to_vec();
        line.extend(short.map(String::from));
        line.push(format!("--threads={threads}"));
        line.push(format!("--out={}", folder.display()));
        line.push(format!("--series={}", folder.join("series.npz").display()));
        line
    };
    let names = ["results.json", "checkpoint", "config.toml", "series.npz"];
    let one = place.path().join("1");
    let first = run(line("1", &one));
    assert_eq!(code(&first), 0, "{}", message(&first));
    for threads in ["2", "3", "8"] {
        let folder = place.path().join(threads);
        let done = run(line(threads, &folder));
        assert_eq!(code(&done), 0, "{}", message(&done));
        assert_same(&one, &folder, &names, &format!("{threads} threads"));
        assert!(done.stdout == first.stdout, "{threads} threads print something else");
    }
}

#[test]
fn signals_leave_a_checkpoint_and_code_4() {
    let place = tempfile::tempdir().unwrap();
    let (whole, _) = undisturbed(place.path());
    for signal in ["INT", "TERM"] {
        let folder = place.path().join(signal);
        let mut child = smml(into(&folder, &[])).spawn().unwrap();
        wait_for(&folder.join("checkpoint"), &mut child);
        let sent =
            Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        let end = child.wait_with_output().unwrap();
        assert_eq!(code(&end), 4, "{signal}: {}", message(&end));
        assert!(message(&end).contains("--resume") && end.stdout.is_empty(), "{signal}: {}", message(&end));
        assert!(!folder.join("results.json").exists(), "{signal}: results of a run that was stopped");
        let rest = run(into(&folder, &["--resume"]));
        assert_eq!(code(&rest), 0, "{signal}: {}", message(&rest));
        assert_same(&whole, &folder, &SAME, signal);
    }
}

#[test]
fn a_run_repeats_from_its_own_configuration() {
    let place = tempfile::tempdir().unwrap();
    let (first, second, third) = (place.path().join("1"), place.path().join("2"), place.path().join("3"));
    let out = |folder: &Path| format!("--out={}", folder.display());
    // A time limit becomes a number of sweeps, and an absent seed is drawn: both are in the configuration.
    let timed = run(["ising", "--size=6", "--beta=0.3,0.4", "--thin=3", "--time=300ms", &out(&first)]);
    assert_eq!(code(&timed), 0, "{}", message(&timed));
    assert!(message(&timed).contains("seed "), "the seed that was drawn is not printed");
    let config = first.join("config.toml").display().to_string();
    let again = run(["run", &config, &out(&second), "--threads=3"]);
    assert_eq!(code(&again), 0, "{}", message(&again));
    assert_same(&first, &second, &["results.json", "checkpoint", "config.toml"], "repeated");
    // Flags after the file override it.
    let other = run(["run", &config, &out(&third), "--seed=1", "--sweeps=3000"]);
    assert_eq!(code(&other), 0, "{}", message(&other));
    let text = fs::read_to_string(third.join("config.toml")).unwrap();
    assert!(text.contains("seed = 1\n") && text.contains("sweeps = 3000\n"), "{text}");
    assert!(text.contains("thin = 3\n") && text.contains("size = 6\n"), "{text}");
}

#[test]
fn a_folder_with_another_configuration_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("run");
    let line = |further: &[&str]| {
        let mut line: Vec<String> =
            ["ising", "--size=4", "--sweeps=2000", "--seed=1", "--quiet"].map(String::from).to_vec();
        line.extend(further.iter().map(|a| (*a).to_string()));
        line.push(format!("--out={}", folder.display()));
        line
    };
    let names = ["results.json", "checkpoint", "config.toml", "manifest.json", "run-identity.toml"];
    assert_eq!(code(&run(line(&["--beta=0.3"]))), 0);
    let before = bytes(&folder, &names);
    for further in [&["--beta=0.4"][..], &["--beta=0.4", "--resume"], &["--beta=0.3", "--kernel=wolff"]] {
        let refused = run(line(further));
        assert_eq!(code(&refused), 2, "{further:?}: {}", message(&refused));
        assert!(message(&refused).contains("another configuration"), "{}", message(&refused));
        assert!(bytes(&folder, &names) == before, "{further:?} changed the folder");
    }
    assert_eq!(code(&run(line(&["--beta=0.4", "--force"]))), 0);
    assert!(bytes(&folder, &["results.json"])[0] != before[0]);
    // A run that was killed while it wrote its first file is no obstacle, and nothing of it stays.
    let begun = place.path().join("begun");
    fs::create_dir(&begun).unwrap();
    fs::write(begun.join("run-identity.toml.77.tmp"), "comm").unwrap();
    let done = run([
        "ising",
        "--size=4",
        "--beta=0.3",
        "--sweeps=2000",
        "--seed=1",
        &format!("--out={}", begun.display()),
    ]);
    assert_eq!(code(&done), 0, "{}", message(&done));
    assert!(!begun.join("run-identity.toml.77.tmp").exists());
    // A folder with something else in it is nobody's run.
    let mine = place.path().join("mine");
    fs::create_dir(&mine).unwrap();
    fs::write(mine.join("thesis.tex"), "important").unwrap();
    let refused = run(["ising", "--size=4", "--beta=1", &format!("--out={}", mine.display())]);
    assert_eq!(code(&refused), 2, "{}", message(&refused));
    assert_eq!(fs::read_dir(&mine).unwrap().count(), 1);
}

#[test]
fn exit_codes() {
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name).display().to_string();
    let out = |name: &str| format!("--out={}", path(name));
    fs::write(place.path().join("file"), "not a folder").unwrap();
    fs::write(place.path().join("bad.toml"), "command = 'ising'\nbeta = 1\n\nsise = 8\n").unwrap();
    fs::write(place.path().join("latin1.toml"), b"command = 'ising'\nbeta = 1 # \xe9\n").unwrap();
    for (line, expected, said) in [
        (vec!["--help".into()], 0, ""),
        (vec!["--version".into()], 0, ""),
        (vec!["eq".into(), "41".into()], 0, ""),
        // Three samples are no result, and say so.
        (
            ["ising", "--size=4", "--beta=0.4", "--sweeps=3", &out("short")].map(String::from).to_vec(),
            1,
            "beta 0.4",
        ),
        (vec![], 2, "Usage"),
        (vec!["ising".into()], 2, "--temperature"),
        (vec!["ising".into(), "--temprature=2".into()], 2, "--temperature"),
        (vec!["isnig".into()], 2, "ising"),
        (vec!["eq".into(), "63".into()], 2, "62"),
        (["ising", "-T=-1", &out("x")].map(String::from).to_vec(), 2, "greater than 0"),
        (["ising", "-T=2", "--size=0", &out("x")].map(String::from).to_vec(), 2, "--size"),
        (["ising", "-T=2", "--coupling=nan", &out("x")].map(String::from).to_vec(), 2, "coupling"),
        (["ising", "-T=2", "--series=a.txt", &out("x")].map(String::from).to_vec(), 2, ".csv"),
        (vec!["run".into(), path("bad.toml")], 2, "line 4: unknown key 'sise'; did you mean 'size'?"),
        (vec!["run".into(), path("none.toml")], 3, "none.toml"),
        (vec!["run".into(), path("latin1.toml")], 3, "byte 29"),
        (["ising", "-T=2", &out("file")].map(String::from).to_vec(), 3, "file"),
        (["ising", "-T=2", "--resume", &out("nothing")].map(String::from).to_vec(), 3, "no run to resume"),
    ] {
        let done = run(&line);
        assert_eq!(code(&done), expected, "{line:?}: {}", message(&done));
        assert!(message(&done).contains(said), "{line:?}: no '{said}' in: {}", message(&done));
    }
    assert!(
        !place.path().join("x").exists() && !place.path().join("nothing").exists(),
        "a refused run left a folder"
    );
}

#[test]
fn damaged_checkpoints() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("run");
    let line = |further: &[&str]| {
        let mut line: Vec<String> =
            ["ising", "--size=4", "--beta=0.3", "--burn-in=100", "--seed=1"].map(String::from).to_vec();
        line.extend(further.iter().map(|a| (*a).to_string()));
        line.push(format!("--out={}", folder.display()));
        line
    };
    assert_eq!(code(&run(line(&["--sweeps=2000"]))), 0);
    let good = fs::read(folder.join("checkpoint")).unwrap();
    for damage in [vec![], good[..good.len() / 2].to_vec(), b"SMMLCKPT".to_vec(), vec![0xff; 10_000]] {
        fs::write(folder.join("checkpoint"), &damage).unwrap();
        let done = run(line(&["--sweeps=4000", "--resume"]));
        assert_eq!(code(&done), 3, "{}", message(&done));
        assert!(message(&done).contains("checkpoint"), "{}", message(&done));
        assert!(fs::read(folder.join("checkpoint")).unwrap() == damage, "a damaged file was written over");
    }
    // With the generation before it, the run goes on, and ends where it would have.
    fs::write(folder.join("checkpoint.previous"), &good).unwrap();
    let done = run(line(&["--sweeps=4000", "--resume"]));
    assert_eq!(code(&done), 0, "{}", message(&done));
    assert!(message(&done).contains("before the last"), "{}", message(&done));
    let resumed = bytes(&folder, &["results.json", "checkpoint"]);
    assert_eq!(code(&run(line(&["--sweeps=4000", "--force"]))), 0);
    assert!(resumed == bytes(&folder, &["results.json", "checkpoint"]));
}

#[test]
fn a_reader_who_goes_away_is_no_error() {
    let place = tempfile::tempdir().unwrap();
    let out = format!("--out={}", place.path().join("run").display());
    for line in [
        &["eq"][..],
        &["eq", "--json"],
        &["completions", "bash"],
        &["--help"],
        &["ising", "--size=4", "--beta=0.3", "--sweeps=2000", "--seed=1", "--json", &out],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let done = smml(line).stdout(writer).output().unwrap();
        assert_eq!(code(&done), 0, "{line:?}: {}", message(&done));
        assert!(!message(&done).contains("error"), "{line:?}: {}", message(&done));
    }
    assert!(place.path().join("run/results.json").exists());
}
