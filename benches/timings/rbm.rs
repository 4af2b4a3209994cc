//! The restricted Boltzmann machine.

use crate::Measured;
use cpu_time::ThreadTime;
use smml_core::parallel::Par;
use smml_learn::{
    data::Known,
    ebm::{Trainer, Training},
};

/// One epoch of CD-1 over 10,000 MNIST digits (pixel > 127) at batch 100 with 500 hidden units: the median over the
/// second to eighth epoch of one training.
pub(crate) fn cd1_epoch() -> Measured {
    let folder = std::env::var_os("SMML_DATA").ok_or("no MNIST: give --data or set SMML_DATA")?;
    let data = Known::Mnist.load(folder.as_ref())?.train.head(10_000).binarise(127);
    let mut trainer = Trainer::new(Training::new(500, 8, 1), &data, None)?;
    trainer.epoch(Par::Serial)?;
    let mut times = Vec::new();
    while !trainer.is_done() {
        let start = ThreadTime::now();
        trainer.epoch(Par::Serial)?;
        times.push(1e3 * start.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    Ok((times[times.len() / 2], "ms"))
}
