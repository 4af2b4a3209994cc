//! Replicas of an Ising model side by side. With integer couplings on any sparse or dense graph 512, one bit each: sweeps in
//! which replica r is bit r of every word, for annealing and for equilibrium, at one temperature or one for each
//! replica.
//!
//! Couplings and fields are integer multiples of a unit ([`LaneModel::new`] finds it). Local fields are counted by adders
//! of bits. A move that costs energy ΔE = 2 u D (u the unit) is accepted with probability exp(-β ΔE) = Π exp(-2 β u 2ᵏ)
//! over the bits k of D that are set: independent tests, two bits at a time, with 64-bit thresholds and random bits of
//! their own for each replica. No random number is shared, so replicas are independent.
//!
//! Couplings that are no multiples of a unit are for 64 replicas of [`RealLaneModel`] (its folder says how they are kept);
//! uniform square and cubic lattices of one replica for [`crate::packed`].
//!
//! `model` is the graph as the kernel wants it, `spins` the state, `acceptance` the probabilities, `update` the inner loop,
//! `tiles` the counting of dense models, `sweep` the kernels; `decide` is the acceptance of sixteen moves with real costs,
//! `real` the lanes of real couplings.

mod acceptance;
pub(crate) mod decide;
mod model;
mod real;
mod spins;
mod sweep;
#[cfg(test)]
mod tests;
mod tiles;
mod update;

pub use model::LaneModel;
pub(crate) use model::unit_of;
pub use real::{REAL_LANES, RealLaneModel, RealLaneSpins, RealLaneSweep};
pub(crate) use real::{free_spins, key_of, rounding_unit};
pub use spins::{LANES, LaneSpins};
pub use sweep::{LaneBetas, LaneColours, LaneHeatBath, LaneLadder, LaneSweep, LaneThresholds};
