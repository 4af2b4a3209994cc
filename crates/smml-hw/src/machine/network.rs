//! A programmed machine: couplings and fields in fixed point.

use super::{format::Format, wiring::Wiring};
use crate::error::{Error, Result};
use smml_core::{error::same_length, graph::SparseGraph};
use smml_physics::ising::Ising;
use std::sync::Arc;

/// A wire as the inner loop wants it: where it leads to, and twice its coupling.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Wire {
    pub(super) end: u32,
    pub(super) double: i16,
}

/// Couplings and fields of E(s) = -Σ_{edges} Jᵢⱼ sᵢ sⱼ - Σᵢ hᵢ sᵢ, s = ±1, in fixed point on a [`Wiring`].
///
/// Numbers that do not fit the format take its largest, and are counted ([`FixedNetwork::saturated`]). Local fields
/// fᵢ = Σⱼ Jᵢⱼ sⱼ + hᵢ are summed in 16 bits, exactly: a network in which |hᵢ| + Σⱼ |Jᵢⱼ| could pass 2¹⁵ - 1 steps is
/// refused.
#[derive(Clone, Debug, PartialEq)]
pub struct FixedNetwork {
    wiring: Arc<Wiring>,
    format: Format,
    /// In the order of the wiring's rows.
    pub(super) wires: Vec<Wire>,
    /// hᵢ - Σⱼ Jᵢⱼ in steps: the local field when all neighbours are down.
    pub(super) base: Vec<i16>,
    /// Codes of couplings by edge, and of fields by node.
    couplings: Vec<i16>,
    fields: Vec<i16>,
    saturated: usize,
}

impl FixedNetwork {
    /// `couplings` in the order of [`SparseGraph::edges`] of the wiring's graph, `fields` by node.
    ///
    /// Errors: other numbers of couplings or fields; a number that is not finite; a node whose fields could pass 16 bits.
    pub fn new(wiring: Arc<Wiring>, format: Format, couplings: &[f64], fields: &[f64]) -> Result<Self> {
        let wires = wiring.ends().iter().map(|end| Wire { end: *end, double: 0 }).collect();
        let mut network = FixedNetwork {
            format,
            wires,
            base: vec![0; wiring.n_nodes()],
            couplings: vec![0; wiring.n_edges()],
            fields: vec![0; wiring.n_nodes()],
            saturated: 0,
            wiring,
        };
        network.program(couplings, fields)?;
        Ok(network)
    }
    /// From a model on the wiring's graph.
    ///
    /// Errors: another graph; as [`FixedNetwork::new`].
    pub fn of_ising(wiring: Arc<Wiring>, format: Format, ising: &Ising) -> Result<Self> {
        let (graph, model) = (wiring.graph(), ising.couplings());
        let edges = |g: &SparseGraph| g.edges().map(|(i, j, _)| (i, j)).collect::<Vec<_>>();
        if graph.n_vertices() != model.n_vertices() || edges(graph) != edges(model) {
            return Err(Error::out_of_range("model", "another graph", "a model on the wiring's graph"));
        }
        let couplings: Vec<f64> = model.edges().map(|(_, _, w)| w).collect();
        FixedNetwork::new(wiring, format, &couplings, ising.fields())
    }
    /// Gives the machine other couplings and fields; unchanged where there is an error.
    ///
    /// Errors: as [`FixedNetwork::new`].
    pub fn program(&mut self, couplings: &[f64], fields: &[f64]) -> Result<()> {
        same_length("couplings", couplings.len(), self.wiring.n_edges())?;
        same_length("fields", fields.len(), self.wiring.n_nodes())?;
        for (name, values) in [("coupling", couplings), ("field", fields)] {
            if let Some(k) = values.iter().position(|x| !x.is_finite()) {
                return Err(Error::out_of_range(format!("{name} {k}"), values[k], "finite"));
            }
        }
        let mut saturated = 0;
        let mut codes = |values: &[f64]| -> Vec<i16> {
            let code = |x: &f64| {
                let (code, full) = self.format.code(*x);
                saturated += usize::from(full);
                code
            };
            values.iter().map(code).collect()
        };
        let (couplings, fields) = (codes(couplings), codes(fields));
        let mut largest: Vec<i64> = fields.iter().map(|h| i64::from(*h).abs()).collect();
        let mut base: Vec<i64> = fields.iter().map(|h| i64::from(*h)).collect();
        for (&[i, j], w) in self.wiring.pairs().iter().zip(&couplings) {
            for k in [i, j] {
                largest[k as usize] += i64::from(*w).abs();
                base[k as usize] -= i64::from(*w);
            }
        }
        let most = i64::from(i16::MAX);
        if let Some(i) = largest.iter().position(|sum| *sum > most) {
            let name = format!("|h| + sum of |J| at node {i} in {}", self.format);
            let (value, allowed) = (largest[i] as f64 * self.format.step(), most as f64 * self.format.step());
            return Err(Error::out_of_range(name, value, format!("at most {allowed}, which 16 bits hold")));
        }
        for (places, w) in self.wiring.places().iter().zip(&couplings) {
            for place in places {
                self.wires[*place as usize].double = 2 * w;
            }
        }
        self.base = base.into_iter().map(|x| x as i16).collect();
        (self.couplings, self.fields, self.saturated) = (couplings, fields, saturated);
        Ok(())
    }
    /// The wires.
    pub fn wiring(&self) -> &Arc<Wiring> {
        &self.wiring
    }
    /// The number format.
    pub fn format(&self) -> Format {
        self.format
    }
    /// Couplings and fields that did not fit the format.
    pub fn saturated(&self) -> usize {
        self.saturated
    }
    /// Couplings in steps of the format, in the order of the graph's edges.
    pub fn coupling_codes(&self) -> &[i16] {
        &self.couplings
    }
    /// Fields in steps of the format, by node.
    pub fn field_codes(&self) -> &[i16] {
        &self.fields
    }
    /// The model that the machine has: couplings and fields as rounded.
    pub fn ising(&self) -> Result<Ising> {
        let mut codes = self.couplings.iter();
        let weight = |_, _, _| self.format.value(*codes.next().expect("one code for each edge"));
        let graph = self.wiring.graph().map_weights(weight)?;
        Ok(Ising::on_graph(graph, self.fields.iter().map(|h| self.format.value(*h)).collect())?)
    }
}
