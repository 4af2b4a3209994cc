//! Arguments of `smml design`.

use super::{Ramp, RunArgs};
use crate::values::{finite, not_negative, positive, probability};
use clap::{Args, Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};
use smml_learn::ebm::potts;
use std::path::PathBuf;

/// What to do with sequences.
#[derive(Subcommand, Clone, Debug)]
pub(crate) enum DesignCommand {
    /// Write a family of sequences whose true model is known: a Potts model on the contacts of a lattice protein
    #[command(
        allow_negative_numbers = true,
        after_help = "Example: smml design family --box 3x3x3 --sequences 5000 --seed 1 --out family"
    )]
    Family(DesignFamilyArgs),
    /// Learn a Potts model from an alignment in a FASTA file
    #[command(
        allow_negative_numbers = true,
        after_help = "Examples: smml design learn family/family.fasta --truth family/truth.potts --out learned\n          \
                      smml design learn PF00014.fasta --drop-insertions --ambiguous-as-gaps --refine 200"
    )]
    Learn(DesignLearnArgs),
    /// Propose sequences of low energy by annealing or tempering
    #[command(
        allow_negative_numbers = true,
        after_help = "Examples: smml design propose learned/model.potts --start m17 --mutations 5\n          \
                      smml design propose learned/model.potts --method pt --truth family/truth.potts"
    )]
    Propose(DesignProposeArgs),
}

/// Letters of sequences.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Letters {
    /// Twenty amino acids and the gap
    Protein,
    /// Four nucleotides and the gap
    Dna,
}

impl From<Letters> for potts::Alphabet {
    fn from(letters: Letters) -> Self {
        match letters {
            Letters::Protein => potts::Alphabet::Protein,
            Letters::Dna => potts::Alphabet::Dna,
        }
    }
}

/// Sides of a box, as in 3x3x3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(crate) struct Sides(pub(crate) [u16; 3]);

impl std::str::FromStr for Sides {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let side = |t: &str| t.trim().parse::<u16>().map_err(|_| format!("'{t}' is not a whole number"));
        let sides = text.split('x').map(side).collect::<Result<Vec<u16>, String>>()?;
        match sides[..] {
            [a, b] => Ok(Sides([a, b, 1])),
            [a, b, c] => Ok(Sides([a, b, c])),
            _ => Err(format!("'{text}' is not like 3x3x3 or 5x5")),
        }
    }
}

impl From<Sides> for String {
    fn from(sides: Sides) -> String {
        sides.0.map(|s| s.to_string()).join("x")
    }
}

impl TryFrom<String> for Sides {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// Arguments of `smml design family`.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct DesignFamilyArgs {
    /// Box that the chain fills, such as 3x3x3 or 5x5: 4 to 1000 sites
    #[arg(long = "box", value_name = "AxBxC", default_value = "3x3x3")]
    #[serde(rename = "box")]
    pub(crate) sides: Sides,
    /// Letters
    #[arg(long, value_enum, default_value_t = Letters::Protein)]
    pub(crate) alphabet: Letters,
    /// Sequences to draw, 2 to 10 million
    #[arg(long, value_name = "N", default_value_t = 5000, value_parser = clap::value_parser!(u32).range(2..=10_000_000))]
    pub(crate) sequences: u32,
    /// Heat-bath sweeps for a sequence, half of them while it is cooled to temperature 1
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(2..=1 << 20))]
    pub(crate) sweeps: u32,
    /// Standard deviation of the fields
    #[arg(long, value_name = "X", default_value_t = 0.5, value_parser = not_negative, allow_hyphen_values = true)]
    pub(crate) fields: f64,
    /// Standard deviation of the couplings of contacts
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = not_negative, allow_hyphen_values = true)]
    pub(crate) couplings: f64,
    /// Field of gaps
    #[arg(long, value_name = "X", default_value_t = -1.0, value_parser = finite, allow_hyphen_values = true)]
    pub(crate) gaps: f64,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) run: RunArgs,
}

/// Arguments of `smml design learn`.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct DesignLearnArgs {
    /// The alignment, as FASTA: sequences of one length
    #[arg(value_name = "ALIGNMENT")]
    pub(crate) file: PathBuf,
    /// Letters
    #[arg(long, value_enum, default_value_t = Letters::Protein, help_heading = "Data")]
    pub(crate) alphabet: Letters,
    /// Take ambiguous letters (X, B, N, ...) for gaps
    #[arg(long, help_heading = "Data")]
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub(crate) ambiguous_as_gaps: bool,
    /// Leave out lower-case letters and dots: insertions of the A2M form
    #[arg(long, help_heading = "Data")]
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub(crate) drop_insertions: bool,
    /// Largest file, in MB
    #[arg(long, value_name = "MB", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..=1 << 16), help_heading = "Data")]
    pub(crate) memory: u32,
    /// Sequences that agree in this fraction of sites share one vote; 1 for identical ones only
    #[arg(long, value_name = "P", default_value_t = 0.8, value_parser = probability, allow_hyphen_values = true, help_heading = "Data")]
    pub(crate) identity: f64,
    /// Fraction of the sequences, drawn at random, that are only tested on
    #[arg(long, value_name = "P", default_value_t = 0.1, value_parser = probability, allow_hyphen_values = true, help_heading = "Data")]
    pub(crate) holdout: f64,
    /// Penalty on the squares of couplings, for a mean over sequences
    #[arg(long, value_name = "X", default_value_t = 0.01, value_parser = not_negative, allow_hyphen_values = true)]
    pub(crate) penalty: f64,
    /// Penalty on the squares of fields
    #[arg(long, value_name = "X", default_value_t = 0.01, value_parser = not_negative, allow_hyphen_values = true)]
    pub(crate) field_penalty: f64,
    /// Rounds of 20 iterations of L-BFGS, at most; the search ends before when the gradient is small
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) rounds: u32,
    /// Largest component of the gradient at which the search ends
    #[arg(long, value_name = "X", default_value_t = 1e-4, value_parser = positive, allow_hyphen_values = true)]
    pub(crate) tolerance: f64,
    /// Then this many steps by persistent chains (bmDCA)
    #[arg(long, value_name = "STEPS", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=1 << 24), help_heading = "Chains")]
    pub(crate) refine: u32,
    /// Persistent chains, and sequences that are drawn from the model at the end
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(10..=1 << 20), help_heading = "Chains")]
    pub(crate) chains: u32,
    /// Sweeps of every chain in a step
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1 << 20), help_heading = "Chains")]
    pub(crate) sweeps: u32,
    /// Learning rate of the chains at the first step; it falls to 0 in a straight line
    #[arg(long, value_name = "X", default_value_t = 0.5, value_parser = positive, allow_hyphen_values = true, help_heading = "Chains")]
    pub(crate) learning_rate: f64,
    /// Contacts are looked for at least this far apart along the sequence
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) separation: u16,
    /// The true model, truth.potts of a generated family, to compare with
    #[arg(long, value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) truth: Option<PathBuf>,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) run: RunArgs,
}

/// How designs are searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum DesignMethod {
    /// Simulated annealing
    Sa,
    /// Parallel tempering; the best sequence of all temperatures
    Pt,
}

/// Arguments of `smml design propose`.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct DesignProposeArgs {
    /// The model.potts of a learned model
    #[arg(value_name = "MODEL")]
    pub(crate) model: PathBuf,
    /// The sequence to start from: the name of one in the alignment, or its letters; every site is free when absent
    #[arg(long, value_name = "SEQ", help_heading = "Constraints")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) start: Option<String>,
    /// Most sites that may differ from the start
    #[arg(long, value_name = "K", requires = "start", value_parser = clap::value_parser!(u32).range(1..), help_heading = "Constraints")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mutations: Option<u32>,
    /// Sites that keep the letter of the start, from 1: 3,10-15
    #[arg(long, value_name = "SITES", requires = "start", help_heading = "Constraints")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fixed: Option<String>,
    /// Let gaps come and go; else those of the start stay, and there are no others
    #[arg(long, help_heading = "Constraints")]
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub(crate) free_gaps: bool,
    /// How to search
    #[arg(long, value_enum, default_value_t = DesignMethod::Sa, help_heading = "Search")]
    pub(crate) method: DesignMethod,
    /// Independent runs; each gives one sequence
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1 << 20), help_heading = "Search")]
    pub(crate) runs: u32,
    /// Sweeps of a run: of the only state, or of each temperature
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=1 << 24), help_heading = "Search")]
    pub(crate) sweeps: u32,
    /// Inverse temperature from the first sweep to the last, or from the hottest rung to the coldest, in equal ratios
    #[arg(long, value_name = "FROM..TO", default_value = "0.2..20", help_heading = "Search")]
    pub(crate) betas: Ramp,
    /// Temperatures of parallel tempering
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u16).range(2..=256), help_heading = "Search")]
    pub(crate) rungs: u16,
    /// Sequences to write, the best ones that differ
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) count: u32,
    /// The true model, truth.potts of a generated family, to judge the designs by
    #[arg(long, value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) truth: Option<PathBuf>,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) run: RunArgs,
}
