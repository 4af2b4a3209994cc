//! Spin systems: the Ising model on any graph, its exact references, and cluster updates.
//!
//! Samplers that work for any energy (Metropolis, heat bath, tempering, annealing) are in [`smml_core::sample`]; here
//! is what knows the model. Molecular dynamics, other spins and mean-field theory come with later parts.

pub mod bound;
pub mod cluster;
pub mod instances;
pub mod ising;
mod matching;
pub mod planar;
pub mod problem;

pub use smml_core;
