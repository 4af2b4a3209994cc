//! Energy-based models: the Bernoulli restricted Boltzmann machine.
//!
//! [`Rbm`] is the model, in f64. [`likelihood`] holds what can be computed exactly.

pub mod likelihood;
mod numeric;
mod rbm;

pub use numeric::softplus_sum;
pub use rbm::{BlockGibbs, Rbm, RbmState};
