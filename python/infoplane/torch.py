"""Recording of PyTorch models.

A recorder in a training loop::

    recorder = infoplane.torch.Recorder(model, inputs, labels, run="runs/mine",
                                        estimators=[{"kind": "kde", "noise_variances": [1e-3]}])
    recorder.epoch(0)                  # the untrained network
    for epoch in range(1, epochs + 1):
        loss = train_one_epoch(model)
        recorder.epoch(epoch, loss=loss)
    recorder.finish()
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

try:
    import torch
    from torch import nn
except ImportError as _error:
    raise ImportError("infoplane.torch needs PyTorch: pip install torch") from _error

from ._arrays import Numbers
from ._errors import RecordError
from ._estimate import warn, whole
from ._recorder import Elsewhere, Positions, _epoch
from ._recorder import Recorder as _Recorder
from ._runs import Run
from ._torch_layers import is_chain
from ._torch_observer import Observer, check_model, patterns_of, same_inputs, unwrapped
from ._torch_pool import as_if_random
from ._torch_sums import Sums, computable, has_double_precision
from ._torch_weights import KeptWeights, sums_of_bits

__all__ = ["Recorder", "as_if_random"]


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
    estimators, target, quantities, epochs, positions, channels_last, name, background, loggers
        As for :class:`infoplane.Recorder`; labels that come with the inputs are not read where there is a target.
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
    on_device
        Whether ``kde``, ``noise`` and ``binned`` are computed by PyTorch in double precision on the device of the model; by default
        where that is a CUDA device. For other estimators layers are moved to the processor.
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
        target: Any = None,
        quantities: Any = None,
        schedule: Any = 1,
        epochs: int | None = None,
        positions: Positions = "flatten",
        channels_last: bool = False,
        name: str | None = None,
        background: bool = True,
        loggers: Any = None,
        x: Any = None,
        batch_size: int = 512,
        forward: Callable[[nn.Module, Any], Any] | None = None,
        keep_bytes: int = 2 << 30,
        on_device: bool | None = None,
    ) -> None:
        keep_bytes = whole("keep_bytes", keep_bytes, 0)
        if on_device is not None and not isinstance(on_device, bool):
            raise TypeError(f"on_device = {on_device!r}; allowed are true, false and None")
        self._patterns = patterns_of(layers)
        rank = torch.distributed.get_rank() if torch.distributed.is_available() and torch.distributed.is_initialized() else 0
        #: Of processes that train together the first one measures; the others do not even read the inputs.
        self._measures = rank == 0
        #: The last epoch that was told, and sums of the weights then, where it was not measured.
        self._last: int | None = None
        self._then: list[int] | None = None
        self._warned = False
        #: What computes layers where they are, if anything does.
        self._sums: Sums | None = None
        check_model(model)
        self._model = unwrapped(model)
        if self._measures:
            self._observer = Observer(model, inputs, self._patterns, positions, channels_last, batch_size, forward)
            labels = self._observer.labels if labels is None and target is None else labels
            if labels is None and target is None:
                raise TypeError("labels is missing: give the class of each sample, or the numbers of each as target")
            x = same_inputs(self._observer.inputs) if x is None else x
        elif labels is None and target is None:
            labels, x = [0], None
        super().__init__(
            run,
            labels,
            estimators,
            target=target,
            inputs=x,
            quantities=quantities,
            schedule=schedule,
            epochs=epochs,
            positions=positions,
            channels_last=channels_last,
            chain=forward is None and is_chain(self._model),
            name=name,
            background=background,
            loggers=loggers,
        )
        self._by = ("infoplane.torch.Recorder", type(self._model).__name__)
        goes_back = self._schedule["kind"] == "delta-exact"
        self._kept = KeptWeights(self._model, keep_bytes) if goes_back and self._measures else None
        if not self._measures:
            return
        observer, device = self._observer, self._observer.device
        if observer.n_samples != self._n_samples:
            sizes = f"inputs has {observer.n_samples} samples and {self._y_name} has {self._n_samples}"
            raise RecordError(f"{sizes}; {self._each_needs('input')}")
        if on_device and not has_double_precision(device):
            raise RecordError(f"on_device = True, but {device} has no double precision; leave it out to measure on the processor")
        there = device.type == "cuda" if on_device is None else on_device
        moved = [estimator.name for estimator in self._estimators if not (there and computable(estimator))]
        if len(moved) < len(self._estimators) and self._labels is not None:
            values = bool(self._quantities)
            self._sums = Sums(self._estimators, self._labels, self._inputs, shuffled=False, values=values)
        if moved and device.type != "cpu":
            warn([f"layers are moved from {device} to the processor at every measured epoch, for {', '.join(moved)}"])
        observer.find()
        rows = {part: np.empty((0, width), dtype=np.float32) for part, width in observer.widths.items()}
        self._open(rows, observer.nonlinearities)

    @property
    def layers(self) -> list[str]:
        """The names of what is measured, in the order in which the model runs it."""
        return list(self._names)

    def _settings(self) -> dict[str, Any]:
        settings = super()._settings()
        if self._patterns is not None:
            settings["layers"] = self._patterns
        if self._sums is not None:
            settings["on_device"] = True
        return settings

    def activations(self) -> dict[str, np.ndarray[Any, Any]]:
        """The layers on all inputs, as they are measured: rows of samples by name."""
        if not self._measures:
            raise RecordError("the process of rank 0 measures, and this is another one")
        return {part: tensor.numpy() for part, tensor in self._observer.observe(torch.device("cpu")).items()}

    def _measurable(self) -> Mapping[str, Numbers | Elsewhere]:
        """The layers on all inputs, as the native code takes them."""
        self._room()
        if self._sums is None:
            return self.activations()
        known = self._observer.nonlinearities
        return {part: self._sums.source(tensor, known[part], part) for part, tensor in self._observer.observe(None).items()}

    def wants(self, epoch: int) -> bool:
        """Whether an epoch is to be measured."""
        return self._measures and super().wants(epoch)

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
            self._record(_epoch(epoch), self._measurable(), statistics)
        self._last, self._then = int(epoch), sums_of_bits(self._model)

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
                    self._record(epoch, self._measurable(), {})
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
            warn([message])

    def finish(self, last: int | None = None) -> Run | None:  # type: ignore[override]
        """Complete the run and return it; nothing in processes that do not measure.

        ``last`` is the last epoch that was trained; that of the last call unless given. It is measured now if it was not and the
        model is still the same; so are earlier epochs that the schedule asks for and whose weights are kept.
        """
        if self._measures and last is None and self._then is not None and self._then != sums_of_bits(self._model):
            warn(
                [
                    f"the model was trained after epoch {self._last}, the last that the recorder was told: what it has learned since is "
                    "not measured; call epoch() after the last epoch of training, too"
                ]
            )
        return self._complete(last)

    def _complete(self, last: int | None) -> Run | None:
        """The same for a trainer that may have put other weights into the model by now, as those of the best epoch."""
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
