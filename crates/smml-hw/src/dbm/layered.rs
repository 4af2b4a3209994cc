//! Machines of fully joined layers: what sparse graphs are compared with.

use super::layout::Layout;
use crate::{
    error::{Error, Result},
    machine::Wiring,
};
use smml_core::graph::{Colouring, SparseGraph};

/// Most edges: some gigabytes.
const MOST_EDGES: usize = 1 << 26;

/// Layers of hidden units between pixels and labels, each unit joined to all of the next layer: pixels, hidden layers in turn,
/// `n_copies` times the `n_classes` label bits. Nodes are numbered pixels first, then labels, then hidden units; a
/// colour is every second layer.
///
/// Errors: no pixels, no hidden layer or an empty one, labels as [`Layout::in_order`], more than 2²⁶ edges.
pub fn layered(
    n_pixels: usize,
    n_classes: usize,
    n_copies: usize,
    hidden: &[usize],
) -> Result<(Wiring, Layout)> {
    if hidden.is_empty() || hidden.contains(&0) {
        return Err(Error::out_of_range(
            "hidden layers",
            format!("{hidden:?}"),
            "at least one, each of at least 1 unit",
        ));
    }
    let n_labels = n_classes.saturating_mul(n_copies);
    // By depth; where there are no labels the last one is empty.
    let sizes: Vec<usize> = [n_pixels].iter().chain(hidden).chain([&n_labels]).copied().collect();
    let n_edges = sizes.windows(2).fold(0usize, |n, w| n.saturating_add(w[0].saturating_mul(w[1])));
    if n_edges > MOST_EDGES {
        return Err(Error::out_of_range("edges of the layers", n_edges, format!("at most {MOST_EDGES}")));
    }
    let n_nodes = sizes.iter().sum();
    let layout = Layout::in_order(n_nodes, n_pixels, n_classes, n_copies)?;
    let mut first = vec![0, n_pixels + n_labels];
    for size in &hidden[..hidden.len() - 1] {
        first.push(first[first.len() - 1] + size);
    }
    first.push(n_pixels);
    let mut edges = Vec::with_capacity(n_edges);
    let mut colours = vec![0; n_nodes];
    for depth in 0..sizes.len() {
        colours[first[depth]..first[depth] + sizes[depth]].fill(depth as u32 % 2);
        if depth + 1 < sizes.len() {
            for i in first[depth]..first[depth] + sizes[depth] {
                let next = first[depth + 1]..first[depth + 1] + sizes[depth + 1];
                edges.extend(next.map(|j| (i as u32, j as u32)));
            }
        }
    }
    let graph = SparseGraph::unweighted(n_nodes, &edges)?;
    Ok((Wiring::new(&graph, &Colouring::new(colours)?)?, layout))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_joined_to_their_neighbours_alone() {
        let (wiring, layout) = layered(3, 2, 2, &[5, 4]).unwrap();
        assert_eq!((wiring.n_nodes(), wiring.n_edges()), (16, 3 * 5 + 5 * 4 + 4 * 4));
        assert_eq!((layout.pixels(), layout.labels()), (&[0, 1, 2][..], &[3, 4, 5, 6][..]));
        let degree = |i| wiring.graph().degree(i);
        assert!((0..3).all(|i| degree(i) == 5) && (3..7).all(|i| degree(i) == 4));
        assert!((7..12).all(|i| degree(i) == 7) && (12..16).all(|i| degree(i) == 9));
        assert!(wiring.graph().weight(0, 7).is_some() && wiring.graph().weight(3, 12).is_some());
        assert_eq!(wiring.colouring().n_colours(), 2);
        let (one, layout) = layered(2, 0, 0, &[3]).unwrap();
        assert_eq!((one.n_edges(), layout.n_classes()), (6, 0));
    }

    #[test]
    fn impossible_layers_are_refused() {
        for (pixels, classes, copies, hidden) in
            [(0, 2, 1, vec![3]), (3, 2, 1, vec![]), (3, 2, 1, vec![3, 0]), (1 << 14, 0, 0, vec![1 << 13])]
        {
            assert!(layered(pixels, classes, copies, &hidden).is_err(), "{hidden:?}");
        }
    }
}
