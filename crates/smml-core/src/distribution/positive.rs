//! Distributions on a half line: exponential, gamma, χ², log-normal, Weibull, Pareto, generalised Pareto, Maxwell.

use super::{
    continuous::{expect_by_quadrature, representable, undefined},
    special::{LN_SQRT_2PI, digamma, incomplete_gamma, ln_poisson, normal_cdf, normal_sf},
    traits::{Continuous, Distribution},
};
use crate::{
    error::{Error, Result, finite, positive},
    rng::Draw,
};
use libm::{exp, expm1, lgamma, log, log1p, pow};
use std::f64::consts::PI;

const HALF_LINE: (f64, f64) = (0.0, f64::INFINITY);

/// rand_distr's gamma sampler, with its objections as this crate's errors.
pub(super) fn gamma_sampler(name: &str, shape: f64, scale: f64) -> Result<rand_distr::Gamma<f64>> {
    rand_distr::Gamma::new(shape, scale)
        .map_err(|e| Error::out_of_range(name, shape, format!("usable ({e})")))
}

/// Exponential: f(x) = λ e^(-λx), x >= 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exponential {
    rate: f64,
}
impl Exponential {
    /// Rate λ > 0 (one over the mean).
    pub fn new(rate: f64) -> Result<Self> {
        Ok(Exponential { rate: positive("rate", rate)? })
    }
}
impl Distribution for Exponential {
    type Value = f64;
    fn draw<R: Draw>(&self, rng: &mut R) -> f64 {
        rng.exponential() / self.rate
    }
    fn cdf(&self, x: f64) -> f64 {
        if x > 0.0 { -expm1(-self.rate * x) } else { zero_or_nan(x) }
    }
    fn sf(&self, x: f64) -> f64 {
        if x > 0.0 { exp(-self.rate * x) } else { 1.0 + zero_or_nan(x) }
    }
    fn mean(&self) -> Result<f64> {
        representable("the mean of an exponential distribution", 1.0 / self.rate)
    }
    fn variance(&self) -> Result<f64> {
        representable("the variance of an exponential distribution", 1.0 / self.rate / self.rate)
    }
    fn third_absolute_moment(&self) -> Result<f64> {
        representable(
            "E |X - μ|³ of an exponential distribution",
            (12.0 * exp(-1.0) - 2.0) / self.rate.powi(3),
        )
    }
    fn entropy(&self) -> Result<f64> {
        Ok(1.0 - log(self.rate))
    }
    expect_by_quadrature!();
}
impl Continuous for Exponential {
    fn ln_pdf(&self, x: f64) -> f64 {
        if x >= 0.0 { log(self.rate) - self.rate * x } else { outside(x) }
    }
    fn support(&self) -> (f64, f64) {
        HALF_LINE
    }
}

/// Gamma: f(x) = x^(α-1) e^(-x/θ) / (Γ(α) θᵅ), x >= 0. The energy of a classical system at temperature θ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gamma {
    shape: f64,
    scale: f64,
    sampler: rand_distr::Gamma<f64>,
}
impl Gamma {
    /// Shape α > 0 and scale θ > 0 (not the rate 1/θ).
    pub fn new(shape: f64, scale: f64) -> Result<Self> {
        let (shape, scale) = (positive("shape", shape)?, positive("scale", scale)?);
        Ok(Gamma { shape, scale, sampler: gamma_sampler("shape", shape, scale)? })
    }
}
impl Distribution for Gamma {
    type Value = f64;
    fn draw<R: Draw>(&self, rng: &mut R) -> f64 {
        rng.sample(&self.sampler)
    }
    fn cdf(&self, x: f64) -> f64 {
        incomplete_gamma(self.shape, x / self.scale).0
    }
    fn sf(&self, x: f64) -> f64 {
        incomplete_gamma(self.shape, x / self.scale).1
    }
    fn mean(&self) -> Result<f64> {
        representable("the mean of a gamma distribution", self.shape * self.scale)
    }
    fn variance(&self) -> Result<f64> {
        representable("the variance of a gamma distribution", self.shape * self.scale * self.scale)
    }
    fn entropy(&self) -> Result<f64> {
        let a = self.shape;
        if a > 1e5 {
            return Ok(
                0.5 + LN_SQRT_2PI + 0.5 * log(a) - 1.0 / (3.0 * a) - 1.0 / (12.0 * a * a) + log(self.scale)
            );
        }
        Ok(a + log(self.scale) + lgamma(a) + (1.0 - a) * digamma(a))
    }
    expect_by_quadrature!();
}
impl Continuous for Gamma {
    fn ln_pdf(&self, x: f64) -> f64 {
        let a = self.shape;
        if !(x >= 0.0) || x == f64::INFINITY {
            return outside(x);
        }
        if x == 0.0 {
            return match a.total_cmp(&1.0) {
                std::cmp::Ordering::Less => f64::INFINITY,
                std::cmp::Ordering::Equal => -log(self.scale),
                std::cmp::Ordering::Greater => f64::NEG_INFINITY,
            };
        }
        let y = x / self.scale;
        if a < 1.0 { ln_poisson(a, y) + log(a) - log(x) } else { ln_poisson(a - 1.0, y) - log(self.scale) }
    }
    fn support(&self) -> (f64, f64) {
        HALF_LINE
    }
}

/// χ² with k degrees of freedom: the sum of k squared standard normals.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChiSquared(Gamma);
impl ChiSquared {
    /// Degrees of freedom k > 0.
    pub fn new(dof: f64) -> Result<Self> {
        Ok(ChiSquared(Gamma::new(0.5 * positive("dof", dof)?, 2.0)?))
    }
}
impl Distribution for ChiSquared {
    type Value = f64;
    fn draw<R: Draw>(&self, rng: &mut R) -> f64 {
        self.0.draw(rng)
    }
    fn cdf(&self, x: f64) -> f64 {
        self.0.cdf(x)
    }
    fn sf(&self, x: f64) -> f64 {
        self.0.sf(x)
    }
    fn mean(&self) -> Result<f64> {
        self.0.mean()
    }
    fn variance(&self) -> Result<f64> {
        self.0.variance()
    }
    fn entropy(&self) -> Result<f64> {
        self.0.entropy()
    }
    expect_by_quadrature!();
}
impl Continuous for ChiSquared {
    fn ln_pdf(&self, x: f64) -> f64 {
        self.0.ln_pdf(x)
    }
    fn support(&self) -> (f64, f64) {
        HALF_LINE
    }
}

/// Log-normal: ln X is N(μ, σ²).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogNormal {
    mu: f64,
    sigma: f64,
}
impl LogNormal {
    /// Mean μ and standard deviation σ > 0 of ln X.
    pub fn new(mu: f64, sigma: f64) -> Result<Self> {
        Ok(LogNormal { mu: finite("mu", mu)?, sigma: positive("sigma", sigma)? })
    }
    fn z(&self, x: f64) -> f64 {
        (log(x) - self.mu) / self.sigma
    }
}
impl Distribution for LogNormal {
    type Value = f64;
    fn draw<R: Draw>(&self, rng: &mut R) -> f64 {
        exp(self.mu + self.sigma * rng.normal())
    }
    fn cdf(&self, x: f64) -> f64 {
        if x > 0.0 { normal_cdf(self.z(x)) } else { zero_or_nan(x) }
    }
    fn sf(&self, x: f64) -> f64 {
        if x > 0.0 { normal_sf(self.z(x)) } else { 1.0 + zero_or_nan(x) }
    }
    fn mean(&self) -> Result<f64> {
        representable("the mean of a log-normal distribution", exp(self.mu + 0.5 * self.sigma * self.sigma))
    }
    fn variance(&self) -> Result<f64> {
        let s2 = self.sigma * self.sigma;
        // (e^{σ²} - 1) e^{2μ + σ²}; for large σ² the first factor alone may overflow
        let value = if s2 < 1.0 {
            expm1(s2) * exp(2.0 * self.mu + s2)
        } else {
            exp(2.0 * (self.mu + s2) + log1p(-exp(-s2)))
        };
        representable("the variance of a log-normal distribution", value)
    }
    fn entropy(&self) -> Result<f64> {
        Ok(self.mu + 0.5 + LN_SQRT_2PI + log(self.sigma))
    }
    expect_by_quadrature!();
}
impl Continuous for LogNormal {
    fn ln_pdf(&self, x: f64) -> f64 {
        if !(x > 0.0) || x == f64::INFINITY {
            return outside(x);
        }
        let z = self.z(x);
        -0.5 * z * z - LN_SQRT_2PI - log(self.sigma) - log(x)
    }
    fn support(&self) -> (f64, f64) {
        HALF_LINE
    }
}

/// Weibull: P(X > x) = e^(-(x/λ)ᵏ), x >= 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weibull {
    scale: f64,
    shape: f64,
}
impl Weibull {
    /// Scale λ > 0 and shape k > 0.
    pub fn new(scale: f64, shape: f64) -> Result<Self> {
        Ok(Weibull { scale: positive("scale", scale)?, shape: positive("shape", shape)? })
    }
    fn moment(&self, order: f64) -> f64 {
        libm::tgamma(1.0 + order / self.shape)
    }
}
impl Distribution for Weibull {
    type Value = f64;
    fn draw<R: Draw>(&self, rng: &mut R) -> f64 {
        self.scale * pow(rng.exponential(), 1.0 / self.shape)
    }
    fn cdf(&self, x: f64) -> f64 {
        if x > 0.0 { -expm1(-pow(x / self.scale, self.shape)) } else { zero_or_nan(x) }
    }
    fn sf(&self, x: f64) -> f64 {
        if x > 0.0 { exp(-pow(x / self.scale, self.shape)) } else { 1.0 + zero_or_nan(x) }
    }
    fn mean(&self) -> Result<f64> {
        representable("the mean of a Weibull distribution", self.scale * self.moment(1.0))
    }
    fn variance(&self) -> Result<f64> {
        // Γ(1+2/k) - Γ(1+1/k)² = Γ(1+1/k)² (e^d - 1), d = ln Γ(1+2e) - 2 ln Γ(1+e) with e = 1/k. For large k the two
        // terms cancel; ln Γ(1+z) = -γz + Σ ζ(n) (-z)ⁿ/n has no linear term left in d.
        let e = 1.0 / self.shape;
        let d = if e < 0.05 {
            let mut power = -e;
            let term = |(i, zeta): (usize, &f64)| {
                let n = i as i32 + 2;
                power *= -e;
                zeta * power * (f64::from(n).exp2() - 2.0) / f64::from(n)
            };
            ZETA.iter().enumerate().map(term).sum()
        } else {
            lgamma(1.0 + 2.0 * e) - 2.0 * lgamma(1.0 + e)
        };
        let value = (self.scale * self.moment(1.0)).powi(2) * expm1(d);
        representable("the variance of a Weibull distribution", value)
    }
    fn entropy(&self) -> Result<f64> {
        Ok(0.577_215_664_901_532_9 * (1.0 - 1.0 / self.shape) + log(self.scale) - log(self.shape) + 1.0)
    }
    expect_by_quadrature!();
}
impl Continuous for Weibull {
    fn ln_pdf(&self, x: f64) -> f64 {
        if !(x >= 0.0) || x == f64::INFINITY {
            return outside(x);
        }
        let y = x / self.scale;
        let power = if self.shape == 1.0 { 0.0 } else { (self.shape - 1.0) * log(y) };
        log(self.shape) - log(self.scale) + power - pow(y, self.shape)
    }
    fn support(&self) -> (f64, f64) {
        HALF_LINE
    }
}

/// Riemann's ζ(2), ζ(3), ...
const ZETA: [f64; 15] = [
    1.644_934_066_848_226_4,
    1.202_056_903_159_594_3,
    1.082_323_233_711_138_2,
    1.036_927_755_143_37,
    1.017_343_061_984_449,
    1.008_349_277_381_922_8,
    1.004_077_356_197_944_3,
    1.002_008_392_826_082_2,
    1.000_994_575_127_818,
    1.000_494_188_604_119_5,
    1.000_246_086_553_308,
    1.000_122_713_347_578_5,
    1.000_061_248_135_058_7,
    1.000_030_588_236_307,
    1.000_015_282_259_408_7,
];

/// Pareto: P(X > x) = (m/x)ᵅ, x >= m.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pareto {
    minimum: f64,
    shape: f64,
}
impl Pareto {
    /// Smallest value m > 0 and tail exponent α > 0.
    pub fn new(minimum: f64, shape: f64) -> Result<Self> {
        Ok(Pareto { minimum: positive("minimum", minimum)?, shape: positive("shape", shape)? })
    }
    /// ln(x/m) for x >= m: near m by the excess, which the quotient would round away.
    fn ln_ratio(&self, x: f64) -> f64 {
        if x < 2.0 * self.minimum {
            log1p((x - self.minimum) / self.minimum)
        } else {
            let ratio = x / self.minimum;
            if ratio.is_finite() { log(ratio) } else { log(x) - log(self.minimum) }
        }
    }
}
impl Distribution for Pareto {
    type Value = f64;
    fn draw<R: Draw>(&self, rng: &mut R) -> f64 {
        self.minimum * exp(rng.exponential() / self.shape)
    }
    fn cdf(&self, x: f64) -> f64 {
        if x > self.minimum { -expm1(-self.shape * self.ln_ratio(x)) } else { zero_or_nan(x) }
    }
    fn sf(&self, x: f64) -> f64 {
        if x > self.minimum { pow(self.minimum / x, self.shape) } else { 1.0 + zero_or_nan(x) }
    }
    fn mean(&self) -> Result<f64> {
        let a = self.shape;
        if a > 1.0 {
            return Ok(self.minimum * (a / (a - 1.0)));
        }
        Err(undefined("the mean of a Pareto distribution", &format!("it is finite for shape > 1, not {a}")))
    }
    fn variance(&self) -> Result<f64> {
        let a = self.shape;
        if a > 2.0 {
            return Ok((self.minimum / (a - 1.0)).powi(2) * (a / (a - 2.0)));
        }
        Err(undefined(
            "the variance of a Pareto distribution",
            &format!("it is finite for shape > 2, not {a}"),
        ))
    }
    fn third_absolute_moment(&self) -> Result<f64> {
        third_of_tail(self, "a Pareto distribution", 1.0 / self.shape)
    }
    fn entropy(&self) -> Result<f64> {
        Ok(log(self.minimum / self.shape) + 1.0 + 1.0 / self.shape)
    }
    expect_by_quadrature!();
}
impl Continuous for Pareto {
    fn ln_pdf(&self, x: f64) -> f64 {
        if !(x >= self.minimum) || x == f64::INFINITY {
            return outside(x);
        }
        log(self.shape) - log(x) - self.shape * self.ln_ratio(x)
    }
    fn support(&self) -> (f64, f64) {
        (self.minimum, f64::INFINITY)
    }
}

/// Generalised Pareto: P(X > x) = (1 + k (x-μ)/σ)^(-1/k), e^(-(x-μ)/σ) for k = 0. The law of exceedances, fitted to
/// importance weights by [`crate::importance`]; its moments of order r exist for k < 1/r.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GeneralizedPareto {
    location: f64,
    scale: f64,
    shape: f64,
}
impl GeneralizedPareto {
    /// Location μ, scale σ > 0, shape k (a heavy tail for k > 0, a bounded one for k < 0).
    pub fn new(location: f64, scale: f64, shape: f64) -> Result<Self> {
        Ok(GeneralizedPareto {
            location: finite("location", location)?,
            scale: positive("scale", scale)?,
            shape: finite("shape", shape)?,
        })
    }
    /// -ln P(X > x)
    fn hazard(&self, x: f64) -> f64 {
        let z = (x - self.location) / self.scale;
        let k = self.shape;
        if !(z > 0.0) {
            zero_or_nan(z)
        } else if k.abs() < 1e-300 {
            z
        } else if k * z <= -1.0 {
            f64::INFINITY
        } else {
            log1p(k * z) / k
        }
    }
    /// The x with -ln P(X > x) = h.
    fn at_hazard(&self, h: f64) -> f64 {
        let k = self.shape;
        self.location + self.scale * if k.abs() < 1e-300 { h } else { expm1(k * h) / k }
    }
}
impl Distribution for GeneralizedPareto {
    type Value = f64;
    fn draw<R: Draw>(&self, rng: &mut R) -> f64 {
        self.at_hazard(rng.exponential())
    }
    fn cdf(&self, x: f64) -> f64 {
        -expm1(-self.hazard(x))
    }
    fn sf(&self, x: f64) -> f64 {
        exp(-self.hazard(x))
    }
    fn mean(&self) -> Result<f64> {
        let k = self.shape;
        if k < 1.0 {
            return Ok(self.location + self.scale / (1.0 - k));
        }
        Err(undefined(
            "the mean of a generalised Pareto distribution",
            &format!("it is finite for shape < 1, not {k}"),
        ))
    }
    fn variance(&self) -> Result<f64> {
        let k = self.shape;
        if k < 0.5 {
            return Ok((self.scale / (1.0 - k)).powi(2) / (1.0 - 2.0 * k));
        }
        Err(undefined(
            "the variance of a generalised Pareto distribution",
            &format!("it is finite for shape < 1/2, not {k}"),
        ))
    }
    fn third_absolute_moment(&self) -> Result<f64> {
        third_of_tail(self, "a generalised Pareto distribution", self.shape)
    }
    fn entropy(&self) -> Result<f64> {
        Ok(log(self.scale) + self.shape + 1.0)
    }
    expect_by_quadrature!();
}
impl Continuous for GeneralizedPareto {
    fn ln_pdf(&self, x: f64) -> f64 {
        let z = (x - self.location) / self.scale;
        if !(z >= 0.0) || z == f64::INFINITY || (self.shape < 0.0 && self.shape * z <= -1.0) {
            return outside(z);
        }
        -(1.0 + self.shape) * self.hazard(x) - log(self.scale)
    }
    fn ln_pdf_by_ends(&self, x: f64, from_lower: f64, to_upper: f64) -> f64 {
        // 1 + k z = -k (end - x) / σ near the end of a bounded tail, where the density is infinite for k < -1.
        let (k, left) = (self.shape, -self.shape * (to_upper / self.scale));
        if k < 0.0 && -k * (from_lower / self.scale) > 0.5 {
            -(1.0 + k) / k * log(left) - log(self.scale)
        } else {
            self.ln_pdf(x)
        }
    }
    fn support(&self) -> (f64, f64) {
        let end = if self.shape < 0.0 { self.location - self.scale / self.shape } else { f64::INFINITY };
        (self.location, end)
    }
    fn quantile(&self, p: f64) -> Result<f64> {
        Ok(self.at_hazard(-log1p(-crate::error::unit_interval("p", p)?)))
    }
    fn upper_quantile(&self, q: f64) -> Result<f64> {
        Ok(self.at_hazard(-log(crate::error::unit_interval("q", q)?)))
    }
}

/// Maxwell: the speed of a classical particle, each velocity component N(0, a²) with a² = k_B T / m.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Maxwell {
    scale: f64,
}
impl Maxwell {
    /// Scale a = √(k_B T / m) > 0.
    pub fn new(scale: f64) -> Result<Self> {
        Ok(Maxwell { scale: positive("scale", scale)? })
    }
    fn half_square(&self, x: f64) -> f64 {
        let z = x / self.scale;
        0.5 * z * z
    }
}
impl Distribution for Maxwell {
    type Value = f64;
    fn draw<R: Draw>(&self, rng: &mut R) -> f64 {
        let v = [rng.normal(), rng.normal(), rng.normal()];
        self.scale * v.iter().map(|x| x * x).sum::<f64>().sqrt()
    }
    fn cdf(&self, x: f64) -> f64 {
        if x > 0.0 { incomplete_gamma(1.5, self.half_square(x)).0 } else { zero_or_nan(x) }
    }
    fn sf(&self, x: f64) -> f64 {
        if x > 0.0 { incomplete_gamma(1.5, self.half_square(x)).1 } else { 1.0 + zero_or_nan(x) }
    }
    fn mean(&self) -> Result<f64> {
        Ok(self.scale * (8.0 / PI).sqrt())
    }
    fn variance(&self) -> Result<f64> {
        representable("the variance of a Maxwell distribution", self.scale * self.scale * (3.0 - 8.0 / PI))
    }
    fn entropy(&self) -> Result<f64> {
        Ok(log(self.scale) + LN_SQRT_2PI + 0.577_215_664_901_532_9 - 0.5)
    }
    expect_by_quadrature!();
}
impl Continuous for Maxwell {
    fn ln_pdf(&self, x: f64) -> f64 {
        if !(x > 0.0) || x == f64::INFINITY {
            return outside(x);
        }
        0.5 * log(2.0 / PI) + 2.0 * log(x / self.scale) - self.half_square(x) - log(self.scale)
    }
    fn support(&self) -> (f64, f64) {
        HALF_LINE
    }
}

/// E |X - μ|³ of a law with tail index k (moments of order r exist for k < 1/r).
fn third_of_tail<D: Continuous>(d: &D, name: &str, k: f64) -> Result<f64> {
    if k >= 1.0 / 3.0 {
        return Err(undefined(
            &format!("E |X - μ|³ of {name}"),
            &format!("its tail index {k} is not below 1/3"),
        ));
    }
    let mean = d.mean()?;
    d.expect(|x| (x - mean).abs().powi(3))
}

/// ln of a density outside its support; NaN for NaN.
fn outside(x: f64) -> f64 {
    if x.is_nan() { f64::NAN } else { f64::NEG_INFINITY }
}

fn zero_or_nan(x: f64) -> f64 {
    if x.is_nan() { f64::NAN } else { 0.0 }
}
