//! docs/equations.toml: its format and what makes it valid. Writing the generated files is `codegen`'s work.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use std::{collections::BTreeSet, path::Path};

/// The whole file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Catalogue {
    /// Sections of the paper, in its order.
    #[serde(rename = "section")]
    pub(crate) sections: Vec<Section>,
    /// Equations and algorithms, in the paper's order.
    #[serde(rename = "equation")]
    pub(crate) equations: Vec<Equation>,
}

/// A section of the paper.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Section {
    /// Such as `3.10`.
    pub(crate) number: String,
    /// Its title.
    pub(crate) title: String,
}

/// One equation or algorithm.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Equation {
    /// `1` to `62`, `A1`, `A2`.
    pub(crate) id: String,
    /// Number of its section.
    pub(crate) section: String,
    /// What it is.
    pub(crate) title: String,
    /// LaTeX as printed.
    pub(crate) printed: String,
    /// LaTeX as implemented.
    pub(crate) implemented: String,
    /// The implemented formula in Unicode.
    pub(crate) text: String,
    /// What differs and why.
    pub(crate) difference: String,
    /// The part of the work that implements it.
    pub(crate) part: u8,
    /// Chapter of `smml reproduce`.
    pub(crate) chapter: String,
    /// `implemented` or `planned`.
    pub(crate) status: String,
    /// Public paths.
    pub(crate) items: Vec<String>,
    /// Ids of checks.
    pub(crate) checks: Vec<String>,
}

impl Equation {
    /// Whether it can be used now.
    pub(crate) fn is_implemented(&self) -> bool {
        self.status == "implemented"
    }

    /// `Equation 24` or `Algorithm 1`.
    pub(crate) fn label(&self) -> String {
        match self.id.strip_prefix('A') {
            Some(number) => format!("Algorithm {number}"),
            None => format!("Equation {}", self.id),
        }
    }

    /// The anchor on the book's page.
    pub(crate) fn anchor(&self) -> String {
        format!("eq-{}", self.id.to_lowercase())
    }
}

/// Crates whose public items an equation may name.
pub(crate) const CRATES: [&str; 5] = ["smml_core", "smml_physics", "smml_learn", "smml_hw", "smml_rl"];

impl Catalogue {
    /// Reads and validates docs/equations.toml.
    pub(crate) fn load(root: &Path) -> Result<Self> {
        let path = root.join("docs/equations.toml");
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text).context("docs/equations.toml")
    }

    /// Parses and validates the text of the catalogue.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let catalogue: Catalogue = toml::from_str(text)?;
        let wanted: BTreeSet<String> =
            (1..=62).map(|n| n.to_string()).chain(["A1".into(), "A2".into()]).collect();
        let mut seen = BTreeSet::new();
        let sections: Vec<&str> = catalogue.sections.iter().map(|s| s.number.as_str()).collect();
        let mut last_section = 0;
        for e in &catalogue.equations {
            let id = &e.id;
            ensure!(wanted.contains(id), "id = {id:?}: must be \"1\" to \"62\", \"A1\" or \"A2\"");
            ensure!(seen.insert(id.clone()), "id = {id:?} appears twice");
            let at = sections.iter().position(|s| *s == e.section);
            let at = at.with_context(|| format!("equation {id}: section = {:?} is not listed", e.section))?;
            ensure!(at >= last_section, "equation {id}: section {} comes too late", e.section);
            last_section = at;
            ensure!((1..=7).contains(&e.part), "equation {id}: part = {} must be 1 to 7", e.part);
            ensure!(
                ["implemented", "planned"].contains(&e.status.as_str()),
                "equation {id}: status = {:?} must be \"implemented\" or \"planned\"",
                e.status
            );
            ensure!(
                ["core", "physics", "learn", "hw", "rl"].contains(&e.chapter.as_str()),
                "equation {id}: chapter = {:?} must be core, physics, learn, hw or rl",
                e.chapter
            );
            for (name, value) in [
                ("title", &e.title),
                ("printed", &e.printed),
                ("implemented", &e.implemented),
                ("text", &e.text),
                ("difference", &e.difference),
            ] {
                ensure!(!value.trim().is_empty(), "equation {id}: {name} is empty");
                ensure!(!value.contains('\n'), "equation {id}: {name} must be one line");
            }
            ensure!(
                e.difference != "same" || e.printed == e.implemented,
                "equation {id}: difference = \"same\", but the formulas are not written alike"
            );
            for item in &e.items {
                let krate = item.split("::").next().unwrap_or_default();
                ensure!(
                    CRATES.contains(&krate)
                        && item.contains("::")
                        && item.split("::").all(|part| {
                            !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
                        }),
                    "equation {id}: items: {item:?} must be a path such as \"smml_core::importance::plain\""
                );
            }
            ensure!(
                e.is_implemented() != e.items.is_empty(),
                "equation {id}: items must be filled exactly when the status is \"implemented\""
            );
        }
        let missing: Vec<&String> = wanted.difference(&seen).collect();
        ensure!(missing.is_empty(), "equations missing: {missing:?}");
        Ok(catalogue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> String {
        std::fs::read_to_string(crate::root().join("docs/equations.toml")).unwrap()
    }

    fn error_of(text: &str) -> String {
        format!("{:#}", Catalogue::parse(text).err().expect("accepted a broken catalogue"))
    }

    #[test]
    fn the_catalogue_is_valid_and_complete() {
        let catalogue = Catalogue::load(&crate::root()).unwrap();
        assert_eq!(catalogue.equations.len(), 64);
        assert_eq!(catalogue.sections.len(), 14);
    }

    #[test]
    fn broken_catalogues_are_refused_by_name() {
        let good = source();
        let broken = |from: &str, to: &str| {
            assert!(good.contains(from), "{from}");
            error_of(&good.replacen(from, to, 1))
        };
        assert!(broken("id = \"7\"\n", "id = \"63\"\n").contains("63"));
        assert!(broken("id = \"7\"\n", "id = \"8\"\n").contains("appears twice"));
        assert!(broken("part = 4", "part = 8").contains("part = 8"));
        assert!(broken("status = \"planned\"", "status = \"done\"").contains("\"done\""));
        assert!(broken("status = \"planned\"", "status = \"implemented\"").contains("items"));
        assert!(broken("chapter = \"rl\"", "chapter = \"agents\"").contains("agents"));
        assert!(broken("title = \"First law\"", "title = \"\"").contains("title is empty"));
        assert!(broken("section = \"2.1\"\ntitle", "section = \"9\"\ntitle").contains("\"9\""));
        assert!(broken("title = \"First law\"", "titel = \"First law\"").contains("titel"));
        let head = good.split("[[equation]]").next().unwrap();
        assert!(error_of(&format!("equation = []\n{head}")).contains("missing"));
    }
}
