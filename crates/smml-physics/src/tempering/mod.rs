//! Parallel tempering for equilibrium: a ladder of temperatures that is measured and adapted while burning in, fixed
//! while sampling, with round trips, acceptances, diagnostics of every temperature, free energies, entropies and
//! densities of states.
//!
//! `run` holds the run, which can be saved and resumed; `adapt` moves the temperatures; `flow` follows replicas up
//! and down the ladder; `report` says what came out. The swaps themselves are those of
//! [`smml_core::sample::Tempering`], which obeys the exact law. Nothing here is special to spins but the tests.

mod adapt;
mod flow;
mod report;
mod run;
#[cfg(test)]
mod tests;

pub use adapt::{Adaptation, equal_acceptance, round_trips};
pub use report::{RungReport, TemperingReport, Thermodynamics};
pub use run::{ParallelTempering, TemperingPlan};
