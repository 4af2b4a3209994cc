//! Persistent chains at several temperatures (G. Desjardins et al., AISTATS 2010): β = 0, 1/(K - 1), ..., 1 on K rungs. After
//! hidden units were drawn, chains of neighbouring rungs try to exchange their states.

use super::{Negative, RbmTrainer};
use crate::ebm::engine::{self, LabelUnits, Line, Lists, States, Weights, Work};
use smml_core::{
    parallel::{self, Par},
    rng::{Draw, Streams},
};

impl Negative {
    /// Temperatures of persistent chains; 0 without such chains.
    pub(super) fn n_rungs(self) -> usize {
        match self {
            Negative::ContrastiveDivergence { .. } => 0,
            Negative::Persistent { .. } => 1,
            Negative::Tempered { n_rungs, .. } => n_rungs,
        }
    }
    /// Chains at each temperature.
    pub(super) fn n_chains(self) -> usize {
        match self {
            Negative::ContrastiveDivergence { .. } => 0,
            Negative::Persistent { n_chains, .. } | Negative::Tempered { n_chains, .. } => n_chains,
        }
    }
}

/// Chains at one temperature.
struct Rung {
    beta: f32,
    a: Vec<Line>,
    b: Vec<Line>,
    v: States,
    h: States,
    lists: Lists,
    hidden: Vec<Work>,
    visible: Vec<Work>,
    energies: Vec<f64>,
}

impl RbmTrainer {
    /// The chains of all rungs after the steps of a batch, the coldest last. Random numbers belong to (step, rung).
    pub(super) fn temper(&self, steps: usize, rng: &Streams, par: Par) -> States {
        let (weights, n_rungs) = (&self.weights, self.training.negative.n_rungs());
        let length = self.chains.words.len() / n_rungs;
        let mut rungs: Vec<Rung> = self
            .chains
            .words
            .chunks_exact(length)
            .enumerate()
            .map(|(k, words)| {
                let beta = k as f32 / (n_rungs - 1) as f32;
                let v = States { n_words: self.chains.n_words, words: words.to_vec() };
                let n = v.n();
                let times = |layer: &engine::Layer, x: &[Line]| {
                    layer.lines(
                        |unit| beta * x[layer.place(unit) / 16].0[layer.place(unit) % 16],
                        engine::NEVER,
                    )
                };
                Rung {
                    beta,
                    a: times(&weights.visible, &weights.a),
                    b: times(&weights.hidden, &weights.b),
                    h: States::zeros(&weights.hidden, n),
                    lists: Lists::default(),
                    hidden: Work::new(&weights.hidden, n),
                    visible: Work::new(&weights.visible, n),
                    energies: vec![0.0; n],
                    v,
                }
            })
            .collect();
        for step in 0..steps {
            let rng = rng.child("tempered", step as u64);
            parallel::each(par, &mut rungs, |k, rung| {
                rung.draw_hidden(weights, &rng.child("hidden", k as u64))
            });
            exchange(&mut rungs, &mut rng.stream("exchange", 0));
            parallel::each(par, &mut rungs, |k, rung| {
                rung.draw_visible(weights, self.training.labels, &rng.child("visible", k as u64));
            });
        }
        let words = rungs.into_iter().flat_map(|rung| rung.v.words).collect();
        States { n_words: self.chains.n_words, words }
    }
}

/// Tries to exchange the states of all chains of neighbouring rungs. Visible units are drawn afresh from the hidden ones next, so
/// that only these change places.
fn exchange(rungs: &mut [Rung], rng: &mut impl Draw) {
    for parity in 0..2 {
        for k in (parity..rungs.len() - 1).step_by(2) {
            let (low, high) = rungs.split_at_mut(k + 1);
            let (low, high) = (&mut low[k], &mut high[0]);
            let n_words = low.h.n_words;
            for m in 0..low.energies.len() {
                if rng.accept(f64::from(high.beta - low.beta) * (low.energies[m] - high.energies[m])) {
                    let place = m * n_words..(m + 1) * n_words;
                    low.h.words[place.clone()].swap_with_slice(&mut high.h.words[place]);
                    std::mem::swap(&mut low.energies[m], &mut high.energies[m]);
                }
            }
        }
    }
}

impl Rung {
    /// Draws hidden units given the visible ones, and computes the energies of both together.
    fn draw_hidden(&mut self, w: &Weights, rng: &Streams) {
        self.v.lists(&mut self.lists);
        engine::sample_layer(
            &w.hidden,
            &w.w,
            &self.b,
            self.beta,
            &self.lists,
            LabelUnits::Bernoulli,
            rng,
            Par::Serial,
            &mut self.hidden,
            &mut self.h,
        );
        for m in 0..self.energies.len() {
            let visible: f64 = ones(self.v.row(m)).map(|i| f64::from(w.a[i / 16].0[i % 16])).sum();
            let h = self.h.row(m);
            let hidden: f64 = self
                .hidden
                .iter()
                .flat_map(|work| {
                    let (first, n) = (work.panel.first, work.panel.n_lines);
                    (0..n).flat_map(move |q| {
                        let line = first + q;
                        let bits = h[line / 4] >> (16 * (line % 4)) & 0xffff;
                        (0..16)
                            .filter(move |k| bits >> k & 1 == 1)
                            .map(move |k| f64::from(work.fields[m * n + q].0[k]) + f64::from(w.b[line].0[k]))
                    })
                })
                .sum();
            self.energies[m] = -visible - hidden;
        }
    }
    fn draw_visible(&mut self, w: &Weights, labels: LabelUnits, rng: &Streams) {
        self.h.lists(&mut self.lists);
        engine::sample_layer(
            &w.visible,
            &w.transposed,
            &self.a,
            self.beta,
            &self.lists,
            labels,
            rng,
            Par::Serial,
            &mut self.visible,
            &mut self.v,
        );
    }
}

/// Places of the bits that are set.
pub(super) fn ones(words: &[u64]) -> impl Iterator<Item = usize> {
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
