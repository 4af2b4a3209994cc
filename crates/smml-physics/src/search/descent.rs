//! Descent: single flips, each the one that lowers the energy most, until none does.

use crate::ising::{CachedIsing, CachedSpins};
use smml_core::energy::{Energy, LocalEnergy};

/// Turns the spin whose flip lowers the energy most (the first of equals) until no flip lowers it, and returns how many
/// were turned. A last step for states that a search left off the floor.
///
/// Errors of rounding in cached fields end it too: a flip must lower the energy by more than 10⁻¹² of what is known of
/// it.
pub fn descend(model: &CachedIsing, state: &mut CachedSpins) -> u64 {
    let n = state.spins().len();
    let floor = 1e-12 * model.energy(state).abs().max(f64::MIN_POSITIVE);
    let mut turned = 0;
    loop {
        let steepest = (0..n).map(|i| (model.delta(state, &i), i)).min_by(|a, b| a.0.total_cmp(&b.0));
        match steepest {
            Some((change, i)) if change < -floor => model.apply(state, &i),
            _ => return turned,
        }
        turned += 1;
    }
}
