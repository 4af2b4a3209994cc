//! What `smml ebm` learns: examples, a model of energies, and how good it is.

use crate::{
    args::Ramp,
    args::ebm::{EbmLoss, EbmLossArgs, EbmProblem, EbmTaskArgs},
    commands::rbm::model::{cifar_side, load},
    error::Failure,
    run::input::Hashes,
};
use serde::{Deserialize, Serialize};
use smml_core::{
    Estimate,
    parallel::Par,
    rng::{Draw, Streams},
    schedule::Schedule,
};
use smml_learn::{
    data::{FileReport, Known},
    ebm::loss::{
        AnswerEnergies, Answers, DataLoss, Epoch, LabelChain, Loss, Lvq2, MeanLoss, Point, Sequence, Surface,
        Trainer, TrainerState, Training, TwoSided,
        problems::{self, HiddenChain},
    },
    network::{Activation, Architecture, EnergyLoss, Labelled},
};

/// Test examples of the built-in problems.
const TEST: usize = 1000;
/// Most numbers (pixels, places) of built-in training examples, 2²⁷.
const MOST_NUMBERS: u64 = 1 << 27;
/// Standard deviation of the weights of a chain at the start.
const CHAIN_START: f64 = 0.1;
/// Answers of the curve.
pub(super) const CURVE_ANSWERS: usize = 21;

/// A problem with its model.
#[derive(Debug)]
pub(super) enum Task {
    /// Classes by a network whose outputs are energies.
    Classes { shape: Architecture, train: Labelled, test: Labelled, files: Vec<FileReport> },
    /// Labels of sequences, with the parameters that are the truth.
    Labels { model: LabelChain, train: Vec<Sequence>, test: Vec<Sequence>, truth: Vec<f64> },
    /// y = x².
    Curve { model: TwoSided, train: Vec<Point>, test: Vec<Point> },
}

/// How good some parameters are on the test examples.
#[derive(Clone, Debug)]
pub(super) struct Judged {
    /// Fraction of answers (labels, of sequences) that are right.
    pub(super) accuracy: Estimate,
    /// The loss itself.
    pub(super) loss: Estimate,
    /// The energies of each example.
    pub(super) surfaces: Vec<Surface>,
}

impl EbmLossArgs {
    /// The loss of a name, with the parameters that belong to it.
    pub(super) fn loss(&self, name: EbmLoss) -> Loss {
        let or_one = |x: Option<f64>| x.unwrap_or(1.0);
        match name {
            EbmLoss::Energy => Loss::Energy,
            EbmLoss::Perceptron => Loss::Perceptron,
            EbmLoss::Hinge => Loss::Hinge { margin: or_one(self.margin) },
            EbmLoss::Log => Loss::Log,
            EbmLoss::Lvq2 => Loss::Lvq2(match self.delta {
                Some(delta) => Lvq2::Ratio(delta),
                None => Lvq2::Difference(or_one(self.cap)),
            }),
            EbmLoss::Mce => Loss::Mce,
            EbmLoss::SquareSquare => Loss::SquareSquare { margin: or_one(self.margin) },
            EbmLoss::SquareExponential => Loss::SquareExponential { gamma: or_one(self.gamma) },
            EbmLoss::Nll => Loss::Nll { beta: or_one(self.beta) },
            EbmLoss::Mee => Loss::Mee { beta: or_one(self.beta) },
        }
    }
    /// All ten.
    pub(super) fn all(&self) -> Vec<Loss> {
        use clap::ValueEnum;
        EbmLoss::value_variants().iter().map(|name| self.loss(*name)).collect()
    }
    /// The parameters that belong to `losses`, with their values written out; others are refused.
    pub(super) fn settle(&self, losses: &[Loss]) -> Result<Self, Failure> {
        let mut settled = EbmLossArgs::default();
        for loss in losses {
            match *loss {
                Loss::Hinge { margin } | Loss::SquareSquare { margin } => settled.margin = Some(margin),
                Loss::SquareExponential { gamma } => settled.gamma = Some(gamma),
                Loss::Lvq2(Lvq2::Ratio(delta)) => settled.delta = Some(delta),
                Loss::Lvq2(Lvq2::Difference(cap)) => settled.cap = Some(cap),
                Loss::Nll { beta } | Loss::Mee { beta } => settled.beta = Some(beta),
                _ => {}
            }
        }
        let given = [
            ("--margin", self.margin, settled.margin),
            ("--beta", self.beta, settled.beta),
            ("--gamma", self.gamma, settled.gamma),
            ("--cap", self.cap, settled.cap),
            ("--delta", self.delta, settled.delta),
        ];
        match given.iter().find(|(_, given, used)| given.is_some() && used.is_none()) {
            Some((flag, Some(value), _)) => {
                let name = losses.first().map_or("", Loss::name);
                Err(Failure::Usage(format!("{flag} {value}: the loss {name} does not have it")))
            }
            _ => Ok(settled),
        }
    }
}

impl EbmTaskArgs {
    /// With everything settled; what does not belong to the problem is refused.
    pub(super) fn settle(&self) -> Result<Self, Failure> {
        use EbmProblem::{Bars, Cifar10, Curve, FashionMnist, Mnist, Sequence};
        let mut settled = self.clone();
        let problem = self.problem;
        let only = |flag: &str, given: bool, belongs: &[EbmProblem]| match given
            && !belongs.contains(&problem)
        {
            true => Err(Failure::Usage(format!("{flag}: the problem {} does not have it", name(problem)))),
            false => Ok(()),
        };
        only("--side", self.side.is_some(), &[Bars, Cifar10])?;
        only("--noise", self.noise.is_some(), &[Bars])?;
        only("--labels", self.labels.is_some(), &[Sequence])?;
        only("--length", self.length.is_some(), &[Sequence])?;
        only("--hidden", self.hidden.is_some(), &[Bars, Mnist, FashionMnist, Cifar10])?;
        let (examples, epochs, batch, from) = match problem {
            Bars => (Some(2000), 60, 50, 0.01),
            Sequence => (Some(500), 30, 20, 0.05),
            Curve => (Some(200), 200, 20, 0.01),
            Mnist | FashionMnist | Cifar10 => (None, 12, 100, 0.002),
        };
        settled.examples = self.examples.or(examples);
        settled.epochs = Some(self.epochs.unwrap_or(epochs));
        settled.batch = Some(self.batch.unwrap_or(batch));
        if self.learning_rate.is_none() {
            settled.learning_rate = Some(Ramp::of(&Schedule::Linear { from, to: 0.0 }));
        }
        match problem {
            Bars => {
                settled.side = Some(self.side.unwrap_or(4));
                settled.noise = Some(self.noise.unwrap_or(0.05));
                settled.hidden = Some(self.hidden.unwrap_or(16));
            }
            Sequence => {
                settled.labels = Some(self.labels.unwrap_or(4));
                settled.length = Some(self.length.unwrap_or(20));
            }
            Curve => {}
            Mnist | FashionMnist => settled.hidden = Some(self.hidden.unwrap_or(0)),
            Cifar10 => {
                settled.hidden = Some(self.hidden.unwrap_or(0));
                settled.side = Some(cifar_side(self.side)?);
            }
        }
        Ok(settled)
    }
    /// How it is trained, after [`Self::settle`].
    pub(super) fn plan(&self, seed: u64) -> Result<Training, Failure> {
        let plan = Training {
            batch_size: self.batch.unwrap_or(1) as usize,
            n_epochs: self.epochs.unwrap_or(1) as usize,
            learning_rate: self
                .learning_rate
                .as_ref()
                .map_or(Schedule::Constant(0.0), |r| r.schedule.clone()),
            weight_decay: self.weight_decay,
            seed,
        };
        Ok(plan.checked()?)
    }
    /// The examples and the model, after [`Self::settle`].
    pub(super) fn task(&self, seed: u64) -> Result<Task, Failure> {
        let numbers = match self.problem {
            EbmProblem::Bars => u64::from(self.side.unwrap_or(4)).pow(2),
            EbmProblem::Sequence => u64::from(self.length.unwrap_or(1)),
            _ => 1,
        };
        if let Some(n) = self.examples.filter(|n| u64::from(*n) * numbers > MOST_NUMBERS) {
            return Err(Failure::Usage(format!(
                "--examples {n}: {numbers} numbers each are more than {MOST_NUMBERS}"
            )));
        }
        let streams = Streams::new(seed);
        let n = self.examples.map(|n| n as usize);
        let shape = |inputs: usize, classes: usize| {
            let layers = match self.hidden.unwrap_or(0) {
                0 => vec![inputs, classes],
                hidden => vec![inputs, usize::from(hidden), classes],
            };
            Architecture::new(layers, Activation::Tanh)
        };
        let known = match self.problem {
            EbmProblem::Bars => {
                let side = usize::from(self.side.unwrap_or(4));
                let noise = self.noise.unwrap_or(0.0);
                let draw = |purpose: &str, n: usize| {
                    problems::bars_or_stripes(side, n, noise, &mut streams.stream(purpose, 0))
                };
                return Ok(Task::Classes {
                    shape: shape(side * side, 2)?,
                    train: draw("ebm train", n.unwrap_or(1))?,
                    test: draw("ebm test", TEST)?,
                    files: Vec::new(),
                });
            }
            EbmProblem::Sequence => {
                let chain = HiddenChain::ring(usize::from(self.labels.unwrap_or(4)))?;
                let length = usize::from(self.length.unwrap_or(1));
                let draw = |purpose: &str, n: usize| -> smml_learn::Result<Vec<Sequence>> {
                    let mut rng = streams.stream(purpose, 0);
                    (0..n).map(|_| chain.sequence(length, &mut rng)).collect()
                };
                return Ok(Task::Labels {
                    model: chain.model()?,
                    train: draw("ebm train", n.unwrap_or(1))?,
                    test: draw("ebm test", TEST)?,
                    truth: chain.parameters()?,
                });
            }
            EbmProblem::Curve => return curve(n.unwrap_or(1), seed, 0),
            EbmProblem::Mnist => Known::Mnist,
            EbmProblem::FashionMnist => Known::FashionMnist,
            EbmProblem::Cifar10 => Known::Cifar10,
        };
        let Some(folder) = &self.data else {
            return Err(Failure::Usage(format!(
                "{} needs --data DIR (or SMML_DATA).{}",
                name(self.problem),
                known.how_to_get()
            )));
        };
        let loaded = load(known, folder, self.side)?;
        let n_classes = loaded.train.n_classes();
        let train = n.map_or_else(|| loaded.train.clone(), |n| loaded.train.head(n));
        Ok(Task::Classes {
            shape: shape(train.n_pixels(), n_classes)?,
            train: Labelled::from_images(&train, n_classes)?,
            test: Labelled::from_images(&loaded.test, n_classes)?,
            files: loaded.files,
        })
    }
}

/// The curve with its own points for each replica.
pub(super) fn curve(n: usize, seed: u64, replica: u64) -> Result<Task, Failure> {
    let streams = Streams::new(seed);
    let draw =
        |purpose: &str, n: usize| problems::parabola(n, CURVE_ANSWERS, &mut streams.stream(purpose, replica));
    let (model, train) = draw("ebm train", n)?;
    Ok(Task::Curve { model, train, test: draw("ebm test", TEST)?.1 })
}

/// The problem as it is typed.
pub(super) fn name(problem: EbmProblem) -> String {
    use clap::ValueEnum;
    problem.to_possible_value().map_or(String::new(), |v| v.get_name().to_string())
}

/// What happens while a task is learned.
pub(super) type Watch<'a> = dyn FnMut(&TrainerState, Option<Epoch>) -> Result<(), Failure> + 'a;

impl Task {
    /// The files that were read.
    pub(super) fn files(&self) -> &[FileReport] {
        match self {
            Task::Classes { files, .. } => files,
            _ => &[],
        }
    }
    /// Their hashes.
    pub(super) fn hashes(&self) -> Hashes {
        self.files().iter().map(|f| (f.path.display().to_string(), f.sha256.clone())).collect()
    }
    /// Weights to start from.
    pub(super) fn start(&self, seed: u64, replica: u64) -> Vec<f64> {
        let mut rng = Streams::new(seed).stream("ebm weights", replica);
        match self {
            Task::Classes { shape, .. } => shape.initial(&mut rng),
            Task::Labels { model, .. } => {
                (0..model.n_parameters()).map(|_| CHAIN_START * rng.normal()).collect()
            }
            Task::Curve { model, .. } => model.initial(&mut rng),
        }
    }
    /// Refuses a loss that these energies cannot have, before any work.
    pub(super) fn check(&self, loss: Loss) -> Result<(), Failure> {
        match self {
            Task::Classes { shape, train, .. } => {
                EnergyLoss::new(shape, train, loss, 0.0, Par::Serial).map(|_| ())?;
            }
            Task::Labels { model, train, .. } => {
                DataLoss::new(model, train, loss, 0.0, Par::Serial).map(|_| ())?;
            }
            Task::Curve { model, train, .. } => {
                DataLoss::new(model, train, loss, 0.0, Par::Serial).map(|_| ())?;
            }
        }
        Ok(())
    }
    /// Trains to the end, from `state` if there is one; returns the parameters. `watch` is called after every batch.
    pub(super) fn learn(
        &self,
        loss: Loss,
        plan: &Training,
        state: Option<TrainerState>,
        start: Vec<f64>,
        watch: &mut Watch<'_>,
    ) -> Result<Vec<f64>, Failure> {
        // Batches of small networks are done before a second thread has begun.
        match self {
            Task::Classes { shape, train, .. } => {
                let work = shape.n_parameters().saturating_mul(plan.batch_size.min(train.len()));
                let par = if work < 4_000_000 { Par::Serial } else { Par::Rayon };
                run(&EnergyLoss::new(shape, train, loss, 0.0, par)?, plan, state, start, watch)
            }
            Task::Labels { model, train, .. } => {
                run(&DataLoss::new(model, train, loss, 0.0, Par::Serial)?, plan, state, start, watch)
            }
            Task::Curve { model, train, .. } => {
                run(&DataLoss::new(model, train, loss, 0.0, Par::Serial)?, plan, state, start, watch)
            }
        }
    }
    /// On the test examples.
    pub(super) fn judge(&self, loss: Loss, w: &[f64]) -> Result<Judged, Failure> {
        match self {
            Task::Classes { shape, test, .. } => {
                let objective = EnergyLoss::new(shape, test, loss, 0.0, Par::Rayon)?;
                let energies = objective.energies(w)?;
                let surfaces: Vec<Surface> = energies
                    .chunks_exact(shape.n_classes())
                    .zip(test.labels())
                    .map(|(e, y)| Surface::of_energies(e, usize::from(*y)))
                    .collect();
                // A tie is no right answer.
                let right = surfaces.iter().filter(|s| s.gap > 0.0).count() as u64;
                Ok(Judged {
                    accuracy: Estimate::from_counts(right, surfaces.len() as u64)?,
                    loss: Estimate::from_independent(&objective.values(w)?)?,
                    surfaces,
                })
            }
            Task::Labels { model, test, .. } => {
                let right = |s: &Sequence| -> smml_learn::Result<f64> {
                    let found = model.labels(w, s)?;
                    let hits = found.iter().zip(s.labels()).filter(|(a, b)| a == b).count();
                    Ok(hits as f64 / s.len() as f64)
                };
                // Neighbours are not independent, sequences are.
                let accuracy: Vec<f64> = test.iter().map(right).collect::<smml_learn::Result<_>>()?;
                Ok(Judged {
                    accuracy: Estimate::from_independent(&accuracy)?,
                    ..judged(model, test, loss, w)?
                })
            }
            Task::Curve { model, test, .. } => judged(model, test, loss, w),
        }
    }
    /// The accuracy of always giving the commonest answer.
    pub(super) fn commonest(&self) -> f64 {
        let of = |answers: &mut dyn Iterator<Item = usize>| {
            let (mut counts, mut n) = (vec![0u32; 1 << 16], 0);
            for y in answers {
                counts[y] += 1;
                n += 1;
            }
            f64::from(counts.into_iter().max().unwrap_or(0)) / f64::from(n.max(1))
        };
        match self {
            Task::Classes { test, .. } => of(&mut test.labels().iter().map(|y| usize::from(*y))),
            Task::Labels { test, .. } => {
                of(&mut test.iter().flat_map(|s| s.labels()).map(|y| usize::from(*y)))
            }
            Task::Curve { test, .. } => of(&mut test.iter().map(|p| p.right)),
        }
    }
}

/// Accuracy by whole answers, loss and surfaces of any model.
fn judged<M: Answers>(model: &M, test: &[M::Example], loss: Loss, w: &[f64]) -> Result<Judged, Failure>
where
    M::Answer: PartialEq,
{
    let values = DataLoss::new(model, test, loss, 0.0, Par::Rayon)?.values(w)?;
    let surfaces = Surface::of_model(model, w, test, Par::Rayon)?;
    let mut scratch = M::Scratch::default();
    let right = test.iter().filter(|e| model.infer(w, e, &mut scratch) == model.right(e)).count();
    Ok(Judged {
        accuracy: Estimate::from_counts(right as u64, test.len() as u64)?,
        loss: Estimate::from_independent(&values)?,
        surfaces,
    })
}

fn run<L: MeanLoss>(
    loss: &L,
    plan: &Training,
    state: Option<TrainerState>,
    start: Vec<f64>,
    watch: &mut Watch<'_>,
) -> Result<Vec<f64>, Failure> {
    let mut trainer = match state {
        Some(state) => Trainer::resume(state, loss)?,
        None => Trainer::new(plan.clone(), loss, start)?,
    };
    while !trainer.is_done() {
        let epoch = trainer.batch()?;
        watch(trainer.state(), epoch)?;
    }
    Ok(trainer.parameters().to_vec())
}

/// One epoch, as it is kept.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Row {
    /// The mean training loss.
    pub(super) loss: f64,
    /// Accuracy on test examples, where it was measured.
    pub(super) test: Option<Estimate>,
}
