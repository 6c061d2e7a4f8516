"""What recording costs: time of training, time of observing the layers, and memory.

    python python/benchmarks/recording.py
    python python/benchmarks/recording.py --rows 60000 --epochs 2

A network 784-256-128-10 is trained on random images in batches of 128 and recorded at every epoch on 2000 others: alone, with bins,
with KDE. The time is that of all epochs and of what is still to be measured after the last one. Then the layers of this network and
of a small convolutional one are observed without measuring them, beside a plain pass without gradients through the same batches.
Last, the most memory that processes take beyond one plain pass, as a multiple of the bytes of the activations.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from timing import cores, duration, heading, in_turn, median, ratio, table
from torch import nn

import infoplane
import infoplane.torch

N_PROBE = 2000
BATCH = 512
BINS = infoplane.Binned(rule="floor", bin_width=0.5)
KDE = infoplane.Kde(noise_variances=[0.1])


def dense():
    """The network of 784, 256, 128 and 10 units."""
    layers = [nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10)]
    return nn.Sequential(nn.Flatten(), *layers)


def convolutional():
    """Two convolutions and two dense layers; 16 maps of 28 x 28 are most of the activations."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(32 * 7 * 7, 64), nn.ReLU(), nn.Linear(64, 10),
    )  # fmt: skip


def samples(n, seed):
    """Images of ten classes, each a pattern with noise."""
    random = torch.Generator().manual_seed(seed)
    patterns = torch.rand(10, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    labels = torch.randint(10, (n,), generator=random)
    return (patterns[labels] + 0.3 * torch.randn(n, 1, 28, 28, generator=random)).clamp_(0, 1), labels


def trains(images, labels, probe, epochs, estimators, background=True):
    """A function that trains a new network, and records it if there are estimators."""

    def train():
        torch.manual_seed(0)
        model = dense()
        optimizer = torch.optim.Adam(model.parameters(), 1e-3)
        recorder = None
        with tempfile.TemporaryDirectory() as folder:
            if estimators:
                of_run = {"run": Path(folder) / "run", "estimators": estimators, "background": background}
                recorder = infoplane.torch.Recorder(model, *probe, batch_size=BATCH, **of_run)
            for epoch in range(1, epochs + 1):
                for batch in torch.randperm(len(images)).split(128):
                    loss = nn.functional.cross_entropy(model(images[batch]), labels[batch])
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
                if recorder is not None:
                    recorder.epoch(epoch, loss=loss.item())
            if recorder is not None:
                recorder.finish()

    return train


def plain_pass(model, inputs):
    """A pass through the batches in which the recorder runs the model."""
    with torch.no_grad():
        for batch in inputs.split(BATCH):
            model(batch)


def recorder_of(model, folder, background=True, estimator=BINS):
    """A recorder of the probe."""
    inputs, labels = samples(N_PROBE, 2)
    run = Path(folder) / "run"
    return infoplane.torch.Recorder(model, inputs, labels, run=run, estimators=[estimator], batch_size=BATCH, background=background)


def training(rows, epochs, repeats):
    """Training alone and recorded."""
    images, labels = samples(rows, 1)
    probe = samples(N_PROBE, 2)
    works = {"alone": trains(images, labels, probe, epochs, None)}
    for name, estimator in [("with bins", BINS), ("with KDE", KDE)]:
        works[name] = trains(images, labels, probe, epochs, [estimator])
        works[f"{name}, background=False"] = trains(images, labels, probe, epochs, [estimator], background=False)
    seconds = in_turn(works, repeats)
    told = [["training, each epoch recorded", "an epoch", "ratio to alone"]]
    for name, of in seconds.items():
        told.append([name, duration(median(of) / epochs), f"{ratio(of, seconds['alone']):.2f}"])
    table(told)


def observing(repeats):
    """A plain pass, and one that keeps the layers."""
    told = [["observing the layers", "plain pass", "activations()", "ratio"]]
    for name, model in [("784-256-128-10", dense()), ("two convolutions", convolutional())]:
        model.eval()
        inputs, _ = samples(N_PROBE, 2)
        with tempfile.TemporaryDirectory() as folder:
            recorder = recorder_of(model, folder)
            # Several at once: a pass through the dense network is short.
            many = 10 if name.startswith("784") else 1
            works = {
                "plain": lambda model=model, inputs=inputs, many=many: [plain_pass(model, inputs) for _ in range(many)],
                "kept": lambda recorder=recorder, many=many: [recorder.activations() for _ in range(many)],
            }
            seconds = in_turn(works, repeats)
            recorder.close()
        plain, kept = (median(seconds[of]) / many for of in ("plain", "kept"))
        told.append([name, duration(plain), duration(kept), f"{ratio(seconds['kept'], seconds['plain']):.2f}"])
    table(told)


#: With KDE measuring is slower than a pass, so that the queue of epochs to be measured is full.
WAYS = {
    "activations()": "activations",
    "6 epochs at once, bins, background=False": "bins-waiting",
    "6 epochs at once, bins": "bins",
    "6 epochs at once, KDE, background=False": "kde-waiting",
    "6 epochs at once, KDE": "kde",
}


def memory():
    """The most memory of a process for each way, beyond a plain pass."""
    told = [["memory, two convolutions", "beyond a pass", "of the activations"]]
    for name, way in WAYS.items():
        command = [sys.executable, __file__, "--way", way]
        found = subprocess.run(command, env=dict(os.environ), stdout=subprocess.PIPE, text=True, check=True).stdout
        beyond, activations = map(int, found.split())
        told.append([name, f"{beyond / 2**20:.0f} MiB", f"{beyond / activations:.2f} of {activations / 2**20:.0f} MiB"])
    table(told)


def peak():
    """The most bytes of memory that this process had since :func:`forget_peak`."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def forget_peak():
    """Begin to look for the most memory anew. What `getrusage` tells includes the process that started this one."""
    Path("/proc/self/clear_refs").write_text("5")


def most_memory(way):
    """Print the bytes that this process takes beyond a plain pass, and those of the activations."""
    model = convolutional().eval()
    inputs, _ = samples(N_PROBE, 2)
    with tempfile.TemporaryDirectory() as folder:
        estimator = KDE if way.startswith("kde") else BINS
        recorder = recorder_of(model, folder, background=not way.endswith("waiting"), estimator=estimator)
        plain_pass(model, inputs)
        forget_peak()
        plain_pass(model, inputs)
        before = peak()
        forget_peak()
        if way == "activations":
            kept = recorder.activations()
            del kept
        else:
            for epoch in range(6):
                recorder.epoch(epoch)
            recorder.finish()
        after = peak()
        recorder.close()
        again = recorder_of(model, Path(folder) / "again")
        size = sum(layer.nbytes for layer in again.activations().values())
        again.close()
    print(after - before, size)


def main():
    """Print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=min(2, cores()))
    parser.add_argument("--way", choices=sorted(WAYS.values()), help=argparse.SUPPRESS)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    infoplane.set_threads(given.threads)
    if given.way:
        most_memory(given.way)
        return
    heading("numpy", "torch")
    print(f"{given.threads} threads; {given.rows} rows to train, {N_PROBE} to record; medians of {given.repeats} runs in turn\n")
    training(given.rows, given.epochs, given.repeats)
    print()
    observing(given.repeats)
    if Path("/proc/self/clear_refs").exists():
        print()
        memory()


if __name__ == "__main__":
    main()
