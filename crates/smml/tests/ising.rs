//! `smml ising` where it does more than chains at single temperatures: ladders that exchange their states, correlations, and
//! several sizes. `smml tsp`.

use std::{fs, path::Path};

mod common;
use common::*;

fn results(folder: &Path) -> Vec<serde_json::Value> {
    let all: serde_json::Value = serde_json::from_str(&read(&folder.join("results.json"))).unwrap();
    all["results"].as_array().unwrap().clone()
}

fn row<'a>(part: &'a serde_json::Value, what: &str) -> &'a serde_json::Value {
    let rows = part["quantities"].as_array().unwrap();
    rows.iter().find(|r| r["quantity"] == what).unwrap_or_else(|| panic!("{what}: {part}"))
}

fn value(part: &serde_json::Value, what: &str) -> f64 {
    row(part, what)["value"].as_f64().unwrap()
}

fn error(part: &serde_json::Value, what: &str) -> f64 {
    row(part, what)["error"].as_f64().unwrap()
}

/// Kaufman's ln Z of the 6 x 6 torus is what free energies are compared with; at infinite temperature S = N ln 2.
#[test]
fn ladders_give_free_energies_and_entropies() {
    let place = tempfile::tempdir().unwrap();
    for ladder in ["--tempering", "--tempering=acceptance", "--tempering=round-trips"] {
        let folder = place.path().join(ladder);
        let words = ["ising", "--size=6", "--beta=0..0.6:7", ladder, "--sweeps=8000", "--seed=3", "--quiet"];
        run_to(0, line(&words, &folder));
        let parts = results(&folder);
        assert_eq!(parts.len(), 8);
        assert!((value(&parts[0], "entropy") - 2f64.ln()).abs() < 1e-12);
        let entropies: Vec<f64> = parts[..7].iter().map(|p| value(p, "entropy")).collect();
        assert!(entropies.windows(2).all(|s| s[0] > s[1]), "{entropies:?}");
        // All but the first are compared with exact values, and hold.
        let compared = |p: &serde_json::Value| !row(p, "free energy")["expected"].is_null();
        assert!(parts[1..7].iter().all(compared), "{}", parts[1]);
        assert!(parts[1..7].iter().all(|p| error(p, "free energy") > 0.0));
        assert!(value(&parts[7], "round trips") > 10.0);
        // What was sampled has errors.
        assert!(["round trips", "lowest acceptance of a swap"].iter().all(|q| error(&parts[7], q) > 0.0));
        let beta = parts[7]["details"]["beta"].as_array().unwrap();
        assert_eq!((beta[0].as_f64(), beta[6].as_f64()), (Some(0.0), Some(0.6)));
        let moved = beta[1].as_f64() != Some(0.1);
        assert_eq!(moved, ladder != "--tempering", "{beta:?}");
    }
    // Far too few temperatures: nobody gets through, and the exit code says so.
    let folder = place.path().join("gap");
    let words =
        ["ising", "--size=32", "--beta=0.1,0.9", "--tempering", "--sweeps=400", "--seed=3", "--quiet"];
    let message = run_to(1, line(&words, &folder));
    assert!(message.contains("no replica went"), "{message}");
}

/// On a ring of N spins ⟨s(0) s(r)⟩ = (t^r + t^(N-r)) / (1 + t^N) with t = tanh βJ, from the transfer matrix.
#[test]
fn correlations_of_a_ring_are_those_of_the_transfer_matrix() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("ring");
    let words = [
        "ising",
        "--lattice=chain",
        "--size=24",
        "--beta=0.8",
        "--kernel=wolff",
        "--correlations",
        "--seed=4",
        "--sweeps=60000",
        "--quiet",
    ];
    run_to(0, line(&words, &folder));
    let (n, t) = (24i32, 0.8f64.tanh());
    let g = |r: i32| (t.powi(r) + t.powi(n - r)) / (1.0 + t.powi(n));
    let chi = |k: f64| (0..n).map(|r| g(r) * (k * f64::from(r)).cos()).sum::<f64>();
    let k = 2.0 * std::f64::consts::PI / f64::from(n);
    let exact = (chi(0.0) / chi(k) - 1.0).sqrt() / (2.0 * (k / 2.0).sin());
    let parts = results(&folder);
    let (xi, error_of) = (value(&parts[0], "correlation length"), error(&parts[0], "correlation length"));
    assert!(error_of < 0.03 * exact && (xi - exact).abs() < 5.5 * error_of, "{xi} ± {error_of}, {exact}");
    let file =
        files(&folder, &[]).into_iter().find(|f| f.contains("correlation") && f.ends_with(".csv")).unwrap();
    let table = read(&folder.join(file));
    let mut seen = 0;
    for line in table.lines().skip(1) {
        let numbers: Vec<f64> = line.split(',').filter_map(|w| w.parse().ok()).collect();
        let [r, measured, error] = numbers[..] else { panic!("{line}") };
        let want = g(r as i32);
        assert!(error > 0.0 && error < 0.02 && (measured - want).abs() < 5.5 * error, "{line}, {want}");
        seen += 1;
    }
    assert_eq!(seen, 12, "{table}");
}

/// A chain that is stuck in stripes says so: E / N = -2 (1 - 1/4) of two stripes on 8 x 8 spins, where -2 is exact but for
/// exp(-80). One in its ground state is none of that.
#[test]
fn a_frozen_state_is_judged_by_its_energy() {
    let place = tempfile::tempdir().unwrap();
    let words = ["ising", "--size=8", "-T=0.1", "--sweeps=300", "--quiet"];
    let stuck = place.path().join("stuck");
    let said = run_to(1, line(&[&words[..], &["--seed=5"]].concat(), &stuck));
    assert!(said.contains("frozen in a state that is not typical"), "{said}");
    let parts = results(&stuck);
    assert_eq!(
        (&parts[0]["status"], &row(&parts[0], "energy")["verdict"]),
        (&"failed".into(), &"fails".into())
    );
    let ground = place.path().join("ground");
    run_to(0, line(&[&words[..], &["--seed=5", "--start=up"]].concat(), &ground));
    let parts = results(&ground);
    assert_eq!(row(&parts[0], "energy")["verdict"], "holds");
    assert!(parts[0]["notes"].to_string().contains("frozen: the energy never changed"), "{}", parts[0]);
}

/// Ten samples are no ground for a verdict; and the report says what the terminal says.
#[test]
fn few_samples_are_not_judged_and_reports_tell_of_equilibrium() {
    let place = tempfile::tempdir().unwrap();
    let done =
        run(line(&["ising", "--size=4", "-T=2", "--sweeps=40", "--seed=1"], &place.path().join("few")));
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(said.contains("too few samples") && !said.contains(" ok\n"), "{said}");
    let many = place.path().join("many");
    run_to(0, line(&["ising", "--size=4", "-T=2.5", "--sweeps=5000", "--seed=1", "--quiet"], &many));
    let report = read(&many.join("report.html"));
    assert!(report.contains("T = 2.5: equilibrated</h2>") && report.contains(">τ</th>"), "{report}");
}

#[test]
fn sizes_are_compared() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("sizes");
    let words = [
        "ising",
        "--size=6,12,24",
        "-T=2.1..2.45:6",
        "--kernel=wolff",
        "--sweeps=12000",
        "--seed=5",
        "--quiet",
    ];
    run_to(0, line(&words, &folder));
    let parts = results(&folder);
    assert_eq!(parts.len(), 3 * 6 + 1);
    let last = parts.last().unwrap();
    // T_c = 2 / ln(1 + √2); crossings of small sizes lie a little beside it.
    let t_c = 2.0 / (1.0 + 2f64.sqrt()).ln();
    for pair in ["6 and 12", "12 and 24"] {
        let what = format!("T where L = {pair} cross");
        assert!((value(last, &what) - t_c).abs() < 0.02 + 5.0 * error(last, &what), "{last}");
    }
    let what = "T of the transition, from the collapse";
    assert!((value(last, what) - t_c).abs() < 0.02 + 5.0 * error(last, what), "{last}");
    assert!((value(last, "1/ν, from the collapse") - 1.0).abs() < 0.25, "{last}");
    // The configuration says what was asked for, and repeats it.
    let again = place.path().join("again");
    run_to(0, line(&["run", &folder.join("config.toml").display().to_string(), "--quiet"], &again));
    assert_same(&folder, &again, &["results.json", "checkpoint", "config.toml"], "sizes");
}

/// Eight cities on a circle: the tour around is the shortest, of length 16 sin(π/8). The bound proves it.
#[test]
fn tours_of_files_and_of_random_cities() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("circle.tsp");
    let mut text =
        String::from("NAME: circle\nTYPE: TSP\nDIMENSION: 8\nEDGE_WEIGHT_TYPE: EUC_2D\nNODE_COORD_SECTION\n");
    for (i, k) in [3, 0, 6, 1, 7, 4, 2, 5].into_iter().enumerate() {
        let angle = std::f64::consts::PI / 4.0 * f64::from(k);
        text += &format!("{} {} {}\n", i + 1, 1e6 * angle.cos(), 1e6 * angle.sin());
    }
    fs::write(&file, text + "EOF\n").unwrap();
    let path = file.display().to_string();
    let folder = place.path().join("circle");
    let length = 8.0 * (2e6 * (std::f64::consts::PI / 8.0).sin()).round();
    let target = format!("--target={length}");
    run_to(0, line(&["tsp", &path, "--runs=4", "--seed=1", "--quiet", &target], &folder));
    let parts = results(&folder);
    assert_eq!(value(&parts[0], "shortest tour"), length);
    assert!(value(&parts[0], "gap to the proved bound, relative") < 1e-3, "{}", parts[0]);
    let tour = read(&folder.join("best.tour"));
    // Cities 2, 4, 7, 1, 6, 8, 3, 5 lie in this order on the circle; a tour begins with the first city.
    assert!(
        tour.contains("TOUR_SECTION\n1\n6\n8\n3\n5\n2\n4\n7\n-1")
            || tour.contains("TOUR_SECTION\n1\n7\n4\n2\n5\n3\n8\n6\n-1"),
        "{tour}"
    );
    let shorter = format!("--target={}", length - 1.0);
    run_to(1, line(&["tsp", &path, "--runs=4", "--seed=1", "--quiet", &shorter], &place.path().join("no")));
    // Random cities: any number of threads, a longer run, a repetition.
    let words = ["tsp", "--cities=60", "--sweeps=200", "--seed=3", "--quiet", "--runs=6"];
    let (one, two) = (place.path().join("one"), place.path().join("two"));
    run_to(0, line(&[&words[..], &["--threads=1"]].concat(), &one));
    run_to(0, line(&[&words[..5], &["--runs=3", "--threads=3"]].concat(), &two));
    run_to(0, line(&[&words[..], &["--resume"]].concat(), &two));
    let names = ["results.json", "best.tour", "checkpoint", "config.toml"];
    assert_same(&one, &two, &names, "tours");
    let again = place.path().join("again");
    run_to(0, line(&["run", &one.join("config.toml").display().to_string(), "--quiet"], &again));
    assert_same(&one, &again, &names, "tours");
    for (words, expected, named) in [
        (vec!["tsp", "/nonexistent.tsp"], 3, "/nonexistent.tsp"),
        (vec!["tsp", &path, "--cities=5"], 2, "--cities"),
        (vec!["tsp", "--cities=2"], 2, "--cities"),
        (vec!["tsp", "--street=-1"], 2, "--street"),
        (vec!["tsp", "--hot=1", "--cold=2"], 2, "--cold 2"),
        (vec!["tsp", "--sweeps=0"], 2, "--sweeps"),
    ] {
        let message = run_to(expected, line(&words, &place.path().join("bad")));
        assert!(message.contains(named), "{words:?}: {message}");
    }
}
