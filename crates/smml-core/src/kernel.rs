//! Kernels: one step that leaves the Boltzmann distribution at `beta` unchanged.

use crate::{energy::Energy, rng::Draw};
use serde::{Deserialize, Serialize};

/// What one step did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Changes proposed (sites visited, for a heat bath).
    pub proposed: u64,
    /// Changes made.
    pub accepted: u64,
}

impl Step {
    /// Accepted over proposed; `None` before anything was proposed.
    pub fn acceptance(self) -> Option<f64> {
        (self.proposed > 0).then(|| self.accepted as f64 / self.proposed as f64)
    }
}

impl std::ops::AddAssign for Step {
    fn add_assign(&mut self, other: Step) {
        self.proposed += other.proposed;
        self.accepted += other.accepted;
    }
}

/// A Markov step on the states of `E`, exact or (where its documentation says so) to a stated order in a time step.
///
/// The fields of a kernel are parameters and scratch memory. Scratch never changes what the next step does, so a
/// clone of a kernel is as good as the kernel; whatever must travel with a state belongs in the state.
pub trait Kernel<E: Energy>: Clone + Send + Sync {
    /// One step at inverse temperature `beta`.
    fn step<R: Draw>(&mut self, energy: &E, state: &mut E::State, beta: f64, rng: &mut R) -> Step;
}

/// One kernel after the other.
impl<E: Energy, A: Kernel<E>, B: Kernel<E>> Kernel<E> for (A, B) {
    fn step<R: Draw>(&mut self, energy: &E, state: &mut E::State, beta: f64, rng: &mut R) -> Step {
        let mut done = self.0.step(energy, state, beta, rng);
        done += self.1.step(energy, state, beta, rng);
        done
    }
}
