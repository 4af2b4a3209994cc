//! Dot products and vector updates for the minimisers, compiled for every instruction set.
//!
//! Sums run over 16 interleaved partial sums that are folded in a fixed order, so every path gives the same bits.

const LANES: usize = 16;

crate::simd_paths! {
    /// a · b.
    pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
        let n = a.len().min(b.len());
        let (a, a_tail) = a[..n].as_chunks::<LANES>();
        let (b, b_tail) = b[..n].as_chunks::<LANES>();
        let mut sums = [0.0; LANES];
        for (a, b) in a.iter().zip(b) {
            for ((s, a), b) in sums.iter_mut().zip(a).zip(b) {
                *s += a * b;
            }
        }
        for ((s, a), b) in sums.iter_mut().zip(a_tail).zip(b_tail) {
            *s += a * b;
        }
        let mut width = LANES / 2;
        while width > 0 {
            for i in 0..width {
                sums[i] += sums[i + width];
            }
            width /= 2;
        }
        sums[0]
    }

    /// max |aᵢ|; NaN when an entry is NaN.
    pub(super) fn max_norm(a: &[f64]) -> f64 {
        let (chunks, tail) = a.as_chunks::<LANES>();
        let mut top = [0.0_f64; LANES];
        // 0 · aᵢ is NaN for an infinite or NaN entry: one sum remembers what a maximum would forget.
        let mut nan = [0.0_f64; LANES];
        for chunk in chunks {
            for ((t, n), v) in top.iter_mut().zip(&mut nan).zip(chunk) {
                *n += 0.0 * v;
                *t = if v.abs() > *t { v.abs() } else { *t };
            }
        }
        for ((t, n), v) in top.iter_mut().zip(&mut nan).zip(tail) {
            *n += 0.0 * v;
            *t = if v.abs() > *t { v.abs() } else { *t };
        }
        let largest = top.iter().copied().fold(0.0, f64::max);
        if largest < f64::INFINITY && nan.iter().any(|n| n.is_nan()) { f64::NAN } else { largest }
    }

    /// y += a x.
    pub(super) fn axpy(a: f64, x: &[f64], y: &mut [f64]) {
        for (y, x) in y.iter_mut().zip(x) {
            *y += a * x;
        }
    }

    /// out = x + a d.
    pub(super) fn step_to(x: &[f64], a: f64, d: &[f64], out: &mut [f64]) {
        for ((out, x), d) in out.iter_mut().zip(x).zip(d) {
            *out = x + a * d;
        }
    }

    /// out = a - b.
    pub(super) fn subtract(a: &[f64], b: &[f64], out: &mut [f64]) {
        for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
            *out = a - b;
        }
    }

    /// x *= a.
    pub(super) fn scale(a: f64, x: &mut [f64]) {
        for x in x.iter_mut() {
            *x *= a;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::{Path, with_path};

    #[test]
    fn norms_see_every_entry() {
        assert_eq!(max_norm(&[]), 0.0);
        for n in [1, 15, 16, 17, 40] {
            for i in 0..n {
                let mut a = vec![1.0; n];
                a[i] = -3.0;
                assert_eq!(max_norm(&a), 3.0);
                a[i] = f64::NAN;
                assert!(max_norm(&a).is_nan());
                a[i] = f64::NEG_INFINITY;
                assert_eq!(max_norm(&a), f64::INFINITY);
            }
        }
    }

    #[test]
    fn paths_agree_bit_for_bit_and_dot_is_right() {
        for n in [0, 1, 7, 16, 33, 1000] {
            let a: Vec<f64> = (0..n).map(|i| f64::sin(i as f64)).collect();
            let b: Vec<f64> = (0..n).map(|i| f64::cos(3.0 * i as f64)).collect();
            let plain: f64 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
            let dots: Vec<u64> =
                Path::available().into_iter().map(|p| with_path(p, || dot(&a, &b)).to_bits()).collect();
            assert!((f64::from_bits(dots[0]) - plain).abs() < 1e-12);
            assert!(dots.iter().all(|d| *d == dots[0]));
        }
    }
}
