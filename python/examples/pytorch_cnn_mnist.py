"""A small convolutional network on MNIST, its maps averaged over positions.

Reads the four files of MNIST (idx, plain or .gz) from a folder.

    python pytorch_cnn_mnist.py data/mnist runs/cnn
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

EPOCHS = 3


def idx(folder: Path, name: str) -> np.ndarray:
    """An idx file of bytes: a header of 4 bytes and one of 4 for each axis, then the values."""
    path = next(path for path in (folder / name, folder / f"{name}.gz") if path.exists())
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    axes = [int.from_bytes(raw[4 + 4 * axis : 8 + 4 * axis], "big") for axis in range(raw[3])]
    return np.frombuffer(raw, dtype=np.uint8, offset=4 + 4 * len(axes)).reshape(axes)


def main(data: Path, folder: Path, epochs: int = EPOCHS, n_train: int = 10_000) -> infoplane.Run:
    """Trains on the first images of the training set, and records on two thousand of the test set."""
    torch.manual_seed(0)
    images = torch.tensor(idx(data, "train-images-idx3-ubyte")[:n_train, None] / np.float32(255))
    digits = torch.tensor(idx(data, "train-labels-idx1-ubyte")[:n_train].astype(np.int64))
    probe = torch.tensor(idx(data, "t10k-images-idx3-ubyte")[:2000, None] / np.float32(255))
    probe_digits = idx(data, "t10k-labels-idx1-ubyte")[:2000]
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(32 * 7 * 7, 64), nn.ReLU(), nn.Linear(64, 10),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    with infoplane.torch.Recorder(
        model, probe, probe_digits, run=folder, positions="mean", estimators=[infoplane.Kde(noise_variances=[1e-2])]
    ) as recorder:
        recorder.epoch(0)
        for epoch in range(1, epochs + 1):
            model.train()
            for batch in torch.randperm(len(images)).split(128):
                loss = nn.functional.cross_entropy(model(images[batch]), digits[batch])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            recorder.epoch(epoch, loss=loss.item())
    run = infoplane.load(folder)
    print(run.summary())
    return run


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else Path(tempfile.mkdtemp()) / "run")
