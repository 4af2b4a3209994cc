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
mod tests {
    use super::*;
    use proptest::prelude::*;

    const X: [f64; 10] = [2.0, -1.0, 3.0, 5.0, 0.5, 7.0, 4.0, -2.0, 1.0, 6.0];

    fn close(found: &[f64], expected: &[f64], tolerance: f64) {
        assert_eq!(found.len(), expected.len());
        for (i, (f, e)) in found.iter().zip(expected).enumerate() {
            assert!((f - e).abs() < tolerance, "{i}: {f} {e}");
        }
    }

    #[test]
    fn savitzky_golay_weights() {
        let weights = |w, p, d, s| SmoothingKernel::savitzky_golay(w, p, d, s).unwrap().weights().to_vec();
        // Closed forms: Savitzky and Golay's tables
        close(&weights(5, 2, 0, 1.0), &[-3.0, 12.0, 17.0, 12.0, -3.0].map(|v| v / 35.0), 1e-15);
        close(&weights(5, 4, 1, 1.0), &[-1.0, 8.0, 0.0, -8.0, 1.0].map(|v| v / 12.0), 1e-15);
        close(&weights(1, 0, 0, 1.0), &[1.0], 0.0 + 1e-16);
        // scipy 1.17.1, savgol_coeffs(7, 3, deriv=1, delta=0.5)
        close(
            &weights(7, 3, 1, 0.5),
            &[
                -0.17460317460317445,
                0.5317460317460315,
                0.4603174603174604,
                0.0,
                -0.46031746031746046,
                -0.5317460317460317,
                0.17460317460317465,
            ],
            1e-14,
        );
        // savgol_coeffs(9, 4, deriv=2)
        close(
            &weights(9, 4, 2, 1.0),
            &[
                -0.07342657342657533,
                0.2162004662004659,
                0.08799533799533761,
                -0.12296037296037296,
                -0.2156177156177159,
                -0.12296037296037307,
                0.08799533799533796,
                0.21620046620046557,
                -0.07342657342657528,
            ],
            1e-14,
        );
        // savgol_coeffs(11, 5, deriv=3, delta=2)
        close(
            &weights(11, 5, 3, 2.0),
            &[
                -0.007047639860139875,
                0.021962412587412633,
                0.0006009615384614667,
                -0.018575174825174803,
                -0.017263986013985985,
                0.0,
                0.01726398601398601,
                0.018575174825174807,
                -0.0006009615384615389,
                -0.021962412587412588,
                0.007047639860139866,
            ],
            1e-14,
        );
        assert!(weights(5, 2, 3, 1.0).iter().all(|w| *w == 0.0));
    }

    #[test]
    fn savitzky_golay_filter_as_scipy() {
        let kernel = SmoothingKernel::savitzky_golay(5, 2, 0, 1.0).unwrap();
        let middle = [
            2.614285714285713,
            3.114285714285712,
            3.757142857142854,
            4.685714285714283,
            3.528571428571427,
            -0.37142857142857366,
        ];
        // scipy.signal.savgol_filter(X, 5, 2, mode=..., cval=1.5): the two values at either end
        for (edge, [a, b, y, z]) in [
            (Edge::Mirror, [-0.2285714285714292, 0.8857142857142846, 1.428571428571427, 3.9428571428571426]),
            (Edge::Nearest, [0.8857142857142848, 0.628571428571427, 0.999999999999998, 4.97142857142857]),
            (
                Edge::Constant(1.5),
                [0.7571428571428563, 0.6714285714285699, 1.3857142857142843, 3.814285714285713],
            ),
            (Edge::Wrap, [2.3428571428571416, 0.2857142857142836, 1.3428571428571414, 4.199999999999999]),
            (Edge::Interp, [0.585714285714283, 1.9571428571428564, 0.9142857142857084, 5.771428571428568]),
        ] {
            let expected: Vec<f64> = [a, b].into_iter().chain(middle).chain([y, z]).collect();
            close(&smooth(&X, &kernel, edge).unwrap(), &expected, 1e-13);
        }
        // savgol_filter(X, 7, 3, deriv=1, delta=0.5, mode="interp")
        let slope = SmoothingKernel::savitzky_golay(7, 3, 1, 0.5).unwrap();
        close(
            &smooth(&X, &slope, Edge::Interp).unwrap(),
            &[
                -2.4246031746031513,
                0.468253968253979,
                2.194444444444446,
                2.753968253968254,
                1.6269841269841274,
                -1.761904761904761,
                -4.051587301587302,
                -1.3253968253968145,
                4.567460317460327,
                13.62698412698413,
            ],
            1e-12,
        );
    }

    #[test]
    fn gaussian_filter_as_scipy() {
        let kernel = SmoothingKernel::gaussian(1.3, 3.0).unwrap();
        assert_eq!(kernel.half_width(), 4);
        // scipy.ndimage.gaussian_filter1d(X, 1.3, mode=..., cval=1.5, truncate=3.0)
        for (edge, expected) in [
            (
                Edge::Reflect,
                [
                    1.2165671510494322,
                    1.5092382499449541,
                    2.27036091875648,
                    3.026864107074969,
                    3.495919956541554,
                    3.5578698605772425,
                    2.770752119153346,
                    1.9054165382599595,
                    2.3278818849502487,
                    3.4191292136918143,
                ],
            ),
            (
                Edge::Mirror,
                [
                    0.9381712835924829,
                    1.3182670783594073,
                    2.216912500639411,
                    3.0187652060307757,
                    3.495919956541554,
                    3.5578698605772425,
                    2.7572539507463576,
                    1.7902393824779996,
                    1.8097776629650486,
                    2.1318175197319262,
                ],
            ),
            (
                Edge::Nearest,
                [
                    1.4690856417962415,
                    1.5707855691062165,
                    2.2784598198006734,
                    3.026864107074969,
                    3.495919956541554,
                    3.5578698605772425,
                    2.770752119153346,
                    1.918914706666948,
                    2.456557209139197,
                    4.0659087598659625,
                ],
            ),
            (
                Edge::Constant(1.5),
                [
                    1.2958353465635888,
                    1.5117224196686483,
                    2.2664021774861975,
                    3.0255142902342707,
                    3.495919956541554,
                    3.5578698605772425,
                    2.758603767587056,
                    1.8103959258366682,
                    1.9249888642010835,
                    2.5066561027720886,
                ],
            ),
            (
                Edge::Wrap,
                [
                    2.208308457483315,
                    1.9146154404178137,
                    2.361422789909489,
                    3.0376626418005603,
                    3.495919956541554,
                    3.5578698605772425,
                    2.7599535844277554,
                    1.8143546671069506,
                    1.9225046944773894,
                    2.427387907257932,
                ],
            ),
        ] {
            close(&smooth(&X, &kernel, edge).unwrap(), &expected, 1e-14);
        }
        // Three samples under a kernel of eleven (truncate = 4): extended several times over.
        let wide = SmoothingKernel::gaussian(1.3, 4.0).unwrap();
        for (edge, expected) in [
            (Edge::Reflect, [1.1640370266549482, 1.2760555662053847, 1.5599074071396672]),
            (Edge::Mirror, [0.6886463571566839, 0.7491890277140196, 0.8129755874152769]),
            (Edge::Wrap, [1.3496984096556044, 1.2760555662053847, 1.3742460241390109]),
        ] {
            close(&smooth(&X[..3], &wide, edge).unwrap(), &expected, 1e-14);
        }
    }

    /// Gaussian * Gaussian is a Gaussian with the sum of the variances (up to the lattice, tiny for σ >= 2).
    #[test]
    fn gaussians_add_their_variances() {
        let narrow = |sigma: f64| SmoothingKernel::gaussian(sigma, 9.0).unwrap().weights().to_vec();
        let both = convolve(&narrow(3.0), &narrow(4.0), Mode::Full).unwrap();
        let direct = narrow(5.0);
        let offset = (both.len() - direct.len()) / 2;
        close(&both[offset..offset + direct.len()], &direct, 1e-14);
    }

    #[test]
    fn delta_gives_back_the_kernel() {
        let kernel = SmoothingKernel::custom(vec![1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
        let mut delta = [0.0; 9];
        delta[4] = 1.0;
        close(
            &smooth(&delta, &kernel, Edge::Constant(0.0)).unwrap(),
            &[0.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 0.0, 0.0],
            1e-15,
        );
    }

    #[test]
    fn variances_count_reflected_samples_once() {
        let kernel = SmoothingKernel::custom(vec![0.25, 0.5, 0.25]).unwrap();
        let v = smooth_variances(&[4.0, 1.0, 1.0], &kernel, Edge::Reflect).unwrap();
        // first value: 0.75 x0 + 0.25 x1
        close(&v, &[0.5625 * 4.0 + 0.0625, 0.0625 * 4.0 + 0.25 + 0.0625, 0.0625 + 0.5625], 1e-15);
        let v = smooth_variances(&[4.0, 1.0, 1.0], &kernel, Edge::Constant(9.0)).unwrap();
        close(&v, &[0.25 * 4.0 + 0.0625, 0.25 + 0.25 + 0.0625, 0.0625 + 0.25], 1e-15);
        let e = |value: f64, std_error: f64| Estimate {
            value,
            std_error,
            tau_int: 0.5,
            n_eff: 20.0,
            dof: 19.0,
            source: Source::Independent,
        };
        let s = smooth_estimates(&[e(1.0, 2.0), e(2.0, 1.0), e(3.0, 1.0)], &kernel, Edge::Reflect).unwrap();
        assert!((s[0].value - 1.25).abs() < 1e-15 && (s[0].std_error.powi(2) - 2.3125).abs() < 1e-14);
        // Welch-Satterthwaite: 2.3125² / ((2.25² + 0.0625²)/19)
        assert!((s[0].dof - 2.3125f64.powi(2) * 19.0 / (2.25f64.powi(2) + 0.0625f64.powi(2))).abs() < 1e-10);
        assert_eq!(s[0].source, Source::Independent);
    }

    #[test]
    fn bad_input_is_refused() {
        assert!(SmoothingKernel::gaussian(0.0, 4.0).is_err());
        assert!(SmoothingKernel::gaussian(f64::NAN, 4.0).is_err());
        assert!(SmoothingKernel::gaussian(1e30, 4.0).is_err());
        assert!(SmoothingKernel::savitzky_golay(4, 2, 0, 1.0).is_err());
        assert!(SmoothingKernel::savitzky_golay(5, 5, 0, 1.0).is_err());
        assert!(SmoothingKernel::savitzky_golay(5, 2, 0, 0.0).is_err());
        assert!(SmoothingKernel::custom(vec![]).is_err());
        assert!(SmoothingKernel::custom(vec![f64::NAN]).is_err());
        let gauss = SmoothingKernel::gaussian(1.0, 4.0).unwrap();
        assert!(smooth(&X, &gauss, Edge::Interp).is_err());
        assert!(smooth(&[], &gauss, Edge::Reflect).is_err());
        assert!(
            smooth(&[1.0, f64::NAN], &gauss, Edge::Reflect).unwrap_err().to_string().contains("signal[1]")
        );
        assert!(smooth(&X, &gauss, Edge::Constant(f64::NAN)).is_err());
        let fit = SmoothingKernel::savitzky_golay(5, 2, 0, 1.0).unwrap();
        assert!(smooth(&X[..4], &fit, Edge::Interp).is_err());
        assert!(smooth_variances(&[1.0, -1.0], &gauss, Edge::Reflect).is_err());
    }

    proptest! {
        /// A fit of order p reproduces polynomials of degree p, ends included, and their derivatives.
        #[test]
        fn polynomials_pass_unchanged(
            c in prop::collection::vec(-1.0..1.0f64, 5), half in 3usize..12, derivative in 0usize..3, n in 25usize..60,
        ) {
            let spacing = 0.05;
            let kernel = SmoothingKernel::savitzky_golay(2 * half + 1, 4, derivative, spacing).unwrap();
            let polynomial = |x: f64, d: usize| -> f64 {
                (d..5).map(|k| c[k] * ((k - d + 1)..=k).map(|v| v as f64).product::<f64>() * x.powi((k - d) as i32)).sum()
            };
            let x: Vec<f64> = (0..n).map(|i| spacing * i as f64 - 1.0).collect();
            let signal: Vec<f64> = x.iter().map(|x| polynomial(*x, 0)).collect();
            let smoothed = smooth(&signal, &kernel, Edge::Interp).unwrap();
            for i in 0..n {
                prop_assert!((smoothed[i] - polynomial(x[i], derivative)).abs() < 1e-8, "{} {}", i, derivative);
            }
        }

        #[test]
        fn a_constant_stays(n in 1usize..50, sigma in 0.3..6.0f64, value in -5.0..5.0f64) {
            let kernel = SmoothingKernel::gaussian(sigma, 4.0).unwrap();
            for edge in [Edge::Reflect, Edge::Mirror, Edge::Nearest, Edge::Wrap, Edge::Constant(value)] {
                for v in smooth(&vec![value; n], &kernel, edge).unwrap() {
                    prop_assert!((v - value).abs() < 1e-13);
                }
            }
        }
    }
}
