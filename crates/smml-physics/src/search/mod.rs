//! Searches for states of lowest energy of Ising models: annealing of 512 replicas at a time where couplings allow
//! it, of populations of 512 ([`LanePopulation`]) whose solutions are joined ([`Renormalisation`]: the best for most
//! models), annealing of populations with their free energy, tabu and breakout local search, simulated quantum annealing
//! and bifurcation, descent, and how long it takes to find the best ([`TimeToSolution`]).
//!
//! `moves` and `walk` are what the local searches share.
//!
//! The results of a search are not samples of a distribution: [`SearchResults`](smml_core::estimate::SearchResults)
//! have a best and no mean. Problems and their files are in [`crate::problem`].

mod anneal;
mod bifurcation;
mod breakout;
mod contraction;
mod descent;
mod islands;
mod lane_tempering;
mod moves;
mod peeling;
mod population;
mod quantum;
mod renormalisation;
mod tabu;
#[cfg(test)]
mod tests;
mod time_to_solution;
mod walk;

pub use anneal::{AnnealModel, Annealing, Engine};
pub use bifurcation::{SimulatedBifurcation, Variant};
pub use breakout::{BreakoutOptions, BreakoutSearch};
pub use contraction::Contraction;
pub use descent::descend;
pub use islands::LanePopulation;
pub use lane_tempering::LaneTempering;
pub use peeling::Peeling;
pub use population::{Families, PopulationAnnealing, PopulationPoint, Populations, combined_ln_z};
pub use quantum::{PathIntegral, PathSweep, QuantumAnnealing, Slices};
pub use renormalisation::{Renormalisation, RenormalisationRun};
pub use tabu::TabuSearch;
pub use time_to_solution::TimeToSolution;
