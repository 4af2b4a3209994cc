//! A family of graphs at one size: what its numbers, coordinates, couplers and colours are, by rule and without lists.

use super::{chimera::Chimera, king::King, pegasus::Pegasus, zephyr::Zephyr};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::{fmt, ops::Deref};

/// Largest of each number in a [`Shape`].
pub const MAX_SIZE: u32 = 1 << 20;

/// Most couplers, and most qubits, of a graph.
pub const MAX_EDGES: usize = 1 << 24;

/// Which graph, and how large.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// King's graph.
    King {
        /// Rows of squares, at least 1.
        rows: u32,
        /// Columns of squares, at least 1.
        columns: u32,
    },
    /// Chimera C(m, n, t).
    Chimera {
        /// m, rows of cells, at least 1.
        rows: u32,
        /// n, columns of cells, at least 1.
        columns: u32,
        /// t, qubits on each side of a cell, at least 1; 4 in machines.
        tile: u32,
    },
    /// Pegasus P(m).
    Pegasus {
        /// m, at least 2.
        size: u32,
        /// Without the 8 (m - 1) qubits that cross no other one.
        fabric: bool,
    },
    /// Zephyr Z(m, t).
    Zephyr {
        /// m, at least 1.
        size: u32,
        /// t, at least 1; 4 in machines.
        tile: u32,
    },
}

/// The coordinate of a qubit: a slice of 2 to 5 whole numbers, whose names [`Layout::axes`] has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Coordinate {
    values: [u32; 5],
    n: u8,
}

impl Coordinate {
    pub(super) fn new<const N: usize>(digits: [u32; N]) -> Self {
        const { assert!(N <= 5) };
        let mut values = [0; 5];
        values[..N].copy_from_slice(&digits);
        Coordinate { values, n: N as u8 }
    }
}

impl Deref for Coordinate {
    type Target = [u32];
    fn deref(&self) -> &[u32] {
        &self.values[..usize::from(self.n)]
    }
}

impl fmt::Display for Coordinate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&tuple(self))
    }
}

fn tuple(values: &[u32]) -> String {
    let values: Vec<String> = values.iter().map(u32::to_string).collect();
    format!("({})", values.join(", "))
}

/// Name of a coordinate, and how many values it takes, from 0.
pub(super) type Axis = (&'static str, u32);

/// The rule of one family. Sizes are valid; coordinates given to it exist.
pub(super) trait Rules {
    /// The coordinates, the one that changes fastest last.
    fn axes(&self) -> Vec<Axis>;
    fn n_nodes(&self) -> u128;
    fn n_edges(&self) -> u128;
    /// Whether a coordinate within the axes is a qubit, and if not, what all qubits have that it has not.
    fn missing(&self, _at: &[u32]) -> Option<String> {
        None
    }
    /// Gives each edge to one of its two ends: calls `join` with the other.
    fn edges_of(&self, at: &[u32], join: &mut dyn FnMut(Coordinate));
    fn colour(&self, at: &[u32]) -> u32;
    /// Across and down; two qubits never stand on one point.
    fn position(&self, at: &[u32]) -> (f64, f64);
}

/// A family of graphs at one size.
///
/// ```
/// use smml_hw::topology::{Layout, Shape};
/// let z = Layout::new(Shape::Zephyr { size: 2, tile: 4 })?;
/// assert_eq!((z.n_nodes(), z.n_edges()), (160, 1224));
/// let number = z.number(&[0, 1, 2, 1, 0])?; // u, w, k, j, z
/// assert_eq!(z.coordinate(number)?.to_string(), "(0, 1, 2, 1, 0)");
/// assert!(z.coordinate(160).is_err());
/// # Ok::<(), smml_hw::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Shape", into = "Shape")]
pub struct Layout {
    shape: Shape,
}

impl TryFrom<Shape> for Layout {
    type Error = Error;
    fn try_from(shape: Shape) -> Result<Self> {
        Layout::new(shape)
    }
}

impl From<Layout> for Shape {
    fn from(layout: Layout) -> Shape {
        layout.shape
    }
}

impl Layout {
    /// Checks the sizes; allocates nothing that grows with them.
    ///
    /// # Errors
    /// [`smml_core::Error::OutOfRange`] for a size of 0 (of Pegasus below 2) or above [`MAX_SIZE`];
    /// [`smml_core::Error::TooLarge`] for more than [`MAX_EDGES`] couplers or qubits.
    pub fn new(shape: Shape) -> Result<Self> {
        let (sizes, least) = match shape {
            Shape::King { rows, columns } => (vec![("rows", rows), ("columns", columns)], 1),
            Shape::Chimera { rows, columns, tile } => {
                (vec![("rows m", rows), ("columns n", columns), ("tile t", tile)], 1)
            }
            Shape::Pegasus { size, .. } => (vec![("size m", size)], 2),
            Shape::Zephyr { size, tile } => (vec![("size m", size), ("tile t", tile)], 1),
        };
        for (name, size) in sizes {
            if !(least..=MAX_SIZE).contains(&size) {
                return Err(Error::out_of_range(name, size, format!("from {least} to {MAX_SIZE}")));
            }
        }
        let layout = Layout { shape };
        let (n_nodes, n_edges) = layout.with(|rules| (rules.n_nodes(), rules.n_edges()));
        if n_nodes.max(n_edges) > MAX_EDGES as u128 {
            return Err(Error::Core(smml_core::Error::TooLarge {
                what: layout.to_string(),
                needed: format!("{n_nodes} qubits and {n_edges} couplers"),
                limit: format!("{MAX_EDGES} of each"),
            }));
        }
        Ok(layout)
    }

    /// What it was made of.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    fn with<R>(&self, f: impl FnOnce(&dyn Rules) -> R) -> R {
        match self.shape {
            Shape::King { rows, columns } => f(&King { rows, columns }),
            Shape::Chimera { rows, columns, tile } => f(&Chimera { rows, columns, tile }),
            Shape::Pegasus { size, fabric } => f(&Pegasus { size, fabric }),
            Shape::Zephyr { size, tile } => f(&Zephyr { size, tile }),
        }
    }

    /// Number of qubits, by the formula.
    pub fn n_nodes(&self) -> usize {
        self.with(|rules| rules.n_nodes() as usize)
    }

    /// Number of couplers, by the formula.
    pub fn n_edges(&self) -> usize {
        self.with(|rules| rules.n_edges() as usize)
    }

    /// The coordinates by name, and how many values each takes, from 0. The last one changes fastest with the number.
    pub fn axes(&self) -> Vec<(&'static str, u32)> {
        self.with(|rules| rules.axes())
    }

    /// Qubit numbers are below this. All of them are in use but for those outside the fabric of Pegasus.
    pub fn n_numbers(&self) -> usize {
        self.axes().iter().map(|a| a.1 as usize).product()
    }

    /// The numbers of all qubits, increasing.
    pub fn numbers(&self) -> impl Iterator<Item = u32> + '_ {
        let axes = self.axes();
        (0..self.n_numbers() as u32)
            .filter(move |&q| self.with(|rules| rules.missing(&digits(&axes, q)).is_none()))
    }

    /// The coordinate of a qubit.
    ///
    /// # Errors
    /// [`smml_core::Error::OutOfRange`] when the layout has no qubit of this number.
    pub fn coordinate(&self, number: usize) -> Result<Coordinate> {
        self.find(number).map_err(|allowed| Error::out_of_range("qubit number", number, allowed))
    }

    /// The coordinate of a qubit, or what numbers are allowed.
    pub(super) fn find(&self, number: usize) -> std::result::Result<Coordinate, String> {
        let n = self.n_numbers();
        if number >= n {
            return Err(format!("below {n} in {self}"));
        }
        let at = digits(&self.axes(), number as u32);
        match self.with(|rules| rules.missing(&at)) {
            None => Ok(at),
            Some(allowed) => Err(format!("{allowed}; this one is at {at}")),
        }
    }

    /// The number of the qubit at a coordinate.
    ///
    /// # Errors
    /// [`smml_core::Error::Length`] for too many or too few values, [`smml_core::Error::OutOfRange`] for a value beyond
    /// its axis or a place without qubit.
    pub fn number(&self, coordinate: &[u32]) -> Result<usize> {
        let axes = self.axes();
        if coordinate.len() != axes.len() {
            let what = format!("coordinate in {self}");
            let (found, expected) = (coordinate.len(), axes.len());
            return Err(Error::Core(smml_core::Error::Length { what, found, expected }));
        }
        for (&(name, n), &value) in axes.iter().zip(coordinate) {
            if value >= n {
                return Err(Error::out_of_range(name, value, format!("below {n} in {self}")));
            }
        }
        match self.with(|rules| rules.missing(coordinate)) {
            None => Ok(number_of(&axes, coordinate) as usize),
            Some(allowed) => Err(Error::out_of_range("coordinate", tuple(coordinate), allowed)),
        }
    }

    /// The colour of a qubit, by the formula of its family, proved in the notes there: for King 2 (y mod 2) + x mod 2, for
    /// Chimera (y + x + u) mod 2, for Pegasus 2 u + (k + z) mod 2, for Zephyr (2 u + w + 2 z + j) mod 4.
    ///
    /// # Errors
    /// As [`Layout::coordinate`].
    pub fn colour(&self, number: usize) -> Result<u32> {
        let at = self.coordinate(number)?;
        Ok(self.with(|rules| rules.colour(&at)))
    }

    /// [`Layout::colour`] of qubits that exist.
    pub(super) fn colours(&self, numbers: &[u32]) -> Vec<u32> {
        let axes = self.axes();
        self.with(|rules| numbers.iter().map(|&q| rules.colour(&digits(&axes, q))).collect())
    }

    /// Where a qubit stands in a drawing, across and down, in cells of the layout (for Pegasus in lines, twelve of which
    /// make a cell): a square of the king's graph at its centre, any other qubit at the middle of its length.
    ///
    /// # Errors
    /// As [`Layout::coordinate`].
    pub fn position(&self, number: usize) -> Result<(f64, f64)> {
        let at = self.coordinate(number)?;
        Ok(self.with(|rules| rules.position(&at)))
    }

    /// Calls `join` with the numbers of the two ends of each coupler, each coupler once.
    pub(super) fn each_edge(&self, mut join: impl FnMut(u32, u32)) {
        let axes = self.axes();
        self.with(|rules| {
            for q in self.numbers() {
                rules.edges_of(&digits(&axes, q), &mut |other| join(q, number_of(&axes, &other)));
            }
        });
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.shape {
            Shape::King { rows, columns } => write!(f, "king's graph of {rows} x {columns}"),
            Shape::Chimera { rows, columns, tile } => write!(f, "Chimera C({rows}, {columns}, {tile})"),
            Shape::Pegasus { size, fabric: true } => write!(f, "Pegasus P{size}"),
            Shape::Pegasus { size, fabric: false } => write!(f, "Pegasus P{size}, full lattice"),
            Shape::Zephyr { size, tile } => write!(f, "Zephyr Z({size}, {tile})"),
        }
    }
}

/// The number as digits of mixed radix.
fn digits(axes: &[Axis], mut number: u32) -> Coordinate {
    let mut at = Coordinate { values: [0; 5], n: axes.len() as u8 };
    for (value, &(_, n)) in at.values[..axes.len()].iter_mut().zip(axes).rev() {
        *value = number % n;
        number /= n;
    }
    at
}

fn number_of(axes: &[Axis], at: &[u32]) -> u32 {
    axes.iter().zip(at).fold(0, |number, (&(_, n), &value)| number * n + value)
}
