"""Runs that are read."""

from __future__ import annotations

import html
import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from . import _native


class Table:
    """A table of a run: columns of one length, each with a unit and a sentence.

    Tables of pandas, polars, Arrow and DuckDB are made of it by the Arrow C stream: ``polars.DataFrame(table)``,
    ``pyarrow.table(table)``, ``pandas.DataFrame.from_arrow(table)``; or by :meth:`to_pandas` and :meth:`to_polars`.
    """

    def __init__(self, native: _native.Table) -> None:
        self._native = native
        self._columns: dict[str, Any] | None = None

    @property
    def name(self) -> str:
        """What it is called: ``"plane"``."""
        return self._native.name

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return [column["name"] for column in self._native.columns]

    @property
    def about(self) -> dict[str, str]:
        """What each column holds, in a sentence."""
        return {column["name"]: column["about"] for column in self._native.columns}

    def __len__(self) -> int:
        return len(self._native)

    def __getitem__(self, column: str) -> Any:
        """A column as an array of NumPy; numbers that are absent are ``nan``, text that is absent is ``None``."""
        found = self.to_dict()
        if column not in found:
            raise KeyError(f"{column!r}; the table {self.name} has {', '.join(found)}")
        return found[column]

    def __contains__(self, column: object) -> bool:
        return column in self.to_dict()

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def to_dict(self) -> dict[str, Any]:
        """All columns as arrays of NumPy."""
        if self._columns is None:
            self._columns = {name: _column(values) for name, values in self._native.to_dict().items()}
        return dict(self._columns)

    def to_pandas(self) -> Any:
        """A `pandas.DataFrame`, with text as categories."""
        import pandas as pd

        def column(values: Any) -> Any:
            if values.dtype != object:
                return values
            # In the order in which they appear, which is that of the layers.
            return pd.Categorical(values, categories=[value for value in dict.fromkeys(values) if value is not None])

        return pd.DataFrame({name: column(values) for name, values in self.to_dict().items()})

    def to_polars(self) -> Any:
        """A `polars.DataFrame`."""
        import polars as pl

        return pl.DataFrame(self)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._native.__arrow_c_stream__(requested_schema)

    def __repr__(self) -> str:
        return f"<table {self.name}: {len(self)} rows of {', '.join(self.columns)}>"

    def _repr_html_(self) -> str:
        shown = self.to_dict()
        n = min(len(self), 10)
        head = "".join(f"<th title='{html.escape(self.about[name])}'>{html.escape(name)}</th>" for name in shown)
        cells = [[f"<td>{html.escape(_cell(values[row]))}</td>" for values in shown.values()] for row in range(n)]
        rows = "".join(f"<tr>{''.join(row)}</tr>" for row in cells)
        more = f"<p>{n} of {len(self)} rows</p>" if n < len(self) else ""
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{more}"


def _column(values: Any) -> Any:
    if isinstance(values, list):
        return np.array(values, dtype=object)
    # Differences of numbers without a sign are wrong where they are below 0; only seeds can be larger.
    if values.dtype == np.uint64 and (not values.size or int(values.max()) < 2**63):
        return values.astype(np.int64)
    return values


def _cell(value: Any) -> str:
    if value is None or value != value:
        return ""
    return f"{value:.6g}" if isinstance(value, (float, np.floating)) else str(value)


class Run:
    """A run directory, read. :meth:`follow` reads what was written since.

    Attributes are tables (:class:`Table`): :attr:`plane`, :attr:`training`, :attr:`schedule` and more.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._native = _native.Run(os.fspath(path))

    @property
    def path(self) -> str:
        """The directory."""
        return os.fspath(self._native.path)

    @property
    def name(self) -> str:
        """What figures call it."""
        return self._native.name

    @property
    def state(self) -> str:
        """``"running"``, ``"interrupted"``, ``"finished"`` or ``"failed"``."""
        return self._native.state

    @property
    def manifest(self) -> dict[str, Any]:
        """What the run is: its data, layers, estimators and schedule."""
        return self._native.manifest

    @property
    def plane(self) -> Table:
        """The measurements: a row for each seed, epoch, layer and method."""
        return Table(self._native.table("plane"))

    @property
    def repeats(self) -> Table:
        """Mean, standard error and percentiles over seeds."""
        return Table(self._native.table("repeats"))

    @property
    def training(self) -> Table:
        """Losses and accuracies: a row for each seed and epoch."""
        return Table(self._native.table("training"))

    @property
    def layers(self) -> Table:
        """Norms of weights and gradients: a row for each seed, epoch and layer."""
        return Table(self._native.table("layers"))

    @property
    def units(self) -> Table:
        """What single units tell of the label, in runs that measure it: a row for each seed, epoch, layer, method and unit."""
        return Table(self._native.table("units"))

    @property
    def synergy(self) -> Table:
        """The information about the label by the number of units that must be read for it, likewise."""
        return Table(self._native.table("synergy"))

    @property
    def pairs(self) -> Table:
        """The information of layers about each other, in runs that measure it: a row for each seed, epoch, method and pair."""
        return Table(self._native.table("pairs"))

    @property
    def similarity(self) -> Table:
        """Linear centred kernel alignment of layers, likewise: a row for each seed, epoch and pair."""
        return Table(self._native.table("similarity"))

    @property
    def ranks(self) -> Table:
        """Effective rank and participation ratio, likewise: a row for each seed, epoch and layer."""
        return Table(self._native.table("ranks"))

    @property
    def inputs(self) -> Table:
        """What layers tell of the features of the inputs, likewise: a row for each seed, epoch, layer, method and feature."""
        return Table(self._native.table("inputs"))

    @property
    def schedule(self) -> Table:
        """The measured epochs."""
        return Table(self._native.table("schedule"))

    @property
    def methods(self) -> Table:
        """The estimators with their settings."""
        return Table(self._native.table("methods"))

    def follow(self) -> bool:
        """Read what was written since; returns whether there was anything."""
        return self._native.follow()

    def summary(self) -> str:
        """The summary of the report, as Markdown."""
        return self._native.summary()

    def figures(self, format: str = "svg") -> dict[str, bytes]:
        """The figures of the report by name, in one form: ``"svg"``, ``"png"``, ``"pdf"``."""
        return dict(self._native.pictures(format))

    def report(self, out: str | os.PathLike[str] | None = None) -> list[str]:
        """Write figures, tables and the summary, into the directory of the run unless told otherwise; returns the files."""
        return [os.fspath(path) for path in self._native.report(None if out is None else os.fspath(out))]

    def __repr__(self) -> str:
        return f"<run {self.name!r} in {self.path}: {self.state}, {len(self.plane)} measurements>"

    def page(self, out: str | os.PathLike[str] | None = None) -> str:
        """Write one interactive page, ``index.html``, into the directory of the report unless told otherwise; returns its path."""
        return os.fspath(self._native.write_page(None if out is None else os.fspath(out)))

    def widget(self, *, height: int = 820, interval: float = 1.0) -> Any:
        """The page as a widget of Jupyter, VS Code or marimo, which follows the run while it is written.

        It is an `anywidget.AnyWidget`; needs ``pip install "infoplane[widget]"``. The run is followed by a thread, also while a cell
        is busy, until it is finished or `close()` of the widget is called; a run that was interrupted is followed again once
        it goes on. The tables of this object stay as they are; :meth:`follow` is for those. What ends the following
        otherwise, such as a directory that is removed, is said above the page and is `note` of the widget.

        Parameters
        ----------
        height
            The most that it is high, in pixels; the page scrolls in it.
        interval
            How often what was written is read, in seconds; more seldom where that would take more than a tenth of the time,
            and ten times as seldom while nobody writes.

        Raises
        ------
        ImportError
            Without `anywidget`.
        TypeError, ValueError
            `height` is no whole number from 1, or `interval` no number of seconds above 0.
        RunError
            The run is not complete, and its directory cannot be read any more.
        """
        from ._widget import RunWidget

        return RunWidget(self._native, height, interval)

    def _repr_html_(self) -> str:
        # The page may run its scripts and save files, and sees nothing of the notebook.
        page = html.escape(self._native.page(), quote=True)
        frame = f"<iframe title='{html.escape(self.name)}' sandbox='allow-scripts allow-downloads' srcdoc=\"{page}\" "
        return f"<p>{html.escape(repr(self))}</p>{frame}style='width:100%;height:820px;border:0'></iframe>"


def compare(
    runs: Sequence[str | os.PathLike[str] | Run],
    out: str | os.PathLike[str],
    *,
    by: str | Sequence[str] | None = None,
    one_panel: bool = False,
) -> list[str]:
    """Draw runs beside each other: planes, curves and a summary, into a directory; returns the files.

    Parameters
    ----------
    runs
        Two or more, or their directories.
    out
        The directory.
    by
        A key of their configurations: runs with one value of it are one group, with standard errors. With several keys planes stand in
        rows and columns, a column for each value of the last one.
    one_panel
        Whether all planes go into one panel, where colours tell runs apart.
    """
    paths = [run.path if isinstance(run, Run) else os.fspath(run) for run in runs]
    keys = [by] if isinstance(by, str) else list(by or ())
    files, _ = _native.compare(paths, os.fspath(out), keys, one_panel)
    return [os.fspath(path) for path in files]


def load(run: str | os.PathLike[str]) -> Run:
    """Read a run directory, finished or not, of this package or of the command."""
    return Run(run)
