//! What a run of `smml rbm` keeps.

use super::draw::DrawnSoFar;
use crate::run::keeper;
use serde::{Deserialize, Serialize};
use smml_core::Estimate;
use smml_learn::{
    ebm::{RbmTrainerState, ais::SandwichState},
    network::NetworkTrainerState,
};

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
    /// The network that judges drawn images.
    pub(super) judge: Option<NetworkTrainerState>,
}

/// The checkpoint of a run, and when it is due.
pub(super) type Keeper = keeper::Keeper<Progress>;
