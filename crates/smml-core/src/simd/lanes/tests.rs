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

crate::lanes_paths! {
    fn every_real_operation<W: Lanes>(a: &[f32; 16], b: &[f32; 16], set: u16, out: &mut Vec<u32>) {
        let (x, y) = (W::load_f32(a), W::load_f32(b));
        let all = [
            x.add_f32(y), x.sub_f32(y), x.mul_f32(y), x.only(set), x.i32_to_f32(), x.shift_right_32::<23>(),
            W::splat_f32(a[3]), x.mul_f32(y).add_f32(x), x.div_f32(y), x.min_f32(y), x.max_f32(y),
            x.shift_left_32::<9>(),
        ];
        for w in all {
            let mut numbers = [0.0; 16];
            w.store_f32(&mut numbers);
            out.extend(numbers.map(f32::to_bits));
        }
        out.extend([u32::from(x.at_most_f32(y)), x.sum_f32().to_bits()]);
        let mut words = [0; 8];
        x.store(&mut words);
        out.extend(words.iter().flat_map(|w| [*w as u32, (*w >> 32) as u32]));
    }
}

#[test]
fn real_operations_are_those_of_f32_on_every_path() {
    let mut rng = Streams::new(3).stream("lanes", 1);
    for round in 0..200 {
        let mut number = |k: usize| match (round + k) % 7 {
            0 => f32::from_bits(crate::rng::Draw::word(&mut rng) as u32),
            1 => [f32::NAN, f32::INFINITY, -0.0, 0.0, 1e-40][k % 5],
            _ => crate::rng::Draw::normal(&mut rng) as f32,
        };
        let (a, b): ([f32; 16], [f32; 16]) =
            (std::array::from_fn(&mut number), std::array::from_fn(&mut number));
        let set = crate::rng::Draw::word(&mut rng) as u16;
        let mut want: Vec<f32> = Vec::new();
        want.extend((0..16).map(|k| a[k] + b[k]));
        want.extend((0..16).map(|k| a[k] - b[k]));
        want.extend((0..16).map(|k| a[k] * b[k]));
        want.extend((0..16).map(|k| if set >> k & 1 == 1 { a[k] } else { 0.0 }));
        want.extend((0..16).map(|k| a[k].to_bits() as i32 as f32));
        want.extend((0..16).map(|k| f32::from_bits(a[k].to_bits() >> 23)));
        want.extend([a[3]; 16]);
        want.extend((0..16).map(|k| a[k] * b[k] + a[k]));
        want.extend((0..16).map(|k| a[k] / b[k]));
        want.extend((0..16).map(|k| if a[k] < b[k] { a[k] } else { b[k] }));
        want.extend((0..16).map(|k| if a[k] > b[k] { a[k] } else { b[k] }));
        want.extend((0..16).map(|k| f32::from_bits(a[k].to_bits() << 9)));
        let less = (0..16).map(|k| u32::from(a[k] <= b[k]) << k).sum::<u32>();
        for path in Path::available() {
            let mut out = Vec::new();
            with_path(path, || every_real_operation(&a, &b, set, &mut out));
            for (k, (found, want)) in out.iter().zip(&want).enumerate() {
                // Which NaN an operation gives is not the same everywhere, and no kernel looks.
                let same = *found == want.to_bits() || (f32::from_bits(*found).is_nan() && want.is_nan());
                assert!(same, "{path:?}: {k}: {found:x} instead of {want}");
            }
            assert_eq!(out[192], less, "{path:?}");
            let eight: [f32; 8] = std::array::from_fn(|k| a[k] + a[k + 8]);
            let four: [f32; 4] = std::array::from_fn(|k| eight[k] + eight[k + 4]);
            let sum = (four[0] + four[2]) + (four[1] + four[3]);
            let found = f32::from_bits(out[193]);
            assert!(
                found.to_bits() == sum.to_bits() || (found.is_nan() && sum.is_nan()),
                "{path:?}: {found} {sum}"
            );
            assert_eq!(out[194..], a.map(f32::to_bits));
        }
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

crate::lanes_paths! {
    fn every_operation_of_16_bits<W: Lanes>(
        a: &[i16; 32], b: &[i16; 32], table: &Table64, set: u64, out: &mut Vec<i16>, sets: &mut Vec<u32>
    ) {
        let (x, y) = (W::load_i16(a), W::load_i16(b));
        let all = [
            W::splat_i16(a[3]), x.add_i16(y), x.min_u16(y),
            x.mul_i16(y), x.mul_round_i16(y), x.abs_i16(), x.shift_left_16::<7>(),
            x.shift_right_u16::<9>(), x.look_up(table),
        ];
        for w in all {
            let mut numbers = [0; 32];
            w.store_i16(&mut numbers);
            out.extend(numbers);
        }
        // The sums of two additions, each where its set says.
        let sums = W::add_where([W::splat_i16(a[0]); 2], set, W::splat_i16(b[0]));
        for sums in W::in_order(W::add_where(sums, set.rotate_left(29) ^ 5, W::splat_i16(b[1]))) {
            let mut numbers = [0; 32];
            sums.store_i16(&mut numbers);
            out.extend(numbers);
        }
        sets.extend([x.at_most_u16(y), x.negative_i16()]);
    }
}

#[test]
fn operations_of_16_bits_are_those_of_integers_on_every_path() {
    let mut rng = Streams::new(4).stream("lanes", 2);
    for round in 0..300 {
        let mut number = |k: usize| match (round + k) % 5 {
            0 => [0, 1, -1, i16::MAX, i16::MIN][(round / 5 + k / 5) % 5],
            _ => crate::rng::Draw::word(&mut rng) as i16,
        };
        let (a, mut b): ([i16; 32], [i16; 32]) =
            (std::array::from_fn(&mut number), std::array::from_fn(&mut number));
        b[round % 32] = a[round % 32]; // equal numbers too
        let table: [i16; 64] = std::array::from_fn(&mut number);
        let set = crate::rng::Draw::word(&mut rng);
        let wide = |x: i16| i64::from(x);
        let unsigned = |x: i16| i64::from(x as u16);
        let sum = |k: usize| {
            let where_set = |set: u64, x: i16| if set >> k & 1 == 1 { wide(x) } else { 0 };
            wide(a[0]) + where_set(set, b[0]) + where_set(set.rotate_left(29) ^ 5, b[1])
        };
        let operations: [&dyn Fn(usize) -> i64; 11] = [
            &|_| wide(a[3]),
            &|k| wide(a[k]) + wide(b[k]),
            &|k| unsigned(a[k]).min(unsigned(b[k])),
            &|k| wide(a[k]) * wide(b[k]),
            &|k| (wide(a[k]) * wide(b[k]) + (1 << 14)).div_euclid(1 << 15),
            &|k| wide(a[k]).abs(),
            &|k| wide(a[k]) * 128,
            &|k| unsigned(a[k]) / 512,
            &|k| wide(table[(unsigned(a[k]) % 64) as usize]),
            &sum,
            &|k| sum(32 + k),
        ];
        let want: Vec<i16> =
            operations.iter().flat_map(|f| (0..32).map(|k| f(k).rem_euclid(1 << 16) as u16 as i16)).collect();
        let set_of = |f: &dyn Fn(usize) -> bool| (0..32).map(|k| u32::from(f(k)) << k).sum::<u32>();
        let want_sets = [set_of(&|k| unsigned(a[k]) <= unsigned(b[k])), set_of(&|k| a[k] < 0)];
        for path in Path::available() {
            let (mut out, mut sets) = (Vec::new(), Vec::new());
            with_path(path, || {
                every_operation_of_16_bits(&a, &b, &Table64::new(table), set, &mut out, &mut sets)
            });
            for (k, (found, want)) in out.iter().zip(&want).enumerate() {
                assert_eq!(found, want, "{path:?}: operation {}, number {}", k / 32, k % 32);
            }
            assert_eq!(sets, want_sets, "{path:?}");
        }
    }
}

crate::lanes_paths! {
    fn tangent<W: Lanes>(x: &[f32; 16], out: &mut [f32; 16]) {
        tanh(W::load_f32(x)).store_f32(out);
    }
}

#[test]
fn tanh_is_within_its_error_and_the_same_on_every_path() {
    let mut worst = 0.0f64;
    for k in -20_000..20_000 {
        let x: [f32; 16] = std::array::from_fn(|c| (k as f32 + c as f32 / 16.0) * 1e-3);
        let mut first = [0.0; 16];
        with_path(Path::Portable, || tangent(&x, &mut first));
        for (x, found) in x.iter().zip(&first) {
            worst = worst.max((f64::from(*x).tanh() - f64::from(*found)).abs());
            assert!(found.abs() <= 1.0);
        }
        for path in Path::available() {
            let mut out = [0.0; 16];
            with_path(path, || tangent(&x, &mut out));
            assert_eq!(out.map(f32::to_bits), first.map(f32::to_bits), "{path:?}");
        }
    }
    assert!(worst < 4e-7 && worst > 2e-8, "{worst}");
    let mut out = [0.0; 16];
    tangent(&[1e30; 16], &mut out);
    assert_eq!(out, [1.0; 16]);
}
