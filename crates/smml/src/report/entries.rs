//! The two pages: the report of `smml reproduce` with an entry for every equation of the paper, and that of one run.

use super::{
    Named, Report, RunReport, blocks,
    page::page,
    status::{self, State},
    text::{date, duration, escape, slug},
};
use crate::{
    catalogue::{self, Chapter, Equation},
    error::Failure,
    reproduce::check::{ALARM, CheckResult, Level, Verdict, short},
    run::results::Gate,
};
use std::fmt::Write as _;

/// The report of `smml reproduce`.
pub(super) fn reproduction(report: &Report<'_>, figures: &[Named<'_>]) -> Result<String, Failure> {
    let mut body = header(report);
    body += &glance(report.results);
    body += "<main id=\"results\">\n";
    for chapter in Chapter::ALL {
        body += &chapter_section(chapter, report.results, figures)?;
    }
    body += "</main>\n";
    body += &format!(
        "<footer><p>Written by smml {}. Values are given with the standard error of their last digits in \
         brackets; z is the difference from the expected value in units of that error. A sampled value fails when \
         a difference as large would occur by chance with a probability below {}.</p></footer>\n",
        escape(report.version),
        short(ALARM)
    );
    Ok(page(report.title, &body))
}

/// The report of a single run.
pub(super) fn single_run(report: &RunReport<'_>, figures: &[Named<'_>]) -> Result<String, Failure> {
    let mut body = format!(
        "<header class=\"top\">\n<p class=\"kicker\">smml {} · seed {}</p>\n<h1>{}</h1>\n{}</header>\n<main>\n",
        escape(report.version),
        report.seed,
        escape(report.title),
        blocks::notes(report.notes)
    );
    let mut pictures = String::new();
    if !report.figures.is_empty() {
        pictures =
            format!("<section>\n<h2>Figures</h2>\n{}</section>\n", blocks::figures(report.figures, figures)?);
    }
    let tables: String = report
        .tables
        .iter()
        .map(|(name, rows)| {
            format!(
                "<section>\n<h2>{}</h2>\n{}</section>\n",
                escape(name),
                blocks::table(name, rows, report.gate)
            )
        })
        .collect();
    // One table says it in short; of many, the pictures do.
    body += &if report.tables.len() > 1 { pictures + &tables } else { tables + &pictures };
    body += &format!(
        "<section>\n<h2>Configuration</h2>\n<pre class=\"scroll\" tabindex=\"0\"><code>{}</code></pre>\n\
         </section>\n</main>\n",
        escape(report.config)
    );
    Ok(page(report.title, &body))
}

fn header(report: &Report<'_>) -> String {
    let rows = report.results.iter().filter_map(|r| r.outcome.as_ref().ok()).flat_map(|o| &o.rows);
    let verdicts: Vec<Verdict> = rows.map(|r| r.verdict()).collect();
    let n_rows = |v: Verdict| verdicts.iter().filter(|w| **w == v).count();
    let states: Vec<State> = report.results.iter().map(status::of_check).collect();
    let n_checks = |s: State| states.iter().filter(|t| **t == s).count();
    let (verdict, sentence) = match (n_checks(State::Fails), n_rows(Verdict::Holds)) {
        (0, 0) => (State::NotRun, "Nothing was compared in this run.".to_string()),
        (0, 1) => (State::Holds, "The one comparison holds.".to_string()),
        (0, n) => (State::Holds, format!("All {n} comparisons hold.")),
        (n, _) => {
            let failing = n_rows(Verdict::Fails);
            let plural = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
            let of = format!("{} of {}", n, plural(states.len(), "check"));
            (State::Fails, format!("{of} did not hold ({}).", plural(failing, "failing comparison")))
        }
    };
    let mut out = format!(
        "<a class=\"skip\" href=\"#results\">To the results</a>\n<header class=\"top\">\n\
         <p class=\"kicker\">smml {} · {}</p>\n<h1>{}</h1>\n<p class=\"verdict {}\"><span class=\"big\" \
         aria-hidden=\"true\">{}</span> {}</p>\n<dl class=\"facts\">\n",
        escape(report.version),
        date(report.started_unix),
        escape(report.title),
        verdict.class(),
        verdict.sign(),
        escape(&sentence),
    );
    let level = match report.level {
        Level::Quick => "quick",
        Level::Default => "default",
        Level::Full => "full",
    };
    let mut checks =
        format!("{} run: {} hold", states.len() - n_checks(State::NotRun), n_checks(State::Holds));
    for (state, word) in
        [(State::Fails, "fail"), (State::Reported, "only report"), (State::NotRun, "not run")]
    {
        if n_checks(state) > 0 {
            let _ = write!(checks, ", {} {word}", n_checks(state));
        }
    }
    let comparisons = format!("{} hold, {} fail", n_rows(Verdict::Holds), n_rows(Verdict::Fails));
    for (name, value) in [
        ("Level", level.to_string()),
        ("Seed", report.seed.to_string()),
        ("Checks", checks),
        ("Comparisons", comparisons),
        ("Time", format!("{}, threads: {}", duration(report.seconds), report.threads)),
        ("CPU path", report.cpu_path.to_string()),
    ] {
        let _ = writeln!(out, "<div><dt>{name}</dt><dd>{}</dd></div>", escape(&value));
    }
    let _ =
        writeln!(out, "</dl>\n<p class=\"again\">Repeat with <code>{}</code></p>", escape(report.command));
    let failing: Vec<&CheckResult> =
        report.results.iter().filter(|r| status::of_check(r) == State::Fails).collect();
    if !failing.is_empty() {
        out += "<div class=\"failures\"><h2>What fails</h2>\n<ul>\n";
        for r in failing {
            let _ = writeln!(out, "<li>{} {}</li>", check_link(r), escape(&why(r)));
        }
        out += "</ul></div>\n";
    }
    out + "</header>\n"
}

/// What went wrong, in a few words.
fn why(result: &CheckResult) -> String {
    match &result.outcome {
        Err(e) => format!("stopped: {e}"),
        Ok(o) => {
            let mut names: Vec<&str> = o
                .rows
                .iter()
                .filter(|r| r.verdict() == Verdict::Fails)
                .map(|r| r.quantity.as_str())
                .collect();
            let more = names.len().saturating_sub(3);
            names.truncate(3);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("{}{more}", names.join("; "))
        }
    }
}

/// The table of contents: every equation as a chip that says how it stands.
fn glance(results: &[CheckResult]) -> String {
    let all = catalogue::all();
    let states: Vec<State> = all.iter().map(|e| status::of_equation(e, results)).collect();
    let mut out = String::from(
        "<nav class=\"glance\" aria-label=\"Contents\">\n<h2>The paper at a glance</h2>\n<ul class=\"key\">\n",
    );
    for state in State::ALL {
        let n = states.iter().filter(|s| **s == state).count();
        let _ = writeln!(
            out,
            "<li><span class=\"chip {}\" aria-hidden=\"true\">{}</span> <span><b>{}</b> \
             <span class=\"meaning\">{}</span></span></li>",
            state.class(),
            state.sign(),
            state.count(n),
            state.meaning()
        );
    }
    out += "</ul>\n<div class=\"sections\">\n";
    let numbered = |section: &str| !section.is_empty();
    let mut sections: Vec<(&str, &str)> = Vec::new();
    for e in all {
        if numbered(e.section) && !sections.iter().any(|s| s.0 == e.section) {
            sections.push((e.section, e.section_title));
        }
    }
    for (section, title) in sections {
        let _ = writeln!(
            out,
            "<section>\n<h3><span class=\"num\">{}</span> {}</h3>\n<ol class=\"chips\">",
            escape(section),
            escape(title)
        );
        for (e, state) in all.iter().zip(&states).filter(|(e, _)| e.section == section) {
            let _ = writeln!(
                out,
                "<li><a class=\"chip {}\" href=\"#eq-{}\" title=\"{}: {} ({})\"><span aria-hidden=\"true\">{}</span>\
                 {}<span class=\"unseen\"> {}, {}</span></a></li>",
                state.class(),
                e.id,
                e.label(),
                escape(e.title),
                state.word(),
                state.sign(),
                e.id,
                escape(e.title),
                state.word()
            );
        }
        out += "</ol>\n</section>\n";
    }
    out += "</div>\n<h3 class=\"chapters-head\">Chapters</h3>\n<ul class=\"chapters\">\n";
    for chapter in Chapter::ALL {
        let others = further(chapter, results);
        let n = all.iter().filter(|e| e.chapter == chapter).count();
        if n + others.len() == 0 {
            continue;
        }
        let _ = write!(out, "<li><a href=\"#chapter-{}\">{}</a>", chapter.name(), heading(chapter));
        let mut parts = Vec::new();
        for (n, what) in [(n, "equation"), (others.len(), "further check")] {
            if n > 0 {
                parts.push(format!("{n} {what}{}", if n == 1 { "" } else { "s" }));
            }
        }
        let _ = writeln!(out, " <span class=\"meaning\">{}</span></li>", parts.join(", "));
    }
    out + "</ul>\n</nav>\n"
}

fn heading(chapter: Chapter) -> &'static str {
    match chapter {
        Chapter::Core => "Probability, information, convolution, samplers",
        Chapter::Physics => "Spins, thermodynamics, molecular dynamics",
        Chapter::Learn => "Energy-based learning, learning theory, inference",
        Chapter::Hw => "The sparse Ising machine",
        Chapter::Rl => "Agents",
    }
}

/// The equation under which a check is shown: the first that it names.
fn home(result: &CheckResult) -> Option<&'static Equation> {
    result.check.equations.iter().find_map(|id| catalogue::all().iter().find(|e| e.id == *id))
}

/// Checks of a chapter that belong to no equation.
fn further(chapter: Chapter, results: &[CheckResult]) -> Vec<&CheckResult> {
    results.iter().filter(|r| r.check.chapter == chapter && home(r).is_none()).collect()
}

fn chapter_section(
    chapter: Chapter,
    results: &[CheckResult],
    figures: &[Named<'_>],
) -> Result<String, Failure> {
    let equations: Vec<&Equation> = catalogue::all().iter().filter(|e| e.chapter == chapter).collect();
    let others = further(chapter, results);
    if equations.is_empty() && others.is_empty() {
        return Ok(String::new());
    }
    let name = chapter.name();
    let mut out = format!(
        "<section class=\"chapter\" id=\"chapter-{name}\" aria-labelledby=\"chapter-{name}-head\">\n\
         <h2 id=\"chapter-{name}-head\">{} <code>{name}</code></h2>\n",
        heading(chapter)
    );
    let (planned, present): (Vec<&Equation>, Vec<&Equation>) =
        equations.into_iter().partition(|e| status::of_equation(e, results) == State::Planned);
    for e in &present {
        out += &entry(e, results, figures)?;
    }
    let nothing_present = present.is_empty() && others.is_empty();
    if !others.is_empty() {
        out += &format!("<section class=\"further\">\n<h3>Further checks of {name}</h3>\n");
        for r in others {
            out += &check(r, figures)?;
        }
        out += "</section>\n";
    }
    // What is there comes before what will be.
    if !(planned.is_empty() || nothing_present) {
        out += &format!("<p class=\"planned-head\">Planned in {name}</p>\n");
    }
    for e in &planned {
        out += &entry(e, results, figures)?;
    }
    Ok(out + "</section>\n")
}

fn entry(e: &Equation, results: &[CheckResult], figures: &[Named<'_>]) -> Result<String, Failure> {
    let state = status::of_equation(e, results);
    let title =
        e.title.strip_prefix(e.label().as_str()).map_or(e.title, |t| t.trim_start_matches([':', ' ']));
    let mut out = format!(
        "<article class=\"entry {}\" id=\"eq-{}\">\n<header>\n<h3><span class=\"num\">{}</span> {} {}</h3>\n\
         <p class=\"where\">Section {}, {}</p>\n</header>\n",
        state.class(),
        e.id,
        if e.id.starts_with('A') { e.label() } else { format!("({})", e.id) },
        escape(title),
        blocks::badge(state),
        escape(e.section),
        escape(e.section_title)
    );
    let same = e.difference == "same" || e.printed_mathml == e.implemented_mathml;
    let (both, ours) = match e.status {
        catalogue::Status::Implemented => ("As printed and implemented", "As implemented"),
        catalogue::Status::Planned => {
            ("As printed, and as it will be implemented", "As it will be implemented")
        }
    };
    if same {
        out += &formulas(&[(both, e.implemented_mathml)]);
    } else {
        out += &formulas(&[("As printed", e.printed_mathml), (ours, e.implemented_mathml)]);
    }
    if e.difference != "same" {
        let _ = writeln!(out, "<p class=\"difference\"><b>Difference.</b> {}</p>", escape(e.difference));
    }
    if !e.items.is_empty() {
        let items: Vec<String> = e.items.iter().map(|i| format!("<code>{}</code>", breakable(i))).collect();
        let _ = writeln!(out, "<p class=\"items\">Implemented by {}</p>", items.join(", "));
    }
    if state == State::Planned {
        let _ = writeln!(out, "<p class=\"where\">Planned for part {} of the work.</p>", e.part);
    }
    let checked: Vec<&CheckResult> = results.iter().filter(|r| r.check.equations.contains(&e.id)).collect();
    for r in &checked {
        match home(r) {
            Some(h) if h.id == e.id => out += &check(r, figures)?,
            Some(h) => {
                let _ = writeln!(
                    out,
                    "<p class=\"see\">{} {}, shown with <a href=\"#eq-{}\">{}</a></p>",
                    check_link(r),
                    blocks::badge(status::of_check(r)),
                    h.id,
                    h.label()
                );
            }
            None => {}
        }
    }
    let absent = e.checks.iter().filter(|id| !checked.iter().any(|r| r.check.id == **id));
    let absent: Vec<String> = absent.map(|id| format!("<code>{}</code>", escape(id))).collect();
    if !absent.is_empty() {
        let _ = writeln!(out, "<p class=\"see\">Not part of this run: {}</p>", absent.join(", "));
    }
    Ok(out + "</article>\n")
}

fn formulas(captions: &[(&str, &str)]) -> String {
    let mut out = String::from("<div class=\"formulas\">\n");
    for (caption, mathml) in captions {
        // MathML of the catalogue is generated and complete: it is the one text that is not escaped. Browsers drop
        // spaces at the ends of text elements.
        let mathml = spaced(mathml);
        let _ = writeln!(
            out,
            "<div class=\"formula\"><p class=\"caption\">{caption}</p><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Formula, {}\">{mathml}</div></div>",
            caption.to_lowercase()
        );
    }
    out + "</div>\n"
}

/// MathML whose texts keep the spaces at their ends, and words a distance from the symbols beside them.
fn spaced(mathml: &str) -> String {
    let mut out = String::with_capacity(mathml.len() + 64);
    let mut pieces = mathml.split("<mtext>");
    out.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let (text, rest) = piece.split_once("</mtext>").unwrap_or((piece, ""));
        let trimmed = text.trim();
        let space = if trimmed.contains(char::is_alphabetic) && trimmed.len() > 1 { "\u{a0}" } else { "" };
        let start = if text.starts_with(char::is_whitespace) { "\u{a0}" } else { space };
        let end = if text.ends_with(char::is_whitespace) { "\u{a0}" } else { space };
        let _ = write!(out, "<mtext>{start}{trimmed}{end}</mtext>{rest}");
    }
    out
}

fn check(r: &CheckResult, figures: &[Named<'_>]) -> Result<String, Failure> {
    let mut out = format!(
        "<section class=\"check\" id=\"check-{}\">\n<h4>{} <code>{}</code> {} <span class=\"time\">{}</span></h4>\n",
        slug(r.check.id),
        escape(r.check.title),
        escape(r.check.id),
        blocks::badge(status::of_check(r)),
        escape(&duration(r.seconds))
    );
    match &r.outcome {
        Err(e) => {
            let _ = writeln!(out, "<p class=\"stopped\">Stopped: {}</p>", escape(e));
        }
        Ok(o) => {
            if let Some(reason) = &o.skipped {
                let _ = writeln!(out, "<p class=\"skipped\">Not run: {}</p>", escape(reason));
            }
            out += &blocks::table(r.check.title, &o.rows, Gate::REPRODUCE);
            out += &blocks::notes(&o.notes);
            out += &blocks::figures(&o.figures, figures)?;
        }
    }
    Ok(out + "</section>\n")
}

fn check_link(r: &CheckResult) -> String {
    format!("<a href=\"#check-{}\">{}</a>", slug(r.check.id), escape(r.check.title))
}

/// A path with places where a line may break.
fn breakable(path: &str) -> String {
    escape(path).replace("::", "::<wbr/>")
}
