//! Rare events, huge counts, far tails and extreme parameters, against mpmath 1.3.0 (60 digits) unless said otherwise:
//! regularised incomplete beta and gamma functions, or sums of the masses.

use super::*;
use crate::{error::Error, rng::Streams};
use std::time::{Duration, Instant};

fn close(what: &str, got: f64, want: f64, relative: f64) {
    assert!((got - want).abs() <= relative * want.abs(), "{what}: {got:e} against {want:e}");
}

#[test]
fn rare_events_among_many() {
    for (n, p, k, cdf, sf) in [
        (100_000_000_000_000, 1e-13, 8.0, 0.332_819_678_750_707_6, 0.667_180_321_249_292_4),
        (1 << 53, 1e-15, 6.0, 0.206_125_844_096_018_28, 0.793_874_155_903_981_7),
        (100_000_000, 1e-7, 8.0, 0.332_819_667_490_815_1, 0.667_180_332_509_184_9),
    ] {
        let d = Binomial::new(n, p).unwrap();
        close("binomial cdf", d.cdf(k), cdf, 1e-13);
        close("binomial sf", d.sf(k), sf, 1e-13);
    }
    let almost = 1.0 - f64::EPSILON / 2.0;
    for (r, p, k, ln, cdf, sf) in [
        (1e12, 1.0 - 1e-11, 5, -3.2745666915536895, 0.067_085_931_572_808_83, 0.932_914_068_427_191_2),
        (1e-6, 0.1, 5, -15.951_751_267_939_978, 0.999_999_527_537_660_2, 4.724_623_398_086_847e-7),
        (1e16, almost, 3, -2.588_299_739_170_322_6, 0.973_496_624_481_077_9, 0.026_503_375_518_922_11),
        (1e18, almost, 100, -3.788_567_596_507_054, 0.158_905_347_733_345_07, 0.841_094_652_266_654_9),
    ] {
        let d = NegativeBinomial::new(r, p).unwrap();
        close("negative binomial ln pmf", d.ln_pmf(k), ln, 1e-13);
        close("negative binomial cdf", d.cdf(k as f64), cdf, 1e-12);
        close("negative binomial sf", d.sf(k as f64), sf, 1e-12);
        close("negative binomial total", total_probability(&d).unwrap(), 1.0, 1e-12);
    }
    let largest = NegativeBinomial::new(1e6, 1e6 / 8e15).unwrap();
    let mut rng = Streams::new(5).stream("draws", 0);
    for _ in 0..1000 {
        // mean 8e15, standard deviation 8e12
        assert!((largest.draw(&mut rng) as f64 / 8e15 - 1.0).abs() < 6e-3);
    }
}

#[test]
fn small_tails_are_not_differences() {
    assert_eq!(Bernoulli::new(1e-17).unwrap().sf(0.0), 1e-17);
    assert_eq!(Bernoulli::new(1e-10).unwrap().sf(0.5), 1e-10);
    close("beta sf", Beta::new(1e-10, 1.0).unwrap().sf(0.3), 1.203_972_804_253_458_5e-10, 1e-14);
    close("beta cdf", Beta::new(1.0, 1e-10).unwrap().cdf(0.7), 1.203_972_804_253_458_4e-10, 1e-14);
    close("gamma sf", Gamma::new(1e-10, 1.0).unwrap().sf(1.0), 2.193_839_344_179_677_9e-11, 1e-14);
    // 1 - m/x with the given floating-point numbers
    let pareto = Pareto::new(0.3, 1.0).unwrap();
    close("pareto cdf", pareto.cdf(0.3 * (1.0 + 1e-12)), 1.000_125_908_015_495e-12, 1e-14);
}

#[test]
fn student_in_far_tails_and_for_many_degrees_of_freedom() {
    for (t, dof, sf) in [
        (5.0, 1e11, 2.866_515_723_623_777_5e-7),
        (5.0, 1e13, 2.866_515_718_840_257_5e-7),
        (1e200, 1.0, 3.183_098_861_837_906_8e-201),
        (1e300, 0.1, 4.173_803_137_173_201_7e-31),
    ] {
        let d = StudentT::new(0.0, 1.0, dof).unwrap();
        close("student sf", d.sf(t), sf, 1e-12);
        close("student cdf", d.cdf(-t), sf, 1e-12);
    }
    assert!(StudentT::new(0.0, 1.0, 2.0).unwrap().sf(1e160) > 0.0);
    for (p, dof, t) in [
        (1e-12, 1.0, -318_309_886_183.790_7),
        (1e-100, 2.0, -7.071_067_811_865_475e49),
        (1e-300, 2.0, -7.071_067_811_865_475e149),
        (0.3, 0.1, -27.170_126_296_735_763),
        (0.2, 0.05, -10_372_204.471_589_975),
        (1e-10, 0.1, -1.604_425_705_666_548_6e96),
        (1e-100, 1000.0, -23.930617087826445),
        (0.025, 1e5, -1.959_987_707_534_609_6),
        (0.025, 9e5, -1.959_966_620_400_461_3),
        (0.025, 1e12, -1.959_963_984_542_426_5),
        (0.158_655_253_931_457, 2e5, -1.000_002_500_006_250_3),
        (1e-100, 1e12, -21.273_453_563_377_52),
        (1e-300, 30.0, -50178575360.50508),
        (0.4, 7.5, -0.262_501_898_804_294_65),
    ] {
        // a tail to rounding, and the factor |ln p| / (t h(t)) for few degrees of freedom
        let relative = if dof < 1.0 { 1e-12 } else { 3e-14 };
        let relative = if p == 1e-300 && dof == 30.0 { 1e-12 } else { relative };
        close(&format!("student quantile of {p}, {dof}"), student_t_quantile(p, dof), t, relative);
        if p > 1e-3 {
            close("student upper quantile", student_t_quantile(1.0 - p, dof), -t, 1e-12);
        }
    }
    for (p, dof) in
        [(0.0, 1.0), (1.0, 1.0), (1.5, 3.0), (-0.1, 3.0), (f64::NAN, 3.0), (0.1, 0.0), (0.1, f64::NAN)]
    {
        assert!(student_t_quantile(p, dof).is_nan(), "{p} {dof}");
    }
    // every pair comes back, and quickly
    let start = Instant::now();
    for e in -30..=30 {
        let dof = 10f64.powi(10 * e);
        for p in
            [f64::MIN_POSITIVE, 1e-100, 1e-10, 0.1, 0.24, 0.26, 0.499_999, 0.5, 0.500_001, 0.9, 1.0 - 1e-16]
        {
            let t = student_t_quantile(p, dof);
            assert!(!t.is_nan() && (t == 0.0) == (p == 0.5) && (t < 0.0) == (p < 0.5), "{p} {dof}: {t}");
        }
    }
    assert!(start.elapsed() < Duration::from_secs(20));
    let d = StudentT::new(0.0, 1.0, 0.1).unwrap();
    close("round trip", d.sf(d.upper_quantile(1e-20).unwrap()), 1e-20, 1e-12);
    close(
        "entropy",
        StudentT::new(0.0, 1.0, 1e5).unwrap().entropy().unwrap(),
        1.418_948_533_229_672_6,
        1e-14,
    );
}

#[test]
fn moments_densities_and_entropies_of_extreme_parameters() {
    for (k, variance) in [
        (30.0, 0.001_681_780_500_218_016_6),
        (1e3, 1.640_642_681_484_991e-6),
        (1e6, 1.644_929_763_782_716_2e-12),
        (1e15, 1.644_934_066_848_222e-30),
    ] {
        close("weibull variance", Weibull::new(1.0, k).unwrap().variance().unwrap(), variance, 1e-13);
    }
    for (a, b, h) in [
        (0.5, 1e10, -22.935_241_000_051_47),
        (3.0, 1e12, -25.783_442_605_569_538),
        (500.0, 1e9, -16.197_691_004_119_21),
        (1e8, 0.25, -20.053_248_368_036_486),
    ] {
        close("beta entropy", Beta::new(a, b).unwrap().entropy().unwrap(), h, 1e-12);
    }
    let d = Beta::new(1e-9, 1e10).unwrap();
    close("beta ln pdf", d.ln_pdf(1e-10), 1.302_585_093_621_261_3, 1e-14);
    close("beta ln pdf", d.ln_pdf(1e-11), 4.505_170_184_272_222, 1e-14);
    assert_eq!(Gumbel::new(0.0, 1.0).unwrap().ln_pdf(f64::NEG_INFINITY), f64::NEG_INFINITY);
    assert_eq!(Maxwell::new(1.0).unwrap().ln_pdf(f64::INFINITY), f64::NEG_INFINITY);
    assert_eq!(LogNormal::new(-1e4, 30.0).unwrap().variance().unwrap(), 0.0);
    for infinite in [
        LogNormal::new(0.0, 100.0).unwrap().mean(),
        LogNormal::new(0.0, 30.0).unwrap().variance(),
        Normal::new(0.0, 1e200).unwrap().variance(),
    ] {
        assert!(matches!(infinite, Err(Error::Undefined { .. })), "{infinite:?}");
    }
    assert_eq!(Normal::new(0.0, 1e200).unwrap().std_dev().unwrap(), 1e200);
    let nothing = Poisson::new(0.0).unwrap();
    assert_eq!((nothing.pmf(0), nothing.pmf(1), nothing.cdf(0.0), nothing.sf(0.0)), (1.0, 0.0, 1.0, 0.0));
    assert_eq!((nothing.cdf(-1.0), nothing.entropy().unwrap(), nothing.support()), (0.0, 0.0, (0, 0)));
    assert_eq!(nothing.draw(&mut Streams::new(1).stream("p", 0)), 0);
}

#[test]
fn hypergeometric_laws_of_every_size() {
    for (n, marked, draws, k, ln, cdf, sf) in [
        (3000, 100, 100, 3, -1.483_875_232_801_529_2, 0.570_619_569_249_324_3, 0.429_380_430_750_675_7),
        (10_000, 100, 100, 1, -0.989_966_499_843_538_7, 0.735_783_654_347_429_1, 0.264_216_345_652_570_9),
        (
            1_000_000,
            1000,
            1000,
            1,
            -0.998_999_666_499_983_4,
            0.735_759_127_841_243_5,
            0.264_240_872_158_756_47,
        ),
    ] {
        let d = Hypergeometric::new(n, marked, draws).unwrap();
        close("hypergeometric ln pmf", d.ln_pmf(k), ln, 1e-13);
        close("hypergeometric cdf", d.cdf(k as f64), cdf, 1e-13);
        close("hypergeometric sf", d.sf(k as f64), sf, 1e-13);
    }
    // wide laws: masses summed by their ratio with 35 digits; each row is P(X <= k) or P(X > k)
    for (n, marked, draws, k, lower, want) in [
        (100000000, 50000000, 50000000, 24940000.0, true, 1.3967074185201394e-127),
        (100000000, 50000000, 50000000, 24991000.0, true, 0.00015923099264326693),
        (100000000, 50000000, 50000000, 24999900.0, true, 0.4841262881295783),
        (100000000, 50000000, 50000000, 25000050.0, false, 0.49194191394990133),
        (100000000, 50000000, 50000000, 25009000.0, false, 0.0001589862318755948),
        (100000000, 50000000, 50000000, 25060000.0, false, 1.3833401801301987e-127),
        (1000000000, 300000000, 100000000, 29940000.0, true, 1.2134706822914675e-43),
        (1000000000, 300000000, 100000000, 29991000.0, true, 0.019220461621500273),
        (1000000000, 300000000, 100000000, 29999900.0, true, 0.49087502585881126),
        (1000000000, 300000000, 100000000, 30000050.0, false, 0.4953610562008345),
        (1000000000, 300000000, 100000000, 30009000.0, false, 0.019213468948703544),
        (1000000000, 300000000, 100000000, 30060000.0, false, 1.290188363123715e-43),
    ] {
        let d = Hypergeometric::new(n, marked, draws).unwrap();
        close("wide hypergeometric tail", if lower { d.cdf(k) } else { d.sf(k) }, want, 2e-10);
    }
    let wide = Hypergeometric::new(100_000_000, 50_000_000, 50_000_000).unwrap();
    close("wide hypergeometric entropy", wide.entropy().unwrap(), 9.242_984_549_060_965, 1e-12);
    let start = Instant::now();
    for (n, marked, draws) in
        [(100_000_000_000_000, 50_000_000_000_000, 50_000_000_000_000), (1 << 53, 1 << 52, 1 << 52)]
    {
        let d = Hypergeometric::new(n, marked, draws).unwrap();
        // a symmetric law: its median is its mean, and its quantiles are those of the normal law to 1/σ
        let (mean, sd) = (d.mean().unwrap(), d.std_dev().unwrap());
        assert_eq!(d.quantile(0.5).unwrap() as f64, mean);
        for p in [1e-100, 1e-3, 0.3, 0.999] {
            let z = (d.quantile(p).unwrap() as f64 - mean) / sd;
            close("quantile", z, Normal::STANDARD.quantile(p).unwrap(), 1e-5);
        }
        let half_ln = 0.5 * (2.0 * std::f64::consts::PI * std::f64::consts::E).ln();
        // to 1/n, and to the spacing of f64 near the mean, 0.5/σ = 3e-8 for 2⁵³ items, averaged over 500 nodes
        close("entropy", d.entropy().unwrap(), half_ln + sd.ln(), 1e-9);
    }
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn hypergeometric_draws_follow_the_mass() {
    let mut seed = 0;
    for (n, marked, draws) in [
        (1_000_000, 1000, 1000),
        (3000, 100, 100),
        (60, 50, 20),
        (2000, 1000, 900),
        (100_000, 30_000, 20_000),
        (1 << 53, 1 << 52, 1 << 40),
        (1 << 53, 1 << 52, 1 << 52),
        (1 << 53, 1, 1 << 52),
    ] {
        let d = Hypergeometric::new(n, marked, draws).unwrap();
        seed += 1;
        let x: Vec<f64> =
            d.draws(20_000, &mut Streams::new(7).stream("draws", seed)).iter().map(|k| *k as f64).collect();
        // P(√n D > 2.7) = 9e-7 at most
        let distance = crate::central_limit::ks_distance(&x, |x| d.cdf(x)).unwrap();
        assert!(distance * 20_000f64.sqrt() < 2.7, "{n} {marked} {draws}: {distance}");
    }
}
