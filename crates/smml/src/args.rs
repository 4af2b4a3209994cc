//! The command line. Every flag of a command is also a key of its TOML file (`crate::run::config` turns keys into
//! flags), so what is allowed is said once, here.

use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Statistical mechanics for machine learning: an energy, sampled or minimised, measured with error bars.
#[derive(Parser, Debug)]
#[command(name = "smml", version, max_term_width = 100, arg_required_else_help = true)]
// The last of several wins: flags after `smml run FILE` override the file.
#[command(args_override_self = true)]
#[command(after_help = "Exit codes: 0 ok, 1 a check failed or did not converge, 2 usage or configuration, \
3 file or input/output, 4 interrupted with a valid checkpoint.")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Check every implemented claim of the paper and write a report
    Reproduce(ReproduceArgs),
    /// Show the equations of the paper: as printed, as implemented, and what differs
    Eq(EqArgs),
    /// Simulate the Ising model
    Ising(IsingArgs),
    /// Train and use restricted Boltzmann machines
    #[command(subcommand)]
    Rbm(RbmCommand),
    /// List the data sets, or verify the files of a folder
    Data(DataArgs),
    /// Repeat a run from the configuration it wrote, bit for bit
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
    /// Seed of all random numbers; drawn and printed when absent
    #[arg(long, value_name = "N", help_heading = "Run")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seed: Option<u64>,
    /// Number of threads; never changes a result [default: all cores]
    #[arg(long, value_name = "N", help_heading = "Run", value_parser = clap::value_parser!(u16).range(1..=1024))]
    #[serde(skip)]
    pub(crate) threads: Option<u16>,
    /// Folder for results [default: smml-runs/COMMAND-SEED]
    #[arg(long, value_name = "DIR", help_heading = "Run")]
    #[serde(skip)]
    pub(crate) out: Option<PathBuf>,
    /// Print results as one JSON document
    #[arg(long, help_heading = "Run")]
    #[serde(skip)]
    pub(crate) json: bool,
    /// Write every sample to a .csv or .npz file
    #[arg(long, value_name = "FILE", help_heading = "Run")]
    #[serde(skip)]
    pub(crate) series: Option<PathBuf>,
    /// No progress bar and no notes
    #[arg(long, short, help_heading = "Run")]
    #[serde(skip)]
    pub(crate) quiet: bool,
    /// Overwrite a folder that holds another configuration
    #[arg(long, help_heading = "Run", conflicts_with = "resume")]
    #[serde(skip)]
    pub(crate) force: bool,
    /// Continue the run in the folder from its checkpoint
    #[arg(long, help_heading = "Run")]
    #[serde(skip)]
    pub(crate) resume: bool,
    /// Time between checkpoints, such as 60s or 5m
    #[arg(long, value_name = "TIME", help_heading = "Run", default_value = "60s", value_parser = seconds)]
    #[serde(skip)]
    pub(crate) checkpoint_every: f64,
}

/// Arguments of `smml ising`.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct IsingArgs {
    /// The lattice
    #[arg(long, value_enum, default_value_t = Lattice::Square)]
    pub(crate) lattice: Lattice,
    /// Side of the lattice, L
    #[arg(long, value_name = "L", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=8192))]
    pub(crate) size: u32,
    /// How the edges are joined
    #[arg(long, value_enum, default_value_t = Edges::Periodic)]
    pub(crate) boundary: Edges,
    /// Coupling J of every bond
    #[arg(long, value_name = "J", default_value_t = 1.0, allow_negative_numbers = true)]
    pub(crate) coupling: f64,
    /// Field h on every spin
    #[arg(long, value_name = "H", default_value_t = 0.0, allow_negative_numbers = true)]
    pub(crate) field: f64,
    /// Temperature T, a list T1,T2,..., or N values A..B:N
    #[arg(
        long,
        short = 'T',
        value_name = "T|A..B:N",
        conflicts_with = "beta",
        required_unless_present = "beta"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) temperature: Option<Values>,
    /// Inverse temperature instead: a value, a list, or a range A..B:N
    #[arg(long, value_name = "BETA|A..B:N", allow_hyphen_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) beta: Option<Values>,
    /// What changes the spins
    #[arg(long, value_enum, default_value_t = SpinKernel::HeatBath)]
    pub(crate) kernel: SpinKernel,
    /// Sweeps to measure, after burn-in (for Wolff: clusters)
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) sweeps: u64,
    /// Sweeps before measuring [default: a tenth of --sweeps]
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) burn_in: Option<u64>,
    /// Sweeps from one measurement to the next
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) thin: u64,
    /// First state
    #[arg(long, value_enum, default_value_t = Start::Random)]
    pub(crate) start: Start,
    /// Stop after this time instead, such as 30s or 2m; the sweeps done are written to the configuration
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    #[serde(skip)]
    pub(crate) time: Option<f64>,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) run: RunArgs,
}

/// A lattice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Lattice {
    /// L × L sites, four neighbours
    Square,
    /// L sites in a line or ring
    Chain,
}

/// Edges of a lattice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Edges {
    /// Joined (a torus or ring)
    Periodic,
    /// Open
    Open,
}

/// A kernel for spins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SpinKernel {
    /// One spin after the other from its conditional distribution
    HeatBath,
    /// Random spins, accepted by the Metropolis rule (Algorithm 2)
    Metropolis,
    /// One Wolff cluster a step
    Wolff,
}

/// A first state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Start {
    /// Spins at random
    Random,
    /// All spins up
    Up,
}

/// Arguments of `smml reproduce`.
#[derive(Args, Clone, Debug)]
pub(crate) struct ReproduceArgs {
    /// Chapters (core, physics, learn, hw, rl), equations or ids of checks [default: everything]
    #[arg(value_name = "CHAPTER|ID")]
    pub(crate) what: Vec<String>,
    /// Under a minute
    #[arg(long, conflicts_with = "full")]
    pub(crate) quick: bool,
    /// Everything, up to two hours
    #[arg(long)]
    pub(crate) full: bool,
    /// Folder with data sets (mnist/, fashion-mnist/)
    #[arg(long, value_name = "DIR", env = "SMML_DATA")]
    pub(crate) data: Option<PathBuf>,
    /// Folder of the report
    #[arg(long, value_name = "DIR", default_value = "smml-report")]
    pub(crate) out: PathBuf,
    /// Seed of all random numbers
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Number of threads; never changes a result [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// Print results as one JSON document
    #[arg(long)]
    pub(crate) json: bool,
    /// No progress
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// Overwrite a folder that holds another configuration
    #[arg(long, conflicts_with = "resume")]
    pub(crate) force: bool,
    /// Skip the checks that were done before an interruption
    #[arg(long)]
    pub(crate) resume: bool,
    /// List the checks and stop
    #[arg(long)]
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
    /// Folder to verify: one data set, or a folder with mnist/ and fashion-mnist/ in it
    #[arg(value_name = "DIR", env = "SMML_DATA")]
    pub(crate) folder: Option<PathBuf>,
    /// Print as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `smml run`.
#[derive(Args, Clone, Debug)]
pub(crate) struct RunFileArgs {
    /// A configuration file, such as the config.toml of a run
    pub(crate) file: PathBuf,
    /// Flags that override the file, as for the command itself
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "FLAGS")]
    pub(crate) flags: Vec<String>,
}

/// What to do with a restricted Boltzmann machine.
#[derive(Subcommand, Debug)]
pub(crate) enum RbmCommand {
    /// Train a machine by contrastive divergence
    Train(RbmTrainArgs),
    /// Draw images from a trained machine by Gibbs sampling
    Sample(RbmSampleArgs),
    /// Classify test images by the exact free energy of a machine with label units
    Classify(RbmUseArgs),
    /// Estimate the log-likelihood of test images, by enumeration or annealed importance sampling
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
    #[serde(skip)]
    pub(crate) data: Option<PathBuf>,
    /// Pixels above this grey value are on
    #[arg(long, value_name = "GREY", default_value_t = 127, help_heading = "Data")]
    pub(crate) threshold: u8,
    /// Use only the first N training images
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), help_heading = "Data")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) images: Option<u32>,
    /// Side of bars-and-stripes images
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(2..=12), help_heading = "Data")]
    pub(crate) side: u8,
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
}

/// Arguments of `smml rbm train`.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct RbmTrainArgs {
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) images: ImageArgs,
    /// Number of hidden units
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    pub(crate) hidden: u32,
    /// Passes over the data
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) epochs: u32,
    /// Images in a mini-batch
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1 << 16))]
    pub(crate) batch: u32,
    /// Learning rate, or FROM..TO for a straight line [default: 0.05; 0.1..0.001 with --labels]
    #[arg(long, value_name = "RATE|FROM..TO")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) learning_rate: Option<Ramp>,
    /// Momentum, or FROM..TO [default: 0.5; 0.8 with --labels]
    #[arg(long, value_name = "M|FROM..TO")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) momentum: Option<Ramp>,
    /// L2 penalty on the weights [default: 2e-4; 1e-4 with --labels]
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) weight_decay: Option<f64>,
    /// Gibbs steps of contrastive divergence (k of CD-k, or of each batch with --chains)
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    pub(crate) steps: u32,
    /// Persistent contrastive divergence with this many chains
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1 << 16))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) chains: Option<u32>,
    /// Reconstruct with probabilities, not with drawn states
    #[arg(long)]
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub(crate) mean_field: bool,
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
    /// Temperatures of annealed importance sampling
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(2..))]
    pub(crate) ais_rungs: u32,
    /// Chains of annealed importance sampling
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(20..=1 << 20))]
    pub(crate) ais_chains: u32,
}

/// Arguments of `smml rbm sample`.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct RbmSampleArgs {
    /// The model.rbm of a training run
    #[arg(long, value_name = "FILE")]
    pub(crate) model: PathBuf,
    /// Number of images
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) n: u32,
    /// Gibbs steps from a random start
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) steps: u32,
    /// Draw images of this class only; with label units, all classes in turn when absent
    #[arg(long, value_name = "CLASS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) class: Option<u8>,
    /// Inverse temperature
    #[arg(long, value_name = "BETA", default_value_t = 1.0, conflicts_with = "temperature")]
    pub(crate) beta: f64,
    /// Temperature instead
    #[arg(long, value_name = "T")]
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
    #[serde(skip)]
    pub(crate) data: Option<PathBuf>,
    /// Use only the first N test images
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
    pub(crate) on: RbmUseArgs,
}

/// A value that stays, or FROM..TO for a straight line over the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(crate) struct Ramp {
    text: String,
    pub(crate) schedule: smml_core::schedule::Schedule,
}

impl std::str::FromStr for Ramp {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        use smml_core::schedule::Schedule;
        let number = |t: &str| t.trim().parse::<f64>().map_err(|_| format!("'{t}' is not a number"));
        let schedule = match text.split_once("..") {
            Some((from, to)) => Schedule::linear(number(from)?, number(to)?),
            None => Schedule::constant(number(text)?),
        };
        Ok(Ramp { text: text.to_string(), schedule: schedule.map_err(|e| e.to_string())? })
    }
}

impl Ramp {
    /// The text of a constant or a straight line; of other schedules, the line from end to end.
    pub(crate) fn of(schedule: &smml_core::schedule::Schedule) -> Self {
        let (from, to) = (schedule.at(0.0), schedule.at(1.0));
        let text = if from == to { from.to_string() } else { format!("{from}..{to}") };
        Ramp { text, schedule: schedule.clone() }
    }
}

impl From<Ramp> for String {
    fn from(r: Ramp) -> String {
        r.text
    }
}

impl TryFrom<String> for Ramp {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// One or several numbers: `2.5`, `2.0,2.5`, or `2.0..2.6:13` for 13 values from 2.0 to 2.6.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(crate) struct Values {
    text: String,
    pub(crate) values: Vec<f64>,
}

/// Most values of a range.
const MAX_VALUES: usize = 10_000;

impl std::str::FromStr for Values {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let number = |t: &str| -> Result<f64, String> {
            match t.trim().parse::<f64>() {
                Ok(x) if x.is_finite() => Ok(x),
                Ok(x) => Err(format!("{x} is not finite")),
                Err(_) => Err(format!("'{t}' is not a number")),
            }
        };
        let values = if let Some((ends, count)) = text.split_once(':') {
            let (from, to) = ends.split_once("..").ok_or("a range is written A..B:N")?;
            let n: usize =
                count.trim().parse().map_err(|_| format!("'{count}' is not a number of values"))?;
            if !(2..=MAX_VALUES).contains(&n) {
                return Err(format!("a range has 2 to {MAX_VALUES} values, not {n}"));
            }
            let (a, b) = (number(from)?, number(to)?);
            // Decimal ends give decimal steps: 2.0..2.6:13 contains 2.05, not 2.0500000000000003.
            (0..n)
                .map(|i| {
                    let x = if i + 1 == n { b } else { a + (b - a) * i as f64 / (n - 1) as f64 };
                    format!("{x:.12e}").parse().unwrap_or(x)
                })
                .collect()
        } else if text.contains("..") {
            return Err("a range needs a number of values: A..B:N".into());
        } else {
            text.split(',').map(number).collect::<Result<Vec<f64>, String>>()?
        };
        Ok(Values { text: text.to_string(), values })
    }
}

impl From<Values> for String {
    fn from(v: Values) -> String {
        v.text
    }
}

impl TryFrom<String> for Values {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// A time in seconds: `90`, `90s`, `1.5m`, `2h`.
pub(crate) fn seconds(text: &str) -> Result<f64, String> {
    let (number, unit) = match text.trim().find(|c: char| c.is_ascii_alphabetic()) {
        Some(at) => text.trim().split_at(at),
        None => (text.trim(), "s"),
    };
    let factor = match unit {
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "ms" => 1e-3,
        _ => return Err(format!("unknown unit '{unit}': use ms, s, m or h")),
    };
    match number.trim().parse::<f64>() {
        Ok(x) if x > 0.0 && x.is_finite() => Ok(x * factor),
        _ => Err(format!("'{text}' is not a time greater than 0, such as 30s")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn numbers_lists_and_ranges() {
        let values = |t: &str| t.parse::<Values>().map(|v| v.values);
        assert_eq!(values("2.5").unwrap(), [2.5]);
        assert_eq!(values("2.0, 1e-3").unwrap(), [2.0, 0.001]);
        assert_eq!(values("2.0..2.6:13").unwrap()[1], 2.05);
        assert_eq!(values("2..3:2").unwrap(), [2.0, 3.0]);
        for bad in ["", "x", "1..2", "1..2:1", "1..2:x", "1..2:99999999", "nan", "1,,2", "1:2"] {
            assert!(values(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn times() {
        assert_eq!(seconds("90"), Ok(90.0));
        assert_eq!(seconds("1.5m"), Ok(90.0));
        assert_eq!(seconds("250ms"), Ok(0.25));
        for bad in ["", "0", "-1s", "5 weeks", "inf", "nan"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
