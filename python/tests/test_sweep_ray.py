"""Sweeps on Ray: two nodes on this machine, one of which is killed in the middle."""

import os
import time
from pathlib import Path

import numpy as np
import pytest

# Read when Ray is imported, and by the processes that it starts: all listens to this machine alone, and nothing is sent.
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_AUTH_MODE"] = "disabled"
os.environ["RAY_ENABLE_UV_RUN_RUNTIME_ENV"] = "0"

ray = pytest.importorskip("ray", reason="Ray is not here: `cargo xtask test --engines` runs this")
cluster_utils = pytest.importorskip("ray.cluster_utils")

import infoplane

pytestmark = [pytest.mark.filterwarnings("ignore")]

NODE = {"node_ip_address": "127.0.0.1", "object_store_memory": 80 << 20, "include_dashboard": False}
#: A node that is gone is noticed after 2 s instead of 15.
QUICK = {
    "health_check_initial_delay_ms": 1000,
    "health_check_period_ms": 500,
    "health_check_timeout_ms": 1000,
    "health_check_failure_threshold": 3,
}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    # Sockets have short paths.
    folder = tmp_path_factory.mktemp("r", numbered=True)
    link = f"/tmp/infoplane-ray-{os.getpid()}"
    os.symlink(folder, link)
    patch = pytest.MonkeyPatch()
    patch.setenv("RAY_TMPDIR", link)
    # The package as it is here, also where it is not installed.
    package = os.path.dirname(os.path.dirname(infoplane.__file__))
    patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")])))
    made = cluster_utils.Cluster(initialize_head=True, head_node_args={**NODE, "num_cpus": 0, "_system_config": QUICK})
    try:
        for _ in range(2):
            made.add_node(wait=False, num_cpus=1, **NODE)
        made.wait_for_nodes()
        ray.init(address=made.address, log_to_driver=False)
        yield made
    finally:
        ray.shutdown()
        made.shutdown()
        patch.undo()
        os.unlink(link)


def function():
    """A function as a notebook has it: no process of Ray could import it."""
    n = 40
    labels = np.arange(n) % 2

    def train(cell):
        rng = np.random.default_rng([cell.seed, cell["size"]])
        with infoplane.Recorder(cell.directory, labels, {"kind": "kde", "noise_variances": [1e-3]}, background=False) as recorder:
            for epoch in range(2):
                recorder.record(epoch, {"hidden": rng.normal(size=(n, 2)) * cell["size"] + epoch * labels[:, None]})

    return train


def collected(result, out):
    return [Path(file).read_bytes() for file in result.collect(out)]


def test_cells_and_failures_come_back(cluster, tmp_path):
    labels = np.arange(40) % 2

    def some_end(cell):
        if cell["how"] == "raises":
            raise ValueError("too wide")
        if cell["how"] == "crashes":
            os._exit(11)
        with infoplane.Recorder(cell.directory, labels, {"kind": "kde", "noise_variances": [1e-3]}) as recorder:
            recorder.record(0, {"hidden": np.ones((40, 2))})

    sweep = infoplane.Sweep.over(some_end, {"how": ["raises", "well", "crashes"]}, seeds=1)
    result = sweep.run(tmp_path / "store", on="ray", shards=1, lease=5)
    assert list(result.runs) == ["how well, seed 0"]
    assert result.failed["how raises, seed 0"].startswith("ValueError: too wide (test_sweep_ray.py, line ")
    assert result.failed["how crashes, seed 0"].startswith("its process ended 3 times without an exception")


def test_what_nodes_cannot_import_is_named(cluster, tmp_path, monkeypatch):
    (tmp_path / "only_here.py").write_text("def train(cell):\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    import only_here

    with pytest.raises(infoplane.SweepError, match="a task cannot begin on a node, .*No module named 'only_here'"):
        infoplane.Sweep.over(only_here.train, {"width": [2]}).run(tmp_path / "store", on="ray")


def test_experiments_are_those_of_one_process(cluster, tmp_path):
    sweep = infoplane.Sweep(
        {
            "base": "saxe2018-tanh",
            "set": {"training.epochs": 3},
            "axes": {"training.batch_size": [256, 512]},
            "estimators": [{"kind": "binned", "rule": "floor", "bin_width": 0.5}],
            "seeds": 2,
        }
    )
    seen = []
    result = sweep.run(tmp_path / "ray", on="ray", progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (4, 4) and seen == sorted(seen)
    local = sweep.run(tmp_path / "local")
    assert collected(result, tmp_path / "one") == collected(local, tmp_path / "other")


# The last one: a node is gone after it.
def test_a_node_that_dies_loses_no_cell(cluster, tmp_path):
    sweep = infoplane.Sweep.over(function(), {"size": [1, 2, 3, 4]}, seeds=50)
    assert len(sweep) == 200
    killed, seen = [], []

    def kill(done, total):
        seen.append(done)
        if done >= 40 and not killed:
            killed.append(done)
            cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)

    began = time.monotonic()
    result = sweep.run(tmp_path / "ray", on="ray", shards=8, lease=5, progress=kill)
    print(f"200 cells in {time.monotonic() - began:.1f} s, a node killed at {killed}")
    assert killed and killed[0] < 200 and seen == sorted(seen) and seen[-1] == 200
    assert result.counts["complete"] == 200 and not result.failed
    for part in ("work", "claims", "failed"):
        assert not os.listdir(tmp_path / "ray" / part)
    local = sweep.run(tmp_path / "local")
    assert collected(result, tmp_path / "one") == collected(local, tmp_path / "other")
