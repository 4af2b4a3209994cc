//! Any text as a configuration file of `smml run`. The program has no library, so its modules are included;
//! `tests/fuzz_corpus.rs` replays the corpus.
#![no_main]
#![allow(dead_code)]

use libfuzzer_sys::fuzz_target;

#[path = "../../src/args.rs"]
mod args;
#[path = "../../src/run/config.rs"]
mod config;
#[path = "../../src/error.rs"]
mod error;
#[path = "../../src/values.rs"]
mod values;

fuzz_target!(|text: &str| {
    if let Ok(line) = config::parse(text) {
        use clap::Parser;
        // What is let through must be a command line that the program takes.
        let line = std::iter::once("smml".to_string()).chain(line.arguments(&[]));
        assert!(args::Cli::try_parse_from(line).is_ok());
    }
});
