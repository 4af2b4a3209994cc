//! The corpus of the fuzz target `idx` (`fuzz/corpus/idx`), replayed, then mutated with a fixed seed: no panic, no slow
//! file, no memory that the file does not warrant. Names of files that must be accepted begin with `valid`; all others
//! are hostile.

use peak_alloc::PeakAlloc;
use smml_core::rng::{Draw, Streams};
use smml_learn::data::idx::{self, Idx};
use std::{path::Path, time::Instant};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

fn judge(name: &str, bytes: &[u8]) -> Option<Idx> {
    let start = Instant::now();
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    let found = idx::from_bytes(bytes, Path::new(name));
    let used = MEMORY.peak_usage().saturating_sub(before);
    // What gzip can hold, twice for a vector that grows, and the decoder's tables.
    assert!(used <= 2 * 1040 * bytes.len() + (1 << 20), "{name}: {used} bytes of memory for {}", bytes.len());
    assert!(start.elapsed().as_secs_f64() < 1.0, "{name}: {:?}", start.elapsed());
    match found {
        Ok(idx) => {
            assert_eq!(idx.values.len(), idx.dims.iter().product::<usize>(), "{name}");
            Some(idx)
        }
        Err(e) => {
            let text = e.to_string();
            assert!(text.contains(name) && text.contains("byte"), "no file or place in: {text}");
            None
        }
    }
}

// One test, so that nothing else allocates meanwhile.
#[test]
fn corpus_and_mutations() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/idx");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 25, "the corpus is incomplete: {files:?}");
    let corpus: Vec<Vec<u8>> = files.iter().map(|f| std::fs::read(f).unwrap()).collect();
    for (path, bytes) in files.iter().zip(&corpus) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        assert_eq!(judge(&name, bytes).is_some(), name.starts_with("valid"), "{name}");
    }
    let find = |name: &str| files.iter().position(|f| f.ends_with(name)).map(|i| &corpus[i]).unwrap();
    for name in ["valid_images", "valid_images_gz", "valid_two_members"] {
        let idx = judge(name, find(name)).unwrap();
        assert_eq!((idx.dims, idx.values), (vec![2, 3, 2], (0..12).collect()), "{name}");
    }

    let mut rng = Streams::new(1).stream("mutations", 0);
    for round in 0..20_000 {
        let mut bytes = corpus[rng.below(corpus.len())].clone();
        for _ in 0..1 + rng.below(4) {
            let at = rng.below(bytes.len() + 1);
            match rng.below(5) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, rng.below(256) as u8),
                2 if at < bytes.len() => bytes[at] ^= 1 << rng.below(8),
                3 if at + 4 <= bytes.len() => {
                    let shift = rng.below(32);
                    bytes[at..at + 4].copy_from_slice(&(u32::MAX >> shift).to_be_bytes());
                }
                _ => {
                    let other = &corpus[rng.below(corpus.len())];
                    bytes.extend_from_slice(&other[..rng.below(other.len() + 1)]);
                }
            }
        }
        judge(&format!("mutation {round}"), &bytes);
    }
}
