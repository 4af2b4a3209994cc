# pip install numpy scipy
"""Convolution in scipy and numpy, the cases of benches/benches/convolve.rs.

Prints one JSON object a line: {"name": ..., "value": ..., "unit": ..., "peer": ...}. Times are CPU times of one thread,
the median of --repeat runs after one to warm up.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import argparse
import json
import statistics
import time

import numpy as np
import scipy
from scipy import signal


def median_ms(function, repeat):
    function()
    times = []
    for _ in range(repeat):
        start = time.thread_time()
        function()
        times.append(time.thread_time() - start)
    return 1e3 * statistics.median(times)


def report(name, value, unit, peer):
    print(json.dumps({"name": name, "value": value, "unit": unit, "peer": peer}), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeat", type=int, default=7)
    repeat = parser.parse_args().repeat
    peers = (f"scipy {scipy.__version__}", f"numpy {np.__version__}")
    rng = np.random.default_rng(1)

    a, b = rng.standard_normal(1_000_000), rng.standard_normal(10_000)
    report("convolve 1e6*1e4/oaconvolve", median_ms(lambda: signal.oaconvolve(a, b), repeat), "ms", peers[0])
    report("convolve 1e6*1e4/fftconvolve", median_ms(lambda: signal.fftconvolve(a, b), repeat), "ms", peers[0])

    a = rng.standard_normal(100_000)
    for m in (10, 30, 100, 300, 1000, 10_000, 100_000):
        b = rng.standard_normal(m)
        case = f"convolve methods 1e5/{m}"
        if m <= 1000:
            report(f"{case}/direct", median_ms(lambda: np.convolve(a, b), repeat), "ms", peers[1])
        report(f"{case}/fftconvolve", median_ms(lambda: signal.fftconvolve(a, b), repeat), "ms", peers[0])
        report(f"{case}/oaconvolve", median_ms(lambda: signal.oaconvolve(a, b), repeat), "ms", peers[0])

    # Tails: 10 dice, P(10) = 6^-10, by repeated FFT convolution.
    die = np.full(6, 1 / 6)
    total = np.array([1.0])
    for _ in range(10):
        total = signal.fftconvolve(total, die)
    report("10 dice P(10)/fft", abs(total[0] * 6.0**10 - 1), "relative error", peers[0])


if __name__ == "__main__":
    main()
