//! Dynamics by splitting. A model says how to drift, kick and refresh its momenta; every integrator is an order of
//! these.

use crate::rng::Draw;

/// An energy on phase space, H = U(x) + Σ p²/2m, that knows the flows of its two parts.
pub trait Hamiltonian: crate::energy::Energy {
    /// x += dt p / m
    fn drift(&self, state: &mut Self::State, dt: f64);
    /// p += dt F(x)
    fn kick(&self, state: &mut Self::State, dt: f64);
    /// p = keep p + √((1 - keep²) m / β) ξ
    fn refresh<R: Draw>(&self, state: &mut Self::State, keep: f64, beta: f64, rng: &mut R);
    /// p = -p
    fn reverse(&self, state: &mut Self::State);
}
