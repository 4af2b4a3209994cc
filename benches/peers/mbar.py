# pip install pymbar numpy
"""pymbar on the case of benches/timings/mbar.rs: 30 harmonic oscillators, 10^5 samples, all free energies with errors.

Prints one JSON object a line: {"name": ..., "value": ..., "unit": ..., "peer": ...}. CPU time of one thread, median of 3.
"""
import json
import os
import statistics
import time

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"):
    os.environ[variable] = "1"
import logging

logging.disable(logging.WARNING)
import numpy as np
import pymbar

K = 30
rng = np.random.default_rng(1)
n = np.array([3333 + (k < 10) for k in range(K)])
t = np.arange(K) / (K - 1)
springs, centres = 16.0**t, 3 * t
x = np.concatenate([centres[k] + rng.standard_normal(n[k]) / np.sqrt(springs[k]) for k in range(K)])
u = 0.5 * springs[:, None] * (x[None, :] - centres[:, None]) ** 2


def solve(**options):
    found = pymbar.MBAR(u, n, **options).compute_free_energy_differences()
    return found["Delta_f"][0, -1], found["dDelta_f"][0, -1]


for variant, options in (("default", {}), ("adaptive", {"solver_protocol": (dict(method="adaptive", options=dict(tol=1e-12)),)})):
    name = f"mbar 1e5x30/{variant}"
    peer = "pymbar " + pymbar.__version__
    try:
        value, error = solve(**options)
        assert abs(value - 0.5 * np.log(16)) < 6 * error, (value, error)
        times = []
        for _ in range(3):
            start = time.process_time()
            solve(**options)
            times.append(time.process_time() - start)
        row = {"name": name, "value": 1e3 * statistics.median(times), "unit": "ms", "peer": peer}
    except Exception as error:  # a peer that fails is reported, not fatal
        row = {"name": name, "error": str(error) or repr(error), "peer": peer}
    print(json.dumps(row), flush=True)
