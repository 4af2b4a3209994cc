//! What turns moments into a step.

use super::training::Rule;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use smml_core::{
    error::same_length,
    optimize::{Adam, Momentum, Update},
};

/// The rule's memory.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Memory {
    Momentum(Momentum<f32>),
    Adam(Adam<f32>),
}

impl Memory {
    pub(super) fn new(rule: Rule) -> Result<Self> {
        Ok(match rule {
            Rule::Momentum(m) => Memory::Momentum(Momentum::heavy_ball(m)?),
            Rule::Adam => Memory::Adam(Adam::default()),
        })
    }
    /// Whether this is Adam after so many steps, with so many moments.
    pub(super) fn check_adam(&self, n_steps: u64, n_moments: usize) -> Result<()> {
        let Memory::Adam(adam) = self else {
            return Err(Error::out_of_range("rule of the steps", "momentum", "Adam"));
        };
        let (mean, square) = adam.moments();
        same_length("Adam's first moments", mean.len(), n_moments)?;
        same_length("Adam's second moments", square.len(), n_moments)?;
        match adam.n_steps() {
            n if n == n_steps => Ok(()),
            n => Err(Error::out_of_range("Adam's steps", n, format!("{n_steps}, the steps done"))),
        }
    }
    pub(super) fn update(&mut self, parameters: &mut [f32], gradient: &[f32], rate: f64) -> Result<()> {
        match self {
            Memory::Momentum(rule) => rule.update(parameters, gradient, rate)?,
            Memory::Adam(rule) => rule.update(parameters, gradient, rate)?,
        }
        Ok(())
    }
}

/// Turns differences of ⟨sᵢ⟩ and ⟨sᵢ sⱼ⟩ into the centred gradient: that of the couplings in -Σ Jᵢⱼ (sᵢ - cᵢ)(sⱼ - cⱼ), with
/// the fields of plain spins that it comes to.
pub(super) fn centre(edges: &[[u32; 2]], centres: &[f32], spins: &mut [f64], pairs: &mut [f64]) {
    let c = |i: u32| f64::from(centres[i as usize]);
    let raw = spins.to_vec();
    for (&[i, j], pair) in edges.iter().zip(pairs) {
        *pair -= c(i) * raw[j as usize] + c(j) * raw[i as usize];
        spins[i as usize] -= c(j) * *pair;
        spins[j as usize] -= c(i) * *pair;
    }
}
