//! The density of states from independent runs, with errors, and what follows from it at any temperature.

use super::{
    AllMoves, EnergyGrid, Multicanonical, Tracked, Transitions, WangLandau,
    ising::{learn as learn_ising, survey},
};
use crate::ising::Ising;
use smml_core::{
    chain::Chain,
    energy::{Energy, LocalEnergy, Reference, ln_sum_exp},
    error::{Error, Result, finite, positive},
    estimate::Estimate,
    parallel::{self, Par},
    rng::Streams,
    sample::Metropolis,
};

/// How much work goes into a [`DensityOfStates`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// Independent runs, at least 2; their spread gives the errors.
    pub n_runs: usize,
    /// ln f at which a run stops learning weights.
    pub ln_f: f64,
    /// Most moves that learning may take, each run.
    pub max_attempts: u64,
    /// Moves that each run then makes with fixed weights.
    pub attempts: u64,
}

impl Default for Plan {
    /// Eight runs, ln f = 10⁻⁵, at most 10⁹ moves to get there, 10⁷ after it.
    fn default() -> Self {
        Plan { n_runs: 8, ln_f: 1e-5, max_attempts: 1_000_000_000, attempts: 10_000_000 }
    }
}

/// One bin with states in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// Energy.
    pub energy: f64,
    /// ln g, normalised so that Σ g is the number (or volume) of all states.
    pub ln_g: Estimate,
}

/// ln g(E) from independent runs: each learns weights by Wang-Landau sampling, then samples with them at rest, and
/// g(E) ∝ exp(w(E)) × (visits of E), or follows from transitions. The second part is a Markov chain with a fixed
/// distribution, so what the first gets wrong only costs efficiency.
///
/// A level that no run came to is not in it, and the others share its part of all states: of a glass that may be the
/// ground state. Runs cannot tell such a level from a bin without states, so they are listed
/// ([`DensityOfStates::unvisited`]), and what is known to exist can be asked for ([`DensityOfStates::require`]).
#[derive(Clone, Debug, PartialEq)]
pub struct DensityOfStates {
    energies: Vec<f64>,
    /// ln g of every level, run by run.
    runs: Vec<Vec<f64>>,
    /// Energies of the bins that no run saw.
    unvisited: Vec<f64>,
}

impl DensityOfStates {
    /// Runs a plan. The grid must hold all energies; run r uses stream r, whatever thread it is on.
    ///
    /// # Errors
    /// Fewer than two runs, no moves, [`Error::NotConverged`] when learning takes more moves than the plan allows,
    /// [`Error::Undefined`] when a level was visited by some runs only (or the grid is too narrow for a state drawn at
    /// β = 0): more moves are needed.
    pub fn sample<E>(model: &E, grid: EnergyGrid, plan: &Plan, streams: &Streams, par: Par) -> Result<Self>
    where
        E: LocalEnergy + Reference + Clone + Send,
    {
        Self::of_runs(model, grid, plan, par, |run| {
            let (flat, mut chain) = learn(model, grid, plan, streams, run)?;
            let mut visits = vec![0u64; grid.n_bins()];
            for _ in 0..plan.attempts {
                chain.advance(&flat, 1.0, 1);
                if let Some(k) = grid.bin(chain.state.energy()) {
                    visits[k] += 1;
                }
            }
            let ln_g =
                |(w, n): (&f64, &u64)| if *n == 0 { f64::NEG_INFINITY } else { w + libm::log(*n as f64) };
            Ok(flat.weights().iter().zip(&visits).map(ln_g).collect())
        })
    }

    /// As [`DensityOfStates::sample`], with g from [`Transitions`] instead of visits: after as many moves as the state
    /// has ([`AllMoves::n_moves`]), all moves are counted, made or not. It does not matter how often an energy was
    /// visited, only that its states were seen evenly, so this is another estimate, and a check of the first. Errors for
    /// the same number of moves are somewhat smaller, for about half as much work again.
    ///
    /// # Errors
    /// As [`DensityOfStates::sample`], and levels between which no moves were seen.
    ///
    /// ```
    /// use smml_core::{parallel::Par, rng::Streams};
    /// use smml_physics::{flat::{DensityOfStates, EnergyGrid, Plan}, ising::Ising, lattice::{Boundary, Lattice}};
    /// let torus = Ising::in_field(Lattice::square(4, 4, Boundary::Periodic)?.graph(1.0)?, 0.0)?;
    /// let plan = Plan { n_runs: 4, ln_f: 1e-3, max_attempts: 1_000_000, attempts: 100_000 };
    /// let grid = EnergyGrid::levels(&torus)?;
    /// let found = DensityOfStates::sample_transitions(&torus, grid, &plan, &Streams::new(1), Par::Serial)?;
    /// assert!((found.levels()?[0].ln_g.value - 2f64.ln()).abs() < 0.1);
    /// # Ok::<(), smml_core::Error>(())
    /// ```
    pub fn sample_transitions<E>(
        model: &E,
        grid: EnergyGrid,
        plan: &Plan,
        streams: &Streams,
        par: Par,
    ) -> Result<Self>
    where
        E: AllMoves + Reference + Clone + Send,
    {
        let sweep = model.n_moves().max(1) as u64;
        Self::of_runs(model, grid, plan, par, |run| {
            let (flat, mut chain) = learn(model, grid, plan, streams, run)?;
            let mut transitions = Transitions::new(grid.n_bins());
            for _ in 0..plan.attempts.div_ceil(sweep) {
                chain.advance(&flat, 1.0, sweep);
                transitions.count(model, chain.state.state(), chain.state.energy(), &grid);
            }
            transitions.ln_g()
        })
    }

    /// As [`DensityOfStates::sample_transitions`] for an Ising model with integer couplings and fields, on its fast engine
    /// ([`super::FlatIsing`]): `plan.attempts` are flips of the n-fold way, none of them rejected, and the moves of every
    /// state on the way count. A tenth of them goes into better weights, with which the walk comes to all levels equally
    /// often, the rare ones at the ends of the spectrum included.
    ///
    /// # Errors
    /// As [`DensityOfStates::sample_transitions`] and [`super::FlatIsing::new`].
    pub fn sample_ising(ising: &Ising, plan: &Plan, streams: &Streams, par: Par) -> Result<Self> {
        let grid = EnergyGrid::levels(ising)?;
        Self::of_runs(ising, grid, plan, par, |run| {
            let mut rng = streams.stream("density of states", run);
            let (mut model, mut s) = learn_ising(ising, plan.ln_f, plan.max_attempts, &mut rng)?;
            let mut left = plan.attempts;
            for part in [20, 20] {
                let first = survey(&model, &mut s, (plan.attempts / part).max(1), &mut rng)?;
                left = left.saturating_sub(plan.attempts / part);
                model.set_weights(first.improved(&model)?)?;
            }
            survey(&model, &mut s, left.max(1), &mut rng)?.ln_g()
        })
    }

    /// Uses that flipping a sublattice turns E into -E (no field, bonds between the sublattices alone): each run's ln g
    /// is averaged with its mirror image.
    ///
    /// # Errors
    /// Levels that are not symmetric about 0.
    pub fn symmetric(&self) -> Result<Self> {
        if self.energies.iter().zip(self.energies.iter().rev()).any(|(a, b)| *a != -*b) {
            return Err(Error::Undefined {
                what: "a symmetric density of states".into(),
                why: "the levels are not symmetric about 0".into(),
            });
        }
        let mirrored =
            |run: &Vec<f64>| run.iter().zip(run.iter().rev()).map(|(a, b)| 0.5 * (a + b)).collect();
        Ok(DensityOfStates { runs: self.runs.iter().map(mirrored).collect(), ..self.clone() })
    }

    /// Uses levels whose ln g is known (of the ground states, say), and the number of all states, `ln_total`: each run is
    /// made to agree with them. The correction between two known levels is divided among the steps between them in
    /// proportion to the variance of ln g(E') - ln g(E) over the runs, as the conditional mean of independent steps is; the
    /// total counts as knowledge of the largest g. Errors stay those of the spread over runs.
    ///
    /// # Errors
    /// Energies that are no levels, or values that are not finite.
    pub fn anchored(&self, known: &[(f64, f64)], ln_total: f64) -> Result<Self> {
        finite("ln of the number of states", ln_total)?;
        let mut anchors = Vec::new();
        for &(energy, ln_g) in known {
            let Some(k) = self.energies.iter().position(|e| *e == energy) else {
                return Err(Error::out_of_range("energy of a known level", energy, "a level that was found"));
            };
            anchors.push((k, finite("ln g of a known level", ln_g)?));
        }
        // The running sum of variances of the steps.
        let (n, n_runs) = (self.energies.len(), self.runs.len() as f64);
        let mut clock = vec![0.0; n];
        for k in 1..n {
            let steps: Vec<f64> = self.runs.iter().map(|r| r[k] - r[k - 1]).collect();
            let mean = steps.iter().sum::<f64>() / n_runs;
            clock[k] = clock[k - 1] + steps.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n_runs - 1.0);
        }
        let mean = |k: usize| self.runs.iter().map(|r| r[k]).sum::<f64>();
        let peak = (0..n).fold(0, |best, k| if mean(k) > mean(best) { k } else { best });
        let fixed = |run: &Vec<f64>| -> Vec<f64> {
            let mut shifts: Vec<(usize, f64)> = anchors.iter().map(|&(k, ln_g)| (k, ln_g - run[k])).collect();
            let free = !anchors.iter().any(|a| a.0 == peak);
            if free {
                shifts.push((peak, ln_total - ln_sum_exp(run)));
            }
            shifts.sort_by_key(|s| s.0);
            let mut corrected = run.clone();
            // The shift of the peak until the total is right: nearly all states are near it.
            for _ in 0..100 {
                corrected = (0..n).map(|k| run[k] + between(&shifts, &clock, k)).collect();
                let excess = ln_total - ln_sum_exp(&corrected);
                if !free || excess.abs() < 1e-12 * ln_total.abs() {
                    break;
                }
                shifts.iter_mut().filter(|s| s.0 == peak).for_each(|s| s.1 += excess);
            }
            corrected
        };
        Ok(DensityOfStates { runs: self.runs.iter().map(fixed).collect(), ..self.clone() })
    }

    /// Runs in parallel, brought to the same levels and normalised.
    fn of_runs<E>(
        model: &E,
        grid: EnergyGrid,
        plan: &Plan,
        par: Par,
        one_run: impl Fn(u64) -> Result<Vec<f64>> + Sync + Send,
    ) -> Result<Self>
    where
        E: Reference,
    {
        if plan.n_runs < 2 {
            return Err(Error::out_of_range("n_runs", plan.n_runs, "at least 2"));
        }
        if plan.attempts == 0 {
            return Err(Error::out_of_range("attempts", 0, "at least 1"));
        }
        positive("ln f", plan.ln_f)?;
        let counted: Vec<Result<Vec<f64>>> = parallel::map(par, plan.n_runs, |run| one_run(run as u64));
        let counted = counted.into_iter().collect::<Result<Vec<_>>>()?;
        let (mut levels, mut unvisited) = (Vec::new(), Vec::new());
        for k in 0..grid.n_bins() {
            let n = counted.iter().filter(|ln_g| ln_g[k] > f64::NEG_INFINITY).count();
            if n == plan.n_runs {
                levels.push(k);
            } else if n > 0 {
                return Err(Error::Undefined {
                    what: format!("ln g at energy {}", grid.energy(k)),
                    why: format!("{n} of {} runs visited it: more moves are needed", plan.n_runs),
                });
            } else {
                unvisited.push(grid.energy(k));
            }
        }
        let ln_total = model.ln_z_reference();
        let normalised = |ln_g: &Vec<f64>| -> Vec<f64> {
            let kept: Vec<f64> = levels.iter().map(|&k| ln_g[k]).collect();
            let shift = ln_total - ln_sum_exp(&kept);
            kept.into_iter().map(|g| g + shift).collect()
        };
        Ok(DensityOfStates {
            energies: levels.iter().map(|&k| grid.energy(k)).collect(),
            runs: counted.iter().map(normalised).collect(),
            unvisited,
        })
    }

    /// Energies of the bins of the grid that no run came to, lowest first. Most have no states (a grid holds all that the
    /// couplings allow, were nothing frustrated), but a level whose states are few and far away looks the same.
    pub fn unvisited(&self) -> &[f64] {
        &self.unvisited
    }

    /// Checks that levels known to exist were found: the energy of a state at hand, such as the best of a search, or a
    /// ground state that was proved.
    ///
    /// # Errors
    /// [`Error::Undefined`] naming the first that is missing: ln g, and all averages at low temperatures, then lack it.
    pub fn require(&self, energies: &[f64]) -> Result<()> {
        // Energies of a grid are sums, those of a state are others: equal up to rounding.
        let found = |e: &f64| self.energies.iter().any(|other| (other - e).abs() <= 1e-9 * e.abs().max(1.0));
        match energies.iter().find(|e| !found(e)) {
            None => Ok(()),
            Some(energy) => Err(Error::Undefined {
                what: format!("ln g at energy {energy}"),
                why: "no run visited it: more moves are needed".into(),
            }),
        }
    }

    /// All levels, by energy.
    pub fn levels(&self) -> Result<Vec<Level>> {
        let level = |k: usize| -> Result<Level> {
            let ln_g: Vec<f64> = self.runs.iter().map(|run| run[k]).collect();
            Ok(Level { energy: self.energies[k], ln_g: Estimate::from_independent(&ln_g)? })
        };
        (0..self.energies.len()).map(level).collect()
    }
    /// The energies of the levels.
    pub fn energies(&self) -> &[f64] {
        &self.energies
    }
    /// ln g of the levels in each run.
    pub fn runs(&self) -> &[Vec<f64>] {
        &self.runs
    }

    /// Thermal averages at `beta`, of either sign, by reweighting each run.
    ///
    /// # Errors
    /// β that is not finite.
    pub fn averages(&self, beta: f64) -> Result<Averages> {
        finite("beta", beta)?;
        let of_run = |ln_g: &Vec<f64>| -> [f64; 4] {
            let terms: Vec<f64> = ln_g.iter().zip(&self.energies).map(|(g, e)| g - beta * e).collect();
            let ln_z = ln_sum_exp(&terms);
            let mean = |f: &dyn Fn(f64) -> f64| -> f64 {
                terms.iter().zip(&self.energies).map(|(t, e)| libm::exp(t - ln_z) * f(*e)).sum()
            };
            let energy = mean(&|e| e);
            let variance = mean(&|e| (e - energy) * (e - energy));
            [ln_z, energy, beta * beta * variance, ln_z + beta * energy]
        };
        let runs: Vec<[f64; 4]> = self.runs.iter().map(of_run).collect();
        let estimate =
            |k: usize| Estimate::from_independent(&runs.iter().map(|run| run[k]).collect::<Vec<_>>());
        Ok(Averages {
            ln_z: estimate(0)?,
            energy: estimate(1)?,
            heat_capacity: estimate(2)?,
            entropy: estimate(3)?,
        })
    }
}

/// What a density of states says at one temperature, of the whole system.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Averages {
    /// ln Z
    pub ln_z: Estimate,
    /// ⟨E⟩
    pub energy: Estimate,
    /// β² (⟨E²⟩ - ⟨E⟩²)
    pub heat_capacity: Estimate,
    /// S = ln Z + β ⟨E⟩
    pub entropy: Estimate,
}

/// A value at `k` from those at some places, in order: linear in `clock` between two of them, constant outside.
fn between(places: &[(usize, f64)], clock: &[f64], k: usize) -> f64 {
    let after = places.partition_point(|p| p.0 <= k);
    let Some(&(b, to)) = places.get(after) else { return places.last().map_or(0.0, |p| p.1) };
    let Some(&(a, from)) = after.checked_sub(1).and_then(|i| places.get(i)) else { return to };
    let whole = clock[b] - clock[a];
    // Steps that never differ share equally.
    let share = if whole > 0.0 { (clock[k] - clock[a]) / whole } else { (k - a) as f64 / (b - a) as f64 };
    from + share * (to - from)
}

/// A model with fixed weights, and a chain that samples it.
type Flat<E> = (Multicanonical<E>, Chain<Metropolis, Tracked<<E as Energy>::State>>);

/// The first part of a run: weights by Wang-Landau sampling, and a chain that starts where it ended.
fn learn<E>(model: &E, grid: EnergyGrid, plan: &Plan, streams: &Streams, run: u64) -> Result<Flat<E>>
where
    E: LocalEnergy + Reference + Clone,
{
    let mut rng = streams.stream("density of states", run);
    let start = model.draw(&mut rng);
    let mut learn = WangLandau::new(model, grid, start, rng)?;
    learn.run(model, plan.ln_f, plan.max_attempts)?;
    let flat = Multicanonical::new(model.clone(), grid, learn.weights())?;
    let start = flat.at(learn.state().clone())?;
    Ok((flat, Chain::new(Metropolis::new(1)?, start, streams.stream("fixed weights", run))))
}
