//! What is missing from a graph: numbers of qubits and pairs of them, on the command line or in a file.

use crate::{error::Failure, run::input::Input};
use std::path::Path;

/// Most bytes of a file of missing qubits or couplers.
const MAX_BYTES: u64 = 1 << 28;

/// Qubits: `3,17,42`, or a file of numbers with commas or white space between them.
pub(super) fn qubits(list: &str) -> Result<Vec<usize>, Failure> {
    if is_list(list, ",") {
        return list.split(',').map(|word| number("--missing", word)).collect();
    }
    let mut all = Vec::new();
    in_file("--missing", list, |place, words| {
        for word in words {
            all.push(number(place, word)?);
        }
        Ok(())
    })?;
    Ok(all)
}

/// Couplers: `3-17,4-18`, or a file with two numbers on each line.
pub(super) fn couplers(list: &str) -> Result<Vec<(usize, usize)>, Failure> {
    const FLAG: &str = "--missing-couplers";
    let pair = |place: &str, words: &[&str]| match *words {
        [a, b] => Ok((number(place, a)?, number(place, b)?)),
        _ => Err(Failure::Usage(format!("{place}: '{}' is not a pair of qubits", words.join(" ")))),
    };
    if is_list(list, ",-") {
        return list.split(',').map(|p| pair(FLAG, &p.split('-').collect::<Vec<_>>())).collect();
    }
    let mut all = Vec::new();
    in_file(FLAG, list, |place, words| {
        all.push(pair(place, words)?);
        Ok(())
    })?;
    Ok(all)
}

/// Whether a value is made of numbers; else it names a file.
fn is_list(value: &str, separators: &str) -> bool {
    value.chars().all(|c| c.is_ascii_digit() || separators.contains(c))
}

fn number(place: &str, word: &str) -> Result<usize, Failure> {
    word.parse().map_err(|_| Failure::Usage(format!("{place}: '{word}' is not the number of a qubit")))
}

/// Calls `line` with the place and the words of each line that has some; `#` begins a comment.
fn in_file(
    flag: &str,
    path: &str,
    mut line: impl FnMut(&str, &[&str]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let named = |failure| match failure {
        Failure::File(e) | Failure::Usage(e) => Failure::File(format!("{flag} {e}")),
        other => other,
    };
    let input = Input::read(Path::new(path), MAX_BYTES).map_err(named)?;
    for (k, text) in input.text().map_err(named)?.lines().enumerate() {
        let text = text.split('#').next().unwrap_or_default();
        let words: Vec<&str> =
            text.split(|c: char| c == ',' || c.is_whitespace()).filter(|w| !w.is_empty()).collect();
        if !words.is_empty() {
            line(&format!("{path}: line {}", k + 1), &words).map_err(named)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused<T: std::fmt::Debug>(result: Result<T, Failure>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn lists_and_files_are_read() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("missing");
        let path = file.display().to_string();
        std::fs::write(&file, "3, 17 # two\n\n# none\n42\n").unwrap();
        assert_eq!(qubits("3,17,42").unwrap(), [3, 17, 42]);
        assert_eq!(qubits(&path).unwrap(), [3, 17, 42]);
        std::fs::write(&file, "3 17\n18,4 # the other way\n").unwrap();
        assert_eq!(couplers("3-17,18-4").unwrap(), [(3, 17), (18, 4)]);
        assert_eq!(couplers(&path).unwrap(), [(3, 17), (18, 4)]);
    }

    #[test]
    fn what_is_no_number_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("missing");
        let path = file.display().to_string();
        assert_eq!(refused(qubits("3,,4")), "--missing: '' is not the number of a qubit");
        assert!(refused(qubits("99999999999999999999")).contains("'99999999999999999999'"));
        assert!(refused(couplers("3")).contains("'3' is not a pair"));
        assert!(refused(couplers("3-4-5")).contains("'3 4 5' is not a pair"));
        assert!(refused(couplers("3-")).contains("'' is not the number"));
        assert!(refused(qubits(&path)).starts_with("--missing ") && refused(qubits(&path)).contains(&path));
        std::fs::write(&file, "3\n-4\n").unwrap();
        assert!(refused(qubits(&path)).contains("line 2: '-4' is not the number of a qubit"));
        assert!(refused(couplers(&path)).contains("line 1: '3' is not a pair"));
        std::fs::write(&file, b"1 2\n\xff\n").unwrap();
        assert!(matches!(couplers(&path), Err(Failure::File(e)) if e.contains("line 2: is not UTF-8")));
    }
}
