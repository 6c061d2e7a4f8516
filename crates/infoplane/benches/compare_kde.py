"""The KDE bounds in NumPy, to compare `cargo bench --bench kde` with.

    python -m venv .venv && .venv/bin/pip install numpy
    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 .venv/bin/python crates/infoplane/benches/compare_kde.py

Chunked: the Gram matrix of 1000 rows at a time, both bounds, I(X;T) + I(T;Y). Same data as the benchmark in
distribution: tanh(normal / 2).
"""

import time

import numpy as np


def bounds(t, y, variance, chunk=1000):
    n = len(t)
    t = t - t.mean(0)
    norms = (t * t).sum(1)
    order = np.argsort(y, kind="stable")
    t, norms, y = t[order], norms[order], y[order]
    edges = np.searchsorted(y, np.arange(y.max() + 2))
    starts, sizes = edges[y], np.diff(edges)[y]
    out = []
    sums = np.zeros((2, n))
    within = np.zeros((2, n))
    for i in range(0, n, chunk):
        d2 = np.maximum(norms[i : i + chunk, None] + norms - 2 * t[i : i + chunk] @ t.T, 0)
        for b, scale in enumerate((2 * variance, 8 * variance)):
            k = np.exp(d2 * (-1 / scale))
            sums[b, i : i + chunk] = k.sum(1)
            within[b, i : i + chunk] = np.add.reduceat(k, edges[:-1], axis=1)[np.arange(len(k)), y[i : i + chunk]]
    for b in range(2):
        total = -np.log(sums[b] / n).mean()
        out.append((total / np.log(2), (total + np.log(within[b] / sizes).mean()) / np.log(2)))
    return out


def best(f, repeats=3):
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        f()
        times.append(time.perf_counter() - start)
    return 1e3 * min(times)


def main():
    random = np.random.default_rng(1)
    for dtype in (np.float32, np.float64):
        name = np.dtype(dtype).name

        def layer(n, d):
            return np.tanh(0.5 * random.standard_normal((n, d))).astype(dtype)

        t, y = layer(10_000, 128), random.integers(0, 10, 10_000)
        print(f"{name} n=10000 d=128, 10 classes: {best(lambda: bounds(t, y, 2.0)):.0f} ms")
        layers, y2 = [layer(4096, d) for d in (10, 7, 5, 4, 3, 2)], random.integers(0, 2, 4096)
        took = best(lambda: [bounds(t, y2, 1e-3) for t in layers])
        print(f"{name} n=4096 d=10,7,5,4,3,2, 2 classes: {took:.0f} ms")


if __name__ == "__main__":
    main()
