//! The two moves between replicas: exchange of temperatures, and isoenergetic clusters.

use crate::{ising::Ising, lanes::LaneSpins};
use smml_core::{kernel::Step, rng::Draw};

/// Exchange between rungs r and r + 1 for r = `parity`, `parity` + 2, ..., of one ladder: replicas a and b on them trade
/// rungs with probability min(1, exp((β_b - β_a)(E_b - E_a))). `rungs` says the rung of every replica, `swaps` counts for
/// every r.
pub(super) fn exchange<R: Draw>(
    betas: &[f64],
    rungs: &mut [usize],
    energies: &[f64],
    parity: usize,
    swaps: &mut [Step],
    rng: &mut R,
) {
    let mut on = vec![0; betas.len()];
    for (replica, rung) in rungs.iter().enumerate() {
        on[*rung] = replica;
    }
    for r in (parity..betas.len().saturating_sub(1)).step_by(2) {
        let (a, b) = (on[r], on[r + 1]);
        // Trading rungs changes Σ β E by (β_{r+1} - β_r)(E_a - E_b).
        let accepted = rng.accept((betas[r + 1] - betas[r]) * (energies[a] - energies[b]));
        if accepted {
            rungs.swap(a, b);
        }
        swaps[r] += Step { proposed: 1, accepted: u64::from(accepted) };
    }
}

/// What the clusters need to remember, so that nothing is allocated in between.
#[derive(Clone, Debug, Default)]
pub(super) struct Clusters {
    /// Spins of the kind that is traded, and whether a spin is one of them and not in the cluster yet.
    members: Vec<u32>,
    is_member: Vec<bool>,
    cluster: Vec<u32>,
}

impl Clusters {
    /// Houdayer's move for replicas `a` and `b` at one temperature: a random spin that differs between them is drawn, and
    /// it and all spins that differ and are joined to it through couplings other than 0 are turned in both. The sum of the
    /// energies stays, fields included.
    ///
    /// Where the model `is_symmetric` and more than half of the spins differ, those that are alike take the part of those
    /// that differ (as if one replica were reversed before and after), so the cluster is never more than half of all.
    /// Which spins differ is not changed, so neither is the choice: the move is its own reverse.
    ///
    /// Returns the number of spins turned.
    pub(super) fn step<R: Draw>(
        &mut self,
        ising: &Ising,
        is_symmetric: bool,
        spins: &mut LaneSpins,
        [a, b]: [usize; 2],
        rng: &mut R,
    ) -> usize {
        self.is_member.clear();
        self.is_member.extend(spins.unlike([a, b]));
        let n_unlike = self.is_member.iter().filter(|unlike| **unlike).count();
        if is_symmetric && 2 * n_unlike > ising.n_spins() {
            self.is_member.iter_mut().for_each(|unlike| *unlike = !*unlike);
        }
        self.members.clear();
        let members = self.is_member.iter().enumerate().filter(|(_, member)| **member);
        self.members.extend(members.map(|(i, _)| i as u32));
        if self.members.is_empty() {
            return 0;
        }
        let seed = self.members[rng.below(self.members.len())];
        self.cluster.clear();
        self.cluster.push(seed);
        self.is_member[seed as usize] = false;
        let mut at = 0;
        while let Some(&i) = self.cluster.get(at) {
            at += 1;
            let (neighbours, couplings) = ising.couplings().neighbours(i as usize);
            for (&j, &coupling) in neighbours.iter().zip(couplings) {
                if coupling != 0.0 && self.is_member[j as usize] {
                    self.is_member[j as usize] = false;
                    self.cluster.push(j);
                }
            }
        }
        spins.turn(&self.cluster, [a, b]);
        self.cluster.len()
    }
}
