//! The XY transition from the helicity modulus.

use super::{Point, at_least, fit::root};
use smml_core::{
    Estimate,
    error::{Error, Result, positive},
    estimate::Source,
    rng::{Draw, Streams},
};
use std::f64::consts::PI;

/// What the fit found.
#[derive(Clone, Debug, PartialEq)]
pub struct WeberMinnhagen {
    /// T_KT.
    pub t_kt: Estimate,
    /// C at T_KT, between those of the two temperatures beside it.
    pub c: f64,
    /// The fit at each temperature, lowest first.
    pub fits: Vec<AtTemperature>,
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
/// excess falls through 0 at T_KT, which is found between neighbouring temperatures by a straight line. Error: standard
/// deviation over `n_bootstrap` repetitions on data drawn anew within their errors.
///
/// Errors: points that are not finite and positive, fewer than two temperatures or two sizes at any of them, fewer than
/// 10 repetitions; [`Error::Undefined`] where the excess does not change its sign.
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
    let undefined = || Error::Undefined {
        what: "T_KT".into(),
        why: format!(
            "the amplitude does not pass through 1 between {} and {}",
            fits[0].temperature,
            fits[fits.len() - 1].temperature
        ),
    };
    let (t_kt, c) = zero(&fits).ok_or_else(undefined)?;
    let mut drawn = Vec::with_capacity(n_bootstrap);
    for k in 0..n_bootstrap {
        let mut rng = streams.stream("Weber-Minnhagen bootstrap", k as u64);
        let again: Vec<AtTemperature> = groups
            .iter()
            .map(|g| {
                let noisy = |p: &Point| Point { value: p.value + p.error * rng.normal(), ..*p };
                fit(&g.iter().map(noisy).collect::<Vec<Point>>())
            })
            .collect();
        drawn.push(zero(&again).ok_or_else(undefined)?.0);
    }
    let n = n_bootstrap as f64;
    let mean = drawn.iter().sum::<f64>() / n;
    let variance = drawn.iter().map(|t| (t - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let t_kt = Estimate::with_dof(t_kt, variance.sqrt(), n - 1.0, points.len() as f64, Source::Chain);
    Ok(WeberMinnhagen { t_kt, c, fits })
}

/// Where the excess falls through 0 between neighbouring temperatures, and C there.
fn zero(fits: &[AtTemperature]) -> Option<(f64, f64)> {
    fits.windows(2).find_map(|w| {
        let (a, b) = (w[0], w[1]);
        (a.excess > 0.0 && b.excess <= 0.0).then(|| {
            let share = a.excess / (a.excess - b.excess);
            (a.temperature + share * (b.temperature - a.temperature), a.c + share * (b.c - a.c))
        })
    })
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
    let candidates = [Some(low), root(slope, low, high), Some(high)];
    let u = candidates.into_iter().flatten().fold(low, |best, u| if chi(u) < chi(best) { u } else { best });
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
