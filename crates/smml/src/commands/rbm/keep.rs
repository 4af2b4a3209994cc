//! What a run of `smml rbm` keeps, so that a signal or a kill costs no more than the last minute.

use super::draw::DrawnSoFar;
use crate::{
    args::RunArgs,
    error::Failure,
    output,
    run::{folder::Folder, signals},
};
use serde::{Deserialize, Serialize};
use smml_core::{Estimate, store};
use smml_learn::ebm::{RbmTrainerState, ais::SandwichState};
use std::{path::PathBuf, time::Instant};

/// One epoch of training.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Epoch {
    /// Fraction of visible units that differ between data and reconstruction.
    pub(super) reconstruction: Option<Estimate>,
    pub(super) learning_rate: f64,
    /// How good the machine was on test images, where it was measured.
    pub(super) test: Option<Estimate>,
}

/// Everything that is saved on the way. A command uses the parts that it has.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Progress {
    pub(super) trainer: Option<RbmTrainerState>,
    pub(super) epochs: Vec<Epoch>,
    pub(super) sandwich: Option<SandwichState>,
    pub(super) drawn: Option<DrawnSoFar>,
}

/// The checkpoint of a run, and when it is due.
pub(super) struct Keeper {
    pub(super) progress: Progress,
    path: PathBuf,
    hash: u64,
    every: f64,
    saved: Instant,
    /// How to go on, for people.
    how: String,
    pub(super) quiet: bool,
}

impl Keeper {
    /// Takes up what the folder holds of this run. From here on a signal asks the run to save and stop.
    pub(super) fn new(folder: &Folder, run: &RunArgs, hash: u64) -> Result<Self, Failure> {
        let path = folder.file("checkpoint");
        let loaded = if run.resume { store::load::<Progress>(&path, hash)? } else { None };
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
            None => Progress::default(),
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
    pub(super) fn pause(
        &mut self,
        update: impl FnOnce(&mut Progress) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let stop = signals::stop();
        if stop || self.saved.elapsed().as_secs_f64() >= self.every {
            update(&mut self.progress)?;
            self.save()?;
        }
        if stop { Err(Failure::Interrupted(format!("stopped; {}", self.how))) } else { Ok(()) }
    }
    /// Saves now.
    pub(super) fn save(&mut self) -> Result<(), Failure> {
        store::save(&self.path, &self.progress, self.hash)?;
        self.saved = Instant::now();
        Ok(())
    }
    /// Does work that cannot be divided and writes nothing: a signal ends the program at once, with what was saved.
    pub(super) fn undivided<T>(&mut self, work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
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
