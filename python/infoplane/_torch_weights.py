"""Copies of the weights of a PyTorch model at earlier epochs."""

from __future__ import annotations

import bisect
import collections
import contextlib
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from ._errors import RecordError

#: Attributes that all modules have.
_ATTRIBUTES = frozenset(nn.Module().__dict__)


def sums_of_bits(model: nn.Module) -> list[int]:
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


class KeptWeights:
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
    def exchanged(self) -> Generator[Callable[[int], None]]:
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
