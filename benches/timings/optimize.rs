//! Minimisers and update rules.

use crate::{Measured, median_ms};
use smml_core::{
    optimize::{Adam, Method, Outcome, Stop, Update, minimise, problems::Rosenbrock},
    rng::{Draw, Streams},
};
use std::hint::black_box;

/// One step of Adam on 10⁶ parameters in single precision.
pub(crate) fn adam_step() -> Measured {
    let mut rng = Streams::new(1).stream("adam", 0);
    let mut draw =
        |scale: f64| -> Vec<f32> { (0..1_000_000).map(|_| (scale * rng.normal()) as f32).collect() };
    let (mut parameters, gradient) = (draw(1.0), draw(0.1));
    let mut adam = Adam::default();
    let time = median_ms(|| adam.update(black_box(&mut parameters), black_box(&gradient), 1e-3))?;
    Ok((time, "ms"))
}

/// Evaluations (value and gradient count one) of L-BFGS from (-1.2, 1, ...) to f <= 1e-10 in 1000 dimensions.
pub(crate) fn rosenbrock_evaluations() -> Measured {
    Ok((minimum()?.evaluations as f64, "evaluations"))
}

/// The time of the same.
pub(crate) fn rosenbrock() -> Measured {
    let time = median_ms(|| minimum().map(|found| drop(black_box(found))))?;
    Ok((time, "ms"))
}

fn minimum() -> Result<Outcome, Box<dyn std::error::Error>> {
    let stop = Stop { gradient: 0.0, value: Some(1e-10), ..Stop::default() };
    let found = minimise(&Rosenbrock, black_box(&Rosenbrock::start(1000)), &Method::default(), &stop)?;
    if found.value > 1e-10 {
        return Err(format!("stopped at {:e}: {:?}", found.value, found.reason).into());
    }
    Ok(found)
}
