//! The square lattice with a coupling for every bond, as the transfer matrix needs it. Every other lattice, and the
//! geometry of this one, is in [`crate::lattice`].

use super::Ising;
pub use crate::lattice::Boundary;
use crate::lattice::Lattice;
use smml_core::error::Result;

/// Couplings and fields on a square lattice. Site (row, column) has number row × columns + column.
#[derive(Clone, Debug, PartialEq)]
pub struct SquareLattice {
    lattice: Lattice,
    boundary: Boundary,
    /// Coupling of every site to its right neighbour; 0 where there is none.
    right: Vec<f64>,
    /// Coupling of every site to its lower neighbour; 0 where there is none.
    down: Vec<f64>,
    fields: Vec<f64>,
}

impl SquareLattice {
    /// The uniform lattice: coupling J on every bond, field h on every site.
    ///
    /// On a torus a side of 2 joins every pair twice, so its coupling is 2 J, as in the formulas for finite tori.
    /// Errors: sides below 1, or below 2 where they are wrapped; more than 2³² - 1 sites.
    ///
    /// ```
    /// use smml_physics::ising::{Boundary, SquareLattice};
    /// let ising = SquareLattice::uniform(16, 16, Boundary::Periodic, 1.0, 0.0)?.ising()?;
    /// assert_eq!((ising.n_spins(), ising.couplings().n_edges()), (256, 512));
    /// # Ok::<(), smml_core::Error>(())
    /// ```
    pub fn uniform(
        rows: usize,
        columns: usize,
        boundary: Boundary,
        coupling: f64,
        field: f64,
    ) -> Result<Self> {
        Self::with_couplings(rows, columns, boundary, |_, _| coupling, |_| field)
    }

    /// A coupling for every bond from a function of its two sites (in the order left, right or upper, lower), and a
    /// field for every site.
    pub fn with_couplings(
        rows: usize,
        columns: usize,
        boundary: Boundary,
        mut coupling: impl FnMut(usize, usize) -> f64,
        field: impl FnMut(usize) -> f64,
    ) -> Result<Self> {
        let lattice = Lattice::square(rows, columns, boundary)?;
        let n = lattice.n_sites();
        let mut couplings = [vec![0.0; n], vec![0.0; n]];
        for (kind, i, j) in lattice.bonds_with_kind() {
            couplings[kind][i] = coupling(i, j);
        }
        let [right, down] = couplings;
        Ok(SquareLattice { lattice, boundary, right, down, fields: (0..n).map(field).collect() })
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.lattice.sides()[0]
    }
    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.lattice.sides()[1]
    }
    /// How the edges are joined.
    pub fn boundary(&self) -> Boundary {
        self.boundary
    }
    /// The lattice without its couplings.
    pub fn lattice(&self) -> &Lattice {
        &self.lattice
    }
    /// Coupling of site `i` to the one on its right (0 where there is none).
    pub fn right(&self, i: usize) -> f64 {
        self.right[i]
    }
    /// Coupling of site `i` to the one below (0 where there is none).
    pub fn down(&self, i: usize) -> f64 {
        self.down[i]
    }
    /// The field on site `i`.
    pub fn field(&self, i: usize) -> f64 {
        self.fields[i]
    }

    /// The model on the lattice as a graph. Errors: couplings or fields that are not finite.
    pub fn ising(&self) -> Result<Ising> {
        let bonds: Vec<(u32, u32, f64)> = self
            .lattice
            .bonds_with_kind()
            .map(|(kind, i, j)| (i as u32, j as u32, if kind == 0 { self.right[i] } else { self.down[i] }))
            .collect();
        Ising::new(self.lattice.n_sites(), &bonds, self.fields.clone())
    }
}
