//! Models with known free energies, and the gate that error bars must pass.

mod annealed;
mod bar;
mod histogram;
mod integration;
mod mbar;
mod work;

use crate::{
    energy::{Energy, Finite, LocalEnergy, Reference},
    estimate::Estimate,
    kernel::{Kernel, Step},
    rng::{Draw, Stream, Streams},
};

/// L x L Ising model on a torus, J = 1, each pair once, in a field.
pub(super) struct Ising {
    pub(super) l: usize,
    pub(super) field: f64,
}

impl Ising {
    fn neighbours(&self, i: usize) -> [usize; 4] {
        let l = self.l;
        let (x, y) = (i % l, i / l);
        [(x + 1) % l + y * l, x + (y + 1) % l * l, (x + l - 1) % l + y * l, x + (y + l - 1) % l * l]
    }
}

impl Energy for Ising {
    type State = Vec<i8>;
    fn energy(&self, s: &Vec<i8>) -> f64 {
        let bonds: i32 = (0..s.len())
            .map(|i| {
                let near = self.neighbours(i);
                i32::from(s[i]) * (i32::from(s[near[0]]) + i32::from(s[near[1]]))
            })
            .sum();
        let spins: i32 = s.iter().map(|s| i32::from(*s)).sum();
        -f64::from(bonds) - self.field * f64::from(spins)
    }
}

impl LocalEnergy for Ising {
    type Move = usize;
    fn propose<R: Draw>(&self, s: &Vec<i8>, rng: &mut R) -> usize {
        rng.below(s.len())
    }
    fn apply(&self, s: &mut Vec<i8>, &i: &usize) {
        s[i] = -s[i];
    }
    fn delta(&self, s: &Vec<i8>, &i: &usize) -> f64 {
        let near: i32 = self.neighbours(i).iter().map(|&j| i32::from(s[j])).sum();
        2.0 * f64::from(s[i]) * (f64::from(near) + self.field)
    }
}

impl Finite for Ising {
    fn n_states(&self) -> Option<usize> {
        Some(1 << (self.l * self.l))
    }
    fn state(&self, index: usize) -> Vec<i8> {
        (0..self.l * self.l).map(|i| if index >> i & 1 == 1 { 1 } else { -1 }).collect()
    }
    fn index(&self, s: &Vec<i8>) -> usize {
        s.iter().enumerate().map(|(i, s)| usize::from(*s > 0) << i).sum()
    }
}

impl Reference for Ising {
    fn draw<R: Draw>(&self, rng: &mut R) -> Vec<i8> {
        (0..self.l * self.l).map(|_| if rng.chance(0.5) { 1 } else { -1 }).collect()
    }
    fn ln_z_reference(&self) -> f64 {
        (self.l * self.l) as f64 * std::f64::consts::LN_2
    }
}

/// Single moves with Glauber's acceptance: ergodic at β = 0 too, where Metropolis flips every spin it picks, so that a
/// fixed number of attempts conserves the parity of the number of up spins.
#[derive(Clone)]
pub(super) struct Glauber(pub(super) usize);

impl<E: LocalEnergy> Kernel<E> for Glauber {
    fn step<R: Draw>(&mut self, energy: &E, state: &mut E::State, beta: f64, rng: &mut R) -> Step {
        let mut accepted = 0;
        for _ in 0..self.0 {
            let change = energy.propose(state, rng);
            if rng.chance(1.0 / (1.0 + libm::exp(beta * energy.delta(state, &change)))) {
                energy.apply(state, &change);
                accepted += 1;
            }
        }
        Step { proposed: self.0 as u64, accepted }
    }
}

/// Two levels, 0 and `gap`: Z = 1 + e^{-β gap}.
pub(super) struct TwoLevel {
    pub(super) gap: f64,
}

impl Energy for TwoLevel {
    type State = bool;
    fn energy(&self, up: &bool) -> f64 {
        if *up { self.gap } else { 0.0 }
    }
}

impl LocalEnergy for TwoLevel {
    type Move = ();
    fn propose<R: Draw>(&self, _: &bool, _: &mut R) {}
    fn apply(&self, up: &mut bool, _: &()) {
        *up = !*up;
    }
}

impl Reference for TwoLevel {
    fn draw<R: Draw>(&self, rng: &mut R) -> bool {
        rng.chance(0.5)
    }
    fn ln_z_reference(&self) -> f64 {
        std::f64::consts::LN_2
    }
}

/// ln Z, ⟨E⟩ and Var E of the 4x4 Ising model from its density of states (enumeration; 20524 is OEIS A364781).
pub(super) fn ising_4x4(beta: f64) -> (f64, f64, f64) {
    let g = [2.0, 0.0, 32.0, 64.0, 424.0, 1728.0, 6688.0, 13568.0, 20524.0];
    let (mut z, mut e1, mut e2) = (0.0, 0.0, 0.0);
    for i in 0..17 {
        let e = -32.0 + 4.0 * i as f64;
        let w = g[if i <= 8 { i } else { 16 - i }] * (-beta * (e + 32.0)).exp();
        z += w;
        e1 += w * e;
        e2 += w * e * e;
    }
    (z.ln() + 32.0 * beta, e1 / z, e2 / z - (e1 / z).powi(2))
}

/// Many results of one estimator on independent data: the error bars must be neither too small nor too large, and the
/// mean right. Gates at 5 standard deviations (false alarm 6e-7 each) of the mean and of the mean square of
/// normal z, plus `bias` for a known bias of z or a known excess of z².
pub(super) fn check_coverage(what: &str, expected: f64, bias: f64, estimates: &[Estimate]) {
    let n = estimates.len() as f64;
    let z: Vec<f64> = estimates.iter().map(|e| e.z(expected)).collect();
    let mean = z.iter().sum::<f64>() / n;
    let square = z.iter().map(|z| z * z).sum::<f64>() / n;
    assert!(mean.abs() < 5.0 / n.sqrt() + bias, "{what}: mean z = {mean} of {n}");
    assert!((square - 1.0).abs() < 5.0 * (2.0 / n).sqrt() + bias, "{what}: mean z² = {square} of {n}");
}

/// Independent normals.
pub(super) fn normals(rng: &mut Stream, n: usize, mean: f64, sd: f64) -> Vec<f64> {
    (0..n).map(|_| mean + sd * rng.normal()).collect()
}

pub(super) fn stream(purpose: &str, i: usize) -> Stream {
    Streams::new(20).stream(purpose, i as u64)
}

/// |a - b| <= tolerance max(1, |b|), with the values in the message.
pub(super) fn close(a: f64, b: f64, tolerance: f64) {
    assert!((a - b).abs() <= tolerance * b.abs().max(1.0), "{a} against {b}");
}
