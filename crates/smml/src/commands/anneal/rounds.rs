//! The search of `smml anneal` that has no runs: rounds of growing length, in pieces that can be saved.

use super::super::batches;
use crate::error::Failure;
use serde::{Deserialize, Serialize};
use smml_core::{parallel::Par, rng::Streams};
use smml_physics::{ising::Ising, lanes::LaneModel, search::RenormalisationRun};
use std::{sync::Arc, time::Instant};

/// What is saved on the way.
#[derive(Serialize, Deserialize)]
pub(super) struct Rounds {
    run: RenormalisationRun,
    pieces: u64,
    /// The lowest energy after each round.
    pub(super) lowest: Vec<f64>,
    #[serde(skip)]
    with: Option<With>,
}

/// What a run needs and does not save.
struct With {
    model: Arc<(Ising, LaneModel)>,
    /// An energy that is low enough.
    enough: f64,
    began: Instant,
    /// Seconds after which the lowest energy was found, if it was since the program started.
    found_after: Option<f64>,
}

impl Rounds {
    pub(super) fn new(ising: &Ising, streams: &Streams) -> Self {
        let run = RenormalisationRun::new(ising, streams.child("renormalisation", 0));
        Rounds { run, pieces: 0, lowest: Vec::new(), with: None }
    }
    /// Whether it belongs to a model of `n` spins.
    pub(super) fn fits(&self, n: usize) -> bool {
        self.lowest.len() as u64 == self.run.n_rounds() && self.run.best().is_none_or(|b| b.1.len() == n)
    }
    /// Goes on with this model, until an energy of `enough` is found.
    pub(super) fn on(&mut self, model: Arc<(Ising, LaneModel)>, enough: f64) {
        self.with = Some(With { model, enough, began: Instant::now(), found_after: None });
    }
    /// The lowest energy, the round that found it, and its spins.
    pub(super) fn best(&self) -> Option<(f64, u64, Vec<i8>)> {
        let (energy, spins) = self.run.best()?;
        let round = self.lowest.iter().position(|e| *e <= energy).unwrap_or(0);
        Some((energy, round as u64, spins.to_vec()))
    }
    pub(super) fn found_after(&self) -> Option<f64> {
        self.with.as_ref().and_then(|w| w.found_after)
    }
}

impl batches::Saved for Rounds {
    /// A piece uses all threads by itself: nothing is done before it is taken in.
    type Batch = ();
    fn n_batches(&self) -> u64 {
        self.pieces
    }
    fn take(&mut self, (): ()) -> Result<(), Failure> {
        if batches::Saved::is_done(self) {
            return Ok(());
        }
        let Some(with) = &mut self.with else { return Ok(()) };
        let before = self.run.best().map(|b| b.0);
        self.run.advance(&with.model.0, &with.model.1, Par::Rayon)?;
        self.pieces += 1;
        if let Some((energy, _)) = self.run.best() {
            if self.run.n_rounds() > self.lowest.len() as u64 {
                self.lowest.push(energy);
            }
            if before.is_none_or(|b| energy < b) {
                with.found_after = Some(with.began.elapsed().as_secs_f64());
            }
        }
        Ok(())
    }
    fn has_result(&self) -> bool {
        self.run.best().is_some()
    }
    fn is_done(&self) -> bool {
        match (&self.with, self.run.best()) {
            (Some(with), Some((energy, _))) => energy <= with.enough,
            _ => false,
        }
    }
}
