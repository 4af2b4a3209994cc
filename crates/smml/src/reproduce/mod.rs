//! `smml reproduce`: every implemented claim of the paper, computed and compared.

pub(crate) mod check;
