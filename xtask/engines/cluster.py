"""A cluster of one node with Slurm on loopback, in a directory of its own, for a test.

Needs root, and `apt-get install --no-install-recommends slurmctld slurmd slurm-client munge`. Nothing outside the directory is read
or written; every daemon listens on 127.0.0.1.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

PROGRAMS = ("munged", "mungekey", "slurmctld", "slurmd", "sbatch", "scontrol", "scancel", "sinfo")
#: Daemons are where root finds them.
PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
#: What an element that will not run again is.
FINAL = {"COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY"}

CONFIG = """\
ClusterName=loop
SlurmctldHost={node}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={root}/munge/socket,cred_expire=5
SlurmUser=root
SlurmdUser=root
StateSaveLocation={root}/state
SlurmdSpoolDir={root}/spool
SlurmctldPidFile={root}/slurmctld.pid
SlurmdPidFile={root}/slurmd.pid
SlurmctldLogFile={root}/log/slurmctld.log
SlurmdLogFile={root}/log/slurmd.log
PlugStackConfig={root}/plugstack.conf
MailProg=/bin/true
MpiDefault=none
SwitchType=switch/none
# The group of a batch script: with linuxproc its children would outlive a cancelled job.
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,batch_sched_delay=0,bf_interval=2
# More processors than there are: a few elements run at once on any machine.
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=5
MinJobAge=3600
SlurmdTimeout=30
SlurmctldTimeout=10
MessageTimeout=10
BatchStartTimeout=10
CompleteWait=0
NodeName={node} NodeAddr=127.0.0.1 CPUs={cpus} Boards=1 SocketsPerBoard=1 CoresPerSocket={cpus} ThreadsPerCore=1 \
RealMemory=4096 State=UNKNOWN
PartitionName=main Nodes={node} Default=YES MaxTime=INFINITE DefaultTime=60 State=UP
"""


class SlurmError(RuntimeError):
    """A daemon or command that failed, with the ends of the logs."""


def why_not() -> str | None:
    """Why no cluster can run here, if that is so."""
    missing = [program for program in PROGRAMS if not shutil.which(program, path=PATH)]
    if missing:
        packages = "slurmctld slurmd slurm-client munge"
        return f"{', '.join(missing)} not installed (apt-get install --no-install-recommends {packages})"
    if os.geteuid() != 0:
        return "Slurm's daemons need root"
    try:
        socket.gethostbyname(socket.gethostname())
    except OSError:
        return f"the name of this machine, {socket.gethostname()}, has no address; /etc/hosts may give it 127.0.0.1"
    return None


def _free_ports(n: int) -> list[int]:
    """Ports that nobody listens on, below those that systems give away."""
    found: list[int] = []
    for port in range(20000 + os.getpid() * 7 % 8000, 32000):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == n:
            return found
    raise SlurmError("no free port")


def _environment_of(process: int) -> dict[str, str]:
    try:
        text = Path(f"/proc/{process}/environ").read_bytes().decode("utf-8", "replace")
    except OSError:
        return {}
    return dict(entry.split("=", 1) for entry in text.split("\0") if "=" in entry)


class Cluster:
    """Daemons from `with` to its end."""

    def __init__(self, cpus: int = 4) -> None:
        # Paths of sockets are short.
        self.root = Path(tempfile.mkdtemp(prefix="slurm-"))
        self.cpus = cpus
        self.node = socket.gethostname().split(".")[0]
        self.daemons: dict[str, subprocess.Popen[bytes]] = {}
        others = {name: value for name, value in os.environ.items() if not name.startswith(("SLURM", "SBATCH"))}
        self.environment = {**others, "PATH": PATH, "SLURM_CONF": str(self.root / "slurm.conf")}

    def __enter__(self) -> Cluster:
        try:
            self._configure()
            munge = self.root / "munge"
            self._start(
                "munged",
                "--foreground",
                "--force",
                f"--socket={munge}/socket",
                f"--key-file={munge}/key",
                f"--pid-file={munge}/pid",
                f"--log-file={munge}/log",
                f"--seed-file={munge}/seed",
            )
            self.until("a socket of munge", (munge / "socket").exists)
            self._start("slurmctld", "-D", "-i", "-f", self.environment["SLURM_CONF"])
            self.until("slurmctld", lambda: "is UP" in self.run("scontrol", "ping", check=False))
            self.start_slurmd()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _configure(self) -> None:
        self.root.chmod(0o755)
        for folder in ("munge", "state", "spool", "log"):
            (self.root / folder).mkdir(mode=0o755)
        controller_port, node_port = _free_ports(2)
        config = CONFIG.format(
            root=self.root, node=self.node, cpus=self.cpus, controller_port=controller_port, node_port=node_port
        )
        (self.root / "slurm.conf").write_text(config)
        (self.root / "plugstack.conf").write_text("")
        (self.root / "cgroup.conf").write_text("")
        key = self.root / "munge" / "key"
        self.run("mungekey", "--create", f"--keyfile={key}")
        key.chmod(0o600)

    def _start(self, name: str, *arguments: str) -> None:
        program = shutil.which(name, path=PATH)
        assert program is not None, "why_not() looks for it"
        with open(self.root / "log" / f"{name}.out", "ab") as out:
            self.daemons[name] = subprocess.Popen(
                [program, *arguments],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                cwd=self.root,
                start_new_session=True,
            )

    def start_slurmd(self) -> None:
        """Starts the daemon of the node and waits until it is up."""
        self._start("slurmd", "-D", "-f", self.environment["SLURM_CONF"], "-N", self.node)
        up = ("idle", "mixed", "allocated", "completing")
        self.until("a node that is up", lambda: self.run("sinfo", "-h", "-N", "-o", "%T", check=False).strip() in up)

    def kill_slurmd(self) -> None:
        """Kills the daemon of the node; what it runs lives on."""
        self.daemons["slurmd"].kill()
        self.daemons["slurmd"].wait()

    def kill_node(self) -> None:
        """Kills the daemon of the node and all that it runs, as if the power were lost."""
        self.kill_slurmd()
        keep = {daemon.pid for daemon in self.daemons.values()}
        self._kill_all(keep)

    def processes(self) -> list[int]:
        """The processes of this cluster."""
        numbers = (int(name) for name in os.listdir("/proc") if name.isdigit())
        own = self.environment["SLURM_CONF"]
        daemon_or_job = ("SLURM_JOB_ID", "SLURMD_NODENAME")
        found = []
        for number in numbers:
            environment = _environment_of(number)
            if environment.get("SLURM_CONF") != own or number == os.getpid():
                continue
            try:
                name = Path(f"/proc/{number}/comm").read_text().strip()
            except OSError:
                continue
            if name.startswith(("slurm", "munged")) or any(key in environment for key in daemon_or_job):
                found.append(number)
        return found

    def _kill_all(self, keep: set[int]) -> None:
        for _ in range(50):
            left = [number for number in self.processes() if number not in keep]
            if not left:
                return
            for number in left:
                try:
                    os.kill(number, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            time.sleep(0.1)
        raise SlurmError(f"still running: {left}")

    def stop(self) -> None:
        """Ends every process and removes the directory."""
        for daemon in self.daemons.values():
            daemon.kill()
        self._kill_all(set())
        for daemon in self.daemons.values():
            daemon.wait(10)
        shutil.rmtree(self.root, ignore_errors=True)

    def run(self, *command: str, check: bool = True) -> str:
        """What a command prints."""
        done = subprocess.run(
            command, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
        )
        if check and done.returncode:
            raise SlurmError(f"{' '.join(command)}: {(done.stderr or done.stdout).strip()}")
        return done.stdout

    def until(self, what: str, test, timeout: float = 60.0):  # noqa: ANN001, ANN201 - whatever the test gives
        """Waits until a test gives something true, and returns it."""
        end = time.monotonic() + timeout
        while not (got := test()):
            for name, daemon in self.daemons.items():
                if daemon.poll() is not None and name != "slurmd":
                    raise SlurmError(f"{name} ended\n{self.logs()}")
            if time.monotonic() > end:
                raise SlurmError(f"no {what} after {timeout:.0f} s\n{self.logs()}")
            time.sleep(0.1)
        return got

    def logs(self) -> str:
        """The ends of all logs."""
        ends = []
        for path in sorted((self.root / "log").glob("*")):
            ends.append(f"--- {path.name}")
            ends += path.read_text(errors="replace").splitlines()[-15:]
        return "\n".join(ends)

    def states(self, job: str) -> dict[str, tuple[str, int]]:
        """The state of each element of a job, and how often it was started again."""
        told = self.run("scontrol", "-o", "show", "job", job, check=False)
        states = {}
        for line in told.splitlines():
            fields = dict(re.findall(r"(\w[\w:/]*)=(\S*)", line))
            if "JobId" in fields:
                name = fields.get("ArrayTaskId", fields["JobId"])
                states[name] = (fields["JobState"], int(fields["Restarts"]))
        return states

    def wait(self, job: str, timeout: float = 300.0) -> dict[str, tuple[str, int]]:
        """Waits until no element of a job will run again."""

        def final() -> dict[str, tuple[str, int]] | None:
            states = self.states(job)
            return states if states and all(state in FINAL for state, _ in states.values()) else None

        return self.until(f"end of job {job}, {self.states(job)}", final, timeout)

    def processes_of(self, job: str, name: str) -> dict[str, int]:
        """The running processes of that name which Slurm started, by the number of the element; not those that they started."""
        found = {}
        for number in self.processes():
            environment = _environment_of(number)
            try:
                program = Path(f"/proc/{number}/comm").read_text().strip()
            except OSError:
                continue
            is_started_by_it = "INFOPLANE_SWEEP_WORKER" not in environment
            if program == name and is_started_by_it and environment.get("SLURM_ARRAY_JOB_ID") == job:
                found[environment["SLURM_ARRAY_TASK_ID"]] = number
        return found
