//! Annealing of tours.

use super::{
    Neighbours, Tour, TourMove, Tsp, descend,
    descent::{joining, taking},
    moves::MAX_SEGMENT,
};
use serde::{Deserialize, Serialize};
use smml_core::{
    energy::Reference,
    error::{Error, Result, positive},
    estimate::SearchResults,
    parallel::{self, Par},
    read_through,
    rng::{Draw, Streams},
    sample::attempt,
    schedule::Schedule,
};

/// Near cities that a proposal may join a city to.
const NEAR: usize = 10;

/// Simulated annealing of tours: Metropolis tests on moves that join a city to one of its ten nearest, then a
/// [`descend`].
///
/// Such proposals are not as likely as their reverses, so this is a search and no sampler; for a fixed temperature use
/// [`Metropolis`](smml_core::sample::Metropolis) with the moves of the model.
///
/// ```
/// use smml_core::{parallel::Par, rng::Streams};
/// use smml_physics::tsp::{Search, held_karp, uniform};
/// let cities = uniform(12, &mut Streams::new(1).stream("cities", 0))?;
/// let found = Search::for_model(&cities, 200)?.run(&cities, 4, &Streams::new(1), Par::Serial)?;
/// let exact = held_karp(&cities)?;
/// assert_eq!(cities.tour(found.best().1.clone())?.canonical(), exact.canonical());
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawSearch")]
pub struct Search {
    temperature: Schedule,
    n_sweeps: usize,
}

read_through!(Search: RawSearch { temperature: Schedule, n_sweeps: usize } => Search::new(temperature, n_sweeps));

impl Search {
    /// Temperatures, in the unit of the distances, from `temperature.at(0)` at the first sweep to `temperature.at(1)` at
    /// the last; a sweep tries n moves.
    ///
    /// Errors: no sweeps, a temperature that is not positive.
    pub fn new(temperature: Schedule, n_sweeps: usize) -> Result<Self> {
        if n_sweeps == 0 {
            return Err(Error::out_of_range("n_sweeps", 0, "at least 1"));
        }
        let temperature = temperature.checked()?;
        positive("temperature of the schedule", temperature.bounds().0)?;
        Ok(Search { temperature, n_sweeps })
    }
    /// A geometric schedule from half the mean distance of the ten nearest cities to a fiftieth of that.
    ///
    /// Errors: no sweeps.
    pub fn for_model(tsp: &Tsp, n_sweeps: usize) -> Result<Self> {
        let near = Neighbours::new(tsp, NEAR);
        let n = tsp.n_cities() as u32;
        let total: f64 = (0..n).flat_map(|a| near.of(a).iter().map(move |&b| tsp.distance(a, b).abs())).sum();
        let mean = total / (f64::from(n) * near.k() as f64);
        // Where all near cities are in one place any temperature will do.
        let hot = if mean > 0.0 && mean.is_finite() { 0.5 * mean } else { 1.0 };
        Search::new(Schedule::geometric(hot, 0.02 * hot)?, n_sweeps)
    }
    /// The schedule of temperatures.
    pub fn temperature(&self) -> &Schedule {
        &self.temperature
    }
    /// Sweeps of one run.
    pub fn n_sweeps(&self) -> usize {
        self.n_sweeps
    }

    /// The near cities that proposals take: the ten nearest.
    pub fn neighbours(tsp: &Tsp) -> Neighbours {
        Neighbours::new(tsp, NEAR)
    }

    /// `n_runs` independent runs from random tours; run r uses stream r, whatever thread it is on. Each result is the
    /// tour after descent.
    ///
    /// Errors: no runs.
    pub fn run(
        &self,
        tsp: &Tsp,
        n_runs: usize,
        streams: &Streams,
        par: Par,
    ) -> Result<SearchResults<Vec<u32>>> {
        if n_runs == 0 {
            return Err(Error::out_of_range("n_runs", 0, "at least 1"));
        }
        let near = Search::neighbours(tsp);
        SearchResults::new(parallel::map(par, n_runs, |run| self.single(tsp, &near, streams, run as u64)))
    }

    /// Run `index`: the length of its tour, and the tour.
    pub fn single(&self, tsp: &Tsp, near: &Neighbours, streams: &Streams, index: u64) -> (f64, Vec<u32>) {
        let mut rng = streams.stream("tour", index);
        let mut tour = tsp.draw(&mut rng);
        for t in self.temperature.values(self.n_sweeps) {
            for _ in 0..tsp.n_cities() {
                if let Some(change) = near_move(&tour, near, &mut rng) {
                    attempt(tsp, &mut tour, &change, 1.0 / t, &mut rng);
                }
            }
        }
        tsp.refresh(&mut tour);
        descend(tsp, &mut tour, near);
        tsp.refresh(&mut tour);
        (tour.length, tour.canonical())
    }
}

/// A random move that joins a random city to a near one; `None` where that would change nothing.
fn near_move(tour: &Tour, near: &Neighbours, rng: &mut impl Draw) -> Option<TourMove> {
    let a = rng.below(tour.order.len()) as u32;
    let b = near.of(a)[rng.below(near.k())];
    // 1 bit for the kind, 1 for each way around.
    let word = rng.word();
    let bit = |k: u32| word >> (63 - k) & 1 == 1;
    if bit(0) {
        Some(joining(tour, a, b, bit(1)))
    } else {
        taking(tour, a, b, 1 + rng.below(MAX_SEGMENT), bit(1), bit(2))
    }
}
