//! What all runs share: the resolved configuration, the folder with its files, the form of the results, checkpoints,
//! signals, progress. Described for users in `docs/src/runs.md`.

pub(crate) mod config;
pub(crate) mod folder;
pub(crate) mod input;
pub(crate) mod keeper;
pub(crate) mod progress;
pub(crate) mod results;
pub(crate) mod series;
pub(crate) mod settle;
pub(crate) mod signals;

use crate::error::Failure;

/// Runs `f` with a pool of the given number of threads (all cores when `None`).
pub(crate) fn with_threads<T: Send>(
    threads: Option<u16>,
    f: impl FnOnce() -> Result<T, Failure> + Send,
) -> Result<T, Failure> {
    let n = threads.map_or(0, usize::from);
    rayon::ThreadPoolBuilder::new()
        .num_threads(n)
        .build()
        .map_err(|e| Failure::File(format!("cannot start {n} threads: {e}")))?
        .install(f)
}

/// A seed from the clock, when the user gave none; it is printed and saved.
pub(crate) fn drawn_seed() -> u64 {
    use std::time::{SystemTime, UNIX_EPOCH};
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as u64);
    // Short enough to be typed again; mixed, so that runs started together differ.
    (now ^ u64::from(std::process::id()).rotate_left(40)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40
}
