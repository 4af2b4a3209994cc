//! Transfer matrices for square lattices with any couplings and fields, one site at a time.
//!
//! The vector over the 2^L states of a row is multiplied by sparse factors, so a lattice of L columns and M rows costs
//! O(M L 2^L), on a torus 2^L times that (every state of the first row is followed around).

use super::{Boundary, SquareLattice};
use smml_core::{
    energy::LnSum,
    error::{Error, Result},
    parallel::{self, Par},
};

/// Most columns of a lattice with open edges.
pub const MAX_COLUMNS_OPEN: usize = 22;
/// Most columns of a torus.
pub const MAX_COLUMNS_PERIODIC: usize = 11;

/// ln Z(β) of a square lattice. Columns should be the shorter side.
///
/// Errors: more columns than [`MAX_COLUMNS_OPEN`] or [`MAX_COLUMNS_PERIODIC`].
pub fn ln_z(lattice: &SquareLattice, beta: f64) -> Result<f64> {
    let columns = lattice.columns();
    let limit = match lattice.boundary() {
        Boundary::Open => MAX_COLUMNS_OPEN,
        Boundary::Periodic => MAX_COLUMNS_PERIODIC,
    };
    if columns > limit {
        return Err(Error::TooLarge {
            what: "the transfer matrix".into(),
            needed: format!("2^{columns} states of a row"),
            limit: format!("2^{limit}"),
        });
    }
    smml_core::error::finite("beta", beta)?;
    let n = 1usize << columns;
    match lattice.boundary() {
        Boundary::Open => {
            let mut row = Row { weights: vec![1.0; n], ln_scale: 0.0 };
            row.inside(lattice, beta, 0);
            for r in 1..lattice.rows() {
                row.down(lattice, beta, r - 1);
                row.inside(lattice, beta, r);
            }
            Ok(row.ln_scale + libm::log(row.weights.iter().sum::<f64>()))
        }
        Boundary::Periodic => {
            let traces = parallel::map(Par::Rayon, n, |first| {
                let mut row = Row { weights: vec![0.0; n], ln_scale: 0.0 };
                row.weights[first] = 1.0;
                for r in 0..lattice.rows() {
                    row.inside(lattice, beta, r);
                    row.down(lattice, beta, r);
                }
                row.ln_scale + libm::log(row.weights[first])
            });
            let mut sum = LnSum::default();
            traces.into_iter().for_each(|t| sum.add(t));
            Ok(sum.ln())
        }
    }
}

/// Weights of the states of a row (bit c: spin of column c up), times e^ln_scale.
struct Row {
    weights: Vec<f64>,
    ln_scale: f64,
}

impl Row {
    /// Boltzmann factors of the bonds and fields inside row r.
    fn inside(&mut self, lattice: &SquareLattice, beta: f64, r: usize) {
        let columns = lattice.columns();
        let site = |c: usize| r * columns + c;
        // The largest exponent the row can have is taken out, so that nothing overflows.
        let bound: f64 = (site(0)..site(columns))
            .map(|i| (beta * lattice.field(i)).abs() + (beta * lattice.right(i)).abs())
            .sum();
        let spin = |state: usize, c: usize| if state >> c & 1 == 1 { 1.0 } else { -1.0 };
        for (state, weight) in self.weights.iter_mut().enumerate() {
            if *weight == 0.0 {
                continue;
            }
            let mut exponent = 0.0;
            for c in 0..columns {
                exponent += lattice.field(site(c)) * spin(state, c);
                exponent += lattice.right(site(c)) * spin(state, c) * spin(state, (c + 1) % columns);
            }
            *weight *= libm::exp(beta * exponent - bound);
        }
        self.ln_scale += bound;
        self.normalise();
    }

    /// Sums over the spins of row r, which are bound to those of the next row.
    fn down(&mut self, lattice: &SquareLattice, beta: f64, r: usize) {
        for c in 0..lattice.columns() {
            let bond = beta * lattice.down(r * lattice.columns() + c);
            let scale = bond.abs();
            let (same, other) = (libm::exp(bond - scale), libm::exp(-bond - scale));
            let bit = 1usize << c;
            for state in (0..self.weights.len()).filter(|s| s & bit == 0) {
                let (a, b) = (self.weights[state], self.weights[state | bit]);
                self.weights[state] = same * a + other * b;
                self.weights[state | bit] = other * a + same * b;
            }
            self.ln_scale += scale;
        }
        self.normalise();
    }

    fn normalise(&mut self) {
        let top = self.weights.iter().copied().fold(0.0, f64::max);
        if top > 0.0 {
            self.weights.iter_mut().for_each(|w| *w /= top);
            self.ln_scale += libm::log(top);
        }
    }
}
