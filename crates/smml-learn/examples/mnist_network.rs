//! A 784-300-10 network on MNIST: CPU seconds of training and test accuracy after each epoch.
//!
//! `cargo run --release -p smml-learn --example mnist_network -- DATA_DIR [EPOCHS [SEED]]`, one thread.

use smml_core::parallel::Par;
use smml_learn::{
    data::Known,
    network::{Activation, Architecture, Labelled, NetworkTrainer, NetworkTraining},
};

/// Seconds of CPU this thread has used (Linux).
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|t| t.parse::<f64>().ok()).unwrap_or(f64::NAN) * 1e-9
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let folder = args.next().ok_or("give the folder that holds mnist/")?;
    let n_epochs = args.next().map_or(Ok(10), |n| n.parse())?;
    let seed = args.next().map_or(Ok(1), |n| n.parse())?;
    let sets = Known::Mnist.load(folder.as_ref())?;
    let (train, test) = (Labelled::from_images(&sets.train, 10)?, Labelled::from_images(&sets.test, 10)?);
    let shape = Architecture::new(vec![784, 300, 10], Activation::Relu)?;
    let mut trainer = NetworkTrainer::new(NetworkTraining::new(shape, n_epochs, seed), &train)?;
    let mut seconds = 0.0;
    loop {
        let start = cpu_seconds();
        let Some(report) = trainer.epoch(Par::Serial)? else { break };
        seconds += cpu_seconds() - start;
        let accuracy = trainer.network()?.accuracy(&test, Par::Serial)?;
        println!(
            "epoch {} loss {:.5} test accuracy {accuracy} cpu_s {seconds:.2}",
            report.epoch + 1,
            report.loss
        );
    }
    Ok(())
}
