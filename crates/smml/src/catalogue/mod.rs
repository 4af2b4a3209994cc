//! The 62 equations and 2 algorithms of the tutorial: as printed, as implemented, what differs, where to find it.
//!
//! The data come from `docs/equations.toml` through `cargo xtask codegen` (file `table.rs`). How they are shown (on a
//! terminal, in the report) and the checks themselves live elsewhere.

use serde::Serialize;

#[rustfmt::skip]
mod table;

/// Whether an equation can be used now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    /// Public items compute it.
    Implemented,
    /// It belongs to a later part of the work.
    Planned,
}

/// A chapter of `smml reproduce`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Chapter {
    /// Probability, information, convolution, samplers.
    Core,
    /// Spins, thermodynamics, molecular dynamics.
    Physics,
    /// Energy-based learning, learning theory, inference.
    Learn,
    /// The sparse Ising machine.
    Hw,
    /// Agents.
    Rl,
}

impl Chapter {
    /// All chapters, in the order of a full run.
    pub(crate) const ALL: [Chapter; 5] =
        [Chapter::Core, Chapter::Physics, Chapter::Learn, Chapter::Hw, Chapter::Rl];

    /// The name on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Chapter::Core => "core",
            Chapter::Physics => "physics",
            Chapter::Learn => "learn",
            Chapter::Hw => "hw",
            Chapter::Rl => "rl",
        }
    }
}

/// One equation or algorithm.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Equation {
    /// `1` to `62`, `A1`, `A2`.
    pub(crate) id: &'static str,
    /// Number of the section, such as `3.10`.
    pub(crate) section: &'static str,
    /// Title of the section.
    pub(crate) section_title: &'static str,
    /// What it is, in a few words.
    pub(crate) title: &'static str,
    /// LaTeX as printed.
    pub(crate) printed_latex: &'static str,
    /// MathML (display) as printed.
    #[serde(skip)]
    pub(crate) printed_mathml: &'static str,
    /// LaTeX as implemented.
    pub(crate) implemented_latex: &'static str,
    /// MathML (display) as implemented.
    #[serde(skip)]
    pub(crate) implemented_mathml: &'static str,
    /// The implemented formula in Unicode, for terminals.
    pub(crate) text: &'static str,
    /// What differs and why; `same` when nothing does.
    pub(crate) difference: &'static str,
    /// The part of the work that implements it (1 to 7).
    pub(crate) part: u8,
    /// Whether it can be used now.
    pub(crate) status: Status,
    /// Public paths that implement it.
    pub(crate) items: &'static [&'static str],
    /// Ids of its checks in `smml reproduce`.
    pub(crate) checks: &'static [&'static str],
    /// Its chapter.
    pub(crate) chapter: Chapter,
}

impl Equation {
    /// `Equation 24` or `Algorithm 1`.
    pub(crate) fn label(&self) -> String {
        match self.id.strip_prefix('A') {
            Some(number) => format!("Algorithm {number}"),
            None => format!("Equation {}", self.id),
        }
    }
}

/// All of them, in the paper's order.
pub(crate) fn all() -> &'static [Equation] {
    &table::EQUATIONS
}

/// The equation with an id: `24`, `(24)`, `eq24`, `Eq. (24)`, `equation 24`, `A1`, `alg. 1`, `algorithm 1`.
pub(crate) fn find(id: &str) -> Option<&'static Equation> {
    let id = normal_form(id);
    all().iter().find(|e| e.id.eq_ignore_ascii_case(&id))
}

/// What somebody who typed an unknown id most likely meant: a title that contains the words, else the id that is
/// fewest changes away (of those, one of the same kind, and the nearest number).
pub(crate) fn nearest(id: &str) -> &'static Equation {
    let words = id.trim().to_lowercase();
    if words.chars().filter(|c| c.is_alphabetic()).count() >= 3 {
        let closest = |e: &Equation| {
            let title = e.title.to_lowercase();
            let best = title.split_whitespace().map(|w| strsim::jaro_winkler(w, &words)).fold(0.0, f64::max);
            if title.contains(&words) { 2.0 } else { best.max(strsim::jaro_winkler(&title, &words)) }
        };
        // The first of equals: `max_by` alone would take the last.
        let best = all().iter().rev().max_by(|a, b| closest(a).total_cmp(&closest(b)));
        if let Some(e) = best.filter(|e| closest(e) > 0.8) {
            return e;
        }
    }
    let id = normal_form(id).to_uppercase();
    let number = id.parse::<i128>().ok();
    let distance = |e: &&Equation| {
        let gap = match (number, e.id.parse::<i128>()) {
            (Some(a), Ok(b)) => a.saturating_sub(b).unsigned_abs(),
            _ => u128::MAX,
        };
        (strsim::damerau_levenshtein(&id, e.id), id.starts_with('A') != e.id.starts_with('A'), gap)
    };
    all().iter().min_by_key(distance).unwrap_or(&table::EQUATIONS[0])
}

/// `Eq. (24)` -> `24`, `algorithm 1` -> `A1`.
fn normal_form(id: &str) -> String {
    let id: String = id.chars().filter(|c| !c.is_whitespace() && !"().#".contains(*c)).collect();
    let lower = id.to_ascii_lowercase();
    for (prefix, replacement) in [
        ("equations", ""),
        ("equation", ""),
        ("eqs", ""),
        ("eq", ""),
        ("algorithm", "A"),
        ("algo", "A"),
        ("alg", "A"),
    ] {
        if let Some(rest) = lower.strip_prefix(prefix) {
            return format!("{replacement}{rest}");
        }
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_equation_is_there_once() {
        assert_eq!(all().len(), 64);
        for n in 1..=62 {
            assert_eq!(find(&n.to_string()).map(|e| e.id), Some(n.to_string().as_str()));
        }
        for id in ["A1", "A2"] {
            assert_eq!(all().iter().filter(|e| e.id == id).count(), 1);
        }
        assert!(all().iter().all(|e| (e.status == Status::Implemented) != e.items.is_empty()));
    }

    #[test]
    fn ids_are_found_as_people_write_them() {
        for name in ["24", " 24 ", "(24)", "eq24", "Eq. (24)", "EQ 24", "equation 24"] {
            assert_eq!(find(name).map(|e| e.label()), Some("Equation 24".into()), "{name}");
        }
        for name in ["A1", "a1", "alg 1", "Algo. 1", "algorithm 1"] {
            assert_eq!(find(name).map(|e| e.label()), Some("Algorithm 1".into()), "{name}");
        }
        for name in ["", "0", "63", "A3", "-1", "24.5x", "eq", "024"] {
            assert!(find(name).is_none(), "{name:?}");
        }
    }

    #[test]
    fn the_nearest_id_is_what_was_meant() {
        for (typed, meant) in [
            ("63", "62"), // one change away from 3, 6, 13, 23, ... and 60 to 62: the nearest number
            ("621", "62"),
            ("metropolis", "A2"),
            ("metroplis", "A2"),
            ("Shannon", "26"),
            ("ising", "41"),
        ] {
            assert_eq!(nearest(typed).id, meant, "{typed}");
        }
        assert!(["A1", "A2"].contains(&nearest("A3").id));
        for garbage in ["", "ΩΩ", "999999999999999999999999999999999999999999", "x".repeat(1000).as_str()] {
            assert!(!nearest(garbage).id.is_empty());
        }
    }

    #[test]
    fn mathml_is_complete() {
        for e in all() {
            for ml in [e.printed_mathml, e.implemented_mathml] {
                assert!(
                    ml.starts_with("<math display=\"block\"") && ml.ends_with("</math>"),
                    "{}: {ml}",
                    e.id
                );
                assert!(!ml.contains("merror"), "{}", e.id);
            }
        }
    }
}
