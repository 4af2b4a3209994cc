//! Integrals over finite and infinite ranges, with an error estimate.
//!
//! Each panel between two breakpoints is mapped by a double-exponential substitution, which crowds points at both of
//! its ends on all scales; the mapped integrand is then integrated by an adaptive Gauss-Kronrod rule (21 points). So
//! end-point singularities, heavy tails and peaks of any width at a breakpoint are resolved. A narrow peak elsewhere
//! can be missed by any rule that only sees values: give its place as a breakpoint.
//!
//! Near an end e other than 0, numbers are |e| 2⁻⁵³ apart, and an integrand that is infinite at e may have much of its
//! integral between e and the next number (an inverse square root 10⁻⁸ of it). [`Quadrature::integrate_by_ends`] hands
//! the distances from the ends to the integrand.

use crate::error::{Error, Result};
use std::{cmp::Ordering, collections::BinaryHeap, f64::consts::FRAC_PI_2, f64::consts::PI};

/// An integral and a bound on its error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Integral {
    /// The value.
    pub value: f64,
    /// Estimated absolute error (usually pessimistic).
    pub error: f64,
    /// Evaluations of the integrand.
    pub evaluations: usize,
}

/// How to integrate.
///
/// ```
/// use smml_core::distribution::Quadrature;
/// let gauss = Quadrature::default().integrate(|x| (-x * x).exp(), f64::NEG_INFINITY, f64::INFINITY)?;
/// assert!((gauss.value - std::f64::consts::PI.sqrt()).abs() < 1e-13);
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Quadrature {
    /// Points at which to divide the range: peaks, kinks, jumps, singularities. Those outside the range are ignored.
    pub breakpoints: Vec<f64>,
    /// Absolute error asked for.
    pub absolute: f64,
    /// Relative error asked for; the larger of the two allowances counts.
    pub relative: f64,
    /// Largest number of evaluations.
    pub max_evaluations: usize,
}

impl Default for Quadrature {
    fn default() -> Self {
        Quadrature { breakpoints: Vec::new(), absolute: 1e-13, relative: 1e-12, max_evaluations: 1_000_000 }
    }
}

impl Quadrature {
    /// The default rule with these breakpoints.
    pub fn with_breakpoints(points: impl Into<Vec<f64>>) -> Self {
        Quadrature { breakpoints: points.into(), ..Self::default() }
    }

    /// ∫ f(x) dx from `lower` to `upper`; either may be infinite. Never evaluates `f` at the ends.
    ///
    /// Errors: as [`Quadrature::integrate_by_ends`].
    pub fn integrate(&self, f: impl Fn(f64) -> f64, lower: f64, upper: f64) -> Result<Integral> {
        self.integrate_by_ends(|x, _, _| f(x), lower, upper)
    }

    /// ∫ f(x, x - lower, upper - x) dx from `lower` to `upper`; either may be infinite. The distances are positive and
    /// right to rounding, however small: where x itself rounds to an end they still tell points apart.
    ///
    /// ```
    /// use smml_core::distribution::Quadrature;
    /// // The arcsine law: 7e-9 of it lies between 1 and the number before it.
    /// let f = |_, x: f64, y: f64| 1.0 / (std::f64::consts::PI * (x * y).sqrt());
    /// let total = Quadrature::default().integrate_by_ends(f, 0.0, 1.0)?;
    /// assert!((total.value - 1.0).abs() < 1e-14);
    /// # Ok::<(), smml_core::Error>(())
    /// ```
    ///
    /// Errors: bounds that are NaN or not in order, a value of `f` that is not finite, and
    /// [`Error::NotConverged`] when the tolerance is not met (as for an integral that does not exist).
    pub fn integrate_by_ends(
        &self,
        f: impl Fn(f64, f64, f64) -> f64,
        lower: f64,
        upper: f64,
    ) -> Result<Integral> {
        if !(lower < upper) {
            return if lower == upper && lower.is_finite() {
                Ok(Integral { value: 0.0, error: 0.0, evaluations: 0 })
            } else {
                Err(Error::out_of_range(
                    "integration range",
                    format!("[{lower}, {upper}]"),
                    "in ascending order, without NaN",
                ))
            };
        }
        let mut edges: Vec<f64> =
            self.breakpoints.iter().copied().filter(|b| *b > lower && *b < upper && b.is_finite()).collect();
        if edges.is_empty() && lower == f64::NEG_INFINITY && upper == f64::INFINITY {
            edges.push(0.0);
        }
        edges.extend([lower, upper]);
        edges.sort_by(f64::total_cmp);
        edges.dedup();

        let mut heap = BinaryHeap::new();
        let mut evaluations = 0;
        let mut end_error = 0.0;
        for pair in edges.windows(2) {
            let panel = Panel::new((pair[0], pair[1]), (lower, upper));
            for end in [-1.0, 1.0] {
                end_error += panel.value(&f, end * panel.reach)?.abs() / panel.log_slope(end * panel.reach);
                evaluations += 1;
            }
            // Enough pieces that a peak on any scale of a panel's end leaves a trace for the adaptive rule.
            let n = 32;
            for i in 0..n {
                let at = |i: i32| panel.reach * (2.0 * f64::from(i) / f64::from(n) - 1.0);
                heap.push(Piece::new(&panel, &f, at(i), at(i + 1))?);
                evaluations += 21;
            }
        }
        let mut done: Vec<Piece> = Vec::new();
        loop {
            let total = |g: fn(&Piece) -> f64| compensated_sum(heap.iter().chain(&done).map(g));
            let value = total(|p| p.value);
            let error = total(|p| p.error) + end_error;
            let allowed = self.absolute.max(self.relative * value.abs());
            if error <= allowed {
                return Ok(Integral { value, error, evaluations });
            }
            // Halve the worst pieces, as many as carry the excess, before the sums are taken again.
            let mut excess = error - end_error - 0.5 * (allowed - end_error).max(0.0);
            let mut halves = Vec::new();
            while excess > 0.0 {
                let Some(worst) = heap.pop() else { break };
                excess -= worst.error;
                let middle = 0.5 * (worst.from + worst.to);
                if worst.error <= worst.floor || !(worst.from < middle && middle < worst.to) {
                    done.push(worst); // rounding is all that is left
                    continue;
                }
                halves.push(Piece::new(&worst.panel, &f, worst.from, middle)?);
                halves.push(Piece::new(&worst.panel, &f, middle, worst.to)?);
                evaluations += 42;
            }
            if halves.is_empty() || evaluations > self.max_evaluations {
                heap.extend(halves);
                return Err(Error::NotConverged {
                    what: format!("the integral over [{lower}, {upper}] (so far {value:e})"),
                    residual: error,
                    iterations: evaluations,
                    tolerance: allowed,
                });
            }
            heap.extend(halves);
        }
    }
}

/// One panel and its substitution x(t).
#[derive(Clone, Copy, Debug)]
struct Panel {
    lower: f64,
    upper: f64,
    /// Distances of the panel's ends from those of the whole range.
    offsets: [f64; 2],
    /// t runs over [-reach, reach].
    reach: f64,
}

impl Panel {
    fn new((lower, upper): (f64, f64), range: (f64, f64)) -> Self {
        // δ down to 1e-299 of the width on a finite panel, but not below the smallest number with all its digits; from
        // 1e-299 to 1e299 on a half-infinite one.
        let reach = if lower.is_finite() && upper.is_finite() {
            let smallest = (f64::MIN_POSITIVE / (upper - lower)).min(0.1);
            if smallest < 1e-299 { 6.08 } else { (-libm::log(smallest) / PI).asinh() }
        } else {
            6.77
        };
        Panel { lower, upper, offsets: [lower - range.0, range.1 - upper], reach }
    }

    /// f(x(t)) x'(t)
    fn value(&self, f: &impl Fn(f64, f64, f64) -> f64, t: f64) -> Result<f64> {
        let (x, [from_lower, to_upper], slope) = self.point(t);
        let y = f(x, from_lower, to_upper);
        if !y.is_finite() {
            return Err(Error::Undefined {
                what: "the integral".into(),
                why: format!("the integrand is {y} at x = {x:e}"),
            });
        }
        let product = y * slope;
        if product.is_finite() { Ok(product) } else { Ok(f64::MAX.sqrt().copysign(y)) }
    }

    /// x, its distances from the ends of the range, and dx/dt. Points that would round to an end are moved to the
    /// nearest number inside.
    fn point(&self, t: f64) -> (f64, [f64; 2], f64) {
        let (a, b) = (self.lower, self.upper);
        let [left, right] = self.offsets;
        let (x, distances, slope) = if a.is_finite() && b.is_finite() {
            let width = b - a;
            let s = libm::exp(-PI * libm::sinh(t.abs())); // small
            let near = width * (s / (1.0 + s));
            let slope = width * s / ((1.0 + s) * (1.0 + s)) * PI * libm::cosh(t);
            if t < 0.0 {
                (a + near, [left + near, right + (width - near)], slope)
            } else {
                (b - near, [left + (width - near), right + near], slope)
            }
        } else {
            let r = libm::exp(FRAC_PI_2 * libm::sinh(t));
            let slope = r * FRAC_PI_2 * libm::cosh(t);
            if a.is_finite() {
                (a + r, [left + r, f64::INFINITY], slope)
            } else {
                (b - r, [f64::INFINITY, right + r], slope)
            }
        };
        (x.max(a.next_up()).min(b.next_down()), distances, slope)
    }

    /// |d ln δ / dt| at t, δ the distance to the near end (or to the origin of an infinite one): f x' divided by it is
    /// about the mass beyond, f δ.
    fn log_slope(&self, t: f64) -> f64 {
        let factor = if self.lower.is_finite() && self.upper.is_finite() { PI } else { FRAC_PI_2 };
        factor * libm::cosh(t)
    }
}

struct Piece {
    panel: Panel,
    from: f64,
    to: f64,
    value: f64,
    error: f64,
    /// Rounding error below which halving cannot help.
    floor: f64,
}

impl Piece {
    fn new(panel: &Panel, f: &impl Fn(f64, f64, f64) -> f64, from: f64, to: f64) -> Result<Self> {
        let (centre, half) = (0.5 * (from + to), 0.5 * (to - from));
        let middle = panel.value(f, centre)?;
        let mut kronrod = middle * KRONROD[10];
        let mut gauss = 0.0;
        let mut magnitude = middle.abs() * KRONROD[10];
        let mut values = [0.0; 20];
        for i in 0..10 {
            let d = half * NODES[i];
            let (l, r) = (panel.value(f, centre - d)?, panel.value(f, centre + d)?);
            values[2 * i] = l;
            values[2 * i + 1] = r;
            kronrod += KRONROD[i] * (l + r);
            magnitude += KRONROD[i] * (l.abs() + r.abs());
            if i % 2 == 1 {
                gauss += GAUSS[i / 2] * (l + r);
            }
        }
        let mean = 0.5 * kronrod;
        let mut spread = KRONROD[10] * (middle - mean).abs();
        for i in 0..10 {
            spread += KRONROD[i] * ((values[2 * i] - mean).abs() + (values[2 * i + 1] - mean).abs());
        }
        // QUADPACK's error model (Piessens et al. 1983)
        let (difference, spread) = (((kronrod - gauss) * half).abs(), spread * half);
        let mut error = difference;
        if spread > 0.0 && difference > 0.0 {
            error = spread * (200.0 * difference / spread).powf(1.5).min(1.0);
        }
        let floor = 4.0 * f64::EPSILON * magnitude * half;
        Ok(Piece { panel: *panel, from, to, value: kronrod * half, error: error.max(0.25 * floor), floor })
    }
}

impl PartialEq for Piece {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Piece {}
impl PartialOrd for Piece {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Piece {
    fn cmp(&self, other: &Self) -> Ordering {
        self.error.total_cmp(&other.error)
    }
}

/// Neumaier's sum.
pub(crate) fn compensated_sum(terms: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut rest) = (0.0_f64, 0.0);
    for x in terms {
        let next = sum + x;
        rest += if sum.abs() >= x.abs() { (sum - next) + x } else { (x - next) + sum };
        sum = next;
    }
    sum + rest
}

// 21-point Gauss-Kronrod rule (QUADPACK, Piessens et al. 1983); the last node is 0.
const NODES: [f64; 10] = [
    0.995_657_163_025_808_1,
    0.973_906_528_517_171_7,
    0.930_157_491_355_708_2,
    0.865_063_366_688_984_5,
    0.780_817_726_586_416_9,
    0.679_409_568_299_024_4,
    0.562_757_134_668_604_7,
    0.433_395_394_129_247_2,
    0.294_392_862_701_460_2,
    0.148_874_338_981_631_22,
];
const KRONROD: [f64; 11] = [
    0.011_694_638_867_371_874,
    0.032_558_162_307_964_725,
    0.054_755_896_574_351_995,
    0.075_039_674_810_919_96,
    0.093_125_454_583_697_6,
    0.109_387_158_802_297_64,
    0.123_491_976_262_065_84,
    0.134_709_217_311_473_34,
    0.142_775_938_577_060_09,
    0.147_739_104_901_338_49,
    0.149_445_554_002_916_9,
];
const GAUSS: [f64; 5] = [
    0.066_671_344_308_688_14,
    0.149_451_349_150_580_6,
    0.219_086_362_515_982_04,
    0.269_266_719_309_996_35,
    0.295_524_224_714_752_87,
];
