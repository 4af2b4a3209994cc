//! From couplings to frustrated faces, to pairs of them, to spins and a packing.

use super::{Embedding, embedding::Faces};
use crate::{
    bound::{FrustratedSet, Packing},
    ising::Ising,
    matching::{Matching, minimum_perfect_matching},
};
use smml_core::{
    error::{Error, Result},
    parallel::{self, Par},
};
use std::{cmp::Reverse, collections::BinaryHeap};

/// Nearest frustrated faces that are offered to each at first; doubled when none of the matchings is perfect.
const NEAREST: usize = 10;

/// The dual graph: faces, and the bonds between them with their cost.
struct Dual {
    n: usize,
    /// Faces beside each bond.
    beside: Vec<(u32, u32)>,
    /// |J| of each bond.
    cost: Vec<u64>,
    /// Around each face: (other face, bond). Bridges are left out.
    rows: Vec<Vec<(u32, u32)>>,
}

/// Distances from some faces, as far as they were looked at.
struct Ball {
    /// (face, distance), nearest first.
    settled: Vec<(u32, i64)>,
}

/// Working memory of searches: the distance of every face that was touched.
struct Scratch {
    distance: Vec<i64>,
    by: Vec<u32>,
    touched: Vec<u32>,
}

impl Scratch {
    fn new(n: usize) -> Self {
        Scratch { distance: vec![i64::MAX; n], by: vec![u32::MAX; n], touched: Vec::new() }
    }
}

impl Dual {
    fn new(ising: &Ising, embedding: &Embedding) -> Self {
        let faces = Faces::new(ising.couplings(), embedding);
        let cost = ising.couplings().edges().map(|e| e.2.abs() as u64).collect();
        let mut rows = vec![Vec::new(); faces.n];
        for (bond, &(f, g)) in faces.beside.iter().enumerate() {
            if f != g {
                rows[f as usize].push((g, bond as u32));
                rows[g as usize].push((f, bond as u32));
            }
        }
        Dual { n: faces.n, beside: faces.beside, cost, rows }
    }

    /// Dijkstra's search from faces that begin at given (possibly negative) distances; costs are multiplied by `scale`.
    /// Goes on until `stop` says so of a settled face.
    fn search(
        &self,
        starts: &[(u32, i64)],
        scale: i64,
        scratch: &mut Scratch,
        mut stop: impl FnMut(u32, i64) -> bool,
    ) -> Ball {
        for f in scratch.touched.drain(..) {
            scratch.distance[f as usize] = i64::MAX;
        }
        let mut heap = BinaryHeap::new();
        for &(f, d) in starts {
            if d < scratch.distance[f as usize] {
                scratch.touched.push(f);
                scratch.distance[f as usize] = d;
                scratch.by[f as usize] = u32::MAX;
                heap.push(Reverse((d, f)));
            }
        }
        let mut settled = Vec::new();
        while let Some(Reverse((d, f))) = heap.pop() {
            if d > scratch.distance[f as usize] {
                continue;
            }
            if stop(f, d) {
                break;
            }
            settled.push((f, d));
            for &(g, bond) in &self.rows[f as usize] {
                let next = d + scale * self.cost[bond as usize] as i64;
                if next < scratch.distance[g as usize] {
                    scratch.touched.push(g);
                    scratch.distance[g as usize] = next;
                    scratch.by[g as usize] = bond;
                    heap.push(Reverse((next, g)));
                }
            }
        }
        Ball { settled }
    }

    /// For each of `faces` what `look` makes of it, in pieces of fixed size.
    fn for_each<T: Send>(
        &self,
        par: Par,
        n: usize,
        look: impl Fn(usize, &mut Scratch) -> T + Sync + Send,
    ) -> Vec<T> {
        const PIECE: usize = 64;
        let pieces = parallel::map(par, n.div_ceil(PIECE), |piece| {
            let mut scratch = Scratch::new(self.n);
            let end = n.min((piece + 1) * PIECE);
            (piece * PIECE..end).map(|k| look(k, &mut scratch)).collect::<Vec<T>>()
        });
        pieces.into_iter().flatten().collect()
    }
}

/// A ground state of a model with whole couplings, and the packing that proves it.
pub(super) fn solve(ising: &Ising, embedding: &Embedding, par: Par) -> Result<(Vec<i8>, Packing)> {
    let dual = Dual::new(ising, embedding);
    let mut odd = vec![false; dual.n];
    for ((_, _, coupling), &(f, g)) in ising.couplings().edges().zip(&dual.beside) {
        if coupling < 0.0 {
            odd[f as usize] ^= true;
            odd[g as usize] ^= true;
        }
    }
    let frustrated: Vec<u32> = (0..dual.n as u32).filter(|&f| odd[f as usize]).collect();
    let matching = pairs(&dual, &frustrated, par)?;
    let broken = join(&dual, &frustrated, &matching, par);
    Ok((spins(ising, &broken), packing(ising, &dual, &frustrated, &matching, par)))
}

/// Matches the frustrated faces by the shortest paths between all of them, though only some are ever offered.
fn pairs(dual: &Dual, frustrated: &[u32], par: Par) -> Result<Matching> {
    let n = frustrated.len();
    let mut number = vec![u32::MAX; dual.n];
    for (k, &f) in frustrated.iter().enumerate() {
        number[f as usize] = k as u32;
    }
    let mut edges: Vec<(u32, u32, u64)> = Vec::new();
    let mut nearest = NEAREST;
    let offer = |edges: &mut Vec<(u32, u32, u64)>, found: Vec<Vec<(u32, u32, u64)>>| {
        let before = edges.len();
        edges.extend(found.into_iter().flatten());
        edges.sort_unstable();
        edges.dedup();
        edges.len() > before
    };
    let near = |nearest: usize| {
        dual.for_each(par, n, |k, scratch| {
            let mut found = Vec::new();
            dual.search(&[(frustrated[k], 0)], 1, scratch, |f, d| {
                let other = number[f as usize];
                if other != u32::MAX && other != k as u32 {
                    found.push((other.min(k as u32), other.max(k as u32), d as u64));
                }
                found.len() >= nearest
            });
            found
        })
    };
    offer(&mut edges, near(nearest));
    loop {
        let Some(matching) = minimum_perfect_matching(n, &edges) else {
            if nearest >= n {
                return Err(Error::Undefined {
                    what: "a matching of the frustrated faces".into(),
                    why: "a component has an odd number of them".into(),
                });
            }
            nearest *= 2;
            offer(&mut edges, near(nearest));
            continue;
        };
        // How far the duals around each face reach, in halves. Two faces that are nearer to each other than both reach
        // (sets around both of them do not count) were not offered and should have been.
        let mut reach = vec![0i64; n];
        let mut around: Vec<Vec<u32>> = vec![Vec::new(); n];
        for (s, (members, y)) in matching.duals.iter().enumerate() {
            for &k in members {
                reach[k as usize] += *y as i64;
                around[k as usize].push(s as u32);
            }
        }
        let farthest = reach.iter().copied().max().unwrap_or(0);
        let missing = dual.for_each(par, n, |k, scratch| {
            let mut found = Vec::new();
            dual.search(&[(frustrated[k], 0)], 2, scratch, |f, d| {
                let other = number[f as usize];
                if other != u32::MAX && (other as usize) < k && d < reach[k] + reach[other as usize] {
                    let mine = around[k].iter().filter(|s| around[other as usize].contains(s));
                    let common: i64 = mine.map(|&s| matching.duals[s as usize].1 as i64).sum();
                    if d < reach[k] + reach[other as usize] - 2 * common {
                        found.push((other, k as u32, (d / 2) as u64));
                    }
                }
                d >= reach[k] + farthest
            });
            found
        });
        if !offer(&mut edges, missing) {
            return Ok(matching);
        }
    }
}

/// Bonds on an odd number of the shortest paths between matched faces.
fn join(dual: &Dual, frustrated: &[u32], matching: &Matching, par: Par) -> Vec<bool> {
    let paths = dual.for_each(par, frustrated.len(), |k, scratch| {
        let partner = matching.mate[k] as usize;
        if partner < k {
            return Vec::new();
        }
        let target = frustrated[partner];
        dual.search(&[(frustrated[k], 0)], 1, scratch, |f, _| f == target);
        let (mut at, mut path) = (target, Vec::new());
        while at != frustrated[k] {
            let bond = scratch.by[at as usize];
            path.push(bond);
            let (f, g) = dual.beside[bond as usize];
            at = if f == at { g } else { f };
        }
        path
    });
    let mut broken = vec![false; dual.beside.len()];
    paths.into_iter().flatten().for_each(|bond| broken[bond as usize] ^= true);
    broken
}

/// The spins with given broken bonds; the smallest spin of each component is up.
fn spins(ising: &Ising, broken: &[bool]) -> Vec<i8> {
    let n = ising.n_spins();
    let mut rows: Vec<Vec<(u32, bool)>> = vec![Vec::new(); n];
    for ((i, j, coupling), broken) in ising.couplings().edges().zip(broken) {
        let equal = (coupling >= 0.0) != *broken;
        rows[i as usize].push((j, equal));
        rows[j as usize].push((i, equal));
    }
    let mut spins = vec![0i8; n];
    for start in 0..n {
        if spins[start] != 0 {
            continue;
        }
        spins[start] = 1;
        let mut stack = vec![start];
        while let Some(i) = stack.pop() {
            for &(j, equal) in &rows[i] {
                if spins[j as usize] == 0 {
                    spins[j as usize] = if equal { spins[i] } else { -spins[i] };
                    stack.push(j as usize);
                }
            }
        }
    }
    spins
}

/// The dual solution as frustrated sets of bonds. Around the faces of a set S with dual y the plane is cut at every distance
/// t in (0, y) from S, where a face of S itself counts as deep inside as the duals of the smaller sets around it reach. What
/// is within t holds the faces of S and no other frustrated ones: an odd number, so the bonds that leave it are a closed
/// and frustrated set. The cuts of different sets lie apart, so that no bond gives more than its |J|.
fn packing(ising: &Ising, dual: &Dual, frustrated: &[u32], matching: &Matching, par: Par) -> Packing {
    let bonds: Vec<(u32, u32)> = ising.couplings().edges().map(|(i, j, _)| (i, j)).collect();
    let mut depth = vec![0i64; frustrated.len()];
    // Smaller sets come first, so that each set finds the depths of those inside it.
    let starts: Vec<Vec<(u32, i64)>> = matching
        .duals
        .iter()
        .map(|(members, y)| {
            let own = members.iter().map(|&k| (frustrated[k as usize], -depth[k as usize])).collect();
            members.iter().for_each(|&k| depth[k as usize] += *y as i64);
            own
        })
        .collect();
    let sets = dual.for_each(par, starts.len(), |s, scratch| {
        let y = matching.duals[s].1 as i64;
        let ball = dual.search(&starts[s], 2, scratch, |_, d| d >= y);
        let mut levels: Vec<i64> = ball.settled.iter().map(|b| b.1.max(0)).collect();
        levels.push(0);
        levels.dedup();
        levels.sort_unstable();
        levels.dedup();
        levels.push(y);
        let inside = |f: u32, level: i64| {
            let d = scratch.distance[f as usize];
            d <= level && d < y
        };
        let cut = |w: &[i64]| {
            let mut leaving: Vec<u32> = Vec::new();
            for &(f, d) in &ball.settled {
                if d <= w[0] {
                    let out = dual.rows[f as usize].iter().filter(|(g, _)| !inside(*g, w[0]));
                    leaving.extend(out.map(|(_, bond)| bond));
                }
            }
            FrustratedSet {
                bonds: leaving.into_iter().map(|b| bonds[b as usize]).collect(),
                weight: 0.5 * (w[1] - w[0]) as f64,
            }
        };
        levels.windows(2).map(cut).collect::<Vec<_>>()
    });
    Packing { sets: sets.into_iter().flatten().collect() }
}
