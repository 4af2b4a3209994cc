//! Tests of the parent module.

use super::*;
use proptest::prelude::*;

const X: [f64; 10] = [2.0, -1.0, 3.0, 5.0, 0.5, 7.0, 4.0, -2.0, 1.0, 6.0];

fn close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (i, (f, e)) in found.iter().zip(expected).enumerate() {
        assert!((f - e).abs() < tolerance, "{i}: {f} {e}");
    }
}

#[test]
fn savitzky_golay_weights() {
    let weights = |w, p, d, s| SmoothingKernel::savitzky_golay(w, p, d, s).unwrap().weights().to_vec();
    // Closed forms: Savitzky and Golay's tables
    close(&weights(5, 2, 0, 1.0), &[-3.0, 12.0, 17.0, 12.0, -3.0].map(|v| v / 35.0), 1e-15);
    close(&weights(5, 4, 1, 1.0), &[-1.0, 8.0, 0.0, -8.0, 1.0].map(|v| v / 12.0), 1e-15);
    close(&weights(1, 0, 0, 1.0), &[1.0], 0.0 + 1e-16);
    // scipy 1.17.1, savgol_coeffs(7, 3, deriv=1, delta=0.5)
    close(
        &weights(7, 3, 1, 0.5),
        &[
            -0.17460317460317445,
            0.5317460317460315,
            0.4603174603174604,
            0.0,
            -0.46031746031746046,
            -0.5317460317460317,
            0.17460317460317465,
        ],
        1e-14,
    );
    // savgol_coeffs(9, 4, deriv=2)
    close(
        &weights(9, 4, 2, 1.0),
        &[
            -0.07342657342657533,
            0.2162004662004659,
            0.08799533799533761,
            -0.12296037296037296,
            -0.2156177156177159,
            -0.12296037296037307,
            0.08799533799533796,
            0.21620046620046557,
            -0.07342657342657528,
        ],
        1e-14,
    );
    // savgol_coeffs(11, 5, deriv=3, delta=2)
    close(
        &weights(11, 5, 3, 2.0),
        &[
            -0.007047639860139875,
            0.021962412587412633,
            0.0006009615384614667,
            -0.018575174825174803,
            -0.017263986013985985,
            0.0,
            0.01726398601398601,
            0.018575174825174807,
            -0.0006009615384615389,
            -0.021962412587412588,
            0.007047639860139866,
        ],
        1e-14,
    );
    assert!(weights(5, 2, 3, 1.0).iter().all(|w| *w == 0.0));
}

#[test]
fn high_orders_in_long_windows_are_exact() {
    // An interpolation gives back the sample.
    let weights = SmoothingKernel::savitzky_golay(101, 100, 0, 1.0).unwrap().weights().to_vec();
    for (j, w) in (-50..=50).zip(&weights) {
        assert!((w - if j == 0 { 1.0 } else { 0.0 }).abs() < 1e-14, "{j}: {w}");
    }
    // (window, order, derivative, sample where the fit is taken, largest |weight|, weights of some samples), samples
    // counted from the centre: the same sums in rational arithmetic (Python's fractions), rounded at the end.
    type Case = (i64, usize, usize, i64, f64, &'static [(i64, f64)]);
    let cases: [Case; 7] = [
        (
            101,
            99,
            1,
            0,
            0.9803921568627451,
            &[(1, 0.9803921568627451), (7, 0.05397112120635691), (50, -1.982330604283668e-31)],
        ),
        (
            101,
            60,
            3,
            50,
            158863656.9951763,
            &[(50, 54.497650734066944), (0, 37874931.524903566), (-31, 33043537.45802749)],
        ),
        (
            101,
            100,
            2,
            0,
            3.2502654672430586,
            &[(0, -3.2502654672430586), (1, 1.9607843137254901), (50, -7.929322417134671e-33)],
        ),
        (101, 90, 0, 48, 1.0, &[(48, 1.0), (50, -4.387908026148317e-41), (0, -1.442281064169151e-20)]),
        (
            301,
            150,
            150,
            0,
            1.2575077324603841e-18,
            &[(0, -5.552780005146334e-19), (75, -3.42369001426022e-19), (150, 6.312649434062673e-35)],
        ),
        (
            51,
            50,
            25,
            0,
            676507086.8984615,
            &[(1, 324424542.77233684), (12, -5699714.080300442), (25, 1.1778378017275988e-05)],
        ),
        (
            201,
            120,
            7,
            -100,
            1.1707873084726505e+19,
            &[(-100, -18035.33011762764), (-60, 4.5579587579986534e+18), (100, -297.29241647529454)],
        ),
    ];
    for (window, order, derivative, at, largest, expected) in cases {
        let fit = LocalFit { half: window / 2, order, derivative, spacing: 1.0 };
        let weights = fit.weights_at(at).unwrap();
        for (j, e) in expected {
            let w = weights[(j + window / 2) as usize];
            assert!((w - e).abs() < 2e-14 * largest, "{window} {order} {derivative} {at} {j}: {w} {e}");
        }
    }
    // 150! / 150^150 and the like leave the range of f64, the weights do not; and where they do, it is said.
    assert!(SmoothingKernel::savitzky_golay(301, 150, 150, 1.0).unwrap().weights()[150].abs() > 1e-30);
    for spacing in [1e10, 1e-10] {
        let text = SmoothingKernel::savitzky_golay(301, 150, 150, spacing).unwrap_err().to_string();
        assert!(text.contains("derivative 150 at order 150"), "{text}");
    }
}

#[test]
fn savitzky_golay_filter_as_scipy() {
    let kernel = SmoothingKernel::savitzky_golay(5, 2, 0, 1.0).unwrap();
    let middle = [
        2.614285714285713,
        3.114285714285712,
        3.757142857142854,
        4.685714285714283,
        3.528571428571427,
        -0.37142857142857366,
    ];
    // scipy.signal.savgol_filter(X, 5, 2, mode=..., cval=1.5): the two values at either end
    for (edge, [a, b, y, z]) in [
        (Edge::Mirror, [-0.2285714285714292, 0.8857142857142846, 1.428571428571427, 3.9428571428571426]),
        (Edge::Nearest, [0.8857142857142848, 0.628571428571427, 0.999999999999998, 4.97142857142857]),
        (
            Edge::Constant(1.5),
            [0.7571428571428563, 0.6714285714285699, 1.3857142857142843, 3.814285714285713],
        ),
        (Edge::Wrap, [2.3428571428571416, 0.2857142857142836, 1.3428571428571414, 4.199999999999999]),
        (Edge::Interp, [0.585714285714283, 1.9571428571428564, 0.9142857142857084, 5.771428571428568]),
    ] {
        let expected: Vec<f64> = [a, b].into_iter().chain(middle).chain([y, z]).collect();
        close(&smooth(&X, &kernel, edge).unwrap(), &expected, 1e-13);
    }
    // savgol_filter(X, 7, 3, deriv=1, delta=0.5, mode="interp")
    let slope = SmoothingKernel::savitzky_golay(7, 3, 1, 0.5).unwrap();
    close(
        &smooth(&X, &slope, Edge::Interp).unwrap(),
        &[
            -2.4246031746031513,
            0.468253968253979,
            2.194444444444446,
            2.753968253968254,
            1.6269841269841274,
            -1.761904761904761,
            -4.051587301587302,
            -1.3253968253968145,
            4.567460317460327,
            13.62698412698413,
        ],
        1e-12,
    );
}

#[test]
fn gaussian_filter_as_scipy() {
    let kernel = SmoothingKernel::gaussian(1.3, 3.0).unwrap();
    assert_eq!(kernel.half_width(), 4);
    // scipy.ndimage.gaussian_filter1d(X, 1.3, mode=..., cval=1.5, truncate=3.0)
    for (edge, expected) in [
        (
            Edge::Reflect,
            [
                1.2165671510494322,
                1.5092382499449541,
                2.27036091875648,
                3.026864107074969,
                3.495919956541554,
                3.5578698605772425,
                2.770752119153346,
                1.9054165382599595,
                2.3278818849502487,
                3.4191292136918143,
            ],
        ),
        (
            Edge::Mirror,
            [
                0.9381712835924829,
                1.3182670783594073,
                2.216912500639411,
                3.0187652060307757,
                3.495919956541554,
                3.5578698605772425,
                2.7572539507463576,
                1.7902393824779996,
                1.8097776629650486,
                2.1318175197319262,
            ],
        ),
        (
            Edge::Nearest,
            [
                1.4690856417962415,
                1.5707855691062165,
                2.2784598198006734,
                3.026864107074969,
                3.495919956541554,
                3.5578698605772425,
                2.770752119153346,
                1.918914706666948,
                2.456557209139197,
                4.0659087598659625,
            ],
        ),
        (
            Edge::Constant(1.5),
            [
                1.2958353465635888,
                1.5117224196686483,
                2.2664021774861975,
                3.0255142902342707,
                3.495919956541554,
                3.5578698605772425,
                2.758603767587056,
                1.8103959258366682,
                1.9249888642010835,
                2.5066561027720886,
            ],
        ),
        (
            Edge::Wrap,
            [
                2.208308457483315,
                1.9146154404178137,
                2.361422789909489,
                3.0376626418005603,
                3.495919956541554,
                3.5578698605772425,
                2.7599535844277554,
                1.8143546671069506,
                1.9225046944773894,
                2.427387907257932,
            ],
        ),
    ] {
        close(&smooth(&X, &kernel, edge).unwrap(), &expected, 1e-14);
    }
    // Three samples under a kernel of eleven (truncate = 4): extended several times over.
    let wide = SmoothingKernel::gaussian(1.3, 4.0).unwrap();
    for (edge, expected) in [
        (Edge::Reflect, [1.1640370266549482, 1.2760555662053847, 1.5599074071396672]),
        (Edge::Mirror, [0.6886463571566839, 0.7491890277140196, 0.8129755874152769]),
        (Edge::Wrap, [1.3496984096556044, 1.2760555662053847, 1.3742460241390109]),
    ] {
        close(&smooth(&X[..3], &wide, edge).unwrap(), &expected, 1e-14);
    }
}

/// Gaussian * Gaussian is a Gaussian with the sum of the variances (up to the lattice, tiny for σ >= 2).
#[test]
fn gaussians_add_their_variances() {
    let narrow = |sigma: f64| SmoothingKernel::gaussian(sigma, 9.0).unwrap().weights().to_vec();
    let both = convolve(&narrow(3.0), &narrow(4.0), Mode::Full).unwrap();
    let direct = narrow(5.0);
    let offset = (both.len() - direct.len()) / 2;
    close(&both[offset..offset + direct.len()], &direct, 1e-14);
}

#[test]
fn delta_gives_back_the_kernel() {
    let kernel = SmoothingKernel::custom(vec![1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
    let mut delta = [0.0; 9];
    delta[4] = 1.0;
    close(
        &smooth(&delta, &kernel, Edge::Constant(0.0)).unwrap(),
        &[0.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 0.0, 0.0],
        1e-15,
    );
}

#[test]
fn variances_count_reflected_samples_once() {
    let kernel = SmoothingKernel::custom(vec![0.25, 0.5, 0.25]).unwrap();
    let v = smooth_variances(&[4.0, 1.0, 1.0], &kernel, Edge::Reflect).unwrap();
    // first value: 0.75 x0 + 0.25 x1
    close(&v, &[0.5625 * 4.0 + 0.0625, 0.0625 * 4.0 + 0.25 + 0.0625, 0.0625 + 0.5625], 1e-15);
    let v = smooth_variances(&[4.0, 1.0, 1.0], &kernel, Edge::Constant(9.0)).unwrap();
    close(&v, &[0.25 * 4.0 + 0.0625, 0.25 + 0.25 + 0.0625, 0.0625 + 0.25], 1e-15);
    let e = |value: f64, raw: f64| Estimate::with_dof(value, raw, 19.0, 20.0, Source::Independent);
    let s = smooth_estimates(&[e(1.0, 2.0), e(2.0, 1.0), e(3.0, 1.0)], &kernel, Edge::Reflect).unwrap();
    assert!((s[0].value - 1.25).abs() < 1e-15 && (s[0].raw_error().powi(2) - 2.3125).abs() < 1e-14);
    // Welch-Satterthwaite: 2.3125² / ((2.25² + 0.0625²)/19)
    assert!((s[0].dof - 2.3125f64.powi(2) * 19.0 / (2.25f64.powi(2) + 0.0625f64.powi(2))).abs() < 1e-10);
    assert_eq!(s[0].source, Source::Independent);
}

#[test]
fn bad_input_is_refused() {
    assert!(SmoothingKernel::gaussian(0.0, 4.0).is_err());
    assert!(SmoothingKernel::gaussian(f64::NAN, 4.0).is_err());
    assert!(SmoothingKernel::gaussian(1e30, 4.0).is_err());
    assert!(SmoothingKernel::savitzky_golay(4, 2, 0, 1.0).is_err());
    assert!(SmoothingKernel::savitzky_golay(5, 5, 0, 1.0).is_err());
    assert!(SmoothingKernel::savitzky_golay(5, 2, 0, 0.0).is_err());
    assert!(SmoothingKernel::custom(vec![]).is_err());
    assert!(SmoothingKernel::custom(vec![f64::NAN]).is_err());
    let gauss = SmoothingKernel::gaussian(1.0, 4.0).unwrap();
    assert!(smooth(&X, &gauss, Edge::Interp).is_err());
    assert!(smooth(&[], &gauss, Edge::Reflect).is_err());
    assert!(smooth(&[1.0, f64::NAN], &gauss, Edge::Reflect).unwrap_err().to_string().contains("signal[1]"));
    assert!(smooth(&X, &gauss, Edge::Constant(f64::NAN)).is_err());
    let fit = SmoothingKernel::savitzky_golay(5, 2, 0, 1.0).unwrap();
    assert!(smooth(&X[..4], &fit, Edge::Interp).is_err());
    assert!(smooth_variances(&[1.0, -1.0], &gauss, Edge::Reflect).is_err());
}

proptest! {
    /// A fit of order p reproduces polynomials of degree p, ends included, and their derivatives.
    #[test]
    fn polynomials_pass_unchanged(
        c in prop::collection::vec(-1.0..1.0f64, 5), half in 3usize..12, derivative in 0usize..3, n in 25usize..60,
    ) {
        let spacing = 0.05;
        let kernel = SmoothingKernel::savitzky_golay(2 * half + 1, 4, derivative, spacing).unwrap();
        let polynomial = |x: f64, d: usize| -> f64 {
            (d..5).map(|k| c[k] * ((k - d + 1)..=k).map(|v| v as f64).product::<f64>() * x.powi((k - d) as i32)).sum()
        };
        let x: Vec<f64> = (0..n).map(|i| spacing * i as f64 - 1.0).collect();
        let signal: Vec<f64> = x.iter().map(|x| polynomial(*x, 0)).collect();
        let smoothed = smooth(&signal, &kernel, Edge::Interp).unwrap();
        for i in 0..n {
            prop_assert!((smoothed[i] - polynomial(x[i], derivative)).abs() < 1e-8, "{} {}", i, derivative);
        }
    }

    #[test]
    fn a_constant_stays(n in 1usize..50, sigma in 0.3..6.0f64, value in -5.0..5.0f64) {
        let kernel = SmoothingKernel::gaussian(sigma, 4.0).unwrap();
        for edge in [Edge::Reflect, Edge::Mirror, Edge::Nearest, Edge::Wrap, Edge::Constant(value)] {
            for v in smooth(&vec![value; n], &kernel, edge).unwrap() {
                prop_assert!((v - value).abs() < 1e-13);
            }
        }
    }
}
