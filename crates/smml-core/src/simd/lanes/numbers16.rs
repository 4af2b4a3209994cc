//! The 512 bits as thirty-two 16-bit numbers: the arithmetic of fixed-point machines.

/// Thirty-two 16-bit numbers in the 512 bits of [`Lanes`](super::Lanes): number k has bits 16 k to 16 k + 15. Operations on
/// signed numbers say `i16`, those on unsigned ones `u16`. Sets of numbers are bits of a `u32`.
pub trait Numbers16: Copy {
    /// From thirty-two numbers.
    fn load_i16(numbers: &[i16; 32]) -> Self;
    /// To thirty-two numbers.
    fn store_i16(self, numbers: &mut [i16; 32]);
    /// The same number thirty-two times.
    fn splat_i16(number: i16) -> Self;
    /// Sums modulo 2¹⁶.
    fn add_i16(self, o: Self) -> Self;
    /// Sums modulo 2¹⁶ where the bit is set, else the numbers as they are.
    fn add_i16_where(self, set: u32, o: Self) -> Self;
    /// The smaller of two unsigned numbers.
    fn min_u16(self, o: Self) -> Self;
    /// Products modulo 2¹⁶.
    fn mul_i16(self, o: Self) -> Self;
    /// Products divided by 2¹⁵ and rounded to nearest, halves up; -2¹⁵ times itself is -2¹⁵.
    fn mul_round_i16(self, o: Self) -> Self;
    /// Absolute values; that of -2¹⁵ is 2¹⁵ as an unsigned number.
    fn abs_i16(self) -> Self;
    /// Shifted left, zeros coming in.
    fn shift_left_16<const N: i32>(self) -> Self;
    /// Shifted right, zeros coming in.
    fn shift_right_u16<const N: i32>(self) -> Self;
    /// Entry `index` of a table of 64 numbers, of which only the lowest six bits count.
    fn look_up(self, table: &[i16; 64]) -> Self;
    /// Where unsigned numbers are at most those of `o`.
    fn at_most_u16(self, o: Self) -> u32;
    /// Where numbers are negative.
    fn negative_i16(self) -> u32;
}

#[inline(always)]
fn to(words: [u64; 8]) -> [i16; 32] {
    let mut out = [0; 32];
    for k in 0..32 {
        out[k] = (words[k / 4] >> (16 * (k % 4))) as i16;
    }
    out
}

#[inline(always)]
fn from(numbers: [i16; 32]) -> [u64; 8] {
    let mut out = [0; 8];
    for k in 0..32 {
        out[k / 4] |= u64::from(numbers[k] as u16) << (16 * (k % 4));
    }
    out
}

#[inline(always)]
fn zip(a: [u64; 8], b: [u64; 8], f: impl Fn(i16, i16) -> i16) -> [u64; 8] {
    let (a, b) = (to(a), to(b));
    let mut out = [0; 32];
    for k in 0..32 {
        out[k] = f(a[k], b[k]);
    }
    from(out)
}

#[inline(always)]
fn set_where(a: [u64; 8], b: [u64; 8], f: impl Fn(i16, i16) -> bool) -> u32 {
    let (a, b) = (to(a), to(b));
    let mut set = 0;
    for k in 0..32 {
        set |= u32::from(f(a[k], b[k])) << k;
    }
    set
}

impl Numbers16 for [u64; 8] {
    #[inline(always)]
    fn load_i16(numbers: &[i16; 32]) -> Self {
        from(*numbers)
    }
    #[inline(always)]
    fn store_i16(self, numbers: &mut [i16; 32]) {
        *numbers = to(self);
    }
    #[inline(always)]
    fn splat_i16(number: i16) -> Self {
        [u64::from(number as u16) * 0x0001_0001_0001_0001; 8]
    }
    #[inline(always)]
    fn add_i16(self, o: Self) -> Self {
        zip(self, o, i16::wrapping_add)
    }
    #[inline(always)]
    fn add_i16_where(self, set: u32, o: Self) -> Self {
        let (mut a, b) = (to(self), to(o));
        for k in 0..32 {
            a[k] = a[k].wrapping_add(b[k] & ((set >> k & 1) as i16).wrapping_neg());
        }
        from(a)
    }
    #[inline(always)]
    fn min_u16(self, o: Self) -> Self {
        zip(self, o, |a, b| (a as u16).min(b as u16) as i16)
    }
    #[inline(always)]
    fn mul_i16(self, o: Self) -> Self {
        zip(self, o, i16::wrapping_mul)
    }
    #[inline(always)]
    fn mul_round_i16(self, o: Self) -> Self {
        zip(self, o, |a, b| ((i32::from(a) * i32::from(b) + 0x4000) >> 15) as i16)
    }
    #[inline(always)]
    fn abs_i16(self) -> Self {
        zip(self, self, |a, _| a.wrapping_abs())
    }
    #[inline(always)]
    fn shift_left_16<const N: i32>(self) -> Self {
        zip(self, self, |a, _| a << N)
    }
    #[inline(always)]
    fn shift_right_u16<const N: i32>(self) -> Self {
        zip(self, self, |a, _| (a as u16 >> N) as i16)
    }
    #[inline(always)]
    fn look_up(self, table: &[i16; 64]) -> Self {
        zip(self, self, |a, _| table[usize::from(a as u16 & 63)])
    }
    #[inline(always)]
    fn at_most_u16(self, o: Self) -> u32 {
        set_where(self, o, |a, b| a as u16 <= b as u16)
    }
    #[inline(always)]
    fn negative_i16(self) -> u32 {
        set_where(self, self, |a, _| a < 0)
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{
        super::__x86::{Avx2, Avx512},
        Numbers16,
    };
    use std::arch::x86_64::*;

    /// One intrinsic on both halves.
    macro_rules! halves {
        ($f:ident, $x:expr $(, $o:expr)?) => {{
            // SAFETY: the type is used only where `lanes_paths!` found AVX2.
            unsafe { Avx2($f($x.0 $(, $o.0)?), $f($x.1 $(, $o.1)?)) }
        }};
    }

    /// One expression on registers of 512 bits.
    macro_rules! whole {
        ($body:expr) => {{
            // SAFETY: the type is used only where `lanes_paths!` found AVX-512 F and BW.
            Avx512(unsafe { $body })
        }};
    }

    /// Bits of sixteen numbers, from the signs of all.
    #[inline(always)]
    fn signs(lower: __m256i, upper: __m256i) -> u32 {
        // SAFETY: called by `Avx2` alone. Packing keeps signs and works on 128-bit halves, which the permutation sorts.
        unsafe {
            let packed = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packs_epi16(lower, upper));
            _mm256_movemask_epi8(packed) as u32
        }
    }

    impl Numbers16 for Avx2 {
        #[inline(always)]
        fn load_i16(numbers: &[i16; 32]) -> Self {
            let p = numbers.as_ptr().cast::<__m256i>();
            // SAFETY: the array has 64 bytes, and these loads need no alignment; the type is used only where AVX2 is.
            unsafe { Avx2(_mm256_loadu_si256(p), _mm256_loadu_si256(p.add(1))) }
        }
        #[inline(always)]
        fn store_i16(self, numbers: &mut [i16; 32]) {
            let p = numbers.as_mut_ptr().cast::<__m256i>();
            // SAFETY: as for `load_i16`.
            unsafe {
                _mm256_storeu_si256(p, self.0);
                _mm256_storeu_si256(p.add(1), self.1);
            }
        }
        #[inline(always)]
        fn splat_i16(number: i16) -> Self {
            // SAFETY: the type is used only where AVX2 is.
            let all = unsafe { _mm256_set1_epi16(number) };
            Avx2(all, all)
        }
        #[inline(always)]
        fn add_i16(self, o: Self) -> Self {
            halves!(_mm256_add_epi16, self, o)
        }
        #[inline(always)]
        fn add_i16_where(self, set: u32, o: Self) -> Self {
            // SAFETY: the type is used only where AVX2 is.
            let half = |x, set: u32, o| unsafe {
                let bits = _mm256_setr_epi16(
                    1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, -32768,
                );
                let here = _mm256_and_si256(_mm256_set1_epi16(set as i16), bits);
                _mm256_add_epi16(x, _mm256_and_si256(_mm256_cmpeq_epi16(here, bits), o))
            };
            Avx2(half(self.0, set, o.0), half(self.1, set >> 16, o.1))
        }
        #[inline(always)]
        fn min_u16(self, o: Self) -> Self {
            halves!(_mm256_min_epu16, self, o)
        }
        #[inline(always)]
        fn mul_i16(self, o: Self) -> Self {
            halves!(_mm256_mullo_epi16, self, o)
        }
        #[inline(always)]
        fn mul_round_i16(self, o: Self) -> Self {
            halves!(_mm256_mulhrs_epi16, self, o)
        }
        #[inline(always)]
        fn abs_i16(self) -> Self {
            halves!(_mm256_abs_epi16, self)
        }
        #[inline(always)]
        fn shift_left_16<const N: i32>(self) -> Self {
            // SAFETY: the type is used only where AVX2 is.
            unsafe { Avx2(_mm256_slli_epi16::<N>(self.0), _mm256_slli_epi16::<N>(self.1)) }
        }
        #[inline(always)]
        fn shift_right_u16<const N: i32>(self) -> Self {
            // SAFETY: the type is used only where AVX2 is.
            unsafe { Avx2(_mm256_srli_epi16::<N>(self.0), _mm256_srli_epi16::<N>(self.1)) }
        }
        #[inline(always)]
        fn look_up(self, table: &[i16; 64]) -> Self {
            // AVX2 has no table of more than 16 bytes.
            let mut index = [0; 32];
            self.store_i16(&mut index);
            for k in &mut index {
                *k = table[usize::from(*k as u16 & 63)];
            }
            Self::load_i16(&index)
        }
        #[inline(always)]
        fn at_most_u16(self, o: Self) -> u32 {
            // SAFETY: the type is used only where AVX2 is. a <= b where min(a, b) = a.
            let half = |a, b| unsafe { _mm256_cmpeq_epi16(_mm256_min_epu16(a, b), a) };
            signs(half(self.0, o.0), half(self.1, o.1))
        }
        #[inline(always)]
        fn negative_i16(self) -> u32 {
            signs(self.0, self.1)
        }
    }

    impl Numbers16 for Avx512 {
        #[inline(always)]
        fn load_i16(numbers: &[i16; 32]) -> Self {
            // The array has 64 bytes, and this load needs no alignment.
            whole!(_mm512_loadu_si512(numbers.as_ptr().cast()))
        }
        #[inline(always)]
        fn store_i16(self, numbers: &mut [i16; 32]) {
            // SAFETY: as for `load_i16`.
            unsafe { _mm512_storeu_si512(numbers.as_mut_ptr().cast(), self.0) }
        }
        #[inline(always)]
        fn splat_i16(number: i16) -> Self {
            whole!(_mm512_set1_epi16(number))
        }
        #[inline(always)]
        fn add_i16(self, o: Self) -> Self {
            whole!(_mm512_add_epi16(self.0, o.0))
        }
        #[inline(always)]
        fn add_i16_where(self, set: u32, o: Self) -> Self {
            whole!(_mm512_mask_add_epi16(self.0, set, self.0, o.0))
        }
        #[inline(always)]
        fn min_u16(self, o: Self) -> Self {
            whole!(_mm512_min_epu16(self.0, o.0))
        }
        #[inline(always)]
        fn mul_i16(self, o: Self) -> Self {
            whole!(_mm512_mullo_epi16(self.0, o.0))
        }
        #[inline(always)]
        fn mul_round_i16(self, o: Self) -> Self {
            whole!(_mm512_mulhrs_epi16(self.0, o.0))
        }
        #[inline(always)]
        fn abs_i16(self) -> Self {
            whole!(_mm512_abs_epi16(self.0))
        }
        #[inline(always)]
        fn shift_left_16<const N: i32>(self) -> Self {
            whole!(_mm512_sll_epi16(self.0, _mm_cvtsi32_si128(N)))
        }
        #[inline(always)]
        fn shift_right_u16<const N: i32>(self) -> Self {
            whole!(_mm512_srl_epi16(self.0, _mm_cvtsi32_si128(N)))
        }
        #[inline(always)]
        fn look_up(self, table: &[i16; 64]) -> Self {
            let p = table.as_ptr().cast::<i32>();
            // SAFETY: the table has 128 bytes, and these loads need no alignment.
            let (low, high) = unsafe { (_mm512_loadu_si512(p.cast()), _mm512_loadu_si512(p.add(16).cast())) };
            // Only six bits of an index count.
            whole!(_mm512_permutex2var_epi16(low, self.0, high))
        }
        #[inline(always)]
        fn at_most_u16(self, o: Self) -> u32 {
            // SAFETY: the type is used only where AVX-512 is.
            unsafe { _mm512_cmple_epu16_mask(self.0, o.0) }
        }
        #[inline(always)]
        fn negative_i16(self) -> u32 {
            // SAFETY: the type is used only where AVX-512 is.
            unsafe { _mm512_movepi16_mask(self.0) }
        }
    }
}
