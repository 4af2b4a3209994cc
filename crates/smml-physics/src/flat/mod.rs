//! Flat-histogram sampling: the density of states g(E), and through it ln Z, energy and specific heat at any temperature.
//!
//! [`WangLandau`] learns ln g; [`Multicanonical`] samples with weights that stand still, so its results have honest
//! errors; [`DensityOfStates`] does both in independent runs, from visits or from [`Transitions`]. [`FlatIsing`] is
//! the fast engine for Ising models with integer levels. Exact densities of small Ising models are in
//! [`crate::ising::exact`] and [`crate::ising::density`].

mod density;
mod grid;
mod ising;
mod multicanonical;
#[cfg(test)]
mod tests;
mod transitions;
mod wang_landau;

pub use density::{Averages, DensityOfStates, Level, Plan};
pub use grid::EnergyGrid;
pub use ising::{FlatIsing, FlatMetropolis, FlatNFold, FlatSpins};
pub use multicanonical::{Multicanonical, Tracked};
pub use transitions::{AllMoves, Transitions};
pub use wang_landau::{Progress, WangLandau};
