//! 512 lanes of one bit each, the logical vector of the multi-spin kernels: the same width on every path, so that a loop
//! that ends early uses the same random words everywhere.
//!
//! Kernels of real numbers take the same 512 bits as sixteen `f32`, fixed-point ones as thirty-two 16-bit numbers.
//!
//! A kernel is written once, generic over [`Lanes`], and compiled for every path by [`lanes_paths!`](crate::lanes_paths).

mod numbers16;
mod numbers32;

pub use numbers16::{Numbers16, Table64};
pub use numbers32::{Numbers32, tanh};

use crate::rng::WideStream;

/// 512 bits with the operations that multi-spin kernels and their generators need. `[u64; 8]` is the portable form.
///
/// Implemented here only. The vector types, whose operations need instructions that not every CPU has, are hidden behind
/// [`lanes_paths!`](crate::lanes_paths), which calls them where the CPU has them.
pub trait Lanes: Copy + Numbers16 + Numbers32 {
    /// No bit set.
    fn zero() -> Self;
    /// From eight words.
    fn load(words: &[u64; 8]) -> Self;
    /// To eight words.
    fn store(self, words: &mut [u64; 8]);
    /// self ^ o
    fn xor(self, o: Self) -> Self;
    /// self & o
    fn and(self, o: Self) -> Self;
    /// self | o
    fn or(self, o: Self) -> Self;
    /// o & !self: the bits of `o` that are not in `self`.
    fn not_in(self, o: Self) -> Self;
    /// Sums of 64-bit words, modulo 2⁶⁴.
    fn add64(self, o: Self) -> Self;
    /// Every 64-bit word shifted left.
    fn shift_left<const N: i32, const REST: i32>(self) -> Self;
    /// Every 64-bit word rotated left by N; REST must be 64 - N.
    fn rotate_left<const N: i32, const REST: i32>(self) -> Self;
    /// Whether a bit is set.
    fn any(self) -> bool;
    /// From sixteen numbers: the low 32 bits of the first word are number 0, its high ones number 1, and so on.
    fn load_f32(numbers: &[f32; 16]) -> Self;
    /// To sixteen numbers.
    fn store_f32(self, numbers: &mut [f32; 16]);
    /// The same number sixteen times.
    fn splat_f32(number: f32) -> Self;
    /// Sums of sixteen `f32`.
    fn add_f32(self, o: Self) -> Self;
    /// Differences of sixteen `f32`.
    fn sub_f32(self, o: Self) -> Self;
    /// Products of sixteen `f32`; never fused with a sum, which would round otherwise on some paths.
    fn mul_f32(self, o: Self) -> Self;
    /// Bit k is set where number k is at most that of `o`; never for a NaN.
    fn at_most_f32(self, o: Self) -> u16;
    /// The 32-bit numbers whose bit is set, and 0 elsewhere.
    fn only(self, set: u16) -> Self;
    /// Sixteen `i32` as `f32`, rounded to nearest.
    fn i32_to_f32(self) -> Self;
    /// Every 32-bit number shifted right by N, zeros coming in.
    fn shift_right_32<const N: i32>(self) -> Self;

    /// !self
    #[inline(always)]
    fn not(self) -> Self {
        self.xor(Self::load(&[u64::MAX; 8]))
    }
    /// self ^ b ^ c: the sum bit of a full adder.
    #[inline(always)]
    fn xor3(self, b: Self, c: Self) -> Self {
        self.xor(b).xor(c)
    }
    /// The bits set in at least two of three: the carry of a full adder.
    #[inline(always)]
    fn majority(self, b: Self, c: Self) -> Self {
        self.and(b).or(c.and(self.or(b)))
    }
    /// The bits of `a` where `self` is set, else those of `b`.
    #[inline(always)]
    fn select(self, a: Self, b: Self) -> Self {
        self.and(a).or(self.not_in(b))
    }
}

/// Eight Xoshiro256++ generators as four vectors: [`WideStream`] while a kernel runs, the same words.
#[derive(Clone, Copy)]
pub struct LanesStream<W>([W; 4]);

impl<W: Lanes> LanesStream<W> {
    /// Goes on where `stream` is.
    #[inline(always)]
    pub fn load(stream: &WideStream) -> Self {
        let s = stream.words();
        LanesStream([W::load(&s[0]), W::load(&s[1]), W::load(&s[2]), W::load(&s[3])])
    }
    /// Leaves `stream` where this is.
    #[inline(always)]
    pub fn store(self, stream: &mut WideStream) {
        for (from, to) in self.0.into_iter().zip(stream.words_mut()) {
            from.store(to);
        }
    }
    /// 512 random bits.
    #[inline(always)]
    #[allow(clippy::should_implement_trait)] // an endless source, as WideStream's
    pub fn next(&mut self) -> W {
        let [s0, s1, s2, s3] = self.0;
        let out = s0.add64(s3).rotate_left::<23, 41>().add64(s0);
        let shifted = s1.shift_left::<17, 47>();
        self.0 = [s0.xor3(s3, s1), s1.xor3(s2, s0), s2.xor3(s0, shifted), s3.xor(s1).rotate_left::<45, 19>()];
        out
    }
}

#[inline(always)]
fn zip(a: [u64; 8], b: [u64; 8], f: impl Fn(u64, u64) -> u64) -> [u64; 8] {
    let mut out = [0; 8];
    for i in 0..8 {
        out[i] = f(a[i], b[i]);
    }
    out
}

impl Lanes for [u64; 8] {
    #[inline(always)]
    fn zero() -> Self {
        [0; 8]
    }
    #[inline(always)]
    fn load(words: &[u64; 8]) -> Self {
        *words
    }
    #[inline(always)]
    fn store(self, words: &mut [u64; 8]) {
        *words = self;
    }
    #[inline(always)]
    fn xor(self, o: Self) -> Self {
        zip(self, o, |a, b| a ^ b)
    }
    #[inline(always)]
    fn and(self, o: Self) -> Self {
        zip(self, o, |a, b| a & b)
    }
    #[inline(always)]
    fn or(self, o: Self) -> Self {
        zip(self, o, |a, b| a | b)
    }
    #[inline(always)]
    fn not_in(self, o: Self) -> Self {
        zip(self, o, |a, b| !a & b)
    }
    #[inline(always)]
    fn add64(self, o: Self) -> Self {
        zip(self, o, u64::wrapping_add)
    }
    #[inline(always)]
    fn shift_left<const N: i32, const REST: i32>(self) -> Self {
        zip(self, self, |a, _| a << N)
    }
    #[inline(always)]
    fn rotate_left<const N: i32, const REST: i32>(self) -> Self {
        zip(self, self, |a, _| a.rotate_left(N as u32))
    }
    #[inline(always)]
    fn any(self) -> bool {
        self.iter().fold(0, |all, word| all | word) != 0
    }
    #[inline(always)]
    fn load_f32(numbers: &[f32; 16]) -> Self {
        from_f32(*numbers)
    }
    #[inline(always)]
    fn store_f32(self, numbers: &mut [f32; 16]) {
        *numbers = to_f32(self);
    }
    #[inline(always)]
    fn splat_f32(number: f32) -> Self {
        from_f32([number; 16])
    }
    #[inline(always)]
    fn add_f32(self, o: Self) -> Self {
        zip_f32(self, o, |a, b| a + b)
    }
    #[inline(always)]
    fn sub_f32(self, o: Self) -> Self {
        zip_f32(self, o, |a, b| a - b)
    }
    #[inline(always)]
    fn mul_f32(self, o: Self) -> Self {
        zip_f32(self, o, |a, b| a * b)
    }
    #[inline(always)]
    fn at_most_f32(self, o: Self) -> u16 {
        let (a, b) = (to_f32(self), to_f32(o));
        (0..16).fold(0, |set, k| set | u16::from(a[k] <= b[k]) << k)
    }
    #[inline(always)]
    fn only(self, set: u16) -> Self {
        let half = |k: usize| u64::from(set >> k & 1).wrapping_neg() & 0xffff_ffff;
        let mut out = self;
        for i in 0..8 {
            out[i] &= half(2 * i) | half(2 * i + 1) << 32;
        }
        out
    }
    #[inline(always)]
    fn i32_to_f32(self) -> Self {
        from_f32(to_f32(self).map(|x| x.to_bits() as i32 as f32))
    }
    #[inline(always)]
    fn shift_right_32<const N: i32>(self) -> Self {
        zip(self, self, |a, _| (a & 0xffff_ffff) >> N | (a >> 32 >> N) << 32)
    }
}

#[inline(always)]
fn from_f32(numbers: [f32; 16]) -> [u64; 8] {
    let bits = |k: usize| u64::from(numbers[k].to_bits());
    let mut out = [0; 8];
    for i in 0..8 {
        out[i] = bits(2 * i) | bits(2 * i + 1) << 32;
    }
    out
}

#[inline(always)]
fn to_f32(words: [u64; 8]) -> [f32; 16] {
    let mut out = [0.0; 16];
    for i in 0..8 {
        out[2 * i] = f32::from_bits(words[i] as u32);
        out[2 * i + 1] = f32::from_bits((words[i] >> 32) as u32);
    }
    out
}

#[inline(always)]
fn zip_f32(a: [u64; 8], b: [u64; 8], f: impl Fn(f32, f32) -> f32) -> [u64; 8] {
    let (a, b) = (to_f32(a), to_f32(b));
    let mut out = [0.0; 16];
    for k in 0..16 {
        out[k] = f(a[k], b[k]);
    }
    from_f32(out)
}

/// For [`lanes_paths!`](crate::lanes_paths) alone, which looks for the instructions first: named by nobody else.
#[doc(hidden)]
#[cfg(target_arch = "x86_64")]
pub mod __x86 {
    use super::Lanes;
    use std::arch::x86_64::*;

    /// Two registers of 256 bits.
    #[derive(Clone, Copy)]
    pub struct Avx2(pub(super) __m256i, pub(super) __m256i);

    /// One register of 512 bits.
    #[derive(Clone, Copy)]
    pub struct Avx512(pub(super) __m512i);

    /// One intrinsic of two halves.
    macro_rules! halves {
        ($f:ident, $x:ident, $o:ident) => {{
            // SAFETY: the type is used only where `lanes_paths!` found AVX2.
            unsafe { Avx2($f($x.0, $o.0), $f($x.1, $o.1)) }
        }};
    }

    /// One intrinsic of two halves, on floating-point numbers.
    macro_rules! float_halves {
        ($f:ident, $x:ident, $o:ident) => {{
            let half = |a, b| {
                // SAFETY: the type is used only where `lanes_paths!` found AVX2.
                unsafe { _mm256_castps_si256($f(_mm256_castsi256_ps(a), _mm256_castsi256_ps(b))) }
            };
            Avx2(half($x.0, $o.0), half($x.1, $o.1))
        }};
    }

    impl Lanes for Avx2 {
        #[inline(always)]
        fn zero() -> Self {
            // SAFETY: the type is used only where AVX2 is.
            unsafe { Avx2(_mm256_setzero_si256(), _mm256_setzero_si256()) }
        }
        #[inline(always)]
        fn load(words: &[u64; 8]) -> Self {
            let p = words.as_ptr().cast::<__m256i>();
            // SAFETY: the array has 64 bytes, and these loads need no alignment; the type is used only where AVX2 is.
            unsafe { Avx2(_mm256_loadu_si256(p), _mm256_loadu_si256(p.add(1))) }
        }
        #[inline(always)]
        fn store(self, words: &mut [u64; 8]) {
            let p = words.as_mut_ptr().cast::<__m256i>();
            // SAFETY: as for `load`.
            unsafe {
                _mm256_storeu_si256(p, self.0);
                _mm256_storeu_si256(p.add(1), self.1);
            }
        }
        #[inline(always)]
        fn xor(self, o: Self) -> Self {
            halves!(_mm256_xor_si256, self, o)
        }
        #[inline(always)]
        fn and(self, o: Self) -> Self {
            halves!(_mm256_and_si256, self, o)
        }
        #[inline(always)]
        fn or(self, o: Self) -> Self {
            halves!(_mm256_or_si256, self, o)
        }
        #[inline(always)]
        fn not_in(self, o: Self) -> Self {
            halves!(_mm256_andnot_si256, self, o)
        }
        #[inline(always)]
        fn add64(self, o: Self) -> Self {
            halves!(_mm256_add_epi64, self, o)
        }
        #[inline(always)]
        fn shift_left<const N: i32, const REST: i32>(self) -> Self {
            // SAFETY: the type is used only where AVX2 is.
            unsafe { Avx2(_mm256_slli_epi64::<N>(self.0), _mm256_slli_epi64::<N>(self.1)) }
        }
        #[inline(always)]
        fn rotate_left<const N: i32, const REST: i32>(self) -> Self {
            // SAFETY: the type is used only where AVX2 is.
            let (left, right) = unsafe {
                (
                    Avx2(_mm256_slli_epi64::<N>(self.0), _mm256_slli_epi64::<N>(self.1)),
                    Avx2(_mm256_srli_epi64::<REST>(self.0), _mm256_srli_epi64::<REST>(self.1)),
                )
            };
            left.or(right)
        }
        #[inline(always)]
        fn any(self) -> bool {
            // SAFETY: the type is used only where AVX2 is.
            unsafe {
                let all = _mm256_or_si256(self.0, self.1);
                _mm256_testz_si256(all, all) == 0
            }
        }
        #[inline(always)]
        fn load_f32(numbers: &[f32; 16]) -> Self {
            let p = numbers.as_ptr().cast::<__m256i>();
            // SAFETY: as for `load`.
            unsafe { Avx2(_mm256_loadu_si256(p), _mm256_loadu_si256(p.add(1))) }
        }
        #[inline(always)]
        fn store_f32(self, numbers: &mut [f32; 16]) {
            let p = numbers.as_mut_ptr().cast::<__m256i>();
            // SAFETY: as for `load`.
            unsafe {
                _mm256_storeu_si256(p, self.0);
                _mm256_storeu_si256(p.add(1), self.1);
            }
        }
        #[inline(always)]
        fn splat_f32(number: f32) -> Self {
            // SAFETY: the type is used only where AVX2 is.
            let all = unsafe { _mm256_castps_si256(_mm256_set1_ps(number)) };
            Avx2(all, all)
        }
        #[inline(always)]
        fn add_f32(self, o: Self) -> Self {
            float_halves!(_mm256_add_ps, self, o)
        }
        #[inline(always)]
        fn sub_f32(self, o: Self) -> Self {
            float_halves!(_mm256_sub_ps, self, o)
        }
        #[inline(always)]
        fn mul_f32(self, o: Self) -> Self {
            float_halves!(_mm256_mul_ps, self, o)
        }
        #[inline(always)]
        fn at_most_f32(self, o: Self) -> u16 {
            // SAFETY: the type is used only where AVX2 is.
            let half = |a, b| unsafe {
                let less = _mm256_cmp_ps::<_CMP_LE_OQ>(_mm256_castsi256_ps(a), _mm256_castsi256_ps(b));
                _mm256_movemask_ps(less) as u16
            };
            half(self.0, o.0) | half(self.1, o.1) << 8
        }
        #[inline(always)]
        fn only(self, set: u16) -> Self {
            // SAFETY: the type is used only where AVX2 is.
            let half = |x, set: u16| unsafe {
                let bits = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
                let here = _mm256_and_si256(_mm256_set1_epi32(i32::from(set)), bits);
                _mm256_and_si256(x, _mm256_cmpeq_epi32(here, bits))
            };
            Avx2(half(self.0, set), half(self.1, set >> 8))
        }
        #[inline(always)]
        fn i32_to_f32(self) -> Self {
            // SAFETY: the type is used only where AVX2 is.
            let half = |x| unsafe { _mm256_castps_si256(_mm256_cvtepi32_ps(x)) };
            Avx2(half(self.0), half(self.1))
        }
        #[inline(always)]
        fn shift_right_32<const N: i32>(self) -> Self {
            // SAFETY: the type is used only where AVX2 is.
            unsafe { Avx2(_mm256_srli_epi32::<N>(self.0), _mm256_srli_epi32::<N>(self.1)) }
        }
    }

    /// One expression on registers.
    macro_rules! whole {
        ($body:expr) => {{
            // SAFETY: the type is used only where `lanes_paths!` found AVX-512.
            Avx512(unsafe { $body })
        }};
    }

    /// One intrinsic on floating-point numbers.
    macro_rules! float_whole {
        ($f:ident, $x:ident, $o:ident) => {
            whole!(_mm512_castps_si512($f(_mm512_castsi512_ps($x.0), _mm512_castsi512_ps($o.0))))
        };
    }

    impl Lanes for Avx512 {
        #[inline(always)]
        fn zero() -> Self {
            whole!(_mm512_setzero_si512())
        }
        #[inline(always)]
        fn load(words: &[u64; 8]) -> Self {
            // The array has 64 bytes, and this load needs no alignment.
            whole!(_mm512_loadu_si512(words.as_ptr().cast()))
        }
        #[inline(always)]
        fn store(self, words: &mut [u64; 8]) {
            // SAFETY: as for `load`.
            unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), self.0) }
        }
        #[inline(always)]
        fn xor(self, o: Self) -> Self {
            whole!(_mm512_xor_si512(self.0, o.0))
        }
        #[inline(always)]
        fn and(self, o: Self) -> Self {
            whole!(_mm512_and_si512(self.0, o.0))
        }
        #[inline(always)]
        fn or(self, o: Self) -> Self {
            whole!(_mm512_or_si512(self.0, o.0))
        }
        #[inline(always)]
        fn not_in(self, o: Self) -> Self {
            whole!(_mm512_andnot_si512(self.0, o.0))
        }
        #[inline(always)]
        fn add64(self, o: Self) -> Self {
            whole!(_mm512_add_epi64(self.0, o.0))
        }
        #[inline(always)]
        fn shift_left<const N: i32, const REST: i32>(self) -> Self {
            // The immediate form wants an unsigned constant; the compiler makes one of this count.
            whole!(_mm512_sll_epi64(self.0, _mm_cvtsi32_si128(N)))
        }
        #[inline(always)]
        fn rotate_left<const N: i32, const REST: i32>(self) -> Self {
            whole!(_mm512_rol_epi64::<N>(self.0))
        }
        #[inline(always)]
        fn any(self) -> bool {
            // SAFETY: the type is used only where AVX-512 is.
            unsafe { _mm512_test_epi64_mask(self.0, self.0) != 0 }
        }
        #[inline(always)]
        fn load_f32(numbers: &[f32; 16]) -> Self {
            // As `load`.
            whole!(_mm512_loadu_si512(numbers.as_ptr().cast()))
        }
        #[inline(always)]
        fn store_f32(self, numbers: &mut [f32; 16]) {
            // SAFETY: as for `load`.
            unsafe { _mm512_storeu_si512(numbers.as_mut_ptr().cast(), self.0) }
        }
        #[inline(always)]
        fn splat_f32(number: f32) -> Self {
            whole!(_mm512_castps_si512(_mm512_set1_ps(number)))
        }
        #[inline(always)]
        fn add_f32(self, o: Self) -> Self {
            float_whole!(_mm512_add_ps, self, o)
        }
        #[inline(always)]
        fn sub_f32(self, o: Self) -> Self {
            float_whole!(_mm512_sub_ps, self, o)
        }
        #[inline(always)]
        fn mul_f32(self, o: Self) -> Self {
            float_whole!(_mm512_mul_ps, self, o)
        }
        #[inline(always)]
        fn at_most_f32(self, o: Self) -> u16 {
            // SAFETY: the type is used only where AVX-512 is.
            unsafe { _mm512_cmp_ps_mask::<_CMP_LE_OQ>(_mm512_castsi512_ps(self.0), _mm512_castsi512_ps(o.0)) }
        }
        #[inline(always)]
        fn only(self, set: u16) -> Self {
            whole!(_mm512_maskz_mov_epi32(set, self.0))
        }
        #[inline(always)]
        fn i32_to_f32(self) -> Self {
            whole!(_mm512_castps_si512(_mm512_cvtepi32_ps(self.0)))
        }
        #[inline(always)]
        fn shift_right_32<const N: i32>(self) -> Self {
            whole!(_mm512_srl_epi32(self.0, _mm_cvtsi32_si128(N)))
        }
        // Functions of three bits are one instruction, given by their table; the compiler does not always see it.
        #[inline(always)]
        fn xor3(self, b: Self, c: Self) -> Self {
            whole!(_mm512_ternarylogic_epi64::<0x96>(self.0, b.0, c.0))
        }
        #[inline(always)]
        fn majority(self, b: Self, c: Self) -> Self {
            whole!(_mm512_ternarylogic_epi64::<0xe8>(self.0, b.0, c.0))
        }
        #[inline(always)]
        fn select(self, a: Self, b: Self) -> Self {
            whole!(_mm512_ternarylogic_epi64::<0xca>(self.0, a.0, b.0))
        }
    }
}

/// Compiles a function that is generic over one type of [`Lanes`] for every [`Path`](crate::simd::Path), and calls the
/// right one.
///
/// ```
/// use smml_core::simd::lanes::Lanes;
/// smml_core::lanes_paths! {
///     /// Sum bits of three rows.
///     pub fn add<W: Lanes>(a: &[u64; 8], b: &[u64; 8], c: &[u64; 8], sum: &mut [u64; 8]) {
///         W::load(a).xor3(W::load(b), W::load(c)).store(sum);
///     }
/// }
/// let mut sum = [0; 8];
/// add(&[1; 8], &[3; 8], &[5; 8], &mut sum);
/// assert_eq!(sum, [7; 8]);
/// ```
#[macro_export]
macro_rules! lanes_paths {
    ($($(#[$meta:meta])* $vis:vis fn $name:ident<$w:ident: Lanes $(, const $n:ident: $nt:ty)*>(
        $($arg:ident: $ty:ty),* $(,)?
    ) $(-> $ret:ty)? $body:block)*) => {$(
        $(#[$meta])*
        $vis fn $name<$(const $n: $nt),*>($($arg: $ty),*) $(-> $ret)? {
            #[inline(always)]
            fn generic<$w: $crate::simd::lanes::Lanes $(, const $n: $nt)*>($($arg: $ty),*) $(-> $ret)? $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2")]
                fn avx2<$(const $n: $nt),*>($($arg: $ty),*) $(-> $ret)? {
                    generic::<$crate::simd::lanes::__x86::Avx2 $(, $n)*>($($arg),*)
                }
                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
                fn avx512<$(const $n: $nt),*>($($arg: $ty),*) $(-> $ret)? {
                    generic::<$crate::simd::lanes::__x86::Avx512 $(, $n)*>($($arg),*)
                }
                match $crate::simd::path() {
                    // SAFETY: `path` never returns more than the machine was found to have.
                    $crate::simd::Path::Avx512 => return unsafe { avx512::<$($n),*>($($arg),*) },
                    // SAFETY: as above.
                    $crate::simd::Path::Avx2 => return unsafe { avx2::<$($n),*>($($arg),*) },
                    $crate::simd::Path::Portable => {}
                }
            }
            generic::<[u64; 8] $(, $n)*>($($arg),*)
        }
    )*};
}

#[cfg(test)]
mod tests;
