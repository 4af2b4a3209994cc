//! Schedules: plain data plus [`Schedule::at`], for temperatures, learning rates, exploration and ladders.

use crate::error::{Error, Result, all_finite, finite, positive};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A value as a function of progress t in [0, 1].
///
/// ```
/// use smml_core::schedule::Schedule;
/// let s = Schedule::geometric(1.0, 100.0)?;
/// assert!((s.at(0.5) - 10.0).abs() < 1e-12);
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, remote = "Self")]
pub enum Schedule {
    /// The same value throughout.
    Constant(f64),
    /// from + (to - from) t.
    Linear {
        /// Value at t = 0.
        from: f64,
        /// Value at t = 1.
        to: f64,
    },
    /// from (to / from)^t.
    Geometric {
        /// Value at t = 0.
        from: f64,
        /// Value at t = 1.
        to: f64,
    },
    /// Values at equally spaced t, with straight lines between them.
    Table(Vec<f64>),
}

impl Serialize for Schedule {
    fn serialize<S: Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
        Schedule::serialize(self, to)
    }
}

/// What is read passes [`Schedule::checked`]. (`remote` makes the derived functions inherent ones; a second enum to read
/// would only repeat this one.)
impl<'de> Deserialize<'de> for Schedule {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        Schedule::deserialize(from)?.checked().map_err(serde::de::Error::custom)
    }
}

impl Schedule {
    /// A constant.
    pub fn constant(value: f64) -> Result<Self> {
        Schedule::Constant(value).checked()
    }
    /// A straight line.
    pub fn linear(from: f64, to: f64) -> Result<Self> {
        Schedule::Linear { from, to }.checked()
    }
    /// A geometric progression; both ends must be greater than zero.
    pub fn geometric(from: f64, to: f64) -> Result<Self> {
        Schedule::Geometric { from, to }.checked()
    }
    /// Equally spaced values.
    pub fn table(values: Vec<f64>) -> Result<Self> {
        Schedule::Table(values).checked()
    }
    /// The schedule itself when its values make sense; for one made without a constructor.
    pub fn checked(self) -> Result<Self> {
        match &self {
            Schedule::Constant(c) => {
                finite("schedule value", *c)?;
            }
            Schedule::Linear { from, to } => {
                finite("schedule from", *from)?;
                finite("schedule to", *to)?;
            }
            Schedule::Geometric { from, to } => {
                positive("geometric schedule from", *from)?;
                positive("geometric schedule to", *to)?;
            }
            Schedule::Table(values) => {
                if values.is_empty() {
                    return Err(Error::out_of_range("schedule table length", 0, "at least 1"));
                }
                all_finite("schedule table entry", values)?;
            }
        }
        Ok(self)
    }
    /// The value at progress `t`, which is clamped to [0, 1]; the ends are exact.
    pub fn at(&self, t: f64) -> f64 {
        let t = t.clamp(0.0, 1.0);
        match self {
            Schedule::Constant(c) => *c,
            Schedule::Linear { from, to } => between(*from, *to, t),
            Schedule::Geometric { from, to } => match t {
                0.0 => *from,
                1.0 => *to,
                _ if (to / from).is_normal() => from * libm::pow(to / from, t),
                // The ends are more than the range of numbers apart, their logarithms are not.
                _ => libm::exp(between(libm::log(*from), libm::log(*to), t)),
            },
            Schedule::Table(values) => match values.len() {
                0 => f64::NAN, // not reachable through a checked schedule
                1 => values[0],
                n => {
                    let x = t * (n - 1) as f64;
                    let i = (x as usize).min(n - 2);
                    between(values[i], values[i + 1], x - i as f64)
                }
            },
        }
    }
    /// The smallest and the largest value.
    pub fn bounds(&self) -> (f64, f64) {
        let ends = [self.at(0.0), self.at(1.0)];
        let corners = if let Schedule::Table(values) = self { values.as_slice() } else { &ends };
        corners.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(*v), high.max(*v)))
    }
    /// `n` values from t = 0 to t = 1, both ends included; a single value is the last.
    pub fn values(&self, n: usize) -> impl Iterator<Item = f64> + '_ {
        (0..n).map(move |k| self.at(if n > 1 { k as f64 / (n - 1) as f64 } else { 1.0 }))
    }
}

/// The straight line from `from` at t = 0 to `to` at t = 1.
fn between(from: f64, to: f64, t: f64) -> f64 {
    let span = to - from;
    match t {
        1.0 => to,
        _ if span.is_finite() => from + span * t,
        _ => (1.0 - t) * from + t * to,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_exact_and_inner_values_right() {
        let g = Schedule::geometric(0.1, 3.0).unwrap();
        assert_eq!((g.at(0.0), g.at(1.0), g.at(-1.0), g.at(2.0)), (0.1, 3.0, 0.1, 3.0));
        let table = Schedule::table(vec![0.0, 1.0, 4.0]).unwrap();
        assert_eq!(table.values(5).collect::<Vec<_>>(), [0.0, 0.5, 1.0, 2.5, 4.0]);
        assert_eq!(Schedule::linear(1.0, 2.0).unwrap().values(1).collect::<Vec<_>>(), [2.0]);
        assert_eq!(Schedule::table(vec![7.0]).unwrap().at(0.3), 7.0);
        // 0.1 + (0.001 - 0.1) is not 0.001.
        assert_eq!(Schedule::linear(0.1, 0.001).unwrap().at(1.0), 0.001);
        assert_eq!(Schedule::table(vec![0.7, 0.1, 0.001]).unwrap().at(1.0), 0.001);
    }

    #[test]
    fn bounds_are_those_of_all_values() {
        assert_eq!(Schedule::constant(3.0).unwrap().bounds(), (3.0, 3.0));
        assert_eq!(Schedule::linear(1.0, -2.0).unwrap().bounds(), (-2.0, 1.0));
        assert_eq!(Schedule::geometric(1.0, 8.0).unwrap().bounds(), (1.0, 8.0));
        assert_eq!(Schedule::table(vec![1.0, 7.0, -3.0, 2.0]).unwrap().bounds(), (-3.0, 7.0));
    }

    #[test]
    fn ends_far_apart_do_not_overflow() {
        let line = Schedule::linear(-1.5e308, 1.5e308).unwrap();
        assert_eq!([0.0, 0.5, 1.0].map(|t| line.at(t)), [-1.5e308, 0.0, 1.5e308]);
        let table = Schedule::table(vec![-1.5e308, 1.5e308]).unwrap();
        assert_eq!([0.0, 0.5, 1.0].map(|t| table.at(t)), [-1.5e308, 0.0, 1.5e308]);
        for (from, to) in [(1e-300, 1e300), (1e300, 1e-300)] {
            let steps = Schedule::geometric(from, to).unwrap();
            assert!((steps.at(0.5) - 1.0).abs() < 1e-12);
            let quarter = if from < to { 1e-150 } else { 1e150 };
            assert!((steps.at(0.25) / quarter - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn a_schedule_that_makes_no_sense_is_not_read() {
        use crate::store::{decode, encode};
        for good in [
            Schedule::Constant(1.0),
            Schedule::Linear { from: 0.0, to: -1.0 },
            Schedule::Geometric { from: 1.0, to: 2.0 },
            Schedule::Table(vec![1.0, 2.0]),
        ] {
            assert_eq!(decode::<Schedule>(&encode(&good, 0).unwrap(), 0).unwrap(), good);
        }
        for bad in [
            Schedule::Constant(f64::NAN),
            Schedule::Linear { from: f64::INFINITY, to: 0.0 },
            Schedule::Geometric { from: 1.0, to: -2.0 },
            Schedule::Geometric { from: 0.0, to: 2.0 },
            Schedule::Table(vec![]),
            Schedule::Table(vec![1.0, f64::NAN]),
        ] {
            assert!(decode::<Schedule>(&encode(&bad, 0).unwrap(), 0).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn bad_schedules_are_refused() {
        for bad in [
            Schedule::geometric(0.0, 1.0),
            Schedule::geometric(-1.0, 1.0),
            Schedule::linear(f64::NAN, 1.0),
            Schedule::constant(f64::INFINITY),
            Schedule::table(vec![]),
            Schedule::table(vec![1.0, f64::NAN]),
        ] {
            assert!(bad.is_err());
        }
    }
}
