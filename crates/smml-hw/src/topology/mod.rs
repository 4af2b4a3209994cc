//! Graphs of sparse Ising machines: king's graph, Chimera, Pegasus and Zephyr of any size, and any graph of a user.
//!
//! - [`Layout`] is the rule of a family at one size: qubit numbers as the vendor counts them, coordinates, couplers,
//!   colours. It holds no list.
//! - [`Topology`] is the graph itself: vertices 0, 1, 2, ... for the qubits that are there, the number of each, and a
//!   proper colouring, so that all vertices of one colour can be updated at once.
//!
//! | family | coordinates | qubits | couplers | colours |
//! |---|---|---|---|---|
//! | king's graph, r × c | (y, x) | r c | 4 r c - 3 r - 3 c + 2 | 4 |
//! | Chimera C(m, n, t) | (y, x, u, k) | 2 t m n | t² m n + t (m - 1) n + t m (n - 1) | 2 |
//! | Pegasus P(m), fabric | (u, w, k, z) | 8 (3m - 1)(m - 1) | 12 (15 (m - 1)² + m - 3) - (12 m - 20) | 4 |
//! | Pegasus P(m), full | (u, w, k, z) | 24 m (m - 1) | 12 (15 (m - 1)² + m - 3) | 4 |
//! | Zephyr Z(m, t) | (u, w, k, j, z) | 4 t m (2m + 1) | 2 t ((8t + 8) m² - 2m - 3) | 4 |
//!
//! The number of a qubit is its coordinate read as digits, the last one fastest; [`Layout::axes`] has how many values each
//! takes. Couplings and fields are not kept here: a topology says which of them there may be.
//!
//! Pegasus is from Boothby, Bunyk, Raymond and Roy, *Next-Generation Topology of D-Wave Quantum Processors* (2019,
//! arXiv:2003.00133), Zephyr from Boothby, Raymond and King, *Zephyr Topology of D-Wave Quantum Processors* (2021).
//! Nodes and couplers are compared with those of other programs (`benches/peers/topologies.py`).

mod chimera;
mod king;
mod layout;
mod pegasus;
mod zephyr;

pub use layout::{Coordinate, Layout, MAX_EDGES, MAX_SIZE, Shape};

use crate::error::{Error, Result};
use smml_core::graph::{Colouring, SparseGraph};
use smml_physics::problem::Problem;
use std::collections::HashSet;

/// How a colouring was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// From the coordinates, by the formula of [`Layout::colour`].
    ClosedForm,
    /// Greedily, the vertex whose neighbours show most colours first (Brélaz 1979).
    Dsatur,
}

/// The graph of a machine: vertices, their qubit numbers, the couplers between them, and a proper colouring.
///
/// Edges have weight 1. Vertices are in the order of their numbers; without missing qubits and with every number in use,
/// vertex and number are the same.
///
/// ```
/// use smml_hw::topology::Topology;
/// let p4 = Topology::pegasus(4)?;
/// assert_eq!((p4.graph().n_vertices(), p4.graph().n_edges()), (264, 1604));
/// assert_eq!(p4.colouring().classes().map(<[u32]>::len).collect::<Vec<_>>(), [66; 4]);
/// // Numbers begin at 6: qubits 0 to 5 of P4 cross no other.
/// assert_eq!((p4.number(0), p4.vertex(6), p4.vertex(0)), (Some(6), Some(0), None));
/// # Ok::<(), smml_hw::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Topology {
    layout: Option<Layout>,
    graph: SparseGraph,
    /// Increasing.
    numbers: Vec<u32>,
    colouring: Colouring,
    method: Method,
}

impl Topology {
    /// The king's graph: r × c squares, each joined to the up to eight around it.
    ///
    /// # Errors
    /// As [`Layout::new`].
    pub fn king(rows: u32, columns: u32) -> Result<Self> {
        Self::new(Layout::new(Shape::King { rows, columns })?)
    }

    /// Chimera C(m, n, t): m × n cells, each a complete bipartite graph of t and t qubits.
    ///
    /// # Errors
    /// As [`Layout::new`].
    pub fn chimera(rows: u32, columns: u32, tile: u32) -> Result<Self> {
        Self::new(Layout::new(Shape::Chimera { rows, columns, tile })?)
    }

    /// Pegasus P(m), the fabric: without the 8 (m - 1) qubits at the borders that cross no other qubit. P16 is the
    /// graph of a D-Wave Advantage before qubits that do not work are taken out.
    ///
    /// # Errors
    /// As [`Layout::new`].
    pub fn pegasus(size: u32) -> Result<Self> {
        Self::new(Layout::new(Shape::Pegasus { size, fabric: true })?)
    }

    /// Zephyr Z(m, t), of D-Wave's Advantage2 with t = 4.
    ///
    /// # Errors
    /// As [`Layout::new`].
    pub fn zephyr(size: u32, tile: u32) -> Result<Self> {
        Self::new(Layout::new(Shape::Zephyr { size, tile })?)
    }

    /// The graph of a layout with all its qubits and couplers, coloured by the formula of its family. Time and memory go
    /// with the number of couplers, about 40 bytes for each.
    ///
    /// # Errors
    /// None for a layout that exists; the colouring is checked against the graph all the same.
    pub fn new(layout: Layout) -> Result<Self> {
        let numbers: Vec<u32> = layout.numbers().collect();
        let mut vertex = vec![u32::MAX; layout.n_numbers()];
        for (v, &q) in numbers.iter().enumerate() {
            vertex[q as usize] = v as u32;
        }
        let mut edges = Vec::with_capacity(layout.n_edges());
        layout.each_edge(|a, b| edges.push((vertex[a as usize], vertex[b as usize])));
        let graph = SparseGraph::unweighted(numbers.len(), &edges)?;
        Self::coloured(Some(layout), graph, numbers, Method::ClosedForm)
    }

    /// The graph of a user, coloured by DSATUR. Numbers are those of its vertices; its weights are put aside.
    ///
    /// # Errors
    /// [`smml_core::Error::OutOfRange`] for a graph without vertices.
    pub fn from_graph(graph: &SparseGraph) -> Result<Self> {
        if graph.n_vertices() == 0 {
            return Err(Error::out_of_range("n_vertices", 0, "at least 1"));
        }
        let numbers = (0..graph.n_vertices() as u32).collect();
        Self::coloured(None, graph.map_weights(|_, _, _| 1.0)?, numbers, Method::Dsatur)
    }

    /// The graph of a problem, which can come from a file of any format that
    /// [`smml_physics::problem::formats`] reads: a vertex for each variable, an edge for each product of two.
    ///
    /// # Errors
    /// [`smml_core::Error::OutOfRange`] for products of more than two variables.
    pub fn from_problem(problem: &Problem) -> Result<Self> {
        if !problem.terms().is_empty() {
            let allowed = "at most 2: an edge joins two variables";
            return Err(Error::out_of_range("degree of the problem", problem.degree(), allowed));
        }
        Self::from_graph(problem.pairs())
    }

    /// `graph` with the colouring of its layout or by DSATUR.
    fn coloured(
        layout: Option<Layout>,
        graph: SparseGraph,
        numbers: Vec<u32>,
        method: Method,
    ) -> Result<Self> {
        let colouring = match (method, &layout) {
            (Method::ClosedForm, Some(layout)) => Colouring::new(without_gaps(layout.colours(&numbers)))?,
            _ => Colouring::dsatur(&graph),
        };
        colouring.check(&graph)?;
        Ok(Topology { layout, graph, numbers, colouring, method })
    }

    /// The same graph without some qubits, named by their numbers, and without their couplers. The others keep their
    /// numbers and, where the colouring is a formula, their colours (colours nobody has any more are closed up); the
    /// graph of a user is coloured anew.
    ///
    /// # Errors
    /// [`smml_core::Error::OutOfRange`] for a number that is no qubit of this graph or is there twice, and when none
    /// would be left.
    pub fn without(&self, missing: &[usize]) -> Result<Self> {
        let mut keep = vec![true; self.numbers.len()];
        for (k, &number) in missing.iter().enumerate() {
            let name = || format!("missing[{k}]");
            let v = self.vertex(number).ok_or_else(|| self.no_qubit(name(), number))?;
            if !std::mem::replace(&mut keep[v], false) {
                return Err(Error::out_of_range(name(), number, "named once"));
            }
        }
        if missing.len() == self.numbers.len() {
            let allowed = format!("below the {} qubits of the graph", self.numbers.len());
            return Err(Error::out_of_range("number of missing qubits", missing.len(), allowed));
        }
        self.restricted(&keep, &HashSet::new())
    }

    /// The same graph without some couplers, each named by the numbers of its two qubits in any order. Colours stay
    /// where they are a formula; the graph of a user is coloured anew.
    ///
    /// # Errors
    /// [`smml_core::Error::OutOfRange`] for a number that is no qubit of this graph, and for a pair that has no coupler
    /// or is there twice.
    pub fn without_couplers(&self, missing: &[(usize, usize)]) -> Result<Self> {
        let mut cut = HashSet::with_capacity(missing.len());
        for (k, &(a, b)) in missing.iter().enumerate() {
            let name = || format!("missing couplers[{k}]");
            let i = self.vertex(a).ok_or_else(|| self.no_qubit(name(), a))?;
            let j = self.vertex(b).ok_or_else(|| self.no_qubit(name(), b))?;
            if self.graph.weight(i, j).is_none() {
                return Err(Error::out_of_range(name(), format!("({a}, {b})"), "two qubits with a coupler"));
            }
            if !cut.insert((i.min(j) as u32, i.max(j) as u32)) {
                return Err(Error::out_of_range(name(), format!("({a}, {b})"), "named once"));
            }
        }
        self.restricted(&vec![true; self.numbers.len()], &cut)
    }

    fn no_qubit(&self, name: String, number: usize) -> Error {
        let Some(layout) = &self.layout else {
            return Error::out_of_range(
                name,
                number,
                format!("a vertex of the graph ({})", range(&self.numbers)),
            );
        };
        match layout.find(number) {
            Err(allowed) => Error::out_of_range(name, number, allowed),
            Ok(_) => Error::out_of_range(name, number, format!("a qubit that this {layout} still has")),
        }
    }

    fn restricted(&self, keep: &[bool], cut: &HashSet<(u32, u32)>) -> Result<Self> {
        let mut new = vec![u32::MAX; keep.len()];
        let mut numbers = Vec::new();
        for (v, _) in keep.iter().enumerate().filter(|(_, keep)| **keep) {
            new[v] = numbers.len() as u32;
            numbers.push(self.numbers[v]);
        }
        let stays = |i: u32, j: u32| keep[i as usize] && keep[j as usize] && !cut.contains(&(i, j));
        let edges: Vec<(u32, u32)> = self
            .graph
            .edges()
            .filter(|&(i, j, _)| stays(i, j))
            .map(|(i, j, _)| (new[i as usize], new[j as usize]))
            .collect();
        let graph = SparseGraph::unweighted(numbers.len(), &edges)?;
        Self::coloured(self.layout, graph, numbers, self.method)
    }

    /// The graph; every weight is 1.
    pub fn graph(&self) -> &SparseGraph {
        &self.graph
    }

    /// The rule that the graph comes from; `None` for the graph of a user.
    pub fn layout(&self) -> Option<&Layout> {
        self.layout.as_ref()
    }

    /// The colouring, proper for this graph.
    pub fn colouring(&self) -> &Colouring {
        &self.colouring
    }

    /// How the colouring was found.
    pub fn method(&self) -> Method {
        self.method
    }

    /// The qubit numbers of the vertices, increasing.
    pub fn numbers(&self) -> &[u32] {
        &self.numbers
    }

    /// The qubit number of a vertex; `None` when there is no such vertex.
    pub fn number(&self, vertex: usize) -> Option<usize> {
        self.numbers.get(vertex).map(|&q| q as usize)
    }

    /// The vertex of a qubit; `None` when this graph does not have it.
    pub fn vertex(&self, number: usize) -> Option<usize> {
        self.numbers.binary_search(&u32::try_from(number).ok()?).ok()
    }

    /// The coordinate of a vertex; `None` when there is no such vertex, or no layout.
    pub fn coordinate(&self, vertex: usize) -> Option<Coordinate> {
        self.layout.as_ref()?.coordinate(self.number(vertex)?).ok()
    }

    /// Where a vertex stands in a drawing; `None` when there is no such vertex, or no layout.
    pub fn position(&self, vertex: usize) -> Option<(f64, f64)> {
        self.layout.as_ref()?.position(self.number(vertex)?).ok()
    }
}

/// Colours renumbered so that none is skipped, in their order.
fn without_gaps(mut colours: Vec<u32>) -> Vec<u32> {
    let mut used = colours.clone();
    used.sort_unstable();
    used.dedup();
    for c in &mut colours {
        *c = used.partition_point(|u| *u < *c) as u32;
    }
    colours
}

fn range(numbers: &[u32]) -> String {
    match numbers {
        [] => "it has none".into(),
        [one] => format!("{one}"),
        [first, .., last] => format!("{first} to {last}"),
    }
}
