//! Rows of bits for 64 chains at a time.

use crate::machine::CHAINS;
use smml_learn::data::BinaryData;

/// Up to 64 rows, turned: one word for each column, with bit c for row c.
pub(super) fn turn(data: &BinaryData, rows: &[u32]) -> Vec<u64> {
    let mut words = vec![0; data.width()];
    for (c, row) in rows.iter().take(CHAINS).enumerate() {
        for (word, bit) in words.iter_mut().zip(data.row(*row as usize)) {
            *word |= u64::from(*bit) << c;
        }
    }
    words
}

/// Of every class the word of chains that have it.
pub(super) fn classes(labels: impl Iterator<Item = u8>, n_classes: usize) -> Vec<u64> {
    let mut words = vec![0; n_classes];
    for (c, label) in labels.take(CHAINS).enumerate() {
        words[usize::from(label)] |= 1 << c;
    }
    words
}

/// The word with the first `n` bits set.
pub(super) fn first(n: usize) -> u64 {
    if n >= CHAINS { u64::MAX } else { (1 << n) - 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_turned() {
        let data = BinaryData::from_rows(&[vec![1, 0, 1], vec![0, 0, 1], vec![1, 1, 1]]).unwrap();
        assert_eq!(turn(&data, &[2, 0, 1]), [0b011, 0b001, 0b111]);
        assert_eq!(classes([2, 0, 2].into_iter(), 3), [0b010, 0, 0b101]);
        assert_eq!((first(0), first(3), first(64), first(99)), (0, 7, u64::MAX, u64::MAX));
    }
}
