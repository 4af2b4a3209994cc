//! smml
fn main() {}
