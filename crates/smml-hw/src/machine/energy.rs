//! Energies of chains, for measurements: the inner loop never needs them.

use super::{chains::Chains, network::FixedNetwork, sweep::CHAINS};
use crate::error::Result;
use smml_core::error::same_length;

impl Chains {
    /// E(s) = -Σ_{edges} Jᵢⱼ sᵢ sⱼ - Σᵢ hᵢ sᵢ of every chain, with couplings and fields as the machine has them: a whole number
    /// of steps of its format, summed exactly.
    ///
    /// Errors: other chains than the network's.
    pub fn energies(&self, network: &FixedNetwork) -> Result<[f64; CHAINS]> {
        let words = self.words();
        same_length("nodes of the chains", words.len(), network.wiring().n_nodes())?;
        let mut sums = [0i64; CHAINS];
        // Whose bit is set has the energy -code, the others +code.
        let mut add = |code: i16, low: u64| {
            let code = i64::from(code);
            for (c, sum) in sums.iter_mut().enumerate() {
                *sum += code * (1 - 2 * (low >> c & 1) as i64);
            }
        };
        for ((i, j, _), code) in network.wiring().graph().edges().zip(network.coupling_codes()) {
            add(*code, !(words[i as usize] ^ words[j as usize]));
        }
        for (word, code) in words.iter().zip(network.field_codes()) {
            add(*code, *word);
        }
        Ok(sums.map(|sum| sum as f64 * network.format().step()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{machine::Wiring, topology::Topology};
    use smml_core::{
        energy::Energy,
        rng::{Draw, Streams},
    };
    use std::sync::Arc;

    #[test]
    fn energies_are_those_of_the_rounded_model() {
        let graph = Topology::king(3, 4).unwrap();
        let wiring = Arc::new(Wiring::new(graph.graph(), graph.colouring()).unwrap());
        let mut rng = Streams::new(1).stream("energy", 0);
        let mut numbers = |n: usize| (0..n).map(|_| rng.normal()).collect::<Vec<f64>>();
        let (couplings, fields) = (numbers(wiring.n_edges()), numbers(12));
        let network = FixedNetwork::new(wiring, "s{2}{6}".parse().unwrap(), &couplings, &fields).unwrap();
        let chains = Chains::random(12, &mut Streams::new(2).stream("energy", 0));
        let ising = network.ising().unwrap();
        for (c, energy) in chains.energies(&network).unwrap().into_iter().enumerate() {
            let spins: Vec<i8> = (0..12).map(|i| if chains.is_up(i, c) { 1 } else { -1 }).collect();
            assert!((energy - ising.energy(&spins)).abs() < 1e-12, "{c}");
        }
        assert!(Chains::from_words(vec![0; 11]).energies(&network).is_err());
    }
}
