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

use args::{Cli, Command};
use clap::Parser;
use error::Failure;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => {
            // clap prints help and version to standard output with code 0, mistakes to standard error with 2.
            drop(e.print());
            return ExitCode::from(e.exit_code().clamp(0, 255) as u8);
        }
    };
    finish(run_command(cli.command))
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

fn run_command(command: Command) -> Result<(), Failure> {
    match command {
        Command::Reproduce(args) => reproduce::run(&args),
        Command::Eq(args) => commands::eq::run(&args),
        Command::Ising(args) => commands::ising::run(&args),
        Command::Rbm(command) => commands::rbm::run(&command),
        Command::Data(args) => commands::data::run(&args),
        Command::Run(args) => {
            let mut line = vec!["smml".to_string()];
            line.extend(run::config::read(&args.file)?);
            line.extend(args.flags);
            match Cli::try_parse_from(&line) {
                Ok(cli) => run_command(cli.command),
                Err(e) => Err(Failure::Usage(format!(
                    "{}: {}",
                    args.file.display(),
                    e.to_string().trim_start_matches("error: ").trim_end()
                ))),
            }
        }
        Command::Completions { shell } => {
            use clap::CommandFactory;
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "smml", &mut script);
            output::print(&String::from_utf8_lossy(&script))
        }
    }
}
