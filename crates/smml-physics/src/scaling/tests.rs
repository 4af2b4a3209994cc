use super::*;
use crate::ising::{Boundary, SquareLattice, exact};
use smml_core::{
    Error, Estimate,
    rng::{Draw, Streams},
};
use std::f64::consts::PI;

/// χ² of z-scores of repeated experiments lies in a range that it leaves with probability below 1e-7 on each side
/// (normal approximation of Wilson and Hilferty, 5.3 standard deviations).
fn covers(z: &[f64]) {
    let n = z.len() as f64;
    let chi2: f64 = z.iter().map(|z| z * z).sum();
    let deviation = ((chi2 / n).cbrt() - (1.0 - 2.0 / (9.0 * n))) / (2.0 / (9.0 * n)).sqrt();
    assert!(deviation.abs() < 5.3, "chi² = {chi2} of {n}");
    let mean = z.iter().sum::<f64>() / n.sqrt();
    assert!(mean.abs() < 5.3, "mean z {mean}");
}

#[test]
fn exact_small_tori_cross_where_another_program_says() {
    let curve = |l: usize| -> Vec<Point> {
        let ising = SquareLattice::uniform(l, l, Boundary::Periodic, 1.0, 0.0).unwrap().ising().unwrap();
        let temperatures: Vec<f64> = (0..9).map(|k| 2.09 + 0.02 * f64::from(k)).collect();
        let betas: Vec<f64> = temperatures.iter().map(|t| 1.0 / t).collect();
        let at = exact::averages(&ising, &betas).unwrap();
        temperatures
            .iter()
            .zip(at)
            .map(|(&x, a)| Point { size: l as f64, x, value: a.binder, error: 1e-6 })
            .collect()
    };
    // U of the 3 × 3 and 4 × 4 tori by enumeration in numpy, bisection in T.
    let found = crossing(&curve(3), &curve(4), 6).unwrap();
    assert!((found.value - 2.169_267_846_991_767).abs() < 1e-7, "{}", found.value);
    assert!(found.std_error > 0.0);
    let apart: Vec<Point> = curve(4).iter().map(|p| Point { value: p.value + 1.0, ..*p }).collect();
    assert!(matches!(crossing(&curve(3), &apart, 2), Err(Error::Undefined { .. })));
    assert!(crossing(&curve(3)[..2], &curve(4), 2).is_err());
}

#[test]
fn binder_crossings_of_synthetic_chains_have_honest_errors() {
    // M² = 1 + noise and M⁴ such that U = 0.6 - 0.1 L (T - 2.2) on average; noise correlated in time and with one another.
    let series = |l: f64, x: f64, rng: &mut smml_core::rng::Stream| {
        let u = 0.6 - 0.1 * l * (x - 2.2);
        let (mut a, mut m2, mut m4) = (0.0, Vec::new(), Vec::new());
        for _ in 0..2000 {
            a = 0.6 * a + 0.8 * rng.normal();
            m2.push(1.0 + 0.05 * a);
            m4.push(3.0 * (1.0 - u) + 0.1 * a + 0.05 * rng.normal());
        }
        MomentSeries { x, m2, m4 }
    };
    let mut z = Vec::new();
    for k in 0..60 {
        let mut rng = Streams::new(8).stream("chains", k);
        let mut curve =
            |l: f64| (0..4).map(|k| series(l, 2.05 + 0.1 * f64::from(k), &mut rng)).collect::<Vec<_>>();
        let (a, b) = (curve(4.0), curve(8.0));
        let found = binder_crossing(&a, &b, 1).unwrap();
        z.push((found.value - 2.2) / found.raw_error());
    }
    covers(&z);
    let mut rng = Streams::new(8).stream("short", 0);
    let mut few: Vec<MomentSeries> = [2.0, 2.4].iter().map(|&x| series(4.0, x, &mut rng)).collect();
    few.iter_mut().for_each(|s| (s.m2, s.m4) = (s.m2[..20].to_vec(), s.m4[..20].to_vec()));
    assert!(binder_crossing(&few, &few, 1).is_err());
    few[0].m4.pop();
    assert!(binder_crossing(&few, &few, 1).is_err());
}

/// Cumulants U = 0.6 - 0.1 L (T - 2.2) at four temperatures, of chains that share their noise, as replicas that exchange
/// states do; memory 4 samples.
fn side_by_side(size: f64, rng: &mut smml_core::rng::Stream) -> Vec<MomentSeries> {
    let mut a = 0.0;
    let noise: Vec<f64> = (0..2000)
        .map(|_| {
            a = 0.6 * a + 0.8 * rng.normal();
            a
        })
        .collect();
    let chain = |k: u32| {
        let x = 2.05 + 0.1 * f64::from(k);
        let u = 0.6 - 0.1 * size * (x - 2.2);
        let m2 = noise.iter().map(|a| 1.0 + 0.05 * a).collect();
        MomentSeries {
            x,
            m2,
            m4: noise.iter().map(|a| 3.0 * (1.0 - u) + 0.4 * a + 0.05 * rng.normal()).collect(),
        }
    };
    (0..4).map(chain).collect()
}

#[test]
fn chains_that_exchange_states_are_left_out_together() {
    let (mut together, mut apart, mut collapsed, mut ratio) = (Vec::new(), Vec::new(), Vec::new(), 0.0);
    for k in 0..60 {
        let mut rng = Streams::new(9).stream("side by side", k);
        let (a, b) = (side_by_side(4.0, &mut rng), side_by_side(8.0, &mut rng));
        let curves = [BinderCurve::new(4.0, &a).unwrap(), BinderCurve::new(8.0, &b).unwrap()];
        let found = curves[0].crossing(&curves[1], 1).unwrap();
        let wrong = binder_crossing(&a, &b, 1).unwrap();
        together.push((found.value - 2.2) / found.raw_error());
        apart.push((wrong.value - 2.2) / wrong.raw_error());
        ratio += found.raw_error() / wrong.raw_error() / 60.0;
        // τ of the noise is 2, and the slowest of eight series counts: up to 500 independent samples of each size, not of
        // each chain.
        assert!((1.5..4.5).contains(&found.tau_int) && (400.0..1400.0).contains(&found.n_eff), "{found:?}");
        let fit = CollapseFit { degree: 1, nu: 1.2, t_c: 2.25, ..fit_from(Prefactor::Fixed(0.0)) };
        let t_c = fit.fit_curves(&curves).unwrap().t_c;
        collapsed.push((t_c.value - 2.2) / t_c.raw_error());
    }
    covers(&together);
    covers(&collapsed);
    // Four chains that count as independent: errors half as large as they are.
    assert!((1.6..2.4).contains(&ratio), "{ratio}");
    assert!(apart.iter().map(|z| z * z).sum::<f64>() > 2.0 * 60.0, "{apart:?}");
    let mut rng = Streams::new(9).stream("refused", 0);
    let mut chains = side_by_side(4.0, &mut rng);
    assert!(BinderCurve::new(0.0, &chains).is_err() && BinderCurve::new(4.0, &[]).is_err());
    chains[1].m2.truncate(1000);
    chains[1].m4.truncate(1000);
    let error = BinderCurve::new(4.0, &chains).unwrap_err().to_string();
    assert!(error.contains("side by side"), "{error}");
    assert_eq!(BinderCurve::of_independent(4.0, &chains).unwrap().points().len(), 4);
}

#[test]
fn curves_that_cross_more_than_once_are_named_and_one_crossing_is_followed() {
    let curve = |f: &dyn Fn(f64) -> f64| -> Vec<Point> {
        let point = |k: i32| {
            let x = 0.25 * f64::from(k);
            Point { size: 4.0, x, value: f(x), error: 0.01 }
        };
        (-4..=4).map(point).collect()
    };
    // Roots -0.7, 0.1 and 0.6.
    let wavy = curve(&|x| (x + 0.7) * (x - 0.1) * (x - 0.6));
    let zero = curve(&|_| 0.0);
    let error = crossing(&wavy, &zero, 3).unwrap_err().to_string();
    assert!(error.contains("3 times") && error.contains("-0.700000, 0.100000, 0.600000"), "{error}");
    // The one root of the whole data near an end; in a replicate two others appear nearer to the middle.
    let cubic = |x: f64, c: f64| {
        let value = (x - 0.8) * ((x + 0.2) * (x + 0.2) + c);
        (value, (x + 0.2) * (x + 0.2) + c + 2.0 * (x - 0.8) * (x + 0.2))
    };
    assert_eq!(fit::roots(|x| cubic(x, 0.01).0, -1.0, 1.0).len(), 1);
    let after = fit::roots(|x| cubic(x, -0.01).0, -1.0, 1.0);
    assert_eq!(after.len(), 3);
    let found = fit::follow(|x| cubic(x, -0.01), 0.79, (-1.0, 1.0)).unwrap();
    assert!((found - 0.8).abs() < 1e-12, "{found}");
    assert!(fit::follow(|x| (1.0 + x * x, 2.0 * x), 0.5, (-1.0, 1.0)).is_none());
}

/// Synthetic data L^κ f((T - 2.25) L^(1/ν)) with f(z) = 1 - z/2 + z²/5, ν = 0.8.
fn synthetic(kappa: f64, noise: f64, seed: u64) -> Vec<Point> {
    let mut rng = Streams::new(seed).stream("data", 0);
    let mut points = Vec::new();
    for size in [8.0f64, 12.0, 16.0, 24.0, 32.0] {
        for k in -5..=5 {
            let x = 2.25 + 0.6 * f64::from(k) / 5.0 / size.powf(1.25);
            let z = (x - 2.25) * size.powf(1.25);
            let value = size.powf(kappa) * (1.0 - 0.5 * z + 0.2 * z * z);
            let error = noise * size.powf(kappa);
            points.push(Point { size, x, value: value + error * rng.normal(), error });
        }
    }
    points
}

fn fit_from(prefactor: Prefactor) -> CollapseFit {
    CollapseFit { degree: 2, prefactor, t_c: 2.26, nu: 1.0, n_bootstrap: 20 }
}

#[test]
fn collapse_recovers_the_parameters_it_was_made_with() {
    // Next to no noise: to many digits, from guesses that are off.
    for (kappa, prefactor) in
        [(0.0, Prefactor::Fixed(0.0)), (1.75, Prefactor::Free(1.5)), (-0.125, Prefactor::Free(0.0))]
    {
        let points = synthetic(kappa, 1e-9, 1);
        let found = fit_from(prefactor).fit(&points, &Streams::new(1)).unwrap();
        assert!((found.t_c.value - 2.25).abs() < 1e-8, "{found:?}");
        assert!((found.nu.value - 0.8).abs() < 1e-6 && (found.inverse_nu.value - 1.25).abs() < 1e-6);
        assert!((found.prefactor.value - kappa).abs() < 1e-7);
        for (c, expected) in found.master.iter().zip([1.0, -0.5, 0.2]) {
            assert!((c - expected).abs() < 1e-5, "{:?}", found.master);
        }
        assert_eq!(found.dof, 55 - if kappa == 0.0 { 5 } else { 6 });
    }
    // Noise: errors of the bootstrap cover the truth, and χ² is about its degrees of freedom.
    let (mut z, mut chi) = (Vec::new(), Vec::new());
    for seed in 0..40 {
        let fit = CollapseFit { n_bootstrap: 60, ..fit_from(Prefactor::Free(1.6)) };
        let found = fit.fit(&synthetic(1.75, 0.01, 100 + seed), &Streams::new(seed)).unwrap();
        for (e, truth) in [(found.t_c, 2.25), (found.inverse_nu, 1.25), (found.prefactor, 1.75)] {
            z.push(vec![(e.value - truth) / e.raw_error()]);
        }
        // Wilson and Hilferty
        let v = 2.0 / (9.0 * found.dof as f64);
        chi.push((found.reduced_chi_squared().cbrt() - 1.0 + v) / v.sqrt());
    }
    for k in 0..3 {
        covers(&z.iter().skip(k).step_by(3).map(|z| z[0]).collect::<Vec<_>>());
    }
    covers(&chi);
}

#[test]
fn collapse_refuses_what_cannot_be_fitted() {
    let points = synthetic(0.0, 0.01, 1);
    let streams = Streams::new(1);
    let fit = fit_from(Prefactor::Fixed(0.0));
    assert!(fit.fit(&points[..5], &streams).is_err());
    assert!(fit.fit(&points[..11], &streams).unwrap_err().to_string().contains("sizes of the collapse"));
    assert!(CollapseFit { degree: 0, ..fit }.fit(&points, &streams).is_err());
    assert!(CollapseFit { nu: 0.0, ..fit }.fit(&points, &streams).is_err());
    assert!(CollapseFit { t_c: f64::NAN, ..fit }.fit(&points, &streams).is_err());
    assert!(CollapseFit { n_bootstrap: 1, ..fit }.fit(&points, &streams).is_err());
    let mut broken = points.clone();
    broken[3].error = 0.0;
    assert!(fit.fit(&broken, &streams).unwrap_err().to_string().contains("error of point 3"));
    // All at T_c: no master curve.
    let at: Vec<Point> = points.iter().map(|p| Point { x: 2.25, ..*p }).collect();
    assert!(matches!(CollapseFit { t_c: 2.25, ..fit }.fit(&at, &streams), Err(Error::Undefined { .. })));
}

#[test]
fn power_laws_are_fitted_with_their_errors() {
    let mut z = [Vec::new(), Vec::new()];
    for seed in 0..60 {
        let mut rng = Streams::new(seed).stream("power", 0);
        let points: Vec<Point> = [8.0f64, 16.0, 32.0, 64.0, 128.0]
            .iter()
            .map(|&size| {
                let value = 0.7 * size.powf(-0.125);
                let error = 1e-3 * value;
                Point { size, x: 0.0, value: value + error * rng.normal(), error }
            })
            .collect();
        let found = power_law(&points).unwrap();
        assert_eq!(found.dof, 3);
        z[0].push((found.exponent.value + 0.125) / found.exponent.raw_error());
        z[1].push((found.ln_amplitude.value - 0.7f64.ln()) / found.ln_amplitude.raw_error());
    }
    z.iter().for_each(|z| covers(z));
    // By hand: two points, slope ln 4 / ln 2, error √(0.1² + 0.1²) / ln 2.
    let point = |size, value: f64| Point { size, x: 0.0, value, error: 0.1 * value };
    let two = power_law(&[point(2.0, 1.0), point(4.0, 4.0)]).unwrap();
    assert_eq!((two.exponent.source, two.exponent.n_eff), (smml_core::estimate::Source::Fit, f64::MAX));
    assert!((two.exponent.value - 2.0).abs() < 1e-14 && two.chi_squared < 1e-20);
    assert!((two.exponent.raw_error() - 0.02f64.sqrt() / 2f64.ln()).abs() < 1e-14);
    assert!(power_law(&[point(2.0, 1.0), point(2.0, 4.0)]).is_err());
    assert!(power_law(&[point(2.0, 1.0), Point { value: -1.0, ..point(4.0, 1.0) }]).is_err());
}

/// Υ that follows the law with C = 1.8 at T = 0.893, and an amplitude that falls with T.
fn stiffness(noise: f64, seed: u64) -> Vec<Point> {
    let mut rng = Streams::new(seed).stream("stiffness", 0);
    let mut points = Vec::new();
    for k in 0..5 {
        let x = 0.873 + 0.01 * f64::from(k);
        for size in [8.0f64, 16.0, 32.0, 64.0] {
            let amplitude = 1.0 - 2.0 * (x - 0.893);
            let value = amplitude * (1.0 + 1.0 / (2.0 * size.ln() + 1.8)) * 2.0 * x / PI;
            points.push(Point { size, x, value: value + noise * rng.normal(), error: noise });
        }
    }
    points
}

#[test]
fn the_xy_transition_is_found_by_its_law() {
    let exact = weber_minnhagen(&stiffness(1e-9, 1), 10, &Streams::new(1)).unwrap();
    // The excess is of first order: what a parabola leaves of its bend over ±0.02 is of third, (2·0.02)³.
    assert!((exact.t_kt.value - 0.893).abs() < 6.4e-5, "{exact:?}");
    assert!((exact.c - 1.8).abs() < 5e-3);
    // χ² with amplitude 1 is lowest there.
    let lowest = exact.fits.iter().min_by(|a, b| a.chi_squared.total_cmp(&b.chi_squared)).unwrap();
    assert!((lowest.temperature - 0.893).abs() < 1e-12 && lowest.dof == 3);
    let z: Vec<f64> = (0..40)
        .map(|seed| {
            let t: Estimate =
                weber_minnhagen(&stiffness(2e-4, 50 + seed), 60, &Streams::new(seed)).unwrap().t_kt;
            (t.value - 0.893) / t.raw_error()
        })
        .collect();
    covers(&z);
    // A dense grid, on which noise makes the amplitude pass through 1 many times: the first of them would be far too low.
    let dense = |seed: u64| -> Vec<Point> {
        let mut rng = Streams::new(seed).stream("dense", 0);
        let sizes = [8.0f64, 16.0, 32.0, 64.0];
        let of_t = |k: i32| {
            let x = 0.893 + 0.001 * f64::from(k);
            sizes.map(|size| {
                let value = (1.0 - 2.0 * (x - 0.893)) * (1.0 + 1.0 / (2.0 * size.ln() + 1.8)) * 2.0 * x / PI;
                Point { size, x, value: value + 1e-3 * rng.normal(), error: 1e-3 }
            })
        };
        (-25..=25).flat_map(of_t).collect()
    };
    let z: Vec<f64> = (0..40)
        .map(|seed| {
            let found = weber_minnhagen(&dense(300 + seed), 60, &Streams::new(seed)).unwrap();
            assert_eq!((found.n_failed, found.t_kt.source), (0, smml_core::estimate::Source::Fit));
            (found.t_kt.value - 0.893) / found.t_kt.raw_error()
        })
        .collect();
    covers(&z);
    // Errors as large as what they are to resolve: many repetitions have no zero.
    let vague: Vec<Point> = stiffness(1e-9, 1).iter().map(|p| Point { error: 0.1, ..*p }).collect();
    let error = weber_minnhagen(&vague, 60, &Streams::new(1)).unwrap_err().to_string();
    assert!(error.contains("of 60 repetitions"), "{error}");
    // Well above the transition the amplitude never comes up to 1.
    let low: Vec<Point> = stiffness(1e-4, 1).iter().map(|p| Point { value: 0.3 * p.value, ..*p }).collect();
    assert!(matches!(weber_minnhagen(&low, 10, &Streams::new(1)), Err(Error::Undefined { .. })));
    assert!(weber_minnhagen(&stiffness(1e-4, 1)[..4], 10, &Streams::new(1)).is_err());
    assert!(weber_minnhagen(&stiffness(1e-4, 1), 1, &Streams::new(1)).is_err());
}
