//! Wang-Landau sampling.

use super::{EnergyGrid, Tracked};
use serde::{Deserialize, Serialize};
use smml_core::{
    energy::LocalEnergy,
    error::{Error, Result, positive, same_length},
    rng::{Draw, Stream},
};

/// Attempts between two looks at the histogram, for each bin of the grid.
const LOOK: u64 = 100;

/// Learns ln g(E) (F. Wang and D. P. Landau, Phys. Rev. Lett. 86, 2050 (2001)), with the 1/t refinement of
/// R. E. Belardinelli and V. D. Pereyra (Phys. Rev. E 75, 046701 (2007)).
///
/// A move to a state of energy E' is accepted with probability min(1, g(E) / g(E')), and the bin where the walk then is
/// has ln f added to its ln g. First ln f = 1; each time that all bins found so far have been visited it is halved, until
/// it falls below 1/t, with t the attempts per bin; from then on ln f = 1/t. The weights change on the way, so this is no
/// Markov chain with a fixed distribution, and has no error bars: [`super::DensityOfStates`] adds a part that is.
///
/// A value of it is a run that can be saved, and continued bit for bit.
///
/// ```
/// use smml_core::rng::Streams;
/// use smml_physics::{flat::{EnergyGrid, WangLandau}, ising::Ising};
/// let ring = Ising::new(4, &[(0, 1, 1.0), (1, 2, 1.0), (2, 3, 1.0), (3, 0, 1.0)], vec![0.0; 4])?;
/// let grid = EnergyGrid::levels(&ring)?;
/// let mut run = WangLandau::new(&ring, grid, vec![1; 4], Streams::new(1).stream("wl", 0))?;
/// run.run(&ring, 1e-4, 1_000_000)?;
/// let ln_g = run.ln_g();
/// assert!((ln_g[1].unwrap() - ln_g[0].unwrap() - 6f64.ln()).abs() < 0.2);
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawWangLandau<S>")]
pub struct WangLandau<S> {
    grid: EnergyGrid,
    at: Tracked<S>,
    rng: Stream,
    ln_g: Vec<f64>,
    found: Vec<bool>,
    /// Visits of every bin since ln f was last halved.
    visits: Vec<u64>,
    ln_f: f64,
    attempts: u64,
    refined: bool,
    /// How many bins were found.
    #[serde(skip)]
    n_levels: usize,
}

#[derive(Deserialize)]
struct RawWangLandau<S> {
    grid: EnergyGrid,
    at: Tracked<S>,
    rng: Stream,
    ln_g: Vec<f64>,
    found: Vec<bool>,
    visits: Vec<u64>,
    ln_f: f64,
    attempts: u64,
    refined: bool,
}

impl<S> TryFrom<RawWangLandau<S>> for WangLandau<S> {
    type Error = Error;
    fn try_from(raw: RawWangLandau<S>) -> Result<Self> {
        let n = raw.grid.n_bins();
        same_length("ln g", raw.ln_g.len(), n)?;
        same_length("bins found", raw.found.len(), n)?;
        same_length("visits", raw.visits.len(), n)?;
        smml_core::error::all_finite("ln g, bin", &raw.ln_g)?;
        positive("ln f", raw.ln_f)?;
        match raw.grid.bin(raw.at.energy()) {
            Some(k) if raw.found[k] => {}
            _ => {
                let allowed = "in a bin that was found";
                return Err(Error::out_of_range("energy", raw.at.energy(), allowed));
            }
        }
        let n_levels = raw.found.iter().filter(|found| **found).count();
        Ok(WangLandau {
            grid: raw.grid,
            at: raw.at,
            rng: raw.rng,
            ln_g: raw.ln_g,
            found: raw.found,
            visits: raw.visits,
            ln_f: raw.ln_f,
            attempts: raw.attempts,
            refined: raw.refined,
            n_levels,
        })
    }
}

/// How far a [`WangLandau`] run is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// ln f, what a visit adds.
    pub ln_f: f64,
    /// Whether ln f is 1/t: from here on the error falls as 1/√t.
    pub refined: bool,
    /// Bins found.
    pub n_levels: usize,
    /// The least visited bin over the mean, since ln f was last halved: 1 for a flat histogram. A value that stays far
    /// below 1 while ln f is 1/t says that the walk does not get around.
    pub flatness: f64,
    /// Moves tried.
    pub attempts: u64,
}

impl<S: Clone + Send + Sync> WangLandau<S> {
    /// At the start.
    ///
    /// # Errors
    /// A first state whose energy is outside the grid.
    pub fn new<E>(model: &E, grid: EnergyGrid, start: S, rng: Stream) -> Result<Self>
    where
        E: LocalEnergy<State = S>,
    {
        let at = Tracked::new(model, start);
        let Some(k) = grid.bin(at.energy()) else {
            return Err(Error::out_of_range(
                "energy of the first state",
                at.energy(),
                "in a bin of the grid",
            ));
        };
        let n = grid.n_bins();
        let mut found = vec![false; n];
        found[k] = true;
        Ok(WangLandau {
            grid,
            at,
            rng,
            ln_g: vec![0.0; n],
            found,
            visits: vec![0; n],
            ln_f: 1.0,
            attempts: 0,
            refined: false,
            n_levels: 1,
        })
    }

    /// Tries `n` moves. A move out of the grid is rejected, so a part of the energies can be sampled alone.
    pub fn advance<E: LocalEnergy<State = S>>(&mut self, model: &E, n: u64) {
        let look = LOOK * self.grid.n_bins() as u64;
        for _ in 0..n {
            self.attempts += 1;
            self.attempt(model);
            if self.refined {
                self.ln_f = self.n_levels as f64 / self.attempts as f64;
            } else if self.attempts.is_multiple_of(look) {
                self.look();
            }
        }
    }

    fn attempt<E: LocalEnergy<State = S>>(&mut self, model: &E) {
        let Some(from) = self.grid.bin(self.at.energy()) else { return };
        let change = model.propose(self.at.state(), &mut self.rng);
        let delta = model.delta(self.at.state(), &change);
        let mut now = from;
        if let Some(to) = self.grid.bin(self.at.energy() + delta) {
            // A bin that is new is entered, with the smallest ln g so far: the walk then fills it.
            if !self.found[to] {
                let found = self.found.iter().zip(&self.ln_g).filter(|(f, _)| **f);
                self.ln_g[to] = found.map(|(_, g)| *g).fold(f64::INFINITY, f64::min);
                self.found[to] = true;
                self.n_levels += 1;
            }
            if self.rng.accept(self.ln_g[to] - self.ln_g[from]) {
                self.at.apply(model, &change, delta);
                now = to;
            }
        }
        self.ln_g[now] += self.ln_f;
        self.visits[now] += 1;
    }

    fn look(&mut self) {
        if self.found.iter().zip(&self.visits).all(|(found, visits)| !found || *visits > 0) {
            self.ln_f *= 0.5;
            self.visits.fill(0);
            let one_over_t = self.n_levels as f64 / self.attempts as f64;
            if self.ln_f <= one_over_t {
                self.refined = true;
                self.ln_f = one_over_t;
            }
        }
    }

    /// Goes on until ln f <= `ln_f`, and 1/t was reached.
    ///
    /// # Errors
    /// [`Error::NotConverged`] when that takes more than `max_attempts` moves in all; the run can go on.
    pub fn run<E: LocalEnergy<State = S>>(&mut self, model: &E, ln_f: f64, max_attempts: u64) -> Result<()> {
        positive("ln f", ln_f)?;
        let look = LOOK * self.grid.n_bins() as u64;
        while !(self.refined && self.ln_f <= ln_f) {
            if self.attempts >= max_attempts {
                return Err(Error::NotConverged {
                    what: "Wang-Landau sampling".into(),
                    residual: self.ln_f,
                    iterations: usize::try_from(self.attempts).unwrap_or(usize::MAX),
                    tolerance: ln_f,
                });
            }
            // To the next look, so that runs of any length cut the same way.
            let next = (look - self.attempts % look).min(max_attempts - self.attempts);
            self.advance(model, next);
        }
        Ok(())
    }

    /// How far the run is.
    pub fn progress(&self) -> Progress {
        let visits = || self.found.iter().zip(&self.visits).filter(|(f, _)| **f).map(|(_, v)| *v);
        let (n_levels, total) = (self.n_levels, visits().sum::<u64>());
        let least = visits().min().unwrap_or(0) as f64;
        Progress {
            ln_f: self.ln_f,
            refined: self.refined,
            n_levels,
            flatness: if total == 0 { 0.0 } else { least * n_levels as f64 / total as f64 },
            attempts: self.attempts,
        }
    }
    /// ln g of every bin that was found, up to a constant.
    pub fn ln_g(&self) -> Vec<Option<f64>> {
        self.found.iter().zip(&self.ln_g).map(|(found, g)| found.then_some(*g)).collect()
    }
    /// Weights for [`super::Multicanonical`]: ln g where a bin was found, +∞ elsewhere, so that what was not learned is
    /// not entered.
    pub fn weights(&self) -> Vec<f64> {
        self.ln_g().into_iter().map(|g| g.unwrap_or(f64::INFINITY)).collect()
    }
    /// The bins.
    pub fn grid(&self) -> &EnergyGrid {
        &self.grid
    }
    /// Where the walk is.
    pub fn state(&self) -> &S {
        self.at.state()
    }
}
