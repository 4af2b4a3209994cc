//! The Nishimori line of the ±J glass: couplings J with probability p, else -J, at the temperature that belongs to p
//! (H. Nishimori, Prog. Theor. Phys. 66, 1169 (1981)).
//!
//! There the energy is known exactly on any lattice, and \[⟨m²⟩\] = \[⟨q²⟩\]: a check of simulations of disordered systems
//! that needs no reference data.

use crate::lattice::Lattice;
use smml_core::{
    error::{Result, not_negative, positive},
    graph::SparseGraph,
    rng::Draw,
};

/// The probability of a coupling +J on the line, p = 1 / (1 + exp(-2 β J)). Errors: β J that is negative or not finite.
pub fn nishimori_probability(beta_j: f64) -> Result<f64> {
    Ok(1.0 / (1.0 + libm::exp(-2.0 * not_negative("beta J", beta_j)?)))
}

/// The energy per bond on the line, -J tanh(β J); per spin of a periodic hypercubic lattice in d dimensions d times that.
///
/// Errors: J that is not positive, β that is negative, or one that is not finite.
pub fn nishimori_energy(j: f64, beta: f64) -> Result<f64> {
    positive("J", j)?;
    Ok(-j * libm::tanh(not_negative("beta J", beta * j)?))
}

/// A sample of couplings on the line: on every bond of the lattice independently J with probability p, else -J.
///
/// Errors: as [`nishimori_energy`].
pub fn nishimori_couplings(lattice: &Lattice, j: f64, beta: f64, rng: &mut impl Draw) -> Result<SparseGraph> {
    positive("J", j)?;
    let p = nishimori_probability(beta * j)?;
    lattice.graph_with(|_, _| if rng.chance(p) { j } else { -j })
}
