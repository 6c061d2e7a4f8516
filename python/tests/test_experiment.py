"""Experiments of the command from Python."""

import signal

import numpy as np
import pytest

import infoplane

TINY = {"training": {"epochs": 6}, "seeds": 1}


def test_a_run_is_that_of_its_table(tmp_path):
    seen = []
    run = infoplane.run("saxe2018-tanh", tmp_path / "run", progress=lambda done, total: seen.append((done, total)), **TINY)
    assert run.state == "finished"
    assert run.manifest["planned_epochs"] == 6
    assert set(run.plane["epoch"]) <= set(range(7)) and 6 in run.plane["epoch"]
    assert seen and seen[-1] == (6, 6) and seen == sorted(seen)
    table = infoplane.experiment("saxe2018-tanh", **TINY)
    again = infoplane.run(table, tmp_path / "again")
    assert np.array_equal(run.plane["i_xt_bits"], again.plane["i_xt_bits"], equal_nan=True)


def test_keys_that_are_wrong_are_named(tmp_path):
    with pytest.raises(infoplane.ExperimentError, match=r"training\.epoch"):
        infoplane.run("saxe2018-tanh", tmp_path / "run", training={"epoch": 6})
    with pytest.raises(infoplane.ExperimentError, match="saxe2018"):
        infoplane.run("saxe2018-tan", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_directory_with_a_run_is_not_overwritten(tmp_path):
    infoplane.run("saxe2018-tanh", tmp_path / "run", **TINY)
    with pytest.raises(infoplane.InfoplaneError):
        infoplane.run("saxe2018-tanh", tmp_path / "run", **TINY)


def test_an_interrupted_run_goes_on_to_the_same_bytes(tmp_path):
    changes = {"training": {"epochs": 60}, "seeds": 1}
    whole = infoplane.run("saxe2018-tanh", tmp_path / "whole", **changes)

    def interrupt(done, total):
        # As Ctrl-C does, but never after the run.
        if done >= 3:
            signal.raise_signal(signal.SIGINT)
            for _ in range(1000):  # where Python looks for signals
                pass

    # A program that is started in the background ignores the signal.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            infoplane.run("saxe2018-tanh", tmp_path / "run", progress=interrupt, **changes)
    finally:
        signal.signal(signal.SIGINT, before)
    assert infoplane.load(tmp_path / "run").state == "interrupted"
    infoplane.resume(tmp_path / "run")
    for name in ("plane.jsonl", "training.jsonl", "schedule.jsonl"):
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert whole.state == infoplane.load(tmp_path / "run").state == "finished"


def test_estimators_are_calibrated():
    rows = infoplane.calibrate(["normal", "classes"], ["ksg", "ross"], n_samples=400, repeats=3, standard_errors=True)
    found = {(row["task"], row["estimator"]): row for row in rows}
    assert found["normal", "ksg"]["mean_absolute_error_nats"] < 0.15
    assert found["normal", "ross"]["missing"]
    assert 0 <= found["classes", "ross"]["coverage"] <= 1
    with pytest.raises(ValueError, match="no task is called"):
        infoplane.calibrate("norml", "ksg")


def test_late_networks_are_pooled(tmp_path):
    found = infoplane.as_if_random("saxe2018-tanh", tmp_path / "pool", pool={"over": "epochs", "window": 4, "stride": 1}, **TINY)
    assert len(found.pool) > 0 and set(found.pool["layer"]) >= {1, 2}
    assert len(found.window) == 4
    assert any(path.endswith("summary.md") for path in found.report())
    with pytest.raises(infoplane.ExperimentError, match="window"):
        infoplane.as_if_random("saxe2018-tanh", tmp_path / "other", pool={"over": "epochs", "window": 400, "stride": 1}, **TINY)


def test_runs_are_compared(tmp_path):
    runs = [infoplane.run(name, tmp_path / name, **TINY) for name in ("saxe2018-tanh", "saxe2018-relu")]
    files = infoplane.compare(runs, tmp_path / "compared")
    assert {path.rsplit(".", 1)[1] for path in files} >= {"svg", "png", "csv", "md"}
    with pytest.raises(infoplane.RunError):
        infoplane.compare(runs[:1], tmp_path / "one")
