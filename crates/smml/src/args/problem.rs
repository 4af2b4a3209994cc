//! Arguments of the commands that read a problem: `smml anneal`, `smml exact`, `smml digest`, `smml tsp`.

use super::{RunArgs, positive, seconds};
use crate::values::{finite, not_negative};
use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Arguments of `smml anneal`.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct AnnealArgs {
    /// The file of the problem
    pub(crate) file: PathBuf,
    /// Its format [default: by its extension, then by its content]
    #[arg(long, value_enum)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) format: Option<FileFormat>,
    /// The variables of COO and MatrixMarket files that do not say it [default: binary]
    #[arg(long, value_enum)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) form: Option<Variables>,
    /// How to search [default: sa; with --time alone, where couplings are whole: renormalise]
    #[arg(long, value_enum)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) method: Option<Method>,
    /// Length of one run, in sweeps over all variables: of tabu and breakout in moves per variable, of bifurcation in
    /// time steps, of pa at each temperature [default: 1000; pa: 10]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sweeps: Option<u32>,
    /// Replicas of one population (pa, default 200) or slices of imaginary time (sqa, default 32)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=1 << 20))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) replicas: Option<u32>,
    /// Runs, rounded up to 512 where they go side by side [default: sa 512, pa 8, pt 2, others 32; with --time: as many
    /// as it allows]; of renormalise pieces of some tenths of a second [default: 100]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1 << 26))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) runs: Option<u64>,
    /// First temperature, greater than 0, of sa [default: from the couplings]
    #[arg(long, value_name = "T", value_parser = positive, allow_hyphen_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hot: Option<f64>,
    /// Last temperature, greater than 0, of sa and pa [default: from the couplings]
    #[arg(long, value_name = "T", value_parser = positive, allow_hyphen_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cold: Option<f64>,
    /// A value to reach: runs that reach it are counted, and exit code 1 says that none did
    #[arg(long, value_name = "VALUE", value_parser = finite, allow_hyphen_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) target: Option<f64>,
    /// Stop after this time, such as 30s, 2m or 1h, at the end of a batch; the runs done are written to the
    /// configuration, which gives the same bytes again
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) time: Option<f64>,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) run: RunArgs,
}

/// Arguments of `smml exact`.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct ExactArgs {
    /// The file of the problem
    pub(crate) file: PathBuf,
    /// Its format [default: by its extension, then by its content]
    #[arg(long, value_enum)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) format: Option<FileFormat>,
    /// The variables of COO and MatrixMarket files that do not say it [default: binary]
    #[arg(long, value_enum)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) form: Option<Variables>,
    /// Inverse temperature of the averages, greater than 0
    #[arg(long, value_name = "BETA", default_value_t = 1.0, conflicts_with = "temperature", value_parser = positive, allow_hyphen_values = true)]
    pub(crate) beta: f64,
    /// Temperature 1/BETA instead, greater than 0
    #[arg(long, short = 'T', value_name = "T", value_parser = positive, allow_hyphen_values = true)]
    #[serde(skip)]
    pub(crate) temperature: Option<f64>,
    /// Most memory of the tables, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 2048, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) memory: u32,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) run: RunArgs,
}

/// Arguments of `smml digest`.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct DigestArgs {
    /// The file of fragment lengths
    pub(crate) file: PathBuf,
    /// Sweeps of one run
    #[arg(long, value_name = "N", default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) sweeps: u32,
    /// Runs [default: 200; with --time: as many as it allows]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1 << 24))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) runs: Option<u64>,
    /// Stop after this time, such as 30s, 2m or 1h, at the end of a run; the runs done are written to the configuration,
    /// which gives the same bytes again
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) time: Option<f64>,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) run: RunArgs,
}

/// Arguments of `smml tsp`.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct TspArgs {
    /// A TSPLIB file; without it cities are drawn at random in the unit square
    #[arg(conflicts_with_all = ["cities", "blocks", "street"])]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<PathBuf>,
    /// Number of random cities [default: 400]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(3..=1 << 20))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cities: Option<u32>,
    /// Random cities lie in B × B square blocks with empty streets between them; 1 for the whole square [default: 3]
    #[arg(long, value_name = "B", value_parser = clap::value_parser!(u32).range(1..=1 << 16))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) blocks: Option<u32>,
    /// Width of the streets, in sides of a block [default: 0.5]
    #[arg(long, value_name = "W", value_parser = not_negative, allow_hyphen_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) street: Option<f64>,
    /// Sweeps of one run, of as many moves as there are cities
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) sweeps: u32,
    /// Runs [default: 16; with --time: as many as it allows]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1 << 26))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) runs: Option<u64>,
    /// First temperature, greater than 0, in the unit of the distances [default: from the distances of near cities]
    #[arg(long, value_name = "T", value_parser = positive, allow_hyphen_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hot: Option<f64>,
    /// Last temperature, greater than 0 [default: likewise]
    #[arg(long, value_name = "T", value_parser = positive, allow_hyphen_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cold: Option<f64>,
    /// A length to reach: runs that reach it are counted, and exit code 1 says that none did
    #[arg(long, value_name = "LENGTH", value_parser = finite, allow_hyphen_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) target: Option<f64>,
    /// Stop after this time, such as 30s, 2m or 1h, at the end of a run; the runs done are written to the configuration,
    /// which gives the same bytes again
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) time: Option<f64>,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) run: RunArgs,
}

/// Arguments of `smml instance`.
#[derive(Args, Clone, Debug)]
pub(crate) struct InstanceArgs {
    /// What to draw
    #[arg(value_enum)]
    pub(crate) kind: Kind,
    /// The file to write
    pub(crate) file: PathBuf,
    /// Side of a lattice, or number of variables
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1 << 24))]
    pub(crate) size: u32,
    /// Edges of gnm, loops of loops, columns of wishart (hard where they are well below --size)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..))]
    pub(crate) number: Option<u32>,
    /// Seed of the instance
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// The format [default: by the extension; else rudy for random problems, COO for planted ones]
    #[arg(long, value_enum)]
    pub(crate) format: Option<FileFormat>,
    /// Replace a file that exists
    #[arg(long)]
    pub(crate) force: bool,
}

/// Random and planted problems.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// ±1 glass on the torus of N × N sites, as max-cut
    Torus,
    /// ±1 glass on N × N sites with open boundaries, planar, as max-cut
    OpenSquare,
    /// ±1 glass on the periodic cube of N³ sites, as max-cut
    Cubic,
    /// ±1 glass on a random 3-regular graph, as max-cut
    Regular3,
    /// Sherrington-Kirkpatrick glass with couplings ±1, as max-cut
    Sk,
    /// Max-cut of the random graph with N vertices and --number edges
    Gnm,
    /// Planted: frustrated loops on the torus of N × N sites
    Loops,
    /// Planted: the Wishart ensemble in whole numbers
    Wishart,
    /// Planted: tiles on the torus of N × N sites
    Tiles,
}

/// Methods of search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Method {
    /// Simulated annealing
    Sa,
    /// Rounds of growing length: population annealing of 512 replicas, whose good solutions are joined
    Renormalise,
    /// Parallel tempering of 512 replicas with isoenergetic cluster moves
    Pt,
    /// Population annealing, with its free energy
    Pa,
    /// Simulated quantum annealing: a transverse field that falls, by path integrals
    Sqa,
    /// Tabu search
    Tabu,
    /// Breakout local search
    Breakout,
    /// Discrete simulated bifurcation
    Bifurcation,
}

impl Method {
    /// As on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Method::Sa => "sa",
            Method::Renormalise => "renormalise",
            Method::Pt => "pt",
            Method::Pa => "pa",
            Method::Sqa => "sqa",
            Method::Tabu => "tabu",
            Method::Breakout => "breakout",
            Method::Bifurcation => "bifurcation",
        }
    }
}

/// Formats of problems.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum FileFormat {
    /// rudy, G-set: max-cut
    Rudy,
    /// COO
    Coo,
    /// qbsolv
    Qubo,
    /// MatrixMarket
    MatrixMarket,
    /// DIMACS cnf, wcnf: max-sat
    Dimacs,
    /// dimod BQM JSON
    DimodJson,
}

/// What variables stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Variables {
    /// -1 and 1
    Spin,
    /// 0 and 1
    Binary,
}
