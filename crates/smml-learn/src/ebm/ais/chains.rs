//! Chains on the way between the base model and the machine, on the f32 engine, with their weights so far.

use super::BaseRatePath;
use crate::{
    data::BinaryData,
    ebm::{
        engine::{self, LabelUnits, Layer, Line, Lists, States, Weights, Work},
        numeric::softplus_sum,
        rbm::Rbm,
    },
    error::{Error, Result},
};
use serde::{Deserialize, Serialize};
use smml_core::{
    error::positive,
    free_energy::Annealed,
    parallel::{self, Par},
    rng::Streams,
};
use std::ops::Range;

/// Chains that run together on one thread.
const GROUP: usize = 32;

/// A machine at inverse temperature `beta`, as one at 1.
fn scaled(rbm: &Rbm, beta: f64) -> Result<Rbm> {
    positive("beta", beta)?;
    let times = |x: &[f64]| x.iter().map(|x| beta * x).collect();
    rbm.check_f32(beta)?;
    Rbm::new(times(rbm.visible_bias()), times(rbm.hidden_bias()), times(rbm.weights()))
}

/// Chains with their weights so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Population {
    pub(super) rows: BinaryData,
    pub(super) ln_weights: Vec<f64>,
}

impl Population {
    pub(super) fn new(width: usize, n_runs: usize) -> Result<Self> {
        if !(2..=1 << 24).contains(&n_runs) {
            return Err(Error::out_of_range("runs of annealing", n_runs, "in 2..=16777216"));
        }
        Ok(Population::at(BinaryData::new(width, vec![0; width * n_runs])?))
    }
    pub(super) fn at(rows: BinaryData) -> Self {
        Population { ln_weights: vec![0.0; rows.len()], rows }
    }
}

/// What the steps of a population are.
#[derive(Clone, Copy, Debug)]
pub(super) enum Leg {
    /// From the base model, where all chains are drawn before the first step, rung by rung to the machine.
    Forward,
    /// Block Gibbs steps of the machine.
    Gibbs,
    /// From the machine, rung by rung to the base model.
    Backward,
}

/// The machine, and the way to it from the base model.
#[derive(Clone, Debug)]
pub(super) struct Course {
    weights: Weights,
    ladder: Vec<f64>,
    base: Vec<Line>,
    /// a - a⁰ of every padded visible unit.
    difference: Vec<f64>,
    pub(super) ln_z_start: f64,
}

impl Course {
    pub(super) fn new(rbm: &Rbm, beta: f64, path: &BaseRatePath) -> Result<Self> {
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
    pub(super) fn n_steps(&self) -> usize {
        self.ladder.len() - 1
    }
    pub(super) fn annealed(&self, end: &Population) -> Result<Annealed<Vec<u8>>> {
        let states = end.rows.rows().map(<[u8]>::to_vec).collect();
        Ok(Annealed::new(self.ln_z_start, end.ln_weights.clone(), states)?)
    }
    /// The population after these steps of a leg. Random numbers belong to (leg, group of chains, step).
    pub(super) fn advance(
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
