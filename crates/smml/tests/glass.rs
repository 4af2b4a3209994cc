//! `smml glass`: overlaps of chains against their exact values, relations that hold in equilibrium, the same bytes for any
//! number of threads and after a longer run, and clear refusals.

use std::path::Path;

mod common;
use common::*;

fn parts(folder: &Path) -> Vec<serde_json::Value> {
    let all: serde_json::Value = serde_json::from_str(&read(&folder.join("results.json"))).unwrap();
    all["results"].as_array().unwrap().clone()
}

fn row(part: &serde_json::Value, what: &str) -> serde_json::Value {
    let rows = part["quantities"].as_array().unwrap();
    rows.iter().find(|r| r["quantity"] == what).unwrap_or_else(|| panic!("{what}: {part}")).clone()
}

/// On an open chain of ±1 couplings every sample has ⟨sᵢ sⱼ⟩² = t^(2|i-j|), t = tanh β, whatever the signs: so
/// ⟨q²⟩ = Σ t^(2|i-j|) / N², the link overlap is t² and the energy -(N - 1) t / N.
#[test]
fn overlaps_of_a_chain_are_exact() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("chain");
    let words = [
        "glass",
        "--lattice=chain",
        "--boundary=open",
        "--size=9",
        "--beta=0.3,0.7,1.1",
        "--samples=24",
        "--sweeps=8000",
        "--seed=2",
        "--quiet",
    ];
    run_to(0, line(&words, &folder));
    let parts = parts(&folder);
    assert_eq!(parts.len(), 4);
    for (part, beta) in parts.iter().zip([0.3f64, 0.7, 1.1]) {
        let t = beta.tanh();
        let q2: f64 = (0..81i32).map(|k| t.powi(2 * (k / 9 - k % 9).abs())).sum::<f64>() / 81.0;
        for (what, exact) in [("overlap squared", q2), ("link overlap", t * t), ("energy", -8.0 / 9.0 * t)] {
            let row = row(part, what);
            let (value, error) = (row["value"].as_f64().unwrap(), row["error"].as_f64().unwrap());
            // Student's t with 23 degrees of freedom: |t| > 8 in less than 1e-7 of all cases.
            assert!(
                error > 0.0 && error < 0.02 && (value - exact).abs() < 8.0 * error,
                "{what}: {row}, {exact}"
            );
        }
    }
}

/// With p = 0.1, β = artanh 0.8 is on the Nishimori line: the energy is -tanh β a bond, and the program compares with it.
/// With Gaussian couplings it compares the energy with the link overlap.
#[test]
fn relations_of_equilibrium_hold() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("nishimori");
    let words = [
        "glass",
        "--lattice=square",
        "--size=6",
        "--negative=0.1",
        "--beta=0.4,0.75,1.0986122886681098",
        "--samples=40",
        "--sweeps=2000",
        "--seed=3",
        "--quiet",
    ];
    run_to(0, line(&words, &folder));
    let energy = row(&parts(&folder)[2], "energy");
    assert!((energy["expected"].as_f64().unwrap() + 1.6).abs() < 1e-6, "{energy}");
    let folder = place.path().join("gaussian");
    let words = [
        "glass",
        "--size=4",
        "--disorder=gaussian",
        "-T=1.0..2.2:6",
        "--samples=20",
        "--sweeps=2000",
        "--seed=3",
        "--quiet",
    ];
    run_to(0, line(&words, &folder));
    for part in &parts(&folder)[..6] {
        let excess = row(part, "energy less that of the link overlap");
        assert_eq!(excess["expected"].as_f64(), Some(0.0), "{excess}");
        assert!(row(part, "correlation length / L")["error"].as_f64().unwrap() > 0.0);
    }
    // Sweeps from random states into the cold that are far too few: what must hold does not, and the exit code says so.
    let folder = place.path().join("quenched");
    let words = [
        "glass",
        "--size=6",
        "--disorder=gaussian",
        "-T=0.2,0.25,0.3",
        "--samples=40",
        "--sweeps=100",
        "--seed=3",
        "--quiet",
    ];
    let message = run_to(1, line(&words, &folder));
    assert!(message.contains("energy less that of the link overlap"), "{message}");
}

#[test]
fn glasses_are_the_same_for_any_number_of_threads_and_can_be_continued() {
    let place = tempfile::tempdir().unwrap();
    let words = ["glass", "--size=4", "-T=1.5,2,2.5", "--sweeps=200", "--seed=4", "--quiet"];
    let names = ["results.json", "checkpoint", "config.toml", "series.csv"];
    let series = |folder: &Path| format!("--series={}", folder.join("series.csv").display());
    let (one, two) = (place.path().join("one"), place.path().join("two"));
    run_to(0, line(&[&words[..], &["--samples=14", "--threads=1", &series(&one)]].concat(), &one));
    run_to(0, line(&[&words[..], &["--samples=11", "--threads=3", &series(&two)]].concat(), &two));
    run_to(0, line(&[&words[..], &["--samples=14", "--resume", &series(&two)]].concat(), &two));
    assert_same(&one, &two, &names, "glass");
    let again = place.path().join("again");
    run_to(0, line(&["run", &one.join("config.toml").display().to_string(), "--quiet"], &again));
    assert_same(&one, &again, &names[..3], "glass");
    for (words, expected, named) in [
        (vec!["glass"], 2, "--temperature"),
        (vec!["glass", "-T=2"], 2, "two different temperatures"),
        (vec!["glass", "-T=2,0"], 2, "--temperature 0"),
        (vec!["glass", "--beta=-1,2"], 2, "--beta -1"),
        (vec!["glass", "-T=1,2", "--samples=9"], 2, "--samples"),
        (vec!["glass", "-T=1,2", "--negative=1.5"], 2, "--negative"),
        (vec!["glass", "-T=1,2", "--negative=0.1", "--disorder=gaussian"], 2, "--negative: for"),
        (vec!["glass", "-T=1,2", "--size=65"], 2, "--size 65"),
        (vec!["glass", "-T=0.1..2:1000", "--size=64"], 2, "spins in one sample"),
        (vec!["glass", "-T=1,2", "--sweeps=99"], 2, "--sweeps"),
    ] {
        let bad = place.path().join("bad");
        let message = run_to(expected, line(&words, &bad));
        assert!(message.contains(named), "{words:?}: {message}");
        assert!(!bad.exists());
    }
}
