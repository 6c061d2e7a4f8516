"""A regression network: what its layers know of the target.

I(T;Y) needs a Y of classes: the target in eight bins of equal numbers of samples. For the last layer, a single unit, the information
with the target itself is estimated beside it, without bins.

    python pytorch_regression.py runs/regression
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import nn

import infoplane
import infoplane.torch

EPOCHS = 100


def main(folder: Path, epochs: int = EPOCHS) -> tuple[infoplane.Run, list[float]]:
    """Trains and records; returns the run, and I(output; target) in bits at some epochs."""
    torch.manual_seed(0)
    x = torch.rand(2000, 4) * 2 - 1
    target = torch.sin(3 * x[:, 0]) * x[:, 1] + 0.5 * x[:, 2] ** 2 + 0.1 * torch.randn(2000)
    classes = np.digitize(target.numpy(), np.quantile(target.numpy(), np.linspace(0, 1, 9)[1:-1]))
    model = nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 8), nn.Tanh(), nn.Linear(8, 1))
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    recorder = infoplane.torch.Recorder(
        model, x, classes, run=folder / "plane", estimators=[infoplane.Binned(rule="floor", bin_width=0.2)], schedule=10
    )
    told = []
    for epoch in range(epochs + 1):
        loss = nn.functional.mse_loss(model(x)[:, 0], target)
        recorder.epoch(epoch, loss=loss.item())
        if epoch % 25 == 0:
            output = recorder.activations()["4"]
            estimate = infoplane.mutual_information(output, target, estimator="ksg", standard_error=False)
            told.append(estimate.bits)
            print(f"epoch {epoch:3}: loss {loss.item():.3f}, I(output; target) = {estimate.bits:.2f} bits")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return recorder.finish(), told


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp()))
