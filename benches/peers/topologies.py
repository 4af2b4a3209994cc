# pip install dwave-networkx dwave-graphs networkx
"""Nodes and edges of Chimera, Pegasus and Zephyr graphs in dwave-networkx and dwave-graphs, and of king's graphs in networkx.

Prints the file that the tests of smml-hw read:

    python benches/peers/topologies.py > crates/smml-hw/tests/peers.txt

A line is `family sizes nodes edges hash hash`, sizes joined by `x`. The first hash is the SHA-256 of the node numbers, `n\n`
each, increasing; the second that of the edges, `a b\n` each with a < b, in increasing order. Where two programs have a family,
they must agree, and this script fails if they do not.
"""

import hashlib
import importlib.metadata
import os
import sys
import warnings

if "SMML_BENCH_ONLY" in os.environ:
    sys.exit(0)  # `cargo xtask bench --peers` runs all scripts here; this one times nothing

warnings.filterwarnings("ignore")  # dwave-networkx says that dwave-graphs follows it

import dwave.graphs as dwave_graphs
import dwave_networkx
import networkx

PEERS = (dwave_networkx, dwave_graphs)


def described(nodes, edges):
    nodes = sorted(nodes)
    edges = sorted((min(e), max(e)) for e in edges)
    assert len(set(nodes)) == len(nodes) and len(set(edges)) == len(edges)
    texts = ("".join(f"{n}\n" for n in nodes), "".join(f"{a} {b}\n" for a, b in edges))
    hashes = (hashlib.sha256(text.encode()).hexdigest() for text in texts)
    return " ".join([str(len(nodes)), str(len(edges)), *hashes])


def report(family, sizes, graphs):
    lines = {described(graph.nodes, graph.edges) for graph in graphs}
    if len(lines) != 1:
        sys.exit(f"{family} {sizes}: the programs differ")
    print(family, "x".join(map(str, sizes)), lines.pop(), flush=True)


def main():
    names = ("dwave-networkx", "dwave-graphs", "networkx")
    print("# benches/peers/topologies.py,", ", ".join(f"{n} {importlib.metadata.version(n)}" for n in names))

    for rows, columns in [(1, 1), (1, 2), (2, 1), (1, 7), (7, 1), (2, 2), (3, 4), (8, 8), (13, 21), (50, 40)]:
        pairs = networkx.strong_product(networkx.path_graph(rows), networkx.path_graph(columns))
        number = {(y, x): y * columns + x for y, x in pairs.nodes}
        report("king", (rows, columns), [networkx.relabel_nodes(pairs, number)])

    for m, n, t in [(1, 1, 1), (1, 1, 4), (1, 5, 2), (6, 1, 3), (2, 2, 4), (3, 7, 1), (5, 2, 5), (4, 4, 4), (8, 8, 4), (12, 12, 4), (7, 16, 3), (16, 16, 4)]:
        report("chimera", (m, n, t), [peer.chimera_graph(m, n, t) for peer in PEERS])

    for m in range(2, 17):
        report("pegasus", (m,), [peer.pegasus_graph(m) for peer in PEERS])
        report("pegasus-full", (m,), [peer.pegasus_graph(m, fabric_only=False) for peer in PEERS])

    for t in range(1, 5):
        for m in range(1, 16):
            report("zephyr", (m, t), [peer.zephyr_graph(m, t) for peer in PEERS])


if __name__ == "__main__":
    main()
