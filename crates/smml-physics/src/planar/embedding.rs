//! How a graph lies in the plane, and its faces.

use super::left_right;
use smml_core::{
    error::{Error, Result, same_length},
    graph::SparseGraph,
};

/// A drawing of a planar graph without crossings: the neighbours of every vertex in the order in which one meets them
/// going around it, the same way (clockwise, say) at all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Embedding {
    rotations: Vec<Vec<u32>>,
}

impl Embedding {
    /// From the neighbours of each vertex in order. That it is planar is checked together with a graph, by Euler's formula.
    pub fn new(rotations: Vec<Vec<u32>>) -> Self {
        Embedding { rotations }
    }
    /// A drawing of a graph, found by the left-right algorithm; `None` for a graph that is not planar.
    pub fn of(graph: &SparseGraph) -> Option<Self> {
        left_right::rotations(graph).map(Embedding::new)
    }
    /// The square lattice with open boundaries, site (row, column) with number row × columns + column.
    ///
    /// Errors: no rows or columns, more sites than a graph can have.
    pub fn square(rows: usize, columns: usize) -> Result<Self> {
        let n =
            rows.checked_mul(columns).filter(|n| (1..u32::MAX as usize).contains(n)).ok_or_else(|| {
                let allowed = format!("from 1 to {} sites", u32::MAX - 1);
                Error::out_of_range("rows x columns", format!("{rows} x {columns}"), allowed)
            })?;
        let around = |i: usize| {
            let (row, column) = (i / columns, i % columns);
            let right = (column + 1 < columns).then_some(i + 1);
            let down = (row + 1 < rows).then_some(i + columns);
            let left = (column > 0).then(|| i - 1);
            let up = (row > 0).then(|| i - columns);
            [right, down, left, up].into_iter().flatten().map(|j| j as u32).collect()
        };
        Ok(Embedding { rotations: (0..n).map(around).collect() })
    }
    /// The neighbours of every vertex, in order.
    pub fn rotations(&self) -> &[Vec<u32>] {
        &self.rotations
    }
    /// Checks that it is a planar embedding of a graph.
    ///
    /// Errors: other vertices or neighbours; a rotation system of a surface with holes, as a torus.
    pub fn check(&self, graph: &SparseGraph) -> Result<()> {
        same_length("rotations of an embedding", self.rotations.len(), graph.n_vertices())?;
        for (v, order) in self.rotations.iter().enumerate() {
            let mut sorted = order.clone();
            sorted.sort_unstable();
            if sorted != graph.neighbours(v).0 {
                let allowed = format!("those of the graph, {:?}", graph.neighbours(v).0);
                return Err(Error::out_of_range(
                    format!("neighbours around {v}"),
                    format!("{order:?}"),
                    allowed,
                ));
            }
        }
        // V - E + F = 2 for each component with edges; one without has no half-edge to walk a face along.
        let components = graph.components().n() as i64;
        let isolated = (0..graph.n_vertices()).filter(|&v| graph.degree(v) == 0).count() as i64;
        let faces = Faces::new(graph, self).n as i64;
        let (v, e) = (graph.n_vertices() as i64, graph.n_edges() as i64);
        let euler = v - isolated - e + faces;
        if euler != 2 * (components - isolated) {
            let allowed = format!("{} for a drawing without crossings", 2 * (components - isolated));
            return Err(Error::out_of_range("vertices - edges + faces of an embedding", euler, allowed));
        }
        Ok(())
    }
}

/// The faces of an embedded graph. Each component has an outer face of its own.
pub(super) struct Faces {
    /// Number of faces.
    pub(super) n: usize,
    /// The two faces beside every edge, in the order of [`SparseGraph::edges`]; the same one twice beside a bridge.
    pub(super) beside: Vec<(u32, u32)>,
}

impl Faces {
    /// For an embedding whose rotations are permutations of the rows of the graph.
    pub(super) fn new(graph: &SparseGraph, embedding: &Embedding) -> Self {
        let n = graph.n_vertices();
        let mut first = vec![0usize; n + 1];
        for v in 0..n {
            first[v + 1] = first[v] + graph.degree(v);
        }
        // Half-edge k of v leads to neighbour k in the order of the row; `turn` is its place going around.
        let mut place = vec![0u32; first[n]];
        for v in 0..n {
            let row = graph.neighbours(v).0;
            for (at, w) in embedding.rotations[v].iter().enumerate() {
                if let Ok(k) = row.binary_search(w) {
                    place[first[v] + k] = at as u32;
                }
            }
        }
        let half = |v: usize, w: u32| first[v] + graph.neighbours(v).0.binary_search(&w).unwrap_or(0);
        let mut face = vec![u32::MAX; first[n]];
        let mut n_faces = 0;
        for v in 0..n {
            for k in 0..graph.degree(v) {
                if face[first[v] + k] != u32::MAX {
                    continue;
                }
                // Along an edge, then on by the next one going around: a face lies always on the same side.
                let (mut from, mut to) = (v, graph.neighbours(v).0[k]);
                loop {
                    let at = half(from, to);
                    if face[at] != u32::MAX {
                        break;
                    }
                    face[at] = n_faces;
                    let order = &embedding.rotations[to as usize];
                    let back = place[half(to as usize, from as u32)] as usize;
                    let next = order[(back + 1) % order.len()];
                    (from, to) = (to as usize, next);
                }
                n_faces += 1;
            }
        }
        let beside =
            graph.edges().map(|(i, j, _)| (face[half(i as usize, j)], face[half(j as usize, i)])).collect();
        Faces { n: n_faces as usize, beside }
    }
}
