//! Cities, and tours as states.

use super::{Metric, TourMove};
use smml_core::{
    energy::{Energy, Finite, LocalEnergy, Reference},
    error::{Error, Result, all_finite, permutation, same_length},
    rng::Draw,
};

/// Up to so many cities, all distances of points are kept (32 MiB); beyond, they are computed when asked for.
const MAX_TABLE: usize = 2048;
/// Most cities.
const MAX_CITIES: usize = 1 << 24;

/// The travelling salesman with symmetric distances: E = length of the closed tour.
///
/// States are tours; where a tour starts and which way it is walked do not matter, so n cities have (n - 1)!/2 of them.
/// The distribution at β = 0 is uniform. The length is kept in the state and is exact where distances are whole numbers;
/// else it gathers rounding errors, which [`Tsp::refresh`] removes.
///
/// ```
/// use smml_core::energy::{Energy, Finite};
/// use smml_physics::tsp::{Metric, Tsp};
/// let square = Tsp::from_points(&[[0.0, 0.0], [1.0, 1.0], [1.0, 0.0], [0.0, 1.0]], Metric::Euclidean)?;
/// assert_eq!(square.n_states(), Some(3));
/// assert_eq!(square.energy(&square.tour(vec![0, 2, 1, 3])?), 4.0);
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Tsp {
    n: usize,
    points: Vec<[f64; 2]>,
    metric: Metric,
    /// Row by row; empty where distances come from the points.
    table: Vec<f64>,
}

/// A tour with the place of each city in it, and its length.
#[derive(Clone, Debug)]
pub struct Tour {
    pub(super) order: Vec<u32>,
    pub(super) place: Vec<u32>,
    pub(super) length: f64,
}

impl Tour {
    /// The cities in the order of the tour.
    pub fn order(&self) -> &[u32] {
        &self.order
    }
    /// The tour that begins with city 0 and continues with the smaller of its two neighbours: equal tours have equal
    /// ones.
    pub fn canonical(&self) -> Vec<u32> {
        let n = self.order.len();
        let start = self.place[0] as usize;
        let at = |k: usize| self.order[(start + k) % n];
        if at(1) <= at(n - 1) { (0..n).map(at).collect() } else { (0..n).map(|k| at(n - k)).collect() }
    }
}

fn check_cities(n: usize) -> Result<usize> {
    if (3..=MAX_CITIES).contains(&n) {
        return Ok(n);
    }
    Err(Error::out_of_range("number of cities", n, format!("from 3 to {MAX_CITIES}")))
}

impl Tsp {
    /// Cities at points.
    ///
    /// Errors: fewer than 3 or more than 2²⁴ cities, coordinates or distances that are not finite.
    pub fn from_points(points: &[[f64; 2]], metric: Metric) -> Result<Self> {
        let n = check_cities(points.len())?;
        for (city, point) in points.iter().enumerate() {
            all_finite(&format!("city {city} coordinate"), point)?;
        }
        let mut tsp = Tsp { n, points: points.to_vec(), metric, table: Vec::new() };
        // No two points are farther apart than the corners of the box around all.
        let corner = |pick: fn(f64, f64) -> f64| {
            [0, 1].map(|axis| points.iter().map(|p| p[axis]).fold(points[0][axis], pick))
        };
        let diagonal = Metric::Euclidean.distance(corner(f64::min), corner(f64::max));
        if !(diagonal.is_finite() && (diagonal * n as f64).is_finite()) {
            let allowed = "so small that the length of a tour is finite";
            return Err(Error::out_of_range("extent of the cities", diagonal, allowed));
        }
        if n <= MAX_TABLE {
            let rows = (0..n).flat_map(|i| (0..n).map(move |j| (i, j)));
            tsp.table =
                rows.map(|(i, j)| if i == j { 0.0 } else { metric.distance(points[i], points[j]) }).collect();
        }
        Ok(tsp)
    }

    /// Distances given as a full matrix, row by row; the diagonal does not matter.
    ///
    /// Errors: fewer than 3 cities, a matrix that is not n × n, not symmetric, or has entries that are not finite.
    pub fn from_matrix(n: usize, matrix: &[f64]) -> Result<Self> {
        check_cities(n)?;
        same_length("distance matrix", matrix.len(), n.saturating_mul(n))?;
        for i in 0..n {
            for j in 0..i {
                let (d, back) = (matrix[i * n + j], matrix[j * n + i]);
                if !(d.is_finite() && d == back) {
                    let allowed = format!("finite and equal to the distance back, {back}");
                    return Err(Error::out_of_range(
                        format!("distance from city {i} to city {j}"),
                        d,
                        allowed,
                    ));
                }
            }
        }
        let mut table = matrix.to_vec();
        (0..n).for_each(|i| table[i * n + i] = 0.0);
        Ok(Tsp { n, points: Vec::new(), metric: Metric::Euclidean, table })
    }

    /// Number of cities.
    pub fn n_cities(&self) -> usize {
        self.n
    }
    /// The places of the cities; empty where only distances are known.
    pub fn points(&self) -> &[[f64; 2]] {
        &self.points
    }
    /// How distances of places are measured; without a meaning where only distances are known.
    pub(super) fn metric(&self) -> Metric {
        self.metric
    }
    /// The distance of two cities.
    #[inline]
    pub fn distance(&self, a: u32, b: u32) -> f64 {
        if self.table.is_empty() {
            self.metric.distance(self.points[a as usize], self.points[b as usize])
        } else {
            self.table[a as usize * self.n + b as usize]
        }
    }

    /// The state of a tour. Errors: an order that does not hold every city once.
    pub fn tour(&self, order: Vec<u32>) -> Result<Tour> {
        permutation("tour", order.iter().map(|&c| c as usize), self.n)?;
        Ok(self.state_of(order))
    }
    fn state_of(&self, order: Vec<u32>) -> Tour {
        let mut place = vec![0; self.n];
        for (k, &city) in (0u32..).zip(&order) {
            place[city as usize] = k;
        }
        let mut tour = Tour { order, place, length: 0.0 };
        self.refresh(&mut tour);
        tour
    }
    /// Adds up the length of a tour afresh.
    pub fn refresh(&self, tour: &mut Tour) {
        tour.length = self.length(&tour.order);
    }
    /// The length of the closed tour through cities in this order.
    pub(super) fn length(&self, order: &[u32]) -> f64 {
        let steps = order.windows(2).map(|w| self.distance(w[0], w[1])).sum::<f64>();
        steps + self.distance(order[order.len() - 1], order[0])
    }
}

impl Energy for Tsp {
    type State = Tour;
    fn energy(&self, tour: &Tour) -> f64 {
        tour.length
    }
}

/// Half of the moves turn a part of the tour around, half transport up to three cities to another place: see
/// [`TourMove`]. `delta` costs O(1), `apply` at most n/2 steps.
impl LocalEnergy for Tsp {
    type Move = TourMove;
    fn propose<R: Draw>(&self, _: &Tour, rng: &mut R) -> TourMove {
        TourMove::draw(self.n, rng)
    }
    fn delta(&self, tour: &Tour, change: &TourMove) -> f64 {
        change.delta(self, tour)
    }
    fn apply(&self, tour: &mut Tour, change: &TourMove) {
        tour.length += change.delta(self, tour);
        change.apply(tour);
    }
}

impl Reference for Tsp {
    fn draw<R: Draw>(&self, rng: &mut R) -> Tour {
        let mut order: Vec<u32> = (0..self.n as u32).collect();
        rng.shuffle(&mut order);
        self.state_of(order)
    }
    /// ln((n - 1)!/2)
    fn ln_z_reference(&self) -> f64 {
        libm::lgamma(self.n as f64) - std::f64::consts::LN_2
    }
}

/// Tours from city 0 are numbered by the pair of its neighbours, and then by the order of the others.
impl Finite for Tsp {
    fn n_states(&self) -> Option<usize> {
        // (n - 1)!/2 = 3 · 4 ··· (n - 1)
        (3..self.n).try_fold(1usize, |total, k| total.checked_mul(k))
    }
    fn state(&self, index: usize) -> Tour {
        let middle: usize = (2..=self.n - 3).product();
        let (mut pair, mut rest) = (index / middle, index % middle);
        // Neighbours first < last of city 0; pairs ordered by last.
        let mut last = 2;
        while pair >= last - 1 {
            pair -= last - 1;
            last += 1;
        }
        let first = pair + 1;
        let mut free: Vec<u32> =
            (1..self.n as u32).filter(|&c| c as usize != first && c as usize != last).collect();
        let mut order = vec![0, first as u32];
        let mut block = middle;
        while !free.is_empty() {
            block /= free.len();
            order.push(free.remove(rest / block));
            rest %= block;
        }
        order.push(last as u32);
        self.state_of(order)
    }
    fn index(&self, tour: &Tour) -> usize {
        let order = tour.canonical();
        let (first, last) = (order[1] as usize, order[self.n - 1] as usize);
        let pair = (last - 1) * last.saturating_sub(2) / 2 + first - 1;
        let inner = &order[2..self.n - 1];
        let mut rest = 0usize;
        for (k, city) in inner.iter().enumerate() {
            let smaller = inner[k + 1..].iter().filter(|c| *c < city).count();
            rest = rest.wrapping_mul(inner.len() - k).wrapping_add(smaller);
        }
        pair.wrapping_mul((2..=self.n - 3).fold(1, usize::wrapping_mul)).wrapping_add(rest)
    }
}
