//! smml
#[allow(dead_code)]
mod catalogue;

fn main() {}
