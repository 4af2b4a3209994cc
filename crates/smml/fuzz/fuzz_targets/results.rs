//! Any text as the `results.json` of a finished run, which `--resume` reads. The program has no library, so its modules
//! are included; a test of `run/results.rs` replays the corpus.
#![no_main]
#![allow(dead_code, unused_imports)]

use libfuzzer_sys::fuzz_target;

#[path = "../../src/args.rs"]
mod args;
#[path = "../../src/catalogue/mod.rs"]
mod catalogue;
#[path = "../../src/error.rs"]
mod error;
#[path = "../../src/output.rs"]
mod output;
#[path = "../../src/report/mod.rs"]
mod report;
#[path = "../../src/reproduce/mod.rs"]
mod reproduce;
#[path = "../../src/run/mod.rs"]
mod run;
#[path = "../../src/values.rs"]
mod values;

fuzz_target!(|text: &str| {
    if let Ok(document) = run::results::Document::read(text) {
        // What is read can be written and read again.
        let text = document.json().unwrap_or_default();
        assert!(run::results::Document::read(&text).is_ok(), "{text}");
    }
});
