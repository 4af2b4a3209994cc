//! Schedules: plain data plus [`Schedule::at`], for temperatures, learning rates, exploration and ladders.

use crate::error::{Error, Result, finite};
use serde::{Deserialize, Serialize};

/// A value as a function of progress t in [0, 1].
///
/// ```
/// use smml_core::schedule::Schedule;
/// let s = Schedule::geometric(1.0, 100.0)?;
/// assert!((s.at(0.5) - 10.0).abs() < 1e-12);
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
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
    /// The schedule itself when its values make sense; for one that came from a file.
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
                crate::error::positive("geometric schedule from", *from)?;
                crate::error::positive("geometric schedule to", *to)?;
            }
            Schedule::Table(values) => {
                if values.is_empty() {
                    return Err(Error::out_of_range("schedule table length", 0, "at least 1"));
                }
                for (i, v) in values.iter().enumerate() {
                    finite(&format!("schedule table entry {i}"), *v)?;
                }
            }
        }
        Ok(self)
    }
    /// The value at progress `t`, which is clamped to [0, 1].
    pub fn at(&self, t: f64) -> f64 {
        let t = t.clamp(0.0, 1.0);
        match self {
            Schedule::Constant(c) => *c,
            Schedule::Linear { from, to } => from + (to - from) * t,
            Schedule::Geometric { from, to } => match t {
                0.0 => *from,
                1.0 => *to,
                _ => from * libm::pow(to / from, t),
            },
            Schedule::Table(values) => match values.len() {
                0 => f64::NAN, // not reachable through a checked schedule
                1 => values[0],
                n => {
                    let x = t * (n - 1) as f64;
                    let i = (x as usize).min(n - 2);
                    values[i] + (values[i + 1] - values[i]) * (x - i as f64)
                }
            },
        }
    }
    /// `n` values from t = 0 to t = 1, both ends included; a single value is the last.
    pub fn values(&self, n: usize) -> impl Iterator<Item = f64> + '_ {
        (0..n).map(move |k| self.at(if n > 1 { k as f64 / (n - 1) as f64 } else { 1.0 }))
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
