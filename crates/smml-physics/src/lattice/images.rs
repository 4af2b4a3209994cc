//! Places of sites, and displacements under the boundary.

use super::{Boundary, Lattice};
use smml_core::error::{Error, Result};

impl Lattice {
    /// The place of a site, one coordinate for each axis; neighbours are at distance 1. With two axes the first
    /// coordinate goes across the rows and the second along them: (y, x) of a picture.
    ///
    /// # Errors
    /// A site that does not exist.
    pub fn position(&self, site: usize) -> Result<Vec<f64>> {
        self.check_site(site)?;
        let (cell, basis) = self.cell(site);
        let mut place = self.geometry.basis(self.n_axes(), basis);
        for (axis, &c) in cell.iter().enumerate() {
            add(&mut place, c as f64, &self.geometry.vector(self.n_axes(), axis));
        }
        Ok(place)
    }

    /// The shortest vector from site `i` to an image of site `j`: their distance in space where boundaries are open,
    /// the minimum image where axes are wrapped (a helical axis shifts the image by one step along the axis before).
    /// Where several images are equally near, one of them.
    ///
    /// # Errors
    /// A site that does not exist.
    pub fn displacement(&self, i: usize, j: usize) -> Result<Vec<f64>> {
        let (from, to) = (self.position(i)?, self.position(j)?);
        let apart: Vec<f64> = to.iter().zip(&from).map(|(a, b)| a - b).collect();
        Ok(Periods::new(self).shortest(&apart))
    }

    /// The length of [`Lattice::displacement`].
    ///
    /// # Errors
    /// A site that does not exist.
    pub fn distance(&self, i: usize, j: usize) -> Result<f64> {
        Ok(norm2(&self.displacement(i, j)?).sqrt())
    }

    /// The displacements of all sites from `i`: what a correlation function needs.
    ///
    /// # Errors
    /// A site that does not exist.
    pub fn displacements_from(&self, i: usize) -> Result<Vec<Vec<f64>>> {
        let (from, periods) = (self.position(i)?, Periods::new(self));
        let apart = |j: usize| -> Result<Vec<f64>> {
            let to = self.position(j)?;
            Ok(periods.shortest(&to.iter().zip(&from).map(|(a, b)| a - b).collect::<Vec<_>>()))
        };
        (0..self.n_sites()).map(apart).collect()
    }

    /// The vector of a kind of bond (see [`Lattice::bonds_with_kind`]), before any wrapping.
    pub(crate) fn bond_vectors(&self) -> Vec<Vec<f64>> {
        let n = self.n_axes();
        let vector = |bond: &super::UnitBond| {
            let mut v = self.geometry.basis(n, bond.to);
            add(&mut v, -1.0, &self.geometry.basis(n, bond.from));
            for axis in 0..n {
                add(&mut v, f64::from(bond.step[axis]), &self.geometry.vector(n, axis));
            }
            v
        };
        self.geometry.unit_bonds(n).iter().map(vector).collect()
    }

    fn check_site(&self, site: usize) -> Result<()> {
        if site >= self.n_sites() {
            return Err(Error::out_of_range("site", site, format!("below {}", self.n_sites())));
        }
        Ok(())
    }
}

fn add(to: &mut [f64], factor: f64, v: &[f64]) {
    to.iter_mut().zip(v).for_each(|(x, y)| *x += factor * y);
}
fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}
fn norm2(a: &[f64]) -> f64 {
    dot(a, a)
}

/// The vectors that lead from a site to its nearest images, and their Gram-Schmidt form.
struct Periods {
    vectors: Vec<Vec<f64>>,
    /// The part of each vector that is at right angles to those before it.
    orthogonal: Vec<Vec<f64>>,
}

impl Periods {
    fn new(lattice: &Lattice) -> Self {
        let n = lattice.n_axes();
        let mut vectors = Vec::new();
        for axis in 0..n {
            let boundary = lattice.boundaries[axis];
            if boundary == Boundary::Open {
                continue;
            }
            let mut v = vec![0.0; n];
            add(&mut v, lattice.sides[axis] as f64, &lattice.geometry.vector(n, axis));
            if boundary == Boundary::Helical && axis > 0 {
                // sideₖ steps along axis k are one step along axis k - 1.
                add(&mut v, -1.0, &lattice.geometry.vector(n, axis - 1));
            }
            vectors.push(v);
        }
        // Short ones first: the search below then has least to do.
        vectors.sort_by(|a: &Vec<f64>, b| norm2(a).total_cmp(&norm2(b)));
        let mut orthogonal: Vec<Vec<f64>> = Vec::new();
        for v in &vectors {
            let mut rest = v.clone();
            for w in &orthogonal {
                add(&mut rest, -dot(v, w) / norm2(w), w);
            }
            orthogonal.push(rest);
        }
        Periods { vectors, orthogonal }
    }

    /// The shortest of `x` + Σ nₖ periodₖ, exactly: every choice of the nₖ from the last to the first whose part along
    /// the orthogonal vectors is not yet longer than the best found (Fincke and Pohst, Math. Comp. 44, 463 (1985)).
    fn shortest(&self, x: &[f64]) -> Vec<f64> {
        let mut best = (f64::INFINITY, x.to_vec());
        self.search(self.vectors.len(), x, 0.0, &mut best);
        best.1
    }
    fn search(&self, level: usize, x: &[f64], so_far: f64, best: &mut (f64, Vec<f64>)) {
        // A hair of slack keeps ties with the first one found, whatever rounding says.
        const SLACK: f64 = 1e-9;
        let Some(k) = level.checked_sub(1) else {
            let length = norm2(x);
            if length < best.0 - SLACK {
                *best = (length, x.to_vec());
            }
            return;
        };
        let w = &self.orthogonal[k];
        let along = dot(x, w) / norm2(w);
        let near = -along.round();
        // Outwards from the nearest integer: part of x along w is (along + n) w.
        for distance in 0.. {
            let mut possible = false;
            for n in if distance == 0 {
                vec![near]
            } else {
                vec![near - f64::from(distance), near + f64::from(distance)]
            } {
                let part = so_far + (along + n) * (along + n) * norm2(w);
                if part < best.0 - SLACK {
                    possible = true;
                    let mut image = x.to_vec();
                    add(&mut image, n, &self.vectors[k]);
                    self.search(k, &image, part, best);
                }
            }
            if !possible {
                break;
            }
        }
    }
}
