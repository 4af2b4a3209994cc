//! Weighted least squares, and roots of polynomials.

use smml_core::error::{Error, Result};

/// Solves A x = b for a symmetric positive definite A by Cholesky's factors; `None` where it is not (numerically).
pub(super) fn solve(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Option<Vec<f64>> {
    let n = b.len();
    // Columns of equal size: their units must not decide what counts as 0.
    let scale: Vec<f64> = (0..n).map(|i| a[i][i].sqrt()).collect();
    if scale.iter().any(|s| !(*s > 0.0 && s.is_finite())) {
        return None;
    }
    for i in 0..n {
        b[i] /= scale[i];
        (0..n).for_each(|j| a[i][j] /= scale[i] * scale[j]);
    }
    for j in 0..n {
        for k in 0..j {
            let factor = a[j][k];
            for i in j..n {
                a[i][j] -= a[i][k] * factor;
            }
        }
        if !(a[j][j] > 1e-14) {
            return None;
        }
        let root = a[j][j].sqrt();
        (j..n).for_each(|i| a[i][j] /= root);
    }
    for i in 0..n {
        for k in 0..i {
            b[i] -= a[i][k] * b[k];
        }
        b[i] /= a[i][i];
    }
    for i in (0..n).rev() {
        for k in i + 1..n {
            b[i] -= a[k][i] * b[k];
        }
        b[i] /= a[i][i];
    }
    Some((0..n).map(|i| b[i] / scale[i]).collect())
}

/// Normal equations of Σ wᵢ (yᵢ - Σₖ xₖ rowᵢₖ)².
pub(super) struct Normal {
    pub(super) matrix: Vec<Vec<f64>>,
    pub(super) right: Vec<f64>,
}

impl Normal {
    pub(super) fn new(n: usize) -> Self {
        Normal { matrix: vec![vec![0.0; n]; n], right: vec![0.0; n] }
    }
    pub(super) fn add(&mut self, row: &[f64], y: f64, weight: f64) {
        for i in 0..row.len() {
            self.right[i] += weight * row[i] * y;
            for j in 0..row.len() {
                self.matrix[i][j] += weight * row[i] * row[j];
            }
        }
    }
}

/// A polynomial in (x - centre) / half.
#[derive(Clone, Debug)]
pub(super) struct Polynomial {
    centre: f64,
    half: f64,
    coefficients: Vec<f64>,
}

impl Polynomial {
    /// Weighted least squares through (x, y, error).
    pub(super) fn fit(points: &[[f64; 3]], degree: usize) -> Result<Self> {
        super::at_least("points of a fitted polynomial", points.len(), degree + 1)?;
        let (low, high) = range(points);
        let (centre, half) = (0.5 * (low + high), (0.5 * (high - low)).max(f64::MIN_POSITIVE));
        let mut normal = Normal::new(degree + 1);
        for [x, y, error] in points {
            let t = (x - centre) / half;
            let row: Vec<f64> = (0..=degree as i32).map(|k| t.powi(k)).collect();
            normal.add(&row, *y, 1.0 / (error * error));
        }
        match solve(normal.matrix, normal.right) {
            Some(coefficients) => Ok(Polynomial { centre, half, coefficients }),
            None => Err(Error::Undefined {
                what: format!("a polynomial of degree {degree}"),
                why: format!("{} points do not fix it: are some at the same x?", points.len()),
            }),
        }
    }
    /// The value and the slope at `x`.
    pub(super) fn at(&self, x: f64) -> (f64, f64) {
        let t = (x - self.centre) / self.half;
        let horner = |(value, slope): (f64, f64), c: &f64| (value * t + c, slope * t + value);
        let (value, slope) = self.coefficients.iter().rev().fold((0.0, 0.0), horner);
        (value, slope / self.half)
    }
}

pub(super) fn range(points: &[[f64; 3]]) -> (f64, f64) {
    let xs = points.iter().map(|p| p[0]);
    xs.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)))
}

/// All places between `low` and `high` where a smooth function changes its sign, in order.
pub(super) fn roots(f: impl Fn(f64) -> f64, low: f64, high: f64) -> Vec<f64> {
    const STEPS: usize = 256;
    let at = |k: usize| low + (high - low) * k as f64 / STEPS as f64;
    let mut found = Vec::new();
    for k in 0..STEPS {
        let (mut a, mut b) = (at(k), at(k + 1));
        let (fa, fb) = (f(a), f(b));
        if fa.is_nan() || fb.is_nan() || (fa > 0.0) == (fb > 0.0) {
            continue;
        }
        for _ in 0..100 {
            let m = 0.5 * (a + b);
            if (f(m) > 0.0) == (fa > 0.0) { a = m } else { b = m }
        }
        found.push(0.5 * (a + b));
    }
    found
}

/// The root that is next to `start`, by Newton's steps: the same root as `start` is of a function that differs little.
/// `None` where the steps do not settle or leave the range.
pub(super) fn follow(f: impl Fn(f64) -> (f64, f64), start: f64, (low, high): (f64, f64)) -> Option<f64> {
    let mut x = start;
    for _ in 0..50 {
        let (value, slope) = f(x);
        let next = x - value / slope;
        // NaN fails the comparison.
        if !(next >= low && next <= high) {
            return None;
        }
        if (next - x).abs() <= 1e-13 * (high - low) {
            return Some(next);
        }
        x = next;
    }
    None
}
