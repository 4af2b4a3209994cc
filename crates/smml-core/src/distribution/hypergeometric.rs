//! The hypergeometric distribution. Tails, entropy and draws take bounded work for every size: where the law is wide,
//! its mass is a smooth function of a real argument, and sums over it become integrals.

use super::{
    discrete::{count, expect_by_sum, step, tail},
    smooth,
    special::ln_binomial,
    traits::{Discrete, Distribution, entropy_discrete},
};
use crate::{
    error::{Error, Result},
    rng::Draw,
};
use libm::exp;

/// Standard deviation up to which draws walk from the mode; beyond, they are drawn by rejection.
const WALK: f64 = 12.0;

/// The number of marked items among `draws` taken without replacement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hypergeometric {
    total: f64,
    marked: f64,
    draws: f64,
    mode: f64,
    /// Probability of the mode.
    top: f64,
    std_dev: f64,
}
impl Hypergeometric {
    /// Items in all (<= 2⁵³), how many of them are marked, and how many are drawn.
    pub fn new(total: u64, marked: u64, draws: u64) -> Result<Self> {
        let n = count("total", total)?;
        for (name, value) in [("marked", marked), ("draws", draws)] {
            if value > total {
                return Err(Error::out_of_range(name, value, format!("at most total = {total}")));
            }
        }
        // (n+1)(K+1)/(N+2), in integers
        let mode = (u128::from(draws) + 1) * (u128::from(marked) + 1) / (u128::from(total) + 2);
        let mut law = Hypergeometric {
            total: n,
            marked: marked as f64,
            draws: draws as f64,
            mode: mode as f64,
            top: 1.0,
            std_dev: 0.0,
        };
        let (first, last) = law.ends();
        law.mode = law.mode.clamp(first, last);
        law.top = exp(law.ln_mass(law.mode));
        law.std_dev = law.variance()?.sqrt();
        Ok(law)
    }
    fn ends(&self) -> (f64, f64) {
        // A sum of two counts may not be representable; differences are.
        ((self.draws - (self.total - self.marked)).max(0.0), self.draws.min(self.marked))
    }
    /// ln of the mass at a real x between the ends.
    fn ln_mass(&self, x: f64) -> f64 {
        if self.total == 0.0 {
            return 0.0;
        }
        let (p, q) = (self.draws / self.total, (self.total - self.draws) / self.total);
        let unmarked = self.total - self.marked;
        ln_binomial(x, self.marked - x, p, q) + ln_binomial(self.draws - x, unmarked - (self.draws - x), p, q)
            - ln_binomial(self.draws, self.total - self.draws, p, q)
    }
    /// p(j + 1) / p(j) = (K-j)(n-j) / ((j+1)(N-K-n+j+1))
    fn ratio(&self, j: f64) -> f64 {
        let rest = (self.total - self.marked) - self.draws;
        ((self.marked - j) / (j + 1.0)) * ((self.draws - j) / (rest + j + 1.0))
    }
    /// P(X <= k) summed downwards from k, or P(X > k) summed upwards: from the large terms to the small.
    fn sum(&self, k: f64, upwards: bool) -> f64 {
        if self.std_dev > smooth::FROM {
            return smooth::tail(
                |x| self.ln_mass(x),
                self.mean_value(),
                self.std_dev,
                k,
                upwards,
                self.ends(),
            );
        }
        let (first, last) = self.ends();
        let mut at = if upwards { k + 1.0 } else { k };
        let (mut term, mut sum) = (1.0, 1.0);
        let top = self.pmf(at as i64);
        while top > 0.0 && ((upwards && at < last) || (!upwards && at > first)) {
            term *= if upwards { self.ratio(at) } else { 1.0 / self.ratio(at - 1.0) };
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
    /// Inversion of one uniform number, the values taken in the order of their distance from the mode.
    fn walk<R: Draw>(&self, rng: &mut R) -> f64 {
        let (first, last) = self.ends();
        loop {
            let mut left = rng.uniform() - self.top;
            let (mut low, mut high) = (self.mode, self.mode);
            let (mut p_low, mut p_high) = (self.top, self.top);
            if left < 0.0 {
                return self.mode;
            }
            while p_low > 0.0 || p_high > 0.0 {
                p_high *= if high < last { self.ratio(high) } else { 0.0 };
                high += 1.0;
                left -= p_high;
                if left < 0.0 {
                    return high;
                }
                p_low *= if low > first { 1.0 / self.ratio(low - 1.0) } else { 0.0 };
                low -= 1.0;
                left -= p_low;
                if left < 0.0 {
                    return low;
                }
            }
            // Rounding left about 1e-16 of the mass over: draw again.
        }
    }
    /// L. Devroye, Computing 39, 87 (1987): a log-concave mass with mode m has p(m + k) <= p(m) min(1, e^(1 - p(m)|k|)),
    /// and rejection from it takes less than five trials on average.
    fn reject<R: Draw>(&self, rng: &mut R) -> f64 {
        let (first, last) = self.ends();
        let w = 1.0 + 0.5 * self.top;
        loop {
            let y = if rng.uniform() * (1.0 + w) < w { rng.uniform() * w } else { w + rng.exponential() };
            let far = (y / self.top).round();
            let x = if rng.chance(0.5) { self.mode + far } else { self.mode - far };
            let u = rng.uniform() * exp((w - y).min(0.0));
            if x >= first && x <= last && u * self.top <= exp(self.ln_mass(x)) {
                return x;
            }
        }
    }
}
impl Distribution for Hypergeometric {
    type Value = i64;
    fn draw<R: Draw>(&self, rng: &mut R) -> i64 {
        (if self.std_dev <= WALK { self.walk(rng) } else { self.reject(rng) }) as i64
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
        let n = self.total;
        let (p, q) = (self.marked / n, (n - self.marked) / n);
        Ok(self.draws * p * q * ((n - self.draws) / (n - 1.0)))
    }
    fn entropy(&self) -> Result<f64> {
        if self.std_dev > smooth::FROM {
            return Ok(smooth::entropy(|x| self.ln_mass(x), self.mean_value(), self.std_dev));
        }
        entropy_discrete(self)
    }
    expect_by_sum!();
}
impl Discrete for Hypergeometric {
    fn ln_pmf(&self, k: i64) -> f64 {
        let x = k as f64;
        let (first, last) = self.ends();
        if x < first || x > last { f64::NEG_INFINITY } else { self.ln_mass(x) }
    }
    fn support(&self) -> (i64, i64) {
        let (first, last) = self.ends();
        (first as i64, last as i64)
    }
}
