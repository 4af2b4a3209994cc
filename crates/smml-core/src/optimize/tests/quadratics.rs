//! Convex quadratics, whose minima are known exactly.

use super::*;
use proptest::prelude::*;

/// ½ (x - c)·A (x - c) + b, A = Q D Q with one Householder reflection Q = 1 - 2 u u per pair of sweeps.
#[derive(Debug)]
struct Quadratic {
    eigenvalues: Vec<f64>,
    reflections: Vec<Vec<f64>>,
    centre: Vec<f64>,
    bottom: f64,
}

impl Quadratic {
    fn reflect(&self, x: &mut [f64], u: &[f64]) {
        let p: f64 = 2.0 * x.iter().zip(u).map(|(x, u)| x * u).sum::<f64>();
        x.iter_mut().zip(u).for_each(|(x, u)| *x -= p * u);
    }
}

impl Energy for Quadratic {
    type State = Vec<f64>;
    fn energy(&self, x: &Vec<f64>) -> f64 {
        self.value_and_gradient(x, &mut vec![0.0; x.len()], &mut ())
    }
}

impl Differentiable for Quadratic {
    type Scratch = ();
    fn value_and_gradient(&self, x: &[f64], gradient: &mut [f64], (): &mut ()) -> f64 {
        let mut z: Vec<f64> = x.iter().zip(&self.centre).map(|(x, c)| x - c).collect();
        self.reflections.iter().for_each(|u| self.reflect(&mut z, u));
        let value = 0.5 * z.iter().zip(&self.eigenvalues).map(|(z, l)| l * z * z).sum::<f64>();
        z.iter_mut().zip(&self.eigenvalues).for_each(|(z, l)| *z *= l);
        self.reflections.iter().rev().for_each(|u| self.reflect(&mut z, u));
        gradient.copy_from_slice(&z);
        value + self.bottom
    }
}

fn unit(mut u: Vec<f64>) -> Vec<f64> {
    let norm = u.iter().map(|v| v * v).sum::<f64>().sqrt();
    u.iter_mut().for_each(|v| *v /= norm);
    u
}

fn quadratics() -> impl Strategy<Value = (Quadratic, Vec<f64>)> {
    (1usize..=20).prop_flat_map(|n| {
        let vector = move |range: std::ops::Range<f64>| proptest::collection::vec(range, n);
        (
            vector(0.0..1.0),
            0.0..5.0,
            -6.0..6.0,
            proptest::collection::vec(vector(0.1..1.0), 1..3),
            vector(-5.0..5.0),
            vector(-5.0..5.0),
        )
            .prop_map(|(share, decades, scale, us, centre, start)| {
                let eigenvalues = share.iter().map(|s| 10f64.powf(scale - decades * s)).collect();
                let reflections = us.into_iter().map(unit).collect();
                (Quadratic { eigenvalues, reflections, centre, bottom: 0.0 }, start)
            })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn convex_quadratics_converge((f, start) in quadratics()) {
        let stiffest = f.eigenvalues.iter().copied().fold(0.0, f64::max);
        let softest = f.eigenvalues.iter().copied().fold(f64::INFINITY, f64::min);
        let stop = Stop { gradient: 1e-9 * stiffest, ..Stop::default() };
        for method in fast_methods() {
            let found = minimise(&f, &start, &method, &stop).unwrap();
            prop_assert_eq!(found.reason, Reason::Gradient, "{:?} {:?}", method, &found);
            // |x - c| ≤ |g|₂ / λ_min.
            let reach = (start.len() as f64).sqrt() * 1e-9 * stiffest / softest * 1.001 + 1e-12;
            for (x, c) in found.x.iter().zip(&f.centre) {
                prop_assert!((x - c).abs() <= reach);
            }
        }
    }

    /// f → a f and x → b x over 24 decades each change the path hardly at all.
    #[test]
    fn scales_do_not_matter((mut f, start) in quadratics(), a in -12i32..=12, b in -12i32..=12) {
        let (a, b) = (10f64.powi(a), 10f64.powi(b));
        let top = f.eigenvalues.iter().copied().fold(0.0, f64::max);
        f.eigenvalues.iter_mut().for_each(|l| *l *= a / (b * b) / top);
        f.centre.iter_mut().for_each(|c| *c *= b);
        let start: Vec<f64> = start.iter().map(|s| s * b).collect();
        let stop = Stop { gradient: 1e-7 * a / b, ..Stop::default() };
        for method in fast_methods() {
            let found = minimise(&f, &start, &method, &stop).unwrap();
            prop_assert_eq!(found.reason, Reason::Gradient, "{:?} {:?}", method, &found);
        }
    }
}

/// With exact line searches CG ends in n steps, and in as many as there are different eigenvalues.
#[test]
fn conjugate_gradients_end_in_n_steps() {
    let n = 12;
    for distinct in [1, 3, 12] {
        let f = Quadratic {
            eigenvalues: (0..n).map(|i| 1.0 + 3.0 * (i % distinct) as f64).collect(),
            reflections: vec![unit((0..n).map(|i| 1.0 + f64::sin(i as f64)).collect())],
            centre: (0..n).map(|i| i as f64 - 3.0).collect(),
            bottom: 0.0,
        };
        for beta in [BetaFormula::PolakRibiere, BetaFormula::HagerZhang] {
            let method = Method::ConjugateGradient(ConjugateGradient { beta, curvature: 1.1e-4 });
            let start = vec![1.0; n];
            let first = f.energy(&start);
            let stop = Stop { gradient: 0.0, max_iterations: distinct, ..Stop::default() };
            let found = minimise(&f, &start, &method, &stop).unwrap();
            // Searches exact to 1e-4 in the slope leave errors of that order squared.
            assert!(found.value < 1e-5 * first, "{beta:?} {distinct}: {} of {first}", found.value);
            if distinct > 1 {
                let stop = Stop { max_iterations: distinct - 1, ..stop };
                let short = minimise(&f, &start, &method, &stop).unwrap();
                assert!(short.value > 100.0 * found.value, "{beta:?} {distinct}");
            }
        }
    }
}

#[test]
fn steepest_descent_and_fire_converge_too() {
    let f = Quadratic {
        eigenvalues: vec![1.0, 4.0, 30.0, 100.0],
        reflections: vec![unit(vec![1.0, 2.0, -1.0, 0.5])],
        centre: vec![3.0, -1.0, 0.0, 2.0],
        bottom: -7.0,
    };
    for method in all_methods() {
        let found = minimise(&f, &[0.0; 4], &method, &Stop::default()).unwrap();
        assert_eq!(found.reason, Reason::Gradient, "{method:?} {found:?}");
        assert!((found.value + 7.0).abs() < 1e-14);
        assert!(found.x.iter().zip(&f.centre).all(|(x, c)| (x - c).abs() < 2e-8));
    }
}
