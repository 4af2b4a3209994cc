//! Any bytes as a checkpoint. A checksum that fits is all but never met by chance, so the bytes are also taken as the
//! content of an envelope that is whole: the codec behind it must stand on its own. `tests/fuzz_corpus.rs` replays the
//! corpus.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/fuzz_corpus/saved.rs"]
mod saved;

fuzz_target!(|bytes: &[u8]| {
    saved::replay(bytes);
});
