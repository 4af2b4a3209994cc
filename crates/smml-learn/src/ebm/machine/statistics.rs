//! Means of units and of pairs, gradients of the same shape, and data with weights.

use super::model::{BoltzmannMachine, Units};
use crate::{
    data::BinaryData,
    error::{Error, Result},
};
use smml_core::graph::SparseGraph;

/// One number for every unit and one for every coupled pair, in the order of [`SparseGraph::edges`]: means, or a gradient
/// with respect to biases and weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Statistics {
    /// Of every unit.
    pub units: Vec<f64>,
    /// Of every coupled pair.
    pub pairs: Vec<f64>,
}

impl Statistics {
    /// All 0, of the shape of a machine.
    pub fn zeros(machine: &BoltzmannMachine) -> Self {
        Statistics { units: vec![0.0; machine.n_units()], pairs: vec![0.0; machine.weights().n_edges()] }
    }
    /// self + scale × other, of the same shape.
    pub(super) fn plus(mut self, scale: f64, other: &Statistics) -> Self {
        self.units.iter_mut().zip(&other.units).for_each(|(a, b)| *a += scale * b);
        self.pairs.iter_mut().zip(&other.pairs).for_each(|(a, b)| *a += scale * b);
        self
    }
    /// Adds `weight` times the spins and products of one state.
    pub(super) fn add_state(&mut self, graph: &SparseGraph, weight: f64, spins: &[i8]) {
        for (sum, s) in self.units.iter_mut().zip(spins) {
            *sum += weight * f64::from(*s);
        }
        for (sum, (i, j, _)) in self.pairs.iter_mut().zip(graph.edges()) {
            *sum += weight * f64::from(spins[i as usize] * spins[j as usize]);
        }
    }
    /// Means ⟨sᵢ⟩ and ⟨sᵢ sⱼ⟩ of spins as means ⟨xᵢ⟩ and ⟨xᵢ xⱼ⟩ of units.
    pub(super) fn means_of_units(&self, machine: &BoltzmannMachine) -> Statistics {
        let mut means = self.gradient_of_units(machine);
        if machine.units() == Units::Binary {
            means.units.iter_mut().for_each(|x| *x += 0.5);
            means.pairs.iter_mut().for_each(|x| *x += 0.25);
        }
        means
    }
    /// A gradient with respect to fields hᵢ and couplings Jᵢⱼ of the Ising model as one with respect to biases and weights.
    pub(super) fn gradient_of_units(&self, machine: &BoltzmannMachine) -> Statistics {
        match machine.units() {
            Units::Spins => self.clone(),
            // J = W/4, h = b/2 + Σ W/4.
            Units::Binary => Statistics {
                units: self.units.iter().map(|h| 0.5 * h).collect(),
                pairs: machine
                    .weights()
                    .edges()
                    .zip(&self.pairs)
                    .map(|((i, j, _), pair)| 0.25 * (pair + self.units[i as usize] + self.units[j as usize]))
                    .collect(),
            },
        }
    }
}

/// Rows of data for the visible units with weights that sum to 1.
#[derive(Clone, Debug)]
pub struct Rows<'a> {
    data: &'a BinaryData,
    weights: Vec<f64>,
}

impl<'a> Rows<'a> {
    /// All rows weigh the same. Errors: no rows.
    pub fn equal(data: &'a BinaryData) -> Result<Self> {
        Rows::weighted(data, &vec![1.0; data.len()])
    }
    /// Rows of given weight, as probabilities or counts.
    ///
    /// Errors: another number of weights than rows, one that is negative or not finite, none above 0, a sum that is not finite.
    pub fn weighted(data: &'a BinaryData, weights: &[f64]) -> Result<Self> {
        if weights.len() != data.len() {
            return Err(Error::length("weights of rows", weights.len(), data.len()));
        }
        if let Some(k) = weights.iter().position(|w| !(*w >= 0.0 && w.is_finite())) {
            return Err(Error::out_of_range(
                format!("weight of row {k}"),
                weights[k],
                "finite and not negative",
            ));
        }
        let sum: f64 = weights.iter().sum();
        if !(sum > 0.0 && sum.is_finite()) {
            return Err(Error::out_of_range("sum of the weights of rows", sum, "finite and greater than 0"));
        }
        Ok(Rows { data, weights: weights.iter().map(|w| w / sum).collect() })
    }
    /// The rows.
    pub fn data(&self) -> &'a BinaryData {
        self.data
    }
    /// Their weights.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }
    /// Mean of every column.
    pub fn means(&self) -> Vec<f64> {
        let mut means = vec![0.0; self.data.width()];
        for (row, w) in self.data.rows().zip(&self.weights) {
            means.iter_mut().zip(row).for_each(|(m, b)| *m += w * f64::from(*b));
        }
        means
    }
}
