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

import bisect
import collections
import contextlib
import dataclasses
import fnmatch
import hashlib
import itertools
import math
import os
import random
import sys
import warnings
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

try:
    import torch
    from torch import nn
    from torch.overrides import TorchFunctionMode
except ImportError as error:
    raise ImportError("infoplane.torch needs PyTorch: pip install torch") from error

from ._arrays import array_of
from ._errors import InfoplaneWarning, RecordError
from ._estimate import whole
from ._recorder import Positions, _epoch, vectors
from ._recorder import Recorder as _Recorder
from ._runs import Run

__all__ = ["Recorder"]

#: A tensor, several for a model of several arguments, or named ones.
Inputs: TypeAlias = "torch.Tensor | tuple[torch.Tensor, ...] | dict[str, torch.Tensor]"

#: A module by its name, and which of its calls within one pass of the model it is.
_Call: TypeAlias = tuple[str, int]

#: Functions that are a nonlinearity by themselves, by name without underscores at its ends, and what a run calls them.
_NONLINEARITIES = {
    "relu": "relu",
    "relu6": "relu6",
    "tanh": "tanh",
    "sigmoid": "sigmoid",
    "special_expit": "sigmoid",
    "softmax": "softmax",
    "special_softmax": "softmax",
    "softmin": "softmin",
    "gumbel_softmax": "gumbel-softmax",
    "log_softmax": "log-softmax",
    "special_log_softmax": "log-softmax",
    "leaky_relu": "leaky-relu",
    "prelu": "prelu",
    "rrelu": "rrelu",
    "elu": "elu",
    "selu": "selu",
    "celu": "celu",
    "gelu": "gelu",
    "glu": "glu",
    "silu": "silu",
    "mish": "mish",
    "softplus": "softplus",
    "softsign": "softsign",
    "hardtanh": "hardtanh",
    "hardswish": "hardswish",
    "hardsigmoid": "hardsigmoid",
    "log_sigmoid": "log-sigmoid",
    "logsigmoid": "log-sigmoid",
    "tanhshrink": "tanhshrink",
    "softshrink": "softshrink",
    "hardshrink": "hardshrink",
    "threshold": "threshold",
}

#: Functions of every number by itself, of which nonlinearities are made by hand, as in ``x * torch.sigmoid(x)``.
_CURVES = {
    *("pow", "square", "sqrt", "rsqrt", "reciprocal", "rdiv", "rtruediv", "rpow", "float_power", "exp", "exp2", "expm1"),
    *("log", "log2", "log10", "log1p", "sin", "cos", "tan", "asin", "acos", "atan", "arctan", "sinh", "cosh", "asinh", "arcsinh"),
    *("sinc", "erf", "erfc", "special_erf", "abs", "absolute", "sign", "sgn", "round", "floor", "ceil", "trunc", "clamp", "clip"),
    *("clamp_min", "clamp_max", "maximum", "minimum", "fmax", "fmin", "where", "gt", "lt", "ge", "le", "eq", "ne", "greater"),
    *("less", "greater_equal", "less_equal", "heaviside", "logit", "special_logit", "hypot", "atan2", "arctan2", "remainder"),
    *("fmod", "logaddexp", "masked_fill"),
}

#: Of several parts of one layer: those whose result is nonlinear where two parts meet, and those whose result is not by itself.
_PRODUCTS = {"mul", "multiply", "div", "divide", "true_divide", "addcmul", "addcdiv"}
_SUMS = {"add", "sub", "subtract", "rsub", "neg", "negative", "positive", "lerp"}
_JOINS = {"cat", "concat", "concatenate", "stack", "hstack", "vstack", "dstack"}

#: Functions that give axes in another order.
_TURNS = {"transpose", "permute", "swapaxes", "swapdims", "movedim", "moveaxis", "t", "adjoint"}

#: Functions that leave a layer the same layer: norms, dropout, other shapes, other types, parts, pools.
_THROUGH = {
    *("batch_norm", "layer_norm", "group_norm", "instance_norm", "rms_norm", "local_response_norm", "normalize"),
    *("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_dropout", "feature_alpha_dropout"),
    *("view", "view_as", "reshape", "reshape_as", "flatten", "unflatten", "ravel", "squeeze", "unsqueeze", "contiguous", "clone"),
    *("detach", "to", "type", "type_as", "float", "double", "half", "bfloat16", "cpu", "cuda", "requires_grad", "alias"),
    *("chunk", "split", "tensor_split", "split_with_sizes", "unbind", "nan_to_num", *_TURNS),
    *(f"{kind}_pool{axes}d" for kind in ("max", "avg", "adaptive_max", "adaptive_avg", "lp") for axes in "123"),
}

#: Methods that are written as operators.
_OPERATORS = {"radd": "add", "rmul": "mul", "iadd": "add", "isub": "sub", "imul": "mul", "idiv": "div", "truediv": "div"}


class Recorder(_Recorder):
    """Measures the layers of a PyTorch model while you train it, and writes a run directory.

    The model is run on the same inputs in the same order every time, in evaluation mode and without gradients, and is left
    as it was: its modes, buffers, attributes and hooks, and the states of all random generators. What is random in it, as the
    noise of an autoencoder, is the same noise every time.

    Parameters
    ----------
    model
        The model; compiled, wrapped in `DataParallel` or `DistributedDataParallel` (rank 0 measures) or plain.
    inputs
        What the model is run on: a tensor ``(n_samples, …)``, a tuple of tensors for a model of several arguments, a dictionary
        for one of named arguments, a dataset, or a `DataLoader`, whose dataset is read once in its order.
    labels
        Y: the class of each sample. Of a dataset or `DataLoader` of pairs ``(input, label)`` it may be left out.
    layers
        Patterns of names of modules, as ``["conv*", "fc.1"]``, whose outputs are measured as they are. Unless given: every
        module with weights, norms excepted, after the nonlinearity that all of its output goes through.
    run
        The directory.
    estimators, epochs, positions, channels_last, name, background
        As for :class:`infoplane.Recorder`.
    schedule
        As for :class:`infoplane.Recorder`; one that goes back, ``{"kind": "delta-exact", "delta": 0.05}``, measures earlier
        epochs on weights that are kept in memory as long as it may ask for them.
    x
        X: which input each sample is; equal inputs are the same unless given.
    batch_size
        Samples that the model is run on at once.
    forward
        ``forward(model, batch)`` runs the model, where ``model(batch)`` does not.
    keep_bytes
        The memory that kept weights may take. Beyond it, epochs are left out evenly.
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
        keep_bytes: int = 2 << 30,
    ) -> None:
        _check_model(model)
        self._model = _unwrapped(model)
        self._batch_size = whole("batch_size", batch_size, 1)
        keep_bytes = whole("keep_bytes", keep_bytes, 0)
        self._forward = forward
        self._patterns = [layers] if isinstance(layers, str) else None if layers is None else list(layers)
        rank = torch.distributed.get_rank() if torch.distributed.is_available() and torch.distributed.is_initialized() else 0
        #: Of processes that train together the first one measures; the others do not even read the inputs.
        self._measures = rank == 0
        self._layers: list[_Layer] = []
        #: The last epoch that was told, and sums of the weights then, where it was not measured.
        self._last: int | None = None
        self._then: list[int] | None = None
        self._warned = False
        if self._measures:
            self._inputs_of_model, found = _inputs(inputs)
            self._n = _length(self._inputs_of_model)
            labels = found if labels is None else labels
            if labels is None:
                raise TypeError("labels is missing: give the class of each sample")
            x = _same_inputs(self._inputs_of_model) if x is None else x
        elif labels is None:
            labels, x = [0], None
        super().__init__(
            run,
            labels,
            estimators,
            inputs=x,
            schedule=schedule,
            epochs=epochs,
            positions=positions,
            channels_last=channels_last,
            name=name,
            background=background,
        )
        self._by = ("infoplane.torch.Recorder", type(self._model).__name__)
        goes_back = self._schedule["kind"] == "delta-exact"
        self._kept = _Kept(self._model, keep_bytes) if goes_back and self._measures else None
        if not self._measures:
            return
        if self._n != len(self._labels):
            raise RecordError(f"inputs has {self._n} samples and labels has {len(self._labels)}; each input needs a label")
        modules = _chosen_modules(self._model, self._patterns)
        with _undisturbed(self._model):
            found = self._found(modules)
        self._layers = found
        rows: dict[str, Any] = {}
        known: dict[str, str] = {}
        for layer in self._layers:
            for part, vector in self._parts(layer, torch.empty(layer.shape, dtype=layer.dtype, device="meta")).items():
                rows[part] = np.empty((0, int(vector.shape[1])), dtype=np.float32)
                known[part] = layer.nonlinearity
        goes_on = os.path.isdir(self.path)
        self._open(rows, known)
        #: The epochs that are recorded, also before a program was stopped.
        self._recorded: set[int] = set(map(int, Run(self.path).plane["epoch"])) if goes_on else set()

    @property
    def layers(self) -> list[str]:
        """The names of what is measured, in the order in which the model runs it."""
        return list(self._names)

    def _settings(self) -> dict[str, Any]:
        settings = super()._settings()
        if self._patterns is not None:
            settings["layers"] = self._patterns
        return settings

    def _found(self, modules: Mapping[str, nn.Module]) -> list[_Layer]:
        """The layers, by running the model for the first time."""

        def run(size: int) -> None:
            self._run(slice(0, size))

        batch = min(self._n, self._batch_size)
        try:
            if batch > 3:
                try:
                    return _layers(self._model, modules, self._patterns, [2, 3], run)
                except RecordError:
                    raise
                except Exception:  # it may be made for batches of one size
                    return _layers(self._model, modules, self._patterns, [batch], run)
            return _layers(self._model, modules, self._patterns, [2, 3] if self._n > 2 else [self._n], run)
        except RuntimeError as error:
            given = self._inputs_of_model
            if isinstance(given, torch.Tensor) and not given.dtype.is_floating_point:
                raise RecordError(
                    f"the model cannot be run on inputs of {given.dtype}: {error}; give them as it is trained on them, such as "
                    "inputs.float() / 255"
                ) from error
            raise

    def _run(self, rows: slice) -> Any:
        """Runs the model on some of the inputs."""
        held = [*self._model.parameters(), *self._model.buffers()]
        device = held[0].device if held else torch.device("cpu")
        dtype = next((tensor.dtype for tensor in held if tensor.dtype.is_floating_point), None)

        def moved(tensor: torch.Tensor) -> torch.Tensor:
            # A copy: a model that changes its input in place would change what it is run on next time.
            part = tensor[rows]
            return part.to(device, dtype if dtype is not None and part.dtype.is_floating_point else None, copy=True)

        given = self._inputs_of_model
        batch: Any
        if isinstance(given, torch.Tensor):
            batch = moved(given)
        elif isinstance(given, dict):
            batch = {name: moved(tensor) for name, tensor in given.items()}
        else:
            batch = tuple(moved(tensor) for tensor in given)
        if self._forward is not None:
            return self._forward(self._model, batch)
        if isinstance(batch, dict):
            return self._model(**batch)
        return self._model(*batch) if isinstance(batch, tuple) else self._model(batch)

    def _parts(self, layer: _Layer, tensor: torch.Tensor) -> dict[str, torch.Tensor]:
        """Rows of samples of a layer; several layers where every channel is one."""
        if tensor.dtype in (torch.float16, torch.bfloat16):
            tensor = tensor.float()
        if layer.axis:
            tensor = tensor.movedim(layer.axis, 0)
        # Of three axes the last one are the units, but for a convolution over one.
        if layer.is_map and tensor.ndim == 3 and self._positions != "flatten" and not self._channels_last:
            tensor = tensor.transpose(1, 2)
        return vectors(tensor, self._positions, self._channels_last, layer.name)

    def activations(self) -> dict[str, np.ndarray[Any, Any]]:
        """The layers on all inputs, as they are measured: rows of samples by name."""
        if not self._measures:
            raise RecordError("the process of rank 0 measures, and this is another one")
        found: dict[str, np.ndarray[Any, Any]] = {}
        rows = slice(0, 0)

        def keep(layer: _Layer, tensor: torch.Tensor) -> None:
            n = rows.stop - rows.start
            if tensor.ndim <= layer.axis or tensor.shape[layer.axis] != n:
                raise RecordError(f"{layer.name} is {tuple(tensor.shape)} for {n} samples; leave it out with layers")
            for part, vector in self._parts(layer, tensor).items():
                if part not in found:
                    double = vector.dtype == torch.float64
                    found[part] = np.empty((self._n, int(vector.shape[1])), dtype=np.float64 if double else np.float32)
                if vector.shape[1] != found[part].shape[1]:
                    raise RecordError(
                        f"{part} has {vector.shape[1]} columns for some samples and {found[part].shape[1]} for others; give "
                        "inputs of one size, or positions = 'mean'"
                    )
                torch.from_numpy(found[part])[rows].copy_(vector)

        with _undisturbed(self._model), _Reader(self._model, self._layers, self._patterns is None, keep) as reader:
            for start in range(0, self._n, self._batch_size):
                rows = slice(start, min(self._n, start + self._batch_size))
                reader.begin()
                self._run(rows)
                reader.check()
        lacking = [part for part in self._names if part not in found]
        if lacking:
            raise RecordError(f"the model did not give {', '.join(lacking)} this time; name layers that it always has")
        return {part: found[part] for part in self._names}

    def wants(self, epoch: int) -> bool:
        """Whether an epoch is to be measured."""
        return self._measures and super().wants(epoch) and int(epoch) not in self._recorded

    def record(self, epoch: int, activations: Mapping[str, Any] | None = None, **statistics: float) -> None:
        """Run the model and measure its layers at an epoch, whether or not the schedule wants it.

        Parameters
        ----------
        epoch
            Epochs of training so far; 0 is the untrained network.
        activations
            The layers, where you have them already; see :meth:`activations`.
        **statistics
            ``loss``, ``accuracy``, ``test_loss``, ``test_accuracy``, and any other numbers.
        """
        if not self._measures:
            return
        self._check()
        if activations is not None:
            super().record(epoch, activations, **statistics)
        else:
            self._record(_epoch(epoch), self.activations(), statistics)
        self._last, self._then = int(epoch), None

    def _record(self, epoch: int, *job: Any) -> None:
        super()._record(epoch, *job)
        self._recorded.add(epoch)

    def epoch(self, epoch: int, activations: Mapping[str, Any] | None = None, **statistics: float) -> bool:
        """Run the model and measure its layers if the schedule wants this epoch; returns whether it did.

        ``epoch`` is the number of epochs of training so far: 0 for the untrained model. Statistics, such as ``loss``,
        ``accuracy``, ``test_loss``, are kept in any case.
        """
        if not self._measures:
            return False
        self._check()
        epoch = _epoch(epoch)
        if self._kept is not None:
            self._catch_up(epoch)
        if self.wants(epoch):
            self.record(epoch, activations, **statistics)
            return True
        self.describe(epoch, **statistics)
        self._last, self._then = epoch, _sums(self._model)
        if self._kept is not None:
            self._keep(epoch)
        return False

    def _catch_up(self, now: int) -> None:
        """Measures epochs before now that are asked for, on their kept weights."""
        assert self._kept is not None and self._native is not None
        while True:
            self._wait()
            asked = [epoch for epoch in self._native.wanted() if epoch < now]
            measurable = [epoch for epoch in asked if epoch in self._kept]
            if not measurable:
                break
            with self._kept.exchanged() as exchange:
                for epoch in measurable:
                    exchange(epoch)
                    self._record(epoch, self.activations(), {})
        if asked:
            self._warn(f"epoch {asked[0]} is asked for and cannot be measured any more, as its weights were not kept")
            # What lies between such an epoch and its neighbours is not asked for either. Behind the last one measured nothing is
            # open but this.
            self._kept.drop(max(self._recorded, default=-1) + 1)
        else:
            self._kept.drop(self._native.earliest())

    def _keep(self, epoch: int) -> None:
        """Keeps the weights of an epoch that may be asked for later."""
        assert self._kept is not None and self._native is not None
        if epoch in self._recorded or epoch < self._native.earliest():
            return
        self._kept.keep(epoch)
        lost = self._kept.thin(sorted(self._recorded.union(self._native.wanted())))
        if lost is not None:
            self._warn(
                f"the weights of epochs that may be asked for take more than keep_bytes = {self._kept.budget}: epoch {lost}, and "
                "others like it, cannot be measured any more; raise keep_bytes, or bound the schedule's max_skip"
            )

    def _warn(self, message: str) -> None:
        if not self._warned:
            self._warned = True
            warnings.warn(message, InfoplaneWarning, stacklevel=4)

    def finish(self, last: int | None = None) -> Run | None:  # type: ignore[override]
        """Complete the run and return it; nothing in processes that do not measure.

        ``last`` is the last epoch that was trained; that of the last call unless given. It is measured now if it was not and the
        model is still the same; so are earlier epochs that the schedule asks for and whose weights are kept.
        """
        if not self._measures:
            return None
        self._check()
        if last is None:
            last = max([*self._recorded, *([] if self._last is None else [self._last])], default=None)
        if last is not None and self._native is not None:
            last = _epoch(last, "last")
            self._wait()
            self._native.end(last)
            if last in self._native.wanted() and last == self._last and self._then == _sums(self._model):
                self.record(last)
            if self._kept is not None:
                self._catch_up(last + 1)
            self._wait()
        return super().finish()

    def close(self) -> None:
        """Let go of the directory without completing the run, which a later recorder can go on with."""
        try:
            super().close()
        finally:
            if self._kept is not None:
                self._kept.clear()


def _check_model(model: Any) -> None:
    """Refuses what cannot be observed."""
    if not isinstance(model, nn.Module):
        raise TypeError(f"model is a {type(model).__name__}; allowed are modules of PyTorch")
    for name, module in model.named_modules():
        here = f"its module {name}" if name else "it"
        sharded = f"model cannot be observed: {here} is sharded over processes; give the model before it is sharded"
        if isinstance(module, torch.jit.ScriptModule):
            raise TypeError(f"model cannot be observed: {here} is TorchScript; give the module that it was made of")
        bases = {base.__name__ for base in type(module).__mro__}
        if bases & {"FullyShardedDataParallel", "FSDPModule"}:
            raise TypeError(sharded)
        if ".quantized" in type(module).__module__ and type(module).__module__.startswith("torch."):
            raise TypeError(f"model cannot be observed: {here} is quantized; give the model before it is quantized")
        for kind, tensor in [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]:
            if type(tensor).__name__ == "DTensor":
                raise TypeError(sharded)
            if nn.parameter.is_lazy(tensor):
                raise RecordError(
                    f"the shape of {name + '.' if name else ''}{kind} is not known before the model has run; run it once, "
                    "as in model(inputs[:2]), before the optimizer and the recorder are made"
                )
            if tensor.device.type == "meta":
                raise RecordError(f"{name + '.' if name else ''}{kind} is on the device meta and has no values")
        compiled = "_orig_mod" in module._modules or getattr(module, "_compiled_call_impl", None) is not None
        if compiled and not hasattr(torch.compiler, "set_stance"):
            raise TypeError(f"model cannot be observed: {here} is compiled, which needs PyTorch 2.6; give it as it was before")


def _unwrapped(model: nn.Module) -> nn.Module:
    """The model inside of what compiles it, averages it or runs it on several devices."""
    wrappers = (nn.DataParallel, nn.parallel.DistributedDataParallel, torch.optim.swa_utils.AveragedModel)
    while True:
        if "_orig_mod" in model._modules:
            inner = model._modules["_orig_mod"]
        elif isinstance(model, wrappers):
            inner = model.module
        else:
            return model
        assert isinstance(inner, nn.Module)
        model = inner


def _inputs(given: Any) -> tuple[Inputs, Any]:
    """The inputs as tensors, and the labels where they come with them."""
    if isinstance(given, torch.utils.data.DataLoader):
        return _read(_in_order(given))
    if isinstance(given, torch.utils.data.Dataset):
        return _read(torch.utils.data.DataLoader(given, batch_size=256))
    if isinstance(given, Mapping):
        return {str(name): _tensor(value, str(name)) for name, value in given.items()}, None
    if isinstance(given, (list, tuple)):
        if given and all(hasattr(one, "shape") and len(one.shape) for one in given):
            return tuple(_tensor(one, f"inputs[{place}]") for place, one in enumerate(given)), None
    elif isinstance(given, torch.Tensor) or hasattr(given, "__array__") or hasattr(given, "__dataframe__"):
        return _tensor(given, "inputs"), None
    raise TypeError(
        f"inputs is a {type(given).__name__}; allowed are a tensor, a tuple or dictionary of tensors, a dataset, a DataLoader"
    )


def _tensor(value: Any, name: str) -> torch.Tensor:
    if isinstance(value, torch.Tensor):
        if value.layout != torch.strided:
            raise TypeError(f"{name} is a sparse tensor; give {name}.to_dense()")
        return value.detach()
    array = array_of(value, name)
    if array.dtype.kind not in "iufb":
        raise TypeError(f"{name} is an array of {array.dtype}; allowed are numbers, as the model takes them")
    array = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
    # PyTorch warns of memory that it must not write to, which it never does here.
    return torch.from_numpy(array if array.flags.writeable else array.copy())


def _in_order(loader: Any) -> Any:
    """The same batches without shuffling and workers."""
    as_it_is = {"collate_fn": loader.collate_fn, "num_workers": 0}
    if loader.batch_size is None and loader.batch_sampler is None:  # the dataset makes batches itself
        return torch.utils.data.DataLoader(loader.dataset, batch_size=None, **as_it_is)
    subset = isinstance(getattr(loader, "sampler", None), torch.utils.data.SubsetRandomSampler)
    dataset = torch.utils.data.Subset(loader.dataset, sorted(loader.sampler.indices)) if subset else loader.dataset
    return torch.utils.data.DataLoader(dataset, batch_size=loader.batch_size or 256, shuffle=False, **as_it_is)


def _read(loader: Any) -> tuple[Inputs, Any]:
    """All inputs of batches, and labels where these are pairs."""
    inputs: list[Any] = []
    labels: list[Any] = []
    with _random_kept("cpu", []):
        for batch in loader:
            if isinstance(batch, (list, tuple)) and len(batch) in (1, 2):
                inputs.append(batch[0])
                labels += batch[1:]
            elif isinstance(batch, Mapping):
                labels += [batch[name] for name in ("labels", "label") if name in batch][:1]
                inputs.append({str(name): value for name, value in batch.items() if name not in ("labels", "label")})
            elif isinstance(batch, torch.Tensor):
                inputs.append(batch)
            else:
                parts = f"{len(batch)} parts" if isinstance(batch, (list, tuple)) else f"a {type(batch).__name__}"
                raise TypeError(
                    f"a batch of inputs has {parts}; allowed are inputs, and pairs of inputs and labels; give the tensors"
                )
    if not inputs:
        raise RecordError("inputs is empty")
    first = inputs[0]
    found: Inputs
    if isinstance(first, Mapping):
        found = {name: torch.cat([torch.as_tensor(batch[name]) for batch in inputs]) for name in first}
    elif isinstance(first, (list, tuple)):
        found = tuple(torch.cat([torch.as_tensor(batch[place]) for batch in inputs]) for place in range(len(first)))
    else:
        found = torch.cat([torch.as_tensor(batch) for batch in inputs])
    if all(isinstance(batch, torch.Tensor) for batch in labels):
        return found, torch.cat(labels) if labels else None
    if all(isinstance(batch, (list, tuple)) for batch in labels):
        return found, [label for batch in labels for label in batch]
    return found, None


def _tensors_of(inputs: Inputs) -> list[torch.Tensor]:
    return [inputs] if isinstance(inputs, torch.Tensor) else list(inputs.values() if isinstance(inputs, dict) else inputs)


def _length(inputs: Inputs) -> int:
    lengths = {int(tensor.shape[0]) if tensor.ndim else 0 for tensor in _tensors_of(inputs)}
    if lengths <= {0}:
        raise RecordError("inputs has no samples")
    if len(lengths) > 1:
        raise RecordError(f"inputs differ in their number of samples: {', '.join(map(str, sorted(lengths)))}")
    return lengths.pop()


def _same_inputs(inputs: Inputs) -> np.ndarray[Any, Any]:
    """Which input each sample is: equal ones are the same."""
    tensors = _tensors_of(inputs)
    seen: dict[bytes, int] = {}
    codes = np.empty(_length(inputs), dtype=np.int64)
    for start in range(0, len(codes), 1024):
        parts = []
        for tensor in tensors:
            rows = tensor[start : start + 1024].detach().cpu()
            if rows.dtype.is_floating_point:
                # Adding 0 makes the zero of -0 that of 0. Numbers of fewer than 32 bits are no type of NumPy, or all of them.
                rows = (rows if rows.dtype == torch.float64 else rows.float()) + 0
            parts.append(np.ascontiguousarray(rows.reshape(rows.shape[0], -1).numpy()))
        for row in range(len(parts[0])):
            digest = hashlib.blake2b(b"".join(part[row].tobytes() for part in parts), digest_size=16).digest()
            codes[start + row] = seen.setdefault(digest, len(seen))
    return codes


@dataclasses.dataclass(frozen=True)
class _Layer:
    """What is measured: the output of a module at one of its calls, or what becomes of it."""

    name: str
    module: nn.Module
    call: _Call
    #: How often a pass of the model runs the module.
    calls: int
    #: After how many functions; 0 is the output itself.
    step: int
    #: What that function is called, to see that it still is the same.
    function: str
    nonlinearity: str
    #: Whether it is brought into the shape of the output.
    reshaped: bool
    #: Which axis the samples are.
    axis: int
    #: Whether it has channels before positions.
    is_map: bool
    #: Of a run on a few samples.
    shape: tuple[int, ...]
    dtype: torch.dtype


@dataclasses.dataclass
class _Node:
    """What becomes of the output of a module by one function."""

    parents: tuple[int, ...]
    function: str
    shape: tuple[int, ...]
    dtype: torch.dtype
    #: Whether the function is no straight line, and what its nonlinearity is called.
    bends: bool = False
    nonlinearity: str = ""
    #: Whether there is a nonlinearity in it or before it.
    curved: bool = False
    #: Which axes of the output its own axes are, if it has all numbers of the output; of other shapes, those before that.
    order: tuple[int, ...] | None = None
    #: Whether something else is made of it: another layer, a sum with another layer.
    used: bool = False


def _chosen_modules(model: nn.Module, patterns: Sequence[str] | None) -> dict[str, nn.Module]:
    """The modules whose outputs may be layers, by name."""
    # A module with two names has both; of a compiled part of a model and the part itself, which have the same, the part counts.
    every: dict[str, nn.Module] = {}
    for path, module in model.named_modules(remove_duplicate=False):
        name = ".".join(part for part in path.split(".") if part != "_orig_mod")
        every[name or type(model).__name__] = module
    chosen: dict[str, nn.Module] = {}
    if patterns is not None:
        for pattern in patterns:
            if not any(fnmatch.fnmatchcase(name, pattern) for name in every):
                raise RecordError(f"layers = {pattern!r} matches no module; there are {', '.join(every)}")
        chosen = {name: module for name, module in every.items() if any(fnmatch.fnmatchcase(name, one) for one in patterns)}
    else:
        # Of these modules others take the weights; what they give, if they are run, is no layer.
        inside = {id(one) for part in every.values() if isinstance(part, nn.MultiheadAttention) for one in part.children()}
        outside = {
            name: module
            for name, module in every.items()
            if id(module) not in inside and "parametrizations" not in name.split(".")
        }
        chosen = {name: module for name, module in outside.items() if _has_weights(module)}
        chosen = chosen or {name: module for name, module in outside.items() if _own(module) and not _is_norm(module)}
        if not chosen:
            raise RecordError("the model has no module with parameters; name its modules with layers")
    first: dict[int, str] = {}
    for name, module in chosen.items():
        first.setdefault(id(module), name)
    return {name: chosen[name] for name in first.values()}


def _own(module: nn.Module) -> list[nn.Parameter]:
    """Parameters of a module itself, also those in a list, or behind a parametrization."""
    found = list(module.parameters(recurse=False))
    for name, child in module.named_children():
        if isinstance(child, (nn.ParameterList, nn.ParameterDict)) or name == "parametrizations":
            found += child.parameters()
    return found


_NORMS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, nn.LocalResponseNorm, getattr(nn, "RMSNorm", nn.LayerNorm))


def _is_norm(module: nn.Module) -> bool:
    """Whether it is a norm, of PyTorch or by its name, with no weights but scales."""
    scales = all(sum(length > 1 for length in parameter.shape) < 2 for parameter in _own(module))
    return isinstance(module, _NORMS) or ("norm" in type(module).__name__.lower() and scales)


def _has_weights(module: nn.Module) -> bool:
    """Whether a module is a layer by itself: it has a matrix of weights, is no norm, and no other in it has any."""
    if isinstance(module, nn.MultiheadAttention):
        return True
    if _is_norm(module) or isinstance(module, (nn.ParameterList, nn.ParameterDict)):
        return False
    own = _own(module)
    ids = {id(parameter) for parameter in own}
    # Vectors are scales of norms and slopes of nonlinearities.
    return any(parameter.ndim > 1 for parameter in own) and all(id(parameter) in ids for parameter in module.parameters())


def _layers(
    model: nn.Module,
    modules: Mapping[str, nn.Module],
    patterns: Sequence[str] | None,
    sizes: Sequence[int],
    run: Callable[[int], Any],
) -> list[_Layer]:
    """The layers of a model, found by running it on a few samples: the axis that grows with their number is that of samples."""
    finders: list[_Finder] = []
    for size in sizes:
        with _Finder(model, modules, follow=patterns is None) as finder:
            run(size)
        finders.append(finder)
    first, last = finders[0], finders[-1]
    if first.order != last.order or first.paths() != last.paths():
        raise RecordError(
            f"the model does not do the same with {sizes[0]} samples as with {sizes[-1]}; name modules that it always runs "
            "with layers"
        )
    found: list[_Layer] = []
    without: dict[str, tuple[int, ...]] = {}
    for call in first.order:
        nodes, others = first.nodes[call], last.nodes[call]
        step = _activation(nodes)
        node = nodes[step]
        reshaped, axis = node.order is not None, None
        if reshaped:
            axis = _samples(nodes[0].shape, others[0].shape, sizes)
        if axis is None:
            reshaped, axis = False, _samples(node.shape, others[step].shape, sizes)
        shape = nodes[0 if reshaped else step].shape
        calls = first.counts[call[0]]
        name = f"{call[0]}#{call[1] + 1}" if calls > 1 else call[0]
        if axis is None:
            without[name] = shape
            continue
        module = modules[call[0]]
        found.append(
            _Layer(
                name=name,
                module=module,
                call=call,
                calls=calls,
                step=step,
                function=node.function,
                nonlinearity=node.nonlinearity,
                reshaped=reshaped,
                axis=axis,
                is_map=isinstance(module, nn.modules.conv._ConvNd),
                shape=shape,
                dtype=node.dtype,
            )
        )
    containers = (nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.ParameterDict)
    lacking = [name for name, module in modules.items() if name not in first.counts and not isinstance(module, containers)]
    shapes = ", ".join(f"{name} {shape}" for name, shape in without.items())
    rowless = f"a layer needs a row for each sample; of {sizes[0]} samples there is {shapes}; name others with layers"
    # A pattern may match more than there is to measure, a name may not.
    for pattern in patterns or ():
        matching = fnmatch.filter(modules, pattern)
        if all(name in lacking or isinstance(modules[name], containers) for name in matching):
            raise RecordError(f"layers: the model does not run {pattern}, or gets no numbers of it; name what it is in")
        if not any(layer.call[0] in matching for layer in found):
            raise RecordError(rowless)
    if not found and without:
        raise RecordError(rowless)
    if not found:
        raise RecordError(f"the model does not run {', '.join(lacking)}, or gets no numbers of it; name others with layers")
    if lacking or without:
        reasons = [f"not run: {', '.join(lacking)}"] if lacking else []
        reasons += [f"no row for each sample: {shapes}"] if without else []
        warnings.warn(f"modules that are not measured: {'; '.join(reasons)}", InfoplaneWarning, stacklevel=4)
    return found


def _samples(few: Sequence[int], more: Sequence[int], sizes: Sequence[int]) -> int | None:
    """The axis of samples, of the shapes for the first and the last number of them; no other may differ."""
    grows = [axis for axis, lengths in enumerate(zip(few, more, strict=True)) if lengths == (sizes[0], sizes[-1])]
    if not grows or any(few[axis] != more[axis] for axis in range(len(few)) if axis != grows[0]):
        return None
    return grows[0]


def _activation(nodes: Sequence[_Node]) -> int:
    """The last nonlinearity that all of a module's output goes through before anything else is made of it; else the output."""
    ends = [step for step, node in enumerate(nodes) if node.used]
    if not ends:
        ends = [step for step in range(len(nodes)) if not any(step in node.parents for node in nodes)]
    for step in range(len(nodes) - 1, 0, -1):
        if nodes[step].bends:
            around = {0}
            for other in range(1, len(nodes)):
                if other != step and around.intersection(nodes[other].parents):
                    around.add(other)
            if not around.intersection(ends):
                return step
    return 0


def _order(
    nodes: Sequence[_Node],
    parents: Sequence[int],
    function: str,
    shape: tuple[int, ...],
    turn: Callable[[torch.Tensor], torch.Tensor] | None,
) -> tuple[int, ...] | None:
    """Which axes of a module's output those of a function of it are, where it has all of its numbers."""
    orders = {nodes[parent].order for parent in parents}
    order = orders.pop() if len(orders) == 1 else None
    if order is None or math.prod(shape) != math.prod(nodes[0].shape):
        return None
    before = nodes[parents[0]].shape
    if function in _TURNS:
        if turn is None or before != tuple(nodes[0].shape[axis] for axis in order):
            return None
        # Axes of different lengths show where they go.
        lengths = range(2, 2 + len(before))
        return tuple(order[length - 2] for length in turn(torch.empty(tuple(lengths), device="meta")).shape)
    # Other shapes have the same order only where nothing was turned before.
    return order if shape == before or order == tuple(range(len(order))) else None


class _Watch(TorchFunctionMode):
    """Follows outputs of modules through the functions that are applied to them, in one pass of a model after the other.

    No tensor is held: where one is gone, so is what was known of it.
    """

    def __init__(self, model: nn.Module, modules: Mapping[str, nn.Module], follow: bool) -> None:
        super().__init__()
        self._model = model
        self._modules = modules
        self._follows = follow
        self._handles: list[Any] = []
        #: Tensors that are functions of one module's output, by their place in memory.
        self._live: dict[int, tuple[weakref.ref[torch.Tensor], _Call, int]] = {}
        #: Above 0 functions are not followed.
        self._deaf = 0
        #: Of norms that run: what they were given, what is known of it, and which of that is used.
        self._inside: list[tuple[_Call, int, list[bool]] | None] = []
        self.begin()

    def begin(self) -> None:
        """Before each pass."""
        self._live.clear()
        self._inside.clear()
        self._deaf = 0
        #: Calls of each module.
        self.counts: dict[str, int] = {}
        self.nodes: dict[_Call, list[_Node]] = {}

    def reached(self, call: _Call, step: int, tensor: torch.Tensor) -> None:
        """Told of every output and of all that becomes of it."""

    def __enter__(self) -> Any:
        if self._follows:
            super().__enter__()  # type: ignore[no-untyped-call]
            layers = {id(module) for module in self._modules.values()}
            for module in self._model.modules():
                if _is_norm(module) and module is not self._model and not any(id(part) in layers for part in module.modules()):
                    self._handles.append(module.register_forward_pre_hook(self._enters))
                    self._handles.append(module.register_forward_hook(self._leaves))
            self._handles.append(self._model.register_forward_hook(self._returns))
        for name, module in self._modules.items():
            self._handles.append(module.register_forward_hook(self._hook(name)))
        return self

    def __exit__(self, *error: Any) -> None:
        for handle in self._handles:
            handle.remove()
        self._live.clear()
        if self._follows:
            super().__exit__(*error)  # type: ignore[no-untyped-call]

    def _hook(self, name: str) -> Callable[..., None]:
        def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
            tensor = _tensor_in(output)
            if tensor is None or self._deaf:
                return
            number = self.counts.get(name, 0)
            self.counts[name] = number + 1
            call = (name, number)
            self.nodes[call] = [_Node((), "", tuple(tensor.shape), tensor.dtype, order=tuple(range(tensor.ndim)))]
            self._tell(call, 0, tensor)

        return hook

    def _tell(self, call: _Call, step: int, tensor: torch.Tensor) -> None:
        # What is done with the tensor then is not done by the model.
        self._deaf += 1
        try:
            self.reached(call, step, tensor)
        finally:
            self._deaf -= 1
        if self._follows:
            key = id(tensor)
            self._live[key] = (weakref.ref(tensor, lambda gone: self._forget(key, gone)), call, step)

    def _forget(self, key: int, gone: Any) -> None:
        known = self._live.get(key)
        if known is not None and known[0] is gone:
            del self._live[key]

    def _known(self, tensor: Any) -> tuple[_Call, int] | None:
        known = self._live.get(id(tensor))
        return (known[1], known[2]) if known is not None and known[0]() is tensor else None

    def _enters(self, _module: nn.Module, inputs: Any) -> None:
        known = self._known(inputs[0]) if inputs else None
        self._inside.append(None if known is None else (*known, [node.used for node in self.nodes[known[0]]]))

    def _leaves(self, _module: nn.Module, _inputs: Any, output: Any) -> None:
        given = self._inside.pop()
        if given is None or not isinstance(output, torch.Tensor) or self._known(output) is not None:
            return
        # A norm written by hand, with means and variances: all of that is one function.
        call, step, used = given
        for node, before in itertools.zip_longest(self.nodes[call], used):
            node.used = bool(before)
            if before is None:
                node.parents = ()
        self._add([(call, step)], output, "norm")

    def _returns(self, _module: nn.Module, _inputs: Any, output: Any) -> None:
        for tensor in _all_tensors(output):
            known = self._known(tensor)
            if known is not None:
                self.nodes[known[0]][known[1]].used = True

    def _add(
        self,
        of: Sequence[tuple[_Call, int]],
        tensor: torch.Tensor,
        function: str,
        bends: bool = False,
        nonlinearity: str = "",
        turn: Callable[[torch.Tensor], torch.Tensor] | None = None,
    ) -> None:
        call = of[0][0]
        nodes = self.nodes[call]
        parents = tuple(dict.fromkeys(step for _, step in of))
        curved = any(nodes[parent].curved for parent in parents)
        if bends and not nonlinearity:
            nonlinearity = function if function in _CURVES and len(parents) == 1 and not curved else "custom"
        shape = tuple(tensor.shape)
        order = _order(nodes, parents, function, shape, turn)
        nodes.append(_Node(parents, function, shape, tensor.dtype, bends, nonlinearity, bends or curved, order))
        self._tell(call, len(nodes) - 1, tensor)

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if self._deaf or not self._live:
            return function(*args, **kwargs)
        before = [(tensor, self._known(tensor)) for tensor in _all_tensors((args, kwargs))]
        result = function(*args, **kwargs)
        known = [one for _, one in before if one is not None]
        if known:
            self._follow(function, args, kwargs, before, known, result)
        return result

    def _follow(
        self,
        function: Any,
        args: Any,
        kwargs: Any,
        before: Sequence[tuple[torch.Tensor, tuple[_Call, int] | None]],
        known: list[tuple[_Call, int]],
        result: Any,
    ) -> None:
        name = getattr(function, "__name__", "").split(".")[0]
        in_place = name == "__setitem__" or (name.endswith("_") and not name.endswith("__"))
        name = name.strip("_")
        name = _OPERATORS.get(name, name)
        results = list(_all_tensors(result))
        if not in_place and all(one.ndim == 0 for one in results):
            return  # a shape, a type, a number to look at
        if name.endswith(("_like", "_as")) or name.startswith("new_"):
            known = [one for one in (before[0][1],) if one is not None]  # of the others only shape and type matter
            if not known or name.endswith("_like") or name.startswith("new_"):
                return
        bends, nonlinearity = False, ""
        follows = len({call for call, _ in known}) == 1
        if name in _NONLINEARITIES or name in _THROUGH:
            # What else they are given are weights, means and the like.
            follows = before[0][1] is not None
            known = [before[0][1]] if before[0][1] is not None else known
            bends, nonlinearity = name in _NONLINEARITIES, _NONLINEARITIES.get(name, "")
            if name == "hardtanh" and (args[1:3] == (0.0, 6.0) or (kwargs.get("min_val"), kwargs.get("max_val")) == (0.0, 6.0)):
                nonlinearity = "relu6"
        elif any(one is None and not _is_constant(tensor) for tensor, one in before):
            follows = False
        elif name in _CURVES:
            bends = True
        elif name in _PRODUCTS:
            bends = len(known) > 1
        elif name in _SUMS or name in _JOINS:
            bends = len(set(known)) > 1 and any(self.nodes[call][step].curved for call, step in known)
        else:
            follows = False
        others = {key: value for key, value in kwargs.items() if key != "input"}

        def turn(tensor: torch.Tensor) -> Any:
            return function(tensor, *args[1:], **others)

        if follows and results:
            for one in results:
                # A function that does nothing, such as dropout in evaluation mode, gives what it was given.
                nothing = name in _THROUGH - _TURNS and any(one is tensor for tensor, _ in before)
                if not nothing and (one.dtype.is_floating_point or one.dtype == torch.bool):
                    self._add(known, one, name, bends, nonlinearity, turn)
            return
        # A tensor that something else was added to in place keeps what is known of it: nothing that comes after this use counts.
        for call, step in known:
            self.nodes[call][step].used = True


class _Finder(_Watch):
    """Finds the layers of a model."""

    def begin(self) -> None:
        super().begin()
        self.order: list[_Call] = []

    def reached(self, call: _Call, step: int, tensor: torch.Tensor) -> None:
        """Told of every output and of all that becomes of it."""
        if step == 0:
            self.order.append(call)

    def paths(self) -> dict[_Call, list[tuple[str, tuple[int, ...], bool]]]:
        """What becomes of each output, to compare."""
        return {call: [(node.function, node.parents, node.used) for node in nodes] for call, nodes in self.nodes.items()}


class _Reader(_Watch):
    """Hands over the layers of a model."""

    def __init__(
        self, model: nn.Module, layers: Sequence[_Layer], follow: bool, keep: Callable[[_Layer, torch.Tensor], None]
    ) -> None:
        self._wanted = {(layer.call, layer.step): layer for layer in layers}
        self._calls = {layer.call[0]: layer.calls for layer in layers}
        self._keep = keep
        # Only what some layer is made of by functions has to be followed.
        follow = follow and any(layer.step for layer in layers)
        super().__init__(model, {layer.call[0]: layer.module for layer in layers}, follow)

    def begin(self) -> None:
        super().begin()
        self._seen: set[str] = set()

    def reached(self, call: _Call, step: int, tensor: torch.Tensor) -> None:
        """Told of every output and of all that becomes of it."""
        layer = self._wanted.get((call, step))
        node = self.nodes[call][step]
        if layer is not None and node.function == layer.function:
            self._seen.add(layer.name)
            if layer.reshaped and node.order is not None:
                output = self.nodes[call][0].shape
                back = [node.order.index(axis) for axis in range(len(output))]
                tensor = tensor.reshape(output) if back == sorted(back) else tensor.permute(back)
            self._keep(layer, tensor)

    def check(self) -> None:
        """After each pass: refuses one that went another way."""
        for name, calls in self._calls.items():
            if self.counts.get(name, 0) != calls:
                raise RecordError(
                    f"the model runs {name} {self.counts.get(name, 0)} times for some samples and {calls} times for others; name "
                    "modules that it always runs, with layers"
                )
        lacking = [layer.name for layer in self._wanted.values() if layer.name not in self._seen]
        if lacking:
            raise RecordError(
                f"the model does not always do the same with {', '.join(lacking)}; name modules with layers, whose outputs are "
                "measured as they are"
            )


def _all_tensors(value: Any) -> Iterator[torch.Tensor]:
    """The tensors in what a function takes or gives."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _all_tensors(one)
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _all_tensors(one)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from _all_tensors(getattr(value, field.name, None))


def _tensor_in(output: Any) -> torch.Tensor | None:
    """What a module gives: a tensor of numbers, or the first one in a tuple, a dictionary or an object."""
    packed = output[0] if isinstance(output, tuple) and output else None
    if isinstance(packed, nn.utils.rnn.PackedSequence):  # of sequences of several lengths; 0 where they have ended
        output, _ = nn.utils.rnn.pad_packed_sequence(packed, batch_first=True)
    found = (tensor for tensor in _all_tensors(output) if tensor.dtype.is_floating_point and tensor.ndim)
    return next(found, None)


def _is_constant(tensor: torch.Tensor) -> bool:
    """Whether it is the same for all samples: a parameter, or a single number."""
    return isinstance(tensor, nn.Parameter) or tensor.ndim == 0


#: Attributes that all modules have.
_ATTRIBUTES = frozenset(nn.Module().__dict__)


class _Held:
    """What a module holds besides parameters, and all of it as it was."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self._attributes = dict(module.__dict__)
        values = list(self._attributes.values())
        self._contents = [(value, _copy_of(value)) for value in values if isinstance(value, (dict, list, set, collections.deque))]
        tensors = [tensor for tensor in [*values, *module._buffers.values()] if isinstance(tensor, torch.Tensor)]
        if getattr(module, "max_norm", None) is not None:  # an embedding that makes its weights shorter where it uses them
            tensors += [tensor for tensor in module._parameters.values() if tensor is not None]
        self._tensors = [(tensor, _version(tensor), tensor.detach().clone()) for tensor in tensors]
        #: Generators of random numbers, of PyTorch and of NumPy.
        self._states = [(value, value.get_state()) for value in values if isinstance(value, torch.Generator)]
        numpy = (value.bit_generator for value in values if isinstance(value, np.random.Generator))
        self._bits = [(generator, generator.state) for generator in numpy]

    def restore(self) -> None:
        """Puts back what has changed."""
        now = self._module.__dict__
        for name in [name for name in now if name not in self._attributes]:
            del now[name]
        for name, value in self._attributes.items():
            if name not in now or now[name] is not value:
                now[name] = value
        for container, contents in self._contents:
            _restore(container, contents)
        for tensor, version, before in self._tensors:
            if version is None or _version(tensor) != version:
                with torch.inference_mode(tensor.is_inference()), torch.no_grad():
                    tensor.copy_(before)
        for generator, state in self._states:
            generator.set_state(state)
        for bits, at in self._bits:
            bits.state = at


def _copy_of(container: Any) -> Any:
    return list(container.items()) if isinstance(container, dict) else list(container)


def _restore(container: Any, contents: list[Any]) -> None:
    """Puts the contents of a dictionary, a list or a set back, if there are others."""
    now = _copy_of(container)
    pairs = isinstance(container, dict)
    same = len(now) == len(contents) and all(
        (one[0] is other[0] or one[0] == other[0]) and one[1] is other[1] if pairs else one is other
        for one, other in zip(now, contents, strict=True)
    )
    if same:
        return
    container.clear()
    if isinstance(container, (dict, set)):
        container.update(contents)
    else:
        container.extend(contents)


def _version(tensor: torch.Tensor) -> int | None:
    return None if tensor.is_inference() else tensor._version


@contextlib.contextmanager
def _random_kept(kind: str, devices: Sequence[int]) -> Iterator[None]:
    """The same random numbers every time within, and those before go on after it."""
    python, of_numpy = random.getstate(), np.random.get_state()
    metal = torch.mps.get_rng_state() if kind == "mps" else None
    others = {} if kind in ("cpu", "cuda", "mps") else {"device_type": kind}
    try:
        with torch.random.fork_rng(devices=[] if kind in ("cpu", "mps") else list(devices), **others):
            torch.default_generator.manual_seed(0)
            for device in devices if kind == "cuda" else ():
                torch.cuda.default_generators[device].manual_seed(0)
            random.seed(0)
            np.random.seed(0)
            yield
    finally:
        random.setstate(python)
        np.random.set_state(of_numpy)
        if metal is not None:
            torch.mps.set_rng_state(metal)


@contextlib.contextmanager
def _undisturbed(model: nn.Module) -> Iterator[None]:
    """Runs a model in evaluation mode without leaving a trace in it or in random generators."""
    modules = list(model.modules())
    held = [_Held(module) for module in modules]
    tensors = [*model.parameters(), *model.buffers()]
    device = tensors[0].device if tensors else torch.device("cpu")
    indices = sorted({tensor.device.index or 0 for tensor in tensors if tensor.device.type == device.type})
    try:
        with contextlib.ExitStack() as stack:
            stack.enter_context(_random_kept(device.type, indices))
            # What a model keeps for later must be fit for training; one that was made for inference is not trained.
            stack.enter_context(torch.inference_mode(any(tensor.is_inference() for tensor in tensors)))
            stack.enter_context(torch.no_grad())
            for kind in {device.type, "cpu"}:
                with contextlib.suppress(RuntimeError):  # a device without automatic precision
                    stack.enter_context(torch.autocast(kind, enabled=False))
            if "torch._dynamo" in sys.modules:  # compiled code does not call hooks
                stack.enter_context(torch.compiler.set_stance("force_eager"))
            # Fused code for attention runs modules without calling them.
            if hasattr(torch.backends, "mha"):
                stack.callback(torch.backends.mha.set_fastpath_enabled, torch.backends.mha.get_fastpath_enabled())
                torch.backends.mha.set_fastpath_enabled(False)
            for module in modules:
                module.training = False
            yield
    finally:
        for one in held:
            one.restore()


def _sums(model: nn.Module) -> list[int]:
    """For every tensor of a model the sum of its bits as whole numbers, to see whether it was trained since.

    PyTorch's count of versions does not show that: fused optimizers leave it.
    """
    tensors = [tensor for tensor in [*model.parameters(), *model.buffers()] if tensor.layout == torch.strided]
    numbers = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
    with torch.no_grad():
        plain = [torch.view_as_real(tensor) if tensor.is_complex() else tensor for tensor in map(torch.Tensor.detach, tensors)]
        sums = [tensor.contiguous().view(-1).view(numbers[tensor.element_size()]).sum(dtype=torch.int64) for tensor in plain]
        # One at a time each would wait for its device.
        found: list[int] = torch.stack([one.to(sums[0].device) for one in sums]).tolist() if sums else []
    return found


class _Kept:
    """Copies of a model's parameters, buffers and numbers at earlier epochs; what stays the same is kept once."""

    def __init__(self, model: nn.Module, budget: int) -> None:
        self._model = model
        self.budget = budget
        #: What the copies take.
        self.n_bytes = 0
        self._copies: dict[int, dict[str, Any]] = {}
        #: How many copies have a tensor, by its place in memory.
        self._shared: collections.Counter[int] = collections.Counter()

    def __contains__(self, epoch: object) -> bool:
        return epoch in self._copies

    def __len__(self) -> int:
        return len(self._copies)

    def _values(self) -> dict[str, tuple[nn.Module, str, Any]]:
        """The model's parameters, buffers and plain attributes that are tensors or numbers."""
        found: dict[str, tuple[nn.Module, str, Any]] = {}
        seen: set[int] = set()
        for path, module in self._model.named_modules():
            own = {name: value for name, value in module.__dict__.items() if name not in _ATTRIBUTES}
            for name, value in {**own, **module._parameters, **module._buffers}.items():
                if isinstance(value, torch.Tensor):
                    # Sparse tensors, such as a graph, are not trained.
                    if id(value) not in seen and value.layout == torch.strided:
                        seen.add(id(value))
                        found[f"{path}.{name}"] = (module, name, value)
                elif isinstance(value, (bool, int, float, str)):
                    found[f"{path}.{name}"] = (module, name, value)
        return found

    def _copy(self, like: Mapping[str, Any]) -> dict[str, Any]:
        """The model as it is; with tensors of another copy where they are the same."""
        copy: dict[str, Any] = {}
        for key, (_, _, value) in self._values().items():
            if isinstance(value, torch.Tensor):
                value = value.detach().to("cpu", copy=True)
                other = like.get(key)
                if isinstance(other, torch.Tensor) and _same_bits(value, other):
                    value = other
            copy[key] = value
        return copy

    def keep(self, epoch: int) -> None:
        """Keeps the model as it is."""
        latest = max(self._copies, default=None)
        copy = self._copy({} if latest is None else self._copies[latest])
        self._forget(epoch)
        self._copies[epoch] = copy
        for tensor in filter(torch.is_tensor, copy.values()):
            self.n_bytes += 0 if self._shared[id(tensor)] else tensor.nbytes
            self._shared[id(tensor)] += 1

    def _forget(self, epoch: int) -> None:
        for tensor in filter(torch.is_tensor, self._copies.pop(epoch, {}).values()):
            self._shared[id(tensor)] -= 1
            if not self._shared[id(tensor)]:
                del self._shared[id(tensor)]
                self.n_bytes -= tensor.nbytes

    def drop(self, before: int) -> None:
        """Forgets epochs before one."""
        for epoch in [epoch for epoch in self._copies if epoch < before]:
            self._forget(epoch)

    def clear(self) -> None:
        """Forgets all."""
        for epoch in list(self._copies):
            self._forget(epoch)

    def thin(self, ends: Sequence[int]) -> int | None:
        """Forgets copies until they fit; returns one that is lost.

        First go those that would be asked for last in the sections between these ends: the others are evenly spaced.
        """

        def depth(epoch: int) -> int:
            place = bisect.bisect_left(ends, epoch)
            start = ends[place - 1] if place else -1
            return _depth(epoch, start, ends[place] if place < len(ends) else max(self._copies) + 1)

        lost = None
        while self._copies and self.n_bytes > self.budget:
            epochs = sorted(self._copies)
            # The newest one may turn out to be the last.
            lost = max(epochs[:-1] or epochs, key=lambda epoch: (depth(epoch), epoch))
            self._forget(lost)
        return lost

    @contextlib.contextmanager
    def exchanged(self) -> Iterator[Callable[[int], None]]:
        """Gives a function that makes the model that of an epoch; in the end it is as it was."""
        now = self._copy({})

        def exchange(epoch: int) -> None:
            self._set(self._copies[epoch])

        try:
            yield exchange
        finally:
            self._set(now)

    def _set(self, copy: Mapping[str, Any]) -> None:
        values = self._values()
        for key, value in copy.items():
            if key not in values:
                raise RecordError(f"the model has no {key} any more; earlier epochs cannot be measured")
            module, name, present = values[key]
            if not isinstance(value, torch.Tensor):
                module.__dict__[name] = value
            elif present.shape != value.shape:
                shapes = f"{tuple(value.shape)} and is {tuple(present.shape)}"
                raise RecordError(f"{key} was {shapes}; earlier epochs cannot be measured")
            else:
                # As data, so that it does not count as a change: afterwards all is as it was.
                present.data.copy_(value)


def _same_bits(a: torch.Tensor, b: torch.Tensor) -> bool:
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    return torch.equal(a.contiguous().view(-1).view(torch.uint8), b.contiguous().view(-1).view(torch.uint8))


def _depth(epoch: int, start: int, end: int) -> int:
    """How often a section has to be halved until an epoch is its middle."""
    depth = 0
    while end - start > 1:
        middle = start + (end - start) // 2
        if epoch == middle:
            return depth
        start, end = (start, middle) if epoch < middle else (middle, end)
        depth += 1
    return depth
