//! Kernels of Ising models beyond single flips and clusters: [`Kawasaki`] (conserved magnetisation), [`NFoldWay`]
//! (rejection-free), and moves of two replicas together ([`Houdayer`], [`Joerg`], [`ChayesMachtaRedner`]).
//!
//! Metropolis, heat bath and tempering are in [`smml_core::sample`], clusters of one replica in [`crate::cluster`].

mod kawasaki;
mod n_fold_way;
mod replicas;
#[cfg(test)]
mod tests;

pub use kawasaki::Kawasaki;
pub use n_fold_way::NFoldWay;
pub use replicas::{ChayesMachtaRedner, Houdayer, Joerg};
