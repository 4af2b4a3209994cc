//! Heat bath (Gibbs sampling): each site drawn from its conditional distribution.

use crate::{
    energy::Conditional,
    error::{Error, Result},
    kernel::{Kernel, Step},
    rng::Draw,
    store::read_through,
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
#[serde(try_from = "RawRandomScan")]
pub struct RandomScan {
    visits: usize,
}

read_through!(RandomScan: RawRandomScan { visits: usize } => RandomScan::new(visits));

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
        if n == 0 {
            return Step::default();
        }
        let mut changed = 0;
        for _ in 0..self.visits {
            let site = rng.below(n);
            changed += u64::from(energy.resample(state, site, beta, rng));
        }
        Step { proposed: self.visits as u64, accepted: changed }
    }
}
