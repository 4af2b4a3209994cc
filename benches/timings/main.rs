//! Our side of `cargo xtask bench`: prints one JSON object a line, `{"name": .., "value": .., "unit": ..}`.
//!
//! Times are CPU times of one thread, the median of 7 after one run to warm up. Criterion's programs, next door, are
//! for watching one function while working on it. `SMML_BENCH_ONLY` names one timing; `SMML_DATA` is the folder of
//! the data sets.

mod convolve;
mod optimize;
mod rbm;

use cpu_time::ThreadTime;
use serde_json::json;

/// What a timing returns: a value and its unit.
type Measured = Result<(f64, &'static str), Box<dyn std::error::Error>>;

const TIMINGS: [(&str, fn() -> Measured); 4] = [
    ("convolve 1e6*1e4", convolve::long_by_short),
    ("adam 1e6 f32", optimize::adam_step),
    ("rosenbrock 1000 evaluations", optimize::rosenbrock_evaluations),
    ("rbm cd1 epoch 784x500", rbm::cd1_epoch),
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
    times.sort_by(f64::total_cmp);
    Ok(times[3])
}
