//! The shortest tour of few cities.

use super::{Tour, Tsp};
use smml_core::error::{Error, Result};

/// Most cities of [`held_karp`].
pub const MAX_EXACT: usize = 16;

/// A shortest tour, by M. Held and R. M. Karp's dynamic programme (J. SIAM 10, 196 (1962)): the shortest path from city 0
/// through every set of cities to every end. Time n² 2ⁿ, memory n 2ⁿ⁻¹ numbers.
///
/// Errors: more than [`MAX_EXACT`] cities.
pub fn held_karp(tsp: &Tsp) -> Result<Tour> {
    let n = tsp.n_cities();
    if n > MAX_EXACT {
        return Err(Error::TooLarge {
            what: "the exact tour".into(),
            needed: format!("{n} cities"),
            limit: format!("{MAX_EXACT} cities"),
        });
    }
    // City m is number m - 1; a set of them is a bit mask.
    let m = n - 1;
    let d = |a: usize, b: usize| tsp.distance(a as u32, b as u32);
    let mut shortest = vec![f64::INFINITY; m << m];
    for k in 0..m {
        shortest[(1 << k) * m + k] = d(0, k + 1);
    }
    for set in 1..1usize << m {
        for end in (0..m).filter(|end| set >> end & 1 == 1) {
            let here = shortest[set * m + end];
            for next in (0..m).filter(|next| set >> next & 1 == 0) {
                let entry = &mut shortest[(set | 1 << next) * m + next];
                *entry = entry.min(here + d(end + 1, next + 1));
            }
        }
    }
    // Back from the last city: always to the one from which the path was shortest.
    let (mut set, mut order, mut at) = ((1usize << m) - 1, vec![0u32], 0);
    while set > 0 {
        let total = |end: &usize| shortest[set * m + end] + d(end + 1, at);
        let ends = (0..m).filter(|end| set >> end & 1 == 1);
        let Some(end) = ends.min_by(|a, b| total(a).total_cmp(&total(b))) else { break };
        order.push(end as u32 + 1);
        set &= !(1 << end);
        at = end + 1;
    }
    tsp.tour(order)
}
