//! The code of the book's pages "add a model" and "add a kernel". The pages include it from here, so what they show
//! compiles and passes.

// ANCHOR: model
use smml_core::{
    energy::states,
    prelude::*,
    sample::{Anneal, HeatBath, Metropolis, attempt},
    testing::{delta_error, law},
};

/// Vertex colouring: E(c) = number of edges whose ends have the same colour. A colouring is proper when E = 0.
struct Colouring {
    n_colours: u8,
    neighbours: Vec<Vec<usize>>,
}

impl Energy for Colouring {
    type State = Vec<u8>;
    fn energy(&self, colour: &Vec<u8>) -> f64 {
        // Each edge is seen from both of its ends.
        let clashes = |v: usize| self.neighbours[v].iter().filter(|&&w| colour[v] == colour[w]).count();
        (0..colour.len()).map(clashes).sum::<usize>() as f64 / 2.0
    }
}
// ANCHOR_END: model

// ANCHOR: local
impl LocalEnergy for Colouring {
    /// A vertex and its new colour.
    type Move = (usize, u8);
    fn propose<R: Draw>(&self, colour: &Vec<u8>, rng: &mut R) -> (usize, u8) {
        let v = rng.below(colour.len());
        let shift = 1 + rng.below(usize::from(self.n_colours) - 1) as u8;
        (v, (colour[v] + shift) % self.n_colours)
    }
    fn apply(&self, colour: &mut Vec<u8>, &(v, new): &(usize, u8)) {
        colour[v] = new;
    }
    fn delta(&self, colour: &Vec<u8>, &(v, new): &(usize, u8)) -> f64 {
        let with = |c: u8| self.neighbours[v].iter().filter(|&&w| colour[w] == c).count() as f64;
        with(new) - with(colour[v])
    }
}
// ANCHOR_END: local

// ANCHOR: conditional
impl Conditional for Colouring {
    fn n_sites(&self) -> usize {
        self.neighbours.len()
    }
    fn resample<R: Draw>(&self, colour: &mut Vec<u8>, v: usize, beta: f64, rng: &mut R) -> bool {
        let mut clashes = vec![0.0; usize::from(self.n_colours)];
        for &w in &self.neighbours[v] {
            clashes[usize::from(colour[w])] += 1.0;
        }
        let weights: Vec<f64> = clashes.iter().map(|n| libm::exp(-beta * n)).collect();
        let new = rng.choose(&weights) as u8;
        std::mem::replace(&mut colour[v], new) != new
    }
}
// ANCHOR_END: conditional

// ANCHOR: finite
impl Finite for Colouring {
    fn n_states(&self) -> Option<usize> {
        usize::from(self.n_colours).checked_pow(self.neighbours.len() as u32)
    }
    fn state(&self, mut index: usize) -> Vec<u8> {
        let q = usize::from(self.n_colours);
        let mut digit = || {
            let d = index % q;
            index /= q;
            d as u8
        };
        (0..self.neighbours.len()).map(|_| digit()).collect()
    }
    fn index(&self, colour: &Vec<u8>) -> usize {
        colour.iter().rev().fold(0, |i, &c| i * usize::from(self.n_colours) + usize::from(c))
    }
}
// ANCHOR_END: finite

/// A wheel: vertex 0 joined to all the others, which form a ring of `n - 1`.
fn wheel(n: usize, n_colours: u8) -> Colouring {
    let mut neighbours = vec![Vec::new(); n];
    for v in 1..n {
        let next = if v + 1 < n { v + 1 } else { 1 };
        for (a, b) in [(0, v), (v, next)] {
            neighbours[a].push(b);
            neighbours[b].push(a);
        }
    }
    Colouring { n_colours, neighbours }
}

// ANCHOR: laws
#[test]
fn the_model_obeys_the_laws() -> Result<()> {
    // A wheel of 5 has an even ring: 3 colours are enough, and 3⁵ = 243 states can be enumerated.
    let model = wheel(5, 3);
    let mut rng = Streams::new(1).stream("guide", 0);
    assert!(delta_error(&model, model.state(100), 1000, &mut rng) < 1e-15);
    for i in states(&model)? {
        assert_eq!(model.index(&model.state(i)), i);
    }
    for beta in [0.0, 0.7, 3.0] {
        assert!(law(&model, &Metropolis::new(1)?, beta).holds_reversibly());
        assert!(law(&model, &HeatBath, beta).holds()); // an ordered sweep is stationary, not reversible
    }
    Ok(())
}
// ANCHOR_END: laws

// ANCHOR: anneal
#[test]
fn annealing_finds_a_proper_colouring() -> Result<()> {
    let model = wheel(31, 3); // an even ring again: 3 colours are enough
    let mut rng = Streams::new(1).stream("guide", 1);
    let cooling = Schedule::Linear { from: 0.5, to: 8.0 };
    let best = Anneal::new(cooling, 2000)?.run(&model, &mut HeatBath, vec![0; 31], &mut rng);
    assert_eq!(best.energy, 0.0);
    Ok(())
}
// ANCHOR_END: anneal

// ANCHOR: kernel
/// Barker's rule: accept with probability 1 / (1 + exp(β ΔE)).
#[derive(Clone)]
struct Barker;

impl<E: LocalEnergy> Kernel<E> for Barker {
    fn step<R: Draw>(&mut self, energy: &E, state: &mut E::State, beta: f64, rng: &mut R) -> Step {
        let change = energy.propose(state, rng);
        let accepted = rng.chance(1.0 / (1.0 + libm::exp(beta * energy.delta(state, &change))));
        if accepted {
            energy.apply(state, &change);
        }
        Step { proposed: 1, accepted: accepted.into() }
    }
}
// ANCHOR_END: kernel

// ANCHOR: kernel_law
#[test]
fn the_kernel_obeys_the_law() {
    let model = wheel(5, 3);
    for beta in [0.0, 0.7, 3.0] {
        assert!(law(&model, &Barker, beta).holds_reversibly());
    }
}
// ANCHOR_END: kernel_law

// ANCHOR: broken
/// The same with a common slip: it accepts every change that does not raise the energy, and Barker's share of the rest.
#[derive(Clone)]
struct Slip;

impl<E: LocalEnergy> Kernel<E> for Slip {
    fn step<R: Draw>(&mut self, energy: &E, state: &mut E::State, beta: f64, rng: &mut R) -> Step {
        let change = energy.propose(state, rng);
        let delta = energy.delta(state, &change);
        let accepted = delta <= 0.0 || rng.chance(1.0 / (1.0 + libm::exp(beta * delta)));
        if accepted {
            energy.apply(state, &change);
        }
        Step { proposed: 1, accepted: accepted.into() }
    }
}

#[test]
fn the_law_finds_the_slip() {
    assert!(law(&wheel(5, 3), &Slip, 0.7).stationary > 1e-4);
}
// ANCHOR_END: broken

#[test]
fn the_metropolis_rule_is_shared() {
    let model = wheel(5, 3);
    let mut rng = Streams::new(1).stream("guide", 2);
    let mut colour = vec![0; 5];
    assert!(
        attempt(&model, &mut colour, &(0, 1), 1.0, &mut rng),
        "a change that lowers the energy is accepted"
    );
    assert_eq!(colour, [1, 0, 0, 0, 0]);
}
