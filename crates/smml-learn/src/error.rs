//! The error type of this crate: what can be wrong with data and models, around the errors of `smml-core`.

use std::path::PathBuf;

/// `Result` with this crate's [`enum@Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong in `smml-learn`.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An error of the core: a parameter out of range, a corrupt file, too few samples.
    #[error(transparent)]
    Core(#[from] smml_core::Error),
    /// A data set whose files are not where they were looked for.
    #[error("{set} is not in {}: {missing} not found{how_to_get}", .folder.display())]
    MissingData {
        /// Name of the data set.
        set: String,
        /// Where it was looked for.
        folder: PathBuf,
        /// The first file that is missing.
        missing: String,
        /// The official source, its files and their SHA-256.
        how_to_get: String,
    },
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
    /// Two lengths that must agree do not.
    pub fn length(what: impl Into<String>, found: usize, expected: usize) -> Self {
        smml_core::Error::Length { what: what.into(), found, expected }.into()
    }
}
