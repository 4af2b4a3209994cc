# pip install thrml dwave-networkx networkx
"""Block Gibbs sampling of Ising machines on Pegasus P14 by thrml: nanoseconds of wall time a flip, on one thread and on two.

Prints one JSON object a line: {"name": ..., "value": ..., "unit": ..., "peer": ...}. 64 chains of 4,264 spins with 30,404
normal couplings, as in benches/timings/pbits.rs; four colours. The best of 3 after one run that compiles; each count of
threads in a process of its own, since XLA reads it once.
"""
import importlib.metadata
import json
import os
import subprocess
import sys
import time

CHAINS = 64
SWEEPS = 100


def measure(threads):
    if threads == 1:
        os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
        os.sched_setaffinity(0, {0})
    os.environ["JAX_PLATFORMS"] = "cpu"
    import warnings

    warnings.filterwarnings("ignore")
    import dwave_networkx as dnx
    import jax
    import jax.numpy as jnp
    import networkx as nx
    import numpy as np
    from thrml import Block, SamplingSchedule, SpinNode, sample_states
    from thrml.models import IsingEBM, IsingSamplingProgram, hinton_init

    graph = nx.convert_node_labels_to_integers(dnx.pegasus_graph(14))
    colours = nx.greedy_color(graph, "smallest_last")
    nodes = [SpinNode() for _ in graph]
    edges = [(nodes[a], nodes[b]) for a, b in graph.edges()]
    weights = 0.3 * np.random.default_rng(0).standard_normal(len(edges))
    model = IsingEBM(nodes, edges, jnp.zeros(len(nodes)), jnp.asarray(weights, dtype=jnp.float32), jnp.array(1.0))
    blocks = [Block([nodes[i] for i in graph if colours[i] == c]) for c in range(max(colours.values()) + 1)]
    program = IsingSamplingProgram(model, blocks, [])
    key = jax.random.key(0)
    start = hinton_init(key, model, blocks, (CHAINS,))
    schedule = SamplingSchedule(n_warmup=SWEEPS, n_samples=1, steps_per_sample=1)
    run = jax.jit(jax.vmap(lambda k, i: sample_states(k, program, schedule, i, [], [Block(nodes)])))
    keys = jax.random.split(key, CHAINS)
    jax.block_until_ready(run(keys, start))
    best = float("inf")
    for _ in range(3):
        begin = time.perf_counter()
        jax.block_until_ready(run(keys, start))
        best = min(best, time.perf_counter() - begin)
    # Warm-up sweeps and the one that leads to the sample.
    print(1e9 * best / (len(nodes) * CHAINS * (SWEEPS + 1)))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(int(sys.argv[1]))
    else:
        peer = f"thrml {importlib.metadata.version('thrml')}"
        for threads, name in ((1, "p-bits p14"), (2, "p-bits p14 on 2 cores")):
            out = subprocess.run([sys.executable, __file__, str(threads)], check=True, capture_output=True, text=True)
            value = float(out.stdout.split()[-1])
            print(json.dumps({"name": name, "value": value, "unit": "ns", "peer": peer}), flush=True)
