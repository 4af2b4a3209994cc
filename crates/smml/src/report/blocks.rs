//! Pieces of HTML: badges, tables of compared numbers, figures, notes.

use super::{
    Named,
    figure::{Content, Figure},
    image,
    status::State,
    svg,
    text::{base64, escape},
};
use crate::{
    error::Failure,
    reproduce::check::{Row, Verdict, short},
    run::results::{Gate, value_text},
};
use smml_core::estimate::Source;
use std::fmt::Write as _;

/// Rows of a table that are always seen; the others can be unfolded.
const SHOWN_ROWS: usize = 30;

/// The state as a sign and a word.
pub(super) fn badge(state: State) -> String {
    format!(
        "<span class=\"badge {}\"><span aria-hidden=\"true\">{}</span> {}</span>",
        state.class(),
        state.sign(),
        state.word()
    )
}

/// Compared numbers. Of a long table the failing rows and the first ones are shown, and the others can be unfolded.
pub(super) fn table(name: &str, rows: &[Row], gate: Gate) -> String {
    if rows.is_empty() {
        return String::new();
    }
    if rows.len() <= SHOWN_ROWS + 10 {
        return plain_table(name, rows.iter(), gate);
    }
    let fails = |r: &Row| gate.verdict(r) == Verdict::Fails;
    let mut room = SHOWN_ROWS.saturating_sub(rows.iter().filter(|r| fails(r)).count());
    let (shown, folded): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|r| {
        let shown = fails(r) || room > 0;
        room -= usize::from(shown && !fails(r));
        shown
    });
    let rest = format!("{} more rows, none of them fails", folded.len());
    let rest = if folded.is_empty() {
        String::new()
    } else {
        let folded = plain_table(&format!("{name}: {rest}"), folded.into_iter(), gate);
        format!("<details><summary>{rest}</summary>\n{folded}</details>\n")
    };
    plain_table(name, shown.into_iter(), gate) + &rest
}

fn plain_table<'a>(name: &str, rows: impl Iterator<Item = &'a Row>, gate: Gate) -> String {
    let rows: Vec<&Row> = rows.collect();
    // Where there are chains, their autocorrelation times.
    let is_chain = |r: &Row| r.value.source == Source::Chain;
    let has_tau = rows.iter().any(|r| is_chain(r));
    let tau_head = if has_tau { "<th scope=\"col\" class=\"n\">τ</th>" } else { "" };
    let mut out = format!(
        "<div class=\"scroll\" role=\"region\" aria-label=\"{}\" tabindex=\"0\">\n<table>\n<thead><tr>\
         <th scope=\"col\">quantity</th><th scope=\"col\" class=\"n\">value</th>{tau_head}\
         <th scope=\"col\" class=\"n\">expected</th><th scope=\"col\" class=\"n\">z</th>\
         <th scope=\"col\">verdict</th></tr></thead>\n<tbody>\n",
        escape(name)
    );
    for row in rows {
        let state = State::from(gate.verdict(row));
        let tau = match is_chain(row) {
            _ if !has_tau => String::new(),
            true => format!("<td class=\"n tau\">{:.1}</td>", row.value.tau_int),
            false => "<td class=\"n tau\"></td>".into(),
        };
        let verdict = if gate.is_vague(row) { "too few samples".into() } else { badge(state) };
        let z = row.z().map_or(String::new(), |z| {
            if z.is_finite() { format!("{:+.2}", rounded(z)) } else { format!("{z}") }
        });
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "<tr class=\"{}\"><th scope=\"row\">{}</th><td class=\"n\"{}>{}</td>{tau}<td class=\"n\">{}</td>\
             <td class=\"n\">{}</td><td>{}</td></tr>",
            state.class(),
            escape(&row.quantity),
            sampling(row),
            signed(&value_text(row)),
            signed(&row.expected_text()),
            signed(&z),
            verdict,
        );
    }
    out + "</tbody>\n</table>\n</div>\n"
}

/// How a sampled value was measured, as a tool tip.
fn sampling(row: &Row) -> String {
    let v = &row.value;
    match v.source {
        Source::Exact => return String::new(),
        // A parameter of a fit has no samples of its own.
        Source::Fit => {
            return format!(" title=\"standard error {}\"", escape(&format!("{:.3e}", v.std_error)));
        }
        _ => {}
    }
    format!(
        " title=\"standard error {}, effective sample size {}, autocorrelation time {}\"",
        escape(&format!("{:.3e}", v.std_error)),
        escape(&short(v.n_eff.round())),
        escape(&format!("{:.3}", v.tau_int))
    )
}

/// To two decimals, without the sign of a negative number that rounds to zero.
fn rounded(z: f64) -> f64 {
    (z * 100.0).round() / 100.0 + 0.0
}

/// Escaped, and with a minus sign where a number is negative.
fn signed(number: &str) -> String {
    let escaped = escape(number);
    escaped.strip_prefix('-').map_or(escaped.clone(), |rest| format!("−{rest}"))
}

/// Sentences, one paragraph each.
pub(super) fn notes(notes: &[String]) -> String {
    notes.iter().map(|n| format!("<p class=\"note\">{}</p>\n", escape(n))).collect()
}

/// Figures side by side where there is room.
pub(super) fn figures(figures: &[Figure], names: &[Named<'_>]) -> Result<String, Failure> {
    if figures.is_empty() {
        return Ok(String::new());
    }
    let mut out = String::from("<div class=\"figures\">\n");
    for figure in figures {
        if let Some(named) = Named::of(names, figure) {
            out += &one_figure(&named.figure())?;
        }
    }
    Ok(out + "</div>\n")
}

fn one_figure(figure: &Figure) -> Result<String, Failure> {
    let name = &figure.id;
    let (picture, class, files) = match &figure.content {
        Content::Plot { .. } => (svg::svg(figure)?, "plotted", &["svg", "csv"][..]),
        Content::Table { head, rows, shades } => {
            (grid(&figure.title, head, rows, shades), "tabled", &["csv"][..])
        }
        Content::Image { width, height, .. } => {
            // Small pictures are enlarged by a whole number, so that pixels stay square and sharp.
            let enlarged = width * (512 / (*width).max(1)).clamp(1, 12);
            let picture = format!(
                "<img class=\"grey\" src=\"data:image/png;base64,{}\" alt=\"{}\" width=\"{width}\" \
                 height=\"{height}\" style=\"width:{enlarged}px\"/>\n",
                base64(&image::png(figure)?),
                escape(&figure.title)
            );
            (picture, "pictured", &["svg", "png", "csv"][..])
        }
    };
    let mut links = String::new();
    for extension in files {
        let label = extension.to_uppercase();
        let _ = write!(
            links,
            " <a href=\"figures/{name}.{extension}\" aria-label=\"{} as {label}\">{label}</a>",
            escape(&figure.title)
        );
    }
    Ok(format!(
        "<figure id=\"figure-{name}\" class=\"{class}\">\n<p class=\"figure-title\">{}</p>\n{picture}\
         <figcaption>{} <span class=\"files\">{}</span></figcaption>\n</figure>\n",
        escape(&figure.title),
        escape(&figure.caption),
        links.trim_start()
    ))
}

/// A table of texts, cells darker where `shades` says so.
fn grid(name: &str, head: &[String], rows: &[Vec<String>], shades: &[Vec<f64>]) -> String {
    let mut out = format!(
        "<div class=\"scroll\" role=\"region\" aria-label=\"{}\" tabindex=\"0\">\n<table class=\"grid\">\n<thead><tr>",
        escape(name)
    );
    for text in head {
        let _ = write!(out, "<th scope=\"col\">{}</th>", escape(text));
    }
    out += "</tr></thead>\n<tbody>\n";
    for (r, row) in rows.iter().enumerate() {
        out += "<tr>";
        for (c, text) in row.iter().enumerate() {
            if c == 0 {
                let _ = write!(out, "<th scope=\"row\">{}</th>", escape(text));
                continue;
            }
            let shade = shades.get(r).and_then(|s| s.get(c - 1)).map(|s| (100.0 * s).round());
            let style =
                shade.filter(|s| *s > 0.0).map_or(String::new(), |s| format!(" style=\"--shade:{s}%\""));
            let _ = write!(out, "<td{style}>{}</td>", escape(text));
        }
        out += "</tr>\n";
    }
    out + "</tbody>\n</table>\n</div>\n"
}
