//! The error type of this crate: what can be wrong with graphs and machines, around the errors of the crates below.

/// `Result` with this crate's [`enum@Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong in `smml-hw`.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An error of the core: a parameter out of range, a corrupt file, too few samples.
    #[error(transparent)]
    Core(#[from] smml_core::Error),
    /// An error of data sets and Boltzmann machines.
    #[error(transparent)]
    Learn(#[from] smml_learn::Error),
}

impl Error {
    /// A parameter outside its allowed range.
    pub fn out_of_range(
        name: impl Into<String>,
        value: impl std::fmt::Display,
        allowed: impl Into<String>,
    ) -> Self {
        smml_core::Error::out_of_range(name, value, allowed).into()
    }
}
