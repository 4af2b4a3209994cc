//! Convolution (paper section 3.5, Eqs. 45-51 and Algorithm 1) and what is made of it.
//!
//! - here: [`convolve`] of two real series, which picks a method by what it would cost; [`Convolver`] for one kernel and
//!   many signals;
//! - [`smoothing`]: Gaussian and Savitzky-Golay kernels (Eq. 47);
//! - [`lattice`], [`grid`]: distributions of sums of independent variables (Eqs. 45 and 46), with exact tails;
//! - [`states`]: densities of states of systems put together;
//! - [`polynomial`]: products of polynomials (Eqs. 48-51), exact over the integers;
//! - [`reference`](mod@reference): Algorithm 1 as printed.
//!
//! FFTs come from rustfft and realfft; Fourier analysis of series does not live here. Results by FFT are the same for the
//! same input and CPU path, not across paths.

use crate::error::{Error, Result};

mod cost;
mod direct;
mod fft;
pub mod grid;
pub mod lattice;
mod overlap_save;
pub mod polynomial;
pub mod reference;
pub mod smoothing;
mod split_fft;
pub mod states;
#[cfg(test)]
mod tests;

pub use overlap_save::Convolver;

/// Which outputs of a convolution of a series `a` of n values with `b` of m are wanted. Names as in numpy and scipy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Mode {
    /// All n + m - 1.
    #[default]
    Full,
    /// n of them (the length of the FIRST argument, as scipy.signal.convolve; numpy.convolve takes the longer one):
    /// those from index ⌊(m - 1)/2⌋ of the full result.
    Same,
    /// The max(n, m) - min(n, m) + 1 that no value outside the series enters.
    Valid,
}

impl Mode {
    /// Index of the first output within the full convolution, and the number of outputs, for lengths n, m >= 1.
    pub fn range(self, n: usize, m: usize) -> (usize, usize) {
        match self {
            Mode::Full => (0, n + m - 1),
            Mode::Same => ((m - 1) / 2, n),
            Mode::Valid => (n.min(m) - 1, n.max(m) - n.min(m) + 1),
        }
    }
}

/// How to compute a convolution. All methods agree to rounding: the error of the FFT methods is a small multiple of
/// 2⁻⁵³ log₂(N) ‖a‖₂ ‖b‖₂ in EVERY output, so outputs much smaller than that have no correct digits; the error of
/// `Direct` is relative to Σ |a_i b_j| of the one output. See [`lattice`] where small probabilities matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Method {
    /// The one expected to be quickest, by a cost model measured with AVX2 and AVX-512. The choice depends on the lengths
    /// alone, so it is the same on every machine.
    #[default]
    Auto,
    /// The definition: n m products.
    Direct,
    /// One real FFT over everything.
    Fft,
    /// The longer series in blocks (overlap-save), the spectrum of the shorter kept.
    OverlapSave,
}

/// The convolution c_k = Σ_i a_i b_{k-i} (Eq. 46; the coefficients of Eq. 51).
///
/// Input must be finite: an FFT would spread one NaN over everything. Where a true output overflows, it is ±∞.
///
/// Errors: an empty series, or the index of a value that is not finite.
///
/// ```
/// use smml_core::convolve::{Mode, convolve};
/// assert_eq!(convolve(&[1.0, 2.0, 3.0], &[0.0, 1.0, 0.5], Mode::Full)?, [0.0, 1.0, 2.5, 4.0, 1.5]);
/// assert_eq!(convolve(&[1.0, 2.0, 3.0], &[0.0, 1.0, 0.5], Mode::Same)?, [1.0, 2.5, 4.0]);
/// assert_eq!(convolve(&[1.0, 2.0, 3.0], &[0.0, 1.0, 0.5], Mode::Valid)?, [2.5]);
/// # Ok::<(), smml_core::Error>(())
/// ```
pub fn convolve(a: &[f64], b: &[f64], mode: Mode) -> Result<Vec<f64>> {
    convolve_with(a, b, mode, Method::Auto)
}

/// As [`convolve`], by a given method.
pub fn convolve_with(a: &[f64], b: &[f64], mode: Mode, method: Method) -> Result<Vec<f64>> {
    let mut out = Vec::new();
    convolve_into(a, b, mode, method, &mut out)?;
    Ok(out)
}

/// As [`convolve_with`], into a vector whose memory is used again: new memory costs a good part of a long convolution.
/// After an error the content of `out` is unspecified.
pub fn convolve_into(a: &[f64], b: &[f64], mode: Mode, method: Method, out: &mut Vec<f64>) -> Result<()> {
    for (name, x) in [("a", a), ("b", b)] {
        if x.is_empty() {
            return Err(Error::out_of_range(format!("length of {name}"), 0, "at least 1"));
        }
    }
    let (start, len) = mode.range(a.len(), b.len());
    let method = match method {
        Method::Auto => choose(a.len(), b.len(), mode),
        forced => forced,
    };
    match method {
        Method::Direct | Method::Auto => {
            check_finite("a", a)?;
            check_finite("b", b)?;
            out.clear();
            out.resize(len, 0.0);
            direct::direct_into(a, b, start, out);
            Ok(())
        }
        Method::Fft => fft::fft_into(a, b, start, len, out),
        Method::OverlapSave => overlap_save::overlap_save_into(a, b, mode, out),
    }
}

/// The method that [`Method::Auto`] stands for with series of `n` and `m` values.
pub fn choose(n: usize, m: usize, mode: Mode) -> Method {
    let (n, m) = (n.max(1), m.max(1));
    let (start, len) = mode.range(n, m);
    let (long, short) = (n.max(m), n.min(m));
    let direct = cost::direct(len, short);
    let fft = cost::fft(cost::cyclic_length(long, short, start, len));
    let overlap = cost::block(len, short, false).1;
    if direct <= fft && direct <= overlap {
        Method::Direct
    } else if fft <= overlap {
        Method::Fft
    } else {
        Method::OverlapSave
    }
}

fn check_finite(name: &str, x: &[f64]) -> Result<()> {
    if all_finite(x) {
        return Ok(());
    }
    match x.iter().position(|v| !v.is_finite()) {
        Some(i) => Err(Error::out_of_range(format!("{name}[{i}]"), x[i], "finite")),
        None => Ok(()),
    }
}

crate::simd_paths! {
    fn all_finite(x: &[f64]) -> bool {
        let mut bad = 0;
        for v in x {
            bad |= u64::from(!v.is_finite());
        }
        bad == 0
    }
}

/// The exponent e with max|x| in [2^(e-1), 2^e); 0 for zeros.
fn exponent(x: &[f64]) -> i32 {
    libm::frexp(x.iter().fold(0.0, |m: f64, v| m.max(v.abs()))).1
}

/// Copies of both series scaled to the order of 1, and e with a * b = 2^e (a' * b').
fn of_order_one(a: &[f64], b: &[f64]) -> (i32, Vec<f64>, Vec<f64>) {
    let (ea, eb) = (exponent(a), exponent(b));
    let scaled = |x: &[f64], e: i32| -> Vec<f64> { x.iter().map(|v| libm::scalbn(*v, -e)).collect() };
    (ea + eb, scaled(a, ea), scaled(b, eb))
}

/// Outputs `start ..` by an FFT of copies of the input scaled to the order of 1, for input so large that intermediate
/// results overflow. The error of an FFT, the same in every output, may itself be too large for f64: outputs for which
/// it cannot tell whether they overflow are made by the definition.
fn rescaled(
    a: &[f64],
    b: &[f64],
    start: usize,
    out: &mut Vec<f64>,
    mut run: impl FnMut(&[f64], &[f64], &mut Vec<f64>),
) {
    let (e, x, h) = of_order_one(a, b);
    run(&x, &h, out);
    let norm = |x: &[f64]| x.iter().map(|v| v * v).sum::<f64>().sqrt();
    let error = 4.0 * f64::EPSILON * (2.0 + libm::log2((a.len() + b.len()) as f64)) * norm(&x) * norm(&h);
    let limit = libm::scalbn(1.0, 1024 - e);
    let mut undecided = vec![false; out.len()];
    for (c, undecided) in out.iter_mut().zip(&mut undecided) {
        *undecided = (c.abs() - limit).abs() <= error || error >= limit && c.abs() < limit;
        *c = libm::scalbn(*c, e);
    }
    let mut from = 0;
    for run in undecided.chunk_by(|a, b| a == b) {
        let to = from + run.len();
        if run[0] {
            direct::direct_into(a, b, start + from, &mut out[from..to]);
        }
        from = to;
    }
}
