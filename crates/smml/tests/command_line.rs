//! The command line: exit codes, suggestions, ranges, sizes, series that cannot be written, help, completions, and a
//! reader who goes away. A command that is refused leaves nothing behind.

use std::fs;

mod common;
use common::*;

#[test]
fn exit_codes_and_messages() {
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name).display().to_string();
    for (name, text) in [
        ("file", &b"not a folder"[..]),
        ("bad.toml", b"command = 'ising'\nbeta = 1\n\nsise = 8\n"),
        ("value.toml", b"command = 'ising'\nbeta = 1\nsize = 'big'\n"),
        ("what.toml", b"command = 'reproduce'\nwhat = ['unknown']\n"),
        ("latin1.toml", b"command = 'ising'\nbeta = 1 # \xe9\n"),
        ("ok.toml", b"command = 'ising'\ntemperature = 2\nsize = 4\n"),
    ] {
        fs::write(place.path().join(name), text).unwrap();
    }
    let (bad, value, what) = (path("bad.toml"), path("value.toml"), path("what.toml"));
    let (latin1, ok, none) = (path("latin1.toml"), path("ok.toml"), path("none.toml"));
    let (x, file, short) = (format!("--out={}", path("x")), format!("--out={}", path("file")), path("short"));
    let short = format!("--out={short}");
    let cases: &[(&[&str], i32, &str)] = &[
        (&["--help"], 0, ""),
        (&["--version"], 0, ""),
        (&["eq", "41"], 0, ""),
        (&["reproduce", "--list"], 0, ""),
        (&["run", &ok, "--help"], 0, ""),
        // Three samples are no result, and say so.
        (&["ising", "--size=4", "--beta=0.4", "--sweeps=3", &short], 1, "too short"),
        (&[], 2, "Usage"),
        // The nearest valid name.
        (&["isnig"], 2, "'ising'"),
        (&["ising", "--temprature=2"], 2, "'--temperature'"),
        (&["ising", "--lattice=sqare"], 2, "'square'"),
        (&["rbm", "trian"], 2, "'train'"),
        (&["rbm", "train", "--hiden=2"], 2, "'--hidden'"),
        (&["reproduce", "--ful"], 2, "'--full'"),
        (&["reproduce", "isng-onsager"], 2, "did you mean 'ising-onsager'?"),
        (&["reproduce", "unknown"], 2, "--list shows all"),
        (&["reproduce", "7"], 2, "equation 7 has no check yet"),
        (&["eq", "63"], 2, "62"),
        (&["eq", "99"], 2, "did you mean"),
        (&["eq", "metroplis"], 2, "did you mean A2"),
        (&["completions", "zish"], 2, "'zsh'"),
        (&["run", &bad], 2, "line 4: unknown key 'sise'; did you mean 'size'?"),
        (&["run", &value], 2, "line 3: invalid value 'big' for 'size'"),
        (&["run", &what], 2, "no chapter, equation or check 'unknown'"),
        (&["run", &ok, "--sise=2"], 2, "'--size'"),
        (&["run", &none], 3, "none.toml"),
        (&["run", &latin1], 3, "byte 29"),
        // Temperatures.
        (&["ising"], 2, "--temperature"),
        (&["ising", "-T", "2", "--size", "-4"], 2, "-4 is not in 1..=8192"),
        (&["ising", "-T", "2", "--seed", "-1"], 2, "'--seed <N>'"),
        (&["reproduce", "rl"], 2, "nothing to check here yet"),
        (&["ising", "-T=2", "--beta=1"], 2, "cannot be used with"),
        (&["ising", "-T", "-1", &x], 2, "greater than 0"),
        (&["ising", "-T=0", &x], 2, "greater than 0"),
        (&["ising", "-T=1..-1:5", &x], 2, "greater than 0"),
        (&["ising", "-T=1e-320", &x], 2, "at least 1e-30"),
        (&["ising", "--beta=1,1e31", &x], 2, "--beta 1e31: must be between -1e30 and 1e30"),
        (&["ising", "-T=nan", &x], 2, "not finite"),
        (&["ising", "--beta=inf", &x], 2, "not finite"),
        (&["ising", "-T=2..3:1", &x], 2, "2 to 10000 values"),
        (&["ising", "-T=2..3:1000000000", &x], 2, "2 to 10000 values"),
        (&["ising", "-T=2..3", &x], 2, "A..B:N"),
        (&["ising", "-T=2..2:3", &x], 2, "must differ"),
        (&["ising", "--beta=-1e308..1e308:3", &x], 2, "too wide"),
        (&["rbm", "sample", "--model=m", "--beta=0"], 2, "greater than 0"),
        (&["rbm", "sample", "--model=m", "--temperature=-1"], 2, "greater than 0"),
        (&["rbm", "sample", "--model=m", "--temperature=1", "--beta=1"], 2, "cannot be used with"),
        // Sizes, refused before anything is allocated.
        (&["ising", "-T=2", "--size=0", &x], 2, "--size"),
        (&["ising", "-T=2", "--size=4294967296", &x], 2, "--size"),
        (&["ising", "-T=2", "--size=8,4", &x], 2, "4 is not above 8: sides must increase"),
        (&["ising", "-T=2", "--size=8,9000", &x], 2, "9000 is not in 1..=8192"),
        (&["ising", "-T=2,3", "--size=4096,8192", "--sweeps=1000000000", &x], 2, "--size 4096,8192, 2 temp"),
        // Tempering and correlations.
        (&["ising", "-T=2", "--tempering", &x], 2, "two different temperatures"),
        (&["ising", "-T=2,3", "--tempering=best", &x], 2, "'best'"),
        (&["ising", "-T=2,3", "--tempering", "--start=up", &x], 2, "--start up"),
        (&["ising", "-T=2,3", "--tempering", "--time=1s", &x], 2, "--burn-in is needed"),
        (&["ising", "-T=2,3", "--tempering=acceptance", "--burn-in=40", &x], 2, "needs 60 or more"),
        (
            &["ising", "-T=2,3", "--tempering", "--thin=18446744073709551615", &x],
            2,
            "--thin 18446744073709551615",
        ),
        (
            &["ising", "-T=2,3", "--tempering", "--burn-in=18446744073709551615", &x],
            2,
            "--burn-in 184467440737",
        ),
        (&["ising", "-T=2,3", "--tempering", "--sweeps=1", &x], 2, "--sweeps 1: "),
        (&["ising", "-T=2,2.00000000000001", &x], 2, "too near"),
        (&["ising", "-T=2", "--size=1", &x], 2, "--size 1: "),
        (&["ising", "-T=2", "--correlations", "--lattice=honeycomb", &x], 2, "--correlations: for chains"),
        (&["ising", "-T=2", "--correlations", "--boundary=open", &x], 2, "--correlations: for chains"),
        (&["ising", "-T=1..2:10000", "--size=8192", &x], 2, "GiB"),
        (&["ising", "-T=2", "--size=4", "--sweeps=1000000000000000000", &x], 2, "GiB"),
        (&["ising", "-T=2", "--sweeps=18446744073709551616", &x], 2, "--sweeps"),
        (&["ising", "-T=2", "--sweeps=10", "--thin=11", &x], 2, "--thin 11"),
        (&["ising", "-T=2", "--coupling=nan", &x], 2, "--coupling NaN: must be between"),
        (&["ising", "-T=2", "--field=-1e300", &x], 2, "--field -1e300: must be between"),
        (&["ising", "-T=2", "--time=0s", &x], 2, "--time"),
        (&["ising", "-T=2", "--threads=0", &x], 2, "--threads"),
        (&["ising", "-T=2", "--force", "--resume", &x], 2, "cannot be used with"),
        // Places.
        (&["ising", "-T=2", &file], 3, "file"),
        (&["reproduce", "36", "--data=/nowhere/at/all", &x], 3, "/nowhere/at/all"),
        (&["rbm", "sample", "--model=/nowhere/model", &x], 3, "/nowhere/model"),
        (&["rbm", "train", "--dataset=mnist", &x], 2, "ossci-datasets"),
    ];
    for (words, expected, said) in cases {
        let message = run_to(*expected, *words);
        assert!(message.contains(said), "{words:?}: no '{said}' in: {message}");
        assert!(!message.contains("panicked"), "{words:?}: {message}");
    }
    assert!(!place.path().join("x").exists(), "a refused run left a folder");
}

#[test]
fn a_series_that_cannot_be_written_is_refused_before_the_run() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    fs::write(at("file"), "x").unwrap();
    fs::create_dir(at("folder.csv")).unwrap();
    let x = at("x");
    // Long: a test that got as far as the run would not end.
    let ising = ["ising", "-T=2", "--size=64", "--burn-in=1000000000000"];
    for (series, expected, said) in [
        (at("a.txt"), 2, ".csv or .npz"),
        (at("a"), 2, ".csv or .npz"),
        (at("folder.csv"), 2, "is a folder"),
        (x.join("figures/energy.csv"), 2, "figures of the report"),
        (at("none/a.csv"), 3, "none"),
        (at("file/a.csv"), 3, "file"),
    ] {
        let flag = format!("--series={}", series.display());
        let message = run_to(expected, line(&[&ising[..], &[&flag]].concat(), &x));
        assert!(message.contains(said) && message.contains("--series"), "{series:?}: {message}");
    }
    // Not over an input, by whatever name.
    fs::write(at("model.csv"), "a model").unwrap();
    fs::write(at("config.csv"), "command = 'ising'\ntemperature = 2\nburn-in = 1000000000000\n").unwrap();
    let (model, config) = (at("model.csv").display().to_string(), at("config.csv").display().to_string());
    let roundabout = at("folder.csv").join("../model.csv").display().to_string();
    for words in [
        &["rbm", "sample", "--model", &model, "--series", &model][..],
        &["rbm", "evaluate", "--model", &model, "--series", &roundabout],
        &["run", &config, "--series", &config],
    ] {
        let message = run_to(2, line(words, &x));
        assert!(message.contains("is an input of this run"), "{words:?}: {message}");
    }
    assert_eq!(read(&at("model.csv")), "a model");
    assert_eq!(files(place.path(), &[]), ["config.csv", "file", "model.csv"]);
}

#[test]
fn flags_after_a_file_override_it() {
    let place = tempfile::tempdir().unwrap();
    let config = place.path().join("c.toml");
    fs::write(&config, "command = 'ising'\ntemperature = 2\nsize = 4\nthin = 3\nsweeps = 900\nseed = 5\n")
        .unwrap();
    let config = config.display().to_string();
    let folder = place.path().join("run");
    run_to(0, line(&["run", &config, "--beta", "0.5,0.4", "--seed=1", "--sweeps=600", "--quiet"], &folder));
    let text = read(&folder.join("config.toml"));
    for want in ["beta = \"0.5,0.4\"\n", "seed = 1\n", "sweeps = 600\n", "thin = 3\n", "size = 4\n"] {
        assert!(text.contains(want), "{text}");
    }
    assert!(!text.contains("temperature"), "{text}");
    // Alike from TOML lists and with flags that exclude a key.
    let reproduce = place.path().join("r.toml");
    fs::write(&reproduce, "command = 'reproduce'\nwhat = ['gibbs-distribution', '6']\nfull = true\n")
        .unwrap();
    let folder = place.path().join("reproduce");
    run_to(0, line(&["run", &reproduce.display().to_string(), "--quick", "--quiet"], &folder));
    let text = read(&folder.join("config.toml"));
    assert!(text.contains("quick = true\n") && !text.contains("full") && text.contains("\"6\""), "{text}");
}

#[test]
fn every_command_and_flag_is_explained() {
    for command in [
        &[][..],
        &["reproduce"],
        &["eq"],
        &["ising"],
        &["ebm"],
        &["ebm", "train"],
        &["ebm", "losses"],
        &["ebm", "collapse"],
        &["rbm"],
        &["rbm", "train"],
        &["rbm", "sample"],
        &["rbm", "classify"],
        &["rbm", "evaluate"],
        &["dbm"],
        &["dbm", "train"],
        &["dbm", "classify"],
        &["dbm", "generate"],
        &["dbm", "inpaint"],
        &["dbm", "evaluate"],
        &["data"],
        &["run"],
        &["completions"],
    ] {
        let help = run([command, &["-h"]].concat());
        assert_eq!(code(&help), 0);
        let text = String::from_utf8_lossy(&help.stdout).into_owned();
        assert!(text.contains("Usage: smml"), "{text}");
        let lines: Vec<&str> = text.lines().collect();
        for (k, flag) in lines
            .iter()
            .enumerate()
            .filter(|(_, l)| l.find('-').is_some_and(|at| at <= 6 && l[..at].trim().is_empty()))
        {
            // The words stand behind the flag, or on the next line.
            let behind = flag.trim_start().split_once("  ").map_or("", |(_, words)| words.trim());
            let next = lines.get(k + 1).map_or("", |l| l.trim());
            assert!(!behind.is_empty() || !(next.is_empty() || next.starts_with('-')), "{command:?}: {flag}");
        }
    }
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = run(["completions", shell]);
        assert_eq!(code(&script), 0, "{shell}");
        let text = String::from_utf8_lossy(&script.stdout).into_owned();
        for word in ["reproduce", "ising", "checkpoint-every"] {
            assert!(text.contains(word), "{shell} does not know {word}");
        }
        // Values are completed where the shell's script has a place for them.
        assert!(text.contains("heat-bath") || ["powershell", "elvish"].contains(&shell), "{shell}");
    }
}

#[test]
fn checks_are_listed_for_people_and_programs() {
    let list = run(["reproduce", "physics", "--list", "--json"]);
    assert_eq!(code(&list), 0);
    let list: serde_json::Value = serde_json::from_slice(&list.stdout).unwrap();
    let text = run(["reproduce", "physics", "--list"]);
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert_eq!(text.lines().count(), list.as_array().unwrap().len());
    for check in list.as_array().unwrap() {
        assert!(text.contains(check["id"].as_str().unwrap()), "{check}");
        assert_eq!(check["chapter"], "physics");
    }
}

#[cfg(unix)]
#[test]
fn a_reader_who_goes_away_is_no_error() {
    let place = tempfile::tempdir().unwrap();
    let out = format!("--out={}", place.path().join("run").display());
    let reproduce = format!("--out={}", place.path().join("reproduce").display());
    for line in [
        &["eq"][..],
        &["eq", "--json"],
        &["data"],
        &["completions", "bash"],
        &["--help"],
        &["reproduce", "--list"],
        &["reproduce", "gibbs-distribution", "--quick", &reproduce],
        &["ising", "--size=4", "--beta=0.3", "--sweeps=2000", "--seed=1", "--json", &out],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let done = smml(line).stdout(writer).output().unwrap();
        assert_eq!(code(&done), 0, "{line:?}: {}", message(&done));
        assert!(!message(&done).contains("error"), "{line:?}: {}", message(&done));
    }
    assert!(place.path().join("run/results.json").exists());
    assert!(place.path().join("reproduce/results.json").exists());
}
