//! The commands, one file each.

pub(crate) mod eq;
pub(crate) mod ising;
