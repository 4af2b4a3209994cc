//! The n-fold way of Bortz, Kalos and Lebowitz: single flips without rejections, for low temperatures.

use crate::ising::{Ising, Rule};
use smml_core::{
    chain::Record,
    error::{Error, Result, finite, same_length},
    estimate::{Estimate, jackknife},
    rng::Draw,
};

/// Single-spin dynamics in which every step flips a spin (A. B. Bortz, M. H. Kalos and J. L. Lebowitz, J. Comput. Phys.
/// 17, 10 (1975)).
///
/// Spin i flips at a rate wᵢ per sweep: min(1, exp(-β ΔEᵢ)) (Metropolis) or 1 / (1 + exp(β ΔEᵢ)) (heat bath). The next
/// spin to flip is i with probability wᵢ / Σw, after a mean time of 1 / Σw sweeps. The states that one jump after another
/// visits do not have the Boltzmann distribution: each counts with its residence time, as [`NFoldWay::averages`] does.
/// At fixed times ([`NFoldWay::advance`]) all states count alike.
///
/// A jump costs O(log N) and one local field for every neighbour of a neighbour. The rates are those of the spins, to
/// the bit, whatever came before: a run goes on from saved spins as if it had not been cut.
///
/// ```
/// use smml_core::{energy::Energy, rng::Streams};
/// use smml_physics::{ising::{Ising, Rule}, kernels::NFoldWay};
/// let ring = Ising::new(4, &[(0, 1, 1.0), (1, 2, 1.0), (2, 3, 1.0), (3, 0, 1.0)], vec![0.0; 4])?;
/// let mut run = NFoldWay::new(&ring, vec![1; 4], 1.5, Rule::Metropolis)?;
/// let mut rng = Streams::new(1).stream("n-fold way", 0);
/// let energy = run.averages(10_000, &mut rng, |s| [ring.energy(&s.to_vec()) / 4.0])?[0];
/// let tanh = 1.5f64.tanh();
/// assert!(energy.z(-(tanh + tanh.powi(3)) / (1.0 + tanh.powi(4))).abs() < 5.0);
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct NFoldWay<'a> {
    ising: &'a Ising,
    beta: f64,
    rule: Rule,
    spins: Vec<i8>,
    rates: SumTree,
}

impl<'a> NFoldWay<'a> {
    /// At the start.
    ///
    /// # Errors
    /// β that is not finite, another number of spins, values other than ±1.
    pub fn new(ising: &'a Ising, spins: Vec<i8>, beta: f64, rule: Rule) -> Result<Self> {
        finite("beta", beta)?;
        same_length("spins", spins.len(), ising.n_spins())?;
        if let Some(i) = spins.iter().position(|s| !matches!(s, -1 | 1)) {
            return Err(Error::out_of_range(format!("spin {i}"), spins[i], "-1 or 1"));
        }
        let mut run = NFoldWay { ising, beta, rule, rates: SumTree::default(), spins };
        run.rates = SumTree::new((0..ising.n_spins()).map(|i| run.rate(i)));
        Ok(run)
    }
    /// Where the run is.
    pub fn spins(&self) -> &[i8] {
        &self.spins
    }
    /// The mean time to the next flip, 1 / Σw, in sweeps; infinite where every rate is below the smallest number.
    pub fn residence_time(&self) -> f64 {
        1.0 / self.rates.total()
    }

    fn rate(&self, i: usize) -> f64 {
        let cost = 2.0 * self.beta * f64::from(self.spins[i]) * self.ising.local_field(&self.spins, i);
        match self.rule {
            Rule::HeatBath => 1.0 / (1.0 + libm::exp(cost)),
            Rule::Metropolis if cost <= 0.0 => 1.0,
            Rule::Metropolis => libm::exp(-cost),
        }
    }
    fn flip(&mut self, i: usize) {
        self.spins[i] = -self.spins[i];
        self.rates.set(i, self.rate(i));
        let ising = self.ising;
        for &j in ising.couplings().neighbours(i).0 {
            self.rates.set(j as usize, self.rate(j as usize));
        }
    }

    /// Flips one spin. Returns the mean time, in sweeps, that the state before is held: its weight in averages.
    ///
    /// # Errors
    /// [`Error::Undefined`] where every rate is below the smallest number: the state never changes.
    pub fn jump(&mut self, rng: &mut impl Draw) -> Result<f64> {
        let time = self.residence_time();
        if !time.is_finite() {
            return Err(frozen(self.beta));
        }
        let i = self.rates.draw(rng);
        self.flip(i);
        Ok(time)
    }

    /// Follows the dynamics for `time` sweeps, with waiting times that are drawn; returns the number of flips. Sampled
    /// after equal times, states count alike, as in any other Markov chain.
    ///
    /// # Errors
    /// A time that is negative or not finite.
    pub fn advance(&mut self, time: f64, rng: &mut impl Draw) -> Result<u64> {
        let mut left = smml_core::error::not_negative("time", time)?;
        let mut flips = 0;
        loop {
            left -= rng.exponential() * self.residence_time();
            // A residence time may be infinite, and the wait then NaN or infinite.
            if !(left >= 0.0) {
                return Ok(flips);
            }
            let i = self.rates.draw(rng);
            self.flip(i);
            flips += 1;
        }
    }

    /// Thermal averages over `n_jumps` jumps, each state with its residence time, Σ τ f / Σ τ, with errors by the
    /// jackknife.
    ///
    /// # Errors
    /// As [`NFoldWay::jump`], and whatever the series are too short for.
    pub fn averages<const M: usize>(
        &mut self,
        n_jumps: usize,
        rng: &mut impl Draw,
        mut observe: impl FnMut(&[i8]) -> [f64; M],
    ) -> Result<Vec<Estimate>> {
        let mut record = Record::new(M + 1)?;
        let mut row = vec![0.0; M + 1];
        for _ in 0..n_jumps {
            let values = observe(&self.spins);
            let time = self.jump(rng)?;
            row[0] = time;
            row[1..].iter_mut().zip(values).for_each(|(x, f)| *x = time * f);
            record.push(&row)?;
        }
        let times = record.column(0);
        (1..=M).map(|k| jackknife(&[&times, &record.column(k)], |x| x[1] / x[0])).collect()
    }
}

fn frozen(beta: f64) -> Error {
    Error::Undefined {
        what: "the next flip".into(),
        why: format!("at beta = {beta} no flip has a rate above the smallest number"),
    }
}

/// Weights in the leaves of a binary tree, and their sums above: a pure function of the weights.
#[derive(Clone, Debug, Default)]
struct SumTree {
    /// Node k has children 2k and 2k + 1; the root is 1, the leaves are the second half.
    nodes: Vec<f64>,
}

impl SumTree {
    fn new(weights: impl ExactSizeIterator<Item = f64>) -> Self {
        let width = weights.len().next_power_of_two();
        let mut nodes = vec![0.0; 2 * width];
        weights.enumerate().for_each(|(i, w)| nodes[width + i] = w);
        for k in (1..width).rev() {
            nodes[k] = nodes[2 * k] + nodes[2 * k + 1];
        }
        SumTree { nodes }
    }
    fn total(&self) -> f64 {
        self.nodes[1]
    }
    fn set(&mut self, i: usize, weight: f64) {
        let mut k = self.nodes.len() / 2 + i;
        self.nodes[k] = weight;
        while k > 1 {
            k /= 2;
            self.nodes[k] = self.nodes[2 * k] + self.nodes[2 * k + 1];
        }
    }
    /// A leaf with probability proportional to its weight.
    fn draw(&self, rng: &mut impl Draw) -> usize {
        let width = self.nodes.len() / 2;
        let mut k = 1;
        while k < width {
            k *= 2;
            // Never into a half of weight 0: the chance is then exactly 0 or 1.
            if !rng.chance(self.nodes[k] / (self.nodes[k] + self.nodes[k + 1])) {
                k += 1;
            }
        }
        k - width
    }
}
