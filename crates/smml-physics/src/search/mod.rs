//! Searches for states of lowest energy of Ising models: annealing of 512 replicas at a time where couplings allow
//! it, annealing of populations with their free energy, tabu and breakout local search, simulated quantum annealing
//! and bifurcation, descent, and how long it takes to find the best ([`TimeToSolution`]).
//!
//! `moves` and `walk` are what the local searches share.
//!
//! The results of a search are not samples of a distribution: [`SearchResults`](smml_core::estimate::SearchResults)
//! have a best and no mean. Problems and their files are in [`crate::problem`].

mod anneal;
mod bifurcation;
mod breakout;
mod descent;
mod moves;
mod population;
mod quantum;
mod tabu;
#[cfg(test)]
mod tests;
mod time_to_solution;
mod walk;

pub use anneal::{Annealing, Engine};
pub use bifurcation::{SimulatedBifurcation, Variant};
pub use breakout::{BreakoutOptions, BreakoutSearch};
pub use descent::descend;
pub use population::{Families, PopulationAnnealing, PopulationPoint, Populations, combined_ln_z};
pub use quantum::{PathIntegral, PathSweep, QuantumAnnealing, Slices};
pub use tabu::TabuSearch;
pub use time_to_solution::TimeToSolution;
