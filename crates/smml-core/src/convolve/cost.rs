//! What a convolution costs, in nanoseconds of one core with AVX2 or AVX-512, from measurements. Only the order of the
//! estimates matters. They depend on lengths alone, so that the same call takes the same method on every machine.
//!
//! The constants were fitted to the quickest of many runs of each method at some 450 pairs of lengths from 1 to 10⁶, in
//! all modes, on both instruction sets: the method chosen takes 1 % longer than the best on average, a third at worst.
//! Without vector instructions the direct sums are three times as slow as this model has it.

use super::{direct, fft};

/// A block of overlap-save: 8^depth × leaf complex values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) leaf: usize,
    pub(super) depth: usize,
}

impl Block {
    fn len(&self) -> usize {
        self.leaf << (3 * self.depth)
    }
    /// One cyclic convolution.
    fn ns(&self) -> f64 {
        let n = self.len() as f64;
        // Beyond 2^16 values (1 MiB) the second-level cache no longer holds a block.
        40.0 + n * (0.42 * n.log2() + 1.2 + 0.8 * (n.log2() - 16.0).max(0.0))
    }
}

/// Lengths at which the last FFT is quick, and whose rows do not all start at the same address modulo 4096.
const LEAVES: [usize; 10] = [60, 72, 96, 120, 132, 180, 256, 300, 360, 480];

/// The best block for `n_out` outputs with a kernel of `m` values, and what it costs, with the spectrum of the kernel
/// unless that is `prepared` once for many signals.
pub(super) fn block(n_out: usize, m: usize, prepared: bool) -> (Block, f64) {
    let mut best = (Block { leaf: LEAVES[0], depth: 0 }, f64::INFINITY);
    for depth in 0..=12 {
        for leaf in LEAVES {
            let block = Block { leaf, depth };
            if block.len() < m {
                continue;
            }
            let fresh = block.len() - m + 1;
            let pairs = n_out.div_ceil(2 * fresh) as f64;
            let spectrum = if prepared { 0.0 } else { 500.0 + 0.65 * block.ns() };
            let ns = pairs * block.ns() + spectrum + 0.35 * n_out as f64;
            if ns < best.1 {
                best = (block, ns);
            }
            if pairs <= 1.0 {
                return best;
            }
        }
    }
    best
}

/// `n_out` sums over `m` products, in full tiles.
pub(super) fn direct(n_out: usize, m: usize) -> f64 {
    let (in_tiles, n_out, m) = (n_out.next_multiple_of(direct::TILE) as f64, n_out as f64, m as f64);
    50.0 + 0.6 * (n_out + m) + 0.062 * in_tiles * m
}

/// Three real FFTs of length `n`.
pub(super) fn fft(n: usize) -> f64 {
    // A plan that is not kept is made for the call.
    let planning = if n > fft::CACHED_LENGTH { 15.0 } else { 0.0 };
    let n = n as f64;
    200.0 + n * (0.65 * n.log2() + planning)
}

/// The smallest quick length at which the outputs `start .. start + len` of a cyclic convolution are those of the
/// linear one.
pub(super) fn cyclic_length(n: usize, m: usize, start: usize, len: usize) -> usize {
    let needed = (n + m - 1 - start).max(start + len).max(n).max(m);
    quick_length(needed)
}

/// The smallest even number 2^a 3^b 5^c >= n, with b <= 2 and c <= 1.
fn quick_length(n: usize) -> usize {
    let mut best = usize::MAX;
    for factor in [1, 3, 5, 9, 15] {
        let mut length = 2 * factor;
        while length < n {
            length *= 2;
        }
        best = best.min(length);
    }
    best
}
