//! The corpus of the fuzz target `checkpoint` (`fuzz/corpus/checkpoint`), replayed, then mutated with a fixed seed: no
//! panic, no wrong acceptance, no slow file, no memory that the file does not warrant. Names of files that must be accepted
//! begin with `valid`, others are hostile (`content_...` without the envelope).

use peak_alloc::PeakAlloc;
use smml_core::rng::{Draw, Streams};
use std::{path::Path, time::Instant};

#[path = "fuzz_corpus/saved.rs"]
mod saved;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Replays one input; returns whether it was accepted, in an envelope or without.
fn judge(name: &str, bytes: &[u8]) -> bool {
    let start = Instant::now();
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    let (whole, content) = saved::replay(bytes);
    let used = MEMORY.peak_usage().saturating_sub(before);
    // serde reserves up to 1 MiB for each list that is open, whatever its length claims.
    assert!(used <= 1024 * bytes.len() + (6 << 20), "{name}: {used} bytes of memory for {}", bytes.len());
    assert!(start.elapsed().as_secs_f64() < 1.0, "{name}: {:?}", start.elapsed());
    whole || content
}

// One test, so that nothing else allocates meanwhile.
#[test]
fn corpus_and_mutations() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/checkpoint");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 12, "the corpus is incomplete: {files:?}");
    let corpus: Vec<Vec<u8>> = files.iter().map(|f| std::fs::read(f).unwrap()).collect();
    for (path, bytes) in files.iter().zip(&corpus) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        assert_eq!(judge(&name, bytes), name.starts_with("valid"), "{name}");
    }
    // The valid ones are what this version writes, so the corpus cannot rot unnoticed.
    assert!(corpus.contains(&smml_core::store::encode(&saved::example(3), 0).unwrap()));

    let mut rng = Streams::new(1).stream("mutations", 0);
    for round in 0..20_000 {
        let mut bytes = corpus[rng.below(corpus.len())].clone();
        // Without the envelope most mutations reach the codec.
        if rng.chance(0.7) && bytes.len() > 32 {
            bytes.drain(..32);
        }
        for _ in 0..1 + rng.below(4) {
            let at = rng.below(bytes.len() + 1);
            match rng.below(5) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, rng.below(256) as u8),
                2 if at < bytes.len() => bytes[at] ^= 1 << rng.below(8),
                3 if at + 8 <= bytes.len() => {
                    let shift = rng.below(64);
                    bytes[at..at + 8].copy_from_slice(&(u64::MAX >> shift).to_le_bytes());
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
