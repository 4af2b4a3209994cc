//! Collapse of the curves of several sizes on one.

use super::{
    BinderCurve, Point, at_least,
    crossing::jackknife_many,
    fit::{Normal, solve},
};
use smml_core::{
    Estimate,
    error::{Error, Result, finite, positive},
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

/// What a fit found. Errors: standard deviation over the bootstrap, with [`smml_core::estimate::Source::Fit`]; by the
/// jackknife over blocks of the chains for [`CollapseFit::fit_curves`].
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

impl Parameters {
    /// T_c, 1/ν, ν and κ.
    fn shape(&self) -> [f64; 4] {
        [self.t_c, self.inverse_nu, 1.0 / self.inverse_nu, self.kappa]
    }
}

impl CollapseFit {
    /// Fits points of several sizes near T_c, whose errors are independent.
    ///
    /// Errors: parameters out of range, points or errors that are not finite and positive, not more points than
    /// parameters or only one size, [`Error::NotConverged`].
    pub fn fit(&self, points: &[Point], streams: &Streams) -> Result<Collapse> {
        at_least("repetitions of the bootstrap", self.n_bootstrap, 10)?;
        let (task, best, chi_squared) = self.best(points)?;
        let mut drawn = [Vec::new(), Vec::new(), Vec::new(), Vec::new()];
        for k in 0..self.n_bootstrap {
            let mut rng = streams.stream("collapse bootstrap", k as u64);
            let again: Vec<[f64; 4]> =
                task.data.iter().map(|&[l, x, y, e]| [l, x, y + e * rng.normal(), e]).collect();
            let found = levenberg(&again, task.spread, task.is_free, best.clone())?.0;
            drawn.iter_mut().zip(found.shape()).for_each(|(d, x)| d.push(x));
        }
        let values = best.shape();
        let with_error = |k: usize| {
            let n = drawn[k].len() as f64;
            let mean = drawn[k].iter().sum::<f64>() / n;
            let variance = drawn[k].iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
            Estimate::of_fit(values[k], variance.sqrt(), n - 1.0)
        };
        Ok(task.collapse(&best, chi_squared, std::array::from_fn(with_error)))
    }

    /// Fits the Binder cumulants of several sizes whose temperatures may be correlated, by tempering say. Weights are those
    /// of [`CollapseFit::fit`]; bias and errors of the parameters are by the jackknife over blocks of the chains
    /// ([`smml_core::estimate::jackknife_groups`]), blocks of time being left out of all chains of a size together.
    /// `n_bootstrap` is not used. Where errors of neighbouring temperatures are correlated χ² is not distributed as its
    /// degrees of freedom say.
    ///
    /// Errors: as [`CollapseFit::fit`].
    pub fn fit_curves(&self, curves: &[BinderCurve]) -> Result<Collapse> {
        let points: Vec<Point> = curves.iter().flat_map(BinderCurve::points).collect();
        let (task, best, chi_squared) = self.best(&points)?;
        let all: Vec<&BinderCurve> = curves.iter().collect();
        let errors = jackknife_many("the collapse", best.shape(), &all, |rows| {
            let values = rows.iter().flatten().map(|row| row[1]);
            let again: Vec<[f64; 4]> =
                task.data.iter().zip(values).map(|(&[l, x, _, e], y)| [l, x, y, e]).collect();
            Ok(levenberg(&again, task.spread, task.is_free, best.clone())?.0.shape())
        })?;
        Ok(task.collapse(&best, chi_squared, errors))
    }

    /// What is fitted, the best parameters and their χ².
    fn best(&self, points: &[Point]) -> Result<(Task, Parameters, f64)> {
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
        let dof = points.len() - n_parameters;
        Ok((Task { data, ln_l, spread, is_free, dof }, best, chi_squared))
    }
}

/// Points in the units of the fit: (ln L - mean of it, T, y, error).
struct Task {
    data: Vec<[f64; 4]>,
    ln_l: f64,
    spread: f64,
    is_free: bool,
    dof: usize,
}

impl Task {
    /// With errors of the four numbers of [`Parameters::shape`].
    fn collapse(&self, best: &Parameters, chi_squared: f64, errors: [Estimate; 4]) -> Collapse {
        // Back to f(z) with z = (T - T_c) L^(1/ν): z and f were in units of the mean size and of the spread.
        let unit = libm::exp(-best.inverse_nu * self.ln_l) / self.spread;
        let scale = libm::exp(-best.kappa * self.ln_l);
        let [t_c, inverse_nu, nu, kappa] = errors;
        Collapse {
            t_c,
            inverse_nu,
            nu,
            prefactor: if self.is_free { kappa } else { Estimate::exact(best.kappa) },
            master: (0i32..).zip(&best.master).map(|(k, c)| scale * c * unit.powi(k)).collect(),
            chi_squared,
            dof: self.dof,
        }
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
