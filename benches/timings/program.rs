//! The program as a whole: how long it takes to start, and what a checkpoint costs.

use crate::{Measured, median_ms};
use smml_core::{
    Error,
    chain::Record,
    rng::{Draw, Streams},
    store,
};
use std::{
    hint::black_box,
    process::{Command, Stdio},
    time::Instant,
};

/// Milliseconds of waiting for `smml --help`. The program is looked for beside this one. Other work on the machine
/// can only add to it, so the shortest of 50 is taken.
pub(crate) fn startup() -> Measured {
    let program = std::env::current_exe()?.with_file_name(format!("smml{}", std::env::consts::EXE_SUFFIX));
    let mut shortest = f64::INFINITY;
    for _ in 0..50 {
        let start = Instant::now();
        let status = Command::new(&program)
            .arg("--help")
            .stdout(Stdio::null())
            .status()
            .map_err(|e| format!("{}: {e}", program.display()))?;
        shortest = shortest.min(1e3 * start.elapsed().as_secs_f64());
        if !status.success() {
            return Err(format!("smml --help: {status}").into());
        }
    }
    Ok((shortest, "ms"))
}

/// A record of 10⁶ numbers.
fn record() -> Result<Record, Error> {
    let mut rng = Streams::new(1).stream("program", 0);
    let mut record = Record::new(2)?;
    for _ in 0..500_000 {
        record.push(&[rng.normal(), rng.normal()])?;
    }
    Ok(record)
}

/// The record as the bytes of a checkpoint.
pub(crate) fn encode() -> Measured {
    let record = record()?;
    let time = median_ms(|| store::encode(black_box(&record), 0).map(|b| drop(black_box(b))))?;
    Ok((time, "ms"))
}

/// Those bytes checked and read.
pub(crate) fn decode() -> Measured {
    let bytes = store::encode(&record()?, 0)?;
    let time = median_ms(|| store::decode::<Record>(black_box(&bytes), 0).map(|r| drop(black_box(r))))?;
    Ok((time, "ms"))
}
