//! Labelled examples: what a network learns from.

use crate::{
    data::{DataSet, check_labels},
    error::{Error, Result},
};
use sha2::{Digest, Sha256};

/// Rows of real features, with one class each, and perhaps a weight.
#[derive(Clone, Debug, PartialEq)]
pub struct Labelled {
    width: usize,
    n_classes: usize,
    features: Vec<f32>,
    labels: Vec<u8>,
    /// Empty when all rows weigh the same; else their mean is 1.
    weights: Vec<f64>,
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
        check_labels(&labels, n_classes)?;
        check_finite(&features, width)?;
        Ok(Labelled { width, n_classes, features, labels, weights: Vec::new() })
    }
    /// Images, grey values divided by 255.
    pub fn from_images(images: &DataSet, n_classes: usize) -> Result<Self> {
        let features = images.images().iter().map(|p| f32::from(*p) / 255.0).collect();
        Labelled::new(images.n_pixels(), n_classes, features, images.labels().to_vec())
    }
    /// The same rows with importance weights wᵢ: the loss is Σ wᵢ ℓᵢ / Σ wᵢ, so that only their ratios count.
    ///
    /// Errors: not one weight for each row, a weight that is negative or not finite, weights that are all zero.
    pub fn weighted(self, weights: Vec<f64>) -> Result<Self> {
        if weights.len() != self.len() {
            return Err(Error::length("weights of rows", weights.len(), self.len()));
        }
        if let Some(i) = weights.iter().position(|w| !(*w >= 0.0 && w.is_finite())) {
            return Err(Error::out_of_range(
                format!("weight of row {i}"),
                weights[i],
                "finite and not negative",
            ));
        }
        // About the largest, so that no sum overflows.
        let top = weights.iter().copied().fold(0.0, f64::max);
        if top == 0.0 {
            return Err(Error::out_of_range("weights of rows", "all zero", "greater than 0 somewhere"));
        }
        let mean = weights.iter().map(|w| w / top).sum::<f64>() / weights.len() as f64;
        Ok(Labelled { weights: weights.iter().map(|w| w / top / mean).collect(), ..self })
    }
    /// The same rows, each with the weight of its class, as [`smml_core::importance::balance`] computes them for
    /// classes that come too rarely.
    ///
    /// Errors: not one weight for each class, and those of [`Labelled::weighted`].
    ///
    /// ```
    /// use smml_core::importance::balance::balanced_weights;
    /// use smml_learn::network::Labelled;
    /// let rows = Labelled::new(1, 2, vec![0.1, 0.2, 0.3, 0.9], vec![0, 0, 0, 1])?;
    /// let rows = rows.weighted_by_class(&balanced_weights(&[0, 0, 0, 1], 2)?)?;
    /// assert_eq!(rows.weight(3), 2.0);
    /// # Ok::<(), smml_learn::Error>(())
    /// ```
    pub fn weighted_by_class(self, weights: &[f64]) -> Result<Self> {
        if weights.len() != self.n_classes {
            return Err(Error::length("weights of classes", weights.len(), self.n_classes));
        }
        let rows = self.labels.iter().map(|l| weights[usize::from(*l)]).collect();
        self.weighted(rows)
    }
    /// The weight of one row; weights have the mean 1.
    pub fn weight(&self, i: usize) -> f64 {
        self.weights.get(i).copied().unwrap_or(1.0)
    }
    pub(super) fn weights(&self) -> &[f64] {
        &self.weights
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
    /// SHA-256 of shape, features, labels and weights, in lower-case hexadecimal.
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
        self.weights.iter().for_each(|w| hash.update(w.to_le_bytes()));
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
