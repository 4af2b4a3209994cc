//! The model file of a trained machine, and the images it is trained and tested on.

use crate::{
    args::{Dataset, ImageArgs},
    error::Failure,
};
use serde::{Deserialize, Serialize};
use smml_core::{rng::Streams, store};
use smml_learn::{
    data::{BarsAndStripes, BinaryData, Known},
    ebm::Rbm,
};
use std::path::Path;

/// Training images of bars-and-stripes, and test images.
const BARS_IMAGES: usize = 2000;
const BARS_TEST: usize = 1000;

/// A trained machine with what is needed to use it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SavedModel {
    pub(crate) rbm: Rbm,
    /// Shape of an image.
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    /// Label units, the last visible ones; 0 without.
    pub(crate) n_classes: usize,
    pub(crate) dataset: Dataset,
    pub(crate) threshold: u8,
    /// Biases of the base model of annealed importance sampling.
    pub(crate) base: Vec<f64>,
}

/// What tells a model file from other checkpoints.
pub(super) const MODEL: u64 = 0x5242_4d31;

impl SavedModel {
    pub(super) fn load(path: &Path) -> Result<Self, Failure> {
        let loaded = store::load::<SavedModel>(path, MODEL)?
            .ok_or_else(|| Failure::File(format!("{}: no such file", path.display())))?;
        let m = loaded.value;
        let pixels = m.rows.checked_mul(m.columns).and_then(|p| p.checked_add(m.n_classes));
        if pixels != Some(m.rbm.n_visible()) || m.base.len() != m.rbm.n_visible() {
            return Err(Failure::File(format!(
                "{}: {} x {} pixels and {} classes do not fit {} visible units",
                path.display(),
                m.rows,
                m.columns,
                m.n_classes,
                m.rbm.n_visible()
            )));
        }
        Ok(m)
    }
}

/// Binary images for training and testing.
pub(super) struct Images {
    pub(super) train: BinaryData,
    pub(super) train_labels: Vec<u8>,
    pub(super) test: BinaryData,
    pub(super) test_labels: Vec<u8>,
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// Entropy of the true distribution, where the distribution is known.
    pub(super) entropy: Option<f64>,
}

/// The images that the arguments name.
pub(super) fn images(args: &ImageArgs, seed: u64) -> Result<Images, Failure> {
    let known = match args.dataset {
        Dataset::Bars => {
            let set = BarsAndStripes::new(args.side.into(), args.side.into())?;
            let n = args.images.map_or(BARS_IMAGES, |n| n as usize);
            let streams = Streams::new(seed);
            return Ok(Images {
                train: set.sample(n, &mut streams.stream("bars-train", 0)),
                train_labels: Vec::new(),
                test: set.sample(BARS_TEST, &mut streams.stream("bars-test", 0)),
                test_labels: Vec::new(),
                rows: set.rows(),
                columns: set.columns(),
                entropy: Some(set.entropy()),
            });
        }
        Dataset::Mnist => Known::Mnist,
        Dataset::FashionMnist => Known::FashionMnist,
    };
    let Some(folder) = &args.data else {
        return Err(Failure::Usage(format!(
            "--dataset {} needs --data DIR (or SMML_DATA).{}",
            known.name(),
            known.how_to_get()
        )));
    };
    let loaded = known.load(folder)?;
    let train = match args.images {
        Some(n) => loaded.train.head(n as usize),
        None => loaded.train,
    };
    Ok(Images {
        train: train.binarise(args.threshold),
        train_labels: train.labels().to_vec(),
        test: loaded.test.binarise(args.threshold),
        test_labels: loaded.test.labels().to_vec(),
        rows: train.rows(),
        columns: train.columns(),
        entropy: None,
    })
}
