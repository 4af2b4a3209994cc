//! qbsolv's QUBO files.

use super::{
    Form, Problem, Sense,
    text::{Entries, Source},
};
use crate::problem::Builder;
use smml_core::error::Result;
use std::fmt::Write as _;

pub(super) fn read(source: &mut Source<'_>) -> Result<Problem> {
    let mut offset = 0.0;
    let header = loop {
        let line =
            source.next_line().ok_or_else(|| source.truncated("a line `p qubo 0 n diagonals couplers`"))?;
        if !line.starts_with(b"c") {
            break line;
        }
        if let Some(word) = line.comment_value("offset") {
            offset += word.real("offset")?;
        }
    };
    let mut words = header.words();
    let mut expect = |what: &str| header.expect(&mut words, what);
    let word = expect("`p qubo`")?;
    if word.text != b"p" {
        return Err(word.error("line", "`p qubo 0 n diagonals couplers`, or a comment that begins with c"));
    }
    let word = expect("`qubo`")?;
    if word.text != b"qubo" {
        return Err(word.error("kind of problem", "qubo"));
    }
    let word = expect("the topology")?;
    if !matches!(word.text, b"0" | b"unconstrained") {
        return Err(word.error("topology", "0 or unconstrained"));
    }
    let n = expect("the number of variables")?.whole("number of variables", 1, source.most_variables())?;
    let lines = source.text.len() as u64;
    let n_diagonal =
        expect("the number of diagonal entries")?.whole("number of diagonal entries", 0, lines)?;
    let n_couplers = expect("the number of couplers")?.whole("number of couplers", 0, lines)?;
    header.end(&mut words, "behind the counts")?;

    let mut b = Builder::new(Form::Binary, Sense::Minimise, n as usize)?;
    let mut entries = Entries::default();
    let (mut diagonal, mut couplers) = (0, 0);
    while let Some(line) = source.next_line() {
        if line.starts_with(b"c") {
            if let Some(word) = line.comment_value("offset") {
                offset += word.real("offset")?;
            }
            continue;
        }
        let mut words = line.words();
        let i = line.expect(&mut words, "a variable")?.whole("variable", 0, n - 1)? as u32;
        let j = line.expect(&mut words, "the second variable")?.whole("variable", 0, n - 1)? as u32;
        let value = line.expect(&mut words, "a value")?.real("value")?;
        line.end(&mut words, "behind the value")?;
        let (count, most, what) = if i == j {
            (&mut diagonal, n_diagonal, "diagonal entries")
        } else {
            (&mut couplers, n_couplers, "couplers")
        };
        *count += 1;
        if *count > most {
            return Err(
                line.error(format!("more than the {most} {what} that line {} announces", header.number))
            );
        }
        entries.note(line.number, i, j, 0);
        source.at_line(line.number, b.term(&[i, j], value).map(drop))?; // x² = x
    }
    for (found, announced, what) in
        [(diagonal, n_diagonal, "diagonal entries"), (couplers, n_couplers, "couplers")]
    {
        if found < announced {
            return Err(source.truncated(format!("{announced} {what}, there are {found}")));
        }
    }
    source.warn_repeated(&entries);
    source.at_line(source.line, b.offset(offset).map(drop))?;
    source.build(b)
}

/// A problem in binary form.
pub(super) fn write(problem: &Problem) -> String {
    let diagonal: Vec<(usize, f64)> =
        problem.linear().iter().copied().enumerate().filter(|(_, a)| *a != 0.0).collect();
    let mut out = String::new();
    // Writing to a String cannot fail.
    if problem.offset() != 0.0 {
        let _ = writeln!(out, "c offset={}", problem.offset());
    }
    let couplers = problem.pairs().n_edges();
    let _ = writeln!(out, "p qubo 0 {} {} {couplers}", problem.n_variables(), diagonal.len());
    for (i, a) in diagonal {
        let _ = writeln!(out, "{i} {i} {a}");
    }
    for (i, j, w) in problem.pairs().edges() {
        let _ = writeln!(out, "{i} {j} {w}");
    }
    out
}
