//! Convolution.

use crate::{Measured, median_ms};
use smml_core::{
    convolve::{Method, Mode, convolve_into},
    rng::{Draw, Streams},
};
use std::hint::black_box;

/// 10⁶ values with a kernel of 10⁴, everything included but the memory of the result.
pub(crate) fn long_by_short() -> Measured {
    let noise = |n: usize, index| -> Vec<f64> {
        let mut rng = Streams::new(1).stream("convolve", index);
        (0..n).map(|_| rng.normal()).collect()
    };
    let (a, b) = (noise(1_000_000, 0), noise(10_000, 1));
    let mut out = Vec::new();
    let time = median_ms(|| {
        convolve_into(black_box(&a), black_box(&b), Mode::Full, Method::Auto, black_box(&mut out))
    })?;
    Ok((time, "ms"))
}
