//! What a check of `smml reproduce` is, and how its verdict falls.

use crate::{catalogue::Chapter, error::Failure, report::figure::Figure};
use serde::{Deserialize, Serialize};
use smml_core::{estimate::Source, prelude::*};
use std::path::Path;

/// Two-sided probability below which a statistical comparison fails. With at most [`MAX_COMPARISONS`] comparisons the
/// whole run raises a false alarm with probability 1e-5 at most, whatever the seed.
pub(crate) const ALARM: f64 = 1e-5 / MAX_COMPARISONS as f64;

/// Most statistical comparisons of one run of all chapters; a test counts them.
pub(crate) const MAX_COMPARISONS: usize = 500;

/// How much work to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Level {
    /// Under a minute in all.
    Quick,
    /// Some minutes.
    Default,
    /// Up to two hours.
    Full,
}

impl Level {
    /// One of three values, by level.
    pub(crate) fn pick<T>(self, quick: T, default: T, full: T) -> T {
        match self {
            Level::Quick => quick,
            Level::Default => default,
            Level::Full => full,
        }
    }
}

/// What a check gets.
pub(crate) struct Context<'a> {
    /// How much work to do.
    pub(crate) level: Level,
    /// Randomness of this check alone.
    pub(crate) streams: Streams,
    /// Folder with data sets, when the user gave one.
    pub(crate) data: Option<&'a Path>,
}

/// One check: a claim of the paper, or of the library, that is computed and compared.
pub(crate) struct Check {
    /// Unique name, such as `ising-onsager`.
    pub(crate) id: &'static str,
    /// The chapter it belongs to.
    pub(crate) chapter: Chapter,
    /// Ids of the equations it checks (`"41"`, `"A2"`).
    pub(crate) equations: &'static [&'static str],
    /// What is shown, in a few words.
    pub(crate) title: &'static str,
    /// Does the work.
    pub(crate) run: fn(&Context<'_>) -> Result<Outcome, Failure>,
}

/// What a check found.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// Compared numbers.
    pub(crate) rows: Vec<Row>,
    /// Pictures for the report.
    pub(crate) figures: Vec<Figure>,
    /// Sentences for the report: what was done, what it means.
    pub(crate) notes: Vec<String>,
    /// Why the check was not run (a data set that is not there), if so.
    pub(crate) skipped: Option<String>,
}

impl Outcome {
    /// A check that could not be run.
    pub(crate) fn skipped(why: impl Into<String>) -> Self {
        Outcome { skipped: Some(why.into()), ..Outcome::default() }
    }
    /// Compares a sampled number with its exact value.
    pub(crate) fn sampled(&mut self, quantity: impl Into<String>, value: Estimate, exact: f64) -> &mut Self {
        self.push(quantity, value, Expected::Sampled(exact))
    }
    /// Compares many sampled numbers with their exact values in one row: the smallest of their p-values times their
    /// number, at most 1, against [`ALARM`]. Together they fail by chance no more often than one comparison does
    /// (Bonferroni).
    pub(crate) fn all_sampled(
        &mut self,
        quantities: impl std::fmt::Display,
        pairs: &[(Estimate, f64)],
    ) -> &mut Self {
        let n = pairs.len() as f64;
        // A value that is not a number must not pass, and `f64::min` would lose it.
        let least = pairs
            .iter()
            .map(|(value, exact)| value.p_value(*exact))
            .fold(1.0f64, |least, p| if p.is_nan() || least.is_nan() { f64::NAN } else { least.min(n * p) });
        let text = format!("{quantities}: smallest p-value of {}, times their number", pairs.len());
        self.push(text, Estimate::exact(least), Expected::AtLeast(ALARM))
    }
    /// Compares a computed number with its exact value, to a relative tolerance (absolute where |exact| < 1).
    pub(crate) fn computed(
        &mut self,
        quantity: impl Into<String>,
        value: f64,
        exact: f64,
        tolerance: f64,
    ) -> &mut Self {
        self.push(quantity, Estimate::exact(value), Expected::Computed { exact, tolerance })
    }
    /// A number that must not exceed a bound.
    pub(crate) fn at_most(&mut self, quantity: impl Into<String>, value: Estimate, bound: f64) -> &mut Self {
        self.push(quantity, value, Expected::AtMost(bound))
    }
    /// A number that must reach a bound.
    pub(crate) fn at_least(&mut self, quantity: impl Into<String>, value: Estimate, bound: f64) -> &mut Self {
        self.push(quantity, value, Expected::AtLeast(bound))
    }
    /// A number to report, compared with nothing.
    pub(crate) fn reported(&mut self, quantity: impl Into<String>, value: Estimate) -> &mut Self {
        self.push(quantity, value, Expected::Nothing)
    }
    /// A statement that must be true.
    pub(crate) fn holds(&mut self, statement: impl Into<String>, holds: bool) -> &mut Self {
        self.push(statement, Estimate::exact(f64::from(u8::from(holds))), Expected::True)
    }
    /// Adds a sentence.
    pub(crate) fn note(&mut self, text: impl Into<String>) -> &mut Self {
        self.notes.push(text.into());
        self
    }
    /// Adds a picture.
    pub(crate) fn figure(&mut self, figure: Figure) -> &mut Self {
        self.figures.push(figure);
        self
    }
    fn push(&mut self, quantity: impl Into<String>, value: Estimate, expected: Expected) -> &mut Self {
        self.rows.push(Row { quantity: quantity.into(), value, expected });
        self
    }
    /// Whether every row holds.
    pub(crate) fn passed(&self) -> bool {
        self.rows.iter().all(|r| r.verdict() != Verdict::Fails)
    }
}

/// A check that was run.
pub(crate) struct CheckResult {
    /// The check.
    pub(crate) check: &'static Check,
    /// What it found, or why it broke off.
    pub(crate) outcome: Result<Outcome, String>,
    /// How long it took.
    pub(crate) seconds: f64,
}

/// How a check as a whole ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Status {
    /// Every comparison holds.
    Passed,
    /// A comparison fails, or the check broke off.
    Failed,
    /// Not run: something it needs is missing.
    Skipped,
}

impl Status {
    /// That of a check with this outcome.
    pub(crate) fn of(outcome: &Result<Outcome, String>) -> Self {
        match outcome {
            Err(_) => Status::Failed,
            Ok(o) if o.skipped.is_some() => Status::Skipped,
            Ok(o) if o.passed() => Status::Passed,
            Ok(_) => Status::Failed,
        }
    }
}

impl CheckResult {
    /// How it ended.
    pub(crate) fn status(&self) -> Status {
        Status::of(&self.outcome)
    }
}

/// One compared number.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    /// What it is.
    pub(crate) quantity: String,
    /// The number, with its error.
    pub(crate) value: Estimate,
    /// What it is compared with.
    pub(crate) expected: Expected,
}

/// What a number is compared with.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) enum Expected {
    /// An exact value, within the statistical error.
    Sampled(f64),
    /// An exact value, within a tolerance.
    Computed {
        /// The value.
        exact: f64,
        /// Relative to 1 or |exact|, whichever is larger.
        tolerance: f64,
    },
    /// An upper bound.
    AtMost(f64),
    /// A lower bound.
    AtLeast(f64),
    /// The statement must be true (value 1).
    True,
    /// Nothing.
    Nothing,
}

/// How a comparison ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verdict {
    /// As it should be.
    Holds,
    /// Not as it should be.
    Fails,
    /// Nothing to compare with.
    Reported,
}

impl Row {
    /// (value - expected) / error for sampled numbers; of a bound where it is not kept, so that a reader sees by how much.
    pub(crate) fn z(&self) -> Option<f64> {
        let v = &self.value;
        match self.expected {
            Expected::Sampled(exact) => Some(v.z(exact)),
            Expected::AtMost(bound) if v.std_error > 0.0 && v.value > bound => Some(v.z(bound)),
            Expected::AtLeast(bound) if v.std_error > 0.0 && v.value < bound => Some(v.z(bound)),
            _ => None,
        }
    }
    /// The verdict: sampled numbers by Student's t at the level [`ALARM`]; bounds likewise when the value has an error.
    pub(crate) fn verdict(&self) -> Verdict {
        let v = &self.value;
        let holds = match self.expected {
            Expected::Nothing => return Verdict::Reported,
            Expected::True => v.value == 1.0,
            Expected::Sampled(exact) => v.p_value(exact) >= ALARM,
            Expected::Computed { exact, tolerance } => {
                (v.value - exact).abs() <= tolerance * exact.abs().max(1.0)
            }
            Expected::AtMost(bound) => v.value <= bound || v.p_value(bound) >= ALARM,
            Expected::AtLeast(bound) => v.value >= bound || v.p_value(bound) >= ALARM,
        };
        if holds && !v.value.is_nan() { Verdict::Holds } else { Verdict::Fails }
    }
    /// The expected value as text.
    pub(crate) fn expected_text(&self) -> String {
        match self.expected {
            Expected::Sampled(x) => short(x),
            Expected::Computed { exact, tolerance } if tolerance > 0.0 => {
                // Two digits tell how wide a tolerance is.
                let digits = |x: f64| format!("{x:.1e}").parse().map_or(String::new(), short);
                format!("{} ± {}", short(exact), digits(tolerance * exact.abs().max(1.0)))
            }
            Expected::Computed { exact, .. } => short(exact),
            Expected::AtMost(x) => format!("≤ {}", short(x)),
            Expected::AtLeast(x) => format!("≥ {}", short(x)),
            Expected::True => "true".into(),
            Expected::Nothing => String::new(),
        }
    }
    /// The value as text.
    pub(crate) fn value_text(&self) -> String {
        match self.expected {
            Expected::True => (self.value.value == 1.0).to_string(),
            _ if self.value.source == Source::Exact => short(self.value.value),
            _ => self.value.to_string(),
        }
    }
}

/// A number in at most ten significant digits.
pub(crate) fn short(x: f64) -> String {
    if x == 0.0 || !x.is_finite() {
        return format!("{x}");
    }
    let magnitude = x.abs().log10().floor() as i32;
    if !(-5..10).contains(&magnitude) {
        let text = format!("{x:.9e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        return format!("{}e{exponent}", digits.trim_end_matches('0').trim_end_matches('.'));
    }
    let text = format!("{x:.*}", (9 - magnitude).max(0) as usize);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_string() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts() {
        let mut o = Outcome::default();
        let sampled = |value: f64, dof: f64| Estimate::with_dof(value, 1.0, dof, dof, Source::Chain);
        o.sampled("5 sigma", sampled(5.0, 1e9), 0.0);
        o.sampled("7 sigma", sampled(7.0, 1e9), 0.0);
        o.sampled("7 sigma of a vague error", sampled(7.0, 8.0), 0.0);
        o.computed("close", 1.0 + 1e-13, 1.0, 1e-12).computed("far", 1.1, 1.0, 1e-12).computed(
            "NaN",
            f64::NAN,
            0.0,
            1.0,
        );
        o.at_most("below", Estimate::exact(1.0), 1.0).at_least("short", Estimate::exact(0.9), 1.0);
        o.at_least("short within its error", sampled(-2.0, 1e9), 0.0);
        o.holds("so", true).holds("not so", false).reported("seen", Estimate::exact(1.0));
        let verdicts: Vec<Verdict> = o.rows.iter().map(Row::verdict).collect();
        use Verdict::{Fails, Holds, Reported};
        assert_eq!(
            verdicts,
            [Holds, Fails, Holds, Holds, Fails, Fails, Holds, Fails, Holds, Holds, Fails, Reported]
        );
        assert!(!o.passed());
    }

    #[test]
    fn few_samples_raise_no_more_alarms_than_many() {
        // Three samples: P(|t| > x) = 1 - x/√(2 + x²) = 1/x² far out, so the alarm rings at x = ALARM^(-1/2).
        let at = ALARM.powf(-0.5);
        let three = |t: f64| {
            let mut o = Outcome::default();
            let e = Estimate::with_dof(t, 1.0, 2.0, 3.0, Source::Independent);
            o.sampled("both sides", e, 0.0).at_most("above", e, 0.0).at_least(
                "below",
                e.affine(0.0, -1.0),
                0.0,
            );
            o.rows.iter().map(Row::verdict).collect::<Vec<_>>()
        };
        assert_eq!(three(0.999 * at), [Verdict::Holds; 3]);
        assert_eq!(three(1.001 * at), [Verdict::Fails; 3]);
        // The same numbers with an error that is known: 5.6 standard errors.
        for (z, verdict) in [(5.6, Verdict::Holds), (5.65, Verdict::Fails)] {
            let mut o = Outcome::default();
            o.sampled("known", Estimate::with_dof(z, 1.0, f64::MAX, 9.0, Source::Independent), 0.0);
            assert_eq!(o.rows[0].verdict(), verdict);
        }
    }

    #[test]
    fn many_numbers_raise_no_more_alarms_than_one() {
        let known = |z: f64| Estimate::with_dof(z, 1.0, f64::MAX, 9.0, Source::Independent);
        let verdict = |pairs: &[(Estimate, f64)]| {
            let mut o = Outcome::default();
            o.all_sampled("means", pairs);
            o.rows[0].verdict()
        };
        // 5.61 standard errors are the gate of one number, 6.35 of a hundred.
        for (n, z, holds) in [(1, 5.6, true), (1, 5.65, false), (100, 6.3, true), (100, 6.45, false)] {
            let mut pairs = vec![(known(0.0), 0.0); n];
            pairs[n / 2] = (known(z), 0.0);
            assert_eq!(verdict(&pairs) == Verdict::Holds, holds, "{n} numbers, {z}");
        }
        assert_eq!(verdict(&[(known(0.0), 0.0), (known(f64::NAN), 0.0), (known(1.0), 0.0)]), Verdict::Fails);
    }

    #[test]
    fn what_is_expected_says_how_near() {
        let mut o = Outcome::default();
        o.computed("close", 1.0, -2000.0, 1e-12).computed("exactly", 3.0, 3.0, 0.0);
        let sampled = Estimate::with_dof(0.700, 0.019, f64::MAX, 99.0, Source::Independent);
        o.sampled("sampled", sampled, 0.5).at_most("above", sampled, 0.698).at_most("below", sampled, 0.9);
        let texts: Vec<String> = o.rows.iter().map(Row::expected_text).collect();
        assert_eq!(texts, ["-2000 ± 2e-9", "3", "0.5", "≤ 0.698", "≤ 0.9"]);
        assert!(o.rows[3].z().is_some_and(|z| z > 0.0 && z < 0.2) && o.rows[4].z().is_none());
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(short(-1.732_050_807_568_877_2), "-1.732050808");
        assert_eq!(short(0.5), "0.5");
        assert_eq!(short(6f64.powi(-10)), "1.653817169e-8");
        assert_eq!(short(1e300), "1e300");
        assert_eq!(short(20524.0), "20524");
    }
}
