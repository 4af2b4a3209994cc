//! Labelled examples: what a network learns from.

use crate::{
    data::DataSet,
    error::{Error, Result},
};
use sha2::{Digest, Sha256};

/// Rows of real features, with one class each.
#[derive(Clone, Debug, PartialEq)]
pub struct Labelled {
    width: usize,
    n_classes: usize,
    features: Vec<f32>,
    labels: Vec<u8>,
}

impl Labelled {
    /// `features` row by row, `width` to a row; labels below `n_classes`.
    ///
    /// Errors: no rows, lengths that do not fit, a feature that is not finite, a label out of range.
    pub fn new(width: usize, n_classes: usize, features: Vec<f32>, labels: Vec<u8>) -> Result<Self> {
        if width == 0 {
            return Err(Error::out_of_range("features in a row", 0, "at least 1"));
        }
        if labels.is_empty() || u32::try_from(labels.len()).is_err() {
            return Err(Error::out_of_range("labelled rows", labels.len(), "in 1..2^32"));
        }
        let expected = labels.len().saturating_mul(width);
        if features.len() != expected {
            return Err(Error::length("features", features.len(), expected));
        }
        if !(2..=256).contains(&n_classes) {
            return Err(Error::out_of_range("number of classes", n_classes, "in 2..=256"));
        }
        if let Some(i) = labels.iter().position(|l| usize::from(*l) >= n_classes) {
            return Err(Error::out_of_range(
                format!("label of row {i}"),
                labels[i],
                format!("below {n_classes}"),
            ));
        }
        check_finite(&features, width)?;
        Ok(Labelled { width, n_classes, features, labels })
    }
    /// Images, grey values divided by 255.
    pub fn from_images(images: &DataSet, n_classes: usize) -> Result<Self> {
        let features = images.images().iter().map(|p| f32::from(*p) / 255.0).collect();
        Labelled::new(images.n_pixels(), n_classes, features, images.labels().to_vec())
    }
    /// Number of rows, at least one.
    #[allow(clippy::len_without_is_empty)] // never empty
    pub fn len(&self) -> usize {
        self.labels.len()
    }
    /// Features in a row.
    pub fn width(&self) -> usize {
        self.width
    }
    /// Number of classes.
    pub fn n_classes(&self) -> usize {
        self.n_classes
    }
    /// The features of one row. Panics when there is no such row, as a slice does.
    pub fn row(&self, i: usize) -> &[f32] {
        &self.features[i * self.width..(i + 1) * self.width]
    }
    /// All features.
    pub fn features(&self) -> &[f32] {
        &self.features
    }
    /// All labels.
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }
    /// SHA-256 of shape, features and labels, in lower-case hexadecimal.
    pub(super) fn sha256(&self) -> String {
        let mut hash = Sha256::new();
        hash.update((self.width as u64).to_le_bytes());
        hash.update((self.n_classes as u64).to_le_bytes());
        hash.update(&self.labels);
        let mut bytes = Vec::with_capacity(4 * self.width);
        for row in self.features.chunks_exact(self.width) {
            bytes.clear();
            bytes.extend(row.iter().flat_map(|x| x.to_le_bytes()));
            hash.update(&bytes);
        }
        hash.finalize().iter().map(|b| format!("{b:02x}")).collect()
    }
}

/// Names the first feature that is not finite.
pub(super) fn check_finite(features: &[f32], width: usize) -> Result<()> {
    match features.iter().position(|x| !x.is_finite()) {
        None => Ok(()),
        Some(i) => {
            let name = format!("feature {} of row {}", i % width, i / width);
            Err(Error::out_of_range(name, features[i], "finite"))
        }
    }
}
