//! `smml data`: what data sets there are, where they come from, and whether the files of a folder are the published ones.

use crate::{args::DataArgs, error::Failure, output};
use serde::Serialize;
use smml_learn::data::{Known, Verdict, idx};
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
    sha256: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<PathBuf>,
    /// What was found: the hash of the content, and whether it is the published one.
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<Verdict>,
}

/// Runs the command.
pub(crate) fn run(args: &DataArgs) -> Result<(), Failure> {
    let mut any = false;
    let mut bad = Vec::new();
    let mut sets = Vec::new();
    for set in Known::ALL {
        let located = match &args.folder {
            Some(folder) if !folder.is_dir() => {
                return Err(Failure::File(format!("{}: no such folder", folder.display())));
            }
            Some(folder) => locate(set, folder)?,
            None => None,
        };
        any |= located.is_some();
        let mut files = Vec::new();
        for (k, file) in set.files().into_iter().enumerate() {
            let found = located.as_ref().map(|paths| paths[k].clone());
            let verdict = match &found {
                Some(path) => {
                    let sha256 = idx::read(path)?.sha256;
                    Some(if sha256 == file.sha256 { Verdict::Official } else { Verdict::Unknown(sha256) })
                }
                None => None,
            };
            if let (Some(path), Some(Verdict::Unknown(_))) = (&found, &verdict) {
                bad.push(path.display().to_string());
            }
            files.push(File { name: file.name, sha256: file.sha256, found, verdict });
        }
        sets.push(Set { name: set.name(), source: set.source(), files });
    }
    output::print(&if args.json { output::json(&sets)? } else { text(&sets) })?;
    if let Some(folder) = args.folder.as_ref().filter(|_| !any) {
        return Err(Failure::File(format!("{}: no data set found here", folder.display())));
    }
    if bad.is_empty() {
        Ok(())
    } else {
        Err(Failure::Check(format!("not the published content: {}", bad.join(", "))))
    }
}

/// The files of a set, when the folder has it at all: in a folder of its name, or because the folder is the set's own.
fn locate(set: Known, folder: &Path) -> Result<Option<[PathBuf; 4]>, Failure> {
    let own = folder.join(set.name());
    let is_own = folder.file_name().is_some_and(|n| n == set.name());
    let alone = !Known::ALL
        .iter()
        .any(|k| folder.join(k.name()).is_dir() || folder.file_name().is_some_and(|n| n == k.name()));
    if own.is_dir() || is_own {
        return Ok(Some(set.locate(folder)?));
    }
    // A folder of another name: both sets have files of the same names, so ask the content.
    if alone && let Ok(paths) = set.locate(folder) {
        let sha256 = idx::read(&paths[0])?.sha256;
        let other = Known::by_hash(&sha256).is_some_and(|(k, _)| k != set);
        return Ok((!other).then_some(paths));
    }
    Ok(None)
}

fn text(sets: &[Set]) -> String {
    let mut text = String::new();
    for set in sets {
        text += &format!("{}\n  published at {}\n", set.name, set.source);
        for file in &set.files {
            text += &format!("  {}  {}", file.sha256, file.name);
            text += &match (&file.found, &file.verdict) {
                (Some(path), Some(Verdict::Official)) => format!("  ok  {}", path.display()),
                (Some(path), Some(Verdict::Unknown(hash))) => {
                    format!("  DIFFERS ({hash})  {}", path.display())
                }
                _ => String::new(),
            };
            text.push('\n');
        }
    }
    text += "SHA-256 is that of the uncompressed content. bars-and-stripes is built in and needs no files.\n";
    text
}
