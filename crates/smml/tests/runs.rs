//! Runs as their users meet them: repeated from their own configuration, limited in time, made longer, refused where
//! they would replace another; what is in their folder, and the form of their results.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

mod common;
use common::*;

/// Files that say where a run lay or when it was: `report.html` shows the configuration, with full paths.
const ELSEWHERE: [&str; 2] = ["manifest.json", "index.html"];

/// A data set in the format of MNIST: a bright quarter in one of four corners, its number the label.
fn corners(place: &Path) -> PathBuf {
    let folder = place.join("data");
    fs::create_dir_all(folder.join("mnist")).unwrap();
    let side = 6u32;
    for (name, n) in [("train", 80u32), ("t10k", 40)] {
        let label = |k: u32| k % 4;
        let mut images: Vec<u8> = [0x803, n, side, side].iter().flat_map(|x| x.to_be_bytes()).collect();
        let mut labels: Vec<u8> = [0x801, n].iter().flat_map(|x: &u32| x.to_be_bytes()).collect();
        for k in 0..n {
            labels.push(label(k) as u8);
            for (row, column) in (0..side).flat_map(|r| (0..side).map(move |c| (r, c))) {
                let corner = 2 * (row / 3) + column / 3;
                // A few bright pixels elsewhere, so that images differ.
                let noise = (k * 7 + row * 5 + column * 3) % 17 == 0;
                images.push(if corner == label(k) || noise { 255 } else { 0 });
            }
        }
        fs::write(folder.join(format!("mnist/{name}-images-idx3-ubyte")), images).unwrap();
        fs::write(folder.join(format!("mnist/{name}-labels-idx1-ubyte")), labels).unwrap();
    }
    folder
}

/// Runs a command, repeats it from its configuration, and compares everything that was written.
fn repeats(place: &Path, name: &str, words: &[&str]) -> PathBuf {
    let (first, again) = (place.join(name), place.join(format!("{name}-again")));
    let series = |folder: &Path| format!("--series={}", folder.join("series.npz").display());
    let mut whole = line(words, &first);
    if words[0] != "reproduce" {
        whole.push(series(&first));
    }
    run_to(0, &whole);
    let config = first.join("config.toml").display().to_string();
    let mut repeat = line(&["run", &config, "--threads=3"], &again);
    if words[0] != "reproduce" {
        repeat.push(series(&again));
    }
    run_to(0, &repeat);
    assert_same_folders(&first, &again, &ELSEWHERE, name);
    first
}

#[test]
fn every_run_repeats_from_its_own_configuration() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    // A time limit becomes a number of sweeps, and an absent seed is drawn: both are in the configuration.
    let timed = repeats(place, "timed", &["ising", "--size=6", "--beta=0.3,0.4", "--thin=3", "--time=500ms"]);
    let config = read(&timed.join("config.toml"));
    assert!(
        !config.contains("time =") && config.contains("burn-in =") && config.contains("seed ="),
        "{config}"
    );
    repeats(place, "frozen", &["ising", "--size=4", "-T=0.1", "--start=up", "--sweeps=100", "--seed=1"]);
    let reproduced = ["reproduce", "6", "learn", "ising-enumeration", "--quick", "--seed=2", "--quiet"];
    repeats(place, "reproduce", &reproduced);
    let machine = repeats(
        place,
        "train",
        &["rbm", "train", "--hidden=6", "--epochs=2", "--side=3", "--momentum=0..0.5"],
    );
    let model = format!("--model={}", machine.join("model.rbm").display());
    repeats(place, "sample", &["rbm", "sample", &model, "--n=9", "--steps=20", "--temperature=1.5"]);
    repeats(place, "evaluate", &["rbm", "evaluate", &model, "--images=50"]);
}

#[test]
fn inputs_are_found_again_and_hashed() {
    let place = tempfile::tempdir().unwrap();
    let data = corners(place.path());
    // Relative paths, which must not matter afterwards.
    let train =
        ["rbm", "train", "--dataset=mnist", "--labels", "--hidden=10", "--epochs=3", "--seed=1", "--quiet"];
    let done = smml(train).args(["--data=data", "--out=machine"]).current_dir(place.path()).output().unwrap();
    assert_eq!(code(&done), 0, "{}", message(&done));
    let machine = place.path().join("machine");
    let config = read(&machine.join("config.toml"));
    let canonical = place.path().canonicalize().unwrap();
    assert!(config.contains(&format!("data = \"{}\"", canonical.join("data").display())), "{config}");
    let again = place.path().join("machine-again");
    run_to(0, line(&["run", &machine.join("config.toml").display().to_string()], &again));
    assert_same_folders(&machine, &again, &ELSEWHERE, "trained again");
    // The same data in another place: the same results, and no other run.
    let moved = place.path().join("moved");
    fs::rename(&data, &moved).unwrap();
    let there = format!("--data={}", moved.display());
    run_to(0, line(&[&train[..], &[&there, "--resume"]].concat(), &machine));
    assert_same(&machine, &again, &["results.json", "checkpoint", "model.rbm"], "moved");
    let results = read(&machine.join("results.json"));
    assert!(!results.contains("\"data\": \"") && !results.contains("moved"), "results name a place");

    let model = format!("--model={}", machine.join("model.rbm").display());
    let classified = repeats(place.path(), "classify", &["rbm", "classify", &model, &there]);
    let manifest: serde_json::Value = serde_json::from_str(&read(&classified.join("manifest.json"))).unwrap();
    let inputs = manifest["inputs"].as_object().unwrap();
    assert_eq!(inputs.len(), 5, "{inputs:?}");
    for (path, hash) in inputs {
        assert_eq!(hash.as_str().unwrap(), sha256(Path::new(path)), "{path}");
    }
    // Results go nowhere where inputs lie.
    for (out_there, force) in [(&machine, "--force"), (&moved, "--force"), (&moved.join("mnist"), "--quiet")]
    {
        let said = run_to(2, line(&["rbm", "classify", &model, &there, force], out_there));
        assert!(said.contains("is read from there"), "{said}");
    }
    assert!(machine.join("model.rbm").exists());
}

fn sha256(path: &Path) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(fs::read(path).unwrap()).iter().map(|b| format!("{b:02x}")).collect()
}

#[test]
fn the_manifest_alone_knows_threads_and_times_and_all_that_was_written() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("run");
    let series = folder.join("series.csv");
    let flag = format!("--series={}", series.display());
    run_to(
        0,
        line(&["ising", "--size=4", "--beta=0.3", "--sweeps=500", "--seed=1", "--threads=3", &flag], &folder),
    );
    let manifest: serde_json::Value = serde_json::from_str(&read(&folder.join("manifest.json"))).unwrap();
    assert_eq!(manifest["threads"], 3);
    assert_eq!(manifest["seed"], 1);
    assert_eq!(manifest["version"], env!("CARGO_PKG_VERSION"));
    assert!(["portable", "avx2", "avx512", "neon"].contains(&manifest["cpu_path"].as_str().unwrap()));
    let outputs = manifest["outputs"].as_object().unwrap();
    let names: Vec<&String> = outputs.keys().collect();
    assert_eq!(names, files(&folder, &["manifest.json"]).iter().collect::<Vec<_>>());
    for (name, hash) in outputs {
        assert_eq!(hash.as_str().unwrap(), sha256(&folder.join(name)), "{name}");
    }
    for name in ["config.toml", "results.json", "report.html"] {
        let text = read(&folder.join(name));
        for word in ["threads", "avx", "started", "seconds"] {
            assert!(!text.contains(word), "{name} speaks of {word}");
        }
    }
}

#[test]
fn an_antiferromagnet_in_its_ground_states_has_results() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("run");
    // No magnetisation, and so no Binder cumulant; everything else is there.
    let words =
        ["ising", "--size=4", "--coupling=-1", "-T=0.2", "--sweeps=500", "--seed=1", "--json", "--quiet"];
    let done = run(line(&words, &folder));
    assert_eq!(code(&done), 0, "{}", message(&done));
    let document: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    let quantities = document["results"][0]["quantities"].as_array().unwrap();
    let names: Vec<&str> = quantities.iter().map(|q| q["quantity"].as_str().unwrap()).collect();
    assert!(names.contains(&"energy") && !names.contains(&"Binder cumulant"), "{names:?}");
}

#[test]
fn extreme_temperatures_are_no_failures() {
    let place = tempfile::tempdir().unwrap();
    // Near zero and infinite temperature, where Kaufman's formula overflows or cancels.
    let words =
        ["ising", "--size=8", "-T=0.005,1e3,1e8,1e16", "--start=up", "--sweeps=500", "--seed=1", "--quiet"];
    run_to(0, line(&words, &place.path().join("run")));
}

#[test]
fn a_time_limit_bounds_the_burn_in_as_well() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("run");
    // A sweep of 512 x 512 spins takes milliseconds: a thousand of burn-in would take many seconds.
    let start = Instant::now();
    let done = run(line(&["ising", "--size=512", "-T=3", "--time=1s", "--seed=1"], &folder));
    assert!([0, 1].contains(&code(&done)), "{}", message(&done));
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
    let config = read(&folder.join("config.toml"));
    assert!(
        config.contains("sweeps = ") && config.contains("burn-in = ") && !config.contains("time"),
        "{config}"
    );
    // A burn-in that was asked for is not cut short in silence: there is nothing to measure.
    let long = place.path().join("long");
    let words = ["ising", "--size=4", "-T=3", "--time=200ms", "--burn-in=100000000000", "--seed=1"];
    let said = run_to(1, line(&words, &long));
    assert!(said.contains("burn-in") && said.contains("--resume"), "{said}");
    assert!(!long.join("results.json").exists() && long.join("checkpoint").exists());
    // With both limits, the first that is reached counts.
    let both = place.path().join("both");
    run_to(0, line(&["ising", "--size=4", "-T=3", "--time=1h", "--sweeps=1000", "--seed=1"], &both));
    let plain = place.path().join("plain");
    run_to(0, line(&["ising", "--size=4", "-T=3", "--sweeps=1000", "--seed=1"], &plain));
    assert_same_folders(&both, &plain, &ELSEWHERE, "a limit that was not reached");
}

#[test]
fn a_finished_run_is_made_longer_or_kept() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("run");
    let words = ["ising", "--size=4", "-T=2.5", "--seed=1", "--quiet"];
    let with = |further: &[&str]| line(&[&words, further].concat(), &folder);
    run_to(0, with(&["--sweeps=1000"]));
    let short = bytes(&folder, &["results.json", "checkpoint", "config.toml"]);
    for further in
        [&["--sweeps=2000"][..], &["--sweeps=500"], &["--sweeps=1000", "--burn-in=7"], &["--time=1s"]]
    {
        let said = run_to(2, with(further));
        assert!(said.contains("another configuration") && said.contains("--resume"), "{further:?}: {said}");
    }
    let said = run_to(2, with(&["--sweeps=500", "--resume"]));
    assert!(said.contains("holds 1000 already"), "{said}");
    let said = run_to(2, with(&["--sweeps=2000", "--burn-in=7", "--resume"]));
    assert!(said.contains("has 100"), "{said}");
    assert!(
        short == bytes(&folder, &["results.json", "checkpoint", "config.toml"]),
        "a refused run changed it"
    );
    // Again, and resumed where nothing is left to do: the same bytes.
    for further in [&["--sweeps=1000"][..], &["--sweeps=1000", "--resume"]] {
        run_to(0, with(further));
        assert!(short == bytes(&folder, &["results.json", "checkpoint", "config.toml"]), "{further:?}");
    }
    // Longer: as if it had been so from the start, with the burn-in that it had.
    run_to(0, with(&["--sweeps=2000", "--resume"]));
    let whole = place.path().join("whole");
    run_to(0, line(&[&words[..], &["--sweeps=2000", "--burn-in=100"]].concat(), &whole));
    assert_same_folders(&folder, &whole, &ELSEWHERE, "made longer");
}

#[test]
fn a_seed_that_was_drawn_need_not_be_typed_to_resume() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("run");
    let words = ["ising", "--size=4", "-T=2.5", "--sweeps=1000"];
    let said = run_to(0, line(&words, &folder));
    assert!(said.starts_with("seed "), "{said}");
    let before = bytes(&folder, &["results.json", "config.toml"]);
    run_to(0, line(&[&words[..], &["--resume"]].concat(), &folder));
    assert!(before == bytes(&folder, &["results.json", "config.toml"]));
    // From the file alone: the folder is that of the file.
    run_to(0, ["run", &folder.join("config.toml").display().to_string(), "--resume", "--sweeps=2000"]);
    assert!(read(&folder.join("config.toml")).contains("sweeps = 2000\n"));
    assert!(run_to(2, [&words[..], &["--resume"]].concat()).contains("--resume needs --out DIR or --seed N"));
    let nothing = place.path().join("nothing");
    assert!(run_to(3, line(&[&words[..], &["--resume"]].concat(), &nothing)).contains("no run to resume"));
    assert!(!nothing.exists());
}

#[test]
fn a_folder_with_another_configuration_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("run");
    let words = ["ising", "--size=4", "--sweeps=2000", "--seed=1", "--quiet"];
    let with = |further: &[&str]| line(&[&words, further].concat(), &folder);
    run_to(0, with(&["--beta=0.3"]));
    let names = ["results.json", "checkpoint", "config.toml", "manifest.json"];
    let before = bytes(&folder, &names);
    for further in [&["--beta=0.4"][..], &["--beta=0.4", "--resume"], &["--beta=0.3", "--kernel=wolff"]] {
        let said = run_to(2, with(further));
        assert!(said.contains("another configuration"), "{said}");
        assert!(bytes(&folder, &names) == before, "{further:?} changed the folder");
    }
    run_to(2, line(&["reproduce", "36", "--quick"], &folder));
    // What the old run had written goes, and nothing else.
    fs::write(folder.join("mine.txt"), "mine").unwrap();
    run_to(
        0,
        line(&["rbm", "train", "--hidden=4", "--epochs=1", "--side=2", "--seed=1", "--force"], &folder),
    );
    assert!(folder.join("model.rbm").exists() && folder.join("mine.txt").exists());
    assert!(!folder.join("figures/energy-histogram.svg").exists());
    // A run that was killed while it wrote its first file is no obstacle, and nothing of it stays.
    let begun = place.path().join("begun");
    fs::create_dir(&begun).unwrap();
    fs::write(begun.join("config.toml.77.tmp"), "comm").unwrap();
    run_to(0, line(&[&words[..], &["--beta=0.3"]].concat(), &begun));
    assert!(!begun.join("config.toml.77.tmp").exists());
    // A folder with something else in it is nobody's run.
    let other = place.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("thesis.tex"), "important").unwrap();
    run_to(2, line(&[&words[..], &["--beta=0.3"]].concat(), &other));
    assert_eq!(files(&other, &[]), ["thesis.tex"]);
}

#[test]
fn results_of_all_commands_have_one_form() {
    let place = tempfile::tempdir().unwrap();
    let machine = place.path().join("train");
    let model = format!("--model={}", machine.join("model.rbm").display());
    for (name, words) in [
        ("ising", &["ising", "--size=4", "-T=2,3", "--sweeps=2000", "--seed=1"][..]),
        ("train", &["rbm", "train", "--hidden=4", "--epochs=1", "--side=3", "--seed=1"]),
        ("sample", &["rbm", "sample", &model, "--n=9", "--steps=5", "--seed=1"]),
        ("evaluate", &["rbm", "evaluate", &model, "--seed=1"]),
        ("reproduce", &["reproduce", "boltzmann-entropy", "metropolis-rejected", "rbm-digits", "--quick"]),
    ] {
        let folder = place.path().join(name);
        let done = run(line(&[words, &["--json", "--quiet"]].concat(), &folder));
        assert_eq!(code(&done), 0, "{name}: {}", message(&done));
        assert!(bytes(&folder, &["results.json"])[0] == done.stdout, "{name}: --json prints something else");
        assert_eq!(message(&done), "", "{name}: not quiet");
        let document: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
        let keys =
            |v: &serde_json::Value| -> Vec<String> { v.as_object().unwrap().keys().cloned().collect() };
        let mut expected = vec!["command", "configuration", "format", "results", "status"];
        if name == "ising" {
            expected.insert(0, "alarm");
        }
        assert_eq!(keys(&document), expected, "{name}");
        assert_eq!((&document["format"], &document["status"]), (&1.into(), &"passed".into()));
        let results = document["results"].as_array().unwrap();
        assert!(!results.is_empty());
        for result in results {
            let expected = ["details", "id", "message", "notes", "quantities", "status", "title"];
            assert_eq!(keys(result), expected, "{name}");
            let skipped = result["status"] == "skipped";
            assert_eq!(skipped, result["message"].is_string(), "{name}");
            assert_eq!(skipped, result["quantities"].as_array().unwrap().is_empty(), "{name}");
            for quantity in result["quantities"].as_array().unwrap() {
                #[rustfmt::skip]
                let expected = [
                    "comparison", "dof", "error", "expected", "n_eff", "quantity", "source", "tau", "tolerance", "value",
                    "verdict", "z",
                ];
                assert_eq!(keys(quantity), expected, "{name}");
                assert!(quantity["value"].is_f64() && quantity["error"].is_f64(), "{name}: {quantity}");
                // z of sampled values, and of bounds that are not kept.
                let kept = match quantity["comparison"].as_str().unwrap() {
                    "at-most" => quantity["value"].as_f64() <= quantity["expected"].as_f64(),
                    "at-least" => quantity["value"].as_f64() >= quantity["expected"].as_f64(),
                    comparison => comparison != "sampled",
                };
                assert_eq!(!kept, quantity["z"].is_f64(), "{name}: {quantity}");
                let vague = name == "ising" && quantity["dof"].as_f64().is_some_and(|dof| dof < 30.0);
                let judged = quantity["comparison"] != "none" && !vague;
                assert_eq!(!judged, quantity["verdict"] == "reported", "{quantity}");
            }
        }
    }
    // What is shown again is what was shown.
    let words = ["reproduce", "boltzmann-entropy", "metropolis-rejected", "rbm-digits", "--quick", "--quiet"];
    let fresh = run(line(&words, &place.path().join("fresh")));
    let again = run(line(&[&words[..], &["--resume"]].concat(), &place.path().join("reproduce")));
    assert_eq!((code(&fresh), code(&again)), (0, 0));
    assert_eq!(String::from_utf8_lossy(&fresh.stdout), String::from_utf8_lossy(&again.stdout));
}

#[test]
fn a_log_shows_life_and_quiet_is_quiet() {
    let place = tempfile::tempdir().unwrap();
    let words = ["reproduce", "boltzmann-entropy", "rbm-digits", "--quick"];
    let said = run_to(0, line(&words, &place.path().join("a")));
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 3, "{said}");
    assert!(lines[0].starts_with("[1/2] boltzmann-entropy: passed ("), "{said}");
    assert!(lines[1].starts_with("[2/2] rbm-digits: skipped ("), "{said}");
    assert!(lines[2].starts_with("report: "), "{said}");
    assert_eq!(run_to(0, line(&[&words[..], &["--quiet"]].concat(), &place.path().join("b"))), "");
}
