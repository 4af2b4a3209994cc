//! Distributions on an interval: uniform and beta.

use super::{
    continuous::{expect_by_quadrature, representable},
    special::{digamma, digamma_step, incomplete_beta, ln_beta, ln_binomial},
    traits::{Continuous, Distribution},
};
use crate::{
    error::{Error, Result, finite, positive},
    rng::Draw,
};
use libm::{log, log1p};

/// Uniform on [a, b).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Uniform {
    lower: f64,
    upper: f64,
}
impl Uniform {
    /// Bounds a < b, finite, with a finite difference.
    pub fn new(lower: f64, upper: f64) -> Result<Self> {
        finite("lower", lower)?;
        finite("upper", upper)?;
        if !(lower < upper) || !(upper - lower).is_finite() {
            return Err(Error::out_of_range(
                "upper",
                upper,
                format!("greater than lower = {lower}, by a finite difference"),
            ));
        }
        Ok(Uniform { lower, upper })
    }
    fn width(&self) -> f64 {
        self.upper - self.lower
    }
}
impl Distribution for Uniform {
    type Value = f64;
    fn draw<R: Draw>(&self, rng: &mut R) -> f64 {
        (self.lower + self.width() * rng.uniform()).min(self.upper.next_down())
    }
    fn cdf(&self, x: f64) -> f64 {
        ((x - self.lower) / self.width()).clamp(0.0, 1.0)
    }
    fn sf(&self, x: f64) -> f64 {
        ((self.upper - x) / self.width()).clamp(0.0, 1.0)
    }
    fn mean(&self) -> Result<f64> {
        Ok(0.5 * self.lower + 0.5 * self.upper)
    }
    fn variance(&self) -> Result<f64> {
        representable("the variance of a uniform distribution", self.width().powi(2) / 12.0)
    }
    fn third_absolute_moment(&self) -> Result<f64> {
        representable("E |X - μ|³ of a uniform distribution", self.width().powi(3) / 32.0)
    }
    fn entropy(&self) -> Result<f64> {
        Ok(log(self.width()))
    }
    expect_by_quadrature!();
}
impl Continuous for Uniform {
    fn ln_pdf(&self, x: f64) -> f64 {
        if x >= self.lower && x <= self.upper {
            -log(self.width())
        } else if x.is_nan() {
            f64::NAN
        } else {
            f64::NEG_INFINITY
        }
    }
    fn support(&self) -> (f64, f64) {
        (self.lower, self.upper)
    }
}

/// Beta: f(x) = x^(α-1) (1-x)^(β-1) / B(α, β) on [0, 1].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Beta {
    alpha: f64,
    beta: f64,
    sampler: rand_distr::Beta<f64>,
}
impl Beta {
    /// α > 0 and β > 0.
    pub fn new(alpha: f64, beta: f64) -> Result<Self> {
        let (alpha, beta) = (positive("alpha", alpha)?, positive("beta", beta)?);
        let sampler = rand_distr::Beta::new(alpha, beta).map_err(|e| {
            Error::out_of_range("alpha, beta", format!("{alpha}, {beta}"), format!("usable ({e})"))
        })?;
        Ok(Beta { alpha, beta, sampler })
    }
    fn tails(&self, x: f64) -> (f64, f64) {
        let x = x.clamp(0.0, 1.0);
        incomplete_beta(self.alpha, self.beta, x, 1.0 - x)
    }
}
impl Distribution for Beta {
    type Value = f64;
    fn draw<R: Draw>(&self, rng: &mut R) -> f64 {
        rng.sample(&self.sampler)
    }
    fn cdf(&self, x: f64) -> f64 {
        self.tails(x).0
    }
    fn sf(&self, x: f64) -> f64 {
        self.tails(x).1
    }
    fn mean(&self) -> Result<f64> {
        Ok(1.0 / (1.0 + self.beta / self.alpha))
    }
    fn variance(&self) -> Result<f64> {
        let n = self.alpha + self.beta;
        Ok((self.alpha / n) * (self.beta / n) / (n + 1.0))
    }
    fn entropy(&self) -> Result<f64> {
        let (a, b) = (self.alpha.min(self.beta), self.alpha.max(self.beta));
        if a > 1e3 {
            // The closed form cancels for large parameters.
            return super::traits::entropy_continuous(self);
        }
        // ln B - (a-1) ψ(a) - (b-1) ψ(b) + (a+b-2) ψ(a+b), with differences in place of the large terms
        let to_sum = digamma_step(b, a); // ψ(a+b) - ψ(b)
        let between = if a < 1.0 { digamma(b) - digamma(a) } else { digamma_step(a, b - a) };
        Ok(ln_beta(a, b) + (a - 1.0) * (between + to_sum) + (b - 1.0) * to_sum)
    }
    expect_by_quadrature!();
}
impl Continuous for Beta {
    fn ln_pdf(&self, x: f64) -> f64 {
        if !(0.0..=1.0).contains(&x) {
            return if x.is_nan() { f64::NAN } else { f64::NEG_INFINITY };
        }
        self.ln_pdf_by_ends(x, x, 1.0 - x)
    }
    fn ln_pdf_by_ends(&self, _: f64, x: f64, y: f64) -> f64 {
        let (a, b) = (self.alpha, self.beta);
        if x == 0.0 || y == 0.0 {
            let (near, other) = if x == 0.0 { (a, b) } else { (b, a) };
            return match near.total_cmp(&1.0) {
                std::cmp::Ordering::Less => f64::INFINITY,
                std::cmp::Ordering::Equal => log(other),
                std::cmp::Ordering::Greater => f64::NEG_INFINITY,
            };
        }
        let ln_y = if y > 0.5 { log1p(-x) } else { log(y) };
        match (a < 1.0, b < 1.0) {
            (false, false) => ln_binomial(a - 1.0, b - 1.0, x, y) + log(a + b - 1.0),
            (true, true) => ln_binomial(a, b, x, y) + log(a) + log(b) - log(a + b) - log(x) - ln_y,
            (true, false) => ln_binomial(a, b - 1.0, x, y) + log(a) - log(x),
            (false, true) => ln_binomial(a - 1.0, b, x, y) + log(b) - ln_y,
        }
    }
    fn support(&self) -> (f64, f64) {
        (0.0, 1.0)
    }
}
