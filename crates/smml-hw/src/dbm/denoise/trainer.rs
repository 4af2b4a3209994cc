//! Training the machines of a chain, one after the other.

use super::{
    super::{
        bits, classes,
        layout::Layout,
        rule::{Memory, centre},
        trainer::Labelled,
        training::{MOST_ROWS, Phase, Rule},
    },
    Denoiser, NoiseLevels, Wires, chance_word, finite,
};
use crate::{
    error::{Error, Result},
    machine::{CHAINS, Chains, FixedNetwork, Format, Gains, Moments, Wiring},
};
use serde::{Deserialize, Serialize};
use smml_core::{
    error::same_length,
    parallel::{self, Par},
    rng::{Draw, Stream, Streams},
    schedule::Schedule,
};
use std::sync::Arc;

/// How the machines of a chain ([`Denoiser`]) are trained, one after the other.
///
/// The machine of level t ascends ln p(xᵗ⁻¹ | xᵗ, class), the mean over the data and fresh noise: the gradient of a coupling is
/// ⟨sᵢ sⱼ⟩ with xᵗ⁻¹, xᵗ and the class clamped, less ⟨sᵢ sⱼ⟩ with xᵗ and the class clamped alone, of a field ⟨sᵢ⟩ less ⟨sᵢ⟩; both
/// centred (sᵢ less its mean over the data), and taken by Adam. The couplings to the inputs, Γₜ, are known and stay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Denoising {
    /// The levels of noise.
    pub levels: NoiseLevels,
    /// Passes over the data for each machine.
    pub n_epochs: usize,
    /// Rows of a batch.
    pub batch_size: usize,
    /// Numbers of the machines; parameters are kept in f32.
    pub format: Format,
    /// Over the training of each machine.
    pub learning_rate: Schedule,
    /// L2 penalty on couplings.
    pub weight_decay: f64,
    /// Pixels, inputs and labels clamped, hidden nodes from random states.
    pub positive: Phase,
    /// Inputs and labels clamped, from pixels as the inputs and random hidden nodes.
    pub negative: Phase,
    /// Part of a batch in the moving averages of hidden means, of the centred gradient, in (0, 1].
    pub mean_rate: f64,
    /// Part of the new parameters in the moving average that is the result, in (0, 1].
    pub average_rate: f64,
    /// Standard deviation of the first couplings.
    pub weight_scale: f64,
    /// Seed of all randomness.
    pub seed: u64,
}

impl Denoising {
    /// Errors: a value out of its range, named.
    pub fn check(&self) -> Result<()> {
        for (name, value, most) in
            [("batch size", self.batch_size, MOST_ROWS), ("epochs", self.n_epochs, 1 << 30)]
        {
            if value == 0 || value > most {
                return Err(Error::out_of_range(name, value, format!("1 to {most}")));
            }
        }
        for (name, value) in [("weight decay", self.weight_decay), ("weight scale", self.weight_scale)] {
            if !(value >= 0.0 && value.is_finite()) {
                return Err(Error::out_of_range(name, value, "at least 0 and finite"));
            }
        }
        for (name, value) in [("mean rate", self.mean_rate), ("average rate", self.average_rate)] {
            if !(value > 0.0 && value <= 1.0) {
                return Err(Error::out_of_range(name, value, "in (0, 1]"));
            }
        }
        self.levels.fit(self.format)?;
        let (least, most) = self.learning_rate.bounds();
        if !(least >= 0.0 && most.is_finite()) {
            return Err(Error::out_of_range("learning rate", least, "at least 0 and finite"));
        }
        self.learning_rate.clone().checked()?;
        self.positive.check("positive phase")?;
        self.negative.check("negative phase")
    }
}

/// What the training of a chain is between two steps.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DenoiserState {
    training: Denoising,
    layout: Layout,
    /// Machines that are done, from the first level on.
    done: Vec<Vec<f32>>,
    /// Steps of the machine under way.
    step: u64,
    /// Couplings by edge, then fields by node.
    parameters: Vec<f32>,
    average: Vec<f32>,
    memory: Memory,
    means: Vec<f32>,
}

/// What a step was like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DenoiserStep {
    /// Of every pixel the probability that the level's machine puts back what was, mean over the batch: the fraction of pixels
    /// of xᵗ⁻¹ and of the machine's own that agree.
    pub agreement: f64,
    /// The same of xᵗ⁻¹ and xᵗ: what doing nothing gives.
    pub untouched: f64,
    /// Nodes that were drawn, in all chains.
    pub flips: u64,
}

/// A chain of machines in training.
#[derive(Clone, Debug)]
pub struct DenoiserTrainer<'a> {
    rows: Labelled<'a>,
    graph: Arc<Wiring>,
    wires: Wires,
    network: FixedNetwork,
    state: DenoiserState,
    /// The order of rows in an epoch of a level.
    shuffled: (u64, Vec<u32>),
}

/// What one word of rows gave.
struct Out {
    positive: Moments,
    negative: Moments,
    /// Pixels that agree with xᵗ⁻¹: those of the machine, and those of xᵗ.
    agree: [u64; 2],
    flips: u64,
}

impl<'a> DenoiserTrainer<'a> {
    /// A new chain. Pixels' fields start at those of independent pixels with the means of their level.
    ///
    /// Errors: a setting out of its range; data that do not fit the layout.
    pub fn new(training: Denoising, graph: Arc<Wiring>, layout: Layout, rows: Labelled<'a>) -> Result<Self> {
        training.check()?;
        let state = DenoiserState {
            memory: Memory::new(Rule::Adam)?,
            training,
            layout,
            done: Vec::new(),
            step: 0,
            parameters: Vec::new(),
            average: Vec::new(),
            means: Vec::new(),
        };
        let mut trainer = DenoiserTrainer::with(state, graph, rows)?;
        trainer.begin()?;
        Ok(trainer)
    }
    /// Goes on where a saved state was.
    ///
    /// Errors: a state that does not fit the wires or the data, or that has been changed.
    pub fn resume(state: DenoiserState, graph: Arc<Wiring>, rows: Labelled<'a>) -> Result<Self> {
        let (n, m) = (graph.n_nodes(), graph.n_edges());
        state.training.check()?;
        for (name, values, want) in [
            ("parameters", &state.parameters, n + m),
            ("averages", &state.average, n + m),
            ("means", &state.means, n),
        ] {
            same_length(name, values.len(), want)?;
            finite(name, values)?;
        }
        let most = state.training.levels.n();
        if state.done.len() > most {
            return Err(Error::out_of_range("machines", state.done.len(), format!("at most {most}")));
        }
        for machine in &state.done {
            same_length("parameters of a machine", machine.len(), n + m)?;
            finite("parameter of a machine", machine)?;
        }
        let most = if state.done.len() < most { None } else { Some(0) };
        let moments = if state.step == 0 { 0 } else { n + m };
        state.memory.check_adam(state.step, moments)?;
        let trainer = DenoiserTrainer::with(state, graph, rows)?;
        let most = most.unwrap_or(trainer.steps_per_level().max(1) - 1);
        match trainer.state.step {
            step if step > most => {
                Err(Error::out_of_range("steps of the machine under way", step, format!("at most {most}")))
            }
            _ => Ok(trainer),
        }
    }
    fn with(state: DenoiserState, graph: Arc<Wiring>, rows: Labelled<'a>) -> Result<Self> {
        rows.check(&state.layout)?;
        same_length("nodes of the layout", state.layout.n_nodes(), graph.n_nodes())?;
        let wires = Wires::new(&graph, &state.layout)?;
        let network = wires.network(state.training.format)?;
        Ok(DenoiserTrainer { rows, graph, wires, network, state, shuffled: (u64::MAX, Vec::new()) })
    }
    /// What to save.
    pub fn state(&self) -> &DenoiserState {
        &self.state
    }
    /// How it is trained.
    pub fn training(&self) -> &Denoising {
        &self.state.training
    }
    /// Steps of an epoch.
    pub fn steps_per_epoch(&self) -> u64 {
        self.rows.data.len().div_ceil(self.state.training.batch_size) as u64
    }
    /// Steps of one machine.
    pub fn steps_per_level(&self) -> u64 {
        self.steps_per_epoch() * self.state.training.n_epochs as u64
    }
    /// Steps made, of all machines.
    pub fn step_number(&self) -> u64 {
        self.state.done.len() as u64 * self.steps_per_level() + self.state.step
    }
    /// The level whose machine is being trained, from 1; `None` when all are done.
    pub fn level(&self) -> Option<usize> {
        let done = self.state.done.len();
        (done < self.state.training.levels.n()).then_some(done + 1)
    }
    /// The chain.
    ///
    /// Errors: machines that are not done yet.
    pub fn model(&self) -> Result<Denoiser> {
        let (n, done) = (self.state.training.levels.n(), self.state.done.len());
        if done < n {
            return Err(Error::out_of_range("machines", done, format!("all {n} levels trained")));
        }
        Denoiser::new(
            self.graph.clone(),
            self.state.layout.clone(),
            self.state.training.levels.clone(),
            self.state.done.clone(),
        )
    }
    /// First parameters of the next machine, if there is one.
    fn begin(&mut self) -> Result<()> {
        let Some(level) = self.level() else { return Ok(()) };
        let (training, layout) = (&self.state.training, &self.state.layout);
        let mut rng = Streams::new(training.seed).stream("parameters", level as u64);
        let mut parameters: Vec<f32> =
            (0..self.wires.n_edges).map(|_| (training.weight_scale * rng.normal()) as f32).collect();
        let mut fields = vec![0.0f32; self.wires.n_nodes];
        let mut means = vec![0.0f32; self.wires.n_nodes];
        let n = self.rows.data.len() as f64;
        let kept = training.levels.kept()[level - 1];
        for (node, p) in layout.pixels().iter().zip(self.rows.data.column_means()) {
            let mean = kept * (2.0 * p - 1.0) * n / (n + 1.0);
            fields[*node as usize] = libm::atanh(mean) as f32;
            means[*node as usize] = mean as f32;
        }
        let mut counts = vec![0.0f64; layout.n_classes()];
        self.rows.labels.iter().for_each(|l| counts[usize::from(*l)] += 1.0);
        layout
            .label_bits()
            .for_each(|(node, class)| means[node as usize] = (2.0 * counts[class] / n - 1.0) as f32);
        parameters.extend(fields);
        self.state.average.clone_from(&parameters);
        (self.state.parameters, self.state.means) = (parameters, means);
        Ok(())
    }
    /// One batch of the machine under way; with the last one of a level it is done. `None` when all are.
    ///
    /// Errors: parameters that grew until 16 bits do not hold a local field, or until they are not finite.
    pub fn step(&mut self, par: Par) -> Result<Option<DenoiserStep>> {
        let Some(level) = self.level() else { return Ok(None) };
        let input = self.state.training.levels.coupling(level);
        let (couplings, fields) = self.state.parameters.split_at(self.wires.n_edges);
        self.wires.program(&mut self.network, couplings, fields, input)?;
        let batch = self.batch(level);
        let words: Vec<&[u32]> = batch.chunks(CHAINS).collect();
        let mut seeds = Streams::new(self.state.training.seed)
            .child("level", level as u64)
            .stream("steps", self.state.step);
        let streams = Streams::new(seeds.word());
        let outs = parallel::map(par, words.len(), |k| {
            self.of_rows(level, words[k], &mut streams.stream("words", k as u64))
        });
        let mut sum = Out {
            positive: Moments::new(&self.wires.wiring),
            negative: Moments::new(&self.wires.wiring),
            agree: [0; 2],
            flips: 0,
        };
        for out in outs {
            let out = out?;
            sum.positive.add(&out.positive);
            sum.negative.add(&out.negative);
            (0..2).for_each(|k| sum.agree[k] += out.agree[k]);
            sum.flips += out.flips;
        }
        self.learn(&sum)?;
        self.state.step += 1;
        if self.state.step == self.steps_per_level() {
            self.state.done.push(self.state.average.clone());
            self.state.step = 0;
            self.state.memory = Memory::new(Rule::Adam)?;
            self.begin()?;
        }
        let n = (batch.len() * self.state.layout.pixels().len()) as f64;
        let [agreement, untouched] = sum.agree.map(|k| k as f64 / n);
        Ok(Some(DenoiserStep { agreement, untouched, flips: sum.flips }))
    }
    /// Rows of this step.
    fn batch(&mut self, level: usize) -> Vec<u32> {
        let per_epoch = self.steps_per_epoch();
        let (epoch, k) = (self.state.step / per_epoch, (self.state.step % per_epoch) as usize);
        let which = level as u64 * self.state.training.n_epochs as u64 + epoch;
        if self.shuffled.0 != which {
            let mut rng = Streams::new(self.state.training.seed).stream("rows", which);
            self.shuffled = (which, classes::shuffled(self.rows.data.len(), self.rows.labels, &mut rng));
        }
        let size = self.state.training.batch_size;
        let rows = &self.shuffled.1;
        rows[k * size..((k + 1) * size).min(rows.len())].to_vec()
    }
    /// Means over up to 64 rows, each with noise of its own.
    fn of_rows(&self, level: usize, rows: &[u32], rng: &mut Stream) -> Result<Out> {
        let (training, layout) = (&self.state.training, &self.state.layout);
        let turned = [0.5 * (1.0 - training.levels.kept()[level - 1]), training.levels.turned(level)];
        let set = bits::first(rows.len());
        let mut chains = Chains::random(self.wires.wiring.n_nodes(), rng);
        let mut noisy = Vec::with_capacity(layout.pixels().len());
        let mut agree = [0u64; 2];
        for (k, (node, word)) in layout.pixels().iter().zip(bits::turn(self.rows.data, rows)).enumerate() {
            let before = word ^ chance_word(turned[0], rng);
            let turned = chance_word(turned[1], rng);
            chains.set(*node as usize, before);
            chains.set(self.wires.n_nodes + k, before ^ turned);
            noisy.push([before, before ^ turned]);
            agree[1] += u64::from((!turned & set).count_ones());
        }
        let labels = rows.iter().map(|r| self.rows.labels.get(*r as usize).copied().unwrap_or(0));
        let classes = bits::classes(labels, layout.n_classes().max(1));
        layout.label_bits().for_each(|(node, class)| chains.set(node as usize, classes[class]));
        let gains = Gains::new(&self.network, &[1.0])?;
        let mut run = |chains: &mut Chains, phase: Phase, order: &[u32]| -> Result<Moments> {
            let mut moments = Moments::new(&self.wires.wiring);
            chains.sweep(&self.network, &gains, order, phase.burn_in, rng)?;
            for _ in 0..phase.reads {
                chains.sweep(&self.network, &gains, order, phase.spacing, rng)?;
                chains.count(&self.network, set, &mut moments)?;
            }
            Ok(moments)
        };
        let mut free = chains.clone();
        let positive = run(&mut chains, training.positive, &self.wires.hidden)?;
        layout.pixels().iter().zip(&noisy).for_each(|(node, [_, noisy])| free.set(*node as usize, *noisy));
        let negative = run(&mut free, training.negative, &self.wires.unlabelled)?;
        for (node, [before, _]) in layout.pixels().iter().zip(&noisy) {
            agree[0] += u64::from((!(free.words()[*node as usize] ^ before) & set).count_ones());
        }
        let drawn = training.positive.sweeps() * self.wires.hidden.len()
            + training.negative.sweeps() * self.wires.unlabelled.len();
        Ok(Out { positive, negative, agree, flips: (drawn * CHAINS) as u64 })
    }
    /// A step along the gradient.
    fn learn(&mut self, sum: &Out) -> Result<()> {
        let n = self.wires.n_nodes;
        let difference = |plus: Vec<f64>, minus: Vec<f64>| -> Vec<f64> {
            plus.into_iter().zip(minus).map(|(a, b)| a - b).collect()
        };
        let seen = sum.positive.means();
        let mut spins = difference(seen.clone(), sum.negative.means());
        spins.truncate(n);
        let mut pairs =
            self.wires.of_graph(difference(sum.positive.correlations(), sum.negative.correlations()));
        let training = &self.state.training;
        let rate = training.mean_rate as f32;
        let hidden = self.state.layout.free(true, true);
        for (i, mean) in self.state.means.iter_mut().enumerate().filter(|(i, _)| hidden[*i]) {
            *mean += rate * (seen[i] as f32 - *mean);
        }
        centre(self.graph.pairs(), &self.state.means, &mut spins, &mut pairs);
        let decay = training.weight_decay;
        let couplings = self.state.parameters[..self.wires.n_edges]
            .iter()
            .zip(&pairs)
            .map(|(w, p)| (decay * f64::from(*w) - p) as f32);
        let gradient: Vec<f32> = couplings.chain(spins.iter().map(|s| -*s as f32)).collect();
        let rate =
            training.learning_rate.at(self.state.step as f64 / (self.steps_per_level().max(2) - 1) as f64);
        let average_rate = training.average_rate as f32;
        let largest = training.format.largest() as f32;
        let state = &mut self.state;
        state.memory.update(&mut state.parameters, &gradient, rate)?;
        // What the machine cannot hold is not learned either.
        state.parameters.iter_mut().for_each(|x| *x = x.clamp(-largest, largest));
        for (average, new) in state.average.iter_mut().zip(&state.parameters) {
            *average += average_rate * (new - *average);
        }
        Ok(())
    }
}
