//! smml: statistical mechanics for machine learning, as a program. Arguments are in `args`, the commands in `commands`
//! and `reproduce`; the science is in the library crates.

mod args;
#[allow(dead_code)] // the report shows what the terminal does not
mod catalogue;
mod commands;
mod error;
mod output;
#[allow(dead_code)]
mod report;
#[allow(dead_code)]
mod reproduce;
mod run;
mod values;

use args::{Cli, Command, RunFileArgs};
use clap::Parser;
use error::Failure;
use std::{path::Path, process::ExitCode};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => {
            // clap prints help and version to standard output with code 0, mistakes to standard error with 2.
            drop(e.print());
            return ExitCode::from(e.exit_code().clamp(0, 255) as u8);
        }
    };
    finish(run_command(cli.command, None))
}

fn finish(result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !matches!(failure, Failure::BrokenPipe) {
                output::remark(false, &format!("error: {failure}"));
            }
            ExitCode::from(failure.code())
        }
    }
}

/// Runs a command; `file` is the configuration file it came from, if any.
fn run_command(mut command: Command, file: Option<&Path>) -> Result<(), Failure> {
    run::settle::settle(&mut command, file)?;
    match command {
        Command::Reproduce(args) => reproduce::run(&args),
        Command::Eq(args) => commands::eq::run(&args),
        Command::Ising(args) => commands::ising::run(&args),
        Command::Glass(args) => commands::glass::run(&args),
        Command::Anneal(args) => commands::anneal::run(&args),
        Command::Exact(args) => commands::exact::run(&args),
        Command::Instance(args) => commands::instance::run(&args),
        Command::Graph(args) => commands::graph::run(&args),
        Command::Digest(args) => commands::digest::run(&args),
        Command::Tsp(args) => commands::tsp::run(&args),
        Command::Ebm(command) => commands::ebm::run(&command),
        Command::Rbm(command) => commands::rbm::run(&command),
        Command::Dbm(command) => commands::dbm::run(&command),
        Command::Design(command) => commands::design::run(&command),
        Command::Data(args) => commands::data::run(&args),
        Command::Run(args) => run_file(&args),
        Command::Completions { shell } => {
            use clap::CommandFactory;
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "smml", &mut script);
            output::print(&String::from_utf8_lossy(&script))
        }
    }
}

/// `smml run FILE [FLAGS]`: the command that the file holds, with flags that override it.
fn run_file(args: &RunFileArgs) -> Result<(), Failure> {
    let given = |name: &str| args.flags.iter().any(|f| f.split('=').next() == Some(name));
    let mut flags = args.flags.clone();
    if given("--resume") && !given("--out") {
        // The run to go on with is the one that the file belongs to.
        let folder = args.file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        flags.push(format!("--out={}", folder.display()));
    }
    let mut line = vec!["smml".to_string()];
    line.extend(run::config::read(&args.file)?.arguments(&flags));
    match Cli::try_parse_from(&line) {
        Ok(cli) => run_command(cli.command, Some(&args.file)),
        // Help is no mistake.
        Err(e) if !e.use_stderr() => output::print(&e.to_string()),
        Err(e) => Err(Failure::Usage(format!(
            "{}: {}",
            args.file.display(),
            e.to_string().trim_start_matches("error: ").trim_end()
        ))),
    }
}
