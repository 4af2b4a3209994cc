//! `smml anneal`: right values on small problems of every format and degree, the same bytes for any number of threads and
//! after an interruption, and clear refusals.

use std::fs;

mod common;
use common::*;

/// A problem of a few variables in each format, and its best value by hand or by enumeration of its states.
const PROBLEMS: [(&str, &str, f64); 6] = [
    // K₄ less an edge: the cut {0, 1} | {2, 3} has 4 of its 5 edges.
    ("graph.rudy", "4 5\n1 3\n1 4\n2 3\n2 4\n1 2\n", 4.0),
    // A triangle of antiferromagnetic bonds with a field: s = (1, -1, -1) or (1, 1, -1) and the like.
    ("triangle.coo", "# vartype=SPIN\n0 1 1.0\n1 2 1.0\n0 2 1.0\n0 0 -0.5\n", -1.5),
    // x₀ + x₁ - 2 x₀ x₁ - x₂: x₂ = 1 and x₀ = x₁.
    ("small.qubo", "c a comment\np qubo 0 3 3 1\n0 0 1\n1 1 1\n2 2 -1\n0 1 -2\n", -1.0),
    // xᵀ Q x with Q = [[1, -2], [-2, 1]]: (1, 1) gives -2.
    ("q.mtx", "%%MatrixMarket matrix coordinate real symmetric\n2 2 3\n1 1 1\n2 1 -2\n2 2 1\n", -2.0),
    // (a or b or c) and not a and not b: satisfied by c; weights 3, 2, 2.
    ("sat.wcnf", "p wcnf 3 3\n3 1 2 3 0\n2 -1 0\n2 -2 0\n", 7.0),
    // Irrational couplings: single runs.
    ("real.coo", "# vartype=SPIN\n0 1 1.4142135623730951\n1 2 -1.0\n0 2 0.3\n", -2.714_213_562_373_095),
];

#[test]
fn best_values_of_every_format() {
    let place = tempfile::tempdir().unwrap();
    for (name, text, value) in PROBLEMS {
        let (file, folder) = (place.path().join(name), place.path().join(format!("{name}-run")));
        fs::write(&file, text).unwrap();
        let path = file.display().to_string();
        let target = format!("--target={value}");
        run_to(0, line(&["anneal", &path, "--seed=1", "--sweeps=30", "--quiet", &target], &folder));
        let results: serde_json::Value = serde_json::from_str(&read(&folder.join("results.json"))).unwrap();
        let rows = results["results"][0]["quantities"].as_array().unwrap();
        let best = rows.iter().find(|r| r["quantity"] == "best value").unwrap();
        assert!((best["value"].as_f64().unwrap() - value).abs() < 1e-9, "{name}: {best}");
        let solution = read(&folder.join("solution.txt"));
        assert!(solution.starts_with("# value "), "{solution}");
        // A value that no state has is not reached, and the exit code says so.
        let beyond = if name.ends_with("rudy") || name.ends_with("wcnf") { value + 1.0 } else { value - 1.0 };
        let (target, other) = (format!("--target={beyond}"), place.path().join(format!("{name}-beyond")));
        let message =
            run_to(1, line(&["anneal", &path, "--seed=1", "--sweeps=30", "--quiet", &target], &other));
        assert!(message.contains("best value"), "{message}");
    }
}

/// Every method on every problem; a number of threads that does not matter; and what a method has no use for is refused.
#[test]
fn every_method_finds_the_best_values() {
    let place = tempfile::tempdir().unwrap();
    for method in ["pa", "sqa", "tabu", "breakout", "bifurcation", "pt", "renormalise"] {
        for (name, text, value) in PROBLEMS {
            if matches!(method, "pt" | "renormalise") && name == "real.coo" {
                // Irrational couplings do not go side by side.
                continue;
            }
            let file = place.path().join(name);
            fs::write(&file, text).unwrap();
            let path = file.display().to_string();
            let (method, target) = (format!("--method={method}"), format!("--target={value}"));
            let runs = if method.ends_with("pt") { "--runs=3" } else { "--runs=16" };
            let words = ["anneal", &path, "--seed=1", runs, "--quiet", &target, &method];
            let mut before: Option<std::path::PathBuf> = None;
            for threads in ["--threads=1", "--threads=2"] {
                let folder = place.path().join(format!("{name}{method}{threads}"));
                let mut words = words.to_vec();
                words.push(threads);
                run_to(0, line(&words, &folder));
                if let Some(before) = &before {
                    assert_same(before, &folder, &["results.json", "solution.txt", "checkpoint"], &method);
                }
                before = Some(folder);
            }
        }
    }
}

/// With a time limit and nothing else, rounds of growing length: they find what annealing finds, stop at a target, can be
/// continued, and say in their configuration how far they came.
#[test]
fn rounds_can_be_continued_and_repeated() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("glass.rudy").display().to_string();
    assert_eq!(code(&run(["instance", "torus", &path, "--size=12", "--seed=2"])), 0);
    let names = ["results.json", "solution.txt", "checkpoint", "config.toml"];
    let (timed, again) = (place.path().join("timed"), place.path().join("again"));
    run_to(0, line(&["anneal", &path, "--time=1s", "--seed=3", "--quiet"], &timed));
    let config = read(&timed.join("config.toml"));
    assert!(config.contains("method = \"renormalise\"") && !config.contains("time ="), "{config}");
    run_to(
        0,
        line(&["run", &timed.join("config.toml").display().to_string(), "--quiet", "--threads=3"], &again),
    );
    assert_same(&timed, &again, &names, "rounds");
    let best = |folder: &std::path::Path| {
        let results: serde_json::Value = serde_json::from_str(&read(&folder.join("results.json"))).unwrap();
        results["results"][0]["quantities"][0]["value"].as_f64().unwrap()
    };
    let annealed = place.path().join("annealed");
    run_to(0, line(&["anneal", &path, "--sweeps=2000", "--seed=1", "--quiet"], &annealed));
    assert_eq!(best(&timed), best(&annealed));
    // In parts, and at once.
    let words = ["anneal", &path, "--method=renormalise", "--seed=4", "--quiet"];
    let (one, two) = (place.path().join("one"), place.path().join("two"));
    run_to(0, line(&[&words[..], &["--runs=40", "--threads=1"]].concat(), &one));
    run_to(0, line(&[&words[..], &["--runs=25", "--threads=2"]].concat(), &two));
    run_to(0, line(&[&words[..], &["--runs=40", "--resume"]].concat(), &two));
    assert_same(&one, &two, &names, "rounds");
    // A target ends it.
    let (target, reached) = (format!("--target={}", best(&annealed)), place.path().join("reached"));
    run_to(0, line(&[&words[..], &["--runs=1000000", &target]].concat(), &reached));
    assert_eq!(best(&reached), best(&annealed));
}

/// The free energy of population annealing beside the exact one: triangle.coo at β = 0.8.
#[test]
fn population_annealing_gives_the_free_energy() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("triangle.coo");
    fs::write(&file, PROBLEMS[1].1).unwrap();
    let path = file.display().to_string();
    let (found, exact) = (place.path().join("found"), place.path().join("exact"));
    let words = ["anneal", &path, "--method=pa", "--seed=5", "--cold=1.25", "--runs=64", "--quiet"];
    run_to(0, line(&words, &found));
    run_to(0, line(&["exact", &path, "--beta=0.8", "--quiet"], &exact));
    let row = |folder: &std::path::Path, what: &str| {
        let results: serde_json::Value = serde_json::from_str(&read(&folder.join("results.json"))).unwrap();
        let rows = results["results"][0]["quantities"].as_array().unwrap();
        let row = rows.iter().find(|r| r["quantity"].as_str().unwrap().starts_with(what)).unwrap();
        (row["value"].as_f64().unwrap(), row["error"].as_f64().unwrap())
    };
    let (ln_z, error) = row(&found, "ln Z of the Ising model, last β");
    let (exact, _) = row(&exact, "ln Z");
    assert!(error > 0.0 && error < 0.01 && (ln_z - exact).abs() < 6.0 * error, "{ln_z} ± {error}, {exact}");
}

/// Counted by hand: K₄ less an edge has 2 cuts of 4 edges (a cut and its complement); the satisfied formula 1 of 8.
#[test]
fn exact_answers_and_their_numbers() {
    let place = tempfile::tempdir().unwrap();
    for ((name, text, value), count) in PROBLEMS.into_iter().zip([2.0, 3.0, 2.0, 1.0, 1.0, 2.0]) {
        let (file, folder) = (place.path().join(name), place.path().join(format!("{name}-exact")));
        fs::write(&file, text).unwrap();
        let path = file.display().to_string();
        run_to(0, line(&["exact", &path, "--quiet"], &folder));
        let results: serde_json::Value = serde_json::from_str(&read(&folder.join("results.json"))).unwrap();
        let rows = results["results"][0]["quantities"].as_array().unwrap();
        let of = |what: &str| rows.iter().find(|r| r["quantity"] == what).unwrap()["value"].as_f64().unwrap();
        assert!((of("best value") - value).abs() < 1e-9, "{name}");
        assert_eq!(of("configurations that have it"), count, "{name}");
        assert!(read(&folder.join("marginals.csv")).starts_with("variable,probability_of_1,best\n"));
    }
    // ln Z of the pair at β = 2: ln(2 e² + 2) for the graph with one edge, whose cut is 0 or 1.
    let file = place.path().join("pair.rudy");
    fs::write(&file, "2 1\n1 2 1\n").unwrap();
    let folder = place.path().join("pair");
    run_to(0, line(&["exact", &file.display().to_string(), "--beta=2", "--quiet"], &folder));
    let results = read(&folder.join("results.json"));
    let want = (2.0 * 2f64.exp() + 2.0).ln();
    let results: serde_json::Value = serde_json::from_str(&results).unwrap();
    let ln_z = results["results"][0]["quantities"][0]["value"].as_f64().unwrap();
    assert!((ln_z - want).abs() < 1e-12, "{ln_z} {want}");
}

/// Instances that are written are read again: planted ones reach their best value and not more; a random one is the text
/// of its rule; the same glass in two formats has the same best value.
#[test]
fn instances_are_written_and_solved() {
    let place = tempfile::tempdir().unwrap();
    let file = |name: &str| place.path().join(name).display().to_string();
    let write = |words: &[&str]| {
        let done = run(words.iter().copied());
        assert_eq!(code(&done), 0, "{}", message(&done));
        String::from_utf8(done.stdout).unwrap()
    };
    for (kind, words) in [
        ("loops", &["--size=8", "--number=30"][..]),
        ("wishart", &["--size=20", "--number=14"]),
        ("tiles", &["--size=6"]),
    ] {
        let path = file(&format!("{kind}.coo"));
        let said = write(&[&["instance", kind, &path, "--seed=3"], words].concat());
        let best: f64 = said.split("(planted): ").nth(1).unwrap().trim().parse().unwrap();
        for (target, expected) in [(best, 0), (best - 1.0, 1)] {
            let target = format!("--target={target}");
            let folder = place.path().join(format!("{kind}-{expected}"));
            run_to(expected, line(&["anneal", &path, "--seed=1", "--quiet", &target], &folder));
        }
        let message = run_to(2, [&["instance", kind, &path, "--seed=3"], words].concat());
        assert!(message.contains("--force"), "{message}");
    }
    let path = file("glass.rudy");
    write(&["instance", "torus", &path, "--size=100"]);
    assert!(read(path.as_ref()).starts_with("10000 20000\n1 2 1\n1 101 1\n2 3 1\n2 102 -1\n"));
    let value = |path: &str, name: &str| {
        let folder = place.path().join(name);
        run_to(0, line(&["exact", path, "--quiet"], &folder));
        let results: serde_json::Value = serde_json::from_str(&read(&folder.join("results.json"))).unwrap();
        let rows = results["results"][0]["quantities"].as_array().unwrap();
        rows.iter().find(|r| r["quantity"] == "best value").unwrap()["value"].as_f64().unwrap()
    };
    let (cut, energy) = (file("small.rudy"), file("small.qubo"));
    write(&["instance", "regular3", &cut, "--size=20", "--seed=5"]);
    write(&["instance", "regular3", &energy, "--size=20", "--seed=5"]);
    assert_eq!(value(&cut, "cut"), -value(&energy, "energy"));
    for (words, expected, named) in [
        (&["instance", "gnm", "x.rudy", "--size=10"][..], 2, "--number"),
        (&["instance", "torus", "x.rudy", "--size=10", "--number=3"], 2, "--number"),
        (&["instance", "torus", "x.rudy"], 2, "--size"),
        (&["instance", "torus", "x.rudy", "--size=1"], 2, "at least 2"),
        (&["instance", "regular3", "x.rudy", "--size=7"], 2, "even"),
        (&["instance", "sk", "/nonexistent/x.rudy", "--size=7"], 3, "/nonexistent"),
    ] {
        let message = run_to(expected, words);
        assert!(message.contains(named), "{words:?}: {message}");
    }
}

/// Too wide for averages, but planar: the best configuration comes with its proof. Too wide and not planar: refused.
#[test]
fn wide_planar_problems_are_solved_by_matching() {
    let place = tempfile::tempdir().unwrap();
    // A ferromagnet of 40 x 40 with one row of broken signs, gauge equivalent to none: all bonds are satisfied.
    let write = |name: &str, side: u32, periodic: bool| {
        let mut text = String::from("# vartype=SPIN\n");
        for (r, c) in (0..side).flat_map(|r| (0..side).map(move |c| (r, c))) {
            let site = r * side + c;
            for (row, column) in [(r, c + 1), (r + 1, c)] {
                if periodic || (row < side && column < side) {
                    let sign = if row != r && r == 7 { 0.5 } else { -0.5 };
                    text += &format!("{site} {} {sign}\n", row % side * side + column % side);
                }
            }
        }
        let path = place.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (open, torus) = (write("open.coo", 40, false), write("torus.coo", 40, true));
    let folder = place.path().join("open");
    run_to(0, line(&["exact", &open, "--memory=16", "--quiet"], &folder));
    let results: serde_json::Value = serde_json::from_str(&read(&folder.join("results.json"))).unwrap();
    assert_eq!(results["results"][0]["quantities"][0]["value"].as_f64(), Some(-0.5 * 2.0 * 40.0 * 39.0));
    let best = read(&folder.join("best.csv"));
    let spins: Vec<i32> =
        best.lines().skip(1).map(|l| l.split(',').nth(1).unwrap().parse().unwrap()).collect();
    assert_eq!(spins.len(), 1600);
    // Rows up to 7 are alike, those behind them the reverse.
    assert!((0..1600).all(|i| spins[i] == if i / 40 <= 7 { spins[0] } else { -spins[0] }));
    for words in [&["exact", &torus, "--memory=16"][..], &["exact", &open, "--memory=16", "--series=x.csv"]] {
        let message = run_to(2, line(words, &place.path().join("no")));
        assert!(
            message.contains("memory") || message.contains("GiB") || message.contains("bytes"),
            "{message}"
        );
    }
}

#[test]
fn the_same_bytes_for_any_number_of_threads_and_repeated_from_the_configuration() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("glass.coo");
    let mut text = String::from("# vartype=SPIN\n");
    for i in 0..60u32 {
        for j in 0..i {
            if (i * 7 + j * 13) % 5 == 0 {
                text += &format!("{j} {i} {}\n", if (i + j) % 3 == 0 { 1 } else { -1 });
            }
        }
    }
    fs::write(&file, text).unwrap();
    let path = file.display().to_string();
    let names = ["results.json", "solution.txt", "checkpoint", "figures/values.csv"];
    let run = |threads: &str, folder: &str| {
        let folder = place.path().join(folder);
        let words = ["anneal", &path, "--seed=3", "--sweeps=40", "--runs=3000", "--quiet", threads];
        run_to(0, line(&words, &folder));
        bytes(&folder, &names)
    };
    let one = run("--threads=1", "one");
    for threads in ["--threads=2", "--threads=3", "--threads=8"] {
        assert!(run(threads, threads) == one, "{threads}");
    }
    let config = place.path().join("one/config.toml").display().to_string();
    let again = place.path().join("again");
    run_to(0, line(&["run", &config, "--quiet"], &again));
    assert!(bytes(&again, &names) == one);
    // More runs go on where the others ended; other sweeps are another search.
    let longer = place.path().join("one");
    run_to(
        0,
        line(&["anneal", &path, "--seed=3", "--sweeps=40", "--runs=5000", "--quiet", "--resume"], &longer),
    );
    let fresh = place.path().join("fresh");
    run_to(0, line(&["anneal", &path, "--seed=3", "--sweeps=40", "--runs=5000", "--quiet"], &fresh));
    assert!(bytes(&longer, &names) == bytes(&fresh, &names));
    let message =
        run_to(2, line(&["anneal", &path, "--seed=3", "--sweeps=41", "--runs=5000", "--resume"], &longer));
    assert!(message.contains("--sweeps 41"), "{message}");
}

#[test]
fn bad_input_is_named() {
    let place = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let file = place.path().join(name);
        fs::write(&file, text).unwrap();
        file.display().to_string()
    };
    let good = write("good.rudy", "2 1\n1 2 1\n");
    let real = write("real.coo", PROBLEMS[5].1);
    let out = place.path().join("x");
    for (words, code, part) in [
        (vec!["anneal"], 2, "<FILE>"),
        (vec!["anneal", "/nonexistent.rudy"], 3, "/nonexistent.rudy"),
        (vec!["anneal", &write("short.rudy", "3 2\n1 2 1\n")], 3, "short.rudy"),
        (vec!["anneal", &write("nan.coo", "# vartype=SPIN\n0 1 nan\n")], 3, "line 2"),
        (vec!["anneal", &write("what.txt", "hello\n")], 3, "what.txt"),
        (vec!["anneal", &good, "--hot=1", "--cold=2"], 2, "--cold 2"),
        (vec!["anneal", &good, "--hot=0"], 2, "--hot"),
        (vec!["anneal", &good, "--sweeps=0"], 2, "--sweeps"),
        (vec!["anneal", &good, "--runs=0"], 2, "--runs"),
        (vec!["anneal", &good, "--format=qubo"], 3, "good.rudy"),
        (vec!["anneal", &good, "--method=genius"], 2, "--method"),
        (vec!["anneal", &good, "--method=tabu", "--cold=1"], 2, "--cold: for --method sa and pa, not tabu"),
        (vec!["anneal", &real, "--method=pt"], 2, "whole couplings"),
        (vec!["anneal", &real, "--method=renormalise"], 2, "whole couplings"),
        (
            vec!["anneal", &good, "--method=renormalise", "--sweeps=5"],
            2,
            "--sweeps: for --method that has runs",
        ),
        (vec!["anneal", &good, "--method=pa", "--hot=1"], 2, "--hot: for --method sa, not pa"),
        (vec!["anneal", &good, "--replicas=5"], 2, "--replicas: for --method pa and sqa, not sa"),
        (vec!["anneal", &good, "--method=pa", "--replicas=1"], 2, "--replicas"),
    ] {
        let message = run_to(code, line(&words, &out));
        assert!(message.contains(part), "{words:?}: {message}");
        assert!(!out.exists(), "{words:?} left something behind");
    }
}
