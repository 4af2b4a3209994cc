//! The square lattice, with a coupling for every bond. Other lattices come with part 2.

use super::Ising;
use serde::{Deserialize, Serialize};
use smml_core::error::{Error, Result};

/// How the edges of a lattice are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Boundary {
    /// A torus.
    Periodic,
    /// Edges stay open.
    Open,
}

/// Couplings and fields on a square lattice. Site (row, column) has number row × columns + column.
#[derive(Clone, Debug, PartialEq)]
pub struct SquareLattice {
    rows: usize,
    columns: usize,
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
    /// Errors: sides below 1, or below 2 on a torus; more than 2³² - 1 sites.
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
        let least = if boundary == Boundary::Periodic { 2 } else { 1 };
        for (name, side) in [("rows", rows), ("columns", columns)] {
            if side < least {
                return Err(Error::out_of_range(name, side, format!("at least {least}")));
            }
        }
        let n = rows.checked_mul(columns).filter(|n| *n < u32::MAX as usize).ok_or_else(|| {
            Error::out_of_range(
                "rows x columns",
                format!("{rows} x {columns}"),
                format!("below {}", u32::MAX),
            )
        })?;
        let (mut right, mut down) = (vec![0.0; n], vec![0.0; n]);
        for i in 0..n {
            let (row, column) = (i / columns, i % columns);
            if column + 1 < columns || boundary == Boundary::Periodic {
                right[i] = coupling(i, row * columns + (column + 1) % columns);
            }
            if row + 1 < rows || boundary == Boundary::Periodic {
                down[i] = coupling(i, (row + 1) % rows * columns + column);
            }
        }
        Ok(SquareLattice { rows, columns, boundary, right, down, fields: (0..n).map(field).collect() })
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }
    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }
    /// How the edges are joined.
    pub fn boundary(&self) -> Boundary {
        self.boundary
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
        let n = self.rows * self.columns;
        let mut bonds = Vec::with_capacity(2 * n);
        for i in 0..n {
            let (row, column) = (i / self.columns, i % self.columns);
            let periodic = self.boundary == Boundary::Periodic;
            if periodic || column + 1 < self.columns {
                bonds.push((
                    i as u32,
                    (row * self.columns + (column + 1) % self.columns) as u32,
                    self.right[i],
                ));
            }
            if periodic || row + 1 < self.rows {
                bonds.push((i as u32, ((row + 1) % self.rows * self.columns + column) as u32, self.down[i]));
            }
        }
        Ising::new(n, &bonds, self.fields.clone())
    }
}
