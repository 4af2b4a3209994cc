//! Deep Boltzmann machines on the graphs of sparse Ising machines: training, classification, generation.
//!
//! [`SparseDbm`] has parameters on a [`Wiring`](crate::machine::Wiring), with pixels and labels at the nodes of a [`Layout`].
//! [`DbmTrainer`] learns them from data, [`SparseDbm::infer`] runs the machine with anything clamped: pixels to classify, labels
//! to generate, part of an image to complete it. A [`Denoiser`] is a chain of such machines that makes images of noise.

mod bits;
mod classes;
mod denoise;
mod infer;
mod layered;
mod layout;
mod model;
mod rule;
#[cfg(test)]
mod tests;
mod trainer;
mod training;
mod unrolled;

pub use denoise::{
    DenoisedImages, Denoiser, DenoiserState, DenoiserStep, DenoiserTrainer, Denoising, Drawing, MOST_LEVELS,
    NoiseLevels,
};
pub use infer::{Answer, Clamped, Inference};
pub use layered::layered;
pub use layout::Layout;
pub use model::SparseDbm;
pub use trainer::{DbmState, DbmStep, DbmTrainer, Labelled};
pub use training::{DbmTraining, MOST_ROWS, Negative, Phase, Rule, Unrolled};
