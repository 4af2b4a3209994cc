//! Heat bath (Gibbs sampling): each site drawn from its conditional distribution.

use crate::{
    energy::Conditional,
    error::{Error, Result},
    kernel::{Kernel, Step},
    rng::Draw,
};
use serde::{Deserialize, Serialize};

/// Every site once, in order. Stationary, not reversible (the reversed order is another kernel). For an Ising spin
/// the heat bath is the same rule as Glauber's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeatBath;

impl<E: Conditional> Kernel<E> for HeatBath {
    fn step<R: Draw>(&mut self, energy: &E, state: &mut E::State, beta: f64, rng: &mut R) -> Step {
        let n = energy.n_sites();
        let changed = (0..n).filter(|&site| energy.resample(state, site, beta, rng)).count();
        Step { proposed: n as u64, accepted: changed as u64 }
    }
}

/// `visits` sites drawn at random, with replacement. Reversible.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RandomScan {
    visits: usize,
}

impl RandomScan {
    /// `visits` per step, at least one.
    pub fn new(visits: usize) -> Result<Self> {
        if visits == 0 {
            return Err(Error::out_of_range("visits", 0, "at least 1"));
        }
        Ok(RandomScan { visits })
    }
}

impl<E: Conditional> Kernel<E> for RandomScan {
    fn step<R: Draw>(&mut self, energy: &E, state: &mut E::State, beta: f64, rng: &mut R) -> Step {
        let n = energy.n_sites();
        let mut changed = 0;
        if n > 0 {
            for _ in 0..self.visits {
                let site = rng.below(n);
                changed += u64::from(energy.resample(state, site, beta, rng));
            }
        }
        Step { proposed: self.visits as u64, accepted: changed }
    }
}
