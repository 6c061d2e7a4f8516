"""Sweeps: many runs that differ in some values and in their seeds, computed once each by any number of workers."""

from __future__ import annotations

import contextlib
import html
import math
import numbers
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, TypeVar

from . import _native
from ._errors import SweepError
from ._estimate import Progress, _Bar, plain, warn, whole
from ._experiment import PooledNetworks
from ._runs import Run, Table
from ._sweep_work import Calls, Experiments, Manner, SweepCell, Work

_T = TypeVar("_T")

#: How long a worker of another machine may be silent until its cell is taken over.
_LEASE = 60.0


class Sweep:
    """Cells that differ in some values and in their seeds: experiments of this package, or calls of your own function.

    A cell is named by a hash of all that decides its result. A store is a directory in which each cell is computed once, by any
    number of workers on machines that share it: of this package, and of ``infoplane sweep run``. The tables are the same bytes
    whoever computed the cells.

    Parameters
    ----------
    given
        The file of a sweep, or a dictionary of its keys: ``base`` (a preset, a file, or the table of an experiment), ``axes``
        with a list of values for each key, ``seeds``, ``cases``, ``set``, ``estimators``, ``name``. A sweep of your own function
        is made by :meth:`over`.

    Examples
    --------
    >>> import infoplane, tempfile
    >>> sweep = infoplane.Sweep({
    ...     "base": "saxe2018-tanh",
    ...     "set": {"training.epochs": 1},
    ...     "axes": {"training.batch_size": [256, 512]},
    ...     "seeds": 2,
    ... })
    >>> sweep.cells["label"].tolist()
    ['batch_size 256, seed 0', 'batch_size 256, seed 1', 'batch_size 512, seed 0', 'batch_size 512, seed 1']
    >>> result = sweep.run(tempfile.mkdtemp())
    >>> result
    <sweep 'saxe2018-tanh': 4 cells, 4 complete>
    >>> sorted(set(result.table["training.batch_size"].tolist()))
    [256, 512]
    """

    def __init__(self, given: str | os.PathLike[str] | Mapping[str, Any]) -> None:
        if isinstance(given, Mapping):
            self._begin(Experiments("sweep", plain(given), os.getcwd()))
            return
        path = os.path.abspath(given)
        try:
            with open(path, encoding="utf-8") as file:
                text = file.read()
        except (OSError, UnicodeDecodeError) as error:
            raise SweepError(f"{os.fspath(given)!r} cannot be read: {error}") from error
        self._begin(Experiments(os.fspath(given), text, os.path.dirname(path)))

    def _begin(self, work: Work) -> None:
        self._work = work
        self._cells = work.cells()

    @classmethod
    def over(
        cls,
        train: Callable[[SweepCell], Any],
        axes: Mapping[str, Iterable[Any]],
        *,
        seeds: int | Iterable[int] | None = None,
        name: str | None = None,
        version: str | int = "",
    ) -> Sweep:
        """Call a function of your own once for each combination of values and seeds.

        Parameters
        ----------
        train
            Takes a :class:`SweepCell` and leaves a complete run in ``cell.directory``, as a recorder does: of this package, of
            :mod:`infoplane.torch`, of :mod:`infoplane.keras`. What it returns is not kept. An exception fails its cell, and the
            others go on. What a call that was stopped left is removed before the cell is called again: a training that begins
            with new weights does not go on with what another one recorded.
        axes
            Values by the name of their axis: text, numbers, truth values, None, and lists and dictionaries of them.
        seeds
            A number of seeds, from 0 on, or a list.
        name
            What pages call the sweep; the name of the function unless given.
        version
            Part of the names of all cells, as are the text of the function, the values of its arguments that have one, and
            the version of this package. What the function calls is not: change the version where that changes results.

        Examples
        --------
        >>> import infoplane, numpy as np, tempfile
        >>> labels = np.arange(60) % 2
        >>> def train(cell):
        ...     rng = np.random.default_rng(cell.seed)
        ...     with infoplane.Recorder(cell.directory, labels, {"kind": "kde", "noise_variances": [1e-3]}) as recorder:
        ...         for epoch in range(3):
        ...             hidden = rng.normal(size=(60, cell["width"])) + epoch * labels[:, None]
        ...             recorder.record(epoch, {"hidden": hidden})
        >>> sweep = infoplane.Sweep.over(train, {"width": [2, 4]}, seeds=2)
        >>> result = sweep.run(tempfile.mkdtemp())
        >>> len(result.runs["width 4, seed 1"].plane), result.failed
        (6, {})
        """
        sweep = cls.__new__(cls)
        sweep._begin(Calls(train, axes, seeds, name, version))
        return sweep

    @property
    def name(self) -> str:
        """What pages call it."""
        return self._cells.name

    @property
    def axes(self) -> list[str]:
        """The names of the axes: ``case``, the keys, ``seed``."""
        return self._cells.axes

    @property
    def cells(self) -> Table:
        """A row for each cell: its id, its label, and its value on each axis."""
        return Table(self._cells.table(None, None))

    def __len__(self) -> int:
        return len(self._cells)

    def status(self, store: str | os.PathLike[str]) -> SweepResult:
        """Where the cells stand in a store of this sweep; nothing is computed."""
        opened, _ = _native.SweepStore.read(os.path.abspath(store))
        opened.check(self._cells)
        return SweepResult(opened, self._cells)

    def run(
        self,
        store: str | os.PathLike[str],
        *,
        on: Literal["local", "ray"] = "local",
        missing: bool = False,
        shard: str | None = None,
        jobs: int | None = None,
        threads: int | None = None,
        memory: int | None = None,
        shards: int | None = None,
        num_cpus: float | None = None,
        num_gpus: float | None = None,
        resources: Mapping[str, float] | None = None,
        lease: float = _LEASE,
        progress: Progress = None,
    ) -> SweepResult:
        """Compute the cells that a store lacks.

        A cell that cannot be computed does not stop the others: :attr:`SweepResult.failed` has the reasons. Ctrl-C gives the cell
        in progress back; what is complete stays, and the next call goes on.

        Parameters
        ----------
        store
            The directory, made if it is not there. On several machines it is one that all of them share.
        on
            ``"local"``: in this process. ``"ray"``: in processes of Ray, on the cluster that ``ray.init`` or the variable
            ``RAY_ADDRESS`` names, else on all cores of this machine; needs ``pip install "infoplane[ray]"`` here and on the
            nodes.
        missing
            Whether to compute cells that failed before once more, and after those of ``shard`` also the others.
        shard
            One of n parts, which cost about the same, ``"3/200"``, for a program that is started n times. With ``on="local"``.
        jobs
            Experiments that are computed at once; one for each thread unless given. Your own function is called for one cell
            after the other: ``on="ray"`` and several programs with one store call it for many.
        threads
            Threads of experiments; as :func:`set_threads` unless given.
        memory
            Bytes of one process for networks of experiments that are kept to be measured.
        shards
            With ``on="ray"``: into how many tasks the cells are divided; 4 for each that runs at once unless given.
        num_cpus, num_gpus, resources
            With ``on="ray"``: what a task takes of a node; one processor unless given. Experiments compute with as many threads.
        lease
            Seconds for which a worker of another machine may be silent until its cell is taken over.
        progress
            ``progress(cells, total)``, or true for a bar.
        """
        of_ray = {"shards": shards, "num_cpus": num_cpus, "num_gpus": num_gpus, "resources": resources}
        if on == "local":
            other = [name for name, given in of_ray.items() if given is not None]
        elif on == "ray":
            other = ["shard"] if shard is not None else []
        else:
            raise SweepError(f'on = {on!r}; allowed are "local" and "ray"')
        if other:
            raise SweepError(f'{other[0]} is not for on="{on}"')
        if isinstance(self._work, Calls):
            self._check_calls(on, jobs, threads, memory)
        if not _is_above_0(lease):
            raise SweepError(f"lease = {lease!r}; allowed are seconds above 0")
        for name, number in (("num_cpus", num_cpus), ("num_gpus", num_gpus)):
            if number is not None and not (isinstance(number, numbers.Real) and 0 <= number < math.inf):
                raise SweepError(f"{name} = {number!r}; allowed are numbers from 0 on")
        manner = Manner(
            shard="1/1" if shard is None else str(shard),
            missing=bool(missing),
            jobs=None if jobs is None else whole("jobs", jobs, 1, 1024),
            threads=None if threads is None else whole("threads", threads, 0, 1024),
            memory=None if memory is None else whole("memory", memory, 0),
        )
        if shards is not None:
            shards = whole("shards", shards, 1)
        path = os.path.abspath(store)
        needs: Any = None
        if on == "ray":
            from . import _ray

            _ray.check()
            needs = _ray.Options(shards, 1.0 if num_cpus is None else num_cpus, num_gpus or 0.0, resources)
        opened = _native.SweepStore(path, lease)
        opened.settle(self._cells)
        with _Bar(progress, "cell") as told:
            if needs is None:
                words, _ = self._work.run(opened, manner, told)
            else:
                words = self._run_on_ray(opened, path, lease, manner, needs, told)
        warn(words)
        result = SweepResult(opened, self._cells)
        failed = result.failed
        if failed:
            label, why = next(iter(failed.items()))
            warn([f"{len(failed)} of {len(self)} cells failed, for one {label}: {why}"])
        return result

    def _check_calls(self, on: str, jobs: Any, threads: Any, memory: Any) -> None:
        if jobs not in (None, 1):
            more = (
                "num_cpus=1 calls it for as many cells as there are processors" if on == "ray" else 'on="ray" calls it for many'
            )
            raise SweepError(f"jobs = {jobs!r}; a function is called for one cell after the other in a process: {more}")
        if threads is not None and on == "local":
            raise SweepError(f"threads = {threads!r} is for experiments; infoplane.set_threads is for a function")
        if memory is not None:
            raise SweepError(f"memory = {memory!r} is for experiments, and this sweep calls a function")

    def _run_on_ray(
        self, opened: _native.SweepStore, path: str, lease: float, manner: Manner, needs: Any, told: Any
    ) -> list[str]:
        from . import _ray

        if manner.missing:
            # By each shard again, they would be tried as often as there are shards.
            opened.forget_failures(self._cells)
        threads = manner.threads or max(1, int(needs.num_cpus))
        manner = replace(manner, missing=False, threads=threads, jobs=manner.jobs or threads)
        last = -1

        def look() -> int:
            nonlocal last
            counts = Counter(state for state, _ in opened.states(self._cells))
            done = counts["complete"] + counts["failed"]
            if told is not None and done > last:
                last = done
                told(done, len(self))
            return counts["complete"]

        job = _ray.Job(self._work, path, lease, manner, _native.__version__)
        words, complete = _ray.run(job, len(self), needs, look)
        if not _ray.is_shown(look, complete):
            raise SweepError(
                f"{complete} cells are complete on the nodes, and {look()} in {path} as this machine sees it: "
                "name a directory that all machines share"
            )
        return words

    def __repr__(self) -> str:
        return f"<sweep {self.name!r}: {_counted(len(self))} over {', '.join(self.axes) or 'nothing'}>"


class SweepResult:
    """The cells of a store as they stand; :meth:`follow` looks again."""

    def __init__(self, store: _native.SweepStore, cells: _native.SweepCells) -> None:
        self._store, self._cells = store, cells
        labels: set[str] = set()
        self._ids: dict[str, str] = {}
        for id, label, _ in cells.listed():
            unique = f"{label} ({id[-8:]})" if label in labels else label
            labels.add(unique)
            self._ids[unique] = id
        self.follow()

    def follow(self) -> bool:
        """Look again where the cells stand; returns whether any stands elsewhere."""
        before: Any = getattr(self, "_states", None)
        self._states = self._store.states(self._cells)
        return bool(before != self._states)

    @property
    def path(self) -> str:
        """The directory of the store."""
        return os.fspath(self._store.path)

    @property
    def name(self) -> str:
        """What pages call the sweep."""
        return self._cells.name

    @property
    def axes(self) -> list[str]:
        """The names of the axes."""
        return self._cells.axes

    @property
    def cells(self) -> Table:
        """A row for each cell: id, label, its value on each axis, state, reason of a failure, seconds that it took."""
        states = [(state, reason if state == "failed" else None) for state, reason in self._states]
        return Table(self._cells.table(states, self._store.seconds(self._cells)))

    @property
    def counts(self) -> dict[str, int]:
        """How many cells are ``"complete"``, ``"running"``, ``"failed"``, ``"interrupted"``, ``"missing"``."""
        counts = Counter(state for state, _ in self._states)
        return {state: counts[state] for state in ("complete", "running", "failed", "interrupted", "missing")}

    @property
    def failed(self) -> dict[str, str]:
        """The reasons of cells that could not be computed, by their labels."""
        return {label: reason or "" for label, (state, reason) in zip(self._ids, self._states, strict=True) if state == "failed"}

    @property
    def missing(self) -> list[str]:
        """The labels of all cells that are not complete."""
        return [label for label, (state, _) in zip(self._ids, self._states, strict=True) if state != "complete"]

    def _complete(self, pooled: bool) -> dict[str, str]:
        """The directories of complete cells by their labels."""
        there: set[str] = set()
        with contextlib.suppress(FileNotFoundError):
            there.update(os.listdir(os.path.dirname(self._store.path_of("id", pooled))))
        return {label: os.fspath(self._store.path_of(id, pooled)) for label, id in self._ids.items() if id in there}

    @property
    def runs(self) -> Mapping[str, Run]:
        """The complete runs by the labels of their cells, each read when it is asked for."""
        return _Read(self._complete(False), Run)

    @property
    def pools(self) -> Mapping[str, PooledNetworks]:
        """Of a sweep of pooled networks: the complete pools by the labels of their cells, each read when it is asked for."""
        return _Read(self._complete(True), PooledNetworks)

    @property
    def ended_early(self) -> dict[str, str]:
        """Of a sweep of pooled networks: why cells have no pool, by their labels."""
        found = {label: self._store.ended_early(id) for label, id in self._ids.items()}
        return {label: why for label, why in found.items() if why is not None}

    @property
    def table(self) -> Table:
        """The measurements of all complete cells, with the id of each and its value on each axis: planes, or pools of networks.

        An axis with the name of a column of tables, such as ``width``, is ``cell_width`` in them.
        """
        return self._table(None)

    @property
    def repeats(self) -> Table:
        """Mean, standard error and percentiles over the seeds of each group of complete cells that differ in their seeds alone.

        Without an axis of seeds they are over the seeds of each cell.
        """
        return self._table("repeats")

    @property
    def training(self) -> Table:
        """Losses and accuracies of all complete cells."""
        return self._table("training")

    @property
    def layers(self) -> Table:
        """Norms of weights and gradients of all complete cells."""
        return self._table("layers")

    @property
    def schedule(self) -> Table:
        """The measured epochs of all complete cells."""
        return self._table("schedule")

    def _table(self, name: str | None) -> Table:
        self.follow()
        missing = len(self.missing)
        if missing:
            warn([f"{missing} of {_counted(len(self._ids))} are not complete, and not in the table"])
        return Table(self._store.table(self._cells, name))

    def collect(
        self,
        out: str | os.PathLike[str],
        *,
        table: str | None = None,
        formats: str | Sequence[str] = ("csv", "arrow"),
        allow_missing: bool = False,
        all_seeds: bool = False,
        page: bool = True,
        progress: Progress = None,
    ) -> list[str]:
        """Write one table of all cells, and a page that compares them, as ``infoplane sweep collect`` does; returns the files.

        Parameters
        ----------
        out
            The directory.
        table
            ``"plane"``, which it is unless given, ``"repeats"``, ``"training"``, ``"layers"``, ``"schedule"``, ``"methods"``; of
            pooled networks ``"pool"``, which it is then, ``"drift"``, ``"window"``, ``"overlap"``, ``"methods"``.
        formats
            ``"csv"``, ``"jsonl"``, ``"arrow"``.
        allow_missing
            Whether cells that are not complete are left out; else they are an error.
        all_seeds
            Whether seeds that did not learn are in the means of the page, and of the table of repeats.
        page
            Whether to write the page.
        progress
            ``progress(cells, total)``, or true for a bar.
        """
        several = [formats] if isinstance(formats, str) else list(formats)
        with _Bar(progress, "cell") as told:
            files, notes = self._store.collect(
                self._cells, os.fspath(out), table, several, bool(allow_missing), bool(all_seeds), bool(page), told
            )
        warn(notes)
        return [os.fspath(path) for path in files]

    def compare(self, out: str | os.PathLike[str], *, one_panel: bool = False, all_seeds: bool = False) -> list[str]:
        """Draw the complete cells beside each other, those that differ in their seeds alone as one group; returns the files.

        Parameters
        ----------
        out
            The directory.
        one_panel
            Whether all planes go into one panel, where colours tell groups apart.
        all_seeds
            Whether seeds that did not learn are in means.
        """
        files = self._store.compare(self._cells, os.fspath(out), bool(one_panel), bool(all_seeds))
        return [os.fspath(path) for path in files]

    def __len__(self) -> int:
        return len(self._ids)

    def __repr__(self) -> str:
        counts = ", ".join(f"{n} {state}" for state, n in self.counts.items() if n)
        return f"<sweep {self.name!r}: {_counted(len(self))}, {counts}>"

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(repr(self)[1:-1])}</p>{self.cells._repr_html_()}"


class _Read(Mapping[str, _T]):
    """What is read when it is asked for, and not kept."""

    def __init__(self, paths: dict[str, str], read: Callable[[str], _T]) -> None:
        self._paths, self._read = paths, read

    def __getitem__(self, label: str) -> _T:
        if label not in self._paths:
            raise KeyError(f"no complete cell is called {label!r}")
        return self._read(self._paths[label])

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)

    def __repr__(self) -> str:
        return f"<{_counted(len(self))}: {', '.join(list(self)[:3])}{', …' if len(self) > 3 else ''}>"


def load_sweep(store: str | os.PathLike[str]) -> SweepResult:
    """Read a store of a sweep, complete or not, whoever computes it: this package, the command, on one machine or on many."""
    return SweepResult(*_native.SweepStore.read(os.path.abspath(store)))


def _is_above_0(given: Any) -> bool:
    return isinstance(given, numbers.Real) and not isinstance(given, bool) and 0 < float(given) < math.inf


def _counted(n: int) -> str:
    return f"{n} cell{'' if n == 1 else 's'}"
