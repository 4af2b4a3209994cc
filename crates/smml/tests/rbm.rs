//! `smml rbm` and `smml data` as their users meet them: defaults that learn, every command stopped by signals and resumed
//! to the same bytes, bad data and bad models.
#![cfg(unix)]

mod common;

use common::{idx, write_set};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::Instant,
};

fn smml<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_smml"));
    command
        .args(arguments)
        .env_remove("SMML_DATA")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn run<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> Output {
    smml(arguments).output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| panic!("{output:?}"))
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn results(folder: &Path) -> serde_json::Value {
    serde_json::from_slice(&fs::read(folder.join("results.json")).unwrap()).unwrap()
}

/// The value and the verdict of the quantity whose name begins like this.
fn quantity(results: &serde_json::Value, name: &str) -> (f64, String) {
    let all = results["results"][0]["quantities"].as_array().unwrap();
    let found = all.iter().find(|q| q["quantity"].as_str().unwrap().starts_with(name));
    let found = found.unwrap_or_else(|| panic!("no '{name}' in {all:?}"));
    (found["value"].as_f64().unwrap(), found["verdict"].as_str().unwrap().to_string())
}

/// Every file below a folder but the manifest, which knows threads and dates, and the generation before the last
/// checkpoint, which depends on when the run was stopped.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap().map(|e| e.unwrap().path()) {
            let name = entry.strip_prefix(folder).unwrap().to_path_buf();
            if entry.is_dir() {
                folders.push(entry);
            } else if name != Path::new("manifest.json") && name != Path::new("checkpoint.previous") {
                all.push((name, fs::read(entry).unwrap()));
            }
        }
    }
    all.sort();
    all
}

fn assert_same(a: &Path, b: &Path, what: &str) {
    let (a, b) = (files(a), files(b));
    let names = |f: &[(PathBuf, Vec<u8>)]| f.iter().map(|f| f.0.clone()).collect::<Vec<_>>();
    assert_eq!(names(&a), names(&b), "{what}");
    for (a, b) in a.iter().zip(&b) {
        assert!(a.1 == b.1, "{what}: {} differs", a.0.display());
    }
}

#[test]
fn without_arguments_it_learns_bars_and_stripes() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("run");
    let done = run(["rbm", "train", "--seed=3", &format!("--out={}", folder.display())]);
    assert_eq!(code(&done), 0, "{}", said(&done));
    let results = results(&folder);
    // 4 x 4: 16 ln 2 = 11.09 nats for independent pixels, 4.875 ln 2 = 3.379 at best.
    let (value, verdict) = quantity(&results, "expected log-likelihood, at most");
    assert!(verdict == "holds" && value < -3.379 && value > -3.379 - 0.05 * (11.090 - 3.379), "{value}");
    assert_eq!(quantity(&results, "expected log-likelihood, at least").1, "holds");
    assert_eq!(quantity(&results, "gain over independent pixels").1, "holds");
    for figure in ["learning-curve.svg", "reconstruction-error.csv", "samples.png", "filters.png"] {
        assert!(folder.join("figures").join(figure).exists(), "{figure}");
    }
    // The configuration says what was not said, and repeats the run.
    let config = folder.join("config.toml");
    let text = fs::read_to_string(&config).unwrap();
    assert!(
        text.contains("steps = 20") && text.contains("side = 4") && !text.contains("threshold"),
        "{text}"
    );
    let again = place.path().join("again");
    let done =
        run(["run", &config.display().to_string(), &format!("--out={}", again.display()), "--threads=3"]);
    assert_eq!(code(&done), 0, "{}", said(&done));
    assert_same(&folder, &again, "repeated");
    // Settings that learn nothing are told.
    let poor = place.path().join("poor");
    let line = ["rbm", "train", "--seed=3", "--images=2", "--epochs=200", "--learning-rate=0.5"];
    let done = run(line.iter().copied().chain([format!("--out={}", poor.display()).as_str()]));
    assert_eq!(code(&done), 1, "{}", said(&done));
    assert!(said(&done).contains("gain over independent pixels"), "{}", said(&done));
}

/// A machine of which neither layer can be enumerated, with long annealing.
const TRAIN: [&str; 10] = [
    "rbm",
    "train",
    "--seed=5",
    "--side=6",
    "--hidden=30",
    "--epochs=60",
    "--chains=50",
    "--ais-rungs=1500",
    "--ais-chains=60",
    "--checkpoint-every=10ms",
];

#[test]
fn every_command_stops_on_a_signal_and_resumes_to_the_same_bytes() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    let train: Vec<String> = TRAIN.map(String::from).to_vec();
    let model = format!("--model={}", at("train-whole").join("model.rbm").display());
    let further = |line: &[&str]| -> Vec<String> {
        line.iter()
            .map(|a| (*a).to_string())
            .chain([model.clone(), "--checkpoint-every=10ms".into()])
            .collect()
    };
    let sample = further(&["rbm", "sample", "--seed=6", "--n=300", "--steps=30000", "--beta=0.9"]);
    let evaluate = further(&["rbm", "evaluate", "--seed=7", "--ais-rungs=4000", "--ais-chains=60"]);
    for (name, line) in [("train", train), ("sample", sample), ("evaluate", evaluate)] {
        let into = |folder: &Path, more: &[&str]| {
            let own = [format!("--out={}", folder.display()), "--quiet".into()];
            line.iter().cloned().chain(own).chain(more.iter().map(|m| (*m).to_string())).collect::<Vec<_>>()
        };
        let (whole, stopped) = (at(&format!("{name}-whole")), at(&format!("{name}-stopped")));
        let done = run(into(&whole, &["--threads=1"]));
        assert_eq!(code(&done), 0, "{name}: {}", said(&done));
        let mut signals = ["INT", "TERM"].iter().cycle();
        let mut stops = 0;
        loop {
            let checkpoint = stopped.join("checkpoint");
            let before = fs::read(&checkpoint).ok();
            let more: &[&str] = if stops > 0 { &["--resume", "--threads=2"] } else { &["--threads=2"] };
            let mut child = smml(into(&stopped, more)).spawn().unwrap();
            // Some way on from where the last one stopped; the later ones may go to the end.
            let start = Instant::now();
            while stops < 3 && child.try_wait().unwrap().is_none() && fs::read(&checkpoint).ok() == before {
                assert!(start.elapsed().as_secs() < 120, "{name}: no checkpoint");
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
            if stops < 3 {
                let signal = signals.next().unwrap();
                let _ = Command::new("kill").args([format!("-{signal}"), child.id().to_string()]).status();
            }
            let end = child.wait_with_output().unwrap();
            if code(&end) == 0 {
                break;
            }
            stops += 1;
            assert_eq!(code(&end), 4, "{name}: {}", said(&end));
            assert!(said(&end).contains("--resume") && end.stdout.is_empty(), "{name}: {}", said(&end));
            assert!(!stopped.join("results.json").exists(), "{name}: results of a run that was stopped");
        }
        assert!(stops > 0, "{name} was over before a signal came");
        assert_same(&whole, &stopped, name);
    }
    // Another model in the same place is not taken for the one that the checkpoint belongs to.
    let folder = at("sample-other");
    let line = |more: &str| {
        let model = format!("--model={}", at("model.rbm").display());
        let out = format!("--out={}", folder.display());
        let own = ["rbm", "sample", "--seed=6", "--n=300", "--steps=30000", "--checkpoint-every=10ms", more];
        own.iter().map(|a| (*a).to_string()).chain([model, out]).collect::<Vec<_>>()
    };
    fs::copy(at("train-whole").join("model.rbm"), at("model.rbm")).unwrap();
    let mut child = smml(line("--quiet")).spawn().unwrap();
    while !folder.join("checkpoint").exists() {
        assert!(child.try_wait().unwrap().is_none());
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let small = ["rbm", "train", "--seed=1", "--side=6", "--hidden=30", "--epochs=1", "--ais-rungs=2"];
    let out = format!("--out={}", at("other").display());
    assert_eq!(code(&run(small.iter().copied().chain([out.as_str(), "--ais-chains=20"]))), 0);
    fs::copy(at("other").join("model.rbm"), at("model.rbm")).unwrap();
    let refused = run(line("--resume"));
    assert_eq!(code(&refused), 2, "{}", said(&refused));
    assert!(said(&refused).contains("other files"), "{}", said(&refused));
}

#[test]
fn own_data_are_learned_classified_and_reported_as_such() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name).display().to_string();
    write_set(&place.path().join("data/mnist"), 40, 20);
    let data = format!("--data={}", at("data"));
    let out = |name: &str| format!("--out={}", at(name));
    let train = [
        "rbm",
        "train",
        "--dataset=mnist",
        "--labels",
        "--hidden=10",
        "--epochs=600",
        "--seed=1",
        "--batch=10",
    ];
    let done = run(train.iter().copied().chain([data.as_str(), &out("train")]));
    assert_eq!(code(&done), 0, "{}", said(&done));
    assert!(said(&done).contains("not the published content"), "{}", said(&done));
    let trained = results(&place.path().join("train"));
    assert_eq!(trained["results"][0]["details"]["data"].as_array().unwrap().len(), 4);
    assert_eq!(trained["results"][0]["details"]["data"][0]["published"], false);
    assert_eq!(quantity(&trained, "test accuracy"), (1.0, "holds".into()));
    let model = format!("--model={}", at("train/model.rbm"));
    let series = format!("--series={}", at("classes.csv"));
    let done = run(["rbm", "classify", &model, &data, &out("classify"), &series]);
    assert_eq!(code(&done), 0, "{}", said(&done));
    assert_eq!(quantity(&results(&place.path().join("classify")), "accuracy on class 1").0, 1.0);
    assert_eq!(fs::read_to_string(place.path().join("classes.csv")).unwrap().lines().nth(2), Some("1,1"));
    let done = run(["rbm", "sample", &model, "--class=1", "--n=9", "--seed=1", &out("sample")]);
    assert_eq!(code(&done), 0, "{}", said(&done));
    // Images of a class are judged by a network that learned the real ones.
    let judge = ["rbm", "evaluate", &model, &data, "--count=100", "--judge-epochs=200", "--seed=1"];
    for (name, threads) in [("judged", "--threads=1"), ("judged-again", "--threads=2")] {
        let done = run(judge.iter().copied().chain([threads, out(name).as_str()]));
        assert_eq!(code(&done), 0, "{}", said(&done));
    }
    let judged = results(&place.path().join("judged"));
    for name in ["test accuracy", "accuracy of the judge on real test images"] {
        assert_eq!(quantity(&judged, name).0, 1.0, "{name}");
    }
    let shown = ["0", "1"].map(|c| quantity(&judged, &format!("drawn images of class {c}")).0);
    // Half would do by chance; ten hidden units draw most of either class well.
    assert!(shown.iter().all(|s| *s > 0.65) && shown[0] + shown[1] > 1.6, "{shown:?}");
    let all = quantity(&judged, "drawn images that show their class").0;
    assert!((all - 0.5 * (shown[0] + shown[1])).abs() < 1e-12, "{all}");
    assert_same(&place.path().join("judged"), &place.path().join("judged-again"), "threads");
    for word in ["--ais-rungs=50", "--ais-chains=50"] {
        let refused = run(["rbm", "evaluate", &model, &data, word, &out("refused")]);
        assert!(
            code(&refused) == 2 && said(&refused).contains("label units no likelihood"),
            "{}",
            said(&refused)
        );
        let refused = run(train.iter().copied().chain([data.as_str(), word, &out("refused")]));
        assert!(
            code(&refused) == 2 && said(&refused).contains("label units no likelihood"),
            "{}",
            said(&refused)
        );
    }
    // A set of another shape is not the one that the machine knows.
    fs::write(place.path().join("data/mnist/train-images-idx3-ubyte"), idx(0x803, &[40, 1, 9], &[0; 360]))
        .unwrap();
    fs::write(place.path().join("data/mnist/t10k-images-idx3-ubyte"), idx(0x803, &[20, 1, 9], &[0; 180]))
        .unwrap();
    let refused = run(["rbm", "classify", &model, &data, &out("other")]);
    assert_eq!(code(&refused), 2, "{}", said(&refused));
    assert!(
        said(&refused).contains("3 x 3 pixels") && said(&refused).contains("1 x 9"),
        "{}",
        said(&refused)
    );
}

#[test]
fn bad_arguments_data_and_models() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name).display().to_string();
    let write = |name: &str, bytes: &[u8]| fs::write(place.path().join(name), bytes).unwrap();
    write_set(&place.path().join("one/mnist"), 40, 1);
    write_set(&place.path().join("cut/mnist"), 40, 20);
    write("cut/mnist/t10k-images-idx3-ubyte", &idx(0x803, &[20, 3, 3], &[0; 100]));
    fs::create_dir(place.path().join("empty")).unwrap();
    let trained = run(["rbm", "train", "--epochs=2", "--seed=1", &format!("--out={}", at("train"))]);
    // Too short to learn anything, which may show itself; the model is written all the same.
    assert!(code(&trained) <= 1, "{}", said(&trained));
    let good = fs::read(place.path().join("train/model.rbm")).unwrap();
    let changed = |at: usize, by: u8| {
        let mut bytes = good.clone();
        bytes[at] ^= by;
        bytes
    };
    write("cut.rbm", &good[..good.len() / 2]);
    write("flipped.rbm", &changed(good.len() / 2, 1));
    write("newer.rbm", &changed(8, 2));
    write("text.rbm", b"not a model");
    let model = |name: &str| format!("--model={}", at(name));
    let data = |name: &str| format!("--data={}", at(name));
    let out = format!("--out={}", at("out"));
    let train = |more: &[&str]| -> Vec<String> {
        ["rbm", "train", &out].iter().chain(more).map(|a| (*a).to_string()).collect()
    };
    let sample = |name: &str, more: &[&str]| -> Vec<String> {
        let own = ["rbm".into(), "sample".into(), out.clone(), model(name)];
        own.into_iter().chain(more.iter().map(|a| (*a).to_string())).collect()
    };
    for (line, expected, text) in [
        (train(&["--labels"]), 2, "bars-and-stripes has no labels"),
        (train(&["--threshold=3"]), 2, "--threshold"),
        (train(&["--dataset=mnist", "--threshold=300"]), 2, "'300' is no grey value from 0 to 255"),
        (train(&["--side=13"]), 2, "--side"),
        (train(&["--momentum=1"]), 2, "momentum"),
        (train(&["--learning-rate=-1"]), 2, "learning-rate"),
        (train(&["--weight-decay=nan"]), 2, "weight-decay"),
        (train(&["--images=4000000000"]), 2, "--images 4000000000: at most"),
        (train(&["--hidden=0"]), 2, "--hidden"),
        (train(&["--dataset=mnist"]), 2, "SHA-256"),
        (train(&["--dataset=mnist", "--side=4", &data("empty")]), 2, "--side"),
        (train(&["--dataset=mnist", &data("empty")]), 3, "train-images-idx3-ubyte(.gz) not found"),
        (train(&["--dataset=fashion-mnist", &data("empty")]), 3, "zalandoresearch"),
        (train(&["--dataset=mnist", &data("one")]), 2, "test images: 1"),
        (train(&["--dataset=mnist", &data("cut")]), 3, "t10k-images-idx3-ubyte: byte 4"),
        // A rate that blows up is no result.
        (train(&["--learning-rate=900", "--momentum=0.99", "--seed=1"]), 1, ""),
        (sample("none.rbm", &[]), 3, "no such file"),
        (sample("cut.rbm", &[]), 3, "promises"),
        (sample("flipped.rbm", &[]), 3, "checksum"),
        (sample("newer.rbm", &[]), 3, "format 3, this program reads format 1"),
        (sample("text.rbm", &[]), 3, "text.rbm"),
        (sample("train/checkpoint", &[]), 3, "not the model.rbm"),
        (sample("train/model.rbm", &["--class=1"]), 2, "no label units"),
        (sample("train/model.rbm", &["--temperature=0"]), 2, "greater than 0"),
        (sample("train/model.rbm", &["--beta=nan"]), 2, "--beta"),
        (vec!["rbm".into(), "classify".into(), model("train/model.rbm")], 2, "train with --labels"),
        (
            vec!["rbm".into(), "evaluate".into(), "--count=5".into(), model("train/model.rbm")],
            2,
            "no label units, so that no class could be judged",
        ),
    ] {
        let done = run(&line);
        assert_eq!(code(&done), expected, "{line:?}: {}", said(&done));
        assert!(said(&done).contains(text), "{line:?}: no '{text}' in: {}", said(&done));
        assert!(!place.path().join("out/results.json").exists() || expected == 1, "{line:?} left results");
        let _ = fs::remove_dir_all(place.path().join("out"));
    }
}

#[test]
fn data_sets_are_listed_and_verified() {
    let place = tempfile::tempdir().unwrap();
    let listed = run(["data"]);
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert_eq!(code(&listed), 0);
    for part in ["fashion-mnist", "t10k-labels-idx1-ubyte", "ba891046e6505d7a", "published at"] {
        assert!(text.contains(part), "{text}");
    }
    let verify = |name: &str, more: &[&str]| {
        let folder = place.path().join(name).display().to_string();
        let done = run(["data", folder.as_str()].iter().chain(more));
        (code(&done), String::from_utf8_lossy(&done.stdout).into_owned(), said(&done))
    };
    assert_eq!(verify("nothing", &[]).0, 3);
    fs::create_dir(place.path().join("empty")).unwrap();
    let (exit, _, error) = verify("empty", &[]);
    assert!(exit == 3 && error.contains("no data set found"), "{error}");
    write_set(&place.path().join("own/mnist"), 4, 2);
    let (exit, text, error) = verify("own", &[]);
    assert!(exit == 1 && text.contains("DIFFERS (SHA-256 ") && error.contains("not the published"), "{text}");
    fs::remove_file(place.path().join("own/mnist/t10k-labels-idx1-ubyte")).unwrap();
    fs::write(place.path().join("own/mnist/train-labels-idx1-ubyte"), "labels").unwrap();
    let (exit, text, error) = verify("own", &[]);
    assert!(exit == 3 && text.contains("t10k-labels-idx1-ubyte  MISSING"), "{text}");
    assert!(text.contains("NOT READABLE") && text.contains("magic number"), "{text}");
    assert!(error.contains("mnist/t10k-labels-idx1-ubyte") && error.contains("train-labels"), "{error}");
    let (exit, json, _) = verify("own", &["--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((exit, &json[0]["files"][3]["verdict"]), (3, &serde_json::json!("missing")));
}
