use super::*;
use crate::{
    rng::{Draw, Streams},
    simd::{self, Path},
};
use proptest::prelude::*;

fn noise(n: usize, index: u64) -> Vec<f64> {
    let mut rng = Streams::new(7).stream("convolve test", index);
    (0..n).map(|_| rng.normal()).collect()
}

/// The definition, in another form than the product code: each product is added where it belongs.
fn schoolbook(a: &[f64], b: &[f64]) -> Vec<f64> {
    let mut c = vec![0.0; a.len() + b.len() - 1];
    for (i, a) in a.iter().enumerate() {
        for (j, b) in b.iter().enumerate() {
            c[i + j] += a * b;
        }
    }
    c
}

fn norm(x: &[f64]) -> f64 {
    x.iter().map(|v| v * v).sum::<f64>().sqrt()
}

/// Largest error over ‖a‖₂ ‖b‖₂, the scale of the FFT's rounding errors.
fn relative_error(found: &[f64], expected: &[f64], a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let worst = found.iter().zip(expected).map(|(f, e)| (f - e).abs()).fold(0.0, f64::max);
    worst / (norm(a) * norm(b)).max(f64::MIN_POSITIVE)
}

fn part(full: &[f64], n: usize, m: usize, mode: Mode) -> &[f64] {
    let (start, len) = mode.range(n, m);
    &full[start..start + len]
}

const METHODS: [Method; 4] = [Method::Auto, Method::Direct, Method::Fft, Method::OverlapSave];
const MODES: [Mode; 3] = [Mode::Full, Mode::Same, Mode::Valid];

#[test]
fn modes_as_scipy() {
    // scipy.signal.convolve([1, 2, 3, 4, 5], [1, -1, 2, 0.5], mode) and with the arguments exchanged (scipy 1.x)
    let (a, b) = ([1.0, 2.0, 3.0, 4.0, 5.0], [1.0, -1.0, 2.0, 0.5]);
    for method in METHODS {
        let run = |a: &[f64], b: &[f64], mode| -> Vec<f64> {
            convolve_with(a, b, mode, method).unwrap().iter().map(|v| (v * 1e6).round() / 1e6).collect()
        };
        assert_eq!(run(&a, &b, Mode::Full), [1.0, 1.0, 3.0, 5.5, 8.0, 4.5, 12.0, 2.5]);
        assert_eq!(run(&a, &b, Mode::Same), [1.0, 3.0, 5.5, 8.0, 4.5]);
        assert_eq!(run(&b, &a, Mode::Same), [3.0, 5.5, 8.0, 4.5]);
        assert_eq!(run(&a, &b, Mode::Valid), [5.5, 8.0]);
        assert_eq!(run(&b, &a, Mode::Valid), [5.5, 8.0]);
    }
}

#[test]
fn all_methods_agree_at_every_size() {
    let sizes = [1, 2, 3, 7, 31, 32, 33, 64, 100, 257, 1000, 2500];
    for (i, &n) in sizes.iter().enumerate() {
        for (j, &m) in sizes.iter().enumerate() {
            let (a, b) = (noise(n, i as u64), noise(m, 100 + j as u64));
            let full = schoolbook(&a, &b);
            for mode in MODES {
                for method in METHODS {
                    let c = convolve_with(&a, &b, mode, method).unwrap();
                    let error = relative_error(&c, part(&full, n, m, mode), &a, &b);
                    assert!(
                        error < 5e-16 * (1.0 + (n as f64).log2()),
                        "{n} {m} {mode:?} {method:?}: {error}"
                    );
                }
            }
        }
    }
}

/// Long enough for every depth of splitting, blocks that end anywhere.
#[test]
fn long_signals_have_small_errors() {
    for (n, m) in [(30_000, 40), (70_001, 999), (200_003, 5_000), (40_000, 20_011)] {
        let (a, b) = (noise(n, 1), noise(m, 2));
        let full = convolve_with(&a, &b, Mode::Full, Method::Direct).unwrap();
        for method in [Method::Fft, Method::OverlapSave] {
            let c = convolve_with(&a, &b, Mode::Full, method).unwrap();
            let error = relative_error(&c, &full, &a, &b);
            assert!(error < 1e-16 * (n as f64).log2(), "{n} {m} {method:?}: {error}");
        }
    }
}

/// The blocks themselves, forced to all depths, on all paths.
#[test]
fn split_blocks_of_every_depth() {
    use split_fft::{SplitFft, Workspace};
    for (leaf, depth) in [(60, 0), (60, 1), (7, 2), (5, 3), (1, 4), (16, 3)] {
        let plan = SplitFft::new(leaf, depth);
        let n = plan.len();
        let (re, im, h) = (noise(n, 1), noise(n, 2), noise(n / 3 + 1, 3));
        let cyclic = |x: &[f64]| -> Vec<f64> {
            let full = convolve_with(x, &h, Mode::Full, Method::Direct).unwrap();
            (0..n).map(|i| full[i] + full.get(i + n).copied().unwrap_or(0.0)).collect()
        };
        for path in Path::available() {
            simd::with_path(path, || {
                let (mut work, mut spectrum) = (Workspace::default(), Vec::new());
                plan.prepare(&mut work);
                plan.spectrum(&h, &mut work, &mut spectrum);
                work.re.copy_from_slice(&re);
                work.im.copy_from_slice(&im);
                plan.convolve(&spectrum, &mut work);
                let tolerance = 1e-15 * (1.0 + (n as f64).log2());
                assert!(relative_error(&work.re, &cyclic(&re), &re, &h) < tolerance, "{leaf} {depth}");
                assert!(relative_error(&work.im, &cyclic(&im), &im, &h) < tolerance, "{leaf} {depth}");
            });
        }
    }
}

#[test]
fn a_value_that_is_not_finite_is_named() {
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for (n, m, at) in
            [(5, 3, 4), (50_000, 300, 0), (50_000, 300, 49_999), (50_000, 300, 23_456), (3000, 3000, 17)]
        {
            for method in METHODS {
                let (mut a, b) = (noise(n, 1), noise(m, 2));
                a[at] = bad;
                for mode in MODES {
                    let message = convolve_with(&a, &b, mode, method).unwrap_err().to_string();
                    assert!(message.contains(&format!("a[{at}]")), "{message}");
                    let message = convolve_with(&b, &a, mode, method).unwrap_err().to_string();
                    assert!(message.contains(&format!("b[{at}]")), "{message}");
                }
            }
        }
    }
    for method in METHODS {
        assert!(convolve_with(&[], &[1.0], Mode::Full, method).is_err());
        assert!(convolve_with(&[1.0], &[], Mode::Full, method).is_err());
    }
    assert!(Convolver::new(&[], 10).is_err());
    assert!(Convolver::new(&[f64::NAN], 10).is_err());
    assert!(Convolver::new(&[1.0; 500], 100_000).unwrap().convolve(&[], Mode::Full).is_err());
}

#[test]
fn huge_values_do_not_overflow_on_the_way() {
    let (n, m) = (3000, 500);
    let (a, b) = (noise(n, 1), noise(m, 2));
    let full = schoolbook(&a, &b);
    for (x, y) in [(2f64.powi(1021), 2f64.powi(-900)), (2f64.powi(-950), 2f64.powi(1020))] {
        let big: Vec<f64> = a.iter().map(|v| v * x / 4.0).collect();
        let small: Vec<f64> = b.iter().map(|v| v * y / 4.0).collect();
        let expected: Vec<f64> = full.iter().map(|v| v * ((x / 16.0) * y)).collect();
        let scale = (x / 16.0) * y * norm(&a) * norm(&b);
        for method in METHODS {
            let c = convolve_with(&big, &small, Mode::Full, method).unwrap();
            let worst = c.iter().zip(&expected).map(|(c, e)| (c - e).abs()).fold(0.0, f64::max);
            assert!(worst < 1e-14 * scale, "{method:?} {}", worst / scale);
        }
    }
    // A true overflow is an infinity.
    let c = convolve_with(&[1e200; 300], &[1e200; 300], Mode::Full, Method::OverlapSave).unwrap();
    assert!(c.iter().all(|c| *c == f64::INFINITY));
}

#[test]
fn an_infinity_stands_only_where_the_output_overflows() {
    let inf = f64::INFINITY;
    for method in METHODS.into_iter().chain([Method::Auto]) {
        let run = |a: &[f64], b: &[f64]| convolve_with(a, b, Mode::Full, method).unwrap();
        assert_eq!(run(&[1e200, 1e200], &[1e200, -1e200]), [inf, 0.0, -inf], "{method:?}");
        // The same after a thousand values, in blocks: outputs that cancel, overflow and stay.
        let mut long = vec![0.0; 3000];
        (long[1000], long[1001], long[2900]) = (1e200, 1e200, 3.0);
        let mut kernel = vec![0.0; 200];
        (kernel[0], kernel[1]) = (1e200, -1e200);
        let out = run(&long, &kernel);
        assert_eq!(out[1000..1003], [inf, 0.0, -inf], "{method:?}");
        assert!(out[..1000].iter().chain(&out[1003..2900]).all(|c| *c == 0.0), "{method:?}");
        assert_eq!(out[2900..2902], [3e200, -3e200], "{method:?}");
        assert_eq!(run(&kernel, &long), out);
    }
    // A small product next to one that overflows keeps its digits.
    let out = convolve_with(&[1e200, 1e-200], &[1e200, 1e-200], Mode::Full, Method::Direct).unwrap();
    assert!(out[0] == inf && out[1] == 2.0 && out[2] == 0.0, "{out:?}");
    let mut convolver = Convolver::new(&[1e200, -1e200], 10).unwrap();
    assert_eq!(convolver.convolve(&[1e200, 1e200], Mode::Full).unwrap(), [inf, 0.0, -inf]);
}

#[test]
fn a_convolver_serves_signals_of_any_length() {
    for m in [1, 3, 50, 400, 3000] {
        let h = noise(m, 5);
        let mut convolver = Convolver::new(&h, 20_000).unwrap();
        let mut out = Vec::new();
        for n in [1, 2, 40, 399, 400, 401, 5000, 40_000] {
            let a = noise(n, n as u64);
            for mode in MODES {
                convolver.convolve_into(&a, mode, &mut out).unwrap();
                let expected = convolve_with(&a, &h, mode, Method::Direct).unwrap();
                assert!(relative_error(&out, &expected, &a, &h) < 2e-15, "{m} {n} {mode:?}");
            }
        }
    }
}

#[test]
fn the_choice_of_method_is_sensible() {
    assert_eq!(choose(1_000_000, 5, Mode::Full), Method::Direct);
    assert_eq!(choose(1_000_000, 10_000, Mode::Full), Method::OverlapSave);
    assert_eq!(choose(100_000, 100_000, Mode::Full), Method::Fft);
    assert_eq!(choose(20, 20, Mode::Full), Method::Direct);
    // Where timings with AVX2 and with AVX-512 agree on the quickest, by a tenth at least.
    for (n, m, method) in [
        (64, 64, Method::Direct),
        (800, 56, Method::Direct),
        (50_000, 28, Method::Direct),
        (50_000, 32, Method::Direct),
        (1_000_000, 24, Method::Direct),
        (50_000, 64, Method::OverlapSave),
        (4096, 100, Method::OverlapSave),
        (400, 200, Method::Fft),
        (1024, 512, Method::Fft),
        (2000, 1024, Method::Fft),
    ] {
        assert_eq!(choose(n, m, Mode::Full), method, "{n} {m}");
    }
    // Few outputs are quicker one by one.
    assert_eq!(choose(10_000, 10_000, Mode::Valid), Method::Direct);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn methods_modes_and_shapes_agree_with_the_definition(
        a in prop::collection::vec(-1e3..1e3f64, 1..400),
        b in prop::collection::vec(-1e3..1e3f64, 1..400),
    ) {
        let full = schoolbook(&a, &b);
        for mode in MODES {
            for method in METHODS {
                let c = convolve_with(&a, &b, mode, method).unwrap();
                prop_assert!(relative_error(&c, part(&full, a.len(), b.len(), mode), &a, &b) < 2e-15);
            }
        }
    }

    #[test]
    fn linear_and_commutative(
        a in prop::collection::vec(-1.0..1.0f64, 1..300),
        b in prop::collection::vec(-1.0..1.0f64, 1..300),
        s in -10.0..10.0f64,
    ) {
        let b2: Vec<f64> = b.iter().rev().copied().collect();
        let mixed: Vec<f64> = b.iter().zip(&b2).map(|(x, y)| x + s * y).collect();
        for method in METHODS {
            let run = |a: &[f64], b: &[f64]| convolve_with(a, b, Mode::Full, method).unwrap();
            prop_assert!(relative_error(&run(&a, &b), &run(&b, &a), &a, &b) < 2e-15);
            let sum: Vec<f64> = run(&a, &b).iter().zip(run(&a, &b2)).map(|(x, y)| x + s * y).collect();
            let scale: Vec<f64> = b.iter().map(|v| v * (1.0 + s.abs())).collect();
            prop_assert!(relative_error(&run(&a, &mixed), &sum, &a, &scale) < 4e-15);
        }
    }
}
