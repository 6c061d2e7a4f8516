"""Recording of PyTorch models.

    recorder = infoplane.torch.Recorder(model, inputs, labels, run="runs/mine",
                                        estimators=[{"kind": "kde", "noise_variances": [1e-3]}])
    for epoch in range(epochs):
        recorder.epoch(epoch)          # before the training of the first epoch: the untrained network
        train_one_epoch()
    recorder.epoch(epochs, loss=loss)
    recorder.finish()
"""

from __future__ import annotations

import contextlib
import fnmatch
import os
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

try:
    import torch
    from torch import nn
    from torch.overrides import TorchFunctionMode
except ImportError as error:
    raise ImportError("infoplane.torch needs PyTorch: pip install torch") from error

from ._errors import RecordError
from ._recorder import Positions, vectors
from ._recorder import Recorder as _Recorder
from ._runs import Run

__all__ = ["Recorder"]

#: A tensor, several for a model of several arguments, or named ones.
Inputs: TypeAlias = "torch.Tensor | Sequence[torch.Tensor] | Mapping[str, torch.Tensor]"

#: Functions that make the output of a layer its activation, by name, and what the layer is then called in a run.
_NONLINEARITIES = {
    "relu": "relu",
    "relu_": "relu",
    "tanh": "tanh",
    "tanh_": "tanh",
    "sigmoid": "sigmoid",
    "sigmoid_": "sigmoid",
    "softmax": "softmax",
    "log_softmax": "log-softmax",
    "leaky_relu": "leaky-relu",
    "leaky_relu_": "leaky-relu",
    "prelu": "prelu",
    "elu": "elu",
    "elu_": "elu",
    "selu": "selu",
    "celu": "celu",
    "gelu": "gelu",
    "silu": "silu",
    "mish": "mish",
    "softplus": "softplus",
    "softsign": "softsign",
    "relu6": "relu6",
    "hardtanh": "hardtanh",
    "hardtanh_": "hardtanh",
    "hardswish": "hardswish",
    "hardsigmoid": "hardsigmoid",
    "glu": "glu",
    "logsigmoid": "logsigmoid",
    "rrelu": "rrelu",
    "tanhshrink": "tanhshrink",
    "softshrink": "softshrink",
    "hardshrink": "hardshrink",
    "threshold": "threshold",
}

#: Functions that keep a layer the same layer: what is applied to them is applied to it.
_THROUGH = {"batch_norm", "layer_norm", "group_norm", "instance_norm", "rms_norm", "dropout", "dropout_", "feature_dropout"}

_NORMS = (
    nn.modules.batchnorm._NormBase,
    nn.LayerNorm,
    nn.GroupNorm,
    nn.LocalResponseNorm,
)


class Recorder(_Recorder):
    """Measures the layers of a PyTorch model while you train it, and writes a run directory.

    The model is run on the same inputs in the same order every time, in evaluation mode and without gradients, and is left
    as it was: its modes, buffers and hooks, and the states of all random generators.

    Parameters
    ----------
    model
        The model; compiled, wrapped in `DataParallel` or `DistributedDataParallel` (rank 0 measures) or plain.
    inputs
        What the model is run on: a tensor ``(n_samples, …)``, a tuple of tensors for a model of several arguments, a dictionary
        for one of named arguments, a dataset, or a `DataLoader`, which is read once.
    labels
        Y: the class of each sample. Of a dataset or `DataLoader` of pairs ``(input, label)`` it may be left out.
    layers
        Patterns of names of modules, as ``["conv*", "fc.1"]``, whose outputs are measured as they are. Unless given: every
        module with parameters, norms excepted, after the nonlinearity that is applied to its output.
    run
        The directory.
    estimators, schedule, epochs, positions, channels_last, name, background
        As for :class:`infoplane.Recorder`.
    x
        X: which input each sample is; equal inputs are the same unless given.
    batch_size
        Samples that the model is run on at once.
    forward
        ``forward(model, batch)`` runs the model, where ``model(batch)`` does not.
    """

    def __init__(
        self,
        model: nn.Module,
        inputs: Any,
        labels: Any = None,
        layers: str | Sequence[str] | None = None,
        *,
        run: str | os.PathLike[str],
        estimators: Any,
        schedule: Any = 1,
        epochs: int | None = None,
        positions: Positions = "flatten",
        channels_last: bool = False,
        name: str | None = None,
        background: bool = True,
        x: Any = None,
        batch_size: int = 512,
        forward: Callable[[nn.Module, Any], Any] | None = None,
    ) -> None:
        if not isinstance(model, nn.Module):
            raise TypeError(f"model is a {type(model).__name__}; allowed are modules of PyTorch")
        if isinstance(model, torch.jit.ScriptModule):
            raise TypeError("model is a TorchScript module, whose layers cannot be observed; give the module it was made of")
        if type(model).__name__ in ("FullyShardedDataParallel", "FSDPModule"):
            raise TypeError("model is sharded over processes, which are not observed; give the model before it is sharded")
        if batch_size < 1:
            raise ValueError(f"batch_size = {batch_size}; allowed are whole numbers above 0")
        self._model = _unwrapped(model)
        self._inputs_of_model, found = _inputs(inputs)
        if labels is None:
            labels = found
        if labels is None:
            raise TypeError("labels is missing: give the class of each sample")
        self._n = _length(self._inputs_of_model)
        self._batch_size = batch_size
        self._forward = forward
        self._patterns = [layers] if isinstance(layers, str) else None if layers is None else list(layers)
        rank = torch.distributed.get_rank() if torch.distributed.is_available() and torch.distributed.is_initialized() else 0
        #: Of processes that train together the first one measures.
        self._measures = rank == 0
        super().__init__(
            run,
            labels,
            estimators,
            inputs=_same_inputs(self._inputs_of_model) if x is None else x,
            schedule=schedule,
            epochs=epochs,
            positions=positions,
            channels_last=channels_last,
            name=name,
            background=background,
        )
        if self._schedule["kind"] == "delta-exact":
            raise RecordError("schedule = 'delta-exact' goes back to earlier epochs, whose weights are not kept; take 'delta-approximate'")
        if self._n != len(self._labels):
            raise RecordError(f"inputs has {self._n} samples and labels has {len(self._labels)}; each input needs a label")
        self._by = ("infoplane.torch.Recorder", type(self._model).__name__)
        if not self._measures:
            return
        self._chosen = _Chosen(self._model, self._patterns)
        with _undisturbed(self._model):
            parts = self._chosen.discover(lambda: self._run(slice(0, min(2, self._n))))
        rows: dict[str, Any] = {}
        known: dict[str, str] = {}
        for layer, tensor in parts.items():
            for part, vector in vectors(tensor, self._positions, self._channels_last, layer).items():
                rows[part] = np.empty((0, int(vector.shape[1])), dtype=np.float32)
                known[part] = self._chosen.nonlinearity.get(layer, "")
        self._open(rows, known)

    def _settings(self) -> dict[str, Any]:
        settings = super()._settings()
        if self._patterns is not None:
            settings["layers"] = self._patterns
        return settings

    def _run(self, rows: slice) -> None:
        """Runs the model on some of the inputs."""
        parameter = next(self._model.parameters(), None)
        device = parameter.device if parameter is not None else torch.device("cpu")
        dtype = parameter.dtype if parameter is not None and parameter.dtype.is_floating_point else None

        def moved(tensor: torch.Tensor) -> torch.Tensor:
            part = tensor[rows].to(device, non_blocking=True)
            return part.to(dtype) if dtype is not None and part.dtype.is_floating_point else part

        given = self._inputs_of_model
        batch: Any
        if isinstance(given, torch.Tensor):
            batch = moved(given)
        elif isinstance(given, Mapping):
            batch = {name: moved(tensor) for name, tensor in given.items()}
        else:
            batch = tuple(moved(tensor) for tensor in given)
        if self._forward is not None:
            self._forward(self._model, batch)
        elif isinstance(batch, dict):
            self._model(**batch)
        elif isinstance(batch, tuple):
            self._model(*batch)
        else:
            self._model(batch)

    def activations(self) -> dict[str, np.ndarray[Any, Any]]:
        """The layers on all inputs, as they are measured: rows of samples by name."""
        found: dict[str, np.ndarray[Any, Any]] = {}

        def keep(layer: str, tensor: torch.Tensor) -> None:
            for part, vector in vectors(tensor, self._positions, self._channels_last, layer).items():
                if part not in found:
                    double = vector.dtype == torch.float64
                    found[part] = np.empty((self._n, int(vector.shape[1])), dtype=np.float64 if double else np.float32)
                torch.from_numpy(found[part])[rows].copy_(vector)

        with _undisturbed(self._model), self._chosen.observed(keep) as seen:
            for start in range(0, self._n, self._batch_size):
                rows = slice(start, min(self._n, start + self._batch_size))
                seen.clear()
                self._run(rows)
                lacking = [layer for layer in self._chosen.layers if layer not in seen]
                if lacking:
                    raise RecordError(f"the model did not run {', '.join(lacking)} this time; name the layers that it always runs")
        return {part: found[part] for part in self._names if part in found}

    def wants(self, epoch: int) -> bool:
        """Whether an epoch is to be measured."""
        return self._measures and super().wants(epoch)

    def epoch(self, epoch: int, activations: Mapping[str, Any] | None = None, **statistics: float) -> bool:
        """Run the model and measure its layers if the schedule wants this epoch; returns whether it did.

        ``epoch`` is the number of epochs of training so far: 0 for the untrained model. Statistics, such as ``loss``, ``accuracy``,
        ``test_loss``, are kept in any case.
        """
        if not self._measures:
            return False
        if not self.wants(epoch):
            self.describe(epoch, **statistics)
            return False
        layers = self.activations() if activations is None else activations
        self._record(int(epoch), dict(layers), statistics)
        return True

    def finish(self, last: int | None = None) -> Run | None:  # type: ignore[override]
        """Complete the run and return it; nothing in processes that do not measure."""
        return super().finish(last) if self._measures else None


def _unwrapped(model: nn.Module) -> nn.Module:
    """The model inside of what runs it on several devices."""
    while isinstance(model, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
        model = model.module
    return model


def _inputs(given: Any) -> tuple[Any, Any]:
    """The inputs as tensors, and the labels where they come with them."""
    if isinstance(given, torch.utils.data.DataLoader):
        return _batches(_in_order(given))
    if isinstance(given, torch.utils.data.Dataset):
        return _batches(torch.utils.data.DataLoader(given, batch_size=256))
    if isinstance(given, torch.Tensor):
        return given, None
    if isinstance(given, np.ndarray):
        return torch.from_numpy(np.ascontiguousarray(given)), None
    if isinstance(given, Mapping):
        return {str(name): torch.as_tensor(value) for name, value in given.items()}, None
    if isinstance(given, Sequence) and given and all(isinstance(one, (torch.Tensor, np.ndarray)) for one in given):
        return tuple(torch.as_tensor(one) for one in given), None
    raise TypeError(
        f"inputs is a {type(given).__name__}; allowed are a tensor, a tuple or dictionary of tensors, a dataset, a DataLoader"
    )


def _in_order(loader: Any) -> Any:
    """The same batches without shuffling and workers, so that no random numbers are taken."""
    return torch.utils.data.DataLoader(
        loader.dataset, batch_size=loader.batch_size or 256, shuffle=False, collate_fn=loader.collate_fn, num_workers=0
    )


def _batches(loader: Any) -> tuple[Any, Any]:
    state = torch.random.get_rng_state()
    inputs, labels = [], []
    try:
        for batch in loader:
            if isinstance(batch, (list, tuple)) and len(batch) == 2:
                inputs.append(batch[0])
                labels.append(batch[1])
            elif isinstance(batch, torch.Tensor):
                inputs.append(batch)
            else:
                raise TypeError(
                    f"a batch of inputs is a {type(batch).__name__}; allowed are tensors and pairs of input and label: give the "
                    "tensors themselves"
                )
    finally:
        torch.random.set_rng_state(state)
    if not inputs:
        raise ValueError("inputs is empty")
    return torch.cat(inputs), torch.cat(labels) if labels and isinstance(labels[0], torch.Tensor) else None


def _length(inputs: Any) -> int:
    tensors = [inputs] if isinstance(inputs, torch.Tensor) else list(inputs.values() if isinstance(inputs, Mapping) else inputs)
    lengths = {int(tensor.shape[0]) if tensor.ndim else 0 for tensor in tensors}
    if len(lengths) != 1 or 0 in lengths:
        raise ValueError(f"inputs differ in their number of samples, or have none: {sorted(lengths)}")
    return lengths.pop()


def _same_inputs(inputs: Any) -> Any:
    """Which input each sample is: equal ones are the same."""
    tensors = [inputs] if isinstance(inputs, torch.Tensor) else list(inputs.values() if isinstance(inputs, Mapping) else inputs)
    rows = [tensor.detach().cpu().contiguous() for tensor in tensors]
    flat = [row.reshape(row.shape[0], -1) for row in rows]
    # Rows are told apart by their bytes; adding 0 makes the zero of -0 that of 0.
    as_bytes = [np.ascontiguousarray((one.float() if one.dtype == torch.bfloat16 else one).numpy() + 0) for one in flat]
    seen: dict[bytes, int] = {}
    n = len(as_bytes[0])
    return np.array([seen.setdefault(b"".join(one[row].tobytes() for one in as_bytes), len(seen)) for row in range(n)])


class _Chosen:
    """The layers of a model, found by running it once."""

    def __init__(self, model: nn.Module, patterns: Sequence[str] | None) -> None:
        self._patterns = patterns
        self._modules = {name: module for name, module in _named(model) if name}
        if patterns is not None:
            for pattern in patterns:
                if not any(fnmatch.fnmatchcase(name, pattern) for name in self._modules):
                    names = ", ".join(self._modules)
                    raise RecordError(f"layers = {pattern!r} matches no module; there are {names}")
            wanted = [n for n in self._modules if any(fnmatch.fnmatchcase(n, pattern) for pattern in patterns)]
        else:
            wanted = [name for name, module in self._modules.items() if _is_layer(module)]
            if not wanted:
                raise RecordError("the model has no module with parameters; name its modules with layers")
        self._wanted = wanted
        #: The names of the layers in the order in which the model runs them.
        self.layers: list[str] = []
        #: The nonlinearity of each.
        self.nonlinearity: dict[str, str] = {}
        self._calls: dict[str, int] = {}
        #: Of layers whose output goes through functions: how many of these, so that the last is taken.
        self._functions: dict[str, int] = {}

    def discover(self, run: Callable[[], None]) -> dict[str, torch.Tensor]:
        """Runs the model once, and returns the output of each layer."""
        with _Watch(self, None) as watch:
            run()
        counts = dict(watch.counts)
        self._calls = counts
        lacking = [name for name in self._wanted if name not in counts]
        if self._patterns is not None and lacking:
            raise RecordError(
                f"the model does not run the module{'s' if len(lacking) > 1 else ''} {', '.join(lacking)}, but uses the weights "
                "otherwise; name the module around"
            )
        if not watch.outputs:
            raise RecordError("the model ran no module whose output is a tensor with a row for each sample; name them with layers")
        self.layers = [self.name(name, call) for name, call in watch.order]
        self.nonlinearity = {self.name(*key): word for key, word in watch.nonlinearity.items()}
        self._functions = {self.name(*key): number for key, number in watch.functions.items()}
        return {self.name(*key): watch.outputs[key] for key in watch.order}

    def name(self, name: str, call: int) -> str:
        """Of modules that are called several times each call has a number."""
        return f"{name}#{call + 1}" if self._calls.get(name, 1) > 1 else name

    @contextlib.contextmanager
    def observed(self, keep: Callable[[str, torch.Tensor], None]) -> Iterator[set[str]]:
        """Hands the output of each layer to `keep` while the model runs; gives the set of those that it ran."""
        with _Watch(self, keep) as watch:
            yield watch.seen


class _Watch(TorchFunctionMode):
    """Follows outputs of layers through the functions that are applied to them."""

    def __init__(self, chosen: _Chosen, keep: Callable[[str, torch.Tensor], None] | None) -> None:
        super().__init__()
        self._chosen = chosen
        self._keep = keep
        self._handles: list[Any] = []
        #: Calls of each module in this run.
        self.counts: dict[str, int] = {}
        self.order: list[tuple[str, int]] = []
        self.outputs: dict[tuple[str, int], torch.Tensor] = {}
        self.nonlinearity: dict[tuple[str, int], str] = {}
        #: Of each layer, how many functions its output went through up to the last nonlinearity.
        self.functions: dict[tuple[str, int], int] = {}
        self.seen: set[str] = set()
        # Tensors that are a layer's output by now, with the layer and the functions so far. They are held, so that no other
        # tensor takes their place in memory.
        self._live: dict[int, tuple[torch.Tensor, tuple[str, int], int]] = {}

    def __enter__(self) -> _Watch:
        super().__enter__()
        for name in self._chosen._wanted:
            module = self._chosen._modules[name]
            self._handles.append(module.register_forward_hook(self._hook(name)))
            self._handles.append(module.register_forward_pre_hook(self._forget))
        return self

    def __exit__(self, *error: Any) -> None:
        for handle in self._handles:
            handle.remove()
        self._live.clear()
        super().__exit__(*error)

    def _forget(self, *_: Any) -> None:
        """What comes before the next layer is of the past."""
        if len(self._live) > 64:
            self._live = dict(list(self._live.items())[-64:])

    def _hook(self, name: str) -> Callable[..., None]:
        def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
            tensor = _tensor_of(output)
            if tensor is None or tensor.ndim == 0:
                return
            if self._keep is not None and self._chosen.name(name, self.counts.get(name, 0)) in self.seen:
                self.counts[name] = 0  # the next batch
            call = self.counts.get(name, 0)
            self.counts[name] = call + 1
            self._reached((name, call), tensor, 0, None)

        return hook

    def _reached(self, key: tuple[str, int], tensor: torch.Tensor, functions: int, word: str | None) -> None:
        if self._keep is None:
            if key not in self.outputs:
                self.order.append(key)
            if functions == 0 or word is not None:
                self.outputs[key] = tensor.detach().clone()
                if word is not None:
                    self.nonlinearity[key] = word
                    self.functions[key] = functions
        else:
            layer = self._chosen.name(*key)
            if self._chosen._functions.get(layer, 0) == functions:
                self._keep(layer, tensor)
                self.seen.add(layer)
        if self._chosen._patterns is None:
            self._live[id(tensor)] = (tensor, key, functions)

    def __torch_function__(self, function: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        name = getattr(function, "__name__", "")
        word = _NONLINEARITIES.get(name)
        if (word is not None or name in _THROUGH) and args and isinstance(result, torch.Tensor):
            known = self._live.get(id(args[0]))
            # Functions of the library call those beneath: what has come out already went through.
            if known is not None and known[0] is args[0] and id(result) not in self._live | {id(args[0]): None}:
                self._reached(known[1], result, known[2] + 1, word)
            elif known is not None and result is args[0] and word is not None:
                self._reached(known[1], result, known[2] + 1, word)
        return result


def _named(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    for name, module in model.named_modules():
        yield name.replace("_orig_mod.", "").replace("_orig_mod", ""), module


def _is_layer(module: nn.Module) -> bool:
    """Whether it has parameters of its own, and is no norm."""
    if isinstance(module, _NORMS) or "norm" in type(module).__name__.lower():
        return False
    if isinstance(module, (nn.PReLU, nn.RReLU)):
        return False
    has_children = any(True for _ in module.children())
    own = any(True for _ in module.parameters(recurse=False))
    return (own or isinstance(module, nn.MultiheadAttention)) and (not has_children or isinstance(module, nn.MultiheadAttention))


def _tensor_of(output: Any) -> torch.Tensor | None:
    """The tensor of what a module returns: itself, or the first one in a tuple, a dictionary or an object."""
    if isinstance(output, torch.Tensor):
        return output if output.dtype.is_floating_point else None
    if isinstance(output, Mapping):
        output = list(output.values())
    if isinstance(output, (list, tuple)):
        return next((found for found in map(_tensor_of, output) if found is not None), None)
    return None


@contextlib.contextmanager
def _undisturbed(model: nn.Module) -> Iterator[None]:
    """Runs a model in evaluation mode without leaving a trace in it or in random generators."""
    modules = list(model.modules())
    modes = [module.training for module in modules]
    buffers = [(module, name, buffer, buffer._version, buffer.detach().clone())
               for module in modules for name, buffer in module._buffers.items() if buffer is not None]
    devices = sorted({p.device.index or 0 for p in model.parameters() if p.device.type == "cuda"})
    device_type = next((p.device.type for p in model.parameters()), "cpu")
    python, numpy_state = random.getstate(), np.random.get_state()
    stance = getattr(torch.compiler, "set_stance", None)
    try:
        with contextlib.ExitStack() as stack:
            stack.enter_context(torch.random.fork_rng(devices=devices))
            stack.enter_context(torch.no_grad())
            with contextlib.suppress(RuntimeError):  # a device without automatic precision
                stack.enter_context(torch.autocast(device_type, enabled=False))
            if stance is not None:
                # Compiled code does not call hooks.
                stack.enter_context(stance("force_eager"))
            for module in modules:
                module.training = False
            yield
    finally:
        for module, mode in zip(modules, modes, strict=True):
            module.training = mode
        with torch.no_grad():
            for module, name, buffer, version, before in buffers:
                if module._buffers.get(name) is not buffer:
                    module._buffers[name] = buffer
                if buffer._version != version:
                    buffer.copy_(before)
        random.setstate(python)
        np.random.set_state(numpy_state)
