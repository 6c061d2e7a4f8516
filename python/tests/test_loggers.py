"""Logging of what is recorded."""

from __future__ import annotations

import gc
import glob
import io
import json
import os
import re
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import infoplane
import infoplane.loggers
from infoplane import _logging
from infoplane._logging import _unique

N = 60
LABELS = np.arange(N) % 3
QUICK = ["plug-in"]
KDE = {"kind": "kde", "noise_variances": [0.01]}


def layers(epoch: int) -> dict[str, Any]:
    rng = np.random.default_rng(epoch)
    hidden = rng.normal(size=(N, 2)) + epoch * LABELS[:, None]
    return {"fc1": np.round(hidden), "block/fc2": np.round(np.tanh(hidden), 1)}


class Kept:
    """A logger that keeps what it is told."""

    def __init__(self, fails: str = "", **settings: Any) -> None:
        self.fails = fails
        self.calls: list[tuple[str, str]] = []
        self.begun: list[tuple[str, str]] = []
        self.values: dict[int, dict[str, float]] = {}
        self.figures_of: dict[int, Any] = {}
        self.finished: list[bool] = []
        for name, value in settings.items():
            setattr(self, name, value)

    def _told(self, method: str) -> None:
        self.calls.append((method, threading.current_thread().name))
        if method == self.fails:
            raise ConnectionError("there is no network")

    def begin(self, path: str, name: str) -> None:
        self._told("begin")
        self.begun.append((path, name))

    def scalars(self, epoch: int, values: Any) -> None:
        self._told("scalars")
        assert epoch not in self.values, "an epoch is told once"
        self.values[epoch] = dict(values)

    def figure(self, epoch: int, name: str, figure: Any) -> None:
        self._told("figure")
        assert name == f"{getattr(self, 'prefix', 'infoplane')}/plane"
        self.figures_of[epoch] = figure

    def finish(self, complete: bool) -> None:
        self._told("finish")
        self.finished.append(complete)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mine"


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Figures that cost nothing, as the runs that they are of."""
    runs: list[str] = []

    def figure(run: infoplane.Run) -> str:
        runs.append(run.path)
        return "a figure"

    monkeypatch.setattr(_logging, "_figure", figure)
    monkeypatch.setattr(_logging, "can_draw", lambda: True)
    return runs


def record(path: Path, loggers: Any, epochs: Any = range(3), estimators: Any = QUICK, **more: Any) -> infoplane.Run:
    statistics = more.pop("statistics", {})
    with infoplane.Recorder(path, LABELS, estimators, loggers=loggers, **more) as recorder:
        for epoch in epochs:
            recorder.record(epoch, layers(epoch), **{name: value(epoch) for name, value in statistics.items()})
    return infoplane.load(path)


def of_table(run: infoplane.Run, epoch: int, several: bool) -> dict[str, float]:
    """What is to be logged of an epoch, by the run."""
    plane = run.plane.to_dict()
    found = {}
    for row in np.flatnonzero(plane["epoch"] == epoch):
        name = plane["layer_name"][row].replace("/", ".") + (f"/{plane['method'][row]}" if several else "")
        for column in ("i_xt_bits", "i_ty_bits"):
            if np.isfinite(plane[column][row]):
                found[f"infoplane/{column}/{name}"] = plane[column][row]
    return found


# What is logged.


@pytest.mark.parametrize("background", [False, True])
@pytest.mark.parametrize("estimators", [QUICK, [KDE, "plug-in"]], ids=["one method", "three methods"])
def test_scalars_are_the_columns_of_the_plane(path: Path, estimators: Any, background: bool, drawn: list[str]) -> None:
    kept = Kept()
    run = record(path, kept, estimators=estimators, background=background)
    assert kept.begun == [(str(path), "mine")] and kept.finished == [True]
    assert list(kept.values) == [0, 1, 2]
    for epoch, values in kept.values.items():
        assert values == pytest.approx(of_table(run, epoch, len(estimators) > 1), abs=1e-12)
    names = set(kept.values[0])
    if len(estimators) == 1:
        assert names == {f"infoplane/{column}/{layer}" for column in ("i_xt_bits", "i_ty_bits") for layer in ("fc1", "block.fc2")}
    else:
        assert "infoplane/i_ty_bits/fc1/kde-noise-variance-0.01-upper" in names and len(names) == 12


def test_each_thread_has_its_calls(path: Path, drawn: list[str]) -> None:
    kept = Kept(figures=1)
    record(path, kept)
    here = threading.current_thread().name
    assert kept.calls[0] == ("begin", here) and kept.calls[-1] == ("finish", here)
    assert kept.calls[1:-1] == [("scalars", "infoplane"), ("figure", "infoplane")] * 3


def test_what_is_missing_is_not_logged(path: Path) -> None:
    kept = Kept(figures=1)
    with infoplane.Recorder(path, LABELS, [KDE, "plug-in"], loggers=kept) as recorder:
        recorder.record(0, {"t": np.where(np.eye(N, 2) > 0, np.nan, 0.0), "u": np.eye(N, 2)})
        recorder.record(1, {"t": np.full((N, 2), np.nan), "u": np.full((N, 2), np.inf)})
    for epoch, values in kept.values.items():
        assert values == pytest.approx(of_table(infoplane.load(path), epoch, True))
    assert all(np.isfinite(value) for values in kept.values.values() for value in values.values())
    assert any("/u/kde" in name for name in kept.values[0]) and not any("/t/kde" in name for name in kept.values[0])


def test_an_epoch_is_logged_once(path: Path, drawn: list[str]) -> None:
    kept = Kept(figures=1)
    run = record(path, kept, [0, 0, 1, 0])
    assert list(kept.values) == [0, 1] and list(kept.figures_of) == [0, 1]
    assert run.plane["epoch"].tolist() == [0, 0, 1, 1]


def test_names_of_layers_are_legal_and_differ() -> None:
    given = ["fc.1", "a/b", "a.b", "conv[0]", "name#1", "#", "..", "слой 1", "x" * 300, "x" * 301, "-", "layer-6", " a/b"]
    found = _unique(dict(enumerate(given, 1)))
    assert list(found.values())[:5] == ["fc.1", "a.b", "a.b-3", "conv-0", "name-1"]
    assert found[8] == "слой 1"
    assert len(set(found.values())) == len(given)
    assert all(re.fullmatch(r"[\w.\- ]{1,110}", name) and name.strip(" .-") == name for name in found.values())


def test_statistics_are_logged_where_they_are_asked_for(path: Path, drawn: list[str]) -> None:
    without, kept = Kept(), Kept(statistics=True, prefix="held-out")
    with infoplane.Recorder(path, LABELS, QUICK, schedule=2, loggers=[without, kept]) as recorder:
        recorder.describe(0, loss=3.0)
        for epoch in range(1, 5):
            recorder.epoch(epoch, layers(epoch), loss=1 / epoch, val_acc=float("nan"), **{"learning rate/a": 0.1})
        recorder.describe(4, loss=7.0)
    assert {epoch: values["held-out/train_loss"] for epoch, values in kept.values.items()} == {
        0: 3.0, 1: 1.0, 2: 0.5, 3: pytest.approx(1 / 3), 4: 0.25,
    }  # fmt: skip
    assert kept.values[3] == {"held-out/train_loss": pytest.approx(1 / 3), "held-out/learning rate.a": 0.1}
    assert set(kept.values[4]) == {
        *(f"held-out/{column}/{layer}" for column in ("i_xt_bits", "i_ty_bits") for layer in ("fc1", "block.fc2")),
        "held-out/train_loss",
        "held-out/learning rate.a",
    }
    assert list(without.values) == [1, 2, 4] and not any("loss" in name for name in without.values[2])


# Figures.


def test_figures_show_the_plane_so_far(path: Path) -> None:
    pytest.importorskip("matplotlib")
    kept = Kept(figures=2)
    record(path, kept, range(4), [KDE])
    assert list(kept.figures_of) == [0, 2, 3], "every second one, and the last"
    for epoch, figure in kept.figures_of.items():
        panels = [axes for axes in figure.axes if axes.get_xlabel() == "I(X;T) in bits"]
        assert len(panels) == 2, "one for each method"
        for axes in panels:
            points = [c for c in axes.collections if type(c).__name__ == "PathCollection"]
            assert [len(c.get_offsets()) for c in points] == [epoch + 1] * 2
        pixels = np.asarray(figure.canvas.buffer_rgba())
        assert pixels.shape[2] == 4 and len(np.unique(pixels.reshape(-1, 4), axis=0)) > 100, "it is drawn"


def test_figures_leave_those_of_the_program_alone(path: Path) -> None:
    pytest.importorskip("matplotlib")
    program = f"""
import sys
sys.path.insert(0, {os.path.dirname(__file__)!r})
import test_loggers as tests
from pathlib import Path
kept = tests.Kept(figures=1)
tests.record(Path({str(path)!r}), kept)
assert len(kept.figures_of) == 3
assert "matplotlib.pyplot" not in sys.modules
assert not {{"tensorboard", "wandb", "mlflow", "torch"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True, timeout=300)


def test_a_resumed_run_is_drawn_whole(path: Path) -> None:
    pytest.importorskip("matplotlib")
    recorder = infoplane.Recorder(path, LABELS, QUICK, loggers=(first := Kept(figures=1, statistics=True)))
    for epoch in range(3):
        recorder.record(epoch, layers(epoch), loss=1.0)
    recorder.close()
    assert first.finished == [False] and list(first.figures_of) == [0, 1, 2]
    kept = Kept(figures=1, statistics=True)
    record(path, kept, range(2, 5), statistics={"loss": lambda _: 2.0})
    assert list(kept.values) == [3, 4], "what was recorded before is logged before"
    assert list(kept.figures_of) == [3, 4]
    points = [c for c in kept.figures_of[4].axes[0].collections if type(c).__name__ == "PathCollection"]
    assert [len(c.get_offsets()) for c in points] == [5, 5]


def test_figures_take_a_part_of_the_time(path: Path, drawn: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def slow(run: infoplane.Run) -> str:
        now[0] += 2.0
        return "a figure"

    monkeypatch.setattr(_logging, "_figure", slow)
    kept = Kept()
    with infoplane.Recorder(path, LABELS, QUICK, background=False, loggers=kept) as recorder:
        for epoch in range(400):
            recorder.record(epoch, {"t": LABELS})
            now[0] += 1.0
            drawing = 2.0 * len(kept.figures_of)
            assert drawing <= max(2.0, 0.05 * now[0])
    # The first as soon as half a second may be taken, and the last.
    epochs = list(kept.figures_of)
    assert (epochs[0], epochs[-1]) == (10, 399) and 9 <= len(epochs) <= 12


def test_figures_are_as_many_as_the_eye_can_tell_apart(path: Path, drawn: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_logging, "_SHARE", float("inf"))
    kept = Kept()
    with infoplane.Recorder(path, LABELS, QUICK, background=False, loggers=kept) as recorder:
        for epoch in range(0, 1000):
            recorder.record(epoch, {"t": LABELS})
    epochs = list(kept.figures_of)
    assert epochs[:20] == list(range(20)) and epochs[-1] == 999 and len(epochs) < 110


def test_figures_of_epochs_in_any_order(path: Path, drawn: list[str]) -> None:
    kept = Kept(figures=1)
    record(path, kept, [0, 8, 4, 6])
    assert list(kept.values) == [0, 8, 4, 6] and kept.calls.count(("figure", "infoplane")) == 4
    assert list(kept.figures_of) == [0, 8], "a figure belongs to the latest epoch in it"


def test_no_figures(path: Path, drawn: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kept(figures=0)
    record(path, kept)
    assert not drawn and not kept.figures_of
    monkeypatch.setattr(_logging, "can_draw", lambda: False)
    kept = Kept()
    record(path.with_name("other"), kept)
    assert not drawn and not kept.figures_of and list(kept.values) == [0, 1, 2]


def test_figures_that_are_asked_for_need_matplotlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(infoplane.loggers, "can_draw", lambda: False)

    class Writer:
        def add_scalar(self, *_: Any) -> None: ...

        add_image = flush = add_scalar

    with pytest.raises(ImportError, match="figures need matplotlib: pip install matplotlib"):
        infoplane.loggers.TensorBoard(Writer(), figures=1)
    infoplane.loggers.TensorBoard(Writer())


# What fails.


@pytest.mark.parametrize("background", [False, True])
@pytest.mark.parametrize("method", ["begin", "scalars", "figure", "finish"])
def test_what_fails_in_a_logger_is_told_once(path: Path, drawn: list[str], method: str, background: bool) -> None:
    broken, kept = Kept(fails=method, figures=1), Kept(figures=1)
    with pytest.warns(infoplane.InfoplaneWarning, match=r"Kept logs no more, from epoch \d on: ConnectionError: there is no n") as told:
        run = record(path, [broken, kept], range(4), background=background)
    assert len(told) == 1 and told[0].filename == __file__
    assert [name for name, _ in broken.calls].count(method) == 1, "it is not called any more"
    assert broken.calls[-1][0] == method
    assert list(kept.values) == [0, 1, 2, 3] and list(kept.figures_of) == [0, 1, 2, 3] and kept.finished == [True]
    assert run.state == "finished" and run.plane["epoch"].tolist() == [0, 0, 1, 1, 2, 2, 3, 3]


@pytest.mark.filterwarnings("error::infoplane.InfoplaneWarning")
def test_a_program_may_make_it_an_exception(path: Path, drawn: list[str]) -> None:
    recorder = infoplane.Recorder(path, LABELS, QUICK, loggers=Kept(fails="scalars"))
    recorder.record(0, layers(0))
    with pytest.raises(infoplane.InfoplaneWarning, match="there is no network"):
        recorder.wanted()
    recorder.record(1, layers(1))
    assert recorder.finish().plane["epoch"].tolist() == [0, 0, 1, 1]


def test_a_figure_that_cannot_be_drawn(path: Path, drawn: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(run: infoplane.Run) -> None:
        raise RuntimeError("no font")

    monkeypatch.setattr(_logging, "_figure", broken)
    several = [Kept(figures=1), Kept(figures=2)]
    with pytest.warns(infoplane.InfoplaneWarning, match="no more figures are logged, from epoch 0 on: RuntimeError: no font") as told:
        record(path, several)
    assert len(told) == 1
    for kept in several:
        assert list(kept.values) == [0, 1, 2] and not kept.figures_of and kept.finished == [True]


def test_an_interruption_is_not_swallowed(path: Path, drawn: list[str]) -> None:
    class Stops(Kept):
        def scalars(self, epoch: int, values: Any) -> None:
            raise KeyboardInterrupt

    recorder = infoplane.Recorder(path, LABELS, QUICK, background=False, loggers=Stops())
    with pytest.raises(KeyboardInterrupt):
        recorder.record(0, layers(0))
    recorder.close()
    assert infoplane.load(path).plane["epoch"].tolist() == [0, 0]


@pytest.mark.parametrize("background", [False, True])
def test_a_training_that_is_stopped(path: Path, drawn: list[str], background: bool) -> None:
    kept = Kept()
    with pytest.raises(ZeroDivisionError), infoplane.Recorder(path, LABELS, QUICK, background=background, loggers=kept) as recorder:
        recorder.record(0, layers(0))
        raise ZeroDivisionError
    assert kept.finished == [False] and list(kept.values) == [0] and not kept.figures_of
    recorder.close()
    assert kept.finished == [False]


def test_a_recorder_that_is_forgotten(path: Path, drawn: list[str]) -> None:
    kept = Kept()
    recorder = infoplane.Recorder(path, LABELS, QUICK, loggers=kept)
    recorder.record(0, layers(0))
    del recorder
    gc.collect()
    deadline = time.monotonic() + 30
    while not kept.finished and time.monotonic() < deadline:
        time.sleep(0.02)
    assert kept.finished == [False] and list(kept.values) == [0]


def test_a_recorder_that_records_nothing(path: Path) -> None:
    kept = Kept()
    with infoplane.Recorder(path, LABELS, QUICK, loggers=kept):
        pass
    recorder = infoplane.Recorder(path, LABELS, QUICK, loggers=kept)
    with pytest.raises(infoplane.RecordError, match="nothing was recorded"):
        recorder.finish()
    recorder.close()
    assert not kept.calls


# Arguments.


@pytest.mark.parametrize(
    ("loggers", "kind", "words"),
    [
        ("x", infoplane.RecordError, "loggers = 'x'; allowed are 'tensorboard', 'wandb', 'mlflow', a SummaryWriter, a run of wandb"),
        (["x"], infoplane.RecordError, "loggers = 'x'"),
        (5, TypeError, "loggers has a int; allowed are 'tensorboard'"),
        ([None], TypeError, "loggers has a NoneType"),
        (True, TypeError, "loggers has a bool"),
        (np, TypeError, "loggers has a module"),
        (Kept, TypeError, "loggers has the class Kept"),
        (object(), TypeError, "and objects with the methods begin, scalars, figure and finish"),
    ],
    ids=repr,
)
def test_loggers_that_are_none(path: Path, loggers: Any, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=re.escape(words)):
        infoplane.Recorder(path, LABELS, QUICK, loggers=loggers)
    assert not path.exists()


@pytest.mark.parametrize("loggers", [None, [], ()])
def test_no_loggers(path: Path, loggers: Any) -> None:
    assert record(path, loggers).state == "finished"


@pytest.mark.parametrize(
    ("settings", "kind", "words"),
    [
        ({"figures": "x"}, TypeError, "figures = 'x'; allowed are 'auto', a number n"),
        ({"figures": -1}, ValueError, "figures = -1; allowed are whole numbers from 0"),
        ({"figures": True}, TypeError, "figures = True"),
        ({"figures": 1.5}, TypeError, "figures = 1.5"),
        ({"figures": None}, TypeError, "figures = None"),
        ({"prefix": 5}, TypeError, "prefix is a int; allowed is text"),
        ({"prefix": ""}, infoplane.RecordError, "prefix = ''; allowed are up to 40 letters"),
        ({"prefix": "a//b"}, infoplane.RecordError, "prefix = 'a//b'"),
        ({"prefix": "../b"}, infoplane.RecordError, "prefix = '../b'"),
        ({"prefix": "a:b"}, infoplane.RecordError, "prefix = 'a:b'"),
        ({"statistics": "loss"}, TypeError, "statistics is a str; allowed are true and false"),
        ({"writer": 5}, TypeError, "writer is a int; allowed are a directory and a SummaryWriter"),
    ],
    ids=repr,
)
def test_arguments_of_a_logger(settings: dict[str, Any], kind: type[Exception], words: str) -> None:
    class Writer:
        def add_scalar(self, *_: Any) -> None: ...

        add_image = flush = add_scalar

    with pytest.raises(kind, match=re.escape(words)):
        infoplane.loggers.TensorBoard(**{"writer": Writer(), **settings})


@pytest.mark.parametrize(
    ("name", "module", "package"),
    [("tensorboard", "tensorboard", "tensorboard"), ("wandb", "wandb", "wandb"), ("mlflow", "mlflow", "mlflow-skinny")],
)
def test_a_product_that_is_not_installed(path: Path, monkeypatch: pytest.MonkeyPatch, name: str, module: str, package: str) -> None:
    for known in list(sys.modules):
        if known.partition(".")[0] == module:
            monkeypatch.setitem(sys.modules, known, None)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=f"pip install {package}"):
        infoplane.Recorder(path, LABELS, QUICK, loggers=name)
    assert not path.exists()


# TensorBoard.


def of_event_files(directory: Path) -> tuple[dict[str, dict[int, float]], dict[str, list[Any]]]:
    """Scalars by name and step, and images by name."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    read = EventAccumulator(str(directory), size_guidance={"images": 0, "scalars": 0})
    read.Reload()
    tags = read.Tags()
    scalars = {tag: {event.step: event.value for event in read.Scalars(tag)} for tag in tags["scalars"]}
    return scalars, {tag: read.Images(tag) for tag in tags["images"]}


def check_event_files(directory: Path, run: infoplane.Run) -> None:
    from PIL import Image

    scalars, images = of_event_files(directory)
    for epoch in range(3):
        for name, value in of_table(run, epoch, False).items():
            assert scalars[name][epoch] == pytest.approx(value, rel=1e-6)
    assert list(images) == ["infoplane/plane"]
    assert [image.step for image in images["infoplane/plane"]] == [0, 1, 2]
    for image in images["infoplane/plane"]:
        opened = Image.open(io.BytesIO(image.encoded_image_string))
        assert (image.width, image.height) == opened.size and opened.size[0] > 400


@pytest.mark.parametrize("place", ["a directory", "a path", "none"])
def test_tensorboard_without_torch(path: Path, place: str) -> None:
    pytest.importorskip("tensorboard")
    pytest.importorskip("matplotlib")
    given = {"a directory": str(path.parent / "tb"), "a path": path.parent / "tb", "none": None}[place]
    run = record(path, infoplane.loggers.TensorBoard(given, figures=1))
    check_event_files(path / "tensorboard" if given is None else Path(given), run)
    if given is None:
        # The folder is no part of the run, which opens as before.
        assert infoplane.load(path).state == "finished" and run.report()


def test_tensorboard_goes_on_in_the_same_directory(path: Path) -> None:
    pytest.importorskip("tensorboard")
    recorder = infoplane.Recorder(path, LABELS, QUICK, loggers="tensorboard")
    recorder.record(0, layers(0))
    recorder.close()
    record(path, "tensorboard", range(1, 3))
    scalars, _ = of_event_files(path / "tensorboard")
    assert list(scalars["infoplane/i_ty_bits/fc1"]) == [0, 1, 2]


def test_tensorboard_shows_an_epoch_at_once(path: Path) -> None:
    pytest.importorskip("tensorboard")
    with infoplane.Recorder(path, LABELS, QUICK, loggers=infoplane.loggers.TensorBoard(statistics=True)) as recorder:
        recorder.record(0, layers(0), loss=0.5)
        recorder.wanted()
        scalars, _ = of_event_files(path / "tensorboard")
        assert scalars["infoplane/train_loss"] == {0: 0.5}


def test_the_program_ends_with_a_recorder_that_is_not_finished(path: Path) -> None:
    pytest.importorskip("tensorboard")
    program = f"""
import numpy as np, infoplane
labels = np.arange(60) % 3
recorder = infoplane.Recorder({str(path)!r}, labels, ["plug-in"], loggers="tensorboard")
for epoch in range(4):
    recorder.record(epoch, {{"t": labels}})
"""
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert (said.returncode, said.stderr) == (0, "")
    scalars, _ = of_event_files(path / "tensorboard")
    assert list(scalars["infoplane/i_ty_bits/t"]) == [0, 1, 2, 3]


@pytest.mark.parametrize("module", ["torch.utils.tensorboard", "tensorboardX"])
def test_a_summary_writer_stays_open(path: Path, module: str) -> None:
    pytest.importorskip("matplotlib")
    writers = pytest.importorskip(module, exc_type=ImportError)
    with writers.SummaryWriter(str(path.parent / "tb")) as writer:
        writer.add_scalar("loss", 0.25, 0)
        run = record(path, [infoplane.loggers.TensorBoard(writer, figures=1)])
        record(path.with_name("other"), infoplane.loggers.TensorBoard(writer, prefix="other"))
        record(path.with_name("plain"), writer, [7])
        writer.add_scalar("loss", 0.5, 1)
    scalars, images = of_event_files(path.parent / "tb")
    assert scalars["loss"] == {0: 0.25, 1: 0.5} and len(scalars["other/i_ty_bits/fc1"]) == 3
    assert [image.step for image in images.pop("other/plane")] == [2], "the last"
    for epoch in range(3):
        for name, value in of_table(run, epoch, False).items():
            assert scalars[name][epoch] == pytest.approx(value, rel=1e-6)
    assert [image.step for image in images["infoplane/plane"]] == [0, 1, 2, 7]


# Weights & Biases.


@pytest.fixture
def wandb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    for name in ("WANDB_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_DATA_DIR"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.delenv("WANDB_PROJECT", raising=False)
    found = pytest.importorskip("wandb")
    found.teardown()  # an earlier test may have begun a session, which reads no variables any more
    yield found
    if found.run is not None:
        found.run.finish()
    found.teardown()


def of_offline_run(directory: Path) -> dict[str, Any]:
    """What a run that has ended wrote: name, project, rows of values, axes."""
    (file,) = glob.glob(str(directory / "wandb" / "offline-run-*" / "*.wandb"))
    deadline = time.monotonic() + 60
    # The file is complete some time after the run has ended.
    while "exit" not in (read := of_log(Path(file))) and time.monotonic() < deadline:
        time.sleep(0.05)
    return read


def of_log(file: Path) -> dict[str, Any]:
    from wandb.proto import wandb_internal_pb2 as proto

    read: dict[str, Any] = {"rows": [], "axes": {}, "files": file.parent / "files"}
    data, at, whole = file.read_bytes(), 7, b""
    # A log of LevelDB: blocks of 32 KiB, of parts with a header of checksum, length and kind.
    while at + 7 <= len(data):
        if 32768 - at % 32768 < 7:
            at += 32768 - at % 32768
            continue
        _, length, kind = struct.unpack_from("<IHB", data, at)
        whole += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind not in (1, 4):
            continue
        entry = proto.Record()
        entry.ParseFromString(whole)
        whole = b""
        if entry.HasField("run"):
            read["name"], read["project"] = entry.run.display_name, entry.run.project
        elif entry.HasField("history"):
            items = entry.history.item
            read["rows"].append({".".join(item.nested_key) or item.key: json.loads(item.value_json) for item in items})
        elif entry.HasField("metric"):
            read["axes"][entry.metric.name or entry.metric.glob_name] = entry.metric.step_metric
        elif entry.HasField("exit"):
            read["exit"] = entry.exit.exit_code
    return read


def check_rows(rows: list[dict[str, Any]], run: infoplane.Run) -> None:
    for epoch in range(3):
        expected = of_table(run, epoch, False)
        # The last figure may have a row of its own.
        (row,) = [row for row in rows if row.get("infoplane/epoch") == epoch and set(expected) & set(row)]
        assert {name: row[name] for name in expected} == pytest.approx(expected, abs=1e-12)


def test_a_run_of_wandb_that_infoplane_makes(path: Path, wandb: Any) -> None:
    pytest.importorskip("matplotlib")
    run = record(path, infoplane.loggers.WeightsAndBiases(figures=1))
    assert wandb.run is None
    read = of_offline_run(path.parent)
    assert (read["name"], read["project"], read["exit"]) == ("mine", "infoplane", 0)
    assert read["axes"] == {"infoplane/epoch": "", "infoplane/*": "infoplane/epoch"}
    assert len(read["rows"]) == 3
    check_rows(read["rows"], run)
    for row in read["rows"]:
        image = {name.rpartition(".")[2]: value for name, value in row.items() if name.startswith("infoplane/plane.")}
        assert image["_type"] == "image-file" and (read["files"] / image["path"]).stat().st_size == image["size"]


def test_a_run_of_wandb_that_infoplane_makes_is_there_for_the_program(path: Path, wandb: Any) -> None:
    recorder = infoplane.Recorder(path, LABELS, QUICK, loggers="wandb")
    recorder.record(0, layers(0))
    assert wandb.init() is wandb.run
    recorder.record(1, layers(1))
    recorder.wanted()
    wandb.log({"loss": 1.0})
    recorder.close()
    assert wandb.run is None
    read = of_offline_run(path.parent)
    assert [row["infoplane/epoch"] for row in read["rows"]] == [0, 1] and read["rows"][-1]["loss"] == 1.0 and read["exit"] == 1


@pytest.mark.parametrize("given", ["run", "active"])
@pytest.mark.parametrize("background", [False, True])
@pytest.mark.parametrize("steps", ["none", "epochs", "many"])
def test_no_value_is_lost_in_a_run_of_wandb(path: Path, wandb: Any, given: str, background: bool, steps: str) -> None:
    """Whatever steps the program logs with, and however often."""
    mine = wandb.init(project="mine", name="ours")
    with infoplane.Recorder(path, LABELS, QUICK, background=background, loggers=mine if given == "run" else "wandb") as recorder:
        for epoch in range(3):
            for part in range({"none": 1, "epochs": 0, "many": 40}[steps]):
                mine.log({"batch": 100 * epoch + part})
            step = {"step": epoch} if steps == "epochs" else {}
            mine.log({"before": epoch}, **step)
            recorder.record(epoch, layers(epoch))
            if background:
                recorder.wanted()  # waits
            mine.log({"after": epoch}, **step)
            recorder.describe(epoch, loss=1.0)
    assert wandb.run is mine
    mine.log({"after": 3}, **({"step": 3} if steps == "epochs" else {}))
    mine.finish()
    read = of_offline_run(path.parent)
    assert read["name"] == "ours"
    check_rows(read["rows"], infoplane.load(path))
    for name, last in (("before", 3), ("after", 4)):
        assert [row[name] for row in read["rows"] if name in row] == list(range(last))


def test_a_run_of_wandb_that_ended(path: Path, wandb: Any) -> None:
    mine = wandb.init(project="mine")
    recorder = infoplane.Recorder(path, LABELS, QUICK, loggers=mine)
    recorder.record(0, layers(0))
    recorder.wanted()
    mine.finish()
    with pytest.warns(infoplane.InfoplaneWarning, match="WeightsAndBiases logs no more, from epoch 1 on: UsageError"):
        recorder.record(1, layers(1))
        assert recorder.finish().plane["epoch"].tolist() == [0, 0, 1, 1]


def test_what_is_no_run_of_wandb() -> None:
    with pytest.raises(TypeError, match="run is a int; allowed are runs that wandb.init returns"):
        infoplane.loggers.WeightsAndBiases(5)


# MLflow.


@pytest.fixture
def mlflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    # The only store that needs no database.
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME", raising=False)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    found = pytest.importorskip("mlflow")
    before = found.get_tracking_uri()
    found.set_tracking_uri((tmp_path / "mlruns").as_uri())
    yield found
    while found.active_run() is not None:
        found.end_run()
    found.set_tracking_uri(before)


def check_run_of_mlflow(client: Any, run_id: str, run: infoplane.Run) -> None:
    for epoch in range(3):
        for name, value in of_table(run, epoch, False).items():
            (metric,) = [metric for metric in client.get_metric_history(run_id, name) if metric.step == epoch]
            assert metric.value == pytest.approx(value, abs=1e-12)


def steps_of_images(client: Any, run_id: str) -> list[int]:
    names = [os.path.basename(file.path) for file in client.list_artifacts(run_id, "images")]
    return sorted(int(re.search(r"plane.step.(\d+)", name)[1]) for name in names if name.endswith(".png"))  # type: ignore[index]


def test_a_run_of_mlflow_that_infoplane_makes(path: Path, mlflow: Any) -> None:
    pytest.importorskip("matplotlib")
    for name in ("mine", "other"):
        run = record(path.with_name(name), infoplane.loggers.MLflow(figures=1))
    assert mlflow.active_run() is None
    client = mlflow.MlflowClient()
    experiment = client.get_experiment_by_name("infoplane")
    found = {one.info.run_name: one for one in client.search_runs([experiment.experiment_id])}
    assert set(found) == {"mine", "other"} and {one.info.status for one in found.values()} == {"FINISHED"}
    check_run_of_mlflow(client, found["other"].info.run_id, run)
    assert steps_of_images(client, found["other"].info.run_id) == [0, 1, 2]


def test_a_training_that_is_stopped_is_told_to_mlflow(path: Path, mlflow: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "ours")
    recorder = infoplane.Recorder(path, LABELS, QUICK, loggers="mlflow")
    recorder.record(0, layers(0))
    recorder.close()
    client = mlflow.MlflowClient()
    (found,) = client.search_runs([client.get_experiment_by_name("ours").experiment_id])
    assert found.info.status == "KILLED" and "infoplane/i_ty_bits/fc1" in found.data.metrics


@pytest.mark.parametrize("given", ["run", "id", "active", "client"])
def test_a_run_of_mlflow_stays_open(path: Path, mlflow: Any, given: str) -> None:
    with mlflow.start_run() as mine:
        run_id, client = mine.info.run_id, mlflow.MlflowClient()
        if given == "client":
            # Of a trainer whose server is not that of the program.
            mlflow.end_run()
            mlflow.set_tracking_uri((path.parent / "others").as_uri())
        loggers: Any = {
            "run": lambda: mine,
            "id": lambda: infoplane.loggers.MLflow(run_id),
            "active": lambda: "mlflow",
            "client": lambda: infoplane.loggers.MLflow(run_id, client=client),
        }[given]()
        run = record(path, loggers)
        assert client.get_run(run_id).info.status == ("FINISHED" if given == "client" else "RUNNING")
    check_run_of_mlflow(client, run_id, run)


def test_the_active_run_of_mlflow_is_that_of_the_thread_that_trains(path: Path, mlflow: Any) -> None:
    recorder = infoplane.Recorder(path, LABELS, QUICK, loggers="mlflow")
    with mlflow.start_run() as mine:
        recorder.record(0, layers(0))
    with mlflow.start_run() as other:
        recorder.record(1, layers(1))
        recorder.finish()
    client = mlflow.MlflowClient()
    assert [metric.step for metric in client.get_metric_history(mine.info.run_id, "infoplane/i_ty_bits/fc1")] == [0, 1]
    assert not client.get_run(other.info.run_id).data.metrics


def test_names_that_mlflow_takes(path: Path, mlflow: Any) -> None:
    names = ["fc.1", "a", "a/b", "a/b/c", "conv[0]", "name#1", "..", "слой", "x" * 300]
    loggers = infoplane.loggers.MLflow(prefix="a b/c-d_e.f")
    with infoplane.Recorder(path, LABELS, [KDE, {"kind": "binned", "rule": "floor", "bin_width": 0.5}], loggers=loggers) as recorder:
        recorder.record(0, dict.fromkeys(names, layers(0)["fc1"]))
    client = mlflow.MlflowClient()
    (found,) = client.search_runs([client.get_experiment_by_name("infoplane").experiment_id])
    assert len(found.data.metrics) == len(names) * 3 * 2


def test_many_layers_in_mlflow(path: Path, mlflow: Any, drawn: list[str]) -> None:
    with infoplane.Recorder(path, LABELS, QUICK, loggers=infoplane.loggers.MLflow(figures=0)) as recorder:
        recorder.record(0, {f"t{place}": LABELS for place in range(600)})
    client = mlflow.MlflowClient()
    (found,) = client.search_runs([client.get_experiment_by_name("infoplane").experiment_id])
    assert len(found.data.metrics) == 1200


def test_what_is_no_run_of_mlflow(mlflow: Any) -> None:
    with pytest.raises(TypeError, match="run is a int; allowed are runs of mlflow and their ids"):
        infoplane.loggers.MLflow(5)
    with pytest.raises(TypeError, match="client is a int; allowed is an MlflowClient"):
        infoplane.loggers.MLflow("id", client=5)


# Callbacks.


@pytest.mark.filterwarnings("ignore")
def test_loggers_of_keras(path: Path, drawn: list[str]) -> None:
    keras = pytest.importorskip("keras")
    import infoplane.keras

    inputs = np.random.default_rng(0).normal(size=(N, 4)).astype(np.float32)
    model = keras.Sequential([keras.layers.Dense(3, activation="tanh", name="fc1"), keras.layers.Dense(3, name="fc2")])
    model.compile(optimizer="sgd", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    kept = Kept(statistics=True)
    callback = infoplane.keras.Callback(inputs, LABELS, run=path, estimators=[KDE], loggers=kept)
    with pytest.raises(TypeError, match="loggers has a int"):
        infoplane.keras.Callback(inputs, LABELS, run=path, estimators=[KDE], loggers=5)
    model.fit(inputs, LABELS, epochs=2, verbose=0, callbacks=[callback])
    assert list(kept.values) == [0, 1, 2] and kept.finished == [True] and list(kept.figures_of) == [2]
    assert {name.split("/")[2] for name in kept.values[0]} == {"fc1", "fc2"} and "infoplane/train_loss" in kept.values[1]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("given", ["a logger", "one of Lightning", "those of the trainer"])
def test_loggers_of_lightning(path: Path, given: str, drawn: list[str]) -> None:
    torch = pytest.importorskip("torch")
    lightning = pytest.importorskip("lightning.pytorch")
    pytest.importorskip("tensorboard")
    import infoplane.lightning

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.fc = torch.nn.Linear(4, 3)

        def forward(self, x: Any) -> Any:
            return self.fc(x)

        def training_step(self, batch: Any, _: int) -> Any:
            return torch.nn.functional.cross_entropy(self(batch[0]), batch[1])

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), 0.1)

    generator = torch.Generator().manual_seed(0)
    inputs, labels = torch.randn(N, 4, generator=generator), torch.from_numpy(LABELS)
    theirs = lightning.loggers.TensorBoardLogger(path.parent, name="tb", version="a")
    table = lightning.loggers.CSVLogger(path.parent, name="csv")
    kept = Kept()
    loggers: Any = {"a logger": kept, "one of Lightning": [theirs, kept], "those of the trainer": True}[given]
    callback = infoplane.lightning.Callback(inputs, labels, run=path, estimators=QUICK, loggers=loggers)
    with pytest.raises(TypeError, match="loggers has a CSVLogger"):
        infoplane.lightning.Callback(inputs, labels, run=path, estimators=QUICK, loggers=table)
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(inputs, labels), batch_size=20)
    trainer = lightning.Trainer(
        max_epochs=2,
        callbacks=[callback],
        logger=[theirs, table],
        accelerator="cpu",
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
    )
    if given != "a logger":
        import unittest.mock

        with unittest.mock.patch.object(_logging, "_figure", lambda run: _Drawn()):
            trainer.fit(Module(), loader)
        scalars, images = of_event_files(path.parent / "tb" / "a")
        assert list(scalars["infoplane/i_ty_bits/fc"]) == [0, 1, 2]
        assert [image.step for image in images["infoplane/plane"]] == [2]
    else:
        trainer.fit(Module(), loader)
    if given != "those of the trainer":
        assert list(kept.values) == [0, 1, 2] and kept.finished == [True]


class _Drawn:
    """As a figure that is drawn."""

    @property
    def canvas(self) -> _Drawn:
        return self

    def buffer_rgba(self) -> Any:
        return np.zeros((4, 5, 4), dtype=np.uint8)


@pytest.mark.filterwarnings("ignore")
def test_loggers_of_transformers(path: Path, drawn: list[str]) -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("accelerate")
    import infoplane.huggingface

    class Model(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = torch.nn.Linear(4, 3)

        def forward(self, inputs: Any, labels: Any = None) -> Any:
            logits = self.fc(inputs)
            return {"logits": logits} if labels is None else {"loss": torch.nn.functional.cross_entropy(logits, labels), "logits": logits}

    inputs = np.random.default_rng(0).normal(size=(N, 4)).astype(np.float32)
    dataset = [{"inputs": torch.from_numpy(row), "labels": int(label)} for row, label in zip(inputs, LABELS, strict=True)]
    kept = Kept()
    callback = infoplane.huggingface.Callback(dataset, run=path, estimators=QUICK, loggers=kept)
    arguments = transformers.TrainingArguments(
        output_dir=str(path.parent / "out"), num_train_epochs=2, report_to=[], use_cpu=True, save_strategy="no", disable_tqdm=True
    )
    transformers.Trainer(Model(), arguments, train_dataset=dataset, callbacks=[callback]).train()
    assert list(kept.values) == [0, 1, 2] and kept.finished == [True]
