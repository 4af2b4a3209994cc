//! Mini-batch training of any mean loss by Adam, which can be saved and resumed.
//!
//! Every random number belongs to the seed and to an epoch, so a saved [`TrainerState`] goes on bit for bit from any batch,
//! with any number of threads.

use super::objective::MeanLoss;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use smml_core::{
    energy::Differentiable,
    error::{all_finite, finite},
    optimize::{Adam, AdamW, Update},
    rng::{Draw, Streams},
    schedule::Schedule,
};

/// How to train: AdamW with β₁ = 0.9, β₂ = 0.999, ε = 10⁻⁸.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Training {
    /// Examples in a mini-batch (the last one of an epoch may be smaller).
    pub batch_size: usize,
    /// Passes over the data.
    pub n_epochs: usize,
    /// Learning rate over the whole training.
    pub learning_rate: Schedule,
    /// Decoupled weight decay λ: W ← (1 - rate λ) W in each step.
    pub weight_decay: f64,
    /// Seed of the order of the examples.
    pub seed: u64,
}

impl Training {
    /// The settings themselves when they make sense.
    pub fn checked(self) -> Result<Self> {
        if self.batch_size == 0 {
            return Err(Error::out_of_range("batch-size", 0, "at least 1"));
        }
        if !(1..=u32::MAX as usize).contains(&self.n_epochs) {
            return Err(Error::out_of_range("n-epochs", self.n_epochs, "in 1..2^32"));
        }
        let (low, high) = self.learning_rate.clone().checked()?.bounds();
        if !(low >= 0.0 && high <= 1e3) {
            let bad = if low < 0.0 { low } else { high };
            return Err(Error::out_of_range("learning-rate", bad, "in [0, 1000]"));
        }
        if !(0.0..=1e3).contains(&self.weight_decay) {
            return Err(Error::out_of_range("weight-decay", self.weight_decay, "in [0, 1000]"));
        }
        Ok(self)
    }
}

/// What an epoch was like.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// Its number, from 0.
    pub epoch: usize,
    /// The mean loss of its examples, each just before the step of its batch.
    pub loss: f64,
    /// Learning rate of the last batch.
    pub learning_rate: f64,
}

/// All that a [`Trainer`] needs to go on, apart from the loss with its data: whoever resumes brings the same ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainerState {
    training: Training,
    n_examples: usize,
    step: u64,
    parameters: Vec<f64>,
    adam: AdamW<f64>,
    epoch_loss: f64,
}

impl TrainerState {
    /// W.
    pub fn parameters(&self) -> &[f64] {
        &self.parameters
    }
    /// Batches done so far.
    pub fn step(&self) -> u64 {
        self.step
    }
    /// How it is trained.
    pub fn training(&self) -> &Training {
        &self.training
    }
}

/// Parameters in training.
pub struct Trainer<'a, L: MeanLoss> {
    loss: &'a L,
    state: TrainerState,
    order: Vec<u32>,
    order_epoch: Option<u64>,
    gradient: Vec<f64>,
    scratch: <L as Differentiable>::Scratch,
}

impl<L: MeanLoss> std::fmt::Debug for Trainer<'_, L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trainer").field("state", &self.state).finish_non_exhaustive()
    }
}

impl<'a, L: MeanLoss> Trainer<'a, L> {
    /// From the parameters `start`.
    ///
    /// Errors: a setting out of range, a start of another length or not finite.
    pub fn new(training: Training, loss: &'a L, start: Vec<f64>) -> Result<Self> {
        let training = training.checked()?;
        let adam = AdamW::new(Adam::default(), training.weight_decay)?;
        let n_examples = loss.n_examples();
        let state = TrainerState { training, n_examples, step: 0, parameters: start, adam, epoch_loss: 0.0 };
        Self::resume(state, loss)
    }
    /// Goes on from a saved state.
    ///
    /// Errors: a state that no training of this loss leads to.
    pub fn resume(state: TrainerState, loss: &'a L) -> Result<Self> {
        state.training.clone().checked()?;
        let n = loss.n_parameters();
        if state.parameters.len() != n {
            return Err(Error::length("parameters", state.parameters.len(), n));
        }
        all_finite("parameter", &state.parameters)?;
        if state.n_examples != loss.n_examples() {
            return Err(Error::length("examples", loss.n_examples(), state.n_examples));
        }
        let (mean, square) = state.adam.adam().moments();
        let n_moments = if state.step == 0 { 0 } else { n };
        for (name, moments) in [("Adam's first moments", mean), ("Adam's second moments", square)] {
            if moments.len() != n_moments {
                return Err(Error::length(name, moments.len(), n_moments));
            }
        }
        let steps = state.adam.adam().n_steps();
        if steps != state.step {
            return Err(Error::out_of_range(
                "Adam's steps",
                steps,
                format!("{}, the steps done", state.step),
            ));
        }
        finite("epoch_loss", state.epoch_loss)?;
        let trainer = Trainer {
            loss,
            state,
            order: Vec::new(),
            order_epoch: None,
            gradient: vec![0.0; n],
            scratch: Default::default(),
        };
        if trainer.state.step > trainer.n_steps() {
            let allowed = format!("at most {}", trainer.n_steps());
            return Err(Error::out_of_range("step", trainer.state.step, allowed));
        }
        Ok(trainer)
    }
    fn batches(&self) -> u64 {
        self.state.n_examples.div_ceil(self.state.training.batch_size) as u64
    }
    /// Batches of the whole training.
    pub fn n_steps(&self) -> u64 {
        self.batches().saturating_mul(self.state.training.n_epochs as u64)
    }
    /// Batches done so far.
    pub fn step_number(&self) -> u64 {
        self.state.step
    }
    /// True after the last epoch.
    pub fn is_done(&self) -> bool {
        self.state.step >= self.n_steps()
    }
    /// All that is needed to go on.
    pub fn state(&self) -> &TrainerState {
        &self.state
    }
    /// W.
    pub fn parameters(&self) -> &[f64] {
        &self.state.parameters
    }

    /// One mini-batch; the report when it was the last one of an epoch, `None` otherwise and when training is done.
    ///
    /// Errors: a loss or a gradient that is not finite. The parameters are then as before the batch.
    pub fn batch(&mut self) -> Result<Option<Epoch>> {
        if self.is_done() {
            return Ok(None);
        }
        let (n, size) = (self.state.n_examples, self.state.training.batch_size);
        let epoch = self.state.step / self.batches();
        let first = (self.state.step % self.batches()) as usize * size;
        if self.order_epoch != Some(epoch) {
            self.order.clear();
            self.order.extend(0..n as u32); // a loss has fewer than 2³² examples
            Streams::new(self.state.training.seed).stream("ebm shuffle", epoch).shuffle(&mut self.order);
            self.order_epoch = Some(epoch);
        }
        let picked = &self.order[first..n.min(first.saturating_add(size))];
        let last = self.n_steps() - 1; // not done, so there is a step
        let state = &mut self.state;
        let loss = self.loss.batch(&state.parameters, picked, &mut self.gradient, &mut self.scratch);
        if !(loss.is_finite() && self.gradient.iter().all(|g| g.is_finite())) {
            return Err(smml_core::Error::Undefined {
                what: format!("the loss of batch {}", state.step),
                why: format!("it is {loss}, or its gradient is not finite; take a lower learning rate"),
            }
            .into());
        }
        if first == 0 {
            state.epoch_loss = 0.0;
        }
        let learning_rate = state.training.learning_rate.at(state.step as f64 / last.max(1) as f64);
        state.adam.update(&mut state.parameters, &self.gradient, learning_rate)?;
        state.epoch_loss += loss * picked.len() as f64;
        state.step += 1;
        let ended = first + picked.len() == n;
        let loss = state.epoch_loss / n as f64;
        Ok(ended.then_some(Epoch { epoch: epoch as usize, loss, learning_rate }))
    }

    /// Batches until the end of the current epoch; `None` when training is done.
    pub fn epoch(&mut self) -> Result<Option<Epoch>> {
        while !self.is_done() {
            if let Some(report) = self.batch()? {
                return Ok(Some(report));
            }
        }
        Ok(None)
    }
}
