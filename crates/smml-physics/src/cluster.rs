//! Wolff's cluster update for Ising models with any couplings and fields.
//!
//! Source: U. Wolff, Phys. Rev. Lett. 62, 361 (1989). Swendsen-Wang and the balance test for glasses come with part 2.

use crate::ising::Ising;
use serde::{Deserialize, Serialize};
use smml_core::{
    kernel::{Kernel, Step},
    rng::Draw,
};

/// Grows one cluster from a random spin: a bond whose coupling is satisfied joins with probability
/// 1 - exp(-2 β |J|). The cluster is flipped at once; with fields, the flip passes a Metropolis test on the field
/// energy, which keeps detailed balance. On frustrated graphs it is right, but clusters soon fill the system.
///
/// Reversible. `Step` counts spins: proposed are those of the cluster, accepted those flipped.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Wolff {
    #[serde(skip)]
    stack: Vec<u32>,
    /// All false between steps. A mark of its own is needed: where couplings are frustrated, the sign of a spin does
    /// not tell whether it is in the cluster.
    #[serde(skip)]
    joined: Vec<bool>,
    #[serde(skip)]
    cluster: Vec<u32>,
}

impl Wolff {
    fn join(&mut self, i: u32) {
        self.joined[i as usize] = true;
        self.stack.push(i);
        self.cluster.push(i);
    }
}

impl PartialEq for Wolff {
    /// Scratch memory decides nothing.
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Kernel<Ising> for Wolff {
    fn step<R: Draw>(&mut self, ising: &Ising, s: &mut Vec<i8>, beta: f64, rng: &mut R) -> Step {
        if s.is_empty() {
            return Step::default();
        }
        self.joined.resize(s.len(), false);
        self.cluster.clear();
        self.join(rng.below(s.len()) as u32);
        while let Some(i) = self.stack.pop() {
            let (neighbours, couplings) = ising.couplings().neighbours(i as usize);
            for (&j, coupling) in neighbours.iter().zip(couplings) {
                let satisfied = beta * coupling * f64::from(s[i as usize]) * f64::from(s[j as usize]);
                if !self.joined[j as usize] && satisfied > 0.0 && rng.chance(-libm::expm1(-2.0 * satisfied)) {
                    self.join(j);
                }
            }
        }
        let mut field_energy = 0.0;
        for &i in &self.cluster {
            self.joined[i as usize] = false;
            field_energy += 2.0 * ising.fields()[i as usize] * f64::from(s[i as usize]);
        }
        let size = self.cluster.len() as u64;
        let accepted = rng.accept(beta * field_energy);
        if accepted {
            for &i in &self.cluster {
                s[i as usize] = -s[i as usize];
            }
        }
        Step { proposed: size, accepted: if accepted { size } else { 0 } }
    }
}
