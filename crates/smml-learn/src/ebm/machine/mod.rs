//! General Boltzmann machines: the Ising model of Eqs. (41) and (42) as a model of data, on any graph, with any units visible
//! and any hidden.
//!
//! [`BoltzmannMachine`] is the model. [`exact`] holds what elimination gives on small or narrow graphs: ln Z, likelihoods,
//! the gradient. [`local`] holds the costs that need no ln Z (pseudo-likelihood, ratio matching, minimum probability
//! flow). [`MachineTrainer`] trains by either, with the centred gradient; [`observe`] measures a machine as the physical
//! system that it is. Chains run in the lanes of [`smml_physics::lanes`], 64 to a word.
//!
//! Machines of two layers are faster as an [`Rbm`](super::Rbm).

pub mod exact;
pub mod local;
mod model;
pub mod observe;
mod phases;
mod statistics;
mod train;

pub use local::LocalCost;
pub use model::{BoltzmannMachine, Units};
pub use phases::{NegativePhase, PositivePhase};
pub use statistics::{Rows, Statistics};
pub use train::{MachineStep, MachineTrainer, MachineTrainerState, MachineTraining, Objective};
