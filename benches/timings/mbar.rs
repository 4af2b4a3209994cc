//! MBAR.

use crate::{Measured, median_ms};
use smml_core::{
    free_energy::Mbar,
    parallel::Par,
    rng::{Draw, Streams},
};
use std::hint::black_box;

/// The free energy difference, with its error, between the ends of 30 harmonic oscillators (springs 1 to 16, centres
/// 0 to 3) from 10⁵ samples in all; checked against ½ ln 16.
pub(crate) fn oscillators() -> Measured {
    const K: usize = 30;
    let mut rng = Streams::new(1).stream("mbar", 0);
    let n_samples: Vec<usize> = (0..K).map(|k| 3333 + usize::from(k < 10)).collect();
    let springs: Vec<f64> = (0..K).map(|k| 16f64.powf(k as f64 / (K - 1) as f64)).collect();
    let centres: Vec<f64> = (0..K).map(|k| 3.0 * k as f64 / (K - 1) as f64).collect();
    let mut samples = Vec::with_capacity(100_000);
    for k in 0..K {
        samples.extend((0..n_samples[k]).map(|_| centres[k] + rng.normal() / springs[k].sqrt()));
    }
    let reduced: Vec<Vec<f64>> = (0..K)
        .map(|k| samples.iter().map(|x| 0.5 * springs[k] * (x - centres[k]).powi(2)).collect())
        .collect();
    let solve = || Mbar::new(black_box(&reduced), &n_samples, Par::Serial)?.difference(0, K - 1);
    let found = solve()?;
    if !(found.z(0.5 * 16f64.ln()).abs() < 6.0) {
        return Err(format!("{} +- {} instead of ½ ln 16", found.value, found.std_error).into());
    }
    let time = median_ms(|| solve().map(|d| _ = black_box(d)))?;
    Ok((time, "ms"))
}
