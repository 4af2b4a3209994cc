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
/// Errors: more columns than [`MAX_COLUMNS_OPEN`] or [`MAX_COLUMNS_PERIODIC`]; a helical boundary.
pub fn ln_z(lattice: &SquareLattice, beta: f64) -> Result<f64> {
    let columns = lattice.columns();
    let limit = match lattice.boundary() {
        Boundary::Open => MAX_COLUMNS_OPEN,
        Boundary::Periodic => MAX_COLUMNS_PERIODIC,
        Boundary::Helical => {
            let allowed = "open or periodic for a transfer matrix";
            return Err(Error::out_of_range("boundary", "helical", allowed));
        }
    };
    if columns > limit {
        return Err(Error::TooLarge {
            what: "the transfer matrix".into(),
            needed: format!("2^{columns} states of a row"),
            limit: format!("2^{limit}"),
        });
    }
    smml_core::error::finite("beta", beta)?;
    // Bonds between two rows mix their states: whatever came before, weights of one row differ by this factor at most.
    let widest = (0..lattice.rows())
        .map(|r| {
            let row = r * columns..(r + 1) * columns;
            let inside = |i| (beta * lattice.field(i)).abs() + (beta * lattice.right(i)).abs();
            2.0 * row.map(|i| inside(i) + (beta * lattice.down(i)).abs()).sum::<f64>()
        })
        .fold(0.0, f64::max);
    Ok(if widest < 600.0 { run::<Linear>(lattice, beta) } else { run::<Logarithmic>(lattice, beta) })
}

fn run<R: Row>(lattice: &SquareLattice, beta: f64) -> f64 {
    let n = 1usize << lattice.columns();
    match lattice.boundary() {
        Boundary::Open => {
            let mut row = R::all(n);
            row.inside(lattice, beta, 0);
            for r in 1..lattice.rows() {
                row.down(lattice, beta, r - 1);
                row.inside(lattice, beta, r);
            }
            let mut sum = LnSum::default();
            (0..n).for_each(|state| sum.add(row.ln_weight(state)));
            sum.ln()
        }
        // Helical ones were refused above.
        Boundary::Periodic | Boundary::Helical => {
            let traces = parallel::map(Par::Rayon, n, |first| {
                let mut row = R::only(n, first);
                for r in 0..lattice.rows() {
                    row.inside(lattice, beta, r);
                    row.down(lattice, beta, r);
                }
                row.ln_weight(first)
            });
            let mut sum = LnSum::default();
            traces.into_iter().for_each(|t| sum.add(t));
            sum.ln()
        }
    }
}

/// Weights of the 2^L states of a row (bit c: spin of column c up).
trait Row {
    /// Every state with weight 1.
    fn all(n: usize) -> Self;
    /// One state with weight 1.
    fn only(n: usize, state: usize) -> Self;
    /// Boltzmann factors of the bonds and fields inside row r.
    fn inside(&mut self, lattice: &SquareLattice, beta: f64, r: usize);
    /// Sums over the spins of row r, which are bound to those of the next row.
    fn down(&mut self, lattice: &SquareLattice, beta: f64, r: usize);
    fn ln_weight(&self, state: usize) -> f64;
}

/// -β times the energy inside row r.
fn exponent(lattice: &SquareLattice, beta: f64, r: usize, state: usize) -> f64 {
    let columns = lattice.columns();
    let spin = |c: usize| if state >> c & 1 == 1 { 1.0 } else { -1.0 };
    let mut sum = 0.0;
    for c in 0..columns {
        let i = r * columns + c;
        sum += lattice.field(i) * spin(c) + lattice.right(i) * spin(c) * spin((c + 1) % columns);
    }
    beta * sum
}

/// Pairs of states that differ in bit c alone.
fn pairs(n: usize, c: usize) -> impl Iterator<Item = (usize, usize)> {
    let bit = 1usize << c;
    (0..n).filter(move |s| s & bit == 0).map(move |s| (s, s | bit))
}

/// The weights themselves, times e^ln_scale.
struct Linear {
    weights: Vec<f64>,
    ln_scale: f64,
}

impl Linear {
    fn normalise(&mut self) {
        let top = self.weights.iter().copied().fold(0.0, f64::max);
        if top > 0.0 {
            self.weights.iter_mut().for_each(|w| *w /= top);
            self.ln_scale += libm::log(top);
        }
    }
}

impl Row for Linear {
    fn all(n: usize) -> Self {
        Linear { weights: vec![1.0; n], ln_scale: 0.0 }
    }
    fn only(n: usize, state: usize) -> Self {
        let mut weights = vec![0.0; n];
        weights[state] = 1.0;
        Linear { weights, ln_scale: 0.0 }
    }
    fn inside(&mut self, lattice: &SquareLattice, beta: f64, r: usize) {
        for (state, weight) in self.weights.iter_mut().enumerate() {
            if *weight > 0.0 {
                *weight *= libm::exp(exponent(lattice, beta, r, state));
            }
        }
        self.normalise();
    }
    fn down(&mut self, lattice: &SquareLattice, beta: f64, r: usize) {
        for c in 0..lattice.columns() {
            let bond = beta * lattice.down(r * lattice.columns() + c);
            let scale = bond.abs();
            let (same, other) = (libm::exp(bond - scale), libm::exp(-bond - scale));
            for (s, t) in pairs(self.weights.len(), c) {
                let (a, b) = (self.weights[s], self.weights[t]);
                (self.weights[s], self.weights[t]) = (same * a + other * b, other * a + same * b);
            }
            self.ln_scale += scale;
        }
        self.normalise();
    }
    fn ln_weight(&self, state: usize) -> f64 {
        self.ln_scale + libm::log(self.weights[state])
    }
}

/// Logarithms of the weights, for low temperatures, where the weights themselves have no room in an f64.
struct Logarithmic(Vec<f64>);

fn ln_add(a: f64, b: f64) -> f64 {
    let (top, low) = if a > b { (a, b) } else { (b, a) };
    if low == f64::NEG_INFINITY { top } else { top + libm::log1p(libm::exp(low - top)) }
}

impl Row for Logarithmic {
    fn all(n: usize) -> Self {
        Logarithmic(vec![0.0; n])
    }
    fn only(n: usize, state: usize) -> Self {
        let mut ln_weights = vec![f64::NEG_INFINITY; n];
        ln_weights[state] = 0.0;
        Logarithmic(ln_weights)
    }
    fn inside(&mut self, lattice: &SquareLattice, beta: f64, r: usize) {
        self.0.iter_mut().enumerate().for_each(|(state, w)| *w += exponent(lattice, beta, r, state));
    }
    fn down(&mut self, lattice: &SquareLattice, beta: f64, r: usize) {
        for c in 0..lattice.columns() {
            let bond = beta * lattice.down(r * lattice.columns() + c);
            for (s, t) in pairs(self.0.len(), c) {
                let (a, b) = (self.0[s], self.0[t]);
                (self.0[s], self.0[t]) = (ln_add(bond + a, b - bond), ln_add(a - bond, bond + b));
            }
        }
    }
    fn ln_weight(&self, state: usize) -> f64 {
        self.0[state]
    }
}
