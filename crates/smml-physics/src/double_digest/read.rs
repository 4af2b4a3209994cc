//! Files of fragment lists.

use super::{DoubleDigest, Sums};
use smml_core::error::{Error, Result};
use std::{io::Read as _, path::Path};

/// Most bytes of a file.
const MAX_BYTES: u64 = 1 << 24;
/// Most bytes of a word that a message shows.
const MAX_SHOWN: usize = 40;

/// Reads a file: see [`from_text`]. Errors: as there, and [`Error::Io`].
pub fn read(path: &Path) -> Result<DoubleDigest> {
    let io = |e| Error::io(path, e);
    let mut text = Vec::new();
    std::fs::File::open(path).map_err(io)?.take(MAX_BYTES + 1).read_to_end(&mut text).map_err(io)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(Error::corrupt(path, "size", format!("more than {MAX_BYTES} bytes of text")));
    }
    let text = String::from_utf8(text).map_err(|e| {
        let line = 1 + e.as_bytes()[..e.utf8_error().valid_up_to()].iter().filter(|b| **b == b'\n').count();
        Error::corrupt(path, format!("line {line}"), "is not UTF-8 text")
    })?;
    from_text(&text, path)
}

/// What has been read of the keys.
#[derive(Default)]
struct Lists {
    /// Line of the key, and its values.
    of: [Option<(usize, Vec<f64>)>; 5],
}

const KEYS: [&str; 5] = ["A", "B", "C", "stretch", "from-left"];
/// The first key that is a tolerance.
const TOLERANCES: usize = 3;

/// Reads three lists of fragment lengths, named A, B and C (both enzymes together), and optionally one tolerance,
/// `stretch` for [`Sums::Stretched`] or `from-left` for [`Sums::FromLeft`]. A key is followed by `:` or `=` and its
/// numbers, separated by blanks or commas, over any number of lines; brackets around them are optional, so that such a
/// list in TOML is read as well. `#` begins a comment.
///
/// ```text
/// # bacteriophage lambda, base pairs
/// A: 5505 16841 5626 6527 7233 6770
/// B = [21226, 4878, 5643,
///      7421, 5804, 3530]
/// C: 5505 15721 1120 3758 1868 3775 2752 4669 2564 3240 3530
/// ```
///
/// Errors: [`Error::Corrupt`] with the line and the value; `path` only names the file in them.
///
/// ```
/// use smml_physics::double_digest::from_text;
/// let small = from_text("A: 1 2 3\nB: 2 4\nC = [1, 1, 2, 2]\n", "small.txt".as_ref())?;
/// assert_eq!(small.n_fragments(), [3, 2, 4]);
/// let error = from_text("A: 1 2 x3\n", "small.txt".as_ref()).unwrap_err();
/// assert_eq!(error.to_string(), "small.txt: line 1: fragment `x3` of A: must be a finite number greater than 0");
/// # Ok::<(), smml_core::Error>(())
/// ```
pub fn from_text(text: &str, path: &Path) -> Result<DoubleDigest> {
    let mut lists = Lists::default();
    let mut current: Option<usize> = None;
    // Line of a bracket that is open, and whether the list of the current key has had its closing one.
    let (mut open, mut closed): (Option<usize>, bool) = (None, false);
    let mut last = 0;
    for (number, line) in (1..).zip(text.strip_prefix('\u{feff}').unwrap_or(text).lines()) {
        last = number;
        let at = |problem: String| Error::corrupt(path, format!("line {number}"), problem);
        let mut rest = line.split('#').next().unwrap_or("").trim();
        if let Some(split) = rest.find([':', '=']) {
            let key = rest[..split].trim();
            if let Some(line) = open {
                return Err(at(format!("{} begins inside the bracket of line {line}", shown(key))));
            }
            let Some(index) = KEYS.iter().position(|k| k.eq_ignore_ascii_case(key)) else {
                return Err(at(format!("key {}: must be one of {}", shown(key), KEYS.join(", "))));
            };
            if let Some((first, _)) = &lists.of[index] {
                return Err(at(format!("{} was given before, in line {first}", KEYS[index])));
            }
            lists.of[index] = Some((number, Vec::new()));
            (current, closed) = (Some(index), false);
            rest = rest[split + 1..].trim();
        }
        let bracketed = rest.replace('[', " [ ").replace(']', " ] ");
        for word in bracketed.split(|c: char| c.is_whitespace() || c == ',').filter(|w| !w.is_empty()) {
            let Some((index, (_, values))) = current.and_then(|k| lists.of[k].as_mut().map(|list| (k, list)))
            else {
                return Err(at(format!(
                    "{} stands before any key: expected `A:`, `B:` or `C:`",
                    shown(word)
                )));
            };
            let stray = || at(format!("stray {} in the list of {}", shown(word), KEYS[index]));
            match word {
                _ if closed => return Err(stray()),
                "[" if open.is_none() && values.is_empty() => open = Some(number),
                "]" if open.is_some() => (open, closed) = (None, true),
                "[" | "]" => return Err(stray()),
                _ => {
                    let least = if index >= TOLERANCES { "not negative" } else { "greater than 0" };
                    let fits = |x: &f64| x.is_finite() && (*x > 0.0 || (index >= TOLERANCES && *x == 0.0));
                    // TOML lets digits be set apart by underscores.
                    match word.replace('_', "").parse::<f64>().ok().filter(fits) {
                        Some(x) => values.push(x),
                        None if index >= TOLERANCES => {
                            return Err(at(format!(
                                "{} {}: must be finite and {least}",
                                KEYS[index],
                                shown(word)
                            )));
                        }
                        None => {
                            return Err(at(format!(
                                "fragment {} of {}: must be a finite number {least}",
                                shown(word),
                                KEYS[index]
                            )));
                        }
                    }
                }
            }
        }
    }
    let end = |problem: String| Error::corrupt(path, format!("line {}", last.max(1)), problem);
    if let Some(line) = open {
        return Err(end(format!("the file ends inside the bracket of line {line}")));
    }
    let numbers = |k: usize| -> Result<Vec<f64>> {
        match &lists.of[k] {
            None => Err(end(format!("the file ends here, expected the list `{}:`", KEYS[k]))),
            Some((line, values)) if values.is_empty() => {
                Err(Error::corrupt(path, format!("line {line}"), format!("{} has no numbers", KEYS[k])))
            }
            Some((_, values)) => Ok(values.clone()),
        }
    };
    let tolerance = |k: usize| match &lists.of[k] {
        None => Ok(None),
        Some((_, values)) if values.len() == 1 => Ok(Some(values[0])),
        Some((line, values)) => {
            let problem = format!("{} has {} numbers, must have 1", KEYS[k], values.len());
            Err(Error::corrupt(path, format!("line {line}"), problem))
        }
    };
    let sums = match (tolerance(TOLERANCES)?, tolerance(TOLERANCES + 1)?) {
        (None, None) => Sums::Equal,
        (Some(t), None) => Sums::Stretched(t),
        (None, Some(t)) => Sums::FromLeft(t),
        (Some(_), Some(_)) => return Err(end("stretch and from-left exclude one another".into())),
    };
    let (a, b, c) = (numbers(0)?, numbers(1)?, numbers(2)?);
    // What the lists are together is nobody's line but that of the last of them.
    let line = lists.of.iter().flatten().map(|l| l.0).max().unwrap_or(1);
    DoubleDigest::with_sums(&a, &b, &c, sums)
        .map_err(|e| Error::corrupt(path, format!("line {line}"), e.to_string()))
}

fn shown(word: &str) -> String {
    let cut: String = word.chars().take(MAX_SHOWN).collect();
    let dots = if cut.len() < word.len() { "..." } else { "" };
    format!("`{}{dots}`", cut.escape_debug())
}
