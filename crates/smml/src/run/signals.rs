//! SIGINT and SIGTERM: the first asks the run to save and stop, or ends it where there is nothing to save; the second
//! ends the process.

use crate::output;
use std::{
    io::IsTerminal,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

static STOP: AtomicBool = AtomicBool::new(false);
/// What to say when a signal may end the process at once; nothing where the run has to save first.
static AT_ONCE: Mutex<Option<String>> = Mutex::new(None);

/// Exit code of a run that can be resumed.
const INTERRUPTED: i32 = 4;
/// Exit code of a run that was ended without saving, as shells have it for SIGINT.
const ENDED: i32 = 130;

/// Starts listening.
pub(crate) fn listen() {
    // Fails only when a handler is set already, which is then this one.
    drop(ctrlc::set_handler(|| {
        let again = STOP.swap(true, Ordering::SeqCst);
        // Held to the end: what the run does next may be to write a file.
        let at_once = AT_ONCE.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(message) = &*at_once {
            output::remark(false, &format!("error: {message}"));
            std::process::exit(INTERRUPTED);
        }
        if again {
            std::process::exit(ENDED);
        }
        let quiet = !std::io::stderr().is_terminal();
        output::remark(quiet, "stopping; a second signal ends the run without saving");
    }));
}

/// Whether the run should save and stop.
pub(crate) fn stop() -> bool {
    STOP.load(Ordering::SeqCst)
}

/// From now on the first signal ends the process, with this message and code 4: everything worth keeping is saved and
/// nothing is being written. `None`: the run is asked again.
pub(crate) fn at_once(message: Option<&str>) {
    *AT_ONCE.lock().unwrap_or_else(PoisonError::into_inner) = message.map(str::to_string);
}
