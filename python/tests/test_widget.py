"""The widget of a run, without a browser."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import infoplane

pytest.importorskip("anywidget")

from infoplane import _widget

N = 60
LABELS = np.arange(N) % 3
#: A test fails when what it waits for does not come about; where other programs are at work that may take a while.
LONG = 120.0
#: Seconds between two looks.
SHORT = 0.01


def until(condition: Callable[[], Any]) -> None:
    end = time.monotonic() + LONG
    while not condition():
        assert time.monotonic() < end, "what is waited for does not come about"
        time.sleep(0.002)


def followers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "infoplane widget"]


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    _widget._stop_all()
    assert followers() == []


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mine"


def hidden(epoch: int, width: int = 2) -> Any:
    rng = np.random.default_rng(epoch)
    return rng.normal(size=(N, width)) + epoch * LABELS[:, None]


def recorder_of(path: Path, epochs: int, layer: str = "t") -> infoplane.Recorder:
    """A recorder that has measured so many epochs and goes on."""
    recorder = infoplane.Recorder(path, LABELS, {"kind": "kde", "noise_variances": [0.1]}, background=False)
    for epoch in range(epochs):
        recorder.record(epoch, {layer: hidden(epoch)}, loss=1.0)
    return recorder


def finished(path: Path) -> infoplane.Run:
    return recorder_of(path, 2).finish()


def shown(widget: Any) -> Any:
    """The run of a widget's page."""
    (run,) = json.loads(widget.content)["runs"]
    return run


def points(widget: Any) -> list[tuple[int, float, float]]:
    """Epochs and values of the first path."""
    figure = next(figure for figure in shown(widget)["figures"] if figure["kind"] == "plane")
    series = next(series for series in figure["panels"][0]["series"] if series["kind"] == "path")
    # Series name their columns, each of which a page has once.
    columns = json.loads(widget.content)["columns"]
    return list(zip(*(columns[series[name]] for name in ("epochs", "x", "y")), strict=True))


def page_of(path: Path) -> str:
    return infoplane.load(path)._native.page_values()


# What it shows.


def test_a_finished_run_is_shown_and_not_followed(path: Path) -> None:
    widget = finished(path).widget(height=400)
    assert widget.content == page_of(path)
    assert (widget.height, widget.note) == (400, "")
    assert followers() == []
    assert shown(widget)["state"] == "finished"
    assert repr(widget) == f"<widget of the run 'mine' in {path}>"
    state = widget.get_state()
    assert "export default { render };" in state["_esm"]
    assert ".infoplane-widget" in state["_css"]
    assert infoplane.load(path).widget().height == 820


def test_it_is_what_a_notebook_shows(path: Path) -> None:
    widget = finished(path).widget()
    bundle = widget._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == widget.model_id


def test_a_finished_run_is_shown_without_its_directory(path: Path) -> None:
    run = finished(path)
    shutil.rmtree(path)
    assert shown(run.widget())["name"] == "mine"


def test_a_run_that_goes_on_needs_its_directory(path: Path) -> None:
    recorder = recorder_of(path, 1)
    run = infoplane.load(path)
    recorder.close()
    shutil.rmtree(path)
    with pytest.raises(infoplane.RunError, match="mine"):
        run.widget()


# How it follows.


def test_it_follows_a_recorder_to_the_end(path: Path) -> None:
    recorder = recorder_of(path, 1)
    run = infoplane.load(path)
    widget = run.widget(interval=SHORT)
    assert widget.note == "Live: follows the run."
    assert [epoch for epoch, _, _ in points(widget)] == [0]
    for epoch in range(1, 4):
        recorder.record(epoch, {"t": hidden(epoch)}, loss=1.0)
        until(lambda epoch=epoch: points(widget)[-1][0] == epoch)
    assert shown(widget)["state"] == "running"
    recorder.finish()
    until(lambda: not followers())
    assert widget.content == page_of(path)
    assert (shown(widget)["state"], widget.note) == ("finished", "")
    # The user's own tables change when the user says so.
    assert set(run.plane["epoch"]) == {0}
    assert run.follow()
    plane = run.plane
    for epoch, x, y in points(widget):
        (row,) = np.flatnonzero((plane["epoch"] == epoch) & (plane["bound"] == "upper"))
        assert (x, y) == pytest.approx((plane["i_xt_bits"][row], plane["i_ty_bits"][row]), rel=1e-8)


def test_it_follows_while_the_main_thread_is_busy(path: Path) -> None:
    recorder = recorder_of(path, 1)
    widget = infoplane.load(path).widget(interval=SHORT)
    first = widget.content
    recorder.record(1, {"t": hidden(1)}, loss=1.0)
    end = time.monotonic() + LONG
    while widget.content == first:
        sum(range(1000))
        assert time.monotonic() < end, "it is not followed"
    recorder.close()


def test_what_has_been_finished_since_it_was_read_is_shown_as_it_is(path: Path) -> None:
    recorder = recorder_of(path, 1)
    run = infoplane.load(path)
    recorder.finish()
    assert run.state == "running"
    widget = run.widget()
    assert (shown(widget)["state"], widget.note, followers()) == ("finished", "", [])


def test_a_relative_path_is_that_of_the_beginning(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = recorder_of(path, 1)
    monkeypatch.chdir(path.parent)
    widget = infoplane.load("mine").widget(interval=SHORT)
    monkeypatch.chdir(Path(__file__).parent)
    recorder.finish()
    until(lambda: not followers())
    assert shown(widget)["state"] == "finished"


def test_an_interrupted_run_is_followed_once_it_goes_on(path: Path) -> None:
    recorder = recorder_of(path, 1)
    widget = infoplane.load(path).widget(interval=SHORT)
    recorder.close()
    until(lambda: widget.note.startswith("Interrupted: "))
    assert shown(widget)["state"] == "interrupted"
    recorder = recorder_of(path, 2)
    until(lambda: widget.note.startswith("Live: "))
    assert points(widget)[-1][0] == 1
    recorder.finish()
    until(lambda: not followers())
    assert shown(widget)["state"] == "finished"


def test_a_run_that_is_gone_stays_as_it_was(path: Path) -> None:
    recorder = recorder_of(path, 2)
    widget = infoplane.load(path).widget(interval=SHORT)
    before = widget.content
    path.rename(path.with_name("elsewhere"))
    until(lambda: not followers())
    assert widget.content == before
    assert widget.note.startswith("No longer followed, the page is as it was: ")
    assert str(path) in widget.note
    recorder.close()


def test_another_run_in_the_same_directory_is_read_anew(path: Path) -> None:
    recorder_of(path, 3).close()
    followed = _widget.Followed(str(path))
    assert not followed.look()
    shutil.rmtree(path)
    recorder_of(path, 1, layer="other").close()
    assert followed.look()
    assert followed.run.page_values() == page_of(path)
    assert "other" in page_of(path)


def test_what_fails_in_a_program_that_observes_it_is_told_in_the_note(path: Path) -> None:
    recorder = recorder_of(path, 1)
    widget = infoplane.load(path).widget(interval=SHORT)

    def fail(_: object) -> None:
        raise ValueError("of the program")

    widget.observe(fail, "content")
    recorder.finish()
    until(lambda: not followers())
    assert widget.note == "No longer followed, the page is as it was: of the program"


@pytest.mark.parametrize(
    ("interval", "took", "state", "expected"),
    [
        (1.0, 0.0, "running", 1.0),
        (1.0, 0.05, "running", 1.0),
        (1.0, 0.5, "running", 5.0),
        (0.1, 0.0, "interrupted", 1.0),
        (0.1, 0.5, "interrupted", 50.0),
        (1e300, 0.0, "running", threading.TIMEOUT_MAX),
    ],
)
def test_looking_takes_a_small_part_of_the_time(interval: float, took: float, state: str, expected: float) -> None:
    assert _widget.pause(interval, took, state) == pytest.approx(expected)


# How it ends.


def test_a_closed_widget_leaves_no_thread(path: Path) -> None:
    recorder = recorder_of(path, 1)
    widget = infoplane.load(path).widget(interval=1000)
    assert len(followers()) == 1
    widget.close()
    assert followers() == []
    widget.close()
    recorder.close()


def test_it_may_be_closed_by_a_program_that_observes_it(path: Path) -> None:
    recorder = recorder_of(path, 1)
    widget = infoplane.load(path).widget(interval=SHORT)
    widget.observe(lambda _: widget.close(), "content")
    recorder.record(1, {"t": hidden(1)}, loss=1.0)
    until(lambda: not followers())
    assert widget.comm is None
    recorder.close()


def test_it_ends_when_the_notebook_closes_it(path: Path) -> None:
    recorder = recorder_of(path, 1)
    widget = infoplane.load(path).widget(interval=SHORT)
    widget.comm.close()
    until(lambda: not followers())
    recorder.close()


def program(source: str) -> str:
    """What a program of its own prints; it says nothing else."""
    said = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=LONG)
    assert (said.returncode, said.stderr) == (0, "")
    return said.stdout


def test_it_ends_with_the_interpreter(path: Path) -> None:
    said = program(f"""
import numpy as np, infoplane
labels = np.arange(60) % 3
recorder = infoplane.Recorder({str(path)!r}, labels, ["plug-in"])
recorder.record(0, {{"t": labels}})
widgets = [infoplane.load({str(path)!r}).widget(interval=interval) for interval in (1e-6, 1000)]
print(widgets[0].note)
""")
    assert said == "Live: follows the run.\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes do not fork here")
def test_a_child_leaves_the_widget_of_its_parent_alone(path: Path) -> None:
    said = program(f"""
import os, sys, warnings
import numpy as np, infoplane
warnings.simplefilter("ignore", DeprecationWarning)  # Python advises against a fork beside threads
labels = np.arange(60) % 3
recorder = infoplane.Recorder({str(path)!r}, labels, ["plug-in"])
recorder.record(0, {{"t": labels}})
widget = infoplane.load({str(path)!r}).widget(interval=0.001)
child = os.fork()
if child == 0:
    sys.exit(0)  # with all that is done at the end of a program
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
recorder.finish()
widget._follower._thread.join()
print(widget.note == "" and '"finished"' in widget.content)
""")
    assert said == "True\n"


# What is asked for wrongly.


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"height": 0}, ValueError, "height = 0; allowed are whole numbers from 1"),
        ({"height": -5}, ValueError, "height = -5; allowed are whole numbers from 1"),
        ({"height": 820.0}, TypeError, "height = 820.0 is a float; allowed are whole numbers from 1"),
        ({"height": True}, TypeError, "height = True is a bool; allowed are whole numbers from 1"),
        ({"height": "tall"}, TypeError, "height = 'tall' is a str; allowed are whole numbers from 1"),
        ({"height": None}, TypeError, "height = None is a NoneType; allowed are whole numbers from 1"),
        ({"interval": 0}, ValueError, "interval = 0; allowed are numbers of seconds above 0"),
        ({"interval": -1.5}, ValueError, "interval = -1.5; allowed are numbers of seconds above 0"),
        ({"interval": float("nan")}, ValueError, "interval = nan; allowed are numbers of seconds above 0"),
        ({"interval": float("inf")}, ValueError, "interval = inf; allowed are numbers of seconds above 0"),
        ({"interval": 10**400}, ValueError, "interval = inf; allowed are numbers of seconds above 0"),
        ({"interval": True}, TypeError, "interval = True is a bool; allowed are numbers of seconds above 0"),
        ({"interval": "1"}, TypeError, "interval = '1' is a str; allowed are numbers of seconds above 0"),
        ({"interval": None}, TypeError, "interval = None is a NoneType; allowed are numbers of seconds above 0"),
    ],
)
def test_wrong_arguments(path: Path, given: dict[str, Any], error: type[Exception], message: str) -> None:
    run = finished(path)
    with pytest.raises(error) as told:
        run.widget(**given)
    assert str(told.value) == message


@pytest.mark.parametrize("given", [1, 0.5, np.float32(0.5), np.int64(2), Fraction(1, 2)])
def test_numbers_of_seconds(path: Path, given: Any) -> None:
    finished(path).widget(interval=given, height=np.int64(300))


def test_it_says_what_it_needs(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = finished(path)
    monkeypatch.delitem(sys.modules, "infoplane._widget")
    monkeypatch.setitem(sys.modules, "anywidget", None)
    with pytest.raises(ImportError, match=r'pip install "infoplane\[widget\]"'):
        run.widget()
