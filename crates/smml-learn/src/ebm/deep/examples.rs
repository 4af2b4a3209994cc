//! Rows for the layers that show data: the first, and the last where it holds labels.

use super::{model::DeepMachine, units::LayerUnits};
use crate::{
    data::{BinaryData, check_labels},
    error::{Error, Result},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Rows of the first layer.
#[derive(Clone, Debug, PartialEq)]
pub enum FirstRows {
    /// Bits: of binary units, of spins (0 is down), or of the states of softmax variables.
    Bits(BinaryData),
    /// Real numbers.
    Reals(RealRows),
}

/// Rows of finite numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawRealRows")]
pub struct RealRows {
    width: usize,
    values: Vec<f32>,
}

#[derive(Deserialize)]
struct RawRealRows {
    width: usize,
    values: Vec<f32>,
}

impl TryFrom<RawRealRows> for RealRows {
    type Error = Error;
    fn try_from(raw: RawRealRows) -> Result<Self> {
        RealRows::new(raw.width, raw.values)
    }
}

impl RealRows {
    /// Rows one after the other. Errors: no width, a row that is not complete, a number that is not finite.
    pub fn new(width: usize, values: Vec<f32>) -> Result<Self> {
        if width == 0 {
            return Err(Error::out_of_range("width of rows", 0, "at least 1"));
        }
        if !values.len().is_multiple_of(width) {
            return Err(Error::length("rows of numbers", values.len(), values.len() / width * width));
        }
        if let Some(k) = values.iter().position(|v| !v.is_finite()) {
            return Err(Error::out_of_range(
                format!("unit {} of row {}", k % width, k / width),
                values[k],
                "finite",
            ));
        }
        Ok(RealRows { width, values })
    }
    /// Units in a row.
    pub fn width(&self) -> usize {
        self.width
    }
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.values.len() / self.width.max(1)
    }
    /// True when there is no row.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
    /// One row. Panics when there is no such row, as a slice does.
    pub fn row(&self, i: usize) -> &[f32] {
        &self.values[i * self.width..(i + 1) * self.width]
    }
}

/// Rows of data, with a label each where the last layer shows labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Examples {
    rows: FirstRows,
    labels: Option<(Vec<u8>, usize)>,
}

impl Examples {
    /// Rows of bits.
    pub fn bits(rows: BinaryData) -> Self {
        Examples { rows: FirstRows::Bits(rows), labels: None }
    }
    /// Rows of real numbers.
    pub fn reals(rows: RealRows) -> Self {
        Examples { rows: FirstRows::Reals(rows), labels: None }
    }
    /// With a label below `n_classes` for every row.
    ///
    /// Errors: another number of labels than rows, a label that is no class.
    pub fn with_labels(self, labels: Vec<u8>, n_classes: usize) -> Result<Self> {
        if labels.len() != self.len() {
            return Err(Error::length("labels", labels.len(), self.len()));
        }
        check_labels(&labels, n_classes)?;
        Ok(Examples { labels: Some((labels, n_classes)), ..self })
    }
    /// Number of rows.
    pub fn len(&self) -> usize {
        match &self.rows {
            FirstRows::Bits(rows) => rows.len(),
            FirstRows::Reals(rows) => rows.len(),
        }
    }
    /// True when there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Units of the first layer.
    pub fn width(&self) -> usize {
        match &self.rows {
            FirstRows::Bits(rows) => rows.width(),
            FirstRows::Reals(rows) => rows.width(),
        }
    }
    /// The rows.
    pub fn rows(&self) -> &FirstRows {
        &self.rows
    }
    /// The labels and the number of classes.
    pub fn labels(&self) -> Option<(&[u8], usize)> {
        self.labels.as_ref().map(|(labels, n)| (&labels[..], *n))
    }
    /// Checks that these are states of the layers of a machine that show data: with labels the last layer is one softmax
    /// variable of so many states.
    pub(super) fn check(&self, layers: &[LayerUnits]) -> Result<()> {
        let (first, last) = (layers[0], layers[layers.len() - 1]);
        if self.width() != first.n_units() {
            return Err(Error::length("row of data", self.width(), first.n_units()));
        }
        if let Some((_, n_classes)) = self.labels {
            let wanted = LayerUnits::Softmax { groups: 1, q: n_classes };
            if last != wanted {
                return Err(Error::out_of_range(
                    "last layer of a machine with labels",
                    format!("{last:?}"),
                    format!("{wanted:?}"),
                ));
            }
        }
        let is_real = matches!(self.rows, FirstRows::Reals(_));
        if is_real == first.is_discrete() {
            let allowed =
                if is_real { "gaussian: the rows are real numbers" } else { "discrete: the rows are bits" };
            return Err(Error::out_of_range("units of layer 0", format!("{first:?}"), allowed));
        }
        if matches!(first, LayerUnits::Softmax { .. }) {
            let mut x = vec![0.0; self.width()];
            for k in 0..self.len() {
                self.fill(first, k, &mut x);
                first.check_row(k, &x)?;
            }
        }
        Ok(())
    }
    /// Writes row `k` as values of the units of the first layer.
    pub(super) fn fill(&self, units: LayerUnits, k: usize, x: &mut [f64]) {
        match &self.rows {
            FirstRows::Bits(rows) => {
                let spins = matches!(units, LayerUnits::Spins { .. });
                for (x, bit) in x.iter_mut().zip(rows.row(k)) {
                    let v = f64::from(*bit);
                    *x = if spins { 2.0 * v - 1.0 } else { v };
                }
            }
            FirstRows::Reals(rows) => x.iter_mut().zip(rows.row(k)).for_each(|(x, v)| *x = f64::from(*v)),
        }
    }
    /// Writes the label of row `k` as values of the units of the last layer.
    pub(super) fn fill_label(&self, k: usize, x: &mut [f64]) {
        if let Some((labels, _)) = &self.labels {
            x.fill(0.0);
            x[usize::from(labels[k])] = 1.0;
        }
    }
    /// Mean of every unit of the first layer, and the share of every class.
    pub(super) fn means(&self, units: LayerUnits) -> (Vec<f64>, Option<Vec<f64>>) {
        let n = self.len().max(1) as f64;
        let (mut sum, mut x) = (vec![0.0; self.width()], vec![0.0; self.width()]);
        for k in 0..self.len() {
            self.fill(units, k, &mut x);
            sum.iter_mut().zip(&x).for_each(|(s, x)| *s += x);
        }
        sum.iter_mut().for_each(|s| *s /= n);
        let shares = self.labels.as_ref().map(|(labels, n_classes)| {
            let mut shares = vec![0.0; *n_classes];
            labels.iter().for_each(|l| shares[usize::from(*l)] += 1.0 / n);
            shares
        });
        (sum, shares)
    }
    /// A number for the content.
    pub(super) fn sha256(&self) -> String {
        let mut hash = Sha256::new();
        [self.width(), self.len()].iter().for_each(|n| hash.update((*n as u64).to_le_bytes()));
        match &self.rows {
            FirstRows::Bits(rows) => rows.rows().for_each(|row| hash.update(row)),
            FirstRows::Reals(rows) => rows.values.iter().for_each(|v| hash.update(v.to_bits().to_le_bytes())),
        }
        if let Some((labels, n_classes)) = &self.labels {
            hash.update((*n_classes as u64).to_le_bytes());
            hash.update(labels);
        }
        hash.finalize().iter().map(|b| format!("{b:02x}")).collect()
    }
}

/// The layers between those that show data.
pub(super) fn hidden_layers(machine: &DeepMachine, with_labels: bool) -> std::ops::Range<usize> {
    1..machine.n_layers() - usize::from(with_labels)
}
