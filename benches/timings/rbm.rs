//! The restricted Boltzmann machine.

use crate::{Measured, median};
use cpu_time::ThreadTime;
use smml_core::parallel::Par;
use smml_learn::{
    data::{BinaryData, DataSet, Known},
    ebm::{RbmTrainer, RbmTraining},
};

/// One epoch of CD-1 over 10,000 MNIST digits (pixel > 127) at batch 100 with 500 hidden units: the median over the
/// second to eighth epoch of one training.
pub(crate) fn cd1_epoch() -> Measured {
    let digits = digits()?;
    epochs(RbmTraining::new(500, 8, 1), &digits.binarise(127), None)
}

/// The same with ten label units, on pixel > 0.
pub(crate) fn label_epoch() -> Measured {
    let digits = digits()?;
    epochs(RbmTraining::with_labels(500, 8, 1), &digits.binarise(0), Some((digits.labels(), 10)))
}

fn digits() -> Result<DataSet, Box<dyn std::error::Error>> {
    let folder = std::env::var_os("SMML_DATA").ok_or("no MNIST: give --data or set SMML_DATA")?;
    Ok(Known::Mnist.load(folder.as_ref())?.train.head(10_000))
}

fn epochs(training: RbmTraining, data: &BinaryData, labels: Option<(&[u8], usize)>) -> Measured {
    let mut trainer = RbmTrainer::new(training, data, labels)?;
    trainer.epoch(Par::Serial)?;
    let mut times = Vec::new();
    while !trainer.is_done() {
        let start = ThreadTime::now();
        trainer.epoch(Par::Serial)?;
        times.push(1e3 * start.elapsed().as_secs_f64());
    }
    Ok((median(&mut times), "ms"))
}
