//! `smml graph`: a graph of a sparse Ising machine, or that of a problem in a file, in numbers; as an edge list, a table of
//! its qubits and a drawing where asked.

mod missing;
mod write;

use crate::{
    args::graph::{GraphArgs, shape},
    error::Failure,
    output,
    run::{config, input::Input},
};
use serde::Serialize;
use smml_hw::topology::{Layout, Method, Shape, Topology};
use smml_physics::problem::formats::{self, Format};
use std::path::Path;

/// Names of families on the command line.
const FAMILIES: [&str; 4] = ["king", "chimera", "pegasus", "zephyr"];

/// A graph, and what its file says of it.
struct Source {
    topology: Topology,
    /// As it is called in the output.
    title: String,
    /// Names of the variables of a problem, by number.
    names: Option<Vec<String>>,
}

/// What is printed.
#[derive(Serialize)]
struct Summary<'a> {
    graph: &'a str,
    /// Of a family.
    #[serde(skip_serializing_if = "Option::is_none")]
    shape: Option<Shape>,
    missing_qubits: usize,
    missing_couplers: usize,
    qubits: usize,
    couplers: usize,
    /// Connected components.
    parts: usize,
    degree: Degrees,
    #[serde(skip_serializing_if = "Option::is_none")]
    colouring: Option<Colours>,
}

#[derive(Serialize)]
struct Degrees {
    smallest: usize,
    largest: usize,
    mean: f64,
    /// Qubits by their number of couplers, from 0.
    qubits: Vec<usize>,
}

#[derive(Serialize)]
struct Colours {
    method: &'static str,
    colours: usize,
    /// Qubits of each colour.
    qubits: Vec<usize>,
}

/// Runs the command.
pub(crate) fn run(args: &GraphArgs) -> Result<(), Failure> {
    write::check(args)?;
    let Source { mut topology, title, names } = source(args)?;
    let qubits = args.missing.as_deref().map(missing::qubits).transpose()?.unwrap_or_default();
    let couplers = args.missing_couplers.as_deref().map(missing::couplers).transpose()?.unwrap_or_default();
    let named = |flag: &str, list: &str, e: smml_hw::Error| Failure::Usage(format!("{flag} {list}: {e}"));
    // Couplers first: they may be named with qubits that are missing as well.
    if let Some(list) = &args.missing_couplers {
        topology = topology.without_couplers(&couplers).map_err(|e| named("--missing-couplers", list, e))?;
    }
    if let Some(list) = &args.missing {
        topology = topology.without(&qubits).map_err(|e| named("--missing", list, e))?;
    }
    write::files(args, &topology, names.as_deref(), &title)?;
    let summary = Summary {
        graph: &title,
        shape: topology.layout().map(Layout::shape),
        missing_qubits: qubits.len(),
        missing_couplers: couplers.len(),
        qubits: topology.graph().n_vertices(),
        couplers: topology.graph().n_edges(),
        parts: topology.graph().components().n(),
        degree: degrees(&topology),
        colouring: args.colour.then(|| Colours {
            method: method(topology.method()),
            colours: topology.colouring().n_colours(),
            qubits: topology.colouring().classes().map(<[u32]>::len).collect(),
        }),
    };
    output::print(&if args.json { output::json(&summary)? } else { text(&summary) })
}

fn method(method: Method) -> &'static str {
    match method {
        Method::ClosedForm => "closed form",
        Method::Dsatur => "DSATUR",
    }
}

fn degrees(topology: &Topology) -> Degrees {
    let graph = topology.graph();
    let mut qubits = vec![0; graph.max_degree() + 1];
    (0..graph.n_vertices()).for_each(|v| qubits[graph.degree(v)] += 1);
    Degrees {
        smallest: qubits.iter().position(|&n| n > 0).unwrap_or(0),
        largest: graph.max_degree(),
        mean: 2.0 * graph.n_edges() as f64 / graph.n_vertices() as f64,
        qubits,
    }
}

/// The graph that is asked for, whole.
fn source(args: &GraphArgs) -> Result<Source, Failure> {
    let word = args.what.to_string_lossy();
    if !FAMILIES.contains(&&*word) {
        return from_file(args, &word);
    }
    if args.format.is_some() {
        return Err(Failure::Usage(format!("--format: for the file of a problem, {word} is none")));
    }
    let shape = shape(&word, &args.sizes, args.full).map_err(Failure::Usage)?;
    let layout = Layout::new(shape).map_err(|e| Failure::Usage(format!("{word}: {e}")))?;
    Ok(Source { topology: Topology::new(layout)?, title: layout.to_string(), names: None })
}

/// The graph of the problem in a file, and the names of its variables.
pub(super) fn of_problem(
    input: &Input,
    path: &Path,
    format: Option<Format>,
    quiet: bool,
) -> Result<(Topology, Option<Vec<String>>), Failure> {
    let options = formats::Options { format, form: None };
    let read = formats::from_bytes(&input.bytes, path, &options)?;
    for warning in &read.warnings {
        output::remark(quiet, &format!("warning: {warning}"));
    }
    let topology = Topology::from_problem(&read.problem)
        .map_err(|e| Failure::Usage(format!("{}: {e}", path.display())))?;
    Ok((topology, read.problem.names().map(<[String]>::to_vec)))
}

fn from_file(args: &GraphArgs, word: &str) -> Result<Source, Failure> {
    let path = &args.what;
    if !path.exists() {
        let names = FAMILIES.map(String::from);
        let near = config::nearest(word, &names);
        return Err(Failure::File(format!(
            "{word}: no such file, and none of {}{near}",
            FAMILIES.join(", ")
        )));
    }
    if let Some(size) = args.sizes.first() {
        return Err(Failure::Usage(format!("{size}: a file has no size to choose")));
    }
    if args.full {
        return Err(Failure::Usage("--full: for pegasus".into()));
    }
    if args.image.is_some() {
        return Err(Failure::Usage("--image: a graph from a file has no coordinates to draw it by".into()));
    }
    let input = Input::read(path, formats::MAX_BYTES)?;
    let (topology, names) = of_problem(&input, path, args.format.map(Into::into), args.json)?;
    Ok(Source { topology, title: path.display().to_string(), names })
}

fn text(summary: &Summary<'_>) -> String {
    let mut text = summary.graph.to_string();
    let missing: Vec<String> = [(summary.missing_qubits, "qubit"), (summary.missing_couplers, "coupler")]
        .iter()
        .filter(|m| m.0 > 0)
        .map(|m| output::counted(m.0 as u64, m.1))
        .collect();
    if !missing.is_empty() {
        text += &format!(" without {}", missing.join(" and "));
    }
    let Degrees { smallest, largest, mean, qubits } = &summary.degree;
    text += &format!(
        ": {}, {}, {}; degrees {smallest} to {largest}, mean {mean:.2}\n",
        output::counted(summary.qubits as u64, "qubit"),
        output::counted(summary.couplers as u64, "coupler"),
        if summary.parts == 1 { "connected".into() } else { format!("{} parts", summary.parts) },
    );
    let mut table = output::Table::new(&["degree", "qubits"]);
    for (degree, n) in qubits.iter().enumerate().filter(|(_, n)| **n > 0) {
        table.row(vec![degree.to_string(), n.to_string()]);
    }
    text += &table.text();
    if let Some(Colours { method, colours, qubits }) = &summary.colouring {
        text += &format!("{}, by {method}\n", output::counted(*colours as u64, "colour"));
        let mut table = output::Table::new(&["colour", "qubits"]);
        for (colour, n) in qubits.iter().enumerate() {
            table.row(vec![colour.to_string(), n.to_string()]);
        }
        text += &table.text();
    }
    text
}
