//! Links of the Markdown files: the target must exist, the heading too, and the book's contents must name every page.

use anyhow::Result;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Component, Path, PathBuf},
};

/// Problems of all Markdown files among `files` (paths relative to `root`).
pub(crate) fn problems(root: &Path, files: &[PathBuf]) -> Result<Vec<String>> {
    let mut texts = BTreeMap::new();
    for path in files.iter().filter(|p| p.extension().is_some_and(|e| e == "md")) {
        texts.insert(path.clone(), std::fs::read_to_string(root.join(path))?);
    }
    let mut problems = Vec::new();
    let exists = |path: &Path| root.join(path).exists();
    for (path, text) in &texts {
        problems.extend(broken_links(path, text, &texts, &exists));
    }
    let summary = Path::new("docs/src/SUMMARY.md");
    match texts.get(summary) {
        None => problems.push(format!("{}: missing", summary.display())),
        Some(contents) => {
            let listed: BTreeSet<PathBuf> = links(contents).iter().map(|l| resolve(summary, l)).collect();
            for page in texts.keys().filter(|p| p.starts_with("docs/src") && p.as_path() != summary) {
                if !listed.contains(page) {
                    problems.push(format!("{}: not in SUMMARY.md", page.display()));
                }
            }
        }
    }
    Ok(problems)
}

fn broken_links(
    path: &Path,
    text: &str,
    texts: &BTreeMap<PathBuf, String>,
    exists: &impl Fn(&Path) -> bool,
) -> Vec<String> {
    let mut problems = Vec::new();
    for link in links(text) {
        if link.contains("://") || link.starts_with("mailto:") {
            continue;
        }
        let (file, heading) = link.split_once('#').unwrap_or((&link, ""));
        let target = if file.is_empty() { path.to_owned() } else { resolve(path, file) };
        if !exists(&target) {
            problems.push(format!("{}: link to {link}: no such file", path.display()));
            continue;
        }
        if let Some(page) = texts.get(&target)
            && !heading.is_empty()
            && !headings(page).contains(heading)
        {
            problems.push(format!("{}: link to {link}: no such heading", path.display()));
        }
    }
    problems
}

/// `link` as seen from the file `from`, with `..` taken out.
fn resolve(from: &Path, link: &str) -> PathBuf {
    let mut out = PathBuf::new();
    for part in from.parent().unwrap_or(Path::new("")).join(link).components() {
        match part {
            Component::ParentDir => {
                out.pop();
            }
            Component::CurDir => {}
            other => out.push(other),
        }
    }
    out
}

/// Lines outside fenced code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

/// Targets of `[text](target)` outside code.
fn links(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    for line in prose(text) {
        let line: String = line.split('`').step_by(2).collect::<Vec<_>>().join("``");
        let mut rest = line.as_str();
        while let Some(at) = rest.find("](") {
            rest = &rest[at + 2..];
            if let Some(end) = rest.find(')') {
                out.push(rest[..end].to_owned());
            }
        }
    }
    out
}

/// Anchors of a page: `{#id}` where given, else the words of the heading joined by hyphens.
fn headings(text: &str) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    for line in prose(text).filter(|l| l.starts_with('#')) {
        let title = line.trim_start_matches('#').trim();
        match title.split_once("{#") {
            Some((_, id)) => out.insert(id.trim_end_matches('}').to_owned()),
            None => {
                let words = title.to_lowercase().replace(' ', "-");
                out.insert(words.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect())
            }
        };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_headings_are_read() {
        let text = "# A title: one\n## Two {#eq-1}\n[a](b.md) `[no](c.md)` ![d](e.svg)\n```\n[no](f.md)\n# no\n```\n";
        assert_eq!(links(text), ["b.md", "e.svg"]);
        let headings: Vec<String> = headings(text).into_iter().collect();
        assert_eq!(headings, ["a-title-one", "eq-1"]);
    }

    #[test]
    fn broken_links_are_found() {
        let page = PathBuf::from("docs/src/a.md");
        let text =
            "# Top\n[1](b.md) [2](#top) [3](#not) [4](../../README.md) [5](https://x.org/y) [6](c.md#h)\n";
        let texts = BTreeMap::from([
            (page.clone(), text.to_owned()),
            ("docs/src/c.md".into(), "# Other\n".to_owned()),
            ("README.md".into(), String::new()),
        ]);
        let exists = |p: &Path| texts.contains_key(p);
        let found = broken_links(&page, text, &texts, &exists);
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found[0].contains("b.md") && found[1].contains("#not") && found[2].contains("c.md#h"));
    }
}
