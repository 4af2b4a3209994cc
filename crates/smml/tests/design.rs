//! `smml design` as its users meet it: a family is drawn, learned and added to; the same bytes again; signals; bad arguments.
#![cfg(unix)]

mod common;

use common::{assert_same_folders, code, line, message, read, run, run_to, send, smml, wait_for};
use std::{fs, path::Path};

/// Files that depend on when a run was stopped, or know dates.
const OTHERS: [&str; 2] = ["manifest.json", "checkpoint.previous"];

fn results(folder: &Path) -> serde_json::Value {
    serde_json::from_str(&read(&folder.join("results.json"))).unwrap()
}

/// The value and the error of the quantity whose name begins like this.
fn quantity(results: &serde_json::Value, name: &str) -> (f64, f64) {
    let all = results["results"][0]["quantities"].as_array().unwrap();
    let found = all.iter().find(|q| q["quantity"].as_str().unwrap().starts_with(name));
    let found = found.unwrap_or_else(|| panic!("no '{name}' in {all:?}"));
    (found["value"].as_f64().unwrap(), found["error"].as_f64().unwrap())
}

/// A small family of nucleotides in a folder.
fn family(place: &Path) -> String {
    let words = [
        "design",
        "family",
        "--box=3x3",
        "--alphabet=dna",
        "--sequences=1500",
        "--sweeps=40",
        "--seed=1",
        "--quiet",
    ];
    let folder = place.join("family");
    run_to(0, line(&words, &folder));
    folder.display().to_string()
}

fn learn<'a>(fasta: &'a str, truth: &'a str) -> Vec<&'a str> {
    vec![
        "design",
        "learn",
        fasta,
        truth,
        "--alphabet=dna",
        "--seed=2",
        "--chains=300",
        "--penalty=0.002",
        "--quiet",
    ]
}

#[test]
fn a_family_is_drawn_learned_and_added_to() {
    let place = tempfile::tempdir().unwrap();
    let family = family(place.path());
    let found = results(Path::new(&family));
    assert_eq!((quantity(&found, "sites").0, quantity(&found, "contacts").0), (9.0, 4.0));
    let fasta = format!("{family}/family.fasta");
    let text = read(Path::new(&fasta));
    assert_eq!(text.lines().count(), 3000);
    assert!(text.starts_with(">m0\n") && text.lines().nth(1).unwrap().chars().all(|c| "ACGT-".contains(c)));
    assert_eq!(read(&Path::new(&family).join("contacts.csv")).lines().count(), 37);

    let learned = place.path().join("learned");
    let truth = format!("--truth={family}/truth.potts");
    run_to(0, line(&learn(&fasta, &truth), &learned));
    let found = results(&learned);
    let (gain, error) = quantity(&found, "what the couplings gain");
    assert!(gain > 5.0 * error && error > 0.0, "{gain} {error}");
    let (correlation, error) = quantity(&found, "correlation with the true couplings, all pairs");
    assert!(correlation > 0.8 && error > 0.0, "{correlation}");
    assert_eq!(quantity(&found, "contacts among the first 4 pairs").0, 1.0);
    for figure in ["contacts.png", "energies.svg", "true-energies.csv", "precision.svg", "couplings.svg"] {
        assert!(learned.join("figures").join(figure).exists(), "{figure}");
    }
    assert_eq!(read(&learned.join("contacts.csv")).lines().nth(1).unwrap().split(',').count(), 5);

    let model = learned.join("model.potts").display().to_string();
    for (name, method) in [("sa", "--method=sa"), ("pt", "--method=pt")] {
        let designs = place.path().join(name);
        let words = [
            "design",
            "propose",
            &model,
            method,
            "--start=m7",
            "--mutations=2",
            "--fixed=1,3-4",
            "--runs=20",
            "--seed=3",
            &truth,
            "--quiet",
        ];
        run_to(0, line(&words, &designs));
        let found = results(&designs);
        let start = text.lines().nth(15).unwrap();
        let fasta = read(&designs.join("designs.fasta"));
        let mut n = 0;
        for sequence in fasta.lines().filter(|l| !l.starts_with('>')) {
            let differ: Vec<usize> =
                (0..9).filter(|i| sequence.as_bytes()[*i] != start.as_bytes()[*i]).collect();
            assert!(differ.len() <= 2 && differ.iter().all(|i| ![0, 2, 3].contains(i)), "{sequence} {start}");
            n += 1;
        }
        assert!(n >= 1 && read(&designs.join("designs.csv")).lines().count() == n + 1);
        assert!(quantity(&found, "energy of the best design").0 <= quantity(&found, "energy of the start").0);
        assert!(quantity(&found, "runs that found it").0 > 0.9);
        quantity(&found, "true energy of the best design");
        // The configuration that was written repeats the run.
        let again = place.path().join(format!("{name}-again"));
        let config = designs.join("config.toml").display().to_string();
        run_to(0, line(&["run", &config, "--threads=3", "--quiet"], &again));
        assert_same_folders(&designs, &again, &OTHERS, name);
    }
    // Both methods find the best of so few sequences.
    let best = |name: &str| quantity(&results(&place.path().join(name)), "energy of the best design").0;
    assert!((best("sa") - best("pt")).abs() < 1e-9);
    // A start of its own, and none.
    let word = format!("--start={}", text.lines().nth(1).unwrap());
    for (name, words) in [("own", &[word.as_str(), "--mutations=1"][..]), ("free", &["--free-gaps"])] {
        let all = [&["design", "propose", &model, "--runs=4", "--seed=1", "--quiet"][..], words].concat();
        run_to(0, line(&all, &place.path().join(name)));
    }
    assert!(best("free") <= best("sa"));
}

#[test]
fn every_command_stops_on_a_signal_and_resumes_to_the_same_bytes() {
    let place = tempfile::tempdir().unwrap();
    let family = family(place.path());
    let (fasta, truth) = (format!("{family}/family.fasta"), format!("--truth={family}/truth.potts"));
    let often = "--checkpoint-every=5ms";
    let own = format!("{family}/truth.potts");
    let learned = [&learn(&fasta, &truth)[..], &["--refine=150", "--tolerance=1e-7", often]].concat();
    for (name, words) in [
        (
            "family",
            &["design", "family", "--alphabet=dna", "--sequences=4000", "--seed=5", "--quiet", often][..],
        ),
        ("learn", &learned),
        ("propose", &["design", "propose", &own, "--runs=400", "--seed=7", "--quiet", often]),
    ] {
        let (whole, stopped) =
            (place.path().join(format!("{name}-whole")), place.path().join(format!("{name}-stopped")));
        run_to(0, line(&[words, &["--threads=1"]].concat(), &whole));
        let mut stops = 0;
        for signal in ["INT", "TERM", "INT"] {
            let more: &[&str] = if stops > 0 { &["--resume", "--threads=2"] } else { &["--threads=2"] };
            let mut child = smml(line(&[words, more].concat(), &stopped)).spawn().unwrap();
            wait_for(&stopped.join("checkpoint"), &mut child);
            std::thread::sleep(std::time::Duration::from_millis(30));
            if child.try_wait().unwrap().is_none() {
                send(signal, &child);
            }
            let ended = child.wait_with_output().unwrap();
            if code(&ended) == 0 {
                break;
            }
            assert_eq!(code(&ended), 4, "{name}: {}", message(&ended));
            assert!(!stopped.join("results.json").exists(), "{name}");
            stops += 1;
        }
        assert!(stops > 0, "{name} was over before a signal came");
        if !stopped.join("results.json").exists() {
            run_to(0, line(&[words, &["--resume"]].concat(), &stopped));
        }
        assert_same_folders(&whole, &stopped, &OTHERS, name);
    }
    // Sweeps of another number cannot be mixed with those that were done.
    let words = ["design", "propose", &own, "--runs=400", "--seed=7", "--quiet", "--sweeps=7", "--resume"];
    let refused = run_to(2, line(&words, &place.path().join("propose-whole")));
    assert!(refused.contains("--sweeps 7: the run in the folder has 500"), "{refused}");
}

#[test]
fn bad_arguments_and_files() {
    let place = tempfile::tempdir().unwrap();
    let family = family(place.path());
    let x = place.path().join("x");
    let (fasta, truth) = (format!("{family}/family.fasta"), format!("{family}/truth.potts"));
    let at = |name: &str, text: &str| {
        let path = place.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (one, bad) = (at("one.fasta", ">a\nACGT\n"), at("bad.fasta", ">a\nACGT\n>b\nACJT\n"));
    let (uneven, insert) =
        (at("uneven.fasta", ">a\nACGT\n>b\nACG\n"), at("insert.fasta", ">a\nACgGT\n>b\nACGT\n"));
    let cut = place.path().join("cut.potts");
    let whole = fs::read(&truth).unwrap();
    fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    let cut = cut.display().to_string();
    for (words, exit, said) in [
        (&["family", "--box=3"][..], 2, "not like 3x3x3"),
        (&["family", "--box=1x9"], 2, "two sides of at least 2"),
        (&["family", "--box=60x60"], 2, "4 to 1000 places"),
        (&["family", "--couplings=-1"], 2, "at least 0"),
        (&["family", "--gaps=inf"], 2, "finite"),
        (&["learn", &bad, "--alphabet=dna"], 3, "line 4, character 3: 'J' is none of ACGT-"),
        (&["learn", &uneven, "--alphabet=dna"], 3, "line 3: 'b' has 3 letters"),
        (&["learn", &insert, "--alphabet=dna"], 3, "line 2, character 3"),
        (&["learn", &one, "--alphabet=dna", "--holdout=1"], 2, "nothing is left"),
        (&["learn", &fasta, "--identity=0"], 2, "greater than 0"),
        (&["learn", &fasta, "--truth", &truth], 2, "5 letters, here 9 and 21"),
        (&["learn", &fasta, "--alphabet=dna", "--truth", &fasta], 3, "family.fasta"),
        (&["learn", "/nowhere/x.fasta"], 3, "/nowhere/x.fasta"),
        (&["propose", &fasta], 3, "family.fasta"),
        (&["propose", &cut], 3, "cut.potts"),
        (&["propose", "/nowhere/x.potts"], 3, "no such file"),
        (&["propose", &truth, "--mutations=3"], 2, "--start"),
        (&["propose", &truth, "--fixed=3"], 2, "--start"),
        (&["propose", &truth, "--start=nobody"], 2, "neither the name"),
        (&["propose", &truth, "--start=ACG"], 2, "3 letters, the model has 9 sites"),
        (&["propose", &truth, "--start=m3", "--fixed=0"], 2, "--fixed 0: sites from 1 to 9"),
        (&["propose", &truth, "--start=m3", "--fixed=7-10"], 2, "--fixed 7-10"),
        (&["propose", &truth, "--start=m3", "--fixed=7-3"], 2, "--fixed 7-3"),
        (&["propose", &truth, "--start=m3", "--fixed=1-9"], 2, "sites that may change"),
        (&["propose", &truth, "--betas=5..1"], 2, "must be greater than 0, and rise"),
        (&["propose", &truth, "--betas=0..1"], 2, "must be greater than 0"),
    ] {
        let all = [&["design"][..], words, &["--quiet", "--seed=1"]].concat();
        let refused = run_to(exit, line(&all, &x));
        assert!(refused.contains(said) && !refused.contains("panicked"), "{words:?}: {refused}");
        assert!(!x.exists(), "{words:?} left a folder");
    }
    // With the flags that say what to do, what was refused is read.
    let mild = [
        "design",
        "learn",
        &insert,
        "--alphabet=dna",
        "--drop-insertions",
        "--holdout=0",
        "--seed=1",
        "--quiet",
        "--chains=10",
    ];
    let done = run(line(&mild, &x));
    assert_eq!(code(&done), 0, "{}", message(&done));
    // Results go nowhere where inputs lie.
    let there = Path::new(&family);
    let refused = run_to(2, line(&["design", "propose", &truth, "--seed=1"], there));
    assert!(refused.contains("is read from there"), "{refused}");
}
