//! Alignments in FASTA files.

use super::{Alignment, Alphabet};
use crate::error::Result;
use smml_core::Error;
use std::{fmt::Write as _, path::Path};

/// How a FASTA file is to be read.
///
/// A record is a line with '>' and a name, and lines of letters; white space at the ends of lines and empty lines do not
/// count, CR LF ends a line too, and a line with ';' is a comment. All sequences must have the same length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FastaOptions {
    /// The letters.
    pub alphabet: Alphabet,
    /// Take ambiguous letters (X, N, ...) for gaps; else they are refused.
    pub ambiguous_as_gaps: bool,
    /// Leave out lower-case letters and '.', which are insertions in the A2M form; else they are refused.
    pub drop_insertions: bool,
    /// Most letters that are kept, a byte each.
    pub max_letters: usize,
}

impl FastaOptions {
    /// Every character must be a letter; at most 2³⁰ of them.
    pub fn new(alphabet: Alphabet) -> Self {
        FastaOptions { alphabet, ambiguous_as_gaps: false, drop_insertions: false, max_letters: 1 << 30 }
    }
}

/// Reads the content of a file; `path` is used in messages only.
///
/// Errors: [`Error::Corrupt`] with line and character for anything that is not an alignment in these letters, and
/// [`Error::TooLarge`] for more letters than [`FastaOptions::max_letters`].
///
/// ```
/// use smml_learn::ebm::potts::{Alphabet, FastaOptions, read_fasta};
/// let text = b">one\nAC-\nGT\n>two\nACCGA\n";
/// let alignment = read_fasta(text, "x.fasta".as_ref(), &FastaOptions::new(Alphabet::Dna))?;
/// assert_eq!((alignment.len(), alignment.n_sites(), alignment.row(0)), (2, 5, &[0, 1, 4, 2, 3][..]));
/// # Ok::<(), smml_learn::Error>(())
/// ```
pub fn read_fasta(bytes: &[u8], path: &Path, options: &FastaOptions) -> Result<Alignment> {
    let mut reader =
        Reader { path, options, names: Vec::new(), rows: Vec::new(), n_sites: None, start: 0, first: 0 };
    for (k, line) in bytes.split(|b| *b == b'\n').enumerate() {
        reader.line(k + 1, line)?;
    }
    reader.end()?;
    let Some(n_sites) = reader.n_sites else {
        return Err(Error::corrupt(path, "line 1", "no sequence: a record starts with '>'").into());
    };
    Alignment::new(options.alphabet, n_sites, reader.rows, reader.names)
}

struct Reader<'a> {
    path: &'a Path,
    options: &'a FastaOptions,
    names: Vec<String>,
    rows: Vec<u8>,
    n_sites: Option<usize>,
    /// Where the letters of this record start, and the line of its name.
    start: usize,
    first: usize,
}

impl Reader<'_> {
    fn bad(&self, place: String, problem: String) -> crate::Error {
        Error::corrupt(self.path, place, problem).into()
    }
    fn line(&mut self, number: usize, line: &[u8]) -> Result<()> {
        let line = line.trim_ascii_end();
        match line.first() {
            None | Some(b';') => Ok(()),
            Some(b'>') => {
                self.end()?;
                (self.start, self.first) = (self.rows.len(), number);
                self.names.push(String::from_utf8_lossy(line[1..].trim_ascii()).into_owned());
                Ok(())
            }
            Some(_) if self.names.is_empty() => {
                Err(self.bad(format!("line {number}"), "letters before the first '>'".into()))
            }
            Some(_) => self.letters(number, line),
        }
    }
    fn letters(&mut self, number: usize, line: &[u8]) -> Result<()> {
        let alphabet = self.options.alphabet;
        for (k, byte) in line.iter().enumerate() {
            let letter = char::from(*byte);
            let code = match alphabet.code(letter) {
                Some(code) => code,
                None if alphabet.ambiguous().contains(letter) && self.options.ambiguous_as_gaps => {
                    alphabet.gap()
                }
                None if letter.is_ascii_lowercase() || letter == '.' => {
                    if self.options.drop_insertions {
                        continue;
                    }
                    let problem = format!(
                        "'{letter}' marks an insertion (A2M form); capitals are aligned, insertions can be dropped"
                    );
                    return Err(self.bad(format!("line {number}, character {}", k + 1), problem));
                }
                None => {
                    let shown =
                        if byte.is_ascii_graphic() { format!("'{letter}'") } else { format!("byte {byte}") };
                    let why = match alphabet.ambiguous().contains(letter) {
                        true => "is ambiguous; such letters can be taken for gaps".to_string(),
                        false => format!("is none of {}", alphabet.letters()),
                    };
                    return Err(
                        self.bad(format!("line {number}, character {}", k + 1), format!("{shown} {why}"))
                    );
                }
            };
            if self.rows.len() >= self.options.max_letters {
                return Err(Error::TooLarge {
                    what: format!("{} (line {number})", self.path.display()),
                    needed: "more letters".into(),
                    limit: format!("{} letters", self.options.max_letters),
                }
                .into());
            }
            self.rows.push(code);
        }
        Ok(())
    }
    /// Ends a record.
    fn end(&mut self) -> Result<()> {
        let Some(name) = self.names.last() else { return Ok(()) };
        let length = self.rows.len() - self.start;
        let place = format!("line {}", self.first);
        match self.n_sites {
            _ if length == 0 => Err(self.bad(place, format!("'{name}' has no letters"))),
            None => {
                self.n_sites = Some(length);
                Ok(())
            }
            Some(n) if n == length => Ok(()),
            Some(n) => {
                let problem = format!("'{name}' has {length} letters, the first sequence has {n}");
                Err(self.bad(place, problem))
            }
        }
    }
}

/// An alignment as FASTA, 60 letters in a line.
pub fn write_fasta(alignment: &Alignment) -> String {
    let mut text = String::new();
    for (name, row) in alignment.names().iter().zip(alignment.rows()) {
        // Writing to a String cannot fail.
        let _ = writeln!(text, ">{name}");
        for line in row.chunks(60) {
            let _ = writeln!(text, "{}", alignment.alphabet().text(line));
        }
    }
    text
}
