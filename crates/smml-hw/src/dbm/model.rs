//! A Boltzmann machine on a sparse graph with pixels and labels.

use super::layout::Layout;
use crate::{
    error::{Error, Result},
    machine::{FixedNetwork, Format, Wiring},
};
use smml_core::error::same_length;
use std::sync::Arc;

/// A deep Boltzmann machine on a sparse graph: E(s) = -Σ_{edges} Jᵢⱼ sᵢ sⱼ - Σᵢ hᵢ sᵢ, s = ±1, with pixels and labels at
/// some nodes. Parameters are f32; machines run with them rounded.
#[derive(Clone, Debug, PartialEq)]
pub struct SparseDbm {
    wiring: Arc<Wiring>,
    layout: Layout,
    couplings: Vec<f32>,
    fields: Vec<f32>,
}

impl SparseDbm {
    /// `couplings` in the order of the graph's edges, `fields` by node.
    ///
    /// Errors: a layout for another number of nodes; other numbers of parameters; parameters that are not finite.
    pub fn new(wiring: Arc<Wiring>, layout: Layout, couplings: Vec<f32>, fields: Vec<f32>) -> Result<Self> {
        same_length("nodes of the layout", layout.n_nodes(), wiring.n_nodes())?;
        same_length("couplings", couplings.len(), wiring.n_edges())?;
        same_length("fields", fields.len(), wiring.n_nodes())?;
        for (name, values) in [("coupling", &couplings), ("field", &fields)] {
            if let Some(k) = values.iter().position(|x| !x.is_finite()) {
                return Err(Error::out_of_range(format!("{name} {k}"), values[k], "finite"));
            }
        }
        Ok(SparseDbm { wiring, layout, couplings, fields })
    }
    /// The wires.
    pub fn wiring(&self) -> &Arc<Wiring> {
        &self.wiring
    }
    /// Where pixels and labels are.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }
    /// Couplings in the order of the graph's edges.
    pub fn couplings(&self) -> &[f32] {
        &self.couplings
    }
    /// Fields by node.
    pub fn fields(&self) -> &[f32] {
        &self.fields
    }
    /// A machine with these parameters in fixed point.
    ///
    /// Errors: local fields that 16 bits do not hold.
    pub fn network(&self, format: Format) -> Result<FixedNetwork> {
        let wide = |x: &[f32]| x.iter().map(|x| f64::from(*x)).collect::<Vec<_>>();
        FixedNetwork::new(self.wiring.clone(), format, &wide(&self.couplings), &wide(&self.fields))
    }
}
