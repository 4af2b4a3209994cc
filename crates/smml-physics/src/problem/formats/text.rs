//! Lines and words of a text file with their places, and numbers that are checked.

use super::{Form, MAX_UNUSED, Problem, Warning};
use crate::problem::Builder;
use smml_core::error::{Error, Result};
use std::{collections::HashSet, path::Path};

/// Most bytes of a word that a message shows.
const MAX_SHOWN: usize = 40;

/// A file while it is read.
pub(super) struct Source<'a> {
    pub(super) text: &'a [u8],
    pub(super) path: &'a Path,
    pub(super) form: Option<Form>,
    pub(super) warnings: Vec<Warning>,
    at: usize,
    /// The number of the last line that was taken.
    pub(super) line: usize,
}

/// A line without its end.
#[derive(Clone, Copy)]
pub(super) struct Line<'a> {
    pub(super) number: usize,
    pub(super) text: &'a [u8],
    path: &'a Path,
}

/// A word, and where it is.
#[derive(Clone, Copy)]
pub(super) struct Word<'a> {
    pub(super) text: &'a [u8],
    pub(super) column: usize,
    line: Line<'a>,
}

/// Some bytes of a file for a message.
fn shown(text: &[u8]) -> String {
    let cut = &text[..text.len().min(MAX_SHOWN)];
    let dots = if cut.len() < text.len() { "..." } else { "" };
    format!("`{}{dots}`", String::from_utf8_lossy(cut).escape_debug())
}

impl<'a> Source<'a> {
    pub(super) fn new(text: &'a [u8], path: &'a Path, form: Option<Form>) -> Self {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        Source { text, path, form, warnings: Vec::new(), at: 0, line: 0 }
    }
    /// The next line that is not blank.
    pub(super) fn next_line(&mut self) -> Option<Line<'a>> {
        while self.at < self.text.len() {
            let rest = &self.text[self.at..];
            let end = rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len());
            self.at += end + 1;
            self.line += 1;
            let text = rest[..end].trim_ascii_end();
            if !text.is_empty() {
                return Some(Line { number: self.line, text, path: self.path });
            }
        }
        None
    }
    pub(super) fn warn(&mut self, line: usize, message: impl Into<String>) {
        self.warnings.push(Warning { path: self.path.to_path_buf(), line, message: message.into() });
    }
    /// An error at the end of the file.
    pub(super) fn truncated(&self, expected: impl Into<String>) -> Error {
        let place = format!("line {}", self.line + 1);
        Error::corrupt(self.path, place, format!("the file ends here, expected {}", expected.into()))
    }
    /// An error at a line.
    pub(super) fn error(&self, line: usize, problem: impl Into<String>) -> Error {
        Error::corrupt(self.path, format!("line {line}"), problem)
    }
    /// Most variables a header may announce.
    pub(super) fn most_variables(&self) -> u64 {
        (self.text.len().max(MAX_UNUSED) as u64).min(u64::from(u32::MAX))
    }
    /// What a builder refuses, at a line of the file.
    pub(super) fn at_line<T>(&self, line: usize, result: Result<T>) -> Result<T> {
        result.map_err(|e| self.error(line, e.to_string()))
    }
    /// The end of reading: sums must be finite.
    pub(super) fn build(&self, b: Builder) -> Result<Problem> {
        self.at_line(self.line.max(1), b.build())
    }
    /// Warns of entries that were given more than once.
    pub(super) fn warn_repeated(&mut self, entries: &Entries) {
        if let Some((line, i, j)) = entries.first {
            let n = entries.repeated;
            let entries = if n == 1 { "entry".into() } else { format!("{n} entries") };
            self.warn(
                line,
                format!("{entries} given before, the first of them ({i}, {j}): values are added up"),
            );
        }
    }
}

impl<'a> Line<'a> {
    pub(super) fn words(self) -> impl Iterator<Item = Word<'a>> {
        let mut at = 0;
        std::iter::from_fn(move || {
            let start = at + self.text[at..].iter().position(|b| !b.is_ascii_whitespace())?;
            let rest = &self.text[start..];
            let end = start + rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
            at = end;
            Some(Word { text: &self.text[start..end], column: start + 1, line: self })
        })
    }
    /// Whether the line begins with a byte, after blanks.
    pub(super) fn starts_with(self, mark: &[u8]) -> bool {
        self.text.trim_ascii_start().starts_with(mark)
    }
    pub(super) fn error(self, problem: impl Into<String>) -> Error {
        Error::corrupt(self.path, format!("line {}", self.number), problem)
    }
    /// The next word, which must be there.
    pub(super) fn expect(self, words: &mut impl Iterator<Item = Word<'a>>, what: &str) -> Result<Word<'a>> {
        words.next().ok_or_else(|| {
            let place = format!("line {}, column {}", self.number, self.text.len() + 1);
            Error::corrupt(self.path, place, format!("the line ends here, expected {what}"))
        })
    }
    /// No word may be left.
    pub(super) fn end(self, words: &mut impl Iterator<Item = Word<'a>>, after: &str) -> Result<()> {
        match words.next() {
            Some(word) => Err(word.error(after, "the end of the line")),
            None => Ok(()),
        }
    }
    /// The value behind `key=` or `key:` in a comment; also `key value` when the key is the first word.
    pub(super) fn comment_value(self, key: &str) -> Option<Word<'a>> {
        let mut words = self.words();
        let find = |w: Word<'a>| {
            let skipped = w.text.iter().take_while(|b| matches!(b, b'#' | b'%')).count();
            let rest = w.text[skipped..].strip_prefix(key.as_bytes())?;
            let rest = rest.strip_prefix(b"=").or_else(|| rest.strip_prefix(b":"))?;
            let start = w.text.len() - rest.len();
            Some(Word { text: rest, column: w.column + start, line: w.line })
        };
        words.find_map(find)
    }
}

impl<'a> Word<'a> {
    /// An error about this word.
    pub(super) fn error(self, what: &str, allowed: impl AsRef<str>) -> Error {
        let place = format!("line {}, column {}", self.line.number, self.column);
        let problem = format!("{what} {}: must be {}", shown(self.text), allowed.as_ref());
        Error::corrupt(self.line.path, place, problem)
    }
    pub(super) fn shown(self) -> String {
        shown(self.text)
    }
    /// A whole number in `low..=high`.
    pub(super) fn whole(self, what: &str, low: u64, high: u64) -> Result<u64> {
        let digits = self.text.strip_prefix(b"+").unwrap_or(self.text);
        let all_digits = digits.iter().all(u8::is_ascii_digit);
        let value =
            std::str::from_utf8(digits).ok().filter(|_| all_digits).and_then(|t| t.parse::<u64>().ok());
        value
            .filter(|v| (low..=high).contains(v))
            .ok_or_else(|| self.error(what, format!("a whole number from {low} to {high}")))
    }
    /// A finite number.
    pub(super) fn real(self, what: &str) -> Result<f64> {
        std::str::from_utf8(self.text)
            .ok()
            .and_then(|t| t.parse::<f64>().ok())
            .filter(|v| v.is_finite())
            .ok_or_else(|| self.error(what, "a finite number"))
    }
}

/// Which pairs a file gave, to notice those given again.
#[derive(Default)]
pub(super) struct Entries {
    seen: HashSet<(u32, u32)>,
    repeated: usize,
    first: Option<(usize, u32, u32)>,
}

impl Entries {
    /// Notes a pair; `shift` is what the file's numbers begin with.
    pub(super) fn note(&mut self, line: usize, i: u32, j: u32, shift: u32) {
        if !self.seen.insert((i.min(j), i.max(j))) {
            self.repeated += 1;
            self.first.get_or_insert((line, i + shift, j + shift));
        }
    }
}
