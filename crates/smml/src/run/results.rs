//! `results.json`: one form for all commands, described for users in `docs/src/runs.md`; and the end of a run, the same
//! for all of them.

use super::{config::PLACES, folder::Folder};
use crate::{
    error::Failure,
    output::{self, Table},
    report::{self, figure::Figure},
    reproduce::check::{ALARM, Expected, Row, Status, Verdict, short},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use smml_core::{Estimate, estimate::Source};
use std::path::PathBuf;

/// Number of this form; a change that a reader could notice raises it.
const FORMAT: u32 = 1;
/// Keys of a configuration that name files: they differ from machine to machine, and results must not.
const FILES: [&str; 3] = ["file", "model", "truth"];

/// Probability of a false alarm of one run.
const FALSE_ALARM: f64 = 1e-5;
/// Fewest degrees of freedom of an error that a single run judges by.
const LEAST_DOF: f64 = 30.0;

/// How sampled numbers are judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Gate {
    /// Two-sided probability below which a comparison fails.
    alarm: f64,
    /// Degrees of freedom below which there is no verdict: the error itself is hardly known.
    least_dof: f64,
}

impl Gate {
    /// That of `smml reproduce`, with its hundreds of comparisons.
    pub(crate) const REPRODUCE: Gate = Gate { alarm: ALARM, least_dof: 0.0 };

    /// That of a single run with so many comparisons, at most.
    pub(crate) fn of_run(comparisons: usize) -> Self {
        Gate { alarm: FALSE_ALARM / comparisons.max(1) as f64, least_dof: LEAST_DOF }
    }
    /// Whether there are too few samples to judge a number.
    pub(crate) fn is_vague(self, row: &Row) -> bool {
        matches!(row.expected, Expected::Sampled(_)) && row.value.dof < self.least_dof
    }
    /// The verdict on a number.
    pub(crate) fn verdict(self, row: &Row) -> Verdict {
        match row.expected {
            Expected::Sampled(_) if self.is_vague(row) => Verdict::Reported,
            Expected::Sampled(exact) if row.value.p_value(exact) >= self.alarm => Verdict::Holds,
            Expected::Sampled(_) => Verdict::Fails,
            _ => row.verdict(),
        }
    }
}

/// The value as text, without digits that are only rounding.
pub(crate) fn value_text(row: &Row) -> String {
    let v = &row.value;
    let is_exact = v.std_error <= 1e-12 * v.value.abs() && !matches!(row.expected, Expected::True);
    if is_exact { short(v.value) } else { row.value_text() }
}

/// What `results.json` holds.
#[derive(Serialize, Deserialize)]
pub(crate) struct Document {
    format: u32,
    pub(crate) command: String,
    /// As in config.toml, but for the places of files.
    configuration: Value,
    /// Two-sided probability below which sampled numbers of a single run fail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    alarm: Option<f64>,
    /// Failed when one of the results failed.
    status: Status,
    pub(crate) results: Vec<Part>,
}

/// The results of one part of a run: a temperature, a check, a trained machine.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Part {
    /// Unique in the document.
    pub(crate) id: String,
    /// For people.
    pub(crate) title: String,
    pub(crate) status: Status,
    /// Why it failed or was skipped, if so.
    pub(crate) message: Option<String>,
    /// What to know about it.
    pub(crate) notes: Vec<String>,
    /// What only this command has.
    pub(crate) details: Value,
    pub(crate) quantities: Vec<Quantity>,
}

impl Part {
    /// A part that failed when it has a message or a comparison that fails.
    pub(crate) fn new(id: &str, title: &str, rows: &[Row], message: Option<String>) -> Self {
        Part::judged(id, title, rows, message, Gate::REPRODUCE)
    }
    /// [`Part::new`] with a gate for sampled numbers.
    pub(crate) fn judged(id: &str, title: &str, rows: &[Row], message: Option<String>, gate: Gate) -> Self {
        let message = message.or_else(|| complaint(rows, gate));
        Part {
            id: id.into(),
            title: title.into(),
            status: if message.is_some() { Status::Failed } else { Status::Passed },
            message,
            notes: Vec::new(),
            details: Value::Null,
            quantities: rows.iter().map(|r| Quantity::judged(r, gate)).collect(),
        }
    }
}

/// The first comparison that fails, in words.
fn complaint(rows: &[Row], gate: Gate) -> Option<String> {
    rows.iter()
        .find(|r| gate.verdict(r) == Verdict::Fails)
        .map(|r| format!("{} = {}, expected {}", r.quantity, value_text(r), r.expected_text()))
}

/// A number with its error, and what it is compared with. Numbers that are not finite are null in JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Quantity {
    quantity: String,
    value: Option<f64>,
    /// One standard error.
    error: Option<f64>,
    /// Integrated autocorrelation time, in samples.
    tau: Option<f64>,
    n_eff: Option<f64>,
    dof: Option<f64>,
    source: Source,
    expected: Option<f64>,
    comparison: Comparison,
    /// Relative to 1 or |expected|, whichever is larger.
    tolerance: Option<f64>,
    z: Option<f64>,
    verdict: Verdict,
}

/// How a value is compared with what is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Comparison {
    /// Within the statistical error.
    Sampled,
    /// Within a tolerance.
    Computed,
    AtMost,
    AtLeast,
    /// A statement: 1 when it is true.
    True,
    None,
}

impl From<&Row> for Quantity {
    fn from(row: &Row) -> Self {
        Quantity::judged(row, Gate::REPRODUCE)
    }
}

impl Quantity {
    fn judged(row: &Row, gate: Gate) -> Self {
        let finite = |x: f64| x.is_finite().then_some(x);
        // The largest number stands for no limit.
        let known = |x: f64| finite(x).filter(|x| *x < f64::MAX);
        let (comparison, expected, tolerance) = match row.expected {
            Expected::Sampled(x) => (Comparison::Sampled, Some(x), None),
            Expected::Computed { exact, tolerance } => (Comparison::Computed, Some(exact), Some(tolerance)),
            Expected::AtMost(x) => (Comparison::AtMost, Some(x), None),
            Expected::AtLeast(x) => (Comparison::AtLeast, Some(x), None),
            Expected::True => (Comparison::True, Some(1.0), None),
            Expected::Nothing => (Comparison::None, None, None),
        };
        let v = &row.value;
        Quantity {
            quantity: row.quantity.clone(),
            value: finite(v.value),
            error: finite(v.std_error),
            tau: finite(v.tau_int),
            n_eff: known(v.n_eff),
            dof: known(v.dof),
            source: v.source,
            expected: expected.and_then(finite),
            comparison,
            tolerance,
            z: row.z().and_then(finite),
            verdict: gate.verdict(row),
        }
    }
}

impl From<&Quantity> for Row {
    fn from(q: &Quantity) -> Self {
        let expected = q.expected.unwrap_or(f64::NAN);
        Row {
            quantity: q.quantity.clone(),
            value: Estimate {
                value: q.value.unwrap_or(f64::NAN),
                std_error: q.error.unwrap_or(f64::NAN),
                tau_int: q.tau.unwrap_or(f64::NAN),
                n_eff: q.n_eff.unwrap_or(f64::INFINITY),
                dof: q.dof.unwrap_or(f64::INFINITY),
                source: q.source,
            },
            expected: match q.comparison {
                Comparison::Sampled => Expected::Sampled(expected),
                Comparison::Computed => {
                    Expected::Computed { exact: expected, tolerance: q.tolerance.unwrap_or(0.0) }
                }
                Comparison::AtMost => Expected::AtMost(expected),
                Comparison::AtLeast => Expected::AtLeast(expected),
                Comparison::True => Expected::True,
                Comparison::None => Expected::Nothing,
            },
        }
    }
}

impl Document {
    /// The results of a command with this (resolved) configuration.
    pub(crate) fn new(
        command: &str,
        configuration: &impl Serialize,
        results: Vec<Part>,
    ) -> Result<Self, Failure> {
        let mut configuration = serde_json::to_value(configuration)
            .map_err(|e| Failure::File(format!("configuration as JSON: {e}")))?;
        if let Value::Object(map) = &mut configuration {
            map.retain(|key, _| !PLACES.contains(&key.as_str()) && !FILES.contains(&key.as_str()));
        }
        let failed = results.iter().any(|r| r.status == Status::Failed);
        let status = if failed { Status::Failed } else { Status::Passed };
        Ok(Document { format: FORMAT, command: command.into(), configuration, alarm: None, status, results })
    }
    /// Says that sampled numbers were judged by the gate of a single run.
    pub(crate) fn judged(mut self, gate: Gate) -> Self {
        self.alarm = Some(gate.alarm);
        self
    }
    fn gate(&self) -> Gate {
        self.alarm.map_or(Gate::REPRODUCE, |alarm| Gate { alarm, least_dof: LEAST_DOF })
    }
    /// Reads a `results.json` again. The message says line, column and what was expected there.
    ///
    /// What is read is as consistent as what was written: numbers of the form are checked, not only its shape.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let document: Document = serde_json::from_str(text).map_err(|e| e.to_string())?;
        if document.format != FORMAT {
            return Err(format!("format {} of results, this version reads {FORMAT}", document.format));
        }
        for (i, part) in document.results.iter().enumerate() {
            for (k, q) in part.quantities.iter().enumerate() {
                let place = || format!("results[{i}].quantities[{k}] ({})", q.quantity);
                for (name, value) in [("error", q.error), ("tolerance", q.tolerance), ("n_eff", q.n_eff)] {
                    if let Some(value) = value.filter(|v| *v < 0.0) {
                        return Err(format!("{}: {name} = {value}, allowed: 0 and above", place()));
                    }
                }
                // Without a number there is nothing to judge by.
                let complete = q.value.is_some() && q.error.is_some();
                let found = if complete { document.gate().verdict(&Row::from(q)) } else { q.verdict };
                if found != q.verdict {
                    let wrong = format!("says that it {:?}, by its numbers it {found:?}", q.verdict);
                    return Err(format!("{}: {}", place(), wrong.to_lowercase()));
                }
            }
        }
        Ok(document)
    }
    /// The text of `results.json`.
    pub(crate) fn json(&self) -> Result<String, Failure> {
        output::json(self)
    }
}

/// Compared numbers as a table, every line indented; `tau` adds the autocorrelation time.
pub(crate) fn table(rows: &[Row], indent: &str, tau: bool) -> String {
    table_judged(rows, indent, tau, Gate::REPRODUCE)
}

/// [`table`] with a gate for sampled numbers.
pub(crate) fn table_judged(rows: &[Row], indent: &str, tau: bool, gate: Gate) -> String {
    let quantity = format!("{indent}quantity");
    let mut head = vec![quantity.as_str(), "value(error)", "expected", "z", "verdict"];
    if tau {
        head.insert(2, "tau");
    }
    let mut table = Table::new(&head);
    for row in rows {
        let mut cells = vec![
            format!("{indent}{}", row.quantity),
            value_text(row),
            row.expected_text(),
            row.z().map_or(String::new(), |z| format!("{z:+.1}")),
            match gate.verdict(row) {
                _ if gate.is_vague(row) => "too few samples".into(),
                Verdict::Holds => "ok".into(),
                Verdict::Fails => "FAILS".into(),
                Verdict::Reported => String::new(),
            },
        ];
        if tau {
            // Numbers that no chain has measured have none.
            let is_chain = row.value.source == Source::Chain;
            cells.insert(2, if is_chain { format!("{:.1}", row.value.tau_int) } else { String::new() });
        }
        table.row(cells);
    }
    table.text()
}

/// A run that is over, with all that its folder gets.
pub(crate) struct Finished<'a> {
    /// The document.
    pub(crate) document: Document,
    /// The resolved configuration.
    pub(crate) config: &'a str,
    /// Seed of all randomness.
    pub(crate) seed: u64,
    /// What people read on the terminal.
    pub(crate) text: String,
    /// Tables of the report with their headings.
    pub(crate) tables: &'a [(&'a str, &'a [Row])],
    /// Pictures of the report.
    pub(crate) figures: &'a [Figure],
    /// Files that were written already.
    pub(crate) outputs: Vec<PathBuf>,
    /// Print the document, not the text.
    pub(crate) json: bool,
}

impl Finished<'_> {
    /// Writes the report, the manifest and last the results, prints them, and fails when a result failed.
    pub(crate) fn conclude(mut self, folder: &Folder) -> Result<(), Failure> {
        let mut notes: Vec<String> = self.document.results.iter().flat_map(|r| r.notes.clone()).collect();
        let failed = self.document.results.iter().filter(|r| r.status == Status::Failed);
        let several = self.document.results.len() > 1;
        let complaints: Vec<String> = failed
            .filter_map(|r| {
                r.message.as_ref().map(|m| if several { format!("{}: {m}", r.title) } else { m.clone() })
            })
            .collect();
        notes.extend(complaints.iter().cloned());
        self.outputs.extend(report::run_report(
            folder.path(),
            &report::RunReport {
                title: &format!("smml {}", self.document.command),
                version: env!("CARGO_PKG_VERSION"),
                seed: self.seed,
                config: self.config,
                notes: &notes,
                tables: self.tables,
                gate: self.document.gate(),
                figures: self.figures,
            },
        )?);
        let document = self.document.json()?;
        folder.finish(self.config, &document, self.seed, &self.outputs)?;
        output::print(if self.json { &document } else { &self.text })?;
        if complaints.is_empty() { Ok(()) } else { Err(Failure::Check(complaints.join("\n"))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reproduce::check::Outcome;

    fn rows() -> Vec<Row> {
        let sampled = Estimate {
            value: 1.5,
            std_error: 0.25,
            tau_int: 2.0,
            n_eff: 100.0,
            dof: 99.0,
            source: Source::Chain,
        };
        let mut o = Outcome::default();
        o.sampled("sampled", sampled, 1.0).computed("computed", 1.0, 1.0, 1e-12);
        o.at_most("at most", sampled, 2.0).at_least("at least", sampled, 9.0).holds("true", true);
        o.reported("reported", sampled).computed("not a number", f64::NAN, 1.0, 1e-9);
        o.rows
    }

    #[test]
    fn a_quantity_read_back_has_the_same_words_and_verdict() {
        for row in rows() {
            let text = output::json(&Quantity::from(&row)).unwrap();
            let read: Quantity = serde_json::from_str(&text).unwrap();
            let back = Row::from(&read);
            let words = |r: &Row| (r.quantity.clone(), r.value_text(), r.expected_text(), r.verdict());
            assert_eq!(words(&row), words(&back), "{text}");
            assert_eq!(Quantity::from(&back), read, "{text}");
        }
    }

    #[test]
    fn the_document_names_no_place_and_says_what_failed() {
        #[derive(Serialize)]
        struct Configuration {
            seed: u64,
            data: &'static str,
            model: &'static str,
        }
        let configuration = Configuration { seed: 1, data: "/at/place", model: "/at/place/model" };
        let part = Part::new("a", "A", &rows(), None);
        assert_eq!(part.message.as_deref(), Some("at least = 1.5(3), expected ≥ 9"));
        let document = Document::new("x", &configuration, vec![part]).unwrap();
        let text = document.json().unwrap();
        assert!(!text.contains("/at/place") && text.contains("\"status\": \"failed\""), "{text}");
        let back = Document::read(&text).unwrap();
        assert_eq!(back.json().unwrap(), text);
    }

    #[test]
    fn a_single_run_has_few_comparisons_and_few_samples_are_not_judged() {
        let sampled = |z: f64, dof: f64| {
            let value = Estimate::with_dof(z, 1.0, dof, dof, Source::Chain);
            Row { quantity: "x".into(), value, expected: Expected::Sampled(0.0) }
        };
        let gate = Gate::of_run(8);
        // Of a normal number: 1e-5 / 8 on two sides is 4.85 standard errors, 1e-5 / 500 are 5.61.
        for (z, dof, verdict) in [
            (4.8, 1e9, Verdict::Holds),
            (4.9, 1e9, Verdict::Fails),
            (8.7, 18.0, Verdict::Reported),
            (8.7, 30.0, Verdict::Fails),
        ] {
            assert_eq!(gate.verdict(&sampled(z, dof)), verdict, "{z}, {dof}");
        }
        assert_eq!(Gate::REPRODUCE.verdict(&sampled(5.5, 1e9)), Verdict::Holds);
        let rows = [sampled(5.0, 1e9)];
        let part = Part::judged("a", "A", &rows, None, gate);
        assert_eq!(part.status, Status::Failed);
        let document = Document::new("ising", &(), vec![part]).unwrap();
        // By the other gate the verdict would be wrong.
        assert!(Document::read(&document.json().unwrap()).is_err());
        let text = document.judged(gate).json().unwrap();
        assert_eq!(Document::read(&text).unwrap().json().unwrap(), text);
        let vague = table_judged(&[sampled(8.7, 18.0)], "", false, gate);
        assert!(vague.contains("too few samples"), "{vague}");
    }

    #[test]
    fn digits_that_are_only_rounding_are_not_shown() {
        let text = |value: f64, error: f64| {
            let value = Estimate::with_dof(value, error, f64::MAX, 9.0, Source::Independent);
            value_text(&Row { quantity: "x".into(), value, expected: Expected::Nothing })
        };
        assert_eq!(text(-0.333_333_333_333_333_2, 1e-17), "-0.3333333333");
        assert_eq!(text(6.399_999_999_999_999e31, 1e15), "6.4e31");
        assert_eq!(text(1.25, 0.1), "1.25(10)");
    }

    #[test]
    fn a_results_file_that_was_tampered_with_is_refused() {
        let document = Document::new("x", &(), vec![Part::new("a", "A", &rows(), None)]).unwrap();
        let text = document.json().unwrap();
        for (good, bad, message) in [
            ("\"format\": 1", "\"format\": 2", "format 2 of results"),
            ("\"error\": 0.25", "\"error\": -0.25", "error = -0.25, allowed: 0 and above"),
            ("\"verdict\": \"fails\"", "\"verdict\": \"holds\"", "by its numbers it fails"),
            ("\"source\": \"chain\"", "\"source\": \"rumour\"", "unknown variant `rumour`"),
        ] {
            let text = text.replacen(good, bad, 1);
            let found = Document::read(&text).err().unwrap();
            assert!(found.contains(message), "{found}");
        }
    }

    /// The corpus of the fuzz target `results` (`fuzz/corpus/results`), replayed, then mutated with a fixed seed: no panic,
    /// and what is read can be shown and written again. Names of files that must be accepted begin with `valid`.
    #[test]
    fn corpus_and_mutations() {
        use smml_core::rng::{Draw, Streams};
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/results");
        let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
        files.sort();
        assert!(files.len() >= 20, "the corpus is incomplete: {files:?}");
        let mut corpus = Vec::new();
        for path in files {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            assert_eq!(judge(&text), name.starts_with("valid"), "{name}: {:?}", Document::read(&text).err());
            corpus.push(text.into_bytes());
        }
        let mut rng = Streams::new(1).stream("mutations", 0);
        let mut read = 0;
        for _ in 0..20_000 {
            let mut bytes = corpus[rng.below(corpus.len())].clone();
            bytes.truncate(4000);
            for _ in 0..1 + rng.below(3) {
                let at = rng.below(bytes.len() + 1);
                match rng.below(4) {
                    0 => bytes.truncate(at),
                    1 => bytes.insert(at, b"[]{}\":,-0e9.nul"[rng.below(15)]),
                    2 if at < bytes.len() => bytes[at] ^= 1 << rng.below(8),
                    _ if at < bytes.len() => bytes[at] = b'0' + rng.below(10) as u8,
                    _ => {}
                }
            }
            read += u32::from(judge(&String::from_utf8_lossy(&bytes)));
        }
        assert!(read > 100, "{read} of the mutations were read: they test nothing");
    }

    /// Whether the text is a document; one that is can be shown, written and read again.
    fn judge(text: &str) -> bool {
        let Ok(document) = Document::read(text) else { return false };
        for part in &document.results {
            let rows: Vec<Row> = part.quantities.iter().map(Row::from).collect();
            assert_eq!(table(&rows, "", true).lines().count(), rows.len() + 1);
        }
        assert!(Document::read(&document.json().unwrap()).is_ok(), "{text}");
        true
    }
}
