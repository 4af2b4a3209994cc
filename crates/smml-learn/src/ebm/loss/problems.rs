//! Problems whose answers are known, to try losses on: hidden chains, bars or stripes, a parabola.

use super::{
    chain::{LabelChain, Sequence},
    model::AnswerEnergies,
    two_sided::{Point, TwoSided},
};
use crate::{
    error::{Error, Result},
    network::{Activation, Architecture, Labelled},
};
use smml_core::{error::unit_interval, rng::Draw};

/// Sequences of symbols that hidden labels emit: a Markov chain of labels that starts anywhere, and for each label a
/// distribution of the symbol that is seen.
///
/// Its P(labels | symbols) is the Gibbs distribution at β = 1 of the [`LabelChain`] with U[x, y] = -ln P(x | y) and
/// V[y, y'] = -ln P(y' | y): no model labels the places better than this one, so it says how good a trained chain can be.
#[derive(Clone, Debug, PartialEq)]
pub struct HiddenChain {
    n_labels: usize,
    n_symbols: usize,
    /// Rows P(· | y).
    steps: Vec<f64>,
    symbols: Vec<f64>,
}

impl HiddenChain {
    /// `n` labels in a ring and as many symbols: a label stays with probability 0.6, goes on to the next with 0.3 and else
    /// to any other; it shows its own symbol with probability 0.5, that of the next label with 0.3 and else any other.
    ///
    /// Errors: labels not in 3..=256.
    pub fn ring(n: usize) -> Result<Self> {
        if !(3..=256).contains(&n) {
            return Err(Error::out_of_range("number of labels", n, "in 3..=256"));
        }
        let rows = |own: f64, next: f64| -> Vec<f64> {
            let rest = (1.0 - own - next) / (n - 2) as f64;
            let entry = |y: usize, z: usize| match (z + n - y) % n {
                0 => own,
                1 => next,
                _ => rest,
            };
            (0..n * n).map(|i| entry(i / n, i % n)).collect()
        };
        Ok(HiddenChain { n_labels: n, n_symbols: n, steps: rows(0.6, 0.3), symbols: rows(0.5, 0.3) })
    }
    /// The chain that can learn it.
    pub fn model(&self) -> Result<LabelChain> {
        LabelChain::new(self.n_labels, self.n_symbols)
    }
    /// The parameters of [`HiddenChain::model`] that are the truth.
    pub fn parameters(&self) -> Result<Vec<f64>> {
        let model = self.model()?;
        let mut w = vec![0.0; model.n_parameters()];
        for y in 0..self.n_labels {
            for x in 0..self.n_symbols {
                w[model.unary(x, y)] = -libm::log(self.symbols[y * self.n_symbols + x]);
            }
            for z in 0..self.n_labels {
                w[model.pair(y, z)] = -libm::log(self.steps[y * self.n_labels + z]);
            }
        }
        Ok(w)
    }
    /// One sequence of `length` places, at least one.
    pub fn sequence<R: Draw>(&self, length: usize, rng: &mut R) -> Result<Sequence> {
        let (mut labels, mut symbols) = (Vec::with_capacity(length), Vec::with_capacity(length));
        let mut y = rng.below(self.n_labels);
        for t in 0..length {
            if t > 0 {
                y = rng.choose(&self.steps[y * self.n_labels..(y + 1) * self.n_labels]);
            }
            // There are at most 256 labels and symbols.
            labels.push(y as u8);
            symbols.push(rng.choose(&self.symbols[y * self.n_symbols..(y + 1) * self.n_symbols]) as u32);
        }
        Sequence::of_symbols(&symbols, labels)
    }
}

/// `n` images of bars (class 0: every column is on or off) or stripes (class 1: every row is), each class with
/// probability ½, no image of one grey, each pixel turned over with probability `noise`.
///
/// An image and its negative have one class, so no energy that is linear in the pixels tells the classes apart.
///
/// Errors: a side not in 2..=1000, a noise that is no probability, no images.
pub fn bars_or_stripes<R: Draw>(side: usize, n: usize, noise: f64, rng: &mut R) -> Result<Labelled> {
    if !(2..=1000).contains(&side) {
        return Err(Error::out_of_range("side", side, "in 2..=1000"));
    }
    unit_interval("noise", noise)?;
    let (mut features, mut labels) = (Vec::new(), Vec::new());
    for _ in 0..n {
        let class = rng.below(2);
        let mut lines: Vec<bool> = Vec::new();
        while lines.iter().all(|l| *l) || lines.iter().all(|l| !*l) {
            lines = (0..side).map(|_| rng.below(2) == 1).collect();
        }
        for i in 0..side * side {
            let line = if class == 0 { i % side } else { i / side };
            features.push(f32::from(u8::from(lines[line] != rng.chance(noise))));
        }
        labels.push(class as u8);
    }
    Labelled::new(side * side, 2, features, labels)
}

/// The curve y = x² for the two-sided energy: `n` points x uniform in [-1, 1], `n_answers` ≥ 4 answers evenly over [0, 1],
/// of which the one nearest to x² is right and those beside it are not wrong. Both networks have 1, 10 and 10 units, with
/// tanh between.
///
/// The task, and networks of these sizes, are those on which LeCun et al. (2006) show that a surface collapses; there the
/// answers are continuous and the distance is the sum of absolute differences.
///
/// Errors: fewer than four answers.
pub fn parabola<R: Draw>(n: usize, n_answers: usize, rng: &mut R) -> Result<(TwoSided, Vec<Point>)> {
    if !(4..=10_000).contains(&n_answers) {
        return Err(Error::out_of_range("number of answers", n_answers, "in 4..=10000"));
    }
    let shape = Architecture::new(vec![1, 10, 10], Activation::Tanh)?;
    let step = 1.0 / (n_answers - 1) as f64;
    let answers = (0..n_answers).map(|y| y as f64 * step).collect();
    let model = TwoSided::new(shape.clone(), shape, answers, 1.5 * step)?;
    let points = (0..n)
        .map(|_| {
            let x = 2.0 * rng.uniform() - 1.0;
            Ok(Point { x: vec![x], right: model.nearest(&[x * x])? })
        })
        .collect::<Result<_>>()?;
    Ok((model, points))
}
