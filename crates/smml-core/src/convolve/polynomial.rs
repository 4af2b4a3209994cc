//! Polynomials in one variable (Eqs. 48-51): evaluation, and products through convolution. Over the integers products are
//! exact; no roots, no division.

use super::{Mode, check_finite, convolve, cost, fft::real_plan};
use crate::error::{Error, Result};
use rustfft::num_complex::Complex;

/// c_0 + c_1 x + c_2 x² + ... (Eq. 48).
///
/// ```
/// use smml_core::convolve::polynomial::Polynomial;
/// let a = Polynomial::new(vec![1.0, 1.0])?; // 1 + x
/// let square = a.times(&a)?;
/// assert_eq!(square.coefficients(), [1.0, 2.0, 1.0]);
/// assert_eq!(square.at(3.0), 16.0);
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Polynomial {
    coefficients: Vec<f64>,
}

impl Polynomial {
    /// From the coefficients, the constant first. Errors: none given, or one that is not finite.
    pub fn new(coefficients: Vec<f64>) -> Result<Self> {
        if coefficients.is_empty() {
            return Err(Error::out_of_range("number of coefficients", 0, "at least 1"));
        }
        check_finite("coefficients", &coefficients)?;
        Ok(Polynomial { coefficients })
    }

    /// c_0, c_1, ...
    pub fn coefficients(&self) -> &[f64] {
        &self.coefficients
    }

    /// Index of the last coefficient that is not zero; 0 for the zero polynomial.
    pub fn degree(&self) -> usize {
        self.coefficients.iter().rposition(|c| *c != 0.0).unwrap_or(0)
    }

    /// The value at `x`, by Horner's rule: relative error about 2·degree·2⁻⁵³·Σ|c_k x^k| / |value|.
    pub fn at(&self, x: f64) -> f64 {
        self.coefficients.iter().rev().fold(0.0, |value, c| value * x + c)
    }

    /// The value at `x` as if computed in twice the precision and rounded (compensated Horner rule, S. Graillat,
    /// Ph. Langlois and N. Louvet 2005), for `x` near a multiple root. No worse than [`Polynomial::at`] where intermediate
    /// results overflow.
    pub fn at_compensated(&self, x: f64) -> f64 {
        let (mut value, mut correction) = (0.0f64, 0.0f64);
        for c in self.coefficients.iter().rev() {
            let product = value * x;
            let product_error = libm::fma(value, x, -product);
            let sum = product + c;
            let shadow = sum - product;
            let sum_error = (product - (sum - shadow)) + (c - shadow);
            value = sum;
            correction = correction * x + (product_error + sum_error);
        }
        if correction.is_finite() { value + correction } else { value }
    }

    /// A(x) B(x), whose coefficients are the convolution of those of A and B (Eqs. 50 and 51): one fewer than both have
    /// together. Large ones by FFT, with the errors that [`super::Method`] states.
    pub fn times(&self, other: &Self) -> Result<Self> {
        Ok(Polynomial { coefficients: convolve(&self.coefficients, &other.coefficients, Mode::Full)? })
    }
}

/// The product of two polynomials with integer coefficients, exactly: c_k = Σ_i a_i b_{k-i}. Empty input stands for the
/// zero polynomial and gives an empty result.
///
/// Long products go through real FFTs of short balanced digits. The digits are chosen so short that a worst-case bound on
/// the FFT's error stays below 1/4, so rounding gives the exact sums.
///
/// Errors: [`Error::TooLarge`] when a coefficient could exceed 2¹²⁶.
///
/// ```
/// use smml_core::convolve::polynomial::multiply_integers;
/// assert_eq!(multiply_integers(&[1, -1], &[1, 1])?, [1, 0, -1]);
/// # Ok::<(), smml_core::Error>(())
/// ```
pub fn multiply_integers(a: &[i64], b: &[i64]) -> Result<Vec<i128>> {
    if a.is_empty() || b.is_empty() {
        return Ok(Vec::new());
    }
    let size = |x: &[i64]| 64 - x.iter().map(|v| v.unsigned_abs()).max().unwrap_or(0).leading_zeros();
    let short = a.len().min(b.len());
    let terms = usize::BITS - short.leading_zeros();
    let bits = size(a) + size(b) + terms;
    if bits > 126 {
        return Err(Error::TooLarge {
            what: "a product of integer polynomials".into(),
            needed: format!("{bits} bits"),
            limit: "126 bits".into(),
        });
    }
    let n_out = a.len() + b.len() - 1;
    let n = cost::cyclic_length(a.len(), b.len(), 0, n_out);
    let digit = digit_bits(n, short);
    let (na, nb) = (n_digits(size(a), digit), n_digits(size(b), digit));
    // Schoolbook: about 1 ns a product; FFT: na + nb transforms there, na + nb - 1 back.
    let transforms = (2 * (na + nb) - 1) as f64;
    let by_fft = transforms * (6.0 * n as f64 * (n as f64).log2() * 0.1 + 1000.0);
    if (a.len() as f64) * (b.len() as f64) <= by_fft {
        return Ok(schoolbook(a, b));
    }
    Ok(by_digits(a, b, n, digit, na, nb))
}

fn schoolbook(a: &[i64], b: &[i64]) -> Vec<i128> {
    let mut c = vec![0i128; a.len() + b.len() - 1];
    for (i, a) in a.iter().enumerate() {
        for (c, b) in c[i..].iter_mut().zip(b) {
            *c += i128::from(*a) * i128::from(*b);
        }
    }
    c
}

/// Digits so short that FFTs of length `n` err by less than 1/4.
///
/// Digits lie in [-2^(d-1), 2^(d-1)]. One output sums at most 64/d + 1 digit pairs over `short` products. With
/// ‖a‖₂‖b‖₂ <= short^½ n^½ 4^(d-1) for each pair, and an FFT product erring by at most 8 log₂(n) 2⁻⁵³ ‖a‖₂‖b‖₂ (three
/// transforms of log₂ n levels, each below 2.5 roundings a level), the bound is the expression below.
fn digit_bits(n: usize, short: usize) -> u32 {
    let scale = 8.0 * (n as f64).log2() * f64::EPSILON / 2.0 * (short as f64).sqrt() * (n as f64).sqrt();
    let mut digit = 24;
    while digit > 2 && scale * 4f64.powi(digit - 1) * (64.0 / f64::from(digit) + 2.0) > 0.25 {
        digit -= 1;
    }
    digit as u32
}

/// Balanced digits of `digit` bits that numbers below 2^bits need: one bit more for the carry of the last.
fn n_digits(bits: u32, digit: u32) -> usize {
    (bits + 1).div_ceil(digit).max(1) as usize
}

/// Digit `place` of each number: x = Σ digit_p 2^(place·digit), all but the last in [-2^(d-1), 2^(d-1)).
fn digits(x: &[i64], digit: u32, count: usize) -> Vec<Vec<f64>> {
    let mut out = vec![Vec::with_capacity(x.len()); count];
    let half = 1i128 << (digit - 1);
    for v in x {
        let mut rest = i128::from(*v);
        for (place, out) in out.iter_mut().enumerate() {
            let d = if place + 1 == count { rest } else { ((rest + half) & (2 * half - 1)) - half };
            rest = (rest - d) >> digit;
            out.push(d as f64);
        }
    }
    out
}

fn by_digits(a: &[i64], b: &[i64], n: usize, digit: u32, na: usize, nb: usize) -> Vec<i128> {
    let plan = real_plan(n);
    let spectra = |x: &[i64], count: usize| -> Vec<Vec<Complex<f64>>> {
        digits(x, digit, count).iter().map(|d| plan.spectrum(d.iter().copied())).collect()
    };
    let (fa, fb) = (spectra(a, na), spectra(b, nb));
    let scale = 1.0 / n as f64;
    let n_out = a.len() + b.len() - 1;
    let mut c = vec![0i128; n_out];
    // From the highest place down: c <- c 2^d + next.
    for place in (0..na + nb - 1).rev() {
        let mut sum = vec![Complex::new(0.0, 0.0); n / 2 + 1];
        for i in place.saturating_sub(nb - 1)..=place.min(na - 1) {
            for ((s, x), y) in sum.iter_mut().zip(&fa[i]).zip(&fb[place - i]) {
                *s += x * y;
            }
        }
        for (c, v) in c.iter_mut().zip(plan.series(sum)) {
            *c = (*c << digit) + (v * scale).round() as i128;
        }
    }
    c
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Draw, Streams};
    use proptest::prelude::*;

    #[test]
    fn products_have_the_right_degree_and_values() {
        let mut rng = Streams::new(3).stream("polynomial", 0);
        for n in [1, 2, 5, 40, 700] {
            let mut draw = || Polynomial::new((0..n).map(|_| rng.normal()).collect()).unwrap();
            let (a, b) = (draw(), draw());
            let c = a.times(&b).unwrap();
            assert_eq!(c.coefficients().len(), 2 * n - 1);
            assert_eq!(c.degree(), a.degree() + b.degree());
            for x in [-0.9, 0.3, 1.0] {
                assert!((c.at(x) - a.at(x) * b.at(x)).abs() < 1e-11 * n as f64);
            }
        }
        assert_eq!(Polynomial::new(vec![0.0, 0.0]).unwrap().degree(), 0);
        assert!(Polynomial::new(vec![]).is_err());
        assert!(Polynomial::new(vec![1.0, f64::NAN]).is_err());
    }

    /// (x - 1)^7 in expanded form next to its root: plain Horner has no correct digit there.
    #[test]
    fn compensated_horner_near_a_multiple_root() {
        let p = Polynomial::new(vec![-1.0, 7.0, -21.0, 35.0, -35.0, 21.0, -7.0, 1.0]).unwrap();
        let x: f64 = 1.0 + 1.0 / 1024.0;
        // exact: 2^-70
        let exact = 2f64.powi(-70);
        assert!((p.at_compensated(x) / exact - 1.0).abs() < 1e-9);
        assert!((p.at(x) / exact - 1.0).abs() > 1.0);
        assert_eq!(p.at_compensated(2.0), 1.0);
        assert_eq!(Polynomial::new(vec![0.0, 0.0, 1.0]).unwrap().at_compensated(1e200), f64::INFINITY);
    }

    #[test]
    fn integers_are_exact_at_full_size() {
        let mut rng = Streams::new(4).stream("integers", 0);
        for (n, m, bits) in
            [(1, 1, 62), (3, 500, 57), (700, 900, 56), (4000, 3000, 56), (3000, 50, 20), (2500, 2500, 1)]
        {
            let mut draw = |n: usize| -> Vec<i64> {
                (0..n)
                    .map(|_| (rng.word() >> (64 - bits)) as i64 * if rng.chance(0.5) { 1 } else { -1 })
                    .collect()
            };
            let (a, b) = (draw(n), draw(m));
            let expected = schoolbook(&a, &b);
            assert_eq!(multiply_integers(&a, &b).unwrap(), expected, "{n} {m}");
            let size = |x: &[i64]| 64 - x.iter().map(|v| v.unsigned_abs()).max().unwrap().leading_zeros();
            let len = cost::cyclic_length(n, m, 0, n + m - 1);
            let d = digit_bits(len, n.min(m));
            let found = by_digits(&a, &b, len, d, n_digits(size(&a), d), n_digits(size(&b), d));
            assert_eq!(found, expected, "digits: {n} {m}");
        }
    }

    /// The worst case of the error bound: all coefficients at the extreme, closed form of the product.
    #[test]
    fn integers_are_exact_at_the_extreme() {
        let n = 30_000usize;
        for v in [(1i64 << 54) - 1, -(1 << 54)] {
            let c = multiply_integers(&vec![v; n], &vec![v; n]).unwrap();
            for (k, c) in c.iter().enumerate() {
                assert_eq!(*c, (k + 1).min(2 * n - 1 - k) as i128 * i128::from(v).pow(2));
            }
        }
        assert!(multiply_integers(&[i64::MAX; 4], &[i64::MIN; 4]).is_err());
        assert_eq!(multiply_integers(&[], &[1]).unwrap(), Vec::<i128>::new());
        assert_eq!(multiply_integers(&[0; 3], &[i64::MIN]).unwrap(), [0; 3]);
    }

    proptest! {
        #[test]
        fn digits_restore_the_number(x in any::<i64>(), digit in 3u32..25) {
            let count = n_digits(64 - x.unsigned_abs().leading_zeros(), digit);
            let d = digits(&[x], digit, count);
            let back = d.iter().rev().fold(0i128, |c, d| (c << digit) + d[0] as i128);
            prop_assert_eq!(back, i128::from(x));
            prop_assert!(d.iter().all(|d| d[0].abs() <= 2f64.powi(digit as i32 - 1)));
        }

        #[test]
        fn small_products_equal_schoolbook(
            a in prop::collection::vec(-1000i64..1000, 1..200), b in prop::collection::vec(-1000i64..1000, 1..200),
        ) {
            prop_assert_eq!(multiply_integers(&a, &b).unwrap(), schoolbook(&a, &b));
        }
    }
}
