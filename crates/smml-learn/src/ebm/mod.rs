//! Energy-based models: learning by the ten losses of [`loss`]; Boltzmann machines, restricted ([`Rbm`]), of layers ([`deep`])
//! and on any graph ([`machine`]).
//!
//! [`Rbm`] is the model, in f64. [`likelihood`] holds what can be computed exactly, [`ais`] estimates the rest.
//! [`RbmTrainer`], [`GibbsChains`] and [`ais`] run on one engine, in f32 and by sums of rows of active units;
//! [`Classifier`] and [`Grid`] show what was learned. All machines are written and read as safetensors ([`Tensors`]).

pub mod ais;
mod classify;
pub mod deep;
mod engine;
mod grid;
pub mod likelihood;
pub mod loss;
pub mod machine;
mod numeric;
pub mod potts;
mod rbm;
mod rule;
mod sample;
mod tensors;
mod train;

pub use classify::Classifier;
pub use engine::LabelUnits;
pub use grid::{GrayImage, Grid};
pub use numeric::softplus_sum;
pub use rbm::{BlockGibbs, Rbm, RbmState};
pub use rule::{Centring, StepRule};
pub use sample::{GibbsChains, GibbsSamples};
pub use tensors::Tensors;
pub use train::{
    MAX_BATCH, MAX_UNITS, Negative, RbmEpoch, RbmTrainer, RbmTrainerState, RbmTraining, Reconstruction,
};
