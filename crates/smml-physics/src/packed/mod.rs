//! Ising spins of the square and the simple cubic lattice, one bit each: multi-spin coded checkerboard sweeps by Metropolis
//! and by heat bath, 512 spins at a time.
//!
//! The model is E = -J Σ sᵢ sⱼ over nearest neighbours of a torus with even sides, no field. Every spin has random bits of
//! its own, and they are compared with 64-bit thresholds, so an acceptance probability is off by less than 2⁻⁶³.
//! Results are the same on every SIMD path and for any number of threads. Other lattices, fields and disorder are in
//! [`crate::ising`].
//!
//! `layout` says which spin is which bit, `update` draws the spins of a piece of one colour, `sweep` puts a sweep together.

mod layout;
mod sweep;
#[cfg(test)]
mod tests;
mod update;

pub use layout::{PackedLattice, PackedSpins};
pub use sweep::PackedSweep;
