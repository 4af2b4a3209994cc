//! Collapse of the curves of several sizes on one.

use super::{
    Point, at_least,
    fit::{Normal, solve},
};
use smml_core::{
    Estimate,
    error::{Error, Result, finite, positive},
    estimate::Source,
    rng::{Draw, Streams},
};

/// Steps of the fit.
const MAX_STEPS: usize = 500;
/// Highest degree of the master curve.
const MAX_DEGREE: usize = 12;

/// The power of L before the master curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Prefactor {
    /// Known: 0 for the Binder cumulant and ξ/L.
    Fixed(f64),
    /// Fitted, from this guess: -β/ν for ⟨|M|⟩/N, γ/ν for the susceptibility.
    Free(f64),
}

/// How to fit y(L, T) = L^κ f((T - T_c) L^(1/ν)) with a polynomial f (weighted least squares, all parameters together,
/// by Levenberg's and Marquardt's method).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CollapseFit {
    /// Degree of f, 1 to 12.
    pub degree: usize,
    /// κ.
    pub prefactor: Prefactor,
    /// A guess of T_c.
    pub t_c: f64,
    /// A guess of ν.
    pub nu: f64,
    /// Repetitions of the fit on data drawn anew within their errors, for the errors of the parameters; at least 10.
    pub n_bootstrap: usize,
}

/// What a fit found. Errors: standard deviation over the bootstrap.
#[derive(Clone, Debug, PartialEq)]
pub struct Collapse {
    /// T_c.
    pub t_c: Estimate,
    /// 1/ν
    pub inverse_nu: Estimate,
    /// ν
    pub nu: Estimate,
    /// κ: -β/ν, γ/ν; exact where it was fixed.
    pub prefactor: Estimate,
    /// Coefficients of f, from the constant one: f(z) = Σ cₖ zᵏ.
    pub master: Vec<f64>,
    /// Σ ((y - fit) / error)²
    pub chi_squared: f64,
    /// Points less parameters.
    pub dof: usize,
}

impl Collapse {
    /// χ² per degree of freedom; about 1 where the curves fall on one another within their errors.
    pub fn reduced_chi_squared(&self) -> f64 {
        self.chi_squared / self.dof as f64
    }
}

/// Parameters of one fit: T_c, 1/ν, κ, and coefficients in units in which z is of order 1.
#[derive(Clone)]
struct Parameters {
    t_c: f64,
    inverse_nu: f64,
    kappa: f64,
    master: Vec<f64>,
}

impl CollapseFit {
    /// Fits points of several sizes near T_c, whose errors are independent.
    ///
    /// Errors: parameters out of range, points or errors that are not finite and positive, not more points than
    /// parameters or only one size, [`Error::NotConverged`].
    pub fn fit(&self, points: &[Point], streams: &Streams) -> Result<Collapse> {
        if !(1..=MAX_DEGREE).contains(&self.degree) {
            return Err(Error::out_of_range("degree of the master curve", self.degree, "from 1 to 12"));
        }
        finite("guess of T_c", self.t_c)?;
        positive("guess of nu", self.nu)?;
        let (kappa, is_free) = match self.prefactor {
            Prefactor::Fixed(kappa) => (kappa, false),
            Prefactor::Free(kappa) => (kappa, true),
        };
        finite("prefactor", kappa)?;
        at_least("repetitions of the bootstrap", self.n_bootstrap, 10)?;
        points.iter().enumerate().try_for_each(|(i, p)| p.check(i))?;
        let n_parameters = self.degree + 3 + usize::from(is_free);
        at_least("points of the collapse", points.len(), n_parameters + 1)?;
        if points.iter().all(|p| p.size == points[0].size) {
            return Err(Error::out_of_range(
                "sizes of the collapse",
                points[0].size,
                "at least two different ones",
            ));
        }
        // Sizes in units of their geometric mean, temperatures in that of z: all parameters are then of order 1.
        let ln_l = points.iter().map(|p| libm::log(p.size)).sum::<f64>() / points.len() as f64;
        let spread = points.iter().map(|p| (p.x - self.t_c).abs()).fold(0.0, f64::max).max(f64::MIN_POSITIVE);
        let data: Vec<[f64; 4]> =
            points.iter().map(|p| [libm::log(p.size) - ln_l, p.x, p.value, p.error]).collect();
        let start = Parameters {
            t_c: self.t_c,
            inverse_nu: 1.0 / self.nu,
            kappa,
            master: vec![0.0; self.degree + 1],
        };
        let (best, chi_squared) = levenberg(&data, spread, is_free, start)?;
        let mut drawn = [Vec::new(), Vec::new(), Vec::new(), Vec::new()];
        for k in 0..self.n_bootstrap {
            let mut rng = streams.stream("collapse bootstrap", k as u64);
            let again: Vec<[f64; 4]> =
                data.iter().map(|&[l, x, y, e]| [l, x, y + e * rng.normal(), e]).collect();
            let found = levenberg(&again, spread, is_free, best.clone())?.0;
            let all = [found.t_c, found.inverse_nu, 1.0 / found.inverse_nu, found.kappa];
            drawn.iter_mut().zip(all).for_each(|(d, x)| d.push(x));
        }
        let with_error = |value: f64, drawn: &[f64]| {
            let n = drawn.len() as f64;
            let mean = drawn.iter().sum::<f64>() / n;
            let variance = drawn.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
            Estimate::with_dof(value, variance.sqrt(), n - 1.0, points.len() as f64, Source::Chain)
        };
        // Back to f(z) with z = (T - T_c) L^(1/ν): z and f were in units of the mean size and of the spread.
        let unit = libm::exp(-best.inverse_nu * ln_l) / spread;
        let scale = libm::exp(-best.kappa * ln_l);
        let master = (0i32..).zip(&best.master).map(|(k, c)| scale * c * unit.powi(k)).collect();
        Ok(Collapse {
            t_c: with_error(best.t_c, &drawn[0]),
            inverse_nu: with_error(best.inverse_nu, &drawn[1]),
            nu: with_error(1.0 / best.inverse_nu, &drawn[2]),
            prefactor: if is_free { with_error(best.kappa, &drawn[3]) } else { Estimate::exact(kappa) },
            master,
            chi_squared,
            dof: points.len() - n_parameters,
        })
    }
}

/// The linear part: the best master curve for given T_c, ν and κ, and its χ².
fn with_master(data: &[[f64; 4]], spread: f64, p: &mut Parameters) -> Option<f64> {
    let n = p.master.len();
    let mut normal = Normal::new(n);
    let row = |p: &Parameters, l: f64, x: f64| -> Vec<f64> {
        let z = (x - p.t_c) / spread * libm::exp(p.inverse_nu * l);
        let before = libm::exp(p.kappa * l);
        (0..n as i32).map(|k| before * z.powi(k)).collect()
    };
    for &[l, x, y, error] in data {
        normal.add(&row(p, l, x), y, 1.0 / (error * error));
    }
    p.master = solve(normal.matrix, normal.right)?;
    let square = |&[l, x, y, error]: &[f64; 4]| {
        let fit: f64 = row(p, l, x).iter().zip(&p.master).map(|(r, c)| r * c).sum();
        ((y - fit) / error).powi(2)
    };
    let chi_squared: f64 = data.iter().map(square).sum();
    chi_squared.is_finite().then_some(chi_squared)
}

/// Least squares over T_c, ν, κ with the master curve always at its best: steps of all parameters together, damped, and
/// then the linear part again.
fn levenberg(data: &[[f64; 4]], spread: f64, is_free: bool, start: Parameters) -> Result<(Parameters, f64)> {
    let undefined = || Error::Undefined {
        what: "the collapse".into(),
        why:
            "the points do not fix the master curve: are they at fewer temperatures than it has coefficients?"
                .into(),
    };
    let mut best = start;
    let mut chi_squared = with_master(data, spread, &mut best).ok_or_else(undefined)?;
    let n_shape = 2 + usize::from(is_free);
    let mut damping = 1e-3;
    let mut gain = f64::INFINITY;
    for _ in 0..MAX_STEPS {
        let mut normal = Normal::new(n_shape + best.master.len());
        for &[l, x, y, error] in data {
            let stretch = libm::exp(best.inverse_nu * l);
            let z = (x - best.t_c) / spread * stretch;
            let before = libm::exp(best.kappa * l);
            let f = best.master.iter().rev().fold(0.0, |sum, c| sum * z + c);
            let slope =
                (1i32..).zip(&best.master[1..]).map(|(k, c)| f64::from(k) * c * z.powi(k - 1)).sum::<f64>();
            // In units of the spread, so that T_c is of order 1 too.
            let mut row = vec![-before * slope * stretch, before * slope * z * l];
            if is_free {
                row.push(before * f * l);
            }
            row.extend((0..best.master.len() as i32).map(|k| before * z.powi(k)));
            normal.add(&row, y - before * f, 1.0 / (error * error));
        }
        let mut improved = false;
        while damping < 1e12 {
            let mut matrix = normal.matrix.clone();
            (0..matrix.len()).for_each(|i| matrix[i][i] *= 1.0 + damping);
            let trial = solve(matrix, normal.right.clone()).and_then(|step| {
                let mut trial = best.clone();
                trial.t_c += step[0] * spread;
                trial.inverse_nu += step[1];
                trial.kappa += if is_free { step[2] } else { 0.0 };
                let chi = with_master(data, spread, &mut trial)?;
                (chi < chi_squared && trial.inverse_nu > 0.0).then_some((trial, chi))
            });
            if let Some((trial, chi)) = trial {
                gain = (chi_squared - chi) / (1.0 + chi);
                (best, chi_squared, improved) = (trial, chi, true);
                damping = (damping * 0.1).max(1e-12);
                break;
            }
            damping *= 10.0;
        }
        if !improved || gain < 1e-12 {
            return Ok((best, chi_squared));
        }
    }
    Err(Error::NotConverged {
        what: "the collapse".into(),
        residual: gain,
        iterations: MAX_STEPS,
        tolerance: 1e-12,
    })
}
