//! Benchmark instances: random glasses and graphs that any program can generate again bit for bit ([`Instance`]), and
//! planted instances whose ground energy is known ([`Planted`]).
//!
//! Exact solvers live elsewhere: [`crate::planar`], [`crate::ising::elimination`].

mod planted;
mod random;
#[cfg(test)]
mod tests;

pub use planted::{Columns, Planted, frustrated_loops, tiles, wishart};
pub use random::{cubic, gnm, open_square, regular3, sk, torus};

use crate::{ising::Ising, problem::Problem};
use smml_core::{error::Result, graph::SparseGraph};
use std::fmt::Write as _;

/// A graph with weights, in the order in which its bonds were drawn: as max-cut, or as an Ising model with
/// antiferromagnetic couplings w, E = Σ wᵢⱼ sᵢ sⱼ. The largest cut is (Σ w - E₀) / 2.
#[derive(Clone, Debug, PartialEq)]
pub struct Instance {
    /// Number of vertices (spins).
    pub n: usize,
    /// Bonds (i, j, w), from 0. On a torus of side 2 a pair is there twice.
    pub bonds: Vec<(u32, u32, f64)>,
}

impl Instance {
    /// The graph; bonds between the same pair are added up.
    pub fn graph(&self) -> Result<SparseGraph> {
        SparseGraph::new(self.n, &self.bonds)
    }
    /// The model with couplings J = -w and no fields.
    pub fn ising(&self) -> Result<Ising> {
        Ising::in_field(self.graph()?.map_weights(|_, _, w| 0.0 - w)?, 0.0)
    }
    /// The largest cut of the graph.
    pub fn max_cut(&self) -> Result<Problem> {
        Problem::max_cut(&self.graph()?)
    }
    /// The text of a rudy file, bonds in the order drawn: whole files can be compared between programs.
    pub fn to_rudy(&self) -> String {
        let mut out = format!("{} {}\n", self.n, self.bonds.len());
        for (i, j, w) in &self.bonds {
            let _ = writeln!(out, "{} {} {w}", i + 1, j + 1); // a String takes everything
        }
        out
    }
}
