//! What holds: the state of a check and of an equation, and how a state is shown.

use crate::{
    catalogue::{Equation, Status},
    reproduce::check::{CheckResult, Verdict},
};

/// How things stand with a check or an equation. The order is that of importance: a list of states stands as its first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    /// A comparison failed, or a check ended with an error.
    Fails,
    /// All that was compared agrees.
    Holds,
    /// Numbers, but nothing to compare them with.
    Reported,
    /// Implemented, but not checked in this run.
    NotRun,
    /// Not implemented yet.
    Planned,
}

impl State {
    pub(super) const ALL: [State; 5] =
        [State::Holds, State::Fails, State::Reported, State::NotRun, State::Planned];

    /// In words.
    pub(super) fn word(self) -> &'static str {
        match self {
            State::Fails => "fails",
            State::Holds => "holds",
            State::Reported => "reported",
            State::NotRun => "not run",
            State::Planned => "planned",
        }
    }
    /// In words, for a number of them.
    pub(super) fn count(self, n: usize) -> String {
        match self {
            State::Fails if n != 1 => format!("{n} fail"),
            State::Holds if n != 1 => format!("{n} hold"),
            _ => format!("{n} {}", self.word()),
        }
    }
    /// In one sign, which says the same without colour.
    pub(super) fn sign(self) -> &'static str {
        match self {
            State::Fails => "✗",
            State::Holds => "✓",
            State::Reported => "•",
            State::NotRun => "–",
            State::Planned => "○",
        }
    }
    /// The class of the style sheet.
    pub(super) fn class(self) -> &'static str {
        match self {
            State::Fails => "fails",
            State::Holds => "holds",
            State::Reported => "reported",
            State::NotRun => "notrun",
            State::Planned => "planned",
        }
    }
    /// What the sign means, for the key.
    pub(super) fn meaning(self) -> &'static str {
        match self {
            State::Fails => "a comparison fails",
            State::Holds => "every comparison holds",
            State::Reported => "measured, compared with nothing",
            State::NotRun => "implemented, not checked in this run",
            State::Planned => "not implemented yet",
        }
    }
}

impl From<Verdict> for State {
    fn from(v: Verdict) -> Self {
        match v {
            Verdict::Holds => State::Holds,
            Verdict::Fails => State::Fails,
            Verdict::Reported => State::Reported,
        }
    }
}

/// The state of a check.
pub(super) fn of_check(result: &CheckResult) -> State {
    match &result.outcome {
        Err(_) => State::Fails,
        Ok(o) => match o.rows.iter().map(|r| State::from(r.verdict())).min() {
            Some(state) => state,
            None if o.skipped.is_some() => State::NotRun,
            None => State::Reported,
        },
    }
}

/// The state of an equation.
pub(super) fn of_equation(equation: &Equation, results: &[CheckResult]) -> State {
    let checked = results.iter().filter(|r| r.check.equations.contains(&equation.id)).map(of_check);
    match (checked.min(), equation.status) {
        (Some(state), _) if state < State::NotRun => state,
        (_, Status::Planned) => State::Planned,
        _ => State::NotRun,
    }
}
