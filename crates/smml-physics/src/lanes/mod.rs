//! 512 replicas of an Ising model on any sparse or dense graph with integer couplings, one bit each: Metropolis sweeps in
//! which replica r is bit r of every word, for annealing and for equilibrium, at one temperature or one for each
//! replica.
//!
//! Couplings and fields are integer multiples of a unit ([`LaneModel::new`] finds it). Local fields are counted by adders
//! of bits. A move that costs energy ΔE = 2 u D (u the unit) is accepted with probability exp(-β ΔE) = Π exp(-2 β u 2ᵏ)
//! over the bits k of D that are set: independent tests, two bits at a time, with 64-bit thresholds and random bits of
//! their own for each replica. No random number is shared, so replicas are independent.
//!
//! Other couplings are for [`crate::ising`]; uniform square and cubic lattices of one replica for [`crate::packed`].
//!
//! `model` is the graph as the kernel wants it, `spins` the state, `acceptance` the probabilities, `update` the inner loop,
//! `sweep` the kernel.

mod acceptance;
mod model;
mod spins;
mod sweep;
#[cfg(test)]
mod tests;
mod update;

pub use model::LaneModel;
pub(crate) use model::unit_of;
pub use spins::{LANES, LaneSpins};
pub use sweep::{LaneBetas, LaneSweep};
