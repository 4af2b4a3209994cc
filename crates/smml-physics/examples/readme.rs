//! The example of the README: the energy of the Ising model at β = 0.4, with its error, against Kaufman's exact value.

use smml_core::{
    chain::{Chain, Record},
    prelude::*,
    sample::HeatBath,
};
use smml_physics::ising::{Boundary, SquareLattice, onsager};

fn main() -> Result<()> {
    let ising = SquareLattice::uniform(16, 16, Boundary::Periodic, 1.0, 0.0)?.ising()?;
    let beta = 0.4;
    let mut chain = Chain::new(HeatBath, vec![1; 256], Streams::new(1).stream("chain", 0));
    chain.advance(&ising, beta, 1_000);
    let mut record = Record::new(1)?;
    chain.record(&ising, beta, 1, 20_000, &mut record, |s| [ising.energy(s) / 256.0])?;
    let energy = record.estimate(0)?;
    let exact = onsager::torus(16, 16, beta)?.energy;
    println!("{energy}, exact {exact:.6}, z = {:+.1}", energy.z(exact));
    Ok(())
}
