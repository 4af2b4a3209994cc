//! The corpus of the fuzz target `config` (`fuzz/corpus/config`), replayed, then mutated with a fixed seed: no panic, no
//! slow file, no memory that the file does not warrant. Names of files that must be accepted begin with `valid`; all
//! others are hostile. The program itself reads the hostile ones too: exit code 2 or 3, with a message.

// The program has no library: the modules of the parser are included, and not all of them is used.
#![allow(dead_code)]

use peak_alloc::PeakAlloc;
use smml_core::rng::{Draw, Streams};
use std::{path::Path, process::Command, time::Instant};

#[path = "../src/args.rs"]
mod args;
#[path = "../src/run/config.rs"]
mod config;
#[path = "../src/error.rs"]
mod error;
#[path = "../src/values.rs"]
mod values;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Parses; returns whether the text was accepted.
fn judge(name: &str, text: &str) -> bool {
    let start = Instant::now();
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let found = config::parse(text);
    let used = MEMORY.peak_usage().saturating_sub(before);
    // The command line's own description takes a megabyte or two; tests next door allocate as well.
    assert!(used <= 4096 * text.len() + (64 << 20), "{name}: {used} bytes of memory for {}", text.len());
    assert!(start.elapsed().as_secs_f64() < 1.0, "{name}: {:?}", start.elapsed());
    match found {
        Ok(line) => {
            use clap::Parser;
            let line: Vec<String> = std::iter::once("smml".to_string()).chain(line.arguments(&[])).collect();
            assert!(args::Cli::try_parse_from(&line).is_ok(), "{name}: {line:?}");
            true
        }
        Err(message) => {
            assert!(!message.is_empty(), "{name}");
            false
        }
    }
}

#[test]
fn corpus_and_mutations() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/config");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 60, "the corpus is incomplete: {files:?}");
    let mut corpus: Vec<String> = Vec::new();
    let nowhere = tempfile::tempdir().unwrap();
    for path in &files {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let valid = name.starts_with("valid");
        match std::fs::read_to_string(path) {
            Ok(text) => {
                assert_eq!(judge(&name, &text), valid, "{name}");
                corpus.push(text);
            }
            Err(_) => assert!(!valid, "{name}"),
        }
        if !valid {
            let run = Command::new(env!("CARGO_BIN_EXE_smml"))
                .arg("run")
                .arg(path)
                .current_dir(nowhere.path())
                .output()
                .unwrap();
            let message = String::from_utf8_lossy(&run.stderr);
            assert!(matches!(run.status.code(), Some(2 | 3)), "{name}: {}: {message}", run.status);
            assert!(message.contains(&name), "{name}: the message does not name it: {message}");
            assert!(run.stdout.is_empty(), "{name}");
        }
    }
    assert!(std::fs::read_dir(nowhere.path()).unwrap().next().is_none(), "something was written");

    let mut rng = Streams::new(1).stream("mutations", 0);
    for round in 0..20_000 {
        let mut bytes = corpus[rng.below(corpus.len())].clone().into_bytes();
        if bytes.len() > 1000 {
            continue;
        }
        for _ in 0..1 + rng.below(4) {
            let at = rng.below(bytes.len() + 1);
            match rng.below(4) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, b"[]{}=\"'.,#\n-0e\\"[rng.below(15)]),
                2 if at < bytes.len() => bytes[at] ^= 1 << rng.below(8),
                _ => {
                    let other = corpus[rng.below(corpus.len())].as_bytes();
                    bytes.extend_from_slice(&other[..rng.below(other.len().min(1000) + 1)]);
                }
            }
        }
        judge(&format!("mutation {round}"), &String::from_utf8_lossy(&bytes));
    }
}
