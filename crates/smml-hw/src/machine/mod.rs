//! Machines of p-bits: stochastic binary nodes in fixed-point arithmetic, 64 chains at a time.
//!
//! A p-bit sets itself up with probability σ(2 β fᵢ), fᵢ = Σⱼ Jᵢⱼ sⱼ + hᵢ: the heat bath of an Ising model. Nodes of one
//! colour are not wired to each other, so that hardware updates them at once. Here the parallel axis are chains instead:
//! nodes follow one another colour by colour, which gives the same distribution of states after each colour. Hardware
//! without a common clock is [`PoissonClocks`]: every node at random times of its own.

mod chains;
mod clocks;
mod cost;
mod energy;
mod float;
mod format;
mod image;
mod moments;
mod network;
mod sigmoid;
mod sweep;
#[cfg(test)]
mod tests;
mod wiring;

pub use chains::Chains;
pub use clocks::{PoissonClocks, UpdateOrder};
pub use cost::{AsynchronousArray, PBitArray};
pub use float::FloatNetwork;
pub use format::Format;
pub use image::MemoryImage;
pub use moments::Moments;
pub use network::FixedNetwork;
pub use sigmoid::SigmoidTable;
pub use sweep::{CHAINS, Gains};
pub use wiring::Wiring;
