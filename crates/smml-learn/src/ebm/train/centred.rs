//! The centred gradient on the engine's layout.
//!
//! With offsets μ of the visible and λ of the hidden units steps go along the gradient with respect to W and the biases of the
//! centred form, a + W λ and b + μ W. So the change of a weight has -μᵢ Δbⱼ - Δaᵢ λⱼ in addition, and biases are moved back by
//! what the change of the weights does to units whose neighbours are at their offsets.

use super::{RbmTrainer, Rule, tempered::ones};
use crate::ebm::{
    engine::{Layer, Line, Panel, States},
    rule::Centring,
};
use smml_core::{
    parallel::{self, Par},
    simd_paths,
};

/// Steps of the biases before momentum: rate times the difference of means.
pub(super) struct BiasSteps {
    /// Of padded visible units.
    pub(super) visible: Vec<f32>,
    /// Of padded hidden units.
    pub(super) hidden: Vec<Line>,
    /// Means of padded hidden units on data.
    pub(super) hidden_means: Vec<Line>,
}

impl RbmTrainer {
    /// Brings weights and their velocities, which have made the plain step, to that of the centred gradient. Returns what biases of
    /// visible and hidden units are moved back by.
    pub(super) fn centre(&mut self, steps: &BiasSteps, par: Par) -> Option<(Vec<f32>, Vec<Line>)> {
        let Centring::Means { sliding } = self.training.centring else {
            return None;
        };
        for (offset, mean) in self.hidden_offsets.iter_mut().zip(&steps.hidden_means) {
            for k in 0..16 {
                offset.0[k] = (1.0 - sliding as f32) * offset.0[k] + sliding as f32 * mean.0[k];
            }
        }
        let panels = &self.weights.hidden.panels;
        let (mu, lambda) = (&self.visible_offsets, &self.hidden_offsets);
        let mut pieces: Vec<Piece<'_>> = self
            .weights
            .w
            .iter_mut()
            .zip(&mut self.velocity)
            .map(|(w, velocity)| (w, velocity, Vec::new(), Vec::new()))
            .collect();
        parallel::each(par, &mut pieces, |p, (w, velocity, rows, columns)| {
            let Panel { first, n_lines } = panels[p];
            let here = first..first + n_lines;
            rows.resize(mu.len(), 0.0);
            columns.resize(n_lines, Line([0.0; 16]));
            let (lambda, hidden) = (&lambda[here.clone()], &steps.hidden[here]);
            correct(w, velocity, [mu, &steps.visible], [lambda, hidden], rows, columns);
        });
        let mut visible = vec![0.0; mu.len()];
        let mut hidden = Vec::with_capacity(lambda.len());
        for (_, _, rows, columns) in pieces {
            visible.iter_mut().zip(rows).for_each(|(sum, x)| *sum += x);
            hidden.extend(columns);
        }
        Some((visible, hidden))
    }
}

/// Weights and velocities of a panel, and sums by rows and by columns.
type Piece<'a> = (&'a mut Vec<Line>, &'a mut Vec<Line>, Vec<f32>, Vec<Line>);

simd_paths! {
    /// Takes μᵢ Δbⱼ + Δaᵢ λⱼ off velocities and weights of a panel, and sums the change of the weights times the offsets by rows
    /// and by columns.
    fn correct(
        w: &mut [Line],
        velocity: &mut [Line],
        by_row: [&[f32]; 2],
        by_column: [&[Line]; 2],
        rows: &mut [f32],
        columns: &mut [Line]
    ) {
        let ([mu, visible], [lambda, hidden]) = (by_row, by_column);
        let n = lambda.len();
        for (i, (w, velocity)) in w.chunks_exact_mut(n).zip(velocity.chunks_exact_mut(n)).enumerate() {
            let mut sum = [0.0f32; 16];
            for q in 0..n {
                for k in 0..16 {
                    let extra = mu[i] * hidden[q].0[k] + visible[i] * lambda[q].0[k];
                    velocity[q].0[k] -= extra;
                    w[q].0[k] -= extra;
                    sum[k] += velocity[q].0[k] * lambda[q].0[k];
                    columns[q].0[k] += velocity[q].0[k] * mu[i];
                }
            }
            rows[i] = sum.iter().sum();
        }
    }
}

/// Steps from sums over rows of both phases.
pub(super) fn step(rule: &Rule, on_data: f32, on_model: f32) -> f32 {
    on_data * rule.positive - on_model * rule.negative
}

/// Means of packed rows.
pub(super) fn means(layer: &Layer, rows: &States) -> Vec<f32> {
    let mut counts = vec![0u32; layer.n_padded()];
    for row in 0..rows.n() {
        ones(rows.row(row)).for_each(|i| counts[i] += 1);
    }
    counts.iter().map(|c| *c as f32 / rows.n() as f32).collect()
}
