//! ln Z of large machines by annealed importance sampling from base rates, forward and backward.
//!
//! Base-rate annealing: f_t(v, h) = exp((1 - t) a⁰·v + t (a·v + b·h + v·W·h)), from independent visible units with biases a⁰
//! (t = 0) to the machine (t = 1), after Salakhutdinov and Murray (ICML 2008). Chains run on the f32 engine, which
//! rounds parameters to 24 bits; weights are accumulated in f64, for the rounded machine and base.

use super::{
    engine::{self, LabelUnits, Layer, Line, Lists, States, Weights, Work},
    likelihood::check_width,
    numeric::softplus_sum,
    rbm::Rbm,
};
use crate::{
    data::BinaryData,
    error::{Error, Result},
};
use serde::{Deserialize, Serialize};
use smml_core::{
    Estimate,
    error::positive,
    free_energy::{Annealed, ReverseAnnealed, annealing_ladder, bar},
    numeric::softplus,
    parallel::{self, Par},
    rng::Streams,
    schedule::Schedule,
};
use std::ops::Range;

/// Chains that run together on one thread.
const GROUP: usize = 32;

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

/// A machine at inverse temperature `beta`, as one at 1.
fn scaled(rbm: &Rbm, beta: f64) -> Result<Rbm> {
    positive("beta", beta)?;
    let times = |x: &[f64]| x.iter().map(|x| beta * x).collect();
    rbm.check_f32(beta)?;
    Rbm::new(times(rbm.visible_bias()), times(rbm.hidden_bias()), times(rbm.weights()))
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

/// Chains with their weights so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Population {
    rows: BinaryData,
    ln_weights: Vec<f64>,
}

impl Population {
    fn new(width: usize, n_runs: usize) -> Result<Self> {
        if !(2..=1 << 24).contains(&n_runs) {
            return Err(Error::out_of_range("runs of annealing", n_runs, "in 2..=16777216"));
        }
        Ok(Population::at(BinaryData::new(width, vec![0; width * n_runs])?))
    }
    fn at(rows: BinaryData) -> Self {
        Population { ln_weights: vec![0.0; rows.len()], rows }
    }
}

/// What the steps of a population are.
#[derive(Clone, Copy, Debug)]
enum Leg {
    /// From the base model, where all chains are drawn before the first step, rung by rung to the machine.
    Forward,
    /// Block Gibbs steps of the machine.
    Gibbs,
    /// From the machine, rung by rung to the base model.
    Backward,
}

/// The machine, and the way to it from the base model.
#[derive(Clone, Debug)]
struct Course {
    weights: Weights,
    ladder: Vec<f64>,
    base: Vec<Line>,
    /// a - a⁰ of every padded visible unit.
    difference: Vec<f64>,
    ln_z_start: f64,
}

impl Course {
    fn new(rbm: &Rbm, beta: f64, path: &BaseRatePath) -> Result<Self> {
        let rbm = scaled(rbm, beta)?;
        path.check(&rbm)?;
        let weights = Weights::from_rbm(&rbm, 0);
        let base = weights.visible.lines(|i| path.base[i] as f32, engine::NEVER);
        let difference = weights
            .a
            .iter()
            .zip(&base)
            .flat_map(|(a, b)| (0..16).map(|k| f64::from(a.0[k]) - f64::from(b.0[k])))
            .collect();
        let (ladder, ln_z_start) = (path.ladder.clone(), path.ln_z(rbm.n_hidden()));
        Ok(Course { weights, ladder, base, difference, ln_z_start })
    }
    /// Steps from one end of the ladder to the other.
    fn n_steps(&self) -> usize {
        self.ladder.len() - 1
    }
    fn annealed(&self, end: &Population) -> Result<Annealed<Vec<u8>>> {
        let states = end.rows.rows().map(<[u8]>::to_vec).collect();
        Ok(Annealed::new(self.ln_z_start, end.ln_weights.clone(), states)?)
    }
    /// The population after these steps of a leg. Random numbers belong to (leg, group of chains, step).
    fn advance(
        &self,
        leg: Leg,
        steps: Range<usize>,
        from: &Population,
        streams: &Streams,
        par: Par,
    ) -> Population {
        let (n, layer) = (from.rows.len(), &self.weights.visible);
        let groups = parallel::map(par, n.div_ceil(GROUP), |g| {
            let rows = g * GROUP..n.min((g + 1) * GROUP);
            let mut chains = Chains::new(self, rows.len());
            chains.v.words.clear();
            rows.clone().for_each(|m| layer.pack(from.rows.row(m), &mut chains.v.words));
            chains.ln_weights.copy_from_slice(&from.ln_weights[rows]);
            chains.advance(leg, steps.clone(), streams, g as u64);
            let bits: Vec<u8> = (0..chains.v.n()).flat_map(|m| layer.unpack(chains.v.row(m))).collect();
            (bits, chains.ln_weights)
        });
        let (mut bits, mut ln_weights) = (Vec::with_capacity(n * layer.n_units()), Vec::with_capacity(n));
        for (b, w) in groups {
            bits.extend(b);
            ln_weights.extend(w);
        }
        let rows = BinaryData::from_bits(layer.n_units(), bits.into_iter().map(|b| b == 1));
        Population { rows, ln_weights }
    }
}

/// Some chains and their memory.
struct Chains<'a> {
    course: &'a Course,
    v: States,
    h: States,
    ln_weights: Vec<f64>,
    lists: Lists,
    hidden: Vec<Work>,
    visible: Vec<Work>,
    fields: Vec<f64>,
}

impl<'a> Chains<'a> {
    fn new(course: &'a Course, n: usize) -> Self {
        let Weights { visible, hidden, .. } = &course.weights;
        Chains {
            course,
            v: States::zeros(visible, n),
            h: States::zeros(hidden, n),
            ln_weights: vec![0.0; n],
            lists: Lists::default(),
            hidden: Work::new(hidden, n),
            visible: Work::new(visible, n),
            fields: Vec::new(),
        }
    }

    /// Steps of a leg by the chains of group `g`.
    fn advance(&mut self, leg: Leg, steps: Range<usize>, streams: &Streams, g: u64) {
        let ladder = &self.course.ladder;
        match leg {
            Leg::Forward => {
                let rng = streams.child("ais", g);
                if steps.start == 0 {
                    self.draw_visible(0.0, &rng.child("start", 0));
                }
                for k in steps {
                    self.step(ladder[k], ladder[k + 1], &rng.child("rung", k as u64));
                }
            }
            Leg::Gibbs => {
                let rng = streams.child("gibbs", 0).child("gibbs", g);
                for k in steps {
                    let rng = rng.child("step", k as u64);
                    self.draw_hidden(1.0, &rng);
                    self.draw_visible(1.0, &rng);
                }
            }
            Leg::Backward => {
                let (rng, n) = (streams.child("ais-backward", g), self.course.n_steps());
                for k in steps.map(|done| n - 1 - done) {
                    self.step(ladder[k + 1], ladder[k], &rng.child("rung", k as u64));
                }
            }
        }
    }

    /// The weight of going from t = `from` to `to`, and a step of block Gibbs sampling there.
    fn step(&mut self, from: f64, to: f64, rng: &Streams) {
        self.draw_hidden(to, rng);
        self.weigh(from, to);
        self.draw_visible(to, rng);
    }

    /// Draws hidden units at `t`; the fields of the visible states stay in `hidden`.
    fn draw_hidden(&mut self, t: f64, rng: &Streams) {
        let w = &self.course.weights;
        let bias = mix(&w.b, &w.b, t as f32, &w.hidden, true);
        self.v.lists(&mut self.lists);
        engine::sample_layer(
            &w.hidden,
            &w.w,
            &bias,
            t as f32,
            &self.lists,
            LabelUnits::Bernoulli,
            &rng.child("hidden", 0),
            Par::Serial,
            &mut self.hidden,
            &mut self.h,
        );
    }

    fn draw_visible(&mut self, t: f64, rng: &Streams) {
        let w = &self.course.weights;
        let bias = mix(&self.course.base, &w.a, t as f32, &w.visible, false);
        self.h.lists(&mut self.lists);
        engine::sample_layer(
            &w.visible,
            &w.transposed,
            &bias,
            t as f32,
            &self.lists,
            LabelUnits::Bernoulli,
            &rng.child("visible", 0),
            Par::Serial,
            &mut self.visible,
            &mut self.v,
        );
    }

    /// ln f at `t` minus ln f at `before`, hidden units summed out, at the states whose fields are in `hidden`.
    fn weigh(&mut self, before: f64, t: f64) {
        let Course { weights, difference, .. } = self.course;
        let n_hidden = weights.hidden.n_units();
        for m in 0..self.v.n() {
            self.fields.clear();
            for work in &self.hidden {
                let n = work.panel.n_lines;
                let lines = work.fields[m * n..(m + 1) * n].iter().zip(&weights.b[work.panel.first..]);
                self.fields
                    .extend(lines.flat_map(|(x, b)| (0..16).map(|k| f64::from(x.0[k]) + f64::from(b.0[k]))));
            }
            self.fields.truncate(n_hidden);
            let visible: f64 = ones(self.v.row(m)).map(|i| difference[i]).sum();
            self.ln_weights[m] +=
                (t - before) * visible + softplus_sum(&self.fields, t) - softplus_sum(&self.fields, before);
        }
    }
}

/// (1 - t) from + t to on real units, or t to alone; padding never fires.
fn mix(from: &[Line], to: &[Line], t: f32, layer: &Layer, only_to: bool) -> Vec<Line> {
    let at = |i: usize| {
        let (f, g) = (from[i / 16].0[i % 16], to[i / 16].0[i % 16]);
        if only_to { t * g } else { (1.0 - t) * f + t * g }
    };
    layer.lines(|unit| at(layer.place(unit)), engine::NEVER)
}

fn ones(words: &[u64]) -> impl Iterator<Item = usize> {
    words.iter().enumerate().flat_map(|(k, &word)| {
        let mut left = word;
        std::iter::from_fn(move || {
            (left != 0).then(|| {
                let bit = left.trailing_zeros() as usize;
                left &= left - 1;
                64 * k + bit
            })
        })
    })
}

#[cfg(test)]
mod tests;
