//! The laws every energy and every kernel must obey, as reusable tests (feature `testing`).
//!
//! [`law`] obtains the exact transition matrix of a kernel by walking every outcome of the kernel's own draws: it is
//! the production code that is tested. It covers discrete models of at most 2⁸ states; continuous kernels need moment
//! tests, and kernels that quantise their probabilities to b bits meet the law only to about n_sites 2⁻ᵇ.

use crate::{
    energy::{Differentiable, Finite, LocalEnergy, ln_z_exact},
    kernel::Kernel,
    rng::Draw,
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Most draws one step may make: a kernel that never ends must fail, not hang.
const MAX_DRAWS: usize = 4096;
/// Most paths one law may walk.
const MAX_PATHS: usize = 4_000_000;
/// Most states.
const MAX_STATES: usize = 256;

/// A generator that walks through every outcome of every discrete draw.
#[derive(Clone, Default)]
pub struct Script(Arc<Mutex<Tape>>);

#[derive(Default)]
struct Tape {
    /// The branch taken at each draw, and that draw's probabilities.
    path: Vec<(usize, Vec<f64>)>,
    at: usize,
    probability: f64,
}

impl Script {
    fn tape(&self) -> MutexGuard<'_, Tape> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `f` once for each sequence of outcomes, and hands what it returns to `visit` with the probability of that
    /// sequence. Returns the number of sequences. Panics above `limit` of them, and when `f` is not a function of
    /// its draws (hidden state, another generator).
    pub fn walk<T>(
        limit: usize,
        mut f: impl FnMut(&mut Script) -> T,
        mut visit: impl FnMut(T, f64),
    ) -> usize {
        let script = Script::default();
        for n_paths in 1..=limit {
            {
                let mut tape = script.tape();
                tape.at = 0;
                tape.probability = 1.0;
            }
            let end = f(&mut script.clone());
            let mut tape = script.tape();
            assert_eq!(tape.at, tape.path.len(), "the kernel is not a function of its draws");
            visit(end, tape.probability);
            while let Some((branch, weights)) = tape.path.last_mut() {
                match (*branch + 1..weights.len()).find(|&b| weights[b] > 0.0) {
                    Some(next) => {
                        *branch = next;
                        break;
                    }
                    None => drop(tape.path.pop()),
                }
            }
            if tape.path.is_empty() {
                return n_paths;
            }
        }
        panic!("more than {limit} outcomes: take a smaller system or a shorter step")
    }

    fn branch(&mut self, weights: &[f64]) -> usize {
        let mut tape = self.tape();
        let at = tape.at;
        assert!(at < MAX_DRAWS, "more than {MAX_DRAWS} draws in one step: does it end?");
        let total: f64 = weights.iter().sum();
        assert!(
            total > 0.0 && total.is_finite() && weights.iter().all(|w| *w >= 0.0),
            "weights {weights:?} are no probabilities"
        );
        if at == tape.path.len() {
            let first = weights.iter().position(|&w| w > 0.0).unwrap_or(0);
            tape.path.push((first, weights.to_vec()));
        }
        assert_eq!(tape.path[at].1, weights, "the kernel is not a function of its draws");
        let taken = tape.path[at].0;
        tape.probability *= weights[taken] / total;
        tape.at += 1;
        taken
    }
}

impl Draw for Script {
    fn word(&mut self) -> u64 {
        panic!("raw random bits cannot be enumerated: use chance, accept, below or choose")
    }
    fn fork(&mut self) -> Self {
        self.clone()
    }
    fn chance(&mut self, p: f64) -> bool {
        assert!(!p.is_nan(), "a probability is NaN");
        if p <= 0.0 || p >= 1.0 { p >= 1.0 } else { self.branch(&[1.0 - p, p]) == 1 }
    }
    fn accept(&mut self, x: f64) -> bool {
        !x.is_nan() && self.chance(libm::exp(-x))
    }
    fn below(&mut self, n: usize) -> usize {
        if n == 1 { 0 } else { self.branch(&vec![1.0; n]) }
    }
    fn choose(&mut self, weights: &[f64]) -> usize {
        self.branch(weights)
    }
}

/// What the exact transition matrix P of a kernel says.
#[derive(Clone, Copy, Debug)]
pub struct Law {
    /// max |π P - π|
    pub stationary: f64,
    /// max |πᵢ Pᵢⱼ - πⱼ Pⱼᵢ|: zero for a reversible kernel, not for ordered sweeps.
    pub reversible: f64,
    /// max |Σⱼ Pᵢⱼ - 1|
    pub normalised: f64,
    /// Every state leads to every other.
    pub irreducible: bool,
    /// Number of states.
    pub n_states: usize,
    /// Number of sequences of outcomes walked.
    pub n_paths: usize,
}

impl Law {
    /// Stationary to 1e-12, and irreducible: what every exact kernel at fixed temperature must be.
    pub fn holds(&self) -> bool {
        self.stationary < 1e-12 && self.normalised < 1e-12 && self.irreducible
    }
    /// [`Law::holds`], and detailed balance to 1e-12.
    pub fn holds_reversibly(&self) -> bool {
        self.holds() && self.reversible < 1e-12
    }
}

/// The law of one step of `kernel` on `energy` at `beta`, by enumeration.
///
/// Panics for more than 2⁸ states, for a kernel that is not a function of its draws, draws raw bits, or never ends.
pub fn law<E: Finite, K: Kernel<E>>(energy: &E, kernel: &K, beta: f64) -> Law {
    let n = energy.n_states().filter(|n| *n <= MAX_STATES);
    let n = n.unwrap_or_else(|| {
        panic!("{:?} states are too many to enumerate transitions: at most {MAX_STATES}", energy.n_states())
    });
    let ln_z = ln_z_exact(energy, beta).unwrap_or_else(|e| panic!("{e}"));
    let pi: Vec<f64> = (0..n).map(|i| libm::exp(-beta * energy.energy(&energy.state(i)) - ln_z)).collect();
    let mut p = vec![0.0; n * n];
    let mut n_paths = 0;
    for i in 0..n {
        assert_eq!(energy.index(&energy.state(i)), i, "index is not the inverse of state");
        n_paths += Script::walk(
            MAX_PATHS / n,
            |script| {
                let mut state = energy.state(i);
                kernel.clone().step(energy, &mut state, beta, script);
                energy.index(&state)
            },
            |j, probability| p[i * n + j] += probability,
        );
    }
    let mut law =
        Law { stationary: 0.0, reversible: 0.0, normalised: 0.0, irreducible: true, n_states: n, n_paths };
    for j in 0..n {
        let flow: f64 = (0..n).map(|i| pi[i] * p[i * n + j]).sum();
        law.stationary = law.stationary.max((flow - pi[j]).abs());
        law.normalised = law.normalised.max((p[j * n..(j + 1) * n].iter().sum::<f64>() - 1.0).abs());
        for i in 0..n {
            law.reversible = law.reversible.max((pi[i] * p[i * n + j] - pi[j] * p[j * n + i]).abs());
        }
    }
    for forward in [true, false] {
        let (mut seen, mut stack) = (vec![false; n], vec![0]);
        seen[0] = true;
        while let Some(i) = stack.pop() {
            for j in 0..n {
                if !seen[j] && (if forward { p[i * n + j] } else { p[j * n + i] }) > 0.0 {
                    seen[j] = true;
                    stack.push(j);
                }
            }
        }
        law.irreducible &= seen.iter().all(|&s| s);
    }
    law
}

/// `delta == E(after) - E(before)`: the largest error, relative to 1 + |E|, over a walk of `n` moves from `state`.
pub fn delta_error<E: LocalEnergy>(energy: &E, mut state: E::State, n: usize, rng: &mut impl Draw) -> f64 {
    let mut worst: f64 = 0.0;
    for _ in 0..n {
        let change = energy.propose(&state, rng);
        let before = energy.energy(&state);
        let delta = energy.delta(&state, &change);
        energy.apply(&mut state, &change);
        let after = energy.energy(&state);
        let error = (after - before - delta).abs() / (1.0 + before.abs().max(after.abs()));
        worst = if error.is_nan() { f64::INFINITY } else { worst.max(error) };
    }
    worst
}

/// ∇E against central differences, and the value against `energy`: the largest error relative to 1 + |gradient|.
pub fn gradient_error<U: Differentiable>(energy: &U, x: &[f64]) -> f64 {
    let mut scratch = U::Scratch::default();
    let mut g = vec![f64::NAN; x.len()];
    let value = energy.value_and_gradient(x, &mut g, &mut scratch);
    let mut y = x.to_vec();
    let mut worst = (value - energy.energy(&y)).abs() / (1.0 + value.abs());
    for i in 0..x.len() {
        let h = 1e-5 * (1.0 + x[i].abs());
        y[i] = x[i] + h;
        let up = energy.energy(&y);
        y[i] = x[i] - h;
        let down = energy.energy(&y);
        y[i] = x[i];
        let error = ((up - down) / (2.0 * h) - g[i]).abs() / (1.0 + g[i].abs());
        worst = if error.is_nan() { f64::INFINITY } else { worst.max(error) };
    }
    worst
}

/// A ladder of small systems is small: the same law covers tempering.
impl<E: Finite> Finite for crate::sample::Ladder<E> {
    fn n_states(&self) -> Option<usize> {
        self.energy.n_states()?.checked_pow(self.factors().len() as u32)
    }
    fn state(&self, mut index: usize) -> Self::State {
        let n = self.energy.n_states().unwrap_or(usize::MAX);
        let mut states = Vec::new();
        for _ in self.factors() {
            states.push(self.energy.state(index % n));
            index /= n;
        }
        crate::sample::Replicas::new(states)
    }
    fn index(&self, state: &Self::State) -> usize {
        let n = self.energy.n_states().unwrap_or(usize::MAX);
        state
            .states()
            .iter()
            .rev()
            .fold(0, |acc: usize, s| acc.wrapping_mul(n).wrapping_add(self.energy.index(s)))
    }
}
