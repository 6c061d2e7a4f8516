"""Shards of a sweep as tasks of Ray: spread over the nodes, begun again where a node dies, ended at Ctrl-C.

What the tasks have in common is the store. The caller counts the cells in it, so that a shard that is begun again counts no cell
twice, and cells that other programs computed count, too.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import logging
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from . import _native
from ._errors import SweepError
from ._estimate import warn
from ._sweep_work import Manner, Work

#: Seconds between two looks at the tasks.
_POLL = 0.5
#: Seconds that a task has to end after it was told to.
_GRACE = 10.0
#: How often a shard is begun again after its process or its node died.
_RETRIES = 20
#: Seconds within which a file system shows one machine what another wrote.
_SHOWN = 90.0
#: Shards for each task that runs at once: so that those with long cells hold up little.
_SHARDS_EACH = 4


@dataclass(frozen=True)
class Options:
    """What a task needs of a node."""

    shards: int | None
    num_cpus: float
    num_gpus: float
    resources: Mapping[str, float] | None


@dataclass(frozen=True)
class Job:
    """What all tasks of a sweep share."""

    work: Work
    store: str
    lease: float
    manner: Manner
    version: str


def check() -> None:
    """Say what to install where Ray is not there."""
    if "ray" not in sys.modules and importlib.util.find_spec("ray") is None:
        raise ImportError('on="ray" needs Ray: pip install "infoplane[ray]"')


def compute(job: Job, number: int, of: int) -> tuple[list[str], int]:
    """A task: compute a shard, in the main thread of a process of Ray."""
    if job.version != _native.__version__:
        raise SweepError(
            f"a node has infoplane {_native.__version__}, and the program that began the sweep has {job.version}: "
            "install the same version everywhere"
        )
    _native.set_threads(job.manner.threads or 1)
    store = _native.SweepStore(job.store, job.lease)
    return job.work.run(store, replace(job.manner, shard=f"{number}/{of}"), None)


def run(job: Job, n_cells: int, options: Options, look: Callable[[], int]) -> tuple[list[str], int]:
    """Run all shards; `look` is called again and again, and returns how many cells are complete.

    Returns what was said, and how many cells the tasks found complete.
    """
    with _connected() as ray:
        cpus = [float(node["Resources"].get("CPU", 0.0)) for node in ray.nodes() if node["Alive"]]
        if options.num_cpus > max(cpus, default=0.0):
            # Ray waits without a word.
            warn(
                [
                    f"no node of the cluster has {options.num_cpus:g} processors, the largest has {max(cpus, default=0.0):g}: "
                    "waiting for one"
                ]
            )
        at_once = sum(int(n / options.num_cpus) for n in cpus) if options.num_cpus > 0 else n_cells
        of = min(options.shards or max(1, at_once) * _SHARDS_EACH, n_cells)
        task = ray.remote(compute).options(
            num_cpus=options.num_cpus,
            num_gpus=options.num_gpus,
            resources=dict(options.resources or {}),
            scheduling_strategy="SPREAD",
            max_retries=_RETRIES,
            # What is raised is an answer; what happens to single cells is in the store.
            retry_exceptions=False,
            name="infoplane.sweep",
        )
        try:
            shared = ray.put(job)
        except Exception as error:
            raise SweepError(f"train cannot be sent to the processes of Ray: {error}") from error
        refs: list[Any] = []
        try:
            refs.extend(task.remote(shared, number, of) for number in range(1, of + 1))
            results = _wait(ray, refs, look)
        except BaseException:  # Ctrl-C, what a task raises, or what `look` raises
            _stop(ray, refs)
            raise
    words = list(dict.fromkeys(word for said, _ in results for word in said))
    return words, sum(complete for _, complete in results)


def is_shown(look: Callable[[], int], complete: int) -> bool:
    """Whether the store shows as many complete cells as the tasks found, at the latest when file systems must have shown them."""
    until = time.monotonic() + _SHOWN
    while look() < complete:
        if time.monotonic() > until:
            return False
        time.sleep(_POLL)
    return True


@contextlib.contextmanager
def _connected() -> Generator[Any]:
    """Ray as it is where it is initialized; else the cluster that `RAY_ADDRESS` names, or an instance on this machine alone."""
    joined = os.environ.get("RAY_ADDRESS")
    if not joined and "ray" not in sys.modules:
        # Read at the import: an instance of this machine listens to this machine alone.
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    ray = importlib.import_module("ray")
    if ray.is_initialized():
        yield ray
        return
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.WARNING}
    is_main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGTERM) if is_main else None
    if joined:
        ray.init(**quiet)
    else:
        # Without an address Ray would join whatever cluster a file in its directory names, or wait for one that is gone.
        ray.init(address="local", include_dashboard=False, object_store_memory=256 << 20, **quiet)
    try:
        yield ray
    finally:
        ray.shutdown()
        if before is not None:
            signal.signal(signal.SIGTERM, before)


def _wait(ray: Any, refs: list[Any], look: Callable[[], int]) -> list[tuple[list[str], int]]:
    """The results of all tasks, in their order."""
    waiting, results = refs, {}
    next_look = 0.0
    while waiting:
        # Signals are served between two waits.
        ready, waiting = ray.wait(waiting, num_returns=len(waiting), timeout=_POLL)
        for ref in ready:
            results[ref] = _result(ray, ref)
        began = time.monotonic()
        if began >= next_look:
            look()
            # A large store is not listed all the time.
            next_look = time.monotonic() + 10.0 * (time.monotonic() - began)
    return [results[ref] for ref in refs]


def _result(ray: Any, ref: Any) -> Any:
    try:
        return ray.get(ref)
    except ray.exceptions.RayTaskError as error:
        cause, words = error.cause, re.sub(r"\x1b\[\d+m", "", str(error))
        if isinstance(cause, (ray.exceptions.RaySystemError, ModuleNotFoundError)):
            raise SweepError(
                f"a task cannot begin on a node, {words.strip().splitlines()[-1].strip()}: nodes need this package in the same "
                "version, and the module of the function, unless that is the program itself"
            ) from error
        if not isinstance(cause, Exception) or isinstance(cause, ray.exceptions.RayError):
            raise
        if hasattr(cause, "add_note"):
            cause.add_note(words)
        raise cause from None
    except (ray.exceptions.WorkerCrashedError, ray.exceptions.NodeDiedError, ray.exceptions.OutOfMemoryError) as error:
        raise SweepError(
            f"a process of the sweep ended {_RETRIES + 1} times without an exception: too little memory, or a crash in compiled "
            "code; what is complete is in the store"
        ) from error


def _stop(ray: Any, refs: list[Any]) -> None:
    """Interrupt the tasks; those that do not end in time, or all at a second Ctrl-C, are killed."""
    try:
        for ref in refs:
            ray.cancel(ref, force=False)
        left = _unfinished(ray, refs, _GRACE)
    except KeyboardInterrupt:
        left = refs
    for ref in left:
        ray.cancel(ref, force=True)
    _unfinished(ray, left, _GRACE / 2)


def _unfinished(ray: Any, refs: list[Any], seconds: float) -> list[Any]:
    until = time.monotonic() + seconds
    while refs and (left := until - time.monotonic()) > 0:
        _, refs = ray.wait(refs, num_returns=len(refs), timeout=min(left, _POLL))
    return refs
