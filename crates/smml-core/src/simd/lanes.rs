//! 512 lanes of one bit each, the logical vector of the multi-spin kernels: the same width on every path, so that a loop
//! that ends early uses the same random words everywhere.
//!
//! A kernel is written once, generic over [`Lanes`], and compiled for every path by [`lanes_paths!`](crate::lanes_paths).

use crate::rng::WideStream;

/// 512 bits with the operations that multi-spin kernels and their generators need. `[u64; 8]` is the portable form.
///
/// Implemented here only. The vector types, whose operations need instructions that not every CPU has, are hidden behind
/// [`lanes_paths!`](crate::lanes_paths), which calls them where the CPU has them.
pub trait Lanes: Copy {
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
}

/// For [`lanes_paths!`](crate::lanes_paths) alone, which looks for the instructions first: named by nobody else.
#[doc(hidden)]
#[cfg(target_arch = "x86_64")]
pub mod __x86 {
    use super::Lanes;
    use std::arch::x86_64::*;

    /// Two registers of 256 bits.
    #[derive(Clone, Copy)]
    pub struct Avx2(__m256i, __m256i);

    /// One register of 512 bits.
    #[derive(Clone, Copy)]
    pub struct Avx512(__m512i);

    /// One intrinsic of two halves.
    macro_rules! halves {
        ($f:ident, $x:ident, $o:ident) => {{
            // SAFETY: the type is used only where `lanes_paths!` found AVX2.
            unsafe { Avx2($f($x.0, $o.0), $f($x.1, $o.1)) }
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
    }

    /// One expression on registers.
    macro_rules! whole {
        ($body:expr) => {{
            // SAFETY: the type is used only where `lanes_paths!` found AVX-512.
            Avx512(unsafe { $body })
        }};
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
mod tests {
    use super::*;
    use crate::{
        rng::Streams,
        simd::{Path, with_path},
    };

    crate::lanes_paths! {
        fn every_operation<W: Lanes>(a: &[u64; 8], b: &[u64; 8], c: &[u64; 8], out: &mut Vec<u64>) {
            let (x, y, z) = (W::load(a), W::load(b), W::load(c));
            let all = [
                x.xor(y), x.and(y), x.or(y), x.not_in(y), x.add64(y), x.shift_left::<17, 47>(),
                x.rotate_left::<23, 41>(), x.not(), x.xor3(y, z), x.majority(y, z), x.select(y, z), W::zero(),
            ];
            for w in all {
                let mut words = [0; 8];
                w.store(&mut words);
                out.extend(words);
            }
            out.push(u64::from(x.any()) + 2 * u64::from(W::zero().any()));
        }
        fn words<W: Lanes>(stream: &mut WideStream, n: usize, out: &mut Vec<u64>) {
            let mut lanes = LanesStream::<W>::load(stream);
            for _ in 0..n {
                let mut words = [0; 8];
                lanes.next().store(&mut words);
                out.extend(words);
            }
            lanes.store(stream);
        }
    }

    #[test]
    fn operations_are_those_of_words_on_every_path() {
        let mut rng = WideStream::new(&mut Streams::new(1).stream("lanes", 0));
        let (a, b, c) = (rng.next(), rng.next(), rng.next());
        let mut want = Vec::new();
        let operations: [fn(u64, u64, u64) -> u64; 12] = [
            |a, b, _| a ^ b,
            |a, b, _| a & b,
            |a, b, _| a | b,
            |a, b, _| !a & b,
            |a, b, _| a.wrapping_add(b),
            |a, _, _| a << 17,
            |a, _, _| a.rotate_left(23),
            |a, _, _| !a,
            |a, b, c| a ^ b ^ c,
            |a, b, c| (a & b) | (a & c) | (b & c),
            |a, b, c| (a & b) | (!a & c),
            |_, _, _| 0,
        ];
        for operation in operations {
            want.extend((0..8).map(|i| operation(a[i], b[i], c[i])));
        }
        want.push(1);
        for path in Path::available() {
            let mut out = Vec::new();
            with_path(path, || every_operation(&a, &b, &c, &mut out));
            assert_eq!(out, want, "{path:?}");
        }
    }

    #[test]
    fn streams_are_the_wide_stream_on_every_path() {
        let start = WideStream::new(&mut Streams::new(2).stream("lanes", 0));
        let mut plain = start.clone();
        let want: Vec<u64> = (0..50).flat_map(|_| plain.next()).collect();
        for path in Path::available() {
            let (mut stream, mut out) = (start.clone(), Vec::new());
            with_path(path, || {
                words(&mut stream, 20, &mut out);
                words(&mut stream, 30, &mut out);
            });
            assert_eq!(out, want, "{path:?}");
            assert_eq!(stream.next(), plain.clone().next());
        }
    }
}
