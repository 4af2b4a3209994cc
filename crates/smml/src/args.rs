//! The command line. Every flag of a command is also a key of its TOML file (`crate::run::config` turns keys into
//! flags), so what is allowed is said once, here.

pub(crate) use crate::values::{Ramp, Sizes, Values};
use crate::values::{positive, seconds};
use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};
use smml_learn::data::Binarise;
use std::path::PathBuf;

/// Statistical mechanics for machine learning: energies, sampled or minimised, with error bars.
#[derive(Parser, Debug)]
#[command(name = "smml", version, max_term_width = 100, arg_required_else_help = true)]
// The last of several wins: flags after `smml run FILE` override the file.
#[command(args_override_self = true)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[path = "args/dbm.rs"]
pub(crate) mod dbm;
#[path = "args/denoise.rs"]
pub(crate) mod denoise;
#[path = "args/design.rs"]
pub(crate) mod design;
#[path = "args/ebm.rs"]
pub(crate) mod ebm;
#[path = "args/graph.rs"]
pub(crate) mod graph;
#[path = "args/network.rs"]
pub(crate) mod network;
#[path = "args/problem.rs"]
pub(crate) mod problem;
#[path = "args/spins.rs"]
pub(crate) mod spins;
pub(crate) use problem::{AnnealArgs, DigestArgs, ExactArgs, TspArgs};
pub(crate) use spins::{GlassArgs, IsingArgs};

const EXIT_CODES: &str = "Exit codes: 0 ok, 1 a check failed or did not converge, 2 usage or configuration, \
3 file or input/output, 4 interrupted with a valid checkpoint.";

/// What to do.
#[derive(Subcommand, Clone, Debug)]
pub(crate) enum Command {
    /// Check every implemented claim of the paper and write a report
    #[command(
        allow_negative_numbers = true,
        after_help = "Examples: smml reproduce --quick, smml reproduce physics 26, smml reproduce ising-onsager --full"
    )]
    Reproduce(ReproduceArgs),
    /// Show the equations of the paper: as printed, as implemented, and what differs
    Eq(EqArgs),
    /// Simulate the Ising model at one or many temperatures
    #[command(
        allow_negative_numbers = true,
        after_help = "Examples: smml ising --size 64 -T 2.0..2.6:13 --sweeps 20000\n          \
                      smml ising --size 8,16,32 -T 2.2..2.34:8 --kernel wolff\n          \
                      smml ising --beta 0..0.6:13 --tempering --correlations"
    )]
    Ising(IsingArgs),
    /// Simulate spin glasses by parallel tempering, averaged over samples of the disorder
    #[command(
        allow_negative_numbers = true,
        after_help = "Example: smml glass --lattice cubic --size 6 -T 0.9..2.1:13 --samples 32 --disorder gaussian"
    )]
    Glass(GlassArgs),
    /// Search for the best state of a problem in a file, by annealing and other methods
    #[command(
        allow_negative_numbers = true,
        after_help = "Files: rudy/Gset max-cut, COO, qbsolv .qubo, MatrixMarket, DIMACS (w)cnf, dimod JSON; plain or gzip.\n\
                      Example: smml anneal G1.txt --sweeps 200 --target 11624"
    )]
    Anneal(AnnealArgs),
    /// Exact averages and best configurations of a problem in a file, where its graph is narrow enough; the best
    /// configuration also where it is planar
    #[command(allow_negative_numbers = true, after_help = "Example: smml exact problem.qubo --beta 2")]
    Exact(ExactArgs),
    /// Write a random or planted problem into a file
    #[command(
        after_help = "Examples: smml instance torus glass.rudy --size 100 --seed 1, smml instance wishart w.coo --size 64 --number 32"
    )]
    Instance(problem::InstanceArgs),
    /// Graphs of sparse Ising machines: qubits, couplers, degrees, colours; of a file, the graph of its problem
    #[command(
        after_help = "Examples: smml graph pegasus 14 --colour, smml graph zephyr 12 --missing 3,17 --out z12.coo --nodes z12.csv\n          \
                      smml graph problem.qubo --colour"
    )]
    Graph(graph::GraphArgs),
    /// The double digest problem of a file of fragment lengths
    #[command(
        allow_negative_numbers = true,
        after_help = "The file holds three lists, A, B and C (both enzymes together):\n  A: 1 2 3\n  B: 2 4\n  C: 1 1 2 2\n\
                      Example: smml digest lambda.txt"
    )]
    Digest(DigestArgs),
    /// The travelling salesman: a short closed tour through the cities of a file, or through random ones
    #[command(
        allow_negative_numbers = true,
        after_help = "Examples: smml tsp berlin52.tsp, smml tsp --cities 400 --blocks 3"
    )]
    Tsp(TspArgs),
    /// Energy-based learning: train energies of answers with any of ten losses
    #[command(subcommand)]
    Ebm(ebm::EbmCommand),
    /// Train and use restricted Boltzmann machines
    #[command(subcommand)]
    Rbm(RbmCommand),
    /// Train and use deep Boltzmann machines on the graphs of sparse Ising machines
    #[command(subcommand)]
    Dbm(dbm::DbmCommand),
    /// Sequences by annealing: learn a Potts model from an alignment, and propose new members of the family
    #[command(subcommand)]
    Design(design::DesignCommand),
    /// List the data sets, or verify the files of a folder
    Data(DataArgs),
    /// Repeat a run from the configuration it wrote, bit for bit
    #[command(after_help = "Example: smml run smml-runs/ising-1/config.toml --out again")]
    Run(RunFileArgs),
    /// Print shell completions
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// What every run takes.
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(crate) struct RunArgs {
    /// Seed of all random numbers, 0 to 2⁶⁴ - 1; drawn and printed when absent
    #[arg(long, value_name = "N", help_heading = "Run")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seed: Option<u64>,
    /// Number of threads, 1 to 1024; never changes a result [default: all cores]
    #[arg(long, value_name = "N", help_heading = "Run", value_parser = clap::value_parser!(u16).range(1..=1024))]
    #[serde(skip)]
    pub(crate) threads: Option<u16>,
    /// Folder for results [default: smml-runs/COMMAND-SEED]
    #[arg(long, value_name = "DIR", help_heading = "Run")]
    #[serde(skip)]
    pub(crate) out: Option<PathBuf>,
    /// Print results.json in place of the table
    #[arg(long, help_heading = "Run")]
    #[serde(skip)]
    pub(crate) json: bool,
    /// Write every sample, image or epoch to this file as well, FILE.csv or FILE.npz
    #[arg(long, value_name = "FILE", help_heading = "Run")]
    #[serde(skip)]
    pub(crate) series: Option<PathBuf>,
    /// No progress bar and no notes
    #[arg(long, short, help_heading = "Run")]
    #[serde(skip)]
    pub(crate) quiet: bool,
    /// Start again in a folder that holds another run or an unfinished one; the run there is lost
    #[arg(long, help_heading = "Run", conflicts_with = "resume")]
    #[serde(skip)]
    pub(crate) force: bool,
    /// Continue the run in the folder from its checkpoint; without --seed, with the seed it has
    #[arg(long, help_heading = "Run")]
    #[serde(skip)]
    pub(crate) resume: bool,
    /// Time between checkpoints, such as 500ms, 60s, 5m or 1h
    #[arg(long, value_name = "TIME", help_heading = "Run", default_value = "60s", value_parser = seconds)]
    #[serde(skip)]
    pub(crate) checkpoint_every: f64,
}

/// Arguments of `smml reproduce`.
#[derive(Args, Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct ReproduceArgs {
    /// Chapters (core, physics, learn, hw, rl), equations (41, A2) or ids of checks [default: everything]
    #[arg(value_name = "CHAPTER|ID")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) what: Vec<String>,
    /// Small samples: under a minute on two cores
    #[arg(long, conflicts_with = "full")]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) quick: bool,
    /// Large samples and long training: up to two hours [default: some minutes]
    #[arg(long)]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) full: bool,
    /// Folder with data sets (mnist/, fashion-mnist/); checks that need one that is not there are skipped
    #[arg(long, value_name = "DIR", env = "SMML_DATA")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data: Option<PathBuf>,
    /// Folder of the report
    #[arg(long, value_name = "DIR", default_value = "smml-report")]
    #[serde(skip)]
    pub(crate) out: PathBuf,
    /// Seed of all random numbers, 0 to 2⁶⁴ - 1
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Number of threads, 1 to 1024; never changes a result [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    #[serde(skip)]
    pub(crate) threads: Option<u16>,
    /// Print results.json in place of the tables
    #[arg(long)]
    #[serde(skip)]
    pub(crate) json: bool,
    /// No progress and no notes
    #[arg(long, short)]
    #[serde(skip)]
    pub(crate) quiet: bool,
    /// Start again in a folder that holds another run or an unfinished one; the run there is lost
    #[arg(long, conflicts_with = "resume")]
    #[serde(skip)]
    pub(crate) force: bool,
    /// Continue after an interruption: checks that were done are not done again
    #[arg(long)]
    #[serde(skip)]
    pub(crate) resume: bool,
    /// List the checks and stop
    #[arg(long)]
    #[serde(skip)]
    pub(crate) list: bool,
}

/// Arguments of `smml eq`.
#[derive(Args, Clone, Debug)]
pub(crate) struct EqArgs {
    /// An equation (1 to 62) or algorithm (A1, A2); all of them when absent
    #[arg(value_name = "N")]
    pub(crate) number: Option<String>,
    /// Print as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `smml data`.
#[derive(Args, Clone, Debug)]
pub(crate) struct DataArgs {
    /// Folder to verify: one data set, or a folder with mnist/, fashion-mnist/ and cifar-10/ in it
    #[arg(value_name = "DIR", env = "SMML_DATA")]
    pub(crate) folder: Option<PathBuf>,
    /// Print as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `smml run`.
#[derive(Args, Clone, Debug)]
pub(crate) struct RunFileArgs {
    /// A configuration file, such as the config.toml of a run: command = "ising", and flags as keys (size = 64)
    pub(crate) file: PathBuf,
    /// Flags of the command, which override the file; --resume continues the run in the folder of the file
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "FLAGS")]
    pub(crate) flags: Vec<String>,
}

/// What to do with a restricted Boltzmann machine.
#[derive(Subcommand, Clone, Debug)]
pub(crate) enum RbmCommand {
    /// Train a machine by contrastive divergence
    #[command(allow_negative_numbers = true)]
    Train(RbmTrainArgs),
    /// Draw images from a trained machine by Gibbs sampling
    #[command(allow_negative_numbers = true)]
    Sample(RbmSampleArgs),
    /// Classify test images by the exact free energy of a machine with label units
    #[command(allow_negative_numbers = true)]
    Classify(RbmUseArgs),
    /// Estimate the log-likelihood of test images, by enumeration or annealed importance sampling; of a machine with label
    /// units, judge the images that it draws
    #[command(allow_negative_numbers = true)]
    Evaluate(RbmEvaluateArgs),
}

/// Which images.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct ImageArgs {
    /// The data set
    #[arg(long, value_enum, default_value_t = Dataset::Bars, help_heading = "Data")]
    pub(crate) dataset: Dataset,
    /// Folder with the files of the data set (see smml data)
    #[arg(long, value_name = "DIR", env = "SMML_DATA", help_heading = "Data")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data: Option<PathBuf>,
    /// Pixels above this grey value, 0 to 255, are on; or random (random:SEED), where a pixel of grey g is on with
    /// probability g/255 [default: 127]
    #[arg(long, value_name = "GREY|random", help_heading = "Data")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) threshold: Option<Binarise>,
    /// Use only the first N training images [default: all; of bars and stripes, 2000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), help_heading = "Data")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) images: Option<u32>,
    /// Side of the images: of bars-and-stripes 2 to 12 pixels [default: 4]; of cifar-10 a divisor of 32, to which they are
    /// reduced by means of blocks [default: 16]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(2..=32), help_heading = "Data")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) side: Option<u8>,
}

/// A data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Dataset {
    /// Bars and stripes: built in, needs no files
    Bars,
    /// Handwritten digits, 28 x 28
    Mnist,
    /// Articles of clothing, 28 x 28
    FashionMnist,
    /// Things and animals, 32 x 32, as grey images of 16 x 16 or --side
    #[value(name = "cifar-10")]
    #[serde(rename = "cifar-10")]
    Cifar10,
}

/// Articles of Fashion-MNIST.
const ARTICLES: [&str; 10] =
    ["T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"];
/// Things and animals of CIFAR-10.
const THINGS: [&str; 10] =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

impl Dataset {
    /// A class, with its name where that is no number.
    pub(crate) fn class_name(self, class: usize) -> String {
        let names: &[&str] = match self {
            Dataset::FashionMnist => &ARTICLES,
            Dataset::Cifar10 => &THINGS,
            Dataset::Bars | Dataset::Mnist => &[],
        };
        names.get(class).map_or(class.to_string(), |name| format!("{class} {name}"))
    }
}

/// Arguments of `smml rbm train`.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct RbmTrainArgs {
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) images: ImageArgs,
    /// Number of hidden units, 1 to 2²⁰ [default: 20 on bars, else 500]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hidden: Option<u32>,
    /// Passes over the training images [default: 300 on bars, else 10]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) epochs: Option<u32>,
    /// Images in a mini-batch, 1 to 65536 [default: 100]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1 << 16))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) batch: Option<u32>,
    /// Learning rate, at least 0, or FROM..TO for a straight line over the run [default: 0.2..0 on bars, else 0.1..0]
    #[arg(long, value_name = "RATE|FROM..TO")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) learning_rate: Option<Ramp>,
    /// Momentum, at least 0 and below 1, or FROM..TO [default: 0.5 on bars, else 0]
    #[arg(long, value_name = "M|FROM..TO")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) momentum: Option<Ramp>,
    /// L2 penalty on the weights, at least 0 [default: 2e-4 on bars, else 5e-4]
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) weight_decay: Option<f64>,
    /// Gibbs steps of contrastive divergence: k of CD-k, or for each batch with --chains [default: 20 on bars, else 2]
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) steps: Option<u32>,
    /// Persistent contrastive divergence with this many chains; 0 for chains that start at the images [default: 0 on
    /// bars, else 100]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=1 << 16))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) chains: Option<u32>,
    /// Persistent chains at this many temperatures that exchange their states, --chains at each
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(2..=256))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tempered: Option<u32>,
    /// Reconstruct with probabilities, not with drawn states
    #[arg(long)]
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub(crate) mean_field: bool,
    /// Train by the centred gradient: units less their means
    #[arg(long)]
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub(crate) centred: bool,
    /// Write the machine as model.safetensors too
    #[arg(long)]
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub(crate) safetensors: bool,
    /// Add label units, so that the machine can classify
    #[arg(long)]
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub(crate) labels: bool,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) likelihood: LikelihoodArgs,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) run: RunArgs,
}

/// How ln Z is estimated.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct LikelihoodArgs {
    /// Temperatures of annealed importance sampling, at least 2 [default: 2000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ais_rungs: Option<u32>,
    /// Chains of annealed importance sampling, at least 20 [default: 200]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(20..=1 << 20))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ais_chains: Option<u32>,
}

/// How images that a machine with label units draws are judged.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct RbmJudgeArgs {
    /// Images drawn of each class, 2 to 1000 [default: 100]
    #[arg(long, value_name = "N", help_heading = "With label units", value_parser = clap::value_parser!(u32).range(2..=1000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) count: Option<u32>,
    /// Gibbs steps from noise to an image [default: 1000]
    #[arg(long, value_name = "N", help_heading = "With label units", value_parser = clap::value_parser!(u32).range(1..))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) steps: Option<u32>,
    /// Passes over the training images of the dense network that judges drawn images, 784-300-10 on MNIST [default: 15]
    #[arg(long, value_name = "N", help_heading = "With label units", value_parser = clap::value_parser!(u32).range(1..=1000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) judge_epochs: Option<u32>,
}

/// Arguments of `smml rbm sample`.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct RbmSampleArgs {
    /// The model.rbm of a training run
    #[arg(long, value_name = "FILE")]
    pub(crate) model: PathBuf,
    /// Number of images, 1 to 100000
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) n: u32,
    /// Gibbs steps from a random start
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) steps: u32,
    /// Draw images of this class only; with label units, all classes in turn when absent
    #[arg(long, value_name = "CLASS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) class: Option<u8>,
    /// Inverse temperature, greater than 0; 1 is the machine as it was trained
    #[arg(long, value_name = "BETA", default_value_t = 1.0, conflicts_with = "temperature", value_parser = positive, allow_hyphen_values = true)]
    pub(crate) beta: f64,
    /// Temperature 1/BETA instead, greater than 0
    #[arg(long, short = 'T', value_name = "T", value_parser = positive, allow_hyphen_values = true)]
    #[serde(skip)]
    pub(crate) temperature: Option<f64>,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) run: RunArgs,
}

/// Arguments of `smml rbm classify`.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct RbmUseArgs {
    /// The model.rbm of a training run
    #[arg(long, value_name = "FILE")]
    pub(crate) model: PathBuf,
    /// Folder with the files of the data set (see smml data)
    #[arg(long, value_name = "DIR", env = "SMML_DATA")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data: Option<PathBuf>,
    /// Use only the first N test images [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) images: Option<u32>,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) run: RunArgs,
}

/// Arguments of `smml rbm evaluate`.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct RbmEvaluateArgs {
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) likelihood: LikelihoodArgs,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) judge: RbmJudgeArgs,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) on: RbmUseArgs,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
