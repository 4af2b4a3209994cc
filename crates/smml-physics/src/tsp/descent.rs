//! Descent with 2-opt and or-opt moves between near cities.

use super::{Metric, Tour, TourMove, Tsp, moves::MAX_SEGMENT};
use smml_core::energy::LocalEnergy;

/// The nearest cities of every city, nearest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Neighbours {
    k: usize,
    lists: Vec<u32>,
}

impl Neighbours {
    /// The `k` nearest of every city, at least 1 and at most all others; of cities equally far the ones with the smaller
    /// numbers.
    ///
    /// Cities in the plane are looked up in cells, in a time that goes as n where they are spread out; other distances
    /// take O(n²).
    pub fn new(tsp: &Tsp, k: usize) -> Self {
        let n = tsp.n_cities();
        let k = k.clamp(1, n - 1);
        let cells = Cells::new(tsp);
        let mut lists = Vec::with_capacity(n * k);
        let mut others: Vec<(f64, u32)> = Vec::new();
        for city in 0..n as u32 {
            others.clear();
            match &cells {
                Some(cells) => cells.candidates(tsp, city, k, &mut others),
                None => {
                    others.extend((0..n as u32).filter(|&c| c != city).map(|c| (tsp.distance(city, c), c)));
                }
            }
            others.select_nth_unstable_by(k - 1, by_distance);
            others[..k].sort_by(by_distance);
            lists.extend(others[..k].iter().map(|o| o.1));
        }
        Neighbours { k, lists }
    }
    /// Number of cities in each list.
    pub fn k(&self) -> usize {
        self.k
    }
    /// The nearest of a city.
    pub fn of(&self, city: u32) -> &[u32] {
        &self.lists[city as usize * self.k..(city as usize + 1) * self.k]
    }
}

fn by_distance(a: &(f64, u32), b: &(f64, u32)) -> std::cmp::Ordering {
    a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))
}

/// Square cells with about two cities each, over the box around all cities.
struct Cells {
    side: f64,
    corner: [f64; 2],
    shape: [usize; 2],
    /// Cities of cell c: those from `first[c]` to `first[c + 1]`.
    first: Vec<usize>,
    cities: Vec<u32>,
}

impl Cells {
    /// None for cities without places, for distances on a sphere, and where all cities are in one place.
    fn new(tsp: &Tsp) -> Option<Self> {
        if tsp.points().is_empty() || tsp.metric() == Metric::Geographic {
            return None;
        }
        let bound = |axis: usize, pick: fn(f64, f64) -> f64| {
            tsp.points().iter().map(|p| p[axis]).fold(tsp.points()[0][axis], pick)
        };
        let corner = [bound(0, f64::min), bound(1, f64::min)];
        let extent = [bound(0, f64::max) - corner[0], bound(1, f64::max) - corner[1]];
        let n = tsp.n_cities() as f64;
        // A box without area has its cells in a row.
        let longest = extent[0].max(extent[1]);
        let side = (2.0 * extent[0] * extent[1] / n).sqrt().max(2.0 * longest / n);
        if !(side > 0.0 && side.is_finite()) {
            return None;
        }
        let shape = extent.map(|e| (e / side) as usize + 1);
        let mut cells =
            Cells { side, corner, shape, first: vec![0; shape[0] * shape[1] + 1], cities: Vec::new() };
        let of: Vec<usize> = tsp.points().iter().map(|p| cells.number(cells.place(*p))).collect();
        for &c in &of {
            cells.first[c + 1] += 1;
        }
        for c in 0..shape[0] * shape[1] {
            cells.first[c + 1] += cells.first[c];
        }
        let mut next = cells.first.clone();
        cells.cities = vec![0; of.len()];
        for (city, &c) in (0u32..).zip(&of) {
            cells.cities[next[c]] = city;
            next[c] += 1;
        }
        Some(cells)
    }
    fn place(&self, point: [f64; 2]) -> [usize; 2] {
        [0, 1]
            .map(|axis| (((point[axis] - self.corner[axis]) / self.side) as usize).min(self.shape[axis] - 1))
    }
    fn number(&self, place: [usize; 2]) -> usize {
        place[0] * self.shape[1] + place[1]
    }
    /// Cities among which are the `k` nearest of one: ring after ring of cells around its own, until no city farther out
    /// can be as near as the k-th. Beyond ring r a coordinate differs by r sides or more, and no metric of the plane gives
    /// less for that than for a step along an axis.
    fn candidates(&self, tsp: &Tsp, city: u32, k: usize, found: &mut Vec<(f64, u32)>) {
        let place = self.place(tsp.points()[city as usize]);
        let farthest = self.shape[0].max(self.shape[1]);
        for ring in 0..=farthest {
            for i in place[0].saturating_sub(ring)..=(place[0] + ring).min(self.shape[0] - 1) {
                for j in place[1].saturating_sub(ring)..=(place[1] + ring).min(self.shape[1] - 1) {
                    if i.abs_diff(place[0]).max(j.abs_diff(place[1])) == ring {
                        let c = self.number([i, j]);
                        let cities = &self.cities[self.first[c]..self.first[c + 1]];
                        let others = cities.iter().filter(|&&c| c != city);
                        found.extend(others.map(|&c| (tsp.distance(city, c), c)));
                    }
                }
            }
            if found.len() >= k {
                found.select_nth_unstable_by(k - 1, by_distance);
                // A little less than r sides, so that rounding of places cannot matter.
                let reach = ring as f64 * self.side * (1.0 - 1e-9);
                if found[k - 1].0 < tsp.metric().distance([0.0, 0.0], [reach, 0.0]) {
                    return;
                }
            }
        }
    }
}

/// The 2-opt move that joins `a` and `b`: behind both (`forwards`) or before both.
pub(super) fn joining(tour: &Tour, a: u32, b: u32, forwards: bool) -> TourMove {
    let n = tour.order.len();
    let place = |city: u32| {
        let k = tour.place[city as usize] as usize;
        if forwards { k } else { (k + n - 1) % n }
    };
    let (i, j) = (place(a), place(b));
    TourMove::Reverse { i: i.min(j), j: i.max(j) }
}

/// The or-opt move that takes `length` cities, of which `a` is the first (`forwards`) or the last, next to `b`: `a` is
/// joined to `b` from behind or from before. `None` where `b` is among the cities taken, or nothing would change.
pub(super) fn taking(
    tour: &Tour,
    a: u32,
    b: u32,
    length: usize,
    forwards: bool,
    behind: bool,
) -> Option<TourMove> {
    let n = tour.order.len();
    if length + 3 > n {
        return None;
    }
    let at = tour.place[a as usize] as usize;
    let start = if forwards { at } else { (at + n + 1 - length) % n };
    // Place of b counted from the end of the part.
    let ahead = (tour.place[b as usize] as usize + 2 * n - start - length) % n;
    if ahead >= n - length {
        return None;
    }
    // Behind b, the part comes after ahead + 1 cities; before b, after ahead.
    let gap = if behind { (ahead + 1) % (n - length) } else { ahead };
    // Behind b the city next to b is the head of the part, before b the tail.
    let reversed = behind != forwards;
    (gap > 0 || reversed).then_some(TourMove::Transport { start, length, gap, reversed })
}

/// Makes a tour shorter until no 2-opt move, and no transport of up to three cities, that joins a city to one of its
/// near `neighbours` does; returns the number of moves. A last step for tours that a search left off the floor.
///
/// A move must gain more than 10⁻¹² of the length at the start, so that rounding cannot go around in circles.
pub fn descend(tsp: &Tsp, tour: &mut Tour, neighbours: &Neighbours) -> u64 {
    let n = tsp.n_cities();
    let least = 1e-12 * tour.length.abs();
    let mut waiting: std::collections::VecDeque<u32> = tour.order.iter().copied().collect();
    let mut is_waiting = vec![true; n];
    let mut moved = 0;
    // A change elsewhere can open a move for a city that was done: passes go on until one finds nothing.
    loop {
        let before = moved;
        while let Some(a) = waiting.pop_front() {
            is_waiting[a as usize] = false;
            while let Some(change) = better(tsp, tour, neighbours, a, least) {
                // Cities whose links change may now have better moves.
                let ends = ends(tour, &change);
                tsp.apply(tour, &change);
                moved += 1;
                for city in ends {
                    if !std::mem::replace(&mut is_waiting[city as usize], true) {
                        waiting.push_back(city);
                    }
                }
            }
        }
        if moved == before {
            return moved;
        }
        waiting.extend(&tour.order);
        is_waiting.fill(true);
    }
}

fn ends(tour: &Tour, change: &TourMove) -> [u32; 6] {
    let n = tour.order.len();
    let city = |k: usize| tour.order[k % n];
    match *change {
        TourMove::Reverse { i, j } => [city(i), city(i + 1), city(j), city(j + 1), city(i), city(j)],
        TourMove::Transport { start, length, gap, .. } => {
            let end = start + length + gap;
            [
                city(start + n - 1),
                city(start),
                city(start + length - 1),
                city(start + length),
                city(end - 1),
                city(end),
            ]
        }
    }
}

/// The first move that shortens the tour by joining `a` to a near city.
fn better(tsp: &Tsp, tour: &Tour, neighbours: &Neighbours, a: u32, least: f64) -> Option<TourMove> {
    let gains = |change: &TourMove| tsp.delta(tour, change) < -least;
    for &b in neighbours.of(a) {
        for forwards in [true, false] {
            let change = joining(tour, a, b, forwards);
            if gains(&change) {
                return Some(change);
            }
        }
        // Cities with `a` at their end next to b, and cities with b at their end next to `a`.
        for (part, to) in [(a, b), (b, a)] {
            for length in 1..=MAX_SEGMENT {
                for forwards in [true, false] {
                    for behind in [true, false] {
                        match taking(tour, part, to, length, forwards, behind) {
                            Some(change) if gains(&change) => return Some(change),
                            _ => {}
                        }
                    }
                }
            }
        }
    }
    None
}
