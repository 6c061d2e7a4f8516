"""Estimates of arrays: functions, and the base of the estimators' classes."""

from __future__ import annotations

import copy
import operator
import sys
import time
import warnings as _warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np

from . import _native
from ._arrays import Codes, Numbers, array_of, codes, is_categorical, is_symbolic, labels, numbers, rows_of
from ._errors import InfoplaneWarning
from ._results import Estimate, LayerReading, LayerUnits, NormalisedInformation, estimate_of, normalised_of, reading_of, units_of

#: ``progress(done, total)``, or true for a bar of `tqdm` where it is installed.
Progress: TypeAlias = Callable[[int, int], Any] | bool | None


def set_threads(threads: int) -> None:
    """Set how many threads estimates use from now on; 0 is one for each core. Results do not depend on it."""
    _native.set_threads(whole("threads", threads, 0, 1024))


def whole(name: str, given: Any, least: int, most: int = 2**63 - 1) -> int:
    """A whole number between two; no truth value, text or number with decimals is one."""
    last = {2**63 - 1: "", 2**64 - 1: " to 2**64 - 1"}.get(most, f" to {most}")
    try:
        if isinstance(given, (bool, np.bool_)):
            raise TypeError
        number = operator.index(given)
    except TypeError:
        raise TypeError(f"{name} = {given!r} is a {type(given).__name__}; allowed are whole numbers from {least}{last}") from None
    if not least <= number <= most:
        raise ValueError(f"{name} = {number}; allowed are whole numbers from {least}{last}")
    return number


def plain(value: Any) -> Any:
    """Settings without the scalars and arrays of NumPy, paths and tuples."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, (list, tuple, range)):
        return [plain(item) for item in value]
    if hasattr(value, "__fspath__"):
        return str(value.__fspath__())
    return value


class Estimator:
    """An estimator with its settings: the base of ``Ksg(k=5)`` and all others."""

    #: The name in configurations, on the command line and in figures.
    name: ClassVar[str]
    _labels: ClassVar[str] = "any"

    def __init__(self, **settings: Any) -> None:
        if not hasattr(self, "name"):
            raise TypeError("Estimator is the base of all estimators; make one of them, such as Ksg(k=5)")
        self._settings: dict[str, Any] = _native.check_estimator(self.name, plain(settings))

    @property
    def settings(self) -> dict[str, Any]:
        """All settings that are in force, as a configuration file has them."""
        return copy.deepcopy(self._settings)

    @property
    def config(self) -> dict[str, Any]:
        """The table of a configuration file: ``{"kind": "ksg", "k": 5}``."""
        return {"kind": self.name, **self.settings}

    def __repr__(self) -> str:
        settings = ", ".join(f"{key}={value!r}" for key, value in self._settings.items())
        return f"{type(self).__name__}({settings})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Estimator) and (self.name, self._settings) == (other.name, other._settings)

    def __hash__(self) -> int:
        return hash((self.name, repr(self._settings)))

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (type(self), self._settings)

    def mutual_information(
        self,
        x: Any,
        y: Any,
        *,
        x_discrete: bool | None = None,
        y_discrete: bool | None = None,
        standard_error: bool = True,
        permutations: int | None = None,
        permutation_scheme: Literal["free", "rotated", "blocks"] = "free",
        block_length: int | Literal["auto"] | None = None,
        seed: int = 0,
        progress: Progress = None,
    ) -> Estimate:
        """I(X;Y); see :func:`infoplane.mutual_information`."""
        variables = _variables(self, {"x": x, "y": y}, {"x": x_discrete, "y": y_discrete})
        manner = _manner(standard_error, permutations, permutation_scheme, block_length, seed)
        return _measured("pair", self, variables, manner, progress)

    def conditional_mutual_information(
        self,
        x: Any,
        y: Any,
        z: Any,
        *,
        x_discrete: bool | None = None,
        y_discrete: bool | None = None,
        z_discrete: bool | None = None,
        standard_error: bool = True,
        permutations: int | None = None,
        seed: int = 0,
        progress: Progress = None,
    ) -> Estimate:
        """I(X;Y|Z); see :func:`infoplane.conditional_mutual_information`."""
        manner = _manner(standard_error, permutations, "free", None, seed)
        if isinstance(z, tuple) and any(hasattr(part, "shape") and len(part.shape) > 0 for part in z):
            return _given_several(self, {"x": x, "y": y}, z, {"x": x_discrete, "y": y_discrete, "z": z_discrete}, manner, progress)
        discrete = {"x": x_discrete, "y": y_discrete, "z": z_discrete}
        variables = _variables(self, {"x": x, "y": y, "z": z}, discrete)
        return _measured("conditional", self, variables, manner, progress)

    def transfer_entropy(
        self,
        source: Any,
        target: Any,
        *,
        lag: int = 1,
        history: int = 1,
        source_history: int = 1,
        source_discrete: bool | None = None,
        target_discrete: bool | None = None,
        missing: Literal["refuse", "drop"] = "refuse",
        standard_error: bool = True,
        permutations: int | None = None,
        permutation_scheme: Literal["free", "rotated", "blocks"] = "rotated",
        block_length: int | Literal["auto"] = "auto",
        seed: int = 0,
        progress: Progress = None,
    ) -> Estimate:
        """What the past of one series tells of another; see :func:`infoplane.transfer_entropy`."""
        names = {"lag": lag, "history": history, "source_history": source_history}
        past = tuple(whole(name, given, 1) for name, given in names.items())
        manner = _manner(standard_error, permutations, permutation_scheme, block_length, seed)
        discrete = {"source": source_discrete, "target": target_discrete}
        return _series(self, {"source": source, "target": target}, discrete, missing, past, manner, progress)[0]

    def lagged_information(
        self,
        x: Any,
        y: Any,
        lags: Iterable[int] = range(11),
        *,
        x_discrete: bool | None = None,
        y_discrete: bool | None = None,
        missing: Literal["refuse", "drop"] = "refuse",
        standard_error: bool = True,
        permutations: int | None = None,
        permutation_scheme: Literal["free", "rotated", "blocks"] = "rotated",
        block_length: int | Literal["auto"] = "auto",
        seed: int = 0,
        progress: Progress = None,
    ) -> dict[int, Estimate]:
        """I(X;Y) of two series at each of some lags; see :func:`infoplane.lagged_information`."""
        given = [whole("lags", lag, -(2**62), 2**62) for lag in lags]
        if not given:
            raise ValueError("lags is empty; allowed are whole numbers, such as range(11)")
        manner = _manner(standard_error, permutations, permutation_scheme, block_length, seed)
        discrete = {"x": x_discrete, "y": y_discrete}
        found = _series(self, {"x": x, "y": y}, discrete, missing, given, manner, progress)
        return dict(zip(given, found, strict=True))

    def normalised_information(
        self, x: Any, y: Any, *, x_discrete: bool | None = None, y_discrete: bool | None = None
    ) -> NormalisedInformation:
        """I(X;Y) of symbols as a share of their entropies; see :func:`infoplane.normalised_information`."""
        variables = _variables(self, {"x": x, "y": y}, {"x": x_discrete, "y": y_discrete})
        found = normalised_of(_native.normalised(self.name, self.settings, list(variables.values()), list(variables)))
        warn(found.i_xy.warnings)
        return found

    def entropy(self, x: Any, *, x_discrete: bool | None = None) -> Estimate:
        """H(X); see :func:`infoplane.entropy`."""
        variables = _variables(self, {"x": x}, {"x": x_discrete})
        return _measured("entropy", self, variables, _manner(False, None, "free", None, 0), None)

    def total_correlation(self, *parts: Any) -> Estimate:
        """Σ H(part) − H(all parts); see :func:`infoplane.total_correlation`."""
        variables = _variables(self, _parts(parts), {})
        return _measured("total-correlation", self, variables, _manner(False, None, "free", None, 0), None)

    def layer_information(
        self, t: Any, labels: Any = None, *, target: Any = None, inputs: Any = None, shuffled: bool = True
    ) -> list[LayerReading]:
        """I(X;T) and I(T;Y) of the activations of a layer; see :func:`infoplane.layer_information`."""
        if one_of_two(labels, target) == "target":
            return _layer_with_target(self, t, target, inputs)
        return _layer(self, t, labels, inputs, shuffled)

    def unit_information(self, t: Any, labels: Any) -> LayerUnits:
        """What the units of a layer tell of labels; see :func:`infoplane.unit_information`."""
        return _units(self, t, labels)

    #: As :meth:`mutual_information`, in the words of `benchmark-mi`.
    def estimate(self, x: Any, y: Any) -> float:
        """I(X;Y) in nats as a plain number, without a standard error."""
        return self.mutual_information(x, y, standard_error=False).nats


def _again(kind: type[Estimator], settings: dict[str, Any]) -> Estimator:
    return kind(**settings)


class _Named(Estimator):
    """An estimator by its name."""

    def __init__(self, name: str, labels: str, settings: dict[str, Any]) -> None:
        # Set on the instance: the name is not that of a class.
        self.__dict__["name"] = name
        self.__dict__["_labels"] = labels
        super().__init__(**settings)

    def __reduce__(self) -> tuple[Any, ...]:
        return _Named, (self.name, self._labels, self._settings)


def estimator_of(estimator: str | Estimator | Mapping[str, Any], settings: dict[str, Any]) -> Estimator:
    """An estimator from a name with settings, a table of a configuration, or itself."""
    if isinstance(estimator, Estimator):
        if settings:
            names = ", ".join(settings)
            raise TypeError(f"{names}: the estimator {estimator!r} has its settings already; give them there")
        return estimator
    if isinstance(estimator, Mapping):
        table = dict(estimator)
        kind = table.pop("kind", None)
        if not isinstance(kind, str):
            raise TypeError("a table of an estimator needs the key kind, such as {'kind': 'ksg', 'k': 5}")
        return estimator_of(kind, {**table, **settings})
    if isinstance(estimator, type) and issubclass(estimator, Estimator):
        return estimator(**settings)
    if not isinstance(estimator, str):
        raise TypeError(f"estimator is a {type(estimator).__name__}; allowed are a name, an estimator such as Ksg(k=5), a table")
    return _Named(estimator, _native.label_sides(estimator), settings)


def _manner(
    standard_error: bool, permutations: int | None, scheme: str, block_length: int | str | None, seed: int
) -> dict[str, Any]:
    if permutations is not None:
        permutations = whole("permutations", permutations, 1, 10_000_000)
    if not isinstance(scheme, str):
        raise TypeError(f"permutation_scheme = {scheme!r}; allowed are 'free', 'rotated' and 'blocks'")
    return {
        "standard_error": bool(standard_error),
        "permutations": permutations,
        "permutation_scheme": scheme,
        "block_length": plain(block_length),
        "seed": whole("seed", seed, 0, 2**64 - 1),
    }


def _parts(parts: Sequence[Any]) -> dict[str, Any]:
    if not parts:
        raise TypeError("total_correlation needs at least one part: several variables, or one array whose columns they are")
    if len(parts) == 1:
        if isinstance(parts[0], (list, tuple)) and any(hasattr(part, "shape") and len(part.shape) > 0 for part in parts[0]):
            raise TypeError("parts is a list of arrays; give each as an argument of its own: total_correlation(*parts)")
        together = array_of(parts[0], "parts")
        if together.ndim == 2:
            return {f"column {place}": together[:, place] for place in range(together.shape[1])}
    return {f"part {place}": part for place, part in enumerate(parts)}


def _variables(
    estimator: Estimator, given: Mapping[str, Any], discrete: Mapping[str, bool | None]
) -> dict[str, Numbers | Codes]:
    for name, symbols in discrete.items():
        if symbols is not None and not isinstance(symbols, (bool, np.bool_)):
            raise TypeError(f"{name}_discrete = {symbols!r}; allowed are true, false and None")
    arrays = {name: array_of(values, name) for name, values in given.items()}
    symbolic = {name: discrete.get(name) for name in arrays}
    for name, array in arrays.items():
        if symbolic[name] is None:
            symbolic[name] = is_categorical(given[name]) or is_symbolic(array, name)
    if estimator._labels == "one" and not any(symbolic.values()):
        # Whole numbers on one side alone are the classes that such an estimator needs.
        whole = [name for name, array in arrays.items() if array.dtype.kind in "iu" and discrete.get(name) is None]
        if len(whole) == 1:
            symbolic[whole[0]] = True
    found: dict[str, Numbers | Codes] = {
        name: codes(array, name) if symbolic[name] else numbers(array, name) for name, array in arrays.items()
    }
    lengths = {name: len(array) for name, array in found.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise ValueError(f"the variables differ in their number of samples: {told}; each needs one row for each sample")
    return found


def _measured(
    quantity: str,
    estimator: Estimator,
    variables: Mapping[str, Numbers | Codes],
    manner: dict[str, Any],
    progress: Progress,
) -> Estimate:
    with _Bar(progress) as told:
        found = _native.estimate(
            quantity, estimator.name, estimator.settings, list(variables.values()), list(variables), manner, told
        )
    estimate = estimate_of(found)
    warn(estimate.warnings)
    return estimate


def _given_several(
    estimator: Estimator,
    of: Mapping[str, Any],
    z: tuple[Any, ...],
    discrete: Mapping[str, bool | None],
    manner: dict[str, Any],
    progress: Progress,
) -> Estimate:
    """Of a Z of several variables, of which some may be symbols."""
    if "z_symbols" not in {key["name"] for info in _native.estimators() if info["name"] == estimator.name for key in info["keys"]}:
        raise TypeError(f"z is a tuple of several variables, which {estimator.name} does not take; allowed are auto and frenzel-pompe")
    places = {f"z[{place}]": part for place, part in enumerate(z)}
    kinds = {**{name: discrete[name] for name in of}, **{name: discrete["z"] for name in places}}
    variables = _variables(estimator, {**of, **places}, kinds)
    columns: list[Any] = []
    symbols: list[int] = []
    for name in places:
        values = variables[name]
        if values.ndim == 1:
            symbols.append(len(columns))
            columns.append(values)
        else:
            columns += list(values.T)
    together = np.column_stack(columns).astype(np.float64)
    given = {**{name: variables[name] for name in of}, "z": together}
    settings = {**estimator.settings, "z_symbols": symbols}
    return _measured("conditional", _Named(estimator.name, estimator._labels, settings), given, manner, progress)


def _series(
    estimator: Estimator,
    given: Mapping[str, Any],
    discrete: Mapping[str, bool | None],
    missing: str,
    past: Any,
    manner: dict[str, Any],
    progress: Progress,
) -> list[Estimate]:
    if missing not in ("refuse", "drop"):
        raise ValueError(f"missing = {missing!r}; allowed are 'refuse' and 'drop'")
    variables = _variables(estimator, given, discrete)
    lacking: list[list[int]] = []
    for values in variables.values():
        rows = np.isnan(values).any(axis=1) if values.ndim == 2 else np.zeros(0, dtype=bool)
        lacking.append(np.flatnonzero(rows).tolist() if missing == "drop" else [])
    series = {"variables": list(variables.values()), "names": list(variables), "missing": lacking}
    with _Bar(progress) as told:
        found = _native.estimate_series(estimator.name, estimator.settings, series, past, manner, told)
    estimates = [estimate_of(fields) for fields in found]
    warn(list(dict.fromkeys(word for estimate in estimates for word in estimate.warnings)))
    return estimates


def warn(words: Sequence[str]) -> None:
    """Warn of each at the line of the user's own code."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "infoplane":
        frame, level = frame.f_back, level + 1
    for word in words:
        _warnings.warn(word, InfoplaneWarning, stacklevel=level)


class _Bar:
    """Progress as a callback for native code, on a bar that is closed at the end."""

    def __init__(self, progress: Progress, unit: str = "estimate") -> None:
        self._progress = progress
        self._unit = unit
        self._bar: Any = None

    def __enter__(self) -> Callable[[int, int], Any] | None:
        if self._progress is True:
            try:
                from tqdm.auto import tqdm
            except ImportError:
                return _lines(self._unit)
            self._bar = tqdm(total=0, leave=False, unit=self._unit)
            return self._advance
        if self._progress is None or self._progress is False:
            return None
        if not callable(self._progress):
            raise TypeError("progress is neither a function of (done, total) nor true or false")
        return self._progress

    def _advance(self, done: int, total: int) -> None:
        self._bar.total = total
        self._bar.n = done
        self._bar.refresh()

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()


def _lines(unit: str) -> Callable[[int, int], None]:
    """Progress in lines, the first and the last and one every few seconds."""
    next_at = 0.0

    def told(done: int, total: int) -> None:
        nonlocal next_at
        if done == total or time.monotonic() >= next_at:
            next_at = time.monotonic() + 5.0
            print(f"infoplane: {done} of {total} {unit}s", file=sys.stderr)

    return told


def _is_elsewhere(t: Any) -> bool:
    """Whether it is a tensor of PyTorch on a device where it can be measured."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(t, torch.Tensor) and bool(t.is_cuda) and t.layout == torch.strided


def _layer(estimator: Estimator, t: Any, of_samples: Any, inputs: Any, shuffled: bool) -> list[LayerReading]:
    elsewhere = _is_elsewhere(t)
    rows: Any = rows_of(t, "t") if elsewhere else numbers(t, "t")
    y = labels(of_samples, "labels")
    x = None if inputs is None else codes(inputs, "inputs")
    for name, given in [("labels", y), ("inputs", x)]:
        if given is not None and len(given) != len(rows):
            raise ValueError(f"{name} has {len(given)} samples and t has {len(rows)}; each row of t needs one")
    if elsewhere:
        from ._torch_sums import Sums

        rows = Sums([estimator], y, x, shuffled).source(rows, "", "t")
    found = _native.estimate_layer(estimator.name, estimator.settings, rows, y, x, shuffled)
    return _readings(found)


def _layer_with_target(estimator: Estimator, t: Any, target: Any, inputs: Any) -> list[LayerReading]:
    rows, y = numbers(t, "t"), numbers(target, "target")
    x = None if inputs is None else codes(inputs, "inputs")
    for name, given in [("target", y), ("inputs", x)]:
        if given is not None and len(given) != len(rows):
            raise ValueError(f"{name} has {len(given)} samples and t has {len(rows)}; each row of t needs one")
    return _readings(_native.estimate_layer_with_target(estimator.name, estimator.settings, rows, y, x))


def _readings(found: list[dict[str, Any]]) -> list[LayerReading]:
    readings = [reading_of(reading) for reading in found]
    warn(list(dict.fromkeys(word for reading in readings for part in (reading.i_xt, reading.i_ty) for word in part.warnings)))
    return readings


def one_of_two(labels: Any, target: Any) -> Literal["labels", "target"]:
    """Which of the two Y was given as."""
    if (labels is None) == (target is None):
        given = "neither is given" if labels is None else "both are given"
        raise TypeError(f"Y is labels, the class of each sample, or target, its numbers; {given}")
    return "target" if labels is None else "labels"


def _units(estimator: Estimator, t: Any, of_samples: Any) -> LayerUnits:
    rows, y = numbers(t, "t"), labels(of_samples, "labels")
    if len(y) != len(rows):
        raise ValueError(f"labels has {len(y)} samples and t has {len(rows)}; each row of t needs one")
    units = units_of(_native.estimate_units(estimator.name, estimator.settings, rows, y))
    if units.is_all_bias:
        warn(["shuffled labels have nearly all of H(Y), too: the units tell nothing of the layer; use wider bins or more samples"])
    return units


def mutual_information(
    x: Any,
    y: Any,
    estimator: str | Estimator | Mapping[str, Any] = "auto",
    *,
    x_discrete: bool | None = None,
    y_discrete: bool | None = None,
    standard_error: bool = True,
    permutations: int | None = None,
    permutation_scheme: Literal["free", "rotated", "blocks"] = "free",
    block_length: int | Literal["auto"] | None = None,
    seed: int = 0,
    progress: Progress = None,
    **settings: Any,
) -> Estimate:
    """Estimate the mutual information I(X;Y).

    Parameters
    ----------
    x, y
        One row for each sample: ``(n_samples,)`` or ``(n_samples, width)``. Arrays of NumPy, tensors of PyTorch and of anything
        with ``__dlpack__``, series and tables of pandas and polars, lists. Arrays of NumPy of float32 and float64 are not
        copied.
    estimator
        A name (``"auto"`` chooses by the data, and says why), an estimator (``Ksg(k=5)``), or a table of a configuration.
    x_discrete, y_discrete
        Whether rows are symbols. Unless given, text and truth values are symbols and numbers are numbers, of which ``auto``
        still tells names and counts.
    standard_error
        Whether estimators without an error of their own are repeated on parts of the samples for one, up to 200 times.
    permutations
        Test for independence by so many permutations of the rows of ``y``.
    permutation_scheme, block_length
        For time series; see the documentation of time series.
    seed
        Of permutations and of parts of the samples.
    progress
        ``progress(done, total)`` is called from time to time; true shows a bar.
    **settings
        Settings of the estimator: ``k=5``.

    Returns
    -------
    Estimate
        With ``nats``, ``bits``, ``standard_error``, ``interval``, ``warnings`` and more.

    Raises
    ------
    EstimateError
        If there is no estimate; :class:`UndeterminedError` where it is infinite, or a function of the number of samples alone.
    TypeError, ValueError
        For arguments of the wrong type, shape or value; the message names the argument.

    Examples
    --------
    >>> import numpy as np, infoplane
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=1000)
    >>> y = x + rng.normal(size=1000)
    >>> estimate = infoplane.mutual_information(x, y, estimator="ksg", k=5)
    >>> bool(abs(estimate.nats - 0.5 * np.log(2)) < 0.1)
    True
    """
    return estimator_of(estimator, settings).mutual_information(
        x,
        y,
        x_discrete=x_discrete,
        y_discrete=y_discrete,
        standard_error=standard_error,
        permutations=permutations,
        permutation_scheme=permutation_scheme,
        block_length=block_length,
        seed=seed,
        progress=progress,
    )


def conditional_mutual_information(
    x: Any,
    y: Any,
    z: Any,
    estimator: str | Estimator | Mapping[str, Any] = "auto",
    *,
    x_discrete: bool | None = None,
    y_discrete: bool | None = None,
    z_discrete: bool | None = None,
    standard_error: bool = True,
    permutations: int | None = None,
    seed: int = 0,
    progress: Progress = None,
    **settings: Any,
) -> Estimate:
    """Estimate the conditional mutual information I(X;Y|Z), as :func:`mutual_information` does I(X;Y).

    ``z`` may be a tuple of several variables, of which some are symbols and others numbers: ``z=(group, age)``; ``z_discrete`` is
    then for all of them. With ``permutations`` the rows of ``x`` are permuted among samples of similar ``z``.

    >>> import numpy as np, infoplane
    >>> rng = np.random.default_rng(0)
    >>> group, age, x = rng.choice(["a", "b"], size=600), rng.normal(size=600), rng.normal(size=600)
    >>> y = age + np.where(group == "a", 1, -1) * x + rng.normal(size=600)
    >>> estimate = infoplane.conditional_mutual_information(x, y, z=(group, age))
    >>> bool(abs(estimate.nats - 0.5 * np.log(2)) < 0.1)
    True
    """
    return estimator_of(estimator, settings).conditional_mutual_information(
        x,
        y,
        z,
        x_discrete=x_discrete,
        y_discrete=y_discrete,
        z_discrete=z_discrete,
        standard_error=standard_error,
        permutations=permutations,
        seed=seed,
        progress=progress,
    )


def transfer_entropy(
    source: Any,
    target: Any,
    estimator: str | Estimator | Mapping[str, Any] = "auto",
    *,
    lag: int = 1,
    history: int = 1,
    source_history: int = 1,
    source_discrete: bool | None = None,
    target_discrete: bool | None = None,
    missing: Literal["refuse", "drop"] = "refuse",
    standard_error: bool = True,
    permutations: int | None = None,
    permutation_scheme: Literal["free", "rotated", "blocks"] = "rotated",
    block_length: int | Literal["auto"] = "auto",
    seed: int = 0,
    progress: Progress = None,
    **settings: Any,
) -> Estimate:
    """Estimate the transfer entropy from one time series to another.

    That is what the past of the source X tells of the target Y beyond the target's own past, I(Yₜ; Xₜ₋ᵤ, …, Xₜ₋ᵤ₋ₗ₊₁ | Yₜ₋₁, …,
    Yₜ₋ₖ) with u the ``lag``, k the ``history`` and l the ``source_history``.

    Parameters
    ----------
    source, target
        One row for each time, in order.
    missing
        Whether rows with ``nan`` are refused, or the times that need one left out.
    permutations
        Test for no transfer by so many surrogates, in which the source's past is moved against the target and its past.
    permutation_scheme, block_length
        How it is moved, and the rows that stay together for that and for the standard error; see the documentation of time series.
    estimator, standard_error, seed, progress, **settings
        As :func:`mutual_information`.

    Examples
    --------
    >>> import numpy as np, infoplane
    >>> rng = np.random.default_rng(0)
    >>> x, y = rng.normal(size=2000), np.zeros(2000)
    >>> for t in range(1, 2000):
    ...     y[t] = 0.5 * y[t - 1] + 0.8 * x[t - 1] + rng.normal()
    >>> forth = infoplane.transfer_entropy(x, y)
    >>> bool(abs(forth.nats - 0.5 * np.log(1 + 0.8**2)) < 0.1)
    True
    """
    return estimator_of(estimator, settings).transfer_entropy(
        source,
        target,
        lag=lag,
        history=history,
        source_history=source_history,
        source_discrete=source_discrete,
        target_discrete=target_discrete,
        missing=missing,
        standard_error=standard_error,
        permutations=permutations,
        permutation_scheme=permutation_scheme,
        block_length=block_length,
        seed=seed,
        progress=progress,
    )


def lagged_information(
    x: Any,
    y: Any,
    lags: Iterable[int] = range(11),
    estimator: str | Estimator | Mapping[str, Any] = "auto",
    *,
    x_discrete: bool | None = None,
    y_discrete: bool | None = None,
    missing: Literal["refuse", "drop"] = "refuse",
    standard_error: bool = True,
    permutations: int | None = None,
    permutation_scheme: Literal["free", "rotated", "blocks"] = "rotated",
    block_length: int | Literal["auto"] = "auto",
    seed: int = 0,
    progress: Progress = None,
    **settings: Any,
) -> dict[int, Estimate]:
    """Estimate I(Xₜ₋τ;Yₜ) of two time series at each of some lags τ; a negative one is that of Y before X.

    A lag at which there is no answer, as lag 0 of a series with itself, has an estimate with :attr:`Estimate.missing`. Arguments are
    those of :func:`transfer_entropy`.

    >>> import numpy as np, infoplane
    >>> x = np.random.default_rng(0).normal(size=500)
    >>> y = np.roll(x, 2) + np.random.default_rng(1).normal(size=500)
    >>> found = infoplane.lagged_information(x, y, range(5), "gcmi")
    >>> max(found, key=lambda lag: found[lag].nats)
    2
    """
    return estimator_of(estimator, settings).lagged_information(
        x,
        y,
        lags,
        x_discrete=x_discrete,
        y_discrete=y_discrete,
        missing=missing,
        standard_error=standard_error,
        permutations=permutations,
        permutation_scheme=permutation_scheme,
        block_length=block_length,
        seed=seed,
        progress=progress,
    )


def normalised_information(
    x: Any,
    y: Any,
    estimator: str | Estimator | Mapping[str, Any] = "auto",
    *,
    x_discrete: bool | None = None,
    y_discrete: bool | None = None,
    **settings: Any,
) -> NormalisedInformation:
    """Estimate I(X;Y) of symbols as a share of their entropies, by five definitions.

    All entropies are by the same estimator, one of counts: ``"plug-in"`` gives shares from 0 to 1, of corrected entropies they may
    leave this range by their error. Numbers are refused, as their entropies are differential; for these there is
    :attr:`Estimate.linfoot_correlation`.

    >>> import infoplane
    >>> found = infoplane.normalised_information(["a", "a", "b", "b"], ["u", "v", "v", "v"], "plug-in")
    >>> round(found.sum, 6), round(found.min, 6)
    (0.343711, 0.383689)
    """
    return estimator_of(estimator, settings).normalised_information(x, y, x_discrete=x_discrete, y_discrete=y_discrete)


def entropy(
    x: Any, estimator: str | Estimator | Mapping[str, Any] = "auto", *, x_discrete: bool | None = None, **settings: Any
) -> Estimate:
    """Estimate the entropy H(X); that of numbers with a density is differential, in the units of the data.

    >>> import infoplane
    >>> round(infoplane.entropy(["a", "b"] * 50, estimator="plug-in").bits, 6)
    1.0
    """
    return estimator_of(estimator, settings).entropy(x, x_discrete=x_discrete)


def total_correlation(*parts: Any, estimator: str | Estimator | Mapping[str, Any] = "auto", **settings: Any) -> Estimate:
    """Estimate the total correlation Σ H(part) − H(all parts together) of several variables, or of the columns of one array."""
    return estimator_of(estimator, settings).total_correlation(*parts)


def layer_information(
    t: Any,
    labels: Any = None,
    estimator: str | Estimator | Mapping[str, Any] | None = None,
    *,
    target: Any = None,
    inputs: Any = None,
    shuffled: bool = True,
    **settings: Any,
) -> list[LayerReading]:
    """Measure I(X;T) and I(T;Y) of the activations of one layer.

    Parameters
    ----------
    t
        The activations, ``(n_samples, width)``.
    labels
        Y, the class of each sample; one-hot rows are classes, too.
    estimator, **settings
        As :func:`mutual_information`: ``"kde"`` with ``noise_variances=[1e-3]``, ``"binned"`` with ``rule="floor",
        bin_width=0.5``, ``"noise"`` with ``noise_variances=[0.1]``. Unless given, ``"kde"``; of a target ``"auto"``.
    target
        Y as numbers, ``(n_samples,)`` or ``(n_samples, columns)``, instead of labels: the target of a regression network. I(T;Y) is
        then that of :func:`mutual_information` of ``t`` and ``target``, by an estimator of numbers such as ``"ksg"`` or ``"gcmi"``;
        most of these do not measure I(X;T), and its estimate says why.
    inputs
        X, which input each sample is; all different unless given.
    shuffled
        Whether to measure I(T;Y) of the labels in random order, too, which is bias.

    Returns
    -------
    list of LayerReading
        One for each setting and bound: two for each noise variance of ``kde``.

    Examples
    --------
    >>> import numpy as np, infoplane
    >>> t = np.repeat([[0.0, 0.0], [1.0, 1.0]], 50, axis=0)
    >>> reading = infoplane.layer_information(t, np.repeat([0, 1], 50), noise_variances=[1e-3])[0]
    >>> reading.bound, round(reading.i_ty.bits, 6)
    ('upper', 1.0)

    A layer and a target of normal numbers with correlation 0.8, which share 0.737 bits:

    >>> rng = np.random.default_rng(0)
    >>> t = rng.normal(size=2000)
    >>> target = 0.8 * t + 0.6 * rng.normal(size=2000)
    >>> (reading,) = infoplane.layer_information(t, target=target, estimator="gcmi")
    >>> abs(reading.i_ty.bits - 0.737) < 0.1, reading.i_xt.bits
    (True, nan)
    """
    y = one_of_two(labels, target)
    made = estimator_of(estimator or ("auto" if y == "target" else "kde"), settings)
    return made.layer_information(t, labels, target=target, inputs=inputs, shuffled=shuffled)


def unit_information(
    t: Any, labels: Any, estimator: str | Estimator | Mapping[str, Any] = "binned", **settings: Any
) -> LayerUnits:
    """Measure what the units of a layer tell of the label: each alone, beyond all others, and together with others.

    Parameters
    ----------
    t
        The activations, ``(n_samples, width)``.
    labels
        Y, the class of each sample; one-hot rows are classes, too.
    estimator, **settings
        An estimator of bins or of counts, for which units are symbols: ``"binned"`` with ``rule="floor", bin_width=0.5``;
        ``"plug-in"`` or ``"chao-wang-jost"`` for values that repeat, as those of a quantised network.

    Returns
    -------
    LayerUnits
        With the degrees of redundancy and of vulnerability, and for layers of up to five units the decomposition by shared
        exclusions and the representational complexity; of shuffled labels, too.

    Examples
    --------
    The exclusive or of two units needs both of them.

    >>> import numpy as np, infoplane
    >>> t = np.array([[0, 0], [0, 1], [1, 0], [1, 1]] * 25)
    >>> units = infoplane.unit_information(t, t[:, 0] ^ t[:, 1], "plug-in")
    >>> round(units.redundancy_degree, 6), round(units.vulnerability_degree, 6)
    (0.0, 2.0)
    >>> {name: round(atom.information.bits, 3) for name, atom in units.atoms.items()}
    {'{1}{2}': -0.585, '{1}': 0.585, '{2}': 0.585, '{12}': 0.415}
    """
    return estimator_of(estimator, settings).unit_information(t, labels)
