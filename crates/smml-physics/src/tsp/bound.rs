//! Lower bounds on the shortest tour: the 1-tree bound of M. Held and R. M. Karp (Oper. Res. 18, 1138 (1970); Math.
//! Program. 1, 6 (1971)).
//!
//! A 1-tree is a tree over all cities but one, and two edges at that one. A tour is a 1-tree whose cities all have degree
//! 2, so with prices π on the cities, min over 1-trees of Σ_e (d_e + π_i + π_j) - 2 Σ π is at most the length of every
//! tour, whatever the prices. Good prices are found by subgradient ascent; what is proved needs only the prices, so that
//! [`OneTree::certify`] finds the tree once more, by another algorithm.

use super::Tsp;
use crate::cluster::UnionFind;
use smml_core::error::{Error, Result, all_finite, same_length};

/// Prices of the cities that give a lower bound.
#[derive(Clone, Debug, PartialEq)]
pub struct OneTree {
    /// π, in the unit of the distances.
    pub prices: Vec<f64>,
}

impl OneTree {
    /// Prices after `steps` steps of subgradient ascent, each a minimum spanning tree in time O(n²). `length` is that of
    /// any tour, which sets the size of the steps.
    ///
    /// Step k moves π_i by t_k (0.7 (d_i - 2) + 0.3 (d_i' - 2)) with the degrees d in the present tree and d' in the one
    /// before (T. Volgenant and R. Jonker, Eur. J. Oper. Res. 9, 83 (1982)), t falling from a tenth of the mean distance
    /// in the tour to zero as (1 - k / steps)². The best prices of all steps are kept.
    ///
    /// Errors: no steps, a length that is not positive and finite.
    pub fn ascend(tsp: &Tsp, length: f64, steps: u32) -> Result<Self> {
        if steps == 0 {
            return Err(Error::out_of_range("steps", 0, "at least 1"));
        }
        if !(length > 0.0 && length.is_finite()) {
            return Err(Error::out_of_range("length of a tour", length, "greater than 0"));
        }
        let n = tsp.n_cities();
        let mut prices = vec![0.0; n];
        let mut best = (f64::NEG_INFINITY, prices.clone());
        let mut before: Option<Vec<i32>> = None;
        let first = length / n as f64;
        for k in 0..steps {
            let (bound, excess) = tree(tsp, &prices);
            if bound > best.0 {
                best = (bound, prices.clone());
            }
            let left = 1.0 - f64::from(k) / f64::from(steps);
            let step = 0.1 * first * left * left;
            let last = before.as_ref().unwrap_or(&excess);
            for i in 0..n {
                prices[i] += step * (0.7 * f64::from(excess[i]) + 0.3 * f64::from(last[i]));
            }
            before = Some(excess);
        }
        Ok(OneTree { prices: best.1 })
    }

    /// The bound that these prices prove, with the tree found by sorting all edges. Rounding is taken off: a relative
    /// 10⁻¹² of all that is added up.
    ///
    /// Time O(n² log n), memory 16 bytes for each pair of cities.
    ///
    /// Errors: prices that are not finite, or not one for each city.
    pub fn certify(&self, tsp: &Tsp) -> Result<f64> {
        let n = tsp.n_cities();
        same_length("prices", self.prices.len(), n)?;
        all_finite("price", &self.prices)?;
        let cost = |a: u32, b: u32| tsp.distance(a, b) + self.prices[a as usize] + self.prices[b as usize];
        let last = n as u32 - 1;
        let mut edges: Vec<(f64, u32, u32)> =
            (0..last).flat_map(|a| (0..a).map(move |b| (cost(a, b), a, b))).collect();
        edges.sort_unstable_by(|x, y| x.0.total_cmp(&y.0));
        let mut sets = UnionFind::default();
        sets.reset(n);
        let mut chosen: Vec<f64> = Vec::with_capacity(n);
        for (c, a, b) in edges {
            if sets.root(a) != sets.root(b) {
                sets.join(a, b);
                chosen.push(c);
            }
        }
        let mut ends: Vec<f64> = (0..last).map(|a| cost(a, last)).collect();
        ends.sort_unstable_by(f64::total_cmp);
        chosen.extend(&ends[..2]);
        let total: f64 = chosen.iter().sum::<f64>() - 2.0 * self.prices.iter().sum::<f64>();
        let size: f64 = chosen.iter().chain(&self.prices).map(|x| x.abs()).sum();
        Ok(total - 1e-12 * 2.0 * size)
    }
}

/// The value of the 1-tree of these prices, and the degrees in it less 2 (J. Prim's algorithm on the full graph).
fn tree(tsp: &Tsp, prices: &[f64]) -> (f64, Vec<i32>) {
    let n = tsp.n_cities();
    let cost = |a: usize, b: usize| tsp.distance(a as u32, b as u32) + prices[a] + prices[b];
    let mut excess = vec![-2; n];
    // The last city is the one with two edges of its own.
    let outside = n - 1;
    let mut waiting: Vec<usize> = (1..outside).collect();
    let mut nearest: Vec<(f64, usize)> = (0..n).map(|i| (cost(0, i), 0)).collect();
    let mut total = 0.0;
    while !waiting.is_empty() {
        let mut k = 0;
        for (i, &city) in waiting.iter().enumerate() {
            if nearest[city].0 < nearest[waiting[k]].0 {
                k = i;
            }
        }
        let city = waiting.swap_remove(k);
        total += nearest[city].0;
        excess[city] += 1;
        excess[nearest[city].1] += 1;
        for &other in &waiting {
            let c = cost(city, other);
            if c < nearest[other].0 {
                nearest[other] = (c, city);
            }
        }
    }
    let mut ends: Vec<(f64, usize)> = (0..outside).map(|i| (cost(outside, i), i)).collect();
    ends.sort_unstable_by(|x, y| x.0.total_cmp(&y.0).then(x.1.cmp(&y.1)));
    for end in &ends[..2] {
        total += end.0;
        excess[end.1] += 1;
    }
    excess[outside] = 0;
    (total - 2.0 * prices.iter().sum::<f64>(), excess)
}
