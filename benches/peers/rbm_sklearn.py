# pip install scikit-learn numpy
"""scikit-learn's BernoulliRBM (persistent CD) 784 x 500, 10,000 MNIST digits (pixel > 127), one thread, CPU time of an epoch.

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
import sklearn
from sklearn.neural_network import BernoulliRBM


def folder():
    given = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("SMML_DATA", ".")
    inner = os.path.join(given, "mnist")
    return inner if os.path.isdir(inner) else given


def digits(folder, n):
    with gzip.open(os.path.join(folder, "train-images-idx3-ubyte.gz")) as file:
        pixels = np.frombuffer(file.read()[16:], np.uint8).reshape(-1, 784)
    return (pixels[:n] > 127).astype(np.float32)


data = digits(folder(), 10_000)
for batch in (50, 100):
    seconds = []
    for seed in range(7):
        machine = BernoulliRBM(n_components=500, batch_size=batch, n_iter=1, learning_rate=0.05, random_state=seed)
        start = time.process_time()
        machine.fit(data)
        seconds.append(time.process_time() - start)
    name = "rbm cd1 epoch 784x500" + ("" if batch == 100 else f" batch {batch}")
    row = {"name": name, "value": 1e3 * statistics.median(seconds), "unit": "ms", "peer": "scikit-learn " + sklearn.__version__}
    print(json.dumps(row), flush=True)
