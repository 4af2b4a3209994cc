//! One dense multilayer perceptron with softmax cross-entropy loss, as an energy of its parameters.
//!
//! [`Architecture`] says what is computed, [`Labelled`] holds examples, [`Network`] is a trained one. [`Loss`] is the
//! energy: minimise it with `smml_core::optimize`, sample it through `smml_core::hamiltonian::WithMomenta`, or anneal
//! it weight by weight with [`WeightMoves`] (section 3.10). [`NetworkTrainer`] runs mini-batch Adam. [`EnergyLoss`] puts any
//! of the ten losses of energy-based learning in place of cross-entropy.
//!
//! Everything is f64 (inputs are stored as f32). Matrix products are our own: every element of a product is one sum
//! in a fixed order, so results have the same bits for any number of threads and on every SIMD path. Convolutions,
//! dropout and other layers do not live here.

mod anneal;
mod architecture;
mod distance;
mod energy_loss;
mod labelled;
mod loss;
mod model;
mod pass;
pub(crate) mod product;
#[cfg(test)]
mod tests;
mod train;

pub use anneal::{WeightMove, WeightMoves, WithActivations};
pub use architecture::{Activation, Architecture};
pub use distance::kernel_distance;
pub use energy_loss::EnergyLoss;
pub use labelled::Labelled;
pub use loss::Loss;
pub use model::{Confusion, Network};
pub use pass::Workspace;
pub use train::{NetworkEpoch, NetworkTrainer, NetworkTrainerState, NetworkTraining};
