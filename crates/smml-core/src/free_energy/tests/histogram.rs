use super::{super::*, *};
use crate::parallel::Par;
use proptest::prelude::*;

fn ising_runs(seed: u64, betas: &[f64], n_samples: usize) -> Vec<Vec<f64>> {
    let model = Ising { l: 4, field: 0.0 };
    let run = RunLength { burn_in: 100, n_samples, thin: 2 };
    sample_energies(&model, &Glauber(16), betas, run, |rng| model.draw(rng), &Streams::new(seed), Par::Serial)
        .unwrap()
}

#[test]
fn enumeration_confirms_the_small_model() {
    let model = Ising { l: 4, field: 0.0 };
    let (ln_z, mean, _) = ising_4x4(0.3);
    close(crate::energy::ln_z_exact(&model, 0.3).unwrap(), ln_z, 1e-12);
    close(crate::energy::mean_exact(&model, 0.3, |s| model.energy(s)).unwrap(), mean, 1e-11);
    // research value, T = 2: u = -1.7553802888, c = 0.6055326572 per spin
    let (_, mean, variance) = ising_4x4(0.5);
    close(mean / 16.0, -1.7553802888, 1e-10);
    close(0.25 * variance / 16.0, 0.6055326572, 1e-9);
}

#[test]
fn ising_density_of_states() {
    let betas = [0.0, 0.15, 0.3, 0.4, 0.5, 0.7];
    let h = MultiHistogram::new(&betas, &ising_runs(1, &betas, 20_000), Binning::Exact, Par::Serial).unwrap();
    let density = h.density(0.0, 16.0 * 2f64.ln()).unwrap();
    let exact = [
        (-32.0, 2.0f64),
        (-24.0, 32.0),
        (-20.0, 64.0),
        (-16.0, 424.0),
        (-12.0, 1728.0),
        (-8.0, 6688.0),
        (-4.0, 13568.0),
        (0.0, 20524.0),
        (4.0, 13568.0),
        (8.0, 6688.0),
        (12.0, 1728.0),
    ];
    for ((energy, g), level) in exact.iter().zip(&density) {
        assert_eq!(level.energy, *energy);
        assert!(level.ln_g.z(g.ln()).abs() < 5.0, "E = {energy}: {} against {}", level.ln_g, g.ln());
        assert!(level.ln_g.std_error < 0.2);
    }
    for t in [2.0, 2.269185314213022, 2.6] {
        let (_, mean, variance) = ising_4x4(1.0 / t);
        assert!(h.mean_energy(1.0 / t).unwrap().z(mean).abs() < 5.0);
        assert!(h.heat_capacity(1.0 / t).unwrap().z(variance / (t * t)).abs() < 5.0);
    }
    assert!(h.mean_energy(f64::NAN).is_err() && h.density(0.0, f64::NAN).is_err());
}

#[test]
fn error_bars_cover() {
    let betas = [0.1, 0.25, 0.4];
    let mut all: [Vec<Estimate>; 3] = Default::default();
    let at = 0.33;
    let (ln_z, mean, variance) = ising_4x4(at);
    let start = ising_4x4(0.05).0;
    for i in 0..400 {
        let h = MultiHistogram::new(&betas, &ising_runs(100 + i, &betas, 800), Binning::Exact, Par::Serial)
            .unwrap();
        all[0].push(h.ln_z_difference(0.05, at).unwrap().affine(start - ln_z, 1.0));
        all[1].push(h.mean_energy(at).unwrap().affine(-mean, 1.0));
        all[2].push(h.heat_capacity(at).unwrap().affine(-at * at * variance, 1.0));
    }
    // 20 to 50 blocks: Student's t has 4 to 12 % more z² than a normal.
    check_coverage("ln Z", 0.0, 0.12, &all[0]);
    check_coverage("mean energy", 0.0, 0.12, &all[1]);
    check_coverage("heat capacity", 0.0, 0.2, &all[2]);
}

/// Oscillators in d = 6 dimensions: density e^{5/2} in energy, ln Z = -3 ln β.
fn oscillator_runs(seed: usize, betas: &[f64], n: usize) -> Vec<Vec<f64>> {
    let mut rng = stream("six dimensions", seed);
    let energy =
        |rng: &mut Stream, beta: f64| (0..6).map(|_| rng.normal().powi(2)).sum::<f64>() / (2.0 * beta);
    betas.iter().map(|b| (0..n).map(|_| energy(&mut rng, *b)).collect()).collect()
}

#[test]
fn without_bins_it_is_mbar() {
    let betas = [1.0, 1.6, 0.7];
    let runs = oscillator_runs(0, &betas, 300);
    let g = [1.0, 1.3, 2.0];
    let h = MultiHistogram::with_inefficiency(&betas, &runs, &g, Binning::Exact, Par::Serial).unwrap();
    assert_eq!(h.n_levels(), 900);
    let energies: Vec<f64> = runs.concat();
    let reduced: Vec<Vec<f64>> = betas.iter().map(|b| energies.iter().map(|e| b * e).collect()).collect();
    let mbar = Mbar::with_inefficiency(&reduced, &[300; 3], &g, Par::Serial).unwrap();
    for k in 1..3 {
        close(-h.ln_z_difference(1.0, betas[k]).unwrap().value, mbar.difference(0, k).unwrap().value, 1e-10);
        close(h.mean_energy(betas[k]).unwrap().value, mbar.expectation(k, &energies).unwrap().value, 1e-10);
    }
    let new: Vec<f64> = energies.iter().map(|e| 1.2 * e).collect();
    let (theirs, ours) = (mbar.expectation_at(&new, &energies).unwrap(), h.mean_energy(1.2).unwrap());
    close(ours.value, theirs.value, 1e-10);
    assert!((ours.std_error / theirs.std_error - 1.0).abs() < 0.6, "{ours} {theirs}");
}

#[test]
fn bins_and_continuous_energies() {
    let betas = [0.7, 1.0, 1.6];
    let runs = oscillator_runs(1, &betas, 4000);
    for levels in [Binning::Exact, Binning::Binned(0.05)] {
        let h = MultiHistogram::new(&betas, &runs, levels, Par::Rayon).unwrap();
        assert!(h.ln_z_difference(0.7, 1.3).unwrap().z(-3.0 * (1.3f64 / 0.7).ln()).abs() < 5.0, "{levels:?}");
        assert!(h.mean_energy(1.3).unwrap().z(3.0 / 1.3).abs() < 5.0);
        assert!(h.heat_capacity(1.3).unwrap().z(3.0).abs() < 5.0);
        assert!(h.mean(1.3, |e| e.sqrt()).unwrap().z(1.6616754 / 1.3f64.sqrt()).abs() < 5.0); // Γ(7/2)/Γ(3)
    }
    // The slope of ln g between two energies: g ~ E².
    let h = MultiHistogram::new(&betas, &runs, Binning::Binned(0.25), Par::Rayon).unwrap();
    let density = h.density(1.0, 0.0).unwrap();
    let level = |e: f64| density.iter().find(|l| (l.energy - e).abs() < 0.1).unwrap();
    let (a, b) = (level(1.0), level(4.0));
    let slope = b.ln_g.value - a.ln_g.value - 2.0 * (b.energy / a.energy).ln();
    let error = a.ln_g.std_error.hypot(b.ln_g.std_error);
    assert!((slope / error).abs() < 6.0, "{slope} {error}");
    assert!(density.iter().map(|l| l.count).sum::<u64>() == 12_000);
    // Far outside the runs a few samples would speak for all.
    assert!(matches!(h.mean_energy(60.0), Err(Error::TooShort { .. })));
    assert!(matches!(h.ln_z_difference(1.0, -1.0), Err(Error::TooShort { .. })));
}

#[test]
fn threads_and_the_order_of_runs_do_not_matter() {
    let betas = [0.1, 0.3, 0.45];
    let runs = ising_runs(5, &betas, 1000);
    let h = MultiHistogram::new(&betas, &runs, Binning::Exact, Par::Serial).unwrap();
    let e = h.heat_capacity(0.4).unwrap();
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let other = pool.install(|| MultiHistogram::new(&betas, &runs, Binning::Exact, Par::Rayon)).unwrap();
        assert_eq!(other.heat_capacity(0.4).unwrap(), e);
    }
    let turned =
        MultiHistogram::new(&[0.45, 0.1, 0.3], &[&runs[2], &runs[0], &runs[1]], Binning::Exact, Par::Serial)
            .unwrap();
    let other = turned.heat_capacity(0.4).unwrap();
    close(other.value, e.value, 1e-9);
    close(other.std_error, e.std_error, 1e-7);
}

proptest! {
    #[test]
    fn a_single_run_at_its_own_temperature_is_its_mean(values in prop::collection::vec(-5i32..5, 100..300), beta in -1.0f64..1.0) {
        let run: Vec<f64> = values.iter().map(|v| f64::from(*v)).collect();
        prop_assume!(run.iter().any(|v| *v != run[0]));
        let h = MultiHistogram::with_inefficiency(&[beta], &[&run], &[1.0], Binning::Exact, Par::Serial).unwrap();
        let mean = run.iter().sum::<f64>() / run.len() as f64;
        prop_assert!((h.mean_energy(beta).unwrap().value - mean).abs() < 1e-12);
        prop_assert!(h.n_levels() <= 10);
    }
}

#[test]
fn bad_input_is_typed() {
    let run: Vec<f64> = (0..200).map(|i| f64::from(i % 7)).collect();
    let solve = |betas: &[f64], runs: &[Vec<f64>], levels| {
        MultiHistogram::with_inefficiency(betas, runs, &vec![1.0; runs.len()], levels, Par::Serial)
    };
    assert!(solve(&[], &[], Binning::Exact).is_err());
    assert!(solve(&[1.0, 2.0], std::slice::from_ref(&run), Binning::Exact).is_err());
    assert!(solve(&[f64::NAN], std::slice::from_ref(&run), Binning::Exact).is_err());
    assert!(solve(&[1.0], &[vec![f64::NAN; 200]], Binning::Exact).is_err());
    assert!(solve(&[1.0], &[vec![]], Binning::Exact).is_err());
    assert!(matches!(
        solve(&[1.0], &[run[..30].to_vec()], Binning::Exact),
        Err(Error::TooShort { have: 30, needed: 50 })
    ));
    for width in [0.0, -1.0, f64::NAN, 1e-320] {
        assert!(solve(&[1.0], std::slice::from_ref(&run), Binning::Binned(width)).is_err(), "{width}");
    }
    assert!(solve(&[1e300], &[vec![1e300; 200]], Binning::Exact).is_err());
    let far: Vec<f64> = run.iter().map(|e| e + 1000.0).collect();
    assert!(matches!(solve(&[0.1, 3.0], &[run.clone(), far], Binning::Exact), Err(Error::Undefined { .. })));
    // A constant run: one level, and an error of zero.
    let constant = MultiHistogram::new(&[1.0], &[vec![2.0; 100]], Binning::Exact, Par::Serial).unwrap();
    assert_eq!((constant.mean_energy(0.0).unwrap().value, constant.n_levels()), (2.0, 1));
    close(constant.ln_z_difference(1.0, 0.0).unwrap().value, 2.0, 1e-14);
}
