"""The values in tests/renyi.rs, by NumPy's eigvalsh.

    python crates/infoplane-estimators/tests/reference/regenerate_renyi.py

Prints the table `REFERENCE`. The data are formulas that both programs compute alike.
"""

import numpy as np


def data(n, d, seed):
    i, k = np.meshgrid(np.arange(n), np.arange(d), indexing="ij")
    return np.sin(0.7 * i * (k + 1) + seed) + 0.3 * np.cos(i * i * 0.11 * (k + 2 + seed))


def kernel(x, s):
    squared = ((x[:, None, :] - x[None, :, :]) ** 2).sum(-1)
    return np.exp(-squared / (2 * s * s))


def entropy(k, alpha):
    values = np.linalg.eigvalsh(k / len(k))
    values = values[values > 0]
    if alpha == 1:
        return -(values * np.log(values)).sum()
    return np.log((values**alpha).sum()) / (1 - alpha)


def width(x, factor):
    n, d = x.shape
    return factor * np.sqrt(x.var(axis=0).sum()) * n ** (-1 / (4 + d))


for n, dx, dy in [(60, 1, 2), (150, 3, 8), (400, 2, 30)]:
    x, y = data(n, dx, 1), data(n, dy, 2)
    labels = np.arange(n) ** 2 % 3
    a, b = kernel(x, width(x, 1.0)), kernel(y, width(y, 1.0))
    c = (labels[:, None] == labels[None, :]).astype(float)
    for alpha in (0.9, 1, 1.01, 2, 3.5):
        with_matrix = entropy(a, alpha) + entropy(b, alpha) - entropy(a * b, alpha)
        with_labels = entropy(b, alpha) + entropy(c, alpha) - entropy(b * c, alpha)
        print(f"({n}, {dx}, {dy}, {float(alpha)!r}, {entropy(a, alpha):.12f}, {with_matrix:.12f}, {with_labels:.12f}),")
