//! What a model must be able to do so that any loss can train it.

use super::kind::{Ask, Levels};
use crate::error::Result;
use smml_core::rng::Draw;

/// Energies E(Y, X; W) of the answers Y to an input X, with real parameters W.
///
/// A loss sees of an example no more than four energies ([`Levels`]), and its gradient in W is
/// Σ ∂L/∂level ∂level/∂W. So a model is anything that can name these levels and add up their gradients: by enumeration
/// ([`Enumerated`](super::Enumerated), for any [`Differentiable`](smml_core::energy::Differentiable) energy of W), or by
/// whatever its structure allows ([`LabelChain`](super::LabelChain)). For a structured Y the search for the lowest wrong
/// answer is the oracle that [`Levels::offending`] stands for; one that is not exact gives another loss, not the one of
/// the table.
///
/// `Scratch` is working memory, as in `Differentiable`. The calls come in this order: `prepare` when W is new, then for
/// each example `levels` and perhaps `add_gradient` with the same arguments, then `flush`.
pub trait AnswerEnergies: Sync {
    /// An input with its right answer.
    type Example: Sync;
    /// Working memory.
    type Scratch: Default + Send + Sync;
    /// Length of W.
    fn n_parameters(&self) -> usize;
    /// No energy is below this, whatever W.
    fn lower_bound(&self) -> f64 {
        f64::NEG_INFINITY
    }
    /// Whether an example fits the model. The other functions may panic for one that does not.
    fn check(&self, example: &Self::Example) -> Result<()>;
    /// Takes note of W.
    fn prepare(&self, _w: &[f64], _scratch: &mut Self::Scratch) {}
    /// The levels asked for. NaN where an energy is NaN.
    fn levels(&self, w: &[f64], example: &Self::Example, ask: &Ask, scratch: &mut Self::Scratch) -> Levels;
    /// Adds Σ pull ∂level/∂W over the levels asked for, or keeps it for [`AnswerEnergies::flush`]. Of answers of equal
    /// energy that compete for a level, one is moved.
    fn add_gradient(
        &self,
        w: &[f64],
        example: &Self::Example,
        ask: &Ask,
        pull: &Levels,
        gradient: &mut [f64],
        scratch: &mut Self::Scratch,
    );
    /// Adds what `add_gradient` has kept back.
    fn flush(&self, _w: &[f64], _gradient: &mut [f64], _scratch: &mut Self::Scratch) {}
    /// max E - min E over all answers to the input of the example: how far its energy surface is from flat.
    fn relief(&self, w: &[f64], example: &Self::Example, scratch: &mut Self::Scratch) -> f64;
}

/// A model whose answers can be named, compared and drawn.
pub trait Answers: AnswerEnergies {
    /// Y.
    type Answer: Clone + PartialEq + Send + Sync;
    /// The right answer.
    fn right(&self, example: &Self::Example) -> Self::Answer;
    /// Y* of equation 35; of several one, always the same.
    fn infer(&self, w: &[f64], example: &Self::Example, scratch: &mut Self::Scratch) -> Self::Answer;
    /// E(Y, X; W).
    fn answer_energy(
        &self,
        w: &[f64],
        example: &Self::Example,
        answer: &Self::Answer,
        scratch: &mut Self::Scratch,
    ) -> f64;
    /// Adds `scale` ∂E(Y, X; W)/∂W.
    fn add_answer_gradient(
        &self,
        w: &[f64],
        example: &Self::Example,
        answer: &Self::Answer,
        scale: f64,
        gradient: &mut [f64],
        scratch: &mut Self::Scratch,
    );
    /// `n` independent answers from the Gibbs distribution at β > 0.
    fn draw<R: Draw>(
        &self,
        w: &[f64],
        example: &Self::Example,
        beta: f64,
        n: usize,
        rng: &mut R,
        scratch: &mut Self::Scratch,
    ) -> Vec<Self::Answer>;
}
