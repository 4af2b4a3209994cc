//! `smml dbm` as its users meet it: machines that learn, the same bytes whatever disturbs them, the network that comes with
//! the program, bad arguments and files.
#![cfg(unix)]

mod common;

use common::{
    assert_same_folders, code, files, line, message, out, read, run, run_to, send, smml, wait_for, write_set,
};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Files that depend on when a run was stopped, or know dates.
const OTHERS: [&str; 2] = ["manifest.json", "checkpoint.previous"];

/// A small machine: 36 p-bits for 9 pixels and twice 2 labels.
const TRAIN: [&str; 9] = [
    "dbm",
    "train",
    "--network=king6",
    "--copies=2",
    "--epochs=40",
    "--batch=20",
    "--sweeps=200",
    "--seed=3",
    "--quiet",
];

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    /// With 60 training and 40 test images of 3 x 3 pixels in two classes.
    fn new() -> Self {
        Place::with_test_images(40)
    }
    fn with_test_images(n: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_set(&folder.path().join("data/mnist"), 60, n);
        Place { folder }
    }
    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
    fn flag(&self, flag: &str, name: &str) -> String {
        format!("--{flag}={}", self.at(name).display())
    }
    /// Words, the data and a folder.
    fn line(&self, words: &[&str], name: &str) -> Vec<String> {
        let data = self.flag("data", "data");
        line(&[words, &[&data]].concat(), &self.at(name))
    }
    /// Trains the small machine in a folder.
    fn trained(&self, name: &str) -> String {
        run_to(0, self.line(&TRAIN, name));
        self.at(name).join("network.dbm").display().to_string()
    }
}

fn results(folder: &Path) -> serde_json::Value {
    serde_json::from_str(&read(&folder.join("results.json"))).unwrap()
}

/// The value of the quantity whose name begins like this.
fn quantity(folder: &Path, name: &str) -> f64 {
    let results = results(folder);
    let all = results["results"][0]["quantities"].as_array().unwrap();
    let found = all.iter().find(|q| q["quantity"].as_str().unwrap().starts_with(name));
    found.unwrap_or_else(|| panic!("no '{name}' in {all:?}"))["value"].as_f64().unwrap()
}

/// Width and height of a PNG file.
fn png_size(path: &Path) -> (u32, u32) {
    let bytes = fs::read(path).unwrap();
    assert_eq!(&bytes[..8], b"\x89PNG\r\n\x1a\n", "{path:?}");
    let four = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    (four(16), four(20))
}

#[test]
fn a_machine_learns_two_classes_and_every_number_of_threads_gives_the_same_bytes() {
    let place = Place::new();
    let series = place.flag("series", "epochs.csv");
    let export = place.flag("export", "copy.dbm");
    let more = [&TRAIN[..], &[&series, &export, "--hex", "--threads=1"]].concat();
    run_to(0, place.line(&more, "one"));
    let one = place.at("one");
    assert!(quantity(&one, "test accuracy") > 0.95 && quantity(&one, "held-out accuracy") > 0.9);
    assert_eq!((quantity(&one, "p-bits"), quantity(&one, "of these hidden")), (36.0, 23.0));
    assert_eq!(fs::read(place.at("copy.dbm")).unwrap(), fs::read(one.join("network.dbm")).unwrap());
    assert!(read(&one.join("network.hex")).starts_with("// smml p-bit memory image"));
    assert_eq!(read(&place.at("epochs.csv")).lines().count(), 41);
    assert_eq!(read(&one.join("figures/confusion.csv")).lines().next(), Some(",0,1"));
    for figure in ["learning-curve.svg", "cross-entropy.svg", "drawn.png", "comparison.csv", "parameters.csv"]
    {
        assert!(one.join("figures").join(figure).exists(), "{figure}");
    }
    let report = read(&one.join("report.html"));
    assert!(report.contains("Confusion matrix") && report.contains("arXiv:2303.10728"));
    // Defaults are written out, and the configuration repeats the run.
    let config = read(&one.join("config.toml"));
    for want in [
        "held-out = 6",
        "layout-seed = 12345",
        "learning-rate = \"geometric:0.01..0.0003\"",
        "copies = 2",
        "unrolled-sweeps = 12",
        "positive = \"0,40,1\"",
    ] {
        assert!(config.contains(want), "{want}: {config}");
    }
    let two = place.at("two");
    let repeat = ["run", &one.join("config.toml").display().to_string(), "--threads=2", "--hex", "--quiet"];
    run_to(0, line(&repeat, &two));
    assert_same_folders(&one, &two, &OTHERS, "two threads");
    // Other places of pixels make another machine.
    run_to(0, place.line(&[&TRAIN[..], &["--in-order"]].concat(), "in-order"));
    assert_ne!(
        fs::read(place.at("in-order/network.dbm")).unwrap(),
        fs::read(one.join("network.dbm")).unwrap()
    );
}

#[test]
fn graphs_of_files_layers_and_the_published_recipe_are_trained_too() {
    let place = Place::new();
    let graph = place.flag("out", "k.rudy");
    run_to(0, ["graph", "king", "6", &graph]);
    let network = place.flag("network", "k.rudy");
    let short = ["--epochs=3", "--batch=20", "--sweeps=50", "--seed=1", "--quiet"];
    for (name, words) in [
        ("file", vec!["dbm", "train", &network, "--copies=2"]),
        ("layers", vec!["dbm", "train", "--network=layers:8,6"]),
        ("published", vec!["dbm", "train", "--network=king6", "--recipe=published", "--negative=0,10,2"]),
        (
            "both",
            vec![
                "dbm",
                "train",
                "--network=z2,2",
                "--generative=1",
                "--negative-chains=persistent",
                "--momentum=0.5",
            ],
        ),
    ] {
        let done = run(place.line(&[&words[..], &short].concat(), name));
        // Too short to learn anything, which may show itself; the network is written all the same.
        assert!(code(&done) <= 1, "{name}: {}", message(&done));
        let file = place.at(name).join("network.dbm").display().to_string();
        let done = run(place.line(&["dbm", "classify", &file, "--sweeps=50", "--seed=1", "--quiet"], "c"));
        assert!(code(&done) <= 1, "{name}: {}", message(&done));
        fs::remove_dir_all(place.at("c")).unwrap();
    }
    // The file of the graph counts, not its place.
    let config = read(&place.at("file/config.toml"));
    assert!(config.contains("file = ") && !config.contains("network = "), "{config}");
    let moved = place.flag("file", "moved.rudy");
    fs::rename(place.at("k.rudy"), place.at("moved.rudy")).unwrap();
    let again = ["run", &place.at("file/config.toml").display().to_string(), &moved, "--quiet"];
    assert!(code(&run(line(&again, &place.at("file")))) <= 1);
    let published = read(&place.at("published/config.toml"));
    for want in ["format = \"s{4}{5}\"", "negative-chains = \"carried\"", "momentum = 0.6", "chains = 1\n"] {
        assert!(published.contains(want), "{want}: {published}");
    }
    assert!(read(&place.at("layers/config.toml")).contains("format = \"s{3}{7}\""));
}

#[test]
fn runs_that_are_killed_or_stopped_end_with_the_same_bytes() {
    // Images are classified 1,024 at a time.
    let place = Place::with_test_images(2500);
    let train = [&TRAIN[..], &["--epochs=600", "--checkpoint-every=5ms"]].concat();
    run_to(0, place.line(&train, "whole"));
    let network = place.at("whole/network.dbm").display().to_string();
    let file = network.as_str();
    let classify =
        vec!["dbm", "classify", file, "--sweeps=4000", "--seed=1", "--quiet", "--checkpoint-every=1ms"];
    let evaluate = vec![
        "dbm",
        "evaluate",
        file,
        "--ladder=10,3000",
        "--count=20",
        "--chain=300",
        "--judge-epochs=400",
        "--seed=1",
        "--quiet",
        "--checkpoint-every=5ms",
    ];
    let denoise = vec![
        "dbm",
        "denoise",
        "--network=king8",
        "--levels=3",
        "--epochs=2000",
        "--count=20",
        "--sweeps=50",
        "--judge-epochs=400",
        "--seed=1",
        "--quiet",
        "--checkpoint-every=5ms",
    ];
    let commands = [("train", train), ("classify", classify), ("evaluate", evaluate), ("denoise", denoise)];
    for (name, words) in commands {
        let (whole, broken) = (format!("{name}-whole"), format!("{name}-broken"));
        let expected = code(&run(place.line(&words, &whole)));
        assert!(expected <= 1, "{name}");
        for (k, signal) in ["KILL", "INT"].into_iter().enumerate() {
            let more: &[&str] = if k == 0 { &["--threads=1"] } else { &["--threads=2", "--resume"] };
            let mut child = smml(place.line(&[&words[..], more].concat(), &broken)).spawn().unwrap();
            let checkpoint = place.at(&broken).join("checkpoint");
            if k == 0 && name != "classify" {
                wait_for(&checkpoint, &mut child);
            }
            // Some checkpoints later there is something to forget.
            for _ in 0..4 {
                let before = fs::read(&checkpoint).ok();
                let start = std::time::Instant::now();
                while fs::read(&checkpoint).ok() == before
                    && child.try_wait().unwrap().is_none()
                    && start.elapsed().as_millis() < 100
                {
                    std::thread::sleep(std::time::Duration::from_millis(1));
                }
            }
            if child.try_wait().unwrap().is_none() {
                send(signal, &child);
            }
            let end = child.wait_with_output().unwrap();
            // It may have been quicker.
            assert!(
                !end.status.success() || k == 1 || name == "classify",
                "{name} was over before a signal came"
            );
        }
        if !place.at(&broken).join("results.json").exists() {
            let more: &[&str] =
                if place.at(&broken).join("config.toml").exists() { &["--resume"] } else { &[] };
            assert_eq!(code(&run(place.line(&[&words[..], more].concat(), &broken))), expected, "{name}");
        }
        assert_same_folders(&place.at(&whole), &place.at(&broken), &OTHERS, name);
    }
}

#[test]
fn a_chain_draws_images_from_noise() {
    let place = Place::with_test_images(100);
    let words = ["dbm", "denoise", "--network=king8", "--levels=3", "--epochs=150", "--batch=20", "--seed=1"];
    let ask = ["--count=30", "--sweeps=50", "--judge-epochs=200"];
    let series = place.flag("series", "drawn.csv");
    run_to(0, place.line(&[&words[..], &ask, &["--quiet", &series]].concat(), "chain"));
    // Both images of 3 x 3 pixels come, each where its class is clamped.
    for name in ["accuracy of the judge on real test images", "drawn images that show their class"] {
        assert!(quantity(&place.at("chain"), name) > 0.9, "{name}");
    }
    // Noise would be some tens away.
    for name in ["kernel distance of drawn images", "kernel distance of one half"] {
        assert!(quantity(&place.at("chain"), name).abs() < 1.5, "{name}");
    }
    let report = read(&place.at("chain/report.html"));
    for part in ["Drawn images", "From noise to an image", "Pixels put right", "level 3"] {
        assert!(report.contains(part), "{part}");
    }
    assert_eq!(read(&place.at("drawn.csv")).lines().count(), 61);
    let config = read(&place.at("chain/config.toml"));
    for part in
        ["levels = 3", "places = \"near\"", "learning-rate = \"geometric:0.02..0.0005\"", "copies = 8"]
    {
        assert!(config.contains(part), "{part}: {config}");
    }
    let again = ["run", &place.at("chain/config.toml").display().to_string(), "--quiet", "--threads=1"];
    run_to(0, line(&again, &place.at("again")));
    assert_same_folders(&place.at("chain"), &place.at("again"), &OTHERS, "again");
    // A chain that was trained draws the same, judged or not.
    let chain = place.at("chain/chain.dbm").display().to_string();
    let model = format!("--model={chain}");
    let draw = ["dbm", "denoise", &model, "--count=30", "--sweeps=50", "--seed=1", "--quiet"];
    run_to(0, place.line(&[&draw[..], &["--judge-epochs=200"]].concat(), "judged"));
    run_to(0, line(&draw, &place.at("drawn")));
    for folder in ["judged", "drawn"] {
        let picture = |name: &str| fs::read(place.at(name).join("drawn.png")).unwrap();
        assert!(picture(folder) == picture("chain"), "{folder}");
    }
    assert!(!place.at("drawn/checkpoint").exists());
    assert!(read(&place.at("judged/results.json")).contains("kernel distance"));
    // Any graph will do, with pixels anywhere.
    let edges: String = (1..36).map(|i| format!("{i} {} 1\n", i + 1)).collect();
    fs::write(place.at("line.rudy"), format!("36 35\n{edges}")).unwrap();
    let line_graph = place.flag("network", "line.rudy");
    let words =
        ["dbm", "denoise", &line_graph, "--levels=2", "--epochs=2", "--count=2", "--seed=1", "--quiet"];
    run_to(0, place.line(&words, "line"));
    assert!(read(&place.at("line/config.toml")).contains("places = \"random\""));
    let other = ["run", &place.at("line/config.toml").display().to_string(), "--network=king8", "--quiet"];
    run_to(0, line(&other, &place.at("other")));
    assert!(read(&place.at("other/config.toml")).contains("network = \"king8\""));
    // Images of another shape, and of one class alone.
    let (shape, class) = (place.at("shape"), place.at("class"));
    write_set(&shape.join("mnist"), 60, 40);
    let wide = |n: u32| {
        [&[0, 0, 8, 3][..], &[n, 1, 9].map(u32::to_be_bytes).concat(), &vec![0; 9 * n as usize]].concat()
    };
    fs::write(shape.join("mnist/train-images-idx3-ubyte"), wide(60)).unwrap();
    fs::write(shape.join("mnist/t10k-images-idx3-ubyte"), wide(40)).unwrap();
    write_set(&class.join("mnist"), 60, 40);
    let same = |n: u32| [&[0, 0, 8, 1][..], &n.to_be_bytes(), &vec![0; n as usize]].concat();
    fs::write(class.join("mnist/train-labels-idx1-ubyte"), same(60)).unwrap();
    fs::write(class.join("mnist/t10k-labels-idx1-ubyte"), same(40)).unwrap();
    for (folder, words, said) in [
        (&shape, [&model[..], "--judge-epochs=1"], "3 x 3 pixels, those of the data set have 1 x 9"),
        (&class, ["--network=king8", "--levels=2"], "the data set has 1, and two are needed"),
    ] {
        let data = format!("--data={}", folder.display());
        let refused =
            run_to(2, line(&[&["dbm", "denoise", "--seed=1", &data], &words[..]].concat(), &place.at("y")));
        assert!(refused.contains(said), "{refused}");
    }
    let bytes = fs::read(&chain).unwrap();
    fs::write(place.at("cut.dbm"), &bytes[..bytes.len() / 2]).unwrap();
    fs::write(place.at("edges.txt"), "3 2\n1 2 1\n2 3 1\n").unwrap();
    let (cut, edges) = (place.flag("model", "cut.dbm"), place.flag("network", "edges.txt"));
    let network = place.flag("model", "chain/checkpoint");
    for (words, exit, said) in [
        (&["--model=none.dbm"][..], 3, "none.dbm"),
        (&[&cut], 3, "cut.dbm"),
        (&[&network], 3, "a checkpoint, not the chain.dbm of smml dbm denoise"),
        (&[&model, "--levels=4"], 2, "cannot be used with"),
        (&["--network=layers:5"], 2, "not of layers"),
        (&["--levels=65"], 2, "--levels"),
        (&["--reads=60", "--sweeps=50"], 2, "--reads 60: at most the 50 of --sweeps"),
        (&["--network=king3"], 2, "visible units"),
        (&[&edges, "--places=near"], 2, "--places near: the nodes of a graph file have no positions"),
        (&["--learning-rate=-1"], 2, "learning rate"),
        (&["--format=s0.5"], 2, "coupling to the inputs of level 1 of 8"),
    ] {
        let said_all = run_to(exit, place.line(&[&["dbm", "denoise", "--seed=1"], words].concat(), "x"));
        assert!(said_all.contains(said), "{words:?}: {said_all}");
    }
}

#[test]
fn images_are_classified_drawn_completed_and_judged() {
    let place = Place::new();
    let file = place.trained("train");
    let file = file.as_str();
    let series = place.flag("series", "classes.csv");
    let words = ["dbm", "classify", file, "--sweeps=100", "--seed=1", "--quiet", &series];
    run_to(0, place.line(&words, "classify"));
    assert_eq!(quantity(&place.at("classify"), "accuracy on class 1"), 1.0);
    assert_eq!(read(&place.at("classes.csv")).lines().nth(2), Some("1,1"));
    // What was learned is in few bits; a machine without any bits behind the point knows nothing.
    let coarse = ["dbm", "classify", file, "--sweeps=100", "--seed=1", "--quiet", "--format=s4.0"];
    run(place.line(&coarse, "coarse"));
    assert!(quantity(&place.at("coarse"), "test accuracy") <= 1.0);

    run_to(
        0,
        line(&["dbm", "generate", file, "1", "0", "--count=4", "--seed=1", "--quiet"], &place.at("draw")),
    );
    let (width, height) = png_size(&place.at("draw/drawn.png"));
    // Two lines of four images of 3 x 3 pixels with gaps, enlarged.
    assert_eq!((width / 17, height / 17, width % 17), (16, 9 * 16 / 17, 0));
    let config = read(&place.at("draw/config.toml"));
    assert!(config.contains("classes = [1, 0]") && config.contains("file = "), "{config}");
    let again = ["run", &place.at("draw/config.toml").display().to_string(), "--quiet", "--threads=2"];
    run_to(0, line(&again, &place.at("again")));
    assert_same_folders(&place.at("draw"), &place.at("again"), &OTHERS, "drawn again");

    let inpaint =
        ["dbm", "inpaint", file, "--hide=1,0,2,3", "--images=12", "--sweeps=200", "--seed=1", "--quiet"];
    run_to(0, place.line(&inpaint, "complete"));
    assert!(place.at("complete/completed.png").exists());
    let right = quantity(&place.at("complete"), "hidden pixels that are right");
    assert!((0.0..=1.0).contains(&right), "{right}");

    let evaluate = [
        "dbm",
        "evaluate",
        file,
        "--ladder=100,10,100",
        "--count=5",
        "--chain=400",
        "--judge-epochs=20",
        "--seed=1",
        "--quiet",
    ];
    run_to(0, place.line(&evaluate, "evaluate"));
    let folder = place.at("evaluate");
    assert_eq!(quantity(&folder, "accuracy of the judge on real test images"), 1.0);
    assert!(
        quantity(&folder, "test accuracy by 100 sweeps")
            >= quantity(&folder, "test accuracy by 10 sweeps") - 0.2
    );
    assert!(quantity(&folder, "autocorrelation time of the energy, free") > 0.2);
    assert_eq!(quantity(&folder, "parameters beyond the number format"), 0.0);
    assert_eq!(read(&folder.join("figures/sweeps.csv")).lines().count(), 3);
    assert!(files(&folder, &OTHERS).iter().all(|f| !f.starts_with("checkpoint")), "{folder:?}");
}

#[test]
fn a_generative_machine_draws_what_it_saw() {
    let place = Place::new();
    // Images of a class are all the same: only the decay keeps couplings finite.
    let words = [
        "--generative=1",
        "--discriminative=0",
        "--learning-rate=0.02",
        "--momentum=0.5",
        "--weight-decay=0.02",
        "--positive=10,10,1",
        "--epochs=150",
    ];
    let train: Vec<&str> =
        TRAIN.iter().copied().filter(|w| !w.starts_with("--epochs")).chain(words).collect();
    run_to(0, place.line(&train, "train"));
    let file = place.at("train/network.dbm").display().to_string();
    let evaluate = [
        "dbm",
        "evaluate",
        &file,
        "--ladder=100",
        "--count=100",
        "--chain=200",
        "--seed=1",
        "--quiet",
        "--judge-epochs=20",
    ];
    run_to(0, place.line(&evaluate, "evaluate"));
    let shown = quantity(&place.at("evaluate"), "drawn images that show their class");
    assert!(shown > 0.9, "{shown}");
    // A column that is hidden is found from the others: it is bright where both others are dark.
    let inpaint = ["dbm", "inpaint", &file, "--hide=0,0,3,1", "--images=40", "--seed=1", "--quiet"];
    run_to(0, place.line(&inpaint, "complete"));
    let (ours, means) = (
        quantity(&place.at("complete"), "hidden pixels that are right"),
        quantity(&place.at("complete"), "hidden pixels that the mean"),
    );
    assert!(ours > 0.9 && means < 0.6, "{ours}, {means}");
}

#[test]
fn the_network_that_comes_with_the_program_draws_without_files() {
    let place = tempfile::tempdir().unwrap();
    let mut command = smml(["dbm", "generate", "7", "--seed=1"]);
    let done = command.current_dir(place.path()).output().unwrap();
    assert_eq!(code(&done), 0, "{}", message(&done));
    let folder = place.path().join("smml-runs/dbm-generate-1");
    assert!(message(&done).contains("picture: smml-runs/dbm-generate-1/drawn.png"), "{}", message(&done));
    let (width, height) = png_size(&folder.join("drawn.png"));
    // Ten images of 28 x 28 pixels, tripled.
    assert_eq!((width, height), (3 * 291, 3 * 30));
    let config = read(&folder.join("config.toml"));
    assert!(config.contains("classes = [7]") && !config.contains("file"), "{config}");
    // Images are neither all dark nor all bright, and differ.
    let on = quantity(&folder, "fraction of pixels on");
    assert!((0.02..0.5).contains(&on), "{on}");
}

#[test]
fn bad_arguments_data_and_networks() {
    let place = Place::new();
    let file = place.trained("train");
    let good = fs::read(&file).unwrap();
    let changed = |at: usize, by: u8| {
        let mut bytes = good.clone();
        bytes[at] ^= by;
        bytes
    };
    fs::write(place.at("cut.dbm"), &good[..good.len() / 2]).unwrap();
    fs::write(place.at("flipped.dbm"), changed(good.len() / 2, 1)).unwrap();
    fs::write(place.at("newer.dbm"), changed(8, 2)).unwrap();
    fs::write(place.at("text.dbm"), "no network").unwrap();
    fs::write(place.at("bad.rudy"), "3 1\n1 9 1\n").unwrap();
    write_set(&place.at("other/fashion-mnist"), 20, 10);
    let (name, train) = (|n: &str| place.at(n).display().to_string(), ["dbm", "train", "--quiet"]);
    let with =
        |words: &[&str]| [&train[..], words].concat().iter().map(|w| (*w).to_string()).collect::<Vec<_>>();
    let ask = |command: &str, network: String, words: &[&str]| {
        let mut all = vec!["dbm".to_string(), command.to_string(), network];
        all.extend(words.iter().map(|w| (*w).to_string()));
        all
    };
    let (data, other) = (place.flag("data", "data"), place.flag("data", "other"));
    let bad_graph = place.flag("network", "bad.rudy");
    for (words, expected, text) in [
        (with(&["--network=p1", &data]), 2, "--network p1: size m = 1"),
        (with(&["--network=p3,2", &data]), 2, "it takes SIZE"),
        (with(&["--network=king3", &data]), 2, "9 nodes"),
        (with(&["--network=layers:3,0", &data]), 2, "1 to 16 hidden layers"),
        (with(&["--network=nothing", &data]), 3, "no such file, and none of p14"),
        (with(&[&bad_graph, &data]), 3, "bad.rudy"),
        (with(&["--network=layers:5", "--layout-seed=1", &data]), 2, "--layout-seed: "),
        (with(&["--network=king6"]), 2, "needs --data DIR"),
        (with(&["--network=king6", "--dataset=bars", &data]), 2, "fashion-mnist"),
        (with(&["--network=king6", "--held-out=60", &data]), 2, "--held-out 60: must be below the 60"),
        (with(&["--network=king6", "--momentum=1", &data]), 2, "momentum = 1"),
        (with(&["--network=king6", "--weight-decay=-1", &data]), 2, "weight decay"),
        (with(&["--network=king6", "--average-rate=0", &data]), 2, "in (0, 1]"),
        (with(&["--network=king6", "--learning-rate=geometric:0..1", &data]), 2, "greater than 0"),
        (with(&["--network=king6", "--positive=1,2", &data]), 2, "BURN-IN,READS,SPACING"),
        (with(&["--network=king6", "--format=s9.9", &data]), 2, "1 to 15 bits"),
        (with(&["--network=king6", "--unrolled=0", &data]), 2, "not all 0"),
        (with(&["--network=king6", "--unrolled-reads=13", &data]), 2, "1 to the 12 unrolled sweeps"),
        (with(&["--network=king6", "--unrolled-sweeps=257", &data]), 2, "1 to 256"),
        (with(&["--network=king6", "--sharpness=0", &data]), 2, "sharpness = 0"),
        (with(&["--network=king6", "--draw-betas=-1..1", &data]), 2, "--draw-betas -1..1"),
        (with(&["--network=king6", "--export=/none/x.dbm", &data]), 3, "--export /none/x.dbm"),
        // Couplings that 16 bits do not hold are no result.
        (
            with(&["--network=king6", "--format=s7.8", "--learning-rate=1000", "--copies=2", &data]),
            1,
            "--learning-rate",
        ),
        (ask("classify", name("none.dbm"), &[&data]), 3, "none.dbm: No such file"),
        (ask("classify", name("cut.dbm"), &[&data]), 3, "cut.dbm: byte 20"),
        (ask("classify", name("flipped.dbm"), &[&data]), 3, "checksum"),
        (ask("classify", name("newer.dbm"), &[&data]), 3, "this program reads format 1"),
        (ask("classify", name("text.dbm"), &[&data]), 3, "text.dbm: header"),
        (ask("classify", name("train/checkpoint"), &[&data]), 3, "a checkpoint, not the network.dbm"),
        (ask("classify", file.clone(), &[&other]), 3, "mnist"),
        (ask("classify", file.clone(), &["--sweeps=1", &data]), 2, "--sweeps"),
        (ask("classify", file.clone(), &["--betas=-1", &data]), 2, "--betas -1: must be at least 0"),
        (ask("generate", file.clone(), &["2"]), 2, "class 2: "),
        (ask("generate", file.clone(), &["999"]), 2, "class 999"),
        (ask("generate", file.clone(), &["x.dbm"]), 2, "a network is named already"),
        (ask("generate", file.clone(), &["--count=0"]), 2, "--count"),
        (ask("inpaint", file.clone(), &["--hide=2,2,2,2", &data]), 2, "not within 3 x 3 pixels"),
        (ask("inpaint", file.clone(), &["--hide=middle", &data]), 2, "left, right, top, bottom"),
        (ask("evaluate", file.clone(), &["--ladder=10,1", &data]), 2, "--ladder"),
    ] {
        let done = run(words.iter().chain([&out(&place.at("bad"))]));
        assert_eq!(code(&done), expected, "{words:?}: {}", message(&done));
        assert!(message(&done).contains(text), "{words:?}: no '{text}' in: {}", message(&done));
        assert!(!place.at("bad/results.json").exists(), "{words:?} left results");
        let _ = fs::remove_dir_all(place.at("bad"));
    }
    // Images of another shape than the machine learned.
    let words = ["dbm", "classify", "--quiet"];
    let refused = run_to(2, place.line(&words, "shape"));
    assert!(refused.contains("28 x 28 pixels") && refused.contains("3 x 3"), "{refused}");
}
