//! Files of TSPLIB (G. Reinelt, ORSA J. Comput. 3, 376 (1991)): problems with coordinates or explicit distances, and
//! tours.
//!
//! Read are symmetric problems (`TYPE: TSP`) with `EDGE_WEIGHT_TYPE` `EUC_2D`, `CEIL_2D`, `MAN_2D`, `MAX_2D`, `ATT`,
//! `GEO` or `EXPLICIT`, the latter with any of the nine `EDGE_WEIGHT_FORMAT`s. Fixed edges, directed and three-dimensional
//! problems are refused.

use super::{Metric, Tsp};
use smml_core::error::{Error, Result};
use std::{io::Read as _, path::Path};

/// Most bytes of a file.
const MAX_BYTES: u64 = 1 << 30;
/// Most bytes of a word that a message shows.
const MAX_SHOWN: usize = 40;

/// A problem from a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Instance {
    /// `NAME`; empty where the file has none.
    pub name: String,
    /// `COMMENT` lines.
    pub comments: Vec<String>,
    /// The problem.
    pub tsp: Tsp,
}

/// Reads a problem. Errors: as [`from_text`], and [`Error::Io`].
pub fn read(path: &Path) -> Result<Instance> {
    from_text(&text_of(path)?, path)
}

/// Reads a tour (`TYPE: TOUR`) of a problem with `n` cities. Errors: as [`tour_from_text`], and [`Error::Io`].
pub fn read_tour(path: &Path, n: usize) -> Result<Vec<u32>> {
    tour_from_text(&text_of(path)?, n, path)
}

fn text_of(path: &Path) -> Result<String> {
    let io = |e| Error::io(path, e);
    let mut bytes = Vec::new();
    std::fs::File::open(path).map_err(io)?.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Error::corrupt(path, "size", format!("more than {MAX_BYTES} bytes of text")));
    }
    // Old files have comments in other encodings; numbers and keywords are ASCII in all of them.
    Ok(match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(e) => String::from_utf8_lossy(e.as_bytes()).into_owned(),
    })
}

/// Reads the text of a problem; `path` only names the file in messages.
///
/// Errors: [`Error::Corrupt`] with the line, the value and what is allowed.
///
/// ```
/// use smml_core::energy::Energy;
/// let text = "NAME: square\nTYPE: TSP\nDIMENSION: 4\nEDGE_WEIGHT_TYPE: EUC_2D\nNODE_COORD_SECTION\n\
///             1 0 0\n2 30 40\n3 30 0\n4 0 40\nEOF\n";
/// let square = smml_physics::tsp::tsplib::from_text(text, "square.tsp".as_ref())?.tsp;
/// assert_eq!(square.energy(&square.tour(vec![0, 2, 1, 3])?), 140.0);
/// # Ok::<(), smml_core::Error>(())
/// ```
pub fn from_text(text: &str, path: &Path) -> Result<Instance> {
    let mut file = File::new(text, path);
    let (mut name, mut comments) = (String::new(), Vec::new());
    let mut header = Header::default();
    let (mut points, mut weights) = (None, None);
    while let Some((number, line)) = file.next_line() {
        let (key, value) = split(line);
        match key {
            "NAME" => name = value.to_owned(),
            "COMMENT" => comments.push(value.to_owned()),
            "TYPE" => allowed(&file, number, key, value, &["TSP"])?,
            "DIMENSION" => header.dimension = Some(file.dimension(number, value)?),
            "EDGE_WEIGHT_TYPE" => header.metric = Some(metric(&file, number, value)?),
            // Files with coordinates may say that distances come from a function.
            "EDGE_WEIGHT_FORMAT" if value == "FUNCTION" => {}
            "EDGE_WEIGHT_FORMAT" => header.format = Some(format(&file, number, value)?),
            "EDGE_DATA_FORMAT" | "NODE_COORD_TYPE" | "DISPLAY_DATA_TYPE" => {
                if value == "THREED_COORDS" || key == "EDGE_DATA_FORMAT" {
                    return Err(file.error(number, format!("{key} {} is not supported", shown(value))));
                }
            }
            "NODE_COORD_SECTION" => points = Some(file.points(header.need_dimension(&file, number)?)?),
            "DISPLAY_DATA_SECTION" => {
                // Places for a drawing: checked, not used.
                file.points(header.need_dimension(&file, number)?)?;
            }
            "EDGE_WEIGHT_SECTION" => {
                let Some(format) = header.format else {
                    return Err(file.error(number, "EDGE_WEIGHT_SECTION before EDGE_WEIGHT_FORMAT"));
                };
                weights = Some(file.weights(header.need_dimension(&file, number)?, format)?);
            }
            "EOF" => break,
            _ => return Err(file.error(number, format!("keyword {} is not supported", shown(key)))),
        }
    }
    let last = file.line.max(1);
    let at_end = |problem: &str| Error::corrupt(path, format!("line {last}"), problem);
    let tsp = match header.metric {
        None => return Err(at_end("the file ends here, expected EDGE_WEIGHT_TYPE")),
        Some(Weight::Explicit) => {
            let (n, table) =
                weights.ok_or_else(|| at_end("the file ends here, expected EDGE_WEIGHT_SECTION"))?;
            Tsp::from_matrix(n, &table)
        }
        Some(Weight::Of(metric)) => {
            let points = points.ok_or_else(|| at_end("the file ends here, expected NODE_COORD_SECTION"))?;
            Tsp::from_points(&points, metric)
        }
    };
    Ok(Instance { name, comments, tsp: tsp.map_err(|e| at_end(&e.to_string()))? })
}

/// Reads the text of a tour file: cities from 1, ended by -1. Errors: as [`from_text`].
pub fn tour_from_text(text: &str, n: usize, path: &Path) -> Result<Vec<u32>> {
    let mut file = File::new(text, path);
    while let Some((number, line)) = file.next_line() {
        let (key, value) = split(line);
        match key {
            "NAME" | "COMMENT" => {}
            "TYPE" => allowed(&file, number, key, value, &["TOUR"])?,
            "DIMENSION" => {
                let found = file.dimension(number, value)?;
                if found != n {
                    return Err(
                        file.error(number, format!("DIMENSION {found}: must be {n}, as in the problem"))
                    );
                }
            }
            "TOUR_SECTION" => {
                let (mut order, mut seen) = (Vec::new(), vec![false; n]);
                for _ in 0..n {
                    let (line, word) = file.word("a city of the tour")?;
                    let city = word.parse::<usize>().ok().filter(|c| (1..=n).contains(c));
                    let Some(city) = city.filter(|c| !std::mem::replace(&mut seen[c - 1], true)) else {
                        let problem =
                            format!("city {}: must be one of 1 to {n} not yet visited", shown(word));
                        return Err(file.error(line, problem));
                    };
                    order.push(city as u32 - 1);
                }
                let (line, word) = file.word("-1 at the end of the tour")?;
                if word != "-1" {
                    return Err(file.error(line, format!("{}: must be -1, the end of the tour", shown(word))));
                }
                return Ok(order);
            }
            _ => return Err(file.error(number, format!("keyword {} is not supported", shown(key)))),
        }
    }
    Err(file.error(file.line.max(1), "the file ends here, expected TOUR_SECTION"))
}

/// The text of a tour file.
pub fn tour_to_text(name: &str, order: &[u32]) -> String {
    use std::fmt::Write as _;
    let name = name.replace(['\n', '\r'], " ");
    let mut out = format!("NAME : {name}\nTYPE : TOUR\nDIMENSION : {}\nTOUR_SECTION\n", order.len());
    for city in order {
        let _ = writeln!(out, "{}", city + 1); // a String takes everything
    }
    out + "-1\nEOF\n"
}

#[derive(Clone, Copy)]
enum Weight {
    Explicit,
    Of(Metric),
}

/// Which entries a file holds, in the order of rows.
#[derive(Clone, Copy)]
enum Format {
    Full,
    /// Above the diagonal (with it). Rows of the upper part are columns of the lower.
    Upper(bool),
    /// Below the diagonal (with it).
    Lower(bool),
}

#[derive(Default)]
struct Header {
    dimension: Option<usize>,
    metric: Option<Weight>,
    format: Option<Format>,
}

impl Header {
    fn need_dimension(&self, file: &File<'_>, line: usize) -> Result<usize> {
        self.dimension.ok_or_else(|| file.error(line, "a section before DIMENSION"))
    }
}

fn split(line: &str) -> (&str, &str) {
    match line.split_once(':') {
        Some((key, value)) => (key.trim(), value.trim()),
        None => (line, ""),
    }
}

fn allowed(file: &File<'_>, line: usize, key: &str, value: &str, names: &[&str]) -> Result<()> {
    // Some files have a remark behind the type.
    if names.contains(&value.split_whitespace().next().unwrap_or("")) {
        return Ok(());
    }
    Err(file.error(line, format!("{key} {}: must be {}", shown(value), names.join(", "))))
}

fn metric(file: &File<'_>, line: usize, value: &str) -> Result<Weight> {
    Ok(match value {
        "EXPLICIT" => Weight::Explicit,
        "EUC_2D" => Weight::Of(Metric::Rounded),
        "CEIL_2D" => Weight::Of(Metric::Ceiling),
        "MAN_2D" => Weight::Of(Metric::Manhattan),
        "MAX_2D" => Weight::Of(Metric::Maximum),
        "ATT" => Weight::Of(Metric::PseudoEuclidean),
        "GEO" => Weight::Of(Metric::Geographic),
        _ => {
            let names = "EXPLICIT, EUC_2D, CEIL_2D, MAN_2D, MAX_2D, ATT, GEO";
            return Err(
                file.error(line, format!("EDGE_WEIGHT_TYPE {}: must be one of {names}", shown(value)))
            );
        }
    })
}

fn format(file: &File<'_>, line: usize, value: &str) -> Result<Format> {
    Ok(match value {
        "FULL_MATRIX" => Format::Full,
        "UPPER_ROW" | "LOWER_COL" => Format::Upper(false),
        "LOWER_ROW" | "UPPER_COL" => Format::Lower(false),
        "UPPER_DIAG_ROW" | "LOWER_DIAG_COL" => Format::Upper(true),
        "LOWER_DIAG_ROW" | "UPPER_DIAG_COL" => Format::Lower(true),
        _ => {
            let names =
                "FULL_MATRIX, UPPER_ROW, LOWER_ROW, UPPER_DIAG_ROW, LOWER_DIAG_ROW, or the same with COL";
            return Err(
                file.error(line, format!("EDGE_WEIGHT_FORMAT {}: must be one of {names}", shown(value)))
            );
        }
    })
}

/// A text with the place where reading is.
struct File<'a> {
    path: &'a Path,
    lines: std::str::Lines<'a>,
    /// Rest of the current line.
    rest: &'a str,
    /// Its number, from 1.
    line: usize,
    n_bytes: usize,
}

impl<'a> File<'a> {
    fn new(text: &'a str, path: &'a Path) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        File { path, lines: text.lines(), rest: "", line: 0, n_bytes: text.len() }
    }
    fn error(&self, line: usize, problem: impl Into<String>) -> Error {
        Error::corrupt(self.path, format!("line {line}"), problem)
    }
    /// What is left of the current line, or the next one that is not blank.
    fn next_line(&mut self) -> Option<(usize, &'a str)> {
        loop {
            let line = std::mem::take(&mut self.rest).trim();
            if !line.is_empty() {
                return Some((self.line, line));
            }
            self.rest = self.lines.next()?;
            self.line += 1;
        }
    }
    fn word(&mut self, what: &str) -> Result<(usize, &'a str)> {
        let Some((number, line)) = self.next_line() else {
            return Err(self.error(self.line.max(1), format!("the file ends here, expected {what}")));
        };
        let end = line.find(char::is_whitespace).unwrap_or(line.len());
        self.rest = &line[end..];
        Ok((number, &line[..end]))
    }
    fn real(&mut self, what: &str) -> Result<f64> {
        let (line, word) = self.word(what)?;
        let value = word.parse::<f64>().ok().filter(|x| x.is_finite());
        value.ok_or_else(|| self.error(line, format!("{what} {}: must be a finite number", shown(word))))
    }
    /// A file has at least a byte and a blank for each city, so that a number alone reserves no memory.
    fn dimension(&self, line: usize, value: &str) -> Result<usize> {
        let most = self.n_bytes / 2;
        value.parse::<usize>().ok().filter(|n| (3..=most).contains(n)).ok_or_else(|| {
            let allowed = format!("a whole number from 3 to {most}, half the bytes of the file");
            self.error(line, format!("DIMENSION {}: must be {allowed}", shown(value)))
        })
    }
    /// Cities may come in any order, each once.
    fn points(&mut self, n: usize) -> Result<Vec<[f64; 2]>> {
        let mut points = vec![None; n];
        for _ in 0..n {
            let (line, word) = self.word("the number of a city")?;
            let city = word.parse::<usize>().ok().filter(|c| (1..=n).contains(c) && points[c - 1].is_none());
            let Some(city) = city else {
                let problem = format!("city {}: must be one of 1 to {n} not yet given", shown(word));
                return Err(self.error(line, problem));
            };
            points[city - 1] = Some([self.real("coordinate")?, self.real("coordinate")?]);
        }
        // All n are there: n were given, none twice.
        Ok(points.into_iter().flatten().collect())
    }
    /// The full matrix. Its n² entries are reserved only where the file is long enough to hold half of them.
    fn weights(&mut self, n: usize, format: Format) -> Result<(usize, Vec<f64>)> {
        let entries = n.saturating_mul(n - 1) / 2;
        if entries > self.n_bytes {
            let problem = format!("{entries} distances cannot be in a file of {} bytes", self.n_bytes);
            return Err(self.error(self.line, problem));
        }
        let mut table = vec![0.0; n * n];
        for i in 0..n {
            let columns = match format {
                Format::Full => 0..n,
                Format::Upper(diagonal) => i + usize::from(!diagonal)..n,
                Format::Lower(diagonal) => 0..i + usize::from(diagonal),
            };
            for j in columns {
                let x = self.real("distance")?;
                table[i * n + j] = x;
                if !matches!(format, Format::Full) {
                    table[j * n + i] = x;
                }
            }
        }
        Ok((n, table))
    }
}

fn shown(word: &str) -> String {
    let cut: String = word.chars().take(MAX_SHOWN).collect();
    let dots = if cut.len() < word.len() { "..." } else { "" };
    format!("`{}{dots}`", cut.escape_debug())
}
