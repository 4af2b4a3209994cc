//! Distributions on the whole line, given by location and scale: normal, Cauchy, Laplace, logistic, Gumbel, Student.

use super::{
    continuous::{expect_by_quadrature, representable, undefined},
    special::{LN_SQRT_2PI, digamma_step, ln_gamma_step, normal_cdf, normal_quantile, normal_sf},
    student,
    traits::{Continuous, Distribution},
};
use crate::{
    error::{Result, finite, positive, unit_interval},
    rng::Draw,
};
use libm::{atan2, exp, expm1, log, log1p};
use std::f64::consts::{FRAC_1_PI, LN_2, PI};

const LINE: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);

/// N(μ, σ²): f(x) = e^(-(x-μ)²/2σ²) / √(2π σ²).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normal {
    mean: f64,
    std_dev: f64,
}
impl Normal {
    /// N(0, 1).
    pub const STANDARD: Normal = Normal { mean: 0.0, std_dev: 1.0 };
    /// Mean and standard deviation (not variance), the latter > 0.
    pub fn new(mean: f64, std_dev: f64) -> Result<Self> {
        Ok(Normal { mean: finite("mean", mean)?, std_dev: positive("std_dev", std_dev)? })
    }
    fn z(&self, x: f64) -> f64 {
        (x - self.mean) / self.std_dev
    }
}
impl Distribution for Normal {
    type Value = f64;
    fn draw<R: Draw>(&self, rng: &mut R) -> f64 {
        self.mean + self.std_dev * rng.normal()
    }
    fn cdf(&self, x: f64) -> f64 {
        normal_cdf(self.z(x))
    }
    fn sf(&self, x: f64) -> f64 {
        normal_sf(self.z(x))
    }
    fn mean(&self) -> Result<f64> {
        Ok(self.mean)
    }
    fn variance(&self) -> Result<f64> {
        representable("the variance of a normal distribution", self.std_dev * self.std_dev)
    }
    fn std_dev(&self) -> Result<f64> {
        Ok(self.std_dev)
    }
    fn third_absolute_moment(&self) -> Result<f64> {
        representable("E |X - μ|³ of a normal distribution", (8.0 / PI).sqrt() * self.std_dev.powi(3))
    }
    fn entropy(&self) -> Result<f64> {
        Ok(0.5 + LN_SQRT_2PI + log(self.std_dev))
    }
    expect_by_quadrature!();
}
impl Continuous for Normal {
    fn ln_pdf(&self, x: f64) -> f64 {
        let z = self.z(x);
        -0.5 * z * z - LN_SQRT_2PI - log(self.std_dev)
    }
    fn support(&self) -> (f64, f64) {
        LINE
    }
    fn quantile(&self, p: f64) -> Result<f64> {
        Ok(self.mean + self.std_dev * normal_quantile(unit_interval("p", p)?))
    }
    fn upper_quantile(&self, q: f64) -> Result<f64> {
        Ok(self.mean - self.std_dev * normal_quantile(unit_interval("q", q)?))
    }
}

/// Cauchy (Lorentz): f(x) = 1 / (π γ (1 + ((x-x₀)/γ)²)). It has no mean and no variance, and the mean of n draws has
/// the law of one: the central limit theorem does not apply.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cauchy {
    location: f64,
    scale: f64,
}
impl Cauchy {
    /// Location x₀ (the median) and scale γ > 0 (half width at half maximum).
    pub fn new(location: f64, scale: f64) -> Result<Self> {
        Ok(Cauchy { location: finite("location", location)?, scale: positive("scale", scale)? })
    }
    fn z(&self, x: f64) -> f64 {
        (x - self.location) / self.scale
    }
}
impl Distribution for Cauchy {
    type Value = f64;
    fn draw<R: Draw>(&self, rng: &mut R) -> f64 {
        // A ratio of normals keeps its precision in both tails; 0/0 has probability 2⁻¹⁰⁰.
        let (a, b) = (rng.normal(), rng.normal());
        self.location + self.scale * if b == 0.0 { 0.0 } else { a / b }
    }
    fn cdf(&self, x: f64) -> f64 {
        atan2(1.0, -self.z(x)) * FRAC_1_PI
    }
    fn sf(&self, x: f64) -> f64 {
        atan2(1.0, self.z(x)) * FRAC_1_PI
    }
    fn mean(&self) -> Result<f64> {
        Err(undefined("the mean of a Cauchy distribution", "its integral does not converge"))
    }
    fn variance(&self) -> Result<f64> {
        Err(undefined("the variance of a Cauchy distribution", "it has no mean, and E X² is infinite"))
    }
    fn entropy(&self) -> Result<f64> {
        Ok(log(4.0 * PI) + log(self.scale))
    }
    expect_by_quadrature!();
}
impl Continuous for Cauchy {
    fn ln_pdf(&self, x: f64) -> f64 {
        let z = self.z(x).abs();
        let tail = if z > 1e150 { 2.0 * log(z) } else { log1p(z * z) };
        -tail - log(PI) - log(self.scale)
    }
    fn support(&self) -> (f64, f64) {
        LINE
    }
}

/// Laplace (double exponential): f(x) = e^(-|x-μ|/b) / 2b.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Laplace {
    location: f64,
    scale: f64,
}
impl Laplace {
    /// Location μ and scale b > 0.
    pub fn new(location: f64, scale: f64) -> Result<Self> {
        Ok(Laplace { location: finite("location", location)?, scale: positive("scale", scale)? })
    }
    fn upper(&self, z: f64) -> f64 {
        if z >= 0.0 { 0.5 * exp(-z) } else { -expm1(z) + 0.5 * exp(z) }
    }
}
impl Distribution for Laplace {
    type Value = f64;
    fn draw<R: Draw>(&self, rng: &mut R) -> f64 {
        let size = self.scale * rng.exponential();
        self.location + if rng.chance(0.5) { size } else { -size }
    }
    fn cdf(&self, x: f64) -> f64 {
        self.upper((self.location - x) / self.scale)
    }
    fn sf(&self, x: f64) -> f64 {
        self.upper((x - self.location) / self.scale)
    }
    fn mean(&self) -> Result<f64> {
        Ok(self.location)
    }
    fn variance(&self) -> Result<f64> {
        representable("the variance of a Laplace distribution", 2.0 * self.scale * self.scale)
    }
    fn third_absolute_moment(&self) -> Result<f64> {
        representable("E |X - μ|³ of a Laplace distribution", 6.0 * self.scale.powi(3))
    }
    fn entropy(&self) -> Result<f64> {
        Ok(1.0 + LN_2 + log(self.scale))
    }
    expect_by_quadrature!();
}
impl Continuous for Laplace {
    fn ln_pdf(&self, x: f64) -> f64 {
        -((x - self.location) / self.scale).abs() - LN_2 - log(self.scale)
    }
    fn support(&self) -> (f64, f64) {
        LINE
    }
}

/// Logistic: P(X <= x) = 1 / (1 + e^(-(x-μ)/s)), the Fermi function's complement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Logistic {
    location: f64,
    scale: f64,
}
impl Logistic {
    /// Location μ and scale s > 0.
    pub fn new(location: f64, scale: f64) -> Result<Self> {
        Ok(Logistic { location: finite("location", location)?, scale: positive("scale", scale)? })
    }
    fn z(&self, x: f64) -> f64 {
        (x - self.location) / self.scale
    }
}
impl Distribution for Logistic {
    type Value = f64;
    fn draw<R: Draw>(&self, rng: &mut R) -> f64 {
        // The difference of two Gumbel variables: the log of a ratio of exponentials, precise in both tails.
        let (a, b) = (rng.exponential(), rng.exponential());
        self.location + self.scale * (log(a.max(f64::MIN_POSITIVE)) - log(b.max(f64::MIN_POSITIVE)))
    }
    fn cdf(&self, x: f64) -> f64 {
        1.0 / (1.0 + exp(-self.z(x)))
    }
    fn sf(&self, x: f64) -> f64 {
        1.0 / (1.0 + exp(self.z(x)))
    }
    fn mean(&self) -> Result<f64> {
        Ok(self.location)
    }
    fn variance(&self) -> Result<f64> {
        representable("the variance of a logistic distribution", (PI * self.scale).powi(2) / 3.0)
    }
    fn entropy(&self) -> Result<f64> {
        Ok(2.0 + log(self.scale))
    }
    expect_by_quadrature!();
}
impl Continuous for Logistic {
    fn ln_pdf(&self, x: f64) -> f64 {
        let z = self.z(x).abs();
        -z - 2.0 * log1p(exp(-z)) - log(self.scale)
    }
    fn support(&self) -> (f64, f64) {
        LINE
    }
}

/// Gumbel, the law of large maxima: P(X <= x) = e^(-e^(-(x-μ)/β)).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gumbel {
    location: f64,
    scale: f64,
}
impl Gumbel {
    /// Location μ (the mode) and scale β > 0.
    pub fn new(location: f64, scale: f64) -> Result<Self> {
        Ok(Gumbel { location: finite("location", location)?, scale: positive("scale", scale)? })
    }
    fn z(&self, x: f64) -> f64 {
        (x - self.location) / self.scale
    }
}
impl Distribution for Gumbel {
    type Value = f64;
    fn draw<R: Draw>(&self, rng: &mut R) -> f64 {
        self.location - self.scale * log(rng.exponential().max(f64::MIN_POSITIVE))
    }
    fn cdf(&self, x: f64) -> f64 {
        exp(-exp(-self.z(x)))
    }
    fn sf(&self, x: f64) -> f64 {
        -expm1(-exp(-self.z(x)))
    }
    fn mean(&self) -> Result<f64> {
        Ok(self.location + 0.577_215_664_901_532_9 * self.scale)
    }
    fn variance(&self) -> Result<f64> {
        representable("the variance of a Gumbel distribution", (PI * self.scale).powi(2) / 6.0)
    }
    fn entropy(&self) -> Result<f64> {
        Ok(1.577_215_664_901_533 + log(self.scale))
    }
    expect_by_quadrature!();
}
impl Continuous for Gumbel {
    fn ln_pdf(&self, x: f64) -> f64 {
        let z = self.z(x);
        let power = exp(-z);
        // At -∞ the sum would be ∞ - ∞.
        if power == f64::INFINITY { f64::NEG_INFINITY } else { -z - power - log(self.scale) }
    }
    fn support(&self) -> (f64, f64) {
        LINE
    }
}

/// Student's t with ν degrees of freedom, shifted and scaled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StudentT {
    location: f64,
    scale: f64,
    dof: f64,
    chi_squared: rand_distr::Gamma<f64>,
}
impl StudentT {
    /// Location, scale > 0 (which is not the standard deviation) and degrees of freedom > 0.
    pub fn new(location: f64, scale: f64, dof: f64) -> Result<Self> {
        let (location, scale, dof) =
            (finite("location", location)?, positive("scale", scale)?, positive("dof", dof)?);
        let chi_squared = super::positive::gamma_sampler("dof", 0.5 * dof, 2.0 / dof)?;
        Ok(StudentT { location, scale, dof, chi_squared })
    }
    fn z(&self, x: f64) -> f64 {
        (x - self.location) / self.scale
    }
    /// The t with P(T > t) = q, in standard form.
    fn standard_upper(&self, q: f64) -> f64 {
        match q {
            0.0 => f64::INFINITY,
            1.0 => f64::NEG_INFINITY,
            _ => -student::student_t_quantile(q, self.dof),
        }
    }
    fn upper(&self, t: f64) -> f64 {
        if t >= 0.0 {
            student::tails(t, self.dof).0
        } else if t < 0.0 {
            let (tail, centre) = student::tails(-t, self.dof);
            // Near the median both are right, and 0.5 + centre keeps the distance to it.
            if centre < 0.25 { 0.5 + centre } else { 1.0 - tail }
        } else {
            f64::NAN
        }
    }
}
impl Distribution for StudentT {
    type Value = f64;
    fn draw<R: Draw>(&self, rng: &mut R) -> f64 {
        let (z, v) = (rng.normal(), rng.sample(&self.chi_squared));
        // For ν near 0 the divisor can underflow; the draw is then the largest finite number.
        let t = z / v.sqrt();
        self.location + self.scale * if t.is_finite() { t } else { 1e300_f64.copysign(z) }
    }
    fn cdf(&self, x: f64) -> f64 {
        self.upper(-self.z(x))
    }
    fn sf(&self, x: f64) -> f64 {
        self.upper(self.z(x))
    }
    fn mean(&self) -> Result<f64> {
        if self.dof > 1.0 {
            return Ok(self.location);
        }
        Err(undefined(
            "the mean of Student's t",
            &format!("it needs more than 1 degree of freedom, not {}", self.dof),
        ))
    }
    fn variance(&self) -> Result<f64> {
        if self.dof > 2.0 {
            let value = self.scale * self.scale * (self.dof / (self.dof - 2.0));
            return representable("the variance of Student's t", value);
        }
        Err(undefined(
            "the variance of Student's t",
            &format!("it is finite for more than 2 degrees of freedom, not {}", self.dof),
        ))
    }
    fn third_absolute_moment(&self) -> Result<f64> {
        let n = self.dof;
        if n <= 3.0 {
            return Err(undefined(
                "E |X - μ|³ of Student's t",
                &format!("it is finite for more than 3 degrees of freedom, not {n}"),
            ));
        }
        // ν^(3/2) Γ(2) Γ((ν-3)/2) / (√π Γ(ν/2))
        let h = 0.5 * n - 1.5;
        let ln = if n < 1e16 { 1.5 * log(n) - ln_gamma_step(h, 1.5) } else { 1.5 * LN_2 };
        representable("E |X - μ|³ of Student's t", self.scale.powi(3) * (exp(ln) / PI.sqrt()))
    }
    fn entropy(&self) -> Result<f64> {
        let n = self.dof;
        Ok(0.5 * (n + 1.0) * digamma_step(0.5 * n, 0.5) + student::ln_norm(n) + log(self.scale))
    }
    expect_by_quadrature!();
}
impl Continuous for StudentT {
    fn ln_pdf(&self, x: f64) -> f64 {
        student::ln_density(self.z(x), self.dof) - log(self.scale)
    }
    fn support(&self) -> (f64, f64) {
        LINE
    }
    fn quantile(&self, p: f64) -> Result<f64> {
        Ok(self.location + self.scale * -self.standard_upper(unit_interval("p", p)?))
    }
    fn upper_quantile(&self, q: f64) -> Result<f64> {
        Ok(self.location + self.scale * self.standard_upper(unit_interval("q", q)?))
    }
    fn median(&self) -> f64 {
        self.location
    }
}
