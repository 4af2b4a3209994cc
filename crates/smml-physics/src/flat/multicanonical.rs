//! Sampling with a weight for every energy.

use super::EnergyGrid;
use serde::{Deserialize, Serialize};
use smml_core::{
    energy::{Energy, Finite, LocalEnergy},
    error::{Error, Result, finite, same_length},
    rng::Draw,
};

/// A state with its energy, which moves keep up to date: exact for integer energies, else with rounding errors that
/// gather slowly ([`Multicanonical::at`] computes it afresh).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawTracked<S>")]
pub struct Tracked<S> {
    state: S,
    energy: f64,
}

#[derive(Deserialize)]
struct RawTracked<S> {
    state: S,
    energy: f64,
}

impl<S> TryFrom<RawTracked<S>> for Tracked<S> {
    type Error = Error;
    fn try_from(raw: RawTracked<S>) -> Result<Self> {
        Ok(Tracked { state: raw.state, energy: finite("energy", raw.energy)? })
    }
}

impl<S> Tracked<S> {
    /// The state of the model.
    pub fn state(&self) -> &S {
        &self.state
    }
    /// Its energy.
    pub fn energy(&self) -> f64 {
        self.energy
    }
    /// With the energy that the model gives.
    pub(super) fn new<E: Energy<State = S>>(model: &E, state: S) -> Self {
        Tracked { energy: model.energy(&state), state }
    }
    /// Carries out a move that changes the energy by `delta`.
    #[inline]
    pub(super) fn apply<E: LocalEnergy<State = S>>(&mut self, model: &E, change: &E::Move, delta: f64) {
        model.apply(&mut self.state, change);
        self.energy += delta;
    }
}

/// The multicanonical ensemble (B. A. Berg and T. Neuhaus, Phys. Rev. Lett. 68, 9 (1992)): the states of a model with
/// probability proportional to exp(-w(E)), w given for every bin of a grid and +∞ outside. With w = ln g every bin is
/// visited equally often.
///
/// It is an energy like any other, w(E(s)) at β = 1, so the generic kernels sample it and the law test covers it.
///
/// ```
/// use smml_core::{chain::Chain, rng::Streams, sample::Metropolis};
/// use smml_physics::{flat::{EnergyGrid, Multicanonical}, ising::Ising};
/// let ring = Ising::new(4, &[(0, 1, 1.0), (1, 2, 1.0), (2, 3, 1.0), (3, 0, 1.0)], vec![0.0; 4])?;
/// let grid = EnergyGrid::levels(&ring)?;
/// // 2, 12 and 2 states with energies -4, 0, 4.
/// let flat = Multicanonical::new(ring, grid, vec![2f64.ln(), 12f64.ln(), 2f64.ln()])?;
/// let start = flat.at(vec![1; 4])?;
/// let mut chain = Chain::new(Metropolis::new(4)?, start, Streams::new(1).stream("flat", 0));
/// chain.advance(&flat, 1.0, 100);
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Multicanonical<E> {
    model: E,
    grid: EnergyGrid,
    weights: Vec<f64>,
}

impl<E: Energy> Multicanonical<E> {
    /// A model with a weight exponent w for every bin; +∞ forbids a bin.
    ///
    /// # Errors
    /// Another number of weights than bins, NaN or -∞ among them.
    pub fn new(model: E, grid: EnergyGrid, weights: Vec<f64>) -> Result<Self> {
        same_length("weights", weights.len(), grid.n_bins())?;
        if let Some(k) = weights.iter().position(|w| w.is_nan() || *w == f64::NEG_INFINITY) {
            return Err(Error::out_of_range(format!("weight {k}"), weights[k], "finite or +infinity"));
        }
        Ok(Multicanonical { model, grid, weights })
    }
    /// The model.
    pub fn model(&self) -> &E {
        &self.model
    }
    /// The bins.
    pub fn grid(&self) -> &EnergyGrid {
        &self.grid
    }
    /// w of every bin.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }
    /// A state to start from. Errors: one that has no weight.
    pub fn at(&self, state: E::State) -> Result<Tracked<E::State>> {
        let tracked = Tracked::new(&self.model, state);
        if self.weight(tracked.energy) == f64::INFINITY {
            let allowed = "in a bin of the grid that is not forbidden";
            return Err(Error::out_of_range("energy of the first state", tracked.energy, allowed));
        }
        Ok(tracked)
    }
    /// For a kernel of the tests that is wrong on purpose.
    #[cfg(test)]
    pub(super) fn set_weights(&mut self, weights: Vec<f64>) {
        self.weights = weights;
    }
    fn weight(&self, energy: f64) -> f64 {
        self.grid.bin(energy).map_or(f64::INFINITY, |k| self.weights[k])
    }
}

/// w(E(s))
impl<E: Energy> Energy for Multicanonical<E> {
    type State = Tracked<E::State>;
    fn energy(&self, s: &Tracked<E::State>) -> f64 {
        self.weight(s.energy)
    }
}

/// A move of the model, with what it adds to the model's energy.
impl<E: LocalEnergy> LocalEnergy for Multicanonical<E> {
    type Move = (E::Move, f64);
    fn propose<R: Draw>(&self, s: &Tracked<E::State>, rng: &mut R) -> (E::Move, f64) {
        let change = self.model.propose(&s.state, rng);
        let delta = self.model.delta(&s.state, &change);
        (change, delta)
    }
    fn delta(&self, s: &Tracked<E::State>, (_, delta): &(E::Move, f64)) -> f64 {
        self.weight(s.energy + delta) - self.weight(s.energy)
    }
    fn apply(&self, s: &mut Tracked<E::State>, (change, delta): &(E::Move, f64)) {
        s.apply(&self.model, change, *delta);
    }
}

/// Numbered as the states of the model.
impl<E: Finite> Finite for Multicanonical<E> {
    fn n_states(&self) -> Option<usize> {
        self.model.n_states()
    }
    fn state(&self, index: usize) -> Tracked<E::State> {
        Tracked::new(&self.model, self.model.state(index))
    }
    fn index(&self, s: &Tracked<E::State>) -> usize {
        self.model.index(&s.state)
    }
}
