//! Layer by layer before all together (R. Salakhutdinov and G. Hinton, AISTATS 2009).
//!
//! Each hidden layer is trained as that of a restricted machine on the means of the layer below, by contrastive divergence. In the deep
//! machine a hidden layer between two others hears both of them; while only one of them is there it counts twice. Label units
//! are trained with the last hidden layer.
//!
//! So a layer in between belongs to two restricted machines and has a bias in each: b' beside 2 m W of the layer below, and b'' beside
//! 2 W' m' of the layer above. In the deep machine its field is the mean of both, m W + W' m' + (b' + b'') / 2.
//!
//! With the centred gradient deep machines learn without it, as a rule as well (J. Melchior, A. Fischer and L. Wiskott, J. Mach. Learn.
//! Res. 17 (99), 1 (2016)).

use super::{
    examples::{Examples, hidden_layers},
    matrix::{Matrix, fields, products},
    model::DeepMachine,
    sampler::{to_means, to_states},
    train::{offsets, shown},
};
use crate::{
    ebm::rule::{Memory, StepRule},
    error::{Error, Result},
};
use serde::{Deserialize, Serialize};
use smml_core::{
    error::not_negative,
    parallel::Par,
    rng::{Draw, Streams},
    schedule::Schedule,
};

/// How to train each layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Pretraining {
    /// k of contrastive divergence.
    pub steps: usize,
    /// Rows in a mini-batch.
    pub batch_size: usize,
    /// Passes over the data for each layer.
    pub n_epochs: usize,
    /// Learning rate over the training of each layer.
    pub learning_rate: Schedule,
    /// The rule of the steps.
    pub rule: StepRule,
    /// λ of the penalty (λ/2) Σ W² on weights.
    pub weight_decay: f64,
    /// Seed of all randomness.
    pub seed: u64,
}

impl Pretraining {
    /// CD-1 in batches of 100, rate 0.05 with momentum 0.5, decay 2e-4.
    pub fn new(n_epochs: usize, seed: u64) -> Self {
        Pretraining {
            steps: 1,
            batch_size: 100,
            n_epochs,
            learning_rate: Schedule::Constant(0.05),
            rule: StepRule::Momentum { momentum: 0.5 },
            weight_decay: 2e-4,
            seed,
        }
    }
    fn check(&self) -> Result<()> {
        for (name, value, most) in [
            ("steps", self.steps, 1 << 20),
            ("batch-size", self.batch_size, 1 << 16),
            ("n-epochs", self.n_epochs, u32::MAX as usize),
        ] {
            if !(1..=most).contains(&value) {
                return Err(Error::out_of_range(name, value, format!("in 1..={most}")));
            }
        }
        let (low, high) = self.learning_rate.clone().checked()?.bounds();
        if !(low >= 0.0 && high <= 1e3) {
            return Err(Error::out_of_range(
                "learning-rate",
                if low < 0.0 { low } else { high },
                "in [0, 1000]",
            ));
        }
        Memory::new(self.rule)?;
        not_negative("weight-decay", self.weight_decay)?;
        Ok(())
    }
}

/// What a [`Pretrainer`] saves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PretrainerState {
    training: Pretraining,
    machine: DeepMachine,
    data_sha256: String,
    /// Biases of every layer where it hears the layer below (or shows labels), and where it hears the layer above.
    from_below: Vec<Vec<f64>>,
    from_above: Vec<Vec<f64>>,
    /// Batches done, of all layers together.
    step: u64,
    offsets: Vec<Vec<f64>>,
    /// Of the arrays of the layer in training.
    memories: Vec<Memory>,
}

/// A machine whose layers are trained one after the other.
///
/// ```
/// use smml_core::{parallel::Par, rng::Streams};
/// use smml_learn::{data::BarsAndStripes, ebm::deep::{DeepMachine, Examples, LayerUnits, Pretrainer, Pretraining}};
/// let set = BarsAndStripes::new(3, 3)?;
/// let examples = Examples::bits(set.sample(200, &mut Streams::new(1).stream("data", 0)));
/// let layers = vec![LayerUnits::Binary { n: 9 }, LayerUnits::Binary { n: 8 }, LayerUnits::Binary { n: 4 }];
/// let start = DeepMachine::for_data(layers, &examples, 0.01, &mut Streams::new(1).stream("weights", 0))?;
/// let mut trainer = Pretrainer::new(Pretraining::new(5, 1), &start, &examples)?;
/// while !trainer.is_done() {
///     trainer.step(Par::Serial)?;
/// }
/// assert!(trainer.machine().weights()[1] != start.weights()[1]);
/// # Ok::<(), smml_learn::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Pretrainer {
    state: PretrainerState,
    examples: Examples,
    streams: Streams,
    order: Vec<u32>,
    order_epoch: Option<u64>,
}

impl Pretrainer {
    /// Errors: a setting out of range, no rows, rows that are no states of the layers that show them, no hidden layer.
    pub fn new(training: Pretraining, machine: &DeepMachine, examples: &Examples) -> Result<Self> {
        training.check()?;
        examples.check(machine.layers())?;
        if examples.is_empty() || u32::try_from(examples.len()).is_err() {
            return Err(Error::out_of_range("rows of data", examples.len(), "in 1..2^32"));
        }
        if hidden_layers(machine, examples.labels().is_some()).is_empty() {
            return Err(Error::out_of_range("number of hidden layers", 0, "at least 1"));
        }
        let streams = Streams::new(training.seed).child("pretrain", 0);
        let offsets = offsets(machine, examples);
        let n_hidden = hidden_layers(machine, examples.labels().is_some()).len();
        let (from_below, from_above) = both_biases(machine, &offsets, n_hidden);
        let state = PretrainerState {
            offsets,
            from_below,
            from_above,
            memories: Vec::new(),
            data_sha256: examples.sha256(),
            training,
            machine: machine.clone(),
            step: 0,
        };
        Ok(Pretrainer { state, examples: examples.clone(), streams, order: Vec::new(), order_epoch: None })
    }
    /// Goes on where [`Pretrainer::state`] was taken, bit for bit.
    ///
    /// Errors: other data than before, or a state that does not fit itself (a damaged file).
    pub fn resume(state: PretrainerState, examples: &Examples) -> Result<Self> {
        let mut trainer = Pretrainer::new(state.training.clone(), &state.machine, examples)?;
        if trainer.state.data_sha256 != state.data_sha256 {
            let allowed = format!("the data of the saved run ({})", state.data_sha256);
            return Err(Error::out_of_range("data", &trainer.state.data_sha256, allowed));
        }
        if state.step > trainer.n_steps() {
            return Err(Error::out_of_range(
                "saved step",
                state.step,
                format!("at most {}", trainer.n_steps()),
            ));
        }
        let shape = |x: &[Vec<f64>]| x.iter().map(Vec::len).collect::<Vec<usize>>();
        for (name, values) in [
            ("saved offsets", &state.offsets),
            ("saved biases from below", &state.from_below),
            ("saved biases from above", &state.from_above),
        ] {
            let finite = values.iter().flatten().all(|x| x.is_finite());
            if shape(values) != shape(state.machine.biases()) || !finite {
                let allowed = "one finite number for every unit";
                return Err(Error::out_of_range(name, format!("{:?}", shape(values)), allowed));
            }
        }
        if !state.memories.is_empty() {
            // Taken after a step, so the layer in training is that of the step before.
            let sizes = trainer.at(state.step.saturating_sub(1)).1.sizes(&state.machine);
            if state.memories.len() != sizes.len() {
                return Err(Error::length("saved memories", state.memories.len(), sizes.len()));
            }
            for (memory, n) in state.memories.iter().zip(sizes) {
                memory.check(state.training.rule, n)?;
            }
        } else if state.step > 0 {
            return Err(Error::length("saved memories", 0, 1));
        }
        trainer.state = state;
        Ok(trainer)
    }
    /// What has to be saved; may be taken between any two batches.
    pub fn state(&self) -> &PretrainerState {
        &self.state
    }
    /// The machine as it is now.
    pub fn machine(&self) -> &DeepMachine {
        &self.state.machine
    }
    fn n_batches(&self) -> u64 {
        self.examples.len().div_ceil(self.state.training.batch_size) as u64
    }
    fn n_hidden_layers(&self) -> usize {
        hidden_layers(&self.state.machine, self.examples.labels().is_some()).len()
    }
    /// Batches for all layers together.
    pub fn n_steps(&self) -> u64 {
        self.n_batches() * self.state.training.n_epochs as u64 * self.n_hidden_layers() as u64
    }
    /// Batches done.
    pub fn step_number(&self) -> u64 {
        self.state.step
    }
    /// True when all layers are trained.
    pub fn is_done(&self) -> bool {
        self.state.step >= self.n_steps()
    }
    /// The batch of a step within the training of its layer, and the layer.
    fn at(&self, step: u64) -> (u64, Stage) {
        let each = self.n_batches() * self.state.training.n_epochs as u64;
        let hidden = 1 + (step / each) as usize;
        let is_last = hidden == self.n_hidden_layers();
        (step % each, Stage { hidden, is_last, labels: is_last && self.examples.labels().is_some() })
    }

    /// One mini-batch of the layer in training; nothing happens when all are done. Returns the learning rate.
    ///
    /// Errors: parameters that are no longer finite.
    pub fn step(&mut self, par: Par) -> Result<f64> {
        let step = self.state.step.min(self.n_steps() - 1);
        let (within, stage) = self.at(step);
        let each = self.n_batches() * self.state.training.n_epochs as u64;
        let rate = self.state.training.learning_rate.at(within as f64 / (each - 1).max(1) as f64);
        if self.is_done() {
            return Ok(rate);
        }
        if within == 0 {
            let n = stage.sizes(&self.state.machine).len();
            let rule = self.state.training.rule;
            self.state.memories = (0..n).map(|_| Memory::new(rule)).collect::<Result<_>>()?;
        }
        let (epoch, batch) = (step / self.n_batches(), step % self.n_batches());
        if self.order_epoch != Some(epoch) {
            self.order = (0..self.examples.len() as u32).collect();
            self.streams.stream("order", epoch).shuffle(&mut self.order);
            self.order_epoch = Some(epoch);
        }
        let size = self.state.training.batch_size;
        let from = batch as usize * size;
        let rows = &self.order[from..self.examples.len().min(from + size)];
        let mut data = shown(&self.state.machine, &self.examples, rows.iter().map(|k| *k as usize));
        let rng = self.streams.child("step", step);
        let mut machine = self.state.machine.clone();
        machine.parts_mut().0.clone_from_slice(&self.state.from_below);
        let n = rows.len();
        // Means of the layers below, each of which hears twice what is below it.
        for l in 1..stage.hidden {
            let mut x = fields(&machine, l, Some((&data[l - 1], 2.0)), None, n, par);
            to_means(&machine, l, 1.0, &mut x, par);
            data[l] = x;
        }
        let last = machine.n_layers() - 1;
        let (h, below) = (stage.hidden, stage.hidden - 1);
        machine.parts_mut().0[below].clone_from(&self.state.from_above[below]);
        let machine = &machine;
        let up = |x: &Matrix, y: &Matrix| {
            let above = stage.labels.then_some((y, 1.0));
            let mut m = fields(machine, h, Some((x, stage.up())), above, n, par);
            to_means(machine, h, 1.0, &mut m, par);
            m
        };
        let (x0, y0) = (&data[below], &data[last]);
        let h0 = up(x0, y0);
        let (mut x, mut y, mut hidden) = (x0.clone(), y0.clone(), h0.clone());
        for k in 0..self.state.training.steps {
            let rng = rng.child("negative", k as u64);
            to_states(machine, h, 1.0, &mut hidden, &rng, par);
            x = fields(machine, below, None, Some((&hidden, stage.down())), n, par);
            to_means(machine, below, 1.0, &mut x, par);
            to_states(machine, below, 1.0, &mut x, &rng, par);
            if stage.labels {
                y = fields(machine, last, Some((&hidden, 1.0)), None, n, par);
                to_means(machine, last, 1.0, &mut y, par);
                to_states(machine, last, 1.0, &mut y, &rng, par);
            }
            hidden = up(&x, &y);
        }
        self.update(stage, rate, [[x0, &h0, y0], [&x, &hidden, &y]], par)?;
        self.state.step += 1;
        Ok(rate)
    }

    /// A step along the centred gradient: of the layer below, the hidden layer and the labels, on data and of the negative phase.
    fn update(&mut self, stage: Stage, rate: f64, phases: [[&Matrix; 3]; 2], par: Par) -> Result<()> {
        let (h, last) = (stage.hidden, self.state.machine.n_layers() - 1);
        let n = phases[0][0].n_rows() as f64;
        let difference = |k: usize| -> Vec<f64> {
            phases[0][k].means().iter().zip(phases[1][k].means()).map(|(a, b)| a - b).collect()
        };
        let [below, hidden, labels] = [difference(0), difference(1), difference(2)];
        let mut offsets = self.state.offsets.clone();
        for (o, m) in offsets[h].iter_mut().zip(phases[0][1].means()) {
            *o = 0.99 * *o + 0.01 * m;
        }
        if h > 1 {
            offsets[h - 1] =
                offsets[h - 1].iter().zip(phases[0][0].means()).map(|(o, m)| 0.99 * o + 0.01 * m).collect();
        }
        let decay = self.state.training.weight_decay;
        let slopes = |w: &[f64], a: usize, b: usize, [da, db]: [&[f64]; 2], [oa, ob]: [&[f64]; 2]| {
            let [on_data, on_model] = [0, 1].map(|p: usize| products(phases[p][a], phases[p][b], par));
            let m = db.len();
            let of = |k: usize| {
                let (i, j) = (k / m, k % m);
                let centred = (on_data[k] - on_model[k]) / n - oa[i] * db[j] - da[i] * ob[j];
                decay * w[k] - centred
            };
            (0..w.len()).map(of).collect::<Vec<f64>>()
        };
        let mut machine = self.state.machine.clone();
        let mut memories = self.state.memories.clone();
        let (mut from_below, mut from_above) = (self.state.from_below.clone(), self.state.from_above.clone());
        let (biases, weights) = machine.parts_mut();
        // Biases of the centred form, in which each layer hears the others as it does here.
        let (up, down) = (stage.up(), stage.down());
        let shift = |weights: &[Vec<f64>], above: &mut [Vec<f64>], lower: &mut [f64], sign: f64| {
            let m = offsets[h].len();
            for (i, row) in weights[h - 1].chunks_exact(m).enumerate() {
                for (j, w) in row.iter().enumerate() {
                    above[h][j] += sign * up * w * offsets[h - 1][i];
                    lower[i] += sign * down * w * offsets[h][j];
                }
            }
            if stage.labels {
                let q = offsets[last].len();
                for (j, row) in weights[h].chunks_exact(q).enumerate() {
                    for (c, w) in row.iter().enumerate() {
                        above[h][j] += sign * w * offsets[last][c];
                        above[last][c] += sign * w * offsets[h][j];
                    }
                }
            }
        };
        shift(weights, &mut from_below, &mut from_above[h - 1], 1.0);
        let own = [&offsets[h - 1][..], &offsets[h][..]];
        let gradient = slopes(&weights[h - 1], 0, 1, [&below, &hidden], own);
        memories[0].step(&mut weights[h - 1], &gradient, rate)?;
        let negated = |x: &[f64]| x.iter().map(|x| -x).collect::<Vec<f64>>();
        memories[1].step(&mut from_above[h - 1], &negated(&below), rate)?;
        memories[2].step(&mut from_below[h], &negated(&hidden), rate)?;
        if stage.labels {
            let own = [&offsets[h][..], &offsets[last][..]];
            let gradient = slopes(&weights[h], 1, 2, [&hidden, &labels], own);
            memories[3].step(&mut weights[h], &gradient, rate)?;
            memories[4].step(&mut from_below[last], &negated(&labels), rate)?;
        }
        shift(weights, &mut from_below, &mut from_above[h - 1], -1.0);
        let n_hidden = self.n_hidden_layers();
        for (l, b) in biases.iter_mut().enumerate() {
            match l {
                0 => b.clone_from(&from_above[0]),
                l if l < n_hidden => {
                    let pairs = from_below[l].iter().zip(&from_above[l]);
                    b.iter_mut().zip(pairs).for_each(|(b, (x, y))| *b = 0.5 * (x + y));
                }
                l => b.clone_from(&from_below[l]),
            }
        }
        let (layers, biases, weights) =
            (machine.layers().to_vec(), machine.biases().to_vec(), machine.weights().to_vec());
        self.state.machine = DeepMachine::new(layers, biases, weights).map_err(|e| {
            Error::from(smml_core::Error::Undefined {
                what: "the machine in pretraining".into(),
                why: format!("after {} batches {e}: lower the learning rate", self.state.step),
            })
        })?;
        (self.state.memories, self.state.offsets) = (memories, offsets);
        (self.state.from_below, self.state.from_above) = (from_below, from_above);
        Ok(())
    }
}

/// Biases of every layer where it hears the layer below twice, and where it hears the layer above twice: with the layers beside it at
/// their offsets its field is that in `machine`. The mean of both is the bias there. The first layer, the last hidden layer and
/// labels have one bias only.
fn both_biases(
    machine: &DeepMachine,
    offsets: &[Vec<f64>],
    n_hidden: usize,
) -> (Vec<Vec<f64>>, Vec<Vec<f64>>) {
    let (mut from_below, mut from_above) = (machine.biases().to_vec(), machine.biases().to_vec());
    for l in 1..n_hidden {
        let (m, above) = (machine.n_units(l), machine.n_units(l + 1));
        let mut difference = vec![0.0; m];
        for (row, x) in machine.weights()[l - 1].chunks_exact(m).zip(&offsets[l - 1]) {
            difference.iter_mut().zip(row).for_each(|(d, w)| *d -= x * w);
        }
        for (d, row) in difference.iter_mut().zip(machine.weights()[l].chunks_exact(above)) {
            *d += row.iter().zip(&offsets[l + 1]).map(|(w, y)| w * y).sum::<f64>();
        }
        for ((d, x), y) in difference.iter().zip(&mut from_below[l]).zip(&mut from_above[l]) {
            *x += d;
            *y -= d;
        }
    }
    (from_below, from_above)
}

/// The hidden layer in training.
#[derive(Clone, Copy, Debug)]
struct Stage {
    hidden: usize,
    is_last: bool,
    /// Whether labels are trained with it.
    labels: bool,
}

impl Stage {
    /// How often the hidden layer hears the layer below: twice where a hidden layer will come above it.
    fn up(self) -> f64 {
        if self.is_last { 1.0 } else { 2.0 }
    }
    /// How often the layer below hears the hidden layer: twice where it hears another one below it.
    fn down(self) -> f64 {
        if self.hidden == 1 { 1.0 } else { 2.0 }
    }
    /// Numbers of parameters of the arrays in training.
    fn sizes(self, machine: &DeepMachine) -> Vec<usize> {
        let (h, last) = (self.hidden, machine.n_layers() - 1);
        let mut sizes = vec![machine.weights()[h - 1].len(), machine.n_units(h - 1), machine.n_units(h)];
        if self.labels {
            sizes.extend([machine.weights()[h].len(), machine.n_units(last)]);
        }
        sizes
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            chains, exact,
            train::{DeepNegative, DeepTrainer, DeepTraining},
            units::LayerUnits,
        },
        *,
    };
    use crate::data::{BarsAndStripes, BinaryData};
    use smml_core::store::{decode, encode};

    const B: fn(usize) -> LayerUnits = |n| LayerUnits::Binary { n };

    fn bars(n: usize) -> Examples {
        Examples::bits(BarsAndStripes::new(3, 3).unwrap().sample(n, &mut Streams::new(1).stream("data", 0)))
    }
    fn start(layers: Vec<LayerUnits>, examples: &Examples) -> DeepMachine {
        DeepMachine::for_data(layers, examples, 0.01, &mut Streams::new(1).stream("weights", 0)).unwrap()
    }
    fn run(training: Pretraining, machine: &DeepMachine, examples: &Examples) -> Pretrainer {
        let mut trainer = Pretrainer::new(training, machine, examples).unwrap();
        while !trainer.is_done() {
            trainer.step(Par::Serial).unwrap();
        }
        trainer
    }

    #[test]
    fn a_single_hidden_layer_is_contrastive_divergence() {
        // Nothing counts twice: as good as the trainer of whole machines by the same method.
        let examples = bars(100);
        let machine = start(vec![B(9), B(6)], &examples);
        let training = Pretraining {
            n_epochs: 60,
            batch_size: 10,
            learning_rate: Schedule::Linear { from: 0.2, to: 0.0 },
            steps: 5,
            weight_decay: 0.0,
            ..Pretraining::new(1, 1)
        };
        let found = run(training, &machine, &examples);
        let mean = |m: &DeepMachine| {
            exact::ln_probabilities(m, &examples, Par::Serial).unwrap().iter().sum::<f64>() / 100.0
        };
        let other = DeepTraining {
            negative: DeepNegative::ContrastiveDivergence { steps: 5 },
            rule: StepRule::Momentum { momentum: 0.5 },
            batch_size: 10,
            learning_rate: Schedule::Linear { from: 0.2, to: 0.0 },
            weight_decay: 0.0,
            ..DeepTraining::new(60, 1)
        };
        let mut trainer = DeepTrainer::new(other, &machine, &examples).unwrap();
        while !trainer.is_done() {
            trainer.step(Par::Serial).unwrap();
        }
        let (before, a, b) = (mean(&machine), mean(found.machine()), mean(trainer.machine()));
        assert!(a > before + 0.5 && (a - b).abs() < 0.3 * (b - before), "{before} {a} {b}");
    }

    #[test]
    fn layers_are_trained_in_turn_and_a_deep_machine_starts_better() {
        let examples = bars(300);
        let machine = start(vec![B(9), B(8), B(6)], &examples);
        let training = Pretraining {
            n_epochs: 40,
            batch_size: 20,
            learning_rate: Schedule::Linear { from: 0.2, to: 0.01 },
            weight_decay: 0.0,
            ..Pretraining::new(1, 1)
        };
        let mut trainer = Pretrainer::new(training, &machine, &examples).unwrap();
        for k in 0..trainer.n_steps() {
            let first = k < trainer.n_steps() / 2;
            let before = trainer.machine().clone();
            trainer.step(Par::Serial).unwrap();
            let moved: Vec<bool> =
                trainer.machine().weights().iter().zip(before.weights()).map(|(a, b)| a != b).collect();
            assert_eq!(moved, [first, !first], "{k}");
        }
        let mean = |m: &DeepMachine| {
            exact::ln_probabilities(m, &examples, Par::Serial).unwrap().iter().sum::<f64>() / 300.0
        };
        let (before, after) = (mean(&machine), mean(trainer.machine()));
        assert!(after > before + 0.4, "{before} {after}");
    }

    #[test]
    fn labels_are_trained_with_the_last_hidden_layer() {
        let mut rng = Streams::new(6).stream("classes", 0);
        let (mut bits, mut labels) = (Vec::new(), Vec::new());
        for _ in 0..400 {
            let class = rng.below(3);
            bits.extend((0..6).map(|i| u8::from(rng.chance(if i / 2 == class { 0.9 } else { 0.1 }))));
            labels.push(class as u8);
        }
        let examples = Examples::bits(BinaryData::new(6, bits).unwrap()).with_labels(labels, 3).unwrap();
        let machine = start(vec![B(6), B(6), B(6), LayerUnits::Softmax { groups: 1, q: 3 }], &examples);
        let training =
            Pretraining { n_epochs: 60, learning_rate: Schedule::Constant(0.2), ..Pretraining::new(1, 1) };
        let found = run(training, &machine, &examples);
        let share = |m: &DeepMachine| chains::accuracy(m, &examples, 50, Par::Serial).unwrap().1.value;
        assert!(share(found.machine()) > 0.75, "{} {}", share(&machine), share(found.machine()));
    }

    #[test]
    fn a_resumed_pretraining_is_the_pretraining_and_damaged_states_are_refused() {
        let examples = bars(90);
        let machine = start(vec![B(9), B(4), B(3)], &examples);
        let training = Pretraining { batch_size: 40, rule: StepRule::Adam, ..Pretraining::new(2, 3) };
        let whole = run(training.clone(), &machine, &examples);
        for stop in [0, 1, 6, 7, 12] {
            let mut trainer = Pretrainer::new(training.clone(), &machine, &examples).unwrap();
            for _ in 0..stop {
                trainer.step(Par::Rayon).unwrap();
            }
            let saved: PretrainerState = decode(&encode(trainer.state(), 0).unwrap(), 0).unwrap();
            let mut trainer = Pretrainer::resume(saved, &examples).unwrap();
            while !trainer.is_done() {
                trainer.step(Par::Rayon).unwrap();
            }
            assert_eq!(trainer.state(), whole.state());
        }
        let mut trainer = Pretrainer::new(training, &machine, &examples).unwrap();
        trainer.step(Par::Serial).unwrap();
        let good = serde_json::to_value(trainer.state()).unwrap();
        let read = |value: serde_json::Value, examples: &Examples| match serde_json::from_value(value) {
            Ok(state) => Pretrainer::resume(state, examples).map(drop).map_err(|e| e.to_string()),
            Err(e) => Err(e.to_string()),
        };
        assert!(read(good.clone(), &examples).is_ok());
        assert!(read(good.clone(), &bars(80)).unwrap_err().contains("the data of the saved run"));
        for (place, value, part) in [
            ("/step", serde_json::json!(99), "saved step = 99"),
            ("/offsets", serde_json::json!([[0.0]]), "saved offsets"),
            ("/from_below", serde_json::json!([[0.0]]), "saved biases from below"),
            ("/from_above/1", serde_json::json!([0.0]), "saved biases from above"),
            ("/memories", serde_json::json!([]), "saved memories"),
            ("/memories/0", serde_json::json!({ "Sgd": null }), "saved memory"),
            ("/training/steps", serde_json::json!(0), "steps = 0"),
            ("/training/weight-decay", serde_json::json!(-1.0), "weight-decay"),
        ] {
            let mut bad = good.clone();
            *bad.pointer_mut(place).unwrap_or_else(|| panic!("{place}")) = value;
            let text = read(bad, &examples).unwrap_err();
            assert!(text.contains(part), "{place}: {text}");
        }
    }
}
