//! 64 replicas of an Ising model with any couplings and fields side by side: Metropolis and heat bath, for annealing and
//! for equilibrium, at one temperature or one for each replica.
//!
//! Couplings and fields are rounded to multiples of a power of two, so fine that the largest local field has 23 bits
//! ([`RealLaneModel::unit`]); local fields are then sums of integers that `f32` holds exactly. They are kept in the
//! state, never drift, and do not depend on the order of additions. What is sampled is the distribution of
//! the model as rounded ([`RealLaneModel::rounded`]), exactly: probabilities are those of `libm`, compared with 64
//! random bits; no random number is shared. Energies are those of the model as given, in `f64`.
//!
//! Sparse models are swept spin by spin, sixteen replicas to a vector; a flip adds its column to the fields of the
//! neighbours. In dense models a flip changes all fields of its replica, so there the vectors run over spins: no work
//! is done for replicas that do not flip.
//!
//! Models whose couplings are integers in some unit are faster in the bits of [`super::LaneModel`].

mod model;
mod spins;
mod sweep;
#[cfg(test)]
mod tests;

pub use model::RealLaneModel;
pub(crate) use model::{free_spins, key_of, rounding_unit};
pub use spins::{REAL_LANES, RealLaneSpins};
pub use sweep::RealLaneSweep;
