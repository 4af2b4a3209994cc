//! Random instances from splitmix64, defined by a few lines that any language can repeat.
//!
//! A weight ±1 is +1 where the top bit of the next random word is set.

use super::Instance;
use smml_core::error::{Error, Result};
use std::collections::{BTreeSet, HashMap};

/// splitmix64: Steele, Lea and Flood, OOPSLA 2014, with the constants of S. Vigna's public code.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = self.0;
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
    fn sign(&mut self) -> f64 {
        if self.next() >> 63 == 1 { 1.0 } else { -1.0 }
    }
}

/// The number of vertices, when a graph can have so many.
fn vertices(what: &str, n: Option<usize>, given: String) -> Result<usize> {
    n.filter(|n| *n < u32::MAX as usize)
        .ok_or_else(|| Error::out_of_range(what, given, format!("of fewer than {} vertices", u32::MAX)))
}

fn at_least(what: &str, value: usize, least: usize) -> Result<()> {
    if value < least { Err(Error::out_of_range(what, value, format!("at least {least}"))) } else { Ok(()) }
}

/// Bonds of a lattice, site by site: `to` gives the neighbours of a site to which a bond is drawn.
fn lattice<const D: usize>(n: usize, seed: u64, to: impl Fn(usize) -> [Option<usize>; D]) -> Instance {
    let mut random = SplitMix(seed);
    let mut bonds = Vec::with_capacity(D * n);
    for i in 0..n {
        for j in to(i).into_iter().flatten() {
            bonds.push((i as u32, j as u32, random.sign()));
        }
    }
    Instance { n, bonds }
}

/// ±1 Edwards-Anderson glass on the L × L torus: for each site, row by row, the bond to the right, then the one below.
///
/// Errors: L below 2, too many sites.
///
/// ```
/// let glass = smml_physics::instances::torus(100, 1)?;
/// assert!(glass.to_rudy().starts_with("10000 20000\n1 2 1\n1 101 1\n2 3 1\n2 102 -1\n"));
/// # Ok::<(), smml_core::Error>(())
/// ```
pub fn torus(l: usize, seed: u64) -> Result<Instance> {
    at_least("side of the torus", l, 2)?;
    let n = vertices("torus", l.checked_mul(l), format!("{l} x {l}"))?;
    Ok(lattice(n, seed, |i| {
        let (y, x) = (i / l, i % l);
        [Some(y * l + (x + 1) % l), Some((y + 1) % l * l + x)]
    }))
}

/// ±1 glass on the square lattice with open boundaries, a planar graph: for each site, row by row, the bond to the right,
/// then the one below, where they are.
///
/// Errors: no rows or columns, too many sites.
pub fn open_square(rows: usize, columns: usize, seed: u64) -> Result<Instance> {
    at_least("rows", rows, 1)?;
    at_least("columns", columns, 1)?;
    let n = vertices("lattice", rows.checked_mul(columns), format!("{rows} x {columns}"))?;
    Ok(lattice(n, seed, |i| {
        [(i % columns + 1 < columns).then_some(i + 1), (i / columns + 1 < rows).then_some(i + columns)]
    }))
}

/// ±1 Edwards-Anderson glass on the periodic cube of L³ sites, site (z L + y) L + x: for each site the bonds along x, y
/// and z.
///
/// Errors: L below 2, too many sites.
pub fn cubic(l: usize, seed: u64) -> Result<Instance> {
    at_least("side of the cube", l, 2)?;
    let n = vertices("cube", l.checked_pow(3), format!("{l} x {l} x {l}"))?;
    Ok(lattice(n, seed, |i| {
        let (z, y, x) = (i / (l * l), i / l % l, i % l);
        let site = |z: usize, y: usize, x: usize| Some((z % l * l + y % l) * l + x % l);
        [site(z, y, x + 1), site(z, y + 1, x), site(z + 1, y, x)]
    }))
}

/// A random 3-regular simple graph with weights ±1: three stubs for each vertex, shuffled and paired; the second stub of
/// each pair that is a loop or was there before is swapped with one at random, until none is left.
///
/// Errors: an odd number of vertices, fewer than 4, too many.
pub fn regular3(n: usize, seed: u64) -> Result<Instance> {
    if n < 4 || !n.is_multiple_of(2) {
        return Err(Error::out_of_range("vertices of a 3-regular graph", n, "even and at least 4"));
    }
    vertices("3-regular graph", n.checked_mul(3), n.to_string())?;
    let mut random = SplitMix(seed);
    let mut stubs: Vec<u32> = (0..3 * n).map(|i| (i / 3) as u32).collect();
    for k in (1..3 * n).rev() {
        let r = random.below(k + 1);
        stubs.swap(k, r);
    }
    let m = 3 * n / 2;
    loop {
        let mut seen = HashMap::with_capacity(m);
        let mut bad = Vec::new();
        for e in 0..m {
            let (a, b) = (stubs[2 * e], stubs[2 * e + 1]);
            let key = (a.min(b), a.max(b));
            if a == b || seen.contains_key(&key) {
                bad.push(e);
            } else {
                seen.insert(key, e);
            }
        }
        if bad.is_empty() {
            break;
        }
        for e in bad {
            let f = random.below(m);
            stubs.swap(2 * e + 1, 2 * f + 1);
        }
    }
    let bonds = stubs.chunks_exact(2).map(|pair| (pair[0], pair[1], random.sign())).collect();
    Ok(Instance { n, bonds })
}

/// Sherrington-Kirkpatrick glass: a weight ±1 for every pair, row by row. Energies over n^1.5 compare with the literature.
///
/// Errors: fewer than 2 vertices, or more than 2¹⁶.
pub fn sk(n: usize, seed: u64) -> Result<Instance> {
    if !(2..=1 << 16).contains(&n) {
        return Err(Error::out_of_range("spins of the glass", n, "from 2 to 65536"));
    }
    let mut random = SplitMix(seed);
    let pairs = (0..n as u32).flat_map(|i| (i + 1..n as u32).map(move |j| (i, j)));
    Ok(Instance { n, bonds: pairs.map(|(i, j)| (i, j, random.sign())).collect() })
}

/// The random graph G(n, m) of unit weights: pairs of two random vertices until m different ones are there, in order.
///
/// Errors: fewer than 2 vertices, too many, more edges than pairs.
pub fn gnm(n: usize, m: usize, seed: u64) -> Result<Instance> {
    at_least("vertices", n, 2)?;
    vertices("graph", Some(n), n.to_string())?;
    let pairs = n as u64 * (n as u64 - 1) / 2;
    if m as u64 > pairs {
        return Err(Error::out_of_range("edges", m, format!("at most {pairs}, the pairs of {n} vertices")));
    }
    let mut random = SplitMix(seed);
    let mut edges = BTreeSet::new();
    while edges.len() < m {
        let (a, b) = (random.below(n) as u32, random.below(n) as u32);
        if a != b {
            edges.insert((a.min(b), a.max(b)));
        }
    }
    Ok(Instance { n, bonds: edges.into_iter().map(|(i, j)| (i, j, 1.0)).collect() })
}
