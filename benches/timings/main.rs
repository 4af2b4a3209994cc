//! Our side of `cargo xtask bench`: prints one JSON object a line, `{"name": .., "value": .., "unit": ..}`.
//!
//! Times are CPU times of one thread, the median of 7 after one run to warm up (for the start of the program: what a user
//! waits). Criterion's programs, next door, are
//! for watching one function while working on it. `SMML_BENCH_ONLY` names one timing; `SMML_DATA` is the folder of
//! the data sets.

mod convolve;
mod engines;
mod mbar;
mod optimize;
mod pbits;
mod program;
mod rbm;
mod spins;

use cpu_time::ThreadTime;
use serde_json::json;

/// What a timing returns: a value and its unit.
type Measured = Result<(f64, &'static str), Box<dyn std::error::Error>>;

/// A timing by its name.
type Timing = (&'static str, fn() -> Measured);

const TIMINGS: [Timing; 31] = [
    ("convolve 1e6*1e4", convolve::long_by_short),
    ("adam 1e6 f32", optimize::adam_step),
    ("rosenbrock 1000 evaluations", optimize::rosenbrock_evaluations),
    ("rosenbrock 1000", optimize::rosenbrock),
    ("rbm cd1 epoch 784x500", rbm::cd1_epoch),
    ("rbm label epoch 794x500", rbm::label_epoch),
    ("mbar 1e5x30", mbar::oscillators),
    ("elimination 20x20", spins::elimination),
    ("ising heat bath 64x64", spins::heat_bath),
    ("ising metropolis 64x64", spins::metropolis),
    ("ising wolff 64x64", spins::wolff),
    ("packed metropolis 1024x1024", engines::packed_metropolis),
    ("packed heat bath 1024x1024", engines::packed_heat_bath),
    ("anneal ea 100x100", engines::edwards_anderson),
    ("anneal 3-regular 10000", engines::regular),
    ("anneal g(800,19176)", engines::random_graph),
    ("anneal sk 1000", engines::sherrington_kirkpatrick),
    ("anneal ea 100x100 heat bath", engines::edwards_anderson_heat_bath),
    ("anneal g(800,19176) heat bath", engines::random_graph_heat_bath),
    ("anneal ea 100x100 gaussian", engines::edwards_anderson_gaussian),
    ("anneal sk 1000 gaussian", engines::sherrington_kirkpatrick_gaussian),
    ("anneal ea 100x100 single", engines::edwards_anderson_single),
    ("anneal 3-regular 10000 single", engines::regular_single),
    ("anneal g(800,19176) single", engines::random_graph_single),
    ("p-bits p14", pbits::fixed),
    ("p-bits p14 on 2 cores", pbits::fixed_on_two),
    ("p-bits p14 float", pbits::float),
    ("p-bits p14 moments", pbits::moments),
    ("checkpoint encode 8 MB", program::encode),
    ("checkpoint decode 8 MB", program::decode),
    ("startup", program::startup),
];

fn main() {
    println!("{}", json!({"name": "simd", "text": smml_core::simd::path().name()}));
    let only = std::env::var("SMML_BENCH_ONLY").unwrap_or_default();
    for (name, timing) in TIMINGS.iter().filter(|(name, _)| only.is_empty() || *name == only) {
        match timing() {
            Ok((value, unit)) => println!("{}", json!({"name": name, "value": value, "unit": unit})),
            Err(error) => println!("{}", json!({"name": name, "error": error.to_string()})),
        }
    }
    if only.is_empty() {
        for (name, size, measured) in engines::sizes() {
            match measured {
                Ok((value, unit)) => {
                    println!("{}", json!({"name": name, "size": size, "value": value, "unit": unit}));
                }
                Err(error) => println!("{}", json!({"name": name, "error": error.to_string()})),
            }
        }
    }
}

/// Median CPU time of 7 runs, in milliseconds, after one to warm up.
fn median_ms<E>(mut run: impl FnMut() -> Result<(), E>) -> Result<f64, E> {
    run()?;
    let mut times = [0.0; 7];
    for time in &mut times {
        let start = ThreadTime::now();
        run()?;
        *time = 1e3 * start.elapsed().as_secs_f64();
    }
    Ok(median(&mut times))
}

/// The middle one of an odd number of values.
fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
