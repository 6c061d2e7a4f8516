"""Columns of a table, ranked by what they tell of one of them."""

from __future__ import annotations

import warnings as _warnings
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from . import _native
from ._arrays import _all_numbers, _is_missing, array_of, codes, is_categorical
from ._errors import InfoplaneWarning
from ._estimate import whole
from ._runs import Table

_MOST_EXACT = 2**53

Kind = Literal["names", "lattice", "mixed", "continuous"]
_Column = tuple[str, "NDArray[np.float64] | NDArray[np.int64]", "str | None"]


class Ranking(Table):
    """Columns by what they tell of a target, best first, as a table.

    Its columns are ``rank``, ``column``, ``kind``, ``method``, ``bits``, ``standard_error_bits``, ``p_value``, ``p_kind``
    (``"counted"``, ``"fitted"`` or ``"chi2"``), ``p_counted``, ``permutations``, ``q_value``, ``n``, ``missing`` and ``note``.
    """

    def __init__(self, native: _native.Table, about: Mapping[str, Any]) -> None:
        super().__init__(native)
        #: What the target is: ``"names"``, ``"lattice"``, ``"mixed"`` or ``"continuous"``.
        self.target_kind: str = about["target_kind"]
        #: Rows that have a target.
        self.n_samples: int = about["n_samples"]
        #: Rows left out since the target is missing.
        self.target_missing: int = about["target_missing"]
        #: Permutations, at most, for each column.
        self.permutations: int = about["permutations"]


def rank(
    table: Any,
    target: Any,
    *,
    names: Sequence[Any] = (),
    target_kind: Kind | None = None,
    missing: Literal["drop", "symbol"] = "drop",
    k: int = 3,
    permutations: int | None = None,
    tail: Literal["counted", "fitted"] = "counted",
    correction: Literal[
        "benjamini-hochberg", "benjamini-yekutieli", "holm", "bonferroni", "none"
    ] = "benjamini-hochberg",
    seed: int = 0,
) -> Ranking:
    """Rank the columns of a table by their mutual information with a target, with p-values corrected for their number.

    Numbers are measured by nearest neighbours of their ranks (Ross against symbols, KSG-1 against numbers), symbols against symbols by
    corrected counts. p-values for independence are from permutations, which all columns of numbers share, or (symbols against
    symbols) from the distribution of chi-squared.

    Parameters
    ----------
    table
        A table of pandas, polars or Arrow, a mapping of names to columns, or a matrix ``(n_samples, n_columns)``, whose columns are
        called by their numbers. Text and truth values are symbols; numbers that repeat often are found to be. ``None`` and ``nan``
        are missing: their rows are left out of that column alone.
    target
        The name of a column of the table (of a matrix its number), or a column of its own.
    names
        Columns of numbers to take as symbols.
    target_kind
        What the target is, if it is not to be found out; text and truth values are ``"names"``.
    missing
        ``"symbol"`` makes symbols that are missing a symbol of their own.
    k
        Number of nearest neighbours.
    permutations
        How many, at most, for each column, 0 for none; unless given as many as one column needs to be found alone among all, from
        1999 to 9999.
    tail
        p-values of values that fewer than ten permutations reach: ``"fitted"`` extrapolates by a Pearson III distribution.
    correction
        How p-values are corrected for the number of columns.
    seed
        Of the permutations, and of the order of equal numbers.

    Returns
    -------
    Ranking
        A row for each column, best first.

    Examples
    --------
    >>> import numpy as np, infoplane
    >>> random = np.random.default_rng(1)
    >>> y = random.integers(0, 2, 500)
    >>> table = {"idle": random.normal(size=500), "helps": y + random.normal(size=500), "y": y}
    >>> ranking = infoplane.rank(table, "y")
    >>> list(ranking["column"]), bool(ranking["q_value"][0] < 0.01)
    (['helps', 'idle'], True)
    """
    columns = _columns(table)
    at = _place(columns, target)
    if at is not None:
        name, values = columns.pop(at)
    else:
        if isinstance(target, (str, int)):
            raise KeyError(f"target={target!r}; the columns are {', '.join(map(repr, [name for name, _ in columns[:20]]))}")
        name, values = "target", target
    chosen = {_place(columns, given) for given in names}
    if None in chosen:
        lacking = next(given for given in names if _place(columns, given) is None)
        raise KeyError(f"names: there is no column {lacking!r} beside the target")
    given = [_column(str(name), values, at in chosen) for at, (name, values) in enumerate(columns)]
    if not given:
        raise ValueError("table has no column beside the target")
    goal = _column(str(name), values, False)
    for name, values, _ in given:
        if len(values) != len(goal[1]):
            raise ValueError(f"column {name} has {len(values)} rows and the target has {len(goal[1])}; each row needs both")
    manner = {
        "k": whole("k", k, 1, 1000),
        "permutations": None if permutations is None else whole("permutations", permutations, 0, 10_000_000),
        "tail": tail,
        "correction": correction,
        "missing": missing,
        "seed": whole("seed", seed, 0),
    }
    found, about = _native.rank(given, (goal[0], goal[1], target_kind or goal[2]), manner)
    if about["too_few_permutations"]:
        _warnings.warn(
            f"one column alone cannot reach q = .05 with {about['permutations']} permutations: give more permutations, or "
            'tail="fitted", which extrapolates',
            InfoplaneWarning,
            stacklevel=2,
        )
    return Ranking(found, about)


def _columns(table: Any) -> list[tuple[Any, Any]]:
    """The columns of a table of any library, each with its name."""
    if isinstance(table, Mapping):
        return list(table.items())
    names = getattr(table, "column_names", None)  # Arrow
    if names is None:
        names = getattr(table, "columns", None)
    if names is not None and not callable(names):
        names = list(names)
        if len(set(names)) < len(names):
            raise ValueError("table has several columns of the same name; give each its own")
        return [(name, table[name]) for name in names]
    matrix = array_of(table, "table")
    if matrix.ndim != 2:
        raise ValueError(f"table has {matrix.ndim} axes; allowed are tables, mappings of columns, and matrices (n_samples, n_columns)")
    return [(number, matrix[:, number]) for number in range(matrix.shape[1])]


def _place(columns: list[tuple[Any, Any]], given: Any) -> int | None:
    """The place of the column of that name; none for what is no name."""
    if not isinstance(given, (str, int, np.integer, tuple)) or isinstance(given, bool):
        return None
    return next((at for at, (name, _) in enumerate(columns) if name == given), None)


def _column(name: str, values: Any, as_names: bool) -> _Column:
    if is_categorical(values):
        as_names = True
    array = array_of(values, name)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise ValueError(f"column {name} has {array.ndim} axes; allowed is one value for each row")
    kind = array.dtype.kind
    if kind == "O":
        lacks = np.fromiter((_is_missing(value) for value in array), dtype=bool, count=len(array))
        there = array[~lacks]
        if not as_names and _all_numbers(there):
            found = np.full(len(array), np.nan)
            found[~lacks] = there.astype(np.float64)
            return name, found, None
        return name, _symbols(there, lacks, name), None
    if kind in "USb":
        return name, _symbols(array, np.zeros(len(array), dtype=bool), name), None
    if kind in "iuf":
        if kind in "iu" and array.size and max(abs(int(array.max())), abs(int(array.min()))) > _MOST_EXACT:
            # Whole numbers that are no numbers of double precision are names.
            return name, _symbols(array, np.zeros(len(array), dtype=bool), name), None
        return name, np.ascontiguousarray(array, dtype=np.float64), "names" if as_names else None
    if kind in "mM":
        raise TypeError(f"column {name} holds dates or durations; give numbers, such as its .astype('int64')")
    raise TypeError(f"column {name} has the data type {array.dtype}; allowed are numbers, text and truth values")


def _symbols(there: NDArray[Any], lacks: NDArray[np.bool_], name: str) -> NDArray[np.int64]:
    found = np.full(len(lacks), -1, dtype=np.int64)
    if len(there):
        found[~lacks] = codes(there, name)
    return found
