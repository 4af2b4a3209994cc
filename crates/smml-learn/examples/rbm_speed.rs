//! CPU time of one epoch of CD-1 on 10,000 MNIST digits, 784 × 500, on one thread: the figure to compare with
//! `benches/peers/rbm_torch.py`. Usage: rbm_speed FOLDER [EPOCHS]
use smml_core::parallel::Par;
use smml_learn::{
    data::Known,
    ebm::{RbmTrainer, RbmTraining},
};

/// Seconds of CPU this thread has used (Linux).
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|t| t.parse::<f64>().ok()).unwrap_or(f64::NAN) * 1e-9
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let folder = args.next().ok_or("usage: rbm_speed FOLDER [EPOCHS]")?;
    let n_epochs = args.next().map_or(Ok(5), |a| a.parse())?;
    let set = Known::Mnist.load(folder.as_ref())?;
    let data = set.train.head(10_000).binarise(127);
    let mut trainer = RbmTrainer::new(RbmTraining::new(500, n_epochs, 1), &data, None)?;
    while !trainer.is_done() {
        let start = cpu_seconds();
        let report = trainer.epoch(Par::Serial)?;
        let seconds = cpu_seconds() - start;
        let error = report.reconstruction_error.map_or(String::new(), |e| e.to_string());
        println!("epoch {} cpu_s {seconds:.4} reconstruction_error {error}", report.epoch);
    }
    Ok(())
}
