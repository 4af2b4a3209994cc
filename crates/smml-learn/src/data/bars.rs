//! Bars-and-stripes, the built-in data set: small, and its entropy is known exactly.

use super::BinaryData;
use crate::error::{Error, Result};
use smml_core::rng::Draw;
use std::f64::consts::LN_2;

/// Images that are all bars or all stripes.
///
/// The distribution: a fair coin chooses between columns (bars) and rows (stripes); then each column, or each row, is
/// on or off with probability ½. With R rows and C columns there are 2ᴿ + 2ᶜ - 2 different images. An image of proper
/// bars has probability 2⁻ᶜ⁻¹, one of proper stripes 2⁻ᴿ⁻¹, the empty and the full image (2⁻ᴿ + 2⁻ᶜ)/2 each.
/// (D. MacKay, Information Theory, Inference, and Learning Algorithms, 2003, section 43.)
///
/// ```
/// use smml_learn::data::BarsAndStripes;
/// let set = BarsAndStripes::new(3, 3)?;
/// assert_eq!(set.n_patterns(), 14.0);
/// assert!((set.entropy() - 3.75 * 2f64.ln()).abs() < 1e-14); // 12/16 ln 16 + 2/8 ln 8
/// # Ok::<(), smml_learn::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BarsAndStripes {
    rows: usize,
    columns: usize,
}

impl BarsAndStripes {
    /// Images of this size: each side from 1 to 1,000.
    pub fn new(rows: usize, columns: usize) -> Result<Self> {
        for (name, value) in [("rows", rows), ("columns", columns)] {
            if !(1..=1000).contains(&value) {
                return Err(Error::out_of_range(name, value, "in 1..=1000"));
            }
        }
        Ok(BarsAndStripes { rows, columns })
    }
    /// Rows of an image.
    pub fn rows(&self) -> usize {
        self.rows
    }
    /// Columns of an image.
    pub fn columns(&self) -> usize {
        self.columns
    }
    /// Number of different images, 2ᴿ + 2ᶜ - 2 (a float: it may be huge).
    pub fn n_patterns(&self) -> f64 {
        libm::exp2(self.rows as f64) + libm::exp2(self.columns as f64) - 2.0
    }
    /// -ln probability of one proper bar or stripe image with this many lines.
    fn cost(lines: usize) -> f64 {
        (lines + 1) as f64 * LN_2
    }
    /// ln of the probability of the full image, and of the empty one.
    fn ln_uniform(&self) -> f64 {
        smml_core::energy::ln_sum_exp(&[-Self::cost(self.rows), -Self::cost(self.columns)])
    }
    /// The Shannon entropy in nats, exactly: minus the best mean log-likelihood any model can reach.
    pub fn entropy(&self) -> f64 {
        let proper = |lines: usize| (0.5 - libm::exp2(-(lines as f64))) * Self::cost(lines);
        let q = self.ln_uniform();
        proper(self.rows) + proper(self.columns) - 2.0 * libm::exp(q) * q
    }
    /// ln of the probability of an image; -∞ when it is neither bars nor stripes.
    pub fn ln_probability(&self, image: &[u8]) -> Result<f64> {
        if image.len() != self.rows * self.columns {
            return Err(Error::length("image", image.len(), self.rows * self.columns));
        }
        let stripes = image.chunks_exact(self.columns).all(|r| r.iter().all(|b| *b == r[0]));
        let bars = image.chunks_exact(self.columns).all(|r| r == &image[..self.columns]);
        Ok(match (bars, stripes) {
            (true, true) => self.ln_uniform(),
            (true, false) => -Self::cost(self.columns),
            (false, true) => -Self::cost(self.rows),
            (false, false) => f64::NEG_INFINITY,
        })
    }
    /// Every image once, with its probability.
    ///
    /// Errors: more than 2¹⁶ images.
    pub fn patterns(&self) -> Result<(BinaryData, Vec<f64>)> {
        if self.rows.max(self.columns) > 15 {
            let needed = format!("{:.3e} images", self.n_patterns());
            let limit = "65,534 (sides up to 15)".into();
            return Err(
                smml_core::Error::TooLarge { what: "all bars and stripes".into(), needed, limit }.into()
            );
        }
        let (mut bits, mut p) = (Vec::new(), Vec::new());
        for lines in 0..1usize << self.columns {
            self.push(&mut bits, |_, c| lines >> c & 1 == 1);
            let uniform = lines == 0 || lines + 1 == 1 << self.columns;
            p.push(libm::exp(if uniform { self.ln_uniform() } else { -Self::cost(self.columns) }));
        }
        for lines in 1..(1usize << self.rows) - 1 {
            self.push(&mut bits, |r, _| lines >> r & 1 == 1);
            p.push(libm::exp(-Self::cost(self.rows)));
        }
        Ok((BinaryData::new(self.rows * self.columns, bits)?, p))
    }
    /// `n` independent images.
    pub fn sample<R: Draw>(&self, n: usize, rng: &mut R) -> BinaryData {
        let mut bits = Vec::new();
        for _ in 0..n {
            let bars = rng.chance(0.5);
            let lines: Vec<bool> =
                (0..if bars { self.columns } else { self.rows }).map(|_| rng.chance(0.5)).collect();
            self.push(&mut bits, |r, c| lines[if bars { c } else { r }]);
        }
        BinaryData::from_bits(self.rows * self.columns, bits.into_iter().map(|b| b == 1))
    }
    fn push(&self, bits: &mut Vec<u8>, on: impl Fn(usize, usize) -> bool) {
        for r in 0..self.rows {
            bits.extend((0..self.columns).map(|c| u8::from(on(r, c))));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use smml_core::rng::Streams;
    use std::collections::HashMap;

    #[test]
    fn probabilities_sum_to_one_and_give_the_entropy() {
        for (rows, columns) in [(1, 1), (1, 4), (4, 1), (2, 2), (2, 5), (3, 3), (4, 4), (7, 6)] {
            let set = BarsAndStripes::new(rows, columns).unwrap();
            let (images, p) = set.patterns().unwrap();
            let distinct: std::collections::HashSet<_> = images.rows().collect();
            assert_eq!((distinct.len() as f64, images.len()), (set.n_patterns(), p.len()));
            assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            let entropy: f64 = -p.iter().map(|p| p * p.ln()).sum::<f64>();
            assert!((entropy - set.entropy()).abs() < 1e-12, "{rows}x{columns}");
            for (image, p) in images.rows().zip(&p) {
                assert!((set.ln_probability(image).unwrap() - p.ln()).abs() < 1e-12);
            }
        }
        let set = BarsAndStripes::new(2, 2).unwrap();
        assert_eq!(set.ln_probability(&[1, 0, 0, 1]).unwrap(), f64::NEG_INFINITY);
        assert!(set.ln_probability(&[1, 0]).is_err());
        assert!(BarsAndStripes::new(0, 3).is_err() && BarsAndStripes::new(3, 1001).is_err());
        assert!(BarsAndStripes::new(16, 3).unwrap().patterns().is_err());
    }

    #[test]
    fn samples_follow_the_distribution() {
        let set = BarsAndStripes::new(2, 3).unwrap();
        let n = 100_000;
        let samples = set.sample(n, &mut Streams::new(5).stream("bars", 0));
        let mut counts: HashMap<&[u8], f64> = HashMap::new();
        samples.rows().for_each(|r| *counts.entry(r).or_default() += 1.0);
        let (images, p) = set.patterns().unwrap();
        assert_eq!(counts.len(), images.len());
        let chi2: f64 = images
            .rows()
            .zip(p)
            .map(|(image, p)| (counts[image] - p * n as f64).powi(2) / (p * n as f64))
            .sum();
        assert!(chi2 < 42.0, "chi² = {chi2} (9 degrees of freedom, p = 3e-6)");
    }
}
