//! Closed forms and reference numbers.

use super::*;

/// Kaufman (1949): ln Z of the n x m torus (m even or odd) at coupling K, in sums of logarithms.
fn kaufman(n: usize, m: usize, k: f64) -> f64 {
    let gamma = |l: usize| {
        if l == 0 {
            // Its sign is that of T - Tc.
            return 2.0 * k + k.tanh().ln();
        }
        let angle = std::f64::consts::PI * l as f64 / n as f64;
        ((2.0 * k).cosh() / (2.0 * k).tanh() - angle.cos()).acosh()
    };
    let half = 0.5 * m as f64;
    let product = |first: usize, f: fn(f64) -> f64| {
        (0..n).map(|r| 2.0 * f(half * gamma(2 * r + first))).product::<f64>()
    };
    let sum = product(1, f64::cosh) + product(1, f64::sinh) + product(0, f64::cosh) + product(0, f64::sinh);
    (0.5 * (2.0 * (2.0 * k).sinh()).powf(0.5 * (n * m) as f64) * sum).ln()
}

#[test]
fn ising_torus_against_the_density_of_states_and_kaufman() {
    // Beale (1996); shared by every enumeration of the 4 x 4 torus.
    let half = [(-32, 2), (-24, 32), (-20, 64), (-16, 424), (-12, 1728), (-8, 6688), (-4, 13568)];
    for k in [0.1, 0.44068679350977147, 1.5] {
        let mut terms = vec![20524f64.ln()];
        for (e, g) in half {
            terms.extend([f64::from(g).ln() - k * f64::from(e), f64::from(g).ln() + k * f64::from(e)]);
        }
        let g = ising(4, 4, true, 0.0, || k);
        assert!(near(g.eliminate().unwrap().ln_z(), ln_sum_exp(&terms)));
        assert!(near(kaufman(4, 4, k), ln_sum_exp(&terms)));
    }
    for (lx, ly, k) in [(8, 8, 0.2), (8, 8, 0.44068679350977147), (8, 8, 0.7), (6, 9, 0.4), (5, 11, 0.35)] {
        let g = ising(lx, ly, true, 0.0, || k);
        let e = g.eliminate().unwrap();
        assert!((e.ln_z() / kaufman(lx, ly, k) - 1.0).abs() < 1e-13, "{lx} x {ly} at {k}");
        // Energy per bond against the derivative of Kaufman's formula.
        let m = e.marginals().unwrap();
        let n = (lx * ly) as f64;
        let bond = m.factors[0][0] + m.factors[0][3] - m.factors[0][1] - m.factors[0][2];
        let (step, mut mean) = (1e-4, bond);
        if lx != ly {
            let other = &m.factors[1];
            mean = 0.5 * (bond + other[0] + other[3] - other[1] - other[2]);
        }
        let slope = (kaufman(lx, ly, k + step) - kaufman(lx, ly, k - step)) / (2.0 * step);
        assert!((slope - 2.0 * n * mean).abs() < 1e-5 * n, "{slope} {}", 2.0 * n * mean);
    }
}

#[test]
fn rings_chains_and_a_field() {
    for n in [3, 4, 17, 200] {
        for (k, h) in [(0.3, 0.0), (-1.2, 0.4), (5.0, -0.1)] {
            let mut g = FactorGraph::new(&vec![2; n]).unwrap();
            for i in 0..n {
                g.add(&[i, (i + 1) % n], &[k, -k, -k, k]).unwrap();
                g.add(&[i], &[-h, h]).unwrap();
            }
            let root = (f64::exp(2.0 * k) * f64::sinh(h).powi(2) + f64::exp(-2.0 * k)).sqrt();
            let (a, b) = (k.exp() * h.cosh() + root, k.exp() * h.cosh() - root);
            let exact = n as f64 * a.ln() + (b / a).powi(n as i32).ln_1p();
            assert!(near(g.eliminate().unwrap().ln_z(), exact), "n = {n}, K = {k}");
        }
        for q in [3, 5] {
            // Potts ring: eigenvalues e^K + q - 1 once and e^K - 1, q - 1 times.
            let k: f64 = 0.9;
            let table: Vec<f64> = (0..q * q).map(|i| if i / q == i % q { k } else { 0.0 }).collect();
            let mut g = FactorGraph::new(&vec![q; n]).unwrap();
            for i in 0..n {
                g.add(&[i, (i + 1) % n], &table).unwrap();
            }
            let big = k.exp() + q as f64 - 1.0;
            let ratio = (k.exp() - 1.0) / big;
            let exact = n as f64 * big.ln() + ((q as f64 - 1.0) * ratio.powi(n as i32)).ln_1p();
            assert!(near(g.eliminate().unwrap().ln_z(), exact), "q = {q}, n = {n}");
            // An open chain: q (e^K + q - 1)^(n - 1).
            let mut open = FactorGraph::new(&vec![q; n]).unwrap();
            (1..n).for_each(|i| {
                open.add(&[i - 1, i], &table).unwrap();
            });
            let exact = (q as f64).ln() + (n - 1) as f64 * big.ln();
            assert!(near(open.eliminate().unwrap().ln_z(), exact));
        }
    }
}

#[test]
fn no_coupling_is_too_strong() {
    // A chain with K = 5000 whose ends are pulled apart by fields: the domain wall's cost decides, deep below what
    // linear numbers could hold. Z = e^(2000 + K (n-1)) (1 + e^-2000 ...), and with ends fixed apart the wall costs 2K.
    let (n, k, h) = (50, 5000.0, 7000.0);
    let mut g = FactorGraph::new(&vec![2; n]).unwrap();
    for i in 1..n {
        g.add(&[i - 1, i], &[k, -k, -k, k]).unwrap();
    }
    g.add(&[0], &[-h, h]).unwrap();
    g.add(&[n - 1], &[h, -h]).unwrap();
    // One wall somewhere: 2 h + K (n - 3), n - 1 places. No wall: K (n - 1) twice. 2h > 2K: the wall wins.
    let exact = 2.0 * h + k * (n as f64 - 3.0) + (n as f64 - 1.0).ln();
    let e = g.eliminate().unwrap();
    assert!((e.ln_z() - exact).abs() < 1e-9);
    let maxima = e.maxima(1e-6).unwrap();
    assert_eq!((maxima.count, maxima.ln_weight), (n as f64 - 1.0, 2.0 * h + k * (n as f64 - 3.0)));
    let up = e.marginals().unwrap().variables;
    for (i, p) in up.iter().enumerate() {
        assert!((p[1] - (n - 1 - i) as f64 / (n as f64 - 1.0)).abs() < 1e-9, "{i}: {p:?}");
    }
    // A lattice just inside and far outside of the linear range gives the same function: a global flip of strong
    // couplings costs nothing (gauge invariance), so ln Z is known from the unfrustrated case.
    for k in [1.0, 20.0, 80.0, 400.0] {
        let mut rng = Streams::new(9).stream("gauge", 0);
        let gauge: Vec<f64> = (0..81).map(|_| if rng.chance(0.5) { 1.0 } else { -1.0 }).collect();
        let mut g = FactorGraph::new(&[2; 81]).unwrap();
        for i in 0..81 {
            for j in [(i % 9 < 8).then_some(i + 1), (i < 72).then_some(i + 9)].into_iter().flatten() {
                let k = k * gauge[i] * gauge[j];
                g.add(&[i, j], &[k, -k, -k, k]).unwrap();
            }
        }
        let plain = ising(9, 9, false, 0.0, || k).eliminate().unwrap().ln_z();
        assert!(near(g.eliminate().unwrap().ln_z(), plain));
        // 144 bonds; the lowest excitations turn a corner: 4 of them, 4 K above.
        let low = 144.0 * k + 2f64.ln();
        if k >= 20.0 {
            assert!((plain - low).abs() < 1e-11 * low);
        }
        assert_eq!(g.eliminate().unwrap().maxima(1e-6).unwrap().count, 2.0);
    }
}

#[test]
fn ground_states_of_plus_minus_j_lattices() {
    let mut rng = Streams::new(11).stream("pmJ", 0);
    for (lx, ly, periodic) in [(4, 4, true), (5, 3, true), (4, 4, false), (5, 3, false)] {
        for _ in 0..5 {
            let g = ising(lx, ly, periodic, 0.0, || if rng.chance(0.5) { 1.0 } else { -1.0 });
            let (top, count) = Enumeration::new(&g).maxima(0.5);
            let e = g.eliminate().unwrap();
            let maxima = e.maxima(0.0).unwrap(); // integers: exact
            assert_eq!((maxima.ln_weight, maxima.count), (top, count as f64));
            assert_eq!(e.maximum().unwrap().ln_weight, top);
        }
    }
    // Counts far beyond u64, and beyond f64.
    let free = FactorGraph::new(&[2; 300]).unwrap().eliminate().unwrap().maxima(0.0).unwrap();
    assert_eq!((free.ln_weight, free.count), (0.0, 2f64.powi(300)));
    let mut chain = FactorGraph::new(&[3; 2000]).unwrap();
    (1..2000).for_each(|i| {
        chain.add(&[i - 1, i], &[0., 1., 1., 1., 0., 1., 1., 1., 0.]).unwrap();
    });
    let colourings = chain.eliminate().unwrap().maxima(0.0).unwrap();
    assert_eq!((colourings.ln_weight, colourings.count), (1999.0, f64::INFINITY));
    assert!(near(colourings.ln_count, 3f64.ln() + 1999.0 * 2f64.ln()));
    let mut star = FactorGraph::new(&[3; 41]).unwrap();
    (1..41).for_each(|i| {
        star.add(&[0, i], &[0., 1., 1., 1., 0., 1., 1., 1., 0.]).unwrap();
    });
    assert_eq!(star.eliminate().unwrap().maxima(0.0).unwrap().count, 3.0 * 2f64.powi(40));
}

/// Hard constraints only: the number of proper colourings, from chromatic polynomials.
#[test]
fn colourings_are_counted() {
    let differ = |q: usize| {
        (0..q * q).map(|i| if i / q == i % q { f64::NEG_INFINITY } else { 0.0 }).collect::<Vec<_>>()
    };
    let graph = |n: usize, q: usize, edges: &[(usize, usize)]| {
        let mut g = FactorGraph::new(&vec![q; n]).unwrap();
        edges.iter().for_each(|&(i, j)| {
            g.add(&[i, j], &differ(q)).unwrap();
        });
        g
    };
    // Petersen graph: 120 proper 3-colourings, 12,960 with 4 colours, none with 2.
    let petersen: Vec<(usize, usize)> =
        (0..5).flat_map(|i| [(i, (i + 1) % 5), (i, i + 5), (5 + i, 5 + (i + 2) % 5)]).collect();
    for (q, count) in [(3, 120.0f64), (4, 12_960.0)] {
        let g = graph(10, q, &petersen);
        let e = g.eliminate().unwrap();
        assert!(near(e.ln_z(), count.ln()), "{}", e.ln_z().exp());
        assert_eq!(e.maxima(0.0).unwrap().count, count);
        let tree = JunctionTree::new(&g, &ExactOptions::default()).unwrap();
        assert!(near(tree.calibrate(&[]).unwrap().ln_z(), count.ln()));
        // Colour symmetry.
        assert!(close(&tree.calibrate(&[]).unwrap().variable(7).unwrap(), &vec![1.0 / q as f64; q], 1e-14));
    }
    let none = graph(10, 2, &petersen);
    assert_eq!(none.eliminate().unwrap().ln_z(), f64::NEG_INFINITY);
    assert!(JunctionTree::new(&none, &ExactOptions::default()).unwrap().calibrate(&[]).is_err());
    // A cycle of n: (q - 1)^n + (-1)^n (q - 1).
    for n in [3usize, 8, 41] {
        let cycle: Vec<(usize, usize)> = (0..n).map(|i| (i, (i + 1) % n)).collect();
        let exact = 3f64.powi(n as i32) + if n % 2 == 0 { 3.0 } else { -3.0 };
        assert!(near(graph(n, 4, &cycle).eliminate().unwrap().ln_z(), exact.ln()));
    }
}

/// Three instances whose answers come from an enumeration in Python (itertools, math.fsum). Entries are
/// ((x >> 8) mod 2001 - 1000) / 250, or -∞ where (x >> 8) mod 17 = 0, with x from the congruence
/// x -> 1103515245 x + 12345 mod 2³¹.
#[test]
fn reference_numbers_of_an_independent_program() {
    let instance = |seed: u64, arities: &[usize], scopes: &[Vec<usize>]| {
        let mut x = seed;
        let mut g = FactorGraph::new(arities).unwrap();
        for scope in scopes {
            let size: usize = scope.iter().map(|&v| arities[v]).product();
            let mut table = Vec::new();
            for _ in 0..size {
                x = (1_103_515_245 * x + 12_345) % (1 << 31);
                let high = (x >> 8) as i64;
                table.push(if high % 17 == 0 {
                    f64::NEG_INFINITY
                } else {
                    (high % 2001 - 1000) as f64 / 250.0
                });
            }
            g.add(scope, &table).unwrap();
        }
        g
    };
    let all_pairs: Vec<Vec<usize>> = (0..10).flat_map(|i| (0..i).map(move |j| vec![i, j])).collect();
    let cases = [
        (
            instance(
                1,
                &[2, 3, 2, 4, 2, 3],
                &[vec![0, 1], vec![1, 2], vec![2, 3], vec![3, 4], vec![4, 5], vec![5, 0], vec![1, 3, 5]],
            ),
            17.49071298371687,
            vec![0.4343417428072591, 0.565658257192741],
            15.608,
            vec![1, 2, 1, 0, 1, 1],
        ),
        (
            instance(2, &[2; 10], &all_pairs),
            17.06050644509672,
            vec![0.0002510130063801466, 0.9997489869936199],
            16.596000000000004,
            vec![1, 1, 0, 0, 1, 0, 1, 0, 1, 0],
        ),
        (
            instance(
                3,
                &[4, 3, 2, 2, 3, 4, 2],
                &[
                    vec![6, 0, 3],
                    vec![2],
                    vec![5, 1],
                    vec![4, 2, 0],
                    vec![1, 6],
                    vec![3, 5],
                    vec![0],
                    vec![4, 5],
                ],
            ),
            15.442715270268781,
            vec![0.020475886909744778, 0.1539229959515098, 0.029671965506028918, 0.7959291516327166],
            14.648,
            vec![3, 2, 0, 0, 2, 2, 0],
        ),
    ];
    for (g, ln_z, first, top, best) in cases {
        let e = g.eliminate().unwrap();
        assert!((e.ln_z() - ln_z).abs() < 1e-12, "{}", e.ln_z());
        assert!(close(&e.marginal(&[0]).unwrap(), &first, 1e-13));
        let m = e.maximum().unwrap();
        assert!((m.ln_weight - top).abs() < 1e-12);
        assert_eq!(m.configuration, best);
        assert_eq!(e.maxima(1e-9).unwrap().count, 1.0);
        let tree = JunctionTree::new(&g, &ExactOptions::default()).unwrap();
        let calibrated = tree.calibrate(&[]).unwrap();
        assert!((calibrated.ln_z() - ln_z).abs() < 1e-12);
        assert!(close(&calibrated.variable(0).unwrap(), &first, 1e-13));
    }
}

/// Tables of several tasks each (2¹⁷ entries and more), in all semirings and both domains.
#[test]
fn large_tables_are_exact() {
    let k = 0.4;
    let torus = ising(9, 9, true, 0.0, || k);
    let e = torus.eliminate().unwrap();
    assert!(e.width() >= 16);
    assert!((e.ln_z() / kaufman(9, 9, k) - 1.0).abs() < 1e-13);
    // An open 17 x 17 lattice whose 544 strong bonds hide a random ground state: nothing else matters.
    let mut rng = Streams::new(16).stream("hidden", 0);
    let l = 17;
    let hidden: Vec<usize> = (0..l * l).map(|_| rng.below(2)).collect();
    let k = 400.0;
    let mut g = FactorGraph::new(&vec![2; l * l]).unwrap();
    for i in 0..l * l {
        for j in [(i % l < l - 1).then_some(i + 1), (i < l * (l - 1)).then_some(i + l)].into_iter().flatten()
        {
            let k = if hidden[i] == hidden[j] { k } else { -k };
            g.add(&[i, j], &[k, -k, -k, k]).unwrap();
        }
    }
    g.add(&[0], &if hidden[0] == 1 { [0.0, 2.0] } else { [2.0, 0.0] }).unwrap();
    let e = g.eliminate().unwrap();
    assert!(e.width() >= 16);
    assert!((e.ln_z() - (544.0 * k + 2.0 + (-2f64).exp().ln_1p())).abs() < 1e-9);
    let ground = e.maximum().unwrap();
    assert_eq!((ground.ln_weight, &ground.configuration), (544.0 * k + 2.0, &hidden));
    let maxima = e.maxima(1e-6).unwrap();
    assert_eq!((maxima.ln_weight, maxima.count), (544.0 * k + 2.0, 1.0));
}
