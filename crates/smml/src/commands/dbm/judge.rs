//! A network of another kind that says what drawn images show: dense, trained on the real ones.

use super::keep::Keeper;
use crate::{commands::rbm::model::Images, error::Failure, run::progress};
use smml_core::{Estimate, parallel::Par};
use smml_learn::{
    data::BinaryData,
    network::{Activation, Architecture, Labelled, Network, NetworkTrainer, NetworkTraining},
};

/// Its hidden units.
const HIDDEN: usize = 300;

/// The judge, and how often it is right on real test images.
pub(super) struct Judge {
    network: Network,
    pub(super) accuracy: Estimate,
}

fn features(data: &BinaryData) -> Vec<f32> {
    data.rows().flatten().map(|b| f32::from(*b)).collect()
}

impl Judge {
    /// Trains it on the training images, black and white as the machine has them.
    pub(super) fn train(
        images: &Images,
        epochs: u32,
        seed: u64,
        keeper: &mut Keeper,
    ) -> Result<Self, Failure> {
        let width = images.train.width();
        let labelled = |data: &BinaryData, labels: &[u8]| {
            Labelled::new(width, images.n_classes, features(data), labels.to_vec())
        };
        let data = labelled(&images.train, &images.train_labels)?;
        let shape = Architecture::new(vec![width, HIDDEN, images.n_classes], Activation::Relu)?;
        let mut trainer = match keeper.progress.judge.take() {
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
                p.judge = Some(trainer.state().clone());
                Ok(())
            })?;
        }
        bar.finish_and_clear();
        keeper.progress.judge = Some(trainer.state().clone());
        let network = trainer.network()?;
        let accuracy = network.accuracy(&labelled(&images.test, &images.test_labels)?, Par::Rayon)?;
        Ok(Judge { network, accuracy })
    }
    /// What images of grey values in [0, 1] show.
    pub(super) fn classes(&self, images: &[f32]) -> Result<Vec<u8>, Failure> {
        Ok(self.network.predict(images, Par::Rayon)?)
    }
}
