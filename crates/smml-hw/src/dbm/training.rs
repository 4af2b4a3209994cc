//! How a sparse deep Boltzmann machine is trained.

use crate::{
    error::{Error, Result},
    machine::{CHAINS, Format},
};
use serde::{Deserialize, Serialize};
use smml_core::schedule::Schedule;

/// Most rows of a batch, and most chains.
pub const MOST_ROWS: usize = 1 << 16;
/// Most sweeps of one phase.
const MOST_SWEEPS: usize = 1 << 30;
/// Most sweeps that a gradient goes through.
const MOST_UNROLLED: usize = 256;

/// How a mean is taken: sweeps that do not count, then states that do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Phase {
    /// Sweeps before the first state that counts.
    pub burn_in: usize,
    /// States that count.
    pub reads: usize,
    /// Sweeps from one to the next, before each.
    pub spacing: usize,
}

impl Phase {
    /// `reads` states, `spacing` sweeps before each, after `burn_in` sweeps.
    pub fn new(burn_in: usize, reads: usize, spacing: usize) -> Self {
        Phase { burn_in, reads, spacing }
    }
    /// Sweeps in all.
    pub fn sweeps(self) -> usize {
        self.burn_in.saturating_add(self.reads.saturating_mul(self.spacing))
    }
    pub(super) fn check(self, name: &str) -> Result<()> {
        if self.reads == 0 || self.spacing == 0 || self.sweeps() > MOST_SWEEPS {
            let value = format!("{} + {} x {} sweeps", self.burn_in, self.reads, self.spacing);
            return Err(Error::out_of_range(name, value, "at least 1 x 1, at most 2^30 sweeps in all"));
        }
        Ok(())
    }
}

/// The states that the model's own means are taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Negative {
    /// Chains that start anew where the last row of the positive phase ended (the published recipe).
    Carried {
        /// Number of chains.
        n_chains: usize,
    },
    /// Chains of the free machine that go on from batch to batch.
    Persistent {
        /// Number of chains.
        n_chains: usize,
    },
    /// Persistent chains of which each has a class clamped: means of p(pixels, hidden | class), with classes as often as in
    /// the batch.
    Labelled {
        /// Number of chains.
        n_chains: usize,
    },
}

impl Negative {
    /// Number of chains.
    pub fn n_chains(self) -> usize {
        match self {
            Negative::Carried { n_chains }
            | Negative::Persistent { n_chains }
            | Negative::Labelled { n_chains } => n_chains,
        }
    }
}

/// The rule that turns a gradient into a step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Rule {
    /// Heavy ball with this momentum.
    Momentum(f64),
    /// Adam with β₁ = 0.9, β₂ = 0.999.
    Adam,
}

/// Learning through the sweeps: the machine classifies as it will, by a few sweeps from random states with the pixels clamped,
/// and the gradient of the cross-entropy of what it says goes back through them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Unrolled {
    /// Weight of this gradient; 0 for none.
    pub weight: f64,
    /// Sweeps.
    pub sweeps: usize,
    /// The last sweeps, whose means of the label bits are read.
    pub reads: usize,
    /// What the mean of a class, in [-1, 1], is multiplied with before the cross-entropy is taken.
    pub sharpness: f64,
    /// Whether states are their means instead of drawn ±1.
    pub mean_field: bool,
}

impl Unrolled {
    /// None of it.
    pub const NONE: Unrolled =
        Unrolled { weight: 0.0, sweeps: 12, reads: 4, sharpness: 12.0, mean_field: false };

    fn check(&self) -> Result<()> {
        if !(self.weight >= 0.0 && self.weight.is_finite()) {
            return Err(Error::out_of_range(
                "weight of the unrolled gradient",
                self.weight,
                "at least 0 and finite",
            ));
        }
        if self.sweeps == 0 || self.sweeps > MOST_UNROLLED {
            let allowed = format!("1 to {MOST_UNROLLED}");
            return Err(Error::out_of_range("unrolled sweeps", self.sweeps, allowed));
        }
        if self.reads == 0 || self.reads > self.sweeps {
            let allowed = format!("1 to the {} unrolled sweeps", self.sweeps);
            return Err(Error::out_of_range("unrolled sweeps that are read", self.reads, allowed));
        }
        if !(self.sharpness > 0.0 && self.sharpness <= 1e6) {
            return Err(Error::out_of_range("sharpness", self.sharpness, "above 0, at most 1e6"));
        }
        Ok(())
    }
}

/// How the machine is trained.
///
/// The gradient of an edge is (g + d) C⁺ - d C° - g C⁻ with C⁺ the mean of sᵢ sⱼ with pixels and labels of the data clamped,
/// C° that with pixels clamped alone, C⁻ that of the model. g = `generative` ascends ln p(pixels, labels) (or
/// ln p(pixels | labels) for [`Negative::Labelled`]), d = `discriminative` ascends ln p(labels | pixels). To these comes
/// u times the gradient of [`Unrolled`], of its mean over the batch.
///
/// Where `centred`, sᵢ is replaced by sᵢ - cᵢ with cᵢ the mean over the data, followed by a moving average for hidden nodes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DbmTraining {
    /// Passes over the data.
    pub n_epochs: usize,
    /// Rows of a batch.
    pub batch_size: usize,
    /// Numbers of the machine; parameters are kept in f32.
    pub format: Format,
    /// Over the whole training.
    pub learning_rate: Schedule,
    /// The rule of steps.
    pub rule: Rule,
    /// L2 penalty on couplings.
    pub weight_decay: f64,
    /// Weight of the generative gradient.
    pub generative: f64,
    /// Weight of the discriminative gradient.
    pub discriminative: f64,
    /// The gradient through the sweeps.
    pub unrolled: Unrolled,
    /// Pixels and labels clamped.
    pub positive: Phase,
    /// Sweeps with pixels clamped alone, where `discriminative` is not 0. From there two runs go on through the positive phase on
    /// the same random numbers: one with the labels clamped, one with them free. Nodes that the labels do not reach then have
    /// the same states in both, and do not add to the noise of C⁺ - C°.
    pub settle: usize,
    /// The model: where `generative` is not 0.
    pub negative: Phase,
    /// Its chains.
    pub chains: Negative,
    /// Whether the gradient is centred.
    pub centred: bool,
    /// Part of a batch in the moving averages of hidden means, in (0, 1].
    pub mean_rate: f64,
    /// Part of the new parameters in the moving average that is the result, in (0, 1]; 1 takes the last parameters.
    pub average_rate: f64,
    /// Standard deviation of the first couplings.
    pub weight_scale: f64,
    /// Whether hidden fields start at random values in {-1, 0, 1} instead of 0.
    pub random_fields: bool,
    /// Seed of all randomness.
    pub seed: u64,
}

impl DbmTraining {
    /// The published recipe (Niazi et al. 2024): CD from 40 sweeps of each image, one chain of 100,000 sweeps, momentum.
    pub fn published(n_epochs: usize, seed: u64) -> Self {
        DbmTraining {
            n_epochs,
            batch_size: 50,
            format: Format::S4_5,
            learning_rate: Schedule::Constant(0.003),
            rule: Rule::Momentum(0.6),
            weight_decay: 0.0,
            generative: 1.0,
            discriminative: 0.0,
            unrolled: Unrolled::NONE,
            positive: Phase::new(0, 10, 4),
            settle: 0,
            negative: Phase::new(0, 500, 200),
            chains: Negative::Carried { n_chains: 1 },
            centred: false,
            mean_rate: 1.0,
            average_rate: 1.0,
            weight_scale: 0.01,
            random_fields: true,
            seed,
        }
    }
    /// Errors: a value out of its range, named.
    pub fn check(&self) -> Result<()> {
        for (name, value, most) in [
            ("batch size", self.batch_size, MOST_ROWS),
            ("epochs", self.n_epochs, 1 << 30),
            ("chains", self.chains.n_chains(), MOST_ROWS),
        ] {
            if value == 0 || value > most {
                return Err(Error::out_of_range(name, value, format!("1 to {most}")));
            }
        }
        for (name, value) in [
            ("weight decay", self.weight_decay),
            ("generative weight", self.generative),
            ("discriminative weight", self.discriminative),
            ("weight scale", self.weight_scale),
        ] {
            if !(value >= 0.0 && value.is_finite()) {
                return Err(Error::out_of_range(name, value, "at least 0 and finite"));
            }
        }
        self.unrolled.check()?;
        if self.generative + self.discriminative + self.unrolled.weight == 0.0 {
            return Err(Error::out_of_range(
                "generative, discriminative and unrolled weight",
                0,
                "not all 0",
            ));
        }
        for (name, value) in [("mean rate", self.mean_rate), ("average rate", self.average_rate)] {
            if !(value > 0.0 && value <= 1.0) {
                return Err(Error::out_of_range(name, value, "in (0, 1]"));
            }
        }
        if let Rule::Momentum(m) = self.rule
            && !(0.0..1.0).contains(&m)
        {
            return Err(Error::out_of_range("momentum", m, "in [0, 1)"));
        }
        let (least, most) = self.learning_rate.bounds();
        if !(least >= 0.0 && most.is_finite()) {
            return Err(Error::out_of_range("learning rate", least, "at least 0 and finite"));
        }
        self.learning_rate.clone().checked()?;
        self.positive.check("positive phase")?;
        Phase::new(self.settle, 1, 1).check("sweeps to settle")?;
        self.negative.check("negative phase")
    }
    /// Words of 64 chains that `n` chains take.
    pub(super) fn blocks(n: usize) -> usize {
        n.div_ceil(CHAINS)
    }
}
