//! MatrixMarket coordinate files: the value is xᵀ Q x.
//!
//! A symmetric file holds the lower triangle, each entry of which stands for two; in a general one Qᵢⱼ + Qⱼᵢ counts. In
//! spin form the diagonal is a constant (s² = 1).

use super::{
    Form, Problem, Sense,
    text::{Entries, Source},
};
use crate::problem::Builder;
use smml_core::error::{Error, Result};
use std::fmt::Write as _;

pub(super) fn read(source: &mut Source<'_>) -> Result<Problem> {
    let what = "a line `%%MatrixMarket matrix coordinate real symmetric`";
    let banner = source.next_line().ok_or_else(|| source.truncated(what))?;
    let mut words = banner.words();
    let mut choose = |what: &str, allowed: &[&str]| {
        let word = banner.expect(&mut words, what)?;
        let found = allowed.iter().position(|a| word.text.eq_ignore_ascii_case(a.as_bytes()));
        found.ok_or_else(|| word.error(what, allowed.join(", ")))
    };
    choose("banner", &["%%MatrixMarket"])?;
    choose("object", &["matrix"])?;
    choose("layout", &["coordinate"])?;
    let kind = choose("kind of number", &["real", "integer", "pattern", "double"])?;
    let symmetric = choose("symmetry", &["general", "symmetric"])? == 1;
    banner.end(&mut words, "behind the symmetry")?;

    let (mut form, mut offset) = (None, 0.0);
    let size = loop {
        let line = source.next_line().ok_or_else(|| source.truncated("a line `rows columns entries`"))?;
        if !line.starts_with(b"%") {
            break line;
        }
        match line.comment_value("vartype").map(|w| (w, w.text)) {
            Some((_, b"SPIN")) => form = Some(Form::Spin),
            Some((_, b"BINARY")) => form = Some(Form::Binary),
            Some((word, _)) => return Err(word.error("vartype", "SPIN or BINARY")),
            None => {}
        }
        if let Some(word) = line.comment_value("offset") {
            offset += word.real("offset")?;
        }
        if let (Some(said), Some(asked)) = (form, source.form)
            && said != asked
        {
            return Err(line.error("another vartype than the one asked for"));
        }
    };
    let mut words = size.words();
    let n = size.expect(&mut words, "the number of rows")?;
    let n = n.whole("number of rows", 1, source.most_variables())?;
    let columns = size.expect(&mut words, "the number of columns")?;
    if columns.whole("number of columns", 0, u64::MAX)? != n {
        return Err(columns.error("number of columns", format!("the number of rows, {n}")));
    }
    let entries = size.expect(&mut words, "the number of entries")?;
    let announced = entries.whole("number of entries", 0, source.text.len() as u64)?;
    size.end(&mut words, "behind the sizes")?;

    let form = form.or(source.form).unwrap_or(Form::Binary);
    let mut b = Builder::new(form, Sense::Minimise, n as usize)?;
    // Qᵢⱼ and Qⱼᵢ are two entries: in a general file those given again are told by their order too.
    let (mut lower, mut upper) = (Entries::default(), Entries::default());
    let mut found = 0;
    while let Some(line) = source.next_line() {
        if line.starts_with(b"%") {
            return Err(line.error("a comment among the entries"));
        }
        if found == announced {
            return Err(
                line.error(format!("more than the {announced} entries that line {} announces", size.number))
            );
        }
        found += 1;
        let mut words = line.words();
        let i = line.expect(&mut words, "a row")?.whole("row", 1, n)? as u32 - 1;
        let second = line.expect(&mut words, "a column")?;
        let j = second.whole("column", 1, n)? as u32 - 1;
        let value = match kind {
            2 => 1.0,
            _ => {
                let word = line.expect(&mut words, "a value")?;
                let value = word.real("value")?;
                if kind == 1 && value.fract() != 0.0 {
                    return Err(word.error("value", "a whole number in an integer matrix"));
                }
                value
            }
        };
        line.end(&mut words, "behind the value")?;
        if symmetric && j > i {
            return Err(second.error("column", format!("at most the row, {}, in a symmetric matrix", i + 1)));
        }
        let entries = if i < j { &mut upper } else { &mut lower };
        entries.note(line.number, i, j, 1);
        let twice = if symmetric && i != j { 2.0 } else { 1.0 };
        source.at_line(line.number, b.term(&[i, j], twice * value).map(drop))?;
    }
    if found < announced {
        return Err(source.truncated(format!("{announced} entries, there are {found}")));
    }
    source.warn_repeated(&lower);
    source.warn_repeated(&upper);
    source.at_line(source.line, b.offset(offset).map(drop))?;
    source.build(b)
}

/// In spin form a matrix has no place for fields.
pub(super) fn write(problem: &Problem) -> Result<String> {
    let diagonal: Vec<(usize, f64)> =
        problem.linear().iter().copied().enumerate().filter(|(_, a)| *a != 0.0).collect();
    let spin = problem.form() == Form::Spin;
    if let (true, Some((i, a))) = (spin, diagonal.first()) {
        let allowed = "0 in spin form: a matrix holds no fields, take the binary form";
        return Err(Error::out_of_range(format!("linear coefficient {i}"), a, allowed));
    }
    // One entry for a pair: half of it in each triangle would lose the last bit of the smallest numbers.
    let mut out = String::from("%%MatrixMarket matrix coordinate real general\n");
    // Writing to a String cannot fail.
    let _ = writeln!(out, "% vartype={}", if spin { "SPIN" } else { "BINARY" });
    if problem.offset() != 0.0 {
        let _ = writeln!(out, "% offset={}", problem.offset());
    }
    let (n, pairs) = (problem.n_variables(), problem.pairs());
    let _ = writeln!(out, "{n} {n} {}", diagonal.len() + pairs.n_edges());
    for (i, a) in diagonal {
        let _ = writeln!(out, "{} {} {a}", i + 1, i + 1);
    }
    for (i, j, w) in pairs.edges() {
        let _ = writeln!(out, "{} {} {w}", i + 1, j + 1);
    }
    Ok(out)
}
