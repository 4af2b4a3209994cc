//! The Ising model against enumeration, closed forms and published values.

use smml_core::{
    chain::{Chain, Record},
    energy::{ln_z_exact, mean_exact},
    estimate::Estimate,
    factor_graph::ExactOptions,
    graph::{Colouring, random_regular},
    parallel::{self, Par},
    prelude::*,
    sample::{HeatBath, Ladder, Metropolis, RandomScan, Tempering},
    testing::{delta_error, law},
};
use smml_physics::{
    cluster::Wolff,
    ising::{
        Boundary, CachedIsing, ColourSweep, Coloured, Ising, Rule, SquareLattice, elimination, exact,
        observe, onsager, transfer,
    },
};

fn torus(l: usize) -> Ising {
    SquareLattice::uniform(l, l, Boundary::Periodic, 1.0, 0.0).unwrap().ising().unwrap()
}

/// Small, frustrated, with fields, nothing uniform; a vertex of degree 1 and one without bonds.
fn glass() -> Ising {
    let bonds = [(0, 1, 1.0), (1, 2, -0.7), (2, 0, 0.9), (2, 3, 1.3), (3, 4, -0.4), (4, 2, 0.8), (4, 5, 0.6)];
    Ising::new(7, &bonds, vec![0.3, -0.2, 0.0, 0.7, -0.5, 0.1, 0.4]).unwrap()
}

/// A ±J ring with an odd number of negative bonds: frustrated, without field.
fn frustrated_ring() -> Ising {
    let bonds: Vec<(u32, u32, f64)> =
        (0..6).map(|i| (i, (i + 1) % 6, if i % 3 == 0 { -1.0 } else { 1.0 })).chain([(0, 3, -1.0)]).collect();
    Ising::new(6, &bonds, vec![0.0; 6]).unwrap()
}

#[test]
fn hostile_files_are_refused() {
    use smml_core::store::{decode, encode};
    use smml_physics::ising::CachedSpins;
    let model = CachedIsing(glass());
    assert!(model.at(vec![i8::MIN; 7]).unwrap_err().to_string().contains("spin 0 = -128"));
    let state = model.at(vec![1, -1, 1, 1, -1, 1, 1]).unwrap();
    assert_eq!(decode::<CachedSpins>(&encode(&state, 0).unwrap(), 0).unwrap(), state);
    let read = |spins: &[i8], local: &[f64], energy: f64| {
        decode::<CachedSpins>(&encode(&(spins, local, energy), 0).unwrap(), 0).unwrap_err().to_string()
    };
    assert!(read(&[1, 0], &[0.5, 0.5], 1.0).contains("spin 1 = 0"));
    assert!(read(&[1, -1], &[0.5], 1.0).contains("local fields has length 1, expected 2"));
    assert!(read(&[1, -1], &[0.5, f64::NAN], 1.0).contains("local field 1 = NaN"));
    assert!(read(&[1, -1], &[0.5, 0.5], f64::INFINITY).contains("energy = inf"));
    // Couplings that name spins which do not exist, and fields for another number of spins.
    let ising = |rows: Vec<Vec<(u32, f64)>>, fields: Vec<f64>| {
        decode::<Ising>(&encode(&(rows, fields), 0).unwrap(), 0).map_err(|e| e.to_string())
    };
    assert!(ising(vec![vec![(1, 0.5)], vec![]], vec![0.0; 2]).is_ok());
    assert!(ising(vec![vec![(2, 0.5)], vec![]], vec![0.0; 2]).unwrap_err().contains("(0, 2)"));
    assert!(ising(vec![vec![(1, 0.5)], vec![]], vec![0.0; 3]).unwrap_err().contains("fields"));
    assert!(ising(vec![vec![(1, 0.5)], vec![]], vec![0.0, f64::NAN]).unwrap_err().contains("field 1"));
}

#[test]
fn every_kernel_obeys_the_law() {
    for model in [
        glass(),
        frustrated_ring(),
        SquareLattice::uniform(2, 3, Boundary::Periodic, 0.8, 0.1).unwrap().ising().unwrap(),
    ] {
        for beta in [0.3, 1.1] {
            assert!(law(&model, &Metropolis::new(1).unwrap(), beta).holds_reversibly());
            assert!(law(&model, &RandomScan::new(1).unwrap(), beta).holds_reversibly());
            assert!(law(&model, &HeatBath, beta).holds());
            let wolff = law(&model, &Wolff::default(), beta);
            assert!(wolff.holds_reversibly(), "{wolff:?}");
            let cached = CachedIsing(model.clone());
            assert!(law(&cached, &Metropolis::new(2).unwrap(), beta).holds_reversibly());
            assert!(law(&cached, &HeatBath, beta).holds());
        }
    }
    let small = Ising::new(2, &[(0, 1, -0.8)], vec![0.2, -0.1]).unwrap();
    let ladder = Ladder::new(small, vec![1.0, 0.5]).unwrap();
    assert!(law(&ladder, &Tempering { inner: Wolff::default(), par: Par::Serial }, 1.0).holds());
}

#[test]
fn colour_sweeps_obey_the_law() {
    for model in [
        glass(),
        frustrated_ring(),
        SquareLattice::uniform(2, 3, Boundary::Periodic, 0.8, 0.1).unwrap().ising().unwrap(),
    ] {
        let model = Coloured::new(model);
        for rule in [Rule::HeatBath, Rule::Metropolis] {
            let sweep = ColourSweep { rule, par: Par::Serial };
            for beta in [-0.5, 0.3, 1.1] {
                let law = law(&model, &sweep, beta);
                assert!(law.stationary < 1e-12, "{rule:?} {beta}: {law:?}");
            }
        }
        assert!(law(&model, &ColourSweep { rule: Rule::HeatBath, par: Par::Serial }, 0.7).holds());
    }
    // One colour for coupled spins is refused: drawn together, they would not obey the law.
    let one_colour = Colouring::new(vec![0; 6]).unwrap();
    assert!(Coloured::with_colouring(frustrated_ring(), one_colour).is_err());
    let short = Colouring::new(vec![0, 1]).unwrap();
    assert!(Coloured::with_colouring(frustrated_ring(), short).is_err());
}

#[test]
fn colour_sweeps_do_not_depend_on_threads() {
    let model = Coloured::new(torus(256));
    let run = |par: Par| {
        let mut rng = Streams::new(5).stream("colours", 0);
        let mut chain = Chain::new(ColourSweep { rule: Rule::Metropolis, par }, model.draw(&mut rng), rng);
        chain.advance(&model, 0.44, 20);
        chain.state
    };
    let want = run(Par::Serial);
    for n in [1, 2, 3, 8] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
        assert!(pool.install(|| run(Par::Rayon)) == want, "{n} threads");
    }
}

#[test]
fn energy_changes_are_differences_of_energies() {
    let mut rng = Streams::new(1).stream("delta", 0);
    let graph = random_regular(50, 3, &mut rng).unwrap();
    let graph = graph.map_weights(|_, _, _| rng.normal()).unwrap();
    let fields = (0..50).map(|_| rng.normal()).collect();
    let model = Ising::on_graph(graph, fields).unwrap();
    let start = model.draw(&mut rng);
    assert!(delta_error(&model, start.clone(), 500, &mut rng) < 1e-13);
    let cached = CachedIsing(model);
    assert!(delta_error(&cached, cached.at(start).unwrap(), 500, &mut rng) < 1e-13);
}

#[test]
fn density_of_states_of_the_4x4_torus() {
    // OEIS A364781 and Beale, Phys. Rev. Lett. 76, 78 (1996).
    let mut by_energy = std::collections::BTreeMap::new();
    for level in exact::spectrum(&torus(4)).unwrap() {
        *by_energy.entry(level.energy as i64).or_insert(0u64) += level.count;
    }
    let expected = [
        (-32, 2),
        (-24, 32),
        (-20, 64),
        (-16, 424),
        (-12, 1728),
        (-8, 6688),
        (-4, 13568),
        (0, 20524),
        (4, 13568),
        (8, 6688),
        (12, 1728),
        (16, 424),
        (20, 64),
        (24, 32),
        (32, 2),
    ];
    assert_eq!(by_energy.into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn moments_of_the_4x4_torus() {
    let levels = exact::spectrum(&torus(4)).unwrap();
    for (t, m, m2, u4) in [
        (2.0, 0.918_943_267_4, 0.868_921_681_6, 0.644_810_791_2),
        (onsager::CRITICAL_TEMPERATURE, 0.843_860_444_8, 0.761_358_908_6, 0.617_199_318_4),
        (3.0, 0.601_291_326_0, 0.450_988_140_8, 0.480_540_660_1),
    ] {
        let got = exact::thermal(&levels, 16, 1.0 / t);
        assert!((got.absolute_magnetisation - m).abs() < 1e-9);
        assert!((got.magnetisation_squared - m2).abs() < 1e-9);
        assert!((got.binder - u4).abs() < 1e-9);
    }
}

#[test]
fn kaufman_values() {
    // Computed in 60-digit arithmetic from Kaufman's formula; L = 4 agrees with enumeration.
    let tc = onsager::CRITICAL_TEMPERATURE;
    for (l, t, u, c) in [
        (4, 2.0, -1.755_380_288_8, 0.605_532_657_2),
        (4, tc, -1.565_623_787_6, 0.783_266_825_9),
        (4, 2.6, -1.298_807_589_5, 0.790_779_841_4),
        (8, 2.0, -1.745_683_170_3, 0.714_122_602_9),
        (8, tc, -1.491_589_107_4, 1.145_559_239_9),
        (8, 2.6, -1.118_971_027_5, 0.961_440_176_1),
        (16, 2.0, -1.745_530_669_0, 0.725_508_767_7),
        (16, tc, -1.453_064_852_8, 1.498_704_959_4),
        (16, 2.6, -1.039_110_011_1, 0.799_094_250_3),
        (64, 2.0, -1.745_564_575_3, 0.724_871_448_6),
        (64, tc, -1.423_938_389_8, 2.192_211_393_1),
        (64, 2.6, -1.028_293_704_0, 0.704_860_308_2),
    ] {
        let got = onsager::torus(l, l, 1.0 / t).unwrap();
        assert!((got.energy - u).abs() < 2e-10, "L {l} T {t}: u {}", got.energy);
        assert!((got.specific_heat - c).abs() < 2e-9, "L {l} T {t}: c {}", got.specific_heat);
    }
    // Rectangles and ln Z against enumeration and transfer matrices.
    for (rows, columns) in [(4, 4), (3, 5), (2, 3), (5, 4), (2, 2)] {
        let lattice = SquareLattice::uniform(rows, columns, Boundary::Periodic, 1.0, 0.0).unwrap();
        let levels = exact::spectrum(&lattice.ising().unwrap()).unwrap();
        for beta in [0.05, onsager::CRITICAL_K, 1.3] {
            let kaufman = onsager::torus(rows, columns, beta).unwrap();
            let enumerated = exact::thermal(&levels, rows * columns, beta);
            assert!((kaufman.ln_z - enumerated.ln_z).abs() < 1e-11 * enumerated.ln_z.abs());
            assert!((kaufman.energy - enumerated.energy).abs() < 1e-11);
            assert!((kaufman.specific_heat - enumerated.specific_heat).abs() < 1e-9);
            assert!(
                (transfer::ln_z(&lattice, beta).unwrap() - enumerated.ln_z).abs()
                    < 1e-11 * enumerated.ln_z.abs()
            );
        }
    }
    assert!(onsager::torus(1, 4, 0.4).is_err() && onsager::torus(4, 4, f64::NAN).is_err());
}

#[test]
fn onsager_values() {
    // Computed in high precision from Onsager's solution (elliptic integrals) and Yang's magnetisation.
    for (t, u, m) in [
        (1.5, -1.951_116_573_1, 0.986_499_602_6),
        (2.0, -1.745_564_575_3, 0.911_319_377_9),
        (2.2, -1.546_489_144_1, 0.784_755_131_4),
        (2.4, -1.203_974_467_9, 0.0),
        (3.0, -0.817_309_592_5, 0.0),
        (5.0, -0.428_228_833_2, 0.0),
    ] {
        assert!((onsager::energy(1.0 / t).unwrap() - u).abs() < 1e-10, "T {t}");
        assert!((onsager::magnetisation(1.0 / t).unwrap() - m).abs() < 1e-10, "T {t}");
    }
    for (t, f) in [(1.5, -2.008_443_185_4), (2.0, -2.051_585_625_4), (3.0, -2.447_648_195_6)] {
        assert!((-t * onsager::ln_z_per_spin(1.0 / t).unwrap() - f).abs() < 1e-9, "T {t}");
    }
    let k = onsager::CRITICAL_K;
    assert!((onsager::energy(k).unwrap() + 2f64.sqrt()).abs() < 1e-7);
    assert!((onsager::ln_z_per_spin(k).unwrap() - 0.929_695_398_341_6).abs() < 1e-12);
    assert!(onsager::specific_heat(k).is_err());
    // c = -K² du/dK, by a central difference; at T = 2 and 2.6 the torus of 200 columns is the infinite lattice.
    for t in [1.2, 2.0, 2.6, 4.0] {
        let k = 1.0 / t;
        let h = 1e-5;
        let slope = (onsager::energy(k + h).unwrap() - onsager::energy(k - h).unwrap()) / (2.0 * h);
        assert!((onsager::specific_heat(k).unwrap() + k * k * slope).abs() < 1e-8, "T {t}");
        let torus = onsager::torus(200, 200, k).unwrap();
        assert!((torus.specific_heat - onsager::specific_heat(k).unwrap()).abs() < 1e-9);
        // Below T_c a torus has two phases: ln 2 more.
        let phases = if t < onsager::CRITICAL_TEMPERATURE { 2f64.ln() } else { 0.0 };
        assert!(((torus.ln_z - phases) / 40_000.0 - onsager::ln_z_per_spin(k).unwrap()).abs() < 1e-9);
    }
}

#[test]
fn transfer_matrix_takes_any_couplings() {
    for boundary in [Boundary::Open, Boundary::Periodic] {
        for (rows, columns) in [(3, 4), (4, 3), (2, 5)] {
            let mut rng = Streams::new(4).stream("couplings", 0);
            let couplings: Vec<f64> = (0..100).map(|_| rng.normal()).collect();
            let mut next = couplings.iter().copied().cycle();
            let lattice = SquareLattice::with_couplings(
                rows,
                columns,
                boundary,
                |_, _| next.next().unwrap(),
                |i| 0.3 * couplings[50 + i],
            )
            .unwrap();
            let levels = exact::spectrum(&lattice.ising().unwrap()).unwrap();
            for beta in [-0.4, 0.0, 0.7, 30.0] {
                let exact = exact::thermal(&levels, rows * columns, beta).ln_z;
                let got = transfer::ln_z(&lattice, beta).unwrap();
                assert!((got - exact).abs() < 1e-7 * (1.0 + exact.abs()), "{got} {exact}");
            }
        }
    }
    let wide = SquareLattice::uniform(12, 12, Boundary::Periodic, 1.0, 0.0).unwrap();
    assert!(matches!(transfer::ln_z(&wide, 0.4), Err(Error::TooLarge { .. })));
}

#[test]
fn too_many_spins_to_enumerate_are_refused() {
    for (l, n) in [(5, Some(1 << 25)), (7, Some(1 << 49)), (8, None), (9, None)] {
        let model = torus(l);
        assert_eq!(model.n_states(), n);
        assert_eq!(CachedIsing(model.clone()).n_states(), n);
        // Numbering stays total: the state with all spins down is number 0 in any size.
        assert_eq!((model.index(&vec![-1; l * l]), model.state(0)), (0, vec![-1; l * l]));
        if l > 5 {
            let error = ln_z_exact(&model, 0.4).unwrap_err();
            assert!(matches!(error, smml_core::Error::TooLarge { .. }), "{error}");
            assert!(mean_exact(&model, 0.4, |_| 1.0).is_err());
        }
    }
    let ladder = Ladder::new(torus(4), vec![1.0, 0.5, 0.2, 0.1]).unwrap();
    assert_eq!(ladder.n_states(), None);
    let text = ln_z_exact(&torus(8), 0.4).unwrap_err().to_string();
    assert_eq!(text, "enumeration needs 2^64 states or more, the limit is 2^28 states");
}

#[test]
fn observables_of_a_frozen_antiferromagnet() {
    // M is always 0 below T = 0.1: no cumulant of it is NaN.
    let ising = SquareLattice::uniform(4, 4, Boundary::Periodic, -1.0, 0.0).unwrap().ising().unwrap();
    let ground: Vec<i8> = (0..16).map(|i| if (i / 4 + i) % 2 == 0 { 1 } else { -1 }).collect();
    let mut chain = Chain::new(HeatBath, ground, Streams::new(1).stream("frozen", 0));
    let mut record = Record::new(2).unwrap();
    let measure = |s: &Vec<i8>| [ising.energy(s), observe::magnetisation(s) as f64];
    chain.record(&ising, 50.0, 1, 100, &mut record, measure).unwrap();
    let got = observe::observables(&record, ising.n_spins(), ising.is_symmetric(), 50.0).unwrap();
    assert_eq!((got.energy.value, got.binder, got.susceptibility.value), (-2.0, None, 0.0));
    assert_eq!(exact::averages(&ising, &[1e3]).unwrap()[0].binder, 0.0);
}

#[test]
fn simulations_agree_with_enumeration() {
    let ising = torus(4);
    let levels = exact::spectrum(&ising).unwrap();
    let beta = 0.5;
    let want = exact::thermal(&levels, 16, beta);
    fn run<K: Kernel<Ising>>(ising: &Ising, kernel: K, beta: f64) -> observe::Observables {
        let mut rng = Streams::new(8).stream("start", 0);
        let mut chain = Chain::new(kernel, ising.draw(&mut rng), rng);
        chain.advance(ising, beta, 500);
        let mut record = Record::new(2).unwrap();
        let measure = |s: &Vec<i8>| [ising.energy(s), observe::magnetisation(s) as f64];
        chain.record(ising, beta, 1, 40_000, &mut record, measure).unwrap();
        observe::observables(&record, ising.n_spins(), ising.is_symmetric(), beta).unwrap()
    }
    for got in [
        run(&ising, Metropolis::new(16).unwrap(), beta),
        run(&ising, HeatBath, beta),
        run(&ising, Wolff::default(), beta),
        run(&ising, (Wolff::default(), HeatBath), beta),
    ] {
        for (e, exact) in [
            (got.energy, want.energy),
            (got.specific_heat, want.specific_heat),
            (got.absolute_magnetisation, want.absolute_magnetisation),
            (got.magnetisation_squared, want.magnetisation_squared),
            (got.susceptibility, want.susceptibility),
            (got.phase_susceptibility, want.phase_susceptibility),
            (got.binder.unwrap(), want.binder),
        ] {
            assert!(e.z(exact).abs() < 5.0, "{e} against {exact}");
        }
    }
}

#[test]
fn susceptibility_is_the_response_to_a_field() {
    let at = |h: f64, beta: f64| {
        let ising = SquareLattice::uniform(3, 4, Boundary::Open, 0.7, h).unwrap().ising().unwrap();
        exact::averages(&ising, &[beta]).unwrap()[0]
    };
    for beta in [-0.4, 0.3, 0.8] {
        for h in [0.0, 0.3] {
            let step = 1e-4;
            let slope = (at(h + step, beta).magnetisation - at(h - step, beta).magnetisation) / (2.0 * step);
            assert!((at(h, beta).susceptibility - slope).abs() < 1e-6 * slope.abs(), "beta {beta}, h {h}");
        }
    }
    // And a simulation in a field.
    let ising = SquareLattice::uniform(3, 4, Boundary::Open, 0.7, 0.3).unwrap().ising().unwrap();
    let rng = Streams::new(4).stream("field", 0);
    let mut chain = Chain::new(HeatBath, vec![1; 12], rng);
    chain.advance(&ising, 0.8, 100);
    let mut record = Record::new(2).unwrap();
    let measure = |s: &Vec<i8>| [ising.energy(s), observe::magnetisation(s) as f64];
    chain.record(&ising, 0.8, 1, 40_000, &mut record, measure).unwrap();
    let (got, want) =
        (observe::observables(&record, ising.n_spins(), ising.is_symmetric(), 0.8).unwrap(), at(0.3, 0.8));
    assert!(got.magnetisation.z(want.magnetisation).abs() < 5.0);
    assert!(got.susceptibility.z(want.susceptibility).abs() < 5.0);
    assert!(got.phase_susceptibility.z(want.susceptibility).abs() > 10.0, "the two differ in a field");
}

/// At the critical point, where the chain remembers for longest, by packed sweeps.
#[test]
fn error_bars_of_critical_energies_cover_what_they_say() {
    use smml_physics::packed::{PackedLattice, PackedSweep};
    let lattice = PackedLattice::square(8, 8, 1.0).unwrap();
    let beta = 1.0 / onsager::CRITICAL_TEMPERATURE;
    let exact = onsager::torus(8, 8, beta).unwrap().energy;
    let runs = 20_000;
    let hits = parallel::map(Par::Rayon, runs, |run| {
        let mut rng = Streams::new(32).stream("coverage", run as u64);
        let mut chain = Chain::new(PackedSweep::heat_bath(4), lattice.draw(&mut rng), rng);
        chain.advance(&lattice, beta, 50);
        let mut record = Record::new(1).unwrap();
        chain.record(&lattice, beta, 1, 400, &mut record, |s| [lattice.energy(s) / 64.0]).unwrap();
        record.estimate(0).map_or((false, 0.0), |e: Estimate| (e.z(exact).abs() <= 1.0, e.n_eff))
    });
    let covered = hits.iter().filter(|h| h.0).count() as f64 / runs as f64;
    let mean_n_eff = hits.iter().map(|h| h.1).sum::<f64>() / runs as f64;
    assert!(mean_n_eff > 50.0, "{mean_n_eff}");
    assert!((covered - 0.683).abs() < 0.015, "coverage {covered} at n_eff {mean_n_eff}");
}

#[test]
fn error_bars_of_8x8_energies_cover_what_they_say() {
    let ising = torus(8);
    let t = 3.5;
    let exact = onsager::torus(8, 8, 1.0 / t).unwrap().energy;
    let n = 300;
    let runs = 20_000;
    // (covered, n_eff) of one run; a refusal counts as a miss
    let hits = parallel::map(Par::Rayon, runs, |run| {
        let mut rng = Streams::new(31).stream("coverage", run as u64);
        let mut chain = Chain::new(HeatBath, ising.draw(&mut rng), rng);
        chain.advance(&ising, 1.0 / t, 100);
        let mut record = Record::new(1).unwrap();
        chain.record(&ising, 1.0 / t, 1, n, &mut record, |s| [ising.energy(s) / 64.0]).unwrap();
        record.estimate(0).map_or((false, 0.0), |e: Estimate| (e.z(exact).abs() <= 1.0, e.n_eff))
    });
    let covered = hits.iter().filter(|h| h.0).count() as f64 / runs as f64;
    let mean_n_eff = hits.iter().map(|h| h.1).sum::<f64>() / runs as f64;
    assert!(mean_n_eff > 50.0, "{mean_n_eff}");
    assert!((covered - 0.683).abs() < 0.015, "coverage {covered} at n_eff {mean_n_eff}");
}

#[test]
fn bad_models_are_refused() {
    assert!(Ising::new(2, &[(0, 2, 1.0)], vec![0.0; 2]).is_err());
    assert!(Ising::new(2, &[(0, 1, f64::NAN)], vec![0.0; 2]).is_err());
    assert!(Ising::new(2, &[], vec![0.0; 3]).is_err());
    assert!(Ising::new(0, &[], vec![]).unwrap_err().to_string().contains("number of spins"));
    assert!(glass().energy(&vec![1; 6]).is_nan() && glass().energy(&vec![1; 8]).is_nan());
    let message = Ising::new(2, &[], vec![0.0, f64::INFINITY]).unwrap_err().to_string();
    assert!(message.contains("field 1 = inf"), "{message}");
    assert!(SquareLattice::uniform(1, 4, Boundary::Periodic, 1.0, 0.0).is_err());
    assert!(SquareLattice::uniform(1 << 20, 1 << 20, Boundary::Open, 1.0, 0.0).is_err());
    assert!(CachedIsing(glass()).at(vec![1, 0, 1, 1, 1, 1, 1]).is_err());
    assert!(matches!(exact::spectrum(&torus(6)), Err(Error::TooLarge { .. })));
}

#[test]
fn averages_without_levels_are_those_of_the_levels() {
    for model in [glass(), frustrated_ring(), torus(4), Ising::new(1, &[], vec![0.4]).unwrap()] {
        let n = model.n_spins();
        let levels = exact::spectrum(&model).unwrap();
        assert_eq!(levels.iter().map(|l| l.count).sum::<u64>(), 1 << n);
        let betas = [-0.6, 0.0, 0.9, 25.0];
        for (beta, got) in betas.iter().zip(exact::averages(&model, &betas).unwrap()) {
            let want = exact::thermal(&levels, n, *beta);
            for (got, want) in [
                (got.ln_z, want.ln_z),
                (got.energy, want.energy),
                (got.specific_heat, want.specific_heat),
                (got.magnetisation, want.magnetisation),
                (got.absolute_magnetisation, want.absolute_magnetisation),
                (got.magnetisation_squared, want.magnetisation_squared),
                (got.susceptibility, want.susceptibility),
                (got.phase_susceptibility, want.phase_susceptibility),
                (got.binder, want.binder),
            ] {
                assert!((got - want).abs() < 1e-12 * (1.0 + want.abs()), "{got} {want} at {beta}");
            }
        }
    }
    assert!(exact::averages(&glass(), &[f64::NAN]).is_err() && exact::averages(&torus(6), &[0.4]).is_err());
}

#[test]
fn levels_are_neither_split_by_rounding_nor_gathered_without_limit() {
    // Seven bonds of 0.1 and one of 0.3: sums that round differently are one level.
    let bonds: Vec<(u32, u32, f64)> =
        (0..8).map(|i| (i, (i + 1) % 8, if i == 3 { 0.3 } else { 0.1 })).collect();
    let ring = Ising::new(8, &bonds, vec![0.0; 8]).unwrap();
    let levels = exact::spectrum(&ring).unwrap();
    // An even number of the eight bonds is broken: two states for every such set.
    let mut counts = std::collections::BTreeMap::new();
    for level in &levels {
        *counts.entry((level.energy * 10.0).round() as i64).or_insert(0) += level.count;
        assert!(
            levels
                .iter()
                .filter(|l| l.magnetisation == level.magnetisation && (l.energy - level.energy).abs() < 1e-6)
                .count()
                == 1
        );
    }
    assert_eq!(
        counts.into_iter().collect::<Vec<_>>(),
        [(-10, 2), (-6, 42), (-2, 84), (2, 84), (6, 42), (10, 2)]
    );
    let mut rng = Streams::new(3).stream("levels", 0);
    let fields: Vec<f64> = (0..22).map(|_| rng.normal()).collect();
    let glass = Ising::new(22, &[], fields).unwrap();
    let message = exact::spectrum(&glass).unwrap_err().to_string();
    assert!(message.contains("levels"), "{message}");
    // Free spins: ln Z = Σ ln 2 cosh βh.
    let exact: f64 = glass.fields().iter().map(|h| (2.0 * (0.7 * h).cosh()).ln()).sum();
    assert!((exact::averages(&glass, &[0.7]).unwrap()[0].ln_z - exact).abs() < 1e-11);
}

#[test]
fn elimination_agrees_with_enumeration() {
    let options = ExactOptions::default();
    for model in [glass(), frustrated_ring(), torus(4)] {
        let n = model.n_spins();
        let levels = exact::spectrum(&model).unwrap();
        for beta in [-0.6, 0.0, 0.9, 25.0] {
            let want = exact::thermal(&levels, n, beta);
            let got = elimination::marginals(&model, beta, &options).unwrap();
            assert!((got.ln_z - want.ln_z).abs() < 1e-12 * (1.0 + want.ln_z.abs()));
            assert!((got.energy / n as f64 - want.energy).abs() < 1e-11);
            for i in [0, n - 1] {
                let m = mean_exact(&model, beta, |s| f64::from(s[i])).unwrap();
                assert!((got.magnetisation[i] - m).abs() < 1e-11);
            }
            for ((i, j, _), c) in model.couplings().edges().zip(&got.correlation).take(4) {
                let exact = mean_exact(&model, beta, |s| f64::from(s[i as usize] * s[j as usize])).unwrap();
                assert!((c - exact).abs() < 1e-11);
            }
        }
        let ground = elimination::ground_state(&model, &options).unwrap();
        let lowest = levels.iter().map(|l| l.energy).fold(f64::INFINITY, f64::min);
        let count: u64 = levels.iter().filter(|l| l.energy < lowest + 1e-9).map(|l| l.count).sum();
        assert!((ground.energy - lowest).abs() < 1e-12 && ground.count == count as f64);
        assert!((ground.entropy - (count as f64).ln()).abs() < 1e-12);
    }
}

#[test]
fn exact_samples_follow_the_boltzmann_distribution() {
    let model = glass();
    let beta = 0.8;
    let samples = elimination::sample(
        &model,
        beta,
        20_000,
        &ExactOptions::default(),
        &mut Streams::new(3).stream("exact", 0),
    )
    .unwrap();
    let energies: Vec<f64> = samples.iter().map(|s| model.energy(s)).collect();
    let e = Estimate::from_independent(&energies).unwrap();
    assert!(e.z(mean_exact(&model, beta, |s| model.energy(s)).unwrap()).abs() < 5.0);
}

#[test]
fn elimination_reaches_beyond_enumeration() {
    // A 16 × 10 lattice: the transfer matrix is another method.
    let lattice = SquareLattice::with_couplings(
        16,
        10,
        Boundary::Open,
        |i, j| if (i * 7 + j) % 3 == 0 { -1.0 } else { 1.0 },
        |i| 0.1 * (i % 5) as f64,
    )
    .unwrap();
    let ln_z = elimination::ln_z(&lattice.ising().unwrap(), 0.7, &ExactOptions::default()).unwrap();
    assert!((ln_z - transfer::ln_z(&lattice, 0.7).unwrap()).abs() < 1e-10 * ln_z);
    // A torus of 8 × 8: Kaufman.
    let ln_z = elimination::ln_z(&torus(8), onsager::CRITICAL_K, &ExactOptions::default()).unwrap();
    assert!((ln_z / onsager::torus(8, 8, onsager::CRITICAL_K).unwrap().ln_z - 1.0).abs() < 1e-12);
    assert!(matches!(
        elimination::ln_z(&torus(32), 0.4, &ExactOptions::default()),
        Err(Error::TooLarge { .. })
    ));
    assert!(elimination::ln_z(&torus(4), f64::NAN, &ExactOptions::default()).is_err());
}
