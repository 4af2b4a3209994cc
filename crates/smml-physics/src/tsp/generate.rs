//! Random instances.

use super::{Metric, Tsp};
use smml_core::{
    error::{Error, Result},
    rng::Draw,
};

/// `n` cities, uniform and independent in the unit square. The shortest tour grows as 0.7124 √n for large n
/// (D. S. Johnson and L. A. McGeoch's and A. G. Percus and O. C. Martin's constant).
///
/// Errors: fewer than 3 cities.
pub fn uniform(n: usize, rng: &mut impl Draw) -> Result<Tsp> {
    clusters(n, 1, 0.0, rng)
}

/// `n` cities in `side` × `side` square blocks with empty streets between them, as in Kirkpatrick, Gelatt and Vecchi's
/// picture of 400 cities in nine clusters (`clusters(400, 3, 0.5, rng)`; they do not give the places). Each city takes
/// one of the blocks, all equally likely, and is uniform in it.
///
/// Blocks have side 1, streets the width `street`; their scale is set so that all fits in the unit square.
///
/// Errors: fewer than 3 cities, no blocks or more than 2¹⁶ on a side, a street that is negative or not finite.
pub fn clusters(n: usize, side: usize, street: f64, rng: &mut impl Draw) -> Result<Tsp> {
    if !(1..=1 << 16).contains(&side) {
        return Err(Error::out_of_range("blocks on a side", side, "from 1 to 65536"));
    }
    smml_core::error::not_negative("width of the streets", street)?;
    if n < 3 {
        return Err(Error::out_of_range("number of cities", n, "at least 3"));
    }
    let extent = side as f64 + street * (side - 1) as f64;
    let mut coordinate = || (rng.below(side) as f64 * (1.0 + street) + rng.uniform()) / extent;
    let points: Vec<[f64; 2]> = (0..n).map(|_| [coordinate(), coordinate()]).collect();
    Tsp::from_points(&points, Metric::Euclidean)
}
