"""The same work by NumPy and PyTorch, for the table in docs/performance.md.

    python3 -m venv .venv && .venv/bin/pip install numpy torch scipy scikit-learn faiss-cpu
    .venv/bin/python benches/compare.py [binning] [counts] [neighbors] [kde] [noise] [pool] [renyi] [training] [step]

One core, and every program as fast as we could make it; prints the median of several runs in milliseconds. Compare with
`RAYON_NUM_THREADS=1 cargo bench --workspace` on the same machine at the same hour.
"""

import os
import statistics
import sys
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
import numpy as np


def report(name, work, runs=7):
    work()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    print(f"{name:56} {statistics.median(times) * 1e3:10.2f} ms", flush=True)


def layer(n, d, spread=1.0):
    return np.tanh(spread * np.random.default_rng(1).normal(size=(n, d))).astype(np.float32)


def binning():
    def information(t, y):
        bins = np.digitize(t, np.linspace(-1, 1, 30)) - 1
        rows = np.ascontiguousarray(bins).view(np.dtype((np.void, bins.dtype.itemsize * bins.shape[1])))

        def entropy(rows):
            counts = np.unique(rows, return_counts=True)[1]
            p = counts / counts.sum()
            return -(p * np.log2(p)).sum()

        h = entropy(rows)
        return h, h - sum((y == c).mean() * entropy(rows[y == c]) for c in np.unique(y))

    y = np.arange(4096) * 7 % 2
    layers = [layer(4096, d) for d in (10, 7, 5, 4, 3, 2)]
    report("binning, NumPy, n=4096, six layers", lambda: [information(t, y) for t in layers])
    t, y = layer(60000, 128), np.arange(60000) * 7 % 10
    report("binning, NumPy, n=60000, d=128", lambda: information(t, y), runs=3)


def counts():
    """Exact rows as symbols."""

    def entropy(rows):
        n = np.unique(rows, return_counts=True)[1]
        p = n / n.sum()
        return -(p * np.log(p)).sum()

    t, y = np.random.default_rng(3).random((60000, 128), dtype=np.float32), np.arange(60000) * 7 % 10

    def plug_in():
        rows = t.view(np.dtype((np.void, 4 * t.shape[1]))).ravel()
        h = entropy(rows)
        return h, h - sum((y == c).mean() * entropy(rows[y == c]) for c in range(10))

    report("plug-in of exact rows, NumPy, n=60000, d=128", plug_in, runs=3)


def kde_numpy(t, y, variance, chunk=128):
    """Both bounds of I(X;T) and I(T;Y) in bits. 128 rows at a time, so that a block stays in the cache; in place; the
    kernel of 2 variances is that of 8 squared twice, as one exponential is a third of the time; sums by class are products."""
    n = len(t)
    t = (t - t.mean(0)) / np.float32((8 * variance) ** 0.5)
    classes = np.eye(y.max() + 1, dtype=np.float32)[y]
    sizes = classes.sum(0)[y]
    norms, transposed = (t * t).sum(1), np.ascontiguousarray(t.T)
    sums, within, block = np.zeros((2, n)), np.zeros((2, n)), np.empty((chunk, n), np.float32)
    for i in range(0, n, chunk):
        rows = slice(i, min(i + chunk, n))
        k = np.matmul(2 * t[rows], transposed, out=block[: rows.stop - i])
        k -= norms
        k -= norms[rows, None]
        np.minimum(k, 0, out=k)
        np.exp(k, out=k)
        for b in (1, 0):
            if b == 0:
                np.square(k, out=k)
                np.square(k, out=k)
            of_class = k @ classes
            sums[b, rows] = of_class.sum(1)
            within[b, rows] = (of_class * classes[rows]).sum(1)
    i_xt = -np.log(sums / n).mean(1)
    return i_xt / np.log(2), (i_xt + np.log(within / sizes).mean(1)) / np.log(2)


def kde_torch(t, y, variance, chunk=128):
    """The same by PyTorch, in single precision."""
    import torch

    torch.set_num_threads(1)
    n = len(t)
    t = torch.from_numpy((t - t.mean(0)) / np.float32((8 * variance) ** 0.5))
    classes = torch.from_numpy(np.eye(y.max() + 1, dtype=np.float32)[y])
    norms, transposed = (t * t).sum(1), t.T.contiguous()
    sums, within, block = torch.zeros(2, n), torch.zeros(2, n), torch.empty(chunk, n)
    for i in range(0, n, chunk):
        rows = slice(i, min(i + chunk, n))
        k = torch.mm(2 * t[rows], transposed, out=block[: rows.stop - i])
        k.sub_(norms).sub_(norms[rows, None]).clamp_(max=0).exp_()
        for b in (1, 0):
            if b == 0:
                k.square_().square_()
            of_class = k @ classes
            sums[b, rows] = of_class.sum(1)
            within[b, rows] = (of_class * classes[rows]).sum(1)
    sizes = (classes @ classes.sum(0)).double()
    i_xt = -torch.log(sums.double() / n).mean(1)
    return i_xt / np.log(2), (i_xt + torch.log(within.double() / sizes).mean(1)) / np.log(2)


def kde():
    t, y = layer(10000, 128, 0.5), np.arange(10000) * 7 % 10
    layers, y2 = [layer(4096, d, 0.5) for d in (10, 7, 5, 4, 3, 2)], np.arange(4096) * 7 % 2
    for name, bounds in (("NumPy float32", kde_numpy), ("PyTorch float32", kde_torch)):
        report(f"KDE, {name}, n=10000, d=128, 10 classes", lambda: bounds(t, y, 2.0), runs=3)
        report(f"KDE, {name}, n=4096, six layers", lambda: [bounds(t, y2, 1e-3) for t in layers], runs=3)


def neighbors():
    import faiss
    from scipy.spatial import cKDTree
    from sklearn.feature_selection import mutual_info_regression
    from sklearn.neighbors import NearestNeighbors

    faiss.omp_set_num_threads(1)
    random = np.random.default_rng(1)

    def scipy_nearest(x, p):
        return cKDTree(x).query(x, k=4, p=p)

    def faiss_nearest(x):
        index = faiss.IndexFlatL2(x.shape[1])
        index.add(x)
        return index.search(x, 4)

    for n in (10000, 60000):
        x = random.normal(size=(n, 3))
        report(f"3 nearest, SciPy cKDTree, Chebyshev, n={n}, d=3", lambda: scipy_nearest(x, np.inf))
    for d in (3, 10):
        x = random.normal(size=(10000, d))
        report(f"3 nearest, SciPy cKDTree, Euclidean, n=10000, d={d}", lambda: scipy_nearest(x, 2), runs=3)
    for d in (10, 128):
        x = random.normal(size=(10000, d))
        brute = NearestNeighbors(n_neighbors=4, algorithm="brute", n_jobs=1).fit(x)
        report(f"3 nearest, scikit-learn brute, n=10000, d={d}", lambda: brute.kneighbors(x), runs=3)
        single = x.astype(np.float32)
        report(f"3 nearest, faiss float32, n=10000, d={d}", lambda: faiss_nearest(single), runs=3)

    def ksg(x, y, k=3):
        """KSG-1 by trees, as NPEET does it."""
        from scipy.special import digamma

        radii = np.nextafter(cKDTree(np.hstack([x, y])).query(np.hstack([x, y]), k=k + 1, p=np.inf)[0][:, k], 0)
        counts = [cKDTree(v).query_ball_point(v, radii, p=np.inf, return_length=True) for v in (x, y)]
        return digamma(k) + digamma(len(x)) - sum(digamma(c).mean() for c in counts)

    def ksg_sklearn(x, y, k=3):
        """The same by the trees of scikit-learn, which count without making lists."""
        from scipy.special import digamma
        from sklearn.neighbors import KDTree

        tree = lambda v: KDTree(v, metric="chebyshev")
        both = np.hstack([x, y])
        radii = np.nextafter(tree(both).query(both, k=k + 1)[0][:, k], 0)
        counts = [tree(v).query_radius(v, radii, count_only=True) for v in (x, y)]
        return digamma(k) + digamma(len(x)) - sum(digamma(c).mean() for c in counts)

    for d in (1, 5):
        x = random.normal(size=(10000, d))
        y = 0.5 * x + random.normal(size=(10000, d))
        report(f"KSG-1, SciPy cKDTree, n=10000, {d} + {d} columns", lambda: ksg(x, y), runs=3)
        report(f"KSG-1, scikit-learn KDTree, n=10000, {d} + {d} columns", lambda: ksg_sklearn(x, y), runs=3)
        if d == 1:
            report("KSG-1, mutual_info_regression, n=10000, 1 + 1 columns", lambda: mutual_info_regression(x, y[:, 0]))


def noise_numpy(t, y, variance, chunk=128):
    """Exact I(X;T + noise) and I(T + noise;Y) in nats with one draw, in single precision; blocks as for KDE."""
    n, d = t.shape
    t = (t - t.mean(0)) / np.float32((2 * variance) ** 0.5)
    z = np.random.default_rng(0).normal(size=(n, d)).astype(np.float32) / np.float32(2**0.5)
    classes = np.eye(y.max() + 1, dtype=np.float32)[y]
    sizes = classes.sum(0)[y]
    constants, norms = (t * t).sum(1) + 2 * (t * z).sum(1), (t * t).sum(1)
    noisy, transposed = 2 * (t + z), np.ascontiguousarray(t.T)
    sums, within, block = np.zeros(n), np.zeros(n), np.empty((chunk, n), np.float32)
    for i in range(0, n, chunk):
        rows = slice(i, min(i + chunk, n))
        k = np.matmul(noisy[rows], transposed, out=block[: rows.stop - i])
        k -= norms
        k -= constants[rows, None]
        of_class = np.exp(k, out=k) @ classes
        sums[rows] = of_class.sum(1)
        within[rows] = (of_class * classes[rows]).sum(1)
    i_xt = -np.log(sums / n).mean()
    return i_xt, i_xt + np.log(within / sizes).mean()


def noise_torch(t, y, variance, chunk=128):
    """The same by PyTorch."""
    import torch

    torch.set_num_threads(1)
    n, d = t.shape
    t = torch.from_numpy((t - t.mean(0)) / np.float32((2 * variance) ** 0.5))
    classes = torch.from_numpy(np.eye(y.max() + 1, dtype=np.float32)[y])
    z = torch.randn(n, d) / 2**0.5
    constants, norms = (t * t).sum(1) + 2 * (t * z).sum(1), (t * t).sum(1)
    noisy, transposed = 2 * (t + z), t.T.contiguous()
    sums, within, block = torch.zeros(n), torch.zeros(n), torch.empty(chunk, n)
    for i in range(0, n, chunk):
        rows = slice(i, min(i + chunk, n))
        k = torch.mm(noisy[rows], transposed, out=block[: rows.stop - i])
        of_class = k.sub_(norms).sub_(constants[rows, None]).exp_() @ classes
        sums[rows] = of_class.sum(1)
        within[rows] = (of_class * classes[rows]).sum(1)
    sizes = (classes @ classes.sum(0)).double()
    i_xt = -torch.log(sums.double() / n).mean()
    return i_xt, i_xt + torch.log(within.double() / sizes).mean()


def noise():
    t, y = layer(10000, 128, 0.5), np.arange(10000) * 7 % 10
    for name, information in (("NumPy float32", noise_numpy), ("PyTorch float32", noise_torch)):
        report(f"exact noise, {name}, n=10000, d=128, 10 classes", lambda: information(t, y, 2.0), runs=3)


def pool():
    """256 networks of 4096 inputs, 30 bins over each layer's range: H(T), I(X;T), I(T;Y) and the shuffled control of the whole
    pool and of smaller ones of 1, 2, 4, ... networks, as benches/pool.rs."""
    random = np.random.default_rng(1)
    widths, n, m = (12, 10, 7, 5, 4, 3, 2), 4096, 256
    x, inputs = np.arange(n), np.arange(n)[:, None] >> np.arange(12) & 1
    y = inputs.sum(1) % 2
    base = [3 * random.normal(size=(a, b)) / np.sqrt(a) for a, b in zip(widths, widths[1:])]
    layers = [np.empty((m, n, d), np.float32) for d in widths[1:]]
    for draw in range(m):
        t = 2.0 * inputs - 1
        for layer, weights in zip(layers, base):
            t = np.tanh(t @ (weights + random.uniform(-0.05, 0.05, weights.shape)))
            layer[draw] = t
    shuffled = np.stack([random.permutation(n) for _ in range(m)])

    def entropy(codes):
        p = np.unique(codes, return_counts=True)[1] / codes.size
        return -(p * np.log2(p)).sum()

    parts = [np.arange(m), np.arange(m // 2), np.arange(m // 2, m)]
    for k in range(8):
        step = m >> k
        most = min(step, 4)
        parts += [np.arange(m - 1 - part * (step // most), -1, -step) for part in range(most)]

    def measure():
        for t in layers:
            low, high = t.min(), t.max()
            bins = np.minimum(((t - low) * (30 / (high - low))).astype(np.int64), 29)
            cells = (bins << 5 * np.arange(t.shape[2])).sum(2)
            cells = np.unique(cells, return_inverse=True)[1].reshape(m, n)
            for part in parts:
                c = cells[part]
                h = entropy(c)
                for labels, classes in ((x, n), (y, 2), (shuffled[part], n)):
                    labels = np.broadcast_to(labels, c.shape)
                    h + entropy(labels) - entropy(c * classes + labels)

    report("pool, binned, NumPy, 256 networks, n=4096, six layers", measure, runs=1)


def renyi():
    def gram(x):
        s = np.sqrt(x.var(axis=0).sum()) * len(x) ** (-1 / (4 + x.shape[1]))
        norms = (x * x).sum(1)
        return np.exp(-(norms[:, None] + norms - 2 * x @ x.T) / (2 * s * s))

    def entropy(k, alpha):
        if alpha == 2:
            return -np.log((k * k).sum() / len(k) ** 2)
        values = np.linalg.eigvalsh(k / len(k))
        return np.log((values[values > 0] ** alpha).sum()) / (1 - alpha)

    def information(x, y, alpha):
        a, b = gram(x), gram(y)
        return entropy(a, alpha) + entropy(b, alpha) - entropy(a * b, alpha)

    random = np.random.default_rng(1)
    for d in (1, 3, 10, 64):
        x = random.normal(size=(1000, d))
        y = np.tanh(x @ random.normal(size=(d, d)) / d**0.5) + 0.5 * random.normal(size=(1000, d))
        report(f"Rényi, NumPy eigvalsh, alpha=1.01, n=1000, d={d}+{d}", lambda: information(x, y, 1.01), runs=3)
    x, y = random.normal(size=(10000, 10)), random.normal(size=(10000, 10))
    report("Rényi, NumPy, alpha=2, n=10000, d=10+10", lambda: information(x, y, 2), runs=1)


def network(widths):
    import torch

    torch.set_num_threads(1)
    layers = []
    for n, m in zip(widths, widths[1:]):
        layers += [torch.nn.Linear(n, m), torch.nn.Tanh()]
    return torch.nn.Sequential(*layers[:-1])


def training():
    import torch

    net = network([12, 10, 7, 5, 4, 3, 2])
    x, y = torch.randint(0, 2, (3277, 12)).float(), torch.randint(0, 2, (3277,))
    optimizer = torch.optim.Adam(net.parameters(), lr=4e-4)
    loss = torch.nn.CrossEntropyLoss()

    def epoch():
        order = torch.randperm(3277)
        for start in range(0, 3277, 256):
            rows = order[start : start + 256]
            optimizer.zero_grad()
            loss(net(x[rows]), y[rows]).backward()
            optimizer.step()

    report("training epoch, PyTorch, 12-10-7-5-4-3-2, batch 256", epoch, runs=30)


def step():
    import torch

    net = network([784, 1024, 20, 20, 20, 10])
    x, y = torch.rand(128, 784), torch.randint(0, 10, (128,))
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3)
    loss = torch.nn.CrossEntropyLoss()

    def once():
        optimizer.zero_grad()
        loss(net(x), y).backward()
        optimizer.step()

    report("training step, PyTorch, 784-1024-20-20-20-10, batch 128", once, runs=50)


if __name__ == "__main__":
    works = [binning, counts, neighbors, kde, noise, pool, renyi, training, step]
    named = {work.__name__: work for work in works}
    for name in sys.argv[1:] or named:
        named[name]()
