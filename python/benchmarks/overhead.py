"""What Python adds to an estimate: the same estimate by a call of the package and inside a Rust program, in turn.

The Rust program is an example of the estimators' crate. It reads the same samples and times the estimate itself, on as many threads:

    cargo build --release -p infoplane-estimators --example time_estimates
    python python/benchmarks/overhead.py --rust target/release/examples/time_estimates

Without it the times through Python stand alone. What Python adds: checks of the arguments, classes numbered by `numpy.unique`, a
thread that can be interrupted, and the result as an object.
"""

import argparse
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from timing import duration, heading, median, table

import infoplane

DESCRIPTIONS = {"ksg": "KSG, 1 + 1 columns", "kde": "KDE, layer of 1 unit", "binned": "bins, layer of 1 unit"}


def calls_of(n):
    """For each estimator a call of the package that returns what the Rust program does, in nats."""
    random = np.random.default_rng(n)
    x = random.normal(size=(n, 1))
    y = 0.5 * x + random.normal(size=(n, 1))
    t, classes = x.astype(np.float32), (y[:, 0] > 0).astype(np.int64)
    ksg, kde = infoplane.Ksg(k=3), infoplane.Kde(noise_variances=[0.1])
    binned = infoplane.Binned(rule="floor", bin_width=0.5)
    calls = {
        "ksg": lambda: infoplane.mutual_information(x, y, ksg, standard_error=False).nats,
        # The Rust program has no I(T;Y) of shuffled labels.
        "kde": lambda: infoplane.layer_information(t, classes, kde, shuffled=False)[0].i_ty.nats,
        "binned": lambda: infoplane.layer_information(t, classes, binned, shuffled=False)[0].i_ty.nats,
    }
    return x, y, calls


class Rust:
    """The Rust program, which answers as often as it is asked."""

    def __init__(self, program, x, y, threads):
        self._folder = tempfile.TemporaryDirectory()
        files = [str(Path(self._folder.name) / f"{name}.f64") for name in "xy"]
        for values, file in zip((x, y), files, strict=True):
            values.astype("<f8").tofile(file)
        command = [program, *files, str(threads)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, name, calls):
        """The median of the seconds of so many calls, and the value."""
        self._process.stdin.write(f"{name} {calls}\n")
        self._process.stdin.flush()
        nanoseconds, value = self._process.stdout.readline().split()
        return int(nanoseconds) / 1e9, float(value)

    def close(self):
        """Let the program end."""
        self._process.stdin.close()
        self._process.wait()
        self._folder.cleanup()


def through_python(call, calls):
    """The median of the seconds of so many calls, and the value."""
    seconds = []
    for _ in range(calls):
        start = time.perf_counter()
        value = call()
        seconds.append(time.perf_counter() - start)
    return median(seconds), value


def main():
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rust", default="target/release/examples/time_estimates")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=15)
    given = parser.parse_args()
    heading("numpy")
    infoplane.set_threads(given.threads)
    there = Path(given.rust).exists()
    rows = [["", "samples", "Python", "Rust", "Python adds", "share"]]
    for n in (1000, 10_000):
        x, y, calls = calls_of(n)
        rust = Rust(given.rust, x, y, given.threads) if there else None
        for name, call in calls.items():
            # A batch takes a few hundredths of a second, so that a switch from one program to the other does not weigh.
            single, value = through_python(call, 3)
            batch = max(3, min(200, int(0.05 / single)))
            if rust is not None:
                assert abs(rust(name, 3)[1] - value) < 1e-12, (name, n)
            own, other = [], []
            for _ in range(given.repeats):
                own.append(through_python(call, batch)[0])
                if rust is not None:
                    other.append(rust(name, batch)[0])
            row = [DESCRIPTIONS[name], str(n), duration(median(own))]
            if rust is not None:
                adds = median([a - b for a, b in zip(own, other, strict=True)])
                row += [duration(median(other)), duration(adds), f"{100 * adds / median(other):.1f} %"]
            rows.append(row + [""] * (6 - len(row)))
        if rust is not None:
            rust.close()
    table(rows)
    print(f"\n{given.threads} thread(s); medians of {given.repeats} batches of calls in turn")
    if not there:
        print(f"{given.rust} is not there: no times of Rust")


if __name__ == "__main__":
    main()
