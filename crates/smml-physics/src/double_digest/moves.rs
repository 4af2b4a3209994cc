//! Moves between orders of fragments.

use super::{DoubleDigest, Maps};
use serde::{Deserialize, Serialize};
use smml_core::rng::Draw;

/// Which digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Enzyme {
    /// The first enzyme.
    A,
    /// The second enzyme.
    B,
}

/// Two places i and j in the order of one enzyme's fragments, and what happens to them: the two fragments are exchanged,
/// or the run from i to j is turned around.
///
/// Enzyme, places and kind are drawn without regard to the state, and each rearrangement undoes itself: as likely as
/// its reverse. An enzyme with one fragment has one move, which changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rearrangement {
    /// Whose fragments.
    pub enzyme: Enzyme,
    /// The first place.
    pub i: usize,
    /// The last place, not before the first.
    pub j: usize,
    /// Turn the run around instead of exchanging its ends.
    pub reverse: bool,
}

impl Rearrangement {
    /// An enzyme in proportion to its fragments, two of its places, and one of the two kinds.
    pub(super) fn draw<R: Draw>(n_a: usize, n_b: usize, rng: &mut R) -> Self {
        let first = rng.below(n_a + n_b);
        let (enzyme, i, n) =
            if first < n_a { (Enzyme::A, first, n_a) } else { (Enzyme::B, first - n_a, n_b) };
        if n == 1 {
            return Rearrangement { enzyme, i: 0, j: 0, reverse: false };
        }
        let other = rng.below(n - 1);
        let j = other + usize::from(other >= i);
        Rearrangement { enzyme, i: i.min(j), j: i.max(j), reverse: rng.chance(0.5) }
    }

    /// The place whose fragment comes to place k.
    fn source(&self, k: usize) -> usize {
        if self.reverse && (self.i..=self.j).contains(&k) {
            self.i + self.j - k
        } else if k == self.i {
            self.j
        } else if k == self.j {
            self.i
        } else {
            k
        }
    }

    pub(super) fn energy_after(&self, model: &DoubleDigest, state: &Maps) -> f64 {
        match self.enzyme {
            Enzyme::A => {
                let order = (0..state.a.len()).map(|k| state.a[self.source(k)]);
                model.energy_of(model.a.ends(order), state.cuts_b.iter().copied())
            }
            Enzyme::B => {
                let order = (0..state.b.len()).map(|k| state.b[self.source(k)]);
                model.energy_of(state.cuts_a.iter().copied(), model.b.ends(order))
            }
        }
    }

    pub(super) fn apply(&self, model: &DoubleDigest, state: &mut Maps) {
        let (order, cuts, fragments) = match self.enzyme {
            Enzyme::A => (&mut state.a, &mut state.cuts_a, &model.a),
            Enzyme::B => (&mut state.b, &mut state.cuts_b, &model.b),
        };
        if self.reverse {
            order[self.i..=self.j].reverse();
        } else {
            order.swap(self.i, self.j);
        }
        cuts.clear();
        cuts.extend(fragments.ends(order.iter().copied()));
        state.energy = model.energy_of(state.cuts_a.iter().copied(), state.cuts_b.iter().copied());
    }
}
