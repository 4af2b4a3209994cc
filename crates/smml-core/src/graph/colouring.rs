//! Vertex colourings: no edge joins two vertices of one colour, so a class can be updated at once.

use super::SparseGraph;
use crate::error::{Error, Result, permutation, same_length};
use std::{cmp::Reverse, collections::BinaryHeap};

/// A colour for each vertex, and the vertices of each colour.
///
/// ```
/// use smml_core::graph::{Colouring, SparseGraph};
/// let triangle = SparseGraph::unweighted(3, &[(0, 1), (1, 2), (2, 0)])?;
/// let colouring = Colouring::dsatur(&triangle);
/// assert_eq!(colouring.n_colours(), 3);
/// colouring.check(&triangle)?;
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Colouring {
    colour: Vec<u32>,
    class_offsets: Vec<usize>,
    members: Vec<u32>,
}

const NONE: u32 = u32::MAX;

impl Colouring {
    /// A colouring from the colour of each vertex. Colours must be `0..n` without gaps; whether they fit a graph is
    /// for [`Colouring::check`] to say.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] when a colour is skipped.
    pub fn new(colour: Vec<u32>) -> Result<Self> {
        let n_colours = colour.iter().max().map_or(0, |&c| c as usize + 1);
        if n_colours > colour.len() {
            let allowed = format!("below {}, without gaps", colour.len());
            return Err(Error::out_of_range("colour", n_colours - 1, allowed));
        }
        let colouring = Self::from_valid(colour, n_colours);
        match (0..n_colours).find(|&c| colouring.class(c).is_empty()) {
            Some(gap) => {
                Err(Error::out_of_range("colour", n_colours - 1, format!("without gaps ({gap} is unused)")))
            }
            None => Ok(colouring),
        }
    }

    fn from_valid(colour: Vec<u32>, n_colours: usize) -> Self {
        let mut class_offsets = vec![0; n_colours + 1];
        for &c in &colour {
            class_offsets[c as usize + 1] += 1;
        }
        for c in 0..n_colours {
            class_offsets[c + 1] += class_offsets[c];
        }
        let mut next = class_offsets.clone();
        let mut members = vec![0; colour.len()];
        for (i, &c) in colour.iter().enumerate() {
            members[next[c as usize]] = i as u32;
            next[c as usize] += 1;
        }
        Colouring { colour, class_offsets, members }
    }

    /// Greedy: each vertex in the given order takes the smallest colour that no neighbour has. At most
    /// `max_degree + 1` colours; O(vertices + edges).
    ///
    /// # Errors
    /// [`Error::Length`] or [`Error::OutOfRange`] when `order` is not a permutation of the vertices.
    pub fn greedy(graph: &SparseGraph, order: &[u32]) -> Result<Self> {
        permutation("order", order.iter().map(|&i| i as usize), graph.n_vertices())?;
        Ok(Self::greedy_unchecked(graph, order))
    }

    fn greedy_unchecked(graph: &SparseGraph, order: &[u32]) -> Self {
        let mut colour = vec![NONE; graph.n_vertices()];
        let mut used_by = vec![NONE; graph.max_degree() + 1];
        let mut n_colours = 0;
        for &i in order {
            for &j in graph.neighbours(i as usize).0 {
                if let Some(used) = used_by.get_mut(colour[j as usize] as usize) {
                    *used = i;
                }
            }
            // A vertex of degree d sees at most d colours, so one of the first d + 1 is free.
            let free = used_by.iter().take_while(|&&by| by == i).count();
            colour[i as usize] = free as u32;
            n_colours = n_colours.max(free + 1);
        }
        Self::from_valid(colour, n_colours)
    }

    /// Welsh and Powell (1967): greedy by falling degree, ties by vertex.
    pub fn welsh_powell(graph: &SparseGraph) -> Self {
        Self::greedy_unchecked(graph, &by_degree(graph))
    }

    /// Brélaz's DSATUR (1979): the next vertex is the one whose neighbours already show the most colours, ties by
    /// larger degree, then by smaller vertex. Exact on bipartite graphs; O((vertices + edges) log vertices).
    pub fn dsatur(graph: &SparseGraph) -> Self {
        let n = graph.n_vertices();
        let order = by_degree(graph);
        let mut rank = vec![0u32; n];
        for (r, &i) in order.iter().enumerate() {
            rank[i as usize] = r as u32;
        }
        // Vertices of saturation s wait in waiting[s]; an entry goes stale when its vertex moves up or is coloured.
        let mut waiting = vec![BinaryHeap::new()];
        waiting[0].extend((0..n as u32).map(Reverse));
        let mut seen = vec![0u32; graph.targets.len()]; // sorted colours around each vertex, in the rows of the graph
        let mut saturation = vec![0u32; n];
        let mut colour = vec![NONE; n];
        let mut n_colours = 0;
        while let Some(heap) = waiting.last_mut() {
            let Some(Reverse(r)) = heap.pop() else {
                waiting.pop();
                continue;
            };
            let level = waiting.len() - 1;
            let i = order[r as usize] as usize;
            if colour[i] != NONE || saturation[i] as usize != level {
                continue;
            }
            let row = &seen[graph.offsets[i]..][..level];
            let free = row.iter().zip(0..).take_while(|&(&c, k)| c == k).count() as u32;
            colour[i] = free;
            n_colours = n_colours.max(free as usize + 1);
            for &j in graph.neighbours(i).0 {
                let j = j as usize;
                if colour[j] != NONE {
                    continue;
                }
                let s = saturation[j] as usize;
                let row = &mut seen[graph.offsets[j]..graph.offsets[j + 1]];
                if let Err(at) = row[..s].binary_search(&free) {
                    row.copy_within(at..s, at + 1);
                    row[at] = free;
                    saturation[j] += 1;
                    if waiting.len() <= s + 1 {
                        waiting.resize_with(s + 2, BinaryHeap::new);
                    }
                    waiting[s + 1].push(Reverse(rank[j]));
                }
            }
        }
        Self::from_valid(colour, n_colours)
    }

    /// The two sides of a bipartite graph (one class when it has no edges); `None` for any other graph.
    pub fn bipartite(graph: &SparseGraph) -> Option<Self> {
        let colour: Vec<u32> = graph.bipartition()?.into_iter().map(u32::from).collect();
        let n_colours = colour.iter().max().map_or(0, |&c| c as usize + 1);
        Some(Self::from_valid(colour, n_colours))
    }

    /// The colour of each vertex.
    pub fn colours(&self) -> &[u32] {
        &self.colour
    }

    /// Number of colours.
    pub fn n_colours(&self) -> usize {
        self.class_offsets.len() - 1
    }

    /// The vertices of one colour, in increasing order.
    ///
    /// # Panics
    /// When `colour` is not below [`Colouring::n_colours`], as indexing a slice does.
    pub fn class(&self, colour: usize) -> &[u32] {
        &self.members[self.class_offsets[colour]..self.class_offsets[colour + 1]]
    }

    /// All classes, by colour.
    pub fn classes(&self) -> impl ExactSizeIterator<Item = &[u32]> {
        self.class_offsets.windows(2).map(|w| &self.members[w[0]..w[1]])
    }

    /// Checks that the colouring belongs to `graph`: one colour for each vertex, two for each edge.
    ///
    /// # Errors
    /// [`Error::Length`], or [`Error::OutOfRange`] naming the first edge inside a class.
    pub fn check(&self, graph: &SparseGraph) -> Result<()> {
        same_length("colouring", self.colour.len(), graph.n_vertices())?;
        match graph.edges().find(|&(i, j, _)| self.colour[i as usize] == self.colour[j as usize]) {
            Some((i, j, _)) => {
                let c = self.colour[i as usize];
                Err(Error::out_of_range(format!("colour of {i} and {j}"), c, "different, they share an edge"))
            }
            None => Ok(()),
        }
    }
}

/// Vertices by falling degree, ties by vertex.
fn by_degree(graph: &SparseGraph) -> Vec<u32> {
    let mut order: Vec<u32> = (0..graph.n_vertices() as u32).collect();
    order.sort_by_key(|&i| Reverse(graph.degree(i as usize)));
    order
}
