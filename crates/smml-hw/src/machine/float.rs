//! The machine in floating point: no rounding to a few bits, probabilities compared with 64 random bits.

use super::{chains::Chains, sweep::CHAINS, wiring::Wiring};
use crate::error::Result;
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
        let fields = wiring.order().iter().map(|node| fields[*node as usize]).collect();
        let ising = Ising::on_graph(SparseGraph::new(wiring.n_nodes(), &edges)?, fields)?;
        Ok(FloatNetwork { model: RealLaneModel::new(&ising)?, wiring })
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
}
