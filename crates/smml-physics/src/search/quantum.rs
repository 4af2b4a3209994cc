//! Simulated quantum annealing: path-integral Monte Carlo of an Ising model in a transverse field.

use super::descend;
use crate::ising::{CachedIsing, CachedSpins, Ising};
use serde::{Deserialize, Serialize};
use smml_core::{
    energy::{Energy, Finite, Reference},
    error::{Error, Result, not_negative, positive, same_length},
    estimate::SearchResults,
    kernel::{Kernel, Step},
    parallel::{self, Par},
    read_through,
    rng::{Draw, Streams},
    schedule::Schedule,
};

/// The classical system that stands for an Ising model in a transverse field, H = E(σᶻ) - Γ Σ σᵢˣ, at inverse
/// temperature β (M. Suzuki, Prog. Theor. Phys. 56, 1454 (1976)): P copies ("slices") s¹...s^P of the spins in a
/// ring, with the weight e^-S,
///
/// S = (β / P) Σ_k E(s^k) - K Σ_k Σᵢ sᵢ^k sᵢ^(k+1), K = -½ ln tanh(β Γ / P) >= 0.
///
/// Tr e^(-β H) = (½ sinh(2 β Γ / P))^(n P / 2) Σ e^-S up to an error of order (β / P)²
/// ([`PathIntegral::ln_prefactor`]).
///
/// As an [`Energy`] it has the value S, to be sampled at inverse temperature 1; β and Γ belong to the model. With P =
/// 1 the ring is a slice coupled to itself and S = β E - n K.
#[derive(Clone, Debug)]
pub struct PathIntegral {
    ising: CachedIsing,
    n_slices: usize,
    beta: f64,
    transverse: f64,
    coupling: f64,
}

/// The slices, each with its local fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Slices(Vec<CachedSpins>);

impl Slices {
    /// The slices.
    pub fn slices(&self) -> &[CachedSpins] {
        &self.0
    }
}

impl PathIntegral {
    /// `n_slices` slices at inverse temperature `beta` in a transverse field.
    ///
    /// Errors: no slices, β or Γ not positive and finite, a β Γ / P so small that K is infinite.
    pub fn new(ising: &Ising, n_slices: usize, beta: f64, transverse: f64) -> Result<Self> {
        if n_slices == 0 {
            return Err(Error::out_of_range("n_slices", 0, "at least 1"));
        }
        positive("beta", beta)?;
        let mut path = PathIntegral {
            ising: CachedIsing(ising.clone()),
            n_slices,
            beta,
            transverse: 0.0,
            coupling: 0.0,
        };
        path.set_transverse(transverse)?;
        Ok(path)
    }
    /// Another transverse field. Errors: as [`PathIntegral::new`].
    pub fn set_transverse(&mut self, transverse: f64) -> Result<()> {
        positive("transverse field", transverse)?;
        let coupling = -0.5 * libm::log(libm::tanh(self.beta * transverse / self.n_slices as f64));
        if !coupling.is_finite() {
            let allowed = format!("large enough that beta Gamma / {} is a normal number", self.n_slices);
            return Err(Error::out_of_range("transverse field", transverse, allowed));
        }
        // tanh of a large number is 1, and its logarithm -0.
        (self.transverse, self.coupling) = (transverse, not_negative("K", coupling.max(0.0))?);
        Ok(())
    }
    /// P.
    pub fn n_slices(&self) -> usize {
        self.n_slices
    }
    /// Γ.
    pub fn transverse(&self) -> f64 {
        self.transverse
    }
    /// K, the coupling of a spin with itself in the next slice.
    pub fn coupling(&self) -> f64 {
        self.coupling
    }
    /// ln of what Σ e^-S must be multiplied by: (n P / 2) ln(½ sinh(2 β Γ / P)).
    pub fn ln_prefactor(&self) -> f64 {
        let x = 2.0 * self.beta * self.transverse / self.n_slices as f64;
        // ln(½ sinh x) = x - ln 4 + ln(1 - e^-2x)
        let ln_half_sinh = x - 4f64.ln() + libm::log(-libm::expm1(-2.0 * x));
        0.5 * (self.ising.0.n_spins() * self.n_slices) as f64 * ln_half_sinh
    }
    /// The state of given slices. Errors: another number of slices or spins, values other than ±1.
    pub fn at(&self, slices: Vec<Vec<i8>>) -> Result<Slices> {
        same_length("slices", slices.len(), self.n_slices)?;
        Ok(Slices(slices.into_iter().map(|s| self.ising.at(s)).collect::<Result<_>>()?))
    }
    /// The sum of spin i in the slices before and after.
    fn around(&self, s: &Slices, k: usize, i: usize) -> f64 {
        let p = self.n_slices;
        f64::from(s.0[(k + 1) % p].spins()[i]) + f64::from(s.0[(k + p - 1) % p].spins()[i])
    }
}

impl Energy for PathIntegral {
    type State = Slices;
    fn energy(&self, s: &Slices) -> f64 {
        let p = self.n_slices;
        let mut action = 0.0;
        for k in 0..p {
            action += self.beta / p as f64 * self.ising.energy(&s.0[k]);
            let next = s.0[(k + 1) % p].spins();
            let alike: i64 = s.0[k].spins().iter().zip(next).map(|(a, b)| i64::from(a * b)).sum();
            action -= self.coupling * alike as f64;
        }
        action
    }
}

impl Reference for PathIntegral {
    fn draw<R: Draw>(&self, rng: &mut R) -> Slices {
        Slices((0..self.n_slices).map(|_| self.ising.draw(rng)).collect())
    }
    fn ln_z_reference(&self) -> f64 {
        self.n_slices as f64 * self.ising.ln_z_reference()
    }
}

/// Slice by slice, the first in the lowest digits.
impl Finite for PathIntegral {
    fn n_states(&self) -> Option<usize> {
        self.ising.n_states()?.checked_pow(u32::try_from(self.n_slices).ok()?)
    }
    fn state(&self, mut index: usize) -> Slices {
        let n = self.ising.n_states().unwrap_or(usize::MAX);
        let mut digit = || {
            let slice = self.ising.state(index % n);
            index /= n;
            slice
        };
        Slices((0..self.n_slices).map(|_| digit()).collect())
    }
    fn index(&self, s: &Slices) -> usize {
        let n = self.ising.n_states().unwrap_or(usize::MAX);
        s.0.iter().rev().fold(0usize, |at, slice| at.wrapping_mul(n).wrapping_add(self.ising.index(slice)))
    }
}

/// One sweep: for every spin a Metropolis flip in each slice, one after the other, and then one of the spin in all
/// slices together, which local flips would hardly do at large K. Stationary, not reversible.
///
/// Cost: an O(1) test for each spin and slice, O(degree) for each flip made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathSweep;

impl Kernel<PathIntegral> for PathSweep {
    fn step<R: Draw>(&mut self, path: &PathIntegral, s: &mut Slices, beta: f64, rng: &mut R) -> Step {
        use smml_core::energy::LocalEnergy;
        let (n, p) = (path.ising.0.n_spins(), path.n_slices);
        let share = path.beta / p as f64;
        let mut done = Step::default();
        for i in 0..n {
            for k in 0..p {
                let spin = f64::from(s.0[k].spins()[i]);
                // A slice coupled to itself stays so.
                let along = if p > 1 { 2.0 * path.coupling * spin * path.around(s, k, i) } else { 0.0 };
                let accepted = rng.accept(beta * (share * path.ising.delta(&s.0[k], &i) + along));
                if accepted {
                    path.ising.apply(&mut s.0[k], &i);
                }
                done += Step { proposed: 1, accepted: accepted.into() };
            }
            if p > 1 {
                let change: f64 = s.0.iter().map(|slice| path.ising.delta(slice, &i)).sum();
                let accepted = rng.accept(beta * share * change);
                if accepted {
                    s.0.iter_mut().for_each(|slice| path.ising.apply(slice, &i));
                }
                done += Step { proposed: 1, accepted: accepted.into() };
            }
        }
        done
    }
}

/// Simulated quantum annealing (T. Kadowaki and H. Nishimori, Phys. Rev. E 58, 5355 (1998); G. E. Santoro, R.
/// Martoňák, E. Tosatti and R. Car, Science 295, 2427 (2002)): sweeps of a [`PathIntegral`] at fixed β while the
/// transverse field falls, then a descent from every slice. The best slice is the result.
///
/// It is a classical algorithm on P n spins: a run costs P times what one of [`Annealing`](super::Annealing) costs.
///
/// ```
/// use smml_core::{parallel::Par, rng::Streams};
/// use smml_physics::{ising::{Boundary, SquareLattice}, search::QuantumAnnealing};
/// let ferromagnet = SquareLattice::uniform(4, 4, Boundary::Periodic, 1.0, 0.0)?.ising()?;
/// let found = QuantumAnnealing::for_model(&ferromagnet, 100)?.search(&ferromagnet, 4, &Streams::new(1), Par::Serial)?;
/// assert_eq!(found.best().0, -32.0);
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawQuantum")]
pub struct QuantumAnnealing {
    beta: f64,
    transverse: Schedule,
    n_slices: usize,
    n_sweeps: usize,
}

read_through!(QuantumAnnealing: RawQuantum { beta: f64, transverse: Schedule, n_slices: usize, n_sweeps: usize } => QuantumAnnealing::new(beta, transverse, n_slices, n_sweeps));

/// Most slices: each holds the spins and their fields.
const MOST_SLICES: usize = 1 << 16;

impl QuantumAnnealing {
    /// β, transverse fields from `transverse.at(0)` at the first sweep to `transverse.at(1)` at the last, P slices.
    ///
    /// Errors: β not positive, a field that is not positive somewhere, no slices or more than 2¹⁶, no sweeps.
    pub fn new(beta: f64, transverse: Schedule, n_slices: usize, n_sweeps: usize) -> Result<Self> {
        positive("beta", beta)?;
        let transverse = transverse.checked()?;
        let (low, high) = transverse.bounds();
        positive("transverse field of the schedule", low)?;
        positive("transverse field of the schedule", high)?;
        if !(1..=MOST_SLICES).contains(&n_slices) {
            return Err(Error::out_of_range("n_slices", n_slices, format!("in 1..={MOST_SLICES}")));
        }
        if n_sweeps == 0 {
            return Err(Error::out_of_range("n_sweeps", 0, "at least 1"));
        }
        Ok(QuantumAnnealing { beta, transverse, n_slices, n_sweeps })
    }
    /// 32 slices, with energies in units of J, the largest √(Σⱼ Jᵢⱼ² + hᵢ²) of a spin (1 where there are no
    /// couplings): β = 16 / J, so that a slice by itself is at temperature 2 J, and a field that falls on a straight
    /// line from 3 J to 0.01 J.
    pub fn for_model(ising: &Ising, n_sweeps: usize) -> Result<Self> {
        const SLICES: usize = 32;
        let square = |i: usize| {
            let row: f64 = ising.couplings().neighbours(i).1.iter().map(|w| w * w).sum();
            row + ising.fields()[i].powi(2)
        };
        let largest = (0..ising.n_spins()).map(square).fold(0.0, f64::max).sqrt();
        let unit = if largest > 0.0 { largest } else { 1.0 };
        let fall = Schedule::linear(3.0 * unit, 0.01 * unit)?;
        QuantumAnnealing::new(0.5 * SLICES as f64 / unit, fall, SLICES, n_sweeps)
    }
    /// β.
    pub fn beta(&self) -> f64 {
        self.beta
    }
    /// The schedule of transverse fields.
    pub fn transverse(&self) -> &Schedule {
        &self.transverse
    }
    /// P.
    pub fn n_slices(&self) -> usize {
        self.n_slices
    }
    /// Sweeps of one run.
    pub fn n_sweeps(&self) -> usize {
        self.n_sweeps
    }
    /// `n_runs` runs from random slices; run r uses stream r.
    ///
    /// Errors: no runs, a field too small for a finite K, energies that overflow.
    pub fn search(
        &self,
        ising: &Ising,
        n_runs: usize,
        streams: &Streams,
        par: Par,
    ) -> Result<SearchResults<Vec<i8>>> {
        if n_runs == 0 {
            return Err(Error::out_of_range("n_runs", 0, "at least 1"));
        }
        let path = PathIntegral::new(ising, self.n_slices, self.beta, self.transverse.bounds().0)?;
        let runs = parallel::map(par, n_runs, |run| -> Result<(f64, Vec<i8>)> {
            let mut rng = streams.stream("quantum", run as u64);
            let mut path = path.clone();
            let mut state = path.draw(&mut rng);
            for transverse in self.transverse.values(self.n_sweeps) {
                path.set_transverse(transverse)?;
                PathSweep.step(&path, &mut state, 1.0, &mut rng);
            }
            let floors = state.0.into_iter().map(|mut slice| {
                path.ising.refresh(&mut slice);
                descend(&path.ising, &mut slice);
                let spins = slice.spins().to_vec();
                (ising.energy(&spins), spins)
            });
            // There is a slice.
            Ok(floors.min_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or((f64::INFINITY, Vec::new())))
        });
        SearchResults::new(runs.into_iter().collect::<Result<_>>()?)
    }
}
