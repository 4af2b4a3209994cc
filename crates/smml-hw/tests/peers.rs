//! Nodes and edges of every family against other programs, through the hashes in `peers.txt`, which
//! `benches/peers/topologies.py` writes.

use sha2::{Digest, Sha256};
use smml_hw::topology::{Layout, Shape, Topology};

const PEERS: &str = include_str!("peers.txt");

fn shape(family: &str, sizes: &[u32]) -> Shape {
    match (family, sizes) {
        ("king", &[rows, columns]) => Shape::King { rows, columns },
        ("chimera", &[rows, columns, tile]) => Shape::Chimera { rows, columns, tile },
        ("pegasus", &[size]) => Shape::Pegasus { size, fabric: true },
        ("pegasus-full", &[size]) => Shape::Pegasus { size, fabric: false },
        ("zephyr", &[size, tile]) => Shape::Zephyr { size, tile },
        _ => panic!("{family} {sizes:?}"),
    }
}

fn sha256(lines: impl Iterator<Item = String>) -> String {
    let mut hash = Sha256::new();
    lines.for_each(|line| hash.update(line));
    hash.finalize().iter().map(|b| format!("{b:02x}")).collect()
}

#[test]
fn nodes_and_edges_are_those_of_other_programs() {
    let mut n_of = std::collections::BTreeMap::new();
    for line in PEERS.lines().filter(|l| !l.starts_with('#')) {
        let words: Vec<&str> = line.split(' ').collect();
        let [family, sizes, n_nodes, n_edges, nodes, edges] = words[..] else { panic!("{line}") };
        let sizes: Vec<u32> = sizes.split('x').map(|s| s.parse().unwrap()).collect();
        let topology = Topology::new(Layout::new(shape(family, &sizes)).unwrap()).unwrap();
        let (graph, numbers) = (topology.graph(), topology.numbers());
        assert_eq!(graph.n_vertices().to_string(), n_nodes, "{family} {sizes:?}");
        assert_eq!(graph.n_edges().to_string(), n_edges, "{family} {sizes:?}");
        let of_nodes = sha256(numbers.iter().map(|n| format!("{n}\n")));
        assert_eq!(of_nodes, nodes, "nodes of {family} {sizes:?}");
        // Numbers grow with vertices, so the order of the edges is that of their numbers.
        let of_edges = sha256(
            graph.edges().map(|(i, j, _)| format!("{} {}\n", numbers[i as usize], numbers[j as usize])),
        );
        assert_eq!(of_edges, edges, "edges of {family} {sizes:?}");
        *n_of.entry(family).or_insert(0) += 1;
    }
    let expected = [("chimera", 12), ("king", 10), ("pegasus", 15), ("pegasus-full", 15), ("zephyr", 60)];
    assert_eq!(n_of.into_iter().collect::<Vec<_>>(), expected);
}
