//! Discrete factor graphs, p(x) = exp(Σ_f ln ψ_f(x_f)) / Z: exact inference and belief propagation.
//!
//! - [`FactorGraph`]: variables with arities, factors as tables of ln ψ, evidence;
//! - [`Elimination`]: variable elimination, for ln Z, maxima and their number, marginals and exact samples;
//! - [`JunctionTree`]: all marginals at once, again and again for new evidence;
//! - [`BeliefPropagation`]: sum-product and max-product messages, exact on trees, with the Bethe free energy and
//!   a verdict on convergence.
//!
//! A model at inverse temperature β puts -β E into the tables. What an Ising or a Potts model is lives in smml-physics.
//! The exact methods share one routine that combines tables and sums out a variable (`table`), generic over the
//! semiring: (+, ×), (max, +), or (max with count, +).

mod elimination;
mod graph;
mod junction_tree;
mod order;
mod semiring;
mod spread;
mod sum_product;
mod table;
#[cfg(test)]
mod tests;

pub use elimination::{Elimination, ExactOptions, Marginals, Maxima, Maximum};
pub use graph::{Factor, FactorGraph};
pub use junction_tree::{Calibrated, JunctionTree};
pub use order::Order;
pub use sum_product::{BeliefPropagation, Beliefs, Convergence, Goal, MessageOrder};
