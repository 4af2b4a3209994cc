//! Sparse undirected graphs with weights: compressed rows ([`SparseGraph`]), searches ([`SparseGraph::components`],
//! [`SparseGraph::distances`]), colourings ([`Colouring`]) and random graphs ([`random_regular`], [`erdos_renyi`]).
//!
//! The same type serves as a symmetric sparse matrix without diagonal (couplings Jᵢⱼ = Jⱼᵢ). Lattices live in
//! smml-physics, hardware topologies in smml-hw; models on graphs keep their fields beside the graph.

mod colouring;
mod random;
mod search;
#[cfg(test)]
mod tests;

pub use colouring::Colouring;
pub use random::{erdos_renyi, random_regular};
pub use search::Components;

use crate::error::{Error, Result, same_length};
use serde::{Deserialize, Serialize};

/// An undirected graph with a finite weight on each edge, in compressed rows.
///
/// - Vertices are `0..n_vertices()`; there are at most 2³² - 1 of them.
/// - Self-loops are refused. An edge that is given more than once is one edge whose weight is the sum in the order
///   given (two bonds between the same pair of spins act as one coupling), so both rows hold the same bits.
/// - An edge of weight 0 is still an edge.
/// - Each row is sorted by vertex.
///
/// ```
/// use smml_core::graph::SparseGraph;
/// let ring = SparseGraph::new(4, &[(0, 1, 1.0), (1, 2, 1.0), (2, 3, 1.0), (3, 0, -1.0)])?;
/// assert_eq!(ring.neighbours(0), (&[1, 3][..], &[1.0, -1.0][..]));
/// assert_eq!(ring.edges().count(), 4);
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "UpperRows", into = "UpperRows")]
pub struct SparseGraph {
    offsets: Vec<usize>,
    targets: Vec<u32>,
    weights: Vec<f64>,
    n_edges: usize,
}

/// How a graph is saved: for each vertex its edges to higher ones. What is read back is validated like any other input,
/// and a graph takes no more memory than a few times what is read: a number of vertices alone could claim any amount.
#[derive(Serialize, Deserialize)]
struct UpperRows(Vec<Vec<(u32, f64)>>);

impl TryFrom<UpperRows> for SparseGraph {
    type Error = Error;
    fn try_from(UpperRows(rows): UpperRows) -> Result<Self> {
        let n_vertices = rows.len();
        let edges: Vec<(u32, u32, f64)> = rows
            .into_iter()
            .enumerate()
            .flat_map(|(i, row)| row.into_iter().map(move |(j, weight)| (i as u32, j, weight)))
            .collect();
        SparseGraph::new(n_vertices, &edges)
    }
}

impl From<SparseGraph> for UpperRows {
    fn from(graph: SparseGraph) -> Self {
        UpperRows((0..graph.n_vertices()).map(|i| graph.above(i).collect()).collect())
    }
}

fn check_n_vertices(n: usize) -> Result<()> {
    if n > u32::MAX as usize {
        return Err(Error::out_of_range("n_vertices", n, format!("at most {}", u32::MAX)));
    }
    Ok(())
}

impl SparseGraph {
    /// A graph from its edges `(i, j, weight)`, in any order and direction.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a vertex that does not exist, a self-loop, or a weight (given or summed) that is not
    /// finite.
    pub fn new(n_vertices: usize, edges: &[(u32, u32, f64)]) -> Result<Self> {
        Self::build(n_vertices, edges.len(), |k| edges[k])
    }

    /// A graph whose edges all have weight 1; an edge given k times has weight k.
    ///
    /// # Errors
    /// As [`SparseGraph::new`].
    pub fn unweighted(n_vertices: usize, edges: &[(u32, u32)]) -> Result<Self> {
        Self::build(n_vertices, edges.len(), |k| (edges[k].0, edges[k].1, 1.0))
    }

    /// Rows by counting, then each row sorted in place: 24 bytes an edge and no other large memory.
    fn build(n: usize, n_given: usize, edge: impl Fn(usize) -> (u32, u32, f64)) -> Result<Self> {
        check_n_vertices(n)?;
        let mut next = vec![0usize; n + 1];
        for k in 0..n_given {
            let (i, j, w) = edge(k);
            if i as usize >= n || j as usize >= n || i == j {
                let allowed = format!("two different vertices below {n}");
                return Err(Error::out_of_range(format!("edges[{k}]"), format!("({i}, {j})"), allowed));
            }
            if !w.is_finite() {
                return Err(Error::out_of_range(format!("weight of edges[{k}] = ({i}, {j})"), w, "finite"));
            }
            next[i as usize + 1] += 1;
            next[j as usize + 1] += 1;
        }
        for i in 0..n {
            next[i + 1] += next[i];
        }
        let mut targets = vec![0u32; 2 * n_given];
        let mut weights = vec![0.0; 2 * n_given];
        for k in 0..n_given {
            let (i, j, w) = edge(k);
            for (from, to) in [(i, j), (j, i)] {
                let at = &mut next[from as usize];
                targets[*at] = to;
                weights[*at] = w;
                *at += 1;
            }
        }
        // Now next[i] is the end of row i. Sort rows (stable, so that sums have one order) and close the gaps that
        // merged duplicates leave.
        let mut offsets = next;
        let (mut row_start, mut write) = (0, 0);
        let mut row: Vec<(u32, f64)> = Vec::new();
        for i in 0..n {
            let row_end = offsets[i];
            offsets[i] = write;
            if targets[row_start..row_end].is_sorted_by(|a, b| a < b) {
                targets.copy_within(row_start..row_end, write);
                weights.copy_within(row_start..row_end, write);
                write += row_end - row_start;
            } else {
                row.clear();
                row.extend((row_start..row_end).map(|k| (targets[k], weights[k])));
                row.sort_by_key(|&(to, _)| to);
                for same in row.chunk_by(|a, b| a.0 == b.0) {
                    let w: f64 = same[1..].iter().fold(same[0].1, |sum, x| sum + x.1);
                    if !w.is_finite() {
                        let name = format!("sum of the weights of edge ({i}, {})", same[0].0);
                        return Err(Error::out_of_range(name, w, "finite"));
                    }
                    targets[write] = same[0].0;
                    weights[write] = w;
                    write += 1;
                }
            }
            row_start = row_end;
        }
        offsets[n] = write;
        targets.truncate(write);
        weights.truncate(write);
        if write < n_given {
            targets.shrink_to_fit();
            weights.shrink_to_fit();
        }
        Ok(SparseGraph { offsets, targets, weights, n_edges: write / 2 })
    }

    /// Number of vertices.
    #[inline]
    pub fn n_vertices(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Number of edges, each pair counted once.
    #[inline]
    pub fn n_edges(&self) -> usize {
        self.n_edges
    }

    /// The neighbours of `i` in increasing order, and the weights of the edges to them.
    ///
    /// # Panics
    /// When `i` is not a vertex, as indexing a slice does.
    #[inline]
    pub fn neighbours(&self, i: usize) -> (&[u32], &[f64]) {
        let row = self.offsets[i]..self.offsets[i + 1];
        (&self.targets[row.clone()], &self.weights[row])
    }

    /// Number of neighbours of `i`.
    ///
    /// # Panics
    /// When `i` is not a vertex, as indexing a slice does.
    #[inline]
    pub fn degree(&self, i: usize) -> usize {
        self.offsets[i + 1] - self.offsets[i]
    }

    /// The largest degree; 0 for a graph without vertices.
    pub fn max_degree(&self) -> usize {
        self.offsets.windows(2).map(|w| w[1] - w[0]).max().unwrap_or(0)
    }

    /// The weight of the edge between `i` and `j`; `None` when there is no such edge.
    pub fn weight(&self, i: usize, j: usize) -> Option<f64> {
        if i >= self.n_vertices() {
            return None;
        }
        let (targets, weights) = self.neighbours(i);
        u32::try_from(j).ok().and_then(|j| targets.binary_search(&j).ok()).map(|k| weights[k])
    }

    /// Every edge once, as `(i, j, weight)` with `i < j`, in lexicographic order.
    pub fn edges(&self) -> impl Iterator<Item = (u32, u32, f64)> + '_ {
        (0..self.n_vertices()).flat_map(|i| self.above(i).map(move |(j, w)| (i as u32, j, w)))
    }

    /// The neighbours of `i` above it.
    fn above(&self, i: usize) -> impl Iterator<Item = (u32, f64)> + '_ {
        let (targets, weights) = self.neighbours(i);
        let above = targets.partition_point(|&j| j as usize <= i);
        targets[above..].iter().copied().zip(weights[above..].iter().copied())
    }

    /// The same graph with weights `f(i, j, weight)`, `i < j`.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] when a new weight is not finite.
    pub fn map_weights(&self, mut f: impl FnMut(u32, u32, f64) -> f64) -> Result<Self> {
        let mut mapped = self.clone();
        // Walking i upwards meets the pairs below each row's diagonal in the row's own order.
        let mut next = self.offsets.clone();
        for i in 0..self.n_vertices() {
            for k in next[i]..self.offsets[i + 1] {
                let j = self.targets[k];
                let w = f(i as u32, j, self.weights[k]);
                if !w.is_finite() {
                    return Err(Error::out_of_range(format!("new weight of edge ({i}, {j})"), w, "finite"));
                }
                mapped.weights[k] = w;
                let back = &mut next[j as usize];
                mapped.weights[*back] = w;
                *back += 1;
            }
        }
        Ok(mapped)
    }

    /// y = W x, with W the symmetric matrix of weights. Each row is summed in order.
    ///
    /// # Errors
    /// [`Error::Length`] when `x` or `y` has not one entry for each vertex.
    pub fn multiply(&self, x: &[f64], y: &mut [f64]) -> Result<()> {
        same_length("x", x.len(), self.n_vertices())?;
        same_length("y", y.len(), self.n_vertices())?;
        for (i, y) in y.iter_mut().enumerate() {
            let (targets, weights) = self.neighbours(i);
            *y = targets.iter().zip(weights).map(|(&j, &w)| w * x[j as usize]).sum();
        }
        Ok(())
    }
}
