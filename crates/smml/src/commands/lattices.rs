//! Lattices by the names of the command line.

use crate::{
    args::spins::{Edges, Lattice},
    error::Failure,
};
use smml_physics::lattice::{self, Boundary};

/// Sites of a lattice of this size.
pub(crate) fn n_sites(kind: Lattice, size: u32) -> u128 {
    let l = u128::from(size);
    match kind {
        Lattice::Chain => l,
        Lattice::Square | Lattice::Triangular => l * l,
        Lattice::Honeycomb => 2 * l * l,
        Lattice::Cubic => l * l * l,
    }
}

/// The lattice.
pub(crate) fn build(kind: Lattice, size: u32, edges: Edges) -> Result<lattice::Lattice, Failure> {
    let l = size as usize;
    let boundary = match edges {
        Edges::Periodic => Boundary::Periodic,
        Edges::Open => Boundary::Open,
        Edges::Helical => Boundary::Helical,
    };
    if kind == Lattice::Chain && boundary != Boundary::Open && l < 3 {
        return Err(Failure::Usage(format!("--size {l}: a ring has at least 3 spins")));
    }
    Ok(match kind {
        Lattice::Chain => lattice::Lattice::hypercubic(&[l], boundary),
        Lattice::Square => lattice::Lattice::square(l, l, boundary),
        Lattice::Cubic => lattice::Lattice::cubic([l; 3], boundary),
        Lattice::Triangular => lattice::Lattice::triangular(l, l, boundary),
        Lattice::Honeycomb => lattice::Lattice::honeycomb(l, l, boundary),
    }?)
}
