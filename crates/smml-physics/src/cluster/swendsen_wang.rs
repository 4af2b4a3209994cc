//! Swendsen and Wang's update of all clusters.
//!
//! Source: R. H. Swendsen and J.-S. Wang, Phys. Rev. Lett. 58, 86 (1987).

use super::{BondProbability, Embedded, Frustrated, Gauge, UnionFind};
use crate::{ising::Ising, spins::Potts};
use serde::{Deserialize, Serialize};
use smml_core::{
    graph::SparseGraph,
    kernel::{Kernel, Step},
    rng::Draw,
};

/// Joins spins by random bonds and draws every cluster anew. `Step` counts spins: proposed are all, accepted those
/// changed.
///
/// - Ising, clock, XY, Heisenberg ([`Embedded`]): a bond whose coupling is satisfied is set with probability
///   1 - exp(-2 β J cᵢ cⱼ), and each cluster is reflected with probability 1 / (1 + exp(β ΔE)), ΔE what that adds to the
///   energy of the fields (½ without). Reversible.
/// - [`Potts`]: a bond between equal spins is set with probability 1 - exp(-β J), and each cluster draws its value from
///   its distribution in the fields. Antiferromagnetic bonds (J < 0) set no bonds; the clusters then see each other
///   through them, and are drawn one after the other. Stationary, and reversible without such bonds.
///
/// On frustrated graphs it is right, but clusters soon fill the system: [`SwendsenWang::new`] refuses them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SwendsenWang {
    #[serde(skip)]
    sets: UnionFind,
    /// For every root, what reflecting its cluster costs.
    #[serde(skip)]
    cost: Vec<f64>,
    #[serde(skip)]
    reflected: Vec<bool>,
    #[serde(skip)]
    members: Members,
}

/// The spins of every cluster, cluster by cluster in the order of their smallest members.
#[derive(Clone, Debug, Default)]
struct Members {
    spins: Vec<u32>,
    /// Where in `spins` the cluster of each root ends.
    ends: Vec<u32>,
}

impl Members {
    fn gather(&mut self, sets: &mut UnionFind, n: usize) {
        self.ends.clear();
        self.ends.resize(n, 0);
        for i in 0..n as u32 {
            self.ends[sets.root(i) as usize] += 1;
        }
        let mut total = 0;
        for end in &mut self.ends {
            let size = *end;
            *end = total; // the start, which filling moves to the end
            total += size;
        }
        self.spins.clear();
        self.spins.resize(n, 0);
        for i in 0..n as u32 {
            let at = &mut self.ends[sets.root(i) as usize];
            self.spins[*at as usize] = i;
            *at += 1;
        }
    }
    fn clusters(&self) -> impl Iterator<Item = &[u32]> {
        let mut start = 0;
        self.ends.iter().filter_map(move |&end| {
            let cluster = &self.spins[start as usize..end as usize];
            start = end;
            (!cluster.is_empty()).then_some(cluster)
        })
    }
}

impl SwendsenWang {
    /// The update for a model that is a ferromagnet in some gauge. `SwendsenWang::default()` asks nothing.
    ///
    /// # Errors
    /// [`Frustrated`] with a cycle of spins (and the field) that cannot all be satisfied.
    pub fn new(ising: &Ising) -> Result<Self, Frustrated> {
        Gauge::of(ising).map(|_| SwendsenWang::default())
    }

    /// Sets bonds: with probability 1 - exp(-`strength`) where that is positive.
    fn bind<R: Draw>(
        &mut self,
        couplings: &SparseGraph,
        rng: &mut R,
        strength: impl Fn(u32, u32, f64) -> f64,
    ) {
        self.sets.reset(couplings.n_vertices());
        let mut bond = BondProbability::new();
        for (i, j, coupling) in couplings.edges() {
            let x = strength(i, j, coupling);
            if x > 0.0 && rng.chance(bond.of(x)) {
                self.sets.join(i, j);
            }
        }
    }
}

impl PartialEq for SwendsenWang {
    /// Scratch memory decides nothing.
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<E: Embedded> Kernel<E> for SwendsenWang {
    fn step<R: Draw>(&mut self, model: &E, s: &mut E::State, beta: f64, rng: &mut R) -> Step {
        let couplings = model.couplings();
        let n = couplings.n_vertices();
        let mirror = model.draw_mirror(rng);
        let component = |i: u32| model.component(s, i as usize, mirror);
        self.bind(couplings, rng, |i, j, coupling| 2.0 * beta * coupling * component(i) * component(j));
        self.cost.clear();
        self.cost.resize(n, 0.0);
        for i in 0..n {
            self.cost[self.sets.root(i as u32) as usize] += model.field_cost(s, i, mirror);
        }
        self.reflected.clear();
        self.reflected.resize(n, false);
        let mut changed = 0;
        for i in 0..n {
            // The root is the smallest member, so it is met first.
            let root = self.sets.root(i as u32) as usize;
            if root == i {
                let cost = beta * self.cost[i];
                self.reflected[i] = rng.chance(if cost == 0.0 { 0.5 } else { 1.0 / (1.0 + libm::exp(cost)) });
            }
            if self.reflected[root] {
                model.reflect(s, i, mirror);
                changed += 1;
            }
        }
        Step { proposed: n as u64, accepted: changed }
    }
}

impl Kernel<Potts> for SwendsenWang {
    fn step<R: Draw>(&mut self, potts: &Potts, s: &mut Vec<u8>, beta: f64, rng: &mut R) -> Step {
        let couplings = potts.couplings();
        let (n, q) = (couplings.n_vertices(), potts.n_values());
        let spins = &*s;
        self.bind(
            couplings,
            rng,
            |i, j, coupling| {
                if spins[i as usize] == spins[j as usize] { beta * coupling } else { 0.0 }
            },
        );
        self.members.gather(&mut self.sets, n);
        let (mut changed, mut energies) = (0, vec![0.0; q]);
        for cluster in self.members.clusters() {
            energies.fill(0.0);
            let mut flat = true;
            for &i in cluster {
                let i = i as usize;
                for (value, e) in energies.iter_mut().enumerate() {
                    let h = potts.field(i, value);
                    *e -= h;
                    flat &= h == 0.0;
                }
                let (neighbours, weights) = couplings.neighbours(i);
                for (&j, coupling) in neighbours.iter().zip(weights) {
                    // Inside a cluster such a bond is the same for all values.
                    if beta * coupling < 0.0 && self.sets.root(j) != self.sets.root(i as u32) {
                        energies[usize::from(s[j as usize])] -= coupling;
                        flat = false;
                    }
                }
            }
            let new = if flat {
                rng.below(q)
            } else {
                crate::spins::weigh(&mut energies, beta);
                rng.choose(&energies)
            } as u8;
            if s[cluster[0] as usize] != new {
                changed += cluster.len() as u64;
                cluster.iter().for_each(|&i| s[i as usize] = new);
            }
        }
        Step { proposed: n as u64, accepted: changed }
    }
}
