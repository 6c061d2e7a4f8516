"""Experiments of the command: networks that this package trains itself, and the errors of estimators."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _native
from ._errors import ExperimentError
from ._estimate import Progress, _Bar, plain, warn
from ._recorder import estimators_of
from ._runs import Run, Table


def _changes(table: Mapping[str, Any], under: str = "") -> list[tuple[str, Any]]:
    """`{"training": {"epochs": 10}}` as `training.epochs`, 10."""
    found: list[tuple[str, Any]] = []
    for key, value in table.items():
        path = f"{under}.{key}" if under else str(key)
        # A table with a kind is a value: its keys depend on it.
        if isinstance(value, Mapping) and "kind" not in value:
            found += _changes(value, path)
        else:
            found.append((path, plain(value)))
    return found


def experiment(name: str | os.PathLike[str] | Mapping[str, Any], /, **changes: Any) -> dict[str, Any]:
    """The table of an experiment with all its keys: of a preset, a TOML file, or a table, with some keys changed.

    >>> import infoplane
    >>> infoplane.experiment("saxe2018-tanh", training={"epochs": 1000})["training"]["epochs"]
    1000
    """
    return _native.experiment_table(_given(name), _changes(changes))


def samples(
    name: str | os.PathLike[str] | Mapping[str, Any], /, *, seed: int | None = None, **changes: Any
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The samples that an experiment measures: inputs as its networks see them, and the class of each.

    >>> import infoplane
    >>> inputs, labels = infoplane.samples("tishby2017")
    >>> inputs.shape, labels.shape
    ((4096, 12), (4096,))
    """
    return _native.measured_samples(_given(name), _changes(changes), seed)


def _given(name: str | os.PathLike[str] | Mapping[str, Any]) -> Any:
    return plain(name) if isinstance(name, Mapping) else os.fspath(name)


def run(
    name: str | os.PathLike[str] | Mapping[str, Any],
    /,
    out: str | os.PathLike[str] | None = None,
    *,
    memory: int | None = None,
    progress: Progress = None,
    **changes: Any,
) -> Run:
    """Train a network, measure its layers, and write a run directory, as the command does.

    Parameters
    ----------
    name
        A preset (``"tishby2017"``, ``"saxe2018-tanh"``, ``"saxe2018-relu"``, ``"saxe2018-mnist"``), a TOML file, or a table.
    out
        The directory, new or empty; ``runs/NAME`` unless given, ``runs/NAME-modified`` of a preset with changes. An interrupted
        run in it goes on with :func:`resume`.
    memory
        Bytes for networks that are kept to be measured, 1 GiB unless given. The data of a file may take half of the memory that is
        available, or as much as this if it is more.
    progress
        ``progress(epochs, total)``, or true for a bar.
    **changes
        Keys to change, as the tables of the file have them: ``training={"epochs": 1000}``, ``seeds=3``.

    Examples
    --------
    >>> import infoplane, tempfile
    >>> out = tempfile.mkdtemp()
    >>> run = infoplane.run("saxe2018-tanh", out, training={"epochs": 3}, seeds=1)
    >>> run.state
    'finished'
    """
    given = _given(name)
    changed = _changes(changes)
    path = os.fspath(out) if out is not None else _free(_native.experiment_table(given, changed).get("name") or "run")
    with _Bar(progress) as told:
        warn(_native.run_experiment(given, changed, path, memory, told))
    return Run(path)


def _free(name: str) -> str:
    """`runs/NAME`, or `runs/NAME-2` and so on where that is taken, as the command calls it: `saxe2018-tanh-modified`."""
    name = re.sub(r"[^\w.]+", "-", name[:60]).lstrip(".-").rstrip("-") or "unnamed"
    path, number = os.path.join("runs", name), 1
    while os.path.exists(path) and (not os.path.isdir(path) or os.listdir(path)):
        number += 1
        path = os.path.join("runs", f"{name}-{number}")
    return path


def resume(path: str | os.PathLike[str], *, memory: int | None = None, progress: Progress = None) -> Run:
    """Go on with an interrupted run of :func:`run` or of the command, to the same bytes."""
    with _Bar(progress) as told:
        warn(_native.resume_experiment(os.fspath(path), memory, told))
    return Run(path)


class PooledNetworks:
    """Networks of late epochs, or of many seeds, as samples of one distribution of weights; see :func:`as_if_random`."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path: str = os.fspath(path)
        self._pool = _native.pooled_table(self.path, "pool")

    @property
    def pool(self) -> Table:
        """The measurements: a row for each pool, layer and method."""
        return Table(self._pool)

    @property
    def drift(self) -> Table:
        """The drift of the weights over the window, by seed and layer."""
        return Table(_native.pooled_table(self.path, "drift"))

    @property
    def window(self) -> Table:
        """A row for each network, in the order of the pool."""
        return Table(_native.pooled_table(self.path, "window"))

    @property
    def overlap(self) -> Table:
        """The overlap of p(t | x) of pairs of inputs, by layer and classes."""
        return Table(_native.pooled_table(self.path, "overlap"))

    def report(self, out: str | os.PathLike[str] | None = None) -> list[str]:
        """Write figures, tables and the summary, beside the result unless told otherwise; returns the files."""
        return [os.fspath(path) for path in _native.pooled_report(self.path, None if out is None else os.fspath(out))[0]]

    def __repr__(self) -> str:
        return f"<pooled networks in {self.path}: {len(self.pool)} measurements>"


def as_if_random(
    experiment: str | os.PathLike[str] | Mapping[str, Any] | Run,
    /,
    out: str | os.PathLike[str] | None = None,
    *,
    pool: Mapping[str, Any] | None = None,
    inputs: int | None = None,
    estimators: Any = None,
    memory: int | None = None,
    progress: Progress = None,
    **changes: Any,
) -> PooledNetworks:
    """Pool the networks of late epochs as samples of one distribution of weights, and measure I(X;T) of the pool.

    Parameters
    ----------
    experiment
        A preset, a TOML file or a table, whose networks are trained; or a run of one, whose networks are used again.
    out
        The directory of the result.
    pool
        ``{"over": "epochs", "window": 256, "stride": 1}`` unless given.
    inputs
        How many inputs are measured; all unless given.
    estimators
        As for :class:`Recorder`; 30 equal bins on the range of each layer unless given.
    memory, progress, **changes
        As for :func:`run`.
    """
    settings: dict[str, Any] = {}
    if pool is not None:
        settings["pool"] = plain(pool)
    if inputs is not None:
        settings["inputs"] = int(inputs)
    if estimators is not None:
        settings["estimators"] = [one.config for one in estimators_of(estimators)]
    of_run = experiment.path if isinstance(experiment, Run) else None
    given = None if isinstance(experiment, Run) else _given(experiment)
    changed = _changes(changes)
    if out is not None:
        path = os.fspath(out)
    elif of_run is not None:
        path = os.path.join(of_run, "as-if-random")
    else:
        path = _free(f"{_native.experiment_table(given, changed).get('name') or 'run'}-as-if-random")
    with _Bar(progress) as told:
        warn(_native.as_if_random(given, changed, settings, of_run, path, memory, told))
    return PooledNetworks(path)


def calibrate(
    tasks: str | Sequence[str] | None = None,
    estimators: Any = None,
    *,
    n_samples: int | Sequence[int] = 1000,
    repeats: int = 12,
    seed: int = 0,
    limit: float = 60.0,
    standard_errors: bool = False,
    progress: Progress = None,
) -> list[dict[str, Any]]:
    """Measure the errors of estimators on samples whose information is known.

    Parameters
    ----------
    tasks
        Names of distributions; all unless given.
    estimators
        Names, estimators, tables; all that need no choice unless given.
    n_samples, repeats, seed
        The sizes of samples, how many of each, and the seed of the first.
    limit
        Seconds that one estimate may take.
    standard_errors
        Whether to count how often intervals hold the true value.

    Returns
    -------
    list of dict
        A row for each task, size and estimator, which ``pandas.DataFrame`` takes.

    Examples
    --------
    >>> import infoplane
    >>> (row,) = infoplane.calibrate("normal", "ksg", n_samples=500, repeats=3)
    >>> row["mean_absolute_error_nats"] < 0.1
    True
    """
    if repeats < 1:
        raise ExperimentError(f"repeats = {repeats}; allowed are whole numbers above 0")
    chosen = None if estimators is None else [(one.name, one.settings) for one in estimators_of(estimators)]
    sizes = [n_samples] if isinstance(n_samples, int) else [int(n) for n in n_samples]
    named = [tasks] if isinstance(tasks, str) else None if tasks is None else list(tasks)
    with _Bar(progress) as told:
        return _native.calibrate(named, chosen, sizes, repeats, seed, limit, standard_errors, told)
