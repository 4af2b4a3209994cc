use super::*;
use crate::{
    distribution::{
        Bernoulli, Binomial, Categorical, Discrete, DiscreteUniform, Exponential, Laplace, LogNormal, Pareto,
        Poisson, StudentT, Uniform,
    },
    estimate::Estimate,
};
use proptest::prelude::*;

fn streams() -> Streams {
    Streams::new(3)
}

#[test]
fn sup_distances_are_those_of_scipy() {
    // scipy 1.17: max over k of |binom.cdf(k) - norm.cdf| and |binom.cdf(k - 1) - norm.cdf|
    for (n, p, want) in [
        (100, 0.5, 0.039_794_618_693_588_97),
        (30, 0.1, 0.147_439_171_791_847_73),
        (10, 0.3, 0.149_610_718_400_000_18),
    ] {
        let coin = Bernoulli::new(p).unwrap();
        let exact = exact_sup_distance(&coin, n).unwrap();
        assert!((exact - want).abs() < 1e-13, "{exact}");
        assert!(exact <= berry_esseen_bound(&coin, n).unwrap());
        // the same law given in closed form
        let sum = Binomial::new(n, p).unwrap();
        let direct = sup_distance_to_normal(&sum, n as f64 * p, (n as f64 * p * (1.0 - p)).sqrt()).unwrap();
        assert!((direct - want).abs() < 1e-13, "{direct}");
    }
    // 40 Poisson(0.7) make a Poisson(28)
    let exact = exact_sup_distance(&Poisson::new(0.7).unwrap(), 40).unwrap();
    assert!((exact - 0.050_033_375_383_793_266).abs() < 1e-12, "{exact}");
}

#[test]
fn lattice_sums_are_exact() {
    let (first, p) = lattice_sum(&Bernoulli::new(0.3).unwrap(), 1000).unwrap();
    let binomial = Binomial::new(1000, 0.3).unwrap();
    assert_eq!((first, p.len()), (0, 1001));
    for (k, mass) in p.iter().enumerate() {
        let want = binomial.pmf(k as i64);
        assert!((mass - want).abs() <= 1e-11 * want + 1e-290, "{k}: {mass} against {want}");
    }
    // three dice: 27 ways of 10 in 216
    let (first, p) = lattice_sum(&DiscreteUniform::new(1, 6).unwrap(), 3).unwrap();
    assert_eq!(first, 3);
    assert!((p[7] - 27.0 / 216.0).abs() < 1e-15);
    assert!(matches!(lattice_sum(&Bernoulli::new(0.5).unwrap(), u64::MAX), Err(Error::TooLarge { .. })));
    assert!(lattice_sum(&Bernoulli::new(0.5).unwrap(), 0).is_err());
}

#[test]
fn berry_esseen_bounds_have_known_moments() {
    // ρ/σ³: coin 1; exponential 12/e - 2; uniform (1/32) 12^1.5; normal √(8/π)
    let cases: [(f64, f64); 4] = [
        (berry_esseen_bound(&Bernoulli::new(0.5).unwrap(), 100).unwrap(), 1.0),
        (berry_esseen_bound(&Exponential::new(3.0).unwrap(), 100).unwrap(), 12.0 / 1f64.exp() - 2.0),
        (berry_esseen_bound(&Uniform::new(-1.0, 7.0).unwrap(), 100).unwrap(), 12f64.powf(1.5) / 32.0),
        (berry_esseen_bound(&Normal::STANDARD, 100).unwrap(), (8.0 / std::f64::consts::PI).sqrt()),
    ];
    for (bound, ratio) in cases {
        assert!((bound - 0.0469 * ratio).abs() < 1e-12, "{bound} against {ratio}");
    }
    // Esseen's extremal law: the two-point law that makes (√10+3)/(6√2π) necessary
    let p = (4.0 - 10f64.sqrt()) / 2.0;
    let coin = Bernoulli::new(p).unwrap();
    let n = 20_000;
    let ratio = berry_esseen_bound(&coin, n).unwrap() / BERRY_ESSEEN;
    let reached = exact_sup_distance(&coin, n).unwrap() / ratio;
    assert!(reached < BERRY_ESSEEN && (reached - BERRY_ESSEEN_LOWER).abs() < 2e-3, "{reached}");
    let exact = (10f64.sqrt() + 3.0) / (6.0 * (2.0 * std::f64::consts::PI).sqrt());
    assert!((BERRY_ESSEEN_LOWER - exact).abs() < 1e-15 && BERRY_ESSEEN < BERRY_ESSEEN_2011);
}

#[test]
fn laws_without_moments_are_refused() {
    let cauchy = Cauchy::new(0.0, 1.0).unwrap();
    let heavy = Pareto::new(1.0, 1.5).unwrap();
    let no_third = StudentT::new(0.0, 1.0, 2.5).unwrap();
    let constant = Bernoulli::new(1.0).unwrap();
    fn undefined<T: std::fmt::Debug>(r: Result<T>) {
        assert!(matches!(r, Err(Error::Undefined { .. })), "{r:?}");
    }
    undefined(standardised_sums(&cauchy, 3, 5, &streams(), Par::Serial));
    undefined(standardised_sums(&heavy, 3, 5, &streams(), Par::Serial));
    undefined(standardised_sums(&constant, 3, 5, &streams(), Par::Serial));
    undefined(berry_esseen_bound(&cauchy, 3));
    undefined(berry_esseen_bound(&no_third, 3));
    undefined(coverage(&cauchy, 3, 0.9, Spread::Estimated, 10, &streams(), Par::Serial));
    assert!(standardised_sums(&no_third, 3, 5, &streams(), Par::Serial).is_ok());
    assert!(standardised_sums(&no_third, 0, 5, &streams(), Par::Serial).is_err());
}

#[test]
fn standardised_sums_become_normal_and_keep_their_bits() {
    let law = Exponential::new(0.1).unwrap();
    let rows = convergence(&law, &[1, 4, 64], 20_000, &streams(), Par::Rayon).unwrap();
    for row in &rows {
        // noise of the empirical distribution: P(√n D > 2.7) = 9e-7
        assert!(row.ks_to_normal <= row.bound + 2.7 / 20_000f64.sqrt(), "{row:?}");
    }
    // one exponential: sup at the left end, Φ(-1) = 0.158655
    assert!((rows[0].ks_to_normal - 0.158_655).abs() < 0.02);
    assert!(rows[2].ks_to_normal < 0.25 * rows[0].ks_to_normal);
    let a = standardised_sums(&law, 16, 1000, &streams(), Par::Serial).unwrap();
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert_eq!(pool.install(|| standardised_sums(&law, 16, 1000, &streams(), Par::Rayon)).unwrap(), a);
    }
    assert_eq!(standardise(12.0, 4, 1.0, 2.0).unwrap(), 2.0);
    assert!(standardise(1.0, 0, 0.0, 1.0).is_err() && standardise(1.0, 1, 0.0, 0.0).is_err());
}

#[test]
fn means_of_cauchy_variables_do_not_concentrate() {
    let runs = 20_000;
    let noise = 2.7 / (runs as f64).sqrt();
    for row in cauchy_counterexample(&[1, 10, 100], runs, &streams(), Par::Rayon).unwrap() {
        assert!(row.ks_to_one_draw < noise, "{row:?}");
        assert!((row.ks_to_normal - CAUCHY_TO_NORMAL).abs() < noise, "{row:?}");
    }
    // the same distances of a law that does concentrate
    let laplace = Laplace::new(0.0, 1.0).unwrap();
    let means = sample_means(&laplace, 100, runs, &streams(), Par::Rayon).unwrap();
    assert!(ks_distance(&means, |x| laplace.cdf(x)).unwrap() > 0.3);
}

#[test]
fn kolmogorov_distances_are_those_of_scipy() {
    let x = [4.1, 5.2, 3.3, 6.7, 5.5, 4.9, 5.0, 6.1];
    let normal = Normal::new(5.0, 1.0).unwrap();
    assert!((ks_distance(&x, |x| normal.cdf(x)).unwrap() - 0.210_172_162_722_971_18).abs() < 1e-14);
    assert!((ks_distance_two(&x, &[1.0, 5.0, 5.0, 7.0, 9.0]).unwrap() - 0.4).abs() < 1e-15);
    // a step function met exactly has distance 0; ties are one step
    let coin = Bernoulli::new(0.5).unwrap();
    assert_eq!(ks_distance(&[0.0, 1.0, 0.0, 1.0], |x| coin.cdf(x)).unwrap(), 0.0);
    assert_eq!(ks_distance(&[0.0, 0.0, 0.0, 1.0], |x| coin.cdf(x)).unwrap(), 0.25);
    assert!(ks_distance(&[], |_| 0.0).is_err() && ks_distance(&[f64::NAN], |_| 0.0).is_err());
}

#[test]
fn kolmogorov_p_values_are_those_of_scipy() {
    // scipy.stats.kstwo.sf (1.17), for n of 500 and 600 Durbin's matrix in 60 digits: every branch, with its tail.
    for (d, n, want, tolerance) in [
        (0.1, 100, 0.252_692_757_006_387_4, 1e-11),
        (0.2, 50, 0.031_438_777_769_532_41, 1e-11),
        (0.3, 20, 0.043_067_066_658_516_23, 1e-11),
        (0.07, 100, 0.684_670_679_164_584_5, 1e-11),
        (0.0333, 500, 0.623_936_367_690_231_9, 1e-12),
        (0.4, 5, 0.3088, 1e-13),
        (0.15, 5, 0.9988, 1e-13),
        (0.12, 5, 0.999_987_712, 1e-13),
        (0.8, 5, 0.000_64, 1e-13),
        (0.5, 2, 0.5, 1e-13),
        (0.5, 10, 0.007_777_41, 1e-13),
        (0.3, 1000, 2.590_715_705_736_845e-80, 1e-8),
        (0.05, 1000, 0.013_012_074_781_090_332, 1e-5),
        (0.03, 600, 0.641_444_426_446_362_1, 1e-6),
        (0.06, 600, 0.025_508_283_967_760_413, 1e-5),
        (0.02, 5000, 0.036_139_413_953_256_37, 1e-5),
        (0.0061, 20_000, 0.444_531_061_360_287_64, 1e-5),
        (0.005, 100_000, 0.013_430_824_977_799_608, 1e-5),
        (0.001, 500_000, 0.698_980_144_366_366_1, 1e-5),
    ] {
        let found = ks_p_value(d, n);
        assert!((found / want - 1.0).abs() < tolerance, "{d}, {n}: {found} against {want}");
    }
    assert_eq!((ks_p_value(0.0, 10), ks_p_value(1.0, 10_000), ks_p_value(0.3, 0)), (1.0, 0.0, 1.0));
    assert!(ks_p_value(f64::NAN, 10).is_nan() && ks_p_value_two(f64::NAN, 10, 10).is_nan());
    // The two sides of a branch agree, and p falls with the distance.
    for n in [7, 499, 501, 3000] {
        let p: Vec<f64> = (0..400).map(|i| ks_p_value(f64::from(i) / 400.0, n)).collect();
        assert!(p.windows(2).all(|w| w[1] <= w[0] * (1.0 + 1e-6)), "{n}: {p:?}");
    }
    // Past the longest sum the limit takes over.
    let root = |n: f64| (3.0 / n).sqrt();
    let (before, after) = (ks_p_value(root(1.04e6), 1_040_000), ks_p_value(root(1.06e6), 1_060_000));
    assert!((before / after - 1.0).abs() < 2e-4, "{before} {after}");
    // scipy.stats.ks_2samp, method exact
    for (d, n, m, want) in [
        (0.4, 8, 5, 0.585_858_585_858_586),
        (0.5, 8, 8, 0.282_672_882_672_882_6),
        (0.3, 20, 30, 0.202_356_720_771_038_06),
        (0.6, 20, 30, 0.000_173_947_628_013_889_5),
        (0.05, 1000, 2000, 0.070_541_800_740_709_13),
    ] {
        let found = ks_p_value_two(d, n, m);
        assert!((found / want - 1.0).abs() < 1e-10, "{d}, {n}, {m}: {found} against {want}");
    }
    assert!((ks_p_value_two(0.02, 8000, 8000) - 0.0815).abs() < 1e-3); // 2 e^(-3.2)
}

#[test]
fn tests_of_a_mean_reject_as_often_as_they_say() {
    let (exponential, normal) = (Exponential::new(1.0).unwrap(), Normal::STANDARD);
    let of_normal = |alternative, spread, stream| {
        let (test, streams) =
            (Hypothesis { mean: 0.0, alternative, spread }, streams().child("size", stream));
        rejection_rate(&normal, 10, &test, 0.05, 40_000, &streams, Par::Rayon).unwrap()
    };
    let of_exponential = |alternative, spread, stream| {
        let (test, streams) =
            (Hypothesis { mean: 1.0, alternative, spread }, streams().child("size", stream));
        rejection_rate(&exponential, 300, &test, 0.1, 10_000, &streams, Par::Rayon).unwrap()
    };
    // Exact for normal samples: Student's t on nine degrees of freedom, and the normal law.
    for (i, side) in [Alternative::TwoSided, Alternative::Less, Alternative::Greater].into_iter().enumerate()
    {
        for (k, spread) in [Spread::Estimated, Spread::Known { std_dev: 1.0 }].into_iter().enumerate() {
            let found = of_normal(side, spread, (2 * i + k) as u64);
            assert!(found.p_value(0.05) > 1e-7, "{side:?} {spread:?}: {found}");
        }
        // Guaranteed: no more than stated, for a skew law.
        let spread = Spread::guaranteed_for(&exponential).unwrap();
        let found = of_exponential(side, spread, 10 + i as u64);
        assert!(found.value <= 0.1 || found.p_value(0.1) > 1e-7, "{side:?}: {found}");
    }
    // Power: scipy.stats.nct.sf(t.ppf(0.95, 9), 9, sqrt(10)/2) for a mean of 1/2.
    let shifted = Normal::new(0.5, 1.0).unwrap();
    let streams = streams().child("power", 0);
    let greater = Hypothesis { mean: 0.0, alternative: Alternative::Greater, spread: Spread::Estimated };
    let found = rejection_rate(&shifted, 10, &greater, 0.05, 40_000, &streams, Par::Rayon);
    assert!(found.unwrap().p_value(0.4272898267711785) > 1e-7);
    for alpha in [0.0, 1.0, f64::NAN] {
        assert!(rejection_rate(&normal, 10, &greater, alpha, 10, &streams, Par::Serial).is_err());
    }
}

#[test]
fn intervals_and_tests_are_those_of_scipy() {
    let x = [4.1, 5.2, 3.3, 6.7, 5.5, 4.9, 5.0, 6.1];
    // scipy.stats.ttest_1samp(x, 4.5), t.interval(0.9)
    let t = mean_test(&x, 4.5, Alternative::TwoSided, Spread::Estimated).unwrap();
    assert!(
        (t.statistic - 1.585_470_186_008_929_3).abs() < 1e-12
            && (t.p_value - 0.156_879_042_130_222_47).abs() < 1e-12
    );
    let greater = mean_test(&x, 4.5, Alternative::Greater, Spread::Estimated).unwrap();
    let less = mean_test(&x, 4.5, Alternative::Less, Spread::Estimated).unwrap();
    assert!((greater.p_value - 0.078_439_521_065_111_23).abs() < 1e-12);
    assert!((greater.p_value + less.p_value - 1.0).abs() < 1e-12);
    let (lower, upper) = mean_interval(&x, 0.9, Spread::Estimated).unwrap();
    assert!((lower - 4.383_022_050_439_489).abs() < 1e-9 && (upper - 5.816_977_949_560_51).abs() < 1e-9);
    let z = mean_test(&x, 4.5, Alternative::TwoSided, Spread::Known { std_dev: 1.2 }).unwrap();
    assert!((z.p_value - 0.157_299_207_050_285_22).abs() < 1e-12);
    // guaranteed: 8 samples allow no interval; the p-value grows by 2 C ρ/(σ³√n), cut at 1
    let moments = Spread::Guaranteed { std_dev: 1.2, third_absolute_moment: 1.6 * 1.728 };
    assert!(matches!(mean_interval(&x, 0.9, moments), Err(Error::TooShort { have: 8, needed: 226 })));
    let wide = mean_test(&x, 4.5, Alternative::TwoSided, moments).unwrap();
    assert!((wide.p_value - (z.p_value + 2.0 * 0.469 * 1.6 / 8f64.sqrt())).abs() < 1e-12);
    assert_eq!(samples_needed(1.2, 1.6 * 1.728, 0.9).unwrap(), 226.0);
    // bad input
    assert!(
        mean_interval(&x, 1.0, Spread::Estimated).is_err()
            && mean_interval(&x[..1], 0.9, Spread::Estimated).is_err()
    );
    assert!(matches!(mean_interval(&[2.0; 9], 0.9, Spread::Estimated), Err(Error::Undefined { .. })));
    let impossible = Spread::Guaranteed { std_dev: 1.0, third_absolute_moment: 0.5 };
    assert!(
        mean_interval(&x, 0.9, impossible).is_err()
            && mean_interval(&[f64::NAN; 3], 0.9, Spread::Estimated).is_err()
    );
}

#[test]
fn coverage_is_what_each_kind_of_interval_promises() {
    let near = |e: Estimate, level: f64| e.z(level).abs() < 5.0;
    // Student's interval is exact for normal samples, also for n = 3; the normal one with known σ too
    let normal = Normal::new(7.0, 2.0).unwrap();
    let run = |spread, n| coverage(&normal, n, 0.9, spread, 20_000, &streams(), Par::Rayon).unwrap();
    assert!(near(run(Spread::Estimated, 3), 0.9));
    assert!(near(run(Spread::Known { std_dev: 2.0 }, 2), 0.9));
    // skewed laws are not covered for small n, and are covered by the guarantee
    let skewed = LogNormal::new(0.0, 1.0).unwrap();
    let plain = coverage(&skewed, 10, 0.95, Spread::Estimated, 20_000, &streams(), Par::Rayon).unwrap();
    assert!(plain.z(0.95) < -20.0, "{plain}");
    let rare = Bernoulli::new(0.1).unwrap();
    let n = 400;
    let guaranteed = Spread::guaranteed_for(&rare).unwrap();
    let sure = coverage(&rare, n, 0.8, guaranteed, 20_000, &streams(), Par::Rayon).unwrap();
    assert!(sure.z(0.8) > -5.0, "{sure}");
    // exact coverage of the known-σ interval for this lattice law, by summation
    let sigma = 0.3;
    let level = 0.8;
    let law = Binomial::new(n, 0.1).unwrap();
    let exact: f64 = (0..=n as i64)
        .filter(|k| {
            let half = 1.281_551_565_544_600_4 * sigma / (n as f64).sqrt();
            (*k as f64 / n as f64 - 0.1).abs() <= half
        })
        .map(|k| law.pmf(k))
        .sum();
    let measured =
        coverage(&rare, n, level, Spread::Known { std_dev: sigma }, 20_000, &streams(), Par::Rayon).unwrap();
    assert!(measured.z(exact).abs() < 5.0, "{measured} against {exact}");
    let few = coverage(&rare, 5, 0.8, guaranteed, 10, &streams(), Par::Serial);
    assert!(matches!(few, Err(Error::TooShort { .. })));
}

#[test]
fn histograms_count_everything_once() {
    let h = Histogram::new(&[-1.0, 0.0, 0.1, 0.5, 1.0, 1.1, f64::INFINITY], 0.0, 1.0, 2).unwrap();
    assert_eq!((h.counts(), h.outside(), h.n()), (&[2, 2][..], (1, 2), 7));
    assert_eq!(h.edges(), [0.0, 0.5, 1.0]);
    assert_eq!(h.density()[1], (0.75, 2.0 / 3.5));
    for bad in [
        Histogram::new(&[], 1.0, 1.0, 2),
        Histogram::new(&[], 0.0, 1.0, 0),
        Histogram::new(&[f64::NAN], 0.0, 1.0, 3),
        Histogram::new(&[], 0.0, f64::INFINITY, 3),
    ] {
        assert!(bad.is_err());
    }
    let law = Uniform::new(0.0, 1.0).unwrap();
    let h = standardised_sum_histogram(&law, 12, 5000, 40, (-4.0, 4.0), &streams(), Par::Rayon).unwrap();
    assert_eq!(h.n(), 5000);
}

proptest! {
    #[test]
    fn the_bound_holds_for_random_lattice_laws(weights in proptest::collection::vec(0.0..1.0f64, 2..12), n in 1..60u64) {
        prop_assume!(weights.iter().filter(|w| **w > 1e-3).count() >= 2);
        let law = Categorical::from_weights(&weights).unwrap();
        prop_assert!(exact_sup_distance(&law, n).unwrap() <= berry_esseen_bound(&law, n).unwrap() + 1e-12);
    }
}
