//! Exact ground states of planar Ising models without fields, at any size, by matching.
//!
//! In every state the broken bonds meet each face of a planar graph in a number whose parity is that of the face's negative
//! couplings. So the broken bonds of a ground state are a cheapest set of bonds that joins the frustrated faces in pairs
//! across the dual graph, where a step over a bond costs |J|: a minimum-weight perfect matching of the frustrated faces
//! (Bieche, Maynard, Rammal and Uhry, J. Phys. A 13, 2553 (1980)). Only pairs of nearby faces are offered to the matching,
//! and more of them where its dual solution shows that some were missing.
//!
//! The dual solution is turned into a packing of frustrated sets of bonds ([`crate::bound`]), whose bound is the ground
//! energy: code that knows nothing of matchings proves every answer.

mod embedding;
mod left_right;
mod solve;
#[cfg(test)]
mod tests;

pub use embedding::Embedding;

use crate::{
    bound::{Bound, Packing},
    ising::{Boundary, Ising, SquareLattice},
};
use smml_core::{
    energy::Energy,
    error::{Error, Result},
    parallel::Par,
};

/// A ground state with its proof.
#[derive(Clone, Debug, PartialEq)]
pub struct GroundState {
    /// The lowest energy.
    pub energy: f64,
    /// A state that has it.
    pub spins: Vec<i8>,
    /// The proof: [`Packing::certify`] gives `energy` as the bound.
    pub packing: Packing,
    /// The bound, as certified.
    pub bound: Bound,
}

/// Largest sum of all |J|, in units of the smallest step: sums and lengths stay exact.
pub(crate) const MAX_TOTAL: f64 = 1e15;

/// The ground state of a model without fields on an embedded planar graph. Couplings must be whole numbers; a coupling 0 is
/// a bond that is not there.
///
/// Errors: fields; couplings that are not whole (multiply and round them), or too large together; an embedding of another
/// graph. [`Error::NotConverged`] when the proof fails, which would be a fault of this code.
pub fn ground_state(ising: &Ising, embedding: &Embedding) -> Result<GroundState> {
    ground_state_with(ising, embedding, Par::Rayon)
}

/// As [`ground_state`], with or without threads; the answer is the same.
///
/// Errors: as [`ground_state`].
pub fn ground_state_with(ising: &Ising, embedding: &Embedding, par: Par) -> Result<GroundState> {
    if let Some(i) = ising.fields().iter().position(|h| *h != 0.0) {
        let name = format!("field {i} of a planar model");
        return Err(Error::out_of_range(
            name,
            ising.fields()[i],
            "0: only without fields is it solved by matching",
        ));
    }
    for (i, j, coupling) in ising.couplings().edges() {
        if coupling.fract() != 0.0 {
            let allowed = "a whole number: multiply all couplings and round them";
            return Err(Error::out_of_range(format!("coupling ({i}, {j})"), coupling, allowed));
        }
    }
    let total: f64 = ising.couplings().edges().map(|e| e.2.abs()).sum();
    if total > MAX_TOTAL {
        return Err(Error::out_of_range("sum of all |J|", total, format!("at most {MAX_TOTAL}")));
    }
    embedding.check(ising.couplings())?;
    let (spins, packing) = solve::solve(ising, embedding, par)?;
    let energy = ising.energy(&spins);
    let bound = packing.certify(ising)?;
    if bound.energy != energy {
        return Err(Error::NotConverged {
            what: "the proof of a planar ground state".into(),
            residual: bound.gap(energy),
            iterations: 1,
            tolerance: 0.0,
        });
    }
    Ok(GroundState { energy, spins, packing, bound })
}

/// The ground state of a square lattice with open boundaries, of whole couplings and without fields; as [`ground_state`].
///
/// ```
/// use smml_physics::{ising::{Boundary, SquareLattice}, planar};
/// // One negative bond frustrates the two plaquettes beside it.
/// let lattice = SquareLattice::with_couplings(3, 3, Boundary::Open, |i, j| if (i, j) == (1, 4) { -1.0 } else { 1.0 }, |_| 0.0)?;
/// let ground = planar::square_ground_state(&lattice)?;
/// assert_eq!((ground.energy, ground.bound.energy), (-10.0, -10.0));
/// # Ok::<(), smml_core::Error>(())
/// ```
pub fn square_ground_state(lattice: &SquareLattice) -> Result<GroundState> {
    if lattice.boundary() != Boundary::Open {
        return Err(Error::out_of_range("boundary of a planar lattice", "periodic", "open"));
    }
    ground_state(&lattice.ising()?, &Embedding::square(lattice.rows(), lattice.columns())?)
}
