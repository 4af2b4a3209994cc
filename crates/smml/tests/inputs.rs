//! Runs that read files, and what a folder protects: another content of a file is another run, whatever the numbers of the
//! configuration; how long a search took is known after every interruption; nothing that was done is thrown away.

use sha2::Digest;
use std::{fs, io::Write, path::Path, process::Stdio, time::Duration};

mod common;
use common::*;

fn manifest(folder: &Path) -> serde_json::Value {
    serde_json::from_str(&read(&folder.join("manifest.json"))).unwrap()
}

fn glass(n: u32, weight: i32) -> String {
    let mut text = String::from("# vartype=SPIN\n");
    for i in 0..n {
        for j in (0..i).filter(|j| (i * 7 + j * 13) % 5 == 0) {
            text += &format!("{j} {i} {}\n", if (i + j) % 3 == 0 { 1 } else { -1 });
        }
    }
    text + &format!("0 {} {weight}\n", n - 1)
}

const SQUARE: &str = "NAME: s\nTYPE: TSP\nDIMENSION: 4\nEDGE_WEIGHT_TYPE: EUC_2D\nNODE_COORD_SECTION\n\
                      1 0 0\n2 0 10\n3 10 10\n4 10 0\nEOF\n";
const DIGEST: &str = "A: 1 2 3\nB: 2 4\nC: 1 1 2 2\n";

#[test]
fn another_content_is_another_run() {
    let place = tempfile::tempdir().unwrap();
    let cases: [(&str, &[&str], String, String); 5] = [
        ("anneal", &["--runs=512", "--sweeps=10"], glass(30, 1), glass(30, -1)),
        ("anneal", &["--method=renormalise", "--runs=6"], glass(30, 1), glass(30, -1)),
        ("exact", &[], "2 1\n1 2 1\n".into(), "2 1\n1 2 2\n".into()),
        ("tsp", &["--runs=2", "--sweeps=20"], SQUARE.into(), SQUARE.replace("10 10\n", "10 30\n")),
        ("digest", &["--runs=5"], DIGEST.into(), "A: 1 5\nB: 2 4\nC: 1 1 4\n".into()),
    ];
    for (k, (command, flags, text, other)) in cases.iter().enumerate() {
        let (file, folder) = (place.path().join(format!("file-{k}")), place.path().join(format!("run-{k}")));
        let path = file.display().to_string();
        let with = |further: &[&str]| {
            line(&[&[*command, &*path, "--seed=1", "--quiet"], *flags, further].concat(), &folder)
        };
        fs::write(&file, text).unwrap();
        run_to(0, with(&[]));
        let all = files(&folder, &[]);
        let names: Vec<&str> = all.iter().map(String::as_str).collect();
        let before = bytes(&folder, &names);
        fs::write(&file, other).unwrap();
        let longer: &[&str] = if *command == "exact" { &[] } else { &["--runs=1024"] };
        for further in [&[][..], &["--resume"], &[longer, &["--resume"]].concat()] {
            let said = run_to(2, with(further));
            assert!(said.contains("other files") && said.contains("SHA-256"), "{command}: {said}");
        }
        assert!(files(&folder, &[]) == names && bytes(&folder, &names) == before, "{command}");
        run_to(0, with(&["--force"]));
        // The first content again is now the other one; without a manifest the checkpoint tells them apart.
        fs::write(&file, text).unwrap();
        run_to(2, with(&[]));
        if folder.join("checkpoint").exists() {
            fs::remove_file(folder.join("manifest.json")).unwrap();
            fs::remove_file(folder.join("results.json")).unwrap();
            run_to(3, with(&["--resume"]));
        }
    }
    // A machine is an input as well.
    let machine = |seed: &str| {
        let folder = place.path().join(seed);
        let words = ["rbm", "train", "--hidden=4", "--epochs=1", "--side=2", "--quiet", seed];
        run_to(0, line(&words, &folder));
        fs::read(folder.join("model.rbm")).unwrap()
    };
    let (model, folder) = (place.path().join("model.rbm"), place.path().join("samples"));
    let flag = format!("--model={}", model.display());
    let words = ["rbm", "sample", &flag, "--n=4", "--steps=3", "--seed=1", "--quiet"];
    fs::write(&model, machine("--seed=1")).unwrap();
    run_to(0, line(&words, &folder));
    fs::write(&model, machine("--seed=2")).unwrap();
    assert!(run_to(2, line(&words, &folder)).contains("other files"));
}

#[test]
fn where_a_file_lies_does_not_matter() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("run");
    let [here, there] = ["here.coo", "there.coo"].map(|name| place.path().join(name));
    let words = |file: &Path, further: &[&str]| {
        let path = file.display().to_string();
        line(&[&["anneal", &*path, "--seed=1", "--sweeps=10", "--quiet"], further].concat(), &folder)
    };
    fs::write(&here, glass(30, 1)).unwrap();
    run_to(0, words(&here, &["--runs=512"]));
    fs::rename(&here, &there).unwrap();
    run_to(0, words(&there, &["--runs=1024", "--resume"]));
}

#[test]
#[cfg(unix)]
fn what_comes_through_a_pipe_is_hashed() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("run");
    let feed = |text: &str, further: &[&str]| {
        let words = ["anneal", "/dev/stdin", "--seed=1", "--sweeps=10", "--quiet"];
        let mut child =
            smml(line(&[&words, further].concat(), &folder)).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    let text = glass(30, 1);
    let done = feed(&text, &[]);
    assert_eq!(code(&done), 0, "{}", message(&done));
    let hash: String = sha2::Sha256::digest(&text).iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(manifest(&folder)["inputs"]["/dev/stdin"], hash);
    assert_eq!(code(&feed(&text, &["--runs=1024", "--resume"])), 0);
    assert_eq!(code(&feed(&glass(30, -1), &["--runs=2048", "--resume"])), 2);
}

#[test]
fn numbers_beyond_i64_protect_a_folder_too() {
    let place = tempfile::tempdir().unwrap();
    let (folder, again) = (place.path().join("run"), place.path().join("again"));
    for seed in ["18446744073709551615", "9223372036854775808"] {
        let seed = format!("--seed={seed}");
        let words = ["ising", "--size=4", "--sweeps=500", "--quiet"];
        let with = |further: &[&str]| line(&[&words, further].concat(), &folder);
        run_to(0, with(&["--beta=0.3", &seed, "--force"]));
        for further in [&["--beta=0.4", &seed][..], &["--beta=0.3", "--seed=1"], &["--beta=0.4", "--resume"]]
        {
            let said = run_to(2, with(further));
            assert!(said.contains("another configuration"), "{further:?}: {said}");
        }
        let config = folder.join("config.toml").display().to_string();
        run_to(0, line(&["run", &config, "--quiet", "--force"], &again));
        assert_same(&folder, &again, &["results.json", "config.toml", "checkpoint"], "repeated");
        // The seed need not be typed.
        run_to(0, with(&["--beta=0.3", "--sweeps=1000", "--resume"]));
        assert_eq!(manifest(&folder)["seed"].to_string(), seed[7..]);
    }
    fs::write(folder.join("config.toml"), "command = [").unwrap();
    let said = run_to(2, line(&["ising", "--size=4", "--beta=0.3", "--seed=1"], &folder));
    assert!(said.contains("config.toml"), "{said}");
}

#[test]
#[cfg(unix)]
fn times_of_searches_survive_interruptions() {
    let place = tempfile::tempdir().unwrap();
    let (file, folder) = (place.path().join("glass.coo"), place.path().join("run"));
    fs::write(&file, glass(200, 1)).unwrap();
    let path = file.display().to_string();
    let search = |folder: &Path| manifest(folder)["parts"]["search"].as_f64().unwrap();
    // Short batches, which a signal waits for, and long ones, which it does not.
    for (name, flags) in
        [("short", &["--sweeps=100", "--runs=4000000"][..]), ("long", &["--sweeps=20000", "--runs=4096"])]
    {
        let folder = place.path().join(name);
        let words = [&["anneal", &*path, "--seed=1", "--quiet"], flags].concat();
        let mut child = smml(line(&words, &folder)).spawn().unwrap();
        wait_for(&folder.join("checkpoint"), &mut child);
        std::thread::sleep(Duration::from_millis(1500));
        send("INT", &child);
        assert_eq!(code(&child.wait_with_output().unwrap()), 4, "{name}");
        assert!(folder.join("manifest.json").exists(), "{name}: no manifest");
        if name == "short" {
            assert!(search(&folder) > 0.5, "{}", search(&folder));
            // It waited for the end of a batch, and all of it is saved.
            assert!(fs::metadata(folder.join("checkpoint")).unwrap().len() > 8 * 512);
        }
    }
    let words = ["anneal", &*path, "--seed=1", "--quiet", "--sweeps=300"];
    run_to(0, line(&[&words[..], &["--runs=2048"]].concat(), &folder));
    let first = search(&folder);
    let done = run(line(&[&words[..], &["--runs=2560", "--resume"]].concat(), &folder));
    assert_eq!(code(&done), 0, "{}", message(&done));
    assert!(first > 0.0 && search(&folder) > first, "{first}, {}", search(&folder));
    assert!(!String::from_utf8_lossy(&done.stdout).contains(" 0.000 s"), "{done:?}");
}

#[test]
fn fewer_than_are_done_are_refused() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("glass.coo");
    fs::write(&file, glass(30, 1)).unwrap();
    let path = file.display().to_string();
    let digest = place.path().join("digest.txt");
    fs::write(&digest, DIGEST).unwrap();
    let digest = digest.display().to_string();
    for (k, words, many, few) in [
        (0, &["anneal", &*path, "--sweeps=10"][..], "--runs=1500", "--runs=512"),
        (1, &["anneal", &*path, "--sweeps=10", "--method=tabu"], "--runs=9", "--runs=8"),
        (2, &["anneal", &*path, "--method=renormalise"], "--runs=30", "--runs=20"),
        (3, &["tsp", "--cities=20", "--sweeps=50"], "--runs=5", "--runs=4"),
        (5, &["digest", &*digest], "--runs=9", "--runs=8"),
        (4, &["glass", "--lattice=square", "-T=1,2", "--sweeps=100"], "--samples=12", "--samples=11"),
    ] {
        let folder = place.path().join(k.to_string());
        let with = |further: &[&str]| line(&[words, &["--seed=1", "--quiet"], further].concat(), &folder);
        let done = code(&run(with(&[many])));
        assert!(done <= 1, "{words:?}");
        let names = ["results.json", "checkpoint", "config.toml", "manifest.json"];
        let before = bytes(&folder, &names);
        let said = run_to(2, with(&[few, "--resume"]));
        assert!(said.contains("already") && said.contains(few.split('=').next().unwrap()), "{said}");
        assert!(before == bytes(&folder, &names), "{words:?}: a refused run changed it");
        assert_eq!(code(&run(with(&[many, "--resume"]))), done);
    }
}
