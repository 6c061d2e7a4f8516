"""What the benchmarks share: work timed in turn, and a table below the machine that it was measured on."""

import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())


def heading(*distributions: str) -> None:
    """Print the machine, the versions and the command.

    A release build of infoplane is what users have: `maturin build --release`, then `pip install` of the wheel.
    """
    import infoplane

    versions = [f"Python {platform.python_version()}", f"infoplane {infoplane.__version__}"]
    versions += [f"{name} {metadata.version(name)}" for name in distributions]
    load = f"; load {os.getloadavg()[0]:.1f} before" if hasattr(os, "getloadavg") else ""
    print(f"machine   {_processor()}, {cores()} cores{load}")
    print(f"          {platform.platform()}")
    print(f"versions  {', '.join(versions)}")
    print(f"command   python {' '.join(sys.argv)}\n", flush=True)


def in_turn(works: Mapping[str, Callable[[], Any]], repeats: int) -> dict[str, list[float]]:
    """Seconds that each work takes, after one run to warm up; all are run in turn, so that a busy minute meets all of them."""
    for work in works.values():
        work()
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(repeats):
        for name, work in works.items():
            start = time.perf_counter()
            work()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def median(seconds: Sequence[float]) -> float:
    """The median."""
    return statistics.median(seconds)


def ratio(of: Sequence[float], to: Sequence[float]) -> float:
    """The median of the ratios of runs that were made one after the other."""
    return statistics.median(a / b for a, b in zip(of, to, strict=True))


def duration(seconds: float) -> str:
    """Three digits and a unit."""
    for unit, factor in [("s", 1.0), ("ms", 1e3)]:
        if abs(seconds) * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"


def table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows in columns, the first of which is flush left; the first row names the columns."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    for row in rows:
        numbers = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        print("  ".join([row[0].ljust(widths[0]), *numbers]).rstrip(), flush=True)
