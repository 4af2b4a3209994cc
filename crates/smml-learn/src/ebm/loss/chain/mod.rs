//! Labels of a sequence: a chain of answers with energies of places and of neighbours.
//!
//! Everything is exact: the least energies by min-sum (Viterbi) recursion with the two best paths of every state, the
//! partition function by the forward recursion, its gradient by forward and backward. `answers` holds the energy of the
//! labels at fixed parameters, for enumeration and for chains of smml-core.

mod answers;
mod passes;

pub use answers::ChainEnergy;
pub use passes::ChainScratch;

use super::{
    kind::{Ask, Levels},
    model::{AnswerEnergies, Answers},
};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use smml_core::rng::Draw;

/// Most labels of a chain.
pub const MAX_LABELS: usize = 256;

/// E(Y, X; W) = Σₜ Σ_{f ∈ Xₜ} U[f, Yₜ] + Σₜ V[Yₜ, Yₜ₊₁]: a linear chain, the energy of a conditional random field.
///
/// Place t of a sequence has a set Xₜ of features (one for the symbol that is seen, or words, suffixes and so on). W is one
/// flat array: U feature by feature, `n_labels` to a feature, then V row by row. Reference: J. Lafferty, A. McCallum and F.
/// Pereira, Conditional random fields, ICML 2001.
///
/// ```
/// use smml_core::{optimize::{Method, Stop, minimise}, parallel::Par};
/// use smml_learn::ebm::loss::{DataLoss, LabelChain, Loss, Sequence};
/// let model = LabelChain::new(2, 2)?; // two labels, two symbols
/// let data = [Sequence::of_symbols(&[0, 0, 1, 1], vec![0, 0, 1, 1])?, Sequence::of_symbols(&[1, 0], vec![1, 0])?];
/// let loss = DataLoss::new(&model, &data, Loss::Nll { beta: 1.0 }, 0.1, Par::Serial)?;
/// let found = minimise(&loss, &[0.0; 8], &Method::default(), &Stop::default())?;
/// assert_eq!(model.labels(&found.x, &data[0])?, [0, 0, 1, 1]);
/// # Ok::<(), smml_learn::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawChain")]
pub struct LabelChain {
    n_labels: usize,
    n_features: usize,
}

#[derive(Deserialize)]
struct RawChain {
    n_labels: usize,
    n_features: usize,
}

impl TryFrom<RawChain> for LabelChain {
    type Error = Error;
    fn try_from(raw: RawChain) -> Result<Self> {
        LabelChain::new(raw.n_labels, raw.n_features)
    }
}

/// A sequence: the features of each place, and its right labels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawSequence")]
pub struct Sequence {
    /// Where the features of each place begin, and the end of the last.
    starts: Vec<usize>,
    features: Vec<u32>,
    labels: Vec<u8>,
}

#[derive(Deserialize)]
struct RawSequence {
    starts: Vec<usize>,
    features: Vec<u32>,
    labels: Vec<u8>,
}

impl TryFrom<RawSequence> for Sequence {
    type Error = Error;
    fn try_from(raw: RawSequence) -> Result<Self> {
        let RawSequence { starts, features, labels } = raw;
        let rising = starts.windows(2).all(|w| w[0] <= w[1]);
        if !rising || starts.first() != Some(&0) || starts.last() != Some(&features.len()) {
            return Err(Error::out_of_range(
                "starts of places",
                format!("{starts:?}"),
                "rising from 0 to the end",
            ));
        }
        if labels.is_empty() {
            return Err(Error::out_of_range("places of a sequence", 0, "at least 1"));
        }
        if starts.len() != labels.len() + 1 {
            return Err(Error::length("labels", labels.len(), starts.len() - 1));
        }
        Ok(Sequence { starts, features, labels })
    }
}

impl Sequence {
    /// The features of each place, and one label for each.
    ///
    /// Errors: no places, not one label for each.
    pub fn new(places: &[Vec<u32>], labels: Vec<u8>) -> Result<Self> {
        let mut starts = vec![0];
        let mut features = Vec::new();
        for place in places {
            features.extend_from_slice(place);
            starts.push(features.len());
        }
        Sequence::try_from(RawSequence { starts, features, labels })
    }
    /// One feature for each place: the symbol that is seen there.
    ///
    /// Errors: as [`Sequence::new`].
    pub fn of_symbols(symbols: &[u32], labels: Vec<u8>) -> Result<Self> {
        Sequence::try_from(RawSequence {
            starts: (0..=symbols.len()).collect(),
            features: symbols.to_vec(),
            labels,
        })
    }
    /// Number of places, at least one.
    #[allow(clippy::len_without_is_empty)] // never empty
    pub fn len(&self) -> usize {
        self.labels.len()
    }
    /// The features of a place. Panics when there is no such place, as a slice does.
    pub fn features(&self, place: usize) -> &[u32] {
        &self.features[self.starts[place]..self.starts[place + 1]]
    }
    /// The right labels.
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }
}

impl LabelChain {
    /// A chain with `n_labels` labels and `n_features` features.
    ///
    /// Errors: labels not in 2..=256, no features, more than 2²⁸ parameters.
    pub fn new(n_labels: usize, n_features: usize) -> Result<Self> {
        if !(2..=MAX_LABELS).contains(&n_labels) {
            return Err(Error::out_of_range("number of labels", n_labels, "in 2..=256"));
        }
        if !(1..=1 << 20).contains(&n_features) {
            return Err(Error::out_of_range("number of features", n_features, "in 1..=2^20"));
        }
        Ok(LabelChain { n_labels, n_features })
    }
    /// Number of labels.
    pub fn n_labels(&self) -> usize {
        self.n_labels
    }
    /// Number of features.
    pub fn n_features(&self) -> usize {
        self.n_features
    }
    /// Where U[f, y] is in W.
    pub fn unary(&self, feature: usize, label: usize) -> usize {
        feature * self.n_labels + label
    }
    /// Where V[y, y'] is in W.
    pub fn pair(&self, label: usize, next: usize) -> usize {
        (self.n_features + label) * self.n_labels + next
    }
    /// The labels of least energy (equation 35): Y*, of several one, always the same.
    ///
    /// Errors: a sequence or a W that does not fit.
    pub fn labels(&self, w: &[f64], sequence: &Sequence) -> Result<Vec<u8>> {
        self.fits(w, sequence)?;
        Ok(self.infer(w, sequence, &mut ChainScratch::default()))
    }
    /// ln Z(X) at β > 0 by the forward recursion (equation 37).
    ///
    /// Errors: a sequence or a W that does not fit, β not finite or not greater than 0.
    pub fn ln_z(&self, w: &[f64], sequence: &Sequence, beta: f64) -> Result<f64> {
        self.fits(w, sequence)?;
        smml_core::error::positive("beta", beta)?;
        let ask = Ask { beta: Some(beta), ..Ask::default() };
        Ok(-beta * self.levels(w, sequence, &ask, &mut ChainScratch::default()).free)
    }
    /// P(Yₜ = y | X) at β > 0 for all places and labels, places × labels. Errors: as [`LabelChain::ln_z`].
    pub fn marginals(&self, w: &[f64], sequence: &Sequence, beta: f64) -> Result<Vec<f64>> {
        self.fits(w, sequence)?;
        smml_core::error::positive("beta", beta)?;
        let ask = Ask { beta: Some(beta), ..Ask::default() };
        let mut scratch = ChainScratch::default();
        self.levels(w, sequence, &ask, &mut scratch);
        Ok(scratch.marginals(self, w, beta))
    }
    /// The energy of the labels at fixed X and W. Errors: a sequence or a W that does not fit.
    pub fn at<'a>(&'a self, w: &'a [f64], sequence: &'a Sequence) -> Result<ChainEnergy<'a>> {
        self.fits(w, sequence)?;
        Ok(ChainEnergy::new(self, w, sequence))
    }
    fn fits(&self, w: &[f64], sequence: &Sequence) -> Result<()> {
        if w.len() != self.n_parameters() {
            return Err(Error::length("W", w.len(), self.n_parameters()));
        }
        self.check(sequence)
    }
    /// Σ over places and pairs of `labels`, of whatever `visit` adds up by the place of a parameter.
    fn each_term(&self, sequence: &Sequence, labels: &[u8], mut visit: impl FnMut(usize)) {
        for (t, y) in labels.iter().enumerate() {
            for f in sequence.features(t) {
                visit(self.unary(*f as usize, usize::from(*y)));
            }
            if let Some(next) = labels.get(t + 1) {
                visit(self.pair(usize::from(*y), usize::from(*next)));
            }
        }
    }
}

impl AnswerEnergies for LabelChain {
    type Example = Sequence;
    type Scratch = ChainScratch;

    fn n_parameters(&self) -> usize {
        (self.n_features + self.n_labels) * self.n_labels
    }
    fn check(&self, example: &Sequence) -> Result<()> {
        if let Some(f) = example.features.iter().find(|f| **f as usize >= self.n_features) {
            return Err(Error::out_of_range("feature", f, format!("below {}", self.n_features)));
        }
        match example.labels.iter().position(|y| usize::from(*y) >= self.n_labels) {
            Some(t) => {
                let allowed = format!("below {}", self.n_labels);
                Err(Error::out_of_range(format!("label of place {t}"), example.labels[t], allowed))
            }
            None => Ok(()),
        }
    }
    fn levels(&self, w: &[f64], example: &Sequence, ask: &Ask, scratch: &mut ChainScratch) -> Levels {
        scratch.load(self, w, example);
        let mut levels = Levels { right: self.energy_of(w, example, &example.labels), ..Levels::default() };
        if ask.lowest || ask.offending {
            scratch.two_best(self, w);
            levels.lowest = scratch.best.energy;
            let wrong = scratch.offending(&example.labels);
            levels.offending = wrong.energy;
        }
        if let Some(beta) = ask.beta {
            levels.free = scratch.forward(self, w, beta);
        }
        levels
    }
    fn add_gradient(
        &self,
        w: &[f64],
        example: &Sequence,
        ask: &Ask,
        pull: &Levels,
        gradient: &mut [f64],
        scratch: &mut ChainScratch,
    ) {
        let mut add = |labels: &[u8], c: f64| {
            if c != 0.0 {
                self.each_term(example, labels, |i| gradient[i] += c);
            }
        };
        add(&example.labels, pull.right);
        if ask.lowest {
            add(&scratch.best.labels, pull.lowest);
        }
        if ask.offending {
            add(&scratch.offending(&example.labels).labels, pull.offending);
        }
        if let Some(beta) = ask.beta {
            scratch.add_mean_gradient(self, w, example, beta, pull.free, gradient);
        }
    }
    fn relief(&self, w: &[f64], example: &Sequence, scratch: &mut ChainScratch) -> f64 {
        scratch.load(self, w, example);
        scratch.two_best(self, w);
        let low = scratch.best.energy;
        // The largest energy is the least of -E.
        let negative: Vec<f64> = w.iter().map(|w| -w).collect();
        scratch.load(self, &negative, example);
        scratch.two_best(self, &negative);
        -scratch.best.energy - low
    }
}

impl LabelChain {
    fn energy_of(&self, w: &[f64], sequence: &Sequence, labels: &[u8]) -> f64 {
        let mut energy = 0.0;
        self.each_term(sequence, labels, |i| energy += w[i]);
        energy
    }
}

impl Answers for LabelChain {
    type Answer = Vec<u8>;

    fn right(&self, example: &Sequence) -> Vec<u8> {
        example.labels.clone()
    }
    fn infer(&self, w: &[f64], example: &Sequence, scratch: &mut ChainScratch) -> Vec<u8> {
        scratch.load(self, w, example);
        scratch.two_best(self, w);
        scratch.best.labels.clone()
    }
    fn answer_energy(&self, w: &[f64], example: &Sequence, answer: &Vec<u8>, _: &mut ChainScratch) -> f64 {
        self.energy_of(w, example, answer)
    }
    fn add_answer_gradient(
        &self,
        _: &[f64],
        example: &Sequence,
        answer: &Vec<u8>,
        scale: f64,
        gradient: &mut [f64],
        _: &mut ChainScratch,
    ) {
        self.each_term(example, answer, |i| gradient[i] += scale);
    }
    /// Forward filtering, backward sampling: independent, exact.
    fn draw<R: Draw>(
        &self,
        w: &[f64],
        example: &Sequence,
        beta: f64,
        n: usize,
        rng: &mut R,
        scratch: &mut ChainScratch,
    ) -> Vec<Vec<u8>> {
        scratch.load(self, w, example);
        scratch.forward(self, w, beta);
        (0..n).map(|_| scratch.sample(self, w, beta, rng)).collect()
    }
}
