//! Counts in bins of equal width.

use crate::error::{Error, Result, finite};

/// A histogram over [lower, upper]; the last bin includes its upper edge.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    lower: f64,
    upper: f64,
    counts: Vec<u64>,
    below: u64,
    above: u64,
}

impl Histogram {
    /// Counts `samples` in `bins` bins.
    ///
    /// Errors: a range that is not finite and ascending, 0 or more than 2²⁰ bins, a sample that is NaN.
    pub fn new(samples: &[f64], lower: f64, upper: f64, bins: usize) -> Result<Self> {
        finite("lower", lower)?;
        finite("upper", upper)?;
        if !(lower < upper && (upper - lower).is_finite()) {
            return Err(Error::out_of_range("upper", upper, format!("greater than lower = {lower}")));
        }
        if bins == 0 || bins > 1 << 20 {
            return Err(Error::out_of_range("bins", bins, "from 1 to 1048576"));
        }
        if let Some(i) = samples.iter().position(|x| x.is_nan()) {
            return Err(Error::out_of_range(format!("sample {i}"), samples[i], "a number"));
        }
        let mut h = Histogram { lower, upper, counts: vec![0; bins], below: 0, above: 0 };
        for &x in samples {
            if x < lower {
                h.below += 1;
            } else if x > upper {
                h.above += 1;
            } else {
                let at = ((x - lower) / (upper - lower) * bins as f64) as usize;
                h.counts[at.min(bins - 1)] += 1;
            }
        }
        Ok(h)
    }
    /// Counts per bin.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }
    /// Samples below and above the range.
    pub fn outside(&self) -> (u64, u64) {
        (self.below, self.above)
    }
    /// All samples, those outside included.
    pub fn n(&self) -> u64 {
        self.counts.iter().sum::<u64>() + self.below + self.above
    }
    /// The `bins + 1` edges.
    pub fn edges(&self) -> Vec<f64> {
        let bins = self.counts.len();
        let at = |i: usize| self.lower + (self.upper - self.lower) * (i as f64 / bins as f64);
        (0..=bins).map(|i| if i == bins { self.upper } else { at(i) }).collect()
    }
    /// Per bin: its middle, and count / (n width), to be compared with a density.
    pub fn density(&self) -> Vec<(f64, f64)> {
        let n = self.n().max(1) as f64;
        let pairs = self.edges();
        let bar = |(e, c): (&[f64], &u64)| (0.5 * (e[0] + e[1]), *c as f64 / (n * (e[1] - e[0])));
        pairs.windows(2).zip(&self.counts).map(bar).collect()
    }
}
