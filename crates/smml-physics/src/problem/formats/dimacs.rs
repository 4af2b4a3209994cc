//! DIMACS cnf and wcnf: weighted max-sat.
//!
//! A clause l₁ ∨ l₂ ∨ ... is one product: it is not satisfied where (1 - l₁)(1 - l₂)... = 1. The value is the weight of
//! the satisfied soft clauses, minus P for each hard clause that is not satisfied, with P = (all soft weight) + 1: where
//! the hard clauses can be satisfied together, every optimum satisfies them, and its value is the satisfied weight.

use super::{
    Form, Problem, Sense,
    text::{Line, Source, Word},
};
use crate::problem::{Builder, MAX_DEGREE};
use smml_core::error::{Error, Result};
use std::fmt::Write as _;

/// Largest weight, and largest sum of weights: whole numbers up to here are exact.
const MAX_WEIGHT: u64 = 1 << 53;

/// How clauses are given.
#[derive(Clone, Copy)]
enum Kind {
    /// `p cnf`: all of weight 1.
    Cnf,
    /// `p wcnf` with the weight from which on a clause is hard.
    Old { top: u64 },
    /// No header; hard clauses begin with h.
    New,
}

struct Clause {
    line: usize,
    /// `None` for a hard clause.
    weight: Option<u64>,
    literals: Vec<(u32, bool)>,
}

pub(super) fn read(source: &mut Source<'_>) -> Result<Problem> {
    let most = source.most_variables();
    let (mut kind, mut announced, mut n) = (None, None, 0);
    let mut offset = 0.0;
    let mut clauses: Vec<Clause> = Vec::new();
    let mut open: Option<Clause> = None;
    'lines: while let Some(line) = source.next_line() {
        if open.is_none() && is_comment(line) {
            if let Some(word) = line.comment_value("offset") {
                offset += word.real("offset")?;
            }
            continue;
        }
        let words = line.words();
        if line.starts_with(b"p") && kind.is_none() {
            let (header, n_variables, n_clauses) = read_header(line, most, source.text.len() as u64)?;
            (kind, n, announced) = (Some(header), n_variables, Some((n_clauses, line.number)));
            continue;
        }
        let kind = *kind.get_or_insert(Kind::New);
        if line.text.trim_ascii() == b"%" && matches!(kind, Kind::Cnf) && open.is_none() {
            source.warn(line.number, "`%` ends the clauses here; what follows is read over");
            break 'lines;
        }
        for word in words {
            let clause = match &mut open {
                Some(clause) => clause,
                None => {
                    if announced.is_some_and(|(m, _)| clauses.len() as u64 == m) {
                        let (m, at) = announced.unwrap_or_default();
                        return Err(line.error(format!("more than the {m} clauses that line {at} announces")));
                    }
                    let weight = match kind {
                        Kind::Cnf => Some(1),
                        Kind::Old { top } => {
                            let weight = word.whole("weight", 0, u64::MAX)?;
                            (weight < top).then_some(weight)
                        }
                        Kind::New if word.text == b"h" => None,
                        Kind::New => Some(word.whole("weight (or h)", 0, u64::MAX)?),
                    };
                    if weight.is_some_and(|w| w > MAX_WEIGHT) {
                        return Err(word.error("weight", format!("at most 2^53 = {MAX_WEIGHT}")));
                    }
                    let clause = open.insert(Clause { line: line.number, weight, literals: Vec::new() });
                    if !matches!(kind, Kind::Cnf) {
                        continue;
                    }
                    clause
                }
            };
            let most_here = if matches!(kind, Kind::New) { most } else { n };
            match literal(word, most_here)? {
                Some(l) => clause.literals.push(l),
                None => clauses.extend(open.take()),
            }
        }
        if let (Kind::New, Some(clause)) = (kind, &open) {
            return Err(line.error(format!("the clause of line {} does not end with 0", clause.line)));
        }
    }
    if let Some(clause) = open {
        return Err(source.truncated(format!("the 0 that ends the clause of line {}", clause.line)));
    }
    if let Some((m, _)) = announced.filter(|(m, _)| (clauses.len() as u64) < *m) {
        return Err(source.truncated(format!("{m} clauses, there are {}", clauses.len())));
    }
    let used = clauses.iter().flat_map(|c| &c.literals).map(|l| u64::from(l.0) + 1).max().unwrap_or(0);
    let n = n.max(used);
    if n == 0 {
        return Err(source.truncated("a clause"));
    }
    build(source, clauses, n as usize, offset)
}

/// Comments begin with the word c (or with c alone, as the old files have it).
fn is_comment(line: Line<'_>) -> bool {
    line.starts_with(b"c")
}

fn read_header(line: Line<'_>, most: u64, lines: u64) -> Result<(Kind, u64, u64)> {
    let mut words = line.words();
    let word = line.expect(&mut words, "`p`")?;
    if word.text != b"p" {
        return Err(word.error("line", "`p cnf variables clauses` or `p wcnf variables clauses top`"));
    }
    let word = line.expect(&mut words, "cnf or wcnf")?;
    let weighted = match word.text {
        b"cnf" => false,
        b"wcnf" => true,
        _ => return Err(word.error("kind of problem", "cnf or wcnf")),
    };
    let n = line.expect(&mut words, "the number of variables")?.whole("number of variables", 1, most)?;
    let m = line.expect(&mut words, "the number of clauses")?.whole("number of clauses", 0, lines)?;
    // Without a top no clause is hard.
    let top = words.next().filter(|_| weighted).map_or(Ok(u64::MAX), |w| w.whole("top", 1, u64::MAX))?;
    line.end(&mut words, "behind the header")?;
    Ok((if weighted { Kind::Old { top } } else { Kind::Cnf }, n, m))
}

/// A literal that is true makes its clause true: x is (variable, false). `None` for the 0 at the end.
fn literal(word: Word<'_>, most: u64) -> Result<Option<(u32, bool)>> {
    let (digits, negated) = match word.text.strip_prefix(b"-") {
        Some(rest) => (rest, true),
        None => (word.text, false),
    };
    let plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let value = std::str::from_utf8(digits).ok().filter(|_| plain).and_then(|t| t.parse::<u64>().ok());
    match value.filter(|v| *v <= most) {
        Some(0) => Ok(None),
        Some(v) => Ok(Some(((v - 1) as u32, negated))),
        None => Err(word.error("literal", format!("a whole number from -{most} to {most}"))),
    }
}

fn build(source: &mut Source<'_>, clauses: Vec<Clause>, n: usize, offset: f64) -> Result<Problem> {
    let mut soft = 0u64;
    for clause in &clauses {
        soft = soft.saturating_add(clause.weight.unwrap_or(0));
        if soft >= MAX_WEIGHT {
            let problem = format!("the sum of the weights reaches {soft}: must be below 2^53 = {MAX_WEIGHT}");
            return Err(source.error(clause.line, problem));
        }
    }
    let n_hard = clauses.iter().filter(|c| c.weight.is_none()).count() as u64;
    if (soft + 1).checked_mul(n_hard).is_none_or(|total| total >= MAX_WEIGHT) {
        let problem = format!("{n_hard} hard clauses of penalty {}: must stay below 2^53 together", soft + 1);
        return Err(source.error(1, problem));
    }
    let mut b = Builder::new(Form::Binary, Sense::Maximise, n)?;
    source.at_line(1, b.offset(offset).map(drop))?;
    for mut clause in clauses {
        clause.literals.sort_unstable();
        clause.literals.dedup();
        if clause.literals.len() > MAX_DEGREE && !clause.literals.windows(2).any(|w| w[0].0 == w[1].0) {
            let problem = format!("a clause of {} literals: at most {MAX_DEGREE}", clause.literals.len());
            return Err(source.error(clause.line, problem));
        }
        let weight = match clause.weight {
            Some(weight) => {
                b.offset(weight as f64)?;
                weight as f64
            }
            None => (soft + 1) as f64,
        };
        // All literals false: each becomes its complement.
        let false_literals: Vec<(u32, bool)> =
            clause.literals.iter().map(|&(v, negated)| (v, !negated)).collect();
        source.at_line(clause.line, b.product(&false_literals, -weight).map(drop))?;
    }
    source.build(b)
}

/// Any polynomial with whole coefficients as clauses. A product of literals with c < 0 is -|c| where all are true: the
/// clause of their complements, of weight |c|. With c > 0: c l L = c L - c (1 - l) L, again until one literal is left.
pub(super) fn write(problem: &Problem) -> Result<String> {
    let problem = problem.to_form(Form::Binary)?;
    // As a maximisation.
    let sign = -problem.sense().sign();
    let mut offset = sign * problem.offset();
    let mut clauses: Vec<(f64, Vec<(u32, bool)>)> = Vec::new();
    let linear = problem.linear().iter().enumerate().map(|(i, &a)| (vec![(i as u32, false)], a));
    let pairs = problem.pairs().edges().map(|(i, j, w)| (vec![(i, false), (j, false)], w));
    let terms = problem.terms().iter().map(|t| (t.literals().collect(), t.coefficient()));
    for (mut literals, coefficient) in linear.chain(pairs).chain(terms) {
        let c = sign * coefficient;
        if c == 0.0 {
            continue;
        }
        if c.fract() != 0.0 || c.abs() > MAX_WEIGHT as f64 {
            let allowed = "a whole number of at most 2^53 for the format dimacs: scale the problem";
            return Err(Error::out_of_range("coefficient", c, allowed));
        }
        // c < 0: the clause is satisfied everywhere but where the product is 1, so the product is its weight less.
        let mut not_all = |literals: &[(u32, bool)]| {
            offset -= c.abs();
            clauses.push((c.abs(), literals.iter().map(|&(v, complemented)| (v, !complemented)).collect()));
        };
        if c < 0.0 {
            not_all(&literals);
            continue;
        }
        while literals.len() > 1 {
            literals[0].1 = !literals[0].1;
            not_all(&literals);
            literals.remove(0);
        }
        clauses.push((c, literals));
    }
    let total: f64 = clauses.iter().map(|c| c.0).sum();
    if total >= MAX_WEIGHT as f64 {
        return Err(Error::out_of_range("sum of the weights of all clauses", total, "below 2^53"));
    }
    let mut out = String::new();
    // Writing to a String cannot fail.
    if offset != 0.0 {
        let _ = writeln!(out, "c offset={offset}");
    }
    let _ = writeln!(out, "p wcnf {} {} {}", problem.n_variables(), clauses.len(), total + 1.0);
    for (weight, literals) in clauses {
        let _ = write!(out, "{weight}");
        for (v, complemented) in literals {
            let _ = write!(out, " {}{}", if complemented { "-" } else { "" }, v + 1);
        }
        out.push_str(" 0\n");
    }
    Ok(out)
}
