//! Flat-histogram sampling: the density of states g(E), and through it ln Z, energy and specific heat at any temperature.
//!
//! [`WangLandau`] learns ln g; [`Multicanonical`] samples with weights that stand still, so its results have honest
//! errors; [`DensityOfStates`] does both in independent runs, from visits or from [`Transitions`]. Exact densities of
//! small Ising models are in [`crate::ising::exact`].

mod density;
mod grid;
mod multicanonical;
#[cfg(test)]
mod tests;
mod transitions;
mod wang_landau;

pub use density::{Averages, DensityOfStates, Level, Plan};
pub use grid::EnergyGrid;
pub use multicanonical::{Multicanonical, Tracked};
pub use transitions::{AllMoves, Transitions};
pub use wang_landau::{Progress, WangLandau};
