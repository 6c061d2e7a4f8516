"""Running a PyTorch model without leaving a trace in it or in generators of random numbers."""

from __future__ import annotations

import collections
import contextlib
import random
import sys
from collections.abc import Generator, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn


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
def random_kept(kind: str, devices: Sequence[int]) -> Generator[None]:
    """The same random numbers every time within, and those before go on after it."""
    python, of_numpy = random.getstate(), np.random.get_state()
    metal = torch.mps.get_rng_state() if kind == "mps" else None
    others: dict[str, Any] = {} if kind in ("cpu", "cuda", "mps") else {"device_type": kind}
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
def undisturbed(model: nn.Module) -> Generator[None]:
    """Runs a model in evaluation mode without leaving a trace in it or in random generators."""
    modules = list(model.modules())
    held = [_Held(module) for module in modules]
    tensors = [*model.parameters(), *model.buffers()]
    device = tensors[0].device if tensors else torch.device("cpu")
    indices = sorted({tensor.device.index or 0 for tensor in tensors if tensor.device.type == device.type})
    try:
        with contextlib.ExitStack() as stack:
            stack.enter_context(random_kept(device.type, indices))
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
