use super::{super::*, *};
use crate::{energy::ln_z_exact, estimate::Source, parallel::Par};
use proptest::prelude::*;

fn exact(nodes: &[f64], f: impl Fn(f64) -> f64) -> Vec<Estimate> {
    nodes.iter().map(|x| Estimate::exact(f(*x))).collect()
}

#[test]
fn spline_weights_are_those_of_scipy() {
    // scipy 1.17.1: CubicSpline(x, unit vector i).integrate(x[0], x[-1]), default not-a-knot.
    let x = [0.0, 0.3, 0.5, 1.1, 1.2, 2.0];
    let six = [
        0.12309664278690824,
        0.02973995645455785,
        0.8655394016013491,
        -2.0342642342089228,
        2.7947218710493074,
        0.22116636231680484,
    ];
    let four = [0.21388888888888885, -0.23107638888888943, 0.9243055555555554, 0.19288194444444448];
    let three = [0.1111111111111111, 0.3472222222222222, 0.0416666666666667];
    for (n, expected) in [(6, &six[..]), (4, &four), (3, &three)] {
        let w = quadrature_weights(&x[..n], Rule::Spline).unwrap();
        assert_eq!(w.len(), n);
        w.iter().zip(expected).for_each(|(w, e)| close(*w, *e, 1e-13));
    }
    let values = exact(&x, |x| (-x).exp() * (3.0 * x).sin());
    close(integrate(&x, &values, Rule::Spline).unwrap().value.value, 0.2668797012509209, 1e-13);
}

#[test]
fn gauss_legendre_is_that_of_numpy_and_exact() {
    // numpy.polynomial.legendre.leggauss(7)
    let (x, w) = gauss_legendre(7, -1.0, 1.0).unwrap();
    let nodes = [-0.9491079123427586, -0.7415311855993945, -0.4058451513773972, 0.0];
    let weights = [0.12948496616886973, 0.27970539148927687, 0.3818300505051187, 0.4179591836734693];
    for i in 0..7 {
        let j = i.min(6 - i);
        close(x[i], if i <= 3 { nodes[j] } else { -nodes[j] }, 1e-15);
        close(w[i], weights[j], 1e-14);
    }
    for n in [1, 2, 3, 10, 63, 500] {
        let (x, w) = gauss_legendre(n, 1.0, 4.0).unwrap();
        assert!(x.windows(2).all(|p| p[0] < p[1]) && w.iter().all(|w| *w > 0.0));
        close(w.iter().sum::<f64>(), 3.0, 1e-12);
        let degree = (2 * n - 1).min(30) as i32;
        let sum: f64 = x.iter().zip(&w).map(|(x, w)| w * (x / 4.0).powi(degree)).sum();
        close(sum, 4.0 / f64::from(degree + 1) * (1.0 - 0.25f64.powi(degree + 1)), 1e-13);
    }
    assert!(gauss_legendre(0, 0.0, 1.0).is_err() && gauss_legendre(3, f64::NAN, 1.0).is_err());
    assert!(gauss_legendre(usize::MAX, 0.0, 1.0).is_err());
}

#[test]
fn orders_of_convergence_and_the_half_grid() {
    let truth = 1.0 - (-2f64).exp();
    for (rule, order) in [(Rule::Trapezoid, 2), (Rule::Simpson, 4), (Rule::Spline, 4)] {
        let at = |n: usize| {
            let x: Vec<f64> = (0..=n).map(|i| 2.0 * i as f64 / n as f64).collect();
            let i = integrate(&x, &exact(&x, |x| (-x).exp()), rule).unwrap();
            (i.value.value - truth, i.discretisation.unwrap().value)
        };
        let ((coarse, _), (fine, indicated)) = (at(128), at(256));
        let ratio = coarse / fine;
        let ideal = 2f64.powi(order);
        assert!((ratio / ideal - 1.0).abs() < 0.25, "{rule:?}: {ratio}");
        close(indicated, coarse - fine, 1e-14); // scipy's CubicSpline changes sign between 16 and 32 intervals here
        assert!(indicated.abs() > fine.abs(), "{rule:?}");
    }
    for n in [5, 6, 9] {
        let rule = Rule::GaussLegendre { from: 0.0, to: 2.0 };
        let (x, _) = gauss_legendre(n, 0.0, 2.0).unwrap();
        let i = integrate(&x, &exact(&x, |x| (-x).exp()), rule).unwrap();
        let (error, indicated) = ((i.value.value - truth).abs(), i.discretisation.unwrap().value.abs());
        assert!(error < 1e-7 && indicated > error && indicated < 0.05, "{n}: {error:e} {indicated:e}");
    }
}

proptest! {
    #[test]
    fn cubics_are_exact_on_any_grid(steps in prop::collection::vec(0.05f64..1.0, 3..12), c in prop::array::uniform4(-2.0f64..2.0), down: bool) {
        let mut x = vec![-1.0];
        for s in &steps { x.push(x[x.len() - 1] + s); }
        if down { x.reverse(); }
        let f = |x: f64| c[0] + x * (c[1] + x * (c[2] + x * c[3]));
        let g = |x: f64| x * (c[0] + x * (c[1] / 2.0 + x * (c[2] / 3.0 + x * c[3] / 4.0)));
        let truth = g(x[x.len() - 1]) - g(x[0]);
        let i = integrate(&x, &exact(&x, f), Rule::Spline).unwrap();
        prop_assert!((i.value.value - truth).abs() < 1e-10 * (1.0 + truth.abs()) * 1e2);
        let line = integrate(&x, &exact(&x, |x| c[0] + c[1] * x), Rule::Trapezoid).unwrap();
        let h = |x: f64| x * (c[0] + x * c[1] / 2.0);
        prop_assert!((line.value.value - h(x[x.len() - 1]) + h(x[0])).abs() < 1e-11);
    }
}

#[test]
fn errors_add_in_quadrature() {
    let y = |value, raw| Estimate::with_dof(value, raw, 49.0, 50.0, Source::Chain);
    let i = integrate(&[0.0, 1.0, 2.0], &[y(1.0, 0.3), y(2.0, 0.4), y(4.0, 0.0)], Rule::Simpson).unwrap();
    close(i.value.value, (1.0 + 8.0 + 4.0) / 3.0, 1e-15);
    close(i.value.raw_error(), (0.1f64.powi(2) + (1.6f64 / 3.0).powi(2)).sqrt(), 1e-14);
    let tiny = integrate(&[0.0, 1.0], &[y(1.0, 1e-100); 2], Rule::Trapezoid).unwrap().value;
    close(tiny.dof, 98.0, 1e-12);
    let empty = integrate(&[1.0; 3], &[y(1.0, 0.1); 3], Rule::GaussLegendre { from: 1.0, to: 1.0 }).unwrap();
    assert!(empty.value.value == 0.0 && empty.discretisation.is_none());
    assert!(i.value.source == Source::Chain && i.discretisation.is_none());
    assert_eq!(
        integrate(&[0.0, 1.0], &[Estimate::exact(1.0); 2], Rule::Trapezoid).unwrap().value.source,
        Source::Exact
    );
}

#[test]
fn bad_grids_are_refused() {
    let y = |n: usize| vec![Estimate::exact(1.0); n];
    let bad = |x: &[f64], n: usize, rule| assert!(integrate(x, &y(n), rule).is_err(), "{x:?} {rule:?}");
    bad(&[0.0, 1.0], 3, Rule::Trapezoid);
    bad(&[], 0, Rule::Trapezoid);
    bad(&[1.0], 1, Rule::Spline);
    bad(&[0.0, 1.0, 1.0], 3, Rule::Spline);
    bad(&[0.0, 1.0, 0.5], 3, Rule::Trapezoid);
    bad(&[0.0, f64::NAN, 1.0], 3, Rule::Trapezoid);
    bad(&[0.0, 1.0, 2.0, 3.0], 4, Rule::Simpson);
    bad(&[0.0, 1.0, 2.5], 3, Rule::Simpson);
    bad(&[0.0, 1.0, 2.0], 3, Rule::GaussLegendre { from: 0.0, to: 2.0 });
    let nan = Estimate { value: f64::NAN, ..Estimate::exact(0.0) };
    assert!(integrate(&[0.0, 1.0], &[Estimate::exact(0.0), nan], Rule::Trapezoid).is_err());
    let nan = Estimate { std_error: f64::NAN, ..Estimate::exact(0.0) };
    assert!(integrate(&[0.0, 1.0], &[Estimate::exact(0.0), nan], Rule::Trapezoid).is_err());
}

#[test]
fn two_level_system_by_gauss_legendre() {
    // 400 independent runs: ln Z(3) - ln Z(0) = ln(1 + e^{-3 gap}) - ln 2.
    let (model, beta) = (TwoLevel { gap: 1.3 }, 3.0);
    let (nodes, _) = gauss_legendre(8, 0.0, beta).unwrap();
    let run = RunLength { burn_in: 20, n_samples: 500, thin: 2 };
    let results: Vec<Estimate> = (0..400)
        .map(|i| {
            let e = sample_energies(
                &model,
                &Glauber(1),
                &nodes,
                run,
                |rng| model.draw(rng),
                &Streams::new(i),
                Par::Serial,
            )
            .unwrap();
            thermodynamic_integration(&nodes, &e, Rule::GaussLegendre { from: 0.0, to: beta })
                .unwrap()
                .ln_z
                .value
        })
        .collect();
    // The error of each mean has about 500 / 11 degrees of freedom: 5 % more z².
    check_coverage("two levels", (-1.3 * beta).exp().ln_1p() - 2f64.ln(), 0.05, &results);
}

#[test]
fn ising_by_every_rule_and_any_number_of_threads() {
    let model = Ising { l: 3, field: 0.1 };
    let betas: Vec<f64> = (0..=16).map(|i| 0.5 * f64::from(i) / 16.0).collect();
    let run = RunLength { burn_in: 50, n_samples: 2000, thin: 1 };
    let sample = |par| {
        sample_energies(&model, &Glauber(9), &betas, run, |rng| model.draw(rng), &Streams::new(3), par)
            .unwrap()
    };
    let energies = sample(Par::Serial);
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert_eq!(pool.install(|| sample(Par::Rayon)), energies);
    }
    let expected = ln_z_exact(&model, 0.5).unwrap() - ln_z_exact(&model, 0.0).unwrap();
    for rule in [Rule::Simpson, Rule::Spline] {
        let t = thermodynamic_integration(&betas, &energies, rule).unwrap();
        assert!(t.ln_z.value.z(expected).abs() < 5.0, "{rule:?} {} {expected}", t.ln_z.value);
        assert!(t.ln_z.discretisation.unwrap().z(0.0).abs() < 5.0);
        assert_eq!(t.energies.len(), 17);
    }
    let coarse = [0.0, 0.25, 0.5];
    let long = RunLength { n_samples: 20_000, ..run };
    let few = sample_energies(
        &model,
        &Glauber(9),
        &coarse,
        long,
        |rng| model.draw(rng),
        &Streams::new(4),
        Par::Rayon,
    )
    .unwrap();
    let t = thermodynamic_integration(&coarse, &few, Rule::Trapezoid).unwrap();
    // A grid too coarse is seen: the difference from the half grid is many of its errors.
    let seen = t.ln_z.discretisation.unwrap();
    assert!(seen.z(0.0).abs() > 5.0, "{seen}");
    assert!(thermodynamic_integration(&betas, &energies[1..], Rule::Simpson).is_err());
    let bad = RunLength { thin: 0, ..run };
    assert!(
        sample_energies(
            &model,
            &Glauber(1),
            &betas,
            bad,
            |rng| model.draw(rng),
            &Streams::new(3),
            Par::Serial
        )
        .is_err()
    );
}

#[test]
fn weights_neither_over_nor_underflow_unseen() {
    // Cubes of these spacings do not exist in f64; the weights scale with the spacing all the same.
    let nodes: Vec<f64> = [0.0, 1.0, 1.5, 3.0, 4.0].to_vec();
    let unit = quadrature_weights(&nodes, Rule::Spline).unwrap();
    for e in [-500, -400, 400, 1000] {
        let scale = 2f64.powi(e);
        let scaled: Vec<f64> = nodes.iter().map(|x| x * scale).collect();
        let expected: Vec<f64> = unit.iter().map(|w| w * scale).collect();
        assert_eq!(quadrature_weights(&scaled, Rule::Spline).unwrap(), expected, "2^{e}");
    }
    let (x, w) = gauss_legendre(3, 1.2e308, 1.6e308).unwrap();
    assert!(x.iter().chain(&w).all(|v| v.is_finite()) && x[1] == 0.5 * 1.2e308 + 0.5 * 1.6e308);
    assert!(gauss_legendre(3, -1e308, 1e308).is_err());
    for rule in [Rule::Trapezoid, Rule::Simpson, Rule::Spline] {
        assert!(quadrature_weights(&[-1.7e308, 0.0, 1.7e308], Rule::Trapezoid).is_ok());
        assert!(quadrature_weights(&[-1.7e308, 1.7e308], rule).is_err(), "{rule:?}");
    }
    let y = [Estimate::exact(1e200); 5];
    let far: Vec<f64> = nodes.iter().map(|x| 1e200 * x).collect();
    assert!(integrate(&far, &y, Rule::Spline).unwrap_err().to_string().contains("numbers too large"));
}
