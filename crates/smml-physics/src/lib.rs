//! Spin systems: models on lattices and graphs, what is known of them exactly, and the samplers that know the model.
//!
//! - Models: [`ising`] (with exact results, transfer matrices, observables), [`spins`] (Potts, clock, Blume-Capel, XY,
//!   Heisenberg), on any [`lattice`] or graph.
//! - Samplers: [`packed`] (square and cubic Ising lattices, a bit a spin), [`lanes`] (512 replicas of any Ising model with
//!   integer couplings), [`cluster`] (Wolff, Swendsen-Wang, balance of signs), [`kernels`] (Kawasaki, n-fold way, moves of
//!   two replicas), [`flat`] (Wang-Landau, multicanonical, densities of states).
//! - Optimisation: [`problem`] (polynomials of binary variables, files), [`search`] (annealing, time to solution),
//!   [`instances`] (random and planted ones), [`planar`] (exact ground states), [`bound`] (lower bounds with a certificate).
//! - Searches of other kinds: [`double_digest`] (restriction maps), [`tsp`] (the travelling salesman).
//! - Analysis: [`glass`] (overlaps, averages over disorder, the Nishimori line), [`scaling`] (crossings,
//!   collapse, exponents, the XY transition).
//! - References: [`mean_field`], [`curie_weiss`], [`bethe`], [`critical`] temperatures.
//!
//! Samplers that work for any energy (Metropolis, heat bath, tempering, annealing) are in [`smml_core::sample`].
//! Molecular dynamics comes with a later part.

pub mod bethe;
pub mod bound;
pub mod cluster;
pub mod critical;
pub mod curie_weiss;
pub mod double_digest;
pub mod flat;
pub mod glass;
pub mod instances;
pub mod ising;
pub mod kernels;
pub mod lanes;
pub mod lattice;
mod matching;
pub mod mean_field;
pub mod packed;
pub mod planar;
pub mod problem;
pub mod scaling;
pub mod search;
pub mod spins;
pub mod tsp;

pub use smml_core;
