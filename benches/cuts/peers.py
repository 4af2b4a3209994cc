# pip install numpy dimod dwave-samplers openjij
"""The best cut of a graph that dwave-samplers and OpenJij find in a given CPU time.

usage: peers.py FILE SECONDS SEED

Both anneal geometrically between ln 2 / (2 largest field) and ln 100 / (2 smallest weight), again and again from new
seeds until the time is used up; once with 1,000 sweeps a run and once with 10,000, each for the whole time, and the
better of the two counts. Prints one JSON object a line: {"peer": ..., "cut": ..., "seconds": ...}.
"""
import importlib.metadata
import json
import os
import sys
import time

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"
import dimod
import numpy as np
import openjij as oj
from dwave.samplers import SimulatedAnnealingSampler


def read(path):
    """A rudy file; words behind the two numbers of the first line are left out."""
    with open(path) as lines:
        n, m = (int(word) for word in next(lines).split()[:2])
        rows = [line.split() for line in lines if line.strip()]
    i, j = (np.array([int(row[k]) - 1 for row in rows]) for k in (0, 1))
    w = np.array([float(row[2]) if len(row) > 2 else 1.0 for row in rows])
    assert len(w) == m, f"{path}: {len(w)} edges, not {m}"
    return n, i, j, w


def main():
    path, budget, seed = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
    n, i, j, w = read(path)
    field = np.zeros(n)
    np.add.at(field, i, abs(w))
    np.add.at(field, j, abs(w))
    hot, cold = float(np.log(2) / (2 * field.max())), float(np.log(100) / (2 * abs(w).min()))
    model = dimod.BinaryQuadraticModel.from_numpy_vectors(np.zeros(n), (i, j, w), 0.0, "SPIN")
    dwave = SimulatedAnnealingSampler()
    pairs = {(int(a), int(b)): float(c) for a, b, c in zip(i, j, w)}
    theirs = oj.model.model.BinaryQuadraticModel({}, pairs, 0.0, "SPIN", sparse=True)
    openjij = oj.SASampler()

    def by_dwave(sweeps, seed):
        found = dwave.sample(model, num_reads=1, num_sweeps=sweeps, beta_range=[hot, cold],
                             beta_schedule_type="geometric", seed=seed)
        return float(found.record.energy.min())

    def by_openjij(sweeps, seed):
        found = openjij.sample(theirs, beta_min=hot, beta_max=cold, num_sweeps=sweeps, num_reads=1, seed=seed,
                               sparse=True)
        return float(np.min(found.energies))

    for name, run in (("dwave-samplers", by_dwave), ("openjij", by_openjij)):
        lowest, used = float("inf"), 0.0
        for sweeps in (1_000, 10_000):
            start, number = time.process_time(), 0
            while number == 0 or time.process_time() - start < budget:
                lowest = min(lowest, run(sweeps, 1000 * seed + number))
                number += 1
            used = max(used, time.process_time() - start)
        cut = (w.sum() - lowest) / 2
        print(json.dumps({"peer": f"{name} {importlib.metadata.version(name)}", "cut": cut, "seconds": used}),
              flush=True)


main()
