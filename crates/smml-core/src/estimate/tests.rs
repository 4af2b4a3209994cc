use super::*;
use crate::rng::{Draw, Streams};

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
    assert_eq!(shown(-3.0, 34.0), "0(30)");
    assert_eq!(shown(-0.003, 0.3), "0.0(3)");
    assert_eq!(shown(-1.2341e-20, 1e-22), "-1.234(10)e-20");
    assert_eq!(shown(0.0, 3e-20), "0(3)e-20");
    assert_eq!(shown(1.0, 3e-17), "1.00000000000000000(3)");
    assert_eq!(shown(1.0, 1e-40), "1e0(1.0e-40)");
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
fn populations_need_ten_samples_that_carry_the_weight() {
    let values: Vec<f64> = (0..40).map(f64::from).collect();
    // n_eff = (Σw)²/Σw² is 10 when one weight of 40 is (39 + ...): two levels of weight, a and 1.
    let n_eff = |a: f64| (39.0 + a).powi(2) / (39.0 + a * a);
    let with = |a: f64| {
        let mut ln_weights = vec![0.0; 40];
        ln_weights[7] = a.ln();
        Estimate::from_population(&values, &ln_weights)
    };
    let (few, enough) = (20.0, 15.0);
    assert!(n_eff(few) < MIN_N_EFF && n_eff(enough) > MIN_N_EFF);
    assert!(matches!(with(few), Err(Error::TooShort { have: 40, needed: 41.. })));
    assert!((with(enough).unwrap().n_eff - n_eff(enough)).abs() < 1e-11);
    // Equal weights are no weights at all, whatever their scale and number.
    let plain = Estimate::from_independent(&values[..3]).unwrap();
    assert_eq!(Estimate::from_population(&values[..3], &[-900.0; 3]).unwrap(), plain);
    assert!(matches!(Estimate::from_population(&values[..1], &[0.0]), Err(Error::TooShort { .. })));
    // A value without weight does not matter, one with weight must be a number.
    let mut wild = values.clone();
    wild[3] = f64::NAN;
    let mut ln_weights: Vec<f64> = (0..40).map(|i| 0.01 * f64::from(i)).collect();
    assert!(matches!(Estimate::from_population(&wild, &ln_weights), Err(Error::Undefined { .. })));
    ln_weights[3] = f64::NEG_INFINITY;
    assert!(Estimate::from_population(&wild, &ln_weights).unwrap().std_error > 0.0);
}

#[test]
fn one_meaning_of_the_error_bar() {
    // Quantiles of Student's t: tan(π (p - ½)) for one degree of freedom, (2p - 1) / √(2p(1 - p)) for two.
    let p: f64 = 0.841_344_746_068_542_9;
    let one = (std::f64::consts::PI * (p - 0.5)).tan();
    let two = (2.0 * p - 1.0) / (2.0 * p * (1.0 - p)).sqrt();
    let three = Estimate::from_independent(&[1.0, 2.0, 6.0]).unwrap();
    assert!((three.raw_error() - (7f64 / 3.0).sqrt()).abs() < 1e-12);
    assert!((three.std_error / three.raw_error() - two).abs() < 1e-9);
    let pair = Estimate::from_independent(&[1.0, 2.0]).unwrap();
    assert!((pair.std_error / 0.5 - one).abs() < 1e-9);
    // Bar, interval and probability say the same.
    let level = 2.0 * p - 1.0;
    for e in [pair, three] {
        let (low, high) = e.interval(level).unwrap();
        assert!((high - e.value - e.std_error).abs() < 1e-9 && (e.value - low - e.std_error).abs() < 1e-9);
        assert!((e.p_value(e.value + e.std_error) - (1.0 - level)).abs() < 1e-9);
        let (_, high) = e.interval(0.95).unwrap();
        assert!((e.p_value(high) - 0.05).abs() < 1e-9);
        assert_eq!(e.p_value(e.value), 1.0);
    }
    // P(|t| > t₀) for two degrees of freedom is 1 - t₀/√(2 + t₀²) ≈ t₀⁻² far out, where the normal law has nothing.
    let far = three.p_value(three.value + 1e6 * three.raw_error());
    assert!((far * 1e12 - 1.0).abs() < 1e-6, "{far:e}");
    let (none, some) = (Estimate::exact(2.0), Estimate::exact(2.0).p_value(2.5));
    assert_eq!((none.p_value(2.0), some), (1.0, 0.0));
    assert!(three.p_value(f64::NAN).is_nan());
}

#[test]
fn fractions_of_trials_are_between_0_and_1() {
    // scipy.stats.binomtest(k, n).proportion_ci(0.95, 'wilson') and .pvalue of one half (symmetric: twice a tail)
    for (k, n, low, high, p) in [
        (0, 10, 0.0, 0.277_532_799_862_889_26, 2.0 / 1024.0),
        (10, 10, 0.722_467_200_137_110_7, 1.0, 2.0 / 1024.0),
        (3, 7, 0.158_219_855_251_469_7, 0.749_541_635_472_342_8, 1.0),
        (50, 1000, 0.038_130_262_392_748_81, 0.065_313_820_244_250_81, 0.0),
    ] {
        let e = Estimate::from_counts(k, n).unwrap();
        let (a, b) = e.interval(0.95).unwrap();
        assert!((a - low).abs() < 1e-12 && (b - high).abs() < 1e-12, "{k} of {n}: {a} {b}");
        assert!((e.p_value(0.5) - p).abs() < 1e-12 && e.source == Source::Trials);
        assert!(
            e.p_value(k as f64 / n as f64) == 1.0 && e.p_value(1.5) == 0.0 && e.p_value(f64::NAN).is_nan()
        );
        // The error bar is half the interval of one standard deviation.
        let (a, b) = e.interval(0.682_689_492_137_085_9).unwrap();
        assert!(((b - a) / 2.0 - e.std_error).abs() < 1e-9, "{k} of {n}: {a} {b} {e}");
        assert_eq!(
            (e.affine(1.0, -1.0).source, e.plus(e).source),
            (Source::Independent, Source::Independent)
        );
    }
    assert!(Estimate::from_counts(0, 50).unwrap().p_value(0.0) == 1.0);
    assert!(Estimate::from_counts(1, 50).unwrap().p_value(0.0) == 0.0);
}

#[test]
fn results_of_a_search_are_checked_when_read() {
    let config = bincode::config::standard();
    let read = |runs: &[(f64, u8)]| {
        let bytes = bincode::serde::encode_to_vec(runs, config).unwrap();
        bincode::serde::decode_from_slice::<SearchResults<u8>, _>(&bytes, config).map(|(found, _)| found)
    };
    assert_eq!(read(&[(1.0, 3), (0.5, 4)]).unwrap().best(), (0.5, &4));
    assert!(read(&[]).is_err() && read(&[(f64::NAN, 3)]).is_err());
}

#[test]
fn sums_combine_raw_errors() {
    let a = Estimate::with_dof(1.0, 3.0, 2.0, 3.0, Source::Independent);
    let b = Estimate::with_dof(2.0, 4.0, 40.0, 41.0, Source::Chain);
    let sum = a.plus(b);
    assert!((sum.value - 3.0).abs() < 1e-15 && (sum.raw_error() - 5.0).abs() < 1e-9);
    // Welch and Satterthwaite: 25² / (9²/2 + 16²/40)
    assert!((sum.dof - 625.0 / (40.5 + 6.4)).abs() < 1e-9);
    assert_eq!((sum.source, sum.n_eff), (Source::Chain, 3.0));
    let shifted = a.affine(7.0, -2.0);
    assert!((shifted.value - 5.0).abs() < 1e-15 && (shifted.raw_error() - 6.0).abs() < 1e-9);
    // An exact number changes nothing but the value.
    let same = a.plus(Estimate::exact(1.0));
    assert!((same.std_error / a.std_error - 1.0).abs() < 1e-9 && (same.dof - 2.0).abs() < 1e-9);
    assert_eq!(Estimate::exact(1.0).plus(Estimate::exact(2.0)), Estimate::exact(3.0));
    // Errors whose fourth powers an f64 does not hold.
    for scale in [1e-120, 1e120] {
        let sum = a.affine(0.0, scale).plus(b.affine(0.0, scale));
        assert!(
            (sum.raw_error() / (5.0 * scale) - 1.0).abs() < 1e-9 && (sum.dof - 625.0 / 46.9).abs() < 1e-9
        );
    }
    // Two independent halves of a sample, of 5 and 15, joined by length, against the formula.
    let ([mut x, mut y], mut rng) = ([vec![], vec![]], crate::rng::Streams::new(8).stream("halves", 0));
    use crate::rng::Draw;
    x.extend((0..1000).map(|_| rng.normal()));
    y.extend((0..3000).map(|_| 5.0 * rng.normal()));
    let joint = Estimate::from_chains(&[&x, &y]).unwrap();
    let parts = [&x, &y].map(|s| Estimate::from_chain(s).unwrap());
    let variances = [0.25, 0.75].iter().zip(parts).map(|(w, p)| (w * p.raw_error()).powi(2));
    let (total, shares) = variances.zip(parts).fold((0.0, 0.0), |(t, s), (v, p)| (t + v, s + v * v / p.dof));
    assert!((joint.raw_error() / total.sqrt() - 1.0).abs() < 1e-9);
    assert!((joint.dof / (total * total / shares) - 1.0).abs() < 1e-9);
}

#[test]
fn huge_tiny_and_offset_samples() {
    use crate::rng::{Draw, Streams};
    let mut rng = Streams::new(4).stream("offset", 0);
    // Whole numbers are exact at an offset of 10¹⁵, so moving them must change nothing but the mean and, a little, the
    // error: by the rounding of the mean, 0.064 against 15.
    let noise: Vec<f64> = (0..5000).map(|_| (1024.0 * rng.normal()).round()).collect();
    let moved: Vec<f64> = noise.iter().map(|x| x + 1e15).collect();
    let same = |a: Estimate, b: Estimate| {
        assert!((b.std_error / a.std_error - 1.0 - 1e-5).abs() < 2e-5, "{a:?} {b:?}");
        assert!((a.value - (b.value - 1e15)).abs() <= 0.125, "{a:?} {b:?}");
    };
    same(Estimate::from_chain(&noise).unwrap(), Estimate::from_chain(&moved).unwrap());
    same(Estimate::from_independent(&noise).unwrap(), Estimate::from_independent(&moved).unwrap());
    let ln_weights: Vec<f64> = (0..5000).map(|i| f64::from(i % 7) * 0.1).collect();
    same(
        Estimate::from_population(&noise, &ln_weights).unwrap(),
        Estimate::from_population(&moved, &ln_weights).unwrap(),
    );
    same(
        Estimate::from_chains(&[&noise[..2000], &noise[2000..]]).unwrap(),
        Estimate::from_chains(&[&moved[..2000], &moved[2000..]]).unwrap(),
    );
    let (a, b) = (autocorrelation_function(&noise, 3).unwrap(), autocorrelation_function(&moved, 3).unwrap());
    assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-12));
    let (a, b) = (bin_errors(&noise).unwrap(), bin_errors(&moved).unwrap());
    assert!(a.iter().zip(&b).all(|(a, b)| (a.1 / b.1 - 1.0).abs() < 1e-9));
    let blocks = |x: &[f64]| jackknife(&[x], |m| m[0]).unwrap();
    assert!((blocks(&noise).std_error / blocks(&moved).std_error - 1.0).abs() < 0.5);
    // Less noise: the mean cannot be told as well as it is known, and leaving out a block would not show in it.
    let small: Vec<f64> = noise.iter().map(|x| 1e15 + (x / 1024.0).round()).collect();
    let e = Estimate::from_chain(&small).unwrap();
    assert!(e.std_error > 0.06 && e.std_error < 0.1, "{e:?}");
    let e = jackknife(&[&small], |m| m[0]);
    assert!(matches!(&e, Err(Error::Undefined { why, .. }) if why.contains("subtract")), "{e:?}");

    // Units: errors scale with the samples until their squares leave the range, which has a name.
    for scale in [1e-150, 1e147] {
        let x: Vec<f64> = noise.iter().map(|x| x * scale).collect();
        for (a, b) in [
            (Estimate::from_chain(&x).unwrap(), Estimate::from_chain(&noise).unwrap()),
            (Estimate::from_independent(&x).unwrap(), Estimate::from_independent(&noise).unwrap()),
            (blocks(&x), blocks(&noise)),
        ] {
            assert!((a.std_error / (scale * b.std_error) - 1.0).abs() < 1e-9, "{a:?} {b:?}");
        }
    }
    let ln = vec![0.0; 5000];
    for scale in [1e-200, 1e200, 1e304] {
        let x: Vec<f64> = noise.iter().map(|x| x * scale).collect();
        for e in [
            Estimate::from_chain(&x),
            Estimate::from_chains(&[&x, &x]),
            Estimate::from_independent(&x),
            Estimate::from_population(&x, &ln),
            jackknife(&[&x], |m| m[0]),
        ] {
            assert!(matches!(e, Err(Error::Undefined { .. })), "{scale} {e:?}");
        }
        assert!(bin_errors(&x).is_err() && autocorrelation_function(&x, 2).is_err());
    }
    // Equal samples have no spread to overflow.
    let constant = Estimate::from_chain(&[f64::MAX; 50]).unwrap();
    assert_eq!((constant.value, constant.source), (f64::MAX, Source::Constant));
    // A derived quantity near the largest number: the bias is taken off without exceeding it.
    let x: Vec<f64> = noise[..1000].iter().map(|x| 1.0 + 1e-9 * x).collect();
    let e = jackknife(&[&x], |m| m[0] * 1e307).unwrap();
    assert!((e.value / 1e307 - 1.0).abs() < 1e-6 && e.std_error > 1e298 && e.std_error < 1e301, "{e:?}");
    let overflow = jackknife(&[&x], |m| (m[0] - 1.0) * 1e300 * 1e15);
    assert!(matches!(overflow, Err(Error::Undefined { .. })), "{overflow:?}");
}

#[test]
fn two_values_drift_and_frozen_ends() {
    use crate::rng::{Draw, Streams};
    let mut rng = Streams::new(12).stream("two", 0);
    // Spins that flip with probability ¼: ρ(t) = 2⁻ᵗ, τ = ½ + 1.
    let mut s = 1.0;
    let spins: Vec<f64> = (0..40_000)
        .map(|_| {
            s *= if rng.chance(0.25) { -1.0 } else { 1.0 };
            s
        })
        .collect();
    let e = Estimate::from_chain(&spins).unwrap();
    assert!((e.tau_int - 1.5).abs() < 0.15 && e.z(0.0).abs() < 5.0, "{e:?}");
    // A single excursion: a hundred samples of 1 in ten thousand zeros are one event, not a hundred.
    let lonely: Vec<f64> = (0..10_000).map(|i| f64::from(u8::from((5000..5100).contains(&i)))).collect();
    let e = Estimate::from_chain(&lonely).unwrap();
    assert!(e.std_error > 0.5 * e.value, "{e:?}");
    // Strict alternation: the mean is far better known than from independent samples, and finite.
    let alternating: Vec<f64> = (0..1000).map(|i| f64::from(i % 2)).collect();
    let e = Estimate::from_chain(&alternating).unwrap();
    assert!(e.n_eff > 1000.0 && e.std_error > 0.0 && e.std_error < 0.005, "{e:?}");
    // A drift under noise that hides it from the window: no error bar, rather than one that is wrong.
    for n in [10_000, 100_000] {
        let drift: Vec<f64> = (0..n).map(|i| rng.normal() + f64::from(i) / f64::from(n)).collect();
        let e = Estimate::from_chain(&drift);
        assert!(matches!(e, Err(Error::TooShort { .. })), "{n} {e:?}");
    }
    let chain = |c: f64| -> Vec<f64> { vec![c; 100] };
    let (low, high) = (chain(0.0), chain(1.0));
    // Frozen at different values: the spread between the chains, with one degree of freedom.
    let e = Estimate::from_chains(&[&low, &high]).unwrap();
    assert!((e.value - 0.5).abs() < 1e-15 && e.dof == 1.0 && e.std_error > 0.5, "{e:?}");
    // Some frozen, some not: the error of zero of the frozen one would be believed.
    let e = Estimate::from_chains(&[&spins[..5000], &high]);
    assert!(matches!(&e, Err(Error::Undefined { why, .. }) if why.contains("chain 1")), "{e:?}");
    assert!(matches!(autocorrelation_function(&spins, usize::MAX), Err(Error::TooShort { .. })));
}

#[test]
fn weak_slow_modes_are_seen() {
    use crate::rng::{Draw, Streams};
    // White noise of variance 1 over an AR(1) process of variance v and time τ: τ_int = (½ + v τ) / (1 + v). The window
    // alone ends after a few lags.
    let (tau, v): (f64, f64) = (200.0, 0.02);
    let phi = (2.0 * tau - 1.0) / (2.0 * tau + 1.0);
    let exact = (0.5 + v * tau) / (1.0 + v);
    let mut chi2 = 0.0;
    let mut taus = Vec::new();
    for run in 0..60 {
        let mut rng = Streams::new(13).stream("slow mode", run);
        let mut slow = v.sqrt() * rng.normal();
        let series: Vec<f64> = (0..50_000)
            .map(|_| {
                slow = phi * slow + (v * (1.0 - phi * phi)).sqrt() * rng.normal();
                slow + rng.normal()
            })
            .collect();
        let e = Estimate::from_chain(&series).unwrap();
        taus.push(e.tau_int / exact);
        chi2 += e.z(0.0).powi(2);
    }
    let mean = Estimate::from_independent(&taus).unwrap();
    assert!((mean.value - 1.0).abs() < 0.25, "{mean}");
    assert!((25.0..120.0).contains(&chi2), "chi² {chi2} for 60 degrees of freedom");
}

#[test]
fn jackknife_uses_every_sample() {
    // f = mean must give the mean of all samples, and the error of unequal blocks: 1007 samples make 100 blocks of 10
    // and 11. For single samples the jackknife of a mean is s/√n exactly.
    use crate::rng::{Draw, Streams};
    let mut rng = Streams::new(14).stream("all", 0);
    let x: Vec<f64> = (0..1007).map(|_| rng.normal()).collect();
    let plain = Estimate::from_independent(&x).unwrap();
    let e = jackknife(&[&x], |m| m[0]).unwrap();
    assert!((e.value - plain.value).abs() < 1e-12, "{e:?} {plain:?}");
    assert_eq!(e.dof, 99.0);
    assert!((e.raw_error() / plain.raw_error() - 1.0).abs() < 5.0 / (2.0 * 99f64).sqrt(), "{e:?} {plain:?}");
    let few = jackknife(&[&x[..97]], |m| m[0]).unwrap();
    let plain = Estimate::from_independent(&x[..97]).unwrap();
    assert_eq!(few.dof, 96.0);
    let tau_edges = 1.0 / (1.0 - (few.tau_int - 0.25 / few.tau_int));
    assert!((few.raw_error() / (plain.raw_error() * tau_edges.sqrt()) - 1.0).abs() < 1e-12);
    // A constant last sample that would have been dropped counts.
    let mut moved = x.clone();
    moved[1006] += 1007.0;
    let shifted = jackknife(&[&moved], |m| m[0]).unwrap();
    assert!((shifted.value - e.value - 1.0).abs() < 1e-12);
    // Chains of unlike lengths: the variance of the mean of all is unbiased over many draws.
    let mut sum = 0.0;
    for run in 0..400 {
        let mut rng = Streams::new(15).stream("chains", run);
        let mut draw = |n: usize| -> Vec<f64> { (0..n).map(|_| rng.normal()).collect() };
        let (a, b, c) = (draw(700), draw(55), draw(9));
        let e = jackknife_chains(&[&[&a], &[&b], &[&c]], |m| m[0]).unwrap();
        sum += e.raw_error().powi(2) * 764.0 / 400.0;
    }
    // One variance estimate has a relative error of √(2/dof), about 0.15.
    assert!((sum - 1.0).abs() < 5.0 * 0.15 / 20.0 + 0.02, "{sum}");
    // Ten short chains are ten blocks, even where none is ten autocorrelation times long.
    let mut x = 0.0;
    let slow: Vec<Vec<f64>> = (0..12)
        .map(|_| {
            (0..90)
                .map(|_| {
                    x = 0.9 * x + rng.normal();
                    x
                })
                .collect()
        })
        .collect();
    let columns: Vec<[&[f64]; 1]> = slow.iter().map(|s| [s.as_slice()]).collect();
    let chains: Vec<&[&[f64]]> = columns.iter().map(|c| c.as_slice()).collect();
    assert_eq!(jackknife_chains(&chains, |m| m[0]).unwrap().dof, 11.0);
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

/// Fraction of `runs` in which the error bar, the 68.27 % interval and the 95 % interval cover the truth.
fn coverage(runs: u64, truth: f64, estimate: impl Fn(u64) -> Result<Estimate> + Sync) -> [f64; 3] {
    let hits = crate::parallel::map(crate::parallel::Par::Rayon, runs as usize, |run| {
        // A refusal counts as a miss; it is rarer than 1e-3 at n_eff = 50.
        let Ok(e) = estimate(run as u64) else { return [false; 3] };
        let inside = |level: f64| {
            let (low, high) = e.interval(level).unwrap();
            (low..=high).contains(&truth)
        };
        [e.z(truth).abs() <= 1.0, inside(ONE_SIGMA), inside(0.95)]
    });
    std::array::from_fn(|k| hits.iter().filter(|h| h[k]).count() as f64 / runs as f64)
}

const ONE_SIGMA: f64 = 0.682_689_492_137_086;

/// Coverage of 20,000 runs against 68.27 % and 95 %. The gate is five standard errors of a binomial, 1.65 % and 0.77 %:
/// two of them are missed by chance once in 10⁶.
fn assert_covers(what: &str, truth: f64, estimate: impl Fn(u64) -> Result<Estimate> + Sync) {
    let runs = 20_000;
    let [bar, interval, wide] = coverage(runs, truth, estimate);
    println!("{what}: bar {bar} interval {interval} wide {wide}");
    let gate = |p: f64| 5.0 * (p * (1.0 - p) / runs as f64).sqrt();
    assert!((bar - ONE_SIGMA).abs() < gate(ONE_SIGMA), "{what}: {bar}");
    assert!((interval - bar).abs() < 2e-4, "{what}: {interval} {bar}");
    assert!((wide - 0.95).abs() < gate(0.95), "{what}: {wide}");
}

#[test]
fn few_samples_cover_what_they_say() {
    use crate::rng::{Draw, Streams};
    let normals = |purpose: &str, run: u64, n: usize| -> Vec<f64> {
        let mut rng = Streams::new(21).stream(purpose, run);
        (0..n).map(|_| rng.normal()).collect()
    };
    for n in [3, 5, 10] {
        assert_covers(&format!("{n} independent samples"), 0.0, |run| {
            Estimate::from_independent(&normals("few", run, n))
        });
    }
    // Eight samples and thirty, with errors of like size: between 7 and 36 degrees of freedom.
    assert_covers("a sum", 0.0, |run| {
        let few = Estimate::from_independent(&normals("sum", run, 8))?;
        let many = Estimate::from_independent(&normals("more", run, 30))?;
        Ok(few.plus(many.affine(0.0, 2.0)))
    });
    // Weights e^{x/2} of normal x: n_eff = n e^{-1/4}.
    assert_covers("a population", 0.0, |run| {
        let (x, values) = (normals("weights", run, 200), normals("values", run, 200));
        Estimate::from_population(&values, &x.iter().map(|x| 0.5 * x).collect::<Vec<_>>())
    });
    // exp of a mean, and a ratio of means, of 2000 samples: the curvature over one error is small.
    assert_covers("an exponential by the jackknife", 1f64.exp(), |run| {
        let x: Vec<f64> = normals("exp", run, 2000).iter().map(|x| 1.0 + x).collect();
        jackknife(&[&x], |m| m[0].exp())
    });
    assert_covers("a ratio by the jackknife", 0.5, |run| {
        let x = normals("ratio", run, 2003);
        let y: Vec<f64> =
            normals("below", run, 2003).iter().zip(&x).map(|(y, x)| 2.0 + 0.3 * (y + x)).collect();
        let x: Vec<f64> = x.iter().map(|x| 1.0 + 0.3 * x).collect();
        jackknife(&[&x, &y], |m| m[0] / m[1])
    });
}

/// A stationary AR(1) series with the given autocorrelation time, which is ½ (1 + φ) / (1 - φ).
fn ar1(n: usize, tau: f64, rng: &mut crate::rng::Stream) -> Vec<f64> {
    use crate::rng::Draw;
    let phi = (2.0 * tau - 1.0) / (2.0 * tau + 1.0);
    let mut x = rng.normal() / (1.0 - phi * phi).sqrt();
    (0..n)
        .map(|_| {
            x = phi * x + rng.normal();
            x
        })
        .collect()
}

#[test]
fn error_bars_cover_what_they_say() {
    use crate::rng::Streams;
    for tau in [0.5, 5.0, 50.0f64] {
        for n_eff in [50.0, 200.0] {
            let n = (n_eff * 2.0 * tau) as usize;
            let series = |run| ar1(n, tau, &mut Streams::new(77).child("ar1", tau as u64).stream("run", run));
            let [bar, interval, wide] = coverage(20_000, 0.0, |run| Estimate::from_chain(&series(run)));
            println!("tau {tau} n_eff {n_eff}: bar {bar} interval {interval} wide {wide}");
            // The statistical error of a coverage from 20,000 runs is 0.33 %.
            assert!((bar - 0.683).abs() < 0.015 && (interval - 0.683).abs() < 0.015);
            // The widest blocks are few where the chain is short: see `jackknife`.
            if tau < 10.0 || n_eff > 100.0 {
                // As wide where the blocks are few and touch.
                let [bar, _, wide] = coverage(20_000, 0.0, |run| jackknife(&[&series(run)], |m| m[0]));
                println!("tau {tau} n_eff {n_eff}: jackknife {bar} wide {wide}");
                assert!((bar - 0.683).abs() < 0.015, "{bar}");
            }
        }
    }
}

/// Neighbours that undo one another: the error of the mean is smaller than that of independent samples, by a factor
/// √((1 + φ) / (1 - φ)), and not by more.
#[test]
fn error_bars_of_anticorrelated_chains_cover_what_they_say() {
    for (k, phi) in [-0.3, -0.5, -0.7].into_iter().enumerate() {
        for n in [300, 2000, 20_001] {
            let runs = if n > 10_000 { 400 } else { 2000 };
            let z2: f64 = (0..runs)
                .map(|run| {
                    let mut rng = Streams::new(17 + k as u64).stream("anti", run);
                    let mut x = rng.normal() / (1.0f64 - phi * phi).sqrt();
                    let series: Vec<f64> = (0..n)
                        .map(|_| {
                            x = phi * x + rng.normal();
                            x
                        })
                        .collect();
                    Estimate::from_chain(&series).unwrap().z(0.0).powi(2)
                })
                .sum();
            // ⟨z²⟩ = 1 with an error of √(2 / runs); errors that are some 10 % too large are allowed, too small ones not.
            let mean = z2 / runs as f64;
            let noise = 5.0 * (2.0 / runs as f64).sqrt();
            assert!(mean < 1.08 + noise && mean > 0.75 - noise, "phi {phi}, n {n}: <z²> = {mean}");
        }
    }
}

#[test]
fn groups_of_chains_add_their_variances_and_their_samples() {
    use crate::rng::{Draw, Streams};
    // ⟨a⟩ ⟨b⟩ of two AR(1) chains of different memory, whose blocks are left out chain by chain; exactly 3 · 2.
    let (phi, means) = ([0.8, 0.5], [3.0, 2.0]);
    let mut chi2 = 0.0;
    for run in 0..200 {
        let mut rng = Streams::new(21).stream("groups", run);
        let chains: Vec<Vec<f64>> = (0..2)
            .map(|c| {
                let mut x = rng.normal() / (1.0f64 - phi[c] * phi[c]).sqrt();
                let step = |_| {
                    x = phi[c] * x + rng.normal();
                    means[c] + x
                };
                (0..4000).map(step).collect()
            })
            .collect();
        let mean = |c: usize| chains[c].iter().sum::<f64>() / 4000.0;
        let value = mean(0) * mean(1);
        let groups: Vec<LeftOut> = (0..2)
            .map(|c| {
                let sums = chains[c].chunks(80).map(|block| block.iter().sum::<f64>());
                let rest = sums.map(|s| (4000.0 * mean(c) - s) / 3920.0 * mean(1 - c));
                LeftOut { values: rest.collect(), n: 4000, tau: (1.0 + phi[c]) / (2.0 - 2.0 * phi[c]) }
            })
            .collect();
        let e = jackknife_groups("a product", value, &groups).unwrap();
        // τ is 4.5 and 1.5: 444 and 1333 independent samples.
        assert!((e.n_eff - 4000.0 / 9.0 - 4000.0 / 3.0).abs() < 1e-9 && (e.tau_int - 2.25).abs() < 1e-12);
        chi2 += (e.value - 6.0).powi(2) / e.raw_error().powi(2);
    }
    // 5.3 standard deviations of χ² with 200 degrees of freedom, and the spread of 50 blocks.
    assert!((110.0..330.0).contains(&chi2), "{chi2}");
    let group = |values: Vec<f64>, n, tau| jackknife_groups("x", 1.0, &[LeftOut { values, n, tau }]);
    assert!(jackknife_groups("x", 1.0, &[]).is_err() && group(vec![1.0; 9], 900, 0.5).is_err());
    assert!(group(vec![1.0; 20], 20, 2.0).is_err() && group(vec![1.0; 20], 2000, f64::NAN).is_err());
    assert!(matches!(group(vec![f64::INFINITY; 20], 2000, 0.5), Err(Error::Undefined { .. })));
    assert_eq!(group(vec![1.0; 20], 2000, 0.5).unwrap().source, Source::Constant);
    let fit = Estimate::of_fit(1.0, 0.1, f64::MAX);
    assert_eq!((fit.source, fit.n_eff, fit.raw_error()), (Source::Fit, f64::MAX, 0.1));
}
