//! Regular lattices: their sites, bonds, faces and sublattices, under periodic, open and helical boundaries.
//!
//! Distances are in [`Lattice::displacement`]. Couplings live in the [`SparseGraph`] that a lattice makes, fields in
//! the models; random graphs are in [`smml_core::graph`].

mod images;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use smml_core::{
    error::{Error, Result, same_length},
    graph::SparseGraph,
    read_through,
};

/// How the two ends of an axis are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Boundary {
    /// A ring: the step after the last cell leads to the first.
    Periodic,
    /// The ends stay open.
    Open,
    /// A screw: the step after the last cell leads to the first one of the next row, that is, one step further along
    /// the axis before. On the first axis the same as periodic. With all axes helical, the neighbours of site i of a
    /// hypercubic lattice of N sites are i ± strideₖ modulo N.
    Helical,
}

/// The kind of lattice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Geometry {
    /// One to six axes at right angles: chain, square, simple cubic, and so on; coordination number twice the number of
    /// axes.
    Hypercubic,
    /// Two axes (rows, columns) at 60°; coordination number 6.
    Triangular,
    /// Two axes (rows, columns) of cells at 60°, two sites in each; coordination number 3.
    Honeycomb,
}

/// Most axes of a lattice.
pub const MAX_AXES: usize = 6;

/// √3 / 2
const HEIGHT: f64 = 0.866_025_403_784_438_6;

/// A bond of the unit cell: from one of its sites to a site of the cell `step` away.
#[derive(Clone, Copy)]
struct UnitBond {
    from: usize,
    to: usize,
    step: [i8; MAX_AXES],
}

impl Geometry {
    /// Sites in a unit cell.
    fn n_basis(self) -> usize {
        if self == Geometry::Honeycomb { 2 } else { 1 }
    }

    /// In the order that [`Lattice::bonds`] promises.
    fn unit_bonds(self, n_axes: usize) -> Vec<UnitBond> {
        let step = |steps: &[(usize, i8)]| {
            let mut step = [0; MAX_AXES];
            steps.iter().for_each(|&(axis, by)| step[axis] = by);
            step
        };
        let bond = |from, to, steps: &[(usize, i8)]| UnitBond { from, to, step: step(steps) };
        match self {
            Geometry::Hypercubic => (0..n_axes).rev().map(|axis| bond(0, 0, &[(axis, 1)])).collect(),
            Geometry::Triangular => {
                vec![bond(0, 0, &[(1, 1)]), bond(0, 0, &[(0, 1)]), bond(0, 0, &[(0, 1), (1, -1)])]
            }
            Geometry::Honeycomb => vec![bond(0, 1, &[]), bond(1, 0, &[(1, 1)]), bond(1, 0, &[(0, 1)])],
        }
    }

    /// The lattice vector of an axis, and the place of a site in its cell. Nearest neighbours are at distance 1.
    fn vector(self, n_axes: usize, axis: usize) -> Vec<f64> {
        let mut v = vec![0.0; n_axes];
        match (self, axis) {
            (Geometry::Hypercubic, _) => v[axis] = 1.0,
            (Geometry::Triangular, 0) => v.copy_from_slice(&[HEIGHT, 0.5]),
            (Geometry::Triangular, _) => v[1] = 1.0,
            (Geometry::Honeycomb, 0) => v.copy_from_slice(&[1.5, HEIGHT]),
            (Geometry::Honeycomb, _) => v[1] = 2.0 * HEIGHT,
        }
        v
    }
    fn basis(self, n_axes: usize, site: usize) -> Vec<f64> {
        if site == 1 { vec![0.5, HEIGHT] } else { vec![0.0; n_axes] }
    }

    /// The faces of the unit cell: corners as (site of the cell, step), in order around the face.
    fn unit_faces(self) -> Vec<Vec<(usize, [i8; 2])>> {
        match self {
            Geometry::Hypercubic => vec![vec![(0, [0, 0]), (0, [0, 1]), (0, [1, 1]), (0, [1, 0])]],
            Geometry::Triangular => {
                vec![vec![(0, [0, 0]), (0, [0, 1]), (0, [1, 0])], vec![(0, [0, 1]), (0, [1, 1]), (0, [1, 0])]]
            }
            Geometry::Honeycomb => {
                vec![vec![(1, [0, 0]), (0, [0, 1]), (1, [0, 1]), (0, [1, 1]), (1, [1, 0]), (0, [1, 0])]]
            }
        }
    }
}

/// A finite piece of a lattice.
///
/// Cells are numbered with the last axis running fastest; site b of cell c has number c × (sites in a cell) + b. So
/// site (row, column) of a square lattice is row × columns + column.
///
/// ```
/// use smml_physics::lattice::{Boundary, Lattice};
/// let cubic = Lattice::cubic([4, 4, 4], Boundary::Periodic)?;
/// assert_eq!((cubic.n_sites(), cubic.bonds().count()), (64, 192));
/// assert_eq!(cubic.graph(1.0)?.max_degree(), 6);
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawLattice")]
pub struct Lattice {
    geometry: Geometry,
    sides: Vec<usize>,
    boundaries: Vec<Boundary>,
}

read_through!(Lattice: RawLattice { geometry: Geometry, sides: Vec<usize>, boundaries: Vec<Boundary> } => Lattice::new(geometry, &sides, &boundaries));

impl Lattice {
    /// A lattice with a number of cells and a boundary for each axis.
    ///
    /// # Errors
    /// A number of axes that the geometry does not have, sides below 1 (open) or 2 (periodic, helical), 2³² - 1 sites
    /// or more.
    pub fn new(geometry: Geometry, sides: &[usize], boundaries: &[Boundary]) -> Result<Self> {
        match (geometry, sides.len()) {
            (Geometry::Hypercubic, 1..=MAX_AXES) | (Geometry::Triangular | Geometry::Honeycomb, 2) => {}
            (Geometry::Hypercubic, n) => {
                return Err(Error::out_of_range("number of axes", n, format!("in 1..={MAX_AXES}")));
            }
            (_, n) => return Err(Error::out_of_range("number of axes", n, "2 (rows, columns)")),
        }
        same_length("boundaries", boundaries.len(), sides.len())?;
        for (axis, (&side, &boundary)) in sides.iter().zip(boundaries).enumerate() {
            let least = if boundary == Boundary::Open { 1 } else { 2 };
            if side < least {
                let allowed = format!("at least {least} with a boundary that is {boundary:?}");
                return Err(Error::out_of_range(format!("side of axis {axis}"), side, allowed));
            }
        }
        let n_sites = sides.iter().try_fold(geometry.n_basis(), |n, &side| n.checked_mul(side));
        if n_sites.is_none_or(|n| n >= u32::MAX as usize) {
            let allowed = format!("together below {} sites", u32::MAX);
            return Err(Error::out_of_range("sides", format!("{sides:?}"), allowed));
        }
        Ok(Lattice { geometry, sides: sides.to_vec(), boundaries: boundaries.to_vec() })
    }

    /// [`Geometry::Hypercubic`] with the same boundary on every axis. Errors: as [`Lattice::new`].
    pub fn hypercubic(sides: &[usize], boundary: Boundary) -> Result<Self> {
        Self::new(Geometry::Hypercubic, sides, &vec![boundary; sides.len()])
    }
    /// The square lattice. Errors: as [`Lattice::new`].
    pub fn square(rows: usize, columns: usize, boundary: Boundary) -> Result<Self> {
        Self::hypercubic(&[rows, columns], boundary)
    }
    /// The simple cubic lattice. Errors: as [`Lattice::new`].
    pub fn cubic(sides: [usize; 3], boundary: Boundary) -> Result<Self> {
        Self::hypercubic(&sides, boundary)
    }
    /// The triangular lattice. Errors: as [`Lattice::new`].
    pub fn triangular(rows: usize, columns: usize, boundary: Boundary) -> Result<Self> {
        Self::new(Geometry::Triangular, &[rows, columns], &[boundary; 2])
    }
    /// The honeycomb lattice of rows × columns cells, so twice as many sites. Errors: as [`Lattice::new`].
    pub fn honeycomb(rows: usize, columns: usize, boundary: Boundary) -> Result<Self> {
        Self::new(Geometry::Honeycomb, &[rows, columns], &[boundary; 2])
    }

    /// The kind of lattice.
    pub fn geometry(&self) -> Geometry {
        self.geometry
    }
    /// Cells along each axis.
    pub fn sides(&self) -> &[usize] {
        &self.sides
    }
    /// The boundary of each axis.
    pub fn boundaries(&self) -> &[Boundary] {
        &self.boundaries
    }
    /// Number of axes.
    pub fn n_axes(&self) -> usize {
        self.sides.len()
    }
    /// Number of cells.
    fn n_cells(&self) -> usize {
        self.sides.iter().product()
    }
    /// Number of sites.
    pub fn n_sites(&self) -> usize {
        self.n_cells() * self.geometry.n_basis()
    }
    /// Coordination number of a site inside: 2 d for d axes at right angles, 6 triangular, 3 honeycomb.
    pub fn coordination(&self) -> usize {
        match self.geometry {
            Geometry::Hypercubic => 2 * self.n_axes(),
            Geometry::Triangular => 6,
            Geometry::Honeycomb => 3,
        }
    }

    /// The cell of a site, axis by axis, and which site of the cell it is (always 0 but on the honeycomb).
    ///
    /// Means nothing for a number that is not below [`Lattice::n_sites`].
    pub fn cell(&self, site: usize) -> (Vec<usize>, usize) {
        let n_basis = self.geometry.n_basis();
        let mut left = site / n_basis;
        let mut cell = vec![0; self.n_axes()];
        for (c, side) in cell.iter_mut().zip(&self.sides).rev() {
            *c = left % side;
            left /= side;
        }
        (cell, site % n_basis)
    }

    /// The number of the cell `step` away from a cell, with what the boundaries do; `None` beyond an open end.
    fn walk(&self, cell: &[usize], step: &[i8]) -> Option<usize> {
        let (mut number, mut stride, mut carry) = (0, 1, 0i64);
        for axis in (0..self.n_axes()).rev() {
            let side = self.sides[axis] as i64;
            let at = cell[axis] as i64 + i64::from(step[axis]) + carry;
            let inside = at.rem_euclid(side);
            carry = 0;
            match self.boundaries[axis] {
                Boundary::Open if inside != at => return None,
                Boundary::Helical => carry = at.div_euclid(side),
                _ => {}
            }
            number += inside as usize * stride;
            stride *= self.sides[axis];
        }
        Some(number)
    }

    /// Every bond as (kind, from, to); see [`Lattice::bonds`].
    pub(crate) fn bonds_with_kind(&self) -> impl Iterator<Item = (usize, usize, usize)> + '_ {
        let (n_basis, unit) = (self.geometry.n_basis(), self.geometry.unit_bonds(self.n_axes()));
        (0..self.n_cells()).flat_map(move |number| {
            let cell = self.cell(number * n_basis).0;
            let bonds: Vec<_> = unit
                .iter()
                .enumerate()
                .filter_map(|(kind, bond)| {
                    let end = self.walk(&cell, &bond.step)?;
                    Some((kind, number * n_basis + bond.from, end * n_basis + bond.to))
                })
                .collect();
            bonds
        })
    }

    /// Every bond once, as (site, neighbour). Cells come in the order of their numbers, and in each cell the bonds:
    ///
    /// - hypercubic: to the next site along each axis, from the last axis to the first (square: right, then down);
    /// - triangular: to (row, column + 1), (row + 1, column), (row + 1, column - 1);
    /// - honeycomb: from site 0 to site 1 of the cell, from site 1 to site 0 of (row, column + 1), and of
    ///   (row + 1, column).
    ///
    /// Bonds that an open boundary cuts are left out. A wrapped side of 2 joins its sites twice, so these pairs come
    /// twice (and their couplings add, as in the formulas for finite tori).
    pub fn bonds(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.bonds_with_kind().map(|(_, i, j)| (i, j))
    }

    /// The lattice as a graph with the same coupling on every bond. Errors: a coupling that is not finite.
    pub fn graph(&self, coupling: f64) -> Result<SparseGraph> {
        self.graph_with(|_, _| coupling)
    }

    /// The lattice as a graph, with a coupling for each bond (site, neighbour), asked for in the order of
    /// [`Lattice::bonds`]. Errors: a coupling that is not finite.
    pub fn graph_with(&self, mut coupling: impl FnMut(usize, usize) -> f64) -> Result<SparseGraph> {
        let bonds: Vec<(u32, u32, f64)> =
            self.bonds().map(|(i, j)| (i as u32, j as u32, coupling(i, j))).collect();
        SparseGraph::new(self.n_sites(), &bonds)
    }

    /// The sublattice of every site, where the lattice has sublattices that its boundaries respect: no bond joins two
    /// sites of one. Two for hypercubic and honeycomb lattices, three for triangular ones. `None` where the boundaries
    /// do not fit, as on a periodic side of odd length.
    pub fn sublattices(&self) -> Option<Vec<u32>> {
        let of = |site: usize| {
            let (cell, basis) = self.cell(site);
            match self.geometry {
                Geometry::Hypercubic => cell.iter().sum::<usize>() % 2,
                // One step along a row adds 1, to the next row 2, and so 1 on the other diagonal.
                Geometry::Triangular => (2 * cell[0] + cell[1]) % 3,
                Geometry::Honeycomb => basis,
            }
        };
        let label: Vec<u32> = (0..self.n_sites()).map(|site| of(site) as u32).collect();
        self.bonds().all(|(i, j)| label[i] != label[j]).then_some(label)
    }

    /// The faces of a lattice with two axes: the sites around every square, triangle or hexagon, counter-clockwise as
    /// seen with the row direction up and the column direction to the right. Faces that an open boundary cuts are left
    /// out.
    ///
    /// # Errors
    /// A number of axes other than 2.
    pub fn faces(&self) -> Result<Vec<Vec<u32>>> {
        if self.n_axes() != 2 {
            return Err(Error::out_of_range("number of axes of a lattice with faces", self.n_axes(), "2"));
        }
        let (n_basis, unit) = (self.geometry.n_basis(), self.geometry.unit_faces());
        let mut faces = Vec::with_capacity(self.n_cells() * unit.len());
        for number in 0..self.n_cells() {
            let cell = self.cell(number * n_basis).0;
            faces.extend(unit.iter().filter_map(|face| {
                let corner = |&(basis, step): &(usize, [i8; 2])| {
                    self.walk(&cell, &step).map(|c| (c * n_basis + basis) as u32)
                };
                face.iter().map(corner).collect::<Option<Vec<u32>>>()
            }));
        }
        Ok(faces)
    }
}
