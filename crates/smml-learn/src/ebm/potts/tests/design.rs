use super::*;
use smml_core::{
    energy::{Energy, Finite, LocalEnergy, Reference},
    sample::{Anneal, Ladder, Metropolis, Tempering},
    schedule::Schedule,
    testing::{delta_error, law},
};
use std::collections::HashMap;

fn constraints(start: &[u8], fixed: &[usize], most: Option<usize>, keep_gaps: bool) -> Constraints {
    Constraints { start: Some(start.to_vec()), fixed: fixed.to_vec(), max_mutations: most, keep_gaps }
}

/// A design whose allowed sequences can be counted.
struct Counted<'a> {
    design: Design<'a>,
    allowed: Vec<Vec<u8>>,
}

impl<'a> Counted<'a> {
    fn new(machine: &'a PottsMachine, c: &Constraints) -> Self {
        let design = Design::new(machine, c).unwrap();
        let all = (0..machine.n_states().unwrap()).map(|k| machine.state(k));
        let allowed = all.filter(|s| design.allows(s)).collect();
        Counted { design, allowed }
    }
}

impl Energy for Counted<'_> {
    type State = Vec<u8>;
    fn energy(&self, s: &Vec<u8>) -> f64 {
        self.design.energy(s)
    }
}

impl LocalEnergy for Counted<'_> {
    type Move = Change;
    fn propose<R: Draw>(&self, s: &Vec<u8>, rng: &mut R) -> Change {
        self.design.propose(s, rng)
    }
    fn delta(&self, s: &Vec<u8>, change: &Change) -> f64 {
        self.design.delta(s, change)
    }
    fn apply(&self, s: &mut Vec<u8>, change: &Change) {
        self.design.apply(s, change);
    }
}

impl Finite for Counted<'_> {
    fn n_states(&self) -> Option<usize> {
        Some(self.allowed.len())
    }
    fn state(&self, index: usize) -> Vec<u8> {
        self.allowed[index].clone()
    }
    fn index(&self, s: &Vec<u8>) -> usize {
        self.allowed.iter().position(|a| a == s).expect("moves stay within what is allowed")
    }
}

#[test]
fn moves_have_the_exact_law_on_what_is_allowed() {
    let machine = random(Alphabet::Dna, 5, 0.8, 1);
    for (c, n) in [
        // 1 + 5 · 4 sequences; 1 + 4 · 4 + 6 · 16 of four free sites.
        (constraints(&[0, 1, 2, 3, 4], &[], Some(1), false), 21),
        (constraints(&[0, 1, 2, 3, 4], &[2], Some(2), false), 113),
        // Four sites without gaps: 1 + 4 · 3 + 6 · 9.
        (constraints(&[0, 1, 2, 3, 4], &[], Some(2), true), 67),
        (constraints(&[0, 1, 4, 3, 4], &[0], None, true), 16),
        (constraints(&[0, 1, 4, 4, 4], &[0], None, true), 4),
    ] {
        let counted = Counted::new(&machine, &c);
        assert_eq!(counted.allowed.len(), n);
        assert!((counted.design.ln_z_reference() - (n as f64).ln()).abs() < 1e-12);
        for beta in [0.0, 1.3] {
            assert!(law(&counted, &Metropolis::new(1).unwrap(), beta).holds_reversibly(), "{c:?} {beta}");
        }
    }
}

#[test]
fn changes_of_energy_are_those_of_the_model() {
    let mut rng = Streams::new(2).stream("walk", 0);
    let machine = random(Alphabet::Protein, 12, 0.5, 2);
    let design = Design::new(&machine, &Constraints::default()).unwrap();
    assert!(delta_error(&design, design.draw(&mut rng), 300, &mut rng) < 1e-12);
    assert_eq!(design.mutations(&[0; 12]), 0);
}

#[test]
fn draws_are_uniform_and_allowed() {
    let machine = random(Alphabet::Dna, 5, 0.8, 3);
    let start = [0, 1, 2, 3, 4];
    for c in [constraints(&start, &[1], Some(2), true), constraints(&start, &[0, 1], None, false)] {
        let counted = Counted::new(&machine, &c);
        let mut rng = Streams::new(4).stream("draws", 0);
        let n = 60_000;
        let mut counts: HashMap<Vec<u8>, f64> = HashMap::new();
        (0..n).for_each(|_| *counts.entry(counted.design.draw(&mut rng)).or_default() += 1.0);
        let expected = f64::from(n) / counted.allowed.len() as f64;
        assert_eq!(counts.len(), counted.allowed.len());
        let chi2: f64 = counts
            .iter()
            .map(|(s, k)| {
                assert!(counted.design.allows(s));
                (k - expected).powi(2) / expected
            })
            .sum();
        let dof = counts.len() as f64 - 1.0;
        // Seven standard deviations above the mean.
        assert!(chi2 < dof + 7.0 * (2.0 * dof).sqrt(), "{chi2} {dof}");
    }
}

#[test]
fn annealing_and_tempering_find_the_best_allowed_sequence() {
    let machine = random(Alphabet::Dna, 6, 1.0, 5);
    let start = [0, 0, 4, 1, 2, 3];
    for c in [constraints(&start, &[5], Some(3), true), constraints(&start, &[], None, true)] {
        let counted = Counted::new(&machine, &c);
        let best = counted.allowed.iter().map(|s| machine.energy(s)).fold(f64::INFINITY, f64::min);
        let streams = Streams::new(6);
        let anneal = Anneal::new(Schedule::geometric(0.2, 20.0).unwrap(), 100).unwrap();
        let kernel = Metropolis::new(counted.design.n_free()).unwrap();
        let found = anneal.search(&counted.design, &kernel, 8, &streams, Default::default()).unwrap();
        let (energy, s) = found.best();
        assert!((energy - best).abs() < 1e-12 && counted.design.allows(s));
        assert!(counted.design.mutations(s) <= c.max_mutations.unwrap_or(6));
        assert_eq!((s[2], s[5] == 3 || c.fixed.is_empty()), (4, true));
        let ladder = Ladder::new(counted.design.clone(), vec![0.2, 0.6, 2.0, 6.0]).unwrap();
        let mut rng = streams.stream("pt", 0);
        let states = (0..4).map(|_| counted.design.draw(&mut rng)).collect();
        let mut replicas = ladder.replicas(states).unwrap();
        let mut kernel = Tempering::new(kernel);
        let mut lowest = f64::INFINITY;
        for _ in 0..200 {
            use smml_core::kernel::Kernel;
            kernel.step(&ladder, &mut replicas, 1.0, &mut rng);
            lowest = replicas.states().iter().map(|s| machine.energy(s)).fold(lowest, f64::min);
        }
        assert!((lowest - best).abs() < 1e-12);
    }
}

#[test]
fn without_couplings_no_search_is_needed() {
    let mut rng = Streams::new(9).stream("profile", 0);
    let frequencies: Vec<f64> = (0..25).map(|_| 0.05 + rng.uniform()).collect();
    let machine = PottsMachine::profile(Alphabet::Dna, 5, &frequencies).unwrap();
    let start = [0, 1, 4, 3, 2];
    for c in [
        constraints(&start, &[], Some(2), true),
        constraints(&start, &[1], Some(1), false),
        constraints(&start, &[3], None, false),
        Constraints { keep_gaps: true, ..Constraints::default() },
        Constraints::default(),
    ] {
        let counted = Counted::new(&machine, &c);
        let best = counted.allowed.iter().map(|s| machine.energy(s)).fold(f64::INFINITY, f64::min);
        let found = counted.design.independent_optimum();
        assert!(counted.design.allows(&found) && (machine.energy(&found) - best).abs() < 1e-12, "{c:?}");
    }
}

#[test]
fn constraints_that_make_no_sense_are_refused() {
    let machine = random(Alphabet::Dna, 4, 1.0, 7);
    let free = Constraints::default();
    for c in [
        constraints(&[0, 1, 2], &[], None, false),
        constraints(&[0, 1, 2, 5], &[], None, false),
        constraints(&[0, 1, 2, 3], &[4], None, false),
        constraints(&[0, 1, 2, 3], &[], Some(0), false),
        constraints(&[0, 1, 2, 3], &[0, 1, 2, 3], None, false),
        constraints(&[4, 4, 4, 4], &[], None, true),
        Constraints { fixed: vec![1], ..free.clone() },
        Constraints { max_mutations: Some(2), ..free.clone() },
    ] {
        assert!(Design::new(&machine, &c).is_err(), "{c:?}");
    }
    let design = Design::new(&machine, &Constraints { keep_gaps: true, ..free }).unwrap();
    assert!(design.allows(&[0, 1, 2, 3]) && !design.allows(&[0, 1, 2, 4]) && !design.allows(&[0, 1]));
    assert_eq!(design.energy(&vec![4; 4]), f64::INFINITY);
}
