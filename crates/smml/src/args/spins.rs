//! Arguments of `smml ising` and `smml glass`.

use super::{RunArgs, Sizes, Values, seconds};
use crate::values::probability;
use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

/// Arguments of `smml ising`.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct IsingArgs {
    /// The lattice
    #[arg(long, value_enum, default_value_t = Lattice::Square)]
    pub(crate) lattice: Lattice,
    /// Side L of the lattice, 1 to 8192 (cubic: 1024), or a list L1,L2,... to compare sizes
    #[arg(long, value_name = "L", default_value = "32", allow_hyphen_values = true)]
    pub(crate) size: Sizes,
    /// How the edges are joined
    #[arg(long, value_enum, default_value_t = Edges::Periodic)]
    pub(crate) boundary: Edges,
    /// Coupling J of every bond, in units of energy (k_B = 1); below 0 for an antiferromagnet; at most 1e30
    #[arg(long, value_name = "J", default_value_t = 1.0, allow_negative_numbers = true)]
    pub(crate) coupling: f64,
    /// Field h on every spin, in units of energy; at most 1e30
    #[arg(long, value_name = "H", default_value_t = 0.0, allow_negative_numbers = true)]
    pub(crate) field: f64,
    /// Temperature T > 0, a list T1,T2,..., or N values from A to B as A..B:N
    #[arg(
        long,
        short = 'T',
        value_name = "T|A..B:N",
        conflicts_with = "beta",
        required_unless_present = "beta",
        allow_hyphen_values = true
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) temperature: Option<Values>,
    /// Inverse temperature 1/T instead: a value, a list, or a range A..B:N
    #[arg(long, value_name = "BETA|A..B:N", allow_hyphen_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) beta: Option<Values>,
    /// What changes the spins
    #[arg(long, value_enum, default_value_t = SpinKernel::HeatBath)]
    pub(crate) kernel: SpinKernel,
    /// Sweeps after burn-in (for Wolff: clusters) [default: 10000; with --time: as many as it allows]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sweeps: Option<u64>,
    /// Sweeps before measuring [default: a tenth of --sweeps; with --time alone: a tenth of the time]
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) burn_in: Option<u64>,
    /// Sweeps from one measurement to the next, at most --sweeps
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) thin: u64,
    /// First state
    #[arg(long, value_enum, default_value_t = Start::Random)]
    pub(crate) start: Start,
    /// Parallel tempering: the temperatures exchange their states, twice every two sweeps. The ladder stays as given, or is
    /// moved during the first half of the burn-in
    #[arg(long, value_enum, value_name = "LADDER", num_args = 0..=1, default_missing_value = "fixed", require_equals = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tempering: Option<Ladder>,
    /// Measure the correlation function and length too; on chains, square and cubic lattices that are periodic
    #[arg(long)]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) correlations: bool,
    /// Stop after this time, such as 30s, 2m or 1h, at the next measurement; the sweeps done are written to the
    /// configuration, which gives the same bytes again
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) time: Option<f64>,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) run: RunArgs,
}

/// Arguments of `smml glass`.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct GlassArgs {
    /// The lattice
    #[arg(long, value_enum, default_value_t = Lattice::Cubic)]
    pub(crate) lattice: Lattice,
    /// Side L of the lattice, 2 to 1024 (cubic: 64)
    #[arg(long, value_name = "L", default_value_t = 4, value_parser = clap::value_parser!(u32).range(2..=1024))]
    pub(crate) size: u32,
    /// How the edges are joined
    #[arg(long, value_enum, default_value_t = Edges::Periodic)]
    pub(crate) boundary: Edges,
    /// The couplings, of size 1
    #[arg(long, value_enum, default_value_t = Disorder::PlusMinus)]
    pub(crate) disorder: Disorder,
    /// Probability of a coupling -1, 0 to 1, of the ±1 glass [default: 0.5]
    #[arg(long, value_name = "P", value_parser = probability, allow_hyphen_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) negative: Option<f64>,
    /// Temperatures T > 0 that exchange their states, two or more: a list T1,T2,..., or N values from A to B as A..B:N
    #[arg(
        long,
        short = 'T',
        value_name = "A..B:N",
        conflicts_with = "beta",
        required_unless_present = "beta",
        allow_hyphen_values = true
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) temperature: Option<Values>,
    /// Inverse temperatures 1/T instead
    #[arg(long, value_name = "A..B:N", allow_hyphen_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) beta: Option<Values>,
    /// Samples of the disorder, at least 10 for error bars [default: 16; with --time: as many as it allows]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(10..=1 << 20))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) samples: Option<u64>,
    /// Sweeps of every temperature while measuring; as many before are burn-in
    #[arg(long, value_name = "N", default_value_t = 4000, value_parser = clap::value_parser!(u32).range(100..))]
    pub(crate) sweeps: u32,
    /// Stop after this time, such as 30s, 2m or 1h, at the end of a sample; the samples done are written to the
    /// configuration, which gives the same bytes again
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) time: Option<f64>,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) run: RunArgs,
}

/// Random couplings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Disorder {
    /// 1 or -1
    PlusMinus,
    /// Normal numbers of mean 0 and variance 1
    Gaussian,
}

/// A lattice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Lattice {
    /// L × L sites, four neighbours
    Square,
    /// L × L sites, six neighbours
    Triangular,
    /// L × L cells of two sites, three neighbours
    Honeycomb,
    /// L × L × L sites, six neighbours
    Cubic,
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
    /// Each row goes on in the next
    Helical,
}

/// A kernel for spins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SpinKernel {
    /// Every spin from its conditional distribution, colour by colour (for Ising spins Glauber's rule)
    HeatBath,
    /// Every spin by the Metropolis rule, colour by colour
    Checkerboard,
    /// Random spins, accepted by the Metropolis rule (Algorithm 2)
    Metropolis,
    /// One Wolff cluster a step
    Wolff,
    /// All Swendsen-Wang clusters in a step
    SwendsenWang,
}

/// How a ladder of temperatures is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Ladder {
    /// As given
    Fixed,
    /// Moved so that all neighbours exchange equally often; the ends stay
    Acceptance,
    /// Moved for the most round trips; the ends stay
    RoundTrips,
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
