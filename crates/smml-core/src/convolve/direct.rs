//! Convolution by its definition: every product is made. Exact up to the rounding of one sum, and with nonnegative
//! input exact to a relative error of (number of terms) × 2⁻⁵³, however small the result.

/// The outputs `start .. start + out.len()` of the full convolution of `a` and `b`, whatever their lengths (neither
/// empty). Sums run over the shorter of the two, in its order.
pub(crate) fn direct_into(a: &[f64], b: &[f64], start: usize, out: &mut [f64]) {
    let (long, short) = if a.len() >= b.len() { (a, b) } else { (b, a) };
    let (n, m) = (long.len() as isize, short.len());
    // A stretch of outputs at a time, so that the padded input stays in the cache.
    let stretch = STRETCH.max(m);
    let mut padded = vec![0.0; stretch.min(out.len()) + m - 1];
    for (i, out) in out.chunks_mut(stretch).enumerate() {
        // padded[j] = long[first + j], zero outside
        let first = (start + i * stretch) as isize - (m as isize - 1);
        let padded = &mut padded[..out.len() + m - 1];
        let from = first.clamp(0, n);
        let to = (first + padded.len() as isize).clamp(from, n);
        let (at, end) = ((from - first) as usize, (to - first) as usize);
        padded[..at].fill(0.0);
        padded[at..end].copy_from_slice(&long[from as usize..to as usize]);
        padded[end..].fill(0.0);
        slide(padded, short, out);
    }
}

const STRETCH: usize = 4096;

/// Outputs a tile of sums at a time: they stay in registers while the kernel passes.
const TILE: usize = 32;

crate::simd_paths! {
    fn slide(padded: &[f64], kernel: &[f64], out: &mut [f64]) {
        let m = kernel.len();
        let tiles = out.len() / TILE * TILE;
        let (body, tail) = out.split_at_mut(tiles);
        for (t, out) in body.chunks_exact_mut(TILE).enumerate() {
            let x = &padded[t * TILE..t * TILE + TILE + m - 1];
            let mut sums = [0.0; TILE];
            for (window, h) in x.windows(TILE).rev().zip(kernel) {
                for l in 0..TILE {
                    sums[l] += h * window[l];
                }
            }
            out.copy_from_slice(&sums);
        }
        for (i, out) in tail.iter_mut().enumerate() {
            let x = &padded[tiles + i..tiles + i + m];
            let mut sum = 0.0;
            for (x, h) in x.iter().rev().zip(kernel) {
                sum += h * x;
            }
            *out = sum;
        }
    }
}
