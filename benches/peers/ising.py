# pip install numpy (and numba, where it can be had)
"""Single-spin updates of the 64 x 64 Ising torus at T_c, the cases of benches/timings/spins.rs.

numpy: heat bath on the two colours of a checkerboard; numba: a compiled loop at random sites with a table of weights.
Prints one JSON object a line: {"name": ..., "value": ..., "unit": ..., "peer": ...}: nanoseconds of CPU time a spin,
median of 7.
"""
import json
import math
import os
import statistics
import time

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"
import numpy as np

L, SWEEPS = 64, 300
BETA = 0.5 * math.log(1 + math.sqrt(2))


def report(name, peer, sweep):
    sweep()
    times = []
    for _ in range(7):
        start = time.process_time()
        sweep()
        times.append(time.process_time() - start)
    value = 1e9 * statistics.median(times) / (SWEEPS * L * L)
    print(json.dumps({"name": name, "value": value, "unit": "ns", "peer": peer}), flush=True)


def checkerboard():
    rng = np.random.default_rng(1)
    s = np.ones((L, L))
    y, x = np.indices((L, L))
    colours = [(x + y) % 2 == c for c in (0, 1)]

    def sweep():
        for _ in range(SWEEPS):
            for colour in colours:
                h = np.roll(s, 1, 0) + np.roll(s, -1, 0) + np.roll(s, 1, 1) + np.roll(s, -1, 1)
                up = rng.random((L, L)) < 1 / (1 + np.exp(-2 * BETA * h))
                np.copyto(s, np.where(up, 1.0, -1.0), where=colour)

    return sweep


def compiled():
    import numba

    @numba.njit
    def run(s, weights, sweeps):
        for _ in range(sweeps * L * L):
            i, j = np.random.randint(L), np.random.randint(L)
            e = s[i, j] * (s[i - 1, j] + s[(i + 1) % L, j] + s[i, j - 1] + s[i, (j + 1) % L])
            if e <= 0 or np.random.random() < weights[e]:
                s[i, j] = -s[i, j]

    s = np.ones((L, L), np.int8)
    weights = np.exp(-2 * BETA * np.arange(5))
    return numba.__version__, lambda: run(s, weights, SWEEPS)


report("ising heat bath 64x64", "numpy " + np.__version__, checkerboard())
try:
    version, loop = compiled()
    report("ising metropolis 64x64", "numba " + version, loop)
except ImportError as error:
    print(json.dumps({"name": "ising metropolis 64x64", "peer": "numba", "error": str(error)}), flush=True)
