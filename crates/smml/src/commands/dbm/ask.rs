//! Asking a machine: how, and images one piece after the other, so that a signal does not wait for all of them.

use super::keep::Keeper;
use crate::{
    args::{Ramp, dbm::AskArgs},
    error::Failure,
    run::progress,
};
use smml_core::{
    parallel::Par,
    rng::{Draw, Streams},
    schedule::Schedule,
};
use smml_hw::{
    dbm::{Clamped, Inference, SparseDbm},
    machine::{CHAINS, Format, UpdateOrder},
};
use smml_learn::data::BinaryData;

/// Images of a piece: whole words of chains, whatever the number of threads.
const PIECE: usize = 16 * CHAINS;

impl AskArgs {
    /// β over the sweeps that do not count; where nothing is said, `default`.
    pub(super) fn schedule(&self, default: Schedule) -> Result<Schedule, Failure> {
        self.betas.as_ref().map_or(Ok(default), |betas| not_negative("--betas", betas))
    }
    /// When nodes are updated.
    pub(super) fn order(&self) -> UpdateOrder {
        if self.asynchronous { UpdateOrder::Asynchronous } else { UpdateOrder::Synchronous }
    }
    /// The machine's numbers; where nothing is said, those of its file.
    pub(super) fn format_or(&self, own: Format) -> Format {
        self.format.map_or(own, |f| f.0)
    }
}

/// A schedule of inverse temperatures.
pub(super) fn not_negative(flag: &str, betas: &Ramp) -> Result<Schedule, Failure> {
    let (least, _) = betas.schedule.bounds();
    if least < 0.0 {
        let text = String::from(betas.clone());
        return Err(Failure::Usage(format!("{flag} {text}: must be at least 0, not {least}")));
    }
    Ok(betas.schedule.clone())
}

/// β while an image is classified, unless another is asked for: that of training.
pub(super) fn constant() -> Schedule {
    Schedule::Constant(1.0)
}

/// Classification by so many sweeps, of which the second half counts.
pub(super) fn halves(
    sweeps: u32,
    betas: Schedule,
    format: Format,
    order: UpdateOrder,
    seed: u64,
) -> Inference {
    let anneal = sweeps as usize / 2;
    Inference { anneal, betas, reads: sweeps as usize - anneal, format, order, seed }
}

/// The class that the machine gives to every image, in pieces that are kept under `name`.
pub(super) fn classify(
    model: &SparseDbm,
    rows: &BinaryData,
    how: &Inference,
    name: &str,
    keeper: &mut Keeper,
) -> Result<Vec<u8>, Failure> {
    let key = format!("{name}, {} + {} sweeps", how.anneal, how.reads);
    let mut found = keeper.progress.found.remove(&key).unwrap_or_default();
    if found.len() > rows.len() || (found.len() < rows.len() && !found.len().is_multiple_of(PIECE)) {
        return Err(Failure::File("checkpoint: its classes do not fit this run".into()));
    }
    let bar = progress::bar(rows.len() as u64, keeper.quiet);
    bar.set_message(format!("classifying {name}"));
    bar.set_position(found.len() as u64);
    bar.reset_eta();
    while found.len() < rows.len() {
        let start = found.len();
        let piece = rows.range(start..start + PIECE);
        let how = Inference { seed: piece_seed(how.seed, start / PIECE), ..how.clone() };
        let clamped = Clamped { rows: &piece, pixels: None, labels: None };
        found.extend(keeper.undivided(|| Ok(model.infer(&clamped, &how, Par::Rayon)?.best()))?);
        bar.set_position(found.len() as u64);
        keeper.pause(|p| {
            p.found.insert(key.clone(), found.clone());
            Ok(())
        })?;
    }
    keeper.progress.found.insert(key, found.clone());
    Ok(found)
}

/// The seed of a piece of the images.
fn piece_seed(seed: u64, piece: usize) -> u64 {
    Streams::new(seed).stream("piece of the images", piece as u64).word()
}
