"""Late weights of a PyTorch model, or those of several trainings, pooled as samples of one distribution."""

from __future__ import annotations

import contextlib
import os
import pickle
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from torch import nn

from . import _native
from ._arrays import codes
from ._errors import RecordError
from ._estimate import Progress, _Bar, whole
from ._experiment import PooledNetworks
from ._recorder import Positions, _checked_positions, _classes, _directory, estimators_of
from ._torch_observer import Observer, patterns_of, same_inputs


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
        dictionary, as checkpoints are; by epoch, or in the order of evenly spaced epochs. ``over="seeds"``: by seed.
    out
        The directory of the result.
    over
        Whether the networks are of the epochs of one training, or of several trainings. Only epochs drift.
    estimators
        As for :class:`Recorder`; 30 equal bins on the range of each layer over the whole pool unless given.
    losses, accuracies
        Of each network on the training samples, where they are known; in the order of ``weights``, or by the same keys.
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
    if name is not None and not isinstance(name, str):
        raise TypeError(f"name is a {type(name).__name__}; allowed is text")
    path = _directory(out, "out")
    given = _numbered(weights)
    memory = whole("memory", memory, 1)
    networks_of = sorted(zip(given, _known("losses", losses, given), _known("accuracies", accuracies, given), strict=True), key=_number)
    patterns = patterns_of(layers)
    observer = Observer(model, inputs, patterns, _checked_positions(positions), channels_last, batch_size, forward)
    labels = observer.labels if labels is None else labels
    if labels is None:
        raise TypeError("labels is missing: give the class of each sample")
    y = _classes(labels)
    x = same_inputs(observer.inputs) if x is None else codes(x, "x")
    if not len(x) == len(y) == observer.n_samples:
        sizes = f"inputs has {observer.n_samples} samples, labels has {len(y)}, x has {len(x)}"
        raise RecordError(f"{sizes}; each input needs one of each")
    default = {"kind": "binned", "rule": "equal", "bins": 30, "range": "layer"}
    methods = estimators_of(default if estimators is None else estimators)
    observer.find()
    need = 4 * len(given) * observer.n_samples * sum(observer.widths.values())
    if need > memory:
        raise RecordError(
            f"memory = {memory}, and the layers of {len(given)} networks on {observer.n_samples} inputs take {need} bytes; name "
            "fewer layers, give fewer inputs, networks or units (positions='mean'), or more memory"
        )
    described = {
        "name": name or os.path.basename(path),
        "labels": y,
        "target": None,
        "inputs": x,
        "layers": [(part, width, observer.nonlinearities[part]) for part, width in observer.widths.items()],
        "estimators": [(method.name, method.settings) for method in methods],
        "quantities": [],
        "schedule": {"kind": "every", "interval": 1},
        "planned_epochs": None,
        "by": "infoplane.torch.as_if_random",
        "class": type(observer.model).__name__,
        "settings": {"positions": positions, "channels_last": channels_last, **({} if patterns is None else {"layers": patterns})},
    }
    sources = [(number, 0) if over == "seeds" else (0, number) for (number, _), _, _ in networks_of]
    networks = _native.Networks(path, described, sources, over == "seeds")
    groups = _parameters(observer, patterns is None)
    with _Bar(progress) as told, _exchanged(observer.model) as exchange:
        for done, ((number, of_network), loss, accuracy) in enumerate(networks_of, 1):
            exchange(of_network, f"weights[{number}]")
            networks.add(
                {
                    "layers": [tensor.numpy() for tensor in observer.observe(torch.device("cpu")).values()],
                    "parameters": [_joined(group) for group in groups],
                    "weight_norm": _norm(observer.model),
                    "loss": loss,
                    "accuracy": accuracy,
                }
            )
            if told is not None:
                told(done, len(networks_of))
    networks.measure()
    return PooledNetworks(path)


#: A network with its epoch or seed.
_Numbered: TypeAlias = tuple[int, Any]


def _number(network: tuple[_Numbered, Any, Any]) -> int:
    return network[0][0]


def _numbered(weights: Any) -> list[_Numbered]:
    """The networks with their epochs or seeds, in the order given."""
    if isinstance(weights, nn.Module) or (isinstance(weights, Mapping) and any(torch.is_tensor(value) for value in weights.values())):
        raise TypeError("weights is one network; give several, as {epoch: copy.deepcopy(model.state_dict()), ...}")
    if isinstance(weights, Mapping):
        found = [(whole("a key of weights", number, 0), of) for number, of in weights.items()]
    elif isinstance(weights, Sequence) and not isinstance(weights, (str, bytes)):
        found = list(enumerate(weights, 1))
    else:
        raise TypeError(f"weights is a {type(weights).__name__}; allowed are lists, and dictionaries by epoch or seed")
    if not found:
        raise RecordError("weights is empty; give the networks to be pooled")
    return found


def _known(what: str, values: Any, networks: Sequence[_Numbered]) -> list[float | None]:
    """Of each network a number, or nothing."""
    if values is None:
        return [None] * len(networks)
    if isinstance(values, Mapping):
        lacking = [number for number, _ in networks if number not in values]
        if lacking:
            raise RecordError(f"{what} has no value for the network {lacking[0]} of weights; give one for each")
        values = [values[number] for number, _ in networks]
    try:
        found = [None if value is None else float(value) for value in values]
    except (TypeError, ValueError) as error:
        raise TypeError(f"{what} = {values!r}; allowed are lists of numbers, and dictionaries with the keys of weights") from error
    if len(found) != len(networks):
        raise RecordError(f"{what} has {len(found)} values and weights has {len(networks)} networks; give one for each")
    if what == "accuracies" and any(value is not None and not 0.0 <= value <= 1.0 for value in found):
        raise RecordError(f"accuracies = {values!r}; allowed are fractions from 0 to 1")
    return found


def _own_tensors(model: nn.Module) -> dict[str, torch.Tensor]:
    """The parameters and buffers that are weights of the model, by their names."""
    found: dict[str, torch.Tensor] = {}
    for path, module in model.named_modules():
        if type(module).get_extra_state is not nn.Module.get_extra_state:
            name = path or type(module).__name__
            raise RecordError(f"the module {name} keeps an extra state beside its weights, which cannot be exchanged")
        buffers = {name: value for name, value in module._buffers.items() if name not in module._non_persistent_buffers_set}
        for name, value in {**module._parameters, **buffers}.items():
            # Sparse tensors, such as a graph, are not trained.
            if value is not None and value.layout == torch.strided:
                found[f"{path}.{name}" if path else name] = value
    return found


def _loaded(given: Any, what: str, own: Mapping[str, torch.Tensor]) -> Mapping[str, torch.Tensor]:
    """The weights of a network, by the names that the model has for them."""
    if isinstance(given, (str, os.PathLike)):
        try:
            given = torch.load(given, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError as error:
            raise RecordError(
                f"{what}: the file {os.fspath(given)} holds more than tensors, which only a program that trusts it may load; give the "
                "dictionary of weights that is in it"
            ) from error
    if isinstance(given, nn.Module):
        given = given.state_dict()
    if not isinstance(given, Mapping):
        raise TypeError(f"{what} is a {type(given).__name__}; allowed are dictionaries of weights, and files of torch.save with one")
    inner = [value.state_dict() if isinstance(value, nn.Module) else value for value in given.values()]
    for weights in [given, *(value for value in inner if isinstance(value, Mapping))]:
        # Wrappers put something before the names of weights.
        first = next(iter(own))
        prefixes = [str(key)[: -len(first)] for key in weights if str(key) == first or str(key).endswith(f".{first}")]
        for prefix in sorted(prefixes, key=len):
            if all(f"{prefix}{name}" in weights for name in own):
                return {name: torch.as_tensor(weights[f"{prefix}{name}"]) for name in own}
    lacking = next((name for name in own if name not in given), "")
    shown = ", ".join(map(str, list(given)[:4]))
    raise RecordError(f"{what} lacks {lacking}, one of the {len(own)} weights and buffers of the model; it has {shown}")


@contextlib.contextmanager
def _exchanged(model: nn.Module) -> Generator[Callable[[Any, str], None]]:
    """Gives a function that puts weights into the model; in the end it has its own again."""
    own = _own_tensors(model)
    if not own:
        raise RecordError("the model has no weights")
    before = {key: value.detach().clone() for key, value in own.items()}

    def exchange(given: Any, what: str) -> None:
        weights = _loaded(given, what, own)
        for key, value in own.items():
            found = weights[key]
            if found.shape != value.shape:
                raise RecordError(f"{what}: {key} is {tuple(found.shape)}, and the model's is {tuple(value.shape)}")
            if found.is_complex() != value.is_complex() or found.device.type == "meta" or found.layout != torch.strided:
                raise RecordError(f"{what}: {key} is {found.dtype} on {found.device}, and the model's is {value.dtype} on {value.device}")
            if value.numel() and found.data_ptr() == value.data_ptr():
                raise RecordError(f"{what} is the model's own memory, not a copy; keep copy.deepcopy(model.state_dict())")
        for key, value in own.items():
            _put(value, weights[key], f"{what}: {key}")

    try:
        yield exchange
    finally:
        for key, value in own.items():
            _put(value, before[key], key)


def _put(value: torch.Tensor, found: torch.Tensor, what: str) -> None:
    """Gives a tensor of the model other numbers: as data, so that it does not count as a change."""
    if any(stride == 0 and length > 1 for stride, length in zip(value.stride(), value.shape, strict=True)):
        if not torch.equal(value.detach().cpu(), found.detach().cpu().to(value.dtype)):
            raise RecordError(f"{what} is one number in the place of several, which cannot be exchanged")
        return
    value.data.copy_(found)


def _parameters(observer: Observer, through_norms: bool) -> list[list[nn.Parameter]]:
    """The parameters of each layer: those of its module, and those of modules without a layer before it.

    Scales of norms and slopes of nonlinearities that come after a module belong to it, where its layer is observed after them. What
    comes after the last layer belongs to none.
    """
    paths = {id(module): path for path, module in observer.model.named_modules()}
    places: dict[str, list[int]] = {}
    for place, layer in enumerate(observer.layer_of.values()):
        places.setdefault(paths.get(id(layer.module), ""), []).append(place)
    groups: list[list[nn.Parameter]] = [[] for _ in observer.widths]
    before: list[int] = []
    waiting: list[nn.Parameter] = []
    for name, parameter in observer.model.named_parameters():
        within = [path for path in places if name.startswith(f"{path}.") or not path]
        if within:
            before = places[max(within, key=len)]
            for place in before:
                groups[place] += [*waiting, parameter]
            waiting = []
        elif through_norms and before and parameter.ndim < 2:
            for place in before:
                groups[place].append(parameter)
        else:
            waiting.append(parameter)
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
