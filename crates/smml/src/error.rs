//! How a command can end, and the exit code that goes with it.

use std::fmt;

/// Why a command did not end well.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A check failed, or something did not converge (exit code 1).
    Check(String),
    /// Bad arguments or configuration (2).
    Usage(String),
    /// A file that cannot be read, written or believed (3).
    File(String),
    /// Stopped by a signal, with a checkpoint to resume from (4).
    Interrupted(String),
    /// Whoever read our output went away: not an error (0).
    BrokenPipe,
}

impl Failure {
    /// The exit code.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Failure::BrokenPipe => 0,
            Failure::Check(_) => 1,
            Failure::Usage(_) => 2,
            Failure::File(_) => 3,
            Failure::Interrupted(_) => 4,
        }
    }
    /// A file that cannot be read or written.
    pub(crate) fn io(path: &std::path::Path, e: &std::io::Error) -> Self {
        Failure::File(format!("{}: {e}", path.display()))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Check(m) | Failure::Usage(m) | Failure::File(m) | Failure::Interrupted(m) => {
                f.write_str(m)
            }
            Failure::BrokenPipe => f.write_str("the reader of the output went away"),
        }
    }
}

impl From<smml_core::Error> for Failure {
    fn from(e: smml_core::Error) -> Self {
        use smml_core::Error as E;
        let text = e.to_string();
        match e {
            E::Io { .. } | E::Corrupt { .. } => Failure::File(text),
            E::TooShort { .. } | E::NotConverged { .. } | E::Undefined { .. } => Failure::Check(text),
            _ => Failure::Usage(text),
        }
    }
}

impl From<smml_learn::Error> for Failure {
    fn from(e: smml_learn::Error) -> Self {
        match e {
            smml_learn::Error::Core(e) => e.into(),
            e => Failure::File(e.to_string()),
        }
    }
}

impl From<smml_hw::Error> for Failure {
    fn from(e: smml_hw::Error) -> Self {
        match e {
            smml_hw::Error::Core(e) => e.into(),
            smml_hw::Error::Learn(e) => e.into(),
            e => Failure::Check(e.to_string()),
        }
    }
}
