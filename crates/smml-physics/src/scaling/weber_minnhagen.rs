//! The XY transition from the helicity modulus.

use super::{
    Point, at_least,
    fit::{Polynomial, follow, range, roots},
};
use smml_core::{
    Estimate,
    error::{Error, Result, positive},
    rng::{Draw, Streams},
};
use std::f64::consts::PI;

/// Temperatures at which the amplitude differs from 1 by no more than this take part in the curve through the excess.
const NEAR: f64 = 0.1;
/// At least so many take part, the nearest, where there are as many; a parabola needs them.
const MIN_TEMPERATURES: usize = 4;
/// Largest part of the repetitions in which the excess may have no zero.
const MAX_FAILED: f64 = 0.05;

/// What the fit found.
#[derive(Clone, Debug, PartialEq)]
pub struct WeberMinnhagen {
    /// T_KT.
    pub t_kt: Estimate,
    /// C at T_KT, between those of the two temperatures beside it.
    pub c: f64,
    /// The fit at each temperature, lowest first.
    pub fits: Vec<AtTemperature>,
    /// Repetitions of the bootstrap in which the excess had no zero; they do not count in the error.
    pub n_failed: usize,
}

/// The fit at one temperature.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AtTemperature {
    /// Temperature.
    pub temperature: f64,
    /// C.
    pub c: f64,
    /// χ² with amplitude 1.
    pub chi_squared: f64,
    /// Sizes less 1.
    pub dof: usize,
    /// By how much the amplitude would have to differ from 1, to first order.
    pub excess: f64,
    /// The standard error of that.
    pub excess_error: f64,
}

/// T_KT of a planar XY model by H. Weber and P. Minnhagen's law (Phys. Rev. B 37, 5986 (1988)): at T_KT, and only there,
///
/// π Υ(L) / (2 T) = 1 + 1 / (2 ln L + C)
///
/// with the helicity modulus Υ. `points` are Υ with `x` = T and `size` = L (several sizes at the same temperatures). At
/// each temperature C is fitted, then by how much the amplitude, here 1, would have to differ to fit better; that
/// excess falls through 0 at T_KT. All temperatures where it is small (below 0.1, and at least the nearest four) take part
/// in a parabola, a straight line for fewer than four, by weighted least squares, whose zero T_KT is: on a dense grid noise
/// moves a first change of sign to low temperatures, but not this zero. Error: standard deviation over `n_bootstrap`
/// repetitions on data drawn anew within their errors, in each of which the zero next to that of the data counts.
///
/// Errors: points that are not finite and positive, fewer than two temperatures or two sizes at any of them, fewer than
/// 10 repetitions; [`Error::Undefined`] where the excess has no zero between the temperatures, or none in more than 5 % of
/// the repetitions.
pub fn weber_minnhagen(points: &[Point], n_bootstrap: usize, streams: &Streams) -> Result<WeberMinnhagen> {
    at_least("repetitions of the bootstrap", n_bootstrap, 10)?;
    for (i, p) in points.iter().enumerate() {
        p.check(i)?;
        positive(&format!("temperature of point {i}"), p.x)?;
    }
    let mut sorted = points.to_vec();
    sorted.sort_by(|a, b| a.x.total_cmp(&b.x).then(a.size.total_cmp(&b.size)));
    let groups: Vec<&[Point]> = sorted.chunk_by(|a, b| a.x == b.x).collect();
    at_least("temperatures", groups.len(), 2)?;
    for group in &groups {
        let sizes = 1 + group.windows(2).filter(|w| w[0].size < w[1].size).count();
        at_least(&format!("sizes at temperature {}", group[0].x), sizes, 2)?;
    }
    let fits: Vec<AtTemperature> = groups.iter().map(|g| fit(g)).collect();
    let undefined = |why: String| Error::Undefined { what: "T_KT".into(), why };
    let (t_kt, used) = zero(&fits)?.ok_or_else(|| {
        let ends = (fits[0].temperature, fits[fits.len() - 1].temperature);
        undefined(format!("the amplitude does not fall through 1 between {} and {}", ends.0, ends.1))
    })?;
    let chosen = &groups[used.clone()];
    let ends = (chosen[0][0].x, chosen[chosen.len() - 1][0].x);
    let (mut drawn, mut n_failed) = (Vec::with_capacity(n_bootstrap), 0);
    for k in 0..n_bootstrap {
        let mut rng = streams.stream("Weber-Minnhagen bootstrap", k as u64);
        let noisy = |g: &&[Point]| {
            let again: Vec<Point> =
                g.iter().map(|p| Point { value: p.value + p.error * rng.normal(), ..*p }).collect();
            fit(&again)
        };
        let again: Vec<AtTemperature> = chosen.iter().map(noisy).collect();
        let curve = excess(&again)?;
        // As far outside as the temperatures reach: an error bar may end there.
        let room = ends.1 - ends.0;
        match follow(|t| curve.at(t), t_kt, (ends.0 - room, ends.1 + room)) {
            Some(t) => drawn.push(t),
            None => n_failed += 1,
        }
    }
    if n_failed as f64 > MAX_FAILED * n_bootstrap as f64 {
        return Err(undefined(format!(
            "the amplitude has no place where it is 1 in {n_failed} of {n_bootstrap} repetitions: smaller errors or more \
             temperatures around {t_kt} are needed"
        )));
    }
    let n = drawn.len() as f64;
    let mean = drawn.iter().sum::<f64>() / n;
    let variance = drawn.iter().map(|t| (t - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let after = fits.partition_point(|f| f.temperature < t_kt).clamp(1, fits.len() - 1);
    let (a, b) = (fits[after - 1], fits[after]);
    let c = a.c + (t_kt - a.temperature) / (b.temperature - a.temperature) * (b.c - a.c);
    Ok(WeberMinnhagen { t_kt: Estimate::of_fit(t_kt, variance.sqrt(), n - 1.0), c, fits, n_failed })
}

/// Choices of the temperatures near the zero, at most.
const PASSES: usize = 3;

/// The curve through the excess: a parabola, or a straight line for few temperatures.
fn excess(fits: &[AtTemperature]) -> Result<Polynomial> {
    let points: Vec<[f64; 3]> = fits.iter().map(|f| [f.temperature, f.excess, f.excess_error]).collect();
    Polynomial::fit(&points, if fits.len() < MIN_TEMPERATURES { 1 } else { 2 })
}

/// Where the excess falls through 0, and the temperatures that say so.
fn zero(fits: &[AtTemperature]) -> Result<Option<(f64, std::ops::Range<usize>)>> {
    // Those that are small first by the curve through all, then by the curve through those.
    let mut used = 0..fits.len();
    let mut at = None;
    for pass in 1..=PASSES {
        let curve = excess(&fits[used.clone()])?;
        let points: Vec<[f64; 3]> = fits[used.clone()].iter().map(|f| [f.temperature, 0.0, 1.0]).collect();
        let (low, high) = range(&points);
        at = roots(|t| curve.at(t).0, low, high).into_iter().find(|t| curve.at(*t).1 < 0.0);
        let Some(t) = at else { return Ok(None) };
        let mut near = fits.partition_point(|f| f.temperature < t);
        near = near.min(fits.len() - 1);
        let small = |k: usize| curve.at(fits[k].temperature).0.abs() <= NEAR;
        let (mut from, mut to) = (near, near);
        loop {
            let below = from.checked_sub(1).filter(|k| used.contains(k));
            let above = Some(to).filter(|k| used.contains(k));
            let distance = |k: usize| (fits[k].temperature - t).abs();
            let next = match (below, above) {
                (Some(a), Some(b)) => {
                    if distance(a) < distance(b) {
                        a
                    } else {
                        b
                    }
                }
                (Some(k), None) | (None, Some(k)) => k,
                (None, None) => break,
            };
            if !small(next) && to - from >= MIN_TEMPERATURES {
                break;
            }
            if next < from { from = next } else { to = next + 1 }
        }
        if (from..to) == used || pass == PASSES {
            // The zero is that of these temperatures.
            break;
        }
        used = from..to;
    }
    Ok(at.map(|t| (t, used)))
}

/// C by least squares, found in u = ln(2 ln L₀ + C), L₀ the smallest size, so that no denominator vanishes.
fn fit(points: &[Point]) -> AtTemperature {
    let temperature = points[0].x;
    let smallest = points.iter().map(|p| libm::log(p.size)).fold(f64::INFINITY, f64::min);
    // y, weight, 2 ln (L / L₀)
    let data: Vec<[f64; 3]> = points
        .iter()
        .map(|p| {
            let unit = PI / (2.0 * temperature);
            [p.value * unit, 1.0 / (p.error * unit).powi(2), 2.0 * (libm::log(p.size) - smallest)]
        })
        .collect();
    let chi = |u: f64| -> f64 {
        data.iter().map(|[y, w, l]| w * (y - 1.0 - 1.0 / (l + libm::exp(u))).powi(2)).sum()
    };
    let slope = |u: f64| -> f64 {
        let term = |&[y, w, l]: &[f64; 3]| {
            let d = 1.0 / (l + libm::exp(u));
            w * (y - 1.0 - d) * d * d
        };
        data.iter().map(term).sum()
    };
    // The best of the ends and of where the slope vanishes.
    let (low, high) = (-6.0, 8.0);
    let inner = roots(slope, low, high);
    let u = inner.into_iter().chain([high]).fold(low, |best, u| if chi(u) < chi(best) { u } else { best });
    // Excess of the amplitude A of A (1 + 1/(...)), to first order, with C free to follow.
    let (mut aa, mut ac, mut cc, mut ra, mut rc) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for &[y, w, l] in &data {
        let d = 1.0 / (l + libm::exp(u));
        let (of_a, of_c, residual) = (1.0 + d, -d * d, y - 1.0 - d);
        aa += w * of_a * of_a;
        ac += w * of_a * of_c;
        cc += w * of_c * of_c;
        ra += w * residual * of_a;
        rc += w * residual * of_c;
    }
    // Two sizes or more: the determinant is positive.
    let information = aa - ac * ac / cc;
    AtTemperature {
        temperature,
        c: libm::exp(u) - 2.0 * smallest,
        chi_squared: chi(u),
        dof: points.len() - 1,
        excess: (ra - ac * rc / cc) / information,
        excess_error: (1.0 / information).sqrt(),
    }
}
