//! How often nodes are up and neighbours agree: what a Boltzmann machine learns from.

use super::wiring::Wiring;
use smml_core::simd_paths;

/// Counts over chains and times: of nodes that are up, and of edges whose ends agree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moments {
    n: u64,
    up: Vec<u64>,
    agree: Vec<u64>,
}

impl Moments {
    /// Nothing counted yet.
    pub fn new(wiring: &Wiring) -> Self {
        Moments { n: 0, up: vec![0; wiring.n_nodes()], agree: vec![0; wiring.n_edges()] }
    }
    /// Samples that were counted: chains times how often.
    pub fn n_samples(&self) -> u64 {
        self.n
    }
    /// Counts the chains in `chains` (a bit each) of a word for every node.
    ///
    /// # Panics
    /// When there are fewer words than nodes.
    pub(super) fn count(&mut self, wiring: &Wiring, spins: &[u64], chains: u64) {
        self.n += u64::from(chains.count_ones());
        nodes(spins, chains, &mut self.up);
        edges(wiring.pairs(), spins, chains, &mut self.agree);
    }
    /// Adds what another counted.
    pub fn add(&mut self, other: &Moments) {
        self.n += other.n;
        for (mine, theirs) in [(&mut self.up, &other.up), (&mut self.agree, &other.agree)] {
            for (a, b) in mine.iter_mut().zip(theirs) {
                *a += b;
            }
        }
    }
    /// ⟨sᵢ⟩ of every node; 0 where nothing was counted.
    pub fn means(&self) -> Vec<f64> {
        self.up.iter().map(|k| self.mean(*k)).collect()
    }
    /// ⟨sᵢ sⱼ⟩ of every edge, in the order of the graph's edges; 0 where nothing was counted.
    pub fn correlations(&self) -> Vec<f64> {
        self.agree.iter().map(|k| self.mean(*k)).collect()
    }
    fn mean(&self, count: u64) -> f64 {
        if self.n == 0 { 0.0 } else { (2 * count) as f64 / self.n as f64 - 1.0 }
    }
}

simd_paths! {
    fn nodes(spins: &[u64], chains: u64, up: &mut [u64]) {
        for (count, s) in up.iter_mut().zip(spins) {
            *count += u64::from((s & chains).count_ones());
        }
    }

    fn edges(pairs: &[[u32; 2]], spins: &[u64], chains: u64, agree: &mut [u64]) {
        for (count, [i, j]) in agree.iter_mut().zip(pairs) {
            *count += u64::from((!(spins[*i as usize] ^ spins[*j as usize]) & chains).count_ones());
        }
    }
}
