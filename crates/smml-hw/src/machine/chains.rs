//! 64 chains of a machine.

use super::{
    clocks::{PoissonClocks, check_time},
    moments::Moments,
    network::FixedNetwork,
    sweep::{CHAINS, Gains, HELD, sweep},
};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use smml_core::{
    error::same_length,
    rng::{Draw, WideStream},
};

/// The states of [`CHAINS`] chains: of every node a word whose bit c says whether it is up in chain c.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chains {
    words: Vec<u64>,
}

impl Chains {
    /// From one word for each node.
    pub fn from_words(words: Vec<u64>) -> Self {
        Chains { words }
    }
    /// All nodes random.
    pub fn random<R: Draw>(n_nodes: usize, rng: &mut R) -> Self {
        Chains { words: (0..n_nodes).map(|_| rng.word()).collect() }
    }
    /// Number of nodes.
    pub fn n_nodes(&self) -> usize {
        self.words.len()
    }
    /// One word for each node.
    pub fn words(&self) -> &[u64] {
        &self.words
    }
    /// The word of a node: what is clamped is set here, and left out of the order of sweeps.
    ///
    /// # Panics
    /// When there is no such node.
    pub fn set(&mut self, node: usize, word: u64) {
        self.words[node] = word;
    }
    /// Whether a node is up.
    ///
    /// # Panics
    /// When there is no such node.
    pub fn is_up(&self, node: usize, chain: usize) -> bool {
        self.words[node] >> (chain % CHAINS) & 1 == 1
    }
    /// `n_sweeps` sweeps over the nodes in `order` ([`Wiring::order`](super::Wiring::order) or
    /// [`Wiring::free`](super::Wiring::free) for synchronous colours), each drawn from its distribution given its neighbours.
    ///
    /// Errors: other chains than the network's; an order with a node that is not there.
    pub fn sweep<R: Draw>(
        &mut self,
        network: &FixedNetwork,
        gains: &Gains,
        order: &[u32],
        n_sweeps: usize,
        rng: &mut R,
    ) -> Result<()> {
        self.check(network, order)?;
        let mut words = WideStream::from_words(rng.word(), rng.word());
        for _ in 0..n_sweeps {
            sweep(network, gains, order, &mut self.words, &mut words);
        }
        Ok(())
    }
    /// Lets `time` sweeps pass on clocks of the nodes' own: each node that rings is drawn from its distribution given its
    /// neighbours, in all chains at once. (With [`Wiring::holding`](super::Wiring::holding) nodes may be held, as in
    /// [`Chains::sweep`].)
    ///
    /// Errors: other chains than the network's; clocks of nodes that are not there; a time that is negative, not a number or
    /// above 10⁹.
    pub fn run<R: Draw>(
        &mut self,
        network: &FixedNetwork,
        gains: &Gains,
        clocks: &mut PoissonClocks,
        time: f64,
        rng: &mut R,
    ) -> Result<()> {
        let wiring = network.wiring();
        same_length("nodes of the chains", self.words.len(), wiring.n_nodes())?;
        if let Some(i) = clocks.beyond(wiring) {
            let allowed = format!("below {}", wiring.n_nodes());
            return Err(Error::out_of_range("node with a clock", i, allowed));
        }
        check_time(time)?;
        let mut words = WideStream::from_words(rng.word(), rng.word());
        // One sweep at a time: the nodes that rang take memory.
        let mut left = time;
        while left > 0.0 {
            let rung = clocks.advance(left.min(1.0), rng)?;
            sweep(network, gains, &rung, &mut self.words, &mut words);
            left -= 1.0;
        }
        Ok(())
    }
    /// Adds these states, of the chains whose bit is set in `chains`, to `moments`.
    ///
    /// Errors: other chains than the network's.
    pub fn count(&self, network: &FixedNetwork, chains: u64, moments: &mut Moments) -> Result<()> {
        same_length("nodes of the chains", self.words.len(), network.wiring().n_nodes())?;
        moments.count(network.wiring(), &self.words, chains);
        Ok(())
    }
    fn check(&self, network: &FixedNetwork, order: &[u32]) -> Result<()> {
        let n = network.wiring().n_nodes();
        same_length("nodes of the chains", self.words.len(), n)?;
        match order.iter().map(|i| i & !HELD).find(|i| *i as usize >= n) {
            Some(i) => Err(Error::out_of_range("node in the order of a sweep", i, format!("below {n}"))),
            None => Ok(()),
        }
    }
}
