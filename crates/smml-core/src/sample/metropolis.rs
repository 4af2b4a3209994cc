//! Metropolis sampling with a model's own moves (Algorithm 2).

use crate::{
    energy::LocalEnergy,
    error::{Error, Result},
    kernel::{Kernel, Step},
    rng::Draw,
    store::read_through,
};
use serde::{Deserialize, Serialize};

/// The Metropolis rule for one change, the one place where it is written: carry it out with probability
/// min(1, exp(-β ΔE)). True when carried out. A β ΔE that is NaN rejects: so does an infinite ΔE at β = 0, and a move
/// between two states of infinite energy.
pub fn attempt<E: LocalEnergy, R: Draw>(
    energy: &E,
    state: &mut E::State,
    change: &E::Move,
    beta: f64,
    rng: &mut R,
) -> bool {
    let accepted = rng.accept(beta * energy.delta(state, change));
    if accepted {
        energy.apply(state, change);
    }
    accepted
}

/// `attempts` proposals of the model's own symmetric moves (Algorithm 2). A rejected proposal leaves the old state in
/// place, and whoever samples after the step counts that state again, as the algorithm asks.
///
/// Reversible.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawMetropolis")]
pub struct Metropolis {
    attempts: usize,
}

read_through!(Metropolis: RawMetropolis { attempts: usize } => Metropolis::new(attempts));

impl Metropolis {
    /// `attempts` per step, at least one; the number of sites makes a step a sweep.
    pub fn new(attempts: usize) -> Result<Self> {
        if attempts == 0 {
            return Err(Error::out_of_range("attempts", 0, "at least 1"));
        }
        Ok(Metropolis { attempts })
    }
}

impl<E: LocalEnergy> Kernel<E> for Metropolis {
    fn step<R: Draw>(&mut self, energy: &E, state: &mut E::State, beta: f64, rng: &mut R) -> Step {
        let mut accepted = 0;
        for _ in 0..self.attempts {
            let change = energy.propose(state, rng);
            accepted += u64::from(attempt(energy, state, &change, beta, rng));
        }
        Step { proposed: self.attempts as u64, accepted }
    }
}
