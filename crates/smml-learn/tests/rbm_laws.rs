//! The restricted Boltzmann machine under the core's laws: exact transition matrices of every kernel that runs on it,
//! annealed importance sampling by two implementations against enumeration, and the certificate of temperature.

use smml_core::{
    certificate::{SampledBeta, probe, sampled_beta},
    chain::Chain,
    energy::{Conditional, Energy, Finite, ln_z_exact, states},
    free_energy::{ais, ais_reverse},
    kernel::{Kernel, Step},
    parallel::Par,
    rng::{Draw, Streams},
    sample::{HeatBath, Ladder, Metropolis, RandomScan, Tempering},
    schedule::Schedule,
    testing::{delta_error, law},
};
use smml_learn::{
    data::BinaryData,
    ebm::{BlockGibbs, GibbsChains, Rbm, RbmState, ais as fast_ais, likelihood},
};

/// Parameters of a size where every term matters.
fn random(n_visible: usize, n_hidden: usize, scale: f64, seed: u64) -> Rbm {
    let mut rng = Streams::new(seed).stream("machine", 0);
    let mut draw = |n: usize| (0..n).map(|_| scale * rng.normal()).collect();
    Rbm::new(draw(n_visible), draw(n_hidden), draw(n_visible * n_hidden)).unwrap()
}

fn machines() -> [Rbm; 2] {
    [random(3, 3, 1.2, 1), random(4, 3, 1.0, 2)]
}

/// A machine with some visible units held: the states that are left.
struct Held {
    rbm: Rbm,
    units: Vec<usize>,
    /// Numbers of the states of the machine in which the held units are on.
    states: Vec<usize>,
}

impl Held {
    fn new(rbm: Rbm, units: Vec<usize>) -> Self {
        let fits = |k: &usize| units.iter().all(|u| rbm.state(*k).visible[*u]);
        let states = states(&rbm).unwrap().filter(fits).collect();
        Held { rbm, units, states }
    }
}

impl Energy for Held {
    type State = RbmState;
    fn energy(&self, state: &RbmState) -> f64 {
        self.rbm.energy(state)
    }
}

impl Finite for Held {
    fn n_states(&self) -> Option<usize> {
        Some(self.states.len())
    }
    fn state(&self, index: usize) -> RbmState {
        self.rbm.state(self.states[index])
    }
    fn index(&self, state: &RbmState) -> usize {
        self.states.binary_search(&self.rbm.index(state)).expect("a held unit was changed")
    }
}

impl Conditional for Held {
    fn n_sites(&self) -> usize {
        self.rbm.n_sites() - self.units.len()
    }
    fn resample<R: Draw>(&self, state: &mut RbmState, site: usize, beta: f64, rng: &mut R) -> bool {
        let free = (0..self.rbm.n_sites()).filter(|s| !self.units.contains(s)).nth(site).unwrap();
        self.rbm.resample(state, free, beta, rng)
    }
}

/// Block Gibbs with units clamped, on the states that are left.
#[derive(Clone)]
struct Clamped(BlockGibbs);

impl Kernel<Held> for Clamped {
    fn step<R: Draw>(&mut self, held: &Held, state: &mut RbmState, beta: f64, rng: &mut R) -> Step {
        self.0.step(&held.rbm, state, beta, rng)
    }
}

fn mask(n: usize, units: &[usize]) -> BlockGibbs {
    BlockGibbs { clamped: (0..n).map(|i| units.contains(&i)).collect() }
}

#[test]
fn every_kernel_leaves_the_distribution_unchanged() {
    for rbm in machines() {
        for beta in [0.3, 1.0, 2.5] {
            let block = law(&rbm, &BlockGibbs::default(), beta);
            assert!(block.holds() && Some(block.n_states) == rbm.n_states(), "{block:?}");
            // Two half sweeps in order are not reversible, and the law sees it.
            assert!(block.reversible > 1e-6, "{block:?}");
            let heat_bath = law(&rbm, &HeatBath, beta);
            assert!(heat_bath.holds() && heat_bath.reversible > 1e-6, "{heat_bath:?}");
            let scan = law(&rbm, &RandomScan::new(2).unwrap(), beta);
            assert!(scan.stationary < 1e-12 && scan.reversible < 1e-12, "{scan:?}");
            let metropolis = law(&rbm, &Metropolis::new(2).unwrap(), beta);
            assert!(metropolis.stationary < 1e-12 && metropolis.reversible < 1e-12, "{metropolis:?}");
            let both = law(&rbm, &(Metropolis::new(1).unwrap(), BlockGibbs::default()), beta);
            assert!(both.holds(), "{both:?}");
            assert!(law(&rbm, &RandomScan::new(1).unwrap(), beta).holds_reversibly());
            assert!(law(&rbm, &Metropolis::new(1).unwrap(), beta).holds_reversibly());
        }
    }
}

#[test]
fn clamped_kernels_sample_the_conditional_distribution() {
    for (rbm, units) in machines().into_iter().zip([vec![1], vec![0, 3]]) {
        let n = rbm.n_visible();
        for beta in [0.4, 1.7] {
            // On all states: the distribution is kept, but the held units never change.
            let whole = law(&rbm, &mask(n, &units), beta);
            assert!(whole.stationary < 1e-12 && !whole.irreducible, "{whole:?}");
            let held = Held::new(rbm.clone(), units.clone());
            assert_eq!(held.n_states(), rbm.n_states().map(|n| n >> units.len()));
            let block = law(&held, &Clamped(mask(n, &units)), beta);
            assert!(block.holds(), "{block:?}");
            let sites = law(&held, &HeatBath, beta);
            assert!(sites.holds(), "{sites:?}");
            assert!(law(&held, &RandomScan::new(1).unwrap(), beta).holds_reversibly());
        }
    }
}

#[test]
fn tempering_of_machines_obeys_the_law() {
    let ladder = Ladder::new(random(2, 1, 1.5, 3), vec![0.2, 1.0]).unwrap();
    let block = law(&ladder, &Tempering { inner: BlockGibbs::default(), par: Par::Serial }, 1.3);
    assert!(block.holds(), "{block:?}");
}

#[test]
fn flips_obey_the_delta_law() {
    let rbm = random(30, 20, 1.0, 4);
    let error = delta_error(&rbm, RbmState::zeros(&rbm), 2000, &mut Streams::new(1).stream("moves", 0));
    assert!(error < 1e-13, "{error}");
}

/// An independent sample from the list of all states.
fn exact_samples(rbm: &Rbm, beta: f64, n: usize, rng: &mut impl Draw) -> Vec<RbmState> {
    let ln_z = ln_z_exact(rbm, beta).unwrap();
    let p: Vec<f64> =
        states(rbm).unwrap().map(|k| (-beta * rbm.energy(&rbm.state(k)) - ln_z).exp()).collect();
    (0..n).map(|_| rbm.state(rng.choose(&p))).collect()
}

fn rows(rbm: &Rbm, states: &[RbmState]) -> BinaryData {
    let bits = states.iter().flat_map(|s| s.visible.iter().map(|v| u8::from(*v))).collect();
    BinaryData::new(rbm.n_visible(), bits).unwrap()
}

#[test]
fn annealed_importance_sampling_agrees_with_enumeration_in_all_its_forms() {
    let (rbm, n_runs, n_rungs) = (random(7, 5, 0.9, 5), 2000, 30);
    for beta in [0.5, 1.2] {
        let exact = ln_z_exact(&rbm, beta).unwrap();
        assert!((likelihood::ln_z_exact(&rbm, beta, Par::Serial).unwrap() - exact).abs() < 1e-11);
        let streams = Streams::new(6);
        let schedule = Schedule::linear(0.0, beta).unwrap();
        let mut rng = streams.stream("exact", beta.to_bits());
        let samples = exact_samples(&rbm, beta, n_runs, &mut rng);
        let mut ends = Vec::new();
        // The core's, along β with several kernels.
        let block = BlockGibbs::default();
        ends.push(
            ais(&rbm, &block, &schedule, n_rungs, n_runs, &streams, Par::Rayon).unwrap().ln_z().unwrap(),
        );
        let sweep = Metropolis::new(12).unwrap();
        ends.push(
            ais(&rbm, &sweep, &schedule, n_rungs, n_runs, &streams, Par::Rayon).unwrap().ln_z().unwrap(),
        );
        let scan = RandomScan::new(12).unwrap();
        ends.push(
            ais_reverse(&rbm, &scan, &schedule, n_rungs, &samples, &streams, Par::Rayon)
                .unwrap()
                .ln_z()
                .unwrap(),
        );
        // This crate's, from base rates of two kinds, forward and backward.
        for base in [vec![0.0; 7], vec![0.5, -0.5, 1.0, 0.0, -1.0, 0.3, 0.2]] {
            let path = fast_ais::BaseRatePath::new(base, n_rungs).unwrap();
            let forward = fast_ais::forward(&rbm, beta, &path, n_runs, &streams, Par::Rayon).unwrap();
            ends.push(forward.ln_z().unwrap());
            let start = rows(&rbm, &samples);
            let back = fast_ais::backward(&rbm, beta, &path, &start, &streams, Par::Rayon).unwrap();
            ends.push(back.ln_z().unwrap());
        }
        for (k, e) in ends.iter().enumerate() {
            // 2 x 7 estimates at |z| < 5.5: a false alarm in about 10⁶; errors small enough to mean something.
            assert!(e.z(exact).abs() < 5.5, "estimate {k} at beta {beta}: {e}, exactly {exact}");
            assert!(e.std_error < 0.05, "estimate {k}: {e}");
        }
    }
}

#[test]
fn the_certificate_finds_the_temperature_that_was_sampled() {
    let rbm = random(8, 6, 0.7, 7);
    let beta = 0.8;
    let mut probes = Streams::new(8).stream("probes", 0);
    let certified = |changes: &[f64]| match sampled_beta(changes).unwrap() {
        SampledBeta::Finite(estimate) => estimate,
        other => panic!("{other:?}"),
    };
    let mut along = |kernel: &mut dyn FnMut(&mut RbmState, u64)| {
        let mut state = RbmState::zeros(&rbm);
        (0..200).for_each(|k| kernel(&mut state, k));
        let changes: Vec<f64> = (200..20_200)
            .map(|k| {
                kernel(&mut state, k);
                probe(&rbm, &state, &mut probes)
            })
            .collect();
        certified(&changes)
    };
    let mut rng = Streams::new(8).stream("chain", 0);
    let block = along(&mut |s, _| {
        BlockGibbs::default().step(&rbm, s, beta, &mut rng);
    });
    let heat_bath = along(&mut |s, _| {
        HeatBath.step(&rbm, s, beta, &mut rng);
    });
    for estimate in [block, heat_bath] {
        assert!(estimate.z(beta).abs() < 5.0 && estimate.std_error < 0.05, "{estimate}");
    }
    // A sampler at another temperature is found out.
    let wrong = along(&mut |s, _| {
        BlockGibbs::default().step(&rbm, s, 1.25 * beta, &mut rng);
    });
    assert!(wrong.z(beta) > 5.0, "{wrong}");
    // The bulk sampler on the fast engine: visible states, completed by exact hidden ones.
    let start = BinaryData::new(8, vec![0; 8 * 20_000]).unwrap();
    let chains = GibbsChains { beta, ..GibbsChains::new(40) };
    let samples = chains.run(&rbm, &start, &Streams::new(9), Par::Rayon).unwrap();
    let changes: Vec<f64> = samples
        .states
        .rows()
        .map(|row| {
            let mut state = RbmState::from_visible(&rbm, row).unwrap();
            state.hidden = rbm.p_hidden(row, beta).into_iter().map(|p| rng.chance(p)).collect();
            probe(&rbm, &state, &mut probes)
        })
        .collect();
    let bulk = certified(&changes);
    assert!(bulk.z(beta).abs() < 5.0 && bulk.std_error < 0.05, "{bulk}");
}

#[test]
fn a_saved_chain_of_a_machine_goes_on_bit_for_bit() {
    let rbm = random(6, 5, 0.8, 10);
    let new = || Chain::new(BlockGibbs::default(), RbmState::zeros(&rbm), Streams::new(3).stream("chain", 0));
    let mut straight = new();
    straight.advance(&rbm, 1.0, 50);
    let mut first = new();
    first.advance(&rbm, 1.0, 17);
    let bytes = smml_core::store::encode(&first, 1).unwrap();
    let mut again: Chain<BlockGibbs, RbmState> = smml_core::store::decode(&bytes, 1).unwrap();
    again.advance(&rbm, 1.0, 33);
    assert_eq!(again, straight);
}
