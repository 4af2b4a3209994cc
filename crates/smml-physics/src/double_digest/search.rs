//! Annealing that gathers all optima it meets.

use super::{DoubleDigest, MAX_LISTED, Maps, Ordering, same_energy};
use serde::{Deserialize, Serialize};
use smml_core::{
    Estimate,
    energy::{Energy, LocalEnergy, Reference},
    error::{Error, Result, positive},
    parallel::{self, Par},
    read_through,
    rng::{Draw, Streams},
    sample::attempt,
    schedule::Schedule,
};
use std::collections::BTreeSet;

/// Moves from which the default temperatures are taken.
const PROBES: usize = 400;
/// The coldest default temperature, relative to the hottest.
const COLDEST: f64 = 1e-3;

/// Simulated annealing of double digests: many runs, each from random orders, and every ordering of the lowest energy
/// that any of them passed through.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawSearch")]
pub struct Search {
    temperature: Schedule,
    n_sweeps: usize,
}

read_through!(Search: RawSearch { temperature: Schedule, n_sweeps: usize } => Search::new(temperature, n_sweeps));

/// What a search found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The lowest energy.
    pub energy: f64,
    /// The different orderings with it that were met, and their mirror images where these have it too; at most
    /// [`MAX_LISTED`](super::MAX_LISTED). A search does not prove that there are no others.
    pub orderings: Vec<Ordering>,
    /// One of each pair of mirror images.
    pub up_to_mirror: Vec<Ordering>,
    /// The lowest energy of each run, in their order.
    pub energies: Vec<f64>,
    /// The fraction of runs that met the lowest energy.
    pub success: Estimate,
    /// Energies evaluated.
    pub n_moves: u64,
}

type Orders = (Vec<u32>, Vec<u32>);

/// The best that one run met.
struct Best {
    energy: f64,
    orders: BTreeSet<Orders>,
}

impl Best {
    fn meet(&mut self, state: &Maps, energy: f64) {
        if !same_energy(energy, self.energy) {
            if !(energy < self.energy) {
                return;
            }
            self.orders.clear();
            self.energy = energy;
        }
        self.energy = self.energy.min(energy);
        if self.orders.len() < MAX_LISTED {
            self.orders.insert((state.a.clone(), state.b.clone()));
        }
    }
}

impl Search {
    /// Temperatures from `temperature.at(0)` at the first sweep to `temperature.at(1)` at the last; a sweep tries as many
    /// moves as there are fragments of A and B.
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

    /// A geometric schedule from the mean size of the energy change of a move in a random state to a thousandth of it.
    ///
    /// Errors: no sweeps.
    pub fn for_model(model: &DoubleDigest, n_sweeps: usize, streams: &Streams) -> Result<Self> {
        let mut rng = streams.stream("double digest temperatures", 0);
        let mut size = 0.0;
        for _ in 0..PROBES {
            let state = model.draw(&mut rng);
            let change = model.propose(&state, &mut rng);
            size += model.delta(&state, &change).abs() / PROBES as f64;
        }
        // Where no move changes anything, any temperature will do.
        let hot = if size > 0.0 && size.is_finite() { size } else { 1.0 };
        Search::new(Schedule::geometric(hot, COLDEST * hot)?, n_sweeps)
    }

    /// The schedule of temperatures.
    pub fn temperature(&self) -> &Schedule {
        &self.temperature
    }
    /// Sweeps of one run.
    pub fn n_sweeps(&self) -> usize {
        self.n_sweeps
    }

    /// `n_runs` independent runs; run r uses stream r, whatever thread it is on.
    ///
    /// Errors: no runs.
    pub fn run(&self, model: &DoubleDigest, n_runs: usize, streams: &Streams, par: Par) -> Result<Found> {
        if n_runs == 0 {
            return Err(Error::out_of_range("n_runs", 0, "at least 1"));
        }
        let [n_a, n_b, _] = model.n_fragments();
        let runs = parallel::map(par, n_runs, |r| {
            self.single(model, &mut streams.stream("double digest", r as u64), n_a + n_b)
        });
        let energies: Vec<f64> = runs.iter().map(|r| r.energy).collect();
        let energy = energies.iter().copied().fold(f64::INFINITY, f64::min);
        let hits: Vec<Best> = runs.into_iter().filter(|r| same_energy(r.energy, energy)).collect();
        let success = Estimate::from_counts(hits.len() as u64, n_runs as u64)?;
        let mut all = BTreeSet::new();
        let turned = |x: &[u32]| x.iter().rev().copied().collect::<Vec<u32>>();
        for (a, b) in hits.into_iter().flat_map(|r| r.orders) {
            if all.len() < MAX_LISTED {
                let mirrored = model.maps(turned(&a), turned(&b));
                if same_energy(mirrored.energy, energy) {
                    all.insert((mirrored.a, mirrored.b));
                }
                all.insert((a, b));
            }
        }
        let is_first = |orders: &&Orders| {
            let mirrored = (turned(&orders.0), turned(&orders.1));
            **orders <= mirrored || !all.contains(&mirrored)
        };
        let lengths = |(a, b): &Orders| model.lengths(a, b);
        Ok(Found {
            energy,
            energies,
            up_to_mirror: all.iter().filter(is_first).map(lengths).collect(),
            orderings: all.iter().map(lengths).collect(),
            success,
            n_moves: (n_runs * self.n_sweeps * (n_a + n_b)) as u64,
        })
    }

    fn single(&self, model: &DoubleDigest, rng: &mut impl Draw, n_moves: usize) -> Best {
        let mut state = model.draw(rng);
        let mut best = Best { energy: f64::INFINITY, orders: BTreeSet::new() };
        best.meet(&state, model.energy(&state));
        for t in self.temperature.values(self.n_sweeps) {
            for _ in 0..n_moves {
                let change = model.propose(&state, rng);
                if attempt(model, &mut state, &change, 1.0 / t, rng) {
                    best.meet(&state, model.energy(&state));
                }
            }
        }
        best
    }
}
