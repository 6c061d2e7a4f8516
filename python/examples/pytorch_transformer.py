"""Where a small transformer has its answer: the information plane of single positions.

Sequences of 0 and 1 with a question mark at the end; the answer is whether the first and the third token agree. The last position
must fetch both by attention. Recorded are the blocks, once at the last position and once at the first.

    python pytorch_transformer.py runs/transformer
"""

import sys
import tempfile
from pathlib import Path

import torch
from torch import nn

import infoplane
import infoplane.torch

LENGTH, WIDTH, EPOCHS = 8, 32, 30


class Transformer(nn.Module):
    """Two blocks over embedded tokens; the answer is read at the last position."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(3, WIDTH)
        self.positions = nn.Parameter(0.1 * torch.randn(LENGTH + 1, WIDTH))
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(WIDTH, nhead=4, dim_feedforward=64, dropout=0.0, batch_first=True) for _ in range(2)
        )
        self.head = nn.Linear(WIDTH, 2)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        t = self.embedding(tokens) + self.positions
        for block in self.blocks:
            t = block(t)
        return self.head(t[:, -1])


def main(folder: Path, epochs: int = EPOCHS) -> dict[str, infoplane.Run]:
    """Trains and records; returns the runs by position."""
    torch.manual_seed(0)
    tokens = torch.cat([torch.randint(0, 2, (1024, LENGTH)), torch.full((1024, 1), 2)], dim=1)
    answer = (tokens[:, 0] == tokens[:, 2]).long()
    model = Transformer()
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    # A row of 32 units: noise of a tenth of a unit each tells what is far apart from what is not.
    recorders = {
        name: infoplane.torch.Recorder(
            model, tokens, answer, ["blocks.0", "blocks.1"], run=folder / name, positions=position,
            estimators=[infoplane.Kde(noise_variances=[0.1])], schedule="log-spaced", epochs=epochs,
        )
        for name, position in (("last", -1), ("first", 0))
    }
    for epoch in range(epochs + 1):
        for recorder in recorders.values():
            recorder.epoch(epoch)
        for batch in torch.randperm(len(tokens)).split(256):
            loss = nn.functional.cross_entropy(model(tokens[batch]), answer[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    runs = {name: recorder.finish() for name, recorder in recorders.items()}
    for name, run in runs.items():
        plane = run.plane.to_pandas()
        last = plane[(plane["epoch"] == epochs) & (plane["bound"] == "lower")]
        said = ", ".join(f"{row.layer_name} {row.i_ty_bits:.2f}" for row in last.itertuples())
        print(f"{name} position: I(T;Y) of at least {said} bits")
    return runs


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp()))
