"""A PyTorch model and the samples that its layers are observed on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import nn

from ._arrays import array_of, same_rows
from ._errors import RecordError
from ._estimate import whole
from ._recorder import Positions, vectors
from ._torch_layers import Layer, Reader, chosen_modules, find_layers
from ._torch_traces import random_kept, undisturbed

#: A tensor, several for a model of several arguments, or named ones.
Inputs: TypeAlias = "torch.Tensor | tuple[torch.Tensor, ...] | dict[str, torch.Tensor]"


class Observer:
    """The layers of a model on fixed inputs."""

    def __init__(
        self,
        model: nn.Module,
        inputs: Any,
        patterns: Sequence[str] | None,
        positions: Positions,
        channels_last: bool,
        batch_size: int,
        forward: Callable[[nn.Module, Any], Any] | None,
    ) -> None:
        check_model(model)
        self.model = unwrapped(model)
        self._patterns = patterns
        self._positions: Positions = positions
        self._channels_last = channels_last
        self._batch_size = whole("batch_size", batch_size, 1)
        self._forward = forward
        #: The labels that came with the inputs.
        self.labels: Any
        self.inputs, self.labels = inputs_of(inputs)
        #: The number of samples.
        self.n_samples = length_of(self.inputs)
        #: What is observed, from the layer nearest the input.
        self.layers: list[Layer] = []
        #: The number of columns of each layer by the name of its rows, and what its nonlinearity is called.
        self.widths: dict[str, int] = {}
        self.nonlinearities: dict[str, str] = {}
        #: The layer that rows are of.
        self.layer_of: dict[str, Layer] = {}

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return next((tensor.device for tensor in [*self.model.parameters(), *self.model.buffers()]), torch.device("cpu"))

    def find(self) -> None:
        """Runs the model for the first time, to see what its layers are."""
        modules = chosen_modules(self.model, self._patterns)
        with undisturbed(self.model):
            self.layers = self._found(modules)
        for layer in self.layers:
            for part, vector in self._parts(layer, torch.empty(layer.shape, dtype=layer.dtype, device="meta")).items():
                self.widths[part] = int(vector.shape[1])
                self.nonlinearities[part] = layer.nonlinearity
                self.layer_of[part] = layer

    def _found(self, modules: Mapping[str, nn.Module]) -> list[Layer]:
        """The layers, by running the model for the first time."""

        def run(size: int) -> None:
            self._run(slice(0, size))

        batch = min(self.n_samples, self._batch_size)
        try:
            if batch > 3:
                try:
                    return find_layers(self.model, modules, self._patterns, [2, 3], run)
                except RecordError:
                    raise
                except Exception:  # it may be made for batches of one size
                    return find_layers(self.model, modules, self._patterns, [batch], run)
            return find_layers(self.model, modules, self._patterns, [2, 3] if self.n_samples > 2 else [self.n_samples], run)
        except RuntimeError as error:
            given = self.inputs
            if isinstance(given, torch.Tensor) and not given.dtype.is_floating_point:
                raise RecordError(
                    f"the model cannot be run on inputs of {given.dtype}: {error}; give them as it is trained on them, such as "
                    "inputs.float() / 255"
                ) from error
            raise

    def _run(self, rows: slice) -> Any:
        """Runs the model on some of the inputs."""
        held = [*self.model.parameters(), *self.model.buffers()]
        device = held[0].device if held else torch.device("cpu")
        dtype = next((tensor.dtype for tensor in held if tensor.dtype.is_floating_point), None)

        def moved(tensor: torch.Tensor) -> torch.Tensor:
            # A copy: a model that changes its input in place would change what it is run on next time.
            part = tensor[rows]
            return part.to(device, dtype if dtype is not None and part.dtype.is_floating_point else None, copy=True)

        given = self.inputs
        batch: Any
        if isinstance(given, torch.Tensor):
            batch = moved(given)
        elif isinstance(given, dict):
            batch = {name: moved(tensor) for name, tensor in given.items()}
        else:
            batch = tuple(moved(tensor) for tensor in given)
        if self._forward is not None:
            return self._forward(self.model, batch)
        if isinstance(batch, dict):
            return self.model(**batch)
        return self.model(*batch) if isinstance(batch, tuple) else self.model(batch)

    def _parts(self, layer: Layer, tensor: torch.Tensor) -> dict[str, torch.Tensor]:
        """Rows of samples of a layer; several layers where every channel is one."""
        if tensor.dtype in (torch.float16, torch.bfloat16):
            tensor = tensor.float()
        if layer.axis:
            tensor = tensor.movedim(layer.axis, 0)
        # Of three axes the last one are the units, but for a convolution over one.
        if layer.is_map and tensor.ndim == 3 and self._positions != "flatten" and not self._channels_last:
            tensor = tensor.transpose(1, 2)
        return vectors(tensor, self._positions, self._channels_last, layer.name)

    def observe(self, device: torch.device | None) -> dict[str, torch.Tensor]:
        """The layers on all inputs, on a device or where they are."""
        found: dict[str, torch.Tensor] = {}
        rows = slice(0, 0)

        def keep(layer: Layer, tensor: torch.Tensor) -> None:
            n = rows.stop - rows.start
            if tensor.ndim <= layer.axis or tensor.shape[layer.axis] != n:
                raise RecordError(f"{layer.name} is {tuple(tensor.shape)} for {n} samples; leave it out with layers")
            for part, vector in self._parts(layer, tensor).items():
                if part not in found:
                    double = vector.dtype == torch.float64
                    dtype = torch.float64 if double else torch.float32
                    found[part] = torch.empty((self.n_samples, int(vector.shape[1])), dtype=dtype, device=device or vector.device)
                if vector.shape[1] != found[part].shape[1]:
                    raise RecordError(
                        f"{part} has {vector.shape[1]} columns for some samples and {found[part].shape[1]} for others; give "
                        "inputs of one size, or positions = 'mean'"
                    )
                found[part][rows].copy_(vector)

        with undisturbed(self.model), Reader(self.model, self.layers, self._patterns is None, keep) as reader:
            for start in range(0, self.n_samples, self._batch_size):
                rows = slice(start, min(self.n_samples, start + self._batch_size))
                reader.begin()
                self._run(rows)
                reader.check()
        lacking = [part for part in self.widths if part not in found]
        if lacking:
            raise RecordError(f"the model did not give {', '.join(lacking)} this time; name layers that it always has")
        return {part: found[part] for part in self.widths}


def patterns_of(layers: Any) -> list[str] | None:
    """Patterns of names of modules."""
    if layers is None or isinstance(layers, str):
        return None if layers is None else [layers]
    found = list(layers)
    if not all(isinstance(pattern, str) for pattern in found):
        kinds = ", ".join(sorted({type(pattern).__name__ for pattern in found}))
        raise TypeError(f"layers holds {kinds}; allowed are names of modules and patterns of them, as model.named_modules() has them")
    return found


def check_model(model: Any) -> None:
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


def unwrapped(model: nn.Module) -> nn.Module:
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


def inputs_of(given: Any) -> tuple[Inputs, Any]:
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
    as_it_is: dict[str, Any] = {"collate_fn": loader.collate_fn, "num_workers": 0}
    if loader.batch_size is None and loader.batch_sampler is None:  # the dataset makes batches itself
        return torch.utils.data.DataLoader(loader.dataset, batch_size=None, **as_it_is)
    subset = isinstance(getattr(loader, "sampler", None), torch.utils.data.SubsetRandomSampler)
    dataset = torch.utils.data.Subset(loader.dataset, sorted(loader.sampler.indices)) if subset else loader.dataset
    return torch.utils.data.DataLoader(dataset, batch_size=loader.batch_size or 256, shuffle=False, **as_it_is)


def _read(loader: Any) -> tuple[Inputs, Any]:
    """All inputs of batches, and labels where these are pairs."""
    inputs: list[Any] = []
    labels: list[Any] = []
    with random_kept("cpu", []):
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


def length_of(inputs: Inputs) -> int:
    lengths = {int(tensor.shape[0]) if tensor.ndim else 0 for tensor in _tensors_of(inputs)}
    if lengths <= {0}:
        raise RecordError("inputs has no samples")
    if len(lengths) > 1:
        raise RecordError(f"inputs differ in their number of samples: {', '.join(map(str, sorted(lengths)))}")
    return lengths.pop()


def same_inputs(inputs: Inputs) -> np.ndarray[Any, Any]:
    """Which input each sample is: equal ones are the same."""
    tensors = _tensors_of(inputs)

    def numbers(tensor: torch.Tensor) -> np.ndarray[Any, Any]:
        tensor = tensor.detach().cpu()
        # Numbers of fewer than 32 bits are no type of NumPy, or all of them.
        short = tensor.dtype.is_floating_point and tensor.dtype != torch.float64
        return np.asarray((tensor.float() if short else tensor).numpy())

    starts = range(0, length_of(inputs), 1024)
    return same_rows([numbers(tensor[start : start + 1024]) for tensor in tensors] for start in starts)
