//! Fixed-point numbers s{integer}{fraction}.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Bits of a number beside its sign, at most: sums are kept in 16.
const MOST_BITS: u32 = 15;

/// Signed fixed-point numbers with a sign, `integer` bits before the point and `fraction` bits behind it: the multiples of
/// 2^-fraction from -(2^integer - 2^-fraction) to 2^integer - 2^-fraction. Written s{4}{5}.
///
/// ```
/// use smml_hw::machine::Format;
/// let format: Format = "s{4}{5}".parse()?;
/// assert_eq!((format.step(), format.largest()), (1.0 / 32.0, 16.0 - 1.0 / 32.0));
/// assert_eq!(format.code(0.3), (10, false));
/// assert_eq!(format.code(-99.0), (-511, true));
/// # Ok::<(), smml_hw::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawFormat")]
pub struct Format {
    integer: u32,
    fraction: u32,
}

#[derive(Deserialize)]
struct RawFormat {
    integer: u32,
    fraction: u32,
}

impl TryFrom<RawFormat> for Format {
    type Error = Error;
    fn try_from(raw: RawFormat) -> Result<Self> {
        Format::new(raw.integer, raw.fraction)
    }
}

impl Format {
    /// s{4}{5}, the format of the published machine.
    pub const S4_5: Format = Format { integer: 4, fraction: 5 };

    /// Errors: no bits, or more than 15 beside the sign.
    pub fn new(integer: u32, fraction: u32) -> Result<Self> {
        match integer.checked_add(fraction) {
            Some(1..=MOST_BITS) => Ok(Format { integer, fraction }),
            _ => {
                let value = format!("s{{{integer}}}{{{fraction}}}");
                Err(Error::out_of_range("number format", value, "1 to 15 bits beside the sign"))
            }
        }
    }
    /// Bits before the point.
    pub fn integer(self) -> u32 {
        self.integer
    }
    /// Bits behind the point.
    pub fn fraction(self) -> u32 {
        self.fraction
    }
    /// All bits, the sign too.
    pub fn bits(self) -> u32 {
        1 + self.integer + self.fraction
    }
    /// The distance of neighbouring numbers, 2^-fraction.
    pub fn step(self) -> f64 {
        libm::ldexp(1.0, -(self.fraction as i32))
    }
    /// The largest number; the smallest is its negative.
    pub fn largest(self) -> f64 {
        self.value(self.largest_code())
    }
    fn largest_code(self) -> i16 {
        ((1_u32 << (self.integer + self.fraction)) - 1) as i16
    }
    /// The number nearest to `x` in steps (halves to even), and whether it saturated: where `x` rounds to a number that is
    /// not there, the largest of its sign is taken. NaN becomes 0, saturated.
    pub fn code(self, x: f64) -> (i16, bool) {
        let largest = self.largest_code();
        let steps = libm::rint(libm::ldexp(x, self.fraction as i32));
        if steps.abs() <= f64::from(largest) {
            (steps as i16, false)
        } else if steps.is_nan() {
            (0, true)
        } else {
            (if steps > 0.0 { largest } else { -largest }, true)
        }
    }
    /// The number of `code` steps.
    pub fn value(self, code: i16) -> f64 {
        f64::from(code) * self.step()
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s{{{}}}{{{}}}", self.integer, self.fraction)
    }
}

impl std::str::FromStr for Format {
    type Err = Error;
    /// From s{4}{5}, or s4.5 where braces are awkward.
    fn from_str(text: &str) -> Result<Self> {
        let wrong = || Error::out_of_range("number format", text, "s{4}{5} or s4.5, for example");
        let body = text.strip_prefix('s').ok_or_else(wrong)?;
        let (integer, fraction) = match body.strip_prefix('{').and_then(|b| b.strip_suffix('}')) {
            Some(inner) => inner.split_once("}{"),
            None => body.split_once('.'),
        }
        .ok_or_else(wrong)?;
        let number = |digits: &str| match digits.bytes().all(|b| b.is_ascii_digit()) {
            true => digits.parse().map_err(|_| wrong()),
            false => Err(wrong()),
        };
        Format::new(number(integer)?, number(fraction)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_to_nearest_and_saturate() {
        let f = Format::new(4, 5).unwrap();
        assert_eq!((f.bits(), f.to_string()), (10, "s{4}{5}".to_string()));
        for (x, code) in [
            (0.0, 0),
            (1.0 / 64.0, 0), // a half, to even
            (3.0 / 64.0, 2),
            (-3.0 / 64.0, -2),
            (15.96875, 511),
            (-15.98, -511),
        ] {
            assert_eq!(f.code(x), (code, false), "{x}");
        }
        assert_eq!(f.code(15.99), (511, true));
        assert_eq!(f.code(f64::NEG_INFINITY), (-511, true));
        assert_eq!(f.code(f64::NAN), (0, true));
        for code in -511..=511 {
            assert_eq!(f.code(f.value(code)), (code, false));
        }
        let widest = Format::new(0, 15).unwrap();
        assert_eq!(widest.code(1.0), (32767, true));
        assert_eq!(Format::new(15, 0).unwrap().code(-32767.4), (-32767, false));
    }

    #[test]
    fn formats_are_read_as_written() {
        for (text, integer, fraction) in
            [("s{4}{5}", 4, 5), ("s4.5", 4, 5), ("s{0}{1}", 0, 1), ("s{15}{0}", 15, 0)]
        {
            let f: Format = text.parse().unwrap();
            assert_eq!((f.integer(), f.fraction()), (integer, fraction));
            assert_eq!(f.to_string().parse::<Format>().unwrap(), f);
        }
        for wrong in [
            "",
            "s",
            "4.5",
            "s{4}",
            "s{4}{}",
            "s{4}{5",
            "s{-4}{5}",
            "s4.+5",
            "s8.8",
            "s0.0",
            "s{99999999999}{1}",
        ] {
            assert!(wrong.parse::<Format>().is_err(), "{wrong}");
        }
        let json = r#"{"integer":4294967295,"fraction":2}"#;
        assert!(serde_json::from_str::<Format>(json).is_err());
    }
}
