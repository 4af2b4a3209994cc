//! The idx format of MNIST, plain or gzip (told apart by content, not by name).
//!
//! A file is a magic number (0x00000803 images, 0x00000801 labels), one big-endian u32 for each dimension, and one
//! byte for each value. Nothing is allocated on the word of a header: the file must hold what it announces.

use crate::error::Result;
use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};
use smml_core::Error;
use std::{
    fs::File,
    io::{BufReader, Read},
    path::Path,
};

/// The most values one file may hold, 2³¹: far above any data set this reader is for.
pub const MAX_VALUES: u64 = 1 << 31;

/// Deflate cannot expand a file by more than this (1032 in theory).
const MAX_EXPANSION: u64 = 1040;

/// A decoded file of unsigned bytes with one dimension (labels) or three (images).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idx {
    /// Sizes, slowest first: `[n]` or `[n, rows, columns]`.
    pub dims: Vec<usize>,
    /// The values, row-major.
    pub values: Vec<u8>,
    /// SHA-256 of the uncompressed content, header included, in lower-case hexadecimal.
    pub sha256: String,
}

/// Reads a file.
///
/// Errors: [`Error::Io`], and [`Error::Corrupt`] with place and value for a wrong magic number, a size of zero, more
/// or fewer bytes than the header announces, and damaged gzip data.
pub fn read(path: &Path) -> Result<Idx> {
    let (file, length) = open(path)?;
    decode(file, length, path)
}

/// A file and its length.
pub(super) fn open(path: &Path) -> Result<(BufReader<File>, u64)> {
    let file = File::open(path).map_err(|e| Error::io(path, e))?;
    let meta = file.metadata().map_err(|e| Error::io(path, e))?;
    if meta.is_dir() {
        return Err(Error::corrupt(path, "path", "is a folder, not a file of data").into());
    }
    Ok((BufReader::new(file), meta.len()))
}

/// The content of a source, uncompressed if it starts as gzip data do, and whether it does.
pub(super) fn uncompressed<'a>(
    mut source: impl Read + 'a,
    path: &Path,
) -> Result<(Box<dyn Read + 'a>, bool)> {
    let mut start = [0u8; 2];
    let got = fill(&mut source, &mut start).map_err(|e| Error::io(path, e))?;
    let source = std::io::Cursor::new(start).take(got as u64).chain(source);
    Ok(match start == [0x1f, 0x8b] {
        true => (Box::new(MultiGzDecoder::new(source)), true),
        false => (Box::new(source), false),
    })
}

/// What a failed read of a file means.
pub(super) fn unreadable(path: &Path, gzip: bool, place: String, e: std::io::Error) -> Error {
    if gzip { Error::corrupt(path, place, format!("gzip data damaged: {e}")) } else { Error::io(path, e) }
}

/// A hash in hexadecimal.
pub(super) fn hexadecimal(hash: Sha256) -> String {
    hash.finalize().iter().map(|b| format!("{b:02x}")).collect()
}

/// Decodes the content of a file; `path` is used in messages only.
pub fn from_bytes(bytes: &[u8], path: &Path) -> Result<Idx> {
    decode(bytes, bytes.len() as u64, path)
}

fn decode(source: impl Read, length: u64, path: &Path) -> Result<Idx> {
    let (source, gzip) = uncompressed(source, path)?;
    let available = if gzip { length.saturating_mul(MAX_EXPANSION) } else { length };
    parse(source, available, gzip, path)
}

/// Reads until `buffer` is full or the source ends; returns how much there was.
pub(super) fn fill(source: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut at = 0;
    while at < buffer.len() {
        match source.read(&mut buffer[at..]) {
            Ok(0) => break,
            Ok(n) => at += n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(at)
}

/// `available`: an upper bound of the uncompressed length.
fn parse(mut source: impl Read, available: u64, gzip: bool, path: &Path) -> Result<Idx> {
    let unreadable = |place: String, e: std::io::Error| unreadable(path, gzip, place, e);
    let mut hash = Sha256::new();
    let mut word = |source: &mut dyn Read, at: usize, what: &str| -> Result<u32> {
        let mut bytes = [0u8; 4];
        let got = fill(&mut &mut *source, &mut bytes).map_err(|e| unreadable(format!("byte {at}"), e))?;
        if got < 4 {
            return Err(Error::corrupt(
                path,
                format!("byte {}", at + got),
                format!("the file ends inside the {what}"),
            )
            .into());
        }
        hash.update(bytes);
        Ok(u32::from_be_bytes(bytes))
    };
    let magic = word(&mut source, 0, "magic number")?;
    let n_dims = match magic {
        0x0000_0801 => 1,
        0x0000_0803 => 3,
        _ => {
            return Err(Error::corrupt(
                path,
                "byte 0",
                format!("magic number 0x{magic:08x}, expected 0x00000803 (images) or 0x00000801 (labels)"),
            )
            .into());
        }
    };
    let mut dims = Vec::with_capacity(n_dims);
    let mut total: u64 = 1;
    for (k, name) in ["number of items", "number of rows", "number of columns"][..n_dims].iter().enumerate() {
        let at = 4 + 4 * k;
        let size = word(&mut source, at, name)?;
        if size == 0 {
            return Err(Error::corrupt(path, format!("byte {at}"), format!("{name} is 0")).into());
        }
        total = total.saturating_mul(u64::from(size));
        dims.push(size as usize);
    }
    let header = 4 + 4 * n_dims as u64;
    if total > MAX_VALUES || total.saturating_add(header) > available {
        let problem = if total > MAX_VALUES {
            format!("sizes {dims:?} announce more than {MAX_VALUES} values")
        } else if gzip {
            format!("sizes {dims:?} announce {total} values, more than a gzip file of this length can hold")
        } else {
            format!(
                "sizes {dims:?} announce {total} values, the file holds {}",
                available.saturating_sub(header)
            )
        };
        return Err(Error::corrupt(path, "byte 4", problem).into());
    }
    // Grows with what really comes, not with what was announced.
    let mut values = Vec::new();
    (&mut source)
        .take(total)
        .read_to_end(&mut values)
        .map_err(|e| unreadable(format!("byte {}", header + values.len() as u64), e))?;
    let end = header + values.len() as u64;
    if (values.len() as u64) < total {
        return Err(Error::corrupt(
            path,
            format!("byte {end}"),
            format!("the file ends after {} of {total} values (sizes {dims:?})", values.len()),
        )
        .into());
    }
    let mut rest = [0u8; 1];
    let more = fill(&mut source, &mut rest).map_err(|e| unreadable(format!("byte {end}"), e))?;
    if more > 0 {
        return Err(Error::corrupt(
            path,
            format!("byte {end}"),
            format!("bytes follow after the {total} values of sizes {dims:?}"),
        )
        .into());
    }
    hash.update(&values);
    Ok(Idx { dims, values, sha256: hexadecimal(hash) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use proptest::prelude::*;
    use std::io::Write;

    fn encode(magic: u32, dims: &[u32], values: &[u8]) -> Vec<u8> {
        let mut out = magic.to_be_bytes().to_vec();
        dims.iter().for_each(|d| out.extend(d.to_be_bytes()));
        out.extend(values);
        out
    }
    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }
    fn message(bytes: &[u8]) -> String {
        from_bytes(bytes, Path::new("some-file")).unwrap_err().to_string()
    }

    #[test]
    fn plain_and_gzip_agree() {
        let bytes = encode(0x803, &[2, 2, 3], &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
        let a = from_bytes(&bytes, Path::new("a")).unwrap();
        assert_eq!((a.dims.as_slice(), a.values[11]), ([2, 2, 3].as_slice(), 12));
        assert_eq!(from_bytes(&gzip(&bytes), Path::new("a")).unwrap(), a);
        // Two gzip members, as `cat a.gz b.gz` makes them, are one content.
        let two = [gzip(&bytes[..9]), gzip(&bytes[9..])].concat();
        assert_eq!(from_bytes(&two, Path::new("a")).unwrap(), a);
        // sha256sum of 00 00 08 01 00 00 00 02 05 07
        let labels = from_bytes(&encode(0x801, &[2], &[5, 7]), Path::new("l")).unwrap();
        assert_eq!(labels.sha256, "9355fbc0fa2cdea18f8cefbe8bcff7c09df637f1bf51b2810113e50861f7dbc4");
    }

    #[test]
    fn every_fault_names_file_place_and_value() {
        let good = encode(0x803, &[1, 2, 2], &[9; 4]);
        for (bytes, parts) in [
            (vec![], ["byte 0", "magic"]),
            (good[..3].to_vec(), ["byte 3", "magic"]),
            (good[..14].to_vec(), ["byte 14", "number of columns"]),
            (good[..18].to_vec(), ["byte 4", "holds 2"]),
            ([&good[..], &[0]].concat(), ["byte 20", "follow"]),
            (encode(0x804, &[1, 2, 2], &[9; 4]), ["byte 0", "0x00000804"]),
            (encode(0x803, &[1, 0, 2], &[]), ["byte 8", "rows is 0"]),
            (encode(0x803, &[u32::MAX; 3], &[9; 4]), ["byte 4", "more than"]),
            (gzip(&encode(0x803, &[60_000, 28, 28], &[9; 4])), ["byte 4", "gzip"]),
            (gzip(&good[..18]), ["byte 18", "2 of 4"]),
            (gzip(&[&good[..], &[0]].concat()), ["byte 20", "follow"]),
            (gzip(&good)[..15].to_vec(), ["byte", "damaged"]),
            ([gzip(&good), vec![1, 2, 3]].concat(), ["byte 20", "damaged"]),
        ] {
            let text = message(&bytes);
            assert!(text.contains("some-file"), "{text}");
            assert!(parts.iter().all(|p| text.contains(p)), "{text}: expected {parts:?}");
        }
        let mut flipped = gzip(&good);
        let at = flipped.len() - 6; // inside the checksum
        flipped[at] ^= 1;
        assert!(message(&flipped).contains("damaged"), "{}", message(&flipped));
    }

    #[test]
    fn a_folder_and_a_missing_file_are_errors() {
        let dir = tempfile::tempdir().unwrap();
        assert!(read(dir.path()).is_err());
        assert!(read(&dir.path().join("none")).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_decoded_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200), zip: bool) {
            let content = if zip { gzip(&bytes) } else { bytes.clone() };
            if let Ok(idx) = from_bytes(&content, Path::new("x")) {
                prop_assert_eq!(idx.values.len(), idx.dims.iter().product::<usize>());
                prop_assert!(idx.values.capacity() <= 2 * bytes.len().max(64));
            }
        }

        #[test]
        fn any_header_is_decoded_or_refused(
            magic in prop_oneof![Just(0x801u32), Just(0x803)],
            dims in proptest::collection::vec(prop_oneof![0u32..6, any::<u32>()], 3),
            values in proptest::collection::vec(any::<u8>(), 0..150),
            cut in 0usize..40,
            zip: bool,
        ) {
            let n_dims = if magic == 0x801 { 1 } else { 3 };
            let mut bytes = encode(magic, &dims[..n_dims], &values);
            bytes.truncate(bytes.len() - cut.min(bytes.len()));
            let fits = bytes.len() >= 4 + 4 * n_dims
                && dims[..n_dims].iter().all(|d| *d > 0)
                && dims[..n_dims].iter().map(|d| u128::from(*d)).product::<u128>()
                    == (bytes.len() - 4 - 4 * n_dims) as u128;
            let content = if zip { gzip(&bytes) } else { bytes };
            prop_assert_eq!(from_bytes(&content, Path::new("x")).is_ok(), fits);
        }

        #[test]
        fn damaged_gzip_never_panics(flips in proptest::collection::vec((0usize..60, any::<u8>()), 1..6)) {
            let mut bytes = gzip(&encode(0x803, &[3, 2, 2], &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]));
            for (at, with) in flips {
                let at = at % bytes.len();
                bytes[at] ^= with;
            }
            let _ = from_bytes(&bytes, Path::new("x"));
        }
    }
}
