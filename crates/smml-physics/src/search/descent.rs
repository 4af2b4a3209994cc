//! Descent: single flips, each the one that lowers the energy most, until none does.

use crate::ising::{CachedIsing, CachedSpins};
use smml_core::energy::{Energy, LocalEnergy};
use std::{cmp::Ordering, collections::BinaryHeap};

/// A flip that lowers the energy by this much.
struct Gain(f64, usize);

impl Ord for Gain {
    /// The largest gain first, of equals the first spin.
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0).then(other.1.cmp(&self.1))
    }
}

impl PartialOrd for Gain {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Gain {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Gain {}

/// Turns the spin whose flip lowers the energy most (the first of equals) until no flip lowers it, and returns how many
/// were turned. A last step for states that a search left off the floor: O(n) where it is on the floor already, and
/// O(degree log n) more for each spin turned.
///
/// Errors of rounding in cached fields end it too: a flip must lower the energy by more than 10⁻¹² of what is known of
/// it.
pub fn descend(model: &CachedIsing, state: &mut CachedSpins) -> u64 {
    let floor = 1e-12 * model.energy(state).abs().max(f64::MIN_POSITIVE);
    let gain =
        |state: &CachedSpins, i: usize| Some(Gain(-model.delta(state, &i), i)).filter(|gain| gain.0 > floor);
    let mut gains: BinaryHeap<Gain> = (0..state.spins().len()).filter_map(|i| gain(state, i)).collect();
    let mut turned = 0;
    while let Some(Gain(old, i)) = gains.pop() {
        // What was put in before a neighbour turned no longer holds; the new one, if any, is there too.
        if gain(state, i).is_none_or(|now| now.0.to_bits() != old.to_bits()) {
            continue;
        }
        model.apply(state, &i);
        turned += 1;
        let neighbours = model.0.couplings().neighbours(i).0;
        gains.extend(neighbours.iter().filter_map(|j| gain(state, *j as usize)));
    }
    turned
}
