//! Algorithm 1 of the paper as it is printed: a readable reference, not meant to be quick. [`super::convolve`] is.
//!
//! Where the printed costs are wrong: steps 8-9 evaluate a polynomial at 2n roots of unity, a second FFT and so
//! O(n log n), not O(n); step 11 only divides by 2n and reorders, O(n), not O(n log n). The two are interchanged; the
//! total O(n log n) stands. The identity of step 11 is right.

use rustfft::num_complex::Complex;
use std::f64::consts::TAU;

/// The coefficients c_0 .. c_{2n-2} of C(x) = A(x) B(x) (Eqs. 48-51) for `a` and `b` of the same length n, by Algorithm 1.
/// A length that is no power of two is filled up with zeros; two empty vectors give an empty one.
///
/// Errors: [`crate::Error::Length`] when the lengths differ.
///
/// ```
/// let c = smml_core::convolve::reference::algorithm_1(&[1.0, 2.0], &[3.0, 4.0])?;
/// let rounded: Vec<f64> = c.iter().map(|c| c.round()).collect();
/// assert_eq!(rounded, [3.0, 10.0, 8.0]);
/// # Ok::<(), smml_core::Error>(())
/// ```
pub fn algorithm_1(a: &[f64], b: &[f64]) -> crate::Result<Vec<f64>> {
    crate::error::same_length("b", b.len(), a.len())?;
    if a.is_empty() {
        return Ok(Vec::new());
    }
    let n = a.len().next_power_of_two();
    let polynomial = |x: &[f64]| -> Vec<Complex<f64>> {
        (0..2 * n).map(|i| Complex::new(x.get(i).copied().unwrap_or(0.0), 0.0)).collect()
    };
    // Steps 1-3, O(n log n): A(ω_j) and B(ω_j) at the 2n-th roots of unity ω_j = exp(2πi j/2n)
    let (at_a, at_b) = (evaluate_at_roots(&polynomial(a)), evaluate_at_roots(&polynomial(b)));
    // Steps 4-6, O(n): C(ω_j)
    let at_c: Vec<Complex<f64>> = at_a.iter().zip(&at_b).map(|(a, b)| a * b).collect();
    // Steps 7-10, O(n log n): D(x) = Σ_s C(ω_s) x^s, evaluated at the same roots
    let d = evaluate_at_roots(&at_c);
    // Step 11, O(n): D(ω_j) = Σ_k c_k Σ_s ω_s^(j+k) = 2n c_{2n-j}, and D(ω_0) = 2n c_0
    let two_n = 2 * n;
    Ok((0..2 * a.len() - 1).map(|j| d[(two_n - j) % two_n].re / two_n as f64).collect())
}

/// The values of Σ_k p_k x^k at x = exp(2πi j/N), j < N, for N = `p.len()` a power of two: even and odd coefficients are
/// evaluated at the N/2 squares, then joined, P(x) = E(x²) + x O(x²).
fn evaluate_at_roots(p: &[Complex<f64>]) -> Vec<Complex<f64>> {
    if p.len() == 1 {
        return p.to_vec();
    }
    let part = |first: usize| -> Vec<Complex<f64>> { p.iter().skip(first).step_by(2).copied().collect() };
    let (even, odd) = (evaluate_at_roots(&part(0)), evaluate_at_roots(&part(1)));
    let half = p.len() / 2;
    let mut values = vec![Complex::new(0.0, 0.0); p.len()];
    for j in 0..half {
        let root = Complex::from_polar(1.0, TAU * j as f64 / p.len() as f64);
        values[j] = even[j] + root * odd[j];
        values[j + half] = even[j] - root * odd[j];
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Draw, Streams};

    #[test]
    fn equals_schoolbook_on_integers() {
        let mut rng = Streams::new(1).stream("algorithm 1", 0);
        for n in 1..=64 {
            let mut draw = || -> Vec<i64> { (0..n).map(|_| rng.below(2001) as i64 - 1000).collect() };
            let (a, b) = (draw(), draw());
            let mut expected = vec![0i64; 2 * n - 1];
            for i in 0..n {
                for j in 0..n {
                    expected[i + j] += a[i] * b[j];
                }
            }
            let float = |x: &[i64]| -> Vec<f64> { x.iter().map(|v| *v as f64).collect() };
            let c = algorithm_1(&float(&a), &float(&b)).unwrap();
            let rounded: Vec<i64> = c.iter().map(|c| c.round() as i64).collect();
            assert_eq!(rounded, expected, "n = {n}");
            for (c, e) in c.iter().zip(&expected) {
                assert!((c - *e as f64).abs() < 1e-6);
            }
        }
    }

    /// The printed step 11, checked on its own by evaluating D term by term.
    #[test]
    fn printed_identity_holds() {
        let (n, c) = (4usize, [5.0, -3.0, 2.0, 7.0, 1.0, -4.0, 6.0, 0.0]);
        let root = |j: usize| Complex::from_polar(1.0, TAU * (j % (2 * n)) as f64 / (2 * n) as f64);
        let value = |j: usize| (0..2 * n).map(|k| root(j * k) * c[k]).sum::<Complex<f64>>();
        for j in 0..2 * n {
            let d: Complex<f64> = (0..2 * n).map(|s| value(s) * root(j * s)).sum();
            let expected = 2.0 * n as f64 * c[(2 * n - j) % (2 * n)];
            assert!((d - expected).norm() < 1e-12, "{j}");
        }
    }

    #[test]
    fn refuses_different_lengths() {
        assert!(algorithm_1(&[1.0], &[1.0, 2.0]).is_err());
        assert!(algorithm_1(&[], &[]).unwrap().is_empty());
    }
}
