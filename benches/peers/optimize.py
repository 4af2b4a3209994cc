#!/usr/bin/env python3
"""Peers of `benches/benches/optimize.rs`: scipy on Rosenbrock-1000 and LJ38, torch on update rules for 1M parameters.

pip install numpy scipy torch
One JSON object per line: task, peer, quantity (evaluations | seconds), value, unit; a peer that is missing has "reason".
Evaluations count value and gradient as one, up to and including the first with f <= 1e-10 (Rosenbrock). Seconds are
the median of 7 of the process's CPU time, on one thread.
"""
import json
import os

for key in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[key] = "1"
import statistics
import sys
import time


def say(task, peer, quantity, value, unit, **more):
    print(json.dumps({"task": task, "peer": peer, "quantity": quantity, "value": value, "unit": unit, **more}), flush=True)


def missing(task, peer, reason):
    print(json.dumps({"task": task, "peer": peer, "reason": str(reason)}), flush=True)


def median_seconds(work, repeats=7):
    times = []
    for _ in range(repeats):
        begin = time.process_time()
        work()
        times.append(time.process_time() - begin)
    return statistics.median(times)


class Reached(Exception):
    """Thrown by the function itself: the first value at or below the target."""


def counted_run(minimize, function, x0, method, options, target):
    count, last = [0], [None]

    def wrapped(x):
        count[0] += 1
        value, gradient = function(x)
        last[0] = float(value)
        if target is not None and value <= target:
            raise Reached
        return value, gradient

    try:
        minimize(wrapped, x0, jac=True, method=method, options=options)
        reached = target is None
    except Reached:
        reached = True
    return count[0], last[0], reached


def minimisers():
    import numpy as np
    import scipy
    from scipy.optimize import minimize, rosen, rosen_der

    def rosenbrock(x):
        return rosen(x), rosen_der(x)

    pairs = np.triu_indices(38, 1)

    def lennard_jones(x):
        points = x.reshape(-1, 3)
        i, j = pairs
        d = points[i] - points[j]
        s = 1 / np.einsum("ij,ij->i", d, d)
        s6 = s**3
        g = ((24 * s6 - 48 * s6 * s6) * s)[:, None] * d
        total = np.zeros_like(points)
        np.add.at(total, i, g)
        np.subtract.at(total, j, g)
        return 4 * np.sum(s6 * s6 - s6), total.ravel()

    def fcc38():
        k = np.arange(-2, 3)
        grid = np.array(np.meshgrid(k, k, k)).reshape(3, -1).T
        r2 = (grid**2).sum(1)
        keep = (grid.sum(1) % 2 == 1) & np.isin(r2, (1, 3, 5))
        return grid[keep].ravel() * (1.11 / np.sqrt(2))

    version = f"scipy {scipy.__version__}"
    tight = dict(maxiter=10**6, maxfun=10**6, gtol=0, ftol=0)
    x0 = np.tile([-1.2, 1.0], 500)
    runs = [("rosenbrock-1000", rosenbrock, x0, "L-BFGS-B", dict(tight, maxcor=m), 1e-10, f"L-BFGS-B maxcor={m}")
            for m in (10, 3, 5, 20)]
    runs.append(("rosenbrock-1000", rosenbrock, x0, "CG", dict(maxiter=10**6, gtol=0), 1e-10, "CG"))
    runs.append(("lj38-fcc", lennard_jones, fcc38(), "L-BFGS-B", dict(tight, gtol=1e-7), None, "L-BFGS-B"))
    runs.append(("lj38-fcc", lennard_jones, fcc38(), "CG", dict(gtol=1e-7), None, "CG"))
    for task, function, start, method, options, target, label in runs:
        count, value, reached = counted_run(minimize, function, start, method, options, target)
        peer = f"{version} {label}"
        say(task, peer, "evaluations", count, "1", f=value, reached=reached)
        seconds = median_seconds(lambda: counted_run(minimize, function, start, method, options, target), 3)
        say(task, peer, "seconds", seconds, "s")


def rules():
    import torch

    torch.set_num_threads(1)
    n, inner = 1_000_000, 20
    makers = [
        ("adam", "f32", lambda p: torch.optim.Adam([p], lr=1e-3, fused=True), torch.float32, "fused"),
        ("adam", "f64", lambda p: torch.optim.Adam([p], lr=1e-3, fused=True), torch.float64, "fused"),
        ("adam", "f32", lambda p: torch.optim.Adam([p], lr=1e-3), torch.float32, "default"),
        ("adamw", "f32", lambda p: torch.optim.AdamW([p], lr=1e-3, fused=True), torch.float32, "fused"),
        ("momentum", "f32", lambda p: torch.optim.SGD([p], lr=1e-6, momentum=0.9, fused=True), torch.float32, "fused"),
        ("sgd", "f32", lambda p: torch.optim.SGD([p], lr=1e-6, fused=True), torch.float32, "fused"),
    ]
    for rule, name, make, dtype, variant in makers:
        parameter = torch.nn.Parameter(torch.ones(n, dtype=dtype))
        parameter.grad = torch.sin(0.7 * torch.arange(n, dtype=torch.float64)).to(dtype)
        optimizer = make(parameter)
        optimizer.step()

        def work():
            for _ in range(inner):
                optimizer.step()

        work()
        say(f"update-1m/{rule}/{name}", f"torch {torch.__version__} {variant}", "seconds", median_seconds(work) / inner, "s")


if __name__ == "__main__":
    for part, task in ((minimisers, "minimisers"), (rules, "update-1m")):
        try:
            part()
        except ImportError as error:
            missing(task, error.name or "?", error)
    sys.stdout.flush()
