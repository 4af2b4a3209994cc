//! Convolution by its definition: every product is made. Exact up to the rounding of one sum, and with nonnegative
//! input exact to a relative error of (number of terms) × 2⁻⁵³, however small the result.

/// The outputs `start .. start + out.len()` of the full convolution of `a` and `b`, whatever their lengths (neither
/// empty). Sums run over the shorter of the two, in its order.
pub(crate) fn direct_into(a: &[f64], b: &[f64], start: usize, out: &mut [f64]) {
    let (long, short) = if a.len() >= b.len() { (a, b) } else { (b, a) };
    let (n, m) = (long.len() as isize, short.len());
    // A stretch of outputs at a time, so that the padded input stays in the cache.
    let stretch = STRETCH.max(m);
    let mut padded = vec![0.0; stretch.min(out.len()).next_multiple_of(TILE) + m - 1];
    for (i, out) in out.chunks_mut(stretch).enumerate() {
        // padded[j] = long[first + j], zero outside
        let first = (start + i * stretch) as isize - (m as isize - 1);
        let padded = &mut padded[..out.len().next_multiple_of(TILE) + m - 1];
        let from = first.clamp(0, n);
        let to = (first + padded.len() as isize).clamp(from, n);
        let (at, end) = ((from - first) as usize, (to - first) as usize);
        padded[..at].fill(0.0);
        padded[at..end].copy_from_slice(&long[from as usize..to as usize]);
        padded[end..].fill(0.0);
        slide(padded, short, out);
        if !super::all_finite(out) {
            settle(long, short, start + i * stretch, out);
        }
    }
}

/// Makes the outputs from `first` on anew that are not finite: from copies of the order of 1, so that only an output
/// too large for f64 is an infinity, and not one whose terms are and cancel.
fn settle(long: &[f64], short: &[f64], first: usize, out: &mut [f64]) {
    let (e, x, h) = super::of_order_one(long, short);
    for (k, c) in out.iter_mut().enumerate().filter(|(_, c)| !c.is_finite()) {
        let k = first + k;
        let terms = (k + 1).saturating_sub(x.len())..h.len().min(k + 1);
        *c = libm::scalbn(terms.map(|j| h[j] * x[k - j]).sum(), e);
    }
}

const STRETCH: usize = 4096;

/// Outputs a tile of sums at a time: they stay in registers while the kernel passes.
pub(super) const TILE: usize = 32;

crate::simd_paths! {
    /// `padded` holds the kernel's length less one more values than full tiles over `out` have.
    fn slide(padded: &[f64], kernel: &[f64], out: &mut [f64]) {
        let m = kernel.len();
        for (t, out) in out.chunks_mut(TILE).enumerate() {
            let x = &padded[t * TILE..t * TILE + TILE + m - 1];
            let mut sums = [0.0; TILE];
            for (window, h) in x.windows(TILE).rev().zip(kernel) {
                for l in 0..TILE {
                    sums[l] += h * window[l];
                }
            }
            // A last tile that is not full costs less than its outputs one by one.
            out.copy_from_slice(&sums[..out.len()]);
        }
    }
}
