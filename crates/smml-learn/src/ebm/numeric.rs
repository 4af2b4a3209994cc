//! Sums of softplus terms in f64, vectorised: the inner loop of every free energy.

use smml_core::simd_paths;

const LANES: usize = 8;
/// Blocks of eight factors in (1, 2] that are multiplied before a logarithm is taken: 960 factors stay below 2¹⁰²³.
const BLOCKS: usize = 120;

simd_paths! {
    /// Σ ln(1 + exp(scale xᵢ)), without overflow, to about 1e-15 of the sum, however small (terms below e^-708 count as 0).
    ///
    /// ln(1 + eʸ) = max(y, 0) + ln(1 + e^-|y|), and the second parts are gathered in one product, so that there is one
    /// exponential a term and one logarithm for many. What is kept is the product less 1, a sum of terms of one sign,
    /// whose digits the 1 would swallow.
    pub fn softplus_sum(x: &[f64], scale: f64) -> f64 {
        let mut total = 0.0;
        for piece in x.chunks(BLOCKS * LANES) {
            let mut tops = [0.0; LANES];
            let mut products = [0.0; LANES];
            let mut blocks = piece.chunks_exact(LANES);
            for block in &mut blocks {
                let mut y = [0.0; LANES];
                y.copy_from_slice(block);
                add(&y, scale, &mut tops, &mut products);
            }
            let rest = blocks.remainder();
            if !rest.is_empty() {
                // Missing terms count as ln(1 + e^-800) = 0, so their scale must not be applied twice.
                let mut y = [-800.0; LANES];
                for (y, x) in y.iter_mut().zip(rest) {
                    *y = scale * x;
                }
                add(&y, 1.0, &mut tops, &mut products);
            }
            total += tops.iter().sum::<f64>() + libm::log1p(products.iter().fold(0.0, |q, p| q + (p + q * p)));
        }
        total
    }
}

#[inline(always)]
fn add(x: &[f64; LANES], scale: f64, tops: &mut [f64; LANES], products: &mut [f64; LANES]) {
    for k in 0..LANES {
        let y = scale * x[k];
        tops[k] += if y > 0.0 { y } else { 0.0 };
        let y = if y > 0.0 { -y } else { y };
        let e = exp_not_positive(y);
        let e = if y < -708.0 { 0.0 } else { e };
        products[k] += e + products[k] * e;
    }
}

/// eʸ for y <= 0, relative error below 3e-16; below -708 it stays at e^-708.
#[inline(always)]
fn exp_not_positive(y: f64) -> f64 {
    const MAGIC: f64 = 6_755_399_441_055_744.0; // 1.5 2⁵²: adding it rounds to an integer in the low bits
    const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
    const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    // Written so that a NaN stays a NaN.
    let y = if y < -708.0 { -708.0 } else { y };
    let k = y * std::f64::consts::LOG2_E + MAGIC;
    let n = k - MAGIC;
    let r = y - n * LN2_HIGH - n * LN2_LOW;
    // Taylor to r¹³: |r| <= ln2/2 leaves 4e-18.
    let mut p = 1.0 / 6_227_020_800.0;
    for c in [
        1.0 / 479_001_600.0,
        1.0 / 39_916_800.0,
        1.0 / 3_628_800.0,
        1.0 / 362_880.0,
        1.0 / 40_320.0,
        1.0 / 5_040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
        1.0,
        1.0,
    ] {
        p = p * r + c;
    }
    p * f64::from_bits(k.to_bits().wrapping_add(1023) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use smml_core::{
        numeric::softplus,
        simd::{Path, with_path},
    };

    #[test]
    fn exponential_is_accurate() {
        for i in 0..70_000 {
            let y = -0.01 * f64::from(i) - 1e-5;
            let (a, b) = (exp_not_positive(y), libm::exp(y));
            assert!((a - b).abs() <= 4e-16 * b, "exp({y}) = {a}, not {b}");
        }
        assert_eq!(exp_not_positive(0.0), 1.0);
        assert_eq!(exp_not_positive(f64::NEG_INFINITY), exp_not_positive(-708.0));
        assert!(exp_not_positive(f64::NAN).is_nan());
    }

    #[test]
    fn extremes() {
        assert_eq!(softplus_sum(&[], 1.0), 0.0);
        assert_eq!(softplus_sum(&[f64::NEG_INFINITY, 1e5], 1.0), 1e5);
        assert!(softplus_sum(&[0.0, f64::NAN], 1.0).is_nan());
        let many = vec![0.0; 5003];
        assert!((softplus_sum(&many, 3.0) - 5003.0 * 2f64.ln()).abs() < 1e-10);
        assert_eq!(softplus_sum(&[-1000.0; 9], -1.0), 9000.0);
    }

    #[test]
    fn small_sums_keep_their_digits() {
        for (x, n) in [(-30.0, 961), (-40.0, 961), (-100.0, 7), (-700.0, 1000), (-3.0, 5000), (1.0, 960)] {
            let expected = n as f64 * softplus(x);
            let sum = softplus_sum(&vec![x; n], 1.0);
            assert!((sum / expected - 1.0).abs() < 3e-14, "{n} times {x}: {sum}, not {expected}");
        }
    }

    proptest! {
        #[test]
        fn sum_agrees_with_its_terms_on_every_path(
            x in proptest::collection::vec(-60.0f64..60.0, 0..1100), scale in -2.0f64..2.0,
        ) {
            let expected: f64 = x.iter().map(|x| softplus(scale * x)).sum();
            let sums: Vec<f64> =
                Path::available().into_iter().map(|p| with_path(p, || softplus_sum(&x, scale))).collect();
            prop_assert!((sums[0] - expected).abs() <= 1e-13 * expected);
            prop_assert!(sums.iter().all(|s| s.to_bits() == sums[0].to_bits()));
        }
    }
}
