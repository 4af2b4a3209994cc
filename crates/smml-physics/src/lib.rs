//! Spin systems: models on lattices and graphs, what is known of them exactly, and the samplers that know the model.
//!
//! - Models: [`ising`] (with exact results, transfer matrices, observables), [`spins`] (Potts, clock, Blume-Capel, XY,
//!   Heisenberg), on any [`lattice`] or graph.
//! - Samplers: [`packed`] (square and cubic Ising lattices, a bit a spin), [`lanes`] (512 replicas of any Ising model with
//!   integer couplings), [`cluster`] (Wolff, Swendsen-Wang, balance of signs), [`kernels`] (Kawasaki, n-fold way, moves of
//!   two replicas), [`flat`] (Wang-Landau, multicanonical, densities of states).
//! - Optimisation: [`problem`] (polynomials of binary variables, files), [`search`] (annealing of many runs, populations and
//!   quantum paths, tabu and breakout local search, simulated bifurcation, time to solution).
//! - References: [`mean_field`], [`curie_weiss`], [`bethe`], [`critical`] temperatures.
//!
//! Parallel tempering with an adapted ladder, free energies and entropies is in [`tempering`].
//!
//! Samplers that work for any energy (Metropolis, heat bath, tempering, annealing) are in [`smml_core::sample`].
//! Molecular dynamics comes with a later part.

pub mod bethe;
pub mod cluster;
pub mod critical;
pub mod curie_weiss;
pub mod flat;
pub mod ising;
pub mod kernels;
pub mod lanes;
pub mod lattice;
pub mod mean_field;
pub mod packed;
pub mod problem;
pub mod search;
pub mod spins;
pub mod tempering;

pub use smml_core;
