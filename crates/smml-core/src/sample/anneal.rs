//! Simulated annealing with any kernel (section 3.10).

use crate::{
    energy::{Energy, Reference},
    error::{Error, Result},
    estimate::SearchResults,
    kernel::Kernel,
    parallel::{self, Par},
    rng::{Draw, Streams},
    schedule::Schedule,
    store::read_through,
};
use serde::{Deserialize, Serialize};

/// The lowest energy met, and where.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Best<S> {
    /// The state.
    pub state: S,
    /// Its energy.
    pub energy: f64,
}

/// Simulated annealing: `n_steps` steps of a kernel while β follows a schedule.
///
/// The energy is evaluated after each step: use a model that keeps its energy in the state when that is dear.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawAnneal")]
pub struct Anneal {
    beta: Schedule,
    n_steps: usize,
}

read_through!(Anneal: RawAnneal { beta: Schedule, n_steps: usize } => Anneal::new(beta, n_steps));

impl Anneal {
    /// β from `beta.at(0)` at the first step to `beta.at(1)` at the last.
    pub fn new(beta: Schedule, n_steps: usize) -> Result<Self> {
        if n_steps == 0 {
            return Err(Error::out_of_range("n_steps", 0, "at least 1"));
        }
        Ok(Anneal { beta: beta.checked()?, n_steps })
    }

    /// One run from `start`; the best state met, the start included. States of NaN energy are never best.
    pub fn run<E: Energy, R: Draw>(
        &self,
        energy: &E,
        kernel: &mut impl Kernel<E>,
        start: E::State,
        rng: &mut R,
    ) -> Best<E::State> {
        let mut state = start;
        let mut best = Best { energy: energy.energy(&state), state: state.clone() };
        for beta in self.beta.values(self.n_steps) {
            kernel.step(energy, &mut state, beta, rng);
            let e = energy.energy(&state);
            if e < best.energy || (best.energy.is_nan() && !e.is_nan()) {
                best.energy = e;
                best.state.clone_from(&state);
            }
        }
        best
    }

    /// `n_runs` independent runs from states drawn at β = 0; run i uses stream i, whatever thread it is on.
    pub fn search<E: Reference, K: Kernel<E>>(
        &self,
        energy: &E,
        kernel: &K,
        n_runs: usize,
        streams: &Streams,
        par: Par,
    ) -> Result<SearchResults<E::State>> {
        if n_runs == 0 {
            return Err(Error::out_of_range("n_runs", 0, "at least 1"));
        }
        SearchResults::new(parallel::map(par, n_runs, |run| {
            let mut rng = streams.stream("anneal", run as u64);
            let start = energy.draw(&mut rng);
            let best = self.run(energy, &mut kernel.clone(), start, &mut rng);
            (best.energy, best.state)
        }))
    }
}
