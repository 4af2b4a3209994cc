//! The loss over a data set, as an energy of the parameters.

use super::{
    kind::{Levels, Loss},
    model::AnswerEnergies,
};
use crate::error::{Error, Result};
use smml_core::{
    energy::{Differentiable, Energy},
    error::not_negative,
    parallel::{self, Par},
};

/// Examples that one thread takes at a time, and pieces of so many in memory at once. Both belong to the result: they fix
/// the order of sums.
const PIECE: usize = 32;
const PIECES: usize = 16;

/// A loss that is a mean over examples, so that a part of these gives an estimate of it: what training by mini-batches
/// needs.
pub trait MeanLoss: Differentiable {
    /// Length of W.
    fn n_parameters(&self) -> usize;
    /// Number of examples.
    fn n_examples(&self) -> usize;
    /// The mean over the examples `picked`, with its gradient, both without a penalty on W; whatever the number of
    /// threads, the same bits. Panics when an example does not exist or lengths do not fit.
    fn batch(&self, w: &[f64], picked: &[u32], gradient: &mut [f64], scratch: &mut Self::Scratch) -> f64;
}

/// L(W) = (1/n) Σᵢ L(Yᵢ, E(·, Xᵢ; W)) + λ/2 |W|², an energy of W: minimise it with `smml_core::optimize`, sample it through
/// `smml_core::hamiltonian::WithMomenta`, or train by mini-batches with [`Trainer`](super::Trainer).
///
/// An array W of another length is outside the domain: its energy is NaN, which minimisers and samplers reject.
#[derive(Debug)]
pub struct DataLoss<'a, M: AnswerEnergies> {
    model: &'a M,
    examples: &'a [M::Example],
    loss: Loss,
    l2: f64,
    par: Par,
}

impl<M: AnswerEnergies> Clone for DataLoss<'_, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M: AnswerEnergies> Copy for DataLoss<'_, M> {}

/// Working memory of [`DataLoss`].
#[derive(Debug)]
pub struct DataScratch<S> {
    pieces: Vec<Piece<S>>,
}

impl<S> Default for DataScratch<S> {
    fn default() -> Self {
        DataScratch { pieces: Vec::new() }
    }
}

#[derive(Debug, Default)]
struct Piece<S> {
    scratch: S,
    gradient: Vec<f64>,
    value: f64,
}

impl<'a, M: AnswerEnergies> DataLoss<'a, M> {
    /// λ = `l2` ≥ 0. `par` says whether one evaluation may use several threads; it never changes a result.
    ///
    /// Errors: no examples or 2³² of them, one that does not fit the model (named by its place), a parameter of the loss
    /// out of range, λ negative or not finite, LVQ2 as a ratio for energies that can be negative.
    pub fn new(model: &'a M, examples: &'a [M::Example], loss: Loss, l2: f64, par: Par) -> Result<Self> {
        if examples.is_empty() || u32::try_from(examples.len()).is_err() {
            return Err(Error::out_of_range("examples", examples.len(), "in 1..2^32"));
        }
        for (i, example) in examples.iter().enumerate() {
            model.check(example).map_err(|e| at_example(i, e))?;
        }
        let loss = loss.checked_for(model.lower_bound())?;
        Ok(DataLoss { model, examples, loss, l2: not_negative("l2", l2)?, par })
    }
    /// The model.
    pub fn model(&self) -> &'a M {
        self.model
    }
    /// The examples.
    pub fn examples(&self) -> &'a [M::Example] {
        self.examples
    }
    /// The loss of one example.
    pub fn loss(&self) -> Loss {
        self.loss
    }
    /// λ.
    pub fn l2(&self) -> f64 {
        self.l2
    }

    /// L of each example, without the penalty. Errors: a W of another length.
    pub fn values(&self, w: &[f64]) -> Result<Vec<f64>> {
        if w.len() != self.model.n_parameters() {
            return Err(Error::length("W", w.len(), self.model.n_parameters()));
        }
        let ask = self.loss.ask();
        let pieces = parallel::map(self.par, self.examples.len().div_ceil(PIECE), |k| {
            let mut scratch = M::Scratch::default();
            self.model.prepare(w, &mut scratch);
            let examples = &self.examples[k * PIECE..self.examples.len().min((k + 1) * PIECE)];
            let value = |e| self.loss.of_levels(&self.model.levels(w, e, &ask, &mut scratch)).0;
            examples.iter().map(value).collect::<Vec<_>>()
        });
        Ok(pieces.concat())
    }

    /// Σ over the examples, in order; with `gradient`, scale Σ ∂/∂W is written there.
    fn total<'e>(
        &self,
        w: &[f64],
        n: usize,
        example: impl Fn(usize) -> &'e M::Example + Sync,
        scale: f64,
        mut gradient: Option<&mut [f64]>,
        scratch: &mut DataScratch<M::Scratch>,
    ) -> f64
    where
        'a: 'e,
        M::Example: 'e,
    {
        let ask = self.loss.ask();
        let wants = gradient.is_some();
        if let Some(g) = gradient.as_deref_mut() {
            g.fill(0.0);
        }
        let (mut sum, mut first) = (0.0, 0);
        while first < n {
            let n_pieces = (n - first).div_ceil(PIECE).min(PIECES);
            while scratch.pieces.len() < n_pieces {
                scratch.pieces.push(Piece::default());
            }
            parallel::each(self.par, &mut scratch.pieces[..n_pieces], |k, piece| {
                let from = first + k * PIECE;
                piece.value = 0.0;
                if wants {
                    piece.gradient.clear();
                    piece.gradient.resize(w.len(), 0.0);
                }
                self.model.prepare(w, &mut piece.scratch);
                for i in from..n.min(from + PIECE) {
                    let e = example(i);
                    let levels = self.model.levels(w, e, &ask, &mut piece.scratch);
                    let (value, pull) = self.loss.of_levels(&levels);
                    piece.value += value;
                    // Most examples of a margin loss are soon at rest.
                    if wants && pull != Levels::default() {
                        let pull = scaled(&pull, scale);
                        let (g, s) = (&mut piece.gradient, &mut piece.scratch);
                        self.model.add_gradient(w, e, &ask, &pull, g, s);
                    }
                }
                if wants {
                    self.model.flush(w, &mut piece.gradient, &mut piece.scratch);
                }
            });
            for piece in &scratch.pieces[..n_pieces] {
                sum += piece.value;
                if let Some(g) = gradient.as_deref_mut() {
                    g.iter_mut().zip(&piece.gradient).for_each(|(g, d)| *g += d);
                }
            }
            first += n_pieces * PIECE;
        }
        sum
    }
    fn penalty(&self, w: &[f64]) -> f64 {
        if self.l2 > 0.0 { 0.5 * self.l2 * w.iter().map(|w| w * w).sum::<f64>() } else { 0.0 }
    }
}

/// An error of one example, with its place.
fn at_example(i: usize, e: Error) -> Error {
    match e {
        Error::Core(smml_core::Error::OutOfRange { name, value, allowed }) => {
            Error::out_of_range(format!("example {i}: {name}"), value, allowed)
        }
        Error::Core(smml_core::Error::Length { what, found, expected }) => {
            Error::length(format!("example {i}: {what}"), found, expected)
        }
        e => e,
    }
}

fn scaled(pull: &Levels, scale: f64) -> Levels {
    Levels {
        right: scale * pull.right,
        lowest: scale * pull.lowest,
        offending: scale * pull.offending,
        free: scale * pull.free,
    }
}

impl<M: AnswerEnergies> Energy for DataLoss<'_, M> {
    type State = Vec<f64>;
    fn energy(&self, w: &Vec<f64>) -> f64 {
        if w.len() != self.model.n_parameters() {
            return f64::NAN;
        }
        let n = self.examples.len();
        let mut scratch = DataScratch::default();
        self.total(w, n, |i| &self.examples[i], 0.0, None, &mut scratch) / n as f64 + self.penalty(w)
    }
}

impl<M: AnswerEnergies> Differentiable for DataLoss<'_, M> {
    type Scratch = DataScratch<M::Scratch>;
    fn value_and_gradient(&self, w: &[f64], gradient: &mut [f64], scratch: &mut Self::Scratch) -> f64 {
        if w.len() != self.model.n_parameters() || gradient.len() != w.len() {
            gradient.fill(f64::NAN);
            return f64::NAN;
        }
        let n = self.examples.len();
        let sum = self.total(w, n, |i| &self.examples[i], 1.0 / n as f64, Some(gradient), scratch);
        if self.l2 > 0.0 {
            gradient.iter_mut().zip(w).for_each(|(g, w)| *g += self.l2 * w);
        }
        sum / n as f64 + self.penalty(w)
    }
}

impl<M: AnswerEnergies> MeanLoss for DataLoss<'_, M> {
    fn n_parameters(&self) -> usize {
        self.model.n_parameters()
    }
    fn n_examples(&self) -> usize {
        self.examples.len()
    }
    fn batch(&self, w: &[f64], picked: &[u32], gradient: &mut [f64], scratch: &mut Self::Scratch) -> f64 {
        let n = picked.len();
        let example = |i: usize| &self.examples[picked[i] as usize];
        self.total(w, n, example, 1.0 / n as f64, Some(gradient), scratch) / n as f64
    }
}
