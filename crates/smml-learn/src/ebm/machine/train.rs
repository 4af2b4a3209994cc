//! Training of a machine on data.
//!
//! A [`MachineTrainer`] is its machine, the memory of its rule, its chains and a step number: every random number belongs to the
//! seed and the step, so that a saved [`MachineTrainerState`] goes on bit for bit from any batch, with any number of threads.

use super::{
    local,
    model::{BoltzmannMachine, Units},
    phases::{ChainBlock, Compiled},
    statistics::{Rows, Statistics},
};
use crate::{
    data::BinaryData,
    ebm::rule::{Centring, Memory},
    error::{Error, Result},
};
use sha2::{Digest, Sha256};
use smml_core::{
    graph::SparseGraph,
    parallel::Par,
    rng::{Draw, Streams},
};

mod settings;
mod state;
pub use settings::{MachineTraining, Objective};
pub use state::MachineTrainerState;

impl BoltzmannMachine {
    /// A machine to start training from: weights N(0, scale²) on the edges of a graph, and biases such that every visible unit
    /// has the log-odds of its column (with half a count on either side) when all others are at their means.
    ///
    /// Errors: no rows, rows of another width than `visible`, a scale that is negative or not finite, and those of
    /// [`BoltzmannMachine::new`].
    pub fn for_data(
        units: Units,
        graph: &SparseGraph,
        visible: Vec<u32>,
        data: &BinaryData,
        scale: f64,
        rng: &mut impl Draw,
    ) -> Result<Self> {
        smml_core::error::not_negative("scale of the weights", scale)?;
        let weights = graph.map_weights(|_, _, _| scale * rng.normal())?;
        let machine = BoltzmannMachine::zeros(units, graph, visible)?;
        machine.check_width(data.width())?;
        if data.is_empty() {
            return Err(Error::out_of_range("number of rows of data", 0, "at least 1"));
        }
        let mean = offsets(&machine, data);
        let mut biases = vec![0.0; machine.n_units()];
        for (unit, odds) in machine.visible().iter().zip(data.log_odds(0.5)) {
            // Of a spin the field is half of the log-odds.
            biases[*unit as usize] = if units == Units::Spins { 0.5 * odds } else { odds };
        }
        for (i, b) in biases.iter_mut().enumerate() {
            let (to, w) = weights.neighbours(i);
            *b -= to.iter().zip(w).map(|(j, w)| w * mean[*j as usize]).sum::<f64>();
        }
        BoltzmannMachine::new(units, weights, biases, machine.visible().to_vec())
    }
}

/// Means of the data in the values of the units, and the middle of both values for hidden units.
fn offsets(machine: &BoltzmannMachine, data: &BinaryData) -> Vec<f64> {
    let mut offsets = vec![machine.units().value(0.0); machine.n_units()];
    for (unit, mean) in machine.visible().iter().zip(data.column_means()) {
        offsets[*unit as usize] = machine.units().value(2.0 * mean - 1.0);
    }
    offsets
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MachineStep {
    /// The learning rate.
    pub learning_rate: f64,
    /// The largest component of the gradient with respect to weights.
    pub largest_slope: f64,
    /// Rows of the batch whose mean-field equations were not solved within the passes allowed.
    pub unconverged: usize,
    /// Mean cost of the batch before the step, where the objective is a cost.
    pub cost: Option<f64>,
}

/// A machine in training.
///
/// ```
/// use smml_core::{factor_graph::ExactOptions, graph::SparseGraph, parallel::Par, rng::Streams};
/// use smml_learn::{data::BarsAndStripes, ebm::machine::{BoltzmannMachine, MachineTrainer, MachineTraining, Rows, Units, exact}};
/// let data = BarsAndStripes::new(2, 2)?.sample(256, &mut Streams::new(1).stream("data", 0));
/// // Four visible units, four hidden ones, all coupled.
/// let pairs: Vec<(u32, u32)> = (0..8).flat_map(|i| (0..i).map(move |j| (i, j))).collect();
/// let graph = SparseGraph::unweighted(8, &pairs)?;
/// let mut rng = Streams::new(1).stream("weights", 0);
/// let machine = BoltzmannMachine::for_data(Units::Spins, &graph, vec![0, 1, 2, 3], &data, 0.1, &mut rng)?;
/// let rows = Rows::equal(&data)?;
/// let likelihood = |m: &BoltzmannMachine| exact::log_likelihood(m, &rows, 1.0, &ExactOptions::default(), Par::Serial);
/// let before = likelihood(&machine)?;
/// let mut trainer = MachineTrainer::new(MachineTraining::new(60, 1), &machine, &data)?;
/// while !trainer.is_done() {
///     trainer.step(Par::Serial)?;
/// }
/// assert!(likelihood(trainer.machine())? > before + 0.1);
/// # Ok::<(), smml_learn::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct MachineTrainer {
    training: MachineTraining,
    streams: Streams,
    data: BinaryData,
    data_sha256: String,
    machine: BoltzmannMachine,
    /// μ in the values of the units.
    offsets: Vec<f64>,
    memory: Memory,
    chains: Vec<ChainBlock>,
    step: u64,
    order: Vec<u32>,
    order_epoch: Option<u64>,
}

impl MachineTrainer {
    /// A training that starts from the parameters of `machine`.
    ///
    /// Errors: a setting out of range, no rows, rows of another width.
    pub fn new(training: MachineTraining, machine: &BoltzmannMachine, data: &BinaryData) -> Result<Self> {
        training.check(machine.hidden().len())?;
        machine.check_width(data.width())?;
        if data.is_empty() || u32::try_from(data.len()).is_err() {
            return Err(Error::out_of_range("rows of data", data.len(), "in 1..2^32"));
        }
        let mut hash = Sha256::new();
        [data.width(), data.len()].iter().for_each(|n| hash.update((*n as u64).to_le_bytes()));
        data.rows().for_each(|row| hash.update(row));
        let streams = Streams::new(training.seed).child("machine", 0);
        let chains = match &training.objective {
            Objective::Likelihood { negative, .. } => negative.start(machine.n_units(), &streams),
            Objective::Local(_) => Vec::new(),
        };
        Ok(MachineTrainer {
            offsets: match training.centring {
                Centring::None => vec![0.0; machine.n_units()],
                Centring::Means { .. } => offsets(machine, data),
            },
            memory: Memory::new(training.rule)?,
            data_sha256: hash.finalize().iter().map(|b| format!("{b:02x}")).collect(),
            training,
            streams,
            data: data.clone(),
            machine: machine.clone(),
            chains,
            step: 0,
            order: Vec::new(),
            order_epoch: None,
        })
    }
    /// The settings.
    pub fn training(&self) -> &MachineTraining {
        &self.training
    }
    /// The machine as it is now.
    pub fn machine(&self) -> &BoltzmannMachine {
        &self.machine
    }
    /// The offsets as they are now, 0 without centring.
    pub fn offsets(&self) -> &[f64] {
        &self.offsets
    }
    /// Batches in an epoch.
    pub fn n_batches(&self) -> usize {
        self.data.len().div_ceil(self.training.batch_size)
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
    /// The states of persistent chains, as rows of the visible units; none without such chains. With ladders those of all
    /// rungs.
    pub fn chains(&self) -> Result<BinaryData> {
        let bits = self.chains.iter().flat_map(|block| {
            (0..64).flat_map(move |r| {
                self.machine.visible().iter().map(move |i| (block.words[*i as usize] >> r & 1) as u8)
            })
        });
        BinaryData::new(self.machine.visible().len(), bits.collect())
    }

    /// One mini-batch; nothing happens after the last epoch.
    ///
    /// Errors: parameters that are no longer finite or exceed the f32 of the lanes, graphs too wide for an exact phase. The trainer is then as
    /// before, but for its chains.
    pub fn step(&mut self, par: Par) -> Result<MachineStep> {
        let last = (self.n_steps() - 1).max(1);
        let rate = self.training.learning_rate.at(self.step as f64 / last as f64);
        let mut done = MachineStep { learning_rate: rate, largest_slope: 0.0, unconverged: 0, cost: None };
        if self.is_done() {
            return Ok(done);
        }
        let batch = self.batch()?;
        let (slopes, hidden_means) = self.slopes(&batch, &mut done, par)?;
        let mut offsets = self.offsets.clone();
        if let (Centring::Means { sliding }, Some(means)) = (self.training.centring, &hidden_means) {
            for i in self.machine.hidden().iter().map(|i| *i as usize) {
                offsets[i] = (1.0 - sliding) * offsets[i] + sliding * means[i];
            }
        }
        // Parameters of the centred form, weights first: c = b + W μ, and the gradient of a cost with respect to them.
        let graph = self.machine.weights();
        let n_pairs = graph.n_edges();
        let mut theta: Vec<f64> = graph.edges().map(|e| e.2).collect();
        let centred = shifted(graph, &theta, self.machine.biases(), &offsets, 1.0);
        theta.extend(centred);
        let mut gradient = Vec::with_capacity(theta.len());
        for ((i, j, w), slope) in graph.edges().zip(&slopes.pairs) {
            let (i, j) = (i as usize, j as usize);
            let slope = slope - offsets[j] * slopes.units[i] - offsets[i] * slopes.units[j];
            done.largest_slope = done.largest_slope.max(slope.abs());
            gradient.push(self.training.weight_decay * w - slope);
        }
        gradient.extend(slopes.units.iter().map(|b| -b));
        let mut memory = self.memory.clone();
        memory.step(&mut theta, &gradient, rate)?;
        let (weights, centred_biases) = theta.split_at(n_pairs);
        let biases = shifted(graph, weights, centred_biases, &offsets, -1.0);
        self.machine = self.machine.with_parameters(weights, &biases).map_err(|e| {
            Error::from(smml_core::Error::Undefined {
                what: "the trained machine".into(),
                why: format!("after {} batches {e}: lower the learning rate", self.step),
            })
        })?;
        (self.memory, self.offsets) = (memory, offsets);
        self.step += 1;
        Ok(done)
    }

    /// The rows of the next batch.
    fn batch(&mut self) -> Result<BinaryData> {
        let n_batches = self.n_batches() as u64;
        let (epoch, batch) = (self.step / n_batches, self.step % n_batches);
        if self.order_epoch != Some(epoch) {
            self.order = (0..self.data.len() as u32).collect();
            self.streams.stream("order", epoch).shuffle(&mut self.order);
            self.order_epoch = Some(epoch);
        }
        let from = batch as usize * self.training.batch_size;
        let rows = &self.order[from..self.data.len().min(from + self.training.batch_size)];
        let bits = rows.iter().flat_map(|k| self.data.row(*k as usize)).copied().collect();
        BinaryData::new(self.data.width(), bits)
    }

    /// The direction in which the objective gets better, with respect to biases and weights as they are; the means of units in
    /// the positive phase.
    fn slopes(
        &mut self,
        batch: &BinaryData,
        done: &mut MachineStep,
        par: Par,
    ) -> Result<(Statistics, Option<Vec<f64>>)> {
        let rng = self.streams.child("step", self.step);
        match &self.training.objective {
            Objective::Local(cost) => {
                let (value, gradient) = local::spin_cost(&self.machine, &Rows::equal(batch)?, *cost, par)?;
                done.cost = Some(value);
                let uphill = Statistics::zeros(&self.machine).plus(-1.0, &gradient);
                Ok((uphill.gradient_of_units(&self.machine), None))
            }
            Objective::Likelihood { positive, negative } => {
                let compiled = Compiled::new(&self.machine)?;
                let found = compiled.positive(batch, positive, &rng, par)?;
                done.unconverged = found.unconverged;
                let states = if self.machine.hidden().is_empty() && found.states.is_empty() {
                    compiled.blocks(batch)
                } else {
                    found.states
                };
                let model = compiled.negative(negative, &states, &mut self.chains, &rng, par)?;
                let means = found.means.means_of_units(&self.machine).units;
                let slopes = found.means.plus(-1.0, &model).gradient_of_units(&self.machine);
                Ok((slopes, Some(means)))
            }
        }
    }
}

/// Biases with `sign` times Σⱼ Wᵢⱼ μⱼ added, weights in the order of the edges.
fn shifted(graph: &SparseGraph, weights: &[f64], biases: &[f64], offsets: &[f64], sign: f64) -> Vec<f64> {
    let mut out = biases.to_vec();
    for ((i, j, _), w) in graph.edges().zip(weights) {
        let (i, j) = (i as usize, j as usize);
        out[i] += sign * w * offsets[j];
        out[j] += sign * w * offsets[i];
    }
    out
}

#[cfg(test)]
mod tests;
