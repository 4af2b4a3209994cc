//! What is settled before a command starts: where its inputs lie, the seed of a run that is resumed, and that its results
//! have a place to go. Everything that can be refused early is refused here, before any work.

use super::{config, folder, series};
use crate::{
    args::{
        Command, Dataset, RbmCommand, RunArgs,
        dbm::DbmCommand,
        design::DesignCommand,
        ebm::{EbmCommand, EbmProblem},
    },
    error::Failure,
};
use std::path::{Path, PathBuf};

/// Settles the arguments of a command. `file` is the configuration file they came from, if any.
pub(crate) fn settle(command: &mut Command, file: Option<&Path>) -> Result<(), Failure> {
    let mut inputs: Vec<PathBuf> = file.map(Path::to_path_buf).into_iter().collect();
    match command {
        Command::Reproduce(args) => {
            if let Some(data) = &mut args.data {
                absolute("--data", data)?;
                holds_no_input(&args.out, std::slice::from_ref(data))?;
            }
            Ok(())
        }
        Command::Ising(args) => settle_run(&mut args.run, "ising", &inputs, &[]),
        Command::Glass(args) => settle_run(&mut args.run, "glass", &inputs, &[]),
        Command::Anneal(args) => {
            absolute("FILE", &mut args.file)?;
            inputs.push(args.file.clone());
            let read = [args.file.clone()];
            settle_run(&mut args.run, "anneal", &inputs, &read)
        }
        Command::Exact(args) => {
            absolute("FILE", &mut args.file)?;
            inputs.push(args.file.clone());
            let read = [args.file.clone()];
            // Nothing is drawn: every run has a seed, but the file is what tells runs apart.
            if !args.run.resume {
                args.run.seed.get_or_insert(1);
            }
            let name = args.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            args.run.out.get_or_insert_with(|| PathBuf::from(format!("smml-runs/exact-{name}")));
            settle_run(&mut args.run, "exact", &inputs, &read)
        }
        Command::Digest(args) => {
            absolute("FILE", &mut args.file)?;
            inputs.push(args.file.clone());
            let read = [args.file.clone()];
            settle_run(&mut args.run, "digest", &inputs, &read)
        }
        Command::Tsp(args) => {
            if let Some(file) = &mut args.file {
                absolute("FILE", file)?;
                inputs.push(file.clone());
            }
            let read: Vec<PathBuf> = args.file.iter().cloned().collect();
            settle_run(&mut args.run, "tsp", &inputs, &read)
        }
        Command::Ebm(command) => {
            let (run, name, task) = match command {
                EbmCommand::Train(a) => (&mut a.run, "ebm-train", Some(&mut a.task)),
                EbmCommand::Losses(a) => (&mut a.run, "ebm-losses", Some(&mut a.task)),
                EbmCommand::Collapse(a) => (&mut a.run, "ebm-collapse", None),
            };
            let mut read = Vec::new();
            if let Some(task) = task {
                if !matches!(task.problem, EbmProblem::Mnist | EbmProblem::FashionMnist | EbmProblem::Cifar10)
                {
                    task.data = None; // built in
                }
                if let Some(data) = &mut task.data {
                    absolute("--data", data)?;
                    read.push(data.clone());
                }
            }
            inputs.extend(read.iter().cloned());
            settle_run(run, name, &inputs, &read)
        }
        Command::Rbm(command) => {
            let (run, name, data, model) = match command {
                RbmCommand::Train(a) => {
                    if a.images.dataset == Dataset::Bars {
                        a.images.data = None; // built in
                    }
                    (&mut a.run, "rbm-train", a.images.data.as_mut(), None)
                }
                RbmCommand::Sample(a) => (&mut a.run, "rbm-sample", None, Some(&mut a.model)),
                RbmCommand::Classify(a) => (&mut a.run, "rbm-classify", a.data.as_mut(), Some(&mut a.model)),
                RbmCommand::Evaluate(a) => {
                    (&mut a.on.run, "rbm-evaluate", a.on.data.as_mut(), Some(&mut a.on.model))
                }
            };
            let mut read = Vec::new();
            for (flag, path) in [("--data", data), ("--model", model)] {
                if let Some(path) = path {
                    absolute(flag, path)?;
                    read.push(path.clone());
                }
            }
            inputs.extend(read.iter().cloned());
            settle_run(run, name, &inputs, &read)
        }
        Command::Dbm(command) => {
            command.settle().map_err(Failure::Usage)?;
            let (run, name, data, file, export) = match command {
                DbmCommand::Train(a) => {
                    (&mut a.run, "dbm-train", a.data.as_mut(), &mut a.file, a.export.clone())
                }
                DbmCommand::Classify(a) => {
                    (&mut a.on.run, "dbm-classify", a.on.data.as_mut(), &mut a.on.file, None)
                }
                DbmCommand::Generate(a) => (&mut a.run, "dbm-generate", None, &mut a.file, None),
                DbmCommand::Inpaint(a) => {
                    (&mut a.on.run, "dbm-inpaint", a.on.data.as_mut(), &mut a.on.file, None)
                }
                DbmCommand::Evaluate(a) => {
                    (&mut a.on.run, "dbm-evaluate", a.on.data.as_mut(), &mut a.on.file, None)
                }
                DbmCommand::Denoise(a) => {
                    let file = if a.model.is_some() { &mut a.model } else { &mut a.on.file };
                    (&mut a.run, "dbm-denoise", a.data.as_mut(), file, None)
                }
            };
            let mut read = Vec::new();
            for (flag, path) in [("--data", data), ("FILE", file.as_mut())] {
                if let Some(path) = path {
                    absolute(flag, path)?;
                    read.push(path.clone());
                }
            }
            inputs.extend(read.iter().cloned());
            settle_run(run, name, &inputs, &read)?;
            match &export {
                Some(path) => series::check_file("--export", path, run.out.as_deref(), &inputs),
                None => Ok(()),
            }
        }
        Command::Design(command) => {
            let (run, name, file, truth) = match command {
                DesignCommand::Family(a) => (&mut a.run, "design-family", None, None),
                DesignCommand::Learn(a) => {
                    (&mut a.run, "design-learn", Some(("ALIGNMENT", &mut a.file)), a.truth.as_mut())
                }
                DesignCommand::Propose(a) => {
                    (&mut a.run, "design-propose", Some(("MODEL", &mut a.model)), a.truth.as_mut())
                }
            };
            let mut read = Vec::new();
            for (flag, path) in file.into_iter().chain(truth.map(|path| ("--truth", path))) {
                absolute(flag, path)?;
                read.push(path.clone());
            }
            inputs.extend(read.iter().cloned());
            settle_run(run, name, &inputs, &read)
        }
        _ => Ok(()),
    }
}

/// Makes a path absolute: the configuration that is written must mean the same from any folder.
fn absolute(flag: &str, path: &mut PathBuf) -> Result<(), Failure> {
    *path = std::path::absolute(&*path)
        .map_err(|e| Failure::Usage(format!("{flag} '{}': {e}", path.display())))?;
    Ok(())
}

fn settle_run(run: &mut RunArgs, command: &str, inputs: &[PathBuf], read: &[PathBuf]) -> Result<(), Failure> {
    if run.resume && run.seed.is_none() {
        // A seed that was drawn is known to the folder, and need not be typed.
        let Some(out) = &run.out else {
            return Err(Failure::Usage("--resume needs --out DIR or --seed N to find the run".into()));
        };
        let file = out.join(folder::CONFIG);
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let keys =
            config::keys_but(&text, &[]).map_err(|e| Failure::Usage(format!("{}: {e}", file.display())))?;
        // Large ones are written as text.
        run.seed = keys.get("seed").and_then(|seed| match seed {
            toml::Value::Integer(seed) => u64::try_from(*seed).ok(),
            toml::Value::String(seed) => seed.parse().ok(),
            _ => None,
        });
        if run.seed.is_none() {
            return Err(Failure::File(format!("{}: no run to resume here", out.display())));
        }
    }
    let out = match (&run.out, run.seed) {
        (Some(out), _) => Some(out.clone()),
        (None, Some(seed)) => Some(folder::default_path(command, seed)),
        (None, None) => None,
    };
    if let Some(out) = &out {
        holds_no_input(out, read)?;
    }
    match &run.series {
        Some(path) => series::check_place(path, out.as_deref(), inputs),
        None => Ok(()),
    }
}

/// Refuses to write into a folder that a run reads: its files could be replaced.
fn holds_no_input(out: &Path, inputs: &[PathBuf]) -> Result<(), Failure> {
    let Ok(out_there) = out.canonicalize() else { return Ok(()) };
    for input in inputs.iter().filter_map(|i| i.canonicalize().ok()) {
        let folder = if input.is_dir() { Some(&*input) } else { input.parent() };
        // A data folder holds its sets in folders.
        if folder == Some(&*out_there) || (input.is_dir() && out_there.starts_with(&input)) {
            return Err(Failure::Usage(format!(
                "--out {}: {} is read from there; results need a folder of their own",
                out.display(),
                input.display()
            )));
        }
    }
    Ok(())
}
