//! What to train by, and how.

use super::super::{
    local::LocalCost,
    phases::{NegativePhase, PositivePhase},
};
use crate::ebm::rule::{Centring, Memory, StepRule};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use smml_core::{error::not_negative, schedule::Schedule};

/// What is made better by training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Objective {
    /// The log-likelihood, whose gradient is the difference of two phases.
    Likelihood {
        /// Means on condition of data.
        positive: PositivePhase,
        /// Means of the machine's own distribution.
        negative: NegativePhase,
    },
    /// A cost that needs no ln Z; for machines without hidden units.
    Local(LocalCost),
}

/// What to train by, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct MachineTraining {
    /// What is made better.
    pub objective: Objective,
    /// Rows in a mini-batch (the last one of an epoch may be smaller); 64 fill a block of lanes.
    pub batch_size: usize,
    /// Passes over the data.
    pub n_epochs: usize,
    /// Learning rate over the whole training.
    pub learning_rate: Schedule,
    /// The rule of the steps.
    pub rule: StepRule,
    /// λ of the penalty (λ/2) Σ W² on weights.
    pub weight_decay: f64,
    /// Offsets.
    pub centring: Centring,
    /// Seed of all randomness.
    pub seed: u64,
}

impl MachineTraining {
    /// Batches of 64, persistent chains (one block of 64 with 2 sweeps a batch), a sampled positive phase of 10 sweeps, rate 0.01
    /// with momentum 0.5, no decay, the centred gradient.
    pub fn new(n_epochs: usize, seed: u64) -> Self {
        MachineTraining {
            objective: Objective::Likelihood {
                positive: PositivePhase::Sampled { sweeps: 10 },
                negative: NegativePhase::Persistent { sweeps: 2, n_chains: 64 },
            },
            batch_size: 64,
            n_epochs,
            learning_rate: Schedule::Constant(0.01),
            rule: StepRule::Momentum { momentum: 0.5 },
            weight_decay: 0.0,
            centring: Centring::Means { sliding: 0.01 },
            seed,
        }
    }

    pub(super) fn check(&self, n_hidden: usize) -> Result<()> {
        for (name, value) in [("batch-size", self.batch_size), ("n-epochs", self.n_epochs)] {
            if !(1..=u32::MAX as usize).contains(&value) {
                return Err(Error::out_of_range(name, value, "in 1..2^32"));
            }
        }
        match &self.objective {
            Objective::Likelihood { positive, negative } => {
                positive.check()?;
                negative.check(positive, n_hidden)?;
            }
            Objective::Local(_) if n_hidden > 0 => {
                let allowed = "0 for a cost without ln Z: it compares rows of all units";
                return Err(Error::out_of_range("number of hidden units", n_hidden, allowed));
            }
            Objective::Local(_) => {}
        }
        let (low, high) = self.learning_rate.clone().checked()?.bounds();
        if !(low >= 0.0 && high <= 1e3) {
            return Err(Error::out_of_range(
                "learning-rate",
                if low < 0.0 { low } else { high },
                "in [0, 1000]",
            ));
        }
        Memory::new(self.rule)?;
        not_negative("weight-decay", self.weight_decay)?;
        self.centring.check()
    }
}
