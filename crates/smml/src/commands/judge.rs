//! A network of another kind that says what drawn images show: dense, trained on the real ones.

use super::rbm::model::Images;
use crate::{
    args::Dataset,
    error::Failure,
    report::figure::{Axis, Figure, Series, Style},
    reproduce::check::Outcome,
    run::{keeper::Keeper, progress},
};
use serde::{Serialize, de::DeserializeOwned};
use smml_core::{
    Estimate,
    parallel::Par,
    rng::{Draw, Streams},
};
use smml_learn::{
    data::BinaryData,
    network::{
        Activation, Architecture, Confusion, Labelled, Network, NetworkTrainer, NetworkTrainerState,
        NetworkTraining, kernel_distance,
    },
};

/// Its hidden units.
const HIDDEN: usize = 300;

/// The judge, and how often it is right on real test images.
pub(super) struct Judge {
    network: Network,
    accuracy: Estimate,
    /// Its hidden units for the real test images, of mean square 1 after they are multiplied by `scale`.
    test: Vec<f64>,
    scale: f64,
    test_labels: Vec<u8>,
}

/// Images that were drawn, with the class of which each was drawn.
pub(super) struct Drawn<'a> {
    /// Grey values in [0, 1] that people are shown.
    pub(super) shown: &'a [f32],
    /// Pixels on or off, as those of real images.
    pub(super) states: &'a BinaryData,
    pub(super) classes: &'a [u8],
}

fn features(data: &BinaryData) -> Vec<f32> {
    data.rows().flatten().map(|b| f32::from(*b)).collect()
}

impl Judge {
    /// Refuses images that nobody can be taught by or tested with, before anything else is done.
    pub(super) fn check(images: &Images) -> Result<(), Failure> {
        let n = images.n_classes;
        let refused =
            |why: String| Err(Failure::Usage(format!("drawn images are judged by their classes: {why}")));
        match images.test_labels.iter().position(|l| usize::from(*l) >= n) {
            _ if n < 2 => refused(format!("the data set has {n}, and two are needed")),
            _ if images.test.is_empty() => refused("there are no test images".into()),
            Some(k) => refused(format!(
                "test image {k} has class {}, training images 0 to {}",
                images.test_labels[k],
                n - 1
            )),
            None => Ok(()),
        }
    }
    /// Trains it on the training images, black and white as the machine has them. `kept` is where the run keeps it on
    /// the way.
    pub(super) fn train<P: Default + Serialize + DeserializeOwned>(
        images: &Images,
        epochs: u32,
        seed: u64,
        keeper: &mut Keeper<P>,
        kept: fn(&mut P) -> &mut Option<NetworkTrainerState>,
    ) -> Result<Self, Failure> {
        let width = images.train.width();
        let labelled = |data: &BinaryData, labels: &[u8]| {
            Labelled::new(width, images.n_classes, features(data), labels.to_vec())
        };
        let data = labelled(&images.train, &images.train_labels)?;
        let shape = Architecture::new(vec![width, HIDDEN, images.n_classes], Activation::Relu)?;
        let mut trainer = match kept(&mut keeper.progress).take() {
            Some(state) => NetworkTrainer::resume(state, &data)?,
            None => NetworkTrainer::new(NetworkTraining::new(shape, epochs as usize, seed), &data)?,
        };
        let total = data.len().div_ceil(trainer.state().training().batch_size) as u64 * u64::from(epochs);
        let bar = progress::bar(total, keeper.quiet);
        bar.set_message("training the judge");
        bar.set_position(trainer.step_number());
        bar.reset_eta();
        while !trainer.is_done() {
            trainer.batch(Par::Rayon)?;
            bar.set_position(trainer.step_number());
            keeper.pause(|p| {
                *kept(p) = Some(trainer.state().clone());
                Ok(())
            })?;
        }
        bar.finish_and_clear();
        *kept(&mut keeper.progress) = Some(trainer.state().clone());
        let network = trainer.network()?;
        let accuracy = network.accuracy(&labelled(&images.test, &images.test_labels)?, Par::Rayon)?;
        // Neighbours in a file may be by one hand, so halves and parts of it would not be independent.
        let mut order: Vec<usize> = (0..images.test.len()).collect();
        Streams::new(seed).stream("halves", 0).shuffle(&mut order);
        let mut test = network.hidden(&features(&images.test.select(&order)), Par::Rayon)?;
        let square = test.iter().map(|x| x * x).sum::<f64>() / test.len().max(1) as f64;
        let scale = if square > 0.0 { 1.0 / square.sqrt() } else { 1.0 };
        test.iter_mut().for_each(|x| *x *= scale);
        let test_labels = order.iter().map(|k| images.test_labels[*k]).collect();
        Ok(Judge { network, accuracy, test, scale, test_labels })
    }
    /// Judges images that were drawn of classes: how many show theirs, of all and of each class, and how far they are from real
    /// ones. Classes that the judge does not know are left out.
    pub(super) fn drawn(
        &self,
        o: &mut Outcome,
        dataset: Dataset,
        drawn: &Drawn<'_>,
    ) -> Result<Estimate, Failure> {
        o.reported("accuracy of the judge on real test images", self.accuracy);
        let n_classes = self.network.architecture().n_classes();
        let width = drawn.states.width();
        let known: Vec<usize> =
            (0..drawn.classes.len()).filter(|k| usize::from(drawn.classes[*k]) < n_classes).collect();
        if known.len() < drawn.classes.len() {
            o.note(format!(
                "The data set has {n_classes} classes; images of others are drawn and not judged."
            ));
        }
        let shown: Vec<f32> =
            known.iter().flat_map(|k| &drawn.shown[k * width..(k + 1) * width]).copied().collect();
        let classes: Vec<u8> = known.iter().map(|k| drawn.classes[*k]).collect();
        let shown = Confusion::new(n_classes, &classes, &self.network.predict(&shown, Par::Rayon)?)?;
        let all = shown.accuracy()?;
        o.reported("drawn images that show their class", all);
        let mut hidden = self.network.hidden(&features(&drawn.states.select(&known)), Par::Rayon)?;
        hidden.iter_mut().for_each(|x| *x *= self.scale);
        // What there is to reach: that of one half of the test images from the other. Training images will not do, as the judge
        // has learned them by heart.
        let half = |k: usize| self.rows(&self.test, &self.test_labels, k, 2);
        let (even, odd) = (half(0), half(1));
        let (drawn, real) =
            (self.rows(&hidden, &classes, 0, 1), self.rows(&self.test, &self.test_labels, 0, 1));
        for (what, a, b) in [
            ("drawn images from test images", &drawn, &real),
            ("one half of the test images from the other", &even, &odd),
        ] {
            match class_distance(a, b) {
                Ok(distance) => {
                    o.reported(format!("kernel distance of {what}"), distance);
                }
                Err(e) => {
                    o.note(format!("No kernel distance of {what}: {e}."));
                }
            }
        }
        let mut points = Vec::new();
        for class in 0..n_classes {
            let share = shown.recall(class)?;
            o.reported(format!("drawn images of class {}", dataset.class_name(class)), share);
            points.push((class as f64, share));
        }
        o.figure(Figure::plot(
            "drawn-classes",
            "Drawn images by class",
            &format!(
                "Of {} images drawn of each class, the fraction that a dense network trained on real images takes for it; that network is right on {} of the real test images.",
                classes.len() / n_classes,
                self.accuracy
            ),
            Axis::linear("class"),
            Axis::linear("fraction").over(0.0, 1.0),
            vec![
                Series::measured("drawn images", &points),
                Series::new(
                    "the judge on real images",
                    Style::Dashed,
                    vec![(0.0, self.accuracy.value), ((n_classes - 1) as f64, self.accuracy.value)],
                ),
            ],
        ));
        Ok(all)
    }
    /// Of every class its rows of hidden units, from row `first` of the class every `step`-th.
    fn rows(&self, hidden: &[f64], labels: &[u8], first: usize, step: usize) -> Vec<Vec<f64>> {
        let of = |class: usize| {
            let rows = hidden.chunks_exact(HIDDEN).zip(labels).filter(|(_, l)| usize::from(**l) == class);
            rows.skip(first).step_by(step).flat_map(|(row, _)| row).copied().collect()
        };
        (0..self.network.architecture().n_classes()).map(of).collect()
    }
}

/// The kernel distance of images of a class, mean over the classes: shares of classes do not count, which differ between what was
/// asked for and what is there.
fn class_distance(a: &[Vec<f64>], b: &[Vec<f64>]) -> Result<Estimate, smml_learn::Error> {
    let mut sum: Option<Estimate> = None;
    for (a, b) in a.iter().zip(b) {
        let distance = kernel_distance(a, b, HIDDEN, Par::Rayon)?;
        sum = Some(sum.map_or(distance, |s| s.plus(distance)));
    }
    let sum = sum.ok_or(smml_core::Error::TooShort { have: 0, needed: 1 })?;
    Ok(sum.affine(0.0, 1.0 / a.len() as f64))
}
