//! Optimisation problems on binary variables: max-cut, QUBO, Ising energies, weighted max-sat, and any other polynomial.
//!
//! - [`Problem`]: the polynomial, in the variables and with the sense (minimise, maximise) of whoever posed it;
//! - [`Problem::ising`], [`Problem::higher_order`]: the same problem as a model of this workspace, whose energy is to be
//!   minimised, and the way back from its energies to the values that people quote;
//! - [`default_betas`]: where a schedule of inverse temperatures may begin and end;
//! - [`formats`][]: files.
//!
//! Samplers and searches do not live here: they take models.

mod convert;
mod exact;
pub mod formats;
mod higher_order;
mod polynomial;
mod reduce;
mod schedule;
#[cfg(test)]
mod tests;

pub use convert::IsingForm;
pub use exact::{Exact, PlanarBest};
pub use higher_order::{HigherOrder, Products};
pub use polynomial::{Builder, Form, MAX_DEGREE, Problem, Sense, Term};
pub use reduce::Reduced;
pub use schedule::default_betas;
