//! Configuration files. A key is the name of a flag, so a file is turned into a command line and everything that is
//! allowed is said once, in `crate::args`. Errors name the file, the line and the nearest key.

use crate::{args::Cli, error::Failure};
use clap::CommandFactory;
use std::{fs, path::Path};
use toml::de::{DeTable, DeValue};

/// Largest configuration file that is read.
const MAX_BYTES: u64 = 1 << 20;

/// The command line that a configuration file stands for, without the program's name.
pub(crate) fn read(path: &Path) -> Result<Vec<String>, Failure> {
    let size = fs::metadata(path).map_err(|e| Failure::io(path, &e))?.len();
    if size > MAX_BYTES {
        return Err(Failure::File(format!(
            "{}: {size} bytes, a configuration has at most {MAX_BYTES}",
            path.display()
        )));
    }
    let bytes = fs::read(path).map_err(|e| Failure::io(path, &e))?;
    let text = String::from_utf8(bytes).map_err(|e| {
        Failure::File(format!("{}: byte {}: not UTF-8 text", path.display(), e.utf8_error().valid_up_to()))
    })?;
    parse(&text).map_err(|e| Failure::Usage(format!("{}: {e}", path.display())))
}

/// [`read`] for a text.
pub(crate) fn parse(text: &str) -> Result<Vec<String>, String> {
    let line_of =
        |at: usize| 1 + text.as_bytes()[..at.min(text.len())].iter().filter(|b| **b == b'\n').count();
    let table = DeTable::parse(text).map_err(|e| {
        let line = e.span().map_or(1, |s| line_of(s.start));
        format!("line {line}: {}", e.message())
    })?;
    let table = table.get_ref();
    let command_value = table
        .get("command")
        .ok_or("the key 'command' is missing: it names what to run, such as command = \"ising\"")?;
    let DeValue::String(command) = command_value.get_ref() else {
        return Err(format!("line {}: command must be a text", line_of(command_value.span().start)));
    };
    let words: Vec<String> = command.split_whitespace().map(str::to_string).collect();
    let mut cli = Cli::command();
    let mut node = &mut cli;
    for word in &words {
        let names: Vec<String> = node.get_subcommands().map(|c| c.get_name().to_string()).collect();
        if !names.contains(word) {
            let line = line_of(command_value.span().start);
            return Err(format!("line {line}: unknown command '{word}'{}", nearest(word, &names)));
        }
        node = node.find_subcommand_mut(word).ok_or_else(|| format!("unknown command '{word}'"))?;
    }
    if words.is_empty() || words[0] == "run" || node.has_subcommands() {
        return Err(format!(
            "line {}: '{command}' is not a command that runs",
            line_of(command_value.span().start)
        ));
    }
    let flags: Vec<String> = node.get_arguments().filter_map(|a| a.get_long()).map(str::to_string).collect();
    let takes_value = |key: &str| {
        node.get_arguments()
            .find(|a| a.get_long() == Some(key))
            .is_some_and(|a| a.get_action().takes_values())
    };
    let mut line = words;
    for (key, value) in table.iter() {
        let name = key.get_ref().as_ref();
        if name == "command" {
            continue;
        }
        let at = line_of(key.span().start);
        if !flags.iter().any(|f| f == name) {
            return Err(format!("line {at}: unknown key '{name}'{}", nearest(name, &flags)));
        }
        if takes_value(name) {
            let text = scalar(value.get_ref()).map_err(|e| format!("line {at}: {name}: {e}"))?;
            line.push(format!("--{name}={text}"));
        } else {
            match value.get_ref() {
                DeValue::Boolean(true) => line.push(format!("--{name}")),
                DeValue::Boolean(false) => {}
                _ => return Err(format!("line {at}: {name} must be true or false")),
            }
        }
    }
    // Values are judged here already, so that the message can say where they stand.
    let argv: Vec<String> = std::iter::once("smml".to_string()).chain(line.iter().cloned()).collect();
    if let Err(e) = Cli::command().try_get_matches_from(&argv) {
        let message = e.to_string();
        // Up to the usage lines, which speak of a command line that nobody typed.
        let body: Vec<&str> = message
            .lines()
            .take_while(|l| !l.starts_with("Usage:"))
            .map(str::trim)
            .filter(|l| !l.is_empty())
            .collect();
        let first = body.join(" ").trim_start_matches("error: ").to_string();
        let place = table
            .iter()
            .find(|(key, _)| {
                first.contains(&format!("--{} ", key.get_ref()))
                    || first.contains(&format!("--{}'", key.get_ref()))
            })
            .map_or(String::new(), |(key, _)| format!("line {}: ", line_of(key.span().start)));
        return Err(format!("{place}{first}"));
    }
    Ok(line)
}

/// A value as it would stand on the command line; arrays become lists with commas.
fn scalar(value: &DeValue<'_>) -> Result<String, String> {
    Ok(match value {
        // No command line can hold it, nor the name of a file.
        DeValue::String(s) if s.contains('\0') => return Err("must not contain the character NUL".into()),
        DeValue::String(s) => s.to_string(),
        DeValue::Integer(i) => match i.radix() {
            10 => i.to_string(),
            radix => i128::from_str_radix(i.as_str(), radix).map_err(|e| format!("{i}: {e}"))?.to_string(),
        },
        DeValue::Float(f) => f.to_string(),
        DeValue::Boolean(b) => b.to_string(),
        DeValue::Array(items) => {
            let parts: Result<Vec<String>, String> = items.iter().map(|v| scalar(v.get_ref())).collect();
            parts?.join(",")
        }
        DeValue::Datetime(_) | DeValue::Table(_) => return Err("must be a text, a number or a list".into()),
    })
}

/// "; did you mean 'x'?", when something is near.
pub(crate) fn nearest(word: &str, names: &[String]) -> String {
    names
        .iter()
        .map(|n| (strsim::jaro_winkler(word, n), n))
        .filter(|(score, _)| *score > 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map_or(String::new(), |(_, n)| format!("; did you mean '{n}'?"))
}

/// The configuration file of a command: the command and its resolved arguments.
pub(crate) fn to_toml(command: &str, arguments: &impl serde::Serialize) -> Result<String, Failure> {
    let body =
        toml::to_string(arguments).map_err(|e| Failure::Usage(format!("configuration as TOML: {e}")))?;
    Ok(format!("command = \"{command}\"\n{body}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_flags() {
        let line =
            parse("command = 'ising'\nsize = 8\ntemperature = [2.0, 2.5]\nquiet = true\njson = false\n")
                .unwrap();
        assert_eq!(line[0], "ising");
        for want in ["--size=8", "--temperature=2.0,2.5", "--quiet"] {
            assert!(line.iter().any(|l| l == want), "{line:?}");
        }
        assert!(!line.iter().any(|l| l == "--json"));
    }

    #[test]
    fn errors_name_line_and_nearest_key() {
        let message = |text: &str| parse(text).unwrap_err();
        assert_eq!(
            message("command = 'ising'\n\ntemprature = 2.0"),
            "line 3: unknown key 'temprature'; did you mean 'temperature'?"
        );
        assert!(
            message("command = 'isnig'").contains("line 1: unknown command 'isnig'; did you mean 'ising'?")
        );
        assert!(
            message("command = 'ising'\ntemperature = 2\nsize = 'big'")
                .starts_with("line 3: invalid value 'big'")
        );
        assert!(message("size = 8").contains("'command' is missing"));
        assert!(message("command = 'run'").contains("not a command that runs"));
        assert!(message("command = 'ising'\nquiet = 3").contains("line 2: quiet must be true or false"));
        assert!(message("command = 'ising'\nsize = {a = 1}").contains("line 2: size: must be"));
        assert!(message("command = [").starts_with("line 1: "));
        assert!(message("command = 'ising'\nsize = 8").contains("--temperature"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,200}", key in "[a-z-]{1,12}") {
            let _ = parse(&text);
            let _ = parse(&format!("command = 'ising'\n{key} = {text}"));
        }
    }
}
