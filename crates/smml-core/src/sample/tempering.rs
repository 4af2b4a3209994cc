//! Parallel tempering on a given ladder. The replicas together are one system, so tempering is a kernel like any
//! other, and the same exact law covers its swaps.

use crate::{
    energy::Energy,
    error::{Error, Result, all_finite, permutation, same_length},
    kernel::{Kernel, Step},
    parallel::{self, Par},
    rng::Draw,
};
use serde::{Deserialize, Serialize};

/// One model at several temperatures, seen as one system with energy Σ_r factorsᵣ E(s_r). At inverse temperature β
/// rung r is sampled at β factorsᵣ; use β = 1 and a ladder of inverse temperatures, or factors relative to β.
#[derive(Clone, Debug)]
pub struct Ladder<E> {
    /// The model on every rung.
    pub energy: E,
    factors: Vec<f64>,
}

impl<E> Ladder<E> {
    /// A ladder with at least one rung; factors are finite and ordered (either way), so that neighbours are neighbours.
    pub fn new(energy: E, factors: Vec<f64>) -> Result<Self> {
        if factors.is_empty() {
            return Err(Error::out_of_range("rungs of the ladder", 0, "at least 1"));
        }
        all_finite("factor of the ladder, rung", &factors)?;
        if !factors.is_sorted() && !factors.iter().rev().is_sorted() {
            return Err(Error::out_of_range("factors of the ladder", format!("{factors:?}"), "in order"));
        }
        Ok(Ladder { energy, factors })
    }
    /// The factor of every rung.
    pub fn factors(&self) -> &[f64] {
        &self.factors
    }
}

impl<E: Energy> Ladder<E> {
    /// States to start from, from the first rung to the last. Errors: another number of states than rungs.
    pub fn replicas(&self, states: Vec<E::State>) -> Result<Replicas<E::State>> {
        same_length("states on the ladder", states.len(), self.factors.len())?;
        Ok(Replicas::new(states))
    }
}

/// The states on a ladder, and which replica stands on which rung; made by [`Ladder::replicas`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawReplicas<S>")]
pub struct Replicas<S> {
    states: Vec<S>,
    /// The replica (by its first rung) that is now on every rung, for round trips.
    labels: Vec<u32>,
    /// Swaps tried and made between rungs r and r + 1.
    swaps: Vec<Step>,
}

#[derive(Deserialize)]
struct RawReplicas<S> {
    states: Vec<S>,
    labels: Vec<u32>,
    swaps: Vec<Step>,
}

impl<S> TryFrom<RawReplicas<S>> for Replicas<S> {
    type Error = Error;
    fn try_from(raw: RawReplicas<S>) -> Result<Self> {
        let n = raw.states.len();
        permutation("replica labels", raw.labels.iter().map(|&label| label as usize), n)?;
        same_length("swap counts", raw.swaps.len(), n.saturating_sub(1))?;
        if let Some(swap) = raw.swaps.iter().find(|s| s.accepted > s.proposed) {
            let allowed = format!("at most the {} proposed", swap.proposed);
            return Err(Error::out_of_range("accepted swaps", swap.accepted, allowed));
        }
        Ok(Replicas { states: raw.states, labels: raw.labels, swaps: raw.swaps })
    }
}

impl<S> Replicas<S> {
    pub(crate) fn new(states: Vec<S>) -> Self {
        let n = states.len();
        Replicas {
            states,
            labels: (0..n as u32).collect(),
            swaps: vec![Step::default(); n.saturating_sub(1)],
        }
    }
    /// The state on every rung.
    pub fn states(&self) -> &[S] {
        &self.states
    }
    /// The state on every rung, to be changed.
    pub fn states_mut(&mut self) -> &mut [S] {
        &mut self.states
    }
    /// Which replica is on every rung.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }
    /// Swaps tried and made between rungs r and r + 1, for every r.
    pub fn swaps(&self) -> &[Step] {
        &self.swaps
    }
}

impl<E: Energy> Energy for Ladder<E> {
    type State = Replicas<E::State>;
    fn energy(&self, s: &Self::State) -> f64 {
        self.factors.iter().zip(&s.states).map(|(f, x)| f * self.energy.energy(x)).sum()
    }
}

/// Parallel tempering: the inner kernel on every rung, swaps of even pairs, the inner kernel again, swaps of odd
/// pairs. Both kinds of swap are in one step, so there is no parity to remember.
///
/// `Step` counts swaps; the inner acceptance is the business of the inner kernel.
///
/// A step panics when the replicas are those of a ladder with another number of rungs, as indexing a slice does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tempering<K> {
    /// The kernel on every rung.
    pub inner: K,
    /// Not saved: results do not depend on it.
    #[serde(skip)]
    pub par: Par,
}

impl<K> Tempering<K> {
    /// Tempering around a kernel, replicas in parallel.
    pub fn new(inner: K) -> Self {
        Tempering { inner, par: Par::default() }
    }
}

impl<E: Energy, K: Kernel<E>> Kernel<Ladder<E>> for Tempering<K> {
    fn step<R: Draw>(
        &mut self,
        ladder: &Ladder<E>,
        replicas: &mut Replicas<E::State>,
        beta: f64,
        rng: &mut R,
    ) -> Step {
        let n = ladder.factors.len();
        assert_eq!(replicas.states.len(), n, "a ladder of {n} rungs needs as many replicas");
        let mut done = Step::default();
        for parity in 0..2 {
            let mut jobs: Vec<_> =
                replicas.states.drain(..).map(|state| (self.inner.clone(), state, rng.fork(), 0.0)).collect();
            parallel::each(self.par, &mut jobs, |r, (kernel, state, rng, e)| {
                kernel.step(&ladder.energy, state, beta * ladder.factors[r], rng);
                *e = ladder.energy.energy(state);
            });
            let energies: Vec<f64> = jobs.iter().map(|job| job.3).collect();
            replicas.states.extend(jobs.into_iter().map(|job| job.1));
            for a in (parity..n.saturating_sub(1)).step_by(2) {
                // Swapping changes the total energy by (f_b - f_a)(E_a - E_b).
                let change = (ladder.factors[a + 1] - ladder.factors[a]) * (energies[a] - energies[a + 1]);
                let accepted = rng.accept(beta * change);
                if accepted {
                    replicas.states.swap(a, a + 1);
                    replicas.labels.swap(a, a + 1);
                }
                let swap = Step { proposed: 1, accepted: u64::from(accepted) };
                replicas.swaps[a] += swap;
                done += swap;
            }
        }
        done
    }
}
