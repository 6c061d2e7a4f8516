"""The plane of the same weights, by the command's own networks and by PyTorch.

Trains a network with the package itself, puts the weights of each kept epoch into a PyTorch model of the same shape, and records
that: the two planes agree to rounding. The layers that PyTorch computes are compared with those weights applied in double
precision, too. The task is the 12-bit one of Shwartz-Ziv & Tishby (2017), or the 1797 handwritten digits of scikit-learn.

    python pytorch_same_weights.py 12-bit runs/same-weights
    python pytorch_same_weights.py digits runs/same-digits
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


def twelve_bits(folder: Path) -> dict:
    """The published network, for forty epochs instead of ten thousand."""
    return infoplane.experiment("saxe2018-tanh", training={"epochs": 40}, seeds=1)


def digits(folder: Path) -> dict:
    """A network of 32 and 16 tanh units; every epoch is kept and measured."""
    from sklearn.datasets import load_digits

    pixels, numbers = load_digits(return_X_y=True)
    np.savez(folder / "digits.npz", x=pixels, y=numbers)
    found = infoplane.experiment(
        "saxe2018-tanh",
        seeds=1,
        dataset={"source": {"kind": "npz", "file": str(folder / "digits.npz")}, "scaling": {"divide": 16}},
        network={"hidden": [32, 16]},
        training={"epochs": 20, "batch_size": 64, "optimizer": {"kind": "adam", "learning_rate": 2e-3}},
        # No bins: a value within rounding of an edge would be in another one, and change I(X;T) by a thousandth of a bit.
        estimators=[{"kind": "kde", "noise_variances": [0.1]}],
        schedule={"kind": "every", "interval": 1},
        keyframes={"interval": 1},
    )
    return {**found, "name": "digits"}


TASKS = {"12-bit": twelve_bits, "digits": digits}


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


def n_layers(weights: dict[str, torch.Tensor]) -> int:
    """How many layers have weights; the names of what the optimizer remembers begin in another way."""
    return sum(name.startswith("layers.") and name.endswith(".weight") for name in weights)


def model_of(weights: dict[str, torch.Tensor]) -> nn.Sequential:
    """Tanh layers and a softmax, as the preset has them."""
    modules: list[nn.Module] = []
    for layer in range(n_layers(weights)):
        weight = weights[f"layers.{layer}.weight"]
        linear = nn.Linear(weight.shape[1], weight.shape[0])
        linear.load_state_dict({"weight": weight, "bias": weights[f"layers.{layer}.bias"]})
        modules += [linear, nn.Tanh() if layer < n_layers(weights) - 1 else nn.Softmax(dim=1)]
    return nn.Sequential(*modules)


def in_double_precision(weights: dict[str, torch.Tensor], inputs: np.ndarray) -> list[np.ndarray]:
    """The same layers without PyTorch."""
    layers, t = [], inputs.astype(np.float64)
    for layer in range(n_layers(weights)):
        t = t @ weights[f"layers.{layer}.weight"].numpy().T.astype(np.float64) + weights[f"layers.{layer}.bias"].numpy()
        if layer < n_layers(weights) - 1:
            t = np.tanh(t)
        else:
            t = np.exp(t - t.max(axis=1, keepdims=True))
            t /= t.sum(axis=1, keepdims=True)
        layers.append(t)
    return layers


def main(task: str, folder: Path) -> tuple[float, float]:
    """The largest difference of activations, and that of the two planes in bits."""
    folder.mkdir(parents=True, exist_ok=True)
    experiment = TASKS[task](folder)
    own = infoplane.run(experiment, folder / "own")
    inputs, labels = infoplane.samples(experiment)
    kept = sorted((folder / "own" / "keyframes" / "seed-0").glob("*.safetensors"))
    model = model_of(tensors(kept[0]))
    of_run = {"run": folder / "torch", "estimators": experiment["estimators"]}
    recorder = infoplane.torch.Recorder(model, torch.from_numpy(inputs), labels, **of_run)
    epochs, of_activations = [], 0.0
    for path in kept:
        weights = tensors(path)
        model.load_state_dict(model_of(weights).state_dict())
        layers = recorder.activations()
        for one, other in zip(layers.values(), in_double_precision(weights, inputs)):
            of_activations = max(of_activations, float(np.abs(one - other).max()))
        epochs.append(int(path.stem.removeprefix("epoch-")))
        recorder.epoch(epochs[-1], layers)
    by_torch = recorder.finish()

    of_bits, compared = 0.0, sorted(set(epochs) & set(own.plane["epoch"].tolist()))
    for epoch in compared:
        for column in ("i_xt_bits", "i_ty_bits"):
            one = own.plane[column][own.plane["epoch"] == epoch]
            other = by_torch.plane[column][by_torch.plane["epoch"] == epoch]
            of_bits = max(of_bits, float(np.abs(one - other).max()))
    accuracy = own.training["test_accuracy"][-1]
    print(f"{task}: {len(inputs)} samples, {len(layers)} layers, accuracy {accuracy:.3f} on samples that were not trained on")
    print(f"{len(epochs)} epochs: activations differ by at most {of_activations:.1e}")
    print(f"{len(compared)} epochs: the planes differ by at most {of_bits:.1e} bits")
    assert of_activations < 1e-6 and of_bits < 1e-4
    return of_activations, of_bits


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "12-bit", Path(sys.argv[2]) if len(sys.argv) > 2 else Path(tempfile.mkdtemp()))
