use super::{super::*, *};
use proptest::prelude::*;

/// x_n of the data set shared with pymbar: oscillators with centres c and springs k, "samples"
/// c + (4 frac(n φ) - 2) / sqrt(k), n counted from 1 through all states.
pub(super) fn data_set() -> (Vec<f64>, Vec<Vec<f64>>, [usize; 4]) {
    let n = [30, 20, 0, 25];
    let (c, k): ([f64; 4], [f64; 4]) = ([0.0, 0.7, 1.0, 1.6], [1.0, 1.5, 2.0, 3.0]);
    let mut x = Vec::new();
    for s in 0..4 {
        for _ in 0..n[s] {
            let t = 4.0 * ((x.len() + 1) as f64 * 0.6180339887498949).fract() - 2.0;
            x.push(c[s] + t / k[s].sqrt());
        }
    }
    let u = (0..4)
        .map(|s| x.iter().map(|x| 0.5 * k[s] * (x - c[s]).powi(2) + 0.3 * s as f64).collect())
        .collect();
    (x, u, n)
}

#[test]
fn agrees_with_pymbar() {
    // pymbar 4.0.3, other_estimators.bar and exp, on the data set above.
    let (_, u, _) = data_set();
    let difference = |a: usize, b: usize, from: usize, to: usize| -> Vec<f64> {
        (from..to).map(|n| u[a][n] - u[b][n]).collect()
    };
    let (forward, reverse) = (difference(1, 0, 0, 30), difference(0, 1, 30, 50));
    let b = bar(&forward, &reverse).unwrap();
    close(b.delta_f.value, 0.5341989534117859, 1e-12);
    close(b.delta_f.raw_error(), 0.12557230402335026, 1e-10);
    close(b.overlap, 0.8364616601891506, 1e-10);
    let one_sided = jarzynski(&forward, 1.0).unwrap();
    close(one_sided.value, 0.41400410877901184, 1e-13);
    // pymbar divides the variance by n, we by n - 1.
    close(one_sided.raw_error(), 0.14322587525030359 * (30f64 / 29.0).sqrt(), 1e-12);
}

#[test]
fn error_bars_cover_oscillators_with_unequal_numbers() {
    // u = k (x - c)²/2: f = ½ ln k.
    let results: Vec<Estimate> = (0..1000)
        .map(|i| {
            let mut rng = stream("oscillators", i);
            let u = |x: f64, k: f64, c: f64| 0.5 * k * (x - c) * (x - c);
            let a = normals(&mut rng, 400, 0.0, 1.0);
            let b = normals(&mut rng, 150, 1.0, 3f64.powf(-0.5));
            let forward: Vec<f64> = a.iter().map(|x| u(*x, 3.0, 1.0) - u(*x, 1.0, 0.0)).collect();
            let reverse: Vec<f64> = b.iter().map(|x| u(*x, 1.0, 0.0) - u(*x, 3.0, 1.0)).collect();
            bar(&forward, &reverse).unwrap().delta_f
        })
        .collect();
    check_coverage("oscillators", 0.5 * 3f64.ln(), 0.03, &results);
}

#[test]
fn error_bars_cover_correlated_samples() {
    // Gaussian work, autoregressive in time: g = (1 + a)/(1 - a).
    let (sd, mean): (f64, f64) = (1.2, 2.0);
    let expected = mean - 0.5 * sd * sd;
    let results: Vec<Estimate> = (0..600)
        .map(|i| {
            let mut rng = stream("correlated", i);
            let mut series = |n: usize, mean: f64, a: f64| -> Vec<f64> {
                let mut x = rng.normal();
                (0..n)
                    .map(|_| {
                        x = a * x + (1.0 - a * a).sqrt() * rng.normal();
                        mean + sd * x
                    })
                    .collect()
            };
            let forward = series(2000, mean, 0.8);
            let reverse = series(1500, mean - 2.0 * expected, 0.5);
            bar_correlated(&forward, &reverse, [9.0, 3.0]).unwrap().delta_f
        })
        .collect();
    check_coverage(
        "correlated",
        expected,
        0.0,
        &results.iter().map(|e| Estimate { ..*e }).collect::<Vec<_>>(),
    );
}

proptest! {
    #[test]
    fn symmetries(seed in 0usize..10_000, shift in -500.0f64..500.0, g in 1.0f64..4.0) {
        let mut rng = stream("symmetries", seed);
        let forward = normals(&mut rng, 60, 1.0, 1.0);
        let reverse = normals(&mut rng, 40, 0.0, 1.0);
        let b = bar_correlated(&forward, &reverse, [g, 1.0]).unwrap();
        let swapped = bar_correlated(&reverse, &forward, [1.0, g]).unwrap();
        prop_assert!((b.delta_f.value + swapped.delta_f.value).abs() < 1e-11);
        prop_assert!((b.delta_f.std_error - swapped.delta_f.std_error).abs() < 1e-10);
        let f: Vec<f64> = forward.iter().map(|w| w + shift).collect();
        let r: Vec<f64> = reverse.iter().map(|w| w - shift).collect();
        let moved = bar_correlated(&f, &r, [g, 1.0]).unwrap();
        prop_assert!((moved.delta_f.value - b.delta_f.value - shift).abs() < 1e-10);
        prop_assert!((moved.delta_f.std_error - b.delta_f.std_error).abs() < 1e-9);
        // Every sample twice, each counting half: nothing changes.
        let twice = |x: &[f64]| [x, x].concat();
        let doubled = bar_correlated(&twice(&forward), &twice(&reverse), [2.0 * g, 2.0]).unwrap();
        prop_assert!((doubled.delta_f.value - b.delta_f.value).abs() < 1e-11);
        prop_assert!((doubled.delta_f.std_error - b.delta_f.std_error).abs() < 1e-10);
        prop_assert!((doubled.overlap - b.overlap).abs() < 1e-10);
    }
}

#[test]
fn no_overlap_and_bad_input_are_typed() {
    let mut rng = stream("far", 0);
    for far in [20.0, 1e3, 1e6, 1e200] {
        let (f, r) = (normals(&mut rng, 100, far, 1.0), normals(&mut rng, 100, far, 1.0));
        assert!(matches!(bar(&f, &r), Err(Error::Undefined { .. })), "{far}");
        // Both works negative: against the second law, a sign is wrong.
        let negative = |x: &[f64]| x.iter().map(|w| -w).collect::<Vec<_>>();
        assert!(matches!(bar(&negative(&f), &negative(&r)), Err(Error::Undefined { .. })), "-{far}");
    }
    assert!(bar(&[], &[1.0]).is_err() && bar(&[1.0], &[]).is_err());
    assert!(bar(&[f64::NAN; 20], &[1.0; 20]).is_err() && bar(&[1.0; 20], &[f64::INFINITY; 20]).is_err());
    assert!(bar_correlated(&[0.0; 20], &[0.0; 20], [0.0, 1.0]).is_err());
    let same = bar(&[0.5; 20], &[-0.5; 30]).unwrap();
    close(same.delta_f.value, 0.5, 1e-14);
    assert!(same.delta_f.std_error < 1e-7 && (same.overlap - 1.0).abs() < 1e-12);
}

#[test]
fn too_few_samples_are_not_taken_for_a_lack_of_overlap() {
    // 3 + 3 samples of equal states: Σ p(1-p) = 6/4, and 10 are needed for 4 Σ p(1-p) = 10.
    match bar(&[1.0; 3], &[-1.0; 3]) {
        Err(Error::TooShort { have: 6, needed: 10 }) => {}
        other => panic!("{other:?}"),
    }
    let b = bar(&[1.0; 5], &[-1.0; 5]).unwrap();
    assert!(b.delta_f.source == Source::Constant && b.delta_f.std_error == 0.0);
    assert_eq!(bar(&[1.0, 1.5, 1.0, 0.5, 1.0, 0.0], &[-1.0; 6]).unwrap().delta_f.source, Source::Population);
}
