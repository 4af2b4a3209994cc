//! Any bytes as a file of a problem, in every format. What is read is written and read again. `tests/fuzz_corpus.rs`
//! replays the corpus.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smml_physics::problem::formats::{Format, Options, from_bytes, to_text};
use std::path::Path;

fuzz_target!(|bytes: &[u8]| {
    for format in Format::ALL {
        let options = Options { format: Some(format), ..Options::default() };
        if let Ok(read) = from_bytes(bytes, Path::new("fuzz"), &options) {
            let down = read.problem.minimised();
            assert!(down.n_variables() <= 1040 * bytes.len().max(1 << 16));
            for problem in [&read.problem, &down] {
                if let Ok(text) = to_text(problem, format) {
                    let again =
                        from_bytes(text.as_bytes(), Path::new("again"), &options).expect("what was written");
                    assert_eq!(again.problem.n_variables(), problem.n_variables());
                }
            }
        }
    }
});
