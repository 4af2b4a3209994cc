//! Learning by persistent chains: the means of the model are brought to those of the family.

use super::{Alignment, Frequencies, PottsMachine};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use smml_core::{
    error::{not_negative, positive},
    kernel::Kernel,
    parallel::{self, Par},
    rng::Streams,
    sample::HeatBath,
};

/// Settings of learning by persistent chains (a Boltzmann machine trained on an alignment, bmDCA: M. Figliuzzi, P.
/// Barrat-Charlaix, M. Weigt, Mol. Biol. Evol. 35, 1018 (2018)).
///
/// A step moves every chain by some heat-bath sweeps of the present model and then
///
/// hᵢ(a) ← hᵢ(a) + η (fᵢ(a) - pᵢ(a) - 2 λ_h hᵢ(a)),  Jᵢⱼ(a, b) ← Jᵢⱼ(a, b) + η (fᵢⱼ(a, b) - pᵢⱼ(a, b) - 2 λ_J Jᵢⱼ(a, b)),
///
/// f the frequencies of the family and p those of the chains: the gradient of ln P less the penalty of pseudo-likelihood.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refinement {
    /// Chains, at least 1.
    pub n_chains: usize,
    /// Sweeps of every chain in a step, at least 1.
    pub sweeps: usize,
    /// η, greater than 0, at the first step; it falls to 0 in a straight line over `n_steps`.
    pub learning_rate: f64,
    /// Steps in all.
    pub n_steps: u64,
    /// λ_h.
    pub lambda_fields: f64,
    /// λ_J.
    pub lambda_couplings: f64,
}

/// Everything that a training is: saved, it goes on bit for bit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RefinementState {
    machine: PottsMachine,
    /// The chains as an alignment without names worth reading.
    chains: Alignment,
    step: u64,
}

/// What a step found: how far the chains are from the family, before the step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RefinementStep {
    /// Largest |fᵢ(a) - pᵢ(a)|.
    pub largest_single: f64,
    /// Root of the mean of (fᵢⱼ - pᵢⱼ)² over all pairs and letters.
    pub rms_pairs: f64,
}

impl Refinement {
    /// The settings themselves. Errors: one that is out of range.
    pub fn checked(self) -> Result<Self> {
        if self.n_chains == 0 || self.n_chains > 1 << 20 {
            return Err(Error::out_of_range("number of chains", self.n_chains, "in 1..=2^20"));
        }
        if self.sweeps == 0 {
            return Err(Error::out_of_range("sweeps of a step", 0, "at least 1"));
        }
        positive("learning rate", self.learning_rate)?;
        not_negative("penalty on fields", self.lambda_fields)?;
        not_negative("penalty on couplings", self.lambda_couplings)?;
        Ok(self)
    }
    /// A training that starts at a model, its chains at sequences of the family drawn at random.
    ///
    /// Errors: settings out of range; a family of another length or alphabet.
    pub fn start(
        &self,
        machine: &PottsMachine,
        family: &Alignment,
        streams: &Streams,
    ) -> Result<RefinementState> {
        use smml_core::rng::Draw;
        self.checked()?;
        if (family.n_sites(), family.alphabet()) != (machine.n_sites(), machine.alphabet()) {
            return Err(Error::length("sequences of the family", family.n_sites(), machine.n_sites()));
        }
        let mut rng = streams.stream("refine start", 0);
        let places: Vec<usize> = (0..self.n_chains).map(|_| rng.below(family.len())).collect();
        Ok(RefinementState { machine: machine.clone(), chains: family.select(&places)?, step: 0 })
    }
}

impl RefinementState {
    /// The model as it is now.
    pub fn machine(&self) -> &PottsMachine {
        &self.machine
    }
    /// The states of the chains.
    pub fn chains(&self) -> &Alignment {
        &self.chains
    }
    /// Steps done.
    pub fn step_number(&self) -> u64 {
        self.step
    }
    /// One step towards the frequencies of the family (from [`Alignment::frequencies`]); nothing happens after the last one.
    ///
    /// Errors: frequencies of another shape; parameters that are no longer finite. The state is then as before.
    pub fn step(
        &mut self,
        settings: &Refinement,
        family: &Frequencies,
        streams: &Streams,
        par: Par,
    ) -> Result<Option<RefinementStep>> {
        if self.step >= settings.n_steps {
            return Ok(None);
        }
        let (n, machine) = (self.machine.n_sites(), &self.machine);
        let rngs = streams.child("refine", self.step);
        let moved = parallel::map(par, self.chains.len(), |c| {
            let mut state = self.chains.row(c).to_vec();
            let mut rng = rngs.stream("chain", c as u64);
            for _ in 0..settings.sweeps {
                HeatBath.step(machine, &mut state, 1.0, &mut rng);
            }
            state
        });
        let names = self.chains.names().to_vec();
        let chains = Alignment::new(machine.alphabet(), n, moved.concat(), names)?;
        let model = chains.frequencies(&vec![1.0; chains.len()], 0.0, par)?;
        smml_core::error::same_length("frequencies of the family", family.single.len(), model.single.len())?;
        smml_core::error::same_length("pair frequencies", family.pairs.len(), model.pairs.len())?;
        let rate = settings.learning_rate * (1.0 - self.step as f64 / settings.n_steps as f64);
        let moved = |x: &[f64], f: &[f64], p: &[f64], lambda: f64| -> Vec<f64> {
            x.iter().zip(f).zip(p).map(|((x, f), p)| x + rate * (f - p - 2.0 * lambda * x)).collect()
        };
        let fields = moved(machine.fields(), &family.single, &model.single, settings.lambda_fields);
        let couplings = moved(&machine.couplings(), &family.pairs, &model.pairs, settings.lambda_couplings);
        let next = PottsMachine::new(machine.alphabet(), n, fields, &couplings).map_err(|e| {
            Error::from(smml_core::Error::Undefined {
                what: "the refined model".into(),
                why: format!("after {} steps {e}: lower the learning rate", self.step),
            })
        })?;
        let off = |f: &[f64], p: &[f64]| f.iter().zip(p).map(|(f, p)| (f - p).abs()).collect::<Vec<_>>();
        let pairs = off(&family.pairs, &model.pairs);
        let found = RefinementStep {
            largest_single: off(&family.single, &model.single).into_iter().fold(0.0, f64::max),
            rms_pairs: (pairs.iter().map(|d| d * d).sum::<f64>() / pairs.len().max(1) as f64).sqrt(),
        };
        (self.machine, self.chains) = (next, chains);
        self.step += 1;
        Ok(Some(found))
    }
}
