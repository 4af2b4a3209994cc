//! Arguments of `smml ebm`.

use super::{Ramp, RunArgs};
use crate::values::positive;
use clap::{Args, Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What to do with energies of answers.
#[derive(Subcommand, Clone, Debug)]
pub(crate) enum EbmCommand {
    /// Train energies of answers with one loss
    #[command(
        allow_negative_numbers = true,
        after_help = "Examples: smml ebm train sequence --loss hinge --margin 2\n          \
                      smml ebm train mnist --data DIR --loss nll"
    )]
    Train(EbmTrainArgs),
    /// Train with each of the ten losses on one problem, and compare
    #[command(allow_negative_numbers = true, after_help = "Example: smml ebm losses bars")]
    Losses(EbmLossesArgs),
    /// Show which losses let the energies of two networks collapse to a flat surface
    #[command(allow_negative_numbers = true, after_help = "Example: smml ebm collapse --replicas 20")]
    Collapse(EbmCollapseArgs),
}

/// What is learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum EbmProblem {
    /// Bars or stripes: small images of two classes that no linear energy tells apart; built in
    Bars,
    /// Labels of sequences of symbols, by a chain; built in, and the best possible accuracy is known
    Sequence,
    /// y = x², by the distance of two networks; built in
    Curve,
    /// Handwritten digits, 28 x 28
    Mnist,
    /// Articles of clothing, 28 x 28
    FashionMnist,
    /// Things and animals, 32 x 32, as grey images of 16 x 16
    #[value(name = "cifar-10")]
    #[serde(rename = "cifar-10")]
    Cifar10,
}

/// One of the ten losses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum EbmLoss {
    /// Energy of the right answer
    Energy,
    /// That less the least energy
    Perceptron,
    /// max(0, margin + right - wrong)
    Hinge,
    /// ln(1 + exp(right - wrong))
    Log,
    /// right - wrong, between 0 and a cap; or its ratio to wrong, with --delta
    Lvq2,
    /// Minimum classification error: 1 / (1 + exp(wrong - right))
    Mce,
    /// right² + max(0, margin - wrong)²
    SquareSquare,
    /// right² + gamma exp(-wrong)
    SquareExponential,
    /// Negative log-likelihood over beta
    Nll,
    /// Minimum empirical error: 1 - P(right)
    Mee,
}

/// Parameters of losses, in the unit of the energies (beta: of their inverse).
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct EbmLossArgs {
    /// Margin of hinge and square-square, greater than 0 [default: 1]
    #[arg(long, value_name = "M", value_parser = positive, allow_hyphen_values = true, help_heading = "Loss")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) margin: Option<f64>,
    /// Inverse temperature of nll and mee, greater than 0 [default: 1]
    #[arg(long, value_name = "BETA", value_parser = positive, allow_hyphen_values = true, help_heading = "Loss")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) beta: Option<f64>,
    /// Weight of the wrong answer in square-exponential, greater than 0 [default: 1]
    #[arg(long, value_name = "G", value_parser = positive, allow_hyphen_values = true, help_heading = "Loss")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) gamma: Option<f64>,
    /// Largest difference that counts in lvq2, greater than 0 [default: 1]
    #[arg(long, value_name = "M", value_parser = positive, conflicts_with = "delta", allow_hyphen_values = true, help_heading = "Loss")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cap: Option<f64>,
    /// lvq2 as the ratio (right - wrong) / (D wrong), at most 1, D greater than 0; for energies that are not negative (curve)
    #[arg(long, value_name = "D", value_parser = positive, allow_hyphen_values = true, help_heading = "Loss")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) delta: Option<f64>,
}

/// What is learned, and how.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct EbmTaskArgs {
    /// What is learned
    #[arg(value_enum, value_name = "PROBLEM", default_value_t = EbmProblem::Bars)]
    pub(crate) problem: EbmProblem,
    /// Folder with the files of the data set (see smml data)
    #[arg(long, value_name = "DIR", env = "SMML_DATA", help_heading = "Data")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data: Option<PathBuf>,
    /// Examples to train on, at most 10 million; of images the first N [default: all; bars 2000, sequence 500, curve 200]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000), help_heading = "Data")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) examples: Option<u32>,
    /// Side of the images: of bars 2 to 32 pixels [default: 4]; of cifar-10 a divisor of 32 [default: 16]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(2..=32), help_heading = "Data")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) side: Option<u8>,
    /// Probability that a pixel of bars is turned over, 0 to 1 [default: 0.05]
    #[arg(long, value_name = "P", value_parser = crate::values::probability, allow_hyphen_values = true, help_heading = "Data")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) noise: Option<f64>,
    /// Labels of sequence, 3 to 64 [default: 4]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(3..=64), help_heading = "Data")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) labels: Option<u8>,
    /// Places of a sequence, 1 to 10000 [default: 20]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=10_000), help_heading = "Data")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) length: Option<u16>,
    /// Hidden units of the network that gives the energies, 0 for energies linear in the pixels [default: 16 on bars,
    /// else 0]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(0..=8192))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hidden: Option<u16>,
    /// Passes over the examples [default: 12 on images, bars 60, sequence 30, curve 200]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) epochs: Option<u32>,
    /// Examples in a mini-batch, 1 to 65536 [default: 100 on images, bars 50, else 20]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1 << 16))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) batch: Option<u32>,
    /// Learning rate of Adam, at least 0, or FROM..TO for a straight line over the run [default: 0.002..0 on images, sequence
    /// 0.05..0, else 0.01..0]
    #[arg(long, value_name = "RATE|FROM..TO")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) learning_rate: Option<Ramp>,
    /// Decoupled weight decay, at least 0
    #[arg(long, value_name = "X", default_value_t = 0.0, allow_negative_numbers = true)]
    pub(crate) weight_decay: f64,
}

/// Arguments of `smml ebm train`.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct EbmTrainArgs {
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) task: EbmTaskArgs,
    /// The loss
    #[arg(long, value_enum, default_value_t = EbmLoss::Nll, help_heading = "Loss")]
    pub(crate) loss: EbmLoss,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) parameters: EbmLossArgs,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) run: RunArgs,
}

/// Arguments of `smml ebm losses`.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct EbmLossesArgs {
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) task: EbmTaskArgs,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) parameters: EbmLossArgs,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) run: RunArgs,
}

/// Arguments of `smml ebm collapse`.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct EbmCollapseArgs {
    /// Trainings of each loss, each from other weights and points, 2 to 1000
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(2..=1000))]
    pub(crate) replicas: u16,
    /// Passes over the 200 points
    #[arg(long, value_name = "N", default_value_t = 600, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) epochs: u32,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) parameters: EbmLossArgs,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) run: RunArgs,
}
