//! Distributions on the integers: Bernoulli, binomial, categorical, geometric, hypergeometric, negative binomial,
//! Poisson, uniform.

use super::{
    normalise::{PROBABILITY_TOLERANCE, check_probabilities, normalise},
    special::{LN_SQRT_2PI, incomplete_beta, incomplete_gamma, ln_binomial, ln_poisson},
    traits::{Discrete, Distribution, entropy_discrete, expect_discrete},
};
use crate::{
    error::{Error, Result, positive, unit_interval},
    rng::Draw,
};
use libm::{exp, expm1, log, log1p};

/// `expect` by summation.
macro_rules! expect_by_sum {
    () => {
        fn expect(&self, f: impl Fn(f64) -> f64) -> Result<f64> {
            expect_discrete(self, f)
        }
    };
}

/// Counts above this are not all representable as `f64`.
const MAX_COUNT: u64 = 1 << 53;

fn count(name: &str, n: u64) -> Result<f64> {
    if n <= MAX_COUNT { Ok(n as f64) } else { Err(Error::out_of_range(name, n, "at most 2^53")) }
}

/// 1 with probability p, else 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bernoulli {
    p: f64,
}
impl Bernoulli {
    /// Probability of 1, in [0, 1].
    pub fn new(p: f64) -> Result<Self> {
        Ok(Bernoulli { p: unit_interval("p", p)? })
    }
}
impl Distribution for Bernoulli {
    type Value = i64;
    fn draw<R: Draw>(&self, rng: &mut R) -> i64 {
        i64::from(rng.chance(self.p))
    }
    fn cdf(&self, x: f64) -> f64 {
        step(x, 0.0, 1.0, |_| 1.0 - self.p)
    }
    fn sf(&self, x: f64) -> f64 {
        1.0 - step(x, 0.0, 1.0, |_| 1.0 - self.p)
    }
    fn mean(&self) -> Result<f64> {
        Ok(self.p)
    }
    fn variance(&self) -> Result<f64> {
        Ok(self.p * (1.0 - self.p))
    }
    fn entropy(&self) -> Result<f64> {
        entropy_discrete(self)
    }
    expect_by_sum!();
}
impl Discrete for Bernoulli {
    fn ln_pmf(&self, k: i64) -> f64 {
        match k {
            0 => log1p(-self.p),
            1 => log(self.p),
            _ => f64::NEG_INFINITY,
        }
    }
    fn support(&self) -> (i64, i64) {
        (0, 1)
    }
}

/// The number of successes in n trials: C(n, k) pᵏ (1-p)ⁿ⁻ᵏ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Binomial {
    n: f64,
    p: f64,
    sampler: rand_distr::Binomial,
}
impl Binomial {
    /// Trials n <= 2⁵³ and probability of success p in [0, 1].
    pub fn new(n: u64, p: f64) -> Result<Self> {
        let trials = count("n", n)?;
        let sampler = rand_distr::Binomial::new(n, unit_interval("p", p)?)
            .map_err(|e| Error::out_of_range("p", p, format!("usable ({e})")))?;
        Ok(Binomial { n: trials, p, sampler })
    }
}
impl Distribution for Binomial {
    type Value = i64;
    fn draw<R: Draw>(&self, rng: &mut R) -> i64 {
        rng.sample(&self.sampler) as i64
    }
    fn cdf(&self, x: f64) -> f64 {
        step(x, 0.0, self.n, |k| incomplete_beta(self.n - k, k + 1.0, 1.0 - self.p, self.p).0)
    }
    fn sf(&self, x: f64) -> f64 {
        tail(x, 0.0, self.n, |k| incomplete_beta(self.n - k, k + 1.0, 1.0 - self.p, self.p).1)
    }
    fn mean(&self) -> Result<f64> {
        Ok(self.n * self.p)
    }
    fn variance(&self) -> Result<f64> {
        Ok(self.n * self.p * (1.0 - self.p))
    }
    fn entropy(&self) -> Result<f64> {
        entropy_discrete(self)
    }
    expect_by_sum!();
}
impl Discrete for Binomial {
    fn ln_pmf(&self, k: i64) -> f64 {
        let x = k as f64;
        if k < 0 || x > self.n { f64::NEG_INFINITY } else { ln_binomial(x, self.n, self.p, 1.0 - self.p) }
    }
    fn support(&self) -> (i64, i64) {
        (0, self.n as i64)
    }
}

/// Outcome i with probability pᵢ, i = 0, 1, ...
#[derive(Clone, Debug, PartialEq)]
pub struct Categorical {
    p: Vec<f64>,
    /// P(X <= i) and P(X > i)
    lower: Vec<f64>,
    upper: Vec<f64>,
}
impl Categorical {
    /// From probabilities, which must sum to 1 within [`PROBABILITY_TOLERANCE`]; what remains of it is divided out.
    pub fn new(p: &[f64]) -> Result<Self> {
        check_probabilities(p, PROBABILITY_TOLERANCE)?;
        Self::from_weights(p)
    }
    /// From weights of any positive sum.
    pub fn from_weights(weights: &[f64]) -> Result<Self> {
        let p = normalise(weights)?;
        let mut sum = 0.0;
        let lower: Vec<f64> = p
            .iter()
            .map(|x| {
                sum += x;
                f64::min(sum, 1.0)
            })
            .collect();
        let mut upper = vec![0.0; p.len()];
        for i in (1..p.len()).rev() {
            upper[i - 1] = f64::min(upper[i] + p[i], 1.0);
        }
        Ok(Categorical { p, lower, upper })
    }
    /// From unnormalised logarithms, as energies give them: pᵢ ∝ e^(lnᵢ). -∞ is a zero.
    pub fn from_ln_weights(ln_weights: &[f64]) -> Result<Self> {
        Self::from_weights(&crate::estimate::normalised_weights(ln_weights)?)
    }
    /// The probabilities.
    pub fn probabilities(&self) -> &[f64] {
        &self.p
    }
    fn at(&self, k: f64) -> usize {
        (k.max(0.0) as usize).min(self.p.len() - 1)
    }
}
impl Distribution for Categorical {
    type Value = i64;
    fn draw<R: Draw>(&self, rng: &mut R) -> i64 {
        if self.p.len() <= 32 {
            return rng.choose(&self.p) as i64;
        }
        let total = self.lower[self.p.len() - 1];
        let u = rng.uniform() * total;
        let i = self.lower.partition_point(|c| *c <= u);
        if i < self.p.len() {
            return i as i64;
        }
        // u rounded up to the total: the last possible outcome
        self.p.iter().rposition(|p| *p > 0.0).unwrap_or(0) as i64
    }
    fn cdf(&self, x: f64) -> f64 {
        step(x, 0.0, (self.p.len() - 1) as f64, |k| self.lower[self.at(k)])
    }
    fn sf(&self, x: f64) -> f64 {
        tail(x, 0.0, (self.p.len() - 1) as f64, |k| self.upper[self.at(k)])
    }
    fn mean(&self) -> Result<f64> {
        expect_discrete(self, |x| x)
    }
    fn variance(&self) -> Result<f64> {
        let mean = self.mean()?;
        expect_discrete(self, |x| (x - mean).powi(2))
    }
    fn entropy(&self) -> Result<f64> {
        entropy_discrete(self)
    }
    expect_by_sum!();
}
impl Discrete for Categorical {
    fn ln_pmf(&self, k: i64) -> f64 {
        log(self.pmf(k))
    }
    fn pmf(&self, k: i64) -> f64 {
        usize::try_from(k).ok().and_then(|i| self.p.get(i)).copied().unwrap_or(0.0)
    }
    fn support(&self) -> (i64, i64) {
        (0, self.p.len() as i64 - 1)
    }
    fn table(&self) -> Result<(i64, Vec<f64>)> {
        Ok((0, self.p.clone()))
    }
}

/// The number of failures before the first success: p (1-p)ᵏ, k = 0, 1, ... (scipy's `geom` counts the success too).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Geometric {
    p: f64,
}
impl Geometric {
    /// Probability of success p in (0, 1].
    pub fn new(p: f64) -> Result<Self> {
        if p > 0.0 && p <= 1.0 { Ok(Geometric { p }) } else { Err(Error::out_of_range("p", p, "in (0, 1]")) }
    }
    fn ln_q(&self) -> f64 {
        log1p(-self.p)
    }
}
impl Distribution for Geometric {
    type Value = i64;
    fn draw<R: Draw>(&self, rng: &mut R) -> i64 {
        if self.p == 1.0 {
            return 0;
        }
        (rng.exponential() / -self.ln_q()).floor() as i64
    }
    fn cdf(&self, x: f64) -> f64 {
        step(x, 0.0, f64::INFINITY, |k| if self.p == 1.0 { 1.0 } else { -expm1((k + 1.0) * self.ln_q()) })
    }
    fn sf(&self, x: f64) -> f64 {
        tail(x, 0.0, f64::INFINITY, |k| exp((k + 1.0) * self.ln_q()))
    }
    fn mean(&self) -> Result<f64> {
        Ok((1.0 - self.p) / self.p)
    }
    fn variance(&self) -> Result<f64> {
        Ok((1.0 - self.p) / (self.p * self.p))
    }
    fn entropy(&self) -> Result<f64> {
        if self.p == 1.0 {
            return Ok(0.0);
        }
        Ok(-log(self.p) - (1.0 - self.p) / self.p * self.ln_q())
    }
    expect_by_sum!();
}
impl Discrete for Geometric {
    fn ln_pmf(&self, k: i64) -> f64 {
        if k < 0 {
            f64::NEG_INFINITY
        } else if k == 0 {
            log(self.p)
        } else {
            log(self.p) + k as f64 * self.ln_q()
        }
    }
    fn support(&self) -> (i64, i64) {
        (0, if self.p == 1.0 { 0 } else { i64::MAX })
    }
}

/// The number of failures before the r-th success: Γ(k+r) / (k! Γ(r)) pʳ (1-p)ᵏ; r need not be an integer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NegativeBinomial {
    r: f64,
    p: f64,
    rate: Option<rand_distr::Gamma<f64>>,
}
impl NegativeBinomial {
    /// Successes r > 0 and probability of success p in (0, 1].
    pub fn new(r: f64, p: f64) -> Result<Self> {
        positive("r", r)?;
        if !(p > 0.0 && p <= 1.0) {
            return Err(Error::out_of_range("p", p, "in (0, 1]"));
        }
        let rate = if p < 1.0 { Some(super::positive::gamma_sampler("r", r, (1.0 - p) / p)?) } else { None };
        Ok(NegativeBinomial { r, p, rate })
    }
}
impl Distribution for NegativeBinomial {
    type Value = i64;
    fn draw<R: Draw>(&self, rng: &mut R) -> i64 {
        // A Poisson variable of gamma-distributed mean; a mean of 0 (or one that underflowed) gives 0.
        let Some(rate) = &self.rate else { return 0 };
        let mean = rng.sample(rate).min(1e18);
        rand_distr::Poisson::new(mean).map_or(0, |poisson| rng.sample::<f64, _>(&poisson) as i64)
    }
    fn cdf(&self, x: f64) -> f64 {
        step(x, 0.0, f64::INFINITY, |k| incomplete_beta(self.r, k + 1.0, self.p, 1.0 - self.p).0)
    }
    fn sf(&self, x: f64) -> f64 {
        tail(x, 0.0, f64::INFINITY, |k| incomplete_beta(self.r, k + 1.0, self.p, 1.0 - self.p).1)
    }
    fn mean(&self) -> Result<f64> {
        Ok(self.r * (1.0 - self.p) / self.p)
    }
    fn variance(&self) -> Result<f64> {
        Ok(self.r * (1.0 - self.p) / (self.p * self.p))
    }
    fn entropy(&self) -> Result<f64> {
        entropy_discrete(self)
    }
    expect_by_sum!();
}
impl Discrete for NegativeBinomial {
    fn ln_pmf(&self, k: i64) -> f64 {
        let x = k as f64;
        if k < 0 {
            return f64::NEG_INFINITY;
        }
        let ln_share = -log1p(x / self.r); // r / (r + k)
        ln_binomial(self.r, self.r + x, self.p, 1.0 - self.p) + ln_share
    }
    fn support(&self) -> (i64, i64) {
        (0, if self.p == 1.0 { 0 } else { i64::MAX })
    }
}

/// Poisson: λᵏ e^-λ / k!.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Poisson {
    mean: f64,
    sampler: rand_distr::Poisson<f64>,
}
impl Poisson {
    /// Mean λ in (0, 10¹⁵].
    pub fn new(mean: f64) -> Result<Self> {
        let refused = || Error::out_of_range("mean", mean, "in (0, 1e15]");
        if !(mean > 0.0 && mean <= 1e15) {
            return Err(refused());
        }
        Ok(Poisson { mean, sampler: rand_distr::Poisson::new(mean).map_err(|_| refused())? })
    }
}
impl Distribution for Poisson {
    type Value = i64;
    fn draw<R: Draw>(&self, rng: &mut R) -> i64 {
        rng.sample::<f64, _>(&self.sampler) as i64
    }
    fn cdf(&self, x: f64) -> f64 {
        step(x, 0.0, f64::INFINITY, |k| incomplete_gamma(k + 1.0, self.mean).1)
    }
    fn sf(&self, x: f64) -> f64 {
        tail(x, 0.0, f64::INFINITY, |k| incomplete_gamma(k + 1.0, self.mean).0)
    }
    fn mean(&self) -> Result<f64> {
        Ok(self.mean)
    }
    fn variance(&self) -> Result<f64> {
        Ok(self.mean)
    }
    fn entropy(&self) -> Result<f64> {
        let m = self.mean;
        if m > 1e5 {
            // Evans and Boersma, J. Stat. Phys. 50, 1127 (1988)
            return Ok(0.5 + LN_SQRT_2PI + 0.5 * log(m) - 1.0 / (12.0 * m) - 1.0 / (24.0 * m * m));
        }
        entropy_discrete(self)
    }
    expect_by_sum!();
}
impl Discrete for Poisson {
    fn ln_pmf(&self, k: i64) -> f64 {
        if k < 0 { f64::NEG_INFINITY } else { ln_poisson(k as f64, self.mean) }
    }
    fn support(&self) -> (i64, i64) {
        (0, i64::MAX)
    }
}

/// All integers from a to b with the same probability.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiscreteUniform {
    first: i64,
    last: i64,
}
impl DiscreteUniform {
    /// First and last value, at most 2⁵³ of them, each within ±2⁵³.
    pub fn new(first: i64, last: i64) -> Result<Self> {
        let limit = MAX_COUNT as i64;
        for (name, value) in [("first", first), ("last", last)] {
            if !(-limit..=limit).contains(&value) {
                return Err(Error::out_of_range(name, value, "within ±2^53"));
            }
        }
        if first > last || last - first >= limit {
            return Err(Error::out_of_range(
                "last",
                last,
                format!("at least first = {first}, by less than 2^53"),
            ));
        }
        Ok(DiscreteUniform { first, last })
    }
    fn n(&self) -> f64 {
        (self.last - self.first + 1) as f64
    }
}
impl Distribution for DiscreteUniform {
    type Value = i64;
    fn draw<R: Draw>(&self, rng: &mut R) -> i64 {
        self.first + rng.below((self.last - self.first + 1) as usize) as i64
    }
    fn cdf(&self, x: f64) -> f64 {
        step(x, self.first as f64, self.last as f64, |k| (k - self.first as f64 + 1.0) / self.n())
    }
    fn sf(&self, x: f64) -> f64 {
        tail(x, self.first as f64, self.last as f64, |k| (self.last as f64 - k) / self.n())
    }
    fn mean(&self) -> Result<f64> {
        Ok(0.5 * (self.first as f64 + self.last as f64))
    }
    fn variance(&self) -> Result<f64> {
        let n = self.n();
        Ok((n - 1.0) * (n + 1.0) / 12.0)
    }
    fn entropy(&self) -> Result<f64> {
        Ok(log(self.n()))
    }
    expect_by_sum!();
}
impl Discrete for DiscreteUniform {
    fn ln_pmf(&self, k: i64) -> f64 {
        if (self.first..=self.last).contains(&k) { -log(self.n()) } else { f64::NEG_INFINITY }
    }
    fn support(&self) -> (i64, i64) {
        (self.first, self.last)
    }
}

/// The number of marked items among `draws` taken without replacement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hypergeometric {
    total: f64,
    marked: f64,
    draws: f64,
    sampler: rand_distr::Hypergeometric,
}
impl Hypergeometric {
    /// Items in all (<= 2⁵³), how many of them are marked, and how many are drawn.
    pub fn new(total: u64, marked: u64, draws: u64) -> Result<Self> {
        count("total", total)?;
        for (name, value) in [("marked", marked), ("draws", draws)] {
            if value > total {
                return Err(Error::out_of_range(name, value, format!("at most total = {total}")));
            }
        }
        let sampler = rand_distr::Hypergeometric::new(total, marked, draws)
            .map_err(|e| Error::out_of_range("total", total, format!("usable ({e})")))?;
        Ok(Hypergeometric { total: total as f64, marked: marked as f64, draws: draws as f64, sampler })
    }
    fn ends(&self) -> (f64, f64) {
        ((self.draws + self.marked - self.total).max(0.0), self.draws.min(self.marked))
    }
    /// P(X <= k) summed downwards from k, or P(X > k) summed upwards: from the large terms to the small.
    fn sum(&self, k: f64, upwards: bool) -> f64 {
        let (first, last) = self.ends();
        let rest = self.total - self.marked - self.draws;
        let mut at = if upwards { k + 1.0 } else { k };
        let (mut term, mut sum) = (1.0, 1.0);
        let top = self.pmf(at as i64);
        while (upwards && at < last) || (!upwards && at > first) {
            // p(j+1) / p(j) = (K-j)(n-j) / ((j+1)(N-K-n+j+1))
            let j = if upwards { at } else { at - 1.0 };
            let ratio = (self.marked - j) * (self.draws - j) / ((j + 1.0) * (rest + j + 1.0));
            term *= if upwards { ratio } else { 1.0 / ratio };
            at += if upwards { 1.0 } else { -1.0 };
            sum += term;
            if term < 1e-18 * sum {
                break;
            }
        }
        (top * sum).min(1.0)
    }
    fn mean_value(&self) -> f64 {
        if self.total == 0.0 { 0.0 } else { self.draws * (self.marked / self.total) }
    }
}
impl Distribution for Hypergeometric {
    type Value = i64;
    fn draw<R: Draw>(&self, rng: &mut R) -> i64 {
        rng.sample(&self.sampler) as i64
    }
    fn cdf(&self, x: f64) -> f64 {
        let (first, last) = self.ends();
        let mean = self.mean_value();
        step(x, first, last, |k| if k <= mean { self.sum(k, false) } else { 1.0 - self.sum(k, true) })
    }
    fn sf(&self, x: f64) -> f64 {
        let (first, last) = self.ends();
        let mean = self.mean_value();
        tail(x, first, last, |k| if k <= mean { 1.0 - self.sum(k, false) } else { self.sum(k, true) })
    }
    fn mean(&self) -> Result<f64> {
        Ok(self.mean_value())
    }
    fn variance(&self) -> Result<f64> {
        if self.total <= 1.0 {
            return Ok(0.0);
        }
        let (n, p) = (self.total, self.marked / self.total);
        Ok(self.draws * p * (1.0 - p) * (n - self.draws) / (n - 1.0))
    }
    fn entropy(&self) -> Result<f64> {
        entropy_discrete(self)
    }
    expect_by_sum!();
}
impl Discrete for Hypergeometric {
    fn ln_pmf(&self, k: i64) -> f64 {
        let x = k as f64;
        let (first, last) = self.ends();
        if x < first || x > last {
            return f64::NEG_INFINITY;
        }
        if self.total == 0.0 {
            return 0.0;
        }
        let (p, q) = (self.draws / self.total, (self.total - self.draws) / self.total);
        ln_binomial(x, self.marked, p, q) + ln_binomial(self.draws - x, self.total - self.marked, p, q)
            - ln_binomial(self.draws, self.total, p, q)
    }
    fn support(&self) -> (i64, i64) {
        let (first, last) = self.ends();
        (first as i64, last as i64)
    }
}

/// A distribution function on the integers `first..=last` from its value at k = ⌊x⌋ inside.
fn step(x: f64, first: f64, last: f64, inside: impl Fn(f64) -> f64) -> f64 {
    let k = x.floor();
    if k < first {
        0.0
    } else if k >= last {
        1.0
    } else if x.is_nan() {
        f64::NAN
    } else {
        inside(k)
    }
}

/// The same for the upper tail.
fn tail(x: f64, first: f64, last: f64, inside: impl Fn(f64) -> f64) -> f64 {
    let k = x.floor();
    if k < first {
        1.0
    } else if k >= last {
        0.0
    } else if x.is_nan() {
        f64::NAN
    } else {
        inside(k)
    }
}
