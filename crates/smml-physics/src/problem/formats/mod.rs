//! Files of problems: readers and writers, one module for each format.
//!
//! | format | extensions | form and sense | what it holds |
//! |---|---|---|---|
//! | [`Format::Rudy`] | `.rudy`, `.rud`, `.mc` | spin, maximise | max-cut on a graph, as in the G-set |
//! | [`Format::Coo`] | `.coo` | either, minimise | `i j value`, D-Wave's coordinate text |
//! | [`Format::Qubo`] | `.qubo` | binary, minimise | qbsolv's QUBO |
//! | [`Format::MatrixMarket`] | `.mtx` | either, minimise | xᵀ Q x of a sparse matrix |
//! | [`Format::Dimacs`] | `.cnf`, `.wcnf`, `.dimacs` | binary, maximise | (weighted) max-sat |
//! | [`Format::DimodJson`] | `.json` | either, minimise | a binary quadratic model of dimod |
//!
//! Rules that all readers share:
//! - gzip is accepted, told by content; the extension `.gz` is taken off before the format is looked up;
//! - an error names file, line, column where there is one, the value and what is allowed;
//! - entries given more than once are added up, and a warning says how many there were;
//! - numbers must be finite; nothing may follow a value on its line;
//! - a header may announce at most [`MAX_UNUSED`] variables, or as many as the file has bytes: nothing is allocated on
//!   the word of a header.
//!
//! Where a format has no place for the constant, our writers put it in a comment (`offset=1.5`), which our readers
//! understand and others skip.

mod coo;
mod dimacs;
mod dimod;
mod matrix_market;
mod qubo;
mod rudy;
#[cfg(test)]
mod tests;
mod text;

use super::{Form, Problem, Sense};
use flate2::read::MultiGzDecoder;
use serde::{Deserialize, Serialize};
use smml_core::error::{Error, Result};
use std::{
    fmt,
    io::{Read as _, Write},
    path::Path,
};

/// Variables that a header may announce in a file of any length.
pub const MAX_UNUSED: usize = 1 << 16;

/// Most bytes of text that are read, after decompression: 4 GiB.
pub const MAX_BYTES: u64 = 1 << 32;

/// A file format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// rudy's graphs: `n m`, then `i j w` for each edge, vertices from 1; a missing w is 1. Max-cut.
    Rudy,
    /// `i j value`, variables from 0; i = j is a linear term. `# vartype=SPIN` or `BINARY` says the form.
    Coo,
    /// qbsolv: `p qubo 0 n diagonals couplers`, then `i i a` and `i j b`, variables from 0; `c` begins a comment.
    Qubo,
    /// MatrixMarket coordinates, real, integer or pattern, symmetric or general: the value is xᵀ Q x.
    MatrixMarket,
    /// DIMACS cnf and wcnf, the old one with `top` and the new one with `h`: the value is the weight of the satisfied
    /// soft clauses, minus a penalty of (all soft weight + 1) for each hard clause that is not.
    Dimacs,
    /// What `json.dumps(bqm.to_serializable(use_bytes=False))` of dimod 0.12 writes.
    DimodJson,
}

impl Format {
    /// All formats.
    pub const ALL: [Format; 6] =
        [Format::Rudy, Format::Coo, Format::Qubo, Format::MatrixMarket, Format::Dimacs, Format::DimodJson];
    /// Its name, as on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Format::Rudy => "rudy",
            Format::Coo => "coo",
            Format::Qubo => "qubo",
            Format::MatrixMarket => "matrix-market",
            Format::Dimacs => "dimacs",
            Format::DimodJson => "dimod-json",
        }
    }
    /// The format of a file by its name, a final `.gz` taken off; `None` for an extension that says nothing.
    pub fn of_path(path: &Path) -> Option<Format> {
        let name = path.file_name()?.to_string_lossy().to_ascii_lowercase();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        match name.rsplit_once('.')?.1 {
            "rudy" | "rud" | "mc" => Some(Format::Rudy),
            "coo" => Some(Format::Coo),
            "qubo" => Some(Format::Qubo),
            "mtx" => Some(Format::MatrixMarket),
            "cnf" | "wcnf" | "dimacs" => Some(Format::Dimacs),
            "json" => Some(Format::DimodJson),
            _ => None,
        }
    }
    /// The format of some text by its first lines; `None` where they could be several or none.
    pub fn of_content(text: &[u8]) -> Option<Format> {
        let mut lines = text.split(|&b| b == b'\n').map(|l| l.trim_ascii()).filter(|l| !l.is_empty());
        let line = lines.find(|l| !(l[0] == b'c' && l.get(1).is_none_or(u8::is_ascii_whitespace)))?;
        let mut words = line.split(|b| b.is_ascii_whitespace()).filter(|w| !w.is_empty());
        let number = |w: &[u8]| std::str::from_utf8(w).is_ok_and(|w| w.parse::<f64>().is_ok());
        match (words.next()?, words.next(), words.next()) {
            (first, ..) if first[0] == b'{' => Some(Format::DimodJson),
            (first, ..) if first.to_ascii_lowercase().starts_with(b"%%matrixmarket") => {
                Some(Format::MatrixMarket)
            }
            (b"p", Some(b"qubo"), _) => Some(Format::Qubo),
            (b"p", Some(b"cnf" | b"wcnf"), _) => Some(Format::Dimacs),
            (b"h", ..) => Some(Format::Dimacs),
            (first, ..) if first[0] == b'#' => Some(Format::Coo),
            // The header of a graph has two numbers; a third word that is none is a stray one.
            (a, Some(b), third) if number(a) && number(b) => {
                if third.is_none_or(|w| !number(w)) {
                    Some(Format::Rudy)
                } else {
                    Some(Format::Coo)
                }
            }
            _ => None,
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Format {
    type Err = Error;
    fn from_str(name: &str) -> Result<Self> {
        Format::ALL.into_iter().find(|f| f.name() == name).ok_or_else(|| {
            let names = Format::ALL.map(Format::name).join(", ");
            Error::out_of_range("format", name, format!("one of {names}"))
        })
    }
}

/// What a file does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The format; `None` to tell it by extension, then by content.
    pub format: Option<Format>,
    /// The variables of COO and MatrixMarket files that do not say them; `None` for binary ones, with a warning for COO.
    pub form: Option<Form>,
}

/// Something in a file that was not as it should be, and was read over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// The file.
    pub path: std::path::PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// What is there, and what was made of it.
    pub message: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: line {}: {}", self.path.display(), self.line, self.message)
    }
}

/// A problem from a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Read {
    /// The problem.
    pub problem: Problem,
    /// The format that was read.
    pub format: Format,
    /// What was read over.
    pub warnings: Vec<Warning>,
}

/// Reads a file.
///
/// Errors: [`Error::Io`]; [`Error::Corrupt`] with file, line, value and what is allowed.
pub fn read(path: &Path, options: &Options) -> Result<Read> {
    let io = |e| Error::io(path, e);
    let file = std::fs::File::open(path).map_err(io)?;
    let meta = file.metadata().map_err(io)?;
    if meta.is_dir() {
        return Err(Error::corrupt(path, "path", "is a folder, not a file of a problem"));
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(io)?;
    from_bytes(&bytes, path, options)
}

/// Reads the content of a file, plain or gzip; `path` gives the extension and the name in messages.
///
/// ```
/// use smml_physics::problem::formats::{Options, from_bytes};
/// let read = from_bytes(b"3 2 J\n1 2\n2 3 -4\n", "graph.txt".as_ref(), &Options::default())?;
/// assert_eq!(read.problem.value(&[1, -1, 1]), 1.0 - 4.0);
/// assert_eq!(read.warnings[0].to_string(), "graph.txt: line 1: stray `J` at column 5 of the header, read over");
/// # Ok::<(), smml_core::Error>(())
/// ```
pub fn from_bytes(bytes: &[u8], path: &Path, options: &Options) -> Result<Read> {
    let mut unpacked = Vec::new();
    let text = if bytes.starts_with(&[0x1f, 0x8b]) {
        let damaged = |e| Error::corrupt(path, "gzip data", format!("damaged: {e}"));
        MultiGzDecoder::new(bytes).take(MAX_BYTES + 1).read_to_end(&mut unpacked).map_err(damaged)?;
        &unpacked[..]
    } else {
        bytes
    };
    if text.len() as u64 > MAX_BYTES {
        return Err(Error::corrupt(path, "size", format!("more than {MAX_BYTES} bytes of text")));
    }
    let format = options.format.or_else(|| Format::of_path(path)).or_else(|| Format::of_content(text));
    let Some(format) = format else {
        let names = Format::ALL.map(Format::name).join(", ");
        return Err(Error::corrupt(
            path,
            "line 1",
            format!("neither extension nor content say which format this is; name one of {names}"),
        ));
    };
    let mut source = text::Source::new(text, path, options.form);
    let problem = match format {
        Format::Rudy => rudy::read(&mut source),
        Format::Coo => coo::read(&mut source),
        Format::Qubo => qubo::read(&mut source),
        Format::MatrixMarket => matrix_market::read(&mut source),
        Format::Dimacs => dimacs::read(&mut source),
        Format::DimodJson => dimod::read(&mut source),
    }?;
    Ok(Read { problem, format, warnings: source.warnings })
}

/// Writes a problem.
///
/// Errors: [`Error::OutOfRange`] for a problem that the format cannot hold ([`Problem::minimised`],
/// [`Problem::to_form`] and [`Problem::reduced`] help), [`Error::Io`].
pub fn write(problem: &Problem, format: Format, out: &mut dyn Write) -> Result<()> {
    let text = to_text(problem, format)?;
    out.write_all(text.as_bytes()).map_err(|e| Error::io(Path::new("output"), e))
}

/// A problem as the text of a file. Errors: as [`write()`].
pub fn to_text(problem: &Problem, format: Format) -> Result<String> {
    let refuse = |what: &str, value: String, allowed: &str| {
        Err(Error::out_of_range(format!("{what} of a problem for the format {format}"), value, allowed))
    };
    if !matches!(format, Format::Dimacs) && !problem.terms().is_empty() {
        return refuse("degree", problem.degree().to_string(), "at most 2: reduce the problem");
    }
    if !matches!(format, Format::Dimacs | Format::Rudy) && problem.sense() == Sense::Maximise {
        return refuse("sense", "maximise".into(), "minimise: take the minimised problem");
    }
    match format {
        Format::Rudy => match problem.cut_graph() {
            Some(graph) => Ok(rudy::write(&graph)),
            None => refuse("form", "no max-cut problem".into(), "the largest cut of a graph"),
        },
        Format::Coo => Ok(coo::write(problem)),
        Format::Qubo => Ok(qubo::write(&problem.to_form(Form::Binary)?)),
        Format::MatrixMarket => matrix_market::write(problem),
        Format::Dimacs => dimacs::write(problem),
        Format::DimodJson => dimod::write(problem),
    }
}
