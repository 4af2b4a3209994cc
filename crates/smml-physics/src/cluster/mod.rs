//! Cluster updates: Wolff's single cluster and Swendsen and Wang's all clusters, for Ising, Potts, clock, XY and
//! Heisenberg spins ([`Wolff`], [`SwendsenWang`]).
//!
//! Both are right for any couplings and fields. They are useful where the clusters are those of the correlations: on
//! ferromagnets, and on what a change of signs turns into one ([`Gauge`] decides that, and names a frustrated cycle
//! otherwise). Moves of two replicas together, for glasses, are in [`crate::kernels`].
//!
//! In a field one could join spins to a ghost spin whose bonds stand for the field. Here these bonds are summed over
//! instead of drawn, which moves at least as often: a Wolff cluster is flipped with the Metropolis probability of its
//! field energy, a Swendsen-Wang cluster takes its side with the heat-bath probability.

mod embedded;
mod gauge;
mod swendsen_wang;
#[cfg(test)]
mod tests;
mod union_find;
mod wolff;

pub use embedded::Embedded;
pub use gauge::{Frustrated, Gauge};
pub use swendsen_wang::SwendsenWang;
pub(crate) use union_find::UnionFind;
pub use wolff::Wolff;

/// 1 - exp(-x), remembered for the last x: with uniform couplings most bonds ask for the same.
#[derive(Clone, Copy)]
struct BondProbability {
    x: f64,
    p: f64,
}

impl BondProbability {
    fn new() -> Self {
        BondProbability { x: 0.0, p: 0.0 }
    }
    #[inline]
    fn of(&mut self, x: f64) -> f64 {
        if x != self.x {
            *self = BondProbability { x, p: -libm::expm1(-x) };
        }
        self.p
    }
}
