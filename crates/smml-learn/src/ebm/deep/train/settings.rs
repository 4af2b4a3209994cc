//! How to train a machine of layers.

use super::super::{model::DeepMachine, units::LayerUnits};
use crate::{
    ebm::rule::{Centring, Memory, StepRule},
    error::{Error, Result},
};
use serde::{Deserialize, Serialize};
use smml_core::{error::not_negative, schedule::Schedule};

/// Means of the machine's own distribution. A step draws the even layers, then the odd ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeepNegative {
    /// By enumeration, for small machines.
    Exact,
    /// CD-k: from the data, with hidden units drawn around their means of the positive phase.
    ContrastiveDivergence {
        /// Steps, at least 1.
        steps: usize,
    },
    /// PCD: chains that go on from batch to batch.
    Persistent {
        /// Steps for each batch, at least 1.
        steps: usize,
        /// Number of chains.
        n_chains: usize,
    },
    /// Persistent chains at several temperatures, which try to exchange their states with the next one after every step; those
    /// at β = 1 give the means.
    Tempered {
        /// Steps for each batch, at least 1.
        steps: usize,
        /// Chains at each temperature.
        n_chains: usize,
        /// Inverse temperatures in rising order, the last one 1; above 0 where there are real numbers.
        betas: Vec<f64>,
    },
}

/// How to train.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DeepTraining {
    /// The negative phase.
    pub negative: DeepNegative,
    /// Most passes of the mean field over several hidden layers; a single one is exact.
    pub max_passes: usize,
    /// Largest change of a mean by a further pass at which the mean field ends.
    pub tolerance: f64,
    /// Rows in a mini-batch (the last one of an epoch may be smaller).
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

impl DeepTraining {
    /// Batches of 100, 100 persistent chains with 5 steps a batch, at most 20 passes of the mean field to 10⁻⁴, a rate that falls
    /// from 0.05 to 0, no momentum, decay 2e-4, the centred gradient.
    pub fn new(n_epochs: usize, seed: u64) -> Self {
        DeepTraining {
            negative: DeepNegative::Persistent { steps: 5, n_chains: 100 },
            max_passes: 20,
            tolerance: 1e-4,
            batch_size: 100,
            n_epochs,
            learning_rate: Schedule::Linear { from: 0.05, to: 0.0 },
            rule: StepRule::Sgd,
            weight_decay: 2e-4,
            centring: Centring::Means { sliding: 0.01 },
            seed,
        }
    }

    pub(super) fn check(&self, machine: &DeepMachine) -> Result<()> {
        let at_least_one = |name: &str, value: usize, most: usize| {
            if (1..=most).contains(&value) {
                Ok(())
            } else {
                Err(Error::out_of_range(name, value, format!("in 1..={most}")))
            }
        };
        at_least_one("batch-size", self.batch_size, 1 << 16)?;
        at_least_one("n-epochs", self.n_epochs, u32::MAX as usize)?;
        at_least_one("max-passes", self.max_passes, 1 << 20)?;
        match &self.negative {
            DeepNegative::Exact => {}
            DeepNegative::ContrastiveDivergence { steps } => at_least_one("steps", *steps, 1 << 20)?,
            DeepNegative::Persistent { steps, n_chains } => {
                at_least_one("steps", *steps, 1 << 20)?;
                at_least_one("n-chains", *n_chains, 1 << 16)?;
            }
            DeepNegative::Tempered { steps, n_chains, betas } => {
                at_least_one("steps", *steps, 1 << 20)?;
                if !(2..=256).contains(&betas.len()) {
                    return Err(Error::out_of_range("number of betas", betas.len(), "in 2..=256"));
                }
                at_least_one("n-chains", *n_chains, (1 << 16) / betas.len())?;
                let real = matches!(machine.layers()[0], LayerUnits::Gaussian { .. });
                let rising = betas.windows(2).all(|b| b[0] < b[1]) && betas[betas.len() - 1] == 1.0;
                if !(rising && betas[0] >= 0.0 && (!real || betas[0] > 0.0)) {
                    let least =
                        if real { "above 0 (real numbers have no limit there)" } else { "at least 0" };
                    let allowed = format!("in rising order from {least}, and end at 1");
                    return Err(Error::out_of_range("betas", format!("{betas:?}"), allowed));
                }
            }
        }
        let (low, high) = self.learning_rate.clone().checked()?.bounds();
        if !(low >= 0.0 && high <= 1e3) {
            let value = if low < 0.0 { low } else { high };
            return Err(Error::out_of_range("learning-rate", value, "in [0, 1000]"));
        }
        Memory::new(self.rule)?;
        not_negative("tolerance", self.tolerance)?;
        not_negative("weight-decay", self.weight_decay)?;
        self.centring.check()
    }
}
