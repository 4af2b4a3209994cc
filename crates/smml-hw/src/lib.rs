//! Sparse Ising machines: graphs whose spins of one colour can be updated at once, as hardware does.
//!
//! - [`topology`]: king's, Chimera, Pegasus and Zephyr graphs with their coordinates, qubit numbers and colourings;
//! - [`machine`]: p-bits in fixed point, 64 chains at a time;
//! - [`dbm`]: deep Boltzmann machines on them: training, classification, generation.
//!
//! Spins, couplings and their files are in `smml-physics`, Boltzmann machines and data sets in `smml-learn`.

pub mod dbm;
mod error;
pub mod machine;
pub mod topology;

pub use error::{Error, Result};
pub use smml_core;
