//! Breadth-first searches: components, two-colourability, distances.

use super::SparseGraph;
use crate::error::{Error, Result};

/// The connected components of a graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Components {
    /// The component of each vertex. Components are numbered in the order of their smallest vertex.
    pub of_vertex: Vec<u32>,
    /// Number of vertices in each component.
    pub sizes: Vec<usize>,
}

impl Components {
    /// Number of components.
    pub fn n(&self) -> usize {
        self.sizes.len()
    }
}

impl SparseGraph {
    /// The connected components, in O(vertices + edges).
    pub fn components(&self) -> Components {
        let mut of_vertex = vec![u32::MAX; self.n_vertices()];
        let mut sizes = Vec::new();
        let mut stack = Vec::new();
        for start in 0..self.n_vertices() {
            if of_vertex[start] != u32::MAX {
                continue;
            }
            let label = sizes.len() as u32;
            let mut size = 0;
            of_vertex[start] = label;
            stack.push(start as u32);
            while let Some(i) = stack.pop() {
                size += 1;
                for &j in self.neighbours(i as usize).0 {
                    if of_vertex[j as usize] == u32::MAX {
                        of_vertex[j as usize] = label;
                        stack.push(j);
                    }
                }
            }
            sizes.push(size);
        }
        Components { of_vertex, sizes }
    }

    /// The side of each vertex when the graph is bipartite (every edge joins `false` and `true`; the smallest vertex
    /// of each component is on the side `false`), `None` when it holds an odd cycle.
    pub fn bipartition(&self) -> Option<Vec<bool>> {
        let mut side = vec![u8::MAX; self.n_vertices()];
        let mut stack = Vec::new();
        for start in 0..self.n_vertices() {
            if side[start] != u8::MAX {
                continue;
            }
            side[start] = 0;
            stack.push(start as u32);
            while let Some(i) = stack.pop() {
                let other = 1 - side[i as usize];
                for &j in self.neighbours(i as usize).0 {
                    match &mut side[j as usize] {
                        s if *s == u8::MAX => {
                            *s = other;
                            stack.push(j);
                        }
                        s if *s != other => return None,
                        _ => {}
                    }
                }
            }
        }
        Some(side.into_iter().map(|s| s == 1).collect())
    }

    /// The number of edges on a shortest path from `from` to each vertex; `None` where there is no path.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] when `from` is not a vertex.
    pub fn distances(&self, from: usize) -> Result<Vec<Option<u32>>> {
        if from >= self.n_vertices() {
            return Err(Error::out_of_range("from", from, format!("a vertex below {}", self.n_vertices())));
        }
        let mut distance = vec![None; self.n_vertices()];
        distance[from] = Some(0);
        let mut front = vec![from as u32];
        let mut next = Vec::new();
        for d in 1.. {
            for &i in &front {
                for &j in self.neighbours(i as usize).0 {
                    if distance[j as usize].is_none() {
                        distance[j as usize] = Some(d);
                        next.push(j);
                    }
                }
            }
            if next.is_empty() {
                break;
            }
            std::mem::swap(&mut front, &mut next);
            next.clear();
        }
        Ok(distance)
    }
}
