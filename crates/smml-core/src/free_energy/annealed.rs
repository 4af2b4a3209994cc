//! Annealed importance sampling (R. M. Neal, Stat. Comput. 11, 125 (2001)) along β or along any other path, forwards
//! from the reference and backwards from the target. The two together bracket ln Z (R. Grosse, Z. Ghahramani and
//! R. Adams, arXiv 1511.02543).

use super::ln_mean_exp;
use crate::{
    energy::Reference,
    error::{Error, Result, all_finite, same_length},
    estimate::Estimate,
    kernel::Kernel,
    parallel::{self, Par},
    rng::{Draw, Stream, Streams},
    schedule::Schedule,
};

/// A path of unnormalised densities f_t over one kind of states, from f₀, which can be drawn exactly, to the target.
///
/// [`Thermal`] is the path f_β = μ e^{-βE}. Implement this for any other: a mixture of two energies, or an RBM whose
/// reference has base rates. A clone is used by each run, so scratch memory may live here.
pub trait AnnealingPath: Clone + Send + Sync {
    /// A configuration.
    type State: Clone + Send + Sync;
    /// A state drawn exactly from f₀.
    fn draw<R: Draw>(&mut self, rng: &mut R) -> Self::State;
    /// ln ∫ f₀.
    fn ln_z_start(&self) -> f64;
    /// ln f_to(s) - ln f_from(s).
    fn ln_ratio(&mut self, state: &Self::State, from: f64, to: f64) -> f64;
    /// A Markov step that leaves f_t unchanged; it need not be reversible.
    fn step<R: Draw>(&mut self, state: &mut Self::State, t: f64, rng: &mut R);
}

/// The path μ e^{-βE} of a model and a kernel, from β = 0.
#[derive(Debug)]
pub struct Thermal<'a, E, K> {
    energy: &'a E,
    kernel: K,
}

impl<'a, E, K> Thermal<'a, E, K> {
    /// The path of `energy`, with steps by `kernel`.
    pub fn new(energy: &'a E, kernel: K) -> Self {
        Thermal { energy, kernel }
    }
}

impl<E, K: Clone> Clone for Thermal<'_, E, K> {
    fn clone(&self) -> Self {
        Thermal { energy: self.energy, kernel: self.kernel.clone() }
    }
}

impl<E: Reference, K: Kernel<E>> AnnealingPath for Thermal<'_, E, K> {
    type State = E::State;
    fn draw<R: Draw>(&mut self, rng: &mut R) -> E::State {
        self.energy.draw(rng)
    }
    fn ln_z_start(&self) -> f64 {
        self.energy.ln_z_reference()
    }
    fn ln_ratio(&mut self, state: &E::State, from: f64, to: f64) -> f64 {
        if from == to {
            return 0.0; // also where the energy is infinite
        }
        -(to - from) * self.energy.energy(state)
    }
    fn step<R: Draw>(&mut self, state: &mut E::State, t: f64, rng: &mut R) {
        self.kernel.step(self.energy, state, t, rng);
    }
}

/// The `n_rungs` values of β (or t) that a schedule visits, both ends included.
///
/// Errors: fewer than two rungs, a value that is not finite, and a schedule that does not start at 0, where the
/// reference is: [`Schedule::Geometric`] cannot; use a line or a table.
pub fn annealing_ladder(schedule: &Schedule, n_rungs: usize) -> Result<Vec<f64>> {
    if n_rungs < 2 {
        return Err(Error::out_of_range("n_rungs", n_rungs, "at least 2"));
    }
    let ladder: Vec<f64> = schedule.values(n_rungs).collect();
    check_ladder(&ladder)?;
    Ok(ladder)
}

fn check_ladder(ladder: &[f64]) -> Result<()> {
    if ladder.len() < 2 {
        return Err(Error::out_of_range("rungs of the ladder", ladder.len(), "at least 2"));
    }
    all_finite("rung", ladder)?;
    if ladder[0] != 0.0 {
        return Err(Error::out_of_range(
            "first rung of the ladder",
            ladder[0],
            "0: annealing starts from the reference",
        ));
    }
    Ok(())
}

/// A population of final states with weights: ⟨w⟩ = Z(target) / Z(start).
#[derive(Clone, Debug)]
pub struct Annealed<S> {
    ln_z_start: f64,
    ln_weights: Vec<f64>,
    states: Vec<S>,
}

impl<S> Annealed<S> {
    /// A population made elsewhere (a batched sampler): final states and ln weights of independent runs.
    ///
    /// Errors: lengths that differ, `ln_z_start` not finite, weights that are NaN or +∞.
    pub fn new(ln_z_start: f64, ln_weights: Vec<f64>, states: Vec<S>) -> Result<Self> {
        same_length("states", states.len(), ln_weights.len())?;
        crate::error::finite("ln Z of the start", ln_z_start)?;
        check_weights(&ln_weights)?;
        Ok(Annealed { ln_z_start, ln_weights, states })
    }
    /// ln Z₀ of the start.
    pub fn ln_z_start(&self) -> f64 {
        self.ln_z_start
    }
    /// ln w of each run.
    pub fn ln_weights(&self) -> &[f64] {
        &self.ln_weights
    }
    /// The final state of each run: with the weights, a sample of the target.
    pub fn states(&self) -> &[S] {
        &self.states
    }
    /// Final states and ln weights.
    pub fn into_parts(self) -> (Vec<S>, Vec<f64>) {
        (self.states, self.ln_weights)
    }
    /// ln Z of the target: ln Z₀ + ln⟨w⟩, a lower bound in expectation. Error by the delta method.
    ///
    /// Errors: [`Error::TooShort`] when fewer than ten runs carry the weight: take more rungs, not more runs.
    pub fn ln_z(&self) -> Result<Estimate> {
        ln_mean_exp(&self.ln_weights).map(|e| e.affine(self.ln_z_start, 1.0))
    }
    /// ln Z₀ + ⟨ln w⟩ <= ln Z: a weaker bound than [`Annealed::ln_z`], but with an honest error however few runs
    /// carry the weight.
    pub fn ln_z_lower_bound(&self) -> Result<Estimate> {
        Estimate::from_independent(&self.ln_weights).map(|e| e.affine(self.ln_z_start, 1.0))
    }
    /// ⟨f⟩ in the target.
    ///
    /// Errors: [`Error::TooShort`] as [`Annealed::ln_z`], a value with weight that is not finite.
    pub fn mean(&self, f: impl FnMut(&S) -> f64) -> Result<Estimate> {
        ln_mean_exp(&self.ln_weights)?;
        let values: Vec<f64> = self.states.iter().map(f).collect();
        Estimate::from_population(&values, &self.ln_weights)
    }
}

/// Runs from samples of the target back to the start: ⟨w⟩ = Z(start) / Z(target).
#[derive(Clone, Debug)]
pub struct ReverseAnnealed {
    ln_z_start: f64,
    ln_weights: Vec<f64>,
}

impl ReverseAnnealed {
    /// Weights made elsewhere. Errors as [`Annealed::new`].
    pub fn new(ln_z_start: f64, ln_weights: Vec<f64>) -> Result<Self> {
        crate::error::finite("ln Z of the start", ln_z_start)?;
        check_weights(&ln_weights)?;
        Ok(ReverseAnnealed { ln_z_start, ln_weights })
    }
    /// ln w of each run.
    pub fn ln_weights(&self) -> &[f64] {
        &self.ln_weights
    }
    /// ln Z of the target: ln Z₀ - ln⟨w⟩, an upper bound in expectation when the samples are exact.
    ///
    /// Errors as [`Annealed::ln_z`].
    pub fn ln_z(&self) -> Result<Estimate> {
        ln_mean_exp(&self.ln_weights).map(|e| e.affine(self.ln_z_start, -1.0))
    }
    /// ln Z₀ - ⟨ln w⟩ >= ln Z.
    pub fn ln_z_upper_bound(&self) -> Result<Estimate> {
        Estimate::from_independent(&self.ln_weights).map(|e| e.affine(self.ln_z_start, -1.0))
    }
}

fn check_weights(ln_weights: &[f64]) -> Result<()> {
    match ln_weights.iter().position(|w| w.is_nan() || *w == f64::INFINITY) {
        Some(i) => Err(Error::out_of_range(format!("ln weight of run {i}"), ln_weights[i], "finite or -inf")),
        None => Ok(()),
    }
}

/// ln Z(β) by `n_runs` independent runs from the reference (β = 0) along `schedule`, one kernel step at each of the
/// `n_rungs` - 1 rungs after the first. Parallel over runs; the result does not depend on the number of threads.
///
/// Errors: a schedule that does not start at 0 ([`annealing_ladder`]), energies that make a weight NaN or +∞.
pub fn ais<E: Reference, K: Kernel<E>>(
    energy: &E,
    kernel: &K,
    schedule: &Schedule,
    n_rungs: usize,
    n_runs: usize,
    streams: &Streams,
    par: Par,
) -> Result<Annealed<E::State>> {
    let ladder = annealing_ladder(schedule, n_rungs)?;
    ais_path(&Thermal::new(energy, kernel.clone()), &ladder, n_runs, streams, par)
}

/// The reverse of [`ais`]: one run from each of `samples`, which must be exact, independent samples of the target
/// (the last β of `schedule`). Samples that have not equilibrated make the "upper bound" too low.
///
/// Runs forward and backward may go into [`bar`](super::bar) as works -ln w, when the kernel is reversible.
pub fn ais_reverse<E: Reference, K: Kernel<E>>(
    energy: &E,
    kernel: &K,
    schedule: &Schedule,
    n_rungs: usize,
    samples: &[E::State],
    streams: &Streams,
    par: Par,
) -> Result<ReverseAnnealed> {
    let ladder = annealing_ladder(schedule, n_rungs)?;
    ais_path_reverse(&Thermal::new(energy, kernel.clone()), &ladder, samples, streams, par)
}

/// [`ais`] along any path: `ladder` holds the values of t, from 0 to the target.
pub fn ais_path<P: AnnealingPath>(
    path: &P,
    ladder: &[f64],
    n_runs: usize,
    streams: &Streams,
    par: Par,
) -> Result<Annealed<P::State>> {
    check_ladder(ladder)?;
    let runs = parallel::map(par, n_runs, |run| {
        let (mut path, mut rng) = (path.clone(), streams.stream("ais", run as u64));
        let mut state = path.draw(&mut rng);
        let ln_w = walk(&mut path, &mut state, ladder.windows(2).map(|p| (p[0], p[1])), &mut rng);
        (ln_w, state)
    });
    let (ln_weights, states) = runs.into_iter().unzip();
    Annealed::new(path.ln_z_start(), ln_weights, states)
}

/// [`ais_reverse`] along any path.
pub fn ais_path_reverse<P: AnnealingPath>(
    path: &P,
    ladder: &[f64],
    samples: &[P::State],
    streams: &Streams,
    par: Par,
) -> Result<ReverseAnnealed> {
    check_ladder(ladder)?;
    let ln_weights = parallel::map(par, samples.len(), |run| {
        let (mut path, mut rng) = (path.clone(), streams.stream("ais-reverse", run as u64));
        let mut state = samples[run].clone();
        // The mirror image of a forward run: its last step was at the target, its first at the second rung.
        path.step(&mut state, ladder[ladder.len() - 1], &mut rng);
        let pairs = ladder.windows(2).rev().map(|p| (p[1], p[0]));
        walk(&mut path, &mut state, pairs, &mut rng)
    });
    ReverseAnnealed::new(path.ln_z_start(), ln_weights)
}

/// ln w of one run. A weight of zero stays zero: the run ends.
fn walk<P: AnnealingPath>(
    path: &mut P,
    state: &mut P::State,
    pairs: impl Iterator<Item = (f64, f64)>,
    rng: &mut Stream,
) -> f64 {
    let mut ln_w = 0.0;
    for (from, to) in pairs {
        ln_w += path.ln_ratio(state, from, to);
        if ln_w == f64::NEG_INFINITY {
            break;
        }
        if to != 0.0 {
            path.step(state, to, rng);
        }
    }
    ln_w
}
