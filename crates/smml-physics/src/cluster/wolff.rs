//! Wolff's single-cluster update.
//!
//! Source: U. Wolff, Phys. Rev. Lett. 62, 361 (1989).

use super::{BondProbability, Embedded, Frustrated, Gauge};
use crate::{
    ising::{Ferromagnet, Ising},
    spins::Potts,
};
use serde::{Deserialize, Serialize};
use smml_core::{
    kernel::{Kernel, Step},
    rng::Draw,
};

/// Grows one cluster from a random spin. Reversible. `Step` counts spins: proposed are those of the cluster, accepted
/// those changed.
///
/// - Ising, clock, XY, Heisenberg ([`Embedded`]): a bond whose coupling is satisfied joins with probability
///   1 - exp(-2 β J cᵢ cⱼ). The cluster is reflected at once; with fields, this passes a Metropolis test on the field
///   energy.
/// - [`Potts`]: a bond between equal spins joins with probability 1 - exp(-β J), and the cluster takes another value,
///   each with the same probability; what fields and antiferromagnetic bonds (J < 0) say is the business of a Metropolis
///   test.
///
/// On frustrated graphs it is right, but clusters soon fill the system: [`Wolff::new`] refuses them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Wolff {
    #[serde(skip)]
    stack: Vec<u32>,
    /// All false between steps. A mark of its own is needed: where couplings are frustrated, the sign of a spin does
    /// not tell whether it is in the cluster.
    #[serde(skip)]
    joined: Vec<bool>,
    #[serde(skip)]
    cluster: Vec<u32>,
    /// The spins of a cluster in the order in which they joined, in a list of full length.
    #[serde(skip)]
    queue: Vec<u32>,
}

impl Wolff {
    /// The update for a model that is a ferromagnet in some gauge. `Wolff::default()` asks nothing.
    ///
    /// # Errors
    /// [`Frustrated`] with a cycle of spins (and the field) that cannot all be satisfied.
    pub fn new(ising: &Ising) -> Result<Self, Frustrated> {
        Gauge::of(ising).map(|_| Wolff::default())
    }
    fn join(&mut self, i: u32) {
        self.joined[i as usize] = true;
        self.stack.push(i);
        self.cluster.push(i);
    }
    fn start(&mut self, n: usize, seed: usize) {
        self.joined.resize(n, false);
        self.cluster.clear();
        self.join(seed as u32);
    }
    fn done(&mut self, accepted: bool) -> Step {
        self.cluster.iter().for_each(|&i| self.joined[i as usize] = false);
        let size = self.cluster.len() as u64;
        Step { proposed: size, accepted: if accepted { size } else { 0 } }
    }
}

impl PartialEq for Wolff {
    /// Scratch memory decides nothing.
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<E: Embedded> Kernel<E> for Wolff {
    fn step<R: Draw>(&mut self, model: &E, s: &mut E::State, beta: f64, rng: &mut R) -> Step {
        let couplings = model.couplings();
        let mirror = model.draw_mirror(rng);
        self.start(couplings.n_vertices(), rng.below(couplings.n_vertices()));
        let mut bond = BondProbability::new();
        while let Some(i) = self.stack.pop() {
            let here = model.component(s, i as usize, mirror);
            let (neighbours, weights) = couplings.neighbours(i as usize);
            for (&j, coupling) in neighbours.iter().zip(weights) {
                if self.joined[j as usize] {
                    continue;
                }
                let satisfied = beta * coupling * here * model.component(s, j as usize, mirror);
                if satisfied > 0.0 && rng.chance(bond.of(2.0 * satisfied)) {
                    self.join(j);
                }
            }
        }
        let cost: f64 = self.cluster.iter().map(|&i| model.field_cost(s, i as usize, mirror)).sum();
        let accepted = rng.accept(beta * cost);
        if accepted {
            self.cluster.iter().for_each(|&i| model.reflect(s, i as usize, mirror));
        }
        self.done(accepted)
    }
}

/// Spins are reflected as they join, which also marks them. Two things make it fast. Whether a neighbour joins is decided
/// without a branch: which way a branch would go cannot be foreseen, and costs more than a random number. And spins wait in
/// a queue, not on a stack: which spin is next does not hang on the one before, so that the processor works on several.
/// Does nothing at β < 0, where no spins would join.
impl Kernel<Ferromagnet> for Wolff {
    fn step<R: Draw>(&mut self, model: &Ferromagnet, s: &mut Vec<i8>, beta: f64, rng: &mut R) -> Step {
        if !(beta >= 0.0) {
            return Step::default();
        }
        let p = -libm::expm1(-2.0 * beta * model.coupling());
        self.queue.resize(model.n_spins(), 0);
        let seed = rng.below(model.n_spins());
        let old = s[seed];
        s[seed] = -old;
        self.queue[0] = seed as u32;
        let (mut next, mut size) = (0, 1);
        while next < size {
            for &j in model.neighbours(self.queue[next] as usize) {
                let spin = &mut s[j as usize];
                let joins = rng.chance(p) & (*spin == old);
                *spin = if joins { -old } else { *spin };
                // There is room for all that join; past the last there is nothing to write.
                if let Some(place) = self.queue.get_mut(size) {
                    *place = j;
                }
                size += usize::from(joins);
            }
            next += 1;
        }
        Step { proposed: size as u64, accepted: size as u64 }
    }
}

impl Kernel<Potts> for Wolff {
    fn step<R: Draw>(&mut self, potts: &Potts, s: &mut Vec<u8>, beta: f64, rng: &mut R) -> Step {
        let couplings = potts.couplings();
        let seed = rng.below(couplings.n_vertices());
        let (q, old) = (potts.n_values(), s[seed]);
        let new = ((usize::from(old) + 1 + rng.below(q - 1)) % q) as u8;
        self.start(couplings.n_vertices(), seed);
        let mut bond = BondProbability::new();
        while let Some(i) = self.stack.pop() {
            let (neighbours, weights) = couplings.neighbours(i as usize);
            for (&j, coupling) in neighbours.iter().zip(weights) {
                let bound = beta * coupling;
                if !self.joined[j as usize]
                    && s[j as usize] == old
                    && bound > 0.0
                    && rng.chance(bond.of(bound))
                {
                    self.join(j);
                }
            }
        }
        // Bonds that attract are accounted for by the growth; what is left is the cost of the others and of the fields.
        let mut cost = 0.0;
        for &i in &self.cluster {
            let i = i as usize;
            cost += potts.field(i, usize::from(old)) - potts.field(i, usize::from(new));
            let (neighbours, weights) = couplings.neighbours(i);
            for (&j, coupling) in neighbours.iter().zip(weights) {
                let j = j as usize;
                if beta * coupling < 0.0 && !self.joined[j] {
                    cost += coupling * f64::from(i8::from(s[j] == old) - i8::from(s[j] == new));
                }
            }
        }
        let accepted = rng.accept(beta * cost);
        if accepted {
            self.cluster.iter().for_each(|&i| s[i as usize] = new);
        }
        self.done(accepted)
    }
}
