//! Minimisers and update rules. Peers: `peers/optimize.py` (scipy, torch).
//!
//! Counts of evaluations are no timings: they are printed first, one JSON line each, in the form that the peers use.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use smml_core::optimize::{
    Adam, AdamW, BetaFormula, ConjugateGradient, Fire, Function, Method, Momentum, Outcome, Sgd, Stop,
    Update, minimise, problems::Rosenbrock,
};
use std::hint::black_box;

fn methods() -> [(&'static str, Method); 4] {
    let cg = |beta| Method::ConjugateGradient(ConjugateGradient { beta, ..Default::default() });
    [
        ("l-bfgs", Method::default()),
        ("cg-hager-zhang", cg(BetaFormula::HagerZhang)),
        ("cg-polak-ribiere", cg(BetaFormula::PolakRibiere)),
        ("fire", Method::Fire(Fire::default())),
    ]
}

/// Rosenbrock-1000 from (-1.2, 1, ...) to f ≤ 10⁻¹⁰.
fn rosenbrock(method: &Method) -> Option<Outcome> {
    let stop = Stop {
        gradient: 0.0,
        value: Some(1e-10),
        max_evaluations: 200_000,
        max_iterations: 200_000,
        ..Stop::default()
    };
    minimise(&Rosenbrock, &Rosenbrock::start(1000), method, &stop).ok()
}

fn lennard_jones(x: &[f64], gradient: &mut [f64]) -> f64 {
    gradient.fill(0.0);
    let mut energy = 0.0;
    for i in 0..x.len() / 3 {
        for j in 0..i {
            let d: [f64; 3] = std::array::from_fn(|k| x[3 * i + k] - x[3 * j + k]);
            let s = 1.0 / d.iter().map(|d| d * d).sum::<f64>();
            let s6 = s * s * s;
            energy += 4.0 * s6 * (s6 - 1.0);
            let f = (24.0 * s6 - 48.0 * s6 * s6) * s;
            for k in 0..3 {
                gradient[3 * i + k] += f * d[k];
                gradient[3 * j + k] -= f * d[k];
            }
        }
    }
    energy
}

/// The truncated octahedron of 38 atoms.
fn fcc38() -> Vec<f64> {
    let mut sites = vec![];
    for i in -2..=2 {
        for j in -2..=2 {
            for k in -2..=2_i32 {
                if (i + j + k).rem_euclid(2) == 1 && [1, 3, 5].contains(&(i * i + j * j + k * k)) {
                    sites.extend([i, j, k].map(|v| f64::from(v) * 1.11 / 2f64.sqrt()));
                }
            }
        }
    }
    sites
}

fn cluster(method: &Method) -> Option<Outcome> {
    let stop = Stop { gradient: 1e-7, ..Stop::default() };
    minimise(&Function(lennard_jones), &fcc38(), method, &stop).ok()
}

type Run = fn(&Method) -> Option<Outcome>;

fn minimisers(c: &mut Criterion) {
    let tasks: [(&str, Run); 2] = [("rosenbrock-1000", rosenbrock), ("lj38-fcc", cluster)];
    for (task, run) in tasks {
        let mut group = c.benchmark_group(format!("optimize/{task}"));
        group.sample_size(10);
        for (name, method) in methods() {
            if let Some(found) = run(&method) {
                println!(
                    r#"{{"task":"{task}","peer":"smml {name}","quantity":"evaluations","value":{},"unit":"1","f":{:e}}}"#,
                    found.evaluations, found.value
                );
            }
            group.bench_function(name, |b| b.iter(|| run(black_box(&method))));
        }
        group.finish();
    }
}

fn rules(c: &mut Criterion) {
    const N: usize = 1_000_000;
    let mut group = c.benchmark_group("optimize/update-1m");
    group.throughput(Throughput::Elements(N as u64));
    let gradient: Vec<f64> = (0..N).map(|i| (i as f64 * 0.7).sin()).collect();
    let gradient32: Vec<f32> = gradient.iter().map(|g| *g as f32).collect();
    let mut theta = vec![1.0_f64; N];
    let mut theta32 = vec![1.0_f32; N];
    let mut adam32 = Adam::default();
    group.bench_function(BenchmarkId::new("adam", "f32"), |b| {
        b.iter(|| adam32.update(&mut theta32, &gradient32, 1e-3))
    });
    let mut adam = Adam::default();
    group.bench_function(BenchmarkId::new("adam", "f64"), |b| {
        b.iter(|| adam.update(&mut theta, &gradient, 1e-3))
    });
    if let Ok(mut adamw) = AdamW::new(Adam::default(), 0.01) {
        group.bench_function(BenchmarkId::new("adamw", "f32"), |b| {
            b.iter(|| adamw.update(&mut theta32, &gradient32, 1e-3));
        });
    }
    if let Ok(mut ball) = Momentum::heavy_ball(0.9) {
        group.bench_function(BenchmarkId::new("momentum", "f32"), |b| {
            b.iter(|| ball.update(&mut theta32, &gradient32, 1e-6));
        });
    }
    group.bench_function(BenchmarkId::new("sgd", "f32"), |b| {
        b.iter(|| Sgd.update(&mut theta32, &gradient32, 1e-6))
    });
    group.finish();
}

criterion_group!(benches, minimisers, rules);
criterion_main!(benches);
