//! `cargo xtask tidy`: the layers' arrows, what every source file must look like, and the links of the book.
//! What rustfmt and clippy already check is not repeated here.

use crate::links;
use anyhow::{Result, bail};
use cargo_metadata::{DependencyKind, MetadataCommand};
use std::path::{Path, PathBuf};

/// The longest source file, in lines; longer ones need a reason in [`LONG_FILES`].
const MAX_LINES: usize = 600;

/// Longer files, and why.
const LONG_FILES: [(&str, &str); 1] = [("crates/smml/src/catalogue/table.rs", "generated")];

/// The crates and what each may depend on. Nothing else: physics never sees learn, no library sees the program.
const ARROWS: [(&str, &[&str]); 6] = [
    ("smml-core", &[]),
    ("smml-physics", &["smml-core"]),
    ("smml-learn", &["smml-core", "smml-physics"]),
    ("smml-rl", &["smml-core"]),
    ("smml-hw", &["smml-core", "smml-physics", "smml-learn"]),
    ("smml", &["smml-core", "smml-physics", "smml-learn", "smml-rl", "smml-hw"]),
];

/// Dependencies that only the program may have: command line, progress, plots, pictures, signals.
const PROGRAM_ONLY: [&str; 8] =
    ["clap", "clap_complete", "indicatif", "plotters", "png", "ctrlc", "strsim", "comfy-table"];

/// What stands at the top level, apart from what `.gitignore` names.
const TOP_LEVEL: [&str; 18] = [
    ".cargo",
    ".ci",
    ".git",
    ".gitignore",
    "CHANGELOG.md",
    "CITATION.cff",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "benches",
    "clippy.toml",
    "crates",
    "deny.toml",
    "docs",
    "rustfmt.toml",
    "xtask",
];

/// `cargo xtask tidy`.
pub(crate) fn run(root: &Path) -> Result<()> {
    let mut problems = top_level(root)?;
    problems.extend(arrows(root)?);
    let files = files(root)?;
    for path in files.iter().filter(|p| is_text(p)) {
        match std::fs::read_to_string(root.join(path)) {
            Ok(text) => problems.extend(file_problems(path, &text)),
            Err(error) => problems.push(format!("{}: {error}", path.display())),
        }
    }
    problems.extend(links::problems(root, &files)?);
    if problems.is_empty() {
        println!("{} files are tidy", files.len());
        return Ok(());
    }
    bail!("{} problems\n{}", problems.len(), problems.join("\n"));
}

/// All files of the project below `root`, relative to it, sorted; build outputs and what `.gitignore` names at the top
/// level are left out.
pub(crate) fn files(root: &Path) -> Result<Vec<PathBuf>> {
    fn walk(root: &Path, folder: &Path, skip: &[String], out: &mut Vec<PathBuf>) -> Result<()> {
        for entry in std::fs::read_dir(root.join(folder))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = folder.join(&name);
            if ["target", ".git", "artifacts", "__pycache__"].contains(&name.as_str())
                || skip.iter().any(|s| Path::new(s) == path)
            {
                continue;
            }
            if entry.file_type()?.is_dir() {
                walk(root, &path, skip, out)?;
            } else if !name.ends_with(".pending-snap") {
                out.push(path);
            }
        }
        Ok(())
    }
    let mut out = Vec::new();
    walk(root, Path::new(""), &ignored(root), &mut out)?;
    out.sort();
    Ok(out)
}

/// Paths that `.gitignore` anchors at the root.
fn ignored(root: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(root.join(".gitignore")).unwrap_or_default();
    text.lines()
        .filter_map(|l| l.trim().strip_prefix('/'))
        .map(|l| l.trim_end_matches('/').to_owned())
        .collect()
}

fn top_level(root: &Path) -> Result<Vec<String>> {
    let ignored = ignored(root);
    let mut problems = Vec::new();
    for name in TOP_LEVEL.iter().filter(|n| **n != ".git") {
        if !root.join(name).exists() {
            problems.push(format!("{name}: missing"));
        }
    }
    for entry in std::fs::read_dir(root)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !TOP_LEVEL.contains(&name.as_str()) && !ignored.contains(&name) {
            problems.push(format!("{name}: does not belong at the top level"));
        }
    }
    Ok(problems)
}

fn arrows(root: &Path) -> Result<Vec<String>> {
    let metadata = MetadataCommand::new().current_dir(root).no_deps().exec()?;
    let mut problems = Vec::new();
    for package in metadata.workspace_packages() {
        let dependencies: Vec<(&str, bool)> = package
            .dependencies
            .iter()
            .map(|d| (d.name.as_str(), d.kind == DependencyKind::Development))
            .collect();
        problems.extend(arrow_problems(&package.name, &dependencies));
        let manifest = std::fs::read_to_string(&package.manifest_path)?;
        if !manifest.contains("[lints]\nworkspace = true") {
            problems.push(format!("{}: the manifest does not take the workspace's lints", package.name));
        }
    }
    Ok(problems)
}

/// `dependencies`: name, and whether it is for development only.
fn arrow_problems(package: &str, dependencies: &[(&str, bool)]) -> Vec<String> {
    let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == package) else {
        if package.starts_with("smml-") && package != "smml-benches" {
            return vec![format!(
                "{package}: a crate without a place in the layers (xtask/src/tidy.rs, ARROWS)"
            )];
        }
        return Vec::new();
    };
    let mut problems = Vec::new();
    for &(name, development) in dependencies {
        let ours = name == "smml" || name.starts_with("smml-") || name == "xtask";
        if ours && !allowed.contains(&name) && !(development && name == package) {
            problems.push(format!("{package} must not depend on {name}"));
        }
        if package != "smml" && !development && PROGRAM_ONLY.contains(&name) {
            problems.push(format!("{package} must not depend on {name}: that is for the program alone"));
        }
    }
    problems
}

fn is_text(path: &Path) -> bool {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    ["rs", "toml", "md", "py", "cff", "css", "sh", "txt"].contains(&extension) || path.ends_with(".ci/run")
}

/// Words that say a thing is unfinished or left over. Split, so that this file passes its own test.
const UNFINISHED: [&str; 7] = [
    concat!("to", "do!("),
    concat!("unimple", "mented!("),
    concat!("FIX", "ME"),
    concat!("TO", "DO"),
    concat!("XX", "X:"),
    concat!("#[ig", "nore"),
    concat!("db", "g!("),
];

/// Paths that exist on one machine only.
const MACHINE_PATHS: [&str; 5] = [
    concat!("/ho", "me/"),
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/Us", "ers/"),
    concat!("C:\\Us", "ers"),
];

fn file_problems(path: &Path, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let name = path.display();
    let is_rust = path.extension().is_some_and(|e| e == "rs");
    let is_code = is_rust || path.extension().is_some_and(|e| e == "py");
    let is_test = path.components().any(|c| c.as_os_str() == "tests") || path.ends_with("tests.rs");
    if is_rust && !is_test && !text.starts_with("//!") {
        problems.push(format!("{name}: must start with //! lines that say what lives here"));
    }
    let n_lines = text.lines().count();
    if is_rust && n_lines > MAX_LINES && !LONG_FILES.iter().any(|(long, _)| Path::new(long) == path) {
        problems.push(format!(
            "{name}: {n_lines} lines; more than {MAX_LINES} need a reason (LONG_FILES in tidy.rs)"
        ));
    }
    if !text.is_empty() && !text.ends_with('\n') {
        problems.push(format!("{name}: no newline at the end"));
    }
    for (i, line) in text.lines().enumerate() {
        let mut report = |what: String| problems.push(format!("{name}:{}: {what}", i + 1));
        if line.ends_with(char::is_whitespace) {
            report("trailing whitespace".into());
        }
        if line.contains('\t') {
            report("a tab".into());
        }
        if is_code {
            for word in UNFINISHED.iter().filter(|w| line.contains(**w)) {
                report(format!("{word} left"));
            }
        }
        for place in MACHINE_PATHS.iter().filter(|p| line.contains(**p)) {
            report(format!("a path of one machine: {place}"));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layers_hold() {
        let problems = arrows(&crate::root()).unwrap();
        assert!(problems.is_empty(), "{}", problems.join("\n"));
    }

    #[test]
    fn wrong_arrows_are_found() {
        let one = |package, name, development| arrow_problems(package, &[(name, development)]).len();
        assert_eq!(one("smml-core", "smml-physics", false), 1);
        assert_eq!(one("smml-core", "smml-physics", true), 1);
        assert_eq!(one("smml-core", "smml-core", true), 0);
        assert_eq!(one("smml-physics", "smml-core", false), 0);
        assert_eq!(one("smml-physics", "smml-learn", false), 1);
        assert_eq!(one("smml-rl", "smml-physics", false), 1);
        assert_eq!(one("smml-learn", "clap", false), 1);
        assert_eq!(one("smml", "clap", false), 0);
        assert_eq!(one("smml-new", "serde", false), 1);
    }

    #[test]
    fn each_fault_of_a_file_is_found() {
        let faults = |path: &str, text: &str| file_problems(Path::new(path), text).len();
        let head = "//! Head.\n";
        assert_eq!(faults("crates/a/src/x.rs", head), 0);
        assert_eq!(faults("crates/a/src/x.rs", "fn f() {}\n"), 1);
        assert_eq!(faults("crates/a/tests/x.rs", "fn f() {}\n"), 0);
        assert_eq!(faults("crates/a/src/x.rs", &format!("{head}{}", "\n".repeat(600))), 1);
        assert_eq!(faults("crates/smml/src/catalogue/table.rs", &format!("{head}{}", "\n".repeat(600))), 0);
        assert_eq!(faults("a.md", "text \n"), 1);
        assert_eq!(faults("a.md", "\ttext\n"), 1);
        assert_eq!(faults("a.md", "text"), 1);
        for word in UNFINISHED {
            assert_eq!(faults("crates/a/src/x.rs", &format!("{head}{word}\n")), 1, "{word}");
        }
        for place in MACHINE_PATHS {
            assert_eq!(faults("a.md", &format!("see {place}me\n")), 1, "{place}");
        }
    }
}
