//! Which columns touch: norms of couplings.

use super::{PottsMachine, machine::pair};
use crate::error::{Error, Result};
use smml_core::Estimate;

/// A score for every pair of sites: the Frobenius norm of its couplings with the average product correction.
///
/// In the zero-sum gauge, over letters that are no gaps, Fᵢⱼ = (Σ_{ab} Jᵢⱼ(a, b)²)^½, and the score is
///
/// Fᵢⱼ - Fᵢ Fⱼ/F,  Fᵢ the mean over j ≠ i, F the mean over all pairs,
///
/// which takes away what a pair has only because its sites couple to everything. (M. Ekeberg et al., Phys. Rev. E 87, 012707
/// (2013); S. D. Dunn, L. M. Wahl, G. B. Gloor, Bioinformatics 24, 333 (2008).)
#[derive(Clone, Debug, PartialEq)]
pub struct ContactScores {
    n_sites: usize,
    norms: Vec<f64>,
    scores: Vec<f64>,
}

impl ContactScores {
    /// Of a model, in any gauge.
    pub fn of(machine: &PottsMachine) -> Self {
        let (n, q) = (machine.n_sites(), machine.n_letters());
        let couplings = machine.zero_sum().couplings();
        let norm = |block: &[f64]| {
            let rows = block.chunks_exact(q).take(q - 1);
            rows.flat_map(|row| &row[..q - 1]).map(|j| j * j).sum::<f64>().sqrt()
        };
        let norms: Vec<f64> = couplings.chunks_exact(q * q).map(norm).collect();
        let mut means = vec![0.0; n];
        let others = (n - 1).max(1) as f64;
        let mut all = 0.0;
        for i in 0..n {
            for j in i + 1..n {
                let f = norms[pair(n, i, j)];
                means[i] += f / others;
                means[j] += f / others;
                all += f / norms.len() as f64;
            }
        }
        let mut scores = norms.clone();
        for i in 0..n {
            for j in i + 1..n {
                // Without any couplings there is nothing to correct.
                scores[pair(n, i, j)] -= if all > 0.0 { means[i] * means[j] / all } else { 0.0 };
            }
        }
        ContactScores { n_sites: n, norms, scores }
    }
    /// The corrected score of two different sites, in any order; 0 of a site with itself.
    ///
    /// # Panics
    /// When there is no such site.
    pub fn score(&self, i: usize, j: usize) -> f64 {
        if i == j { 0.0 } else { self.scores[pair(self.n_sites, i.min(j), i.max(j))] }
    }
    /// The norm itself, without correction. Panics as [`ContactScores::score`].
    pub fn norm(&self, i: usize, j: usize) -> f64 {
        if i == j { 0.0 } else { self.norms[pair(self.n_sites, i.min(j), i.max(j))] }
    }
    /// Pairs (i, j, score) at least `separation` sites apart along the sequence, the highest score first.
    pub fn ranked(&self, separation: usize) -> Vec<(usize, usize, f64)> {
        let n = self.n_sites;
        let mut pairs: Vec<_> = (0..n)
            .flat_map(|i| (i + separation.max(1)..n).map(move |j| (i, j)))
            .map(|(i, j)| (i, j, self.score(i, j)))
            .collect();
        pairs.sort_by(|a, b| b.2.total_cmp(&a.2).then((a.0, a.1).cmp(&(b.0, b.1))));
        pairs
    }
    /// The fraction of true contacts among the first `n_top` pairs at least `separation` sites apart; its error is that of a
    /// fraction of so many trials.
    ///
    /// Errors: no such pairs.
    pub fn precision(
        &self,
        contacts: &[(usize, usize)],
        n_top: usize,
        separation: usize,
    ) -> Result<Estimate> {
        let top: Vec<_> = self.ranked(separation).into_iter().take(n_top).collect();
        if top.is_empty() {
            return Err(Error::out_of_range("pairs that are ranked", 0, "at least 1"));
        }
        let is_contact = |i: usize, j: usize| contacts.contains(&(i, j)) || contacts.contains(&(j, i));
        let hits = top.iter().filter(|(i, j, _)| is_contact(*i, *j)).count();
        Ok(Estimate::from_counts(hits as u64, top.len() as u64)?)
    }
}
