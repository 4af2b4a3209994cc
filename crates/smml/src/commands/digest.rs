//! `smml digest`: the double digest problem of a file, Eq. (62), by annealing, and by enumeration where it is small.

use crate::{
    args::DigestArgs,
    error::Failure,
    reproduce::check::Outcome,
    run::{
        self, config,
        folder::Folder,
        results::{self, Document, Finished, Part},
        series, signals,
    },
};
use serde::Serialize;
use smml_core::{Estimate, energy::Finite, parallel::Par, rng::Streams};
use smml_physics::double_digest::{self, DoubleDigest, Ordering, Search};
use std::fmt::Write as _;

/// Most orderings that are enumerated to prove what annealing found: about a second.
const ENUMERATED: usize = 1 << 20;
/// Maps that are shown on the terminal.
const SHOWN: usize = 8;

/// Runs the command.
pub(crate) fn run(args: &DigestArgs) -> Result<(), Failure> {
    run::with_threads(args.run.threads, || digest(args))
}

/// What the result has beside its quantities.
#[derive(Serialize)]
struct Details {
    length: f64,
    fragments: [usize; 3],
    /// The orders found, one of each pair of mirror images.
    maps: Vec<Map>,
}

#[derive(Serialize)]
struct Map {
    a: Vec<f64>,
    b: Vec<f64>,
}

fn digest(args: &DigestArgs) -> Result<(), Failure> {
    let mut settled = args.clone();
    settled.run.seed = Some(args.run.seed.unwrap_or_else(run::drawn_seed));
    let seed = settled.run.seed.unwrap_or_default();
    let model = double_digest::read(&args.file)?;
    let config = config::to_toml("digest", &settled)?;
    let folder = Folder::of_run(&args.run, "digest", seed, &config)?;
    folder.input_file(&args.file)?;
    signals::listen();
    // Short work: a signal ends it, and it is done again.
    signals::at_once(Some("stopped; nothing to continue, run it again"));
    let streams = Streams::new(seed);
    let search = Search::for_model(&model, args.sweeps as usize, &streams)?;
    let found = search.run(&model, args.runs as usize, &streams, Par::Rayon)?;
    let mut o = Outcome::default();
    o.reported("lowest energy found", Estimate::exact(found.energy));
    o.reported("orders that have it", Estimate::exact(found.orderings.len() as f64));
    o.reported("orders but for mirror images", Estimate::exact(found.up_to_mirror.len() as f64));
    o.reported("runs that found it", found.success);
    if model.n_states().is_some_and(|n| n <= ENUMERATED) {
        let all = double_digest::enumerate(&model)?;
        o.computed("lowest energy of all orders", all.energy, found.energy, 1e-12);
        o.computed("orders that have it, of all", all.n_optima as f64, found.orderings.len() as f64, 0.0);
        o.reported("different orders in all", Estimate::exact(all.n_orderings as f64));
        if let Some(next) = all.next {
            o.reported("next lowest energy", Estimate::exact(next));
        }
    }
    signals::at_once(None);
    let mut part = Part::new("digest", &format!("{} runs", args.runs), &o.rows, None);
    let map = |o: &Ordering| Map { a: o.a.clone(), b: o.b.clone() };
    part.details = serde_json::to_value(Details {
        length: model.total(),
        fragments: model.n_fragments(),
        maps: found.up_to_mirror.iter().map(map).collect(),
    })
    .map_err(|e| Failure::File(format!("results as JSON: {e}")))?;
    let mut outputs = vec![folder.file("maps.txt")];
    if let Some(file) = &args.run.series {
        let column = series::Column { name: "lowest_energy".into(), values: found.energies.clone() };
        series::write(file, &[column])?;
        outputs.push(file.clone());
    }
    folder.write("maps.txt", maps(&model, &found.up_to_mirror, usize::MAX).as_bytes())?;
    let [a, b, c] = model.n_fragments();
    let mut text = format!(
        "{}: {a} + {b} fragments, {c} of both together, length {}\n{} runs of {} sweeps\n",
        args.file.display(),
        model.total(),
        args.runs,
        args.sweeps
    );
    text += &results::table(&o.rows, "", false);
    text += &maps(&model, &found.up_to_mirror, SHOWN);
    let _ = writeln!(text, "all maps: {}", folder.file("maps.txt").display());
    Finished {
        document: Document::new("digest", &settled, vec![part])?,
        config: &config,
        seed,
        text,
        tables: &[("Result", &o.rows)],
        figures: &[],
        outputs,
        json: args.run.json,
    }
    .conclude(&folder)
}

/// The fragments in order, a line for each enzyme.
fn maps(model: &DoubleDigest, orderings: &[Ordering], most: usize) -> String {
    let list = |x: &[f64]| x.iter().map(f64::to_string).collect::<Vec<_>>().join(" ");
    let mut text = String::new();
    for (k, o) in orderings.iter().take(most).enumerate() {
        let _ = writeln!(text, "map {}\n  A: {}\n  B: {}", k + 1, list(&o.a), list(&o.b));
        if let Ok(state) = model.at(&o.a, &o.b) {
            let _ = writeln!(
                text,
                "  cuts of A: {}\n  cuts of B: {}",
                list(state.cuts_a()),
                list(state.cuts_b())
            );
        }
    }
    if orderings.len() > most {
        let _ = writeln!(text, "... and {} more", orderings.len() - most);
    }
    text
}
