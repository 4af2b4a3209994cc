//! Runs that are disturbed: killed at 70 random moments in all and resumed, on any number of threads, stopped by signals,
//! with damaged checkpoints; always the same bytes.
#![cfg(unix)]

use smml_core::rng::{Draw, Streams};
use std::{
    fs,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

mod common;
use common::*;

/// Some rounds of work, and samples enough that a checkpoint takes a while to write.
const ISING: [&str; 10] = [
    "ising",
    "--size=8",
    "--temperature=2.0,2.5",
    "--sweeps=8000",
    "--burn-in=1000",
    "--seed=7",
    "--kernel=metropolis",
    "--checkpoint-every=10ms",
    "--quiet",
    "--json",
];
/// Two ladders, moved during the burn-in.
const TEMPERING: [&str; 11] = [
    "ising",
    "--size=6,8",
    "--beta=0.1..0.5:5",
    "--tempering=acceptance",
    "--correlations",
    "--sweeps=3000",
    "--burn-in=600",
    "--seed=7",
    "--checkpoint-every=10ms",
    "--quiet",
    "--json",
];
const TRAIN: [&str; 8] =
    ["rbm", "train", "--hidden=8", "--epochs=20", "--seed=7", "--checkpoint-every=5ms", "--quiet", "--json"];
/// Twelve batches of 512 runs.
const ANNEAL: [&str; 7] =
    ["anneal", "FILE", "--sweeps=150", "--runs=6144", "--seed=7", "--checkpoint-every=5ms", "--quiet"];
const REPRODUCE: [&str; 11] = [
    "reproduce",
    "gibbs-distribution",
    "boltzmann-entropy",
    "ising-enumeration",
    "metropolis-rejected",
    "rbm-exact",
    "network-annealing",
    "information-gain",
    "--quick",
    "--quiet",
    "--json",
];

/// What a manifest and the report of `smml reproduce` say of time.
const TIMED: [&str; 2] = ["manifest.json", "index.html"];

/// A run into a folder, with its series where it has one.
fn into(folder: &Path, run: &[&str], further: &[&str]) -> Vec<String> {
    let mut line = line(&[run, further].concat(), folder);
    if run[0] != "reproduce" {
        line.push(format!("--series={}", folder.join("series.csv").display()));
    }
    line
}

/// Kills a run at random moments and resumes it until it ends; it must end with the files of a run that nobody
/// disturbed.
fn killed_at(command: &[&str], moments: usize) {
    let place = tempfile::tempdir().unwrap();
    let whole = place.path().join("undisturbed");
    let start = Instant::now();
    let done = run(into(&whole, command, &[]));
    assert_eq!(code(&done), 0, "{}", message(&done));
    assert!(bytes(&whole, &["results.json"])[0] == done.stdout, "--json prints something else");
    let time = start.elapsed();
    let mut rng = Streams::new(1).stream(command[0], 0);
    let (mut kills, mut resumed) = (0, 0);
    while kills < moments {
        let folder = place.path().join(format!("killed-{kills}"));
        // Most are killed once, some again and again.
        let mut left = if rng.chance(0.25) { 3 } else { 1 }.min(moments - kills);
        let end = loop {
            // The user's rule: --resume where there is a run, else from the start.
            let further: &[&str] = if folder.join("config.toml").exists() { &["--resume"] } else { &[] };
            resumed += usize::from(!further.is_empty() && folder.join("checkpoint").exists());
            let mut child = smml(into(&folder, command, further))
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            if left == 0 {
                break child.wait().unwrap();
            }
            left -= 1;
            kills += 1;
            std::thread::sleep(time.mul_f64(rng.uniform()));
            child.kill().unwrap();
            child.wait().unwrap();
        };
        assert_eq!(end.code(), Some(0), "kill {kills}");
        // Nothing else either: no half-written file.
        assert_same_folders(&whole, &folder, &TIMED, &format!("kill {kills}"));
        fs::remove_dir_all(folder).unwrap();
    }
    assert!(resumed > 0, "not one of {moments} was resumed from a checkpoint");
}

#[test]
fn ising_killed_at_any_moment_and_resumed() {
    killed_at(&ISING, 30);
}

#[test]
fn tempering_killed_at_any_moment_and_resumed() {
    killed_at(&TEMPERING, 10);
}

#[test]
fn training_killed_at_any_moment_and_resumed() {
    killed_at(&TRAIN, 10);
}

#[test]
fn annealing_killed_at_any_moment_and_resumed() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("glass.coo");
    let mut text = String::from("# vartype=SPIN\n");
    for i in 0..120u32 {
        for j in (0..i).filter(|j| (i * 7 + j * 13) % 11 == 0) {
            text += &format!("{j} {i} {}\n", if (i + j) % 3 == 0 { 1 } else { -1 });
        }
    }
    fs::write(&file, text).unwrap();
    let path = file.display().to_string();
    let mut command: Vec<&str> =
        ANNEAL.iter().map(|word| if *word == "FILE" { &*path } else { word }).collect();
    command.push("--json");
    killed_at(&command, 10);
}

#[test]
fn reproduce_killed_at_any_moment_and_resumed() {
    killed_at(&REPRODUCE, 10);
}

#[test]
fn threads_change_nothing() {
    let place = tempfile::tempdir().unwrap();
    let ising = [
        "ising",
        "--size=8",
        "--seed=7",
        "--sweeps=3000",
        "--temperature=1.5..3.5:5",
        "--kernel=wolff",
        "--burn-in=100",
        "--quiet",
    ];
    let train = ["rbm", "train", "--hidden=24", "--epochs=3", "--seed=7", "--ais-rungs=50", "--quiet"];
    let commands =
        [("ising", &ising[..]), ("tempering", &TEMPERING), ("train", &train), ("reproduce", &REPRODUCE)];
    for (name, command) in commands {
        let one = place.path().join(name);
        let first = run(into(&one, command, &["--threads=1"]));
        assert_eq!(code(&first), 0, "{}", message(&first));
        for threads in ["2", "3", "8"] {
            let folder = place.path().join(format!("{name}-{threads}"));
            let done = run(into(&folder, command, &[&format!("--threads={threads}")]));
            assert_eq!(code(&done), 0, "{}", message(&done));
            assert_same_folders(&one, &folder, &TIMED, &format!("{name}, {threads} threads"));
            assert!(done.stdout == first.stdout, "{name}: {threads} threads print something else");
        }
    }
}

#[test]
fn signals_leave_a_checkpoint_and_code_4() {
    let place = tempfile::tempdir().unwrap();
    // Long enough to be met by the signal.
    let long = ["--size=32", "--sweeps=20000"];
    let whole = place.path().join("undisturbed");
    run_to(0, into(&whole, &ISING, &long));
    for signal in ["INT", "TERM"] {
        let folder = place.path().join(signal);
        let mut child = smml(into(&folder, &ISING, &long)).spawn().unwrap();
        wait_for(&folder.join("checkpoint"), &mut child);
        // It listens soon after the first checkpoint.
        std::thread::sleep(Duration::from_millis(100));
        send(signal, &child);
        let end = child.wait_with_output().unwrap();
        assert_eq!(code(&end), 4, "{signal}: {}", message(&end));
        assert!(message(&end).contains("--resume") && end.stdout.is_empty(), "{signal}: {}", message(&end));
        assert!(!folder.join("results.json").exists(), "{signal}: results of a run that was stopped");
        run_to(2, into(&folder, &ISING, &long)); // not overwritten by mistake
        run_to(0, into(&folder, &ISING, &[&long[..], &["--resume"]].concat()));
        assert_same_folders(&whole, &folder, &TIMED, signal);
    }
}

#[test]
fn reproduce_is_left_in_the_middle_of_a_check() {
    let place = tempfile::tempdir().unwrap();
    // The second takes much longer than a signal should.
    let command = ["reproduce", "boltzmann-entropy", "ising-onsager", "--full", "--quiet"];
    for signal in ["INT", "TERM"] {
        let folder = place.path().join(signal);
        let mut child = smml(line(&command, &folder)).spawn().unwrap();
        // Written when the first check is done.
        wait_for(&folder.join("manifest.json"), &mut child);
        std::thread::sleep(Duration::from_millis(300));
        let sent = Instant::now();
        send(signal, &child);
        let end = child.wait_with_output().unwrap();
        assert_eq!(code(&end), 4, "{signal}: {}", message(&end));
        assert!(sent.elapsed().as_secs() < 20, "{:?}", sent.elapsed());
        assert!(message(&end).contains("--resume") && end.stdout.is_empty(), "{signal}: {}", message(&end));
        assert!(folder.join("checkpoint").exists() && !folder.join("results.json").exists());
        assert!(run_to(2, line(&command, &folder)).contains("unfinished"));
    }
}

#[test]
fn damaged_checkpoints() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("run");
    let command = ["ising", "--size=4", "--beta=0.3", "--burn-in=100", "--seed=1"];
    let with = |further: &[&str]| line(&[&command, further].concat(), &folder);
    run_to(0, with(&["--sweeps=2000"]));
    let good = fs::read(folder.join("checkpoint")).unwrap();
    for damage in [vec![], good[..good.len() / 2].to_vec(), b"SMMLCKPT".to_vec(), vec![0xff; 10_000]] {
        fs::write(folder.join("checkpoint"), &damage).unwrap();
        let before = files(&folder, &[]);
        let said = run_to(3, with(&["--sweeps=4000", "--resume"]));
        assert!(said.contains("checkpoint"), "{said}");
        assert!(fs::read(folder.join("checkpoint")).unwrap() == damage, "a damaged file was written over");
        assert_eq!(before, files(&folder, &[]), "a refused run changed the folder");
    }
    // With the generation before it, the run goes on, and ends where it would have.
    fs::write(folder.join("checkpoint.previous"), &good).unwrap();
    let said = run_to(0, with(&["--sweeps=4000", "--resume"]));
    assert!(said.contains("before the last"), "{said}");
    let resumed = bytes(&folder, &["results.json", "checkpoint"]);
    run_to(0, with(&["--sweeps=4000", "--force"]));
    assert!(resumed == bytes(&folder, &["results.json", "checkpoint"]));
}
