//! Values of flags that are more than a number: lists and ranges, straight lines, times.

use serde::{Deserialize, Serialize};

/// A value that stays, FROM..TO for a straight line over the run, or geometric:FROM..TO for equal ratios.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(crate) struct Ramp {
    text: String,
    pub(crate) schedule: smml_core::schedule::Schedule,
}

impl std::str::FromStr for Ramp {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        use smml_core::schedule::Schedule;
        let number = |t: &str| t.trim().parse::<f64>().map_err(|_| format!("'{t}' is not a number"));
        let (shape, ends) = text.split_once(':').unwrap_or(("", text));
        let schedule = match (shape.trim(), ends.split_once("..")) {
            ("", Some((from, to))) => Schedule::linear(number(from)?, number(to)?),
            ("", None) => Schedule::constant(number(ends)?),
            ("geometric", Some((from, to))) => Schedule::geometric(number(from)?, number(to)?),
            _ => return Err(format!("'{text}' is not VALUE, FROM..TO or geometric:FROM..TO")),
        };
        Ok(Ramp { text: text.to_string(), schedule: schedule.map_err(|e| e.to_string())? })
    }
}

impl Ramp {
    /// The text of a constant, a straight line or equal ratios, which gives the same schedule to the last bit; of other
    /// schedules, the line from end to end.
    pub(crate) fn of(schedule: &smml_core::schedule::Schedule) -> Self {
        use smml_core::schedule::Schedule;
        let line = |from: f64, to: f64| format!("{from}..{to}");
        let text = match schedule {
            Schedule::Constant(c) => c.to_string(),
            Schedule::Linear { from, to } => line(*from, *to),
            Schedule::Geometric { from, to } => format!("geometric:{}", line(*from, *to)),
            other => line(other.at(0.0), other.at(1.0)),
        };
        Ramp { text, schedule: schedule.clone() }
    }
}

impl From<Ramp> for String {
    fn from(r: Ramp) -> String {
        r.text
    }
}

impl TryFrom<String> for Ramp {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// A value that is written as the command line has it, also in configuration files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spelled<T>(pub(crate) T);

impl<T: std::str::FromStr> std::str::FromStr for Spelled<T> {
    type Err = T::Err;
    fn from_str(text: &str) -> Result<Self, T::Err> {
        text.trim().parse().map(Spelled)
    }
}

impl<T: std::fmt::Display> Serialize for Spelled<T> {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&self.0)
    }
}

/// One or several numbers: `2.5`, `2.0,2.5`, or `2.0..2.6:13` for 13 values from 2.0 to 2.6.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(crate) struct Values {
    text: String,
    pub(crate) values: Vec<f64>,
}

/// Most values of a range.
const MAX_VALUES: usize = 10_000;

impl std::str::FromStr for Values {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let number = |t: &str| -> Result<f64, String> {
            match t.trim().parse::<f64>() {
                Ok(x) if x.is_finite() => Ok(x),
                Ok(x) => Err(format!("{x} is not finite")),
                Err(_) => Err(format!("'{t}' is not a number")),
            }
        };
        let values = if let Some((ends, count)) = text.split_once(':') {
            let (from, to) = ends.split_once("..").ok_or("a range is written A..B:N")?;
            let n: usize =
                count.trim().parse().map_err(|_| format!("'{count}' is not a number of values"))?;
            if !(2..=MAX_VALUES).contains(&n) {
                return Err(format!("a range has 2 to {MAX_VALUES} values, not {n}"));
            }
            let (a, b) = (number(from)?, number(to)?);
            if !(b - a).is_finite() {
                return Err(format!("the range from {a} to {b} is too wide"));
            }
            // Decimal ends give decimal steps: 2.0..2.6:13 contains 2.05, not 2.0500000000000003.
            (0..n)
                .map(|i| {
                    let x = if i + 1 == n { b } else { a + (b - a) * i as f64 / (n - 1) as f64 };
                    format!("{x:.12e}").parse().unwrap_or(x)
                })
                .collect()
        } else if text.contains("..") {
            return Err("a range needs a number of values: A..B:N".into());
        } else {
            text.split(',').map(number).collect::<Result<Vec<f64>, String>>()?
        };
        if values.len() > MAX_VALUES {
            return Err(format!("a list has at most {MAX_VALUES} values, not {}", values.len()));
        }
        // Values name the columns of a series and the parts of the results.
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        if let Some(pair) = sorted.windows(2).find(|p| p[0] == p[1]) {
            return Err(format!("{} is there twice: the values must differ", pair[0]));
        }
        Ok(Values { text: text.to_string(), values })
    }
}

impl From<Values> for String {
    fn from(v: Values) -> String {
        v.text
    }
}

impl TryFrom<String> for Values {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// A number greater than 0 whose reciprocal is finite.
pub(crate) fn positive(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(x) if x > 0.0 && x.is_finite() && x.recip().is_finite() => Ok(x),
        _ => Err(format!("'{text}' is not a finite number greater than 0")),
    }
}

/// Sides of lattices: `64`, or `16,32,64`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(into = "Written", try_from = "Written")]
pub(crate) struct Sizes(pub(crate) Vec<u32>);

/// Largest side.
const LARGEST_SIDE: u32 = 8192;
/// Most sides.
const MOST_SIDES: usize = 16;

/// One side is a number, several are a text.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    One(u32),
    Several(String),
}

impl std::str::FromStr for Sizes {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let side = |t: &str| match t.trim().parse::<i128>() {
            Ok(l) if (1..=i128::from(LARGEST_SIDE)).contains(&l) => Ok(l as u32),
            Ok(l) => Err(format!("{l} is not in 1..={LARGEST_SIDE}")),
            Err(_) => Err(format!("'{t}' is not a whole number")),
        };
        let sides = text.split(',').map(side).collect::<Result<Vec<u32>, String>>()?;
        if sides.len() > MOST_SIDES {
            return Err(format!("a list has at most {MOST_SIDES} sides, not {}", sides.len()));
        }
        if let Some(pair) = sides.windows(2).find(|p| p[0] >= p[1]) {
            return Err(format!("{} is not above {}: sides must increase", pair[1], pair[0]));
        }
        Ok(Sizes(sides))
    }
}

impl std::fmt::Display for Sizes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sides: Vec<String> = self.0.iter().map(u32::to_string).collect();
        f.write_str(&sides.join(","))
    }
}

impl From<Sizes> for Written {
    fn from(sizes: Sizes) -> Self {
        match sizes.0[..] {
            [one] => Written::One(one),
            _ => Written::Several(sizes.to_string()),
        }
    }
}

impl TryFrom<Written> for Sizes {
    type Error = String;
    fn try_from(written: Written) -> Result<Self, String> {
        match written {
            Written::One(one) => one.to_string().parse(),
            Written::Several(text) => text.parse(),
        }
    }
}

/// A number that is finite.
pub(crate) fn finite(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(x) if x.is_finite() => Ok(x),
        _ => Err(format!("'{text}' is not a finite number")),
    }
}

/// A number that is 0 or greater.
pub(crate) fn not_negative(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(x) if x >= 0.0 && x.is_finite() => Ok(x),
        _ => Err(format!("'{text}' is not a finite number of at least 0")),
    }
}

/// A probability.
pub(crate) fn probability(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(x) if (0.0..=1.0).contains(&x) => Ok(x),
        _ => Err(format!("'{text}' is not a number from 0 to 1")),
    }
}

/// A time in seconds: `90`, `90s`, `1.5m`, `2h`.
pub(crate) fn seconds(text: &str) -> Result<f64, String> {
    let (number, unit) = match text.trim().find(|c: char| c.is_ascii_alphabetic()) {
        Some(at) => text.trim().split_at(at),
        None => (text.trim(), "s"),
    };
    let factor = match unit {
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "ms" => 1e-3,
        _ => return Err(format!("unknown unit '{unit}': use ms, s, m or h")),
    };
    match number.trim().parse::<f64>() {
        Ok(x) if x * factor > 0.0 && (x * factor).is_finite() => Ok(x * factor),
        _ => Err(format!("'{text}' is not a time greater than 0, such as 30s")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_lists_and_ranges() {
        let values = |t: &str| t.parse::<Values>().map(|v| v.values);
        assert_eq!(values("2.5").unwrap(), [2.5]);
        assert_eq!(values("2.0, 1e-3").unwrap(), [2.0, 0.001]);
        assert_eq!(values("2.0..2.6:13").unwrap()[1], 2.05);
        assert_eq!(values("2..3:2").unwrap(), [2.0, 3.0]);
        for bad in [
            "",
            "x",
            "1..2",
            "1..2:1",
            "1..2:x",
            "1..2:99999999",
            "nan",
            "1,,2",
            "1:2",
            "2..2:3",
            "1,2,1",
            "1..inf:3",
            "-1e308..1e308:3",
            "1..2:-3",
            "1..2:2.5",
            "1..1.0000000000000002:9",
        ] {
            assert!(values(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn ramps_are_written_to_the_last_bit() {
        use smml_core::schedule::Schedule;
        // 0.1 + (0.001 - 0.1) is not 0.001.
        for schedule in [
            Schedule::Linear { from: 0.1, to: 0.001 },
            Schedule::Constant(1.0 / 3.0),
            Schedule::Geometric { from: 0.6, to: 0.03 },
        ] {
            let text = String::from(Ramp::of(&schedule));
            assert_eq!(text.parse::<Ramp>().unwrap().schedule, schedule, "{text}");
        }
        for bad in ["geometric:1", "geometric:0..1", "cosine:1..2", "1..", "x"] {
            assert!(bad.parse::<Ramp>().is_err(), "{bad}");
        }
    }

    #[test]
    fn times() {
        assert_eq!(seconds("90"), Ok(90.0));
        assert_eq!(seconds("1.5m"), Ok(90.0));
        assert_eq!(seconds("250ms"), Ok(0.25));
        for bad in ["", "0", "-1s", "5 weeks", "inf", "nan", "1e308h", "1e-323ms"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
