//! Files of every format: what they mean, what is refused and how, and that what is written is read back.

use super::*;
use crate::problem::Builder;
use proptest::prelude::*;
use std::io::Write as _;

fn read_as(name: &str, text: &str) -> Result<Read> {
    from_bytes(text.as_bytes(), Path::new(name), &Options::default())
}

fn values(problem: &Problem) -> Vec<f64> {
    let n = problem.n_variables();
    let spins = |k: usize| (0..n).map(|i| if k >> i & 1 == 1 { 1 } else { -1 }).collect::<Vec<i8>>();
    (0..1usize << n).map(|k| problem.value(&spins(k))).collect()
}

#[test]
fn rudy_graphs() {
    let read = read_as("g.txt", "3 3 \n1 2 1\n2 3\n\n1 3 -2.5e0\r\n").unwrap();
    assert_eq!((read.format, read.warnings.len()), (Format::Rudy, 0));
    assert_eq!(values(&read.problem), [0.0, -1.5, 2.0, -1.5, -1.5, 2.0, -1.5, 0.0]);
    // The stray word of the G-set's first file.
    let read = read_as("G1.txt", "3 2 J\n1 2 1\n2 3 1\n").unwrap();
    let text = read.warnings[0].to_string();
    assert!(text.contains("G1.txt") && text.contains("line 1") && text.contains("`J`"), "{text}");
    // Edges given twice are added.
    let read = read_as("x.rudy", "2 3\n1 2 1\n2 1 2\n1 2 4\n").unwrap();
    assert_eq!(read.problem.value(&[1, -1]), 7.0);
    assert!(
        read.warnings[0].message.contains("2 entries") && read.warnings[0].line == 3,
        "{:?}",
        read.warnings
    );
}

#[test]
fn coo_files_mean_what_dimod_means() {
    // dimod.serialization.coo.dumps, and the energies of the 16 states, bit i = variable i.
    let text = "# vartype=BINARY\n0 1 0.750000\n0 2 -0.250000\n0 3 -0.500000\n1 1 0.250000\n1 2 -1.000000\n\
                1 3 -0.750000\n2 2 1.000000\n2 3 0.250000\n3 3 -1.000000";
    let read = read_as("a.coo", text).unwrap();
    let energies =
        [0.0, 0.0, 0.25, 1.0, 1.0, 0.75, 0.25, 0.75, -1.0, -1.5, -1.5, -1.25, 0.25, -0.5, -1.25, -1.25];
    assert_eq!(values(&read.problem), energies);
    assert_eq!(read.warnings, []);
    let spin = read_as("a", "# vartype=SPIN\n0 1 1\n1 1 2\n").unwrap();
    assert_eq!(values(&spin.problem), [-1.0, -3.0, 1.0, 3.0]);
    // Without a vartype.
    let bare = read_as("a.coo", "0 1 1\n").unwrap();
    assert_eq!((bare.problem.form(), bare.warnings.len()), (Form::Binary, 1));
    let asked = Options { form: Some(Form::Spin), ..Options::default() };
    let read = from_bytes(b"0 1 1\n", Path::new("a.coo"), &asked).unwrap();
    assert_eq!((read.problem.form(), read.warnings.len()), (Form::Spin, 0));
    assert!(from_bytes(text.as_bytes(), Path::new("a.coo"), &asked).is_err());
}

#[test]
fn qbsolv_files() {
    // The example of qbsolv's manual, less its comments: a graph of four nodes.
    let text = "c a comment\np qubo 0 4 4 6\n0 0 3.4\n1 1 4.5\n2 2 2.1\n3 3 -2.4\nc more\n0 1 2.2\n0 2 3.4\n1 2 4.5\n\
                0 3 -2\n1 3 4.5678\n2 3 -3.22\n";
    let read = read_as("q.qubo", text).unwrap();
    assert_eq!((read.problem.form(), read.problem.sense()), (Form::Binary, Sense::Minimise));
    assert!((read.problem.value(&[1, -1, -1, 1]) - (3.4 - 2.4 - 2.0)).abs() < 1e-15);
    assert!((read.problem.value(&[1; 4]) - (7.6 + 9.4478)).abs() < 1e-14);
    assert_eq!(read_as("noname", text).unwrap().format, Format::Qubo);
    assert!(read_as("q.qubo", "p qubo unconstrained 2 0 1\n1 0 1\n").is_ok());
}

#[test]
fn matrices_are_quadratic_forms() {
    // Q = [[1, 2, 0], [4, 0, -1], [0, 0, 3]]: xᵀ Q x by hand.
    let general =
        "%%MatrixMarket matrix coordinate real general\n% text\n3 3 5\n1 1 1\n1 2 2\n2 1 4\n2 3 -1\n3 3 3\n";
    let read = read_as("m.mtx", general).unwrap();
    assert_eq!(read.warnings, []);
    assert_eq!(values(&read.problem), [0.0, 1.0, 0.0, 7.0, 3.0, 4.0, 2.0, 9.0]);
    // The symmetric matrix (Q + Qᵀ) / 2 is the same form.
    let symmetric = "%%matrixmarket MATRIX coordinate Real Symmetric\n3 3 4\n1 1 1\n2 1 3\n3 2 -.5\n3 3 3\n";
    assert_eq!(values(&read_as("m", symmetric).unwrap().problem), values(&read.problem));
    // sᵀ Q s: the diagonal is a constant.
    let asked = Options { form: Some(Form::Spin), ..Options::default() };
    let spin = from_bytes(general.as_bytes(), Path::new("m.mtx"), &asked).unwrap();
    assert_eq!(values(&spin.problem), [9.0, -3.0, -1.0, 11.0, 11.0, -1.0, -3.0, 9.0]);
    let pattern = "%%MatrixMarket matrix coordinate pattern symmetric\n2 2 1\n2 1\n";
    assert_eq!(values(&read_as("m.mtx", pattern).unwrap().problem), [0.0, 0.0, 0.0, 2.0]);
}

#[test]
fn clauses() {
    // (x1 or not x2 or x3) and (not x1 or x2) and (x2) and (), weight 1 each: 3 clauses can be satisfied.
    let text = "c text\np cnf 3 4\n1 -2\n3 0 -1 2 0\n2 0\n0\n";
    let read = read_as("f.cnf", text).unwrap();
    assert_eq!((read.problem.sense(), read.problem.form()), (Sense::Maximise, Form::Binary));
    assert_eq!(values(&read.problem), [2.0, 1.0, 2.0, 3.0, 2.0, 1.0, 3.0, 3.0]);
    // The old and the new form of one weighted problem with a hard clause: P = 3 + 5 + 1.
    let old = "p wcnf 2 3 10\n10 1 2 0\n3 -1 0\n5 -2 0\n";
    let new = "c new\nh 1 2 0\n3 -1 0\n5 -2 0\n";
    for text in [old, new] {
        let read = read_as("f.wcnf", text).unwrap();
        assert_eq!(values(&read.problem), [8.0 - 9.0, 5.0, 3.0, 0.0], "{text}");
    }
    assert_eq!(read_as("f", new).unwrap().format, Format::Dimacs);
    // A clause that is always satisfied, one with a literal twice, and SATLIB's end.
    let read = read_as("f.cnf", "p cnf 2 2\n1 -1 2 0\n2 2 0\n%\n0\n\n").unwrap();
    assert_eq!(values(&read.problem), [1.0, 1.0, 2.0, 2.0]);
    assert_eq!(read.warnings.len(), 1);
    let long: String = (1..=64).map(|v| format!("{v} ")).collect();
    let read = read_as("f.cnf", &format!("p cnf 65 1\n{long} 0\n")).unwrap();
    assert_eq!(
        (read.problem.degree(), read.problem.value(&[-1; 65]), read.problem.value(&[1; 65])),
        (64, 0.0, 1.0)
    );
    let error = read_as("f.cnf", &format!("p cnf 65 1\n{long} 65 0\n")).unwrap_err().to_string();
    assert!(error.contains("line 2") && error.contains("65 literals"), "{error}");
}

#[test]
fn json_of_dimod() {
    // json.dumps(bqm.to_serializable(use_bytes=False)) and bqm.energy of dimod 0.12.23.
    let text = r#"{"type": "BinaryQuadraticModel", "version": {"bqm_schema": "3.0.0"}, "use_bytes": false,
        "index_type": "int32", "bias_type": "float64", "num_variables": 3, "num_interactions": 2,
        "variable_labels": ["a", [0, "b"], 3], "variable_type": "SPIN", "offset": 7.5, "info": {},
        "linear_biases": [1.5, -2.0, 0.25], "quadratic_biases": [0.5, -1.25], "quadratic_head": [0, 1],
        "quadratic_tail": [1, 2]}"#;
    let read = read_as("m.json", text).unwrap();
    assert_eq!(values(&read.problem), [7.0, 9.0, 4.5, 8.5, 10.0, 12.0, 2.5, 6.5]);
    assert_eq!(read.problem.names().unwrap(), ["a", "[0,\"b\"]", "3"]);
    let again = to_text(&read.problem, Format::DimodJson).unwrap();
    assert!(again.contains(r#""variable_labels":["a",[0,"b"],3]"#), "{again}");
    assert_eq!(read_as("x", &again).unwrap().problem, read.problem);
    for (from, to, says) in [
        ("SPIN", "REAL", "variable_type"),
        ("3.0.0", "2.0.0", "bqm_schema"),
        ("\"use_bytes\": false", "\"use_bytes\": true", "use_bytes"),
        ("[1, 2]}", "[1, 3]}", "quadratic_tail[1]"),
        ("[1, 2]}", "[1, 1]}", "quadratic_tail[1]"),
        ("[1, 2]}", "[1]}", "quadratic_tail"),
        ("\"num_variables\": 3", "\"num_variables\": 4000000000", "num_variables"),
        ("-1.25", "NaN", "line 4"),
        ("-1.25", "1e999", "line 4"),
        ("\"a\"", "null", "variable_labels[0]"),
        ("\"offset\": 7.5, ", "", "offset"),
        ("BinaryQuadraticModel", "DiscreteQuadraticModel", "type"),
        ("[1.5, -2.0, 0.25]", "[]", "linear_biases"),
    ] {
        assert!(text.contains(from));
        let error = read_as("m.json", &text.replace(from, to)).unwrap_err().to_string();
        assert!(error.contains("m.json") && error.contains(says), "{error}");
    }
}

#[test]
fn errors_say_where_and_what() {
    let cases: &[(&str, &str, &[&str])] = &[
        ("a.rudy", "", &["line 1", "header"]),
        ("a.rudy", "3\n", &["line 1, column 2", "number of edges"]),
        ("a.rudy", "-3 1\n", &["line 1, column 1", "`-3`", "from 1 to"]),
        ("a.rudy", "0 0\n", &["`0`", "from 1 to"]),
        ("a.rudy", "4000000000 1\n1 2\n", &["`4000000000`", "from 1 to 65536"]),
        ("a.rudy", "3 99999999999\n", &["`99999999999`", "number of edges"]),
        ("a.rudy", "3 2\n1 2 1\n", &["line 3", "2 edges, there are 1"]),
        ("a.rudy", "3 1\n1 2 1\n2 3 1\n", &["line 3", "more than the 1 edges"]),
        ("a.rudy", "3 1\n1 4 1\n", &["line 2, column 3", "`4`", "from 1 to 3"]),
        ("a.rudy", "3 1\n0 1 1\n", &["line 2, column 1", "`0`"]),
        ("a.rudy", "3 1\n2 2 1\n", &["line 2, column 3", "another"]),
        ("a.rudy", "3 1\n1 2 nan\n", &["line 2, column 5", "`nan`", "finite"]),
        ("a.rudy", "3 1\n1 2 1e999\n", &["`1e999`", "finite"]),
        ("a.rudy", "3 1\n1 2 1 7\n", &["line 2, column 7", "`7`", "end of the line"]),
        ("a.rudy", "3 1\n1 2 w\u{e9}\n", &["line 2, column 5"]),
        ("a.rudy", "3 2\n1 2 1e308\n1 2 1.7e308\n", &["sum"]),
        ("a.coo", "# vartype=REAL\n", &["line 1, column 11", "`REAL`", "SPIN or BINARY"]),
        ("a.coo", "", &["line 1", "i j value"]),
        ("a.coo", "0 1\n", &["line 1, column 4", "value"]),
        ("a.coo", "0 4294967295 1\n", &["line 1, column 3", "from 0 to 65535"]),
        ("a.coo", "0 -1 1\n", &["`-1`"]),
        ("a.coo", "0 1 inf\n", &["`inf`"]),
        ("a.coo", "0 0 1.7e308\n0 0 1.7e308\n", &["linear coefficient 0"]),
        ("a.qubo", "c only\n", &["line 2", "p qubo"]),
        ("a.qubo", "q\n", &["line 1, column 1", "`q`"]),
        ("a.qubo", "p cnf\n", &["`cnf`", "qubo"]),
        ("a.qubo", "p qubo 1 2 0 0\n", &["`1`", "topology"]),
        ("a.qubo", "p qubo 0 2 1 0\n0 1 1\n", &["line 2", "more than the 0 couplers"]),
        ("a.qubo", "p qubo 0 2 1 1\n0 1 1\n", &["line 3", "1 diagonal entries, there are 0"]),
        ("a.qubo", "p qubo 0 2 0 1\n0 2 1\n", &["line 2, column 3", "from 0 to 1"]),
        ("a.mtx", "%%MatrixMarket matrix array real general\n", &["`array`", "coordinate"]),
        ("a.mtx", "%%MatrixMarket matrix coordinate complex general\n", &["`complex`"]),
        ("a.mtx", "%%MatrixMarket matrix coordinate real skew-symmetric\n", &["`skew-symmetric`"]),
        (
            "a.mtx",
            "%%MatrixMarket matrix coordinate real symmetric\n2 3 0\n",
            &["line 2, column 3", "rows, 2"],
        ),
        (
            "a.mtx",
            "%%MatrixMarket matrix coordinate real symmetric\n2 2 1\n1 2 1\n",
            &["line 3, column 3", "at most the row"],
        ),
        (
            "a.mtx",
            "%%MatrixMarket matrix coordinate integer symmetric\n2 2 1\n2 1 1.5\n",
            &["`1.5`", "whole"],
        ),
        ("a.mtx", "%%MatrixMarket matrix coordinate pattern symmetric\n2 2 1\n2 1 1.5\n", &["`1.5`", "end"]),
        (
            "a.mtx",
            "%%MatrixMarket matrix coordinate real symmetric\n2 2 2\n2 1 1.5\n",
            &["2 entries, there are 1"],
        ),
        ("a.cnf", "p cnf 2 2\n1 0\n", &["2 clauses, there are 1"]),
        ("a.cnf", "p cnf 2 1\n1 0\n2 0\n", &["line 3", "more than the 1 clauses"]),
        ("a.cnf", "p cnf 2 1\n1 -3 0\n", &["line 2, column 3", "`-3`", "from -2 to 2"]),
        ("a.cnf", "p cnf 2 1\n1 - 0\n", &["`-`"]),
        ("a.cnf", "p cnf 2 1\n1 2\n", &["line 3", "ends the clause of line 2"]),
        ("a.cnf", "p sat 2 1\n", &["`sat`", "cnf or wcnf"]),
        ("a.wcnf", "p wcnf 2 1 9\n-1 1 0\n", &["line 2, column 1", "weight", "`-1`"]),
        ("a.wcnf", "1 1 2\n", &["line 1", "does not end with 0"]),
        ("a.wcnf", "9007199254740993 1 0\n", &["2^53"]),
        ("a.wcnf", "9007199254740992 1 0\n", &["2^53"]),
        ("a.wcnf", "1.5 1 0\n", &["`1.5`"]),
        ("a.json", "{", &["line 1"]),
        ("a.dat", "\u{1}\u{2}", &["neither extension nor content", "rudy"]),
        ("a.dat", "", &["neither extension nor content"]),
    ];
    for (name, text, parts) in cases {
        let error = match read_as(name, text) {
            Ok(read) => panic!("{name}: {text:?} was read as {read:?}"),
            Err(e) => e.to_string(),
        };
        for part in parts.iter().chain([name]) {
            assert!(error.contains(part), "{text:?}: no {part:?} in: {error}");
        }
    }
}

#[test]
fn formats_are_told_by_name_and_by_content() {
    for format in Format::ALL {
        assert_eq!(format.name().parse::<Format>().unwrap(), format);
    }
    assert!("csv".parse::<Format>().unwrap_err().to_string().contains("matrix-market"));
    for (name, format) in [
        ("a.rud", Some(Format::Rudy)),
        ("a.b.COO.gz", Some(Format::Coo)),
        ("x.wcnf", Some(Format::Dimacs)),
        ("G1.txt", None),
        ("plain", None),
        (".qubo", Some(Format::Qubo)),
    ] {
        assert_eq!(Format::of_path(Path::new(name)), format, "{name}");
    }
    for (text, format) in [
        ("800 19176 J\n1 2 1\n", Some(Format::Rudy)),
        ("800 19176\n", Some(Format::Rudy)),
        ("0 1 -2.5\n", Some(Format::Coo)),
        ("c x\nc\n  p cnf 1 1\n", Some(Format::Dimacs)),
        ("c x\np qubo 0 1 1 0\n", Some(Format::Qubo)),
        ("h 1 0\n", Some(Format::Dimacs)),
        ("\n {\"type\":1}", Some(Format::DimodJson)),
        ("# vartype: SPIN\n", Some(Format::Coo)),
        ("hello world\n", None),
    ] {
        assert_eq!(Format::of_content(text.as_bytes()), format, "{text}");
    }
}

#[test]
fn gzip_is_read_and_damage_is_reported() {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(b"2 1\n1 2 5\n").unwrap();
    let packed = packed.finish().unwrap();
    let read = from_bytes(&packed, Path::new("g.rudy.gz"), &Options::default()).unwrap();
    assert_eq!(read.problem.value(&[1, -1]), 5.0);
    let cut = from_bytes(&packed[..packed.len() - 5], Path::new("g.gz"), &Options::default());
    assert!(cut.unwrap_err().to_string().contains("gzip data"));
    assert!(read_folder().to_string().contains("folder"));
}

fn read_folder() -> Error {
    read(Path::new(env!("CARGO_MANIFEST_DIR")), &Options::default()).unwrap_err()
}

#[test]
fn writers_refuse_what_a_format_cannot_hold() {
    let mut b = Builder::new(Form::Binary, Sense::Maximise, 3).unwrap();
    b.term(&[0, 1, 2], 0.5).unwrap();
    let problem = b.build().unwrap();
    for format in Format::ALL {
        let error = to_text(&problem, format).unwrap_err().to_string();
        assert!(error.contains(if format == Format::Dimacs { "0.5" } else { "degree" }), "{error}");
    }
    let mut b = Builder::new(Form::Spin, Sense::Maximise, 3).unwrap();
    b.term(&[0], 1.0).unwrap();
    let problem = b.build().unwrap();
    assert!(to_text(&problem, Format::Coo).unwrap_err().to_string().contains("minimise"));
    assert!(to_text(&problem, Format::Rudy).is_err());
    assert!(
        to_text(&problem.minimised(), Format::MatrixMarket).unwrap_err().to_string().contains("binary form")
    );
}

/// The graphs of the G-set, where a folder of data is given: n and m of their published table.
#[test]
fn graphs_of_the_g_set() {
    let folder = std::env::var_os("SMML_DATA").map(|data| Path::new(&data).join("gset"));
    let Some(folder) = folder.filter(|f| f.is_dir()) else { return };
    for (name, n, m) in [
        ("G1", 800, 19176),
        ("G14", 800, 4694),
        ("G22", 2000, 19990),
        ("G32", 2000, 4000),
        ("G43", 1000, 9990),
        ("G48", 3000, 6000),
        ("G55", 5000, 12498),
        ("G57", 5000, 10000),
        ("G60", 7000, 17148),
        ("G70", 10000, 9999),
        ("G81", 20000, 40000),
    ] {
        let path = folder.join(format!("{name}.txt"));
        let found = read(&path, &Options::default()).unwrap();
        let problem = &found.problem;
        assert_eq!((problem.n_variables(), problem.pairs().n_edges()), (n, m), "{name}");
        assert_eq!(found.warnings.len(), usize::from(name == "G1"), "{name}: {:?}", found.warnings);
        let text = to_text(problem, Format::Rudy).unwrap();
        assert_eq!(read_as("x.rudy", &text).unwrap().problem, *problem);
    }
}

/// Finite numbers of all sizes, whose sums stay finite.
fn numbers() -> impl Strategy<Value = f64> {
    prop_oneof![
        (-1000i32..1000).prop_map(f64::from),
        -1e6..1e6f64,
        any::<f64>().prop_map(|x| if x.abs() < 1e300 { x } else { 1.25 }),
    ]
}

fn quadratic(form: Form, sense: Sense) -> impl Strategy<Value = Problem> {
    let pairs = prop::collection::vec((0u32..6, 0u32..6, numbers()), 0..12);
    (pairs, prop::collection::vec(numbers(), 7), numbers()).prop_map(move |(pairs, linear, offset)| {
        let mut b = Builder::new(form, sense, 7).unwrap();
        b.offset(offset).unwrap();
        for (i, a) in linear.into_iter().enumerate() {
            b.term(&[i as u32], a).unwrap();
        }
        let mut seen = std::collections::HashSet::new();
        for (i, j, w) in pairs {
            if i != j && seen.insert((i.min(j), i.max(j))) {
                b.term(&[i, j], w).unwrap();
            }
        }
        b.build().unwrap()
    })
}

proptest! {
    #[test]
    fn quadratic_problems_come_back(spin in quadratic(Form::Spin, Sense::Minimise), binary in quadratic(Form::Binary, Sense::Minimise)) {
        for (problem, format) in [
            (&spin, Format::Coo), (&binary, Format::Coo), (&binary, Format::Qubo), (&binary, Format::MatrixMarket),
            (&spin, Format::DimodJson), (&binary, Format::DimodJson),
        ] {
            let text = to_text(problem, format).unwrap();
            let read = read_as("x", &text);
            let read = read.map_err(|e| TestCaseError::fail(format!("{e}: {text}")))?;
            prop_assert_eq!(read.format, format);
            prop_assert_eq!(read.warnings, vec![]);
            prop_assert_eq!(&read.problem, problem, "{}", text);
        }
        let mut bare = spin;
        bare.linear = vec![0.0; 7];
        let text = to_text(&bare, Format::MatrixMarket).unwrap();
        prop_assert_eq!(read_as("x", &text).unwrap().problem, bare);
    }

    #[test]
    fn graphs_come_back(edges in prop::collection::vec((0u32..6, 0u32..6, -1e9..1e9f64), 0..15)) {
        let edges: Vec<_> = edges.into_iter().filter(|e| e.0 != e.1).collect();
        let graph = smml_core::graph::SparseGraph::new(7, &edges).unwrap();
        let problem = Problem::max_cut(&graph).unwrap();
        let text = to_text(&problem, Format::Rudy).unwrap();
        let read = read_as("x", &text).unwrap();
        prop_assert_eq!((&read.problem, read.format), (&problem, Format::Rudy));
        let mut out = Vec::new();
        write(&problem, Format::Rudy, &mut out).unwrap();
        prop_assert_eq!(out, text.into_bytes());
    }

    #[test]
    fn whole_polynomials_come_back_as_clauses(
        terms in prop::collection::vec((prop::collection::vec((0u32..5, any::<bool>()), 0..6), -9i32..10), 0..8),
        spin: bool,
        maximise: bool,
    ) {
        let form = if spin { Form::Spin } else { Form::Binary };
        let sense = if maximise { Sense::Maximise } else { Sense::Minimise };
        let mut b = Builder::new(form, sense, 5).unwrap();
        for (literals, c) in &terms {
            b.product(literals, f64::from(*c)).unwrap();
        }
        let problem = b.build().unwrap();
        let text = to_text(&problem, Format::Dimacs).unwrap();
        let read = read_as("x", &text).unwrap();
        let expected: Vec<f64> = values(&problem).iter().map(|v| -sense.sign() * v).collect();
        prop_assert_eq!(values(&read.problem), expected, "{}", text);
    }
}
