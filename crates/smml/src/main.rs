//! smml: statistical mechanics for machine learning, as a program.
#[allow(dead_code)]
mod catalogue;
#[allow(dead_code)]
mod error;
#[allow(dead_code)]
mod report;
#[allow(dead_code)]
mod reproduce;

fn main() {}
