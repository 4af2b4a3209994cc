//! What trainings of Boltzmann machines share: the rule of the steps, and offsets.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use smml_core::optimize::{Adam, Momentum, Sgd, Update};

/// The rule of the steps.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepRule {
    /// θ ← θ + r g.
    Sgd,
    /// Heavy ball, v ← μ v + g, θ ← θ + r v: a rate r moves as far as r / (1 - μ) without momentum.
    Momentum {
        /// μ in [0, 1).
        momentum: f64,
    },
    /// Adam with β₁ = 0.9, β₂ = 0.999, ε = 10⁻⁸.
    Adam,
}

/// The memory of a rule, for one array of parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Memory {
    Sgd(Sgd),
    Momentum(Momentum<f64>),
    Adam(Adam<f64>),
}

impl Memory {
    pub(super) fn new(rule: StepRule) -> Result<Self> {
        Ok(match rule {
            StepRule::Sgd => Memory::Sgd(Sgd),
            StepRule::Momentum { momentum } => Memory::Momentum(Momentum::heavy_ball(momentum)?),
            StepRule::Adam => Memory::Adam(Adam::default()),
        })
    }
    /// Moves parameters against a gradient.
    pub(super) fn step(&mut self, theta: &mut [f64], gradient: &[f64], rate: f64) -> Result<()> {
        match self {
            Memory::Sgd(rule) => rule.update(theta, gradient, rate)?,
            Memory::Momentum(rule) => rule.update(theta, gradient, rate)?,
            Memory::Adam(rule) => rule.update(theta, gradient, rate)?,
        }
        Ok(())
    }
    /// Checks a saved memory against the rule and the number of parameters.
    pub(super) fn check(&self, rule: StepRule, n: usize) -> Result<()> {
        let length = match (self, rule) {
            (Memory::Sgd(_), StepRule::Sgd) => 0,
            (Memory::Momentum(m), StepRule::Momentum { .. }) => m.velocity().len(),
            (Memory::Adam(a), StepRule::Adam) => a.moments().0.len(),
            _ => {
                let allowed = format!("that of {rule:?}");
                return Err(Error::out_of_range("saved memory of the rule", "of another rule", allowed));
            }
        };
        if length == 0 || length == n {
            Ok(())
        } else {
            Err(Error::length("saved memory of the rule", length, n))
        }
    }
}

/// The offsets that are subtracted from units (G. Montavon and K.-R. Müller in Neural Networks: Tricks of the Trade, 2012; J.
/// Melchior, A. Fischer and L. Wiskott, J. Mach. Learn. Res. 17 (99), 1 (2016)).
///
/// With offsets μ the energy is written -Σ Wᵢⱼ (xᵢ - μᵢ)(xⱼ - μⱼ) - Σ cᵢ (xᵢ - μᵢ), which is the same machine with bᵢ = cᵢ - Σⱼ
/// Wᵢⱼ μⱼ; steps go along the gradient with respect to W and c. So a step of a weight does not move the field on a unit whose
/// neighbours are at their means, and the gradient of a weight is a difference of covariances. Without offsets a machine of
/// spins has to learn the mean of the data through all its weights at once.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Centring {
    /// None: μ = 0.
    None,
    /// Means of the data; of hidden units the running mean of the positive phases, which starts in the middle of their values.
    Means {
        /// The part of the newest batch in the running mean, in (0, 1].
        sliding: f64,
    },
}

impl Centring {
    pub(super) fn check(self) -> Result<()> {
        match self {
            Centring::Means { sliding } if !(sliding > 0.0 && sliding <= 1.0) => {
                Err(Error::out_of_range("sliding", sliding, "in (0, 1]"))
            }
            _ => Ok(()),
        }
    }
}
