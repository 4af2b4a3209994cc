//! Writes, from docs/equations.toml: the book's page of equations, the table behind `smml eq` and the report, and a
//! test file that names every public item, so that a wrong name does not compile.

use crate::catalogue::{Catalogue, Equation};
use anyhow::{Context, Result, bail};
use math_core::{LatexToMathML, MathCoreConfig, MathDisplay};
use std::{collections::BTreeSet, fmt::Write, path::Path};

/// One generated file: its path below the root, and its text.
pub(crate) type Output = (&'static str, String);

const FROM: &str = "Generated from docs/equations.toml by `cargo xtask codegen`: edit that file instead.";

/// `cargo xtask codegen [--check]`.
pub(crate) fn run(root: &Path, check: bool) -> Result<()> {
    let mut outputs = generate(&Catalogue::load(root)?)?;
    outputs.extend(crate::snippets::generate(root)?);
    if check {
        let stale = stale(root, &outputs);
        if !stale.is_empty() {
            bail!("out of date: {}\nrun `cargo xtask codegen`", stale.join(", "));
        }
        println!("{} generated files are up to date", outputs.len());
        return Ok(());
    }
    for (path, text) in outputs {
        let target = root.join(path);
        if std::fs::read_to_string(&target).is_ok_and(|old| old == text) {
            println!("{path}: unchanged");
            continue;
        }
        if let Some(folder) = target.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&target, text).with_context(|| format!("cannot write {}", target.display()))?;
        println!("{path}: written");
    }
    Ok(())
}

/// The outputs whose file is missing or differs.
pub(crate) fn stale(root: &Path, outputs: &[Output]) -> Vec<&'static str> {
    let same = |(path, text): &Output| std::fs::read_to_string(root.join(path)).is_ok_and(|old| old == *text);
    outputs.iter().filter(|o| !same(o)).map(|o| o.0).collect()
}

/// All generated files.
pub(crate) fn generate(catalogue: &Catalogue) -> Result<Vec<Output>> {
    Ok(vec![
        ("docs/src/equations.md", page(catalogue)?),
        ("crates/smml/src/catalogue/table.rs", table(catalogue)?),
        ("crates/smml/tests/catalogue_items.rs", items(catalogue)),
    ])
}

/// Display MathML of one formula; LaTeX that the renderer does not know is an error.
pub(crate) fn mathml(latex: &str) -> Result<String> {
    let converter =
        LatexToMathML::new(MathCoreConfig::default()).map_err(|(error, _)| anyhow::anyhow!("{error:?}"))?;
    let out = converter
        .convert_with_local_counter(latex, MathDisplay::Block)
        .map_err(|error| anyhow::anyhow!("LaTeX {latex:?}: {error:?}"))?;
    // One line: Markdown ends an HTML block at a blank line.
    Ok(out.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn rendered(e: &Equation) -> Result<(String, String)> {
    let at = || format!("equation {}", e.id);
    Ok((mathml(&e.printed).with_context(at)?, mathml(&e.implemented).with_context(at)?))
}

fn page(catalogue: &Catalogue) -> Result<String> {
    let mut md = format!("<!-- {FROM} -->\n\n# Equations\n\n");
    let done = catalogue.equations.iter().filter(|e| e.is_implemented()).count();
    let n = catalogue.equations.len();
    writeln!(
        md,
        "The tutorial has 62 numbered equations and 2 algorithms. {done} of these {n} are implemented; the others are\n\
         planned. Each entry shows the formula as printed and as implemented, and says in words what differs and why.\n"
    )?;
    writeln!(md, "| Section | Implemented | Planned |\n|---|---|---|")?;
    for section in &catalogue.sections {
        let links = |implemented: bool| {
            let of_section = catalogue.equations.iter().filter(|e| e.section == section.number);
            let links: Vec<String> = of_section
                .filter(|e| e.is_implemented() == implemented)
                .map(|e| format!("[{}](#{})", e.id, e.anchor()))
                .collect();
            links.join(" ")
        };
        let file = section_file(&section.number);
        writeln!(
            md,
            "| [{} {}]({file}) | {} | {} |",
            section.number,
            section.title,
            links(true),
            links(false)
        )?;
    }
    for section in &catalogue.sections {
        let mut equations = catalogue.equations.iter().filter(|e| e.section == section.number).peekable();
        if equations.peek().is_none() {
            continue;
        }
        writeln!(md, "\n## {} {}", section.number, section.title)?;
        for e in equations {
            let (printed, implemented) = rendered(e)?;
            writeln!(md, "\n### {}: {} {{#{}}}\n", e.label(), e.title, e.anchor())?;
            let ours = if e.is_implemented() { "s implemented" } else { "s it will be implemented" };
            if e.printed == e.implemented {
                writeln!(md, "As printed and a{ours}:\n\n<div class=\"equation\">{implemented}</div>\n")?;
            } else {
                writeln!(md, "As printed:\n\n<div class=\"equation\">{printed}</div>\n")?;
                writeln!(md, "A{ours}:\n\n<div class=\"equation\">{implemented}</div>\n")?;
            }
            writeln!(md, "Difference: {}\n", markdown_text(&e.difference))?;
            if e.is_implemented() {
                let items: Vec<String> = e.items.iter().map(|i| format!("`{i}`")).collect();
                write!(md, "**Implemented**: {}.", items.join(", "))?;
            } else {
                write!(md, "**Planned** (part {}).", e.part)?;
            }
            if !e.checks.is_empty() {
                let checks: Vec<String> = e.checks.iter().map(|c| format!("`{c}`")).collect();
                write!(md, " Checks: {}.", checks.join(", "))?;
            }
            md.push('\n');
        }
    }
    Ok(md)
}

/// Name of the book's page of a section.
pub(crate) fn section_file(number: &str) -> String {
    format!("section-{number}.md")
}

/// Characters that Markdown would read as markup.
fn markdown_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '*' | '_' | '<' | '>' | '[' | ']' | '`' | '|' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn table(catalogue: &Catalogue) -> Result<String> {
    let mut rs =
        format!("//! The equations of the tutorial. {FROM}\n\nuse super::{{Chapter, Equation, Status}};\n\n");
    writeln!(rs, "pub(super) static EQUATIONS: [Equation; {}] = [", catalogue.equations.len())?;
    for e in &catalogue.equations {
        let (printed, implemented) = rendered(e)?;
        let title =
            catalogue.sections.iter().find(|s| s.number == e.section).map_or("", |s| s.title.as_str());
        let chapter = match e.chapter.as_str() {
            "core" => "Core",
            "physics" => "Physics",
            "learn" => "Learn",
            "hw" => "Hw",
            _ => "Rl",
        };
        writeln!(rs, "    Equation {{")?;
        for (field, value) in [
            ("id", &e.id),
            ("section", &e.section),
            ("section_title", &title.to_string()),
            ("title", &e.title),
            ("printed_latex", &e.printed),
            ("printed_mathml", &printed),
            ("implemented_latex", &e.implemented),
            ("implemented_mathml", &implemented),
            ("text", &e.text),
            ("difference", &e.difference),
        ] {
            writeln!(rs, "        {field}: {},", literal(value))?;
        }
        let list = |values: &[String]| {
            let quoted: Vec<String> = values.iter().map(|v| literal(v)).collect();
            format!("&[{}]", quoted.join(", "))
        };
        writeln!(rs, "        part: {},", e.part)?;
        writeln!(
            rs,
            "        status: Status::{},",
            if e.is_implemented() { "Implemented" } else { "Planned" }
        )?;
        writeln!(rs, "        items: {},", list(&e.items))?;
        writeln!(rs, "        checks: {},", list(&e.checks))?;
        writeln!(rs, "        chapter: Chapter::{chapter},")?;
        writeln!(rs, "    }},")?;
    }
    writeln!(rs, "];")?;
    Ok(rs)
}

/// A string literal: raw where that is easier to read.
fn literal(text: &str) -> String {
    if !text.contains(['\\', '"']) {
        return format!("\"{text}\"");
    }
    let mut hashes = 1;
    while text.contains(&format!("\"{}", "#".repeat(hashes))) {
        hashes += 1;
    }
    let hashes = "#".repeat(hashes);
    format!("r{hashes}\"{text}\"{hashes}")
}

fn items(catalogue: &Catalogue) -> String {
    let paths: BTreeSet<&str> =
        catalogue.equations.iter().flat_map(|e| &e.items).map(String::as_str).collect();
    let (methods, imports): (Vec<&str>, Vec<&str>) = paths.into_iter().partition(|p| is_method(p));
    let mut rs = format!(
        "//! Every public item that the catalogue names must exist: else this file does not compile.\n//! {FROM}\n\n\
         #![allow(unused_imports)]\n\n"
    );
    for path in imports {
        rs.push_str(&format!("use {path} as _;\n"));
    }
    if !methods.is_empty() {
        rs.push_str("\n#[test]\nfn methods_exist() {\n");
        for path in methods {
            rs.push_str(&format!("    let _ = {path};\n"));
        }
        rs.push_str("}\n");
    }
    rs
}

/// `krate::module::Type::method`, which `use` does not accept.
fn is_method(path: &str) -> bool {
    let mut parts = path.rsplit("::");
    let upper = |part: Option<&str>| part.is_some_and(|p| p.starts_with(|c: char| c.is_ascii_uppercase()));
    !upper(parts.next()) && upper(parts.next())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root;

    #[test]
    fn generated_files_are_up_to_date() {
        let outputs = generate(&Catalogue::load(&root()).unwrap()).unwrap();
        let stale = stale(&root(), &outputs);
        assert!(stale.is_empty(), "out of date: {stale:?}; run `cargo xtask codegen`");
    }

    #[test]
    fn a_changed_catalogue_makes_every_output_stale() {
        let mut catalogue = Catalogue::load(&root()).unwrap();
        let first = catalogue.equations.iter_mut().find(|e| e.is_implemented()).unwrap();
        first.items.push("smml_core::not_there".into());
        let outputs = generate(&catalogue).unwrap();
        assert_eq!(stale(&root(), &outputs).len(), 3);
    }

    #[test]
    fn every_check_of_the_catalogue_exists() {
        // A check is registered under its id, a string literal in the sources of `reproduce`.
        let sources = crate::tidy::files(&root()).unwrap();
        let text: String = sources
            .iter()
            .filter(|p| {
                p.starts_with("crates/smml/src/reproduce") && p.extension().is_some_and(|e| e == "rs")
            })
            .map(|p| std::fs::read_to_string(root().join(p)).unwrap())
            .collect();
        let catalogue = Catalogue::load(&root()).unwrap();
        let missing: Vec<_> = catalogue
            .equations
            .iter()
            .flat_map(|e| &e.checks)
            .filter(|id| !text.contains(&format!("\"{id}\"")))
            .collect();
        assert!(missing.is_empty(), "checks named in docs/equations.toml that do not exist: {missing:?}");
    }

    #[test]
    fn formulas_render_and_unknown_latex_is_an_error() {
        let ml = mathml(r"\frac{a}{b}").unwrap();
        assert!(ml.starts_with("<math display=\"block\"") && ml.contains("<mfrac>"), "{ml}");
        assert!(mathml(r"\nosuchcommand").is_err());
        assert!(mathml(r"\frac{a}{").is_err());
    }

    #[test]
    fn literals_survive_quotes_and_hashes() {
        assert_eq!(literal("a"), "\"a\"");
        assert_eq!(literal(r#"a"b"#), r##"r#"a"b"#"##);
        assert_eq!(literal("a\"#b"), "r##\"a\"#b\"##");
    }
}
