//! Eight interleaved Xoshiro256++ generators, for kernels that need random words faster than one can deliver them.

use super::Draw;
use crate::simd_paths;

/// Eight Xoshiro256++ generators side by side; [`WideStream::next`] steps all of them.
///
/// Seeded from a [`Draw`], so that it belongs to the logical piece of work which forked it. The compiler turns the
/// eight equal steps into vector instructions where a caller enables them; the words are the same in any case.
#[derive(Clone, Debug)]
pub struct WideStream {
    s: [[u64; 8]; 4],
}

impl WideStream {
    /// Generators seeded with words of `rng`.
    pub fn new<R: Draw>(rng: &mut R) -> Self {
        let mut s = [[0; 8]; 4];
        for lane in 0..8 {
            let mut one = rng.fork();
            for row in &mut s {
                row[lane] = one.word();
            }
            // A generator with state 0 would stay there: impossible to meet in practice, and excluded all the same.
            s[0][lane] |= u64::from(s.iter().all(|row| row[lane] == 0));
        }
        WideStream { s }
    }

    /// Generators from two words: quick enough for kernels that seed one for every piece of every step. Each word of the
    /// state is one of SplitMix64's outputs.
    pub fn from_words(a: u64, b: u64) -> Self {
        let mut s = [[0; 8]; 4];
        seed(a, b, &mut s);
        for lane in 0..8 {
            s[0][lane] |= u64::from(s.iter().all(|row| row[lane] == 0));
        }
        WideStream { s }
    }

    pub(crate) fn words(&self) -> &[[u64; 8]; 4] {
        &self.s
    }
    pub(crate) fn words_mut(&mut self) -> &mut [[u64; 8]; 4] {
        &mut self.s
    }

    /// The next word of each of the eight generators.
    #[inline(always)]
    #[allow(clippy::should_implement_trait)] // an endless source of arrays is no iterator anybody would chain
    pub fn next(&mut self) -> [u64; 8] {
        let [s0, s1, s2, s3] = &mut self.s;
        let mut out = [0; 8];
        for i in 0..8 {
            out[i] = s0[i].wrapping_add(s3[i]).rotate_left(23).wrapping_add(s0[i]);
            let t = s1[i] << 17;
            s2[i] ^= s0[i];
            s3[i] ^= s1[i];
            s1[i] ^= s2[i];
            s0[i] ^= s3[i];
            s2[i] ^= t;
            s3[i] = s3[i].rotate_left(45);
        }
        out
    }

    /// One lane as a generator of the `rand_xoshiro` crate, to check against.
    #[cfg(test)]
    fn lane(&self, i: usize) -> rand_xoshiro::Xoshiro256PlusPlus {
        use rand::rand_core::SeedableRng;
        let mut seed = [0u8; 32];
        for (chunk, row) in seed.chunks_exact_mut(8).zip(&self.s) {
            chunk.copy_from_slice(&row[i].to_le_bytes());
        }
        rand_xoshiro::Xoshiro256PlusPlus::from_seed(seed)
    }
}

simd_paths! {
    /// Output 8 k + lane for word k of a lane.
    fn seed(a: u64, b: u64, s: &mut [[u64; 8]; 4]) {
        for (k, row) in s.iter_mut().enumerate() {
            for (lane, word) in row.iter_mut().enumerate() {
                *word = super::mix(super::mix(a ^ (8 * k + lane) as u64) ^ b);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Streams;
    use rand::rand_core::Rng;

    #[test]
    fn states_from_words_are_the_same_on_every_path() {
        use crate::{
            rng::mix,
            simd::{Path, with_path},
        };
        let (a, b) = (0x1234_5678_9abc_def0, 0xfedc_ba98_7654_3210);
        for path in Path::available() {
            let wide = with_path(path, || WideStream::from_words(a, b));
            for (k, row) in wide.s.iter().enumerate() {
                for (lane, word) in row.iter().enumerate() {
                    assert_eq!(*word, mix(mix(a ^ (8 * k + lane) as u64) ^ b), "{path:?}");
                }
            }
        }
    }

    #[test]
    fn every_lane_is_xoshiro() {
        let mut wide = WideStream::new(&mut Streams::new(1).stream("wide", 0));
        let mut lanes: Vec<_> = (0..8).map(|i| wide.lane(i)).collect();
        for _ in 0..100 {
            let words = wide.next();
            for (word, lane) in words.iter().zip(&mut lanes) {
                assert_eq!(*word, lane.next_u64());
            }
        }
    }
}
