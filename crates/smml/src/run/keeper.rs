//! What a run keeps on the way, so that a signal or a kill costs no more than the last minute.

use crate::{
    args::RunArgs,
    error::Failure,
    output,
    run::{folder::Folder, signals},
};
use serde::{Serialize, de::DeserializeOwned};
use smml_core::store;
use std::{path::PathBuf, time::Instant};

/// The checkpoint of a run, and when it is due. `P` is everything that is saved.
pub(crate) struct Keeper<P> {
    pub(crate) progress: P,
    path: PathBuf,
    hash: u64,
    every: f64,
    saved: Instant,
    /// How to go on, for people.
    how: String,
    pub(crate) quiet: bool,
}

impl<P: Default + Serialize + DeserializeOwned> Keeper<P> {
    /// Takes up what the folder holds of this run. From here on a signal asks the run to save and stop.
    pub(crate) fn new(folder: &Folder, run: &RunArgs, hash: u64) -> Result<Self, Failure> {
        let path = folder.file("checkpoint");
        let loaded = if run.resume { store::load::<P>(&path, hash)? } else { None };
        let progress = match loaded {
            Some(found) => {
                if let Some(why) = found.fell_back {
                    output::remark(
                        run.quiet,
                        &format!("resuming from the checkpoint before the last: {why}"),
                    );
                }
                found.value
            }
            None => P::default(),
        };
        signals::listen();
        let how = format!("continue with --resume --out {} and the same arguments", folder.path().display());
        Ok(Keeper {
            progress,
            path,
            hash,
            every: run.checkpoint_every,
            saved: Instant::now(),
            how,
            quiet: run.quiet,
        })
    }
    /// Between two pieces of work: saves when it is time to, and stops when a signal came. `update` brings the
    /// progress up to date; it is called only before saving.
    pub(crate) fn pause(
        &mut self,
        update: impl FnOnce(&mut P) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let stop = signals::stop();
        if stop || self.saved.elapsed().as_secs_f64() >= self.every {
            update(&mut self.progress)?;
            self.save()?;
        }
        if stop { Err(Failure::Interrupted(format!("stopped; {}", self.how))) } else { Ok(()) }
    }
    /// Saves now.
    pub(crate) fn save(&mut self) -> Result<(), Failure> {
        store::save(&self.path, &self.progress, self.hash)?;
        self.saved = Instant::now();
        Ok(())
    }
    /// Does work that cannot be divided and writes nothing: a signal ends the program at once, with what was saved.
    pub(crate) fn undivided<T>(&mut self, work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
        signals::at_once(Some(&format!("stopped; {}", self.how)));
        // A signal that came before is still to be obeyed.
        let result = if signals::stop() { None } else { Some(work()) };
        signals::at_once(None);
        match result {
            Some(result) => result,
            None => Err(Failure::Interrupted(format!("stopped; {}", self.how))),
        }
    }
}
