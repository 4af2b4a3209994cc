//! Words in whole cache lines, so that no vector of 512 bits is read from two of them.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::ops::{Deref, DerefMut};

/// One cache line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(64))]
struct Line([u64; 8]);

/// A slice of words whose memory begins at a multiple of 64 bytes. Its length is a multiple of 8.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlignedWords(Vec<Line>);

impl AlignedWords {
    /// `n` words of value 0, rounded up to whole lines.
    pub fn zeros(n: usize) -> Self {
        AlignedWords(vec![Line([0; 8]); n.div_ceil(8)])
    }
}

impl Deref for AlignedWords {
    type Target = [u64];
    fn deref(&self) -> &[u64] {
        // SAFETY: a line is eight words without padding (its size is its alignment), so n lines are 8 n words.
        unsafe { std::slice::from_raw_parts(self.0.as_ptr().cast(), 8 * self.0.len()) }
    }
}

impl DerefMut for AlignedWords {
    fn deref_mut(&mut self) -> &mut [u64] {
        // SAFETY: as for `deref`; every bit pattern is a line.
        unsafe { std::slice::from_raw_parts_mut(self.0.as_mut_ptr().cast(), 8 * self.0.len()) }
    }
}

impl Serialize for AlignedWords {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self[..].serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for AlignedWords {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let words = Vec::<u64>::deserialize(deserializer)?;
        let (lines, rest) = words.as_chunks::<8>();
        if !rest.is_empty() {
            return Err(serde::de::Error::invalid_length(words.len(), &"a multiple of 8 words"));
        }
        Ok(AlignedWords(lines.iter().map(|l| Line(*l)).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{decode, encode};

    #[test]
    fn words_are_aligned_and_survive_a_file() {
        let mut words = AlignedWords::zeros(17);
        assert_eq!((words.len(), words.as_ptr() as usize % 64), (24, 0));
        words.iter_mut().enumerate().for_each(|(i, w)| *w = i as u64);
        let back: AlignedWords = decode(&encode(&words, 0).unwrap(), 0).unwrap();
        assert_eq!(back, words);
        assert!(decode::<AlignedWords>(&encode(&vec![1u64; 9], 0).unwrap(), 0).is_err());
    }
}
