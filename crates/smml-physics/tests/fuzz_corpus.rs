//! The corpus of the fuzz target `problem` (`fuzz/corpus/problem`), replayed, then mutated with a fixed seed: no panic,
//! no slow file, no memory that the file does not warrant. Names of files that must be accepted begin with `valid`; all
//! others are hostile. The extension says the format.

use peak_alloc::PeakAlloc;
use smml_core::rng::{Draw, Streams};
use smml_physics::problem::formats::{Format, Options, Read, from_bytes, to_text};
use std::{path::Path, time::Instant};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Bytes of memory for a byte of text: an entry of four characters (`0 1 ` and a sign) is some 150 bytes of pairs, of a
/// set to find repeated ones, and of a graph. What gzip can hold is 1040 times its length.
const FACTOR: usize = 80;

/// A few vectors of MAX_UNUSED variables.
const BASE: usize = 8 << 20;

fn judge(name: &str, bytes: &[u8], format: Option<Format>) -> Option<Read> {
    let start = Instant::now();
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    let found = from_bytes(bytes, Path::new(name), &Options { format, form: None });
    let used = MEMORY.peak_usage().saturating_sub(before);
    let text = if bytes.starts_with(&[0x1f, 0x8b]) { 1040 * bytes.len() } else { bytes.len() };
    assert!(used <= FACTOR * text + BASE, "{name}: {used} bytes of memory for {} ({format:?})", bytes.len());
    assert!(start.elapsed().as_secs_f64() < 1.0, "{name}: {:?}", start.elapsed());
    match found {
        Ok(read) => {
            // What was read can be written, where the format holds it, and read again.
            if let Ok(text) = to_text(&read.problem, read.format) {
                let options = Options { format: Some(read.format), form: None };
                let again = from_bytes(text.as_bytes(), Path::new(name), &options);
                let again = again.unwrap_or_else(|e| panic!("{name}: written and refused: {e}\n{text}"));
                assert_eq!(again.problem.n_variables(), read.problem.n_variables(), "{name}");
            }
            Some(read)
        }
        Err(e) => {
            let text = e.to_string();
            let placed = ["line", "field", "gzip data"].iter().any(|place| text.contains(place));
            assert!(text.contains(name) && placed, "no file or place in: {text}");
            None
        }
    }
}

// One test, so that nothing else allocates meanwhile.
#[test]
fn corpus_and_mutations() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/problem");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 110, "the corpus is incomplete: {files:?}");
    let corpus: Vec<Vec<u8>> = files.iter().map(|f| std::fs::read(f).unwrap()).collect();
    for (path, bytes) in files.iter().zip(&corpus) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        assert_eq!(judge(&name, bytes, None).is_some(), name.starts_with("valid"), "{name}");
        for format in Format::ALL {
            judge(&name, bytes, Some(format));
        }
    }

    let mut rng = Streams::new(1).stream("mutations", 0);
    // Large files once: what is mutated is small.
    let small: Vec<&Vec<u8>> = corpus.iter().filter(|bytes| bytes.len() < 10_000).collect();
    for round in 0..20_000 {
        let mut bytes = small[rng.below(small.len())].clone();
        for _ in 0..1 + rng.below(4) {
            let at = rng.below(bytes.len() + 1);
            match rng.below(5) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, rng.below(256) as u8),
                2 if at < bytes.len() => bytes[at] ^= 1 << rng.below(8),
                3 => {
                    let word: &[u8] =
                        [&b" 0 "[..], b"-1", b"\n", b"9", b"1e300", b" 2 1 ", b"c ", b"h ", b"%"]
                            [rng.below(9)];
                    bytes.splice(at..at, word.iter().copied());
                }
                _ => {
                    let other = small[rng.below(small.len())];
                    bytes.extend_from_slice(&other[..rng.below(other.len() + 1)]);
                }
            }
        }
        let format = [None, Some(Format::ALL[rng.below(6)])][rng.below(2)];
        judge(&format!("mutation {round}"), &bytes, format);
    }
}
