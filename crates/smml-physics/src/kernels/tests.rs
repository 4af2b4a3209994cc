//! Kernels against the laws, and broken copies of them.

use super::*;
use crate::{
    ising::{Ising, Rule, exact, observe},
    lattice::{Boundary, Lattice},
};
use smml_core::{
    chain::{Chain, Record},
    energy::{Energy, Finite, Reference, ln_z_exact, states},
    kernel::{Kernel, Step},
    parallel::Par,
    rng::{Draw, Streams},
    sample::{Ladder, Metropolis, Replicas, Tempering},
    testing::{Law, Script, law},
};

/// Connected, frustrated, with fields, nothing uniform.
fn glass() -> Ising {
    let bonds = [(0, 1, 1.0), (1, 2, -0.7), (2, 0, 0.9), (2, 3, 1.3), (3, 4, -0.4), (4, 2, 0.8), (4, 5, 0.6)];
    Ising::new(6, &bonds, vec![0.3, -0.2, 0.0, 0.7, -0.5, 0.1]).unwrap()
}

/// The states of one magnetisation.
struct Sector {
    ising: Ising,
    states: Vec<Vec<i8>>,
}

impl Sector {
    fn new(ising: Ising, magnetisation: i64) -> Self {
        let all = states(&ising).unwrap().map(|i| ising.state(i));
        let states = all.filter(|s| observe::magnetisation(s) == magnetisation).collect();
        Sector { ising, states }
    }
}

impl Energy for Sector {
    type State = Vec<i8>;
    fn energy(&self, s: &Vec<i8>) -> f64 {
        self.ising.energy(s)
    }
}
impl Finite for Sector {
    fn n_states(&self) -> Option<usize> {
        Some(self.states.len())
    }
    fn state(&self, index: usize) -> Vec<i8> {
        self.states[index].clone()
    }
    fn index(&self, s: &Vec<i8>) -> usize {
        self.states.iter().position(|t| t == s).expect("the state left the sector")
    }
}

/// A kernel of the Ising model, kept in a sector.
#[derive(Clone)]
struct Within<K>(K);
impl<K: Kernel<Ising>> Kernel<Sector> for Within<K> {
    fn step<R: Draw>(&mut self, sector: &Sector, s: &mut Vec<i8>, beta: f64, rng: &mut R) -> Step {
        self.0.step(&sector.ising, s, beta, rng)
    }
}

/// Wrong on purpose: it forgets that the bond between the two spins is in both local fields.
#[derive(Clone)]
struct BrokenKawasaki;
impl Kernel<Ising> for BrokenKawasaki {
    fn step<R: Draw>(&mut self, ising: &Ising, s: &mut Vec<i8>, beta: f64, rng: &mut R) -> Step {
        let i = rng.below(s.len());
        let neighbours = ising.couplings().neighbours(i).0;
        let j = neighbours[rng.below(neighbours.len())] as usize;
        let change = 2.0 * f64::from(s[i]) * (ising.local_field(s, i) - ising.local_field(s, j));
        if s[i] != s[j] && rng.accept(beta * change) {
            s.swap(i, j);
        }
        Step::default()
    }
}

#[test]
fn kawasaki_inside_every_sector() {
    for m in [-6, -4, -2, 0, 2, 4, 6] {
        let sector = Sector::new(glass(), m);
        for beta in [-0.5, 0.0, 0.7, 2.0] {
            for attempts in [1, 2] {
                let l = law(&sector, &Within(Kawasaki::new(attempts).unwrap()), beta);
                assert!(l.holds_reversibly(), "{m} {beta}: {l:?}");
            }
        }
        if m.abs() < 6 {
            assert!(law(&sector, &Within(BrokenKawasaki), 0.7).stationary > 1e-4);
        }
    }
    assert!(Kawasaki::new(0).is_err());
    use smml_core::store::{decode, encode};
    assert!(decode::<Kawasaki>(&encode(&0u64, 0).unwrap(), 0).is_err());
    // A spin without neighbours is no trouble.
    let alone = Ising::new(1, &[], vec![0.0]).unwrap();
    let mut rng = Streams::new(1).stream("alone", 0);
    let step = Kawasaki::new(3).unwrap().step(&alone, &mut vec![1], 1.0, &mut rng);
    assert_eq!((step.proposed, step.accepted), (3, 0));
}

/// The law of jumps with residence times: Σᵢ (πᵢ/τᵢ) Pᵢⱼ = πⱼ/τⱼ. Returns the largest violations of stationarity and of
/// detailed balance. `time` and `jump` may be those of a broken copy.
fn jump_law(
    ising: &Ising,
    beta: f64,
    mut jump: impl FnMut(Vec<i8>, &mut Script) -> (Vec<i8>, f64),
) -> (f64, f64) {
    let n = ising.n_states().unwrap();
    let ln_z = ln_z_exact(ising, beta).unwrap();
    let pi: Vec<f64> = (0..n).map(|i| (-beta * ising.energy(&ising.state(i)) - ln_z).exp()).collect();
    let (mut p, mut tau) = (vec![0.0; n * n], vec![0.0; n]);
    for i in 0..n {
        Script::walk(
            10_000,
            |script| jump(ising.state(i), script),
            |(state, time), probability| {
                tau[i] = time;
                p[i * n + ising.index(&state)] += probability;
            },
        );
    }
    let (mut stationary, mut reversible) = (0.0f64, 0.0f64);
    for j in 0..n {
        assert!((p[j * n..][..n].iter().sum::<f64>() - 1.0).abs() < 1e-12);
        let flow: f64 = (0..n).map(|i| pi[i] / tau[i] * p[i * n + j]).sum();
        stationary = stationary.max((flow - pi[j] / tau[j]).abs());
        for i in 0..n {
            let there = pi[i] / tau[i] * p[i * n + j];
            reversible = reversible.max((there - pi[j] / tau[j] * p[j * n + i]).abs());
        }
    }
    (stationary, reversible)
}

#[test]
fn the_n_fold_way_with_residence_times() {
    let model = glass();
    for rule in [Rule::Metropolis, Rule::HeatBath] {
        for beta in [-0.5, 0.0, 0.7, 2.0] {
            let jump = |s: Vec<i8>, script: &mut Script| {
                let mut run = NFoldWay::new(&model, s, beta, rule).unwrap();
                let time = run.jump(script).unwrap();
                (run.spins().to_vec(), time)
            };
            let (stationary, reversible) = jump_law(&model, beta, jump);
            assert!(stationary < 1e-12 && reversible < 1e-12, "{rule:?} {beta}: {stationary} {reversible}");
        }
        // Wrong on purpose: every state counts alike; the spin is drawn without its rate.
        let alike = |s: Vec<i8>, script: &mut Script| {
            let mut run = NFoldWay::new(&model, s, 0.7, rule).unwrap();
            run.jump(script).unwrap();
            (run.spins().to_vec(), 1.0)
        };
        assert!(jump_law(&model, 0.7, alike).0 > 1e-4);
        let any = |s: Vec<i8>, script: &mut Script| {
            let run = NFoldWay::new(&model, s, 0.7, rule).unwrap();
            let mut s = run.spins().to_vec();
            let i = script.below(s.len());
            s[i] = -s[i];
            (s, run.residence_time())
        };
        assert!(jump_law(&model, 0.7, any).0 > 1e-4);
    }
}

#[test]
fn n_fold_averages_agree_with_enumeration() {
    let lattice = Lattice::square(4, 4, Boundary::Periodic).unwrap();
    let model = Ising::in_field(lattice.graph(1.0).unwrap(), 0.05).unwrap();
    let beta = 0.6;
    let want = exact::averages(&model, &[beta]).unwrap()[0];
    let observe = |s: &[i8]| [model.energy(&s.to_vec()) / 16.0, observe::magnetisation(s) as f64 / 16.0];
    for rule in [Rule::Metropolis, Rule::HeatBath] {
        let mut rng = Streams::new(4).stream("n-fold", 0);
        let mut run = NFoldWay::new(&model, vec![1; 16], beta, rule).unwrap();
        let found = run.averages(60_000, &mut rng, observe).unwrap();
        assert!(found[0].p_value(want.energy) > 1e-8, "{}", found[0]);
        assert!(found[1].p_value(want.magnetisation) > 1e-8, "{}", found[1]);
        // At fixed times, without weights.
        let mut record = Record::new(2).unwrap();
        for _ in 0..20_000 {
            run.advance(1.0, &mut rng).unwrap();
            record.push(&observe(run.spins())).unwrap();
        }
        assert!(record.estimate(0).unwrap().p_value(want.energy) > 1e-8);
        assert!(record.estimate(1).unwrap().p_value(want.magnetisation) > 1e-8);
    }
    // Cut and resumed from the spins alone: the same run. Rates do not depend on the past.
    let mut rng = Streams::new(5).stream("cut", 0);
    let mut whole = NFoldWay::new(&model, vec![1; 16], beta, Rule::Metropolis).unwrap();
    for _ in 0..500 {
        whole.jump(&mut rng).unwrap();
    }
    let (saved, mut again) = (whole.spins().to_vec(), rng.clone());
    let mut resumed = NFoldWay::new(&model, saved, beta, Rule::Metropolis).unwrap();
    for _ in 0..500 {
        assert_eq!(whole.jump(&mut rng).unwrap().to_bits(), resumed.jump(&mut again).unwrap().to_bits());
        assert_eq!(whole.spins(), resumed.spins());
    }
    // A frozen state says so.
    let mut frozen = NFoldWay::new(&model, vec![1; 16], 1e3, Rule::Metropolis).unwrap();
    assert!(frozen.jump(&mut rng).unwrap_err().to_string().contains("beta = 1000"));
    assert_eq!(frozen.advance(1e9, &mut rng).unwrap(), 0);
    assert!(frozen.advance(f64::NAN, &mut rng).is_err());
    assert!(NFoldWay::new(&model, vec![1; 15], 1.0, Rule::HeatBath).is_err());
    assert!(NFoldWay::new(&model, vec![0; 16], 1.0, Rule::HeatBath).is_err());
    assert!(NFoldWay::new(&model, vec![1; 16], f64::NAN, Rule::HeatBath).is_err());
}

/// Four spins, frustrated; with and without fields.
fn small(field: f64) -> Ising {
    let bonds = [(0, 1, 1.0), (1, 2, -0.7), (2, 0, 0.9), (2, 3, -1.3)];
    Ising::new(4, &bonds, vec![field, -0.5 * field, 0.0, 0.8 * field]).unwrap()
}

/// One random flip in one random replica, Metropolis: makes the moves at constant q irreducible.
#[derive(Clone)]
struct OneFlip;
impl Kernel<Ladder<Ising>> for OneFlip {
    fn step<R: Draw>(
        &mut self,
        l: &Ladder<Ising>,
        r: &mut Replicas<Vec<i8>>,
        beta: f64,
        rng: &mut R,
    ) -> Step {
        let k = rng.below(l.factors().len());
        Metropolis::new(1).unwrap().step(&l.energy, &mut r.states_mut()[k], beta * l.factors()[k], rng)
    }
}

fn stands_still(l: Law) -> bool {
    l.stationary < 1e-12 && l.reversible < 1e-12 && l.normalised < 1e-12
}

#[test]
fn replica_moves_obey_the_law_of_the_pair() {
    for field in [0.0, 0.4] {
        for (factors, equal) in [([1.0, 1.0], true), ([1.0, 0.4], false)] {
            let ladder = Ladder::new(small(field), factors.to_vec()).unwrap();
            for beta in [-0.6, 0.0, 0.5, 1.4] {
                let l = law(&ladder, &Houdayer::default(), beta);
                assert!(stands_still(l), "{field} {factors:?} {beta}: {l:?}");
                let l = law(&ladder, &Joerg::default(), beta);
                assert!(stands_still(l), "{field} {factors:?} {beta}: {l:?}");
                let l = law(&ladder, &ChayesMachtaRedner::default(), beta);
                assert!(stands_still(l) && l.irreducible == equal, "{field} {factors:?} {beta}: {l:?}");
            }
            assert!(law(&ladder, &(Houdayer::default(), OneFlip), 0.8).holds());
            assert!(law(&ladder, &(Joerg::default(), OneFlip), 0.8).holds());
        }
    }
    // Three replicas: the third has no partner.
    let pair = Ising::new(2, &[(0, 1, 0.8)], vec![0.0, 0.3]).unwrap();
    let ladder = Ladder::new(pair, vec![1.0, 1.0, 0.5]).unwrap();
    assert!(stands_still(law(&ladder, &Houdayer::default(), 1.0)));
    let tempered = (Houdayer::default(), Tempering { inner: Metropolis::new(1).unwrap(), par: Par::Serial });
    let two = Ladder::new(Ising::new(2, &[(0, 1, 0.8)], vec![0.0, 0.3]).unwrap(), vec![1.0, 1.0]).unwrap();
    assert!(law(&two, &tempered, 1.0).holds());
}

/// Wrong on purpose, one mistake each.
#[derive(Clone, Copy, Debug)]
enum Slip {
    /// Houdayer's cluster grows only halfway.
    HalfCluster,
    /// Between temperatures without the Metropolis test.
    NoTest,
    /// Jörg's bonds as if there were one replica.
    WeakBonds,
    /// Blue bonds with the probability of red ones.
    PaleBlue,
}

impl Kernel<Ladder<Ising>> for Slip {
    fn step<R: Draw>(
        &mut self,
        l: &Ladder<Ising>,
        r: &mut Replicas<Vec<i8>>,
        beta: f64,
        rng: &mut R,
    ) -> Step {
        let ising = &l.energy;
        let [a, b] = r.states_mut() else { panic!("two replicas") };
        let n = a.len();
        let unlike: Vec<usize> = (0..n).filter(|&i| a[i] != b[i]).collect();
        match self {
            Slip::HalfCluster | Slip::NoTest => {
                if unlike.is_empty() {
                    return Step::default();
                }
                let mut cluster = vec![unlike[rng.below(unlike.len())]];
                let mut at = 0;
                while let Some(&i) = cluster.get(at) {
                    at += 1;
                    for &j in ising.couplings().neighbours(i).0 {
                        let j = j as usize;
                        let grows = matches!(self, Slip::NoTest) || cluster.len() < 2;
                        if grows && !cluster.contains(&j) && unlike.contains(&j) {
                            cluster.push(j);
                        }
                    }
                }
                cluster.iter().for_each(|&i| std::mem::swap(&mut a[i], &mut b[i]));
            }
            Slip::WeakBonds => {
                let mut sets = crate::cluster::UnionFind::default();
                sets.reset(n);
                for (i, j, w) in ising.couplings().edges() {
                    let both = unlike.contains(&(i as usize)) && unlike.contains(&(j as usize));
                    let x = beta * w * f64::from(a[i as usize] * a[j as usize]);
                    if both && x > 0.0 && rng.chance(-libm::expm1(-2.0 * x)) {
                        sets.join(i, j);
                    }
                }
                for root in unlike.iter().map(|&i| i as u32) {
                    if sets.root(root) == root && rng.chance(0.5) {
                        for &i in unlike.iter().filter(|&&i| sets.root(i as u32) == root) {
                            std::mem::swap(&mut a[i], &mut b[i]);
                        }
                    }
                }
            }
            Slip::PaleBlue => {
                let mut sets = crate::cluster::UnionFind::default();
                sets.reset(n);
                for (i, j, w) in ising.couplings().edges() {
                    let in_a = beta * w * f64::from(a[i as usize] * a[j as usize]) > 0.0;
                    let in_b = beta * w * f64::from(b[i as usize] * b[j as usize]) > 0.0;
                    if in_a && in_b && rng.chance(-libm::expm1(-2.0 * (beta * w).abs())) {
                        sets.join(i, j);
                    }
                }
                for root in 0..n as u32 {
                    if sets.root(root) == root && rng.chance(0.5) {
                        for i in (0..n as u32).filter(|&i| sets.root(i) == root) {
                            a[i as usize] = -a[i as usize];
                            b[i as usize] = -b[i as usize];
                        }
                    }
                }
            }
        }
        Step::default()
    }
}

#[test]
fn the_law_finds_broken_replica_moves() {
    let ladder = |factors: [f64; 2], field| Ladder::new(small(field), factors.to_vec()).unwrap();
    let equal = ladder([1.0, 1.0], 0.0);
    for slip in [Slip::HalfCluster, Slip::WeakBonds, Slip::PaleBlue] {
        let l = law(&equal, &slip, 0.8);
        assert!(l.stationary > 1e-5, "{slip:?}: {l:?}");
    }
    let l = law(&ladder([1.0, 0.4], 0.4), &Slip::NoTest, 0.8);
    assert!(l.stationary > 1e-4, "{l:?}");
}

#[test]
fn houdayer_conserves_the_total_energy() {
    // ±J glasses: integers, so the sum of the energies is the same to the bit; all overlaps stay.
    for (lattice, seed) in [
        (Lattice::square(12, 12, Boundary::Periodic).unwrap(), 1),
        (Lattice::cubic([5, 6, 4], Boundary::Open).unwrap(), 2),
    ] {
        let mut rng = Streams::new(seed).stream("glass", 0);
        let graph = lattice.graph_with(|_, _| if rng.chance(0.5) { 1.0 } else { -1.0 }).unwrap();
        let ising = Ising::in_field(graph, 1.0).unwrap();
        let ladder = Ladder::new(ising.clone(), vec![1.0, 1.0]).unwrap();
        let states = vec![ising.draw(&mut rng), ising.draw(&mut rng)];
        let overlap = |r: &Replicas<Vec<i8>>| -> Vec<i8> {
            r.states()[0].iter().zip(&r.states()[1]).map(|(a, b)| a * b).collect()
        };
        let replicas = ladder.replicas(states).unwrap();
        let (total, q) = (ladder.energy(&replicas), overlap(&replicas));
        let first = ising.energy(&replicas.states()[0]);
        let mut chain = Chain::new(Houdayer::default(), replicas, rng);
        let mut moved = false;
        for _ in 0..200 {
            chain.advance(&ladder, 0.9, 1);
            assert_eq!(ladder.energy(&chain.state).to_bits(), total.to_bits());
            moved |= ising.energy(&chain.state.states()[0]) != first;
        }
        assert!(moved && overlap(&chain.state) == q);
        assert_eq!(chain.tally().proposed, chain.tally().accepted);
    }
}

#[test]
fn replica_moves_agree_with_enumeration_on_a_glass() {
    let lattice = Lattice::square(4, 4, Boundary::Periodic).unwrap();
    let mut rng = Streams::new(8).stream("glass", 0);
    let graph = lattice.graph_with(|_, _| if rng.chance(0.5) { 1.0 } else { -1.0 }).unwrap();
    let ising = Ising::in_field(graph, 0.0).unwrap();
    let beta = 1.2;
    let want = exact::averages(&ising, &[beta]).unwrap()[0].energy;
    let ladder = Ladder::new(ising.clone(), vec![1.0, 1.0]).unwrap();
    fn run<K: Kernel<Ladder<Ising>>>(ladder: &Ladder<Ising>, kernel: K, beta: f64, want: f64) {
        let mut rng = Streams::new(9).stream("run", 0);
        let states = vec![ladder.energy.draw(&mut rng), ladder.energy.draw(&mut rng)];
        let inner = Metropolis::new(16).unwrap();
        let tempering = Tempering { inner, par: Par::Serial };
        let mut chain = Chain::new((tempering, kernel), ladder.replicas(states).unwrap(), rng);
        chain.advance(ladder, beta, 200);
        let mut record = Record::new(1).unwrap();
        let measure = |r: &Replicas<Vec<i8>>| [ladder.energy(r) / 32.0];
        chain.record(ladder, beta, 1, 20_000, &mut record, measure).unwrap();
        let found = record.estimate(0).unwrap();
        assert!(found.p_value(want) > 1e-8, "{found} {want}");
    }
    run(&ladder, Houdayer::default(), beta, want);
    run(&ladder, Joerg::default(), beta, want);
    run(&ladder, ChayesMachtaRedner::default(), beta, want);
}
