//! The commands, one file each.

pub(crate) mod anneal;
mod batches;
pub(crate) mod data;
pub(crate) mod dbm;
pub(crate) mod design;
pub(crate) mod digest;
pub(crate) mod ebm;
pub(crate) mod eq;
pub(crate) mod exact;
pub(crate) mod glass;
pub(crate) mod graph;
pub(crate) mod instance;
pub(crate) mod ising;
mod judge;
mod lattices;
pub(crate) mod rbm;
pub(crate) mod tsp;
