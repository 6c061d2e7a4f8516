"""Sweeps: of experiments and of functions, in this process."""

import functools
import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import numpy as np
import pytest

import infoplane

N = 60
LABELS = np.arange(N) % 2
KDE = {"kind": "kde", "noise_variances": [1e-3]}
SHORT = {
    "base": "saxe2018-tanh",
    "set": {"training.epochs": 3},
    "axes": {"training.batch_size": [256, 512]},
    "estimators": [{"kind": "binned", "rule": "floor", "bin_width": 0.5}],
    "seeds": 2,
}


def train(cell):
    rng = np.random.default_rng(cell.seed or 0)
    with infoplane.Recorder(cell.directory, LABELS, KDE) as recorder:
        for epoch in range(3):
            hidden = rng.normal(size=(N, cell["width"])) + epoch * LABELS[:, None]
            recorder.record(epoch, {"hidden": hidden}, loss=1.0 / (1 + epoch))


def collected(result, out):
    files = result.collect(out)
    assert {os.path.basename(file) for file in files} == {"plane.csv", "plane.arrow", "index.html"}
    return [Path(file).read_bytes() for file in files]


def ids(sweep):
    return sweep.cells["id"].tolist()


@pytest.fixture
def ctrl_c():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield lambda: signal.raise_signal(signal.SIGINT)
    signal.signal(signal.SIGINT, before)


# Experiments


def test_a_sweep_of_experiments(tmp_path):
    sweep = infoplane.Sweep(SHORT)
    assert (sweep.name, sweep.axes, len(sweep)) == ("saxe2018-tanh", ["training.batch_size", "seed"], 4)
    cells = sweep.cells
    assert cells.columns == ["id", "label", "training.batch_size", "seed"]
    assert cells["training.batch_size"].tolist() == [256, 256, 512, 512] and cells["seed"].dtype.kind == "i"
    assert repr(sweep) == "<sweep 'saxe2018-tanh': 4 cells over training.batch_size, seed>"
    with pytest.raises(infoplane.SweepError, match="no store of a sweep"):
        sweep.status(tmp_path / "store")

    seen = []
    result = sweep.run(tmp_path / "store", progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (4, 4) and seen == sorted(seen)
    assert result.counts == {"complete": 4, "running": 0, "failed": 0, "interrupted": 0, "missing": 0}
    assert (result.failed, result.missing, len(result)) == ({}, [], 4)
    run = result.runs["batch_size 512, seed 1"]
    assert run.manifest["seeds"] == [1] and len(result.runs) == 4 and len(result.pools) == 0
    table = result.table
    assert table.columns[:3] == ["cell", "training.batch_size", "seed"]
    assert len(table) == 4 * len(run.plane) and set(table["training.batch_size"]) == {256, 512}
    assert set(table["cell"]) == set(ids(sweep))
    assert len(result.training) and len(result.schedule) and len(result.layers) and len(result.repeats)
    assert result.cells["state"].tolist() == ["complete"] * 4 and (result.cells["seconds"] >= 0).all()
    assert "4 complete" in result._repr_html_()
    with pytest.raises(KeyError, match="batch_size 3"):
        result.runs["batch_size 3"]

    # Others read it, and nothing is computed twice.
    read = infoplane.load_sweep(tmp_path / "store")
    assert repr(read) == repr(sweep.status(tmp_path / "store")) == repr(sweep.run(tmp_path / "store"))
    files = read.compare(tmp_path / "figures")
    assert any(file.endswith("summary.md") for file in files)


def test_bytes_do_not_depend_on_who_computed_what(tmp_path):
    sweep = infoplane.Sweep(SHORT)
    whole = sweep.run(tmp_path / "whole", jobs=1)
    parts = tmp_path / "parts"
    for shard in ("2/3", "3/3", "1/3"):
        result = sweep.run(parts, shard=shard, threads=1)
    assert collected(whole, tmp_path / "one") == collected(result, tmp_path / "other")


def test_a_file_and_a_table_of_an_experiment_are_bases(tmp_path):
    file = tmp_path / "sweep.toml"
    file.write_text(
        "base = 'saxe2018-tanh'\nseeds = 2\n[set]\n'training.epochs' = 3\n[axes]\n'training.batch_size' = [256, 512]\n"
        "[[estimators]]\nkind = 'binned'\nrule = 'floor'\nbin_width = 0.5\n"
    )
    assert ids(infoplane.Sweep(file)) == ids(infoplane.Sweep(str(file))) == ids(infoplane.Sweep(SHORT))
    experiment = infoplane.experiment("saxe2018-tanh", name="mine", training={"epochs": 3})
    sweep = infoplane.Sweep({"base": experiment, "seeds": [7], "axes": {"training.batch_size": np.array([256])}})
    assert (sweep.name, sweep.cells["label"].tolist()) == ("mine", ["batch_size 256, seed 7"])
    with pytest.raises(infoplane.SweepError, match="nowhere"):
        infoplane.Sweep(tmp_path / "nowhere.toml")


def test_what_is_wrong_with_a_file_is_named():
    for changed, words in [
        ({"axes": {"training.batch_size": []}}, "batch_size.*empty"),
        ({"seeds": 0}, "seeds"),
        ({"axis": {}}, "axis"),
        ({"axes": {"training.batch_size": [256, 256]}}, "two cells are the same"),
        ({"base": 3}, "preset"),
    ]:
        with pytest.raises(infoplane.SweepError, match=words):
            infoplane.Sweep({**SHORT, **changed})
    with pytest.raises(infoplane.ExperimentError, match="batch_sizes"):
        infoplane.Sweep({**SHORT, "axes": {"training.batch_sizes": [256]}})


def test_failures_of_experiments_do_not_stop_the_others(tmp_path):
    (tmp_path / "data.csv").write_text("a,b,label\n" + "0,1,0\n1,0,1\n1,1,0\n0,0,1\n" * 8)
    source = {"kind": "csv", "file": str(tmp_path / "data.csv"), "label": "label", "header": True}
    sweep = infoplane.Sweep({**SHORT, "seeds": [1], "axes": {}, "set": {"training.epochs": 3, "dataset.source": source}})
    (tmp_path / "data.csv").unlink()
    with pytest.warns(infoplane.InfoplaneWarning, match="1 of 1 cells failed"):
        result = sweep.run(tmp_path / "store")
    assert list(result.failed) == sweep.cells["label"].tolist() and "data.csv" in result.failed[sweep.cells["label"][0]]
    assert result.cells["reason"][0] == result.failed[sweep.cells["label"][0]]


def test_an_interrupted_sweep_goes_on_to_the_same_bytes(tmp_path, ctrl_c):
    sweep = infoplane.Sweep({**SHORT, "set": {"training.epochs": 40}})
    whole = sweep.run(tmp_path / "whole")

    def interrupt(done, total):
        ctrl_c()
        for _ in range(1000):  # where Python looks for signals
            pass

    with pytest.raises(KeyboardInterrupt):
        sweep.run(tmp_path / "store", jobs=1, progress=interrupt)
    counts = sweep.status(tmp_path / "store").counts
    assert counts["running"] == 0 and 1 <= counts["complete"] < 4
    assert collected(sweep.run(tmp_path / "store"), tmp_path / "one") == collected(whole, tmp_path / "other")


# Functions


def test_a_sweep_of_a_function(tmp_path):
    sweep = infoplane.Sweep.over(train, {"width": [2, 4]}, seeds=3, name="widths")
    assert (sweep.name, sweep.axes, len(sweep)) == ("widths", ["width", "seed"], 6)
    seen = []
    result = sweep.run(tmp_path / "store", progress=lambda done, total: seen.append((done, total)))
    assert seen == [(n, 6) for n in range(1, 7)]
    assert result.counts["complete"] == 6 and not result.failed
    run = result.runs["width 4, seed 2"]
    assert (run.state, run.name, run.manifest["layers"][0]["width"]) == ("finished", "width 4, seed 2", 4)
    # The seeds of the sweep are those of the rows, and a column of tables keeps its name.
    table = result.table
    assert table.columns[:3] == ["cell", "cell_width", "seed"] and "width" in table
    rows = set(zip(table["cell_width"].tolist(), table["width"].tolist(), table["seed"].tolist(), strict=True))
    assert rows == {(width, width, seed) for width in (2, 4) for seed in range(3)}
    assert set(result.training["seed"]) == {0, 1, 2}
    summary = next(file for file in result.compare(tmp_path / "figures") if file.endswith("summary.md"))
    assert "3 seeds" in Path(summary).read_text(encoding="utf-8")
    # Nothing is left of the work.
    for part in ("work", "claims", "failed"):
        assert not os.listdir(tmp_path / "store" / part)


def test_bytes_of_a_function_do_not_depend_on_who_called_it(tmp_path):
    sweep = infoplane.Sweep.over(train, {"width": [2, 4]}, seeds=2)
    whole = sweep.run(tmp_path / "whole")
    for shard in ("2/2", "1/2"):
        result = sweep.run(tmp_path / "parts", shard=shard)
    assert collected(whole, tmp_path / "one") == collected(result, tmp_path / "other")


def test_two_workers_share_a_store(tmp_path):
    calls = []

    def counted(cell):
        calls.append(cell.label)
        train(cell)

    sweep = infoplane.Sweep.over(counted, {"width": [2, 3, 4, 5]}, seeds=2)
    threads = [threading.Thread(target=sweep.run, args=(tmp_path / "store",)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sweep.status(tmp_path / "store").counts["complete"] == 8
    assert sorted(calls) == sorted(sweep.cells["label"])


def test_what_a_cell_is(tmp_path):
    cells = []

    def look(cell):
        cells.append(cell)
        cell.values["size"].append(3)

    axes = {"size": [[1, 2]], "rate": [0.1], "on": [True], "what": [None], "map": [{"a": 1}], "word": ["a b"]}
    with pytest.warns(infoplane.InfoplaneWarning):
        result = infoplane.Sweep.over(look, axes).run(tmp_path / "store")
        result = infoplane.Sweep.over(look, axes).run(tmp_path / "store", missing=True)
    assert len(cells) == 2 and cells[0].seed is None
    assert cells[1].values == {"size": [1, 2, 3], "rate": 0.1, "on": True, "what": None, "map": {"a": 1}, "word": "a b"}
    assert cells[0].label == 'size [1, 2], rate 0.1, on true, what null, map {"a": 1}, word a b'
    assert "wrote no run" in result.failed[cells[0].label]
    with pytest.raises(KeyError, match="the axes are size, rate"):
        cells[0]["sizes"]
    assert not os.path.exists(cells[0].directory)


def test_failures_name_the_cell_and_the_reason(tmp_path):
    fixed = []

    def some_fail(cell):
        if fixed or cell["how"] == "well":
            return train(cell)
        if cell["how"] == "raises":
            raise ValueError("too wide")
        if cell["how"] == "exits":
            sys.exit(3)
        recorder = infoplane.Recorder(cell.directory, LABELS, KDE)
        recorder.record(0, {"hidden": np.zeros((N, 2))})
        if cell["how"] == "breaks":
            raise infoplane.RecordError("broken")

    hows = ["raises", "well", "exits", "unfinished", "breaks"]
    sweep = infoplane.Sweep.over(some_fail, {"how": hows, "width": [2]})
    with pytest.warns(infoplane.InfoplaneWarning, match="4 of 5 cells failed"):
        result = sweep.run(tmp_path / "store")
    assert result.counts["complete"] == 1 and list(result.runs) == ["how well, width 2"]
    failed = {label.split()[1].strip(","): why for label, why in result.failed.items()}
    assert failed["raises"].startswith("ValueError: too wide (test_sweep.py, line ")
    assert failed["exits"].startswith("SystemExit: 3")
    assert "is not complete; its recorder ends with finish()" in failed["unfinished"]
    assert failed["breaks"].startswith("infoplane._errors.RecordError: broken")
    with pytest.raises(infoplane.SweepError, match="4 of 5 cells are not complete"):
        result.collect(tmp_path / "out")
    with pytest.warns(infoplane.InfoplaneWarning, match="4 of 5 cells are not complete"):
        assert len(result.table)
    # They are not tried again until that is asked for.
    fixed.append(True)
    with pytest.warns(infoplane.InfoplaneWarning, match="4 of 5"):
        assert sweep.run(tmp_path / "store").counts["failed"] == 4
    assert sweep.run(tmp_path / "store", missing=True).counts["complete"] == 5
    assert not result.failed or result.follow()
    assert not result.failed


def test_an_interrupted_function_begins_anew(tmp_path, ctrl_c):
    calls = []

    def stopped(cell):
        calls.append(os.path.exists(cell.directory))
        if len(calls) == 2:
            with infoplane.Recorder(cell.directory, LABELS, KDE) as recorder:
                recorder.record(0, {"hidden": np.zeros((N, 2))})
                ctrl_c()
        train(cell)

    sweep = infoplane.Sweep.over(stopped, {"width": [2, 3, 4]}, seeds=1)
    with pytest.raises(KeyboardInterrupt):
        sweep.run(tmp_path / "store")
    counts = sweep.status(tmp_path / "store").counts
    assert (counts["complete"], counts["interrupted"], counts["missing"], counts["failed"]) == (1, 1, 1, 0)
    result = sweep.run(tmp_path / "store")
    assert calls == [False] * 4 and result.counts["complete"] == 3
    whole = infoplane.Sweep.over(train, {"width": [2, 3, 4]}, seeds=1).run(tmp_path / "whole")
    for label in whole.runs:
        mine, other = (os.path.join(found.runs[label].path, "plane.jsonl") for found in (result, whole))
        assert Path(mine).read_bytes() == Path(other).read_bytes()


def test_a_killed_worker_holds_up_nobody(tmp_path):
    script = tmp_path / "killed.py"
    script.write_text(
        textwrap.dedent(
            """
            import os, sys
            import infoplane

            def train(cell):
                os.makedirs(cell.directory)
                print("at it", flush=True)
                if len(sys.argv) > 2:
                    os._exit(9)
                raise ValueError("done")

            result = infoplane.Sweep.over(train, {"width": [1]}).run(sys.argv[1])
            print(result.failed)
            """
        )
    )

    def started(*arguments):
        command = [sys.executable, "-W", "ignore", str(script), str(tmp_path / "store"), *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=60, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        )

    assert started("killed").returncode == 9
    assert infoplane.load_sweep(tmp_path / "store").counts["interrupted"] == 1
    again = started()
    assert "ValueError: done" in again.stdout, again.stderr


def test_ids_are_the_same_in_every_process(tmp_path):
    module = tmp_path / "trainings.py"
    module.write_text(
        textwrap.dedent(
            """
            import functools

            RATE = 0.1

            def train(cell, best={"a": [1, 2]}, *, steps=3):
                return cell["width"] in {"a", "b", "c"} or f"{RATE}"

            def made(factor):
                def inner(cell):
                    return factor
                return inner

            class Trainer:
                def __call__(self, cell):
                    return {"x", "y", "z"}

            compiled = {}
            exec(compile('def train(cell): return cell["width"] in {"a", "b", "c"}', "nowhere", "exec"), compiled)
            ALL = [train, made(2), made(3), Trainer(), functools.partial(train, steps=4), compiled["train"]]
            ALL.append(lambda cell: {"q", "r"})
            """
        )
    )
    program = (
        "import infoplane, trainings\nfor train in trainings.ALL:\n"
        "    print(*infoplane.Sweep.over(train, {'width': ['a', 1, 1.0, True], 'm': [{'b': 1, 'a': 2}]}, seeds=2).cells['id'])"
    )

    def printed(seed):
        path = os.pathsep.join([str(tmp_path), *sys.path])
        environment = {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": seed}
        run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment)
        return run.stdout.split()

    first = printed("1")
    assert len(first) == len(set(first)) == 7 * 8
    assert first == printed("2")
    assert {name.rpartition("-")[0] for name in first} == {"train", "inner", "Trainer", "lambda"}
    assert all(len(name.rpartition("-")[2]) == 32 for name in first)


def test_what_decides_the_result_decides_the_id():
    def other(cell):
        return train(cell)

    base = ids(infoplane.Sweep.over(train, {"width": [2, 3], "rate": [0.1]}, seeds=[4]))
    assert base == ids(infoplane.Sweep.over(train, {"rate": [np.float64(0.1)], "width": np.array([2, 3])}, seeds=[4]))
    for changed in [
        infoplane.Sweep.over(other, {"width": [2, 3], "rate": [0.1]}, seeds=[4]),
        infoplane.Sweep.over(train, {"width": [2, 3], "rate": [0.2]}, seeds=[4]),
        infoplane.Sweep.over(train, {"width": [2, 3], "rate": [0.1]}, seeds=[5]),
        infoplane.Sweep.over(train, {"width": [2, 3], "rate": [0.1]}),
        infoplane.Sweep.over(train, {"width": [2, 3], "rate": [0.1]}, seeds=[4], version="2"),
    ]:
        assert not set(base) & set(ids(changed))


def test_a_sweep_grows_and_its_name_is_in_no_cell(tmp_path):
    small = infoplane.Sweep.over(train, {"width": [2]}, seeds=1, name="one")
    small.run(tmp_path / "store")
    large = infoplane.Sweep.over(train, {"width": [2, 4]}, seeds=2, name="ü" * 300)
    assert large.status(tmp_path / "store").counts == {"complete": 1, "running": 0, "failed": 0, "interrupted": 0, "missing": 3}
    result = large.run(tmp_path / "store")
    assert result.counts["complete"] == len(infoplane.load_sweep(tmp_path / "store")) == 4
    assert set(ids(small)) < set(ids(large)) and small.run(tmp_path / "store").counts["complete"] == 1
    repeats = result.repeats
    assert repeats.columns[:2] == ["cell_width", "method"] and set(repeats["i_xt_n_seeds"].tolist()) == {2}


def test_two_sweeps_do_not_share_a_store(tmp_path):
    infoplane.Sweep.over(train, {"width": [2]}).run(tmp_path / "store")
    with pytest.raises(infoplane.SweepError, match="holds the sweep"):
        infoplane.Sweep.over(train, {"width": [3]}).run(tmp_path / "store")
    with pytest.raises(infoplane.SweepError, match="holds the sweep"):
        infoplane.Sweep(SHORT).status(tmp_path / "store")
    with pytest.raises(infoplane.SweepError, match="no store"):
        infoplane.load_sweep(tmp_path)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((3, {}), "train is a int; allowed is a function"),
        ((train, [1]), "axes is a list; allowed is a dictionary"),
        ((train, {"width": []}), "the axis `width` is empty"),
        ((train, {"width": "ab"}), "the axis `width` is a str; allowed is a list"),
        ((train, {"width": 3}), "the axis `width` is a int; allowed is a list"),
        ((train, {"width": [object()]}), "the axis `width` has a value that is a object; allowed are text, numbers"),
        ((train, {"width": [{1: 2}]}), "the axis `width` has a value that is a dictionary with the key 1"),
        ((train, {"width": [1, 1]}), "two cells are the same"),
        ((train, {1: [1]}), "an axis is called 1; allowed as names is text"),
        ((train, {"seed": [1]}), "give the seeds as seeds="),
        ((train, {"label": [1]}), "an axis is called `label`"),
        ((functools.partial(train, object()), {}), "an argument that train has by functools.partial is a object"),
    ],
)
def test_what_is_wrong_with_a_sweep_of_a_function_is_named(given, words):
    with pytest.raises(infoplane.SweepError, match=words):
        infoplane.Sweep.over(*given)


def test_what_is_wrong_with_seeds_is_named():
    for seeds, words in [
        (0, "seeds = 0; allowed are whole numbers from 1"),
        ([], "seeds is empty"),
        (1.5, "seeds = 1.5 is a float"),
    ]:
        with pytest.raises(infoplane.SweepError, match=words):
            infoplane.Sweep.over(train, {}, seeds=seeds)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"on": "slurm"}, 'on = \'slurm\'; allowed are "local" and "ray"'),
        ({"num_cpus": 2}, 'num_cpus is not for on="local"'),
        ({"on": "ray", "shard": "1/2"}, 'shard is not for on="ray"'),
        ({"shard": "3/2"}, "3/2"),
        ({"jobs": 2}, 'jobs = 2; a function is called for one cell after the other.*on="ray"'),
        ({"threads": 2}, "set_threads"),
        ({"memory": 2}, "memory = 2 is for experiments"),
        ({"lease": 0}, "lease = 0; allowed are seconds above 0"),
        ({"on": "ray", "num_cpus": -1}, "num_cpus = -1; allowed are numbers from 0 on"),
    ],
)
def test_what_is_wrong_with_a_run_is_named(given, words, tmp_path):
    with pytest.raises(infoplane.SweepError, match=words):
        infoplane.Sweep.over(train, {"width": [2]}).run(tmp_path / "store", **given)


def test_without_ray_it_is_said_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.delitem(sys.modules, "ray", raising=False)
    with pytest.raises(ImportError, match=r'pip install "infoplane\[ray\]"'):
        infoplane.Sweep.over(train, {"width": [2]}).run(tmp_path / "store", on="ray")
    assert not (tmp_path / "store").exists()
