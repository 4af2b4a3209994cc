//! The error type of this crate. Messages name the field, the offending value and what is allowed.

use std::{
    fmt::Display,
    path::{Path, PathBuf},
};

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong in `smml-core`.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A parameter outside its allowed range.
    #[error("{name} = {value} is not allowed: it must be {allowed}")]
    OutOfRange {
        /// The parameter.
        name: String,
        /// What was given.
        value: String,
        /// What is allowed, to be read after "must be".
        allowed: String,
    },
    /// Two lengths that must agree do not.
    #[error("{what} has length {found}, expected {expected}")]
    Length {
        /// What has the wrong length.
        what: String,
        /// Its length.
        found: usize,
        /// The length that would fit.
        expected: usize,
    },
    /// Too few samples, or too few independent ones, to say anything.
    #[error("too short: {have} samples where about {needed} are needed")]
    TooShort {
        /// Samples at hand.
        have: usize,
        /// Samples (an estimate) that would do.
        needed: usize,
    },
    /// The quantity asked for does not exist for this input (an infinite variance, an unbounded solution).
    #[error("{what} is not defined here: {why}")]
    Undefined {
        /// The quantity.
        what: String,
        /// The reason.
        why: String,
    },
    /// Importance weights with a tail too heavy for an honest error bar: their variance may be infinite.
    #[error(
        "{what}: the Pareto shape k-hat = {k_hat:.3} is not below {limit:.3}, the variance may be infinite; use a proposal with heavier tails"
    )]
    HeavyTail {
        /// The estimate that was refused.
        what: String,
        /// Shape of the generalised Pareto law fitted to the largest weights.
        k_hat: f64,
        /// The value below which the estimate is given.
        limit: f64,
    },
    /// An iteration ended before it met its tolerance.
    #[error(
        "{what} did not converge: residual {residual:e} after {iterations} iterations (tolerance {tolerance:e})"
    )]
    NotConverged {
        /// The computation.
        what: String,
        /// Residual at the end.
        residual: f64,
        /// Iterations done.
        iterations: usize,
        /// The tolerance asked for.
        tolerance: f64,
    },
    /// More work or memory than the caller allows.
    #[error("{what} needs {needed}, the limit is {limit}")]
    TooLarge {
        /// The computation.
        what: String,
        /// What it would need.
        needed: String,
        /// What is allowed.
        limit: String,
    },
    /// A file that is not what it should be.
    #[error("{}: {place}: {problem}", .path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Where in it (byte, line or field).
        place: String,
        /// What is wrong there, with the value found.
        problem: String,
    },
    /// The operating system refused.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
}

impl Error {
    /// An [`Error::OutOfRange`].
    pub fn out_of_range(name: impl Into<String>, value: impl Display, allowed: impl Into<String>) -> Self {
        Error::OutOfRange { name: name.into(), value: value.to_string(), allowed: allowed.into() }
    }
    /// An [`Error::Io`] at `path`.
    pub fn io(path: &Path, source: std::io::Error) -> Self {
        Error::Io { path: path.to_path_buf(), source }
    }
    /// An [`Error::Corrupt`] at `path`.
    pub fn corrupt(path: &Path, place: impl Into<String>, problem: impl Into<String>) -> Self {
        Error::Corrupt { path: path.to_path_buf(), place: place.into(), problem: problem.into() }
    }
}

/// `value` when it is finite and greater than zero.
pub fn positive(name: &str, value: f64) -> Result<f64> {
    if value > 0.0 && value.is_finite() {
        Ok(value)
    } else {
        Err(Error::out_of_range(name, value, "finite and greater than 0"))
    }
}

/// `value` when it is finite.
pub fn finite(name: &str, value: f64) -> Result<f64> {
    if value.is_finite() { Ok(value) } else { Err(Error::out_of_range(name, value, "finite")) }
}

/// Checks that all of `values` are finite; an error names the place, as in `what 3`.
pub fn all_finite(what: &str, values: &[f64]) -> Result<()> {
    match values.iter().position(|v| !v.is_finite()) {
        Some(i) => finite(&format!("{what} {i}"), values[i]).map(drop),
        None => Ok(()),
    }
}

/// `value` when it is finite and not negative.
pub fn not_negative(name: &str, value: f64) -> Result<f64> {
    if value >= 0.0 && value.is_finite() {
        Ok(value)
    } else {
        Err(Error::out_of_range(name, value, "finite and not negative"))
    }
}

/// `value` when it lies in [0, 1].
pub fn unit_interval(name: &str, value: f64) -> Result<f64> {
    if (0.0..=1.0).contains(&value) { Ok(value) } else { Err(Error::out_of_range(name, value, "in [0, 1]")) }
}

/// Checks that `order` holds every number below `n` once.
pub fn permutation(name: &str, order: impl ExactSizeIterator<Item = usize>, n: usize) -> Result<()> {
    same_length(name, order.len(), n)?;
    let mut seen = vec![false; n];
    for i in order {
        match seen.get_mut(i) {
            Some(seen) if !*seen => *seen = true,
            _ => {
                let allowed = format!("every number below {n} exactly once");
                return Err(Error::out_of_range(format!("{name} entry"), i, allowed));
            }
        }
    }
    Ok(())
}

/// Checks that a slice has the length it must have.
pub fn same_length(what: &str, found: usize, expected: usize) -> Result<()> {
    if found == expected { Ok(()) } else { Err(Error::Length { what: what.into(), found, expected }) }
}
