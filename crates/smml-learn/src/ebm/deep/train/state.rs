//! What a training saves, and how it goes on from there.

use super::{Centring, DeepTrainer, DeepTraining, Memory};
use crate::{
    ebm::deep::{examples::Examples, matrix::Matrix, model::DeepMachine},
    error::{Error, Result},
};
use serde::{Deserialize, Serialize};

/// All that a [`DeepTrainer`] needs to go on, apart from the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeepTrainerState {
    training: DeepTraining,
    machine: DeepMachine,
    data_sha256: String,
    step: u64,
    offsets: Vec<Vec<f64>>,
    memories: Vec<Memory>,
    /// Of every temperature the layers of its chains.
    chains: Vec<Vec<Matrix>>,
}

impl DeepTrainer {
    /// What has to be saved; may be taken between any two batches.
    pub fn state(&self) -> DeepTrainerState {
        DeepTrainerState {
            training: self.training.clone(),
            machine: self.machine.clone(),
            data_sha256: self.data_sha256.clone(),
            step: self.step,
            offsets: self.offsets.clone(),
            memories: self.memories.clone(),
            chains: self.chains.clone(),
        }
    }

    /// Goes on where [`DeepTrainer::state`] was taken, bit for bit.
    ///
    /// Errors: other data than before, or a state that does not fit itself (a damaged file).
    pub fn resume(state: DeepTrainerState, examples: &Examples) -> Result<Self> {
        state.training.check(&state.machine)?;
        // Chains that the settings announce are not made before it is known that the file holds them.
        let (n_rungs, n_chains) = state.training.negative.size();
        if state.chains.len() != n_rungs {
            return Err(Error::length("saved temperatures of chains", state.chains.len(), n_rungs));
        }
        let machine = &state.machine;
        for layers in &state.chains {
            if layers.len() != machine.n_layers() {
                return Err(Error::length("saved layers of chains", layers.len(), machine.n_layers()));
            }
            for (l, x) in layers.iter().enumerate() {
                let expected = n_chains * machine.n_units(l);
                if x.columns != machine.n_units(l) || x.values.len() != expected {
                    return Err(Error::length(
                        format!("saved chains of layer {l}"),
                        x.values.len(),
                        expected,
                    ));
                }
                x.rows().enumerate().try_for_each(|(r, row)| machine.layers()[l].check_row(r, row))?;
            }
        }
        let mut trainer = DeepTrainer::new(state.training, machine, examples)?;
        if trainer.data_sha256 != state.data_sha256 {
            let allowed = format!("the data of the saved run ({})", state.data_sha256);
            return Err(Error::out_of_range("data", trainer.data_sha256, allowed));
        }
        if state.offsets.len() != machine.n_layers() {
            return Err(Error::length("saved offsets", state.offsets.len(), machine.n_layers()));
        }
        let none = trainer.training.centring == Centring::None;
        for (l, offsets) in state.offsets.iter().enumerate() {
            if offsets.len() != machine.n_units(l) {
                return Err(Error::length(
                    format!("saved offsets of layer {l}"),
                    offsets.len(),
                    machine.n_units(l),
                ));
            }
            if let Some(i) = offsets.iter().position(|x| !(if none { *x == 0.0 } else { x.is_finite() })) {
                let allowed = if none { "0 without centring" } else { "finite" };
                return Err(Error::out_of_range(
                    format!("saved offset {i} of layer {l}"),
                    offsets[i],
                    allowed,
                ));
            }
        }
        if state.step > trainer.n_steps() {
            let allowed = format!("at most {}", trainer.n_steps());
            return Err(Error::out_of_range("saved step", state.step, allowed));
        }
        if state.memories.len() != trainer.memories.len() {
            return Err(Error::length("saved memories", state.memories.len(), trainer.memories.len()));
        }
        for (memory, array) in state.memories.iter().zip(machine.weights().iter().chain(machine.biases())) {
            memory.check(trainer.training.rule, array.len())?;
        }
        trainer.offsets = state.offsets;
        trainer.memories = state.memories;
        trainer.chains = state.chains;
        trainer.step = state.step;
        Ok(trainer)
    }
}
