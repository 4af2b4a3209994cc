//! One chain of an Ising model with cached local fields, swept in a fixed order as fast as one chain can be: sixteen
//! attempts are decided together, and only flips cost more.
//!
//! Spins of one colour are not coupled, so sixteen of them are tried at once and their flips carried out afterwards. Where
//! a graph is so dense that colours have few members, spins are taken in the order of their numbers, and those behind a
//! flip are looked at again. A flip changes the fields of its neighbours one by one; on dense graphs all of them by a row:
//! of bits where all couplings are one unit (fields are then counted by adders of bits, all flips of a group at once), else
//! of 16-bit numbers or of `f32`, whichever is the smallest that holds the fields.
//!
//! Couplings are kept as integers, in a unit of their own where they have one, else rounded as by
//! [`crate::lanes::RealLaneModel`]: fields are exact, and never drift.
//!
//! Many chains at once are faster in [`crate::lanes`]; random order and models other than Ising are for
//! [`smml_core::sample::Metropolis`].

mod model;
mod spins;
mod sweep;
#[cfg(test)]
mod tests;

pub use model::OrderedIsing;
pub use spins::OrderedSpins;
pub use sweep::OrderedSweep;
