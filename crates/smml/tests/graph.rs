//! `smml graph`: numbers of known graphs, files that are read back, missing qubits and couplers, drawings, refusals.

use std::{collections::BTreeMap, fs, path::Path};

mod common;
use common::*;

fn said(words: &[&str]) -> String {
    let done = run(words);
    assert_eq!(code(&done), 0, "{words:?}: {}", message(&done));
    String::from_utf8(done.stdout).unwrap()
}

fn json(words: &[&str]) -> serde_json::Value {
    serde_json::from_str(&said(&[&["graph", "--json"][..], words].concat())).unwrap()
}

/// Rows of a CSV file by the names of its columns.
fn rows(path: &Path) -> Vec<BTreeMap<String, String>> {
    let text = read(path);
    let mut lines = text.lines();
    let head: Vec<&str> = lines.next().unwrap().split(',').collect();
    let row = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        assert_eq!(fields.len(), head.len(), "{line}");
        head.iter().zip(fields).map(|(name, field)| ((*name).to_string(), field.to_string())).collect()
    };
    lines.map(row).collect()
}

#[test]
fn families_have_the_published_numbers() {
    for (words, qubits, couplers, degrees, colours) in [
        (&["pegasus", "14"][..], 4264, 30404, (6, 15), 4),
        (&["pegasus", "4", "--full"], 288, 1632, (2, 15), 4),
        (&["zephyr", "12"], 4800, 45864, (10, 20), 4),
        (&["zephyr", "2", "2"], 80, 356, (6, 11), 4),
        (&["chimera", "16"], 2048, 6016, (5, 6), 2),
        (&["chimera", "4,4,4"], 128, 352, (5, 6), 2),
        (&["king", "8"], 64, 210, (3, 8), 4),
        (&["king", "1", "5"], 5, 4, (1, 2), 2),
    ] {
        let plain = json(words);
        assert!(plain.get("colouring").is_none());
        let found = json(&[words, &["--colour"]].concat());
        assert_eq!((&found["qubits"], &found["couplers"]), (&qubits.into(), &couplers.into()), "{words:?}");
        let degree = &found["degree"];
        assert_eq!(
            (&degree["smallest"], &degree["largest"]),
            (&degrees.0.into(), &degrees.1.into()),
            "{words:?}"
        );
        let total: u64 = degree["qubits"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).sum();
        assert_eq!(total, qubits);
        assert_eq!(degree["mean"], 2.0 * f64::from(couplers) / qubits as f64);
        let colouring = &found["colouring"];
        assert_eq!((&colouring["method"], &colouring["colours"]), (&"closed form".into(), &colours.into()));
        let total: u64 = colouring["qubits"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).sum();
        assert_eq!(total, qubits);
    }
    let text = said(&["graph", "pegasus", "14", "--colour"]);
    for part in [
        "Pegasus P14: 4264 qubits, 30404 couplers, connected; degrees 6 to 15, mean 14.26",
        "4 colours, by closed form",
    ] {
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(text.matches("  1066\n").count(), 4, "{text}");
}

#[test]
fn files_are_read_back() {
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name).display().to_string();
    let missing = path("missing.txt");
    fs::write(&missing, "20 21 # two\n33\n").unwrap();
    let qubits = format!("--missing={missing}");
    let table = format!("--nodes={}", path("nodes.csv"));
    for name in ["edges", "edges.rudy", "edges.coo", "edges.qubo", "edges.mtx", "edges.json", "edges.rudy.gz"]
    {
        let out = path(name);
        let from = format!("--out={out}");
        let written = json(&["zephyr", "2", "--missing-couplers=0-1", &qubits, &from, &table, "--force"]);
        assert_eq!((&written["missing_qubits"], &written["missing_couplers"]), (&3.into(), &1.into()));
        let back = json(&[&*out, "--colour"]);
        for key in ["qubits", "couplers", "degree", "parts"] {
            assert_eq!(back[key], written[key], "{name}: {key}");
        }
        assert_eq!(back["colouring"]["method"], "DSATUR");
        assert!(back["colouring"]["colours"].as_u64().unwrap() >= 4); // there are complete graphs of four
        // The table has the qubits that are left.
        let rows = rows(Path::new(&path("nodes.csv")));
        assert_eq!(rows.len(), 157);
        assert!(rows.iter().all(|r| !["20", "21", "33"].contains(&&*r["number"])));
    }
    // Edges join two colours, and qubits of one column or row that follow each other, or two that cross.
    let rows = rows(Path::new(&path("nodes.csv")));
    let text = read(Path::new(&path("edges.coo")));
    let edges: Vec<(usize, usize)> = text
        .lines()
        .filter(|l| !l.starts_with('#'))
        .map(|l| {
            let words: Vec<&str> = l.split(' ').collect();
            assert_eq!(words[2], "1");
            (words[0].parse().unwrap(), words[1].parse().unwrap())
        })
        .collect();
    let value = |v: usize, name: &str| rows[v][name].parse::<i64>().unwrap();
    let place_of = |v: usize| 2 * value(v, "z") + value(v, "j");
    for (a, b) in edges {
        assert_ne!(rows[a]["colour"], rows[b]["colour"]);
        if value(a, "u") == value(b, "u") {
            assert_eq!((value(a, "w"), value(a, "k")), (value(b, "w"), value(b, "k")));
            assert!([1, 2].contains(&(place_of(a) - place_of(b)).abs()));
        } else {
            assert!(
                (0..2).contains(&(value(a, "w") - place_of(b)))
                    && (0..2).contains(&(value(b, "w") - place_of(a)))
            );
        }
        assert_ne!((&*rows[a]["number"], &*rows[b]["number"]), ("0", "1"));
    }
    // Names of dimod's JSON are the vendor's numbers.
    let model: serde_json::Value = serde_json::from_str(&read(Path::new(&path("edges.json")))).unwrap();
    let labels: Vec<String> =
        model["variable_labels"].as_array().unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(labels, rows.iter().map(|r| r["number"].clone()).collect::<Vec<_>>());
}

#[test]
fn graphs_of_problems_are_coloured() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("wheel.rudy");
    // A hub and an odd ring: four colours, and without the hub three. The hub comes first, then the ring in turn.
    fs::write(&file, "6 10\n1 2\n2 3\n3 4\n4 5\n5 1\n6 1 -2\n6 2\n6 3\n6 4\n6 5 0\n").unwrap();
    let path = file.display().to_string();
    let wheel = json(&[&*path, "--colour"]);
    assert_eq!((&wheel["qubits"], &wheel["couplers"]), (&6.into(), &10.into()));
    assert_eq!(
        wheel["colouring"],
        serde_json::json!({"method": "DSATUR", "colours": 4, "qubits": [1, 2, 2, 1]})
    );
    let nodes = place.path().join("nodes.csv");
    let flag = format!("--nodes={}", nodes.display());
    let ring = json(&[&*path, "--colour", "--missing=5", &flag]);
    assert_eq!((&ring["colouring"]["colours"], &ring["couplers"]), (&3.into(), &5.into()));
    assert!(read(&nodes).starts_with("vertex,number,colour\n0,0,"));
}

#[test]
fn drawings_hold_every_qubit() {
    let place = tempfile::tempdir().unwrap();
    let image = place.path().join("z.svg");
    let flag = format!("--image={}", image.display());
    for (words, qubits, hues) in [
        (&["zephyr", "2", "--colour"][..], 160, 4),
        (&["pegasus", "3"], 128, 1),
        (&["chimera", "2,3,3", "--colour"], 36, 2),
        (&["king", "1", "1"], 1, 1),
    ] {
        said(&[&["graph"][..], words, &[&*flag, "--force"]].concat());
        let text = read(&image);
        assert_eq!(text.matches("<circle").count(), qubits, "{words:?}");
        assert_eq!(text.matches("<g fill=").count(), hues, "{words:?}");
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name).display().to_string();
    fs::write(place.path().join("edge.rudy"), "2 1\n1 2\n").unwrap();
    fs::write(place.path().join("bad"), "3 four\n").unwrap();
    fs::write(place.path().join("clauses.cnf"), "p cnf 3 1\n1 2 3 0\n").unwrap();
    let names = ["edge.rudy", "bad", "clauses.cnf"].map(path);
    let [edge, bad, clauses] = names.each_ref().map(String::as_str);
    let list = format!("--missing={bad}");
    let [out, image, nodes] = ["--out=", "--image=", "--nodes="].map(|flag| format!("{flag}{edge}"));
    let dimacs = format!("--out={}", path("x.cnf"));
    let svg = format!("--image={}", path("x.svg"));
    for (words, expected, part) in [
        (&["pegasus"][..], 2, "0 sizes given, it takes SIZE"),
        (&["pegasus", "4", "4"], 2, "2 sizes given"),
        (&["chimera", "4", "4", "4", "4"], 2, "ROWS [COLUMNS [TILE]]"),
        (&["pegasus", "1"], 2, "size m = 1 is not allowed: it must be from 2"),
        (&["zephyr", "0"], 2, "size m = 0"),
        (&["king", "5", "0"], 2, "columns = 0"),
        (&["zephyr", "-3"], 2, "-3"),
        (&["zephyr", "4294967296"], 2, "4294967296"),
        (&["zephyr", "1000000", "1000000"], 2, "the limit is"),
        (&["pegsus", "4"], 3, "did you mean 'pegasus'?"),
        (&["zephyr", "4", "--full"], 2, "--full"),
        (&["zephyr", "4", "--format=coo"], 2, "--format"),
        (
            &["zephyr", "1", "--missing=48"],
            2,
            "--missing 48: missing[0] = 48 is not allowed: it must be below 48",
        ),
        (&["pegasus", "4", "--missing=6,0"], 2, "missing[1] = 0"),
        (&["zephyr", "1", "--missing=1,,2"], 2, "'' is not the number of a qubit"),
        (&["zephyr", "1", "--missing-couplers=1"], 2, "'1' is not a pair"),
        (&["zephyr", "1", "--missing-couplers=0-2"], 2, "two qubits with a coupler"),
        (&["zephyr", "1", "--missing=none"], 3, "--missing none"),
        (&["zephyr", "1", &list], 3, "line 1: 'four' is not the number"),
        (&[edge, "3"], 2, "3: a file has no size"),
        (&[edge, "--full"], 2, "--full"),
        (&[edge, "--missing=2"], 2, "0 to 1"),
        (&[edge, &svg], 2, "no coordinates"),
        (&[edge, &out, "--force"], 2, "is read from there"),
        (&[clauses], 2, "degree of the problem = 3"),
        (&[bad], 3, "bad"),
        (&["king", "3", &out], 2, "--force"),
        (&["king", "3", &image, "--force"], 2, "must end in .svg"),
        (&["king", "3", &nodes, "--force"], 2, "must end in .csv"),
        (&["king", "3", &image, &out, "--force"], 2, "for both"),
        (&["king", "3", &dimacs], 2, "clauses are no couplers"),
        (&["king", "300", &svg], 2, "a drawing has at most"),
    ] {
        let message = run_to(expected, [&["graph"][..], words].concat());
        assert!(message.contains(part), "{words:?}: {message}");
    }
    assert_eq!(read(&place.path().join("edge.rudy")), "2 1\n1 2\n");
    assert!(!place.path().join("x.cnf").exists() && !place.path().join("x.svg").exists());
}
