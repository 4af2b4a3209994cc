//! The energy of the labels of one sequence at fixed parameters: a model like any other of smml-core.

use super::{LabelChain, Sequence};
use smml_core::{
    energy::{Conditional, Energy, Finite},
    rng::Draw,
};

/// E(·, X; W) of a [`LabelChain`]: small ones can be enumerated, any can be sampled by heat bath.
#[derive(Clone, Copy, Debug)]
pub struct ChainEnergy<'a> {
    model: &'a LabelChain,
    w: &'a [f64],
    sequence: &'a Sequence,
}

impl<'a> ChainEnergy<'a> {
    pub(super) fn new(model: &'a LabelChain, w: &'a [f64], sequence: &'a Sequence) -> Self {
        ChainEnergy { model, w, sequence }
    }
}

impl Energy for ChainEnergy<'_> {
    type State = Vec<u8>;
    fn energy(&self, labels: &Vec<u8>) -> f64 {
        self.model.energy_of(self.w, self.sequence, labels)
    }
}

impl Finite for ChainEnergy<'_> {
    fn n_states(&self) -> Option<usize> {
        self.model.n_labels().checked_pow(u32::try_from(self.sequence.len()).ok()?)
    }
    fn state(&self, mut index: usize) -> Vec<u8> {
        let k = self.model.n_labels();
        let mut digit = || {
            let d = index % k;
            index /= k;
            d as u8
        };
        (0..self.sequence.len()).map(|_| digit()).collect()
    }
    fn index(&self, labels: &Vec<u8>) -> usize {
        labels.iter().rev().fold(0, |i, y| i * self.model.n_labels() + usize::from(*y))
    }
}

impl Conditional for ChainEnergy<'_> {
    fn n_sites(&self) -> usize {
        self.sequence.len()
    }
    fn resample<R: Draw>(&self, labels: &mut Vec<u8>, t: usize, beta: f64, rng: &mut R) -> bool {
        let m = self.model;
        let energies: Vec<f64> = (0..m.n_labels())
            .map(|y| {
                let own: f64 =
                    self.sequence.features(t).iter().map(|f| self.w[m.unary(*f as usize, y)]).sum();
                let left = t.checked_sub(1).map_or(0.0, |s| self.w[m.pair(usize::from(labels[s]), y)]);
                own + left + labels.get(t + 1).map_or(0.0, |n| self.w[m.pair(y, usize::from(*n))])
            })
            .collect();
        let low = energies.iter().copied().fold(f64::INFINITY, f64::min);
        let weights: Vec<f64> = energies.iter().map(|e| libm::exp(-beta * (e - low))).collect();
        let new = rng.choose(&weights) as u8;
        std::mem::replace(&mut labels[t], new) != new
    }
}
