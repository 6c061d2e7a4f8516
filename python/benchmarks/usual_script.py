"""The plane of one epoch by the usual script of NumPy or PyTorch, and by infoplane.

The script has the whole matrix of squared distances of a layer, computes each bound from it, and does the same again within each
class; its bins are rows that `numpy.unique` counts. It is the text that most papers on information planes come with, not the
fastest that NumPy can do, with which `benches/compare.py` compares. First the numbers of all programs are compared.

    python python/benchmarks/usual_script.py                     # one core and two
    python python/benchmarks/usual_script.py --cores 1 --repeats 3

Needs 4 GB of memory, for the distances of 10,000 rows in double precision, and PyTorch.
"""

import argparse
import json
import os
import subprocess
import sys
import warnings

from timing import duration, heading, in_turn, median, ratio, table


def layers_of_sizes(wanted):
    """Activations and classes by name: of an untrained network, which has no saturated layers and no equal rows to leave out."""
    import numpy as np

    import infoplane

    random = np.random.default_rng(0)

    def forward(t, widths, nonlinearity, gain):
        found = []
        for width in widths:
            t = nonlinearity(t @ random.normal(size=(t.shape[1], width)) * gain / np.sqrt(t.shape[1]))
            found.append(np.ascontiguousarray(t, dtype=np.float32))
        return found

    def images(n):
        y = random.integers(0, 10, n)
        return np.clip(random.random((10, 784))[y] + 0.3 * random.normal(size=(n, 784)), 0, 1), y

    def relu(t):
        return np.maximum(t, 0)

    edges = {"rule": "edges", "bins": 30, "range": (-1, 1)}
    floor = {"rule": "floor", "bin_width": 0.5}
    if wanted == "12-bit":
        inputs, y = infoplane.samples("tishby2017")
        return "4096 x 10, 7, 5, 4, 3", forward(inputs, [10, 7, 5, 4, 3], np.tanh, 1.0), y, 1e-3, edges
    if wanted == "mlp":
        inputs, y = images(2000)
        return "2000 x 256, 128, 10", forward(inputs, [256, 128, 10], relu, 1.4), y, 0.1, floor
    inputs, y = images(10_000)
    return "10,000 x 128", forward(inputs, [128], np.tanh, 1.0), y, 0.1, floor


SIZES = ["12-bit", "mlp", "wide"]


def kde_numpy(t, y, variance):
    """Upper and lower bound of I(X;T), then of I(T;Y), in bits; double precision."""
    import numpy as np

    def distances(t):
        squared = (t**2).sum(axis=1)
        return squared[:, None] + squared[None, :] - 2 * t @ t.T

    def mean_logarithm(t, scale):
        return np.mean(np.log(np.mean(np.exp(-distances(t) / (2 * scale)), axis=1)))

    def bounds(scale):
        everything = mean_logarithm(t, scale)
        within = sum(np.mean(y == c) * mean_logarithm(t[y == c], scale) for c in np.unique(y))
        return -everything, within - everything

    t = t.astype(np.float64)
    (upper_x, upper_y), (lower_x, lower_y) = bounds(variance), bounds(4 * variance)
    return np.array([upper_x, lower_x, upper_y, lower_y]) / np.log(2)


def kde_torch(t, y, variance):
    """The same in PyTorch and in single precision, as activations are."""
    import numpy as np
    import torch

    def distances(t):
        squared = (t**2).sum(dim=1)
        return squared[:, None] + squared[None, :] - 2 * t @ t.T

    def mean_logarithm(t, scale):
        return float((torch.logsumexp(-distances(t) / (2 * scale), dim=1) - np.log(len(t))).mean())

    def bounds(scale):
        everything = mean_logarithm(t, scale)
        within = sum(float((y == c).float().mean()) * mean_logarithm(t[y == c], scale) for c in torch.unique(y))
        return -everything, within - everything

    t, y = torch.from_numpy(t), torch.from_numpy(y)
    (upper_x, upper_y), (lower_x, lower_y) = bounds(variance), bounds(4 * variance)
    return np.array([upper_x, lower_x, upper_y, lower_y]) / np.log(2)


def binned_numpy(t, y, rule):
    """I(X;T) and I(T;Y) in bits."""
    import numpy as np

    if rule["rule"] == "edges":
        bins = np.digitize(t, np.linspace(*rule["range"], rule["bins"]))
    else:
        bins = np.floor(t / rule["bin_width"]).astype(np.int64)
    rows = np.ascontiguousarray(bins).view(np.dtype((np.void, bins.itemsize * bins.shape[1]))).ravel()

    def entropy(rows):
        counts = np.unique(rows, return_counts=True)[1]
        return -np.sum(counts / len(rows) * np.log2(counts / len(rows)))

    everything = entropy(rows)
    return np.array([everything, everything - sum(np.mean(y == c) * entropy(rows[y == c]) for c in np.unique(y))])


def measure(cores, repeats, sizes):
    """The rows of the table for so many cores, after the programs agree."""
    import numpy as np
    import torch

    import infoplane

    torch.set_num_threads(cores)
    infoplane.set_threads(cores)
    # Some of these layers are at I(X;T) = ln N, as the wide ones of every such plane are.
    warnings.simplefilter("ignore", infoplane.InfoplaneWarning)

    # The usual script has no I(T;Y) of shuffled labels.
    def kde(t, y, variance):
        upper, lower = infoplane.layer_information(t, y, infoplane.Kde(noise_variances=[variance]), shuffled=False)
        return np.array([upper.i_xt.bits, lower.i_xt.bits, upper.i_ty.bits, lower.i_ty.bits])

    def binned(t, y, rule):
        (found,) = infoplane.layer_information(t, y, infoplane.Binned(**rule), shuffled=False)
        return np.array([found.i_xt.bits, found.i_ty.bits])

    rows = []
    for size in sizes:
        name, layers, y, variance, rule = layers_of_sizes(size)
        for t in layers:
            exact = kde_numpy(t, y, variance)
            # The bound on the error of the kernel that infoplane states.
            assert np.abs(kde(t, y, variance) - exact).max() < 1e-6
            # Differences of squared norms lose digits in single precision: up to 2**-22 of a norm in the distance, and the
            # exponent is that over twice the variance.
            of_rounding = 2.0**-22 * float((t.astype(np.float64) ** 2).sum(axis=1).max()) / variance
            assert np.abs(kde_torch(t, y, variance) - exact).max() < 1e-5 + of_rounding
            # The same counts; the sums of their logarithms are rounded.
            assert np.abs(binned(t, y, rule) - binned_numpy(t, y, rule)).max() < 1e-9
        works = {
            "numpy": lambda layers=layers, y=y, variance=variance: [kde_numpy(t, y, variance) for t in layers],
            "torch": lambda layers=layers, y=y, variance=variance: [kde_torch(t, y, variance) for t in layers],
            "own": lambda layers=layers, y=y, variance=variance: [kde(t, y, variance) for t in layers],
        }
        rows.append([f"{name}, KDE", works])
        works = {
            "numpy": lambda layers=layers, y=y, rule=rule: [binned_numpy(t, y, rule) for t in layers],
            "own": lambda layers=layers, y=y, rule=rule: [binned(t, y, rule) for t in layers],
        }
        rows.append([f"{name}, bins", works])
    found = []
    for name, works in rows:
        seconds = in_turn(works, repeats)
        others = [
            f"{duration(median(seconds[of]))} ({ratio(seconds[of], seconds['own']):.3g})" if of in seconds else ""
            for of in ("numpy", "torch")
        ]
        found.append([name, str(cores), *others, duration(median(seconds["own"]))])
    return found


def main():
    """Measure for each number of cores in a process of its own: libraries read it when they are loaded."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cores", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=SIZES)
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.here:
        print(json.dumps(measure(given.cores[0], given.repeats, given.sizes)))
        return
    heading("numpy", "torch")
    rows = [["rows x widths of layers", "cores", "NumPy", "PyTorch", "infoplane"]]
    for cores in given.cores:
        threads = dict.fromkeys(["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"], str(cores))
        arguments = ["--here", "--cores", str(cores), "--repeats", str(given.repeats), "--sizes", *given.sizes]
        command = [sys.executable, __file__, *arguments]
        told = subprocess.run(command, env={**os.environ, **threads}, stdout=subprocess.PIPE, text=True, check=True).stdout
        rows += json.loads(told.splitlines()[-1])
    table(rows)
    print(f"\nmedians of {given.repeats} runs in turn; in parentheses the median ratio to the run of infoplane beside it")


if __name__ == "__main__":
    main()
