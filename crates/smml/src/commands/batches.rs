//! Searches that come in batches of runs: one batch after another on all threads, saved on the way, stopped by a signal or
//! a time limit, gone on with later, and the same whatever the number of threads.

use crate::{
    args::RunArgs,
    error::Failure,
    report::{
        figure::{Axis, Figure, Series, Style},
        histogram,
    },
    run::{folder::Folder, progress, signals},
};
use serde::{Serialize, de::DeserializeOwned};
use smml_core::{
    parallel::{self, Par},
    store,
};
use std::time::Instant;

/// Bins of the histogram of results.
const BINS: usize = 60;
/// The part of the manifest that holds the time.
const PART: &str = "search";

/// What is saved of a search.
pub(crate) trait Saved: Serialize + DeserializeOwned {
    /// What a batch brings.
    type Batch: Send;
    /// Batches that are in it.
    fn n_batches(&self) -> u64;
    /// Takes the next batch in.
    fn take(&mut self, batch: Self::Batch) -> Result<(), Failure>;
    /// Whether there is something to report: time is over only then.
    fn has_result(&self) -> bool {
        self.n_batches() > 0
    }
    /// Whether nothing more is wanted.
    fn is_done(&self) -> bool {
        false
    }
}

/// How long a search goes on.
pub(crate) struct Extent {
    /// Batches, unless time is over before.
    pub(crate) batches: u64,
    /// Seconds.
    pub(crate) limit: Option<f64>,
}

/// The checkpoint of an earlier run that is gone on with, if that is asked for.
pub(crate) fn load<S: Saved>(run: &RunArgs, folder: &Folder, hash: u64) -> Result<Option<S>, Failure> {
    if !run.resume {
        return Ok(None);
    }
    Ok(store::load::<S>(&folder.file("checkpoint"), hash)?.map(|l| l.value))
}

/// Runs batches until there are enough or time is over, and returns the seconds they took, those of earlier runs with
/// them. What `saved` then holds is in the checkpoint.
pub(crate) fn search<S: Saved>(
    run: &RunArgs,
    folder: &Folder,
    (seed, hash): (u64, u64),
    extent: &Extent,
    saved: &mut S,
    batch: impl Fn(u64) -> Result<S::Batch, Failure> + Sync,
) -> Result<f64, Failure> {
    let began = Instant::now();
    let checkpoint = folder.file("checkpoint");
    // Times are in the manifest, not in the checkpoint, which is the same every time.
    let before = if saved.n_batches() > 0 { folder.parts().get(PART).copied().unwrap_or(0.0) } else { 0.0 };
    store::save(&checkpoint, &*saved, hash)?;
    let limit = extent.limit.unwrap_or(f64::INFINITY);
    let bar = progress::bar(extent.limit.map_or(extent.batches, |l| (l * 1e3) as u64), run.quiet);
    let threads = rayon::current_num_threads() as u64;
    let stopped =
        format!("stopped; continue with --resume --out {} and the same arguments", folder.path().display());
    signals::listen();
    let mut last_saved = Instant::now();
    let mut seconds = before;
    loop {
        let done = saved.n_batches();
        let out_of_time = began.elapsed().as_secs_f64() >= limit && saved.has_result();
        if done >= extent.batches || out_of_time || saved.is_done() {
            break;
        }
        // The next batches, one for each thread, do not depend on how many there are.
        let n = threads.min(extent.batches - done);
        signals::at_once(Some(&stopped));
        if signals::stop() {
            break;
        }
        let found = parallel::map(Par::Rayon, n as usize, |k| batch(done + k as u64));
        signals::at_once(None);
        for found in found {
            saved.take(found?)?;
        }
        seconds = before + began.elapsed().as_secs_f64();
        folder.part(PART, seconds);
        if last_saved.elapsed().as_secs_f64() >= run.checkpoint_every {
            store::save(&checkpoint, &*saved, hash)?;
            folder.write_manifest(seed)?;
            last_saved = Instant::now();
        }
        bar.set_position(if extent.limit.is_some() { (seconds * 1e3) as u64 } else { saved.n_batches() });
    }
    bar.finish_and_clear();
    store::save(&checkpoint, &*saved, hash)?;
    if signals::stop() {
        return Err(Failure::Interrupted(stopped));
    }
    Ok(seconds)
}

/// How often each value was the end of a run.
pub(crate) fn ends(values: &[f64]) -> Figure {
    let points = histogram::bins(values, BINS);
    Figure::plot(
        "values",
        "Where runs ended",
        "Number of runs by the value they found. The results of a search have a best and no mean.",
        Axis::linear("value"),
        Axis::linear("runs"),
        vec![Series::new("runs", Style::Bars, points)],
    )
}
