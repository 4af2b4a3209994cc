//! Potts models of aligned sequences: Boltzmann machines whose units are the columns of an alignment and take one of q
//! letters, learned from a family of proteins or nucleic acids and searched for new members.
//!
//! [`Alignment`] is read from FASTA and weighs its sequences. [`PottsMachine`] is the model, P(s) ∝ exp(-E(s));
//! [`PseudoLikelihood`] learns it, [`Refinement`] brings its means closer to those of the family by persistent chains.
//! [`ContactScores`] say which columns touch. [`Design`] is the model on the sequences that a task allows, for annealing
//! and tempering. [`LatticeFamily`] draws families whose true model is known.
//!
//! What does not live here: spins with one coupling for each pair ([`smml_physics::spins::Potts`]), and hidden units
//! ([`crate::ebm::deep`] has softmax units).

mod alignment;
mod alphabet;
mod compare;
mod contacts;
mod design;
mod family;
mod fasta;
mod machine;
mod pseudo_likelihood;
mod refine;
#[cfg(test)]
mod tests;

pub use alignment::{Alignment, Frequencies};
pub use alphabet::Alphabet;
pub use compare::coupling_correlation;
pub use contacts::ContactScores;
pub use design::{Change, Constraints, Design};
pub use family::{FoldedChain, LatticeFamily};
pub use fasta::{FastaOptions, read_fasta, write_fasta};
pub use machine::PottsMachine;
pub use pseudo_likelihood::{PseudoLikelihood, PseudoLikelihoodFit};
pub use refine::{Refinement, RefinementState, RefinementStep};
