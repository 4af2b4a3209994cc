//! Ising variables inside other spins: what cluster updates need to know of a model.

use crate::{
    ising::Ising,
    spins::{Clock, VectorModel, directions, vector::dot},
};
use smml_core::{energy::Energy, graph::SparseGraph, rng::Draw};

/// A model whose spins can be reflected in a common mirror, so that E = -Σ Jᵢⱼ cᵢ cⱼ + (what reflections leave alone) +
/// (fields), where a reflection changes the sign of cᵢ (U. Wolff, Phys. Rev. Lett. 62, 361 (1989)).
pub trait Embedded: Energy {
    /// A mirror, the same for all spins of a step.
    type Mirror: Copy;
    /// The couplings Jᵢⱼ.
    fn couplings(&self) -> &SparseGraph;
    /// A random mirror; the distribution does not depend on the state.
    fn draw_mirror<R: Draw>(&self, rng: &mut R) -> Self::Mirror;
    /// cᵢ
    fn component(&self, s: &Self::State, i: usize, mirror: Self::Mirror) -> f64;
    /// Reflects spin `i`.
    fn reflect(&self, s: &mut Self::State, i: usize, mirror: Self::Mirror);
    /// What reflecting spin `i` adds to the energy of the fields.
    fn field_cost(&self, s: &Self::State, i: usize, mirror: Self::Mirror) -> f64;
}

/// The spin itself.
impl Embedded for Ising {
    type Mirror = ();
    fn couplings(&self) -> &SparseGraph {
        Ising::couplings(self)
    }
    fn draw_mirror<R: Draw>(&self, _: &mut R) {}
    fn component(&self, s: &Vec<i8>, i: usize, (): ()) -> f64 {
        f64::from(s[i])
    }
    fn reflect(&self, s: &mut Vec<i8>, i: usize, (): ()) {
        s[i] = -s[i];
    }
    fn field_cost(&self, s: &Vec<i8>, i: usize, (): ()) -> f64 {
        2.0 * self.fields()[i] * f64::from(s[i])
    }
}

/// Mirror m of q: direction k goes to m - k.
impl Embedded for Clock {
    type Mirror = usize;
    fn couplings(&self) -> &SparseGraph {
        Clock::couplings(self)
    }
    fn draw_mirror<R: Draw>(&self, rng: &mut R) -> usize {
        rng.below(self.n_values())
    }
    fn component(&self, s: &Vec<u8>, i: usize, m: usize) -> f64 {
        self.across(s[i], m)
    }
    fn reflect(&self, s: &mut Vec<u8>, i: usize, m: usize) {
        s[i] = self.mirrored(s[i], m);
    }
    fn field_cost(&self, s: &Vec<u8>, i: usize, m: usize) -> f64 {
        let (h, from) = (self.fields()[i], self.direction(s[i]));
        let to = self.direction(self.mirrored(s[i], m));
        dot(&h, &from) - dot(&h, &to)
    }
}

/// A unit vector at right angles to the mirror.
impl<const N: usize> Embedded for VectorModel<N> {
    type Mirror = [f64; N];
    fn couplings(&self) -> &SparseGraph {
        VectorModel::couplings(self)
    }
    fn draw_mirror<R: Draw>(&self, rng: &mut R) -> [f64; N] {
        directions::uniform(rng)
    }
    fn component(&self, s: &Vec<[f64; N]>, i: usize, r: [f64; N]) -> f64 {
        dot(&s[i], &r)
    }
    fn reflect(&self, s: &mut Vec<[f64; N]>, i: usize, r: [f64; N]) {
        let along = 2.0 * dot(&s[i], &r);
        let reflected: [f64; N] = std::array::from_fn(|k| s[i][k] - along * r[k]);
        // One Newton step towards length 1: rounding does not gather.
        let scale = 1.5 - 0.5 * dot(&reflected, &reflected);
        s[i] = reflected.map(|x| scale * x);
    }
    fn field_cost(&self, s: &Vec<[f64; N]>, i: usize, r: [f64; N]) -> f64 {
        2.0 * dot(&self.fields()[i], &r) * dot(&s[i], &r)
    }
}
