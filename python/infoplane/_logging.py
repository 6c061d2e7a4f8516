"""What recorders tell loggers, and when."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ._estimate import warn
from ._runs import Run
from .loggers import Figures, Logger, can_draw

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# A figure takes 0.2 to 0.5 s (one method, 3 to 5 layers, 10 to 1000 epochs; 4 s with 256 layers), which is hundreds of times what it
# takes to measure a small network, and drawing holds the interpreter's lock. So `"auto"` bounds the share of the time; and the number
# of figures, as those of epochs 1000 and 1001 look the same.

#: The part of the time since the recording began that drawing may take.
_SHARE = 0.05

#: The part by which the number of epochs grows from a figure to the next one, at least.
_GROWTH = 0.05

#: The seconds that the first figure is taken to need.
_FIRST_COST = 0.5

#: MLflow allows 250 characters in a name, 100 of which are those of a method.
_LONGEST = 100


class _Told:
    """A logger, and the figures that it has."""

    def __init__(self, logger: Logger) -> None:
        self.logger = logger
        self.prefix = str(getattr(logger, "prefix", "infoplane"))
        self.figures: Figures = getattr(logger, "figures", "auto") if can_draw() else 0
        self.statistics = bool(getattr(logger, "statistics", False))
        #: Of the last figure: how many epochs were measured, and the latest.
        self.n_drawn = 0
        self.last_drawn = -1


class Logging:
    """Tells loggers what a recorder measures. What fails in one of them reaches neither the measuring nor the training."""

    def __init__(self, loggers: Iterable[Logger], path: str, name: str) -> None:
        self._path, self._name = path, name
        self._told = [_Told(logger) for logger in loggers]
        self._begun = False
        #: Warnings for the thread that trains.
        self._warnings: list[str] = []
        #: Epochs that are logged, or were recorded before: measured ones, and ones with statistics.
        self._measured: set[int] = set()
        self._described: set[int] = set()
        #: What the methods are called, by estimator, setting and bound.
        self._methods: dict[tuple[str, str, str | None], str] = {}
        #: What the layers are called.
        self._layers: dict[int, str] = {}
        #: How many epochs were measured since the recording began or went on, and the latest.
        self._n = 0
        self._last = 0
        #: When it began; the seconds that drawing took since, and that of the last figure.
        self._start = 0.0
        self._spent = 0.0
        self._cost = _FIRST_COST

    def begin(self, early: Iterable[tuple[int, Mapping[str, float]]]) -> None:
        """Begin, in the thread that trains, when the run is there; with statistics of earlier epochs than the first measured one."""
        if self._begun or not self._told:
            return
        self._begun = True
        run = Run(self._path)
        methods = run.methods.to_dict()
        columns = [methods[name] for name in ("estimator", "setting", "bound", "method")]
        self._methods = {(estimator, setting, bound): method for estimator, setting, bound, method in zip(*columns, strict=True)}
        self._measured = set(map(int, run.plane["epoch"]))
        early = list(early)
        self._described = set(map(int, run.training["epoch"])).difference(epoch for epoch, _ in early)
        self._start = time.monotonic()
        for told in list(self._told):
            self._call(told, "begin", self._path, self._name)
        for epoch, statistics in early:
            self.described(epoch, statistics)
        self.tell()

    def measured(self, epoch: int, rows: Sequence[Mapping[str, Any]], statistics: Mapping[str, float] | None) -> None:
        """Log an epoch that was measured, by the rows of its layers and methods."""
        given = self._of_statistics(epoch, statistics)
        new = epoch not in self._measured
        if new:
            self._measured.add(epoch)
            self._n += 1
            self._last = max(self._last, epoch)
        self._log(epoch, self._of_rows(rows) if new else {}, given)
        if new:
            self._draw()

    def described(self, epoch: int, statistics: Mapping[str, float]) -> None:
        """Log the statistics of an epoch that was not measured."""
        self._log(epoch, {}, self._of_statistics(epoch, statistics))

    def finish(self, complete: bool) -> None:
        """Log the last figure of a run that is complete, and end; again it does nothing."""
        if self._begun and complete:
            self._draw(last=True)
        if self._begun:
            for told in list(self._told):
                self._call(told, "finish", complete)
        self._told = []
        self.tell()

    def tell(self) -> None:
        """Warn, in the thread that trains, of what failed in the one that measures."""
        words = [self._warnings.pop(0) for _ in range(len(self._warnings))]
        if words:
            warn(words)

    def _of_rows(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
        if not self._layers:
            self._layers = _unique({int(row["layer"]): str(row["layer_name"]) for row in rows})
        found: dict[str, float] = {}
        for row in rows:
            name = self._layers[int(row["layer"])]
            if len(self._methods) > 1:
                name = f"{name}/{self._methods[row['estimator'], row['setting'], row['bound']]}"
            for quantity in ("i_xt_bits", "i_ty_bits"):
                value = row[quantity]
                if value is not None and math.isfinite(value):
                    found[f"{quantity}/{name}"] = float(value)
        return found

    def _of_statistics(self, epoch: int, statistics: Mapping[str, float] | None) -> dict[str, float]:
        # Of two of one epoch the first stands, as in the run.
        if not statistics or epoch in self._described:
            return {}
        self._described.add(epoch)
        return {_legal(name): value for name, value in statistics.items() if math.isfinite(value)}

    def _log(self, epoch: int, found: Mapping[str, float], statistics: Mapping[str, float]) -> None:
        for told in list(self._told):
            values = {**found, **statistics} if told.statistics else found
            if values:
                self._call(told, "scalars", epoch, {f"{told.prefix}/{name}": value for name, value in values.items()})

    def _draw(self, last: bool = False) -> None:
        """Draws the figure, and gives it to the loggers that want one now."""
        wanting = [told for told in self._told if self._wants(told, last)]
        if not wanting:
            return
        start = time.monotonic()
        try:
            figure = _figure(Run(self._path))
        except Exception as error:
            self._warnings.append(f"no more figures are logged, from epoch {self._last} on: {_words(error)}")
            for told in self._told:
                told.figures = 0
            return
        for told in wanting:
            self._call(told, "figure", self._last, f"{told.prefix}/plane", figure)
            told.n_drawn, told.last_drawn = self._n, self._last
        self._cost = time.monotonic() - start
        self._spent += self._cost

    def _wants(self, told: _Told, last: bool) -> bool:
        if not told.figures or told.n_drawn == self._n:
            return False
        if last:
            return True
        if told.figures != "auto":
            return (self._n - 1) % told.figures == 0
        grown = told.n_drawn == 0 or self._last - told.last_drawn >= max(1.0, _GROWTH * told.last_drawn)
        return grown and self._spent + self._cost <= _SHARE * (time.monotonic() - self._start)

    def _call(self, told: _Told, method: str, *arguments: Any) -> None:
        try:
            getattr(told.logger, method)(*arguments)
        except Exception as error:
            self._told = [other for other in self._told if other is not told]
            kind = type(told.logger).__name__
            self._warnings.append(f"{kind} logs no more, from epoch {self._last} on: {_words(error)}; the run has all epochs")


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _legal(name: str) -> str:
    """A name that all products take: for MLflow letters, digits, spaces and _ - . alone, and no part that is a place of a path."""
    # With a slash a layer could be the folder of another one.
    return re.sub(r"[^\w.\- ]+", "-", name.replace("/", "."))[:_LONGEST].strip("-. ") or "-"


def _unique(names: Mapping[int, str]) -> dict[int, str]:
    """Legal names of layers, by their numbers."""
    found: dict[int, str] = {}
    for layer, name in names.items():
        legal = _legal(name)
        while legal in found.values() or legal == "-":
            legal = f"layer-{layer}" if legal == "-" else f"{legal}-{layer}"
        found[layer] = legal
    return found


def _figure(run: Run) -> Figure:
    """The information plane of a run with a panel for each method, drawn."""
    # Not by pyplot, whose figures are those of the program.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from .plot import plane

    methods = list(dict.fromkeys(run.repeats["method"]))
    n_columns = 2 if len(methods) == 4 else min(3, len(methods))
    n_rows = math.ceil(len(methods) / n_columns)
    width, height = 5.2 * n_columns, 4.2 * n_rows
    figure = Figure(figsize=(width, height), dpi=110)
    canvas: Any = FigureCanvasAgg(figure)
    # A layout that fits itself is drawn several times, and warns of names that do not fit.
    figure.subplots_adjust(left=0.65 / width, right=1 - 0.3 / width, bottom=0.55 / height, top=1 - 0.35 / height, wspace=0.25, hspace=0.3)
    for place, method in enumerate(methods, 1):
        plane(run, method, axes=figure.add_subplot(n_rows, n_columns, place))
    canvas.draw()
    return figure
