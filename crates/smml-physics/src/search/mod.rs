//! Searches for states of lowest energy of Ising models: annealing of 512 replicas at a time where couplings allow it,
//! descent, and how long it takes to find the best ([`TimeToSolution`]).
//!
//! The results of a search are not samples of a distribution: [`SearchResults`](smml_core::estimate::SearchResults)
//! have a best and no mean. Problems and their files are in [`crate::problem`].

mod anneal;
mod descent;
#[cfg(test)]
mod tests;
mod time_to_solution;

pub use anneal::{Annealing, Engine};
pub use descent::descend;
pub use time_to_solution::TimeToSolution;
