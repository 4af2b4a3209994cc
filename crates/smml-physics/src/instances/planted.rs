//! Instances with a hidden ground state, so that its energy is known at any size.
//!
//! Sources: frustrated loops, I. Hen et al., Phys. Rev. A 92, 042325 (2015); Wishart ensemble, F. Hamze, J. Raymond,
//! C. A. Pattison, K. Biswas and H. G. Katzgraber, Phys. Rev. E 101, 052102 (2020); tiles, F. Hamze, D. C. Jacob,
//! A. J. Ochoa, D. Perera, W. Wang and H. G. Katzgraber, Phys. Rev. E 97, 043303 (2018).

use crate::{
    ising::{Boundary, Ising, SquareLattice},
    problem::Problem,
};
use smml_core::{
    error::{Error, Result, all_finite, not_negative},
    graph::SparseGraph,
    rng::Draw,
};

/// A model with a known ground state. Others may have the same energy; -`spins` always does.
#[derive(Clone, Debug, PartialEq)]
pub struct Planted {
    /// The model, without fields.
    pub ising: Ising,
    /// A ground state.
    pub spins: Vec<i8>,
    /// The ground energy.
    pub energy: f64,
}

impl Planted {
    /// The model as a problem to minimise, whose value is the energy.
    pub fn problem(&self) -> Result<Problem> {
        Problem::from_ising(&self.ising)
    }
}

/// Random spins, and the model with couplings Jᵢⱼ sᵢ sⱼ: what was planted as all up is hidden.
fn hide(ferro: &SparseGraph, energy: f64, rng: &mut impl Draw) -> Result<Planted> {
    let spins: Vec<i8> = (0..ferro.n_vertices()).map(|_| if rng.chance(0.5) { 1 } else { -1 }).collect();
    let sign = |i: u32, j: u32| f64::from(spins[i as usize]) * f64::from(spins[j as usize]);
    let couplings = ferro.map_weights(|i, j, w| w * sign(i, j))?;
    Ok(Planted { ising: Ising::in_field(couplings, 0.0)?, spins, energy })
}

/// Frustrated loops on the edges of a graph (its weights do not matter): `n_loops` closed walks without a crossing, each
/// with couplings +1 and one of -1, added up; then random spins are planted in place of all up. A loop of length ℓ has
/// no energy below -(ℓ - 2), and the planted state has it on every loop: E₀ = -Σ (ℓ - 2).
///
/// Loops shorter than `min_length`, and those that would make a coupling larger than `max_coupling`, are drawn again.
///
/// Errors: `min_length` below 3, `max_coupling` of 0; [`Error::Undefined`] where no such loops are found (a tree, too many
/// loops for the largest coupling).
///
/// ```
/// use smml_core::{energy::Energy, rng::Streams};
/// use smml_physics::{instances::frustrated_loops, ising::{Boundary, SquareLattice}};
/// let graph = SquareLattice::uniform(10, 10, Boundary::Periodic, 1.0, 0.0)?.ising()?;
/// let mut rng = Streams::new(1).stream("instance", 0);
/// let planted = frustrated_loops(graph.couplings(), 50, 4, 3, &mut rng)?;
/// assert_eq!(planted.ising.energy(&planted.spins), planted.energy);
/// # Ok::<(), smml_core::Error>(())
/// ```
pub fn frustrated_loops(
    graph: &SparseGraph,
    n_loops: usize,
    min_length: usize,
    max_coupling: u32,
    rng: &mut impl Draw,
) -> Result<Planted> {
    if min_length < 3 {
        return Err(Error::out_of_range("shortest loop", min_length, "at least 3"));
    }
    if max_coupling == 0 {
        return Err(Error::out_of_range("largest coupling", 0, "at least 1"));
    }
    let n = graph.n_vertices();
    // The edge that belongs to every entry of the rows.
    let mut rows: Vec<Vec<usize>> = vec![Vec::new(); n];
    for (e, (i, j, _)) in graph.edges().enumerate() {
        rows[i as usize].push(e);
        rows[j as usize].push(e);
    }
    let ends: Vec<(u32, u32)> = graph.edges().map(|(i, j, _)| (i, j)).collect();
    let mut coupling = vec![0i64; ends.len()];
    let mut at = vec![usize::MAX; n];
    let (mut total, mut found, mut tries) = (0i64, 0, 0usize);
    let limit = n_loops.saturating_mul(1000).saturating_add(1000);
    while found < n_loops {
        tries += 1;
        if tries > limit || ends.is_empty() {
            return Err(Error::Undefined {
                what: format!("an instance of {n_loops} loops"),
                why: format!(
                    "{found} loops of length {min_length} or more were found in {limit} walks with couplings of at \
                     most {max_coupling}"
                ),
            });
        }
        // Walk, never straight back, until a vertex is met again: the loop is what was walked since.
        let (mut path, mut edges) = (vec![rng.below(n)], Vec::new());
        at[path[0]] = 0;
        let closed = loop {
            let here = path[path.len() - 1];
            let last = edges.last().copied();
            let open: Vec<usize> = rows[here].iter().copied().filter(|e| Some(*e) != last).collect();
            if open.is_empty() {
                break None;
            }
            let e = open[rng.below(open.len())];
            let (i, j) = ends[e];
            let next = if i as usize == here { j as usize } else { i as usize };
            edges.push(e);
            if at[next] != usize::MAX {
                break Some(at[next]);
            }
            at[next] = path.len();
            path.push(next);
        };
        path.iter().for_each(|&v| at[v] = usize::MAX);
        let Some(start) = closed else { continue };
        let cycle = &edges[start..];
        if cycle.len() < min_length {
            continue;
        }
        let odd = cycle[rng.below(cycle.len())];
        let change = |e: usize| if e == odd { -1 } else { 1 };
        if cycle.iter().any(|&e| (coupling[e] + change(e)).unsigned_abs() > u64::from(max_coupling)) {
            continue;
        }
        cycle.iter().for_each(|&e| coupling[e] += change(e));
        total += cycle.len() as i64 - 2;
        found += 1;
    }
    let mut next = coupling.iter();
    let ferro = graph.map_weights(|_, _, _| next.next().map_or(0.0, |c| *c as f64))?;
    hide(&ferro, -total as f64, rng)
}

/// The columns of a Wishart instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Columns {
    /// Normal, projected on what is orthogonal to the planted state: J = -(1/n) W Wᵀ.
    Normal,
    /// ±1, as often along the planted state as against it: J = -W Wᵀ in whole numbers. Needs an even n.
    Signs,
}

/// The Wishart planted ensemble: `m` columns wᵘ orthogonal to the planted spins t, and the couplings of every pair from
/// -W Wᵀ. The energy is (|Wᵀ s|² - tr W Wᵀ) / 2 (times 1/n for [`Columns::Normal`]), lowest where Wᵀ s = 0.
///
/// Hard where α = m / n is well below 1.
///
/// Errors: n below 2 or above 2¹⁶, an odd n for [`Columns::Signs`].
pub fn wishart(n: usize, m: usize, columns: Columns, rng: &mut impl Draw) -> Result<Planted> {
    if !(2..=1 << 16).contains(&n) || (columns == Columns::Signs && !n.is_multiple_of(2)) {
        let allowed = "from 2 to 65536, and even for columns of signs";
        return Err(Error::out_of_range("spins of a Wishart instance", n, allowed));
    }
    // Orthogonal to all up; the spins come in by `hide`.
    let mut product = vec![0.0; n * (n - 1) / 2];
    let mut trace = 0.0;
    let size = n as f64;
    for _ in 0..m {
        let w: Vec<f64> = match columns {
            Columns::Normal => {
                let z: Vec<f64> = (0..n).map(|_| rng.normal()).collect();
                let mean = z.iter().sum::<f64>() / size;
                let scale = (size / (size - 1.0)).sqrt();
                z.iter().map(|z| scale * (z - mean)).collect()
            }
            Columns::Signs => {
                let mut signs: Vec<f64> = (0..n).map(|i| if i % 2 == 0 { 1.0 } else { -1.0 }).collect();
                rng.shuffle(&mut signs);
                signs
            }
        };
        let mut at = 0;
        for i in 0..n {
            trace += w[i] * w[i];
            for j in i + 1..n {
                product[at] += w[i] * w[j];
                at += 1;
            }
        }
    }
    let scale = if columns == Columns::Normal { 1.0 / size } else { 1.0 };
    let pairs = (0..n as u32).flat_map(|i| (i + 1..n as u32).map(move |j| (i, j)));
    let bonds: Vec<(u32, u32, f64)> =
        pairs.zip(&product).map(|((i, j), p)| (i, j, 0.0 - scale * p)).collect();
    hide(&SparseGraph::new(n, &bonds)?, -0.5 * scale * trace, rng)
}

/// Tile planting on the L × L torus: every second plaquette, as on a chessboard, is a tile, so that each bond is in one
/// tile. A tile of class c = 1..=4 has one coupling -1, c - 1 of 1 and the others of 2, in random order: its lowest energy is
/// that of all up (the smallest coupling is broken), with 2 c states. Then random spins are planted.
///
/// `weights` says how likely each class is.
///
/// Errors: L odd or below 4, too many sites; weights that are negative or all 0.
pub fn tiles(l: usize, weights: [f64; 4], rng: &mut impl Draw) -> Result<Planted> {
    if l < 4 || !l.is_multiple_of(2) {
        return Err(Error::out_of_range("side of the torus", l, "even and at least 4"));
    }
    all_finite("weight of tile class", &weights)?;
    for (class, w) in weights.iter().enumerate() {
        not_negative(&format!("weight of tile class {}", class + 1), *w)?;
    }
    let sum: f64 = weights.iter().sum();
    if !(sum > 0.0 && sum.is_finite()) {
        return Err(Error::out_of_range(
            "sum of the weights of tile classes",
            sum,
            "finite and greater than 0",
        ));
    }
    // Validates the size before anything is drawn.
    let flat = SquareLattice::uniform(l, l, Boundary::Periodic, 0.0, 0.0)?.ising()?;
    let mut bonds = Vec::with_capacity(2 * l * l);
    let mut energy = 0.0;
    for y in 0..l {
        for x in (y % 2..l).step_by(2) {
            let class = rng.choose(&weights) + 1;
            let mut couplings = [2.0; 4];
            couplings[0] = -1.0;
            couplings[1..class].fill(1.0);
            rng.shuffle(&mut couplings);
            let site = |y: usize, x: usize| (y % l * l + x % l) as u32;
            let corners = [site(y, x), site(y, x + 1), site(y + 1, x + 1), site(y + 1, x)];
            for k in 0..4 {
                bonds.push((corners[k], corners[(k + 1) % 4], couplings[k]));
                energy -= couplings[k];
            }
        }
    }
    hide(&SparseGraph::new(flat.n_spins(), &bonds)?, energy, rng)
}
