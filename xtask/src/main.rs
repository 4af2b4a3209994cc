//! Tasks of the workspace: `cargo xtask --help`. Nothing here is part of the library or the program.

mod bdm;
mod bench;
mod catalogue;
mod ci;
mod codegen;
mod cuts;
mod density;
mod glasses;
mod links;
mod sizes;
mod snippets;
mod tidy;

use clap::{Parser, Subcommand};
use std::{path::PathBuf, process::ExitCode};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Tasks of the smml workspace")]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Writes the equations' page and tables from docs/equations.toml
    Codegen {
        /// Only say whether the generated files are up to date
        #[arg(long)]
        check: bool,
    },
    /// Checks layers, file headers and lengths, unfinished marks, whitespace, links of the book
    Tidy,
    /// Everything a change must pass; stops at the first failure
    Ci {
        /// Print the steps and do nothing
        #[arg(long)]
        list: bool,
    },
    /// Enumerates small Turing machines and writes the tables of the block decomposition method
    Bdm(bdm::Options),
    /// Counts the states of square Ising tori exactly and writes the tables of smml-physics
    Density {
        /// Only say whether the tables are up to date
        #[arg(long)]
        check: bool,
    },
    /// Runs the timing programs and writes docs/src/performance.md
    Bench(bench::Options),
    /// Searches on the G-set graphs beside other programs, written into docs/src/searches.md
    Cuts(cuts::Options),
}

/// The root of the workspace.
fn root() -> PathBuf {
    let mut path = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    path.pop();
    path
}

fn main() -> ExitCode {
    let done = match Args::parse().task {
        Task::Codegen { check } => codegen::run(&root(), check),
        Task::Tidy => tidy::run(&root()),
        Task::Ci { list } => ci::run(&root(), list),
        Task::Bdm(options) => bdm::run(&root(), &options),
        Task::Density { check } => density::run(&root(), check),
        Task::Bench(options) => bench::run(&root(), &options),
        Task::Cuts(options) => cuts::run(&root(), &options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Args::command().debug_assert();
    }
}
