//! The binary format of CIFAR-10, plain or gzip, read as grey images.
//!
//! A file is a row of records without a header. A record is one byte with the label, 0 to 9, and 3,072 bytes with the pixels
//! of a colour image of 32 × 32: 1,024 red values row by row, then as many green ones, then blue ones. (A. Krizhevsky,
//! Learning Multiple Layers of Features from Tiny Images, 2009.)
//!
//! The models here know one grey value a pixel, so colours are joined when a file is read: see [`grey`].
//! [`DataSet::reduced`] makes the images smaller.

use super::{DataSet, idx};
use crate::error::Result;
use sha2::{Digest, Sha256};
use smml_core::Error;
use std::{io::Read, path::Path};

/// Side of an image in pixels.
pub const SIDE: usize = 32;
const PIXELS: usize = SIDE * SIDE;
/// Bytes of a record: the label, and three colours of every pixel.
pub const RECORD: usize = 1 + 3 * PIXELS;
/// Largest label.
const LARGEST_LABEL: u8 = 9;

/// Images and labels of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Grey images with their labels.
    pub set: DataSet,
    /// SHA-256 of the uncompressed content, in lower-case hexadecimal.
    pub sha256: String,
}

/// The grey value of a colour: ⌊(299 R + 587 G + 114 B + 500)/1000⌋, the luma of ITU-R BT.601 rounded to a whole number.
///
/// ```
/// use smml_learn::data::cifar::grey;
/// assert_eq!([grey(0, 0, 0), grey(7, 7, 7), grey(255, 255, 255)], [0, 7, 255]);
/// assert_eq!([grey(255, 0, 0), grey(0, 255, 0), grey(0, 0, 255)], [76, 150, 29]);
/// ```
pub fn grey(red: u8, green: u8, blue: u8) -> u8 {
    let [red, green, blue] = [red, green, blue].map(u32::from);
    ((299 * red + 587 * green + 114 * blue + 500) / 1000) as u8
}

/// Reads a file.
///
/// Errors: [`Error::Io`], and [`Error::Corrupt`] with record, place and value for a file that is empty or ends inside a
/// record, a label above 9, more than [`idx::MAX_VALUES`] bytes, and damaged gzip data.
pub fn read(path: &Path) -> Result<Batch> {
    let (file, _) = idx::open(path)?;
    decode(file, path)
}

/// Decodes the content of a file; `path` is used in messages only.
pub fn from_bytes(bytes: &[u8], path: &Path) -> Result<Batch> {
    decode(bytes, path)
}

fn decode(source: impl Read, path: &Path) -> Result<Batch> {
    let (mut source, gzip) = idx::uncompressed(source, path)?;
    let mut hash = Sha256::new();
    let (mut images, mut labels) = (Vec::new(), Vec::new());
    let mut record = vec![0u8; RECORD];
    loop {
        let n = labels.len();
        let at = n * RECORD;
        let got = idx::fill(&mut source, &mut record)
            .map_err(|e| idx::unreadable(path, gzip, format!("record {n}, from byte {at}"), e))?;
        if got == 0 && n > 0 {
            break;
        }
        if got < RECORD {
            let problem = match n + got {
                0 => "the file is empty".to_string(),
                _ => format!("the file ends after {got} of the {RECORD} bytes of record {n}"),
            };
            return Err(Error::corrupt(path, format!("byte {}", at + got), problem).into());
        }
        if record[0] > LARGEST_LABEL {
            let problem = format!("label {} of record {n}, allowed: 0 to {LARGEST_LABEL}", record[0]);
            return Err(Error::corrupt(path, format!("byte {at}"), problem).into());
        }
        if (at + RECORD) as u64 > idx::MAX_VALUES {
            let problem = format!("more than {} bytes", idx::MAX_VALUES);
            return Err(Error::corrupt(path, format!("record {n}"), problem).into());
        }
        hash.update(&record);
        labels.push(record[0]);
        let colours = |k: usize| [1, 1 + PIXELS, 1 + 2 * PIXELS].map(|first| record[first + k]);
        images.extend((0..PIXELS).map(|k| {
            let [red, green, blue] = colours(k);
            grey(red, green, blue)
        }));
    }
    Ok(Batch { set: DataSet::new(images, SIDE, SIDE, labels)?, sha256: idx::hexadecimal(hash) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use proptest::prelude::*;
    use std::io::Write;

    /// A record whose colours say where they stand.
    fn record(label: u8) -> Vec<u8> {
        let mut bytes = vec![label];
        bytes.extend((0..3 * PIXELS).map(|k| ((k / PIXELS) * 80 + k % PIXELS / SIDE + k % SIDE) as u8));
        bytes
    }
    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn planes_become_grey_images() {
        let bytes = [record(3), record(9), record(0)].concat();
        let batch = from_bytes(&bytes, Path::new("x")).unwrap();
        assert_eq!(batch.set.labels(), [3, 9, 0]);
        assert_eq!((batch.set.rows(), batch.set.columns(), batch.set.len()), (32, 32, 3));
        for (r, c) in [(0, 0), (0, 31), (31, 0), (17, 5)] {
            let base = (r + c) as f64;
            let luma = 0.299 * base + 0.587 * (base + 80.0) + 0.114 * (base + 160.0);
            assert_eq!(f64::from(batch.set.image(1)[r * 32 + c]), luma.round(), "{r} {c}");
        }
        let hash: String = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(batch.sha256, hash);
        assert_eq!(from_bytes(&gzip(&bytes), Path::new("x")).unwrap(), batch);
    }

    #[test]
    fn greys_are_rounded_luma() {
        for red in (0..=255).step_by(5) {
            for green in (0..=255).step_by(3) {
                for blue in (0..=255).step_by(17) {
                    let exact = 0.299 * f64::from(red) + 0.587 * f64::from(green) + 0.114 * f64::from(blue);
                    assert!((f64::from(grey(red, green, blue)) - exact).abs() <= 0.5 + 1e-9);
                }
            }
        }
    }

    #[test]
    fn every_fault_names_file_record_and_value() {
        let two = [record(1), record(2)].concat();
        let wrong = [record(1), record(2), record(10)].concat();
        for (bytes, parts) in [
            (vec![], ["byte 0", "empty"]),
            (two[..5000].to_vec(), ["byte 5000", "1927 of the 3073 bytes of record 1"]),
            ([&two[..], &[1]].concat(), ["byte 6147", "1 of the 3073 bytes of record 2"]),
            (wrong, ["byte 6146", "label 10 of record 2"]),
            (gzip(&two[..4000]), ["byte 4000", "record 1"]),
            (gzip(&two)[..30].to_vec(), ["record 0", "damaged"]),
        ] {
            let text = from_bytes(&bytes, Path::new("some-file")).unwrap_err().to_string();
            assert!(text.contains("some-file"), "{text}");
            assert!(parts.iter().all(|p| text.contains(p)), "{text}: expected {parts:?}");
        }
        let dir = tempfile::tempdir().unwrap();
        assert!(read(dir.path()).unwrap_err().to_string().contains("folder"));
        assert!(read(&dir.path().join("none")).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_decoded_or_refused(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            labels in proptest::collection::vec(0u8..12, 0..3),
            zip: bool,
        ) {
            let content = [labels.iter().flat_map(|l| record(*l)).collect(), bytes.clone()].concat();
            let fits = bytes.is_empty() && !labels.is_empty() && labels.iter().all(|l| *l < 10);
            let given = if zip { gzip(&content) } else { content };
            prop_assert_eq!(from_bytes(&given, Path::new("x")).is_ok(), fits);
        }
    }
}
