//! The scale of an axis: its range, its ticks and their labels, and where a value lies on it.
//!
//! plotters' own key points know neither how wide the labels are nor a common power of ten, and its logarithmic axes
//! lose their ticks below one decade; hence this file.

use super::{
    figure::Axis,
    text::{power_of_ten, width},
};

/// Beyond this, numbers are treated as infinite: differences of two of them must stay finite.
const HUGE: f64 = 1e300;

/// An axis ready to be drawn.
#[derive(Clone, Debug)]
pub(super) struct Scale {
    /// Range in `along` coordinates.
    lo: f64,
    hi: f64,
    log: bool,
    /// Labelled ticks: place in [0, 1], text.
    pub(super) ticks: Vec<(f64, String)>,
    /// Ticks without labels.
    pub(super) minor: Vec<f64>,
    /// The label of the axis, with the common power of ten if there is one.
    pub(super) label: String,
}

/// What the data ask of an axis.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Extent {
    /// Smallest and largest usable value.
    pub(super) range: Option<(f64, f64)>,
    /// Part of the range to leave free at both ends.
    pub(super) margin: f64,
    /// Zero must be on the axis (the foot of bars).
    pub(super) zero: bool,
    /// Zero may be put on the axis when it is not far.
    pub(super) near_zero: bool,
}

impl Extent {
    /// Makes room for a value; one that cannot be shown is ignored.
    pub(super) fn add(&mut self, value: f64, log: bool) {
        if usable(value, log) {
            let (lo, hi) = self.range.unwrap_or((value, value));
            self.range = Some((lo.min(value), hi.max(value)));
        }
    }
}

/// Whether a value has a place on an axis.
pub(super) fn usable(value: f64, log: bool) -> bool {
    value.is_finite() && value.abs() <= HUGE && (!log || value >= 1.0 / HUGE)
}

impl Scale {
    /// The scale for data; `size` is the font size of labels, `length` the length of the axis, and labels lie side by
    /// side (`across`) or one above the other.
    pub(super) fn new(axis: &Axis, extent: Extent, size: f64, length: f64, across: bool) -> Self {
        let log = axis.log;
        let fixed = axis.range.map(|(a, b)| (a.min(b), a.max(b))).filter(|&(a, b)| {
            usable(a, log) && usable(b, log) && a < b && !degenerate(along(a, log), along(b, log))
        });
        let (lo, hi) = match fixed {
            Some((a, b)) => (along(a, log), along(b, log)),
            None => automatic(extent, log),
        };
        let mut scale = Scale { lo, hi, log, ticks: Vec::new(), minor: Vec::new(), label: String::new() };
        let mut best = None;
        let most = if across { (length / (2.0 * size)) as usize } else { (length / (2.2 * size)) as usize };
        for wanted in (2..=most.clamp(2, if log { 11 } else { 8 })).rev() {
            let ticks = scale.ticks_for(wanted);
            let fits = ticks.0.windows(2).all(|pair| {
                let room = (pair[1].0 - pair[0].0) * length;
                let need =
                    if across { (width(&pair[0].1, size) + width(&pair[1].1, size)) / 2.0 } else { size };
                need + size <= room
            });
            if best.is_none() || fits {
                best = Some(ticks);
            }
            if fits {
                break;
            }
        }
        let (ticks, minor, power) = best.unwrap_or_default();
        (scale.ticks, scale.minor) = (ticks, minor);
        scale.label = match power {
            Some(e) => format!("{} (× {})", axis.label, power_of_ten(e)).trim_start().to_string(),
            None => axis.label.clone(),
        };
        scale
    }

    /// Where a value lies: 0 at the start of the axis, 1 at its end; `None` when it has no place on any such axis.
    pub(super) fn place(&self, value: f64) -> Option<f64> {
        usable(value, self.log).then(|| (along(value, self.log) - self.lo) / (self.hi - self.lo))
    }

    /// Whether the axis is logarithmic.
    pub(super) fn is_log(&self) -> bool {
        self.log
    }

    /// The place of zero, or the start of a logarithmic axis: where bars stand.
    pub(super) fn foot(&self) -> f64 {
        if self.log { 0.0 } else { (-self.lo / (self.hi - self.lo)).clamp(0.0, 1.0) }
    }

    /// The range as text, for those who cannot see it.
    pub(super) fn describe(&self) -> String {
        let ends = [self.lo, self.hi].map(|v| if self.log { 10f64.powf(v) } else { v });
        format!("{:.3e} to {:.3e}{}", ends[0], ends[1], if self.log { ", logarithmic" } else { "" })
    }

    /// Labelled ticks, minor ticks and the common power of ten, for about `wanted` labels.
    fn ticks_for(&self, wanted: usize) -> (Vec<(f64, String)>, Vec<f64>, Option<i32>) {
        let at = |v: f64| (v - self.lo) / (self.hi - self.lo);
        if !self.log {
            let (values, step) = nice(self.lo, self.hi, wanted);
            let (labels, power) = linear_labels(&values, step);
            return (values.iter().map(|v| at(*v)).zip(labels).collect(), Vec::new(), power);
        }
        let (first, last) = ((self.lo - 1e-9).ceil() as i32, (self.hi + 1e-9).floor() as i32);
        let span = self.hi - self.lo;
        let (ticks, minor) = self.decade_ticks(first, last, wanted);
        if span >= 0.6 && ticks.len() >= if span < 1.3 { 3 } else { 2 } {
            return (ticks, minor, None);
        }
        // Too little of a decade: round numbers at their logarithmic places.
        let (values, step) = nice(10f64.powf(self.lo), 10f64.powf(self.hi), wanted);
        let (labels, power) = linear_labels(&values, step);
        let ticks = values.iter().map(|v| at(v.log10())).zip(labels).filter(|(p, _)| p.is_finite());
        (ticks.collect(), Vec::new(), power)
    }

    /// Labels at powers of ten, over few decades also at 2 and 5 times these; ticks at the other digits.
    fn decade_ticks(&self, first: i32, last: i32, wanted: usize) -> (Vec<(f64, String)>, Vec<f64>) {
        let at = |v: f64| (v - self.lo) / (self.hi - self.lo);
        let span = self.hi - self.lo;
        let stride = ((last - first).max(0) as usize).div_ceil(wanted).max(1) as i32;
        let plain = first >= -3 && last <= 4;
        let label = |factor: i32, e: i32| match (plain, factor) {
            (true, _) if e >= 0 => format!("{}", i64::from(factor) * 10i64.pow(e as u32)),
            (true, _) => format!("{:.*}", (-e) as usize, f64::from(factor) * 10f64.powi(e)),
            (false, 1) => power_of_ten(e),
            (false, _) => format!("{factor}·{}", power_of_ten(e)),
        };
        let factors: &[i32] = match wanted {
            6.. if span < 2.2 => &[1, 2, 5],
            3.. if span < 1.3 => &[1, 2, 5],
            _ => &[1],
        };
        let (mut ticks, mut minor) = (Vec::new(), Vec::new());
        for e in first - 1..=last {
            for factor in 1..=9 {
                let place = at(f64::from(e) + f64::from(factor).log10());
                if !(-1e-9..=1.0 + 1e-9).contains(&place) {
                    continue;
                }
                if factors.contains(&factor) && (e - first).rem_euclid(stride) == 0 {
                    ticks.push((place, label(factor, e)));
                } else if span <= 8.0 || (factor == 1 && span <= 60.0) {
                    minor.push(place);
                }
            }
        }
        (ticks, minor)
    }
}

/// The coordinate along the axis.
fn along(value: f64, log: bool) -> f64 {
    if log { value.log10() } else { value }
}

/// Too narrow a range to tell its ends apart.
fn degenerate(lo: f64, hi: f64) -> bool {
    !(hi - lo > 1e-12 * lo.abs().max(hi.abs())) || hi - lo < 1e-290
}

fn automatic(extent: Extent, log: bool) -> (f64, f64) {
    let Some((lo, hi)) = extent.range else {
        return (0.0, 1.0);
    };
    let (mut lo, mut hi) = (along(lo, log), along(hi, log));
    if log {
        if degenerate(lo, hi) {
            return (lo - 0.5, hi + 0.5);
        }
        let margin = extent.margin * (hi - lo);
        return (lo - margin, hi + margin);
    }
    if extent.zero || (extent.near_zero && lo > 0.0 && lo < 0.3 * hi) {
        lo = lo.min(0.0);
    }
    if extent.zero || (extent.near_zero && hi < 0.0 && hi > 0.3 * lo) {
        hi = hi.max(0.0);
    }
    if degenerate(lo, hi) {
        let centre = lo / 2.0 + hi / 2.0;
        let half = if centre.abs() > 1e-280 { 0.1 * centre.abs() } else { 1.0 };
        return (centre - half, centre + half);
    }
    let margin = extent.margin * (hi - lo);
    // No margin beyond a zero that the data do not cross: a magnetisation has no room below zero.
    (if lo == 0.0 { lo } else { lo - margin }, if hi == 0.0 { hi } else { hi + margin })
}

/// Multiples of 1, 2 or 5 times a power of ten within a range, at most about `wanted`, and their distance.
fn nice(lo: f64, hi: f64, wanted: usize) -> (Vec<f64>, f64) {
    let raw = (hi - lo) / wanted as f64;
    let power = 10f64.powi(raw.log10().floor() as i32);
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|m| m * power)
        .find(|s| *s >= raw * (1.0 - 1e-9))
        .unwrap_or(10.0 * power);
    let (first, last) = ((lo / step - 1e-6).ceil(), (hi / step + 1e-6).floor());
    if !(first.is_finite() && last.is_finite() && step > 0.0) {
        return (Vec::new(), 1.0);
    }
    let n = (last - first).clamp(0.0, 100.0) as usize;
    ((0..=n).map(|i| (first + i as f64) * step).collect(), step)
}

/// Labels with as many decimals as the step needs, and the power of ten taken out of very large and small numbers.
fn linear_labels(values: &[f64], step: f64) -> (Vec<String>, Option<i32>) {
    let largest = values.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    let power = match largest {
        l if l >= 0.999e5 || (l > 0.0 && l < 0.999e-3) => Some((l * (1.0 + 1e-9)).log10().floor() as i32),
        _ => None,
    };
    // In two steps, because 10^-300 is fine and 10^308 times it is, but not every power alone.
    let scaled = |v: f64| match power {
        Some(e) => v / 10f64.powi(e / 2) / 10f64.powi(e - e / 2),
        None => v,
    };
    let decimals = (-(scaled(step) * (1.0 + 1e-9)).log10().floor()).clamp(0.0, 15.0) as usize;
    let label = |v: &f64| {
        let text = format!("{:.*}", decimals, scaled(*v));
        if text.bytes().all(|b| matches!(b, b'0' | b'.' | b'-')) {
            "0".into()
        } else {
            text.replace('-', "−")
        }
    };
    (values.iter().map(label).collect(), power)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scale(lo: f64, hi: f64, log: bool) -> Scale {
        let axis = Axis { label: "x".into(), log, range: None };
        let extent = Extent { range: Some((lo, hi)), ..Extent::default() };
        Scale::new(&axis, extent, 14.0, 500.0, true)
    }
    fn labels(s: &Scale) -> Vec<&str> {
        s.ticks.iter().map(|(_, l)| l.as_str()).collect()
    }

    #[test]
    fn ticks_are_round_numbers() {
        assert_eq!(labels(&scale(1.0, 4.0, false)), ["1.0", "1.5", "2.0", "2.5", "3.0", "3.5", "4.0"]);
        assert_eq!(labels(&scale(-0.3, 0.2, false)), ["−0.3", "−0.2", "−0.1", "0", "0.1", "0.2"]);
        let large = scale(0.0, 3e6, false);
        assert_eq!(large.label, "x (× 10⁶)");
        assert_eq!(labels(&large), ["0", "0.5", "1.0", "1.5", "2.0", "2.5", "3.0"]);
        assert_eq!(scale(0.0, 2e-7, false).label, "x (× 10⁻⁷)");
    }

    #[test]
    fn decades_are_labelled() {
        assert_eq!(labels(&scale(1e-3, 1e3, true)), ["0.001", "0.01", "0.1", "1", "10", "100", "1000"]);
        assert_eq!(labels(&scale(1e2, 1e7, true)), ["10²", "10³", "10⁴", "10⁵", "10⁶", "10⁷"]);
        assert_eq!(labels(&scale(1.0, 100.0, true)), ["1", "2", "5", "10", "20", "50", "100"]);
        assert!(labels(&scale(2.0, 7.0, true)).len() >= 3);
        assert!(labels(&scale(1e-300, 1e300, true)).len() >= 3);
    }

    #[test]
    fn labels_never_overlap_and_places_are_on_the_axis() {
        let ends: [f64; 13] =
            [0.0, 1.0, -1.0, 1e-300, 5e-324, 1e300, -1e300, 1e9, 1e9 + 1.0, 123.456, 1.0 + 1e-13, 0.1, 31.0];
        for &a in &ends {
            for &b in &ends {
                for log in [false, true] {
                    let (lo, hi) = (a.min(b), a.max(b));
                    if !usable(lo, log) || !usable(hi, log) {
                        continue;
                    }
                    for margin in [0.0, 0.05] {
                        let axis = Axis { label: "x".into(), log, range: None };
                        let extent = Extent { range: Some((lo, hi)), margin, ..Extent::default() };
                        let s = Scale::new(&axis, extent, 14.0, 500.0, true);
                        assert!(!s.ticks.is_empty(), "{lo} {hi} {log}");
                        assert!(
                            s.ticks.iter().all(|(p, _)| (-1e-5..=1.0 + 1e-5).contains(p)),
                            "{lo} {hi} {log} {:?}",
                            s.ticks
                        );
                        for w in s.ticks.windows(2) {
                            let need = (width(&w[0].1, 14.0) + width(&w[1].1, 14.0)) / 2.0;
                            assert!((w[1].0 - w[0].0) * 500.0 > need, "{lo} {hi} {log} {:?}", s.ticks);
                        }
                        for v in [lo, hi] {
                            let p = s.place(v).expect("usable");
                            assert!((-1e-9..=1.0 + 1e-9).contains(&p), "{lo} {hi} {log} {v} {p}");
                        }
                    }
                }
            }
        }
    }
}
