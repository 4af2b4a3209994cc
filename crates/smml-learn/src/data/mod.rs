//! Data sets: grey images with labels, binary rows, readers of idx and CIFAR files, published sets and bars-and-stripes.
//!
//! What does not live here: how a model uses them ([`crate::ebm`]), and picture files.

mod bars;
mod binary;
pub mod cifar;
pub mod idx;
mod images;
mod official;

use crate::error::{Error, Result};

/// Checks labels of `n_classes` classes.
pub(crate) fn check_labels(labels: &[u8], n_classes: usize) -> Result<()> {
    if !(2..=256).contains(&n_classes) {
        return Err(Error::out_of_range("number of classes", n_classes, "in 2..=256"));
    }
    match labels.iter().position(|l| usize::from(*l) >= n_classes) {
        Some(i) => {
            let allowed = format!("below {n_classes}");
            Err(Error::out_of_range(format!("label of row {i}"), labels[i], allowed))
        }
        None => Ok(()),
    }
}

pub use bars::BarsAndStripes;
pub use binary::BinaryData;
pub use images::{Binarise, DataSet};
pub use official::{FileReport, Known, OfficialFile, Provenance, TrainTest};
