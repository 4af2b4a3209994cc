//! Chapter hw, section 3.11: the graphs of sparse Ising machines, and what an array of p-bits costs. `sampler` holds the exact
//! law of the machine and its samples, `dbm` learning.

mod dbm;
mod sampler;

use super::check::{Check, Context, Outcome};
use crate::{
    catalogue::Chapter,
    error::Failure,
    report::figure::{Axis, Figure, Series, Style},
};
use sha2::{Digest, Sha256};
use smml_core::{
    estimate::Estimate,
    graph::{Colouring, SparseGraph},
    rng::{Draw, Streams},
};
use smml_hw::{
    machine::{CHAINS, Chains, FixedNetwork, Format, Gains, PBitArray, Wiring},
    topology::Topology,
};
use std::{sync::Arc, time::Instant};

/// The checks of this chapter.
pub(super) fn checks() -> Vec<&'static Check> {
    CHECKS.iter().collect()
}

static CHECKS: [Check; 4] = [
    Check {
        id: "sparse-graphs",
        chapter: Chapter::Hw,
        equations: &[],
        title: "King's graph, Chimera, Pegasus and Zephyr as other programs have them",
        run: graphs,
    },
    Check {
        id: "sparse-sampler",
        chapter: Chapter::Hw,
        equations: &["41"],
        title: "The law of p-bits in fixed point and in floating point, against enumeration",
        run: sampler::sampler,
    },
    Check {
        id: "sparse-dbm",
        chapter: Chapter::Hw,
        equations: &[],
        title: "A deep Boltzmann machine on a sparse graph learns",
        run: dbm::learning,
    },
    Check {
        id: "sparse-cost",
        chapter: Chapter::Hw,
        equations: &[],
        title: "Time of the published recipe on an array of p-bits, and here",
        run: cost,
    },
];

/// A graph with what other programs say of it.
struct Known {
    name: &'static str,
    topology: fn() -> smml_hw::Result<Topology>,
    nodes: usize,
    edges: usize,
    /// Smallest and largest degree.
    degrees: (usize, usize),
    colours: usize,
    /// SHA-256 of the numbers of its nodes, a line each, and of its edges.
    hashes: [&'static str; 2],
}

/// Numbers, degrees and hashes by dwave-networkx 0.8.19 and dwave-graphs 1.2.0, of king's graph by networkx 3.6.1:
/// `benches/peers/topologies.py` writes them, and `crates/smml-hw/tests/peers.txt` has them for 112 graphs.
const KNOWN: [Known; 4] = [
    Known {
        name: "Chimera C16",
        topology: || Topology::chimera(16, 16, 4),
        nodes: 2048,
        edges: 6016,
        degrees: (5, 6),
        colours: 2,
        hashes: [
            "3f79374c0bc8fc27e6ac6b2442a16b98c7def7ec5547f45e7130f2a64d1e4af5",
            "2edf8b6b853d8456e99efabc473554dba9c3604cb2a4f2bafb2b1a89cf05891c",
        ],
    },
    Known {
        name: "king's graph 50 × 40",
        topology: || Topology::king(50, 40),
        nodes: 2000,
        edges: 7732,
        degrees: (3, 8),
        colours: 4,
        hashes: [
            "60ca767d880385d16bd409800190b12f8eb69cff0a3117a3fa106ed751d2b386",
            "f15423b7cf837c12001258486679d1d5769d5b216c51adf2e2e3c0e0d3730267",
        ],
    },
    Known {
        name: "Pegasus P14",
        topology: || Topology::pegasus(14),
        nodes: 4264,
        edges: 30404,
        degrees: (6, 15),
        colours: 4,
        hashes: [
            "5bb910ce9c67fb9a0d34d312d0aa17f5e5e07eeb0dda78a17c093f0a0dafce8c",
            "69135215c5b3e43b4f8d26d49b23ab68060b328b4658d4a5166b58104a16783c",
        ],
    },
    Known {
        name: "Zephyr Z12",
        topology: || Topology::zephyr(12, 4),
        nodes: 4800,
        edges: 45864,
        degrees: (10, 20),
        colours: 4,
        hashes: [
            "375ec9b29f762242cc1c3ee97c8a6c7634989154127176d5e9ec76131e32aa9b",
            "ef22ee5f626012490211d16216a7dc50af4c7f5a09470bc2f370429121f3a0b5",
        ],
    },
];

fn sha256(lines: impl Iterator<Item = String>) -> String {
    let mut hash = Sha256::new();
    lines.for_each(|line| hash.update(line));
    hash.finalize().iter().map(|b| format!("{b:02x}")).collect()
}

/// Whether four nodes are all coupled to each other: fewer than four colours are then not enough.
fn has_complete_four(graph: &SparseGraph) -> bool {
    let near = |i: u32, j: u32| graph.weight(i as usize, j as usize).is_some();
    graph.edges().any(|(i, j, _)| {
        let both: Vec<u32> = graph.neighbours(i as usize).0.iter().copied().filter(|k| near(*k, j)).collect();
        both.iter().any(|k| both.iter().any(|l| near(*k, *l)))
    })
}

fn graphs(_: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let mut series = Vec::new();
    for (k, known) in KNOWN.iter().enumerate() {
        let name = known.name;
        let topology = (known.topology)()?;
        let (graph, numbers) = (topology.graph(), topology.numbers());
        o.computed(format!("{name}: nodes"), graph.n_vertices() as f64, known.nodes as f64, 0.0);
        o.computed(format!("{name}: edges"), graph.n_edges() as f64, known.edges as f64, 0.0);
        let mut counts = vec![0u32; graph.max_degree() + 1];
        (0..graph.n_vertices()).for_each(|i| counts[graph.degree(i)] += 1);
        let least = counts.iter().position(|n| *n > 0).unwrap_or(0);
        o.holds(
            format!("{name}: degrees from {} to {}", known.degrees.0, known.degrees.1),
            (least, graph.max_degree()) == known.degrees,
        );
        let nodes = sha256(numbers.iter().map(|n| format!("{n}\n")));
        let edges = sha256(
            graph.edges().map(|(i, j, _)| format!("{} {}\n", numbers[i as usize], numbers[j as usize])),
        );
        o.holds(
            format!("{name}: node by node and edge by edge that of other programs"),
            [&nodes[..], &edges[..]] == known.hashes,
        );
        let colouring = topology.colouring();
        let colours = colouring.colours();
        o.holds(
            format!("{name}: no edge joins two nodes of one of its {} colours", known.colours),
            colouring.n_colours() == known.colours
                && graph.edges().all(|(i, j, _)| colours[i as usize] != colours[j as usize]),
        );
        let fewest = if known.colours == 2 { graph.n_edges() > 0 } else { has_complete_four(graph) };
        o.holds(format!("{name}: fewer colours are not enough"), fewest);
        let sizes = colouring.classes().map(<[u32]>::len);
        let (small, large) = sizes.fold((usize::MAX, 0), |(s, l), n| (s.min(n), l.max(n)));
        o.computed(
            format!("{name}: nodes of the largest colour less the smallest"),
            (large - small) as f64,
            0.0,
            0.0,
        );
        let dsatur = Colouring::dsatur(graph).n_colours();
        o.reported(format!("{name}: colours that DSATUR needs"), Estimate::exact(dsatur as f64));
        let share = |n: &u32| f64::from(*n) / graph.n_vertices() as f64;
        let points = counts.iter().enumerate().filter(|(_, n)| **n > 0).map(|(d, n)| (d as f64, share(n)));
        series.push(Series::new(name, Style::LinePoints, points.collect()).in_colour(k));
    }
    o.figure(Figure::plot(
        "sparse-degrees",
        "Couplers of a qubit",
        "How many nodes have how many neighbours. The network of the published machine is Pegasus P14: 4,264 p-bits of 6 to 15 neighbours.",
        Axis::linear("neighbours of a node"),
        Axis::linear("share of the nodes"),
        series,
    ));
    o.note("Colours come from formulas in the coordinates, so that all nodes of one colour can be updated at once. Four nodes that are all coupled to each other show that four colours are needed; a graph with an edge needs two.");
    Ok(o)
}

/// The published machine and recipe (Niazi et al. 2024): see the page of section 3.11.
const PUBLISHED: Recipe =
    Recipe { batch: 50, of_row: 40, of_model: 100_000, rows: 60_000, to_classify: 100_000 };

/// Sweeps of a training.
struct Recipe {
    /// Rows of a batch.
    batch: u64,
    /// Sweeps of each row.
    of_row: u64,
    /// Sweeps of the model's chain for each batch.
    of_model: u64,
    /// Rows of an epoch.
    rows: u64,
    /// Sweeps to classify an image.
    to_classify: u64,
}

fn cost(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let topology = Topology::pegasus(14)?;
    let wiring = Arc::new(Wiring::new(topology.graph(), topology.colouring())?);
    // 64 flips/ns on 1,066 p-bits of a colour are one update each in 16.7 ns.
    let array = PBitArray::of(&wiring, 60e6, 1, 1e-12)?;
    o.computed("flips/ns of 1,066 p-bits a cycle at 60 MHz", array.flips_per_ns(), 63.96, 1e-9);
    let slow = PBitArray::of(&wiring, 47e6, 1, 1e-12)?;
    o.at_least(
        "at 47 MHz: the published 50 to 64 are those of 47 to 60 MHz",
        Estimate::exact(slow.flips_per_ns()),
        50.0,
    );
    let Recipe { batch, of_row, of_model, rows, to_classify } = PUBLISHED;
    let per_batch = batch * of_row + of_model;
    let epoch = rows / batch * per_batch;
    o.computed("sweeps of the published recipe for a batch of 50", per_batch as f64, 102_000.0, 0.0);
    o.computed("flips of an epoch, 10¹¹", (epoch * 4264) as f64 / 1e11, 5.219_136, 1e-12);
    o.computed("seconds of an epoch on the array, 1,200 batches", array.seconds(epoch), 8.16, 1e-9);
    o.computed(
        "milliseconds to classify an image by 100,000 sweeps",
        1e3 * array.seconds(to_classify),
        6.666_666_667,
        1e-9,
    );
    o.computed(
        "energy goes with flips: joules of two arrays of unlike clocks",
        array.joules(epoch) / slow.joules(epoch),
        1.0,
        1e-15,
    );
    o.figure(speed(ctx)?);
    o.note("The array counts updates alone; reading states out and loading weights come on top. Its flips are those of one chain, ours those of 64 chains side by side on one thread: the same throughput does not mix one chain as fast, and the columns do not compare.");
    Ok(o)
}

/// Sweeps of 64 chains on one thread, of machines of all families.
fn speed(ctx: &Context<'_>) -> Result<Figure, Failure> {
    let mut points = Vec::new();
    let repeats = ctx.level.pick(3, 7, 15);
    let mut names = Vec::new();
    for known in &KNOWN {
        let topology = (known.topology)()?;
        let wiring = Arc::new(Wiring::new(topology.graph(), topology.colouring())?);
        let mut rng = Streams::new(11).stream("weights", 0);
        let couplings: Vec<f64> = (0..wiring.n_edges()).map(|_| 0.3 * rng.normal()).collect();
        let fields = vec![0.0; wiring.n_nodes()];
        let network = FixedNetwork::new(wiring.clone(), Format::S4_5, &couplings, &fields)?;
        let gains = Gains::new(&network, &[1.0])?;
        let mut chains = Chains::random(wiring.n_nodes(), &mut rng);
        let sweeps = 100;
        let mut best = f64::INFINITY;
        for _ in 0..repeats {
            let begin = Instant::now();
            chains.sweep(&network, &gains, wiring.order(), sweeps, &mut rng)?;
            best = best.min(begin.elapsed().as_secs_f64());
        }
        let degree = 2.0 * wiring.n_edges() as f64 / wiring.n_nodes() as f64;
        points.push((degree, 1e-9 * (sweeps * CHAINS * wiring.n_nodes()) as f64 / best));
        names.push(known.name);
    }
    let ends = |y: f64| vec![(points[0].0, y), (points[points.len() - 1].0, y)];
    Ok(Figure::plot(
        "sparse-speed",
        "Updates of p-bits a nanosecond",
        &format!("Format s{{4}}{{5}}, 64 chains on one thread of this machine, best of {repeats}: {}, in the order of their mean degrees. Dashed: what is published for the FPGA, in one chain.", names.join(", ")),
        Axis::linear("mean number of neighbours"),
        Axis::log("flips / ns"),
        vec![
            Series::new("here, 64 chains", Style::LinePoints, points.clone()),
            Series::new("FPGA, one chain, 50", Style::Dashed, ends(50.0)),
            Series::new("FPGA, one chain, 64", Style::Dashed, ends(64.0)),
        ],
    )
    .timed())
}
