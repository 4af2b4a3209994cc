//! Distances between points.

use serde::{Deserialize, Serialize};

/// The π of TSPLIB, on whose few digits the published lengths of geographic tours rest.
#[allow(clippy::approx_constant)]
const TSPLIB_PI: f64 = 3.141_592;

/// How the distance of two points (x, y) is measured. All but [`Metric::Euclidean`] give whole numbers, as TSPLIB
/// defines them (G. Reinelt, ORSA J. Comput. 3, 376 (1991)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// √(Δx² + Δy²), a real number.
    Euclidean,
    /// `EUC_2D`: the same, rounded to the nearest whole number.
    Rounded,
    /// `CEIL_2D`: the same, rounded up.
    Ceiling,
    /// `MAN_2D`: |Δx| + |Δy|, rounded.
    Manhattan,
    /// `MAX_2D`: the larger of |Δx| and |Δy|, each rounded.
    Maximum,
    /// `ATT`: √((Δx² + Δy²) / 10), rounded up.
    PseudoEuclidean,
    /// `GEO`: kilometres on a sphere of radius 6378.388 km between latitudes x and longitudes y, given as degrees and
    /// minutes DDD.MM, with π = 3.141592 and one added before cutting to a whole number.
    Geographic,
}

impl Metric {
    /// The distance.
    pub fn distance(self, [x1, y1]: [f64; 2], [x2, y2]: [f64; 2]) -> f64 {
        let (dx, dy) = ((x1 - x2).abs(), (y1 - y2).abs());
        let straight = || (dx * dx + dy * dy).sqrt();
        let nearest = |x: f64| (x + 0.5).floor();
        match self {
            Metric::Euclidean => straight(),
            Metric::Rounded => nearest(straight()),
            Metric::Ceiling => straight().ceil(),
            Metric::Manhattan => nearest(dx + dy),
            Metric::Maximum => nearest(dx).max(nearest(dy)),
            Metric::PseudoEuclidean => {
                // Rounded, and one more where that was down.
                let r = ((dx * dx + dy * dy) / 10.0).sqrt();
                let t = nearest(r);
                if t < r { t + 1.0 } else { t }
            }
            Metric::Geographic => {
                let radians = |x: f64| {
                    let degrees = x.trunc();
                    TSPLIB_PI * (degrees + 5.0 * (x - degrees) / 3.0) / 180.0
                };
                let q1 = libm::cos(radians(y1) - radians(y2));
                let q2 = libm::cos(radians(x1) - radians(x2));
                let q3 = libm::cos(radians(x1) + radians(x2));
                let cosine = 0.5 * ((1.0 + q1) * q2 - (1.0 - q1) * q3);
                // Rounding may leave the cosine a hair above 1.
                (6378.388 * libm::acos(cosine.clamp(-1.0, 1.0)) + 1.0).trunc()
            }
        }
    }
}
