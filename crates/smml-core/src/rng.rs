//! Random numbers: one stream for each logical piece of work (a replica, a run, a mini-batch), never for a thread.
//!
//! Kernels draw through [`Draw`]. The law tests replace it by an enumerator that walks through every outcome, so
//! discrete decisions must use [`Draw::chance`], [`Draw::accept`], [`Draw::below`] and [`Draw::choose`].
//! rand's own traits stay behind this module: a new major version of rand changes nothing outside it.

use rand::rand_core::{Infallible, Rng, SeedableRng, TryRng};
use rand_distr::{Distribution, Exp1, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};

mod wide;
pub use wide::WideStream;

/// The draws that kernels make.
pub trait Draw: Send + Sized {
    /// 64 random bits.
    fn word(&mut self) -> u64;

    /// An independent generator for a piece of work that may run on another thread. Forks are taken in order by one
    /// thread and then handed out, so results do not depend on scheduling.
    fn fork(&mut self) -> Self;

    /// True with probability `p`; `p <= 0` never, `p >= 1` always. Resolution 2⁻⁵³.
    fn chance(&mut self, p: f64) -> bool {
        self.uniform() < p
    }

    /// True with probability min(1, e⁻ˣ): the Metropolis test. A NaN rejects.
    ///
    /// `exp` is computed only where simple bounds do not decide, and always by `libm`, so that every platform gives
    /// the same bits.
    fn accept(&mut self, x: f64) -> bool {
        if x <= 0.0 {
            return true;
        }
        let u = self.uniform();
        // 1 - x <= e^-x <= 1 / (1 + x + x²/2) for x > 0
        u < 1.0 - x || (u * (1.0 + x * (1.0 + 0.5 * x)) <= 1.0 && u < libm::exp(-x))
    }

    /// Uniform in `0..n` (bias below n 2⁻⁶⁴), the same on 32 and 64-bit machines. `n` must not be 0.
    fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.word()) * n as u128) >> 64) as usize
    }

    /// Index `i` with probability `weights[i] / Σ weights`. Weights must not be negative, and their sum must be finite
    /// and not zero.
    fn choose(&mut self, weights: &[f64]) -> usize {
        let mut left = self.uniform() * weights.iter().sum::<f64>();
        let mut last = 0;
        for (i, &w) in weights.iter().enumerate() {
            if w > 0.0 {
                last = i;
                left -= w;
                if left < 0.0 {
                    return i;
                }
            }
        }
        last // rounding left a sliver: the last possible outcome takes it
    }

    /// Uniform in [0, 1) with 53 bits.
    fn uniform(&mut self) -> f64 {
        (self.word() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Standard normal.
    fn normal(&mut self) -> f64 {
        self.sample(&StandardNormal)
    }

    /// Exponential with mean 1.
    fn exponential(&mut self) -> f64 {
        self.sample(&Exp1)
    }

    /// A random order, in place (Fisher-Yates).
    fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            let j = self.below(i + 1);
            items.swap(i, j);
        }
    }

    /// A draw from one of rand_distr's distributions.
    #[doc(hidden)]
    fn sample<T, D: Distribution<T>>(&mut self, distribution: &D) -> T {
        distribution.sample(&mut Adapter(self))
    }
}

/// Lets rand_distr draw from a [`Draw`].
struct Adapter<'a, R>(&'a mut R);

impl<R: Draw> TryRng for Adapter<'_, R> {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok((self.0.word() >> 32) as u32)
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.0.word())
    }
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(8) {
            let word = self.0.word().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
        Ok(())
    }
}

/// An independent Xoshiro256++ sequence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawStream")]
pub struct Stream(Xoshiro256PlusPlus);

#[derive(Deserialize)]
struct RawStream(Xoshiro256PlusPlus);

impl TryFrom<RawStream> for Stream {
    type Error = String;
    fn try_from(RawStream(generator): RawStream) -> Result<Self, String> {
        // The state 0, which no seed leads to, stays where it is; no other state gives so many zeros in a row.
        let mut probe = generator.clone();
        if (0..8).all(|_| probe.next_u64() == 0) {
            return Err("the state of a random stream is 0, from which it never moves".into());
        }
        Ok(Stream(generator))
    }
}

impl Stream {
    fn from_key(key: [u64; 4]) -> Self {
        let mut seed = [0; 32];
        for (bytes, word) in seed.chunks_exact_mut(8).zip(key) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        Stream(Xoshiro256PlusPlus::from_seed(seed))
    }
}

impl Draw for Stream {
    fn word(&mut self) -> u64 {
        self.0.next_u64()
    }
    fn fork(&mut self) -> Self {
        Stream::from_key([(); 4].map(|()| mix(self.word())))
    }
}

/// The root of all randomness in a run: hands out streams by purpose and logical index.
///
/// ```
/// use smml_core::rng::{Draw, Streams};
/// let streams = Streams::new(1);
/// let mut a = streams.stream("replica", 0);
/// let mut b = streams.stream("replica", 1);
/// assert_ne!(a.word(), b.word());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Streams([u64; 4]);

impl Streams {
    /// The root that belongs to a seed.
    pub fn new(seed: u64) -> Self {
        Streams([1, 2, 3, 4].map(|lane: u64| mix(seed ^ mix(lane))))
    }
    /// A sub-root, for work that has streams of its own.
    pub fn child(&self, purpose: &str, index: u64) -> Self {
        // FNV-1a of the purpose; each lane is then a bijection of `index`, so that for one root and purpose no two
        // indices can meet.
        let label = purpose
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
        Streams(self.0.map(|lane| mix(mix(lane ^ mix(label)) ^ mix(index ^ 0x9e37_79b9_7f4a_7c15))))
    }
    /// The stream of one piece of work.
    pub fn stream(&self, purpose: &str, index: u64) -> Stream {
        Stream::from_key(self.child(purpose, index).0)
    }
}

/// SplitMix64's output function (Stafford's variant 13).
#[inline(always)]
fn mix(z: u64) -> u64 {
    let z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_differ_by_seed_purpose_and_index() {
        let first = |seed, purpose, index| Streams::new(seed).stream(purpose, index).word();
        let all = [first(1, "a", 0), first(1, "a", 1), first(1, "b", 0), first(2, "a", 0)];
        for i in 0..4 {
            for j in 0..i {
                assert_ne!(all[i], all[j]);
            }
        }
        let mut many: Vec<u64> = (0..1_000_000).map(|i| Streams::new(0).stream("x", i).word()).collect();
        many.sort_unstable();
        many.dedup();
        assert_eq!(many.len(), 1_000_000); // a collision of 10⁶ random words has probability 3e-8
    }

    #[test]
    fn xoshiro_is_the_published_generator() {
        // Reference: Blackman and Vigna's C code from state 1, 2, 3, 4 (also in rand_xoshiro's own tests).
        let mut seed = [0u8; 32];
        for (i, chunk) in seed.chunks_exact_mut(8).enumerate() {
            chunk.copy_from_slice(&(i as u64 + 1).to_le_bytes());
        }
        let mut s = Stream(Xoshiro256PlusPlus::from_seed(seed));
        assert_eq!([s.word(), s.word(), s.word()], [41943041, 58720359, 3588806011781223]);
    }

    #[test]
    fn a_stream_is_saved_with_its_place_and_a_dead_one_is_refused() {
        use crate::store::{decode, encode};
        let mut stream = Streams::new(1).stream("saved", 0);
        stream.word();
        let mut again: Stream = decode(&encode(&stream, 0).unwrap(), 0).unwrap();
        assert_eq!(again, stream);
        assert_eq!(again.word(), stream.word());
        let dead = decode::<Stream>(&encode(&[0u64; 4], 0).unwrap(), 0).unwrap_err().to_string();
        assert!(dead.contains("never moves"), "{dead}");
        assert!(decode::<Stream>(&encode(&[0u64, 0, 1, 0], 0).unwrap(), 0).is_ok());
    }

    #[test]
    fn accept_is_min_one_exp_minus_x() {
        let mut rng = Streams::new(1).stream("accept", 0);
        for x in [0.01, 0.3, 1.0, 2.5, 7.0] {
            let n = 200_000;
            let hits = (0..n).filter(|_| rng.accept(x)).count() as f64;
            let p = (-x).exp();
            let z = (hits - n as f64 * p) / (n as f64 * p * (1.0 - p)).sqrt();
            assert!(z.abs() < 5.0, "x = {x}: z = {z}");
        }
        assert!(rng.accept(-1.0) && rng.accept(0.0) && !rng.accept(f64::NAN) && !rng.accept(f64::INFINITY));
    }

    #[test]
    fn choose_follows_its_weights_and_skips_zeros() {
        let mut rng = Streams::new(2).stream("choose", 0);
        let weights = [0.0, 1.0, 3.0, 0.0, 2.0, 0.0];
        let mut counts = [0.0; 6];
        let n = 120_000.0;
        for _ in 0..n as usize {
            counts[rng.choose(&weights)] += 1.0;
        }
        let chi2: f64 = [(1, 1.0 / 6.0), (2, 0.5), (4, 1.0 / 3.0)]
            .iter()
            .map(|&(i, p): &(usize, f64)| (counts[i] - n * p).powi(2) / (n * p))
            .sum();
        assert!(chi2 < 27.6, "chi² = {chi2} (2 degrees of freedom, p = 1e-6)");
        assert_eq!(counts[0] + counts[3] + counts[5], 0.0);
    }

    #[test]
    fn below_and_shuffle_are_uniform() {
        let mut rng = Streams::new(3).stream("below", 0);
        let mut counts = [0.0; 24];
        let n = 240_000.0;
        for _ in 0..n as usize {
            let mut order = [0usize, 1, 2, 3];
            rng.shuffle(&mut order);
            let rank = order
                .iter()
                .enumerate()
                .fold(0, |r, (i, &x)| r * (4 - i) + order[i + 1..].iter().filter(|&&y| y < x).count());
            counts[rank] += 1.0;
        }
        let chi2: f64 = counts.iter().map(|c: &f64| (c - 1e4).powi(2) / 1e4).sum();
        assert!(chi2 < 75.0, "chi² = {chi2} (23 degrees of freedom, p = 2e-7)");
    }
}
