//! The travelling salesman: the shortest closed tour through all cities, annealed as S. Kirkpatrick, C. D. Gelatt and
//! M. P. Vecchi did (Science 220, 671 (1983)).
//!
//! Here are the model ([`Tsp`]) with its moves, files of TSPLIB ([`tsplib`]), random instances ([`uniform`],
//! [`clusters`]), annealing ([`Search`]), descent ([`descend`]), proved lower bounds ([`OneTree`]) and the exact answer
//! for up to 16 cities ([`held_karp`]). The samplers for a fixed temperature are those of [`smml_core::sample`].

mod bound;
mod descent;
mod exact;
mod generate;
mod metric;
mod model;
mod moves;
mod search;
#[cfg(test)]
mod tests;
pub mod tsplib;

pub use bound::OneTree;
pub use descent::{Neighbours, descend};
pub use exact::{MAX_EXACT, held_karp};
pub use generate::{clusters, uniform};
pub use metric::Metric;
pub use model::{Tour, Tsp};
pub use moves::TourMove;
pub use search::Search;
