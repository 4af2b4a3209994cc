//! Checkpoints: written whole or not at all, two generations kept, every byte checked before it is believed.
//!
//! The layout is 8 bytes magic, u32 format, u64 parameter hash, u64 payload length, u32 CRC-32 of all that and the
//! payload, payload. The codec of the payload is private to this module and may change with the format number. Saved
//! types must not use serde's `flatten` or `skip_serializing_if`, which the codec cannot read back.

use crate::error::{Error, Result};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

const MAGIC: &[u8; 8] = b"SMMLCKPT";
const FORMAT: u32 = 1;
const HEADER: usize = 32;
/// Bytes of content that can be saved and read.
const LARGEST: usize = 1 << 34;

/// bincode takes its limit as a constant. A text is allocated on the word of its length, up to this limit.
fn config<const LIMIT: usize>() -> impl bincode::config::Config {
    bincode::config::standard().with_fixed_int_encoding().with_limit::<LIMIT>()
}

/// Decodes under the first limit that leaves room for the content, so that a crafted length cannot claim much more than
/// there is: at most 2⁸ times the content.
fn decode_content<T: DeserializeOwned>(
    content: &[u8],
) -> std::result::Result<(T, usize), bincode::error::DecodeError> {
    use bincode::serde::decode_from_slice as decode;
    // Four times the content: a character counts as four bytes.
    match content.len() {
        n if n <= 1 << 12 => decode(content, config::<{ 1 << 14 }>()),
        n if n <= 1 << 18 => decode(content, config::<{ 1 << 20 }>()),
        n if n <= 1 << 24 => decode(content, config::<{ 1 << 26 }>()),
        n if n <= 1 << 29 => decode(content, config::<{ 1 << 31 }>()),
        _ => decode(content, config::<LARGEST>()),
    }
}

/// The partner that `#[serde(try_from = "Raw…")]` names: a struct of the same fields, read as they come, and the
/// constructor that they must pass. So a file brings in nothing that a program could not have made.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// #[derive(Serialize, Deserialize)]
/// #[serde(try_from = "RawPeriod")]
/// struct Period {
///     seconds: f64,
/// }
/// impl Period {
///     fn new(seconds: f64) -> smml_core::Result<Self> {
///         Ok(Period { seconds: smml_core::error::positive("seconds", seconds)? })
///     }
/// }
/// smml_core::read_through!(Period: RawPeriod { seconds: f64 } => Period::new(seconds));
/// let bytes = smml_core::store::encode(&-1.0f64, 0)?;
/// assert!(smml_core::store::decode::<Period>(&bytes, 0).is_err());
/// # Ok::<(), smml_core::Error>(())
/// ```
#[macro_export]
macro_rules! read_through {
    ($type:ident: $raw:ident { $($field:ident: $of:ty),+ } => $built:expr) => {
        #[derive(serde::Deserialize)]
        struct $raw {
            $($field: $of),+
        }
        impl TryFrom<$raw> for $type {
            type Error = $crate::Error;
            fn try_from($raw { $($field),+ }: $raw) -> $crate::Result<Self> {
                $built
            }
        }
    };
}
pub(crate) use read_through;

/// What is wrong with some bytes that should be a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Defect {
    place: String,
    problem: String,
}

impl Defect {
    fn at(place: &str, problem: impl Into<String>) -> Self {
        Defect { place: place.into(), problem: problem.into() }
    }
}

/// A number for the parameters of a run, so that a checkpoint is only continued by the run that wrote it. Leave
/// threads and paths out of what is hashed: they must not matter.
pub fn parameter_hash<T: Serialize>(parameters: &T) -> Result<u64> {
    let bytes = payload(parameters)?;
    let digest = Sha256::digest(&bytes);
    Ok(u64::from_le_bytes(std::array::from_fn(|i| digest[i])))
}

fn payload<T: Serialize>(value: &T) -> Result<Vec<u8>> {
    bincode::serde::encode_to_vec(value, config::<LARGEST>())
        .map_err(|e| Error::Undefined { what: "the saved form of this value".into(), why: e.to_string() })
}

/// The bytes of a checkpoint.
///
/// Errors: a value that serde cannot write.
pub fn encode<T: Serialize>(value: &T, parameters: u64) -> Result<Vec<u8>> {
    let payload = payload(value)?;
    let mut out = Vec::with_capacity(payload.len() + HEADER);
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&FORMAT.to_le_bytes());
    out.extend_from_slice(&parameters.to_le_bytes());
    out.extend_from_slice(&(payload.len() as u64).to_le_bytes());
    let crc = checksum(&out, &payload);
    out.extend_from_slice(&crc.to_le_bytes());
    out.extend_from_slice(&payload);
    Ok(out)
}

fn checksum(header: &[u8], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(header);
    hasher.update(payload);
    hasher.finalize()
}

/// The value in the bytes of a checkpoint. Errors name the place in the bytes.
pub fn decode<T: DeserializeOwned>(bytes: &[u8], parameters: u64) -> Result<T> {
    parse(bytes, parameters).map_err(|d| Error::corrupt(Path::new("checkpoint"), d.place, d.problem))
}

/// The parameter hash and the content of a whole checkpoint.
fn open(bytes: &[u8]) -> std::result::Result<(u64, &[u8]), Defect> {
    let Some((head, payload)) = bytes.split_at_checked(HEADER) else {
        return Err(Defect::at(
            "header",
            format!("{} bytes, a checkpoint has at least {HEADER}", bytes.len()),
        ));
    };
    if &head[..8] != MAGIC {
        return Err(Defect::at(
            "byte 0",
            format!("starts with {:?}, not with SMMLCKPT", String::from_utf8_lossy(&head[..8])),
        ));
    }
    let four = |at: usize| u32::from_le_bytes(std::array::from_fn(|i| head[at + i]));
    let eight = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| head[at + i]));
    if four(8) != FORMAT {
        return Err(Defect::at("byte 8", format!("format {}, this program reads format {FORMAT}", four(8))));
    }
    if eight(20) != payload.len() as u64 {
        return Err(Defect::at(
            "byte 20",
            format!("the header promises {} bytes of content, the file has {}", eight(20), payload.len()),
        ));
    }
    let crc = checksum(&head[..28], payload);
    if crc != four(28) {
        return Err(Defect::at("byte 28", format!("checksum {:08x}, the content has {crc:08x}", four(28))));
    }
    Ok((eight(12), payload))
}

fn parse<T: DeserializeOwned>(bytes: &[u8], parameters: u64) -> std::result::Result<T, Defect> {
    let (found, payload) = open(bytes)?;
    if found != parameters {
        return Err(Defect::at(
            "byte 12",
            format!("made with other parameters (hash {found:016x}, this run has {parameters:016x})"),
        ));
    }
    let (value, used) = decode_content(payload)
        .map_err(|e| Defect::at("content", format!("does not fit what this program saves: {e}")))?;
    if used != payload.len() {
        return Err(Defect::at("content", format!("{} bytes left over", payload.len() - used)));
    }
    Ok(value)
}

/// Where the last but one generation of `path` is kept.
pub fn previous(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".previous");
    PathBuf::from(name)
}

/// Writes a checkpoint so that at every moment, whatever fails, `path` or its previous generation is whole: temporary
/// file, fsync, renames, fsync of the folder. A damaged `path` does not become the previous generation.
pub fn save<T: Serialize>(path: &Path, value: &T, parameters: u64) -> Result<()> {
    replace_keeping_previous(path, &encode(value, parameters)?)
}

fn replace_keeping_previous(path: &Path, bytes: &[u8]) -> Result<()> {
    commit(&Real, path, bytes, true).map_err(|e| Error::io(path, e))
}

/// Writes a file whole or not at all: temporary file in the same folder, fsync, rename, fsync of the folder.
///
/// Errors: what the system says, with the path.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    commit(&Real, path, bytes, false).map_err(|e| Error::io(path, e))
}

/// The operations on files that saving is made of; tests make each of them fail.
trait Files {
    fn create_synced(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Whether there is a whole checkpoint.
    fn is_whole(&self, path: &Path) -> bool;
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
    fn remove(&self, path: &Path);
}

struct Real;

impl Files for Real {
    fn create_synced(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = fs::File::create(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }
    fn is_whole(&self, path: &Path) -> bool {
        fs::read(path).is_ok_and(|bytes| open(&bytes).is_ok())
    }
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        // Folders cannot be opened on every platform; where they can, the renames must reach the disk.
        if cfg!(unix) { fs::File::open(folder)?.sync_all() } else { Ok(()) }
    }
    fn remove(&self, path: &Path) {
        // A stray temporary file is harmless; there is nobody to tell.
        drop(fs::remove_file(path));
    }
}

fn commit(files: &impl Files, path: &Path, bytes: &[u8], keep_previous: bool) -> io::Result<()> {
    let folder = match path.parent() {
        Some(p) if !p.as_os_str().is_empty() => p,
        _ => Path::new("."),
    };
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}.tmp", std::process::id()));
    let temporary = PathBuf::from(temporary);
    let written = files.create_synced(&temporary, bytes).and_then(|()| {
        if keep_previous && files.is_whole(path) {
            files.rename(path, &previous(path))?;
        }
        files.rename(&temporary, path)
    });
    if let Err(e) = written {
        files.remove(&temporary);
        return Err(e);
    }
    files.sync_folder(folder)
}

/// A checkpoint that was read, and from which generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded<T> {
    /// What was saved.
    pub value: T,
    /// Why the newest generation could not be used, when the one before it was.
    pub fell_back: Option<String>,
}

/// Reads the newest whole generation of a checkpoint; `None` when there is none at all.
///
/// Errors: [`Error::Corrupt`] when neither generation can be used.
pub fn load<T: DeserializeOwned>(path: &Path, parameters: u64) -> Result<Option<Loaded<T>>> {
    let newest = match read(path, parameters) {
        Ok(Some(value)) => return Ok(Some(Loaded { value, fell_back: None })),
        Ok(None) => None,
        Err(e) => Some(e),
    };
    match (read(&previous(path), parameters), newest) {
        (Ok(Some(value)), reason) => {
            let why = reason.map_or_else(|| format!("{} is missing", path.display()), |e| e.to_string());
            Ok(Some(Loaded { value, fell_back: Some(why) }))
        }
        (_, Some(e)) => Err(e),
        (Ok(None), None) => Ok(None),
        (Err(e), None) => Err(e),
    }
}

fn read<T: DeserializeOwned>(path: &Path, parameters: u64) -> Result<Option<T>> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(Error::io(path, e)),
    };
    parse(&bytes, parameters).map(Some).map_err(|d| Error::corrupt(path, d.place, d.problem))
}

#[cfg(test)]
mod tests;
