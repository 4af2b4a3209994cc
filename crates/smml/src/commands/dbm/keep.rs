//! What a run of `smml dbm` keeps.

use crate::run::keeper;
use serde::{Deserialize, Serialize};
use smml_core::Estimate;
use smml_hw::dbm::DbmState;
use smml_learn::network::NetworkTrainerState;
use std::collections::BTreeMap;

/// One epoch of training.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Epoch {
    /// At its end.
    pub(super) learning_rate: f64,
    /// Accuracy on held-out images.
    pub(super) held_out: Estimate,
    /// Mean cross-entropy after the unrolled sweeps, over the batches; where there are two.
    pub(super) loss: Option<Estimate>,
    /// Root mean squares of the parameters that are the result so far.
    pub(super) coupling: f64,
    pub(super) field: f64,
    /// Most parameters of one batch that did not fit the format.
    pub(super) saturated: u64,
}

/// Everything that is saved on the way. A command uses the parts that it has.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Progress {
    pub(super) trainer: Option<DbmState>,
    pub(super) epochs: Vec<Epoch>,
    /// As in [`Epoch`], of the epoch under way.
    pub(super) saturated: u64,
    /// Cross-entropies of its batches.
    pub(super) losses: Vec<f64>,
    /// Classes that were found, by what was classified and how.
    pub(super) found: BTreeMap<String, Vec<u8>>,
    /// The network that judges drawn images.
    pub(super) judge: Option<NetworkTrainerState>,
}

/// The checkpoint of a run, and when it is due.
pub(super) type Keeper = keeper::Keeper<Progress>;
