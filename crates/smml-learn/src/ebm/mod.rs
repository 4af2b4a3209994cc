//! Energy-based models: the Bernoulli restricted Boltzmann machine.
//!
//! [`Rbm`] is the model, in f64. [`likelihood`] holds what can be computed exactly.

mod engine;
pub mod likelihood;
mod numeric;
mod rbm;
mod train;

pub use engine::LabelUnits;
pub use numeric::softplus_sum;
pub use rbm::{BlockGibbs, Rbm, RbmState};
pub use train::{
    EpochReport, MAX_BATCH, MAX_UNITS, Negative, Reconstruction, Trainer, TrainerState, Training,
};
