//! Training by contrastive divergence and persistent contrastive divergence.
//!
//! A [`RbmTrainer`] is its parameters, velocities, chains and a step number: every random number belongs to the seed and
//! the step, so a saved [`RbmTrainerState`] goes on bit for bit from any batch, with any number of threads.

use super::{
    engine::{self, Active, LabelUnits, Layer, Line, Lists, Rule, Short, States, Weights, Work},
    rbm::Rbm,
};
use crate::{
    data::{BinaryData, check_labels},
    error::{Error, Result},
};
use sha2::{Digest, Sha256};
use smml_core::{
    Estimate,
    parallel::{self, Par},
    rng::{Draw, Streams, WideStream},
};

mod centred;
mod settings;
mod state;
mod tempered;
use centred::BiasSteps;
pub use settings::{MAX_BATCH, MAX_UNITS, Negative, RbmTraining, Reconstruction};
pub use state::RbmTrainerState;

/// The most weights, and the most units of one layer in a batch.
const MAX_NUMBERS: usize = 1 << 30;

/// What an epoch was like.
#[derive(Clone, Debug, PartialEq)]
pub struct RbmEpoch {
    /// Its number, from 0.
    pub epoch: usize,
    /// The fraction of visible units that differ between data and the state of the negative phase, with the error
    /// over batches; `None` for persistent chains, which belong to no row, and for epochs of a single batch.
    pub reconstruction_error: Option<Estimate>,
    /// Learning rate of the last batch.
    pub learning_rate: f64,
    /// Momentum of the last batch.
    pub momentum: f64,
}

/// A machine in training.
///
/// ```
/// use smml_learn::{data::BarsAndStripes, ebm::{RbmTrainer, RbmTraining, likelihood::log_likelihood_exact}};
/// use smml_core::{parallel::Par, rng::Streams};
/// let set = BarsAndStripes::new(3, 3)?;
/// let data = set.sample(500, &mut Streams::new(1).stream("data", 0));
/// let mut trainer = RbmTrainer::new(RbmTraining::new(8, 30, 1), &data, None)?;
/// let before = log_likelihood_exact(&trainer.model()?, &data, 1.0, Par::Serial)?;
/// while !trainer.is_done() {
///     trainer.epoch(Par::Serial)?;
/// }
/// let after = log_likelihood_exact(&trainer.model()?, &data, 1.0, Par::Serial)?;
/// assert!(after.on_these_rows.value > before.on_these_rows.value);
/// # Ok::<(), smml_learn::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct RbmTrainer {
    training: RbmTraining,
    streams: Streams,
    data: States,
    n_rows: usize,
    data_sha256: String,
    weights: Weights,
    velocity: Vec<Vec<Line>>,
    velocity_a: Vec<f32>,
    velocity_b: Vec<f32>,
    chains: States,
    /// Means of the data of padded visible units.
    visible_offsets: Vec<f32>,
    /// Of padded hidden units.
    hidden_offsets: Vec<Line>,
    step: u64,
    errors: Vec<f64>,
    order: Vec<u32>,
    order_epoch: Option<u64>,
    buffers: Buffers,
}

/// Memory of one step; nothing in it outlives the step.
#[derive(Clone, Debug, Default)]
struct Buffers {
    hidden: Vec<Work>,
    visible: Vec<Work>,
    /// One for each hidden panel.
    kept: Vec<Kept>,
    lists: Lists,
    plus: Lists,
    minus: Lists,
    rows: Active,
    active: Active,
    fresh: Vec<bool>,
    mean_field: Vec<Line>,
}

#[derive(Clone, Debug, Default)]
struct Kept {
    start: Vec<Line>,
    q0: Vec<Short>,
    q1: Vec<Short>,
    difference: Vec<Short>,
    p1: Vec<Line>,
}

/// Rows with one-hot labels appended on lines of their own.
fn pack(layer: &Layer, data: &BinaryData, labels: Option<(&[u8], usize)>) -> States {
    let mut words = Vec::with_capacity(data.len() * layer.n_words());
    let mut row_with_label = Vec::new();
    for (m, row) in data.rows().enumerate() {
        row_with_label.clear();
        row_with_label.extend_from_slice(row);
        if let Some((labels, n)) = labels {
            row_with_label.extend((0..n).map(|c| u8::from(c == usize::from(labels[m]))));
        }
        layer.pack(&row_with_label, &mut words);
    }
    States { n_words: layer.n_words(), words }
}

impl RbmTrainer {
    /// A new machine for these rows. With labels (`classes` of them, values below it), one label unit for each class
    /// is appended to the visible units.
    ///
    /// Weights start as N(0, weight_scale²), hidden biases at 0, visible biases at the log-odds of the data
    /// ln p/(1 - p) with half a count added on either side (Hinton 2012, section 8).
    ///
    /// Errors: a parameter out of range, no data, labels of another length or too large.
    pub fn new(training: RbmTraining, data: &BinaryData, labels: Option<(&[u8], usize)>) -> Result<Self> {
        let mut trainer = RbmTrainer::empty(training, data, labels)?;
        let layer = &trainer.weights.visible;
        let n_main = layer.n_main;
        let mut a = data.log_odds(0.5);
        if let Some((labels, n_classes)) = labels {
            let n = labels.len() as f64;
            for c in 0..n_classes {
                let count = labels.iter().filter(|l| usize::from(**l) == c).count() as f64;
                a.push(match trainer.training.labels {
                    LabelUnits::Softmax => libm::log((count + 0.5) / n),
                    LabelUnits::Bernoulli => libm::log((count + 0.5) / (n - count + 0.5)),
                });
            }
        }
        let n_hidden = trainer.training.n_hidden;
        let mut rng = trainer.streams.stream("weights", 0);
        let scale = trainer.training.weight_scale;
        let w: Vec<f32> =
            (0..(n_main + layer.n_labels) * n_hidden).map(|_| (scale * rng.normal()) as f32).collect();
        trainer.weights = Weights::new(
            layer.clone(),
            trainer.weights.hidden.clone(),
            |i| a[i] as f32,
            |_| 0.0,
            |i, j| w[i * n_hidden + j],
        );
        let n_chains = trainer.training.negative.n_rungs() * trainer.training.negative.n_chains();
        if n_chains > 0 {
            // Chains start at rows of data, in a random order.
            let mut order: Vec<u32> = (0..trainer.n_rows as u32).collect();
            trainer.streams.stream("chains", 0).shuffle(&mut order);
            let rows = (0..n_chains).flat_map(|k| trainer.data.row(order[k % order.len()] as usize).to_vec());
            trainer.chains = States { n_words: trainer.data.n_words, words: rows.collect() };
        }
        Ok(trainer)
    }

    fn empty(training: RbmTraining, data: &BinaryData, labels: Option<(&[u8], usize)>) -> Result<Self> {
        training.check()?;
        if data.is_empty() || u32::try_from(data.len()).is_err() {
            return Err(Error::out_of_range("rows of data", data.len(), "in 1..2^32"));
        }
        if data.width() > MAX_UNITS {
            return Err(Error::out_of_range("visible units", data.width(), format!("at most {MAX_UNITS}")));
        }
        let n_labels = labels.map_or(0, |l| l.1);
        if let Some((labels, n_classes)) = labels {
            if labels.len() != data.len() {
                return Err(Error::length("labels", labels.len(), data.len()));
            }
            check_labels(labels, n_classes)?;
        }
        let n_visible = data.width() + n_labels;
        let n_weights = n_visible.saturating_mul(training.n_hidden);
        let n_chains = training.negative.n_rungs() * training.negative.n_chains();
        let rows = training.batch_size.min(data.len()).max(n_chains);
        let n_states = n_visible.max(training.n_hidden).saturating_mul(rows);
        for (what, needed) in [("weights", n_weights), ("states of a batch", n_states)] {
            if needed > MAX_NUMBERS {
                return Err(smml_core::Error::TooLarge {
                    what: what.into(),
                    needed: format!("{needed} numbers"),
                    limit: format!("{MAX_NUMBERS}"),
                }
                .into());
            }
        }
        let visible = Layer::new(data.width(), n_labels);
        let hidden = Layer::new(training.n_hidden, 0);
        let packed = pack(&visible, data, labels);
        let mut hash = Sha256::new();
        for size in [data.width(), n_labels, data.len()] {
            hash.update((size as u64).to_le_bytes());
        }
        packed.words.iter().for_each(|w| hash.update(w.to_le_bytes()));
        let weights = Weights::new(visible, hidden, |_| 0.0, |_| 0.0, |_, _| 0.0);
        Ok(RbmTrainer {
            streams: Streams::new(training.seed).child("rbm", 0),
            n_rows: data.len(),
            data_sha256: hash.finalize().iter().map(|b| format!("{b:02x}")).collect(),
            velocity: engine::matrix(&weights.visible, &weights.hidden, |_, _| 0.0),
            velocity_a: vec![0.0; weights.visible.n_padded()],
            velocity_b: vec![0.0; weights.hidden.n_padded()],
            chains: States { n_words: packed.n_words, words: Vec::new() },
            visible_offsets: centred::means(&weights.visible, &packed),
            hidden_offsets: weights.hidden.lines(|_| 0.5, 0.0),
            data: packed,
            weights,
            training,
            step: 0,
            errors: Vec::new(),
            order: Vec::new(),
            order_epoch: None,
            buffers: Buffers::default(),
        })
    }

    /// The configuration.
    pub fn training(&self) -> &RbmTraining {
        &self.training
    }
    /// Batches in an epoch.
    pub fn n_batches(&self) -> usize {
        self.n_rows.div_ceil(self.training.batch_size)
    }
    /// Batches in the whole training.
    pub fn n_steps(&self) -> u64 {
        self.n_batches() as u64 * self.training.n_epochs as u64
    }
    /// Batches done.
    pub fn step_number(&self) -> u64 {
        self.step
    }
    /// True when all epochs are done.
    pub fn is_done(&self) -> bool {
        self.step >= self.n_steps()
    }
    /// The machine as it is now: label units, if any, are its last visible units.
    ///
    /// Errors: a parameter became infinite or NaN.
    pub fn model(&self) -> Result<Rbm> {
        let (visible, hidden) = (&self.weights.visible, &self.weights.hidden);
        let wide = |x: Vec<f32>| x.into_iter().map(f64::from).collect::<Vec<f64>>();
        let a = wide(engine::unit_values(visible, &self.weights.a));
        let b = wide(engine::unit_values(hidden, &self.weights.b));
        let w = wide(engine::entries(visible, hidden, &self.weights.w));
        if [&a, &b, &w].iter().any(|p| p.iter().any(|x| !x.is_finite())) {
            return Err(smml_core::Error::Undefined {
                what: "the trained machine".into(),
                why: format!(
                    "a parameter is no longer finite after {} batches: lower the learning rate",
                    self.step
                ),
            }
            .into());
        }
        Rbm::new(a, b, w)
    }
    /// The persistent chains, of several temperatures those at β = 1: one row of visible units (and labels) each.
    pub fn chains(&self) -> Result<BinaryData> {
        let layer = &self.weights.visible;
        let chains = coldest(&self.chains, self.training.negative.n_chains());
        let bits = chains.words.chunks_exact(chains.n_words).flat_map(|row| layer.unpack(row)).collect();
        BinaryData::new(layer.n_units(), bits)
    }

    /// Goes on to the end of the current epoch.
    ///
    /// Errors: a parameter became infinite or NaN.
    pub fn epoch(&mut self, par: Par) -> Result<RbmEpoch> {
        let n_batches = self.n_batches() as u64;
        let epoch = self.step / n_batches;
        let (learning_rate, momentum) = loop {
            let used = self.step(par);
            if self.step.is_multiple_of(n_batches) || self.is_done() {
                break used;
            }
        };
        let sound = self.weights.a.iter().chain(&self.weights.b).chain(self.weights.w.iter().flatten());
        if !sound.flat_map(|l| &l.0).all(|x| x.is_finite()) {
            self.model()?;
        }
        let persistent = self.training.negative.n_rungs() > 0;
        let reconstruction_error =
            if persistent { None } else { Estimate::from_independent(&self.errors).ok() };
        Ok(RbmEpoch { epoch: epoch as usize, reconstruction_error, learning_rate, momentum })
    }

    /// One mini-batch; nothing happens after the last epoch. Returns learning rate and momentum used.
    pub fn step(&mut self, par: Par) -> (f64, f64) {
        let n_batches = self.n_batches() as u64;
        let last = (self.n_steps() - 1).max(1);
        let t = self.step as f64 / last as f64;
        let (rate, momentum) = (self.training.learning_rate.at(t), self.training.momentum.at(t));
        if self.is_done() {
            return (rate, momentum);
        }
        let (epoch, batch) = (self.step / n_batches, self.step % n_batches);
        if batch == 0 {
            self.errors.clear();
        }
        if self.order_epoch != Some(epoch) {
            self.order = (0..self.n_rows as u32).collect();
            self.streams.stream("order", epoch).shuffle(&mut self.order);
            self.order_epoch = Some(epoch);
        }
        let from = batch as usize * self.training.batch_size;
        let rows = &self.order[from..self.n_rows.min(from + self.training.batch_size)];
        let mut data =
            States { n_words: self.data.n_words, words: Vec::with_capacity(rows.len() * self.data.n_words) };
        for &row in rows {
            data.words.extend_from_slice(self.data.row(row as usize));
        }
        let mut buffers = std::mem::take(&mut self.buffers);
        let ladder = match self.training.negative {
            Negative::Tempered { steps, .. } => {
                Some(self.temper(steps, &self.streams.child("step", self.step), par))
            }
            _ => None,
        };
        let model = self.phases(&data, ladder.as_ref(), &mut buffers, par);
        self.update(&data, &model, rate, momentum, &mut buffers, par);
        self.weights.refresh(par);
        if self.training.negative.n_rungs() > 0 {
            self.chains = ladder.unwrap_or(model);
        } else {
            let changed: u32 = data.words.iter().zip(&model.words).map(|(a, b)| (a ^ b).count_ones()).sum();
            let units = data.n() * self.weights.visible.n_units();
            self.errors.push(f64::from(changed) / units as f64);
        }
        self.buffers = buffers;
        self.step += 1;
        (rate, momentum)
    }

    /// Both phases: leaves the probabilities of the hidden units in `buffers`, returns the visible states of the
    /// negative phase.
    ///
    /// With several temperatures `ladder` has made its steps already: its coldest rung is the negative phase.
    fn phases(&self, data: &States, ladder: Option<&States>, buffers: &mut Buffers, par: Par) -> States {
        let weights = &self.weights;
        let (n, n_chains) = (data.n(), self.training.negative.n_chains());
        let persistent = n_chains > 0;
        let n_model = if persistent { n_chains } else { n };
        buffers.fit(weights, n, n_model);
        let rng = self.streams.child("step", self.step);
        let Buffers { hidden, visible, kept, lists, plus, minus, fresh, rows, mean_field, .. } = buffers;

        data.lists(lists);
        let mut h = States::zeros(&weights.hidden, n);
        let positive = rng.child("positive", 0);
        let mut pieces: Vec<(&mut Work, &mut Kept)> = hidden.iter_mut().zip(&mut *kept).collect();
        parallel::each(par, &mut pieces, |p, (work, kept)| {
            engine::sum_rows(work.panel.n_lines, &weights.w[p], lists, &mut kept.start);
            let mut wide = WideStream::new(&mut positive.stream("panel", p as u64));
            let bias = work.bias(&weights.b);
            let n_bits = kept.start.len();
            engine::sample_and_keep(&kept.start, bias, &mut wide, &mut work.bits[..n_bits], &mut kept.q0);
        });
        for work in hidden.iter() {
            h.set(work.panel, &work.bits[..n * work.panel.n_lines]);
        }

        let (steps, mut v) = match self.training.negative {
            Negative::ContrastiveDivergence { steps } => (steps, data.clone()),
            Negative::Persistent { steps, .. } => (steps, self.chains.clone()),
            Negative::Tempered { .. } => (0, coldest(ladder.unwrap_or(&self.chains), n_chains)),
        };
        for k in 0..steps {
            if k > 0 || persistent {
                v.lists(lists);
                h = States::zeros(&weights.hidden, n_model);
                engine::sample_layer(
                    &weights.hidden,
                    &weights.w,
                    &weights.b,
                    1.0,
                    lists,
                    LabelUnits::Bernoulli,
                    &rng.child("hidden", k as u64),
                    par,
                    hidden,
                    &mut h,
                );
            }
            h.lists(lists);
            engine::sample_layer(
                &weights.visible,
                &weights.transposed,
                &weights.a,
                1.0,
                lists,
                self.training.labels,
                &rng.child("visible", k as u64),
                par,
                visible,
                &mut v,
            );
        }

        // Rows that belong together share most of their active units: start from the fields of the data.
        let paired = n == n_model;
        plus.clear();
        minus.clear();
        fresh.clear();
        for m in 0..n_model {
            let new = v.row(m);
            let old = if paired { data.row(m) } else { new };
            let count = |f: &dyn Fn(u64, u64) -> u64| -> u32 {
                new.iter().zip(old).map(|(a, b)| f(*a, *b).count_ones()).sum()
            };
            let from_zero = !paired || count(&|a, b| a ^ b) >= count(&|a, _| a);
            fresh.push(from_zero);
            if from_zero {
                plus.push_bits(new.iter().copied());
                minus.push_bits(std::iter::empty());
            } else {
                plus.push_bits(new.iter().zip(old).map(|(a, b)| a & !b));
                minus.push_bits(new.iter().zip(old).map(|(a, b)| b & !a));
            }
        }
        let dense = self.training.reconstruction == Reconstruction::MeanField;
        if dense {
            let (a, labels) = (&weights.a, self.training.labels);
            engine::visible_probabilities(&weights.visible, a, 1.0, labels, visible, mean_field, n_model);
        }
        let mean_field = &*mean_field;
        let mut pieces: Vec<(&mut Work, &mut Kept)> = hidden.iter_mut().zip(&mut *kept).collect();
        parallel::each(par, &mut pieces, |p, (work, kept)| {
            let (n_lines, rows) = (work.panel.n_lines, &weights.w[p]);
            let bias = work.bias(&weights.b);
            if dense {
                let n_padded = weights.visible.n_padded();
                engine::sum_weighted_rows(n_lines, rows, mean_field, n_padded, &mut work.fields);
                engine::probabilities(&work.fields, bias, 1.0, &mut kept.p1);
            } else {
                engine::sum_changed_rows(n_lines, rows, &kept.start, fresh, plus, minus, &mut work.fields);
            }
            engine::keep(&work.fields, bias, &mut kept.q1);
            if paired {
                engine::subtract(&kept.q0, &kept.q1, &mut kept.difference);
            }
        });
        if paired && !dense {
            data.combined_lists(&v, &mut rows.both, |a, b| a & b);
            data.combined_lists(&v, &mut rows.data, |a, b| a & !b);
            data.combined_lists(&v, &mut rows.model, |a, b| b & !a);
        } else {
            rows.both.clear();
            data.lists(&mut rows.data);
            v.lists(&mut rows.model);
        }
        v
    }

    fn update(
        &mut self,
        data: &States,
        model: &States,
        rate: f64,
        momentum: f64,
        buffers: &mut Buffers,
        par: Par,
    ) {
        let n_padded = self.weights.visible.n_padded();
        let Buffers { kept, rows, active, mean_field, .. } = buffers;
        rows.both.invert(n_padded, &mut active.both);
        rows.data.invert(n_padded, &mut active.data);
        rows.model.invert(n_padded, &mut active.model);
        let rule = Rule {
            positive: (rate / data.n() as f64) as f32,
            negative: (rate / model.n() as f64) as f32,
            momentum: momentum as f32,
            decay: (rate * self.training.weight_decay) as f32,
        };
        let dense = self.training.reconstruction == Reconstruction::MeanField;
        let small = data.n() == model.n() && data.n() <= engine::SAFE_TERMS;
        let panels = &self.weights.hidden.panels;
        let (active, kept, mean_field) = (&*active, &*kept, &*mean_field);
        let mut pieces: Vec<_> = self.weights.w.iter_mut().zip(&mut self.velocity).collect();
        parallel::each(par, &mut pieces, |p, (w, velocity)| {
            let (n_lines, k) = (panels[p].n_lines, &kept[p]);
            if dense {
                engine::update_dense(n_lines, w, velocity, &active.data, &k.q0, [mean_field, &k.p1], &rule);
            } else {
                let kept: [&[Short]; 3] = [&k.q0, &k.q1, &k.difference];
                if small {
                    engine::update_small(n_lines, w, velocity, active, kept, &rule);
                } else {
                    engine::update(n_lines, w, velocity, active, kept, &rule);
                }
            }
        });

        let mut steps = BiasSteps {
            visible: vec![0.0; n_padded],
            hidden: vec![Line([0.0; 16]); self.weights.hidden.n_lines],
            hidden_means: vec![Line([0.0; 16]); self.weights.hidden.n_lines],
        };
        for (i, gradient) in steps.visible.iter_mut().enumerate() {
            let on_data = (active.both.len_of(i) + active.data.len_of(i)) as f32;
            let on_model = if dense {
                // Padding has probability 2e-35: its bias does not move.
                (0..model.n()).map(|m| mean_field[(m * n_padded + i) / 16].0[i % 16]).sum::<f32>()
            } else {
                (active.both.len_of(i) + active.model.len_of(i)) as f32
            };
            *gradient = centred::step(&rule, on_data, on_model);
        }
        for (panel, kept) in panels.iter().zip(kept) {
            let n_shorts = engine::n_shorts(panel.n_lines);
            let mut sums = [vec![[0; 32]; n_shorts], vec![[0; 32]; n_shorts]];
            engine::column_sums(&kept.q0, &mut sums[0]);
            engine::column_sums(&kept.q1, &mut sums[1]);
            for q in 0..panel.n_lines {
                for k in 0..16 {
                    let [on_data, on_model] =
                        [0, 1].map(|phase: usize| sums[phase][q / 2][q % 2 * 16 + k] as f32 / 256.0);
                    steps.hidden[panel.first + q].0[k] = centred::step(&rule, on_data, on_model);
                    steps.hidden_means[panel.first + q].0[k] = on_data / data.n() as f32;
                }
            }
        }
        let back = self.centre(&steps, par);
        let change = |x: &mut f32, velocity: &mut f32, gradient: f32| {
            *velocity = rule.momentum * *velocity + gradient;
            *x += *velocity;
        };
        let a = self.weights.a.iter_mut().flat_map(|l| &mut l.0);
        for ((a, velocity), gradient) in a.zip(&mut self.velocity_a).zip(&steps.visible) {
            change(a, velocity, *gradient);
        }
        let b = self.weights.b.iter_mut().flat_map(|l| &mut l.0);
        let gradients = steps.hidden.iter().flat_map(|l| l.0);
        for ((b, velocity), gradient) in b.zip(&mut self.velocity_b).zip(gradients) {
            change(b, velocity, gradient);
        }
        if let Some((visible, hidden)) = back {
            let a = self.weights.a.iter_mut().flat_map(|l| &mut l.0);
            a.zip(visible).for_each(|(a, x)| *a -= x);
            let b = self.weights.b.iter_mut().flat_map(|l| &mut l.0);
            b.zip(hidden.iter().flat_map(|l| l.0)).for_each(|(b, x)| *b -= x);
        }
    }
}

/// The last `n` rows.
fn coldest(chains: &States, n: usize) -> States {
    let from = chains.words.len() - n * chains.n_words;
    States { n_words: chains.n_words, words: chains.words[from..].to_vec() }
}

impl Buffers {
    /// Makes room for `n` data rows and `n_model` rows of the negative phase.
    fn fit(&mut self, weights: &Weights, n: usize, n_model: usize) {
        let zero = Line([0.0; 16]);
        let none = Short([0; 32]);
        if self.visible.first().is_none_or(|w| w.fields.len() != n_model * w.panel.n_lines) {
            self.visible = Work::new(&weights.visible, n_model);
            self.hidden = Work::new(&weights.hidden, n_model);
        }
        self.kept.resize_with(weights.hidden.panels.len(), Kept::default);
        for ((kept, panel), work) in self.kept.iter_mut().zip(&weights.hidden.panels).zip(&mut self.hidden) {
            let n_shorts = engine::n_shorts(panel.n_lines);
            kept.start.resize(n * panel.n_lines, zero);
            kept.q0.resize(n * n_shorts, none);
            kept.q1.resize(n_model * n_shorts, none);
            kept.difference.resize(n * n_shorts, none);
            kept.p1.resize(n_model * panel.n_lines, zero);
            work.bits.resize(n.max(n_model) * panel.n_lines, [0; 16]);
        }
    }
}

#[cfg(test)]
mod tests;
