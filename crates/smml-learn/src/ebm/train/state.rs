//! What a training run saves, and how it goes on from there.

use super::{RbmTrainer, RbmTraining};
use crate::{
    data::BinaryData,
    ebm::engine::{self, Layer, Line, Weights},
    error::{Error, Result},
};
use serde::{Deserialize, Serialize};

/// All that a [`RbmTrainer`] needs to go on, apart from the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RbmTrainerState {
    pub(super) training: RbmTraining,
    pub(super) n_main: usize,
    pub(super) n_classes: usize,
    pub(super) data_sha256: String,
    /// Batches done since the start.
    pub(super) step: u64,
    /// Visible biases, hidden biases, weights (visible × hidden).
    pub(super) parameters: [Vec<f32>; 3],
    pub(super) velocities: [Vec<f32>; 3],
    /// Offsets of the hidden units.
    pub(super) offsets: Vec<f32>,
    pub(super) chains: Vec<u64>,
    pub(super) errors: Vec<f64>,
}

impl RbmTrainer {
    /// Goes on where [`RbmTrainer::state`] was taken, bit for bit.
    ///
    /// Errors: other data than before, or a state that does not fit itself (a damaged file).
    pub fn resume(state: RbmTrainerState, data: &BinaryData, labels: Option<(&[u8], usize)>) -> Result<Self> {
        // Before anything of the size that the state announces is made.
        let n_hidden = state.training.n_hidden;
        if state.parameters[1].len() != n_hidden {
            return Err(Error::length("saved hidden", state.parameters[1].len(), n_hidden));
        }
        let mut trainer = RbmTrainer::empty(state.training, data, labels)?;
        if trainer.data_sha256 != state.data_sha256 {
            let allowed = format!("the data of the saved run ({})", state.data_sha256);
            return Err(Error::out_of_range("data", trainer.data_sha256, allowed));
        }
        let (visible, hidden) = (trainer.weights.visible.clone(), trainer.weights.hidden.clone());
        let (n, m) = (visible.n_units(), hidden.n_units());
        if (state.n_main, state.n_classes) != (visible.n_main, visible.n_labels) {
            return Err(Error::length("saved visible units", state.n_main + state.n_classes, n));
        }
        for group in [&state.parameters, &state.velocities] {
            for ((values, expected), name) in
                group.iter().zip([n, m, n * m]).zip(["visible", "hidden", "weights"])
            {
                if values.len() != expected {
                    return Err(Error::length(format!("saved {name}"), values.len(), expected));
                }
                if let Some(x) = values.iter().find(|x| !x.is_finite()) {
                    return Err(Error::out_of_range(format!("saved {name}"), x, "finite"));
                }
            }
        }
        if state.offsets.len() != m {
            return Err(Error::length("saved offsets", state.offsets.len(), m));
        }
        if let Some(x) = state.offsets.iter().find(|x| !(0.0..=1.0).contains(*x)) {
            return Err(Error::out_of_range("saved offset", x, "in [0, 1]"));
        }
        let negative = trainer.training.negative;
        let n_chains = negative.n_rungs() * negative.n_chains();
        let padding_clear = state.chains.chunks_exact(visible.n_words()).all(|row| {
            let units: Vec<u8> = visible.unpack(row).collect();
            let mut again = Vec::new();
            visible.pack(&units, &mut again);
            again == row
        });
        if state.chains.len() != n_chains * visible.n_words() || !padding_clear {
            return Err(Error::length("saved chains", state.chains.len(), n_chains * visible.n_words()));
        }
        if state.step > trainer.n_steps() {
            let allowed = format!("at most {}", trainer.n_steps());
            return Err(Error::out_of_range("saved step", state.step, allowed));
        }
        // One for each batch of the epoch so far; persistent chains have none.
        let n_errors = match (n_chains, state.step) {
            (0, 1..) => ((state.step - 1) % trainer.n_batches() as u64) as usize + 1,
            _ => 0,
        };
        if state.errors.len() != n_errors {
            return Err(Error::length("saved errors", state.errors.len(), n_errors));
        }
        if let Some(e) = state.errors.iter().find(|e| !(0.0..=1.0).contains(*e)) {
            return Err(Error::out_of_range("saved error", e, "in [0, 1]"));
        }
        let [a, b, w] = &state.parameters;
        trainer.weights =
            Weights::new(visible.clone(), hidden.clone(), |i| a[i], |j| b[j], |i, j| w[i * m + j]);
        let [va, vb, vw] = &state.velocities;
        trainer.velocity = engine::matrix(&visible, &hidden, |i, j| vw[i * m + j]);
        let flat = |lines: Vec<Line>| lines.iter().flat_map(|l| l.0).collect();
        trainer.velocity_a = flat(visible.lines(|i| va[i], 0.0));
        trainer.velocity_b = flat(hidden.lines(|j| vb[j], 0.0));
        trainer.hidden_offsets = hidden.lines(|j| state.offsets[j], 0.0);
        trainer.chains.words = state.chains;
        trainer.step = state.step;
        trainer.errors = state.errors;
        Ok(trainer)
    }

    /// What has to be saved; may be taken between any two batches.
    pub fn state(&self) -> RbmTrainerState {
        let (visible, hidden) = (&self.weights.visible, &self.weights.hidden);
        let units = |layer: &Layer, x: &[f32]| (0..layer.n_units()).map(|i| x[layer.place(i)]).collect();
        RbmTrainerState {
            training: self.training.clone(),
            n_main: visible.n_main,
            n_classes: visible.n_labels,
            data_sha256: self.data_sha256.clone(),
            step: self.step,
            parameters: [
                engine::unit_values(visible, &self.weights.a),
                engine::unit_values(hidden, &self.weights.b),
                engine::entries(visible, hidden, &self.weights.w),
            ],
            velocities: [
                units(visible, &self.velocity_a),
                units(hidden, &self.velocity_b),
                engine::entries(visible, hidden, &self.velocity),
            ],
            offsets: units(hidden, &self.hidden_offsets.iter().flat_map(|l| l.0).collect::<Vec<f32>>()),
            chains: self.chains.words.clone(),
            errors: self.errors.clone(),
        }
    }
}
