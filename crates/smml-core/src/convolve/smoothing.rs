//! Smoothing of series by a short kernel (Eq. 47): Gaussian, moving average, Savitzky-Golay, with a rule for the edges
//! and with error bars. Long convolutions and kernels without a centre are the business of [`super::convolve`].

use super::{Mode, check_finite, convolve};
use crate::{
    Estimate,
    error::{Error, Result, finite, positive, same_length},
    estimate::Source,
};

/// What stands beyond the ends of a series `a b c d`. Names and meanings as in scipy.ndimage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Edge {
    /// `d c b a | a b c d | d c b a`
    Reflect,
    /// `d c b | a b c d | c b a`
    Mirror,
    /// `a a a | a b c d | d d d`
    Nearest,
    /// `a b c d | a b c d | a b c d`
    Wrap,
    /// A given value.
    Constant(f64),
    /// Nothing: near the ends a polynomial is fitted to the last whole window, as scipy.signal.savgol_filter does. Only for
    /// Savitzky-Golay kernels.
    Interp,
}

/// A kernel of odd length with its centre in the middle.
///
/// ```
/// use smml_core::convolve::smoothing::{Edge, SmoothingKernel, smooth};
/// let noisy = [1.0, 1.2, 0.9, 5.0, 1.1, 0.8, 1.0];
/// let kernel = SmoothingKernel::gaussian(1.0, 4.0)?;
/// let smoothed = smooth(&noisy, &kernel, Edge::Reflect)?;
/// assert!(smoothed[3] < 3.0);
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SmoothingKernel {
    weights: Vec<f64>,
    fit: Option<LocalFit>,
}

impl SmoothingKernel {
    /// h_j ∝ exp(-j²/2σ²) for |j| <= ⌊truncate·σ + ½⌋, Σ h = 1, as scipy.ndimage.gaussian_filter1d.
    ///
    /// Errors: `sigma` or `truncate` not finite and > 0; [`Error::TooLarge`] beyond 2²⁴ values a side.
    pub fn gaussian(sigma: f64, truncate: f64) -> Result<Self> {
        positive("sigma", sigma)?;
        positive("truncate", truncate)?;
        let half = (truncate * sigma + 0.5).floor();
        if half > MAX_HALF as f64 {
            return Err(Error::TooLarge {
                what: "a Gaussian kernel".into(),
                needed: format!("{half} values a side"),
                limit: MAX_HALF.to_string(),
            });
        }
        let half = half as i64;
        let raw: Vec<f64> = (-half..=half).map(|j| libm::exp(-0.5 * (j as f64 / sigma).powi(2))).collect();
        let total: f64 = raw.iter().sum();
        Ok(SmoothingKernel { weights: raw.iter().map(|w| w / total).collect(), fit: None })
    }

    /// Equal weights over a window of odd length.
    pub fn moving_average(window: usize) -> Result<Self> {
        check_window(window)?;
        Ok(SmoothingKernel { weights: vec![1.0 / window as f64; window], fit: None })
    }

    /// Least-squares fit of a polynomial of degree `order` in a window of odd length, or its derivative of order
    /// `derivative`, at the centre; `spacing` is the distance of the samples. Same weights as scipy.signal.savgol_coeffs
    /// with its default `use="conv"`. (A. Savitzky and M. Golay, Anal. Chem. 36, 1627 (1964); computed with orthogonal
    /// polynomials, P. Gorry, Anal. Chem. 62, 570 (1990).)
    ///
    /// Errors: an even window, `order >= window`, a spacing not finite and > 0.
    pub fn savitzky_golay(window: usize, order: usize, derivative: usize, spacing: f64) -> Result<Self> {
        check_window(window)?;
        if order >= window {
            return Err(Error::out_of_range(
                "polynomial order",
                order,
                format!("less than the window, {window}"),
            ));
        }
        positive("spacing", spacing)?;
        let fit = LocalFit { half: (window / 2) as i64, order, derivative, spacing };
        let mut weights = fit.weights_at(0);
        // As a convolution kernel: h_j meets the sample j places BEFORE the centre.
        weights.reverse();
        Ok(SmoothingKernel { weights, fit: Some(fit) })
    }

    /// Any kernel of odd length, the centre in the middle; h_j multiplies the sample j places before.
    pub fn custom(weights: Vec<f64>) -> Result<Self> {
        check_window(weights.len())?;
        check_finite("weights", &weights)?;
        Ok(SmoothingKernel { weights, fit: None })
    }

    /// h_{-half} .. h_{half} of g_i = Σ_j h_j f_{i-j} (Eq. 47).
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// Samples on either side of the centre.
    pub fn half_width(&self) -> usize {
        self.weights.len() / 2
    }

    /// Weights of the samples `first..` in the smoothed value at `i`, and what a constant edge adds.
    fn row(&self, i: usize, n: usize, edge: Edge) -> Row {
        let half = self.half_width() as i64;
        if let (Edge::Interp, Some(fit)) = (edge, &self.fit) {
            let centre = (i as i64).clamp(half, n as i64 - 1 - half);
            let weights = fit.weights_at(i as i64 - centre);
            let terms =
                weights.into_iter().enumerate().map(|(k, w)| ((centre - half) as usize + k, w)).collect();
            return Row { terms, constant: 0.0 };
        }
        let mut row = Row { terms: Vec::with_capacity(self.weights.len()), constant: 0.0 };
        for (k, w) in self.weights.iter().enumerate() {
            match edge.index(i as i64 + half - k as i64, n) {
                Ok(index) => row.terms.push((index, *w)),
                Err(value) => row.constant += w * value,
            }
        }
        // A sample that a reflection meets twice enters once, with both weights: variances need that.
        row.terms.sort_by_key(|t| t.0);
        row.terms.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            if same {
                kept.1 += later.1;
            }
            same
        });
        row
    }

    fn check(&self, n: usize, edge: Edge) -> Result<()> {
        if n == 0 {
            return Err(Error::out_of_range("signal length", 0, "at least 1"));
        }
        match (edge, &self.fit) {
            (Edge::Constant(value), _) => finite("edge value", value).map(|_| ()),
            (Edge::Interp, None) => Err(Error::out_of_range(
                "edge",
                "Interp",
                "another one for a kernel that is no polynomial fit",
            )),
            (Edge::Interp, Some(_)) if n < self.weights.len() => {
                Err(Error::TooShort { have: n, needed: self.weights.len() })
            }
            _ => Ok(()),
        }
    }
}

const MAX_HALF: usize = 1 << 24;

fn check_window(window: usize) -> Result<()> {
    if window % 2 == 1 && window / 2 <= MAX_HALF {
        Ok(())
    } else {
        Err(Error::out_of_range("window", window, format!("odd and at most {}", 2 * MAX_HALF + 1)))
    }
}

struct Row {
    terms: Vec<(usize, f64)>,
    constant: f64,
}

impl Edge {
    /// The sample that stands at position `i` of a series of `n`, or the constant value.
    fn index(self, i: i64, n: usize) -> std::result::Result<usize, f64> {
        let len = n as i64;
        if (0..len).contains(&i) {
            return Ok(i as usize);
        }
        Ok(match self {
            Edge::Constant(value) => return Err(value),
            // `Interp` never asks for a sample outside.
            Edge::Nearest | Edge::Interp => i.clamp(0, len - 1),
            Edge::Wrap => i.rem_euclid(len),
            Edge::Reflect => {
                let j = i.rem_euclid(2 * len);
                j.min(2 * len - 1 - j)
            }
            Edge::Mirror if n == 1 => 0,
            Edge::Mirror => {
                let j = i.rem_euclid(2 * len - 2);
                j.min(2 * len - 2 - j)
            }
        } as usize)
    }
}

/// The smoothed series g_i = Σ_j h_j f_{i-j} (Eq. 47), as long as the signal. Signals shorter than the kernel are
/// extended as often as needed.
///
/// Errors: an empty signal or a value that is not finite; [`Edge::Interp`] with a kernel that is no polynomial fit, or
/// with a signal shorter than the window.
pub fn smooth(signal: &[f64], kernel: &SmoothingKernel, edge: Edge) -> Result<Vec<f64>> {
    kernel.check(signal.len(), edge)?;
    check_finite("signal", signal)?;
    let (n, half) = (signal.len(), kernel.half_width());
    if edge == Edge::Interp {
        let mut out = vec![0.0; half];
        out.extend(convolve(signal, &kernel.weights, Mode::Valid)?);
        out.resize(n, 0.0);
        for i in (0..half).chain(n - half..n) {
            out[i] = kernel.row(i, n, edge).terms.iter().map(|(j, w)| w * signal[*j]).sum();
        }
        return Ok(out);
    }
    let extended: Vec<f64> = (-(half as i64)..(n + half) as i64)
        .map(|i| match edge.index(i, n) {
            Ok(index) => signal[index],
            Err(value) => value,
        })
        .collect();
    convolve(&extended, &kernel.weights, Mode::Valid)
}

/// Variances of the smoothed values, Σ_k w_k² σ_k² over the samples that enter each, for samples independent of one
/// another. Smoothed neighbours are correlated; these are their variances one by one.
///
/// Errors: as [`smooth`], and a negative variance.
pub fn smooth_variances(variances: &[f64], kernel: &SmoothingKernel, edge: Edge) -> Result<Vec<f64>> {
    kernel.check(variances.len(), edge)?;
    check_finite("variances", variances)?;
    if let Some(i) = variances.iter().position(|v| *v < 0.0) {
        return Err(Error::out_of_range(format!("variances[{i}]"), variances[i], "at least 0"));
    }
    Ok(rows(kernel, variances.len(), edge, |row| row.terms.iter().map(|(j, w)| w * w * variances[*j]).sum()))
}

/// Smooths a series of estimates that are independent of one another. Values as [`smooth`], errors as
/// [`smooth_variances`], degrees of freedom by Welch and Satterthwaite; `n_eff` is the smallest of those that enter.
pub fn smooth_estimates(series: &[Estimate], kernel: &SmoothingKernel, edge: Edge) -> Result<Vec<Estimate>> {
    let values: Vec<f64> = series.iter().map(|e| e.value).collect();
    let variances: Vec<f64> = series.iter().map(|e| e.std_error * e.std_error).collect();
    let smoothed = smooth(&values, kernel, edge)?;
    let variances_out = smooth_variances(&variances, kernel, edge)?;
    same_length("smoothed series", smoothed.len(), variances_out.len())?;
    let mut i = 0;
    Ok(rows(kernel, series.len(), edge, |row| {
        let (value, variance) = (smoothed[i], variances_out[i]);
        i += 1;
        let mut n_eff = f64::MAX;
        let mut spread = 0.0;
        let mut leading = (-1.0, Source::Exact, 0.5);
        for (j, w) in row.terms.iter().filter(|t| t.1 != 0.0) {
            let part = w * w * variances[*j];
            spread += part * part / series[*j].dof;
            n_eff = n_eff.min(series[*j].n_eff);
            if part > leading.0 {
                leading = (part, series[*j].source, series[*j].tau_int);
            }
        }
        let dof = if spread > 0.0 { variance * variance / spread } else { f64::MAX };
        Estimate {
            value,
            std_error: variance.sqrt(),
            tau_int: leading.2,
            n_eff,
            dof: dof.min(f64::MAX),
            source: leading.1,
        }
    }))
}

/// `f` of the row of weights of each output.
fn rows<T>(kernel: &SmoothingKernel, n: usize, edge: Edge, f: impl FnMut(&Row) -> T) -> Vec<T> {
    (0..n)
        .map(|i| kernel.row(i, n, edge))
        .map({
            let mut f = f;
            move |row| f(&row)
        })
        .collect()
}

/// A polynomial fit of some order in a window, and which derivative of it is wanted.
#[derive(Clone, Debug, PartialEq)]
struct LocalFit {
    half: i64,
    order: usize,
    derivative: usize,
    spacing: f64,
}

impl LocalFit {
    /// The weight of each sample of the window in the derivative of the fit at `at` samples from the centre.
    ///
    /// With polynomials p_k orthogonal on the window, the fit is Σ_k p_k(x) Σ_j p_k(x_j) f_j / ‖p_k‖²: no normal
    /// equations, so high orders keep their digits. The recursion x p_k = p_{k+1} + c_k p_{k-1} gives derivatives too.
    fn weights_at(&self, at: i64) -> Vec<f64> {
        let n = (2 * self.half + 1) as usize;
        let mut weights = vec![0.0; n];
        if self.derivative > self.order {
            return weights;
        }
        // x in [-1, 1]
        let scale = self.half.max(1) as f64;
        let x: Vec<f64> = (-self.half..=self.half).map(|j| j as f64 / scale).collect();
        let x_at = at as f64 / scale;
        let (mut previous, mut current) = (vec![0.0; n], vec![1.0; n]);
        // value and derivatives at x_at, of order 0 ..= derivative
        let (mut d_previous, mut d_current) =
            (vec![0.0; self.derivative + 1], vec![0.0; self.derivative + 1]);
        d_current[0] = 1.0;
        let mut norm_previous = 1.0;
        for k in 0..=self.order {
            let norm: f64 = current.iter().map(|p| p * p).sum();
            let factor = d_current[self.derivative] / norm;
            weights.iter_mut().zip(&current).for_each(|(w, p)| *w += factor * p);
            let c = if k == 0 { 0.0 } else { norm / norm_previous };
            let next: Vec<f64> = (0..n).map(|j| x[j] * current[j] - c * previous[j]).collect();
            let d_next: Vec<f64> = (0..=self.derivative)
                .map(|d| {
                    let lower = if d > 0 { d as f64 * d_current[d - 1] } else { 0.0 };
                    x_at * d_current[d] + lower - c * d_previous[d]
                })
                .collect();
            (previous, current) = (current, next);
            (d_previous, d_current) = (d_current, d_next);
            norm_previous = norm;
        }
        let unit = (scale * self.spacing).powi(self.derivative.min(i32::MAX as usize) as i32);
        weights.iter_mut().for_each(|w| *w /= unit);
        weights
    }
}

#[cfg(test)]
mod tests;
