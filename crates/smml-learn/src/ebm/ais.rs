//! ln Z of large machines by annealed importance sampling from base rates, forward and backward.
//!
//! Base-rate annealing: f_t(v, h) = exp((1 - t) a⁰·v + t (a·v + b·h + v·W·h)), from independent visible units with biases a⁰
//! (t = 0) to the machine (t = 1), after Salakhutdinov and Murray (ICML 2008). Chains run on the f32 engine, which
//! rounds parameters to 24 bits; weights are accumulated in f64, for the rounded machine and base.

use super::{likelihood::check_width, rbm::Rbm};
use crate::{
    data::BinaryData,
    error::{Error, Result},
};
use serde::{Deserialize, Serialize};
use smml_core::{
    Estimate,
    free_energy::{Annealed, ReverseAnnealed, annealing_ladder, bar},
    numeric::softplus,
    parallel::Par,
    rng::Streams,
    schedule::Schedule,
};

mod chains;
use chains::{Course, Leg, Population};

/// The way from the base model to the machine: f_t for t on a ladder from 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct BaseRatePath {
    base: Vec<f64>,
    ladder: Vec<f64>,
}

impl BaseRatePath {
    /// A path with biases a⁰ of the base model, one for each visible unit ([`BinaryData::log_odds`] of training data is
    /// a good choice, zeros are always right), and `n_rungs` equally spaced values of t, both ends included.
    ///
    /// Errors: fewer than two rungs, a bias that is not within ±80.
    pub fn new(base: Vec<f64>, n_rungs: usize) -> Result<Self> {
        if let Some(i) = base.iter().position(|a| !(a.abs() <= 80.0)) {
            return Err(Error::out_of_range(format!("base rate {i}"), base[i], "in [-80, 80]"));
        }
        let base = base.into_iter().map(|a| f64::from(a as f32)).collect();
        Ok(BaseRatePath { base, ladder: annealing_ladder(&Schedule::linear(0.0, 1.0)?, n_rungs)? })
    }
    /// The values of t, from 0 to 1.
    pub fn ladder(&self) -> &[f64] {
        &self.ladder
    }
    /// The biases a⁰, as the f32 engine has them.
    pub fn base(&self) -> &[f64] {
        &self.base
    }
    fn check(&self, rbm: &Rbm) -> Result<()> {
        if self.base.len() == rbm.n_visible() {
            Ok(())
        } else {
            Err(Error::length("base rates", self.base.len(), rbm.n_visible()))
        }
    }
    /// ln Z of the base model: hidden units are fair coins.
    fn ln_z(&self, n_hidden: usize) -> f64 {
        self.base.iter().map(|a| softplus(*a)).sum::<f64>() + n_hidden as f64 * std::f64::consts::LN_2
    }
}

/// Forward annealing: `n_runs` independent chains from the base model to the machine at `beta`.
///
/// [`Annealed::ln_z`] comes out too small on average when its error is large, and [`Annealed::ln_z_lower_bound`] is a
/// lower bound with an honest error. The final states approximate samples of the machine.
///
/// Errors: a path of another width, fewer than two runs, fields too large for f32.
///
/// ```
/// use smml_learn::ebm::{Rbm, ais, likelihood};
/// use smml_core::{parallel::Par, rng::Streams};
/// let rbm = Rbm::new(vec![0.3; 6], vec![-0.5; 4], (0..24).map(|k| 0.1 * k as f64 - 1.0).collect())?;
/// let path = ais::BaseRatePath::new(vec![0.0; 6], 200)?;
/// let run = ais::forward(&rbm, 1.0, &path, 200, &Streams::new(1), Par::Serial)?;
/// let exact = likelihood::ln_z_exact(&rbm, 1.0, Par::Serial)?;
/// assert!(run.ln_z()?.z(exact).abs() < 5.0);
/// # Ok::<(), smml_learn::Error>(())
/// ```
pub fn forward(
    rbm: &Rbm,
    beta: f64,
    path: &BaseRatePath,
    n_runs: usize,
    streams: &Streams,
    par: Par,
) -> Result<Annealed<Vec<u8>>> {
    let course = Course::new(rbm, beta, path)?;
    let start = Population::new(rbm.n_visible(), n_runs)?;
    let end = course.advance(Leg::Forward, 0..course.n_steps(), &start, streams, par);
    course.annealed(&end)
}

/// Backward annealing: one chain from each row of `start`, which must be independent samples of the machine, to the
/// base model.
///
/// [`ReverseAnnealed::ln_z_upper_bound`] is an upper bound when they are. Samples that have not equilibrated make it
/// too low, so give them many steps of block Gibbs sampling first.
pub fn backward(
    rbm: &Rbm,
    beta: f64,
    path: &BaseRatePath,
    start: &BinaryData,
    streams: &Streams,
    par: Par,
) -> Result<ReverseAnnealed> {
    check_width(rbm, start)?;
    if start.len() < 2 {
        return Err(Error::out_of_range("rows to start from", start.len(), "at least 2"));
    }
    let course = Course::new(rbm, beta, path)?;
    let end =
        course.advance(Leg::Backward, 0..course.n_steps(), &Population::at(start.clone()), streams, par);
    Ok(ReverseAnnealed::new(course.ln_z_start, end.ln_weights)?)
}

/// How much work a [`Sandwich`] is, and where its backward runs come from.
#[derive(Clone, Copy, Debug)]
pub struct SandwichPlan<'a> {
    /// Runs each way.
    pub n_runs: usize,
    /// Block Gibbs steps that make samples of the machine for the backward runs.
    pub n_gibbs: usize,
    /// Rows of data, where half of the chains begin their Gibbs steps. The others, and all of them without data, begin
    /// where the forward runs ended. A machine that Gibbs steps do not mix shows itself by what the two halves say.
    pub data: Option<&'a BinaryData>,
}

/// ln Z from both sides: annealing forward, and backward from samples that block Gibbs steps made.
#[derive(Clone, Debug)]
pub struct Sandwich {
    /// From the base model to the machine.
    pub forward: Annealed<Vec<u8>>,
    /// From the machine to the base model.
    pub backward: ReverseAnnealed,
    /// Where the backward runs started: samples of the machine as good as its Gibbs sampler can make them.
    pub samples: BinaryData,
    /// How many of them, the last ones, go back to rows of data and not to ends of forward runs.
    pub n_from_data: usize,
}

/// Standard errors by which the backward runs from data and from annealed states may differ before
/// [`Sandwich::ln_z`] refuses to join them.
const AGREE: f64 = 3.0;

impl Sandwich {
    /// Does all the work. [`SandwichRun`] does the same in pieces.
    ///
    /// Errors: a path or data of another width, fewer than two runs, no Gibbs step.
    pub fn run(
        rbm: &Rbm,
        beta: f64,
        path: &BaseRatePath,
        plan: &SandwichPlan<'_>,
        streams: &Streams,
        par: Par,
    ) -> Result<Self> {
        SandwichRun::new(rbm, beta, path, plan, streams)?.finish(par)
    }
    /// ln Z₀ + ⟨ln w⟩ of the forward runs: at most ln Z.
    pub fn lower(&self) -> Result<Estimate> {
        Ok(self.forward.ln_z_lower_bound()?)
    }
    /// ln Z₀ - ⟨ln w⟩ of the backward runs: at least ln Z, as far as their starts were samples of the machine. Starts
    /// that miss what weighs most make it too low, so with data the larger of [`Sandwich::uppers`] is given.
    pub fn upper(&self) -> Result<Estimate> {
        let (annealed, data) = self.uppers()?;
        Ok(data.filter(|d| d.value > annealed.value).unwrap_or(annealed))
    }
    /// The upper bound by the backward runs from annealed states, and by those from data where there are any.
    pub fn uppers(&self) -> Result<(Estimate, Option<Estimate>)> {
        let w = self.backward.ln_weights();
        let (annealed, data) = w.split_at(w.len() - self.n_from_data.min(w.len()));
        let bound = |w: &[f64]| -> Result<Estimate> {
            let start = self.forward.ln_z_start();
            Ok(ReverseAnnealed::new(start, w.to_vec())?.ln_z_upper_bound()?)
        };
        Ok((bound(annealed)?, if data.is_empty() { None } else { Some(bound(data)?) }))
    }
    /// ln Z from the runs of both directions by Bennett's acceptance ratio, the estimate of least variance.
    ///
    /// Block Gibbs steps are reversible on the visible units alone, so Crooks' relation holds between the two sets of
    /// weights, as far as the starts of the backward runs were samples of the machine.
    ///
    /// Errors: the two sets of weights do not overlap enough (take more rungs); runs from data and from annealed
    /// states contradict each other by more than three standard errors, so that at most one of them started from
    /// samples of the machine: without that test both directions can agree on the ln Z of a part of the states.
    pub fn ln_z(&self) -> Result<Estimate> {
        if let (annealed, Some(data)) = self.uppers()? {
            let error = annealed.std_error.hypot(data.std_error);
            if (annealed.value - data.value).abs() > AGREE * error {
                return Err(smml_core::Error::Undefined {
                    what: "ln Z from both sides".into(),
                    why: format!(
                        "annealing backward from data gives {data}, from annealed states {annealed}: the Gibbs steps between them do not mix the machine"
                    ),
                }
                .into());
            }
        }
        let works = |w: &[f64]| w.iter().map(|w| -w).collect::<Vec<f64>>();
        let (forward, backward) = (works(self.forward.ln_weights()), works(self.backward.ln_weights()));
        let f = bar(&forward, &backward)?;
        Ok(f.delta_f.affine(self.forward.ln_z_start(), -1.0))
    }
}

/// A [`Sandwich`] in the making, which can be stopped, saved and continued between any two steps, bit for bit.
///
/// ```
/// use smml_learn::ebm::{Rbm, ais::{BaseRatePath, Sandwich, SandwichPlan, SandwichRun}};
/// use smml_core::{parallel::Par, rng::Streams};
/// let rbm = Rbm::new(vec![0.3; 6], vec![-0.5; 4], (0..24).map(|k| 0.1 * k as f64 - 1.0).collect())?;
/// let (path, streams) = (BaseRatePath::new(vec![0.0; 6], 40)?, Streams::new(1));
/// let plan = SandwichPlan { n_runs: 100, n_gibbs: 20, data: None };
/// let mut run = SandwichRun::new(&rbm, 1.0, &path, &plan, &streams)?;
/// run.advance(50, Par::Serial);
/// let run = SandwichRun::resume(run.state().clone(), &rbm, 1.0, &path, &plan, &streams)?;
/// let whole = Sandwich::run(&rbm, 1.0, &path, &plan, &streams, Par::Serial)?;
/// assert_eq!(run.finish(Par::Serial)?.ln_z()?, whole.ln_z()?);
/// # Ok::<(), smml_learn::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct SandwichRun {
    course: Course,
    n_gibbs: usize,
    /// Rows of data for as many chains.
    data: Option<BinaryData>,
    streams: Streams,
    state: SandwichState,
}

/// What a [`SandwichRun`] saves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SandwichState {
    done: u64,
    /// The chains where they are now, and the weights of the direction they go.
    now: Population,
    /// The chains at the end of the forward runs, once they were there.
    forward: Option<Population>,
    /// Where the backward runs started, once they did.
    samples: Option<BinaryData>,
}

impl SandwichRun {
    /// A run that has done nothing yet. Arguments and errors as for [`Sandwich::run`].
    pub fn new(
        rbm: &Rbm,
        beta: f64,
        path: &BaseRatePath,
        plan: &SandwichPlan<'_>,
        streams: &Streams,
    ) -> Result<Self> {
        let SandwichPlan { n_runs, n_gibbs, data } = *plan;
        if n_gibbs == 0 {
            return Err(Error::out_of_range("Gibbs steps", 0, "at least 1"));
        }
        let course = Course::new(rbm, beta, path)?;
        let now = Population::new(rbm.n_visible(), n_runs)?;
        let data = match data.filter(|d| !d.is_empty()) {
            Some(data) => {
                check_width(rbm, data)?;
                let rows = (0..n_runs / 2).flat_map(|k| data.row(k % data.len())).copied().collect();
                Some(BinaryData::new(rbm.n_visible(), rows)?)
            }
            None => None,
        };
        let state = SandwichState { done: 0, now, forward: None, samples: None };
        Ok(SandwichRun { course, n_gibbs, data, streams: *streams, state })
    }
    /// Goes on from a saved state, with the arguments that the run began with.
    ///
    /// Errors: those of [`SandwichRun::new`], and a state that cannot come from such a run.
    pub fn resume(
        state: SandwichState,
        rbm: &Rbm,
        beta: f64,
        path: &BaseRatePath,
        plan: &SandwichPlan<'_>,
        streams: &Streams,
    ) -> Result<Self> {
        let mut run = SandwichRun::new(rbm, beta, path, plan, streams)?;
        let n_runs = plan.n_runs;
        let (there, back) = (run.course.n_steps() as u64, run.n_gibbs as u64);
        if state.done > run.n_steps() {
            let allowed = format!("at most {}", run.n_steps());
            return Err(Error::out_of_range("saved steps of annealing", state.done, allowed));
        }
        for (what, is, should) in [
            ("saved ends of forward runs", state.forward.is_some(), state.done >= there),
            ("saved samples", state.samples.is_some(), state.done >= there + back),
        ] {
            if is != should {
                return Err(Error::length(what, usize::from(is), usize::from(should)));
            }
        }
        let rows = [&state.now].into_iter().chain(&state.forward).map(|p| &p.rows).chain(&state.samples);
        for rows in rows {
            check_width(rbm, rows)?;
            if rows.len() != n_runs {
                return Err(Error::length("saved chains", rows.len(), n_runs));
            }
        }
        for p in [&state.now].into_iter().chain(&state.forward) {
            if p.ln_weights.len() != n_runs {
                return Err(Error::length("saved weights", p.ln_weights.len(), n_runs));
            }
            if let Some(w) = p.ln_weights.iter().find(|w| !w.is_finite()) {
                return Err(Error::out_of_range("saved ln weight", w, "finite"));
            }
        }
        run.state = state;
        Ok(run)
    }
    /// All that is needed to go on.
    pub fn state(&self) -> &SandwichState {
        &self.state
    }
    /// Steps of all chains together in the whole run: rungs forward, Gibbs steps, rungs backward.
    pub fn n_steps(&self) -> u64 {
        2 * self.course.n_steps() as u64 + self.n_gibbs as u64
    }
    /// Steps done.
    pub fn step_number(&self) -> u64 {
        self.state.done
    }
    /// Whether nothing is left to do.
    pub fn is_done(&self) -> bool {
        self.state.done == self.n_steps()
    }
    /// Does the next `n` steps, or those that are left.
    pub fn advance(&mut self, n: u64, par: Par) {
        let (rungs, gibbs) = (self.course.n_steps() as u64, self.n_gibbs as u64);
        let end = self.state.done.saturating_add(n).min(self.n_steps());
        while self.state.done < end {
            let done = self.state.done;
            let (leg, first, last) = if done < rungs {
                (Leg::Forward, 0, rungs)
            } else if done < rungs + gibbs {
                (Leg::Gibbs, rungs, rungs + gibbs)
            } else {
                (Leg::Backward, rungs + gibbs, self.n_steps())
            };
            let to = end.min(last);
            let steps = (done - first) as usize..(to - first) as usize;
            self.state.now = self.course.advance(leg, steps, &self.state.now, &self.streams, par);
            self.state.done = to;
            if to == last {
                match leg {
                    Leg::Forward => {
                        self.state.forward = Some(self.state.now.clone());
                        if let Some(data) = &self.data {
                            self.state.now.rows = self.state.now.rows.ending_in(data);
                        }
                    }
                    Leg::Gibbs => {
                        self.state.samples = Some(self.state.now.rows.clone());
                        self.state.now.ln_weights.fill(0.0);
                    }
                    Leg::Backward => {}
                }
            }
        }
    }
    /// Does what is left, and gives the result.
    pub fn finish(mut self, par: Par) -> Result<Sandwich> {
        self.advance(u64::MAX, par);
        let SandwichState { now, forward, samples, .. } = self.state;
        let unfinished = || Error::length("steps of annealing", 0, 1);
        Ok(Sandwich {
            forward: self.course.annealed(&forward.ok_or_else(unfinished)?)?,
            backward: ReverseAnnealed::new(self.course.ln_z_start, now.ln_weights)?,
            samples: samples.ok_or_else(unfinished)?,
            n_from_data: self.data.map_or(0, |d| d.len()),
        })
    }
}

#[cfg(test)]
mod tests;
