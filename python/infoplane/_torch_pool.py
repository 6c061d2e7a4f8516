"""Late weights of a PyTorch model, or those of several trainings, pooled as samples of one distribution."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from . import _native
from ._errors import RecordError
from ._estimate import Progress, _Bar, whole
from ._experiment import PooledNetworks
from ._recorder import Positions, _checked_positions, _classes, estimators_of
from ._torch_observer import Observer, same_inputs

#: Of the keys that checkpoints of other programs have, those that hold the weights.
_WEIGHTS = ("state_dict", "model_state_dict", "model")

#: What wrappers put before the names of weights.
_PREFIXES = ("module.", "_orig_mod.", "model.")


def as_if_random(
    model: nn.Module,
    inputs: Any,
    labels: Any = None,
    layers: str | Sequence[str] | None = None,
    *,
    weights: Sequence[Any] | Mapping[int, Any],
    out: str | os.PathLike[str],
    over: Literal["epochs", "seeds"] = "epochs",
    estimators: Any = None,
    losses: Sequence[float] | None = None,
    accuracies: Sequence[float] | None = None,
    positions: Positions = "flatten",
    channels_last: bool = False,
    name: str | None = None,
    x: Any = None,
    batch_size: int = 512,
    forward: Callable[[nn.Module, Any], Any] | None = None,
    memory: int = 4 << 30,
    progress: Progress = None,
) -> PooledNetworks:
    """Pool the weights of late epochs as samples of one distribution, and measure I(X;T) of the pool.

    With random weights a layer T is a random function of the input, and I(X;T) = H(T) - H(T|X) can be less than H(X) although
    every single network tells all inputs apart. Whether the weights may be taken for such samples is for the drift to tell, which
    the report shows beside every value: see `docs/as-if-random.md`.

    Parameters
    ----------
    model
        The model that the weights are of. In the end it has its own weights again.
    inputs, labels, layers, positions, channels_last, name, x, batch_size, forward
        As for :class:`Recorder`.
    weights
        The networks: dictionaries of weights as ``model.state_dict()`` returns them, copied, or files of `torch.save` with such a
        dictionary; by epoch, or in the order of evenly spaced epochs. ``over="seeds"``: by seed.
    out
        The directory of the result.
    over
        Whether the networks are of the epochs of one training, or of several trainings. Only epochs drift.
    estimators
        As for :class:`Recorder`; 30 equal bins on the range of each layer over the whole pool unless given.
    losses, accuracies
        Of each network on the training samples, where they are known.
    memory
        Bytes that the activations of the pool may take, 4 for each sample, unit and network.
    progress
        ``progress(networks, total)``, or true for a bar.

    Returns
    -------
    PooledNetworks
        With ``pool``, ``drift``, ``window`` and ``overlap`` as tables, and ``report()``.

    Examples
    --------
    .. code-block:: python

        late = {}
        for epoch in range(1, 301):
            train_one_epoch(model)
            if epoch > 44:
                late[epoch] = copy.deepcopy(model.state_dict())
        pooled = infoplane.torch.as_if_random(model, inputs, labels, weights=late, out="runs/mine/as-if-random")
        pooled.report()
    """
    if over not in ("epochs", "seeds"):
        raise ValueError(f"over = {over!r}; allowed are 'epochs' and 'seeds'")
    numbered = _numbered(weights)
    memory = whole("memory", memory, 1)
    statistics = {"losses": losses, "accuracies": accuracies}
    known = {what: _known(what, values, len(numbered)) for what, values in statistics.items()}
    patterns = [layers] if isinstance(layers, str) else None if layers is None else list(layers)
    observer = Observer(model, inputs, patterns, _checked_positions(positions), channels_last, batch_size, forward)
    labels = observer.labels if labels is None else labels
    if labels is None:
        raise TypeError("labels is missing: give the class of each sample")
    y = _classes(labels)
    x = same_inputs(observer.inputs) if x is None else _classes(x)
    if not len(x) == len(y) == observer.n_samples:
        sizes = f"inputs has {observer.n_samples} samples, labels has {len(y)}, x has {len(x)}"
        raise RecordError(f"{sizes}; each input needs one of each")
    default = {"kind": "binned", "rule": "equal", "bins": 30, "range": "layer"}
    methods = estimators_of(default if estimators is None else estimators)
    observer.find()
    need = 4 * len(numbered) * observer.n_samples * sum(observer.widths.values())
    if need > memory:
        raise RecordError(
            f"memory = {memory}, and the layers of {len(numbered)} networks on {observer.n_samples} inputs take {need} bytes; name "
            "fewer layers, give fewer inputs, networks or units (positions='mean'), or more memory"
        )
    path = os.path.abspath(os.fspath(out))
    described = {
        "name": name or os.path.basename(path),
        "labels": y,
        "inputs": x,
        "layers": [(part, width, observer.nonlinearities[part]) for part, width in observer.widths.items()],
        "estimators": [(method.name, method.settings) for method in methods],
        "schedule": {"kind": "every", "interval": 1},
        "planned_epochs": None,
        "by": "infoplane.torch.as_if_random",
        "class": type(observer.model).__name__,
        "settings": {"positions": positions, **({} if patterns is None else {"layers": patterns})},
    }
    networks = _native.Networks(described, len(numbered), over == "seeds")
    groups = _parameters(observer)
    with _Bar(progress) as told, _exchanged(observer.model) as exchange:
        for place, (number, given) in enumerate(numbered):
            exchange(_loaded(given, f"weights[{number}]"), f"weights[{number}]")
            layers_of = observer.observe(torch.device("cpu"))
            networks.add(
                {
                    "seed": number if over == "seeds" else 0,
                    "epoch": 0 if over == "seeds" else number,
                    "layers": [tensor.numpy() for tensor in layers_of.values()],
                    "parameters": [_joined(group) for group in groups],
                    "weight_norm": _norm(observer.model),
                    "loss": known["losses"][place],
                    "accuracy": known["accuracies"][place],
                }
            )
            if told is not None:
                told(place + 1, len(numbered))
    networks.measure(path)
    return PooledNetworks(path)


def _numbered(weights: Any) -> list[tuple[int, Any]]:
    """The networks with their epochs or seeds."""
    if isinstance(weights, nn.Module) or (isinstance(weights, Mapping) and any(isinstance(key, str) for key in weights)):
        raise TypeError("weights is one network; give several, as {epoch: copy.deepcopy(model.state_dict()), ...}")
    if isinstance(weights, Mapping):
        found = sorted((whole("a key of weights", number, 0), given) for number, given in weights.items())
    elif isinstance(weights, Sequence) and not isinstance(weights, (str, bytes)):
        found = list(enumerate(weights, 1))
    else:
        raise TypeError(f"weights is a {type(weights).__name__}; allowed are lists, and dictionaries by epoch or seed")
    if not found:
        raise RecordError("weights is empty; give the networks to be pooled")
    return found


def _known(what: str, values: Any, n_networks: int) -> list[float | None]:
    if values is None:
        return [None] * n_networks
    found = [None if value is None else float(value) for value in values]
    if len(found) != n_networks:
        raise RecordError(f"{what} has {len(found)} values and weights has {n_networks} networks; give one for each")
    return found


def _loaded(given: Any, what: str) -> Mapping[str, Any]:
    """The weights of a network by their names."""
    if isinstance(given, (str, os.PathLike)):
        given = torch.load(given, map_location="cpu", weights_only=True)
    if isinstance(given, nn.Module):
        given = given.state_dict()
    if not isinstance(given, Mapping):
        raise TypeError(f"{what} is a {type(given).__name__}; allowed are dictionaries of weights, and files of torch.save with one")
    inner = next((given[key] for key in _WEIGHTS if isinstance(given.get(key), Mapping)), given)
    return {str(key): value for key, value in inner.items() if isinstance(value, torch.Tensor)}


@contextlib.contextmanager
def _exchanged(model: nn.Module) -> Generator[Callable[[Mapping[str, Any], str], None]]:
    """Gives a function that puts weights into the model; in the end it has its own again."""
    own = {key: value for key, value in model.state_dict(keep_vars=True).items() if isinstance(value, torch.Tensor)}
    before = {key: value.detach().clone() for key, value in own.items()}

    def exchange(weights: Mapping[str, Any], what: str) -> None:
        weights = _with_own_names(weights, own)
        lacking = [key for key in own if key not in weights]
        if lacking:
            raise RecordError(f"{what} lacks {', '.join(lacking[:3])}{' and others' if len(lacking) > 3 else ''} of the model")
        for key, value in own.items():
            if weights[key].shape != value.shape:
                raise RecordError(f"{what}: {key} is {tuple(weights[key].shape)}, and the model's is {tuple(value.shape)}")
            if value.numel() and weights[key].data_ptr() == value.data_ptr():
                raise RecordError(f"{what} is the model's own memory, not a copy; keep copy.deepcopy(model.state_dict())")
        for key, value in own.items():
            # As data, so that it does not count as a change: afterwards all is as it was.
            value.data.copy_(weights[key])

    try:
        yield exchange
    finally:
        for key, value in own.items():
            value.data.copy_(before[key])


def _with_own_names(weights: Mapping[str, Any], own: Mapping[str, Any]) -> Mapping[str, Any]:
    """Weights without what a wrapper has put before their names."""
    while not own.keys() <= weights.keys():
        prefix = next((prefix for prefix in _PREFIXES if all(key.startswith(prefix) for key in weights)), None)
        if prefix is None or not weights:
            break
        weights = {key[len(prefix) :]: value for key, value in weights.items()}
    return weights


def _parameters(observer: Observer) -> list[list[nn.Parameter]]:
    """The parameters of each layer: those of its module, and those of modules without a layer that come after it."""
    modules = {id(module): path for path, module in observer.model.named_modules()}
    first: dict[str, int] = {}
    for place, layer in enumerate(observer.layer_of.values()):
        first.setdefault(modules.get(id(layer.module), ""), place)
    groups: list[list[nn.Parameter]] = [[] for _ in observer.widths]
    place = 0
    for parameter_name, parameter in observer.model.named_parameters():
        within = [path for path in first if parameter_name.startswith(f"{path}.") or not path]
        if within:
            place = first[max(within, key=len)]
        groups[place].append(parameter)
    return groups


def _joined(parameters: Sequence[nn.Parameter]) -> np.ndarray[Any, np.dtype[np.float32]]:
    if not parameters:
        return np.empty(0, dtype=np.float32)
    flat = torch.cat([parameter.detach().reshape(-1).to("cpu", torch.float32) for parameter in parameters])
    return np.asarray(flat.numpy())


def _norm(model: nn.Module) -> float:
    """The Euclidean norm of all weights; parameters of one axis are biases, or scales of a norm."""
    squares = [float(parameter.detach().double().square().sum()) for parameter in model.parameters() if parameter.ndim > 1]
    return float(np.sqrt(np.sum(squares)))
