//! The general Ising model E = -Σ_{i<j} Jᵢⱼ sᵢ sⱼ - Σᵢ hᵢ sᵢ with sᵢ = ±1 (Eq. (41), each pair once), lattices, exact
//! results and observables.
//!
//! The paper prints the sum over i and j, which counts every pair twice, and a partition function without β
//! (Eq. (42)); here every pair counts once, and Z(β) = Σ exp(-β E).

pub mod elimination;
pub mod exact;
pub mod lattice;
mod model;
pub mod observe;
pub mod onsager;
pub mod transfer;

pub use lattice::{Boundary, SquareLattice};
pub use model::{Fields, Ising, WithFields};
