"""Recording of what any program trains."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import infoplane
from infoplane import _recorder

N = 60
LABELS = np.arange(N) % 3
KDE = {"kind": "kde", "noise_variances": [0.01, 0.1]}
FLOOR = {"kind": "binned", "rule": "floor", "bin_width": 0.5}
QUICK = ["plug-in"]


def hidden(epoch: int, width: int = 3, kind: Any = np.float64) -> Any:
    rng = np.random.default_rng(epoch)
    return (rng.normal(size=(N, width)) + epoch * LABELS[:, None]).astype(kind)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run"


def record(path: Path, epochs: Any, background: bool = True, **more: Any) -> infoplane.Run:
    with infoplane.Recorder(path, LABELS, more.pop("estimators", QUICK), background=background, **more) as recorder:
        for epoch in epochs:
            recorder.record(epoch, {"t": hidden(epoch)})
    return infoplane.load(path)


@pytest.mark.parametrize("background", [False, True])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_planes_are_those_of_layer_information(path: Path, kind: Any, background: bool) -> None:
    estimators = [infoplane.Kde(noise_variances=[0.01, 0.1]), FLOOR, "plug-in", {"kind": "noise", "noise_variances": [0.1]}]
    with infoplane.Recorder(path, LABELS, estimators, background=background) as recorder:
        for epoch in range(3):
            recorder.record(epoch, {"first": hidden(epoch, 2, kind), "second": np.tanh(hidden(epoch, 1, kind))})
    rows = infoplane.load(path).plane.to_dict()
    seen = 0
    for epoch in range(3):
        layers = [hidden(epoch, 2, kind), np.tanh(hidden(epoch, 1, kind))]
        for layer, t in enumerate(layers, 1):
            for estimator in estimators:
                for reading in infoplane.layer_information(t, LABELS, estimator):
                    here = (rows["epoch"] == epoch) & (rows["layer"] == layer) & (rows["setting"] == reading.setting)
                    here &= (rows["estimator"] == reading.i_xt.estimator) & (rows["bound"] == reading.bound)
                    (place,) = np.flatnonzero(here)
                    assert rows["i_xt_bits"][place] == pytest.approx(reading.i_xt.bits, abs=1e-12)
                    assert rows["i_ty_bits"][place] == pytest.approx(reading.i_ty.bits, abs=1e-12)
                    if not np.isnan(rows["i_ty_shuffled_bits"][place]):
                        assert reading.i_ty_shuffled is not None
                        assert rows["i_ty_shuffled_bits"][place] == pytest.approx(reading.i_ty_shuffled.bits, abs=1e-12)
                    seen += 1
    assert seen == len(rows["epoch"]) == 3 * 2 * 7


def test_layers_may_change_once_they_are_recorded(path: Path) -> None:
    """Programs use their arrays again while these are measured."""
    reused, transposed = np.empty((2000, 10)), np.empty((10, 2000), dtype=np.float32)
    labels = np.arange(2000) % 2
    for background in (False, True):
        rng = np.random.default_rng(0)
        with infoplane.Recorder(path / str(background), labels, [KDE], background=background) as recorder:
            for epoch in range(4):
                reused[:] = rng.normal(size=reused.shape) + 0.3 * epoch * labels[:, None]
                transposed[:] = reused.T
                recorder.record(epoch, {"a": reused, "b": transposed.T, "c": reused[:, ::2]})
                reused[:] = transposed[:] = 0.0
    planes = [infoplane.load(path / str(background)).plane for background in (False, True)]
    for column in ("i_xt_bits", "i_ty_bits"):
        assert np.array_equal(planes[0][column], planes[1][column])
    assert planes[0]["i_ty_bits"].max() > 0.1


def test_inputs_and_labels_of_other_kinds(path: Path) -> None:
    t = {"t": np.repeat(np.arange(N // 2), 2)}
    forms = [LABELS, np.array(["a", "b", "c"])[LABELS], np.eye(3)[LABELS], LABELS.tolist(), LABELS.astype(float)]
    for place, labels in enumerate(forms):
        with infoplane.Recorder(path / str(place), labels, QUICK, inputs=np.repeat(np.arange(N // 2), 2)) as recorder:
            recorder.record(0, t)
    planes = [infoplane.load(path / str(place)).plane for place in range(len(forms))]
    assert len({(plane["i_xt_bits"][0], plane["i_ty_bits"][0]) for plane in planes}) == 1
    assert planes[0]["i_xt_bits"][0] == pytest.approx(np.log2(N // 2))


def test_estimators_in_every_form(path: Path) -> None:
    forms = ["plug-in", ["plug-in"], ("plug-in",), infoplane.PlugIn(), [infoplane.PlugIn], {"kind": "plug-in"}]
    for place, estimators in enumerate(forms):
        with infoplane.Recorder(path / str(place), LABELS, estimators) as recorder:
            recorder.record(0, {"t": LABELS})
        assert set(infoplane.load(path / str(place)).plane["estimator"]) == {"plug-in"}


# Feature maps and sequences.


@pytest.mark.parametrize(
    ("positions", "channels_last", "shape", "expected"),
    [
        ("flatten", False, (N, 2, 3, 4), {"t": lambda a: a.reshape(N, -1)}),
        ("flatten", False, (N, 5), {"t": lambda a: a}),
        ("flatten", False, (N,), {"t": lambda a: a[:, None]}),
        ("mean", False, (N, 2, 3, 4), {"t": lambda a: a.mean(axis=(2, 3))}),
        ("mean", True, (N, 2, 3, 4), {"t": lambda a: a.mean(axis=(1, 2))}),
        ("mean", False, (N, 5, 4), {"t": lambda a: a.mean(axis=1)}),
        ("mean", False, (N, 4), {"t": lambda a: a}),
        ("channels", False, (N, 2, 6), {f"t[{c}]": lambda a, c=c: a[:, :, c] for c in range(6)}),
        ("channels", False, (N, 2, 3, 4), {f"t[{c}]": lambda a, c=c: a[:, c].reshape(N, -1) for c in range(2)}),
        ("channels", True, (N, 3, 4, 2), {f"t[{c}]": lambda a, c=c: a[..., c].reshape(N, -1) for c in range(2)}),
        (0, False, (N, 2, 3, 4), {"t": lambda a: a[:, :, 0, 0]}),
        (-1, False, (N, 2, 3, 4), {"t": lambda a: a[:, :, -1, -1]}),
        (np.int64(1), True, (N, 3, 4, 2), {"t": lambda a: a[:, 0, 1, :]}),
        (-1, False, (N, 5, 4), {"t": lambda a: a[:, -1, :]}),
        (2, False, (N, 5), {"t": lambda a: a}),
    ],
)
def test_positions(
    path: Path, monkeypatch: pytest.MonkeyPatch, positions: Any, channels_last: bool, shape: Any, expected: dict[str, Any]
) -> None:
    seen: dict[str, Any] = {}
    real = infoplane.Recorder._record

    def spy(self: Any, epoch: int, layers: Any, *rest: Any) -> None:
        seen.update(layers)
        real(self, epoch, layers, *rest)

    monkeypatch.setattr(infoplane.Recorder, "_record", spy)
    values = np.random.default_rng(0).normal(size=shape)
    with infoplane.Recorder(path, LABELS, QUICK, positions=positions, channels_last=channels_last) as recorder:
        recorder.record(0, {"t": values})
    assert list(seen) == list(expected)
    for name, rows in seen.items():
        assert np.allclose(rows, expected[name](values), rtol=1e-12, atol=0)
    assert list(infoplane.load(path).plane["layer_name"]) == list(expected)


def test_a_position_that_is_not_there(path: Path) -> None:
    for position in (5, -6):
        with pytest.raises(infoplane.RecordError, match=rf"t: position {position} of 5; allowed is -5 to 4"):
            infoplane.Recorder(path, LABELS, QUICK, positions=position).record(0, {"t": np.zeros((N, 5, 4))})
    assert not path.exists()


# Schedules.


def test_every_nth_epoch(path: Path) -> None:
    with infoplane.Recorder(path, LABELS, QUICK, schedule=3) as recorder:
        done = [recorder.epoch(epoch, {"t": hidden(epoch)}, loss=1.0 / (epoch + 1)) for epoch in range(8)]
        recorder.finish(last=7)
    run = infoplane.load(path)
    assert done == [epoch % 3 == 0 for epoch in range(8)]
    assert run.plane["epoch"].tolist() == [0, 3, 6]
    assert run.training["epoch"].tolist() == list(range(8))
    assert run.training["train_loss"].tolist() == pytest.approx([1 / (epoch + 1) for epoch in range(8)])


@pytest.mark.parametrize("schedule", [[0, 2, 5], range(0, 6, 5), np.array([0, 5, 2]), {"kind": "list", "epochs": (0, 5)}])
def test_lists_of_epochs(path: Path, schedule: Any) -> None:
    wanted = set(schedule["epochs"] if isinstance(schedule, dict) else map(int, schedule))
    with infoplane.Recorder(path, LABELS, QUICK, schedule=schedule) as recorder:
        for epoch in range(7):
            recorder.epoch(epoch, {"t": hidden(epoch)})
    assert set(infoplane.load(path).plane["epoch"]) == wanted


def test_log_spaced_epochs(path: Path) -> None:
    schedule = {"kind": "log-spaced", "points": 4}
    with infoplane.Recorder(path, LABELS, QUICK, schedule=schedule, epochs=100) as recorder:
        for epoch in range(101):
            recorder.epoch(epoch, {"t": LABELS})
    epochs = infoplane.load(path).plane["epoch"].tolist()
    assert epochs[0] == 0 and epochs[-1] == 100 and len(epochs) == 4


def test_a_schedule_that_skips_what_does_not_change(path: Path) -> None:
    schedule = {"kind": "delta-approximate", "delta": 0.05}
    with infoplane.Recorder(path, LABELS, QUICK, schedule=schedule) as recorder:
        for epoch in range(40):
            recorder.epoch(epoch, {"t": LABELS})
        assert all(epoch > 39 for epoch in recorder.wanted())
    assert 2 <= len(infoplane.load(path).plane) < 12


def test_a_schedule_that_goes_back(path: Path) -> None:
    layers = {epoch: {"t": LABELS * (epoch >= 7)} for epoch in range(16)}
    with infoplane.Recorder(path, LABELS, QUICK, schedule={"kind": "delta-exact", "delta": 0.05}, epochs=15) as recorder:
        for epoch in range(16):
            recorder.epoch(epoch, layers[epoch])
        while recorder.wanted():
            epoch = recorder.wanted()[0]
            assert epoch <= 15 and recorder.wants(epoch)
            recorder.record(epoch, layers[epoch])
    assert {6, 7} <= set(infoplane.load(path).plane["epoch"])


# Runs that go on.


def test_a_run_goes_on(path: Path) -> None:
    recorder = infoplane.Recorder(path, LABELS, [KDE])
    for epoch in range(3):
        recorder.record(epoch, {"t": hidden(epoch)}, loss=epoch)
    recorder.close()
    assert infoplane.load(path).state == "interrupted"
    with infoplane.Recorder(str(path), LABELS.tolist(), KDE) as again:
        for epoch in range(2, 5):
            again.record(epoch, {"t": hidden(epoch)}, loss=epoch)
    whole = record(path.with_name("whole"), range(5), estimators=[KDE])
    found = infoplane.load(path)
    assert found.state == "finished"
    assert found.training["train_loss"].tolist() == [0, 1, 2, 3, 4]
    for column in ("epoch", "i_xt_bits", "i_ty_bits"):
        assert np.array_equal(found.plane[column], whole.plane[column])


def test_the_same_epoch_twice_is_recorded_once(path: Path) -> None:
    with infoplane.Recorder(path, LABELS, QUICK) as recorder:
        recorder.record(0, {"t": LABELS}, loss=1.0)
        recorder.record(0, {"t": LABELS * 0}, loss=2.0)
    run = infoplane.load(path)
    assert len(run.plane) == 1 and run.plane["i_ty_bits"][0] == pytest.approx(np.log2(3))
    assert run.training["train_loss"].tolist() == [1.0]


def test_epochs_in_any_order(path: Path) -> None:
    assert record(path, [5, 2, 9]).plane["epoch"].tolist() == [2, 5, 9]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"labels": np.roll(LABELS, 1)}, "labels or inputs are others"),
        ({"inputs": LABELS}, "labels or inputs are others"),
        ({"estimators": ["miller-madow"]}, "measured with other estimators"),
        ({"layers": {"other": hidden(1)}}, "records something else"),
        ({"layers": {"t": hidden(1, 2)}}, "records something else"),
    ],
    ids=repr,
)
def test_another_recording_does_not_go_on(path: Path, change: dict[str, Any], words: str) -> None:
    first = infoplane.Recorder(path, LABELS, QUICK)
    first.record(0, {"t": hidden(0)})
    first.close()
    layers = change.pop("layers", {"t": hidden(1)})
    other = infoplane.Recorder(path, change.pop("labels", LABELS), change.pop("estimators", QUICK), **change)
    with pytest.raises(infoplane.RecordError, match=words):
        other.record(1, layers)
    other.close()
    assert len(infoplane.load(path).plane) == 1


def test_a_complete_run_takes_nothing_more(path: Path) -> None:
    record(path, [0])
    with pytest.raises(infoplane.RunError, match="already holds a run, which is complete"):
        record(path, [1])


def test_two_recorders_of_one_directory(path: Path) -> None:
    first, second = (infoplane.Recorder(path, LABELS, QUICK) for _ in range(2))
    first.record(0, {"t": hidden(0)})
    second.record(1, {"t": hidden(1)})
    with pytest.raises(infoplane.RecordError, match="has ended"):
        first.record(2, {"t": hidden(2)})
    first.close()
    second.record(3, {"t": hidden(3)})
    assert second.finish().plane["epoch"].tolist() == [0, 1, 3]


def test_another_process_cannot_write_the_same_directory(path: Path) -> None:
    recorder = infoplane.Recorder(path, LABELS, QUICK)
    recorder.record(0, {"t": LABELS})
    program = (
        f"import infoplane, numpy as np; labels = np.arange({N}) % 3\n"
        f"infoplane.Recorder({str(path)!r}, labels, ['plug-in'], background=False).record(1, {{'t': labels}})"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert said.returncode == 1 and "infoplane._errors.RunError" in said.stderr and str(path) in said.stderr
    recorder.record(1, {"t": LABELS})
    assert len(recorder.finish().plane) == 2


# Wrong arguments.


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        ({"estimators": []}, infoplane.RecordError, "estimators is empty; name at least one, such as"),
        ({"estimators": None}, infoplane.RecordError, "estimators is empty"),
        ({"estimators": "kde"}, infoplane.EstimateError, "kde needs the setting noise_variances"),
        ({"estimators": 5}, TypeError, "estimator is a int"),
        ({"labels": []}, infoplane.RecordError, "labels is empty"),
        ({"labels": None}, TypeError, "or target, its numbers; neither is given"),
        ({"labels": np.linspace(0, 1, N)}, ValueError, "labels holds numbers with decimals"),
        ({"inputs": [1]}, infoplane.RecordError, "inputs has 1 samples and labels has 60"),
        ({"schedule": "x"}, infoplane.RecordError, "schedule = 'x'; allowed are 'every'"),
        ({"schedule": None}, infoplane.RecordError, "schedule is a NoneType; allowed are"),
        ({"schedule": 1.5}, infoplane.RecordError, "schedule is a float"),
        ({"schedule": [-1]}, ValueError, "schedule = -1"),
        ({"schedule": ["a"]}, TypeError, "schedule = 'a' is a str"),
        ({"schedule": "delta-approximate"}, infoplane.RecordError, "needs a delta; give a table"),
        ({"epochs": -1}, ValueError, "epochs = -1; allowed are whole numbers from 0"),
        ({"epochs": 1.5}, TypeError, "epochs = 1.5 is a float"),
        ({"positions": "x"}, infoplane.RecordError, "positions = 'x'; allowed are 'flatten', 'mean', 'channels'"),
        ({"positions": None}, infoplane.RecordError, "positions = None"),
        ({"name": 5}, TypeError, "name is a int; allowed is text"),
        ({"run": ""}, infoplane.RecordError, "run is empty; name a directory"),
        ({"run": None}, TypeError, "NoneType"),
    ],
    ids=repr,
)
def test_arguments_of_a_recorder(path: Path, arguments: dict[str, Any], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        infoplane.Recorder(**{"run": path, "labels": LABELS, "estimators": QUICK, **arguments})
    assert not path.exists()


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        (0, "schedule.interval = 0; allowed is 1 or more"),
        ([], r"schedule.epochs = \[\]; allowed is at least one epoch"),
        ({}, "schedule: missing field `kind`"),
        ("log-spaced", "needs the number of epochs"),
    ],
)
def test_schedules_that_make_no_sense(path: Path, schedule: Any, words: str) -> None:
    with pytest.raises(infoplane.RecordError, match=words):
        infoplane.Recorder(path, LABELS, QUICK, schedule=schedule).record(0, {"t": LABELS})


@pytest.mark.parametrize(
    ("epoch", "layers", "statistics", "kind", "words"),
    [
        (1, {"t": hidden(0)[:-1]}, {}, infoplane.RecordError, "t has 59 samples and labels has 60; each row needs a label"),
        (1, {"t": hidden(0, 2)}, {}, infoplane.RecordError, "epoch 1, layer t: 2 units, but the recording has 3"),
        (1, {"u": hidden(0)}, {}, infoplane.RecordError, "epoch 1: the layers are u, but the run records t"),
        (1, {"t": hidden(0), "u": hidden(0)}, {}, infoplane.RecordError, "the layers are t, u, but the run records t"),
        (1, {}, {}, infoplane.RecordError, "the layers are , but the run records t"),
        (1, {"t": None}, {}, TypeError, "t is a NoneType"),
        (1, {"t": [["a"]] * N}, {}, TypeError, "t holds text; give numbers"),
        (1, {5: hidden(0)}, {}, TypeError, "activations has the layer 5; allowed as names of layers is text"),
        (1, [hidden(0)], {}, TypeError, "activations is a list; allowed is a dictionary"),
        (1, hidden(0), {}, TypeError, "activations is a ndarray"),
        (-1, {"t": hidden(0)}, {}, ValueError, "epoch = -1; allowed are whole numbers from 0"),
        (1.5, {"t": hidden(0)}, {}, TypeError, "epoch = 1.5 is a float"),
        ("1", {"t": hidden(0)}, {}, TypeError, "epoch = '1' is a str"),
        (None, {"t": hidden(0)}, {}, TypeError, "epoch = None"),
        (1, {"t": hidden(0)}, {"loss": "a"}, infoplane.RecordError, "loss is a str; allowed are numbers"),
        (1, {"t": hidden(0)}, {"loss": np.zeros(2)}, infoplane.RecordError, "loss is a ndarray"),
    ],
)
@pytest.mark.parametrize("background", [False, True])
def test_arguments_of_record(
    path: Path, background: bool, epoch: Any, layers: Any, statistics: Any, kind: type[Exception], words: str
) -> None:
    recorder = infoplane.Recorder(path, LABELS, QUICK, background=background)
    recorder.record(0, {"t": hidden(0)})
    with pytest.raises(kind, match=words):
        recorder.record(epoch, layers, **statistics)
        recorder.wanted()
    # Nothing is lost by it.
    recorder.record(2, {"t": hidden(2)})
    assert recorder.finish().plane["epoch"].tolist() == [0, 2]


def test_layers_that_cannot_be_measured_say_why(path: Path) -> None:
    with infoplane.Recorder(path, LABELS, [KDE]) as recorder:
        recorder.record(0, {"t": np.where(hidden(0) > 2, np.nan, 0.0), "u": hidden(0)})
    plane = infoplane.load(path).plane
    lacking = plane["layer_name"] == "t"
    assert np.isnan(plane["i_xt_bits"][lacking]).all() and "ok" not in plane["status"][lacking]
    assert np.isfinite(plane["i_xt_bits"][~lacking]).all()


def test_statistics(path: Path) -> None:
    with infoplane.Recorder(path, LABELS, QUICK) as recorder:
        recorder.record(0, {"t": LABELS}, loss=np.float32(0.5), accuracy=1, val_loss=None, learning_rate=0.1)
        recorder.describe(1, val_acc=0.25, loss=float("inf"), learning_rate=float("nan"))
        recorder.describe(2)
        recorder.record(3, {"t": LABELS}, acc=0.75)
    training = infoplane.load(path).training
    assert training["epoch"].tolist() == [0, 1, 3]
    assert training["train_loss"][0] == 0.5 and training["train_accuracy"].tolist()[::2] == [1.0, 0.75]
    assert training["test_accuracy"][1] == 0.25
    assert training["learning_rate"][0] == 0.1 and np.isnan(training["learning_rate"][1])
    assert np.isnan(training["train_loss"][1])


# Ends.


def test_a_recorder_that_ended(path: Path) -> None:
    recorder = infoplane.Recorder(path, LABELS, QUICK)
    assert repr(recorder).endswith("nothing recorded yet>")
    with pytest.raises(infoplane.RecordError, match="nothing was recorded"):
        recorder.finish()
    recorder.record(0, {"t": LABELS})
    assert repr(recorder) == f"<Recorder of {path}, 60 samples, 1 layers>"
    assert recorder.finish().state == "finished"
    assert repr(recorder).endswith("ended>")
    for call in (recorder.finish, recorder.wanted, lambda: recorder.record(1, {"t": LABELS}), lambda: recorder.wants(1)):
        with pytest.raises(infoplane.RecordError, match="has ended"):
            call()
    recorder.close()
    recorder.close()


def test_a_block_that_raises_leaves_a_run_to_go_on_with(path: Path) -> None:
    with pytest.raises(ZeroDivisionError), infoplane.Recorder(path, LABELS, QUICK) as recorder:
        recorder.record(0, {"t": hidden(0)})
        raise ZeroDivisionError
    assert repr(recorder).endswith("ended>")
    assert infoplane.load(path).state == "interrupted"
    assert record(path, [1]).plane["epoch"].tolist() == [0, 1]


def test_a_block_without_a_recording(path: Path) -> None:
    with infoplane.Recorder(path, LABELS, QUICK) as recorder:
        assert recorder.wants(0)
    assert not path.exists()


def test_a_block_whose_recording_fails_lets_go_of_the_directory(path: Path) -> None:
    with pytest.raises(infoplane.RecordError, match="2 units"), infoplane.Recorder(path, LABELS, QUICK) as recorder:
        recorder.record(0, {"t": hidden(0)})
        recorder.record(1, {"t": hidden(1, 2)})
    assert infoplane.load(path).state == "interrupted"
    assert record(path, [1]).state == "finished"


def test_what_fails_in_the_background_is_raised_in_the_program(path: Path) -> None:
    recorder = infoplane.Recorder(path, LABELS, QUICK)
    recorder.record(0, {"t": LABELS})
    recorder.wanted()  # waits
    shutil.rmtree(path)
    recorder.record(1, {"t": LABELS})
    with pytest.raises(infoplane.RunError, match="is gone: it was removed or moved"):
        recorder.wanted()
    recorder.record(2, {"t": LABELS})
    with pytest.raises(infoplane.RunError, match="is gone"):
        recorder.close()
    assert repr(recorder).endswith("ended>")


def test_a_directory_that_is_removed(path: Path) -> None:
    recorder = infoplane.Recorder(path, LABELS, QUICK, background=False)
    recorder.record(0, {"t": LABELS})
    shutil.rmtree(path)
    with pytest.raises(infoplane.RunError, match="is gone"):
        recorder.record(1, {"t": LABELS})
    with pytest.raises(infoplane.RunError):
        recorder.finish()
    recorder.close()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="everything may be written")
def test_a_directory_that_may_not_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(infoplane.RunError, match="cannot"):
            record(tmp_path / "run", [0])
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize(
    ("make", "words"), [(lambda p: p.write_text("x"), "is a file"), (lambda p: (p / "a").mkdir(parents=True), "not empty")]
)
def test_places_that_are_taken(path: Path, make: Callable[[Path], Any], words: str) -> None:
    make(path)
    with pytest.raises(infoplane.RunError, match=words):
        record(path, [0])


@pytest.mark.parametrize("background", [False, True])
def test_a_recorder_that_is_forgotten_lets_go_of_its_directory(path: Path, background: bool) -> None:
    recorder = infoplane.Recorder(path, LABELS, [KDE], background=background)
    for epoch in range(4):
        recorder.record(epoch, {"t": hidden(epoch)})
    known = weakref.ref(recorder)
    del recorder
    gc.collect()
    assert known() is None
    deadline = time.monotonic() + 30
    while infoplane.load(path).state == "running" and time.monotonic() < deadline:
        time.sleep(0.02)
    assert infoplane.load(path).state == "interrupted"
    assert not any(thread.name == "infoplane" for thread in threading.enumerate())
    assert set(record(path, [4], estimators=[KDE]).plane["epoch"]) == {0, 1, 2, 3, 4}


def test_the_program_ends_with_a_recorder_that_is_not_finished(path: Path) -> None:
    program = f"""
import numpy as np, infoplane
labels = np.arange(1000) % 3
recorder = infoplane.Recorder({str(path)!r}, labels, [{KDE!r}])
for epoch in range(4):
    recorder.record(epoch, {{"t": np.random.default_rng(epoch).normal(size=(1000, 20))}})
"""
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (said.returncode, said.stderr) == (0, "")
    run = infoplane.load(path)
    assert run.state == "interrupted"
    assert set(run.plane["epoch"]) == {0, 1, 2, 3}, "what was queued is measured"


# One call for each epoch.


def test_one_call_for_each_epoch(path: Path) -> None:
    for epoch in range(3):
        infoplane.record(path, epoch, {"t": hidden(epoch)}, labels=LABELS, estimators=[KDE], loss=epoch, last=epoch == 2)
    run = infoplane.load(path)
    whole = record(path.with_name("whole"), range(3), estimators=[KDE])
    assert run.state == "finished" and str(path) not in _recorder._KEPT
    assert np.array_equal(run.plane["i_xt_bits"], whole.plane["i_xt_bits"])
    assert run.training["train_loss"].tolist() == [0, 1, 2]
    with pytest.raises(infoplane.RunError, match="already holds a run, which is complete"):
        infoplane.record(path, 3, {"t": hidden(3)}, labels=LABELS, estimators=[KDE])


def test_calls_that_differ(path: Path) -> None:
    infoplane.record(path, 0, {"t": LABELS}, labels=LABELS, estimators="plug-in")
    for change, words in [
        ({"labels": np.roll(LABELS, 1)}, "records other labels so far; name another directory"),
        ({"estimators": "nsb"}, "records other estimators so far"),
        ({"inputs": LABELS}, "records other inputs so far"),
    ]:
        with pytest.raises(infoplane.RecordError, match=words):
            infoplane.record(path, 1, {"t": LABELS}, **{"labels": LABELS, "estimators": "plug-in", **change})
    infoplane.record(path, 1, {"t": LABELS}, labels=LABELS, estimators=infoplane.PlugIn(), last=True)
    assert len(infoplane.load(path).plane) == 2


def test_calls_go_on_with_a_run(path: Path) -> None:
    recorder = infoplane.Recorder(path, LABELS, QUICK)
    recorder.record(0, {"t": LABELS})
    infoplane.record(path, 1, {"t": LABELS}, labels=LABELS, estimators=QUICK)
    with pytest.raises(infoplane.RecordError, match="has ended"):
        recorder.record(1, {"t": LABELS})
    again = infoplane.Recorder(path, LABELS, QUICK)
    again.record(2, {"t": LABELS})
    infoplane.record(path, 3, {"t": LABELS}, labels=LABELS, estimators=QUICK, last=True)
    assert infoplane.load(path).plane["epoch"].tolist() == [0, 1, 2, 3]


def test_a_call_that_fails_keeps_nothing(path: Path) -> None:
    with pytest.raises(ValueError, match="t has no columns"):
        infoplane.record(path, 0, {"t": np.empty((N, 0))}, labels=LABELS, estimators=QUICK)
    assert not path.exists() and str(path) not in _recorder._KEPT


def test_statistics_before_the_first_measured_epoch_are_kept(tmp_path):
    with infoplane.Recorder(tmp_path / "run", [0, 1] * 10, KDE) as recorder:
        recorder.describe(0, loss=2.0)
        recorder.record(1, {"t": np.eye(20)}, loss=1.0)
    training = infoplane.load(tmp_path / "run").training
    assert training["epoch"].tolist() == [0, 1] and training["train_loss"].tolist() == [2.0, 1.0]


@pytest.mark.parametrize("background", [False, True])
def test_a_burst_of_the_loss_is_measured_with_its_neighbours(path: Path, background: bool) -> None:
    schedule = {"kind": "log-spaced", "points": 3, "witness": "loss"}
    with infoplane.Recorder(path, LABELS, QUICK, schedule=schedule, epochs=100, background=background) as recorder:
        for epoch in range(101):
            recorder.witness(epoch, 2.0 if epoch == 60 else 0.1)
            for wanted in (epoch - 1, epoch):
                if wanted >= 0 and recorder.wants(wanted):
                    recorder.record(wanted, {"t": hidden(wanted)})
    schedule_table = infoplane.load(path).schedule.to_dict()
    reasons = dict(zip(schedule_table["epoch"], schedule_table["reason"], strict=True))
    assert [epoch for epoch, reason in reasons.items() if reason == "witness"] == [59, 60, 61]


def test_a_witness_that_cannot_be_told_is_refused(path: Path) -> None:
    for schedule in (
        {"kind": "every", "interval": 5, "witness": "loss"},
        {"kind": "log-spaced", "points": 3, "witness": "subsample"},
    ):
        recorder = infoplane.Recorder(path, LABELS, QUICK, schedule=schedule, epochs=10)
        with pytest.raises(infoplane.RecordError, match=r"schedule\.witness: of a network that is trained elsewhere"):
            recorder.record(0, {"t": hidden(0)})
    recorder = infoplane.Recorder(path, LABELS, QUICK)
    with pytest.raises(TypeError, match="loss is a str; allowed is a number"):
        recorder.witness(0, "low")  # type: ignore[arg-type]


@pytest.mark.parametrize("schedule", [1, [0, 1, 4], {"kind": "delta-approximate", "delta": 0.01}])
def test_what_is_recorded_is_not_wanted_again(path: Path, schedule: Any) -> None:
    recorder = infoplane.Recorder(path, LABELS, QUICK, schedule=schedule)
    for epoch in (0, 1):
        recorder.record(epoch, {"t": hidden(epoch)})
        assert not recorder.wants(epoch)
    recorder.close()
    again = infoplane.Recorder(path, LABELS, QUICK, schedule=schedule)
    again.record(0, {"t": hidden(0)})  # opens the run, and is left as it is
    assert [again.wants(epoch) for epoch in (0, 1)] == [False, False]
    again.close()
    assert list(infoplane.load(path).plane["epoch"]) == [0, 1]


@pytest.mark.parametrize("background", [False, True])
def test_an_epoch_that_failed_is_wanted_again(path: Path, background: bool) -> None:
    recorder = infoplane.Recorder(path, LABELS, QUICK, background=background)
    recorder.record(0, {"t": hidden(0)})
    with pytest.raises(infoplane.RecordError, match="units"):
        recorder.record(1, {"t": hidden(1, width=4)})
        recorder.wanted()  # raises what failed beside it
    assert recorder.wants(1) and not recorder.wants(0)
    assert recorder.epoch(1, {"t": hidden(1)})
    recorder.finish()
    assert list(infoplane.load(path).plane["epoch"]) == [0, 1]


def test_one_epoch_waits_while_one_is_measured() -> None:
    class Slow:
        def __init__(self) -> None:
            self.go = threading.Event()
            self.seen: list[int] = []

        def record(self, epoch: int, layers: Any, statistics: Any) -> list[Any]:
            self.go.wait(60)
            self.seen.append(epoch)
            return []

        def describe(self, epoch: int, statistics: Any) -> None:
            self.seen.append(epoch)

    native: Any = Slow()
    worker = _recorder._Worker(native, _recorder._Lacks(), None)
    layers: list[Any] = [np.zeros((2, 1))]
    worker.put(0, layers, None)
    worker.room()  # the first one is being measured
    worker.put(1, layers, None)
    worker.put(2, [], {"loss": 1.0})  # numbers wait without taking room
    third = threading.Thread(target=worker.put, args=(3, layers, None))
    third.start()
    third.join(0.3)
    assert third.is_alive() and native.seen == []
    native.go.set()
    third.join(60)
    worker.wait()
    assert native.seen == [0, 1, 2, 3]
    worker.stop()


@pytest.mark.parametrize("chain", [False, True])
def test_only_of_a_chain_it_is_said_that_layers_break_the_data_processing_inequality(path: Path, chain: bool) -> None:
    rng = np.random.default_rng(0)
    floor = [{"kind": "binned", "rule": "floor", "bin_width": 0.5}]
    with infoplane.Recorder(path, LABELS, floor, chain=chain) as recorder:
        recorder.record(0, {"few": np.zeros((N, 1)), "many": rng.normal(size=(N, 4))})
    summary = infoplane.load(path).summary()
    assert ("Data processing inequality" in " ".join(summary.split())) == chain


def test_a_chain_is_true_or_false(path: Path) -> None:
    with pytest.raises(TypeError, match="chain = 'yes'; allowed are true and false"):
        infoplane.Recorder(path, LABELS, QUICK, chain="yes")  # type: ignore[arg-type]


@pytest.mark.parametrize("background", [False, True])
def test_a_target_of_numbers_is_measured_as_the_pair(path: Path, background: bool) -> None:
    rng = np.random.default_rng(1)
    target = rng.normal(size=(N, 2))
    layers = {epoch: {"t": target[:, :1] + (3.0 - epoch) * rng.normal(size=(N, 1))} for epoch in range(3)}
    with (
        pytest.warns(infoplane.InfoplaneWarning, match="gcmi lacks values of t"),
        infoplane.Recorder(path, target=target, estimators=["gcmi", "edge"], background=background) as recorder,
    ):
        assert recorder._n_samples == N
        for epoch, of_epoch in layers.items():
            recorder.record(epoch, of_epoch)
        run = recorder.finish()
    rows = run.plane
    for epoch, name, bits in zip(rows["epoch"], rows["estimator"], rows["i_ty_bits"], strict=True):
        assert bits == infoplane.mutual_information(layers[epoch]["t"], target, name, standard_error=False).bits
    data = run.manifest["data"]
    assert data["target_width"] == 2 and "h_y_bits" not in data and "i_xy_bits" not in data
    assert "H(Y) not known" in run.summary() and "NaN" not in run.summary()


def test_a_run_of_a_target_can_be_drawn(path: Path) -> None:
    pytest.importorskip("matplotlib").use("agg")
    t = np.random.default_rng(2).normal(size=(N, 1))
    with infoplane.Recorder(path, target=t[:, 0], estimators="edge", background=False) as recorder:
        recorder.record(0, {"t": t + 0.5 * np.roll(t, 1)})
    run = infoplane.load(path)
    plane = infoplane.plot.plane(run)
    assert len(plane.lines) == 1 and plane.get_ylabel() == "I(T;Y) in bits"
    infoplane.plot.information(run, quantity="i_ty")


def test_what_is_no_target_of_a_recording_says_so(path: Path) -> None:
    target = np.random.default_rng(3).normal(size=N)
    with pytest.raises(TypeError, match="both are given"):
        infoplane.Recorder(path, LABELS, ["gcmi"], target=target)
    with pytest.raises(TypeError, match="neither is given"):
        infoplane.Recorder(path, estimators=["gcmi"])
    with pytest.raises(infoplane.RecordError, match="target is empty"):
        infoplane.Recorder(path, target=target[:0], estimators=["gcmi"])
    with pytest.raises(infoplane.RecordError, match="t has 60 samples and target has 59; each row needs a row of the target"):
        infoplane.Recorder(path, target=target[1:], estimators=["gcmi"]).record(0, {"t": hidden(0)})
    for estimators, schedule, why in [
        ([KDE], 1, "kde measures .* of classes"),
        (["gcmi"], {"kind": "delta-approximate", "delta": 0.05}, 'give scale = "bits"'),
    ]:
        with pytest.raises(infoplane.RecordError, match=why):
            infoplane.Recorder(path, target=target, estimators=estimators, schedule=schedule).record(0, {"t": hidden(0)})
    with infoplane.Recorder(path, target=target, estimators=["edge"], background=False) as recorder:
        recorder.record(0, {"t": hidden(0)})
        differs = infoplane.Recorder(path.with_name("other"), LABELS, ["edge"], background=False)
        assert recorder._differs_from(differs) == "labels"
