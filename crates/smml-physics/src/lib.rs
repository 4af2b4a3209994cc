//! Spin systems: models on lattices and graphs, what is known of them exactly, and the samplers that know the model.
//!
//! - Models: [`ising`] (with exact results, transfer matrices, observables), [`spins`] (Potts, clock, Blume-Capel, XY,
//!   Heisenberg), on any [`lattice`] or graph.
//! - Samplers: [`packed`] (square and cubic Ising lattices, a bit a spin), [`lanes`] (512 replicas of any Ising model with
//!   integer couplings, 64 with real ones), [`ordered`] (one chain, sixteen attempts at a time), [`cluster`] (Wolff,
//!   Swendsen-Wang, balance of signs), [`kernels`] (Kawasaki, n-fold way, moves of two replicas), [`flat`] (Wang-Landau,
//!   multicanonical, densities of states), [`tempering`] (a measured, adapted ladder).
//! - Optimisation: [`problem`] (polynomials of binary variables, files), [`search`] (annealing of many runs, populations and
//!   quantum paths, tabu and breakout local search, simulated bifurcation, time to solution), [`instances`] (random and
//!   planted ones), [`planar`] (exact ground states), [`bound`] (lower bounds with a certificate), [`double_digest`]
//!   (restriction maps), [`tsp`] (the travelling salesman).
//! - Analysis: [`scaling`] (crossings, collapse, exponents), [`glass`] (overlaps, averages over disorder).
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
pub mod ordered;
pub mod packed;
pub mod planar;
pub mod problem;
pub mod scaling;
pub mod search;
pub mod spins;
pub mod tempering;
pub mod tsp;

pub use smml_core;
