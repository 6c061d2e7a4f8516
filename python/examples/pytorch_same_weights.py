"""The plane of the same weights, by the command's own networks and by PyTorch.

Trains the 12-bit task with the package itself, puts the weights of each kept epoch into a PyTorch model of the same shape, and
records that: the two planes agree to rounding.

    python pytorch_same_weights.py runs/same-weights
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import nn

import infoplane
import infoplane.torch

EPOCHS = 40


def tensors(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a safetensors file."""
    raw = path.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    found = {}
    for name, entry in json.loads(raw[8 : 8 + length]).items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            start, end = entry["data_offsets"]
            values = np.frombuffer(raw[8 + length :][start:end], dtype=np.float32)
            found[name] = torch.tensor(values.reshape(entry["shape"]).copy())
    return found


def model_of(weights: dict[str, torch.Tensor]) -> nn.Sequential:
    """Tanh layers and a softmax, as the preset has them."""
    n_layers = sum(name.startswith("layers.") and name.endswith(".weight") for name in weights)
    modules: list[nn.Module] = []
    for layer in range(n_layers):
        weight = weights[f"layers.{layer}.weight"]
        linear = nn.Linear(weight.shape[1], weight.shape[0])
        linear.load_state_dict({"weight": weight, "bias": weights[f"layers.{layer}.bias"]})
        modules += [linear, nn.Tanh() if layer < n_layers - 1 else nn.Softmax(dim=1)]
    return nn.Sequential(*modules)


def main(folder: Path) -> float:
    """The largest difference of the two planes, in bits."""
    own = infoplane.run("saxe2018-tanh", folder / "own", training={"epochs": EPOCHS}, seeds=1)
    inputs, labels = infoplane.samples("saxe2018-tanh")
    kept = sorted((folder / "own" / "keyframes" / "seed-0").glob("*.safetensors"))
    model = model_of(tensors(kept[0]))
    recorder = infoplane.torch.Recorder(
        model, torch.from_numpy(inputs), labels, run=folder / "torch", estimators=infoplane.experiment("saxe2018-tanh")["estimators"]
    )
    epochs = []
    for path in kept:
        epochs.append(int(path.stem.removeprefix("epoch-")))
        model.load_state_dict(model_of(tensors(path)).state_dict())
        recorder.epoch(epochs[-1])
    by_torch = recorder.finish()

    difference = 0.0
    for epoch in sorted(set(epochs) & set(own.plane["epoch"])):
        for column in ("i_xt_bits", "i_ty_bits"):
            one = own.plane[column][own.plane["epoch"] == epoch]
            other = by_torch.plane[column][by_torch.plane["epoch"] == epoch]
            difference = max(difference, float(np.abs(one - other).max()))
    print(f"{len(epochs)} epochs; the planes differ by at most {difference:.1e} bits")
    return difference


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp()))
