//! Where the curves of two sizes cross, with points of independent errors or from series of moments.

use super::{
    Point, at_least,
    fit::{Polynomial, follow, range, roots},
};
use smml_core::{
    Estimate,
    error::{Error, Result, finite, positive, same_length},
    estimate::{LeftOut, autocorrelation, jackknife, jackknife_groups},
};

/// Blocks of a chain that are left out one at a time.
const BLOCKS: usize = 100;
/// Autocorrelation times in a block, at least.
const BLOCK_TAU: f64 = 10.0;
/// Fewer blocks than this give no error.
const MIN_BLOCKS: usize = 10;

/// The x at which the polynomials of a degree, fitted to each of two curves, are equal. Errors of the points are
/// independent and are carried over to first order: the result is a parameter of a fit
/// ([`smml_core::estimate::Source::Fit`]).
///
/// Errors: fewer points than a polynomial needs; values or errors that are not finite, errors of 0;
/// [`Error::Undefined`] where the polynomials do not cross where both have points, or do so more than once (fewer
/// temperatures, nearer to the crossing, or a lower degree then help).
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
                let x = cross_near(&curves, degree, value);
                curves[c][i][1] = y;
                x
            };
            variance += (shifted(0.5)? - shifted(-0.5)?).powi(2);
        }
    }
    Ok(Estimate::of_fit(value, variance.sqrt(), f64::MAX))
}

/// Where both curves have points.
fn common(curves: &[Vec<[f64; 3]>; 2]) -> (f64, f64) {
    let (first, second) = (range(&curves[0]), range(&curves[1]));
    (first.0.max(second.0), first.1.min(second.1))
}

/// The one crossing of the fitted curves.
fn cross(curves: &[Vec<[f64; 3]>; 2], degree: usize) -> Result<f64> {
    let (p, q) = (Polynomial::fit(&curves[0], degree)?, Polynomial::fit(&curves[1], degree)?);
    let (low, high) = common(curves);
    let found = roots(|x| p.at(x).0 - q.at(x).0, low, high);
    let why = match found[..] {
        [one] => return Ok(one),
        [] => format!("the two curves do not cross between {low} and {high}"),
        _ => {
            let places: Vec<String> = found.iter().map(|x| format!("{x:.6}")).collect();
            format!(
                "the fitted curves cross {} times, at {}: leave out temperatures that are far away, or fit a lower degree",
                found.len(),
                places.join(", ")
            )
        }
    };
    Err(Error::Undefined { what: "the crossing".into(), why })
}

/// The same crossing of curves that differ little: the root next to `from`, wherever others are.
fn cross_near(curves: &[Vec<[f64; 3]>; 2], degree: usize, from: f64) -> Result<f64> {
    let (p, q) = (Polynomial::fit(&curves[0], degree)?, Polynomial::fit(&curves[1], degree)?);
    let (low, high) = common(curves);
    let difference = |x: f64| (p.at(x).0 - q.at(x).0, p.at(x).1 - q.at(x).1);
    let room = 0.5 * (high - low);
    follow(difference, from, (low - room, high + room)).ok_or_else(|| Error::Undefined {
        what: "the error of the crossing".into(),
        why: format!("the crossing at {from} is lost when a part of the data is left out or changed: more samples are needed"),
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
    /// The standard error of the cumulant of this chain, for weights.
    fn error(&self) -> Result<f64> {
        finite("x of a series", self.x)?;
        let u = jackknife(&[&self.m2, &self.m4], |m| cumulant(m[0], m[1]))?;
        // A chain that never moved would have infinite weight.
        if !(u.raw_error() > 0.0) {
            return Err(Error::Undefined {
                what: format!("the error of the Binder cumulant at {}", self.x),
                why: "the series never changes".into(),
            });
        }
        Ok(u.raw_error())
    }
    fn tau(&self) -> Result<f64> {
        same_length("series of M⁴", self.m4.len(), self.m2.len())?;
        Ok(autocorrelation(&self.m2)?.tau_int.max(autocorrelation(&self.m4)?.tau_int).max(0.5))
    }
}

fn cumulant(m2: f64, m4: f64) -> f64 {
    1.0 - m4 / (3.0 * m2 * m2)
}

/// The Binder cumulants U = 1 - ⟨M⁴⟩ / (3 ⟨M²⟩²) of one size at several temperatures, from chains that ran side by side
/// and may be correlated, as the replicas of a tempering run are: sample t of all of them was taken at one time. Blocks of
/// time are left out of all chains together, so that what the chains share does not count as independent. For chains that
/// are independent the errors are the same, with more noise of their own.
///
/// ```
/// use smml_core::rng::{Draw, Streams};
/// use smml_physics::scaling::{BinderCurve, MomentSeries};
/// let mut rng = Streams::new(1).stream("doc", 0);
/// // U falls with T, faster for the larger size; both are 0.6 at T = 2.2. One noise for all temperatures of a size.
/// let mut curve = |size: f64| {
///     let noise: Vec<f64> = (0..2000).map(|_| 0.1 * rng.normal()).collect();
///     let chain = |x: f64| {
///         let u = 0.6 - 0.1 * size * (x - 2.2);
///         let m4 = noise.iter().map(|e| 3.0 * (1.0 - u) + e).collect();
///         MomentSeries { x, m2: vec![1.0; 2000], m4 }
///     };
///     BinderCurve::new(size, &[2.0, 2.2, 2.4].map(chain))
/// };
/// let at = curve(4.0)?.crossing(&curve(8.0)?, 1)?;
/// assert!((at.value - 2.2).abs() < 0.02);
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct BinderCurve {
    size: f64,
    /// Temperature, cumulant, its standard error.
    rows: Vec<[f64; 3]>,
    groups: Vec<Group>,
}

/// Chains from which blocks are left out together: the first temperature, and the cumulants of consecutive ones without
/// each block.
#[derive(Clone, Debug, PartialEq)]
struct Group {
    first: usize,
    without: Vec<Vec<f64>>,
    n: usize,
    tau: f64,
}

impl Group {
    fn new(first: usize, chains: &[MomentSeries]) -> Result<Self> {
        let n = chains[0].m2.len();
        let mut tau: f64 = 0.5;
        for chain in chains {
            same_length("chains that ran side by side", chain.m2.len(), n)?;
            tau = tau.max(chain.tau()?);
        }
        let length = if tau <= 0.55 { 1 } else { (BLOCK_TAU * tau).ceil() as usize };
        let count = (n / length).min(BLOCKS);
        if count < MIN_BLOCKS {
            return Err(Error::TooShort { have: n, needed: length * MIN_BLOCKS });
        }
        let totals: Vec<[f64; 2]> = chains.iter().map(|c| [c.m2.iter().sum(), c.m4.iter().sum()]).collect();
        let without = |b: usize| -> Vec<f64> {
            let block = b * n / count..(b + 1) * n / count;
            let left = (n - block.len()) as f64;
            let rest = |(chain, total): (&MomentSeries, &[f64; 2])| {
                let m2 = total[0] - chain.m2[block.clone()].iter().sum::<f64>();
                let m4 = total[1] - chain.m4[block.clone()].iter().sum::<f64>();
                cumulant(m2 / left, m4 / left)
            };
            chains.iter().zip(&totals).map(rest).collect()
        };
        Ok(Group { first, without: (0..count).map(without).collect(), n, tau })
    }
}

impl BinderCurve {
    /// The cumulants of the chains of one size.
    ///
    /// Errors: a size that is not positive, no chains, chains of different lengths, samples that are not finite,
    /// [`Error::TooShort`] for fewer than ten blocks of ten autocorrelation times, [`Error::Undefined`] for a chain that
    /// never changes.
    pub fn new(size: f64, chains: &[MomentSeries]) -> Result<Self> {
        at_least("temperatures of a size", chains.len(), 1)?;
        Self::of_groups(size, chains, chains.len())
    }

    /// As [`BinderCurve::new`], for chains that are independent of one another: blocks of one chain are left out at a time,
    /// and chains may differ in length.
    ///
    /// Errors: as [`BinderCurve::new`].
    pub fn of_independent(size: f64, chains: &[MomentSeries]) -> Result<Self> {
        at_least("temperatures of a size", chains.len(), 1)?;
        Self::of_groups(size, chains, 1)
    }

    fn of_groups(size: f64, chains: &[MomentSeries], together: usize) -> Result<Self> {
        positive("size", size)?;
        let mut rows = Vec::with_capacity(chains.len());
        for chain in chains {
            let error = chain.error()?;
            let n = chain.m2.len() as f64;
            let u = cumulant(chain.m2.iter().sum::<f64>() / n, chain.m4.iter().sum::<f64>() / n);
            rows.push([chain.x, u, error]);
        }
        let groups = chains.chunks(together).enumerate().map(|(k, group)| Group::new(k * together, group));
        Ok(BinderCurve { size, rows, groups: groups.collect::<Result<_>>()? })
    }

    /// L
    pub fn size(&self) -> f64 {
        self.size
    }

    /// The cumulants with the error of each, whose errors may be correlated.
    pub fn points(&self) -> Vec<Point> {
        self.rows.iter().map(|&[x, value, error]| Point { size: self.size, x, value, error }).collect()
    }

    /// The temperature at which the cumulants of two sizes are equal (K. Binder, Z. Phys. B 43, 119 (1981)); those of each
    /// size are joined by a polynomial of the given degree, weighted by their errors. Bias and error by the jackknife over
    /// blocks of each size ([`jackknife_groups`]); `tau_int` and `n_eff` are those of the chains.
    ///
    /// Errors: fewer temperatures than a polynomial needs, and [`Error::Undefined`] where the polynomials do not cross where
    /// both have points, cross more than once, or lose the crossing when a block is left out.
    pub fn crossing(&self, other: &BinderCurve, degree: usize) -> Result<Estimate> {
        at_least("temperatures of each size", self.rows.len().min(other.rows.len()), degree + 1)?;
        let value = cross(&[self.rows.clone(), other.rows.clone()], degree)?;
        let curves = [self, other];
        jackknife_curves("the crossing", value, &curves, |changed| {
            let [a, b] = changed else { return Ok(f64::NAN) };
            cross_near(&[a.clone(), b.clone()], degree, value)
        })
    }
}

/// A quantity that depends on the cumulants of several sizes: what `f` makes of the rows of all curves, one group of chains
/// without a block at a time.
pub(super) fn jackknife_curves(
    what: &str,
    value: f64,
    curves: &[&BinderCurve],
    f: impl Fn(&[Vec<[f64; 3]>]) -> Result<f64>,
) -> Result<Estimate> {
    let [found] = jackknife_many(what, [value], curves, |rows| Ok([f(rows)?]))?;
    Ok(found)
}

/// [`jackknife_curves`] for several quantities at once.
pub(super) fn jackknife_many<const K: usize>(
    what: &str,
    values: [f64; K],
    curves: &[&BinderCurve],
    f: impl Fn(&[Vec<[f64; 3]>]) -> Result<[f64; K]>,
) -> Result<[Estimate; K]> {
    let mut rows: Vec<Vec<[f64; 3]>> = curves.iter().map(|c| c.rows.clone()).collect();
    let mut parts: Vec<Vec<LeftOut>> = vec![Vec::new(); K];
    for (c, curve) in curves.iter().enumerate() {
        for group in &curve.groups {
            let mut left_out = vec![Vec::with_capacity(group.without.len()); K];
            for without in &group.without {
                for (k, u) in without.iter().enumerate() {
                    rows[c][group.first + k][1] = *u;
                }
                let found = f(&rows)?;
                left_out.iter_mut().zip(found).for_each(|(l, x)| l.push(x));
            }
            rows[c].clone_from(&curve.rows);
            for (part, values) in parts.iter_mut().zip(left_out) {
                part.push(LeftOut { values, n: group.n, tau: group.tau });
            }
        }
    }
    let mut found = [Estimate::exact(0.0); K];
    for k in 0..K {
        found[k] = jackknife_groups(what, values[k], &parts[k])?;
    }
    Ok(found)
}

/// The temperature at which the Binder cumulants of two sizes are equal, from chains that are all independent of one
/// another: [`BinderCurve::crossing`] of [`BinderCurve::of_independent`]. Where the chains of a size exchange states
/// (parallel tempering) their errors are correlated: use [`BinderCurve::new`].
///
/// Errors: as [`BinderCurve::crossing`] and [`BinderCurve::of_independent`].
pub fn binder_crossing(a: &[MomentSeries], b: &[MomentSeries], degree: usize) -> Result<Estimate> {
    at_least("temperatures of each size", a.len().min(b.len()), degree + 1)?;
    // The sizes themselves do not matter here.
    let curve = |chains: &[MomentSeries]| BinderCurve::of_independent(1.0, chains);
    curve(a)?.crossing(&curve(b)?, degree)
}
