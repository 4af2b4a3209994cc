//! Distributions on the integers: Bernoulli, binomial, categorical, geometric, negative binomial, Poisson, uniform.
//! The hypergeometric one has a file of its own.

use super::{
    normalise::{PROBABILITY_TOLERANCE, check_probabilities, normalise},
    smooth,
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
        fn expect(&self, f: impl Fn(f64) -> f64) -> crate::Result<f64> {
            super::traits::expect_discrete(self, f)
        }
    };
}
pub(super) use expect_by_sum;

/// Counts above this are not all representable as `f64`.
const MAX_COUNT: u64 = 1 << 53;

pub(super) fn count(name: &str, n: u64) -> Result<f64> {
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
        tail(x, 0.0, 1.0, |_| self.p)
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
    /// ln of the mass at a real x in [0, n].
    fn ln_mass(&self, x: f64) -> f64 {
        ln_binomial(x, self.n - x, self.p, 1.0 - self.p)
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
        let std_dev = self.std_dev()?;
        if std_dev > smooth::FROM {
            return Ok(smooth::entropy(|x| self.ln_mass(x), self.n * self.p, std_dev));
        }
        entropy_discrete(self)
    }
    expect_by_sum!();
}
impl Discrete for Binomial {
    fn ln_pmf(&self, k: i64) -> f64 {
        let x = k as f64;
        if k < 0 || x > self.n { f64::NEG_INFINITY } else { self.ln_mass(x) }
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
    /// Successes r in (0, 10¹⁸] and probability of success p in (0, 1]. Counts must be representable: up to the largest
    /// that draws reach, (r + 9√r + 40) (1-p)/p <= 2⁵³.
    pub fn new(r: f64, p: f64) -> Result<Self> {
        positive("r", r)?;
        if !(p > 0.0 && p <= 1.0) {
            return Err(Error::out_of_range("p", p, "in (0, 1]"));
        }
        if p < 1.0 {
            if r > 1e18 {
                return Err(Error::out_of_range("r", r, "in (0, 1e18]"));
            }
            let odds = (1.0 - p) / p;
            let largest = (r + 9.0 * r.sqrt() + 40.0) * odds;
            if !(largest <= MAX_COUNT as f64) {
                let allowed =
                    format!("large enough that (r + 9 sqrt(r) + 40) (1-p)/p = {largest:e} is at most 2^53");
                return Err(Error::out_of_range("p", p, allowed));
            }
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
        // The constructor keeps means beyond 2⁵³ to probabilities below 10⁻¹⁷.
        let mean = rng.sample(rate);
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
        ln_binomial(self.r, x, self.p, 1.0 - self.p) + ln_share
    }
    fn support(&self) -> (i64, i64) {
        (0, if self.p == 1.0 { 0 } else { i64::MAX })
    }
}

/// Poisson: λᵏ e^-λ / k!.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Poisson {
    mean: f64,
    /// None for mean 0.
    sampler: Option<rand_distr::Poisson<f64>>,
}
impl Poisson {
    /// Mean λ in [0, 10¹⁵]; all mass is at 0 for λ = 0.
    pub fn new(mean: f64) -> Result<Self> {
        let refused = || Error::out_of_range("mean", mean, "in [0, 1e15]");
        if !(0.0..=1e15).contains(&mean) {
            return Err(refused());
        }
        let sampler =
            if mean > 0.0 { Some(rand_distr::Poisson::new(mean).map_err(|_| refused())?) } else { None };
        Ok(Poisson { mean: mean + 0.0, sampler })
    }
}
impl Distribution for Poisson {
    type Value = i64;
    fn draw<R: Draw>(&self, rng: &mut R) -> i64 {
        self.sampler.as_ref().map_or(0, |s| rng.sample::<f64, _>(s) as i64)
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
        (0, if self.mean == 0.0 { 0 } else { i64::MAX })
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

/// A distribution function on the integers `first..=last` from its value at k = ⌊x⌋ inside.
pub(super) fn step(x: f64, first: f64, last: f64, inside: impl Fn(f64) -> f64) -> f64 {
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
pub(super) fn tail(x: f64, first: f64, last: f64, inside: impl Fn(f64) -> f64) -> f64 {
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
