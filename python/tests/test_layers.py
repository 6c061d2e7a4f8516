"""Layers against layers: values against NumPy, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

import infoplane


def cka(x: NDArray[np.float64], y: NDArray[np.float64], unbiased: bool) -> float:
    """By matrices of all pairs of samples, as published."""
    n = len(x)
    products = [x @ x.T, y @ y.T]
    if not unbiased:
        centring = np.eye(n) - 1 / n
        k, m = (centring @ product @ centring for product in products)
        return (k * m).sum() / math.sqrt((k * k).sum() * (m * m).sum())

    def hsic(k: NDArray[np.float64], m: NDArray[np.float64]) -> float:
        k, m = (product - np.diag(np.diag(product)) for product in (k, m))
        ones = np.ones(n)
        return np.trace(k @ m) + (ones @ k @ ones) * (ones @ m @ ones) / ((n - 1) * (n - 2)) - 2 / (n - 2) * ones @ k @ m @ ones

    k, m = products
    return hsic(k, m) / math.sqrt(hsic(k, k) * hsic(m, m))


@pytest.mark.parametrize("shape", [(50, 3, 7), (50, 3, 120), (50, 90, 120), (400, 64, 20), (5, 2, 2)])
def test_similarities_are_those_of_numpy(shape: tuple[int, int, int]) -> None:
    n, p, q = shape
    rng = np.random.default_rng(n + p)
    x = rng.normal(size=(n, p)) + 2
    y = np.tanh(x @ rng.normal(size=(p, q))) + rng.normal(size=(n, q))
    for unbiased in (False, True):
        assert infoplane.linear_cka(x, y, unbiased) == pytest.approx(cka(x, y, unbiased), abs=1e-9)
        single = x.astype(np.float32)
        assert infoplane.linear_cka(single, y, unbiased) == pytest.approx(cka(single.astype(np.float64), y, unbiased), abs=1e-9)


def test_ranks_are_those_of_singular_values() -> None:
    rng = np.random.default_rng(5)
    for shape in [(200, 20), (30, 80), (500, 1)]:
        x = rng.normal(size=shape) * rng.uniform(0.01, 3, size=shape[1])
        sizes = np.linalg.svd(x - x.mean(axis=0), compute_uv=False)
        shares = sizes[sizes > 1e-9] / sizes.sum()
        assert infoplane.effective_rank(x) == pytest.approx(math.exp(-(shares * np.log(shares)).sum()), rel=1e-6)
        assert infoplane.participation_ratio(x) == pytest.approx((sizes**2).sum() ** 2 / (sizes**4).sum(), rel=1e-9)


def entropy(*columns: NDArray[np.float64]) -> float:
    counts = np.unique(np.column_stack(columns), axis=0, return_counts=True)[1]
    shares = counts / counts.sum()
    return float(-(shares * np.log(shares)).sum())


def test_information_of_layers_and_of_inputs_is_that_of_counts() -> None:
    rng = np.random.default_rng(3)
    x = rng.integers(0, 4, size=(300, 6)).astype(np.float64)
    first, second = x[:, 1:3] % 3, (x[:, :1] + x[:, 1:2]) % 3
    (pairs,) = infoplane.layer_pair_information([first, second], "plug-in")
    expected = entropy(first) + entropy(second) - entropy(first, second)
    assert pairs.nats[0, 1] == pytest.approx(expected, abs=1e-12) and pairs.nats[1, 0] == pairs.nats[0, 1]
    assert np.diag(pairs.nats) == pytest.approx([entropy(first), entropy(second)], abs=1e-12)
    assert pairs.bits[0, 0] == pytest.approx(pairs.nats[0, 0] / math.log(2))
    assert pairs.n_cells == (9, 3) and pairs.n_alone == (0, 0) and pairs.missing == {}
    assert pairs.shuffled is not None and pairs.shuffled[0, 1] < 0.1 and pairs.standard_error is None
    found = infoplane.input_information(x, second, "plug-in")
    for column in range(6):
        expected = entropy(x[:, column]) + entropy(second) - entropy(x[:, column], second)
        assert found.nats[column] == pytest.approx(expected, abs=1e-12)
        assert found.entropy[column] == pytest.approx(entropy(x[:, column]), abs=1e-12)
    together = infoplane.input_information(x, second, "plug-in", groups=[[0, 1], [5]])
    assert together.nats[0] == pytest.approx(entropy(second), abs=1e-12)
    assert together.nats[1] == found.nats[5] and together.n_values.tolist() == [16, 4]
    cut = infoplane.input_information(rng.normal(size=(300, 2)), second, "plug-in", input_bins=4)
    assert cut.n_values.tolist() == [4, 4] and (cut.nats < 0.1).all()
    assert repr(found) == "<I(X_p;T) of 6 parts by plug-in (exact symbols), n = 300>"


def test_bounds_hold_the_value_with_noise() -> None:
    rng = np.random.default_rng(8)
    layers = [rng.normal(size=(200, 2)), rng.normal(size=(200, 3))]
    (value,) = infoplane.layer_pair_information(layers, "noise", noise_variances=[1.0], draws=20)
    upper, lower = infoplane.layer_pair_information(layers, infoplane.Kde(noise_variances=[1.0]))
    assert (upper.bound, lower.bound, value.bound) == ("upper", "lower", None)
    assert value.standard_error is not None and value.shuffled is None
    assert (value.nats < upper.nats + 4 * value.standard_error).all() and (value.nats > lower.nats - 4 * value.standard_error).all()


def test_what_cannot_be_compared_has_a_reason() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(20, 2))
    with pytest.raises(infoplane.UndeterminedError, match="never changes"):
        infoplane.linear_cka(x, np.ones((20, 3)))
    with pytest.raises(infoplane.UndeterminedError, match="never changes"):
        infoplane.effective_rank(np.ones(20))
    with pytest.raises(infoplane.EstimateError, match="at least 4 samples"):
        infoplane.linear_cka(x[:3], x[:3] ** 2, unbiased=True)
    with pytest.raises(ValueError, match="b has 19 samples|a has 20 samples"):
        infoplane.linear_cka(x, x[1:])
    with pytest.raises(ValueError, match=r"layers\[1\] has 19 samples"):
        infoplane.layer_pair_information([x, x[1:]], "plug-in")
    with pytest.raises(TypeError, match="list of arrays"):
        infoplane.layer_pair_information(x, "plug-in")
    with pytest.raises(infoplane.EstimateError, match="kde has no cells"):
        infoplane.input_information(x, x, "kde", noise_variances=[0.1])
    with pytest.raises(ValueError, match="input_bins = 1"):
        infoplane.input_information(x, x, "plug-in", input_bins=1)
    with pytest.raises(ValueError, match="a column of groups = 2"):
        infoplane.input_information(x, x, "plug-in", groups=[[0], [2]])
    broken = x.copy()
    broken[3, 1] = np.nan
    with pytest.raises(infoplane.EstimateError, match="row 3, column 1"):
        infoplane.layer_pair_information([x, broken], "plug-in")
    (pairs,) = infoplane.layer_pair_information([x, rng.normal(size=(20, 1))], "ksg")
    assert math.isnan(pairs.nats[0, 0]) and "infinite" in pairs.missing[(0, 0)] and (0, 1) not in pairs.missing
