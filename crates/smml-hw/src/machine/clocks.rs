//! When p-bits without a common clock are updated.

use super::{sweep::HELD, wiring::Wiring};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use smml_core::rng::Draw;

/// The order in which the nodes of a machine are updated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UpdateOrder {
    /// Colour after colour, every node once in a sweep: an array with a common clock.
    #[default]
    Synchronous,
    /// Every node at the times of a Poisson process of its own, once in a sweep on average: an array without a common clock
    /// ([`PoissonClocks`]).
    Asynchronous,
}

/// A Poisson process of rate 1 for each of some nodes, all independent. The unit of time is the sweep: a node rings once in
/// it on average, and not at all with probability 1/e.
///
/// Together n nodes ring at rate n, each time one of them at random: a random sequential order in continuous time. No two
/// ring at once, so every update sees the states its neighbours have, and the heat bath stays exact; for p-bits that answer
/// late see [`AsynchronousArray`](super::AsynchronousArray).
///
/// The 64 chains of a word share the clocks and nothing else. In equilibrium that costs nothing: each chain is stationary for
/// any given sequence of nodes that does not look at the states, so means over chains have the errors of independent ones.
///
/// ```
/// use smml_core::rng::Streams;
/// use smml_hw::machine::PoissonClocks;
/// let mut rng = Streams::new(1).stream("clocks", 0);
/// let mut clocks = PoissonClocks::new(&[0, 1, 2, 3], &mut rng)?;
/// let rung = clocks.advance(1000.0, &mut rng)?;
/// assert!(rung.len() > 3700 && rung.len() < 4300); // 4,000 with a standard deviation of 63
/// # Ok::<(), smml_hw::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawClocks")]
pub struct PoissonClocks {
    nodes: Vec<u32>,
    /// Time until the next clock rings.
    wait: f64,
}

#[derive(Deserialize)]
struct RawClocks {
    nodes: Vec<u32>,
    wait: f64,
}

impl TryFrom<RawClocks> for PoissonClocks {
    type Error = Error;
    fn try_from(raw: RawClocks) -> Result<Self> {
        let clocks = PoissonClocks { nodes: raw.nodes, wait: raw.wait };
        match clocks.wait {
            wait if wait > 0.0 && wait.is_finite() && !clocks.nodes.is_empty() => Ok(clocks),
            wait => {
                Err(Error::out_of_range("time until a clock rings", wait, "greater than 0, of some nodes"))
            }
        }
    }
}

/// Longest time that is asked for at once, in sweeps.
const LONGEST: f64 = 1e9;
/// Most rings that are expected of one call: they are listed.
const MOST_RINGS: f64 = 1e8;

impl PoissonClocks {
    /// Clocks for the nodes of an order ([`Wiring::order`], [`Wiring::free`] or [`Wiring::holding`]), started at time 0.
    ///
    /// Errors: no nodes.
    pub fn new<R: Draw>(order: &[u32], rng: &mut R) -> Result<Self> {
        if order.is_empty() {
            return Err(Error::out_of_range("nodes with a clock", 0, "at least 1"));
        }
        let mut clocks = PoissonClocks { nodes: order.to_vec(), wait: 0.0 };
        clocks.wait = clocks.next(rng);
        Ok(clocks)
    }
    /// The nodes, one for each clock, as they were given.
    pub fn nodes(&self) -> &[u32] {
        &self.nodes
    }
    fn next<R: Draw>(&self, rng: &mut R) -> f64 {
        rng.exponential() / self.nodes.len() as f64
    }
    /// Lets `time` sweeps pass; the nodes whose clocks rang, in order. Two calls are as good as one for both times.
    ///
    /// Errors: a time that is negative, not a number or above 10⁹, or in which more than 10⁸ rings are expected.
    pub fn advance<R: Draw>(&mut self, time: f64, rng: &mut R) -> Result<Vec<u32>> {
        check_time(time)?;
        let n = self.nodes.len();
        if time * n as f64 > MOST_RINGS {
            let most = format!("at most {:e} for {n} nodes: go on in several calls", MOST_RINGS / n as f64);
            return Err(Error::out_of_range("time in sweeps", time, most));
        }
        let mut rung = Vec::with_capacity((1.1 * time * self.nodes.len() as f64).min(1e6) as usize);
        let mut left = time;
        while self.wait <= left {
            left -= self.wait;
            rung.push(self.nodes[rng.below(self.nodes.len())]);
            self.wait = self.next(rng);
        }
        self.wait -= left;
        Ok(rung)
    }
    /// The first node that a wiring does not have.
    pub(super) fn beyond(&self, wiring: &Wiring) -> Option<u32> {
        self.nodes.iter().map(|i| i & !HELD).find(|i| *i as usize >= wiring.n_nodes())
    }
}

/// A time in sweeps.
pub(super) fn check_time(time: f64) -> Result<()> {
    match (0.0..=LONGEST).contains(&time) {
        true => Ok(()),
        false => Err(Error::out_of_range("time in sweeps", time, format!("in 0..={LONGEST:e}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use smml_core::rng::Streams;

    #[test]
    fn clocks_ring_as_poisson_processes() {
        let mut rng = Streams::new(2).stream("clocks", 0);
        let nodes: Vec<u32> = (10..30).collect();
        let mut clocks = PoissonClocks::new(&nodes, &mut rng).unwrap();
        let (n, t) = (20_000, 0.7);
        // Of every node how often it rang k times in an interval.
        let mut counts = vec![[0.0; 4]; 20];
        let mut pairs = 0.0;
        for _ in 0..n {
            let mut rang = [0usize; 20];
            clocks.advance(t, &mut rng).unwrap().iter().for_each(|i| rang[*i as usize - 10] += 1);
            counts.iter_mut().zip(rang).for_each(|(c, k)| c[k.min(3)] += 1.0);
            pairs += f64::from(u8::from(rang[3] > 0 && rang[4] > 0));
        }
        let n = f64::from(n);
        let p = |k: i32| (-t).exp() * t.powi(k) / [1.0, 1.0, 2.0][k as usize];
        let near = |found: f64, p: f64| (found / n - p).abs() < 6.0 * (p * (1.0 - p) / n).sqrt();
        for counts in &counts {
            assert!((0..3).all(|k| near(counts[k as usize], p(k))), "{counts:?}");
        }
        assert!(near(pairs, (1.0 - (-t).exp()).powi(2)));
    }

    #[test]
    fn parts_of_a_time_are_as_good_as_the_whole() {
        let mut rng = Streams::new(3).stream("clocks", 0);
        let clocks = PoissonClocks::new(&[0, 5, 7 | HELD], &mut rng).unwrap();
        let (mut one, mut other) = ((clocks.clone(), rng.clone()), (clocks, rng));
        let whole = one.0.advance(12.0, &mut one.1).unwrap();
        let mut parts = Vec::new();
        for time in [0.0, 5.0, 0.25, 0.75, 6.0] {
            parts.extend(other.0.advance(time, &mut other.1).unwrap());
            // Saved on the way.
            other.0 = serde_json::from_str(&serde_json::to_string(&other.0).unwrap()).unwrap();
        }
        assert_eq!(parts, whole);
        assert!(whole.contains(&(7 | HELD)));
        assert!((one.0.wait - other.0.wait).abs() < 1e-12);
        for bad in [-1.0, f64::NAN, 1e10, 5e7] {
            assert!(one.0.advance(bad, &mut one.1).is_err());
        }
        assert!(PoissonClocks::new(&[], &mut one.1).is_err());
        assert!(serde_json::from_str::<PoissonClocks>(r#"{"nodes":[1],"wait":0.0}"#).is_err());
        assert!(serde_json::from_str::<PoissonClocks>(r#"{"nodes":[],"wait":1.0}"#).is_err());
    }
}
