"""What computes the cells of a sweep: the native code, or a function of the user."""

from __future__ import annotations

import contextlib
import errno
import functools
import hashlib
import inspect
import json
import os
import re
import shutil
import textwrap
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from types import CodeType
from typing import Any, Protocol

import numpy as np

from . import _native
from ._errors import RunError, SweepError
from ._estimate import whole
from ._recorder import _OPEN, NAMED

#: Called with how many cells are done, and how many there are.
Told = Callable[[int, int], Any] | None

#: Seconds between two looks at cells that other workers are at.
_LOOK_EVERY = 0.5

#: Columns of tables of cells.
_TAKEN = ("id", "label", "cell", "state", "reason", "seconds")


class Work(Protocol):
    """What a worker needs to compute cells; it can be sent to another process."""

    def cells(self) -> _native.SweepCells:
        """All cells."""
        ...

    def run(self, store: _native.SweepStore, manner: Manner, told: Told) -> tuple[list[str], int]:
        """Compute a shard; returns what was said meanwhile, and how many of its cells are complete."""
        ...


@dataclass(frozen=True)
class Manner:
    """How a worker computes."""

    shard: str
    missing: bool
    jobs: int | None
    threads: int | None
    memory: int | None
    #: How often the process of one cell may end without an exception until the cell counts as failed.
    ends: int = 3


class Experiments:
    """Cells that the native code computes."""

    def __init__(self, origin: str, given: str | Mapping[str, Any], folder: str) -> None:
        self._origin, self._given, self._folder = origin, given, folder
        self._plan: _native.SweepPlan | None = _native.SweepPlan(origin, given, folder)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_plan": None}

    def _planned(self) -> _native.SweepPlan:
        if self._plan is None:
            self._plan = _native.SweepPlan(self._origin, self._given, self._folder)
        return self._plan

    def cells(self) -> _native.SweepCells:
        """All cells."""
        return self._planned().cells()

    def run(self, store: _native.SweepStore, manner: Manner, told: Told) -> tuple[list[str], int]:
        """Compute a shard."""
        return self._planned().run(store, manner.shard, manner.missing, manner.jobs, manner.threads, manner.memory, told)


@dataclass(frozen=True)
class SweepCell:
    """A cell of a sweep, as the function of :meth:`Sweep.over` gets it.

    ``cell["width"]`` is its value on an axis.
    """

    #: The name of the cell in the store.
    id: str
    #: What messages and figures call it: ``"width 64, seed 3"``.
    label: str
    #: Its value on each axis.
    values: dict[str, Any]
    #: Its seed; ``None`` in a sweep without seeds.
    seed: int | None
    #: Where its run is written: the directory for a recorder. It is not there yet.
    directory: str

    def __getitem__(self, axis: str) -> Any:
        if axis == "seed" and self.seed is not None:
            return self.seed
        if axis not in self.values:
            raise KeyError(f"{axis!r}; the axes are {', '.join(self.values) or 'none'}")
        return self.values[axis]


class Calls:
    """Cells that a function of the user computes."""

    def __init__(
        self, train: Callable[[SweepCell], Any], axes: Mapping[str, Iterable[Any]], seeds: Any, name: str | None, version: Any
    ) -> None:
        if not callable(train):
            raise SweepError(f"train is a {type(train).__name__}; allowed is a function that takes a cell")
        if not isinstance(axes, Mapping):
            raise SweepError(f"axes is a {type(axes).__name__}; allowed is a dictionary with a list of values for each axis")
        self._train = train
        self._name = name or _name(train)
        chosen = {_axis(axis): _choices(axis, values) for axis, values in axes.items()}
        numbers = _seeds(seeds)
        texts = {axis: _texts(values) for axis, values in chosen.items()}
        self._axes = [*chosen, *(["seed"] if numbers is not None else [])]
        source = _digest([_source(train), str(version), _native.__version__, _native.FORMAT_VERSION])
        # Of the function: what the sweep is called decides nothing.
        begin = re.sub(r"[^\w.]+", "-", _name(train))
        begin = begin.encode()[:60].decode(errors="ignore").strip("-.") or "sweep"
        self._values: list[dict[str, Any]] = []
        self._seeds: list[int | None] = []
        self._listed: list[tuple[str, str, list[str]]] = []
        for places in product(*(range(len(values)) for values in chosen.values())):
            values = {axis: of[place] for (axis, of), place in zip(chosen.items(), places, strict=True)}
            of_axes = [texts[axis][place] for axis, place in zip(chosen, places, strict=True)]
            for seed in numbers if numbers is not None else [None]:
                digest = _digest([source, values, seed])
                of_all = of_axes if seed is None else [*of_axes, str(seed)]
                label = ", ".join(f"{axis} {text}" for axis, text in zip(self._axes, of_all, strict=True)) or self._name
                self._listed.append((f"{begin}-{digest}", label, of_all))
                self._values.append(values)
                self._seeds.append(seed)

    def cells(self) -> _native.SweepCells:
        """All cells."""
        return _native.SweepCells(self._name, self._axes, self._listed)

    def run(self, store: _native.SweepStore, manner: Manner, told: Told) -> tuple[list[str], int]:
        """Compute a shard."""
        cells = self.cells()
        store.settle(cells)
        places = cells.shard_places(manner.shard, manner.missing)
        waiting, done, complete = places, 0, 0
        while waiting:
            later: list[int] = []
            for place in waiting:
                found = self._one(store, place, manner)
                if found is None:
                    later.append(place)
                    continue
                done, complete = done + 1, complete + found
                if told is not None:
                    told(done, len(places))
            waiting = later
            if waiting:
                time.sleep(_LOOK_EVERY)
        return [], complete

    def _one(self, store: _native.SweepStore, place: int, manner: Manner) -> bool | None:
        """Whether the cell is complete; nothing where another worker is at it."""
        id = self._listed[place][0]
        if not manner.missing and store.failure(id) is not None and not store.is_complete(id):
            return False
        state, claim = store.begin(id)
        if claim is None:
            return True if state == "complete" else None
        try:
            if claim.follows >= manner.ends:
                claim.give_up(f"its process ended {claim.follows} times without an exception: it may take more memory than there is")
                return False
            why = self._compute(claim, place)
            if not claim.is_held():
                return None
            if why is None:
                claim.publish()
                return True
            store.keep_failure(id, why)
            return False
        finally:
            # Nothing where it is published.
            claim.leave()

    def _compute(self, claim: _native.SweepClaim, place: int) -> str | None:
        """Call the function; returns why the cell is not complete."""
        id, label, _ = self._listed[place]
        directory = os.path.abspath(claim.directory)
        if os.path.isdir(directory):
            # A training that begins anew does not go on with what another one recorded.
            shutil.rmtree(directory)
        # The cell of this call is its own.
        values = json.loads(json.dumps(self._values[place]))
        cell = SweepCell(id, label, values, self._seeds[place], directory)
        # The name of the directory is that of a worker, and would be another one each time.
        NAMED[directory] = label
        try:
            self._train(cell)
            _close(directory)
            return _lacks(directory)
        except (Exception, SystemExit) as error:
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                # The fault of no cell.
                raise
            return _words(error)
        finally:
            del NAMED[directory]
            _close(directory)


def _close(directory: str) -> None:
    """Close a recorder that a function left open."""
    left_open = _OPEN.get(directory)
    if left_open is not None:
        with contextlib.suppress(Exception):  # less than what is told of the cell
            left_open.close()


def _lacks(directory: str) -> str | None:
    """What a directory lacks to be a complete run."""
    if not os.path.isdir(directory):
        return "train wrote no run; give cell.directory to a recorder, as in infoplane.Recorder(cell.directory, ...)"
    try:
        state = _native.Run(directory).state
    except RunError as error:
        return f"train left no run in cell.directory: {error}"
    # A run whose trainings all failed is complete, too.
    if state not in ("finished", "failed"):
        return (
            "the run that train left in cell.directory is not complete; its recorder ends with finish(), or with its `with` block"
        )
    return None


def _words(error: BaseException) -> str:
    """The kind of an exception, its text, and the last line that it went through of what is not installed."""
    words = "".join(traceback.format_exception_only(type(error), error)).strip()
    package = os.path.dirname(os.path.abspath(__file__))
    trace = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in trace if not frame.filename.startswith(package) and "-packages" not in frame.filename]
    return f"{words} ({os.path.basename(own[-1].filename)}, line {own[-1].lineno})" if own else words


def _digest(given: Any) -> str:
    """128 bits of a hash, in hexadecimal digits."""
    return hashlib.blake2b(json.dumps(given, sort_keys=True).encode(), digest_size=16).hexdigest()


def _name(train: Any) -> str:
    inner = _inner(train)
    name = getattr(inner, "__qualname__", type(inner).__qualname__)
    return str(name).rpartition("<locals>.")[2].replace("<lambda>", "lambda")


def _inner(train: Any) -> Any:
    """The function below `functools.partial` and `functools.wraps`."""
    while isinstance(train, functools.partial):
        train = train.func
    return inspect.unwrap(train)


def _source(train: Any) -> list[Any]:
    """What a function says and has, the same in every process."""
    bound: list[Any] = []
    while isinstance(train, functools.partial):
        try:
            bound += [[_plain(value) for value in train.args], _plain(dict(train.keywords))]
        except TypeError as error:
            raise SweepError(
                f"an argument that train has by functools.partial is a {error}; allowed are text, numbers, truth values, "
                "None, and lists and dictionaries of them"
            ) from None
        train = train.func
    inner: Any = inspect.unwrap(train)
    inner = getattr(inner, "__func__", inner)
    shown = inner if inspect.isfunction(inner) or inspect.isclass(inner) else type(inner)
    code: Any = getattr(inner, "__code__", None) or getattr(vars(shown).get("__call__"), "__code__", None)
    try:
        text: Any = textwrap.dedent(inspect.getsource(shown))
    except (OSError, TypeError):
        text = None if code is None else _code(code)
    cells = getattr(inner, "__closure__", None) or ()
    names = code.co_freevars if cells and code is not None else ()
    for name, cell in zip(names, cells, strict=True):
        with contextlib.suppress(ValueError):  # a name without a value yet
            if isinstance(cell.cell_contents, (str, int, float)):
                bound.append([name, cell.cell_contents])
    for value in [*(getattr(inner, "__defaults__", None) or ()), *(getattr(inner, "__kwdefaults__", None) or {}).items()]:
        with contextlib.suppress(TypeError):
            bound.append(_plain(value))
    return [getattr(inner, "__qualname__", type(inner).__qualname__), text, bound]


def _code(code: CodeType) -> list[Any]:
    """Compiled code where there is no text of it."""

    def constant(value: Any) -> Any:
        if isinstance(value, CodeType):
            return _code(value)
        if isinstance(value, tuple):
            return [constant(item) for item in value]
        # The order of sets is another one in each process.
        return sorted(map(repr, value)) if isinstance(value, frozenset) else repr(value)

    return [code.co_code.hex(), list(code.co_names), list(code.co_varnames), [constant(value) for value in code.co_consts]]


def _plain(value: Any) -> Any:
    """A value as JSON has it; `TypeError` with the name of a type that it has not."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, Mapping):
        found: dict[str, Any] = {}
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError(f"dictionary with the key {key!r}")
            found[key] = _plain(item)
        return found
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    raise TypeError(type(value).__name__)


def _axis(axis: Any) -> str:
    if not isinstance(axis, str) or not axis:
        raise SweepError(f"an axis is called {axis!r}; allowed as names is text")
    if axis == "seed":
        raise SweepError("an axis is called `seed`; give the seeds as seeds=, a number of them or a list")
    if axis in _TAKEN:
        raise SweepError(f"an axis is called `{axis}`, as a column of tables is; allowed is any name but {', '.join(_TAKEN)}")
    return axis


def _choices(axis: str, values: Any) -> list[Any]:
    if isinstance(values, (str, bytes, Mapping)) or not isinstance(values, Iterable):
        raise SweepError(f"the axis `{axis}` is a {type(values).__name__}; allowed is a list of values")
    found: list[Any] = []
    for value in values:
        try:
            found.append(_plain(value))
        except TypeError as error:
            raise SweepError(
                f"the axis `{axis}` has a value that is a {error}; allowed are text, numbers, truth values, None, and lists and "
                "dictionaries of them"
            ) from None
    if not found:
        raise SweepError(f"the axis `{axis}` is empty; give it one value or more, or leave it out")
    return found


def _texts(values: list[Any]) -> list[str]:
    """What tables call values: text as it is, unless another value reads the same."""
    texts = [value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) for value in values]
    if len(set(texts)) < len({json.dumps(value, sort_keys=True) for value in values}):
        return [json.dumps(value, ensure_ascii=False) for value in values]
    return texts


def _seeds(given: Any) -> list[int] | None:
    if given is None:
        return None
    if isinstance(given, Iterable) and not isinstance(given, (str, bytes, Mapping)):
        found = [whole("a seed", seed, 0, 2**64 - 1) for seed in given]
        if not found:
            raise SweepError("seeds is empty; give one seed or more, or leave it out")
        return found
    try:
        return list(range(whole("seeds", given, 1)))
    except (TypeError, ValueError) as error:
        raise SweepError(f"{error}, and lists of seeds") from None
