//! What every distribution on the line can do, and what is special to masses and to densities.

use super::{
    continuous::{bisect, breakpoints},
    quadrature::{Quadrature, compensated_sum},
};
use crate::{
    error::{Error, Result, unit_interval},
    rng::Draw,
};

/// A value of a random variable, as a real number.
pub trait Real: Copy + PartialOrd + Send + Sync {
    /// The number.
    fn real(self) -> f64;
}
impl Real for f64 {
    fn real(self) -> f64 {
        self
    }
}
impl Real for i64 {
    fn real(self) -> f64 {
        self as f64
    }
}

/// A distribution on the real line.
///
/// Moments and entropies that do not exist, or are infinite, are [`Error::Undefined`].
pub trait Distribution: Send + Sync {
    /// What a draw gives: `f64`, or `i64` for distributions on the integers.
    type Value: Real;

    /// One random value.
    fn draw<R: Draw>(&self, rng: &mut R) -> Self::Value;
    /// P(X <= x).
    fn cdf(&self, x: f64) -> f64;
    /// P(X > x), to its own relative accuracy in the upper tail.
    fn sf(&self, x: f64) -> f64;
    /// E X.
    fn mean(&self) -> Result<f64>;
    /// E (X - E X)².
    fn variance(&self) -> Result<f64>;
    /// √ of the variance.
    fn std_dev(&self) -> Result<f64> {
        self.variance().map(f64::sqrt)
    }
    /// E f(X), by summation or quadrature: exact up to rounding for smooth `f` of moderate growth. Of an expectation
    /// that does not exist the quadrature gives [`Error::NotConverged`] or [`Error::Undefined`].
    fn expect(&self, f: impl Fn(f64) -> f64) -> Result<f64>;
    /// E |X - E X|³, which the Berry-Esseen bound needs.
    fn third_absolute_moment(&self) -> Result<f64> {
        let mean = self.mean()?;
        self.variance()?;
        self.expect(|x| (x - mean).abs().powi(3))
    }
    /// Shannon entropy -Σ p ln p, or differential entropy -∫ f ln f, in nats.
    fn entropy(&self) -> Result<f64>;
    /// `n` independent draws.
    fn draws<R: Draw>(&self, n: usize, rng: &mut R) -> Vec<Self::Value> {
        (0..n).map(|_| self.draw(rng)).collect()
    }
}

/// A distribution on the integers, Eq. (1).
pub trait Discrete: Distribution<Value = i64> {
    /// ln P(X = k); -∞ outside the support.
    fn ln_pmf(&self, k: i64) -> f64;
    /// P(X = k).
    fn pmf(&self, k: i64) -> f64 {
        libm::exp(self.ln_pmf(k))
    }
    /// Smallest and largest value; `i64::MAX` for no largest.
    fn support(&self) -> (i64, i64);
    /// The smallest k with P(X <= k) >= p. Errors: `p` outside [0, 1].
    fn quantile(&self, p: f64) -> Result<i64> {
        unit_interval("p", p)?;
        let (lower, upper) = self.support();
        if p == 1.0 && upper == i64::MAX {
            return Ok(upper); // not where the tail underflows
        }
        Ok(first_true(lower, upper, |k| {
            if p <= 0.5 { self.cdf(k as f64) >= p } else { self.sf(k as f64) <= 1.0 - p }
        }))
    }
    /// The smallest k with P(X > k) <= q: the quantile of the upper tail. Errors: `q` outside [0, 1].
    fn upper_quantile(&self, q: f64) -> Result<i64> {
        unit_interval("q", q)?;
        let (lower, upper) = self.support();
        if q == 0.0 && upper == i64::MAX {
            return Ok(upper);
        }
        Ok(first_true(lower, upper, |k| self.sf(k as f64) <= q))
    }
    /// Probabilities of `first..=last`, where all but about 10⁻³⁰ of the mass is; with `first`.
    ///
    /// Errors: [`Error::TooLarge`] when that is more than 2²⁶ values.
    fn table(&self) -> Result<(i64, Vec<f64>)> {
        let first = self.quantile(1e-30)?;
        let last = self.upper_quantile(1e-30)?;
        let n = i128::from(last) - i128::from(first) + 1;
        if n > 1 << 26 {
            return Err(Error::TooLarge {
                what: "the table of probabilities".into(),
                needed: format!("{n} values"),
                limit: format!("{}", 1 << 26),
            });
        }
        Ok((first, (first..=last).map(|k| self.pmf(k)).collect()))
    }
}

/// A distribution with a density, Eq. (2).
pub trait Continuous: Distribution<Value = f64> {
    /// ln f(x); -∞ outside the support.
    fn ln_pdf(&self, x: f64) -> f64;
    /// f(x).
    fn pdf(&self, x: f64) -> f64 {
        libm::exp(self.ln_pdf(x))
    }
    /// ln f(x), with x given by its distances from the two ends of the support too: near an end other than 0 only these
    /// say how near it is. To be overridden by a density that is infinite at such an end.
    fn ln_pdf_by_ends(&self, x: f64, _from_lower: f64, _to_upper: f64) -> f64 {
        self.ln_pdf(x)
    }
    /// The ends of the support, possibly infinite.
    fn support(&self) -> (f64, f64);
    /// The smallest x with P(X <= x) >= p. Errors: `p` outside [0, 1].
    fn quantile(&self, p: f64) -> Result<f64> {
        unit_interval("p", p)?;
        let (lower, upper) = self.support();
        if p == 0.0 || p == 1.0 {
            return Ok(if p == 0.0 { lower } else { upper }); // not where a tail underflows
        }
        Ok(bisect((lower, upper), |x| if p <= 0.5 { self.cdf(x) >= p } else { self.sf(x) <= 1.0 - p }))
    }
    /// The smallest x with P(X > x) <= q: the quantile of the upper tail. Errors: `q` outside [0, 1].
    fn upper_quantile(&self, q: f64) -> Result<f64> {
        unit_interval("q", q)?;
        let (lower, upper) = self.support();
        if q == 0.0 || q == 1.0 {
            return Ok(if q == 1.0 { lower } else { upper });
        }
        Ok(bisect((lower, upper), |x| self.sf(x) <= q))
    }
    /// The quantile of ½.
    fn median(&self) -> f64 {
        bisect(self.support(), |x| self.cdf(x) >= 0.5)
    }
}

/// The smallest k in `lower..=upper` with `holds(k)`, for a monotone `holds`; `upper` when there is none.
fn first_true(lower: i64, upper: i64, holds: impl Fn(i64) -> bool) -> i64 {
    // Gallop first: most quantiles are small compared with the end of the support.
    let (mut below, mut step) = (i128::from(lower) - 1, 1_i128);
    let mut above = i128::from(upper);
    while below + step < above {
        if holds((below + step) as i64) {
            above = below + step;
            break;
        }
        below += step;
        step *= 2;
    }
    while above - below > 1 {
        let middle = below + (above - below) / 2;
        if holds(middle as i64) {
            above = middle;
        } else {
            below = middle;
        }
    }
    above as i64
}

/// Σ p(k) f(k) over the table.
pub(super) fn expect_discrete<D: Discrete>(d: &D, f: impl Fn(f64) -> f64) -> Result<f64> {
    let (first, p) = d.table()?;
    let term = |(i, p): (usize, &f64)| if *p > 0.0 { p * f((first + i as i64) as f64) } else { 0.0 };
    Ok(compensated_sum(p.iter().enumerate().map(term)))
}

/// -Σ p ln p over the table.
pub(super) fn entropy_discrete<D: Discrete>(d: &D) -> Result<f64> {
    let (first, p) = d.table()?;
    let term = |(i, p): (usize, &f64)| if *p > 0.0 { -p * d.ln_pmf(first + i as i64) } else { 0.0 };
    Ok(compensated_sum(p.iter().enumerate().map(term)))
}

/// ∫ f(x) g(x) dx over the support.
pub(super) fn expect_continuous<D: Continuous>(d: &D, g: impl Fn(f64) -> f64) -> Result<f64> {
    integrate_density(d, |x, _| g(x))
}

/// -∫ f ln f dx over the support.
pub(super) fn entropy_continuous<D: Continuous>(d: &D) -> Result<f64> {
    integrate_density(d, |_, ln_f| -ln_f)
}

/// ∫ f(x) g(x, ln f(x)) dx over the support.
fn integrate_density<D: Continuous>(d: &D, g: impl Fn(f64, f64) -> f64) -> Result<f64> {
    let (lower, upper) = d.support();
    let mut points = breakpoints(d);
    if let Ok(mean) = d.mean() {
        points.push(mean); // central absolute moments have a kink there
    }
    let rule = Quadrature { absolute: 0.0, relative: 1e-11, ..Quadrature::with_breakpoints(points) };
    let integrand = |x, from_lower, to_upper| {
        let ln_f = d.ln_pdf_by_ends(x, from_lower, to_upper);
        let weight = libm::exp(ln_f);
        if weight > 0.0 { weight * g(x, ln_f) } else { 0.0 }
    };
    Ok(rule.integrate_by_ends(integrand, lower, upper)?.value)
}
