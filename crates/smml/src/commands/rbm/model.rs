//! The model file of a trained machine, and the images it is trained and tested on.

use crate::{
    args::{Dataset, ImageArgs},
    error::Failure,
    output,
    run::input::Hashes,
};
use serde::{Deserialize, Serialize};
use smml_core::{rng::Streams, store};
use smml_learn::{
    data::{BarsAndStripes, Binarise, BinaryData, FileReport, Known, Provenance, TrainTest, cifar},
    ebm::Rbm,
};
use std::path::Path;

/// Training images of bars-and-stripes, and test images.
const BARS_IMAGES: usize = 2000;
const BARS_TEST: usize = 1000;
/// Side of the images of bars-and-stripes, and the grey value above which a pixel is on, where the user says nothing.
const SIDE: u8 = 4;
pub(super) const THRESHOLD: Binarise = Binarise::Above(127);
/// Largest side of bars-and-stripes images: likelihoods stay exact.
const LARGEST_BARS: u8 = 12;
/// Side of the images of CIFAR-10, where the user says nothing.
const CIFAR_SIDE: u8 = 16;
/// Most images of bars-and-stripes that are drawn for training.
const MAX_BARS: usize = 10_000_000;

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
    pub(crate) threshold: Binarise,
    /// Biases of the base model of annealed importance sampling.
    pub(crate) base: Vec<f64>,
}

/// What tells a model file from other checkpoints.
pub(super) const MODEL: u64 = 0x5242_4d32;

impl SavedModel {
    pub(super) fn load(path: &Path) -> Result<Self, Failure> {
        let loaded = store::load::<SavedModel>(path, MODEL).map_err(|e| match e {
            // Sound, but written by something else: the hash of the parameters says no more.
            smml_core::Error::Corrupt { path, place, .. } if place == "byte 12" => Failure::File(format!(
                "{}: a checkpoint, not the model.rbm of smml rbm train",
                path.display()
            )),
            e => e.into(),
        })?;
        let loaded = loaded.ok_or_else(|| Failure::File(format!("{}: no such file", path.display())))?;
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
pub(crate) struct Images {
    pub(crate) train: BinaryData,
    pub(crate) train_labels: Vec<u8>,
    pub(crate) test: BinaryData,
    pub(crate) test_labels: Vec<u8>,
    /// Largest label of the whole training set plus one; 0 without labels.
    pub(crate) n_classes: usize,
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    /// Entropy of the true distribution, where that is known.
    pub(crate) entropy: Option<f64>,
    /// Every image with its true probability, where that is known.
    pub(crate) truth: Option<(BinaryData, Vec<f64>)>,
    /// The files that were read.
    pub(crate) files: Vec<FileReport>,
}

impl Images {
    /// The files that were read.
    pub(crate) fn hashes(&self) -> Hashes {
        self.files.iter().map(|f| (f.path.display().to_string(), f.sha256.clone())).collect()
    }
    /// Refuses a test set of which no error can be given.
    pub(crate) fn at_least_two(&self) -> Result<(), Failure> {
        match self.test.len() {
            n if n < 2 => Err(Failure::Usage(format!("test images: {n}, a likelihood needs at least 2"))),
            _ => Ok(()),
        }
    }
    /// Says which files are not the published ones.
    pub(crate) fn tell(&self, quiet: bool) {
        for file in &self.files {
            if let Provenance::Unknown(sha256) = &file.provenance {
                output::remark(
                    quiet,
                    &format!("{}: not the published content (SHA-256 {sha256})", file.path.display()),
                );
            }
        }
    }
    /// The share of the commonest class among the test images: the accuracy of always naming that one.
    pub(crate) fn commonest_class(&self) -> f64 {
        let mut counts = [0u32; 256];
        self.test_labels.iter().for_each(|l| counts[usize::from(*l)] += 1);
        f64::from(counts.into_iter().max().unwrap_or(0)) / self.test_labels.len().max(1) as f64
    }
}

/// The side to which images of CIFAR-10 are reduced.
pub(crate) fn cifar_side(given: Option<u8>) -> Result<u8, Failure> {
    let side = given.unwrap_or(CIFAR_SIDE);
    match cifar::SIDE.is_multiple_of(usize::from(side)) {
        true => Ok(side),
        false => Err(Failure::Usage(format!("--side {side}: of cifar-10 it divides {}", cifar::SIDE))),
    }
}

/// The images of a data set, reduced to `side` where one is given.
pub(crate) fn load(known: Known, folder: &Path, side: Option<u8>) -> Result<TrainTest, Failure> {
    let mut loaded = known.load(folder)?;
    if let Some(side) = side.map(usize::from) {
        (loaded.train, loaded.test) = (loaded.train.reduced(side, side)?, loaded.test.reduced(side, side)?);
    }
    Ok(loaded)
}

impl ImageArgs {
    /// With everything settled; what does not belong to the data set is refused.
    pub(crate) fn settle(&self) -> Result<Self, Failure> {
        let mut settled = self.clone();
        match self.dataset {
            Dataset::Bars if self.threshold.is_some() => {
                return Err(Failure::Usage("--threshold: bars-and-stripes has no grey values".into()));
            }
            Dataset::Bars if self.side.is_some_and(|s| s > LARGEST_BARS) => {
                return Err(Failure::Usage(format!(
                    "--side {}: bars-and-stripes have 2 to {LARGEST_BARS} pixels",
                    self.side.unwrap_or(SIDE)
                )));
            }
            Dataset::Bars => settled.side = Some(self.side.unwrap_or(SIDE)),
            Dataset::Mnist | Dataset::FashionMnist if self.side.is_some() => {
                return Err(Failure::Usage(
                    "--side: only bars-and-stripes and cifar-10 can have other sizes".into(),
                ));
            }
            Dataset::Cifar10 => {
                settled.threshold = Some(self.threshold.unwrap_or(THRESHOLD));
                settled.side = Some(cifar_side(self.side)?);
            }
            Dataset::Mnist | Dataset::FashionMnist => {
                settled.threshold = Some(self.threshold.unwrap_or(THRESHOLD));
            }
        }
        Ok(settled)
    }
}

/// The images that the arguments name.
pub(crate) fn images(args: &ImageArgs, seed: u64) -> Result<Images, Failure> {
    let known = match args.dataset {
        Dataset::Bars => {
            let side = usize::from(args.side.unwrap_or(SIDE));
            let set = BarsAndStripes::new(side, side)?;
            let n = args.images.map_or(BARS_IMAGES, |n| n as usize);
            if n > MAX_BARS {
                return Err(Failure::Usage(format!(
                    "--images {n}: at most {MAX_BARS} bars and stripes are drawn"
                )));
            }
            let streams = Streams::new(seed);
            return Ok(Images {
                train: set.sample(n, &mut streams.stream("bars-train", 0)),
                train_labels: Vec::new(),
                test: set.sample(BARS_TEST, &mut streams.stream("bars-test", 0)),
                test_labels: Vec::new(),
                n_classes: 0,
                rows: set.rows(),
                columns: set.columns(),
                entropy: Some(set.entropy()),
                truth: Some(set.patterns()?),
                files: Vec::new(),
            });
        }
        Dataset::Mnist => Known::Mnist,
        Dataset::FashionMnist => Known::FashionMnist,
        Dataset::Cifar10 => Known::Cifar10,
    };
    let Some(folder) = &args.data else {
        return Err(Failure::Usage(format!(
            "--dataset {} needs --data DIR (or SMML_DATA).{}",
            known.name(),
            known.how_to_get()
        )));
    };
    let loaded = load(known, folder, args.side.filter(|_| known == Known::Cifar10))?;
    let n_classes = loaded.train.n_classes();
    let train = match args.images {
        Some(n) => loaded.train.head(n as usize),
        None => loaded.train,
    };
    let threshold = args.threshold.unwrap_or(THRESHOLD);
    Ok(Images {
        train: train.binarise_by(threshold, "train"),
        train_labels: train.labels().to_vec(),
        test: loaded.test.binarise_by(threshold, "test"),
        test_labels: loaded.test.labels().to_vec(),
        n_classes,
        rows: train.rows(),
        columns: train.columns(),
        entropy: None,
        truth: None,
        files: loaded.files,
    })
}
