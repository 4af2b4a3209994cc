//! Smoothing of series by a short kernel (Eq. 47): Gaussian, moving average, Savitzky-Golay, with a rule for the edges
//! and with error bars. Long convolutions and kernels without a centre are the business of [`super::convolve`].

use super::{Mode, check_finite, convolve};
use crate::{
    Estimate,
    error::{Error, Result, finite, positive},
    estimate::{Source, combined},
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
    /// polynomials, P. Gorry, Anal. Chem. 62, 570 (1990).) The error of a weight is about 1e-14 of the largest, whatever
    /// order and derivative.
    ///
    /// Errors: an even window, `order >= window`, a spacing not finite and > 0, [`Error::Undefined`] when the weights
    /// lie outside the range of f64.
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
        let mut weights = fit.weights_at(0)?;
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
    fn row(&self, i: usize, n: usize, edge: Edge) -> Result<Row> {
        let half = self.half_width() as i64;
        if let (Edge::Interp, Some(fit)) = (edge, &self.fit) {
            let centre = (i as i64).clamp(half, n as i64 - 1 - half);
            let weights = fit.weights_at(i as i64 - centre)?;
            let terms =
                weights.into_iter().enumerate().map(|(k, w)| ((centre - half) as usize + k, w)).collect();
            return Ok(Row { terms, constant: 0.0 });
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
        Ok(row)
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
            out[i] = kernel.row(i, n, edge)?.terms.iter().map(|(j, w)| w * signal[*j]).sum();
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
    rows(kernel, variances.len(), edge, |row| row.terms.iter().map(|(j, w)| w * w * variances[*j]).sum())
}

/// Smooths a series of estimates that are independent of one another. Values as [`smooth`], raw errors
/// as [`smooth_variances`], degrees of freedom by Welch and Satterthwaite; `n_eff` is the smallest of those that enter,
/// the source the least certain.
pub fn smooth_estimates(series: &[Estimate], kernel: &SmoothingKernel, edge: Edge) -> Result<Vec<Estimate>> {
    let values: Vec<f64> = series.iter().map(|e| e.value).collect();
    let raw: Vec<f64> = series.iter().map(Estimate::raw_error).collect();
    check_finite("errors", &raw)?;
    let smoothed = smooth(&values, kernel, edge)?;
    let mut i = 0;
    rows(kernel, series.len(), edge, |row| {
        let value = smoothed[i];
        i += 1;
        let parts = row.terms.iter().filter(|t| t.1 != 0.0).map(|(j, w)| (w.abs() * raw[*j], &series[*j]));
        let (raw_error, dof) = combined(parts.clone().map(|(part, e)| (part, e.dof)));
        let mut n_eff = f64::MAX;
        let mut leading = (-1.0, 0.5);
        let mut source = Source::Exact;
        for (part, e) in parts {
            n_eff = n_eff.min(e.n_eff);
            source = source.or_less_certain(e.source);
            if part > leading.0 {
                leading = (part, e.tau_int);
            }
        }
        Estimate { tau_int: leading.1, ..Estimate::with_dof(value, raw_error, dof, n_eff, source) }
    })
}

/// `f` of the row of weights of each output.
fn rows<T>(kernel: &SmoothingKernel, n: usize, edge: Edge, mut f: impl FnMut(&Row) -> T) -> Result<Vec<T>> {
    (0..n).map(|i| kernel.row(i, n, edge).map(|row| f(&row))).collect()
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
    /// With the Gram polynomials p_k, orthonormal on the window, the fit is Σ_k p_k(x) Σ_j p_k(j) f_j: no normal
    /// equations, so high orders keep their digits. Derivatives come from the derivative of the recursion
    /// x p_k = b_{k+1} p_{k+1} + b_k p_{k-1}, as Taylor coefficients in units of a quarter of the window, in which they
    /// are of moderate size.
    fn weights_at(&self, at: i64) -> Result<Vec<f64>> {
        let n = (2 * self.half + 1) as usize;
        let mut weights = vec![0.0; n];
        if self.derivative > self.order {
            return Ok(weights);
        }
        let gram = Gram::new(n);
        let unit = n as f64 / 4.0;
        let d = self.derivative;
        let mut taylor = Vec::new();
        gram.values(at, self.order, &mut taylor);
        if d > 0 {
            let (mut previous, mut current) = (vec![0.0; d + 1], vec![0.0; d + 1]);
            current[0] = taylor[0];
            taylor[0] = 0.0;
            for k in 1..=self.order {
                // In place of `previous`: x p_{k-1} - b_{k-1} p_{k-2}, over b_k.
                for i in (1..=d).rev() {
                    previous[i] = (at as f64 * current[i] + unit * current[i - 1]
                        - gram.b[k - 1] * previous[i])
                        / gram.b[k];
                }
                previous[0] = taylor[k];
                std::mem::swap(&mut previous, &mut current);
                taylor[k] = current[d];
            }
        }
        let mut values = Vec::new();
        for (j, w) in (-self.half..=self.half).zip(&mut weights) {
            gram.values(j, self.order, &mut values);
            *w = taylor.iter().zip(&values).map(|(t, p)| t * p).sum();
        }
        // d! / (unit · spacing)^d as mantissa and exponent: the factors may leave the range of f64 where the weights
        // do not.
        let (mut mantissa, mut exponent) = (1.0, 0i32);
        for i in 1..=d {
            let (m, e) = libm::frexp(mantissa * (i as f64 / unit));
            let (m, f) = libm::frexp(m / self.spacing);
            (mantissa, exponent) = (m, exponent.saturating_add(e).saturating_add(f));
        }
        weights.iter_mut().for_each(|w| *w = libm::scalbn(*w * mantissa, exponent));
        let largest =
            weights.iter().fold(0.0, |a: f64, w| if w.is_nan() { f64::NAN } else { a.max(w.abs()) });
        // The weights of a fit are never all zero.
        if largest.is_finite() && largest >= f64::MIN_POSITIVE {
            return Ok(weights);
        }
        Err(Error::Undefined {
            what: format!(
                "the Savitzky-Golay weights of derivative {d} at order {} in a window of {n}",
                self.order
            ),
            why: "they lie outside the range of f64".into(),
        })
    }
}

/// The Gram polynomials of a window of n samples at -(n-1)/2 ..= (n-1)/2: orthonormal under the sum over them.
struct Gram {
    n: usize,
    /// b_k² = k² (n² - k²) / (4 (4k² - 1)) of the recursion, k < n; b_0 = 0.
    b: Vec<f64>,
}

impl Gram {
    fn new(n: usize) -> Self {
        let m = n as f64;
        let b = |k: usize| {
            let k = k as f64;
            if k == 0.0 { 0.0 } else { 0.5 * k * ((m - k) * (m + k) / (4.0 * k * k - 1.0)).sqrt() }
        };
        Gram { n, b: (0..n).map(b).collect() }
    }

    /// p_0 ..= p_order at the sample `x`, order < n.
    ///
    /// Up to k = √(n² - 4x²) the p_k(x) oscillate and the recursion is stable upward. From there on they decay, which
    /// an upward recursion cannot follow (its rounding grows): it runs downward from p_n(x) = 0, where the polynomial
    /// with all samples as zeros stands, and is joined to the upper part.
    fn values(&self, x: i64, order: usize, p: &mut Vec<f64>) {
        let (n, b) = (self.n, &self.b);
        let twice = 2.0 * x.unsigned_abs() as f64;
        let turn = ((n as f64 - twice) * (n as f64 + twice)).max(0.0).sqrt() as usize;
        let x = x as f64;
        let top = order.min(turn).min(n - 1);
        p.clear();
        p.push(1.0 / (n as f64).sqrt());
        for k in 1..=top {
            let before = if k > 1 { p[k - 2] } else { 0.0 };
            p.push((x * p[k - 1] - b[k - 1] * before) / b[k]);
        }
        if order == top {
            return;
        }
        p.resize(order + 1, 0.0);
        let joint = p[top];
        // `above` and `here` are p_{k+1} and p_k up to a common factor.
        let (mut above, mut here) = (0.0, 1.0);
        for k in (top..n).rev() {
            if k < n - 1 {
                let next = if k + 2 < n { b[k + 2] } else { 0.0 };
                (above, here) = (here, (x * here - next * above) / b[k + 1]);
            }
            if k <= order {
                p[k] = here;
            }
            if here.abs() > LARGE {
                // Values so much smaller than those to come are zeros.
                (above, here) = (above / LARGE, here / LARGE);
                p[k.min(order)..].iter_mut().for_each(|p| *p /= LARGE);
            }
        }
        let scale = joint / p[top];
        p[top..].iter_mut().for_each(|p| *p *= scale);
    }
}

const LARGE: f64 = 1e150;

#[cfg(test)]
mod tests;
