//! The 512 bits as sixteen `f32`, beyond sums and products: quotients, limits, totals, and the hyperbolic tangent.

use super::Lanes;

/// Sixteen `f32` in the 512 bits of [`Lanes`]: the low 32 bits of the first word are number 0, its high ones number 1, and so
/// on.
pub trait Numbers32: Copy {
    /// Quotients.
    fn div_f32(self, o: Self) -> Self;
    /// The smaller of two numbers; that of `o` where one is no number.
    fn min_f32(self, o: Self) -> Self;
    /// The larger of two numbers; that of `o` where one is no number.
    fn max_f32(self, o: Self) -> Self;
    /// Every 32-bit number shifted left by N, zeros coming in.
    fn shift_left_32<const N: i32>(self) -> Self;
    /// The sum of all sixteen, by halves: number k with number k + 8, then k + 4, k + 2 and k + 1.
    fn sum_f32(self) -> f32;
}

/// tanh of sixteen numbers that are finite, with an absolute error below 4 · 10⁻⁷: 1 - 2/(exp(2x) + 1), exp by a power of two
/// and the Taylor polynomial of degree 6.
#[inline(always)]
pub fn tanh<W: Lanes>(x: W) -> W {
    // Within 2^±30 the result is already ±1, to the last bit.
    let y = x
        .mul_f32(W::splat_f32(2.0 * std::f32::consts::LOG2_E))
        .min_f32(W::splat_f32(30.0))
        .max_f32(W::splat_f32(-30.0));
    // Numbers between 2²³ and 2²⁴ are whole: adding rounds y to k, and leaves k + 127 in the last bits.
    let whole = 12_582_912.0 + 127.0;
    let rounded = y.add_f32(W::splat_f32(whole));
    let f = y.sub_f32(rounded.sub_f32(W::splat_f32(whole))).mul_f32(W::splat_f32(std::f32::consts::LN_2));
    let power = rounded.and(W::splat_f32(f32::from_bits(0x1ff))).shift_left_32::<23>();
    let mut exp = W::splat_f32(1.0 / 720.0);
    for c in [1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        exp = exp.mul_f32(f).add_f32(W::splat_f32(c));
    }
    let exp = exp.mul_f32(power);
    W::splat_f32(1.0).sub_f32(W::splat_f32(2.0).div_f32(exp.add_f32(W::splat_f32(1.0))))
}

impl Numbers32 for [u64; 8] {
    #[inline(always)]
    fn div_f32(self, o: Self) -> Self {
        super::zip_f32(self, o, |a, b| a / b)
    }
    #[inline(always)]
    fn min_f32(self, o: Self) -> Self {
        super::zip_f32(self, o, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    fn max_f32(self, o: Self) -> Self {
        super::zip_f32(self, o, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    fn shift_left_32<const N: i32>(self) -> Self {
        super::zip(self, self, |a, _| u64::from((a as u32) << N) | u64::from(((a >> 32) as u32) << N) << 32)
    }
    #[inline(always)]
    fn sum_f32(self) -> f32 {
        let mut x = super::to_f32(self);
        for half in [8, 4, 2, 1] {
            for k in 0..half {
                x[k] += x[k + half];
            }
        }
        x[0]
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{
        super::__x86::{Avx2, Avx512},
        Numbers32,
    };
    use std::arch::x86_64::*;

    /// One intrinsic on both halves.
    macro_rules! halves {
        ($f:ident, $x:ident, $o:ident) => {
            // SAFETY: the type is used only where `lanes_paths!` found AVX2. No closure, which need not be inlined.
            unsafe {
                Avx2(
                    _mm256_castps_si256($f(_mm256_castsi256_ps($x.0), _mm256_castsi256_ps($o.0))),
                    _mm256_castps_si256($f(_mm256_castsi256_ps($x.1), _mm256_castsi256_ps($o.1))),
                )
            }
        };
    }

    /// One intrinsic on registers of 512 bits.
    macro_rules! whole {
        ($f:ident, $x:ident, $o:ident) => {
            // SAFETY: the type is used only where `lanes_paths!` found AVX-512.
            Avx512(unsafe { _mm512_castps_si512($f(_mm512_castsi512_ps($x.0), _mm512_castsi512_ps($o.0))) })
        };
    }

    /// The sum of eight numbers by halves.
    #[inline(always)]
    fn sum(eight: __m256) -> f32 {
        // SAFETY: called by the types below alone, which are used only where AVX2 is.
        unsafe {
            let four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight));
            let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
        }
    }

    impl Numbers32 for Avx2 {
        #[inline(always)]
        fn div_f32(self, o: Self) -> Self {
            halves!(_mm256_div_ps, self, o)
        }
        #[inline(always)]
        fn min_f32(self, o: Self) -> Self {
            halves!(_mm256_min_ps, self, o)
        }
        #[inline(always)]
        fn max_f32(self, o: Self) -> Self {
            halves!(_mm256_max_ps, self, o)
        }
        #[inline(always)]
        fn shift_left_32<const N: i32>(self) -> Self {
            // SAFETY: the type is used only where AVX2 is.
            unsafe { Avx2(_mm256_slli_epi32::<N>(self.0), _mm256_slli_epi32::<N>(self.1)) }
        }
        #[inline(always)]
        fn sum_f32(self) -> f32 {
            // SAFETY: the type is used only where AVX2 is.
            sum(unsafe { _mm256_add_ps(_mm256_castsi256_ps(self.0), _mm256_castsi256_ps(self.1)) })
        }
    }

    impl Numbers32 for Avx512 {
        #[inline(always)]
        fn div_f32(self, o: Self) -> Self {
            whole!(_mm512_div_ps, self, o)
        }
        #[inline(always)]
        fn min_f32(self, o: Self) -> Self {
            whole!(_mm512_min_ps, self, o)
        }
        #[inline(always)]
        fn max_f32(self, o: Self) -> Self {
            whole!(_mm512_max_ps, self, o)
        }
        #[inline(always)]
        fn shift_left_32<const N: i32>(self) -> Self {
            // SAFETY: the type is used only where AVX-512 is.
            Avx512(unsafe { _mm512_sll_epi32(self.0, _mm_cvtsi32_si128(N)) })
        }
        #[inline(always)]
        fn sum_f32(self) -> f32 {
            // SAFETY: the type is used only where AVX-512 is, and so AVX2.
            let eight = unsafe {
                let all = _mm512_castsi512_ps(self.0);
                _mm256_add_ps(_mm512_castps512_ps256(all), _mm512_extractf32x8_ps::<1>(all))
            };
            sum(eight)
        }
    }
}
