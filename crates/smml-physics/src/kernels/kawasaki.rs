//! Exchange of unlike neighbours: dynamics that conserve the magnetisation.

use crate::ising::Ising;
use serde::{Deserialize, Serialize};
use smml_core::{
    error::{Error, Result},
    kernel::{Kernel, Step},
    read_through,
    rng::Draw,
};

/// `attempts` exchanges of the spins of two neighbours (K. Kawasaki, Phys. Rev. 145, 224 (1966)): a random spin and a
/// random neighbour of it change places with probability min(1, exp(-β ΔE)). Neighbours are spins that share an edge of
/// the graph, one of weight 0 too. A pair of equal spins, and a spin without neighbours, is an attempt that fails.
///
/// Reversible. The magnetisation stays, so the distribution is Boltzmann's within a sector of fixed magnetisation; on a
/// connected graph all states of the sector are reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawKawasaki")]
pub struct Kawasaki {
    attempts: usize,
}

read_through!(Kawasaki: RawKawasaki { attempts: usize } => Kawasaki::new(attempts));

impl Kawasaki {
    /// `attempts` per step, at least one; the number of spins makes a step a sweep.
    pub fn new(attempts: usize) -> Result<Self> {
        if attempts == 0 {
            return Err(Error::out_of_range("attempts", 0, "at least 1"));
        }
        Ok(Kawasaki { attempts })
    }
}

impl Kernel<Ising> for Kawasaki {
    fn step<R: Draw>(&mut self, ising: &Ising, s: &mut Vec<i8>, beta: f64, rng: &mut R) -> Step {
        let mut accepted = 0;
        for _ in 0..self.attempts {
            // A pair is drawn from either of its ends, with a probability that does not depend on the spins.
            let i = rng.below(s.len());
            let (neighbours, couplings) = ising.couplings().neighbours(i);
            if neighbours.is_empty() {
                continue;
            }
            let k = rng.below(neighbours.len());
            let (j, coupling) = (neighbours[k] as usize, couplings[k]);
            if s[i] == s[j] {
                continue;
            }
            // Both spins flip; their own bond, counted in both local fields, stays unsatisfied or satisfied.
            let out = f64::from(s[i]) * (ising.local_field(s, i) - ising.local_field(s, j));
            let change = 2.0 * out + 4.0 * coupling;
            if rng.accept(beta * change) {
                s.swap(i, j);
                accepted += 1;
            }
        }
        Step { proposed: self.attempts as u64, accepted }
    }
}
