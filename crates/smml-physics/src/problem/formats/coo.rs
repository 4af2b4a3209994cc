//! D-Wave's coordinate text: one term on each line.

use super::{
    Form, Problem, Sense,
    text::{Entries, Source},
};
use crate::problem::Builder;
use smml_core::error::Result;
use std::fmt::Write as _;

pub(super) fn read(source: &mut Source<'_>) -> Result<Problem> {
    let most = source.most_variables() - 1;
    let (mut form, mut offset, mut n_least) = (None, 0.0, 0);
    let mut terms: Vec<(u32, u32, f64)> = Vec::new();
    let mut entries = Entries::default();
    while let Some(line) = source.next_line() {
        if line.starts_with(b"#") {
            if let Some(word) = line.comment_value("vartype") {
                let said = match word.text.to_ascii_uppercase().as_slice() {
                    b"SPIN" => Form::Spin,
                    b"BINARY" => Form::Binary,
                    _ => return Err(word.error("vartype", "SPIN or BINARY")),
                };
                if form.or(source.form).is_some_and(|other| other != said) {
                    return Err(word.error("vartype", "the one asked for, or given before"));
                }
                form = Some(said);
            }
            if let Some(word) = line.comment_value("offset") {
                offset += word.real("offset")?;
            }
            if let Some(word) = line.comment_value("variables") {
                n_least = word.whole("number of variables", 1, most + 1)? as usize;
            }
            continue;
        }
        let mut words = line.words();
        let i = line.expect(&mut words, "a variable")?.whole("variable", 0, most)? as u32;
        let j = line.expect(&mut words, "the second variable")?.whole("variable", 0, most)? as u32;
        let value = line.expect(&mut words, "a value")?.real("value")?;
        line.end(&mut words, "behind the value")?;
        entries.note(line.number, i, j, 0);
        terms.push((i, j, value));
    }
    let n = terms.iter().map(|t| t.0.max(t.1) as usize + 1).fold(n_least, usize::max);
    if n == 0 {
        return Err(source.truncated("a line `i j value`"));
    }
    let form = match form.or(source.form) {
        Some(form) => form,
        None => {
            source.warn(1, "no line `# vartype=SPIN` or `# vartype=BINARY`: taken as binary");
            Form::Binary
        }
    };
    source.warn_repeated(&entries);
    let mut b = Builder::new(form, Sense::Minimise, n)?;
    b.offset(offset)?;
    for &(i, j, value) in &terms {
        if i == j {
            b.term(&[i], value)?
        } else {
            b.term(&[i, j], value)?
        };
    }
    source.build(b)
}

/// Numbers without exponents: dimod reads no others.
pub(super) fn write(problem: &Problem) -> String {
    let form = if problem.form() == Form::Spin { "SPIN" } else { "BINARY" };
    let mut out = format!("# vartype={form}\n# variables={}\n", problem.n_variables());
    // Writing to a String cannot fail.
    if problem.offset() != 0.0 {
        let _ = writeln!(out, "# offset={}", problem.offset());
    }
    for (i, a) in problem.linear().iter().enumerate() {
        if *a != 0.0 {
            let _ = writeln!(out, "{i} {i} {a}");
        }
    }
    for (i, j, w) in problem.pairs().edges() {
        let _ = writeln!(out, "{i} {j} {w}");
    }
    out
}
