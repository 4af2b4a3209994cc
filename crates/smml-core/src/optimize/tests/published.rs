//! Problems of Moré, Garbow and Hillstrom (ACM TOMS 7, 17, 1981) and others, against their published minima.

use super::*;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// A number with its derivatives along up to 10 coordinates (forward differentiation).
#[derive(Clone, Copy, Debug)]
struct Dual {
    v: f64,
    d: [f64; 10],
}

impl Dual {
    fn of(v: f64) -> Self {
        Dual { v, d: [0.0; 10] }
    }
    fn chain(self, v: f64, slope: f64) -> Self {
        Dual { v, d: self.d.map(|d| slope * d) }
    }
    fn exp(self) -> Self {
        self.chain(self.v.exp(), self.v.exp())
    }
    fn sqrt(self) -> Self {
        self.chain(self.v.sqrt(), 0.5 / self.v.sqrt())
    }
    fn sq(self) -> Self {
        self * self
    }
}

macro_rules! operators {
    ($($op:ident $name:ident |$a:ident, $b:ident| $v:expr, $da:expr, $db:expr;)*) => {$(
        #[allow(clippy::suspicious_arithmetic_impl)]
        impl $op for Dual {
            type Output = Dual;
            fn $name(self, other: Dual) -> Dual {
                let ($a, $b) = (self.v, other.v);
                let (da, db): (f64, f64) = ($da, $db);
                let mut d = self.d;
                d.iter_mut().zip(other.d).for_each(|(x, y)| *x = da * *x + db * y);
                Dual { v: $v, d }
            }
        }
        impl $op<f64> for Dual {
            type Output = Dual;
            fn $name(self, other: f64) -> Dual {
                $op::$name(self, Dual::of(other))
            }
        }
        impl $op<Dual> for f64 {
            type Output = Dual;
            fn $name(self, other: Dual) -> Dual {
                $op::$name(Dual::of(self), other)
            }
        }
    )*};
}

operators! {
    Add add |a, b| a + b, 1.0, 1.0;
    Sub sub |a, b| a - b, 1.0, -1.0;
    Mul mul |a, b| a * b, b, a;
    Div div |a, b| a / b, 1.0 / b, -a / (b * b);
}

impl Neg for Dual {
    type Output = Dual;
    fn neg(self) -> Dual {
        0.0 - self
    }
}

type Residuals = fn(&[Dual]) -> Vec<Dual>;

/// Σ r² of residuals.
#[derive(Clone, Copy)]
struct LeastSquares(Residuals);

impl Energy for LeastSquares {
    type State = Vec<f64>;
    fn energy(&self, x: &Vec<f64>) -> f64 {
        self.value_and_gradient(x, &mut vec![0.0; x.len()], &mut ())
    }
}

impl Differentiable for LeastSquares {
    type Scratch = ();
    fn value_and_gradient(&self, x: &[f64], gradient: &mut [f64], (): &mut ()) -> f64 {
        let seeded: Vec<Dual> = x
            .iter()
            .enumerate()
            .map(|(i, &v)| {
                let mut d = [0.0; 10];
                d[i] = 1.0;
                Dual { v, d }
            })
            .collect();
        let total = (self.0)(&seeded).into_iter().fold(Dual::of(0.0), |sum, r| sum + r.sq());
        gradient.copy_from_slice(&total.d[..x.len()]);
        total.v
    }
}

struct Case {
    name: &'static str,
    residuals: Residuals,
    start: &'static [f64],
    /// The global minimum and published local ones.
    minima: &'static [f64],
}

fn case(name: &'static str, start: &'static [f64], minima: &'static [f64], residuals: Residuals) -> Case {
    Case { name, residuals, start, minima }
}

fn watson(x: &[Dual]) -> Vec<Dual> {
    let mut r: Vec<Dual> = (1..=29)
        .map(|i| {
            let t = f64::from(i) / 29.0;
            let mut slope = Dual::of(0.0);
            let mut value = Dual::of(0.0);
            for (j, x) in x.iter().enumerate() {
                value = value + *x * t.powi(j as i32);
                if j > 0 {
                    slope = slope + *x * (j as f64 * t.powi(j as i32 - 1));
                }
            }
            slope - value.sq() - 1.0
        })
        .collect();
    r.push(x[0]);
    r.push(x[1] - x[0].sq() - 1.0);
    r
}

fn cases() -> Vec<Case> {
    vec![
        case("Beale", &[1.0, 1.0], &[0.0], |x| {
            [1.5, 2.25, 2.625]
                .iter()
                .enumerate()
                .map(|(i, y)| {
                    let power = (0..=i).fold(Dual::of(1.0), |p, _| p * x[1]);
                    *y - x[0] * (1.0 - power)
                })
                .collect()
        }),
        case("Booth", &[-5.0, 8.0], &[0.0], |x| vec![x[0] + 2.0 * x[1] - 7.0, 2.0 * x[0] + x[1] - 5.0]),
        case("Himmelblau", &[0.0, 0.0], &[0.0], |x| vec![x[0].sq() + x[1] - 11.0, x[0] + x[1].sq() - 7.0]),
        case("Freudenstein and Roth", &[0.5, -2.0], &[0.0, 48.984_3], |x| {
            vec![
                x[0] - 13.0 + ((5.0 - x[1]) * x[1] - 2.0) * x[1],
                x[0] - 29.0 + ((x[1] + 1.0) * x[1] - 14.0) * x[1],
            ]
        }),
        case("Powell badly scaled", &[0.0, 1.0], &[0.0], |x| {
            vec![1e4 * x[0] * x[1] - 1.0, (-x[0]).exp() + (-x[1]).exp() - 1.0001]
        }),
        case("Brown badly scaled", &[1.0, 1.0], &[0.0], |x| vec![x[0] - 1e6, x[1] - 2e-6, x[0] * x[1] - 2.0]),
        case("Jennrich and Sampson", &[0.3, 0.4], &[124.362], |x| {
            (1..=10)
                .map(|i| {
                    let i = f64::from(i);
                    2.0 + 2.0 * i - ((i * x[0]).exp() + (i * x[1]).exp())
                })
                .collect()
        }),
        case("Bard", &[1.0, 1.0, 1.0], &[8.214_87e-3, 17.428_6], |x| {
            const Y: [f64; 15] =
                [0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39];
            (0..15)
                .map(|i| {
                    let (u, v) = (i as f64 + 1.0, 15.0 - i as f64);
                    Y[i] - (x[0] + u / (v * x[1] + u.min(v) * x[2]))
                })
                .collect()
        }),
        case("Gaussian", &[0.4, 1.0, 0.0], &[1.127_93e-8], |x| {
            const Y: [f64; 8] = [0.0009, 0.0044, 0.0175, 0.0540, 0.1295, 0.2420, 0.3521, 0.3989];
            (0..15)
                .map(|i| {
                    let t = (7.0 - i as f64) / 2.0;
                    x[0] * (-x[1] * (t - x[2]).sq() / 2.0).exp() - Y[i.min(14 - i)]
                })
                .collect()
        }),
        case("Powell singular", &[3.0, -1.0, 0.0, 1.0], &[0.0], |x| {
            vec![
                x[0] + 10.0 * x[1],
                5f64.sqrt() * (x[2] - x[3]),
                (x[1] - 2.0 * x[2]).sq(),
                10f64.sqrt() * (x[0] - x[3]).sq(),
            ]
        }),
        case("Wood, extended to 8", &[-3.0, -1.0, -3.0, -1.0, -3.0, -1.0, -3.0, -1.0], &[0.0], |x| {
            x.chunks(4)
                .flat_map(|x| {
                    [
                        10.0 * (x[1] - x[0].sq()),
                        1.0 - x[0],
                        90f64.sqrt() * (x[3] - x[2].sq()),
                        1.0 - x[2],
                        10f64.sqrt() * (x[1] + x[3] - 2.0),
                        (x[1] - x[3]) / 10f64.sqrt(),
                    ]
                })
                .collect()
        }),
        case("Kowalik and Osborne", &[0.25, 0.39, 0.415, 0.39], &[3.075_05e-4], |x| {
            const Y: [f64; 11] =
                [0.1957, 0.1947, 0.1735, 0.1600, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246];
            const U: [f64; 11] = [4.0, 2.0, 1.0, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625];
            (0..11)
                .map(|i| Y[i] - x[0] * (U[i] * U[i] + U[i] * x[1]) / (U[i] * U[i] + U[i] * x[2] + x[3]))
                .collect()
        }),
        case("Brown and Dennis", &[25.0, 5.0, -5.0, -1.0], &[85_822.2], |x| {
            (1..=20)
                .map(|i| {
                    let t = f64::from(i) / 5.0;
                    (x[0] + t * x[1] - t.exp()).sq() + (x[2] + x[3] * t.sin() - t.cos()).sq()
                })
                .collect()
        }),
        case("Osborne 1", &[0.5, 1.5, -1.0, 0.01, 0.02], &[5.464_89e-5], |x| {
            const Y: [f64; 33] = [
                0.844, 0.908, 0.932, 0.936, 0.925, 0.908, 0.881, 0.850, 0.818, 0.784, 0.751, 0.718, 0.685,
                0.658, 0.628, 0.603, 0.580, 0.558, 0.538, 0.522, 0.506, 0.490, 0.478, 0.467, 0.457, 0.448,
                0.438, 0.431, 0.424, 0.420, 0.414, 0.411, 0.406,
            ];
            (0..33)
                .map(|i| {
                    let t = 10.0 * i as f64;
                    Y[i] - (x[0] + x[1] * (-t * x[3]).exp() + x[2] * (-t * x[4]).exp())
                })
                .collect()
        }),
        case("Biggs EXP6", &[1.0, 2.0, 1.0, 1.0, 1.0, 1.0], &[0.0, 5.655_65e-3], |x| {
            (1..=13)
                .map(|i| {
                    let t = 0.1 * f64::from(i);
                    let y = (-t).exp() - 5.0 * (-10.0 * t).exp() + 3.0 * (-4.0 * t).exp();
                    x[2] * (-t * x[0]).exp() - x[3] * (-t * x[1]).exp() + x[5] * (-t * x[4]).exp() - y
                })
                .collect()
        }),
        case("Watson, 6", &[0.0; 6], &[2.287_67e-3], watson),
        case("Watson, 9", &[0.0; 9], &[1.399_76e-6], watson),
        case("Penalty I, 4", &[1.0, 2.0, 3.0, 4.0], &[2.249_97e-5], |x| {
            let small = 1e-5f64.sqrt();
            let mut r: Vec<Dual> = x.iter().map(|x| small * (*x - 1.0)).collect();
            r.push(x.iter().fold(Dual::of(-0.25), |sum, x| sum + x.sq()));
            r
        }),
        case("Broyden tridiagonal, 10", &[-1.0; 10], &[0.0], |x| {
            (0..10)
                .map(|i| {
                    let left = if i > 0 { x[i - 1] } else { Dual::of(0.0) };
                    let right = if i < 9 { x[i + 1] } else { Dual::of(0.0) };
                    (3.0 - 2.0 * x[i]) * x[i] - left - 2.0 * right + 1.0
                })
                .collect()
        }),
        case("Variably dimensioned, 10", &[0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0], &[0.0], |x| {
            let mut r: Vec<Dual> = x.iter().map(|x| *x - 1.0).collect();
            let sum = x.iter().enumerate().fold(Dual::of(0.0), |s, (i, x)| s + (i as f64 + 1.0) * (*x - 1.0));
            r.push(sum);
            r.push(sum.sq());
            r
        }),
        // The distance to the unit circle: a square root with a singular point inside.
        case("ring", &[0.1, 0.05], &[0.0], |x| vec![(x[0].sq() + x[1].sq()).sqrt() - 1.0]),
    ]
}

/// Six published digits, or 10⁻⁹ where the minimum is 0.
fn reached(value: f64, minima: &[f64]) -> bool {
    minima.iter().any(|m| if *m == 0.0 { value < 1e-9 } else { (value / m - 1.0).abs() < 5e-6 })
}

#[test]
fn quasi_newton_and_conjugate_gradients_reach_the_published_minima() {
    let stop = Stop { gradient: 1e-10, ..Stop::default() };
    for c in cases() {
        for method in fast_methods() {
            let found = minimise(&LeastSquares(c.residuals), c.start, &method, &stop).unwrap();
            assert!(reached(found.value, c.minima), "{} by {method:?}: {found:?}", c.name);
        }
    }
}

#[test]
fn slow_methods_reach_the_easy_ones() {
    let stop = Stop { gradient: 1e-7, ..Stop::default() };
    let slow = all_methods().into_iter().take(3);
    for method in slow {
        for name in
            ["Beale", "Booth", "Himmelblau", "Bard", "Broyden tridiagonal, 10", "ring", "Wood, extended to 8"]
        {
            let c = cases().into_iter().find(|c| c.name == name).unwrap();
            let found = minimise(&LeastSquares(c.residuals), c.start, &method, &stop).unwrap();
            assert_eq!(found.reason, Reason::Gradient, "{name} by {method:?}: {found:?}");
            assert!(reached(found.value, c.minima), "{name} by {method:?}: {found:?}");
        }
    }
}

#[test]
fn minimisers_are_where_they_should_be() {
    let at = |name: &str| {
        let c = cases().into_iter().find(|c| c.name == name).unwrap();
        minimise(&LeastSquares(c.residuals), c.start, &Method::default(), &Stop::default()).unwrap().x
    };
    let close = |x: Vec<f64>, expected: [f64; 2]| {
        assert!((x[0] - expected[0]).abs() < 1e-6 && (x[1] - expected[1]).abs() < 1e-6, "{x:?}");
    };
    close(at("Beale"), [3.0, 0.5]);
    close(at("Booth"), [1.0, 3.0]);
    let himmelblau = at("Himmelblau");
    let known = [
        (3.0, 2.0),
        (-2.805_118_087, 3.131_312_518),
        (-3.779_310_253, -3.283_185_991),
        (3.584_428_340, -1.848_126_527),
    ];
    assert!(known.iter().any(|(x, y)| (himmelblau[0] - x).hypot(himmelblau[1] - y) < 1e-8), "{himmelblau:?}");
}

/// scipy 1.17.1 (L-BFGS-B, maxcor 10, ftol and gtol 0) needs 5801 evaluations until the first f ≤ 10⁻¹⁰, its CG 16,516.
#[test]
fn rosenbrock_1000_takes_fewer_evaluations_than_scipy() {
    let stop = Stop { gradient: 0.0, value: Some(1e-10), ..Stop::default() };
    for (method, limit) in
        [(Method::default(), 5801), (fast_methods()[0], 16_516), (fast_methods()[1], 16_516)]
    {
        let start = problems::Rosenbrock::start(1000);
        let found = minimise(&problems::Rosenbrock, &start, &method, &stop).unwrap();
        assert_eq!(found.reason, Reason::Value, "{method:?}");
        assert!(found.evaluations < limit, "{method:?}: {}", found.evaluations);
        assert!(problems::Rosenbrock.energy(&found.x) <= 1e-10);
        assert_eq!(problems::Rosenbrock.energy(&found.x), found.value);
    }
}

#[test]
fn gradients_are_derivatives() {
    let check = |f: &dyn Fn(&[f64], &mut [f64]) -> f64, x: &[f64], name: &str| {
        let mut g = vec![0.0; x.len()];
        let mut unused = g.clone();
        f(x, &mut g);
        for i in 0..x.len() {
            let h = 3e-4 * x[i].abs().max(0.1);
            let mut y = x.to_vec();
            let mut at = |t: f64| {
                y[i] = x[i] + t;
                f(&y, &mut unused)
            };
            // Richardson's step removes the h² term.
            let slope = (8.0 * (at(h) - at(-h)) - (at(2.0 * h) - at(-2.0 * h))) / (12.0 * h);
            let size = g.iter().fold(1.0_f64, |m, g| m.max(g.abs()));
            assert!((slope - g[i]).abs() < 1e-6 * size, "{name} {i}: {slope} {}", g[i]);
        }
    };
    for c in cases() {
        let f = LeastSquares(c.residuals);
        check(&|x, g| f.value_and_gradient(x, g, &mut ()), c.start, c.name);
    }
    check(
        &|x, g| problems::Rosenbrock.value_and_gradient(x, g, &mut ()),
        &[-1.2, 1.0, 0.3, 2.0],
        "Rosenbrock",
    );
}
