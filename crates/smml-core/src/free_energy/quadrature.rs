//! Quadrature rules as weights: Σ wᵢ yᵢ approximates ∫ y dx, so errors of the yᵢ propagate as sqrt(Σ wᵢ² σᵢ²).

use crate::error::{Error, Result, all_finite, finite};
use nalgebra::{DMatrix, DVector};
use serde::{Deserialize, Serialize};

/// How to integrate over grid points.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Straight lines between the points: any spacing, error O(h²).
    Trapezoid,
    /// Simpson's rule: equal spacing, an odd number of points, error O(h⁴).
    Simpson,
    /// Integral of the cubic spline through the points (not-a-knot ends, as scipy's `CubicSpline`): any spacing,
    /// error O(h⁴), exact for cubics.
    Spline,
    /// Gauss-Legendre on [from, to]: the points must be those of [`gauss_legendre`]; exact up to degree 2n - 1.
    GaussLegendre {
        /// Start of the interval.
        from: f64,
        /// End of the interval.
        to: f64,
    },
}

/// Most points of a Gauss-Legendre rule.
const MAX_GAUSS: usize = 1000;

/// Nodes in increasing order of position from `from` to `to`, and weights, of the `n`-point Gauss-Legendre rule
/// (1 <= n <= 1000). Newton's method on the three-term recurrence.
///
/// ```
/// let (x, w) = smml_core::free_energy::gauss_legendre(5, 0.0, 2.0)?;
/// let integral: f64 = x.iter().zip(&w).map(|(x, w)| w * x.powi(9)).sum();
/// assert!((integral - 102.4).abs() < 1e-11);
/// # Ok::<(), smml_core::Error>(())
/// ```
pub fn gauss_legendre(n: usize, from: f64, to: f64) -> Result<(Vec<f64>, Vec<f64>)> {
    if n == 0 || n > MAX_GAUSS {
        return Err(Error::out_of_range("number of Gauss-Legendre nodes", n, format!("in 1..={MAX_GAUSS}")));
    }
    finite("interval start", from)?;
    finite("interval end", to)?;
    finite("interval length", to - from)?;
    let (middle, half) = (0.5 * from + 0.5 * to, 0.5 * (to - from));
    let (mut nodes, mut weights) = (vec![middle; n], vec![0.0; n]);
    for i in 0..n.div_ceil(2) {
        // Tricomi's approximation is inside Newton's basin for every n.
        let mut x = if 2 * i + 1 == n {
            0.0
        } else {
            libm::cos(std::f64::consts::PI * (i as f64 + 0.75) / (n as f64 + 0.5))
        };
        for _ in 0..20 {
            let (p, slope) = legendre(n, x);
            let step = p / slope;
            x -= step;
            if step.abs() < 1e-16 {
                break;
            }
        }
        let (_, slope) = legendre(n, x);
        let weight = 2.0 / ((1.0 - x * x) * slope * slope);
        nodes[i] = middle - half * x;
        nodes[n - 1 - i] = middle + half * x;
        weights[i] = half * weight;
        weights[n - 1 - i] = half * weight;
    }
    Ok((nodes, weights))
}

/// P_n(x) and its derivative, |x| < 1, n >= 1.
fn legendre(n: usize, x: f64) -> (f64, f64) {
    let (mut before, mut now) = (1.0, x);
    for k in 2..=n {
        let k = k as f64;
        (before, now) = (now, ((2.0 * k - 1.0) * x * now - (k - 1.0) * before) / k);
    }
    (now, n as f64 * (x * now - before) / (x * x - 1.0))
}

/// The weights of `rule` on `nodes`, which must be strictly monotone (either way; the sign of the integral follows).
///
/// Errors: fewer than two nodes (one for Gauss-Legendre), nodes that are not finite or not monotone, and for Simpson
/// an even number of nodes or unequal spacing, for Gauss-Legendre nodes that are not those of the rule;
/// [`Error::Undefined`] when weights overflow.
pub fn weights(nodes: &[f64], rule: Rule) -> Result<Vec<f64>> {
    let n = nodes.len();
    if let Rule::GaussLegendre { from, to } = rule {
        let (expected, weights) = gauss_legendre(n, from, to)?;
        let tolerance = 1e-9 * (to - from).abs();
        for (i, (x, e)) in nodes.iter().zip(&expected).enumerate() {
            if !((x - e).abs() <= tolerance) {
                return Err(Error::out_of_range(
                    format!("node {i}"),
                    x,
                    format!("the Gauss-Legendre node {e}"),
                ));
            }
        }
        return Ok(weights);
    }
    if n < 2 {
        return Err(Error::TooShort { have: n, needed: 2 });
    }
    all_finite("node", nodes)?;
    let upward = nodes[1] > nodes[0];
    for i in 1..n {
        if nodes[i] == nodes[i - 1] || (nodes[i] > nodes[i - 1]) != upward {
            return Err(Error::out_of_range(
                format!("node {i}"),
                nodes[i],
                format!("beyond the node before it, {}", nodes[i - 1]),
            ));
        }
    }
    let weights = match rule {
        Rule::Simpson => simpson(nodes)?,
        Rule::Spline if n > 2 => {
            // Cubes of the spacing must neither over- nor underflow; a power of two changes no digit.
            let widest = (1..n).fold(0.0, |a: f64, i| a.max((nodes[i] - nodes[i - 1]).abs()));
            let e = libm::frexp(widest).1;
            let h: Vec<f64> = (1..n).map(|i| libm::scalbn(nodes[i] - nodes[i - 1], -e)).collect();
            spline(&h).into_iter().map(|w| libm::scalbn(w, e)).collect()
        }
        _ => trapezoid(nodes),
    };
    match weights.iter().position(|w| !w.is_finite()) {
        None => Ok(weights),
        Some(i) => Err(Error::Undefined {
            what: format!("the quadrature weight of node {i}"),
            why: format!("it comes out as {}: the spacings are too large or too unequal", weights[i]),
        }),
    }
}

fn trapezoid(nodes: &[f64]) -> Vec<f64> {
    let mut weights = vec![0.0; nodes.len()];
    for i in 1..nodes.len() {
        let half = 0.5 * (nodes[i] - nodes[i - 1]);
        weights[i - 1] += half;
        weights[i] += half;
    }
    weights
}

fn simpson(nodes: &[f64]) -> Result<Vec<f64>> {
    let n = nodes.len();
    if n.is_multiple_of(2) {
        return Err(Error::out_of_range("number of nodes of Simpson's rule", n, "odd"));
    }
    let h = (nodes[n - 1] - nodes[0]) / (n - 1) as f64;
    for i in 1..n {
        if (nodes[i] - nodes[i - 1] - h).abs() > 1e-9 * h.abs() * n as f64 {
            return Err(Error::out_of_range(
                format!("spacing before node {i}"),
                nodes[i] - nodes[i - 1],
                format!("{h}: Simpson's rule needs equal spacing"),
            ));
        }
    }
    let inner = |i: usize| if i % 2 == 1 { 4.0 } else { 2.0 };
    Ok((0..n).map(|i| h / 3.0 * if i == 0 || i == n - 1 { 1.0 } else { inner(i) }).collect())
}

/// Weights of the not-a-knot spline on n >= 3 points with spacings `h`. With second derivatives M from A M = B y, the integral is
/// t·y - c·M = (t - Bᵀ A⁻ᵀ c)·y; A is tridiagonal on the inner points once the end conditions are put in.
fn spline(h: &[f64]) -> Vec<f64> {
    let n = h.len() + 1;
    let mut weights = vec![0.0; n];
    for i in 1..n {
        weights[i - 1] += 0.5 * h[i - 1];
        weights[i] += 0.5 * h[i - 1];
    }
    let mut c = vec![0.0; n];
    for i in 0..n - 1 {
        let cube = h[i] * h[i] * h[i] / 24.0;
        c[i] += cube;
        c[i + 1] += cube;
    }
    let m = n - 2; // unknowns M_1 ..= M_{n-2}
    let (mut lower, mut diagonal, mut upper) = (vec![0.0; m], vec![0.0; m], vec![0.0; m]);
    for i in 0..m {
        (lower[i], diagonal[i], upper[i]) = (h[i], 2.0 * (h[i] + h[i + 1]), h[i + 1]);
    }
    let mut right: Vec<f64> = c[1..=m].to_vec();
    if m == 1 {
        // Three points: a parabola, all M equal.
        diagonal[0] = 3.0 * (h[0] + h[1]);
        right[0] += c[0] + c[2];
    } else {
        // M_0 = M_1 (1 + r) - M_2 r, and the same at the other end.
        let r = h[0] / h[1];
        diagonal[0] += h[0] * (1.0 + r);
        upper[0] -= h[0] * r;
        right[0] += c[0] * (1.0 + r);
        right[1] -= c[0] * r;
        let r = h[m] / h[m - 1];
        diagonal[m - 1] += h[m] * (1.0 + r);
        lower[m - 1] -= h[m] * r;
        right[m - 1] += c[n - 1] * (1.0 + r);
        right[m - 2] -= c[n - 1] * r;
    }
    // Solve with the transpose: its sub-diagonal is `upper`, its super-diagonal `lower`. A is diagonally dominant, so
    // elimination needs no pivoting.
    for i in 1..m {
        let factor = upper[i - 1] / diagonal[i - 1];
        diagonal[i] -= factor * lower[i];
        right[i] -= factor * right[i - 1];
    }
    for i in (0..m).rev() {
        if i + 1 < m {
            right[i] -= lower[i + 1] * right[i + 1];
        }
        right[i] /= diagonal[i];
    }
    for i in 0..m {
        let z = 6.0 * right[i];
        weights[i] -= z / h[i];
        weights[i + 1] += z * (1.0 / h[i] + 1.0 / h[i + 1]);
        weights[i + 2] -= z / h[i + 1];
    }
    weights
}

/// Weights (zero on the points left out) of the same rule on about half the points; `None` where there is no such
/// rule: too few points, or Simpson on a number of points other than 4k + 1.
pub(super) fn half_weights(nodes: &[f64], rule: Rule) -> Option<Vec<f64>> {
    let n = nodes.len();
    if n < 3 {
        return None;
    }
    let mut kept: Vec<usize> = (0..n).step_by(2).collect();
    let half = match rule {
        Rule::GaussLegendre { from, to } => {
            if from == to {
                return None;
            }
            if n.is_multiple_of(2) {
                // Keep the set symmetric about the middle, where neighbours are dropped least harmfully.
                kept = (0..n / 2).step_by(2).flat_map(|i| [i, n - 1 - i]).collect();
                kept.sort_unstable();
            }
            let scaled = |i: &usize| (2.0 * nodes[*i] - from - to) / (to - from);
            interpolatory(&kept.iter().map(scaled).collect::<Vec<_>>(), 0.5 * (to - from))?
        }
        _ => {
            if n.is_multiple_of(2) {
                kept.push(n - 1);
            }
            weights(&kept.iter().map(|&i| nodes[i]).collect::<Vec<_>>(), rule).ok()?
        }
    };
    let mut all = vec![0.0; n];
    for (i, w) in kept.into_iter().zip(half) {
        all[i] = w;
    }
    Some(all)
}

/// Weights on points of [-1, 1] that integrate polynomials up to degree n - 1, times `scale`.
fn interpolatory(x: &[f64], scale: f64) -> Option<Vec<f64>> {
    let n = x.len();
    let mut matrix = DMatrix::zeros(n, n);
    for (j, &x) in x.iter().enumerate() {
        let (mut before, mut now) = (0.0, 1.0);
        for k in 0..n {
            matrix[(k, j)] = now;
            let q = k as f64;
            (before, now) = (now, ((2.0 * q + 1.0) * x * now - q * before) / (q + 1.0));
        }
    }
    let mut right = DVector::zeros(n);
    right[0] = 2.0 * scale;
    let weights: Vec<f64> = matrix.lu().solve(&right)?.iter().copied().collect();
    // Large weights of both signs would only amplify the noise of the values.
    let size: f64 = weights.iter().map(|w| w.abs()).sum();
    (size <= 20.0 * scale.abs()).then_some(weights)
}
