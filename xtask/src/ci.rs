//! `cargo xtask ci`: everything a change must pass, in order, with timings.

use crate::{codegen, density, tidy};
use anyhow::{Context, Result, bail};
use std::{ffi::OsStr, fmt::Write, path::Path, process::Command, time::Instant};

enum Action {
    /// A program, its arguments, extra environment.
    Run(&'static str, &'static [&'static str], &'static [(&'static str, &'static str)]),
    /// The same, skipped when `program first-argument --version` does not run.
    IfInstalled(&'static str, &'static [&'static str]),
    /// A task of this program.
    Task(fn(&Path) -> Result<()>),
}

/// Where the main job writes its report: below `target`, made anew each time.
const REPORT: &str = "target/ci-report";

const STEPS: [(&str, Action); 12] = [
    ("fmt", Action::Run("cargo", &["fmt", "--all", "--check"], &[])),
    ("codegen", Action::Task(|root| codegen::run(root, true).and_then(|()| density::run(root, true)))),
    ("tidy", Action::Task(tidy::run)),
    (
        "clippy",
        Action::Run(
            "cargo",
            &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"],
            &[],
        ),
    ),
    ("test", Action::Run("cargo", &["test", "--workspace"], &[])),
    (
        "docs",
        Action::Run(
            "cargo",
            &["doc", "--workspace", "--no-deps", "--locked"],
            &[("RUSTDOCFLAGS", "-D warnings")],
        ),
    ),
    (
        "examples and benches",
        Action::Run("cargo", &["check", "--workspace", "--examples", "--benches", "--locked"], &[]),
    ),
    ("fuzz targets", Action::Task(check_fuzz_targets)),
    ("clean report", Action::Task(remove_report)),
    (
        "reproduce",
        Action::Run(
            "cargo",
            &["run", "--release", "--locked", "--", "reproduce", "--quick", "--out", REPORT],
            &[],
        ),
    ),
    ("book", Action::IfInstalled("mdbook", &["build", "docs"])),
    ("deny", Action::IfInstalled("cargo", &["deny", "check", "bans", "licenses", "sources"])),
];

/// `cargo xtask ci [--list]`.
pub(crate) fn run(root: &Path, list: bool) -> Result<()> {
    if list {
        for (name, action) in &STEPS {
            println!("{name:22} {}", describe(action));
        }
        return Ok(());
    }
    let start = Instant::now();
    let mut timings = String::new();
    for (name, action) in &STEPS {
        println!("\n== {name}: {}", describe(action));
        let step = Instant::now();
        let done = perform(root, action).with_context(|| format!("step '{name}' failed"))?;
        let seconds = step.elapsed().as_secs_f64();
        match done {
            Done::Yes => write!(timings, ", {name} {seconds:.1}")?,
            Done::Skipped(why) => {
                println!("skipped: {why}");
                write!(timings, ", {name} skipped")?;
            }
        }
    }
    println!("\nci passed in {:.1} s{}", start.elapsed().as_secs_f64(), timings.replacen(", ", ": ", 1));
    Ok(())
}

fn describe(action: &Action) -> String {
    match action {
        Action::Run(program, arguments, environment) => {
            let environment: String = environment.iter().map(|(k, v)| format!("{k}='{v}' ")).collect();
            format!("{environment}{program} {}", arguments.join(" "))
        }
        Action::IfInstalled(program, arguments) => {
            format!("{program} {} (if installed)", arguments.join(" "))
        }
        Action::Task(_) => "a task of xtask".into(),
    }
}

enum Done {
    Yes,
    Skipped(String),
}

fn perform(root: &Path, action: &Action) -> Result<Done> {
    match action {
        Action::Task(task) => task(root).map(|()| Done::Yes),
        Action::Run(program, arguments, environment) => {
            let status = command(root, program, arguments).envs(environment.iter().copied()).status()?;
            if !status.success() {
                bail!("{} ended with {status}", describe(action));
            }
            Ok(Done::Yes)
        }
        Action::IfInstalled(program, arguments) => {
            // `cargo deny --version`, `mdbook --version`
            let mut probe: Vec<&str> = if *program == "cargo" { arguments[..1].to_vec() } else { Vec::new() };
            probe.push("--version");
            if !command(root, program, &probe).output().is_ok_and(|o| o.status.success()) {
                let name = if *program == "cargo" {
                    format!("cargo-{}", arguments[0])
                } else {
                    (*program).to_owned()
                };
                return Ok(Done::Skipped(format!("{name} is not installed")));
            }
            perform(root, &Action::Run(program, arguments, &[]))
        }
    }
}

fn command(root: &Path, program: &str, arguments: &[impl AsRef<OsStr>]) -> Command {
    let cargo = std::env::var_os("CARGO");
    let mut command = match cargo.filter(|_| program == "cargo") {
        Some(cargo) => Command::new(cargo),
        None => Command::new(program),
    };
    command.args(arguments).current_dir(root);
    command
}

/// Fuzz targets are outside the workspace: compiled here, so that a change which breaks one is seen.
fn check_fuzz_targets(root: &Path) -> Result<()> {
    for entry in std::fs::read_dir(root.join("crates"))? {
        let manifest = entry?.path().join("fuzz/Cargo.toml");
        if manifest.is_file() {
            let target = root.join("target/fuzz");
            let check = ["check", "--quiet", "--manifest-path"].map(OsStr::new);
            let mut command = command(root, "cargo", &check);
            let status = command.arg(&manifest).env("CARGO_TARGET_DIR", target).status()?;
            if !status.success() {
                bail!("{} does not compile", manifest.display());
            }
        }
    }
    Ok(())
}

fn remove_report(root: &Path) -> Result<()> {
    let folder = root.join(REPORT);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_step_is_an_error_and_a_missing_tool_is_skipped() {
        let root = crate::root();
        assert!(perform(&root, &Action::Run("cargo", &["--no-such-flag"], &[])).is_err());
        assert!(matches!(perform(&root, &Action::Run("cargo", &["--version"], &[])), Ok(Done::Yes)));
        let missing = Action::IfInstalled("smml-no-such-tool", &["build"]);
        assert!(matches!(perform(&root, &missing), Ok(Done::Skipped(_))));
        let missing = Action::IfInstalled("cargo", &["smml-no-such-subcommand"]);
        assert!(matches!(perform(&root, &missing), Ok(Done::Skipped(_))));
        assert!(perform(&root, &Action::Task(|_| bail!("no"))).is_err());
    }
}
