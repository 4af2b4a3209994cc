//! `smml exact`: exact averages and best configurations of a problem in a file, by variable elimination; where the graph is
//! too wide for that but planar, the best configuration by matching.

use crate::{
    args::ExactArgs,
    error::Failure,
    output,
    reproduce::check::Outcome,
    run::{
        self, config,
        folder::Folder,
        input::Input,
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

/// Averages that may be off by more are not shown.
const SHOWN: f64 = 0.01;

fn exact(args: &ExactArgs) -> Result<(), Failure> {
    let mut settled = args.clone();
    // Nothing is drawn, but every run has a seed, and a folder named after it.
    settled.run.seed = Some(args.run.seed.unwrap_or(1));
    let options = formats::Options { format: args.format.map(Into::into), form: args.form.map(Into::into) };
    let input = Input::read(&args.file, formats::MAX_BYTES)?;
    let read = formats::from_bytes(&input.bytes, &args.file, &options)?;
    let inputs = input.hashes();
    drop(input);
    for warning in &read.warnings {
        output::remark(args.run.quiet, &format!("warning: {warning}"));
    }
    let problem = &read.problem;
    super::anneal::check_form(args.form, problem)?;
    let beta = args.temperature.map_or(args.beta, |t| 1.0 / t);
    settled.beta = beta;
    let seed = settled.run.seed.unwrap_or_default();
    let config = config::to_toml("exact", &settled)?;
    Folder::check_run(&args.run, "exact", seed, &config, &inputs)?;
    let memory = ExactOptions { max_bytes: u64::from(args.memory) << 20, ..ExactOptions::default() };
    let mut o = Outcome::default();
    let mut notes: Vec<String> = read.warnings.iter().map(|w| w.message.clone()).collect();
    // Averages where the graph is narrow enough; else, if it is planar, the best configuration at least.
    let (best, probability) = match problem.exact(beta, &memory) {
        Ok(found) => {
            for (name, value) in [
                ("ln Z", found.ln_z),
                ("mean value", found.mean_value),
                ("entropy, nats", found.entropy),
                ("best value", found.best_value),
                ("configurations that have it", found.n_best),
            ] {
                // What rounding has taken is not shown.
                if found.rounding < SHOWN || name == "best value" || name == "configurations that have it" {
                    o.reported(name, Estimate::exact(value));
                }
            }
            if found.rounding >= SHOWN {
                notes.push(format!(
                    "β = {beta} is so large beside these values that ln Z, the mean value and the entropy are lost in rounding; \
                     a smaller --beta has them"
                ));
            } else if found.rounding > 1e-6 {
                notes.push(format!("rounding may reach {:.0e} of ln Z and the entropy", found.rounding));
            }
            o.computed(
                "value of the configuration found",
                problem.value(&found.best),
                found.best_value,
                1e-12,
            );
            (found.best, Some(found.probability))
        }
        Err(e @ smml_core::Error::TooLarge { .. }) => {
            let Some(found) = problem.planar_best()? else {
                return Err(Failure::Usage(format!("{}: {e}", args.file.display())));
            };
            if args.run.series.is_some() {
                return Err(Failure::Usage(format!("--series: there are no marginals: {e}")));
            }
            o.reported("best value", Estimate::exact(found.value));
            o.computed("value of the configuration found, and its proof", found.value, found.bound, 1e-12);
            notes.push(format!("the best configuration by matching, without averages and numbers: {e}"));
            (found.spins, None)
        }
        Err(other) => return Err(other.into()),
    };
    let folder = Folder::of_run(&args.run, "exact", seed, &config, &inputs)?;
    let mut part = Part::new("exact", &format!("β = {beta}"), &o.rows, None);
    part.notes = notes.clone();
    let name = if probability.is_some() { "marginals.csv" } else { "best.csv" };
    let mut outputs = vec![folder.file(name)];
    if let (Some(file), Some(probability)) = (&args.run.series, &probability) {
        let column = series::Column { name: "probability_of_1".into(), values: probability.clone() };
        series::write(file, &[column])?;
        outputs.push(file.clone());
    }
    folder.write(name, table(problem, probability.as_deref(), &best).as_bytes())?;
    let mut text = format!(
        "{}: {} variables, {} pairs, degree {}; Z = Σ exp({}β value), β = {beta}\n",
        args.file.display(),
        problem.n_variables(),
        problem.pairs().n_edges(),
        problem.degree(),
        if problem.sense() == Sense::Maximise { "+" } else { "-" },
    );
    text += &results::table(&o.rows, "", false);
    for note in notes.iter().skip(read.warnings.len()) {
        let _ = writeln!(text, "{note}");
    }
    let what = if probability.is_some() { "marginals and best configuration" } else { "best configuration" };
    let _ = writeln!(text, "{what}: {}", folder.file(name).display());
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

/// Of each variable its name, the probability of 1 where it is known, and its value in the best configuration.
fn table(problem: &Problem, probability: Option<&[f64]>, best: &[i8]) -> String {
    let mut text = String::from("variable,");
    text += if probability.is_some() { "probability_of_1,best\n" } else { "best\n" };
    for (i, x) in problem.configuration(best).iter().enumerate() {
        let name = problem.names().map_or(i.to_string(), |names| quoted(&names[i]));
        let _ = match probability {
            Some(p) => writeln!(text, "{name},{},{x}", p[i]),
            None => writeln!(text, "{name},{x}"),
        };
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
