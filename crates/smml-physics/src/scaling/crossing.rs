//! Where the curves of two sizes cross.

use super::{
    Point, at_least,
    fit::{Polynomial, range, root},
};
use smml_core::{
    Estimate,
    error::{Error, Result, finite, same_length},
    estimate::{Source, autocorrelation, jackknife},
};

/// Blocks of a chain that are left out one at a time.
const BLOCKS: usize = 100;
/// Autocorrelation times in a block, at least.
const BLOCK_TAU: f64 = 10.0;
/// Fewer blocks than this give no error.
const MIN_BLOCKS: usize = 10;

/// The x at which the polynomials of a degree, fitted to each of two curves, are equal. Errors of the points are
/// independent and are carried over to first order.
///
/// Errors: fewer points than a polynomial needs; values or errors that are not finite, errors of 0;
/// [`Error::Undefined`] where the polynomials do not cross where both have points.
pub fn crossing(a: &[Point], b: &[Point], degree: usize) -> Result<Estimate> {
    let rows = |points: &[Point]| -> Result<Vec<[f64; 3]>> {
        points.iter().enumerate().try_for_each(|(i, p)| p.check(i))?;
        Ok(points.iter().map(|p| [p.x, p.value, p.error]).collect())
    };
    let mut curves = [rows(a)?, rows(b)?];
    let value = cross(&curves, degree)?;
    let mut variance = 0.0;
    for c in 0..2 {
        for i in 0..curves[c].len() {
            let [_, y, error] = curves[c][i];
            // Half an error to both sides: the crossing need not be linear.
            let mut shifted = |by: f64| {
                curves[c][i][1] = y + by * error;
                let x = cross(&curves, degree);
                curves[c][i][1] = y;
                x
            };
            variance += (shifted(0.5)? - shifted(-0.5)?).powi(2);
        }
    }
    let n = curves[0].len() + curves[1].len();
    Ok(Estimate::with_dof(value, variance.sqrt(), f64::MAX, n as f64, Source::Chain))
}

fn cross(curves: &[Vec<[f64; 3]>; 2], degree: usize) -> Result<f64> {
    let (p, q) = (Polynomial::fit(&curves[0], degree)?, Polynomial::fit(&curves[1], degree)?);
    let (first, second) = (range(&curves[0]), range(&curves[1]));
    let (low, high) = (first.0.max(second.0), first.1.min(second.1));
    root(|x| p.at(x) - q.at(x), low, high).ok_or_else(|| Error::Undefined {
        what: "the crossing".into(),
        why: format!("the two curves do not cross between {low} and {high}"),
    })
}

/// Samples of the second and fourth power of the order parameter along one chain.
#[derive(Clone, Debug, PartialEq)]
pub struct MomentSeries {
    /// Temperature.
    pub x: f64,
    /// M², in any unit.
    pub m2: Vec<f64>,
    /// M⁴ in the same unit.
    pub m4: Vec<f64>,
}

impl MomentSeries {
    fn binder(&self) -> Result<[f64; 3]> {
        finite("x of a series", self.x)?;
        let u = jackknife(&[&self.m2, &self.m4], |m| cumulant(m[0], m[1]))?;
        // A chain that never moved would have infinite weight.
        if !(u.raw_error() > 0.0) {
            return Err(Error::Undefined {
                what: format!("the error of the Binder cumulant at {}", self.x),
                why: "the series never changes".into(),
            });
        }
        Ok([self.x, 0.0, u.raw_error()])
    }
    /// Sums of both moments over blocks, with the number of samples in each.
    fn blocks(&self) -> Result<(Vec<[f64; 3]>, f64)> {
        same_length("series of M⁴", self.m4.len(), self.m2.len())?;
        let n = self.m2.len();
        let tau = autocorrelation(&self.m2)?.tau_int.max(autocorrelation(&self.m4)?.tau_int);
        let length = if tau <= 0.55 { 1 } else { (BLOCK_TAU * tau).ceil() as usize };
        let count = (n / length).min(BLOCKS);
        if count < MIN_BLOCKS {
            return Err(Error::TooShort { have: n, needed: length * MIN_BLOCKS });
        }
        let blocks = (0..count).map(|b| {
            let range = b * n / count..(b + 1) * n / count;
            [self.m2[range.clone()].iter().sum(), self.m4[range.clone()].iter().sum(), range.len() as f64]
        });
        // Blocks that touch are correlated: the variance between them is low by this much.
        let edges = (tau - 0.25 / tau).max(0.0) * count as f64 / n as f64;
        Ok((blocks.collect(), 1.0 / (1.0 - edges)))
    }
}

fn cumulant(m2: f64, m4: f64) -> f64 {
    1.0 - m4 / (3.0 * m2 * m2)
}

/// The temperature at which the Binder cumulants U = 1 - ⟨M⁴⟩ / (3 ⟨M²⟩²) of two sizes are equal (K. Binder, Z. Phys. B
/// 43, 119 (1981)), from one chain for each size and temperature; the cumulants of each size are joined by a polynomial
/// of the given degree, weighted by their errors. Bias and error by the block jackknife: one block of one chain is left out
/// at a time, and the variances of the independent chains add up.
///
/// Errors: as [`crossing`], and [`Error::TooShort`] for chains of too few autocorrelation times.
pub fn binder_crossing(a: &[MomentSeries], b: &[MomentSeries], degree: usize) -> Result<Estimate> {
    at_least("temperatures of each size", a.len().min(b.len()), degree + 1)?;
    let chains = [a, b];
    let mut curves = [Vec::new(), Vec::new()];
    let mut blocks = [Vec::new(), Vec::new()];
    for c in 0..2 {
        for series in chains[c] {
            curves[c].push(series.binder()?);
            blocks[c].push(series.blocks()?);
        }
    }
    let mean = |blocks: &[[f64; 3]], out: Option<usize>| {
        let mut sum = [0.0; 3];
        for (k, block) in blocks.iter().enumerate() {
            if Some(k) != out {
                (0..3).for_each(|i| sum[i] += block[i]);
            }
        }
        cumulant(sum[0] / sum[2], sum[1] / sum[2])
    };
    for c in 0..2 {
        for k in 0..curves[c].len() {
            curves[c][k][1] = mean(&blocks[c][k].0, None);
        }
    }
    let value = cross(&curves, degree)?;
    let (mut variance, mut shares, mut bias, mut n) = (0.0, 0.0, 0.0, 0);
    for c in 0..2 {
        for k in 0..curves[c].len() {
            let (series, edges) = &blocks[c][k];
            let count = series.len() as f64;
            n += series.len();
            let whole = curves[c][k][1];
            let mut left_out = Vec::with_capacity(series.len());
            for block in 0..series.len() {
                curves[c][k][1] = mean(series, Some(block));
                left_out.push(cross(&curves, degree)?);
            }
            curves[c][k][1] = whole;
            let centre = left_out.iter().sum::<f64>() / count;
            let squares: f64 = left_out.iter().map(|x| (x - centre).powi(2)).sum();
            let part = edges * squares * (count - 1.0) / count;
            bias += (count - 1.0) * (centre - value);
            variance += part;
            shares += part * part / (count - 1.0);
        }
    }
    let dof = if shares > 0.0 { variance * variance / shares } else { f64::MAX };
    Ok(Estimate::with_dof(value - bias, variance.sqrt(), dof, n as f64, Source::Chain))
}
