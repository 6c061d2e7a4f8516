"""The page of a run as a widget of a notebook, which follows the run."""

from __future__ import annotations

import atexit
import contextlib
import math
import numbers
import os
import threading
import time
import weakref
from typing import Any

import numpy as np

from . import _native
from ._estimate import whole

try:
    import anywidget
    import traitlets
except ImportError as _error:
    raise ImportError('the widget needs anywidget: pip install "infoplane[widget]"; run.page() writes the same page without it') from _error

#: What is said of a run that something may still be written of; the other states are final.
_NOTES = {"running": "Live: follows the run.", "interrupted": "Interrupted: follows the run once it goes on."}

#: The time between two looks is so many times that of a look; of a run that nobody writes it is so many times the usual one.
_REST = 10

#: Those whose threads go on.
_FOLLOWERS: weakref.WeakSet[_Follower] = weakref.WeakSet()


@atexit.register
def _stop_all() -> None:
    """No thread is within compiled code when the interpreter ends."""
    for follower in list(_FOLLOWERS):
        follower.stop()


if hasattr(os, "register_at_fork"):
    # Threads do not survive a fork: a child has nothing to stop.
    os.register_at_fork(after_in_child=lambda: _FOLLOWERS.clear())


def _seconds(name: str, given: Any) -> float:
    """A finite number above 0."""
    allowed = "allowed are numbers of seconds above 0"
    if isinstance(given, (bool, np.bool_)) or not isinstance(given, numbers.Real):
        raise TypeError(f"{name} = {given!r} is a {type(given).__name__}; {allowed}")
    try:
        seconds = float(given)
    except OverflowError:
        seconds = math.inf
    if not (math.isfinite(seconds) and seconds > 0):
        raise ValueError(f"{name} = {seconds:g}; {allowed}")
    return seconds


def pause(interval: float, took: float, state: str) -> float:
    """The seconds until the next look."""
    usual = max(interval, _REST * took)
    return min(usual if state == "running" else _REST * usual, threading.TIMEOUT_MAX)


class Followed:
    """A run as it was read last, apart from the tables that a user works with."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._read()

    def _read(self) -> None:
        # Before the run, so that one that takes its place meanwhile is noticed.
        self._begun = self._beginning()
        self.run = _native.Run(self._path)

    def _beginning(self) -> int | None:
        """When the run was begun: another one in the same directory has another time."""
        try:
            return os.stat(os.path.join(self._path, "manifest.toml")).st_mtime_ns
        except OSError:
            return None

    def look(self) -> bool:
        """Read what was written since; returns whether the page is another one."""
        if self._beginning() != self._begun:
            self._read()
            return True
        before = self.run.state
        return self.run.follow() or self.run.state != before


class _Follower:
    """Looks at a run again and again, on a thread of its own, and gives a widget what is new."""

    def __init__(self, widget: RunWidget, followed: Followed, interval: float) -> None:
        self._ended = threading.Event()
        # What the thread is given is let go of with its end.
        self._thread = threading.Thread(target=self._follow, args=(widget, followed, interval), name="infoplane widget", daemon=True)
        _FOLLOWERS.add(self)
        self._thread.start()

    def stop(self) -> None:
        """Return when it has ended."""
        self._ended.set()
        if self._thread is not threading.current_thread():
            self._thread.join()

    def _follow(self, widget: RunWidget, followed: Followed, interval: float) -> None:
        try:
            self._follow_to_the_end(widget, followed, interval)
        except BaseException as error:
            # Nobody waits for this thread, and what it prints would come into the output of any cell.
            with contextlib.suppress(BaseException):
                widget.note = f"No longer followed, the page is as it was: {error}"

    def _follow_to_the_end(self, widget: RunWidget, followed: Followed, interval: float) -> None:
        took = 0.0
        while (state := followed.run.state) in _NOTES:
            if self._ended.wait(pause(interval, took, state)) or _is_gone(widget):
                return
            began = time.monotonic()
            if followed.look():
                widget.content = followed.run.page_values()
                widget.note = _NOTES.get(followed.run.state, "")
            took = time.monotonic() - began


def _is_gone(widget: RunWidget) -> bool:
    """Whether the notebook has closed the widget, as marimo does when its cell runs again."""
    comm = widget.comm
    return comm is None or bool(getattr(comm, "_closed", False))


class RunWidget(anywidget.AnyWidget):
    """See :meth:`infoplane.Run.widget`."""

    _esm, _css = _native.widget_parts()

    #: The values of the page, as its scripts read them.
    content = traitlets.Unicode().tag(sync=True)
    #: In pixels.
    height = traitlets.Int(820, min=1).tag(sync=True)
    #: Whether the page follows the run, and if not, why; empty for a run that is complete.
    note = traitlets.Unicode().tag(sync=True)

    _follower: _Follower | None = None
    _title = ""

    def __init__(self, run: _native.Run, height: int, interval: float) -> None:
        height, interval = whole("height", height, 1), _seconds("interval", interval)
        # What is complete does not change, and may be shown when its directory is gone.
        followed = Followed(os.path.abspath(run.path)) if run.state in _NOTES else None
        shown = run if followed is None else followed.run
        self._title = f"{shown.name!r} in {os.fspath(shown.path)}"
        super().__init__(content=shown.page_values(), height=height, note=_NOTES.get(shown.state, ""))
        if followed is not None and shown.state in _NOTES:
            self._follower = _Follower(self, followed, interval)

    def close(self) -> None:
        """End the following, and take the page out of the notebook."""
        if self._follower is not None:
            self._follower.stop()
            self._follower = None
        super().close()

    def __repr__(self) -> str:
        return f"<widget of the run {self._title}>"
