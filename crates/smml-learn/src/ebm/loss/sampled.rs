//! The gradient of the negative log-likelihood by samples: what is left when the sum over answers cannot be done.

use super::model::Answers;
use crate::error::{Error, Result};
use smml_core::{Estimate, error::all_finite};

/// Most numbers (samples × parameters) that are kept at once, 2²⁷ (1 GiB).
pub const MAX_SERIES: usize = 1 << 27;

/// How the answers were drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drawn {
    /// One by one, with no memory.
    Independent,
    /// One after the other, by a Markov chain in equilibrium.
    Chain,
}

/// ∂E(Yᵢ, Xᵢ)/∂W - (1/n) Σₛ ∂E(Yₛ, Xᵢ)/∂W with answers Yₛ from P(Y | Xᵢ) at β: an unbiased estimate of ∂/∂W of the negative
/// log-likelihood loss (equation 40), component by component with its error. For `Drawn::Chain` the error knows the
/// autocorrelation.
///
/// The second term stands for -⟨∂E/∂W⟩: each sample pushes up the energy of one answer that the model finds likely. Samples
/// that a short chain from the right answer gives (contrastive divergence) are not from P: their estimate is biased, and no
/// error bar says so.
///
/// Errors: an example that does not fit, a W of another length, too few samples for an error, more than [`MAX_SERIES`]
/// numbers.
///
/// ```
/// use smml_core::rng::Streams;
/// use smml_learn::ebm::loss::{Answers, Drawn, LabelChain, Sequence, contrastive_gradient};
/// let model = LabelChain::new(2, 2)?;
/// let example = Sequence::of_symbols(&[0, 1, 1], vec![0, 1, 1])?;
/// let w = [0.3, -0.1, 0.2, 0.5, 0.0, 0.7, -0.4, 0.1];
/// let mut rng = Streams::new(1).stream("answers", 0);
/// let samples = model.draw(&w, &example, 1.0, 1000, &mut rng, &mut Default::default());
/// let gradient = contrastive_gradient(&model, &w, &example, &samples, Drawn::Independent)?;
/// assert!(gradient[0].std_error > 0.0);
/// # Ok::<(), smml_learn::Error>(())
/// ```
pub fn contrastive_gradient<M: Answers>(
    model: &M,
    w: &[f64],
    example: &M::Example,
    samples: &[M::Answer],
    drawn: Drawn,
) -> Result<Vec<Estimate>> {
    model.check(example)?;
    let n = model.n_parameters();
    if w.len() != n {
        return Err(Error::length("W", w.len(), n));
    }
    all_finite("W", w)?;
    if n.saturating_mul(samples.len()) > MAX_SERIES {
        return Err(smml_core::Error::TooLarge {
            what: "the gradients of all samples".into(),
            needed: format!("{} samples of {n} numbers", samples.len()),
            limit: format!("2^{} numbers", MAX_SERIES.ilog2()),
        }
        .into());
    }
    let mut scratch = M::Scratch::default();
    let mut right = vec![0.0; n];
    model.add_answer_gradient(w, example, &model.right(example), 1.0, &mut right, &mut scratch);
    let mut series = vec![Vec::with_capacity(samples.len()); n];
    let mut one = vec![0.0; n];
    for answer in samples {
        one.fill(0.0);
        model.add_answer_gradient(w, example, answer, 1.0, &mut one, &mut scratch);
        series.iter_mut().zip(&one).for_each(|(s, g)| s.push(*g));
    }
    series
        .iter()
        .zip(right)
        .map(|(s, right)| {
            let mean = match drawn {
                Drawn::Independent => Estimate::from_independent(s)?,
                Drawn::Chain => Estimate::from_chain(s)?,
            };
            Ok(mean.affine(right, -1.0))
        })
        .collect()
}
