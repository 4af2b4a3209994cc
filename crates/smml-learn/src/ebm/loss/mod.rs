//! Energy-based learning: inference, the Gibbs distribution over answers, and ten losses (equations 35 to 40).
//!
//! [`infer`] and [`Posterior`] are equations 35 to 37 over listed answers. [`Loss`] holds the losses as functions of four
//! energies of an example, [`Levels`]. [`AnswerEnergies`] is what a model must be able to do: [`Enumerated`] makes one of any
//! differentiable energy of the parameters, [`LabelChain`] labels sequences exactly, [`TwoSided`] compares an input and an
//! answer through two networks; [`EnergyLoss`](crate::network::EnergyLoss) is the fast way for a network with classes.
//! [`DataLoss`] is the loss over a data set, an energy of the parameters for every minimiser and sampler of `smml_core`;
//! [`Trainer`] runs mini-batches. [`contrastive_gradient`] estimates by samples what cannot be summed. [`Summary`] says
//! whether the energy surface collapsed.
//!
//! Data files, latent variables inside an answer, and machines whose energy is a Boltzmann machine's do not live here.

mod chain;
mod enumerated;
mod inference;
mod kind;
mod model;
mod objective;
pub mod problems;
mod sampled;
mod surface;
#[cfg(test)]
mod tests;
mod train;
mod two_sided;

pub use chain::{ChainEnergy, ChainScratch, LabelChain, MAX_LABELS, Sequence};
pub use enumerated::{Enumerated, EnumeratedScratch, Labelled};
pub use inference::{Inferred, Posterior, infer, infer_exact};
pub use kind::{Ask, Levels, Loss, Lvq2, Margin, Needs};
pub use model::{AnswerEnergies, Answers};
pub use objective::{DataLoss, DataScratch, MeanLoss};
pub use sampled::{Drawn, MAX_SERIES, contrastive_gradient};
pub use surface::{CLEAR, FLAT, Summary, Surface, Verdict};
pub use train::{Epoch, Trainer, TrainerState, Training};
pub use two_sided::{Point, TwoSided, TwoSidedScratch};
