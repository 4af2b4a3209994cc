//! The general Ising model E = -Σ_{i<j} Jᵢⱼ sᵢ sⱼ - Σᵢ hᵢ sᵢ with sᵢ = ±1 (Eq. (41), each pair once), lattices, exact
//! results and observables.
//!
//! The paper prints the sum over i and j, which counts every pair twice, and a partition function without β
//! (Eq. (42)); here every pair counts once, and Z(β) = Σ exp(-β E).

mod coloured;
pub mod density;
pub mod elimination;
pub mod exact;
mod ferromagnet;
pub mod lattice;
mod model;
pub mod observe;
pub mod one_dimension;
pub mod onsager;
pub mod transfer;

pub use coloured::{ColourSweep, Coloured, Rule};
pub use ferromagnet::Ferromagnet;
pub use lattice::{Boundary, SquareLattice};
pub use model::{CachedIsing, CachedSpins, Ising};

/// What is known in closed form of a model with coupling J at inverse temperature β, K = β J.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Solution {
    /// ln Z of the whole system.
    pub ln_z: f64,
    /// Energy per spin, in units of J.
    pub energy: f64,
    /// Specific heat per spin.
    pub specific_heat: f64,
}
