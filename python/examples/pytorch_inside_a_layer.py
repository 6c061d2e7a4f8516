"""In how many units a digit is found: a narrow classifier of MNIST, as in the work that introduced these measures.

A network of tanh units, 784-50-10-5-5-5-10, is measured on the images that it is trained on. Its units are symbols: 8 bins of tanh
each. For each layer the figure shows r, the number of units in which a bit about the digit is found alone, v, the number of units
that a bit cannot do without, and for the layers of five units C, the number of units that must be read for a bit.

The widths are those of Gutknecht et al. (2025); there units are rounded to 8 levels in training as well, here only to be measured.

Reads the four files of MNIST (idx, plain or .gz) from a folder.

    python pytorch_inside_a_layer.py data/mnist runs/inside
"""

import gzip
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import nn

import infoplane
import infoplane.torch

EPOCHS = 60
WIDTHS = [784, 50, 10, 5, 5, 5]


def idx(folder: Path, name: str) -> np.ndarray:
    """An idx file of bytes: a header of 4 bytes and one of 4 for each axis, then the values."""
    path = next(path for path in (folder / name, folder / f"{name}.gz") if path.exists())
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    axes = [int.from_bytes(raw[4 + 4 * axis : 8 + 4 * axis], "big") for axis in range(raw[3])]
    return np.frombuffer(raw, dtype=np.uint8, offset=4 + 4 * len(axes)).reshape(axes)


def main(data: Path, folder: Path, epochs: int = EPOCHS, n_train: int = 60_000) -> infoplane.Run:
    """Trains on the first images of the training set, and records on the same."""
    torch.manual_seed(0)
    images = torch.tensor(idx(data, "train-images-idx3-ubyte")[:n_train].reshape(-1, 784) / np.float32(255))
    digits = torch.tensor(idx(data, "train-labels-idx1-ubyte")[:n_train].astype(np.int64))
    hidden = [nn.Sequential(nn.Linear(*pair), nn.Tanh()) for pair in zip(WIDTHS, WIDTHS[1:])]
    model = nn.Sequential(*hidden, nn.Linear(WIDTHS[-1], 10))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with infoplane.torch.Recorder(
        model,
        images,
        digits.numpy(),
        # The layers after their nonlinearity; the output is read by a softmax, and has no bins.
        layers=[f"{place}.1" for place in range(len(hidden))],
        run=folder,
        name="MNIST, 784-50-10-5-5-5-10, tanh",
        estimators=[infoplane.Binned(rule="equal", bins=8, range=[-1, 1])],
        quantities="units",
        schedule={"kind": "log-spaced", "points": 25},
        epochs=epochs,
    ) as recorder:
        recorder.epoch(0)
        for epoch in range(1, epochs + 1):
            right = 0
            for batch in torch.randperm(len(images)).split(64):
                output = model(images[batch])
                loss = nn.functional.cross_entropy(output, digits[batch])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                right += int((output.argmax(1) == digits[batch]).sum())
            recorder.epoch(epoch, loss=loss.item(), accuracy=right / len(images))
    run = infoplane.load(folder)
    run.report()
    print(run.summary())
    print(f"the figures are in {folder / 'report'}")
    return run


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else Path(tempfile.mkdtemp()) / "run")
