//! Spin systems: the Ising model on any graph, its exact references, and cluster updates.
//!
//! Samplers that work for any energy (Metropolis, heat bath, tempering, annealing) are in [`smml_core::sample`]; here
//! is what knows the model. Molecular dynamics, other spins and mean-field theory come with later parts.

pub mod bethe;
pub mod cluster;
pub mod critical;
pub mod curie_weiss;
pub mod flat;
pub mod ising;
pub mod kernels;
pub mod lattice;
pub mod mean_field;
pub mod spins;

pub use smml_core;
