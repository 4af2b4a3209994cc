//! SIGINT and SIGTERM: the first asks the run to save and stop, the second ends the process.

use std::sync::atomic::{AtomicBool, Ordering};

static STOP: AtomicBool = AtomicBool::new(false);

/// Starts listening.
pub(crate) fn listen() {
    // Fails only when a handler is set already, which is then this one.
    drop(ctrlc::set_handler(|| {
        if STOP.swap(true, Ordering::SeqCst) {
            std::process::exit(4);
        }
    }));
}

/// Whether the run should save and stop.
pub(crate) fn stop() -> bool {
    STOP.load(Ordering::SeqCst)
}
