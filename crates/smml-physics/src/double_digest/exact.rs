//! All optima by going through all orders.

use super::{DoubleDigest, MAX_LISTED, Ordering, same_energy};
use smml_core::{
    energy::{Energy, Finite, states},
    error::Result,
};

/// What enumeration found.
#[derive(Clone, Debug, PartialEq)]
pub struct Optima {
    /// The lowest energy.
    pub energy: f64,
    /// Number of different orderings with it, mirror images counted apart: the g of Eq. (61).
    pub n_optima: usize,
    /// Number that remains when an ordering and its mirror image count once.
    pub n_up_to_mirror: usize,
    /// The orderings, at most [`MAX_LISTED`](super::MAX_LISTED).
    pub orderings: Vec<Ordering>,
    /// Number of different orderings in all.
    pub n_orderings: usize,
    /// The next lowest energy; `None` when all orderings have the lowest.
    pub next: Option<f64>,
}

/// All orderings of lowest energy, by enumeration. Energies that differ by less than 10⁻⁹ (relative, above 1) count as
/// equal.
///
/// Errors: more orderings than [`smml_core::energy::MAX_STATES`].
pub fn enumerate(model: &DoubleDigest) -> Result<Optima> {
    let all = states(model)?;
    let mut found = Optima {
        energy: f64::INFINITY,
        n_optima: 0,
        n_up_to_mirror: 0,
        orderings: Vec::new(),
        n_orderings: all.len(),
        next: None,
    };
    // An ordering that is its own mirror image, or whose mirror image is no optimum, counts as two halves.
    let mut halves = 0;
    let mut next = f64::INFINITY;
    for index in all {
        let state = model.state(index);
        let energy = model.energy(&state);
        if !same_energy(energy, found.energy) {
            if energy > found.energy {
                next = next.min(energy);
                continue;
            }
            next = found.energy;
            (found.energy, found.n_optima, halves) = (energy, 0, 0);
            found.orderings.clear();
        }
        found.energy = found.energy.min(energy);
        found.n_optima += 1;
        let mirrored = model.mirrored(&state);
        let alone = mirrored == state || !same_energy(mirrored.energy, energy);
        halves += if alone { 2 } else { 1 };
        if found.orderings.len() < MAX_LISTED {
            found.orderings.push(model.ordering(&state));
        }
    }
    found.n_up_to_mirror = halves / 2;
    found.next = (next < f64::INFINITY).then_some(next);
    Ok(found)
}
