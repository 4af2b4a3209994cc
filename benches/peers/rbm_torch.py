# pip install torch numpy
"""CD-1 on a 784 x 500 RBM in torch, 10,000 MNIST digits (pixel > 127), one thread, CPU time of an epoch.

The folder is the first argument, or SMML_DATA: the MNIST idx .gz files, or a folder that holds mnist/.
Prints one JSON object a line: {"name": ..., "value": ..., "unit": ..., "peer": ...}, the median of 7 epochs.
"""
import gzip
import json
import os
import statistics
import sys
import time

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
import numpy as np
import torch


def folder():
    given = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("SMML_DATA", ".")
    inner = os.path.join(given, "mnist")
    return inner if os.path.isdir(inner) else given


def digits(folder, n):
    with gzip.open(os.path.join(folder, "train-images-idx3-ubyte.gz")) as file:
        pixels = np.frombuffer(file.read()[16:], np.uint8).reshape(-1, 784)
    return (pixels[:n] > 127).astype(np.float32)


@torch.no_grad()
def epoch(v_all, w, a, b, batch, rate):
    for at in range(0, len(v_all), batch):
        v0 = v_all[at : at + batch]
        p0 = torch.sigmoid(v0 @ w + b)
        v1 = torch.bernoulli(torch.sigmoid(torch.bernoulli(p0) @ w.T + a))
        p1 = torch.sigmoid(v1 @ w + b)
        w += rate / batch * (v0.T @ p0 - v1.T @ p1)
        a += rate * (v0 - v1).mean(0)
        b += rate * (p0 - p1).mean(0)


def main():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    data = torch.tensor(digits(folder(), 10_000))
    for batch in (50, 100):
        w, a, b = 0.01 * torch.randn(784, 500), torch.zeros(784), torch.zeros(500)
        seconds = []
        for _ in range(7):
            start = time.process_time()
            epoch(data, w, a, b, batch, 0.05)
            seconds.append(time.process_time() - start)
        name = "rbm cd1 epoch 784x500" + ("" if batch == 100 else f" batch {batch}")
        row = {"name": name, "value": 1e3 * statistics.median(seconds), "unit": "ms", "peer": "torch " + torch.__version__}
        print(json.dumps(row), flush=True)


main()
