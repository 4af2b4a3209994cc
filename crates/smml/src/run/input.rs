//! Files that a run reads: each is read once, so that its SHA-256 is that of what was used, also of a pipe.

use crate::error::Failure;
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

/// Names of files, and the SHA-256 of their content.
pub(crate) type Hashes = BTreeMap<String, String>;

/// A file with its content.
pub(crate) struct Input {
    /// Where it was.
    path: PathBuf,
    /// What it held.
    pub(crate) bytes: Vec<u8>,
}

impl Input {
    /// Reads a file of at most `most` bytes.
    pub(crate) fn read(path: &Path, most: u64) -> Result<Self, Failure> {
        let io = |e: std::io::Error| Failure::io(path, &e);
        let mut bytes = Vec::new();
        fs::File::open(path).map_err(io)?.take(most + 1).read_to_end(&mut bytes).map_err(io)?;
        if bytes.len() as u64 > most {
            return Err(Failure::File(format!("{}: more than {most} bytes", path.display())));
        }
        Ok(Input { path: path.to_path_buf(), bytes })
    }
    /// Its content as text; an error names the line.
    pub(crate) fn text(&self) -> Result<&str, Failure> {
        std::str::from_utf8(&self.bytes).map_err(|e| {
            let line = 1 + self.bytes[..e.valid_up_to()].iter().filter(|b| **b == b'\n').count();
            Failure::File(format!("{}: line {line}: is not UTF-8 text", self.path.display()))
        })
    }
    /// Its hash by its name.
    pub(crate) fn hashes(&self) -> Hashes {
        Hashes::from([(self.path.display().to_string(), hex(&self.bytes))])
    }
}

/// The SHA-256 of bytes, in hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}
