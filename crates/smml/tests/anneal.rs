//! `smml anneal`, `smml exact`, `smml instance`, `smml digest`: right values on small problems of every format and
//! degree, the same bytes for any number of threads and after an interruption, and clear refusals.

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
    let (ln_z, error) = row(&found, "ln Z of the Ising model, β = 0.8");
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
    // What is printed is the best value of the problem as it is written, and a name that ends in .gz is packed.
    for (name, target) in [("max.cnf", "max.cnf"), ("w.qubo", "w.qubo"), ("w.coo.gz", "w.coo.gz")] {
        let path = file(name);
        let said = write(&["instance", "wishart", &path, "--size=8", "--number=5", "--seed=2"]);
        let best: f64 = said.split("(planted): ").nth(1).unwrap().trim().parse().unwrap();
        let beyond = if name.ends_with("cnf") { best + 1.0 } else { best - 1.0 };
        for (value, expected) in [(best, 0), (beyond, 1)] {
            let folder = place.path().join(format!("{target}-{expected}"));
            let value = format!("--target={value}");
            run_to(expected, line(&["anneal", &path, "--seed=1", "--quiet", &value], &folder));
        }
        assert_eq!(fs::read(&path).unwrap().starts_with(&[0x1f, 0x8b]), name.ends_with("gz"));
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
        (&["instance", "torus", "x.rudy", "--size=1"], 2, "--size 1: "),
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
    // Too many neighbours to be eliminated, and no unit.
    let mut text = String::from("# vartype=SPIN\n0 1 1.4142135623730951\n");
    for i in 2..13 {
        (0..i).for_each(|j| text += &format!("{j} {i} {}\n", 0.3 * f64::from(i + j) + 0.1));
    }
    let dense = write("dense.coo", &text);
    let out = place.path().join("x");
    for (words, code, part) in [
        (vec!["anneal"], 2, "<FILE>"),
        (vec!["anneal", "/nonexistent.rudy"], 3, "/nonexistent.rudy"),
        (vec!["anneal", &write("short.rudy", "3 2\n1 2 1\n")], 3, "short.rudy"),
        (vec!["anneal", &write("nan.coo", "# vartype=SPIN\n0 1 nan\n")], 3, "line 2"),
        (vec!["anneal", &write("what.txt", "hello\n")], 3, "what.txt"),
        (vec!["anneal", &good, "--hot=1", "--cold=2"], 2, "--cold 2"),
        (vec!["anneal", &good, "--cold=100"], 2, "--cold 100: must be at most the first temperature"),
        (vec!["anneal", &good, "--hot=0"], 2, "--hot"),
        (vec!["anneal", &good, "--sweeps=0"], 2, "--sweeps"),
        (vec!["anneal", &good, "--runs=0"], 2, "--runs"),
        (vec!["anneal", &good, "--format=qubo"], 3, "good.rudy"),
        (vec!["anneal", &good, "--method=genius"], 2, "--method"),
        (vec!["anneal", &good, "--method=tabu", "--cold=1"], 2, "--cold: for --method sa and pa, not tabu"),
        (vec!["anneal", &dense, "--method=pt"], 2, "whole couplings"),
        (vec!["anneal", &dense, "--method=renormalise"], 2, "whole couplings"),
        (
            vec!["anneal", &good, "--method=renormalise", "--sweeps=5"],
            2,
            "--sweeps: for methods that have runs",
        ),
        (vec!["anneal", &good, "--method=pa", "--hot=1"], 2, "--hot: for --method sa, not pa"),
        (vec!["anneal", &good, "--replicas=5"], 2, "--replicas: for --method pa and sqa, not sa"),
        (vec!["anneal", &good, "--method=pa", "--replicas=1"], 2, "--replicas"),
        (vec!["anneal", &good, "--target=nan"], 2, "not a finite number"),
        (vec!["anneal", &good, "--target=1e400"], 2, "not a finite number"),
        (vec!["tsp", "--target=inf"], 2, "not a finite number"),
        (vec!["anneal", &dense, "--method=pt"], 2, "1.4142135623730951 of the variables 0 and 1"),
        (vec!["anneal", &real, "--form=binary"], 3, "vartype"),
        (vec!["anneal", &write("b.qubo", PROBLEMS[2].1), "--form=spin"], 2, "--form spin: the file says"),
        (vec!["exact", &write("b.qubo", PROBLEMS[2].1), "--form=spin"], 2, "--form spin: the file says"),
        (vec!["glass", "--beta=-1,1"], 2, "--beta -1: must be from 0"),
        (vec!["glass", "-T=2,2.00000000000001"], 2, "too near"),
    ] {
        let message = run_to(code, line(&words, &out));
        assert!(message.contains(part), "{words:?}: {message}");
        assert!(!out.exists(), "{words:?} left something behind");
    }
}

fn part(folder: &std::path::Path) -> serde_json::Value {
    let results: serde_json::Value = serde_json::from_str(&read(&folder.join("results.json"))).unwrap();
    results["results"][0].clone()
}

/// The gap to a bound is there where the best value is 0, and what is not proved is said.
#[test]
fn gaps_and_bounds_are_told() {
    let place = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let file = place.path().join(name);
        fs::write(&file, text).unwrap();
        file.display().to_string()
    };
    // x0 + x1 + x0 x1: best 0. In spins 5/4 + 3/4 (s0 + s1) + s0 s1 / 4, of energy -5/4 without the constant.
    let zero = write("zero.qubo", "p qubo 0 2 2 1\n0 0 1\n1 1 1\n0 1 1\n");
    let folder = place.path().join("zero");
    run_to(0, line(&["anneal", &zero, "--seed=1", "--quiet"], &folder));
    let found = part(&folder);
    let value = |name: &str| {
        let rows = found["quantities"].as_array().unwrap();
        let row = rows.iter().find(|r| r["quantity"] == name).unwrap_or_else(|| panic!("{name}: {found}"));
        row["value"].as_f64().unwrap()
    };
    assert_eq!(value("best value"), 0.0);
    let gap = value("gap to the proved bound");
    assert!((value("gap, relative to the energy of spins") - gap / 1.25).abs() < 1e-12);
    // All runs find it: the least that can be done is a batch.
    assert_eq!(value("runs that reached the best value found by these runs"), 1.0);
    let notes = found["notes"].to_string();
    assert!(notes.contains("1 batch of 512 runs (95 % interval"), "{notes}");
    let manifest: serde_json::Value = serde_json::from_str(&read(&folder.join("manifest.json"))).unwrap();
    let time = &manifest["time_to_solution"];
    assert!(time["seconds"].as_f64() >= time["least_seconds"].as_f64() && time["least_seconds"].is_f64());
    assert!(read(&folder.join("report.html")).contains("batch of 512 runs"));
    let sat = write("sat.wcnf", PROBLEMS[4].1);
    let done = run(line(&["anneal", &sat, "--seed=1", "--quiet"], &place.path().join("sat")));
    assert!(String::from_utf8_lossy(&done.stdout).contains("no bound is proved"), "{done:?}");
    let many = place.path().join("many");
    let words = ["tsp", "--cities=4100", "--sweeps=1", "--runs=2", "--seed=1", "--quiet"];
    let done = run(line(&words, &many));
    assert!(String::from_utf8_lossy(&done.stdout).contains("no bound is proved: 4100 cities"), "{done:?}");
    assert!(!part(&many).to_string().contains("mean length"));
}

/// A result of the first round is one, and a limit that was not kept is named.
#[test]
fn the_first_round_counts() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("glass.rudy").display().to_string();
    assert_eq!(code(&run(["instance", "torus", &path, "--size=60", "--seed=2"])), 0);
    let (folder, series) = (place.path().join("run"), place.path().join("series.csv"));
    let flag = format!("--series={}", series.display());
    let done = run(line(&["anneal", &path, "--time=1ms", "--seed=3", "--quiet", &flag], &folder));
    let said = String::from_utf8_lossy(&done.stdout);
    assert_eq!(code(&done), 0, "{done:?}");
    assert!(said.contains("0 rounds of growing length and a part of round 1"), "{said}");
    assert!(said.contains("limit 0.001 s, took "), "{said}");
    assert_eq!(read(&series).lines().count(), 2);
    assert_eq!(read(&folder.join("figures/rounds.csv")).lines().count(), 2);
}

#[test]
fn exact_runs_are_named_after_their_files() {
    let place = tempfile::tempdir().unwrap();
    for (name, text) in [("a.rudy", "2 1\n1 2 1\n"), ("b.rudy", "2 1\n1 2 2\n")] {
        fs::write(place.path().join(name), text).unwrap();
        let done = smml(["exact", name, "--quiet"]).current_dir(place.path()).output().unwrap();
        assert_eq!((code(&done), &*message(&done)), (0, ""));
        assert!(place.path().join(format!("smml-runs/exact-{name}/results.json")).exists());
    }
    let folder = place.path().join("run");
    let (file, series) =
        (place.path().join("a.rudy"), format!("--series={}", folder.join("marginals.csv").display()));
    let said = run_to(2, line(&["exact", &file.display().to_string(), &series], &folder));
    assert!(said.contains("writes a file of this name itself"), "{said}");
}

/// Phage λ, whose lowest energy is 0: one run of one sweep does not find it, and is judged by what enumeration found.
#[test]
fn digests_are_judged_by_enumeration() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("lambda.txt");
    let text = "A: 5505 16841 5626 6527 7233 6770\nB: 21226 4878 5643 7421 5804 3530\n\
                C: 5505 15721 1120 3758 1868 3775 2752 4669 2564 3240 3530\n";
    fs::write(&file, text).unwrap();
    let path = file.display().to_string();
    let row = |folder: &std::path::Path, name: &str| {
        part(folder)["quantities"].as_array().unwrap().iter().find(|r| r["quantity"] == name).cloned()
    };
    let (energy, count) =
        ("lowest energy found, and that of all orders", "orders found that have it, and all that have it");
    let (short, long) = (place.path().join("short"), place.path().join("long"));
    run_to(1, line(&["digest", &path, "--sweeps=1", "--runs=1", "--seed=1", "--quiet"], &short));
    let found = row(&short, energy).unwrap();
    assert_eq!((found["expected"].as_f64(), &found["verdict"]), (Some(0.0), &"fails".into()));
    assert!(found["value"].as_f64().unwrap() > 0.0 && row(&short, count).is_none());
    run_to(0, line(&["digest", &path, "--seed=1", "--quiet"], &long));
    assert_eq!(row(&long, energy).unwrap()["value"].as_f64(), Some(0.0));
    assert_eq!(row(&long, count).unwrap()["verdict"], "holds");
    // In parts and on other numbers of threads: the same bytes; and a time limit is written as runs.
    let parts = place.path().join("parts");
    let words = ["digest", &path, "--seed=1", "--quiet"];
    assert!(code(&run(line(&[&words[..], &["--runs=70", "--threads=3"]].concat(), &parts))) <= 1);
    run_to(0, line(&[&words[..], &["--resume", "--threads=1"]].concat(), &parts));
    assert_same(&long, &parts, &["results.json", "maps.txt", "checkpoint", "figures/values.csv"], "digest");
    let timed = place.path().join("timed");
    assert!(code(&run(line(&[&words[..], &["--time=100ms"]].concat(), &timed))) <= 1);
    let config = read(&timed.join("config.toml"));
    assert!(config.contains("runs = ") && !config.contains("time = "), "{config}");
}
