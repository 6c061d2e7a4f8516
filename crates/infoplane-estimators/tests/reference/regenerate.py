"""Writes samples.csv and values.csv, which ../neighbor_reference.rs reads.

    python3 -m venv .venv && .venv/bin/pip install numpy scipy scikit-learn
    .venv/bin/python crates/infoplane-estimators/tests/reference/regenerate.py

Where each value comes from is in its first column:

scikit-learn  `_compute_mi_cc` and `_compute_mi_cd`, which `mutual_info_regression` and `mutual_info_classif` call
              after dividing by the standard deviation and adding noise; called here after the division, without
              the noise.
definition    The formulas of Kraskov et al. (2004), Frenzel & Pompe (2007), Gao et al. (2017, 2018) and Ross
              (2014) by whole distance matrices in NumPy, counts strictly inside where the formula says so, on raw
              values. It is what the NPEET program defines for `mi`, `cmi` and `entropy`, but for the 1e-10 of noise
              that it adds to the data and the 1e-15 that it takes from radii.
"""

import csv
from pathlib import Path

import numpy as np
from scipy.special import digamma, gammaln
from sklearn.feature_selection._mutual_info import _compute_mi_cc, _compute_mi_cd

here = Path(__file__).parent
random = np.random.default_rng(20)
n = 200
x = random.normal(size=(n, 2))
y = 0.7 * x + 0.5 * random.normal(size=(n, 2))
y[:, 1] = np.exp(y[:, 1])
z = x[:, :1] + random.normal(size=(n, 1))
label = (x[:, 0] + 0.5 * random.normal(size=n) > 0).astype(int) + (x[:, 1] > 1)
table = np.round(np.column_stack([x, y, z]), 6)
x, y, z = table[:, :2], table[:, 2:4], table[:, 4:]


def distances(a, p=np.inf):
    d = np.abs(a[:, None, :] - a[None, :, :])
    d = d.max(2) if p == np.inf else np.sqrt((d * d).sum(2))
    np.fill_diagonal(d, np.inf)
    return d


def within(d, radii, strict):
    return ((d < radii[:, None]) if strict else (d <= radii[:, None])).sum(1)


def ksg(a, b, k):
    da, db = distances(a), distances(b)
    r = np.sort(np.maximum(da, db), 1)[:, k - 1]
    return digamma(k) + digamma(n) - (digamma(within(da, r, True) + 1) + digamma(within(db, r, True) + 1)).mean()


def ksg2(a, b, k):
    da, db = distances(a), distances(b)
    near = np.argsort(np.maximum(da, db), 1, kind="stable")[:, :k]
    ra, rb = (np.take_along_axis(d, near, 1).max(1) for d in (da, db))
    return digamma(k) - 1 / k + digamma(n) - (digamma(within(da, ra, False)) + digamma(within(db, rb, False))).mean()


def conditional(a, b, c, k):
    da, db, dc = distances(a), distances(b), distances(c)
    r = np.sort(np.maximum(np.maximum(da, db), dc), 1)[:, k - 1]
    psi = lambda d: digamma(within(d, r, True) + 1).mean()
    return digamma(k) - psi(np.maximum(da, dc)) - psi(np.maximum(db, dc)) + psi(dc)


def bi_ksg(a, b, k):
    da, db = distances(a, 2), distances(b, 2)
    r = np.sort(distances(np.column_stack([a, b]), 2), 1)[:, k - 1]
    volume = lambda d: d / 2 * np.log(np.pi) - gammaln(1 + d / 2)
    volumes = volume(a.shape[1]) + volume(b.shape[1]) - volume(a.shape[1] + b.shape[1])
    return digamma(k) + np.log(n) + volumes - (np.log(within(da, r, False)) + np.log(within(db, r, False))).mean()


def entropy(a, k):
    return digamma(n) - digamma(k) + a.shape[1] * (np.log(2) + np.log(np.sort(distances(a), 1)[:, k - 1]).mean())


def mixed(a, b, k):
    da, db = distances(a), distances(b)
    joint = np.maximum(da, db)
    r = np.sort(joint, 1)[:, k - 1]
    count = lambda d: np.where(r == 0, (d == 0).sum(1), within(d, r, True)) + 1
    kt = np.where(r == 0, (joint == 0).sum(1) + 1, k)
    return (digamma(kt) + np.log(n) - digamma(count(da)) - digamma(count(db))).mean()


def ross(a, c, k):
    d = distances(a)
    r, ks, sizes = np.zeros(n), np.zeros(n), np.zeros(n)
    for i in range(n):
        own = np.sort(d[i, c == c[i]])
        ks[i], sizes[i] = min(k, len(own) - 1), len(own)
        r[i] = own[int(ks[i]) - 1]
    return digamma(n) + (digamma(ks) - digamma(sizes) - digamma(within(d, r, True) + 1)).mean()


rows = []
scaled = table / table.std(0)
for k in (3, 5):
    for i, j in ((0, 2), (1, 3), (0, 1)):
        value = _compute_mi_cc(scaled[:, i], scaled[:, j], k)
        if value > 0:
            rows.append(("scikit-learn", "ksg", f"{i}", f"{j}", "", k, value))
    for i in range(4):
        value = _compute_mi_cd(scaled[:, i], label, k)
        if value > 0:
            rows.append(("scikit-learn", "ross", f"{i}", "label", "", k, value))
    for a, b in (("0", "2"), ("0 1", "2 3"), ("0", "1 2 3 4")):
        pick = lambda names: table[:, [int(name) for name in names.split()]]
        for name, f in (("ksg", ksg), ("ksg2", ksg2), ("bi-ksg", bi_ksg), ("mixed-ksg", mixed)):
            rows.append(("definition", name, a, b, "", k, f(pick(a), pick(b), k)))
        rows.append(("definition", "ross", b, "label", "", k, ross(pick(b), label, k)))
        rows.append(("definition", "kl", b, "", "", k, entropy(pick(b), k)))
    rows.append(("definition", "ksg", "0 1", "2 3", "4", k, conditional(x, y, z, k)))
    clipped = np.maximum(table, 0)
    rows.append(("definition", "mixed-ksg", "clipped 0", "clipped 2", "", k, mixed(clipped[:, :1], clipped[:, 2:3], k)))

with open(here / "samples.csv", "w", newline="") as file:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["0", "1", "2", "3", "4", "label"])
    writer.writerows([*(f"{v:.6f}" for v in row), c] for row, c in zip(table, label))
with open(here / "values.csv", "w", newline="") as file:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["source", "method", "x", "y", "z", "k", "nats"])
    writer.writerows([*row[:-1], repr(float(row[-1]))] for row in rows)
