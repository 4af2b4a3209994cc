use super::*;

#[test]
fn display_shows_the_error_in_the_last_digits() {
    let shown = |v, e| with_error(v, e);
    assert_eq!(shown(-1.41523, 0.000_32), "-1.4152(3)");
    assert_eq!(shown(-1.41523, 0.000_12), "-1.41523(12)");
    assert_eq!(shown(-1.41523, 0.000_96), "-1.4152(10)");
    assert_eq!(shown(1234.6, 34.0), "1230(30)");
    assert_eq!(shown(1234.6, 12.0), "1235(12)");
    assert_eq!(shown(0.5, 0.0), "0.5");
    assert_eq!(shown(2.0, 1.0), "2.0(10)");
    assert_eq!(shown(f64::NAN, 1.0), "NaN");
    assert_eq!(shown(1.0, f64::INFINITY), "1(inf)");
    assert_eq!(format!("[{:>12}]", Estimate::from_counts(1, 4).unwrap()), "[      0.2(2)]");
}

#[test]
fn typed_answers_for_short_and_constant_series() {
    assert!(matches!(Estimate::from_chain(&[1.0, 2.0]), Err(Error::TooShort { have: 2, .. })));
    let constant = Estimate::from_chain(&[0.1; 50]).unwrap();
    assert_eq!((constant.value, constant.std_error, constant.source), (0.1, 0.0, Source::Constant));
    assert_eq!((constant.z(0.1), constant.z(0.2)), (0.0, f64::NEG_INFINITY));
    // A straight line never forgets where it was.
    let drift: Vec<f64> = (0..200).map(f64::from).collect();
    assert!(matches!(Estimate::from_chain(&drift), Err(Error::TooShort { have: 200, .. })));
    assert!(Estimate::from_chain(&[1.0, f64::NAN, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]).is_err());
    assert!(Estimate::from_population(&[1.0, 2.0], &[f64::NEG_INFINITY; 2]).is_err());
    assert!(Estimate::from_population(&[1.0, 2.0], &[0.0, f64::NAN]).is_err());
    assert!(matches!(Estimate::from_population(&[1.0, 2.0], &[0.0, -1e4]), Err(Error::TooShort { .. })));
}

#[test]
fn jackknife_of_a_ratio_and_of_a_variance() {
    use crate::rng::{Draw, Streams};
    // Variance of an AR(1) process with φ = 0.8 is 1 / (1 - φ²) = 2.7778, from ⟨x²⟩ - ⟨x⟩².
    let mut chi2 = 0.0;
    for run in 0..200 {
        let mut rng = Streams::new(5).stream("jack", run);
        let mut x = rng.normal() / 0.6;
        let (mut a, mut b) = (Vec::new(), Vec::new());
        for _ in 0..4000 {
            x = 0.8 * x + rng.normal();
            a.push(x);
            b.push(x * x);
        }
        let v = jackknife(&[&a, &b], |m| m[1] - m[0] * m[0]).unwrap();
        chi2 += v.z(1.0 / 0.36).powi(2);
    }
    assert!((120.0..330.0).contains(&chi2), "chi² {chi2} for 200 degrees of freedom");
    assert!(matches!(jackknife(&[&[1.0; 50]], |m| m[0].ln() / 0.0), Err(Error::Undefined { .. })));
    assert!(jackknife(&[&[1.0, 2.0], &[1.0]], |m| m[0]).is_err());
    assert!(jackknife(&[], |_| 1.0).is_err());
}

#[test]
fn slow_series_are_blocked_without_bias() {
    use crate::rng::{Draw, Streams};
    let tau: f64 = 2000.0;
    let phi = (2.0 * tau - 1.0) / (2.0 * tau + 1.0);
    let mut chi2 = 0.0;
    let mut taus = Vec::new();
    for run in 0..40 {
        let mut rng = Streams::new(6).stream("slow", run);
        let mut x = rng.normal() / (1.0 - phi * phi).sqrt();
        let series: Vec<f64> = (0..400_000)
            .map(|_| {
                x = phi * x + rng.normal();
                x
            })
            .collect();
        let e = Estimate::from_chain(&series).unwrap();
        taus.push(e.tau_int);
        chi2 += e.z(0.0).powi(2);
    }
    assert!((12.0..90.0).contains(&chi2), "chi² {chi2} for 40 degrees of freedom");
    let mean = Estimate::from_independent(&taus).unwrap();
    assert!((mean.value / tau - 1.0).abs() < 0.1 + 5.0 * mean.std_error / tau, "{mean}");
}

#[test]
fn chains_are_joined_by_length() {
    use crate::rng::{Draw, Streams};
    let mut rng = Streams::new(9).stream("join", 0);
    let a: Vec<f64> = (0..3000).map(|_| rng.normal()).collect();
    let b: Vec<f64> = (0..1000).map(|_| rng.normal()).collect();
    let joint = Estimate::from_chains(&[&a, &b]).unwrap();
    let mean = a.iter().chain(&b).sum::<f64>() / 4000.0;
    assert!(
        (joint.value - mean).abs() < 1e-12 && (joint.std_error / 4000f64.sqrt().recip() - 1.0).abs() < 0.1
    );
    assert!(Estimate::from_chains(&[]).is_err());
    assert_eq!(Estimate::from_chains(&[&[2.0; 20], &[2.0; 20]]).unwrap().source, Source::Constant);
}

#[test]
fn searches_have_a_best_and_no_mean() {
    let found = SearchResults::new(vec![(-1.0, 'a'), (-3.0, 'b'), (-3.0, 'c'), (-2.0, 'd')]).unwrap();
    assert_eq!(found.best(), (-3.0, &'b'));
    assert_eq!(found.success(-3.0).value, 0.5);
    assert!(SearchResults::<()>::new(vec![]).is_err() && SearchResults::new(vec![(f64::NAN, ())]).is_err());
}

/// Fraction of `runs` in which the error bar covers the truth, and that of the 68.27 % interval.
fn coverage(runs: u64, truth: f64, series: impl Fn(u64) -> Vec<f64> + Sync) -> (f64, f64) {
    let hits = crate::parallel::map(crate::parallel::Par::Rayon, runs as usize, |run| {
        // A refusal counts as a miss; it is rarer than 1e-3 at n_eff = 50.
        let Ok(e) = Estimate::from_chain(&series(run as u64)) else { return [false; 2] };
        let (low, high) = e.interval(0.682_689_492_137_086).unwrap();
        [e.z(truth).abs() <= 1.0, (low..=high).contains(&truth)]
    });
    let count = |k: usize| hits.iter().filter(|h| h[k]).count() as f64 / runs as f64;
    (count(0), count(1))
}

#[test]
fn error_bars_cover_what_they_say() {
    use crate::rng::{Draw, Streams};
    for tau in [0.5, 5.0, 50.0f64] {
        // tau_int of an AR(1) process is ½ (1 + φ) / (1 - φ).
        let phi = (2.0 * tau - 1.0) / (2.0 * tau + 1.0);
        for n_eff in [50.0, 200.0] {
            let n = (n_eff * 2.0 * tau) as usize;
            let (bar, interval) = coverage(20_000, 0.0, |run| {
                let mut rng = Streams::new(77).child("ar1", tau as u64).stream("run", run);
                let mut x = rng.normal() / (1.0 - phi * phi).sqrt();
                (0..n)
                    .map(|_| {
                        x = phi * x + rng.normal();
                        x
                    })
                    .collect()
            });
            println!("tau {tau} n_eff {n_eff}: bar {bar} interval {interval}");
            // The statistical error of a coverage from 20,000 runs is 0.33 %.
            assert!((bar - 0.683).abs() < 0.015 && (interval - 0.683).abs() < 0.015);
        }
    }
}
