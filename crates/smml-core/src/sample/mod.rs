//! Samplers that work for any energy. Those that know a model (Wolff, lanes, lattices) live with the model.

mod anneal;
mod heat_bath;
mod metropolis;
mod tempering;
#[cfg(test)]
mod tests;

pub use anneal::{Anneal, Best};
pub use heat_bath::{HeatBath, RandomScan};
pub use metropolis::{Metropolis, attempt};
pub use tempering::{Ladder, Replicas, Tempering};
