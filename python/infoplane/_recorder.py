"""Recording of networks that any program trains."""

from __future__ import annotations

import atexit
import contextlib
import os
import queue
import threading
import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, SupportsFloat, TypeAlias

import numpy as np
from numpy.typing import NDArray

from . import _native
from ._arrays import Numbers, array_of, codes, labels, numbers
from ._errors import RecordError, RunError
from ._estimate import Estimator, estimator_of, one_of_two, plain, warn, whole
from ._runs import Run

if TYPE_CHECKING:
    from ._logging import Logging

#: How a feature map or a sequence becomes a row of numbers: all values; the mean over positions; every channel a layer of its
#: own; one position, counted from 0, or from the end where negative.
Positions: TypeAlias = Literal["flatten", "mean", "channels"] | int


@dataclass(frozen=True)
class Elsewhere:
    """A layer of which something was computed where it is: symbols of rows, or sums over their pairs."""

    #: Samples and units.
    shape: tuple[int, int]
    #: The values, if an estimator needs them.
    values: Numbers | None
    #: For each estimator, or nothing.
    computed: list[dict[str, Any] | None]

    def __len__(self) -> int:
        return self.shape[0]


_STATISTICS = {
    "loss": "train_loss",
    "accuracy": "train_accuracy",
    "acc": "train_accuracy",
    "val_loss": "test_loss",
    "val_accuracy": "test_accuracy",
    "val_acc": "test_accuracy",
}

_CHOICES = (
    "estimators is empty; name at least one, such as {'kind': 'kde', 'noise_variances': [1e-3]} for the layer with Gaussian "
    "noise, "
    "{'kind': 'binned', 'rule': 'floor', 'bin_width': 0.5}, or {'kind': 'binned', 'rule': 'equal', 'bins': 30, 'range': [-1, 1]}"
)

#: Recorders of this process that hold a directory, by its path.
_OPEN: weakref.WeakValueDictionary[str, Recorder] = weakref.WeakValueDictionary()


#: What runs in directories that a sweep chose are called, by their paths.
NAMED: dict[str, str] = {}


@atexit.register
def _close_all() -> None:
    """What is still queued is measured before the interpreter ends."""
    for recorder in list(_OPEN.values()):
        with contextlib.suppress(Exception):
            recorder.close()


if hasattr(os, "register_at_fork"):
    # Threads do not survive a fork: what the parent records is the parent's.
    os.register_at_fork(after_in_child=lambda: _OPEN.clear())


def estimators_of(given: Any) -> list[Estimator]:
    """Estimators from one or several names, tables and estimators."""
    if given is None or (isinstance(given, Sequence) and not isinstance(given, str) and not given):
        raise RecordError(_CHOICES)
    several: list[Any] = list(given) if isinstance(given, (list, tuple)) else [given]
    return [estimator_of(one, {}) for one in several]


def schedule_of(given: Any) -> dict[str, Any]:
    """The table of a schedule: a name, a number n for every n-th epoch, a list of epochs, or a table itself."""
    if isinstance(given, Mapping):
        return dict(plain(given))
    if isinstance(given, (int, np.integer)) and not isinstance(given, bool):
        return {"kind": "every", "interval": int(given)}
    if isinstance(given, str):
        tables: dict[str, dict[str, Any]] = {
            "every": {"kind": "every", "interval": 1},
            "log-spaced": {"kind": "log-spaced", "points": 100},
        }
        if given in ("delta-exact", "delta-approximate"):
            raise RecordError(f"schedule = {given!r} needs a delta; give a table, such as {{'kind': {given!r}, 'delta': 0.05}}")
        if given not in tables:
            raise RecordError(f"schedule = {given!r}; allowed are {', '.join(map(repr, tables))}, a number, a list and a table")
        return tables[given]
    if isinstance(given, Iterable):
        return {"kind": "list", "epochs": [_epoch(epoch, "schedule") for epoch in given]}
    raise RecordError(
        f"schedule is a {type(given).__name__}; allowed are a name, a number n for every n-th epoch, a list, a table"
    )


def quantities_of(given: Any) -> list[dict[str, Any]]:
    """The tables of quantities beside the plane: kinds, tables, or a list of them."""
    if given is None:
        return []
    if isinstance(given, str):
        return [{"kind": given}]
    if isinstance(given, Mapping):
        return [dict(plain(given))]
    if isinstance(given, Iterable):
        return [table for one in given for table in quantities_of(one)]
    raise RecordError(f"quantities is a {type(given).__name__}; allowed are a kind such as 'units', a table, a list of these")


def _epoch(given: Any, name: str = "epoch") -> int:
    return whole(name, given, 0)


def vectors(values: Any, positions: Positions, channels_last: bool, name: str) -> dict[str, Any]:
    """The rows of a layer, ``(n_samples, width)``; several layers where every channel is one.

    Works with what has `reshape`, `mean` and slices, so that tensors are made smaller where they are.
    """
    n_axes = len(values.shape)
    n = values.shape[0] if n_axes else 0
    if n_axes < 3:
        return {name: values.reshape(n, -1) if n_axes == 2 else values.reshape(-1, 1)}
    if positions == "flatten":
        return {name: values.reshape(n, -1)}
    # Sequences keep the units of a position together; maps have channels first unless told otherwise.
    if n_axes == 3 or channels_last:
        flat = values.reshape(n, -1, values.shape[-1])
        axis = 1
    else:
        flat = values.reshape(n, values.shape[1], -1)
        axis = 2
    n_positions = flat.shape[axis]
    if positions == "mean":
        return {name: flat.mean(axis)}
    if positions == "channels":
        channels = flat.shape[3 - axis]
        return {f"{name}[{c}]": flat[:, :, c] if axis == 1 else flat[:, c, :] for c in range(channels)}
    positions = _checked_positions(positions)
    assert isinstance(positions, int), "the others are done"
    if not -n_positions <= positions < n_positions:
        raise RecordError(f"{name}: position {positions} of {n_positions}; allowed is {-n_positions} to {n_positions - 1}")
    return {name: flat[:, positions, :] if axis == 1 else flat[:, :, positions]}


def _checked_positions(given: Any) -> Positions:
    if isinstance(given, str) and given in ("flatten", "mean", "channels"):
        return given  # type: ignore[return-value]
    if isinstance(given, (int, np.integer)) and not isinstance(given, bool):
        return int(given)
    raise RecordError(f"positions = {given!r}; allowed are 'flatten', 'mean', 'channels' and the number of a position")


#: An epoch, its layers, of which there are none where it is not measured, and its statistics.
_Job: TypeAlias = tuple[int, list[Numbers | Elsewhere], dict[str, float] | None]


class _Lacks:
    """Why values are missing: told once for each layer and method, in the thread that trains."""

    def __init__(self) -> None:
        self._told: set[tuple[str, str, str]] = set()
        self._words: list[str] = []

    def look(self, epoch: int, rows: Sequence[Mapping[str, Any]]) -> None:
        """Takes note of rows without a value."""
        layers: dict[tuple[str, str], list[str]] = {}
        for row in rows:
            key = (row["layer_name"], row["estimator"], row["setting"])
            if row["missing"] is not None and key not in self._told:
                self._told.add(key)
                layers.setdefault((row["estimator"], row["missing"]), []).append(row["layer_name"])
        for (estimator, reason), names in layers.items():
            shown = f"{', '.join(names[:3])} and {len(names) - 3} others" if len(names) > 4 else ", ".join(names)
            self._words.append(f"epoch {epoch}: {estimator} lacks values of {shown}: {reason}")

    def tell(self) -> None:
        """Warns of what was noted."""
        words = [self._words.pop(0) for _ in range(len(self._words))]
        if words:
            warn(words)


class _Worker:
    """Measures on a thread of its own, which keeps no recorder alive."""

    def __init__(self, native: _native.Recorder, lacks: _Lacks, logging: Logging | None) -> None:
        self._native = native
        self._lacks = lacks
        self._logging = logging
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        #: Told of every change of the two numbers.
        self._changed = threading.Condition()
        #: Epochs that wait with their layers, and jobs that are not done.
        self._waiting = 0
        self._open = 0
        self._abandoned = False
        #: Told in the thread that trains.
        self.failure: BaseException | None = None
        self._thread = threading.Thread(target=self._measure, name="infoplane", daemon=True)
        self._thread.start()

    def put(self, epoch: int, layers: list[Numbers | Elsewhere], statistics: dict[str, float] | None) -> None:
        """Give it work, once there is room."""
        if layers:
            self.room()
        with self._changed:
            self._waiting += bool(layers)
            self._open += 1
        self._jobs.put((epoch, layers, statistics))

    def room(self) -> None:
        """Return when no epoch waits: then the layers of the next one are the only ones beside those that are measured."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting)

    def wait(self) -> None:
        """Return when all is measured."""
        with self._changed:
            self._changed.wait_for(lambda: not self._open)

    def stop(self) -> None:
        """Let it end what it has, and end."""
        self._jobs.put(None)
        self._thread.join()

    def abandon(self) -> None:
        """The same without waiting, in whatever thread a recorder is collected."""
        self._abandoned = True
        self._jobs.put(None)

    def _one(self, epoch: int, layers: list[Numbers | Elsewhere], statistics: dict[str, float] | None) -> None:
        if layers:
            rows = self._native.record(epoch, layers, statistics)
            self._lacks.look(epoch, rows)
            if self._logging is not None:
                self._logging.measured(epoch, rows, statistics)
        elif statistics is not None:
            self._native.describe(epoch, statistics)
            if self._logging is not None:
                self._logging.described(epoch, statistics)

    def _measure(self) -> None:
        while True:
            job = self._jobs.get()
            ended = job is None
            with self._changed:
                self._waiting -= bool(job and job[1])
                self._changed.notify_all()
            try:
                if job is not None and self.failure is None:
                    self._one(*job)
            except BaseException as error:
                self.failure = error
            finally:
                # While it waits for the next epoch, this one takes no memory.
                job = None
                with self._changed:
                    self._open -= not ended
                    self._changed.notify_all()
            if ended:
                break
        if self._abandoned:
            self._native.close()
            if self._logging is not None:
                self._logging.finish(complete=False)


class Recorder:
    """Measures the layers of a network that your own program trains, and writes a run directory.

    Parameters
    ----------
    run
        The directory. A run in it that is not complete and records the same goes on.
    labels
        Y: the class of each sample, or one-hot rows.
    estimators
        What layers are measured with: names, estimators such as ``Kde(noise_variances=[1e-3])``, tables of a configuration.
    target
        Y as numbers, ``(n_samples,)`` or ``(n_samples, columns)``, instead of labels: the target of a regression network. I(T;Y) is
        then measured by estimators of numbers such as ``"ksg"`` or ``"gcmi"``, most of which do not measure I(X;T). H(Y) is not known:
        figures have no limit of I(T;Y), and a schedule with a ``delta`` needs ``"scale": "bits"``.
    inputs
        X: which input each sample is; all different unless given.
    quantities
        What is measured beside the plane: ``"units"`` (what single units tell of the label, with estimators of bins or counts),
        ``"layers"`` (the information of all pairs of layers), ``"similarity"`` (linear centred kernel alignment, effective rank), a
        table such as ``{"kind": "units", "groups": 5}``, or a list of these.
    schedule
        Which epochs are measured: a number n for every n-th, ``"log-spaced"`` (with ``epochs``), a list, a table of a
        configuration such as ``{"kind": "delta-approximate", "delta": 0.05}``.
    epochs
        How many epochs will be trained, where that is known.
    positions, channels_last
        How feature maps and sequences become rows of numbers: ``"flatten"``, ``"mean"`` over positions, ``"channels"`` (each a
        layer), or the number of one position.
    chain
        Whether each layer is computed from the one before it alone, in the order in which they are recorded: then a figure
        says where estimates break the data processing inequality.
    name
        What figures call the run; the name of the directory unless given.
    background
        Whether to measure beside the training, one epoch while the next is trained; else :meth:`record` returns when all is
        measured.
    loggers
        Where measured epochs are logged, too: ``"tensorboard"``, ``"wandb"``, ``"mlflow"``, a writer, a run, a logger of
        :mod:`infoplane.loggers`, or a list of several.

    Examples
    --------
    >>> import numpy as np, infoplane, tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "mine"
    >>> labels = np.repeat([0, 1], 50)
    >>> rng = np.random.default_rng(0)
    >>> with infoplane.Recorder(path, labels, [{"kind": "kde", "noise_variances": [1e-3]}]) as recorder:
    ...     for epoch in range(3):
    ...         hidden = rng.normal(size=(100, 4)) + epoch * labels[:, None]
    ...         recorder.record(epoch, {"hidden": hidden}, loss=1.0 / (1 + epoch))
    >>> len(infoplane.load(path).plane)
    6
    """

    def __init__(
        self,
        run: str | os.PathLike[str],
        labels: Any = None,
        estimators: Any = None,
        *,
        target: Any = None,
        inputs: Any = None,
        quantities: Any = None,
        schedule: Any = 1,
        epochs: int | None = None,
        positions: Positions = "flatten",
        channels_last: bool = False,
        chain: bool = False,
        name: str | None = None,
        background: bool = True,
        loggers: Any = None,
    ) -> None:
        if not isinstance(chain, (bool, np.bool_)):
            raise TypeError(f"chain = {chain!r}; allowed are true and false")
        self.path: str = _directory(run)
        if name is not None and not isinstance(name, str):
            raise TypeError(f"name is a {type(name).__name__}; allowed is text")
        self.name: str = name or NAMED.get(self.path) or os.path.basename(self.path)
        #: What Y was given as: `labels`, or `target`.
        self._y_name = one_of_two(labels, target)
        self._labels = None if labels is None else _classes(labels)
        self._target = None if target is None else _numbers_of_samples(target)
        y: Any = self._target if self._labels is None else self._labels
        self._n_samples = len(y)
        self._inputs = None if inputs is None else codes(inputs, "inputs")
        if self._inputs is not None and len(self._inputs) != self._n_samples:
            sizes = f"inputs has {len(self._inputs)} samples and {self._y_name} has {self._n_samples}"
            raise RecordError(f"{sizes}; each sample needs both")
        self._estimators = estimators_of(estimators)
        self._quantities = quantities_of(quantities)
        self._schedule = schedule_of(schedule)
        self._epochs = None if epochs is None else whole("epochs", epochs, 0)
        self._positions: Positions = _checked_positions(positions)
        self._channels_last = channels_last
        self._chain = bool(chain)
        self._by: tuple[str, str | None] = ("infoplane.Recorder", None)
        self._native: _native.Recorder | None = None
        #: Statistics of epochs before the first that is measured, with which the run begins.
        self._early: list[tuple[int, dict[str, float]]] = []
        self._names: list[str] = []
        self._asked: set[int] | None = None
        #: The witness of epochs before the first that is measured, likewise.
        self._unseen: list[tuple[int, float]] = []
        #: The epochs that are recorded, also before a program was stopped.
        self._recorded: set[int] = set()
        self._worker: _Worker | None = None
        self._background = background
        self._lacks = _Lacks()
        self._logging: Logging | None = None
        if loggers is not None:
            from ._logging import Logging
            from .loggers import loggers_of

            self._logging = Logging(loggers_of(loggers), self.path, self.name)
        self._ended = False

    def _open(self, layers: Mapping[str, Numbers | Elsewhere], nonlinearities: Mapping[str, str] | None = None) -> _native.Recorder:
        if self._native is not None:
            return self._native
        if not layers:
            raise RecordError("there is no layer to record")
        earlier = _OPEN.get(self.path)
        if earlier is not None and earlier is not self:
            earlier.close()
        self._names = list(layers)
        known = nonlinearities or {}
        described = {
            "name": self.name,
            "labels": self._labels,
            "target": self._target,
            "inputs": self._inputs,
            "layers": [(name, int(rows.shape[1]), known.get(name, "")) for name, rows in layers.items()],
            "estimators": [(estimator.name, estimator.settings) for estimator in self._estimators],
            "quantities": self._quantities,
            "schedule": self._schedule,
            "planned_epochs": self._epochs,
            "by": self._by[0],
            "class": self._by[1],
            "settings": self._settings(),
        }
        goes_on = os.path.isdir(self.path)
        self._native = _native.Recorder(self.path, described, True)
        if goes_on:
            self._recorded = set(map(int, Run(self.path).plane["epoch"]))
        if self._recorded:
            n, last = len(self._recorded), max(self._recorded)
            kept = f"epoch {last} is kept as it was" if n == 1 else f"{n} epochs up to {last} are kept as they were"
            warn([f"the run in {self.path} goes on: {kept} measured; a training that begins with new weights needs another directory"])
        for of_epoch in self._early:
            self._native.describe(*of_epoch)
        # Of schedules that do not depend on what is measured all epochs are known now; asking later would wait for measuring.
        for seen in self._unseen:
            self._native.witness(*seen)
        self._unseen.clear()
        if self._schedule["kind"] in ("list", "log-spaced") and self._schedule.get("witness") is None:
            self._asked = set(self._native.wanted())
        _OPEN[self.path] = self
        if self._background:
            self._worker = _Worker(self._native, self._lacks, self._logging)
            weakref.finalize(self, self._worker.abandon).atexit = False
        return self._native

    def _each_needs(self, what: str) -> str:
        return f"each {what} needs a label" if self._y_name == "labels" else f"each {what} needs a row of the target"

    def _settings(self) -> dict[str, Any]:
        settings: dict[str, Any] = {"positions": self._positions}
        if self._channels_last:
            settings["channels_last"] = True
        if self._chain and self._positions == "flatten":
            settings["chain"] = True
        return settings

    def wants(self, epoch: int) -> bool:
        """Whether an epoch is to be measured; true for the first that is asked for."""
        self._check()
        epoch = _epoch(epoch)
        if self._native is None:
            return True
        if epoch in self._recorded:
            return False
        if self._schedule["kind"] == "every":
            return epoch % int(self._schedule["interval"]) == 0
        if self._asked is not None:
            return epoch in self._asked
        self._wait()
        return self._native.wants(epoch)

    def witness(self, epoch: int, loss: float) -> None:
        """Tell the loss after an epoch, whether or not that is measured, to a schedule with ``"witness": "loss"``.

        Tell every epoch in ascending order, before asking what is wanted and before it is recorded. Where the loss left its band
        the epoch is wanted, and the one before it: :meth:`wanted` lists that one while its weights are still to be had. The loss
        is of samples that are always the same, without dropout. Any other schedule ignores it.

        Parameters
        ----------
        epoch
            Epochs of training so far; 0 is the untrained network.
        loss
            The mean loss, in nats for the band that is not given.
        """
        self._check()
        if isinstance(loss, bool) or not isinstance(loss, SupportsFloat):
            raise TypeError(f"loss is a {type(loss).__name__}; allowed is a number")
        seen = (_epoch(epoch), float(loss))
        if self._native is None:
            self._unseen.append(seen)
            return
        # What is measured beside the training decides whether this epoch lies before the next one that is asked for.
        self._wait()
        self._native.witness(*seen)

    def wanted(self) -> list[int]:
        """The epochs that the schedule asks for and that are not recorded yet, once the first is: those to come that are known already
        (every n-th one is not: :meth:`wants` knows these), and of a schedule that goes back the earlier ones between which the layers
        moved too far."""
        self._check()
        self._wait()
        return [] if self._native is None else self._native.wanted()

    def record(self, epoch: int, activations: Mapping[str, Any], **statistics: float) -> None:
        """Measure the layers at an epoch.

        Parameters
        ----------
        epoch
            Epochs of training so far; 0 is the untrained network.
        activations
            The layers by name, from the one nearest the input, each with a row for each sample in the order of the labels.
        **statistics
            ``loss``, ``accuracy``, ``test_loss``, ``test_accuracy``, and any other numbers.
        """
        self._check()
        self._room()
        if not isinstance(activations, Mapping):
            raise TypeError(f"activations is a {type(activations).__name__}; allowed is a dictionary of layers by name")
        layers: dict[str, Numbers] = {}
        for name, values in activations.items():
            if not isinstance(name, str):
                raise TypeError(f"activations has the layer {name!r}; allowed as names of layers is text")
            array = array_of(values, name)
            for part, rows in vectors(array, self._positions, self._channels_last, name).items():
                found = numbers(rows, part)
                # What is measured later must not change meanwhile.
                layers[part] = found.copy() if self._background and np.may_share_memory(found, array) else found
        self._record(_epoch(epoch), layers, statistics)

    def _record(
        self,
        epoch: int,
        layers: Mapping[str, Numbers | Elsewhere],
        statistics: Mapping[str, Any],
        nonlinearities: Mapping[str, str] | None = None,
    ) -> None:
        for name, rows in layers.items():
            if len(rows) != self._n_samples:
                raise RecordError(f"{name} has {len(rows)} samples and {self._y_name} has {self._n_samples}; {self._each_needs('row')}")
        native = self._open(layers, nonlinearities)
        if list(layers) != self._names:
            raise RecordError(f"epoch {epoch}: the layers are {', '.join(layers)}, but the run records {', '.join(self._names)}")
        job = (epoch, list(layers.values()), _numbers_of(statistics))
        if self._logging is not None:
            self._logging.begin(self._early)
        if self._worker is not None:
            self._worker.put(*job)
            self._recorded.add(epoch)
            return
        measured = native.record(*job)
        self._recorded.add(epoch)
        self._lacks.look(epoch, measured)
        self._lacks.tell()
        if self._logging is not None:
            self._logging.measured(epoch, measured, job[2])
            self._logging.tell()

    def describe(self, epoch: int, **statistics: float) -> None:
        """Keep statistics of an epoch that is not measured, for the figure of the training."""
        self._check()
        found = _numbers_of(statistics)
        if found is None:
            return
        epoch = _epoch(epoch)
        if self._native is None:
            self._early.append((epoch, found))
            return
        if self._logging is not None:
            self._logging.begin(self._early)
        if self._worker is not None:
            self._worker.put(epoch, [], found)
            return
        self._native.describe(epoch, found)
        if self._logging is not None:
            self._logging.described(epoch, found)
            self._logging.tell()

    def epoch(self, epoch: int, activations: Mapping[str, Any], **statistics: float) -> bool:
        """Measure the layers if the schedule wants this epoch, and keep the statistics in any case; returns whether it did."""
        if self.wants(epoch):
            self.record(epoch, activations, **statistics)
            return True
        self.describe(epoch, **statistics)
        return False

    def _room(self) -> None:
        """Return when there is room for the layers of another epoch."""
        if self._worker is not None:
            self._worker.room()

    def _wait(self) -> None:
        if self._worker is not None:
            self._worker.wait()
            self._check()

    def _check(self) -> None:
        if self._worker is not None and self._worker.failure is not None:
            failure, self._worker.failure = self._worker.failure, None
            # What could not be measured is wanted again.
            self._worker.wait()
            with contextlib.suppress(RunError):  # a directory that is gone is told by the failure
                self._recorded = set(map(int, Run(self.path).plane["epoch"]))
            raise failure
        self._lacks.tell()
        if self._logging is not None:
            self._logging.tell()
        if self._ended:
            raise RecordError(f"the recording of {self.path} has ended")

    def _stop(self) -> None:
        if self._worker is not None:
            self._worker.stop()
            self._worker = None

    def finish(self, last: int | None = None) -> Run:
        """Complete the run and return it; ``last`` is the last epoch that was trained, if it was not recorded.

        What a schedule that goes back still asks for stays unmeasured.
        """
        self._wait()
        self._check()
        if self._native is None:
            raise RecordError("nothing was recorded")
        self._stop()
        if last is not None:
            self._native.end(_epoch(last, "last"))
        self._native.finish()
        self._ended = True
        if _OPEN.get(self.path) is self:
            del _OPEN[self.path]
        if self._logging is not None:
            self._logging.finish(complete=True)
        return Run(self.path)

    def close(self) -> None:
        """Let go of the directory without completing the run, which a later recorder can go on with."""
        worker = self._worker
        self._stop()
        if self._native is not None:
            self._native.close()
        self._ended = True
        if _OPEN.get(self.path) is self:
            del _OPEN[self.path]
        if self._logging is not None:
            self._logging.finish(complete=False)
        if worker is not None and worker.failure is not None:
            raise worker.failure

    def _differs_from(self, other: Recorder) -> str:
        """In what it records something else, or nothing."""
        if self._y_name != other._y_name:
            return "labels"
        y: tuple[Any, Any] = (self._labels, other._labels) if self._y_name == "labels" else (self._target, other._target)
        if not np.array_equal(*y):
            return self._y_name
        mine, others = self._inputs, other._inputs
        if (mine is None) != (others is None) or (mine is not None and others is not None and not np.array_equal(mine, others)):
            return "inputs"
        return "" if self._estimators == other._estimators else "estimators"

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._ended:
            return
        try:
            if kind is None and self._native is not None:
                self.finish()
        finally:
            if not self._ended:
                with contextlib.suppress(Exception):  # told already, or less than what ends the block
                    self.close()

    def __repr__(self) -> str:
        state = "ended" if self._ended else f"{len(self._names)} layers" if self._names else "nothing recorded yet"
        return f"<{type(self).__name__} of {self.path}, {self._n_samples} samples, {state}>"


def _directory(given: Any, name: str = "run") -> str:
    path = os.fsdecode(given)
    if not path:
        raise RecordError(f"{name} is empty; name a directory")
    return os.path.abspath(path)


def _classes(given: Any) -> Any:
    found = labels(given, "labels")
    if len(found) == 0:
        raise RecordError("labels is empty")
    return found


def _numbers_of_samples(given: Any) -> NDArray[np.float64]:
    found = np.ascontiguousarray(numbers(given, "target"), dtype=np.float64)
    if len(found) == 0:
        raise RecordError("target is empty")
    return found.copy()  # what is recorded later must not change meanwhile


def _numbers_of(statistics: Mapping[str, Any]) -> dict[str, float] | None:
    found: dict[str, float] = {}
    for name, value in statistics.items():
        if value is None:
            continue
        try:
            # PyTorch warns of a number that gradients flow through.
            found[_STATISTICS.get(name, name)] = float(value.detach() if hasattr(value, "detach") else value)
        except (TypeError, ValueError) as error:
            raise RecordError(f"{name} is a {type(value).__name__}; allowed are numbers") from error
    return found or None


def record(
    run: str | os.PathLike[str],
    epoch: int,
    activations: Mapping[str, Any],
    *,
    labels: Any = None,
    target: Any = None,
    estimators: Any,
    inputs: Any = None,
    last: bool = False,
    **statistics: float,
) -> None:
    """Record the layers of one epoch into a run directory: one call for each epoch, without an object to keep.

    The first call of a program begins the run, or goes on with it; the one with ``last=True`` completes it. Arguments are those
    of :class:`Recorder` and :meth:`Recorder.record`.

    Examples
    --------
    >>> import numpy as np, infoplane, tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "mine"
    >>> labels = np.repeat([0, 1], 50)
    >>> floor = {"kind": "binned", "rule": "floor", "bin_width": 0.5}
    >>> for epoch in range(3):
    ...     infoplane.record(path, epoch, {"t": labels * 1.0}, labels=labels, estimators=[floor], last=epoch == 2)
    >>> infoplane.load(path).state
    'finished'
    """
    given = Recorder(run, labels, estimators, target=target, inputs=inputs, background=False)
    recorder = _KEPT.get(given.path, given)
    if recorder._ended:
        recorder = given
    differs = recorder._differs_from(given)
    if differs:
        raise RecordError(f"{given.path} records other {differs} so far; name another directory")
    recorder.record(epoch, activations, **statistics)
    _KEPT[given.path] = recorder
    if last:
        del _KEPT[given.path]
        recorder.finish()


#: Recorders that calls of `record` use again, by their paths.
_KEPT: dict[str, Recorder] = {}
