//! The Boltzmann machine: CD-1 epochs, classification, annealed importance sampling. Peers: `peers/rbm_torch.py`,
//! `peers/rbm_sklearn.py`.
//!
//! With `SMML_DATA` set, the data are the first 10,000 MNIST digits (pixel > 127); without, random rows of the same
//! density.

use criterion::{Criterion, criterion_group, criterion_main};
use smml_core::{
    parallel::Par,
    rng::{Draw, Streams},
};
use smml_learn::{
    data::{BinaryData, Known},
    ebm::{Classifier, RbmTrainer, RbmTraining, ais},
};
use std::hint::black_box;

fn digits() -> BinaryData {
    let folder = std::env::var_os("SMML_DATA");
    match folder.map(|f| Known::Mnist.load(f.as_ref())) {
        Some(Ok(set)) => set.train.head(10_000).binarise(127),
        Some(Err(e)) => panic!("SMML_DATA: {e}"),
        None => {
            let mut rng = Streams::new(1).stream("digits", 0);
            let bits = (0..10_000 * 784).map(|_| u8::from(rng.chance(0.13))).collect();
            BinaryData::new(784, bits).expect("whole rows of 0 and 1")
        }
    }
}

fn rbm(c: &mut Criterion) {
    let data = digits();
    let mut group = c.benchmark_group("rbm");
    group.sample_size(10);
    for batch_size in [50, 100] {
        let training = RbmTraining { batch_size, ..RbmTraining::new(500, 1000, 1) };
        let mut trainer = RbmTrainer::new(training, &data, None).expect("valid");
        group.bench_function(format!("cd1_epoch_784x500_10k_batch{batch_size}"), |b| {
            b.iter(|| trainer.epoch(Par::Serial).expect("finite"));
        });
    }
    let labels: Vec<u8> = (0..data.len()).map(|m| (m % 10) as u8).collect();
    let mut trainer =
        RbmTrainer::new(RbmTraining::with_labels(500, 1, 1), &data, Some((&labels, 10))).expect("valid");
    trainer.epoch(Par::Serial).expect("finite");
    let machine = trainer.model().expect("finite");
    let some = data.head(1000);
    group.bench_function("classify_1000_of_10_classes", |b| {
        let classifier = Classifier::new(&machine, 10).expect("ten labels");
        b.iter(|| black_box(classifier.classify(&some, Par::Serial).expect("right width")));
    });
    let path = ais::BaseRatePath::new(vec![0.0; 794], 101).expect("valid");
    group.bench_function("ais_794x500_32_chains_100_rungs", |b| {
        b.iter(|| {
            black_box(ais::forward(&machine, 1.0, &path, 32, &Streams::new(1), Par::Serial).expect("valid"))
        });
    });
    group.finish();
}

criterion_group!(benches, rbm);
criterion_main!(benches);
