//! Searches that come in batches of runs: one batch after another on all threads, saved on the way, stopped by a signal or
//! a time limit, gone on with later, and the same whatever the number of threads.

use crate::{
    args::RunArgs,
    error::Failure,
    output::counted,
    report::{
        figure::{Axis, Figure, Series, Style},
        histogram,
    },
    run::{folder::Folder, progress, signals},
};
use serde::{Serialize, de::DeserializeOwned};
use smml_core::{
    parallel::{self, Par},
    rng::Streams,
    store,
};
use smml_physics::search::TimeToSolution;
use std::time::Instant;

/// Bins of the histogram of results.
const BINS: usize = 60;
/// The part of the manifest that holds the time.
const PART: &str = "search";
/// Batches that take longer, in seconds, are saved one by one, and a signal does not wait for the end of one.
const LONG: f64 = 0.5;

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

/// Refuses to throw away what was done: fewer batches than are saved. `asked` is how the flag was given, and `done` says
/// how much there is.
pub(crate) fn refuse_fewer<S: Saved>(
    extent: &Extent,
    saved: &S,
    asked: &str,
    done: impl std::fmt::Display,
) -> Result<(), Failure> {
    if saved.n_batches() > extent.batches {
        return Err(Failure::Usage(format!("{asked}: the checkpoint holds {done} already")));
    }
    Ok(())
}

/// Seconds of a search.
#[derive(Clone, Copy)]
pub(crate) struct Seconds {
    /// With those of earlier runs that it went on with.
    pub(crate) all: f64,
    /// Since it was started or gone on with.
    pub(crate) now: f64,
}

/// Runs batches until there are enough or time is over, and returns the seconds they took. What `saved` then holds is in the checkpoint.
pub(crate) fn search<S: Saved>(
    run: &RunArgs,
    folder: &Folder,
    (seed, hash): (u64, u64),
    extent: &Extent,
    saved: &mut S,
    batch: impl Fn(u64) -> Result<S::Batch, Failure> + Sync,
) -> Result<Seconds, Failure> {
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
    let mut is_saved = true;
    let mut seconds = before;
    // Times are saved whenever the rest is.
    let save = |saved: &S| -> Result<(), Failure> {
        store::save(&checkpoint, saved, hash)?;
        folder.write_manifest(seed)
    };
    loop {
        let done = saved.n_batches();
        let out_of_time = began.elapsed().as_secs_f64() >= limit && saved.has_result();
        if done >= extent.batches || out_of_time || saved.is_done() {
            break;
        }
        // The next batches, one for each thread, do not depend on how many there are.
        let n = threads.min(extent.batches - done);
        if is_saved {
            signals::at_once(Some(&stopped));
        }
        if signals::stop() {
            break;
        }
        let before_it = began.elapsed().as_secs_f64();
        let found = parallel::map(Par::Rayon, n as usize, |k| batch(done + k as u64));
        signals::at_once(None);
        for found in found {
            saved.take(found?)?;
        }
        let elapsed = began.elapsed().as_secs_f64();
        seconds = before + elapsed;
        folder.part(PART, seconds);
        let is_long = elapsed - before_it >= LONG;
        is_saved = is_long || last_saved.elapsed().as_secs_f64() >= run.checkpoint_every;
        if is_saved {
            save(saved)?;
            last_saved = Instant::now();
        }
        bar.set_position(if extent.limit.is_some() { (seconds * 1e3) as u64 } else { saved.n_batches() });
    }
    signals::at_once(None);
    bar.finish_and_clear();
    if !is_saved {
        save(saved)?;
    }
    if signals::stop() {
        return Err(Failure::Interrupted(stopped));
    }
    Ok(Seconds { all: seconds, now: began.elapsed().as_secs_f64() })
}

/// Probability of a solution that a time to solution is for.
const SURE: f64 = 0.99;
/// Level of the interval of [`TimeToSolution`], in percent.
const LEVEL: f64 = 95.0;

/// Runs of which some were successes, that come in batches.
pub(crate) struct Tally {
    pub(crate) hits: u64,
    pub(crate) runs: u64,
    /// Runs of one batch: none can be done alone.
    pub(crate) per_batch: u64,
    /// Seconds they took.
    pub(crate) seconds: f64,
    /// Whether success was named before the runs; else it is the best that they found.
    pub(crate) has_target: bool,
}

/// How long it takes to be sure of a success.
pub(crate) struct Sure {
    /// In batches: the same every time.
    pub(crate) note: String,
    /// In seconds, for the terminal.
    pub(crate) text: String,
}

impl Tally {
    /// A run succeeds with probability p, a batch of b runs with 1 - (1 - p)^b; what is done is whole batches, on every
    /// thread one at a time, and at least one. The time goes into the manifest: it is not the same every time.
    pub(crate) fn time_to_solution(&self, folder: &Folder, streams: &Streams) -> Result<Sure, Failure> {
        let tts =
            TimeToSolution::new(self.hits, self.runs, 1.0, SURE, &streams.child("time to solution", 0))?;
        let threads = rayon::current_num_threads() as u64;
        let done = self.runs.div_ceil(self.per_batch).max(1);
        let width = threads.min(done);
        let least = self.seconds.max(1e-9) / done.div_ceil(width) as f64;
        // ln(1 - 0.99) / ln((1 - p)^b): the runs that are needed, in batches of b.
        let batches = |runs: f64| (runs / self.per_batch as f64 - 1e-9).ceil().max(1.0);
        let time = |runs: f64| (batches(runs) / width as f64).ceil() * least;
        let (low, high) = tts.interval;
        let shown = |t: f64| if t.is_finite() { format!("{t:.3} s") } else { "unknown".into() };
        let number = |runs: f64| {
            let n = batches(runs);
            if n.is_finite() { format!("{n}") } else { "unknown".into() }
        };
        let what = if self.has_target { "the target" } else { "the best value found by these runs" };
        let needed = batches(tts.time);
        let thing = if self.per_batch == 1 { "run" } else { "batch" };
        let mut needed = if needed.is_finite() { counted(needed as u64, thing) } else { "unknown".into() };
        if self.per_batch > 1 {
            needed += &format!(" of {} runs", self.per_batch);
        }
        folder.time_to_solution(serde_json::json!({
            "of": what,
            "probability": SURE,
            "threads": threads,
            "seconds": time(tts.time),
            "interval": [time(low), time(high)],
            "interval_percent": LEVEL,
            "least_seconds": least,
        }));
        Ok(Sure {
            note: format!(
                "to be 99 % sure of {what}: {needed} ({LEVEL} % interval {} to {}); the time is in manifest.json",
                number(low),
                number(high)
            ),
            text: format!(
                "time to {what} with 99 % on {threads} thread(s): {} ({LEVEL} % interval {} to {}); the least is {} on \
                 each thread, {}\n",
                shown(time(tts.time)),
                shown(time(low)),
                shown(time(high)),
                if self.per_batch == 1 {
                    "a run".into()
                } else {
                    format!("a batch of {} runs", self.per_batch)
                },
                shown(least),
            ),
        })
    }
}

/// What to say when a time limit was not kept.
pub(crate) fn over_time(limit: Option<f64>, took: f64) -> String {
    match limit {
        Some(limit) if took > 1.1 * limit + 0.1 => {
            format!(
                "limit {limit} s, took {took:.1} s: a first result, and the end of a batch, is always awaited\n"
            )
        }
        _ => String::new(),
    }
}

/// Refuses temperatures that the names of results, which have 13 digits, do not tell apart.
pub(crate) fn distinct(flag: &str, temperatures: &[f64]) -> Result<(), Failure> {
    let mut names = std::collections::BTreeMap::new();
    for t in temperatures {
        if let Some(other) = names.insert(format!("{t:.12e}"), t) {
            return Err(Failure::Usage(format!("{flag} {t}: too near to {other}")));
        }
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::folder::Open;

    fn sure(tally: &Tally) -> Sure {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(place.path(), "x", "command = 'x'", Open::New).unwrap();
        tally.time_to_solution(&folder, &Streams::new(1)).unwrap()
    }

    /// ln 0.01 / ln(1 - p) runs in whole batches: 4.6 / 0.00979 = 470 of p = 5/512 are one batch of 512; of p = 1/512 it
    /// takes 2356 runs, five of them; of single runs with p = 1/2 seven.
    #[test]
    fn times_to_solution_are_whole_batches() {
        let tally = |hits, runs, per_batch| Tally { hits, runs, per_batch, seconds: 10.0, has_target: true };
        for (hits, runs, per_batch, needed) in [
            (512, 512, 512, "1 batch of 512 runs"),
            (5, 512, 512, "1 batch of 512 runs"),
            (1, 512, 512, "5 batches of 512 runs"),
            (500, 1000, 1, "7 runs"),
            (10, 10, 1, "1 run"),
        ] {
            let note = sure(&tally(hits, runs, per_batch)).note;
            assert!(note.starts_with(&format!("to be 99 % sure of the target: {needed} (95 %")), "{note}");
        }
        // One batch is all that ran: nothing takes less.
        let text = sure(&tally(512, 512, 512)).text;
        assert!(
            text.contains(": 10.000 s (95 % interval 10.000 s to 10.000 s); the least is a batch"),
            "{text}"
        );
        assert!(sure(&tally(0, 512, 512)).text.contains("unknown"));
    }

    #[test]
    fn limits_that_were_not_kept_are_named() {
        assert_eq!(over_time(Some(1.0), 1.1), "");
        assert_eq!(over_time(None, 100.0), "");
        assert!(over_time(Some(0.1), 18.0).starts_with("limit 0.1 s, took 18.0 s"));
    }
}
