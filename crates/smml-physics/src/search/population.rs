//! Population annealing.

use serde::{Deserialize, Serialize};
use smml_core::{
    Estimate,
    energy::{Reference, ln_sum_exp},
    error::{Error, Result, positive},
    estimate::{SearchResults, Source},
    kernel::Kernel,
    parallel::{self, Par},
    rng::{Draw, Stream, Streams},
};

/// Population annealing (K. Hukushima and Y. Iba, AIP Conf. Proc. 690, 200 (2003); J. Machta, Phys. Rev. E 82, 026704
/// (2010); W. Wang, J. Machta and H. G. Katzgraber, Phys. Rev. E 92, 063307 (2015)).
///
/// A population of R replicas drawn at β = 0 is cooled in steps. At a step from β to β' replica j is copied τ_j =
/// e^(-(β' - β) E_j) / Q times on average, Q = Σ_j e^(-(β' - β) E_j) / R, and then all are moved by a kernel at β'.
/// Since Q estimates Z(β') / Z(β), ln Z(β) = ln Z(0) + Σ ln Q. Copies are drawn by systematic resampling, each
/// replica ⌊τ⌋ or ⌈τ⌉ times, so R never changes and with given temperatures E\[Z\] is exact for any R.
///
/// Temperatures: β' is the largest one, up to the next β to report, at which a fraction Σ_j max(0, 1 - τ_j) / R of
/// the population, the culling fraction, dies out (C. Amey and J. Machta, Phys. Rev. E 97, 033301 (2018), who advise
/// 0.05 to 0.1). Steps chosen by the population itself bias Z, at order 1/R. A culling fraction of 1 takes the
/// reported temperatures as the only ones.
///
/// Several independent populations are combined with weights Z_m, and errors come from the spread between them. A
/// step costs R (1 + kernel steps) energies or sweeps; memory goes with R states.
///
/// Replicas are single states of any model. For ground states of Ising models with integer couplings
/// [`LanePopulation`](super::LanePopulation) is much faster.
///
/// ```
/// use smml_core::{energy::ln_z_exact, parallel::Par, rng::Streams, sample::Metropolis};
/// use smml_physics::{ising::{Boundary, CachedIsing, SquareLattice}, search::PopulationAnnealing};
/// let model = SquareLattice::uniform(3, 3, Boundary::Periodic, 1.0, 0.25)?.ising()?;
/// let annealing = PopulationAnnealing::new(vec![0.1, 0.3, 0.5], 500, 8)?;
/// let kernel = Metropolis::new(9)?;
/// let found = annealing.run(&CachedIsing(model.clone()), &kernel, &Streams::new(1), Par::Serial, |_| [])?;
/// assert!(found.points[2].ln_z.p_value(ln_z_exact(&model, 0.5)?) > 1e-4);
/// assert_eq!(found.found.best().0, -18.0 - 2.25);
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawPopulation")]
pub struct PopulationAnnealing {
    betas: Vec<f64>,
    n_replicas: usize,
    n_populations: usize,
    culling: f64,
    n_steps: usize,
}

#[derive(Deserialize)]
struct RawPopulation {
    betas: Vec<f64>,
    n_replicas: usize,
    n_populations: usize,
    culling: f64,
    n_steps: usize,
}

impl TryFrom<RawPopulation> for PopulationAnnealing {
    type Error = Error;
    fn try_from(raw: RawPopulation) -> Result<Self> {
        PopulationAnnealing::new(raw.betas, raw.n_replicas, raw.n_populations)?
            .with_culling(raw.culling)?
            .with_steps(raw.n_steps)
    }
}

/// The families of a population: replicas with a common ancestor at β = 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Families {
    /// Families alive.
    pub n: usize,
    /// S_f = -Σ ν ln ν over the fractions ν of the population that families have: ln R when all replicas have their
    /// own, 0 when there is one.
    pub entropy: f64,
    /// ρ_t = R Σ ν²: the mean square family size, 1 to R. Errors are those of R / ρ_t independent replicas or fewer.
    pub rho_t: f64,
}

impl Families {
    /// Of the family numbers of all replicas.
    fn of(family: &[u32]) -> Families {
        let mut sorted = family.to_vec();
        sorted.sort_unstable();
        let r = family.len() as f64;
        let mut all = Families { n: 0, entropy: 0.0, rho_t: 0.0 };
        for one in sorted.chunk_by(|a, b| a == b) {
            let part = one.len() as f64 / r;
            all.n += 1;
            all.entropy -= part * libm::log(part);
            all.rho_t += r * part * part;
        }
        all
    }
    /// The criterion of Wang, Machta and Katzgraber: e^S_f is 100 or more.
    pub fn is_equilibrated(&self) -> bool {
        self.entropy >= 100f64.ln()
    }
}

/// What is known at one temperature, from all populations.
#[derive(Clone, Debug, PartialEq)]
pub struct PopulationPoint<const N: usize> {
    /// Inverse temperature.
    pub beta: f64,
    /// ln Z: [`combined_ln_z`] of all populations.
    pub ln_z: Estimate,
    /// ln Z of each population.
    pub ln_z_each: Vec<f64>,
    /// ⟨E⟩.
    pub energy: Estimate,
    /// Means of what was observed.
    pub observed: [Estimate; N],
    /// Variance of ln Z between populations. Systematic errors are of this order (in their units: the covariance of
    /// an observable with ln Z); well below 1 they can be trusted to be small.
    pub ln_z_variance: f64,
    /// Families of each population.
    pub families: Vec<Families>,
}

impl<const N: usize> PopulationPoint<N> {
    /// F = -ln Z / β; `None` at β = 0.
    pub fn free_energy(&self) -> Option<Estimate> {
        (self.beta != 0.0).then(|| self.ln_z.affine(0.0, -1.0 / self.beta))
    }
}

/// What population annealing found.
#[derive(Clone, Debug, PartialEq)]
pub struct Populations<S, const N: usize> {
    /// One point for every β that was asked for.
    pub points: Vec<PopulationPoint<N>>,
    /// The lowest energy that each population met after a step, and its state.
    pub found: SearchResults<S>,
    /// Temperature steps that each population took.
    pub n_temperatures: Vec<usize>,
}

/// One population at one of the temperatures.
struct Measured<const N: usize> {
    ln_z: f64,
    energy: f64,
    observed: [f64; N],
    families: Families,
}

struct Run<S, const N: usize> {
    measured: Vec<Measured<N>>,
    best: (f64, S),
    n_temperatures: usize,
}

impl PopulationAnnealing {
    /// `n_populations` populations of `n_replicas`, reported at `betas`, with a culling fraction of 0.1 and ten
    /// kernel steps at each temperature.
    ///
    /// Errors: no temperatures, or not positive and increasing; fewer than two replicas, or 2³² or more; fewer than
    /// two populations: there would be no errors.
    pub fn new(betas: Vec<f64>, n_replicas: usize, n_populations: usize) -> Result<Self> {
        if betas.is_empty() {
            return Err(Error::out_of_range("number of temperatures", 0, "at least 1"));
        }
        for (k, beta) in betas.iter().enumerate() {
            positive(&format!("beta {k}"), *beta)?;
            if k > 0 && *beta <= betas[k - 1] {
                let allowed = format!("above the one before, {}", betas[k - 1]);
                return Err(Error::out_of_range(format!("beta {k}"), beta, allowed));
            }
        }
        if !(2..=u32::MAX as usize).contains(&n_replicas) {
            return Err(Error::out_of_range("n_replicas", n_replicas, format!("in 2..={}", u32::MAX)));
        }
        if n_populations < 2 {
            return Err(Error::out_of_range("n_populations", n_populations, "at least 2"));
        }
        Ok(PopulationAnnealing { betas, n_replicas, n_populations, culling: 0.1, n_steps: 10 })
    }
    /// Another culling fraction, in (0, 1].
    pub fn with_culling(mut self, culling: f64) -> Result<Self> {
        if !(culling > 0.0 && culling <= 1.0) {
            return Err(Error::out_of_range("culling fraction", culling, "in (0, 1]"));
        }
        self.culling = culling;
        Ok(self)
    }
    /// Another number of kernel steps at each temperature; at least one.
    pub fn with_steps(mut self, n_steps: usize) -> Result<Self> {
        if n_steps == 0 {
            return Err(Error::out_of_range("n_steps", 0, "at least 1"));
        }
        self.n_steps = n_steps;
        Ok(self)
    }
    /// The temperatures that are reported.
    pub fn betas(&self) -> &[f64] {
        &self.betas
    }
    /// R.
    pub fn n_replicas(&self) -> usize {
        self.n_replicas
    }

    /// Anneals all populations, one after the other, replicas in parallel; population m draws from its own streams.
    /// `observe` says what else to average over the replicas at the temperatures asked for.
    ///
    /// Errors: [`Error::Undefined`] when energies are NaN or -∞, when all replicas died, or when no step is small
    /// enough for the culling fraction.
    pub fn run<E: Reference, K: Kernel<E>, const N: usize>(
        &self,
        energy: &E,
        kernel: &K,
        streams: &Streams,
        par: Par,
        observe: impl Fn(&E::State) -> [f64; N] + Sync,
    ) -> Result<Populations<E::State, N>> {
        let runs: Vec<Run<E::State, N>> = (0..self.n_populations)
            .map(|m| self.one(energy, kernel, &streams.child("population", m as u64), par, &observe))
            .collect::<Result<_>>()?;
        let points = (0..self.betas.len()).map(|k| self.point(k, &runs)).collect();
        let n_temperatures = runs.iter().map(|r| r.n_temperatures).collect();
        let found = SearchResults::new(runs.into_iter().map(|r| r.best).collect())?;
        Ok(Populations { points, found, n_temperatures })
    }

    fn one<E: Reference, K: Kernel<E>, const N: usize>(
        &self,
        energy: &E,
        kernel: &K,
        streams: &Streams,
        par: Par,
        observe: &(impl Fn(&E::State) -> [f64; N] + Sync),
    ) -> Result<Run<E::State, N>> {
        let r = self.n_replicas;
        let mut rng = streams.stream("resampling", 0);
        // (state, stream, energy): a stream belongs to a place in the population, not to a state.
        let mut replicas: Vec<(E::State, Stream, f64)> = parallel::map(par, r, |j| {
            let mut rng = streams.stream("replica", j as u64);
            let state = energy.draw(&mut rng);
            let e = energy.energy(&state);
            (state, rng, e)
        });
        let mut family: Vec<u32> = (0..r as u32).collect();
        let mut best = lowest(&replicas, None).ok_or_else(|| Error::Undefined {
            what: "population".into(),
            why: "all energies are NaN".into(),
        })?;
        let (mut beta, mut ln_z, mut n_temperatures) = (0.0, energy.ln_z_reference(), 0);
        let mut measured = Vec::with_capacity(self.betas.len());
        for &report in &self.betas {
            while beta < report {
                let energies: Vec<f64> = replicas.iter().map(|replica| replica.2).collect();
                let next = self.next(beta, report, &energies)?;
                let (copies, ln_q) = copies(&energies, next - beta, &mut rng)?;
                resample(&mut replicas, &mut family, &copies);
                ln_z += ln_q;
                beta = next;
                n_temperatures += 1;
                parallel::each(par, &mut replicas, |_, (state, rng, e)| {
                    let mut kernel = kernel.clone();
                    for _ in 0..self.n_steps {
                        kernel.step(energy, state, beta, rng);
                    }
                    *e = energy.energy(state);
                });
                if let Some(lower) = lowest(&replicas, Some(best.0)) {
                    best = lower;
                }
            }
            let rows = parallel::map(par, r, |j| observe(&replicas[j].0));
            let energies: Vec<f64> = replicas.iter().map(|replica| replica.2).collect();
            let mean = |x: &[f64]| parallel::sum(par, x) / r as f64;
            measured.push(Measured {
                ln_z,
                energy: mean(&energies),
                observed: std::array::from_fn(|k| mean(&rows.iter().map(|row| row[k]).collect::<Vec<_>>())),
                families: Families::of(&family),
            });
        }
        Ok(Run { measured, best, n_temperatures })
    }

    /// The largest β' in (β, `report`] with no more culling than allowed.
    fn next(&self, beta: f64, report: f64, energies: &[f64]) -> Result<f64> {
        let culled = |to: f64| -> Result<f64> {
            let (tau, _) = weights(energies, to - beta)?;
            Ok(tau.iter().map(|t| (1.0 - t).max(0.0)).sum::<f64>() / tau.len() as f64)
        };
        if self.culling >= 1.0 || culled(report)? <= self.culling {
            return Ok(report);
        }
        let (mut low, mut high) = (beta, report);
        // Far more digits than matter: the same on every machine.
        for _ in 0..50 {
            let middle = 0.5 * (low + high);
            if culled(middle)? <= self.culling {
                low = middle;
            } else {
                high = middle;
            }
        }
        if low > beta {
            return Ok(low);
        }
        Err(Error::Undefined {
            what: format!("the temperature after beta = {beta}"),
            why: format!(
                "the smallest step culls more than {} of the population: take a larger population or culling fraction",
                self.culling
            ),
        })
    }

    fn point<S, const N: usize>(&self, k: usize, runs: &[Run<S, N>]) -> PopulationPoint<N> {
        let ln_z: Vec<f64> = runs.iter().map(|r| r.measured[k].ln_z).collect();
        let count = runs.len() as f64;
        let parts = shares(&ln_z);
        let mean = |of: &dyn Fn(&Measured<N>) -> f64| {
            let x = || parts.iter().zip(runs).map(|(p, r)| (p, of(&r.measured[k])));
            let mean: f64 = x().map(|(p, v)| p * v).sum();
            weighted(&parts, mean, x().map(|(p, v)| (p * (v - mean)).powi(2)).sum())
        };
        let centre = ln_z.iter().sum::<f64>() / count;
        PopulationPoint {
            beta: self.betas[k],
            ln_z: combined(&ln_z),
            ln_z_variance: ln_z.iter().map(|l| (l - centre).powi(2)).sum::<f64>() / (count - 1.0),
            ln_z_each: ln_z,
            energy: mean(&|m| m.energy),
            observed: std::array::from_fn(|i| mean(&|m| m.observed[i])),
            families: runs.iter().map(|r| r.measured[k].families).collect(),
        }
    }
}

/// ln Z from those of independent populations: the logarithm of the mean of Z, which is exact on average, with the error
/// that the spread between populations gives.
///
/// Errors: fewer than two populations.
pub fn combined_ln_z(ln_z: &[f64]) -> Result<Estimate> {
    if ln_z.len() < 2 {
        return Err(Error::out_of_range("populations", ln_z.len(), "at least 2"));
    }
    Ok(combined(ln_z))
}

fn combined(ln_z: &[f64]) -> Estimate {
    let (parts, count) = (shares(ln_z), ln_z.len() as f64);
    let spread: f64 = parts.iter().map(|p| (p - 1.0 / count).powi(2)).sum();
    weighted(&parts, ln_sum_exp(ln_z) - libm::log(count), spread)
}

/// The part Z_m / Σ Z that each population has.
fn shares(ln_z: &[f64]) -> Vec<f64> {
    let top = ln_sum_exp(ln_z);
    ln_z.iter().map(|l| libm::exp(l - top)).collect()
}

/// A weighted mean whose squares of weighted deviations have this sum.
fn weighted(parts: &[f64], value: f64, squares: f64) -> Estimate {
    let count = parts.len() as f64;
    let n_eff = 1.0 / parts.iter().map(|p| p * p).sum::<f64>();
    let raw = (squares * count / (count - 1.0)).sqrt();
    Estimate::with_dof(value, raw, count - 1.0, n_eff, Source::Population)
}

/// The lowest energy, where it is below `than`, and its state.
fn lowest<S: Clone>(replicas: &[(S, Stream, f64)], than: Option<f64>) -> Option<(f64, S)> {
    let best = replicas.iter().filter(|r| !r.2.is_nan()).min_by(|a, b| a.2.total_cmp(&b.2))?;
    than.is_none_or(|e| best.2 < e).then(|| (best.2, best.0.clone()))
}

/// Expected copies τ of all replicas for a step of β, which sum to R, and ln Q.
fn weights(energies: &[f64], step: f64) -> Result<(Vec<f64>, f64)> {
    let ln_w: Vec<f64> = energies.iter().map(|e| -step * e).collect();
    let ln_q = ln_sum_exp(&ln_w) - libm::log(energies.len() as f64);
    if !ln_q.is_finite() {
        return Err(Error::Undefined {
            what: "ln Q of the population".into(),
            why: format!("it comes out as {ln_q}: an energy is NaN or -inf, or all are infinite"),
        });
    }
    Ok((ln_w.iter().map(|l| libm::exp(l - ln_q)).collect(), ln_q))
}

/// How often each replica is copied: systematic resampling, one random number for all.
fn copies(energies: &[f64], step: f64, rng: &mut Stream) -> Result<(Vec<u32>, f64)> {
    let (tau, ln_q) = weights(energies, step)?;
    let offset = rng.uniform();
    let total: f64 = tau.iter().sum();
    let (mut sum, mut given) = (0.0, 0u32);
    let r = energies.len() as u32;
    let mut copies = Vec::with_capacity(tau.len());
    for t in &tau {
        sum += t * f64::from(r) / total;
        // `offset` + R copies fit below `sum`.
        let below = (libm::floor(sum + offset) as u32).min(r);
        copies.push(below.saturating_sub(given));
        given = given.max(below);
    }
    // Rounding may have left the sum a hair below R.
    if let Some(last) = tau.iter().rposition(|t| *t > 0.0) {
        copies[last] += r - given;
    }
    Ok((copies, ln_q))
}

/// Puts copies in the places of those that die; who lives stays where it is.
fn resample<S: Clone>(replicas: &mut [(S, Stream, f64)], family: &mut [u32], copies: &[u32]) {
    let mut empty = (0..copies.len()).filter(|j| copies[*j] == 0);
    for (j, n) in copies.iter().enumerate() {
        for _ in 1..*n {
            // As many places are empty as there are copies too many.
            let Some(to) = empty.next() else { return };
            let (state, e) = (replicas[j].0.clone(), replicas[j].2);
            replicas[to].0 = state;
            replicas[to].2 = e;
            family[to] = family[j];
        }
    }
}
