//! Training of machines of layers, with the centred gradient.
//!
//! A [`DeepTrainer`] is its machine, the memory of its rule, its chains and a step number: every random number belongs to the
//! seed and the step, so that a saved [`DeepTrainerState`] goes on bit for bit from any batch, with any number of threads.

use super::{
    exact::{self, LayerMeans},
    examples::{Examples, hidden_layers},
    matrix::{Matrix, products},
    model::{DeepMachine, check_layers},
    sampler::{self, Held},
    units::LayerUnits,
};
use crate::{
    ebm::rule::{Centring, Memory},
    error::{Error, Result},
};
use smml_core::{
    parallel::Par,
    rng::{Draw, Streams},
};

mod settings;
mod state;
pub use settings::{DeepNegative, DeepTraining};
pub use state::DeepTrainerState;

impl DeepMachine {
    /// A machine to start training from: weights N(0, scale²), and biases such that every unit that shows data has its mean (with
    /// half a count on either side) when the layers beside it are at theirs.
    ///
    /// Errors: no rows, rows that are no states of the layers that show them, a scale that is negative or not finite.
    pub fn for_data(
        layers: Vec<LayerUnits>,
        examples: &Examples,
        scale: f64,
        rng: &mut impl Draw,
    ) -> Result<Self> {
        check_layers(&layers)?;
        examples.check(&layers)?;
        if examples.is_empty() {
            return Err(Error::out_of_range("number of rows of data", 0, "at least 1"));
        }
        smml_core::error::not_negative("scale of the weights", scale)?;
        let mut machine = DeepMachine::zeros(layers)?;
        let (first, shares) = examples.means(machine.layers()[0]);
        let last = machine.n_layers() - 1;
        let mut fields = machine.biases().to_vec();
        fields[0] = machine.layers()[0].fields_of_means(&first, 0.5, examples.len());
        if let Some(shares) = shares {
            fields[last] = machine.layers()[last].fields_of_means(&shares, 0.5, examples.len());
        }
        let offsets = offsets(&machine, examples);
        let (biases, weights) = machine.parts_mut();
        weights.iter_mut().flatten().for_each(|w| *w = scale * rng.normal());
        biases.clone_from_slice(&shifted(weights, &fields, &offsets, -1.0));
        let (biases, weights) = (machine.biases().to_vec(), machine.weights().to_vec());
        DeepMachine::new(machine.layers().to_vec(), biases, weights)
    }
}

/// Means of the data, and of hidden units the middle of their values.
pub(super) fn offsets(machine: &DeepMachine, examples: &Examples) -> Vec<Vec<f64>> {
    let (first, shares) = examples.means(machine.layers()[0]);
    let mut offsets: Vec<Vec<f64>> =
        (0..machine.n_layers()).map(|l| vec![machine.layers()[l].neutral(); machine.n_units(l)]).collect();
    offsets[0] = first;
    if let Some(shares) = shares {
        offsets[machine.n_layers() - 1] = shares;
    }
    offsets
}

/// Biases with `sign` times what the layers beside them give at the offsets.
pub(super) fn shifted(
    weights: &[Vec<f64>],
    biases: &[Vec<f64>],
    offsets: &[Vec<f64>],
    sign: f64,
) -> Vec<Vec<f64>> {
    let mut out = biases.to_vec();
    for (l, w) in weights.iter().enumerate() {
        let m = offsets[l + 1].len();
        for (i, row) in w.chunks_exact(m).enumerate() {
            let x = sign * offsets[l][i];
            let mut sum = 0.0;
            for (j, w) in row.iter().enumerate() {
                sum += w * offsets[l + 1][j];
                out[l + 1][j] += x * w;
            }
            out[l][i] += sign * sum;
        }
    }
    out
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DeepStep {
    /// The learning rate.
    pub learning_rate: f64,
    /// Passes of the mean field; 0 for a single hidden layer.
    pub passes: usize,
    /// The largest change of a mean that another pass would make.
    pub residual: f64,
    /// Mean square difference of the first layer between the data and the negative phase that started from them; of contrastive
    /// divergence only.
    pub reconstruction: Option<f64>,
    /// Share of exchanges between temperatures that were made, where there are several.
    pub exchanges: Option<f64>,
}

/// A machine of layers in training.
///
/// ```
/// use smml_core::{parallel::Par, rng::Streams, schedule::Schedule};
/// use smml_learn::{data::BarsAndStripes, ebm::deep::{DeepMachine, DeepTrainer, DeepTraining, Examples, LayerUnits, exact}};
/// let set = BarsAndStripes::new(2, 2)?;
/// let examples = Examples::bits(set.sample(400, &mut Streams::new(1).stream("data", 0)));
/// let layers = vec![LayerUnits::Spins { n: 4 }, LayerUnits::Spins { n: 4 }];
/// let start = DeepMachine::for_data(layers, &examples, 0.1, &mut Streams::new(1).stream("weights", 0))?;
/// let training = DeepTraining { learning_rate: Schedule::linear(0.1, 0.0)?, ..DeepTraining::new(200, 1) };
/// let mut trainer = DeepTrainer::new(training, &start, &examples)?;
/// while !trainer.is_done() {
///     trainer.step(Par::Serial)?;
/// }
/// let mean = |m: &DeepMachine| -> smml_learn::Result<f64> {
///     Ok(exact::ln_probabilities(m, &examples, Par::Serial)?.iter().sum::<f64>() / 400.0)
/// };
/// assert!(mean(trainer.machine())? > mean(&start)? + 0.1);
/// # Ok::<(), smml_learn::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct DeepTrainer {
    training: DeepTraining,
    streams: Streams,
    examples: Examples,
    data_sha256: String,
    machine: DeepMachine,
    offsets: Vec<Vec<f64>>,
    /// One for each array of weights, then of biases.
    memories: Vec<Memory>,
    /// Of every temperature the layers of its chains.
    chains: Vec<Vec<Matrix>>,
    step: u64,
    order: Vec<u32>,
    order_epoch: Option<u64>,
}

impl DeepNegative {
    /// Temperatures, and chains at each.
    fn size(&self) -> (usize, usize) {
        match self {
            DeepNegative::Exact | DeepNegative::ContrastiveDivergence { .. } => (0, 0),
            DeepNegative::Persistent { n_chains, .. } => (1, *n_chains),
            DeepNegative::Tempered { n_chains, betas, .. } => (betas.len(), *n_chains),
        }
    }
}

impl DeepTrainer {
    /// A training that starts from the parameters of `machine`. Where the examples have labels the last layer shows them.
    ///
    /// Errors: a setting out of range, no rows, rows that are no states of the layers that show them, no hidden layer.
    pub fn new(training: DeepTraining, machine: &DeepMachine, examples: &Examples) -> Result<Self> {
        training.check(machine)?;
        examples.check(machine.layers())?;
        if examples.is_empty() || u32::try_from(examples.len()).is_err() {
            return Err(Error::out_of_range("rows of data", examples.len(), "in 1..2^32"));
        }
        if hidden_layers(machine, examples.labels().is_some()).is_empty() {
            return Err(Error::out_of_range("number of hidden layers", 0, "at least 1"));
        }
        let streams = Streams::new(training.seed).child("deep", 0);
        let (n_rungs, n_chains) = training.negative.size();
        let chains = (0..n_rungs)
            .map(|k| sampler::neutral(machine, n_chains, &streams.child("chains", k as u64), Par::Serial))
            .collect();
        let n_arrays = machine.weights().len() + machine.n_layers();
        Ok(DeepTrainer {
            offsets: match training.centring {
                Centring::None => machine.biases().iter().map(|b| vec![0.0; b.len()]).collect(),
                Centring::Means { .. } => offsets(machine, examples),
            },
            memories: (0..n_arrays).map(|_| Memory::new(training.rule)).collect::<Result<_>>()?,
            data_sha256: examples.sha256(),
            training,
            streams,
            examples: examples.clone(),
            machine: machine.clone(),
            chains,
            step: 0,
            order: Vec::new(),
            order_epoch: None,
        })
    }
    /// The settings.
    pub fn training(&self) -> &DeepTraining {
        &self.training
    }
    /// The machine as it is now.
    pub fn machine(&self) -> &DeepMachine {
        &self.machine
    }
    /// Batches in an epoch.
    pub fn n_batches(&self) -> usize {
        self.examples.len().div_ceil(self.training.batch_size)
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
    /// The first layer of the chains at β = 1, rows × units; none without persistent chains.
    pub fn chains(&self) -> &[f64] {
        self.chains.last().map_or(&[], |layers| &layers[0].values)
    }

    /// One mini-batch; nothing happens after the last epoch.
    ///
    /// Errors: parameters that are no longer finite, a machine too large for an exact negative phase. Machine and step are then as
    /// before.
    pub fn step(&mut self, par: Par) -> Result<DeepStep> {
        let last = (self.n_steps() - 1).max(1);
        let rate = self.training.learning_rate.at(self.step as f64 / last as f64);
        let mut done =
            DeepStep { learning_rate: rate, passes: 0, residual: 0.0, reconstruction: None, exchanges: None };
        if self.is_done() {
            return Ok(done);
        }
        let rng = self.streams.child("step", self.step);
        let data = self.batch();
        let labels = self.examples.labels().is_some();
        let hidden = hidden_layers(&self.machine, labels);
        let t = &self.training;
        let found = sampler::mean_field(&self.machine, data, hidden.clone(), t.max_passes, t.tolerance, par);
        (done.passes, done.residual) = (found.passes, found.residual);
        let mut slopes = statistics(&self.machine, &found.means, par);
        let model = self.negative(&found.means, &mut done, &rng, par)?;
        slopes.add(-1.0, &model);

        let mut offsets = self.offsets.clone();
        if let Centring::Means { sliding } = self.training.centring {
            for l in hidden {
                for (o, m) in offsets[l].iter_mut().zip(found.means[l].means()) {
                    *o = (1.0 - sliding) * *o + sliding * m;
                }
            }
        }
        self.update(&mut slopes, offsets, rate)?;
        self.step += 1;
        Ok(done)
    }

    /// A step of the parameters of the centred form along the gradient.
    fn update(&mut self, slopes: &mut LayerMeans, offsets: Vec<Vec<f64>>, rate: f64) -> Result<()> {
        let mut weights = self.machine.weights().to_vec();
        let mut biases = shifted(&weights, self.machine.biases(), &offsets, 1.0);
        let mut memories = self.memories.clone();
        for (l, w) in weights.iter_mut().enumerate() {
            let (below, above) = (&slopes.units[l], &slopes.units[l + 1]);
            let gradient = &mut slopes.products[l];
            for (i, (row, w)) in
                gradient.chunks_exact_mut(above.len()).zip(w.chunks_exact(above.len())).enumerate()
            {
                for (j, slope) in row.iter_mut().enumerate() {
                    let centred = *slope - offsets[l][i] * above[j] - below[i] * offsets[l + 1][j];
                    *slope = self.training.weight_decay * w[j] - centred;
                }
            }
            memories[l].step(w, gradient, rate)?;
        }
        let n_weights = weights.len();
        for (l, b) in biases.iter_mut().enumerate() {
            let gradient: Vec<f64> = slopes.units[l].iter().map(|x| -x).collect();
            memories[n_weights + l].step(b, &gradient, rate)?;
        }
        let biases = shifted(&weights, &biases, &offsets, -1.0);
        self.machine = DeepMachine::new(self.machine.layers().to_vec(), biases, weights).map_err(|e| {
            Error::from(smml_core::Error::Undefined {
                what: "the trained machine".into(),
                why: format!("after {} batches {e}: lower the learning rate", self.step),
            })
        })?;
        (self.memories, self.offsets) = (memories, offsets);
        Ok(())
    }

    /// The layers of the next batch, hidden ones 0.
    fn batch(&mut self) -> Vec<Matrix> {
        let n_batches = self.n_batches() as u64;
        let (epoch, batch) = (self.step / n_batches, self.step % n_batches);
        if self.order_epoch != Some(epoch) {
            self.order = (0..self.examples.len() as u32).collect();
            self.streams.stream("order", epoch).shuffle(&mut self.order);
            self.order_epoch = Some(epoch);
        }
        let from = batch as usize * self.training.batch_size;
        let rows = &self.order[from..self.examples.len().min(from + self.training.batch_size)];
        shown(&self.machine, &self.examples, rows.iter().map(|k| *k as usize))
    }

    /// Means of the negative phase.
    fn negative(
        &mut self,
        positive: &[Matrix],
        done: &mut DeepStep,
        rng: &Streams,
        par: Par,
    ) -> Result<LayerMeans> {
        let machine = &self.machine;
        let one = [1.0];
        let (steps, betas) = match &self.training.negative {
            DeepNegative::Exact => return exact::means(machine, par),
            DeepNegative::ContrastiveDivergence { steps } => {
                let mut state = positive.to_vec();
                let hidden = hidden_layers(machine, self.examples.labels().is_some());
                for l in hidden {
                    sampler::to_states(machine, l, 1.0, &mut state[l], &rng.child("start", 0), par);
                }
                let means = advance(machine, &mut state, *steps, &rng.child("negative", 0), par);
                let squares = state[0].values.iter().zip(&positive[0].values).map(|(a, b)| (a - b).powi(2));
                done.reconstruction = Some(squares.sum::<f64>() / state[0].values.len().max(1) as f64);
                return Ok(means);
            }
            DeepNegative::Persistent { steps, .. } => (*steps, &one[..]),
            DeepNegative::Tempered { steps, betas, .. } => (*steps, &betas[..]),
        };
        let top = betas.len() - 1;
        if top == 0 {
            return Ok(advance(machine, &mut self.chains[0], steps, &rng.child("negative", 0), par));
        }
        let (mut tried, mut made) = (0u32, 0u32);
        let mut means = None;
        for k in 0..steps {
            let rng = rng.child("negative", k as u64);
            let mut energies = Vec::with_capacity(betas.len());
            for (rung, (state, beta)) in self.chains.iter_mut().zip(betas).enumerate() {
                let odd = sampler::step(
                    machine,
                    state,
                    *beta,
                    &Held::default(),
                    &rng.child("rung", rung as u64),
                    par,
                );
                energies.push(sampler::energies(machine, state, &odd));
                if rung == top && k + 1 == steps {
                    means = Some(of_chains(machine, state, odd, par));
                }
            }
            let mut exchange = rng.stream("exchange", 0);
            for a in [0, 1].into_iter().flat_map(|parity| (parity..top).step_by(2)) {
                let (low, high) = self.chains.split_at_mut(a + 1);
                for r in 0..energies[a].len() {
                    tried += 1;
                    if exchange.accept((betas[a + 1] - betas[a]) * (energies[a][r] - energies[a + 1][r])) {
                        made += 1;
                        for (x, y) in low[a].iter_mut().zip(high[0].iter_mut()) {
                            let place = r * x.columns..(r + 1) * x.columns;
                            x.values[place.clone()].swap_with_slice(&mut y.values[place]);
                        }
                        let (e, f) = energies.split_at_mut(a + 1);
                        std::mem::swap(&mut e[a][r], &mut f[0][r]);
                    }
                }
            }
        }
        done.exchanges = Some(f64::from(made) / f64::from(tried.max(1)));
        Ok(means.unwrap_or_else(|| LayerMeans::zeros(machine)))
    }
}

/// The layers that show these rows; hidden layers are 0.
pub(super) fn shown(
    machine: &DeepMachine,
    examples: &Examples,
    rows: impl ExactSizeIterator<Item = usize>,
) -> Vec<Matrix> {
    let n = rows.len();
    let mut layers: Vec<Matrix> =
        (0..machine.n_layers()).map(|l| Matrix::zeros(n, machine.n_units(l))).collect();
    let (width, last) = (machine.n_units(0), machine.n_layers() - 1);
    let classes = machine.n_units(last);
    for (r, k) in rows.enumerate() {
        examples.fill(machine.layers()[0], k, &mut layers[0].values[r * width..(r + 1) * width]);
        if examples.labels().is_some() {
            examples.fill_label(k, &mut layers[last].values[r * classes..(r + 1) * classes]);
        }
    }
    layers
}

/// Steps of free chains at β = 1; the means of their last states, with odd layers by their means.
fn advance(machine: &DeepMachine, state: &mut [Matrix], steps: usize, rng: &Streams, par: Par) -> LayerMeans {
    let mut odd = Vec::new();
    for k in 0..steps {
        odd = sampler::step(machine, state, 1.0, &Held::default(), &rng.child("step", k as u64), par);
    }
    of_chains(machine, state, odd, par)
}

/// Means over chains: odd layers by their means given the even ones, which have less noise than their states.
fn of_chains(machine: &DeepMachine, state: &[Matrix], odd: Vec<Matrix>, par: Par) -> LayerMeans {
    let mut layers = state.to_vec();
    for (k, mut fields) in odd.into_iter().enumerate() {
        sampler::to_means(machine, 2 * k + 1, 1.0, &mut fields, par);
        layers[2 * k + 1] = fields;
    }
    statistics(machine, &layers, par)
}

/// Means over rows of units and of products of neighbouring layers.
fn statistics(machine: &DeepMachine, layers: &[Matrix], par: Par) -> LayerMeans {
    let mut out = LayerMeans::zeros(machine);
    out.units = layers.iter().map(Matrix::means).collect();
    for l in 0..machine.weights().len() {
        let n = layers[l].n_rows().max(1) as f64;
        out.products[l] = products(&layers[l], &layers[l + 1], par);
        out.products[l].iter_mut().for_each(|p| *p /= n);
    }
    out
}

#[cfg(test)]
mod tests;
