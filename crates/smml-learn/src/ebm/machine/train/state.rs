//! What a training saves, and how it goes on from there.

use super::{Centring, MachineTrainer, MachineTraining, Memory, Objective};
use crate::{
    data::BinaryData,
    ebm::machine::{
        BoltzmannMachine,
        phases::{ChainBlock, NegativePhase},
    },
    error::{Error, Result},
};
use serde::{Deserialize, Serialize};

/// All that a [`MachineTrainer`] needs to go on, apart from the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MachineTrainerState {
    training: MachineTraining,
    machine: BoltzmannMachine,
    data_sha256: String,
    step: u64,
    offsets: Vec<f64>,
    memory: Memory,
    chains: Vec<ChainBlock>,
}

impl MachineTrainer {
    /// What has to be saved; may be taken between any two batches.
    pub fn state(&self) -> MachineTrainerState {
        MachineTrainerState {
            training: self.training.clone(),
            machine: self.machine.clone(),
            data_sha256: self.data_sha256.clone(),
            step: self.step,
            offsets: self.offsets.clone(),
            memory: self.memory.clone(),
            chains: self.chains.clone(),
        }
    }

    /// Goes on where [`MachineTrainer::state`] was taken, bit for bit.
    ///
    /// Errors: other data than before, or a state that does not fit itself (a damaged file).
    pub fn resume(state: MachineTrainerState, data: &BinaryData) -> Result<Self> {
        // Chains that the settings announce are not made before it is known that the file holds them.
        let n_chains = match &state.training.objective {
            Objective::Likelihood { negative, .. } => match negative {
                NegativePhase::Persistent { n_chains, .. } | NegativePhase::Tempered { n_chains, .. } => {
                    *n_chains
                }
                NegativePhase::Exact | NegativePhase::ContrastiveDivergence { .. } => 0,
            },
            Objective::Local(_) => 0,
        };
        if state.chains.len().checked_mul(64) != Some(n_chains) {
            return Err(Error::length("saved blocks of chains", state.chains.len(), n_chains / 64));
        }
        let mut trainer = MachineTrainer::new(state.training, &state.machine, data)?;
        if trainer.data_sha256 != state.data_sha256 {
            let allowed = format!("the data of the saved run ({})", state.data_sha256);
            return Err(Error::out_of_range("data", trainer.data_sha256, allowed));
        }
        let n_units = state.machine.n_units();
        for (saved, made) in state.chains.iter().zip(&trainer.chains) {
            if saved.words.len() != n_units {
                return Err(Error::length("saved words of a block of chains", saved.words.len(), n_units));
            }
            // Every ladder of a block has each rung once.
            let n_rungs = made.rungs.iter().max().map_or(0, |k| usize::from(*k) + 1);
            let fits = saved.rungs.len() == made.rungs.len()
                && saved.rungs.chunks(n_rungs.max(1)).all(|ladder| {
                    smml_core::error::permutation("rung", ladder.iter().map(|k| usize::from(*k)), n_rungs)
                        .is_ok()
                });
            if !fits {
                let allowed = format!("each below {n_rungs} once in every ladder");
                return Err(Error::out_of_range("saved rungs", format!("{:?}", saved.rungs), allowed));
            }
        }
        if state.offsets.len() != n_units {
            return Err(Error::length("saved offsets", state.offsets.len(), n_units));
        }
        let least = state.machine.units().value(-1.0);
        let none = trainer.training.centring == Centring::None;
        if let Some(i) =
            state.offsets.iter().position(|x| !(if none { *x == 0.0 } else { (least..=1.0).contains(x) }))
        {
            let allowed = if none { "0 without centring".into() } else { format!("in [{least}, 1]") };
            return Err(Error::out_of_range(format!("saved offset {i}"), state.offsets[i], allowed));
        }
        if state.step > trainer.n_steps() {
            let allowed = format!("at most {}", trainer.n_steps());
            return Err(Error::out_of_range("saved step", state.step, allowed));
        }
        state.memory.check(trainer.training.rule, n_units + state.machine.weights().n_edges())?;
        trainer.memory = state.memory;
        trainer.offsets = state.offsets;
        trainer.chains = state.chains;
        trainer.step = state.step;
        Ok(trainer)
    }
}
