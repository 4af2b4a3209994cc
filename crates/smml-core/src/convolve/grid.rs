//! Sums of independent continuous variables, their densities given on a grid (Eq. 45).

use super::{
    Method, Mode, check_finite, convolve_with,
    lattice::{Clamped, Tails},
};
use crate::error::{Error, Result, finite, positive};

/// A density f on [start, start + (n - 1) step], zero outside, given at n equidistant points.
///
/// Integrals are by the trapezoidal rule: of second order in the step for a density that is smooth between its ends
/// (jumps at the ends allowed), and of every order for one that vanishes smoothly there, as a wide enough Gaussian.
/// A jump within the interval costs an order; put it on an end.
///
/// ```
/// use smml_core::convolve::{grid::GridDensity, lattice::Tails};
/// let uniform = GridDensity::from_fn(0.0, 0.01, 101, |_| 1.0)?;
/// let triangle = uniform.plus(&uniform, Tails::Relative)?.density;
/// assert!((triangle.at(0.25) - 0.25).abs() < 1e-12 && (triangle.at(1.5) - 0.5).abs() < 1e-12);
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct GridDensity {
    start: f64,
    step: f64,
    values: Vec<f64>,
}

/// The density of a sum.
#[derive(Clone, Debug, PartialEq)]
pub struct GridSum {
    /// The density.
    pub density: GridDensity,
    /// What was set to zero because it had come out negative.
    pub clamped: Clamped,
}

impl GridDensity {
    /// Errors: fewer than two values, a value that is negative or not finite, a step not > 0. Whether the mass is 1 is not
    /// checked: see [`GridDensity::mass`].
    pub fn new(start: f64, step: f64, values: Vec<f64>) -> Result<Self> {
        finite("start", start)?;
        positive("step", step)?;
        check_finite("values", &values)?;
        if values.len() < 2 {
            return Err(Error::out_of_range("number of values", values.len(), "at least 2"));
        }
        if let Some(i) = values.iter().position(|v| *v < 0.0) {
            return Err(Error::out_of_range(format!("values[{i}]"), values[i], "at least 0"));
        }
        Ok(GridDensity { start, step, values })
    }

    /// The density `f` at `n` points.
    pub fn from_fn(start: f64, step: f64, n: usize, f: impl Fn(f64) -> f64) -> Result<Self> {
        Self::new(start, step, (0..n).map(|i| f(start + step * i as f64)).collect())
    }

    /// Grid point `i`.
    pub fn x(&self, i: usize) -> f64 {
        self.start + self.step * i as f64
    }
    /// Distance of grid points.
    pub fn step(&self) -> f64 {
        self.step
    }
    /// f at the grid points.
    pub fn values(&self) -> &[f64] {
        &self.values
    }
    /// f(x), linear between grid points, zero outside.
    pub fn at(&self, x: f64) -> f64 {
        let k = (x - self.start) / self.step;
        let last = (self.values.len() - 1) as f64;
        if !(-1e-9..=last + 1e-9).contains(&k) {
            return 0.0;
        }
        let k = k.clamp(0.0, last);
        let i = (k as usize).min(self.values.len() - 2);
        let t = k - i as f64;
        (1.0 - t) * self.values[i] + t * self.values[i + 1]
    }
    /// ∫ f, near 1 for a grid that is fine and wide enough.
    pub fn mass(&self) -> f64 {
        self.integral(|_| 1.0)
    }
    /// ∫ x f / ∫ f.
    pub fn mean(&self) -> f64 {
        self.integral(|x| x) / self.mass()
    }
    /// ∫ (x - mean)² f / ∫ f.
    pub fn variance(&self) -> f64 {
        let mean = self.mean();
        self.integral(|x| (x - mean).powi(2)) / self.mass()
    }

    fn integral(&self, g: impl Fn(f64) -> f64) -> f64 {
        let last = self.values.len() - 1;
        let term = |i: usize| self.values[i] * g(self.x(i));
        self.step * ((0..=last).map(term).sum::<f64>() - 0.5 * (term(0) + term(last)))
    }

    /// The density of X + Y, f(z) = ∫ f_X(x) f_Y(z - x) dx (Eq. 45), for independent X and Y on grids of equal step; the
    /// trapezoidal rule over the part where both are given. With [`Tails::Relative`] rounding errors are relative to each
    /// value; [`Tails::Absolute`] uses the FFT where it is quicker, and sets negative results to zero.
    ///
    /// Errors: steps that differ by more than 10⁻¹² of themselves.
    pub fn plus(&self, other: &Self, tails: Tails) -> Result<GridSum> {
        if !((self.step - other.step).abs() <= 1e-12 * self.step) {
            return Err(Error::out_of_range("step of the other grid", other.step, format!("{}", self.step)));
        }
        let (f, g) = (&self.values, &other.values);
        // The two ends of the overlap count half. They are among the terms of the sum, so nothing cancels but at z where
        // the overlap is a single point, and there the integral is zero.
        let method = match tails {
            Tails::Relative => Method::Direct,
            Tails::Absolute => Method::Auto,
        };
        let mut values = convolve_with(f, g, Mode::Full, method)?;
        for (k, value) in values.iter_mut().enumerate() {
            let first = k.saturating_sub(g.len() - 1);
            let last = k.min(f.len() - 1);
            *value = self.step * (*value - 0.5 * (f[first] * g[k - first] + f[last] * g[k - last]));
        }
        let clamped = Clamped::clamp(&mut values);
        Ok(GridSum {
            density: GridDensity { start: self.start + other.start, step: self.step, values },
            clamped,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    fn normal(mean: f64, sigma: f64, step: f64) -> GridDensity {
        let half = (9.0 * sigma / step).ceil();
        GridDensity::from_fn(mean - half * step, step, 2 * half as usize + 1, |x| {
            (-0.5 * ((x - mean) / sigma).powi(2)).exp() / (sigma * TAU.sqrt())
        })
        .unwrap()
    }

    #[test]
    fn uniform_plus_uniform_is_the_triangle() {
        let uniform = GridDensity::from_fn(0.0, 1.0 / 128.0, 129, |_| 1.0).unwrap();
        for tails in [Tails::Relative, Tails::Absolute] {
            let triangle = uniform.plus(&uniform, tails).unwrap().density;
            assert_eq!(triangle.values().len(), 257);
            for (i, v) in triangle.values().iter().enumerate() {
                assert!((v - (1.0 - (triangle.x(i) - 1.0).abs())).abs() < 1e-14);
            }
            assert!((triangle.mass() - 1.0).abs() < 1e-14 && (triangle.mean() - 1.0).abs() < 1e-14);
        }
    }

    /// f(x) = 2x on [0, 1]: the sum has 2z³/3 for z <= 1.
    #[test]
    fn second_order_in_the_step() {
        let error = |n: usize| {
            let ramp = GridDensity::from_fn(0.0, 1.0 / n as f64, n + 1, |x| 2.0 * x).unwrap();
            ramp.plus(&ramp, Tails::Relative).unwrap().density.at(1.0) - 2.0 / 3.0
        };
        assert!(error(50).abs() < 1e-3 && (error(50) / error(100) - 4.0).abs() < 0.01);
    }

    #[test]
    fn normal_plus_normal_is_normal() {
        let (a, b) = (normal(1.0, 0.6, 0.05), normal(-3.0, 0.8, 0.05));
        let sum = a.plus(&b, Tails::Relative).unwrap().density;
        for (i, v) in sum.values().iter().enumerate() {
            let z = sum.x(i) + 2.0;
            let exact = (-0.5 * z * z).exp() / TAU.sqrt();
            assert!((v - exact).abs() < 1e-14);
            // relative accuracy far out; beyond, the grids of ±9 sigma of the terms end too early
            if z.abs() < 6.0 {
                assert!((v / exact - 1.0).abs() < 1e-10, "{z} {}", v / exact - 1.0);
            }
        }
        assert!((sum.mean() + 2.0).abs() < 1e-13 && (sum.variance() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn bad_input_is_refused() {
        assert!(GridDensity::new(0.0, 1.0, vec![1.0]).is_err());
        assert!(GridDensity::new(0.0, 1.0, vec![1.0, -1.0]).is_err());
        assert!(GridDensity::new(0.0, -1.0, vec![1.0, 1.0]).is_err());
        assert!(GridDensity::new(0.0, 1.0, vec![1.0, f64::INFINITY]).is_err());
        let (a, b) = (normal(0.0, 1.0, 0.1), normal(0.0, 1.0, 0.2));
        assert!(a.plus(&b, Tails::Relative).is_err());
    }
}
