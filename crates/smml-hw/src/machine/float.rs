//! The machine in floating point: no rounding to a few bits, probabilities compared with 64 random bits.

use super::{
    chains::Chains,
    clocks::{PoissonClocks, check_time},
    sweep::{CHAINS, HELD},
    wiring::Wiring,
};
use crate::error::{Error, Result};
use smml_core::{error::same_length, graph::SparseGraph, rng::Draw};
use smml_physics::{
    ising::Ising,
    lanes::{LaneBetas, RealLaneModel, RealLaneSpins, RealLaneSweep},
};
use std::sync::Arc;

/// Couplings and fields of E(s) = -Σ_{edges} Jᵢⱼ sᵢ sⱼ - Σᵢ hᵢ sᵢ, s = ±1, on a [`Wiring`], swept colour by colour by the
/// engine of `smml_physics::lanes::RealLaneSweep`: couplings are rounded to a part of 2⁻²³ of the largest local field, and
/// what is sampled is exact for them. It says what a [`FixedNetwork`](super::FixedNetwork) loses by its few bits.
#[derive(Clone, Debug)]
pub struct FloatNetwork {
    wiring: Arc<Wiring>,
    /// Nodes in the order of the colours.
    model: RealLaneModel,
    /// Nodes as they are numbered, for updates of one node.
    ising: Ising,
}

impl FloatNetwork {
    /// `couplings` in the order of [`SparseGraph::edges`] of the wiring's graph, `fields` by node.
    ///
    /// Errors: other numbers of couplings or fields; a number that is not finite; fields beyond all scales.
    pub fn new(wiring: Arc<Wiring>, couplings: &[f64], fields: &[f64]) -> Result<Self> {
        same_length("couplings", couplings.len(), wiring.n_edges())?;
        same_length("fields", fields.len(), wiring.n_nodes())?;
        let mut place = vec![0; wiring.n_nodes()];
        wiring.order().iter().zip(0..).for_each(|(node, k)| place[*node as usize] = k);
        let edges: Vec<(u32, u32, f64)> = wiring
            .graph()
            .edges()
            .zip(couplings)
            .map(|((i, j, _), w)| (place[i as usize], place[j as usize], *w))
            .collect();
        let in_order = wiring.order().iter().map(|node| fields[*node as usize]).collect();
        let sorted = Ising::on_graph(SparseGraph::new(wiring.n_nodes(), &edges)?, in_order)?;
        let mut weights = couplings.iter();
        let graph = wiring.graph().map_weights(|_, _, _| weights.next().copied().unwrap_or(0.0))?;
        let ising = Ising::on_graph(graph, fields.to_vec())?;
        Ok(FloatNetwork { model: RealLaneModel::new(&sorted)?, ising, wiring })
    }
    /// The wires.
    pub fn wiring(&self) -> &Arc<Wiring> {
        &self.wiring
    }
    /// `n_sweeps` sweeps over the nodes that `free` says, colour by colour; the others keep their values. `betas` has one β
    /// for all chains, or one for each of the 64.
    ///
    /// Errors: lengths that do not fit; a β that is negative or not a number.
    pub fn sweep<R: Draw>(
        &self,
        chains: &mut Chains,
        betas: &[f64],
        free: &[bool],
        n_sweeps: usize,
        rng: &mut R,
    ) -> Result<()> {
        let n = self.wiring.n_nodes();
        same_length("nodes of the chains", chains.n_nodes(), n)?;
        same_length("free nodes", free.len(), n)?;
        let betas = match betas {
            [beta] => LaneBetas::Same(*beta),
            _ => {
                same_length("inverse temperatures", betas.len(), CHAINS)?;
                LaneBetas::Each(betas.to_vec())
            }
        };
        let order = self.wiring.order();
        let held: Vec<bool> = order.iter().map(|node| !free[*node as usize]).collect();
        let mut spins = RealLaneSpins::new(order.iter().map(|i| chains.words()[*i as usize]).collect())?;
        for _ in 0..n_sweeps {
            RealLaneSweep::heat_bath().sweep_holding(&self.model, &mut spins, &betas, &held, rng)?;
        }
        for (node, word) in order.iter().zip(spins.words()) {
            chains.set(*node as usize, word);
        }
        Ok(())
    }
    /// Lets `time` sweeps pass on clocks of the nodes' own, as [`Chains::run`] does in fixed point. Every node that rings is
    /// drawn with σ(2 β f) in f64, f its local field with the couplings as they were given: slower than sweeps, and the measure
    /// of what others lose.
    ///
    /// Errors: as [`FloatNetwork::sweep`]; clocks of nodes that are not there; a time that is negative, not a number or above
    /// 10⁹.
    pub fn run<R: Draw>(
        &self,
        chains: &mut Chains,
        betas: &[f64],
        clocks: &mut PoissonClocks,
        time: f64,
        rng: &mut R,
    ) -> Result<()> {
        same_length("nodes of the chains", chains.n_nodes(), self.wiring.n_nodes())?;
        if betas.len() != 1 {
            same_length("inverse temperatures", betas.len(), CHAINS)?;
        }
        if let Some(beta) = betas.iter().find(|beta| !(**beta >= 0.0)) {
            return Err(Error::out_of_range("beta", beta, "at least 0"));
        }
        if let Some(i) = clocks.beyond(&self.wiring) {
            let allowed = format!("below {}", self.wiring.n_nodes());
            return Err(Error::out_of_range("node with a clock", i, allowed));
        }
        check_time(time)?;
        let mut left = time;
        while left > 0.0 {
            // Held nodes keep their states; nothing is drawn for them.
            for node in clocks.advance(left.min(1.0), rng)?.into_iter().filter(|i| i & HELD == 0) {
                let i = node as usize;
                let (ends, couplings) = self.ising.couplings().neighbours(i);
                let mut word = 0;
                for chain in 0..CHAINS {
                    let spin = |j: u32| if chains.is_up(j as usize, chain) { 1.0 } else { -1.0 };
                    let around: f64 = ends.iter().zip(couplings).map(|(j, w)| w * spin(*j)).sum();
                    let beta = betas[if betas.len() == 1 { 0 } else { chain }];
                    let x = 2.0 * beta * (around + self.ising.fields()[i]);
                    word |= u64::from(rng.chance(1.0 / (1.0 + libm::exp(-x)))) << chain;
                }
                chains.set(i, word);
            }
            left -= 1.0;
        }
        Ok(())
    }
}
