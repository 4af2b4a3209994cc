//! Sparse Ising machines: graphs whose spins of one colour can be updated at once, as hardware does.
//!
//! - [`topology`]: king's, Chimera, Pegasus and Zephyr graphs with their coordinates, qubit numbers and colourings.
//!
//! Spins, couplings and their files are in `smml-physics`, Boltzmann machines and data sets in `smml-learn`.

mod error;
pub mod topology;

pub use error::{Error, Result};
pub use smml_core;
