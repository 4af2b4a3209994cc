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
    /// Sixty-four sums modulo 2¹⁶: those whose bit is set grow by `o`, whose numbers must be equal. The order of the sums is
    /// the type's own, so they start equal, and [`Numbers16::in_order`] puts them in order in the end.
    fn add_where(sums: [Self; 2], set: u64, o: Self) -> [Self; 2];
    /// The sums of [`Numbers16::add_where`] in the order of the bits.
    fn in_order(sums: [Self; 2]) -> [Self; 2];
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
    /// Entries of a table at these indices, of which only the lowest six bits count.
    fn look_up(self, table: &Table64) -> Self;
    /// Where unsigned numbers are at most those of `o`.
    fn at_most_u16(self, o: Self) -> u32;
    /// Where numbers are negative.
    fn negative_i16(self) -> u32;
}

/// A table of 64 numbers for [`Numbers16::look_up`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table64 {
    numbers: [i16; 64],
    /// The low bytes of the numbers, sixteen at a time, then the high ones: as instructions look bytes up.
    bytes: [[u8; 16]; 8],
}

impl Table64 {
    /// The table with these entries.
    pub fn new(numbers: [i16; 64]) -> Self {
        let mut bytes = [[0; 16]; 8];
        for (k, number) in numbers.iter().enumerate() {
            let [low, high] = number.to_le_bytes();
            bytes[k / 16][k % 16] = low;
            bytes[4 + k / 16][k % 16] = high;
        }
        Table64 { numbers, bytes }
    }
    /// The entries.
    pub fn numbers(&self) -> &[i16; 64] {
        &self.numbers
    }
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
    fn add_where(sums: [Self; 2], set: u64, o: Self) -> [Self; 2] {
        let mut sums = sums;
        let o = to(o);
        for (half, sums) in sums.iter_mut().enumerate() {
            let mut a = to(*sums);
            for k in 0..32 {
                a[k] = a[k].wrapping_add(o[k] & ((set >> (32 * half + k) & 1) as i16).wrapping_neg());
            }
            *sums = from(a);
        }
        sums
    }
    #[inline(always)]
    fn in_order(sums: [Self; 2]) -> [Self; 2] {
        sums
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
    fn look_up(self, table: &Table64) -> Self {
        zip(self, self, |a, _| table.numbers[usize::from(a as u16 & 63)])
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
        Numbers16, Table64,
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

    // Functions, not closures: one that is called twice need not become part of the function that has the instructions.

    /// The sums of register `G`, with `o` where the bit is set.
    #[inline(always)]
    fn add_where<const G: i32>(sums: __m256i, set: u64, o: __m256i) -> __m256i {
        // SAFETY: called by `Avx2` alone.
        unsafe {
            let bits = _mm256_setr_epi64x(
                0x0001_0001_0001_0001 << G,
                0x0010_0010_0010_0010 << G,
                0x0100_0100_0100_0100 << G,
                0x1000_1000_1000_1000 << G,
            );
            let set = _mm256_and_si256(_mm256_set1_epi64x(set as i64), bits);
            _mm256_add_epi16(sums, _mm256_and_si256(_mm256_cmpeq_epi16(set, bits), o))
        }
    }

    /// Bytes at indices below 64, out of four times sixteen.
    #[inline(always)]
    fn bytes(table: &[[u8; 16]; 8], first: usize, index: __m256i) -> __m256i {
        // SAFETY: called by `Avx2` alone.
        unsafe {
            let (a, b) = (sixteen::<0>(&table[first], index), sixteen::<1>(&table[first + 1], index));
            let (c, d) = (sixteen::<2>(&table[first + 2], index), sixteen::<3>(&table[first + 3], index));
            _mm256_or_si256(_mm256_or_si256(a, b), _mm256_or_si256(c, d))
        }
    }

    /// Bytes at the indices from 16 `K` on, and 0 at others.
    #[inline(always)]
    fn sixteen<const K: i32>(table: &[u8; 16], index: __m256i) -> __m256i {
        // SAFETY: called by `Avx2` alone; the load is of the sixteen bytes.
        unsafe {
            let table = _mm256_broadcastsi128_si256(_mm_loadu_si128(table.as_ptr().cast()));
            let near = _mm256_xor_si256(index, _mm256_set1_epi8(16 * K as i8));
            _mm256_shuffle_epi8(table, _mm256_add_epi8(near, _mm256_set1_epi8(0x70)))
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
        // Number 4 q + r of register g is the sum of bit 16 r + 4 q + g: the 64 bits, broadcast, then have the word that holds
        // the bit where it is tested, and in the end pairs, fours and eights of numbers interleave.
        #[inline(always)]
        fn add_where(sums: [Self; 2], set: u64, o: Self) -> [Self; 2] {
            let [Avx2(a, b), Avx2(c, d)] = sums;
            [
                Avx2(add_where::<0>(a, set, o.0), add_where::<1>(b, set, o.0)),
                Avx2(add_where::<2>(c, set, o.0), add_where::<3>(d, set, o.0)),
            ]
        }
        #[inline(always)]
        fn in_order(sums: [Self; 2]) -> [Self; 2] {
            let [Avx2(a, b), Avx2(c, d)] = sums;
            // SAFETY: the type is used only where AVX2 is. Interleaving works on 128-bit halves, as is wanted here.
            unsafe {
                let (ab, ab_high) = (_mm256_unpacklo_epi16(a, b), _mm256_unpackhi_epi16(a, b));
                let (cd, cd_high) = (_mm256_unpacklo_epi16(c, d), _mm256_unpackhi_epi16(c, d));
                let even = [_mm256_unpacklo_epi32(ab, cd), _mm256_unpackhi_epi32(ab, cd)];
                let odd = [_mm256_unpacklo_epi32(ab_high, cd_high), _mm256_unpackhi_epi32(ab_high, cd_high)];
                [
                    Avx2(_mm256_unpacklo_epi64(even[0], odd[0]), _mm256_unpackhi_epi64(even[0], odd[0])),
                    Avx2(_mm256_unpacklo_epi64(even[1], odd[1]), _mm256_unpackhi_epi64(even[1], odd[1])),
                ]
            }
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
        fn look_up(self, table: &Table64) -> Self {
            // Bytes are looked up in sixteen others, and are 0 where the index has its highest bit: so four times for 64, with
            // indices below 16 only where they are meant. Indices are packed to bytes, and low and high bytes interleaved again.
            // SAFETY: the type is used only where AVX2 is; the loads are of 16 bytes each.
            unsafe {
                let six = _mm256_set1_epi16(63);
                let index = _mm256_packus_epi16(_mm256_and_si256(self.0, six), _mm256_and_si256(self.1, six));
                let (low, high) = (bytes(&table.bytes, 0, index), bytes(&table.bytes, 4, index));
                Avx2(_mm256_unpacklo_epi8(low, high), _mm256_unpackhi_epi8(low, high))
            }
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
        fn add_where(sums: [Self; 2], set: u64, o: Self) -> [Self; 2] {
            let half = |x: Self, set: u32| whole!(_mm512_mask_add_epi16(x.0, set, x.0, o.0));
            [half(sums[0], set as u32), half(sums[1], (set >> 32) as u32)]
        }
        #[inline(always)]
        fn in_order(sums: [Self; 2]) -> [Self; 2] {
            sums
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
        fn look_up(self, table: &Table64) -> Self {
            let p = table.numbers.as_ptr().cast::<i32>();
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
