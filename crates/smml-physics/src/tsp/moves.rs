//! Moves between tours.

use super::{Tour, Tsp};
use smml_core::rng::Draw;

/// Most cities that are transported together.
pub(super) const MAX_SEGMENT: usize = 3;

/// A change of a tour, by places in its order (modulo n).
///
/// Drawn with places that do not depend on the tour; both kinds undo moves of their kind with the same number of cities,
/// so each is as likely as its reverse. Some change nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TourMove {
    /// 2-opt: the cities at places i + 1 ..= j are visited the other way around (i < j).
    Reverse {
        /// The place before the part.
        i: usize,
        /// Its last place.
        j: usize,
    },
    /// Or-opt: `length` cities from place `start` on are taken out and put back behind the `gap` cities that followed
    /// them.
    Transport {
        /// The first place of the part.
        start: usize,
        /// Number of cities, at most 3.
        length: usize,
        /// Number of cities that it passes, below n - `length`.
        gap: usize,
        /// Whether it is put back the other way around.
        reversed: bool,
    },
}

impl TourMove {
    pub(super) fn draw<R: Draw>(n: usize, rng: &mut R) -> Self {
        // A part to transport leaves three cities or more.
        let longest = MAX_SEGMENT.min(n.saturating_sub(3));
        if longest == 0 || rng.chance(0.5) {
            let (i, other) = (rng.below(n), rng.below(n - 1));
            let j = other + usize::from(other >= i);
            return TourMove::Reverse { i: i.min(j), j: i.max(j) };
        }
        let (start, length) = (rng.below(n), 1 + rng.below(longest));
        TourMove::Transport { start, length, gap: rng.below(n - length), reversed: rng.chance(0.5) }
    }

    /// Length after less length before.
    pub(super) fn delta(&self, tsp: &Tsp, tour: &Tour) -> f64 {
        let n = tour.order.len();
        // Places are below 2 n.
        let city = |k: usize| tour.order[if k >= n { k - n } else { k }];
        let d = |a, b| tsp.distance(a, b);
        match *self {
            TourMove::Reverse { i, j } => {
                let (a, b, c, e) = (city(i), city(i + 1), city(j), city(j + 1));
                d(a, c) + d(b, e) - d(a, b) - d(c, e)
            }
            TourMove::Transport { start, length, gap, reversed } => {
                let (before, after) = (city(start + n - 1), city(start + length));
                let (first, last) = (city(start), city(start + length - 1));
                let (head, tail) = if reversed { (last, first) } else { (first, last) };
                let out = d(before, first) + d(last, after);
                if gap == 0 {
                    return d(before, head) + d(tail, after) - out;
                }
                let end = (start + length + gap - 1) % n;
                let (left, right) = (city(end), city(end + 1));
                d(before, after) + d(left, head) + d(tail, right) - d(left, right) - out
            }
        }
    }

    /// Changes the order; the length is left to the caller. The shorter of the two parts that could move does.
    pub(super) fn apply(&self, tour: &mut Tour) {
        let n = tour.order.len();
        let wrap = |k: usize| k % n;
        let set = |tour: &mut Tour, k: usize, city: u32| {
            tour.order[k] = city;
            tour.place[city as usize] = k as u32;
        };
        match *self {
            TourMove::Reverse { i, j } => {
                // The other part, j + 1 ..= i, turned around gives the same tour.
                let inside = j - i;
                let (from, count) = if 2 * inside <= n { (i + 1, inside) } else { (j + 1, n - inside) };
                for k in 0..count / 2 {
                    let (x, y) = (wrap(from + k), wrap(from + count - 1 - k));
                    let (a, b) = (tour.order[x], tour.order[y]);
                    set(tour, x, b);
                    set(tour, y, a);
                }
            }
            TourMove::Transport { start, length, gap, reversed } => {
                let mut part = [0; MAX_SEGMENT];
                for k in 0..length {
                    part[if reversed { length - 1 - k } else { k }] = tour.order[wrap(start + k)];
                }
                // S M R becomes M S R, or, the same around, R S becomes S R.
                let rest = n - length - gap;
                let to = if gap <= rest {
                    for k in 0..gap {
                        let city = tour.order[wrap(start + length + k)];
                        set(tour, wrap(start + k), city);
                    }
                    start + gap
                } else {
                    for k in 1..=rest {
                        let city = tour.order[wrap(start + n - k)];
                        set(tour, wrap(start + length + n - k), city);
                    }
                    start + n - rest
                };
                for k in 0..length {
                    set(tour, wrap(to + k), part[k]);
                }
            }
        }
    }
}
