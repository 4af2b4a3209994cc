//! Configuration files. A key is the name of a flag (or of a positional argument, such as `what`), so a file is turned
//! into a command line and everything that is allowed is said once, in `crate::args`. Errors name the file, the line and
//! the nearest key.

use crate::{args::Cli, error::Failure};
use clap::{Arg, Command, CommandFactory};
use std::{collections::BTreeMap, fs, path::Path};
use toml::{
    Table,
    de::{DeTable, DeValue},
};

/// Keys that say where files lie. Two runs that differ only there are the same run: what files hold is compared by its
/// SHA-256.
pub(crate) const PLACES: [&str; 4] = ["data", "file", "model", "truth"];
/// Keys that say how long a run goes on. A run can be resumed with others.
pub(crate) const LENGTHS: [&str; 5] = ["burn-in", "runs", "samples", "sweeps", "time"];

/// Largest configuration file that is read.
const MAX_BYTES: u64 = 1 << 20;

/// A command with its arguments, as read from a file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Line {
    /// The command: one word or two.
    words: Vec<String>,
    /// Keys of flags, and the flags.
    flags: Vec<(String, String)>,
    /// What stands without a flag.
    positionals: Vec<String>,
}

impl Line {
    /// The command line without the program's name. Flags that are given here as well override those of the file:
    /// these, and those that cannot stand beside them (`--beta` and `--temperature`), are left out.
    pub(crate) fn arguments(&self, overrides: &[String]) -> Vec<String> {
        let mut cli = Cli::command();
        // Global arguments and conflicts are complete only in a built command.
        cli.build();
        let node = self.words.iter().try_fold(&cli, |node, word| node.find_subcommand(word));
        let given: Vec<&Arg> =
            node.map_or(Vec::new(), |node| overrides.iter().filter_map(|o| named_by(node, o)).collect());
        let excluded = |key: &str| {
            given.iter().any(|a| {
                a.get_long() == Some(key)
                    || node.is_some_and(|node| {
                        node.get_arg_conflicts_with(a).iter().any(|c| c.get_long() == Some(key))
                            || node.get_arguments().filter(|b| b.get_long() == Some(key)).any(|b| {
                                node.get_arg_conflicts_with(b).iter().any(|c| c.get_id() == a.get_id())
                            })
                    })
            })
        };
        let mut line = self.words.clone();
        line.extend(self.flags.iter().filter(|(key, _)| !excluded(key)).map(|(_, flag)| flag.clone()));
        line.extend(overrides.iter().cloned());
        line.extend(self.positionals.iter().cloned());
        line
    }
}

/// The argument that a word of a command line names: `--beta`, `--beta=1`, `-T`, `-T2`.
fn named_by<'a>(command: &'a Command, word: &str) -> Option<&'a Arg> {
    if let Some(long) = word.strip_prefix("--") {
        let name = long.split('=').next()?;
        return command.get_arguments().find(|a| a.get_long() == Some(name));
    }
    let short = word.strip_prefix('-')?.chars().next()?;
    command.get_arguments().find(|a| a.get_short() == Some(short))
}

/// What a configuration file asks for.
pub(crate) fn read(path: &Path) -> Result<Line, Failure> {
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
pub(crate) fn parse(text: &str) -> Result<Line, String> {
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
    let named = |a: &Arg| {
        a.get_long().map(str::to_string).or_else(|| a.is_positional().then(|| a.get_id().to_string()))
    };
    let keys: Vec<String> = node.get_arguments().filter_map(named).collect();
    let mut line = Line { words, flags: Vec::new(), positionals: Vec::new() };
    // In the order of the command line, not in that of the file.
    let mut positionals: Vec<(usize, String)> = Vec::new();
    for (key, value) in table.iter() {
        let name = key.get_ref().as_ref();
        if name == "command" {
            continue;
        }
        let at = line_of(key.span().start);
        let Some(argument) = node.get_arguments().find(|a| named(a).as_deref() == Some(name)) else {
            return Err(format!("line {at}: unknown key '{name}'{}", nearest(name, &keys)));
        };
        let bad = |e: String| format!("line {at}: {name}: {e}");
        if argument.is_positional() {
            let items = match value.get_ref() {
                DeValue::Array(items) => items.iter().map(|v| scalar(v.get_ref())).collect(),
                one => scalar(one).map(|t| vec![t]),
            };
            for item in items.map_err(bad)? {
                if item.starts_with('-') {
                    return Err(bad(format!("'{item}' must not start with '-'")));
                }
                let place = keys.iter().position(|key| key == name).unwrap_or(usize::MAX);
                positionals.push((place, item));
            }
        } else if argument.get_action().takes_values() {
            let text = scalar(value.get_ref()).map_err(bad)?;
            line.flags.push((name.to_string(), format!("--{name}={text}")));
        } else {
            match value.get_ref() {
                DeValue::Boolean(true) => line.flags.push((name.to_string(), format!("--{name}"))),
                DeValue::Boolean(false) => {}
                _ => return Err(format!("line {at}: {name} must be true or false")),
            }
        }
    }
    positionals.sort_by_key(|(index, _)| *index);
    line.positionals = positionals.into_iter().map(|(_, item)| item).collect();
    // Values are judged here already, so that the message can say where they stand.
    let argv: Vec<String> = std::iter::once("smml".to_string()).chain(line.arguments(&[])).collect();
    if let Err(e) = Cli::command().try_get_matches_from(&argv) {
        let message = e.to_string();
        // Up to the usage lines, which speak of a command line that nobody typed.
        let body: Vec<&str> = message
            .lines()
            .take_while(|l| !l.starts_with("Usage:") && !l.starts_with("For more information"))
            .map(str::trim)
            .filter(|l| !l.is_empty())
            .collect();
        let first = body.join(" ").trim_start_matches("error: ").to_string();
        let named = |key: &str| [' ', '\''].into_iter().find_map(|end| first.find(&format!("'--{key}{end}")));
        let found = table.iter().find_map(|(key, _)| named(key.get_ref()).map(|at| (key, at)));
        let Some((key, at)) = found else { return Err(first) };
        // The file has a key where the message speaks of a flag: 'size' for '--size <L>'.
        let rest = first[at + 1..].find('\'').map_or("", |end| &first[at + end + 2..]);
        let message = format!("{}'{}'{rest}", &first[..at], key.get_ref());
        return Err(format!("line {}: {message}", line_of(key.span().start)));
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
    large_numbers_as_text(&format!("command = \"{command}\"\n{body}"))
}

/// Whole numbers that do not fit in an i64 in quotes: TOML has none that are larger.
fn large_numbers_as_text(text: &str) -> Result<String, Failure> {
    let table = DeTable::parse(text)
        .map_err(|e| Failure::Usage(format!("configuration as TOML: {}", e.message())))?;
    let mut places: Vec<std::ops::Range<usize>> = table
        .get_ref()
        .iter()
        .filter(|(_, v)| matches!(v.get_ref(), DeValue::Integer(i) if i.to_string().parse::<i64>().is_err()))
        .map(|(_, v)| v.span())
        .collect();
    places.sort_by_key(|p| std::cmp::Reverse(p.start));
    let mut text = text.to_string();
    for place in places {
        let quoted = format!("\"{}\"", &text[place.clone()]);
        text.replace_range(place, &quoted);
    }
    Ok(text)
}

/// The keys and values of a configuration, but for some keys. Errors: a text that is no TOML.
pub(crate) fn keys_but(text: &str, but: &[&str]) -> Result<Table, Failure> {
    let mut table: Table = text
        .parse()
        .map_err(|e: toml::de::Error| Failure::Usage(format!("no configuration: {}", e.message())))?;
    table.retain(|key, _| !but.contains(&key));
    Ok(table)
}

/// What decides the results of a run: all of its configuration but [`PLACES`] and [`LENGTHS`].
pub(crate) fn identity(config: &str) -> Result<String, Failure> {
    Ok(keys_but(config, &[&PLACES[..], &LENGTHS].concat())?.to_string())
}

/// A number for what decides the results of a run, for its checkpoints.
pub(crate) fn hash(config: &str) -> Result<u64, Failure> {
    Ok(smml_core::store::parameter_hash(&identity(config)?)?)
}

/// [`hash`] of a run that reads files: their content decides its results as well, wherever they lie.
pub(crate) fn hash_with(config: &str, inputs: &BTreeMap<String, String>) -> Result<u64, Failure> {
    let mut contents: Vec<&String> = inputs.values().collect();
    contents.sort();
    Ok(smml_core::store::parameter_hash(&(identity(config)?, contents))?)
}

/// The first key in which two configurations differ, for a message; none when they agree but for some keys.
pub(crate) fn difference(there: &str, here: &str, but: &[&str]) -> Result<Option<String>, Failure> {
    let (there, here) = (keys_but(there, but)?, keys_but(here, but)?);
    let key = there.keys().chain(here.keys()).find(|k| there.get(*k) != here.get(*k));
    Ok(key.map(|key| match (there.get(key), here.get(key)) {
        (Some(x), Some(y)) => format!("there: {key} = {x}, here: {key} = {y}"),
        (Some(x), None) => format!("only there: {key} = {x}"),
        (None, Some(y)) => format!("only here: {key} = {y}"),
        (None, None) => String::new(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_flags() {
        let line =
            parse("command = 'ising'\nsize = 8\ntemperature = [2.0, 2.5]\nquiet = true\njson = false\n")
                .unwrap()
                .arguments(&[]);
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

    #[test]
    fn positional_arguments_are_keys() {
        let line = parse("command = 'reproduce'\nwhat = ['core', '41']\nquick = true\n").unwrap();
        assert_eq!(line.arguments(&["--seed=2".into()]), ["reproduce", "--quick", "--seed=2", "core", "41"]);
        assert_eq!(parse("command = 'eq'\nnumber = 41\n").unwrap().arguments(&[]), ["eq", "41"]);
        let message = parse("command = 'reproduce'\nwhat = ['--force']").unwrap_err();
        assert!(message.contains("line 2: what: '--force' must not start"), "{message}");
        // The order of a file does not matter.
        let line = parse("command = 'instance'\nfile = 'a.coo'\nkind = 'tiles'\nsize = 6\n").unwrap();
        assert_eq!(line.arguments(&[]), ["instance", "--size=6", "tiles", "a.coo"]);
        assert!(parse("command = 'reproduce'\nwaht = 'core'").unwrap_err().contains("did you mean 'what'?"));
    }

    #[test]
    fn flags_override_keys_that_exclude_them() {
        let line = parse("command = 'ising'\ntemperature = 2\nseed = 1\n").unwrap();
        let with =
            |flags: &[&str]| line.arguments(&flags.iter().map(|f| (*f).to_string()).collect::<Vec<_>>());
        assert_eq!(with(&["--beta=1"]), ["ising", "--seed=1", "--beta=1"]);
        assert_eq!(with(&["-T3"]), ["ising", "--seed=1", "-T3"]);
        assert_eq!(with(&["--seed", "2"]), ["ising", "--temperature=2", "--seed", "2"]);
        let line = parse("command = 'reproduce'\nquick = true\n").unwrap();
        assert_eq!(line.arguments(&["--full".into()]), ["reproduce", "--full"]);
        let line = parse("command = 'rbm sample'\nmodel = 'm'\nbeta = 1.0\n").unwrap();
        assert_eq!(
            line.arguments(&["--temperature=2".into()]),
            ["rbm", "sample", "--model=m", "--temperature=2"]
        );
    }

    #[test]
    fn configurations_are_compared_by_key() {
        let (a, b) = ("command = 'x'\nsweeps = 1\ndata = '/a'\n", "command = 'x'\nsweeps = 2\n");
        let found = |but: &[&str]| difference(a, b, but).unwrap();
        assert_eq!(found(&PLACES), Some("there: sweeps = 1, here: sweeps = 2".into()));
        assert_eq!(found(&["sweeps"]), Some("only there: data = \"/a\"".into()));
        assert_eq!(found(&["sweeps", "data"]), None);
        assert_eq!(hash(a).unwrap(), hash(b).unwrap());
        assert_ne!(hash(a).unwrap(), hash("command = 'y'").unwrap());
        // What cannot be read is no configuration without keys.
        assert!(difference("command = [", b, &[]).is_err() && hash("command = [").is_err());
    }

    #[test]
    fn the_content_of_inputs_decides_and_their_places_do_not() {
        let with = |path: &str, hash: &str| {
            hash_with("command = 'x'", &BTreeMap::from([(path.to_string(), hash.to_string())])).unwrap()
        };
        assert_eq!(with("/a", "1"), with("/b", "1"));
        assert_ne!(with("/a", "1"), with("/a", "2"));
    }

    #[test]
    fn numbers_beyond_i64_are_kept_as_text() {
        #[derive(serde::Serialize)]
        struct Run {
            seed: u64,
            thin: u64,
            name: &'static str,
        }
        let of = |seed| to_toml("ising", &Run { seed, thin: 3, name: "18446744073709551615" }).unwrap();
        let text = of(u64::MAX);
        assert!(text.contains("seed = \"18446744073709551615\"\nthin = 3\n"), "{text}");
        assert_eq!(keys_but(&text, &[]).unwrap().len(), 4);
        assert_ne!(hash(&text).unwrap(), hash(&of(u64::MAX - 1)).unwrap());
        assert!(of(i64::MAX as u64).contains("seed = 9223372036854775807\n"));
        let line = parse("command = 'ising'\nbeta = 1\nseed = '18446744073709551615'\n").unwrap();
        assert!(line.arguments(&[]).contains(&"--seed=18446744073709551615".to_string()));
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,200}", key in "[a-z-]{1,12}") {
            let _ = parse(&text);
            let _ = parse(&format!("command = 'ising'\n{key} = {text}"));
        }
    }
}
