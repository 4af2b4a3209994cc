//! Grey images with labels.

use super::BinaryData;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use smml_core::rng::{Draw, Streams};
use std::{fmt, str::FromStr};

/// How grey values become bits.
///
/// As text `127`, or `random` and `random:SEED`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Binarise {
    /// Pixels above this value are 1.
    Above(u8),
    /// A pixel of value g is 1 with probability g/255, drawn once: the binary digits that likelihoods are published for. The
    /// seed makes a data set of its own, whatever else is random in a run.
    Random(u64),
}

impl fmt::Display for Binarise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Binarise::Above(grey) => write!(f, "{grey}"),
            Binarise::Random(0) => f.write_str("random"),
            Binarise::Random(seed) => write!(f, "random:{seed}"),
        }
    }
}

impl FromStr for Binarise {
    type Err = String;
    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let wrong = || format!("'{text}' is no grey value from 0 to 255, random, or random:SEED");
        match text.trim().strip_prefix("random") {
            Some("") => Ok(Binarise::Random(0)),
            Some(rest) => {
                let seed = rest.strip_prefix(':').and_then(|seed| seed.parse().ok());
                Ok(Binarise::Random(seed.ok_or_else(wrong)?))
            }
            None => Ok(Binarise::Above(text.trim().parse().map_err(|_| wrong())?)),
        }
    }
}

impl From<Binarise> for String {
    fn from(how: Binarise) -> String {
        how.to_string()
    }
}

impl TryFrom<String> for Binarise {
    type Error = String;
    fn try_from(text: String) -> std::result::Result<Self, String> {
        text.parse()
    }
}

/// Images of one size with one label each; grey values 0 to 255, row-major.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataSet {
    images: Vec<u8>,
    rows: usize,
    columns: usize,
    labels: Vec<u8>,
}

impl DataSet {
    /// Images one after the other, and their labels.
    pub fn new(images: Vec<u8>, rows: usize, columns: usize, labels: Vec<u8>) -> Result<Self> {
        if rows == 0 || columns == 0 {
            return Err(Error::out_of_range("image size", format!("{rows} x {columns}"), "at least 1 x 1"));
        }
        if rows.checked_mul(columns).is_none() {
            return Err(Error::out_of_range("image size", format!("{rows} x {columns}"), "fewer pixels"));
        }
        let expected = labels.len().saturating_mul(rows * columns);
        if images.len() != expected {
            return Err(Error::length("images", images.len(), expected));
        }
        Ok(DataSet { images, rows, columns, labels })
    }
    /// Number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }
    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }
    /// Rows of an image.
    pub fn rows(&self) -> usize {
        self.rows
    }
    /// Columns of an image.
    pub fn columns(&self) -> usize {
        self.columns
    }
    /// Pixels of an image.
    pub fn n_pixels(&self) -> usize {
        self.rows * self.columns
    }
    /// All grey values.
    pub fn images(&self) -> &[u8] {
        &self.images
    }
    /// The labels.
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }
    /// One image. Panics when there is no such image, as a slice does.
    pub fn image(&self, i: usize) -> &[u8] {
        &self.images[i * self.n_pixels()..(i + 1) * self.n_pixels()]
    }
    /// The largest label plus one; 0 for an empty set.
    pub fn n_classes(&self) -> usize {
        self.labels.iter().max().map_or(0, |m| usize::from(*m) + 1)
    }
    /// The images at these places, in this order.
    ///
    /// Errors: a place that does not exist.
    pub fn select(&self, places: &[usize]) -> Result<Self> {
        let mut images = Vec::with_capacity(places.len().saturating_mul(self.n_pixels()));
        let mut labels = Vec::with_capacity(places.len());
        for &i in places {
            if i >= self.len() {
                return Err(Error::out_of_range("image", i, format!("below {}", self.len())));
            }
            images.extend_from_slice(self.image(i));
            labels.push(self.labels[i]);
        }
        Ok(DataSet { images, labels, ..*self })
    }
    /// The first `n` images (all, when there are fewer).
    pub fn head(&self, n: usize) -> Self {
        let n = n.min(self.len());
        DataSet {
            images: self.images[..n * self.n_pixels()].to_vec(),
            labels: self.labels[..n].to_vec(),
            ..*self
        }
    }
    /// Places of `n` images, drawn at random within each class so that every class has its share to within one, in
    /// increasing order (all, when there are fewer).
    pub fn stratified<R: Draw>(&self, n: usize, rng: &mut R) -> Vec<usize> {
        let mut classes: Vec<Vec<usize>> = vec![Vec::new(); self.n_classes()];
        for (i, &label) in self.labels.iter().enumerate() {
            classes[usize::from(label)].push(i);
        }
        for class in &mut classes {
            rng.shuffle(class);
        }
        let (n, total) = (n.min(self.len()), self.len().max(1));
        // Shares n |class| / total, rounded down; what is left goes to the largest remainders.
        let scaled = |k: usize| n as u128 * classes[k].len() as u128;
        let mut shares: Vec<usize> =
            (0..classes.len()).map(|k| (scaled(k) / total as u128) as usize).collect();
        let mut order: Vec<usize> = (0..classes.len()).collect();
        order.sort_by_key(|&k| std::cmp::Reverse(scaled(k) % total as u128));
        let left = n - shares.iter().sum::<usize>();
        order.iter().take(left).for_each(|&k| shares[k] += 1);
        let mut places: Vec<usize> =
            classes.iter().zip(&shares).flat_map(|(class, &share)| &class[..share]).copied().collect();
        places.sort_unstable();
        places
    }
    /// Smaller images of `rows` × `columns` pixels, each the mean of a block of the old ones.
    ///
    /// With blocks of m pixels the new grey value is ⌊(Σ + ⌊m/2⌋)/m⌋, the mean Σ/m rounded, halves up.
    ///
    /// ```
    /// use smml_learn::data::DataSet;
    /// let set = DataSet::new(vec![0, 10, 20, 21, 3, 4, 255, 255], 2, 4, vec![7])?;
    /// assert_eq!(set.reduced(1, 2)?.image(0), [4, 138]); // 17/4 = 4.25, 551/4 = 137.75
    /// # Ok::<(), smml_learn::Error>(())
    /// ```
    ///
    /// Errors: sizes that do not divide the old ones.
    pub fn reduced(&self, rows: usize, columns: usize) -> Result<Self> {
        for (name, new, old) in [("rows", rows, self.rows), ("columns", columns, self.columns)] {
            if new == 0 || !old.is_multiple_of(new) {
                return Err(Error::out_of_range(
                    format!("{name} of a reduced image"),
                    new,
                    format!("a divisor of {old}"),
                ));
            }
        }
        let (high, wide) = (self.rows / rows, self.columns / columns);
        let m = (high * wide) as u64;
        let mut images = Vec::with_capacity(self.len() * rows * columns);
        for image in self.images.chunks_exact(self.n_pixels()) {
            for r in 0..rows {
                for c in 0..columns {
                    let lines = image.chunks_exact(self.columns).skip(r * high).take(high);
                    let block = lines.flat_map(|line| &line[c * wide..(c + 1) * wide]);
                    images.push(((block.map(|p| u64::from(*p)).sum::<u64>() + m / 2) / m) as u8);
                }
            }
        }
        DataSet::new(images, rows, columns, self.labels.clone())
    }
    /// Pixels above `threshold` are 1, others 0. Shape: images × pixels.
    ///
    /// ```
    /// use smml_learn::data::DataSet;
    /// let set = DataSet::new(vec![0, 127, 128, 255], 2, 2, vec![7])?;
    /// assert_eq!(set.binarise(127).row(0), [0, 0, 1, 1]);
    /// # Ok::<(), smml_learn::Error>(())
    /// ```
    pub fn binarise(&self, threshold: u8) -> BinaryData {
        BinaryData::from_bits(self.n_pixels(), self.images.iter().map(|p| *p > threshold))
    }
    /// Bits by either rule. `purpose` keeps the draws of two sets apart, such as those for training and for testing; image k
    /// has the same bits however many follow it. Shape: images × pixels.
    pub fn binarise_by(&self, how: Binarise, purpose: &str) -> BinaryData {
        match how {
            Binarise::Above(threshold) => self.binarise(threshold),
            Binarise::Random(seed) => {
                let mut rng = Streams::new(seed).stream(purpose, 0);
                let bits = self.images.iter().map(|p| rng.below(255) < usize::from(*p));
                BinaryData::from_bits(self.n_pixels(), bits)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_bits_have_the_grey_values_as_means() {
        let n = 200_000;
        let set = DataSet::new([0, 1, 128, 254, 255].repeat(n), 1, 5, vec![0; n]).unwrap();
        let bits = set.binarise_by(Binarise::Random(3), "train");
        for (k, mean) in bits.column_means().into_iter().enumerate() {
            let p = [0.0, 1.0, 128.0, 254.0, 255.0][k] / 255.0;
            let error = (p * (1.0 - p) / n as f64).sqrt();
            assert!((mean - p).abs() <= 5.5 * error, "{k}: {mean} {p}");
        }
        assert_eq!(set.head(10).binarise_by(Binarise::Random(3), "train"), bits.head(10));
        assert_ne!(set.binarise_by(Binarise::Random(3), "test"), bits);
        assert_ne!(set.binarise_by(Binarise::Random(4), "train"), bits);
        assert_eq!(set.binarise_by(Binarise::Above(127), "train"), set.binarise(127));
        for (text, how) in [
            ("127", Binarise::Above(127)),
            ("random", Binarise::Random(0)),
            ("random:7", Binarise::Random(7)),
        ] {
            assert_eq!((text.parse(), how.to_string()), (Ok(how), text.to_string()));
        }
        for wrong in ["256", "-1", "randomly", "random:", "random:x", ""] {
            assert!(
                wrong.parse::<Binarise>().unwrap_err().contains("no grey value from 0 to 255"),
                "{wrong}"
            );
        }
    }

    #[test]
    fn stratified_shares_are_within_one() {
        let labels: Vec<u8> = (0..997).map(|i| if i % 3 == 0 { 4 } else { (i % 7) as u8 }).collect();
        let set = DataSet::new(vec![0; 997], 1, 1, labels).unwrap();
        for n in [0, 1, 10, 100, 996, 997, 5000] {
            let places = set.stratified(n, &mut Streams::new(1).stream("pick", 0));
            assert_eq!(places.len(), n.min(997));
            assert!(places.windows(2).all(|w| w[0] < w[1]));
            for class in 0..7u8 {
                let has = set.labels().iter().filter(|l| **l == class).count() as f64;
                let got = places.iter().filter(|i| set.labels()[**i] == class).count() as f64;
                assert!((got - has * n.min(997) as f64 / 997.0).abs() < 1.0);
            }
        }
    }

    #[test]
    fn shapes_are_checked() {
        assert!(DataSet::new(vec![0; 5], 2, 3, vec![0]).is_err());
        assert!(DataSet::new(vec![], 0, 3, vec![]).is_err());
        assert!(DataSet::new(vec![], usize::MAX, 3, vec![]).is_err());
        let set = DataSet::new((0..12).collect(), 2, 3, vec![3, 1]).unwrap();
        assert_eq!((set.image(1), set.n_classes()), ([6, 7, 8, 9, 10, 11].as_slice(), 4));
        assert_eq!(set.select(&[1, 0]).unwrap().labels(), [1, 3]);
        assert!(set.select(&[2]).is_err());
        assert_eq!(set.head(9), set);
    }

    #[test]
    fn reduced_images_are_means_of_blocks() {
        let pixels: Vec<u8> = (0..2 * 6 * 4).map(|k| (k * 37 % 256) as u8).collect();
        let set = DataSet::new(pixels, 6, 4, vec![3, 1]).unwrap();
        for (rows, columns) in [(6, 4), (3, 4), (2, 2), (1, 1)] {
            let small = set.reduced(rows, columns).unwrap();
            assert_eq!((small.rows(), small.columns(), small.labels()), (rows, columns, set.labels()));
            for n in 0..2 {
                for (k, found) in small.image(n).iter().enumerate() {
                    let in_block =
                        |p: &usize| p / 4 * rows / 6 == k / columns && p % 4 * columns / 4 == k % columns;
                    let block: Vec<f64> =
                        (0..24).filter(in_block).map(|p| f64::from(set.image(n)[p])).collect();
                    let mean = block.iter().sum::<f64>() / block.len() as f64;
                    assert_eq!(f64::from(*found), (mean + 0.5).floor(), "{rows} x {columns}, pixel {k}");
                }
            }
        }
        assert_eq!(set.reduced(6, 4).unwrap(), set);
        for (rows, columns) in [(4, 4), (0, 4), (6, 3), (12, 4)] {
            assert!(set.reduced(rows, columns).unwrap_err().to_string().contains("divisor"));
        }
    }
}
