//! Progress on standard error: a bar on a terminal; elsewhere, such as in the log of a batch job, a line now and then.

use crate::output;
use indicatif::{ProgressBar, ProgressStyle};
use std::{
    cell::{Cell, RefCell},
    io::IsTerminal,
    time::{Duration, Instant},
};

/// Time between two lines in a log.
const LINE_EVERY: Duration = Duration::from_secs(60);

/// Progress from 0 to a total.
pub(crate) struct Progress {
    shown: Shown,
}

enum Shown {
    Bar(ProgressBar),
    Log(Log),
    Nothing,
}

struct Log {
    total: u64,
    started: Instant,
    last: Cell<Instant>,
    message: RefCell<String>,
}

/// Starts. Shows nothing when `quiet`.
pub(crate) fn bar(total: u64, quiet: bool) -> Progress {
    let now = Instant::now();
    let shown = if quiet {
        Shown::Nothing
    } else if std::io::stderr().is_terminal() {
        let bar = ProgressBar::new(total);
        let style = ProgressStyle::with_template("{bar:30} {percent:>3} %  {elapsed} < {eta}  {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Shown::Bar(bar)
    } else {
        Shown::Log(Log { total, started: now, last: Cell::new(now), message: RefCell::default() })
    };
    Progress { shown }
}

impl Progress {
    /// How much is done.
    pub(crate) fn set_position(&self, done: u64) {
        match &self.shown {
            Shown::Bar(bar) => bar.set_position(done),
            Shown::Log(log) if log.last.get().elapsed() >= LINE_EVERY => {
                log.last.set(Instant::now());
                let percent = 100.0 * done as f64 / log.total.max(1) as f64;
                let (seconds, message) = (log.started.elapsed().as_secs(), log.message.borrow());
                let line = format!("{:3.0} %  {seconds} s  {message}", percent.min(100.0));
                output::remark(false, line.trim_end());
            }
            _ => {}
        }
    }
    /// What is being done.
    pub(crate) fn set_message(&self, message: impl Into<String>) {
        match &self.shown {
            Shown::Bar(bar) => bar.set_message(message.into()),
            Shown::Log(log) => *log.message.borrow_mut() = message.into(),
            Shown::Nothing => {}
        }
    }
    /// Forgets how fast it was: what came before was done by another process.
    pub(crate) fn reset_eta(&self) {
        if let Shown::Bar(bar) = &self.shown {
            bar.reset_eta();
        }
    }
    /// A line for a log, which a bar makes superfluous.
    pub(crate) fn log(&self, line: &str) {
        if let Shown::Log(log) = &self.shown {
            log.last.set(Instant::now());
            output::remark(false, line);
        }
    }
    /// Ends; a bar disappears.
    pub(crate) fn finish_and_clear(&self) {
        if let Shown::Bar(bar) = &self.shown {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        // Also when the run breaks off: its message must not stand behind half a bar.
        self.finish_and_clear();
    }
}
