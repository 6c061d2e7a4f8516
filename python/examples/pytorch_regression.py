"""A regression network: what its layers know of the target.

Y is the target itself, a number for each sample, and I(T;Y) that of the two as numbers, by nearest neighbours: without bins. Of layers
of many units neighbours see less than there is; of the output, a single unit, they see what there is.

    python pytorch_regression.py runs/regression
"""

import sys
import tempfile
from pathlib import Path

import torch
from torch import nn

import infoplane
import infoplane.torch

EPOCHS = 100


def main(folder: Path, epochs: int = EPOCHS) -> infoplane.Run:
    """Trains and records; returns the run."""
    torch.manual_seed(0)
    x = torch.rand(2000, 4) * 2 - 1
    target = torch.sin(3 * x[:, 0]) * x[:, 1] + 0.5 * x[:, 2] ** 2 + 0.1 * torch.randn(2000)
    model = nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 8), nn.Tanh(), nn.Linear(8, 1))
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    recorder = infoplane.torch.Recorder(model, x, target=target, run=folder / "plane", estimators=["ksg"], schedule=10)
    for epoch in range(epochs + 1):
        loss = nn.functional.mse_loss(model(x)[:, 0], target)
        recorder.epoch(epoch, loss=loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    run = recorder.finish()
    rows = run.plane
    for epoch, layer, bits in zip(rows["epoch"], rows["layer_name"], rows["i_ty_bits"]):
        print(f"epoch {epoch:3}, layer {layer}: I(T;Y) = {bits:.2f} bits")
    return run


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp()))
