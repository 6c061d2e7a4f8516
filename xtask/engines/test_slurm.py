"""A sweep as an array of Slurm: elements killed, preempted and requeued, the node lost, and the same bytes in the end.

`cargo xtask test --engines` runs it with the built command.
"""

from __future__ import annotations

import filecmp
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cluster import Cluster, why_not

SWEEP = """
base = "saxe2018-tanh"
name = "on Slurm"
seeds = 6
estimators = [{ kind = "binned", rule = "floor", bin_width = 0.5 }]
[set]
"training.epochs" = 600
"schedule.points" = 40
[axes]
"network.nonlinearity" = ["tanh", "relu"]
"training.batch_size" = [256, 512]
"""

SHARDS = 4


def infoplane(program: str, *arguments: str) -> str:
    return subprocess.run([program, *arguments], check=True, capture_output=True, text=True).stdout


def same(one: Path, other: Path) -> bool:
    """Whether two folders hold the same files with the same bytes."""
    names = sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file())
    others = sorted(path.relative_to(other) for path in other.rglob("*") if path.is_file())
    return names == others and all(filecmp.cmp(one / name, other / name, shallow=False) for name in names)


def main(program: str) -> None:
    with tempfile.TemporaryDirectory() as folder, Cluster(cpus=4) as cluster:
        root = Path(folder)
        sweep, store = root / "sweep.toml", root / "store"
        sweep.write_text(SWEEP)
        infoplane(program, "sweep", "run", str(sweep), "--store", str(root / "local"), "-q")
        infoplane(program, "sweep", "collect", str(root / "local"), "--out", str(root / "local-collected"))

        options = ["--shards", str(SHARDS), "--time", "30", "--mem", "200M", "--at-once", "4", "--no-measure"]
        infoplane(program, "sweep", "slurm", str(sweep), "--store", str(store), *options)
        told = cluster.run("bash", str(store / "slurm" / "submit.sh"))
        match = re.fullmatch(r"array (\d+), missing (\d+), collect (\d+)\n", told)
        assert match, told
        array, missing, collect = match.groups()

        name = Path(program).name[:15]

        def running() -> dict[str, int] | None:
            found = cluster.processes_of(array, name)
            return found if len(found) >= 3 and any((store / "claims").glob("*")) else None

        # One element is killed: Slurm does not run it again. One is stopped as at the limit of its time.
        elements = cluster.until("three elements at work", running)
        killed, stopped, requeued = sorted(elements)[:3]
        # Which log tells of a cell.
        cluster.until("cells with their jobs", lambda: f"Slurm job {array}_" in infoplane(program, "sweep", "status", str(store)))
        os.kill(elements[killed], signal.SIGKILL)
        # What it answers says nothing of the signal; the state of the element does, below.
        cluster.run("scancel", "--batch", "--signal=TERM", f"{array}_{stopped}", check=False)
        # One is taken back, as at preemption, and runs again later.
        cluster.run("scontrol", "requeue", f"{array}_{requeued}")
        # The daemon of the node is killed: what it runs does not notice.
        time.sleep(1)
        cluster.kill_slurmd()
        time.sleep(1)
        cluster.start_slurmd()

        states = cluster.wait(array)
        assert states[killed][0] == "FAILED", states
        assert states[stopped][0] == "FAILED", states
        assert states[requeued] == ("COMPLETED", 1), states
        log = next((store / "slurm" / "logs").glob(f"array-*_{stopped}.log")).read_text()
        assert "stopping after the epochs in progress" in log, log

        # What they left is done by the second array, and collected by the last job.
        assert all(state == "COMPLETED" for state, _ in cluster.wait(missing).values()), cluster.states(missing)
        assert all(state == "COMPLETED" for state, _ in cluster.wait(collect).values()), cluster.states(collect)
        assert same(root / "local" / "runs", store / "runs")
        assert same(root / "local-collected", store / "collected")
        assert not any((store / "claims").iterdir())
        print(f"Slurm: 24 cells in {SHARDS} shards; {killed} killed, {stopped} stopped, {requeued} requeued, slurmd killed")

        # A shard that lost its whole node goes on when the node is back. Slurm reads the path of the logs, in which % means more.
        store = root / "50% of it, %A"
        infoplane(program, "sweep", "slurm", str(sweep), "--store", str(store), *options)
        told = cluster.run("bash", str(store / "slurm" / "submit.sh"))
        array, missing, collect = re.findall(r"\d+", told)
        cluster.until("three elements at work", lambda: len(cluster.processes_of(array, name)) >= 3)
        time.sleep(2)
        cluster.kill_node()
        cluster.start_slurmd()
        # Slurm takes elements that had just begun for running until it looks again.
        for element, (state, _) in cluster.states(array).items():
            if state == "RUNNING" and element not in cluster.processes_of(array, name):
                cluster.run("scontrol", "requeue", f"{array}_{element}", check=False)
        assert all(state == "COMPLETED" for state, _ in cluster.wait(collect, 600).values()), cluster.states(collect)
        assert same(root / "local" / "runs", store / "runs")
        logs = {path.name for path in (store / "slurm" / "logs").iterdir()}
        assert {f"array-{array}_{element}.log" for element in range(1, SHARDS + 1)} <= logs, logs
        assert {f"missing-{missing}_1.log", f"collect-{collect}.log"} <= logs, logs
        print("Slurm: the same bytes after the node was lost")


if __name__ == "__main__":
    reason = why_not()
    if reason:
        sys.exit(f"no cluster with Slurm can run here: {reason}")
    main(os.path.abspath(sys.argv[1]))
