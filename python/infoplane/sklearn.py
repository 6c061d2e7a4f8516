"""Replacements of scikit-learn's mutual information.

Feature selection takes them as scoring functions::

    from infoplane.sklearn import mutual_info_regression
    SelectKBest(mutual_info_regression, k=10).fit(X, y)

With ``estimator=None`` they compute what scikit-learn computes, without the noise that it adds to the numbers: KSG-1 of two columns
that are scaled by their standard deviations, Ross's estimate of a column and labels, counts of two columns of labels; in nats,
negative values as 0. With ``estimator="auto"``, or any other, columns are measured by that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _native
from ._arrays import array_of, codes, numbers
from ._estimate import Estimator, estimator_of

__all__ = ["mutual_info_classif", "mutual_info_regression"]


def mutual_info_regression(
    X: Any,
    y: Any,
    *,
    discrete_features: Any = "auto",
    n_neighbors: int = 3,
    copy: bool = True,
    random_state: Any = None,
    n_jobs: int | None = None,
    estimator: str | Estimator | Mapping[str, Any] | None = None,
    **settings: Any,
) -> NDArray[np.float64]:
    """I(column; y) of every column of X with a continuous target, in nats.

    Parameters
    ----------
    X
        ``(n_samples, n_features)``.
    y
        The target.
    discrete_features
        ``"auto"`` (none, of a dense X), true or false, a mask, or the indices of the discrete columns.
    n_neighbors
        Neighbours of each sample.
    random_state
        Of the noise that tells equal values apart. Where values of a continuous column or target repeat, scikit-learn's noise of 1e-10
        is added as it adds it, so that the values are its own for the same seed; 0 unless given. Where none repeats there is none.
    copy, n_jobs
        Taken for scikit-learn's sake: nothing is changed in place, and all cores are used.
    estimator, **settings
        Another estimator, as ``"auto"``.

    Returns
    -------
    ndarray of shape (n_features,)

    Examples
    --------
    >>> import numpy as np
    >>> from infoplane.sklearn import mutual_info_regression
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(500, 3))
    >>> y = X[:, 1] + 0.1 * rng.normal(size=500)
    >>> int(mutual_info_regression(X, y).argmax())
    1
    """
    return _columns(X, y, False, discrete_features, n_neighbors, random_state, estimator, settings)


def mutual_info_classif(
    X: Any,
    y: Any,
    *,
    discrete_features: Any = "auto",
    n_neighbors: int = 3,
    copy: bool = True,
    random_state: Any = None,
    n_jobs: int | None = None,
    estimator: str | Estimator | Mapping[str, Any] | None = None,
    **settings: Any,
) -> NDArray[np.float64]:
    """I(column; y) of every column of X with a class, in nats; arguments as :func:`mutual_info_regression`."""
    return _columns(X, y, True, discrete_features, n_neighbors, random_state, estimator, settings)


def _columns(
    X: Any,
    y: Any,
    discrete_target: bool,
    discrete_features: Any,
    n_neighbors: int,
    random_state: Any,
    estimator: str | Estimator | Mapping[str, Any] | None,
    settings: dict[str, Any],
) -> NDArray[np.float64]:
    if hasattr(X, "toarray"):
        discrete_features = True if isinstance(discrete_features, str) else discrete_features
    columns = array_of(X.toarray() if hasattr(X, "toarray") else X, "X")
    if columns.ndim != 2:
        raise ValueError(f"X has the shape {columns.shape}; allowed is (n_samples, n_features)")
    discrete = _mask(discrete_features, columns.shape[1])
    target = codes(y, "y") if discrete_target else numbers(y, "y")
    if len(target) != len(columns):
        raise ValueError(f"X has {len(columns)} samples and y has {len(target)}; each sample needs both")
    names = [f"X[:, {place}]" for place in range(columns.shape[1])]
    sides: list[Any] = [
        codes(columns[:, place], name) if discrete[place] else numbers(columns[:, place], name) for place, name in enumerate(names)
    ]
    if estimator is None and any(_repeats(side) for side in [*sides, target] if side.dtype != np.int64):
        sides, target = _apart(sides, target, random_state)
    found = [_pair(side, target, name, n_neighbors, estimator, settings) for side, name in zip(sides, names, strict=True)]
    return np.asarray(np.maximum(found, 0.0), dtype=np.float64)


def _repeats(column: NDArray[Any]) -> bool:
    return len(np.unique(column)) < len(column)


def _apart(sides: list[Any], target: Any, random_state: Any) -> tuple[list[Any], Any]:
    """Continuous columns and target in units of their standard deviation, with noise: scaled and drawn as scikit-learn does."""
    random = random_state if hasattr(random_state, "standard_normal") else np.random.RandomState(random_state or 0)
    places = [place for place, side in enumerate(sides) if side.dtype != np.int64]
    sides = list(sides)
    if places:
        together = _scaled(np.column_stack([sides[place] for place in places]).astype(np.float64))
        noise = 1e-10 * np.maximum(1, np.abs(together).mean(axis=0)) * random.standard_normal(size=together.shape)
        for place, column in zip(places, (together + noise).T, strict=True):
            sides[place] = np.ascontiguousarray(column[:, None])
    if target.dtype != np.int64:
        scaled = _scaled(target.astype(np.float64))
        target = scaled + 1e-10 * np.maximum(1, np.abs(scaled).mean()) * random.standard_normal(size=len(scaled))[:, None]
    return sides, target


def _scaled(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    deviations = columns.std(axis=0)
    return np.asarray(columns / np.where(deviations > 0, deviations, 1.0))


def _mask(given: Any, n_features: int) -> NDArray[np.bool_]:
    if isinstance(given, str):
        if given != "auto":
            raise ValueError(f"discrete_features = {given!r}; allowed are 'auto', true, false, a mask and indices")
        return np.zeros(n_features, dtype=bool)
    if isinstance(given, (bool, np.bool_)):
        return np.full(n_features, bool(given))
    array = np.asarray(given)
    if array.dtype == bool:
        if array.shape != (n_features,):
            raise ValueError(f"discrete_features is a mask of {array.size} for {n_features} features")
        return array
    mask = np.zeros(n_features, dtype=bool)
    mask[array] = True
    return mask


_ONLY_VALUE = {"standard_error": False, "permutations": None, "permutation_scheme": "free", "block_length": None, "seed": 0}


def _pair(
    column: Any, target: Any, of: str, n_neighbors: int, estimator: str | Estimator | Mapping[str, Any] | None, settings: dict[str, Any]
) -> float:
    if estimator is not None:
        chosen = estimator_of(estimator, settings)
        name, keys = chosen.name, chosen.settings
    else:
        symbols = [column.dtype == np.int64, target.dtype == np.int64]
        name = {0: "ksg", 1: "ross", 2: "plug-in"}[sum(symbols)]
        keys = {} if name == "plug-in" else {"k": int(n_neighbors)}
    found = _native.estimate("pair", name, keys, [column, target], [of, "y"], _ONLY_VALUE, None)
    value = found["nats"]
    # Of a bound there is no value: it is what can be said.
    return float(found["limit_nats"] if value is None else value)
