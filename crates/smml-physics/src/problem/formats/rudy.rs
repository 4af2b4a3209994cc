//! rudy's graphs, as in the G-set: the problem is the largest cut.

use super::{
    Problem,
    text::{Entries, Source},
};
use smml_core::{error::Result, graph::SparseGraph};
use std::fmt::Write as _;

pub(super) fn read(source: &mut Source<'_>) -> Result<Problem> {
    let header = source.next_line().ok_or_else(|| source.truncated("a header `n m`"))?;
    let mut words = header.words();
    let n = header.expect(&mut words, "the number of vertices")?;
    let n = n.whole("number of vertices", 1, source.most_variables())?;
    let m = header.expect(&mut words, "the number of edges")?;
    let m = m.whole("number of edges", 0, source.text.len() as u64)?;
    for word in words {
        let message = format!("stray {} at column {} of the header, read over", word.shown(), word.column);
        source.warn(header.number, message);
    }
    let mut edges = Vec::new();
    let mut entries = Entries::default();
    while let Some(line) = source.next_line() {
        if edges.len() as u64 == m {
            return Err(line.error(format!("more than the {m} edges that line {} announces", header.number)));
        }
        let mut words = line.words();
        let i = line.expect(&mut words, "a vertex")?.whole("vertex", 1, n)? as u32 - 1;
        let second = line.expect(&mut words, "the second vertex of an edge")?;
        let j = second.whole("vertex", 1, n)? as u32 - 1;
        if i == j {
            return Err(second.error("vertex", "another one than the first of the edge"));
        }
        let weight = words.next().map_or(Ok(1.0), |w| w.real("weight"))?;
        line.end(&mut words, "behind the weight")?;
        entries.note(line.number, i, j, 1);
        edges.push((i, j, weight));
    }
    if (edges.len() as u64) < m {
        return Err(source.truncated(format!("{m} edges, there are {}", edges.len())));
    }
    source.warn_repeated(&entries);
    let graph = source.at_line(source.line, SparseGraph::new(n as usize, &edges))?;
    source.at_line(source.line, Problem::max_cut(&graph))
}

pub(super) fn write(graph: &SparseGraph) -> String {
    let mut out = format!("{} {}\n", graph.n_vertices(), graph.n_edges());
    for (i, j, w) in graph.edges() {
        let _ = writeln!(out, "{} {} {w}", i + 1, j + 1); // a String takes everything
    }
    out
}
