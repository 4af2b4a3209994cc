//! Sums of independent variables on a lattice (Eq. 46). Densities of states live in [`super::states`].
//!
//! An FFT errs by about 10⁻¹⁷ in every probability, so the tails, which are smaller, are lost (10 dice: P(10) = 6⁻¹⁰ with
//! relative error 6·10⁻¹²; some entries negative). Hence three ways: sums of nonnegative products, with a bound on the
//! relative error; the FFT, with a bound on the absolute error and notice of what was clamped; and exponential tilting,
//! which moves the mean to the point of interest first, for many terms and results far below the smallest f64.

use super::{Method, Mode, check_finite, convolve_with, cost, fft::real_plan};
use crate::error::{Error, Result, finite, positive};

/// 2⁻⁵³
const ROUNDING: f64 = f64::EPSILON / 2.0;
/// Longest result, in lattice points.
const MAX_LEN: usize = 1 << 26;
/// Longest result by direct arithmetic.
const MAX_DIRECT: usize = 1 << 20;

/// What accuracy a sum of variables needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tails {
    /// Every probability with a small RELATIVE error: nonnegative products, summed one by one.
    Relative,
    /// Small absolute errors are enough: FFT where it is quicker.
    Absolute,
}

/// A bound on the error of each probability (or density) of a result, its input taken as exact.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ErrorBound {
    /// |error| <= bound × value, for values that do not underflow.
    Relative(f64),
    /// |error| <= bound.
    Absolute(f64),
}

/// Negative values that rounding had left and that were set to zero.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Clamped {
    /// How many.
    pub count: usize,
    /// Sum of their absolute values.
    pub total: f64,
}

impl Clamped {
    pub(super) fn clamp(values: &mut [f64]) -> Self {
        let mut clamped = Clamped::default();
        for v in values.iter_mut().filter(|v| **v < 0.0) {
            clamped.count += 1;
            clamped.total -= *v;
            *v = 0.0;
        }
        clamped
    }
    fn plus(self, other: Clamped) -> Self {
        Clamped { count: self.count + other.count, total: self.total + other.total }
    }
}

/// Probabilities of the values origin, origin + step, origin + 2 step, ...
///
/// ```
/// use smml_core::convolve::lattice::{LatticeDistribution, Tails};
/// let die = LatticeDistribution::on_integers(1, vec![1.0 / 6.0; 6])?;
/// let two = die.plus(&die, Tails::Relative)?.distribution;
/// assert!((two.probability(7.0) - 1.0 / 6.0).abs() < 1e-15);
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct LatticeDistribution {
    origin: f64,
    step: f64,
    probabilities: Vec<f64>,
}

/// The distribution of a sum, and how far it can be trusted.
#[derive(Clone, Debug, PartialEq)]
pub struct LatticeSum {
    /// The distribution.
    pub distribution: LatticeDistribution,
    /// Bound on the error of each probability.
    pub error: ErrorBound,
    /// What was set to zero because it had come out negative.
    pub clamped: Clamped,
}

impl LatticeDistribution {
    /// Probabilities must be finite, not negative, and sum to 1 within 10⁻⁹ (they are kept as they are, not normalised).
    pub fn new(origin: f64, step: f64, probabilities: Vec<f64>) -> Result<Self> {
        finite("origin", origin)?;
        positive("step", step)?;
        check_finite("probabilities", &probabilities)?;
        if let Some(i) = probabilities.iter().position(|p| *p < 0.0) {
            return Err(Error::out_of_range(format!("probabilities[{i}]"), probabilities[i], "at least 0"));
        }
        let total: f64 = probabilities.iter().sum();
        if !((total - 1.0).abs() <= 1e-9) {
            return Err(Error::out_of_range("sum of the probabilities", total, "1 within 1e-9"));
        }
        Ok(LatticeDistribution { origin, step, probabilities })
    }

    /// On the integers from `first` on.
    pub fn on_integers(first: i32, probabilities: Vec<f64>) -> Result<Self> {
        Self::new(f64::from(first), 1.0, probabilities)
    }

    /// The first lattice point.
    pub fn origin(&self) -> f64 {
        self.origin
    }
    /// Distance of lattice points.
    pub fn step(&self) -> f64 {
        self.step
    }
    /// Probabilities of the points, the first at the origin.
    pub fn probabilities(&self) -> &[f64] {
        &self.probabilities
    }
    /// Lattice point `k`.
    pub fn value(&self, k: usize) -> f64 {
        self.origin + self.step * k as f64
    }
    /// P(X = x); 0 where `x` is no lattice point (to 10⁻⁶ of a step).
    pub fn probability(&self, x: f64) -> f64 {
        self.index(x).and_then(|k| self.probabilities.get(k)).copied().unwrap_or(0.0)
    }
    /// Σ x p(x).
    pub fn mean(&self) -> f64 {
        self.origin
            + self.step * self.probabilities.iter().enumerate().map(|(k, p)| k as f64 * p).sum::<f64>()
    }
    /// Σ (x - mean)² p(x).
    pub fn variance(&self) -> f64 {
        let mean = self.mean();
        self.probabilities.iter().enumerate().map(|(k, p)| (self.value(k) - mean).powi(2) * p).sum()
    }
    /// P(X >= x), summed from the far end, so that it is as accurate as the probabilities. NaN for a NaN.
    pub fn upper_tail(&self, x: f64) -> f64 {
        if x.is_nan() {
            return f64::NAN;
        }
        let first = ceil_index((x - self.origin) / self.step, self.probabilities.len());
        self.probabilities[first..].iter().rev().fold(0.0, |sum, p| sum + p)
    }
    /// P(X <= x), summed from the near end. NaN for a NaN.
    pub fn lower_tail(&self, x: f64) -> f64 {
        if x.is_nan() {
            return f64::NAN;
        }
        let end = floor_index((x - self.origin) / self.step, self.probabilities.len());
        // From 0: the sum of nothing would be -0.
        self.probabilities[..end].iter().fold(0.0, |sum, p| sum + p)
    }

    fn index(&self, x: f64) -> Option<usize> {
        lattice_index((x - self.origin) / self.step)
    }

    /// The distribution of X + Y, p(z) = Σ_x p_X(x) p_Y(z - x) (Eq. 46), for independent X and Y on lattices of equal step.
    ///
    /// Errors: steps that differ by more than 10⁻¹² of themselves; [`Error::TooLarge`] for more than 2²⁰ points by
    /// [`Tails::Relative`], 2²⁶ otherwise.
    pub fn plus(&self, other: &Self, tails: Tails) -> Result<LatticeSum> {
        let exact = |d: &Self| LatticeSum {
            distribution: d.clone(),
            error: match tails {
                Tails::Relative => ErrorBound::Relative(0.0),
                Tails::Absolute => ErrorBound::Absolute(0.0),
            },
            clamped: Clamped::default(),
        };
        add(&exact(self), &exact(other), tails)
    }

    /// The distribution of the sum of `n` independent copies, by repeated squaring; n = 0 gives the constant 0.
    ///
    /// Errors: [`Error::TooLarge`] as for [`Self::plus`]: use [`Self::n_fold_near`] then.
    pub fn n_fold(&self, n: u32, tails: Tails) -> Result<LatticeSum> {
        let nothing = LatticeDistribution { origin: 0.0, step: self.step, probabilities: vec![1.0] };
        if n == 0 {
            return nothing.plus(&nothing, tails);
        }
        check_len((self.probabilities.len() - 1).saturating_mul(n as usize).saturating_add(1), tails)?;
        let mut total: Option<LatticeSum> = None;
        let mut power = LatticeSum {
            distribution: self.clone(),
            error: match tails {
                Tails::Relative => ErrorBound::Relative(0.0),
                Tails::Absolute => ErrorBound::Absolute(0.0),
            },
            clamped: Clamped::default(),
        };
        let mut left = n;
        loop {
            if left & 1 == 1 {
                total = Some(match total {
                    None => power.clone(),
                    Some(total) => add(&total, &power, tails)?,
                });
            }
            left >>= 1;
            if left == 0 {
                break;
            }
            power = add(&power, &power, tails)?;
        }
        // Rounding of repeated additions of the origin must not move the lattice.
        let mut sum = total.unwrap_or(power);
        sum.distribution.origin = f64::from(n) * self.origin;
        Ok(sum)
    }

    /// Logarithms of the probabilities of the sum of `n` independent copies around `x`, each with a relative error that
    /// is stated, however small it is.
    ///
    /// The distribution is tilted, p_θ(k) ∝ p(k) e^{θk}, so that the mean of the sum is `x`; the sum of tilted copies is
    /// found by FFT and tilted back (Cramér, Esscher): P(S = s) = P_θ(S = s) e^{-θs} M(θ)ⁿ. The window holds the
    /// neighbours of `x` whose relative error stays below 10⁻⁹.
    ///
    /// Errors: n = 0; `x` outside the support of the sum; [`Error::TooLarge`] for more than 2²⁶ points.
    pub fn n_fold_near(&self, n: u32, x: f64) -> Result<TiltedSum> {
        let (low, high) = self.support();
        let origin = f64::from(n) * self.value(low);
        let target = (x - origin) / self.step;
        let len = sum_len(n, high - low)?;
        // NaN must be refused here too.
        if !(target >= -1e-6 && target <= (len - 1) as f64 + 1e-6) {
            let top = f64::from(n) * self.value(high);
            return Err(Error::out_of_range("x", x, format!("in the support of the sum, [{origin}, {top}]")));
        }
        let tilted = Tilted::new(&self.probabilities[low..=high], n, target, len);
        let good = |k: usize| {
            k.checked_sub(tilted.first).and_then(|i| tilted.p.get(i)).is_some_and(|p| p * 1e-9 > tilted.error)
        };
        let centre = (target.round() as usize).min(len - 1);
        if !good(centre) || tilted.shared > 1e-9 {
            return Err(Error::Undefined {
                what: format!("the probability of {x}"),
                why: "it is zero, or rounding leaves fewer than nine digits".into(),
            });
        }
        let mut first = centre;
        while first > 0 && good(first - 1) {
            first -= 1;
        }
        let mut end = centre + 1;
        while good(end) {
            end += 1;
        }
        let p = &tilted.p[first - tilted.first..end - tilted.first];
        let smallest = p.iter().copied().fold(f64::INFINITY, f64::min);
        let ln_probabilities = p
            .iter()
            .enumerate()
            .map(|(i, p)| libm::log(*p) + tilted.at_target - tilted.theta * ((first + i) as f64 - target))
            .collect();
        Ok(TiltedSum {
            origin,
            step: self.step,
            first,
            ln_probabilities,
            relative_error: tilted.error / smallest + tilted.shared,
        })
    }

    /// ln P(S >= x) for the sum S of `n` independent copies, by tilting, for any size of the result; -∞ above the support.
    ///
    /// Errors: n = 0; `x` NaN; [`Error::TooLarge`] for more than 2²⁶ points; a relative error above 10⁻⁸.
    pub fn ln_upper_tail(&self, n: u32, x: f64) -> Result<f64> {
        self.ln_tail(n, x, true)
    }

    /// ln P(S <= x), as [`Self::ln_upper_tail`].
    pub fn ln_lower_tail(&self, n: u32, x: f64) -> Result<f64> {
        self.ln_tail(n, x, false)
    }

    fn ln_tail(&self, n: u32, x: f64, upper: bool) -> Result<f64> {
        if x.is_nan() {
            return Err(Error::out_of_range("x", x, "a number"));
        }
        let (low, high) = self.support();
        let len = sum_len(n, high - low)?;
        let p = &self.probabilities[low..=high];
        let mean = f64::from(n) * ln_moment(p, 0.0).1;
        let position = (x - f64::from(n) * self.value(low)) / self.step;
        // The tail is the points `from .. end` of the sum.
        let (from, end) =
            if upper { (ceil_index(position, len), len) } else { (0, floor_index(position, len)) };
        if from == end {
            return Ok(f64::NEG_INFINITY);
        }
        if end - from == len {
            return Ok(0.0);
        }
        let undefined = || Error::Undefined {
            what: format!("the tail beyond {x}"),
            why: "rounding leaves fewer than eight digits".into(),
        };
        // The side of the mean that holds less is summed; its neighbour is one minus that.
        let edge = if upper { from } else { end - 1 };
        let small = if upper { edge as f64 >= mean } else { edge as f64 <= mean };
        let (edge, range, upwards) = match (small, upper) {
            (true, _) => (edge, from..end, upper),
            (false, true) => (from - 1, 0..from, false),
            (false, false) => (end, end..len, true),
        };
        let target = edge as f64;
        let tilted = Tilted::new(p, n, target, len);
        let (mut total, mut weight) = (0.0, 0.0);
        for (i, p) in tilted.p.iter().enumerate() {
            let k = tilted.first + i;
            // Away from the mean the factor only falls.
            let distance = if upwards { k as f64 - target } else { target - k as f64 };
            if range.contains(&k) {
                let factor = libm::exp(-tilted.theta.abs() * distance);
                total += p.max(0.0) * factor;
                weight += factor;
            }
        }
        let relative = tilted.error * weight / total + tilted.shared;
        if !(relative <= 1e-8) {
            return Err(undefined());
        }
        let ln = libm::log(total) + tilted.at_target;
        Ok(if small { ln } else { libm::log1p(-libm::exp(ln)) })
    }

    /// First and last point of positive probability. A validated distribution has one.
    fn support(&self) -> (usize, usize) {
        let first = self.probabilities.iter().position(|p| *p > 0.0).unwrap_or(0);
        let last = self.probabilities.iter().rposition(|p| *p > 0.0).unwrap_or(0);
        (first, last)
    }
}

/// Points of a sum of `n` variables of `width + 1` points each.
fn sum_len(n: u32, width: usize) -> Result<usize> {
    if n == 0 {
        return Err(Error::out_of_range("n", 0, "at least 1"));
    }
    let len = width.saturating_mul(n as usize).saturating_add(1);
    check_len(len, Tails::Absolute)?;
    Ok(len)
}

/// The sum of tilted copies: ln P(k) = ln p[k - first] + at_target - theta (k - target).
struct Tilted {
    first: usize,
    p: Vec<f64>,
    theta: f64,
    at_target: f64,
    /// Bound on the absolute error of each p.
    error: f64,
    /// Relative error common to all.
    shared: f64,
}

impl Tilted {
    /// `p` is positive at both ends; 0 <= target <= len - 1.
    fn new(p: &[f64], n: u32, target: f64, len: usize) -> Self {
        let copies = f64::from(n);
        // The ends are reached in one way only.
        let corner = |k: usize, first: usize| Tilted {
            first,
            p: vec![1.0],
            theta: 0.0,
            at_target: copies * libm::log(p[k]),
            error: 0.0,
            shared: ROUNDING * (2.0 + 2.0 * copies * libm::log(p[k]).abs()),
        };
        if target < 0.5 {
            return corner(0, 0);
        }
        if target > (len - 1) as f64 - 0.5 {
            return corner(p.len() - 1, len - 1);
        }
        let mean = target / copies;
        let theta = tilt(p, mean);
        let (ln_m, _) = ln_moment(p, theta);
        let tilted = p.iter().enumerate().map(|(k, p)| libm::exp(libm::log(*p) + theta * k as f64 - ln_m));
        let fft_len = cost::cyclic_length(len, 1, 0, len);
        let plan = real_plan(fft_len);
        let mut spectrum = plan.spectrum(tilted);
        spectrum.iter_mut().for_each(|z| *z = z.powu(n));
        // Each factor of a bin is off by some roundings: the error of the result is at most the mean over all bins.
        let weight = 2.0 * spectrum.iter().map(|z| z.norm()).sum::<f64>() / fft_len as f64;
        let roundings = 4.0 * copies * (2.0 + (p.len() as f64).log2()) + 4.0 * (fft_len as f64).log2();
        let scale = 1.0 / fft_len as f64;
        let mut sum = plan.series(spectrum);
        sum.truncate(len);
        sum.iter_mut().for_each(|p| *p *= scale);
        Tilted {
            first: 0,
            p: sum,
            theta,
            at_target: copies * (ln_m - theta * mean),
            error: ROUNDING * roundings * weight,
            shared: ROUNDING * copies * (4.0 + 4.0 * ln_m.abs() + 4.0 * (theta * mean).abs()),
        }
    }
}

/// The lattice index of position `k`, where it is one to 10⁻⁶.
fn lattice_index(k: f64) -> Option<usize> {
    let rounded = k.round();
    ((k - rounded).abs() < 1e-6 && rounded >= 0.0).then_some(rounded as usize)
}

fn ceil_index(k: f64, len: usize) -> usize {
    ((k - 1e-6).ceil().max(0.0) as usize).min(len)
}

/// One past the last index not beyond `k`.
fn floor_index(k: f64, len: usize) -> usize {
    (((k + 1e-6).floor() + 1.0).max(0.0) as usize).min(len)
}

pub(super) fn check_len(len: usize, tails: Tails) -> Result<()> {
    let limit = match tails {
        Tails::Relative => MAX_DIRECT,
        Tails::Absolute => MAX_LEN,
    };
    if len <= limit {
        return Ok(());
    }
    Err(Error::TooLarge {
        what: "the distribution of a sum".into(),
        needed: format!("{len} lattice points"),
        limit: limit.to_string(),
    })
}

pub(super) fn common_step(a: f64, b: f64) -> Result<f64> {
    if (a - b).abs() <= 1e-12 * a {
        Ok(a)
    } else {
        Err(Error::out_of_range("step of the other lattice", b, format!("{a}, as of the first")))
    }
}

fn add(a: &LatticeSum, b: &LatticeSum, tails: Tails) -> Result<LatticeSum> {
    let (p, q) = (&a.distribution.probabilities, &b.distribution.probabilities);
    let step = common_step(a.distribution.step, b.distribution.step)?;
    let len = p.len() + q.len() - 1;
    check_len(len, tails)?;
    let short = p.len().min(q.len()) as f64;
    let (method, error) = match (tails, a.error, b.error) {
        // (1 + δ) for each product and each of the additions
        (Tails::Relative, ErrorBound::Relative(x), ErrorBound::Relative(y)) => {
            (Method::Direct, ErrorBound::Relative(x + y + x * y + 1.01 * short * ROUNDING))
        }
        (_, x, y) => {
            let size = |e: ErrorBound| match e {
                ErrorBound::Relative(e) | ErrorBound::Absolute(e) => e,
            };
            let norm = |p: &[f64]| p.iter().map(|v| v * v).sum::<f64>().sqrt();
            let fft = 8.0 * ROUNDING * (len as f64).log2().max(1.0) * norm(p) * norm(q);
            // Σ_x q(z - x) <= 1 and Σ |errors| <= length × bound
            let carried = size(x) + size(y) + size(x) * size(y) * short;
            (Method::Auto, ErrorBound::Absolute(carried + fft + short * ROUNDING * norm(p) * norm(q)))
        }
    };
    let mut probabilities = convolve_with(p, q, Mode::Full, method)?;
    let clamped = Clamped::clamp(&mut probabilities).plus(a.clamped).plus(b.clamped);
    Ok(LatticeSum {
        distribution: LatticeDistribution {
            origin: a.distribution.origin + b.distribution.origin,
            step,
            probabilities,
        },
        error,
        clamped,
    })
}

/// ln Σ p_k e^{θk} and the tilted mean.
fn ln_moment(p: &[f64], theta: f64) -> (f64, f64) {
    let exponents: Vec<f64> = p.iter().enumerate().map(|(k, p)| libm::log(*p) + theta * k as f64).collect();
    let largest = exponents.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let (mut total, mut first) = (0.0, 0.0);
    for (k, e) in exponents.iter().enumerate() {
        let w = libm::exp(e - largest);
        total += w;
        first += k as f64 * w;
    }
    (largest + libm::log(total), first / total)
}

/// θ with tilted mean `mean`, strictly between the ends of the support: the mean rises with θ.
fn tilt(p: &[f64], mean: f64) -> f64 {
    let (mut low, mut high) = (-1.0, 1.0);
    while ln_moment(p, low).1 > mean && low > -1e6 {
        low *= 2.0;
    }
    while ln_moment(p, high).1 < mean && high < 1e6 {
        high *= 2.0;
    }
    // Any θ gives a correct result, so bisection to a few digits would do.
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if ln_moment(p, middle).1 < mean {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

/// Part of the distribution of a sum, in logarithms.
#[derive(Clone, Debug, PartialEq)]
pub struct TiltedSum {
    origin: f64,
    step: f64,
    first: usize,
    ln_probabilities: Vec<f64>,
    relative_error: f64,
}

impl TiltedSum {
    /// Point `i` of the window.
    pub fn value(&self, i: usize) -> f64 {
        self.origin + self.step * (self.first + i) as f64
    }
    /// ln P(S = value(i)).
    pub fn ln_probabilities(&self) -> &[f64] {
        &self.ln_probabilities
    }
    /// ln P(S = s), where `s` is a point of the window.
    pub fn ln_probability(&self, s: f64) -> Option<f64> {
        let k = lattice_index((s - self.origin) / self.step)?;
        self.ln_probabilities.get(k.checked_sub(self.first)?).copied()
    }
    /// Bound on the relative error of every probability of the window.
    pub fn relative_error(&self) -> f64 {
        self.relative_error
    }
}

#[cfg(test)]
mod tests;
