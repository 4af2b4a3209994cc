//! Any bytes as an idx file, plain or gzip. `tests/fuzz_corpus.rs` replays the corpus.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(idx) = smml_learn::data::idx::from_bytes(bytes, Path::new("fuzz")) {
        assert_eq!(idx.values.len(), idx.dims.iter().product::<usize>());
        assert!(idx.values.len() as u64 <= 1040 * bytes.len() as u64);
    }
});
