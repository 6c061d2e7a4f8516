"""A small convolutional network on MNIST, its maps averaged over positions.

The means of maps vary by a tenth or less from image to image, the units of the last layers by several: noise of one variance would
hide the first, or leave the last at I(X;T) = ln N in every epoch. So each layer is divided by its own spread before it is measured,
and the noise is a tenth of the variance of every layer in every epoch. The plane then shows that the maps know more of the image
and of the digit after training, and that the last layers come to know more of the digit and less of the image.

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

EPOCHS = 6


def idx(folder: Path, name: str) -> np.ndarray:
    """An idx file of bytes: a header of 4 bytes and one of 4 for each axis, then the values."""
    path = next(path for path in (folder / name, folder / f"{name}.gz") if path.exists())
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    axes = [int.from_bytes(raw[4 + 4 * axis : 8 + 4 * axis], "big") for axis in range(raw[3])]
    return np.frombuffer(raw, dtype=np.uint8, offset=4 + 4 * len(axes)).reshape(axes)


def scaled(layers: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Layers whose variance is 1, summed over their units."""
    return {name: t / np.sqrt(t.var(axis=0).sum()) for name, t in layers.items()}


def main(data: Path, folder: Path, epochs: int = EPOCHS, n_train: int = 6_000) -> infoplane.Run:
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
        model,
        probe,
        probe_digits,
        run=folder,
        name="MNIST, layers scaled to variance 1",
        positions="mean",
        estimators=[infoplane.Kde(noise_variances=[0.1])],
    ) as recorder:

        def record(epoch: int, loss: float | None = None) -> None:
            layers = recorder.activations()
            right = layers["11"].argmax(axis=1) == probe_digits
            recorder.epoch(epoch, scaled(layers), loss=loss, test_accuracy=right.mean())

        record(0)
        for epoch in range(1, epochs + 1):
            model.train()
            for batch in torch.randperm(len(images)).split(128):
                loss = nn.functional.cross_entropy(model(images[batch]), digits[batch])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            record(epoch, loss.item())
    run = infoplane.load(folder)
    run.report()
    print(run.summary())
    print(f"the figures are in {folder / 'report'}")
    return run


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else Path(tempfile.mkdtemp()) / "run")
