//! Population annealing against enumeration. Gates: p > 1e-8.

use super::*;
use smml_core::{
    energy::{Energy, ln_z_exact, mean_exact},
    kernel::{Kernel, Step},
    sample::Metropolis,
    store,
};

const GATE: f64 = 1e-8;

#[test]
fn free_energies_and_means_at_every_temperature() {
    for integer in [true, false] {
        let ising = glass(10, integer, 3);
        let cached = CachedIsing(ising.clone());
        let betas = vec![0.2, 0.5, 1.0];
        let annealing = PopulationAnnealing::new(betas, 2_000, 20).unwrap();
        let observe =
            |s: &crate::ising::CachedSpins| [f64::from(s.spins()[0]), f64::from(s.spins()[1] * s.spins()[4])];
        let kernel = Metropolis::new(10).unwrap();
        let all = annealing.run(&cached, &kernel, &Streams::new(1), Par::Rayon, observe).unwrap();
        for point in &all.points {
            let ln_z = ln_z_exact(&ising, point.beta).unwrap();
            assert!(point.ln_z.p_value(ln_z) > GATE, "ln Z {} against {ln_z}", point.ln_z);
            // Small next to what is looked for, so that the gate means something.
            assert!(point.ln_z.std_error < 0.02, "{}", point.ln_z);
            assert!(point.free_energy().unwrap().p_value(-ln_z / point.beta) > GATE);
            let energy = mean_exact(&ising, point.beta, |s| ising.energy(s)).unwrap();
            assert!(point.energy.p_value(energy) > GATE, "E {} against {energy}", point.energy);
            for (k, of) in
                [(|s| f64::from(s[0])) as fn(&Vec<i8>) -> f64, |s| f64::from(s[1] * s[4])].iter().enumerate()
            {
                let exact = mean_exact(&ising, point.beta, of).unwrap();
                assert!(
                    point.observed[k].p_value(exact) > GATE,
                    "{k}: {} against {exact}",
                    point.observed[k]
                );
            }
        }
        assert!((all.found.best().0 - ground(&ising)).abs() < 1e-9);
        assert!(all.n_temperatures.iter().all(|n| *n > 3));
    }
}

/// Wrong on purpose: moves at half of β.
#[derive(Clone)]
struct Hot(Metropolis);

impl Kernel<CachedIsing> for Hot {
    fn step<R: Draw>(
        &mut self,
        e: &CachedIsing,
        s: &mut crate::ising::CachedSpins,
        beta: f64,
        rng: &mut R,
    ) -> Step {
        self.0.step(e, s, 0.5 * beta, rng)
    }
}

#[test]
fn a_kernel_at_another_temperature_is_seen() {
    let ising = glass(10, true, 3);
    let cached = CachedIsing(ising.clone());
    let annealing = PopulationAnnealing::new(vec![0.5], 2_000, 20).unwrap();
    let kernel = Hot(Metropolis::new(10).unwrap());
    let all = annealing.run(&cached, &kernel, &Streams::new(1), Par::Rayon, |_| []).unwrap();
    assert!(all.points[0].ln_z.p_value(ln_z_exact(&ising, 0.5).unwrap()) < GATE);
    assert!(all.points[0].energy.p_value(mean_exact(&ising, 0.5, |s| ising.energy(s)).unwrap()) < GATE);
}

#[test]
fn z_is_unbiased_for_tiny_populations_at_given_temperatures() {
    let ising = glass(6, false, 1);
    let (cached, beta) = (CachedIsing(ising.clone()), 0.4);
    let annealing = PopulationAnnealing::new(vec![0.2, beta], 3, 2).unwrap();
    let annealing = annealing.with_culling(1.0).unwrap().with_steps(1).unwrap();
    let kernel = Metropolis::new(6).unwrap();
    let ratios: Vec<f64> = (0..20_000)
        .map(|seed| {
            let all = annealing.run(&cached, &kernel, &Streams::new(seed), Par::Serial, |_| []).unwrap();
            assert_eq!(all.n_temperatures, [2, 2]);
            (all.points[1].ln_z.value - ln_z_exact(&ising, beta).unwrap()).exp()
        })
        .collect();
    let mean = smml_core::Estimate::from_independent(&ratios).unwrap();
    assert!(mean.p_value(1.0) > GATE && mean.std_error < 0.02, "{mean}");
}

#[test]
fn families_have_their_limits() {
    // Nothing dies without energies: all families live.
    let free = CachedIsing(Ising::new(4, &[], vec![0.0; 4]).unwrap());
    let annealing = PopulationAnnealing::new(vec![1.0], 500, 2).unwrap();
    let kernel = Metropolis::new(4).unwrap();
    let all = annealing.run(&free, &kernel, &Streams::new(1), Par::Serial, |_| []).unwrap();
    for f in &all.points[0].families {
        assert_eq!((f.n, f.is_equilibrated()), (500, true));
        assert!((f.entropy - 500f64.ln()).abs() < 1e-12 && (f.rho_t - 1.0).abs() < 1e-12);
    }
    assert_eq!(all.points[0].ln_z.value, 4.0 * 2f64.ln());
    // One strong field, one step: half of all, those with the spin up, have two copies each, one more or less.
    let strong = CachedIsing(Ising::new(1, &[], vec![1.0]).unwrap());
    let annealing = PopulationAnnealing::new(vec![100.0], 1_000, 2).unwrap().with_culling(1.0).unwrap();
    let all = annealing.run(&strong, &kernel, &Streams::new(1), Par::Serial, |_| []).unwrap();
    for f in &all.points[0].families {
        // Binomial of 1,000: 500 ± 6 standard deviations.
        assert!((405..=595).contains(&f.n), "{}", f.n);
        assert!(f.entropy <= (f.n as f64).ln() + 1e-12 && f.entropy > (f.n as f64).ln() - 0.15);
        assert!(f.rho_t >= 1_000.0 / f.n as f64 - 1e-12 && f.rho_t < 2.6);
    }
    // Many spins, one step to where only the lowest energies met survive: few families, and the verdict says so.
    let ising = CachedIsing(glass(14, false, 2));
    let all = annealing.run(&ising, &kernel, &Streams::new(1), Par::Serial, |_| []).unwrap();
    for f in &all.points[0].families {
        assert!(f.n < 10 && !f.is_equilibrated() && f.entropy < 10f64.ln() && f.rho_t > 100.0, "{f:?}");
    }
}

#[test]
fn populations_do_not_depend_on_threads() {
    let cached = CachedIsing(glass(12, false, 4));
    let annealing = PopulationAnnealing::new(vec![0.3, 0.9], 300, 3).unwrap();
    let kernel = Metropolis::new(12).unwrap();
    let run =
        |par| annealing.run(&cached, &kernel, &Streams::new(7), par, |s| [f64::from(s.spins()[3])]).unwrap();
    let one = run(Par::Serial);
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert_eq!(pool.install(|| run(Par::Rayon)), one);
    }
}

#[test]
fn populations_that_cannot_be_are_refused() {
    for (betas, replicas, populations) in [
        (vec![], 10, 2),
        (vec![0.0], 10, 2),
        (vec![0.5, 0.5], 10, 2),
        (vec![0.5, f64::NAN], 10, 2),
        (vec![0.5, f64::INFINITY], 10, 2),
        (vec![0.5], 1, 2),
        (vec![0.5], 10, 1),
    ] {
        assert!(PopulationAnnealing::new(betas, replicas, populations).is_err());
    }
    let good = || PopulationAnnealing::new(vec![0.5], 10, 2).unwrap();
    assert!([0.0, 1.1, f64::NAN].into_iter().all(|c| good().with_culling(c).is_err()));
    assert!(good().with_steps(0).is_err());
    let read = |culling: f64, steps: usize| {
        let bytes = store::encode(&(vec![0.5], 10usize, 2usize, culling, steps), 0).unwrap();
        store::decode::<PopulationAnnealing>(&bytes, 0)
    };
    assert_eq!(read(0.1, 10).unwrap(), good());
    assert!(read(0.0, 10).is_err() && read(0.1, 0).is_err());
    // Two replicas at different energies: no step culls as little as asked for... but a small one always does.
    let pair = CachedIsing(Ising::new(1, &[], vec![1e300]).unwrap());
    let kernel = Metropolis::new(1).unwrap();
    let answer = good().run(&pair, &kernel, &Streams::new(1), Par::Serial, |_| []);
    assert!(answer.is_err(), "energies of 1e300 leave no step");
}
