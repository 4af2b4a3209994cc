//! Cyclic convolution of complex blocks with a fixed real kernel, the engine of [`super::Convolver`].
//!
//! A product modulo t^N - 1 is split by t^N - 1 = Π_r (t^S - ω^r), S = N/R, into R products of length S, and again, until
//! the pieces fit the first-level cache; only there does an FFT (rustfft) finish the work. Nothing is ever put back in
//! natural order: the kernel's spectrum is kept in the same permuted order, so the transpositions that a large FFT
//! needs are never made. Real and imaginary parts lie in two arrays, so the splitting passes vectorise without shuffles.

use rustfft::{Fft, FftPlanner, num_complex::Complex};
use std::{f64::consts::TAU, fmt, sync::Arc};

/// R of each splitting pass.
const RADIX: usize = 8;

/// One splitting pass: real and imaginary parts of the powers ω^c, ω^2c and ω^4c for c < S.
struct Pass {
    twiddles: [Vec<f64>; 6],
}

/// The plan for blocks of one length.
pub(crate) struct SplitFft {
    len: usize,
    passes: Vec<Pass>,
    leaf: usize,
    forward: Arc<dyn Fft<f64>>,
    inverse: Arc<dyn Fft<f64>>,
}

/// Memory that [`SplitFft`] works in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Workspace {
    pub(crate) re: Vec<f64>,
    pub(crate) im: Vec<f64>,
    row: Vec<Complex<f64>>,
    scratch: Vec<Complex<f64>>,
}

impl SplitFft {
    /// A plan for blocks of 8^depth × `leaf` values.
    pub(crate) fn new(leaf: usize, depth: usize) -> Self {
        let len = leaf << (3 * depth);
        let mut size = len;
        let mut passes = Vec::new();
        for _ in 0..depth {
            let rows = size / RADIX;
            let power = |p: usize| -> (Vec<f64>, Vec<f64>) {
                (0..rows)
                    .map(|c| {
                        let angle = -TAU * (p * c) as f64 / size as f64;
                        (angle.cos(), angle.sin())
                    })
                    .unzip()
            };
            let ((a, b), (c, d), (e, f)) = (power(1), power(2), power(4));
            passes.push(Pass { twiddles: [a, b, c, d, e, f] });
            size = rows;
        }
        let mut planner = FftPlanner::new();
        SplitFft {
            len,
            passes,
            leaf,
            forward: planner.plan_fft_forward(leaf),
            inverse: planner.plan_fft_inverse(leaf),
        }
    }

    /// Block length N.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Gives `work` the lengths that this plan needs. What it held before does not matter.
    pub(crate) fn prepare(&self, work: &mut Workspace) {
        let zero = Complex::new(0.0, 0.0);
        work.re.resize(self.len, 0.0);
        work.im.resize(self.len, 0.0);
        work.row.resize(self.leaf, zero);
        let scratch = self.forward.get_inplace_scratch_len().max(self.inverse.get_inplace_scratch_len());
        work.scratch.resize(scratch, zero);
    }

    /// The spectrum of a real kernel of at most N values, in this plan's order, divided by N.
    pub(crate) fn spectrum(&self, kernel: &[f64], work: &mut Workspace, spectrum: &mut Vec<Complex<f64>>) {
        let Workspace { re, im, scratch, .. } = work;
        let scale = 1.0 / self.len as f64;
        re.iter_mut().zip(kernel).for_each(|(x, h)| *x = scale * h);
        re[kernel.len()..].fill(0.0);
        im.fill(0.0);
        spectrum.resize(self.len, Complex::new(0.0, 0.0));
        self.analyse(0, re, im, spectrum, scratch);
    }

    fn analyse(
        &self,
        depth: usize,
        re: &mut [f64],
        im: &mut [f64],
        out: &mut [Complex<f64>],
        scratch: &mut [Complex<f64>],
    ) {
        let Some(pass) = self.passes.get(depth) else {
            interleave(re, im, out);
            self.forward.process_with_scratch(out, scratch);
            return;
        };
        pass.forward(re, im);
        let rows = re.len() / RADIX;
        for ((re, im), out) in
            re.chunks_exact_mut(rows).zip(im.chunks_exact_mut(rows)).zip(out.chunks_exact_mut(rows))
        {
            self.analyse(depth + 1, re, im, out, scratch);
        }
    }

    /// Replaces the block in `work.re` + i `work.im` by its cyclic convolution with the kernel.
    pub(crate) fn convolve(&self, spectrum: &[Complex<f64>], work: &mut Workspace) {
        let Workspace { re, im, row, scratch } = work;
        self.descend(0, re, im, spectrum, row, scratch);
    }

    fn descend(
        &self,
        depth: usize,
        re: &mut [f64],
        im: &mut [f64],
        spectrum: &[Complex<f64>],
        row: &mut [Complex<f64>],
        scratch: &mut [Complex<f64>],
    ) {
        let Some(pass) = self.passes.get(depth) else {
            interleave(re, im, row);
            self.forward.process_with_scratch(row, scratch);
            multiply(row, spectrum);
            self.inverse.process_with_scratch(row, scratch);
            separate(row, re, im);
            return;
        };
        pass.forward(re, im);
        let rows = re.len() / RADIX;
        for ((re, im), spectrum) in
            re.chunks_exact_mut(rows).zip(im.chunks_exact_mut(rows)).zip(spectrum.chunks_exact(rows))
        {
            self.descend(depth + 1, re, im, spectrum, row, scratch);
        }
        pass.inverse(re, im);
    }
}

impl fmt::Debug for SplitFft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SplitFft").field("depth", &self.passes.len()).field("leaf", &self.leaf).finish()
    }
}

/// Cuts a slice in equal rows.
fn rows(x: &mut [f64]) -> [&mut [f64]; RADIX] {
    let len = x.len() / RADIX;
    let mut rest = x;
    std::array::from_fn(|_| {
        let (head, tail) = std::mem::take(&mut rest).split_at_mut(len);
        rest = tail;
        head
    })
}

impl Pass {
    fn forward(&self, re: &mut [f64], im: &mut [f64]) {
        let [a, b, c, d, e, f] = &self.twiddles;
        let [r0, r1, r2, r3, r4, r5, r6, r7] = rows(re);
        let [i0, i1, i2, i3, i4, i5, i6, i7] = rows(im);
        radix8_forward(r0, r1, r2, r3, r4, r5, r6, r7, i0, i1, i2, i3, i4, i5, i6, i7, a, b, c, d, e, f);
    }
    fn inverse(&self, re: &mut [f64], im: &mut [f64]) {
        let [a, b, c, d, e, f] = &self.twiddles;
        let [r0, r1, r2, r3, r4, r5, r6, r7] = rows(re);
        let [i0, i1, i2, i3, i4, i5, i6, i7] = rows(im);
        radix8_inverse(r0, r1, r2, r3, r4, r5, r6, r7, i0, i1, i2, i3, i4, i5, i6, i7, a, b, c, d, e, f);
    }
}

type Pair = (f64, f64);

#[inline(always)]
fn add(a: Pair, b: Pair) -> Pair {
    (a.0 + b.0, a.1 + b.1)
}
#[inline(always)]
fn sub(a: Pair, b: Pair) -> Pair {
    (a.0 - b.0, a.1 - b.1)
}
/// -i a
#[inline(always)]
fn turn(a: Pair) -> Pair {
    (a.1, -a.0)
}
#[inline(always)]
fn times(a: Pair, b: Pair) -> Pair {
    (a.0 * b.0 - a.1 * b.1, a.0 * b.1 + a.1 * b.0)
}
/// a times the conjugate of b
#[inline(always)]
fn times_conj(a: Pair, b: Pair) -> Pair {
    (a.0 * b.0 + a.1 * b.1, a.1 * b.0 - a.0 * b.1)
}

/// The four-point transform with exp(-2πi/4).
#[inline(always)]
fn dft4(x: [Pair; 4]) -> [Pair; 4] {
    let (s, d) = (add(x[0], x[2]), sub(x[0], x[2]));
    let (t, u) = (add(x[1], x[3]), turn(sub(x[1], x[3])));
    [add(s, t), add(d, u), sub(s, t), sub(d, u)]
}

/// The eight-point transform with exp(-2πi/8).
#[inline(always)]
fn dft8(x: [Pair; 8]) -> [Pair; 8] {
    use std::f64::consts::FRAC_1_SQRT_2 as H;
    let even = dft4([add(x[0], x[4]), add(x[1], x[5]), add(x[2], x[6]), add(x[3], x[7])]);
    let (d1, d3) = (sub(x[1], x[5]), sub(x[3], x[7]));
    let odd = dft4([
        sub(x[0], x[4]),
        (H * (d1.0 + d1.1), H * (d1.1 - d1.0)),
        turn(sub(x[2], x[6])),
        (H * (d3.1 - d3.0), -H * (d3.0 + d3.1)),
    ]);
    [even[0], odd[0], even[1], odd[1], even[2], odd[2], even[3], odd[3]]
}

// One slice an argument: the compiler then knows that they do not overlap, and vectorises.
crate::simd_paths! {
    #[allow(clippy::too_many_arguments)]
    fn radix8_forward(
        r0: &mut [f64], r1: &mut [f64], r2: &mut [f64], r3: &mut [f64],
        r4: &mut [f64], r5: &mut [f64], r6: &mut [f64], r7: &mut [f64],
        i0: &mut [f64], i1: &mut [f64], i2: &mut [f64], i3: &mut [f64],
        i4: &mut [f64], i5: &mut [f64], i6: &mut [f64], i7: &mut [f64],
        w1r: &[f64], w1i: &[f64], w2r: &[f64], w2i: &[f64], w4r: &[f64], w4i: &[f64],
    ) {
        let n = r0.len();
        let (r0, r1, r2, r3) = (&mut r0[..n], &mut r1[..n], &mut r2[..n], &mut r3[..n]);
        let (r4, r5, r6, r7) = (&mut r4[..n], &mut r5[..n], &mut r6[..n], &mut r7[..n]);
        let (i0, i1, i2, i3) = (&mut i0[..n], &mut i1[..n], &mut i2[..n], &mut i3[..n]);
        let (i4, i5, i6, i7) = (&mut i4[..n], &mut i5[..n], &mut i6[..n], &mut i7[..n]);
        let (w1r, w1i, w2r, w2i, w4r, w4i) = (&w1r[..n], &w1i[..n], &w2r[..n], &w2i[..n], &w4r[..n], &w4i[..n]);
        for c in 0..n {
            let y = dft8([
                (r0[c], i0[c]), (r1[c], i1[c]), (r2[c], i2[c]), (r3[c], i3[c]),
                (r4[c], i4[c]), (r5[c], i5[c]), (r6[c], i6[c]), (r7[c], i7[c]),
            ]);
            let (w1, w2, w4) = ((w1r[c], w1i[c]), (w2r[c], w2i[c]), (w4r[c], w4i[c]));
            let w3 = times(w1, w2);
            (r0[c], i0[c]) = y[0];
            (r1[c], i1[c]) = times(y[1], w1);
            (r2[c], i2[c]) = times(y[2], w2);
            (r3[c], i3[c]) = times(y[3], w3);
            (r4[c], i4[c]) = times(y[4], w4);
            (r5[c], i5[c]) = times(y[5], times(w1, w4));
            (r6[c], i6[c]) = times(y[6], times(w2, w4));
            (r7[c], i7[c]) = times(y[7], times(w3, w4));
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn radix8_inverse(
        r0: &mut [f64], r1: &mut [f64], r2: &mut [f64], r3: &mut [f64],
        r4: &mut [f64], r5: &mut [f64], r6: &mut [f64], r7: &mut [f64],
        i0: &mut [f64], i1: &mut [f64], i2: &mut [f64], i3: &mut [f64],
        i4: &mut [f64], i5: &mut [f64], i6: &mut [f64], i7: &mut [f64],
        w1r: &[f64], w1i: &[f64], w2r: &[f64], w2i: &[f64], w4r: &[f64], w4i: &[f64],
    ) {
        let n = r0.len();
        let (r0, r1, r2, r3) = (&mut r0[..n], &mut r1[..n], &mut r2[..n], &mut r3[..n]);
        let (r4, r5, r6, r7) = (&mut r4[..n], &mut r5[..n], &mut r6[..n], &mut r7[..n]);
        let (i0, i1, i2, i3) = (&mut i0[..n], &mut i1[..n], &mut i2[..n], &mut i3[..n]);
        let (i4, i5, i6, i7) = (&mut i4[..n], &mut i5[..n], &mut i6[..n], &mut i7[..n]);
        let (w1r, w1i, w2r, w2i, w4r, w4i) = (&w1r[..n], &w1i[..n], &w2r[..n], &w2i[..n], &w4r[..n], &w4i[..n]);
        for c in 0..n {
            let (w1, w2, w4) = ((w1r[c], w1i[c]), (w2r[c], w2i[c]), (w4r[c], w4i[c]));
            let w3 = times(w1, w2);
            // The inverse transform is the forward one with rows 1..7 in reverse.
            let y = dft8([
                (r0[c], i0[c]),
                times_conj((r7[c], i7[c]), times(w3, w4)),
                times_conj((r6[c], i6[c]), times(w2, w4)),
                times_conj((r5[c], i5[c]), times(w1, w4)),
                times_conj((r4[c], i4[c]), w4),
                times_conj((r3[c], i3[c]), w3),
                times_conj((r2[c], i2[c]), w2),
                times_conj((r1[c], i1[c]), w1),
            ]);
            (r0[c], i0[c]) = y[0];
            (r1[c], i1[c]) = y[1];
            (r2[c], i2[c]) = y[2];
            (r3[c], i3[c]) = y[3];
            (r4[c], i4[c]) = y[4];
            (r5[c], i5[c]) = y[5];
            (r6[c], i6[c]) = y[6];
            (r7[c], i7[c]) = y[7];
        }
    }

    fn interleave(re: &[f64], im: &[f64], out: &mut [Complex<f64>]) {
        for ((z, re), im) in out.iter_mut().zip(re).zip(im) {
            *z = Complex::new(*re, *im);
        }
    }

    fn separate(row: &[Complex<f64>], re: &mut [f64], im: &mut [f64]) {
        for ((z, re), im) in row.iter().zip(re).zip(im) {
            (*re, *im) = (z.re, z.im);
        }
    }

    fn multiply(row: &mut [Complex<f64>], spectrum: &[Complex<f64>]) {
        for (z, h) in row.iter_mut().zip(spectrum) {
            *z = Complex::new(z.re * h.re - z.im * h.im, z.re * h.im + z.im * h.re);
        }
    }
}
