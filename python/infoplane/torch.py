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

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

try:
    import torch
    from torch import nn
except ImportError as error:
    raise ImportError("infoplane.torch needs PyTorch: pip install torch") from error

from ._arrays import array_of, same_rows
from ._errors import InfoplaneWarning, RecordError
from ._estimate import whole
from ._recorder import Positions, _epoch, vectors
from ._recorder import Recorder as _Recorder
from ._runs import Run
from ._torch_layers import Layer, Reader, chosen_modules, find_layers
from ._torch_traces import random_kept, undisturbed
from ._torch_weights import KeptWeights, sums_of_bits

__all__ = ["Recorder"]

#: A tensor, several for a model of several arguments, or named ones.
Inputs: TypeAlias = "torch.Tensor | tuple[torch.Tensor, ...] | dict[str, torch.Tensor]"


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
        self._layers: list[Layer] = []
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
        self._kept = KeptWeights(self._model, keep_bytes) if goes_back and self._measures else None
        if not self._measures:
            return
        if self._n != len(self._labels):
            raise RecordError(f"inputs has {self._n} samples and labels has {len(self._labels)}; each input needs a label")
        modules = chosen_modules(self._model, self._patterns)
        with undisturbed(self._model):
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

    def _found(self, modules: Mapping[str, nn.Module]) -> list[Layer]:
        """The layers, by running the model for the first time."""

        def run(size: int) -> None:
            self._run(slice(0, size))

        batch = min(self._n, self._batch_size)
        try:
            if batch > 3:
                try:
                    return find_layers(self._model, modules, self._patterns, [2, 3], run)
                except RecordError:
                    raise
                except Exception:  # it may be made for batches of one size
                    return find_layers(self._model, modules, self._patterns, [batch], run)
            return find_layers(self._model, modules, self._patterns, [2, 3] if self._n > 2 else [self._n], run)
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

    def activations(self) -> dict[str, np.ndarray[Any, Any]]:
        """The layers on all inputs, as they are measured: rows of samples by name."""
        if not self._measures:
            raise RecordError("the process of rank 0 measures, and this is another one")
        found: dict[str, np.ndarray[Any, Any]] = {}
        rows = slice(0, 0)

        def keep(layer: Layer, tensor: torch.Tensor) -> None:
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

        with undisturbed(self._model), Reader(self._model, self._layers, self._patterns is None, keep) as reader:
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
        self._last, self._then = epoch, sums_of_bits(self._model)
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
            if last in self._native.wanted() and last == self._last and self._then == sums_of_bits(self._model):
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

    def numbers(tensor: torch.Tensor) -> np.ndarray[Any, Any]:
        tensor = tensor.detach().cpu()
        # Numbers of fewer than 32 bits are no type of NumPy, or all of them.
        short = tensor.dtype.is_floating_point and tensor.dtype != torch.float64
        return np.asarray((tensor.float() if short else tensor).numpy())

    starts = range(0, _length(inputs), 1024)
    return same_rows([numbers(tensor[start : start + 1024]) for tensor in tensors] for start in starts)
