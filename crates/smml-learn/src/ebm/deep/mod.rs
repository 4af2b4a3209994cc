//! Boltzmann machines of layers: restricted ones with units of any kind (binary, spins, Potts, real numbers), and deep ones.
//!
//! [`DeepMachine`] is the model, [`LayerUnits`] the kinds of units, [`Examples`] are rows of data. [`exact`] holds what enumeration
//! gives, [`DeepTrainer`] trains with the centred gradient. All is f64 and dense; the restricted machine of binary units has an
//! engine of its own ([`RbmTrainer`](super::RbmTrainer)), several times as fast.

pub mod ais;
mod chains;
pub mod exact;
mod examples;
mod matrix;
mod model;
mod pretrain;
mod sampler;
mod train;
mod units;

pub use ais::DeepAnnealing;
pub use chains::{DeepChains, DeepSamples, accuracy, bounds, ln_class_probabilities};
pub use exact::LayerMeans;
pub use examples::{Examples, FirstRows, RealRows};
pub use model::DeepMachine;
pub use pretrain::{Pretrainer, PretrainerState, Pretraining};
pub use train::{DeepNegative, DeepStep, DeepTrainer, DeepTrainerState, DeepTraining};
pub use units::LayerUnits;
