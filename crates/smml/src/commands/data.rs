//! `smml data`: what data sets there are, where they come from, and whether the files of a folder are the published ones.

use crate::{args::DataArgs, error::Failure, output};
use serde::Serialize;
use smml_learn::data::Known;
use std::path::{Path, PathBuf};

#[derive(Serialize)]
struct Set {
    name: &'static str,
    source: &'static str,
    files: Vec<File>,
}

#[derive(Serialize)]
struct File {
    name: &'static str,
    /// None where it is not published file by file.
    sha256: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<Verdict>,
}

/// What became of a file that was looked for.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Verdict {
    /// The published content.
    Official,
    /// Content of the right form with this SHA-256; none is published to compare it with.
    Unlisted { sha256: String },
    /// Content with this SHA-256, and what it is, where that is known.
    Unknown { sha256: String, is: Option<String> },
    /// Other files of the set are there.
    Missing,
    /// Not a file in this format, and why.
    Unreadable(String),
}

/// Runs the command.
pub(crate) fn run(args: &DataArgs) -> Result<(), Failure> {
    if let Some(folder) = args.folder.as_ref().filter(|f| !f.is_dir()) {
        return Err(Failure::File(format!("{}: no such folder", folder.display())));
    }
    let mut sets = Vec::new();
    for set in Known::ALL {
        let found = args.folder.as_ref().and_then(|folder| find(set, folder));
        let files = set.files().into_iter().enumerate().map(|(k, file)| {
            let found = found.as_ref().map(|f| f[k].clone());
            let verdict = found.as_ref().map(|path| match path {
                Some(path) => verdict(set, path, file.sha256),
                None => Verdict::Missing,
            });
            File { name: file.name, sha256: file.sha256, found: found.flatten(), verdict }
        });
        sets.push(Set { name: set.name(), source: set.source(), files: files.collect() });
    }
    output::print(&if args.json { output::json(&sets)? } else { text(&sets) })?;
    let Some(folder) = &args.folder else { return Ok(()) };
    let files = || sets.iter().flat_map(|s| s.files.iter().map(move |f| (s, f)));
    let names = |which: &dyn Fn(&Verdict) -> bool| -> Vec<String> {
        files()
            .filter(|(_, f)| f.verdict.as_ref().is_some_and(which))
            .map(|(s, f)| {
                f.found.as_ref().map_or(format!("{}/{}", s.name, f.name), |p| p.display().to_string())
            })
            .collect()
    };
    if files().all(|(_, f)| f.verdict.is_none()) {
        return Err(Failure::File(format!("{}: no data set found here", folder.display())));
    }
    let bad = names(&|v| matches!(v, Verdict::Missing | Verdict::Unreadable(_)));
    if !bad.is_empty() {
        return Err(Failure::File(format!("missing or not readable: {}", bad.join(", "))));
    }
    let other = names(&|v| matches!(v, Verdict::Unknown { .. }));
    if other.is_empty() {
        Ok(())
    } else {
        Err(Failure::Check(format!("not the published content: {}", other.join(", "))))
    }
}

fn verdict(set: Known, path: &Path, published: Option<&str>) -> Verdict {
    match (set.sha256(path), published) {
        (Ok(sha256), None) => Verdict::Unlisted { sha256 },
        (Ok(sha256), Some(published)) if sha256 == published => Verdict::Official,
        (Ok(sha256), Some(_)) => Verdict::Unknown {
            is: Known::by_hash(&sha256).map(|(set, file)| format!("{} of {}", file.name, set.name())),
            sha256,
        },
        (Err(e), _) => Verdict::Unreadable(e.to_string()),
    }
}

/// The files of a set, when the folder has it at all: in a folder of its name, or because the folder is the set's own.
fn find(set: Known, folder: &Path) -> Option<Vec<Option<PathBuf>>> {
    let (_, found) = set.find(folder);
    let is_of = |k: &Known| {
        let own = |name: &&str| folder.join(name).is_dir() || folder.file_name().is_some_and(|n| n == *name);
        k.folders().iter().any(own)
    };
    if is_of(&set) {
        return Some(found);
    }
    // A folder of another name: where other sets have files of the same names, ask the content of the first.
    let first = found.iter().flatten().next().filter(|_| !Known::ALL.iter().any(is_of))?;
    let names = |k: Known| k.files().into_iter().map(|f| f.name).collect::<Vec<_>>();
    if !Known::ALL.into_iter().any(|k| k != set && names(k) == names(set)) {
        return Some(found);
    }
    let other = set
        .sha256(first)
        .ok()
        .and_then(|sha256| Known::by_hash(&sha256))
        .map_or(set != Known::Mnist, |(k, _)| k != set);
    (!other).then_some(found)
}

fn text(sets: &[Set]) -> String {
    let mut text = String::new();
    for set in sets {
        text += &format!("{}\n  published at {}\n", set.name, set.source);
        for file in &set.files {
            text += &file.sha256.map_or(String::new(), |sha256| format!("  {sha256}"));
            text += &format!("  {}", file.name);
            let at = file.found.as_ref().map_or(String::new(), |p| format!("  {}", p.display()));
            text += &match &file.verdict {
                None => String::new(),
                Some(Verdict::Official) => format!("  ok{at}"),
                Some(Verdict::Unlisted { sha256 }) => format!("  readable (SHA-256 {sha256}){at}"),
                Some(Verdict::Unknown { is: Some(is), .. }) => format!("  DIFFERS (this is {is}){at}"),
                Some(Verdict::Unknown { sha256, is: None }) => format!("  DIFFERS (SHA-256 {sha256}){at}"),
                Some(Verdict::Missing) => "  MISSING".into(),
                Some(Verdict::Unreadable(why)) => format!("  NOT READABLE: {why}"),
            };
            text.push('\n');
        }
    }
    text += "SHA-256 is that of the uncompressed content. bars-and-stripes is built in and needs no files.\n";
    text
}
