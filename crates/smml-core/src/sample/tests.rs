//! Laws of the generic samplers on a small frustrated, fielded model, and of broken copies of them.

use super::*;
use crate::{
    chain::{Chain, Record},
    energy::{Conditional, Energy, Finite, LocalEnergy, Reference, mean_exact, states},
    kernel::{Kernel, Step},
    parallel::Par,
    rng::{Draw, Streams},
    schedule::Schedule,
    store,
    testing::{delta_error, law},
};
use serde::{Deserialize, Serialize};

/// Three-state spins on a ring with a different energy for each pair of values and a field: nothing is symmetric.
#[derive(Clone)]
pub(crate) struct Clockwork {
    pub(crate) n: usize,
}

impl Clockwork {
    fn pair(&self, i: usize, a: u8, b: u8) -> f64 {
        f64::from((3 * a + 5 * b) % 7) * if i.is_multiple_of(2) { 0.3 } else { -0.2 }
    }
}

impl Energy for Clockwork {
    type State = Vec<u8>;
    fn energy(&self, s: &Vec<u8>) -> f64 {
        (0..self.n).map(|i| self.pair(i, s[i], s[(i + 1) % self.n]) + 0.1 * f64::from(s[i])).sum()
    }
}

impl LocalEnergy for Clockwork {
    type Move = (usize, u8);
    fn propose<R: Draw>(&self, s: &Vec<u8>, rng: &mut R) -> (usize, u8) {
        let i = rng.below(self.n);
        (i, (s[i] + 1 + rng.below(2) as u8) % 3)
    }
    fn apply(&self, s: &mut Vec<u8>, &(i, to): &(usize, u8)) {
        s[i] = to;
    }
}

impl Conditional for Clockwork {
    fn n_sites(&self) -> usize {
        self.n
    }
    fn resample<R: Draw>(&self, s: &mut Vec<u8>, site: usize, beta: f64, rng: &mut R) -> bool {
        let old = s[site];
        let weights = [0, 1, 2].map(|v| {
            s[site] = v;
            libm::exp(-beta * self.energy(s))
        });
        s[site] = rng.choose(&weights) as u8;
        s[site] != old
    }
}

impl Reference for Clockwork {
    fn draw<R: Draw>(&self, rng: &mut R) -> Vec<u8> {
        (0..self.n).map(|_| rng.below(3) as u8).collect()
    }
    fn ln_z_reference(&self) -> f64 {
        self.n as f64 * 3f64.ln()
    }
}

impl Finite for Clockwork {
    fn n_states(&self) -> Option<usize> {
        3usize.checked_pow(self.n as u32)
    }
    fn state(&self, mut index: usize) -> Vec<u8> {
        (0..self.n)
            .map(|_| {
                let v = (index % 3) as u8;
                index /= 3;
                v
            })
            .collect()
    }
    fn index(&self, s: &Vec<u8>) -> usize {
        s.iter().rev().fold(0, |acc, &v| 3 * acc + usize::from(v))
    }
}

#[test]
fn every_sampler_obeys_the_law() {
    let model = Clockwork { n: 4 };
    for beta in [0.0, 0.7, 3.0] {
        assert!(law(&model, &Metropolis::new(1).unwrap(), beta).holds_reversibly());
        assert!(law(&model, &Metropolis::new(2).unwrap(), beta).holds_reversibly());
        assert!(law(&model, &RandomScan::new(2).unwrap(), beta).holds_reversibly());
        let sweep = law(&model, &HeatBath, beta);
        assert!(sweep.holds(), "{sweep:?}");
        assert!(law(&model, &(HeatBath, Metropolis::new(1).unwrap()), beta).holds());
    }
    // An ordered sweep is stationary and not reversible: a claim that it is would be caught.
    assert!(law(&model, &HeatBath, 0.7).reversible > 1e-3);
    assert!(delta_error(&model, vec![0; 4], 100, &mut Streams::new(1).stream("walk", 0)) < 1e-14);
}

#[test]
fn tempering_obeys_the_law_of_its_ladder() {
    let ladder = Ladder::new(Clockwork { n: 2 }, vec![1.0, 0.4]).unwrap();
    let tempering = Tempering { inner: Metropolis::new(1).unwrap(), par: Par::Serial };
    assert!(law(&ladder, &tempering, 1.3).holds());
    // With a ladder of factors 1 and 0 the upper rung is the reference measure.
    let open = Ladder::new(Clockwork { n: 2 }, vec![1.0, 0.0]).unwrap();
    assert!(law(&open, &Tempering { inner: HeatBath, par: Par::Serial }, 2.0).holds());
    assert!(Ladder::new(Clockwork { n: 2 }, vec![1.0, 0.2, 0.5]).is_err());
    assert!(Ladder::new(Clockwork { n: 2 }, vec![]).is_err());
}

/// Wrong on purpose, one mistake each; every one must be caught.
#[derive(Clone, Debug)]
enum Broken {
    /// Does nothing: stationary, but not irreducible.
    Idle,
    /// Accepts with min(1, exp(-2 β ΔE)).
    WrongBeta,
    /// Never visits the last site.
    SkipsSite,
    /// Proposes +1 only: not symmetric.
    OneWay,
    /// Forgets to count the field in one conditional.
    WrongConditional,
}

impl Kernel<Clockwork> for Broken {
    fn step<R: Draw>(&mut self, model: &Clockwork, s: &mut Vec<u8>, beta: f64, rng: &mut R) -> Step {
        match self {
            Broken::Idle => {}
            Broken::WrongBeta => {
                let change = model.propose(s, rng);
                attempt(model, s, &change, 2.0 * beta, rng);
            }
            Broken::SkipsSite => {
                for i in 0..model.n - 1 {
                    model.resample(s, i, beta, rng);
                }
            }
            Broken::OneWay => {
                let i = rng.below(model.n);
                let change = (i, (s[i] + 1) % 3);
                attempt(model, s, &change, beta, rng);
            }
            Broken::WrongConditional => {
                let i = rng.below(model.n);
                let weights = [0, 1, 2].map(|v| {
                    s[i] = v;
                    libm::exp(-beta * (model.energy(s) - 0.1 * f64::from(v)))
                });
                s[i] = rng.choose(&weights) as u8;
            }
        }
        Step::default()
    }
}

#[test]
fn the_law_catches_broken_kernels() {
    let model = Clockwork { n: 3 };
    for broken in
        [Broken::Idle, Broken::WrongBeta, Broken::SkipsSite, Broken::OneWay, Broken::WrongConditional]
    {
        let l = law(&model, &broken, 0.7);
        assert!(!l.holds(), "{broken:?} passed: {l:?}");
    }
}

#[test]
#[should_panic(expected = "not a function of its draws")]
fn the_law_catches_hidden_state() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    #[derive(Clone)]
    struct Counting(std::sync::Arc<AtomicUsize>);
    impl Kernel<Clockwork> for Counting {
        fn step<R: Draw>(&mut self, model: &Clockwork, s: &mut Vec<u8>, beta: f64, rng: &mut R) -> Step {
            let i = self.0.fetch_add(1, Ordering::Relaxed) % 3;
            for i in 0..=i {
                model.resample(s, i, beta, rng);
            }
            Step::default()
        }
    }
    law(&Clockwork { n: 3 }, &Counting(Default::default()), 0.7);
}

#[test]
fn chains_agree_with_enumeration() {
    let model = Clockwork { n: 6 };
    let beta = 0.8;
    let exact = mean_exact(&model, beta, |s| model.energy(s)).unwrap();
    fn run<K: Kernel<Clockwork>>(model: &Clockwork, kernel: K, beta: f64) -> crate::Estimate {
        let mut rng = Streams::new(11).stream("start", 0);
        let mut chain = Chain::new(kernel, model.draw(&mut rng), rng);
        chain.advance(model, beta, 200);
        let mut record = Record::new(1).unwrap();
        chain.record(model, beta, 1, 20_000, &mut record, |s| [model.energy(s)]).unwrap();
        record.estimate(0).unwrap()
    }
    for e in [
        run(&model, Metropolis::new(6).unwrap(), beta),
        run(&model, HeatBath, beta),
        run(&model, RandomScan::new(6).unwrap(), beta),
    ] {
        assert!(e.z(exact).abs() < 5.0, "{e} against {exact}");
    }
}

type Run = (Chain<Tempering<Metropolis>, Replicas<Vec<u8>>>, Record);

#[test]
fn same_bytes_for_any_threads_and_after_a_resume() {
    #[derive(Serialize, Deserialize)]
    struct Saved(Run);
    let ladder = Ladder::new(Clockwork { n: 9 }, vec![1.0, 0.8, 0.6, 0.4, 0.2]).unwrap();
    let observe = |r: &Replicas<Vec<u8>>| [ladder.energy.energy(&r.states()[0]), f64::from(r.labels()[0])];
    let run = |par, threads, cut: usize| {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(|| {
            let mut rng = Streams::new(5).stream("start", 0);
            let states = (0..5).map(|_| ladder.energy.draw(&mut rng)).collect();
            let kernel = Tempering { inner: Metropolis::new(9).unwrap(), par };
            let mut all: Run =
                (Chain::new(kernel, ladder.replicas(states).unwrap(), rng), Record::new(2).unwrap());
            all.0.record(&ladder, 1.0, 2, cut, &mut all.1, observe).unwrap();
            let Saved(mut all) = store::decode(&store::encode(&Saved(all), 0).unwrap(), 0).unwrap();
            all.0.kernel.par = par;
            all.0.record(&ladder, 1.0, 2, 200, &mut all.1, observe).unwrap();
            store::encode(&Saved(all), 0).unwrap()
        })
    };
    let reference = run(Par::Serial, 1, 0);
    for threads in [1, 2, 3, 8] {
        assert_eq!(run(Par::Rayon, threads, 73), reference);
    }
}

#[test]
fn hostile_files_are_refused() {
    fn read<T: serde::de::DeserializeOwned>(fields: impl Serialize) -> Result<T, String> {
        store::decode(&store::encode(&fields, 0).unwrap(), 0).map_err(|e| e.to_string())
    }
    assert!(read::<Metropolis>(0u64).unwrap_err().contains("attempts = 0"));
    assert!(read::<RandomScan>(0u64).unwrap_err().contains("visits = 0"));
    assert!(read::<Metropolis>(3u64).is_ok() && read::<RandomScan>(3u64).is_ok());
    assert!(read::<Anneal>((Schedule::Constant(1.0), 0u64)).unwrap_err().contains("n_steps = 0"));
    assert!(read::<Anneal>((Schedule::Constant(f64::NAN), 5u64)).unwrap_err().contains("schedule value"));
    assert!(read::<Anneal>((Schedule::Constant(1.0), 5u64)).is_ok());
    let step = |proposed, accepted| Step { proposed, accepted };
    let replicas =
        |states: &[u8], labels: &[u32], swaps: &[Step]| read::<Replicas<u8>>((states, labels, swaps));
    assert!(replicas(&[5, 6, 7], &[2, 0, 1], &[step(3, 1), step(3, 0)]).is_ok());
    assert!(replicas(&[], &[], &[]).is_ok());
    for (labels, swaps, problem) in [
        (&[0, 1][..], &[step(0, 0); 2][..], "replica labels has length 2, expected 3"),
        (&[0, 1, 3], &[step(0, 0); 2], "replica labels entry = 3"),
        (&[0, 1, 1], &[step(0, 0); 2], "replica labels entry = 1"),
        (&[0, 1, 2], &[step(0, 0); 3], "swap counts has length 3, expected 2"),
        (&[0, 1, 2], &[step(1, 2), step(0, 0)], "accepted swaps = 2"),
    ] {
        let message = replicas(&[5, 6, 7], labels, swaps).unwrap_err();
        assert!(message.contains(problem), "{message}");
    }
    let ladder = Ladder::new(Clockwork { n: 2 }, vec![1.0, 0.5]).unwrap();
    assert!(ladder.replicas(vec![vec![0; 2]]).is_err());
}

#[test]
fn annealing_finds_the_ground_state_and_reports_a_search() {
    let model = Clockwork { n: 9 };
    let exact = states(&model).unwrap().map(|i| model.energy(&model.state(i))).fold(f64::INFINITY, f64::min);
    let plan = Anneal::new(Schedule::geometric(0.2, 20.0).unwrap(), 300).unwrap();
    let metropolis = Metropolis::new(9).unwrap();
    let found = plan.search(&model, &metropolis, 16, &Streams::new(3), Par::Rayon).unwrap();
    assert_eq!(found.best().0, exact);
    assert_eq!(model.energy(found.best().1), exact);
    assert_eq!(found, plan.search(&model, &metropolis, 16, &Streams::new(3), Par::Serial).unwrap());
    assert!(plan.search(&model, &metropolis, 0, &Streams::new(3), Par::Serial).is_err());
    assert!(Anneal::new(Schedule::Linear { from: 0.0, to: f64::NAN }, 10).is_err());
}
