//! Learning as statistical mechanics: an energy whose low states are the data.
//!
//! - [`data`]: MNIST and Fashion-MNIST readers with checked hashes, bars-and-stripes, binary images;
//! - [`ebm`]: Boltzmann machines, restricted, deep and general: training, likelihood, classification and pictures;
//! - [`network`]: a dense network with softmax loss, trained by Adam, by L-BFGS or by annealing.
//!
//! Files are read here and nowhere else; figures and PNG belong to the program.

pub mod data;
pub mod ebm;
mod error;
pub mod network;

pub use error::{Error, Result};
pub use smml_core;
