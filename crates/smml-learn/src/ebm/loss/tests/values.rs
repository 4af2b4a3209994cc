use super::super::{Inferred, Loss, Lvq2, Margin, Needs, Posterior, infer, infer_exact};
use super::{all, any_sign, rng};
use smml_core::{
    energy::{Energy, Finite},
    rng::Draw,
};

/// L and ∂L/∂E.
fn of(loss: Loss, energies: &[f64], right: usize) -> (f64, Vec<f64>) {
    let mut gradient = vec![f64::NAN; energies.len()];
    (loss.of_energies(energies, right, &mut gradient), gradient)
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-14 * (1.0 + a.abs().max(b.abs()))
}

#[test]
fn values_computed_by_hand() {
    // E = 2, ½, ¾. The right answer first the second (E⁺ = ½, E⁻ = ¾), then the first (E⁺ = 2, E⁻ = ½).
    let e = [2.0, 0.5, 0.75];
    let z: f64 = (-2f64).exp() + (-0.5f64).exp() + (-0.75f64).exp();
    let z2: f64 = (-4f64).exp() + (-1f64).exp() + (-1.5f64).exp();
    let table = [
        (Loss::Energy, 0.5, 2.0),
        (Loss::Perceptron, 0.0, 1.5),
        (Loss::Hinge { margin: 1.0 }, 0.75, 2.5),
        (Loss::Hinge { margin: 0.25 }, 0.0, 1.75),
        (Loss::Log, (1.0 + (-0.25f64).exp()).ln(), (1.0 + 1.5f64.exp()).ln()),
        (Loss::Lvq2(Lvq2::Difference(1.0)), 0.0, 1.0),
        (Loss::Lvq2(Lvq2::Difference(2.0)), 0.0, 1.5),
        (Loss::Lvq2(Lvq2::Ratio(1.0)), 0.0, 1.0),
        (Loss::Lvq2(Lvq2::Ratio(6.0)), 0.0, 0.5),
        (Loss::Mce, 1.0 / (1.0 + 0.25f64.exp()), 1.0 / (1.0 + (-1.5f64).exp())),
        (Loss::SquareSquare { margin: 1.0 }, 0.3125, 4.25),
        (Loss::SquareSquare { margin: 0.5 }, 0.25, 4.0),
        (Loss::SquareExponential { gamma: 2.0 }, 0.25 + 2.0 * (-0.75f64).exp(), 4.0 + 2.0 * (-0.5f64).exp()),
        (Loss::Nll { beta: 1.0 }, 0.5 + z.ln(), 2.0 + z.ln()),
        (Loss::Nll { beta: 2.0 }, 0.5 + 0.5 * z2.ln(), 2.0 + 0.5 * z2.ln()),
        (Loss::Mee { beta: 1.0 }, 1.0 - (-0.5f64).exp() / z, 1.0 - (-2f64).exp() / z),
        (Loss::Mee { beta: 2.0 }, 1.0 - (-1f64).exp() / z2, 1.0 - (-4f64).exp() / z2),
    ];
    for (loss, right, wrong) in table {
        let found = [of(loss, &e, 1).0, of(loss, &e, 0).0];
        assert!(close(found[0], right) && close(found[1], wrong), "{loss:?}: {found:?}, {right} {wrong}");
    }
}

#[test]
fn gradients_are_central_differences() {
    let mut rng = rng(1);
    for loss in all() {
        for _ in 0..200 {
            let mut e: Vec<f64> = (0..5).map(|_| 0.2 + 2.0 * rng.uniform()).collect();
            let right = rng.below(5);
            let gradient = of(loss, &e, right).1;
            let h = 1e-6;
            for y in 0..5 {
                let old = e[y];
                e[y] = old + h;
                let up = of(loss, &e, right);
                e[y] = old - h;
                let down = of(loss, &e, right);
                e[y] = old;
                // A kink between the two points has no difference to compare with.
                if up.1.iter().zip(&down.1).all(|(a, b)| (a - b).abs() < 1e-3) {
                    let slope = (up.0 - down.0) / (2.0 * h);
                    assert!(
                        (slope - gradient[y]).abs() < 1e-7 * (1.0 + slope.abs()),
                        "{loss:?} {e:?} {right} {y}"
                    );
                }
            }
        }
    }
}

#[test]
fn with_two_answers_some_losses_are_one() {
    for (right, wrong) in [(0.3, 0.9), (0.9, 0.3), (-2.0, 5.0), (1.0, 1.0), (700.0, -30.0)] {
        let e = [wrong, right];
        let same = |a: Loss, b: Loss| {
            let (a, b) = (of(a, &e, 1), of(b, &e, 1));
            assert!(close(a.0, b.0) && a.1.iter().zip(&b.1).all(|(a, b)| close(*a, *b)), "{a:?} {b:?}");
        };
        same(Loss::Nll { beta: 1.0 }, Loss::Log);
        same(Loss::Mee { beta: 1.0 }, Loss::Mce);
        assert_eq!(of(Loss::Perceptron, &e, 1).0, f64::max(0.0, right - wrong));
    }
}

#[test]
fn at_low_temperature_the_likelihood_is_the_perceptron_and_at_high_a_mean() {
    let e = [0.7, 0.1, 1.9, 0.4];
    for right in 0..4 {
        let perceptron = of(Loss::Perceptron, &e, right).0;
        for beta in [1.0, 10.0, 100.0, 1e4] {
            let excess = of(Loss::Nll { beta }, &e, right).0 - perceptron;
            // min E ≤ F + ln(n)/β, exactly.
            assert!(excess >= -1e-15 && excess <= 4f64.ln() / beta, "{beta}: {excess}");
        }
        let beta = 1e-6;
        let mean = e.iter().sum::<f64>() / 4.0;
        let found = of(Loss::Nll { beta }, &e, right).0 - 4f64.ln() / beta;
        // The next term is β/2 times the variance of the energies.
        assert!((found - (e[right] - mean)).abs() < 1e-6, "{found}");
        let counted = of(Loss::Mee { beta: 1e4 }, &e, right).0;
        assert!(close(counted, f64::from(u8::from(right != 1))), "{counted}");
    }
    // Three answers share the least energy: β (L - perceptron) is ln 3, and P of each is 1/3.
    let tied = [0.25, 0.25, 4.0, 0.25];
    let beta = 1e3;
    let excess = beta * (of(Loss::Nll { beta }, &tied, 0).0 - of(Loss::Perceptron, &tied, 0).0);
    assert!((excess - 3f64.ln()).abs() < 1e-12, "{excess}");
    assert!(close(of(Loss::Mee { beta }, &tied, 3).0, 2.0 / 3.0));
}

#[test]
fn convex_where_it_says_so_and_only_there() {
    let mut rng = rng(2);
    for loss in any_sign() {
        let mut bent: f64 = 0.0;
        for _ in 0..3000 {
            let mut point = || -> Vec<f64> { (0..4).map(|_| 2.0 * rng.normal()).collect() };
            let (a, b) = (point(), point());
            let middle: Vec<f64> = a.iter().zip(&b).map(|(a, b)| 0.5 * (a + b)).collect();
            bent = bent.max(of(loss, &middle, 2).0 - 0.5 * (of(loss, &a, 2).0 + of(loss, &b, 2).0));
        }
        assert_eq!(bent < 1e-12, loss.is_convex(), "{loss:?}: {bent}");
    }
    assert!(!Loss::Lvq2(Lvq2::Ratio(1.0)).is_convex());
}

#[test]
fn right_energies_pull_down_and_wrong_ones_push_up() {
    let mut rng = rng(3);
    for loss in all() {
        for _ in 0..500 {
            let e: Vec<f64> = (0..4).map(|_| 2.0 * rng.uniform()).collect();
            let (value, gradient) = of(loss, &e, 0);
            assert!(value >= 0.0 && gradient[0] >= 0.0, "{loss:?} {e:?}");
            assert!(gradient[1..].iter().all(|g| *g <= 0.0), "{loss:?} {e:?} {gradient:?}");
            for y in 0..4 {
                let mut raised = e.clone();
                raised[y] += 0.37;
                let rise = of(loss, &raised, 0).0 - value;
                assert!(if y == 0 { rise >= -1e-15 } else { rise <= 1e-15 }, "{loss:?} {e:?} {y}");
            }
            // Losses of differences feel no common offset.
            let absolute = matches!(
                loss,
                Loss::Energy
                    | Loss::SquareSquare { .. }
                    | Loss::SquareExponential { .. }
                    | Loss::Lvq2(Lvq2::Ratio(_))
            );
            if !absolute {
                let moved: Vec<f64> = e.iter().map(|e| e + 17.0).collect();
                assert!((of(loss, &moved, 0).0 - value).abs() < 1e-13, "{loss:?}");
                assert!(gradient.iter().sum::<f64>().abs() < 1e-14, "{loss:?}");
            }
        }
    }
}

#[test]
fn the_order_of_answers_does_not_matter_and_ties_are_one_answer() {
    let mut rng = rng(4);
    for loss in all() {
        for _ in 0..100 {
            let e: Vec<f64> = (0..6).map(|_| 2.0 * rng.uniform()).collect();
            let mut order: Vec<usize> = (0..6).collect();
            rng.shuffle(&mut order);
            let moved: Vec<f64> = order.iter().map(|i| e[*i]).collect();
            let (a, b) = (of(loss, &e, order[2]), of(loss, &moved, 2));
            assert!(close(a.0, b.0), "{loss:?}");
            assert!((0..6).all(|i| close(b.1[i], a.1[order[i]])), "{loss:?}");
        }
        // A wrong answer twice: for a search one is enough, a sum counts both.
        let (once, twice) = (of(loss, &[0.5, 0.75], 0), of(loss, &[0.5, 0.75, 0.75], 0));
        if loss.needs() == Needs::Sum {
            assert!(twice.0 > once.0 && twice.1[1] == twice.1[2] && twice.1[1] < 0.0, "{loss:?}");
        } else {
            assert_eq!(once.0, twice.0, "{loss:?}");
            assert_eq!((once.1[0], once.1[1], 0.0), (twice.1[0], twice.1[1], twice.1[2]), "{loss:?}");
        }
    }
    // The right answer shares the least energy with a wrong one: the gap is 0.
    assert_eq!(of(Loss::Hinge { margin: 1.0 }, &[0.3, 0.3], 1).0, 1.0);
    assert_eq!(of(Loss::Perceptron, &[0.3, 0.3], 1), (0.0, vec![-1.0, 1.0]));
}

#[test]
fn large_forbidden_and_broken_energies() {
    for loss in any_sign() {
        // No wrong answer is allowed: nothing is left to push up.
        let (value, gradient) = of(loss, &[f64::INFINITY, 0.0, f64::INFINITY], 1);
        assert!(value.is_finite() && gradient.iter().all(|g| g.is_finite()), "{loss:?} {value} {gradient:?}");
        assert!(gradient[0] == 0.0 && gradient[2] == 0.0, "{loss:?} {gradient:?}");
        if loss != Loss::Energy {
            assert!(
                of(loss, &[1.0, f64::NAN, 2.0], 0).0.is_nan() || loss.needs() == Needs::Right,
                "{loss:?}"
            );
            assert!(of(loss, &[f64::NAN, 1.0, 2.0], 0).0.is_nan(), "{loss:?}");
            assert!(of(loss, &[1.0, 2.0, f64::NAN], 0).0.is_nan(), "{loss:?}");
        }
    }
    // Written naively, exp(-E) overflows here.
    // One unit in the last place of 10⁴ is 1.8e-12.
    let far = |e: &[f64], exact: f64| (of(Loss::Nll { beta: 1.0 }, e, 0).0 - exact).abs() < 4e-12;
    assert!(far(&[-1e4, -1e4], 2f64.ln()));
    assert!(far(&[1e4, 1e4 - 1.0], 1.0 + (1.0 + (-1f64).exp()).ln()));
    assert_eq!(of(Loss::Log, &[1e4, 0.0], 0), (1e4, vec![1.0, -1.0]));
    // The ratio of LVQ2 at zero energies is its limit.
    let ratio = Loss::Lvq2(Lvq2::Ratio(0.5));
    assert_eq!(of(ratio, &[0.0, 0.0], 0), (0.0, vec![0.0, 0.0]));
    assert_eq!(of(ratio, &[1e-300, 0.0], 0), (1.0, vec![0.0, 0.0]));
    // Full from E⁺ = (1 + δ) E⁻ on.
    assert!(close(of(ratio, &[1.5 * (1.0 - 1e-15), 1.0], 0).0, 1.0));
    assert!(close(of(ratio, &[1.25, 1.0], 0).0, 0.5));
    // A single answer has no wrong one.
    assert_eq!(of(Loss::Hinge { margin: 1.0 }, &[0.4], 0), (0.0, vec![0.0]));
}

#[test]
fn parameters_are_checked_wherever_they_come_from() {
    for (loss, name) in [
        (Loss::Hinge { margin: 0.0 }, "margin"),
        (Loss::SquareSquare { margin: -1.0 }, "margin"),
        (Loss::SquareExponential { gamma: f64::NAN }, "gamma"),
        (Loss::Lvq2(Lvq2::Ratio(f64::INFINITY)), "delta"),
        (Loss::Lvq2(Lvq2::Difference(0.0)), "cap"),
        (Loss::Nll { beta: -1.0 }, "beta"),
        (Loss::Mee { beta: 0.0 }, "beta"),
    ] {
        let message = loss.checked().unwrap_err().to_string();
        assert!(message.contains(name) && message.contains("greater than 0"), "{message}");
    }
    for loss in all() {
        assert_eq!(loss.checked().unwrap(), loss);
        let text = serde_json::to_string(&loss).unwrap();
        assert_eq!(serde_json::from_str::<Loss>(&text).unwrap(), loss, "{text}");
    }
    let text = serde_json::to_string(&Loss::Nll { beta: 1.0 }).unwrap();
    assert_eq!(text, r#"{"nll":{"beta":1.0}}"#);
    let message = serde_json::from_str::<Loss>(&text.replace("1.0", "-2.0")).unwrap_err().to_string();
    assert!(message.contains("beta = -2"), "{message}");
    let ratio = Loss::Lvq2(Lvq2::Ratio(0.1));
    assert!(ratio.checked_for(0.0).is_ok());
    assert!(ratio.checked_for(-1.0).unwrap_err().to_string().contains("LVQ2"));
    let names: Vec<&str> = Loss::ALL.iter().map(Loss::name).collect();
    assert_eq!(
        names.join(" "),
        "energy perceptron hinge log lvq2 mce square-square square-exponential nll mee"
    );
    assert_eq!(Loss::Hinge { margin: 2.0 }.margin(), Margin::Finite(2.0));
}

#[test]
fn inference_names_ties_and_the_gibbs_distribution_is_exact() {
    let levels = [3.0, -1.0, 0.5, -1.0];
    let tied = Inferred { energy: -1.0, answers: vec![1, 3] };
    assert_eq!(infer(&levels).unwrap(), tied);
    struct Listed([f64; 4]);
    impl Energy for Listed {
        type State = usize;
        fn energy(&self, y: &usize) -> f64 {
            self.0[*y]
        }
    }
    impl Finite for Listed {
        fn n_states(&self) -> Option<usize> {
            Some(4)
        }
        fn state(&self, index: usize) -> usize {
            index
        }
        fn index(&self, y: &usize) -> usize {
            *y
        }
    }
    assert_eq!(infer_exact(&Listed(levels)).unwrap(), tied);
    assert!(infer_exact(&Listed([1.0, f64::NAN, 0.0, 2.0])).unwrap_err().to_string().contains("answer 1"));
    assert!(infer(&[]).is_err() && infer(&[0.0, f64::NAN]).unwrap_err().to_string().contains("answer 1"));
    // E = 0, 1, 2 at β = ln 2: Z = 7/4.
    let p = Posterior::new(&[0.0, 1.0, 2.0], std::f64::consts::LN_2).unwrap();
    for (y, exact) in [4.0 / 7.0, 2.0 / 7.0, 1.0 / 7.0].into_iter().enumerate() {
        assert!(close(p.probabilities()[y], exact) && close(p.ln_probability(y), f64::ln(exact)));
    }
    assert!(close(p.ln_z(), 1.75f64.ln()) && close(p.free_energy(), -1.75f64.ln() / std::f64::consts::LN_2));
    assert_eq!(Posterior::exact(&Listed(levels), 0.7).unwrap(), Posterior::new(&levels, 0.7).unwrap());
    // Far out a probability is 0, its logarithm is not -∞.
    let far = Posterior::new(&[0.0, 2000.0], 1.0).unwrap();
    assert_eq!((far.probabilities()[1], far.ln_probability(1)), (0.0, -2000.0));
    let forbidden = Posterior::new(&[f64::INFINITY, 5.0, 5.0], 0.0).unwrap();
    assert_eq!(forbidden.probabilities(), [0.0, 0.5, 0.5]);
    assert_eq!(forbidden.ln_probability(0), f64::NEG_INFINITY);
    for (energies, beta) in [
        (&[0.0, 1.0][..], -1.0),
        (&[0.0, 1.0], f64::NAN),
        (&[], 1.0),
        (&[f64::NEG_INFINITY, 0.0], 1.0),
        (&[f64::INFINITY, f64::INFINITY], 1.0),
    ] {
        assert!(Posterior::new(energies, beta).is_err(), "{energies:?} {beta}");
    }
}
