//! The double digest problem: from the lengths of the fragments that enzyme A cuts a piece of DNA into, those of enzyme
//! B, and those of both together, find the orders of the fragments (Eq. (62)).
//!
//! The energy is that of L. Goldstein and M. S. Waterman, Adv. Appl. Math. 8, 194 (1987), who also anneal it and show
//! the problem to be NP-complete. Here are the model ([`DoubleDigest`]), enumeration of all optima ([`enumerate`]),
//! annealing that gathers them ([`Search`]), instances whose optima are known ([`instances`]) and a reader of files
//! ([`read()`]).
//!
//! Eqs (60) and (61) are the limit β → ∞ of the Boltzmann distribution of such a model: 1/g on each of its g optima and
//! 0 elsewhere. The samplers for finite β are those of [`smml_core::sample`].

mod exact;
pub mod instances;
mod model;
mod moves;
mod read;
mod search;
#[cfg(test)]
mod tests;

pub use exact::{Optima, enumerate};
pub use model::{DoubleDigest, Maps, Ordering, Sums};
pub use moves::{Enzyme, Rearrangement};
pub use read::{from_text, read};
pub use search::{Found, Search};

/// Most orderings that are listed; more are only counted.
pub const MAX_LISTED: usize = 1 << 16;

/// Whether two energies are the same but for rounding.
fn same_energy(x: f64, y: f64) -> bool {
    (x - y).abs() <= 1e-9 * (1.0 + x.abs().min(y.abs()))
}
