//! `smml eq`: the equations of the paper on the terminal.

use crate::{
    args::EqArgs,
    catalogue::{self, Equation, Status},
    error::Failure,
    output::{self, Table},
};

/// Runs the command.
pub(crate) fn run(args: &EqArgs) -> Result<(), Failure> {
    match &args.number {
        None if args.json => output::print(&output::json(&catalogue::all())?),
        None => {
            let mut table = Table::new(&["eq", "section", "status", "", ""]);
            for e in catalogue::all() {
                table.row(vec![e.id.into(), e.section.into(), status(e).into()]);
            }
            // Titles are long and read best flush left, so they are set after the aligned columns.
            let mut text = String::new();
            for (line, e) in table.text().lines().skip(1).zip(catalogue::all()) {
                text += &format!("{line:<24}  {}\n", e.title);
            }
            text += "\nsmml eq N shows one of them.\n";
            output::print(&text)
        }
        Some(id) => {
            let e = catalogue::find(id).ok_or_else(|| {
                let near = catalogue::nearest(id);
                Failure::Usage(format!(
                    "no equation '{id}': there are 1 to 62, A1 and A2; did you mean {} ({})?",
                    near.id, near.title
                ))
            })?;
            if args.json {
                return output::print(&output::json(e)?);
            }
            let label = e.label();
            let title =
                e.title.strip_prefix(label.as_str()).map_or(e.title, |t| t.trim_start_matches([':', ' ']));
            let mut text = format!("{}  {title}\nSection {}, {}\n\n", e.label(), e.section, e.section_title);
            text += &format!("  {}\n\n", e.text.replace('\n', "\n  "));
            let ours = match e.status {
                Status::Planned => "as corrected  ",
                Status::Implemented => "as implemented",
            };
            text += &format!("as printed      {}\n{ours}  {}\n\n", e.printed_latex, e.implemented_latex);
            text += &format!("difference: {}\n", e.difference);
            match e.status {
                Status::Planned => text += &format!("planned (part {})\n", e.part),
                Status::Implemented => {
                    text += &format!("implemented by {}\n", e.items.join(", "));
                    if !e.checks.is_empty() {
                        text += &format!("checked by smml reproduce {}\n", e.checks.join(" "));
                    }
                }
            }
            output::print(&text)
        }
    }
}

fn status(e: &Equation) -> &'static str {
    match e.status {
        Status::Implemented => "implemented",
        Status::Planned => "planned",
    }
}
