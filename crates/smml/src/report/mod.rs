//! The HTML report of `smml reproduce` and of single runs: one file, no network, no script.

pub(crate) mod figure;
