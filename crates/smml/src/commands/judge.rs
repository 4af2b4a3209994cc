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
use smml_core::{Estimate, parallel::Par};
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
}

fn features(data: &BinaryData) -> Vec<f32> {
    data.rows().flatten().map(|b| f32::from(*b)).collect()
}

impl Judge {
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
        let mut test = network.hidden(&features(&images.test), Par::Rayon)?;
        let square = test.iter().map(|x| x * x).sum::<f64>() / test.len().max(1) as f64;
        let scale = if square > 0.0 { 1.0 / square.sqrt() } else { 1.0 };
        test.iter_mut().for_each(|x| *x *= scale);
        Ok(Judge { network, accuracy, test, scale })
    }
    /// Judges images that were drawn of classes, as grey values in [0, 1]: how many show theirs, of all and of each
    /// class.
    pub(super) fn drawn(
        &self,
        o: &mut Outcome,
        dataset: Dataset,
        images: &[f32],
        classes: &[u8],
    ) -> Result<Estimate, Failure> {
        o.reported("accuracy of the judge on real test images", self.accuracy);
        let n_classes = self.network.architecture().n_classes();
        let shown = Confusion::new(n_classes, classes, &self.network.predict(images, Par::Rayon)?)?;
        let all = shown.accuracy()?;
        o.reported("drawn images that show their class", all);
        let mut drawn = self.network.hidden(images, Par::Rayon)?;
        drawn.iter_mut().for_each(|x| *x *= self.scale);
        // What there is to reach: that of every second test image from the others. Training images will not do, as the judge
        // has learned them by heart.
        let rows = || self.test.chunks_exact(HIDDEN);
        let halves = [0, 1].map(|k| rows().skip(k).step_by(2).flatten().copied().collect::<Vec<f64>>());
        for (what, a, b) in [
            ("drawn images from test images", &drawn, &self.test),
            ("one half of the test images from the other", &halves[0], &halves[1]),
        ] {
            // Few images have no distance with an error.
            if let Ok(distance) = kernel_distance(a, b, HIDDEN, Par::Rayon) {
                o.reported(format!("kernel distance of {what}"), distance);
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
                classes.len() / n_classes, self.accuracy
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
}
