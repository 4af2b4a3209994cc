//! Arguments of `smml dbm`.

use super::{Dataset, Ramp, RunArgs, denoise::DbmDenoiseArgs, network::Named};
use crate::values::Spelled;
use clap::{
    Args, Subcommand, ValueEnum,
    builder::{PossibleValuesParser, TypedValueParser},
};
use serde::Serialize;
use smml_hw::{dbm::Phase, machine::Format};
use smml_learn::data::Binarise;
use std::path::PathBuf;

/// What to do with a deep Boltzmann machine on a graph of p-bits.
#[derive(Subcommand, Clone, Debug)]
pub(crate) enum DbmCommand {
    /// Train a machine on images and write it as a network file
    #[command(
        allow_negative_numbers = true,
        after_help = "Examples: smml dbm train --data DIR --network p14\n          \
                      smml dbm train --data DIR --dataset fashion-mnist --network z12 --epochs 20\n          \
                      smml dbm train --data DIR --network layers:500,500 --recipe published"
    )]
    Train(Box<DbmTrainArgs>),
    /// Classify test images: pixels clamped, labels read
    #[command(
        allow_negative_numbers = true,
        after_help = "Example: smml dbm classify smml-runs/dbm-train-1/network.dbm --data DIR --sweeps 2000"
    )]
    Classify(DbmClassifyArgs),
    /// Draw images: labels clamped, the temperature lowered, pixels read
    #[command(
        allow_negative_numbers = true,
        after_help = "Examples: smml dbm generate 7, smml dbm generate network.dbm 3 8 --count 20"
    )]
    Generate(DbmGenerateArgs),
    /// Complete test images of which a part is hidden
    #[command(
        allow_negative_numbers = true,
        after_help = "Example: smml dbm inpaint network.dbm --data DIR --hide bottom"
    )]
    Inpaint(DbmInpaintArgs),
    /// Accuracy against sweeps, memory of the chains, drawn images judged by another network
    #[command(
        allow_negative_numbers = true,
        after_help = "Example: smml dbm evaluate network.dbm --data DIR --ladder 50,200,1000,2000"
    )]
    Evaluate(DbmEvaluateArgs),
    /// Images from noise: a chain of machines, each of which takes one level of noise away
    #[command(
        allow_negative_numbers = true,
        after_help = "Example: smml dbm denoise --data DIR --dataset fashion-mnist, then smml dbm denoise --model chain.dbm --count 10"
    )]
    Denoise(DbmDenoiseArgs),
}

/// Data sets with labels.
pub(super) fn labelled() -> impl TypedValueParser<Value = Dataset> {
    PossibleValuesParser::new(["mnist", "fashion-mnist", "cifar-10"]).map(|name| match name.as_str() {
        "mnist" => Dataset::Mnist,
        "fashion-mnist" => Dataset::FashionMnist,
        _ => Dataset::Cifar10,
    })
}

/// BURN-IN,READS,SPACING.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PhaseText(pub(crate) Phase);

impl std::fmt::Display for PhaseText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{},{},{}", self.0.burn_in, self.0.reads, self.0.spacing)
    }
}

impl std::str::FromStr for PhaseText {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("'{text}' is not BURN-IN,READS,SPACING, such as 10,40,1");
        let numbers = text
            .split(',')
            .map(|n| n.trim().parse::<u32>())
            .collect::<Result<Vec<u32>, _>>()
            .map_err(|_| wrong())?;
        match numbers[..] {
            [burn_in, reads, spacing] if reads > 0 && spacing > 0 => {
                Ok(PhaseText(Phase::new(burn_in as usize, reads as usize, spacing as usize)))
            }
            [_, _, _] => Err(format!("'{text}': reads and their spacing are at least 1")),
            _ => Err(wrong()),
        }
    }
}

/// Where the constants of a training come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Recipe {
    /// The gradient through the sweeps of a classification, by Adam at a falling rate
    Ours,
    /// Niazi et al. 2024: contrastive divergence with one chain of 100,000 sweeps for each batch; slow
    Published,
}

/// Chains of the negative phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ChainKind {
    /// Start anew in each batch where the last image of the positive phase ended
    Carried,
    /// Go on from batch to batch, everything free
    Persistent,
    /// Go on from batch to batch, each with a class clamped
    Labelled,
}

/// Arguments of `smml dbm train`.
#[derive(Args, Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct DbmTrainArgs {
    /// The data set
    #[arg(long, value_parser = labelled(), default_value = "mnist", help_heading = "Data")]
    pub(crate) dataset: Dataset,
    /// Folder with the files of the data set (see smml data)
    #[arg(long, value_name = "DIR", env = "SMML_DATA", help_heading = "Data")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data: Option<PathBuf>,
    /// Pixels above this grey value, 0 to 255, are on; or random (random:SEED), where a pixel of grey g is on with
    /// probability g/255
    #[arg(long, value_name = "GREY|random", default_value = "127", help_heading = "Data")]
    pub(crate) threshold: Binarise,
    /// Side of the grey images to which those of cifar-10 are reduced, a divisor of 32 [default: 16]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(2..=32), help_heading = "Data")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) side: Option<u8>,
    /// Use only the first N training images, those held out among them [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..), help_heading = "Data")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) images: Option<u32>,
    /// Hold out N of these, drawn at random, from training, to watch the accuracy on [default: 2000, at most a tenth]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), help_heading = "Data")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) held_out: Option<u32>,

    /// p14 (Pegasus), z12 (Zephyr; z12,4 with its tile), chimera16 (chimera16,16,4), king60; layers:500,500; or a file with
    /// the edges, as smml graph writes it [default: p14]
    #[arg(long, value_name = "NAME|layers:N,N|FILE", conflicts_with = "file", help_heading = "Machine")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) network: Option<String>,
    /// The file of --network: its content counts, not its place
    #[arg(long, hide = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<PathBuf>,
    /// Copies of the label bits, 1 to 256 [default: on a quarter of the nodes, at most 100; published 5; of layers 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256), help_heading = "Machine")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) copies: Option<u16>,
    /// Seed of the random places of pixels and labels on the graph [default: 12345]
    #[arg(long, value_name = "N", conflicts_with = "in_order", help_heading = "Machine")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) layout_seed: Option<u64>,
    /// Pixels and labels at the first nodes in order, not at random places
    #[arg(long, help_heading = "Machine")]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) in_order: bool,
    /// Fixed-point numbers: bits before and behind the point, as s{4}{5} or s4.5, at most 15 [default: by recipe, s{3}{9} or s{4}{5}; of
    /// layers s{3}{7}]
    #[arg(long, value_name = "FORMAT", help_heading = "Machine")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) format: Option<Spelled<Format>>,

    /// Where the constants below come from when they are not given
    #[arg(long, value_enum, default_value_t = Recipe::Ours, help_heading = "Training")]
    pub(crate) recipe: Recipe,
    /// Passes over the images [default: 50, published 100]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1 << 30), help_heading = "Training")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) epochs: Option<u32>,
    /// Images in a mini-batch, 1 to 65536 [default: 256, published 50]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1 << 16), help_heading = "Training")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) batch: Option<u32>,
    /// Learning rate, at least 0; FROM..TO for a straight line over the run, geometric:FROM..TO for equal ratios [default:
    /// geometric:0.01..0.0003, of layers geometric:0.001..0.0001, published 0.003]
    #[arg(long, value_name = "RATE|FROM..TO", help_heading = "Training")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) learning_rate: Option<Ramp>,
    /// Steps by momentum, at least 0 and below 1, not by Adam [default: published 0.6]
    #[arg(long, value_name = "M", conflicts_with = "adam", help_heading = "Training")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) momentum: Option<f64>,
    /// Steps by Adam, not by momentum [default: unless published]
    #[arg(long, help_heading = "Training")]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) adam: bool,
    /// L2 penalty on the couplings, at least 0 [default: 0]
    #[arg(long, value_name = "X", allow_negative_numbers = true, help_heading = "Training")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) weight_decay: Option<f64>,
    /// Weight of the gradient of ln p(pixels, labels), at least 0 [default: 0, published 1]
    #[arg(long, value_name = "X", allow_negative_numbers = true, help_heading = "Training")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) generative: Option<f64>,
    /// Weight of the gradient of ln p(labels given pixels), at least 0 [default: 0]
    #[arg(long, value_name = "X", allow_negative_numbers = true, help_heading = "Training")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) discriminative: Option<f64>,
    /// Weight of the gradient through the sweeps of a classification, at least 0 [default: 1, published 0]
    #[arg(long, value_name = "X", allow_negative_numbers = true, help_heading = "Training")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unrolled: Option<f64>,
    /// Sweeps that it goes through, 1 to 256 [default: 12]
    #[arg(long, value_name = "N", help_heading = "Training")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unrolled_sweeps: Option<u32>,
    /// Its last sweeps, in which the label bits are read [default: 4]
    #[arg(long, value_name = "N", help_heading = "Training")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unrolled_reads: Option<u32>,
    /// What the mean of a class is multiplied with before its cross-entropy is taken, above 0 [default: 12]
    #[arg(long, value_name = "X", allow_negative_numbers = true, help_heading = "Training")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sharpness: Option<f64>,
    /// Unrolled sweeps of means, not of drawn states
    #[arg(long, help_heading = "Training")]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) mean_field: bool,
    /// Positive phase: sweeps before the first state that counts, states that count, sweeps from one to the next
    /// [default: 0,40,1, published 0,10,4]
    #[arg(long, value_name = "BURN-IN,READS,SPACING", help_heading = "Training")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) positive: Option<Spelled<PhaseText>>,
    /// Sweeps with pixels clamped and labels free before the positive phase, where the discriminative weight is not 0
    /// [default: 60, published 0]
    #[arg(long, value_name = "N", help_heading = "Training")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) settle: Option<u32>,
    /// Negative phase, where the generative weight is not 0 [default: 0,10,2, published 0,500,200]
    #[arg(long, value_name = "BURN-IN,READS,SPACING", help_heading = "Training")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) negative: Option<Spelled<PhaseText>>,
    /// Chains of the negative phase [default: labelled, published carried]
    #[arg(long, value_enum, value_name = "KIND", help_heading = "Training")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) negative_chains: Option<ChainKind>,
    /// Number of chains of the negative phase, 1 to 65536 [default: 128, published 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1 << 16), help_heading = "Training")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) chains: Option<u32>,
    /// Whether the gradient is centred: spins less their means [default: true, published false]
    #[arg(long, value_name = "BOOL", help_heading = "Training")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) centred: Option<bool>,
    /// Part of a batch in the running means of hidden nodes, above 0 and at most 1 [default: 0.02,
    /// published 1]
    #[arg(long, value_name = "X", allow_negative_numbers = true, help_heading = "Training")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mean_rate: Option<f64>,
    /// Part of the newest parameters in the running average that is the result, above 0 and at most 1 [default: 0.02,
    /// published 1]
    #[arg(long, value_name = "X", allow_negative_numbers = true, help_heading = "Training")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) average_rate: Option<f64>,
    /// Standard deviation of the first couplings, at least 0 [default: 0.15, of layers 0.03, published 0.01]
    #[arg(long, value_name = "X", allow_negative_numbers = true, help_heading = "Training")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) weight_scale: Option<f64>,
    /// Whether hidden fields start at -1, 0 or 1 at random, not at 0 [default: false, published true]
    #[arg(long, value_name = "BOOL", help_heading = "Training")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) random_fields: Option<bool>,

    /// Sweeps for each image of the accuracies at the end, half of which count
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(2..=1 << 30), help_heading = "Inference")]
    pub(crate) sweeps: u32,
    /// Sweeps for each held-out image after an epoch
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(2..=1 << 20), help_heading = "Inference")]
    pub(crate) monitor_sweeps: u32,
    /// Inverse temperature while images are drawn from the network, where its users say nothing: a value, or FROM..TO
    #[arg(
        long,
        value_name = "BETA|FROM..TO",
        default_value = "0..1",
        allow_hyphen_values = true,
        help_heading = "Inference"
    )]
    pub(crate) draw_betas: Ramp,
    /// Write the trained network to this file too
    #[arg(long, value_name = "FILE", help_heading = "Run")]
    #[serde(skip)]
    pub(crate) export: Option<PathBuf>,
    /// Write the programmed machine as a memory image, network.hex, too
    #[arg(long, help_heading = "Run")]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) hex: bool,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) run: RunArgs,
}

/// How a machine is asked.
#[derive(Args, Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct AskArgs {
    /// Inverse temperature over the sweeps that do not count: a value, or FROM..TO; its end goes on [default: 1; to draw and
    /// complete images, what the network was written with]
    #[arg(long, value_name = "BETA|FROM..TO", allow_hyphen_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) betas: Option<Ramp>,
    /// Fixed-point numbers of the machine, as s{4}{5} or s4.5 [default: those of the file]
    #[arg(long, value_name = "FORMAT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) format: Option<Spelled<Format>>,
    /// Nodes at the times of Poisson clocks of their own, once in a sweep on average, not colour after colour
    #[arg(long)]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) asynchronous: bool,
}

/// Which network, and which images.
#[derive(Args, Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct DbmOnArgs {
    /// The network.dbm of a training [default: the one that comes with smml]
    #[arg(value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<PathBuf>,
    /// The data set [default: the one that the network learned]
    #[arg(long, value_parser = labelled())]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dataset: Option<Dataset>,
    /// Folder with the files of the data set (see smml data)
    #[arg(long, value_name = "DIR", env = "SMML_DATA")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data: Option<PathBuf>,
    /// Use only the first N test images [default: all; to complete, 20]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) images: Option<u32>,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) ask: AskArgs,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) run: RunArgs,
}

/// Arguments of `smml dbm classify`.
#[derive(Args, Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct DbmClassifyArgs {
    /// Sweeps for each image, half of which count
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(2..=1 << 30))]
    pub(crate) sweeps: u32,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) on: DbmOnArgs,
}

/// How images are drawn.
#[derive(Args, Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct DrawArgs {
    /// Sweeps over which the temperature is lowered, before those that count
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(0..=1 << 30))]
    pub(crate) sweeps: u32,
    /// Sweeps that count: an image is the mean over them
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1 << 30))]
    pub(crate) reads: u32,
}

/// Arguments of `smml dbm generate`.
#[derive(Args, Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct DbmGenerateArgs {
    /// The network.dbm of a training, which may be left out: one comes with smml; then the classes to draw, all when there are
    /// none
    #[arg(value_name = "FILE|CLASS")]
    #[serde(skip)]
    pub(crate) what: Vec<String>,
    /// The file of a network
    #[arg(long, hide = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<PathBuf>,
    /// The classes
    #[arg(long, hide = true, value_delimiter = ',')]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) classes: Vec<u8>,
    /// Images of each class, 1 to 1000
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) count: u32,
    /// Show the last state of the pixels, black or white, not their mean
    #[arg(long)]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) last: bool,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) draw: DrawArgs,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) ask: AskArgs,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) run: RunArgs,
}

/// Arguments of `smml dbm inpaint`.
#[derive(Args, Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct DbmInpaintArgs {
    /// What is hidden: left, right, top, bottom, or a rectangle
    #[arg(long, value_name = "SIDE|TOP,LEFT,HEIGHT,WIDTH", default_value = "bottom")]
    pub(crate) hide: Spelled<Hidden>,
    /// Clamp the labels of the images as well
    #[arg(long)]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) labels: bool,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) draw: DrawArgs,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) on: DbmOnArgs,
}

/// A part of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hidden {
    Left,
    Right,
    Top,
    Bottom,
    /// Top, left, height, width.
    Rectangle([u16; 4]),
}

impl std::str::FromStr for Hidden {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text.trim() {
            "left" => Hidden::Left,
            "right" => Hidden::Right,
            "top" => Hidden::Top,
            "bottom" => Hidden::Bottom,
            other => {
                let numbers: Result<Vec<u16>, _> = other.split(',').map(|n| n.trim().parse()).collect();
                match numbers.ok().and_then(|n| <[u16; 4]>::try_from(n).ok()) {
                    Some(r) if r[2] > 0 && r[3] > 0 => Hidden::Rectangle(r),
                    Some(_) => return Err(format!("'{text}': height and width are at least 1")),
                    None => {
                        return Err(format!(
                            "'{text}' is not left, right, top, bottom or TOP,LEFT,HEIGHT,WIDTH"
                        ));
                    }
                }
            }
        })
    }
}

impl std::fmt::Display for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Hidden::Left => f.write_str("left"),
            Hidden::Right => f.write_str("right"),
            Hidden::Top => f.write_str("top"),
            Hidden::Bottom => f.write_str("bottom"),
            Hidden::Rectangle([top, left, height, width]) => write!(f, "{top},{left},{height},{width}"),
        }
    }
}

/// Arguments of `smml dbm evaluate`.
#[derive(Args, Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct DbmEvaluateArgs {
    /// Sweeps for each image at which the accuracy is measured, half of which count, 2 to 2³⁰ each
    #[arg(long, value_name = "N,N,...", default_value = "20,50,200,500,2000", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(2..=1 << 30))]
    pub(crate) ladder: Vec<u32>,
    /// Images drawn of each class, 2 to 1000
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(2..=1000))]
    pub(crate) count: u32,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) draw: DrawArgs,
    /// Sweeps of the 64 free chains whose memory is measured, after as many that are not, 100 to 10⁶
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    pub(crate) chain: u32,
    /// Passes over the training images of the network that judges drawn images, 784-300-10 on MNIST
    #[arg(long, value_name = "N", default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) judge_epochs: u32,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) on: DbmOnArgs,
}

impl DbmCommand {
    /// Sorts what stands without a flag: the file of a graph or a network is an input like others, whatever it is named by.
    pub(crate) fn settle(&mut self) -> Result<(), String> {
        match self {
            DbmCommand::Train(args) if args.file.is_none() => {
                let name = args.network.take().unwrap_or_else(|| "p14".into());
                match Named::of(&name)? {
                    Named::File(path) => args.file = Some(path),
                    _ => args.network = Some(name),
                }
            }
            DbmCommand::Denoise(args) if args.model.is_none() && args.on.file.is_none() => {
                let name = args.on.network.take().unwrap_or_else(|| "p14".into());
                match Named::of(&name)? {
                    Named::File(path) => args.on.file = Some(path),
                    _ => args.on.network = Some(name),
                }
            }
            DbmCommand::Generate(args) => {
                for word in std::mem::take(&mut args.what) {
                    // Digits alone are a class: a file of such a name is ./7.
                    let is_class = word.bytes().all(|b| b.is_ascii_digit());
                    match word.parse::<u8>() {
                        Ok(class) if is_class => args.classes.push(class),
                        _ if is_class => return Err(format!("class {word}: at most 255")),
                        _ if args.file.is_none() => args.file = Some(word.into()),
                        _ => return Err(format!("{word}: is no class, and a network is named already")),
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}
