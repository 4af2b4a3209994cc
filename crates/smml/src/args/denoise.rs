//! The command line of `smml dbm denoise`.

use super::{
    Dataset, Ramp, RunArgs,
    dbm::{PhaseText, labelled},
};
use crate::values::Spelled;
use clap::{Args, ValueEnum};
use serde::Serialize;
use smml_hw::{dbm::MOST_LEVELS, machine::Format};
use smml_learn::data::Binarise;
use std::path::PathBuf;

/// Arguments of `smml dbm denoise`.
#[derive(Args, Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct DbmDenoiseArgs {
    /// The chain.dbm of a training: images are drawn by it, and nothing is trained
    #[arg(long, value_name = "FILE", conflicts_with = "training")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) model: Option<PathBuf>,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) on: DenoiseTrainingArgs,
    /// Folder with the files of the data set (see smml data), to learn from and to judge by
    #[arg(long, value_name = "DIR", env = "SMML_DATA")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data: Option<PathBuf>,
    /// Images drawn of each class, 2 to 1000
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(2..=1000), help_heading = "Drawing")]
    pub(crate) count: u32,
    /// Sweeps of every level
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=1 << 30), help_heading = "Drawing")]
    pub(crate) sweeps: u32,
    /// Last sweeps of the last level, whose mean is the image, at most --sweeps
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1 << 30), help_heading = "Drawing")]
    pub(crate) reads: u32,
    /// Passes over the training images of the dense network that judges drawn images, 784-300-10 on MNIST [default: 15; with
    /// --model drawn images are judged where this is given]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000), help_heading = "Drawing")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) judge_epochs: Option<u32>,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) run: RunArgs,
}

/// Where pixels are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Places {
    /// As in the image: its pixels where they are when it is stretched over the picture of the graph
    Near,
    /// Anywhere
    Random,
}

/// What is learned, and how.
#[derive(Args, Clone, Debug, Default, Serialize)]
#[group(id = "training", multiple = true)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct DenoiseTrainingArgs {
    /// The data set [default: mnist]
    #[arg(long, value_parser = labelled(), help_heading = "Data")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dataset: Option<Dataset>,
    /// Pixels above this grey value, 0 to 255, are on; or random (random:SEED), where a pixel of grey g is on with
    /// probability g/255 [default: 127]
    #[arg(long, value_name = "GREY|random", help_heading = "Data")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) threshold: Option<Binarise>,
    /// Side of the grey images to which those of cifar-10 are reduced, a divisor of 32 [default: 16]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(2..=32), help_heading = "Data")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) side: Option<u8>,
    /// Use only the first N training images [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..), help_heading = "Data")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) images: Option<u32>,

    /// The graph of every machine, as in smml dbm train, but for layers [default: p14]
    #[arg(long, value_name = "NAME|FILE", conflicts_with = "file", help_heading = "Machine")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) network: Option<String>,
    /// The file of --network: its content counts, not its place
    #[arg(long, hide = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<PathBuf>,
    /// Copies of the label bits, 1 to 256 [default: on a quarter of the nodes, at most 100]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256), help_heading = "Machine")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) copies: Option<u16>,
    /// Where pixels are on the graph [default: near, of a graph file random]
    #[arg(long, value_enum, help_heading = "Machine")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) places: Option<Places>,
    /// Seed of the random places of pixels and labels on the graph [default: 12345]
    #[arg(long, value_name = "N", help_heading = "Machine")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) layout_seed: Option<u64>,
    /// Fixed-point numbers: bits before and behind the point, as s{4}{5} or s4.5, at most 15 [default: s{3}{9}]
    #[arg(long, value_name = "FORMAT", help_heading = "Machine")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) format: Option<Spelled<Format>>,

    /// Levels of noise, each with a machine of its own, 1 to 64 [default: 8]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=MOST_LEVELS as i64), help_heading = "Training")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) levels: Option<u16>,
    /// Passes over the images for every machine [default: 20]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1 << 30), help_heading = "Training")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) epochs: Option<u32>,
    /// Images in a mini-batch, 1 to 65536 [default: 256]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1 << 16), help_heading = "Training")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) batch: Option<u32>,
    /// Learning rate over each machine, at least 0; FROM..TO for a straight line, geometric:FROM..TO for equal ratios [default:
    /// geometric:0.02..0.0005]
    #[arg(long, value_name = "RATE|FROM..TO", help_heading = "Training")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) learning_rate: Option<Ramp>,
    /// L2 penalty on the couplings, at least 0 [default: 0]
    #[arg(long, value_name = "X", allow_negative_numbers = true, help_heading = "Training")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) weight_decay: Option<f64>,
    /// With image, noise and labels clamped: sweeps before the first state that counts, states that count, sweeps from one to
    /// the next [default: 10,10,1]
    #[arg(long, value_name = "BURN-IN,READS,SPACING", help_heading = "Training")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) positive: Option<Spelled<PhaseText>>,
    /// With noise and labels clamped, from pixels as in the noise [default: 20,10,2]
    #[arg(long, value_name = "BURN-IN,READS,SPACING", help_heading = "Training")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) negative: Option<Spelled<PhaseText>>,
    /// Standard deviation of the first couplings, at least 0 [default: 0.05]
    #[arg(long, value_name = "X", allow_negative_numbers = true, help_heading = "Training")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) weight_scale: Option<f64>,
}
