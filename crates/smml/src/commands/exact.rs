//! `smml exact`: exact averages and best configurations of a problem in a file, by variable elimination.

use crate::{
    args::ExactArgs,
    error::Failure,
    output,
    reproduce::check::Outcome,
    run::{
        self, config,
        folder::Folder,
        results::{self, Document, Finished, Part},
        series,
    },
};
use smml_core::{Estimate, factor_graph::ExactOptions};
use smml_physics::problem::{Problem, Sense, formats};
use std::fmt::Write as _;

/// Runs the command.
pub(crate) fn run(args: &ExactArgs) -> Result<(), Failure> {
    run::with_threads(args.run.threads, || exact(args))
}

fn exact(args: &ExactArgs) -> Result<(), Failure> {
    let mut settled = args.clone();
    // Nothing is drawn, but every run has a seed, and a folder named after it.
    settled.run.seed = Some(args.run.seed.unwrap_or(1));
    let options = formats::Options { format: args.format.map(Into::into), form: args.form.map(Into::into) };
    let read = formats::read(&args.file, &options)?;
    for warning in &read.warnings {
        output::remark(args.run.quiet, &format!("warning: {warning}"));
    }
    let problem = &read.problem;
    let beta = args.temperature.map_or(args.beta, |t| 1.0 / t);
    settled.beta = beta;
    let seed = settled.run.seed.unwrap_or_default();
    let config = config::to_toml("exact", &settled)?;
    let memory = ExactOptions { max_bytes: u64::from(args.memory) << 20, ..ExactOptions::default() };
    let found = problem.exact(beta, &memory).map_err(|e| match e {
        smml_core::Error::TooLarge { .. } => Failure::Usage(format!("{}: {e}", args.file.display())),
        other => other.into(),
    })?;
    let folder = Folder::of_run(&args.run, "exact", seed, &config)?;
    folder.input_file(&args.file)?;

    let mut o = Outcome::default();
    for (name, value) in [
        ("ln Z", found.ln_z),
        ("mean value", found.mean_value),
        ("entropy, nats", found.entropy),
        ("best value", found.best_value),
        ("configurations that have it", found.n_best),
    ] {
        o.reported(name, Estimate::exact(value));
    }
    o.computed("value of the configuration found", problem.value(&found.best), found.best_value, 1e-12);
    let mut part = Part::new("exact", &format!("β = {beta}"), &o.rows, None);
    part.notes = read.warnings.iter().map(|w| w.message.clone()).collect();
    let mut outputs = vec![folder.file("marginals.csv")];
    if let Some(file) = &args.run.series {
        let column = series::Column { name: "probability_of_1".into(), values: found.probability.clone() };
        series::write(file, &[column])?;
        outputs.push(file.clone());
    }
    folder.write("marginals.csv", table(problem, &found.probability, &found.best).as_bytes())?;
    let mut text = format!(
        "{}: {} variables, {} pairs, degree {}; Z = Σ exp({}β value), β = {beta}\n",
        args.file.display(),
        problem.n_variables(),
        problem.pairs().n_edges(),
        problem.degree(),
        if problem.sense() == Sense::Maximise { "+" } else { "-" },
    );
    text += &results::table(&o.rows, "", false);
    let _ = writeln!(text, "marginals and best configuration: {}", folder.file("marginals.csv").display());
    Finished {
        document: Document::new("exact", &settled, vec![part])?,
        config: &config,
        seed,
        text,
        tables: &[("Exact", &o.rows)],
        figures: &[],
        outputs,
        json: args.run.json,
    }
    .conclude(&folder)
}

/// Of each variable its name, the probability of 1, and its value in the best configuration.
fn table(problem: &Problem, probability: &[f64], best: &[i8]) -> String {
    let mut text = String::from("variable,probability_of_1,best\n");
    for (i, (p, x)) in probability.iter().zip(problem.configuration(best)).enumerate() {
        let name = problem.names().map_or(i.to_string(), |names| quoted(&names[i]));
        let _ = writeln!(text, "{name},{p},{x}");
    }
    text
}

/// A name as a field of a CSV file.
fn quoted(name: &str) -> String {
    if name.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", name.replace('"', "\"\""))
    } else {
        name.into()
    }
}
