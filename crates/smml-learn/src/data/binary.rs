//! Rows of zeros and ones.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// `len` rows of `width` binary units, one byte (0 or 1) each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawBinaryData")]
pub struct BinaryData {
    width: usize,
    bits: Vec<u8>,
}

#[derive(Deserialize)]
struct RawBinaryData {
    width: usize,
    bits: Vec<u8>,
}

impl TryFrom<RawBinaryData> for BinaryData {
    type Error = Error;
    fn try_from(raw: RawBinaryData) -> Result<Self> {
        BinaryData::new(raw.width, raw.bits)
    }
}

impl BinaryData {
    /// Rows one after the other; every byte must be 0 or 1.
    pub fn new(width: usize, bits: Vec<u8>) -> Result<Self> {
        if width == 0 {
            return Err(Error::out_of_range("width of binary rows", 0, "at least 1"));
        }
        if !bits.len().is_multiple_of(width) {
            return Err(Error::length("binary rows", bits.len(), bits.len() / width * width));
        }
        if let Some(i) = bits.iter().position(|b| *b > 1) {
            let name = format!("unit {} of row {}", i % width, i / width);
            return Err(Error::out_of_range(name, bits[i], "0 or 1"));
        }
        Ok(BinaryData { width, bits })
    }
    /// From one vector for each row, all of one length.
    ///
    /// Errors: no rows, rows of different lengths, and those of [`BinaryData::new`].
    pub fn from_rows(rows: &[Vec<u8>]) -> Result<Self> {
        let Some(width) = rows.first().map(Vec::len) else {
            return Err(Error::out_of_range(
                "number of binary rows",
                0,
                "at least 1: the first gives the width",
            ));
        };
        if let Some(row) = rows.iter().find(|row| row.len() != width) {
            return Err(Error::length("binary row", row.len(), width));
        }
        BinaryData::new(width, rows.concat())
    }
    /// From truth values; an incomplete last row is dropped.
    pub(crate) fn from_bits(width: usize, bits: impl Iterator<Item = bool>) -> Self {
        let mut bits: Vec<u8> = bits.map(u8::from).collect();
        bits.truncate(bits.len() / width.max(1) * width);
        BinaryData { width, bits }
    }
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.bits.len() / self.width.max(1)
    }
    /// True when there is no row.
    pub fn is_empty(&self) -> bool {
        self.bits.is_empty()
    }
    /// Units in a row.
    pub fn width(&self) -> usize {
        self.width
    }
    /// One row. Panics when there is no such row, as a slice does.
    pub fn row(&self, i: usize) -> &[u8] {
        &self.bits[i * self.width..(i + 1) * self.width]
    }
    /// All rows.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.bits.chunks_exact(self.width.max(1))
    }
    /// The first `n` rows (all, when there are fewer).
    pub fn head(&self, n: usize) -> Self {
        self.range(0..n)
    }
    /// The rows in this range, as far as there are any.
    ///
    /// ```
    /// # use smml_learn::data::BinaryData;
    /// let data = BinaryData::from_rows(&[vec![1, 0], vec![0, 1], vec![1, 1]])?;
    /// assert_eq!(data.range(1..9).row(0), [0, 1]);
    /// assert!(data.range(3..9).is_empty());
    /// # Ok::<(), smml_learn::Error>(())
    /// ```
    pub fn range(&self, rows: Range<usize>) -> Self {
        let end = rows.end.min(self.len());
        let start = rows.start.min(end);
        BinaryData { width: self.width, bits: self.bits[start * self.width..end * self.width].to_vec() }
    }
    /// The rows at these places, in this order.
    ///
    /// # Panics
    /// When there is no such row, as indexing a slice does.
    pub fn select(&self, places: &[usize]) -> Self {
        let mut bits = Vec::with_capacity(places.len() * self.width);
        places.iter().for_each(|k| bits.extend_from_slice(self.row(*k)));
        BinaryData { width: self.width, bits }
    }
    /// These rows with the last ones replaced by `rows`, which must not be wider or more.
    pub(crate) fn ending_in(&self, rows: &BinaryData) -> Self {
        let mut bits = self.bits.clone();
        let kept = bits.len() - rows.bits.len();
        bits[kept..].copy_from_slice(&rows.bits);
        BinaryData { width: self.width, bits }
    }
    /// The fraction of ones in each column.
    pub fn column_means(&self) -> Vec<f64> {
        let mut counts = vec![0u64; self.width];
        for row in self.rows() {
            counts.iter_mut().zip(row).for_each(|(c, b)| *c += u64::from(*b));
        }
        counts.into_iter().map(|c| c as f64 / self.len().max(1) as f64).collect()
    }
    /// Log-odds ln p / (1 - p) of each column, with `pseudo` zeros and ones added to the counts: the biases of
    /// independent units that fit the data. `pseudo` must be positive where a column is constant.
    pub fn log_odds(&self, pseudo: f64) -> Vec<f64> {
        let n = self.len() as f64;
        self.column_means()
            .into_iter()
            .map(|p| libm::log((p * n + pseudo) / ((1.0 - p) * n + pseudo)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_means() {
        let data = BinaryData::new(3, vec![0, 1, 1, 0, 0, 1]).unwrap();
        assert_eq!((data.len(), data.row(1)), (2, [0, 0, 1].as_slice()));
        assert_eq!(data.column_means(), [0.0, 0.5, 1.0]);
        let odds = data.log_odds(1.0);
        assert!((odds[0] + 3f64.ln()).abs() < 1e-15 && odds[1] == 0.0 && (odds[2] - 3f64.ln()).abs() < 1e-15);
        assert!(BinaryData::new(3, vec![0, 1]).is_err());
        assert!(BinaryData::new(0, vec![]).unwrap_err().to_string().contains("width of binary rows = 0"));
        assert!(BinaryData::from_rows(&[]).unwrap_err().to_string().contains("number of binary rows = 0"));
        assert!(BinaryData::from_rows(&[vec![]]).unwrap_err().to_string().contains("width"));
        assert!(BinaryData::new(1, vec![2]).unwrap_err().to_string().contains("unit 0 of row 0 = 2"));
    }

    #[test]
    fn hostile_files_are_refused() {
        let read = |width: usize, bits: &[u8]| {
            let text = serde_json::json!({ "width": width, "bits": bits }).to_string();
            serde_json::from_str::<BinaryData>(&text).map_err(|e| e.to_string())
        };
        assert_eq!(read(2, &[0, 1, 1, 0]).unwrap().row(1), [1, 0]);
        assert!(read(0, &[]).unwrap_err().contains("width of binary rows = 0"));
        assert!(read(3, &[0, 1]).unwrap_err().contains("binary rows"));
        assert!(read(2, &[0, 1, 7, 0]).unwrap_err().contains("unit 0 of row 1 = 7"));
    }
}
