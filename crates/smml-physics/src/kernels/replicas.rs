//! Moves of two replicas of one Ising model together, for glasses, where clusters of one replica fill the system.
//!
//! The replicas are the rungs of a [`Ladder`]; rungs 0 and 1 are a pair, 2 and 3, and so on (an odd rung out is left
//! alone). Two replicas at each temperature of a tempering run make the ladder of factors f₀, f₀, f₁, f₁, ... The
//! overlap of two spins is qᵢ = sᵢᵃ sᵢᵇ.

use crate::{cluster::UnionFind, ising::Ising};
use serde::{Deserialize, Serialize};
use smml_core::{
    kernel::{Kernel, Step},
    rng::Draw,
    sample::{Ladder, Replicas},
};

/// Calls `f(state a, state b, factor a, factor b)` for every pair of rungs.
fn pairs(
    ladder: &Ladder<Ising>,
    replicas: &mut Replicas<Vec<i8>>,
    mut f: impl FnMut(&mut [i8], &mut [i8], f64, f64) -> Step,
) -> Step {
    let mut done = Step::default();
    for (states, factors) in replicas.states_mut().chunks_exact_mut(2).zip(ladder.factors().chunks_exact(2)) {
        if let [a, b] = states {
            done += f(a, b, factors[0], factors[1]);
        }
    }
    done
}

/// Houdayer's isoenergetic cluster move (J. Houdayer, Eur. Phys. J. B 22, 479 (2001); with tempering Z. Zhu, A. J. Ochoa
/// and H. G. Katzgraber, Phys. Rev. Lett. 115, 077201 (2015)).
///
/// In every pair a random spin with qᵢ = -1 is drawn, and its cluster, all that is joined to it through couplings (other
/// than 0) between spins with q = -1, is exchanged between the replicas. The sum of the two energies stays as it is,
/// fields included, and so do all qᵢ. Between two temperatures (unequal factors) the exchange passes a Metropolis test.
///
/// Reversible. Alone it does not reach every state: use it beside single flips. Where most spins of a lattice above two
/// dimensions have q = -1 the cluster spans it, and the move exchanges the replicas.
///
/// `Step` counts spins: proposed are those of the clusters, accepted those exchanged.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Houdayer {
    #[serde(skip)]
    cluster: Vec<u32>,
    #[serde(skip)]
    joined: Vec<bool>,
}

impl Houdayer {
    fn pair<R: Draw>(
        &mut self,
        ising: &Ising,
        [a, b]: [&mut [i8]; 2],
        [beta_a, beta_b]: [f64; 2],
        rng: &mut R,
    ) -> Step {
        let unlike: Vec<u32> = (0..a.len() as u32).filter(|&i| a[i as usize] != b[i as usize]).collect();
        if unlike.is_empty() {
            return Step::default();
        }
        self.joined.clear();
        self.joined.resize(a.len(), false);
        self.cluster.clear();
        let seed = unlike[rng.below(unlike.len())];
        self.joined[seed as usize] = true;
        self.cluster.push(seed);
        let mut at = 0;
        while let Some(&i) = self.cluster.get(at) {
            at += 1;
            let (neighbours, couplings) = ising.couplings().neighbours(i as usize);
            for (&j, &coupling) in neighbours.iter().zip(couplings) {
                let k = j as usize;
                if coupling != 0.0 && !self.joined[k] && a[k] != b[k] {
                    self.joined[k] = true;
                    self.cluster.push(j);
                }
            }
        }
        let accepted = beta_a == beta_b || {
            // What replica a gains, replica b loses.
            let mut change = 0.0;
            for &i in &self.cluster {
                let i = i as usize;
                let mut field = ising.fields()[i];
                let (neighbours, couplings) = ising.couplings().neighbours(i);
                for (&j, coupling) in neighbours.iter().zip(couplings) {
                    if !self.joined[j as usize] {
                        field += coupling * f64::from(a[j as usize]);
                    }
                }
                change += 2.0 * f64::from(a[i]) * field;
            }
            rng.accept((beta_a - beta_b) * change)
        };
        if accepted {
            for &i in &self.cluster {
                std::mem::swap(&mut a[i as usize], &mut b[i as usize]);
            }
        }
        let size = self.cluster.len() as u64;
        Step { proposed: size, accepted: if accepted { size } else { 0 } }
    }
}

impl Kernel<Ladder<Ising>> for Houdayer {
    fn step<R: Draw>(
        &mut self,
        ladder: &Ladder<Ising>,
        replicas: &mut Replicas<Vec<i8>>,
        beta: f64,
        rng: &mut R,
    ) -> Step {
        pairs(ladder, replicas, |a, b, f, g| self.pair(&ladder.energy, [a, b], [beta * f, beta * g], rng))
    }
}

/// Jörg's cluster move (T. Jörg, Prog. Theor. Phys. Suppl. 157, 349 (2005)): Houdayer's clusters split further, so that
/// they do not span the system in three dimensions.
///
/// At fixed qᵢ the replicas together are one Ising model with couplings (β_a + β_b) Jᵢⱼ between spins of equal q. Among
/// the spins with q = -1 bonds that are satisfied are set with probability 1 - exp(-2 (β_a + β_b) |Jᵢⱼ|), and each
/// cluster is exchanged with the heat-bath probability: ½ at equal temperatures, where spins with q = -1 feel no others
/// and no field.
///
/// Reversible; all qᵢ stay, so alone it does not reach every state. `Step` counts spins: proposed are those with
/// q = -1, accepted those exchanged.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Joerg {
    #[serde(skip)]
    sets: UnionFind,
    #[serde(skip)]
    cost: Vec<f64>,
    #[serde(skip)]
    exchanged: Vec<bool>,
}

impl Joerg {
    fn pair<R: Draw>(
        &mut self,
        ising: &Ising,
        [a, b]: [&mut [i8]; 2],
        [beta_a, beta_b]: [f64; 2],
        rng: &mut R,
    ) -> Step {
        let n = a.len();
        let unlike: Vec<bool> = (0..n).map(|i| a[i] != b[i]).collect();
        self.sets.reset(n);
        for (i, j, coupling) in ising.couplings().edges() {
            if unlike[i as usize] && unlike[j as usize] {
                let x = (beta_a + beta_b) * coupling * f64::from(a[i as usize] * a[j as usize]);
                if x > 0.0 && rng.chance(-libm::expm1(-2.0 * x)) {
                    self.sets.join(i, j);
                }
            }
        }
        // Spins of equal replicas act as a field, of strength β_a in one replica and -β_b in the other.
        let difference = beta_a - beta_b;
        self.cost.clear();
        self.cost.resize(n, 0.0);
        if difference != 0.0 {
            for i in (0..n).filter(|&i| unlike[i]) {
                let mut field = ising.fields()[i];
                let (neighbours, couplings) = ising.couplings().neighbours(i);
                for (&j, coupling) in neighbours.iter().zip(couplings) {
                    if !unlike[j as usize] {
                        field += coupling * f64::from(a[j as usize]);
                    }
                }
                self.cost[self.sets.root(i as u32) as usize] += 2.0 * difference * f64::from(a[i]) * field;
            }
        }
        self.exchanged.clear();
        self.exchanged.resize(n, false);
        let mut done = Step::default();
        for i in (0..n).filter(|&i| unlike[i]) {
            // The root is the smallest member, so it is met first.
            let root = self.sets.root(i as u32) as usize;
            if root == i {
                self.exchanged[i] = rng.chance(1.0 / (1.0 + libm::exp(self.cost[i])));
            }
            done.proposed += 1;
            if self.exchanged[root] {
                std::mem::swap(&mut a[i], &mut b[i]);
                done.accepted += 1;
            }
        }
        done
    }
}

impl Kernel<Ladder<Ising>> for Joerg {
    fn step<R: Draw>(
        &mut self,
        ladder: &Ladder<Ising>,
        replicas: &mut Replicas<Vec<i8>>,
        beta: f64,
        rng: &mut R,
    ) -> Step {
        pairs(ladder, replicas, |a, b, f, g| self.pair(&ladder.energy, [a, b], [beta * f, beta * g], rng))
    }
}

/// The two-replica cluster algorithm of Chayes, Machta and Redner (O. Redner, J. Machta and L. F. Chayes, Phys. Rev. E
/// 58, 2749 (1998); L. Chayes, J. Machta and O. Redner, J. Stat. Phys. 93, 17 (1998)).
///
/// A coupling satisfied in both replicas sets a blue bond with probability 1 - exp(-4 β |J|), one satisfied in exactly
/// one of them a red bond with probability 1 - exp(-2 β |J|). Spins joined by bonds of either colour are grey
/// components: in each the second replica is reversed with probability ½, which keeps all q or reverses them together.
/// Spins joined by blue bonds are blue clusters: in each both replicas are reversed with probability ½. Fields are bonds
/// to a ghost spin that is never reversed.
///
/// Reversible, and reaches every state. Only pairs at equal temperatures (equal factors) are moved; others stay as they
/// are, and count no spins. `Step` counts spins of both replicas.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ChayesMachtaRedner {
    #[serde(skip)]
    blue: UnionFind,
    #[serde(skip)]
    grey: UnionFind,
    #[serde(skip)]
    reversed: Vec<bool>,
}

impl ChayesMachtaRedner {
    fn pair<R: Draw>(&mut self, ising: &Ising, [a, b]: [&mut [i8]; 2], beta: f64, rng: &mut R) -> Step {
        let n = a.len();
        let ghost = n as u32;
        self.blue.reset(n + 1);
        self.grey.reset(n + 1);
        let spin = |s: &[i8], i: u32| s.get(i as usize).copied().map_or(1.0, f64::from);
        let fields = ising.fields().iter().enumerate().filter(|(_, h)| **h != 0.0);
        for (i, j, coupling) in ising.couplings().edges().chain(fields.map(|(i, h)| (i as u32, ghost, *h))) {
            let x = beta * coupling;
            let in_a = x * spin(a, i) * spin(a, j) > 0.0;
            let in_b = x * spin(b, i) * spin(b, j) > 0.0;
            if in_a && in_b && rng.chance(-libm::expm1(-4.0 * x.abs())) {
                self.blue.join(i, j);
                self.grey.join(i, j);
            } else if in_a != in_b && rng.chance(-libm::expm1(-2.0 * x.abs())) {
                self.grey.join(i, j);
            }
        }
        let mut done = Step { proposed: 2 * n as u64, accepted: 0 };
        for (sets, both) in [(&mut self.grey, false), (&mut self.blue, true)] {
            let fixed = sets.root(ghost);
            self.reversed.clear();
            self.reversed.resize(n, false);
            for i in 0..n {
                // The root is the smallest member, so it is met first.
                let root = sets.root(i as u32);
                if root as usize == i && root != fixed {
                    self.reversed[i] = rng.chance(0.5);
                }
                if self.reversed[root as usize] {
                    b[i] = -b[i];
                    done.accepted += 1;
                    if both {
                        a[i] = -a[i];
                        done.accepted += 1;
                    }
                }
            }
        }
        done
    }
}

impl Kernel<Ladder<Ising>> for ChayesMachtaRedner {
    fn step<R: Draw>(
        &mut self,
        ladder: &Ladder<Ising>,
        replicas: &mut Replicas<Vec<i8>>,
        beta: f64,
        rng: &mut R,
    ) -> Step {
        pairs(ladder, replicas, |a, b, f, g| {
            if f == g { self.pair(&ladder.energy, [a, b], beta * f, rng) } else { Step::default() }
        })
    }
}
