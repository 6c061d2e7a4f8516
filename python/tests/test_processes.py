"""Threads, processes, Ctrl-C and progress."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import infoplane

RNG = np.random.default_rng(0)
X = RNG.normal(size=400)
Y = X + RNG.normal(size=400)

needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C of another process is another thing there")
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes do not fork here")


def program(source: str, timeout: float = 120) -> str:
    """What a program of its own prints; one that hangs is ended."""
    said = subprocess.run([sys.executable, "-W", "ignore", "-c", source], capture_output=True, text=True, timeout=timeout)
    assert said.returncode == 0, said.stderr
    return said.stdout


@pytest.fixture
def all_threads_again() -> Iterator[None]:
    yield
    infoplane.set_threads(0)


# Threads.


@pytest.mark.usefixtures("all_threads_again")
@pytest.mark.parametrize(("estimator", "permutations"), [("ksg", 5), ("gcmi", 5), ("mixture-ksg", None), ("auto", None)])
def test_the_number_of_threads_does_not_change_a_bit(estimator: str, permutations: int | None) -> None:
    found = []
    for threads in (1, 0, 3):
        infoplane.set_threads(threads)
        found.append(infoplane.mutual_information(X, Y, estimator, permutations=permutations, seed=3))
    assert found[0] == found[1] == found[2]
    readings = []
    for threads in (1, np.int64(3)):
        infoplane.set_threads(threads)
        readings.append(infoplane.layer_information(X, X > 0, "kde", noise_variances=[0.1]))
    assert readings[0] == readings[1]


def test_eight_threads_find_what_one_does() -> None:
    estimators: list[Any] = ["ksg", "gcmi", infoplane.Ksg(k=4), "auto"] * 4
    alone = [infoplane.mutual_information(X, Y, estimator, standard_error=False) for estimator in estimators]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda one: infoplane.mutual_information(X, Y, one, standard_error=False), estimators))
    assert together == alone


def test_errors_and_warnings_stay_in_their_thread() -> None:
    def once(place: int) -> Any:
        try:
            if place % 2:
                return infoplane.mutual_information(X, Y, "ksg", standard_error=False)
            infoplane.mutual_information(np.where(X > 1, np.nan, X), Y, "ksg")
        except infoplane.EstimateError as error:
            return error.code

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(once, range(24)))
    assert set(found[::2]) == {"not-finite"}
    assert len(set(found[1::2])) == 1


def test_a_run_is_read_by_several_threads(tmp_path: Path) -> None:
    recorder = infoplane.Recorder(tmp_path / "run", X > 0, ["plug-in"])
    recorder.record(0, {"t": X > 0})
    recorder.wanted()
    run = infoplane.load(tmp_path / "run")

    def look(_: int) -> Any:
        run.follow()
        return run.name, len(run.plane), len(run.summary()) > 0

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(look, range(32))) == {("run", 1, True)}
    recorder.close()


@needs_signals
def test_other_threads_go_on_while_an_estimate_is_made() -> None:
    """Were the interpreter held, the other thread could not end the estimate, which takes hours."""
    said = program("""
import _thread, threading, infoplane, numpy as np
rng = np.random.default_rng(0)
x = rng.normal(size=20000)
y = x + rng.normal(size=20000)
begun = threading.Event()

def other():
    begun.wait()
    total = sum(len(str(number)) for number in range(100000))
    print("counted", total, flush=True)
    _thread.interrupt_main()

threading.Thread(target=other).start()
try:
    begun.set()
    infoplane.mutual_information(x, y, "ksg", permutations=100000)
except KeyboardInterrupt:
    print("interrupted")
""")
    assert said.split() == ["counted", "488890", "interrupted"]


# Ctrl-C.

LONG = {
    "an estimate": 'infoplane.mutual_information(x, y, "ksg", permutations=100000)',
    "an estimate with progress": 'infoplane.mutual_information(x, y, "ksg", permutations=100000, progress=lambda *_: None)',
    "a conditional estimate": 'infoplane.conditional_mutual_information(x, y, y + x, "ksg", permutations=100000)',
    "one search": 'infoplane.mutual_information(wide, wide[::-1], "ksg", standard_error=False)',
    "a layer": 'infoplane.layer_information(wide, x > 0, "noise", noise_variances=[0.1] * 50)',
    "a recording": "recorder(False)",
    "a recording that is waited for": "recorder(True)",
}


@needs_signals
@pytest.mark.parametrize("what", LONG)
def test_ctrl_c_ends_it_and_the_program_goes_on(what: str, tmp_path: Path) -> None:
    source = f"""
import infoplane, numpy as np, sys
rng = np.random.default_rng(0)
x = rng.normal(size=200000)
y = x + rng.normal(size=200000)
wide = rng.normal(size=(200000, 20))
small = infoplane.mutual_information(x[:200], y[:200], "ksg")

def recorder(background):
    made = infoplane.Recorder({str(tmp_path / "run")!r}, x > 0, [infoplane.Kde(noise_variances=[0.1])], background=background)
    made.record(0, {{"t": wide}})
    made.wanted()

print("begun", flush=True)
try:
    {LONG[what]}
except KeyboardInterrupt:
    print("interrupted", flush=True)
assert infoplane.mutual_information(x[:200], y[:200], "ksg") == small
print("went on", flush=True)
import os
os._exit(0)  # what is measured in the background would be waited for
"""
    started = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", source], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert started.stdout is not None
        assert started.stdout.readline() == "begun\n"
        with pytest.raises(subprocess.TimeoutExpired):
            started.wait(0.3)
        started.send_signal(signal.SIGINT)
        said, errors = started.communicate(timeout=60)
    finally:
        started.kill()
        started.wait()
    assert said == "interrupted\nwent on\n", errors
    assert started.returncode == 0


@needs_signals
def test_a_handler_of_signals_that_raises_ends_an_estimate() -> None:
    said = program("""
import infoplane, numpy as np, os, signal, threading

class Enough(Exception):
    pass

def handler(*_):
    raise Enough

signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.2)
x = np.random.default_rng(0).normal(size=20000)
try:
    infoplane.mutual_information(x, x[::-1], "ksg", permutations=100000)
except Enough:
    print("enough")
""")
    assert said == "enough\n"


# Progress.


@pytest.mark.parametrize("permutations", [None, 60])
def test_progress_goes_up_to_all(permutations: int | None) -> None:
    told: list[tuple[int, int]] = []
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(2, 1500))
    with_progress = infoplane.mutual_information(x, y, "ksg", permutations=permutations, progress=lambda *now: told.append(now))
    assert with_progress == infoplane.mutual_information(x, y, "ksg", permutations=permutations)
    assert told and told[-1][0] == told[-1][1]
    for total in {total for _, total in told}:
        done = [done for done, of in told if of == total]
        assert done == sorted(set(done)) and 0 <= done[0] and done[-1] <= total


def test_progress_is_told_in_the_thread_that_asks() -> None:
    threads: set[Any] = set()
    infoplane.mutual_information(X, Y, "ksg", permutations=50, progress=lambda *_: threads.add(threading.current_thread()))
    assert threads == {threading.current_thread()}


def test_an_error_in_progress_ends_the_estimate() -> None:
    def enough(done: int, total: int) -> None:
        raise LookupError("enough")

    x, y = np.random.default_rng(1).normal(size=(2, 5000))
    with pytest.raises(LookupError, match="enough"):
        infoplane.mutual_information(x, y, "ksg", permutations=20_000, progress=enough)
    infoplane.mutual_information(X, Y, "ksg", standard_error=False)


def test_progress_may_make_estimates() -> None:
    inner: list[float] = []

    def progress(done: int, total: int) -> None:
        inner.append(infoplane.mutual_information(X, Y, "ksg", standard_error=False).nats)

    outer = infoplane.mutual_information(X, Y, "ksg", permutations=20, progress=progress)
    assert set(inner) == {outer.nats}


def test_a_bar_of_tqdm(capsys: pytest.CaptureFixture[str]) -> None:
    tqdm = pytest.importorskip("tqdm.auto").tqdm
    quiet = infoplane.mutual_information(X, Y, "ksg")
    assert infoplane.mutual_information(X, Y, "ksg", progress=True) == quiet
    assert "estimate" in capsys.readouterr().err
    with pytest.raises(infoplane.EstimateError):
        infoplane.mutual_information(np.where(X > 1, np.nan, X), Y, "ksg", progress=True)
    assert not tqdm._instances
    capsys.readouterr()
    infoplane.mutual_information(X, Y, "ksg", progress=False)
    assert capsys.readouterr().err == ""


def test_lines_where_there_is_no_tqdm(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("tqdm", "tqdm.auto"):
        monkeypatch.setitem(sys.modules, name, None)
    infoplane.mutual_information(X, Y, "ksg", permutations=30, progress=True)
    lines = capsys.readouterr().err.splitlines()
    assert lines and all(line.startswith("infoplane: ") and line.endswith(" estimates") for line in lines)


# Processes.

WORK = """
import multiprocessing, sys
import infoplane, numpy as np

rng = np.random.default_rng(0)
x = rng.normal(size=400)
y = x + rng.normal(size=400)

def work(estimator):
    return infoplane.mutual_information(x, y, estimator)

if __name__ == "__main__":
    given = [infoplane.Ksg(k=3), "gcmi", {"kind": "ksg", "k": 4}, "kl"]
    here = [work(one) for one in given]
    with multiprocessing.get_context(sys.argv[1]).Pool(2) as pool:
        there = pool.map(work, given)
    assert there == here == [work(one) for one in given]
    print("same")
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_processes_that_begin_after_an_estimate(method: str, tmp_path: Path) -> None:
    if method != "spawn" and not hasattr(os, "fork"):
        pytest.skip("processes do not fork here")
    script = tmp_path / "work.py"
    script.write_text(WORK)
    said = subprocess.run([sys.executable, "-W", "ignore", str(script), method], capture_output=True, text=True, timeout=120)
    assert (said.returncode, said.stdout) == (0, "same\n"), said.stderr


@needs_fork
def test_a_fork_in_the_middle_of_estimates() -> None:
    said = program("""
import os, threading
import infoplane, numpy as np
x = np.random.default_rng(0).normal(size=2000)
stop = threading.Event()

def busy():
    while not stop.is_set():
        infoplane.mutual_information(x, x[::-1], "ksg", standard_error=False)

threads = [threading.Thread(target=busy) for _ in range(2)]
for thread in threads:
    thread.start()
for _ in range(6):
    child = os.fork()
    if child == 0:
        infoplane.mutual_information(x, x[::-1], "ksg", standard_error=False)
        os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
stop.set()
for thread in threads:
    thread.join()
print("good")
""")
    assert said == "good\n"


@needs_fork
def test_a_child_leaves_the_recording_of_its_parent_alone(tmp_path: Path) -> None:
    said = program(f"""
import os, sys
import infoplane, numpy as np
labels = np.arange(90) % 3
recorder = infoplane.Recorder({str(tmp_path / "run")!r}, labels, ["plug-in"])
recorder.record(0, {{"t": labels}})
child = os.fork()
if child == 0:
    sys.exit(0)  # with all that is done at the end of a program
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
recorder.record(1, {{"t": labels}})
print(len(recorder.finish().plane))
""")
    assert said == "2\n"


def test_what_is_sent_to_processes_is_small() -> None:
    assert len(pickle.dumps(infoplane.Ksg())) < 300
    assert len(pickle.dumps(infoplane.mutual_information(X, Y, "ksg"))) < 3000


@pytest.mark.parametrize("how", ["import infoplane", "import infoplane, infoplane._native", "from infoplane import *"])
def test_an_import_is_quiet_and_takes_no_other_library(how: str) -> None:
    others = ("torch", "keras", "jax", "pandas", "polars", "pyarrow", "matplotlib", "sklearn", "tqdm", "anywidget", "ipywidgets")
    assert program(f"import sys\n{how}\nprint([name for name in {others!r} if name in sys.modules])") == "[]\n"
