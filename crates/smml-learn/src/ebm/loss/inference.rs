//! Inference and the Gibbs distribution over finitely many answers (equations 35, 36 and 37).

use crate::error::{Error, Result};
use smml_core::{
    distribution::Categorical,
    energy::{Finite, ln_sum_exp, states},
    error::not_negative,
};

/// The answers of least energy.
#[derive(Clone, Debug, PartialEq)]
pub struct Inferred {
    /// min E(Y, X).
    pub energy: f64,
    /// The numbers of all answers of this energy, rising: a tie is seen, not broken.
    pub answers: Vec<usize>,
}

/// Y* = argmin E(Y, X) among listed energies (equation 35).
///
/// Errors: no energies, one that is NaN.
///
/// ```
/// let found = smml_learn::ebm::loss::infer(&[0.5, -1.0, 2.0, -1.0])?;
/// assert_eq!((found.energy, found.answers), (-1.0, vec![1, 3]));
/// # Ok::<(), smml_learn::Error>(())
/// ```
pub fn infer(energies: &[f64]) -> Result<Inferred> {
    check(energies)?;
    let energy = energies.iter().copied().fold(f64::INFINITY, f64::min);
    Ok(Inferred { energy, answers: (0..energies.len()).filter(|&y| energies[y] == energy).collect() })
}

/// [`infer`] over all states of a model that can be enumerated: Y is the state, X is part of the model.
///
/// Errors: those of [`states`], an energy that is NaN.
pub fn infer_exact<E: Finite>(model: &E) -> Result<Inferred> {
    let mut found = Inferred { energy: f64::INFINITY, answers: Vec::new() };
    for i in states(model)? {
        let energy = model.energy(&model.state(i));
        if energy.is_nan() {
            return Err(Error::out_of_range(format!("energy of answer {i}"), energy, "a number"));
        }
        if energy < found.energy {
            found = Inferred { energy, answers: vec![i] };
        } else if energy == found.energy {
            found.answers.push(i);
        }
    }
    Ok(found)
}

/// P(Y | X) = exp(-β E(Y, X)) / Z(X) over listed answers (equation 36).
#[derive(Clone, Debug, PartialEq)]
pub struct Posterior {
    beta: f64,
    ln_z: f64,
    energies: Vec<f64>,
    law: Categorical,
}

impl Posterior {
    /// At β ≥ 0. An energy of +∞ forbids its answer, also at β = 0.
    ///
    /// Errors: β negative or not finite, no energies, one that is NaN or -∞, all +∞.
    pub fn new(energies: &[f64], beta: f64) -> Result<Self> {
        not_negative("beta", beta)?;
        check(energies)?;
        if let Some(y) = energies.iter().position(|e| *e == f64::NEG_INFINITY) {
            return Err(Error::out_of_range(
                format!("energy of answer {y}"),
                energies[y],
                "greater than -infinity",
            ));
        }
        let ln_weights: Vec<f64> = energies
            .iter()
            .map(|e| if *e == f64::INFINITY { f64::NEG_INFINITY } else { -beta * e })
            .collect();
        let law = Categorical::from_ln_weights(&ln_weights)?;
        Ok(Posterior { beta, ln_z: ln_sum_exp(&ln_weights), energies: energies.to_vec(), law })
    }
    /// Of all states of a model that can be enumerated. Errors: those of [`states`] and of [`Posterior::new`].
    pub fn exact<E: Finite>(model: &E, beta: f64) -> Result<Self> {
        let energies: Vec<f64> = states(model)?.map(|i| model.energy(&model.state(i))).collect();
        Posterior::new(&energies, beta)
    }
    /// β.
    pub fn beta(&self) -> f64 {
        self.beta
    }
    /// ln Z(X) = ln Σ_Y exp(-β E(Y, X)) (equation 37).
    pub fn ln_z(&self) -> f64 {
        self.ln_z
    }
    /// -(1/β) ln Z; -∞ at β = 0 for more than one answer.
    pub fn free_energy(&self) -> f64 {
        -self.ln_z / self.beta
    }
    /// All probabilities; they sum to 1.
    pub fn probabilities(&self) -> &[f64] {
        self.law.probabilities()
    }
    /// ln P(Y | X) = -β E - ln Z, exact also where the probability is too small for an f64. Panics when there is no such
    /// answer, as a slice does.
    pub fn ln_probability(&self, answer: usize) -> f64 {
        let e = self.energies[answer];
        if e == f64::INFINITY { f64::NEG_INFINITY } else { -self.beta * e - self.ln_z }
    }
    /// The probabilities as a distribution, to draw answers from.
    pub fn law(&self) -> &Categorical {
        &self.law
    }
}

fn check(energies: &[f64]) -> Result<()> {
    if energies.is_empty() {
        return Err(Error::out_of_range("number of answers", 0, "at least 1"));
    }
    match energies.iter().position(|e| e.is_nan()) {
        Some(y) => Err(Error::out_of_range(format!("energy of answer {y}"), energies[y], "a number")),
        None => Ok(()),
    }
}
