"""Entropies of counts by the definitions, for tests/discrete.rs.

    python3 -m venv .venv && .venv/bin/pip install numpy scipy
    .venv/bin/python crates/infoplane-estimators/tests/reference/regenerate_discrete.py > crates/infoplane-estimators/tests/reference/discrete.json

Written from the formulas, cell by cell, sharing no shortcut with the library: sums term by term in exact rational
or extended arithmetic where they lose digits, the NSB integral by adaptive quadrature in another variable (the
expected entropy itself), its second moment as a double sum over pairs of cells.
"""

import json
from fractions import Fraction

import numpy as np
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import digamma, gammaln, polygamma


def plug_in(c):
    p = c / c.sum()
    return -(p * np.log(p)).sum()


def miller_madow(c):
    return plug_in(c) + (len(c) - 1) / (2 * c.sum())


def grassberger(c):
    # The recurrence, not the closed form.
    g = {1: -np.euler_gamma - np.log(2.0)}
    g[2] = 2 + g[1]
    for k in range(1, int(c.max()) // 2 + 1):
        g[2 * k + 1] = g[2 * k]
        g[2 * k + 2] = g[2 * k] + 2 / (2 * k + 1)
    return np.log(c.sum()) - sum(int(x) * g[int(x)] for x in c) / c.sum()


def shrinkage(c, cells):
    p = np.concatenate([c, np.zeros(cells - len(c))]) / c.sum()
    distance = ((1 / cells - p) ** 2).sum()
    top = 1 - (p**2).sum()
    low = (c.sum() - 1) * distance
    weight = 1.0 if low == 0 else min(1.0, top / low)
    q = weight / cells + (1 - weight) * p
    q = q[q > 0]
    return -(q * np.log(q)).sum()


def chao_shen(c):
    n = c.sum()
    single = min((c == 1).sum(), n - 1)
    p = (1 - single / n) * c / n
    return -(p * np.log(p) / (1 - (1 - p) ** n)).sum()


def chao_wang_jost(c):
    n = int(c.sum())
    # psi(n) - psi(c) as a sum of fractions.
    first = sum(Fraction(int(x), n) * sum(Fraction(1, k) for k in range(int(x), n)) for x in c)
    f1, f2 = int((c == 1).sum()), int((c == 2).sum())
    if f1 == 0:
        return float(first)
    a = Fraction(2 * f2, (n - 1) * f1 + 2 * f2) if f2 else Fraction(2, (n - 1) * (f1 - 1) + 2)
    if a == 1:
        return float(first)
    # The published bracket loses all digits in doubles; its remaining series does not.
    q = 1 - float(a)
    terms = int(45 / float(a)) + 10
    s = np.arange(terms)
    return float(first) + f1 / n * (np.exp((s + 1) * np.log(q)) / (n + s)).sum()


def nsb(c, cells):
    c = np.concatenate([c, np.zeros(cells - len(c))]).astype(float)
    n = c.sum()

    def xi(beta):
        return digamma(cells * beta + 1) - digamma(beta + 1)

    def beta_of(h):
        return np.exp(brentq(lambda v: xi(np.exp(v)) - h, -60, 60, xtol=1e-13))

    def ln_evidence(beta):
        return gammaln(cells * beta) - gammaln(cells * beta + n) + (gammaln(c + beta) - gammaln(beta)).sum()

    def moments(beta):
        a = c + beta
        total = a.sum()
        mean = (a / total * (digamma(total + 1) - digamma(a + 1))).sum()
        d = digamma(a + 1) - digamma(total + 2)
        pairs = np.outer(a, a) * (np.outer(d, d) - polygamma(1, total + 2))
        np.fill_diagonal(pairs, 0)
        d2 = digamma(a + 2) - digamma(total + 2)
        own = a * (a + 1) * (d2**2 + polygamma(1, a + 2) - polygamma(1, total + 2))
        return mean, (pairs.sum() + own.sum()) / (total * (total + 1))

    # Flat in h = xi(beta): integrate over h from 0 to ln K.
    h = np.linspace(1e-6, np.log(cells) * (1 - 1e-7), 4001)
    logs = np.array([ln_evidence(beta_of(x)) for x in h])
    peak, top = h[logs.argmax()], logs.max()
    near = h[logs > top - 40]
    low, high = max(near.min() - (h[1] - h[0]), 1e-9), min(near.max() + (h[1] - h[0]), np.log(cells) * (1 - 1e-9))

    def integral(f):
        points = [low, *[p for p in (peak,) if low < p < high], high]
        return sum(
            quad(lambda x: f(beta_of(x)) * np.exp(ln_evidence(beta_of(x)) - top), a, b, epsabs=0, epsrel=1e-10, limit=400)[0]
            for a, b in zip(points, points[1:])
        )

    z = integral(lambda beta: 1.0)
    mean = integral(lambda beta: moments(beta)[0]) / z
    second = integral(lambda beta: moments(beta)[1]) / z
    return mean, np.sqrt(second - mean**2)


def main():
    rng = np.random.default_rng(20)
    cases = {
        "few": ([3, 1, 1], 5),
        "animals": ([4, 2, 3, 0, 2, 4, 0, 0, 2, 1, 1], 11),
        "single": ([1] * 8 + [2], 40),
        "filled": ([120, 80, 41, 9], 4),
        "geometric": (rng.multinomial(200, 0.9 ** np.arange(60) / (0.9 ** np.arange(60)).sum()), 60),
        "uniform": (rng.multinomial(150, np.full(100, 0.01)), 100),
        "all alone": ([1] * 12, 200),
    }
    result = []
    for name, (counts, cells) in cases.items():
        c = np.array([x for x in counts if x > 0])
        mean, deviation = nsb(c, cells)
        result.append(
            {
                "name": name,
                "counts": [int(x) for x in c],
                "cells": cells,
                "plug-in": plug_in(c),
                "miller-madow": miller_madow(c),
                "grassberger": grassberger(c),
                "shrinkage": shrinkage(c, cells),
                "chao-shen": chao_shen(c),
                "chao-wang-jost": chao_wang_jost(c),
                "nsb": mean,
                "nsb deviation": deviation,
            }
        )
    print(json.dumps(result, indent=1))


main()
