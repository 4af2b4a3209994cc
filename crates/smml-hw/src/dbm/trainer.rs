//! Training a sparse deep Boltzmann machine.
//!
//! A trainer is its parameters, the memory of its update rule, its chains and a step number: every random number belongs to the
//! seed, the step and the word of 64 chains, and means are integer counts, so a saved [`DbmState`] goes on bit for bit from
//! any batch, with any number of threads.

use super::{
    bits, classes,
    layout::Layout,
    model::SparseDbm,
    rule::{Memory, centre},
    training::{DbmTraining, Negative, Phase},
    unrolled::{self, Plan, Slope},
};
use crate::{
    error::{Error, Result},
    machine::{CHAINS, Chains, FixedNetwork, Gains, Moments, Wiring},
};
use serde::{Deserialize, Serialize};
use smml_core::{
    error::same_length,
    parallel::{self, Par},
    rng::{Draw, Stream, Streams},
};
use smml_learn::data::BinaryData;
use std::sync::Arc;

/// Where hidden means start to be followed.
const FIRST_MEAN: f32 = 0.0;

/// What a trainer is between two steps.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DbmState {
    training: DbmTraining,
    layout: Layout,
    step: u64,
    /// Couplings by edge, then fields by node.
    parameters: Vec<f32>,
    average: Vec<f32>,
    memory: Memory,
    means: Vec<f32>,
    chains: Vec<Chains>,
}

/// The rows that are learned from.
#[derive(Clone, Copy, Debug)]
pub struct Labelled<'a> {
    /// Pixels.
    pub data: &'a BinaryData,
    /// One label for each row; empty for a machine without labels.
    pub labels: &'a [u8],
}

impl Labelled<'_> {
    pub(super) fn check(&self, layout: &Layout) -> Result<()> {
        if self.data.is_empty() || u32::try_from(self.data.len()).is_err() {
            return Err(Error::out_of_range("rows of data", self.data.len(), "1 to 2^32 - 1"));
        }
        same_length("pixels of a row", self.data.width(), layout.pixels().len())?;
        let n = layout.n_classes();
        same_length("labels", self.labels.len(), if n == 0 { 0 } else { self.data.len() })?;
        match self.labels.iter().position(|l| usize::from(*l) >= n) {
            Some(k) => Err(Error::out_of_range(format!("label {k}"), self.labels[k], format!("below {n}"))),
            None => Ok(()),
        }
    }
}

/// A sparse deep Boltzmann machine in training.
#[derive(Clone, Debug)]
pub struct DbmTrainer<'a> {
    rows: Labelled<'a>,
    network: FixedNetwork,
    orders: Orders,
    plan: Plan,
    state: DbmState,
    /// The order of rows in an epoch.
    shuffled: (u64, Vec<u32>),
}

/// What is swept while something is clamped.
#[derive(Clone, Debug)]
struct Orders {
    all: Vec<u32>,
    pixels_clamped: Vec<u32>,
    labels_clamped: Vec<u32>,
    both_clamped: Vec<u32>,
    /// As `pixels_clamped`, with the labels held.
    labels_held: Vec<u32>,
}

impl Orders {
    fn new(wiring: &Wiring, layout: &Layout) -> Self {
        let free = |pixels, labels| wiring.free(&layout.free(pixels, labels));
        Orders {
            all: free(false, false),
            pixels_clamped: free(true, false),
            labels_clamped: free(false, true),
            both_clamped: free(true, true),
            labels_held: {
                let labels_free = layout.free(false, true);
                let held: Vec<bool> = labels_free.iter().map(|free| !free).collect();
                wiring.holding(&layout.free(true, false), &held)
            },
        }
    }
}

/// What a step was like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DbmStep {
    /// Mean cross-entropy of the classes that were read after the unrolled sweeps; where there are any.
    pub loss: Option<f64>,
    /// Number of the step, from 0.
    pub step: u64,
    /// Nodes that were drawn, in all chains.
    pub flips: u64,
    /// Parameters that did not fit the format.
    pub saturated: usize,
}

impl<'a> DbmTrainer<'a> {
    /// A new machine. Pixels' fields start at ½ ln p/(1 - p) of their means (half a count added on either side), labels' as
    /// well, so that free nodes have the means of the data.
    ///
    /// Errors: a setting out of its range; data that do not fit the layout; labels that the training needs and the layout has
    /// not.
    pub fn new(
        training: DbmTraining,
        wiring: Arc<Wiring>,
        layout: Layout,
        rows: Labelled<'a>,
    ) -> Result<Self> {
        training.check()?;
        rows.check(&layout)?;
        same_length("nodes of the layout", layout.n_nodes(), wiring.n_nodes())?;
        let streams = Streams::new(training.seed);
        let mut rng = streams.stream("parameters", 0);
        let mut parameters: Vec<f32> =
            (0..wiring.n_edges()).map(|_| (training.weight_scale * rng.normal()) as f32).collect();
        let mut fields = vec![0.0f32; wiring.n_nodes()];
        if training.random_fields {
            fields.iter_mut().for_each(|h| *h = rng.below(3) as f32 - 1.0);
        }
        let mut means = vec![FIRST_MEAN; wiring.n_nodes()];
        let n = rows.data.len() as f64;
        let mut set = |node: u32, ones: f64| {
            let node = node as usize;
            fields[node] = (0.5 * libm::log((ones + 0.5) / (n - ones + 0.5))) as f32;
            means[node] = (2.0 * ones / n - 1.0) as f32;
        };
        for (node, p) in layout.pixels().iter().zip(rows.data.column_means()) {
            set(*node, libm::rint(p * n));
        }
        for (node, class) in layout.label_bits() {
            set(node, rows.labels.iter().filter(|l| usize::from(**l) == class).count() as f64);
        }
        parameters.extend(fields);
        let chains = match training.chains {
            Negative::Carried { .. } => Vec::new(),
            Negative::Persistent { n_chains } | Negative::Labelled { n_chains } => {
                let start =
                    |b| Chains::random(wiring.n_nodes(), &mut streams.stream("first states", b as u64));
                (0..DbmTraining::blocks(n_chains)).map(start).collect()
            }
        };
        let state = DbmState {
            memory: Memory::new(training.rule)?,
            average: parameters.clone(),
            training,
            layout,
            step: 0,
            parameters,
            means,
            chains,
        };
        DbmTrainer::resume(state, wiring, rows)
    }
    /// Goes on where a saved state was.
    ///
    /// Errors: a state that does not fit the wires or the data, or that has been changed.
    pub fn resume(state: DbmState, wiring: Arc<Wiring>, rows: Labelled<'a>) -> Result<Self> {
        state.training.check()?;
        rows.check(&state.layout)?;
        let (n, m) = (wiring.n_nodes(), wiring.n_edges());
        same_length("nodes of the layout", state.layout.n_nodes(), n)?;
        same_length("parameters", state.parameters.len(), n + m)?;
        same_length("averages", state.average.len(), n + m)?;
        same_length("means", state.means.len(), n)?;
        let n_chains = state.training.chains.n_chains();
        let n_blocks = match state.training.chains {
            Negative::Carried { .. } => 0,
            _ => DbmTraining::blocks(n_chains),
        };
        same_length("words of chains", state.chains.len(), n_blocks)?;
        if matches!(state.training.chains, Negative::Labelled { .. }) && state.layout.n_classes() == 0 {
            return Err(Error::out_of_range("classes", 0, "at least 1 where chains are labelled"));
        }
        if state.training.unrolled.weight > 0.0 && state.layout.n_classes() == 0 {
            return Err(Error::out_of_range("classes", 0, "at least 1 where a gradient goes through sweeps"));
        }
        if let Some(chains) = state.chains.iter().find(|c| c.n_nodes() != n) {
            same_length("nodes of the chains", chains.n_nodes(), n)?;
        }
        for (name, values) in
            [("parameter", &state.parameters), ("average", &state.average), ("mean", &state.means)]
        {
            if let Some(k) = values.iter().position(|x| !x.is_finite()) {
                return Err(Error::out_of_range(format!("{name} {k}"), values[k], "finite"));
            }
        }
        let orders = Orders::new(&wiring, &state.layout);
        let plan = Plan::new(&wiring, &state.layout);
        let how = &state.training.unrolled;
        let states = plan.n_free().saturating_mul(how.sweeps + 1);
        if how.weight > 0.0 && states > unrolled::MOST_STATES {
            let name = "free nodes times unrolled sweeps and one";
            return Err(Error::out_of_range(name, states, format!("at most {}", unrolled::MOST_STATES)));
        }
        let zero = [vec![0.0; m], vec![0.0; n]];
        let network = FixedNetwork::new(wiring, state.training.format, &zero[0], &zero[1])?;
        Ok(DbmTrainer { rows, network, orders, plan, state, shuffled: (u64::MAX, Vec::new()) })
    }
    /// What to save.
    pub fn state(&self) -> &DbmState {
        &self.state
    }
    /// How it is trained.
    pub fn training(&self) -> &DbmTraining {
        &self.state.training
    }
    /// Steps of an epoch.
    pub fn steps_per_epoch(&self) -> u64 {
        self.rows.data.len().div_ceil(self.state.training.batch_size) as u64
    }
    /// Steps made.
    pub fn step_number(&self) -> u64 {
        self.state.step
    }
    /// Whether all epochs are done.
    pub fn is_done(&self) -> bool {
        self.state.step >= self.n_steps()
    }
    fn n_steps(&self) -> u64 {
        self.steps_per_epoch() * self.state.training.n_epochs as u64
    }
    /// The machine: the moving average of the parameters.
    ///
    /// Errors: none for a state that came from training.
    pub fn model(&self) -> Result<SparseDbm> {
        let m = self.network.wiring().n_edges();
        let (couplings, fields) = self.state.average.split_at(m);
        SparseDbm::new(
            self.network.wiring().clone(),
            self.state.layout.clone(),
            couplings.to_vec(),
            fields.to_vec(),
        )
    }
    /// One batch.
    ///
    /// Errors: parameters that grew until 16 bits do not hold a local field, or until they are not finite.
    pub fn step(&mut self, par: Par) -> Result<DbmStep> {
        let m = self.network.wiring().n_edges();
        let wide = |x: &[f32]| x.iter().map(|x| f64::from(*x)).collect::<Vec<_>>();
        self.network.program(&wide(&self.state.parameters[..m]), &wide(&self.state.parameters[m..]))?;
        let batch = self.batch();
        self.deal(&batch);
        let training = &self.state.training;
        let carried = matches!(training.chains, Negative::Carried { .. });
        let (slopes, slope_flips) = self.through_sweeps(&batch, par);
        let statistics = training.generative + training.discriminative > 0.0;
        let words: Vec<&[u32]> = if statistics { batch.chunks(CHAINS).collect() } else { Vec::new() };
        let n_negative = if training.generative > 0.0 { self.state.chains.len() } else { 0 };
        // Words of rows, then words of the model's chains: independent of one another.
        let work = |k: usize| -> Result<Out> {
            let mut rng = self.stream(k);
            match k.checked_sub(words.len()) {
                None => self.of_rows(words[k], &mut rng),
                Some(block) => self.of_model(block, self.state.chains[block].clone(), &mut rng),
            }
        };
        let outs = parallel::map(par, words.len() + n_negative, work);
        let mut outs = outs.into_iter().collect::<Result<Vec<Out>>>()?;
        if carried && self.state.training.generative > 0.0 {
            let mut rng = self.stream(usize::MAX);
            let last = &outs[words.len() - 1];
            let (chains, chain) = (&last.chains, (batch.len() - 1) % CHAINS);
            let mut start = Chains::from_words(vec![0; chains.n_nodes()]);
            (0..chains.n_nodes())
                .for_each(|i| start.set(i, if chains.is_up(i, chain) { u64::MAX } else { 0 }));
            for block in 0..DbmTraining::blocks(self.state.training.chains.n_chains()) {
                outs.push(self.of_model(block, start.clone(), &mut rng)?);
            }
        }
        let mut phases = [(); 3].map(|()| Moments::new(self.network.wiring()));
        let mut flips = slope_flips;
        for (k, out) in outs.into_iter().enumerate() {
            flips += out.flips;
            for (sum, part) in phases.iter_mut().zip(&out.phases) {
                part.iter().for_each(|part| sum.add(part));
            }
            if let Some(block) = k.checked_sub(words.len())
                && !carried
            {
                self.state.chains[block] = out.chains;
            }
        }
        self.learn(&phases, &slopes, batch.len())?;
        let step = self.state.step;
        self.state.step += 1;
        let loss = slopes.iter().map(|s| s.loss).sum::<f64>() / batch.len() as f64;
        let loss = Some(loss).filter(|_| !slopes.is_empty());
        Ok(DbmStep { loss, step, flips, saturated: self.network.saturated() })
    }

    /// The gradients through the sweeps, of a few rows each, and the nodes that were drawn for them.
    fn through_sweeps(&self, batch: &[u32], par: Par) -> (Vec<Slope>, u64) {
        let how = self.state.training.unrolled;
        if how.weight == 0.0 {
            return (Vec::new(), 0);
        }
        let weights = self.plan.weights(&self.network);
        let parts: Vec<&[u32]> = batch.chunks(unrolled::ROWS).collect();
        let part = |k: usize| {
            let rows = parts[k];
            let labels: Vec<u8> = rows.iter().map(|r| self.rows.labels[*r as usize]).collect();
            let pixels = bits::turn(self.rows.data, rows);
            let mut rng = self.stream(UNROLLED + k);
            unrolled::slope(&self.plan, &weights, &how, &pixels, &labels, &mut rng)
        };
        let flips = batch.len() * how.sweeps * self.plan.n_free();
        (parallel::map(par, parts.len(), part), flips as u64)
    }
    /// Rows of this step.
    fn batch(&mut self) -> Vec<u32> {
        let per_epoch = self.steps_per_epoch();
        let (epoch, k) = (self.state.step / per_epoch, (self.state.step % per_epoch) as usize);
        if self.shuffled.0 != epoch {
            let mut rng = Streams::new(self.state.training.seed).stream("rows", epoch);
            self.shuffled = (epoch, classes::shuffled(self.rows.data.len(), self.rows.labels, &mut rng));
        }
        let size = self.state.training.batch_size;
        let rows = &self.shuffled.1;
        rows[k * size..((k + 1) * size).min(rows.len())].to_vec()
    }
    /// Gives labelled chains the classes of the batch, as often as they are there: else the means of clamped labels would
    /// differ between the phases, and couplings would drift along a difference that no learning removes.
    fn deal(&mut self, batch: &[u32]) {
        let layout = &self.state.layout;
        let Negative::Labelled { n_chains } = self.state.training.chains else { return };
        let Some(first) = layout.labels().get(..layout.n_classes()).filter(|first| !first.is_empty()) else {
            return;
        };
        let chain = |k: usize| (k / CHAINS, k % CHAINS);
        let now: Vec<Option<usize>> = (0..n_chains)
            .map(|k| {
                let (block, bit) = chain(k);
                let up = |node: &u32| self.state.chains[block].is_up(*node as usize, bit);
                let mut ups = (0..first.len()).filter(|class| up(&first[*class]));
                // At the start labels are random, and none or several are up.
                ups.next().filter(|_| ups.next().is_none())
            })
            .collect();
        let rows = batch.iter().map(|r| usize::from(self.rows.labels[*r as usize]));
        let wanted = classes::shares(rows, layout.n_classes(), n_chains);
        for (k, class) in classes::dealt(&now, &wanted) {
            let (block, bit) = chain(k);
            let chains = &mut self.state.chains[block];
            for (node, of) in layout.label_bits() {
                let word = chains.words()[node as usize] & !(1 << bit);
                chains.set(node as usize, word | u64::from(of == class) << bit);
            }
        }
    }
    fn stream(&self, k: usize) -> Stream {
        // Steps and words of one training share no stream: at most 2^32 words.
        let mut seeds = Streams::new(self.state.training.seed).stream("steps", self.state.step);
        let seed = seeds.word();
        Streams::new(seed).stream("words", k as u64)
    }
    /// Means with up to 64 rows clamped: first their pixels alone, then their labels too.
    fn of_rows(&self, rows: &[u32], rng: &mut Stream) -> Result<Out> {
        let (training, layout) = (&self.state.training, &self.state.layout);
        let mut chains = Chains::random(self.network.wiring().n_nodes(), rng);
        for (node, word) in layout.pixels().iter().zip(bits::turn(self.rows.data, rows)) {
            chains.set(*node as usize, word);
        }
        let mut out = Out::new(chains, bits::first(rows.len()));
        let labels = rows.iter().map(|r| self.rows.labels.get(*r as usize).copied().unwrap_or(0));
        let words = bits::classes(labels, layout.n_classes().max(1));
        let clamp = |chains: &mut Chains| {
            layout.label_bits().for_each(|(node, class)| chains.set(node as usize, words[class]));
        };
        if training.discriminative > 0.0 && layout.n_classes() > 0 {
            let order = &self.orders.pixels_clamped;
            let gains = Gains::new(&self.network, &[1.0])?;
            out.chains.sweep(&self.network, &gains, order, training.settle, rng)?;
            out.flips += (training.settle * order.len() * CHAINS) as u64;
            let mut labelled = out.chains.clone();
            clamp(&mut labelled);
            let mut twin = rng.fork();
            let mut same = twin.clone();
            self.run(training.positive, order, CONDITIONAL, &mut out, &mut twin)?;
            out.chains = labelled;
            self.run(training.positive, &self.orders.labels_held, POSITIVE, &mut out, &mut same)?;
        } else {
            clamp(&mut out.chains);
            self.run(training.positive, &self.orders.both_clamped, POSITIVE, &mut out, rng)?;
        }
        Ok(out)
    }
    /// Means of the model, over the chains of one word.
    fn of_model<R: Draw>(&self, block: usize, chains: Chains, rng: &mut R) -> Result<Out> {
        let training = &self.state.training;
        let n = training.chains.n_chains() - block * CHAINS;
        let mut out = Out::new(chains, bits::first(n));
        let order = match training.chains {
            Negative::Labelled { .. } => &self.orders.labels_clamped,
            _ => &self.orders.all,
        };
        self.run(training.negative, order, NEGATIVE, &mut out, rng)?;
        Ok(out)
    }
    fn run<R: Draw>(
        &self,
        phase: Phase,
        order: &[u32],
        which: usize,
        out: &mut Out,
        rng: &mut R,
    ) -> Result<()> {
        let gains = Gains::new(&self.network, &[1.0])?;
        let mut moments = Moments::new(self.network.wiring());
        out.chains.sweep(&self.network, &gains, order, phase.burn_in, rng)?;
        for _ in 0..phase.reads {
            out.chains.sweep(&self.network, &gains, order, phase.spacing, rng)?;
            out.chains.count(&self.network, out.set, &mut moments)?;
        }
        out.flips += phase.sweeps() as u64 * order.len() as u64 * CHAINS as u64;
        out.phases[which] = Some(moments);
        Ok(())
    }
    /// A step along the gradient of the three phases.
    fn learn(&mut self, phases: &[Moments; 3], slopes: &[Slope], n_rows: usize) -> Result<()> {
        let training = &self.state.training;
        let wiring = self.network.wiring().clone();
        let (n, m) = (wiring.n_nodes(), wiring.n_edges());
        let (g, d) = (training.generative, training.discriminative);
        let d = if self.state.layout.n_classes() > 0 { d } else { 0.0 };
        let weights = [g + d, -d, -g];
        let mut spins = vec![0.0f64; n];
        let mut pairs = vec![0.0f64; m];
        for (weight, phase) in weights.iter().zip(phases) {
            if *weight != 0.0 && phase.n_samples() > 0 {
                spins.iter_mut().zip(phase.means()).for_each(|(s, x)| *s += weight * x);
                pairs.iter_mut().zip(phase.correlations()).for_each(|(s, x)| *s += weight * x);
            }
        }
        if training.centred && phases[POSITIVE].n_samples() > 0 {
            // Visible means are those of the data and stay.
            let hidden = self.state.layout.free(true, true);
            let rate = training.mean_rate as f32;
            for ((mean, new), _) in self
                .state
                .means
                .iter_mut()
                .zip(phases[POSITIVE].means())
                .zip(&hidden)
                .filter(|(_, hidden)| **hidden)
            {
                *mean += rate * (new as f32 - *mean);
            }
            centre(wiring.pairs(), &self.state.means, &mut spins, &mut pairs);
        }
        // After centring, which is about products of states. A slope is that of the loss.
        let weight = training.unrolled.weight / n_rows as f64;
        for slope in slopes {
            spins.iter_mut().zip(&slope.fields).for_each(|(s, x)| *s -= weight * f64::from(*x));
            pairs.iter_mut().zip(&slope.couplings).for_each(|(s, x)| *s -= weight * f64::from(*x));
        }
        // Rules descend.
        let decay = training.weight_decay;
        let couplings =
            self.state.parameters[..m].iter().zip(&pairs).map(|(w, p)| (decay * f64::from(*w) - p) as f32);
        let gradient: Vec<f32> = couplings.chain(spins.iter().map(|s| -*s as f32)).collect();
        let n_steps = (self.steps_per_epoch() * training.n_epochs as u64).max(2);
        let rate = training.learning_rate.at(self.state.step as f64 / (n_steps - 1) as f64);
        let average_rate = training.average_rate as f32;
        let largest = training.format.largest();
        let state = &mut self.state;
        state.memory.update(&mut state.parameters, &gradient, rate)?;
        // What the machine cannot hold is not learned either.
        let largest = largest as f32;
        state.parameters.iter_mut().for_each(|x| *x = x.clamp(-largest, largest));
        for (average, new) in state.average.iter_mut().zip(&state.parameters) {
            *average += average_rate * (new - *average);
        }
        Ok(())
    }
}

/// Streams of the gradient through the sweeps come after those of words.
const UNROLLED: usize = 1 << 20;

const POSITIVE: usize = 0;
const CONDITIONAL: usize = 1;
const NEGATIVE: usize = 2;

/// What one word of chains gave.
struct Out {
    chains: Chains,
    /// The chains that count.
    set: u64,
    phases: [Option<Moments>; 3],
    flips: u64,
}

impl Out {
    fn new(chains: Chains, set: u64) -> Self {
        Out { chains, set, phases: [None, None, None], flips: 0 }
    }
}
