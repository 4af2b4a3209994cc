//! Overlaps of two replicas.

use smml_core::{
    Estimate,
    error::{Error, Result, same_length},
    graph::SparseGraph,
};

/// Σ sᵢᵃ sᵢᵇ
fn total(a: &[i8], b: &[i8]) -> i64 {
    a.iter().zip(b).map(|(x, y)| i64::from(x * y)).sum()
}

/// The overlap q = (1/N) Σ sᵢᵃ sᵢᵇ. Errors: no spins, replicas of different sizes.
pub fn overlap(a: &[i8], b: &[i8]) -> Result<f64> {
    same_length("second replica", b.len(), a.len())?;
    if a.is_empty() {
        return Err(Error::out_of_range("number of spins", 0, "at least 1"));
    }
    Ok(total(a, b) as f64 / a.len() as f64)
}

/// The link overlap q_l = (1/N_b) Σ sᵢᵃ sⱼᵃ sᵢᵇ sⱼᵇ over the N_b edges of a graph, whose weights do not matter: sensitive
/// to the surface of flipped regions where q is to their volume.
///
/// Errors: no edges, replicas that do not have a spin for each vertex.
pub fn link_overlap(graph: &SparseGraph, a: &[i8], b: &[i8]) -> Result<f64> {
    same_length("first replica", a.len(), graph.n_vertices())?;
    same_length("second replica", b.len(), graph.n_vertices())?;
    if graph.n_edges() == 0 {
        return Err(Error::out_of_range("number of edges", 0, "at least 1"));
    }
    let q = |i: u32| i64::from(a[i as usize] * b[i as usize]);
    let sum: i64 = graph.edges().map(|(i, j, _)| q(i) * q(j)).sum();
    Ok(sum as f64 / graph.n_edges() as f64)
}

/// How often each overlap was met in one sample. N spins have N + 1 overlaps, -1, -1 + 2/N, ..., 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverlapHistogram {
    counts: Vec<u64>,
}

impl OverlapHistogram {
    /// An empty one. Errors: no spins, or 2³² or more.
    pub fn new(n_spins: usize) -> Result<Self> {
        if !(1..u32::MAX as usize).contains(&n_spins) {
            return Err(Error::out_of_range("number of spins", n_spins, "from 1 to 4294967294"));
        }
        Ok(OverlapHistogram { counts: vec![0; n_spins + 1] })
    }
    /// Counts the overlap of two replicas. Errors: a wrong number of spins.
    pub fn add(&mut self, a: &[i8], b: &[i8]) -> Result<()> {
        let n = self.counts.len() - 1;
        same_length("first replica", a.len(), n)?;
        same_length("second replica", b.len(), n)?;
        let up = (total(a, b) + n as i64) / 2;
        self.counts[up as usize] += 1;
        Ok(())
    }
    /// Counts, from q = -1 to q = 1.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }
}

/// The distribution P(q), averaged over samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Distribution {
    /// q from -1 to 1.
    pub q: Vec<f64>,
    /// The probability of each (their sum is 1), with the error over samples.
    pub probability: Vec<Estimate>,
}

impl Distribution {
    /// The mean of the distributions of samples. With `symmetric`, P(q) and P(-q) are averaged first: without a field
    /// they are equal, and a short run does not know it.
    ///
    /// Errors: fewer than two samples, samples of different sizes, a sample without counts.
    pub fn over_samples(samples: &[OverlapHistogram], symmetric: bool) -> Result<Self> {
        let bins = samples.first().map_or(1, |s| s.counts.len());
        let mut rows: Vec<Vec<f64>> = vec![Vec::with_capacity(samples.len()); bins];
        for (k, sample) in samples.iter().enumerate() {
            same_length(&format!("histogram of sample {k}"), sample.counts.len(), bins)?;
            let n: u64 = sample.counts.iter().sum();
            if n == 0 {
                return Err(Error::TooShort { have: 0, needed: 1 });
            }
            for bin in 0..bins {
                let here = sample.counts[bin] as f64 / n as f64;
                let there = sample.counts[bins - 1 - bin] as f64 / n as f64;
                rows[bin].push(if symmetric { 0.5 * (here + there) } else { here });
            }
        }
        let n_spins = bins as f64 - 1.0;
        Ok(Distribution {
            q: (0..bins).map(|k| (2.0 * k as f64 - n_spins) / n_spins).collect(),
            probability: rows.iter().map(|row| Estimate::from_independent(row)).collect::<Result<_>>()?,
        })
    }
}
