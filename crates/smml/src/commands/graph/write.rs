//! Files of a graph: its couplers as a problem, its qubits as a table, its drawing.

use crate::{args::graph::GraphArgs, error::Failure, report::network};
use smml_hw::topology::Topology;
use smml_physics::problem::{
    Builder, Form, Problem, Sense,
    formats::{self, Format},
};
use std::{io::Write as _, path::Path};

/// Most couplers of a drawing: more are a grey square in a large file.
const MAX_DRAWN: usize = 1 << 18;

/// Refuses early what cannot be written.
pub(super) fn check(args: &GraphArgs) -> Result<(), Failure> {
    let flags = [("--out", &args.out), ("--nodes", &args.nodes), ("--image", &args.image)];
    let given = || flags.iter().filter_map(|(flag, path)| path.as_ref().map(|p| (*flag, p)));
    for (flag, path) in given() {
        if path.exists() && !args.force {
            return Err(Failure::Usage(format!("{}: exists; --force replaces it", path.display())));
        }
        if path == &args.what {
            return Err(Failure::Usage(format!("{flag} {}: the graph is read from there", path.display())));
        }
        if let Some((other, _)) = given().find(|(other, p)| *p == path && *other != flag) {
            return Err(Failure::Usage(format!("{flag} and {other}: {} for both", path.display())));
        }
    }
    if args.out.as_deref().and_then(Format::of_path) == Some(Format::Dimacs) {
        let allowed = "a graph is written as rudy, coo, qubo, mtx or json";
        return Err(Failure::Usage(format!("--out: clauses are no couplers; {allowed}")));
    }
    for (flag, path, wanted) in [("--nodes", &args.nodes, "csv"), ("--image", &args.image, "svg")] {
        let is = |p: &Path| p.extension().is_some_and(|e| e.eq_ignore_ascii_case(wanted));
        if let Some(path) = path.as_deref().filter(|p| !is(p)) {
            return Err(Failure::Usage(format!("{flag} {}: must end in .{wanted}", path.display())));
        }
    }
    Ok(())
}

/// Writes what is asked for, each file whole or not at all.
pub(super) fn files(
    args: &GraphArgs,
    topology: &Topology,
    names: Option<&[String]>,
    title: &str,
) -> Result<(), Failure> {
    let n = topology.graph().n_edges();
    if args.image.is_some() && n > MAX_DRAWN {
        return Err(Failure::Usage(format!("--image: {n} couplers, a drawing has at most {MAX_DRAWN}")));
    }
    let save =
        |path: &Path, bytes: &[u8]| Ok::<(), Failure>(smml_core::store::write_atomically(path, bytes)?);
    if let Some(path) = &args.out {
        let format = Format::of_path(path).unwrap_or(Format::Rudy);
        let text = formats::to_text(&problem(topology, names, format)?, format)?;
        if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("gz")) {
            let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            let packed = packed.write_all(text.as_bytes()).and_then(|()| packed.finish());
            save(path, &packed.map_err(|e| Failure::io(path, &e))?)?;
        } else {
            save(path, text.as_bytes())?;
        }
    }
    if let Some(path) = &args.nodes {
        save(path, &table(topology, names).map_err(|e| Failure::File(format!("{}: {e}", path.display())))?)?;
    }
    if let Some(path) = &args.image {
        let positions: Vec<(f64, f64)> =
            (0..topology.graph().n_vertices()).filter_map(|v| topology.position(v)).collect();
        let colours = args.colour.then(|| topology.colouring().colours());
        let edges = topology.graph().edges().map(|(i, j, _)| (i as usize, j as usize));
        save(path, network::svg(title, &positions, edges, colours).as_bytes())?;
    }
    Ok(())
}

/// The cut of the graph for rudy, else Σ sᵢ sⱼ over its couplers, to be minimised.
fn problem(topology: &Topology, names: Option<&[String]>, format: Format) -> Result<Problem, Failure> {
    let graph = topology.graph();
    if format == Format::Rudy {
        return Ok(Problem::max_cut(graph)?);
    }
    let mut b = Builder::new(Form::Spin, Sense::Minimise, graph.n_vertices())?;
    for (i, j, _) in graph.edges() {
        b.term(&[i, j], 1.0)?;
    }
    let name = |&q: &u32| names.map_or(q.to_string(), |names| names[q as usize].clone());
    b.names(topology.numbers().iter().map(name).collect())?;
    Ok(b.build()?)
}

/// `vertex,number,name,y,x,...,across,down,colour`, without what the graph has not.
fn table(topology: &Topology, names: Option<&[String]>) -> Result<Vec<u8>, String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let axes = topology.layout().map(|layout| layout.axes()).unwrap_or_default();
    let mut head = vec!["vertex", "number"];
    if names.is_some() {
        head.push("name");
    }
    head.extend(axes.iter().map(|a| a.0));
    if topology.layout().is_some() {
        head.extend(["across", "down"]);
    }
    head.push("colour");
    writer.write_record(&head).map_err(|e| e.to_string())?;
    for (v, &q) in topology.numbers().iter().enumerate() {
        let mut row = vec![v.to_string(), q.to_string()];
        row.extend(names.map(|names| names[q as usize].clone()));
        row.extend(topology.coordinate(v).iter().flat_map(|at| at.iter().map(u32::to_string)));
        row.extend(topology.position(v).iter().flat_map(|(x, y)| [x.to_string(), y.to_string()]));
        row.push(topology.colouring().colours()[v].to_string());
        writer.write_record(&row).map_err(|e| e.to_string())?;
    }
    writer.into_inner().map_err(|e| e.to_string())
}
