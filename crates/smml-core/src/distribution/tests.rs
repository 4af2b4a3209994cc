use super::{traits::*, *};
use crate::{central_limit::ks_distance, error::Error, rng::Streams};
use proptest::prelude::*;

/// ln density or mass, cdf, sf of a family by name.
fn evaluate(family: &str, p: &[f64], x: f64) -> [f64; 3] {
    fn c<D: Continuous>(d: crate::Result<D>, x: f64) -> [f64; 3] {
        let d = d.unwrap();
        [d.ln_pdf(x), d.cdf(x), d.sf(x)]
    }
    fn i<D: Discrete>(d: crate::Result<D>, x: f64) -> [f64; 3] {
        let d = d.unwrap();
        [d.ln_pmf(x as i64), d.cdf(x), d.sf(x)]
    }
    match family {
        "normal" => c(Normal::new(p[0], p[1]), x),
        "cauchy" => c(Cauchy::new(p[0], p[1]), x),
        "student" => c(StudentT::new(p[0], p[1], p[2]), x),
        "gamma" => c(Gamma::new(p[0], p[1]), x),
        "beta" => c(Beta::new(p[0], p[1]), x),
        "laplace" => c(Laplace::new(p[0], p[1]), x),
        "logistic" => c(Logistic::new(p[0], p[1]), x),
        "gumbel" => c(Gumbel::new(p[0], p[1]), x),
        "exponential" => c(Exponential::new(p[0]), x),
        "log-normal" => c(LogNormal::new(p[0], p[1]), x),
        "weibull" => c(Weibull::new(p[0], p[1]), x),
        "generalized-pareto" => c(GeneralizedPareto::new(p[0], p[1], p[2]), x),
        "pareto" => c(Pareto::new(p[0], p[1]), x),
        "maxwell" => c(Maxwell::new(p[0]), x),
        "binomial" => i(Binomial::new(p[0] as u64, p[1]), x),
        "poisson" => i(Poisson::new(p[0]), x),
        "geometric" => i(Geometric::new(p[0]), x),
        "negative-binomial" => i(NegativeBinomial::new(p[0], p[1]), x),
        "hypergeometric" => i(Hypergeometric::new(p[0] as u64, p[1] as u64, p[2] as u64), x),
        other => panic!("{other}"),
    }
}

#[test]
fn densities_and_both_tails_agree_with_high_precision_arithmetic() {
    let mut worst: std::collections::BTreeMap<&str, [f64; 3]> = Default::default();
    let (mut n, mut bad) = (0, 0);
    for line in include_str!("reference.csv").lines().filter(|l| !l.starts_with('#')) {
        let f: Vec<&str> = line.split(';').collect();
        let number = |s: &str| s.parse::<f64>().unwrap();
        let p: Vec<f64> = f[1].split(' ').map(number).collect();
        let got = evaluate(f[0], &p, number(f[2]));
        let row = worst.entry(f[0]).or_default();
        for k in 0..3 {
            let want = number(f[3 + k]);
            // ln f relative to max(1, |ln f|); tails relative, with the conditioning of e^(ln tail)
            let scale = if k == 0 { want.abs().max(1.0) } else { want * want.ln().abs().max(1.0) };
            let error = if want == got[k] { 0.0 } else { (got[k] - want).abs() / scale };
            if error > 1e-12 {
                println!("{line}: column {k} is {:e}, off by {error:e}", got[k]);
                bad += 1;
            }
            row[k] = row[k].max(error);
        }
        n += 1;
    }
    println!("{worst:?}");
    assert!(n > 200 && bad == 0, "{n} lines, {bad} off");
}

fn check_continuous<D: Continuous>(name: &str, d: &D, seed: u64) {
    let total = total_density(d).unwrap();
    assert!((total.value - 1.0).abs() < 1e-12, "{name}: density integrates to {total:?}");
    // moments and entropy against quadrature
    let mean = d.expect(|x| x);
    match d.mean() {
        Ok(m) => {
            assert!((mean.unwrap() - m).abs() <= 1e-9 * (1.0 + m.abs()), "{name}: mean");
            if let Ok(v) = d.variance() {
                let q = d.expect(|x| (x - m).powi(2)).unwrap();
                assert!((q / v - 1.0).abs() < 1e-8, "{name}: variance {v} against {q}");
                if let Ok(t) = d.third_absolute_moment() {
                    let q = d.expect(|x| (x - m).abs().powi(3)).unwrap();
                    assert!((q / t - 1.0).abs() < 1e-8, "{name}: third moment {t} against {q}");
                    assert!(t >= v.powf(1.5) * (1.0 - 1e-12), "{name}: Lyapunov's inequality");
                }
            }
        }
        Err(e) => assert!(matches!(e, Error::Undefined { .. }), "{name}"),
    }
    let h = traits::entropy_continuous(d).unwrap();
    assert!((h - d.entropy().unwrap()).abs() < 1e-9, "{name}: entropy {h} against {:?}", d.entropy());
    // quantiles invert both tails
    for p in [1e-12, 1e-3, 0.2, 0.5, 0.77, 0.999] {
        let x = d.quantile(p).unwrap();
        let (on, below) = (d.cdf(x), d.cdf(x.next_down()));
        assert!(on >= p * (1.0 - 1e-9) && below <= p * (1.0 + 1e-9), "{name}: cdf(quantile({p}))");
        let y = d.upper_quantile(p).unwrap();
        let (above, below) = (d.sf(y), d.sf(y.next_down()));
        assert!(above <= p * (1.0 + 1e-9) && below >= p * (1.0 - 1e-9), "{name}: sf(upper_quantile({p}))");
    }
    let (lower, upper) = d.support();
    assert_eq!((d.quantile(0.0).unwrap(), d.upper_quantile(0.0).unwrap()), (lower, upper), "{name}");
    assert!(d.quantile(-0.1).is_err() && d.quantile(f64::NAN).is_err() && d.upper_quantile(1.5).is_err());
    assert!(
        d.cdf(f64::NAN).is_nan() && d.sf(f64::NAN).is_nan() && d.ln_pdf(f64::NAN).is_nan(),
        "{name}: NaN"
    );
    assert_eq!([d.cdf(f64::NEG_INFINITY), d.cdf(f64::INFINITY)], [0.0, 1.0], "{name}");
    assert_eq!([d.sf(f64::NEG_INFINITY), d.sf(f64::INFINITY)], [1.0, 0.0], "{name}");
    // draws follow the distribution function: P(√n D > 2.7) = 9e-7
    let x = d.draws(20_000, &mut Streams::new(seed).stream("draws", 0));
    let distance = ks_distance(&x, |x| d.cdf(x)).unwrap();
    assert!(distance * 20_000f64.sqrt() < 2.7, "{name}: draws off by {distance}");
}

#[test]
fn continuous_families_hang_together() {
    check_continuous("normal", &Normal::new(-3.0, 1e-3).unwrap(), 1);
    check_continuous("normal", &Normal::new(1e3, 50.0).unwrap(), 2);
    check_continuous("cauchy", &Cauchy::new(2.0, 3.0).unwrap(), 3);
    check_continuous("laplace", &Laplace::new(2.0, 3.0).unwrap(), 4);
    check_continuous("logistic", &Logistic::new(2.0, 3.0).unwrap(), 5);
    check_continuous("gumbel", &Gumbel::new(2.0, 3.0).unwrap(), 6);
    for (i, dof) in [0.7, 1.5, 2.5, 3.5, 4.0, 50.0].into_iter().enumerate() {
        check_continuous("student", &StudentT::new(2.0, 3.0, dof).unwrap(), 7 + i as u64);
    }
    check_continuous("exponential", &Exponential::new(0.02).unwrap(), 20);
    for (i, shape) in [0.2, 0.9, 1.0, 3.0, 700.0].into_iter().enumerate() {
        check_continuous("gamma", &Gamma::new(shape, 0.3).unwrap(), 21 + i as u64);
    }
    check_continuous("chi-squared", &ChiSquared::new(5.0).unwrap(), 30);
    check_continuous("log-normal", &LogNormal::new(-1.0, 0.7).unwrap(), 31);
    check_continuous("weibull", &Weibull::new(2.0, 0.7).unwrap(), 32);
    check_continuous("weibull", &Weibull::new(2.0, 9.0).unwrap(), 33);
    for (i, shape) in [0.8, 1.5, 2.5, 5.0].into_iter().enumerate() {
        check_continuous("pareto", &Pareto::new(0.5, shape).unwrap(), 34 + i as u64);
    }
    for (i, shape) in [-0.4, 0.0, 0.2, 0.45, 1.3].into_iter().enumerate() {
        check_continuous(
            "generalised Pareto",
            &GeneralizedPareto::new(-1.0, 3.0, shape).unwrap(),
            40 + i as u64,
        );
    }
    check_continuous("maxwell", &Maxwell::new(2.0).unwrap(), 50);
    check_continuous("uniform", &Uniform::new(-2.0, 5.0).unwrap(), 51);
    for (i, (a, b)) in [(1.0, 1.0), (2.0, 5.0), (0.3, 2.0), (2000.0, 3000.0)].into_iter().enumerate() {
        check_continuous("beta", &Beta::new(a, b).unwrap(), 52 + i as u64);
    }
}

#[test]
fn densities_that_are_infinite_at_an_end_integrate_to_one() {
    fn check<D: Continuous>(name: &str, d: crate::Result<D>) {
        let d = d.unwrap();
        let total = total_density(&d).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!((total.value - 1.0).abs() < 1e-12, "{name}: {total:?}");
        let h = traits::entropy_continuous(&d).unwrap_or_else(|e| panic!("{name}: {e}"));
        let exact = d.entropy().unwrap();
        assert!((h - exact).abs() < 1e-10 * (1.0 + exact.abs()), "{name}: entropy {h}, not {exact}");
    }
    // The arcsine law, and others of its kind.
    for (a, b) in [(0.5, 0.5), (2.0, 0.3), (0.3, 2.0), (0.1, 0.1), (3.0, 0.05), (0.05, 0.05), (700.0, 0.2)] {
        check(&format!("beta {a} {b}"), Beta::new(a, b));
    }
    for shape in [0.05, 0.1, 0.5] {
        check(&format!("gamma {shape}"), Gamma::new(shape, 3.0));
        check(&format!("weibull {shape}"), Weibull::new(0.2, shape));
    }
    check("chi-squared 1", ChiSquared::new(1.0));
    for shape in [-1.0, -1.5, -2.0, -9.0] {
        check(&format!("generalised Pareto {shape}"), GeneralizedPareto::new(-1.0, 3.0, shape));
    }
    // Too much of the mass is nearer to the end than the smallest number: that is said.
    for shape in [1e-2, 1e-3] {
        let total = total_density(&Gamma::new(shape, 1.0).unwrap());
        assert!(matches!(total, Err(Error::NotConverged { .. })), "{total:?}");
        let total = total_density(&Beta::new(1.0, shape).unwrap());
        assert!(matches!(total, Err(Error::NotConverged { .. })), "{total:?}");
    }
}

fn check_discrete<D: Discrete>(name: &str, d: &D, seed: u64) {
    let (first, p) = d.table().unwrap();
    assert!((total_probability(d).unwrap() - 1.0).abs() < 1e-12, "{name}: {:?}", total_probability(d));
    let (mean, variance) = (d.mean().unwrap(), d.variance().unwrap());
    assert!((d.expect(|x| x).unwrap() - mean).abs() <= 1e-11 * (1.0 + mean.abs()), "{name}: mean");
    let second = d.expect(|x| (x - mean).powi(2)).unwrap();
    assert!((second - variance).abs() <= 1e-10 * variance, "{name}: variance {variance} against {second}");
    let h: f64 = p.iter().filter(|p| **p > 0.0).map(|p| -p * p.ln()).sum();
    assert!((d.entropy().unwrap() - h).abs() < 1e-9, "{name}: entropy");
    // the distribution function is the sum of masses, from both ends
    let mut sum = 0.0;
    let mut upper: Vec<f64> = vec![0.0; p.len()];
    for i in (1..p.len()).rev() {
        upper[i - 1] = upper[i] + p[i];
    }
    for (i, mass) in p.iter().enumerate() {
        sum += mass;
        let k = (first + i as i64) as f64;
        // the table leaves 1e-30 out
        assert!((d.cdf(k) - sum).abs() <= 1e-11 * sum + 1e-29, "{name}: cdf({k})");
        assert!((d.sf(k) - upper[i]).abs() <= 1e-11 * upper[i] + 1e-25, "{name}: sf({k})");
        assert_eq!(d.cdf(k + 0.5), d.cdf(k), "{name}");
    }
    for q in [0.0, 1e-9, 0.3, 0.5, 0.9, 1.0 - 1e-9] {
        let k = d.quantile(q).unwrap();
        assert!(d.cdf(k as f64) >= q * (1.0 - 1e-12), "{name}: quantile({q})");
        assert!(
            k == d.support().0 || d.cdf(k as f64 - 1.0) < q,
            "{name}: quantile({q}) = {k} is not the smallest"
        );
    }
    assert_eq!(d.pmf(d.support().0 - 1), 0.0);
    assert_eq!([d.cdf(f64::NEG_INFINITY), d.cdf(f64::INFINITY), d.sf(f64::INFINITY)], [0.0, 1.0, 0.0]);
    // χ² of 50,000 draws in cells of at least 10 expected
    let n = 50_000;
    let mut counts = vec![0.0; p.len()];
    let mut rng = Streams::new(seed).stream("draws", 0);
    for _ in 0..n {
        let k = (d.draw(&mut rng) - first) as usize;
        assert!(p[k] > 0.0, "{name}: an impossible draw {k}");
        counts[k] += 1.0;
    }
    let (mut expected, mut seen, mut chi2, mut cells) = (0.0, 0.0, 0.0, 0.0);
    for (i, mass) in p.iter().enumerate() {
        expected += mass * f64::from(n);
        seen += counts[i];
        let left: f64 = upper[i] * f64::from(n);
        if expected >= 10.0 && !(1e-9..10.0).contains(&left) {
            chi2 += (seen - expected).powi(2) / expected;
            cells += 1.0;
            (expected, seen) = (0.0, 0.0);
        }
    }
    chi2 += if expected > 1e-6 { (seen - expected).powi(2) / expected } else { 0.0 };
    // Wilson-Hilferty: 5 sigma
    let dof: f64 = f64::max(cells - 1.0, 1.0);
    let limit = dof * (1.0 - 2.0 / (9.0 * dof) + 5.0 * (2.0 / (9.0 * dof)).sqrt()).powi(3);
    assert!(chi2 < limit, "{name}: χ² = {chi2} with {dof} degrees of freedom");
}

#[test]
fn discrete_families_hang_together() {
    for (i, p) in [0.0, 0.3, 1.0].into_iter().enumerate() {
        check_discrete("bernoulli", &Bernoulli::new(p).unwrap(), i as u64);
    }
    for (i, (n, p)) in
        [(0, 0.5), (1, 0.2), (30, 0.0), (30, 1.0), (30, 0.77), (5000, 0.4)].into_iter().enumerate()
    {
        check_discrete("binomial", &Binomial::new(n, p).unwrap(), 10 + i as u64);
    }
    for (i, m) in [0.01, 3.0, 77.0, 3000.0].into_iter().enumerate() {
        check_discrete("poisson", &Poisson::new(m).unwrap(), 20 + i as u64);
    }
    for (i, p) in [0.02, 0.5, 1.0].into_iter().enumerate() {
        check_discrete("geometric", &Geometric::new(p).unwrap(), 30 + i as u64);
    }
    for (i, (r, p)) in [(0.4, 0.1), (3.0, 0.5), (7.5, 1.0)].into_iter().enumerate() {
        check_discrete("negative binomial", &NegativeBinomial::new(r, p).unwrap(), 40 + i as u64);
    }
    for (i, (n, k, d)) in
        [(50, 20, 10), (50, 20, 45), (1000, 300, 400), (5, 0, 3), (0, 0, 0)].into_iter().enumerate()
    {
        check_discrete("hypergeometric", &Hypergeometric::new(n, k, d).unwrap(), 50 + i as u64);
    }
    check_discrete("uniform", &DiscreteUniform::new(-3, 17).unwrap(), 60);
    check_discrete("categorical", &Categorical::new(&[0.0, 0.2, 0.0, 0.5, 0.3, 0.0]).unwrap(), 61);
    let weights: Vec<f64> = (0..200).map(|i| if i % 3 == 0 { 0.0 } else { f64::from(i) }).collect();
    check_discrete("categorical", &Categorical::from_weights(&weights).unwrap(), 62);
}

#[test]
fn parameters_out_of_range_are_refused_by_name() {
    let refused: Vec<(&str, crate::Result<()>)> = vec![
        ("std_dev", Normal::new(0.0, 0.0).map(drop)),
        ("mean", Normal::new(f64::NAN, 1.0).map(drop)),
        ("scale", Cauchy::new(0.0, -1.0).map(drop)),
        ("dof", StudentT::new(0.0, 1.0, 0.0).map(drop)),
        ("upper", Uniform::new(1.0, 1.0).map(drop)),
        ("upper", Uniform::new(-1e308, 1.7e308).map(drop)),
        ("rate", Exponential::new(f64::INFINITY).map(drop)),
        ("shape", Gamma::new(-1.0, 1.0).map(drop)),
        ("beta", Beta::new(1.0, f64::NAN).map(drop)),
        ("p", Bernoulli::new(1.1).map(drop)),
        ("p", Binomial::new(3, -0.1).map(drop)),
        ("n", Binomial::new(u64::MAX, 0.5).map(drop)),
        ("mean", Poisson::new(-1e-9).map(drop)),
        ("mean", Poisson::new(1e16).map(drop)),
        ("p", Geometric::new(0.0).map(drop)),
        ("r", NegativeBinomial::new(0.0, 0.5).map(drop)),
        ("r", NegativeBinomial::new(1.1e18, 1.0 - f64::EPSILON / 2.0).map(drop)),
        ("p", NegativeBinomial::new(3.0, 1e-15).map(drop)),
        ("marked", Hypergeometric::new(10, 11, 3).map(drop)),
        ("last", DiscreteUniform::new(3, 2).map(drop)),
        ("first", DiscreteUniform::new(i64::MIN, i64::MAX).map(drop)),
        ("probability 2", Categorical::new(&[0.5, 0.6, -0.1]).map(drop)),
        ("sum of the probabilities", Categorical::new(&[0.5, 0.4]).map(drop)),
    ];
    for (name, result) in refused {
        match result {
            Err(Error::OutOfRange { name: found, .. }) => assert_eq!(found, name),
            other => panic!("{name}: {other:?}"),
        }
    }
    assert!(Categorical::new(&[]).is_err() && Categorical::from_weights(&[0.0, 0.0]).is_err());
    let huge = Categorical::from_weights(&[1e308, 1e308, f64::MIN_POSITIVE]).unwrap();
    assert_eq!(huge.probabilities()[0], 0.5);
    let boltzmann = Categorical::from_ln_weights(&[-1e4, -1e4 - 2f64.ln(), f64::NEG_INFINITY]).unwrap();
    assert!((boltzmann.probabilities()[0] - 2.0 / 3.0).abs() < 1e-12);
}

#[test]
fn eq_1_probabilities_are_checked() {
    assert!(check_probabilities(&[1.0 / 6.0; 6], 1e-15).is_ok());
    for bad in [&[0.5, f64::NAN][..], &[0.5, f64::INFINITY], &[1.1, -0.1], &[0.5, 0.5 + 2e-9], &[]] {
        assert!(check_probabilities(bad, PROBABILITY_TOLERANCE).is_err(), "{bad:?}");
    }
    // a million terms do not add their rounding up
    let many = vec![1e-6; 1_000_000];
    assert!(check_probabilities(&many, 1e-15).is_ok());
    assert_eq!(normalise(&[1.0, 3.0]).unwrap(), [0.25, 0.75]);
}

#[test]
fn eq_2_densities_are_checked() {
    let normal = |x: f64| Normal::STANDARD.pdf(x);
    let total = check_density(normal, -40.0, 40.0, &[], 1e-12).unwrap();
    assert!((total.value - 1.0).abs() < 1e-14, "{total:?}");
    let line = (f64::NEG_INFINITY, f64::INFINITY);
    let cauchy = Cauchy::new(0.0, 1.0).unwrap();
    assert!(
        (check_density(|x| cauchy.pdf(x), line.0, line.1, &[], 1e-12).unwrap().value - 1.0).abs() < 1e-13
    );
    // narrow and far away, with a breakpoint; scales from 1e-200 to 1e200 without
    let far = Normal::new(1e6, 1.0).unwrap();
    assert!(check_density(|x| far.pdf(x), line.0, line.1, &[1e6], 1e-8).is_ok());
    let narrow = Normal::new(1.0, 1e-9).unwrap();
    assert!(check_density(|x| narrow.pdf(x), line.0, line.1, &[1.0], 1e-5).is_ok());
    for s in [1e-200, 1e-30, 1e30, 1e200] {
        let d = Normal::new(0.0, s).unwrap();
        check_density(|x| d.pdf(x), line.0, line.1, &[], 1e-11).unwrap();
    }
    // an inverse square root at 0, half the mass
    let root = check_density(|x: f64| 0.5 / x.sqrt(), 0.0, 1.0, &[], 1e-12).unwrap();
    assert!((root.value - 1.0).abs() < 1e-13);
    let refused = check_density(|x| 1.01 * normal(x), -40.0, 40.0, &[], 1e-6).unwrap_err();
    assert!(refused.to_string().starts_with("integral of the density = 1.0"), "{refused}");
    let negative = check_density(|x: f64| x.cos() * 0.5, 0.0, 4.0, &[], 1e-6).unwrap_err();
    assert!(negative.to_string().starts_with("density at"), "{negative}");
    assert!(check_density(|_| f64::NAN, 0.0, 1.0, &[], 1e-6).is_err());
    // integrals that do not exist
    for result in [
        check_density(|x: f64| 1.0 / x, 0.0, 1.0, &[], 1e-6),
        check_density(|x: f64| 1.0 / (1.0 + x.abs()), line.0, line.1, &[], 1e-6),
        check_density(|_| 1.0, line.0, line.1, &[], 1e-6),
    ] {
        assert!(matches!(result, Err(Error::NotConverged { .. } | Error::Undefined { .. })), "{result:?}");
    }
}

#[test]
fn quadrature_knows_hard_integrals() {
    let rule = Quadrature::default();
    // ∫₀¹ ln x = -1; ∫₀¹ x^-0.9 = 10; ∫₀^∞ sin-free decay; ∫ over a kink and a jump
    let cases: [(Integral, f64); 6] = [
        (rule.integrate(|x: f64| x.ln(), 0.0, 1.0).unwrap(), -1.0),
        (rule.integrate(|x: f64| x.powf(-0.9), 0.0, 1.0).unwrap(), 10.0),
        (rule.integrate(|x: f64| (-x).exp() * (3.0 * x).cos(), 0.0, f64::INFINITY).unwrap(), 0.1),
        (rule.integrate(|x: f64| (x - 0.3).abs(), 0.0, 1.0).unwrap(), 0.29),
        (rule.integrate(|x: f64| if x > 0.3 { 1.0 } else { 0.0 }, 0.0, 1.0).unwrap(), 0.7),
        (rule.integrate(|x: f64| (50.0 * x).cos(), 0.0, 3.0).unwrap(), 150f64.sin() / 50.0),
    ];
    for (got, want) in cases {
        assert!((got.value - want).abs() < 1e-12 * want.abs().max(1.0), "{got:?} against {want}");
        assert!((got.value - want).abs() <= got.error.max(1e-14), "{got:?}: the error is larger than stated");
    }
    assert!(rule.integrate(|x| x, 1.0, 0.0).is_err() && rule.integrate(|x| x, 0.0, f64::NAN).is_err());
    let few = Quadrature { max_evaluations: 500, ..Quadrature::default() };
    assert!(matches!(few.integrate(|x: f64| (1e4 * x).sin(), 0.0, 1.0), Err(Error::NotConverged { .. })));
}

#[test]
fn tails_keep_their_digits() {
    // scipy.stats: norm.sf(30), expon.sf(700), poisson.sf(200, 10), t(4).sf(1e6), binom.sf(99, 100, 0.01)
    let n = Normal::STANDARD;
    assert!((n.sf(30.0) / 4.906_713_927_148_187e-198 - 1.0).abs() < 1e-12);
    assert_eq!(n.sf(-30.0), 1.0);
    let b = Binomial::new(100, 0.01).unwrap();
    assert!((b.sf(99.0) / 1e-200 - 1.0).abs() < 1e-11);
    assert!((Exponential::new(1.0).unwrap().sf(700.0).ln() + 700.0).abs() < 1e-10);
    let z = n.upper_quantile(1e-100).unwrap();
    assert!((n.sf(z) / 1e-100 - 1.0).abs() < 1e-11 && (n.quantile(1e-100).unwrap() + z).abs() < 1e-13);
}

proptest! {
    #[test]
    fn distribution_functions_are_monotone_and_complementary(
        a in -3.0..5.0f64, b in -3.0..5.0f64, x in -6.0..6.0f64, dx in 0.0..1.0f64,
    ) {
        let (a, b) = (10f64.powf(a), 10f64.powf(b));
        let g = Gamma::new(a, 1.0).unwrap();
        let beta = Beta::new(a, b).unwrap();
        let t = StudentT::new(0.0, 1.0, a).unwrap();
        let y = a + x * a.sqrt();
        let u = 0.5 + x / 12.0;
        for (c, c2, s) in [
            (g.cdf(y), g.cdf(y + dx), g.sf(y)),
            (beta.cdf(u), beta.cdf(u + dx), beta.sf(u)),
            (t.cdf(x), t.cdf(x + dx), t.sf(x)),
        ] {
            prop_assert!((0.0..=1.0).contains(&c) && (0.0..=1.0).contains(&s));
            prop_assert!((c + s - 1.0).abs() < 1e-12, "{c} + {s}");
            prop_assert!(c2 >= c * (1.0 - 1e-11));
        }
    }

    #[test]
    fn quantiles_of_hostile_parameters_stay_in_the_support(
        a in -300.0..300.0f64, b in -300.0..300.0f64, p in 0.0..=1.0f64,
    ) {
        let (a, b) = (10f64.powf(a), 10f64.powf(b));
        let w = Weibull::new(a, b).unwrap();
        prop_assert!(w.quantile(p).unwrap() >= 0.0);
        let c = Cauchy::new(a, b).unwrap();
        prop_assert!(!c.quantile(p).unwrap().is_nan());
        prop_assert!(!LogNormal::new(a.ln(), b.min(1e3)).unwrap().median().is_nan());
    }
}

#[test]
fn hostile_parameters_end_in_time() {
    // Anything a constructor accepts must come back from every method.
    for shape in [1e-300, 1e-8, 1e8, 1e12, 1e15, 1e300] {
        if let Ok(g) = Gamma::new(shape, 1.0) {
            let (c, s) = (g.cdf(shape), g.sf(shape));
            assert!((c + s - 1.0).abs() < 1e-9, "gamma {shape}: {c} {s}");
            assert!(!g.median().is_nan());
        }
        if let Ok(t) = StudentT::new(0.0, 1.0, shape) {
            assert!((t.cdf(0.3) + t.sf(0.3) - 1.0).abs() < 1e-12, "student {shape}");
            let _ = t.draw(&mut Streams::new(1).stream("t", 0));
        }
    }
    let b = Binomial::new(1 << 53, 0.25).unwrap();
    let mean = b.mean().unwrap();
    assert!((b.cdf(mean) - 0.5).abs() < 1e-7);
    // ½ ln(2πe n p q), to the spacing of f64 near the mean in units of σ
    let normal = 0.5 * (2.0 * std::f64::consts::PI * std::f64::consts::E * mean * 0.75).ln();
    assert!((b.entropy().unwrap() - normal).abs() < 1e-7);
    assert!((Poisson::new(1e15).unwrap().cdf(1e15) - 0.5).abs() < 1e-7);
    let rare = Geometric::new(1e-300).unwrap();
    let _ = rare.draw(&mut Streams::new(1).stream("g", 0));
    assert_eq!(rare.cdf(1e6), rare.cdf(1e6).abs());
}
