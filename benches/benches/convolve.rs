//! Convolution: the target case, 10⁶ values with a kernel of 10⁴, and the methods where they meet.
//! The same cases in scipy: `peers/convolve.py`.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use smml_core::{
    convolve::{Convolver, Method, Mode, convolve_into, convolve_with},
    rng::{Draw, Streams},
};
use std::hint::black_box;

fn noise(n: usize, index: u64) -> Vec<f64> {
    let mut rng = Streams::new(1).stream("bench convolve", index);
    (0..n).map(|_| rng.normal()).collect()
}

fn target(c: &mut Criterion) {
    let (a, b) = (noise(1_000_000, 0), noise(10_000, 1));
    let mut group = c.benchmark_group("convolve 1e6*1e4");
    group.throughput(Throughput::Elements(a.len() as u64)).sample_size(20);
    let mut out = Vec::new();
    group.bench_function("overlap-save into", |bench| {
        bench.iter(|| convolve_into(black_box(&a), black_box(&b), Mode::Full, Method::Auto, &mut out));
    });
    group.bench_function("overlap-save", |bench| {
        bench.iter(|| convolve_with(black_box(&a), black_box(&b), Mode::Full, Method::Auto));
    });
    group.bench_function("one FFT", |bench| {
        bench.iter(|| convolve_with(black_box(&a), black_box(&b), Mode::Full, Method::Fft));
    });
    if let Ok(mut convolver) = Convolver::new(&b, a.len()) {
        group.bench_function("kernel prepared", |bench| {
            bench.iter(|| convolver.convolve_into(black_box(&a), Mode::Full, &mut out));
        });
    }
    group.finish();
}

/// Each method over kernel lengths: where the cost model should switch.
fn methods(c: &mut Criterion) {
    let n = 100_000;
    let a = noise(n, 2);
    let mut group = c.benchmark_group("convolve methods 1e5");
    group.sample_size(10).throughput(Throughput::Elements(n as u64));
    for m in [10, 30, 100, 300, 1000, 10_000, 100_000] {
        let b = noise(m, 3);
        for method in [Method::Auto, Method::Direct, Method::Fft, Method::OverlapSave] {
            if method == Method::Direct && m > 1000 {
                continue;
            }
            let mut out = Vec::new();
            group.bench_function(BenchmarkId::new(format!("{method:?}"), m), |bench| {
                bench.iter(|| convolve_into(black_box(&a), black_box(&b), Mode::Full, method, &mut out));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, target, methods);
criterion_main!(benches);
