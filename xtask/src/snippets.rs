//! Code on pages of the book, copied from tests so that it compiles, and kept in the page itself so that it can be read
//! anywhere. A line `<!-- code: FILE:NAME -->` is followed by a block with the lines of FILE between `// ANCHOR: NAME`
//! and `// ANCHOR_END: NAME`.

use crate::codegen::Output;
use anyhow::{Context, Result, ensure};
use std::path::Path;

/// Pages that have such blocks.
const PAGES: [&str; 8] = [
    "docs/src/add-a-model.md",
    "docs/src/add-a-kernel.md",
    "docs/src/section-2.md",
    "docs/src/section-2.1.md",
    "docs/src/section-3.1.md",
    "docs/src/section-3.5.md",
    "docs/src/section-3.8.md",
    "docs/src/section-3.9.md",
];

/// The pages with fresh code.
pub(crate) fn generate(root: &Path) -> Result<Vec<Output>> {
    let read =
        |path: &str| std::fs::read_to_string(root.join(path)).with_context(|| format!("cannot read {path}"));
    PAGES.into_iter().map(|page| Ok((page, fill(&read(page)?, read).context(page)?))).collect()
}

fn fill(page: &str, read: impl Fn(&str) -> Result<String>) -> Result<String> {
    let mut out = String::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        out += line;
        out.push('\n');
        let Some(source) = line.strip_prefix("<!-- code: ").and_then(|l| l.strip_suffix(" -->")) else {
            continue;
        };
        let (file, name) = source.rsplit_once(':').with_context(|| format!("{line}: FILE:NAME is wanted"))?;
        ensure!(lines.next() == Some("```rust,ignore"), "{line}: a block ```rust,ignore must follow");
        ensure!(lines.any(|l| l == "```"), "{line}: the block has no end");
        out += &format!("```rust,ignore\n{}```\n", snippet(&read(file)?, name).context(source.to_string())?);
    }
    Ok(out)
}

/// The lines between the anchors of `name`.
fn snippet(text: &str, name: &str) -> Result<String> {
    let (start, end) = (format!("// ANCHOR: {name}"), format!("// ANCHOR_END: {name}"));
    let mut lines = text.lines().skip_while(|l| l.trim() != start);
    ensure!(lines.next().is_some(), "no anchor {name}");
    let inside: Vec<&str> = lines.clone().take_while(|l| l.trim() != end).collect();
    ensure!(inside.len() < lines.count() && !inside.is_empty(), "anchor {name} has no end, or nothing in it");
    Ok(inside.iter().map(|l| format!("{l}\n")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "// ANCHOR: a\nlet x = 1;\n// ANCHOR_END: a\n// ANCHOR: b\nno end\n";

    #[test]
    fn blocks_are_filled_and_stay_filled() {
        let page = "Text\n<!-- code: f.rs:a -->\n```rust,ignore\nold\n```\nmore\n";
        let filled = fill(page, |_| Ok(SOURCE.into())).unwrap();
        assert_eq!(filled, "Text\n<!-- code: f.rs:a -->\n```rust,ignore\nlet x = 1;\n```\nmore\n");
        assert_eq!(fill(&filled, |_| Ok(SOURCE.into())).unwrap(), filled);
    }

    #[test]
    fn what_is_missing_is_named() {
        let fill = |page: &str| fill(page, |_| Ok(SOURCE.into())).unwrap_err();
        assert!(
            format!("{:#}", fill("<!-- code: f.rs:c -->\n```rust,ignore\n```\n")).contains("no anchor c")
        );
        assert!(format!("{:#}", fill("<!-- code: f.rs:b -->\n```rust,ignore\n```\n")).contains("no end"));
        assert!(format!("{:#}", fill("<!-- code: f.rs:a -->\ntext\n")).contains("must follow"));
    }
}
