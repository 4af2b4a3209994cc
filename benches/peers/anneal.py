# pip install numpy dimod dwave-samplers openjij
"""Full geometric anneals of one chain on the instances of benches/timings/engines.rs, by dwave-samplers and OpenJij.

The instances and the schedule are the same (splitmix64 with the same seeds; ln 2 / (2 largest field) to ln 100 / (2
smallest coupling)). Prints one JSON object a line: {"name": ..., "value": ..., "unit": ..., "peer": ...}: nanoseconds
of CPU time for an attempted flip, from the difference of two numbers of sweeps, median of 5.
"""
import importlib.metadata
import json
import os
import statistics
import time

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"
import numpy as np

MASK = (1 << 64) - 1


def splitmix(seed):
    x = seed
    while True:
        x = (x + 0x9E3779B97F4A7C15) & MASK
        z = x
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        yield z ^ (z >> 31)


def sign(generator):
    return 1.0 if next(generator) >> 63 else -1.0


def torus(side, seed):
    g, bonds = splitmix(seed), []
    for y in range(side):
        for x in range(side):
            for j in (y * side + (x + 1) % side, (y + 1) % side * side + x):
                bonds.append((y * side + x, j, sign(g)))
    return side * side, bonds


def regular3(n, seed):
    g, stubs = splitmix(seed), [i // 3 for i in range(3 * n)]
    for k in range(3 * n - 1, 0, -1):
        r = next(g) % (k + 1)
        stubs[k], stubs[r] = stubs[r], stubs[k]
    m = 3 * n // 2
    while True:
        seen, bad = set(), []
        for e in range(m):
            key = tuple(sorted(stubs[2 * e:2 * e + 2]))
            if key[0] == key[1] or key in seen:
                bad.append(e)
            seen.add(key)
        if not bad:
            break
        for e in bad:
            f = next(g) % m
            stubs[2 * e + 1], stubs[2 * f + 1] = stubs[2 * f + 1], stubs[2 * e + 1]
    return n, [(stubs[2 * e], stubs[2 * e + 1], sign(g)) for e in range(m)]


def sk(n, seed):
    g = splitmix(seed)
    return n, [(i, j, sign(g)) for i in range(n) for j in range(i + 1, n)]


def gnm(n, m, seed):
    g, chosen = splitmix(seed), set()
    while len(chosen) < m:
        a, b = next(g) % n, next(g) % n
        if a != b:
            chosen.add((min(a, b), max(a, b)))
    return n, [(i, j, 1.0) for i, j in sorted(chosen)]


CASES = [
    ("anneal ea 100x100", torus(100, 1), 50, 2050),
    ("anneal 3-regular 10000", regular3(10_000, 2), 50, 2050),
    ("anneal g(800,19176)", gnm(800, 19_176, 4), 50, 5050),
    ("anneal sk 1000", sk(1_000, 3), 10, 310),
]


def measure(name, n, sweep_counts, peer, run):
    low, high = sweep_counts
    run(2, 1)
    rates = []
    for k in range(5):
        times = []
        for sweeps in (low, high):
            start = time.process_time()
            run(sweeps, 7 + k)
            times.append(time.process_time() - start)
        rates.append(1e9 * (times[1] - times[0]) / ((high - low) * n))
    value = statistics.median(rates)
    print(json.dumps({"name": name, "value": value, "unit": "ns", "peer": peer}), flush=True)


def hot_and_cold(n, bonds):
    field = np.zeros(n)
    for i, j, w in bonds:
        field[i] += abs(w)
        field[j] += abs(w)
    return np.log(2) / (2 * field.max()), np.log(100) / (2 * min(abs(w) for _, _, w in bonds))


def dwave():
    import dimod
    from dwave.samplers import SimulatedAnnealingSampler

    version = importlib.metadata.version("dwave-samplers")
    for name, (n, bonds), low, high in CASES:
        i, j, w = (np.array(column) for column in zip(*bonds))
        bqm = dimod.BinaryQuadraticModel.from_numpy_vectors(np.zeros(n), (i, j, w), 0.0, "SPIN")
        hot, cold = hot_and_cold(n, bonds)
        sampler = SimulatedAnnealingSampler()

        def run(sweeps, seed):
            sampler.sample(bqm, num_reads=1, num_sweeps=sweeps, beta_range=[hot, cold],
                           beta_schedule_type="geometric", seed=seed)

        measure(name, n, (low, high), f"dwave-samplers {version}", run)
    # Cost against size, on the graphs of our timings.
    for size in (1_000, 10_000, 100_000):
        n, bonds = regular3(size, 2)
        i, j, w = (np.array(column) for column in zip(*bonds))
        bqm = dimod.BinaryQuadraticModel.from_numpy_vectors(np.zeros(n), (i, j, w), 0.0, "SPIN")
        hot, cold = hot_and_cold(n, bonds)
        times = []
        for sweeps in (5, 5 + 2_000_000 // n):
            start = time.process_time()
            sampler.sample(bqm, num_reads=1, num_sweeps=sweeps, beta_range=[hot, cold],
                           beta_schedule_type="geometric", seed=7)
            times.append(time.process_time() - start)
        value = 1e9 * (times[1] - times[0]) / (2_000_000 // n * n)
        print(json.dumps({"name": "one chain, 3-regular graph", "size": n, "value": value, "unit": "ns",
                          "peer": f"dwave-samplers {version}"}), flush=True)


def openjij():
    import openjij as oj

    for name, (n, bonds), low, high in CASES:
        sparse = len(bonds) < n * n / 8
        bqm = oj.model.model.BinaryQuadraticModel({}, {(i, j): w for i, j, w in bonds}, 0.0, "SPIN", sparse=sparse)
        hot, cold = hot_and_cold(n, bonds)
        sampler = oj.SASampler()

        def run(sweeps, seed):
            sampler.sample(bqm, beta_min=hot, beta_max=cold, num_sweeps=sweeps, num_reads=1, seed=seed, sparse=sparse)

        measure(name, n, (low, high), f"OpenJij {importlib.metadata.version('openjij')}", run)


for peer in (dwave, openjij):
    try:
        peer()
    except Exception as error:  # a peer that cannot run here says why
        for name, *_ in CASES:
            print(json.dumps({"name": name, "peer": peer.__name__, "error": str(error)}), flush=True)
