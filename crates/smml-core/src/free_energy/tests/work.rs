use super::{super::*, *};
use crate::estimate::Source;
use proptest::prelude::*;

/// Works of a process with Gaussian work and of its time reversal: ΔF, β, σ.
fn gaussian(rng: &mut Stream, n: [usize; 2], delta_f: f64, beta: f64, sd: f64) -> [Vec<f64>; 2] {
    let dissipated = 0.5 * beta * sd * sd;
    [normals(rng, n[0], delta_f + dissipated, sd), normals(rng, n[1], -delta_f + dissipated, sd)]
}

#[test]
fn error_bars_cover_gaussian_work() {
    let (delta_f, beta, sd) = (1.7, 2.0, 0.4);
    let mut all: [Vec<Estimate>; 7] = Default::default();
    for i in 0..800 {
        let [forward, reverse] = gaussian(&mut stream("gaussian work", i), [600, 400], delta_f, beta, sd);
        let c = crooks(&forward, &reverse, beta).unwrap();
        let sigma: Vec<f64> = forward.iter().map(|w| beta * (w - delta_f)).collect();
        let results = [
            jarzynski(&forward, beta).unwrap(),
            jarzynski_jackknife(&forward, beta).unwrap(),
            jarzynski_cumulant(&forward, beta).unwrap(),
            c.delta_f,
            c.crossing,
            c.slope.affine(delta_f - beta, 1.0),
            integral_fluctuation(&sigma).unwrap().affine(delta_f - 1.0, 1.0),
        ];
        all.iter_mut().zip(results).for_each(|(a, r)| a.push(r));
    }
    let names = ["jarzynski", "jackknife", "cumulant", "bar", "crossing", "slope", "fluctuation theorem"];
    // The jackknife has 100 blocks or fewer; e^{-βW} of this width is skewed: a few per cent of z².
    for (name, estimates) in names.iter().zip(&all) {
        check_coverage(name, delta_f, 0.06, estimates);
    }
    let size = |k: usize| all[k].iter().map(|e: &Estimate| e.std_error).sum::<f64>();
    assert!(size(2) < size(0) && size(3) < size(4), "what is known must help");
}

#[test]
fn correlated_works_need_the_jackknife() {
    let (beta, sd, a) = (1.0, 0.7, 0.7f64);
    let results: Vec<Estimate> = (0..400)
        .map(|i| {
            let mut rng = stream("correlated work", i);
            let mut x = rng.normal();
            let mut next = || {
                x = a * x + (1.0 - a * a).sqrt() * rng.normal();
                2.0 + sd * x
            };
            jarzynski_jackknife(&(0..4000).map(|_| next()).collect::<Vec<_>>(), beta).unwrap()
        })
        .collect();
    check_coverage("correlated", 2.0 - 0.5 * sd * sd, 0.1, &results);
    assert!(results.iter().all(|e| e.tau_int > 1.5 && e.source == Source::Chain));
}

#[test]
fn the_bias_is_what_is_predicted() {
    // Work ±w with equal chance, 40 values: E[-ln mean] by summing the binomial distribution.
    let (n, w) = (40usize, 0.9f64);
    let mut expected = 0.0;
    let mut choose = 0.5f64.powi(n as i32);
    for k in 0..=n {
        let mean = (k as f64 * w.exp() + (n - k) as f64 * (-w).exp()) / n as f64;
        expected -= choose * mean.ln();
        choose *= (n - k) as f64 / (k + 1) as f64;
    }
    let truth = -w.cosh().ln();
    let (mut plain, mut predicted) = (Vec::new(), Vec::new());
    for i in 0..4000 {
        let mut rng = stream("two works", i);
        let work: Vec<f64> = (0..n).map(|_| if rng.chance(0.5) { w } else { -w }).collect();
        plain.push(jarzynski(&work, 1.0).unwrap().value);
        predicted.push(jarzynski_bias(&work, 1.0).unwrap());
    }
    let mean = |x: &[f64]| Estimate::from_independent(x).unwrap();
    assert!(mean(&plain).z(expected).abs() < 5.0);
    let (bias, predicted) = (expected - truth, mean(&predicted).value);
    assert!(bias > 0.0 && (predicted / bias - 1.0).abs() < 0.05, "{predicted} {bias}");
}

#[test]
fn jarzynski_over_a_driven_two_level_system() {
    // The gap is raised in 8 steps with one Glauber move at each: ΔF = -ln[(1 + e^{-3}) / 2] at β = 1, exactly, and
    // the works of the reverse protocol obey Crooks' relation.
    let (n, top) = (8, 3.0);
    let drive = |rng: &mut Stream, forward: bool| {
        let gap = |k: usize| top * k as f64 / n as f64;
        let steps: Vec<(usize, usize)> = if forward {
            (0..n).map(|k| (k, k + 1)).collect()
        } else {
            (0..n).rev().map(|k| (k + 1, k)).collect()
        };
        let start = gap(steps[0].0);
        let mut up = rng.chance(1.0 / (1.0 + start.exp()));
        let mut work = 0.0;
        for (from, to) in steps {
            if !forward {
                Glauber(1).step(&TwoLevel { gap: gap(from) }, &mut up, 1.0, rng);
            }
            work += if up { gap(to) - gap(from) } else { 0.0 };
            if forward {
                Glauber(1).step(&TwoLevel { gap: gap(to) }, &mut up, 1.0, rng);
            }
        }
        work
    };
    let mut rng = stream("drive", 0);
    let forward: Vec<f64> = (0..20_000).map(|_| drive(&mut rng, true)).collect();
    let reverse: Vec<f64> = (0..20_000).map(|_| drive(&mut rng, false)).collect();
    let delta_f = -((1.0 + (-top).exp()) / 2.0).ln();
    assert!(jarzynski(&forward, 1.0).unwrap().z(delta_f).abs() < 5.0);
    assert!(jarzynski(&reverse, 1.0).unwrap().z(-delta_f).abs() < 5.0);
    let c = crooks(&forward, &reverse, 1.0).unwrap();
    assert!(
        c.delta_f.z(delta_f).abs() < 5.0 && c.crossing.z(delta_f).abs() < 5.0 && c.slope.z(1.0).abs() < 5.0
    );
    let sigma: Vec<f64> = forward.iter().map(|w| w - delta_f).collect();
    assert!(integral_fluctuation(&sigma).unwrap().z(1.0).abs() < 5.0);
    // Second law: the mean work is above ΔF, by many errors.
    assert!(Estimate::from_independent(&forward).unwrap().z(delta_f) > 5.0);
}

#[test]
fn histograms_lie_on_the_line() {
    let (delta_f, beta, sd) = (-0.8, 1.5, 1.0);
    let [forward, reverse] = gaussian(&mut stream("histogram", 0), [40_000, 60_000], delta_f, beta, sd);
    let bins = crooks_histogram(&forward, &reverse, 60).unwrap();
    assert!(bins.len() > 25);
    let z: Vec<f64> = bins.iter().map(|b| b.ln_ratio.z(beta * (b.work - delta_f))).collect();
    let chi2: f64 = z.iter().map(|z| z * z).sum();
    let n = z.len() as f64;
    assert!((chi2 / n - 1.0).abs() < 5.0 * (2.0 / n).sqrt(), "{chi2} of {n}");
    assert!(crooks_histogram(&forward, &reverse, 0).is_err());
    assert!(crooks_histogram(&forward, &reverse, usize::MAX).is_err());
    assert!(crooks_histogram(&[1.0; 20], &[-5.0; 20], 3).is_err());
    assert!(crooks_histogram(&[], &[-5.0; 20], 3).is_err());
}

proptest! {
    #[test]
    fn units_do_not_matter(seed in 0usize..1000, scale in 0.01f64..100.0, shift in -50.0f64..50.0) {
        let [f, r] = gaussian(&mut stream("units", seed), [80, 60], 0.3, 1.0, 0.8);
        let a = crooks(&f, &r, 1.0).unwrap();
        let moved = |w: &[f64], sign: f64| w.iter().map(|w| scale * (w + sign * shift)).collect::<Vec<_>>();
        let b = crooks(&moved(&f, 1.0), &moved(&r, -1.0), 1.0 / scale).unwrap();
        for (a, b) in [(a.delta_f, b.delta_f), (a.crossing, b.crossing)] {
            prop_assert!((b.value - scale * (a.value + shift)).abs() < 1e-7 * scale * (1.0 + shift.abs()));
            prop_assert!((b.std_error / scale / a.std_error - 1.0).abs() < 1e-6);
        }
        prop_assert!((b.slope.value * scale - a.slope.value).abs() < 1e-7);
        prop_assert!((b.slope.std_error * scale / a.slope.std_error - 1.0).abs() < 1e-6);
    }
}

#[test]
fn bad_work_is_typed() {
    let w = vec![1.0; 20];
    for f in [jarzynski, jarzynski_jackknife, jarzynski_cumulant] {
        assert!(
            f(&w, 0.0).is_err()
                && f(&w, f64::NAN).is_err()
                && f(&[], 1.0).is_err()
                && f(&w[..5], 1.0).is_err()
        );
        assert!(f(&[f64::NAN; 20], 1.0).is_err() && f(&[f64::INFINITY; 20], 1.0).is_err());
        let e = f(&w, 2.0).unwrap();
        assert!(e.value == 1.0 && e.std_error == 0.0, "{e:?}");
    }
    // One value carries everything.
    let mut wide = vec![0.0; 100];
    wide[7] = -50.0;
    assert!(matches!(jarzynski(&wide, 1.0), Err(Error::TooShort { .. })));
    assert!(matches!(integral_fluctuation(&wide), Err(Error::TooShort { .. })));
    assert!(integral_fluctuation(&[-1e4; 20]).is_err());
    // Separated sets, constant sets, one side missing.
    let far: Vec<f64> = (0..50).map(|i| 100.0 + f64::from(i) * 0.01).collect();
    assert!(matches!(crooks(&far, &far, 1.0), Err(Error::Undefined { .. })));
    assert!(matches!(crooks(&w, &[-1.0; 20], 1.0), Err(Error::Undefined { .. })));
    assert!(crooks(&[], &far, 1.0).is_err() && crooks(&far, &[f64::NAN], 1.0).is_err());
}

#[test]
fn equal_works_and_overflow_say_what_is_wrong() {
    // The states overlap perfectly: it is the slope that equal works cannot give.
    let text = crooks(&[1.0; 20], &[-1.0; 20], 1.0).unwrap_err().to_string();
    assert!(text.contains("slope needs two values"), "{text}");
    assert!(matches!(crooks(&[1.0; 3], &[-1.0; 3], 1.0), Err(Error::TooShort { .. })));
    let text = crooks_histogram(&[1.0; 20], &[-1.0; 20], 3).unwrap_err().to_string();
    assert!(text.contains("[1, 1]"), "{text}");
    // Widths, variances and 1/β beyond the largest f64 end in errors, not in infinities.
    let wide: Vec<f64> = (0..40).map(|i| if i % 2 == 0 { 1.7e308 } else { -1.7e308 }).collect();
    assert!(crooks_histogram(&wide, &wide, 2).is_err());
    let far: Vec<f64> = (0..40).map(|i| if i % 2 == 0 { 1e200 } else { -1e200 }).collect();
    assert!(jarzynski_cumulant(&far, 1.0).is_err());
    let few: Vec<f64> = (0..40).map(|i| 1e308 * (1.0 + 0.01 * f64::from(i))).collect();
    assert!(jarzynski(&few, 1e-309).is_err() && jarzynski_jackknife(&few, 1e-309).is_err());
}
