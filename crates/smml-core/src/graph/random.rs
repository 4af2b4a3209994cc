//! Random graphs with unit weights; [`SparseGraph::map_weights`] gives them couplings.

use super::{SparseGraph, check_n_vertices};
use crate::{
    error::{Error, Result, unit_interval},
    rng::Draw,
};

const MAX_EDGES: f64 = 1_073_741_824.0;

/// G(n, p): each of the n (n - 1) / 2 pairs is an edge with probability `p`, independently. Time and memory go with
/// the number of edges (gaps between edges are geometric; Batagelj and Brandes, Phys. Rev. E 71, 036113, 2005).
///
/// # Errors
/// [`Error::OutOfRange`] unless 0 <= p <= 1 and there are less than 2³² vertices; [`Error::TooLarge`] when more than
/// 2³⁰ edges are to be expected.
pub fn erdos_renyi(n_vertices: usize, p: f64, rng: &mut impl Draw) -> Result<SparseGraph> {
    unit_interval("p", p)?;
    check_n_vertices(n_vertices)?;
    let n = n_vertices as f64;
    let expected = p * 0.5 * n * (n - 1.0);
    if expected > MAX_EDGES {
        return Err(too_many(expected));
    }
    let mut edges = Vec::with_capacity((expected + 4.0 * expected.sqrt()) as usize);
    // Pairs (i, j), j < i, in the order (1, 0), (2, 0), (2, 1), (3, 0), ...
    let (mut i, mut j) = (1usize, 0usize);
    let ln_q = libm::log1p(-p);
    while p > 0.0 && i < n_vertices {
        let gap = if p < 1.0 { libm::floor(libm::log1p(-rng.uniform()) / ln_q) } else { 0.0 };
        if gap > n * n {
            break;
        }
        j += gap as usize;
        while j >= i && i < n_vertices {
            j -= i;
            i += 1;
        }
        if i < n_vertices {
            edges.push((j as u32, i as u32));
            j += 1;
            if j == i {
                (i, j) = (i + 1, 0);
            }
        }
    }
    SparseGraph::unweighted(n_vertices, &edges)
}

/// A simple graph in which every vertex has `degree` neighbours, by random pairing of half-edges without loops and
/// repeats, begun again when no pair fits (Steger and Wormald 1999): uniform among all such graphs in the limit of
/// many vertices. Above half of all edges the complement is drawn in this way.
///
/// # Errors
/// [`Error::OutOfRange`] unless `degree < n_vertices` (or both are 0) and `n_vertices * degree` is even;
/// [`Error::TooLarge`] for more than 2³⁰ edges; [`Error::NotConverged`] when 1000 tries ended where no pair fits.
pub fn random_regular(n_vertices: usize, degree: usize, rng: &mut impl Draw) -> Result<SparseGraph> {
    if degree >= n_vertices.max(1) {
        return Err(Error::out_of_range("degree", degree, format!("below the {n_vertices} vertices")));
    }
    let n_edges = n_vertices as f64 * degree as f64 / 2.0;
    if n_edges > MAX_EDGES {
        return Err(too_many(n_edges));
    }
    if n_vertices * degree % 2 == 1 {
        return Err(Error::out_of_range(
            "degree",
            degree,
            format!("even, as the number of vertices {n_vertices} is odd"),
        ));
    }
    // Pairs that are already joined make trials fail: with few edges missing nearly all do.
    let lacking = n_vertices.saturating_sub(1) - degree;
    if lacking < degree {
        let lacks = pair(n_vertices, lacking, rng)?;
        let edges: Vec<(u32, u32)> = (0..n_vertices as u32)
            .flat_map(|i| {
                let mut without = lacks.neighbours(i as usize).0.iter().copied().peekable();
                (0..i)
                    .filter(move |j| {
                        while without.next_if(|k| k < j).is_some() {}
                        without.peek() != Some(j)
                    })
                    .map(move |j| (j, i))
            })
            .collect();
        return SparseGraph::unweighted(n_vertices, &edges);
    }
    pair(n_vertices, degree, rng)
}

fn pair(n_vertices: usize, degree: usize, rng: &mut impl Draw) -> Result<SparseGraph> {
    const TRIES: usize = 1000;
    for _ in 0..TRIES {
        if let Some(edges) = try_pairing(n_vertices, degree, rng) {
            return SparseGraph::unweighted(n_vertices, &edges);
        }
    }
    Err(Error::NotConverged {
        what: format!("random pairing for a graph of {n_vertices} vertices of degree {degree}"),
        residual: 1.0,
        iterations: TRIES,
        tolerance: 0.0,
    })
}

fn try_pairing(n: usize, degree: usize, rng: &mut impl Draw) -> Option<Vec<(u32, u32)>> {
    let mut half_edges: Vec<u32> = (0..n * degree).map(|k| (k / degree) as u32).collect();
    let mut partners: Vec<u32> = vec![u32::MAX; n * degree];
    let mut filled = vec![0usize; n];
    let mut edges = Vec::with_capacity(n * degree / 2);
    let mut failures = 0;
    while !half_edges.is_empty() {
        let a = rng.below(half_edges.len());
        let b = rng.below(half_edges.len());
        let (i, j) = (half_edges[a], half_edges[b]);
        let fits = |i: u32, j: u32| {
            let row = &partners[i as usize * degree..][..filled[i as usize]];
            i != j && !row.contains(&j)
        };
        if !fits(i, j) {
            failures += 1;
            if failures > 64 + half_edges.len() {
                // Perhaps nothing fits any more.
                let mut left = half_edges.clone();
                left.sort_unstable();
                left.dedup();
                if !left.iter().any(|&i| left.iter().any(|&j| fits(i, j))) {
                    return None;
                }
                failures = 0;
            }
            continue;
        }
        failures = 0;
        for (from, to) in [(i, j), (j, i)] {
            partners[from as usize * degree + filled[from as usize]] = to;
            filled[from as usize] += 1;
        }
        edges.push((i, j));
        half_edges.swap_remove(a.max(b));
        half_edges.swap_remove(a.min(b));
    }
    Some(edges)
}

fn too_many(n_edges: f64) -> Error {
    Error::TooLarge {
        what: "the random graph".into(),
        needed: format!("{n_edges:e} edges"),
        limit: format!("{MAX_EDGES:e}"),
    }
}
