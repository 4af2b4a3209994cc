//! Spin models against transfer matrices, closed forms, each other, and the laws.

use super::{directions::*, observe::*, *};
use crate::{
    ising::Ising,
    lattice::{Boundary, Lattice},
};
use smml_core::{
    chain::{Chain, Record},
    energy::{Conditional, Energy, Finite, LocalEnergy, Reference, ln_z_exact, mean_exact, states},
    estimate::Estimate,
    kernel::{Kernel, Step},
    rng::Streams,
    sample::{HeatBath, Metropolis, RandomScan},
    testing::{delta_error, law},
};

/// Small, frustrated, nothing uniform; a vertex of degree 1.
fn tangle() -> SparseGraph {
    SparseGraph::new(4, &[(0, 1, 1.0), (1, 2, -0.7), (2, 0, 0.9), (2, 3, 1.3)]).unwrap()
}

fn ring(n: u32, coupling: f64) -> SparseGraph {
    let bonds: Vec<_> = (0..n).map(|i| (i, (i + 1) % n, coupling)).collect();
    SparseGraph::new(n as usize, &bonds).unwrap()
}

fn chain(n: u32, coupling: f64) -> SparseGraph {
    let bonds: Vec<_> = (1..n).map(|i| (i - 1, i, coupling)).collect();
    SparseGraph::new(n as usize, &bonds).unwrap()
}

/// Wrong on purpose: the right kernel at another temperature.
#[derive(Clone)]
struct Tepid<K>(K);
impl<E: Energy, K: Kernel<E>> Kernel<E> for Tepid<K> {
    fn step<R: Draw>(&mut self, energy: &E, state: &mut E::State, beta: f64, rng: &mut R) -> Step {
        self.0.step(energy, state, 0.8 * beta, rng)
    }
}

fn obeys_the_laws<E: Finite + LocalEnergy + Conditional + Reference>(model: &E) {
    let mut rng = Streams::new(1).stream("spins", 0);
    let start = model.draw(&mut rng);
    assert!(delta_error(model, start, 300, &mut rng) < 1e-13);
    for i in states(model).unwrap() {
        assert_eq!(model.index(&model.state(i)), i);
    }
    assert!((ln_z_exact(model, 0.0).unwrap() - model.ln_z_reference()).abs() < 1e-12);
    for beta in [-0.6, 0.0, 0.7, 2.5] {
        assert!(law(model, &Metropolis::new(1).unwrap(), beta).holds_reversibly());
        assert!(law(model, &RandomScan::new(1).unwrap(), beta).holds_reversibly());
        assert!(law(model, &HeatBath, beta).holds());
    }
    assert!(law(model, &Tepid(Metropolis::new(1).unwrap()), 0.7).stationary > 1e-4);
    assert!(law(model, &Tepid(HeatBath), 0.7).stationary > 1e-4);
}

#[test]
fn discrete_models_obey_the_laws() {
    let fields: Vec<f64> = (0..12).map(|k| 0.1 * f64::from(k % 5) - 0.2).collect();
    obeys_the_laws(&Potts::with_fields(tangle(), 3, fields).unwrap());
    obeys_the_laws(&Potts::new(tangle(), 4).unwrap());
    let fields = vec![[0.3, -0.1], [0.0, 0.4], [0.0, 0.0], [-0.2, 0.1]];
    obeys_the_laws(&Clock::new(tangle(), 4, fields).unwrap());
    let fields = vec![[0.3, -0.1], [0.0, 0.4], [0.0, 0.0]];
    obeys_the_laws(&Clock::new(ring(3, 0.8), 5, fields).unwrap());
    obeys_the_laws(&BlumeCapel::new(tangle(), 0.4, vec![0.3, -0.2, 0.0, 0.1]).unwrap());
}

#[test]
fn rings_by_transfer_matrix() {
    for n in [3u32, 5, 6] {
        for k in [-1.4f64, -0.3, 0.6, 2.0] {
            let power = |x: f64| x.powi(n as i32);
            for q in [2usize, 3, 4] {
                // Potts: eigenvalues e^K + q - 1 (once) and e^K - 1 (q - 1 times).
                let z = power(k.exp() + q as f64 - 1.0) + (q as f64 - 1.0) * power(k.exp() - 1.0);
                let potts = Potts::new(ring(n, k), q).unwrap();
                assert!((ln_z_exact(&potts, 1.0).unwrap() - z.ln()).abs() < 1e-12 * (1.0 + z.ln().abs()));
            }
            for q in [2u32, 3, 4] {
                // Clock: the matrix exp(K cos(a - b)) is circulant, its eigenvalues are Fourier sums.
                let turn = |m: u32| 2.0 * std::f64::consts::PI * f64::from(m) / f64::from(q);
                let eigenvalue =
                    |m: u32| (0..q).map(|a| (k * turn(a).cos()).exp() * turn(a * m).cos()).sum::<f64>();
                let z: f64 = (0..q).map(|m| power(eigenvalue(m))).sum();
                let clock = Clock::new(ring(n, k), q as usize, vec![[0.0; 2]; n as usize]).unwrap();
                assert!((ln_z_exact(&clock, 1.0).unwrap() - z.ln()).abs() < 1e-12 * (1.0 + z.ln().abs()));
            }
            // Blume-Capel: the trace of the 3 x 3 matrix exp(K s t - β Δ (s² + t²) / 2) to the power n.
            let delta = 0.35;
            let element =
                |s: i32, t: i32| (k * f64::from(s * t) - 0.5 * delta * f64::from(s * s + t * t)).exp();
            let mut product = [[0.0f64; 3]; 3];
            (0..3).for_each(|i| product[i][i] = 1.0);
            for _ in 0..n {
                product = std::array::from_fn(|i| {
                    std::array::from_fn(|j| {
                        (0..3).map(|m| product[i][m] * element(m as i32 - 1, j as i32 - 1)).sum()
                    })
                });
            }
            let z: f64 = (0..3).map(|i| product[i][i]).sum();
            let model = BlumeCapel::new(ring(n, k), delta, vec![0.0; n as usize]).unwrap();
            assert!((ln_z_exact(&model, 1.0).unwrap() - z.ln()).abs() < 1e-12 * (1.0 + z.ln().abs()));
        }
    }
}

#[test]
fn models_that_are_ising_models() {
    let graph = tangle();
    let n_bonds: f64 = graph.edges().map(|e| e.2).sum();
    let fields = [0.3, -0.2, 0.0, 0.1];
    let ising = |scale: f64, fields: &[f64]| {
        Ising::on_graph(graph.map_weights(|_, _, w| scale * w).unwrap(), fields.to_vec()).unwrap()
    };
    for beta in [-0.5, 0.4, 1.7] {
        let ln_z = |scale: f64, fields: &[f64]| ln_z_exact(&ising(scale, fields), beta).unwrap();
        // Potts, q = 2: J δ = J (1 + s s') / 2, and a field on value 1 alone is h (1 + s) / 2.
        let flat: Vec<f64> = fields.iter().flat_map(|h| [0.0, 2.0 * h]).collect();
        let potts = Potts::with_fields(graph.clone(), 2, flat).unwrap();
        let shift = beta * (0.5 * n_bonds + fields.iter().sum::<f64>());
        assert!((ln_z_exact(&potts, beta).unwrap() - shift - ln_z(0.5, &fields)).abs() < 1e-12);
        // Clock, q = 2.
        let vectors = fields.iter().map(|h| [*h, 0.7]).collect();
        let clock = Clock::new(graph.clone(), 2, vectors).unwrap();
        assert!((ln_z_exact(&clock, beta).unwrap() - ln_z(1.0, &fields)).abs() < 1e-12);
        // Clock, q = 4: s = (a + b, a - b) / 2 with two Ising spins; s·s' = (a a' + b b') / 2, and h·s likewise.
        let vectors = fields.iter().map(|h| [2.0 * h, 0.0]).collect();
        let clock = Clock::new(graph.clone(), 4, vectors).unwrap();
        assert!((ln_z_exact(&clock, beta).unwrap() - 2.0 * ln_z(0.5, &fields)).abs() < 1e-12);
        // Clock, q = 3 is Potts: cos = 3/2 δ - 1/2.
        let clock = Clock::new(graph.clone(), 3, vec![[0.0; 2]; 4]).unwrap();
        let potts = Potts::new(graph.map_weights(|_, _, w| 1.5 * w).unwrap(), 3).unwrap();
        let want = ln_z_exact(&potts, beta).unwrap() - 0.5 * beta * n_bonds;
        assert!((ln_z_exact(&clock, beta).unwrap() - want).abs() < 1e-12);
    }
    // Blume-Capel with Δ → -∞: no vacancies (they weigh exp(β Δ) each).
    let (beta, delta) = (0.8, -60.0);
    let model = BlumeCapel::new(graph.clone(), delta, fields.to_vec()).unwrap();
    let want = ln_z_exact(&ising(1.0, &fields), beta).unwrap() - 4.0 * beta * delta;
    assert!((ln_z_exact(&model, beta).unwrap() - want).abs() < 1e-12 * want);
    for i in 0..4 {
        let of_model = mean_exact(&model, beta, |s| f64::from(s[i])).unwrap();
        let of_ising = mean_exact(&ising(1.0, &fields), beta, |s| f64::from(s[i])).unwrap();
        assert!((of_model - of_ising).abs() < 1e-12);
    }
}

#[test]
fn potts_transitions_on_the_square_lattice() {
    // 1 / ln(1 + √q), and Baxter's product in high precision.
    for (q, t) in [(2, 1.134_592_657_1), (3, 0.994_972_861_1), (4, 0.910_239_226_6), (5, 0.851_528_361_6)] {
        assert!((potts::critical_temperature(q).unwrap() - t).abs() < 1e-10);
    }
    for (q, heat) in [
        (4, 0.0),
        (5, 0.052_918_757_9),
        (6, 0.201_464_140_0),
        (7, 0.353_276_779_5),
        (8, 0.486_358_079_5),
        (10, 0.696_049_431_5),
        (20, 1.194_155_254_7),
    ] {
        assert!((potts::latent_heat(q).unwrap() - heat).abs() < 1e-10, "{q}");
    }
    let (middle, half) = (potts::critical_energy(10).unwrap(), 0.5 * potts::latent_heat(10).unwrap());
    assert!((middle - half + 1.664_252_481_8).abs() < 1e-10);
    assert!((middle + half + 0.968_203_050_3).abs() < 1e-10);
    assert!((2.0 * potts::critical_temperature(2).unwrap() - crate::critical::ISING_SQUARE).abs() < 1e-14);
    assert!(potts::latent_heat(1).is_err() && potts::critical_temperature(0).is_err());
}

/// p-values of the means of v and v² over n draws, against their exact values.
fn moments(n: usize, mut draw: impl FnMut() -> f64, exact: [f64; 2]) -> [f64; 2] {
    let (mut v, mut square) = (Vec::new(), Vec::new());
    for _ in 0..n {
        let x = draw() / exact[0];
        v.push(x);
        square.push(x * x);
    }
    let p = |x: &[f64], exact| Estimate::from_independent(x).unwrap().p_value(exact);
    [p(&v, 1.0), p(&square, exact[1] / (exact[0] * exact[0]))]
}

#[test]
fn directions_have_the_right_moments() {
    let mut rng = Streams::new(3).stream("directions", 0);
    // ⟨1 - cos θ⟩ and ⟨(1 - cos θ)²⟩ by mpmath, 60 digits, from Bessel functions (large κ: from the integral).
    for (kappa, first, second) in [
        (0.1, 0.950_062_396_012_061_1, 1.400_748_752_144_733),
        (0.24, 0.880_855_786_905_649_8, 1.265_277_352_584_840_5),
        (0.26, 0.871_086_265_705_701_5, 1.246_350_476_433_332),
        (2.0, 0.302_225_342_035_992, 0.255_563_355_089_98),
        (50.0, 0.010_051_032_621_502_247, 0.000_303_085_895_434_539_76),
        (1e6, 5.000_001_250_001_25e-7, 7.500_003_750_005_156e-13),
    ] {
        // 1 - cos θ from the sine, so that nothing cancels at large κ.
        let mut draw = |kappa: f64| {
            let [c, s] = von_mises(kappa, &mut rng);
            assert!((c * c + s * s - 1.0).abs() < 1e-14);
            if c > 0.0 { s * s / (1.0 + c) } else { 1.0 - c }
        };
        let p = moments(40_000, || draw(kappa), [first, second]);
        assert!(p.iter().all(|p| *p > 1e-8), "von Mises {kappa}: {p:?}");
        // A concentration that is wrong by a tenth is seen (but not where the distribution is flat).
        if kappa >= 2.0 {
            let p = moments(40_000, || draw(1.1 * kappa), [first, second]);
            assert!(p[0] < 1e-8, "{kappa}: {p:?}");
        }
    }
    for (kappa, first, second) in [
        (0.0, 1.0, 4.0 / 3.0),
        (0.3, 0.900_594_903_011_591_7, 1.138_489_159_433_795_1),
        (3.0, 0.328_363_510_019_644_16, 0.208_969_360_052_384_43),
        (80.0, 0.012_5, 0.000_312_5),
        (1e9, 1e-9, 2e-18),
    ] {
        let p = moments(40_000, || versine_on_sphere(kappa, &mut rng), [first, second]);
        assert!(p.iter().all(|p| *p > 1e-8), "sphere {kappa}: {p:?}");
    }
    // The azimuth is uniform, and the polar angle is that asked for, about any axis.
    for axis in [[1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.6, 0.0, -0.8], [0.48, 0.6, 0.64]] {
        let mut sum = [0.0; 3];
        for _ in 0..20_000 {
            let v = around(axis, 0.7, &mut rng);
            assert!(
                (vector::dot(&v, &axis) - 0.3).abs() < 1e-14 && (vector::dot(&v, &v) - 1.0).abs() < 1e-14
            );
            sum.iter_mut().zip(v).for_each(|(t, x)| *t += x);
        }
        // Mean 0.3 axis; each component has a variance below sin²θ = 0.91.
        assert!(
            axis.iter()
                .zip(sum)
                .all(|(a, t)| (t / 20_000.0 - 0.3 * a).abs() < 5.5 * (0.91f64 / 20_000.0).sqrt())
        );
    }
}

/// The mean of an observable along a chain.
fn run<E: Reference, K: Kernel<E>, const M: usize>(
    model: &E,
    kernel: K,
    beta: f64,
    n: usize,
    observe: impl FnMut(&E::State) -> [f64; M],
) -> Vec<Estimate> {
    let mut rng = Streams::new(9).stream("run", 0);
    let mut chain = Chain::new(kernel, model.draw(&mut rng), rng);
    chain.advance(model, beta, 200);
    let mut record = Record::new(M).unwrap();
    chain.record(model, beta, 1, n, &mut record, observe).unwrap();
    record.estimates().unwrap()
}

#[test]
fn chains_and_rings_of_unit_vectors() {
    // Open chains: ⟨s·s'⟩ of neighbours is I₁(K)/I₀(K) for XY, coth K - 1/K for Heisenberg, whatever the length.
    const XY: f64 = 0.596_133_238_831_290_7; // K = 1.5, mpmath
    let xy = Xy::new(chain(8, 1.0), vec![[0.0; 2]; 8]).unwrap();
    let heisenberg = Heisenberg::new(chain(8, 1.0), vec![[0.0; 3]; 8]).unwrap();
    let langevin = 1.0 / 1.5f64.tanh() - 1.0 / 1.5;
    let metropolis = || Metropolis::new(8).unwrap();
    let kinds = [
        run(&xy, HeatBath, 1.5, 20_000, |s| [-xy.energy(s) / 7.0]),
        run(&xy, metropolis(), 1.5, 40_000, |s| [-xy.energy(s) / 7.0]),
        run(&xy, (HeatBath, OverRelaxation), 1.5, 20_000, |s| [-xy.energy(s) / 7.0]),
    ];
    for found in kinds {
        assert!(found[0].p_value(XY) > 1e-8, "{}", found[0]);
    }
    let kinds = [
        run(&heisenberg, HeatBath, 1.5, 20_000, |s| [-heisenberg.energy(s) / 7.0]),
        run(&heisenberg, metropolis(), 1.5, 40_000, |s| [-heisenberg.energy(s) / 7.0]),
        run(&heisenberg, (HeatBath, OverRelaxation), 1.5, 20_000, |s| [-heisenberg.energy(s) / 7.0]),
    ];
    for found in kinds {
        assert!(found[0].p_value(langevin) > 1e-8, "{}", found[0]);
    }
    // The wrong temperature is seen.
    let wrong = run(&xy, Tepid(HeatBath), 1.5, 20_000, |s| [-xy.energy(s) / 7.0]);
    assert!(wrong[0].p_value(XY) < 1e-12);
    // Rings: Z = Σ Iₘ(K)ⁿ over all integers m, and the helicity modulus n T ⟨m²⟩ with these weights (mpmath).
    let lattice = Lattice::hypercubic(&[6], Boundary::Periodic).unwrap();
    let model = Xy::new(lattice.graph(1.0).unwrap(), vec![[0.0; 2]; 6]).unwrap();
    let kernel = (HeatBath, OverRelaxation);
    let found = run(&model, kernel, 1.2, 60_000, |s| {
        let twist = twist(&lattice, 1.0, s, 0).unwrap();
        [model.energy(s) / 6.0, helicity_modulus(twist.cosine, twist.sine * twist.sine, 1.2, 6.0)]
    });
    assert!(found[0].p_value(-0.533_998_742_459_387_3) > 1e-8, "{}", found[0]);
    assert!(found[1].p_value(0.175_784_503_134_929_67) > 1e-8, "{}", found[1]);
    // Heisenberg: Σ (2l + 1) (modified spherical Bessel function of K)ⁿ.
    let model = Heisenberg::new(ring(5, 1.0), vec![[0.0; 3]; 5]).unwrap();
    let found = run(&model, (HeatBath, OverRelaxation), 2.0, 40_000, |s| [model.energy(s) / 5.0]);
    assert!(found[0].p_value(-0.576_508_500_067_573_9) > 1e-8, "{}", found[0]);
}

#[test]
fn single_vectors_in_a_field() {
    let alone = |n| SparseGraph::new(n, &[]).unwrap();
    // ⟨s·h⟩/|h|: I₁/I₀, the Langevin function, I₂/I₁ in four dimensions (mpmath).
    let xy = Xy::new(alone(1), vec![[0.48, 0.64]]).unwrap();
    let along = |s: &Vec<[f64; 2]>| [0.6 * s[0][0] + 0.8 * s[0][1], 0.8 * s[0][0] - 0.6 * s[0][1]];
    for found in
        [run(&xy, HeatBath, 1.0, 20_000, along), run(&xy, Metropolis::new(4).unwrap(), 1.0, 20_000, along)]
    {
        assert!(found[0].p_value(0.371_075_237_988_149_4) > 1e-8 && found[1].p_value(0.0) > 1e-8);
    }
    let heisenberg = Heisenberg::new(alone(1), vec![[0.0, -1.2, 1.6]]).unwrap();
    let found = run(&heisenberg, HeatBath, -1.0, 20_000, |s| [0.6 * s[0][1] - 0.8 * s[0][2]]);
    assert!(found[0].p_value(1.0 / 2f64.tanh() - 0.5) > 1e-8, "{}", found[0]);
    let four = VectorModel::<4>::new(alone(1), vec![[0.0, 0.0, 1.7, 0.0]]).unwrap().with_width(2.0).unwrap();
    let found = run(&four, Metropolis::new(4).unwrap(), 1.0, 20_000, |s| [s[0][2]]);
    assert!(found[0].p_value(0.381_577_067_533_488_95) > 1e-8, "{}", found[0]);
    // Areas of the sphere: 2π, 4π, 2π².
    let pi = std::f64::consts::PI;
    assert!((xy.ln_z_reference() - (2.0 * pi).ln()).abs() < 1e-14);
    assert!((heisenberg.ln_z_reference() - (4.0 * pi).ln()).abs() < 1e-14);
    assert!((four.ln_z_reference() - (2.0 * pi * pi).ln()).abs() < 1e-14);
}

#[test]
fn over_relaxation_conserves_the_energy_and_undoes_itself() {
    fn check<const N: usize>() {
        let mut rng = Streams::new(5).stream("over", N as u64);
        let graph = smml_core::graph::random_regular(40, 3, &mut rng).unwrap();
        let graph = graph.map_weights(|_, _, _| rng.normal()).unwrap();
        let fields = (0..40).map(|_| [(); N].map(|()| rng.normal())).collect();
        let model = VectorModel::<N>::new(graph, fields).unwrap();
        let start = model.draw(&mut rng);
        assert!(delta_error(&model, start.clone(), 200, &mut rng) < 1e-13);
        let (mut s, before) = (start.clone(), model.energy(&start));
        for _ in 0..1000 {
            let step = OverRelaxation.step(&model, &mut s, 1.0, &mut rng);
            assert_eq!((step.proposed, step.accepted), (40, 40));
        }
        assert!((model.energy(&s) - before).abs() < 1e-11 * before.abs());
        assert!(s.iter().all(|v| (vector::dot(v, v) - 1.0).abs() < 1e-15));
        let moved = s.iter().zip(&start).map(|(a, b)| 1.0 - vector::dot(a, b)).fold(0.0, f64::max);
        assert!(moved > 0.1);
        // Each reflection is its own inverse.
        let one = VectorModel::<N>::new(SparseGraph::new(1, &[]).unwrap(), vec![model.fields()[0]]).unwrap();
        let mut spin = vec![start[0]];
        OverRelaxation.step(&one, &mut spin, 1.0, &mut rng);
        assert!((vector::dot(&spin[0], &start[0]) - 1.0).abs() > 1e-6);
        OverRelaxation.step(&one, &mut spin, 1.0, &mut rng);
        assert!((vector::dot(&spin[0], &start[0]) - 1.0).abs() < 1e-14);
    }
    check::<2>();
    check::<3>();
    check::<5>();
    // Without any field a spin stays.
    let free = Xy::new(SparseGraph::new(1, &[]).unwrap(), vec![[0.0; 2]]).unwrap();
    let mut s = vec![[0.6, 0.8]];
    let step = OverRelaxation.step(&free, &mut s, 1.0, &mut Streams::new(1).stream("free", 0));
    assert_eq!((s[0], step.accepted), ([0.6, 0.8], 0));
}

#[test]
fn observables_of_known_states() {
    assert_eq!(magnetisation(&[[1.0, 0.0], [0.0, -1.0], [1.0, 0.0]]), [2.0, -1.0]);
    assert_eq!(potts_order(&[2, 2, 2], 3).unwrap(), 1.0);
    assert_eq!(potts_order(&[0, 1, 2], 3).unwrap(), 0.0);
    assert!((potts_order(&[0, 0, 1], 3).unwrap() - 0.5).abs() < 1e-15);
    assert!((potts_magnetisation_squared(&[1, 1], 3).unwrap() - 1.0).abs() < 1e-15);
    assert!(potts_magnetisation_squared(&[0, 1, 2], 3).unwrap().abs() < 1e-15);
    // Two values, densities (1 + m)/2 and (1 - m)/2: m².
    assert!((potts_magnetisation_squared(&[0, 0, 0, 1], 2).unwrap() - 0.25).abs() < 1e-15);
    assert!(potts_order(&[], 3).is_err() && potts_order(&[3], 3).is_err() && potts_order(&[0], 1).is_err());

    // A vortex in the middle of an open square, an antivortex, and a uniform twist on a torus.
    let open = Lattice::square(6, 6, Boundary::Open).unwrap();
    let faces = open.faces().unwrap();
    for sign in [1.0, -1.0] {
        let spins: Vec<[f64; 2]> = (0..36)
            .map(|i| {
                let p = open.position(i).unwrap();
                let angle = sign * (p[0] - 2.5f64).atan2(p[1] - 2.5);
                [angle.cos(), angle.sin()]
            })
            .collect();
        let found = vorticity(&faces, &spins).unwrap();
        assert_eq!(found.iter().filter(|v| **v != 0).count(), 1);
        // The face between (2, 2) and (3, 3).
        let at = found.iter().position(|v| *v != 0).unwrap();
        assert_eq!((faces[at].as_slice(), f64::from(found[at])), (&[14, 15, 21, 20][..], sign));
    }
    for lattice in [
        Lattice::square(6, 8, Boundary::Periodic).unwrap(),
        Lattice::triangular(5, 4, Boundary::Periodic).unwrap(),
        Lattice::honeycomb(4, 4, Boundary::Helical).unwrap(),
    ] {
        let n = lattice.n_sites();
        let model = Xy::new(lattice.graph(1.0).unwrap(), vec![[0.0; 2]; n]).unwrap();
        let spins = model.draw(&mut Streams::new(2).stream("vortices", 0));
        let found = vorticity(&lattice.faces().unwrap(), &spins).unwrap();
        assert!(found.iter().any(|v| *v != 0) && found.iter().sum::<i32>() == 0);
        // Ising-like states have opposite neighbours and no vortex in total.
        let spins: Vec<[f64; 2]> = (0..n).map(|i| [if i % 3 == 0 { 1.0 } else { -1.0 }, 0.0]).collect();
        assert_eq!(vorticity(&lattice.faces().unwrap(), &spins).unwrap().iter().sum::<i32>(), 0);
    }
    let torus = Lattice::square(4, 8, Boundary::Periodic).unwrap();
    let step = std::f64::consts::PI / 4.0;
    let wave: Vec<[f64; 2]> = (0..32)
        .map(|i| {
            let angle = step * (i % 8) as f64;
            [angle.cos(), angle.sin()]
        })
        .collect();
    let along = twist(&torus, 2.0, &wave, 1).unwrap();
    assert!(
        (along.cosine - 64.0 * step.cos()).abs() < 1e-12 && (along.sine - 64.0 * step.sin()).abs() < 1e-12
    );
    let across = twist(&torus, 2.0, &wave, 0).unwrap();
    assert!((across.cosine - 64.0).abs() < 1e-12 && across.sine.abs() < 1e-12);
    assert!(twist(&torus, 2.0, &wave, 2).is_err() && twist(&torus, 2.0, &wave[1..], 0).is_err());
    assert!(vorticity(&faces, &wave).is_err());
}

#[test]
fn clock_directions_are_exact_where_they_can_be() {
    for q in 2..=256usize {
        let clock = Clock::new(SparseGraph::new(1, &[]).unwrap(), q, vec![[0.0; 2]]).unwrap();
        for k in 0..q {
            let angle = 2.0 * std::f64::consts::PI * k as f64 / q as f64;
            let [c, s] = clock.direction(k as u8);
            assert!((c - angle.cos()).abs() < 2e-15 && (s - angle.sin()).abs() < 2e-15, "{k} of {q}");
            // Mirror images have the same bits.
            let [mirrored, minus] = clock.direction(((q - k) % q) as u8);
            assert!(mirrored == c && minus == -s);
        }
        if q.is_multiple_of(4) {
            assert_eq!(clock.direction((q / 4) as u8), [0.0, 1.0]);
        }
    }
}

#[test]
fn extreme_temperatures_are_no_trouble() {
    let mut rng = Streams::new(7).stream("extreme", 0);
    for beta in [1e-300, 1e20, 1e307, -1e307] {
        let xy = Xy::new(ring(3, 2.0), vec![[0.5, 0.0]; 3]).unwrap();
        let mut s = xy.draw(&mut rng);
        let space = Heisenberg::new(ring(3, 2.0), vec![[0.5, 0.0, 0.1]; 3]).unwrap();
        let mut t = space.draw(&mut rng);
        let potts = Potts::new(ring(3, 20.0), 3).unwrap();
        let mut u = vec![1; 3];
        for _ in 0..400 {
            HeatBath.step(&xy, &mut s, beta, &mut rng);
            HeatBath.step(&space, &mut t, beta, &mut rng);
            HeatBath.step(&potts, &mut u, beta, &mut rng);
        }
        assert!(s.iter().all(|s| (vector::dot(s, s) - 1.0).abs() < 1e-14));
        assert!(t.iter().all(|s| (vector::dot(s, s) - 1.0).abs() < 1e-14));
        if beta == 1e307 {
            // Frozen: all spins along the field, and equal.
            assert!(s.iter().all(|s| s[0] > 1.0 - 1e-6) && t.iter().all(|s| s[0] > 0.9));
            assert!(u[0] == u[1] && u[1] == u[2]);
        }
    }
}

#[test]
fn bad_spin_models_are_refused() {
    let empty = || SparseGraph::new(0, &[]).unwrap();
    assert!(Potts::new(empty(), 3).is_err() && Potts::new(tangle(), 1).is_err());
    assert!(Potts::new(tangle(), 257).is_err() && Potts::with_fields(tangle(), 3, vec![0.0; 4]).is_err());
    assert!(Potts::with_fields(tangle(), 3, vec![f64::NAN; 12]).is_err());
    assert!(Clock::new(tangle(), 3, vec![[0.0, f64::INFINITY]; 4]).is_err());
    assert!(Clock::new(tangle(), 3, vec![[0.0; 2]; 3]).is_err() && Clock::new(empty(), 3, vec![]).is_err());
    assert!(BlumeCapel::new(tangle(), f64::NAN, vec![0.0; 4]).is_err());
    assert!(Xy::new(empty(), vec![]).is_err() && Xy::new(tangle(), vec![[f64::NAN, 0.0]; 4]).is_err());
    assert!(Xy::new(tangle(), vec![[0.0; 2]; 4]).unwrap().with_width(0.0).is_err());
    let potts = Potts::new(tangle(), 3).unwrap();
    assert!(potts.energy(&vec![0; 3]).is_nan() && potts.energy(&vec![3; 4]).is_nan());
    let model = BlumeCapel::new(tangle(), 0.0, vec![0.0; 4]).unwrap();
    assert!(model.energy(&vec![2; 4]).is_nan());
    assert_eq!(Potts::new(ring(90, 1.0), 5).unwrap().n_states(), None);
}
