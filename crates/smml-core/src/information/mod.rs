//! Information (Eqs. (25)-(27)): entropies, divergences, mutual information, their estimates from samples, and
//! measures of the complexity of a single sequence.
//!
//! - from probabilities that are known: [`entropy`], [`divergence`], [`joint`] - plain numbers;
//! - from counts and samples: [`estimators`], [`counts`] - an [`Estimate`](crate::Estimate) with its error;
//! - of one sequence (Eq. (27)): [`lempel_ziv`], [`block_decomposition`], and their averages in [`complexity`].
//!
//! Everything is in nats; a function whose name ends in `_bits` returns bits. Probabilities must be finite, not negative
//! and sum to 1 within [`PROBABILITY_TOLERANCE`]; what rounding is left in the sum is then divided out.
//! Continuous variables and the information bottleneck do not live here.

use crate::{
    distribution::{PROBABILITY_TOLERANCE, sum_near_one},
    error::Result,
};

pub mod block_decomposition;
pub mod complexity;
pub mod counts;
pub mod divergence;
pub mod entropy;
pub mod estimators;
pub mod joint;
pub mod lempel_ziv;
mod nsb;
mod suffix_array;

pub use crate::energy::{LnSum, ln_sum_exp};
pub use block_decomposition::{BlockDecomposition, Blocks, Ctm};
pub use complexity::{EnsembleComplexity, ensemble_complexity};
pub use counts::{CountTable, IndependenceTest, conditional_mutual_information, independence_test};
pub use divergence::{
    cross_entropy, cross_entropy_bits, jensen_shannon, jensen_shannon_bits, kl_divergence,
    kl_divergence_bits, renyi_divergence,
};
pub use entropy::{
    boltzmann_entropy, entropy_bits, entropy_nats, gibbs_entropy, perplexity, renyi_entropy, tsallis_entropy,
};
pub use estimators::{EntropyEstimator, count_values, entropy_from_counts, entropy_from_samples};
pub use joint::Joint;
pub use lempel_ziv::{
    lz76_code_length_bits, lz76_complexity, lz76_entropy_rate, lz76_entropy_rate_bits, lz76_phrases,
};

/// Nats to bits.
pub(crate) fn to_bits(nats: f64) -> f64 {
    nats * std::f64::consts::LOG2_E
}

/// Checks a list of probabilities; returns what they sum to.
pub(crate) fn check_probabilities(name: &str, p: &[f64]) -> Result<f64> {
    sum_near_one(&format!("{name}, entry"), name, p, PROBABILITY_TOLERANCE)
}

/// x ln x, 0 at 0.
pub(crate) fn x_ln_x(x: f64) -> f64 {
    if x > 0.0 { x * libm::log(x) } else { 0.0 }
}
