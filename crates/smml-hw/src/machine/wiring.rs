//! Which p-bit is wired to which, in the order in which the machine goes through them.

use super::sweep::HELD;
use crate::error::{Error, Result};
use smml_core::graph::{Colouring, SparseGraph};
use std::ops::Range;

/// The wires of a machine: a graph, a colouring of it, and its rows in the order of the colours.
#[derive(Clone, Debug, PartialEq)]
pub struct Wiring {
    graph: SparseGraph,
    colouring: Colouring,
    /// Where the wires of each node are, by node.
    rows: Vec<Range<u32>>,
    /// The other ends, row by row in the order of the colours.
    ends: Vec<u32>,
    /// Of every edge, in the order of [`SparseGraph::edges`], its two places in `ends`.
    places: Vec<[u32; 2]>,
    /// The two ends of every edge.
    pairs: Vec<[u32; 2]>,
    /// All nodes, colour by colour.
    order: Vec<u32>,
}

impl Wiring {
    /// Weights of the graph do not matter here.
    ///
    /// Errors: a colouring that is not one of this graph; 2³¹ nodes or edges, or more.
    pub fn new(graph: &SparseGraph, colouring: &Colouring) -> Result<Self> {
        colouring.check(graph)?;
        for (name, value) in [("number of nodes", graph.n_vertices()), ("number of edges", graph.n_edges())] {
            if value >= HELD as usize {
                return Err(Error::out_of_range(name, value, "below 2^31"));
            }
        }
        let n = graph.n_vertices();
        let mut order = Vec::with_capacity(n);
        for colour in 0..colouring.n_colours() {
            let mut class = colouring.class(colour).to_vec();
            // Within a colour any order will do; rows of equal length in a row are quicker to go through.
            class.sort_by_key(|i| (graph.degree(*i as usize), *i));
            order.extend(class);
        }
        let mut rows = vec![0..0; n];
        let mut ends = Vec::with_capacity(2 * graph.n_edges());
        for &i in &order {
            let start = ends.len() as u32;
            ends.extend_from_slice(graph.neighbours(i as usize).0);
            rows[i as usize] = start..ends.len() as u32;
        }
        // Rows are sorted by vertex and edges come in lexicographic order, so both ends can be counted on.
        let mut next: Vec<u32> = rows.iter().map(|row| row.start).collect();
        let mut take = |i: u32| {
            let place = next[i as usize];
            next[i as usize] += 1;
            place
        };
        let mut places = vec![[0; 2]; graph.n_edges()];
        let mut of_upper: Vec<(u32, u32, usize)> = Vec::with_capacity(graph.n_edges());
        for (e, (i, j, _)) in graph.edges().enumerate() {
            of_upper.push((j, i, e));
        }
        // Every row has its smaller neighbours first.
        of_upper.sort_unstable();
        for (j, _, e) in of_upper {
            places[e][1] = take(j);
        }
        for (e, (i, _, _)) in graph.edges().enumerate() {
            places[e][0] = take(i);
        }
        let pairs = graph.edges().map(|(i, j, _)| [i, j]).collect();
        Ok(Wiring { graph: graph.clone(), colouring: colouring.clone(), rows, ends, places, pairs, order })
    }
    /// Number of nodes.
    pub fn n_nodes(&self) -> usize {
        self.rows.len()
    }
    /// Number of edges.
    pub fn n_edges(&self) -> usize {
        self.places.len()
    }
    /// The graph.
    pub fn graph(&self) -> &SparseGraph {
        &self.graph
    }
    /// Its colouring.
    pub fn colouring(&self) -> &Colouring {
        &self.colouring
    }
    /// All nodes, colour by colour.
    pub fn order(&self) -> &[u32] {
        &self.order
    }
    /// The nodes that `free` says, colour by colour: what is swept while the others are clamped.
    ///
    /// # Panics
    /// When `free` has fewer entries than there are nodes, as indexing a slice does.
    pub fn free(&self, free: &[bool]) -> Vec<u32> {
        self.order.iter().copied().filter(|i| free[*i as usize]).collect()
    }
    /// As [`Wiring::free`], but nodes that `held` says keep their states while their random numbers are drawn: a run with them
    /// held stays in step with one on the same random numbers in which they are free.
    ///
    /// # Panics
    /// When `free` or `held` has fewer entries than there are nodes.
    pub fn holding(&self, free: &[bool], held: &[bool]) -> Vec<u32> {
        let mark = |i: u32| if held[i as usize] { i | HELD } else { i };
        self.free(free).into_iter().map(mark).collect()
    }
    pub(super) fn row(&self, node: usize) -> Range<usize> {
        let row = &self.rows[node];
        row.start as usize..row.end as usize
    }
    pub(super) fn ends(&self) -> &[u32] {
        &self.ends
    }
    /// The two ends of every edge, in the order of [`SparseGraph::edges`].
    pub fn pairs(&self) -> &[[u32; 2]] {
        &self.pairs
    }
    pub(super) fn places(&self) -> &[[u32; 2]] {
        &self.places
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use smml_core::rng::{Draw, Streams};

    #[test]
    fn both_places_of_an_edge_lead_to_its_ends() {
        let mut rng = Streams::new(1).stream("wiring", 0);
        let mut edges = Vec::new();
        for _ in 0..400 {
            let (i, j) = (rng.below(60) as u32, rng.below(60) as u32);
            if i != j {
                edges.push((i, j));
            }
        }
        let graph = SparseGraph::unweighted(60, &edges).unwrap();
        let wiring = Wiring::new(&graph, &Colouring::dsatur(&graph)).unwrap();
        let mut seen = vec![false; wiring.ends().len()];
        for ((i, j, _), places) in graph.edges().zip(wiring.places()) {
            for (from, to, place) in [(i, j, places[0]), (j, i, places[1])] {
                assert!(wiring.row(from as usize).contains(&(place as usize)));
                assert_eq!(wiring.ends()[place as usize], to);
                assert!(!std::mem::replace(&mut seen[place as usize], true));
            }
        }
        assert!(seen.into_iter().all(|s| s));
        let mut sorted = wiring.order().to_vec();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..60).collect::<Vec<_>>());
        let wrong = Colouring::new(vec![0; 60]).unwrap();
        assert!(Wiring::new(&graph, &wrong).is_err());
    }
}
